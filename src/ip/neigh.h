/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.h - ARP (RFC 826, 5227) and neighbour discovery (RFC 4861, 4862) for a
 * tap
 *
 * Resolves inside addresses to Ethernet addresses, answers for the stack's own
 * addresses, performs duplicate address detection for them before use. A few
 * packets (8) wait per unresolved neighbour, 128 in all; 4096 neighbours at the
 * most, least recently used goes first. Sends at most 3 requests, a second
 * apart; then the waiting packets are given back as unreachable.
 *
 * The stack is the inside's gateway: what is on no local prefix has no other
 * next hop, so every inside destination is resolved as on-link.
 */
#ifndef GUST_IP_NEIGH_H
#define GUST_IP_NEIGH_H

#include "base/env.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"
#include "wire/eth.h"

struct neigh;

struct neigh_conf {
	struct ethaddr mac; /* the stack's own */
	const struct ipaddr *own; /* the stack's own addresses, copied */
	unsigned n_own;
	bool responder; /* answer and run DAD (one worker only) */
};

struct neigh *neigh_new(struct pkt_pool *pool, const struct neigh_conf *conf);
void neigh_free(struct neigh *n);

/* Own addresses changed: DAD runs for those that are new. */
void neigh_set_own(struct neigh *n, const struct ipaddr *own, unsigned n_own,
		   const struct env *env);

/*
 * A dissected frame (map begins with GUST_L_ETH). ARP, NS and NA are consumed
 * (true; `p` was taken; replies, and packets whose neighbour is now known,
 * appended to `out`, *ret_drop its drop reason or DROP_NONE). A frame for many
 * whose packet is for one is refused (true, taken, DROP_NOT_FOR_US). Any other
 * frame: its source is learned and the frame stays the caller's (false).
 */
bool neigh_input(struct neigh *n, struct gust_pkt *p, struct gust_batch *out,
		 const struct env *env, enum drop_reason *ret_drop);

/*
 * Put an Ethernet header on an IP packet that leaves (map begins with IP).
 * Takes it: appended to `out`, or kept until the neighbour answers, together
 * with a request appended to `out`. DROP_NEIGH_QUEUE: freed.
 */
enum drop_reason neigh_output(struct neigh *n, struct gust_pkt *p /*taken*/,
			      struct gust_batch *out, const struct env *env);

/* Retransmissions, DAD, expiry. Packets whose neighbour did not answer go to
 * `failed` (the caller answers and frees them). */
void neigh_timer(struct neigh *n, struct gust_batch *out, struct gust_batch *failed,
		 const struct env *env);
uint64_t neigh_deadline(const struct neigh *n);

enum neigh_dad { NEIGH_DAD_TENTATIVE, NEIGH_DAD_OK, NEIGH_DAD_DUPLICATE };
/* An address that is none of ours is TENTATIVE: not to be used. */
enum neigh_dad neigh_dad_state(const struct neigh *n, const struct ipaddr *own);

/* The stack's link-local address (modified EUI-64 of its Ethernet address). It
 * is an own address without being in `own`. */
const struct ipaddr *neigh_linklocal(const struct neigh *n);

/* Neighbours known or being resolved. */
uint32_t neigh_n(const struct neigh *n);

#endif
