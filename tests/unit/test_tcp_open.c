/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening: passive (held and answered), active, simultaneous; retransmission of
 * SYN and SYN-ACK; what a SYN carries (RFC 9293 3.5, 3.10.7.2 to 3.10.7.4).
 */
#include "tcp_harness.h"

/* ---- passive ---- */

static void test_passive(void **state)
{
	th_listen(th_syn(TCP_SYN));
	STATE(TCPS_SYN_RCVD);
	NOTHING(); /* held */
	NOT_DUE();
	ACCEPT();
	OUT_SYNACK(.wnd = 65535);
	NOTHING();
	DUE(1 * SEC); /* RFC 6298 2.1 */
	EV(0);
	IN(.seq = 1, .ack = 1);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	STATE(TCPS_ESTABLISHED);
	NOT_DUE(); /* an idle connection has no timer */
	assert_int_equal(H.ctx.stats.passive_open, 1);
	assert_int_equal(H.ctx.stats.established, 1);
	ACCEPT(); /* nothing to accept any more */
	NOTHING();
}

static void test_passive_plain(void **state)
{
	H.ts = H.sack = H.ws = false;
	H.peer_mss = 0;
	th_open();
	/* RFC 9293 3.7.1: no MSS option means 536 or 1220 */
	assert_int_equal(H.t.mss, H.v6 ? 1220 : 536);
	assert_int_equal(H.t.opt, 0);
}

/* The SYN again, an ACK and a reset while nobody has decided yet. */
static void test_held(void **state)
{
	th_listen(th_syn(TCP_SYN));
	SLEEP(1 * SEC);
	th_in(th_syn(TCP_SYN));
	NOTHING();
	EV(0);
	IN(.seq = 1, .ack = 77); /* acknowledges what was never sent */
	OUT(.flags = TCP_RST, .seq = 77, .ack = 0);
	NOTHING();
	EV(0);
	IN(.seq = 1, .ack = 1, .len = 10); /* out of the window of 0 */
	NOTHING();
	IN(.seq = 5000, .flags = TCP_SYN);
	NOTHING();
	STATE(TCPS_SYN_RCVD);
	SLEEP(300 * SEC); /* no timer gives it up: its owner does */
	EV(0);
	th_in(th_syn(TCP_SYN));
	ACCEPT();
	/* it is timed by the latest SYN (RFC 7323 4.1) */
	OUT_SYNACK(.wnd = 65535, .tsecr = H.ts ? th_peer_clock() : ANY);
	NOTHING();
	IN(.seq = 1, .ack = 1);
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
}

static void test_held_reset(void **state)
{
	th_listen(th_syn(TCP_SYN));
	IN(.flags = TCP_RST, .seq = 2); /* not exactly the next byte */
	NOTHING();
	EV(0);
	IN(.flags = TCP_RST, .seq = 1);
	NOTHING();
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
	ACCEPT();
	NOTHING();
}

/* Refused is refused: as if nobody had listened (RFC 9293 3.10.7.1). */
static void test_held_abort(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ABORT();
	OUT(.flags = TCP_RST | TCP_ACK, .seq = -H.iss, .ack = 1, .wnd = 0);
	NOTHING();
	STATE(TCPS_CLOSED);
	NOT_DUE();
}

static void test_not_a_syn(void **state)
{
	static const uint16_t flags[] = { TCP_SYN | TCP_ACK, TCP_ACK,
					  TCP_RST,           0,
					  TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST };

	struct gust_pkt *none;

	th_init();
	none = pkt_new(H.own);
	assert_int_equal(tcp_listen_syn(&H.t, none, &H.env), -EINVAL);
	pkt_free(none);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		struct seg s = th_syn(flags[i]);
		struct gust_pkt *p = th_packet(&s);

		assert_int_equal(tcp_listen_syn(&H.t, p, &H.env), -EINVAL);
		STATE(TCPS_CLOSED);
		pkt_free(p);
	}
}

/* The SYN-ACK is lost: again after 1, 2, 4, ... s; given up after 63. */
static void test_synack_lost(void **state)
{
	unsigned i;

	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	for (i = 0; i < 5; i++) {
		DUE(SEC << i);
		SLEEP((SEC << i) - 1);
		NOTHING();
		SLEEP(1);
		OUT_SYNACK(.wnd = 65535);
		NOTHING();
	}
	EV(0);
	DUE(32 * SEC);
	SLEEP(32 * SEC);
	NOTHING();
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
}

/* RFC 6298 5.7, RFC 5681 3.1: after the loss of a SYN RTO begins at 3 s and the
 * window at one segment. */
static void test_synack_lost_then_data(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	SLEEP(1 * SEC);
	OUT_SYNACK();
	IN(.seq = 1, .ack = 1);
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	SEND(10 * MSS);
	OUT(.len = MSS);
	NOTHING();
	DUE(3 * SEC);
}

/* The peer did not hear our SYN-ACK and asks again, before our timer. */
static void test_synack_asked_again(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	SLEEP(500 * MS);
	th_in(th_syn(TCP_SYN));
	OUT_SYNACK(.tsecr = H.ts ? th_peer_clock() : ANY);
	NOTHING();
	DUE(500 * MS); /* the timer goes on */
	SLEEP(100 * MS);
	IN(.seq = 1, .ack = 1);
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	/* Karn: which of the two was answered? Not known, no measurement. */
	assert_int_equal(H.t.rtt.srtt_us, 0);
	assert_int_equal(H.t.cc.cwnd, tcp_cc_iw(MSS)); /* nothing timed out */
}

static void test_syn_rcvd_segments(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	/* an ACK of what was never sent */
	IN(.seq = 1, .ack = 2);
	OUT(.flags = TCP_RST, .seq = 2, .ack = 0);
	IN(.seq = 1, .ack = 0);
	OUT(.flags = TCP_RST, .seq = 0, .ack = 0);
	NOTHING();
	/* RFC 5961 3.2, 4.2 */
	IN(.flags = TCP_RST, .seq = 2);
	OUT(.seq = 1, .ack = 1);
	IN(.flags = TCP_SYN, .seq = 100);
	OUT(.seq = 1, .ack = 1);
	IN(.flags = TCP_RST, .seq = 300000); /* outside: not even an answer */
	NOTHING();
	/* no ACK bit: dropped (RFC 9293 3.10.7.4 fifth) */
	IN(.flags = TCP_FIN, .seq = 1);
	IN(.flags = 0, .seq = 1, .len = 10);
	NOTHING();
	EV(0);
	STATE(TCPS_SYN_RCVD);
	IN(.flags = TCP_RST, .seq = 1);
	NOTHING();
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
}

/* What the application wrote early, and what the peer's third segment brings. */
static void test_data_with_handshake(void **state)
{
	th_listen(th_syn(TCP_SYN));
	SEND(100);
	NOTHING();
	ACCEPT();
	OUT_SYNACK();
	NOTHING();
	IN(.seq = 1, .ack = 1, .len = 50, .flags = TCP_ACK | TCP_PSH);
	OUT(.flags = TCP_ACK | TCP_PSH, .len = 100, .ack = 51);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE | TCP_EV_READABLE);
	READ(50);
}

static void test_fin_with_handshake(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	SHUTDOWN();
	NOTHING();
	IN(.seq = 1, .ack = 1, .flags = TCP_ACK | TCP_FIN);
	OUT(.flags = TCP_ACK | TCP_FIN, .ack = 2);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE | TCP_EV_EOF);
	STATE(TCPS_CLOSING);
}

static void test_abort_syn_rcvd(void **state)
{
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK();
	ABORT();
	OUT(.flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1, .wnd = 0);
	NOTHING();
	STATE(TCPS_CLOSED);
}

/* ---- active ---- */

static void th_connect(void)
{
	th_init();
	tcp_connect(&H.t, &H.env);
	H.dirty = true;
	STATE(TCPS_SYN_SENT);
}

static void test_active(void **state)
{
	th_connect();
	OUT_SYN(.wnd = 65535, .tsecr = 0);
	NOTHING();
	DUE(1 * SEC);
	SLEEP(30 * MS);
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT(.wnd = 262144 >> th_our_ws(), .tsecr = H.ts ? th_peer_clock() : ANY);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	STATE(TCPS_ESTABLISHED);
	assert_int_equal(H.t.rtt.srtt_us, 30 * MS);
	NOT_DUE();
	assert_int_equal(H.ctx.stats.active_open, 1);
}

/* Data and FIN that waited go with the ACK. */
static void test_active_data(void **state)
{
	th_connect();
	SEND(100);
	SHUTDOWN();
	STATE(TCPS_SYN_SENT);
	OUT_SYN();
	NOTHING();
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT(.flags = TCP_ACK | TCP_PSH | TCP_FIN, .len = 100);
	NOTHING();
	STATE(TCPS_FIN_WAIT_1);
	assert_int_equal(th_send(1), -EPIPE);
}

/* The peer's SYN-ACK brings data and FIN. */
static void test_synack_data(void **state)
{
	struct seg s = th_syn(TCP_SYN | TCP_ACK | TCP_FIN);

	th_connect();
	OUT_SYN();
	s.len = 20;
	s.flags = TCP_SYN | TCP_ACK;
	th_in(s);
	/* too small to answer at once, but the SYN is answered at once */
	OUT(.ack = 21);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE | TCP_EV_READABLE);
	READ(20);
	/* our ACK was lost: the SYN-ACK again is out of the window */
	th_in(s);
	OUT(.ack = 21);
	NOTHING();
	EV(0);
}

/* RFC 9293 MUST-23: three minutes. 1, 2, 4, ... 32, 60, 60 s. */
static void test_syn_give_up(void **state)
{
	static const unsigned wait[] = { 1, 2, 4, 8, 16, 32, 60 };

	th_connect();
	OUT_SYN();
	for (unsigned i = 0; i < 7; i++) {
		DUE(wait[i] * SEC);
		SLEEP(wait[i] * SEC);
		OUT_SYN(.wnd = 65535);
		NOTHING();
	}
	EV(0);
	SLEEP(60 * SEC);
	NOTHING();
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
	NOT_DUE();
}

static void test_syn_sent_segments(void **state)
{
	th_connect();
	OUT_SYN();
	/* RFC 9293 3.10.7.3, first: the ACK */
	IN(.seq = 500, .ack = 0);
	OUT(.flags = TCP_RST, .seq = 0, .ack = 0);
	IN(.seq = 500, .ack = 2, .flags = TCP_SYN | TCP_ACK);
	OUT(.flags = TCP_RST, .seq = 2, .ack = 0);
	IN(.seq = 500, .ack = 2, .flags = TCP_RST | TCP_ACK);
	NOTHING();
	/* second: a reset without ACK is anybody's */
	IN(.seq = 0, .flags = TCP_RST);
	NOTHING();
	/* no SYN, no RST: dropped */
	IN(.seq = 1, .ack = 1, .len = 10);
	IN(.seq = 1, .ack = 1, .flags = TCP_FIN | TCP_ACK);
	NOTHING();
	EV(0);
	STATE(TCPS_SYN_SENT);
	IN(.seq = 0, .ack = 1, .flags = TCP_RST | TCP_ACK);
	NOTHING();
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
	assert_int_equal(H.ctx.stats.resets_in, 1);
}

static void test_syn_sent_close(void **state)
{
	th_connect();
	OUT_SYN();
	SHUTDOWN(); /* RFC 9293 3.10.4: nothing to send, nothing to close */
	NOTHING();
	STATE(TCPS_CLOSED);
}

static void test_syn_sent_abort(void **state)
{
	th_connect();
	SEND(10);
	OUT_SYN();
	ABORT();
	NOTHING(); /* RFC 9293 3.10.5: no reset */
	STATE(TCPS_CLOSED);
}

/* ---- simultaneous (RFC 9293 3.5, figure 8) ---- */

static void test_simultaneous(void **state)
{
	th_connect();
	OUT_SYN();
	SLEEP(10 * MS);
	th_in(th_syn(TCP_SYN));
	STATE(TCPS_SYN_RCVD);
	OUT_SYNACK(.wnd = 65535);
	NOTHING();
	EV(0);
	SLEEP(10 * MS);
	/* its window is the unscaled one of a SYN (RFC 7323 2.2) */
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT();
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	STATE(TCPS_ESTABLISHED);
	assert_int_equal(H.t.snd_wnd, 65535);
	assert_int_equal(H.t.rtt.srtt_us, 0); /* two of ours could be meant */
	SEND(10);
	OUT(.flags = TCP_ACK | TCP_PSH, .len = 10);
	IN(.len = 10);
	EV(TCP_EV_READABLE | TCP_EV_WRITABLE);
	READ(10);
}

/* The peer's SYN-ACK is lost, a plain ACK with data comes. Ours is lost: it is
 * sent again with its ACK. */
static void test_simultaneous_lossy(void **state)
{
	th_connect();
	OUT_SYN();
	th_in(th_syn(TCP_SYN));
	OUT_SYNACK();
	DUE(1 * SEC);
	SLEEP(1 * SEC);
	OUT_SYNACK();
	NOTHING();
	IN(.seq = 1, .ack = 1, .len = 30);
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE | TCP_EV_READABLE);
	READ(30);
	NOTHING();
	DUE(40 * MS);
}

/* A SYN-ACK with text: the text begins behind the SYN. */
static void test_simultaneous_data(void **state)
{
	struct seg s = th_syn(TCP_SYN | TCP_ACK);

	th_connect();
	OUT_SYN();
	th_in(th_syn(TCP_SYN));
	OUT_SYNACK();
	s.len = 25;
	th_in(s);
	OUT(.ack = 26);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE | TCP_EV_READABLE);
	READ(25);
}

static void test_simultaneous_reset(void **state)
{
	th_connect();
	OUT_SYN();
	th_in(th_syn(TCP_SYN));
	OUT_SYNACK();
	th_in((struct seg){ .flags = TCP_SYN | TCP_ACK,
			    .ack = 9,
			    .ws = -1,
			    .tsval = ANY,
			    .tsecr = ANY });
	OUT(.flags = TCP_RST, .seq = 9, .ack = 0);
	NOTHING();
	STATE(TCPS_SYN_RCVD);
	IN(.flags = TCP_RST, .seq = 1);
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
}

/* ---- what a SYN says ---- */

/* Never scaled, in both directions (RFC 7323 2.2). */
static void test_syn_window(void **state)
{
	struct seg s = th_syn(TCP_SYN);

	s.wnd = 1000;
	th_listen(s);
	SEND(5000);
	ACCEPT();
	OUT_SYNACK(.wnd = 65535);
	assert_int_equal(H.t.snd_wnd, 1000);
	IN(.seq = 1, .ack = 1, .wnd = 1200 >> PEER_WS); /* this one is */
	OUT(.len = 1200);
	NOTHING();
}

static void test_synack_window(void **state)
{
	struct seg s = th_syn(TCP_SYN | TCP_ACK);

	th_connect();
	SEND(5000);
	OUT_SYN();
	s.wnd = 1300;
	th_in(s);
	OUT(.len = 1300);
	NOTHING();
}

/* MSS from MTU, from the peer, and the floor under it. */
static void test_mss(void **state)
{
	uint32_t ts = H.ts ? 12 : 0, fixed = H.v6 ? 60 : 40;

	H.caps.mtu = 9000;
	H.peer_mss = 65495;
	th_open(); /* announces MTU less fixed headers: OUT_SYNACK looks */
	assert_int_equal(H.t.mss, 9000 - fixed - ts);
	tcp_free(&H.t);
	H.edge_known = false;
	H.ev = 0;
	H.peer_mss = 1;
	th_open();
	assert_int_equal(H.t.mss, 76 - ts);
}

/* What was offered counts, not what the configuration says by now. */
static void test_conf_replaced(void **state)
{
	struct tcp_conf other = H.conf;

	H.ts = true;
	th_connect();
	OUT_SYN();
	other.rcvbuf_max = 65535;
	other.timestamps = other.sack = false;
	H.ctx.conf = &other;
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT();
	assert_int_equal(H.t.rcv_wscale, th_our_ws());
	assert_int_equal(H.t.opt, TCP_OPT_TS | TCP_OPT_SACK_PERM | TCP_OPT_WSCALE);
	H.ctx.conf = &H.conf;
}

static void test_not_offered(void **state)
{
	H.conf.timestamps = H.conf.sack = H.conf.wscale = false;
	H.ts = false;
	th_connect();
	OUT_SYN();
	/* the peer may not agree to what was not offered */
	th_in(th_syn(TCP_SYN | TCP_ACK));
	assert_int_equal(H.t.opt, 0);
	OUT(.wnd = 65535);
	assert_int_equal(H.t.snd_wscale, 0);
}

/* ---- numbers ---- */

/* RFC 6528, RFC 9293 3.4.1: a clock of 4 us, and every tuple elsewhere. */
static void test_isn(void **state)
{
	struct env env;
	uint32_t a;

	th_init();
	env = H.env;
	a = tcp_isn(&H.t, &env);
	env.now_us += 4000;
	assert_int_equal(tcp_isn(&H.t, &env), a + 1000);
	env = H.env;
	H.t.rport++;
	assert_int_not_equal(tcp_isn(&H.t, &env), a);
	H.t.rport--;
	H.conf.secret.k0++;
	assert_int_not_equal(tcp_isn(&H.t, &env), a);
	assert_int_not_equal(tcp_ts_offset(&H.t),
			     tcp_isn(&H.t, &env) - env.now_us / 4);
}

/* RFC 6056 algorithm 3 */
static void test_ports(void **state)
{
	uint8_t seen[10] = { 0 };
	uint16_t p0;

	th_init();
	p0 = tcp_port_candidate(&H.conf.secret, &H.us, &H.peer, 80, 0, 32768,
				60999);
	assert_in_range(p0, 32768, 60999);
	assert_int_equal(tcp_port_candidate(&H.conf.secret, &H.us, &H.peer, 80, 1,
					    32768, 60999),
			 p0 == 60999 ? 32768 : p0 + 1);
	assert_int_not_equal(tcp_port_candidate(&H.conf.secret, &H.us, &H.peer, 81,
						0, 32768, 60999),
			     p0);
	for (unsigned i = 0; i < 10; i++) /* every port of the range once */
		seen[tcp_port_candidate(&H.conf.secret, &H.us, &H.peer, 80, i, 100,
					109) -
		     100]++;
	assert_memory_equal(seen, "\1\1\1\1\1\1\1\1\1\1", 10);
	assert_int_equal(
		tcp_port_candidate(&H.conf.secret, &H.us, &H.peer, 80, 7, 5, 5), 5);
}

static void test_size(void **state)
{
	assert_true(sizeof(struct tcp) < 768);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_passive),
		T(test_passive_plain),
		T(test_held),
		T(test_held_reset),
		T(test_held_abort),
		T(test_not_a_syn),
		T(test_synack_lost),
		T(test_synack_lost_then_data),
		T(test_synack_asked_again),
		T(test_syn_rcvd_segments),
		T(test_data_with_handshake),
		T(test_fin_with_handshake),
		T(test_abort_syn_rcvd),
		T(test_active),
		T(test_active_data),
		T(test_synack_data),
		T(test_syn_give_up),
		T(test_syn_sent_segments),
		T(test_syn_sent_close),
		T(test_syn_sent_abort),
		T(test_simultaneous),
		T(test_simultaneous_lossy),
		T(test_simultaneous_data),
		T(test_simultaneous_reset),
		T(test_syn_window),
		T(test_synack_window),
		T(test_mss),
		T(test_conf_replaced),
		T(test_not_offered),
		T(test_isn),
		T(test_ports),
		T(test_size),
	};

	return th_run(tests);
}
