/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish.c - published TCP ports: from the host's side to the inside
 *
 * Every worker has a listener on the port (SO_REUSEPORT), and takes what the
 * kernel gives it. The connection to the inside comes from the client's real
 * address and port wherever the inside could answer that; otherwise from an own
 * address. Its key must belong to this worker, since the answers will be
 * steered by it: where the client's own port does not, another is chosen (RFC
 * 6056). The client's data stays in the kernel until the inside has answered;
 * if that refuses, the client is reset.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/stack_internal.h"

#define PORT_TRIES 64 /* for each worker */

static void listener_ready(struct stack_fd *sf, unsigned events)
{
	struct listener *l = container_of(sf, struct listener, sf);

	if (events & (STACK_FD_READ | STACK_FD_ERR) && !list_linked(&l->run))
		list_add_tail(&l->s->acc_run, &l->run);
}

static int listener_open(struct stack *s, const struct stack_publish *p)
{
	struct listener *l = calloc(1, sizeof(*l));
	int fd, r;

	if (!l)
		return -ENOMEM;
	fd = hostsock_listen(s, p);
	if (fd < 0) {
		free(l);
		return fd;
	}
	l->s = s;
	l->conf = *p;
	l->sf.fd = fd;
	l->sf.ready = listener_ready;
	r = s->io.add(s->io.ctx, &l->sf);
	if (r < 0) {
		close(fd);
		free(l);
		return r;
	}
	s->listen[s->n_listen++] = l;
	return 0;
}

int stack_publish(struct stack *s, char *err, size_t err_len)
{
	for (unsigned i = 0; i < s->snap->n_publish; i++) {
		const struct stack_publish *p = &s->snap->publish[i];
		char a[IPADDR_STRLEN];
		int r;

		if (p->proto == IPPROTO_TCP)
			r = listener_open(s, p);
		else
			r = publish_udp_open(s, p);
		if (r < 0) {
			snprintf(err, err_len, "cannot listen on %s %s port %u: %s",
				 p->proto == IPPROTO_TCP ? "TCP" : "UDP",
				 ipaddr_str(&p->listen, a), p->listen_port,
				 strerror(-r));
			return r;
		}
	}
	return 0;
}

void publish_close(struct stack *s)
{
	while (s->n_listen) {
		struct listener *l = s->listen[--s->n_listen];

		list_del(&l->run);
		stack_fd_close(s, &l->sf);
		free(l);
	}
}

/* Whom the inside believes to talk to. */
static int pick_key(struct stack *s, const struct stack_publish *p,
		    const struct ipaddr *remote, uint16_t rport, struct flow_key *k)
{
	bool real;

	memset(k, 0, sizeof(*k));
	k->in = p->to;
	k->in_port = p->to_port;
	k->proto = IPPROTO_TCP;
	if (!stack_map_in(s, remote, ipaddr_is4(&p->to), &k->out))
		return -EADDRNOTAVAIL;
	real = ipaddr_eq(&k->out, remote);
	for (unsigned i = 0; i < PORT_TRIES * s->nworkers; i++) {
		uint32_t h;

		k->out_port =
			real && !i ? rport :
				     tcp_port_candidate(&s->secret, &k->out, &k->in,
							k->in_port, s->port_tries++,
							PORT_LO, PORT_HI);
		h = flow_table_hash(s->tab, k);
		if (flow_owner(h, s->nworkers) == s->worker &&
		    !flow_table_find(s->tab, k, h))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

static void publish_one(struct stack *s, const struct stack_publish *p, int fd,
			const struct ipaddr *remote, uint16_t rport)
{
	enum drop_reason why = tcp_admit(s);
	struct tcp_relay *r = NULL;
	struct flow_key k;

	if (why == DROP_NONE &&
	    (pick_key(s, p, remote, rport, &k) < 0 || !(r = obj_get(&s->o_relay))))
		why = DROP_FLOW_LIMIT;
	if (why != DROP_NONE)
		goto refuse;
	tcp_flow_init(s, &r->c, FLOW_PUBLISH, &k);
	r->sf.fd = fd;
	r->host = *remote;
	r->host_port = rport;
	r->wr = true;
	if (stack_insert(s, &r->c.f) < 0) {
		tcp_free(&r->c.t);
		obj_put(&s->o_relay, r);
		why = DROP_FLOW_LIMIT;
		goto refuse;
	}
	s->n_tcp++;
	s->st.tcp_opened++;
	if (s->io.add(s->io.ctx, &r->sf) < 0) {
		tcp_flow_free(s, &r->c);
		return;
	}
	tcp_connect(&r->c.t, s->env);
	flow_run(s, &r->c.f);
	return;
refuse:
	drop_count(s->drops, why, 1);
	hostsock_reset(fd);
}

/* Returns true when more may wait. */
static bool accept_some(struct stack *s, struct listener *l)
{
	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		struct ipaddr a;
		uint16_t port = 0;
		int fd = accept4(l->sf.fd, (struct sockaddr *)&ss, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno == EAGAIN)
			return false;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE ||
			       errno == ENOBUFS || errno == ENOMEM)) {
			s->retry_us = s->env->now_us + RETRY_US;
			return true;
		}
		if (fd < 0)
			continue; /* that client is gone again */
		if (ipaddr_from_sockaddr((struct sockaddr *)&ss, &a, &port))
			publish_one(s, &l->conf, fd, &a, port);
		else
			close(fd);
	}
	return true;
}

void publish_accept(struct stack *s)
{
	struct list now, *l;

	list_init(&now);
	list_splice_tail(&now, &s->acc_run);
	while ((l = list_first(&now))) {
		list_del(l);
		if (accept_some(s, container_of(l, struct listener, run)))
			list_add_tail(&s->acc_run, l);
	}
}
