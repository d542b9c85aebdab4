/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pluglib.h - an engine with plugins from the build tree, for tests
 */
#ifndef TESTS_PLUGLIB_H
#define TESTS_PLUGLIB_H

#include <stdio.h>

#include "base/rng.h"
#include "offload/engine.h"
#include "offload/registry.h"
#include "pktlib.h"

#ifndef GUST_PLUGIN_DIR
#error "compile with -DGUST_PLUGIN_DIR"
#endif

struct plug {
	struct registry *reg;
	struct engine *eng;
	struct pkt_pool *pool;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
	unsigned nlog;
	char log[256]; /* the last line */
};

static inline void plug_log(void *arg, enum gust_log_level level,
			    const char *plugin, const char *text)
{
	struct plug *g = arg;

	g->nlog++;
	snprintf(g->log, sizeof(g->log), "%s: %s", plugin, text);
}

/* The set of the registry, in the engine; what leaving plugins held is freed. */
static inline void plug_update(struct plug *g)
{
	struct gust_batch held[2];
	struct engine_set set;
	char err[256] = "";

	gust_batch_init(&held[GUST_RX]);
	gust_batch_init(&held[GUST_TX]);
	registry_set(g->reg, &set);
	assert_int_equal(engine_set(g->eng, &set, held, err, sizeof(err)), 0);
	registry_collect(g->reg);
	pkt_batch_free(&held[GUST_RX]);
	pkt_batch_free(&held[GUST_TX]);
}

/* `names`: plugins of the build tree ("tso", "uso"), NULL at the end. */
static inline void plug_open(struct plug *g, const char *const *names)
{
	struct engine_conf c = { 0 };

	memset(g, 0, sizeof(*g));
	g->pool = small_pool(64, 8192);
	rng_seed(&g->rng, 1);
	g->env.now_us = 1;
	g->env.rng = &g->rng;
	c.pool = g->pool;
	c.drops = &g->drops;
	c.env = &g->env;
	c.log = plug_log;
	c.arg = g;
	g->reg = registry_new();
	g->eng = engine_new(&c);
	assert_non_null(g->reg);
	assert_non_null(g->eng);
	for (; *names; names++) {
		char path[512], err[256];

		snprintf(path, sizeof(path), GUST_PLUGIN_DIR "/%s.so", *names);
		if (registry_load(g->reg, path, err, sizeof(err)))
			fail_msg("%s", err);
	}
	plug_update(g);
}

/* Every packet and slab must be back. */
static inline void plug_close(struct plug *g)
{
	engine_free(g->eng);
	registry_free(g->reg);
	assert_int_equal(pkt_pool_free(g->pool), 0);
}

#endif
