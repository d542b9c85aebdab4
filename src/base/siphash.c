/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.c - SipHash-c-d for the two parameter sets in use
 *
 * The message is taken as little-endian 64-bit words; the last word carries
 * what is left of the bytes and the length modulo 256 on top, so that messages
 * which differ only in trailing zeros hash differently. The round counts are
 * constants to the compiler: sip() is inlined twice.
 */
#include "base/siphash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct sip_state {
	uint64_t a, b, c, d;
};

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_rounds(struct sip_state *s, unsigned n)
{
	while (n--) {
		s->a += s->b;
		s->c += s->d;
		s->b = rotl(s->b, 13) ^ s->a;
		s->d = rotl(s->d, 16) ^ s->c;
		s->a = rotl(s->a, 32);

		s->c += s->b;
		s->a += s->d;
		s->b = rotl(s->b, 17) ^ s->c;
		s->d = rotl(s->d, 21) ^ s->a;
		s->c = rotl(s->c, 32);
	}
}

static inline void sip_word(struct sip_state *s, uint64_t w, unsigned n)
{
	s->d ^= w;
	sip_rounds(s, n);
	s->a ^= w;
}

static inline __attribute__((always_inline)) uint64_t
sip(const struct siphash_key *key, const void *data, size_t len, unsigned c_rounds,
    unsigned d_rounds)
{
	/* "somepseudorandomlygeneratedbytes" */
	struct sip_state s = {
		.a = key->k0 ^ 0x736f6d6570736575,
		.b = key->k1 ^ 0x646f72616e646f6d,
		.c = key->k0 ^ 0x6c7967656e657261,
		.d = key->k1 ^ 0x7465646279746573,
	};
	const uint8_t *p = data;
	size_t left = len;
	uint64_t w;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&w, p, 8);
		sip_word(&s, le64toh(w), c_rounds);
	}
	w = 0;
	if (left)
		memcpy(&w, p, left);
	sip_word(&s, le64toh(w) | (uint64_t)len << 56, c_rounds);

	s.c ^= 0xff;
	sip_rounds(&s, d_rounds);
	return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t siphash13(const struct siphash_key *key, const void *p, size_t len)
{
	return sip(key, p, len, 1, 3);
}

uint64_t siphash24(const struct siphash_key *key, const void *p, size_t len)
{
	return sip(key, p, len, 2, 4);
}

int siphash_key_os(struct siphash_key *ret_key)
{
	struct siphash_key k;

	if (getentropy(&k, sizeof(k)))
		return -errno;
	*ret_key = k;
	return 0;
}
