/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragring.h - a circular array of fragments, the store behind sndq and rcvq
 *
 * `cap` is zero or a power of two. Every fragment in the ring holds one
 * reference on its slab. Neighbours that stand next to each other in one slab
 * are one fragment: a stream that arrives in small reads into one slab costs
 * one entry, not one an arrival. The array is malloc'ed on demand and freed
 * when the last fragment leaves, so an idle connection holds nothing.
 */
#ifndef GUST_TCP_FRAGRING_H
#define GUST_TCP_FRAGRING_H

#include <errno.h>
#include <stdlib.h>

#include "pkt/slab.h"

#define FRAGRING_CAP_MIN 8u

struct fragring {
	struct gust_frag *f;
	uint32_t cap, first, n;
};

static inline struct gust_frag *fragring_at(const struct fragring *r, uint32_t i)
{
	return &r->f[(r->first + i) & (r->cap - 1)];
}

/* Room for `more` further fragments. 0 or -ENOMEM, nothing changed. */
static inline int fragring_reserve(struct fragring *r, uint32_t more)
{
	uint32_t cap = r->cap ? r->cap : FRAGRING_CAP_MIN, i;
	struct gust_frag *f;

	if (more <= r->cap - r->n)
		return 0;
	if (more > UINT32_C(1) << 26 || r->n > UINT32_C(1) << 26)
		return -ENOMEM;
	while (cap < r->n + more)
		cap *= 2;
	f = malloc((size_t)cap * sizeof(*f));
	if (!f)
		return -ENOMEM;
	for (i = 0; i < r->n; i++)
		f[i] = *fragring_at(r, i);
	free(r->f);
	r->f = f;
	r->cap = cap;
	r->first = 0;
	return 0;
}

/* Is `b` the continuation of `a`? Two slabs never touch, whatever their
 * addresses. */
static inline bool frag_adjacent(const struct gust_frag *a,
				 const struct gust_frag *b)
{
	return a->slab == b->slab && a->p + a->len == b->p;
}

/* Append; the room was reserved. Takes over the reference. */
static inline void fragring_push(struct fragring *r,
				 const struct gust_frag *f /*taken*/)
{
	struct gust_frag *last = r->n ? fragring_at(r, r->n - 1) : NULL;

	if (last && frag_adjacent(last, f)) {
		last->len += f->len;
		slab_unref(f->slab);
		return;
	}
	*fragring_at(r, r->n) = *f;
	r->n++;
}

/* Put in front; the room was reserved. Takes over the reference. */
static inline void fragring_push_front(struct fragring *r,
				       const struct gust_frag *f /*taken*/)
{
	struct gust_frag *head = r->n ? fragring_at(r, 0) : NULL;

	if (head && frag_adjacent(f, head)) {
		head->p = f->p;
		head->len += f->len;
		slab_unref(f->slab);
		return;
	}
	r->first = (r->first - 1) & (r->cap - 1);
	r->n++;
	*fragring_at(r, 0) = *f;
}

/* The array without its fragments. */
static inline void fragring_release(struct fragring *r)
{
	free(r->f);
	*r = (struct fragring){ 0 };
}

/* The first fragment leaves, its reference goes to the caller. */
static inline struct gust_frag fragring_pop(struct fragring *r)
{
	struct gust_frag f = *fragring_at(r, 0);

	r->first = (r->first + 1) & (r->cap - 1);
	if (!--r->n)
		fragring_release(r);
	return f;
}

/* The first `len` bytes leave. Returns how many fragments left entirely. */
static inline uint32_t fragring_drop(struct fragring *r, uint32_t len)
{
	uint32_t gone = 0;

	while (len) {
		struct gust_frag *f = fragring_at(r, 0);

		if (f->len > len) {
			f->p += len;
			f->len -= len;
			break;
		}
		len -= f->len;
		slab_unref(fragring_pop(r).slab);
		gone++;
	}
	return gone;
}

static inline void fragring_free(struct fragring *r)
{
	while (r->n)
		slab_unref(fragring_pop(r).slab);
	fragring_release(r);
}

#endif
