/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mergepkt.h - TCP and UDP packets with every header field settable, for tests of
 * merging
 *
 * Like pktlib.h's tp_build() shares nothing with the code under test. A `struct mp`
 * of zeros but for `len` is a plain segment.
 */
#ifndef TESTS_MERGEPKT_H
#define TESTS_MERGEPKT_H

#include "pkt/dissect.h"
#include "pktlib.h"

struct mp {
	bool v6, udp, eth;
	uint16_t vlan; /* VLAN id, 0: no tag */
	uint8_t src, dst; /* last bytes of the addresses */
	uint16_t sport, dport;
	uint8_t tos, ttl; /* ttl 0: 64 */
	uint32_t label; /* IPv6 flow label */
	uint16_t id;
	bool no_df;
	uint16_t frag; /* more bits of the fragment word */
	uint8_t ipopt; /* bytes of IPv4 options (NOPs) */
	uint8_t hop, dopt; /* IPv6: such a header with this value in it, 0: none */
	bool route, atomic; /* IPv6: routing header, fragment header of a whole */
	uint32_t seq, ack;
	uint16_t flags; /* TCP, AE is 0x100; 0: ACK */
	uint16_t win, urg;
	uint8_t opt[40]; /* TCP options */
	uint8_t optlen;
	bool no_csum; /* UDP: 0 */
	bool bad_csum; /* one bit of it is wrong */
	bool odd_csum; /* 0xffff, made right by the urgent pointer or payload */
	uint32_t from, len; /* payload byte i is pay(from + i) */
};

static inline uint8_t *mp_ext(uint8_t *b, uint8_t **nh, uint8_t type,
			      const uint8_t bytes[8])
{
	**nh = type;
	memcpy(b, bytes, 8);
	*nh = b;
	return b + 8;
}

/* IPv6 header with its extension headers; returns where the transport begins. */
static inline uint8_t *mp_ip6(uint8_t *ip, const struct mp *t)
{
	uint8_t *b = ip + 40, *nh = ip + 6;

	memset(ip, 0, 40);
	w32(ip, 0x60000000 | (uint32_t)t->tos << 20 | t->label);
	ip[7] = t->ttl ? t->ttl : 64;
	memcpy(ip + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(ip + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	ip[23] += t->src;
	ip[39] += t->dst;
	if (t->hop)
		b = mp_ext(b, &nh, 0, (uint8_t[]){ 0, 0, 5, 2, 0, t->hop, 1, 0 });
	if (t->dopt)
		b = mp_ext(b, &nh, 60,
			   (uint8_t[]){ 0, 0, 0x1e, 4, t->dopt, 0, 0, 0 });
	if (t->route)
		b = mp_ext(b, &nh, 43, (uint8_t[]){ 0, 0, 4, 0, 0, 0, 0, 0 });
	if (t->atomic)
		b = mp_ext(b, &nh, 44, (uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 9 });
	*nh = t->udp ? 17 : 6;
	return b;
}

static inline uint8_t *mp_ip4(uint8_t *ip, const struct mp *t)
{
	memset(ip, 0, 20);
	ip[0] = 0x45 + t->ipopt / 4;
	ip[1] = t->tos;
	w16(ip + 4, t->id);
	w16(ip + 6, (t->no_df ? 0 : 0x4000) | t->frag);
	ip[8] = t->ttl ? t->ttl : 64;
	ip[9] = t->udp ? 17 : 6;
	memcpy(ip + 12, "\x0a\x6f\x00\x01\x0a\x6f\x00\x02", 8);
	ip[15] += t->src;
	ip[19] += t->dst;
	memset(ip + 20, 1, t->ipopt);
	return ip + 20 + t->ipopt;
}

static inline void mp_transport(uint8_t *l4, const struct mp *t, uint32_t hlen)
{
	uint16_t flags = t->flags ? t->flags : 0x10;

	memset(l4, 0, hlen);
	w16(l4, 40000u + t->sport);
	w16(l4 + 2, 443u + t->dport);
	if (t->udp) {
		w16(l4 + 4, hlen + t->len > 65535 ? 0 : hlen + t->len);
		return;
	}
	w32(l4 + 4, t->seq);
	w32(l4 + 8, t->ack);
	w16(l4 + 12, (hlen / 4) << 12 | flags);
	w16(l4 + 14, t->win);
	w16(l4 + 18, t->urg);
	memcpy(l4 + 20, t->opt, t->optlen);
}

/* Write the packet; returns its length. */
static inline uint32_t mp_build(uint8_t *b, const struct mp *t)
{
	uint32_t hlen = t->udp ? 8 : 20 + t->optlen, n = hlen + t->len, body;
	uint8_t *ip = b, *l4, *sum;

	if (t->eth) {
		memcpy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
		ip += 12;
		if (t->vlan) {
			w16(ip, 0x8100);
			w16(ip + 2, t->vlan);
			ip += 4;
		}
		w16(ip, t->v6 ? 0x86dd : 0x0800);
		ip += 2;
	}
	l4 = t->v6 ? mp_ip6(ip, t) : mp_ip4(ip, t);
	mp_transport(l4, t, hlen);
	for (uint32_t i = 0; i < t->len; i++)
		l4[hlen + i] = pay(t->from + i);
	body = (uint32_t)(l4 - ip) + n - (t->v6 ? 40 : 0);
	w16(ip + (t->v6 ? 4 : 2), body > 65535 ? 0 : body);
	if (!t->v6)
		fix_ip4(ip);
	if (t->no_csum)
		return (uint32_t)(l4 - b) + n;
	sum = l4 + (t->udp ? 6 : 16);
	if (t->odd_csum) { /* make the sum over all else zero */
		uint8_t *even = t->udp ? l4 + 8 : l4 + 18;

		w16(even, 0);
		w16(even, naive_l4(t->v6 ? ip + 8 : ip + 12, t->v6 ? 32 : 8,
				   t->udp ? 17 : 6, l4, n));
		w16(sum, 0xffff);
	} else {
		w16(sum, naive_l4(t->v6 ? ip + 8 : ip + 12, t->v6 ? 32 : 8,
				  t->udp ? 17 : 6, l4, n));
		if (t->udp && !r16(sum))
			w16(sum, 0xffff);
	}
	sum[1] ^= t->bad_csum;
	return (uint32_t)(l4 - b) + n;
}

#endif
