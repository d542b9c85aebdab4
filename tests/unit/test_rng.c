/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_rng.c - the generator's sequence, its range function, its seeds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"

/* From state 1, 2, 3, 4; the first terms can be done by hand: the first output
 * is rotl(2 * 5, 7) * 9 = 11520. */
static void known_sequence(void **state)
{
	static const uint64_t want[] = {
		11520,
		0,
		1509978240,
		1215971899390074240,
	};
	struct rng r = { .s = { 1, 2, 3, 4 } };

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rng_u64(&r), want[i]);
}

/* The first terms of splitmix64 from 0 are published with the generator. */
static void seed_is_splitmix(void **state)
{
	struct rng r;

	rng_seed(&r, 0);
	assert_int_equal(r.s[0], 0xe220a8397b1dcdaf);
	assert_int_equal(r.s[1], 0x6e789e6aa1b965f4);
	assert_int_equal(r.s[2], 0x06c45d188009454f);
	assert_int_equal(r.s[3], 0xf88bb8a8724c81ec);
}

static void same_seed_same_sequence(void **state)
{
	struct rng a, b, c;
	unsigned differ = 0;

	rng_seed(&a, 42);
	rng_seed(&b, 42);
	rng_seed(&c, 43);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = rng_u64(&a);

		assert_int_equal(v, rng_u64(&b));
		differ += v != rng_u64(&c);
	}
	assert_int_equal(differ, 1000);
}

static void below_limits(void **state)
{
	struct rng r;

	rng_seed(&r, 7);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(rng_below(&r, 0), 0);
		assert_int_equal(rng_below(&r, 1), 0);
		assert_true(rng_below(&r, UINT32_MAX) < UINT32_MAX);
		assert_true(rng_below(&r, (1u << 31) + 1) <= 1u << 31);
	}
}

/* 60,000 throws of a die: each face 10,000 times, standard deviation 91; the
 * seed is fixed, so this either always passes or never. */
static void below_is_uniform(void **state)
{
	unsigned seen[6] = { 0 };
	struct rng r;

	rng_seed(&r, 1);
	for (unsigned i = 0; i < 60000; i++)
		seen[rng_below(&r, 6)]++;
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(seen[i], 9600, 10400);
}

/* With n = 3/4 of 2^32 four draws fall on three results: without rejection the
 * multiples of three would come twice as often as the others. */
static void below_is_not_biased(void **state)
{
	const uint32_t n = 3u << 30;
	unsigned third[3] = { 0 };
	struct rng r;

	rng_seed(&r, 2);
	for (unsigned i = 0; i < 30000; i++)
		third[rng_below(&r, n) % 3]++;
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(third[i], 9600, 10400);
}

static void os_seeds_differ(void **state)
{
	struct rng a = { 0 }, b = { 0 };

	assert_int_equal(rng_seed_os(&a), 0);
	assert_int_equal(rng_seed_os(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_true(a.s[0] | a.s[1] | a.s[2] | a.s[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sequence),
		cmocka_unit_test(seed_is_splitmix),
		cmocka_unit_test(same_seed_same_sequence),
		cmocka_unit_test(below_limits),
		cmocka_unit_test(below_is_uniform),
		cmocka_unit_test(below_is_not_biased),
		cmocka_unit_test(os_seeds_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
