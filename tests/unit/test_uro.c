/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_uro.c - the UDP merging plugin, rule by rule, exact to the packet
 */
#include "mergelib.h"

#define SIZE 1000

static struct merging m;

static int setup(void **state)
{
	merging_open(&m, "uro", "uso");
	return 0;
}

static int teardown(void **state)
{
	merging_close(&m);
	return 0;
}

static const struct mp plain4 = { .udp = true, .id = 100, .len = SIZE };
static const struct mp plain6 = { .udp = true, .v6 = true, .len = SIZE };

static void assert_udp(const struct mp *want, uint32_t need)
{
	assert_super(&m, want, SIZE, want->v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4,
		     need);
}

static void test_train(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct mp t = { .udp = true,
				.v6 = i & 1,
				.eth = i & 2,
				.vlan = i & 4 ? 9 : 0,
				.id = 0xfff0,
				.tos = 2,
				.label = 0x12345,
				.len = SIZE };

		feed_train(&m, t, 44);
		t.len = 44 * SIZE;
		merging_run(&m);
		assert_udp(&t, GUST_F_CSUM_OK);
	}
	assert_int_equal(m.rev.supers, 8);
	assert_int_equal(m.rev.most, 44);
}

static void test_sizes(void **state)
{
	LENS(&m, &plain4, 1000, 1000, 400, 1000, 1000);
	EXPECT(&m, 3, 2);
	LENS(&m, &plain4, 400, 1000, 1000);
	EXPECT(&m, 1, 2);
	LENS(&m, &plain6, 1000, 1000, 1001, 1001, 1);
	EXPECT(&m, 2, 3);
	LENS(&m, &plain6, 1, 1, 1);
	EXPECT(&m, 3);
	/* a datagram without data cannot be restored */
	LENS(&m, &plain4, 1000, 0, 1000, 1000);
	EXPECT(&m, 1, 1, 2);
	LENS(&m, &plain4, 0, 0);
	EXPECT(&m, 1, 1);
}

static void test_fields(void **state)
{
	struct mp x = plain4;

	DIFFER(&m, plain4, tos = 3, 1, 1);
	DIFFER(&m, plain4, ttl = 63, 1, 1);
	DIFFER(&m, plain4, sport++, 1, 1);
	DIFFER(&m, plain4, dport++, 1, 1);
	DIFFER(&m, plain4, src++, 1, 1);
	DIFFER(&m, plain4, no_df = true, 1, 1);
	DIFFER(&m, plain4, from = 99, 2); /* any payload */
	x.ipopt = 8;
	DIFFER(&m, x, from = 99, 1, 1);
	x = plain4;
	x.frag = 0x2000;
	DIFFER(&m, x, from = 99, 1, 1);
	DIFFER(&m, plain6, label++, 1, 1);
	DIFFER(&m, plain6, tos = 1, 1, 1);
	DIFFER(&m, plain6, ttl = 63, 1, 1);
	DIFFER(&m, plain6, dst++, 1, 1);
	DIFFER(&m, plain6, hop = 1, 1, 1);
	x = plain6;
	x.hop = 4;
	x.dopt = 5;
	DIFFER(&m, x, from = 99, 2);
	DIFFER(&m, x, dopt = 6, 1, 1);
	x.atomic = true;
	DIFFER(&m, x, from = 99, 1, 1);
}

static void feed_ids(bool no_df, uint16_t i1, uint16_t i2, uint16_t i3)
{
	struct mp t = plain4;

	t.no_df = no_df;
	t.id = i1;
	feed(&m, &t);
	t.id = i2;
	feed(&m, &t);
	t.id = i3;
	feed(&m, &t);
}

static void test_ids(void **state)
{
	feed_ids(false, 65534, 65535, 0);
	EXPECT(&m, 3);
	feed_ids(true, 65534, 65535, 0);
	EXPECT(&m, 3);
	feed_ids(false, 0, 0, 0);
	merging_run(&m);
	assert_int_equal(m.b.first->layer[0].flags, GUST_LF_FIXEDID);
	assert_segs(&m, (const unsigned[]){ 3 }, 1);
	feed_ids(true, 0, 0, 0);
	EXPECT(&m, 1, 1, 1);
	feed_ids(false, 7, 8, 10);
	EXPECT(&m, 2, 1);
	feed_ids(false, 7, 7, 8);
	EXPECT(&m, 2, 1);
}

static void test_zero_csum(void **state)
{
	struct mp t = plain4, whole = plain4;

	t.no_csum = whole.no_csum = true;
	whole.len = 5 * SIZE;
	feed_train(&m, t, 5);
	merging_run(&m);
	assert_udp(&whole, 0);
	/* with and without: never together */
	DIFFER(&m, t, no_csum = false, 1, 1);
	DIFFER(&m, plain4, no_csum = true, 1, 1);
	/* over IPv6 it is wrong, whoever vouches for it */
	t.v6 = true;
	feed_train(&m, t, 3);
	EXPECT(&m, 1, 1, 1);
	for (int i = 0; i < 3; i++)
		feed(&m, &t)->need = GUST_F_CSUM_OK;
	EXPECT(&m, 1, 1, 1);
}

/* Field 0 and owed: it has one, only not yet. */
static void test_owed_csum(void **state)
{
	struct mp t = plain4, whole = plain4;

	t.no_csum = true;
	feed(&m, &t)->need = GUST_F_CSUM;
	t = after(&t, SIZE);
	feed(&m, &t)->need = GUST_F_CSUM;
	t = after(&t, SIZE);
	t.no_csum = false;
	feed(&m, &t);
	whole.len = 3 * SIZE;
	merging_run(&m);
	assert_udp(&whole, GUST_F_CSUM);
	t.no_csum = true; /* and this one has none */
	feed(&m, &t)->need = GUST_F_CSUM;
	t = after(&t, SIZE);
	feed(&m, &t);
	EXPECT(&m, 1, 1);
}

/* A sum of zero is sent as 0xffff, and comes back as that. */
static void test_odd_csum(void **state)
{
	struct mp t = plain4;

	for (unsigned i = 0; i < 5; i++) {
		t.odd_csum = i & 1;
		feed(&m, &t);
		t = after(&t, SIZE);
	}
	EXPECT(&m, 5);
}

static void test_bad_csum(void **state)
{
	struct engine_stats st[4];

	for (unsigned bad = 0; bad < 3; bad++) {
		struct mp t = plain4;

		for (unsigned i = 0; i < 4; i++) {
			t.bad_csum = i == bad;
			feed(&m, &t);
			t = after(&t, SIZE);
		}
		if (bad == 0)
			EXPECT(&m, 1, 3);
		else if (bad == 1)
			EXPECT(&m, 1, 1, 2);
		else
			EXPECT(&m, 2, 1, 1);
	}
	engine_stats(m.g.eng, st, 4);
	assert_int_equal(st[0].counter[1], 3);
}

static void test_max_size(void **state)
{
	m.req.max4 = m.req.max6 = 500; /* TCP's */
	feed_train(&m, plain4, 100);
	EXPECT(&m, 65, 35);
	feed_train(&m, plain6, 100);
	EXPECT(&m, 65, 35);
	m.req.max_udp = 500000;
	feed_train(&m, plain6, 100);
	EXPECT(&m, 65, 35);
	m.req.max_udp = 28 + 4 * SIZE;
	feed_train(&m, plain4, 10);
	EXPECT(&m, 4, 4, 2);
	m.req.max_udp--;
	feed_train(&m, plain4, 10);
	EXPECT(&m, 3, 3, 3, 1);
	m.req.max_udp = 65535;
	m.req.max_segs = 6;
	feed_train(&m, plain6, 10);
	EXPECT(&m, 6, 4);
}

static struct gust_pkt *feed_super(const struct mp *t, enum gust_gso type)
{
	struct gust_pkt *p = feed(&m, t);

	p->gso_size = SIZE;
	p->gso_type = type;
	p->need = GUST_F_CSUM;
	return p;
}

static void test_superpackets(void **state)
{
	struct mp a = plain4, b;

	a.len = 3 * SIZE;
	feed_super(&a, GUST_GSO_UDP4);
	b = after(&a, SIZE);
	b.id = a.id + 3;
	feed(&m, &b);
	b = after(&b, 5);
	feed(&m, &b);
	EXPECT(&m, 5);
}

/* Fragments of one datagram are something else, in front and behind. */
static void test_ufo(void **state)
{
	struct mp a = plain4, b;

	a.len = 3 * SIZE;
	for (int first = 0; first < 2; first++) {
		b = after(&a, SIZE);
		b.id = a.id + (first ? 3 : 1);
		if (first) {
			feed_super(&a, GUST_GSO_UFO);
			feed(&m, &b);
		} else {
			b.id = a.id - 1;
			feed(&m, &b);
			feed_super(&a, GUST_GSO_UFO);
		}
		engine_gro(m.g.eng, &m.b, &m.req);
		assert_int_equal(m.b.n, 2);
		pkt_batch_free(&m.b);
	}
}

static void test_interleaved(void **state)
{
	struct mp t[16];

	for (unsigned i = 0; i < 16; i++) {
		t[i] = i & 1 ? plain6 : plain4;
		t[i].sport = (uint16_t)i;
	}
	for (unsigned k = 0; k < 20; k++)
		for (unsigned i = 0; i < 16; i++) {
			feed(&m, &t[i]);
			t[i] = after(&t[i], SIZE);
		}
	merging_run(&m);
	assert_int_equal(m.b.n, 16);
	for (const struct gust_pkt *p = m.b.first; p; p = p->next)
		assert_int_equal(pkt_segs(p), 20);
	rev_compare(&m.rev, m.g.eng, &m.b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_train),        T(test_sizes),     T(test_fields),
		T(test_ids),          T(test_zero_csum), T(test_owed_csum),
		T(test_odd_csum),     T(test_bad_csum),  T(test_max_size),
		T(test_superpackets), T(test_ufo),       T(test_interleaved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
