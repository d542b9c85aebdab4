/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rng.h - xoshiro256**: fast, seedable, not for secrets
 *
 * What must not be guessed (sequence numbers, ports, table seeds) is keyed
 * SipHash over a secret, see siphash.h.
 */
#ifndef GUST_BASE_RNG_H
#define GUST_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* Seed from a number: the same number gives the same sequence. */
void rng_seed(struct rng *r, uint64_t seed);

/* Seed from the kernel (getrandom). 0 or -errno. */
int rng_seed_os(struct rng *r);

uint64_t rng_u64(struct rng *r);
static inline uint32_t rng_u32(struct rng *r)
{
	return rng_u64(r) >> 32;
}

/* Uniform in [0, n); n == 0 gives 0. */
uint32_t rng_below(struct rng *r, uint32_t n);

#endif
