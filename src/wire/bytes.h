/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - network byte order under the house's short names
 */
#ifndef GUST_WIRE_BYTES_H
#define GUST_WIRE_BYTES_H

#include <gust/bytes.h>

#define get16 gust_get16
#define get32 gust_get32
#define put16 gust_put16
#define put32 gust_put32

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
