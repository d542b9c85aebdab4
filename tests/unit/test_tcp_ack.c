/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ACK does: which are believed (RFC 5961 5.2), the send window (RFC 9293
 * 3.10.7.4), round-trip time and timeout (RFC 6298, Karn), the growth of the
 * congestion window (RFC 5681 3.1, 7661), restart after idleness (RFC 5681 4.1).
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)

/* ---- which are believed ---- */

static void test_ack_of_nothing(void **state)
{
	th_open();
	IN(.ack = 2, .len = 10); /* of what was never sent: not taken */
	OUT();
	NOTHING();
	EV(0);
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	IN(.ack = 102);
	OUT(.seq = 101);
	EV(0);
	IN(.ack = 101);
	NOTHING();
	EV(TCP_EV_WRITABLE);
	assert_int_equal(H.drops.n[DROP_TCP_ACK], 2);
	assert_int_equal(H.ctx.stats.challenge_acks, 2);
}

/* Older than the largest window ever offered: nobody of ours sent it. */
static void test_ack_too_old(void **state)
{
	uint32_t max = 0xffffu << PEER_WS;

	th_open();
	IN(.ack = 1 - max, .len = 10);
	EV(TCP_EV_READABLE); /* just old: its data counts */
	READ(10);
	IN(.ack = -max, .len = 10);
	EV(0);
	OUT(.ack = 11);
	NOTHING();
	assert_int_equal(H.drops.n[DROP_TCP_ACK], 1);
}

static void test_no_ack_bit(void **state)
{
	th_open();
	IN(.flags = 0, .len = 10);
	IN(.flags = TCP_FIN);
	IN(.flags = TCP_PSH | TCP_URG, .len = 10);
	IN(.flags = TCP_SYN | TCP_FIN | TCP_ACK);
	IN(.flags = TCP_SYN | TCP_RST);
	NOTHING();
	EV(0);
	assert_int_equal(H.drops.n[DROP_BAD_TCPFLAGS], 5);
}

/* ---- the send window ---- */

static void test_window_order(void **state)
{
	th_open();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 4 * MSS, .wnd = 1000);
	assert_int_equal(H.t.snd_wnd, 16000);
	/* an ACK that was overtaken says nothing about the window */
	IN(.ack = 1 + 2 * MSS, .wnd = 5);
	assert_int_equal(H.t.snd_wnd, 16000);
	/* the same numbers again: it may grow and shrink */
	IN(.ack = 1 + 4 * MSS, .wnd = 2000);
	assert_int_equal(H.t.snd_wnd, 32000);
	IN(.ack = 1 + 4 * MSS, .wnd = 100);
	assert_int_equal(H.t.snd_wnd, 1600);
	/* newer data of the peer with an older ACK */
	IN(.ack = 1 + 3 * MSS, .wnd = 7, .len = 10);
	assert_int_equal(H.t.snd_wnd, 1600);
	IN(.ack = 1 + 4 * MSS, .wnd = 3000, .len = 10);
	assert_int_equal(H.t.snd_wnd, 48000);
	assert_int_equal(H.t.max_wnd, 0xffff << PEER_WS);
	DROP_OUT();
}

/* The peer takes window back (RFC 9293 3.8.6: SHOULD NOT; be prepared): nothing
 * new, and what is out there is retransmitted all the same. */
static void test_window_shrinks(void **state)
{
	th_open();
	SEND(20 * MSS);
	OUT(.len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 2 * MSS, .wnd = 0);
	NOTHING();
	SLEEP(200 * MS);
	OUT(.seq = 1 + 2 * MSS, .len = MSS);
	NOTHING();
	IN(.ack = 1 + 10 * MSS, .wnd = 0);
	NOTHING();
	SLEEP(tcp_deadline(&H.t) - H.env.now_us);
	OUT(.seq = 10 * MSS); /* now it is a closed window */
	IN();
	OUT(.seq = 1 + 10 * MSS, .len = 2 * MSS, .gso = MSS, .flags = TCP_ACK);
	NOTHING();
}

/* Shrunk to nothing with data outstanding: the peer lives, it is not given up. */
static void test_window_shrunk_for_long(void **state)
{
	H.conf.retries = 3;
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	for (unsigned i = 0; i < 20; i++) {
		SLEEP(tcp_deadline(&H.t) - H.env.now_us);
		OUT(.flags = PSH_ACK, .len = 100);
		NOTHING();
		IN(.ack = 1, .wnd = 0);
	}
	EV(0);
	STATE(TCPS_ESTABLISHED);
}

/* ---- round-trip time ---- */

/* One byte goes and comes back after `us`. */
static void ping(uint64_t us)
{
	SEND(1);
	OUT(.flags = PSH_ACK, .seq = (uint32_t)H.sent, .len = 1);
	SLEEP(us);
	IN();
	NOTHING();
}

/* RFC 6298 2.2, 2.3 with alpha 1/8, beta 1/4 */
static void test_rtt(void **state)
{
	th_init();
	tcp_connect(&H.t, &H.env);
	H.dirty = true;
	OUT_SYN();
	SLEEP(100 * MS);
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT();
	assert_int_equal(H.t.rtt.srtt_us, 100000);
	assert_int_equal(H.t.rtt.rttvar_us, 50000);
	assert_int_equal(H.t.rtt.rto_us, 300000);
	ping(100 * MS);
	assert_int_equal(H.t.rtt.srtt_us, 100000);
	assert_int_equal(H.t.rtt.rttvar_us, 37500);
	assert_int_equal(H.t.rtt.rto_us, 250000);
	ping(180 * MS);
	assert_int_equal(H.t.rtt.srtt_us, 110000);
	assert_int_equal(H.t.rtt.rttvar_us, 48125);
	assert_int_equal(H.t.rtt.rto_us, 302500);
	SEND(1);
	OUT(.flags = PSH_ACK, .seq = 3, .len = 1);
	DUE(302500);
}

/* Only one segment is timed at a time, from its sending to its ACK. */
static void test_rtt_one_at_a_time(void **state)
{
	H.conf.nagle = false;
	th_open();
	SEND(10);
	OUT(.flags = PSH_ACK, .len = 10);
	SLEEP(10 * MS);
	SEND(10);
	OUT(.flags = PSH_ACK, .seq = 11, .len = 10);
	SLEEP(20 * MS);
	H.t.rtt.srtt_us = H.t.rtt.rttvar_us = 0; /* forget the handshake */
	H.t.rtt.srtt_frac = 0;
	IN(.ack = 21); /* acknowledges both: the first was timed */
	assert_int_equal(H.t.rtt.srtt_us, 30 * MS);
}

/* Karn: what was sent twice times nothing, and the backed-off timeout stays until
 * there is a measurement. Timestamps give one at once (RFC 7323 4.1). */
static void test_karn(void **state)
{
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	SLEEP(200 * MS);
	OUT(.flags = PSH_ACK, .len = 100);
	DUE(400 * MS);
	SLEEP(50 * MS);
	IN(.ack = 101);
	EV(TCP_EV_WRITABLE);
	if (H.ts) {
		/* 1 us before: 7/8 of it and 1/8 of 50 ms */
		assert_int_equal(H.t.rtt.srtt_us, 6250);
		assert_int_equal(H.t.rtx_shift, 0);
	} else {
		assert_int_equal(H.t.rtt.srtt_us, 1);
		assert_int_equal(H.t.rtx_shift, 1);
	}
	SEND(100);
	OUT(.flags = PSH_ACK, .seq = 101, .len = 100);
	DUE(H.ts ? 200 * MS : 400 * MS);
	SLEEP(1 * MS);
	IN(.ack = 201);
	assert_int_equal(H.t.rtx_shift, 0);
	SEND(100);
	OUT(.flags = PSH_ACK, .seq = 201, .len = 100);
	DUE(200 * MS);
}

/* An echo from the future or from another life is no measurement. */
static void test_rtt_bad_echo(void **state)
{
	H.ts = true;
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	SLEEP(200 * MS);
	OUT(.flags = PSH_ACK, .len = 100);
	IN(.ack = 51, .tsecr = H.last_tsval + 1000);
	assert_int_equal(H.t.rtt.srtt_us, 1);
	assert_int_equal(H.t.rtx_shift, 1);
	IN(.ack = 52, .tsecr = 0);
	assert_int_equal(H.t.rtx_shift, 1);
	IN(.ack = 101, .tsecr = H.last_tsval - 700000);
	assert_int_equal(H.t.rtx_shift, 1);
	assert_int_equal(H.t.rtt.srtt_us, 1);
	DROP_OUT();
}

/* ---- the congestion window ---- */

static void test_slow_start(void **state)
{
	th_open();
	assert_int_equal(H.t.cc.cwnd, 10 * MSS);
	SEND(100 * MSS);
	OUT(.len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 10 * MSS);
	assert_int_equal(H.t.cc.cwnd, 20 * MSS);
	OUT(.seq = 1 + 10 * MSS, .len = 20 * MSS, .gso = MSS);
	IN(.ack = 1 + 20 * MSS);
	assert_int_equal(H.t.cc.cwnd, 30 * MSS);
	OUT(.seq = 1 + 30 * MSS, .len = 20 * MSS, .gso = MSS);
	NOTHING();
}

/* RFC 7661: a window that is not used does not grow. */
static void test_not_limited(void **state)
{
	th_open();
	for (unsigned i = 0; i < 50; i++) {
		SEND(2 * MSS);
		OUT(.flags = PSH_ACK, .seq = 1 + 2 * MSS * i, .len = 2 * MSS,
		    .gso = MSS);
		SLEEP(1 * MS);
		IN();
		NOTHING();
	}
	assert_int_equal(H.t.cc.cwnd, 10 * MSS);
	/* limited by the peer's window: neither */
	IN(.wnd = (3 * MSS + 15) >> PEER_WS);
	SEND(9 * MSS);
	for (unsigned i = 0; i < 3; i++) {
		OUT(.flags = i == 2 ? PSH_ACK : TCP_ACK,
		    .seq = 1 + 100 * MSS + 3 * MSS * i, .len = 3 * MSS, .gso = MSS);
		NOTHING();
		IN(.wnd = (3 * MSS + 15) >> PEER_WS);
	}
	assert_int_equal(H.t.cc.cwnd, 10 * MSS);
}

/* RFC 5681 3.1: one segment a round trip. */
static void test_congestion_avoidance(void **state)
{
	uint32_t at = 1;

	th_open();
	H.t.cc.ssthresh = H.t.cc.cwnd;
	SEND(100 * MSS);
	for (unsigned i = 0; i < 5; i++) {
		OUT(.seq = at, .len = (10 + i) * MSS, .gso = MSS);
		NOTHING();
		at += (10 + i) * MSS;
		IN(.ack = at);
		assert_int_equal(H.t.cc.cwnd, (11 + i) * MSS);
	}
	DROP_OUT();
}

/* RFC 5681 4.1: nothing sent for longer than a timeout, back to the initial
 * window. What we receive meanwhile does not keep the old one alive. */
static void idle(bool receiving)
{
	uint32_t at = 1 + 30 * MSS;

	SEND(30 * MSS);
	OUT(.len = 10 * MSS, .gso = MSS);
	IN();
	OUT(.flags = PSH_ACK, .seq = 1 + 10 * MSS, .len = 20 * MSS, .gso = MSS);
	IN();
	NOTHING();
	assert_int_equal(H.t.cc.cwnd, 40 * MSS);
	SLEEP(200 * MS); /* just an RTO: still good */
	SEND(40 * MSS);
	OUT(.flags = PSH_ACK, .seq = at, .len = 40 * MSS, .gso = MSS);
	IN();
	at += 40 * MSS;
	assert_int_equal(H.t.cc.cwnd, 80 * MSS);
	for (unsigned i = 0; i < 21; i++) {
		SLEEP(10 * MS);
		if (!receiving)
			continue;
		IN(.len = 200, .gso = 100);
		OUT(.seq = at, .ack = 201 + 200 * i);
	}
	SEND(40 * MSS);
	OUT(.seq = at, .ack = ANY, .len = 10 * MSS, .gso = MSS);
	NOTHING();
	assert_int_equal(H.t.cc.ssthresh, UINT32_MAX); /* slow start from there */
}

static void test_idle(void **state)
{
	th_open();
	idle(false);
}

static void test_idle_receiving(void **state)
{
	th_open();
	idle(true);
}

/* The report names what there is. */
static void test_report(void **state)
{
	struct tcp_report r;

	th_open();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 4 * MSS, .len = 500, .wnd = 0x1000);
	tcp_report(&H.t, &r);
	assert_string_equal(r.state, "ESTABLISHED");
	assert_string_equal(r.cc, "newreno");
	assert_int_equal(r.inflight, 6 * MSS);
	assert_int_equal(r.sndq, 6 * MSS);
	assert_int_equal(r.cwnd, 14 * MSS);
	assert_int_equal(r.mss, MSS);
	assert_int_equal(r.snd_wnd, 0x10000);
	assert_int_equal(r.rcvq, 500);
	assert_int_equal(r.bytes_in, 500);
	assert_int_equal(r.bytes_out, 4 * MSS);
	assert_int_equal(r.rto_us, 200000);
	assert_int_equal(r.retrans, 0);
	DROP_OUT();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ack_of_nothing),
		T(test_ack_too_old),
		T(test_no_ack_bit),
		T(test_window_order),
		T(test_window_shrinks),
		T(test_window_shrunk_for_long),
		T(test_rtt),
		T(test_rtt_one_at_a_time),
		T(test_karn),
		T(test_rtt_bad_echo),
		T(test_slow_start),
		T(test_not_limited),
		T(test_congestion_avoidance),
		T(test_idle),
		T(test_idle_receiving),
		T(test_report),
	};

	return th_run(tests);
}
