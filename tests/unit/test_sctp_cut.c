/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sctp_cut.c - the sctp plugin: cutting, its refusals and limits, and
 * segment(merge(x)) == x over generated traffic
 */
#include "offload/plan.h"
#include "sctp_train.h"

static struct gust_pkt *merged(struct train *t, unsigned n)
{
	struct gust_pkt *p;

	add_golden(t, golden_data4, n);
	merge(t, &gro_max, WANT(n));
	p = gust_batch_pop(&t->b);
	forget(t);
	return p;
}

static unsigned cut_one(struct gust_pkt *p, const struct gust_gso_req *req,
			struct gust_batch *out)
{
	struct gust_batch one;

	gust_batch_init(&one);
	gust_batch_init(out);
	gust_batch_push(&one, p);
	return engine_gso(g.eng, &one, req, out);
}

/* Smaller superpackets. */
static void test_cut_by_two(void **state)
{
	struct gust_gso_req req = gso_one;
	struct train t = { 0 };

	req.step = 3;
	add_golden(&t, golden_data4, 4);
	merge(&t, &gro_max, WANT(4));
	cut(&t.b, &req);
	assert_int_equal(t.b.n, 2);
	assert_super(t.b.first, 3);
	assert_int_equal(t.b.last->gso_size, 0);
	cut(&t.b, &gso_one);
	assert_restored(&t);
}

static void test_cut_too_big(void **state)
{
	struct gust_gso_req req = gso_one;
	struct gust_batch out;
	struct train t = { 0 };

	req.mtu = golden_data4[0].len;
	assert_int_equal(cut_one(merged(&t, 4), &req, &out), 0);
	assert_int_equal(out.n, 4);
	pkt_batch_free(&out);
	req.mtu--;
	assert_int_equal(cut_one(merged(&t, 4), &req, &out), 1);
	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[DROP_TOO_BIG], 1);
}

static void test_cut_lies(void **state)
{
	struct gust_batch out;
	struct train t = { 0 };
	struct gust_pkt *p = merged(&t, 4);

	p->gso_size = 1000; /* SCTP is not cut by size */
	assert_int_equal(cut_one(p, &gso_one, &out), 1);
	p = merged(&t, 4);
	p->frag[1].p++; /* no longer whole chunks */
	p->frag[1].len--;
	p->len--;
	assert_int_equal(cut_one(p, &gso_one, &out), 1);
	p = merged(&t, 4);
	p->nlayer--; /* no transport in the map */
	assert_int_equal(cut_one(p, &gso_one, &out), 1);
	assert_int_equal(g.drops.n[DROP_BAD_GSO], 3);
	assert_int_equal(out.n, 0);
}

/* Not to be cut: whole if that fits, one packet of all chunks with its own CRC. */
static void test_cut_refused(void **state)
{
	struct gust_gso_req req = gso_one;
	struct gust_batch out;
	struct train t = { 0 };
	struct gust_pkt *p;

	for (int fits = 0; fits < 2; fits++) {
		for (unsigned k = 0; k < 2; k++)
			add(&t,
			    &(struct sp){
				    .v6 = true, .ext = 60, .tsn = k, .data = 500 });
		merge(&t, &gro_max, WANT(2));
		p = gust_batch_pop(&t.b);
		forget(&t);
		p->layer[1].kind = GUST_L_ROUTING;
		p->head[43] = fits ? 3 : 1; /* segments left */
		req.mtu = p->len - !fits;
		assert_int_equal(cut_one(p, &req, &out), fits ? 0 : 1);
		if (!fits)
			continue;
		p = gust_batch_pop(&out);
		assert_int_equal(p->gso_size, 0);
		p->need = 0;
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
	}
	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[DROP_GSO_REFUSED], 1);
}

/* The pool's limit in the middle: dropped by name, nothing lost or kept. */
static void test_cut_limit(void **state)
{
	struct gust_batch out, hog;
	struct train t = { 0 };
	struct gust_pkt *p = merged(&t, 4), *q;

	gust_batch_init(&hog);
	while ((q = pkt_new(g.pool)))
		gust_batch_push(&hog, q);
	pkt_free(gust_batch_pop(&hog));
	pkt_free(gust_batch_pop(&hog));
	assert_int_equal(cut_one(p, &gso_one, &out), 1);
	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[DROP_NO_PKT], 1);
	pkt_batch_free(&hog);
}

/* The planner: whole where the port takes SCTP, cut and complete where not. */
static void test_plan(void **state)
{
	struct port_caps caps = { .mtu = 1500,
				  .gso_max4 = 65535,
				  .gso_max6 = 65535,
				  .feats = FEAT_BIT(FEAT_TX_CSUM) };
	struct plan_stats st = { 0 };
	struct gust_batch out;
	struct train t = { 0 };

	gust_batch_init(&out);
	add_golden(&t, golden_data6, 4);
	merge(&t, &gro_max, WANT(4));
	plan_fit(g.eng, &t.b, &caps, &out, &st);
	t.b = out;
	assert_restored(&t);
	assert_int_equal(st.cut, 1);
	assert_int_equal(st.pieces, 4);

	gust_batch_init(&out);
	caps.feats |= FEAT_BIT(FEAT_SCTP) | FEAT_BIT(FEAT_SCTP_CSUM);
	add_golden(&t, golden_data6, 4);
	merge(&t, &gro_max, WANT(4));
	plan_fit(g.eng, &t.b, &caps, &out, &st);
	assert_int_equal(out.n, 1);
	assert_super(out.first, 4);
	pkt_batch_free(&out);
	forget(&t);
	for (unsigned f = FEAT_SCTP; f <= FEAT_SCTP_CSUM; f++)
		assert_true(registry_provides(g.reg) & GUST_FEAT_BIT(f));
}

/* segment(merge(x)) == x over generated traffic; order within an association. */
static void test_property(void **state)
{
	struct rng rng;
	unsigned merged = 0;

	rng_seed(&rng, 4711);
	for (unsigned round = 0; round < 300; round++) {
		unsigned n = 2 + rng_below(&rng, 40),
			 flows = 1 + rng_below(&rng, 4);
		unsigned flow[TRAIN_MAX], at[4] = { 0 };
		uint16_t id[4];
		struct train t = { 0 };
		struct gust_pkt *p;
		uint8_t ch[4000];

		for (unsigned f = 0; f < 4; f++)
			id[f] = rng_u32(&rng);
		for (unsigned k = 0; k < n; k++) {
			unsigned f = rng_below(&rng, flows);
			struct sp sp = { .sport = f,
					 .v6 = f & 1,
					 .eth = round & 1,
					 .id = id[f],
					 .tsn = k,
					 .no_df = f & 2,
					 .chunks = ch };

			for (unsigned c = 1 + rng_below(&rng, 3); c--;)
				sp.nchunks += data_chunk(ch + sp.nchunks, k * 4 + c,
							 1 + rng_below(&rng, 400));
			id[f] += rng_below(&rng, 10) ? 1 : rng_below(&rng, 3);
			if (!rng_below(&rng, 12))
				sp.tos = 3;
			if (!rng_below(&rng, 12))
				ch[0] = rng_below(&rng, 16);
			if (!rng_below(&rng, 12))
				ch[3]++;
			if (!rng_below(&rng, 20))
				sp.bad_crc = true;
			flow[k] = f;
			add(&t, &sp);
		}
		engine_gro(g.eng, &t.b, &gro_max);
		merged += n - t.b.n;
		cut(&t.b, &gso_one);
		assert_int_equal(t.b.n, n);
		for (p = t.b.first; p; p = p->next) {
			unsigned f = r16(p->head + pkt_l4(p)->off) - 40000;

			while (at[f] < n && flow[at[f]] != f)
				at[f]++;
			assert_true(at[f] < n);
			assert_pkt_bytes(p, t.bytes[at[f]], t.len[at[f]]);
			at[f]++;
		}
		discard(&t);
	}
	assert_true(merged > 2000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_cut_by_two),  T(test_cut_too_big), T(test_cut_lies),
		T(test_cut_refused), T(test_cut_limit),   T(test_plan),
		T(test_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
