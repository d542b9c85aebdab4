/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fib.h - where to: longest-prefix match for IPv4 and IPv6, with ECMP
 *
 * One thread, the writer, owns a `struct fib` and changes it route by route. What
 * readers use are immutable snapshots: fib_publish() makes one, the writer hands it
 * to the workers as it hands over everything else of the configuration, and gives
 * the former one back with fib_release() when the last worker has let go of it.
 * Readers take no lock and write nothing.
 *
 * Limits (struct fib_conf): routes, distinct destinations, bytes. Reaching one is
 * -ENOSPC for the route that came too late; all others go on.
 */
#ifndef GUST_SWITCH_FIB_H
#define GUST_SWITCH_FIB_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/ipaddr.h"

#define FIB_NH_MAX 16 /* next hops of one route */
#define FIB_ROUTES_MAX (UINT32_C(1) << 18) /* defaults of struct fib_conf */
#define FIB_DESTS_MAX 1024
#define FIB_BYTES_MAX (UINT64_C(96) << 20)

enum fib_type {
	FIB_UNICAST, /* to one of the next hops */
	FIB_LOCAL, /* to our own stack */
	FIB_BLACKHOLE, /* dropped in silence */
	FIB_UNREACH, /* answered: host unreachable */
	FIB_PROHIBIT, /* answered: administratively prohibited */
	FIB_TYPES
};

struct fib_nh {
	uint32_t id; /* port or tunnel: the owner's number */
	uint16_t weight; /* share of the flows, 0: 1 */
	bool has_gw; /* else the destination itself is the neighbour */
	struct ipaddr gw; /* of either family (RFC 8950) */
};

struct fib_dest {
	uint8_t type; /* enum fib_type */
	uint8_t n; /* FIB_UNICAST: 1 to FIB_NH_MAX; otherwise 0 */
	struct fib_nh nh[FIB_NH_MAX];
};

/* 0: the default. */
struct fib_conf {
	uint32_t max_routes; /* both families together */
	uint32_t max_dests; /* distinct struct fib_dest */
	uint64_t
		max_bytes; /* of the tries; at least 1 MiB is used. Memory in all is at
			       most 3 times this and a KiB for each of
			       max_dests */
	uint32_t seed; /* of the choice among next hops: two routers in a row should
			  not choose alike */
};

struct fib_stats {
	uint32_t routes4, routes6, dests;
	uint64_t bytes; /* that the tries need */
	uint64_t garbage; /* that were given up and are not collected yet */
	uint64_t compactions;
};

struct fib;
struct fib_snap;

/* NULL: no memory. */
struct fib *fib_new(const struct fib_conf *conf);
/* Every snapshot was released. NULL is fine. */
void fib_free(struct fib *f);

/*
 * A route to `net`/`plen` (bits in the address's own family). fib_add() refuses
 * one that exists with -EEXIST, fib_set() replaces it.
 * -EINVAL: plen, bits of `net` beyond it, or an impossible `d`; -ENOSPC: a limit;
 * -EBUSY: memory would have to be collected, but snapshots of before the last time
 * are still in use; -ENOMEM. On failure nothing has changed.
 */
int fib_add(struct fib *f, const struct ipaddr *net, unsigned plen,
	    const struct fib_dest *d);
int fib_set(struct fib *f, const struct ipaddr *net, unsigned plen,
	    const struct fib_dest *d);
/* -ENOENT; -EINVAL, -EBUSY, -ENOMEM as above. */
int fib_del(struct fib *f, const struct ipaddr *net, unsigned plen);
/* Exactly this route; NULL: there is none. Good until the next change. */
const struct fib_dest *fib_get(const struct fib *f, const struct ipaddr *net,
			       unsigned plen);
void fib_stats(const struct fib *f, struct fib_stats *ret);

/* What the table is now; the same snapshot again when nothing has changed. NULL: no
 * memory. Each publication is to be released once. */
const struct fib_snap *fib_publish(struct fib *f);
void fib_release(struct fib *f, const struct fib_snap *s /*taken*/);

/* ---- readers ---- */

/* The longest match; NULL: no route. Good as long as the snapshot. */
const struct fib_dest *fib_lookup(const struct fib_snap *s,
				  const struct ipaddr *dst);

/* Which next hop a flow takes: index into d->nh of a unicast destination that
 * fib_lookup() gave. The same hash gives the same next hop; shares are as the
 * weights say. */
unsigned fib_select(const struct fib_snap *s, const struct fib_dest *d,
		    uint32_t hash);

/* Every route, in no promised order; stops when `fn` returns other than 0 and
 * returns that. */
int fib_walk(const struct fib_snap *s,
	     int (*fn)(void *arg, const struct ipaddr *net, unsigned plen,
		       const struct fib_dest *d),
	     void *arg);

#endif
