/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ring.c - order, limits, the wrap of the indices, two threads
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/ring.h"

static void *num(uintptr_t n)
{
	return (void *)n;
}

static void sizes_round_up(void **state)
{
	static const struct {
		uint32_t ask, got;
	} t[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ 2, 2 },
		{ 3, 4 },
		{ 1000, 1024 },
		{ 1 << 20, 1 << 20 },
		{ (1 << 20) + 1, 1 << 20 },
		{ UINT32_MAX, 1 << 20 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ring *r = ring_new(t[i].ask);
		uint32_t n = 0;

		assert_non_null(r);
		assert_int_equal((uintptr_t)r % 64, 0);
		while (ring_push(r, num(n + 1)))
			n++;
		assert_int_equal(n, t[i].got);
		ring_free(r);
	}
	ring_free(NULL);
}

static void full_and_empty(void **state)
{
	struct ring *r = ring_new(4);

	assert_null(ring_pop(r));
	for (uintptr_t i = 1; i <= 4; i++)
		assert_true(ring_push(r, num(i)));
	assert_false(ring_push(r, num(5)));
	assert_ptr_equal(ring_pop(r), num(1));
	assert_true(ring_push(r, num(6)));
	assert_false(ring_push(r, num(7)));
	assert_ptr_equal(ring_pop(r), num(2));
	assert_ptr_equal(ring_pop(r), num(3));
	assert_ptr_equal(ring_pop(r), num(4));
	assert_ptr_equal(ring_pop(r), num(6)); /* 5 and 7 were not stored */
	assert_null(ring_pop(r));
	ring_free(r);
}

/* Indices just below 2^32, as after four billion items. */
static void indices_wrap(void **state)
{
	struct ring *r = ring_new(8);
	uintptr_t in = 1, out = 1;

	atomic_store(&r->tail, UINT32_MAX - 5);
	atomic_store(&r->head, UINT32_MAX - 5);
	r->head_seen = r->tail_seen = UINT32_MAX - 5;
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 8; i++)
			assert_true(ring_push(r, num(in++)));
		assert_false(ring_push(r, num(in)));
		for (unsigned i = 0; i < 8; i++)
			assert_ptr_equal(ring_pop(r), num(out++));
		assert_null(ring_pop(r));
	}
	assert_true(atomic_load(&r->tail) < 100);
	ring_free(r);
}

#define ITEMS 200000

struct box {
	uint64_t value; /* plain memory: the ring must publish it */
};

struct shared {
	struct ring *ring;
	struct box box[ITEMS];
};

static void *produce(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < ITEMS; i++) {
		s->box[i].value = (uint64_t)i * i + 1;
		while (!ring_push(s->ring, &s->box[i]))
			sched_yield();
	}
	return NULL;
}

static void two_threads(void **state)
{
	static struct shared s;
	unsigned wrong = 0, got = 0;
	pthread_t t;

	s.ring = ring_new(64);
	assert_int_equal(pthread_create(&t, NULL, produce, &s), 0);
	while (got < ITEMS) {
		struct box *b = ring_pop(s.ring);

		if (!b) {
			sched_yield();
			continue;
		}
		wrong += b != &s.box[got] || b->value != (uint64_t)got * got + 1;
		got++;
	}
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_null(ring_pop(s.ring));
	ring_free(s.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_round_up),
		cmocka_unit_test(full_and_empty),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
