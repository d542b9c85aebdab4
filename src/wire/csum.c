/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csum.c - the Internet checksum (RFC 1071)
 *
 * Theory of operation. Ones' complement addition of 16-bit words is addition
 * modulo 65535, and 2^16 = 1 there. Therefore
 *   - words may be added 64 bits at a time and folded at the end, as long as a
 *     carry out of the top comes back in at the bottom;
 *   - bytes may be added in the machine's order: swapping the bytes of every
 *     word multiplies the sum by 2^8, and swapping the result undoes it
 *     (RFC 1071 2(B)), so one swap of 16 bits stands for thousands;
 *   - a block that begins at an odd offset is the same sum times 2^8, which on
 *     a 32-bit accumulator is a rotation by eight bits.
 * With AVX2 or AVX-512 (asked of the compiler's cpu model: a load and a test) every
 * 32 bits are added to a 64-bit lane, which cannot overflow below 32 GB: no carries,
 * and as many lanes at a time as the machine has. scripts/bench offload has what
 * that gains.
 *
 * Zero has two forms, 0 and 65535. Adding with end-around carry keeps them
 * apart as RFC 1071 wants: the sum is 0 only if every byte is.
 */
#include "wire/csum.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "wire/bytes.h"

static inline uint32_t add32(uint32_t a, uint32_t b)
{
	a += b;
	return a + (a < b);
}

static inline uint64_t add64(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8); /* any alignment */
	return v;
}

#if defined(__x86_64__)
#define WIDE_MIN 256 /* shorter ones do not pay */

/* Eight lanes, two registers of AVX2. */
typedef uint64_t lanes __attribute__((vector_size(64), aligned(1), may_alias));

/* `len` is a multiple of 128. The lanes cannot overflow, nor can their sum. */
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *p,
							 size_t len)
{
	lanes a = { 0 }, b = a, c = a, d = a;

	for (; len; p += 128, len -= 128) {
		lanes x = *(const lanes *)p, y = *(const lanes *)(p + 64);

		a += x & UINT32_MAX;
		b += x >> 32;
		c += y & UINT32_MAX;
		d += y >> 32;
	}
	a += b + c + d;
	return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}

/* Line by line of the cache: a load that crosses two costs two. The first and the
 * last are read under a mask, which leaves nothing over; where `p` is odd, the words
 * of the lines are not those of the block, and the sum is turned (RFC 1071 2(B)). */
__attribute__((target("avx512f,avx512bw"))) static uint64_t
sum_avx512(const uint8_t *p, size_t len)
{
	const __m512i low = _mm512_set1_epi64(UINT32_MAX);
	size_t skip = (uintptr_t)p & 63, end = skip + len, i = 64;
	__m512i x = _mm512_maskz_loadu_epi8(UINT64_MAX << skip, p - skip), y;
	__m512i a = _mm512_and_si512(x, low), b = _mm512_srli_epi64(x, 32);
	__m512i c = _mm512_setzero_si512(), d = c;
	uint64_t sum;

	for (p -= skip; i + 128 <= end; i += 128) {
		x = _mm512_load_si512(p + i);
		y = _mm512_load_si512(p + i + 64);
		a = _mm512_add_epi64(a, _mm512_and_si512(x, low));
		b = _mm512_add_epi64(b, _mm512_srli_epi64(x, 32));
		c = _mm512_add_epi64(c, _mm512_and_si512(y, low));
		d = _mm512_add_epi64(d, _mm512_srli_epi64(y, 32));
	}
	for (; i < end; i += 64) {
		uint64_t mask =
			end - i < 64 ? UINT64_MAX >> (64 - (end - i)) : UINT64_MAX;

		x = _mm512_maskz_loadu_epi8(mask, p + i);
		a = _mm512_add_epi64(a, _mm512_and_si512(x, low));
		b = _mm512_add_epi64(b, _mm512_srli_epi64(x, 32));
	}
	a = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d));
	sum = _mm512_reduce_add_epi64(a);
	if (skip & 1) {
		uint32_t folded = add32(sum, sum >> 32);

		sum = folded << 8 | folded >> 24;
	}
	return sum;
}

/* What can be summed in lanes; the rest is left. */
static uint64_t sum_wide(const uint8_t **p, size_t *len)
{
	const uint8_t *at = *p;
	size_t n = *len;

	if (n < WIDE_MIN || !__builtin_cpu_supports("avx2"))
		return 0;
	if (__builtin_cpu_supports("avx512bw")) {
		*len = 0;
		return sum_avx512(at, n);
	}
	n &= ~(size_t)127;
	*p += n;
	*len -= n;
	return sum_avx2(at, n);
}
#else
static uint64_t sum_wide(const uint8_t **p, size_t *len)
{
	return 0;
}
#endif

/* Sum in the machine's order. Four sums at a time: a chain of dependent
 * additions with carry would otherwise set the pace, not the memory. */
static uint64_t sum_native(const uint8_t *p, size_t len)
{
	uint64_t a = sum_wide(&p, &len), b = 0, c = 0, d = 0, w = 0;

	for (; len >= 32; p += 32, len -= 32) {
		a = add64(a, load64(p));
		b = add64(b, load64(p + 8));
		c = add64(c, load64(p + 16));
		d = add64(d, load64(p + 24));
	}
	a = add64(add64(a, b), add64(c, d));
	for (; len >= 8; p += 8, len -= 8)
		a = add64(a, load64(p));
	/* what is left stands first in a word of zeros, in either order */
	if (len)
		memcpy(&w, p, len);
	return add64(a, w);
}

uint32_t csum_add(uint32_t sum, const void *p, size_t len)
{
	uint64_t n = sum_native(p, len);
	uint16_t folded = csum_fold_plain(add32(n, n >> 32));

	return add32(sum, be16toh(folded));
}

uint32_t csum_combine(uint32_t a, uint32_t b, size_t off)
{
	if (off & 1)
		b = b >> 8 | b << 24;
	return add32(a, b);
}

uint16_t csum_fold_plain(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

uint16_t csum_fold(uint32_t sum)
{
	return ~csum_fold_plain(sum);
}

uint32_t csum_pseudo(const struct ipaddr *src, const struct ipaddr *dst,
		     uint8_t proto, uint32_t len)
{
	size_t skip = ipaddr_is4(src) ? 12 : 0;
	uint32_t sum = add32(len, proto);

	sum = csum_add(sum, src->b + skip, 16 - skip);
	return csum_add(sum, dst->b + skip, 16 - skip);
}
