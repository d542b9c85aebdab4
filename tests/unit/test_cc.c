/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NewReno and CUBIC: exact windows where the RFC gives a number, the cubic
 * against the formula in floating point, limits at both ends of the range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/cc.h"

#define MSS 1448

struct bed {
	struct tcp_cc c;
	uint64_t now_us;
	uint32_t una, rtt_us;
	bool limited;
};

static void begin(struct bed *b, const struct tcp_cc_ops *ops, uint32_t mss,
		  uint32_t rtt_us)
{
	*b = (struct bed){
		.now_us = 1000000, .una = 1, .rtt_us = rtt_us, .limited = true
	};
	tcp_cc_init(&b->c, ops, mss);
}

static void ack(struct bed *b, uint32_t acked, bool in_recovery)
{
	struct tcp_cc_sample s = {
		.now_us = b->now_us,
		.acked = acked,
		.delivered = acked,
		.inflight = b->c.cwnd,
		.rtt_us = b->rtt_us,
		.srtt_us = b->rtt_us,
		.min_rtt_us = b->rtt_us,
		.cwnd_limited = b->limited,
		.in_recovery = in_recovery,
	};

	b->una += acked;
	s.una = b->una;
	s.nxt = b->una + b->c.cwnd;
	b->c.ops->on_ack(&b->c, &s);
}

/* One round trip: a window of data acknowledged in pieces of `piece`. */
static void run_rtt(struct bed *b, uint32_t piece)
{
	uint32_t left = b->c.cwnd, n = left / piece + 1;

	while (left) {
		uint32_t k = left < piece ? left : piece;

		ack(b, k, false);
		left -= k;
		b->now_us += b->rtt_us / n;
	}
	b->now_us += b->rtt_us % n;
}

static void test_find(void **state)
{
	assert_ptr_equal(tcp_cc_find("cubic"), &tcp_cc_cubic);
	assert_ptr_equal(tcp_cc_find("newreno"), &tcp_cc_newreno);
	assert_null(tcp_cc_find("vegas"));
	assert_null(tcp_cc_find(""));
}

/* RFC 6928: min(10 * MSS, max(2 * MSS, 14600)) */
static void test_iw(void **state)
{
	struct tcp_cc c;

	tcp_cc_init(&c, &tcp_cc_cubic, 1460);
	assert_int_equal(c.cwnd, 14600);
	assert_int_equal(c.ssthresh, UINT32_MAX);
	tcp_cc_init(&c, &tcp_cc_cubic, 536);
	assert_int_equal(c.cwnd, 5360);
	tcp_cc_init(&c, &tcp_cc_cubic, 8948);
	assert_int_equal(c.cwnd, 17896);
	tcp_cc_init(&c, &tcp_cc_cubic, 65495);
	assert_int_equal(c.cwnd, 130990);
}

static void test_slow_start(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct bed b;

		begin(&b, ops[i], MSS, 20000);
		run_rtt(&b, MSS);
		assert_int_equal(b.c.cwnd, 28960); /* IW is 14480 */
		run_rtt(&b, 28960); /* one ACK for a superpacket counts in full */
		assert_int_equal(b.c.cwnd, 57920);
		/* an ACK for more than the window doubles it at the most */
		ack(&b, 1000000, false);
		assert_int_equal(b.c.cwnd, 115840);
		/* up to ssthresh and no further */
		b.c.ssthresh = 115840 + 100;
		ack(&b, 5000, false);
		assert_in_range(b.c.cwnd, 115940, 115940 + MSS);
		assert_true(b.c.cwnd < 115840 + 5000);
	}
}

static void test_not_limited(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i, k;

	for (i = 0; i < 2; i++) {
		struct bed b;

		begin(&b, ops[i], MSS, 20000);
		b.limited = false;
		for (k = 0; k < 100; k++)
			ack(&b, MSS, false);
		assert_int_equal(b.c.cwnd, 14480);
		b.c.ssthresh = b.c.cwnd;
		for (k = 0; k < 100000; k++) {
			ack(&b, MSS, false);
			b.now_us += 1000;
		}
		assert_int_equal(b.c.cwnd, 14480);
		/* the idle time was not saved up for a burst (RFC 9438 5.8) */
		b.limited = true;
		run_rtt(&b, MSS);
		assert_in_range(b.c.cwnd, 14480, 14480 + MSS);
	}
}

static void test_recovery_holds(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct bed b;
		uint32_t w;

		begin(&b, ops[i], MSS, 20000);
		b.c.cwnd = 100 * MSS;
		b.c.ops->on_loss(&b.c, 100 * MSS, b.now_us);
		w = i ? 70 * MSS : 50 * MSS;
		assert_int_equal(b.c.cwnd, w);
		assert_int_equal(b.c.ssthresh, w);
		ack(&b, 30 * MSS, true);
		assert_int_equal(b.c.cwnd, w);
		b.c.ops->on_exit_recovery(&b.c, b.now_us);
		assert_int_equal(b.c.cwnd, w);
		assert_true(
			b.c.hs.done); /* HyStart++ is for the first slow start */
	}
}

static void test_reno_avoidance(void **state)
{
	struct bed b;
	int i;

	begin(&b, &tcp_cc_newreno, MSS, 20000);
	b.c.cwnd = b.c.ssthresh = 20 * MSS;
	for (i = 1; i <= 10; i++) {
		run_rtt(&b, MSS);
		assert_in_range(b.c.cwnd, (20 + i - 1) * MSS, (20 + i) * MSS);
	}
	/* the same with one ACK a window */
	begin(&b, &tcp_cc_newreno, MSS, 20000);
	b.c.cwnd = b.c.ssthresh = 20 * MSS;
	for (i = 1; i <= 10; i++)
		run_rtt(&b, 1 << 20);
	assert_int_equal(b.c.cwnd, 30 * MSS);
}

/* The reduction starts from what was in flight (RFC 5681 3.1), not below two
 * segments, and limited transmit does not count. */
static void test_flight(void **state)
{
	struct bed b;

	begin(&b, &tcp_cc_newreno, MSS, 20000);
	b.c.cwnd = 100 * MSS;
	b.c.ops->on_loss(&b.c, 20 * MSS, b.now_us);
	assert_int_equal(b.c.cwnd, 10 * MSS);
	b.c.ops->on_loss(&b.c, MSS, b.now_us);
	assert_int_equal(b.c.cwnd, 2 * MSS);
	b.c.cwnd = 10 * MSS;
	b.c.ops->on_loss(&b.c, 12 * MSS, b.now_us);
	assert_int_equal(b.c.cwnd, 5 * MSS);
}

static void test_rto(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct bed b;
		uint32_t th = i ? 70 * MSS : 50 * MSS, k;

		begin(&b, ops[i], MSS, 20000);
		b.c.cwnd = 100 * MSS;
		b.c.ops->on_rto(&b.c, 100 * MSS, b.now_us);
		assert_int_equal(b.c.cwnd, MSS);
		assert_int_equal(b.c.ssthresh, th);
		/* the same segment again: ssthresh stays */
		b.c.ops->on_rto(&b.c, 100 * MSS, b.now_us + 1000000);
		assert_int_equal(b.c.cwnd, MSS);
		assert_int_equal(b.c.ssthresh, th);
		/* slow start again up to it */
		for (k = 0; k < 5; k++)
			run_rtt(&b, MSS);
		assert_int_equal(b.c.cwnd, 32 * MSS);
		run_rtt(&b, MSS);
		run_rtt(&b, MSS);
		assert_in_range(b.c.cwnd, th, th + 3 * MSS);
	}
}

static void test_undo(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct bed b;

		begin(&b, ops[i], MSS, 20000);
		b.c.ops->undo(&b.c); /* nothing to undo */
		assert_int_equal(b.c.cwnd, 14480);
		b.c.cwnd = 100 * MSS;
		b.c.ssthresh = 90 * MSS;
		b.c.ops->on_loss(&b.c, 100 * MSS, b.now_us);
		b.c.ops->on_rto(&b.c, 50 * MSS, b.now_us); /* same episode */
		b.c.ops->undo(&b.c);
		assert_int_equal(b.c.cwnd, 100 * MSS);
		assert_int_equal(b.c.ssthresh, 90 * MSS);
		b.c.cwnd = 40 * MSS;
		b.c.ops->undo(&b.c); /* once only */
		assert_int_equal(b.c.cwnd, 40 * MSS);
		/* it may come after the recovery has ended (D-SACK) */
		b.c.ops->on_loss(&b.c, 40 * MSS, b.now_us);
		b.c.ops->on_exit_recovery(&b.c, b.now_us);
		b.c.ops->undo(&b.c);
		assert_int_equal(b.c.cwnd, 40 * MSS);
	}
}

static void test_idle(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct bed b;

		begin(&b, ops[i], MSS, 20000);
		b.c.cwnd = b.c.ssthresh = 100 * MSS;
		b.c.ops->on_idle(&b.c, 5000000);
		assert_int_equal(b.c.cwnd, 10 * MSS);
		assert_int_equal(b.c.ssthresh, 100 * MSS);
		b.c.cwnd = 400 * MSS;
		b.c.ops->on_idle(&b.c, 5000000);
		assert_int_equal(b.c.ssthresh, 300 * MSS);
		b.c.cwnd = 5 * MSS; /* smaller than the restart window: stays */
		b.c.ops->on_idle(&b.c, 5000000);
		assert_int_equal(b.c.cwnd, 5 * MSS);
	}
}

static double root3(double v)
{
	double lo = 0, hi = 1000;
	int i;

	for (i = 0; i < 100; i++) {
		double mid = (lo + hi) / 2;

		if (mid * mid * mid < v)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* CUBIC in congestion avoidance against W(t) = C (t - K)^3 + W_max. The RTT is
 * long enough that the Reno-friendly window stays below. */
static void cubic_curve(uint32_t segs, uint32_t rtt_us, uint32_t piece_segs)
{
	double w_max = segs, k = root3(w_max * 0.3 / 0.4);
	struct bed b;
	uint64_t t0;

	begin(&b, &tcp_cc_cubic, MSS, rtt_us);
	b.c.cwnd = segs * MSS;
	b.c.ops->on_loss(&b.c, segs * MSS, b.now_us);
	b.c.ops->on_exit_recovery(&b.c, b.now_us);
	t0 = b.now_us;
	while (b.now_us - t0 < (uint64_t)(k * 1.5e6)) {
		double t, w, d;

		run_rtt(&b, piece_segs * MSS);
		t = (double)(b.now_us - t0) / 1e6;
		w = 0.4 * (t - k) * (t - k) * (t - k) + w_max;
		d = b.c.cwnd / (double)MSS - w;
		if (d > w * 0.02 + 1.5 || -d > w * 0.02 + 1.5)
			fail_msg("t %.3f: cwnd %.2f segments, W %.2f", t,
				 b.c.cwnd / (double)MSS, w);
	}
}

static void test_cubic_curve(void **state)
{
	cubic_curve(1000, 100000, 2);
	cubic_curve(1000, 100000, 45); /* superpackets */
	cubic_curve(10000, 50000, 45);
	cubic_curve(200000, 200000, 350); /* 290 MB */
}

/* A short RTT is the Reno-friendly region: alpha = 9/17 of a segment a round
 * trip up to the old window, one beyond it (RFC 9438 4.3). */
static void test_cubic_friendly(void **state)
{
	struct bed b;
	int i;

	begin(&b, &tcp_cc_cubic, MSS, 100);
	b.c.cwnd = 100 * MSS;
	b.c.ops->on_loss(&b.c, 100 * MSS, b.now_us);
	b.c.ops->on_exit_recovery(&b.c, b.now_us);
	for (i = 0; i < 34; i++)
		run_rtt(&b, MSS);
	assert_in_range(b.c.cwnd, 86 * MSS, 89 * MSS); /* 70 + 34 * 9/17 = 88 */
	for (i = 0; i < 30; i++)
		run_rtt(&b, MSS);
	assert_in_range(b.c.cwnd, 105 * MSS, 108 * MSS); /* 23 at 9/17, 7 at 1 */
	for (i = 0; i < 20; i++)
		run_rtt(&b, MSS);
	assert_in_range(b.c.cwnd, 125 * MSS, 128 * MSS);
}

/* 10 us round trips and a window of 8 MB: no arithmetic falls over and the
 * window does not run away from the curve. */
static void test_cubic_local(void **state)
{
	struct bed b;
	int i;

	begin(&b, &tcp_cc_cubic, MSS, 10);
	b.c.cwnd = 8 << 20;
	b.c.ops->on_loss(&b.c, 8 << 20, b.now_us);
	b.c.ops->on_exit_recovery(&b.c, b.now_us);
	for (i = 0; i < 3000; i++)
		run_rtt(&b, 512 << 10);
	/* 3000 * 9/17 segments of Reno, in 30 ms */
	assert_in_range(b.c.cwnd, 7500000, (8 << 20));
}

/* RFC 9438 4.7: W_max falls further when the old maximum was not reached. */
static void test_fast_convergence(void **state)
{
	struct bed b;

	begin(&b, &tcp_cc_cubic, 1000, 20000);
	b.c.cwnd = 100000;
	b.c.ops->on_loss(&b.c, 100000, b.now_us);
	assert_int_equal(b.c.cubic.w_max, 100000);
	assert_int_equal(b.c.cwnd, 70000);
	b.c.ops->on_loss(&b.c, 70000, b.now_us + 1000000);
	assert_int_equal(b.c.cubic.w_max, 59500);
	assert_int_equal(b.c.cwnd, 49000);
	b.c.ops->undo(&b.c);
	assert_int_equal(b.c.cubic.w_max, 100000);
	assert_int_equal(b.c.cwnd, 70000);
}

/* RFC 9438 4.8: after a timeout the curve begins at its own window. */
static void test_cubic_after_rto(void **state)
{
	struct bed b;
	uint32_t w;

	begin(&b, &tcp_cc_cubic, MSS, 100000);
	b.c.cwnd = 1000 * MSS;
	b.c.ops->on_rto(&b.c, 1000 * MSS, b.now_us);
	while (b.c.cwnd < b.c.ssthresh)
		run_rtt(&b, 45 * MSS);
	w = b.c.cwnd;
	run_rtt(&b, 45 * MSS);
	assert_int_equal(b.c.cubic.k_ms, 0);
	assert_in_range(b.c.cubic.w_max, 700 * MSS, w + MSS);
	assert_in_range(b.c.cwnd, w, w + 2 * MSS);
}

/* The window stops at 2^30 with either control. */
static void test_ceiling(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i, k;

	for (i = 0; i < 2; i++) {
		struct bed b;

		begin(&b, ops[i], 65495, 1000000);
		for (k = 0; k < 40; k++)
			run_rtt(&b, 4 << 20);
		assert_int_equal(b.c.cwnd, TCP_CWND_MAX);
		b.c.ops->on_loss(&b.c, UINT32_MAX, b.now_us);
		for (k = 0; k < 300; k++)
			run_rtt(&b, 1 << 30);
		assert_in_range(b.c.cwnd, TCP_CWND_MAX / 2, TCP_CWND_MAX + 65495);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_iw),
		cmocka_unit_test(test_slow_start),
		cmocka_unit_test(test_not_limited),
		cmocka_unit_test(test_recovery_holds),
		cmocka_unit_test(test_reno_avoidance),
		cmocka_unit_test(test_flight),
		cmocka_unit_test(test_rto),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_cubic_curve),
		cmocka_unit_test(test_cubic_friendly),
		cmocka_unit_test(test_cubic_local),
		cmocka_unit_test(test_fast_convergence),
		cmocka_unit_test(test_cubic_after_rto),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
