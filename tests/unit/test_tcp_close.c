/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing: every path through the state machine, half-close both ways, lost and
 * early FINs, TIME-WAIT and its reuse, detach and abort (RFC 9293 3.6, 3.10.4,
 * 3.10.5; RFC 6191; RFC 1122 4.2.2.13).
 */
#include "tcp_harness.h"

#define FIN_ACK (TCP_FIN | TCP_ACK)

/* ---- we close first ---- */

static void test_active_close(void **state)
{
	th_open();
	SHUTDOWN();
	STATE(TCPS_FIN_WAIT_1);
	OUT(.flags = FIN_ACK);
	NOTHING();
	EV(0);
	SHUTDOWN(); /* once is enough */
	NOTHING();
	IN(.ack = 2);
	NOTHING();
	STATE(TCPS_FIN_WAIT_2);
	EV(TCP_EV_WRITABLE);
	NOT_DUE(); /* the peer may send for as long as it likes */
	SLEEP(500 * SEC);
	IN(.flags = FIN_ACK, .ack = 2);
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	EV(TCP_EV_EOF | TCP_EV_TIME_WAIT);
	assert_true(tcp_at_eof(&H.t));
	DUE(60 * SEC);
	SLEEP(60 * SEC);
	NOTHING();
	EV(TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
}

/* FIN and its ACK in one segment: FIN-WAIT-1 to TIME-WAIT directly. */
static void test_fin_with_ack(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.flags = FIN_ACK, .ack = 2);
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	EV(TCP_EV_WRITABLE | TCP_EV_EOF | TCP_EV_TIME_WAIT);
}

/* Data that was queued goes first, the FIN with the last of it. */
static void test_fin_with_data(void **state)
{
	th_open();
	SEND(100);
	SHUTDOWN();
	OUT(.flags = FIN_ACK | TCP_PSH, .len = 100);
	NOTHING();
	assert_int_equal(th_send(1), -EPIPE);
	IN(.ack = 101); /* the data, not the FIN */
	NOTHING();
	STATE(TCPS_FIN_WAIT_1);
	IN(.ack = 102);
	STATE(TCPS_FIN_WAIT_2);
	assert_int_equal(th_send(1), -EPIPE);
}

/* The FIN waits with the data that the window leaves out. */
static void test_fin_behind_window(void **state)
{
	th_open();
	IN(.wnd = (2 * MSS + 15) >> PEER_WS);
	SEND(2 * MSS + 96);
	SHUTDOWN();
	STATE(TCPS_FIN_WAIT_1);
	OUT(.len = 2 * MSS, .gso = MSS);
	NOTHING();
	IN(.wnd = 96 >> PEER_WS); /* exactly the rest, no room for a FIN */
	OUT(.flags = TCP_ACK | TCP_PSH, .seq = 1 + 2 * MSS, .len = 96);
	NOTHING();
	IN(.wnd = 1);
	OUT(.flags = FIN_ACK, .seq = 97 + 2 * MSS);
	NOTHING();
}

static void test_fin_needs_window(void **state)
{
	th_open();
	IN(.wnd = 0);
	SHUTDOWN();
	NOTHING();
	STATE(TCPS_FIN_WAIT_1);
	DUE(200 * MS); /* a window probe */
	IN(.wnd = 1);
	OUT(.flags = FIN_ACK);
	NOTHING();
}

/* ---- the peer closes first ---- */

static void test_passive_close(void **state)
{
	th_open();
	IN(.flags = FIN_ACK);
	OUT(.ack = 2);
	NOTHING();
	STATE(TCPS_CLOSE_WAIT);
	EV(TCP_EV_EOF);
	assert_true(tcp_at_eof(&H.t));
	NOT_DUE();
	SHUTDOWN();
	STATE(TCPS_LAST_ACK);
	OUT(.flags = FIN_ACK, .ack = 2);
	NOTHING();
	IN(.ack = 2);
	NOTHING();
	EV(TCP_EV_WRITABLE | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
}

static void test_peer_fin_with_data(void **state)
{
	th_open();
	IN(.flags = FIN_ACK | TCP_PSH, .len = 100);
	OUT(.ack = 102); /* at once, although it is small */
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_EOF);
	assert_false(tcp_at_eof(&H.t));
	READ(100);
	NOTHING(); /* there is no window to speak of any more */
	assert_true(tcp_at_eof(&H.t));
}

/* ---- both at once (RFC 9293 3.6, figure 13) ---- */

static void test_simultaneous_close(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.flags = FIN_ACK, .ack = 1);
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	STATE(TCPS_CLOSING);
	EV(TCP_EV_EOF);
	IN(.ack = 2);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	EV(TCP_EV_WRITABLE | TCP_EV_TIME_WAIT);
	DUE(60 * SEC);
}

static void test_simultaneous_with_data(void **state)
{
	th_open();
	SEND(50);
	SHUTDOWN();
	OUT(.flags = FIN_ACK | TCP_PSH, .len = 50);
	IN(.flags = FIN_ACK, .ack = 1, .len = 70);
	OUT(.seq = 52, .ack = 72);
	NOTHING();
	STATE(TCPS_CLOSING);
	IN(.ack = 51);
	STATE(TCPS_CLOSING);
	IN(.ack = 52);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	READ(70); /* what came stays readable */
	NOTHING();
	assert_true(tcp_at_eof(&H.t));
}

/* ---- half-close ---- */

/* We have closed, the peer goes on sending. */
static void test_half_close_receive(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.ack = 1, .len = 10); /* in FIN-WAIT-1 */
	EV(TCP_EV_READABLE);
	READ(10);
	IN(.ack = 2);
	STATE(TCPS_FIN_WAIT_2);
	for (unsigned i = 0; i < 20; i++) {
		IN(.len = 3000, .gso = 1000);
		OUT(.seq = 2, .ack = 11 + 3000 * (i + 1));
		NOTHING();
		READ(3000);
		NOTHING();
	}
	IN(.flags = FIN_ACK);
	OUT(.seq = 2, .ack = 60012);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
}

/* The peer has closed, we go on sending. */
static void test_half_close_send(void **state)
{
	th_open();
	IN(.flags = FIN_ACK);
	OUT(.ack = 2);
	for (unsigned i = 0; i < 20; i++) {
		SEND(100);
		OUT(.flags = TCP_ACK | TCP_PSH, .seq = 1 + 100 * i, .ack = 2,
		    .len = 100);
		NOTHING();
		IN(.ack = 101 + 100 * i);
		NOTHING();
	}
	SEND(10);
	SHUTDOWN();
	OUT(.flags = FIN_ACK | TCP_PSH, .seq = 2001, .ack = 2, .len = 10);
	IN();
	STATE(TCPS_CLOSED);
	NOTHING();
}

/* ---- FINs that are lost or early ---- */

static void test_lost_fin(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	DUE(200 * MS);
	for (unsigned i = 0; i < 3; i++) {
		SLEEP(200 * MS << i);
		OUT(.flags = FIN_ACK);
		NOTHING();
	}
	STATE(TCPS_FIN_WAIT_1);
	IN(.ack = 2);
	STATE(TCPS_FIN_WAIT_2);
	NOT_DUE();
}

static void test_lost_fin_with_data(void **state)
{
	th_open();
	SEND(100);
	SHUTDOWN();
	OUT(.flags = FIN_ACK | TCP_PSH, .len = 100);
	SLEEP(200 * MS);
	OUT(.flags = FIN_ACK | TCP_PSH, .len = 100);
	NOTHING();
	/* only the data arrived in the end (a peer may well cut it) */
	IN(.ack = 101);
	/* without timestamps nothing was measured: the backoff stays (RFC 6298 5) */
	DUE(H.ts ? 200 * MS : 400 * MS);
	SLEEP(H.ts ? 200 * MS : 400 * MS);
	OUT(.flags = FIN_ACK, .seq = 101);
	NOTHING();
}

static void test_last_ack_lost(void **state)
{
	th_open();
	IN(.flags = FIN_ACK);
	OUT(.ack = 2);
	SHUTDOWN();
	OUT(.flags = FIN_ACK, .ack = 2);
	SLEEP(200 * MS);
	OUT(.flags = FIN_ACK, .ack = 2);
	NOTHING();
	STATE(TCPS_LAST_ACK);
	IN(.flags = FIN_ACK, .seq = 1,
	   .ack = 1); /* its FIN again: our ACK was lost */
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	IN(.ack = 2);
	EV(TCP_EV_EOF | TCP_EV_WRITABLE | TCP_EV_CLOSED);
}

/* The FIN overtakes the data in front of it: it counts when that is there, and the
 * peer need not send it again. */
static void test_early_fin(void **state)
{
	th_open();
	IN(.flags = FIN_ACK, .seq = 101, .len = 100);
	OUT(.nsack = 1, .sack = { { 101, 201 } });
	NOTHING();
	EV(0);
	STATE(TCPS_ESTABLISHED);
	IN(.seq = 1, .len = 100);
	OUT(.ack = 202);
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_EOF);
	STATE(TCPS_CLOSE_WAIT);
	READ(200);
	assert_true(tcp_at_eof(&H.t));
}

static void test_early_bare_fin(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.flags = FIN_ACK, .seq = 51, .ack = 2);
	OUT(.seq = 2);
	NOTHING();
	STATE(TCPS_FIN_WAIT_2);
	EV(TCP_EV_WRITABLE);
	IN(.seq = 1, .len = 50);
	OUT(.seq = 2, .ack = 52);
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_EOF | TCP_EV_TIME_WAIT);
	READ(50);
}

/* The FIN behind text that we have had: the text is old, the FIN is news. Also where
 * nobody reads any more. */
static void test_fin_behind_old_text(void **state)
{
	for (unsigned detached = 0; detached < 2; detached++) {
		th_open();
		IN(.len = 100);
		READ(100);
		if (detached) {
			SHUTDOWN();
			DETACH();
			OUT(.flags = FIN_ACK, .ack = 101);
		}
		IN(.flags = FIN_ACK, .seq = 1, .len = 100, .ack = 1);
		OUT(.seq = 1 + detached, .ack = 102, .nsack = 1,
		    .sack = { { 1, 101 } });
		NOTHING();
		STATE(detached ? TCPS_CLOSING : TCPS_CLOSE_WAIT);
		tcp_free(&H.t);
		H.edge_known = false;
		H.read = 0;
		H.ev = 0;
	}
}

/* A FIN behind the window is cut off with the data in front of it. */
static void test_fin_out_of_window(void **state)
{
	H.conf.rcvbuf_init = H.conf.rcvbuf_max = 8192;
	th_open();
	IN(.flags = FIN_ACK, .len = 9000, .gso = 1000);
	OUT(.ack = 8193, .wnd = 0);
	NOTHING();
	EV(TCP_EV_READABLE);
	STATE(TCPS_ESTABLISHED);
	READ(8192);
	OUT(.ack = 8193, .wnd = 8192);
	IN(.flags = FIN_ACK, .len = 808);
	OUT(.ack = 9002);
	EV(TCP_EV_READABLE | TCP_EV_EOF);
	READ(808);
}

/* Nonsense behind the FIN changes nothing. */
static void test_behind_fin(void **state)
{
	th_open();
	IN(.flags = FIN_ACK, .len = 10);
	OUT(.ack = 12);
	EV(TCP_EV_READABLE | TCP_EV_EOF);
	IN(.seq = 12, .len = 10);
	NOTHING();
	IN(.flags = FIN_ACK, .seq = 12, .len = 10);
	OUT(.ack = 12);
	IN(.flags = FIN_ACK, .seq = 12);
	OUT(.ack = 12);
	NOTHING();
	EV(0);
	READ(10);
	STATE(TCPS_CLOSE_WAIT);
}

/* ---- TIME-WAIT ---- */

static void th_time_wait(void)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.flags = FIN_ACK, .ack = 2);
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	H.ev = 0;
}

/* The peer's FIN again: acknowledged, and the time begins anew. */
static void test_time_wait_fin(void **state)
{
	th_time_wait();
	SLEEP(59 * SEC);
	IN(.flags = FIN_ACK, .seq = 1, .ack = 2);
	OUT(.seq = 2, .ack = 2);
	NOTHING();
	DUE(60 * SEC);
	EV(0);
	/* other segments do not prolong it */
	SLEEP(30 * SEC);
	IN(.seq = 2, .ack = 2);
	NOTHING();
	DUE(30 * SEC);
	SLEEP(30 * SEC);
	EV(TCP_EV_CLOSED);
}

static void test_time_wait_reset(void **state)
{
	th_time_wait();
	IN(.flags = TCP_RST, .seq = 3);
	OUT(.seq = 2, .ack = 2); /* RFC 5961 3.2 */
	NOTHING();
	EV(0);
	IN(.flags = TCP_RST, .seq = 2);
	NOTHING();
	EV(TCP_EV_CLOSED);
}

static unsigned th_syn_again(uint32_t seq, uint32_t tsval, bool no_ts)
{
	struct seg s = th_syn(TCP_SYN);
	struct gust_pkt *p;
	unsigned ev;

	s.seq = seq;
	s.tsval = tsval;
	s.no_ts = no_ts;
	p = th_packet(&s);
	ev = tcp_input(&H.t, p, &H.env);
	H.dirty = true;
	if (ev ==
	    TCP_EV_REUSE) { /* it was not taken: a new connection begins with it */
		STATE(TCPS_TIME_WAIT);
		NOTHING();
		pkt_free(p);
	} else {
		OUT(.seq = 2, .ack = 2);
		NOTHING();
	}
	return ev;
}

/* RFC 6191 2, with timestamps */
static void test_reuse_timestamp(void **state)
{
	uint32_t last;

	H.ts = true;
	th_time_wait();
	last = th_peer_clock();
	SLEEP(1 * SEC);
	assert_int_equal(th_syn_again(2, last - 1, false), 0);
	assert_int_equal(th_syn_again(100, last - 1, false),
			 0); /* whatever its number */
	assert_int_equal(th_syn_again(2, last, false),
			 0); /* undecided: the number */
	assert_int_equal(th_syn_again(3, last, false), TCP_EV_REUSE);
	assert_int_equal(th_syn_again(2, last + 1, false), TCP_EV_REUSE);
	assert_int_equal(th_syn_again(-1000000, last + 1, false), TCP_EV_REUSE);
	/* a SYN without: the number */
	assert_int_equal(th_syn_again(3, 0, true), TCP_EV_REUSE);
	assert_int_equal(th_syn_again(2, 0, true), 0);
	assert_int_equal(H.ctx.stats.time_wait_reuse, 4);
	EV(0);
}

/* RFC 6191 2, RFC 9293 3.6.1: without */
static void test_reuse_sequence(void **state)
{
	H.ts = false;
	th_time_wait();
	assert_int_equal(th_syn_again(2, 0, false), 0);
	assert_int_equal(th_syn_again(-1, 0, false), 0);
	assert_int_equal(th_syn_again(3, 0, false), TCP_EV_REUSE);
	assert_int_equal(th_syn_again(0x70000000, 0, false), TCP_EV_REUSE);
	/* the new one has timestamps, the old had none */
	H.ts = true;
	assert_int_equal(th_syn_again(-1, 5, false), TCP_EV_REUSE);
	H.conf.timestamps = false; /* but we would not agree to them */
	H.ts = false;
	assert_int_equal(th_syn_again(-1, 5, false), 0);
}

/* ---- nobody reads any more ---- */

static void test_detach(void **state)
{
	th_open();
	SEND(100);
	SHUTDOWN();
	DETACH();
	OUT(.flags = FIN_ACK | TCP_PSH, .len = 100);
	NOTHING();
	IN(.ack = 102);
	NOTHING();
	STATE(TCPS_FIN_WAIT_2);
	DUE(60 * SEC);
	SLEEP(60 * SEC);
	NOTHING();
	EV(TCP_EV_WRITABLE | TCP_EV_CLOSED);
}

static void test_detach_in_fin_wait_2(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.ack = 2);
	NOT_DUE();
	DETACH();
	DUE(60 * SEC);
	SLEEP(10 * SEC);
	DETACH(); /* once is enough */
	DUE(50 * SEC);
	IN(.flags = FIN_ACK);
	OUT(.seq = 2, .ack = 2);
	STATE(TCPS_TIME_WAIT);
	DUE(60 * SEC);
}

/* RFC 1122 4.2.2.13: data after close is answered by a reset. */
static void test_data_after_detach(void **state)
{
	th_open();
	SHUTDOWN();
	DETACH();
	OUT(.flags = FIN_ACK);
	IN(.ack = 2);
	/* what we had already is no reason */
	IN(.seq = -99, .len = 100);
	OUT(.seq = 2, .nsack = H.sack, .sack = { { -99, 1 } });
	STATE(TCPS_FIN_WAIT_2);
	IN(.len = 10);
	OUT(.flags = TCP_RST | TCP_ACK, .seq = 2, .wnd = 0);
	NOTHING();
	EV(TCP_EV_WRITABLE | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
}

static void test_detach_with_unread(void **state)
{
	th_open();
	IN(.len = 10);
	DETACH();
	OUT(.flags = TCP_RST | TCP_ACK, .ack = 11, .wnd = 0);
	NOTHING();
	STATE(TCPS_CLOSED);
	assert_int_equal(tcp_readable(&H.t), 0);
}

/* In TIME-WAIT all is said: unread data is just dropped. */
static void test_detach_time_wait(void **state)
{
	th_open();
	SHUTDOWN();
	OUT(.flags = FIN_ACK);
	IN(.flags = FIN_ACK, .ack = 2, .len = 10);
	OUT(.seq = 2, .ack = 12);
	STATE(TCPS_TIME_WAIT);
	DETACH();
	NOTHING();
	STATE(TCPS_TIME_WAIT);
	assert_int_equal(tcp_readable(&H.t), 0);
}

/* ---- abort, from every state ---- */

static void test_abort(void **state)
{
	th_open();
	IN(.len = 30);
	SEND(100);
	OUT(.flags = TCP_ACK | TCP_PSH, .len = 100, .ack = 31);
	ABORT();
	OUT(.flags = TCP_RST | TCP_ACK, .seq = 101, .ack = 31, .wnd = 0);
	NOTHING();
	STATE(TCPS_CLOSED);
	NOT_DUE();
	assert_int_equal(tcp_readable(&H.t), 0);
	assert_int_equal(th_send(1), -EPIPE);
	assert_int_equal(H.ctx.stats.resets_out, 1);
	ABORT();
	SHUTDOWN();
	DETACH();
	NOTHING();
	/* a closed connection takes nothing */
	IN(.seq = 31, .ack = 101, .len = 5);
	IN(.seq = 31, .flags = TCP_RST);
	NOTHING();
	assert_int_equal(H.drops.n[DROP_TCP_STATE], 2);
}

static void test_abort_closing(void **state)
{
	th_open();
	IN(.flags = FIN_ACK);
	OUT(.ack = 2);
	ABORT(); /* CLOSE-WAIT */
	OUT(.flags = TCP_RST | TCP_ACK, .ack = 2, .wnd = 0);
	NOTHING();
}

static void test_abort_time_wait(void **state)
{
	th_time_wait();
	ABORT();
	NOTHING(); /* RFC 9293 3.10.5 */
	STATE(TCPS_CLOSED);
}

/* The peer resets: what it sent before is gone, unless its FIN came, too. */
static void test_reset_flushes(void **state)
{
	th_open();
	IN(.len = 30);
	IN(.flags = TCP_RST, .seq = 31);
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_RESET | TCP_EV_CLOSED);
	assert_int_equal(tcp_readable(&H.t), 0);
	assert_false(tcp_at_eof(&H.t));
}

static void test_reset_after_fin(void **state)
{
	th_open();
	IN(.flags = FIN_ACK, .len = 30);
	OUT(.ack = 32);
	IN(.flags = TCP_RST, .seq = 32);
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_EOF | TCP_EV_RESET | TCP_EV_CLOSED);
	READ(30);
	assert_true(tcp_at_eof(&H.t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_active_close),
		T(test_fin_with_ack),
		T(test_fin_with_data),
		T(test_fin_behind_window),
		T(test_fin_needs_window),
		T(test_passive_close),
		T(test_peer_fin_with_data),
		T(test_simultaneous_close),
		T(test_simultaneous_with_data),
		T(test_half_close_receive),
		T(test_half_close_send),
		T(test_lost_fin),
		T(test_lost_fin_with_data),
		T(test_last_ack_lost),
		T(test_early_fin),
		T(test_early_bare_fin),
		T(test_fin_behind_old_text),
		T(test_fin_out_of_window),
		T(test_behind_fin),
		T(test_time_wait_fin),
		T(test_time_wait_reset),
		T(test_reuse_timestamp),
		T(test_reuse_sequence),
		T(test_detach),
		T(test_detach_in_fin_wait_2),
		T(test_data_after_detach),
		T(test_detach_with_unread),
		T(test_detach_time_wait),
		T(test_abort),
		T(test_abort_closing),
		T(test_abort_time_wait),
		T(test_reset_flushes),
		T(test_reset_after_fin),
	};

	return th_run(tests);
}
