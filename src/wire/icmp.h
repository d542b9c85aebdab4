/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/icmp.h - ICMP and ICMPv6 (RFC 792, 1191, 4443)
 */
#ifndef GUST_WIRE_ICMP_H
#define GUST_WIRE_ICMP_H

#include <stddef.h>
#include <stdint.h>

#define ICMP_HLEN 8

#define ICMP4_ECHO_REPLY 0
#define ICMP4_UNREACH 3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_ECHO 8
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAM_PROBLEM 12

#define ICMP4_UNREACH_NET 0
#define ICMP4_UNREACH_HOST 1
#define ICMP4_UNREACH_PROTO 2
#define ICMP4_UNREACH_PORT 3
#define ICMP4_UNREACH_FRAG_NEEDED 4
#define ICMP4_UNREACH_ADMIN 13

#define ICMP6_UNREACH 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAM_PROBLEM 4
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_RS 133
#define ICMP6_RA 134
#define ICMP6_NS 135
#define ICMP6_NA 136

#define ICMP6_UNREACH_NO_ROUTE 0
#define ICMP6_UNREACH_ADMIN 1
#define ICMP6_UNREACH_ADDR 3
#define ICMP6_UNREACH_PORT 4

struct icmp_hdr {
	uint8_t type, code;
	uint16_t csum;
	uint32_t rest; /* id << 16 | seq of an echo; MTU; pointer */
};

/* The 8 bytes at `p`; -EINVAL: shorter. */
int icmp_parse(const uint8_t *p, size_t len, struct icmp_hdr *ret_h);
/* Checksum field as given in h->csum. */
void icmp_build(uint8_t *p, const struct icmp_hdr *h);

#endif
