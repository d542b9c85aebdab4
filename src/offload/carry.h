/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carry.h - superpackets in UDP tunnels, carried as UDP superpackets
 */
#ifndef GUST_OFFLOAD_CARRY_H
#define GUST_OFFLOAD_CARRY_H

#include "offload/plan.h"

/* How a packet's outer datagrams go together. */
struct carry {
	unsigned udp; /* index of the outermost transport in the map */
	uint16_t ip; /* offset of the outer IP header */
	uint16_t hlen; /* what the datagrams share: up to behind the UDP header */
	uint32_t max; /* IP bytes of a superpacket */
	uint32_t segs; /* and its segments, at the most */
};

/* The index of the outermost transport, when it is UDP around other layers; 0: it is
 * not. */
unsigned carry_udp(const struct gust_pkt *p);

/* Does the port carry this superpacket so? It has USO, the outermost transport is
 * UDP around other headers, and there is room for two datagrams. */
bool carry_can(const struct gust_pkt *p, const struct port_caps *caps,
	       struct carry *ret);

/* Cut the innermost transport, checksums inside completed, and put the outer datagrams
 * together again: at the port's limits, in order. What cannot be put together (a
 * limit of memory) goes in datagrams. */
void plan_carry(struct engine *e, struct gust_pkt *p /*taken*/,
		const struct port_caps *caps, const struct carry *c,
		struct gust_batch *out, struct plan_stats *st);

#endif
