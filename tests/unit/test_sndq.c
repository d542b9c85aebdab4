/* SPDX-License-Identifier: BSD-2-Clause */
/* The send queue: joining, dropping, slicing, references, speed by steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tcp/sndq.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	struct pkt_limits lim = { .slab_len = 1 << 20,
				  .slab_max = 64,
				  .pkt_max = 256 };

	pool = pkt_pool_new(&lim);
	if (!pool)
		return -1;
	pkt_pool_bind(pool);
	return 0;
}

static int teardown(void **state)
{
	return (int)pkt_pool_free(pool);
}

static uint8_t pattern(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) * 13);
}

/* `len` bytes of the pattern from stream position `pos`, from `slab`, `gap`
 * bytes after what was used before. */
static struct gust_frag piece(struct gust_slab *slab, uint32_t pos, uint32_t len,
			      uint32_t gap)
{
	struct gust_frag f = { .slab = slab, .len = len };
	uint32_t i;

	assert_true(slab->used + gap + len <= slab->cap);
	f.p = slab->data + slab->used + gap;
	for (i = 0; i < len; i++)
		f.p[i] = pattern(pos + i);
	slab->used += gap + len;
	slab_ref(slab);
	return f;
}

static void check_slice(struct sndq *q, uint32_t pos, uint32_t off, uint32_t len)
{
	struct gust_pkt *p = pkt_new(pool);
	static uint8_t buf[1 << 20];
	uint32_t i;

	assert_non_null(p);
	assert_int_equal(sndq_slice(q, off, len, p), 0);
	assert_int_equal(pkt_payload_len(p), len);
	assert_int_equal(pkt_payload_copy(p, 0, buf, len), len);
	for (i = 0; i < len; i++)
		if (buf[i] != pattern(pos + off + i))
			fail_msg("byte %u of [%u, +%u)", i, off, len);
	pkt_free(p);
}

static void test_join(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f[3];
	struct sndq q;

	sndq_init(&q);
	f[0] = piece(s, 0, 100, 0);
	f[1] = piece(s, 100, 50, 0); /* adjacent */
	f[2] = piece(s, 150, 70, 1); /* not */
	assert_int_equal(sndq_push(&q, f, 3), 0);
	assert_int_equal(q.q.n, 2);
	assert_int_equal(q.len, 220);
	f[0] = piece(s, 220, 30, 0);
	assert_int_equal(sndq_push(&q, f, 1), 0);
	assert_int_equal(q.q.n, 2);
	check_slice(&q, 0, 0, 250);
	check_slice(&q, 0, 99, 2);
	check_slice(&q, 0, 149, 2);
	sndq_drop(&q, 120);
	assert_int_equal(q.len, 130);
	check_slice(&q, 120, 0, 130);
	check_slice(&q, 120, 29, 2);
	sndq_drop(&q, 130);
	assert_null(q.q.f); /* an idle queue holds nothing */
	assert_int_equal(q.len, 0);
	assert_true(slab_sole(s));
	slab_unref(s);
}

static void test_empty_pieces(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f[2];
	struct sndq q;

	sndq_init(&q);
	f[0] = piece(s, 0, 0, 0);
	f[1] = piece(s, 0, 0, 3);
	assert_int_equal(sndq_push(&q, f, 2), 0);
	assert_null(q.q.f);
	assert_true(slab_sole(s));
	sndq_free(&q);
	slab_unref(s);
}

static void test_release(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f;
	struct sndq q;
	uint32_t i;

	sndq_init(&q);
	for (i = 0; i < 100; i++) {
		f = piece(s, i, 1, 1);
		assert_int_equal(sndq_push(&q, &f, 1), 0);
	}
	assert_int_equal(q.q.n, 100);
	sndq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

/* More than 32 bits can count: refused, and the references stay ours. */
static void test_too_much(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f = { .slab = s, .p = s->data, .len = UINT32_MAX };
	struct sndq q;

	sndq_init(&q);
	slab_ref(s);
	assert_int_equal(sndq_push(&q, &f, 1), 0);
	f.len = 1;
	assert_int_equal(sndq_push(&q, &f, 1), -ENOMEM);
	assert_int_equal(q.len, UINT32_MAX);
	sndq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

/* Random pushes, drops and slices: new data forward, retransmissions anywhere. */
static void test_random(void **state)
{
	uint32_t seed, step;

	for (seed = 1; seed <= 20; seed++) {
		struct gust_slab *s = slab_new(pool);
		uint32_t pos = 0, end = 0, nxt = 0;
		struct sndq q;
		struct rng r;

		rng_seed(&r, seed);
		sndq_init(&q);
		for (step = 0; step < 2000; step++) {
			uint32_t n = 1 + rng_below(&r, 300), gap = rng_below(&r, 2);
			struct gust_frag f;

			switch (rng_below(&r, 4)) {
			case 0:
				if (s->cap - s->used < n + gap)
					break;
				f = piece(s, end, n, gap);
				assert_int_equal(sndq_push(&q, &f, 1), 0);
				end += n;
				break;
			case 1:
				if (n > end - nxt)
					n = end - nxt;
				check_slice(&q, pos, nxt - pos, n);
				nxt += n;
				break;
			case 2:
				if (nxt == pos)
					break;
				gap = rng_below(&r, nxt - pos);
				if (n > nxt - pos - gap)
					n = nxt - pos - gap;
				check_slice(&q, pos, gap, n);
				break;
			case 3:
				if (n > nxt - pos)
					n = nxt - pos;
				sndq_drop(&q, n);
				pos += n;
				break;
			}
			assert_int_equal(q.len, end - pos);
		}
		sndq_free(&q);
		assert_true(slab_sole(s));
		slab_unref(s);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sixty thousand pieces: recovery that alternates between the queue's two ends
 * and a drain segment by segment must not walk it. (Walking would take minutes;
 * the limit is loose enough for any machine.) */
static void test_many_pieces(void **state)
{
	struct gust_slab *s = slab_new(pool);
	uint32_t i, n = 60000, len = 100;
	struct gust_pkt *p;
	double t0;
	struct sndq q;

	sndq_init(&q);
	for (i = 0; i < n; i++) {
		/* never adjacent: every other place of the slab, again and again */
		struct gust_frag f = { .slab = s, .len = len };

		f.p = s->data + (i % 2000) * 2 * len;
		slab_ref(s);
		assert_int_equal(sndq_push(&q, &f, 1), 0);
	}
	assert_int_equal(q.q.n, n);
	t0 = seconds();
	for (i = 0; i < n / 2; i++) {
		p = pkt_new(pool);
		assert_int_equal(sndq_slice(&q, (n / 2 + i) * len, len, p), 0);
		assert_ptr_equal(p->frag[0].p,
				 s->data + ((n / 2 + i) % 2000) * 2 * len);
		pkt_free(p);
		p = pkt_new(pool);
		assert_int_equal(sndq_slice(&q, i * len, len, p), 0);
		assert_ptr_equal(p->frag[0].p, s->data + (i % 2000) * 2 * len);
		pkt_free(p);
	}
	for (i = 0; i < n; i++)
		sndq_drop(&q, len);
	assert_true(seconds() - t0 < 5.0);
	assert_int_equal(q.len, 0);
	assert_null(q.q.f);
	assert_true(slab_sole(s));
	slab_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_pieces, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
