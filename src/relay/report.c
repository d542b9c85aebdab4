/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - what the stack tells about itself
 */
#include "relay/stack_internal.h"

void stack_stats(const struct stack *s, struct stack_stats *ret)
{
	*ret = s->st;
	ret->tcp_flows = s->n_tcp;
	ret->tcp_half_open = s->n_tq[TQ_CONNECTING] + s->n_tq[TQ_ANSWERED];
	ret->udp_flows = s->n_udp;
	ret->echo_flows = s->n_echo;
}

const struct tcp_counters *stack_tcp_counters(const struct stack *s)
{
	return &s->tctx.stats;
}

static uint64_t since(const struct env *env, uint64_t t)
{
	return env->now_us > t ? env->now_us - t : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void report_tcp(const struct tcp_flow *c, struct stack_flow_report *r,
		       const struct env *env)
{
	tcp_report(&c->t, &r->tcp);
	r->bytes_in = r->tcp.bytes_in;
	r->bytes_out = r->tcp.bytes_out;
	r->idle_us = since(env, later(c->f.born_us,
				      later(c->t.last_rcv_us, c->t.last_snd_us)));
	if (c->f.kind <= FLOW_PUBLISH) {
		const struct tcp_relay *t = container_of(c, struct tcp_relay, c);

		r->host = t->host;
		r->host_port = t->host_port;
	}
}

static void report_udp(const struct udp_flow *u, struct stack_flow_report *r,
		       const struct env *env)
{
	r->host = u->to_host;
	r->host_port = u->to_port;
	r->bytes_in = u->bytes_in;
	r->bytes_out = u->bytes_out;
	r->idle_us = since(env, later(u->life.last_in_us, u->life.last_out_us));
}

static void report_ping(const struct ping_flow *e, struct stack_flow_report *r,
			const struct env *env)
{
	r->host = e->host;
	r->bytes_in = e->bytes_in;
	r->bytes_out = e->bytes_out;
	r->idle_us = since(env, e->last_us);
}

unsigned stack_report(struct stack *s, uint32_t *pos, struct stack_flow_report *ret,
		      unsigned max, const struct env *env)
{
	static const char *const names[] = {
		[FLOW_RELAY] = "relay",         [FLOW_PUBLISH] = "publish",
		[FLOW_ECHO] = "echo",           [FLOW_DISCARD] = "discard",
		[FLOW_CHARGEN] = "chargen",     [FLOW_UDP] = "relay",
		[FLOW_UDP_PUBLISH] = "publish", [FLOW_PING] = "ping",
	};
	struct flow_ent *e;
	unsigned n = 0;

	while (n < max && (e = flow_table_next(s->tab, pos))) {
		const struct flow *f = container_of(e, struct flow, ent);
		struct stack_flow_report *r = &ret[n++];

		memset(r, 0, sizeof(*r));
		r->key = f->ent.key;
		r->kind = names[f->kind];
		r->age_us = since(env, f->born_us);
		if (f->kind <= FLOW_CHARGEN)
			report_tcp(container_of(f, struct tcp_flow, f), r, env);
		else if (f->kind == FLOW_PING)
			report_ping(container_of(f, struct ping_flow, f), r, env);
		else
			report_udp(container_of(f, struct udp_flow, f), r, env);
	}
	return n;
}
