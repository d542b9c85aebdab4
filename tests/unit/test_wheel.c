/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_wheel.c - never early, never more than a tick late, whatever the
 * distance, the order of arming and the size of the steps
 */
#include "flow/wheel.h"

#include "iplib.h"

#define MS UINT64_C(1000)

static unsigned advance(struct wheel *w, uint64_t now, struct wtimer **ret,
			unsigned max)
{
	struct list expired;
	unsigned n = 0;

	list_init(&expired);
	wheel_advance(w, now, &expired);
	list_for_each_safe (it, &expired) {
		assert_true(n < max);
		ret[n++] = container_of(it, struct wtimer, link);
		list_del(it);
		assert_false(wtimer_armed(ret[n - 1]));
	}
	return n;
}

/* Expires exactly at `at` (a tick), not a microsecond before. */
static void assert_fires(uint64_t start, uint64_t deadline)
{
	struct wheel *w = wheel_new(start);
	uint64_t at = (deadline + MS - 1) / MS * MS;
	struct wtimer t, *got;
	struct list none;

	wtimer_init(&t);
	assert_int_equal(wheel_next(w), ENV_NEVER);
	wheel_arm(w, &t, deadline);
	assert_true(wtimer_armed(&t));
	/* follow wheel_next() to the end, as a worker does */
	for (unsigned i = 0; i < 8; i++) {
		uint64_t next = wheel_next(w);

		assert_true(next <= at);
		if (next == at)
			break;
		list_init(&none);
		wheel_advance(w, next, &none);
		assert_true(list_empty(&none));
	}
	assert_int_equal(wheel_next(w), at);
	assert_int_equal(advance(w, at - 1, &got, 1), 0);
	assert_int_equal(advance(w, at, &got, 1), 1);
	assert_ptr_equal(got, &t);
	assert_int_equal(wheel_next(w), ENV_NEVER);
	assert_int_equal(advance(w, at + 1000 * SEC, &got, 1), 0);
	wheel_free(w);
}

static void test_distances(void **state)
{
	static const uint64_t start[] = { 1,
					  999,
					  255 * MS,
					  256 * MS + 1,
					  65535 * MS,
					  (UINT64_C(1) << 32) * MS - 5,
					  123456789012345 };
	static const uint64_t delta[] = { 1001,
					  2 * MS,
					  255 * MS,
					  256 * MS,
					  257 * MS,
					  65535 * MS,
					  65536 * MS,
					  65537 * MS + 1,
					  (UINT64_C(1) << 24) * MS,
					  ((UINT64_C(1) << 24) + 1) * MS,
					  (UINT64_C(1) << 32) * MS,
					  (UINT64_C(3) << 32) * MS + 77 };

	for (unsigned i = 0; i < sizeof(start) / sizeof(start[0]); i++)
		for (unsigned j = 0; j < sizeof(delta) / sizeof(delta[0]); j++)
			assert_fires(start[i], start[i] + delta[j]);
}

static void test_due(void **state)
{
	struct wheel *w = wheel_new(5 * MS + 300);
	struct wtimer t, *got;

	wtimer_init(&t);
	wheel_arm(w, &t, 4 * MS); /* over already: the next call, however soon */
	assert_true(wheel_next(w) <= 5 * MS + 300);
	assert_int_equal(advance(w, 5 * MS + 300, &got, 1), 1);
	wheel_arm(w, &t, 4 * MS);
	wheel_arm(w, &t, 9 * MS); /* postponed while it waits */
	assert_int_equal(advance(w, 5 * MS + 301, &got, 1), 0);
	assert_int_equal(advance(w, 9 * MS - 1, &got, 1), 0);
	assert_int_equal(advance(w, 9 * MS, &got, 1), 1);
	wheel_free(w);
}

static void test_rearm(void **state)
{
	struct wheel *w = wheel_new(1);
	struct wtimer t, u, *got[2];

	wtimer_init(&t);
	wtimer_init(&u);
	wheel_arm(w, &t, 100 * MS);
	wheel_arm(w, &t, 500 * MS); /* later: lazily */
	assert_int_equal(t.deadline_us, 500 * MS);
	assert_int_equal(advance(w, 400 * MS, got, 2), 0);
	wheel_arm(w, &t, 450 * MS); /* earlier */
	assert_int_equal(wheel_next(w), 450 * MS);
	assert_int_equal(advance(w, 450 * MS - 1, got, 2), 0);
	assert_int_equal(advance(w, 450 * MS, got, 2), 1);

	wheel_arm(w, &t, 700 * MS);
	wheel_arm(w, &u, 700 * MS);
	wheel_cancel(w, &t);
	assert_false(wtimer_armed(&t));
	assert_int_equal(t.deadline_us, ENV_NEVER);
	wheel_cancel(w, &t); /* twice is harmless */
	wheel_arm(w, &u, ENV_NEVER);
	assert_false(wtimer_armed(&u));
	assert_int_equal(wheel_next(w), ENV_NEVER);
	assert_int_equal(advance(w, 1000 * MS, got, 2), 0);

	/* earlier, within the same tick: stays right */
	wheel_arm(w, &t, 1500 * MS - 10);
	wheel_arm(w, &t, 1500 * MS - 900);
	assert_int_equal(t.deadline_us, 1500 * MS - 900);
	assert_int_equal(advance(w, 1500 * MS, got, 2), 1);
	wheel_free(w);
}

/* One timer's work re-arms another that has expired in the same call. */
static void test_rearm_expired(void **state)
{
	struct wheel *w = wheel_new(1);
	struct wtimer t[3], *got[3];
	struct list expired;

	for (unsigned i = 0; i < 3; i++) {
		wtimer_init(&t[i]);
		wheel_arm(w, &t[i], 10 * MS);
	}
	list_init(&expired);
	wheel_advance(w, 10 * MS, &expired);
	assert_ptr_equal(expired.next, &t[0].link);
	list_del(&t[0].link);
	wheel_arm(w, &t[1], 20 * MS);
	wheel_cancel(w, &t[2]);
	assert_true(list_empty(&expired));
	assert_int_equal(advance(w, 19 * MS, got, 3), 0);
	assert_int_equal(advance(w, 20 * MS, got, 3), 1);
	assert_ptr_equal(got[0], &t[1]);

	/* the only one on the caller's list, moved from it to the wheel */
	wheel_arm(w, &t[2], 30 * MS);
	list_init(&expired);
	wheel_advance(w, 30 * MS, &expired);
	wheel_arm(w, &t[2], 40 * MS);
	assert_true(list_empty(&expired));
	assert_int_equal(advance(w, 40 * MS, got, 3), 1);
	wheel_free(w);
}

static void test_order(void **state)
{
	struct wheel *w = wheel_new(1);
	struct wtimer t[100], *got[100];

	for (unsigned i = 0; i < 100; i++) {
		wtimer_init(&t[i]);
		wheel_arm(w, &t[i], (1 + (i * 37 % 100) * 13) * MS);
	}
	assert_int_equal(advance(w, 10 * SEC, got, 100), 100);
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(got[i],
				 &t[i * 73 % 100]); /* 37 * 73 = 1 mod 100 */
	wheel_free(w);
}

/* Random arming, re-arming, cancelling and steps, against deadlines kept aside. */
static void test_model(void **state)
{
	enum { N = 200 };
	struct wheel *w;
	struct wtimer t[N], *got[N];
	uint64_t want[N], now = 777777;
	struct rng rng;

	rng_seed(&rng, 7);
	w = wheel_new(now);
	for (unsigned i = 0; i < N; i++) {
		wtimer_init(&t[i]);
		want[i] = ENV_NEVER;
	}
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = rng_below(&rng, N), n;
		uint64_t before = now, min = ENV_NEVER;
		unsigned scale = rng_below(&rng, 36);

		if (rng_below(&rng, 10) == 0) {
			wheel_cancel(w, &t[i]);
			want[i] = ENV_NEVER;
		} else {
			want[i] = now +
				  (rng_u64(&rng) & ((UINT64_C(1) << scale) - 1));
			wheel_arm(w, &t[i], want[i]);
		}
		for (unsigned j = 0; j < N; j++)
			if (want[j] < min)
				min = want[j];
		assert_true(min == ENV_NEVER ?
				    wheel_next(w) == ENV_NEVER :
				    wheel_next(w) <= (min + MS - 1) / MS * MS ||
					    wheel_next(w) <= now);
		now += rng_u64(&rng) & ((UINT64_C(1) << rng_below(&rng, 26)) - 1);
		n = advance(w, now, got, N);
		for (unsigned j = 0; j < n; j++) {
			unsigned k = got[j] - t;

			assert_true(want[k] <= now); /* never early */
			want[k] = ENV_NEVER;
		}
		for (unsigned j = 0; j < N;
		     j++) { /* what is over by a tick is gone */
			if (want[j] == ENV_NEVER)
				continue;
			assert_true((want[j] + MS - 1) / MS > now / MS);
			assert_true(wtimer_armed(&t[j]));
		}
		assert_true(now >= before);
	}
	wheel_free(w);
	wheel_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_rearm),
		cmocka_unit_test(test_rearm_expired),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
