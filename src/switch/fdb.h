/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fdb.h - a bridge's forwarding table: behind which port is a station?
 *
 * Keyed by MAC address and VLAN (independent learning, IEEE 802.1Q 8.8). Every worker
 * has a table of its own, as it has neighbours of its own; so that an answer that
 * another worker carries is not flooded for ever, what a table learns is kept in an
 * outbox that the owner passes on (fdb_changes(), fdb_apply()): a new station, one that
 * moved, and each station that still talks every quarter of the ageing time.
 *
 * A station that was learned is forgotten when nothing came from it for the ageing
 * time. There is a limit for the table and one for each port: at a limit nothing
 * new is learned (counted), and nobody is pushed out, so that a flood of made-up
 * addresses costs flooding towards those and nothing else.
 */
#ifndef GUST_SWITCH_FDB_H
#define GUST_SWITCH_FDB_H

#include "base/env.h"
#include "base/siphash.h"
#include "wire/eth.h"

#define FDB_PORTS_MAX 64
#define FDB_MAX 8192 /* defaults of struct fdb_conf */
#define FDB_AGEING_US (UINT64_C(300) * 1000000) /* IEEE 802.1Q table 8-3 */
#define FDB_OUTBOX 256

/* A port, and at a tunnel's port which of its remotes. */
struct fdb_place {
	uint16_t port; /* below FDB_PORTS_MAX */
	uint16_t remote;
};

struct fdb_conf {
	uint32_t max; /* entries, static ones included; 0: FDB_MAX */
	uint64_t ageing_us; /* 0: FDB_AGEING_US */
	bool share; /* fill the outbox */
};

struct fdb_stats {
	uint64_t learned, moved, aged;
	uint64_t full; /* not learned: the table's limit */
	uint64_t port_full; /* not learned: the port's limit */
	uint64_t pinned; /* a static entry's address came from elsewhere */
	uint64_t unshared; /* the outbox was full */
	uint32_t n, n_static;
};

struct fdb_entry {
	struct ethaddr mac;
	uint16_t vlan;
	struct fdb_place place;
	bool fixed; /* static */
	uint64_t seen_us;
};

/* Learned by another worker's table. */
struct fdb_change {
	struct ethaddr mac;
	uint16_t vlan;
	struct fdb_place place;
};

struct fdb;

/* `secret` is copied. NULL: no memory. All memory is taken here. */
struct fdb *fdb_new(const struct fdb_conf *conf, const struct siphash_key *secret);
void fdb_free(struct fdb *f);

/* At most `max` entries may be learned on this port; 0: as many as the table holds. */
void fdb_port_limit(struct fdb *f, unsigned port, uint32_t max);

/* A frame from `mac` came in at `place`. The address is no group's and not zero. */
void fdb_learn(struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	       struct fdb_place place, const struct env *env);

/* False: not known. */
bool fdb_find(const struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	      const struct env *env, struct fdb_place *ret_place);

/* Static entries do not age, do not move and do not count for the port's limit. One
 * that was learned becomes static. -EINVAL: a group's address, zero, or no such port;
 * -ENOSPC: the table's limit. */
int fdb_add(struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	    struct fdb_place place);
/* Static or learned; -ENOENT. */
int fdb_del(struct fdb *f, const struct ethaddr *mac, uint16_t vlan);
/* All entries of a port at remotes from `remote` on. */
void fdb_flush(struct fdb *f, unsigned port, unsigned remote);

/* Forget who is silent. Looks at a part of the table each time; to be called when
 * fdb_deadline() is due. */
void fdb_age(struct fdb *f, const struct env *env);
uint64_t fdb_deadline(const struct fdb *f);

/* Take what was learned since the last time; returns how many. */
unsigned fdb_changes(struct fdb *f, struct fdb_change *ret, unsigned max);
void fdb_apply(struct fdb *f, const struct fdb_change *c, const struct env *env);

/* Walk in table order: start with *pos 0; false at the end. */
bool fdb_next(const struct fdb *f, uint32_t *pos, struct fdb_entry *ret);

void fdb_stats(const struct fdb *f, struct fdb_stats *ret);

#endif
