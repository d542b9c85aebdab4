/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_path.c - the path changes or goes away: MTU, silence, idleness
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim.h"

static struct sim s;

static void complete(uint64_t limit_us)
{
	unsigned i;

	if (!sim_run(&s, limit_us))
		fail_msg("%s", s.why);
	for (i = 0; i < 2; i++)
		if (!sim_complete(&s, i))
			fail_msg("end %u: %llu of %llu bytes, eof %d", i,
				 (unsigned long long)s.end[i].received,
				 (unsigned long long)s.end[!i].app.total,
				 s.end[i].eof);
}

static void narrow(struct sim *x)
{
	x->link[0].mtu = 1000;
}

static void narrow6(struct sim *x)
{
	x->link[0].mtu = 1300;
}

/* The path's MTU falls in the middle of a transfer: TOO_BIG comes back, what
 * was lost is sent again smaller, and it is no congestion. */
static void test_pmtu(void **state)
{
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		sim_init(&s, 1 + v6, v6);
		s.link[0].delay_us = s.link[1].delay_us = 10000;
		s.end[0].app.total = 3000000;
		sim_act_add(&s, SIM_SEC + 150000, v6 ? narrow6 : narrow);
		complete(200 * SIM_SEC);
		assert_true(s.lost > 0);
		assert_int_equal(s.end[0].t.pmtu, v6 ? 1300 : 1000);
		assert_int_equal(s.end[0].ctx.stats.rto, 0);
		assert_true(s.end[1].done_us < 4 * SIM_SEC);
		assert_int_equal(sim_free(&s), 0);
	}
}

/* Our own link's MTU changes while data is in flight, both ways. */
static void shrink_link(struct sim *x)
{
	x->end[0].caps.mtu = 900;
	tcp_mtu_changed(&x->end[0].t);
}

static void widen_link(struct sim *x)
{
	x->end[0].caps.mtu = 1500;
	tcp_mtu_changed(&x->end[0].t);
}

static void test_link_mtu(void **state)
{
	sim_init(&s, 3, false);
	s.link[0].delay_us = s.link[1].delay_us = 10000;
	s.end[0].app.total = 3000000;
	sim_act_add(&s, SIM_SEC + 100000, shrink_link);
	sim_act_add(&s, SIM_SEC + 200000, widen_link);
	complete(200 * SIM_SEC);
	assert_int_equal(sim_free(&s), 0);
}

static void vanish(struct sim *x)
{
	x->link[0].down = x->link[1].down = true;
}

static void come_back(struct sim *x)
{
	x->link[0].down = x->link[1].down = false;
}

/* The peer vanishes in a transfer: the sender gives up after its retries, not
 * before some minutes and not never. */
static void test_peer_gone(void **state)
{
	sim_init(&s, 4, false);
	s.link[0].delay_us = s.link[1].delay_us = 10000;
	s.end[0].app.total = 100000000;
	sim_act_add(&s, SIM_SEC + 500000, vanish);
	sim_run(&s, 3600 * SIM_SEC); /* the receiver cannot know: it stays */
	assert_true(s.end[0].closed);
	assert_true(s.end[0].events & TCP_EV_TIMEOUT);
	assert_in_range(s.end[0].closed_us, 300 * SIM_SEC, 1800 * SIM_SEC);
	assert_false(s.end[1].closed);
	assert_int_equal(sim_free(&s), 0);
}

/* Silence while opening. */
static void test_open_timeout(void **state)
{
	sim_init(&s, 5, false);
	s.link[0].down = true;
	assert_true(sim_run(&s, 600 * SIM_SEC));
	assert_true(s.end[0].events & TCP_EV_TIMEOUT);
	/* 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 s (RFC 9293 MUST-23: 3 minutes) */
	assert_in_range(s.end[0].closed_us, 183 * SIM_SEC, 185 * SIM_SEC);
	assert_int_equal(sim_free(&s), 0);
}

/* An idle connection whose peer vanishes: keepalive finds out; without it the
 * connection has no timer at all. */
static void test_keepalive(void **state)
{
	unsigned on;

	for (on = 0; on < 2; on++) {
		sim_init(&s, 6, false);
		s.link[0].delay_us = s.link[1].delay_us = 10000;
		s.end[0].app.total = s.end[1].app.total = 1000;
		s.end[0].app.keep_open = s.end[1].app.keep_open = true;
		if (on) {
			s.end[0].conf.keep_idle_us = 60 * SIM_SEC;
			s.end[0].conf.keep_intvl_us = 10 * SIM_SEC;
			s.end[0].conf.keep_probes = 5;
		}
		sim_act_add(&s, 300 * SIM_SEC, vanish);
		sim_run(&s, 3600 * SIM_SEC);
		assert_int_equal(s.end[0].received, 1000);
		assert_int_equal(s.end[1].received, 1000);
		if (on) {
			assert_true(s.end[0].events & TCP_EV_TIMEOUT);
			/* alive until 300 s, then at most one idle time and five
			 * probes */
			assert_in_range(s.end[0].closed_us, 340 * SIM_SEC,
					415 * SIM_SEC);
		} else {
			assert_false(s.end[0].closed);
			assert_true(s.packets < 20);
		}
		assert_int_equal(sim_free(&s), 0);
	}
}

/* A pause of the path shorter than the retries: the transfer goes on. */
static void test_outage(void **state)
{
	sim_init(&s, 7, false);
	s.link[0].delay_us = s.link[1].delay_us = 10000;
	s.end[0].app.total = 1000000;
	s.end[1].app.total = 1000000;
	sim_act_add(&s, SIM_SEC + 60000, vanish);
	sim_act_add(&s, 20 * SIM_SEC, come_back);
	complete(300 * SIM_SEC);
	assert_true(s.end[0].done_us < 60 * SIM_SEC);
	assert_int_equal(sim_free(&s), 0);
}

static void slow_path(struct sim *x)
{
	x->link[0].delay_us = 600000;
}

static void quick_path(struct sim *x)
{
	x->link[0].delay_us = 10000;
}

/* The path holds everything back for half a second and loses nothing: the
 * timeout was wrong, the timestamps say so, and the window comes back. */
static void test_delay_spike(void **state)
{
	const struct tcp_cc_ops *ops[] = { &tcp_cc_newreno, &tcp_cc_cubic };
	unsigned i;

	for (i = 0; i < 2; i++) {
		sim_init(&s, 9, false);
		s.end[0].conf.cc = ops[i];
		s.link[0].delay_us = s.link[1].delay_us = 10000;
		s.end[0].app.total = 20000000;
		sim_act_add(&s, SIM_SEC + 200000, slow_path);
		sim_act_add(&s, SIM_SEC + 210000, quick_path);
		complete(300 * SIM_SEC);
		assert_int_equal(s.lost, 0);
		assert_true(s.end[0].ctx.stats.rto > 0);
		assert_true(s.end[0].ctx.stats.undo > 0);
		/* 20 MB at more than a megabyte a round trip */
		assert_true(s.end[1].done_us < 5 * SIM_SEC);
		assert_int_equal(sim_free(&s), 0);
	}
}

/* The passive side answers the SYN late (it connects elsewhere first): the
 * SYN's repetitions in between open nothing twice. */
static void test_slow_accept(void **state)
{
	sim_init(&s, 8, false);
	s.link[0].delay_us = s.link[1].delay_us = 10000;
	s.end[0].app.total = s.end[1].app.total = 5000;
	s.end[1].app.accept_us = 10 * SIM_SEC;
	complete(300 * SIM_SEC);
	assert_int_equal(s.end[1].ctx.stats.passive_open, 1);
	assert_int_equal(s.end[1].ctx.stats.established, 1);
	assert_int_equal(sim_free(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pmtu),
		cmocka_unit_test(test_link_mtu),
		cmocka_unit_test(test_peer_gone),
		cmocka_unit_test(test_open_timeout),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_outage),
		cmocka_unit_test(test_delay_spike),
		cmocka_unit_test(test_slow_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
