/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard: exact cases of RFC 2018, 2883 and 6675, its limit, and a
 * comparison of every answer with a plain array of bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tcp/sack.h"
#include "tcp/seq.h"

#define MSS 1000

static uint32_t update(struct sack_board *b, uint32_t una, uint32_t nxt,
		       bool *dsack, unsigned n, const struct tcp_sack_block *s)
{
	struct tcp_opts o = { .present = TCP_OPT_SACK, .nsack = n };

	memcpy(o.sack, s, n * sizeof(*s));
	return sack_update(b, &o, una, nxt, dsack);
}

static uint32_t one(struct sack_board *b, uint32_t una, uint32_t nxt, uint32_t l,
		    uint32_t r)
{
	bool dsack;

	return update(b, una, nxt, &dsack, 1, &(struct tcp_sack_block){ l, r });
}

static void test_merge(void **state)
{
	struct sack_board b;

	sack_init(&b);
	assert_int_equal(one(&b, 0, 10000, 2000, 3000), 1000);
	assert_int_equal(one(&b, 0, 10000, 2000, 3000), 0);
	assert_int_equal(one(&b, 0, 10000, 5000, 6000), 1000);
	assert_int_equal(one(&b, 0, 10000, 8000, 9000), 1000);
	assert_int_equal(b.n, 3);
	/* touches both neighbours */
	assert_int_equal(one(&b, 0, 10000, 3000, 5000), 2000);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.r[0].l, 2000);
	assert_int_equal(b.r[0].r, 6000);
	/* swallows everything */
	assert_int_equal(one(&b, 0, 10000, 1000, 10000), 4000);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.bytes, 9000);
	assert_int_equal(sack_high(&b, 0), 10000);
	sack_free(&b);
	assert_null(b.r);
	assert_int_equal(sack_high(&b, 77), 77);
}

static void test_refused(void **state)
{
	struct sack_board b;

	sack_init(&b);
	assert_int_equal(one(&b, 1000, 5000, 3000, 2000), 0); /* reversed */
	assert_int_equal(one(&b, 1000, 5000, 2000, 2000), 0); /* empty */
	assert_int_equal(one(&b, 1000, 5000, 4000, 5001), 0); /* never sent */
	assert_int_equal(one(&b, 1000, 5000, 1000, 2000), 0); /* contradicts una */
	assert_int_equal(one(&b, 1000, 5000, 500, 2000), 0); /* straddles una */
	assert_int_equal(b.n, 0);
	assert_null(b.r);
	assert_int_equal(one(&b, 1000, 5000, 1001, 5000), 3999);
	sack_free(&b);
}

static void test_dsack(void **state)
{
	struct sack_board b;
	bool dsack;

	sack_init(&b);
	/* below the cumulative ACK */
	assert_int_equal(
		update(&b, 4000, 9000, &dsack, 2,
		       (struct tcp_sack_block[]){ { 3000, 4000 }, { 5000, 6000 } }),
		1000);
	assert_true(dsack);
	/* within the second block */
	assert_int_equal(
		update(&b, 4000, 9000, &dsack, 2,
		       (struct tcp_sack_block[]){ { 5000, 5500 }, { 5000, 7000 } }),
		1000);
	assert_true(dsack);
	/* an old block that is not the first is none */
	update(&b, 4000, 9000, &dsack, 2,
	       (struct tcp_sack_block[]){ { 5000, 7000 }, { 3000, 4000 } });
	assert_false(dsack);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.bytes, 2000);
	sack_free(&b);
}

static void test_advance(void **state)
{
	struct sack_board b;

	sack_init(&b);
	one(&b, 0, 10000, 2000, 3000);
	one(&b, 0, 10000, 4000, 5000);
	one(&b, 0, 10000, 6000, 7000);
	sack_advance(&b, 1000);
	assert_int_equal(b.bytes, 3000);
	sack_advance(&b, 4500); /* inside a range: the peer reneged in part */
	assert_int_equal(b.n, 2);
	assert_int_equal(b.r[0].l, 4500);
	assert_int_equal(b.bytes, 1500);
	sack_advance(&b, 5000);
	assert_int_equal(b.n, 1);
	sack_advance(&b, 7000);
	assert_int_equal(b.n, 0);
	assert_null(b.r);
	assert_int_equal(b.bytes, 0);
}

/* RFC 6675 IsLost: three ranges above, or more than two segments above. */
static void test_lost(void **state)
{
	struct sack_board b;

	sack_init(&b);
	assert_false(sack_is_lost(&b, 0, MSS));
	assert_int_equal(sack_lost_edge(&b, 0, MSS), 0);
	one(&b, 0, 100000, 1000, 3000);
	assert_false(sack_is_lost(&b, 0, MSS)); /* exactly two */
	one(&b, 0, 100000, 3000, 3001);
	assert_true(sack_is_lost(&b, 0, MSS));
	assert_false(sack_is_lost(&b, 3001, MSS));
	assert_int_equal(sack_lost_edge(&b, 0, MSS), 1000);
	one(&b, 0, 100000, 5000, 5001);
	one(&b, 0, 100000, 6000, 6001);
	assert_false(sack_is_lost(&b, 3001, MSS)); /* two tiny ranges */
	one(&b, 0, 100000, 7000, 7001);
	assert_true(sack_is_lost(&b, 3001, MSS));
	assert_true(sack_is_lost(&b, 4999, MSS));
	assert_false(sack_is_lost(&b, 5001, MSS));
	assert_int_equal(sack_lost_edge(&b, 0, MSS), 5000);
	sack_free(&b);
}

static void test_holes(void **state)
{
	struct sack_board b;
	uint32_t l = 1, r = 2;

	sack_init(&b);
	assert_false(sack_next_hole(&b, 0, 0, &l, &r));
	one(&b, 100, 9000, 2000, 3000);
	one(&b, 100, 9000, 4000, 5000);
	assert_true(sack_next_hole(&b, 0, 100, &l, &r));
	assert_int_equal(l, 100);
	assert_int_equal(r, 2000);
	assert_true(sack_next_hole(&b, 1500, 100, &l, &r));
	assert_int_equal(l, 1500);
	assert_true(sack_next_hole(&b, 2000, 100, &l, &r));
	assert_int_equal(l, 3000);
	assert_int_equal(r, 4000);
	assert_true(sack_next_hole(&b, 3999, 100, &l, &r));
	assert_int_equal(l, 3999);
	assert_false(sack_next_hole(&b, 4000, 100, &l, &r));
	assert_false(sack_next_hole(&b, 8000, 100, &l, &r));
	assert_int_equal(l, 3999); /* untouched */
	assert_int_equal(sack_bytes_in(&b, 2500, 4500), 1000);
	assert_int_equal(sack_bytes_in(&b, 3000, 4000), 0);
	assert_int_equal(sack_bytes_in(&b, 4500, 2500), 0);
	sack_free(&b);
}

static void test_limit(void **state)
{
	struct sack_board b;
	uint32_t i;

	sack_init(&b);
	for (i = 0; i < SACK_RANGES_MAX; i++)
		assert_int_equal(one(&b, 0, 1 << 20, 10 + i * 20, 20 + i * 20), 10);
	assert_int_equal(b.n, SACK_RANGES_MAX);
	assert_int_equal(one(&b, 0, 1 << 20, 900000, 900010), 0);
	assert_int_equal(b.n, SACK_RANGES_MAX);
	assert_int_equal(b.bytes, SACK_RANGES_MAX * 10);
	/* what needs no further range is still taken */
	assert_int_equal(one(&b, 0, 1 << 20, 20, 30), 10);
	assert_int_equal(b.n, SACK_RANGES_MAX - 1);
	sack_free(&b);
}

/* ---- against a plain array ---- */

#define SPAN 2000

struct model {
	uint32_t base, una;
	uint8_t at[SPAN]; /* from base */
};

static uint32_t model_ranges(const struct model *m, uint32_t from, uint32_t *bytes)
{
	uint32_t n = 0, i;

	*bytes = 0;
	for (i = from; i < SPAN; i++) {
		*bytes += m->at[i];
		if (m->at[i] && (i == from || !m->at[i - 1]))
			n++;
	}
	return n;
}

static void compare(const struct sack_board *b, const struct model *m,
		    struct rng *rng)
{
	uint32_t una = m->una - m->base, bytes, n = model_ranges(m, una, &bytes), i,
		 high = una;
	uint32_t l, r, edge = una;

	assert_int_equal(b->n, n);
	assert_int_equal(b->bytes, bytes);
	for (i = una; i < SPAN; i++) {
		if (m->at[i]) {
			high = i + 1;
			continue;
		}
		n = model_ranges(m, i, &bytes);
		assert_int_equal(sack_is_lost(b, m->base + i, 100),
				 n >= 3 || bytes > 200);
		if (n >= 3 || bytes > 200)
			edge = i + 1;
	}
	assert_int_equal(sack_high(b, m->una), m->base + high);
	assert_int_equal(sack_lost_edge(b, m->una, 100), m->base + edge);
	i = rng_below(rng, SPAN);
	r = rng_below(rng, SPAN);
	for (bytes = 0, l = i; l < r; l++)
		bytes += l >= una ? m->at[l] : 0;
	assert_int_equal(sack_bytes_in(b, m->base + i, m->base + r), bytes);
	if (i < una)
		i = una;
	while (i < high && m->at[i])
		i++;
	if (i >= high) {
		assert_false(sack_next_hole(b, m->base + i, m->una, &l, &r));
		return;
	}
	assert_true(sack_next_hole(b, m->base + i, m->una, &l, &r));
	assert_int_equal(l, m->base + i);
	while (!m->at[i])
		i++;
	assert_int_equal(r, m->base + i);
}

static void test_model(void **state)
{
	struct rng rng;
	uint32_t seed, step;

	for (seed = 1; seed <= 30; seed++) {
		struct model m = { 0 };
		struct sack_board b;

		rng_seed(&rng, seed);
		m.base = m.una =
			seed % 2 ? rng_u32(&rng) : UINT32_MAX - 500; /* wraps */
		sack_init(&b);
		for (step = 0; step < 60; step++) {
			uint32_t una = m.una - m.base;
			uint32_t l = una + 1 + rng_below(&rng, SPAN - una - 1);
			uint32_t len = 1 + rng_below(&rng, 60);

			if (len > SPAN - l)
				len = SPAN - l;
			if (len && l < SPAN) {
				one(&b, m.una, m.base + SPAN, m.base + l,
				    m.base + l + len);
				memset(m.at + l, 1, len);
			}
			if (rng_below(&rng, 8) == 0 && una < SPAN - 100) {
				m.una += rng_below(&rng, 80);
				sack_advance(&b, m.una);
			}
			compare(&b, &m, &rng);
		}
		sack_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dsack), cmocka_unit_test(test_advance),
		cmocka_unit_test(test_lost),  cmocka_unit_test(test_holes),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
