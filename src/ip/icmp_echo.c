/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icmp_echo.c - echo requests answered, echo messages built
 */
#include "ip/icmp.h"

#include "ip/ip.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/*
 * Bring the ICMP header right behind where a plain IP header of `ihl` bytes
 * will be written, at the very front: link header, IP options and extension
 * headers of the request are not repeated (RFC 1122 3.2.2.6 would have record
 * route and timestamp continued; nobody is on the way who could care).
 */
static void bare(struct gust_pkt *p, uint16_t l4_off, uint16_t ihl, uint8_t l3_kind,
		 uint8_t l4_kind)
{
	uint16_t cut = l4_off - ihl;

	p->head += cut;
	p->hlen -= cut;
	p->len -= cut;
	p->nlayer = 0;
	pkt_layer_append(p, l3_kind, 0, 0);
	pkt_layer_append(p, l4_kind, 0, ihl);
}

static void reply4(struct gust_pkt *p, uint16_t l3_off, uint16_t l4_off)
{
	struct ipv4_hdr h;
	struct ipaddr src;

	if (ipv4_parse(p->head + l3_off, p->hlen - l3_off, &h) < 0)
		return;
	src = h.src;
	h.src = h.dst;
	h.dst = src;
	h.ttl = IP_TTL_DEFAULT;
	h.hlen = IPV4_HLEN;
	h.opt = NULL;
	h.mf = false;
	h.frag_off = 0;
	bare(p, l4_off, IPV4_HLEN, GUST_L_IPV4, GUST_L_ICMP);
	h.tot_len = p->len;
	ipv4_build(p->head, &h);
}

static void reply6(struct gust_pkt *p, uint16_t l3_off, uint16_t l4_off)
{
	struct ipv6_hdr h;
	struct ipaddr src;

	if (ipv6_parse(p->head + l3_off, p->hlen - l3_off, &h) < 0)
		return;
	src = h.src;
	h.src = h.dst;
	h.dst = src;
	h.hop = IP_TTL_DEFAULT;
	h.nh = IPPROTO_ICMPV6;
	h.flow = 0;
	bare(p, l4_off, IPV6_HLEN, GUST_L_IPV6, GUST_L_ICMP6);
	h.plen = p->len - IPV6_HLEN;
	ipv6_build(p->head, &h);
}

void icmp_echo_reply(struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	bool v4 = l3->kind == GUST_L_IPV4;
	uint8_t *t = p->head + l4->off;
	uint16_t old = get16(t);

	t[0] = v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
	/* RFC 1624 3: HC' = ~(~HC + ~m + m'); swapped addresses do not change
	 * the pseudo header's sum. Void and overwritten later when the checksum
	 * still is owed. */
	put16(t + 2, csum_fold((uint32_t)(uint16_t)~get16(t + 2) + (uint16_t)~old +
			       get16(t)));
	if (v4)
		reply4(p, l3->off, l4->off);
	else
		reply6(p, l3->off, l4->off);
	p->need &= GUST_F_CSUM | GUST_F_CSUM_OK;
	p->hash = 0;
}

struct gust_pkt *icmp_echo_new(struct pkt_pool *pool, const struct ipaddr *src,
			       const struct ipaddr *dst, uint8_t ttl, uint8_t tos,
			       bool request, uint16_t id, uint16_t seq,
			       const void *data, uint32_t len)
{
	bool v4 = ipaddr_is4(dst);
	struct icmp_hdr h = {
		.rest = (uint32_t)id << 16 | seq,
	};
	struct ip_tx tx = {
		.src = *src,
		.dst = *dst,
		.proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
		.ttl = ttl,
		.tos = tos,
		.id = seq, /* may be fragmented: RFC 6864 4.3 wants it to vary */
	};
	struct gust_pkt *p;
	struct gust_frag f;
	uint32_t sum;

	if (len > UINT16_MAX - ICMP_HLEN - IPV4_HLEN)
		return NULL;
	p = pkt_new(pool);
	if (!p)
		return NULL;
	if (v4)
		h.type = request ? ICMP4_ECHO : ICMP4_ECHO_REPLY;
	else
		h.type = request ? ICMP6_ECHO : ICMP6_ECHO_REPLY;
	icmp_build(p->head, &h);
	sum = v4 ? 0 : csum_pseudo(src, dst, IPPROTO_ICMPV6, ICMP_HLEN + len);
	sum = csum_add(sum, p->head, ICMP_HLEN);
	put16(p->head + 2, csum_fold(len ? csum_add(sum, data, len) : sum));
	p->hlen = p->len = ICMP_HLEN;
	pkt_layer_append(p, v4 ? GUST_L_ICMP : GUST_L_ICMP6, 0, 0);
	if (len) {
		if (slab_copy(pool, data, len, &f) < 0)
			goto fail;
		if (pkt_frag_add(p, &f) < 0) {
			frag_unref(&f);
			goto fail;
		}
	}
	ip_push(p, &tx, NULL);
	return p;
fail:
	pkt_free(p);
	return NULL;
}
