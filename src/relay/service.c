/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service.c - echo (RFC 862), discard (RFC 863) and chargen (RFC 864) on own
 * addresses
 *
 * There to measure the stack itself as an endpoint, so they cost nothing of
 * their own: echo sends the very bytes that it received, chargen sends one slab
 * over and over, and a connection holds no descriptor. Off unless configured.
 */
#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/udp.h"

#define GEN_LINE 74 /* 72 characters, CR, LF */
#define GEN_CHARS 95
#define GEN_PERIOD (GEN_LINE * GEN_CHARS)
#define GEN_DATAGRAM 512u /* RFC 864: up to 512 characters */

int service_kind(const struct stack *s, uint16_t port)
{
	return snap_service(s->snap, port);
}

/* A piece of the pattern that begins at `pos` of its period. */
static bool gen_frag(struct stack *s, uint32_t pos, uint32_t len,
		     struct gust_frag *ret)
{
	struct gust_slab *b = s->gen_slab;

	if (!b) {
		b = s->gen_slab = slab_new(s->pool);
		if (!b)
			return false;
		for (uint32_t i = 0; i < b->cap; i++) {
			uint32_t col = i % GEN_LINE;

			b->data[i] = col == GEN_LINE - 2 ?
					     '\r' :
				     col == GEN_LINE - 1 ?
					     '\n' :
					     ' ' + (i / GEN_LINE + col) % GEN_CHARS;
		}
		b->used = b->cap;
	}
	*ret = (struct gust_frag){ b->data + pos, b,
				   len < b->cap - pos ? len : b->cap - pos };
	frag_ref(ret);
	return true;
}

static void consume_all(struct stack *s, struct tcp *t)
{
	uint32_t n = tcp_readable(t);

	if (!n)
		return;
	tcp_consume(t, n, s->env);
	s->st.svc_bytes += n;
}

static void run_echo(struct stack *s, struct tcp_flow *c)
{
	struct tcp *t = &c->t;

	/* One piece at a time: it may exceed the space, but by itself only. */
	while (tcp_readable(t) && tcp_send_space(t)) {
		struct gust_frag f;
		uint32_t len = 0;

		if (!tcp_take(t, &f, 1, &len, s->env))
			break;
		if (tcp_send(t, &f, 1) < 0) {
			frag_unref(&f);
			tcp_abort(t, s->env);
			return;
		}
		s->st.svc_bytes += len;
		s->moved += len;
	}
	if (tcp_readable(t))
		tcp_compact(t);
}

static void run_chargen(struct stack *s, struct tcp_flow *c)
{
	struct tcp *t = &c->t;
	uint32_t space;

	consume_all(s, t);
	while ((space = tcp_send_space(t)) && (space >= READ_LOW || !t->sndq.len)) {
		struct gust_frag f;

		if (!gen_frag(s, c->pos, space < READ_MAX ? space : READ_MAX, &f)) {
			c->f.nomem = true;
			return;
		}
		if (tcp_send(t, &f, 1) < 0) {
			frag_unref(&f);
			return;
		}
		c->pos = (c->pos + f.len) % GEN_PERIOD;
		s->st.svc_bytes += f.len;
		s->moved += f.len;
	}
}

/* An established connection of a service was touched. */
void service_run(struct stack *s, struct tcp_flow *c)
{
	if (c->shut || c->t.state == TCPS_CLOSED)
		return;
	if (c->f.kind == FLOW_ECHO)
		run_echo(s, c);
	else if (c->f.kind == FLOW_DISCARD)
		consume_all(s, &c->t);
	else if (!tcp_at_eof(&c->t))
		run_chargen(s, c);
	if (tcp_at_eof(&c->t) && c->t.state != TCPS_CLOSED) {
		tcp_shutdown(&c->t, s->env);
		c->shut = true;
	}
}

/* ---- UDP ---- */

/* Turn the whole superpacket round; payload stays where it is. */
static void udp_echo(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct ip_tx tx = { .proto = IPPROTO_UDP,
			    .ttl = IP_TTL_DEFAULT,
			    .tos = pkt_tos(p) & 0xfc,
			    .id = s->ip_id };
	uint16_t sport;
	uint8_t proto;

	pkt_addrs(p, &tx.dst, &tx.src, &proto);
	s->ip_id += pkt_segs(p);
	pkt_pull(p, pkt_l4(p)->off);
	sport = get16(p->head);
	put16(p->head, get16(p->head + 2));
	put16(p->head + 2, sport);
	p->need = GUST_F_CSUM;
	p->hash = 0;
	ip_push(p, &tx, &s->caps);
	stack_push(s, p);
}

/* As many datagrams as came. */
static void udp_chargen(struct stack *s, struct gust_pkt *p /*taken*/)
{
	uint32_t n = pkt_segs(p) < UDP_SEGS_MAX ? pkt_segs(p) : UDP_SEGS_MAX;
	const uint8_t *t = p->head + pkt_l4(p)->off;
	struct ipaddr src, dst;
	struct gust_frag f;
	uint8_t proto;

	pkt_addrs(p, &src, &dst, &proto);
	if (!gen_frag(s, rng_below(s->env->rng, GEN_PERIOD), n * GEN_DATAGRAM,
		      &f)) {
		stack_drop(s, p, DROP_NO_SLAB);
		return;
	}
	s->st.svc_bytes += f.len;
	udp_out(s, &dst, get16(t + 2), &src, get16(t), 0, &f,
		n > 1 ? GEN_DATAGRAM : 0);
	pkt_free(p);
}

void service_udp(struct stack *s, struct gust_pkt *p /*taken*/, int kind)
{
	uint16_t sport = get16(p->head + pkt_l4(p)->off);

	s->st.svc_bytes += pkt_payload_len(p);
	/* Two services that answer each other would never stop. */
	if (kind == FLOW_DISCARD || sport == PORT_ECHO || sport == PORT_CHARGEN)
		pkt_free(p);
	else if (kind == FLOW_ECHO)
		udp_echo(s, p);
	else
		udp_chargen(s, p);
}
