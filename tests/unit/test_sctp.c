/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sctp.c - the sctp plugin: what merges, what does not, and that cutting gives
 * every byte back
 */
#include "offload/plan.h"
#include "pkt/dissect.h"
#include "pluglib.h"
#include "sctp_golden.h"
#include "sctplib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct plug g;
static const struct gust_gro_req gro_max = { .max4 = 65535, .max6 = 65535 };
static const struct gust_gso_req gso_one = { .step = 1, .mtu = 1500, .csum = true };

static int setup(void **state)
{
	static const char *const names[] = { "sctp", NULL };

	plug_open(&g, names);
	return 0;
}

static int teardown(void **state)
{
	plug_close(&g);
	return 0;
}

/* ---- trains ---- */

#define TRAIN_MAX 128

struct train {
	struct gust_batch b;
	unsigned n;
	uint8_t *bytes[TRAIN_MAX];
	uint32_t len[TRAIN_MAX];
};

static void add_bytes(struct train *t, const uint8_t *b, uint32_t n)
{
	struct gust_pkt *p = pkt_of(g.pool, b, n);

	assert_true(t->n < TRAIN_MAX);
	if (!t->n)
		gust_batch_init(&t->b);
	assert_int_equal(pkt_dissect(p, b[0] == 2 ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	gust_batch_push(&t->b, p);
	t->bytes[t->n] = malloc(n);
	memcpy(t->bytes[t->n], b, n);
	t->len[t->n++] = n;
}

static void add(struct train *t, const struct sp *sp)
{
	static uint8_t b[70000];

	add_bytes(t, b, sp_build(b, sp));
}

static void add_golden(struct train *t, const struct golden *gold, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add_bytes(t, (const uint8_t *)gold[i].bytes, gold[i].len);
}

static void forget(struct train *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free(t->bytes[i]);
	t->n = 0;
}

/* A superpacket by fragments that says the truth about itself. */
static void assert_super(struct gust_pkt *p, unsigned segs)
{
	const struct gust_layer *l3 = pkt_l3(p);
	uint32_t len = p->len - l3->off;

	assert_int_equal(p->gso_type, GUST_GSO_SCTP);
	assert_int_equal(p->gso_size, GUST_GSO_BY_FRAGS);
	assert_int_equal(p->nfrag, segs);
	assert_int_equal(pkt_segs(p), segs);
	assert_int_equal(p->need, GUST_F_CSUM);
	if (l3->kind == GUST_L_IPV4) {
		assert_int_equal(r16(p->head + l3->off + 2), len);
		assert_int_equal(naive_sum(0, p->head + l3->off, 20), 0xffff);
	} else {
		assert_int_equal(r16(p->head + l3->off + 4), len - 40);
	}
}

/* Merge; `want` lists the segments of each packet that is to come out. */
static void merge(struct train *t, const struct gust_gro_req *req,
		  const unsigned *want)
{
	struct gust_pkt *p;

	engine_gro(g.eng, &t->b, req);
	for (p = t->b.first; p && *want; p = p->next, want++) {
		if (*want > 1)
			assert_super(p, *want);
		else
			assert_int_equal(p->gso_size, 0);
	}
	assert_null(p);
	assert_int_equal(*want, 0);
}

#define WANT(...) ((const unsigned[]){ __VA_ARGS__, 0 })

/* Cut what is a superpacket, keep the order. */
static void cut(struct gust_batch *b, const struct gust_gso_req *req)
{
	struct gust_batch out;
	struct gust_pkt *p;

	gust_batch_init(&out);
	while ((p = gust_batch_pop(b))) {
		struct gust_batch one;

		if (!p->gso_size) {
			gust_batch_push(&out, p);
			continue;
		}
		gust_batch_init(&one);
		gust_batch_push(&one, p);
		assert_int_equal(engine_gso(g.eng, &one, req, &out), 0);
	}
	*b = out;
}

/* The packets as they were, byte for byte, in this order; `t` is done with. */
static void assert_restored(struct train *t)
{
	struct gust_pkt *p;

	assert_int_equal(t->b.n, t->n);
	for (unsigned i = 0; i < t->n; i++) {
		p = gust_batch_pop(&t->b);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(p->need & GUST_F_CSUM, 0);
		assert_pkt_bytes(p, t->bytes[i], t->len[i]);
		pkt_free(p);
	}
	forget(t);
}

static void discard(struct train *t)
{
	pkt_batch_free(&t->b);
	forget(t);
}

/* There and back. */
static void round_trip(struct train *t, const unsigned *want)
{
	merge(t, &gro_max, want);
	cut(&t->b, &gso_one);
	assert_restored(t);
}

/* ---- what merges ---- */

static void test_golden(void **state)
{
	static const struct {
		const struct golden *train;
		unsigned n;
		bool fixed;
	} c[] = {
		{ golden_data4, NELEMS(golden_data4), false },
		{ golden_data6, NELEMS(golden_data6), false },
		{ golden_mixed4, NELEMS(golden_mixed4), true },
		{ golden_idata6, NELEMS(golden_idata6), false },
	};
	struct engine_stats st[1];
	unsigned merged = 0;

	for (unsigned i = 0; i < NELEMS(c); i++) {
		struct train t = { 0 };

		add_golden(&t, c[i].train, c[i].n);
		merge(&t, &gro_max, WANT(c[i].n));
		assert_int_equal(pkt_l3(t.b.first)->flags,
				 c[i].fixed ? GUST_LF_FIXEDID : 0);
		for (unsigned k = 0; k < c[i].n; k++) /* one fragment a segment */
			assert_int_equal(t.b.first->frag[k].len,
					 t.len[k] - t.b.first->hlen);
		cut(&t.b, &gso_one);
		assert_restored(&t);
		merged += c[i].n - 1;
	}
	assert_int_equal(engine_stats(g.eng, st, 1), 1);
	assert_string_equal(st->name, "sctp");
	assert_int_equal(st->counter[0], merged);
	assert_int_equal(st->faults, 0);
}

/* A port that computes the CRC gets it owed. */
static void test_crc_owed(void **state)
{
	struct gust_gso_req req = gso_one;
	struct train t = { 0 };

	req.csum = false;
	add_golden(&t, golden_data6, 4);
	merge(&t, &gro_max, WANT(4));
	cut(&t.b, &req);
	for (struct gust_pkt *p = t.b.first; p; p = p->next) {
		assert_int_equal(p->need, GUST_F_CSUM);
		memset(p->head + 48, 0xee, 4); /* its content means nothing */
		pkt_csum_complete(p);
	}
	assert_restored(&t);
}

/* Owed on the way in: merged without being read, complete on the way out. */
static void test_crc_owed_before(void **state)
{
	struct train t = { 0 };

	add_golden(&t, golden_data4, 4);
	for (struct gust_pkt *p = t.b.first; p; p = p->next) {
		p->need = GUST_F_CSUM;
		memset(p->head + 28, 0, 4);
	}
	round_trip(&t, WANT(4));
}

static void test_link_layer(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct train t = { 0 };

		for (unsigned k = 0; k < 3; k++)
			add(&t, &(struct sp){ .eth = true,
					      .vlan = i & 1,
					      .v6 = i & 2,
					      .id = k,
					      .tsn = k,
					      .data = 100 + k });
		round_trip(&t, WANT(3));
	}
}

/* IPv4 IDs: up by one with or without DF, around 65535, or all one with DF. */
static void test_ids(void **state)
{
	static const struct {
		bool no_df;
		uint16_t id[3];
		unsigned want[4];
	} c[] = {
		{ false, { 5, 6, 7 }, { 3 } },
		{ true, { 5, 6, 7 }, { 3 } },
		{ true, { 65534, 65535, 0 }, { 3 } },
		{ false, { 0, 0, 0 }, { 3 } },
		{ false, { 9, 9, 10 }, { 2, 1 } },
		{ false, { 9, 10, 10 }, { 2, 1 } },
		{ true, { 9, 9, 9 }, { 1, 1, 1 } },
		{ false, { 9, 11, 12 }, { 1, 2 } },
		{ false, { 9, 8, 7 }, { 1, 1, 1 } },
	};

	for (unsigned i = 0; i < NELEMS(c); i++) {
		struct train t = { 0 };

		for (unsigned k = 0; k < 3; k++)
			add(&t, &(struct sp){ .no_df = c[i].no_df,
					      .id = c[i].id[k],
					      .tsn = k,
					      .data = 50 });
		round_trip(&t, c[i].want);
	}
}

static void test_extension_headers(void **state)
{
	static const struct {
		uint8_t kind;
		unsigned want[4];
	} c[] = {
		{ 0, { 3 } }, /* none */
		{ 60, { 3 } }, /* destination options */
		{ 43, { 1, 1, 1 } }, /* routing */
		{ 44, { 1, 1, 1 } }, /* an atomic fragment */
	};

	for (unsigned i = 0; i < NELEMS(c); i++) {
		struct train t = { 0 };

		for (unsigned k = 0; k < 3; k++) {
			uint8_t b[300];
			struct sp sp = {
				.v6 = true, .ext = c[i].kind, .tsn = k, .data = 80
			};
			uint32_t n = sp_build(b, &sp);

			if (c[i].kind == 43 || c[i].kind == 44)
				memset(b + 41, 0, 7);
			add_bytes(&t, b, n);
		}
		round_trip(&t, c[i].want);
	}
}

/* ---- what ends a merge ---- */

static void test_control(void **state)
{
	static const struct {
		const struct golden *ctl;
		bool v6;
	} c[] = {
		{ golden_init4, false },
		{ golden_sack4, false },
		{ golden_bundle4, false },
		{ golden_cookie6, true },
	};

	for (unsigned i = 0; i < NELEMS(c); i++) {
		const struct golden *d = c[i].v6 ? golden_data6 : golden_data4;
		struct train t = { 0 };

		add_golden(&t, d, 2);
		add_golden(&t, c[i].ctl, 1);
		add_golden(&t, d + 2, 2);
		round_trip(&t, WANT(2, 1, 2));
	}
}

/* One field of the second packet is another. */
static void test_differences(void **state)
{
	static const struct sp base = { .id = 1, .tsn = 1, .data = 60 };
	struct sp other[10];
	unsigned n = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		for (n = 0; n < NELEMS(other); n++) {
			other[n] = base;
			other[n].v6 = v6;
			other[n].id++;
		}
		n = 0;
		other[n++].tos = 2;
		other[n++].ttl = 63;
		other[n++].sport = 1;
		other[n++].tag = 77;
		other[n++].host = 9;
		other[n++].bad_crc = true;
		if (v6) {
			other[n++].flow = 5;
			other[n++].ext = 60;
		} else {
			other[n++].no_df = true;
			other[n++].id += 5;
		}
		for (unsigned i = 0; i < n; i++) {
			struct train t = { 0 };
			struct sp first = base;

			first.v6 = v6;
			add(&t, &first);
			add(&t, &other[i]);
			round_trip(&t, WANT(1, 1));
			add(&t, &first);
			other[i] = first;
			other[i].id++;
			add(&t, &other[i]); /* and without it they do merge */
			round_trip(&t, WANT(2));
		}
	}
}

static void test_other_station(void **state)
{
	struct train t = { 0 };
	uint8_t b[300];
	struct sp sp = { .eth = true, .data = 40, .id = 1 };
	uint32_t n = sp_build(b, &sp);

	add_bytes(&t, b, n);
	sp.id++;
	n = sp_build(b, &sp);
	b[11] ^= 1;
	add_bytes(&t, b, n);
	round_trip(&t, WANT(1, 1));
}

/* Two headers that verify and are not what we would write. */
static void test_ip_header(void **state)
{
	struct train t = { 0 };
	uint8_t b[300];
	struct sp sp = { .data = 40, .no_df = true };
	uint32_t n, id;

	add_golden(&t, golden_options4, 2);
	round_trip(&t, WANT(1, 1));

	/* an ID for which the header checksum is zero: all ones verifies, too */
	for (id = 0; id < 65536; id++) {
		sp.id = id;
		n = sp_build(b, &sp);
		if (!r16(b + 10))
			break;
	}
	assert_true(id < 65536);
	sp.id = id - 1;
	add(&t, &sp);
	sp.id = id;
	add(&t, &sp);
	round_trip(&t, WANT(2));
	sp.id = id - 1;
	add(&t, &sp);
	w16(b + 10, 0xffff);
	add_bytes(&t, b, n);
	round_trip(&t, WANT(1, 1));
}

static void test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t n;
		bool control; /* well formed, just not data */
	} c[] = {
		{ "", 0 },
		{ "\0\3\0", 3 },
		{ "\0\3\0\x11", 4 },
		{ "\0\3\0\0"
		  "1234"
		  "1234"
		  "1234"
		  "5678",
		  20 }, /* length 0 */
		{ "\0\3\0\x10"
		  "1234"
		  "1234"
		  "1234",
		  16 }, /* no user data */
		{ "\0\3\0\x11"
		  "1234"
		  "1234"
		  "1234"
		  "5",
		  17 }, /* padding is missing */
		{ "\0\3\0\x14"
		  "1234"
		  "1234"
		  "1234"
		  "5678"
		  "9",
		  21 }, /* a byte too many */
		{ "\0\3\0\x14"
		  "1234"
		  "1234"
		  "1234"
		  "5678"
		  "\0\3\0\x14",
		  24 }, /* the second beyond the end */
		{ "\0\3\0\x18"
		  "1234"
		  "1234"
		  "1234"
		  "5678",
		  20 },
		{ "\x40\3\0\x14"
		  "1234"
		  "1234"
		  "1234"
		  "5678",
		  20 }, /* I-DATA without user data */
		{ "\x0e\0\0\4", 4, true }, /* SHUTDOWN COMPLETE */
		{ "\x7f\0\0\4", 4, true }, /* nobody's */
	};
	struct engine_stats st[1];
	uint64_t malformed = 0;

	for (unsigned i = 0; i < NELEMS(c); i++) {
		struct train t = { 0 };
		struct sp sp = { .id = 1, .data = 30 };

		add(&t, &sp);
		sp = (struct sp){ .id = 2,
				  .chunks = (const uint8_t *)c[i].bytes,
				  .nchunks = c[i].n };
		add(&t, &sp);
		sp.id = 3;
		add(&t, &sp);
		malformed += c[i].control ? 0 : c[i].n ? 2 : 0;
		round_trip(&t, WANT(1, 1, 1));
		engine_stats(g.eng, st, 1);
		assert_int_equal(st->counter[1], malformed);
	}
}

static void test_bad_crc(void **state)
{
	struct gust_gro_req trust = gro_max;
	struct engine_stats st[1];
	struct train t = { 0 };

	for (unsigned i = 0; i < 3; i++)
		add(&t, &(struct sp){ .id = i, .data = 20, .bad_crc = i == 1 });
	round_trip(&t, WANT(1, 1, 1));
	engine_stats(g.eng, st, 1);
	assert_int_equal(st->counter[2], 1);
	trust.trust_csum = true;
	for (unsigned i = 0; i < 3; i++)
		add(&t, &(struct sp){ .id = i, .data = 20, .bad_crc = i == 1 });
	merge(&t, &trust, WANT(3));
	discard(&t);
}

/* What is no single packet of one piece is left alone. */
static void test_not_single(void **state)
{
	struct train t = { 0 };

	add_golden(&t, golden_data4, 2);
	merge(&t, &gro_max, WANT(2));
	add_golden(&t, golden_data4 + 2, 2); /* behind a superpacket */
	merge(&t, &gro_max, WANT(2, 2));
	cut(&t.b, &gso_one);
	assert_restored(&t);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
	struct gust_gro_req req = gro_max;
	struct train t = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t hlen = v6 ? 52 : 32, seg = 16 + 100;
		uint32_t *max = v6 ? &req.max6 : &req.max4;

		req = gro_max;
		req.max4 = req.max6 = 0;
		for (int over = 0; over < 2; over++) {
			*max = hlen + 3 * seg - over;
			for (unsigned i = 0; i < 6; i++)
				add(&t,
				    &(struct sp){ .v6 = v6, .id = i, .data = 100 });
			if (over)
				merge(&t, &req, WANT(2, 2, 2));
			else
				merge(&t, &req, WANT(3, 3));
			cut(&t.b, &gso_one);
			assert_restored(&t);
		}
	}
	req = gro_max;
	req.max_segs = 4;
	for (unsigned i = 0; i < 6; i++)
		add(&t, &(struct sp){ .id = i, .data = 100 });
	merge(&t, &req, WANT(4, 2));
	cut(&t.b, &gso_one);
	assert_restored(&t);
	/* never above 64 KB, whatever TCP may have */
	req = gro_max;
	req.max4 = 524280;
	for (unsigned i = 0; i < 50; i++)
		add(&t, &(struct sp){ .id = i, .data = 1448 });
	merge(&t, &req, WANT(44, 6));
	cut(&t.b, &gso_one);
	assert_restored(&t);
}

/* Sixteen associations, packet by packet in turn. */
static void test_interleaved(void **state)
{
	struct gust_pkt *p;
	struct train t = { 0 };
	unsigned segs = 0;

	for (unsigned k = 0; k < 3; k++)
		for (unsigned f = 0; f < 16; f++)
			add(&t, &(struct sp){ .sport = f,
					      .id = k,
					      .tsn = f * 100 + k,
					      .data = 64 });
	engine_gro(g.eng, &t.b, &gro_max);
	/* a few may share a slot */
	assert_true(t.b.n >= 16 && t.b.n <= 32);
	cut(&t.b, &gso_one);
	/* all there, and in order within each association */
	for (unsigned f = 0; f < 16; f++) {
		unsigned k = 0;

		for (p = t.b.first; p; p = p->next) {
			if (r16(p->head + 20) != 40000 + f)
				continue;
			assert_pkt_bytes(p, t.bytes[k * 16 + f], t.len[k * 16 + f]);
			k++;
			segs++;
		}
		assert_int_equal(k, 3);
	}
	assert_int_equal(segs, t.b.n);
	discard(&t);
}

/* ---- cutting ---- */

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
		T(test_golden),      T(test_crc_owed),    T(test_crc_owed_before),
		T(test_link_layer),  T(test_ids),         T(test_extension_headers),
		T(test_control),     T(test_differences), T(test_other_station),
		T(test_ip_header),   T(test_malformed),   T(test_bad_crc),
		T(test_not_single),  T(test_limits),      T(test_interleaved),
		T(test_cut_by_two),  T(test_cut_too_big), T(test_cut_lies),
		T(test_cut_refused), T(test_cut_limit),   T(test_plan),
		T(test_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
