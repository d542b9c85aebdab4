/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip/icmp.h - echo, errors sent and errors received
 */
#ifndef GUST_IP_ICMP_H
#define GUST_IP_ICMP_H

#include "base/env.h"
#include "flow/key.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"

/* Token bucket for errors sent (RFC 1812 4.3.2.8, RFC 4443 2.4 f). */
struct icmp_limiter {
	uint64_t last_us;
	uint32_t tokens; /* thousandths of a message */
	uint32_t rate; /* messages a second, 0: 1000 */
	uint32_t burst; /* 0: 50 */
};

bool icmp_limiter_take(struct icmp_limiter *l, const struct env *env);

/* What went wrong, in one vocabulary for both families. */
enum icmp_error {
	ICMP_E_NET_UNREACH,
	ICMP_E_HOST_UNREACH,
	ICMP_E_PROTO_UNREACH,
	ICMP_E_PORT_UNREACH,
	ICMP_E_ADMIN,
	ICMP_E_TOO_BIG, /* `info`: next-hop MTU */
	ICMP_E_TTL,
	ICMP_E_REASM_TIME,
	ICMP_E_PARAM, /* `info`: pointer */
};

/* errno of a host socket -> error; -1 when it has no ICMP form. */
int icmp_error_from_errno(int err);
/* error -> errno for sockets (ECONNREFUSED, EHOSTUNREACH, ...). */
int icmp_error_to_errno(enum icmp_error e);

/*
 * Build the error that answers `about` (dissected, as received; borrowed) from
 * address `from`, quoting as much as RFC 1812 (576 bytes in all) or RFC 4443
 * (1280 bytes) allow. NULL: the pool is empty, or the RFCs forbid an error:
 * about an ICMP error, a fragment other than the first, a multicast or
 * broadcast destination (TOO_BIG over IPv6 excepted), an unspecified or
 * multicast source. Does not ask the limiter. Complete with checksums.
 */
struct gust_pkt *icmp_error_new(struct pkt_pool *pool, const struct gust_pkt *about,
				enum icmp_error e, uint32_t info,
				const struct ipaddr *from);

/*
 * As icmp_error_new(), for an error about a datagram of which only the
 * addresses and ports are known and `data` (a UDP or ICMP echo that came from
 * the inside and that a host socket refused later). `key->in` receives it.
 * ICMP echo: `key->out_port` is the sequence number. Any other protocol: `data`
 * begins with its transport header.
 */
struct gust_pkt *icmp_error_synth(struct pkt_pool *pool, const struct flow_key *key,
				  const void *data, uint32_t len, enum icmp_error e,
				  uint32_t info, const struct ipaddr *from);

/* Turn an echo request round in place (addresses, type, TTL 64, checksum). */
void icmp_echo_reply(struct gust_pkt *p);

/* An echo message built from scratch; `request`: type ECHO, else ECHO_REPLY.
 * `data` is borrowed and copied. */
struct gust_pkt *icmp_echo_new(struct pkt_pool *pool, const struct ipaddr *src,
			       const struct ipaddr *dst, uint8_t ttl, uint8_t tos,
			       bool request, uint16_t id, uint16_t seq,
			       const void *data, uint32_t len);

struct icmp_event {
	enum icmp_error error;
	uint32_t info; /* MTU for TOO_BIG */
	struct flow_key key; /* of the quoted packet, seen as flow_key_of() says */
	struct ipaddr from;
	struct ipaddr src; /* source of the quoted packet (the key of a UDP
				mapping leaves it out) and its port */
	uint16_t sport;
	uint32_t tcp_seq; /* of the quoted TCP segment (RFC 5927) */
	bool has_seq;
};

/* Read a received ICMP or ICMPv6 error. DROP_NONE, DROP_BAD_ICMP, or
 * DROP_NO_PROTO for a message that is no error. The checksum was verified. */
enum drop_reason icmp_error_parse(const struct gust_pkt *p,
				  struct icmp_event *ret_ev);

#endif
