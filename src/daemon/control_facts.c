/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_facts.c - the four facts of an offload as JSON
 *
 * By direction: wanted, granted, proven, used, and what follows: in_use, or why
 * not. Words are stable; `means` is for people.
 */
#include "daemon/control_methods.h"

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *fact_json(const struct link_fact *t, enum feat f,
			 const struct feat_used *u)
{
	bool other = t->why == FACT_ADMIN || t->why == FACT_DEPENDS;

	return json_pack("{s:b, s:b, s:s, s:{s:o, s:o}, s:b, s:s, s:s?, s:s}",
			 "wanted", t->wanted, "granted", t->granted, "proven",
			 fact_proof_name(t->proven), "used", "superpackets",
			 num(u->packets[f]), "bytes", num(u->bytes[f]), "in_use",
			 t->in_use, "why", fact_why_name(t->why), "because",
			 other ? feat_name(t->because) : NULL, "means",
			 fact_why_text(t->why));
}

json_t *control_facts_json(const struct link_facts *facts, enum feat f,
			   const struct worker_stats *s)
{
	return json_pack("{s:o, s:o}", "from_kernel",
			 fact_json(&facts->f[FACT_FROM_KERNEL][f], f, &s->rx_used),
			 "to_kernel",
			 fact_json(&facts->f[FACT_TO_KERNEL][f], f, &s->tx_used));
}
