/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icmp_in.c - ICMP errors, from the inside and to it
 *
 * What the inside reports about a TCP connection goes to that connection, which
 * judges it by sequence number (RFC 5927); a path MTU is remembered for later
 * flows only if a connection believed it. An error about a datagram that we
 * delivered cannot be told to the remote host through a socket: it ends here.
 *
 * All errors that we send pass one token bucket (RFC 1812 4.3.2.8, RFC 4443
 * 2.4 f). They come from the own address that the packet was sent to, else from
 * the first one of the family, or from the router that told the host.
 */
#include <netinet/in.h>

#include "pkt/dissect.h"
#include "relay/stack_internal.h"

static void learn_mtu(struct stack *s, const struct ipaddr *dst, uint32_t mtu)
{
	pmtu_update(s->pmtu, dst, mtu, s->env);
	s->pmtu_used = true;
}

static void icmp_for_tcp(struct stack *s, struct tcp_flow *c,
			 const struct icmp_event *ev)
{
	uint32_t before = c->t.pmtu;

	if (c->t.state == TCPS_CLOSED)
		return;
	c->ev |= tcp_icmp(&c->t, ev, s->env);
	if (ev->error == ICMP_E_TOO_BIG && c->t.pmtu != before)
		learn_mtu(s, &ev->key.in, c->t.pmtu);
	flow_run(s, &c->f);
}

/*
 * Whose packet do they mean? The key of a UDP mapping says nothing of the
 * remote, and only one that may send to it can have sent what is quoted
 * (RFC 8201 4: not just anybody's word).
 */
static struct flow *find_quoted(struct stack *s, const struct icmp_event *ev)
{
	struct udp_flow *u;
	struct ipaddr host;
	struct flow *f;

	if (s->n_pub && ev->key.proto == IPPROTO_UDP &&
	    (u = publish_udp_find(s, &ev->key, &ev->src, ev->sport)))
		return &u->f;
	f = stack_find(s, &ev->key);
	if (!f || f->kind != FLOW_UDP || s->snap->udp_filter_endpoint)
		return f;
	u = container_of(f, struct udp_flow, f);
	if (stack_map_out(s, &ev->src, &host) < 0 || !udp_peer_has(u, &host))
		return NULL;
	return f;
}

void icmp_input(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct icmp_event ev;
	enum drop_reason r = icmp_error_parse(p, &ev);
	struct flow *f;

	if (r != DROP_NONE) {
		stack_drop(s, p, r);
		return;
	}
	f = find_quoted(s, &ev);
	if (!f) {
		stack_drop(s, p, DROP_ICMP_NO_FLOW);
		return;
	}
	s->st.icmp_errors_in++;
	if (f->kind <= FLOW_CHARGEN)
		icmp_for_tcp(s, container_of(f, struct tcp_flow, f), &ev);
	else if (ev.error == ICMP_E_TOO_BIG)
		learn_mtu(s, &ev.key.in, ev.info);
	pkt_free(p);
}

static void push_error(struct stack *s, struct gust_pkt *e)
{
	if (!e)
		return;
	s->st.icmp_errors_out++;
	stack_push(s, e);
}

void stack_icmp_error(struct stack *s, const struct gust_pkt *about,
		      enum icmp_error e, uint32_t info, const struct ipaddr *from)
{
	struct ipaddr src, dst;
	uint8_t proto;

	if (!from) {
		pkt_addrs(about, &src, &dst, &proto);
		from = stack_error_source(s, &src, &dst);
	}
	if (!from)
		return;
	if (!icmp_limiter_take(&s->icmp_lim, s->env)) {
		drop_count(s->drops, DROP_ICMP_LIMIT, 1);
		return;
	}
	push_error(s, icmp_error_new(s->pool, about, e, info, from));
}

bool stack_icmp_from(struct stack *s, const struct host_error *he, bool is4,
		     struct ipaddr *ret)
{
	/* "any" has no form on the inside and becomes an own address. */
	return stack_map_in(s, &he->from, is4, ret);
}

void stack_icmp_synth(struct stack *s, const struct flow_key *k,
		      const struct host_error *he)
{
	struct ipaddr from;

	/* A destination that is ours speaks for itself. */
	if (he->e == ICMP_E_PORT_UNREACH && stack_is_own(s, &k->out))
		from = k->out;
	else if (!stack_icmp_from(s, he, ipaddr_is4(&k->in), &from))
		return;
	if (!icmp_limiter_take(&s->icmp_lim, s->env)) {
		drop_count(s->drops, DROP_ICMP_LIMIT, 1);
		return;
	}
	push_error(s, icmp_error_synth(s->pool, k, he->data, he->len, he->e,
				       he->info, &from));
}
