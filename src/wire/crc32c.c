/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c.c - CRC32c by table, eight bytes a step, or by instruction
 *
 * table[k][i] is the CRC of byte i followed by k zero bytes. The CRC is linear
 * over GF(2): every entry is the exclusive or of the entries of its bits, so that
 * eight numbers make a table of 256 and the compiler does the rest.
 */
#include "wire/crc32c.h"

#include <endian.h>
#include <string.h>
#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#define BIT(i, n, v) ((i) & (n) ? (v) : 0)
#define E(i, a, b, c, d, e, f, g, h)                                               \
	(BIT(i, 1, a) ^ BIT(i, 2, b) ^ BIT(i, 4, c) ^ BIT(i, 8, d) ^               \
	 BIT(i, 16, e) ^ BIT(i, 32, f) ^ BIT(i, 64, g) ^ BIT(i, 128, h))
#define E4(i, ...)                                                                 \
	E(i, __VA_ARGS__), E(i + 1, __VA_ARGS__), E(i + 2, __VA_ARGS__),           \
		E(i + 3, __VA_ARGS__)
#define E16(i, ...)                                                                \
	E4(i, __VA_ARGS__), E4(i + 4, __VA_ARGS__), E4(i + 8, __VA_ARGS__),        \
		E4(i + 12, __VA_ARGS__)
#define E64(i, ...)                                                                \
	E16(i, __VA_ARGS__), E16(i + 16, __VA_ARGS__), E16(i + 32, __VA_ARGS__),   \
		E16(i + 48, __VA_ARGS__)
#define TABLE(...)                                                                 \
	{                                                                          \
		E64(0, __VA_ARGS__), E64(64, __VA_ARGS__), E64(128, __VA_ARGS__),  \
			E64(192, __VA_ARGS__)                                      \
	}

/* Polynomial 0x1edc6f41, bits reversed 0x82f63b78. */
static const uint32_t table[8][256] = {
	TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f,
	      0x20bd8ede, 0x417b1dbc, 0x82f63b78),
	TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181,
	      0x7f8be302, 0xff17c604, 0xfbc3faf9),
	TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a,
	      0xe144fb14, 0xc76580d9, 0x8b277743),
	TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d,
	      0xd725148b, 0xaba65fe7, 0x52a0c93f),
	TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3,
	      0x1ba8b557, 0x37516aae, 0x6ea2d55c),
	TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e,
	      0x85f4168d, 0x0e045beb, 0x1c08b7d6),
	TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6,
	      0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
	TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4,
	      0x0d006599, 0x1a00cb32, 0x34019664),
};

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

uint32_t crc32c_table(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v = le64toh(load64(p)) ^ crc;

		crc = table[7][v & 255] ^ table[6][v >> 8 & 255] ^
		      table[5][v >> 16 & 255] ^ table[4][v >> 24 & 255] ^
		      table[3][v >> 32 & 255] ^ table[2][v >> 40 & 255] ^
		      table[1][v >> 48 & 255] ^ table[0][v >> 56];
	}
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
	return crc;
}

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__ARM_FEATURE_CRC32))
/*
 * The instruction takes three cycles and can begin every cycle: three lanes of LANE
 * bytes keep it busy. A lane's CRC goes in front of the next one's by moving it over
 * LANE zero bytes, which is linear as well: one table for each of its bytes.
 */
#define LANE 480 /* three are a full Ethernet frame's chunks */

static const uint32_t over_lane[4][256] = {
	TABLE(0x88f25a3a, 0x1408c285, 0x2811850a, 0x50230a14, 0xa0461428,
	      0x45605ea1, 0x8ac0bd42, 0x106d0c75),
	TABLE(0x20da18ea, 0x41b431d4, 0x836863a8, 0x033cb1a1, 0x06796342,
	      0x0cf2c684, 0x19e58d08, 0x33cb1a10),
	TABLE(0x67963420, 0xcf2c6840, 0x9bb4a671, 0x32853a13, 0x650a7426,
	      0xca14e84c, 0x91c5a669, 0x26673a23),
	TABLE(0x4cce7446, 0x999ce88c, 0x36d5a7e9, 0x6dab4fd2, 0xdb569fa4,
	      0xb34149b9, 0x636ee583, 0xc6ddcb06),
};

static inline uint32_t shift_lane(uint64_t c)
{
	return over_lane[0][c & 255] ^ over_lane[1][c >> 8 & 255] ^
	       over_lane[2][c >> 16 & 255] ^ over_lane[3][c >> 24 & 255];
}
#endif

#if defined(__x86_64__)
bool crc32c_has_hw(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) uint32_t crc32c_hw(uint32_t crc,
						     const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t c = crc;

	for (; len >= 3 * LANE; len -= 3 * LANE, p += 3 * LANE) {
		uint64_t d = 0, e = 0;

		for (unsigned i = 0; i < LANE; i += 8) {
			c = __builtin_ia32_crc32di(c, load64(p + i));
			d = __builtin_ia32_crc32di(d, load64(p + LANE + i));
			e = __builtin_ia32_crc32di(e, load64(p + 2 * LANE + i));
		}
		c = shift_lane(shift_lane(c) ^ d) ^ e;
	}
	for (; len >= 8; len -= 8, p += 8)
		c = __builtin_ia32_crc32di(c, load64(p));
	crc = (uint32_t)c;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
bool crc32c_has_hw(void)
{
	return true; /* of the architecture that this was compiled for */
}

uint32_t crc32c_hw(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len >= 3 * LANE; len -= 3 * LANE, p += 3 * LANE) {
		uint32_t d = 0, e = 0;

		for (unsigned i = 0; i < LANE; i += 8) {
			crc = __crc32cd(crc, le64toh(load64(p + i)));
			d = __crc32cd(d, le64toh(load64(p + LANE + i)));
			e = __crc32cd(e, le64toh(load64(p + 2 * LANE + i)));
		}
		crc = shift_lane(shift_lane(crc) ^ d) ^ e;
	}
	for (; len >= 8; len -= 8, p += 8)
		crc = __crc32cd(crc, le64toh(load64(p)));
	while (len--)
		crc = __crc32cb(crc, *p++);
	return crc;
}
#else
bool crc32c_has_hw(void)
{
	return false;
}

uint32_t crc32c_hw(uint32_t crc, const void *bytes, size_t len)
{
	return crc32c_table(crc, bytes, len);
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	return crc32c_has_hw() ? crc32c_hw(crc, p, len) : crc32c_table(crc, p, len);
}
