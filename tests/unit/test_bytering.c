/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bytering.c - order, room, the end of the memory, two threads
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytering.h"

static void sizes(void **state)
{
	static const struct {
		uint64_t ask, got;
	} t[] = {
		{ 0, 4096 },
		{ 4096, 4096 },
		{ 4097, 8192 },
		{ 1000000, 1 << 20 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytering *r = bytering_new(t[i].ask);

		assert_non_null(r);
		assert_int_equal(r->mask + 1, t[i].got);
		bytering_free(r);
	}
	bytering_free(NULL);
}

static int push(struct bytering *r, uint32_t len, uint8_t fill)
{
	uint8_t *p = bytering_reserve(r, len);

	if (!p)
		return -1;
	assert_int_equal((uintptr_t)p % 16, 0);
	memset(p, fill, len);
	bytering_commit(r);
	return 0;
}

static void assert_next(struct bytering *r, uint32_t len, uint8_t fill)
{
	uint32_t n = 99;
	const uint8_t *p = bytering_peek(r, &n);

	assert_non_null(p);
	assert_int_equal(n, len);
	assert_ptr_equal(p, bytering_peek(r, &n)); /* stays until popped */
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(p[i], fill);
	bytering_pop(r);
}

static void assert_empty(struct bytering *r)
{
	uint32_t n = 99;

	assert_null(bytering_peek(r, &n));
	assert_int_equal(n, 99);
}

static void full_and_empty(void **state)
{
	struct bytering *r = bytering_new(4096);

	assert_empty(r);
	/* 4096 bytes are four records of 1008 and their headers */
	for (uint8_t i = 1; i <= 4; i++)
		assert_int_equal(push(r, 1008, i), 0);
	assert_int_equal(push(r, 0, 5), -1);
	assert_next(r, 1008, 1);
	assert_int_equal(push(r, 1009, 6), -1); /* one unit too long */
	assert_int_equal(push(r, 1008, 7), 0);
	for (uint8_t i = 2; i <= 4; i++)
		assert_next(r, 1008, i);
	assert_next(r, 1008, 7);
	assert_empty(r);
	bytering_free(r);
}

static void too_long(void **state)
{
	struct bytering *r = bytering_new(4096);

	assert_null(bytering_reserve(r, 4081));
	assert_null(bytering_reserve(r, UINT32_MAX));
	assert_int_equal(push(r, 4080, 1), 0);
	assert_next(r, 4080, 1);
	bytering_free(r);
}

static void uncommitted(void **state)
{
	struct bytering *r = bytering_new(4096);

	for (unsigned i = 0; i < 100; i++)
		assert_non_null(bytering_reserve(r, 2000));
	assert_empty(r);
	assert_int_equal(push(r, 100, 3), 0);
	assert_next(r, 100, 3);
	assert_empty(r);
	bytering_free(r);
}

/* A record is never divided: what does not fit in front of the end begins at the
 * beginning, and the rest of the memory is skipped. */
static void end_of_memory(void **state)
{
	struct bytering *r = bytering_new(4096);

	assert_int_equal(push(r, 2000, 1), 0);
	assert_int_equal(push(r, 1000, 2), 0);
	assert_next(r, 2000, 1);
	assert_int_equal(push(r, 1500, 3), 0); /* 1064 are left in front of it */
	assert_int_equal(push(r, 600, 4), -1);
	assert_next(r, 1000, 2);
	assert_next(r, 1500, 3);
	assert_empty(r);
	/* half the ring fits into an empty one, wherever it stands */
	for (uint32_t at = 0; at < 600; at++) {
		assert_int_equal(push(r, at, 5), 0);
		assert_next(r, at, 5);
		assert_int_equal(push(r, 2032, 6), 0);
		assert_next(r, 2032, 6);
		assert_empty(r);
	}
	bytering_free(r);
}

#define RECORDS 200000

static uint32_t len_of(uint32_t i)
{
	return 4 + i * 2654435761u % 700;
}

static void *produce(void *arg)
{
	struct bytering *r = arg;

	for (uint32_t i = 0; i < RECORDS; i++) {
		uint32_t n = len_of(i);
		uint8_t *p;

		while (!(p = bytering_reserve(r, n)))
			sched_yield();
		memset(p, i, n);
		memcpy(p, &i, 4);
		bytering_commit(r);
	}
	return NULL;
}

static void two_threads(void **state)
{
	struct bytering *r = bytering_new(8192);
	unsigned wrong = 0;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, produce, r), 0);
	for (uint32_t i = 0; i < RECORDS;) {
		uint32_t n, seq;
		const uint8_t *p = bytering_peek(r, &n);

		if (!p) {
			sched_yield();
			continue;
		}
		memcpy(&seq, p, 4);
		wrong += n != len_of(i) || seq != i;
		wrong += n > 4 && (p[4] != (uint8_t)i || p[n - 1] != (uint8_t)i);
		bytering_pop(r);
		i++;
	}
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_empty(r);
	bytering_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),         cmocka_unit_test(full_and_empty),
		cmocka_unit_test(too_long),      cmocka_unit_test(uncommitted),
		cmocka_unit_test(end_of_memory), cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
