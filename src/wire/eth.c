/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/eth.c - Ethernet II, ARP and neighbour discovery messages
 *
 * Only what a link of kind Ethernet needs. Checksums of neighbour discovery
 * and the hop limit of 255 belong to the IPv6 layer around it.
 */
#include "wire/eth.h"

#include <errno.h>

#include "wire/bytes.h"
#include "wire/icmp.h"

#define ARP_HTYPE_ETHER 1

#define ND_MIN 24 /* ICMPv6 header and target */
#define ND_TARGET 8
#define ND_OPT_SOURCE_LL 1
#define ND_OPT_TARGET_LL 2
#define ND_OPT_UNIT 8 /* an Ethernet address makes exactly one unit */

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

int eth_parse(const uint8_t *p, size_t len, struct eth_hdr *ret_h)
{
	if (len < ETH_HLEN)
		return -EINVAL;
	memcpy(ret_h->dst.b, p, 6);
	memcpy(ret_h->src.b, p + 6, 6);
	ret_h->type = get16(p + 12);
	return 0;
}

void eth_build(uint8_t *p, const struct eth_hdr *h)
{
	memcpy(p, h->dst.b, 6);
	memcpy(p + 6, h->src.b, 6);
	put16(p + 12, h->type);
}

int arp_parse(const uint8_t *p, size_t len, struct arp_msg *ret_m)
{
	if (len < ARP_LEN || get16(p) != ARP_HTYPE_ETHER ||
	    get16(p + 2) != ETHERTYPE_IP4 || p[4] != 6 || p[5] != 4)
		return -EINVAL;
	ret_m->op = get16(p + 6);
	memcpy(ret_m->sha.b, p + 8, 6);
	ret_m->spa = ipaddr_from4(p + 14);
	memcpy(ret_m->tha.b, p + 18, 6);
	ret_m->tpa = ipaddr_from4(p + 24);
	return 0;
}

void arp_build(uint8_t *p, const struct arp_msg *m)
{
	put16(p, ARP_HTYPE_ETHER);
	put16(p + 2, ETHERTYPE_IP4);
	p[4] = 6;
	p[5] = 4;
	put16(p + 6, m->op);
	memcpy(p + 8, m->sha.b, 6);
	memcpy(p + 14, m->spa.b + 12, 4);
	memcpy(p + 18, m->tha.b, 6);
	memcpy(p + 24, m->tpa.b + 12, 4);
}

/* A solicitation carries its sender's address, an advertisement the target's. */
static uint8_t nd_opt_kind(uint8_t type)
{
	return type == ICMP6_NS ? ND_OPT_SOURCE_LL : ND_OPT_TARGET_LL;
}

static int nd_parse_opts(const uint8_t *p, size_t len, struct nd_msg *m)
{
	while (len) {
		size_t opt_len;

		if (len < 2)
			return -EINVAL;
		opt_len = (size_t)p[1] * ND_OPT_UNIT;
		/* RFC 4861 4.6: length 0 discards the whole message */
		if (!opt_len || opt_len > len)
			return -EINVAL;
		/* another length is the address of another kind of link */
		if (p[0] == nd_opt_kind(m->type) && opt_len == ND_OPT_UNIT) {
			memcpy(m->lladdr.b, p + 2, 6);
			m->has_lladdr = true;
		}
		p += opt_len;
		len -= opt_len;
	}
	return 0;
}

int nd_parse(const uint8_t *p, size_t len, struct nd_msg *ret_m)
{
	struct nd_msg m = { 0 };
	int err;

	/* RFC 4861 7.1.1, 7.1.2: code 0, 24 bytes or more, target unicast */
	if (len < ND_MIN || (p[0] != ICMP6_NS && p[0] != ICMP6_NA) || p[1])
		return -EINVAL;
	m.type = p[0];
	if (m.type == ICMP6_NA) {
		m.router = p[4] & NA_ROUTER;
		m.solicited = p[4] & NA_SOLICITED;
		m.override = p[4] & NA_OVERRIDE;
	}
	m.target = ipaddr_from6(p + ND_TARGET);
	/* an IPv4-mapped target would reach into ARP's table */
	if (ipaddr_is_multicast(&m.target) || ipaddr_is4(&m.target))
		return -EINVAL;
	err = nd_parse_opts(p + ND_MIN, len - ND_MIN, &m);
	if (err)
		return err;
	*ret_m = m;
	return 0;
}

size_t nd_build(uint8_t *p, const struct nd_msg *m)
{
	memset(p, 0, ND_MIN);
	p[0] = m->type;
	if (m->type == ICMP6_NA)
		p[4] = (m->router ? NA_ROUTER : 0) |
		       (m->solicited ? NA_SOLICITED : 0) |
		       (m->override ? NA_OVERRIDE : 0);
	memcpy(p + ND_TARGET, m->target.b, 16);
	if (!m->has_lladdr)
		return ND_MIN;
	p[ND_MIN] = nd_opt_kind(m->type);
	p[ND_MIN + 1] = 1;
	memcpy(p + ND_MIN + 2, m->lladdr.b, 6);
	return ND_MIN + ND_OPT_UNIT;
}
