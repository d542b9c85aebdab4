/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c - packets from the inside, to whom they belong
 *
 * The stack answers like an endpoint, so any TTL, even 0, is enough to reach it
 * (RFC 1122 3.2.1.7, RFC 8200 3) or, for TCP, whatever is behind it; for UDP and
 * echo it is seen as the hop that it is, so that traceroute works.
 *
 * New connections are dear (a host socket each), old ones are cheap: a SYN that
 * finds this turn's share used up waits in `synq`, whose length is bounded, and
 * beyond that is dropped. So a flood costs little more than reading it.
 */
#include <errno.h>

#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

uint8_t pkt_ttl(const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_l3(p);

	return p->head[l->off + (l->kind == GUST_L_IPV4 ? 8 : 7)];
}

uint8_t pkt_tos(const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_l3(p);

	if (l->kind == GUST_L_IPV4)
		return p->head[l->off + 1];
	return get16(p->head + l->off) >> 4;
}

static void input_tcp_new(struct stack *s, struct gust_pkt *p /*taken*/,
			  const struct gust_layer *l4, const struct flow_key *k)
{
	uint8_t flags = p->head[l4->off + 13];
	enum drop_reason r = stack_check_src(s, &k->in);
	struct gust_pkt *rst;

	if (r == DROP_NONE)
		r = stack_check_dst(s, &k->out);
	if (r != DROP_NONE) {
		stack_drop(s, p, r);
		return;
	}
	if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		tcp_flow_syn(s, p, k);
		return;
	}
	/* RFC 9293 3.10.7.1 */
	rst = tcp_reset_for(s->pool, p, &s->caps);
	if (rst)
		stack_push(s, rst);
	stack_drop(s, p, DROP_TCP_NO_FLOW);
}

/* A SYN that has to wait: a copy of the head, so that no slab is pinned. */
static void syn_defer(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct gust_pkt *c;

	if (s->synq.n >= limit_or(s->snap->max_half_open, MAX_HALF_OPEN)) {
		stack_drop(s, p, DROP_TCP_BACKLOG);
		return;
	}
	c = pkt_clone(s->pool, p);
	if (!c) {
		stack_drop(s, p, DROP_NO_PKT);
		return;
	}
	pkt_free(p);
	gust_batch_push(&s->synq, c);
}

static void input_tcp(struct stack *s, struct gust_pkt *p /*taken*/,
		      const struct gust_layer *l4, const struct flow_key *k,
		      bool waited)
{
	struct flow *f = stack_find(s, k);
	uint8_t flags;

	if (f) {
		tcp_flow_input(s, container_of(f, struct tcp_flow, f), p, k);
		return;
	}
	flags = p->head[l4->off + 13];
	if (!waited && (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		if (!s->syn_left || s->synq.n) {
			syn_defer(s, p);
			return;
		}
		s->syn_left--;
	}
	input_tcp_new(s, p, l4, k);
}

void stack_syns(struct stack *s)
{
	struct gust_pkt *p;
	struct flow_key k;

	while (s->syn_left && (p = gust_batch_pop(&s->synq))) {
		s->syn_left--;
		if (flow_key_of(p, &k) < 0)
			pkt_free(p);
		else
			input_tcp(s, p, pkt_l4(p), &k, true);
	}
}

static bool is_icmp_error_type(const struct gust_layer *l4, uint8_t type)
{
	if (l4->kind == GUST_L_ICMP6)
		return type < 128;
	return type == ICMP4_UNREACH || type == ICMP4_SOURCE_QUENCH ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAM_PROBLEM;
}

static void input_icmp(struct stack *s, struct gust_pkt *p /*taken*/,
		       const struct gust_layer *l4)
{
	uint8_t type = p->head[l4->off], proto;
	struct ipaddr src, dst;
	enum drop_reason r;

	pkt_addrs(p, &src, &dst, &proto);
	r = stack_check_src(s, &src);
	if (r == DROP_NONE)
		r = stack_check_dst(s, &dst);
	if (r != DROP_NONE)
		stack_drop(s, p, r);
	else if (type == (l4->kind == GUST_L_ICMP6 ? ICMP6_ECHO : ICMP4_ECHO))
		ping_input(s, p);
	else if (is_icmp_error_type(l4, type))
		icmp_input(s, p);
	else
		stack_drop(s, p, DROP_NO_PROTO); /* RFC 1122 3.2.2: in silence */
}

/* Neither TCP, UDP nor ICMP. */
static void input_other(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct ipaddr src, dst;
	enum drop_reason r;
	uint8_t proto;

	pkt_addrs(p, &src, &dst, &proto);
	r = stack_check_src(s, &src);
	if (r == DROP_NONE)
		r = stack_check_dst(s, &dst);
	if (r == DROP_NONE) {
		/* RFC 1122 3.2.2.1 */
		stack_icmp_error(s, p, ICMP_E_PROTO_UNREACH, 0, NULL);
		r = DROP_NO_PROTO;
	}
	stack_drop(s, p, r);
}

static void input_whole(struct stack *s, struct gust_pkt *p /*taken*/)
{
	const struct gust_layer *l4 = pkt_l4(p);
	struct flow_key k;

	if (!l4 || (l4->kind != GUST_L_TCP && l4->kind != GUST_L_UDP &&
		    l4->kind != GUST_L_ICMP && l4->kind != GUST_L_ICMP6)) {
		input_other(s, p);
		return;
	}
	if (!pkt_csum_verify(p)) {
		stack_drop(s, p, DROP_BAD_CSUM);
		return;
	}
	if (l4->kind == GUST_L_ICMP || l4->kind == GUST_L_ICMP6)
		input_icmp(s, p, l4);
	else if (flow_key_of(p, &k) < 0)
		input_other(s, p);
	else if (l4->kind == GUST_L_TCP)
		input_tcp(s, p, l4, &k, false);
	else
		udp_input(s, p, &k);
}

static void input_fragment(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct gust_pkt *whole = NULL;
	enum drop_reason r = reasm_input(s->reasm, p, s->env, &whole);
	struct flow_key k;
	unsigned owner;

	if (r != DROP_NONE) {
		drop_count(s->drops, r, 1);
		return;
	}
	if (!whole)
		return;
	s->st.reasm_ok++;
	/* Fragments came here by their addresses, the datagram has ports. */
	if (s->nworkers > 1 && s->io.handoff && !flow_key_of(whole, &k)) {
		whole->hash = flow_key_hash(&s->secret, &k);
		owner = flow_owner(whole->hash, s->nworkers);
		if (owner != s->worker) {
			s->io.handoff(s->io.ctx, whole, owner);
			return;
		}
	}
	input_whole(s, whole);
}

void stack_input(struct stack *s, struct gust_batch *in /*taken*/,
		 const struct env *env)
{
	struct gust_pkt *p;

	s->env = env;
	while ((p = gust_batch_pop(in))) {
		/* whole, a datagram that was to be fragmented is just a large one */
		if (p->gso_type == GUST_GSO_UFO) {
			p->gso_size = 0;
			p->gso_type = GUST_GSO_NONE;
		}
		if (!p->nlayer || !pkt_l3(p))
			stack_drop(s, p, DROP_BAD_VERSION);
		else if (p->layer[p->nlayer - 1].flags & GUST_LF_FRAGMENT)
			input_fragment(s, p);
		else
			input_whole(s, p);
	}
}

void stack_unreachable(struct stack *s, struct gust_batch *failed /*taken*/,
		       const struct env *env)
{
	struct gust_pkt *p;

	s->env = env;
	while ((p = gust_batch_pop(failed))) {
		const struct gust_layer *l4 = pkt_l4(p);
		struct flow *f = NULL;
		struct flow_key k;

		if (l4 && l4->kind == GUST_L_TCP) {
			memset(&k, 0, sizeof(k));
			pkt_addrs(p, &k.out, &k.in, &k.proto);
			k.out_port = get16(p->head + l4->off);
			k.in_port = get16(p->head + l4->off + 2);
			f = stack_find(s, &k);
		}
		if (f)
			tcp_flow_unreachable(s,
					     container_of(f, struct tcp_flow, f));
		pkt_free(p);
	}
}
