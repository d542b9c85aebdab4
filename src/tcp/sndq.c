/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sndq.c - the send and retransmission queue
 *
 * Slicing must not search: a queue of 6 MB may be sixty thousand pieces. Two
 * marks remember the piece where the last slice ended, one for new data and
 * one for everything that lies before it (retransmissions), so that recovery,
 * which alternates between the two, walks a few pieces for each and not the
 * whole queue.
 *
 * Invariant of a mark: the piece `idx` (counted from the first one) begins at
 * byte `off`; {0, 0} always holds, for an empty queue too. Joining a new piece
 * to the last one does not move the beginning of any piece.
 */
#include "tcp/sndq.h"

#include <assert.h>

void sndq_init(struct sndq *q)
{
	*q = (struct sndq){ 0 };
}

void sndq_free(struct sndq *q)
{
	fragring_free(&q->q);
	sndq_init(q);
}

int sndq_push(struct sndq *q, const struct gust_frag *f, unsigned n)
{
	uint64_t sum = q->len;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += f[i].len;
	if (sum > UINT32_MAX || fragring_reserve(&q->q, n) < 0)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (f[i].len)
			fragring_push(&q->q, &f[i]);
		else
			slab_unref(f[i].slab);
	}
	q->len = sum;
	if (!q->q.n) /* nothing but empty pieces */
		fragring_release(&q->q);
	return 0;
}

/* `gone` pieces and `len` bytes left at the front. */
static void mark_shift(struct sndq_mark *m, uint32_t gone, uint32_t len)
{
	if (m->idx <= gone) {
		/* the piece is now the first one, or is gone */
		m->off = m->idx = 0;
	} else {
		m->off -= len;
		m->idx -= gone;
	}
}

void sndq_drop(struct sndq *q, uint32_t len)
{
	uint32_t gone;

	assert(len <= q->len);
	gone = fragring_drop(&q->q, len);
	q->len -= len;
	mark_shift(&q->fwd, gone, len);
	mark_shift(&q->back, gone, len);
}

/* Move the mark to the piece that holds byte `off` (off < q->len). */
static void mark_seek(const struct sndq *q, struct sndq_mark *m, uint32_t off)
{
	if (off < m->off && off < m->off - off) /* nearer to the beginning */
		m->off = m->idx = 0;
	while (off < m->off)
		m->off -= fragring_at(&q->q, --m->idx)->len;
	while (off - m->off >= fragring_at(&q->q, m->idx)->len)
		m->off += fragring_at(&q->q, m->idx++)->len;
}

int sndq_slice(struct sndq *q, uint32_t off, uint32_t len, struct gust_pkt *p)
{
	uint32_t had = pkt_payload_len(p);
	struct sndq_mark *m;

	assert(off <= q->len && len <= q->len - off);
	if (!len)
		return 0;
	m = off >= q->fwd.off ? &q->fwd : &q->back;
	mark_seek(q, m, off);
	for (;;) {
		struct gust_frag f = *fragring_at(&q->q, m->idx);
		uint32_t skip = off - m->off;

		f.p += skip;
		f.len = len < f.len - skip ? len : f.len - skip;
		frag_ref(&f);
		if (pkt_frag_add(p, &f) < 0) {
			slab_unref(f.slab);
			pkt_payload_slice(p, 0, had);
			return -ENOMEM;
		}
		off += f.len;
		len -= f.len;
		if (!len)
			return 0;
		m->off += fragring_at(&q->q, m->idx++)->len;
	}
}
