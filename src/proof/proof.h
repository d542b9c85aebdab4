/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.h - what the kernel really delivers
 *
 * A successful write proves nothing: the kernel may drop later and silently. So
 * a child process makes a private scratch network namespace (as root, or through
 * a user namespace of its own), a tun or tap in it and kernel sockets around it,
 * and sends superpackets of each form in both directions: to the kernel, where a
 * socket must read the same bytes, and from the kernel, where what we read must be
 * superpackets of the right form with the right bytes. Nobody's traffic is
 * touched.
 *
 * The child is a fresh program (this one, executed again with a hidden first
 * argument), so that a test may be started at any time, threads or not. It tells
 * each verdict as soon as it has it; one that hangs or dies takes along its own
 * verdict only: the rest is done by another child.
 */
#ifndef GUST_PROOF_PROOF_H
#define GUST_PROOF_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"

/* How the last segment ends; PROOF_OFF: from the kernel only, the feature is
 * switched off and nothing of its form may come. */
enum proof_shape {
	PROOF_FULL, /* as long as the others */
	PROOF_SHORT, /* one byte short of that */
	PROOF_ONE, /* one byte */
	PROOF_OFF,
	PROOF_SHAPES
};

enum proof_verdict {
	PROOF_NONE, /* the test did not come to an end */
	PROOF_OK, /* delivered byte for byte, in the right form */
	PROOF_FAILED,
	PROOF_NOT_HERE, /* this kernel has no such thing to test */
};

#define PROOF_WHY_LEN 128

/* One test. */
struct proof_cell {
	uint8_t feat; /* enum feat */
	uint8_t dir; /* enum fact_dir */
	bool v6; /* address family; of a tunnel: outside and inside */
	uint8_t shape, verdict;
	uint32_t took_us;
	char why[PROOF_WHY_LEN]; /* of FAILED, NOT_HERE and NONE */
};

#define PROOF_CELLS_MAX 128

struct proof_result {
	bool tried; /* false: no scratch namespace permitted */
	uint32_t ok[FACT_DIRS], failed[FACT_DIRS]; /* FEAT_BIT()s */
	uint32_t took_us;
	char why[PROOF_WHY_LEN]; /* why not tried */
	unsigned n_cell;
	struct proof_cell cell[PROOF_CELLS_MAX]; /* in the order of the tests */
};

struct proof_conf {
	uint32_t feats; /* FEAT_BIT()s to test, of PROOF_FEATS */
	uint32_t big; /* payload of the BIG TCP forms, bytes */
	bool tap;
	unsigned timeout_ms; /* for everything */
};

/* What can be tested. */
#define PROOF_FEATS                                                                \
	(FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |      \
	 FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_UFO) |        \
	 FEAT_BIT(FEAT_UDP_TNL) | FEAT_BIT(FEAT_UDP_TNL_CSUM) |                    \
	 FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO) |                   \
	 FEAT_BIT(FEAT_BIGTCP6_PLAIN))

/* ---- a test that runs beside the caller ---- */

struct proof_job;

/* Start. 0 or -errno (then nothing is running). */
int proof_begin(const struct proof_conf *conf, struct proof_job **ret_job);

/* Wait for this descriptor to become readable, but for proof_wait_ms() at most,
 * then call proof_step(). The descriptor changes when a child had to be replaced:
 * ask again after each step. -1: only the time matters. */
int proof_fd(const struct proof_job *job);
unsigned proof_wait_ms(const struct proof_job *job);

/* Take in what there is; never blocks. true: finished, proof_result() is
 * complete and no child is left. */
bool proof_step(struct proof_job *job);
const struct proof_result *proof_result(const struct proof_job *job);

/* Also before it is finished. NULL is fine. */
void proof_end(struct proof_job *job);

/* All of it, blocking. 0 or -errno. */
int proof_run(const struct proof_conf *conf, struct proof_result *ret);

/* The first thing in main(): when the program was started as a child, do its work
 * and return true, with the exit status. */
bool proof_child(int argc, char **argv, int *ret_status);

/* ---- matrix.c: pure ---- */

/* The tests for `feats`, in their order; returns how many. */
unsigned proof_plan(uint32_t feats, struct proof_cell ret[PROOF_CELLS_MAX]);

/* From the cells: a feature with a failed cell is disproven in that direction,
 * one with a good cell and none without verdict is proven. */
void proof_judge(struct proof_result *res);

const char *
proof_shape_name(enum proof_shape s); /* "full", "short", "one", "off" */
const char *proof_verdict_name(enum proof_verdict v);

/* The first failed cell among `feats`, NULL: none. */
const struct proof_cell *proof_first_failure(const struct proof_result *res,
					     uint32_t feats);

#endif
