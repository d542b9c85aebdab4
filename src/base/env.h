/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * env.h - the only two things that a protocol core may ask of the world
 *
 * Every room below `work` takes its clock and its randomness from here, so
 * that the same code runs under the daemon, the simulator and the fuzzers.
 */
#ifndef GUST_BASE_ENV_H
#define GUST_BASE_ENV_H

#include <stdint.h>

#include "base/rng.h"

struct env {
	uint64_t now_us; /* monotonic, never runs back, never 0 */
	struct rng *rng; /* borrowed; not for secrets, see siphash.h */
};

/* No deadline. */
#define ENV_NEVER UINT64_MAX

#endif
