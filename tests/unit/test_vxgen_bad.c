/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vxgen_bad.c - VXLAN and Geneve tunnels: what is refused, by which name, and
 * what is another tunnel's
 */
#include "vxgenlib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Where things are in an outer packet of `wrapped()`: offsets of UDP and the kind's
 * header. */
#define U(v6) ((v6) ? 40u : 20u)
#define H(v6) (U(v6) + 8)

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "vxlan", "geneve", NULL });
}

/* Lengths and sums of an outer packet whose bytes were changed. */
static void redo(uint8_t *b, uint32_t n, bool v6, bool csum)
{
	uint8_t *udp = b + U(v6);
	uint32_t len = n - U(v6);

	w16(udp + 4, len);
	if (v6) {
		w16(b + 4, len);
	} else {
		w16(b + 2, n);
		fix_ip4(b);
	}
	w16(udp + 6, 0);
	if (csum)
		w16(udp + 6,
		    naive_l4(b + (v6 ? 8 : 12), v6 ? 32 : 8, 17, udp, len));
}

/* A packet of the tunnel `c`, as the other end sends it, written to `b`. */
static uint32_t wrapped(uint8_t *b, const struct gust_tunnel_conf *c, bool eth)
{
	struct gust_tunnel_conf m = mirror(c);
	struct tp s = { .eth = eth, .len = 50 };
	struct vxgen v = vxgen_open(&m);
	struct gust_pkt *p = encap(
		&v, wire(buf, tp_build(buf, &s), eth ? DISSECT_ETH : DISSECT_IP));
	uint32_t n;

	assert_non_null(p);
	n = p->len;
	memcpy(b, p->head, p->hlen);
	pkt_payload_copy(p, 0, b + p->hlen, n);
	pkt_free(p);
	vxgen_close(&v);
	return n;
}

static void assert_passes(const struct vxgen *v, const uint8_t *b, uint32_t n,
			  uint32_t inner)
{
	struct gust_pkt *p = decap(v, wire(b, n, DISSECT_IP));

	assert_non_null(p);
	assert_pkt_bytes(p, b + n - inner, inner);
	pkt_free(p);
}

#define INNER_ETH (14 + 20 + 20 + 50)

/* Another tunnel's: identifier, port, address, family, protocol, later fragments. */
static void test_rest(void **state)
{
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf c =
			conf_of(i & 2 ? "vxlan" : "geneve", v6, 0x123456, 0);
		struct gust_tunnel_conf o = conf_of(c.kind, !v6, 0x123456, 0);
		struct vxgen v = vxgen_open(&c), other = vxgen_open(&o);
		uint8_t b[256], good[256];
		uint32_t n = wrapped(good, &c, true);

		assert_passes(&v, good, n, INNER_ETH);
		assert_decap_rest(&other, good, n);
		for (unsigned k = 4; k < 7; k++) {
			memcpy(b, good, n);
			b[H(v6) + k] ^= 0x10;
			assert_decap_rest(&v, b, n);
		}
		memcpy(b, good, n);
		b[U(v6) + 3] ^= 1;
		assert_decap_rest(&v, b, n);
		memcpy(b, good, n);
		b[v6 ? 39 : 19] ^= 3;
		redo(b, n, v6, false);
		assert_decap_rest(&v, b, n);
		if (!v6) {
			memcpy(b, good, n);
			b[7] = 5; /* fragment offset */
			redo(b, n, v6, false);
			assert_decap_rest(&v, b, n);
			memcpy(b, good, n);
			b[9] = 99;
			redo(b, n, v6, false);
			assert_decap_rest(&v, b, n);
			memcpy(b, good, n);
			b[6] = 0x20; /* the first one, of another port */
			b[U(v6) + 3] ^= 1;
			redo(b, n, v6, false);
			assert_decap_rest(&v, b, n);
		}
		vxgen_close(&v);
		vxgen_close(&other);
	}
}

/* Cut short at every byte behind UDP's header. */
static void test_short(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool v6 = i & 1, csum = i & 4;
		struct gust_tunnel_conf c = conf_of(i & 2 ? "vxlan" : "geneve", v6,
						    7, csum ? GUST_TUN_CSUM : 0);
		static const uint8_t opt[8] = { 1, 2, 3, 1 };
		uint8_t b[256], good[256];
		struct vxgen v;
		uint32_t n;

		if (!(i & 2)) {
			c.opt = opt;
			c.opt_len = 8;
		}
		v = vxgen_open(&c);
		n = wrapped(good, &c, true);
		for (uint32_t k = H(v6); k < n; k++) {
			memcpy(b, good, k);
			redo(b, k, v6, csum);
			assert_decap_drop(&v, b, k, DROP_BAD_TUNNEL);
		}
		vxgen_close(&v);
	}
}

static void test_source(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf c = conf_of(i & 2 ? "vxlan" : "geneve", v6,
						    7, i & 4 ? GUST_TUN_ANY : 0);
		struct vxgen v = vxgen_open(&c);
		uint8_t b[256];
		uint32_t n = wrapped(b, &c, true);

		b[v6 ? 23 : 15] ^= 0x40;
		redo(b, n, v6, false);
		if (i & 4)
			assert_passes(&v, b, n, INNER_ETH);
		else
			assert_decap_drop(&v, b, n, DROP_TUNNEL_SOURCE);
		/* short, and from elsewhere */
		redo(b, H(v6) + 3, v6, false);
		assert_decap_drop(&v, b, H(v6) + 3,
				  i & 4 ? DROP_BAD_TUNNEL : DROP_TUNNEL_SOURCE);
		/* not of this identifier: not ours to judge */
		n = wrapped(b, &c, true);
		b[v6 ? 23 : 15] ^= 0x40;
		b[H(v6) + 4] ^= 1;
		redo(b, n, v6, false);
		assert_decap_rest(&v, b, n);
		vxgen_close(&v);
	}
}

/* Zero and wrong outer checksums (RFC 6935, RFC 6936). */
static void test_outer_sum(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool v6 = i & 1, csum = i & 4;
		struct gust_tunnel_conf c = conf_of(i & 2 ? "vxlan" : "geneve", v6,
						    7, csum ? GUST_TUN_CSUM : 0);
		struct vxgen v = vxgen_open(&c);
		uint8_t b[256];
		uint32_t n = wrapped(b, &c, true);

		assert_int_equal(r16(b + U(v6) + 6) != 0, csum);
		redo(b, n, v6, true);
		assert_passes(&v, b, n, INNER_ETH);
		b[n - 1] ^= 1;
		assert_decap_drop(&v, b, n, DROP_BAD_CSUM);
		b[n - 1] ^= 1;
		b[H(v6) + 7] ^= 1; /* reserved, and summed */
		assert_decap_drop(&v, b, n, DROP_BAD_CSUM);
		b[H(v6) + 7] ^= 1;
		redo(b, n, v6, false);
		if (v6 && csum)
			assert_decap_drop(&v, b, n, DROP_BAD_CSUM);
		else
			assert_passes(&v, b, n, INNER_ETH);
		vxgen_close(&v);
	}
}

/* The first fragment of one of ours: what reassembles did not. */
static void test_fragment(void **state)
{
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, 0);
	struct vxgen v = vxgen_open(&c);
	struct engine_stats st[2];
	uint8_t b[256];
	uint32_t n = wrapped(b, &c, true);

	b[6] = 0x20;
	redo(b, n, false, false);
	assert_decap_drop(&v, b, n, DROP_BAD_TUNNEL);
	engine_stats(g.eng, st, 2);
	assert_string_equal(st[0].name, "vxlan");
	assert_int_equal(st[0].counter[1], 1);
	vxgen_close(&v);
}

/* What is inside says that it is longer than it is, or is nothing that we know. */
static void test_inner(void **state)
{
	static const struct {
		uint16_t off; /* in the inner frame */
		uint8_t to;
		bool ok;
	} c[] = {
		{ 14, 0x55, false }, /* IP version */
		{ 14, 0x44, false }, /* IP header length */
		{ 14, 0x4f, false },
		{ 16, 0x40, false }, /* IP length above what is there */
		{ 17, 0x13, false }, /* IP length below its header's */
		{ 24, 0x01, false }, /* header checksum */
		{ 46, 0x40, false }, /* TCP header length */
		{ 12, 0x88, true }, /* another Ethernet type: opaque */
		{ 67, 0x77, true }, /* payload */
	};

	for (unsigned i = 0; i < NELEMS(c) * 4; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf t =
			conf_of(i & 2 ? "vxlan" : "geneve", v6, 7, 0);
		struct vxgen v = vxgen_open(&t);
		uint8_t b[256], *in = b + H(v6) + 8;
		uint32_t n = wrapped(b, &t, true);
		uint16_t off = c[i / 4].off;

		in[off] = c[i / 4].to;
		if (off != 24 && off != 12)
			fix_ip4(in + 14);
		if (c[i / 4].ok)
			assert_passes(&v, b, n, INNER_ETH);
		else
			assert_decap_drop(&v, b, n, DROP_BAD_TUNNEL);
		vxgen_close(&v);
	}
}

/* Padding behind the inner packet goes, as it would on a wire. */
static void test_inner_padding(void **state)
{
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, GUST_TUN_CSUM);
	struct vxgen v = vxgen_open(&c);
	uint8_t b[256];
	uint32_t n = wrapped(b, &c, true);
	struct gust_pkt *p;

	memset(b + n, 0xee, 9);
	redo(b, n + 9, false, true);
	p = decap(&v, wire(b, n + 9, DISSECT_IP));
	assert_non_null(p);
	assert_pkt_bytes(p, b + H(false) + 8, INNER_ETH);
	assert_int_equal(p->need & GUST_F_CSUM_OK, 0); /* nobody knows */
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
	vxgen_close(&v);
}

/* RFC 6040 figure 4, by way of both kinds and families. */
static void test_ecn(void **state)
{
	/* [inner][outer]: Not-ECT, ECT(1), ECT(0), CE; 9: dropped */
	static const uint8_t want[4][4] = {
		{ 0, 0, 0, 9 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 }
	};

	for (int i = 0; i < 128; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf c = conf_of(i & 2 ? "vxlan" : "geneve", v6,
						    7, i & 64 ? GUST_TUN_CSUM : 0);
		uint8_t inner = i >> 2 & 3, outer = i >> 4 & 3, b[256], *in;
		struct vxgen v = vxgen_open(&c);
		uint32_t n = wrapped(b, &c, true);
		uint8_t w = want[inner][outer];
		struct gust_pkt *p;

		in = b + H(v6) + 8 + 14;
		in[1] = 0xb8 | inner;
		fix_ip4(in);
		if (v6)
			b[1] = outer << 4 | (b[1] & 15);
		else
			b[1] = outer;
		redo(b, n, v6, i & 64);
		if (w == 9) {
			assert_decap_drop(&v, b, n, DROP_TUNNEL_ECN);
		} else {
			p = decap(&v, wire(b, n, DISSECT_IP));
			assert_non_null(p);
			in[1] = 0xb8 | w;
			fix_ip4(in);
			assert_pkt_bytes(p, in - 14, INNER_ETH);
			assert_true(pkt_csum_verify(p));
			pkt_free(p);
		}
		vxgen_close(&v);
	}
}

/* ---- VXLAN's header ---- */

static void test_vxlan_flags(void **state)
{
	static const struct {
		uint8_t at, bits;
		enum drop_reason why; /* NONE: ignored */
	} c[] = {
		{ 0, 0x08, DROP_BAD_TUNNEL }, /* I is cleared */
		{ 0, 0x80, DROP_NONE }, /* group policy: G */
		{ 1, 0x40, DROP_NONE }, /* D */
		{ 1, 0x08, DROP_NONE }, /* A */
		{ 2, 0x12, DROP_NONE }, /* the group */
		{ 3, 0x34, DROP_NONE },
		{ 7, 0xff, DROP_NONE },
		{ 0, 0x73, DROP_NONE }, /* reserved */
		{ 1, 0x97, DROP_NONE },
		{ 0, 0x04, DROP_TUNNEL_OPTION }, /* P of GPE */
		{ 1, 0x20, DROP_TUNNEL_OPTION }, /* remote checksum offload */
	};

	for (unsigned i = 0; i < NELEMS(c) * 2; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf t = conf_of("vxlan", v6, 7, 0);
		struct vxgen v = vxgen_open(&t);
		uint8_t b[256];
		uint32_t n = wrapped(b, &t, true);

		b[H(v6) + c[i / 2].at] ^= c[i / 2].bits;
		if (c[i / 2].why == DROP_NONE)
			assert_passes(&v, b, n, INNER_ETH);
		else
			assert_decap_drop(&v, b, n, c[i / 2].why);
		vxgen_close(&v);
	}
}

/* ---- Geneve's ---- */

/* Put `n` bytes of options, which may lie, into a packet without. */
static uint32_t with_opts(uint8_t *b, uint32_t len, bool v6, const uint8_t *o,
			  uint32_t n, uint8_t words)
{
	uint8_t *at = b + H(v6) + 8;

	memmove(at + n, at, len - H(v6) - 8);
	memcpy(at, o, n);
	b[H(v6)] = words;
	redo(b, len + n, v6, false);
	return len + n;
}

static void test_geneve_options(void **state)
{
	static const uint8_t mine[] = { 1, 2, 0x85, 1, 0, 0, 0, 9 };
	static const struct {
		uint8_t n, words, c;
		enum drop_reason why;
		uint8_t o[20];
	} c[] = {
		{ 4, 1, 0, DROP_NONE, { 9, 9, 5, 0 } }, /* not critical */
		{ 8, 2, 0, DROP_NONE, { 9, 9, 5, 0, 9, 9, 6, 0 } },
		{ 4, 1, 0, DROP_NONE, { 9, 9, 5, 0xe0 } }, /* reserved bits */
		{ 4, 1, 0x40, DROP_NONE, { 9, 9, 5, 0 } }, /* C, and none is */
		{ 0, 0, 0x40, DROP_NONE, { 0 } },
		{ 4, 1, 0x3f, DROP_NONE, { 9, 9, 5, 0 } }, /* reserved bits */
		{ 4, 1, 0x40, DROP_TUNNEL_OPTION, { 9, 9, 0x85, 0 } },
		{ 4, 1, 0, DROP_TUNNEL_OPTION, { 9, 9, 0x85, 0 } },
		{ 8, 2, 0x40, DROP_TUNNEL_OPTION, { 9, 9, 5, 0, 9, 9, 0x80, 0 } },
		/* ours, whatever its value */
		{ 8, 2, 0x40, DROP_NONE, { 1, 2, 0x85, 1, 7, 7, 7, 7 } },
		{ 4, 1, 0x40, DROP_NONE, { 1, 2, 0x85, 0 } },
		{ 4, 1, 0x40, DROP_TUNNEL_OPTION, { 1, 3, 0x85, 0 } },
		{ 12,
		  3,
		  0x40,
		  DROP_TUNNEL_OPTION,
		  { 1, 2, 0x85, 1, 7, 7, 7, 7, 1, 2, 0x86, 0 } },
		/* beyond Opt Len, by one word and by many */
		{ 4, 1, 0, DROP_BAD_TUNNEL, { 9, 9, 5, 1 } },
		{ 8, 2, 0, DROP_BAD_TUNNEL, { 9, 9, 5, 2, 0, 0, 0, 0 } },
		{ 8, 2, 0, DROP_BAD_TUNNEL, { 9, 9, 5, 0, 9, 9, 5, 0x1f } },
		/* Opt Len beyond the packet */
		{ 4, 63, 0, DROP_BAD_TUNNEL, { 9, 9, 5, 0 } },
		/* a control message */
		{ 0, 0, 0x80, DROP_TUNNEL_OPTION, { 0 } },
		{ 4, 1, 0xc0, DROP_TUNNEL_OPTION, { 9, 9, 5, 0 } },
		/* another version */
		{ 0, 0x40, 0, DROP_BAD_TUNNEL, { 0 } },
		{ 4, 0xc1, 0, DROP_BAD_TUNNEL, { 9, 9, 5, 0 } },
	};

	for (unsigned i = 0; i < NELEMS(c) * 2; i++) {
		bool v6 = i & 1;
		struct gust_tunnel_conf t = conf_of("geneve", v6, 7, 0), plain = t;
		struct vxgen v;
		uint8_t b[512];
		uint32_t n;

		t.opt = mine;
		t.opt_len = sizeof(mine);
		v = vxgen_open(&t);
		n = wrapped(b, &plain, true);
		b[H(v6) + 1] = c[i / 2].c;
		n = with_opts(b, n, v6, c[i / 2].o, c[i / 2].n, c[i / 2].words);
		if (c[i / 2].why == DROP_NONE)
			assert_passes(&v, b, n, INNER_ETH);
		else
			assert_decap_drop(&v, b, n, c[i / 2].why);
		vxgen_close(&v);
	}
}

/* Opt Len of 63 words. */
static void test_geneve_options_most(void **state)
{
	struct gust_tunnel_conf t = conf_of("geneve", false, 7, GUST_TUN_CSUM);
	uint8_t opt[252] = { 0 }, b[512];
	struct vxgen v;
	uint32_t n;

	opt[3] = 0x1f;
	opt[128 + 3] = 0x1e;
	t.opt = opt;
	t.opt_len = sizeof(opt);
	v = vxgen_open(&t);
	assert_int_equal(v.desc->tunnel_overhead(v.t), 20 + 8 + 8 + 252);
	n = wrapped(b, &t, true);
	assert_int_equal(n, 20 + 8 + 8 + 252 + INNER_ETH);
	assert_memory_equal(b + 36, opt, 252);
	assert_passes(&v, b, n, INNER_ETH);
	vxgen_close(&v);
}

/* Protocol types; GUST_TUN_L2 takes and sends Ethernet alone. */
static void test_geneve_types(void **state)
{
	static const uint16_t types[] = {
		0x6558, 0x0800, 0x86dd, 0x0806, 0, 0x8847
	};

	for (unsigned i = 0; i < NELEMS(types) * 4; i++) {
		bool eth = i & 1, l2 = i & 2;
		uint16_t type = types[i / 4];
		struct gust_tunnel_conf c = conf_of("geneve", false, 7, 0), t = c;
		struct vxgen v;
		uint8_t b[256];
		uint32_t n = wrapped(b, &c, eth);

		assert_int_equal(r16(b + 30), eth ? 0x6558 : 0x0800);
		w16(b + 30, type);
		t.flags = l2 ? GUST_TUN_L2 : 0;
		v = vxgen_open(&t);
		if (type == 0x6558) /* a bare IPv4 header makes a frame, too */
			assert_passes(&v, b, n, INNER_ETH - (eth ? 0 : 14));
		else if (type == 0x0800 && !eth && !l2)
			assert_passes(&v, b, n, INNER_ETH - 14);
		else
			assert_decap_drop(&v, b, n, DROP_BAD_TUNNEL);
		vxgen_close(&v);
	}
}

/* ---- on the way out ---- */

static void assert_encap_drop(const struct vxgen *v, struct gust_pkt *p,
			      enum drop_reason why)
{
	uint64_t before = g.drops.n[why];

	assert_null(encap(v, p));
	assert_int_equal(g.drops.n[why], before + 1);
}

static void test_encap_refused(void **state)
{
	struct gust_tunnel_conf c = conf_of("vxlan", false, 7, 0);
	struct gust_tunnel_conf d = conf_of("geneve", false, 7, GUST_TUN_L2);
	struct vxgen v = vxgen_open(&c), e = vxgen_open(&d);
	struct tp ip = { .len = 50 }, long_one = { .eth = true, .len = 65480 };
	uint32_t n = tp_build(buf, &ip);

	/* no Ethernet header where there must be one */
	assert_encap_drop(&v, wire(buf, n, DISSECT_IP), DROP_BAD_TUNNEL);
	assert_encap_drop(&e, wire(buf, n, DISSECT_IP), DROP_BAD_TUNNEL);
	/* what 16 bits of outer length cannot say */
	n = tp_build(buf, &long_one);
	assert_int_equal(n, 65534);
	assert_encap_drop(&v, wire(buf, n, DISSECT_ETH), DROP_TOO_BIG);
	vxgen_close(&v);
	vxgen_close(&e);
}

/* ---- configuration ---- */

static void refused(const struct gust_tunnel_conf *c, const char *what)
{
	struct vxgen v = { 0 };
	char err[256] = "";

	assert_int_equal(vxgen_try(&v, c, err), -EINVAL);
	assert_null(v.t);
	if (strncmp(err, what, strlen(what)))
		fail_msg("\"%s\" does not begin with \"%s\"", err, what);
}

static void test_conf(void **state)
{
	static const uint8_t cut_short[8] = { 0, 0, 0, 2 }, most[256];

	for (int i = 0; i < 2; i++) {
		const char *kind = i ? "vxlan" : "geneve";
		struct gust_tunnel_conf c = conf_of(kind, false, 0xffffff, 0);
		struct gust_tunnel_conf good = c;
		struct vxgen v = vxgen_open(&c);

		vxgen_close(&v);
		v.desc->tunnel_close(NULL);
		c.id++;
		refused(&c, "id: 16777216");
		c = good;
		memset(c.remote, 0, 16);
		refused(&c, "remote");
		c = good;
		c.flags = GUST_TUN_KEY;
		refused(&c, "key");
		c.flags = GUST_TUN_SEQ;
		refused(&c, "seq");
		c.flags = GUST_TUN_REMCSUM; /* without csum; Geneve has none */
		refused(&c, "remcsum");
		c = good;
		c.sport_max = 9;
		refused(&c, "source ports");
		c.sport_min = 0;
		refused(&c, "source ports");
		c = good;
		c.opt = cut_short;
		c.opt_len = 8;
		refused(&c, "options");
		c.opt = most;
		c.opt_len = 256;
		refused(&c, "options");
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_rest),
		T(test_short),
		T(test_source),
		T(test_outer_sum),
		T(test_fragment),
		T(test_inner),
		T(test_inner_padding),
		T(test_ecn),
		T(test_vxlan_flags),
		T(test_geneve_options),
		T(test_geneve_options_most),
		T(test_geneve_types),
		T(test_encap_refused),
		T(test_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
