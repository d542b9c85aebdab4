/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.h - one TCP connection, sans-I/O (RFC 9293)
 *
 * A `struct tcp` sees packets, a clock and a random source. It never calls
 * back: what happened is returned as TCP_EV_* bits, what is to be sent is
 * fetched with tcp_output(). The order of use in a turn:
 *
 *	ev = tcp_input(t, pkt, env);     for every segment
 *	... peek/consume, send, shutdown ...
 *	tcp_output(t, &out, env);        once, at the end of the turn
 *	arm a timer for tcp_deadline(t); when it expires: tcp_timer(t, env)
 */
#ifndef GUST_TCP_TCP_H
#define GUST_TCP_TCP_H

#include <sys/uio.h>

#include "base/env.h"
#include "base/siphash.h"
#include "ip/icmp.h"
#include "pkt/caps.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"
#include "tcp/cc.h"
#include "tcp/rcvq.h"
#include "tcp/rtt.h"
#include "tcp/sack.h"
#include "tcp/sndq.h"

enum tcp_state {
	TCPS_CLOSED,
	TCPS_SYN_SENT,
	TCPS_SYN_RCVD,
	TCPS_ESTABLISHED,
	TCPS_FIN_WAIT_1,
	TCPS_FIN_WAIT_2,
	TCPS_CLOSE_WAIT,
	TCPS_CLOSING,
	TCPS_LAST_ACK,
	TCPS_TIME_WAIT,
	TCPS_N
};

const char *tcp_state_name(enum tcp_state s); /* "ESTABLISHED" */

/* events */
#define TCP_EV_ESTABLISHED 0x001 /* the handshake is complete */
#define TCP_EV_READABLE 0x002 /* in-order data arrived */
#define TCP_EV_WRITABLE 0x004 /* acknowledged: tcp_send_space() grew */
#define TCP_EV_EOF 0x008 /* the peer's FIN, all data before it arrived */
#define TCP_EV_RESET 0x010 /* the peer reset the connection */
#define TCP_EV_TIMEOUT 0x020 /* retransmissions or keepalives gave up */
#define TCP_EV_ERROR 0x040 /* hard ICMP error while opening, t->err errno */
#define TCP_EV_CLOSED 0x080 /* state is CLOSED: tcp_free() is due */
#define TCP_EV_TIME_WAIT 0x100 /* entered TIME-WAIT: buffers are free */
#define TCP_EV_REUSE                                                               \
	0x200 /* a new SYN may replace this TIME-WAIT
				    (RFC 6191); the packet was not taken */

/* Immutable; shared by all connections of a configuration snapshot. */
struct tcp_conf {
	struct siphash_key secret; /* sequence numbers, timestamp offsets */
	const struct tcp_cc_ops *cc;
	uint32_t rcvbuf_init, rcvbuf_max; /* bytes; autotuning in between */
	uint32_t sndbuf_init, sndbuf_max;
	uint32_t rto_min_us, rto_max_us; /* 200 ms, 60 s */
	uint32_t delack_us; /* 40 ms; RFC 9293 3.8.6.3: < 500 ms */
	uint32_t time_wait_us; /* 60 s */
	uint32_t fin_wait2_us; /* after tcp_detach(): 60 s */
	uint32_t keep_idle_us, keep_intvl_us; /* 0: no keepalive */
	uint8_t keep_probes;
	uint8_t syn_retries; /* 7: 183 s (RFC 9293 MUST-23: 3 minutes) */
	uint8_t synack_retries; /* 5: 63 s */
	uint8_t retries; /* 15 */
	uint8_t ttl;
	bool nagle, sack, timestamps, wscale;
};

void tcp_conf_defaults(struct tcp_conf *c); /* all but the secret */

struct tcp_counters {
	uint64_t segs_in, segs_out, super_in, super_out, bytes_in, bytes_out;
	uint64_t retrans, rto, fast_recovery, dup_acks_in, ooo_in, challenge_acks;
	uint64_t resets_in, resets_out, undo, probes;
	uint64_t active_open, passive_open, established, time_wait_reuse;
};

/* One per worker; outlives its connections. `conf` and `caps` may be replaced
 * between turns (a new snapshot). */
struct tcp_ctx {
	const struct tcp_conf *conf;
	const struct port_caps *caps; /* towards the peer: mtu, gso sizes */
	struct pkt_pool *pool;
	struct drop_counters *drops;
	struct tcp_counters stats;
	uint64_t challenge_us; /* RFC 5961 7: the second that is being counted */
	uint32_t challenge_n; /* challenge ACKs that may still be sent in it */
};

/*
 * The fields are the core's own; others use the functions. The struct is kept
 * small (an idle connection is this and nothing else): a unit test holds it
 * below 768 bytes.
 */
struct tcp {
	struct tcp_ctx *ctx;
	struct ipaddr local, remote;
	uint16_t lport, rport;
	uint8_t state; /* enum tcp_state */
	uint8_t tos, ttl;
	uint8_t snd_wscale, rcv_wscale;
	uint8_t rtx_shift; /* backoff of the retransmission timer */
	uint8_t dupacks;
	uint8_t probes; /* retransmissions and probes without an answer */
	uint8_t err; /* errno behind TCP_EV_ERROR; with TCP_EV_TIMEOUT that of
				the last soft ICMP error, 0: none */
	uint8_t opt; /* agreed TCP_OPT_* bits */
	uint32_t flags; /* TCPF_*, tcp_internal.h */

	/* RFC 9293 3.3.1 */
	uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
	uint32_t irs, rcv_nxt;
	uint32_t rcv_wup, rcv_wnd; /* the window that the peer may use ends at
				      their sum */
	uint32_t fin_seq; /* of a FIN that came before data in front of it */
	uint32_t max_wnd; /* largest window the peer ever offered */
	uint32_t rst_seq; /* of the reset that answers a bad ACK while opening */
	uint32_t snd_sml; /* end of the last segment below mss (Minshall) */
	struct tcp_sack_block dsack; /* duplicate to report (RFC 2883) */
	uint32_t mss; /* payload of one segment, options deducted */
	uint32_t peer_mss; /* from its SYN */
	uint32_t pmtu; /* 0: the link's */

	/* RFC 7323 */
	uint32_t ts_recent, ts_offset, last_ack_sent;
	uint64_t ts_recent_us;

	/* loss recovery (RFC 6582, 6675); see tcp_loss.h */
	uint32_t recover; /* snd_max when the episode began */
	uint32_t lost_edge; /* what lies below and is not SACKed is lost */
	uint32_t high_rxt; /* lost bytes below were sent again */
	uint32_t rtx_tsval; /* timestamp of the episode's first retransmission */
	uint32_t rtt_seq; /* the timed segment ends here */
	uint64_t rtt_start_us;

	/* timers, absolute; ENV_NEVER when off */
	uint64_t rtx_at_us, persist_at_us, ack_at_us, keep_at_us, linger_at_us;
	uint64_t last_rcv_us;
	uint64_t last_snd_us; /* of SYN or data (RFC 5681 4.1) */
	uint64_t oow_us; /* empty segment out of window answered */

	/* buffers */
	uint32_t rcvbuf, sndbuf;
	uint32_t rcv_copied; /* by the reader since rcv_space_us: autotuning */
	uint64_t rcv_space_us;
	uint32_t unacked_bytes; /* received since our last ACK */

	struct tcp_rtt rtt;
	struct tcp_cc cc;
	struct sack_board sack;
	struct sndq sndq;
	struct rcvq rcvq;

	uint64_t bytes_in, bytes_out;
	uint32_t retrans; /* for `gustctl flows` */
};

/* ---- opening ---- */

/* State CLOSED. Addresses as *we* see them: local is the outside address that
 * the inside host believes to talk to. */
void tcp_init(struct tcp *t, struct tcp_ctx *ctx, const struct ipaddr *local,
	      uint16_t lport, const struct ipaddr *remote, uint16_t rport);

/* Active open: SYN-SENT, tcp_output() sends the SYN. */
void tcp_connect(struct tcp *t, const struct env *env);

/* Passive open from a dissected, verified SYN (borrowed): SYN-RCVD, but nothing
 * is answered until tcp_accept(). Retransmitted SYNs in between are ignored; a
 * RST or an ACK is handled. 0, or -EINVAL: not a valid initial SYN. */
int tcp_listen_syn(struct tcp *t, const struct gust_pkt *syn,
		   const struct env *env);
void tcp_accept(struct tcp *t, const struct env *env);

/* No Nagle for this connection: its sender is a stream whose own end has decided
 * already (a relay), and waiting twice costs a delayed ACK each time. */
void tcp_set_nodelay(struct tcp *t);

/* ---- running ---- */

/* One segment of this connection, checksum verified. Takes it. With TCP_EV_REUSE
 * alone it was not taken. */
unsigned tcp_input(struct tcp *t, struct gust_pkt *p /*taken*/,
		   const struct env *env);

/* Everything that may be sent now, as superpackets with IP headers; payload of
 * one is at most what ctx->caps allows. */
void tcp_output(struct tcp *t, struct gust_batch *out, const struct env *env);

uint64_t tcp_deadline(const struct tcp *t);
unsigned tcp_timer(struct tcp *t, const struct env *env);

/* An ICMP error about this connection (RFC 5927: sequence checked; hard errors
 * are soft once synchronised; TOO_BIG lowers pmtu). */
unsigned tcp_icmp(struct tcp *t, const struct icmp_event *ev,
		  const struct env *env);

/* The link's MTU changed: ctx->caps already is the new one. What was sent in
 * larger pieces is left to loss recovery: the interface took it already. */
void tcp_mtu_changed(struct tcp *t);

/* ---- data ---- */

/* Bytes that tcp_send() takes now (autotuned send buffer less what is queued). */
uint32_t tcp_send_space(const struct tcp *t);

/* Append; takes over the references. All or nothing: 0, -ENOBUFS (more than
 * send space + 1 MiB), -EPIPE (after tcp_shutdown or closed), -ENOMEM. */
int tcp_send(struct tcp *t, const struct gust_frag *f /*taken*/, unsigned n);

/* Received, in order. */
static inline uint32_t tcp_readable(const struct tcp *t)
{
	return t->rcvq.len;
}
unsigned tcp_peek(const struct tcp *t, struct iovec *iov, unsigned max);
void tcp_consume(struct tcp *t, uint32_t n, const struct env *env);
unsigned tcp_take(struct tcp *t, struct gust_frag *ret_f, unsigned max,
		  uint32_t *ret_len, const struct env *env);
/* Nothing more will be read in this turn. */
void tcp_compact(struct tcp *t);

/* No more received data is coming and all was consumed. */
bool tcp_at_eof(const struct tcp *t);

/* ---- closing ---- */

void tcp_shutdown(struct tcp *t,
		  const struct env *env); /* FIN after what is queued */
/* Nobody reads any more: data that still arrives is answered by a reset
 * (RFC 9293 3.6, RFC 1122 4.2.2.13), FIN-WAIT-2 is bounded. */
void tcp_detach(struct tcp *t, const struct env *env);
/* RST (if synchronised, or in answer to a held SYN), then CLOSED; tcp_output()
 * sends it. */
void tcp_abort(struct tcp *t, const struct env *env);
void tcp_free(struct tcp *t); /* buffers; not the struct */

/* ---- without a connection ---- */

/* The reset that answers a segment of no connection (RFC 9293 3.10.7.1), with
 * its IP header; NULL when `p` is itself a reset, or at the pool limit. */
struct gust_pkt *tcp_reset_for(struct pkt_pool *pool, const struct gust_pkt *p,
			       const struct port_caps *caps);

/* RFC 6056 algorithm 3 (double hash is not needed: one secret per worker):
 * candidate `i` of a port sequence in [lo, hi] for this destination. */
uint16_t tcp_port_candidate(const struct siphash_key *secret,
			    const struct ipaddr *src, const struct ipaddr *dst,
			    uint16_t dport, uint32_t counter, uint16_t lo,
			    uint16_t hi);

struct tcp_report {
	const char *state, *cc;
	uint32_t srtt_us, rttvar_us, rto_us, cwnd, ssthresh, inflight, mss;
	uint32_t snd_wnd, rcv_wnd, rcvbuf, sndbuf, sndq, rcvq, retrans;
	uint64_t bytes_in, bytes_out;
};
void tcp_report(const struct tcp *t, struct tcp_report *ret);

#endif
