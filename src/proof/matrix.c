/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matrix.c - which tests there are, and what their verdicts mean together
 */
#include "proof/proof.h"

#define V4 1
#define V6 2
#define BOTH (V4 | V6)

/* Cheap and certain ones first; what shares a connection stands together. */
static const struct {
	uint8_t feat, families;
	bool off; /* can be switched off from the kernel */
} rows[] = {
	{ FEAT_TX_CSUM, BOTH, true },      { FEAT_USO, BOTH, true },
	{ FEAT_UFO, BOTH, false },         { FEAT_TSO4, V4, true },
	{ FEAT_BIGTCP4, V4, false },       { FEAT_TSO6, V6, true },
	{ FEAT_BIGTCP6_JUMBO, V6, false }, { FEAT_BIGTCP6_PLAIN, V6, false },
	{ FEAT_TSO_ECN, BOTH, true },      { FEAT_UDP_TNL, BOTH, true },
	{ FEAT_UDP_TNL_CSUM, BOTH, true },
};

#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

static unsigned add_row(unsigned i, bool v6, enum fact_dir dir,
			struct proof_cell *ret)
{
	unsigned n = 0;

	for (enum proof_shape s = 0; s < PROOF_SHAPES; s++) {
		if (s == PROOF_OFF && (dir == FACT_TO_KERNEL || !rows[i].off))
			continue;
		ret[n++] = (struct proof_cell){
			.feat = rows[i].feat, .dir = dir, .v6 = v6, .shape = s
		};
	}
	return n;
}

unsigned proof_plan(uint32_t feats, struct proof_cell ret[PROOF_CELLS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROWS_N; i++) {
		if (!(feats & FEAT_BIT(rows[i].feat)))
			continue;
		for (unsigned v6 = 0; v6 < 2; v6++) {
			if (!(rows[i].families & (v6 ? V6 : V4)))
				continue;
			n += add_row(i, v6, FACT_TO_KERNEL, ret + n);
			n += add_row(i, v6, FACT_FROM_KERNEL, ret + n);
		}
	}
	return n;
}

void proof_judge(struct proof_result *res)
{
	uint32_t open[FACT_DIRS] = { 0 };

	for (unsigned d = 0; d < FACT_DIRS; d++)
		res->ok[d] = res->failed[d] = 0;
	for (unsigned i = 0; i < res->n_cell; i++) {
		const struct proof_cell *c = &res->cell[i];
		uint32_t bit = FEAT_BIT(c->feat);

		if (c->verdict == PROOF_OK)
			res->ok[c->dir] |= bit;
		else if (c->verdict == PROOF_FAILED)
			res->failed[c->dir] |= bit;
		else if (c->verdict == PROOF_NONE)
			open[c->dir] |= bit;
	}
	for (unsigned d = 0; d < FACT_DIRS; d++)
		res->ok[d] &= ~(res->failed[d] | open[d]);
}

const char *proof_shape_name(enum proof_shape s)
{
	static const char *const names[PROOF_SHAPES] = { "full", "short", "one",
							 "off" };

	return (unsigned)s < PROOF_SHAPES ? names[s] : "unknown";
}

const char *proof_verdict_name(enum proof_verdict v)
{
	static const char *const names[] = {
		[PROOF_NONE] = "none",
		[PROOF_OK] = "ok",
		[PROOF_FAILED] = "failed",
		[PROOF_NOT_HERE] = "not here",
	};

	return (unsigned)v <= PROOF_NOT_HERE ? names[v] : "unknown";
}

const struct proof_cell *proof_first_failure(const struct proof_result *res,
					     uint32_t feats)
{
	for (unsigned i = 0; i < res->n_cell; i++)
		if (res->cell[i].verdict == PROOF_FAILED &&
		    (feats & FEAT_BIT(res->cell[i].feat)))
			return &res->cell[i];
	return NULL;
}
