/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: retransmission with backoff and its end (RFC 6298 5, RFC 1122 4.2.3.5),
 * keepalive (RFC 9293 3.8.4), and that an idle connection has none. Delayed ACKs,
 * probes and TIME-WAIT are in test_tcp_data.c and test_tcp_close.c.
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)

/* 200 ms, doubling up to a minute; after fifteen of them a reset. */
static void test_backoff_and_end(void **state)
{
	uint64_t wait = 200 * MS, sum = 0;

	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	for (unsigned i = 0; i < 15; i++) {
		DUE(wait);
		SLEEP(wait - 1);
		NOTHING();
		SLEEP(1);
		OUT(.flags = PSH_ACK, .len = 100);
		NOTHING();
		sum += wait;
		wait = wait * 2 > 60 * SEC ? 60 * SEC : wait * 2;
	}
	EV(0);
	DUE(60 * SEC);
	SLEEP(60 * SEC);
	/* if the peer lives, let it know */
	OUT(.flags = TCP_RST | TCP_ACK, .seq = 101, .wnd = 0);
	NOTHING();
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
	assert_true(sum > 100 * SEC); /* RFC 1122 4.2.3.5: R2 at least 100 s */
	assert_int_equal(H.t.retrans, 15);
	assert_int_equal(H.ctx.stats.rto, 15);
}

/* RFC 6298 5.2, 5.3: an ACK of something begins it anew, of all ends it. */
static void test_restart(void **state)
{
	th_open();
	SEND(3 * MSS);
	OUT(.flags = PSH_ACK, .len = 3 * MSS, .gso = MSS);
	SLEEP(150 * MS);
	IN(.ack = 1); /* nothing new: it runs on */
	DUE(50 * MS);
	IN(.ack = 1 + MSS);
	DUE(200 * MS);
	SLEEP(100 * MS);
	IN(.ack = 1 + 2 * MSS);
	DUE(200 * MS);
	IN(.ack = 1 + 3 * MSS);
	NOT_DUE();
	/* a sample of 250 ms after one of next to nothing: 1/8, variance 1/4 of it */
	assert_int_equal(H.t.rtt.srtt_us, 31250);
	assert_int_equal(H.t.rtt.rto_us, 31250 + 4 * 62500);
	/* 5.1: sending starts it only when it does not run */
	SEND(MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 3 * MSS, .len = MSS);
	SLEEP(50 * MS);
	SEND(MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 4 * MSS, .len = MSS);
	DUE(281250 - 50 * MS);
}

/* An answer in the middle, and the count of failures begins at nothing. */
static void test_count_begins_anew(void **state)
{
	H.conf.retries = 3;
	th_open();
	SEND(200);
	OUT(.flags = PSH_ACK, .len = 200);
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned k = 0; k < 3; k++) {
			SLEEP(tcp_deadline(&H.t) - H.env.now_us);
			DROP_OUT();
		}
		IN(.ack = 2 + i);
		NOTHING();
	}
	EV(TCP_EV_WRITABLE);
	STATE(TCPS_ESTABLISHED);
	/* ACKs without progress do not help */
	for (unsigned k = 0; k < 4; k++) {
		SLEEP(tcp_deadline(&H.t) - H.env.now_us);
		IN(.ack = 11);
		DROP_OUT();
	}
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
}

/* A call before its time does nothing. */
static void test_early_call(void **state)
{
	th_open();
	SEND(10);
	OUT(.flags = PSH_ACK, .len = 10);
	IN(.ack = 1, .len = 5);
	READ(5);
	H.env.now_us += 39 * MS;
	assert_int_equal(tcp_timer(&H.t, &H.env), 0);
	H.dirty = true;
	NOTHING();
	H.env.now_us += 1 * MS;
	assert_int_equal(tcp_timer(&H.t, &H.env), 0);
	H.dirty = true;
	OUT(.seq = 11, .ack = 6);
	NOTHING();
	DUE(160 * MS);
}

/* ---- keepalive ---- */

static void keep(void)
{
	H.conf.keep_idle_us = 60 * SEC;
	H.conf.keep_intvl_us = 10 * SEC;
	H.conf.keep_probes = 3;
	th_open();
}

static void test_keepalive_answered(void **state)
{
	keep();
	for (unsigned i = 0; i < 5; i++) {
		DUE(60 * SEC - !!i);
		SLEEP(60 * SEC - !!i);
		OUT(.seq = 0); /* RFC 9293 3.8.4: SND.NXT - 1, no data */
		NOTHING();
		DUE(10 * SEC);
		SLEEP(1 * SEC);
		IN(.seq = 1);
		SLEEP(9 * SEC); /* the timer notices, and goes back to sleep */
		NOTHING();
		DUE(51 * SEC);
		SLEEP(51 * SEC);
		OUT(.seq = 0);
		IN(.seq = 1);
		NOTHING();
		SLEEP(10 * SEC);
		NOTHING();
		IN(.seq = 1);
		SLEEP(50 * SEC);
		DUE(10 * SEC);
		IN(.seq = 1);
		SLEEP(10 * SEC);
		NOTHING();
		SLEEP(50 * SEC - 1);
		NOTHING();
		IN(.seq = 1);
		SLEEP(1);
		NOTHING();
	}
	EV(0);
	STATE(TCPS_ESTABLISHED);
}

static void test_keepalive_dead(void **state)
{
	keep();
	SLEEP(60 * SEC);
	OUT(.seq = 0);
	for (unsigned i = 0; i < 2; i++) {
		SLEEP(10 * SEC);
		OUT(.seq = 0);
		NOTHING();
	}
	SLEEP(10 * SEC);
	OUT(.flags = TCP_RST | TCP_ACK, .wnd = 0);
	NOTHING();
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
}

/* The peer has forgotten us: it answers the probe with a reset. */
static void test_keepalive_reset(void **state)
{
	keep();
	SLEEP(60 * SEC);
	OUT(.seq = 0);
	IN(.flags = TCP_RST, .seq = 1);
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
	NOT_DUE();
}

/* Switched off by a new configuration: the timer notices. */
static void test_keepalive_off(void **state)
{
	keep();
	H.conf.keep_idle_us = 0;
	SLEEP(60 * SEC);
	NOTHING();
	NOT_DUE();
}

/* Not while data is under way: that has its own timer. */
static void test_keepalive_not_idle(void **state)
{
	H.conf.rto_min_us = H.conf.rto_max_us = 50 * SEC;
	keep();
	SLEEP(30 * SEC);
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	SLEEP(30 * SEC);
	NOTHING();
	SLEEP(20 * SEC);
	OUT(.flags = PSH_ACK, .len = 100); /* a retransmission */
	NOTHING();
	IN(.ack = 101);
	NOTHING();
	SLEEP(40 * SEC); /* 120: due when data was under way at 60 */
	NOTHING();
	SLEEP(20 * SEC); /* 60 after the last arrival */
	OUT(.seq = 100);
	NOTHING();
}

/* Our answers to the peer's keepalives: an ACK, but no storm of them. */
static void test_peer_keepalive(void **state)
{
	th_open();
	for (unsigned i = 0; i < 5; i++) {
		SLEEP(60 * SEC);
		IN(.seq = 0);
		OUT();
		NOTHING();
		IN(.seq = 0, .len = 1); /* the older form, with a byte of garbage */
		OUT(.nsack = H.sack, .sack = { { 0, 1 } });
		NOTHING();
	}
	EV(0);
	SLEEP(1 * SEC);
	IN(.seq = 0);
	OUT();
	for (unsigned i = 0; i < 9; i++) { /* one in 10 ms */
		SLEEP(1 * MS);
		IN(.seq = 0);
		NOTHING();
	}
	SLEEP(1 * MS);
	IN(.seq = 0);
	OUT();
	NOTHING();
}

/* The first of several deadlines is the deadline. */
static void test_earliest(void **state)
{
	H.conf.delack_us = 500 * MS - 1;
	keep();
	SEND(10);
	OUT(.flags = PSH_ACK, .len = 10);
	DUE(200 * MS);
	IN(.ack = 11, .len = 1);
	DUE(500 * MS - 1);
	SLEEP(500 * MS - 1);
	OUT(.seq = 11, .ack = 2);
	DUE(60 * SEC - 500 * MS + 1);
	READ(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_backoff_and_end),    T(test_restart),
		T(test_count_begins_anew),  T(test_early_call),
		T(test_keepalive_answered), T(test_keepalive_dead),
		T(test_keepalive_reset),    T(test_keepalive_off),
		T(test_keepalive_not_idle), T(test_peer_keepalive),
		T(test_earliest),
	};

	return th_run(tests);
}
