/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_carry.c - UDP superpackets as carriers of tunnels: to the byte, at the limits,
 * and back
 */
#include "fakevx.h"
#include "offload/engine_internal.h"
#include "offload/plan.h"

static unsigned vx;
static struct plan_stats st;

static int setup(void **state)
{
	int r = seg_begin((const char *const[]){ "tso", "uso", "ufo", NULL });

	vx = vx_use();
	return r;
}

static const struct port_caps uso = {
	.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) |
		 FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_USO),
	.mtu = 2000,
	.gso_max4 = 65535,
	.gso_max6 = 65535,
	.gso_max_udp = 65535,
};

static struct gust_batch fit(struct gust_pkt *p, struct port_caps c)
{
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	memset(&st, 0, sizeof(st));
	plan_fit(g.eng, &in, &c, &out, &st);
	return out;
}

/* One level around `p`, by the plugin. */
static struct gust_pkt *encap(struct gust_pkt *p, struct vx_tun *t)
{
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	engine_encap(g.eng, vx, t, &in, &out);
	assert_int_equal(out.n, 1);
	return out.first;
}

/* ---- exact ---- */

/* The superpacket's bytes, written out: the outer header `hdr`, then each segment
 * of `t` behind VXLAN and Ethernet. Returns its length. */
static uint32_t carried_build(uint8_t *b, const struct vx_tun *o,
			      const struct tp *t, uint32_t from, uint32_t to,
			      uint16_t gso)
{
	uint16_t n3 = o->v6 ? 40 : 20;
	uint8_t h[80], *at = b + n3 + 8;
	uint32_t len;

	vx_header(h, o, t->v6);
	for (uint32_t off = from; off < to; off += gso) {
		uint32_t n = t->len - off < gso ? t->len - off : gso;
		struct tp w = piece_of(t, off, n, gso);

		memcpy(at, h + n3 + 8, 22);
		at += 22 + tp_build(at + 22, &w);
	}
	memcpy(b, h, n3 + 8);
	len = at - b;
	w16(b + (o->v6 ? 4 : 2), o->v6 ? len - 40 : len);
	w16(b + n3 + 4, len - n3);
	if (!o->v6) {
		w16(b + 4, o->id + from / gso);
		fix_ip4(b);
	}
	return len;
}

/* All but the checksum field, which is owed. */
static void assert_carried(struct gust_pkt *p, const struct vx_tun *o,
			   const struct tp *t, uint32_t from, uint32_t to,
			   uint16_t gso)
{
	static uint8_t want[70000];
	uint16_t n3 = o->v6 ? 40 : 20;
	uint32_t n = carried_build(want, o, t, from, to, gso);

	assert_int_equal(p->need, GUST_F_CSUM);
	assert_int_equal(p->gso_type, o->v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4);
	assert_int_equal(p->gso_size,
			 22 + (t->v6 ? 40 : 20) + (t->udp ? 8 : 20) + gso);
	assert_int_equal(p->nlayer, 2);
	assert_int_equal(p->layer[1].kind, GUST_L_UDP);
	assert_int_equal(p->layer[1].off, n3);
	assert_int_equal(p->hlen, n3 + 8);
	assert_int_equal(p->hash, 77);
	assert_int_equal(p->queue, 2);
	w16(p->head + n3 + 6, 0);
	w16(want + n3 + 6, 0);
	assert_pkt_bytes(p, want, n);
}

static void test_exact(void **state)
{
	for (int i = 0; i < 32; i++) {
		struct vx_tun o = {
			.v6 = i & 1, .csum = i & 2, .id = 65534, .vni = 5
		};
		struct tp t = { .v6 = i & 4,
				.udp = i & 8,
				.len = i & 16 ? 4900 : 5000,
				.id = 7,
				.seq = 99,
				.flags = 0x19 };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_frag f = p->frag[0];
		struct vx_tun was = o;
		struct gust_batch out = fit(encap(p, &o), uso);

		assert_int_equal(out.n, 1);
		assert_int_equal(st.cut, 1);
		assert_int_equal(st.pieces, 5);
		assert_int_equal(st.carried, 1);
		assert_int_equal(st.csum + st.whole, 0);
		assert_carried(out.first, &was, &t, 0, t.len, 1000);
		/* payload by reference, each second fragment */
		assert_int_equal(out.first->nfrag, 10);
		for (unsigned k = 0; k < 5; k++)
			assert_ptr_equal(out.first->frag[2 * k + 1].p,
					 f.p + 1000 * k);
		pkt_batch_free(&out);
	}
}

/* An Ethernet header of the port's in front of it all stays there. */
static void test_behind_ethernet(void **state)
{
	static const struct gust_layer eth = { GUST_L_ETH, 0, 0 };
	struct vx_tun o = { .id = 1, .vni = 5 }, was = o;
	struct tp t = { .len = 2500, .id = 7 };
	struct gust_pkt *p = encap(super(&t, 1000), &o);
	uint8_t h[14];
	struct gust_batch out;

	memset(h, 0x0e, sizeof(h));
	assert_int_equal(tunnel_push(p, h, 14, &eth, 1), 0);
	out = fit(p, uso);
	assert_int_equal(out.n, 1);
	p = out.first;
	assert_int_equal(p->nlayer, 3);
	assert_int_equal(p->hlen, 42);
	assert_memory_equal(p->head, h, 14);
	pkt_pull(p, 14);
	assert_carried(p, &was, &t, 0, 2500, 1000);
	pkt_batch_free(&out);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
	static const struct {
		uint32_t len, max_udp, max_segs, per;
	} c[] = {
		{ 60000, 65535, 0, 61 }, /* 28 + 61 * 1062 = 64810 */
		{ 120500, 65535, 0, 61 },
		{ 61000, 65535, 0, 61 },
		{ 62000, 65535, 0, 61 },
		{ 10000, 28 + 2 * 1062, 0, 2 },
		{ 10000, 28 + 3 * 1062 - 1, 0, 2 },
		{ 10000, 28 + 3 * 1062, 0, 3 },
		{ 10000, 65535, 4, 4 },
		{ 9001, 65535, 3, 3 }, /* one is left over, alone */
	};

	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct vx_tun o = { .id = 65500, .vni = 5 }, was = o;
		struct tp t = { .len = c[i].len, .id = 7 };
		struct port_caps caps = uso;
		uint32_t from = 0, step = c[i].per * 1000, trains = 0;
		struct gust_batch out;
		struct gust_pkt *p;

		caps.gso_max_udp = c[i].max_udp;
		caps.gso_max_segs = c[i].max_segs;
		out = fit(encap(super(&t, 1000), &o), caps);
		assert_int_equal(st.pieces, (t.len + 999) / 1000);
		while ((p = gust_batch_pop(&out))) {
			uint32_t to = from + step < t.len ? from + step : t.len;

			assert_true(p->len <= c[i].max_udp);
			if (to - from > 1000) {
				trains++;
				assert_carried(p, &was, &t, from, to, 1000);
			} else {
				assert_int_equal(p->gso_size, 0);
				assert_lengths(p);
				assert_sums(p);
				assert_int_equal(r16(p->head + 4),
						 (uint16_t)(65500 + from / 1000));
			}
			pkt_free(p);
			from = to;
		}
		assert_int_equal(from, t.len);
		assert_int_equal(st.carried, trains);
	}
}

/* Small segments: 64 at the most, whatever the port says. */
static void test_max_segs(void **state)
{
	struct vx_tun o = { .id = 1, .vni = 5 };
	struct tp t = { .len = 20000 };
	struct gust_batch out = fit(encap(super(&t, 100), &o), uso);
	struct gust_pkt *p;
	uint32_t n = 200;

	assert_int_equal(out.n, 4);
	while ((p = gust_batch_pop(&out))) {
		assert_int_equal(pkt_segs(p), n < 64 ? n : 64);
		n -= pkt_segs(p);
		pkt_free(p);
	}
	assert_int_equal(n, 0);
}

/* No memory for the headers: datagrams, and nothing is lost. */
static void test_no_slab(void **state)
{
	struct pkt_pool *small = small_pool(1, 100);
	struct vx_tun o = { .csum = true, .id = 1, .vni = 5 };
	struct tp t = { .len = 5000 };
	struct gust_batch out = fit(encap(super_in(small, &t, 1000), &o), uso);

	assert_int_equal(out.n, 5);
	assert_int_equal(st.carried, 0);
	for (struct gust_pkt *p = out.first; p; p = p->next) {
		assert_lengths(p);
		assert_sums(p);
	}
	pkt_batch_free(&out);
	assert_int_equal(pkt_pool_free(small), 0);
}

/* A limit of packets while it is cut: one drop, by name. */
static void test_no_pkt(void **state)
{
	struct pkt_pool *small = small_pool(2, 4);
	struct vx_tun o = { .id = 1, .vni = 5 };
	struct tp t = { .len = 5000 };
	struct gust_batch out = fit(encap(super_in(small, &t, 1000), &o), uso);

	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[DROP_NO_PKT], 1);
	assert_int_equal(pkt_pool_free(small), 0);
}

/* ---- when not ---- */

static void test_conditions(void **state)
{
	struct vx_tun o = { .id = 1, .vni = 5 };
	struct tp t = { .len = 5000, .id = 3 };
	struct gust_pkt *p = encap(super(&t, 1000), &o), *q;
	struct port_caps c = uso;
	struct gust_batch out;
	static const struct gust_layer l = { GUST_L_IPV4, 0, 0 };
	uint8_t ip[20] = { 0x45, [8] = 64, [9] = 4 };

	c.feats &= ~FEAT_BIT(FEAT_USO);
	out = fit(pkt_clone(g.pool, p), c);
	assert_int_equal(out.n, 5);
	/* deep inside, a checksum is nothing that a port could be told about */
	assert_int_equal(out.first->need, GUST_F_CSUM_OK);
	pkt_batch_free(&out);
	/* no room for two */
	c = uso;
	c.gso_max_udp = 28 + 2 * 1062 - 1;
	out = fit(pkt_clone(g.pool, p), c);
	assert_int_equal(out.n, 5);
	assert_int_equal(st.carried, 0);
	pkt_batch_free(&out);
	/* the outermost transport is not UDP */
	q = pkt_clone(g.pool, p);
	assert_int_equal(tunnel_push(q, ip, 20, &l, 1), 0);
	lengths_fix(q, pkt_payload_len(q));
	out = fit(q, uso);
	assert_int_equal(out.n, 5);
	pkt_batch_free(&out);
	/* checksums of the transport are the port's only if it says so: USO does
	 * its own */
	c = uso;
	c.feats = FEAT_BIT(FEAT_USO);
	out = fit(pkt_clone(g.pool, p), c);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	/* the datagram has to fit, and is asked about its outside */
	c.mtu = 1090;
	out = fit(pkt_clone(g.pool, p), c);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	c.mtu = 1089;
	out = fit(p, c);
	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[DROP_TOO_BIG], 1);
}

/* A single packet in a tunnel: sums inside and outside are right. */
static void test_single(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct vx_tun o = { .v6 = i & 1, .csum = i & 2, .id = 1 };
		struct tp t = { .v6 = i & 4, .udp = i & 8, .len = 1000 };
		struct gust_pkt *p = super(&t, 0);
		struct port_caps c = { .mtu = 1500 };
		struct gust_batch out;

		p->gso_type = 0;
		out = fit(encap(p, &o), c);
		assert_int_equal(out.n, 1);
		p = out.first;
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_lengths(p);
		assert_sums(p);
		assert_int_equal(r16(p->head + (o.v6 ? 46 : 26)) != 0, o.csum);
		pkt_batch_free(&out);
	}
}

/* ---- there and back ---- */

static uint32_t rnd(uint32_t n)
{
	return rng_u64(&g.rng) % n;
}

/* Take one level off all. */
static void decap(struct gust_batch *b, struct vx_tun *t)
{
	struct gust_batch out, rest;

	gust_batch_init(&out);
	gust_batch_init(&rest);
	engine_decap(g.eng, vx, t, b, &out, &rest);
	assert_int_equal(b->n, 0);
	assert_int_equal(rest.n, 0);
	*b = out;
}

/* Random superpackets in one to four levels: carried, sliced, stripped, they are the
 * segments that a cut without a tunnel gives, in order. */
static void test_round(void **state)
{
	for (int round = 0; round < 300; round++) {
		struct tp t = { .v6 = rnd(2),
				.udp = rnd(3) == 0,
				.id = rnd(65536),
				.seq = rnd(UINT32_MAX),
				.flags = rnd(2) ? 0x19 : 0,
				.opt = rnd(3) * 4 };
		uint16_t gso = 1 + rnd(1300);
		struct gust_gso_req req = { .mtu = 65535, .csum = true };
		struct vx_tun o[4];
		unsigned n = 1 + rnd(4);
		struct port_caps c = uso;
		struct gust_batch out, want;
		struct gust_pkt *p, *q;

		t.opt = t.udp ? 0 : t.opt;
		gso = t.udp ? 1 + gso % 850 : gso; /* below 64 KB in all */
		t.len = gso * (1 + rnd(70)) + 1 + rnd(gso);
		t.no_csum = t.udp && !t.v6 && rnd(2);
		p = super(&t, gso);
		if (t.no_csum)
			p->need = 0;
		req.step = gso;
		want = cut_req(pkt_clone(g.pool, p), &req);
		for (unsigned i = 0; i < n; i++) {
			o[i] = (struct vx_tun){ .v6 = rnd(2),
						.csum = rnd(2),
						.id = rnd(65536),
						.vni = i };
			p = encap(p, &o[i]);
		}
		c.gso_max_segs = rnd(2) ? 2 + rnd(70) : 0;
		out = fit(p, c);
		assert_int_equal(st.pieces, want.n);
		assert_true(st.carried > 0);
		for (unsigned i = n; i--;)
			decap(&out, &o[i]);
		assert_int_equal(out.n, want.n);
		while ((p = gust_batch_pop(&out))) {
			uint8_t *b;

			q = gust_batch_pop(&want);
			b = pkt_flat(q);
			assert_pkt_bytes(p, b, q->len);
			assert_map(p, b, q->len, false);
			assert_true(pkt_csum_verify(p));
			free(b);
			pkt_free(p);
			pkt_free(q);
		}
	}
}

/* What is sliced is what would have been sent: lengths, IDs, sums. */
static void test_slices(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct vx_tun o = {
			.v6 = i & 1, .csum = i & 2, .id = 65533, .vni = 5
		};
		struct tp t = { .v6 = i & 4, .len = 9300 };
		struct gust_batch out = fit(encap(super(&t, 1000), &o), uso), got;
		struct gust_batch none, rest;
		struct gust_pkt *p;
		uint16_t id = 65533;

		gust_batch_init(&none);
		gust_batch_init(&rest);
		vx_mode = VX_KEEPS;
		engine_decap(g.eng, vx, &o, &out, &none, &rest);
		vx_mode = VX_GOOD;
		assert_int_equal(none.n, 0);
		assert_int_equal(rest.n, 10);
		got = rest;
		for (p = got.first; p; p = p->next, id++) {
			assert_int_equal(p->need, GUST_F_CSUM);
			pkt_csum_complete(p);
			assert_lengths(p);
			assert_sums(p);
			if (!o.v6)
				assert_int_equal(r16(p->head + 4), id);
		}
		pkt_batch_free(&got);
	}
}

/* A train without checksum stays so; one that was verified owes nothing to be read. */
static void test_slice_sums(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct tp t = {
			.udp = true, .v6 = v6, .len = 3000, .no_csum = true
		};
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;

		gust_batch_init(&out);
		p->need = 0;
		assert_int_equal(tunnel_slice(&g.eng->w, p, &out), 0);
		assert_int_equal(out.n, 3);
		for (p = out.first; p; p = p->next) {
			assert_int_equal(p->need, 0);
			assert_int_equal(r16(p->head + (v6 ? 46 : 26)), 0);
		}
		pkt_batch_free(&out);
		t.no_csum = false;
		p = super(&t, 1000);
		p->need = GUST_F_CSUM_OK;
		assert_int_equal(tunnel_slice(&g.eng->w, p, &out), 0);
		for (p = out.first; p; p = p->next)
			assert_int_equal(p->need, GUST_F_CSUM);
		pkt_batch_free(&out);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_exact),      T(test_behind_ethernet), T(test_limits),
		T(test_max_segs),   T(test_no_slab),         T(test_no_pkt),
		T(test_conditions), T(test_single),          T(test_round),
		T(test_slices),     T(test_slice_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
