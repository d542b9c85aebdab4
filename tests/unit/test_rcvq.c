/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receive queue: the fast path, overlaps (first received wins), limits,
 * SACK blocks, copying, and a comparison with a plain array of bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tcp/rcvq.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	struct pkt_limits lim = { .slab_len = 1 << 20,
				  .slab_max = 16,
				  .pkt_max = 256 };

	pool = pkt_pool_new(&lim);
	if (!pool)
		return -1;
	pkt_pool_bind(pool);
	return 0;
}

static int teardown(void **state)
{
	return (int)pkt_pool_free(pool);
}

static unsigned slabs_used(void)
{
	struct pkt_pool_stats st;

	pkt_pool_stats(pool, &st);
	return st.slab_total - st.slab_free;
}

/* A packet with `len` payload bytes of value `v`, in `nfrag` pieces. */
static struct gust_pkt *packet(struct gust_slab *s, uint32_t len, uint8_t v,
			       unsigned nfrag)
{
	struct gust_pkt *p = pkt_new(pool);
	uint32_t i, n;

	assert_non_null(p);
	for (i = 0; i < nfrag; i++) {
		n = i + 1 == nfrag ? len - len / nfrag * i : len / nfrag;
		if (s->cap - s->used < n + 8)
			s->used = 0;
		if (n) {
			struct gust_frag f = { .slab = s,
					       .p = s->data + s->used,
					       .len = n };

			memset(f.p, v, n);
			s->used += n + 8; /* headers stand in between */
			slab_ref(s);
			assert_int_equal(pkt_frag_add(p, &f), 0);
		}
	}
	return p;
}

static int64_t insert(struct rcvq *q, struct gust_slab *s, uint32_t off,
		      uint32_t len, uint8_t v)
{
	struct gust_pkt *p = packet(s, len, v, 1);
	int64_t r = rcvq_insert(q, pool, off, p, 0, len);

	pkt_free(p);
	return r;
}

/* The in-order data must be `len` bytes equal to `want`. */
static void expect(const struct rcvq *q, const uint8_t *want, uint32_t len)
{
	static struct iovec iov[70000];
	unsigned n = rcvq_peek(q, iov, 70000), i;
	uint32_t at = 0;

	assert_int_equal(q->len, len);
	for (i = 0; i < n; i++) {
		assert_true(iov[i].iov_len <= len - at);
		assert_memory_equal(iov[i].iov_base, want + at, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	assert_int_equal(at, len);
}

static void expect_runs(const struct rcvq *q, unsigned n, const uint32_t *run)
{
	static uint8_t want[1 << 16];
	uint32_t len = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		memset(want + len, (int)run[2 * i], run[2 * i + 1]);
		len += run[2 * i + 1];
	}
	expect(q, want, len);
}
#define EXPECT_RUNS(q, n, ...) expect_runs(q, n, (const uint32_t[]){ __VA_ARGS__ })

static void test_in_order(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p = packet(s, 3000, 'a', 3);
	struct iovec iov[2];
	struct rcvq q;

	rcvq_init(&q);
	assert_int_equal(rcvq_insert(&q, pool, 0, p, 500, 2000), 2000);
	assert_int_equal(q.in.n, 3);
	assert_ptr_equal(fragring_at(&q.in, 0)->p,
			 p->frag[0].p + 500); /* not copied */
	assert_int_equal(fragring_at(&q.in, 2)->len, 500);
	assert_int_equal(rcvq_insert(&q, pool, 0, p, 0, 0), 0);
	pkt_free(p);
	assert_int_equal(insert(&q, s, 0, 10, 'b'), 10);
	EXPECT_RUNS(&q, 2, 'a', 2000, 'b', 10);
	assert_int_equal(rcvq_peek(&q, iov, 2), 2);
	rcvq_consume(&q, 1999);
	EXPECT_RUNS(&q, 2, 'a', 1, 'b', 10);
	rcvq_consume(&q, 11);
	assert_null(q.in.f); /* an idle queue holds nothing */
	assert_true(slab_sole(s));
	rcvq_free(&q);
	slab_unref(s);
}

static void test_take(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f[4];
	struct rcvq q;
	uint32_t len;

	rcvq_init(&q);
	insert(&q, s, 0, 100, 'a');
	insert(&q, s, 0, 200, 'b');
	insert(&q, s, 0, 300, 'c');
	rcvq_consume(&q, 50);
	assert_int_equal(rcvq_take(&q, f, 2, &len), 2);
	assert_int_equal(len, 250);
	assert_int_equal(f[0].len, 50);
	assert_int_equal(f[1].p[0], 'b');
	EXPECT_RUNS(&q, 1, 'c', 300);
	frag_unref(&f[0]);
	frag_unref(&f[1]);
	assert_int_equal(rcvq_take(&q, f, 4, &len), 1);
	assert_int_equal(len, 300);
	frag_unref(&f[0]);
	assert_int_equal(rcvq_take(&q, f, 4, &len), 0);
	assert_int_equal(len, 0);
	assert_null(q.in.f);
	assert_true(slab_sole(s));
	slab_unref(s);
}

static void test_fill(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct rcvq q;

	rcvq_init(&q);
	assert_int_equal(insert(&q, s, 100, 100, 'b'), 0);
	assert_int_equal(insert(&q, s, 300, 100, 'd'), 0);
	assert_int_equal(q.ooo_n, 2);
	assert_int_equal(q.ooo_len, 200);
	assert_int_equal(insert(&q, s, 0, 100, 'a'), 200); /* edge to 200 */
	assert_int_equal(q.ooo_n, 1);
	assert_int_equal(insert(&q, s, 0, 100, 'c'), 200);
	assert_int_equal(q.ooo_n, 0);
	assert_int_equal(q.ooo_len, 0);
	assert_null(q.ooo);
	assert_null(q.recent);
	EXPECT_RUNS(&q, 4, 'a', 100, 'b', 100, 'c', 100, 'd', 100);
	rcvq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

/* What is there wins, in every kind of overlap. */
static void test_overlap(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct rcvq q;

	rcvq_init(&q);
	insert(&q, s, 100, 100, 'b'); /* [100, 200) */
	assert_int_equal(insert(&q, s, 150, 100, 'x'), 0); /* right: [200, 250) */
	assert_int_equal(insert(&q, s, 50, 100, 'y'), 0); /* left: [50, 100) */
	assert_int_equal(q.ooo_n, 1);
	assert_int_equal(q.ooo_len, 200);
	insert(&q, s, 300, 10, 'z');
	assert_int_equal(insert(&q, s, 20, 400, 'w'), 0); /* over everything */
	assert_int_equal(q.ooo_n, 1);
	assert_int_equal(q.ooo_len, 400);
	assert_int_equal(insert(&q, s, 100, 200, 'v'), 0); /* nothing new */
	assert_int_equal(q.ooo_len, 400);
	assert_int_equal(insert(&q, s, 0, 430, 'a'), 430);
	EXPECT_RUNS(&q, 9, 'a', 20, 'w', 30, 'y', 50, 'b', 100, 'x', 50, 'w', 50,
		    'z', 10, 'w', 110, 'a', 10);
	rcvq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

static void test_sack_order(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct tcp_sack_block b[4];
	struct rcvq q;

	rcvq_init(&q);
	assert_int_equal(rcvq_sack(&q, 5000, b, 4), 0);
	insert(&q, s, 100, 50, 1);
	insert(&q, s, 300, 50, 2);
	insert(&q, s, 200, 50, 3);
	assert_int_equal(rcvq_sack(&q, 5000, b, 4), 3);
	assert_int_equal(b[0].l, 5200);
	assert_int_equal(b[0].r, 5250);
	assert_int_equal(b[1].l, 5300);
	assert_int_equal(b[2].l, 5100);
	/* a duplicate inside a range brings that range to the front (RFC 2018 4) */
	insert(&q, s, 310, 10, 9);
	assert_int_equal(rcvq_sack(&q, 5000, b, 2), 2);
	assert_int_equal(b[0].l, 5300);
	assert_int_equal(b[0].r, 5350);
	assert_int_equal(b[1].l, 5200);
	/* merging two makes one block */
	insert(&q, s, 150, 50, 4);
	assert_int_equal(rcvq_sack(&q, 5000, b, 4), 2);
	assert_int_equal(b[0].l, 5100);
	assert_int_equal(b[0].r, 5250);
	/* positions follow the edge */
	assert_int_equal(insert(&q, s, 0, 50, 5), 50);
	assert_int_equal(rcvq_sack(&q, 5050, b, 4), 2);
	assert_int_equal(b[0].l, 5100);
	rcvq_free(&q);
	slab_unref(s);
}

static void test_ooo_limit(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct rcvq q;
	uint32_t i;

	rcvq_init(&q);
	for (i = 0; i < RCVQ_OOO_MAX; i++)
		assert_int_equal(insert(&q, s, 10 + i * 20, 10, 1), 0);
	assert_int_equal(q.ooo_n, RCVQ_OOO_MAX);
	assert_int_equal(insert(&q, s, 500000, 10, 1), -ENOBUFS);
	assert_int_equal(q.ooo_n, RCVQ_OOO_MAX);
	assert_int_equal(q.ooo_len, RCVQ_OOO_MAX * 10);
	/* what joins a range needs no new one; old work goes on */
	assert_int_equal(insert(&q, s, 20, 10, 2), 0);
	assert_int_equal(q.ooo_n, RCVQ_OOO_MAX - 1);
	assert_int_equal(insert(&q, s, 500000, 10, 1), 0);
	assert_int_equal(insert(&q, s, 0, 10, 3), 40);
	rcvq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

/* One byte at a time and backwards: pieces are bounded, not only ranges. */
static void test_ooo_pieces(void **state)
{
	struct gust_slab *s = slab_new(pool);
	int64_t r = 0;
	struct rcvq q;
	uint32_t i;

	rcvq_init(&q);
	for (i = 5000; i > 1 && r == 0; i--)
		r = insert(&q, s, i, 1, 1);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(q.ooo_n, 1);
	assert_in_range(q.ooo_frags, 1024, 1100);
	rcvq_free(&q);
	slab_unref(s);
}

/* Small pieces that wait do not hold the slab that they came in. */
static void test_ooo_copied(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct rcvq q;

	rcvq_init(&q);
	insert(&q, s, 100, 1448, 7);
	assert_true(slab_sole(s));
	insert(&q, s, 100000, 16384, 8); /* this one is worth its slab */
	assert_false(slab_sole(s));
	rcvq_free(&q);
	assert_true(slab_sole(s));
	slab_unref(s);
}

static void test_compact(void **state)
{
	struct gust_slab *s = slab_new(pool), *big = slab_new(pool);
	const uint8_t *at;
	struct rcvq q;
	int i;

	rcvq_init(&q);
	insert(&q, big, 0, 40000, 'A');
	for (i = 0; i < 10; i++)
		insert(&q, s, 0, 1000, 'b');
	assert_int_equal(q.in.n, 11);
	rcvq_compact(&q, pool);
	assert_true(slab_sole(s));
	assert_false(slab_sole(big));
	assert_int_equal(q.in.n, 2); /* the copies stand side by side */
	EXPECT_RUNS(&q, 2, 'A', 40000, 'b', 10000);
	/* a second turn copies nothing that was looked at */
	at = fragring_at(&q.in, 1)->p;
	rcvq_compact(&q, pool);
	assert_ptr_equal(fragring_at(&q.in, 1)->p, at);
	/* and after a partial read the count still is right */
	rcvq_consume(&q, 40500);
	insert(&q, s, 0, 500, 'c');
	rcvq_compact(&q, pool);
	assert_true(slab_sole(s));
	assert_true(slab_sole(big));
	EXPECT_RUNS(&q, 2, 'b', 9500, 'c', 500);
	rcvq_consume(&q, 10000);
	rcvq_compact(&q, pool);
	assert_null(q.in.f);
	rcvq_free(&q);
	slab_unref(s);
	slab_unref(big);
}

/* Copies of two connections alternate in the copy slab, so neighbours never
 * join: the pieces are gathered all the same. */
static void test_gather(void **state)
{
	struct gust_slab *s = slab_new(pool);
	static uint8_t want[20000];
	struct rcvq a, b;
	uint32_t i, most = 0;

	rcvq_init(&a);
	rcvq_init(&b);
	for (i = 0; i < sizeof(want); i++) {
		want[i] = (uint8_t)i;
		insert(&a, s, 0, 1, (uint8_t)i);
		insert(&b, s, 0, 1, (uint8_t)i);
		rcvq_compact(&a, pool);
		rcvq_compact(&b, pool);
		if (a.in.n > most)
			most = a.in.n;
	}
	assert_true(most <= 66);
	expect(&a, want, sizeof(want));
	expect(&b, want, sizeof(want));
	assert_true(slab_sole(s));
	rcvq_free(&a);
	rcvq_free(&b);
	slab_unref(s);
}

/* At the pool's limit the references are kept instead of copies. */
static void test_no_slab(void **state)
{
	struct gust_slab *hog[16], *s = slab_new(pool);
	struct rcvq q;
	unsigned n = 0;

	while (n < 16 && (hog[n] = slab_new(pool)))
		n++;
	rcvq_init(&q);
	assert_int_equal(insert(&q, s, 100, 50, 'b'), 0);
	assert_int_equal(insert(&q, s, 0, 100, 'a'), 150);
	rcvq_compact(&q, pool);
	EXPECT_RUNS(&q, 2, 'a', 100, 'b', 50);
	assert_false(slab_sole(s));
	rcvq_free(&q);
	assert_true(slab_sole(s));
	while (n)
		slab_unref(hog[--n]);
	slab_unref(s);
}

/* ---- against a plain array ---- */

#define SPAN 30000

struct model {
	uint8_t byte[SPAN];
	bool have[SPAN];
	uint32_t edge, read;
};

static uint32_t model_insert(struct model *m, uint32_t pos, uint32_t len, uint8_t v)
{
	uint32_t i, was = m->edge;

	for (i = pos; i < pos + len; i++) {
		if (!m->have[i]) {
			m->have[i] = true;
			m->byte[i] = v;
		}
	}
	while (m->edge < SPAN && m->have[m->edge])
		m->edge++;
	return m->edge - was;
}

static void compare(struct rcvq *q, const struct model *m)
{
	struct tcp_sack_block b[RCVQ_OOO_MAX];
	uint32_t i, n = 0, len = 0, sum = 0;
	unsigned k, nb;

	for (i = m->edge; i < SPAN; i++) {
		len += m->have[i];
		if (m->have[i] && !m->have[i - (i > 0)])
			n++;
	}
	assert_int_equal(q->ooo_n, n);
	assert_int_equal(q->ooo_len, len);
	expect(q, m->byte + m->read, m->edge - m->read);
	nb = rcvq_sack(q, m->edge, b, RCVQ_OOO_MAX);
	assert_int_equal(nb, n);
	for (k = 0; k < nb; k++) {
		assert_true(b[k].l > m->edge && b[k].r <= SPAN);
		assert_true(m->have[b[k].l] && !m->have[b[k].l - 1]);
		sum += b[k].r - b[k].l;
	}
	assert_int_equal(sum, len);
}

static void test_model(void **state)
{
	uint32_t seed, step;

	for (seed = 1; seed <= 40; seed++) {
		struct gust_slab *s = slab_new(pool);
		struct model m = { 0 };
		struct rcvq q;
		struct rng r;

		rng_seed(&r, seed);
		rcvq_init(&q);
		q.edge = 0u - 5000; /* wraps on the way */
		for (step = 0; m.edge < SPAN && step < 4000; step++) {
			uint32_t reach = seed % 2 ? 3000 : 600;
			uint32_t off = rng_below(&r, 3) ? rng_below(&r, reach) : 0;
			uint32_t len = 1 + rng_below(&r, seed % 3 ? 300 : 30), from;
			struct gust_pkt *p;

			if (off >= SPAN - m.edge)
				off = 0;
			if (len > SPAN - m.edge - off)
				len = SPAN - m.edge - off;
			from = rng_below(&r, 20);
			p = packet(s, from + len + rng_below(&r, 20), (uint8_t)step,
				   1 + rng_below(&r, 3));
			assert_int_equal(
				rcvq_insert(&q, pool, off, p, from, len),
				model_insert(&m, m.edge + off, len, (uint8_t)step));
			pkt_free(p);
			if (rng_below(&r, 4) == 0) {
				uint32_t n = rng_below(&r, m.edge - m.read + 1);

				rcvq_consume(&q, n);
				m.read += n;
			}
			if (rng_below(&r, 3) == 0 || seed % 5 == 0)
				rcvq_compact(&q, pool);
			/* the packets' slab is reused: nothing may refer to it
			 * unless it was not compacted yet */
			if (seed % 5 == 0) {
				assert_true(slab_sole(s));
				memset(s->data, 0xee, 4096);
				s->used = 0;
			} else if (slab_sole(s)) {
				s->used = 0;
			} else if (s->cap - s->used < 4096) {
				slab_unref(s);
				s = slab_new(pool);
				assert_non_null(s);
			}
			if (step % 16 == 0)
				compare(&q, &m);
		}
		compare(&q, &m);
		rcvq_free(&q);
		assert_true(slab_sole(s));
		slab_unref(s);
		assert_true(slabs_used() <= 1); /* the copy slab */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_take, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sack_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ooo_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ooo_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ooo_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compact, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gather, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_slab, setup, teardown),
		cmocka_unit_test_setup_teardown(test_model, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
