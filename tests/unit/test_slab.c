/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slab.c - slabs and pools: limits, order of reuse, copies, frees from
 * other threads, trimming
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pkt/pool_internal.h"
#include "pktlib.h"

static void test_defaults(void **state)
{
	struct pkt_limits lim = { 0 };
	struct pkt_pool *pool = pkt_pool_new(&lim);
	struct pkt_pool_stats st;

	pkt_pool_stats(pool, &st);
	assert_int_equal(st.slab_len, 1 << 20);
	assert_int_equal(st.slab_max, 256);
	assert_int_equal(st.pkt_max, 65536);
	assert_int_equal(st.slab_total, 0);
	assert_int_equal(st.pkt_total, 0);
	assert_int_equal(pkt_pool_free(pool), 0);
	assert_int_equal(pkt_pool_free(NULL), 0);

	lim.slab_len = 1000; /* raised to the least that holds a read */
	pool = pkt_pool_new(&lim);
	pkt_pool_stats(pool, &st);
	assert_int_equal(st.slab_len, 256 << 10);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static void test_slab_limit_and_order(void **state)
{
	struct pkt_pool *pool = small_pool(3, 1);
	struct gust_slab *s[3];
	struct pkt_pool_stats st;

	for (int i = 0; i < 3; i++) {
		s[i] = slab_new(pool);
		assert_non_null(s[i]);
		assert_int_equal((uintptr_t)s[i]->data % 4096, 0);
		assert_int_equal(s[i]->cap, 1 << 20);
		assert_int_equal(s[i]->used, 0);
		assert_true(slab_sole(s[i]));
		s[i]->data[s[i]->cap - 1] = 1;
	}
	assert_null(slab_new(pool));
	pkt_pool_stats(pool, &st);
	assert_int_equal(st.slab_total, 3);
	assert_int_equal(st.slab_free, 0);

	/* the last one back is the first one out */
	slab_unref(s[0]);
	slab_unref(s[2]);
	assert_ptr_equal(slab_new(pool), s[2]);
	assert_ptr_equal(slab_new(pool), s[0]);
	assert_null(slab_new(pool));

	slab_ref(s[1]);
	assert_false(slab_sole(s[1]));
	slab_unref(s[1]);
	assert_null(slab_new(pool)); /* one reference still holds it */
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	slab_unref(NULL);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static void test_pkt_limit(void **state)
{
	struct pkt_pool *pool = small_pool(1, 70);
	struct gust_pkt *p[70];
	struct pkt_pool_stats st;

	for (int i = 0; i < 70; i++) {
		p[i] = pkt_new(pool);
		assert_non_null(p[i]);
		memset(p[i]->head - GUST_HEADROOM, i, GUST_HEADROOM + PKT_HEAD_LEN);
	}
	assert_null(pkt_new(pool));
	pkt_free(p[69]);
	assert_ptr_equal(pkt_new(pool), p[69]);
	for (int i = 0; i < 69; i++)
		for (int k = -GUST_HEADROOM; k < PKT_HEAD_LEN; k++)
			assert_int_equal(p[i]->head[k], i);
	pkt_pool_stats(pool, &st);
	assert_int_equal(st.pkt_total, 70);
	assert_int_equal(st.pkt_free, 0);
	for (int i = 0; i < 70; i++)
		pkt_free(p[i]);
	pkt_free(NULL);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static void test_outstanding_is_told(void **state)
{
	struct pkt_pool *pool = small_pool(4, 4);
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p = pkt_new(pool);

	assert_int_equal(pkt_pool_free(pool), 2);
	pkt_free(p);
	assert_int_equal(pkt_pool_free(pool), 1);
	slab_unref(s);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static void test_pressure(void **state)
{
	struct pkt_pool *pool = small_pool(16, 1);
	struct gust_slab *s[16];
	unsigned want[17] = { [9] = 1, 1, 1, 1, 1, 1, 2, 2 };

	for (int i = 0; i < 16; i++) {
		assert_int_equal(pkt_pool_pressure(pool), want[i]);
		s[i] = slab_new(pool);
	}
	assert_int_equal(pkt_pool_pressure(pool), 2);
	for (int i = 0; i < 16; i++)
		slab_unref(s[i]);
	assert_int_equal(pkt_pool_pressure(pool), 0);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static void test_copy(void **state)
{
	struct pkt_pool *pool = small_pool(2, 1);
	uint8_t big[65536];
	struct gust_frag a, b, c[40];
	struct pkt_pool_stats st;
	int n;

	assert_int_equal(slab_copy(pool, "hello", 5, &a), 0);
	assert_int_equal(slab_copy(pool, "world", 5, &b), 0);
	assert_memory_equal(a.p, "helloworld", 10);
	assert_ptr_equal(a.slab, b.slab);
	assert_ptr_equal(a.p + 5, b.p);
	frag_unref(&a);
	frag_unref(&b);
	assert_null(b.slab);
	pkt_pool_stats(pool, &st);
	assert_int_equal(st.slab_free, st.slab_total);

	/* nothing of it is in use: filled from the beginning again */
	assert_int_equal(slab_copy(pool, "again", 5, &b), 0);
	assert_ptr_equal(a.p, b.p);
	frag_unref(&b);

	memset(big, 7, sizeof big);
	for (n = 0; n < 40; n++)
		if (slab_copy(pool, big, sizeof big, &c[n]))
			break;
	assert_int_equal(n, 32); /* two slabs of 16 */
	c[n] = (struct gust_frag){ big, NULL, 99 };
	assert_int_equal(slab_copy(pool, big, sizeof big, &c[n]), -ENOBUFS);
	assert_ptr_equal(c[n].p, big); /* untouched */
	assert_int_equal(c[n].len, 99);
	while (n--) {
		assert_memory_equal(c[n].p, big, sizeof big);
		frag_unref(&c[n]);
	}
	assert_int_equal(pkt_pool_free(pool), 0);
}

/* ---- frees from another thread ---- */

struct job {
	struct pkt_pool *own;
	struct gust_batch b;
	struct gust_slab *s;
};

static void *free_all(void *arg)
{
	struct job *j = arg;

	pkt_pool_bind(j->own);
	pkt_batch_free(&j->b);
	slab_unref(j->s);
	pkt_pool_bind(NULL);
	return NULL;
}

static void test_foreign_free(void **state)
{
	struct pkt_pool *pool = small_pool(2, 64), *other = small_pool(1, 1);
	struct pkt_pool_stats st;

	pkt_pool_bind(pool);
	for (int round = 0; round < 20; round++) {
		struct gust_slab *s = slab_new(pool), *bare = slab_new(pool);
		struct job j = { .own = other, .s = bare };
		pthread_t t;

		assert_non_null(s);
		assert_non_null(bare);
		assert_null(slab_new(pool));
		gust_batch_init(&j.b);
		for (int i = 0; i < 64; i++) {
			struct gust_pkt *p = pkt_from_slab(
				pool, s, s->data + GUST_HEADROOM, 100);

			assert_non_null(p);
			gust_batch_push(&j.b, p);
		}
		assert_null(pkt_new(pool));
		slab_unref(s);
		assert_int_equal(pthread_create(&t, NULL, free_all, &j), 0);
		pthread_join(t, NULL);
		/* the owner's lists were not touched */
		assert_null(pool->slab_list);
		assert_null(pool->pkt_list);
		assert_int_equal(atomic_load(&pool->slab_foreign_n), 2);
		assert_int_equal(atomic_load(&pool->pkt_foreign_n), 64);
		pkt_pool_stats(pool, &st);
		assert_int_equal(st.pkt_free, 64);
		assert_int_equal(st.slab_free, 2);
		assert_int_equal(pkt_pool_pressure(pool), 0);
	}
	assert_int_equal(pkt_pool_free(pool), 0);
	assert_int_equal(pkt_pool_free(other), 0);
}

/* The owner allocates while the other thread frees, without any meeting point
 * but the lists. */
struct pipe_job {
	struct pkt_pool *own;
	_Atomic(struct gust_pkt *) slot[64];
	atomic_bool stop;
};

static void *free_slots(void *arg)
{
	struct pipe_job *j = arg;
	bool last;

	pkt_pool_bind(j->own);
	do {
		last = atomic_load(&j->stop);
		for (int i = 0; i < 64; i++)
			pkt_free(atomic_exchange(&j->slot[i], NULL));
	} while (!last);
	pkt_pool_bind(NULL);
	return NULL;
}

static void test_foreign_race(void **state)
{
	struct pkt_pool *pool = small_pool(8, 96), *other = small_pool(1, 1);
	struct pipe_job j = { .own = other };
	pthread_t t;
	unsigned made = 0;

	pkt_pool_bind(pool);
	assert_int_equal(pthread_create(&t, NULL, free_slots, &j), 0);
	for (unsigned i = 0; made < 20000; i++) {
		struct gust_pkt *p = pkt_new(pool);
		struct gust_frag f;

		if (!p)
			continue;
		made++;
		memset(p->head, made, PKT_HEAD_LEN);
		if (!slab_copy(pool, &made, sizeof made, &f))
			assert_int_equal(pkt_frag_add(p, &f), 0);
		pkt_free(atomic_exchange(&j.slot[i % 64], p));
	}
	atomic_store(&j.stop, true);
	pthread_join(t, NULL);
	assert_int_equal(pkt_pool_free(pool), 0);
	assert_int_equal(pkt_pool_free(other), 0);
}

/* ---- memory ---- */

static unsigned resident(const struct gust_slab *s)
{
	unsigned char vec[256];
	unsigned n = 0;

	assert_int_equal(sysconf(_SC_PAGESIZE), 4096);
	assert_int_equal(mincore(s->data, s->cap, vec), 0);
	for (unsigned i = 0; i < s->cap / 4096; i++)
		n += vec[i] & 1;
	return n;
}

static void test_trim(void **state)
{
	struct pkt_pool *pool = small_pool(3, 1);
	struct gust_slab *s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = slab_new(pool);
		memset(s[i]->data, 1, s[i]->cap);
		assert_int_equal(resident(s[i]), 256);
	}
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	pkt_pool_trim(pool, 1);
	assert_int_equal(resident(s[2]), 256); /* used last, kept */
	assert_int_equal(resident(s[1]), 0);
	assert_int_equal(resident(s[0]), 0);
	pkt_pool_trim(pool, 0);
	assert_int_equal(resident(s[2]), 0);
	/* and they still are good */
	for (int i = 0; i < 3; i++) {
		s[i] = slab_new(pool);
		memset(s[i]->data, 2, s[i]->cap);
	}
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	assert_int_equal(pkt_pool_free(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_slab_limit_and_order),
		cmocka_unit_test(test_pkt_limit),
		cmocka_unit_test(test_outstanding_is_told),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_foreign_free),
		cmocka_unit_test(test_foreign_race),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
