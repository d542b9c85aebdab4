/* SPDX-License-Identifier: BSD-2-Clause */
/* HyStart++ (RFC 9406): rounds, thresholds, CSS and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/cc.h"

#define MSS 1448

struct bed {
	struct tcp_hystart h;
	uint32_t una;
	bool left;
};

/* One round of `n` ACKs with this RTT; returns the growth of all of them. */
static uint32_t run_round(struct bed *b, unsigned n, uint32_t rtt_us)
{
	uint32_t grow = 0, nxt = b->una + 2 * n * MSS;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct tcp_cc_sample s = { .acked = MSS, .rtt_us = rtt_us };
		bool leave;

		b->una += MSS;
		s.una = b->una;
		s.nxt = nxt;
		grow += tcp_hystart_ack(&b->h, &s, MSS, &leave);
		b->left |= leave;
	}
	/* the rest of the flight, acknowledged without samples at the next
	 * round's beginning */
	b->una = nxt - MSS;
	return grow;
}

static void begin(struct bed *b, uint32_t una)
{
	*b = (struct bed){ .una = una };
	tcp_hystart_init(&b->h);
}

static void test_steady(void **state)
{
	struct bed b;
	int i;

	begin(&b, UINT32_MAX - 20000); /* sequence numbers wrap on the way */
	for (i = 0; i < 20; i++)
		assert_int_equal(run_round(&b, 10, 50000 + i % 3 * 1000), 10 * MSS);
	assert_false(b.left);
	assert_false(b.h.css);
}

static void test_threshold(void **state)
{
	struct bed b;

	/* 50 ms / 8 = 6.25 ms above the last round */
	begin(&b, 1000);
	run_round(&b, 10, 50000);
	run_round(&b, 10, 56249);
	assert_false(b.h.css);
	begin(&b, 1000);
	run_round(&b, 10, 50000);
	run_round(&b, 10, 56250);
	assert_true(b.h.css);
	/* at least 4 ms */
	begin(&b, 1000);
	run_round(&b, 10, 20);
	run_round(&b, 10, 4019);
	assert_false(b.h.css);
	run_round(&b, 10, 8019);
	assert_true(b.h.css);
	/* at most 16 ms */
	begin(&b, 1000);
	run_round(&b, 10, 400000);
	run_round(&b, 10, 416000);
	assert_true(b.h.css);
}

static void test_samples(void **state)
{
	struct bed b;

	begin(&b, 1000);
	run_round(&b, 10, 50000);
	run_round(&b, 7, 90000); /* seven samples say nothing */
	assert_false(b.h.css);
	begin(&b, 1000);
	run_round(&b, 10, 50000);
	run_round(&b, 10, 0); /* no samples at all */
	run_round(&b, 10, 90000);
	assert_false(b.h.css);
}

static void test_css_leaves(void **state)
{
	struct bed b;
	int i;

	begin(&b, 1000);
	run_round(&b, 16, 50000);
	run_round(&b, 16, 60000);
	assert_true(b.h.css);
	for (i = 0; i < 4; i++) {
		assert_int_equal(run_round(&b, 16, 60000), 16 * (MSS / 4));
		assert_false(b.left);
	}
	run_round(&b, 16, 60000);
	assert_true(b.left);
	assert_true(b.h.done);
	assert_int_equal(run_round(&b, 16, 60000),
			 16 * MSS); /* plain from now on */
}

static void test_css_returns(void **state)
{
	struct bed b;

	begin(&b, 1000);
	run_round(&b, 16, 50000);
	run_round(&b, 16, 60000);
	assert_true(b.h.css);
	run_round(&b, 16, 59999); /* below the baseline: it was jitter */
	assert_false(b.h.css);
	assert_int_equal(run_round(&b, 16, 50000), 16 * MSS);
	assert_false(b.left);
}

/* An ACK of a few bytes does not stop the growth in CSS. */
static void test_css_tiny(void **state)
{
	struct bed b;
	struct tcp_cc_sample s = { .acked = 2, .rtt_us = 60000 };
	bool leave;

	begin(&b, 1000);
	run_round(&b, 16, 50000);
	run_round(&b, 16, 60000);
	s.una = b.una - 10 * MSS;
	s.nxt = b.una;
	assert_int_equal(tcp_hystart_ack(&b.h, &s, MSS, &leave), 1);
	assert_false(leave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_css_leaves),
		cmocka_unit_test(test_css_returns),
		cmocka_unit_test(test_css_tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
