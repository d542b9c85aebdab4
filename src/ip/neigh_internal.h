/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh_internal.h - what the three files of neigh share: the cache (neigh.c),
 * the stack's own addresses (neigh_own.c), messages (neigh_msg.c)
 */
#ifndef GUST_IP_NEIGH_INTERNAL_H
#define GUST_IP_NEIGH_INTERNAL_H

#include "base/list.h"
#include "base/siphash.h"
#include "ip/neigh.h"

enum neigh_state {
	NEIGH_INCOMPLETE, /* asked by multicast or broadcast, packets wait */
	NEIGH_REACHABLE,
	NEIGH_PROBE, /* known, in use, and asked again by unicast */
};

struct neigh_ent {
	struct list lru; /* or on `unused` */
	struct list timer; /* INCOMPLETE and PROBE */
	struct neigh_ent *next; /* in its bucket */
	struct ipaddr addr;
	struct ethaddr mac;
	uint8_t state;
	uint8_t tries;
	uint64_t due_us, confirmed_us, used_us;
	struct gust_batch wait;
};

struct neigh_own {
	struct ipaddr addr;
	uint8_t state; /* enum neigh_dad */
	uint8_t probes, announced; /* sent so far */
	uint64_t due_us, defended_us;
};

struct neigh {
	struct pkt_pool *pool;
	struct ethaddr mac;
	struct ipaddr linklocal;
	bool responder;

	struct neigh_own *own;
	unsigned n_own;

	struct siphash_key secret;
	bool keyed;
	uint32_t n, n_made, n_wait;
	struct list lru, timers, unused; /* the first is the oldest, the next due */
	struct neigh_ent *ent, **bucket, *last;
	struct gust_batch failed; /* for the next neigh_timer() */
};

/* ---- neigh_msg.c: each appends one frame to `out`; an empty pool sends
 * nothing, as if the frame was lost ---- */

void neigh_eth_push(const struct neigh *n, struct gust_pkt *p,
		    const struct ethaddr *dst);

/* `to` NULL: broadcast. */
void neigh_send_arp(struct neigh *n, struct gust_batch *out, uint16_t op,
		    const struct ethaddr *to, const struct ipaddr *spa,
		    const struct ipaddr *tpa);

/* `src` NULL: unspecified, a DAD probe. `to` NULL: the target's solicited-node
 * group. */
void neigh_send_ns(struct neigh *n, struct gust_batch *out,
		   const struct ipaddr *src, const struct ipaddr *target,
		   const struct ethaddr *to);

/* `dst` and `to` NULL: unsolicited, to all nodes. */
void neigh_send_na(struct neigh *n, struct gust_batch *out,
		   const struct ipaddr *target, const struct ipaddr *dst,
		   const struct ethaddr *to);

/* Ethernet address of a multicast or broadcast destination. */
struct ethaddr neigh_group_mac(const struct ipaddr *dst);

/* Is it ff02::1:ff00:0/104 (RFC 4291 2.7.1)? */
bool neigh_is_solicited_node(const struct ipaddr *a);

/* ---- neigh_own.c ---- */

int neigh_own_set(struct neigh *n, const struct ipaddr *own, unsigned n_own,
		  uint64_t now_us);
struct neigh_own *neigh_own_find(const struct neigh *n, const struct ipaddr *a);

/* Somebody else uses the address. */
void neigh_own_conflict(struct neigh *n, struct neigh_own *o,
			struct gust_batch *out, const struct env *env);

void neigh_own_timer(struct neigh *n, struct gust_batch *out,
		     const struct env *env);
uint64_t neigh_own_deadline(const struct neigh *n);

/* A source for a request: `want` if it is ours, else any usable own address of
 * `target`'s family. NULL: there is none. */
const struct ipaddr *neigh_own_source(const struct neigh *n,
				      const struct ipaddr *want,
				      const struct ipaddr *target);

#endif
