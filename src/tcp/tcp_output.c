/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_output.c - what may be sent, as superpackets
 *
 * Theory of operation
 *
 * tcp_output() runs once at the end of a turn and looks at the whole picture:
 * lost data first, then new data, then the FIN, and when none of them carried
 * the acknowledgement that is owed, a pure ACK. A "segment" here is a superpacket
 * of many segments of t->mss bytes; only the egress knows whether it is ever cut.
 *
 * Sizes. A superpacket holds at most what the port takes (caps), what the peer's
 * window and the congestion window leave, and is a multiple of mss unless it
 * empties the queue. A small opening is left alone while ACKs are still on their
 * way (defer()): sending crumbs of a window costs a write each, and the price of
 * a write is by packet, not by byte.
 *
 * Every segment carries the ACK, so emit() settles all acknowledgement state.
 */
#include <errno.h>

#include "ip/ip.h"
#include "tcp/tcp_loss.h"

#define NOBUFS_RETRY_US 2000
#define SUPER_DIVISOR 3 /* of the window; a smaller opening waits for more */

/* ---- one segment ---- */

static void finish(struct tcp *t, struct gust_pkt *p, struct gust_batch *out,
		   const struct env *env)
{
	struct ip_tx tx = {
		.src = t->local,
		.dst = t->remote,
		.proto = IPPROTO_TCP,
		.ttl = t->ttl,
		.tos = t->tos,
		.df = true, /* RFC 1191: always looking for the path MTU */
	};

	p->need = GUST_F_CSUM;
	ip_push(p, &tx, t->ctx->caps);
	t->ctx->stats.segs_out += pkt_segs(p);
	t->ctx->stats.super_out += p->gso_size != 0;
	gust_batch_push(out, p);
}

/* The acknowledgement went out with this segment. */
static void acked_now(struct tcp *t, uint32_t wnd)
{
	uint32_t known = tcp_known_wnd(t);

	t->last_ack_sent = t->rcv_wup = t->rcv_nxt;
	t->rcv_wnd = wnd > known ? wnd : known; /* RFC 7323 2.4: never less */
	t->unacked_bytes = 0;
	t->ack_at_us = ENV_NEVER;
	t->flags &= ~(TCPF_ACK_NOW | TCPF_DSACK);
}

/* RFC 2018 3: with timestamps three blocks fit. */
static unsigned sack_max(const struct tcp *t)
{
	return t->opt & TCP_OPT_TS ? 3 : 4;
}

/* Payload of one segment now: SACK blocks make the header longer. */
static uint32_t seg_len(const struct tcp *t)
{
	unsigned n = t->rcvq.ooo_n + !!(t->flags & TCPF_DSACK);

	if (!n || !(t->opt & TCP_OPT_SACK_PERM))
		return t->mss;
	return t->mss - 4 - 8 * (n < sack_max(t) ? n : sack_max(t));
}

static void data_opts(const struct tcp *t, const struct env *env,
		      struct tcp_opts *ret)
{
	unsigned n = 0;

	*ret = (struct tcp_opts){ 0 };
	if (t->opt & TCP_OPT_TS) {
		ret->present |= TCP_OPT_TS;
		ret->tsval = tcp_ts_now(t, env);
		ret->tsecr = t->ts_recent;
	}
	if (!(t->opt & TCP_OPT_SACK_PERM))
		return;
	if (t->flags & TCPF_DSACK) /* RFC 2883 4: the first block */
		ret->sack[n++] = t->dsack;
	if (t->rcvq.ooo_n)
		n += rcvq_sack(&t->rcvq, t->rcv_nxt, ret->sack + n,
			       sack_max(t) - n);
	if (n) {
		ret->nsack = n;
		ret->present |= TCP_OPT_SACK;
	}
}

/* The pool is empty: the ACK timer brings the next turn. */
static void retry_soon(struct tcp *t, const struct env *env)
{
	if (env->now_us + NOBUFS_RETRY_US < t->ack_at_us)
		t->ack_at_us = env->now_us + NOBUFS_RETRY_US;
}

/* Send [seq, seq + len) of the queue with these flags (ACK is implied).
 * 0, or -ENOBUFS: try again soon. */
static int emit(struct tcp *t, uint32_t seq, uint32_t len, uint16_t flags,
		struct gust_batch *out, const struct env *env)
{
	struct gust_pkt *p = pkt_new(t->ctx->pool);
	uint32_t wnd = tcp_select_wnd(t), seg = seg_len(t);
	struct tcp_hdr h = {
		.sport = t->lport,
		.dport = t->rport,
		.seq = seq,
		.ack = t->rcv_nxt,
		.flags = flags | TCP_ACK,
		.wnd = wnd >> t->rcv_wscale,
	};

	if (!p)
		goto nobufs;
	data_opts(t, env, &h.opt);
	p->hlen = tcp_hdr_build(p->head, &h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	if (len && sndq_slice(&t->sndq, seq - tcp_data_seq(t), len, p))
		goto nobufs;
	if (len)
		t->last_snd_us = env->now_us;
	if (len > seg) {
		p->gso_size = seg;
		p->gso_type =
			ipaddr_is4(&t->remote) ? GUST_GSO_TCP4 : GUST_GSO_TCP6;
	}
	acked_now(t, wnd);
	finish(t, p, out, env);
	return 0;
nobufs:
	pkt_free(p);
	retry_soon(t, env);
	return -ENOBUFS;
}

static void send_syn(struct tcp *t, bool reply, struct gust_batch *out,
		     const struct env *env)
{
	struct gust_pkt *p = pkt_new(t->ctx->pool);
	struct tcp_hdr h = {
		.sport = t->lport,
		.dport = t->rport,
		.seq = t->iss,
		.ack = reply ? t->rcv_nxt : 0,
		.flags = TCP_SYN | (reply ? TCP_ACK : 0),
		.wnd = tcp_syn_wnd(t),
	};

	if (t->rtx_at_us == ENV_NEVER)
		tcp_arm_rtx(t, env);
	if (!p) {
		retry_soon(t, env);
		return;
	}
	tcp_syn_opts(t, reply, env, &h.opt);
	p->hlen = tcp_hdr_build(p->head, &h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	t->flags |= TCPF_SYN_SENT;
	t->last_snd_us = env->now_us;
	if (t->snd_nxt !=
	    t->iss) { /* Karn: an answer to the second times nothing */
		t->flags &= ~TCPF_TIMED;
		t->ctx->stats.retrans++;
	} else {
		t->snd_nxt = t->iss + 1;
		t->flags |= TCPF_TIMED;
		t->rtt_seq = t->snd_nxt;
		t->rtt_start_us = env->now_us;
	}
	acked_now(t, h.wnd);
	finish(t, p, out, env);
}

/* `flags` says which: TCPF_RST_OUT, with TCPF_RST_WITH_ACK, or TCPF_RST_ONCE. */
static void send_reset(struct tcp *t, uint32_t flags, struct gust_batch *out,
		       const struct env *env)
{
	struct gust_pkt *p = pkt_new(t->ctx->pool);
	struct tcp_hdr h = {
		.sport = t->lport,
		.dport = t->rport,
		.flags = TCP_RST,
	};

	if (flags & TCPF_RST_ONCE) {
		h.seq = t->rst_seq;
	} else {
		h.seq = flags & TCPF_RST_WITH_ACK ? 0 : t->snd_nxt;
		h.ack = t->rcv_nxt;
		h.flags |= TCP_ACK;
	}
	t->flags &= ~flags;
	if (!p)
		return; /* the peer's next segment is answered by a reset anyway */
	p->hlen = tcp_hdr_build(p->head, &h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	t->ctx->stats.resets_out++;
	finish(t, p, out, env);
}

/* An old sequence number makes the peer say where it is: window and keepalive
 * probe in one. RFC 9293 3.8.6.1 would send a byte of new data; this asks the
 * same question and is right for every peer that answers unacceptable segments
 * (3.10.7.4), without a byte in limbo. */
static void send_probe(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	if (!emit(t, t->snd_una - 1, 0, 0, out, env))
		t->ctx->stats.probes++;
}

/* ---- how much ---- */

/* Payload of the largest superpacket, a multiple of `seg`. */
static uint32_t super_max(const struct tcp *t, uint32_t seg)
{
	const struct port_caps *c = t->ctx->caps;
	bool v4 = ipaddr_is4(&t->remote);
	uint32_t max = v4 ? c->gso_max4 : c->gso_max6;
	uint32_t hdr = (v4 ? 20 : 48) + TCP_HLEN_MAX;

	/* a port without segmentation: the egress cuts, if it can, and 64 KB are
	 * one pass through the stack all the same */
	if (!caps_has(c, v4 ? FEAT_TSO4 : FEAT_TSO6))
		max = c->cuts_tcp ? 65535 : 0;
	max = max > hdr ? max - hdr : 0;
	if (c->gso_max_segs && max / seg > c->gso_max_segs)
		max = c->gso_max_segs * seg;
	return max < seg ? seg : max - max % seg;
}

static uint32_t wnd_room(const struct tcp *t)
{
	uint32_t end = t->snd_una + t->snd_wnd;

	return seq_gt(end, t->snd_nxt) ? end - t->snd_nxt : 0;
}

static uint32_t cwnd_room(const struct tcp *t)
{
	/* RFC 3042 limited transmit: duplicate ACKs take segments off the pipe,
	 * and as much that is new may follow (RFC 6675 5 (3)) */
	uint32_t inflight = tcp_inflight(t);

	return t->cc.cwnd > inflight ? t->cc.cwnd - inflight : 0;
}

/* The end of the queue does not fit: is what fits worth a superpacket yet? */
static bool defer(const struct tcp *t, uint32_t len, uint32_t max)
{
	uint32_t wnd = t->cc.cwnd < t->snd_wnd ? t->cc.cwnd : t->snd_wnd;
	uint32_t goal = wnd / SUPER_DIVISOR;

	if (t->snd_una == t->snd_nxt || tcp_in_recovery(t) || t->dupacks)
		return false;
	return len < (goal < max ? goal : max);
}

/* RFC 9293 3.7.4 Nagle, as Minshall has it: one small segment at a time. (An old
 * snd_sml may look like one ahead.) */
static bool nagle_holds(const struct tcp *t)
{
	uint32_t never = TCPF_NODELAY | TCPF_FIN_WANTED | TCPF_OVERRIDE;

	return t->ctx->conf->nagle && !(t->flags & never) &&
	       seq_gt(t->snd_sml, t->snd_una) && seq_le(t->snd_sml, t->snd_nxt);
}

/* How much of the `left` bytes that wait, when the windows leave `room`? Whole
 * segments of `seg` bytes, and a small one only where RFC 9293 3.8.6.2.1 has it. */
static uint32_t piece(const struct tcp *t, uint32_t left, uint32_t room,
		      uint32_t seg)
{
	uint32_t max = super_max(t, seg), len = left < room ? left : room;

	if (len > max)
		len = max;
	if (len == left) { /* it empties the queue */
		if (len % seg && nagle_holds(t))
			len -= len % seg;
	} else if (len >= seg) {
		len -= len % seg;
		if (len < max && defer(t, len, max))
			len = 0;
	} else if (len < t->max_wnd / 2 && !(t->flags & TCPF_OVERRIDE)) {
		len = 0; /* the window is closing: wait for it */
	}
	return len;
}

/* ---- new data ---- */

static void time_segment(struct tcp *t, const struct env *env)
{
	if ((t->flags & TCPF_TIMED) || tcp_in_recovery(t))
		return;
	t->flags |= TCPF_TIMED;
	t->rtt_seq = t->snd_nxt;
	t->rtt_start_us = env->now_us;
}

static bool fin_due(const struct tcp *t)
{
	return (t->flags & TCPF_FIN_WANTED) && !(t->flags & TCPF_FIN_SENT);
}

static void note_limit(struct tcp *t, uint32_t left, uint32_t cwnd, uint32_t wnd)
{
	bool slow_start = t->cc.cwnd < t->cc.ssthresh;

	/* RFC 7661: the window was in use, or half of it in slow start */
	if ((left && cwnd <= wnd) || cwnd < t->mss ||
	    (slow_start && tcp_inflight(t) >= t->cc.cwnd / 2))
		t->flags |= TCPF_CWND_LIMITED;
	else
		t->flags &= ~TCPF_CWND_LIMITED;
}

/* Returns true when something was sent. */
static bool send_new(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	uint32_t left, cwnd, wnd;
	bool sent = false;

	for (;;) {
		uint32_t seg = seg_len(t), len;
		uint16_t flags = 0;

		left = t->flags & TCPF_FIN_SENT ? 0 : tcp_data_end(t) - t->snd_nxt;
		cwnd = cwnd_room(t);
		wnd = wnd_room(t);
		len = left ? piece(t, left, cwnd < wnd ? cwnd : wnd, seg) : 0;
		if (len == left) {
			flags = len ? TCP_PSH : 0;
			if (fin_due(t) && wnd > len)
				flags |= TCP_FIN;
		}
		if (!len && !(flags & TCP_FIN))
			break;
		if (emit(t, t->snd_nxt, len, flags, out, env))
			break;
		if (len % seg)
			t->snd_sml = t->snd_nxt + len;
		t->snd_nxt += len + !!(flags & TCP_FIN);
		if (flags & TCP_FIN)
			t->flags |= TCPF_FIN_SENT;
		time_segment(t, env);
		sent = true;
	}
	t->flags &= ~TCPF_OVERRIDE;
	note_limit(t, left, cwnd, wnd);
	return sent;
}

/* ---- lost data ---- */

/* The next stretch that is lost and was not sent again. */
static bool next_lost(const struct tcp *t, uint32_t *ret_l, uint32_t *ret_r)
{
	uint32_t from = seq_max(t->high_rxt, t->snd_una), l, r;

	if (!sack_next_hole(&t->sack, from, t->snd_una, &l, &r)) {
		l = seq_max(from, sack_high(&t->sack, t->snd_una));
		r = t->lost_edge;
	}
	r = seq_min(r, t->lost_edge);
	*ret_l = l;
	*ret_r = r;
	return seq_lt(l, r);
}

/* Send [l, r) again, or as much of it as there is room for. Returns how much of the
 * sequence space went out. */
static uint32_t resend(struct tcp *t, uint32_t l, uint32_t r,
		       struct gust_batch *out, const struct env *env)
{
	uint32_t end = tcp_data_end(t), seg = seg_len(t), max = super_max(t, seg);
	uint32_t room = cwnd_room(t),
		 len = seq_lt(l, end) ? seq_min(r, end) - l : 0;
	uint16_t flags = 0;

	if ((t->flags & TCPF_RTX_ONE) && room < seg)
		room = seg;
	if (len > max)
		len = max;
	if (len > room) {
		if (room < seg)
			return 0;
		len = room - room % seg;
	}
	if (l + len == end && (t->flags & TCPF_FIN_SENT) && seq_gt(r, end))
		flags = TCP_FIN;
	if (l + len == end && len)
		flags |= TCP_PSH;
	if (emit(t, l, len, flags, out, env))
		return 0;
	t->flags &= ~(TCPF_RTX_ONE | TCPF_TIMED); /* Karn */
	if (t->flags & TCPF_TS_ARMED) {
		t->flags &= ~TCPF_TS_ARMED;
		if (t->opt & TCP_OPT_TS)
			t->flags |= TCPF_TS_RTX;
		t->rtx_tsval = tcp_ts_now(t, env);
	}
	t->retrans += len ? (len + seg - 1) / seg : 1;
	t->ctx->stats.retrans++;
	return len + !!(flags & TCP_FIN);
}

/* In the order of RFC 6675 4, NextSeg(). Returns true when something was sent. */
static bool send_data(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	uint32_t before = out->n, l, r, n;

	if (tcp_in_recovery(t))
		while (next_lost(t, &l, &r) && (n = resend(t, l, r, out, env)))
			t->high_rxt = l + n;
	if (!send_new(t, out, env) && (t->flags & TCPF_RECOVERY)) {
		while (cwnd_room(t) >= t->mss && tcp_loss_sack.next(t, &l, &r) &&
		       (n = resend(t, l, r, out, env)))
			t->high_rxt = l + n;
		if (cwnd_room(t) >= t->mss && tcp_loss_sack.rescue(t, &l, &r) &&
		    resend(t, l, r, out, env))
			t->flags |= TCPF_RESCUED;
	}
	return out->n != before;
}

/* ---- the whole ---- */

void tcp_challenge_ack(struct tcp *t, const struct env *env)
{
	struct tcp_ctx *c = t->ctx;

	/* RFC 5961 7: a budget a second, shared by all connections; its size is
	 * drawn at random so that nobody can count with it (CVE-2016-5696) */
	if (env->now_us - c->challenge_us >= 1000000) {
		c->challenge_us = env->now_us;
		c->challenge_n = 500 + rng_below(env->rng, 500);
	}
	if (!c->challenge_n)
		return;
	c->challenge_n--;
	c->stats.challenge_acks++;
	t->flags |= TCPF_ACK_NOW;
}

static void timers_after(struct tcp *t, const struct env *env)
{
	if (t->snd_una != t->snd_nxt) {
		t->persist_at_us = ENV_NEVER;
		if (t->rtx_at_us == ENV_NEVER)
			tcp_arm_rtx(t, env);
		return;
	}
	t->rtx_at_us = ENV_NEVER;
	/* nothing is under way, and something waits for the peer's window */
	if ((tcp_data_end(t) != t->snd_nxt || fin_due(t)) &&
	    !(t->flags & TCPF_FIN_SENT)) {
		if (t->persist_at_us == ENV_NEVER)
			t->persist_at_us =
				env->now_us + tcp_rtt_rto(&t->rtt, t->rtx_shift);
	} else {
		t->persist_at_us = ENV_NEVER;
	}
}

void tcp_output(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	if (t->flags & TCPF_RST_OUT) {
		send_reset(t, t->flags & (TCPF_RST_OUT | TCPF_RST_WITH_ACK), out,
			   env);
		return;
	}
	if (t->flags & TCPF_RST_ONCE)
		send_reset(t, TCPF_RST_ONCE, out, env);
	switch ((enum tcp_state)t->state) {
	case TCPS_CLOSED:
		return;
	case TCPS_SYN_SENT:
	case TCPS_SYN_RCVD:
		if (t->flags & TCPF_HELD)
			return;
		if (!(t->flags & TCPF_SYN_SENT))
			send_syn(t, t->state == TCPS_SYN_RCVD, out, env);
		else if (t->state == TCPS_SYN_RCVD && (t->flags & TCPF_ACK_NOW))
			emit(t, t->snd_nxt, 0, 0, out, env);
		return;
	case TCPS_TIME_WAIT:
		break;
	default:
		/* RFC 5681 4.1: after an idle RTO the window says little */
		if (t->snd_una == t->snd_nxt && t->sndq.len &&
		    env->now_us - t->last_snd_us > tcp_rtt_rto(&t->rtt, 0))
			t->cc.ops->on_idle(&t->cc, env->now_us - t->last_snd_us);
		if (!send_data(t, out, env) && (t->flags & TCPF_PROBE))
			send_probe(t, out, env);
		t->flags &= ~TCPF_PROBE;
		timers_after(t, env);
	}
	if (t->flags & TCPF_ACK_NOW)
		emit(t, t->snd_nxt, 0, 0, out, env);
}
