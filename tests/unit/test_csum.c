/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_csum.c - the checksum against a naive reference
 *
 * The reference adds one 16-bit word at a time, big endian, into 64 bits, and
 * folds at the end. Blocks stand at the very end of a heap allocation, so that
 * the address sanitizer sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/rng.h"
#include "wire/bytes.h"
#include "wire/csum.h"

static uint16_t naive(uint64_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint64_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 1071 section 3: the example's words and their sum. */
static void rfc1071_example(void **state)
{
	static const uint8_t b[8] = {
		0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7
	};

	assert_int_equal(csum_fold_plain(csum_add(0, b, 8)), 0xddf2);
	assert_int_equal(csum_fold(csum_add(0, b, 8)), 0x220d);
}

static void fold(void **state)
{
	assert_int_equal(csum_fold_plain(0), 0);
	assert_int_equal(csum_fold(0), 0xffff);
	assert_int_equal(csum_fold_plain(0xffff), 0xffff);
	assert_int_equal(csum_fold_plain(0x10000), 1);
	assert_int_equal(csum_fold_plain(0x1ffff), 1);
	assert_int_equal(csum_fold_plain(0xffffffff), 0xffff);
	assert_int_equal(csum_fold_plain(0xfffeffff), 0xfffe);
	assert_int_equal(csum_fold(0xffffffff), 0);
}

/* All lengths to 300 at eight alignments, with small, large and random bytes. */
static void all_lengths(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (unsigned kind = 0; kind < 3; kind++) {
		for (size_t len = 0; len <= 300; len++) {
			for (size_t at = 0; at < 8; at++) {
				uint8_t *buf = malloc(at + len + !len);
				uint8_t *p = buf + at;
				uint32_t start = rng_u32(&r);

				for (size_t i = 0; i < len; i++)
					p[i] = kind == 0 ? 0 :
					       kind == 1 ? 0xff :
							   rng_u32(&r);
				assert_int_equal(
					csum_fold_plain(csum_add(0, p, len)),
					naive(0, p, len));
				assert_int_equal(
					csum_fold_plain(csum_add(start, p, len)),
					naive(start, p, len));
				free(buf);
			}
		}
	}
}

/* Every place in a line of the cache, every remainder of lines. */
static void all_alignments(void **state)
{
	struct rng r;

	rng_seed(&r, 3);
	for (size_t at = 0; at < 64; at++)
		for (size_t len = 250; len <= 700; len++) {
			uint8_t *buf = aligned_alloc(64, 768), *p = buf + at;

			/* what lies around it is not summed */
			for (size_t i = 0; i < 768; i += 4)
				put32(buf + i, rng_u32(&r));
			assert_int_equal(csum_fold_plain(csum_add(0, p, len)),
					 naive(0, p, len));
			memset(p, 0, len);
			assert_int_equal(csum_add(0, p, len), 0);
			p[len - 1] = 1;
			assert_int_equal(csum_fold_plain(csum_add(0, p, len)),
					 len & 1 ? 0x100 : 1);
			free(buf);
		}
}

/* Carries out of 64 bits, and a block as long as the largest superpacket. */
static void long_blocks(void **state)
{
	size_t len = 600001;
	uint8_t *p = malloc(len);
	struct rng r;

	memset(p, 0xff, len);
	assert_int_equal(csum_fold_plain(csum_add(0xffffffff, p, len)),
			 naive(0xffffffff, p, len));
	rng_seed(&r, 2);
	for (size_t i = 0; i < len; i++)
		p[i] = rng_u32(&r) | 0xc0;
	for (size_t at = 0; at < 9; at++)
		assert_int_equal(csum_fold_plain(csum_add(0, p + at, len - at)),
				 naive(0, p + at, len - at));
	free(p);
}

/* Zero comes from zeros only: 65535 is the other zero and stays apart. */
static void zeros(void **state)
{
	uint8_t b[40] = { 0 };

	assert_int_equal(csum_add(0, b, sizeof(b)), 0);
	b[0] = b[1] = 0xff;
	assert_int_equal(csum_fold_plain(csum_add(0, b, sizeof(b))), 0xffff);
	b[20] = 0xff;
	b[21] = 0xff;
	assert_int_equal(csum_fold_plain(csum_add(0, b, sizeof(b))), 0xffff);
}

/* A block cut in three at every pair of places, odd ones included. */
static void combine(void **state)
{
	uint8_t p[65];
	uint16_t whole;
	struct rng r;

	rng_seed(&r, 3);
	for (unsigned i = 0; i < sizeof(p); i++)
		p[i] = rng_u32(&r);
	whole = naive(0, p, sizeof(p));
	for (size_t i = 0; i <= sizeof(p); i++) {
		for (size_t k = i; k <= sizeof(p); k++) {
			uint32_t sum = csum_add(0, p, i);

			sum = csum_combine(sum, csum_add(0, p + i, k - i), i);
			sum = csum_combine(sum, csum_add(0, p + k, sizeof(p) - k),
					   k);
			assert_int_equal(csum_fold_plain(sum), whole);
		}
	}
	/* the accumulator's own carry comes back in */
	assert_int_equal(csum_combine(0xffffffff, 1, 0), 1);
	assert_int_equal(csum_combine(0, 0x000000ab, 1), 0xab000000);
}

static void pseudo4(void **state)
{
	static const uint8_t src[4] = { 192, 0, 2, 1 },
			     dst[4] = { 198, 51, 100, 255 };
	struct ipaddr s = ipaddr_from4(src), d = ipaddr_from4(dst);
	uint8_t b[12] = { 0 };

	memcpy(b, src, 4);
	memcpy(b + 4, dst, 4);
	b[9] = 6;
	put16(b + 10, 1480);
	assert_int_equal(csum_fold_plain(csum_pseudo(&s, &d, 6, 1480)),
			 naive(0, b, 12));
	/* above 65535 the length counts with all its 32 bits */
	assert_int_equal(csum_fold_plain(csum_pseudo(&s, &d, 6, 0x7a120)),
			 naive(0x7 + 0xa120, b, 10));
	assert_int_equal(csum_fold_plain(csum_pseudo(&s, &d, 255, UINT32_MAX)),
			 naive(255 - 6 + 0xffff * 2, b, 10));
}

static void pseudo6(void **state)
{
	struct ipaddr s, d;
	uint8_t b[40] = { 0 };

	assert_int_equal(ipaddr_parse("2001:db8::abcd:1", &s), 0);
	assert_int_equal(ipaddr_parse("fe80::ffff:2:3", &d), 0);
	memcpy(b, s.b, 16);
	memcpy(b + 16, d.b, 16);
	put32(b + 32, 500000);
	b[39] = 17;
	assert_int_equal(csum_fold_plain(csum_pseudo(&s, &d, 17, 500000)),
			 naive(0, b, 40));
}

/* A UDP datagram over IPv4 whose checksum is known: a DNS query for
 * example.com from 192.0.2.1:1024 to 192.0.2.2:53 with id 0x1234. */
static void whole_datagram(void **state)
{
	static const uint8_t dgram[] = {
		0x04, 0x00, 0x00, 0x35, 0x00, 0x25, 0x00, 0x00, /* UDP */
		0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 7,    'e',  'x',  'a',  'm',  'p',  'l',  'e',
		3,    'c',  'o',  'm',  0,    0x00, 0x01, 0x00, 0x01,
	};
	static const uint8_t src[4] = { 192, 0, 2, 1 }, dst[4] = { 192, 0, 2, 2 };
	struct ipaddr s = ipaddr_from4(src), d = ipaddr_from4(dst);
	uint8_t copy[sizeof(dgram)];
	uint32_t sum;

	sum = csum_pseudo(&s, &d, 17, sizeof(dgram));
	sum = csum_add(sum, dgram, sizeof(dgram));
	memcpy(copy, dgram, sizeof(dgram));
	put16(copy + 6, csum_fold(sum));
	assert_int_equal(csum_fold(sum), 0x95c9);
	/* the receiver's view: all ones before, zero after inversion */
	sum = csum_pseudo(&s, &d, 17, sizeof(dgram));
	assert_int_equal(csum_fold(csum_add(sum, copy, sizeof(copy))), 0);
	copy[20] ^= 1;
	assert_int_not_equal(csum_fold(csum_add(sum, copy, sizeof(copy))), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_example), cmocka_unit_test(fold),
		cmocka_unit_test(all_lengths),     cmocka_unit_test(all_alignments),
		cmocka_unit_test(long_blocks),     cmocka_unit_test(zeros),
		cmocka_unit_test(combine),         cmocka_unit_test(pseudo4),
		cmocka_unit_test(pseudo6),         cmocka_unit_test(whole_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
