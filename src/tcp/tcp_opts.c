/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_opts.c - options: what is offered, what was agreed, timestamps
 */
#include "tcp/tcp_internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define TS_OPT_LEN 12 /* with its padding */
#define PAWS_IDLE_US 2073600000000 /* 24 days (RFC 7323 5.5) */
#define MSS_MIN 64 /* below, headers are all that is left */
/* One segment with the longest headers still is no BIG TCP packet. */
#define MSS_MAX (UINT16_MAX - IPV6_HLEN - IPV6_JUMBO_HLEN - TCP_HLEN_MAX)

uint32_t tcp_ts_now(const struct tcp *t, const struct env *env)
{
	return (uint32_t)(env->now_us / 1000) + t->ts_offset;
}

static uint32_t headers_len(const struct tcp *t)
{
	return TCP_HLEN + (ipaddr_is4(&t->remote) ? IPV4_HLEN : IPV6_HLEN);
}

uint16_t tcp_announced_mss(const struct tcp *t)
{
	uint32_t mss = t->ctx->caps->mtu - headers_len(t);

	return mss > UINT16_MAX ? UINT16_MAX : mss;
}

void tcp_set_mss(struct tcp *t)
{
	uint32_t mtu = t->ctx->caps->mtu, mss;

	if (t->pmtu && t->pmtu < mtu)
		mtu = t->pmtu;
	mss = mtu > headers_len(t) + MSS_MIN ? mtu - headers_len(t) : MSS_MIN;
	if (mss > t->peer_mss)
		mss = t->peer_mss;
	if (mss > MSS_MAX)
		mss = MSS_MAX;
	/* RFC 6691: the MSS counts no options, our segments carry them */
	if (t->opt & TCP_OPT_TS)
		mss -= TS_OPT_LEN;
	t->mss = mss;
	t->cc.mss = mss;
	if (t->cc.cwnd < mss) /* a larger MTU after a timeout */
		t->cc.cwnd = mss;
}

/* The smallest shift by which the largest buffer fits 16 bits. */
static uint8_t wscale_for(uint32_t max)
{
	uint8_t s = 0;

	while (s < 14 && max >> s > UINT16_MAX)
		s++;
	return s;
}

void tcp_offer_opts(struct tcp *t)
{
	const struct tcp_conf *c = t->ctx->conf;

	t->opt = (c->wscale ? TCP_OPT_WSCALE : 0) |
		 (c->sack ? TCP_OPT_SACK_PERM : 0) |
		 (c->timestamps ? TCP_OPT_TS : 0);
	t->rcv_wscale = c->wscale ? wscale_for(c->rcvbuf_max) : 0;
}

void tcp_syn_opts(const struct tcp *t, bool reply, const struct env *env,
		  struct tcp_opts *ret)
{
	*ret = (struct tcp_opts){
		.present = TCP_OPT_MSS | t->opt,
		.mss = tcp_announced_mss(t),
		.wscale = t->rcv_wscale,
	};
	if (ret->present & TCP_OPT_TS) {
		ret->tsval = tcp_ts_now(t, env);
		ret->tsecr = reply ? t->ts_recent : 0;
	}
}

void tcp_agree_opts(struct tcp *t, const struct tcp_hdr *h, const struct env *env)
{
	const struct tcp_opts *o = &h->opt;

	t->opt &= o->present;
	if (t->opt & TCP_OPT_TS) {
		t->ts_recent = o->tsval;
		t->ts_recent_us = env->now_us;
	}
	/* RFC 7323 2.2: both scale, or none does */
	if (t->opt & TCP_OPT_WSCALE)
		t->snd_wscale = o->wscale;
	else
		t->rcv_wscale = 0;
	if (o->present & TCP_OPT_MSS)
		t->peer_mss = o->mss < MSS_MIN + TS_OPT_LEN ? MSS_MIN + TS_OPT_LEN :
							      o->mss;
	tcp_set_mss(t);
	tcp_cc_init(&t->cc, t->ctx->conf->cc, t->mss);
	/* without a scale the window ends at 64 KB */
	if (!(t->opt & TCP_OPT_WSCALE) && t->rcvbuf > UINT16_MAX)
		t->rcvbuf = UINT16_MAX;
}

/* RFC 7323 5.5: after 24 idle days TS.Recent says nothing. */
static bool ts_outdated(const struct tcp *t, const struct env *env)
{
	return env->now_us - t->ts_recent_us >= PAWS_IDLE_US;
}

bool tcp_paws_reject(const struct tcp *t, const struct tcp_hdr *h,
		     const struct env *env)
{
	if (!(t->opt & TCP_OPT_TS) || !(h->opt.present & TCP_OPT_TS) ||
	    (h->flags & TCP_RST)) /* RFC 7323 5.2: not for resets */
		return false;
	return seq_lt(h->opt.tsval, t->ts_recent) && !ts_outdated(t, env);
}

void tcp_ts_update(struct tcp *t, const struct tcp_hdr *h, const struct env *env)
{
	if (!(t->opt & TCP_OPT_TS) || !(h->opt.present & TCP_OPT_TS))
		return;
	if (seq_le(h->seq, t->last_ack_sent) &&
	    (seq_ge(h->opt.tsval, t->ts_recent) || ts_outdated(t, env))) {
		t->ts_recent = h->opt.tsval;
		t->ts_recent_us = env->now_us;
	}
}
