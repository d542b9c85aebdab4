/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - network byte order, unaligned, one field at a time
 *
 * Packet bytes are never cast to a struct. Wire order exists only behind
 * these functions.
 */
#ifndef GUST_WIRE_BYTES_H
#define GUST_WIRE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return be16toh(v);
}

static inline uint32_t get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

static inline void put16(void *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, 2);
}

static inline void put32(void *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
}

/* virtio_net_hdr is little endian (legacy-free, VIRTIO 1.x) */
static inline uint16_t get16le(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return le16toh(v);
}

static inline void put16le(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, 2);
}

#endif
