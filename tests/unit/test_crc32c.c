/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/bytes.h"
#include "wire/crc32c.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Bit by bit, as the polynomial says. */
static uint32_t slow(uint32_t crc, const uint8_t *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
	while (len--) {
		seed = seed * 1664525 + 1013904223;
		*p++ = seed >> 24;
	}
}

/* RFC 3720 B.4, the vectors to which RFC 9260 appendix A's algorithm is held. */
static void test_vectors(void **state)
{
	static const uint8_t read10[48] = {
		0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
		0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	};
	uint8_t b[32];

	assert_int_equal(~crc32c(~0u, "123456789", 9), 0xe3069283);
	memset(b, 0, 32);
	assert_int_equal(~crc32c(~0u, b, 32), 0x8a9136aa);
	memset(b, 0xff, 32);
	assert_int_equal(~crc32c(~0u, b, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		b[i] = i;
	assert_int_equal(~crc32c(~0u, b, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		b[i] = 31 - i;
	assert_int_equal(~crc32c(~0u, b, 32), 0x113fdb5c);
	assert_int_equal(~crc32c(~0u, read10, 48), 0xd9963a56);
	assert_int_equal(crc32c(0x12345678, b, 0), 0x12345678);
}

/* Every length and alignment gives the same by bit, by table, by instruction. */
static void test_ways_agree(void **state)
{
	uint8_t b[600];

	if (!crc32c_has_hw())
		print_message("no CRC32c instruction: the table against itself\n");
	for (size_t off = 0; off < 9; off++) {
		fill(b, sizeof b, (uint32_t)off + 1);
		for (size_t len = 0; len + off <= 520; len += 1 + len / 64) {
			uint32_t want = slow(0x9e3779b9, b + off, len);

			assert_int_equal(crc32c_table(0x9e3779b9, b + off, len),
					 want);
			assert_int_equal(crc32c_hw(0x9e3779b9, b + off, len), want);
			assert_int_equal(crc32c(0x9e3779b9, b + off, len), want);
		}
	}
}

/* Fragments: any cut in three gives the CRC of the whole. */
static void test_pieces(void **state)
{
	uint8_t b[97];
	uint32_t whole;

	fill(b, sizeof b, 7);
	whole = crc32c(~0u, b, sizeof b);
	for (size_t i = 0; i <= sizeof b; i++)
		for (size_t j = i; j <= sizeof b; j++) {
			uint32_t c = crc32c(~0u, b, i);

			c = crc32c_table(c, b + i, j - i);
			assert_int_equal(crc32c(c, b + j, sizeof b - j), whole);
		}
}

/* Large ones, where a hardware path may run several lanes. */
static void test_large(void **state)
{
	static const size_t lens[] = {
		1024, 1452, 4096, 9000, 24576, 65535, 70001
	};
	uint8_t *b = malloc(70008);

	assert_non_null(b);
	fill(b, 70008, 99);
	for (size_t i = 0; i < NELEMS(lens); i++) {
		/* whatever the value to begin with: lanes are put together */
		for (size_t k = 0; k < 33; k++) {
			uint32_t begin = k == 32 ? UINT32_MAX : UINT32_C(1) << k;
			uint32_t want;

			if (k < 31 && lens[i] > 3000)
				continue;
			want = slow(begin, b + i % 8, lens[i]);
			assert_int_equal(crc32c(begin, b + i % 8, lens[i]), want);
			assert_int_equal(crc32c_table(begin, b + i % 8, lens[i]),
					 want);
			assert_int_equal(crc32c_hw(begin, b + i % 8, lens[i]),
					 want);
		}
	}
	free(b);
}

/* An INIT as scapy 2.5 makes it: the field's byte order. */
static void test_field(void **state)
{
	static const uint8_t pkt[32] = {
		0x0b, 0x59, 0x0b, 0x59, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x01, 0x00, 0x00, 0x14, 0xde, 0xad, 0xbe, 0xef, 0x00, 0x01,
		0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, 0x00, 0x00, 0x00, 0x01,
	};

	assert_int_equal(crc32c_field(crc32c(~0u, pkt, sizeof pkt)), 0xd9b3419f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_ways_agree),
		cmocka_unit_test(test_pieces),  cmocka_unit_test(test_large),
		cmocka_unit_test(test_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
