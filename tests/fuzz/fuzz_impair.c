/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_impair.c - the impair plugin's options, and what they do to packets
 *
 * Input: the options text. Refused text must come with a sentence and change
 * nothing; accepted text runs a little traffic in virtual time, in which every
 * packet must be accounted for.
 */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/impair.c"
#include "../../plugins/impair_lang.c"
#include "base/rng.h"
#include "offload/registry.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/csum.h"

#define ROUNDS 20
#define EACH 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	struct registry *reg;
	struct engine *eng;
	struct pkt_pool *pool;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
} g;

#define CHECK(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			abort();                                                   \
	} while (0)

static void complain(void *arg, const char *plugin, const char *what)
{
	abort(); /* the engine found fault with it */
}

static void begin_all(void)
{
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 4096 };
	struct engine_conf c = { 0 };
	char err[256];

	g.pool = pkt_pool_new(&lim);
	rng_seed(&g.rng, 1);
	g.env = (struct env){ .now_us = 1, .rng = &g.rng };
	c.pool = g.pool;
	c.drops = &g.drops;
	c.env = &g.env;
	c.fault = complain;
	g.reg = registry_new();
	g.eng = engine_new(&c);
	CHECK(!registry_add(g.reg, &gust_plugin, err, sizeof(err)));
}

/* Run the registry's set; what was held comes back. */
static unsigned update(void)
{
	struct gust_batch held[2];
	struct engine_set set;
	char err[256];
	unsigned n;

	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	registry_set(g.reg, &set);
	CHECK(!engine_set(g.eng, &set, held, err, sizeof(err)));
	registry_collect(g.reg);
	n = held[0].n + held[1].n;
	pkt_batch_free(&held[0]);
	pkt_batch_free(&held[1]);
	return n;
}

static struct gust_pkt *packet(unsigned i)
{
	static const uint8_t flags[] = { 2, 18, 16, 17, 4, 24, 16, 16 };
	struct gust_pkt *p = pkt_new(g.pool);
	uint32_t n = 40 + (i & 1) * 60;
	uint8_t *b;

	CHECK(p);
	b = p->head;
	memset(b, 0, n);
	b[0] = 0x45;
	put16(b + 2, n);
	put16(b + 4, i);
	b[8] = 64;
	b[9] = i % 3 ? 6 : 17;
	put16(b + 10, csum_fold(csum_add(0, b, 20)));
	put16(b + 20, 1000);
	put16(b + 22, i % 5);
	if (b[9] == 6) {
		b[32] = 0x50;
		b[33] = flags[i & 7];
	} else {
		put16(b + 24, n - 20);
	}
	p->hlen = p->len = n;
	CHECK(pkt_dissect(p, DISSECT_IP) == DROP_NONE);
	return p;
}

static void traffic(void)
{
	uint64_t dropped = g.drops.n[DROP_IMPAIRED], in = 0, out = 0;
	struct engine_stats st;
	struct pkt_pool_stats ps;

	engine_stats(g.eng, &st, 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum gust_dir dir = i & 1 ? GUST_TX : GUST_RX;
		struct gust_batch b;
		uint64_t next_at;

		gust_batch_init(&b);
		for (unsigned k = 0; k < EACH; k++)
			gust_batch_push(&b, packet(in++));
		engine_filter(g.eng, dir, &b);
		out += b.n;
		for (const struct gust_pkt *p = b.first; p; p = p->next)
			CHECK(!(p->need & GUST_F_CSUM_OK) || p->hlen);
		pkt_batch_free(&b);
		next_at = engine_deadline(g.eng, dir);
		CHECK(next_at > g.env.now_us);
		g.env.now_us += next_at - g.env.now_us < 5000 ?
					next_at - g.env.now_us :
					5000;
	}
	engine_stats(g.eng, &st, 1);
	out += update(); /* nothing changes */
	CHECK(!registry_enable(g.reg, "impair", false));
	in += st.counter[DUPLICATED];
	out += update(); /* what it held comes back */
	CHECK(!registry_enable(g.reg, "impair", true));
	CHECK(in == out + g.drops.n[DROP_IMPAIRED] - dropped);
	pkt_pool_stats(g.pool, &ps);
	CHECK(ps.pkt_free == ps.pkt_total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2048], err[256] = "";

	if (size >= sizeof(text))
		return 0;
	if (!g.pool)
		begin_all();
	memcpy(text, data, size);
	text[size] = '\0';
	if (registry_options(g.reg, "impair", text, err, sizeof(err))) {
		CHECK(strstr(err, "expected"));
		return 0;
	}
	update();
	if (engine_filters(g.eng))
		traffic();
	CHECK(!registry_options(g.reg, "impair", "", err, sizeof(err)));
	update();
	return 0;
}
