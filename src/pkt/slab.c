/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.c - pools of slabs and packet objects
 *
 * Theory of operation. A pool has an owner (the thread that bound it) and a
 * foreign side. The owner allocates from, and frees to, a plain list; the last
 * object in is the first out, because its bytes are the ones still cached. Any
 * other thread that drops the last reference pushes the object on an atomic
 * list; the owner takes that whole list by one exchange when its own is empty.
 * Since nobody ever pops a single object from the atomic list, it has no ABA
 * problem.
 *
 * A thread that bound no pool is taken for the owner of every pool: that is
 * what single-threaded tests, simulations and the teardown after all workers
 * were joined need. A thread that runs beside workers and frees packets must
 * bind a pool (its own).
 *
 * Slab memory comes from mmap and is touched only when used: a pool with a high
 * limit costs nothing at start. The slab's struct lives apart from its bytes,
 * so the bytes are page aligned.
 *
 * Limits: slab_max and pkt_max; pkt objects are made PKT_CHUNK at a time and
 * never given back before the pool ends; slabs keep their address range but
 * pkt_pool_trim() returns their pages.
 */
#include "pkt/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pkt/pool_internal.h"

#define SLAB_LEN_DEFAULT (1u << 20)
#define SLAB_LEN_MIN (256u << 10)
#define SLAB_LEN_ALIGN (64u << 10)
#define SLAB_LEN_MAX (1u << 30)
#define SLAB_MAX_DEFAULT 256
#define PKT_MAX_DEFAULT 65536
#define COPY_MAX (64u << 10)

static _Thread_local struct pkt_pool *bound;

void pkt_pool_bind(struct pkt_pool *pool)
{
	bound = pool;
}

bool pool_is_mine(const struct pkt_pool *pool)
{
	return bound == pool || !bound;
}

struct pkt_pool *pkt_pool_new(const struct pkt_limits *lim)
{
	struct pkt_pool *pool =
		aligned_alloc(_Alignof(struct pkt_pool), sizeof *pool);
	uint32_t len = lim->slab_len ? lim->slab_len : SLAB_LEN_DEFAULT;

	if (!pool)
		return NULL;
	memset(pool, 0, sizeof *pool);
	if (len < SLAB_LEN_MIN)
		len = SLAB_LEN_MIN;
	if (len > SLAB_LEN_MAX)
		len = SLAB_LEN_MAX;
	pool->slab_len = (len + SLAB_LEN_ALIGN - 1) & ~(SLAB_LEN_ALIGN - 1);
	pool->slab_max = lim->slab_max ? lim->slab_max : SLAB_MAX_DEFAULT;
	pool->pkt_max = lim->pkt_max ? lim->pkt_max : PKT_MAX_DEFAULT;
	return pool;
}

/* Put a slab without references on the owner's list. */
static void slab_put(struct pkt_pool *pool, struct gust_slab *s)
{
	pool_poison(s->data, s->cap);
	s->next = pool->slab_list;
	pool->slab_list = s;
	pool_count(&pool->slab_free, 1);
}

/* Take over what other threads returned. */
static void slab_drain(struct pkt_pool *pool)
{
	struct gust_slab *s, *next;

	if (!atomic_load_explicit(&pool->slab_foreign, memory_order_relaxed))
		return;
	s = atomic_exchange_explicit(&pool->slab_foreign, NULL,
				     memory_order_acquire);
	for (; s; s = next) {
		next = s->next;
		atomic_fetch_sub_explicit(&pool->slab_foreign_n, 1,
					  memory_order_relaxed);
		slab_put(pool, s);
	}
}

/* A slab that did not exist before. NULL: at the limit, or no memory. */
static struct gust_slab *slab_make(struct pkt_pool *pool)
{
	struct slab_obj *o;
	void *data;

	if (pool->slab_total >= pool->slab_max)
		return NULL;
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	data = mmap(NULL, pool->slab_len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (data == MAP_FAILED) {
		free(o);
		return NULL;
	}
	o->s.pool = pool;
	o->s.cap = pool->slab_len;
	o->s.data = data;
	o->all_next = pool->slabs;
	pool->slabs = o;
	pool_count(&pool->slab_total, 1);
	return &o->s;
}

struct gust_slab *slab_new(struct pkt_pool *pool)
{
	struct gust_slab *s;

	if (!pool->slab_list)
		slab_drain(pool);
	s = pool->slab_list;
	if (s) {
		pool->slab_list = s->next;
		pool_count(&pool->slab_free, -1);
		pool_unpoison(s->data, s->cap);
	} else {
		s = slab_make(pool);
		if (!s)
			return NULL;
	}
	((struct slab_obj *)s)->dirty = true;
	s->next = NULL;
	s->used = 0;
	atomic_store_explicit(&s->ref, 1, memory_order_relaxed);
	return s;
}

static void slab_push_foreign(struct pkt_pool *pool, struct gust_slab *s)
{
	struct gust_slab *old =
		atomic_load_explicit(&pool->slab_foreign, memory_order_relaxed);

	atomic_fetch_add_explicit(&pool->slab_foreign_n, 1, memory_order_relaxed);
	do {
		s->next = old;
	} while (!atomic_compare_exchange_weak_explicit(&pool->slab_foreign, &old,
							s, memory_order_release,
							memory_order_relaxed));
}

void slab_unref(struct gust_slab *s)
{
	if (!s)
		return;
	assert(atomic_load_explicit(&s->ref, memory_order_relaxed));
	/* Nobody can take a reference from the sole holder: no need to count
	 * down in that case, which is the usual one for small traffic. */
	if (!slab_sole(s) &&
	    atomic_fetch_sub_explicit(&s->ref, 1, memory_order_acq_rel) != 1)
		return;
	atomic_store_explicit(&s->ref, 0, memory_order_relaxed);
	if (pool_is_mine(s->pool))
		slab_put(s->pool, s);
	else
		slab_push_foreign(s->pool, s);
}

int slab_reserve(struct pkt_pool *pool, uint32_t len, struct gust_frag *ret_frag)
{
	struct gust_slab *s = pool->copy;

	assert(len <= COPY_MAX);
	if (s && slab_sole(s))
		s->used = 0;
	if (!s || s->cap - s->used < len) {
		s = slab_new(pool);
		if (!s)
			return -ENOBUFS;
		slab_unref(pool->copy);
		__atomic_store_n(&pool->copy, s, __ATOMIC_RELAXED);
	}
	slab_ref(s);
	ret_frag->p = s->data + s->used;
	ret_frag->slab = s;
	ret_frag->len = len;
	s->used += len;
	return 0;
}

int slab_copy(struct pkt_pool *pool, const void *p, uint32_t len,
	      struct gust_frag *ret_frag)
{
	int r = slab_reserve(pool, len, ret_frag);

	if (!r)
		memcpy(ret_frag->p, p, len);
	return r;
}

/* The copy slab counts as unused while nothing was copied out of it. */
static bool copy_idle(const struct pkt_pool *pool)
{
	const struct gust_slab *s = __atomic_load_n(&pool->copy, __ATOMIC_RELAXED);

	return s && slab_sole(s);
}

void pkt_pool_stats(struct pkt_pool *pool, struct pkt_pool_stats *ret)
{
	ret->slab_total = __atomic_load_n(&pool->slab_total, __ATOMIC_RELAXED);
	ret->slab_free =
		__atomic_load_n(&pool->slab_free, __ATOMIC_RELAXED) +
		atomic_load_explicit(&pool->slab_foreign_n, memory_order_relaxed) +
		copy_idle(pool);
	ret->pkt_total = __atomic_load_n(&pool->pkt_total, __ATOMIC_RELAXED);
	ret->pkt_free =
		__atomic_load_n(&pool->pkt_free, __ATOMIC_RELAXED) +
		atomic_load_explicit(&pool->pkt_foreign_n, memory_order_relaxed);
	ret->slab_max = pool->slab_max;
	ret->pkt_max = pool->pkt_max;
	ret->slab_len = pool->slab_len;
}

unsigned pkt_pool_pressure(const struct pkt_pool *pool)
{
	uint32_t used = pool->slab_total - pool->slab_free;

	if (used <= pool->slab_max / 2)
		return 0;
	/* Only now look at the line that other threads write. */
	used -= atomic_load_explicit(&pool->slab_foreign_n, memory_order_relaxed);
	if (used <= pool->slab_max / 2)
		return 0;
	return used > pool->slab_max - pool->slab_max / 8 ? 2 : 1;
}

void pkt_pool_trim(struct pkt_pool *pool, unsigned keep)
{
	slab_drain(pool);
	for (struct gust_slab *s = pool->slab_list; s; s = s->next) {
		struct slab_obj *o = (struct slab_obj *)s;

		if (keep) {
			keep--;
			continue;
		}
		if (o->dirty && !madvise(s->data, s->cap, MADV_DONTNEED))
			o->dirty = false;
	}
}

unsigned pkt_pool_free(struct pkt_pool *pool)
{
	struct pkt_pool_stats st;
	struct slab_obj *o, *onext;
	struct pkt_chunk *c, *cnext;
	unsigned left;

	if (!pool)
		return 0;
	slab_unref(pool->copy);
	pool->copy = NULL;
	pkt_pool_stats(pool, &st);
	left = st.slab_total - st.slab_free + st.pkt_total - st.pkt_free;
	if (left)
		return left;
	if (bound == pool)
		bound = NULL;
	for (o = pool->slabs; o; o = onext) {
		onext = o->all_next;
		pool_unpoison(o->s.data, o->s.cap);
		munmap(o->s.data, o->s.cap);
		free(o);
	}
	for (c = pool->chunks; c; c = cnext) {
		cnext = c->next;
		pool_unpoison(c->obj, sizeof c->obj);
		free(c);
	}
	free(pool);
	return 0;
}
