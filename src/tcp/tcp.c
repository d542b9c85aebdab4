/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.c - a connection's life: opening, data in and out, closing
 *
 * What a call decides is recorded in flags; tcp_output() turns flags into
 * segments. So the application's calls may come in any order within a turn, and
 * one segment carries whatever they have in common.
 */
#include "tcp/tcp.h"

#include <assert.h>
#include <errno.h>

#include "ip/ip.h"
#include "tcp/tcp_internal.h"

#define SEND_SLACK (1u << 20) /* what tcp_send() takes beyond the send space */

const char *tcp_state_name(enum tcp_state s)
{
	static const char *const name[TCPS_N] = {
		[TCPS_CLOSED] = "CLOSED",
		[TCPS_SYN_SENT] = "SYN-SENT",
		[TCPS_SYN_RCVD] = "SYN-RECEIVED",
		[TCPS_ESTABLISHED] = "ESTABLISHED",
		[TCPS_FIN_WAIT_1] = "FIN-WAIT-1",
		[TCPS_FIN_WAIT_2] = "FIN-WAIT-2",
		[TCPS_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCPS_CLOSING] = "CLOSING",
		[TCPS_LAST_ACK] = "LAST-ACK",
		[TCPS_TIME_WAIT] = "TIME-WAIT",
	};

	return s < TCPS_N ? name[s] : "?";
}

void tcp_conf_defaults(struct tcp_conf *c)
{
	struct siphash_key secret = c->secret;

	*c = (struct tcp_conf){
		.secret = secret,
		.cc = &tcp_cc_cubic,
		.rcvbuf_init = 256 << 10,
		.rcvbuf_max = 6 << 20,
		.sndbuf_init = 256 << 10,
		.sndbuf_max = 6 << 20,
		.rto_min_us = 200000, /* below RFC 6298 2.4's second, as Linux */
		.rto_max_us = 60000000,
		.delack_us = 40000,
		.time_wait_us = 60000000,
		.fin_wait2_us = 60000000,
		.keep_idle_us = 0,
		.keep_intvl_us = 75000000,
		.keep_probes = 9,
		.syn_retries = 7,
		.synack_retries = 5,
		.retries = 15,
		.ttl = IP_TTL_DEFAULT,
		.nagle = true,
		.sack = true,
		.timestamps = true,
		.wscale = true,
	};
}

void tcp_init(struct tcp *t, struct tcp_ctx *ctx, const struct ipaddr *local,
	      uint16_t lport, const struct ipaddr *remote, uint16_t rport)
{
	const struct tcp_conf *c = ctx->conf;

	*t = (struct tcp){
		.ctx = ctx,
		.local = *local,
		.remote = *remote,
		.lport = lport,
		.rport = rport,
		.ttl = c->ttl,
		.peer_mss = ipaddr_is4(remote) ? 536 : 1220, /* RFC 9293 3.7.1 */
		.rcvbuf = c->rcvbuf_init,
		.sndbuf = c->sndbuf_init,
		.rtx_at_us = ENV_NEVER,
		.persist_at_us = ENV_NEVER,
		.ack_at_us = ENV_NEVER,
		.keep_at_us = ENV_NEVER,
		.linger_at_us = ENV_NEVER,
	};
	sndq_init(&t->sndq);
	rcvq_init(&t->rcvq);
	sack_init(&t->sack);
	tcp_rtt_init(&t->rtt, c->rto_min_us, c->rto_max_us);
	t->ts_offset = tcp_ts_offset(t);
	tcp_offer_opts(t);
	tcp_set_mss(t);
}

static void stop_timers(struct tcp *t)
{
	t->rtx_at_us = t->persist_at_us = t->ack_at_us = ENV_NEVER;
	t->keep_at_us = t->linger_at_us = ENV_NEVER;
}

void tcp_free(struct tcp *t)
{
	sndq_free(&t->sndq);
	rcvq_free(&t->rcvq);
	sack_free(&t->sack);
	stop_timers(t);
}

void tcp_set_closed(struct tcp *t)
{
	t->state = TCPS_CLOSED;
	t->flags &= TCPF_RST_OUT | TCPF_RST_WITH_ACK | TCPF_FIN_RCVD;
	/* what the peer sent and we acknowledged stays readable */
	sndq_free(&t->sndq);
	sack_free(&t->sack);
	stop_timers(t);
}

/* ---- opening ---- */

static void start_isn(struct tcp *t, const struct env *env)
{
	t->iss = tcp_isn(t, env);
	t->snd_una = t->snd_nxt = t->snd_sml = t->iss;
	t->recover = t->lost_edge = t->high_rxt = t->iss;
	t->last_rcv_us = t->last_snd_us = env->now_us;
}

void tcp_connect(struct tcp *t, const struct env *env)
{
	start_isn(t, env);
	t->state = TCPS_SYN_SENT;
	tcp_offer_opts(t);
	t->ctx->stats.active_open++;
}

int tcp_listen_syn(struct tcp *t, const struct gust_pkt *syn, const struct env *env)
{
	const struct gust_layer *l4 = pkt_l4(syn);
	struct tcp_hdr h;

	if (!l4 || l4->kind != GUST_L_TCP ||
	    tcp_hdr_parse(syn->head + l4->off, syn->hlen - l4->off, &h))
		return -EINVAL;
	/* RFC 9293 3.10.7.2: a reset is ignored, an ACK is answered by a reset */
	if ((h.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return -EINVAL;
	start_isn(t, env);
	t->state = TCPS_SYN_RCVD;
	t->flags |= TCPF_PASSIVE | TCPF_HELD;
	t->irs = h.seq;
	t->rcv_nxt = t->rcv_wup = h.seq + 1;
	t->snd_wnd = t->max_wnd = h.wnd; /* of a SYN: never scaled (RFC 7323 2.2) */
	t->snd_wl1 = h.seq;
	t->last_ack_sent = t->rcv_nxt;
	tcp_agree_opts(t, &h, env);
	t->ctx->stats.passive_open++;
	return 0;
}

void tcp_accept(struct tcp *t, const struct env *env)
{
	if (!(t->flags & TCPF_HELD))
		return;
	t->flags &= ~TCPF_HELD;
	t->last_rcv_us = env->now_us;
}

void tcp_set_nodelay(struct tcp *t)
{
	t->flags |= TCPF_NODELAY;
}

/* ---- data ---- */

uint32_t tcp_send_space(const struct tcp *t)
{
	return t->sndbuf > t->sndq.len ? t->sndbuf - t->sndq.len : 0;
}

int tcp_send(struct tcp *t, const struct gust_frag *f, unsigned n)
{
	uint64_t len = t->sndq.len;

	if ((t->flags & TCPF_FIN_WANTED) ||
	    !(t->state == TCPS_SYN_SENT || t->state == TCPS_SYN_RCVD ||
	      t->state == TCPS_ESTABLISHED || t->state == TCPS_CLOSE_WAIT))
		return -EPIPE;
	for (unsigned i = 0; i < n; i++)
		len += f[i].len;
	if (len > (uint64_t)t->sndbuf + SEND_SLACK)
		return -ENOBUFS;
	return sndq_push(&t->sndq, f, n);
}

unsigned tcp_peek(const struct tcp *t, struct iovec *iov, unsigned max)
{
	return rcvq_peek(&t->rcvq, iov, max);
}

static void after_read(struct tcp *t, uint32_t n, const struct env *env)
{
	tcp_tune_rcvbuf(t, n, env);
	/* RFC 9293 3.8.6.2.2: tell the window when it opened by enough */
	if (tcp_receives(t) && tcp_wnd_update_due(t))
		t->flags |= TCPF_ACK_NOW;
}

void tcp_consume(struct tcp *t, uint32_t n, const struct env *env)
{
	rcvq_consume(&t->rcvq, n);
	after_read(t, n, env);
}

unsigned tcp_take(struct tcp *t, struct gust_frag *ret_f, unsigned max,
		  uint32_t *ret_len, const struct env *env)
{
	unsigned n = rcvq_take(&t->rcvq, ret_f, max, ret_len);

	if (n)
		after_read(t, *ret_len, env);
	return n;
}

void tcp_compact(struct tcp *t)
{
	if (t->rcvq.len)
		rcvq_compact(&t->rcvq, t->ctx->pool);
}

bool tcp_at_eof(const struct tcp *t)
{
	return (t->flags & TCPF_FIN_RCVD) && !t->rcvq.len;
}

/* ---- closing ---- */

/* RFC 9293 3.10.4. The state changes here; the FIN goes out when the queue
 * before it has. */
void tcp_shutdown(struct tcp *t, const struct env *env)
{
	if (t->flags & TCPF_FIN_WANTED)
		return;
	switch ((enum tcp_state)t->state) {
	case TCPS_SYN_SENT:
		if (!t->sndq.len) {
			tcp_set_closed(t);
			return;
		}
		t->flags |= TCPF_FIN_WANTED;
		return;
	case TCPS_SYN_RCVD:
		t->flags |= TCPF_FIN_WANTED; /* FIN-WAIT-1 follows the handshake */
		return;
	case TCPS_ESTABLISHED:
		t->flags |= TCPF_FIN_WANTED;
		t->state = TCPS_FIN_WAIT_1;
		return;
	case TCPS_CLOSE_WAIT:
		t->flags |= TCPF_FIN_WANTED;
		t->state = TCPS_LAST_ACK;
		return;
	default:
		return;
	}
}

void tcp_detach(struct tcp *t, const struct env *env)
{
	if (t->flags & TCPF_DETACHED)
		return;
	t->flags |= TCPF_DETACHED;
	if (t->state == TCPS_TIME_WAIT || t->state == TCPS_CLOSED) {
		rcvq_free(&t->rcvq);
		return;
	}
	/* RFC 1122 4.2.2.13: data that nobody read: the peer must learn of it */
	if (t->rcvq.len && tcp_synchronised(t)) {
		tcp_abort(t, env);
		return;
	}
	if (t->state == TCPS_FIN_WAIT_2)
		t->linger_at_us = env->now_us + t->ctx->conf->fin_wait2_us;
}

void tcp_abort(struct tcp *t, const struct env *env)
{
	uint32_t rst = 0;

	/* RFC 9293 3.10.5 */
	if (t->state == TCPS_SYN_RCVD && (t->flags & TCPF_HELD))
		rst = TCPF_RST_OUT | TCPF_RST_WITH_ACK;
	else if (t->state >= TCPS_SYN_RCVD && t->state != TCPS_TIME_WAIT)
		rst = TCPF_RST_OUT;
	t->flags |= rst;
	rcvq_free(&t->rcvq);
	tcp_set_closed(t);
}

void tcp_enter_time_wait(struct tcp *t, const struct env *env)
{
	t->state = TCPS_TIME_WAIT;
	sndq_free(&t->sndq);
	sack_free(&t->sack);
	t->flags &= ~(TCPF_RECOVERY | TCPF_LOSS | TCPF_RTX_ONE | TCPF_TIMED);
	t->rtx_at_us = t->persist_at_us = t->keep_at_us = ENV_NEVER;
	t->linger_at_us = env->now_us + t->ctx->conf->time_wait_us;
}

/* ---- the rest ---- */

/* RFC 5927: is the quoted sequence number one that we have in the network? */
static bool icmp_plausible(const struct tcp *t, const struct icmp_event *ev)
{
	return ev->has_seq && seq_ge(ev->tcp_seq, t->snd_una) &&
	       seq_lt(ev->tcp_seq, t->snd_nxt);
}

/* What is in the network in larger pieces was dropped on the way: it is sent
 * again in pieces that fit, without a congestion signal (RFC 1191 6.5). */
static void pmtu_lost(struct tcp *t)
{
	if (!tcp_synchronised(t) || t->snd_nxt == t->snd_una)
		return;
	t->lost_edge = t->snd_nxt;
	t->high_rxt = t->snd_una;
	if (!(t->flags & TCPF_RECOVERY)) {
		t->recover = t->snd_nxt;
		t->flags |= TCPF_LOSS;
	}
	t->flags &= ~(TCPF_TIMED | TCPF_TS_RTX | TCPF_TS_ARMED);
}

unsigned tcp_icmp(struct tcp *t, const struct icmp_event *ev, const struct env *env)
{
	uint32_t min = ipaddr_is4(&t->remote) ? 552 : 1280; /* as pmtu.h */

	if (t->state == TCPS_CLOSED || t->state == TCPS_TIME_WAIT ||
	    !icmp_plausible(t, ev))
		return 0;
	if (ev->error == ICMP_E_TOO_BIG) {
		uint32_t mtu = ev->info < min ? min : ev->info;

		if (mtu >= (t->pmtu ? t->pmtu : t->ctx->caps->mtu))
			return 0;
		t->pmtu = mtu;
		mtu = t->mss;
		tcp_set_mss(t);
		if (t->mss < mtu)
			pmtu_lost(t);
		return 0;
	}
	/* RFC 1122 4.2.3.9 as RFC 5927 5.2 has it: once synchronised, hard errors
	 * are soft; while opening they end the attempt. A soft one is remembered
	 * as the likely reason should nothing be heard any more. */
	t->err = icmp_error_to_errno(ev->error);
	if (t->state != TCPS_SYN_SENT ||
	    (ev->error != ICMP_E_PORT_UNREACH &&
	     ev->error != ICMP_E_PROTO_UNREACH && ev->error != ICMP_E_ADMIN))
		return 0;
	tcp_set_closed(t);
	return TCP_EV_ERROR | TCP_EV_CLOSED;
}

void tcp_mtu_changed(struct tcp *t)
{
	tcp_set_mss(t);
}

void tcp_report(const struct tcp *t, struct tcp_report *ret)
{
	*ret = (struct tcp_report){
		.state = tcp_state_name(t->state),
		.cc = t->ctx->conf->cc->name,
		.srtt_us = t->rtt.srtt_us,
		.rttvar_us = t->rtt.rttvar_us,
		.rto_us = t->rtt.rto_us,
		.cwnd = t->cc.cwnd,
		.ssthresh = t->cc.ssthresh,
		.inflight = tcp_inflight(t),
		.mss = t->mss,
		.snd_wnd = t->snd_wnd,
		.rcv_wnd = t->rcv_wnd,
		.rcvbuf = t->rcvbuf,
		.sndbuf = t->sndbuf,
		.sndq = t->sndq.len,
		.rcvq = t->rcvq.len,
		.retrans = t->retrans,
		.bytes_in = t->bytes_in,
		.bytes_out = t->bytes_out,
	};
}
