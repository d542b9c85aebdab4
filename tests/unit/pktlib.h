/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pktlib.h - packets for tests, written out byte by byte
 *
 * Shares nothing with the code under test: offsets are numbers, checksums are
 * summed two bytes at a time. `struct tp` says what differs from a plain TCP
 * segment over IPv4.
 */
#ifndef TESTS_PKTLIB_H
#define TESTS_PKTLIB_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pkt/pkt.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

struct tp {
	bool v6, udp, eth;
	bool jumbo; /* IPv6: the hop-by-hop option */
	bool no_csum; /* leave the transport checksum 0 */
	uint8_t flags; /* TCP, 0: ACK */
	uint8_t opt; /* TCP option bytes (NOPs), a multiple of 4 */
	uint16_t id;
	uint32_t seq;
	uint32_t from; /* payload byte i is pay(from + i) */
	uint32_t len; /* payload bytes */
};

static inline uint8_t pay(uint32_t i)
{
	return (uint8_t)((i * 2654435761u) >> 23 ^ i);
}

static inline void w16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void w32(uint8_t *p, uint32_t v)
{
	w16(p, v >> 16);
	w16(p + 2, v);
}

static inline uint32_t r16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t naive_sum(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Checksum of `n` transport bytes at `l4` behind the addresses at `addr`. */
static inline uint16_t naive_l4(const uint8_t *addr, uint32_t alen, uint8_t proto,
				const uint8_t *l4, uint32_t n)
{
	uint8_t tail[8] = { n >> 24, n >> 16, n >> 8, n, 0, 0, 0, proto };
	uint32_t sum =
		naive_sum(naive_sum(naive_sum(0, addr, alen), tail, 8), l4, n);

	return ~sum;
}

/* The IPv4 header's checksum over again. */
static inline void fix_ip4(uint8_t *ip)
{
	w16(ip + 10, 0);
	w16(ip + 10, (uint16_t)~naive_sum(0, ip, (ip[0] & 15) * 4));
}

/* Write the packet; returns its length. */
static inline uint32_t tp_build(uint8_t *b, const struct tp *t)
{
	uint32_t l4len = (t->udp ? 8 : 20 + t->opt) + t->len;
	uint8_t proto = t->udp ? 17 : 6, *ip, *l4;
	uint32_t off = 0;

	if (t->eth) {
		memcpy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
		w16(b + 12, t->v6 ? 0x86dd : 0x0800);
		off = 14;
	}
	ip = b + off;
	if (t->v6) {
		uint32_t body = l4len + (t->jumbo ? 8 : 0);

		memset(ip, 0, 40);
		ip[0] = 0x60;
		w16(ip + 4, body > 65535 ? 0 : body);
		ip[6] = t->jumbo ? 0 : proto;
		ip[7] = 64;
		memcpy(ip + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		memcpy(ip + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
		off += 40;
		if (t->jumbo) {
			memcpy(b + off, (uint8_t[]){ proto, 0, 0xc2, 4 }, 4);
			w32(b + off + 4, body);
			off += 8;
		}
	} else {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		w16(ip + 2, 20 + l4len > 65535 ? 0 : 20 + l4len);
		w16(ip + 4, t->id);
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = proto;
		memcpy(ip + 12, "\x0a\x6f\x00\x01\x0a\x6f\x00\x02", 8);
		fix_ip4(ip);
		off += 20;
	}
	l4 = b + off;
	memset(l4, 0, l4len - t->len);
	w16(l4, 40000);
	w16(l4 + 2, 443);
	if (t->udp) {
		w16(l4 + 4, l4len > 65535 ? 0 : l4len);
	} else {
		w32(l4 + 4, t->seq);
		w32(l4 + 8, 0x11223344);
		l4[12] = (20 + t->opt) / 4 << 4;
		l4[13] = t->flags ? t->flags : 0x10;
		w16(l4 + 14, 0x2000);
		memset(l4 + 20, 1, t->opt);
	}
	for (uint32_t i = 0; i < t->len; i++)
		l4[l4len - t->len + i] = pay(t->from + i);
	if (!t->no_csum)
		w16(l4 + (t->udp ? 6 : 16),
		    naive_l4(t->v6 ? ip + 8 : ip + 12, t->v6 ? 32 : 8, proto, l4,
			     l4len));
	if (t->udp && !t->no_csum && !r16(l4 + 6))
		w16(l4 + 6, 0xffff); /* zero would mean "none" */
	return off + l4len;
}

/* A packet of `n` bytes, as a port makes it. Under AddressSanitizer the bytes
 * behind it must not be read. */
static inline struct gust_pkt *pkt_of(struct pkt_pool *pool, const uint8_t *b,
				      uint32_t n)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p;

	assert_non_null(s);
	assert_true(n <= s->cap - GUST_HEADROOM);
	memcpy(s->data + GUST_HEADROOM, b, n);
	s->used = GUST_HEADROOM + n;
#ifdef __SANITIZE_ADDRESS__
	ASAN_POISON_MEMORY_REGION(s->data + s->used, s->cap - s->used);
#endif
	p = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, n);
	assert_non_null(p);
	slab_unref(s);
	return p;
}

/* All bytes of a packet, on the heap. */
static inline uint8_t *pkt_flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len);

	assert_non_null(b);
	memcpy(b, p->head, p->hlen);
	assert_int_equal(pkt_payload_copy(p, 0, b + p->hlen, p->len),
			 p->len - p->hlen);
	return b;
}

static inline void assert_pkt_bytes(const struct gust_pkt *p, const uint8_t *b,
				    uint32_t n)
{
	uint8_t *f = pkt_flat(p);

	assert_int_equal(p->len, n);
	assert_memory_equal(f, b, n);
	free(f);
}

static inline struct pkt_pool *small_pool(uint32_t slabs, uint32_t pkts)
{
	struct pkt_limits lim = { .slab_max = slabs, .pkt_max = pkts };
	struct pkt_pool *pool = pkt_pool_new(&lim);

	assert_non_null(pool);
	return pool;
}

#endif
