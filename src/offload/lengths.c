/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lengths.c - what depends on a packet's length, in every layer of its map
 *
 * Theory of operation. A packet's headers are nested; each IP and UDP header
 * states the length of all that follows it, so one pass over the map writes them
 * all: depth costs a few bytes each and nothing else.
 *
 * An outer checksum (UDP's, GRE's) covers all that it carries. It need not be read,
 * though: a header or segment that carries a right Internet checksum of its own sums
 * to a value that is known beforehand. An IPv4 header, an ICMP message and a GRE
 * packet with checksum sum to zero; a TCP, UDP or ICMPv6 segment with its checksum
 * sums to the complement of its pseudo header (whatever its payload, its ports, its
 * sequence number: local checksum offload, Linux
 * Documentation/networking/checksum-offloads.rst). So what remains to be added up
 * are the bytes between the outer header and the next checksummed segment. That sum
 * depends on lengths only: all full pieces of a cut share it.
 *
 * The exceptions, an inner UDP without checksum, an inner SCTP, a fragment or a
 * frame that is not IP under an outer checksum, have to be read
 * (lengths_outer_sums()).
 *
 * Of the tunnel headers themselves, GRE, VXLAN, Geneve and GUE, none states a
 * length of what it carries.
 */
#include <netinet/in.h>
#include <string.h>

#include "offload/engine_internal.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#define LEN16_MAX UINT32_C(65535)

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_JUMBO 0xc2

/* ---- the jumbo option (RFC 2675) ---- */

/* Where it stands in a hop-by-hop header that the dissector has flagged; NULL when
 * the map lies. */
static uint8_t *jumbo_opt(uint8_t *h, uint32_t max)
{
	uint32_t len = (h[1] + UINT32_C(1)) * 8, off = 2;

	if (len > max)
		return NULL;
	while (off + 6 <= len) {
		if (h[off] == OPT_JUMBO)
			return h + off;
		off += h[off] == OPT_PAD1 ? 1 : 2 + h[off + 1];
	}
	return NULL;
}

/* Layer i is an IPv6 header's hop-by-hop header with the option. */
static bool is_jumbo(const struct gust_pkt *p, unsigned i)
{
	return i && i < p->nlayer && p->layer[i].kind == GUST_L_HOPOPTS &&
	       (p->layer[i].flags & GUST_LF_JUMBO) &&
	       p->layer[i - 1].kind == GUST_L_IPV6;
}

static void strip_one(struct gust_pkt *p, unsigned i)
{
	uint16_t at = p->layer[i].off;
	uint8_t *opt;

	if (p->head[at + 1] == 0) { /* nothing else in it */
		p->head[p->layer[i - 1].off + 6] = p->head[at];
		edit_remove(p, at, IPV6_JUMBO_HLEN);
		return;
	}
	opt = jumbo_opt(p->head + at, p->hlen - at);
	if (opt) {
		memset(opt, 0, 6);
		opt[0] = OPT_PADN;
		opt[1] = 4;
	}
	p->layer[i].flags &= ~GUST_LF_JUMBO;
}

void lengths_strip_jumbo(struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i-- > 1;)
		if (is_jumbo(p, i))
			strip_one(p, i);
}

/* ---- lengths ---- */

void lengths_ip4_csum(struct gust_pkt *p, unsigned layer)
{
	uint8_t *ip = p->head + p->layer[layer].off;

	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, (ip[0] & 15) * 4)));
}

static void fix_ip4(struct gust_pkt *p, unsigned i, uint32_t tot)
{
	p->layer[i].flags &= ~GUST_LF_JUMBO;
	if (tot > LEN16_MAX) {
		p->layer[i].flags |= GUST_LF_JUMBO;
		tot = 0;
	}
	put16(p->head + p->layer[i].off + 2, tot);
	lengths_ip4_csum(p, i);
}

static void fix_ip6(struct gust_pkt *p, unsigned i, uint32_t body)
{
	put16(p->head + p->layer[i].off + 4, body > LEN16_MAX ? 0 : body);
	if (is_jumbo(p, i + 1)) {
		uint16_t at = p->layer[i + 1].off;
		uint8_t *opt = jumbo_opt(p->head + at, p->hlen - at);

		if (opt)
			put32(opt + 2, body);
	}
}

/* ---- outer checksums ---- */

/* The innermost transport's layer, or nlayer: what has a header behind it carries a
 * tunnel, though nothing that is known may be in there. */
static unsigned innermost(const struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);

	return l4 && l4 == &p->layer[p->nlayer - 1] ? p->nlayer - 1u : p->nlayer;
}

static bool udp_has_sum(const struct gust_pkt *p, unsigned i)
{
	return get16(p->head + p->layer[i].off + 6) != 0;
}

/* RFC 2784 2.1, 2.5: the checksum, when the C bit is set, is that of the GRE header
 * and all behind it, without a pseudo header. */
static bool gre_has_sum(const struct gust_pkt *p, unsigned i)
{
	uint16_t at = p->layer[i].off;

	return p->hlen - at >= 8 && p->head[at] & 0x80;
}

/* Will the segment that begins with layer i sum to a known value when it leaves? */
static bool sums_up(const struct gust_pkt *p, unsigned i, unsigned inner)
{
	if (i == inner && (p->need & GUST_F_CSUM))
		return p->layer[i].kind != GUST_L_SCTP;
	switch (p->layer[i].kind) {
	case GUST_L_TCP:
	case GUST_L_ICMP:
	case GUST_L_ICMP6:
		return true;
	case GUST_L_UDP:
		return udp_has_sum(p, i);
	case GUST_L_GRE:
		return gre_has_sum(p, i);
	}
	return false;
}

/* The IP layer around layer i. */
static unsigned ip_of(const struct gust_pkt *p, unsigned i)
{
	while (i && p->layer[i].kind != GUST_L_IPV4 &&
	       p->layer[i].kind != GUST_L_IPV6)
		i--;
	return i;
}

/* Pseudo header of layer i, `len` bytes long; 0 for what has none. */
static uint32_t pseudo(const struct gust_pkt *p, unsigned i, uint32_t len)
{
	const struct gust_layer *l3 = &p->layer[ip_of(p, i)];
	const uint8_t *ip = p->head + l3->off;
	uint32_t sum = len;

	switch (p->layer[i].kind) {
	case GUST_L_TCP:
		sum += IPPROTO_TCP;
		break;
	case GUST_L_UDP:
		sum += IPPROTO_UDP;
		break;
	case GUST_L_ICMP6:
		sum += IPPROTO_ICMPV6;
		break;
	default: /* ICMP, GRE */
		return 0;
	}
	if (l3->kind == GUST_L_IPV4)
		return csum_add(sum, ip + 12, 8);
	return csum_add(sum, ip + 8, 32);
}

/* The next layer inside i whose segment's sum is known, or nlayer. */
static unsigned next_known(const struct gust_pkt *p, unsigned i, unsigned inner)
{
	for (i++; i < p->nlayer; i++)
		if (sums_up(p, i, inner))
			break;
	return i;
}

static bool is_outer_sum(const struct gust_pkt *p, unsigned i, unsigned inner)
{
	switch (p->layer[i].kind) {
	case GUST_L_UDP:
		return i != inner && udp_has_sum(p, i);
	case GUST_L_GRE:
		return gre_has_sum(p, i);
	}
	return false;
}

static uint8_t *sum_field(const struct gust_pkt *p, unsigned i)
{
	return p->head + p->layer[i].off + (p->layer[i].kind == GUST_L_GRE ? 4 : 6);
}

static void put_sum(const struct gust_pkt *p, unsigned i, uint32_t sum)
{
	uint16_t c = csum_fold(sum);

	if (!c && p->layer[i].kind == GUST_L_UDP)
		c = 0xffff; /* zero would mean "none" */
	put16(sum_field(p, i), c);
}

/* Of the `n` outermost layers; innermost first: an outer one covers the inner one's
 * field. */
static void outer_sums(struct gust_pkt *p, unsigned n, uint32_t total)
{
	unsigned inner = innermost(p);

	for (unsigned i = n; i--;) {
		uint16_t at = p->layer[i].off;
		uint32_t sum;
		unsigned k;

		if (!is_outer_sum(p, i, inner))
			continue;
		k = next_known(p, i, inner);
		if (k == p->nlayer)
			continue; /* lengths_outer_sums() */
		put16(sum_field(p, i), 0);
		sum = pseudo(p, i, total - at);
		sum = csum_add(sum, p->head + at, p->layer[k].off - at);
		sum += (uint16_t)~csum_fold_plain(
			pseudo(p, k, total - p->layer[k].off));
		put_sum(p, i, sum);
	}
}

bool lengths_need_payload(const struct gust_pkt *p)
{
	unsigned inner = innermost(p);

	for (unsigned i = 0; i < p->nlayer; i++)
		if (is_outer_sum(p, i, inner) &&
		    next_known(p, i, inner) == p->nlayer)
			return true;
	return false;
}

bool lengths_outer_sums(struct gust_pkt *p)
{
	unsigned inner = innermost(p);
	uint32_t body = 0;
	bool read = false;

	for (unsigned i = p->nlayer; i--;) {
		uint16_t at = p->layer[i].off;
		uint32_t sum;

		if (!is_outer_sum(p, i, inner) ||
		    next_known(p, i, inner) < p->nlayer)
			continue;
		if (!read)
			body = pkt_payload_csum(p, 0, pkt_payload_len(p));
		read = true;
		put16(sum_field(p, i), 0);
		sum = pseudo(p, i, p->len - at);
		sum = csum_add(sum, p->head + at, p->hlen - at);
		put_sum(p, i, csum_combine(sum, body, p->hlen - at));
	}
	return read;
}

void lengths_fix_outer(struct gust_pkt *p, unsigned nlayer, uint32_t payload)
{
	uint32_t total = p->hlen + payload;
	bool outer = false;

	for (unsigned i = 0; i < nlayer; i++) {
		uint32_t n = total - p->layer[i].off;

		switch (p->layer[i].kind) {
		case GUST_L_IPV4:
			fix_ip4(p, i, n);
			break;
		case GUST_L_IPV6:
			fix_ip6(p, i, n - IPV6_HLEN);
			break;
		case GUST_L_UDP:
			put16(p->head + p->layer[i].off + 4, n > LEN16_MAX ? 0 : n);
			outer |= i + 1u < p->nlayer;
			break;
		case GUST_L_GRE:
			outer |= gre_has_sum(p, i);
			break;
		}
	}
	if (outer)
		outer_sums(p, nlayer, total);
}

void lengths_fix(struct gust_pkt *p, uint32_t payload)
{
	lengths_fix_outer(p, p->nlayer, payload);
}
