/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_autotune.c - buffers and windows
 *
 * The receive buffer doubles when the reader took more than half of it within a
 * round trip: then the buffer, not the reader, is the limit. It shrinks under
 * memory pressure only in what is offered from then on; a window that was
 * advertised is never taken back (RFC 9293 3.8.6).
 */
#include "tcp/tcp_internal.h"

#define TUNE_MIN_US 1000 /* on a path of microseconds, look this often */

static uint32_t rcvbuf_limit(const struct tcp *t)
{
	uint32_t max = t->ctx->conf->rcvbuf_max;

	return t->opt & TCP_OPT_WSCALE || max < UINT16_MAX ? max : UINT16_MAX;
}

void tcp_tune_rcvbuf(struct tcp *t, uint32_t n, const struct env *env)
{
	uint32_t rtt = t->rtt.srtt_us > TUNE_MIN_US ? t->rtt.srtt_us : TUNE_MIN_US;
	uint32_t max = rcvbuf_limit(t);

	t->rcv_copied += n;
	if (env->now_us - t->rcv_space_us < rtt)
		return;
	if (t->rcv_copied > t->rcvbuf / 2 && t->rcvbuf < max &&
	    !pkt_pool_pressure(t->ctx->pool))
		t->rcvbuf = t->rcvbuf > max / 2 ? max : t->rcvbuf * 2;
	t->rcv_copied = 0;
	t->rcv_space_us = env->now_us;
}

void tcp_tune_sndbuf(struct tcp *t)
{
	const struct tcp_conf *c = t->ctx->conf;
	uint64_t want = (uint64_t)t->cc.cwnd * 2;

	if (want <= t->sndbuf || pkt_pool_pressure(t->ctx->pool))
		return;
	t->sndbuf = want > c->sndbuf_max ? c->sndbuf_max : want;
}

static uint32_t free_space(const struct tcp *t)
{
	uint32_t buf = t->rcvbuf;

	/* under pressure no more than what keeps a stream going */
	if (pkt_pool_pressure(t->ctx->pool) > 1 && buf > t->ctx->conf->rcvbuf_init)
		buf = t->ctx->conf->rcvbuf_init;
	return buf > t->rcvq.len ? buf - t->rcvq.len : 0;
}

bool tcp_wnd_update_due(const struct tcp *t)
{
	uint32_t known = tcp_known_wnd(t), step = t->rcvbuf / 2, wnd;

	/* RFC 9293 3.8.6.2.2: min(half the buffer, one MSS) opens a window that is
	 * all but closed. One that is small is moved in larger steps, and one that
	 * is open not at all: what the peer sends into it brings about an ACK, which
	 * moves it anyway. */
	if (known < 2 * t->mss)
		step = t->mss < step ? t->mss : step;
	else if (known >= t->rcvbuf / 8)
		return false;
	wnd = tcp_select_wnd(t);
	return wnd > known && wnd - known >= step;
}

/*
 * The field counts in units of the scale, the edge does not: when it must stay,
 * what is left of the window is rounded up, and the edge moves by less than a
 * unit. A peer could have that once a segment and so run past the buffer with
 * tiny ones; beyond an eighth of the buffer it is rounded down instead. That
 * takes back less than a unit, on paper only (RFC 7323 2.4): what lies below the
 * old edge is accepted all the same.
 */
uint32_t tcp_select_wnd(const struct tcp *t)
{
	uint32_t mask = (1u << t->rcv_wscale) - 1;
	uint32_t space = free_space(t) & ~mask, known = tcp_known_wnd(t);
	uint32_t step = t->rcvbuf / 2 < t->mss ? t->rcvbuf / 2 : t->mss;

	/* RFC 9293 3.8.6.2.2: the right edge moves by a step or not at all, and
	 * never back (3.8.6) */
	if (space < known || space - known < step)
		space = (known + mask) & ~mask;
	if ((uint64_t)space + t->rcvq.len > (uint64_t)t->rcvbuf + t->rcvbuf / 8)
		space = known & ~mask;
	if (space > (uint32_t)UINT16_MAX << t->rcv_wscale)
		space = (uint32_t)UINT16_MAX << t->rcv_wscale;
	return space;
}

uint16_t tcp_syn_wnd(const struct tcp *t)
{
	uint32_t space = free_space(t);

	return space > UINT16_MAX ? UINT16_MAX : space;
}
