/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut.c - the cutter: one superpacket, many pieces, every layer right
 *
 * Theory of operation. What all pieces of a size have in common is prepared once,
 * in the superpacket's own head: its lengths, IPv4 checksums and outer UDP
 * checksums are set to those of one full piece. A piece then is a copy of that
 * head, a slice of the payload, and an IPv4 ID counted up, whose header checksum
 * follows by difference (RFC 1624). Only the last, shorter piece has its lengths
 * written anew. Nothing of the superpacket is lost until all pieces exist: when a
 * limit ends the cut, lengths are set back and it is as it was.
 *
 * IPv4 IDs advance by the number of segments in a piece, in every IPv4 layer whose
 * segments do not share one (GUST_LF_FIXEDID). GRE sequence numbers advance in the
 * same way; they stand in what outer checksums cover, so such a piece has all its
 * lengths and checksums written anew. A port that repeats headers cannot count them:
 * the planner does not ask for a partial cut then.
 *
 * Partial (GSO_PARTIAL): whole segments stay together, and the head that is prepared
 * is that of one of them; what does not fill a segment is a piece of its own, whose
 * IDs go on where the port's counting will end.
 *
 * Limits: heads of at most PKT_HEAD_LEN bytes.
 */
#include <assert.h>
#include <errno.h>
#include <gust/seg.h>
#include <string.h>

#include "offload/engine_internal.h"
#include "wire/bytes.h"

/* The host's part of struct gust_cut. */
struct cut {
	struct gust_worker *w;
	uint32_t frag, frag_off; /* where the next piece's payload begins */
	uint32_t next_off; /* the same, in bytes of the whole */
	uint32_t prepared; /* payload bytes that the prepared head speaks of */
	uint32_t segs; /* segments in a full piece */
	uint32_t paid; /* references on the present fragment, for pieces to come */
	uint8_t nid; /* IPv4 layers whose ID counts up */
	uint8_t id_layer[GUST_LAYERS_MAX];
	bool by_frags, no_csum, failed, outer, fixed, partial, seq;
};

_Static_assert(sizeof(struct cut) <= sizeof(((struct gust_cut *)0)->host),
	       "the host's part fits");

static struct cut *priv(struct gust_cut *c)
{
	return (struct cut *)c->host;
}

/* The gso type that these headers can have. */
static enum gust_gso gso_of(const struct gust_pkt *p, const struct gust_cut *c)
{
	bool v4 = p->layer[c->i3].kind == GUST_L_IPV4;

	switch (p->layer[c->i4].kind) {
	case GUST_L_TCP:
		return v4 ? GUST_GSO_TCP4 : GUST_GSO_TCP6;
	case GUST_L_UDP:
		return v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	case GUST_L_SCTP:
		return GUST_GSO_SCTP;
	}
	return GUST_GSO_NONE;
}

static int check(struct gust_cut *c, const struct gust_pkt *p,
		 const struct gust_gso_req *req)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);

	if (!p->gso_size || !l3 || !l4 || p->hlen > PKT_HEAD_LEN || !req->step)
		return -EINVAL;
	c->i3 = l3 - p->layer;
	c->i4 = l4 - p->layer;
	if (gso_of(p, c) != p->gso_type)
		return -EINVAL;
	if ((p->gso_type == GUST_GSO_SCTP) != (p->gso_size == GUST_GSO_BY_FRAGS))
		return -EINVAL;
	if (p->gso_size != GUST_GSO_BY_FRAGS && req->step % p->gso_size)
		return -EINVAL;
	return pkt_payload_len(p) ? 0 : -EINVAL;
}

/* Payload bytes of the piece that begins where the cursor stands. */
static uint32_t piece_len(const struct gust_cut *c, const struct cut *h)
{
	uint32_t n = 0;

	if (!h->by_frags) {
		n = c->total - c->off < c->step ? c->total - c->off : c->step;
		if (h->partial && n > c->p->gso_size)
			n -= n % c->p->gso_size;
		return n;
	}
	for (uint32_t i = h->frag; i < c->p->nfrag && i < h->frag + c->step; i++)
		n += c->p->frag[i].len;
	return n;
}

/* Payload bytes that the headers of a piece with `n` speak of. */
static uint32_t head_len(const struct gust_cut *c, const struct cut *h, uint32_t n)
{
	return h->partial && n > c->p->gso_size ? c->p->gso_size : n;
}

static void find_ids(const struct gust_pkt *p, struct cut *h)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		if (p->layer[i].kind != GUST_L_IPV4)
			continue;
		if (p->layer[i].flags & GUST_LF_FIXEDID)
			h->fixed = true;
		else
			h->id_layer[h->nid++] = i;
	}
}

int cut_begin(struct gust_cut *c, struct gust_worker *w, struct gust_pkt *p,
	      const struct gust_gso_req *req)
{
	struct cut *h = priv(c);
	int r;

	memset(c, 0, sizeof(*c));
	r = check(c, p, req);
	if (r)
		return r;
	lengths_strip_jumbo(p);
	c->i3 = pkt_l3(p) - p->layer;
	c->i4 = pkt_l4(p) - p->layer;
	c->p = p;
	c->total = pkt_payload_len(p);
	c->step = req->step;
	h->w = w;
	h->by_frags = p->gso_size == GUST_GSO_BY_FRAGS;
	h->partial = req->partial && !h->by_frags;
	h->segs = h->by_frags ? c->step : c->step / p->gso_size;
	h->no_csum = p->layer[c->i4].kind == GUST_L_UDP &&
		     p->layer[c->i3].kind == GUST_L_IPV4 &&
		     !(p->need & GUST_F_CSUM) &&
		     !get16(p->head + p->layer[c->i4].off + 6);
	if (!h->no_csum)
		p->need |= GUST_F_CSUM; /* what the pieces will owe */
	find_ids(p, h);
	h->seq = gust_seg_has_seq(p);
	h->outer = lengths_need_payload(p);
	h->prepared = head_len(c, h, piece_len(c, h));
	lengths_fix(p, h->prepared);
	c->n = UINT32_MAX; /* the first is number 0 */
	return 0;
}

/* A reference for one more piece of the present fragment. Those of all its pieces are
 * taken together. */
static void pay(struct cut *h, const struct gust_frag *f, uint32_t step)
{
	if (!h->paid) {
		h->paid = h->by_frags ? 1 : (f->len - h->frag_off) / step + 1;
		slab_ref_n(f->slab, h->paid);
	}
	h->paid--;
}

static void settle(struct cut *h, const struct gust_frag *f)
{
	if (h->paid)
		slab_give_back(f->slab, h->paid);
	h->paid = 0;
}

/* Give `q`, which is new, the next `n` payload bytes. */
static int take(struct gust_cut *c, struct cut *h, struct gust_pkt *q, uint32_t n)
{
	const struct gust_pkt *p = c->p;

	while (n) {
		const struct gust_frag *whole = &p->frag[h->frag];
		uint8_t *at = whole->p + h->frag_off;
		uint32_t len = whole->len - h->frag_off;
		struct gust_frag *to;

		pay(h, whole, c->step);
		if (len > n) {
			len = n;
			h->frag_off += n;
		} else {
			settle(h, whole);
			h->frag++;
			h->frag_off = 0;
		}
		n -= len;
		if (q->nfrag == q->frag_cap && pkt_frag_reserve(q, q->nfrag + 1u)) {
			slab_unref(whole->slab);
			return -ENOBUFS;
		}
		/* field by field: a copy of a struct just built waits for its stores */
		to = &q->frag[q->nfrag++];
		to->p = at;
		to->slab = whole->slab;
		to->len = len;
		q->len += len;
	}
	return 0;
}

/* IDs count up, header checksums follow by difference. */
static void advance_ids(const struct cut *h, struct gust_pkt *q, uint32_t by)
{
	for (unsigned i = 0; i < h->nid; i++) {
		uint8_t *ip = q->head + q->layer[h->id_layer[i]].off;
		uint16_t old = get16(ip + 4), id = old + by;
		uint32_t sum = (uint16_t)~get16(ip + 10) + (uint16_t)~old + id;

		put16(ip + 4, id);
		put16(ip + 10, gust_sum_fold(sum));
	}
}

/* The flag speaks of a superpacket's segments. */
static void forget_fixed(struct gust_pkt *q)
{
	for (unsigned i = 0; i < q->nlayer; i++)
		q->layer[i].flags &= ~GUST_LF_FIXEDID;
}

static struct gust_pkt *piece(struct gust_cut *c, struct cut *h, uint32_t n)
{
	const struct gust_pkt *p = c->p;
	struct gust_pkt *q = pkt_new(p->pool);
	bool single;

	if (!q)
		return NULL;
	memcpy(q->head, p->head, p->hlen);
	pkt_layers_copy(q, p);
	q->hlen = p->hlen;
	q->len = p->hlen;
	q->hash = p->hash;
	q->port = p->port;
	q->queue = p->queue;
	q->hops = p->hops;
	q->need = p->need & ~(uint32_t)GUST_F_CSUM_OK;
	if (take(c, h, q, n)) {
		pkt_free(q);
		return NULL;
	}
	single = h->by_frags ? q->nfrag == 1 : n <= p->gso_size;
	if (!single) {
		q->gso_size = p->gso_size;
		q->gso_type = p->gso_type;
	} else if (h->fixed) {
		forget_fixed(q);
	}
	return q;
}

struct gust_pkt *cut_next(struct gust_cut *c)
{
	struct cut *h = priv(c);
	struct gust_pkt *q;
	uint32_t n, said, before;

	if (c->last || h->failed)
		return NULL;
	c->n++;
	c->off = h->next_off;
	n = piece_len(c, h);
	q = piece(c, h, n);
	if (!q) {
		h->failed = true;
		return NULL;
	}
	said = head_len(c, h, n);
	/* segments in front; the rest behind whole segments may be a piece early */
	before = h->partial ? c->off / c->p->gso_size : c->n * h->segs;
	if (h->seq && before)
		gust_seg_count_seq(q, before);
	if (said != h->prepared || (h->seq && before))
		lengths_fix(q, said);
	if (before)
		advance_ids(h, q, before);
	h->next_off += n;
	c->last = h->next_off == c->total;
	return q;
}

int cut_end(struct gust_cut *c, struct gust_batch *pieces, struct gust_batch *out)
{
	struct cut *h = priv(c);

	if (!c->last) {
		if (h->frag < c->p->nfrag)
			settle(h, &c->p->frag[h->frag]);
		pkt_batch_free(pieces);
		lengths_fix(c->p, c->total);
		return -ENOBUFS;
	}
	if (h->outer)
		for (struct gust_pkt *q = pieces->first; q; q = q->next)
			if (!q->gso_size)
				lengths_outer_sums(q);
	pkt_free(c->p);
	c->p = NULL;
	gust_batch_splice(out, pieces);
	return 0;
}
