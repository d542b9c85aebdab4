/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gue_super.c - superpackets in FOU and GUE: whole through the tunnel, cut right
 * behind it, at any depth
 */
#include "guelib.h"
#include "sctp_golden.h"

#define DEPTH 4

/* Tunnels of every form, outermost last. */
struct level {
	const char *kind;
	bool v6;
	uint32_t flags;
};

static const struct level levels[][DEPTH] = {
	{ { "gue", false, 0 },
	  { "fou", true, GUST_TUN_CSUM },
	  { "gue", true, 0 },
	  { "fou", false, 0 } },
	{ { "fou", true, 0 },
	  { "gue", false, GUST_TUN_CSUM },
	  { "gue", true, GUST_TUN_CSUM },
	  { "gue", false, GUST_TUN_CSUM } },
	{ { "gue", true, GUST_TUN_CSUM | GUST_TUN_REMCSUM },
	  { "gue", false, GUST_TUN_CSUM | GUST_TUN_REMCSUM },
	  { "fou", false, GUST_TUN_CSUM },
	  { "gue", true, GUST_TUN_CSUM | GUST_TUN_REMCSUM } },
	{ { "gue", false, GUST_TUN_CSUM },
	  { "gue", false, 0 },
	  { "gue", false, GUST_TUN_CSUM | GUST_TUN_REMCSUM },
	  { "fou", true, 0 } },
};
#define NLEVELS (sizeof(levels) / sizeof(levels[0]))

static void open_levels(struct end e[DEPTH][2], const struct level *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ends_open(e[i], l[i].kind, l[i].v6, l[i].flags);
}

static void close_levels(struct end e[DEPTH][2], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ends_close(e[i]);
}

static struct gust_pkt *into(struct end e[DEPTH][2], unsigned n, struct gust_pkt *p)
{
	for (unsigned i = 0; i < n; i++) {
		p = encap(&e[i][0], p);
		assert_non_null(p);
	}
	return p;
}

static struct gust_pkt *out_of(struct end e[DEPTH][2], unsigned n,
			       struct gust_pkt *p)
{
	while (n--)
		p = decap(&e[n][1], p);
	return p;
}

/* Single packets, complete or owed: over the wire and back, the same bytes. */
static void test_single(void **state)
{
	for (unsigned i = 0; i < NLEVELS * DEPTH * 16; i++) {
		unsigned n = i % DEPTH + 1, k = i / DEPTH % NLEVELS;
		unsigned bits = i / DEPTH / NLEVELS;
		struct tp t = { .v6 = bits & 1,
				.udp = bits & 2,
				.len = 100 + (bits & 1) };
		struct end e[DEPTH][2];
		struct gust_pkt *p;
		uint32_t len;

		open_levels(e, levels[k], n);
		p = wire_pkt(buf, tp_build(buf, &t), false);
		len = p->len;
		if (bits & 4)
			p->need = GUST_F_CSUM;
		else if (bits & 8)
			p->need = GUST_F_CSUM_OK;
		p = into(e, n, p);
		p = over_wire(p, false);
		assert_lengths(p);
		assert_true(p->len > len);
		p = out_of(e, n, p);
		tp_build(buf, &t);
		assert_map(p, buf, len, false);
		assert_pkt_bytes(p, buf, len);
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
		close_levels(e, n);
	}
	assert_true(plugin_counter("remcsum-sent") > 0);
	assert_int_equal(plugin_counter("remcsum-sent"),
			 plugin_counter("remcsum-done"));
}

/* Every IPv4 ID that the tunnels write, in order. */
static void assert_same_pkt(const struct gust_pkt *a, const struct gust_pkt *b)
{
	uint8_t *f = pkt_flat(b);

	assert_int_equal(a->nlayer, b->nlayer);
	assert_memory_equal(a->layer, b->layer, a->nlayer * sizeof(a->layer[0]));
	assert_pkt_bytes(a, f, b->len);
	free(f);
}

/* cut(encap(x)) == encap(each of cut(x)), byte for byte, checksums complete. */
static void one_super(const struct level *l, unsigned n, const struct tp *t,
		      uint16_t gso)
{
	struct gust_gso_req req = { .step = gso, .mtu = 65535, .csum = true };
	struct end a[DEPTH][2], b[DEPTH][2];
	struct gust_batch cut_last, cut_first;
	struct gust_pkt *p, *q;
	uint32_t off = 0;

	open_levels(a, l, n);
	open_levels(b, l, n);
	p = into(a, n, super(t, gso));
	assert_int_equal(p->gso_size, gso);
	assert_int_equal(p->gso_type, gso_of(t));
	assert_true(p->need & GUST_F_CSUM);
	assert_lengths(p);
	cut_last = cut_req(p, &req);
	cut_first = cut_req(super(t, gso), &req);
	assert_int_equal(cut_last.n, cut_first.n);
	while ((p = gust_batch_pop(&cut_last))) {
		uint32_t len = t->len - off < gso ? t->len - off : gso;
		struct tp w = piece_of(t, off, len, gso);

		q = into(b, n, gust_batch_pop(&cut_first));
		assert_same_pkt(p, q);
		pkt_free(q);
		assert_sums(p);
		/* and it comes out at the other end */
		p = out_of(a, n, over_wire(p, false));
		assert_pkt_bytes(p, buf, tp_build(buf, &w));
		pkt_free(p);
		off += len;
	}
	assert_int_equal(off, t->len);
	close_levels(a, n);
	close_levels(b, n);
}

static void test_super(void **state)
{
	for (unsigned i = 0; i < NLEVELS * DEPTH * 4; i++) {
		unsigned bits = i / DEPTH / NLEVELS;
		struct tp t = { .v6 = bits & 1,
				.udp = bits & 2,
				.len = 9999,
				.flags = 0x18,
				.id = 7 };

		one_super(levels[i / DEPTH % NLEVELS], i % DEPTH + 1, &t, 1200);
	}
	/* no segment of a superpacket has the option */
	assert_int_equal(plugin_counter("remcsum-sent"), 0);
}

/* BIG TCP passes whole; what comes of it is the same as of a smaller one. */
static void test_big(void **state)
{
	struct tp t = { .len = 180000, .flags = 0x18 };

	for (unsigned k = 0; k < NLEVELS; k++) {
		one_super(levels[k], DEPTH, &t, 1300);
		t.v6 = !t.v6;
	}
}

/* Both ends in one daemon: a superpacket comes out as it went in. */
static void test_whole_back(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		struct tp t = { .v6 = i & 1, .len = i & 2 ? 180000 : 30000 };
		struct end e[2];
		struct gust_pkt *p;

		if (i & 4 && !(i & 2))
			t.udp = true;
		ends_open(e, i & 8 ? "fou" : "gue", i & 4,
			  i & 2 ? 0 : GUST_TUN_CSUM);
		p = decap(&e[1], encap(&e[0], super(&t, 1300)));
		assert_int_equal(p->gso_size, 1300);
		assert_int_equal(p->gso_type, gso_of(&t));
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_pkt_bytes(p, buf, tp_build(buf, &t));
		pkt_free(p);
		ends_close(e);
	}
}

/* Cut in two steps: smaller superpackets first. */
static void test_split(void **state)
{
	struct tp t = { .len = 30000 };
	struct gust_batch first, second;
	struct end e[DEPTH][2];
	struct gust_pkt *p;
	uint32_t off = 0;

	open_levels(e, levels[1], DEPTH);
	first = cut(into(e, DEPTH, super(&t, 1000)), 7000);
	assert_int_equal(first.n, 5);
	while ((p = gust_batch_pop(&first))) {
		second = cut(p, 1000);
		while ((p = gust_batch_pop(&second))) {
			struct tp w = piece_of(&t, off, 1000, 1000);

			p = out_of(e, DEPTH, over_wire(p, false));
			assert_pkt_bytes(p, buf, tp_build(buf, &w));
			pkt_free(p);
			off += 1000;
		}
	}
	assert_int_equal(off, 30000);
	close_levels(e, DEPTH);
}

/* Remote checksum offload leaves the payload unread: what is owed afterwards is the
 * outer checksum, and the inner field holds the pseudo header's sum. */
static void test_remcsum_owed(void **state)
{
	for (unsigned bits = 0; bits < 8; bits++) {
		bool v6 = bits & 1, udp = bits & 2, o6 = bits & 4;
		struct tp t = { .v6 = v6, .udp = udp, .len = 77 };
		uint32_t n3 = o6 ? 40 : 20, i3 = v6 ? 40 : 20;
		uint8_t proto = udp ? 17 : 6, *h;
		struct gust_pkt *p;
		struct end e[2];
		uint32_t len, l4len, sum;

		ends_open(e, "gue", o6, GUST_TUN_CSUM | GUST_TUN_REMCSUM);
		p = wire_pkt(buf, tp_build(buf, &t), false);
		len = p->len;
		l4len = len - i3;
		p->need = GUST_F_CSUM;
		p = encap(&e[0], p);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(p->nlayer, 3);
		assert_int_equal(pkt_l4(p)->off, n3);
		h = p->head + n3 + 8;
		assert_memory_equal(h, "\2", 1);
		assert_int_equal(h[1], v6 ? 41 : 4);
		assert_memory_equal(h + 2, "\0\1\x80\0\0\0", 6);
		assert_int_equal(r16(h + 8), i3);
		assert_int_equal(r16(h + 10), i3 + (udp ? 6 : 16));
		sum = naive_sum(0, h + 12 + (v6 ? 8 : 12), v6 ? 32 : 8);
		sum = naive_sum(sum, (uint8_t[]){ l4len >> 8, l4len, 0, proto }, 4);
		assert_int_equal(r16(h + 12 + r16(h + 10)), sum);
		p = decap(&e[1], over_wire(p, false));
		tp_build(buf, &t);
		assert_pkt_bytes(p, buf, len);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		pkt_free(p);
		ends_close(e);
	}
	assert_int_equal(plugin_counter("remcsum-sent"), 8);
}

/* Nobody is asked to complete what is complete, or what has no Internet checksum. */
static void test_remcsum_not(void **state)
{
	struct tp t = { .len = 77 };
	struct gust_pkt *p;
	struct end e[2];

	ends_open(e, "gue", false, GUST_TUN_CSUM | GUST_TUN_REMCSUM);
	p = encap(&e[0], wire_pkt(buf, tp_build(buf, &t), false));
	assert_memory_equal(p->head + 28, "\0\4\0\0", 4);
	pkt_free(p);
	tp_build(buf, &t);
	w16(buf + 6, 0x2000); /* a fragment */
	fix_ip4(buf);
	p = encap(&e[0], wire_pkt(buf, 117, false));
	assert_memory_equal(p->head + 28, "\0\4\0\0", 4);
	p = decap(&e[1], over_wire(p, false)); /* the outer sum is right */
	assert_pkt_bytes(p, buf, 117);
	pkt_free(p);
	assert_int_equal(plugin_counter("remcsum-sent"), 0);
	ends_close(e);
}

/* The outer checksum covers SCTP's CRC, which therefore is made first. */
static void test_sctp(void **state)
{
	const struct golden *x = &golden_data4[0];
	struct gust_pkt *p = wire_pkt(x->bytes, x->len, false);
	struct end e[2];

	ends_open(e, "fou", true, GUST_TUN_CSUM);
	w32(p->head + p->hlen - 4, 0x5a5a5a5a);
	p->need = GUST_F_CSUM;
	p = decap(&e[1], over_wire(encap(&e[0], p), false));
	assert_pkt_bytes(p, (const uint8_t *)x->bytes, x->len);
	pkt_free(p);
	ends_close(e);
}

/* Without headroom or room in the map: dropped by name, nothing lost. */
static void test_too_deep(void **state)
{
	struct tp t = { .len = 10 };
	struct gust_pkt *p = wire_pkt(buf, tp_build(buf, &t), false);
	uint64_t before = g.drops.n[DROP_TUNNEL_DEPTH];
	struct end e[2];
	unsigned n = 0;

	ends_open(e, "gue", false, GUST_TUN_CSUM);
	while (p && n < 20) {
		p = encap(&e[0], p);
		n++;
	}
	assert_in_range(n, 5, 19);
	assert_null(p);
	assert_int_equal(g.drops.n[DROP_TUNNEL_DEPTH], before + 1);
	ends_close(e);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, gue_setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_single),      T(test_super), T(test_big),
		T(test_whole_back),  T(test_split), T(test_remcsum_owed),
		T(test_remcsum_not), T(test_sctp),  T(test_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
