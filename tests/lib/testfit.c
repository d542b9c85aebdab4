/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * testfit.c - an engine for one packet
 */
#include "testfit.h"

#include <stdlib.h>
#include <string.h>

extern const struct gust_plugin plug_tso, plug_uso, plug_bigtcp;

void testfit_set(struct engine_set *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->plugin[ret->n++].desc = &plug_tso;
	ret->plugin[ret->n++].desc = &plug_uso;
	ret->plugin[ret->n++].desc = &plug_bigtcp;
}

enum drop_reason testfit(struct gust_pkt *p, const struct port_caps *caps,
			 struct gust_batch *out)
{
	struct drop_counters drops = { 0 };
	struct env env = { .now_us = 1 };
	struct engine_conf c = { .pool = p->pool, .drops = &drops, .env = &env };
	struct gust_batch in = { 0 }, held[2] = { 0 };
	struct engine *e = engine_new(&c);
	enum drop_reason r = DROP_NONE;
	struct plan_stats st = { 0 };
	struct engine_set set;
	char err[128];

	testfit_set(&set);
	if (!e || engine_set(e, &set, held, err, sizeof(err)))
		abort();
	gust_batch_push(&in, p);
	plan_fit(e, &in, caps, out, &st);
	for (enum drop_reason i = DROP_NONE + 1; i < DROP_REASONS; i++)
		if (drops.n[i])
			r = i;
	engine_free(e);
	return r;
}
