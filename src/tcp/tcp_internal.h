/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_internal.h - what the files of the TCP core share
 */
#ifndef GUST_TCP_TCP_INTERNAL_H
#define GUST_TCP_TCP_INTERNAL_H

#include "tcp/seq.h"
#include "tcp/tcp.h"
#include "wire/tcp.h"

/* struct tcp.flags */
#define TCPF_HELD 0x00001 /* passive open: the SYN is not answered yet */
#define TCPF_PASSIVE 0x00002
#define TCPF_ACK_NOW 0x00004 /* an ACK is owed at the next output */
#define TCPF_FIN_WANTED 0x00008 /* tcp_shutdown() was called */
#define TCPF_FIN_SENT 0x00010 /* the FIN stands before snd_nxt */
#define TCPF_FIN_RCVD 0x00020 /* the peer's FIN was taken in order */
#define TCPF_DETACHED 0x00040
#define TCPF_RST_OUT 0x00080 /* a reset is to be sent, then nothing */
#define TCPF_RST_WITH_ACK 0x00100 /* ... in answer to a SYN: seq 0, ACK */
#define TCPF_RECOVERY 0x00200 /* fast recovery */
#define TCPF_LOSS 0x00400 /* recovery after a retransmission timeout */
#define TCPF_RTX_ONE 0x00800 /* one retransmission regardless of the pipe */
#define TCPF_TIMED 0x01000 /* rtt_seq is being timed */
#define TCPF_CWND_LIMITED 0x02000
#define TCPF_PROBE 0x04000 /* send a window or keepalive probe */
#define TCPF_SYN_SENT 0x08000 /* our SYN is out (or is to be sent again) */
#define TCPF_RESCUED 0x10000 /* RFC 6675 rescue retransmission used */
#define TCPF_TS_ARMED 0x20000 /* the episode's first retransmission is to come */
#define TCPF_TS_RTX 0x40000 /* it went out at rtx_tsval (Eifel, RFC 3522) */
#define TCPF_RST_ONCE 0x80000 /* a reset with rst_seq; the state stays */
#define TCPF_FIN_AHEAD 0x100000 /* the peer's FIN is known: at fin_seq */
#define TCPF_DSACK 0x200000 /* dsack is to be reported */
#define TCPF_NODELAY 0x800000 /* tcp_set_nodelay() */
#define TCPF_OVERRIDE 0x400000 /* send a small piece (RFC 9293 3.8.6.2.1 (4)) */

/* Our SYN counts one before the data: sequence number of sndq offset 0. (The
 * state says it, not snd_una == iss, which comes again after 4 GiB.) */
static inline uint32_t tcp_data_seq(const struct tcp *t)
{
	return t->snd_una +
	       (t->state == TCPS_SYN_SENT || t->state == TCPS_SYN_RCVD);
}

/* One past the last byte queued; where the FIN stands. */
static inline uint32_t tcp_data_end(const struct tcp *t)
{
	return tcp_data_seq(t) + t->sndq.len;
}

static inline bool tcp_synchronised(const struct tcp *t)
{
	return t->state >= TCPS_ESTABLISHED;
}

/* May the application still receive? */
static inline bool tcp_receives(const struct tcp *t)
{
	return t->state == TCPS_ESTABLISHED || t->state == TCPS_FIN_WAIT_1 ||
	       t->state == TCPS_FIN_WAIT_2;
}

static inline bool tcp_in_recovery(const struct tcp *t)
{
	return t->flags & (TCPF_RECOVERY | TCPF_LOSS);
}

/* What is left of the window that the peer knows. */
static inline uint32_t tcp_known_wnd(const struct tcp *t)
{
	uint32_t end = t->rcv_wup + t->rcv_wnd;

	return seq_gt(end, t->rcv_nxt) ? end - t->rcv_nxt : 0;
}

/* Bytes that are in the network, by what we know (RFC 6675 "pipe"). */
uint32_t tcp_inflight(const struct tcp *t);

/* ---- tcp.c ---- */
void tcp_set_closed(struct tcp *t); /* buffers and timers go */
void tcp_enter_time_wait(struct tcp *t, const struct env *env);

/* ---- tcp_opts.c ---- */
/* Millisecond clock of our timestamps, offset by connection (RFC 7323 5.4). */
uint32_t tcp_ts_now(const struct tcp *t, const struct env *env);
/* MSS to announce for this link (RFC 9293 3.7.1). */
uint16_t tcp_announced_mss(const struct tcp *t);
/* What we offer, by configuration: settles t->opt and t->rcv_wscale until the
 * peer has said what it offers. */
void tcp_offer_opts(struct tcp *t);
/* What our SYN or SYN-ACK carries: all that is offered or agreed. */
void tcp_syn_opts(const struct tcp *t, bool reply, const struct env *env,
		  struct tcp_opts *ret);
/* Take the options of the peer's SYN; settles t->opt, scales, mss. */
void tcp_agree_opts(struct tcp *t, const struct tcp_hdr *h, const struct env *env);
/* Recompute t->mss from peer, link and path. */
void tcp_set_mss(struct tcp *t);
/* RFC 7323 5.3 R1: an old duplicate? */
bool tcp_paws_reject(const struct tcp *t, const struct tcp_hdr *h,
		     const struct env *env);
/* RFC 7323 4.3 (2): remember the timestamp to echo. */
void tcp_ts_update(struct tcp *t, const struct tcp_hdr *h, const struct env *env);

/* ---- tcp_isn.c ---- */
uint32_t tcp_isn(const struct tcp *t, const struct env *env);
uint32_t tcp_ts_offset(const struct tcp *t);

/* ---- tcp_ack.c ---- */
struct tcp_ack_in {
	const struct tcp_hdr *h;
	uint32_t paylen;
	uint32_t inflight; /* before this ACK */
	uint32_t acked; /* bytes of sequence space newly acknowledged */
	uint32_t delivered; /* newly acknowledged or SACKed */
	uint32_t sacked; /* newly SACKed */
	bool dup, dsack;
};
/* The ACK of an acceptable segment. Returns events. */
unsigned tcp_ack_process(struct tcp *t, const struct tcp_hdr *h, uint32_t paylen,
			 const struct env *env);
/* Has the peer acknowledged our FIN? */
bool tcp_fin_acked(const struct tcp *t);
/* RFC 9293 3.10.7.4: the send window. */
void tcp_update_wnd(struct tcp *t, const struct tcp_hdr *h, bool force);

/* ---- tcp_autotune.c ---- */
/* The application took `n` bytes: grow the receive buffer if it keeps up. */
void tcp_tune_rcvbuf(struct tcp *t, uint32_t n, const struct env *env);
void tcp_tune_sndbuf(struct tcp *t);
/* The window to write into a segment now, bytes from rcv_nxt on, a multiple of
 * the scale. */
uint32_t tcp_select_wnd(const struct tcp *t);
/* The window of a SYN, which is never scaled (RFC 7323 2.2). */
uint16_t tcp_syn_wnd(const struct tcp *t);
/* Would an update now open the window by enough to tell (SWS avoidance)? */
bool tcp_wnd_update_due(const struct tcp *t);

/* ---- tcp_timer.c ---- */
void tcp_arm_rtx(struct tcp *t, const struct env *env);
void tcp_arm_keepalive(struct tcp *t, const struct env *env);
unsigned tcp_give_up(struct tcp *t, unsigned why);

/* ---- tcp_output.c ---- */
/* An ACK at the next output; challenge ACKs are limited (RFC 5961 7). */
void tcp_challenge_ack(struct tcp *t, const struct env *env);

#endif
