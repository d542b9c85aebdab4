/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_tcp.c - a TCP connection of the inside and the host socket behind it
 *
 * The host is connected first and the SYN answered after: refused is refused
 * and unreachable unreachable on the inside too. A flow is made by a SYN (or by
 * publish.c), moves through the queues of enum tcp_queue and ends in
 * tcp_flow_visit(), when its connection is CLOSED and the host has everything.
 *
 * Limits: `max_flows` connections, TIME-WAIT included, of which the oldest makes
 * room at the limit, and which is never more than an eighth; `max_half_open` that are not established. A half-open one
 * whose SYN-ACK is unanswered for HALF_AGE_US makes room for a new one; younger
 * ones stay and the new SYN is dropped. Established ones are never touched.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/tcp.h"

static struct tcp_relay *relay_of(struct tcp_flow *c)
{
	return c->f.kind <= FLOW_PUBLISH ? container_of(c, struct tcp_relay, c) :
					   NULL;
}

void tcp_queue(struct stack *s, struct tcp_flow *c, enum tcp_queue where)
{
	if (c->where == where)
		return;
	if (c->where != TQ_NONE) {
		list_del(&c->q);
		s->n_tq[c->where]--;
	}
	c->where = where;
	if (where != TQ_NONE) {
		list_add_tail(&s->tq[where], &c->q);
		s->n_tq[where]++;
	}
}

/* No trace is left on the inside; a host socket that is still open is reset. */
void tcp_flow_free(struct stack *s, struct tcp_flow *c)
{
	struct tcp_relay *r = relay_of(c);
	int fd;

	if (c->where != TQ_ORPHAN) {
		stack_remove(s, &c->f);
	} else {
		wheel_cancel(s->wheel, &c->f.timer);
		list_del(&c->f.run);
	}
	tcp_queue(s, c, TQ_NONE);
	s->n_tcp--;
	tcp_free(&c->t);
	if (!r) {
		obj_put(&s->o_service, c);
		return;
	}
	fd = r->sf.fd;
	if (fd >= 0) {
		if (r->sf.loop)
			s->io.del(s->io.ctx, &r->sf);
		hostsock_reset(fd);
	}
	obj_put(&s->o_relay, r);
}

void tcp_flow_init(struct stack *s, struct tcp_flow *c, enum flow_kind kind,
		   const struct flow_key *k)
{
	struct tcp_relay *r;

	c->f.ent.key = *k;
	c->f.kind = kind;
	c->mtu_gen = s->mtu_gen;
	tcp_init(&c->t, &s->tctx, &k->out, k->out_port, &k->in, k->in_port);
	if (s->pmtu_used) {
		uint32_t mtu = stack_mtu(s, &k->in);

		if (mtu < s->caps.mtu)
			c->t.pmtu = mtu;
	}
	r = relay_of(c);
	if (!r)
		return;
	tcp_set_nodelay(&c->t); /* the host's own Nagle has decided already */
	r->s = s;
	r->sf.fd = -1;
	r->sf.ready = tcp_relay_ready;
	r->due_us = ENV_NEVER;
}

void tcp_flow_unreachable(struct stack *s, struct tcp_flow *c)
{
	if (c->f.kind != FLOW_PUBLISH || c->t.state != TCPS_SYN_SENT)
		return; /* RFC 1122 4.2.3.9: a soft error */
	s->st.tcp_refused++;
	tcp_flow_free(s,
		      c); /* the client gets a reset, the only word it can hear */
}

/* ---- admission ---- */

enum drop_reason tcp_admit(struct stack *s)
{
	uint32_t max = limit_or(s->snap->max_flows, MAX_FLOWS);
	struct list *l;

	if (s->draining)
		return DROP_FLOW_LIMIT;
	if (s->n_tcp >= max) {
		l = list_first(&s->tq[TQ_TIME_WAIT]);
		if (!l)
			return DROP_FLOW_LIMIT;
		tcp_flow_free(s, container_of(l, struct tcp_flow, q));
	}
	return DROP_NONE;
}

static enum drop_reason admit_half_open(struct stack *s)
{
	uint32_t max = limit_or(s->snap->max_half_open, MAX_HALF_OPEN);
	struct list *l = list_first(&s->tq[TQ_ANSWERED]);
	struct tcp_flow *c;

	if (s->n_tq[TQ_CONNECTING] + s->n_tq[TQ_ANSWERED] < max)
		return DROP_NONE;
	if (!l)
		return DROP_TCP_BACKLOG;
	c = container_of(l, struct tcp_flow, q);
	if (s->env->now_us - c->f.born_us < HALF_AGE_US)
		return DROP_TCP_BACKLOG;
	tcp_flow_free(s, c);
	return DROP_NONE;
}

/* ---- connecting ---- */

/* The SYN is not kept; what an ICMP error quotes of it can be written again. */
static void syn_unreachable(struct stack *s, struct tcp_flow *c, enum icmp_error e)
{
	const struct flow_key *k = &c->f.ent.key;
	struct tcp_hdr h = { .sport = k->in_port,
			     .dport = k->out_port,
			     .seq = c->pos,
			     .flags = TCP_SYN,
			     .wnd = UINT16_MAX };
	struct ip_tx tx = { .src = k->in,
			    .dst = k->out,
			    .proto = IPPROTO_TCP,
			    .ttl = IP_TTL_DEFAULT,
			    .df = true };
	struct gust_pkt *p = pkt_new(s->pool);

	if (!p) {
		drop_count(s->drops, DROP_NO_PKT, 1);
		return;
	}
	p->hlen = p->len = tcp_hdr_build(p->head, &h);
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	ip_push(p, &tx, &s->caps);
	stack_icmp_error(s, p, e, 0, NULL);
	pkt_free(p);
}

/* What became of connect(). Returns true when the flow was freed. */
static bool connect_done(struct stack *s, struct tcp_relay *r, int err)
{
	struct tcp_flow *c = &r->c;
	int e;

	if (err == -EINPROGRESS) {
		if (!r->sf.loop && (err = s->io.add(s->io.ctx, &r->sf)) < 0)
			goto refuse;
		tcp_queue(s, c, TQ_CONNECTING);
		if (s->snap->connect_timeout_us && r->due_us == ENV_NEVER) {
			r->due_us = s->env->now_us + s->snap->connect_timeout_us;
			wheel_arm(s->wheel, &c->f.timer, r->due_us);
		}
		return false;
	}
	r->due_us = ENV_NEVER;
	if (!err) {
		if (!r->sf.loop && (err = s->io.add(s->io.ctx, &r->sf)) < 0)
			goto refuse;
		r->wr = true;
		tcp_queue(s, c, TQ_ANSWERED);
		tcp_accept(&c->t, s->env);
		flow_run(s, &c->f);
		return false;
	}
refuse:
	stack_fd_close(s, &r->sf);
	tcp_queue(s, c, TQ_NONE);
	s->st.tcp_refused++;
	e = err == -ECONNREFUSED || err == -ECONNRESET ?
		    -1 :
		    icmp_error_from_errno(-err);
	if (e >= 0 && stack_own(s, ipaddr_is4(&c->f.ent.key.in))) {
		syn_unreachable(s, c, e);
		tcp_flow_free(s, c);
		return true;
	}
	tcp_abort(&c->t, s->env);
	flow_run(s, &c->f);
	return false;
}

static void connect_host(struct stack *s, struct tcp_relay *r)
{
	int fd = hostsock_tcp(s, &r->host);

	/* Out of descriptors or memory: the inside tries again by itself. */
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
		drop_count(s->drops, DROP_HOST_ERROR, 1);
		tcp_flow_free(s, &r->c);
		return;
	}
	if (fd < 0) {
		connect_done(s, r, fd);
		return;
	}
	r->sf.fd = fd;
	connect_done(s, r, hostsock_connect(fd, &r->host, r->host_port));
}

/* ---- a new connection ---- */

static struct tcp_flow *flow_from_syn(struct stack *s, struct gust_pkt *syn,
				      const struct flow_key *k, enum flow_kind kind,
				      enum drop_reason *ret_why)
{
	struct obj_pool *o = kind == FLOW_RELAY ? &s->o_relay : &s->o_service;
	struct tcp_flow *c = obj_get(o);

	if (!c) {
		*ret_why = DROP_FLOW_LIMIT;
		return NULL;
	}
	tcp_flow_init(s, c, kind, k);
	if (tcp_listen_syn(&c->t, syn, s->env) < 0) {
		*ret_why = DROP_TCP_STATE;
		goto fail;
	}
	if (stack_insert(s, &c->f) < 0) {
		*ret_why = DROP_FLOW_LIMIT;
		goto fail;
	}
	c->pos = get32(syn->head + pkt_l4(syn)->off + 4);
	s->n_tcp++;
	s->st.tcp_opened++;
	return c;
fail:
	tcp_free(&c->t);
	obj_put(o, c);
	return NULL;
}

static void refuse_syn(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct gust_pkt *rst = tcp_reset_for(s->pool, p, &s->caps);

	if (rst)
		stack_push(s, rst);
	s->st.tcp_refused++;
	pkt_free(p);
}

/* A SYN of no flow, its addresses judged. */
void tcp_flow_syn(struct stack *s, struct gust_pkt *p /*taken*/,
		  const struct flow_key *k)
{
	int kind = stack_is_own(s, &k->out) ? service_kind(s, k->out_port) : -1;
	enum drop_reason why;
	struct ipaddr host;
	struct tcp_flow *c;

	if (s->draining || (kind < 0 && stack_map_out(s, &k->out, &host) < 0)) {
		refuse_syn(s, p);
		return;
	}
	why = admit_half_open(s);
	if (why == DROP_NONE)
		why = tcp_admit(s);
	if (why != DROP_NONE) {
		stack_drop(s, p, why);
		return;
	}
	c = flow_from_syn(s, p, k, kind < 0 ? FLOW_RELAY : kind, &why);
	if (!c) {
		stack_drop(s, p, why);
		return;
	}
	pkt_free(p);
	if (kind < 0) {
		struct tcp_relay *r = relay_of(c);

		r->host = host;
		r->host_port = k->out_port;
		connect_host(s, r);
		return;
	}
	c->pos = 0;
	tcp_queue(s, c, TQ_ANSWERED);
	tcp_accept(&c->t, s->env);
	flow_run(s, &c->f);
}

/* ---- running ---- */

void tcp_relay_ready(struct stack_fd *sf, unsigned events)
{
	struct tcp_relay *r = container_of(sf, struct tcp_relay, sf);
	bool idle = r->wr && !(events & (STACK_FD_READ | STACK_FD_ERR));

	if (events & (STACK_FD_READ | STACK_FD_ERR))
		r->rd = true;
	if (events & (STACK_FD_WRITE | STACK_FD_ERR))
		r->wr = true;
	/* The first report after registration says what we know already. */
	if (!idle)
		flow_run(r->s, &r->c.f);
}

void tcp_flow_input(struct stack *s, struct tcp_flow *c,
		    struct gust_pkt *p /*taken*/, const struct flow_key *k)
{
	unsigned ev;

	if (c->t.state == TCPS_CLOSED) {
		struct gust_batch one;

		/* Over, and only waiting to be visited. Round again without it. */
		tcp_flow_visit(s, c);
		gust_batch_init(&one);
		gust_batch_push(&one, p);
		stack_input(s, &one, s->env);
		return;
	}
	if (c->mtu_gen != s->mtu_gen) {
		c->mtu_gen = s->mtu_gen;
		tcp_mtu_changed(&c->t);
	}
	s->moved += p->len;
	/* A reset flushes what was not read: in the network it would come last. */
	if (p->head[pkt_l4(p)->off + 13] & TCP_RST && tcp_readable(&c->t)) {
		struct tcp_relay *r = relay_of(c);

		if (r && c->est && r->sf.fd >= 0)
			tcp_relay_up(s, r);
	}
	ev = tcp_input(&c->t, p, s->env);
	if (ev & TCP_EV_REUSE) {
		/* RFC 6191: the packet is still ours */
		s->tctx.stats.time_wait_reuse++;
		tcp_flow_free(s, c);
		tcp_flow_syn(s, p, k);
		return;
	}
	c->ev |= ev;
	flow_run(s, &c->f);
}

void tcp_flow_timer(struct stack *s, struct tcp_flow *c)
{
	struct tcp_relay *r = relay_of(c);

	if (r && r->due_us <= s->env->now_us && c->where == TQ_CONNECTING) {
		connect_done(s, r, -ETIMEDOUT);
		return;
	}
	if (c->where != TQ_ORPHAN && c->t.state != TCPS_CLOSED &&
	    tcp_deadline(&c->t) <= s->env->now_us)
		c->ev |= tcp_timer(&c->t, s->env);
	flow_run(s, &c->f);
}

static void relay_reset_host(struct stack *s, struct tcp_relay *r)
{
	int fd = r->sf.fd;

	if (fd < 0)
		return;
	if (r->sf.loop)
		s->io.del(s->io.ctx, &r->sf);
	r->sf.fd = -1;
	hostsock_reset(fd);
}

/* The host reset: the inside gets what the host had sent, then a reset. */
static void relay_broken(struct stack *s, struct tcp_relay *r)
{
	struct tcp *t = &r->c.t;

	if (tcp_readable(t))
		tcp_consume(t, tcp_readable(t), s->env);
	if (t->state == TCPS_CLOSED)
		return;
	if (!t->sndq.len || s->env->now_us >= r->due_us || !r->c.est)
		tcp_abort(t, s->env);
}

/* Returns true when the flow was freed. */
static bool relay_work(struct stack *s, struct tcp_relay *r, uint32_t ev)
{
	struct tcp_flow *c = &r->c;

	if (c->where == TQ_CONNECTING) {
		if (c->t.state == TCPS_CLOSED) /* the inside gave up */
			return false;
		if (!r->rd && !r->wr)
			return false;
		r->wr = false;
		if (connect_done(
			    s, r,
			    hostsock_connect(r->sf.fd, &r->host, r->host_port)))
			return true;
		list_del(&c->f.run); /* this is the visit */
		return false;
	}
	if (r->sf.fd >= 0 && !c->est && c->f.kind == FLOW_PUBLISH && r->rd) {
		/* A client that gave up before the inside answered */
		int err = 0;
		socklen_t n = sizeof(err);

		if (!getsockopt(r->sf.fd, SOL_SOCKET, SO_ERROR, &err, &n) && err)
			tcp_relay_broken(s, r);
	}
	if (r->sf.fd >= 0 && (c->est || c->where == TQ_ORPHAN))
		tcp_relay_up(s, r);
	if (ev & (TCP_EV_RESET | TCP_EV_TIMEOUT | TCP_EV_ERROR)) {
		relay_reset_host(s, r);
		return false;
	}
	if (r->sf.fd >= 0 && c->est && c->t.state != TCPS_CLOSED)
		tcp_relay_down(s, r);
	if (r->rst)
		relay_broken(s, r);
	else if (r->rd_eof && r->wr_shut)
		stack_fd_close(s, &r->sf);
	return false;
}

/*
 * The connection is over. Data that the host socket has not yet taken was
 * acknowledged: it still goes out, from an object that the table no longer
 * knows, so that the key is free.
 */
static bool keep_orphan(struct stack *s, struct tcp_relay *r)
{
	if (!r || r->sf.fd < 0 || r->rst || !r->c.est || !tcp_readable(&r->c.t))
		return false;
	if (r->c.where != TQ_ORPHAN) {
		stack_remove(s, &r->c.f);
		tcp_queue(s, &r->c, TQ_ORPHAN);
	}
	return true;
}

static void arm(struct stack *s, struct tcp_flow *c)
{
	struct tcp_relay *r = relay_of(c);
	uint64_t d = c->where == TQ_ORPHAN ? ENV_NEVER : tcp_deadline(&c->t);

	if (r && r->due_us < d)
		d = r->due_us;
	if (c->f.nomem && s->env->now_us + RETRY_US < d)
		d = s->env->now_us + RETRY_US;
	wheel_arm(s->wheel, &c->f.timer, d);
}

static void note_events(struct stack *s, struct tcp_flow *c, uint32_t ev)
{
	struct tcp_relay *r = relay_of(c);

	if (ev & TCP_EV_ESTABLISHED) {
		c->est = true;
		if (c->where == TQ_ANSWERED)
			tcp_queue(s, c, TQ_NONE);
	}
	/* While the host still takes data, it is no mere TIME-WAIT. */
	if (c->t.state != TCPS_TIME_WAIT || c->where != TQ_NONE ||
	    (r && r->sf.fd >= 0))
		return;
	tcp_queue(s, c, TQ_TIME_WAIT);
	if (s->n_tq[TQ_TIME_WAIT] > limit_or(s->snap->max_flows, MAX_FLOWS) / 8 + 1)
		tcp_flow_free(s, container_of(list_first(&s->tq[TQ_TIME_WAIT]),
					      struct tcp_flow, q));
}

void tcp_flow_visit(struct stack *s, struct tcp_flow *c)
{
	struct tcp_relay *r = relay_of(c);
	uint32_t ev = c->ev;

	c->ev = 0;
	list_del(&c->f.run);
	if (c->mtu_gen != s->mtu_gen) {
		c->mtu_gen = s->mtu_gen;
		tcp_mtu_changed(&c->t);
	}
	note_events(s, c, ev);
	if (r) {
		if (relay_work(s, r, ev))
			return;
	} else if (c->est) {
		service_run(s, c);
	}
	tcp_output(&c->t, &s->outq, s->env);
	if (c->t.state == TCPS_TIME_WAIT)
		note_events(s, c, 0);
	if (c->t.state == TCPS_CLOSED && !keep_orphan(s, r)) {
		/* Both sides said FIN: nothing to reset. */
		if (r && r->rd_eof)
			stack_fd_close(s, &r->sf);
		tcp_flow_free(s, c);
		return;
	}
	arm(s, c);
	if (c->f.again)
		flow_run(s, &c->f);
}
