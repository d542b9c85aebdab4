/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cc.c - what the congestion controls have in common: the initial window, slow
 * start, the memory for undoing a reduction, the restart after idleness
 */
#include "tcp/cc.h"

#include <string.h>

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	static const struct tcp_cc_ops *const all[] = { &tcp_cc_cubic,
							&tcp_cc_newreno };
	unsigned i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

uint32_t tcp_cc_iw(uint32_t mss)
{
	uint32_t floor = 2 * mss > 14600 ? 2 * mss : 14600;

	return 10 * mss < floor ? 10 * mss : floor;
}

void tcp_cc_init(struct tcp_cc *c, const struct tcp_cc_ops *ops, uint32_t mss)
{
	*c = (struct tcp_cc){
		.ops = ops,
		.mss = mss,
		.cwnd = tcp_cc_iw(mss),
		.ssthresh = UINT32_MAX,
	};
	tcp_hystart_init(&c->hs);
	ops->init(c);
}

uint32_t tcp_cc_slow_start(struct tcp_cc *c, const struct tcp_cc_sample *s)
{
	bool leave;
	uint32_t grow = tcp_hystart_ack(&c->hs, s, c->mss, &leave), room;

	if (leave) {
		c->ssthresh = c->cwnd;
		return s->acked;
	}
	if (!s->cwnd_limited)
		return 0;
	/* RFC 3465 with L unlimited: one ACK for a superpacket counts in full.
	 * What bounds it is that an ACK which fills a hole counts only what was
	 * not reported before, and that one ACK at most doubles the window. */
	if (s->delivered && grow > s->delivered)
		grow = s->delivered;
	if (grow > c->cwnd)
		grow = c->cwnd;
	if (grow > TCP_CWND_MAX - c->cwnd)
		grow = TCP_CWND_MAX - c->cwnd;
	room = c->ssthresh - c->cwnd;
	if (grow < room) {
		c->cwnd += grow;
		return 0;
	}
	c->cwnd += room;
	return grow - room;
}

uint32_t tcp_cc_flight(const struct tcp_cc *c, uint32_t inflight)
{
	return inflight < c->cwnd ? inflight : c->cwnd;
}

bool tcp_cc_reduce_begin(struct tcp_cc *c)
{
	c->cwnd_cnt = 0;
	c->hs.done = true;
	if (c->episode)
		return false;
	c->episode = true;
	c->prior_cwnd = c->cwnd;
	c->prior_ssthresh = c->ssthresh;
	return true;
}

bool tcp_cc_restore(struct tcp_cc *c)
{
	if (!c->prior_cwnd)
		return false;
	if (c->cwnd < c->prior_cwnd)
		c->cwnd = c->prior_cwnd;
	c->ssthresh = c->prior_ssthresh;
	c->prior_cwnd = c->prior_ssthresh = 0;
	c->cwnd_cnt = 0;
	c->episode = false;
	return true;
}

void tcp_cc_restart(struct tcp_cc *c)
{
	uint32_t iw = tcp_cc_iw(c->mss), keep = c->cwnd - c->cwnd / 4;

	if (c->cwnd <= iw)
		return;
	if (c->ssthresh < keep)
		c->ssthresh = keep;
	c->cwnd = iw;
	c->cwnd_cnt = 0;
}
