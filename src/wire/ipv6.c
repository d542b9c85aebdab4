/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipv6.c - IPv6 header, extension headers and their options (RFC 8200)
 *
 * One header at a time: the order of extension headers and the limit on their
 * number belong to the dissector, which walks the chain with these.
 */
#include "wire/ipv6.h"

#include <errno.h>

#include "wire/bytes.h"

#define OFF_PLEN 4
#define OFF_NH 6
#define OFF_HOP 7
#define OFF_SRC 8
#define OFF_DST 24

#define FLOW_MASK 0xfffff

#define AH_MIN 12 /* RFC 4302 2: up to the sequence number */

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_JUMBO 0xc2
#define OPT_JUMBO_LEN 4

int ipv6_parse(const uint8_t *p, size_t len, struct ipv6_hdr *ret_h)
{
	uint32_t first;

	if (len < IPV6_HLEN || p[0] >> 4 != 6)
		return -EINVAL;
	first = get32(p);
	*ret_h = (struct ipv6_hdr){
		.src = ipaddr_from6(p + OFF_SRC),
		.dst = ipaddr_from6(p + OFF_DST),
		.flow = first & FLOW_MASK,
		.plen = get16(p + OFF_PLEN),
		.tclass = first >> 20 & 0xff,
		.nh = p[OFF_NH],
		.hop = p[OFF_HOP],
	};
	return 0;
}

void ipv6_build(uint8_t *p, const struct ipv6_hdr *h)
{
	put32(p, 6u << 28 | (uint32_t)h->tclass << 20 | (h->flow & FLOW_MASK));
	put16(p + OFF_PLEN, h->plen);
	p[OFF_NH] = h->nh;
	p[OFF_HOP] = h->hop;
	memcpy(p + OFF_SRC, h->src.b, 16);
	memcpy(p + OFF_DST, h->dst.b, 16);
}

int ipv6_ext_parse(uint8_t kind, const uint8_t *p, size_t len, uint8_t *ret_nh,
		   uint16_t *ret_len)
{
	uint16_t hlen;

	if (len < 8)
		return -EINVAL;
	switch (kind) {
	case IP6_NH_HOPOPTS:
	case IP6_NH_ROUTING:
	case IP6_NH_DSTOPTS:
		hlen = (p[1] + 1) * 8;
		break;
	case IP6_NH_FRAGMENT:
		hlen = 8; /* its second byte is reserved, not a length */
		break;
	case IP6_NH_AH:
		/* RFC 4302 2.2: in units of four bytes, less two */
		hlen = (p[1] + 2) * 4;
		if (hlen < AH_MIN)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (hlen > len)
		return -EINVAL;
	*ret_nh = p[0];
	*ret_len = hlen;
	return 0;
}

int ipv6_opts_walk(const uint8_t *p, uint16_t hlen, uint32_t *ret_jumbo,
		   uint8_t *ret_action, uint16_t *ret_off)
{
	uint32_t jumbo = 0;
	uint16_t off = 2;

	if (hlen < 8)
		return -EINVAL;
	while (off < hlen) {
		uint16_t left = hlen - off;

		if (p[off] == OPT_PAD1) {
			off++;
			continue;
		}
		if (left < 2 || p[off + 1] > left - 2)
			return -EINVAL;
		if (p[off] == OPT_JUMBO) {
			/* RFC 2675 2: four bytes, at 4n + 2; not twice */
			if (p[off + 1] != OPT_JUMBO_LEN || off % 4 != 2 || jumbo)
				return -EINVAL;
			jumbo = get32(p + off + 2);
			if (!jumbo)
				return -EINVAL;
		} else if (p[off] != OPT_PADN && p[off] >> 6) {
			/* RFC 8200 4.2: 01, 10 and 11 all discard; they differ
			 * in the ICMP message */
			*ret_action = p[off] >> 6;
			*ret_off = off;
			return -EPERM;
		}
		off += 2 + p[off + 1];
	}
	*ret_jumbo = jumbo;
	return 0;
}

void ipv6_frag_parse(const uint8_t *p, struct ipv6_frag *ret_f)
{
	uint16_t off = get16(p + 2);

	*ret_f = (struct ipv6_frag){
		.id = get32(p + 4),
		.off = off & 0xfff8, /* units of eight bytes, already shifted */
		.more = off & 1,
		.nh = p[0],
	};
}

void ipv6_frag_build(uint8_t *p, const struct ipv6_frag *f)
{
	p[0] = f->nh;
	p[1] = 0;
	put16(p + 2, (f->off & 0xfff8) | f->more);
	put32(p + 4, f->id);
}

void ipv6_jumbo_build(uint8_t *p, uint8_t nh, uint32_t len)
{
	p[0] = nh;
	p[1] = 0; /* eight bytes */
	p[2] = OPT_JUMBO;
	p[3] = OPT_JUMBO_LEN;
	put32(p + 4, len);
}
