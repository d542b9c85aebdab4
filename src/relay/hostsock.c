/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostsock.c - host sockets, as the configuration wants them
 *
 * Mark, device and source address keep a default route through our own
 * interface from looping back into us; they are for the outside only, since a
 * socket bound to a device does not reach the loopback. A mark or device that
 * cannot be set is an error, because the loop would be worse.
 */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "relay/stack_internal.h"
#include "wire/icmp.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define UDP_BUF (4 << 20)

static int set_int(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v)) < 0 ? -errno : 0;
}

static int sock_outside(const struct stack_snap *c, int fd, bool is4)
{
	const struct ipaddr *src = is4 ? &c->source4 : &c->source6;
	struct sockaddr_storage ss;
	socklen_t n;

	if (c->mark &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &c->mark, sizeof(c->mark)) < 0)
		return -errno;
	if (c->device[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->device,
				       strnlen(c->device, sizeof(c->device))) < 0)
		return -errno;
	if (ipaddr_is_any(src))
		return 0;
	/* No port yet: with one it could not be shared between destinations. */
	set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	n = ipaddr_to_sockaddr(src, 0, &ss);
	return bind(fd, (struct sockaddr *)&ss, n) < 0 ? -errno : 0;
}

/* Of a connected socket, or of a listener, whose connections inherit them. */
static void stream_options(struct stack *s, int fd)
{
	const struct stack_snap *c = s->snap;

	/* The inside's own Nagle has decided already. */
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/* Urgent data travels in line (RFC 6093), on both sides. */
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (c->tcp.keep_idle_us)
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	/* A preference: where the system does not allow it, its default stays. */
	if (c->congestion[0] &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, c->congestion,
		       strnlen(c->congestion, sizeof(c->congestion))) < 0)
		s->st.cc_refused = 1;
}

int hostsock_tcp(struct stack *s, const struct ipaddr *host)
{
	const struct stack_snap *c = s->snap;
	bool is4 = ipaddr_is4(host);
	int fd = socket(is4 ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (!ipaddr_is_loopback(host) && (r = sock_outside(c, fd, is4)) < 0) {
		close(fd);
		return r;
	}
	stream_options(s, fd);
	return fd;
}

/* A superpacket takes over 64 KB of it at once; the default holds six. */
static void udp_buffers(struct stack *s, int fd)
{
	if (!s->buf_force_no &&
	    set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUF) < 0)
		s->buf_force_no = true;
	if (!s->buf_force_no) {
		set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUF);
		return;
	}
	set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUF);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUF);
}

int hostsock_udp(struct stack *s, bool is4, bool loopback)
{
	int fd = socket(is4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (!loopback && (r = sock_outside(s->snap, fd, is4)) < 0) {
		close(fd);
		return r;
	}
	/* Each of these only improves the service. */
	if (is4) {
		set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
		set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
	} else {
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	}
	set_int(fd, SOL_UDP, UDP_GRO, 1);
	udp_buffers(s, fd);
	return fd;
}

/* A raw socket hears every ICMP message of the host: let echo replies pass. */
static void raw_filter(int fd, bool is4)
{
	uint32_t m4 = ~(UINT32_C(1) << ICMP4_ECHO_REPLY);
	struct icmp6_filter {
		uint32_t data[8];
	} m6;

	if (is4) {
		setsockopt(fd, SOL_RAW, 1 /* ICMP_FILTER */, &m4, sizeof(m4));
		return;
	}
	memset(&m6, 0xff, sizeof(m6));
	m6.data[ICMP6_ECHO_REPLY >> 5] &= ~(UINT32_C(1) << (ICMP6_ECHO_REPLY & 31));
	setsockopt(fd, IPPROTO_ICMPV6, 1 /* ICMPV6_FILTER */, &m6, sizeof(m6));
}

int hostsock_ping(struct stack *s, const struct ipaddr *host, bool *ret_raw)
{
	bool is4 = ipaddr_is4(host), raw = false;
	int af = is4 ? AF_INET : AF_INET6,
	    proto = is4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_storage ss;
	socklen_t n = ipaddr_to_sockaddr(host, 0, &ss);
	int r = 0, fd = socket(af, SOCK_DGRAM | flags, proto);

	if (fd < 0) {
		raw = true;
		fd = socket(af, SOCK_RAW | flags, proto);
	}
	if (fd < 0)
		return -errno;
	if (raw)
		raw_filter(fd, is4);
	if (!ipaddr_is_loopback(host))
		r = sock_outside(s->snap, fd, is4);
	if (is4) {
		set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
		set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
		set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
	} else {
		set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	}
	if (!r && connect(fd, (struct sockaddr *)&ss, n) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_raw = raw;
	return fd;
}

int hostsock_listen(struct stack *s, const struct stack_publish *p)
{
	bool is4 = ipaddr_is4(&p->listen), tcp = p->proto == IPPROTO_TCP;
	int type = tcp ? SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC : 0;
	struct sockaddr_storage ss;
	socklen_t n = ipaddr_to_sockaddr(&p->listen, p->listen_port, &ss);
	int r = 0, fd = tcp ? socket(is4 ? AF_INET : AF_INET6, type, 0) :
			      hostsock_udp(s, is4, true);

	if (fd < 0)
		return tcp ? -errno : fd;
	if (!is4)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (tcp) {
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		r = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		stream_options(s, fd);
	}
	if (!r && p->device[0] &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p->device,
		       strnlen(p->device, sizeof(p->device))) < 0)
		r = -errno;
	if (!r && bind(fd, (struct sockaddr *)&ss, n) < 0)
		r = -errno;
	if (!r && tcp && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

struct cmsghdr *hostsock_cmsg(struct msghdr *m, struct cmsghdr *c, int level,
			      int type, const void *v, size_t len)
{
	c = c ? CMSG_NXTHDR(m, c) : CMSG_FIRSTHDR(m);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), v, len);
	return c;
}

/*
 * A connect() to an address of this machine ends before the call returns, but
 * reports EINPROGRESS all the same, since the answer waited for the socket's
 * lock. Asking a second time tells; so a connection to a local server is
 * answered in the turn in which its SYN came.
 */
int hostsock_connect(int fd, const struct ipaddr *host, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t n = ipaddr_to_sockaddr(host, port, &ss);

	for (int i = 0; i < 2; i++) {
		if (!connect(fd, (struct sockaddr *)&ss, n) || errno == EISCONN)
			return 0;
		if (errno == EALREADY)
			return -EINPROGRESS;
		if (errno != EINPROGRESS && errno != EINTR)
			return -errno;
	}
	return -EINPROGRESS;
}

void hostsock_reset(int fd)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

static int error4(const struct sock_extended_err *ee)
{
	if (ee->ee_type == ICMP4_TIME_EXCEEDED)
		return ee->ee_code ? ICMP_E_REASM_TIME : ICMP_E_TTL;
	if (ee->ee_type == ICMP4_PARAM_PROBLEM)
		return ICMP_E_PARAM;
	if (ee->ee_type != ICMP4_UNREACH)
		return -1;
	switch (ee->ee_code) {
	case ICMP4_UNREACH_NET:
	case ICMP_NET_UNKNOWN:
	case ICMP_NET_UNR_TOS:
		return ICMP_E_NET_UNREACH;
	case ICMP4_UNREACH_PROTO:
		return ICMP_E_PROTO_UNREACH;
	case ICMP4_UNREACH_PORT:
		return ICMP_E_PORT_UNREACH;
	case ICMP4_UNREACH_FRAG_NEEDED:
		return ICMP_E_TOO_BIG;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP4_UNREACH_ADMIN:
		return ICMP_E_ADMIN;
	}
	return ICMP_E_HOST_UNREACH;
}

static int error6(const struct sock_extended_err *ee)
{
	switch (ee->ee_type) {
	case ICMP6_TOO_BIG:
		return ICMP_E_TOO_BIG;
	case ICMP6_TIME_EXCEEDED:
		return ee->ee_code ? ICMP_E_REASM_TIME : ICMP_E_TTL;
	case ICMP6_PARAM_PROBLEM:
		return ICMP_E_PARAM;
	case ICMP6_UNREACH:
		break;
	default:
		return -1;
	}
	switch (ee->ee_code) {
	case ICMP6_UNREACH_NO_ROUTE:
		return ICMP_E_NET_UNREACH;
	case ICMP6_UNREACH_ADMIN:
		return ICMP_E_ADMIN;
	case ICMP6_UNREACH_PORT:
		return ICMP_E_PORT_UNREACH;
	}
	return ICMP_E_HOST_UNREACH;
}

static void error_fill(struct host_error *he, const struct sock_extended_err *ee,
		       const struct sockaddr *offender)
{
	struct ipaddr a;

	he->info = ee->ee_info;
	switch (ee->ee_origin) {
	case SO_EE_ORIGIN_ICMP:
		he->e = error4(ee);
		break;
	case SO_EE_ORIGIN_ICMP6:
		he->e = error6(ee);
		break;
	default:
		he->local = true;
		he->e = ee->ee_errno == EMSGSIZE ?
				ICMP_E_TOO_BIG :
				icmp_error_from_errno(ee->ee_errno);
		return;
	}
	if (offender->sa_family != AF_UNSPEC &&
	    ipaddr_from_sockaddr(offender, &a, &(uint16_t){ 0 }))
		he->from = a;
}

int hostsock_error(int fd, struct host_error *ret)
{
	struct sockaddr_storage name = { 0 };
	_Alignas(struct cmsghdr) uint8_t ctl[512];
	struct iovec iov = { ret->data, sizeof(ret->data) };
	struct msghdr m = { .msg_name = &name,
			    .msg_namelen = sizeof(name),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (n < 0)
		return -EAGAIN;
	ret->e = -1;
	ret->local = false;
	ret->info = 0;
	ret->len = n;
	ret->dst_port = 0;
	memset(&ret->dst, 0, sizeof(ret->dst));
	memset(&ret->from, 0, sizeof(ret->from));
	if (m.msg_namelen)
		ipaddr_from_sockaddr((struct sockaddr *)&name, &ret->dst,
				     &ret->dst_port);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err ee;
		struct sockaddr_storage off = { 0 };
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		if (len < sizeof(ee))
			continue;
		memcpy(&ee, CMSG_DATA(c), sizeof(ee));
		len -= sizeof(ee);
		memcpy(&off, CMSG_DATA(c) + sizeof(ee),
		       len < sizeof(off) ? len : sizeof(off));
		error_fill(ret, &ee, (struct sockaddr *)&off);
	}
	return 0;
}
