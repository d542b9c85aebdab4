/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh_own.c - the stack's own addresses on a tap: duplicate address
 * detection, announcement, defence
 *
 * An address begins TENTATIVE: it is probed for and not answered for. When
 * nobody objected it is OK and announced; when somebody did it is DUPLICATE for
 * good, until the administrator changes the addresses. Neighbour discovery
 * follows RFC 4862 5.4 without the random delay, which is there to keep a
 * building full of hosts from starting in step. ARP follows RFC 5227 with two
 * deviations, named at the constants.
 *
 * With `responder` false another worker does all this and every address counts
 * as usable.
 */
#include "ip/neigh_internal.h"

#include <errno.h>
#include <stdlib.h>

/*
 * RFC 5227 1.1: PROBE_NUM 3, PROBE_MIN 1 s, PROBE_MAX 2 s, PROBE_WAIT 1 s,
 * ANNOUNCE_WAIT 2 s. Those make a daemon wait up to nine seconds for its
 * address. A tap leads to a kernel or a virtual machine that answers within
 * milliseconds: two probes 200 ms apart, ready 200 ms after the second.
 */
#define ARP_PROBE_NUM 2
#define ARP_PROBE_US UINT64_C(200000)
#define ND_PROBE_NUM 1 /* RFC 4862 5.1 DupAddrDetectTransmits */
#define ND_PROBE_US UINT64_C(1000000) /* RFC 4861 10 RetransTimer */
#define ANNOUNCE_NUM 2 /* RFC 5227 1.1; RFC 4861 7.2.6: up to 3 */
#define ANNOUNCE_US UINT64_C(2000000) /* RFC 5227 1.1; not below RetransTimer */
#define DEFEND_US UINT64_C(10000000) /* RFC 5227 1.1 DEFEND_INTERVAL */

struct neigh_own *neigh_own_find(const struct neigh *n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n->n_own; i++)
		if (ipaddr_eq(&n->own[i].addr, a))
			return &n->own[i];
	return NULL;
}

static void add(const struct neigh *old, struct neigh *n, const struct ipaddr *a,
		uint64_t now_us)
{
	const struct neigh_own *known = neigh_own_find(old, a);

	if (neigh_own_find(n, a))
		return;
	if (known) {
		n->own[n->n_own++] = *known;
		return;
	}
	n->own[n->n_own++] = (struct neigh_own){
		.addr = *a,
		.state = n->responder ? NEIGH_DAD_TENTATIVE : NEIGH_DAD_OK,
		.due_us = n->responder ? now_us : ENV_NEVER,
	};
}

int neigh_own_set(struct neigh *n, const struct ipaddr *own, unsigned n_own,
		  uint64_t now_us)
{
	struct neigh old = *n;

	n->own = calloc(n_own + 1, sizeof(*n->own));
	if (!n->own) {
		n->own = old.own; /* what was keeps working */
		return -ENOMEM;
	}
	n->n_own = 0;
	for (unsigned i = 0; i < n_own; i++)
		add(&old, n, &own[i], now_us);
	add(&old, n, &n->linklocal, now_us);
	free(old.own);
	return 0;
}

static void probe(struct neigh *n, struct neigh_own *o, struct gust_batch *out)
{
	if (ipaddr_is4(&o->addr)) {
		struct ipaddr none = ipaddr_from4("\0\0\0");

		/* RFC 5227 2.1.1: sender address zero, to pollute no cache */
		neigh_send_arp(n, out, ARP_REQUEST, NULL, &none, &o->addr);
	} else {
		neigh_send_ns(n, out, NULL, &o->addr, NULL);
	}
}

static void announce(struct neigh *n, struct neigh_own *o, struct gust_batch *out)
{
	if (ipaddr_is4(&o->addr)) /* RFC 5227 2.3 */
		neigh_send_arp(n, out, ARP_REQUEST, NULL, &o->addr, &o->addr);
	else /* RFC 4861 7.2.6 */
		neigh_send_na(n, out, &o->addr, NULL, NULL);
}

void neigh_own_conflict(struct neigh *n, struct neigh_own *o,
			struct gust_batch *out, const struct env *env)
{
	if (!n->responder)
		return;
	if (o->state == NEIGH_DAD_TENTATIVE) {
		o->state = NEIGH_DAD_DUPLICATE;
		o->due_us = ENV_NEVER;
		return;
	}
	/* RFC 5227 2.4 c: a host whose address others rely on keeps it and says
	 * so, but no more than once in DEFEND_INTERVAL */
	if (o->state != NEIGH_DAD_OK ||
	    (o->defended_us && env->now_us - o->defended_us < DEFEND_US))
		return;
	o->defended_us = env->now_us;
	announce(n, o, out);
}

void neigh_own_timer(struct neigh *n, struct gust_batch *out, const struct env *env)
{
	for (unsigned i = 0; i < n->n_own; i++) {
		struct neigh_own *o = &n->own[i];
		bool v4 = ipaddr_is4(&o->addr);

		if (o->due_us > env->now_us)
			continue;
		if (o->state == NEIGH_DAD_TENTATIVE &&
		    o->probes < (v4 ? ARP_PROBE_NUM : ND_PROBE_NUM)) {
			probe(n, o, out);
			o->probes++;
			o->due_us = env->now_us + (v4 ? ARP_PROBE_US : ND_PROBE_US);
			continue;
		}
		o->state = NEIGH_DAD_OK;
		announce(n, o, out);
		o->announced++;
		o->due_us = o->announced < ANNOUNCE_NUM ?
				    env->now_us + ANNOUNCE_US :
				    ENV_NEVER;
	}
}

uint64_t neigh_own_deadline(const struct neigh *n)
{
	uint64_t t = ENV_NEVER;

	for (unsigned i = 0; i < n->n_own; i++)
		if (n->own[i].due_us < t)
			t = n->own[i].due_us;
	return t;
}

const struct ipaddr *neigh_own_source(const struct neigh *n,
				      const struct ipaddr *want,
				      const struct ipaddr *target)
{
	const struct neigh_own *o = want ? neigh_own_find(n, want) : NULL;

	if (o && o->state == NEIGH_DAD_OK)
		return &o->addr;
	for (unsigned i = 0; i < n->n_own; i++)
		if (n->own[i].state == NEIGH_DAD_OK &&
		    ipaddr_is4(&n->own[i].addr) == ipaddr_is4(target))
			return &n->own[i].addr;
	return NULL;
}

enum neigh_dad neigh_dad_state(const struct neigh *n, const struct ipaddr *own)
{
	const struct neigh_own *o = neigh_own_find(n, own);

	return o ? o->state : NEIGH_DAD_TENTATIVE;
}
