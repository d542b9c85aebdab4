/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_internal.h - the pool behind slab.c and pkt.c, for these two only
 *
 * The owner's side is plain memory that one thread touches; the counters on it
 * are stored with relaxed atomics because the control thread reads them. The
 * foreign side is two lists that other threads push on.
 */
#ifndef GUST_PKT_POOL_INTERNAL_H
#define GUST_PKT_POOL_INTERNAL_H

#include <stdbool.h>

#include "pkt/pkt.h"

/* One packet object: the struct, then its own head buffer. */
struct pkt_obj {
	_Alignas(64) struct gust_pkt pkt;
	uint8_t buf[GUST_HEADROOM + PKT_HEAD_LEN];
};

/* As many objects as one allocation makes. */
#define PKT_CHUNK 64

struct pkt_chunk {
	struct pkt_chunk *next;
	struct pkt_obj obj[PKT_CHUNK];
};

/* A slab and what only the pool knows about it. */
struct slab_obj {
	struct gust_slab s;
	struct slab_obj *all_next;
	bool dirty; /* pages were handed out since the last trim */
};

struct pkt_pool {
	struct gust_pkt *pkt_list; /* unused, last in first out */
	struct gust_slab *slab_list;
	struct gust_slab *copy; /* slab_copy() fills it; we hold one reference */
	struct pkt_chunk *chunks;
	struct slab_obj *slabs;
	uint32_t pkt_free, pkt_total; /* written by the owner, read by anyone */
	uint32_t slab_free, slab_total;
	uint32_t pkt_max, slab_max, slab_len;

	_Alignas(64) _Atomic(struct gust_pkt *) pkt_foreign;
	_Atomic(struct gust_slab *) slab_foreign;
	_Atomic uint32_t pkt_foreign_n, slab_foreign_n;
};

/* Is the calling thread the one that may touch the owner's side? */
bool pool_is_mine(const struct pkt_pool *pool);

static inline void pool_count(uint32_t *n, int by)
{
	__atomic_store_n(n, *n + (uint32_t)by, __ATOMIC_RELAXED);
}

/* Unused memory is poisoned under AddressSanitizer, so that a use after free
 * shows although malloc never sees it. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_ASAN 1
#endif
#endif
#ifdef POOL_ASAN
#include <sanitizer/asan_interface.h>
#define pool_poison(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define pool_unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define pool_poison(p, n) ((void)(p), (void)(n))
#define pool_unpoison(p, n) ((void)(p), (void)(n))
#endif

#endif
