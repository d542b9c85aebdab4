/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tso_tunnel.c - TCP superpackets inside tunnels, cut in full and in part
 */
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "tso", NULL });
}

/* One level and two: every layer of every piece is right. */
static void test_tunnel(void **state)
{
	for (int i = 0; i < 64; i++) {
		struct tunnel a = { .v6 = i & 1, .csum = i & 2, .id = 65533 };
		struct tunnel b = { .v6 = i & 4, .csum = i & 8, .id = 100 };
		struct tp t = { .v6 = i & 16, .len = 4900, .id = 7, .flags = 0x19 };
		struct gust_gso_req req = { .step = 1000,
					    .mtu = 1500,
					    .csum = i & 32 };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;
		uint32_t n = 0;

		enter_tunnel(p, &a);
		enter_tunnel(p, &b);
		out = cut_req(p, &req);
		assert_int_equal(out.n, 5);
		while ((p = gust_batch_pop(&out))) {
			uint16_t in = 30 + (b.v6 ? 40 : 20);

			if (p->need & GUST_F_CSUM)
				pkt_csum_complete(p);
			assert_lengths(p);
			assert_sums(p);
			assert_int_equal(p->nlayer, 10);
			if (!b.v6)
				assert_int_equal(r16(p->head + 4), 100 + n);
			if (!a.v6)
				assert_int_equal(r16(p->head + in + 4),
						 (uint16_t)(65533 + n));
			/* and what is inside is what it would be alone */
			pkt_pull(p, p->layer[8].off);
			struct tp w =
				piece_of(&t, n * 1000, n < 4 ? 1000 : 900, 1000);
			assert_piece(p, &w);
			pkt_free(p);
			n++;
		}
	}
}

/* GSO_PARTIAL: the headers are those of one segment, and what a device does that
 * repeats them is what a full cut gives. */
static void partial(const struct tunnel *a, const struct tp *t, uint32_t step)
{
	struct gust_gso_req req = { .step = step, .mtu = 1500, .partial = true };
	struct gust_pkt *p = super(t, 1000), *q;
	struct gust_batch out, full;
	uint32_t off = 0;

	enter_tunnel(p, a);
	q = pkt_clone(g.pool, p);
	full = cut(q, 1000);
	out = cut_req(p, &req);
	while ((p = gust_batch_pop(&out))) {
		uint32_t n = pkt_payload_len(p), segs = 0;
		uint16_t id = r16(p->head + 4);
		bool last = off + n == t->len;

		assert_true(n <= step);
		assert_int_equal(p->need & GUST_F_PARTIAL,
				 n > 1000 ? GUST_F_PARTIAL : 0);
		assert_true(p->need & GUST_F_CSUM);
		if (n > 1000)
			assert_int_equal(n % 1000, 0);
		/* the device: headers repeated, IDs counted up */
		for (uint32_t o = 0; o < n; o += 1000, segs++) {
			q = gust_batch_pop(&full);
			assert_non_null(q);
			assert_int_equal(p->hlen, q->hlen);
			if (!a->v6) {
				w16(p->head + 4, id + segs);
				fix_ip4(p->head);
			}
			/* as far as the inner IP header */
			assert_memory_equal(p->head, q->head, p->layer[4].off);
			/* whose length is that of a segment, too */
			if (t->v6)
				assert_memory_equal(p->head + p->layer[4].off,
						    q->head + q->layer[4].off, 40);
			else
				assert_memory_equal(p->head + p->layer[4].off + 2,
						    q->head + q->layer[4].off + 2,
						    2);
			pkt_free(q);
		}
		/* FIN and PSH of the last segment are the port's to move */
		assert_int_equal(p->head[p->hlen - 7], last ? 0x19 : 0x10);
		off += n;
		pkt_free(p);
	}
	assert_int_equal(off, t->len);
	assert_int_equal(full.n, 0);
}

static void test_partial(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct tunnel a = {
			.v6 = i & 1, .csum = i & 2, .df = i & 4, .id = 65530
		};
		struct tp t = { .v6 = i & 8, .id = 3, .flags = 0x19, .len = 25500 };

		partial(&a, &t, 1000);
		partial(&a, &t, 10000); /* 10, 10, 5 and a half */
		partial(&a, &t, 25000);
		partial(&a, &t, 26000);
		t.len = 20000; /* nothing remains */
		partial(&a, &t, 10000);
		t.len = 1999;
		partial(&a, &t, 2000);
		t.len = 100500;
		partial(&a, &t, 200000); /* above 64 KB, and the headers say 1000 */
	}
}

/* Prepared for a port that then does not take it: cut anew, and the mark goes. */
static void test_partial_again(void **state)
{
	struct gust_gso_req req = { .step = 10000, .mtu = 1500, .partial = true };
	struct tp t = { .len = 10000, .id = 5 };
	struct gust_pkt *p = super(&t, 1000);
	struct tunnel a = { .id = 1 };
	struct gust_batch out;
	uint16_t id = 1;

	enter_tunnel(p, &a);
	out = cut_req(p, &req);
	assert_int_equal(out.n, 1);
	assert_true(out.first->need & GUST_F_PARTIAL);
	out = cut(gust_batch_pop(&out), 2000);
	assert_int_equal(out.n, 5);
	for (p = out.first; p; p = p->next, id += 2) {
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(r16(p->head + 4), id);
		assert_lengths(p);
	}
	pkt_batch_free(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_tunnel),
		T(test_partial),
		T(test_partial_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
