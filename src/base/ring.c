/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - bounded single-producer single-consumer ring of pointers
 *
 * Theory of operation. `tail` counts what was ever pushed, `head` what was
 * ever popped, both modulo 2^32; the slot of an index is index & mask.
 *   - 0 <= tail - head <= mask + 1, so 2^20 slots never meet the wrap;
 *   - only the producer stores `tail`, with release, after it filled the slot;
 *     the consumer loads it with acquire before it reads the slot;
 *   - only the consumer stores `head`, with release, after it emptied the
 *     slot; the producer loads it with acquire before it fills the slot again;
 *   - `head_seen` and `tail_seen` are old, hence safe, copies of the other
 *     side's index: a stale copy makes the ring look fuller (or emptier) than
 *     it is, never the reverse. Each is refreshed only when the ring looks
 *     full (or empty), which keeps the two cache lines at home.
 */
#include "base/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RING_MAX (1u << 20)

struct ring *ring_new(uint32_t n)
{
	uint32_t slots = 1;
	struct ring *r;
	size_t size;

	while (slots < n && slots < RING_MAX)
		slots *= 2;
	/* aligned_alloc() takes whole multiples of the alignment */
	size = sizeof(*r) + slots * sizeof(r->slot[0]);
	size = (size + 63) & ~(size_t)63;
	r = aligned_alloc(64, size);
	if (!r)
		return NULL;
	memset(r, 0, size);
	r->mask = slots - 1;
	return r;
}

void ring_free(struct ring *r)
{
	free(r);
}

bool ring_push(struct ring *r, void *p)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	assert(p); /* NULL means empty to ring_pop() */
	if (tail - r->head_seen > r->mask) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail - r->head_seen > r->mask)
			return false;
	}
	r->slot[tail & r->mask] = p;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

void *ring_pop(struct ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	void *p;

	if (head == r->tail_seen) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	p = r->slot[head & r->mask];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return p;
}
