/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.h - which way the kernel would send a packet
 *
 * RTM_GETROUTE, by raw attributes: the kernel's own decision with its rules,
 * tables and cached path MTUs, not a reading of tables.
 */
#ifndef GUST_LINK_ROUTE_H
#define GUST_LINK_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/query.h"
#include "wire/ipaddr.h"

enum route_type {
	ROUTE_NONE, /* no route at all (ENETUNREACH) */
	ROUTE_UNICAST,
	ROUTE_LOCAL, /* an address of this namespace */
	ROUTE_BROADCAST,
	ROUTE_MULTICAST,
	ROUTE_ANYCAST,
	ROUTE_UNREACHABLE, /* a route that says so (EHOSTUNREACH) */
	ROUTE_BLACKHOLE,
	ROUTE_PROHIBIT,
	ROUTE_OTHER,
	ROUTE_TYPES
};

/* Zero, or all-zero addresses: not given. */
struct route_query {
	struct ipaddr dst, src;
	int iif, oif;
	uint32_t mark;
	bool has_uid;
	uint32_t uid;
	uint8_t proto; /* IPPROTO_TCP, _UDP, _ICMP, _ICMPV6 */
	uint16_t sport, dport;
};

struct route_result {
	enum route_type type;
	uint32_t table;
	int oif; /* 0 where nothing leaves */
	bool has_via, has_src;
	struct ipaddr via; /* IPv6 for an IPv4 route is possible (RTA_VIA) */
	struct ipaddr src; /* the address that the kernel would pick */
	uint32_t mtu; /* metric or learnt path MTU, 0: the device's */
	uint16_t encap; /* LWTUNNEL_ENCAP_*, 0: none */
};

/*
 * 0: *ret holds the answer, which may be that there is no way. -EINVAL: the
 * kernel does not take the question (a source address that is none of this
 * namespace); other -errno: netlink failed.
 */
int route_get(struct link_query *q, const struct route_query *rq,
	      struct route_result *ret);

/* "unicast", "unreachable", ... as `ip route` says; "none" for ROUTE_NONE. */
const char *route_type_name(enum route_type t);
/* "mpls", "ip", "seg6", ...; "none" for 0. */
const char *route_encap_name(uint16_t encap);

#endif
