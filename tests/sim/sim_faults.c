/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_faults.c - faults by rule: the one packet whose loss used to hang stacks
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ip/ip.h"
#include "sim.h"

#define MS UINT64_C(1000)

static struct sim s;

static void begin(uint64_t seed, uint32_t delay_us)
{
	sim_init(&s, seed, false);
	s.link[0].delay_us = s.link[1].delay_us = delay_us;
}

/* Run to the end, everything must have arrived; returns the virtual time. */
static uint64_t finish(uint64_t limit_us)
{
	uint64_t t0 = s.env.now_us, took;
	unsigned i;

	if (!sim_run(&s, limit_us))
		fail_msg("%s", s.why);
	for (i = 0; i < 2; i++)
		if (!sim_complete(&s, i))
			fail_msg("end %u: %llu of %llu bytes, eof %d", i,
				 (unsigned long long)s.end[i].received,
				 (unsigned long long)s.end[!i].app.total,
				 s.end[i].eof);
	took = (s.end[0].done_us > s.end[1].done_us ? s.end[0].done_us :
						      s.end[1].done_us) -
	       t0;
	for (i = 0; i < s.nrule; i++)
		if (s.rule[i].count && s.rule[i].dropped == 0)
			fail_msg("rule %u never matched", i);
	assert_int_equal(sim_free(&s), 0);
	return took;
}

/* No fault at all: one round trip for the handshake, then the data, and the
 * connection is gone when TIME-WAIT is over. */
static void test_clean(void **state)
{
	begin(1, 10000);
	s.end[0].app.total = 10000;
	s.end[1].app.total = 20000;
	assert_in_range(finish(100 * SIM_SEC), 30000, 100000);
	assert_int_equal(s.lost, 0);
	/* one of the two waits, the other does not */
	assert_true(s.end[0].events & TCP_EV_TIME_WAIT ||
		    s.end[1].events & TCP_EV_TIME_WAIT);
	assert_int_equal(s.end[0].t.retrans + s.end[1].t.retrans, 0);
}

static void test_syn_lost(void **state)
{
	begin(2, 10000);
	s.end[0].app.total = s.end[1].app.total = 1000;
	sim_rule_add(&s, 0, sim_is_syn, 0, 2);
	sim_rule_add(&s, 1, sim_is_syn, 0, 1);
	/* 1 s, 2 s, then the SYN-ACK's own second or the SYN's four */
	assert_in_range(finish(200 * SIM_SEC), 3 * SIM_SEC, 8 * SIM_SEC);
}

/* The ACK that completes the handshake is lost and the opener has nothing to
 * say: the SYN-ACK is sent again and answered. */
static void test_third_ack_lost(void **state)
{
	begin(3, 10000);
	s.end[0].app.after_eof = true;
	s.end[0].app.total = 100;
	s.end[1].app.total = 5000;
	sim_rule_add(&s, 0, sim_is_ack, 0, 1);
	assert_in_range(finish(200 * SIM_SEC), SIM_SEC, 3 * SIM_SEC);
}

/* The first, or the first two FINs of one side are lost. */
static void test_fin_lost(void **state)
{
	unsigned side, n;

	for (side = 0; side < 2; side++) {
		for (n = 1; n <= 2; n++) {
			begin(4 + side, 5000);
			s.end[0].app.total = 3000;
			s.end[1].app.total = 3000;
			sim_rule_add(&s, side, sim_is_fin, 0, n);
			finish(200 * SIM_SEC);
		}
	}
}

static void test_second_fin_lost(void **state)
{
	begin(8, 5000);
	s.end[0].app.total = 3000;
	s.end[1].app.total = 3000;
	s.end[1].app.after_eof = true;
	sim_rule_add(&s, 0, sim_is_fin, 0, 1);
	sim_rule_add(&s, 1, sim_is_fin, 0, 1);
	finish(200 * SIM_SEC);
}

static bool is_ack_after_fin(const struct sim_seg *g)
{
	return sim_is_ack(g) && s.end[0].hi_seq && s.end[0].events & TCP_EV_EOF;
}

/* The last ACK of all is lost: the other side sends its FIN again and
 * TIME-WAIT answers. */
static void test_last_ack_lost(void **state)
{
	begin(9, 5000);
	s.end[0].app.total = 2000;
	s.end[1].app.total = 2000;
	s.end[1].app.after_eof = true;
	sim_rule_add(&s, 0, is_ack_after_fin, 0, 1);
	finish(200 * SIM_SEC);
	assert_true(s.end[0].events & TCP_EV_TIME_WAIT);
	assert_false(s.end[1].events & (TCP_EV_RESET | TCP_EV_TIMEOUT));
}

/* Both close in the same instant; then with both FINs lost. */
static void test_simultaneous_close(void **state)
{
	unsigned n;

	for (n = 0; n < 3; n++) {
		begin(20 + n, 50000);
		s.end[0].app.total = s.end[1].app.total = 100;
		if (n) {
			sim_rule_add(&s, 0, sim_is_fin, 0, n);
			sim_rule_add(&s, 1, sim_is_fin, 0, n);
		}
		finish(300 * SIM_SEC);
	}
}

/* Every retransmission is lost once: recovery must not wait for a timeout a
 * segment, nor for ever. */
static void test_rtx_lost_once(void **state)
{
	uint64_t us;

	begin(30, 10000);
	s.end[0].app.total = 400000;
	s.link[0].loss = 20000;
	sim_rule_add(&s, 0, sim_is_first_rtx, 0, 1000000);
	us = finish(600 * SIM_SEC);
	assert_true(us < 60 * SIM_SEC);
}

/* One segment is lost amid many: SACK brings it back without a timeout. */
static void test_one_loss(void **state)
{
	uint64_t clean, lossy;
	unsigned pass;

	for (pass = 0; pass < 2; pass++) {
		begin(31, 20000);
		s.end[0].app.total = 300000;
		s.end[0].conf.sack = s.end[1].conf.sack =
			!pass; /* and without SACK */
		clean = finish(100 * SIM_SEC);
		begin(31, 20000);
		s.end[0].app.total = 300000;
		s.end[0].conf.sack = s.end[1].conf.sack = !pass;
		sim_rule_add(&s, 0, sim_is_data, 30, 1);
		lossy = finish(100 * SIM_SEC);
		assert_int_equal(s.end[0].ctx.stats.rto, 0);
		assert_int_equal(s.end[0].ctx.stats.fast_recovery, 1);
		assert_int_equal(s.end[0].t.retrans, 1);
		/* the window is smaller from then on: some round trips more */
		assert_true(lossy < clean + 10 * 40 * MS);
	}
}

/* The tail is lost: there is nothing behind it, so the timer must do it. */
static void test_tail_loss(void **state)
{
	begin(32, 5000);
	s.end[0].app.total = 14000;
	s.end[0].app.keep_open = true;
	s.end[1].app.total = 0;
	s.end[1].app.keep_open = true;
	sim_rule_add(&s, 0, sim_is_data, 9, 3);
	sim_run(&s, 10 * SIM_SEC); /* ends by time: both stay open */
	assert_int_equal(s.end[1].received, 14000);
	assert_true(s.end[1].done_us < SIM_SEC + 2 * SIM_SEC);
	assert_int_equal(sim_free(&s), 0);
}

/* A reader that stops: the window closes, probes keep the connection, and the
 * data comes when it reads again. */
static void test_zero_window(void **state)
{
	begin(40, 5000);
	s.end[1].conf.rcvbuf_init = s.end[1].conf.rcvbuf_max = 20000;
	s.end[0].app.total = 200000;
	s.end[1].app.stall_us = 30 * SIM_SEC;
	assert_in_range(finish(300 * SIM_SEC), 29 * SIM_SEC, 60 * SIM_SEC);
	assert_true(s.end[0].ctx.stats.probes > 0);
	assert_int_equal(s.end[0].ctx.stats.rto, 0);
}

/* The update that opens the window again is lost, several times: the probe
 * finds out. */
static void test_window_update_lost(void **state)
{
	begin(41, 5000);
	s.end[1].conf.rcvbuf_init = s.end[1].conf.rcvbuf_max = 20000;
	s.end[0].app.total = 100000;
	s.end[1].app.stall_us = 5 * SIM_SEC;
	sim_rule_add(&s, 1, sim_is_wnd_update, 0, 3);
	assert_in_range(finish(300 * SIM_SEC), 4 * SIM_SEC, 40 * SIM_SEC);
}

/* Both directions closed by their readers at once. */
static void test_zero_window_both(void **state)
{
	unsigned i;

	begin(42, 5000);
	for (i = 0; i < 2; i++) {
		struct sim_end *e = &s.end[i];

		e->conf.rcvbuf_init = e->conf.rcvbuf_max = 8000;
		e->app.total = 60000;
		e->app.stall_us = (5 + 5 * i) * SIM_SEC;
		sim_rule_add(&s, i, sim_is_wnd_update, 0, 2);
	}
	finish(600 * SIM_SEC);
}

/* A reader of a few bytes at a time: no silly windows, so few packets. */
static void test_silly_window(void **state)
{
	begin(43, 1000);
	s.end[1].conf.rcvbuf_init = s.end[1].conf.rcvbuf_max = 20000;
	s.end[0].app.total = 100000;
	s.end[1].app.read_max = 50;
	s.end[1].app.read_every_us = 1000;
	finish(600 * SIM_SEC);
	/* 70 full segments; without avoidance it would be thousands */
	assert_true(s.packets < 500);
}

/* Half-close: the answer to a finished request still comes in full. */
static void test_half_close(void **state)
{
	begin(50, 20000);
	s.end[0].app.total = 50;
	s.end[1].app.after_eof = true;
	s.end[1].app.total = 500000;
	s.link[1].loss = 10000;
	finish(300 * SIM_SEC);
}

static void test_abort(void **state)
{
	begin(51, 10000);
	s.end[0].app.total = 1000000;
	s.end[1].app.abort_after = 50000;
	s.end[1].app.keep_open = true;
	assert_true(sim_run(&s, 100 * SIM_SEC));
	assert_true(s.end[0].events & TCP_EV_RESET);
	assert_true(s.end[0].closed_us - s.end[1].closed_us < 100 * MS);
	assert_int_equal(sim_free(&s), 0);
}

/* The reset is lost: the next segment meets no connection and is answered. */
static bool is_rst(const struct sim_seg *g)
{
	return g->h.flags & TCP_RST;
}

static void test_abort_lost(void **state)
{
	begin(52, 10000);
	s.end[0].app.total = 1000000;
	s.end[1].app.abort_after = 50000;
	s.end[1].app.keep_open = true;
	sim_rule_add(&s, 1, is_rst, 0, 1);
	assert_true(sim_run(&s, 100 * SIM_SEC));
	assert_true(s.end[0].events & TCP_EV_RESET);
	assert_int_equal(sim_free(&s), 0);
}

/* Nobody reads any more: what still comes is answered by a reset. */
static void test_detach(void **state)
{
	begin(53, 10000);
	s.end[0].app.total = 10000000;
	s.end[1].app.detach_us = SIM_SEC + 200 * MS;
	assert_true(sim_run(&s, 200 * SIM_SEC));
	assert_true(s.end[0].events & TCP_EV_RESET);
	assert_int_equal(sim_free(&s), 0);
}

/* Without window scaling a configured buffer below 64 KB still is the limit
 * (tcpcheck looks after each step). */
static void test_small_buffer_unscaled(void **state)
{
	begin(54, 1000);
	s.end[1].conf.wscale = false;
	s.end[1].conf.rcvbuf_init = s.end[1].conf.rcvbuf_max = 3000;
	s.end[0].app.total = 100000;
	finish(100 * SIM_SEC);
}

/* The reset that a late duplicate of ours provoked, when the other side is
 * closed already: sent from end 1 to end 0. */
static void late_reset(struct sim *x)
{
	struct tcp *t = &x->end[0].t;
	struct tcp_hdr h = { .sport = t->rport,
			     .dport = t->lport,
			     .seq = t->rcv_nxt,
			     .flags = TCP_RST };
	struct ip_tx tx = {
		.src = t->remote, .dst = t->local, .proto = 6, .ttl = 64, .df = true
	};
	struct gust_pkt *p = pkt_new(x->pool), *q;
	enum drop_reason why;

	assert_int_equal(t->state, TCPS_TIME_WAIT);
	assert_true(tcp_readable(t) > 0);
	p->hlen = tcp_hdr_build(p->head, &h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	ip_push(p, &tx, &x->end[1].caps);
	p->need = GUST_F_CSUM;
	q = tcpcheck_deliver(x->pool, &x->fill, p, &why);
	pkt_free(p);
	assert_non_null(q);
	x->end[0].events |= tcp_input(t, q, &x->env);
}

/* What was received and acknowledged, FIN included, stays readable. */
static void test_reset_in_time_wait(void **state)
{
	begin(55, 1000);
	s.end[0].app.total = 100;
	s.end[1].app.total = 20000;
	s.end[1].app.after_eof = true;
	s.end[0].app.stall_us = 20 * SIM_SEC;
	sim_act_add(&s, 10 * SIM_SEC, late_reset);
	finish(300 * SIM_SEC);
	assert_false(s.end[0].events & TCP_EV_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_syn_lost),
		cmocka_unit_test(test_third_ack_lost),
		cmocka_unit_test(test_fin_lost),
		cmocka_unit_test(test_second_fin_lost),
		cmocka_unit_test(test_last_ack_lost),
		cmocka_unit_test(test_simultaneous_close),
		cmocka_unit_test(test_rtx_lost_once),
		cmocka_unit_test(test_one_loss),
		cmocka_unit_test(test_tail_loss),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_window_update_lost),
		cmocka_unit_test(test_zero_window_both),
		cmocka_unit_test(test_silly_window),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_abort_lost),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_small_buffer_unscaled),
		cmocka_unit_test(test_reset_in_time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
