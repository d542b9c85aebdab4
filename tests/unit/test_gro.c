/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gro.c - the TCP merging plugin, rule by rule, exact to the packet
 */
#include "mergelib.h"

#define MSS 1000

static struct merging m;

static int setup(void **state)
{
	merging_open(&m, "gro", "tso");
	return 0;
}

static int teardown(void **state)
{
	merging_close(&m);
	return 0;
}

static const struct mp plain4 = { .id = 100, .seq = 5000, .len = MSS };
static const struct mp plain6 = { .v6 = true, .seq = 5000, .len = MSS };

/* ---- what a superpacket looks like ---- */

static void assert_tcp(const struct mp *want, uint32_t need)
{
	assert_super(&m, want, MSS, want->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4, need);
}

static void test_train(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct mp t = { .v6 = i & 1,
				.eth = i & 2,
				.vlan = i & 4 ? 9 : 0,
				.id = 0xfff0,
				.seq = 0xffffff00,
				.ack = 77,
				.win = 500,
				.tos = 2,
				.label = 0x12345,
				.optlen = 12,
				.opt = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 },
				.len = MSS };

		feed_train(&m, t, 44);
		t.len = 44 * MSS;
		merging_run(&m);
		assert_tcp(&t, GUST_F_CSUM_OK);
	}
	assert_int_equal(m.rev.supers, 8);
	assert_int_equal(m.rev.most, 44);
}

static void test_counter(void **state)
{
	struct engine_stats st[4];

	feed_train(&m, plain4, 10);
	EXPECT(&m, 10);
	assert_int_equal(engine_stats(m.g.eng, st, 4), 2);
	assert_string_equal(st[0].name, "gro");
	assert_int_equal(st[0].in, 10);
	assert_int_equal(st[0].out, 1);
	assert_int_equal(st[0].counter[0], 9);
	assert_int_equal(st[0].counter[1], 0);
}

/* Nothing is held: what a batch began, the next does not continue. */
static void test_nothing_held(void **state)
{
	struct mp t = feed_train(&m, plain4, 3);

	EXPECT(&m, 3);
	feed_train(&m, t, 2);
	EXPECT(&m, 2);
	for (int i = 0; i < 1000; i++) {
		t = feed_train(&m, t, 2);
		EXPECT(&m, 2);
	}
}

/* ---- sizes and order ---- */

static void test_sizes(void **state)
{
	LENS(&m, &plain4, 1000, 1000, 400, 1000, 1000);
	EXPECT(&m, 3, 2); /* a shorter one is the last */
	LENS(&m, &plain4, 400, 1000, 1000);
	EXPECT(&m, 1, 2); /* a longer one begins anew */
	LENS(&m, &plain4, 1000, 999, 1);
	EXPECT(&m, 2, 1);
	LENS(&m, &plain4, 1, 1, 1, 1);
	EXPECT(&m, 4);
	LENS(&m, &plain6, 1000, 1000, 1001, 1001, 1);
	EXPECT(&m, 2, 3);
	LENS(&m, &plain6, 0, 0, 0);
	EXPECT(&m, 1, 1, 1);
}

static void test_sequence(void **state)
{
	struct mp a = plain4, b = after(&a, MSS), c = after(&b, MSS), x;

	feed(&m, &a);
	feed(&m, &c); /* one is missing */
	feed(&m, &b); /* and comes late */
	EXPECT(&m, 1, 1, 1);
	feed(&m, &a);
	feed(&m, &b);
	feed(&m, &b); /* again: it may begin anew, and does */
	feed(&m, &c);
	EXPECT(&m, 2, 2);
	x = b;
	x.seq--; /* overlaps */
	feed(&m, &a);
	feed(&m, &x);
	EXPECT(&m, 1, 1);
	x.seq += 2;
	feed(&m, &a);
	feed(&m, &x);
	EXPECT(&m, 1, 1);
}

/* A pure ACK in between is not overtaken. */
static void test_ack_only(void **state)
{
	struct mp a = feed_train(&m, plain6, 2), ack = a;

	ack.len = 0;
	feed(&m, &ack);
	feed_train(&m, a, 2);
	EXPECT(&m, 2, 1, 2);
	for (int i = 0; i < 5; i++)
		feed(&m, &ack);
	EXPECT(&m, 1, 1, 1, 1, 1);
}

/* ---- header fields ---- */

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20
#define ECE 0x40
#define CWR 0x80
#define AE 0x100

/* Three segments with these flags. */
static void feed_flags(uint16_t f1, uint16_t f2, uint16_t f3)
{
	struct mp t = plain4;

	t.flags = f1;
	feed(&m, &t);
	t = after(&t, MSS);
	t.flags = f2;
	feed(&m, &t);
	t = after(&t, MSS);
	t.flags = f3;
	feed(&m, &t);
}

static void test_flags_end(void **state)
{
	struct mp whole = plain4;

	feed_flags(ACK, ACK, ACK | PSH);
	whole.len = 3 * MSS;
	whole.flags = ACK | PSH;
	merging_run(&m);
	assert_tcp(&whole, GUST_F_CSUM_OK);
	feed_flags(ACK, ACK, ACK | FIN | PSH);
	whole.flags |= FIN;
	merging_run(&m);
	assert_tcp(&whole, GUST_F_CSUM_OK);
	feed_flags(ACK, ACK | PSH, ACK);
	EXPECT(&m, 2, 1);
	feed_flags(ACK | PSH, ACK, ACK);
	EXPECT(&m, 1, 2);
	feed_flags(ACK | FIN, ACK, ACK);
	EXPECT(&m, 1, 2);
	feed_flags(ACK | PSH, ACK | PSH, ACK | PSH);
	EXPECT(&m, 1, 1, 1);
	/* none of these is ever part of a merge */
	feed_flags(ACK | SYN, ACK | SYN, ACK | SYN);
	EXPECT(&m, 1, 1, 1);
	feed_flags(ACK | RST, ACK | RST, ACK | RST);
	EXPECT(&m, 1, 1, 1);
	feed_flags(ACK | URG, ACK | URG, ACK | URG);
	EXPECT(&m, 1, 1, 1);
	feed_flags(ACK, ACK | RST, ACK);
	EXPECT(&m, 1, 1, 1);
	feed_flags(PSH | ACK | URG, ACK, ACK);
	EXPECT(&m, 1, 2);
}

static void test_ecn_flags(void **state)
{
	struct mp whole = plain4;

	whole.len = 3 * MSS;
	/* Accurate ECN: on all of them */
	whole.flags = ACK | CWR | AE;
	feed_flags(whole.flags, whole.flags, whole.flags);
	merging_run(&m);
	assert_tcp(&whole, GUST_F_CSUM_OK | GUST_F_ACCECN);
	whole.flags = ACK | ECE;
	feed_flags(whole.flags, whole.flags, whole.flags);
	merging_run(&m);
	assert_tcp(&whole, GUST_F_CSUM_OK);
	feed_flags(ACK | CWR, ACK, ACK);
	EXPECT(&m, 1, 2);
	feed_flags(ACK, ACK | CWR, ACK | CWR);
	EXPECT(&m, 1, 2);
	feed_flags(ACK | ECE, ACK, ACK);
	EXPECT(&m, 1, 2);
	feed_flags(ACK, ACK | AE, ACK | AE);
	EXPECT(&m, 1, 2);
	feed_flags(ACK | 0x400, ACK | 0x400, ACK | 0x400); /* reserved bits */
	EXPECT(&m, 3);
	feed_flags(ACK, ACK, ACK | 0x400);
	EXPECT(&m, 2, 1);
}

static void test_fields(void **state)
{
	struct mp ts = plain4, e = plain4;

	DIFFER(&m, plain4, ack++, 1, 1);
	DIFFER(&m, plain4, win++, 1, 1);
	DIFFER(&m, plain4, urg++, 1, 1);
	DIFFER(&m, plain4, tos = 3, 1, 1);
	DIFFER(&m, plain4, ttl = 63, 1, 1);
	DIFFER(&m, plain4, sport++, 1, 1);
	DIFFER(&m, plain4, dport++, 1, 1);
	DIFFER(&m, plain4, src++, 1, 1);
	DIFFER(&m, plain4, dst++, 1, 1);
	DIFFER(&m, plain4, no_df = true, 1, 1);
	DIFFER(&m, plain4, optlen = 4, 1, 1);
	ts.optlen = 12;
	memcpy(ts.opt, "\1\1\10\12\0\0\0\1\0\0\0\2", 12);
	DIFFER(&m, ts, opt[7]++, 1, 1);
	DIFFER(&m, ts, opt[11]++, 1, 1);
	DIFFER(&m, ts, optlen = 8, 1, 1);
	DIFFER(&m, ts, ack = 0, 2);
	/* SACK blocks on data that goes the other way */
	ts.optlen = 24;
	memcpy(ts.opt + 12, "\1\1\5\12\0\0\1\0\0\0\2\0", 12);
	DIFFER(&m, ts, ack = 0, 2);
	DIFFER(&m, ts, opt[23]++, 1, 1);
	/* the urgent pointer without URG, as it is */
	e.urg = 3;
	DIFFER(&m, e, ack = 0, 2);
	e.eth = true;
	DIFFER(&m, e, eth = true, 2);
	DIFFER(&m, e, vlan = 1, 1, 1);
	e.vlan = 7;
	DIFFER(&m, e, vlan = 7, 2);
	DIFFER(&m, e, vlan = 6, 1, 1);
}

static void test_fields6(void **state)
{
	struct mp x = plain6;

	DIFFER(&m, plain6, label++, 1, 1);
	DIFFER(&m, plain6, tos = 1, 1, 1);
	DIFFER(&m, plain6, ttl = 63, 1, 1);
	DIFFER(&m, plain6, src++, 1, 1);
	DIFFER(&m, plain6, hop = 1, 1, 1);
	x.label = 0xfffff;
	x.tos = 0xff;
	x.hop = 5;
	x.dopt = 6;
	x.route = true;
	DIFFER(&m, x, ack = 0, 2);
	DIFFER(&m, x, hop = 4, 1, 1);
	DIFFER(&m, x, dopt = 5, 1, 1);
	DIFFER(&m, x, route = false, 1, 1);
	x = plain6;
	x.atomic = true;
	DIFFER(&m, x, ack = 0, 1, 1); /* fragment headers: never */
}

static void test_other_port(void **state)
{
	struct mp b = after(&plain4, MSS);

	feed(&m, &plain4);
	feed(&m, &b)->port = 5;
	EXPECT(&m, 1, 1);
}

/* ---- IPv4 IDs ---- */

static void feed_ids(bool no_df, uint16_t i1, uint16_t i2, uint16_t i3)
{
	struct mp t = plain4;

	t.no_df = no_df;
	t.id = i1;
	feed(&m, &t);
	t = after(&t, MSS);
	t.id = i2;
	feed(&m, &t);
	t = after(&t, MSS);
	t.id = i3;
	feed(&m, &t);
}

static void test_ids(void **state)
{
	for (int no_df = 0; no_df < 2; no_df++) {
		feed_ids(no_df, 65534, 65535, 0);
		EXPECT(&m, 3);
		feed_ids(no_df, 5, 4, 3);
		EXPECT(&m, 1, 1, 1);
		feed_ids(no_df, 5, 6, 6);
		EXPECT(&m, 2, 1);
		feed_ids(no_df, 5, 6, 8);
		EXPECT(&m, 2, 1);
		feed_ids(no_df, 5, 7, 8);
		EXPECT(&m, 1, 2);
	}
	feed_ids(false, 9, 9, 9);
	merging_run(&m);
	assert_int_equal(m.b.first->layer[0].flags, GUST_LF_FIXEDID);
	assert_segs(&m, (const unsigned[]){ 3 }, 1);
	feed_ids(false, 0, 0, 0);
	EXPECT(&m, 3);
	feed_ids(false, 9, 9, 10);
	EXPECT(&m, 2, 1);
	feed_ids(true, 9, 9, 9); /* without DF it must count up */
	EXPECT(&m, 1, 1, 1);
	feed_ids(true, 9, 9, 10);
	EXPECT(&m, 1, 2);
}

static void test_ip4_shape(void **state)
{
	struct mp t = plain4;

	t.ipopt = 4;
	feed_train(&m, t, 3);
	EXPECT(&m, 1, 1, 1);
	t = plain4;
	t.frag = 0x8000; /* the reserved bit */
	feed_train(&m, t, 3);
	EXPECT(&m, 1, 1, 1);
	t.frag = 0x2000; /* a first fragment */
	feed_train(&m, t, 3);
	EXPECT(&m, 1, 1, 1);
	/* with options, inside a train: not overtaken */
	t = feed_train(&m, plain4, 2);
	t.ipopt = 4;
	feed(&m, &t);
	t.ipopt = 0;
	feed_train(&m, after(&t, MSS), 2);
	EXPECT(&m, 2, 1, 2);
}

/* The header checksum 0xffff is right, but not what anybody computes. */
static void test_ip4_odd_csum(void **state)
{
	struct mp t = plain4;

	t.id = 0;
	mp_build(m.buf, &t);
	t.id = (uint16_t)r16(m.buf + 10); /* with this ID the checksum is 0 */
	for (unsigned which = 0; which < 3; which++) {
		struct mp x = t;

		x.id -= which;
		for (unsigned i = 0; i < 2; i++, x = after(&x, MSS)) {
			struct gust_pkt *p;
			uint32_t n = mp_build(m.buf, &x);

			if (i == which) {
				assert_int_equal(r16(m.buf + 10), 0);
				w16(m.buf + 10, 0xffff);
			}
			p = rev_pkt(&m.rev, m.g.pool, m.buf, n);
			assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
			gust_batch_push(&m.b, p);
		}
		if (which < 2)
			EXPECT(&m, 1, 1);
		else
			EXPECT(&m, 2);
	}
}

/* ---- checksums ---- */

static void feed_bad(unsigned bad, unsigned n)
{
	struct mp t = plain4;

	for (unsigned i = 0; i < n; i++) {
		t.bad_csum = i == bad;
		feed(&m, &t);
		t = after(&t, MSS);
	}
}

static void test_bad_csum(void **state)
{
	struct engine_stats st[4];

	feed_bad(0, 4);
	EXPECT(&m, 1, 3);
	feed_bad(1, 4);
	EXPECT(&m, 1, 1, 2);
	feed_bad(3, 4);
	EXPECT(&m, 3, 1);
	engine_stats(m.g.eng, st, 4);
	assert_int_equal(st[0].counter[1], 3);
	/* trusted: not looked at */
	m.req.trust_csum = true;
	feed_bad(1, 3);
	engine_gro(m.g.eng, &m.b, &m.req);
	assert_int_equal(m.b.n, 1);
	pkt_batch_free(&m.b);
}

static void test_odd_csum(void **state)
{
	struct mp a = plain4, b = after(&a, MSS), c = after(&b, MSS);

	/* equal urgent pointers, so that only the checksum is in the way */
	a.odd_csum = true;
	mp_build(m.buf, &a);
	b.urg = c.urg = (uint16_t)r16(m.buf + 20 + 18);
	feed(&m, &a);
	feed(&m, &b);
	feed(&m, &c);
	EXPECT(&m, 1, 2);
	a.odd_csum = false;
	c.odd_csum = true;
	mp_build(m.buf, &c);
	a.urg = b.urg = (uint16_t)r16(m.buf + 20 + 18);
	feed(&m, &a);
	feed(&m, &b);
	feed(&m, &c);
	EXPECT(&m, 2, 1);
}

/* Owed checksums may be merged with verified ones: all then are owed. */
static void test_owed_csum(void **state)
{
	for (unsigned owed = 1; owed < 8; owed++) {
		struct mp t = plain4;

		for (unsigned i = 0; i < 3; i++) {
			struct gust_pkt *p;

			t.bad_csum = owed & 1u << i; /* undefined is undefined */
			p = feed(&m, &t);
			p->need = t.bad_csum ? GUST_F_CSUM : 0;
			t = after(&t, MSS);
		}
		t = plain4;
		t.len = 3 * MSS;
		merging_run(&m);
		assert_tcp(&t, GUST_F_CSUM);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_train),     T(test_counter),      T(test_nothing_held),
		T(test_sizes),     T(test_sequence),     T(test_ack_only),
		T(test_flags_end), T(test_ecn_flags),    T(test_fields),
		T(test_fields6),   T(test_other_port),   T(test_ids),
		T(test_ip4_shape), T(test_ip4_odd_csum), T(test_bad_csum),
		T(test_odd_csum),  T(test_owed_csum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
