/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish_udp.c - published UDP ports
 *
 * One socket a port, and each remote is a flow of its own, so that the inside
 * sees distinct peers; what it answers to such a peer leaves by the published
 * socket. Datagrams of the inside are steered by its address and port alone,
 * hence only the worker that owns those opens the socket.
 *
 * A remote that the inside could not answer (the host's own addresses) is seen
 * as an own address with its own port, or, where that is taken, with the first
 * free one of a sequence that depends on the port published: no second index is
 * needed to find it again.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/stack_internal.h"

#define REMOTE_TRIES 64

static struct flow_key full_key(const struct stack_publish *p,
				const struct ipaddr *out, uint16_t port)
{
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	k.in = p->to;
	k.in_port = p->to_port;
	k.out = *out;
	k.out_port = port;
	k.proto = IPPROTO_UDP;
	return k;
}

int publish_udp_open(struct stack *s, const struct stack_publish *p)
{
	struct ipaddr zero = { 0 };
	struct flow_key k = full_key(p, &zero, 0);
	struct udp_publish *pub;
	int fd, r;

	if (flow_owner(flow_table_hash(s->tab, &k), s->nworkers) != s->worker)
		return 0;
	pub = calloc(1, sizeof(*pub));
	if (!pub)
		return -ENOMEM;
	fd = hostsock_listen(s, p);
	if (fd < 0) {
		free(pub);
		return fd;
	}
	pub->conf = *p;
	list_init(&pub->flows);
	pub->us.s = s;
	pub->us.pub = pub;
	pub->us.wr = true;
	pub->us.df = -1;
	pub->us.sf.fd = fd;
	pub->us.sf.ready = udp_sock_ready;
	r = s->io.add(s->io.ctx, &pub->us.sf);
	if (r < 0) {
		close(fd);
		free(pub);
		return r;
	}
	s->pub[s->n_pub++] = pub;
	return 0;
}

/* After its flows are gone. */
void publish_udp_close(struct stack *s)
{
	while (s->n_pub) {
		struct udp_publish *pub = s->pub[--s->n_pub];

		list_del(&pub->run);
		stack_fd_close(s, &pub->us.sf);
		free(pub);
	}
}

static struct udp_flow *flow_of(struct stack *s, const struct flow_key *k)
{
	struct flow *f = stack_find(s, k);

	return f && f->kind == FLOW_UDP_PUBLISH ?
		       container_of(f, struct udp_flow, f) :
		       NULL;
}

static struct udp_flow *make_flow(struct stack *s, struct udp_publish *pub,
				  const struct flow_key *k,
				  const struct ipaddr *remote, uint16_t port,
				  enum drop_reason *ret_why)
{
	struct udp_flow *u = udp_flow_new(s, k, pub, ret_why);
	struct sockaddr_storage ss;

	if (!u)
		return NULL;
	u->to = k->out;
	u->to_port = port;
	u->to_host = *remote;
	u->sa_len = ipaddr_to_sockaddr(remote, port, &ss);
	memcpy(&u->sa, &ss, u->sa_len);
	return u;
}

struct udp_flow *publish_udp_flow(struct stack *s, struct udp_publish *pub,
				  const struct ipaddr *remote, uint16_t port,
				  bool make, enum drop_reason *ret_why)
{
	const struct stack_publish *p = &pub->conf;
	struct ipaddr seen;

	*ret_why = DROP_FLOW_LIMIT;
	if (!stack_map_in(s, remote, ipaddr_is4(&p->to), &seen))
		return NULL;
	for (uint32_t i = 0; i < REMOTE_TRIES; i++) {
		uint16_t sport =
			!i ? port :
			     tcp_port_candidate(&s->secret, &seen, &p->to,
						p->to_port, i, PORT_LO, PORT_HI);
		struct flow_key k = full_key(p, &seen, sport);
		struct udp_flow *u = flow_of(s, &k);

		if (!u)
			return make ? make_flow(s, pub, &k, remote, port, ret_why) :
				      NULL;
		if (u->to_port == port && ipaddr_eq(&u->to_host, remote))
			return u;
	}
	return NULL;
}

struct udp_flow *publish_udp_find(struct stack *s, const struct flow_key *k,
				  const struct ipaddr *dst, uint16_t dport)
{
	for (unsigned i = 0; i < s->n_pub; i++) {
		const struct stack_publish *p = &s->pub[i]->conf;
		struct flow_key full;

		if (p->to_port != k->in_port || !ipaddr_eq(&p->to, &k->in))
			continue;
		full = full_key(p, dst, dport);
		return flow_of(s, &full);
	}
	return NULL;
}

void publish_udp_run(struct stack *s)
{
	struct list now, *l;

	list_init(&now);
	list_splice_tail(&now, &s->pub_run);
	while ((l = list_first(&now))) {
		struct udp_publish *pub = container_of(l, struct udp_publish, run);

		list_del(l);
		if (pub->us.wr)
			list_for_each (it, &pub->flows) {
				struct udp_flow *u =
					container_of(it, struct udp_flow, pub_link);

				if (u->txq.n)
					flow_run(s, &u->f);
			}
		if (pub->us.rd && udp_recv(s, &pub->us))
			list_add_tail(&s->pub_run, l);
	}
}
