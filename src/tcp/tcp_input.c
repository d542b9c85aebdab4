/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_input.c - segment arrives (RFC 9293 3.10.7)
 *
 * Theory of operation
 *
 * The steps below have the RFC's order: sequence number, RST, SYN, ACK, urgent,
 * text, FIN. Each is a function that returns whether to go on. A gate table says
 * beforehand which flag combinations a state looks at at all, so that no step
 * has to ask about nonsense.
 *
 * A superpacket is one segment that is long. Its payload goes into the receive
 * queue by reference; one ACK answers it. A single small segment may wait for
 * company (delayed ACK), two full ones may not (RFC 5681 4.2): by bytes, so that
 * a superpacket of two segments or more is answered in the same turn.
 *
 * Invariants after each call: snd_una <= snd_nxt; rcv_nxt never runs back;
 * rcv_wup + rcv_wnd, the right edge that the peer knows, never runs back;
 * sndq holds exactly the bytes from tcp_data_seq() on.
 */
#include "tcp/tcp_loss.h"

#define OOW_ACK_US 10000 /* between answers to empty segments out of window */

/* ---- the gate ---- */

#define F(x) (1u << (x))
enum { G_NONE, G_ACK, G_SYN, G_SYNACK, G_RST, G_N };

/* Which kinds of segment a state takes. FIN without ACK, SYN with FIN and a
 * segment with no flags at all are of no kind (RFC 9293 3.10.7.4 fifth: "if the
 * ACK bit is off, drop"). */
static const uint8_t gate[TCPS_N] = {
	[TCPS_CLOSED] = 0,
	[TCPS_SYN_SENT] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_SYN_RCVD] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_ESTABLISHED] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_FIN_WAIT_1] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_FIN_WAIT_2] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_CLOSE_WAIT] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_CLOSING] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_LAST_ACK] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
	[TCPS_TIME_WAIT] = F(G_ACK) | F(G_SYN) | F(G_SYNACK) | F(G_RST),
};

static unsigned kind_of(uint16_t flags)
{
	if ((flags & TCP_SYN) && (flags & (TCP_FIN | TCP_RST)))
		return G_NONE;
	if (flags & TCP_RST)
		return G_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? G_SYNACK : G_SYN;
	return flags & TCP_ACK ? G_ACK : G_NONE;
}

/* ---- one arrival ---- */

struct arrival {
	struct gust_pkt *p;
	struct tcp_hdr h;
	uint32_t len; /* payload */
	unsigned ev;
	enum drop_reason drop;
	bool syn_seen; /* its SYN was taken before; h.seq stands behind it */
};

static bool drop(struct arrival *a, enum drop_reason why)
{
	a->drop = why;
	return false;
}

/* The reset that answers an unacceptable ACK while opening. */
static bool reset_opening(struct tcp *t, struct arrival *a)
{
	t->rst_seq = a->h.ack; /* RFC 9293 3.10.7.3: <SEQ=SEG.ACK><CTL=RST> */
	t->flags |= TCPF_RST_ONCE;
	return drop(a, DROP_TCP_ACK);
}

static void established(struct tcp *t, struct arrival *a, const struct env *env)
{
	t->state = TCPS_ESTABLISHED;
	t->snd_una = t->iss + 1;
	t->rtx_at_us = ENV_NEVER;
	if ((t->flags & TCPF_TIMED) && !t->rtx_shift) {
		uint64_t us = env->now_us - t->rtt_start_us;

		tcp_rtt_sample(&t->rtt,
			       us > UINT32_MAX ? UINT32_MAX :
			       us              ? us :
						 1,
			       1);
	} else if (t->rtx_shift) {
		/* RFC 6298 5.7, RFC 5681 3.1: the SYN was lost */
		if (t->rtt.rto_us < 3000000)
			t->rtt.rto_us = 3000000;
		t->cc.cwnd = t->mss;
	}
	t->flags &= ~TCPF_TIMED;
	t->rtx_shift = t->probes = 0;
	t->lost_edge = t->high_rxt = t->snd_sml = t->snd_una;
	t->recover = t->iss; /* RFC 6582 3.2 step 1 */
	t->rcv_space_us = env->now_us;
	tcp_tune_sndbuf(t);
	tcp_arm_keepalive(t, env);
	t->ctx->stats.established++;
	a->ev |= TCP_EV_ESTABLISHED | TCP_EV_WRITABLE;
	if (t->flags & TCPF_FIN_WANTED)
		t->state = TCPS_FIN_WAIT_1;
}

/* ---- SYN-SENT (3.10.7.3) ---- */

static bool syn_sent(struct tcp *t, struct arrival *a, const struct env *env)
{
	const struct tcp_hdr *h = &a->h;
	bool ack = h->flags & TCP_ACK;

	/* first, the ACK */
	if (ack && (seq_le(h->ack, t->iss) || seq_gt(h->ack, t->snd_nxt)))
		return h->flags & TCP_RST ? drop(a, DROP_TCP_ACK) :
					    reset_opening(t, a);
	/* second, the RST */
	if (h->flags & TCP_RST) {
		if (!ack)
			return drop(a, DROP_TCP_STATE);
		t->ctx->stats.resets_in++;
		tcp_set_closed(t);
		a->ev |= TCP_EV_RESET | TCP_EV_CLOSED;
		return false;
	}
	if (!(h->flags & TCP_SYN))
		return drop(a, DROP_TCP_STATE);
	/* fourth, the SYN */
	t->irs = h->seq;
	t->rcv_nxt = t->rcv_wup = h->seq + 1;
	t->last_ack_sent = t->rcv_nxt;
	tcp_agree_opts(t, h, env);
	if (ack) {
		t->flags |= TCPF_ACK_NOW;
		established(t, a, env);
		tcp_update_wnd(t, h, true);
	} else {
		/* simultaneous open (3.5, figure 8): our SYN again, with an ACK */
		t->state = TCPS_SYN_RCVD;
		t->flags &= ~TCPF_SYN_SENT;
		t->snd_wnd = t->max_wnd = h->wnd;
		t->snd_wl1 = h->seq;
		t->snd_wl2 = t->iss;
	}
	a->h.seq++; /* what follows begins behind the SYN */
	a->h.flags &= ~TCP_SYN;
	return ack && (a->len || (h->flags & TCP_FIN));
}

/* ---- first: the sequence number ---- */

static bool acceptable(const struct tcp *t, const struct arrival *a)
{
	uint32_t wnd = tcp_known_wnd(t), end = t->rcv_nxt + wnd, seq = a->h.seq;
	uint32_t len = a->len + (a->h.flags & TCP_SYN && !a->syn_seen) +
		       !!(a->h.flags & TCP_FIN);

	/* RFC 9293 3.10.7.4, table 6; of a reset only the place counts, also when
	 * the window is closed (RFC 5961 3.2) */
	if (a->h.flags & TCP_RST)
		len = 0;
	if (!len)
		return wnd ? seq_ge(seq, t->rcv_nxt) && seq_lt(seq, end) :
			     seq == t->rcv_nxt;
	return wnd && seq_lt(seq, end) && seq_gt(seq + len, t->rcv_nxt);
}

/* RFC 6191: may this SYN begin a new connection over our TIME-WAIT? */
static bool reusable(const struct tcp *t, const struct tcp_hdr *h)
{
	bool ts = t->ctx->conf->timestamps && (h->opt.present & TCP_OPT_TS);

	if (ts && !(t->opt & TCP_OPT_TS))
		return true;
	if (ts && h->opt.tsval != t->ts_recent)
		return seq_gt(h->opt.tsval, t->ts_recent);
	return seq_gt(h->seq, t->rcv_nxt);
}

/* An ACK that says where we are. What carries data or FIN gets it always: the last
 * one was lost. What carries nothing (a keepalive, a window probe) only now and then,
 * or two ends that disagree would answer each other for ever. */
static void answer(struct tcp *t, const struct arrival *a, const struct env *env)
{
	if (a->len || (a->h.flags & TCP_FIN) ||
	    env->now_us - t->oow_us >= OOW_ACK_US) {
		t->oow_us = env->now_us;
		t->flags |= TCPF_ACK_NOW;
	}
}

/* Bytes that we have had already (RFC 2883: the next ACK says which). */
static void duplicate(struct tcp *t, uint32_t l, uint32_t r)
{
	t->flags |= TCPF_ACK_NOW;
	if (t->opt & TCP_OPT_SACK_PERM) {
		t->flags |= TCPF_DSACK;
		t->dsack.l = l;
		t->dsack.r = r;
	}
}

/* A SYN that does not belong where it stands. */
static bool stray_syn(struct tcp *t, struct arrival *a, const struct env *env)
{
	if (t->state != TCPS_SYN_RCVD || a->h.seq != t->irs ||
	    (a->h.flags & TCP_ACK)) {
		if (!(t->flags & TCPF_HELD))
			tcp_challenge_ack(t, env); /* RFC 5961 4.2 */
		return drop(a, DROP_TCP_STATE);
	}
	/* The one that opened the connection, again: our answer was lost or is
	 * still held. It is timed by the latest. */
	if ((t->opt & a->h.opt.present & TCP_OPT_TS) &&
	    seq_gt(a->h.opt.tsval, t->ts_recent)) {
		t->ts_recent = a->h.opt.tsval;
		t->ts_recent_us = env->now_us;
	}
	if (!(t->flags & TCPF_HELD))
		t->flags &= ~TCPF_SYN_SENT;
	return drop(a, DROP_TCP_DUP);
}

static bool fin_acked(struct tcp *t, struct arrival *a, const struct env *env);

static bool unacceptable(struct tcp *t, struct arrival *a, const struct env *env)
{
	const struct tcp_hdr *h = &a->h;
	bool old = seq_lt(h->seq, t->rcv_nxt);

	if (h->flags & TCP_RST)
		return drop(a, DROP_TCP_SEQ);
	if (h->flags & TCP_SYN)
		return stray_syn(t, a, env);
	/* RFC 9293 3.10.7.4: with a closed window valid ACKs still count */
	if ((h->flags & TCP_ACK) && t->state != TCPS_SYN_RCVD &&
	    h->seq == t->rcv_nxt && seq_gt(h->ack, t->snd_una) &&
	    seq_le(h->ack, t->snd_nxt)) {
		a->ev |= tcp_ack_process(t, h, a->len, env);
		if (!fin_acked(t, a, env))
			return drop(a, DROP_TCP_SEQ);
	}
	if (a->len && old)
		duplicate(t, h->seq, seq_min(h->seq + a->len, t->rcv_nxt));
	answer(t, a, env);
	if (t->state == TCPS_TIME_WAIT && (h->flags & TCP_FIN))
		t->linger_at_us = env->now_us + t->ctx->conf->time_wait_us;
	return drop(a, a->len && old ? DROP_TCP_DUP : DROP_TCP_SEQ);
}

static bool check_seq(struct tcp *t, struct arrival *a, const struct env *env)
{
	const struct tcp_hdr *h = &a->h;
	unsigned kind = kind_of(h->flags);

	if (t->state == TCPS_TIME_WAIT && kind == G_SYN && reusable(t, h)) {
		t->ctx->stats.time_wait_reuse++;
		a->ev = TCP_EV_REUSE;
		return false;
	}
	if (tcp_paws_reject(t, h, env)) {
		if (h->flags & TCP_SYN)
			stray_syn(t, a, env);
		else
			answer(t, a, env); /* RFC 7323 5.3 R1 */
		return drop(a, DROP_TCP_PAWS);
	}
	/* simultaneous open (3.5, figure 8): the peer's SYN again, now with its ACK */
	if (t->state == TCPS_SYN_RCVD && kind == G_SYNACK && h->seq == t->irs) {
		a->syn_seen = true;
		a->h.seq++;
	}
	if (!acceptable(t, a))
		return unacceptable(t, a, env);
	tcp_ts_update(t, h, env);
	return true;
}

/* ---- second and fourth: RST and SYN ---- */

static bool check_rst(struct tcp *t, struct arrival *a, const struct env *env)
{
	if (!(a->h.flags & TCP_RST))
		return true;
	/* RFC 5961 3.2: exactly the next byte, or it is asked about */
	if (a->h.seq != t->rcv_nxt) {
		tcp_challenge_ack(t, env);
		return drop(a, DROP_TCP_SEQ);
	}
	t->ctx->stats.resets_in++;
	if (t->state != TCPS_TIME_WAIT)
		a->ev |= TCP_EV_RESET;
	/* RFC 9293 3.10.7.4: queues are flushed; but behind the peer's FIN all that
	 * it sent has arrived, and a reset that an old duplicate of ours provoked
	 * takes nothing back */
	if (!(t->flags & TCPF_FIN_RCVD))
		rcvq_free(&t->rcvq);
	tcp_set_closed(t);
	a->ev |= TCP_EV_CLOSED;
	return false;
}

static bool check_syn(struct tcp *t, struct arrival *a, const struct env *env)
{
	return !(a->h.flags & TCP_SYN) || a->syn_seen || stray_syn(t, a, env);
}

/* ---- fifth: the ACK ---- */

static bool check_ack(struct tcp *t, struct arrival *a, const struct env *env)
{
	const struct tcp_hdr *h = &a->h;

	if (!(h->flags & TCP_ACK))
		return drop(a, DROP_TCP_STATE);
	if (t->state == TCPS_SYN_RCVD) {
		if ((t->flags & TCPF_HELD) || seq_le(h->ack, t->snd_una) ||
		    seq_gt(h->ack, t->snd_nxt))
			return reset_opening(t, a);
		established(t, a, env);
		tcp_update_wnd(t, h, true);
		if (a->syn_seen) /* our own SYN-ACK may have been lost */
			t->flags |= TCPF_ACK_NOW;
	}
	/* RFC 5961 5.2 */
	if (seq_gt(h->ack, t->snd_nxt) || seq_lt(h->ack, t->snd_una - t->max_wnd)) {
		tcp_challenge_ack(t, env);
		return drop(a, DROP_TCP_ACK);
	}
	a->ev |= tcp_ack_process(t, h, a->len, env);
	return true;
}

/* What our FIN's acknowledgement means. */
static bool fin_acked(struct tcp *t, struct arrival *a, const struct env *env)
{
	if (!tcp_fin_acked(t))
		return true;
	switch ((enum tcp_state)t->state) {
	case TCPS_FIN_WAIT_1:
		t->state = TCPS_FIN_WAIT_2;
		if (t->flags & TCPF_DETACHED)
			t->linger_at_us = env->now_us + t->ctx->conf->fin_wait2_us;
		return true;
	case TCPS_CLOSING:
		tcp_enter_time_wait(t, env);
		a->ev |= TCP_EV_TIME_WAIT;
		return false;
	case TCPS_LAST_ACK:
		a->ev |= tcp_give_up(t, 0);
		return false;
	default:
		return true;
	}
}

/* ---- seventh: the text ---- */

static void ack_policy(struct tcp *t, uint32_t fresh, bool in_order, bool super,
		       const struct env *env)
{
	/* RFC 5681 4.2: at once for what is out of order or fills a gap, and for
	 * every second full segment; a superpacket is more than that. */
	t->unacked_bytes += fresh;
	if (!in_order || t->rcvq.ooo_n || super || t->unacked_bytes >= 2 * t->mss)
		t->flags |= TCPF_ACK_NOW;
	else if (t->ack_at_us == ENV_NEVER)
		t->ack_at_us = env->now_us + t->ctx->conf->delack_us;
}

static bool take_text(struct tcp *t, struct arrival *a, const struct env *env)
{
	uint32_t skip = seq_lt(a->h.seq, t->rcv_nxt) ? t->rcv_nxt - a->h.seq : 0;
	uint32_t end = t->rcv_nxt + tcp_known_wnd(t), seq = a->h.seq + skip, len;
	bool had_gap = t->rcvq.ooo_n;
	int64_t n;

	if (!a->len)
		return true;
	if (!tcp_receives(t))
		return true; /* after a FIN there is no text (3.10.7.4 seventh) */
	if (skip)
		duplicate(t, a->h.seq, seq_min(a->h.seq + a->len, t->rcv_nxt));
	if (skip >= a->len)
		return true; /* a FIN may follow it */
	if (t->flags & TCPF_DETACHED) {
		/* RFC 9293 3.6, RFC 1122 4.2.2.13: nobody will read this */
		tcp_abort(t, env);
		a->ev |= TCP_EV_CLOSED;
		return drop(a, DROP_TCP_STATE);
	}
	len = a->len - skip;
	if (seq_gt(seq + len, end)) { /* cut to the window */
		len = end - seq;
		a->h.flags &= ~TCP_FIN;
	}
	n = rcvq_insert(&t->rcvq, t->ctx->pool, seq - t->rcv_nxt, a->p, skip, len);
	if (n < 0) {
		t->flags |= TCPF_ACK_NOW;
		return drop(a, DROP_TCP_OOO_LIMIT);
	}
	t->rcv_nxt += n;
	t->bytes_in += n;
	t->ctx->stats.bytes_in += n;
	t->ctx->stats.ooo_in += !n;
	if (n)
		a->ev |= TCP_EV_READABLE;
	ack_policy(t, n, n && !had_gap, a->p->gso_size, env);
	return true;
}

/* ---- eighth: the FIN ---- */

static bool take_fin(struct tcp *t, struct arrival *a, const struct env *env)
{
	if (a->h.flags & TCP_FIN) {
		t->flags |= TCPF_ACK_NOW;
		if (!(t->flags & TCPF_FIN_RCVD) &&
		    seq_ge(a->h.seq + a->len, t->rcv_nxt)) {
			t->flags |= TCPF_FIN_AHEAD;
			t->fin_seq = a->h.seq + a->len;
		}
	}
	/* it counts when all in front of it is there */
	if (!(t->flags & TCPF_FIN_AHEAD) || t->fin_seq != t->rcv_nxt)
		return true;
	t->flags &= ~TCPF_FIN_AHEAD;
	t->rcv_nxt++;
	t->flags |= TCPF_FIN_RCVD | TCPF_ACK_NOW;
	a->ev |= TCP_EV_EOF;
	switch ((enum tcp_state)t->state) {
	case TCPS_ESTABLISHED:
		t->state = TCPS_CLOSE_WAIT;
		break;
	case TCPS_FIN_WAIT_1: /* its ACK was looked at before: not ours yet */
		t->state = TCPS_CLOSING;
		break;
	case TCPS_FIN_WAIT_2:
		tcp_enter_time_wait(t, env);
		a->ev |= TCP_EV_TIME_WAIT;
		break;
	default:
		break;
	}
	return true;
}

static void segment(struct tcp *t, struct arrival *a, const struct env *env)
{
	if (t->state == TCPS_SYN_SENT) {
		if (!syn_sent(t, a, env))
			return;
	} else if (!check_seq(t, a, env) || !check_rst(t, a, env) ||
		   !check_syn(t, a, env) || !check_ack(t, a, env) ||
		   !fin_acked(t, a, env)) {
		return;
	}
	/* sixth, urgent: delivered in line (RFC 6093), so nothing to do here */
	if (take_text(t, a, env))
		take_fin(t, a, env);
}

unsigned tcp_input(struct tcp *t, struct gust_pkt *p, const struct env *env)
{
	const struct gust_layer *l4 = pkt_l4(p);
	struct arrival a = { .p = p, .len = pkt_payload_len(p) };
	struct tcp_ctx *c = t->ctx;

	if (!l4 || l4->kind != GUST_L_TCP ||
	    tcp_hdr_parse(p->head + l4->off, p->hlen - l4->off, &a.h)) {
		a.drop = DROP_BAD_TCPHDR;
		goto out;
	}
	c->stats.segs_in += pkt_segs(p);
	c->stats.super_in += p->gso_size != 0;
	if (!(gate[t->state] & F(kind_of(a.h.flags)))) {
		a.drop = kind_of(a.h.flags) == G_NONE ? DROP_BAD_TCPFLAGS :
							DROP_TCP_STATE;
		goto out;
	}
	t->last_rcv_us = env->now_us;
	segment(t, &a, env);
	if (a.ev == TCP_EV_REUSE)
		return a.ev;
out:
	if (a.drop != DROP_NONE)
		drop_count(c->drops, a.drop, 1);
	pkt_free(p);
	return a.ev;
}
