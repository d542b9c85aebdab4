/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * super.c - packets and superpackets for the oracle
 *
 * Checksums are summed two bytes at a time. Of a superpacket only the transport
 * checksum of the innermost header is partial (the pseudo header's sum); the
 * outer UDP checksum of a tunnel holds its pseudo header's sum as well, as the
 * kernel keeps it (VIRTIO 1.3, 5.1.6.2.1).
 */
#include "super.h"

#include <stdio.h>
#include <string.h>

#define IPPROTO_TCP_ 6
#define IPPROTO_UDP_ 17

const uint8_t super_src4[4] = { 198, 18, 1, 2 };
const uint8_t super_dst4[4] = { 198, 18, 2, 2 };
const uint8_t super_src6[16] = { 0xfd, 0x67, 0, 0, 0, 0, 0, 1, [15] = 2 };
const uint8_t super_dst6[16] = { 0xfd, 0x67, 0, 0, 0, 0, 0, 2, [15] = 2 };

static void w16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void w32(uint8_t *p, uint32_t v)
{
	w16(p, v >> 16);
	w16(p + 2, v);
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, uint32_t n)
{
	uint64_t s = sum;

	for (; n > 1; n -= 2, p += 2)
		s += p[0] << 8 | p[1];
	if (n)
		s += p[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

uint8_t super_pay(uint32_t i)
{
	return (uint8_t)((i * 2654435761u) >> 23 ^ i);
}

void super_init(struct super *s, bool v6, bool udp)
{
	memset(s, 0, sizeof(*s));
	s->ip.v6 = v6;
	s->ip.ttl = 64;
	s->ip.id = 0x1234;
	s->ip.frag = 0x4000;
	s->udp = udp;
	s->sport = 40000;
	s->dport = 443;
	s->flags = SUPER_ACK;
	s->seq = 0x01020304;
	s->ack = 0x0a0b0c0d;
	s->win = 8192;
}

static uint32_t ip_len(const struct super_ip *ip)
{
	uint32_t n = 40 + (ip->jumbo ? 8 : 0);

	if (!ip->v6)
		return 20 + ip->opt_len;
	for (unsigned i = 0; i < ip->next; i++)
		n += 8 + 8 * ip->ext_units[i];
	return n;
}

static uint32_t l4_len(const struct super *s)
{
	return s->udp ? 8 : 20 + s->opt_len;
}

static uint32_t l2_len(const struct super *s)
{
	return s->l2 ? s->vlan ? 18 : 14 : 0;
}

/* From the outer UDP header up to the inner IP header. */
#define VX_LEN (8 + 8 + 14)

uint32_t super_hdrs(const struct super *s)
{
	return ip_len(&s->ip) + (s->vxlan ? VX_LEN + ip_len(&s->inner) : 0) +
	       l4_len(s);
}

static const struct super_ip *innermost(const struct super *s)
{
	return s->vxlan ? &s->inner : &s->ip;
}

/* ---- parts ---- */

static void build_ip4(uint8_t *b, const struct super_ip *ip, uint8_t proto,
		      uint32_t body)
{
	uint32_t hlen = 20 + ip->opt_len, tot = hlen + body;

	memset(b, 0, 20);
	b[0] = 0x40 | hlen / 4;
	b[1] = ip->tos;
	w16(b + 2, tot > 65535 ? 0 : tot);
	w16(b + 4, ip->id);
	w16(b + 6, ip->frag);
	b[8] = ip->ttl;
	b[9] = proto;
	memcpy(b + 12, super_src4, 4);
	memcpy(b + 16, super_dst4, 4);
	memcpy(b + 20, ip->opt, ip->opt_len);
	w16(b + 10, (uint16_t)~sum16(0, b, hlen) ^ (ip->bad_csum ? 0x0100 : 0));
}

/* A hop-by-hop or destination header with one experimental option (RFC 4727; the
 * kernel drops longer padding), or a routing header without segments left. */
static void build_ext(uint8_t *b, uint8_t kind, uint8_t units)
{
	memset(b, 0, 8 + 8 * units);
	b[1] = units;
	if (kind == 43) {
		b[2] = 4;
		return;
	}
	b[2] = 0x1e;
	b[3] = 4 + 8 * units;
}

static void build_ip6(uint8_t *b, const struct super_ip *ip, uint8_t proto,
		      uint32_t body)
{
	uint8_t *nh = b + 6, *at = b + 40;

	body += ip_len(ip) - 40;
	w32(b, UINT32_C(6) << 28 | (uint32_t)ip->tos << 20 | ip->flow);
	w16(b + 4, body > 65535 ? 0 : body);
	b[7] = ip->ttl;
	memcpy(b + 8, super_src6, 16);
	memcpy(b + 24, super_dst6, 16);
	if (ip->jumbo) {
		*nh = 0;
		nh = at;
		memcpy(at, "\0\0\xc2\4", 4);
		w32(at + 4, body);
		at += 8;
	}
	for (unsigned i = 0; i < ip->next; i++) {
		*nh = ip->ext[i];
		build_ext(at, ip->ext[i], ip->ext_units[i]);
		nh = at;
		at += 8 + 8 * ip->ext_units[i];
	}
	*nh = proto;
}

static void build_ip(uint8_t *b, const struct super_ip *ip, uint8_t proto,
		     uint32_t body)
{
	if (ip->v6)
		build_ip6(b, ip, proto, body);
	else
		build_ip4(b, ip, proto, body);
}

static uint32_t pseudo(const struct super_ip *ip, uint8_t proto, uint32_t len)
{
	uint8_t tail[8] = { len >> 24, len >> 16, len >> 8, len, 0, 0, 0, proto };
	uint32_t sum = sum16(0, tail, 8);

	sum = sum16(sum, ip->v6 ? super_src6 : super_src4, ip->v6 ? 16 : 4);
	return sum16(sum, ip->v6 ? super_dst6 : super_dst4, ip->v6 ? 16 : 4);
}

static void build_l4(uint8_t *b, const struct super *s)
{
	uint32_t hlen = l4_len(s), len = hlen + s->len;
	uint8_t proto = s->udp ? IPPROTO_UDP_ : IPPROTO_TCP_;
	uint8_t *field = b + (s->udp ? 6 : 16);
	uint32_t sum = pseudo(innermost(s), proto, len);

	memset(b, 0, hlen);
	w16(b, s->sport);
	w16(b + 2, s->dport);
	if (s->udp) {
		w16(b + 4, len > 65535 ? 0 : len);
	} else {
		w32(b + 4, s->seq);
		w32(b + 8, s->ack);
		b[12] = hlen / 4 << 4 | (s->flags & SUPER_AE ? 1 : 0);
		b[13] = s->flags;
		w16(b + 14, s->win);
		w16(b + 18, s->urg);
		memcpy(b + 20, s->opt, s->opt_len);
	}
	for (uint32_t i = 0; i < s->len; i++)
		b[hlen + i] = super_pay(s->from + i);
	if (s->no_csum)
		return;
	if (!s->gso_size) {
		sum = (uint16_t)~sum16(sum, b, len);
		if (!sum && (s->udp || s->odd_zero))
			sum = 0xffff;
	}
	w16(field, sum ^ (s->bad_csum ? 0x0101 : 0));
}

static void build_eth(uint8_t *b, const uint8_t *d, const uint8_t *src, bool v6)
{
	memcpy(b, d, 6);
	memcpy(b + 6, src, 6);
	w16(b + 12, v6 ? 0x86dd : 0x0800);
}

/* Outer UDP, VXLAN (RFC 7348 section 5), inner Ethernet, in front of `body` bytes
 * of inner packet, which are there already. */
static void build_vxlan(uint8_t *b, const struct super *s, uint32_t body)
{
	static const uint8_t d[6] = { 2, 0, 0, 0, 7, 1 },
			     e[6] = { 2, 0, 0, 0, 7, 2 };
	uint32_t len = VX_LEN + body, sum;

	memset(b, 0, VX_LEN);
	w16(b, s->vx_sport);
	w16(b + 2, 4789);
	w16(b + 4, len);
	b[8] = 0x08;
	w32(b + 12, s->vni << 8);
	build_eth(b + 16, d, e, s->inner.v6);
	if (!s->outer_csum)
		return;
	sum = pseudo(&s->ip, IPPROTO_UDP_, len);
	if (!s->gso_size) {
		sum = (uint16_t)~sum16(sum, b, len);
		if (!sum)
			sum = 0xffff;
	}
	w16(b + 6, sum);
}

uint32_t super_build(uint8_t *b, const struct super *s)
{
	uint32_t l2 = l2_len(s), l3 = ip_len(&s->ip), l4 = l4_len(s) + s->len;
	uint8_t proto = s->udp ? IPPROTO_UDP_ : IPPROTO_TCP_;
	uint8_t *at = b + l2;

	if (s->l2)
		build_eth(b, s->dmac, s->smac, s->ip.v6);
	if (s->vlan) {
		memmove(b + 16, b + 12, 2);
		w16(b + 12, 0x8100);
		w16(b + 14, s->vlan);
	}
	if (!s->vxlan) {
		build_ip(at, &s->ip, proto, l4);
		build_l4(at + l3, s);
		return l2 + l3 + l4;
	}
	l4 += ip_len(&s->inner);
	build_ip(at, &s->ip, IPPROTO_UDP_, VX_LEN + l4);
	at += l3 + VX_LEN;
	build_ip(at, &s->inner, proto, l4 - ip_len(&s->inner));
	build_l4(at + ip_len(&s->inner), s);
	build_vxlan(at - VX_LEN, s, l4);
	return l2 + l3 + VX_LEN + l4;
}

uint16_t super_add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return sum + (sum >> 16);
}

uint16_t super_csum(uint8_t *b, const struct super *s, bool outer)
{
	uint32_t at = super_build(b, s) - s->len - l4_len(s) + (s->udp ? 6 : 16);

	if (outer)
		at = l2_len(s) + ip_len(&s->ip) + 6;
	return b[at] << 8 | b[at + 1];
}

/* ---- metadata ---- */

static void w16le(uint8_t *p, uint32_t v)
{
	p[0] = v;
	p[1] = v >> 8;
}

void super_vnet(uint8_t vh[SUPER_VH_LEN], const struct super *s)
{
	uint32_t th = l2_len(s) + super_hdrs(s) - l4_len(s);
	bool v6 = innermost(s)->v6;

	memset(vh, 0, SUPER_VH_LEN);
	if (!s->gso_size)
		return;
	vh[0] = s->no_csum ? 0 : 1; /* NEEDS_CSUM */
	vh[1] = s->ufo ? 3 : s->udp ? 5 : v6 ? 4 : 1;
	vh[1] |= s->ecn ? 0x80 : 0;
	w16le(vh + 2, th + l4_len(s));
	w16le(vh + 4, s->gso_size);
	w16le(vh + 6, th);
	w16le(vh + 8, s->udp ? 6 : 16);
	if (!s->vxlan)
		return;
	vh[0] |= s->outer_csum ? 8 : 0; /* UDP_TUNNEL_CSUM */
	vh[1] |= s->ip.v6 ? 0x40 : 0x20;
	w16le(vh + 20, l2_len(s) + ip_len(&s->ip));
	w16le(vh + 22, l2_len(s) + ip_len(&s->ip) + VX_LEN);
}

static int text_ip(const struct super_ip *ip, char *buf, size_t len)
{
	if (!ip->v6)
		return snprintf(buf, len,
				"IPv4{tos %02x ttl %u id %u frag %04x opt %u%s}",
				ip->tos, ip->ttl, ip->id, ip->frag, ip->opt_len,
				ip->bad_csum ? " bad csum" : "");
	return snprintf(
		buf, len, "IPv6{class %02x hop %u flow %05x ext %u:%u,%u,%u,%u%s}",
		ip->tos, ip->ttl, ip->flow, ip->next, ip->ext[0], ip->ext[1],
		ip->ext[2], ip->ext[3], ip->jumbo ? " jumbo" : "");
}

const char *super_text(const struct super *s, char *buf, size_t len)
{
	char a[128], b[128] = "";

	text_ip(&s->ip, a, sizeof(a));
	if (s->vxlan)
		text_ip(&s->inner, b, sizeof(b));
	snprintf(
		buf, len,
		"%s%s%s%s%s %s{sport %u flags %03x opt %u seq %08x ack %08x win %u "
		"urg %u%s%s} payload %u gso %u%s%s",
		s->l2 ? "eth " : "", s->vlan ? "vlan " : "", a,
		s->vxlan ? s->outer_csum ? " vxlan+csum " : " vxlan " : "", b,
		s->udp ? "UDP" : "TCP", s->sport, s->flags, s->opt_len, s->seq,
		s->ack, s->win, s->urg, s->no_csum ? " no csum" : "",
		s->bad_csum ? " bad csum" :
		s->odd_zero ? " odd zero" :
			      "",
		s->len, s->gso_size, s->ufo ? " ufo" : "", s->ecn ? " ecn" : "");
	return buf;
}
