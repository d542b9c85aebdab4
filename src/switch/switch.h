/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch.h - what bridges and routers of ours have in common
 */
#ifndef GUST_SWITCH_SWITCH_H
#define GUST_SWITCH_SWITCH_H

#include <gust/packet.h>
#include <stdbool.h>

/* A packet crosses at most so many inside one gust. Ethernet has no TTL, and a tunnel
 * of ours may lead back to a bridge of ours; four nested tunnels with a bridge and a
 * router at every depth stay below. */
#define SWITCH_HOPS_MAX 16

/* Count one crossing; false: too many. */
static inline bool switch_hop(struct gust_pkt *p)
{
	if (p->hops >= SWITCH_HOPS_MAX)
		return false;
	p->hops++;
	return true;
}

#endif
