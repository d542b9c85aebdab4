/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - two TCP endpoints, a bad network between them, virtual time
 *
 * Everything follows from one seed: the same seed gives the same packets at the
 * same microseconds. Nothing sleeps. A test sets up ends, links and faults,
 * calls sim_run(), and looks at what came of it.
 */
#ifndef GUST_TESTS_SIM_SIM_H
#define GUST_TESTS_SIM_SIM_H

#include "base/rng.h"
#include "tcpcheck.h"

#define SIM_SEC UINT64_C(1000000)

/* One direction. Chances are in parts per million. */
struct sim_link {
	uint32_t delay_us, jitter_us;
	uint32_t loss, dup, corrupt;
	uint32_t reorder, reorder_us; /* that many wait so much longer */
	uint64_t rate; /* bytes/s, 0: no limit */
	uint32_t queue; /* bytes before the rate limit, 0: no limit */
	uint32_t mtu; /* larger ones are dropped, TOO_BIG answered */
	bool black_hole; /* ... and not answered */
	bool down; /* everything is dropped */

	uint64_t free_us, last_us; /* the simulator's */
};

/* What an application does. Zero: nothing at all, close at once. */
struct sim_app {
	uint64_t total; /* bytes to send */
	uint32_t chunk; /* bytes of one tcp_send() at the most, 0: 64 KiB */
	bool keep_open; /* do not close after them */
	bool early; /* begins to send before the handshake is done */
	bool take; /* reads with tcp_take() */
	bool after_eof; /* sends only after the peer's FIN */
	uint32_t read_max; /* bytes of one read, 0: all */
	uint32_t read_every_us; /* pause between reads */
	uint64_t stall_us; /* does not read before */
	uint64_t abort_after; /* bytes received, then tcp_abort(); 0: never */
	uint64_t detach_us; /* tcp_detach() then; 0: never */
	uint64_t accept_us; /* passive: answers the SYN so much later */
};

struct sim_end {
	struct tcp t;
	struct tcp_ctx ctx;
	struct tcp_conf conf;
	struct port_caps caps;
	struct drop_counters drops;
	struct sim_app app;
	struct tcpcheck check;
	bool open, closed; /* struct tcp in use; was, and is no more */
	bool accept_due, shut, eof, detached, aborted;
	unsigned events; /* all that were seen */
	uint64_t sent, received;
	uint64_t next_read_us, accept_at_us;
	uint64_t done_us; /* when the last byte was received */
	uint64_t gap_us; /* longest pause between bytes received */
	uint64_t closed_us;
	/* what a rule may ask */
	uint32_t hi_seq, last_ack, last_wnd;
	bool seen;
};

/* One packet on the wire, as a fault rule sees it. */
struct sim_seg {
	unsigned from;
	struct tcp_hdr h;
	uint32_t payload;
	bool rtx; /* begins below what this end already sent */
	bool wnd_update; /* bare ACK, nothing new but a larger window */
	unsigned
		rtx_n; /* how often this sequence was retransmitted, this time included */
};

/* Drop the matches [skip, skip + count) of those that come from `from`. */
struct sim_rule {
	unsigned from;
	bool (*match)(const struct sim_seg *s);
	unsigned skip, count;
	unsigned seen, dropped;
};

bool sim_is_syn(const struct sim_seg *s);
bool sim_is_fin(const struct sim_seg *s);
bool sim_is_data(const struct sim_seg *s);
bool sim_is_ack(const struct sim_seg *s); /* bare ACK */
bool sim_is_first_rtx(const struct sim_seg *s); /* data, first retransmission */
bool sim_is_wnd_update(const struct sim_seg *s);

#define SIM_RULES_MAX 8
#define SIM_ACTS_MAX 8

struct sim;
struct sim_act {
	uint64_t at_us;
	void (*fn)(struct sim *s);
};

struct sim_event; /* in flight */

struct sim {
	uint64_t seed;
	bool v6;
	struct rng rng;
	struct env env;
	struct pkt_pool *pool;
	struct gust_slab *fill; /* receive slab of the ports */
	struct gust_slab *src; /* where applications write */
	struct sim_end end[2]; /* 0 opens, 1 answers */
	struct sim_link link[2]; /* from end i */
	bool keep_super; /* superpackets travel uncut */
	struct sim_rule rule[SIM_RULES_MAX];
	unsigned nrule;
	struct sim_act act[SIM_ACTS_MAX];
	unsigned nact;

	struct sim_event *heap;
	uint32_t nheap, heap_cap;
	uint64_t order;
	struct {
		uint32_t seq;
		unsigned n;
	} rtx[2][4096];
	uint64_t packets, lost, turns;
	char why[300];
};

/* Ends at 10.0.0.1 and 10.0.0.2 (or IPv6), defaults of tcp_conf_defaults(), plain
 * links without delay. */
void sim_init(struct sim *s, uint64_t seed, bool v6);
void sim_rule_add(struct sim *s, unsigned from,
		  bool (*match)(const struct sim_seg *), unsigned skip,
		  unsigned count);
void sim_act_add(struct sim *s, uint64_t at_us, void (*fn)(struct sim *));

/* Until both ends are closed, nothing can happen any more, or `limit_us` of
 * virtual time have passed. true: no invariant was broken and both are closed;
 * otherwise s->why says it. */
bool sim_run(struct sim *s, uint64_t limit_us);

/* Everything goes back. Returns how many objects were missing. */
unsigned sim_free(struct sim *s);

/* Did end `i` receive all that the other's application sent, and its EOF? The
 * bytes were compared as they came. */
bool sim_complete(const struct sim *s, unsigned i);

/* Seeds to run: `n`, or what the environment's GUST_SIM_SEEDS says. */
unsigned sim_seeds(unsigned n);

#endif
