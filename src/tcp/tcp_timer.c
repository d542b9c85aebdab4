/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_timer.c - what happens when nothing happens
 *
 * Five absolute deadlines; tcp_deadline() is the earliest. The keepalive timer
 * is not re-armed by each segment: when it fires early it looks at the time of
 * the last arrival and goes back to sleep.
 */
#include "tcp/tcp_loss.h"

#define BACKOFF_MAX 31
#define PERSIST_MAX_US 60000000 /* RFC 9293 3.8.6.1: exponential, bounded */

uint64_t tcp_deadline(const struct tcp *t)
{
	uint64_t d = t->rtx_at_us;

	if (t->persist_at_us < d)
		d = t->persist_at_us;
	if (t->ack_at_us < d)
		d = t->ack_at_us;
	if (t->keep_at_us < d)
		d = t->keep_at_us;
	if (t->linger_at_us < d)
		d = t->linger_at_us;
	return d;
}

void tcp_arm_rtx(struct tcp *t, const struct env *env)
{
	t->rtx_at_us = env->now_us + tcp_rtt_rto(&t->rtt, t->rtx_shift);
}

void tcp_arm_keepalive(struct tcp *t, const struct env *env)
{
	const struct tcp_conf *c = t->ctx->conf;

	t->keep_at_us = c->keep_idle_us ? env->now_us + c->keep_idle_us : ENV_NEVER;
}

unsigned tcp_give_up(struct tcp *t, unsigned why)
{
	tcp_set_closed(t);
	return why | TCP_EV_CLOSED;
}

static unsigned rtx_expired(struct tcp *t, const struct env *env)
{
	const struct tcp_conf *c = t->ctx->conf;
	bool opening = !tcp_synchronised(t);
	uint8_t max = !opening                ? c->retries :
		      t->flags & TCPF_PASSIVE ? c->synack_retries :
						c->syn_retries;

	if (t->probes >= max) {
		if (!opening)
			t->flags |=
				TCPF_RST_OUT; /* if the peer lives, let it know */
		return tcp_give_up(t, TCP_EV_TIMEOUT);
	}
	t->ctx->stats.rto++;
	if (opening) {
		t->flags &=
			~(TCPF_SYN_SENT | TCPF_TIMED); /* output sends it again */
	} else {
		/* FlightSize (RFC 5681 3.1 (4)); the pipe of a recovery whose
		 * retransmission was lost is next to nothing */
		t->cc.ops->on_rto(&t->cc, t->snd_nxt - t->snd_una, env->now_us);
		tcp_loss_sack.on_rto(t, env);
	}
	t->probes++;
	if (t->rtx_shift < BACKOFF_MAX) /* RFC 6298 5.5 */
		t->rtx_shift++;
	tcp_arm_rtx(t, env);
	return 0;
}

static unsigned persist_expired(struct tcp *t, const struct env *env)
{
	uint64_t wait;

	/* There is a window, too small for a full segment: use it, or two ends that
	 * each wait for the other's larger one wait for ever (RFC 9293 3.8.6.2.1) */
	if (t->snd_wnd) {
		t->flags |= TCPF_OVERRIDE;
		t->persist_at_us = ENV_NEVER;
		return 0;
	}
	/* RFC 9293 3.8.6.1: the connection stays open as long as the peer answers;
	 * one that does not answer at all is given up like a retransmission. */
	if (t->probes >= t->ctx->conf->retries) {
		t->flags |= TCPF_RST_OUT;
		return tcp_give_up(t, TCP_EV_TIMEOUT);
	}
	t->probes++;
	t->flags |= TCPF_PROBE;
	if (t->rtx_shift < BACKOFF_MAX)
		t->rtx_shift++;
	wait = tcp_rtt_rto(&t->rtt, t->rtx_shift);
	t->persist_at_us =
		env->now_us + (wait > PERSIST_MAX_US ? PERSIST_MAX_US : wait);
	return 0;
}

static unsigned keep_expired(struct tcp *t, const struct env *env)
{
	const struct tcp_conf *c = t->ctx->conf;
	uint64_t due = t->last_rcv_us + c->keep_idle_us;

	if (!c->keep_idle_us || !tcp_synchronised(t)) {
		t->keep_at_us = ENV_NEVER;
		return 0;
	}
	/* RFC 9293 3.8.4: an idle connection; what is under way or waits for the
	 * window has its own timer */
	if (t->snd_una != t->snd_nxt || t->persist_at_us != ENV_NEVER)
		due = env->now_us + c->keep_idle_us;
	if (env->now_us < due) {
		t->keep_at_us = due;
		return 0;
	}
	if (t->probes >= c->keep_probes) {
		t->flags |= TCPF_RST_OUT;
		return tcp_give_up(t, TCP_EV_TIMEOUT);
	}
	t->probes++;
	t->flags |= TCPF_PROBE;
	t->keep_at_us = env->now_us + c->keep_intvl_us;
	return 0;
}

unsigned tcp_timer(struct tcp *t, const struct env *env)
{
	uint64_t now = env->now_us;
	unsigned ev = 0;

	if (t->linger_at_us <= now) /* TIME-WAIT, or FIN-WAIT-2 without a reader */
		return tcp_give_up(t, 0);
	if (t->ack_at_us <= now) {
		t->ack_at_us = ENV_NEVER;
		t->flags |= TCPF_ACK_NOW;
	}
	if (t->rtx_at_us <= now)
		ev = rtx_expired(t, env);
	if (!ev && t->persist_at_us <= now)
		ev = persist_expired(t, env);
	if (!ev && t->keep_at_us <= now)
		ev = keep_expired(t, env);
	return ev;
}
