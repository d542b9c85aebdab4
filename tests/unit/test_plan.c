/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_plan.c - what the planner makes of a packet, given what the port can do
 */
#include <errno.h>

#include "offload/plan.h"
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin(
		(const char *const[]){ "tso", "uso", "ufo", "bigtcp", NULL });
}

static const struct port_caps full = {
	.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) |
		 FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO) |
		 FEAT_BIT(FEAT_ACCECN) | FEAT_BIT(FEAT_BIGTCP4) |
		 FEAT_BIT(FEAT_BIGTCP6_JUMBO) | FEAT_BIT(FEAT_BIGTCP6_PLAIN),
	.mtu = 1500,
	.gso_max4 = 524280,
	.gso_max6 = 524280,
	.gso_max_udp = 65535,
};

static struct port_caps without(uint32_t feats)
{
	struct port_caps c = full;

	c.feats &= ~feats;
	return c;
}

static struct plan_stats st;

/* Fit one packet; what comes out, in order. */
static struct gust_batch fit(struct gust_pkt *p, struct port_caps c)
{
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	memset(&st, 0, sizeof(st));
	plan_fit(g.eng, &in, &c, &out, &st);
	assert_int_equal(in.n, 0);
	return out;
}

static void assert_drop(struct gust_pkt *p, struct port_caps c,
			enum drop_reason why)
{
	uint64_t before = g.drops.n[why];
	struct gust_batch out = fit(p, c);

	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[why], before + 1);
}

static void test_passes(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.len = i & 2 ? 60000 : 400000 };
		struct gust_pkt *p = super(&t, 1400);
		struct gust_batch out = fit(p, full);

		assert_int_equal(out.n, 1);
		assert_ptr_equal(out.first, p);
		assert_int_equal(p->gso_size, 1400);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(st.whole, 1);
		assert_int_equal(st.cut + st.form + st.csum, 0);
		pkt_batch_free(&out);
	}
}

static void test_lacking(void **state)
{
	static const uint32_t feat[] = { FEAT_TSO4, FEAT_TSO6, FEAT_USO, FEAT_USO };

	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = i & 1, .udp = i & 2, .len = 14000, .id = 1 };
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(feat[i])));
		struct gust_pkt *p;

		assert_int_equal(out.n, 10);
		assert_int_equal(st.cut, 1);
		assert_int_equal(st.pieces, 10);
		for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 1400) {
			struct tp w = piece_of(&t, off, 1400, 1400);

			assert_int_equal(p->need, GUST_F_CSUM); /* the port does */
			assert_piece(p, &w);
			pkt_free(p);
		}
		/* and without its checksum not even one bit stays owed */
		out = fit(super(&t, 1400), without(FEAT_BIT(FEAT_TX_CSUM)));
		assert_int_equal(out.n, 10);
		for (p = out.first; p; p = p->next) {
			assert_int_equal(p->need, GUST_F_CSUM_OK);
			assert_sums(p);
		}
		pkt_batch_free(&out);
	}
}

static void test_too_large(void **state)
{
	struct tp t = { .len = 400000 };
	struct gust_batch out =
		fit(super(&t, 1400), without(FEAT_BIT(FEAT_BIGTCP4)));
	struct port_caps c = full;

	assert_int_equal(out.n, (400000 + 64399) / 64400); /* 46 segments each */
	assert_int_equal(pkt_payload_len(out.first), 64400);
	assert_int_equal(out.first->gso_size, 1400);
	assert_int_equal(r16(out.first->head + 2), 64440);
	pkt_batch_free(&out);

	c.gso_max4 = 200000;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 3);
	assert_int_equal(pkt_payload_len(out.first), 142 * 1400);
	pkt_batch_free(&out);
	c.gso_max_segs = 64;
	out = fit(super(&t, 1400), c);
	assert_int_equal(pkt_payload_len(out.first), 64 * 1400);
	pkt_batch_free(&out);

	t.len = 62800; /* exactly the limit, and one byte above */
	c = full;
	c.gso_max4 = 62840;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 2); /* 44.86 segments: a multiple counts */
	pkt_batch_free(&out);
	t.len = 44 * 1400;
	c.gso_max4 = 40 + 44 * 1400;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	c.gso_max4--;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 2);
	assert_int_equal(pkt_payload_len(out.first), 43 * 1400);
	pkt_batch_free(&out);
}

/* Limits are numbers of the port, per address family. */
static void test_limits_by_family(void **state)
{
	struct port_caps c = full;

	c.gso_max4 = 20000;
	c.gso_max6 = 30000;
	c.gso_max_udp = 10000;
	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = i & 1, .udp = i & 2, .len = 60000 };
		uint32_t max = i & 2 ? 10000 : i & 1 ? 30000 : 20000;
		struct gust_batch out = fit(super(&t, 1000), c);

		assert_true(out.n > 1);
		assert_true(out.first->len <= max);
		assert_true(out.first->len + 1000 > max);
		pkt_batch_free(&out);
	}
}

/* Above 64 KB IPv6 comes in the form that the port takes. */
static void test_big6_form(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = { .v6 = true,
				.jumbo = i & 1,
				.len = 200000,
				.seq = 3,
				.eth = i & 4 };
		uint32_t lack = i & 2 ? FEAT_BIGTCP6_JUMBO : FEAT_BIGTCP6_PLAIN;
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(lack)));
		struct tp w = t;

		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->gso_size, 1400);
		w.jumbo = lack == FEAT_BIGTCP6_PLAIN;
		assert_int_equal(st.form, t.jumbo != w.jumbo);
		assert_piece(out.first, &w);
		pkt_batch_free(&out);
	}
}

/* Cut, but not below 64 KB: the pieces have it, too. */
static void test_big6_pieces(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = true, .jumbo = i & 1, .len = 200000 };
		uint32_t lack = i & 2 ? FEAT_BIGTCP6_JUMBO : FEAT_BIGTCP6_PLAIN;
		struct port_caps c = without(FEAT_BIT(lack));
		struct gust_batch out;
		struct gust_pkt *p;
		uint32_t off = 0;

		c.gso_max6 = 100000;
		out = fit(super(&t, 1400), c);
		assert_int_equal(out.n, 3);
		while ((p = gust_batch_pop(&out))) {
			uint32_t n = pkt_payload_len(p);
			struct tp w = piece_of(&t, off, n, 1400);

			w.jumbo = n > 65000 && lack == FEAT_BIGTCP6_PLAIN;
			assert_true(p->len <= 100000);
			assert_piece(p, &w);
			pkt_free(p);
			off += n;
		}
		assert_int_equal(off, 200000);
	}
}

static void test_big6_cut(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct tp t = { .v6 = true, .jumbo = i, .len = 200000 };
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
						     FEAT_BIT(FEAT_BIGTCP6_PLAIN)));
		struct gust_pkt *p;
		uint32_t off = 0;

		while ((p = gust_batch_pop(&out))) {
			uint32_t n = pkt_payload_len(p);
			struct tp w = piece_of(&t, off, n, 1400);

			w.jumbo = false;
			assert_true(p->len <= 65535);
			assert_piece(p, &w);
			pkt_free(p);
			off += n;
		}
		assert_int_equal(off, 200000);
	}
}

/* The jumbo option beside another one, cut above 64 KB and below. */
static void test_mixed_options(void **state)
{
	struct tp t = { .v6 = true, .jumbo = true, .len = 100000 };
	uint32_t n = tp_build(buf, &t);
	struct port_caps c = without(FEAT_BIT(FEAT_BIGTCP6_PLAIN));
	struct gust_batch out;
	struct gust_pkt *p;

	memmove(buf + 56, buf + 48, n - 48);
	memcpy(buf + 48, "\x05\x02\0\0\x01\x02\0\0", 8); /* router alert */
	buf[41] = 1;
	w32(buf + 44, n + 8 - 40);
	p = mark(of_buf(n + 8), GUST_GSO_TCP6, 1000);
	assert_int_equal(p->hlen, 76);
	c.gso_max6 = 70000 + 100;
	out = fit(p, c);
	assert_int_equal(out.n, 2);
	p = out.first;
	assert_int_equal(pkt_payload_len(p), 70000);
	assert_int_equal(p->hlen, 76);
	assert_int_equal(r16(p->head + 4), 0);
	assert_memory_equal(p->head + 40, "\x06\x01\xc2\x04", 4);
	assert_int_equal(r16(p->head + 44) << 16 | r16(p->head + 46), 70000 + 36);
	assert_memory_equal(p->head + 48, "\x05\x02\0\0\x01\x02\0\0", 8);
	p = out.last;
	assert_int_equal(p->hlen, 76);
	assert_int_equal(r16(p->head + 4), 30000 + 36);
	assert_memory_equal(p->head + 40, "\x06\x01\x01\x04\0\0\0\0\x05\x02", 10);
	assert_int_equal(p->layer[1].flags, 0);
	pkt_batch_free(&out);
}

static void test_ecn(void **state)
{
	static const struct {
		uint32_t mark, feat;
	} kinds[] = {
		{ GUST_F_ECN, FEAT_TSO_ECN },
		{ GUST_F_ACCECN, FEAT_ACCECN },
	};

	for (int i = 0; i < 2; i++) {
		struct tp t = { .len = 14000, .flags = 0x90 };
		struct gust_pkt *p = super(&t, 1400);
		struct gust_batch out;

		p->need |= kinds[i].mark;
		out = fit(p, full);
		assert_int_equal(out.n, 1);
		p = gust_batch_pop(&out);
		out = fit(p, without(FEAT_BIT(kinds[i].feat)));
		assert_int_equal(out.n, 10);
		for (p = out.first; p; p = p->next)
			assert_int_equal(p->head[33],
					 i || p == out.first ? 0x90 : 0x10);
		pkt_batch_free(&out);
	}
}

static void test_mtu(void **state)
{
	struct tp t = { .len = 1460 };
	struct gust_pkt *p = super(&t, 0);
	struct gust_batch out;
	struct port_caps c = full;

	p->gso_type = GUST_GSO_NONE;
	out = fit(p, c); /* 1500 exactly */
	p = gust_batch_pop(&out);
	assert_int_equal(p->need, GUST_F_CSUM);
	out = fit(p, without(FEAT_BIT(FEAT_TX_CSUM)));
	assert_int_equal(st.csum, 1);
	p = gust_batch_pop(&out);
	assert_int_equal(p->need, GUST_F_CSUM_OK);
	c.mtu = 1499;
	assert_drop(p, c, DROP_TOO_BIG);

	t.len = 14600; /* the segments count, not the superpacket */
	out = fit(super(&t, 1460), full);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	assert_drop(super(&t, 1460), c, DROP_TOO_BIG);
	assert_drop(super(&t, 1461), full, DROP_TOO_BIG);
	t = (struct tp){ .v6 = true, .jumbo = true, .len = 144000 };
	out = fit(super(&t, 1440), full); /* no segment has the jumbo header */
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
}

static void test_drops(void **state)
{
	struct pkt_pool *small = small_pool(2, 5);
	struct port_caps c = without(FEAT_BIT(FEAT_TSO4));
	struct tp t = { .len = 10000 };
	struct gust_pkt *p;

	assert_drop(super_in(small, &t, 1000), c, DROP_NO_PKT);
	assert_int_equal(pkt_pool_free(small), 0);
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_SCTP; /* nobody here cuts that */
	assert_drop(p, c, DROP_NO_GSO);
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_TCP6;
	assert_drop(p, without(FEAT_BIT(FEAT_TSO6)), DROP_BAD_GSO);
	/* without the plugin a superpacket cannot be cut, and that has a name */
	assert_int_equal(registry_enable(g.reg, "tso", false), 0);
	plug_update(&g);
	assert_drop(super(&t, 1000), c, DROP_NO_GSO);
}

static void test_no_ip(void **state)
{
	struct gust_pkt *p = pkt_new(g.pool);
	struct gust_batch out;

	p->hlen = p->len = 42;
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	pkt_layer_append(p, GUST_L_ARP, 0, 14);
	out = fit(p, (struct port_caps){ .mtu = 20 });
	assert_ptr_equal(out.first, p);
	pkt_batch_free(&out);
}

/* What must not be cut goes whole if it fits, whatever else is in the run. */
static void test_refused(void **state)
{
	struct port_caps c = without(FEAT_BIT(FEAT_TSO4));
	struct tp t = { .len = 1200 };
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	for (int i = 0; i < 3; i++) {
		struct gust_pkt *p = super(&t, 500);

		if (i == 1)
			p->layer[0].flags |= GUST_LF_FRAGMENT;
		gust_batch_push(&in, p);
	}
	plan_fit(g.eng, &in, &c, &out, &st);
	assert_int_equal(out.n, 3 + 1 + 3);
	assert_int_equal(pkt_payload_len(out.first->next->next->next), 1200);
	pkt_batch_free(&out);
}

/* Order is kept through runs of different kinds. */
static void test_order(void **state)
{
	static const uint8_t kind[] = { 0, 0, 2, 3, 1, 1, 0, 2, 2, 0 };
	struct port_caps c = without(FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_USO));
	struct gust_batch in, out;
	struct gust_pkt *p;
	unsigned n = 0;

	gust_batch_init(&in);
	gust_batch_init(&out);
	for (unsigned i = 0; i < sizeof(kind); i++) {
		struct tp t = { .udp = kind[i] & 2,
				.v6 = kind[i] & 1,
				.len = kind[i] == 1 ? 1000 : 2000 };

		p = super(&t, 1000);
		if (kind[i] == 1)
			p->gso_size = p->gso_type = 0; /* a plain one */
		p->queue = i;
		gust_batch_push(&in, p);
	}
	plan_fit(g.eng, &in, &c, &out, &st);
	while ((p = gust_batch_pop(&out))) {
		assert_in_range(p->queue, n, n + 1);
		n = p->queue;
		pkt_free(p);
	}
	assert_int_equal(n, sizeof(kind) - 1);
}

/* A datagram to be fragmented: whole where the port does it, else in fragments. */
static void test_ufo(void **state)
{
	struct tp t = { .udp = true, .len = 5000, .id = 9 };
	struct gust_pkt *p = super(&t, 1480);
	struct port_caps c = full;
	struct gust_batch out;

	p->gso_type = GUST_GSO_UFO;
	c.feats |= FEAT_BIT(FEAT_UFO);
	out = fit(p, c);
	assert_int_equal(out.n, 1);
	p = gust_batch_pop(&out);
	assert_int_equal(p->gso_type, GUST_GSO_UFO);
	out = fit(p, full);
	assert_int_equal(out.n, 4);
	for (p = out.first; p; p = p->next) {
		assert_true(p->len <= 1500);
		assert_int_equal(p->need, 0);
		assert_int_equal(p->layer[0].flags, GUST_LF_FRAGMENT);
	}
	pkt_batch_free(&out);
}

/* In a tunnel: as a UDP superpacket, else prepared headers where the port repeats
 * them, in full elsewhere. */
static void test_tunnel(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = { .len = 60500, .v6 = i & 1, .udp = i & 2 };
		struct tunnel a = { .id = 1, .csum = i & 4 };
		struct port_caps c = full;
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;

		enter_tunnel(p, &a);
		c.feats |= FEAT_BIT(FEAT_GSO_PARTIAL);
		out = fit(pkt_clone(g.pool, p), c);
		assert_int_equal(st.carried, 1);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->gso_type, GUST_GSO_UDP4);
		pkt_batch_free(&out);
		c = without(FEAT_BIT(FEAT_USO));
		out = fit(pkt_clone(g.pool, p), c);
		assert_int_equal(out.n, 61);
		pkt_batch_free(&out);
		if (t.udp) { /* partial needs USO, which carries */
			pkt_free(p);
			continue;
		}
		c.feats |= FEAT_BIT(FEAT_GSO_PARTIAL);
		out = fit(pkt_clone(g.pool, p), c);
		assert_int_equal(out.n, 2);
		assert_int_equal(pkt_payload_len(out.first), 60000);
		assert_int_equal(out.first->need, GUST_F_CSUM | GUST_F_PARTIAL);
		assert_int_equal(r16(out.first->head + 2), out.first->hlen + 1000);
		assert_int_equal(out.last->need, GUST_F_CSUM);
		assert_int_equal(r16(out.last->head + 4), 61);
		pkt_batch_free(&out);
		/* it stays within the port's limits */
		c.gso_max_segs = 20;
		out = fit(pkt_clone(g.pool, p), c);
		assert_int_equal(out.n, 4);
		pkt_batch_free(&out);
		/* and needs its checksums */
		c.feats &= ~FEAT_BIT(FEAT_TX_CSUM);
		out = fit(p, c);
		assert_int_equal(out.n, 61);
		assert_int_equal(out.first->need, GUST_F_CSUM_OK);
		assert_sums(out.first);
		assert_sums(out.last);
		pkt_batch_free(&out);
	}
}

/* One level of UDP tunnel passes whole where the port says so; by its checksum. */
static void test_udp_tunnel(void **state)
{
	for (int i = 0; i < 32; i++) {
		struct tp t = { .len = i & 16 ? 120000 : 60500, .v6 = i & 1 };
		struct tunnel a = { .id = 1, .csum = i & 2, .v6 = i & 8 };
		struct port_caps c = full;
		bool tnl = i & 4;
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;
		uint16_t id = 1;

		enter_tunnel(p, &a);
		c.feats |= FEAT_BIT(tnl ? FEAT_UDP_TNL : FEAT_UDP_TNL_CSUM);
		out = fit(p, c);
		if (tnl == a.csum) { /* not this kind */
			assert_true(st.carried);
			pkt_batch_free(&out);
			continue;
		}
		assert_int_equal(out.n, i & 16 ? 2 : 1);
		assert_int_equal(st.carried, 0);
		assert_int_equal(st.whole, !(i & 16));
		for (p = out.first; p; p = p->next) {
			assert_int_equal(p->gso_type, gso_of(&t));
			assert_int_equal(p->gso_size, 1000);
			assert_int_equal(p->nlayer, 6);
			assert_true(p->len <= 65535);
			assert_lengths(p);
			if (!a.v6)
				assert_int_equal(r16(p->head + 4), id);
			id += pkt_segs(p);
		}
		pkt_batch_free(&out);
	}
}

/* What cannot be told by those 24 bytes does not pass. */
static void test_udp_tunnel_not(void **state)
{
	struct port_caps c = without(FEAT_BIT(FEAT_USO));

	c.feats |= FEAT_BIT(FEAT_UDP_TNL) | FEAT_BIT(FEAT_UDP_TNL_CSUM);
	for (int i = 0; i < 3; i++) {
		struct tp t = { .len = 5000, .udp = i == 0 };
		struct gust_pkt *p = super(&t, 1000);
		struct tunnel a = { .id = 1 };
		struct gust_batch out;

		enter_tunnel(p, &a);
		if (i == 1)
			enter_tunnel(p, &a); /* two levels */
		if (i == 2)
			p->layer[2].kind = GUST_L_GRE;
		out = fit(p, c);
		assert_int_equal(out.n, 5);
		pkt_batch_free(&out);
	}
}

/* A jumbo option inside the tunnel is in no segment: it does not count. */
static void test_tunnel_jumbo(void **state)
{
	struct tp t = { .v6 = true, .jumbo = true, .len = 100000 };
	struct gust_pkt *p = super(&t, 1000);
	struct tunnel a = { .id = 1 };
	struct port_caps c = without(FEAT_BIT(FEAT_USO));
	struct gust_batch out;

	enter_tunnel(p, &a);
	c.mtu = 50 + 60 + 1000;
	out = fit(pkt_clone(g.pool, p), c);
	assert_int_equal(out.n, 100);
	for (struct gust_pkt *q = out.first; q; q = q->next) {
		assert_int_equal(q->len, c.mtu);
		pkt_csum_complete(q);
		assert_lengths(q);
		assert_sums(q);
	}
	pkt_batch_free(&out);
	c.mtu--;
	assert_drop(p, c, DROP_TOO_BIG);
}

/* Smaller, whatever the port could carry. */
static void test_split(void **state)
{
	struct tp t = { .len = 60000 };
	struct gust_batch out;
	struct gust_pkt *p = super(&t, 1000);

	gust_batch_init(&out);
	assert_int_equal(plan_split(g.eng, p, 20500, &out), 0);
	assert_int_equal(out.n, 3);
	for (p = out.first; p; p = p->next) {
		assert_int_equal(pkt_payload_len(p), 20000);
		assert_int_equal(p->gso_size, 1000);
		assert_int_equal(p->need, GUST_F_CSUM);
	}
	pkt_batch_free(&out);
	p = super(&t, 1000);
	assert_int_equal(plan_split(g.eng, p, 65535, &out), -EINVAL);
	p->gso_type = GUST_GSO_SCTP;
	assert_int_equal(plan_split(g.eng, p, 20500, &out), -EINVAL);
	p->gso_type = GUST_GSO_TCP4;
	p->gso_size = 0;
	assert_int_equal(plan_split(g.eng, p, 20500, &out), -EINVAL);
	assert_int_equal(out.n, 0);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_passes),
		T(test_lacking),
		T(test_too_large),
		T(test_limits_by_family),
		T(test_big6_form),
		T(test_big6_pieces),
		T(test_big6_cut),
		T(test_mixed_options),
		T(test_ecn),
		T(test_mtu),
		T(test_drops),
		T(test_no_ip),
		T(test_refused),
		T(test_order),
		T(test_ufo),
		T(test_tunnel),
		T(test_split),
		T(test_udp_tunnel),
		T(test_udp_tunnel_not),
		T(test_tunnel_jumbo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
