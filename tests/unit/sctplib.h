/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sctplib.h - SCTP packets for tests, written out byte by byte
 */
#ifndef TESTS_SCTPLIB_H
#define TESTS_SCTPLIB_H

#include "pktlib.h"

struct sp {
	bool v6, eth, vlan;
	bool no_df, bad_crc;
	uint8_t tos, ttl; /* ttl 0: 64 */
	uint8_t ext; /* IPv6: an extension header of this kind, 8 bytes */
	uint16_t id, sport;
	uint32_t tag; /* 0: 0xc0ffee01 */
	uint8_t host; /* last byte of the source address, 0: 1 */
	uint32_t flow; /* IPv6 flow label */
	uint32_t tsn; /* of the first chunk */
	uint32_t data; /* bytes of user data of the one DATA chunk, or: */
	const uint8_t *chunks; /* what stands behind the common header */
	uint32_t nchunks;
};

/* Bit by bit: shares nothing with wire/crc32c.c. */
static inline uint32_t naive_crc32c(uint32_t crc, const uint8_t *p, uint32_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static inline void sctp_crc(uint8_t *l4, uint32_t n)
{
	uint32_t crc;

	memset(l4 + 8, 0, 4);
	crc = ~naive_crc32c(~0u, l4, n);
	for (int i = 0; i < 4; i++)
		l4[8 + i] = crc >> 8 * i;
}

/* A DATA chunk of `n` bytes of user data; returns its length with padding. */
static inline uint32_t data_chunk(uint8_t *b, uint32_t tsn, uint32_t n)
{
	uint32_t len = 16 + n;

	memset(b, 0, (len + 3) & ~3u);
	b[1] = 3;
	w16(b + 2, len);
	w32(b + 4, tsn);
	w16(b + 8, 1);
	for (uint32_t i = 0; i < n; i++)
		b[16 + i] = pay(tsn * 1000 + i);
	return (len + 3) & ~3u;
}

static inline uint32_t sp_build(uint8_t *b, const struct sp *t)
{
	uint32_t off = 0, n;
	uint8_t *ip, *l4;

	if (t->eth) {
		memcpy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
		off = 12;
		if (t->vlan) {
			w32(b + off, 0x81000005);
			off += 4;
		}
		w16(b + off, t->v6 ? 0x86dd : 0x0800);
		off += 2;
	}
	ip = b + off;
	l4 = ip + (t->v6 ? 40 + (t->ext ? 8 : 0) : 20);
	w16(l4, 40000 + t->sport);
	w16(l4 + 2, 50000);
	w32(l4 + 4, t->tag ? t->tag : 0xc0ffee01);
	if (t->chunks) {
		n = t->nchunks;
		memcpy(l4 + 12, t->chunks, n);
	} else {
		n = data_chunk(l4 + 12, t->tsn, t->data);
	}
	n += 12;
	sctp_crc(l4, n);
	if (t->bad_crc)
		l4[9] ^= 0x10;
	memset(ip, 0, l4 - ip);
	if (t->v6) {
		w32(ip, 6u << 28 | (uint32_t)t->tos << 20 | t->flow);
		w16(ip + 4, l4 - ip - 40 + n);
		ip[6] = t->ext ? t->ext : 132;
		ip[7] = t->ttl ? t->ttl : 64;
		memcpy(ip + 8, "\x20\x01\x0d\xb8", 4);
		ip[23] = t->host ? t->host : 1;
		memcpy(ip + 24, "\x20\x01\x0d\xb8", 4);
		ip[39] = 2;
		if (t->ext) {
			ip[40] = 132;
			memcpy(ip + 42, "\x01\x04", 2); /* PadN */
		}
	} else {
		ip[0] = 0x45;
		ip[1] = t->tos;
		w16(ip + 2, 20 + n);
		w16(ip + 4, t->id);
		ip[6] = t->no_df ? 0 : 0x40;
		ip[8] = t->ttl ? t->ttl : 64;
		ip[9] = 132;
		memcpy(ip + 12, "\x0a\x6f\x00\x01\x0a\x6f\x00\x02", 8);
		ip[15] = t->host ? t->host : 1;
		fix_ip4(ip);
	}
	return l4 - b + n;
}

#endif
