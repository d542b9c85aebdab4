/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_error.c - what came of datagrams: ICMP errors and the path's MTU
 *
 * With IP_RECVERR the kernel keeps each ICMP error about a datagram of ours in the
 * socket's error queue, marks the socket with it, and lets the next call fail once,
 * whichever it is. As long as the queue is not empty the socket polls as readable,
 * so it is emptied as soon as such a call has failed.
 */
#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "port/udp_internal.h"

/* Errors read in one go, so that whoever sends many does not keep us here. */
#define READ_MAX 64

socklen_t udp_sockaddr(const struct udp_port *t, const struct ipaddr *a,
		       uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;

	if (t->family == AF_INET)
		return ipaddr_to_sockaddr(a, port, ret);
	memset(sin6, 0, sizeof(*sin6));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, a->b, sizeof(a->b)); /* v4-mapped stays so */
	return sizeof(*sin6);
}

bool udp_addr_of(const struct sockaddr_storage *ss, struct ipaddr *ret,
		 uint16_t *ret_port)
{
	return ipaddr_from_sockaddr((const struct sockaddr *)ss, ret, ret_port) !=
	       0;
}

void udp_error_push(struct udp_queue *q, const struct udp_error *e)
{
	unsigned i = (q->first_err + q->nerr) % UDP_ERRORS_MAX;

	q->err[i] = *e;
	if (q->nerr < UDP_ERRORS_MAX)
		q->nerr++;
	else /* the oldest gave way */
		q->first_err = (q->first_err + 1) % UDP_ERRORS_MAX;
}

struct udp_error *udp_error_last(struct udp_queue *q)
{
	return &q->err[(q->first_err + q->nerr + UDP_ERRORS_MAX - 1) %
		       UDP_ERRORS_MAX];
}

bool udp_error_next(struct port *port, unsigned qi, struct udp_error *ret_error)
{
	struct udp_queue *q = &((struct udp_port *)port)->q[qi];

	if (!q->nerr)
		return false;
	*ret_error = q->err[q->first_err];
	q->first_err = (q->first_err + 1) % UDP_ERRORS_MAX;
	q->nerr--;
	return true;
}

/* Who says so: behind the extended error. */
static void offender(const struct sock_extended_err *ee, size_t len,
		     struct ipaddr *ret)
{
	const struct sockaddr *sa = SO_EE_OFFENDER(ee);
	struct sockaddr_storage ss = { 0 };
	uint16_t port;
	size_t left = len > sizeof(*ee) ? len - sizeof(*ee) : 0;

	memcpy(&ss, sa, left < sizeof(ss) ? left : sizeof(ss));
	udp_addr_of(&ss, ret, &port);
}

static bool parse_error(struct msghdr *m, struct udp_error *ret)
{
	struct sock_extended_err ee;
	struct udp_error e = { 0 };
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
			break;
	if (!c || c->cmsg_len < CMSG_LEN(sizeof(ee)))
		return false;
	memcpy(&ee, CMSG_DATA(c), sizeof(ee));
	e.err = (int)ee.ee_errno;
	if (e.err == EMSGSIZE)
		e.mtu = ee.ee_info;
	if (ee.ee_origin == SO_EE_ORIGIN_ICMP ||
	    ee.ee_origin == SO_EE_ORIGIN_ICMP6) {
		e.icmp_type = ee.ee_type;
		e.icmp_code = ee.ee_code;
		offender((const struct sock_extended_err *)CMSG_DATA(c),
			 c->cmsg_len - CMSG_LEN(0), &e.from);
	}
	if (m->msg_namelen)
		udp_addr_of(m->msg_name, &e.dst, &e.dport);
	*ret = e;
	return true;
}

unsigned udp_errors_read(struct udp_queue *q)
{
	unsigned n;

	for (n = 0; n < READ_MAX; n++) {
		struct sockaddr_storage to = { 0 };
		_Alignas(struct cmsghdr) uint8_t ctl[512];
		uint8_t quoted[1]; /* of the datagram; not needed */
		struct iovec iov = { quoted, sizeof(quoted) };
		struct msghdr m = { .msg_name = &to,
				    .msg_namelen = sizeof(to),
				    .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = ctl,
				    .msg_controllen = sizeof(ctl) };
		struct udp_error e;

		if (recvmsg(q->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		if (parse_error(&m, &e))
			udp_error_push(q, &e);
	}
	return n;
}

int udp_path_mtu(const struct port *port, const struct ipaddr *dst,
		 uint32_t *ret_mtu)
{
	const struct udp_port *t = (const struct udp_port *)port;
	bool v4 = ipaddr_is4(dst);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(int);
	int mtu = 0, r;

	if (v4 ? !t->v4 : !t->v6)
		return -EAFNOSUPPORT;
	/* which sends nothing; any port will do */
	if (connect(t->probe_fd, (struct sockaddr *)&ss,
		    udp_sockaddr(t, dst, 9, &ss)) < 0)
		return -errno;
	r = getsockopt(t->probe_fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_MTU : IPV6_MTU,
		       &mtu, &len) ?
		    -errno :
		    0;
	/* a socket that is connected by one family does not change to the other */
	connect(t->probe_fd, &none, sizeof(none));
	if (r < 0)
		return r;
	*ret_mtu = (uint32_t)mtu;
	return 0;
}
