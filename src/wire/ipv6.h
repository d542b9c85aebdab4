/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipv6.h - IPv6 header and extension headers (RFC 8200, RFC 2675)
 */
#ifndef GUST_WIRE_IPV6_H
#define GUST_WIRE_IPV6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipaddr.h"

#define IPV6_HLEN 40
#define IPV6_JUMBO_HLEN 8 /* hop-by-hop header holding just the jumbo option */

#define IP6_NH_HOPOPTS 0
#define IP6_NH_ROUTING 43
#define IP6_NH_FRAGMENT 44
#define IP6_NH_ESP 50
#define IP6_NH_AH 51
#define IP6_NH_NONE 59
#define IP6_NH_DSTOPTS 60

struct ipv6_hdr {
	struct ipaddr src, dst;
	uint32_t flow; /* 20 bits */
	uint16_t plen; /* as on the wire */
	uint8_t tclass, nh, hop;
};

/* -EINVAL: shorter than 40 bytes or version not 6. */
int ipv6_parse(const uint8_t *p, size_t len, struct ipv6_hdr *ret_h);
void ipv6_build(uint8_t *p, const struct ipv6_hdr *h);

/* One extension header (HOPOPTS, ROUTING, DSTOPTS, FRAGMENT, AH) at `p`.
 * *ret_len its length in bytes, *ret_nh what follows. -EINVAL: beyond `len`,
 * another kind, AH below its 12 fixed bytes. */
int ipv6_ext_parse(uint8_t kind, const uint8_t *p, size_t len, uint8_t *ret_nh,
		   uint16_t *ret_len);

/* Walk the TLV options of a HOPOPTS or DSTOPTS header of `hlen` bytes. An
 * unknown option whose high bits are 00 is skipped (RFC 8200 4.2). *ret_jumbo is
 * the jumbo length as it stands there, or 0 when there is none; its value and
 * whether it may stand in this kind of header are for the caller to judge.
 * 0, -EINVAL malformed, -EPERM when an unknown option asks for discard
 * (*ret_action: its two high bits, *ret_off its offset from `p`; neither is
 * touched otherwise). */
int ipv6_opts_walk(const uint8_t *p, uint16_t hlen, uint32_t *ret_jumbo,
		   uint8_t *ret_action, uint16_t *ret_off);

struct ipv6_frag {
	uint32_t id;
	uint16_t off; /* bytes */
	bool more;
	uint8_t nh;
};
/* 8 bytes at `p`. */
void ipv6_frag_parse(const uint8_t *p, struct ipv6_frag *ret_f);
void ipv6_frag_build(uint8_t *p, const struct ipv6_frag *f);

/* The 8-byte hop-by-hop header with one jumbo option. `len`: RFC 2675, all
 * bytes behind the IPv6 header, this header included. */
void ipv6_jumbo_build(uint8_t *p, uint8_t nh, uint32_t len);

#endif
