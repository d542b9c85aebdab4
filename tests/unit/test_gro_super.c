/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gro_super.c - the TCP merging plugin: limits, superpackets, tunnels, many flows
 */
#include "mergelib.h"

#define MSS 1000

#define ACK 0x10
#define PSH 0x08
#define CWR 0x80

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

static void assert_tcp(const struct mp *want, uint32_t need)
{
	assert_super(&m, want, MSS, want->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4, need);
}

/* ---- limits ---- */

static void test_max_size(void **state)
{
	feed_train(&m, plain4, 100);
	EXPECT(&m, 65, 35); /* 40 + 65 * 1000 <= 65535 */
	feed_train(&m, plain6, 100);
	EXPECT(&m, 65, 35);
	m.req.max4 = 40 + 4 * MSS;
	feed_train(&m, plain4, 10);
	EXPECT(&m, 4, 4, 2);
	m.req.max4--;
	feed_train(&m, plain4, 10);
	EXPECT(&m, 3, 3, 3, 1);
	m.req.max4 = 0; /* not wanted */
	feed_train(&m, plain4, 2);
	EXPECT(&m, 1, 1);
	m.req.max_segs = 6;
	feed_train(&m, plain6, 10);
	EXPECT(&m, 6, 4);
	m.req.max_segs = 1;
	feed_train(&m, plain6, 2);
	EXPECT(&m, 1, 1);
}

static void test_max_size_eth(void **state)
{
	struct mp t = plain4;

	t.eth = true;
	t.vlan = 3;
	m.req.max4 = 40 + 4 * MSS;
	feed_train(&m, t, 10);
	EXPECT(&m, 4, 4, 2);
}

static void test_big_tcp(void **state)
{
	struct mp t = plain4;

	m.req.max4 = m.req.max6 = 300000;
	feed_train(&m, plain4, 250);
	t.len = 250 * MSS;
	merging_run(&m);
	assert_int_equal(m.b.first->layer[0].flags, GUST_LF_JUMBO);
	assert_tcp(&t, GUST_F_CSUM_OK);
	feed_train(&m, plain6, 250);
	t = plain6;
	t.len = 250 * MSS;
	merging_run(&m);
	assert_tcp(&t, GUST_F_CSUM_OK);
	/* with extension headers: 64 KB */
	t = plain6;
	t.dopt = 1;
	feed_train(&m, t, 100);
	EXPECT(&m, 65, 35);
}

static void test_long_segments(void **state)
{
	struct mp t = plain4;

	t.len = 40000;
	feed_train(&m, t, 2);
	EXPECT(&m, 1, 1);
	m.req.max4 = 400000;
	feed_train(&m, t, 5);
	EXPECT(&m, 5);
}

/* A packet has at most 65535 fragments: what would make more stays by itself. */
static void test_max_fragments(void **state)
{
	struct mp t = plain6;

	m.req.max6 = 300000;
	for (unsigned k = 0; k < 2; k++) {
		struct gust_pkt *p;

		t.len = 1;
		p = feed(&m, &t);
		t.seq++;
		p->gso_size = 1;
		p->gso_type = GUST_GSO_TCP6;
		p->need = GUST_F_CSUM;
		for (unsigned i = 0; i < 40000; i++, t.seq++) {
			struct gust_frag f = p->frag[0];

			frag_ref(&f);
			assert_int_equal(pkt_frag_push(p, &f), 0);
		}
	}
	engine_gro(m.g.eng, &m.b, &m.req);
	assert_int_equal(m.b.n, 2);
	assert_int_equal(m.b.first->nfrag, 40001);
	assert_int_equal(m.b.last->nfrag, 40001);
	pkt_batch_free(&m.b);
}

/* ---- superpackets as input ---- */

static struct gust_pkt *feed_super(const struct mp *t, uint16_t size, uint32_t need)
{
	struct gust_pkt *p = feed(&m, t);

	p->gso_size = size;
	p->gso_type = t->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
	p->need = need;
	return p;
}

static void test_superpackets(void **state)
{
	struct mp a = plain4, b;

	a.len = 5 * MSS;
	b = after(&a, 3 * MSS + 1);
	b.id = a.id + 5;
	b.flags = ACK | PSH;
	feed_super(&a, MSS, GUST_F_CSUM);
	feed_super(&b, MSS, GUST_F_CSUM_OK);
	EXPECT(&m, 9);
	b.id--; /* what the pieces would have does not fit */
	feed_super(&a, MSS, GUST_F_CSUM);
	feed_super(&b, MSS, GUST_F_CSUM);
	EXPECT(&m, 5, 4);
	/* IDs that stay */
	b.id = a.id;
	for (int i = 0; i < 4; i++) {
		feed_super(&a, MSS, GUST_F_CSUM)->layer[0].flags =
			i & 1 ? GUST_LF_FIXEDID : 0;
		feed_super(&b, MSS, GUST_F_CSUM)->layer[0].flags =
			i & 2 ? GUST_LF_FIXEDID : 0;
		if (i == 3)
			EXPECT(&m, 9);
		else
			EXPECT(&m, 5, 4);
	}
	/* other sizes, a short tail in front */
	a = plain6;
	a.len = 5 * MSS;
	b = after(&a, 4 * MSS);
	feed_super(&a, MSS, GUST_F_CSUM);
	feed_super(&b, 2 * MSS, GUST_F_CSUM);
	EXPECT(&m, 5, 2);
	a.len = 5 * MSS - 1;
	b = after(&a, 4 * MSS);
	feed_super(&a, MSS, GUST_F_CSUM);
	feed_super(&b, MSS, GUST_F_CSUM);
	EXPECT(&m, 5, 4);
	/* single ones and superpackets */
	a = plain6;
	b = after(&a, 4 * MSS);
	feed(&m, &a);
	feed_super(&b, MSS, GUST_F_CSUM);
	b = after(&b, MSS);
	feed(&m, &b);
	b = after(&b, MSS - 1);
	feed(&m, &b);
	EXPECT(&m, 7);
}

/* Above 64 KB both in and out; the jumbogram option is not for us. */
static void test_superpackets_big(void **state)
{
	m.req.max4 = m.req.max6 = 300000;
	for (int v6 = 0; v6 < 2; v6++) {
		struct mp a = v6 ? plain6 : plain4, b;

		a.len = 80 * MSS;
		b = after(&a, 70 * MSS);
		b.id = a.id + 80;
		feed_super(&a, MSS, GUST_F_CSUM);
		feed_super(&b, MSS, GUST_F_CSUM);
		EXPECT(&m, 150);
	}
	for (int i = 0; i < 2; i++) {
		struct tp t = { .v6 = true, .jumbo = true };
		uint32_t n;
		struct gust_pkt *p;

		t.len = 80 * MSS;
		t.seq = 7 + i * t.len;
		n = tp_build(m.buf, &t);
		p = rev_pkt(&m.rev, m.g.pool, m.buf, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		p->gso_size = MSS;
		p->gso_type = GUST_GSO_TCP6;
		p->need = GUST_F_CSUM;
		gust_batch_push(&m.b, p);
	}
	EXPECT(&m, 80, 80);
}

/* CWR in a superpacket is its first segment's, or everyone's. */
static void test_superpacket_cwr(void **state)
{
	static const uint32_t marks[] = { 0, GUST_F_ECN, GUST_F_ACCECN };

	for (unsigned i = 0; i < 9; i++) {
		struct mp a = plain6, b;

		a.flags = ACK | CWR;
		a.len = 2 * MSS;
		b = after(&a, 2 * MSS);
		feed_super(&a, MSS, GUST_F_CSUM | marks[i % 3]);
		feed_super(&b, MSS, GUST_F_CSUM | marks[i / 3]);
		if (i == 8)
			EXPECT(&m, 4);
		else
			EXPECT(&m, 2, 2);
	}
}

/* A superpacket of unknown checksum is read; partial ones are left alone. */
static void test_superpacket_odd(void **state)
{
	struct mp a = plain6, b;

	a.len = 2 * MSS;
	b = after(&a, MSS);
	feed_super(&a, MSS, 0);
	feed(&m, &b);
	EXPECT(&m, 3);
	a.bad_csum = true;
	feed_super(&a, MSS, 0);
	feed(&m, &b);
	EXPECT(&m, 2, 1);
	a.bad_csum = false;
	feed_super(&a, MSS, GUST_F_CSUM | GUST_F_PARTIAL);
	feed(&m, &b);
	EXPECT(&m, 2, 1);
	for (int first = 0; first < 2; first++) {
		/* a type that contradicts the map */
		a.len = first ? 2 * MSS : MSS;
		b = after(&a, 3 * MSS - a.len);
		if (first)
			feed_super(&a, MSS, GUST_F_CSUM)->gso_type = GUST_GSO_TCP4;
		else
			feed(&m, &a);
		if (first)
			feed(&m, &b);
		else
			feed_super(&b, MSS, GUST_F_CSUM)->gso_type = GUST_GSO_TCP4;
		engine_gro(m.g.eng, &m.b, &m.req);
		assert_int_equal(m.b.n, 2);
		pkt_batch_free(&m.b);
	}
}

/* ---- tunnels ---- */

/* What differs between the outer headers of two packets. */
struct outer {
	uint16_t id, sum; /* IPv4 ID, UDP checksum */
	uint8_t tos, vni;
	uint16_t port;
};

/* `t` inside Ethernet inside VXLAN over IPv4; the map is written by hand. */
static void feed_vxlan(const struct mp *t, const struct outer *o)
{
	static const uint8_t kind[] = { GUST_L_IPV4, GUST_L_UDP, GUST_L_VXLAN,
					GUST_L_ETH,  0,          GUST_L_TCP };
	uint16_t off[] = { 0, 20, 28, 36, 50, 50 };
	struct mp in = *t, out = { .id = o->id, .tos = o->tos };
	struct gust_frag f = { 0 };
	struct gust_pkt *p;
	uint32_t n;

	in.eth = true;
	n = 36 + mp_build(m.buf + 36, &in);
	mp_ip4(m.buf, &out);
	m.buf[9] = 17;
	w16(m.buf + 2, n);
	fix_ip4(m.buf);
	memset(m.buf + 20, 0, 16);
	w16(m.buf + 20, o->port);
	w16(m.buf + 22, 4789);
	w16(m.buf + 24, n - 20);
	w16(m.buf + 26, o->sum);
	m.buf[28] = 8;
	m.buf[34] = o->vni;
	p = rev_pkt(&m.rev, m.g.pool, m.buf, n);
	off[5] += t->v6 ? 40 : 20;
	for (unsigned i = 0; i < 6; i++)
		pkt_layer_append(p,
				 i != 4 ? kind[i] :
				 t->v6  ? GUST_L_IPV6 :
					  GUST_L_IPV4,
				 0, off[i]);
	p->hlen = off[5] + 20;
	p->len = p->hlen;
	f = (struct gust_frag){ p->head + p->hlen, p->head_slab, t->len };
	frag_ref(&f);
	assert_int_equal(pkt_frag_add(p, &f), 0);
	gust_batch_push(&m.b, p);
}

/* Both count up, or one stays, at every depth. */
static void test_tunnel(void **state)
{
	for (unsigned mode = 0; mode < 8; mode++) {
		struct outer o = { .id = 9, .port = 5555, .vni = 3 };
		struct mp t = mode & 1 ? plain6 : plain4;
		const struct gust_pkt *p;

		for (unsigned i = 0; i < 20; i++) {
			feed_vxlan(&t, &o);
			o.id += mode & 2 ? 0 : 1;
			t = after(&t, MSS);
			t.id -= mode & 4 ? 1 : 0;
		}
		merging_run(&m);
		p = m.b.first;
		assert_int_equal(p->layer[0].flags, mode & 2 ? GUST_LF_FIXEDID : 0);
		assert_int_equal(p->layer[4].flags,
				 (mode & 5) == 4 ? GUST_LF_FIXEDID : 0);
		assert_int_equal(r16(p->head + 2), p->len);
		assert_int_equal(r16(p->head + 24), p->len - 20);
		assert_segs(&m, (const unsigned[]){ 20 }, 1);
	}
}

static void test_tunnel_differs(void **state)
{
	static const struct outer first = { .id = 9, .port = 5555, .vni = 3 };

	for (unsigned i = 0; i < 6; i++) {
		struct outer a = first, b = first;
		struct mp t = plain6;

		b.id++;
		b.tos = i == 1;
		b.vni += i == 2;
		b.port += i == 3;
		b.sum = i == 4; /* with a checksum: not taken apart */
		a.sum = i >= 4;
		feed_vxlan(&t, &a);
		t = after(&t, MSS);
		feed_vxlan(&t, &b);
		if (i)
			EXPECT(&m, 1, 1);
		else
			EXPECT(&m, 2);
	}
	/* 64 KB at the most */
	m.req.max6 = 300000;
	for (struct mp t = plain6; m.b.n < 100; t = after(&t, MSS)) {
		struct outer o = first;

		o.id += (uint16_t)m.b.n;
		feed_vxlan(&t, &o);
	}
	EXPECT(&m, 65, 35);
}

/* ---- many flows ---- */

static void test_interleaved(void **state)
{
	struct mp t[16];

	for (unsigned i = 0; i < 16; i++) {
		t[i] = i & 1 ? plain6 : plain4;
		t[i].sport = (uint16_t)i;
		t[i].seq = i * 1000000;
	}
	for (unsigned k = 0; k < 20; k++)
		for (unsigned i = 0; i < 16; i++) {
			feed(&m, &t[i]);
			t[i] = after(&t[i], MSS);
		}
	merging_run(&m);
	assert_int_equal(m.b.n, 16);
	for (const struct gust_pkt *p = m.b.first; p; p = p->next)
		assert_int_equal(pkt_segs(p), 20);
	rev_compare(&m.rev, m.g.eng, &m.b);
}

/* More flows than the table holds: fewer merges, no disorder. */
static void test_too_many_flows(void **state)
{
	unsigned merged = m.rev.segs;

	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 1500; i++) {
			struct mp t = plain4;

			t.len = 10;
			t.sport = (uint16_t)i;
			t.seq += round * t.len;
			t.id += (uint16_t)round;
			feed(&m, &t);
		}
	merging_run(&m);
	rev_compare(&m.rev, m.g.eng, &m.b);
	assert_in_range(m.rev.segs - merged, 300, 4499);
}

/* Other transports pass. */
static void test_others(void **state)
{
	struct mp u = plain4, t = plain4;

	u.udp = true;
	feed(&m, &t);
	feed(&m, &u);
	t = after(&t, MSS);
	feed(&m, &t);
	feed(&m, &u);
	EXPECT(&m, 2, 1, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_max_size),         T(test_max_size_eth),
		T(test_big_tcp),          T(test_long_segments),
		T(test_max_fragments),    T(test_superpackets),
		T(test_superpackets_big), T(test_superpacket_cwr),
		T(test_superpacket_odd),  T(test_tunnel),
		T(test_tunnel_differs),   T(test_interleaved),
		T(test_too_many_flows),   T(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
