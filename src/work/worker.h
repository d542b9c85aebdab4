/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.h - the threads of the data path
 *
 * Worker i owns queue i of the port, its pool, flows, timers and host sockets.
 * worker.c is the only file of the data path that knows libevent.
 */
#ifndef GUST_WORK_WORKER_H
#define GUST_WORK_WORKER_H

#include "ip/neigh.h"
#include "offload/plan.h"
#include "port/port.h"
#include "relay/stack.h"

struct worker;
struct tee;

struct worker_conf {
	unsigned index, n;
	struct port *port;
	struct pkt_pool *pool;
	struct siphash_key secret; /* flow ownership; same for all */
	const struct stack_snap *snap; /* first snapshot */
	struct ethaddr mac; /* tap: the stack's own */
	uint32_t busy_poll_us; /* look for more work that long before sleeping */
	/* Called in the worker's thread when the port refused a form of packet:
	 * that feature is demoted. */
	void (*demote)(void *arg, enum feat f);
	void (*gone)(void *arg); /* the interface vanished */
	/* Offload plugins: the first set, and what they have to say (engine.h). */
	const struct engine_set *plugins;
	void (*plugin_log)(void *arg, enum gust_log_level level, const char *plugin,
			   const char *text);
	void (*plugin_fault)(void *arg, const char *plugin, const char *what);
	void *arg;
};

/* How often each feature was used in one direction. A packet may use several:
 * above 64 KB it counts as TSO and as BIG TCP. Each that is no superpacket and left
 * its checksum to the other side counts as tx-checksum-ip-generic. */
struct feat_used {
	uint64_t packets[FEAT_N], bytes[FEAT_N];
};

/* What one worker counted. */
struct worker_stats {
	struct drop_counters drops;
	struct stack_stats stack;
	struct tcp_counters tcp;
	struct pkt_pool_stats pool;
	uint64_t rx_packets, rx_bytes, rx_super, tx_packets, tx_bytes, tx_super;
	uint64_t tx_big; /* above 64 KB */
	uint64_t rx_merged; /* packets that were merged into others on the way in */
	struct plan_stats plan; /* what became of superpackets at the egress */
	uint64_t nomem; /* cut because the port had no memory */
	uint64_t refused[FEAT_N]; /* EINVAL from the port, by feature */
	struct feat_used rx_used, tx_used; /* from the kernel, to the kernel */
	uint64_t handoff_in, handoff_out, turns, neigh_failed;
};

/* Create n workers joined by handoff rings. -errno; all or nothing. */
int workers_new(const struct worker_conf *conf, unsigned n, struct worker **ret_w);
int workers_start(struct worker **w, unsigned n);
/* Ask to stop: new flows refused, existing get `drain_ms`, then are reset.
 * Joins the threads. */
void workers_stop(struct worker **w, unsigned n, unsigned drain_ms);
void workers_free(struct worker **w, unsigned n);

/* Publish a snapshot to all; returns when every worker has taken it (so that the
 * old one can be freed). From the main thread only. */
void workers_publish(struct worker **w, unsigned n, const struct stack_snap *snap);

/* The same with the plugins that are to run. What those that leave have held goes
 * on its way. -errno: one could not begin in some worker, and `err` says which; all
 * others run. */
int workers_plugins(struct worker **w, unsigned n, const struct engine_set *set,
		    char *err, size_t err_len);

/* By worker_call(); returns how many. */
unsigned worker_plugin_stats(struct worker *w, struct engine_stats *ret,
			     unsigned max);

/* Run fn(w, arg) in the worker's thread and wait for it. From the main thread. */
void worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg),
		 void *arg);

/* Inside worker_call(): */
struct stack *worker_stack(struct worker *w);
const struct env *worker_env(struct worker *w);
unsigned worker_index(const struct worker *w);
struct tee **worker_tees(struct worker *w); /* the list's head, work/tee.h */

/* Whether an own address is settled (l2 ports; otherwise always OK). */
enum neigh_dad worker_dad_state(struct worker *w, const struct ipaddr *own);

/* By worker_call(). The stack of a stopped worker is NULL. */
void worker_stats(struct worker *w, struct worker_stats *ret);

#endif
