/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytering.h - bounded single-producer single-consumer ring of records
 *
 * Records of different lengths stand one behind the other in one piece of
 * memory, each contiguous, at an address that is a multiple of 16. Nothing is
 * allocated for a record, so the memory of all that wait has one limit. Both
 * sides are threads of the daemon (trusted).
 */
#ifndef GUST_BASE_BYTERING_H
#define GUST_BASE_BYTERING_H

#include <stdatomic.h>
#include <stdint.h>

struct bytering {
	_Alignas(64) _Atomic uint64_t tail; /* written by the producer */
	uint64_t head_seen;
	uint64_t pending; /* the tail after a commit */
	_Alignas(64) _Atomic uint64_t head; /* written by the consumer */
	uint64_t tail_seen;
	uint64_t next; /* the head after a pop */
	_Alignas(64) uint64_t mask;
	uint8_t *mem;
};

/* `cap` bytes, rounded up to a power of two, 4 KiB at the least and 1 GiB at the
 * most. A record takes 16 to 31 bytes more than its own; one of up to half the
 * ring fits whenever the ring is empty. NULL: no memory. */
struct bytering *bytering_new(uint64_t cap);
void bytering_free(struct bytering *r);

/* Producer side. Room for a record of `len` bytes, which the consumer sees after
 * the commit only; without one the next reserve begins anew. NULL: full. */
void *bytering_reserve(struct bytering *r, uint32_t len);
void bytering_commit(struct bytering *r);

/* Consumer side. The oldest record and its length; it stays until it is popped.
 * NULL: empty. */
void *bytering_peek(struct bytering *r, uint32_t *ret_len);
void bytering_pop(struct bytering *r);

#endif
