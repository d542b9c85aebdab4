/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.h - keyed hashing (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012)
 *
 * SipHash-1-3 for tables, SipHash-2-4 for what a peer must not predict
 * (RFC 6528 sequence numbers, RFC 6056 ports).
 */
#ifndef GUST_BASE_SIPHASH_H
#define GUST_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash13(const struct siphash_key *key, const void *p, size_t len);
uint64_t siphash24(const struct siphash_key *key, const void *p, size_t len);

/* Fill with getrandom. 0 or -errno. */
int siphash_key_os(struct siphash_key *ret_key);

#endif
