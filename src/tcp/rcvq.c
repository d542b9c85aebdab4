/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rcvq.c - received data
 *
 * Theory of operation
 *
 * In-order data is one ring of slab slices: an arrival takes references, the
 * reader's consume gives them back. Nothing is copied while the reader keeps
 * up. `edge` counts the bytes that ever became in order; it is the one origin
 * for positions, which are 32-bit numbers compared as sequence numbers are
 * (the window keeps them within 2^30 of each other).
 *
 * Out-of-order data is a list of ranges sorted by position, each with its own
 * ring. Invariants: ranges are disjoint and never touch (touching ones are
 * merged, the smaller ring moving into the larger), the first begins above
 * `edge`, except when a merge into the in-order ring had no memory; then it
 * begins at `edge` and the next arrival tries again. A second list through the
 * same ranges goes by latest arrival, which is the order that SACK blocks need
 * and the best guess of where the next segment belongs.
 *
 * Where arrivals overlap, what is already there wins: a gap is filled from the
 * new packet, the rest of the packet is ignored.
 *
 * Memory: what stays is copied when it is small against its slab (out of order
 * at once, in order by rcvq_compact()). The peer chooses the sizes, so the
 * number of pieces is bounded too: out of order by OOO_FRAGS, in order by
 * gathering when the average piece becomes tiny.
 */
#include "tcp/rcvq.h"

#include <assert.h>
#include <string.h>

#include "tcp/seq.h"

#define COPY_BELOW 16384u /* pieces smaller than this do not keep a slab */
#define GATHER_PIECES 64u /* gather when there are more pieces than this */
#define GATHER_AVG 512u /* of fewer bytes than this on the average */

/* A piece costs about 24 bytes of bookkeeping; so many for `len` bytes. */
#define OOO_FRAGS(len) (2 * RCVQ_OOO_MAX + (len) / 256)

struct rcvq_ooo {
	struct rcvq_ooo *next, *prev; /* by position */
	struct rcvq_ooo *older, *newer; /* by latest arrival */
	uint32_t pos, len;
	struct fragring q;
};

static uint32_t ooo_end(const struct rcvq_ooo *o)
{
	return o->pos + o->len;
}

void rcvq_init(struct rcvq *q)
{
	*q = (struct rcvq){ 0 };
}

void rcvq_free(struct rcvq *q)
{
	struct rcvq_ooo *o, *next;

	fragring_free(&q->in);
	for (o = q->ooo; o; o = next) {
		next = o->next;
		fragring_free(&o->q);
		free(o);
	}
	rcvq_init(q);
}

/* ---- slicing the packet ---- */

static bool frag_small(const struct gust_frag *f)
{
	return f->len < COPY_BELOW && f->slab->cap / 4 > f->len;
}

/* A dense copy of *f in its place; when that is impossible, the original. */
static void frag_densify(struct gust_frag *f, struct pkt_pool *pool)
{
	struct gust_frag c;

	if (slab_copy(pool, f->p, f->len, &c) < 0)
		return;
	slab_unref(f->slab);
	*f = c;
}

/* How many fragments of `p` hold payload bytes [from, from + len)? */
static uint32_t slice_count(const struct gust_pkt *p, uint32_t from, uint32_t len)
{
	uint32_t n = 0, i;

	for (i = 0; i < p->nfrag && len; i++) {
		uint32_t flen = p->frag[i].len;

		if (from >= flen) {
			from -= flen;
			continue;
		}
		len -= len < flen - from ? len : flen - from;
		from = 0;
		n++;
	}
	return n;
}

/* Append payload bytes [from, from + len) to the ring, with references of their
 * own. `pool`: copy what is small, NULL: do not. 0 or -ENOMEM, nothing done. */
static int slice_push(struct fragring *q, struct pkt_pool *pool,
		      const struct gust_pkt *p, uint32_t from, uint32_t len)
{
	uint32_t i;

	if (fragring_reserve(q, slice_count(p, from, len)) < 0)
		return -ENOMEM;
	for (i = 0; i < p->nfrag && len; i++) {
		struct gust_frag f = p->frag[i];

		if (from >= f.len) {
			from -= f.len;
			continue;
		}
		f.p += from;
		f.len = len < f.len - from ? len : f.len - from;
		from = 0;
		len -= f.len;
		frag_ref(&f);
		if (pool && frag_small(&f))
			frag_densify(&f, pool);
		fragring_push(q, &f);
	}
	return 0;
}

/* ---- out-of-order ranges ---- */

static void ooo_unlink_recent(struct rcvq *q, struct rcvq_ooo *o)
{
	if (o->newer)
		o->newer->older = o->older;
	else
		q->recent = o->older;
	if (o->older)
		o->older->newer = o->newer;
}

/* `o` received something just now. */
static void ooo_touch(struct rcvq *q, struct rcvq_ooo *o)
{
	if (q->recent == o)
		return;
	ooo_unlink_recent(q, o);
	o->newer = NULL;
	o->older = q->recent;
	if (o->older)
		o->older->newer = o;
	q->recent = o;
}

/* Take the range off both lists and free it; its ring is empty or moved. */
static void ooo_remove(struct rcvq *q, struct rcvq_ooo *o)
{
	ooo_unlink_recent(q, o);
	if (o->prev)
		o->prev->next = o->next;
	else
		q->ooo = o->next;
	if (o->next)
		o->next->prev = o->prev;
	q->ooo_n--;
	free(o);
}

/* An empty range at `pos` between `prev` and `next`, the latest arrival. */
static struct rcvq_ooo *ooo_new(struct rcvq *q, struct rcvq_ooo *prev,
				struct rcvq_ooo *next, uint32_t pos)
{
	struct rcvq_ooo *o;

	if (q->ooo_n >= RCVQ_OOO_MAX)
		return NULL;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->pos = pos;
	o->prev = prev;
	o->next = next;
	if (prev)
		prev->next = o;
	else
		q->ooo = o;
	if (next)
		next->prev = o;
	o->older = q->recent;
	if (o->older)
		o->older->newer = o;
	q->recent = o;
	q->ooo_n++;
	return o;
}

/* Move all of `from` behind `to`. 0 or -ENOMEM. */
static int ring_append(struct fragring *to, struct fragring *from)
{
	if (!to->n) {
		struct fragring t = *to;

		*to = *from;
		*from = t;
		fragring_release(from);
		return 0;
	}
	if (fragring_reserve(to, from->n) < 0)
		return -ENOMEM;
	while (from->n) {
		struct gust_frag f = fragring_pop(from);

		fragring_push(to, &f);
	}
	return 0;
}

/* Move all of `from` in front of `to`. 0 or -ENOMEM. */
static int ring_prepend(struct fragring *to, struct fragring *from)
{
	uint32_t i;

	if (fragring_reserve(to, from->n) < 0)
		return -ENOMEM;
	for (i = from->n; i--;)
		fragring_push_front(to, fragring_at(from, i));
	fragring_release(from);
	return 0;
}

/* `a` and its successor touch: one range of them, which is returned. Without
 * memory they stay two, which is untidy and right. */
static struct rcvq_ooo *ooo_merge(struct rcvq *q, struct rcvq_ooo *a)
{
	struct rcvq_ooo *b = a->next;
	uint32_t n = a->q.n + b->q.n;

	if (a->q.n >= b->q.n) {
		if (ring_append(&a->q, &b->q) < 0)
			return a;
		a->len += b->len;
		q->ooo_frags -= n - a->q.n;
		ooo_touch(q, a);
		ooo_remove(q, b);
		return a;
	}
	if (ring_prepend(&b->q, &a->q) < 0)
		return a;
	b->pos = a->pos;
	b->len += a->len;
	q->ooo_frags -= n - b->q.n;
	ooo_touch(q, b);
	ooo_remove(q, a);
	return b;
}

/* Store payload [from, from + len) at `pos`, which is a gap between `prev` and
 * `next`. Returns the range that holds it now, NULL: limit or memory. */
static struct rcvq_ooo *ooo_store(struct rcvq *q, struct pkt_pool *pool,
				  struct rcvq_ooo *prev, struct rcvq_ooo *next,
				  uint32_t pos, const struct gust_pkt *p,
				  uint32_t from, uint32_t len)
{
	struct fragring part = { 0 };
	struct rcvq_ooo *o;
	uint32_t had;

	if (q->ooo_frags + slice_count(p, from, len) > OOO_FRAGS(q->ooo_len + len))
		return NULL;
	if (prev && ooo_end(prev) == pos) {
		o = prev;
		had = o->q.n;
		if (slice_push(&o->q, pool, p, from, len) < 0)
			return NULL;
		ooo_touch(q, o);
	} else if (next && next->pos == pos + len) {
		o = next;
		had = o->q.n;
		if (slice_push(&part, pool, p, from, len) < 0)
			return NULL;
		if (ring_prepend(&o->q, &part) < 0) {
			fragring_free(&part);
			return NULL;
		}
		o->pos = pos;
		ooo_touch(q, o);
	} else {
		o = ooo_new(q, prev, next, pos);
		if (!o)
			return NULL;
		had = 0;
		if (slice_push(&o->q, pool, p, from, len) < 0) {
			ooo_remove(q, o);
			return NULL;
		}
	}
	o->len += len;
	q->ooo_len += len;
	q->ooo_frags += o->q.n - had;
	if (o->next && o->next->pos == ooo_end(o))
		o = ooo_merge(q, o);
	return o;
}

/* The first range that ends above `pos`. Looked for from the range of the
 * latest arrival: loss leaves runs. */
static struct rcvq_ooo *ooo_find(const struct rcvq *q, uint32_t pos)
{
	struct rcvq_ooo *o = q->recent;

	if (!o)
		return NULL;
	if (seq_le(ooo_end(o), pos)) {
		while (o && seq_le(ooo_end(o), pos))
			o = o->next;
		return o;
	}
	while (o->prev && seq_gt(ooo_end(o->prev), pos))
		o = o->prev;
	return o;
}

static struct rcvq_ooo *ooo_last(const struct rcvq *q)
{
	struct rcvq_ooo *o = q->recent;

	while (o && o->next)
		o = o->next;
	return o;
}

/* Fill the gaps that [pos, pos + len) covers. 0, or -ENOBUFS when nothing of
 * what was missing could be stored. */
static int ooo_insert(struct rcvq *q, struct pkt_pool *pool, uint32_t pos,
		      const struct gust_pkt *p, uint32_t from, uint32_t len)
{
	uint32_t end = pos + len, stop;
	struct rcvq_ooo *next = ooo_find(q, pos), *prev, *o;
	bool stored = false;

	while (pos != end) {
		if (next && seq_le(next->pos, pos)) {
			/* already there (RFC 2018 4: it is reported first) */
			ooo_touch(q, next);
			stop = seq_min(ooo_end(next), end);
			from += stop - pos;
			pos = stop;
			next = next->next;
			continue;
		}
		stop = next ? seq_min(next->pos, end) : end;
		prev = next ? next->prev : ooo_last(q);
		o = ooo_store(q, pool, prev, next, pos, p, from, stop - pos);
		if (!o)
			return stored ? 0 : -ENOBUFS;
		stored = true;
		from += stop - pos;
		pos = stop;
		next = seq_gt(ooo_end(o), pos) ? o : o->next;
	}
	return 0;
}

/* ---- in order ---- */

static int in_push(struct rcvq *q, const struct gust_pkt *p, uint32_t from,
		   uint32_t len)
{
	if (slice_push(&q->in, NULL, p, from, len) < 0) {
		if (!q->in.n)
			fragring_release(&q->in);
		return -ENOMEM;
	}
	q->len += len;
	q->edge += len;
	return 0;
}

/* The first range begins at the edge: it becomes in-order data. */
static int in_join(struct rcvq *q)
{
	struct rcvq_ooo *o = q->ooo;
	uint32_t n = o->q.n;

	if (ring_append(&q->in, &o->q) < 0)
		return -ENOMEM;
	q->len += o->len;
	q->edge += o->len;
	q->ooo_len -= o->len;
	q->ooo_frags -= n;
	ooo_remove(q, o);
	return 0;
}

/* In-order data that meets out-of-order ranges. Returns the edge's advance or
 * -ENOBUFS. */
static int64_t in_insert(struct rcvq *q, const struct gust_pkt *p, uint32_t from,
			 uint32_t len)
{
	uint32_t start = q->edge, end = q->edge + len;

	for (;;) {
		uint32_t n;

		while (q->ooo && q->ooo->pos == q->edge)
			if (in_join(q) < 0)
				goto out;
		if (seq_ge(q->edge, end))
			break;
		n = end - q->edge;
		if (q->ooo && q->ooo->pos - q->edge < n)
			n = q->ooo->pos - q->edge;
		if (in_push(q, p, from + (q->edge - start), n) < 0)
			goto out;
	}
out:
	return q->edge != start ? (int64_t)(q->edge - start) : -ENOBUFS;
}

int64_t rcvq_insert(struct rcvq *q, struct pkt_pool *pool, uint32_t off,
		    const struct gust_pkt *p, uint32_t from, uint32_t len)
{
	assert(from + (uint64_t)len <= pkt_payload_len(p));
	if (!len)
		return 0;
	if (off)
		return ooo_insert(q, pool, q->edge + off, p, from, len);
	if (q->ooo)
		return in_insert(q, p, from, len);
	return in_push(q, p, from, len) < 0 ? -ENOBUFS : (int64_t)len;
}

unsigned rcvq_peek(const struct rcvq *q, struct iovec *iov, unsigned max)
{
	uint32_t i;

	for (i = 0; i < q->in.n && i < max; i++) {
		const struct gust_frag *f = fragring_at(&q->in, i);

		iov[i].iov_base = f->p;
		iov[i].iov_len = f->len;
	}
	return i;
}

/* `gone` fragments left at the front. */
static void seen_shift(struct rcvq *q, uint32_t gone)
{
	q->seen -= gone < q->seen ? gone : q->seen;
}

void rcvq_consume(struct rcvq *q, uint32_t len)
{
	assert(len <= q->len);
	seen_shift(q, fragring_drop(&q->in, len));
	q->len -= len;
}

unsigned rcvq_take(struct rcvq *q, struct gust_frag *ret_f, unsigned max,
		   uint32_t *ret_len)
{
	uint32_t len = 0;
	unsigned n = 0;

	while (n < max && q->in.n) {
		ret_f[n] = fragring_pop(&q->in);
		len += ret_f[n++].len;
	}
	q->len -= len;
	seen_shift(q, n);
	*ret_len = len;
	return n;
}

/* ---- memory ---- */

/* Rebuild the ring from dense pieces of up to COPY_BELOW bytes. On a limit the
 * rest stays as it is. */
static void in_gather(struct rcvq *q, struct pkt_pool *pool)
{
	struct fragring out = { 0 };
	uint8_t buf[COPY_BELOW];

	if (fragring_reserve(&out, q->in.n) < 0)
		return;
	while (q->in.n) {
		uint32_t have = 0, n = 0, i;
		struct gust_frag c;

		while (n < q->in.n &&
		       fragring_at(&q->in, n)->len <= COPY_BELOW - have) {
			const struct gust_frag *f = fragring_at(&q->in, n++);

			memcpy(buf + have, f->p, f->len);
			have += f->len;
		}
		if (n > 1 && !slab_copy(pool, buf, have, &c)) {
			for (i = 0; i < n; i++)
				slab_unref(fragring_pop(&q->in).slab);
		} else {
			c = fragring_pop(&q->in);
		}
		fragring_push(&out, &c);
	}
	q->in = out;
	q->seen = out.n;
}

void rcvq_compact(struct rcvq *q, struct pkt_pool *pool)
{
	uint32_t i, w = q->seen ? q->seen - 1 : 0;

	/* Copy what is new and small; copies that follow each other in the copy
	 * slab become one piece. `w`: the last piece that stays. */
	for (i = q->seen; i < q->in.n; i++) {
		struct gust_frag f = *fragring_at(&q->in, i);

		if (frag_small(&f))
			frag_densify(&f, pool);
		if (i && frag_adjacent(fragring_at(&q->in, w), &f)) {
			fragring_at(&q->in, w)->len += f.len;
			slab_unref(f.slab);
			continue;
		}
		if (i)
			w++;
		*fragring_at(&q->in, w) = f;
	}
	if (q->in.n)
		q->in.n = q->seen = w + 1;
	/* Pieces that other connections' copies kept apart. The average rises to
	 * COPY_BELOW by this, so it does not come again before len / GATHER_AVG
	 * further pieces. */
	if (q->in.n > GATHER_PIECES && q->len / q->in.n < GATHER_AVG)
		in_gather(q, pool);
}

unsigned rcvq_sack(const struct rcvq *q, uint32_t rcv_nxt,
		   struct tcp_sack_block *ret, unsigned max)
{
	const struct rcvq_ooo *o;
	unsigned n = 0;

	for (o = q->recent; o && n < max; o = o->older) {
		ret[n].l = rcv_nxt + (o->pos - q->edge);
		ret[n++].r = rcv_nxt + (ooo_end(o) - q->edge);
	}
	return n;
}
