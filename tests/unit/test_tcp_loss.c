/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss and what is made of it: fast retransmit and recovery with SACK (RFC 6675,
 * 2018, 2883) and without (RFC 6582), limited transmit (RFC 3042), timeouts (RFC
 * 5681, 6298), spurious ones (RFC 3522). Congestion control is NewReno, half a
 * window a loss. M(n) is the sequence number of segment n, counted from 0.
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)
#define M(n) (1 + (n)*MSS)
#define SACK1(a, b) .nsack = 1, .sack = { { M(a), M(b) } }
#define SACK2(a, b, c, d) .nsack = 2, .sack = { { M(a), M(b) }, { M(c), M(d) } }
#define SACK3(a, b, c, d, e, f)                                                    \
	.nsack = 3, .sack = { { M(a), M(b) }, { M(c), M(d) }, { M(e), M(f) } }

/* Ten segments are out, `more` wait. */
static void ten_out(uint32_t more)
{
	th_open();
	SEND((10 + more) * MSS);
	OUT(.len = 10 * MSS, .gso = MSS, .flags = more ? TCP_ACK : PSH_ACK);
	NOTHING();
	SLEEP(5 * MS);
	H.ev = 0;
}

/* Segments [n, n + k) go out, new or again. */
#define SEGS(n, k, ...)                                                            \
	OUT(.seq = M(n), .len = (k)*MSS, .gso = (k) > 1 ? MSS : 0, ##__VA_ARGS__)

static void check(uint32_t cwnd, uint32_t pipe)
{
	assert_int_equal(H.t.cc.cwnd, cwnd * MSS);
	assert_int_equal(tcp_inflight(&H.t), pipe * MSS);
}

/* ---- with SACK ---- */

/* The first of ten is lost; each later one brings a duplicate ACK. */
static void test_sack_fast_retransmit(void **state)
{
	ten_out(20);
	IN(.ack = M(0), SACK1(1, 2));
	SEGS(10, 1); /* RFC 3042 */
	NOTHING();
	IN(.ack = M(0), SACK1(1, 3));
	SEGS(11, 1);
	NOTHING();
	IN(.ack = M(0), SACK1(1, 4));
	SEGS(0, 1); /* RFC 6675 5 (4.3): regardless of the pipe */
	NOTHING();
	assert_true(H.t.flags & TCPF_RECOVERY);
	/* half of FlightSize without what limited transmit added (RFC 5681 3.1) */
	assert_int_equal(H.t.cc.ssthresh, 5 * MSS);
	check(5, 12 - 3);
	for (unsigned i = 5; i <= 8; i++) {
		IN(.ack = M(0), SACK1(1, i));
		NOTHING();
	}
	IN(.ack = M(0), SACK1(1, 9)); /* pipe 4: one may go */
	SEGS(12, 1);
	NOTHING();
	IN(.ack = M(0), SACK1(1, 10));
	SEGS(13, 1);
	NOTHING();
	IN(.ack = M(10)); /* the retransmission arrived; not all of the episode */
	assert_true(H.t.flags & TCPF_RECOVERY);
	SEGS(14, 1);
	IN(.ack = M(12));
	assert_false(H.t.flags & (TCPF_RECOVERY | TCPF_LOSS));
	assert_int_equal(H.t.retrans, 1);
	assert_int_equal(H.ctx.stats.fast_recovery, 1);
	assert_int_equal(H.ctx.stats.rto, 0);
	SEGS(15, 2); /* cwnd 5, 3 out */
	NOTHING();
	check(5, 5);
}

/* One ACK tells it all: nine of ten arrived (RFC 6675 IsLost() by bytes). */
static void test_sack_superpacket(void **state)
{
	ten_out(20);
	IN(.ack = M(0), SACK1(1, 10));
	SEGS(0, 1);
	SEGS(10, 4);
	NOTHING();
	check(5, 5);
	EV(0);
	IN(.ack = M(10));
	NOTHING();
	check(5, 4);
	EV(TCP_EV_WRITABLE);
}

/* Two segments above are not enough, small as the window may be. */
static void test_sack_below_threshold(void **state)
{
	ten_out(0);
	IN(.ack = M(7), SACK1(8, 10));
	NOTHING();
	assert_false(H.t.flags & TCPF_RECOVERY);
	check(17, 1);
	SLEEP(tcp_deadline(&H.t) - H.env.now_us);
	SEGS(7, 1);
	NOTHING();
}

/* Several holes in one window, sent again in order and as the pipe allows. */
static void test_sack_holes(void **state)
{
	ten_out(0);
	/* 0, 1, 4 and 8 are lost */
	IN(.ack = M(0), SACK3(2, 4, 5, 8, 9, 10));
	/* three ranges above 0 and 1; two, of more than two segments, above 4; one
	 * of one segment above 8. Pipe: 8; room for 4 */
	SEGS(0, 2);
	SEGS(4, 1);
	/* nothing lost for certain, nothing new: NextSeg() (3) */
	SEGS(8, 1, .flags = TCP_ACK);
	NOTHING();
	check(5, 5); /* 8 counts twice */
	IN(.ack = M(4), SACK2(5, 8, 9, 10));
	NOTHING();
	IN(.ack = M(8), SACK1(9, 10));
	NOTHING();
	IN(.ack = M(10));
	NOTHING();
	check(5, 0);
	assert_int_equal(H.t.retrans, 4);
	assert_false(H.t.flags & TCPF_RECOVERY);
	NOT_DUE();
}

/* A hole that is large: superpackets again, as far as the pipe allows. */
static void test_sack_large_hole(void **state)
{
	th_open();
	H.t.cc.cwnd = 40 * MSS;
	SEND(40 * MSS);
	OUT(.flags = PSH_ACK, .len = 40 * MSS, .gso = MSS);
	IN(.ack = M(0), SACK1(30, 40));
	SEGS(0, 20);
	NOTHING();
	check(20, 20);
	IN(.ack = M(10), SACK1(30, 40)); /* half of it arrives */
	SEGS(20, 10);
	NOTHING();
	IN(.ack = M(40));
	NOTHING();
	assert_int_equal(H.t.retrans, 30);
}

/* Not sent twice in one episode, whatever SACK says later. A retransmission that
 * is lost, too, is for the timer. */
static void test_sack_lost_again(void **state)
{
	ten_out(0);
	IN(.ack = M(0), SACK1(1, 5));
	SEGS(0, 1);
	NOTHING();
	for (unsigned i = 6; i <= 10; i++) {
		IN(.ack = M(0), SACK1(1, i));
		if (i == 7)
			SEGS(9, 1, .flags = PSH_ACK); /* the rescue, below */
		NOTHING();
	}
	SLEEP(tcp_deadline(&H.t) - H.env.now_us);
	/* RFC 2018 8: the SACKed ones may be gone by now, the board is empty; one
	 * segment */
	assert_int_equal(H.t.sack.n, 0);
	assert_int_equal(H.t.cc.cwnd, MSS);
	SEGS(0, 1);
	NOTHING();
	/* the peer still has the others: they are not sent again */
	IN(.ack = M(10));
	NOTHING();
	NOT_DUE();
	assert_int_equal(H.t.retrans, 3);
}

/* NextSeg() (4): the end of the window is lost as well as the first. One segment of
 * it goes, so that ACKs keep coming. */
static void test_sack_rescue(void **state)
{
	ten_out(0);
	IN(.ack = M(0), SACK1(1, 7)); /* 0, 7, 8 and 9 are lost */
	SEGS(0, 1);
	SEGS(9, 1, .flags = PSH_ACK);
	NOTHING();
	/* once an episode */
	IN(.ack = M(7));
	NOTHING();
	/* it arrived: 7 and 8 are holes now */
	IN(.ack = M(7), SACK1(9, 10));
	SEGS(7, 1); /* (3), a segment at a time */
	SEGS(8, 1);
	NOTHING();
	IN(.ack = M(10));
	NOTHING();
	assert_int_equal(H.t.retrans, 4);
	NOT_DUE();
}

/* SACK blocks on data segments count as well (RFC 6675 2). */
static void test_sack_on_data(void **state)
{
	ten_out(0);
	IN(.ack = M(0), SACK1(1, 2), .len = 10);
	IN(.ack = M(0), SACK1(1, 3), .len = 10);
	assert_int_equal(H.t.dupacks, 2);
	IN(.ack = M(0), SACK1(1, 4), .len = 10, .wnd = 0xfff0);
	SEGS(0, 1, .ack = 31);
	NOTHING();
	READ(30);
}

/* What brings no news is no duplicate ACK: the same block again, a D-SACK, blocks
 * outside of what was sent, reversed ones. */
static void test_sack_no_news(void **state)
{
	ten_out(0);
	IN(.ack = M(2), SACK1(3, 4));
	for (unsigned i = 0; i < 5; i++)
		IN(.ack = M(2), SACK1(3, 4));
	assert_int_equal(H.t.dupacks,
			 0); /* the first advanced, the others are old */
	for (unsigned i = 0; i < 5; i++)
		IN(.ack = M(2), SACK2(0, 1, 3, 4)); /* RFC 2883 4.1 */
	for (unsigned i = 0; i < 5; i++)
		IN(.ack = M(2), SACK1(9, 11));
	for (unsigned i = 0; i < 5; i++)
		IN(.ack = M(2), SACK1(8, 7));
	assert_int_equal(H.t.dupacks, 0);
	assert_int_equal(H.t.sack.bytes, MSS);
	NOTHING();
}

/* ---- without ---- */

static void reno_ten_out(uint32_t more)
{
	H.sack = false;
	ten_out(more);
}

/* RFC 6582 3.2, one loss: three duplicates, inflation, deflation. */
static void test_reno_fast_retransmit(void **state)
{
	reno_ten_out(20);
	IN(.ack = M(0));
	SEGS(10, 1); /* RFC 3042: two, one each */
	IN(.ack = M(0));
	SEGS(11, 1);
	IN(.ack = M(0));
	SEGS(0, 1);
	NOTHING();
	assert_int_equal(H.t.cc.ssthresh, 5 * MSS);
	for (unsigned i = 4; i <= 7; i++) {
		IN(.ack = M(0)); /* window 5 + i, outstanding 12 */
		NOTHING();
	}
	IN(.ack = M(0));
	SEGS(12, 1);
	IN(.ack = M(0));
	SEGS(13, 1);
	NOTHING();
	IN(.ack = M(12)); /* all of the episode */
	assert_false(H.t.flags & TCPF_RECOVERY);
	check(5, 2);
	SEGS(14, 3);
	NOTHING();
	assert_int_equal(H.t.retrans, 1);
}

/* Two losses in one window: the partial ACK uncovers the second. */
static void test_reno_partial(void **state)
{
	reno_ten_out(0);
	for (unsigned i = 0; i < 8; i++) { /* 0 and 4 are lost */
		IN(.ack = M(0));
		if (i == 2)
			SEGS(0, 1);
		NOTHING();
	}
	IN(.ack = M(4));
	SEGS(4, 1);
	NOTHING();
	assert_true(H.t.flags & TCPF_RECOVERY);
	/* eight had left, less four that are acknowledged, one retransmission arrived */
	assert_int_equal(H.t.dupacks, 5);
	IN(.ack = M(10));
	NOTHING();
	check(5, 0);
	assert_int_equal(H.t.retrans, 2);
}

/* What is no duplicate ACK (RFC 5681 2): data, a new window. */
static void test_reno_no_dup(void **state)
{
	reno_ten_out(0);
	for (unsigned i = 0; i < 4; i++)
		IN(.ack = M(0), .len = 1);
	for (unsigned i = 0; i < 4; i++)
		IN(.ack = M(0), .wnd = 0xf000 + i);
	assert_int_equal(H.t.dupacks, 0);
	assert_int_equal(H.ctx.stats.dup_acks_in, 0);
	SLEEP(40 * MS);
	OUT(.seq = M(10), .ack = 5); /* for the data */
	NOTHING();
	th_read(4);
}

/* Nothing outstanding: nothing is duplicate. */
static void test_no_dup_idle(void **state)
{
	H.sack = false;
	th_open();
	for (unsigned i = 0; i < 10; i++)
		IN();
	NOTHING();
	assert_int_equal(H.t.dupacks, 0);
}

/* RFC 6582 3.2 step 2: after a timeout the duplicates that the retransmissions
 * bring about do not begin a fast retransmit. */
static void test_reno_after_timeout(void **state)
{
	reno_ten_out(10);
	SLEEP(tcp_deadline(&H.t) - H.env.now_us);
	SEGS(0, 1);
	NOTHING();
	IN(.ack = M(1));
	SEGS(1, 2);
	IN(.ack = M(10)); /* the others had arrived; all of the episode */
	assert_false(H.t.flags & TCPF_LOSS);
	DROP_OUT();
	for (unsigned i = 0; i < 10; i++) {
		IN(.ack = M(10));
		assert_false(H.t.flags & TCPF_RECOVERY);
	}
	DROP_OUT();
	assert_int_equal(H.ctx.stats.fast_recovery, 0);
	/* once more is acknowledged, they count again */
	IN(.ack = M(11));
	for (unsigned i = 0; i < 3; i++)
		IN(.ack = M(11));
	assert_true(H.t.flags & TCPF_RECOVERY);
	DROP_OUT();
}

/* The guard's mark does not turn into one ahead after 2 GiB without loss. */
static void test_reno_old_mark(void **state)
{
	H.sack = false;
	th_open();
	for (unsigned i = 0; i < 3; i++) {
		SEND(MSS);
		DROP_OUT();
		H.t.recover = H.t.snd_una - 0x7fff0000; /* as if so long ago */
		IN();
		assert_int_equal(H.t.recover, H.t.snd_una - 1);
	}
}

/* ---- timeouts ---- */

/* Everything outstanding is lost; one segment, then slow start (RFC 5681 3.1). */
static void test_timeout(void **state)
{
	ten_out(10);
	SLEEP(195 * MS);
	assert_int_equal(H.t.cc.ssthresh, 5 * MSS);
	SEGS(0, 1);
	NOTHING();
	check(1, 1);
	IN(.ack = M(1));
	check(2, 0);
	SEGS(1, 2);
	IN(.ack = M(3));
	check(4, 0);
	SEGS(3, 4);
	NOTHING();
	IN(.ack = M(7));
	check(5, 0); /* ssthresh is reached */
	SEGS(7, 3);
	SEGS(10, 2); /* the lost ones are through: new ones */
	NOTHING();
	assert_true(H.t.flags & TCPF_LOSS);
	IN(.ack = M(10));
	assert_false(H.t.flags & TCPF_LOSS);
	assert_int_equal(H.t.retrans, 10);
	assert_int_equal(H.ctx.stats.rto, 1);
	DROP_OUT();
}

/* What SACK reports during it is not sent again. */
static void test_timeout_sack(void **state)
{
	ten_out(0);
	SLEEP(195 * MS);
	SEGS(0, 1);
	IN(.ack = M(1), SACK1(4, 10));
	SEGS(1, 2); /* cwnd 2 */
	NOTHING();
	IN(.ack = M(3), SACK1(4, 10));
	SEGS(3, 1);
	NOTHING();
	IN(.ack = M(10));
	NOTHING();
	assert_int_equal(H.t.retrans, 4);
}

/* The second timeout in a row leaves ssthresh (RFC 5681 3.1). */
static void test_timeout_again(void **state)
{
	ten_out(0);
	SLEEP(195 * MS);
	SEGS(0, 1);
	assert_int_equal(H.t.cc.ssthresh, 5 * MSS);
	SLEEP(400 * MS);
	SEGS(0, 1);
	NOTHING();
	assert_int_equal(H.t.cc.ssthresh, 5 * MSS);
	assert_int_equal(H.t.cc.cwnd, MSS);
	DUE(800 * MS);
}

/* A timeout within a recovery. */
static void test_timeout_in_recovery(void **state)
{
	ten_out(0);
	IN(.ack = M(0), SACK1(1, 5));
	SEGS(0, 1);
	SLEEP(tcp_deadline(&H.t) - H.env.now_us);
	assert_true(H.t.flags & TCPF_LOSS);
	assert_false(H.t.flags & TCPF_RECOVERY);
	SEGS(0, 1);
	NOTHING();
	IN(.ack = M(10));
	assert_false(tcp_in_recovery(&H.t));
	NOTHING();
}

/* ---- spurious ones (RFC 3522) ---- */

static void test_eifel_timeout(void **state)
{
	uint32_t sent;

	H.ts = true;
	ten_out(10);
	sent = H.last_tsval;
	SLEEP(195 * MS);
	SEGS(0, 1);
	assert_int_equal(H.t.cc.cwnd, MSS);
	/* the path was slow: what arrives is the answer to the original */
	IN(.ack = M(2), .tsecr = sent);
	assert_false(tcp_in_recovery(&H.t));
	assert_int_equal(H.ctx.stats.undo, 1);
	assert_int_equal(H.t.cc.ssthresh, UINT32_MAX);
	/* back to ten, and two of slow start's; the eight others are not sent again */
	check(12, 8);
	SEGS(10, 4);
	NOTHING();
	assert_int_equal(H.t.retrans, 1);
}

/* The echo of the retransmission: it was lost indeed. */
static void test_eifel_genuine(void **state)
{
	H.ts = true;
	ten_out(0);
	SLEEP(195 * MS);
	SEGS(0, 1);
	IN(.ack = M(1)); /* echoes the retransmission's */
	assert_true(H.t.flags & TCPF_LOSS);
	assert_int_equal(H.ctx.stats.undo, 0);
	SEGS(1, 2);
	/* only the first ACK can tell */
	IN(.ack = M(3), .tsecr = H.last_tsval - 300);
	assert_true(H.t.flags & TCPF_LOSS);
	assert_int_equal(H.ctx.stats.undo, 0);
	DROP_OUT();
}

/* Reordering that looked like loss. */
static void test_eifel_reordering(void **state)
{
	uint32_t sent;

	H.ts = true;
	ten_out(0);
	sent = H.last_tsval;
	SLEEP(10 * MS);
	IN(.ack = M(0), SACK1(1, 5));
	SEGS(0, 1);
	assert_int_equal(H.t.cc.cwnd, 5 * MSS);
	IN(.ack = M(5), .tsecr = sent);
	NOTHING();
	assert_false(tcp_in_recovery(&H.t));
	assert_int_equal(H.ctx.stats.undo, 1);
	assert_true(H.t.cc.cwnd >= 10 * MSS);
	IN(.ack = M(10));
	NOTHING();
	NOT_DUE();
}

/* Two holes. The second is sent again later, with a newer timestamp than the answer
 * to the first one's retransmission: that is no sign of anything. */
static void test_eifel_two_holes(void **state)
{
	uint32_t first;

	H.ts = true;
	ten_out(0);
	SLEEP(10 * MS);
	IN(.ack = M(0), SACK1(1, 4));
	SEGS(0, 1);
	first = H.last_tsval;
	SLEEP(10 * MS);
	IN(.ack = M(0), SACK2(1, 4, 5, 9)); /* 4 is lost, too */
	SEGS(4, 1);
	DROP_OUT();
	SLEEP(10 * MS);
	IN(.ack = M(4), SACK1(5, 9), .tsecr = first);
	assert_true(H.t.flags & TCPF_RECOVERY);
	IN(.ack = M(9), .tsecr = first);
	assert_true(H.t.flags & TCPF_RECOVERY);
	assert_int_equal(H.ctx.stats.undo, 0);
	IN(.ack = M(10));
	assert_int_equal(H.t.cc.cwnd, 5 * MSS);
	DROP_OUT();
}

/* ---- wherever it is, the FIN is part of it ---- */

static void test_fin_in_recovery(void **state)
{
	th_open();
	SEND(10 * MSS);
	SHUTDOWN();
	OUT(.flags = PSH_ACK | TCP_FIN, .len = 10 * MSS, .gso = MSS);
	IN(.ack = M(0), SACK1(1, 10)); /* 0 and the FIN are lost */
	SEGS(0, 1);
	OUT(.flags = TCP_FIN | TCP_ACK, .seq = M(10));
	NOTHING();
	IN(.ack = M(10));
	NOTHING();
	STATE(TCPS_FIN_WAIT_1);
	IN(.ack = M(10) + 1);
	STATE(TCPS_FIN_WAIT_2);
	NOT_DUE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_sack_fast_retransmit), T(test_sack_superpacket),
		T(test_sack_below_threshold), T(test_sack_holes),
		T(test_sack_large_hole),      T(test_sack_lost_again),
		T(test_sack_rescue),          T(test_sack_on_data),
		T(test_sack_no_news),         T(test_reno_fast_retransmit),
		T(test_reno_partial),         T(test_reno_no_dup),
		T(test_no_dup_idle),          T(test_reno_after_timeout),
		T(test_reno_old_mark),        T(test_timeout),
		T(test_timeout_sack),         T(test_timeout_again),
		T(test_timeout_in_recovery),  T(test_eifel_timeout),
		T(test_eifel_genuine),        T(test_eifel_reordering),
		T(test_eifel_two_holes),      T(test_fin_in_recovery),
	};

	return th_run(tests);
}
