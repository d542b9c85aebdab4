/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c.h - the Castagnoli CRC of SCTP (RFC 9260 appendix A)
 *
 * Raw: the caller begins with ~0 and inverts the result. Bytes may come in pieces:
 * crc32c(crc32c(~0, a, n), b, m) is the CRC of a and b one behind the other.
 */
#ifndef GUST_WIRE_CRC32C_H
#define GUST_WIRE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By the processor's instruction where it has one, else by table. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/* The two ways, for tests. crc32c_hw() may be called when crc32c_has_hw(). */
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len);
uint32_t crc32c_hw(uint32_t crc, const void *p, size_t len);
bool crc32c_has_hw(void);

/* SCTP stores the least significant byte first: the value of the checksum field,
 * as get16() and friends would read it, from a finished raw CRC. */
static inline uint32_t crc32c_field(uint32_t raw)
{
	return __builtin_bswap32(~raw);
}

#endif
