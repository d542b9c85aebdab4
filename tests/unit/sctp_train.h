/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sctp_train.h - trains of SCTP packets through the sctp plugin and back
 */
#ifndef TESTS_SCTP_TRAIN_H
#define TESTS_SCTP_TRAIN_H

#include "pkt/dissect.h"
#include "pluglib.h"
#include "sctp_golden.h"
#include "sctplib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct plug g;
static const struct gust_gro_req gro_max = { .max4 = 65535, .max6 = 65535 };
static const struct gust_gso_req gso_one = { .step = 1, .mtu = 1500, .csum = true };

static inline int setup(void **state)
{
	static const char *const names[] = { "sctp", NULL };

	plug_open(&g, names);
	return 0;
}

static inline int teardown(void **state)
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

static inline void add_bytes(struct train *t, const uint8_t *b, uint32_t n)
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

static inline void add(struct train *t, const struct sp *sp)
{
	static uint8_t b[70000];

	add_bytes(t, b, sp_build(b, sp));
}

static inline void add_golden(struct train *t, const struct golden *gold,
			      unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add_bytes(t, (const uint8_t *)gold[i].bytes, gold[i].len);
}

static inline void forget(struct train *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free(t->bytes[i]);
	t->n = 0;
}

/* A superpacket by fragments that says the truth about itself. */
static inline void assert_super(struct gust_pkt *p, unsigned segs)
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
static inline void merge(struct train *t, const struct gust_gro_req *req,
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
static inline void cut(struct gust_batch *b, const struct gust_gso_req *req)
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
static inline void assert_restored(struct train *t)
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

static inline void discard(struct train *t)
{
	pkt_batch_free(&t->b);
	forget(t);
}

/* There and back. */
static inline void round_trip(struct train *t, const unsigned *want)
{
	merge(t, &gro_max, want);
	cut(&t->b, &gso_one);
	assert_restored(t);
}

#endif
