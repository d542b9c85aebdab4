/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.h - the memory behind packets: slabs, packet objects, one pool a worker
 *
 * A slab is one large buffer (`slab_len` bytes) with a reference count. Many
 * fragments share it; the last reference returns it to its pool, last in first
 * out, so that the bytes are still in the cache when they are used again.
 *
 * Each worker owns one pool. Everything may be *freed* by any thread (a
 * foreign thread's return goes through one atomic list that the owner empties
 * when its own runs dry); only the owner allocates. The owner binds the pool
 * to its thread with pkt_pool_bind(): the thread-local pointer behind it is
 * the one exception to "no globals", and it exists so that pkt_free() needs no
 * argument that says who calls. A thread that has bound no pool is taken for the
 * owner of every pool (single-threaded tests, teardown): a thread that frees
 * packets while workers run must bind a pool of its own.
 *
 * Limits: `slab_max` and `pkt_max` objects; an allocation beyond that returns
 * NULL, and the caller drops by name (no_slab, no_pkt).
 */
#ifndef GUST_PKT_SLAB_H
#define GUST_PKT_SLAB_H

#include <gust/packet.h>
#include <stdatomic.h>
#include <stddef.h>

struct pkt_limits {
	uint32_t slab_len; /* bytes of one slab, 0: 1 MiB; at least 256 KiB */
	uint32_t slab_max; /* slabs at the most, 0: 256 */
	uint32_t pkt_max; /* packet objects at the most, 0: 65536 */
};

struct gust_slab {
	struct gust_slab *next; /* on a free list */
	struct pkt_pool *pool;
	_Atomic uint32_t ref;
	uint32_t cap; /* bytes at data */
	uint32_t used; /* bytes handed out, kept by whoever fills it */
	uint8_t *data;
};

struct pkt_pool_stats {
	uint32_t slab_total, slab_free; /* made; of these unused */
	uint32_t pkt_total, pkt_free;
	uint32_t slab_max, pkt_max, slab_len;
};

/* NULL: no memory. All-zero limits give the defaults. */
struct pkt_pool *pkt_pool_new(const struct pkt_limits *lim);

/* Every packet and slab must be back. Returns how many objects were not (0 is
 * right; a test asserts it). With objects outstanding the pool is leaked. */
unsigned pkt_pool_free(struct pkt_pool *pool);

/* The calling thread owns `pool` from now on (NULL: none). */
void pkt_pool_bind(struct pkt_pool *pool);

void pkt_pool_stats(struct pkt_pool *pool, struct pkt_pool_stats *ret);

/* 0: plenty; 1: over half of slab_max in use, grow no window; 2: over 7/8,
 * shrink. */
unsigned pkt_pool_pressure(const struct pkt_pool *pool);

/* Give unused slabs' pages back to the kernel, all but `keep`. */
void pkt_pool_trim(struct pkt_pool *pool, unsigned keep);

/* One reference for the caller; NULL at the limit. */
struct gust_slab *slab_new(struct pkt_pool *pool);
static inline void slab_ref(struct gust_slab *s)
{
	atomic_fetch_add_explicit(&s->ref, 1, memory_order_relaxed);
}
void slab_unref(struct gust_slab *s); /* NULL is fine */

/* Many references at once: one atomic instruction stands for all. What turns out to
 * be too many is given back by somebody who still holds one. */
static inline void slab_ref_n(struct gust_slab *s, uint32_t n)
{
	atomic_fetch_add_explicit(&s->ref, n, memory_order_relaxed);
}
static inline void slab_give_back(struct gust_slab *s, uint32_t n)
{
	atomic_fetch_sub_explicit(&s->ref, n, memory_order_release);
}

/* Is the caller's the only reference? Then `used` may be set back to 0. */
static inline bool slab_sole(const struct gust_slab *s)
{
	return atomic_load_explicit(&s->ref, memory_order_acquire) == 1;
}

/* A fragment of `len` bytes copied densely into the pool's current copy slab:
 * what is stored for long and is small must not pin a large slab. 0, or
 * -ENOBUFS at the limit. `len` <= 64 KiB. */
int slab_copy(struct pkt_pool *pool, const void *p, uint32_t len,
	      struct gust_frag *ret_frag);

/* The same bytes, not written yet: nobody else's until they are shared. */
int slab_reserve(struct pkt_pool *pool, uint32_t len, struct gust_frag *ret_frag);

static inline void frag_ref(const struct gust_frag *f)
{
	slab_ref(f->slab);
}
static inline void frag_unref(struct gust_frag *f)
{
	slab_unref(f->slab);
	f->slab = NULL;
}

#endif
