/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bridge.h - Ethernet frames between ports, superpackets whole
 *
 * A bridge decides and does not send: frames of a port go in, frames for ports come
 * out, in batches. A port is a device or a tunnel; a tunnel may have several remotes,
 * which are told apart when learning and each get a copy when flooding (head-end
 * replication), but never from one another: whoever came from a port does not go back
 * to it (hairpin off, and for tunnels the split horizon that keeps a full mesh free of
 * loops).
 *
 * One bridge object a worker; see fdb.h for what they tell each other.
 */
#ifndef GUST_SWITCH_BRIDGE_H
#define GUST_SWITCH_BRIDGE_H

#include "base/env.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"
#include "switch/fdb.h"

#define BRIDGE_PORTS_MAX FDB_PORTS_MAX
#define BRIDGE_REMOTES_MAX 256 /* of one port */
#define BRIDGE_FLOOD_RATE 10000 /* frames a second; default */
#define BRIDGE_UNLIMITED UINT32_MAX

struct bridge_conf {
	struct fdb_conf fdb;
	struct pkt_pool *pool; /* for clones; borrowed, as all below */
	struct drop_counters *drops;
	const struct siphash_key *secret; /* copied */
};

struct bridge_port_conf {
	/* What may be flooded of the frames that come in here, in frames a second
	 * (segments count) and at once. 0: BRIDGE_FLOOD_RATE, and a tenth of the
	 * rate; BRIDGE_UNLIMITED */
	uint32_t flood_rate, flood_burst;
	uint32_t fdb_max; /* stations learned here; 0: as the table allows */
	uint16_t remotes; /* of a tunnel; 0: 1 */
};

struct bridge_stats {
	uint64_t forwarded, flooded; /* superpackets */
	uint64_t copies; /* that flooding made */
};

struct bridge;

/* NULL: no memory. */
struct bridge *bridge_new(const struct bridge_conf *conf);
void bridge_free(struct bridge *b); /* with the packets that are still in it */

/* Ports have numbers of the caller's choice, below BRIDGE_PORTS_MAX. -EINVAL: number
 * or conf; -EEXIST; -ENOMEM. */
int bridge_port_add(struct bridge *b, unsigned port,
		    const struct bridge_port_conf *conf);
/* The same port with other limits or another number of remotes; stations behind
 * remotes that are no more are forgotten. -ENOENT; -EINVAL; -ENOMEM. */
int bridge_port_set(struct bridge *b, unsigned port,
		    const struct bridge_port_conf *conf);
/* Stations there are forgotten, packets for it freed. -ENOENT. */
int bridge_port_del(struct bridge *b, unsigned port);

/* Frames that came in at `place`, their map beginning with GUST_L_ETH at offset 0. */
void bridge_input(struct bridge *b, struct fdb_place place,
		  struct gust_batch *in /*taken*/, const struct env *env);

/* Take one batch, in the order in which first frames came; false: nothing is left. */
bool bridge_output(struct bridge *b, struct fdb_place *ret_place,
		   struct gust_batch *ret_batch);

struct fdb *bridge_fdb(struct bridge *b);
void bridge_stats(const struct bridge *b, struct bridge_stats *ret);

#endif
