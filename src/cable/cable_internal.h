/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cable_internal.h - between set-up (cable.c) and the data path (carry.c)
 */
#ifndef GUST_CABLE_CABLE_INTERNAL_H
#define GUST_CABLE_CABLE_INTERNAL_H

#include "cable/cable.h"
#include "cable/chain.h"
#include "wire/eth.h"

/* Packets that wait for an end that takes no more; beyond that: port_full. */
#define BACKLOG_MAX 4096

struct cable_port {
	struct port *port;
	struct tun_info info;
	int sock; /* in its namespace, for its MTU */
	uint32_t granted; /* FEAT_BIT()s that its kernel may hand us */
	struct port_caps caps; /* what we may write */
	struct gust_batch backlog;
	struct cable_stats st; /* of what it sends */
	struct neigh *neigh; /* underlay packet */
	struct ethaddr mac;
};

struct cable {
	struct cable_conf conf;
	struct pkt_pool *pool;
	struct registry *reg;
	struct engine *eng;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
	uint64_t began_us;
	int sigfd;
	bool said_duplicate;
	struct cable_port end[2];
	struct chain chain; /* around what goes from A to B */
};

/* Filters know directions: to send is from A to B. */
static inline enum gust_dir cable_dir(enum cable_end from)
{
	return from == CABLE_A ? GUST_TX : GUST_RX;
}

/* Read what waits at `from`, a budget's worth, and carry it over; also when only
 * time has passed (`readable` false). 1: more may wait; 0; -EIO: the port is gone. */
int carry(struct cable *c, enum cable_end from, bool readable);
/* Try the backlog of an end again. */
void carry_retry(struct cable *c, enum cable_end to);

#endif
