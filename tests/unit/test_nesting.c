/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_nesting.c - IP and GRE tunnels in each other, four deep; superpackets whole
 *
 * Every chain of the variants below. Where a frame is asked for and there is an IP
 * packet, an Ethernet header is put in front, as a bridge would.
 */
#include "offload/plan.h"
#include "wraplib.h"

#define DEPTH 4

static const struct level variants[] = {
	{ .kind = "ipip" },
	{ .kind = "sit" },
	{ .kind = "ip4ip6", .v6 = true },
	{ .kind = "ip6ip6", .v6 = true },
	{ .kind = "gre", .flags = GUST_TUN_CSUM | GUST_TUN_KEY, .id = 1 },
	{ .kind = "gre", .v6 = true, .flags = GUST_TUN_SEQ },
	{ .kind = "gretap", .flags = GUST_TUN_CSUM | GUST_TUN_SEQ },
	{ .kind = "gretap", .v6 = true, .flags = GUST_TUN_KEY, .id = 2 },
};

#define VARIANTS (sizeof(variants) / sizeof(*variants))

static const uint8_t mac[14] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8 };

/* A tunnel at each place in a chain, both its ends, and what it has counted. */
static struct place {
	void *near, *far;
	uint32_t n;
} place[VARIANTS][DEPTH];

/* One chain, innermost level first. */
struct chain {
	unsigned n;
	unsigned v[DEPTH];
	struct fields f[DEPTH];
};

static void open_places(void)
{
	for (unsigned v = 0; v < VARIANTS; v++)
		for (unsigned k = 0; k < DEPTH; k++)
			place[v][k] =
				(struct place){ open_level(&variants[v], k, false),
						open_level(&variants[v], k, true),
						0 };
}

static void close_places(void)
{
	for (unsigned v = 0; v < VARIANTS; v++)
		for (unsigned k = 0; k < DEPTH; k++) {
			close_level(&variants[v], place[v][k].near);
			close_level(&variants[v], place[v][k].far);
		}
}

/* Can this level carry what there is? 4, 6: IP; 'e': a frame. */
static bool fits(const struct level *l, char what)
{
	if (is_l2(l))
		return true;
	if (is_gre(l))
		return what != 'e';
	return what ==
	       (!strcmp(l->kind, "sit") || !strcmp(l->kind, "ip6ip6") ? 6 : 4);
}

/* Chain number `i` of this depth for what there is; false: it does not fit. */
static bool nth_chain(struct chain *c, unsigned i, unsigned depth, char what)
{
	*c = (struct chain){ .n = depth };
	for (unsigned k = 0; k < depth; k++, i /= VARIANTS) {
		c->v[k] = i % VARIANTS;
		if (!fits(&variants[c->v[k]], what))
			return false;
		what = variants[c->v[k]].v6 ? 6 : 4;
	}
	return true;
}

static struct gust_pkt *push_mac(struct gust_pkt *p)
{
	static const struct gust_layer l = { GUST_L_ETH, 0, 0 };
	uint8_t h[14];

	memcpy(h, mac, 14);
	w16(h + 12, p->head[0] >> 4 == 4 ? 0x0800 : 0x86dd);
	assert_int_equal(engine_host.push(p, h, 14, &l, 1), 0);
	return p;
}

static bool is_frame(const struct gust_pkt *p)
{
	return p->layer[0].kind == GUST_L_ETH;
}

/* All levels around it; what each one wrote is noted. */
static struct gust_pkt *chain_encap(struct chain *c, struct gust_pkt *p,
				    uint32_t segs)
{
	for (unsigned k = 0; k < c->n; k++) {
		const struct level *l = &variants[c->v[k]];
		struct place *at = &place[c->v[k]][k];

		if (is_l2(l) && !is_frame(p))
			push_mac(p);
		p = encap1(l, at->near, p);
		assert_non_null(p);
		c->f[k] = (struct fields){ .id = 1 + at->n,
					   .seq = at->n,
					   .label = label_of(p) };
		at->n += segs;
	}
	return p;
}

/* The same for bytes, of the segment number `i`. */
static uint32_t chain_wrap(const struct chain *c, uint8_t *b, uint32_t n, bool eth,
			   uint32_t i)
{
	for (unsigned k = 0; k < c->n; k++) {
		const struct level *l = &variants[c->v[k]];
		struct fields f = c->f[k];

		if (is_l2(l) && !eth) {
			memmove(b + 14, b, n);
			memcpy(b, mac, 14);
			w16(b + 12, b[14] >> 4 == 4 ? 0x0800 : 0x86dd);
			n += 14;
			eth = true;
		}
		f.id += i;
		f.seq += i;
		n = wrap(b, n, eth, l, k, &f);
		eth = false;
	}
	return n;
}

/* All levels off again. */
static struct gust_pkt *chain_decap(const struct chain *c, struct gust_pkt *p,
				    bool eth)
{
	for (unsigned k = c->n; k--;) {
		const struct level *l = &variants[c->v[k]];
		struct gust_pkt *rest;

		p = decap1(l, place[c->v[k]][k].far, p, &rest);
		assert_null(rest);
		assert_non_null(p);
		/* the header that the test put in front */
		if (is_l2(l) && (k || !eth))
			assert_int_equal(
				engine_host.strip(NULL, p, 14, GUST_L_NONE), 0);
	}
	return p;
}

/* ---- golden packets ---- */

static void golden_in(const struct golden *w)
{
	struct gust_pkt *p = pkt_bytes(w->inner, w->inner_len, w->eth), *rest;

	for (unsigned k = 0; k < w->n; k++) {
		void *t = open_level(&w->level[k], k, false);

		p = encap1(&w->level[k], t, p);
		assert_non_null(p);
		if (label_of(p)) {
			p->head[1] &= 0xf0;
			w16(p->head + 2, 0);
		}
		close_level(&w->level[k], t);
	}
	assert_pkt_bytes(p, w->outer, w->outer_len);
	pkt_free(p);
	p = pkt_bytes(w->outer, w->outer_len, false);
	for (unsigned k = w->n; k--;) {
		void *t = open_level(&w->level[k], k, true);

		p = decap1(&w->level[k], t, p, &rest);
		assert_null(rest);
		assert_non_null(p);
		close_level(&w->level[k], t);
	}
	assert_pkt_bytes(p, w->inner, w->inner_len);
	assert_map(p, w->inner, w->inner_len, w->eth);
	pkt_free(p);
}

#include "tunnel_golden.h"

static void test_golden(void **state)
{
	for (unsigned i = 0; i < sizeof(goldens) / sizeof(*goldens); i++)
		golden_in(&goldens[i]);
}

/* And what the other tests go by makes the same bytes. */
static void test_wrap(void **state)
{
	for (unsigned i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		const struct golden *w = &goldens[i];
		struct fields f = { .id = 1 };
		uint32_t n = w->inner_len;

		memcpy(buf, w->inner, n);
		for (unsigned k = 0; k < w->n; k++)
			n = wrap(buf, n, w->eth && !k, &w->level[k], k, &f);
		assert_int_equal(n, w->outer_len);
		assert_memory_equal(buf, w->outer, n);
	}
}

/* ---- single packets ---- */

static void chain_single(struct chain *c, const struct tp *t)
{
	uint8_t in[300];
	uint32_t n = tp_build(in, t), m;
	struct gust_pkt *p = chain_encap(c, pkt_bytes(in, n, t->eth), 1);

	memcpy(buf, in, n);
	m = chain_wrap(c, buf, n, t->eth, 0);
	assert_pkt_bytes(p, buf, m);
	/* from the wire, with nothing known but the outer header */
	pkt_free(p);
	p = chain_decap(c, pkt_bytes(buf, m, false), t->eth);
	assert_pkt_bytes(p, in, n);
	assert_map(p, in, n, t->eth);
	pkt_free(p);
}

static void test_chains(void **state)
{
	static const struct tp tp[] = {
		{ .len = 31 },
		{ .v6 = true, .udp = true, .len = 60 },
		{ .eth = true, .udp = true, .len = 3 },
	};
	static const char what[] = { 4, 6, 'e' };
	unsigned tried = 0, total = 1;

	open_places();
	for (unsigned depth = 1; depth <= DEPTH; depth++) {
		total *= VARIANTS;
		for (unsigned i = 0; i < 3 * total; i++) {
			struct chain c;

			if (!nth_chain(&c, i / 3, depth, what[i % 3]))
				continue;
			chain_single(&c, &tp[i % 3]);
			tried++;
		}
	}
	assert_int_equal(tried, 3626);
	close_places();
}

/* ---- superpackets ---- */

/* Cut what is wrapped, and compare with each segment wrapped. */
static void cut_wrapped(const struct chain *c, struct gust_pkt *p,
			const struct tp *t, uint16_t gso, uint32_t step)
{
	struct gust_gso_req req = { .step = step, .mtu = 65535, .csum = true };
	struct gust_batch out = cut_req(p, &req), one = batch_of(NULL);
	uint32_t off = 0;

	if (step > gso) { /* and again */
		req.step = gso;
		while ((p = gust_batch_pop(&out))) {
			struct gust_batch more = batch_of(NULL);

			if (p->gso_size)
				more = cut_req(p, &req);
			else
				gust_batch_push(&more, p);
			gust_batch_splice(&one, &more);
		}
		out = one;
	}
	assert_int_equal(out.n, (t->len + gso - 1) / gso);
	while ((p = gust_batch_pop(&out))) {
		uint32_t n = t->len - off < gso ? t->len - off : gso, m;
		struct tp w = piece_of(t, off, n, gso);

		m = chain_wrap(c, buf, tp_build(buf, &w), t->eth, off / gso);
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		assert_pkt_bytes(p, buf, m);
		assert_sums(p);
		off += n;
		p = chain_decap(c, p, t->eth);
		m = tp_build(buf, &w);
		assert_pkt_bytes(p, buf, m);
		pkt_free(p);
	}
}

static struct gust_pkt *whole(struct chain *c, const struct tp *t, uint16_t gso)
{
	struct gust_pkt *p = super(t, gso);
	uint32_t len = p->len, nfrag = p->nfrag;
	const uint8_t *at = p->frag[0].p;

	p = chain_encap(c, p, (t->len + gso - 1) / gso);
	/* as it was, and where it was */
	assert_int_equal(p->gso_size, gso);
	assert_int_equal(p->gso_type, gso_of(t));
	assert_int_equal(p->need, GUST_F_CSUM);
	assert_int_equal(p->nfrag, nfrag);
	assert_ptr_equal(p->frag[0].p, at);
	assert_true(p->len >= len + 20 * c->n);
	assert_lengths(p);
	return p;
}

static void test_super_chains(void **state)
{
	static const struct tp tp[] = {
		{ .len = 350, .flags = 0x18, .id = 65533 },
		{ .v6 = true, .udp = true, .len = 301 },
		{ .eth = true, .v6 = true, .len = 299 },
	};
	static const char what[] = { 4, 6, 'e' };
	unsigned total = 1;

	open_places();
	for (unsigned depth = 1; depth <= DEPTH; depth++) {
		total *= VARIANTS;
		for (unsigned i = 0; i < 3 * total; i++) {
			const struct tp *t = &tp[i % 3];
			struct chain c;

			/* every chain of three, a part of those of four */
			if (!nth_chain(&c, i / 3, depth, what[i % 3]) ||
			    (depth == 4 && i % 7))
				continue;
			cut_wrapped(&c, whole(&c, t, 100), t, 100,
				    i & 1 ? 100 : 200);
		}
	}
	close_places();
}

/* Above 64 KB, four deep. */
static void test_big(void **state)
{
	struct chain c = { .n = 4, .v = { 0, 6, 5, 4 } };
	struct tp t = { .len = 200000, .id = 9 };
	struct gust_pkt *p;

	open_places();
	p = whole(&c, &t, 1448);
	assert_true(p->len > 200000);
	cut_wrapped(&c, p, &t, 1448, 1448 * 40);
	close_places();
}

/* One that comes whole (from a port that takes it so) is taken off whole. */
static void test_big_back(void **state)
{
	struct tp t = { .len = 200000, .id = 9 };

	open_places();
	for (unsigned v = 0; v < VARIANTS; v++) {
		struct chain c = { .n = 1, .v = { v } };
		struct gust_pkt *p;

		t.eth = is_l2(&variants[v]);
		t.v6 = v == 1 || v == 3;
		p = chain_decap(&c, whole(&c, &t, 1448), t.eth);
		assert_int_equal(p->gso_size, 1448);
		assert_int_equal(p->gso_type, gso_of(&t));
		assert_int_equal(p->need, GUST_F_CSUM);
		pkt_csum_complete(p);
		assert_pkt_bytes(p, buf, tp_build(buf, &t));
		pkt_free(p);
	}
	close_places();
}

/* The end that takes off a superpacket knows how many numbers it had. */
static void test_super_sequence(void **state)
{
	struct chain c = { .n = 1, .v = { 5 } };
	struct tp t = { .len = 1000 };
	uint64_t gaps;

	open_places();
	gaps = counter("gre", "seq-gap");
	for (unsigned i = 0; i < 5; i++) {
		struct gust_pkt *p = whole(&c, &t, 100), *q, *rest;

		q = pkt_clone(g.pool, p);
		pkt_free(chain_decap(&c, p, false));
		q = decap1(&variants[5], place[5][0].far, q, &rest);
		assert_null(q); /* a second time */
	}
	assert_int_equal(counter("gre", "seq-gap"), gaps);
	assert_int_equal(g.drops.n[DROP_TUNNEL_SEQ], 5);
	close_places();
}

/* A port that repeats headers (GSO_PARTIAL) cannot count sequence numbers: it is given
 * single packets then, and superpackets otherwise. */
static void test_partial(void **state)
{
	static const unsigned v[] = { 0, 4, 5, 6 };
	struct port_caps caps = { .feats = FEAT_BIT(FEAT_TX_CSUM) |
					   FEAT_BIT(FEAT_TSO4) |
					   FEAT_BIT(FEAT_GSO_PARTIAL),
				  .mtu = 1500,
				  .gso_max4 = 65535 };

	open_places();
	for (unsigned i = 0; i < 4; i++) {
		bool seq = variants[v[i]].flags & GUST_TUN_SEQ;
		struct chain c = { .n = 1, .v = { v[i] } };
		struct tp t = { .len = 10000, .eth = is_l2(&variants[v[i]]) };
		struct gust_batch in, out = batch_of(NULL);
		struct plan_stats st = { 0 };

		in = batch_of(whole(&c, &t, 1000));
		plan_fit(g.eng, &in, &caps, &out, &st);
		assert_int_equal(out.n, seq ? 10 : 1);
		assert_int_equal(out.first->need & GUST_F_PARTIAL,
				 seq ? 0 : GUST_F_PARTIAL);
		pkt_batch_free(&out);
	}
	close_places();
}

/* UFO: fragments inside, each in a packet of its own. */
static void test_ufo(void **state)
{
	struct chain c = { .n = 1, .v = { 6 } };
	struct tp t = { .udp = true, .eth = true, .len = 3000, .id = 5 };
	struct gust_gso_req req = { .step = 1480, .mtu = 1550 };
	struct gust_batch out;
	struct gust_pkt *p;
	uint32_t n = 0;

	open_places();
	p = super(&t, 1480);
	p->gso_type = GUST_GSO_UFO;
	p->head[14 + 6] = 0; /* DF would forbid */
	fix_ip4(p->head + 14);
	out = cut_req(chain_encap(&c, p, 3), &req);
	assert_int_equal(out.n, 3);
	while ((p = gust_batch_pop(&out))) {
		uint8_t *b = pkt_flat(p);

		assert_int_equal(r16(p->head + 4), c.f[0].id + n);
		assert_int_equal(r16(p->head + 20 + 10), c.f[0].seq + n);
		assert_int_equal(naive_sum(0, b + 20, p->len - 20), 0xffff);
		free(b);
		p = chain_decap(&c, p, true);
		assert_int_equal(r16(p->head + 14 + 6) & 0x1fff, 185 * n);
		pkt_free(p);
		n++;
	}
	close_places();
}

static int setup(void **state)
{
	return seg_begin(wrap_plugins);
}

static int teardown(void **state)
{
	assert_no_faults();
	return seg_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_golden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super_sequence, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_partial, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ufo, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
