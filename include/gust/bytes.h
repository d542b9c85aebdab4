/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gust/bytes.h - network byte order, unaligned, one field at a time
 *
 * Packet bytes are never cast to a struct. Wire order exists only behind
 * these functions. Sums are those of gust_host: 32-bit accumulators in ones'
 * complement of 16-bit words in wire order, not inverted.
 */
#ifndef GUST_BYTES_H
#define GUST_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t gust_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return be16toh(v);
}

static inline uint32_t gust_get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

static inline void gust_put16(void *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, 2);
}

static inline void gust_put32(void *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
}

/* Ones' complement addition (RFC 1071). */
static inline uint32_t gust_sum_add(uint32_t a, uint32_t b)
{
	a += b;
	return a + (a < b);
}

/* Fold to 16 bits, not inverted; gust_sum_fold() inverts: a checksum field. */
static inline uint16_t gust_sum_fold_plain(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static inline uint16_t gust_sum_fold(uint32_t sum)
{
	return (uint16_t)~gust_sum_fold_plain(sum);
}

#endif
