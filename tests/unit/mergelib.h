/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mergelib.h - a batch of packets through a merging plugin, for test_gro and
 * test_uro
 *
 * Whatever a test expects, what it merges is also cut again and compared.
 */
#ifndef TESTS_MERGELIB_H
#define TESTS_MERGELIB_H

#ifndef REV_ASSERT
#define REV_ASSERT(x) assert_true(x)
#endif

#include "mergepkt.h"
#include "pluglib.h"
#include "reverse.h"

struct merging {
	struct plug g;
	struct rev rev;
	struct gust_gro_req req;
	struct gust_batch b;
	uint8_t *buf;
};

static inline void merging_open(struct merging *m, const char *plugin,
				const char *cutter)
{
	memset(m, 0, sizeof(*m));
	plug_open(&m->g, (const char *[]){ plugin, cutter, NULL });
	m->buf = malloc(600000);
	assert_non_null(m->buf);
	m->req = (struct gust_gro_req){ .max4 = 65535,
					.max6 = 65535,
					.max_udp = 65535 };
	gust_batch_init(&m->b);
}

static inline void merging_close(struct merging *m)
{
	assert_int_equal(m->g.drops.n[DROP_PLUGIN_FAULT], 0);
	rev_end(&m->rev);
	free(m->buf);
	plug_close(&m->g);
}

/* One more packet in the batch. */
static inline struct gust_pkt *feed(struct merging *m, const struct mp *t)
{
	struct gust_pkt *p =
		rev_pkt(&m->rev, m->g.pool, m->buf, mp_build(m->buf, t));

	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	p->hash = 7;
	p->queue = 3;
	gust_batch_push(&m->b, p);
	return p;
}

/* The one that follows `t`, with `len` bytes of payload. */
static inline struct mp after(const struct mp *t, uint32_t len)
{
	struct mp n = *t;

	n.seq += t->len;
	n.from += t->len;
	n.id++;
	n.len = len;
	return n;
}

/* `t` and `n - 1` more like it. */
static inline struct mp feed_train(struct merging *m, struct mp t, unsigned n)
{
	while (n--) {
		feed(m, &t);
		t = after(&t, t.len);
	}
	return t;
}

static inline void merging_run(struct merging *m)
{
	for (const struct gust_pkt *p = m->b.first; p; p = p->next)
		rev_note(&m->rev, m->g.eng, p);
	engine_gro(m->g.eng, &m->b, &m->req);
}

/* What came out: packets of so many segments, "and nothing more". */
static inline void assert_segs(struct merging *m, const unsigned *want, unsigned n)
{
	const struct gust_pkt *p = m->b.first;

	for (unsigned i = 0; i < n; i++, p = p->next) {
		if (!p)
			fail_msg("%u packets, expected %u", i, n);
		if (pkt_segs(p) != want[i])
			fail_msg("packet %u has %u segments, expected %u", i,
				 pkt_segs(p), want[i]);
		assert_int_equal(p->gso_size != 0, want[i] > 1);
	}
	assert_null(p);
	rev_compare(&m->rev, m->g.eng, &m->b);
}

#define EXPECT(m, ...)                                                             \
	do {                                                                       \
		static const unsigned want_[] = { __VA_ARGS__ };                   \
                                                                                   \
		merging_run(m);                                                    \
		assert_segs(m, want_, sizeof(want_) / sizeof(want_[0]));           \
	} while (0)

/* A train that begins like `first`, with these lengths. */
static inline void feed_lens(struct merging *m, const struct mp *first,
			     const uint32_t *lens, unsigned n)
{
	struct mp t = *first;

	t.len = lens[0];
	feed(m, &t);
	for (unsigned i = 1; i < n; i++) {
		t = after(&t, lens[i]);
		feed(m, &t);
	}
}

#define LENS(m, t, ...)                                                            \
	feed_lens(m, t, (const uint32_t[]){ __VA_ARGS__ },                         \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Two packets of which the second differs, and what becomes of them. */
#define DIFFER(m, base, set, ...)                                                  \
	do {                                                                       \
		struct mp a_ = base, b_ = after(&a_, a_.len);                      \
                                                                                   \
		feed(m, &a_);                                                      \
		b_.set;                                                            \
		feed(m, &b_);                                                      \
		EXPECT(m, __VA_ARGS__);                                            \
	} while (0)

/*
 * The only output is a superpacket with these bytes, but for the checksum field at
 * `csum` of the transport header: that holds the pseudo header's sum, or 0 when
 * there is to be none.
 */
static inline void assert_super(struct merging *m, const struct mp *want,
				uint16_t size, uint8_t type, uint32_t need)
{
	const struct gust_pkt *p = m->b.first;
	uint32_t n = mp_build(m->buf, want);
	uint16_t field = p->layer[p->nlayer - 1].off + (want->udp ? 6 : 16);
	uint8_t *b;

	assert_int_equal(m->b.n, 1);
	assert_int_equal(p->gso_size, size);
	assert_int_equal(p->gso_type, type);
	assert_int_equal(p->need, need);
	assert_int_equal(p->hash, 7);
	assert_int_equal(p->queue, 3);
	assert_int_equal(p->len, n);
	b = pkt_flat(p);
	assert_int_equal(r16(b + field),
			 want->no_csum ? 0 :
					 gust_sum_fold_plain(pkt_csum_pseudo(p)));
	memcpy(b + field, m->buf + field, 2);
	assert_memory_equal(b, m->buf, n);
	free(b);
	rev_compare(&m->rev, m->g.eng, &m->b);
}

#endif
