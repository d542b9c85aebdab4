/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sctp.c - the sctp plugin: what merges, what does not, and that cutting gives
 * every byte back
 */
#include "sctp_train.h"

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_golden),     T(test_crc_owed),    T(test_crc_owed_before),
		T(test_link_layer), T(test_ids),         T(test_extension_headers),
		T(test_control),    T(test_differences), T(test_other_station),
		T(test_ip_header),  T(test_malformed),   T(test_bad_crc),
		T(test_not_single), T(test_limits),      T(test_interleaved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
