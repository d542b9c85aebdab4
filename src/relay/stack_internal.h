/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_internal.h - what the files of the relay room share
 *
 * Theory of operation
 *
 * Every flow - TCP connection, UDP mapping, ping - begins with `struct flow`.
 * Whatever happens to one (a packet, readiness of its host socket, its timer)
 * is only *noted* and puts it on `stack.run`. stack_turn() then visits each
 * flow on that list once: move data both ways, tcp_output(), arm the timer.
 * So a batch of packets costs one system call and one ACK per flow, and there
 * is one place where a flow may die.
 *
 * Invariants
 *   - a flow is in the table, or it is an orphan (its TCP connection is over
 *     and the host socket has not yet taken all data);
 *   - readiness is edge-triggered: `rd` and `wr` stay set until the kernel said
 *     EAGAIN (or took or gave less than asked, where that means the same);
 *   - a flow that has work left and waits for nothing is on the run list when
 *     stack_turn() returns, and then that returns true;
 *   - callbacks of the loop free nothing.
 */
#ifndef GUST_RELAY_STACK_INTERNAL_H
#define GUST_RELAY_STACK_INTERNAL_H

#include <sys/socket.h>

#include "ip/ip.h"
#include "relay/stack.h"

#define MAX_FLOWS 262144 /* defaults of the snapshot's limits */
#define MAX_HALF_OPEN 1024
#define MAX_UDP 16384
#define MAX_ECHO 1024
/* One superpacket's worth is read, cut loose and written in a turn: what recv() has
 * just copied is still in the core's cache when writev() copies it again. */
#define TURN_BUDGET (512u << 10) /* bytes read from host sockets in a turn */
#define FLOW_BUDGET (512u << 10) /* of these, for one flow */
#define READ_MAX STACK_READ_MAX
#define READ_ROOM (256u << 10) /* a slab with less left is replaced */
#define READ_LOW (64u << 10) /* wait for that much send space */
#define READ_AGAIN (16u << 10) /* a short read below that is tried again */
#define READ_COPY 2048 /* up to that, a copy does not pin the slab */
#define RETRY_US 2000 /* after memory ran out */
#define RST_WAIT_US 5000000 /* host reset: what it sent before may leave */
#define HALF_AGE_US 250000 /* a half-open one that old may be evicted */
#define SYN_BUSY 8 /* new connections in a turn, beside bulk data */
#define SYN_IDLE 64
#define ACCEPT_MAX 64
#define ECHO_TIMEOUT_US 60000000
#define UDP_QUEUE_MAX (256u << 10)
#define UDP_READ_MAX 65536u
#define UDP_SEGS_MAX 64 /* UDP_MAX_SEGMENTS of the kernel */
#define PEERS_INLINE 4
#define PEERS_MAX 1024
#define PORT_ECHO 7
#define PORT_DISCARD 9
#define PORT_CHARGEN 19
#define PORT_LO 1024
#define PORT_HI 65535

enum flow_kind {
	FLOW_RELAY, /* TCP, inside to host */
	FLOW_PUBLISH, /* TCP, host to inside */
	FLOW_ECHO,
	FLOW_DISCARD,
	FLOW_CHARGEN, /* TCP, built in */
	FLOW_UDP, /* endpoint-independent mapping */
	FLOW_UDP_PUBLISH,
	FLOW_PING,
};

struct flow {
	struct flow_ent ent;
	uint8_t kind; /* enum flow_kind */
	bool again; /* a budget ran out: visit again */
	bool nomem; /* memory ran out: visit again after RETRY_US */
	struct wtimer timer;
	struct list run;
	uint64_t born_us;
};

/* Where struct tcp_flow.q is linked. */
enum tcp_queue {
	TQ_NONE,
	TQ_CONNECTING, /* the host socket is connecting */
	TQ_ANSWERED, /* SYN-ACK sent, not acknowledged */
	TQ_TIME_WAIT,
	TQ_ORPHAN, /* not in the table, see above */
	TQ_N
};

struct tcp_flow {
	struct flow f;
	struct list q;
	uint32_t ev; /* TCP_EV_* since the last visit */
	uint32_t mtu_gen; /* stack.mtu_gen that it has seen */
	uint32_t pos; /* chargen: place in the pattern; relay: the SYN's seq */
	uint8_t where; /* enum tcp_queue */
	bool est; /* the handshake is complete */
	bool shut; /* built in: tcp_shutdown() was called */
	struct tcp t;
};

/* A TCP flow with a host socket. */
struct tcp_relay {
	struct tcp_flow c;
	struct stack *s;
	struct stack_fd sf;
	struct ipaddr host;
	uint16_t host_port;
	bool rd, wr; /* readiness */
	bool rd_eof; /* the host's FIN was seen, ours is queued */
	bool wr_shut; /* the inside's FIN was carried over */
	bool up_dead; /* the host takes nothing more, it may still give */
	bool rst; /* the host reset; the inside hears of it when it has
			      what came before, or at due_us */
	uint64_t due_us; /* connect timeout, or see above; ENV_NEVER */
};

/* A host UDP socket: of a mapping, or of a published port. */
struct udp_flow;
struct udp_publish;
struct udp_sock {
	struct stack_fd sf;
	struct stack *s;
	struct udp_flow *u; /* one of these two */
	struct udp_publish *pub;
	bool rd, wr;
	int8_t df; /* IP_MTU_DISCOVER: 1 do, 0 want, -1 not set */
};

/* Addresses that a mapping has sent to. */
struct udp_peers {
	uint32_t n, cap;
	struct ipaddr few[PEERS_INLINE];
	struct ipaddr *tab; /* cap slots, all zero: free */
};

struct udp_flow {
	struct flow f;
	struct stack *s;
	struct udp_sock sk[2]; /* outside; loopback, where they must differ */
	struct udp_publish *pub;
	struct list pub_link;
	struct udp_life life;
	struct gust_batch txq;
	uint32_t tx_bytes;
	uint32_t tx_off; /* of the first packet, already sent */
	uint16_t gso_limit; /* larger segments were refused */
	/* the destination that was judged last */
	uint16_t ok_port;
	struct ipaddr ok_dst;
	bool ok_own;
	/* the destination that `sa` was made from */
	uint16_t to_port;
	struct ipaddr to, to_host;
	socklen_t sa_len;
	uint8_t to_sk;
	struct sockaddr_in6 sa; /* or a sockaddr_in */
	struct udp_peers peers;
	uint64_t bytes_in, bytes_out;
};

struct udp_publish {
	struct udp_sock us;
	struct stack_publish conf;
	struct list flows; /* udp_flow.pub_link */
	struct list run; /* stack.pub_run */
	uint32_t tries;
};

struct listener {
	struct stack_fd sf;
	struct stack *s;
	struct stack_publish conf;
	struct list run; /* stack.acc_run */
};

struct ping_flow {
	struct flow f;
	struct stack *s;
	struct stack_fd sf;
	bool raw, rd;
	uint16_t host_id; /* SOCK_RAW: the id that we chose */
	uint64_t last_us;
	struct ipaddr host;
	uint64_t bytes_in, bytes_out;
};

/* Objects of one size, in chunks, never given back before the end. */
struct obj_pool {
	uint32_t size, n_used;
	void *free;
	struct obj_chunk *chunks;
};

struct stack {
	const struct stack_snap *snap;
	const struct env *env;
	struct pkt_pool *pool;
	struct siphash_key secret;
	unsigned worker, nworkers;
	struct stack_io io;
	struct drop_counters *drops;

	struct port_caps caps;
	struct tcp_ctx tctx;
	uint32_t mtu_gen;
	bool split_lo; /* host's loopback needs sockets of its own */
	bool draining;
	bool pmtu_used;

	struct flow_table *tab;
	struct flow *last; /* most recent hit of the table */
	struct wheel *wheel;
	struct reasm *reasm;
	struct pmtu_cache *pmtu;
	struct icmp_limiter icmp_lim;
	uint16_t ip_id;

	struct list run; /* struct flow.run */
	struct list acc_run, pub_run;
	struct gust_batch outq;
	struct gust_batch synq; /* SYNs that wait for their turn */
	uint32_t syn_left;
	uint32_t budget; /* of this turn */
	uint64_t moved; /* bytes moved in this turn */

	struct list tq[TQ_N];
	uint32_t n_tq[TQ_N];
	uint32_t n_tcp, n_udp, n_echo;

	struct gust_slab *rd_slab; /* host sockets are read into it */
	struct gust_slab *gen_slab; /* chargen's pattern */
	struct obj_pool o_service, o_relay, o_udp, o_ping;

	struct listener *listen[STACK_PUBLISH_MAX];
	struct udp_publish *pub[STACK_PUBLISH_MAX];
	unsigned n_listen, n_pub;
	uint32_t port_tries;
	uint64_t retry_us; /* acc_run and pub_run rest until then, 0: no rest */
	bool buf_force_no; /* SO_RCVBUFFORCE was refused */

	struct stack_stats st;
};

/* obj.c */
void obj_init(struct obj_pool *o, uint32_t size);
void *obj_get(struct obj_pool *o); /* zeroed; NULL: no memory */
void obj_put(struct obj_pool *o, void *p);
void obj_fini(struct obj_pool *o);

/* stack.c */
static inline void flow_run(struct stack *s, struct flow *f)
{
	if (!list_linked(&f->run))
		list_add_tail(&s->run, &f->run);
}
static inline void stack_drop(struct stack *s, struct gust_pkt *p /*taken*/,
			      enum drop_reason why)
{
	drop_count(s->drops, why, 1);
	pkt_free(p);
}
static inline uint32_t limit_or(uint32_t v, uint32_t dflt)
{
	return v ? v : dflt;
}

struct flow *stack_find(struct stack *s, const struct flow_key *k);
/* f->ent.key and kind are set. 0 or -errno. */
int stack_insert(struct stack *s, struct flow *f);
/* Out of the table, off the timer and the run list. */
void stack_remove(struct stack *s, struct flow *f);
/* MTU towards `dst`. */
uint32_t stack_mtu(const struct stack *s, const struct ipaddr *dst);
/* A packet for the inside, fragmented where it must be. */
void stack_push(struct stack *s, struct gust_pkt *p /*taken*/);
/* Room for host data: at least `want` or 64 KiB where memory allows. NULL: none.
 * What is kept is claimed with stack_read_take(). */
uint8_t *stack_read_room(struct stack *s, uint32_t want, uint32_t *ret_len);
void stack_read_take(struct stack *s, uint8_t *p, uint32_t len,
		     struct gust_frag *ret);
void stack_fd_close(struct stack *s, struct stack_fd *sf);

/* input.c */
void stack_syns(struct stack *s);
uint8_t pkt_ttl(const struct gust_pkt *p);
uint8_t pkt_tos(const struct gust_pkt *p);

/* address.c */
bool stack_is_own(const struct stack *s, const struct ipaddr *a);
/* Own, or the link-local one. */
bool stack_is_self(const struct stack *s, const struct ipaddr *a);
bool stack_is_local(const struct stack *s, const struct ipaddr *a);
/* First own address of that family; NULL: none. */
const struct ipaddr *stack_own(const struct stack *s, bool is4);
/* Whence an error about a packet from `src` to `dst` comes; NULL: nowhere. */
const struct ipaddr *stack_error_source(const struct stack *s,
					const struct ipaddr *src,
					const struct ipaddr *dst);
enum drop_reason stack_check_src(const struct stack *s, const struct ipaddr *a);
enum drop_reason stack_check_dst(const struct stack *s, const struct ipaddr *a);
/* Inside address -> host address. -ECONNREFUSED: ours and not mapped. */
int stack_map_out(const struct stack *s, const struct ipaddr *seen,
		  struct ipaddr *ret_host);
/* Host address -> what the inside may see of it. False: it has no form there. */
bool stack_map_in(const struct stack *s, const struct ipaddr *host, bool is4,
		  struct ipaddr *ret_seen);

/* hostsock.c; descriptors or -errno */
int hostsock_tcp(struct stack *s, const struct ipaddr *host);
int hostsock_udp(struct stack *s, bool is4, bool loopback);
int hostsock_ping(struct stack *s, const struct ipaddr *host, bool *ret_raw);
int hostsock_listen(struct stack *s, const struct stack_publish *p);
/* Start or continue: 0, -EINPROGRESS, or why it failed. */
int hostsock_connect(int fd, const struct ipaddr *host, uint16_t port);
/* Append to the control data of `m`, which is zeroed and large enough; `c` is
 * the one before, NULL: the first. */
struct cmsghdr *hostsock_cmsg(struct msghdr *m, struct cmsghdr *c, int level,
			      int type, const void *v, size_t len);
void hostsock_reset(int fd); /* RST to the peer, and closed */

/* One entry of a socket's error queue. */
struct host_error {
	int e; /* enum icmp_error, -1: no such form */
	bool local; /* from our own kernel, about the last send */
	uint32_t info;
	struct ipaddr dst, from; /* `from` any: not known */
	uint16_t dst_port;
	uint32_t len;
	uint8_t data[1280]; /* what the host's kernel quoted of the payload */
};
int hostsock_error(int fd, struct host_error *ret); /* -EAGAIN: none */

/* icmp_in.c */
void icmp_input(struct stack *s, struct gust_pkt *p /*taken*/);
void stack_icmp_error(struct stack *s, const struct gust_pkt *about,
		      enum icmp_error e, uint32_t info,
		      const struct ipaddr *from /* NULL: own */);
void stack_icmp_synth(struct stack *s, const struct flow_key *k,
		      const struct host_error *he);
/* Address from which an error is told that a host's router reported. */
bool stack_icmp_from(struct stack *s, const struct host_error *he, bool is4,
		     struct ipaddr *ret);

/* relay_tcp.c */
void tcp_flow_input(struct stack *s, struct tcp_flow *c,
		    struct gust_pkt *p /*taken*/, const struct flow_key *k);
void tcp_flow_syn(struct stack *s, struct gust_pkt *p /*taken*/,
		  const struct flow_key *k);
void tcp_flow_visit(struct stack *s, struct tcp_flow *c); /* may free it */
void tcp_flow_timer(struct stack *s, struct tcp_flow *c);
void tcp_flow_free(struct stack *s, struct tcp_flow *c);
/* No way to its inside end; may free it. */
void tcp_flow_unreachable(struct stack *s, struct tcp_flow *c);
void tcp_queue(struct stack *s, struct tcp_flow *c, enum tcp_queue where);
/* Limits for one more TCP flow; makes room where it may. DROP_NONE or why not. */
enum drop_reason tcp_admit(struct stack *s);
void tcp_flow_init(struct stack *s, struct tcp_flow *c, enum flow_kind kind,
		   const struct flow_key *k);
void tcp_relay_ready(struct stack_fd *sf, unsigned events);

/* relay_tcp_io.c */
void tcp_relay_up(struct stack *s, struct tcp_relay *r);
void tcp_relay_down(struct stack *s, struct tcp_relay *r);
void tcp_relay_broken(struct stack *s, struct tcp_relay *r);

/* relay_udp.c */
void udp_input(struct stack *s, struct gust_pkt *p /*taken*/,
	       const struct flow_key *k);
void udp_flow_visit(struct stack *s, struct udp_flow *u);
void udp_flow_timer(struct stack *s, struct udp_flow *u);
void udp_flow_free(struct stack *s, struct udp_flow *u);
struct udp_flow *udp_flow_new(struct stack *s, const struct flow_key *k,
			      struct udp_publish *pub, enum drop_reason *ret_why);
void udp_peer_add(struct udp_flow *u, const struct ipaddr *a);
bool udp_peer_has(const struct udp_flow *u, const struct ipaddr *a);
void udp_sock_ready(struct stack_fd *sf, unsigned events);

/* relay_udp_io.c */
void udp_flush(struct stack *s, struct udp_flow *u);
/* Read what a budget allows. Returns true when there is more. */
bool udp_recv(struct stack *s, struct udp_sock *us);
/* Read the error queue. Returns entries; *ret_mtu the MTU of a local EMSGSIZE. */
unsigned udp_errors(struct stack *s, struct udp_sock *us, uint32_t *ret_mtu);
/* Datagrams for the inside: `g` payload of each, 0 a single one. */
void udp_out(struct stack *s, const struct ipaddr *src, uint16_t sport,
	     const struct ipaddr *dst, uint16_t dport, uint8_t tos,
	     struct gust_frag *f /*taken*/, uint16_t g);

/* relay_echo.c */
void ping_input(struct stack *s, struct gust_pkt *p /*taken*/);
void ping_flow_visit(struct stack *s, struct ping_flow *e);
void ping_flow_timer(struct stack *s, struct ping_flow *e);
void ping_flow_free(struct stack *s, struct ping_flow *e);

/* publish.c, publish_udp.c */
void publish_accept(struct stack *s);
void publish_close(struct stack *s);
int publish_udp_open(struct stack *s, const struct stack_publish *p);
void publish_udp_close(struct stack *s);
void publish_udp_run(struct stack *s);
/* The flow of that remote, made where it is new. */
struct udp_flow *publish_udp_flow(struct stack *s, struct udp_publish *pub,
				  const struct ipaddr *remote, uint16_t port,
				  bool make, enum drop_reason *ret_why);
/* Does this datagram of the inside belong to a published port's flow? */
struct udp_flow *publish_udp_find(struct stack *s, const struct flow_key *k,
				  const struct ipaddr *dst, uint16_t dport);

/* service.c */
/* Kind of a built-in service at this own port, -1: none. */
int service_kind(const struct stack *s, uint16_t port);
int snap_service(const struct stack_snap *c, uint16_t port); /* address.c */
void service_run(struct stack *s, struct tcp_flow *c);
void service_udp(struct stack *s, struct gust_pkt *p /*taken*/, int kind);

#endif
