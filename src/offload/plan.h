/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h - the planner at the edge: make packets fit a port
 *
 * In the order of preference: as it is; in another form of BIG TCP; as smaller
 * superpackets; as UDP superpackets of a tunnel's datagrams (carry.c); with outer
 * headers prepared (GSO_PARTIAL); as single packets. A checksum that the port does
 * not complete is completed here, last and once.
 */
#ifndef GUST_OFFLOAD_PLAN_H
#define GUST_OFFLOAD_PLAN_H

#include "offload/engine.h"

struct plan_stats {
	uint64_t whole; /* superpackets that passed as they were */
	uint64_t cut; /* superpackets that were cut */
	uint64_t pieces; /* into so many */
	uint64_t form; /* given another BIG TCP form */
	uint64_t csum; /* checksums completed in software */
	uint64_t carried; /* USO superpackets made of outer datagrams */
};

/* Make all of `in` fit `caps` and append the results in order. What cannot be
 * carried is dropped by name in the engine's counters. */
void plan_fit(struct engine *e, struct gust_batch *in /*taken*/,
	      const struct port_caps *caps, struct gust_batch *out,
	      struct plan_stats *st);

/* Cut one superpacket into smaller ones of at most `max_len` bytes of IP packet,
 * whatever the port can carry. 0; -EINVAL: it is none, or no plugin cuts it; then
 * `p` still is the caller's. */
int plan_split(struct engine *e, struct gust_pkt *p /*taken*/, uint32_t max_len,
	       struct gust_batch *out);

#endif
