/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/eth.h - Ethernet II, ARP (RFC 826) and the link-layer option of
 * neighbour discovery (RFC 4861)
 */
#ifndef GUST_WIRE_ETH_H
#define GUST_WIRE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipaddr.h"

#define ETH_HLEN 14
#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_8021Q 0x8100
#define ETHERTYPE_8021AD 0x88a8
#define ETHERTYPE_IP6 0x86dd

struct ethaddr {
	uint8_t b[6];
};

struct eth_hdr {
	struct ethaddr dst, src;
	uint16_t type;
};

int eth_parse(const uint8_t *p, size_t len,
	      struct eth_hdr *ret_h); /* -EINVAL: < 14 */
void eth_build(uint8_t *p, const struct eth_hdr *h);

static inline bool ethaddr_is_group(const struct ethaddr *a)
{
	return a->b[0] & 1;
}

#define ARP_LEN 28
#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp_msg {
	uint16_t op;
	struct ethaddr sha, tha;
	struct ipaddr spa, tpa;
};

/* -EINVAL: short, or not Ethernet/IPv4. */
int arp_parse(const uint8_t *p, size_t len, struct arp_msg *ret_m);
void arp_build(uint8_t *p, const struct arp_msg *m);

/* NS and NA bodies: ICMPv6 header (8), target (16), options. */
struct nd_msg {
	uint8_t type; /* ICMP6_NS or ICMP6_NA */
	bool router, solicited, override; /* NA */
	bool has_lladdr;
	struct ipaddr target;
	struct ethaddr lladdr;
};

/* `p` is the whole ICMPv6 message; -EINVAL: not NS or NA, short, code not 0,
 * target multicast or IPv4-mapped, option of length zero or beyond `len`. */
int nd_parse(const uint8_t *p, size_t len, struct nd_msg *ret_m);
/* Writes the whole message with checksum 0; returns its length (24 or 32). */
size_t nd_build(uint8_t *p, const struct nd_msg *m);

#endif
