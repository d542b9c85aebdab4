/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carry.c - USO as the carrier of tunnels
 *
 * Theory of operation. A port that takes UDP superpackets does not care what is in
 * the datagrams. So a superpacket in a tunnel, at any depth, crosses such a port
 * almost whole, if the outermost transport is UDP: its innermost transport is cut,
 * and the outer datagrams, which are equal but for the last, become the segments of
 * a UDP superpacket again. Of each datagram the headers behind the outer UDP header
 * are copied, all into one piece of memory; the payload is not touched but for the
 * inner checksum, which nobody behind this port would make.
 *
 *      outer IP, UDP | inner headers, payload | inner headers, payload | ...
 *      the head        reserved     by reference
 *
 * The outer UDP checksum is owed by each superpacket, also where the tunnel makes
 * none: neither virtio_net_hdr nor UDP_SEGMENT has a form for segments without
 * (VIRTIO 1.2 5.1.6.2; Linux refuses UDP_SEGMENT with SO_NO_CHECK). A receiver has
 * to take both (RFC 7348 4.1), and a kernel completes it only when the datagrams
 * leave for a device that cannot. A datagram that stays alone is what the tunnel
 * made.
 *
 * The outer IPv4 ID is that of a superpacket's first datagram and counts up, as the
 * cut made them.
 *
 * Limits: CARRY_SEGS segments, what the kernel's own GRO and UDP_SEGMENT take.
 */
#include "offload/carry.h"

#include <string.h>

#include "offload/engine_internal.h"
#include "wire/udp.h"

#define CARRY_SEGS 64
#define LEN16_MAX UINT32_C(65535)

unsigned carry_udp(const struct gust_pkt *p)
{
	unsigned i = 0;

	while (i < p->nlayer && p->layer[i].kind != GUST_L_IPV4 &&
	       p->layer[i].kind != GUST_L_IPV6)
		i++;
	for (i++; i < p->nlayer && p->layer[i].kind >= GUST_L_HOPOPTS &&
		  p->layer[i].kind <= GUST_L_DSTOPTS;
	     i++)
		if (p->layer[i].kind == GUST_L_FRAGHDR)
			return 0;
	if (i + 1u >= p->nlayer || p->layer[i].kind != GUST_L_UDP)
		return 0;
	return i;
}

static const struct gust_layer *outer_ip(const struct gust_pkt *p, unsigned udp)
{
	const struct gust_layer *l = &p->layer[udp - 1];

	while (l->kind != GUST_L_IPV4 && l->kind != GUST_L_IPV6)
		l--;
	return l;
}

bool carry_can(const struct gust_pkt *p, const struct port_caps *caps,
	       struct carry *ret)
{
	uint32_t hdrs, seg;
	struct carry c;

	if (!caps_has(caps, FEAT_USO) || p->gso_type == GUST_GSO_UFO)
		return false;
	c.udp = carry_udp(p);
	if (!c.udp)
		return false;
	c.hlen = p->layer[c.udp].off + UDP_HLEN;
	c.ip = outer_ip(p, c.udp)->off;
	c.max = caps->gso_max_udp < LEN16_MAX ? caps->gso_max_udp : LEN16_MAX;
	c.segs = CARRY_SEGS;
	if (caps->gso_max_segs && caps->gso_max_segs < c.segs)
		c.segs = caps->gso_max_segs;
	hdrs = c.hlen - c.ip;
	seg = p->hlen - c.hlen;
	if (p->gso_size != GUST_GSO_BY_FRAGS)
		seg += p->gso_size;
	if (c.segs < 2 || hdrs + 2 * seg > c.max)
		return false;
	*ret = c;
	return true;
}

/* Bytes behind the outer UDP header. */
static uint32_t dgram_len(const struct gust_pkt *p, const struct carry *c)
{
	return p->len - c->hlen;
}

/* Take the packets off `in` that make one superpacket with its first: equal ones, and
 * a shorter one at the end. */
static void group(struct gust_batch *in, const struct carry *c,
		  struct gust_batch *ret)
{
	uint32_t size = dgram_len(in->first, c), total = c->hlen - c->ip;
	struct gust_pkt *p;

	gust_batch_init(ret);
	while ((p = in->first)) {
		uint32_t n = dgram_len(p, c);

		if (ret->n == c->segs || n > size || !n || p->gso_size ||
		    total + n > c->max)
			return;
		total += n;
		gust_batch_push(ret, gust_batch_pop(in));
		if (n < size)
			return;
	}
}

/* Payload fragments and inner header bytes of all. */
static void measure(const struct gust_batch *b, const struct carry *c,
		    uint32_t *ret_frags, uint32_t *ret_bytes)
{
	uint32_t frags = 0, bytes = 0;

	for (const struct gust_pkt *p = b->first; p; p = p->next) {
		frags += p->nfrag + 1u;
		bytes += p->hlen - c->hlen;
	}
	*ret_frags = frags;
	*ret_bytes = bytes;
}

/* What the header map says of the superpacket. */
static void to_train(struct gust_pkt *p, const struct carry *c, uint16_t size)
{
	bool v4 = false;

	for (unsigned i = 0; i < c->udp; i++)
		v4 |= p->layer[i].kind == GUST_L_IPV4;
	p->nlayer = c->udp + 1;
	p->gso_size = size;
	p->gso_type = v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	p->need = GUST_F_CSUM;
}

/* Append one datagram behind `p`'s outer header; there is room. */
static void append(struct gust_pkt *p, const struct gust_pkt *q,
		   const struct carry *c, struct gust_frag *area)
{
	struct gust_frag f = { area->p, area->slab, q->hlen - c->hlen };

	memcpy(f.p, q->head + c->hlen, f.len);
	area->p += f.len;
	pkt_frag_push(p, &f);
	for (unsigned i = 0; i < q->nfrag; i++)
		pkt_frag_push(p, &q->frag[i]);
}

/* Make one superpacket of a group. NULL: a limit; the group is as it was. */
static struct gust_pkt *join(struct gust_batch *b, const struct carry *c)
{
	uint16_t size = dgram_len(b->first, c);
	struct gust_pkt *p, *q;
	struct gust_frag area;
	uint32_t frags, bytes;

	measure(b, c, &frags, &bytes);
	p = pkt_new(b->first->pool);
	if (!p)
		return NULL;
	if (pkt_frag_reserve(p, frags) || slab_reserve(p->pool, bytes, &area)) {
		pkt_free(p);
		return NULL;
	}
	slab_ref_n(area.slab, b->n - 1); /* one for each */
	q = b->first;
	memcpy(p->head, q->head, c->hlen);
	pkt_layers_copy(p, q);
	p->hlen = p->len = c->hlen;
	p->hash = q->hash;
	p->port = q->port;
	p->queue = q->queue;
	p->hops = q->hops;
	to_train(p, c, size);
	while ((q = gust_batch_pop(b))) {
		append(p, q, c, &area);
		q->nfrag = 0; /* they are p's now */
		pkt_free(q);
	}
	lengths_fix(p, pkt_payload_len(p));
	return p;
}

void plan_carry(struct engine *e, struct gust_pkt *p, const struct port_caps *caps,
		const struct carry *c, struct gust_batch *out,
		struct plan_stats *st)
{
	struct gust_gso_req req = { .mtu = caps->mtu, .csum = true };
	struct gust_batch one, pieces, b;

	req.step = p->gso_size == GUST_GSO_BY_FRAGS ? 1 : p->gso_size;
	gust_batch_init(&one);
	gust_batch_init(&pieces);
	gust_batch_push(&one, p);
	st->cut++;
	engine_gso(e, &one, &req, &pieces);
	st->pieces += pieces.n;
	while (pieces.n) {
		group(&pieces, c, &b);
		p = b.n > 1 ? join(&b, c) : NULL;
		if (p) {
			st->carried++;
			gust_batch_push(out, p);
		} else if (b.n) {
			gust_batch_splice(out, &b);
		} else { /* what the plugin did not cut */
			gust_batch_push(out, gust_batch_pop(&pieces));
		}
	}
}
