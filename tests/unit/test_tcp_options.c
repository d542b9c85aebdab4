/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options in an open connection: timestamps and PAWS (RFC 7323 3, 4, 5), window
 * scaling (RFC 7323 2), SACK blocks that we send (RFC 2018 4, RFC 2883 4).
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)
#define DAY (86400 * SEC)

static void ts_open(void)
{
	H.ts = true;
	th_open();
}

/* ---- timestamps ---- */

/* RFC 7323 4.3: the echo is of the segment that moved the left edge, the earliest
 * of those that one ACK answers. */
static void test_echo(void **state)
{
	uint32_t first;

	ts_open();
	first = th_peer_clock();
	IN(.len = 100);
	SLEEP(10 * MS);
	IN(.len = 100);
	SLEEP(10 * MS);
	IN(.len = 2 * MSS);
	OUT(.ack = 201 + 2 * MSS, .tsecr = first);
	/* now the newest before the edge */
	SLEEP(10 * MS);
	first = th_peer_clock();
	IN(.len = 2 * MSS);
	OUT(.ack = 201 + 4 * MSS, .tsecr = first);
	/* what lies behind a gap does not count */
	SLEEP(10 * MS);
	IN(.seq = 301 + 4 * MSS, .len = 100);
	OUT(.ack = 201 + 4 * MSS, .tsecr = first, .nsack = 1,
	    .sack = { { 301 + 4 * MSS, 401 + 4 * MSS } });
	/* what fills the gap does */
	SLEEP(10 * MS);
	IN(.len = 100);
	OUT(.ack = 401 + 4 * MSS, .tsecr = th_peer_clock());
	NOTHING();
}

/* Our clock counts milliseconds from an offset of the tuple's own. */
static void test_our_clock(void **state)
{
	uint32_t ts;

	ts_open();
	SEND(1);
	OUT(.flags = PSH_ACK, .len = 1);
	ts = H.last_tsval;
	assert_int_equal(ts, (uint32_t)(H.env.now_us / 1000) + tcp_ts_offset(&H.t));
	SLEEP(123 * MS);
	IN();
	SEND(1);
	OUT(.flags = PSH_ACK, .seq = 2, .len = 1, .tsval = ts + 123);
}

/* PAWS: older than what was seen is not taken, answered with an ACK. */
static void test_paws(void **state)
{
	uint32_t last;

	ts_open();
	IN(.len = 10);
	last = th_peer_clock();
	IN(.len = 10, .tsval = last - 1);
	OUT(.ack = 11, .tsecr = last);
	NOTHING();
	EV(TCP_EV_READABLE);
	assert_int_equal(tcp_readable(&H.t), 10);
	IN(.flags = TCP_FIN | TCP_ACK, .tsval = last - 0x7fffffff);
	OUT(.ack = 11);
	STATE(TCPS_ESTABLISHED);
	SLEEP(10 * MS);
	IN(.ack = 1, .tsval = last - 5, .wnd = 5); /* nor its window */
	OUT(.ack = 11);
	/* no storm, should the other end think the same of us */
	IN(.ack = 1, .tsval = last - 5);
	NOTHING();
	assert_int_equal(H.t.snd_wnd, 0xffff << PEER_WS);
	assert_int_equal(H.drops.n[DROP_TCP_PAWS], 4);
	/* the same value, and a newer one that wraps around, are fine */
	IN(.len = 10, .tsval = last);
	IN(.len = 10, .tsval = last + 0x7fffffff);
	assert_int_equal(tcp_readable(&H.t), 30);
	READ(30);
	DROP_OUT();
}

/* RFC 7323 5.2: a reset is not held to it. */
static void test_paws_reset(void **state)
{
	ts_open();
	IN(.flags = TCP_RST, .seq = 1, .tsval = th_peer_clock() - 1000);
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
	NOTHING();
}

/* RFC 7323 5.5: after 24 idle days the clock may have turned round. */
static void test_paws_idle(void **state)
{
	uint32_t last;

	ts_open();
	IN(.len = 10);
	last = th_peer_clock();
	SLEEP(24 * DAY - 1 * SEC);
	DROP_OUT();
	IN(.len = 10, .tsval = last - 1);
	DROP_OUT();
	assert_int_equal(tcp_readable(&H.t), 10);
	SLEEP(1 * SEC);
	IN(.len = 10, .tsval = last - 1);
	assert_int_equal(tcp_readable(&H.t), 20);
	SLEEP(40 * MS);
	OUT(.ack = 21, .tsecr = last - 1); /* and this one counts from now on */
	IN(.len = 10, .tsval = last - 2);
	OUT(.ack = 21);
	READ(20);
}

/* Agreed, and a segment without: RFC 7323 3.2 would have it dropped; middleboxes
 * and merging strip them, so it is taken, and nothing is concluded from it. */
static void test_missing_timestamp(void **state)
{
	ts_open();
	IN(.len = 10, .no_ts = true);
	EV(TCP_EV_READABLE);
	READ(10);
	SLEEP(40 * MS);
	OUT(.ack = 11);
	NOTHING();
}

/* Not agreed, and there all the same: not looked at. */
static void test_uninvited_timestamp(void **state)
{
	H.ts = false;
	th_open();
	H.ts = true; /* the peer's segments only */
	IN(.len = 10, .tsval = 5);
	IN(.len = 10, .tsval = 4);
	H.ts = false;
	EV(TCP_EV_READABLE);
	READ(20);
	SLEEP(40 * MS);
	OUT(.ack = 21);
}

/* ---- window scaling ---- */

static void test_scale(void **state)
{
	th_open();
	assert_int_equal(H.t.snd_wscale, PEER_WS);
	assert_int_equal(H.t.snd_wnd, 0xffff << PEER_WS);
	IN(.wnd = 3);
	assert_int_equal(H.t.snd_wnd, 48);
	IN(.len = 3000, .gso = 1000);
	OUT(.ack = 3001, .wnd = (262144 - 3000) >> th_our_ws());
	READ(3000);
}

/* The peer does not scale: neither do we, and our window ends at 64 KB. */
static void test_no_scale(void **state)
{
	H.ws = false;
	th_open();
	assert_int_equal(H.t.snd_wnd, 65535);
	IN(.len = 3000, .gso = 1000);
	OUT(.ack = 3001, .wnd = 62535);
	READ(3000);
	IN(.len = 3000, .gso = 1000);
	READ(3000);
	OUT(.ack = 6001, .wnd = 65535);
	NOTHING();
	for (unsigned i = 0; i < 50; i++) { /* and no tuning makes it larger */
		IN(.len = 50000, .gso = 1000);
		READ(50000);
		SLEEP(2 * MS);
		DROP_OUT();
	}
	assert_int_equal(H.t.rcvbuf, 65535);
}

/* RFC 7323 2.3: 14 at most. */
static void test_scale_limit(void **state)
{
	struct seg s = th_syn(TCP_SYN);

	s.ws = 15;
	th_listen(s);
	assert_int_equal(H.t.snd_wscale, 14);
	tcp_free(&H.t);
	H.conf.rcvbuf_max = UINT32_C(1) << 30;
	th_listen(th_syn(TCP_SYN));
	ACCEPT();
	OUT_SYNACK(.ws = 14, .wnd = 65535);
}

/* ---- SACK blocks ---- */

/* The latest arrival first, then those reported before it (RFC 2018 4); three with
 * timestamps, four without. */
static void test_blocks(void **state)
{
	th_open();
	IN(.seq = 101, .len = 100);
	OUT(.nsack = 1, .sack = { { 101, 201 } });
	IN(.seq = 301, .len = 100);
	OUT(.nsack = 2, .sack = { { 301, 401 }, { 101, 201 } });
	IN(.seq = 501, .len = 100);
	OUT(.nsack = 3, .sack = { { 501, 601 }, { 301, 401 }, { 101, 201 } });
	IN(.seq = 701, .len = 100);
	if (H.ts)
		OUT(.nsack = 3,
		    .sack = { { 701, 801 }, { 501, 601 }, { 301, 401 } });
	else
		OUT(.nsack = 4, .sack = { { 701, 801 },
					  { 501, 601 },
					  { 301, 401 },
					  { 101, 201 } });
	/* an old range grows: it is the latest */
	IN(.seq = 201, .len = 50);
	if (H.ts)
		OUT(.nsack = 3,
		    .sack = { { 101, 251 }, { 701, 801 }, { 501, 601 } });
	else
		OUT(.nsack = 4, .sack = { { 101, 251 },
					  { 701, 801 },
					  { 501, 601 },
					  { 301, 401 } });
	/* two become one */
	IN(.seq = 401, .len = 100);
	OUT(.nsack = 3, .sack = { { 301, 601 }, { 101, 251 }, { 701, 801 } });
	IN(.seq = 1, .len = 100);
	OUT(.ack = 251, .nsack = 2, .sack = { { 301, 601 }, { 701, 801 } });
	IN(.seq = 251, .len = 50);
	OUT(.ack = 601, .nsack = 1, .sack = { { 701, 801 } });
	IN(.seq = 601, .len = 100);
	OUT(.ack = 801);
	NOTHING();
	READ(800);
}

/* RFC 2883: a duplicate is reported once, first. */
static void test_dsack(void **state)
{
	th_open();
	IN(.len = 200, .gso = 100);
	OUT(.ack = 201);
	IN(.seq = 1, .len = 100);
	OUT(.ack = 201, .nsack = 1, .sack = { { 1, 101 } });
	IN(.seq = 301, .len = 100);
	OUT(.ack = 201, .nsack = 1, .sack = { { 301, 401 } });
	IN(.seq = 101, .len = 100);
	OUT(.ack = 201, .nsack = 2, .sack = { { 101, 201 }, { 301, 401 } });
	IN(.seq = 151, .len = 150);
	OUT(.ack = 401, .nsack = 1, .sack = { { 151, 201 } });
	NOTHING();
	READ(400);
}

/* Blocks ride on data, whose segments are shorter by as much. */
static void test_blocks_on_data(void **state)
{
	uint32_t seg;

	th_open();
	seg = MSS - 20;
	IN(.seq = 101, .len = 100);
	IN(.seq = 301, .len = 100);
	SEND(3 * MSS);
	OUT(.flags = PSH_ACK, .len = 3 * MSS, .gso = seg, .nsack = 2,
	    .sack = { { 301, 401 }, { 101, 201 } });
	NOTHING();
	SEND(MSS); /* one of the shorter ones; the rest is a small segment and waits */
	OUT(.flags = TCP_ACK, .seq = 1 + 3 * MSS, .len = seg, .nsack = 2,
	    .sack = { { 301, 401 }, { 101, 201 } });
	NOTHING();
}

/* Not agreed: none are sent, none are believed. */
static void test_no_sack(void **state)
{
	H.sack = false;
	th_open();
	IN(.seq = 101, .len = 100);
	OUT();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN(.ack = 1, .seq = 1, .nsack = 1,
	   .sack = { { 1 + 5 * MSS, 1 + 10 * MSS } });
	NOTHING();
	assert_int_equal(H.t.sack.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_echo),
		T(test_our_clock),
		T(test_paws),
		T(test_paws_reset),
		T(test_paws_idle),
		T(test_missing_timestamp),
		T(test_uninvited_timestamp),
		T(test_scale),
		T(test_no_scale),
		T(test_scale_limit),
		T(test_blocks),
		T(test_dsack),
		T(test_blocks_on_data),
		T(test_no_sack),
	};

	return th_run(tests);
}
