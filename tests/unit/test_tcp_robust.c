/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blind attacks and bad luck: resets, SYNs and their challenges (RFC 5961), ICMP
 * (RFC 5927, 1122 4.2.3.9), path and link MTU (RFC 1191, 8201), the reset for no
 * connection (RFC 9293 3.10.7.1), and the limits of the packet pool.
 */
#include "tcp_harness.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)

/* ---- RFC 5961 ---- */

static void test_reset_exact(void **state)
{
	th_open();
	IN(.len = 10);
	IN(.flags = TCP_RST, .seq = 11);
	NOTHING();
	EV(TCP_EV_READABLE | TCP_EV_RESET | TCP_EV_CLOSED);
	STATE(TCPS_CLOSED);
	NOT_DUE();
}

static void test_reset_in_window(void **state)
{
	static const uint32_t seq[] = { 2, 1000, 262144 };

	th_open();
	IN(.len = 3000, .gso = 1000);
	OUT(.ack = 3001, .wnd = 2024); /* 259072 bytes */
	for (unsigned i = 0; i < 3; i++) {
		IN(.flags = TCP_RST, .seq = 3000 + seq[i] - (i == 2 ? 3072 : 0));
		OUT(.ack = 3001);
		NOTHING();
	}
	EV(TCP_EV_READABLE);
	STATE(TCPS_ESTABLISHED);
	assert_int_equal(H.ctx.stats.challenge_acks, 3);
	/* outside: nothing at all */
	IN(.flags = TCP_RST, .seq = 3000);
	IN(.flags = TCP_RST, .seq = 3001 + 259072);
	IN(.flags = TCP_RST | TCP_ACK, .seq = 1);
	NOTHING();
	EV(0);
	/* the peer answers the challenge from where it is */
	IN(.flags = TCP_RST, .seq = 3001);
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
}

/* With a closed window the next byte is all there is. */
static void test_reset_zero_window(void **state)
{
	H.conf.rcvbuf_init = H.conf.rcvbuf_max = 2000;
	th_open();
	IN(.len = 2000, .gso = 1000);
	OUT(.ack = 2001, .wnd = 0);
	IN(.flags = TCP_RST, .seq = 2002);
	IN(.flags = TCP_RST, .seq = 2000);
	NOTHING();
	EV(TCP_EV_READABLE);
	IN(.flags = TCP_RST | TCP_ACK, .seq = 2001,
	   .len = 4); /* text in it is a remark */
	NOTHING();
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
}

/* A SYN is asked about wherever it lies, with ACK and without (RFC 5961 4.2). */
static void test_syn_challenged(void **state)
{
	static const uint32_t seq[] = { 0, 1, 2, 5000, 0x40000000, -77 };

	th_open();
	for (unsigned i = 0; i < 12; i++) {
		IN(.flags = i & 1 ? TCP_SYN | TCP_ACK : TCP_SYN, .seq = seq[i / 2],
		   .tsval = th_peer_clock() + 1);
		OUT();
		NOTHING();
	}
	EV(0);
	STATE(TCPS_ESTABLISHED);
	assert_int_equal(H.ctx.stats.challenge_acks, 12);
	/* a peer that lost its memory answers it with a reset, and begins again */
	IN(.flags = TCP_RST, .seq = 1);
	EV(TCP_EV_RESET | TCP_EV_CLOSED);
}

/* So many a second for all connections together, and nobody can count on how many
 * (RFC 5961 7). */
static void test_challenge_budget(void **state)
{
	unsigned sent[3] = { 0 };

	th_open();
	for (unsigned s = 0; s < 3; s++) {
		for (unsigned i = 0; i < 2000; i++) {
			IN(.flags = TCP_RST, .seq = 100);
			th_turn();
			sent[s] += H.out.n;
			DROP_OUT();
		}
		assert_in_range(sent[s], 500, 999);
		SLEEP(999 * MS);
		IN(.flags = TCP_RST, .seq = 100);
		NOTHING();
		SLEEP(1 * MS);
	}
	assert_true(sent[0] != sent[1] || sent[1] != sent[2]);
	assert_int_equal(H.ctx.stats.challenge_acks, sent[0] + sent[1] + sent[2]);
	/* ordinary ACKs are no challenges */
	IN(.len = 2 * MSS);
	OUT(.ack = 1 + 2 * MSS);
}

/* ---- ICMP ---- */

static unsigned icmp(enum icmp_error e, uint32_t seq, uint32_t info)
{
	struct icmp_event ev = {
		.error = e, .info = info, .tcp_seq = H.iss + seq, .has_seq = true
	};
	unsigned r = tcp_icmp(&H.t, &ev, &H.env);

	H.dirty = true;
	return r;
}

static void test_icmp_hard(void **state)
{
	static const enum icmp_error hard[] = { ICMP_E_PORT_UNREACH,
						ICMP_E_PROTO_UNREACH,
						ICMP_E_ADMIN };

	for (unsigned i = 0; i < 3; i++) {
		th_init();
		tcp_connect(&H.t, &H.env);
		H.dirty = true;
		OUT_SYN();
		/* RFC 5927 4.1: not about our SYN */
		assert_int_equal(icmp(hard[i], 1, 0), 0);
		assert_int_equal(icmp(hard[i], -1, 0), 0);
		STATE(TCPS_SYN_SENT);
		assert_int_equal(icmp(hard[i], 0, 0), TCP_EV_ERROR | TCP_EV_CLOSED);
		STATE(TCPS_CLOSED);
		assert_int_equal(H.t.err, icmp_error_to_errno(hard[i]));
		NOTHING();
		assert_int_equal(icmp(hard[i], 0, 0), 0);
	}
}

/* Soft ones do not end it; the last is the reason that is known at the end. */
static void test_icmp_soft(void **state)
{
	th_init();
	H.conf.syn_retries = 1;
	tcp_connect(&H.t, &H.env);
	H.dirty = true;
	OUT_SYN();
	assert_int_equal(icmp(ICMP_E_NET_UNREACH, 0, 0), 0);
	assert_int_equal(icmp(ICMP_E_TTL, 0, 0), 0);
	assert_int_equal(icmp(ICMP_E_HOST_UNREACH, 0, 0), 0);
	STATE(TCPS_SYN_SENT);
	SLEEP(1 * SEC);
	OUT_SYN();
	SLEEP(2 * SEC);
	EV(TCP_EV_TIMEOUT | TCP_EV_CLOSED);
	assert_int_equal(H.t.err, EHOSTUNREACH);
}

static void test_icmp_established(void **state)
{
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	assert_int_equal(icmp(ICMP_E_PORT_UNREACH, 1, 0), 0);
	assert_int_equal(icmp(ICMP_E_PROTO_UNREACH, 1, 0), 0);
	assert_int_equal(icmp(ICMP_E_ADMIN, 1, 0), 0);
	NOTHING();
	STATE(TCPS_ESTABLISHED);
	assert_int_not_equal(H.t.err, 0);
	IN(.ack = 101); /* it gets through after all */
	assert_int_equal(H.t.err, 0);
	/* without the quoted number nothing is believed */
	SEND(100);
	OUT(.flags = PSH_ACK, .seq = 101, .len = 100);
	tcp_icmp(&H.t, &(struct icmp_event){ .error = ICMP_E_TOO_BIG, .info = 600 },
		 &H.env);
	assert_int_equal(H.t.pmtu, 0);
	assert_int_equal(icmp(ICMP_E_PORT_UNREACH, 201, 0), 0);
	assert_int_equal(H.t.err, 0);
}

/* ---- path MTU ---- */

static uint32_t mss_of(uint32_t mtu)
{
	return mtu - (H.v6 ? 60 : 40) - (H.ts ? 12 : 0);
}

static void test_pmtu(void **state)
{
	uint32_t mtu = 1400, mss;

	th_open();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	IN(.ack = 1 + 2 * MSS);
	NOTHING();
	mss = MSS;
	/* RFC 5927 4: below snd_una, at and above snd_nxt: not ours */
	icmp(ICMP_E_TOO_BIG, 1 + 2 * mss - 1, mtu);
	icmp(ICMP_E_TOO_BIG, 1 + 10 * mss, mtu);
	/* not smaller */
	icmp(ICMP_E_TOO_BIG, 1 + 2 * mss, 1500);
	icmp(ICMP_E_TOO_BIG, 1 + 2 * mss, 9000);
	NOTHING();
	assert_int_equal(H.t.pmtu, 0);
	icmp(ICMP_E_TOO_BIG, 1 + 2 * mss, mtu);
	assert_int_equal(MSS, mss_of(mtu));
	/* what is out there was dropped: again, in pieces that fit, and the window is
	 * what it was (RFC 1191 6.5) */
	OUT(.flags = PSH_ACK, .seq = 1 + 2 * mss, .len = 8 * mss, .gso = MSS);
	NOTHING();
	assert_int_equal(H.t.cc.cwnd, 12 * mss);
	assert_int_equal(H.ctx.stats.rto, 0);
	/* the same report again, a duplicate: nothing new */
	icmp(ICMP_E_TOO_BIG, 1 + 2 * mss, mtu);
	NOTHING();
	IN(.ack = 1 + 10 * mss);
	NOTHING();
	assert_false(tcp_in_recovery(&H.t));
	NOT_DUE();
	SEND(3 * MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 10 * mss, .len = 3 * MSS, .gso = MSS);
}

/* The floor: 552 and 1280. */
static void test_pmtu_floor(void **state)
{
	th_open();
	SEND(100);
	OUT(.flags = PSH_ACK, .len = 100);
	icmp(ICMP_E_TOO_BIG, 1, 68);
	assert_int_equal(H.t.pmtu, H.v6 ? 1280 : 552);
	assert_int_equal(MSS, mss_of(H.v6 ? 1280 : 552));
	OUT(.flags = PSH_ACK, .len = 100);
	icmp(ICMP_E_TOO_BIG, 1, 0);
	assert_int_equal(H.t.pmtu, H.v6 ? 1280 : 552);
	NOTHING();
}

/* The FIN was in the dropped packet, too. */
static void test_pmtu_fin(void **state)
{
	uint32_t mss;

	th_open();
	mss = MSS;
	SEND(2 * mss);
	SHUTDOWN();
	OUT(.flags = PSH_ACK | TCP_FIN, .len = 2 * mss, .gso = mss);
	icmp(ICMP_E_TOO_BIG, 1, 1300);
	OUT(.flags = PSH_ACK | TCP_FIN, .len = 2 * mss, .gso = MSS);
	NOTHING();
	IN();
	STATE(TCPS_FIN_WAIT_2);
}

/* While the SYN is out it only bounds what comes after. */
static void test_pmtu_syn(void **state)
{
	th_init();
	tcp_connect(&H.t, &H.env);
	H.dirty = true;
	OUT_SYN();
	icmp(ICMP_E_TOO_BIG, 0, 1300);
	NOTHING();
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT();
	assert_int_equal(MSS, mss_of(1300));
}

/* The link's MTU, both ways; a path known to be narrower stays so. */
static void test_link_mtu(void **state)
{
	uint32_t at;

	H.peer_mss = 65000;
	H.caps.mtu = 9000;
	th_open();
	assert_int_equal(MSS, mss_of(9000));
	SEND(2 * MSS); /* RFC 6928: of such segments two are the initial window */
	at = 1 + 2 * MSS;
	OUT(.len = 2 * MSS, .gso = MSS, .flags = PSH_ACK);
	H.caps.mtu = 1500;
	tcp_mtu_changed(&H.t);
	assert_int_equal(MSS, mss_of(1500));
	H.dirty = true;
	NOTHING(); /* what the interface took is on its way */
	IN(.ack = at);
	SEND(3 * MSS);
	OUT(.seq = at, .len = 3 * MSS, .gso = MSS, .flags = PSH_ACK);
	icmp(ICMP_E_TOO_BIG, at, 1400);
	DROP_OUT();
	H.caps.mtu = 65535;
	tcp_mtu_changed(&H.t);
	assert_int_equal(MSS, mss_of(1400));
	H.t.pmtu = 0;
	tcp_mtu_changed(&H.t);
	assert_int_equal(MSS, 65000 - (H.ts ? 12 : 0));
	/* the window holds one segment at the least */
	assert_true(H.t.cc.cwnd >= MSS);
}

/* Retransmissions after the link shrank come in the new size. */
static void test_link_mtu_retransmit(void **state)
{
	uint32_t mss;

	th_open();
	mss = MSS;
	SEND(10 * mss);
	OUT(.flags = PSH_ACK, .len = 10 * mss, .gso = mss);
	H.caps.mtu = 1300;
	tcp_mtu_changed(&H.t);
	SLEEP(200 * MS);
	OUT(.len = MSS); /* one segment (RFC 5681 3.1) */
	NOTHING();
	assert_int_equal(MSS, mss_of(1300));
	IN(.ack = 1 + MSS);
	OUT(.seq = 1 + MSS, .len = 2 * MSS, .gso = MSS);
	NOTHING();
}

/* ---- without a connection ---- */

static void expect_reset(uint16_t in_flags, uint32_t len, uint16_t flags,
			 uint32_t seq, uint32_t ack)
{
	struct seg s = { .flags = in_flags,
			 .seq = 1000,
			 .ack = 5000,
			 .len = len,
			 .wnd = 9,
			 .ws = -1,
			 .tsval = ANY,
			 .tsecr = ANY };
	struct gust_pkt *p = th_packet(&s);
	struct gust_pkt *r = tcp_reset_for(H.pool, p, &H.caps);

	pkt_free(p);
	assert_non_null(r);
	H.t.ttl = 64;
	gust_batch_push(&H.out, r);
	OUT(.flags = flags, .seq = seq, .ack = ack, .wnd = 0);
}

/* RFC 9293 3.10.7.1 */
static void test_reset_for(void **state)
{
	struct seg rst = {
		.flags = TCP_RST | TCP_ACK, .ws = -1, .tsval = ANY, .tsecr = ANY
	};
	struct gust_pkt *p, *r;

	th_init();
	expect_reset(TCP_ACK, 0, TCP_RST, 5000, 0);
	expect_reset(TCP_ACK | TCP_FIN, 70, TCP_RST, 5000, 0);
	expect_reset(TCP_SYN | TCP_ACK, 0, TCP_RST, 5000, 0);
	expect_reset(TCP_SYN, 0, TCP_RST | TCP_ACK, -H.iss, 1001);
	expect_reset(TCP_SYN | TCP_FIN, 10, TCP_RST | TCP_ACK, -H.iss, 1012);
	expect_reset(TCP_FIN, 10, TCP_RST | TCP_ACK, -H.iss, 1011);
	expect_reset(0, 100000, TCP_RST | TCP_ACK, -H.iss, 101000);
	NOTHING();
	p = th_packet(&rst);
	assert_null(tcp_reset_for(H.pool, p, &H.caps));
	pkt_free(p);
	/* no TCP header at all */
	r = pkt_new(H.own);
	assert_null(tcp_reset_for(H.pool, r, &H.caps));
	pkt_free(r);
}

/* ---- the pool is empty ---- */

static struct gust_pkt *hoard;

static void pool_empty(void)
{
	struct gust_pkt *p;

	while ((p = pkt_new(H.pool))) {
		p->next = hoard;
		hoard = p;
	}
}

static void pool_refill(void)
{
	while (hoard) {
		struct gust_pkt *p = hoard;

		hoard = p->next;
		pkt_free(p);
	}
}

static void test_no_packets_syn(void **state)
{
	th_init();
	pool_empty();
	tcp_connect(&H.t, &H.env);
	H.dirty = true;
	NOTHING();
	for (unsigned i = 0; i < 100;
	     i++) { /* tries again soon; these are no timeouts */
		DUE(2 * MS);
		SLEEP(2 * MS);
		NOTHING();
	}
	EV(0);
	pool_refill();
	SLEEP(2 * MS);
	OUT_SYN();
	NOTHING();
	th_in(th_syn(TCP_SYN | TCP_ACK));
	OUT();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	assert_int_not_equal(H.t.rtt.srtt_us, 0);
}

static void test_no_packets_data(void **state)
{
	th_open();
	pool_empty();
	SEND(5 * MSS);
	SHUTDOWN();
	NOTHING();
	IN(.len = 100);
	READ(100);
	DUE(2 * MS);
	for (unsigned i = 0; i < 20; i++) {
		SLEEP(2 * MS);
		NOTHING();
	}
	pool_refill();
	SLEEP(2 * MS);
	OUT(.flags = PSH_ACK | TCP_FIN, .len = 5 * MSS, .gso = MSS, .ack = 101);
	NOTHING();
	IN(.ack = 2 + 5 * MSS);
	STATE(TCPS_FIN_WAIT_2);
	NOT_DUE();
}

static void test_no_packets_ack(void **state)
{
	th_open();
	pool_empty();
	IN(.len = 2 * MSS);
	NOTHING();
	SLEEP(2 * MS);
	NOTHING();
	pool_refill();
	SLEEP(2 * MS);
	OUT(.ack = 1 + 2 * MSS);
	NOTHING();
	READ(2 * MSS);
}

static void test_no_packets_retransmit(void **state)
{
	th_open();
	SEND(10 * MSS);
	OUT(.flags = PSH_ACK, .len = 10 * MSS, .gso = MSS);
	pool_empty();
	IN(.ack = 1, .nsack = 1, .sack = { { 1 + MSS, 1 + 10 * MSS } });
	NOTHING();
	SLEEP(2 * MS);
	NOTHING();
	pool_refill();
	SLEEP(2 * MS);
	OUT(.len = MSS);
	NOTHING();
	assert_int_equal(H.ctx.stats.rto, 0);
}

/* A reset that cannot be sent is lost like any other packet. */
static void test_no_packets_reset(void **state)
{
	th_open();
	pool_empty();
	ABORT();
	NOTHING();
	pool_refill();
	H.dirty = true;
	NOTHING();
	NOT_DUE();
}

/* Slabs run short: no buffer grows, and at the end no window is larger than the
 * initial one. What was advertised stays good. */
static void test_pressure(void **state)
{
	struct gust_slab *s[60];
	unsigned n = 0;

	H.conf.rcvbuf_init = 16384;
	H.conf.rcvbuf_max = H.conf.sndbuf_max = 65536;
	H.conf.sndbuf_init = 1000;
	th_open();
	H.t.rcvbuf = 65536;
	IN(.len = 3000, .gso = 1000);
	READ(3000);
	OUT(.ack = 3001, .wnd = 65536 >> th_our_ws());
	while (n < 33)
		s[n++] = slab_new(H.pool);
	assert_int_equal(pkt_pool_pressure(H.pool), 1);
	H.t.rcvbuf = 32768;
	H.t.sndbuf = 1000;
	SLEEP(10 * MS);
	IN(.len = 30000, .gso = 1000);
	READ(30000);
	assert_int_equal(H.t.rcvbuf, 32768);
	SEND(1000);
	OUT(.flags = PSH_ACK, .len = 1000, .ack = 33001);
	IN();
	NOTHING();
	assert_int_equal(H.t.sndbuf, 1000);
	while (n < 60)
		s[n++] = slab_new(H.pool);
	assert_int_equal(pkt_pool_pressure(H.pool), 2);
	IN(.len = 30000, .gso = 1000);
	READ(30000);
	OUT(.seq = 1001, .ack = 63001, .wnd = 16384 >> th_our_ws());
	while (n)
		slab_unref(s[--n]);
	IN(.len = 3000, .gso = 1000);
	READ(3000);
	OUT(.seq = 1001, .ack = 66001, .wnd = H.t.rcvbuf >> th_our_ws());
}

/* ---- anything else ---- */

/* Data that cannot be stored has not arrived. */
static void test_ooo_limit(void **state)
{
	th_open();
	for (unsigned i = 0; i < RCVQ_OOO_MAX; i++) {
		IN(.seq = 11 + 20 * i, .len = 10);
		DROP_OUT();
	}
	assert_int_equal(H.t.rcvq.ooo_n, RCVQ_OOO_MAX);
	IN(.seq = 11 + 20 * RCVQ_OOO_MAX, .len = 10, .flags = TCP_ACK | TCP_FIN);
	assert_int_equal(H.drops.n[DROP_TCP_OOO_LIMIT], 1);
	DROP_OUT();
	EV(0);
	for (unsigned i = 0; i < RCVQ_OOO_MAX; i++) {
		IN(.seq = 1 + 20 * i, .len = 10);
		tcp_compact(&H.t);
		DROP_OUT();
	}
	EV(TCP_EV_READABLE);
	READ(20 * RCVQ_OOO_MAX);
	STATE(TCPS_ESTABLISHED);
}

static void test_not_tcp(void **state)
{
	struct gust_pkt *p;

	th_open();
	p = pkt_new(H.own);
	p->hlen = p->len = 10;
	memset(p->head, 0xff, 10);
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	assert_int_equal(tcp_input(&H.t, p, &H.env), 0);
	p = pkt_new(H.own);
	assert_int_equal(tcp_input(&H.t, p, &H.env), 0);
	assert_int_equal(H.drops.n[DROP_BAD_TCPHDR], 2);
	H.dirty = true;
	NOTHING();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_reset_exact),
		T(test_reset_in_window),
		T(test_reset_zero_window),
		T(test_syn_challenged),
		T(test_challenge_budget),
		T(test_icmp_hard),
		T(test_icmp_soft),
		T(test_icmp_established),
		T(test_pmtu),
		T(test_pmtu_floor),
		T(test_pmtu_fin),
		T(test_pmtu_syn),
		T(test_link_mtu),
		T(test_link_mtu_retransmit),
		T(test_reset_for),
		T(test_no_packets_syn),
		T(test_no_packets_data),
		T(test_no_packets_ack),
		T(test_no_packets_retransmit),
		T(test_no_packets_reset),
		T(test_pressure),
		T(test_ooo_limit),
		T(test_not_tcp),
	};

	return th_run(tests);
}
