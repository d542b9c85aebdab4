/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytering.c - bounded single-producer single-consumer ring of records
 *
 * Theory of operation. `tail` counts the bytes that were ever committed, `head`
 * those that were ever popped; 64 bits do not wrap. The place of an index is
 * index & mask. A record is a header of 16 bytes, which holds its length, and its
 * bytes rounded up to 16; so a header always fits in front of the end of the
 * memory. A record that would cross the end begins at the beginning instead, and
 * a header with the length SKIP stands where it did not fit; skip and record are
 * committed together, so a skip is never the last thing in the ring.
 *   - 0 <= tail - head <= mask + 1;
 *   - only the producer stores `tail`, with release, after it wrote the bytes;
 *     only the consumer stores `head`, with release, after it read them;
 *   - `head_seen` and `tail_seen` are old, hence safe, copies (see ring.c).
 */
#include "base/bytering.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 16
#define SKIP UINT32_MAX
#define CAP_MIN (UINT64_C(1) << 12)
#define CAP_MAX (UINT64_C(1) << 30)

struct bytering *bytering_new(uint64_t cap)
{
	uint64_t n = CAP_MIN;
	struct bytering *r;

	while (n < cap && n < CAP_MAX)
		n *= 2;
	r = aligned_alloc(_Alignof(struct bytering), sizeof(*r));
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->mask = n - 1;
	r->mem = aligned_alloc(64, n);
	if (!r->mem) {
		free(r);
		return NULL;
	}
	return r;
}

void bytering_free(struct bytering *r)
{
	if (!r)
		return;
	free(r->mem);
	free(r);
}

static uint64_t footprint(uint32_t len)
{
	return UNIT + (((uint64_t)len + UNIT - 1) & ~(uint64_t)(UNIT - 1));
}

static bool fits(const struct bytering *r, uint64_t tail, uint64_t n)
{
	return tail + n - r->head_seen <= r->mask + 1;
}

void *bytering_reserve(struct bytering *r, uint32_t len)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t at = tail & r->mask, to_end = r->mask + 1 - at;
	uint64_t need = footprint(len), skip = need > to_end ? to_end : 0;
	uint32_t mark = SKIP;

	if (!fits(r, tail, skip + need)) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (!fits(r, tail, skip + need))
			return NULL;
	}
	if (skip) {
		memcpy(r->mem + at, &mark, sizeof(mark));
		at = 0;
	}
	memcpy(r->mem + at, &len, sizeof(len));
	r->pending = tail + skip + need;
	return r->mem + at + UNIT;
}

void bytering_commit(struct bytering *r)
{
	assert(r->pending > atomic_load_explicit(&r->tail, memory_order_relaxed));
	atomic_store_explicit(&r->tail, r->pending, memory_order_release);
}

void *bytering_peek(struct bytering *r, uint32_t *ret_len)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t at = head & r->mask;
	uint32_t len;

	if (head == r->tail_seen) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	memcpy(&len, r->mem + at, sizeof(len));
	if (len == SKIP) {
		head += r->mask + 1 - at;
		at = 0;
		memcpy(&len, r->mem, sizeof(len));
	}
	r->next = head + footprint(len);
	*ret_len = len;
	return r->mem + at + UNIT;
}

void bytering_pop(struct bytering *r)
{
	assert(r->next > atomic_load_explicit(&r->head, memory_order_relaxed));
	atomic_store_explicit(&r->head, r->next, memory_order_release);
}
