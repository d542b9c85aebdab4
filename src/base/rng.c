/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rng.c - xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64
 *
 * A small seed is stretched by splitmix64, so that neighbouring seeds give
 * unrelated sequences and the all-zero state, the one the generator cannot
 * leave, does not come up. Whoever sees a few outputs can compute the rest:
 * nothing secret may be drawn from here.
 */
#include "base/rng.h"

#include <errno.h>
#include <unistd.h>

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

int rng_seed_os(struct rng *r)
{
	struct rng fresh;

	/* getentropy() is getrandom() that goes on after a signal */
	if (getentropy(fresh.s, sizeof(fresh.s)))
		return -errno;
	if (!(fresh.s[0] | fresh.s[1] | fresh.s[2] | fresh.s[3]))
		rng_seed(&fresh, 0);
	*r = fresh;
	return 0;
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t out = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint64_t wide;
	uint32_t floor;

	if (!n)
		return 0;
	/*
	 * The upper half of (32 random bits * n) is almost uniform in [0, n);
	 * it is exactly so once the 2^32 mod n lowest values of the lower half
	 * are drawn again (Lemire, 2019).
	 */
	floor = -n % n;
	do
		wide = (uint64_t)rng_u32(r) * n;
	while ((uint32_t)wide < floor);
	return wide >> 32;
}
