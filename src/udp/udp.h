/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp.h - datagrams and superpackets of datagrams; mapping lifetimes
 */
#ifndef GUST_UDP_UDP_H
#define GUST_UDP_UDP_H

#include "base/env.h"
#include "flow/key.h"
#include "pkt/caps.h"
#include "pkt/pkt.h"

struct udp_conf {
	uint32_t timeout_us; /* RFC 4787 REQ-5: not below 2 minutes; 5 minutes */
	uint32_t timeout_oneway_us; /* nothing came back yet: 2 minutes */
	uint32_t timeout_dns_us; /* out port 53, one answer seen: 17 s
				       (RFC 4787 REQ-5 b allows well-known ports) */
	uint8_t ttl;
};
void udp_conf_defaults(struct udp_conf *c);

/* What a mapping has seen, for its lifetime. */
struct udp_life {
	uint64_t last_out_us, last_in_us; /* towards the host; towards the inside */
	bool only_dns; /* every datagram out went to port 53 */
	uint32_t n_out, n_in;
};

/* RFC 4787 REQ-6: outbound refreshes; inbound refreshes too (RFC 7857 7 lets
 * the administrator see it: counters). Absolute expiry. */
uint64_t udp_expiry(const struct udp_conf *c, const struct udp_life *l);

/*
 * A (super)packet of datagrams for the inside. Takes the reference of `f`
 * (f->len bytes of payload, 0 for an empty datagram with f->slab NULL).
 * `gso_size`: payload of each datagram, 0 or >= f->len for a single one. NULL at
 * a pool limit (then the reference is dropped). The checksum is owed
 * (GUST_F_CSUM). `id`: IPv4 identification.
 */
struct gust_pkt *udp_packet(struct pkt_pool *pool, const struct ipaddr *src,
			    uint16_t sport, const struct ipaddr *dst,
			    uint16_t dport, uint8_t ttl, uint8_t tos, uint16_t id,
			    struct gust_frag *f /*taken*/, uint16_t gso_size,
			    const struct port_caps *caps);

#endif
