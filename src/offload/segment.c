/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.c - cut superpackets in software, and make packets fit a port
 *
 * Theory of operation. The packet that is cut serves as the template and, at
 * the end, as the first piece. All other pieces are built from it first: a copy
 * of the head, slices of the payload, then the fields that depend on where the
 * piece lies. Only when every one of them exists is the template itself
 * changed, and that part cannot fail; so a failure leaves nothing behind.
 *
 * A piece has: sequence number advanced by its payload offset, IPv4 ID by its
 * number of segments; FIN and PSH only if it is the last, CWR only if it is the
 * first (RFC 3168 6.1.2); lengths in IP and UDP; the BIG TCP forms (tot_len 0,
 * jumbo option) exactly when it still is too long for 16 bits. Its transport
 * checksum is owed (GUST_F_CSUM): whoever passes a superpacket here has
 * verified it, or it was owed before.
 *
 * Limits: heads of at most PKT_HEAD_LEN bytes; the innermost IP and transport.
 */
#include "offload/segment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define LEN16_MAX UINT32_C(65535)

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_JUMBO 0xc2

/* ---- the jumbo option (RFC 2675) ---- */

/* The hop-by-hop header with a jumbo option behind IPv6 layer `l3`, or NULL. */
static struct gust_layer *jumbo_layer(struct gust_pkt *p,
				      const struct gust_layer *l3)
{
	struct gust_layer *hop = &p->layer[l3 - p->layer + 1];

	if (hop >= p->layer + p->nlayer || hop->kind != GUST_L_HOPOPTS ||
	    !(hop->flags & GUST_LF_JUMBO))
		return NULL;
	return hop;
}

/* Is there nothing in the header but the jumbo option? */
static bool jumbo_alone(const struct gust_pkt *p, const struct gust_layer *hop)
{
	return p->head[hop->off + 1] == 0;
}

/* Where the jumbo option stands in a header that the dissector has checked. */
static uint8_t *jumbo_opt(uint8_t *h)
{
	unsigned off = 2;

	while (h[off] != OPT_JUMBO)
		off += h[off] == OPT_PAD1 ? 1 : 2 + h[off + 1];
	return h + off;
}

/* Take the 8-byte header out: what lies in front moves up to close the gap. */
static void jumbo_remove(struct gust_pkt *p, struct gust_layer *l3,
			 struct gust_layer *hop)
{
	uint16_t at = hop->off;

	p->head[l3->off + 6] = p->head[at];
	memmove(p->head + IPV6_JUMBO_HLEN, p->head, at);
	p->head += IPV6_JUMBO_HLEN;
	p->hlen -= IPV6_JUMBO_HLEN;
	p->len -= IPV6_JUMBO_HLEN;
	p->nlayer--;
	for (struct gust_layer *l = hop; l < p->layer + p->nlayer; l++) {
		*l = l[1];
		l->off -= IPV6_JUMBO_HLEN;
	}
}

/* Put one in behind the IPv6 header. */
static void jumbo_insert(struct gust_pkt *p, unsigned i3)
{
	uint16_t at = p->layer[i3].off + IPV6_HLEN;
	uint8_t *ip;

	pkt_push(p, IPV6_JUMBO_HLEN);
	memmove(p->head, p->head + IPV6_JUMBO_HLEN, at);
	for (unsigned i = 0; i <= i3; i++)
		p->layer[i].off -= IPV6_JUMBO_HLEN;
	memmove(&p->layer[i3 + 2], &p->layer[i3 + 1],
		(p->nlayer - i3 - 1) * sizeof p->layer[0]);
	p->layer[i3 + 1] = (struct gust_layer){ GUST_L_HOPOPTS, GUST_LF_JUMBO, at };
	p->nlayer++;
	ip = p->head + at - IPV6_HLEN;
	ipv6_jumbo_build(p->head + at, ip[6], p->len - at);
	ip[6] = IP6_NH_HOPOPTS;
	put16(ip + 4, 0);
}

/* Payload length and jumbo option as the packet's length wants them. */
static void ip6_set_len(struct gust_pkt *p, struct gust_layer *l3)
{
	uint32_t body = p->len - l3->off - IPV6_HLEN;
	struct gust_layer *hop = jumbo_layer(p, l3);

	if (hop && jumbo_alone(p, hop) && body - IPV6_JUMBO_HLEN <= LEN16_MAX) {
		jumbo_remove(p, l3, hop);
		body -= IPV6_JUMBO_HLEN;
	} else if (hop) {
		uint8_t *opt = jumbo_opt(p->head + hop->off);

		if (body > LEN16_MAX) {
			put32(opt + 2, body);
		} else { /* other options share the header: pad in its place */
			memset(opt, 0, 6);
			opt[0] = OPT_PADN;
			opt[1] = 4;
			hop->flags &= ~GUST_LF_JUMBO;
		}
	}
	put16(p->head + l3->off + 4, body > LEN16_MAX ? 0 : body);
}

/* ---- pieces ---- */

/* What all pieces of one cut share. */
struct cut {
	unsigned i3, i4; /* layers */
	uint32_t total; /* payload bytes */
	uint32_t step; /* of one piece */
	uint16_t id; /* IPv4 ID of the first segment */
	uint32_t seq; /* TCP sequence number of the first byte */
	bool no_csum; /* UDP over IPv4 without a checksum */
	unsigned frag; /* where the next piece's payload begins */
	uint32_t frag_off;
};

/* Give `q` the next `n` payload bytes of `p`. */
static int take_payload(struct cut *c, const struct gust_pkt *p, struct gust_pkt *q,
			uint32_t n)
{
	while (n) {
		struct gust_frag f = p->frag[c->frag];

		f.p += c->frag_off;
		f.len -= c->frag_off;
		if (f.len > n) {
			f.len = n;
			c->frag_off += n;
		} else {
			c->frag++;
			c->frag_off = 0;
		}
		n -= f.len;
		if (!f.len)
			continue;
		frag_ref(&f);
		if (pkt_frag_add(q, &f)) {
			frag_unref(&f);
			return -ENOBUFS;
		}
	}
	return 0;
}

static void set_tcp(const struct cut *c, uint8_t *th, uint32_t off, bool last)
{
	put32(th + 4, c->seq + off);
	if (!last)
		th[13] &= ~(TCP_FIN | TCP_PSH);
	if (off)
		th[13] &= ~TCP_CWR;
}

/* Rewrite what depends on where the piece lies: `q` has the template's head and
 * its own payload, which begins at `off` of the whole. */
static void set_headers(const struct cut *c, struct gust_pkt *q, uint32_t off)
{
	uint32_t n = pkt_payload_len(q);
	struct gust_layer *l3 = &q->layer[c->i3];
	uint8_t *l4 = q->head + q->layer[c->i4].off;

	if (q->layer[c->i4].kind == GUST_L_TCP)
		set_tcp(c, l4, off, off + n == c->total);
	else
		put16(l4 + 4, UDP_HLEN + n > LEN16_MAX ? 0 : UDP_HLEN + n);
	if (l3->kind == GUST_L_IPV4) {
		uint32_t tot = q->len - l3->off;

		l3->flags &= ~GUST_LF_JUMBO;
		if (tot > LEN16_MAX) {
			l3->flags |= GUST_LF_JUMBO;
			tot = 0;
		}
		ipv4_set_len_id(q->head + l3->off, tot, c->id + off / q->gso_size);
	} else {
		ip6_set_len(q, l3);
	}
	q->need &= ~(uint32_t)GUST_F_CSUM_OK;
	if (!c->no_csum)
		q->need |= GUST_F_CSUM;
	if (off || n <= q->gso_size)
		q->need &= ~(uint32_t)GUST_F_ECN;
	if (n <= q->gso_size) {
		q->gso_size = 0;
		q->gso_type = GUST_GSO_NONE;
	}
}

/* The piece at payload offset `off`. NULL: a pool's limit. */
static struct gust_pkt *make_piece(struct cut *c, const struct gust_pkt *p,
				   uint32_t off)
{
	uint32_t n = c->total - off < c->step ? c->total - off : c->step;
	struct gust_pkt *q = pkt_new(p->pool);

	if (!q)
		return NULL;
	memcpy(q->head, p->head, p->hlen);
	memcpy(q->layer, p->layer, p->nlayer * sizeof p->layer[0]);
	q->hlen = q->len = p->hlen;
	q->nlayer = p->nlayer;
	q->gso_size = p->gso_size;
	q->gso_type = p->gso_type;
	q->need = p->need;
	q->hash = p->hash;
	q->port = p->port;
	q->queue = p->queue;
	if (take_payload(c, p, q, n)) {
		pkt_free(q);
		return NULL;
	}
	set_headers(c, q, off);
	return q;
}

/* Is this a superpacket that we can cut? */
static int cut_init(struct cut *c, const struct gust_pkt *p, uint32_t max_payload)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	bool v4, tcp;

	if (!p->gso_size || !l4 || p->hlen > PKT_HEAD_LEN ||
	    max_payload < p->gso_size)
		return -EINVAL;
	v4 = l3->kind == GUST_L_IPV4;
	tcp = l4->kind == GUST_L_TCP;
	if (!tcp && l4->kind != GUST_L_UDP)
		return -EINVAL;
	if (p->gso_type != (tcp ? v4 ? GUST_GSO_TCP4 : GUST_GSO_TCP6 :
			    v4  ? GUST_GSO_UDP4 :
				  GUST_GSO_UDP6))
		return -EINVAL;
	memset(c, 0, sizeof *c);
	c->i3 = l3 - p->layer;
	c->i4 = l4 - p->layer;
	c->total = pkt_payload_len(p);
	c->step = max_payload - max_payload % p->gso_size;
	if (v4)
		c->id = get16(p->head + l3->off + 4);
	if (tcp)
		c->seq = get32(p->head + l4->off + 4);
	else
		c->no_csum = v4 && !(p->need & GUST_F_CSUM) &&
			     !get16(p->head + l4->off + 6);
	return 0;
}

int seg_cut(struct gust_pkt *p, uint32_t max_payload, struct gust_batch *out)
{
	struct gust_batch rest;
	struct cut c;
	int r = cut_init(&c, p, max_payload);

	if (r)
		return r;
	gust_batch_init(&rest);
	if (c.total > c.step) {
		/* stand behind the first piece */
		uint32_t skip = c.step;

		while (skip >= p->frag[c.frag].len)
			skip -= p->frag[c.frag++].len;
		c.frag_off = skip;
	}
	for (uint32_t off = c.step; off < c.total; off += c.step) {
		struct gust_pkt *q = make_piece(&c, p, off);

		if (!q) {
			pkt_batch_free(&rest);
			return -ENOBUFS;
		}
		gust_batch_push(&rest, q);
	}
	pkt_payload_slice(p, 0, c.total < c.step ? c.total : c.step);
	set_headers(&c, p, 0);
	gust_batch_push(out, p);
	gust_batch_splice(out, &rest);
	return 0;
}

/* ---- fit a port ---- */

static void complete(struct gust_batch *b)
{
	for (struct gust_pkt *p = b->first; p; p = p->next)
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
}

/* The largest IP length of a superpacket like `p` that the port carries; 0: it
 * carries none. */
static uint32_t super_max(const struct gust_pkt *p, const struct port_caps *caps)
{
	uint32_t max;

	if (!caps_has(caps, FEAT_TX_CSUM))
		return 0;
	if (p->need & GUST_F_ECN && !caps_has(caps, FEAT_TSO_ECN))
		return 0;
	switch (p->gso_type) {
	case GUST_GSO_TCP4:
		max = caps_has(caps, FEAT_TSO4) ? caps->gso_max4 : 0;
		if (max > LEN16_MAX && !caps_has(caps, FEAT_BIGTCP4))
			max = LEN16_MAX;
		return max;
	case GUST_GSO_TCP6:
		max = caps_has(caps, FEAT_TSO6) ? caps->gso_max6 : 0;
		if (max > LEN16_MAX && !caps_has(caps, FEAT_BIGTCP6_JUMBO) &&
		    !caps_has(caps, FEAT_BIGTCP6_PLAIN))
			max = LEN16_MAX;
		return max;
	case GUST_GSO_UDP4:
	case GUST_GSO_UDP6:
		max = caps_has(caps, FEAT_USO) ? caps->gso_max_udp : 0;
		return max > LEN16_MAX ? LEN16_MAX : max;
	}
	return 0;
}

/* Payload bytes of the largest superpacket like `p` that the port carries, a
 * multiple of gso_size; just one segment when it carries none. */
static uint32_t payload_max(const struct gust_pkt *p, const struct port_caps *caps,
			    uint32_t hdrs)
{
	uint32_t max = super_max(p, caps), n;

	if (max < hdrs + 2u * p->gso_size)
		return p->gso_size;
	n = (max - hdrs) / p->gso_size;
	if (caps->gso_max_segs && n > caps->gso_max_segs)
		n = caps->gso_max_segs;
	return n * p->gso_size;
}

/* Above 64 KB IPv6 has two forms: give `p` the one that the port takes. */
static void big6_form(struct gust_pkt *p, const struct port_caps *caps)
{
	struct gust_layer *l3 = &p->layer[pkt_l3(p) - p->layer];
	struct gust_layer *hop = jumbo_layer(p, l3);

	if (l3->kind != GUST_L_IPV6 || p->len - l3->off - IPV6_HLEN <= LEN16_MAX)
		return;
	if (hop && !caps_has(caps, FEAT_BIGTCP6_JUMBO) && jumbo_alone(p, hop)) {
		jumbo_remove(p, l3, hop);
		ip6_set_len(p, l3);
	} else if (!hop && !caps_has(caps, FEAT_BIGTCP6_PLAIN) &&
		   p->nlayer < GUST_LAYERS_MAX) {
		jumbo_insert(p, l3 - p->layer);
	}
}

/* Header bytes of one segment, from the IP header on: without the jumbo header,
 * which no segment carries. */
static uint32_t seg_hdrs(struct gust_pkt *p, const struct gust_layer *l3)
{
	uint32_t n = p->hlen - l3->off;
	const struct gust_layer *hop;

	hop = l3->kind == GUST_L_IPV6 ? jumbo_layer(p, l3) : NULL;
	return hop && jumbo_alone(p, hop) ? n - IPV6_JUMBO_HLEN : n;
}

static enum drop_reason fit_super(struct gust_pkt *p, const struct gust_layer *l3,
				  const struct port_caps *caps,
				  struct gust_batch *out)
{
	uint32_t hdrs = seg_hdrs(p, l3), max;
	struct gust_batch pieces;
	int r;

	/* What counts is whether the segments fit, not the superpacket. */
	if (hdrs + p->gso_size > caps->mtu)
		return DROP_TOO_BIG;
	if (l3->kind == GUST_L_IPV6 && p->len - l3->off > LEN16_MAX &&
	    caps_has(caps, FEAT_BIGTCP6_JUMBO))
		hdrs += IPV6_JUMBO_HLEN; /* it has one, or may get one */
	max = payload_max(p, caps, hdrs);
	if (pkt_payload_len(p) <= max) {
		big6_form(p, caps);
		gust_batch_push(out, p);
		return DROP_NONE;
	}
	gust_batch_init(&pieces);
	r = seg_cut(p, max, &pieces);
	if (r)
		return r == -ENOBUFS ? DROP_NO_PKT : DROP_BAD_GSO;
	for (struct gust_pkt *q = pieces.first; q; q = q->next)
		if (q->gso_type == GUST_GSO_TCP6)
			big6_form(q, caps);
	if (!caps_has(caps, FEAT_TX_CSUM))
		complete(&pieces);
	gust_batch_splice(out, &pieces);
	return DROP_NONE;
}

enum drop_reason seg_fit(struct gust_pkt *p, const struct port_caps *caps,
			 struct gust_batch *out)
{
	const struct gust_layer *l3 = pkt_l3(p);
	enum drop_reason r;

	if (p->gso_size && l3) {
		r = fit_super(p, l3, caps, out);
		if (r != DROP_NONE)
			pkt_free(p);
		return r;
	}
	if (l3 && p->len - l3->off > caps->mtu) {
		pkt_free(p);
		return DROP_TOO_BIG;
	}
	if (p->need & GUST_F_CSUM && !caps_has(caps, FEAT_TX_CSUM))
		pkt_csum_complete(p);
	gust_batch_push(out, p);
	return DROP_NONE;
}
