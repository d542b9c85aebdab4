/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sndq.h - the send and retransmission queue: slab slices in order
 *
 * Offset 0 is the oldest byte not yet acknowledged. The array grows on demand
 * and is freed when the queue runs empty.
 */
#ifndef GUST_TCP_SNDQ_H
#define GUST_TCP_SNDQ_H

#include "pkt/pkt.h"
#include "tcp/fragring.h"

/* A known place: fragment `idx` begins at byte `off`. */
struct sndq_mark {
	uint32_t off, idx;
};

struct sndq {
	struct fragring q;
	uint32_t len; /* bytes queued */
	struct sndq_mark fwd, back; /* where slicing went on: new data, and
				       retransmissions behind it */
};

void sndq_init(struct sndq *q);
void sndq_free(struct sndq *q); /* drops every reference; q is empty after */

/* Append, taking over the references; adjacent pieces are joined. 0, or -ENOMEM
 * with nothing appended and the references still the caller's. */
int sndq_push(struct sndq *q, const struct gust_frag *f /*taken*/, unsigned n);

/* The oldest `len` bytes were acknowledged. */
void sndq_drop(struct sndq *q, uint32_t len);

/* Append bytes [off, off + len) to the payload of `p` (new references).
 * 0, or -ENOMEM with the payload as it was. */
int sndq_slice(struct sndq *q, uint32_t off, uint32_t len, struct gust_pkt *p);

#endif
