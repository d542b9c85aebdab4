/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impairlib.h - the impair plugin in virtual time
 */
#ifndef TESTS_IMPAIRLIB_H
#define TESTS_IMPAIRLIB_H

#include "pkt/dissect.h"
#include "pluglib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

enum { LOST, DELAYED, REORDERED, DUPLICATED, CORRUPTED, LIMITED };

#define TF_FIN 1
#define TF_SYN 2
#define TF_RST 4
#define TF_ACK 16

static struct plug g;

static inline int setup(void **state)
{
	static const char *const names[] = { "impair", NULL };

	plug_open(&g, names);
	g.env.now_us = 1000;
	return 0;
}

static inline int teardown(void **state)
{
	plug_close(&g);
	return 0;
}

static inline void options(const char *text)
{
	char err[256] = "";

	if (registry_options(g.reg, "impair", text, err, sizeof(err)))
		fail_msg("%s: %s", text, err);
	plug_update(&g);
}

/* Packet number `n`: its number is its IPv4 ID, or the first payload byte's place. */
static inline struct gust_pkt *make(const struct tp *t)
{
	uint8_t b[2000];
	uint32_t n = tp_build(b, t);
	struct gust_pkt *p = pkt_new(g.pool);

	assert_non_null(p);
	assert_true(n <= PKT_HEAD_LEN);
	memcpy(p->head, b, n);
	p->hlen = p->len = n;
	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	p->need = GUST_F_CSUM_OK;
	return p;
}

static inline struct gust_pkt *data(uint16_t id)
{
	return make(&(struct tp){ .id = id, .len = 100 });
}

static inline uint32_t id_of(const struct gust_pkt *p)
{
	return r16(p->head + pkt_l3(p)->off + 4);
}

/* Give `n` data packets numbered from `id`, now; what leaves is appended. */
static inline void give(enum gust_dir dir, unsigned n, uint16_t id,
			struct gust_batch *out)
{
	struct gust_batch b;

	gust_batch_init(&b);
	while (n--)
		gust_batch_push(&b, data(id++));
	engine_filter(g.eng, dir, &b);
	gust_batch_splice(out, &b);
}

static inline void give_one(enum gust_dir dir, const struct tp *t,
			    struct gust_batch *out)
{
	struct gust_batch b;

	gust_batch_init(&b);
	gust_batch_push(&b, make(t));
	engine_filter(g.eng, dir, &b);
	gust_batch_splice(out, &b);
}

/* Only time has passed. */
static inline void wait_until(enum gust_dir dir, uint64_t at,
			      struct gust_batch *out)
{
	g.env.now_us = at;
	give(dir, 0, 0, out);
}

/* These IDs, in this order, and nothing more. */
static inline void assert_ids(struct gust_batch *out, const int *want)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(out))) {
		assert_int_not_equal(*want, -1);
		assert_int_equal(id_of(p), *want++);
		pkt_free(p);
	}
	assert_int_equal(*want, -1);
}

#define IDS(out, ...)                                                              \
	assert_ids(out, (const int[]){ __VA_ARGS__ __VA_OPT__(, ) - 1 })

static inline uint64_t count(unsigned i)
{
	struct engine_stats st;

	assert_int_equal(engine_stats(g.eng, &st, 1), 1);
	assert_int_equal(st.faults, 0);
	return st.counter[i];
}

#endif
