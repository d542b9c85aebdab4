/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 6298: the estimator and the timeout, to the microsecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp/rtt.h"

static void test_init(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 200000, 60000000);
	assert_int_equal(r.rto_us, 1000000);
	assert_int_equal(r.srtt_us, 0);
	assert_int_equal(r.min_us, UINT32_MAX);
	tcp_rtt_init(&r, 2000000, 60000000);
	assert_int_equal(r.rto_us, 2000000);
	tcp_rtt_init(&r, 1000, 500000);
	assert_int_equal(r.rto_us, 500000);
}

static void test_samples(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1000, 60000000);
	tcp_rtt_sample(&r, 100000, 1);
	assert_int_equal(r.srtt_us, 100000);
	assert_int_equal(r.rttvar_us, 50000);
	assert_int_equal(r.rto_us, 300000);
	/* RTTVAR before SRTT: 3/4 * 50000 + 1/4 * 80000, 7/8 * 100000 + 1/8 * 180000 */
	tcp_rtt_sample(&r, 180000, 1);
	assert_int_equal(r.rttvar_us, 57500);
	assert_int_equal(r.srtt_us, 110000);
	assert_int_equal(r.rto_us, 340000);
	tcp_rtt_sample(&r, 30000, 1);
	assert_int_equal(r.min_us, 30000);
	assert_int_equal(r.rttvar_us, 63125);
	assert_int_equal(r.srtt_us, 100000);
}

/* A 20 us path, a thousand samples a round trip: nothing is rounded away. */
static void test_fine(void **state)
{
	struct tcp_rtt r;
	int i;

	tcp_rtt_init(&r, 200000, 60000000);
	tcp_rtt_sample(&r, 20, 1000);
	for (i = 0; i < 100000; i++)
		tcp_rtt_sample(&r, 30, 1000);
	assert_int_equal(r.srtt_us, 29);
	assert_int_equal(r.rttvar_us, 0);
	assert_int_equal(r.min_us, 20);
	assert_int_equal(r.rto_us, 200000);
	/* and one sample of a thousand weighs an eight-thousandth */
	tcp_rtt_init(&r, 200000, 60000000);
	tcp_rtt_sample(&r, 1000, 1);
	tcp_rtt_sample(&r, 9000, 1000);
	assert_int_equal(r.srtt_us, 1001);
}

/* A long path without jitter keeps a margin for a delayed ACK. */
static void test_floor(void **state)
{
	struct tcp_rtt r;
	int i;

	tcp_rtt_init(&r, 200000, 60000000);
	for (i = 0; i < 200; i++)
		tcp_rtt_sample(&r, 250000, 1);
	assert_int_equal(r.srtt_us, 250000);
	assert_int_equal(r.rto_us, 300000);
}

static void test_zero_and_extremes(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 200000, 60000000);
	tcp_rtt_sample(&r, 0, 0);
	assert_int_equal(r.srtt_us, 1);
	tcp_rtt_init(&r, 200000, 60000000);
	tcp_rtt_sample(&r, UINT32_MAX, 1);
	assert_int_equal(r.srtt_us, UINT32_MAX);
	assert_int_equal(r.rto_us, 60000000);
	tcp_rtt_sample(&r, 1, 1);
	assert_int_equal(r.min_us, 1);
}

static void test_backoff(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 200000, 60000000);
	tcp_rtt_sample(&r, 50, 1);
	assert_int_equal(tcp_rtt_rto(&r, 0), 200000);
	assert_int_equal(tcp_rtt_rto(&r, 1), 400000);
	assert_int_equal(tcp_rtt_rto(&r, 8), 51200000);
	assert_int_equal(tcp_rtt_rto(&r, 9), 60000000);
	assert_int_equal(tcp_rtt_rto(&r, 255), 60000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_fine),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_zero_and_extremes),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
