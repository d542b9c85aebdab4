/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sack.c - the sender's scoreboard
 *
 * A sorted array of disjoint ranges that do not touch. It is small (256
 * entries), so a binary search finds and a memmove inserts; no question costs
 * more than that.
 */
#include "tcp/sack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/seq.h"

#define DUP_THRESH 3 /* RFC 6675 2 */

void sack_init(struct sack_board *b)
{
	*b = (struct sack_board){ 0 };
}

void sack_free(struct sack_board *b)
{
	free(b->r);
	sack_init(b);
}

/* The first range whose right edge lies above `seq`, n when none does. */
static unsigned find_above(const struct sack_board *b, uint32_t seq)
{
	unsigned lo = 0, hi = b->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (seq_gt(b->r[mid].r, seq))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static int grow(struct sack_board *b)
{
	unsigned cap = b->cap ? b->cap * 2 : 8;
	struct tcp_sack_block *r;

	if (b->n < b->cap)
		return 0;
	if (cap > SACK_RANGES_MAX)
		return -ENOBUFS;
	r = realloc(b->r, cap * sizeof(*r));
	if (!r)
		return -ENOMEM;
	b->r = r;
	b->cap = cap;
	return 0;
}

/* Add [l, r); returns the bytes that are new. */
static uint32_t merge(struct sack_board *b, uint32_t l, uint32_t r)
{
	/* the ranges [i, j) overlap or touch [l, r) */
	unsigned i = find_above(b, l - 1), j = i;
	uint32_t old = 0;

	while (j < b->n && seq_le(b->r[j].l, r)) {
		old += b->r[j].r - b->r[j].l;
		l = seq_min(l, b->r[j].l);
		r = seq_max(r, b->r[j].r);
		j++;
	}
	if (i == j) {
		if (grow(b) < 0)
			return 0;
		memmove(&b->r[i + 1], &b->r[i], (b->n - i) * sizeof(*b->r));
		b->n++;
	} else if (j > i + 1) {
		memmove(&b->r[i + 1], &b->r[j], (b->n - j) * sizeof(*b->r));
		b->n -= j - i - 1;
	}
	b->r[i].l = l;
	b->r[i].r = r;
	b->bytes += r - l - old;
	return r - l - old;
}

static bool inside(const struct tcp_sack_block *in,
		   const struct tcp_sack_block *out)
{
	return seq_ge(in->l, out->l) && seq_le(in->r, out->r);
}

uint32_t sack_update(struct sack_board *b, const struct tcp_opts *o, uint32_t una,
		     uint32_t nxt, bool *ret_dsack)
{
	uint32_t fresh = 0;
	bool dsack = false;
	unsigned i;

	for (i = 0; i < o->nsack; i++) {
		const struct tcp_sack_block *s = &o->sack[i];

		if (seq_ge(s->l, s->r))
			continue;
		/* RFC 2883 4: a D-SACK is the first block; it lies below the
		 * cumulative ACK or within the second block. */
		if (i == 0 &&
		    (seq_le(s->r, una) || (o->nsack > 1 && inside(s, &o->sack[1]))))
			dsack = true;
		/* A block that begins at una contradicts the ACK it came with. */
		if (seq_le(s->l, una) || seq_gt(s->r, nxt))
			continue;
		fresh += merge(b, s->l, s->r);
	}
	*ret_dsack = dsack;
	return fresh;
}

void sack_advance(struct sack_board *b, uint32_t una)
{
	unsigned i, n;

	if (!b->n || seq_ge(b->r[0].l, una))
		return;
	n = find_above(b, una);
	for (i = 0; i < n; i++)
		b->bytes -= b->r[i].r - b->r[i].l;
	b->n -= n;
	if (!b->n) {
		sack_free(b);
		return;
	}
	memmove(b->r, b->r + n, b->n * sizeof(*b->r));
	if (seq_lt(b->r[0].l, una)) {
		b->bytes -= una - b->r[0].l;
		b->r[0].l = una;
	}
}

/* RFC 6675 4, IsLost(), for what lies just below range `i`. */
static bool lost_below(const struct sack_board *b, unsigned i, uint32_t mss)
{
	uint32_t sum = 0;

	if (b->n - i >= DUP_THRESH)
		return true;
	for (; i < b->n; i++)
		sum += b->r[i].r - b->r[i].l;
	return sum > (uint64_t)(DUP_THRESH - 1) * mss;
}

bool sack_is_lost(const struct sack_board *b, uint32_t seq, uint32_t mss)
{
	unsigned i = find_above(b, seq);

	return i < b->n && lost_below(b, i, mss);
}

bool sack_next_hole(const struct sack_board *b, uint32_t from, uint32_t una,
		    uint32_t *ret_l, uint32_t *ret_r)
{
	uint32_t l = seq_max(from, una);
	unsigned i = find_above(b, l);

	if (i < b->n && seq_le(b->r[i].l, l))
		l = b->r[i++].r;
	if (i >= b->n)
		return false;
	*ret_l = l;
	*ret_r = b->r[i].l;
	return true;
}

uint32_t sack_lost_edge(const struct sack_board *b, uint32_t una, uint32_t mss)
{
	unsigned i;

	for (i = b->n; i--;)
		if (lost_below(b, i, mss))
			return b->r[i].l;
	return una;
}

uint32_t sack_bytes_in(const struct sack_board *b, uint32_t l, uint32_t r)
{
	uint32_t sum = 0;
	unsigned i;

	if (seq_ge(l, r))
		return 0;
	for (i = find_above(b, l); i < b->n && seq_lt(b->r[i].l, r); i++)
		sum += seq_min(b->r[i].r, r) - seq_max(b->r[i].l, l);
	return sum;
}

uint32_t sack_high(const struct sack_board *b, uint32_t una)
{
	return b->n ? b->r[b->n - 1].r : una;
}
