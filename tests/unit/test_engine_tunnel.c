/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_engine_tunnel.c - the stages of tunnels: books, faults, what is not ours; outer
 * checksums at every depth
 */
#include "fakevx.h"
#include "offload/engine_internal.h"

static unsigned vx;
static struct gust_batch out, rest;

static int setup(void **state)
{
	int r = seg_begin((const char *const[]){ "tso", "uso", NULL });

	vx = vx_use();
	gust_batch_init(&out);
	gust_batch_init(&rest);
	return r;
}

static int teardown(void **state)
{
	pkt_batch_free(&out);
	pkt_batch_free(&rest);
	return seg_end(state);
}

static struct gust_pkt *plain(const struct tp *t)
{
	struct gust_pkt *p = super(t, 0);

	p->gso_type = GUST_GSO_NONE;
	return p;
}

static struct engine_stats stats(void)
{
	struct engine_stats st[ENGINE_PLUGINS_MAX];

	assert_int_equal(engine_stats(g.eng, st, ENGINE_PLUGINS_MAX), vx + 1);
	return st[vx];
}

static void encap(struct gust_pkt *p, struct vx_tun *t)
{
	struct gust_batch in;

	gust_batch_init(&in);
	gust_batch_push(&in, p);
	engine_encap(g.eng, vx, t, &in, &out);
	assert_int_equal(in.n, 0);
}

static void decap(struct gust_pkt *p, struct vx_tun *t)
{
	struct gust_batch in;

	gust_batch_init(&in);
	gust_batch_push(&in, p);
	engine_decap(g.eng, vx, t, &in, &out, &rest);
	assert_int_equal(in.n, 0);
}

static void test_good(void **state)
{
	struct vx_tun o = { .vni = 9, .csum = true, .id = 3 };
	struct tp t = { .len = 700, .id = 4 };
	struct gust_pkt *p = plain(&t);
	uint8_t b[1000];
	uint32_t n;

	encap(p, &o);
	assert_ptr_equal(out.first, p);
	assert_int_equal(p->nlayer, 6);
	assert_lengths(p);
	assert_int_equal(o.id, 4);
	pkt_csum_complete(p);
	assert_sums(p);
	decap(gust_batch_pop(&out), &o);
	assert_int_equal(rest.n, 0);
	assert_int_equal(out.n, 1);
	n = tp_build(b, &t);
	assert_pkt_bytes(out.first, b, n);
	assert_map(out.first, b, n, false);
	assert_int_equal(stats().calls, 2);
	assert_int_equal(stats().in, 2);
	assert_int_equal(stats().out, 2);
	assert_int_equal(stats().faults, 0);
}

/* Superpackets go through encap() whole, and count their IDs. */
static void test_super(void **state)
{
	struct vx_tun o = { .vni = 9, .id = 3 };
	struct tp t = { .len = 50000 };

	encap(super(&t, 1000), &o);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.first->gso_size, 1000);
	assert_int_equal(o.id, 53);
	/* and through decap(): their segments are those of what is inside */
	decap(gust_batch_pop(&out), &o);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.first->gso_size, 1000);
	assert_int_equal(out.first->need, GUST_F_CSUM);
	out.first->hash = 77;
	assert_piece(out.first, &t);
}

/* Not this tunnel's: in `rest`, untouched. */
static void test_rest(void **state)
{
	struct vx_tun o = { .vni = 9 }, other = { .vni = 10 };
	struct tp t = { .len = 100 };
	struct gust_pkt *p = plain(&t);
	uint8_t *b;

	encap(p, &o);
	b = pkt_flat(p);
	decap(gust_batch_pop(&out), &other);
	assert_int_equal(out.n, 0);
	assert_ptr_equal(rest.first, p);
	assert_pkt_bytes(p, b, p->len);
	free(b);
	assert_int_equal(stats().faults, 0);
	/* malformed and ours: by name */
	p = gust_batch_pop(&rest);
	p->head[50] = 0; /* inner version */
	decap(p, &o);
	assert_int_equal(out.n + rest.n, 0);
	assert_int_equal(g.drops.n[DROP_BAD_TUNNEL], 1);
	assert_int_equal(stats().faults, 0);
}

/* A datagram that was to be fragmented is one. */
static void test_ufo(void **state)
{
	struct vx_tun o = { .vni = 9 };
	struct tp t = { .len = 5000 }, u = { .udp = true, .no_csum = true };
	uint32_t n = tp_build(buf + 30 + 28, &t);
	struct gust_pkt *p;
	uint8_t h[80];

	vx_header(h, &o, false);
	u.len = n + 30 - 8;
	tp_build(buf + 100000, &u);
	memcpy(buf, buf + 100000, 28);
	w16(buf + 22, 4789);
	memcpy(buf + 28, h + 28, 22);
	memmove(buf + 50, buf + 58, n);
	p = mark(of_buf(n + 50), GUST_GSO_UFO, 1480);
	p->need = 0;
	decap(p, &o);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.first->gso_size, 0);
	assert_int_equal(out.first->len, n);
}

/* ---- faults ---- */

static void test_faults(void **state)
{
	static const struct {
		enum vx_mode mode;
		bool decap;
	} bad[] = {
		{ VX_LOSES, false },  { VX_LOSES, true },  { VX_NO_IP, false },
		{ VX_BREAKS, false }, { VX_BREAKS, true },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vx_tun o = { .vni = 9 };
		struct tp t = { .len = 100 };
		uint64_t before = g.drops.n[DROP_PLUGIN_FAULT];
		uint64_t faults = stats().faults;
		struct gust_pkt *p = plain(&t);

		if (bad[i].decap) {
			encap(p, &o);
			p = gust_batch_pop(&out);
		}
		vx_mode = bad[i].mode;
		if (bad[i].decap)
			decap(p, &o);
		else
			encap(p, &o);
		vx_mode = VX_GOOD;
		assert_int_equal(out.n + rest.n, 0);
		assert_int_equal(stats().faults, faults + 1);
		assert_int_equal(g.drops.n[DROP_PLUGIN_FAULT], before + 1);
	}
}

/* After too many, or when it is not there: dropped by name, nothing else happens. */
static void test_disabled(void **state)
{
	struct vx_tun o = { .vni = 9 };
	struct tp t = { .len = 100 };
	struct gust_batch in;

	vx_mode = VX_LOSES;
	for (unsigned i = 0; i < GUST_FAULTS_MAX; i++)
		encap(plain(&t), &o);
	assert_true(stats().disabled);
	vx_mode = VX_GOOD;
	encap(plain(&t), &o);
	decap(plain(&t), &o);
	assert_int_equal(out.n + rest.n, 0);
	assert_int_equal(g.drops.n[DROP_PLUGIN_FAULT], GUST_FAULTS_MAX + 2);
	gust_batch_init(&in);
	gust_batch_push(&in, plain(&t));
	engine_encap(g.eng, ENGINE_PLUGINS_MAX, &o, &in, &out);
	gust_batch_push(&in, plain(&t));
	engine_decap(g.eng, 0, &o, &in, &out, &rest); /* tso has no tunnels */
	assert_int_equal(in.n + out.n + rest.n, 0);
	assert_int_equal(g.drops.n[DROP_PLUGIN_FAULT], GUST_FAULTS_MAX + 4);
}

/* ---- outer checksums ---- */

/* GRE with checksum (RFC 2784), key and sequence number by `flags`, around IPv4 or
 * IPv6; what is inside is IP. */
static void push_gre(struct gust_pkt *p, uint8_t flags, uint32_t seq)
{
	uint16_t n = 24 + (flags & 0x80 ? 4 : 0) + (flags & 0x20 ? 4 : 0) +
		     (flags & 0x10 ? 4 : 0);
	struct gust_layer l[2] = { { GUST_L_IPV4, 0, 0 }, { GUST_L_GRE, 0, 20 } };
	uint8_t h[40] = { 0x45, [8] = 64, [9] = 47, [15] = 1, [19] = 2 };

	h[20] = flags;
	w16(h + 22, p->layer[0].kind == GUST_L_IPV6 ? 0x86dd : 0x0800);
	memset(h + 24, 0xaa, n - 24);
	if (flags & 0x10)
		w32(h + n - 4, seq);
	assert_int_equal(engine_host.push(p, h, n, l, 2), 0);
	engine_host.fix_outer(p, 2);
	engine_host.outer_sums(p);
}

/* Every GRE checksum in the bytes is right. Returns how many there were. */
static unsigned assert_gre(const struct gust_pkt *p)
{
	uint8_t *b = pkt_flat(p);
	unsigned n = 0;

	for (unsigned i = 0; i < p->nlayer; i++) {
		uint32_t off = p->layer[i].off;

		if (p->layer[i].kind != GUST_L_GRE || !(b[off] & 0x80))
			continue;
		assert_int_equal(naive_sum(0, b + off, p->len - off), 0xffff);
		assert_int_equal(r16(b + off + 6),
				 0xaaaa); /* reserved: as it was */
		n++;
	}
	free(b);
	return n;
}

/* GRE at every place among others, whatever is inside, also what has to be read. */
static void test_gre(void **state)
{
	for (int i = 0; i < 256; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.no_csum = (i & 6) == 6 && !(i & 1),
				.len = 301 };
		struct vx_tun o = { .v6 = i & 8, .csum = i & 16 };
		uint8_t flags = (i & 32 ? 0x80 : 0) | (i & 64 ? 0x30 : 0);
		struct gust_pkt *p = plain(&t);

		if (t.no_csum)
			p->need = 0;
		push_gre(p, 0x80, 0);
		encap(p, &o);
		push_gre(p, flags, 7);
		if (i & 128)
			push_gre(p, 0x80, 0);
		assert_lengths(p);
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		assert_sums(p);
		assert_int_equal(assert_gre(p), 1 + !!(flags & 0x80) + !!(i & 128));
		pkt_batch_free(&out);
	}
}

/* Around frames that are not IP, fragments and ICMP. */
static void test_odd_inside(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		struct tp t = { .len = 101, .v6 = kind == 3 };
		uint32_t n = tp_build(buf, &t), at = t.v6 ? 40 : 20;
		struct vx_tun o = { .csum = true };
		struct gust_pkt *p;

		if (kind == 1) {
			w16(buf + 6, 0x2000);
			fix_ip4(buf);
		}
		if (kind >= 2) { /* an echo request */
			buf[t.v6 ? 6 : 9] = t.v6 ? 58 : 1;
			buf[at] = t.v6 ? 128 : 8;
			w16(buf + at + 2, 0);
			if (!t.v6)
				fix_ip4(buf);
			w16(buf + at + 2,
			    t.v6 ? naive_l4(buf + 8, 32, 58, buf + at, n - at) :
				   (uint16_t)~naive_sum(0, buf + at, n - at));
		}
		p = of_buf(n);
		if (kind == 0) { /* not known to be IP */
			p->nlayer = 1;
			p->layer[0].kind = GUST_L_ETH;
		}
		encap(p, &o);
		push_gre(p, 0x80, 0);
		encap(gust_batch_pop(&out), &o);
		assert_sums(p);
		assert_int_equal(assert_gre(p), 1);
		pkt_batch_free(&out);
	}
}

/* Cut: checksums of every piece, and GRE's sequence numbers. */
static void test_gre_cut(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct tp t = { .v6 = i & 1, .len = 4900, .id = 9 };
		struct vx_tun o = { .csum = i & 2, .id = 65534 };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch b;
		uint32_t n = 0;

		push_gre(p, 0x10 | (i & 4 ? 0x80 : 0), 100);
		if (i & 8)
			encap(p, &o);
		gust_batch_init(&out);
		b = cut(p, 1000);
		while ((p = gust_batch_pop(&b))) {
			const struct gust_layer *l = pkt_layer(p, GUST_L_GRE);
			uint32_t at = l->off + (i & 4 ? 8 : 4);

			pkt_csum_complete(p);
			assert_lengths(p);
			assert_sums(p);
			assert_int_equal(assert_gre(p), !!(i & 4));
			assert_int_equal(r16(p->head + at) << 16 |
						 r16(p->head + at + 2),
					 100 + n++);
			pkt_free(p);
		}
		assert_int_equal(n, 5);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_good), T(test_super),      T(test_rest),
		T(test_ufo),  T(test_faults),     T(test_disabled),
		T(test_gre),  T(test_odd_inside), T(test_gre_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
