/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_selftest.c - gust.Selftest: run the self-test of the offloads, and tell
 * what each test found
 */
#include <string.h>

#include "daemon/control_methods.h"

static json_t *cell_json(const struct proof_cell *c)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:o}", "feature",
			 feat_name(c->feat), "direction", fact_dir_name(c->dir),
			 "family", c->v6 ? 6 : 4, "tail",
			 proof_shape_name(c->shape), "verdict",
			 proof_verdict_name(c->verdict), "why", c->why, "took_us",
			 json_integer(c->took_us));
}

static json_t *names(uint32_t feats)
{
	json_t *a = json_array();

	for (enum feat f = 0; f < FEAT_N; f++)
		if (feats & FEAT_BIT(f))
			json_array_append_new(a, json_string(feat_name(f)));
	return a;
}

static json_t *by_direction(const uint32_t feats[FACT_DIRS])
{
	return json_pack("{s:o, s:o}", "from_kernel",
			 names(feats[FACT_FROM_KERNEL]), "to_kernel",
			 names(feats[FACT_TO_KERNEL]));
}

json_t *control_selftest_json(const struct daemon *d)
{
	const struct proof_result *p = &d->proof;
	json_t *cells = json_array();

	for (unsigned i = 0; i < p->n_cell; i++)
		json_array_append_new(cells, cell_json(&p->cell[i]));
	return json_pack("{s:s, s:s, s:b, s:s, s:s?, s:o, s:o, s:o, s:o}",
			 "interface", daemon_link_state(d)->name, "mode",
			 d->conf->tap ? "tap" : "tun", "tried", p->tried, "why",
			 p->why, "cause", d->selftest.cause, "took_us",
			 json_integer(p->took_us), "proven", by_direction(p->ok),
			 "disproven", by_direction(p->failed), "cells", cells);
}

static void forget(struct control_later *l)
{
	list_del(&l->link);
}

void control_selftest(struct daemon *d, struct control_later *l)
{
	int r;

	l->gone = forget;
	list_add_tail(&d->selftest.waiting, &l->link);
	r = selftest_begin(d, "request");
	if (r == 0)
		return;
	list_del(&l->link);
	control_answer(l, "gust.Error",
		       json_pack("{s:s}", "message", strerror(-r)));
}
