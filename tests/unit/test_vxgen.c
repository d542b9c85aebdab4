/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vxgen.c - VXLAN and Geneve tunnels: golden packets both ways, superpackets,
 * nesting
 */
#include "vxgen_golden.h"
#include "vxgenlib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define PORT_OFF(v6) ((v6) ? 40u : 20u)

static int setup(void **state)
{
	return seg_begin(
		(const char *const[]){ "vxlan", "geneve", "tso", "uso", NULL });
}

static struct gust_tunnel_conf golden_conf(const struct golden *c)
{
	struct gust_tunnel_conf t = conf_of(c->kind, c->v6, c->id, c->flags);

	t.opt = c->opt;
	t.opt_len = c->opt_len;
	return t;
}

/* The expected bytes, with the flow label that the packet has: a hash. */
static const uint8_t *golden_out(const struct golden *c, const struct gust_pkt *p)
{
	memcpy(buf, c->out, c->out_len);
	if (c->v6) {
		assert_true(r16(p->head + 2) || p->head[1] & 15);
		buf[1] |= p->head[1] & 15;
		memcpy(buf + 2, p->head + 2, 2);
	}
	return buf;
}

static bool transport_of(const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_l4(p);

	return l && (l->kind == GUST_L_TCP ||
		     (l->kind == GUST_L_UDP && r16(p->head + l->off + 6)));
}

/* Every case, the inner checksum made and owed. */
static void test_golden_encap(void **state)
{
	unsigned owed = 0;

	for (unsigned i = 0; i < 2 * NELEMS(golden); i++) {
		const struct golden *c = &golden[i / 2];
		struct gust_tunnel_conf t = golden_conf(c);
		struct vxgen v = vxgen_open(&t);
		struct gust_pkt *p = wire(c->in, c->in_len,
					  is_eth(c->in) ? DISSECT_ETH : DISSECT_IP);
		uint8_t inner = p->nlayer, n;

		if (i & 1 && transport_of(p)) {
			w16(p->head + pkt_l4(p)->off +
				    (pkt_l4(p)->kind == GUST_L_TCP ? 16 : 6),
			    0xdead);
			p->need = GUST_F_CSUM;
			owed++;
		}
		p = encap(&v, p);
		assert_non_null(p);
		assert_int_equal(p->nlayer, inner + 3);
		n = c->v6 ? GUST_L_IPV6 : GUST_L_IPV4;
		assert_int_equal(p->layer[0].kind, n);
		assert_int_equal(p->layer[1].kind, GUST_L_UDP);
		n = c->kind[0] == 'v' ? GUST_L_VXLAN : GUST_L_GENEVE;
		assert_int_equal(p->layer[2].kind, n);
		assert_int_equal(p->layer[2].off, PORT_OFF(c->v6) + 8);
		assert_int_equal(p->layer[3].off, c->out_len - c->in_len);
		assert_int_equal(v.desc->tunnel_overhead(v.t),
				 c->out_len - c->in_len);
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		assert_pkt_bytes(p, golden_out(c, p), c->out_len);
		pkt_free(p);
		vxgen_close(&v);
	}
	assert_true(owed > 20);
}

/* What is seen of a packet's inside before decap() makes no difference. */
static void test_golden_decap(void **state)
{
	for (unsigned i = 0; i < 2 * NELEMS(golden); i++) {
		const struct golden *c = &golden[i / 2];
		struct gust_tunnel_conf t = golden_conf(c), m = mirror(&t);
		struct vxgen v = vxgen_open(&m);
		struct gust_pkt *p =
			wire(c->out, c->out_len,
			     DISSECT_IP | (i & 1 ? DISSECT_TUNNELS : 0));

		p = decap(&v, p);
		if (!p)
			fail_msg("%s", c->name);
		assert_pkt_bytes(p, c->in, c->in_len);
		assert_map(p, c->in, c->in_len, is_eth(c->in));
		/* a checksum outside vouches for the one inside, unless the ECN
		 * bits could have been rewritten */
		if (c->flags & GUST_TUN_CSUM && transport_of(p) &&
		    !(c->v6 ? c->out[1] & 0x10 : c->out[1] & 1))
			assert_int_equal(p->need, GUST_F_CSUM_OK);
		pkt_free(p);
		vxgen_close(&v);
	}
}

/* An inner checksum that is wrong is not vouched for. */
static void test_inner_sum(void **state)
{
	for (int i = 0; i < 32; i++) {
		struct gust_tunnel_conf t = conf_of(i & 1 ? "vxlan" : "geneve",
						    i & 2, 9, GUST_TUN_CSUM);
		struct gust_tunnel_conf m = mirror(&t);
		struct vxgen a = vxgen_open(&t), b = vxgen_open(&m);
		struct tp s = {
			.eth = true, .v6 = i & 4, .udp = i & 8, .len = 333
		};
		uint32_t n = tp_build(buf, &s);
		struct gust_pkt *p;

		/* by a fragment, so that the outer sum is made by reading */
		if (i & 16)
			buf[n - 1] ^= 0x55;
		p = encap(&a, wire(buf, n, DISSECT_ETH));
		p->nlayer = 3; /* the sum of these bytes, whatever they are */
		w16(p->head + p->layer[1].off + 6, 0);
		pkt_csum_complete(p);
		n = p->len;
		memcpy(buf, p->head, p->hlen);
		pkt_payload_copy(p, 0, buf + p->hlen, n);
		pkt_free(p);
		p = decap(&b, wire(buf, n, DISSECT_IP));
		assert_non_null(p);
		assert_int_equal(p->need, i & 16 ? 0 : GUST_F_CSUM_OK);
		assert_int_equal(pkt_csum_verify(p), !(i & 16));
		pkt_free(p);
		vxgen_close(&a);
		vxgen_close(&b);
	}
}

/* A CRC32c that is owed is no Internet checksum: the outer one needs it made first. */
static void test_sctp_owed(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct gust_tunnel_conf t =
			conf_of(i & 1 ? "vxlan" : "geneve", i & 2, 9,
				i & 4 ? GUST_TUN_CSUM : 0);
		struct vxgen v = vxgen_open(&t);
		struct tp s = { .eth = true, .len = 64 };
		uint32_t n = tp_build(buf, &s), l4;
		struct gust_pkt *p, *q;
		uint8_t *flat;

		buf[14 + 9] = 132;
		fix_ip4(buf + 14);
		p = wire(buf, n, DISSECT_ETH);
		assert_int_equal(pkt_l4(p)->kind, GUST_L_SCTP);
		p->need = GUST_F_CSUM;
		q = pkt_clone(g.pool, p);
		pkt_csum_complete(q);
		p = encap(&v, p);
		assert_non_null(p);
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		assert_sums(p);
		l4 = p->layer[3].off;
		flat = pkt_flat(p);
		assert_pkt_bytes(q, flat + l4, p->len - l4);
		free(flat);
		pkt_free(p);
		pkt_free(q);
		vxgen_close(&v);
	}
}

/* ---- source ports ---- */

static uint16_t sport_of(const struct vxgen *v, uint32_t n, bool v6)
{
	struct tp s = { .eth = true, .len = 10 };
	uint32_t len = tp_build(buf, &s);
	struct gust_pkt *p;
	uint16_t r;

	w16(buf + 14 + 20, 1000 + n); /* the inner source port */
	p = encap(v, wire(buf, len, DISSECT_ETH));
	r = r16(p->head + PORT_OFF(v6));
	pkt_free(p);
	return r;
}

static void test_source_port(void **state)
{
	static const struct {
		uint16_t min, max, from, to;
	} c[] = {
		{ 0, 0, 49152, 65535 },
		{ 1000, 1003, 1000, 1003 },
		{ 1, 65535, 1, 65535 },
		{ 7, 7, 7, 7 },
	};

	for (unsigned i = 0; i < NELEMS(c); i++) {
		struct gust_tunnel_conf t = conf_of("vxlan", i & 1, 1, 0);
		uint16_t low = 65535, high = 0, s;
		struct vxgen v;

		t.sport_min = c[i].min;
		t.sport_max = c[i].max;
		v = vxgen_open(&t);
		for (uint32_t n = 0; n < 400; n++) {
			s = sport_of(&v, n, t.v6);
			assert_in_range(s, c[i].from, c[i].to);
			assert_int_equal(s, sport_of(&v, n, t.v6));
			low = s < low ? s : low;
			high = s > high ? s : high;
		}
		/* all of the range is used */
		assert_true(low - c[i].from <= (c[i].to - c[i].from) / 20);
		assert_true(c[i].to - high <= (c[i].to - c[i].from) / 20);
		vxgen_close(&v);
	}
}

/* ---- depth ---- */

#define DEPTH 4

struct nest {
	struct gust_tunnel_conf conf[DEPTH];
	bool eth[DEPTH]; /* an Ethernet header around this level's outer IP */
	struct vxgen a[DEPTH], b[DEPTH], c[DEPTH]; /* c: the other end */
};

static const uint8_t opt[] = { 1, 2, 3, 1, 9, 9, 9, 9, 1, 2, 4, 0 };

/* Kinds, families and checksums by the bits of `seed`; level 0 is the innermost. */
static void nest_open(struct nest *n, uint32_t seed)
{
	for (unsigned i = 0; i < DEPTH; i++, seed >>= 3) {
		bool geneve = seed & 1;
		struct gust_tunnel_conf *c = &n->conf[i], m;

		*c = conf_of(geneve ? "geneve" : "vxlan", seed & 2, 100 + i,
			     seed & 4 ? GUST_TUN_CSUM : 0);
		c->sport_min = c->sport_max = 0;
		if (geneve && i & 1) {
			c->opt = opt;
			c->opt_len = sizeof(opt);
		}
		m = mirror(c);
		/* what VXLAN carries is Ethernet; Geneve takes either */
		n->eth[i] = i + 1 < DEPTH && !(seed >> 3 & 1);
		n->a[i] = vxgen_open(c);
		n->b[i] = vxgen_open(c);
		n->c[i] = vxgen_open(&m);
	}
}

static void nest_close(struct nest *n)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		vxgen_close(&n->a[i]);
		vxgen_close(&n->b[i]);
		vxgen_close(&n->c[i]);
	}
}

static struct gust_pkt *wrap(const struct nest *n, const struct vxgen *v,
			     struct gust_pkt *p)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		struct gust_layer l = { GUST_L_ETH, 0, 0 };
		uint8_t e[14] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8 };

		p = encap(&v[i], p);
		assert_non_null(p);
		if (!n->eth[i])
			continue;
		w16(e + 12, n->conf[i].v6 ? 0x86dd : 0x0800);
		assert_int_equal(engine_host.push(p, e, 14, &l, 1), 0);
	}
	return p;
}

static struct gust_pkt *unwrap(const struct nest *n, struct gust_pkt *p)
{
	for (unsigned i = DEPTH; i--;) {
		if (n->eth[i])
			pkt_pull(p, 14);
		p = decap(&n->c[i], p);
		assert_non_null(p);
	}
	return p;
}

/* Cut and then wrapped, wrapped and then cut: the same packets, and inside them the
 * same segments. */
static void nest_super(uint32_t seed, const struct tp *t, uint16_t gso)
{
	struct gust_gso_req req = { .step = gso, .mtu = 65535, .csum = true };
	struct gust_batch whole, segs;
	struct gust_pkt *p, *q;
	uint32_t off = 0, len;
	struct nest n;

	nest_open(&n, seed);
	p = wrap(&n, n.a, super(t, gso));
	assert_int_equal(p->gso_size, gso);
	assert_int_equal(p->len - p->hlen, t->len);
	assert_lengths(p);
	whole = cut_req(p, &req);
	segs = cut_req(super(t, gso), &req);
	assert_int_equal(whole.n, segs.n);
	while ((p = gust_batch_pop(&whole))) {
		struct tp w = piece_of(
			t, off, t->len - off < gso ? t->len - off : gso, gso);
		uint8_t *flat;

		q = wrap(&n, n.b, gust_batch_pop(&segs));
		flat = pkt_flat(q);
		assert_pkt_bytes(p, flat, q->len);
		assert_int_equal(p->nlayer, q->nlayer);
		assert_memory_equal(p->layer, q->layer,
				    p->nlayer * sizeof(p->layer[0]));
		assert_sums(p);
		len = q->len;
		pkt_free(p);
		pkt_free(q);
		p = unwrap(&n, wire(flat, len, DISSECT_IP));
		free(flat);
		len = tp_build(buf, &w);
		assert_pkt_bytes(p, buf, len);
		assert_map(p, buf, len, t->eth);
		off += w.len;
		pkt_free(p);
	}
	assert_int_equal(off, t->len);
	nest_close(&n);
}

static void test_nested(void **state)
{
	for (uint32_t i = 0; i < 400; i++) {
		uint32_t seed = i * 2654435761u;
		struct tp t = { .v6 = seed >> 20 & 1,
				.udp = seed >> 21 & 1,
				.id = 3,
				.eth = !(seed & 1) || seed & 1 << 19,
				.flags = 0x19,
				.len = 4000 + (seed >> 24) };

		nest_super(seed, &t, 1000);
	}
}

/* As large as they come, and above 64 KB. */
static void test_nested_large(void **state)
{
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t len = i & 1 ? 250000 : 60000;
		struct tp t = { .v6 = i & 2, .eth = true, .len = len };

		nest_super(i & 4 ? 05757 : 00424, &t, 1200);
	}
}

/* A fifth level finds no room in the map: by name, and what was there is freed. */
static void test_too_deep(void **state)
{
	struct gust_layer l = { GUST_L_ETH, 0, 0 };
	uint8_t e[14] = { [12] = 8 };
	struct gust_tunnel_conf t = conf_of("vxlan", false, 1, 0);
	struct vxgen v = vxgen_open(&t);
	struct tp s = { .eth = true, .len = 3000 };
	struct gust_pkt *p = super(&s, 1000);
	unsigned depth = 0;

	while ((p = encap(&v, p))) {
		assert_true(++depth < 12);
		if (engine_host.push(p, e, 14, &l, 1)) {
			g.drops.n[DROP_TUNNEL_DEPTH]++;
			pkt_free(p);
			break;
		}
	}
	assert_true(depth >= 4);
	assert_int_equal(g.drops.n[DROP_TUNNEL_DEPTH], 1);
	vxgen_close(&v);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_golden_encap), T(test_golden_decap), T(test_inner_sum),
		T(test_sctp_owed),    T(test_source_port),  T(test_nested),
		T(test_nested_large), T(test_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
