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
	t->last_snd_us = env->now_us;
	gust_batch_push(out, p);
}

/* The acknowledgement went out with this segment. */
static void acked_now(struct tcp *t, uint32_t wnd)
{
	t->last_ack_sent = t->rcv_wup = t->rcv_nxt;
	t->rcv_wnd = wnd;
	t->unacked_bytes = 0;
	t->ack_at_us = ENV_NEVER;
	t->flags &= ~TCPF_ACK_NOW;
}

static void data_opts(const struct tcp *t, const struct env *env, struct tcp_opts *ret)
{
	*ret = (struct tcp_opts){ 0 };
	if (t->opt & TCP_OPT_TS) {
		ret->present |= TCP_OPT_TS;
		ret->tsval = tcp_ts_now(t, env);
		ret->tsecr = t->ts_recent;
	}
	if ((t->opt & TCP_OPT_SACK_PERM) && t->rcvq.ooo_n) {
		/* RFC 2018 3: with timestamps three blocks fit */
		ret->nsack = rcvq_sack(&t->rcvq, t->rcv_nxt, ret->sack,
				       t->opt & TCP_OPT_TS ? 3 : 4);
		if (ret->nsack)
			ret->present |= TCP_OPT_SACK;
	}
}

/* Send [seq, seq + len) of the queue with these flags (ACK is implied).
 * 0, or -ENOBUFS: try again soon. */
static int emit(struct tcp *t, uint32_t seq, uint32_t len, uint16_t flags,
		struct gust_batch *out, const struct env *env)
{
	struct gust_pkt *p = pkt_new(t->ctx->pool);
	uint32_t wnd = tcp_select_wnd(t), seg;
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
	/* SACK blocks make the header longer and the segment shorter */
	seg = t->mss - (p->hlen - TCP_HLEN - (t->opt & TCP_OPT_TS ? 12 : 0));
	if (len > seg) {
		p->gso_size = seg;
		p->gso_type = ipaddr_is4(&t->remote) ? GUST_GSO_TCP4 : GUST_GSO_TCP6;
	}
	acked_now(t, wnd);
	finish(t, p, out, env);
	return 0;
nobufs:
	pkt_free(p);
	if (env->now_us + NOBUFS_RETRY_US < t->ack_at_us)
		t->ack_at_us = env->now_us + NOBUFS_RETRY_US;
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
		t->rtx_at_us = env->now_us + NOBUFS_RETRY_US;
		return;
	}
	tcp_syn_opts(t, reply, env, &h.opt);
	p->hlen = tcp_hdr_build(p->head, &h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	t->snd_nxt = t->iss + 1;
	t->flags |= TCPF_SYN_SENT;
	if (t->rtx_shift) { /* Karn: an answer now times nothing */
		t->flags &= ~TCPF_TIMED;
		t->ctx->stats.retrans++;
	} else {
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
	t->flags &= ~TCPF_PROBE;
	if (!emit(t, t->snd_una - 1, 0, 0, out, env))
		t->ctx->stats.probes++;
}

/* ---- how much ---- */

/* Payload of the largest superpacket, a multiple of mss. */
static uint32_t super_max(const struct tcp *t)
{
	const struct port_caps *c = t->ctx->caps;
	bool v4 = ipaddr_is4(&t->remote);
	uint32_t max = v4 ? c->gso_max4 : c->gso_max6;
	uint32_t hdr = (v4 ? 20 : 48) + TCP_HLEN_MAX;

	/* what the port does not take the egress cuts: up to 64 KB is still one
	 * pass through the stack */
	if (!caps_has(c, v4 ? FEAT_TSO4 : FEAT_TSO6) || max < 65535)
		max = 65535;
	max -= hdr;
	if (c->gso_max_segs && max / t->mss > c->gso_max_segs)
		max = c->gso_max_segs * t->mss;
	return max < t->mss ? t->mss : max - max % t->mss;
}

static uint32_t wnd_room(const struct tcp *t)
{
	uint32_t end = t->snd_una + t->snd_wnd;

	return seq_gt(end, t->snd_nxt) ? end - t->snd_nxt : 0;
}

static uint32_t cwnd_room(const struct tcp *t)
{
	uint32_t inflight = tcp_inflight(t);
	uint64_t cwnd = t->cc.cwnd;

	/* RFC 3042 limited transmit: the first two duplicate ACKs each let one new
	 * segment out. Without SACK the pipe has counted them off already. */
	if (!tcp_in_recovery(t) && t->dupacks && (t->opt & TCP_OPT_SACK_PERM))
		cwnd += 2 * (uint64_t)t->mss;
	return cwnd > inflight ? cwnd - inflight : 0;
}

/* The end of the queue does not fit: is what fits worth a superpacket yet? */
static bool defer(const struct tcp *t, uint32_t len)
{
	uint32_t wnd = t->cc.cwnd < t->snd_wnd ? t->cc.cwnd : t->snd_wnd;
	uint32_t goal = wnd / SUPER_DIVISOR, max = super_max(t);

	if (t->snd_una == t->snd_nxt || tcp_in_recovery(t) || t->dupacks)
		return false;
	return len < (goal < max ? goal : max);
}

/* RFC 9293 3.8.6.2.1 for a piece below mss; `all`: it empties the queue. */
static bool too_small(const struct tcp *t, uint32_t len, bool all)
{
	if (len >= t->mss)
		return false;
	if (!all)
		return len < t->max_wnd / 2; /* the window is closing: wait for it */
	/* RFC 9293 3.7.4 Nagle, as Minshall has it: one small segment at a time */
	return t->ctx->conf->nagle && !(t->flags & TCPF_FIN_WANTED) &&
	       seq_gt(t->snd_sml, t->snd_una);
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
	if ((left && cwnd <= wnd) ||
	    (slow_start && tcp_inflight(t) >= t->cc.cwnd / 2))
		t->flags |= TCPF_CWND_LIMITED;
	else
		t->flags &= ~TCPF_CWND_LIMITED;
}

/* Returns true when something was sent. */
static bool send_new(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	uint32_t max = super_max(t), left, cwnd, wnd;
	bool sent = false;

	for (;;) {
		uint16_t flags = 0;
		uint32_t len;

		left = t->flags & TCPF_FIN_SENT ? 0 : tcp_data_end(t) - t->snd_nxt;
		cwnd = cwnd_room(t);
		wnd = wnd_room(t);
		len = cwnd < wnd ? cwnd : wnd;
		if (len > left)
			len = left;
		if (len > max)
			len = max;
		if (len < left && len > t->mss)
			len -= len % t->mss;
		if (len ? too_small(t, len, len == left) || (len < left && len < max && defer(t, len)) :
			  left || !fin_due(t) || !wnd)
			break;
		if (len == left) {
			flags = len ? TCP_PSH : 0;
			if (fin_due(t) && wnd > len)
				flags |= TCP_FIN;
		}
		if (emit(t, t->snd_nxt, len, flags, out, env))
			break;
		if (len && len < t->mss)
			t->snd_sml = t->snd_nxt + len;
		t->snd_nxt += len + !!(flags & TCP_FIN);
		if (flags & TCP_FIN)
			t->flags |= TCPF_FIN_SENT;
		time_segment(t, env);
		sent = true;
	}
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

/* Send one stretch again. false: nothing to send, or no room. */
static bool resend(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	uint32_t l, r, len, room, end = tcp_data_end(t), max = super_max(t);
	uint16_t flags = 0;

	if (!next_lost(t, &l, &r))
		return false;
	room = cwnd_room(t);
	if (t->flags & TCPF_RTX_ONE && room < t->mss)
		room = t->mss;
	len = seq_lt(l, end) ? seq_min(r, end) - l : 0;
	if (len > max)
		len = max;
	if (len > room) {
		if (room < t->mss)
			return false;
		len = room - room % t->mss;
	}
	if (l + len == end && (t->flags & TCPF_FIN_SENT) && seq_gt(r, end))
		flags = TCP_FIN;
	if (l + len == end && len)
		flags |= TCP_PSH;
	if (emit(t, l, len, flags, out, env))
		return false;
	t->high_rxt = l + len + !!(flags & TCP_FIN);
	t->flags &= ~(TCPF_RTX_ONE | TCPF_TIMED); /* Karn */
	if (!(t->flags & TCPF_TS_RTX) && (t->opt & TCP_OPT_TS)) {
		t->flags |= TCPF_TS_RTX;
		t->rtx_tsval = tcp_ts_now(t, env);
	}
	t->retrans += len ? (len + t->mss - 1) / t->mss : 1;
	t->ctx->stats.retrans++;
	return true;
}

static void send_data(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	if (tcp_in_recovery(t))
		while (resend(t, out, env))
			;
	if (send_new(t, out, env) || !(t->flags & TCPF_RECOVERY))
		return;
	/* RFC 6675 5 (C): room, and nothing new to fill it with */
	while (cwnd_room(t) >= t->mss && tcp_loss_sack.next(t) && resend(t, out, env))
		;
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
	if ((tcp_data_end(t) != t->snd_nxt || fin_due(t)) && !(t->flags & TCPF_FIN_SENT)) {
		if (t->persist_at_us == ENV_NEVER)
			t->persist_at_us = env->now_us + tcp_rtt_rto(&t->rtt, t->rtx_shift);
	} else {
		t->persist_at_us = ENV_NEVER;
	}
}

void tcp_output(struct tcp *t, struct gust_batch *out, const struct env *env)
{
	if (t->flags & TCPF_RST_OUT) {
		send_reset(t, t->flags & (TCPF_RST_OUT | TCPF_RST_WITH_ACK), out, env);
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
		send_data(t, out, env);
		if (t->flags & TCPF_PROBE)
			send_probe(t, out, env);
		timers_after(t, env);
	}
	if (t->flags & TCPF_ACK_NOW)
		emit(t, t->snd_nxt, 0, 0, out, env);
}
