/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_rate.c - how fast: loss against the known formula, a bottleneck, a clean
 * long path, superpackets
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim.h"

static struct sim s;

/* Bytes a second of the transfer 0 -> 1 that was set up. */
static uint64_t rate(uint64_t limit_us)
{
	uint64_t t0 = s.env.now_us, us;

	if (!sim_run(&s, limit_us))
		fail_msg("%s", s.why);
	assert_true(sim_complete(&s, 1));
	us = s.end[1].done_us - t0;
	return s.end[0].app.total * SIM_SEC / us;
}

/*
 * 1% loss, 20 ms: RFC 3819's and Mathis' formula gives MSS / RTT * sqrt(1.5 / p)
 * = 1448 / 0.02 * 12.25 = 887 kB/s for Reno; CUBIC is in its Reno-friendly
 * region there (RFC 9438 5.1). At least half must be reached.
 */
static void test_loss(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i, seed;

	for (i = 0; i < 2; i++) {
		uint64_t sum = 0;

		for (seed = 1; seed <= 3; seed++) {
			sim_init(&s, seed, false);
			s.end[0].conf.cc = s.end[1].conf.cc = ops[i];
			s.link[0].delay_us = s.link[1].delay_us = 10000;
			s.link[0].loss = 10000;
			s.end[0].app.total = 4000000;
			sum += rate(300 * SIM_SEC);
			assert_int_equal(sim_free(&s), 0);
		}
		print_message("%s, 1%% loss, 20 ms: %llu kB/s\n", ops[i]->name,
			      (unsigned long long)(sum / 3 / 1000));
		assert_true(sum / 3 >= 887000 / 2);
		/* and no more than a fair control would take */
		assert_true(sum / 3 <= 887000 * 2);
	}
}

/* A 10 Mbyte/s bottleneck with a queue of one BDP: three quarters
 * of it, the overshoot of slow start and a timeout in its recovery included. */
static void test_bottleneck(void **state)
{
	uint64_t got;

	sim_init(&s, 10, false);
	s.link[0].delay_us = s.link[1].delay_us = 10000;
	s.link[0].rate = 10000000;
	s.link[0].queue = 200000;
	s.end[0].app.total = 20000000;
	got = rate(300 * SIM_SEC);
	print_message("bottleneck 10000 kB/s: %llu kB/s\n", (unsigned long long)(got / 1000));
	assert_true(got >= 7500000);
	assert_int_equal(sim_free(&s), 0);
}

/* A clean path of 50 ms: slow start and the windows open without a stall. 10 MB
 * take about ten round trips until the window is at its limit of 6 MB. */
static void test_long_path(void **state)
{
	uint64_t got;

	sim_init(&s, 11, true);
	s.link[0].delay_us = s.link[1].delay_us = 25000;
	s.end[0].app.total = 20000000;
	got = rate(300 * SIM_SEC);
	print_message("50 ms without loss: %llu kB/s\n", (unsigned long long)(got / 1000));
	assert_true(got >= 15000000);
	assert_int_equal(s.end[0].t.retrans, 0);
	assert_int_equal(sim_free(&s), 0);
}

/* A local path, superpackets whole, in both directions: few packets. */
static void test_local(void **state)
{
	uint64_t got, total = 60000000;
	unsigned i;

	sim_init(&s, 12, false);
	s.keep_super = true;
	for (i = 0; i < 2; i++) {
		s.link[i].delay_us = 15;
		s.end[i].caps.gso_max4 = 500000;
		s.end[i].caps.feats |= FEAT_BIT(FEAT_BIGTCP4);
	}
	s.end[0].app.total = total;
	s.end[0].app.chunk = 500000;
	got = rate(300 * SIM_SEC);
	print_message("30 us with superpackets: %llu MB/s in %llu packets\n",
		      (unsigned long long)(got / 1000000), (unsigned long long)s.packets);
	/* a window of 256 KiB a round trip at the least */
	assert_true(got >= 5000000000);
	assert_true(s.packets < 3 * total / 65536);
	assert_int_equal(sim_free(&s), 0);
}

/* Requests and answers: nothing waits for a delayed ACK. */
static void test_small_writes(void **state)
{
	uint64_t us;

	sim_init(&s, 13, false);
	s.link[0].delay_us = s.link[1].delay_us = 100;
	s.end[0].conf.nagle = s.end[1].conf.nagle = false;
	s.end[0].app.total = 20000;
	s.end[0].app.chunk = 100;
	s.end[1].app.total = 20000;
	s.end[1].app.chunk = 100;
	if (!sim_run(&s, 100 * SIM_SEC))
		fail_msg("%s", s.why);
	us = s.end[0].done_us - SIM_SEC;
	assert_true(us < 30000);
	assert_int_equal(sim_free(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_bottleneck),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_small_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
