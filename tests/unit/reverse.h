/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reverse.h - the law of merging, segment(merge(x)) == x, as a check
 *
 * Packets are noted as what they stand for on the wire: single packets with
 * checksums complete, byte by byte, by flow and in order. After a merge everything
 * is cut down again and must be the same. For unit tests and fuzzing: REV_ASSERT(x)
 * is the includer's.
 */
#ifndef TESTS_REVERSE_H
#define TESTS_REVERSE_H

#include <stdlib.h>
#include <string.h>

#include "offload/engine.h"
#include "pkt/dissect.h"
#include "pkt/pkt.h"

#ifndef REV_ASSERT
#error "define REV_ASSERT(x)"
#endif

struct rev_seg {
	uint8_t *b;
	uint32_t len;
	uint64_t flow;
	bool seen;
};

struct rev {
	struct rev_seg *seg;
	unsigned n, cap;
	struct gust_slab *slab; /* where rev_pkt() writes */
	/* what happened, over all calls */
	unsigned in, out; /* packets */
	unsigned supers, segs; /* superpackets that left, and what was in them */
	unsigned most; /* segments in the largest */
};

/* Let others stand apart; packets of one flow must have one number. */
static inline uint64_t rev_flow(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	uint64_t h = 0xcbf29ce484222325;
	const uint8_t *b;
	unsigned n;

	if (!l3)
		return 0;
	b = p->head + l3->off + (l3->kind == GUST_L_IPV4 ? 12 : 8);
	n = l3->kind == GUST_L_IPV4 ? 8 : 32;
	while (n--)
		h = (h ^ *b++) * 0x100000001b3;
	if (!l4 || (l4->kind != GUST_L_TCP && l4->kind != GUST_L_UDP))
		return h;
	h = (h ^ l4->kind) * 0x100000001b3;
	for (b = p->head + l4->off, n = 4; n--;)
		h = (h ^ *b++) * 0x100000001b3;
	return h;
}

/* A packet of `n` bytes as a port makes it, many in one slab. */
static inline struct gust_pkt *rev_pkt(struct rev *r, struct pkt_pool *pool,
				       const uint8_t *b, uint32_t n)
{
	struct gust_pkt *p;

	if (r->slab && r->slab->used + GUST_HEADROOM + n > r->slab->cap) {
		slab_unref(r->slab);
		r->slab = NULL;
	}
	if (!r->slab) {
		r->slab = slab_new(pool);
		REV_ASSERT(r->slab);
		r->slab->used = 0;
	}
	memcpy(r->slab->data + r->slab->used + GUST_HEADROOM, b, n);
	p = pkt_from_slab(pool, r->slab,
			  r->slab->data + r->slab->used + GUST_HEADROOM, n);
	REV_ASSERT(p);
	r->slab->used += GUST_HEADROOM + n;
	return p;
}

/* The pieces of a superpacket, or the packet itself, as on the wire. What nobody
 * here cuts must not change at all. */
static inline void rev_wire(struct engine *e, struct gust_pkt *p /*taken*/,
			    struct gust_batch *out)
{
	struct gust_gso_req req = { .step = p->gso_size,
				    .mtu = 65575,
				    .csum = true };
	struct gust_batch in;

	if (!p->gso_size || !engine_cuts(e, p->gso_type)) {
		if (p->need & GUST_F_CSUM && !p->gso_size)
			pkt_csum_complete(p);
		gust_batch_push(out, p);
		return;
	}
	gust_batch_init(&in);
	gust_batch_push(&in, p);
	REV_ASSERT(engine_gso(e, &in, &req, out) == 0);
	for (p = out->first; p; p = p->next)
		REV_ASSERT(!p->gso_size && !(p->need & GUST_F_CSUM));
}

static inline uint8_t *rev_flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len + 1);

	REV_ASSERT(b);
	memcpy(b, p->head, p->hlen);
	REV_ASSERT(pkt_payload_copy(p, 0, b + p->hlen, p->len) == p->len - p->hlen);
	return b;
}

/* Remember what `p` stands for. */
static inline void rev_note(struct rev *r, struct engine *e,
			    const struct gust_pkt *p)
{
	struct gust_batch wire;
	struct gust_pkt *c = pkt_clone(p->pool, p);

	REV_ASSERT(c);
	r->in++;
	gust_batch_init(&wire);
	rev_wire(e, c, &wire);
	while ((c = gust_batch_pop(&wire))) {
		if (r->n == r->cap) {
			r->cap = r->cap ? 2 * r->cap : 64;
			r->seg = realloc(r->seg, r->cap * sizeof(*r->seg));
			REV_ASSERT(r->seg);
		}
		r->seg[r->n++] =
			(struct rev_seg){ rev_flat(c), c->len, rev_flow(c), false };
		pkt_free(c);
	}
}

/* The next one of its flow that was noted. */
static inline void rev_match(struct rev *r, const struct gust_pkt *p)
{
	uint64_t flow = rev_flow(p);
	uint8_t *b;
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (!r->seg[i].seen && r->seg[i].flow == flow)
			break;
	REV_ASSERT(i < r->n);
	REV_ASSERT(r->seg[i].len == p->len);
	b = rev_flat(p);
	REV_ASSERT(!memcmp(b, r->seg[i].b, p->len));
	free(b);
	r->seg[i].seen = true;
}

static inline void rev_dissect(const struct gust_pkt *p)
{
	struct gust_slab *s = slab_new(p->pool);
	uint8_t *b = rev_flat(p);
	struct gust_pkt *q;

	REV_ASSERT(s);
	memcpy(s->data + GUST_HEADROOM, b, p->len);
	free(b);
	q = pkt_from_slab(p->pool, s, s->data + GUST_HEADROOM, p->len);
	slab_unref(s);
	REV_ASSERT(q);
	REV_ASSERT(!pkt_dissect(q, p->layer[0].kind == GUST_L_ETH ? DISSECT_ETH :
								    DISSECT_IP));
	REV_ASSERT(q->len == p->len && q->hlen == p->hlen &&
		   q->nlayer == p->nlayer);
	for (unsigned i = 0; i < p->nlayer; i++) {
		uint8_t flags = p->layer[i].flags & ~GUST_LF_FIXEDID;

		REV_ASSERT(q->layer[i].kind == p->layer[i].kind);
		REV_ASSERT(q->layer[i].off == p->layer[i].off);
		REV_ASSERT(q->layer[i].flags == flags);
	}
	pkt_free(q);
}

/* Does a dissector find the same map in a superpacket's bytes? It does not look
 * into tunnels. */
static inline void rev_map(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_VXLAN)
			return;
	rev_dissect(p);
}

static inline void rev_super(struct rev *r, const struct gust_pkt *p)
{
	unsigned n = pkt_segs(p);

	REV_ASSERT(pkt_payload_len(p) > p->gso_size);
	rev_map(p);
	r->supers++;
	r->segs += n;
	if (r->most < n)
		r->most = n;
}

/* Cut what a merge made of the packets that were noted; compare; forget. */
static inline void rev_compare(struct rev *r, struct engine *e,
			       struct gust_batch *b /*taken*/)
{
	struct gust_batch wire;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(b))) {
		r->out++;
		if (p->gso_size)
			rev_super(r, p);
		gust_batch_init(&wire);
		rev_wire(e, p, &wire);
		while ((p = gust_batch_pop(&wire))) {
			rev_match(r, p);
			pkt_free(p);
		}
	}
	for (unsigned i = 0; i < r->n; i++) {
		REV_ASSERT(r->seg[i].seen);
		free(r->seg[i].b);
	}
	r->n = 0;
}

/* The law, for this batch. */
static inline void rev_law(struct rev *r, struct engine *e, struct gust_batch *b,
			   const struct gust_gro_req *req)
{
	for (const struct gust_pkt *p = b->first; p; p = p->next)
		rev_note(r, e, p);
	engine_gro(e, b, req);
	rev_compare(r, e, b);
}

static inline void rev_end(struct rev *r)
{
	slab_unref(r->slab);
	r->slab = NULL;
	free(r->seg);
	r->seg = NULL;
	r->cap = 0;
}

#endif
