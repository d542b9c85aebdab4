/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - bounded single-producer single-consumer ring of pointers
 *
 * Both sides are threads of the daemon (trusted). The producer and the
 * consumer each own one cache line; an index is read from the other side
 * only when the cached copy says full or empty.
 */
#ifndef GUST_BASE_RING_H
#define GUST_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ring {
	_Alignas(64) _Atomic uint32_t tail; /* written by the producer */
	uint32_t head_seen;
	_Alignas(64) _Atomic uint32_t head; /* written by the consumer */
	uint32_t tail_seen;
	_Alignas(64) uint32_t mask;
	void *slot[];
};

/* `n` is rounded up to a power of two, 2^20 at most. NULL: no memory. */
struct ring *ring_new(uint32_t n);
void ring_free(struct ring *r);

/* Producer side. false: full, nothing was stored. */
bool ring_push(struct ring *r, void *p);

/* Consumer side. NULL: empty. */
void *ring_pop(struct ring *r);

#endif
