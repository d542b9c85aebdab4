/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data in and out of an open connection: receiving, delayed ACKs, windows at both
 * ends, silly windows, Nagle, probes of a closed window (RFC 9293 3.7, 3.8;
 * RFC 5681 4.2).
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)

/* ---- receiving, and when it is acknowledged ---- */

static void test_delayed_ack(void **state)
{
	th_open();
	IN(.len = 100);
	NOTHING();
	EV(TCP_EV_READABLE);
	DUE(40 * MS);
	SLEEP(40 * MS - 1);
	NOTHING();
	SLEEP(1);
	OUT(.ack = 101);
	NOTHING();
	NOT_DUE();
	READ(100);
	NOTHING();
}

/* RFC 5681 4.2: every second full segment, by bytes. */
static void test_second_segment(void **state)
{
	th_open();
	IN(.len = MSS);
	NOTHING();
	SLEEP(10 * MS);
	IN(.len = MSS);
	OUT(.ack = 1 + 2 * MSS);
	NOTHING();
	IN(.len = MSS);
	NOTHING();
	DUE(40 * MS);
	IN(.len = MSS - 1);
	NOTHING();
	DUE(40 * MS); /* from the first of them on */
	IN(.len = 1);
	OUT(.ack = 1 + 4 * MSS);
	NOTHING();
	READ(4 * MSS);
}

/* A superpacket is several segments, however small they are. */
static void test_superpacket_acked_at_once(void **state)
{
	th_open();
	IN(.len = 200, .gso = 100);
	OUT(.ack = 201);
	NOTHING();
	IN(.len = 60000, .gso = 1000);
	OUT(.ack = 60201);
	NOTHING();
	EV(TCP_EV_READABLE);
	READ(60200);
	NOTHING();
}

/* One ACK for a turn, not one for a segment. */
static void test_one_ack_a_turn(void **state)
{
	th_open();
	for (unsigned i = 0; i < 10; i++)
		IN(.len = 3000, .gso = 1000);
	OUT(.ack = 30001);
	NOTHING();
}

static void test_ack_rides(void **state)
{
	th_open();
	IN(.len = 100);
	SEND(50);
	OUT(.flags = PSH_ACK, .len = 50, .ack = 101);
	NOTHING();
	DUE(200 * MS); /* the retransmission timer; no ACK is owed */
}

/* Out of order: an ACK for each arrival, and when the gap closes. */
static void test_out_of_order(void **state)
{
	th_open();
	IN(.seq = 101, .len = 100);
	OUT(.nsack = 1, .sack = { { 101, 201 } });
	NOTHING();
	EV(0);
	IN(.seq = 301, .len = 100);
	OUT(.nsack = 2, .sack = { { 301, 401 }, { 101, 201 } });
	IN(.seq = 1, .len = 50); /* in order, and the gap stays */
	OUT(.ack = 51, .nsack = 2, .sack = { { 301, 401 }, { 101, 201 } });
	IN(.seq = 51, .len = 50);
	OUT(.ack = 201, .nsack = 1, .sack = { { 301, 401 } });
	IN(.seq = 201, .len = 100);
	OUT(.ack = 401);
	NOTHING();
	EV(TCP_EV_READABLE);
	READ(400);
	assert_int_equal(H.ctx.stats.ooo_in, 2);
}

/* Overlaps: what was there first stays, the rest is new. */
static void test_overlap(void **state)
{
	th_open();
	IN(.len = 100);
	IN(.seq = 51, .len = 100);
	OUT(.ack = 151, .nsack = 1, .sack = { { 51, 101 } });
	IN(.seq = 1, .len = 150); /* nothing new at all */
	OUT(.ack = 151, .nsack = 1, .sack = { { 1, 151 } });
	IN(.seq = -499, .len = 1000); /* from before the beginning */
	OUT(.ack = 501, .nsack = 1, .sack = { { -499, 151 } });
	NOTHING();
	READ(500);
	assert_int_equal(H.drops.n[DROP_TCP_DUP], 1);
}

/* Without SACK the same without blocks. */
static void test_out_of_order_plain(void **state)
{
	H.sack = false;
	th_open();
	IN(.seq = 101, .len = 100);
	OUT();
	IN(.seq = 101, .len = 100);
	OUT();
	IN(.len = 100);
	OUT(.ack = 201);
	IN(.seq = 1, .len = 100);
	OUT(.ack = 201);
	NOTHING();
	READ(200);
}

/* The urgent pointer means nothing here: data in line (RFC 6093). */
static void test_urgent(void **state)
{
	th_open();
	IN(.flags = TCP_ACK | TCP_URG, .urp = 10, .len = 20);
	IN(.flags = TCP_ACK | TCP_URG, .urp = 60000);
	SLEEP(40 * MS);
	OUT(.ack = 21);
	NOTHING();
	EV(TCP_EV_READABLE);
	READ(20);
}

/* ---- our window ---- */

static void small_buffer(uint32_t n)
{
	H.conf.rcvbuf_init = H.conf.rcvbuf_max = n;
	th_open();
}

/* Filled, closed, probed, and opened by a step or not at all (3.8.6.2.2). */
static void test_receive_window(void **state)
{
	small_buffer(8192);
	IN(.len = 4096, .gso = 1024);
	OUT(.ack = 4097, .wnd = 4096);
	IN(.len = 4096, .gso = 1024);
	OUT(.ack = 8193, .wnd = 0);
	NOTHING();
	/* the peer asks, with a byte or without */
	IN(.len = 1);
	OUT(.ack = 8193, .wnd = 0);
	SLEEP(1 * SEC);
	IN(.seq = 8192);
	OUT(.ack = 8193, .wnd = 0);
	NOTHING();
	EV(TCP_EV_READABLE);
	/* silly window avoidance */
	th_read(100);
	NOTHING();
	th_read(MSS - 101);
	NOTHING();
	IN(.len = 1);
	OUT(.ack = 8193, .wnd = 0);
	th_read(1);
	OUT(.ack = 8193, .wnd = MSS);
	NOTHING();
	th_read(MSS - 1);
	NOTHING();
	th_read(8192 - 2 * MSS + 1);
	OUT(.ack = 8193, .wnd = 8192);
	NOTHING();
}

/* What goes beyond the window is cut. */
static void test_beyond_window(void **state)
{
	small_buffer(8192);
	IN(.len = 10000, .gso = 1000);
	OUT(.ack = 8193, .wnd = 0);
	IN(.seq = 8193, .len = 1000); /* not acceptable */
	OUT(.ack = 8193, .wnd = 0);
	NOTHING();
	READ(8192);
	OUT(.ack = 8193, .wnd = 8192);
	IN(.seq = 16385, .len = 10); /* one past the right edge */
	OUT(.ack = 8193, .wnd = 8192);
	IN(.seq = 16380, .len = 10); /* half of it within */
	OUT(.ack = 8193, .nsack = 1, .sack = { { 16380, 16385 } });
	IN(.seq = 8193, .len = 8187, .gso = 1000);
	OUT(.ack = 16385, .wnd = 0);
	NOTHING();
	READ(8192);
	assert_int_equal(H.drops.n[DROP_TCP_SEQ], 2);
}

/* A closed window and a valid ACK: it counts (3.10.7.4). */
static void test_ack_into_closed_window(void **state)
{
	small_buffer(2000);
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	IN(.ack = 1, .len = 2000, .gso = 1000);
	OUT(.seq = 101, .ack = 2001, .wnd = 0);
	EV(TCP_EV_READABLE);
	IN(.ack = 101, .len = 500);
	OUT(.seq = 101, .ack = 2001, .wnd = 0);
	NOTHING();
	EV(TCP_EV_WRITABLE);
	NOT_DUE();
	/* and our FIN's acknowledgement takes the state on */
	SHUTDOWN();
	OUT(.flags = TCP_FIN | TCP_ACK, .seq = 101, .ack = 2001);
	IN(.ack = 102, .len = 500);
	OUT(.seq = 102, .ack = 2001, .wnd = 0);
	STATE(TCPS_FIN_WAIT_2);
}

/* With a scale the right edge stays, rounded up: OUT looks at each. Tiny segments
 * cannot use that to get past the buffer. */
static void test_scaled_edge(void **state)
{
	uint64_t total = 0;
	uint32_t n;

	H.conf.rcvbuf_init = 131072; /* units of 128 bytes */
	th_open();
	for (n = 0; n < 150; n++) { /* the edge is checked for each of these */
		IN(.len = 100, .gso = 50);
		OUT(.ack = 101 + 100 * n);
		NOTHING();
		tcp_compact(&H.t);
	}
	H.edge_free = true;
	total = 15000;
	for (n = 0; n < 20000 && tcp_readable(&H.t) == total; n++, total += 7) {
		IN(.len = 7);
		tcp_compact(&H.t);
		SLEEP(40 * MS);
		DROP_OUT();
	}
	H.env.now_us += SEC;
	assert_in_range(tcp_readable(&H.t), 131072, 131072 + 131072 / 8 + 128);
	assert_int_equal(tcp_known_wnd(&H.t), 0);
	th_read(tcp_readable(&H.t));
	DROP_OUT();
	assert_int_equal(tcp_known_wnd(&H.t), H.t.rcvbuf);
}

/* The buffer grows while the reader takes more than half of it a round trip. */
static void test_rcvbuf_grows(void **state)
{
	H.conf.rcvbuf_init = 16384;
	H.conf.rcvbuf_max = 65536;
	th_open();
	for (unsigned i = 0; i < 40 && H.t.rcvbuf < 65536; i++) {
		IN(.len = 8000, .gso = 1000);
		READ(8000);
		DROP_OUT();
		SLEEP(300);
	}
	assert_int_equal(H.t.rcvbuf, 65536);
	IN(.len = 8000, .gso = 1000);
	READ(8000);
	OUT(.ack = ANY, .wnd = 65536 >> th_our_ws());
	/* a slow reader: it stays */
	tcp_free(&H.t);
	H.edge_known = false;
	H.read = 0;
	H.ev = 0;
	th_open();
	for (unsigned i = 0; i < 20; i++) {
		IN(.len = 1000);
		READ(1000);
		SLEEP(100 * MS);
		DROP_OUT();
	}
	assert_int_equal(H.t.rcvbuf, 16384);
}

/* tcp_take(): whole fragments with their references, and the window follows. */
static void test_take(void **state)
{
	struct gust_frag f[8];
	uint32_t len = 0;
	unsigned n;

	small_buffer(8192);
	assert_int_equal(tcp_take(&H.t, f, 8, &len, &H.env), 0);
	IN(.len = 8192, .gso = 1024);
	OUT(.ack = 8193, .wnd = 0);
	n = tcp_take(&H.t, f, 8, &len, &H.env);
	assert_int_equal(n, 1);
	assert_int_equal(len, 8192);
	assert_int_equal(tcp_readable(&H.t), 0);
	H.dirty = true;
	OUT(.ack = 8193, .wnd = 8192);
	NOTHING();
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(f[0].p[i], th_pat(1, i));
	/* as an echo service: straight back */
	assert_int_equal(tcp_send(&H.t, f, 1), 0);
}

/* ---- sending ---- */

/* RFC 6928: ten segments, in one superpacket; the rest follows the ACK. */
static void test_initial_window(void **state)
{
	th_open();
	SEND(25 * MSS);
	OUT(.len = 10 * MSS, .gso = MSS);
	NOTHING();
	DUE(200 * MS);
	IN(.ack = 1 + 10 * MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 10 * MSS, .len = 15 * MSS, .gso = MSS);
	NOTHING();
	IN();
	NOTHING();
	EV(TCP_EV_WRITABLE);
	NOT_DUE();
}

/* The end of a queue that is no whole number of segments. */
static void test_small_tail(void **state)
{
	th_open();
	SEND(2 * MSS + 100);
	OUT(.flags = PSH_ACK, .len = 2 * MSS + 100, .gso = MSS);
	NOTHING();
}

static void test_send_window(void **state)
{
	uint32_t wnd;

	th_open();
	wnd = (5 * MSS + 500) & ~15u;
	IN(.wnd = wnd >> PEER_WS);
	SEND(20 * MSS);
	OUT(.len = 5 * MSS, .gso = MSS); /* whole segments only */
	NOTHING();
	/* three acknowledged, the edge stays */
	IN(.ack = 1 + 3 * MSS, .wnd = (wnd - 3 * MSS + 15) >> PEER_WS);
	NOTHING();
	IN(.wnd = (4 * MSS + 15) >> PEER_WS);
	OUT(.seq = 1 + 5 * MSS, .len = 4 * MSS, .gso = MSS);
	NOTHING();
}

/* A small opening is left alone while ACKs are on their way. */
static void test_defer(void **state)
{
	th_open();
	SEND(100 * MSS);
	OUT(.len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + MSS); /* cwnd 11: room for 2 of a goal of 3 */
	NOTHING();
	IN(.ack = 1 + 2 * MSS); /* cwnd 12: room for 4 */
	OUT(.seq = 1 + 10 * MSS, .len = 4 * MSS, .gso = MSS);
	NOTHING();
}

static void test_send_limits(void **state)
{
	uint32_t space;

	H.conf.sndbuf_init = H.conf.sndbuf_max = 100000;
	th_open();
	assert_int_equal(tcp_send_space(&H.t), 100000);
	SEND(60000);
	assert_int_equal(tcp_send_space(&H.t), 40000);
	SEND(60000);
	assert_int_equal(tcp_send_space(&H.t), 0);
	SEND((1 << 20) - 20000); /* 1 MiB more than the buffer, to the byte */
	assert_int_equal(H.t.sndq.len, 100000 + (1 << 20));
	assert_int_equal(th_send(1), -ENOBUFS);
	OUT(.len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 10 * MSS);
	EV(TCP_EV_WRITABLE);
	space = H.t.sndq.len;
	assert_int_equal(space, 100000 + (1 << 20) - 10 * MSS);
	DROP_OUT();
}

/* The send buffer is twice the window. */
static void test_sndbuf_grows(void **state)
{
	H.conf.sndbuf_init = 4096;
	H.conf.sndbuf_max = 60000;
	th_open();
	assert_int_equal(tcp_send_space(&H.t), 20 * MSS);
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN();
	assert_int_equal(tcp_send_space(&H.t), 40 * MSS);
	SEND(20 * MSS);
	DROP_OUT();
	IN();
	assert_int_equal(tcp_send_space(&H.t), 60000); /* the limit */
}

/* ---- Nagle, as Minshall has it ---- */

static void test_nagle(void **state)
{
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	SEND(50);
	NOTHING();
	SEND(60);
	NOTHING();
	IN(.ack = 101);
	OUT(.flags = PSH_ACK, .seq = 101, .len = 110);
	NOTHING();
	/* full ones go, their tail waits */
	SEND(2 * MSS + 7);
	OUT(.seq = 211, .len = 2 * MSS, .gso = MSS);
	NOTHING();
	IN(.ack = 211);
	OUT(.flags = PSH_ACK, .seq = 211 + 2 * MSS, .len = 7);
	NOTHING();
	/* full ones on their way are no reason to wait */
	IN();
	SEND(MSS);
	OUT(.flags = PSH_ACK, .seq = 218 + 2 * MSS, .len = MSS);
	SEND(3);
	OUT(.flags = PSH_ACK, .seq = 218 + 3 * MSS, .len = 3);
	SEND(3);
	NOTHING();
	SHUTDOWN(); /* nothing more is coming to wait for */
	OUT(.flags = PSH_ACK | TCP_FIN, .seq = 221 + 3 * MSS, .len = 3);
	NOTHING();
}

/* Off for all, or for one connection. */
static void test_nagle_off(void **state)
{
	for (unsigned one = 0; one < 2; one++) {
		H.conf.nagle = one;
		th_open();
		if (one)
			tcp_set_nodelay(&H.t);
		for (unsigned i = 0; i < 5; i++) {
			SEND(10);
			OUT(.flags = PSH_ACK, .seq = 1 + 10 * i, .len = 10);
			NOTHING();
		}
		tcp_free(&H.t);
		H.sent = H.ev = 0;
		H.edge_known = false;
	}
}

/* The mark of the last small segment is old news after 2 GiB. */
static void test_nagle_old_mark(void **state)
{
	th_open();
	H.t.snd_sml = H.t.snd_una + 0x7fffffff;
	SEND(10);
	OUT(.flags = PSH_ACK, .len = 10);
	NOTHING();
}

/* ---- the peer's silly window, and its closed one ---- */

static void test_sender_sws(void **state)
{
	th_open();
	IN(.wnd = 60000 >> PEER_WS); /* the largest it ever offered is 1 MB */
	IN(.wnd = 800 >> PEER_WS);
	SEND(20000);
	NOTHING(); /* below mss and below half of the largest */
	DUE(200 * MS);
	SLEEP(200 * MS); /* 3.8.6.2.1 (4): the override */
	OUT(.len = 800);
	NOTHING();
	IN(.wnd = 800 >> PEER_WS);
	NOTHING();
	SLEEP(200 * MS);
	OUT(.seq = 801, .len = 800);
	NOTHING();
	IN(.wnd = (MSS + 15) >> PEER_WS);
	OUT(.seq = 1601, .len = MSS);
	NOTHING();
}

/* A peer whose buffer is below one segment of ours: half of it will do. */
static void test_tiny_peer(void **state)
{
	struct seg s = th_syn(TCP_SYN);

	H.ws = false;
	s.ws = -1;
	s.wnd = 600;
	th_listen(s);
	ACCEPT();
	OUT_SYNACK();
	IN(.seq = 1, .ack = 1, .wnd = 600);
	SEND(2000);
	OUT(.len = 600);
	NOTHING();
	IN(.wnd = 299);
	NOTHING();
	IN(.wnd = 300);
	OUT(.seq = 601, .len = 300);
	NOTHING();
}

static void test_zero_window(void **state)
{
	th_open();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN(.wnd = 0);
	SEND(100);
	NOTHING();
	DUE(200 * MS);
	for (unsigned i = 0; i < 4; i++) {
		DUE(200 * MS << i);
		SLEEP(200 * MS << i);
		OUT(.seq = 10 * MSS);
		NOTHING();
		if (i != 2) /* one answer is lost: no matter */
			IN(.wnd = 0);
		NOTHING();
	}
	EV(TCP_EV_WRITABLE);
	assert_int_equal(H.ctx.stats.probes, 4);
	/* and it opens without being asked */
	SLEEP(50 * MS);
	IN();
	OUT(.flags = PSH_ACK, .seq = 1 + 10 * MSS, .len = 100);
	NOTHING();
	DUE(200 * MS);
}

/* The probe's interval has a limit, the peer's patience has none. */
static void test_zero_window_long(void **state)
{
	th_open();
	IN(.wnd = 0);
	SEND(100);
	NOTHING();
	for (unsigned i = 0; i < 100; i++) {
		SLEEP(tcp_deadline(&H.t) - H.env.now_us);
		OUT(.seq = 0);
		NOTHING();
		IN(.wnd = 0);
	}
	DUE(60 * SEC);
	EV(0);
	STATE(TCPS_ESTABLISHED);
	SLEEP(60 * SEC);
	OUT(.seq = 0);
	/* the answer to the probe opens it */
	IN();
	OUT(.flags = PSH_ACK, .len = 100);
	NOTHING();
	DUE(200 * MS);
}

/* Nobody answers: given up like a retransmission, with a reset. */
static void test_zero_window_dead(void **state)
{
	H.conf.retries = 5;
	th_open();
	IN(.wnd = 0);
	SEND(100);
	NOTHING();
	for (unsigned i = 0; i < 5; i++) {
		SLEEP(200 * MS << i);
		OUT(.seq = 0);
		NOTHING();
	}
	SLEEP(200 * MS << 5);
	OUT(.flags = TCP_RST | TCP_ACK, .wnd = 0);
	NOTHING();
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
}

/* 4 GiB later snd_una is where it began: no SYN stands there any more. */
static void test_sequence_wraps(void **state)
{
	th_open();
	H.t.iss += 1 + 100;
	SEND(300);
	OUT(.flags = PSH_ACK, .len = 300);
	IN(.ack = 101);
	assert_int_equal(H.t.snd_una, H.t.iss);
	SEND(MSS);
	OUT(.flags = PSH_ACK, .seq = 301, .len = MSS); /* OUT compares the bytes */
	SLEEP(H.t.rtx_at_us - H.env.now_us);
	OUT(.seq = 101, .len = MSS);
	NOTHING();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_delayed_ack),
		T(test_second_segment),
		T(test_superpacket_acked_at_once),
		T(test_one_ack_a_turn),
		T(test_ack_rides),
		T(test_out_of_order),
		T(test_overlap),
		T(test_out_of_order_plain),
		T(test_urgent),
		T(test_receive_window),
		T(test_beyond_window),
		T(test_ack_into_closed_window),
		T(test_scaled_edge),
		T(test_rcvbuf_grows),
		T(test_take),
		T(test_initial_window),
		T(test_small_tail),
		T(test_send_window),
		T(test_defer),
		T(test_send_limits),
		T(test_sndbuf_grows),
		T(test_nagle),
		T(test_nagle_off),
		T(test_nagle_old_mark),
		T(test_sender_sws),
		T(test_tiny_peer),
		T(test_zero_window),
		T(test_zero_window_long),
		T(test_zero_window_dead),
		T(test_sequence_wraps),
	};

	return th_run(tests);
}
