/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vxgen_rco.c - VXLAN's remote checksum offload
 */
#include "vxgenlib.h"

#define RCO (GUST_TUN_CSUM | GUST_TUN_REMCSUM)
#define U(v6) ((v6) ? 40u : 20u)
#define H(v6) (U(v6) + 8)

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "vxlan", "geneve", "tso", NULL });
}

/* Bytes of a packet as a port without any offload sends it. */
static uint32_t sent(uint8_t *b, struct gust_pkt *p /*taken*/)
{
	uint32_t n = p->len;

	assert_int_equal(p->gso_size, 0);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	memcpy(b, p->head, p->hlen);
	pkt_payload_copy(p, 0, b + p->hlen, n);
	pkt_free(p);
	return n;
}

static struct gust_pkt *owing(const struct tp *t)
{
	struct gust_pkt *p = wire(buf, tp_build(buf, t), DISSECT_ETH);

	w16(p->head + pkt_l4(p)->off + (t->udp ? 6 : 16), 0xdead);
	p->need = GUST_F_CSUM;
	return p;
}

/* The pseudo header's sum, folded, as a device is given it. */
static uint16_t pseudo_of(const uint8_t *ip, bool v6, bool udp, uint32_t len)
{
	uint8_t tail[8] = { 0, 0, len >> 8, len, 0, 0, 0, udp ? 17 : 6 };

	return naive_sum(naive_sum(0, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8), tail, 8);
}

/* Out and in again; all headers by their numbers. */
static void test_single(void **state)
{
	for (int i = 0; i < 16; i++) {
		bool v6 = i & 1, in6 = i & 2, udp = i & 4;
		struct gust_tunnel_conf c = conf_of("vxlan", v6, 7, RCO);
		struct gust_tunnel_conf m = mirror(&c);
		struct vxgen v = vxgen_open(&c), w = vxgen_open(&m);
		struct tp t = { .eth = true, .v6 = in6, .udp = udp, .len = 701 };
		uint32_t l4 = 14 + (in6 ? 40 : 20), field = l4 + (udp ? 6 : 16);
		uint32_t hdrs = l4 + (udp ? 8 : 20), n;
		uint8_t b[1500], *h = b + H(v6);
		struct gust_pkt *p;

		if (i & 8) { /* made already: nothing to leave */
			p = wire(buf, tp_build(buf, &t), DISSECT_ETH);
			n = sent(b, encap(&v, p));
			assert_int_equal(h[1] | h[7], 0);
			assert_memory_equal(h + 8, buf, n - H(v6) - 8);
		} else {
			p = encap(&v, owing(&t));
			assert_int_equal(p->need, GUST_F_CSUM);
			assert_int_equal(p->nlayer, 3);
			n = sent(b, p);
			assert_memory_equal(h, "\x08\x20\0\0\0\0\x07", 7);
			assert_int_equal(h[7], l4 / 2 | (udp ? 0x80 : 0));
			tp_build(buf, &t);
			w16(buf + field,
			    pseudo_of(buf + 14, in6, udp, hdrs - l4 + t.len));
			assert_memory_equal(h + 8, buf, n - H(v6) - 8);
		}
		assert_int_equal(naive_l4(b + (v6 ? 8 : 12), v6 ? 32 : 8, 17,
					  b + U(v6), n - U(v6)),
				 0);
		p = decap(&w, wire(b, n, DISSECT_IP));
		assert_non_null(p);
		assert_int_equal(p->need, i & 8 ? GUST_F_CSUM_OK : GUST_F_CSUM);
		if (p->need == GUST_F_CSUM)
			pkt_csum_complete(p);
		n = tp_build(buf, &t);
		assert_pkt_bytes(p, buf, n);
		assert_map(p, buf, n, true);
		pkt_free(p);
		vxgen_close(&v);
		vxgen_close(&w);
	}
}

/* Inside another tunnel with it: the outer one covers what the inner one owes. */
static void test_nested(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool v6 = i & 1, out6 = i & 2;
		struct gust_tunnel_conf c = conf_of("vxlan", v6, 7, RCO);
		struct gust_tunnel_conf d =
			conf_of(i & 4 ? "vxlan" : "geneve", out6, 8,
				i & 4 ? RCO : GUST_TUN_CSUM);
		struct gust_tunnel_conf cm = mirror(&c), dm = mirror(&d);
		struct vxgen a = vxgen_open(&c), b = vxgen_open(&d),
			     a2 = vxgen_open(&cm), b2 = vxgen_open(&dm);
		struct tp t = { .eth = true, .len = 301 };
		uint8_t e[14] = { 2, [12] = v6 ? 0x86 : 8, v6 ? 0xdd : 0 };
		struct gust_layer l = { GUST_L_ETH, 0, 0 };
		struct gust_pkt *p = encap(&a, owing(&t));
		uint8_t bytes[1500];
		uint32_t n;

		assert_int_equal(engine_host.push(p, e, 14, &l, 1), 0);
		p = encap(&b, p);
		assert_non_null(p);
		n = sent(bytes, p);
		p = decap(&b2, wire(bytes, n, DISSECT_IP));
		assert_non_null(p);
		assert_int_equal(p->need, i & 4 ? GUST_F_CSUM : GUST_F_CSUM_OK);
		pkt_pull(p, 14);
		if (i & 4) { /* as it goes over another wire */
			n = sent(bytes, p);
			p = wire(bytes, n, DISSECT_IP);
		}
		p = decap(&a2, p);
		assert_non_null(p);
		assert_int_equal(p->need, GUST_F_CSUM);
		pkt_csum_complete(p);
		n = tp_build(buf, &t);
		assert_pkt_bytes(p, buf, n);
		pkt_free(p);
		vxgen_close(&a);
		vxgen_close(&b);
		vxgen_close(&a2);
		vxgen_close(&b2);
	}
}

/* Around a tunnel without: the checksum of what is further in is made in a copy of
 * the payload, and then the one between is right. */
static void test_around(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct gust_tunnel_conf c =
			conf_of("geneve", i & 1, 7, GUST_TUN_CSUM);
		struct gust_tunnel_conf d = conf_of("vxlan", i & 2, 8, RCO);
		struct gust_tunnel_conf cm = mirror(&c), dm = mirror(&d);
		struct vxgen a = vxgen_open(&c), b = vxgen_open(&d),
			     a2 = vxgen_open(&cm), b2 = vxgen_open(&dm);
		struct tp t = { .eth = true, .udp = i & 4, .len = 301 };
		uint8_t e[14] = { 2, [12] = c.v6 ? 0x86 : 8, c.v6 ? 0xdd : 0 };
		struct gust_layer l = { GUST_L_ETH, 0, 0 };
		struct gust_pkt *p = encap(&a, owing(&t));
		uint8_t bytes[1500];
		uint32_t n;

		assert_int_equal(engine_host.push(p, e, 14, &l, 1), 0);
		n = sent(bytes, encap(&b, p));
		assert_int_equal(bytes[H(d.v6) + 1], 0x20);
		p = decap(&b2, wire(bytes, n, DISSECT_IP));
		assert_non_null(p);
		assert_sums(p);
		pkt_pull(p, 14);
		p = decap(&a2, p);
		assert_non_null(p);
		assert_true(pkt_csum_verify(p));
		n = tp_build(buf, &t);
		assert_pkt_bytes(p, buf, n);
		pkt_free(p);
		vxgen_close(&a);
		vxgen_close(&b);
		vxgen_close(&a2);
		vxgen_close(&b2);
	}
}

/* Superpackets go without: what their segments are is as it would be with none. */
static void test_super(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, RCO), d = c;
	struct vxgen a = vxgen_open(&c), b;
	struct tp t = { .eth = true, .len = 4500 };
	struct gust_batch x, y;
	struct gust_pkt *p, *q;

	d.flags = GUST_TUN_CSUM;
	b = vxgen_open(&d);
	x = cut_req(encap(&a, super(&t, 1000)), &req);
	y = cut_req(encap(&b, super(&t, 1000)), &req);
	assert_int_equal(x.n, 5);
	while ((p = gust_batch_pop(&x))) {
		uint8_t *flat = pkt_flat(p);

		q = gust_batch_pop(&y);
		assert_pkt_bytes(q, flat, p->len);
		assert_sums(p);
		free(flat);
		pkt_free(p);
		pkt_free(q);
	}
	vxgen_close(&a);
	vxgen_close(&b);
}

/* ---- what a peer may ask for ---- */

/* A packet from a peer with these bytes inside, bit C and its data. */
static uint32_t asked(uint8_t *b, const uint8_t *in, uint32_t n, uint8_t rco,
		      bool csum)
{
	uint32_t udp = n + 16;

	memset(b, 0, 36);
	b[0] = 0x45;
	w16(b + 2, 20 + udp);
	b[8] = 64;
	b[9] = 17;
	memcpy(b + 12, "\xc0\0\x02\x02\xc0\0\x02\x01", 8);
	fix_ip4(b);
	w16(b + 20, 50000);
	w16(b + 22, 4789);
	w16(b + 24, udp);
	memcpy(b + 28, "\x08\x20\0\0\0\0\x07", 7);
	b[35] = rco;
	memcpy(b + 36, in, n);
	if (csum)
		w16(b + 26, naive_l4(b + 12, 8, 17, b + 20, udp));
	return 20 + udp;
}

/* Of a superpacket, as a port may bring one, no sum over the whole is any
 * segment's. */
static void test_super_in(void **state)
{
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, RCO), m = mirror(&c);
	struct vxgen a = vxgen_open(&c), v = vxgen_open(&m);
	struct tp t = { .eth = true, .len = 4500 };

	for (int i = 0; i < 3; i++) {
		struct gust_pkt *p = encap(&a, super(&t, 1000));
		uint64_t before = g.drops.n[DROP_BAD_TUNNEL];

		p->head[28 + 1] |= i ? 0x20 : 0;
		p->head[28 + 7] = i == 1 ? 34 / 2 : 100 / 2;
		p = decap(&v, p);
		assert_int_equal(g.drops.n[DROP_BAD_TUNNEL], before + (i == 2));
		if (i == 2) {
			assert_null(p);
			continue;
		}
		assert_non_null(p);
		assert_int_equal(p->gso_size, 1000);
		assert_int_equal(p->need & GUST_F_CSUM, GUST_F_CSUM);
		assert_int_equal(p->len, 14 + 40 + 4500);
		pkt_free(p);
	}
	vxgen_close(&a);
	vxgen_close(&v);
}

/* Fields that are no field of the inner packet's own transport. */
static void test_hostile(void **state)
{
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, RCO);
	struct vxgen v = vxgen_open(&c);
	struct tp t = { .eth = true, .len = 100 };
	uint8_t b[600], in[300];
	uint32_t n = tp_build(in, &t), len;

	for (unsigned rco = 0; rco < 256; rco++) {
		uint32_t start = (rco & 127) * 2, field;

		field = start + (rco & 128 ? 6 : 16);
		len = asked(b, in, n, rco, true);
		if (start == 34 && !(rco & 128)) {
			struct gust_pkt *p = decap(&v, wire(b, len, DISSECT_IP));

			assert_non_null(p);
			assert_int_equal(p->need, GUST_F_CSUM);
			pkt_free(p);
		} else if (start < 54 || field + 2 > n) {
			assert_decap_drop(&v, b, len, DROP_BAD_TUNNEL);
		} else { /* the payload's own: a copy is summed */
			struct gust_pkt *p = wire(b, len, DISSECT_IP), *q;
			uint8_t *flat, want[300];

			q = pkt_clone(g.pool, p);
			memcpy(want, in, n);
			w16(want + field,
			    (uint16_t)~naive_sum(0, in + start, n - start));
			if (!r16(want + field) && rco & 128)
				w16(want + field, 0xffff);
			p = decap(&v, p);
			assert_non_null(p);
			assert_pkt_bytes(p, want, n);
			/* the inner segment is another one now */
			assert_int_equal(p->need, 0);
			/* what others hold is untouched */
			flat = pkt_flat(q);
			assert_memory_equal(flat, b, len);
			free(flat);
			pkt_free(p);
			pkt_free(q);
		}
	}
	/* nothing covers the payload */
	len = asked(b, in, n, 34 / 2, false);
	assert_decap_drop(&v, b, len, DROP_BAD_CSUM);
	/* a UDP field of a TCP segment */
	len = asked(b, in, n, 34 / 2 | 0x80, true);
	assert_decap_drop(&v, b, len, DROP_BAD_TUNNEL);
	vxgen_close(&v);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_single), T(test_nested),   T(test_around),
		T(test_super),  T(test_super_in), T(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
