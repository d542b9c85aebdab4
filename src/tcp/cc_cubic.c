/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cc_cubic.c - CUBIC (RFC 9438), integers only
 *
 * C = 0.4 segments/s^3, beta = 0.7. Windows are bytes, the cubic's time axis is
 * milliseconds: K is a second at the least (a window of two segments), so a
 * millisecond is fine enough even where the RTT is 20 us. Ranges: windows up to
 * 2^30 bytes, mss up to 65535, |t - K| up to 1000 s; every product below fits
 * 64 bits at these limits.
 */
#include "tcp/cc.h"

#define T_MAX_MS INT64_C(1000000)

static void cubic_init(struct tcp_cc *c) {}

/* The largest x with x^3 <= v, digit by digit. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t x = 0;
	int s;

	for (s = 63; s >= 0; s -= 3) {
		uint64_t b;

		x *= 2;
		b = 3 * x * (x + 1) + 1;
		if (v >> s >= b) {
			v -= b << s;
			x++;
		}
	}
	return x;
}

/* K in ms (4.2 (2)): the cube root of (W_max - cwnd_epoch) / C, windows in
 * segments, seconds. */
static uint32_t cubic_k_ms(const struct tcp_cc *c)
{
	return cube_root((uint64_t)(c->cubic.w_max - c->cubic.cwnd_epoch) *
			 UINT64_C(2500000000) / c->mss);
}

/* W_cubic(t) in bytes (4.2 (1)), never below zero. */
static uint64_t w_cubic(const struct tcp_cc *c, uint64_t t_us)
{
	int64_t d = (int64_t)(t_us / 1000) - c->cubic.k_ms, delta;

	if (d > T_MAX_MS)
		d = T_MAX_MS;
	if (d < -T_MAX_MS)
		d = -T_MAX_MS;
	delta = d * d * d / 1000000 * c->mss * 2 / 5000;
	delta += c->cubic.w_max;
	return delta > 0 ? delta : 0;
}

static void epoch_begin(struct tcp_cc *c, uint64_t now_us)
{
	c->cubic.epoch_us = c->cubic.seen_us = now_us;
	c->cubic.cwnd_epoch = c->cubic.w_est = c->cwnd;
	c->cubic.w_est_cnt = 0;
	c->cwnd_cnt = 0;
	if (c->cwnd < c->cubic.w_max) {
		c->cubic.k_ms = cubic_k_ms(c);
	} else {
		/* 4.8, 4.10: no earlier maximum to return to */
		c->cubic.w_max = c->cwnd;
		c->cubic.k_ms = 0;
	}
}

/* The window that Reno would have (4.3 (4)). */
static void reno_estimate(struct tcp_cc *c, uint32_t acked)
{
	/* alpha = 3 * (1 - beta) / (1 + beta) = 9/17, 1 once the window before
	 * the reduction is reached */
	if (c->cubic.w_est < c->cubic.cwnd_prior)
		acked = (uint64_t)acked * 9 / 17;
	c->cubic.w_est_cnt += acked;
	if (c->cubic.w_est_cnt >= c->cwnd) {
		c->cubic.w_est_cnt -= c->cwnd;
		c->cubic.w_est += c->mss;
	}
}

/* Congestion avoidance: cwnd approaches `target` within a window of bytes. */
static void approach(struct tcp_cc *c, uint64_t target, uint32_t acked)
{
	uint64_t need, n;

	if (target > c->cwnd + c->cwnd / 2) /* 4.2 */
		target = c->cwnd + c->cwnd / 2;
	if (target <= c->cwnd)
		return;
	/* acknowledged bytes that earn one segment */
	need = (uint64_t)c->cwnd * c->mss / (target - c->cwnd);
	if (!need)
		need = 1;
	if (need > UINT32_C(1) << 31) /* cwnd_cnt holds it and one more window */
		need = UINT32_C(1) << 31;
	c->cwnd_cnt += acked;
	n = c->cwnd_cnt / need;
	c->cwnd_cnt -= n * need;
	n *= c->mss;
	c->cwnd += n < target - c->cwnd ? n : target - c->cwnd;
}

static void cubic_avoid(struct tcp_cc *c, const struct tcp_cc_sample *s,
			uint32_t acked)
{
	uint64_t t;

	if (!c->cubic.epoch_us)
		epoch_begin(c, s->now_us);
	/* on_idle() was told a longer time than since the last ACK */
	if (c->cubic.seen_us > s->now_us)
		c->cubic.seen_us = s->now_us;
	if (c->cubic.epoch_us > s->now_us)
		c->cubic.epoch_us = s->now_us;
	if (!s->cwnd_limited) {
		/* 5.8: time in which the application did not use the window
		 * does not count */
		c->cubic.epoch_us += s->now_us - c->cubic.seen_us;
		c->cubic.seen_us = s->now_us;
		return;
	}
	c->cubic.seen_us = s->now_us;
	if (c->cwnd >= TCP_CWND_MAX)
		return;
	if (acked > c->cwnd)
		acked = c->cwnd;
	t = s->now_us - c->cubic.epoch_us;
	reno_estimate(c, acked);
	if (w_cubic(c, t) < c->cubic.w_est) {
		/* 4.3: Reno-friendly region */
		if (c->cwnd < c->cubic.w_est)
			c->cwnd = c->cubic.w_est;
	} else {
		/* 4.4, 4.5: concave and convex */
		approach(c, w_cubic(c, t + s->srtt_us), acked);
	}
	if (c->cwnd > TCP_CWND_MAX)
		c->cwnd = TCP_CWND_MAX;
}

static void cubic_on_ack(struct tcp_cc *c, const struct tcp_cc_sample *s)
{
	uint32_t acked = s->acked;

	if (s->in_recovery)
		return;
	c->episode = false;
	if (c->cwnd < c->ssthresh)
		acked = tcp_cc_slow_start(c, s);
	if (c->cwnd >= c->ssthresh)
		cubic_avoid(c, s, acked);
}

/* 4.6: ssthresh = flight size * beta, two segments at the least */
static uint32_t reduced(const struct tcp_cc *c, uint32_t inflight)
{
	uint32_t w = (uint64_t)tcp_cc_flight(c, inflight) * 7 / 10;

	return w > 2 * c->mss ? w : 2 * c->mss;
}

static void cubic_reduce_begin(struct tcp_cc *c)
{
	if (tcp_cc_reduce_begin(c))
		c->cubic.prior_w_max = c->cubic.w_max;
	c->cubic.cwnd_prior = c->cwnd;
	c->cubic.epoch_us = 0;
}

static void cubic_on_loss(struct tcp_cc *c, uint32_t inflight, uint64_t now_us)
{
	c->episode = false;
	cubic_reduce_begin(c);
	/* 4.7 fast convergence: a flow that did not get back to its maximum
	 * leaves room, cwnd * (1 + beta) / 2 */
	if (c->cwnd < c->cubic.w_max)
		c->cubic.w_max = (uint64_t)c->cwnd * 17 / 20;
	else
		c->cubic.w_max = c->cwnd;
	c->ssthresh = reduced(c, inflight);
	c->cwnd = c->ssthresh;
}

static void cubic_on_rto(struct tcp_cc *c, uint32_t inflight, uint64_t now_us)
{
	/* RFC 5681 3.1: the second timeout of one segment leaves ssthresh */
	if (c->cwnd > c->mss) {
		cubic_reduce_begin(c);
		c->ssthresh = reduced(c, inflight);
	}
	/* 4.8: the next stage begins with K = 0 and W_max = its first cwnd */
	c->cubic.w_max = 0;
	c->cubic.epoch_us = 0;
	c->cwnd = c->mss;
}

static void cubic_on_exit_recovery(struct tcp_cc *c, uint64_t now_us)
{
	c->episode = false;
}

/* 4.9: a spurious reduction; the epoch begins anew below the old maximum */
static void cubic_undo(struct tcp_cc *c)
{
	if (!tcp_cc_restore(c))
		return;
	c->cubic.w_max = c->cubic.prior_w_max;
	c->cubic.epoch_us = 0;
}

static void cubic_on_idle(struct tcp_cc *c, uint64_t idle_us)
{
	/* 5.8: the clock of the epoch stood still meanwhile */
	if (c->cubic.epoch_us) {
		c->cubic.epoch_us += idle_us;
		c->cubic.seen_us += idle_us;
	}
	tcp_cc_restart(c);
}

const struct tcp_cc_ops tcp_cc_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.on_ack = cubic_on_ack,
	.on_loss = cubic_on_loss,
	.on_rto = cubic_on_rto,
	.on_exit_recovery = cubic_on_exit_recovery,
	.undo = cubic_undo,
	.on_idle = cubic_on_idle,
};
