/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cc_newreno.c - RFC 5681 with the recovery of RFC 6582 and 6675
 *
 * In recovery cwnd stands at ssthresh; what may be sent meanwhile is the
 * owner's pipe estimate, which is why there is no window inflation here.
 */
#include "tcp/cc.h"

static void newreno_init(struct tcp_cc *c) {}

static void newreno_on_ack(struct tcp_cc *c, const struct tcp_cc_sample *s)
{
	uint32_t acked = s->acked;

	if (s->in_recovery)
		return;
	c->episode = false;
	if (c->cwnd < c->ssthresh)
		acked = tcp_cc_slow_start(c, s);
	/* RFC 7661: a window that was not used has not been tried */
	if (!s->cwnd_limited || c->cwnd < c->ssthresh || c->cwnd >= TCP_CWND_MAX)
		return;
	/* RFC 5681 3.1 (3), RFC 3465 2.1: one segment a window of bytes */
	c->cwnd_cnt += acked < c->cwnd ? acked : c->cwnd;
	if (c->cwnd_cnt >= c->cwnd) {
		c->cwnd_cnt -= c->cwnd;
		c->cwnd += c->mss;
	}
}

/* RFC 5681 3.1 (4) */
static uint32_t half(const struct tcp_cc *c, uint32_t inflight)
{
	uint32_t w = tcp_cc_flight(c, inflight) / 2;

	return w > 2 * c->mss ? w : 2 * c->mss;
}

static void newreno_on_loss(struct tcp_cc *c, uint32_t inflight, uint64_t now_us)
{
	c->episode = false;
	tcp_cc_reduce_begin(c);
	c->ssthresh = half(c, inflight);
	c->cwnd = c->ssthresh;
}

static void newreno_on_rto(struct tcp_cc *c, uint32_t inflight, uint64_t now_us)
{
	/* RFC 5681 3.1: the second timeout of one segment leaves ssthresh */
	if (c->cwnd > c->mss) {
		tcp_cc_reduce_begin(c);
		c->ssthresh = half(c, inflight);
	}
	c->cwnd = c->mss;
}

static void newreno_on_exit_recovery(struct tcp_cc *c, uint64_t now_us)
{
	c->episode = false;
}

static void newreno_undo(struct tcp_cc *c)
{
	tcp_cc_restore(c);
}

static void newreno_on_idle(struct tcp_cc *c, uint64_t idle_us)
{
	tcp_cc_restart(c);
}

const struct tcp_cc_ops tcp_cc_newreno = {
	.name = "newreno",
	.init = newreno_init,
	.on_ack = newreno_on_ack,
	.on_loss = newreno_on_loss,
	.on_rto = newreno_on_rto,
	.on_exit_recovery = newreno_on_exit_recovery,
	.undo = newreno_undo,
	.on_idle = newreno_on_idle,
};
