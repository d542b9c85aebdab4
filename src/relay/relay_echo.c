/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_echo.c - ping: answered for own addresses, carried for all others
 *
 * The host is asked through an ICMP datagram socket, or a raw one where only
 * that is permitted; one socket for one inside address, id and destination,
 * connected, so that the kernel sorts the answers. The kernel (or, for a raw
 * socket, we) puts an id of its own on the wire; id, sequence number and
 * payload of the answer are the inside's again. Limits: `max_echo` flows, each
 * for ECHO_TIMEOUT_US after the last request.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/icmp.h"

#define PING_IOV 64
#define PING_READS 64

static bool key_is4(const struct ping_flow *e)
{
	return ipaddr_is4(&e->f.ent.key.in);
}

static void ping_ready(struct stack_fd *sf, unsigned events)
{
	struct ping_flow *e = container_of(sf, struct ping_flow, sf);

	if (!(events & (STACK_FD_READ | STACK_FD_ERR)))
		return;
	e->rd = true;
	flow_run(e->s, &e->f);
}

void ping_flow_free(struct stack *s, struct ping_flow *e)
{
	stack_remove(s, &e->f);
	stack_fd_close(s, &e->sf);
	s->n_echo--;
	obj_put(&s->o_ping, e);
}

void ping_flow_timer(struct stack *s, struct ping_flow *e)
{
	uint64_t at = e->last_us + ECHO_TIMEOUT_US;

	if (at <= s->env->now_us)
		ping_flow_free(s, e);
	else
		wheel_arm(s->wheel, &e->f.timer, at);
}

/* NULL: *ret_err says why, 0 for a limit. */
static struct ping_flow *ping_new(struct stack *s, const struct flow_key *k,
				  int *ret_err)
{
	struct ping_flow *e;
	struct ipaddr host;
	int fd;

	*ret_err = 0;
	if (s->draining || s->n_echo >= limit_or(s->snap->max_echo, MAX_ECHO) ||
	    stack_map_out(s, &k->out, &host) < 0)
		return NULL;
	e = obj_get(&s->o_ping);
	if (!e)
		return NULL;
	fd = hostsock_ping(s, &host, &e->raw);
	if (fd < 0) {
		*ret_err = -fd;
		goto fail;
	}
	e->s = s;
	e->host = host;
	e->host_id = rng_u32(s->env->rng);
	e->sf.fd = fd;
	e->sf.ready = ping_ready;
	e->f.kind = FLOW_PING;
	e->f.ent.key = *k;
	if (s->io.add(s->io.ctx, &e->sf) < 0 || stack_insert(s, &e->f) < 0) {
		stack_fd_close(s, &e->sf);
		goto fail;
	}
	s->n_echo++;
	s->st.echo_opened++;
	wheel_arm(s->wheel, &e->f.timer, s->env->now_us + ECHO_TIMEOUT_US);
	return e;
fail:
	obj_put(&s->o_ping, e);
	return NULL;
}

/* ---- errors ---- */

static void ping_error(struct stack *s, struct ping_flow *e,
		       const struct host_error *he)
{
	const struct flow_key *k = &e->f.ent.key;
	struct ipaddr from;
	struct gust_pkt *p;

	/* The quotation begins with the ICMP header that the host sent. */
	if (he->local || he->e < 0 || he->len < ICMP_HLEN ||
	    !stack_icmp_from(s, he, key_is4(e), &from))
		return;
	p = icmp_echo_new(s->pool, &k->in, &k->out, IP_TTL_DEFAULT, 0, true,
			  k->in_port, get16(he->data + 6), he->data + ICMP_HLEN,
			  he->len - ICMP_HLEN);
	if (!p)
		return;
	stack_icmp_error(s, p, he->e, he->info, &from);
	pkt_free(p);
}

static unsigned ping_errors(struct stack *s, struct ping_flow *e)
{
	struct host_error he;
	unsigned n = 0;

	while (n < PING_READS && !hostsock_error(e->sf.fd, &he)) {
		ping_error(s, e, &he);
		n++;
	}
	return n;
}

/* ---- to the host ---- */

/* A TTL that is no default, one less; and the TOS, all of it (RFC 1349 5.1). */
static void ping_control(struct msghdr *m, uint8_t *ctl, const struct gust_pkt *p,
			 bool is4)
{
	int level = is4 ? IPPROTO_IP : IPPROTO_IPV6;
	struct cmsghdr *c = NULL;
	size_t used = 0;
	int v;

	m->msg_control = ctl;
	m->msg_controllen = 2 * CMSG_SPACE(sizeof(v));
	if ((v = pkt_tos(p))) {
		c = hostsock_cmsg(m, c, level, is4 ? IP_TOS : IPV6_TCLASS, &v,
				  sizeof(v));
		used += CMSG_SPACE(sizeof(v));
	}
	if ((v = pkt_ttl(p)) != IP_TTL_DEFAULT) {
		v--;
		hostsock_cmsg(m, c, level, is4 ? IP_TTL : IPV6_HOPLIMIT, &v,
			      sizeof(v));
		used += CMSG_SPACE(sizeof(v));
	}
	m->msg_controllen = used;
}

static ssize_t ping_send(struct ping_flow *e, const struct gust_pkt *p)
{
	const uint8_t *t = p->head + pkt_l4(p)->off;
	_Alignas(struct cmsghdr) uint8_t ctl[2 * CMSG_SPACE(sizeof(int))] = { 0 };
	uint8_t head[ICMP_HLEN];
	struct icmp_hdr h = { .type = t[0], .rest = get32(t + 4) };
	struct iovec iov[PING_IOV] = { { head, sizeof(head) } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 1 };

	h.rest = (uint32_t)e->host_id << 16 | (h.rest & 0xffff);
	icmp_build(head, &h);
	if (e->raw && key_is4(e)) {
		uint32_t sum = csum_add(0, head, sizeof(head));

		sum = csum_combine(sum, pkt_payload_csum(p, 0, pkt_payload_len(p)),
				   sizeof(head));
		put16(head + 2, csum_fold(sum));
	}
	if (p->nfrag >= PING_IOV)
		return -1;
	for (unsigned i = 0; i < p->nfrag; i++)
		iov[m.msg_iovlen++] =
			(struct iovec){ p->frag[i].p, p->frag[i].len };
	ping_control(&m, ctl, p, key_is4(e));
	return sendmsg(e->sf.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void ping_refused(struct stack *s, struct gust_pkt *p /*taken*/, int err)
{
	int e = icmp_error_from_errno(err);

	if (err == EPERM || err == EACCES || err == EPROTONOSUPPORT ||
	    err == EAFNOSUPPORT) {
		stack_icmp_error(s, p, ICMP_E_ADMIN, 0, NULL);
		stack_drop(s, p, DROP_ECHO_UNAVAIL);
		return;
	}
	if (e >= 0)
		stack_icmp_error(s, p, e, 0, NULL);
	stack_drop(s, p, err ? DROP_HOST_ERROR : DROP_FLOW_LIMIT);
}

static void ping_forward(struct stack *s, struct gust_pkt *p /*taken*/,
			 struct flow_key *k)
{
	struct flow *f = stack_find(s, k);
	struct ping_flow *e = f ? container_of(f, struct ping_flow, f) : NULL;
	int err;

	if (!e)
		e = ping_new(s, k, &err);
	if (!e) {
		ping_refused(s, p, err);
		return;
	}
	e->last_us = s->env->now_us;
	for (int i = 0; i < 2; i++) {
		errno = EMSGSIZE;
		if (ping_send(e, p) >= 0) {
			e->bytes_in += pkt_payload_len(p);
			s->st.host_out_bytes += pkt_payload_len(p);
			pkt_free(p);
			return;
		}
		err = errno;
		/* It may have been about an earlier request. */
		if (!ping_errors(s, e))
			break;
	}
	ping_refused(s, p, err);
}

/* An echo request, its addresses judged. */
void ping_input(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	pkt_addrs(p, &k.in, &k.out, &k.proto);
	k.in_port = get16(p->head + pkt_l4(p)->off + 4);
	if (stack_is_self(s, &k.out)) {
		icmp_echo_reply(p);
		s->st.echo_replies++;
		stack_push(s, p);
	} else if (pkt_ttl(p) <= 1) {
		stack_icmp_error(s, p, ICMP_E_TTL, 0, NULL);
		stack_drop(s, p, DROP_TTL);
	} else {
		ping_forward(s, p, &k);
	}
}

/* ---- from the host ---- */

static void reply_fields(struct msghdr *m, uint8_t *ret_ttl, uint8_t *ret_tos)
{
	int v;

	*ret_ttl = IP_TTL_DEFAULT;
	*ret_tos = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			*ret_tos = *CMSG_DATA(c); /* one byte, unlike the others */
			continue;
		}
		if (c->cmsg_len < CMSG_LEN(sizeof(v)))
			continue;
		memcpy(&v, CMSG_DATA(c), sizeof(v));
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 &&
		     c->cmsg_type == IPV6_HOPLIMIT))
			*ret_ttl = v;
		else if (c->cmsg_level == IPPROTO_IPV6 &&
			 c->cmsg_type == IPV6_TCLASS)
			*ret_tos = v;
	}
}

static void ping_reply(struct stack *s, struct ping_flow *e, const uint8_t *b,
		       size_t n, uint8_t ttl, uint8_t tos)
{
	const struct flow_key *k = &e->f.ent.key;
	struct gust_pkt *p;
	struct icmp_hdr h;

	if (e->raw && key_is4(e)) {
		/* A raw IPv4 socket shows the IP header. */
		size_t ihl = n ? (b[0] & 15) * 4u : 0;

		if (ihl < 20 || ihl > n)
			return;
		b += ihl;
		n -= ihl;
	}
	if (icmp_parse(b, n, &h) < 0 ||
	    h.type != (key_is4(e) ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY) ||
	    (e->raw && h.rest >> 16 != e->host_id))
		return;
	e->bytes_out += n - ICMP_HLEN;
	s->st.host_in_bytes += n - ICMP_HLEN;
	p = icmp_echo_new(s->pool, &k->out, &k->in, ttl, tos, false, k->in_port,
			  h.rest, b + ICMP_HLEN, n - ICMP_HLEN);
	if (p)
		stack_push(s, p);
	else
		drop_count(s->drops, DROP_NO_PKT, 1);
}

static void ping_take(struct stack *s, struct ping_flow *e, struct msghdr *m,
		      size_t n)
{
	uint8_t ttl, tos;

	reply_fields(m, &ttl, &tos);
	ping_reply(s, e, m->msg_iov->iov_base, n, ttl, tos);
}

void ping_flow_visit(struct stack *s, struct ping_flow *e)
{
	for (unsigned i = 0; e->rd; i++) {
		_Alignas(struct cmsghdr) uint8_t ctl[128];
		uint32_t room;
		/* Copied onwards at once: nothing of it is claimed. */
		struct iovec iov = { stack_read_room(s, UDP_READ_MAX, &room),
				     UDP_READ_MAX };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = ctl,
				    .msg_controllen = sizeof(ctl) };
		ssize_t n;

		if (!iov.iov_base) {
			e->f.nomem = true;
			wheel_arm(s->wheel, &e->f.timer, s->env->now_us + RETRY_US);
			return;
		}
		if (i == PING_READS) {
			flow_run(s, &e->f);
			return;
		}
		n = recvmsg(e->sf.fd, &m, MSG_DONTWAIT);
		if (n >= 0)
			ping_take(s, e, &m, n);
		else if (errno == EAGAIN)
			e->rd = false;
		else
			ping_errors(s, e);
	}
}
