/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker_internal.h - what the files of this room share
 */
#ifndef GUST_WORK_WORKER_INTERNAL_H
#define GUST_WORK_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "base/rng.h"
#include "work/tee.h"
#include "work/worker.h"

#define HANDOFF_RING 4096 /* packets between two workers */
#define RX_CHUNK 8 /* packets a call of port rx */
#define RX_BUDGET_BYTES 393216 /* a turn; stays within a core's L2 cache */
#define RX_BUDGET_PACKETS 128
#define TX_BACKLOG_MAX 1024 /* packets kept when the port says "again" */
#define TX_RETRY_US 1000
#define TRIM_US 1000000 /* after traffic, unused slabs give their pages back */
#define TRIM_KEEP 16 /* all but so many */

struct loop; /* libevent, worker.c */

/* A call from the main thread, run in the worker's. */
struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	void (*fn)(struct worker *w, void *arg);
	void *arg;
	bool done;
	_Atomic bool posted;
};

struct worker {
	struct worker_conf conf;
	struct env env;
	struct rng rng;
	struct stack *stack;
	struct neigh *neigh; /* l2 ports only */
	const struct stack_snap *snap;
	struct port_caps caps; /* towards the inside: the snapshot's, less what the
				  port refused since */
	struct gust_batch backlog; /* the port said "again" */
	struct engine *engine;
	struct gust_batch held[2]; /* what plugins held that were taken away */
	struct worker_stats stats;

	/* handoff: in[i] is filled by worker i; peers is borrowed */
	struct ring **in;
	struct worker **peers;
	uint64_t wake_mask; /* peers (64 at the most) to wake after the turn */

	struct loop *loop;
	pthread_t thread;
	bool running; /* the thread exists (main thread's view) */
	_Atomic bool stop;
	uint64_t drain_until_us; /* 0: not draining */
	uint32_t drain_ms;
	bool port_gone;
	uint64_t trim_at_us; /* ENV_NEVER: no traffic since the last time */
	uint64_t trim_seen; /* packets that had passed then */
	struct mailbox mail;
	struct tee *tees; /* captures; NULL: nobody looks */
};

/* CLOCK_MONOTONIC in microseconds, never 0. */
uint64_t work_now_us(void);

/*
 * One pass of the pipeline: handed-over packets and a budget of the port's are
 * classified, given to the stack or to their owner, and what the stack has to
 * say goes out. Returns true when work is left that waits for nothing.
 */
bool work_turn(struct worker *w);
/* When work_turn() is due again without an event. */
uint64_t work_deadline(const struct worker *w);

/* From the port to the pipeline: filters, then merging. */
void ingress_stages(struct worker *w, struct gust_batch *in);

/* The features that a packet of this form uses, as FEAT_BIT()s; 0: none. */
uint32_t used_feats(const struct gust_pkt *p);

static inline void used_count(struct feat_used *u, uint32_t feats, uint32_t len)
{
	for (; feats; feats &= feats - 1) {
		unsigned f = __builtin_ctz(feats);

		u->packets[f]++;
		u->bytes[f] += len;
	}
}

/* Fit to the port and send. Takes all. */
void egress_send(struct worker *w, struct gust_batch *out /*taken*/);
/* Retry what the port did not take before. */
void egress_retry(struct worker *w);
void egress_set_snap(struct worker *w, const struct stack_snap *snap);

/* A packet of the port, before anything changes it. */
static inline void tee_rx(struct worker *w, const struct gust_pkt *p)
{
	if (__builtin_expect(!w->tees, 1))
		return;
	tee_stage(w->tees, p, FILTER_IN, w->env.now_us);
	tee_keep(w->tees);
}

/* A packet that the port is to be given, and that it has taken it. */
static inline void tee_tx(struct worker *w, const struct gust_pkt *p)
{
	if (__builtin_expect(w->tees != NULL, 0))
		tee_stage(w->tees, p, FILTER_OUT, w->env.now_us);
}
static inline void tee_sent(struct worker *w)
{
	if (__builtin_expect(w->tees != NULL, 0))
		tee_keep(w->tees);
}

/* Give a packet to worker `to`; drops by name when its ring is full. */
void handoff_push(struct worker *w, unsigned to, struct gust_pkt *p /*taken*/);
/* Take what others handed to us; true: a budget ran out, more may wait. */
bool handoff_pop(struct worker *w, struct gust_batch *ret);
/* Wake the workers that got something in this turn. */
void handoff_flush(struct worker *w);

/* Make the loop of `w` return from its wait. Any thread. */
void loop_wake(struct worker *w);

#endif
