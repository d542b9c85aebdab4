/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.h - what transports ask of IP: put a header on
 */
#ifndef GUST_IP_IP_H
#define GUST_IP_IP_H

#include "base/env.h"
#include "pkt/caps.h"
#include "pkt/pkt.h"
#include "wire/ipaddr.h"

#define IP_TTL_DEFAULT 64

struct ip_tx {
	struct ipaddr src, dst; /* one family */
	uint8_t proto, ttl, tos; /* tos: DSCP and ECN, also the traffic class */
	bool df; /* IPv4 don't fragment */
	uint16_t id; /* IPv4 identification (RFC 6864: 0 is right with DF) */
	uint32_t flow; /* IPv6 flow label, 20 bits */
};

/*
 * Push the IP header in front of p->head, where the transport header stands,
 * and its layer onto the map. A packet above 65535 bytes becomes a BIG TCP
 * packet: IPv4 with tot_len 0; IPv6 in the form that `caps` names (jumbo
 * option preferred when both are set).
 */
void ip_push(struct gust_pkt *p, const struct ip_tx *tx,
	     const struct port_caps *caps);

/* Header bytes that ip_push() adds to a packet that small. */
static inline uint16_t ip_hlen(const struct ipaddr *dst)
{
	return ipaddr_is4(dst) ? 20 : 40;
}

/*
 * Cut a packet that exceeds `mtu` into fragments (RFC 791, RFC 8200 4.5) and
 * append them to `out`; takes `p`, whose checksum must be complete. `id`:
 * identification for all of them. A packet with DF set, or one that is a
 * superpacket, is refused with -EMSGSIZE and still the caller's; -ENOBUFS at a
 * pool limit, nothing appended, still the caller's.
 */
int ip_fragment(struct gust_pkt *p /*taken*/, uint32_t mtu, uint32_t id,
		struct gust_batch *out);

#endif
