/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_ack.c - what an ACK says: data delivered, round-trip time, window, loss
 *
 * Order matters and is: scoreboard, snd_una, RTT, loss detection, undo,
 * congestion control, buffers, timers. Each step sees the results of those
 * before it.
 */
#include "tcp/tcp_loss.h"

#define RTT_MAX_MS 600000 /* a longer echo is nonsense */

bool tcp_fin_acked(const struct tcp *t)
{
	return (t->flags & TCPF_FIN_SENT) && t->snd_una == t->snd_nxt &&
	       !t->sndq.len;
}

void tcp_update_wnd(struct tcp *t, const struct tcp_hdr *h, bool force)
{
	/* RFC 9293 3.10.7.4: not from an old ACK; newer by sequence, or the same with
	 * a newer ACK */
	if (!force && seq_lt(h->ack, t->snd_una))
		return;
	if (!force && !(seq_lt(t->snd_wl1, h->seq) ||
			(t->snd_wl1 == h->seq && seq_le(t->snd_wl2, h->ack))))
		return;
	t->snd_wnd = (uint32_t)h->wnd << (h->flags & TCP_SYN ? 0 : t->snd_wscale);
	t->snd_wl1 = h->seq;
	t->snd_wl2 = h->ack;
	if (t->snd_wnd > t->max_wnd)
		t->max_wnd = t->snd_wnd;
	if (t->snd_wnd)
		t->flags &= ~TCPF_PROBE;
}

/* The round trip that the echoed timestamp tells, in whole ms; -1: none. */
static int32_t rtt_ts(const struct tcp *t, const struct tcp_hdr *h,
		      const struct env *env)
{
	uint32_t ms;

	if (!(t->opt & TCP_OPT_TS) || !(h->opt.present & TCP_OPT_TS) ||
	    !h->opt.tsecr)
		return -1;
	ms = tcp_ts_now(t, env) - h->opt.tsecr;
	return ms < RTT_MAX_MS ? (int32_t)ms : -1;
}

/* A round trip in us for the estimator, 0: this ACK gives none. */
static uint32_t rtt_sample(struct tcp *t, const struct tcp_hdr *h,
			   const struct env *env)
{
	uint64_t us;
	int32_t ms;

	if ((t->flags & TCPF_TIMED) && seq_ge(h->ack, t->rtt_seq)) {
		t->flags &= ~TCPF_TIMED;
		us = env->now_us - t->rtt_start_us;
		return us > UINT32_MAX ? UINT32_MAX : us ? us : 1;
	}
	/* The timed segment was sent again (RFC 6298 3, Karn): the timestamp still
	 * tells (RFC 7323 4.1), in milliseconds. Outside of that the timed segment
	 * is better: the path may be microseconds long. */
	if (!tcp_in_recovery(t) && !t->rtx_shift)
		return 0;
	ms = rtt_ts(t, h, env);
	return ms > 0 ? ms * 1000 : ms ? 0 : 500;
}

/* Move snd_una and let go of what was delivered. */
static void advance(struct tcp *t, const struct tcp_hdr *h, struct tcp_ack_in *a)
{
	uint32_t data = tcp_data_seq(t), bytes;

	a->acked = h->ack - t->snd_una;
	a->delivered =
		a->sacked + a->acked - sack_bytes_in(&t->sack, t->snd_una, h->ack);
	bytes = seq_gt(h->ack, data) ? h->ack - data : 0;
	if (bytes > t->sndq.len)
		bytes = t->sndq.len; /* the rest is our FIN */
	sndq_drop(&t->sndq, bytes);
	t->bytes_out += bytes;
	t->ctx->stats.bytes_out += bytes;
	t->snd_una = h->ack;
	sack_advance(&t->sack, t->snd_una);
}

/* RFC 5681 2: a duplicate ACK. With SACK, one that brings SACK information,
 * whatever else it carries (RFC 6675 2). */
static bool is_dup(const struct tcp *t, const struct tcp_hdr *h, uint32_t paylen,
		   uint32_t wnd_before, uint32_t sacked)
{
	if (h->ack != t->snd_una || t->snd_una == t->snd_nxt)
		return false;
	if (t->opt & TCP_OPT_SACK_PERM)
		return sacked;
	return !paylen && !(h->flags & (TCP_SYN | TCP_FIN)) &&
	       t->snd_wnd == wnd_before;
}

/* RFC 3522 Eifel: the first ACK of new data answers the original, not the
 * retransmission: nothing was lost, it was late. */
static bool spurious(const struct tcp *t, const struct tcp_hdr *h)
{
	return (t->flags & TCPF_TS_RTX) && (h->opt.present & TCP_OPT_TS) &&
	       h->opt.tsecr && seq_lt(h->opt.tsecr, t->rtx_tsval);
}

static void detect_loss(struct tcp *t, const struct tcp_hdr *h,
			const struct tcp_ack_in *a, const struct env *env)
{
	const struct tcp_cc_ops *cc = t->cc.ops;

	if (tcp_loss_sack.on_ack(t, a, env)) {
		t->ctx->stats.fast_recovery++;
		/* FlightSize, not the pipe (RFC 6675 5 (4.2), RFC 5681 2) */
		cc->on_loss(&t->cc, t->snd_nxt - t->snd_una, env->now_us);
		return;
	}
	if (!tcp_in_recovery(t) || !a->acked)
		return;
	if (spurious(t, h)) {
		t->ctx->stats.undo++;
		tcp_loss_end(t);
		cc->undo(&t->cc);
		return;
	}
	t->flags &=
		~(TCPF_TS_RTX | TCPF_TS_ARMED); /* only the first ACK can tell */
	if (seq_ge(t->snd_una, t->recover)) {
		bool fast = t->flags & TCPF_RECOVERY;

		tcp_loss_end(t);
		if (fast)
			cc->on_exit_recovery(&t->cc, env->now_us);
	}
}

/* `fast`: in fast recovery when this ACK came. The one that ends it grows nothing:
 * the window is what the episode left (RFC 5681 3.2 (6), RFC 6675 5 (A)). */
static void congestion(struct tcp *t, const struct tcp_ack_in *a, uint32_t rtt,
		       bool fast, const struct env *env)
{
	struct tcp_cc_sample s = {
		.now_us = env->now_us,
		.acked = a->acked,
		.delivered = a->delivered,
		.inflight = a->inflight,
		.rtt_us = rtt,
		.srtt_us = t->rtt.srtt_us,
		.min_rtt_us = t->rtt.min_us,
		.una = t->snd_una,
		.nxt = t->snd_nxt,
		.cwnd_limited = t->flags & TCPF_CWND_LIMITED,
		.in_recovery = fast || (t->flags & TCPF_RECOVERY),
	};

	t->cc.ops->on_ack(&t->cc, &s);
}

unsigned tcp_ack_process(struct tcp *t, const struct tcp_hdr *h, uint32_t paylen,
			 const struct env *env)
{
	struct tcp_ack_in a = { .h = h,
				.paylen = paylen,
				.inflight = tcp_inflight(t) };
	uint32_t wnd_before = t->snd_wnd, rtt;
	bool fast = t->flags & TCPF_RECOVERY;
	int32_t ms;

	tcp_update_wnd(t, h, false);
	if ((t->opt & TCP_OPT_SACK_PERM) && (h->opt.present & TCP_OPT_SACK))
		a.sacked = a.delivered =
			sack_update(&t->sack, &h->opt, seq_max(t->snd_una, h->ack),
				    t->snd_nxt, &a.dsack);
	if (seq_le(h->ack, t->snd_una)) {
		a.dup = is_dup(t, h, paylen, wnd_before, a.sacked);
		t->ctx->stats.dup_acks_in += a.dup;
		if (a.dup || a.sacked)
			detect_loss(t, h, &a, env);
		if (t->snd_wnd > wnd_before && t->persist_at_us != ENV_NEVER) {
			t->persist_at_us = ENV_NEVER;
			t->rtx_shift = 0;
		}
		/* the answer to a probe; what is under way is unanswered still,
		 * unless the peer has taken its window back (RFC 1122 4.2.2.17) */
		if (t->snd_una == t->snd_nxt || !t->snd_wnd)
			t->probes = 0;
		return 0;
	}
	advance(t, h, &a);
	rtt = rtt_sample(t, h, env);
	if (rtt) {
		tcp_rtt_sample(&t->rtt, rtt, 1);
		t->rtx_shift = 0; /* RFC 6298 5: a measurement ends the backoff */
	} else {
		/* HyStart++ wants several samples a round; ms will do for it */
		ms = rtt_ts(t, h, env);
		rtt = ms > 0 ? ms * 1000 : 0;
	}
	detect_loss(t, h, &a, env);
	congestion(t, &a, rtt, fast, env);
	tcp_tune_sndbuf(t);
	t->probes = t->err = 0;
	t->persist_at_us = ENV_NEVER;
	/* RFC 6298 5.2, 5.3 */
	t->rtx_at_us = ENV_NEVER;
	if (t->snd_una != t->snd_nxt)
		tcp_arm_rtx(t, env);
	return TCP_EV_WRITABLE;
}
