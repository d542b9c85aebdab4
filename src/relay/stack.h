/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.h - one worker's endpoint: everything that ends at the stack
 *
 * The stack takes dissected packets that this worker owns, runs IP, TCP and UDP
 * on them, joins flows to host sockets, and leaves packets for the interface in
 * an output batch. It knows no event loop and no thread: readiness of host
 * sockets comes in through `struct stack_fd`, which the loop watches
 * edge-triggered for reading and writing from registration to removal.
 */
#ifndef GUST_RELAY_STACK_H
#define GUST_RELAY_STACK_H

#include "base/env.h"
#include "base/list.h"
#include "flow/table.h"
#include "flow/wheel.h"
#include "ip/icmp.h"
#include "ip/pmtu.h"
#include "ip/reasm.h"
#include "pkt/caps.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

#define STACK_OWN_MAX 32
#define STACK_MAPS_MAX 16
#define STACK_PUBLISH_MAX 64
/* One recv() of a host's stream: one piece of one superpacket. */
#define STACK_READ_MAX (500u << 10)

/* Inside, `seen` is the address that hosts talk to; outside it is `host`. */
struct stack_map {
	struct ipaddr seen, host;
};

struct stack_publish {
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	struct ipaddr listen; /* host side; any is fine */
	uint16_t listen_port;
	struct ipaddr to; /* inside */
	uint16_t to_port;
	char device[16]; /* SO_BINDTODEVICE, "" none */
};

/*
 * Immutable snapshot; a changed one is published as a whole. Lives until every
 * worker has taken a newer one.
 */
struct stack_snap {
	uint64_t generation;
	struct port_caps to_inside; /* what the interface takes from us */
	uint32_t gro_max; /* merge what comes in up to this length, 0: do not */
	bool up;
	/* The stack's own addresses: peers of point-to-point addresses, and those
	 * of the configuration. The first of each family is where ICMP errors come
	 * from. */
	unsigned n_own;
	struct ipaddr own[STACK_OWN_MAX];
	/* Of the stack, on a tap; all zero: none. It answers echo requests and
	 * refuses everything else: nothing is behind it. */
	struct ipaddr linklocal;
	unsigned n_map; /* explicit ones; `loopback_own` adds own -> loopback */
	struct stack_map map[STACK_MAPS_MAX];
	bool loopback_own; /* own addresses map to the host's loopback */
	unsigned n_local; /* the kernel's end of the interface: inside hosts */
	struct ipaddr local[STACK_OWN_MAX];

	struct tcp_conf tcp;
	struct udp_conf udp;

	/* host sockets */
	uint32_t mark; /* SO_MARK, 0 none */
	char device[16]; /* SO_BINDTODEVICE, "" none */
	struct ipaddr source4, source6; /* bind before connect; any: none */
	char congestion[16]; /* TCP_CONGESTION of host sockets, "" default */
	uint32_t connect_timeout_us; /* 0: the kernel's own */
	bool udp_filter_endpoint; /* true: anyone may answer a mapping; false:
				       only addresses it has sent to (RFC 4787 8) */

	/* limits, per worker; 0: 262144 TCP flows, 1024 half-open, 16384, 1024 */
	uint32_t max_flows, max_half_open, max_udp, max_echo;

	/* built-in services on own addresses */
	bool svc_echo, svc_discard, svc_chargen; /* ports 7, 9, 19; TCP and UDP */

	unsigned n_publish;
	struct stack_publish publish[STACK_PUBLISH_MAX];
};

/* What becomes of a new flow to a destination. */
enum stack_fate_kind {
	STACK_FATE_RELAYED, /* to the same address outside */
	STACK_FATE_LOOPBACK, /* own address: the host's loopback */
	STACK_FATE_MAPPED, /* by an explicit map */
	STACK_FATE_SERVICE, /* built in */
	STACK_FATE_ANSWERED, /* echo requests to an own address */
	STACK_FATE_REFUSED, /* reset, or port unreachable */
	STACK_FATE_DROPPED,
};

struct stack_fate {
	enum stack_fate_kind kind;
	struct ipaddr host; /* RELAYED, LOOPBACK, MAPPED: whom the host talks to */
	const char *service; /* SERVICE */
	enum drop_reason drop; /* DROPPED */
};

/* Pure, and the same decisions as packets meet. `proto`: IPPROTO_TCP, _UDP, or
 * _ICMP for an echo request of either family. */
void stack_fate(const struct stack_snap *c, const struct ipaddr *dst, uint8_t proto,
		uint16_t port, struct stack_fate *ret);

/* readiness */
#define STACK_FD_READ 1u
#define STACK_FD_WRITE 2u
#define STACK_FD_ERR 4u

/* One watched descriptor; embedded in its owner's object. */
struct stack_fd {
	int fd; /* -1: none */
	void *loop; /* the loop's own, NULL when not registered */
	/* Called by the loop; must not free its own stack_fd synchronously unless
	 * it removed it first. */
	void (*ready)(struct stack_fd *sf, unsigned events);
};

struct stack_io {
	/* Watch edge-triggered, both directions. 0 or -errno. */
	int (*add)(void *ctx, struct stack_fd *sf);
	void (*del)(void *ctx, struct stack_fd *sf);
	void *ctx;
	/* Optional. A datagram that was reassembled here belongs to `worker`
	 * (fragments are steered without ports): give it to that one's
	 * stack_input(). NULL: it is dealt with here. */
	void (*handoff)(void *ctx, struct gust_pkt *p /*taken*/, unsigned worker);
};

struct stack_stats {
	uint64_t tcp_flows, tcp_half_open, udp_flows, echo_flows; /* now */
	uint64_t tcp_opened, tcp_refused, udp_opened, echo_opened; /* ever */
	uint64_t host_in_bytes, host_out_bytes; /* host sockets */
	uint64_t svc_bytes;
	uint64_t icmp_errors_out, icmp_errors_in, echo_replies;
	uint64_t reasm_ok;
	uint64_t udp_gso_sends, udp_gro_recvs;
	uint64_t cc_refused; /* 1: the system did not take `congestion` */
};

/* One flow, for `gustctl flows`. */
struct stack_flow_report {
	struct flow_key key;
	const char *
		kind; /* "relay", "publish", "echo", "discard", "chargen", "ping" */
	struct ipaddr host; /* whom the host socket talks to */
	uint16_t host_port;
	uint64_t age_us, idle_us, bytes_in, bytes_out; /* from the inside, to it */
	struct tcp_report tcp; /* proto TCP only */
};

struct stack;

/*
 * `secret`: same for all workers (flow_owner). `drops` is the worker's.
 * `snap` is borrowed until replaced. NULL: no memory.
 */
struct stack *stack_new(const struct stack_snap *snap, struct pkt_pool *pool,
			const struct siphash_key *secret, unsigned worker,
			unsigned nworkers, const struct stack_io *io,
			struct drop_counters *drops, const struct env *env);

/* Resets what is open, closes every descriptor, frees. What the resets are is
 * left in `out`. */
void stack_free(struct stack *s, struct gust_batch *out, const struct env *env);

/* Open this worker's published listeners (SO_REUSEPORT, one a worker). -errno
 * and which one in `err`. */
int stack_publish(struct stack *s, char *err, size_t err_len);

/* Take a newer snapshot: flows see the new mtu and limits at once. */
void stack_set_snap(struct stack *s, const struct stack_snap *snap,
		    const struct env *env);

/* `env` of the turn: stored, because fd callbacks come between turns. The
 * worker keeps env->now_us fresh. */

/* Packets of this worker, in order. Takes them all. */
void stack_input(struct stack *s, struct gust_batch *in /*taken*/,
		 const struct env *env);

/*
 * Packets of ours that the inside cannot be given, because no neighbour answers
 * for it. A published connection that still opens ends, and its client is
 * reset; to any other flow this is news that may pass (RFC 1122 4.2.3.9).
 */
void stack_unreachable(struct stack *s, struct gust_batch *failed /*taken*/,
		       const struct env *env);

/*
 * Do what is due: expired timers, flows with work left, output of every flow
 * touched since the last call. Packets for the interface (IP, not yet fitted to
 * the port) are appended to `out`. Returns true when work is left that does not
 * wait for anything (a budget ran out): call again soon.
 */
bool stack_turn(struct stack *s, struct gust_batch *out, const struct env *env);

/* When stack_turn() is due next, ENV_NEVER: not before something happens. */
uint64_t stack_deadline(const struct stack *s);

/*
 * Refuse new flows, reset nothing; stack_flows() tells when all have ended.
 * TIME-WAIT is not counted by it, and while draining UDP and echo mappings are
 * not either: they have no end of their own.
 */
void stack_drain(struct stack *s);
uint32_t stack_flows(const struct stack *s);

void stack_stats(const struct stack *s, struct stack_stats *ret);
const struct tcp_counters *stack_tcp_counters(const struct stack *s);

/* Fill up to `max` reports from *pos on; returns the number, 0 at the end. */
unsigned stack_report(struct stack *s, uint32_t *pos, struct stack_flow_report *ret,
		      unsigned max, const struct env *env);

#endif
