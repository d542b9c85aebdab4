/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_peer.h - an inside host with TCP, joined to the stack by batches
 */
#ifndef GUST_TESTS_RELAY_PEER_H
#define GUST_TESTS_RELAY_PEER_H

#include "relay_io.h"

#define PEERS 64

struct inside {
	struct rig *r;
	struct tcp_ctx ctx;
	struct tcp_conf conf;
	struct drop_counters drops;
	unsigned n;
	struct tcp *t[PEERS];
	unsigned ev[PEERS]; /* every event so far */
	bool listening; /* take SYNs from the stack */
	struct gust_batch other; /* what is no TCP, or of no connection */
};

static inline void inside_init(struct inside *in, struct rig *r)
{
	memset(in, 0, sizeof(*in));
	in->r = r;
	tcp_conf_defaults(&in->conf);
	in->conf.nagle = false;
	in->conf.time_wait_us = 100000;
	in->ctx = (struct tcp_ctx){ .conf = &in->conf,
				    .caps = &r->snap.to_inside,
				    .pool = r->pool,
				    .drops = &in->drops };
	gust_batch_init(&in->other);
}

static inline void inside_fini(struct inside *in)
{
	for (unsigned i = 0; i < in->n; i++) {
		tcp_free(in->t[i]);
		free(in->t[i]);
	}
	pkt_batch_free(&in->other);
}

static inline unsigned inside_tcp(struct inside *in, const char *src,
				  uint16_t sport, const char *dst, uint16_t dport)
{
	struct ipaddr a = A(src), b = A(dst);

	assert_true(in->n < PEERS);
	in->t[in->n] = calloc(1, sizeof(struct tcp));
	tcp_init(in->t[in->n], &in->ctx, &a, sport, &b, dport);
	return in->n++;
}

static inline unsigned inside_connect(struct inside *in, const char *src,
				      uint16_t sport, const char *dst,
				      uint16_t dport)
{
	unsigned i = inside_tcp(in, src, sport, dst, dport);

	tcp_connect(in->t[i], &in->r->env);
	return i;
}

static inline void inside_give(struct inside *in, struct gust_pkt *p)
{
	struct ipaddr src, dst;
	struct tcp_hdr h;
	uint8_t proto;

	if (pkt_l4(p)->kind != GUST_L_TCP) {
		gust_batch_push(&in->other, p);
		return;
	}
	pkt_addrs(p, &src, &dst, &proto);
	assert_int_equal(tcp_hdr_parse(l4_of(p), p->hlen - pkt_l4(p)->off, &h), 0);
	for (unsigned i = 0; i < in->n; i++) {
		struct tcp *t = in->t[i];

		if (t->lport != h.dport || t->rport != h.sport ||
		    !ipaddr_eq(&t->local, &dst) || !ipaddr_eq(&t->remote, &src) ||
		    t->state == TCPS_CLOSED)
			continue;
		in->ev[i] |= tcp_input(t, p, &in->r->env);
		return;
	}
	if (in->listening && (h.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    in->n < PEERS) {
		struct tcp *t = in->t[in->n++] = calloc(1, sizeof(*t));

		tcp_init(t, &in->ctx, &dst, h.dport, &src, h.sport);
		assert_int_equal(tcp_listen_syn(t, p, &in->r->env), 0);
		tcp_accept(t, &in->r->env);
		pkt_free(p);
		return;
	}
	gust_batch_push(&in->other, p);
}

/* One exchange in each direction. */
static inline void inside_step(struct inside *in, int ms)
{
	struct rig *r = in->r;
	struct gust_batch up;
	struct gust_pkt *p;

	gust_batch_init(&up);
	rig_clock(r);
	for (unsigned i = 0; i < in->n; i++) {
		struct tcp *t = in->t[i];

		if (t->state != TCPS_CLOSED && tcp_deadline(t) <= r->env.now_us)
			in->ev[i] |= tcp_timer(t, &r->env);
		tcp_output(t, &up, &r->env);
	}
	if (up.n)
		ms = 0;
	stack_input(r->s, &up, &r->env);
	rig_turn(r, ms);
	while ((p = gust_batch_pop(&r->out)))
		inside_give(in, p);
}

/* Until the condition holds; a thousand steps are a failure. */
#define UNTIL(in, cond)                                                            \
	do {                                                                       \
		int left_ = 4000;                                                  \
		while (!(cond)) {                                                  \
			if (!left_--)                                              \
				fail_msg("never: %s", #cond);                      \
			inside_step(in, 1);                                        \
		}                                                                  \
	} while (0)

static inline void inside_send(struct inside *in, unsigned i, const void *b,
			       uint32_t n)
{
	struct gust_frag f;

	assert_int_equal(slab_copy(in->r->pool, b, n, &f), 0);
	assert_int_equal(tcp_send(in->t[i], &f, 1), 0);
}

/* Copy out what is readable. */
static inline uint32_t inside_read(struct inside *in, unsigned i, uint8_t *b,
				   uint32_t max)
{
	uint32_t got = 0;

	while (got < max && tcp_readable(in->t[i])) {
		struct iovec v;
		uint32_t n;

		assert_int_equal(tcp_peek(in->t[i], &v, 1), 1);
		n = v.iov_len < max - got ? v.iov_len : max - got;
		memcpy(b + got, v.iov_base, n);
		tcp_consume(in->t[i], n, &in->r->env);
		got += n;
	}
	return got;
}

#endif
