/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iplib.h - raw packets for the tests of flow, ip and udp
 *
 * Everything is built from bytes in a slab and dissected, as a port would.
 */
#ifndef TEST_IPLIB_H
#define TEST_IPLIB_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/env.h"
#include "pkt/dissect.h"
#include "pkt/pkt.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define SEC UINT64_C(1000000)

static inline struct ipaddr A(const char *s) {
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static inline struct pkt_pool *
lib_pool(uint32_t slabs, uint32_t pkts)
{
	struct pkt_limits lim = { .slab_len = 256 << 10,
				  .slab_max = slabs,
				  .pkt_max = pkts };
	struct pkt_pool *pool = pkt_pool_new(&lim);

	assert_non_null(pool);
	return pool;
}

/* A packet of these bytes in a slab of its own, not dissected. */
static inline struct gust_pkt *lib_raw(struct pkt_pool *pool, const void *b,
				       uint32_t len)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p;

	assert_non_null(s);
	memcpy(s->data + GUST_HEADROOM, b, len);
	s->used = GUST_HEADROOM + len;
	p = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, len);
	slab_unref(s);
	assert_non_null(p);
	return p;
}

static inline struct gust_pkt *lib_pkt(struct pkt_pool *pool, const void *b,
				       uint32_t len, enum dissect_start start)
{
	struct gust_pkt *p = lib_raw(pool, b, len);

	assert_int_equal(pkt_dissect(p, start), DROP_NONE);
	return p;
}

/* Head and payload, flat. Returns the length. */
static inline uint32_t lib_flat(const struct gust_pkt *p, uint8_t *b, uint32_t max)
{
	assert_true(p->len <= max);
	memcpy(b, p->head, p->hlen);
	assert_int_equal(pkt_payload_copy(p, 0, b + p->hlen, max - p->hlen),
			 p->len - p->hlen);
	return p->len;
}

/* An IPv4 packet around `len` bytes at `data`; `frag`: the flags and offset field
 * as on the wire. Returns its length. */
static inline uint32_t lib_ip4(uint8_t *b, const char *src, const char *dst,
			       uint8_t proto, uint16_t id, uint16_t frag,
			       const void *data, uint32_t len)
{
	struct ipv4_hdr h = { .src = A(src),
			      .dst = A(dst),
			      .id = id,
			      .hlen = 20,
			      .ttl = 64,
			      .proto = proto,
			      .tot_len = 20 + len };

	ipv4_build(b, &h);
	put16(b + 6, frag);
	put16(b + 10, 0);
	put16(b + 10, csum_fold(csum_add(0, b, 20)));
	if (len)
		memmove(b + 20, data, len);
	return 20 + len;
}

static inline uint32_t lib_ip6(uint8_t *b, const char *src, const char *dst,
			       uint8_t nh, const void *data, uint32_t len)
{
	struct ipv6_hdr h = {
		.src = A(src), .dst = A(dst), .nh = nh, .hop = 64, .plen = len
	};

	ipv6_build(b, &h);
	if (len)
		memmove(b + 40, data, len);
	return 40 + len;
}

/* A transport header in front of `len` pattern bytes; ports or id and seq. */
static inline uint32_t lib_udp(uint8_t *b, uint16_t sport, uint16_t dport,
			       uint32_t len)
{
	put16(b, sport);
	put16(b + 2, dport);
	put16(b + 4, 8 + len);
	put16(b + 6, 0);
	for (uint32_t i = 0; i < len; i++)
		b[8 + i] = i * 7 + (i >> 8);
	return 8 + len;
}

static inline uint32_t lib_tcp(uint8_t *b, uint16_t sport, uint16_t dport,
			       uint32_t seq, uint32_t len)
{
	memset(b, 0, 20);
	put16(b, sport);
	put16(b + 2, dport);
	put32(b + 4, seq);
	b[12] = 5 << 4;
	b[13] = 0x10;
	for (uint32_t i = 0; i < len; i++)
		b[20 + i] = i * 5 + (i >> 8);
	return 20 + len;
}

static inline uint32_t lib_icmp(uint8_t *b, uint8_t type, uint8_t code,
				uint32_t rest, const void *data, uint32_t len)
{
	b[0] = type;
	b[1] = code;
	put16(b + 2, 0);
	put32(b + 4, rest);
	if (len)
		memmove(b + 8, data, len);
	return 8 + len;
}

/* Right checksum of a transport message of `len` bytes, stored at `off` of it. */
static inline void lib_csum(uint8_t *b, uint32_t len, unsigned off, const char *src,
			    const char *dst, uint8_t proto)
{
	uint32_t sum = 0;
	struct ipaddr s = A(src), d = A(dst);

	put16(b + off, 0);
	if (proto != IPPROTO_ICMP)
		sum = csum_pseudo(&s, &d, proto, len);
	put16(b + off, csum_fold(csum_add(sum, b, len)));
}

#endif
