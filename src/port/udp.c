/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp.c - a UDP socket of the kernel as a tunnel's underlay
 *
 * One socket a queue, all bound alike. The family of the local address decides what
 * they speak: IPv4, IPv6, or both when it is `::` (an IPv6 socket that is not
 * V6ONLY; IPv4 addresses appear as ::ffff:a.b.c.d, and the options of both levels
 * apply). Everything is set before bind(), so that no datagram arrives without what
 * tells its address, TTL and TOS.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "port/open_internal.h"
#include "port/udp_internal.h"

#define QUEUES_MAX 256
#define BUF_LEN (UINT32_C(4) << 20)
#define LEN16_MAX 65535

static int fd_of(const struct port *port, unsigned q)
{
	return ((const struct udp_port *)port)->q[q].fd;
}

static void udp_close(struct port *port)
{
	struct udp_port *t = (struct udp_port *)port;

	if (!t)
		return;
	for (unsigned i = 0; i < t->port.nqueues; i++) {
		if (t->q[i].fd >= 0)
			close(t->q[i].fd);
		fill_free(&t->q[i].fill);
	}
	if (t->probe_fd >= 0)
		close(t->probe_fd);
	free(t->port.pool);
	free(t);
}

static const struct port_ops udp_ops = {
	.kind = "udp",
	.rx = udp_rx,
	.tx = udp_tx,
	.fd = fd_of,
	.close = udp_close,
};

/* ---- one socket ---- */

struct sockopt {
	int level, opt, val;
	const char *name;
};

static int set_all(int fd, const struct sockopt *o, unsigned n,
		   const struct errbuf *e)
{
	for (unsigned i = 0; i < n; i++)
		if (setsockopt(fd, o[i].level, o[i].opt, &o[i].val,
			       sizeof(o[i].val)) < 0)
			return fail(e, -errno, "UDP socket: %s: %s", o[i].name,
				    strerror(errno));
	return 0;
}

#define OPT(level, opt, val)                                                       \
	{                                                                          \
		level, opt, val, #opt                                              \
	}

static int set_options(const struct udp_port *t, int fd, const struct errbuf *e)
{
	static const struct sockopt v4[] = {
		OPT(SOL_IP, IP_PKTINFO, 1),
		OPT(SOL_IP, IP_RECVTOS, 1),
		OPT(SOL_IP, IP_RECVTTL, 1),
		OPT(SOL_IP, IP_RECVERR, 1),
		OPT(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO),
	};
	static const struct sockopt v6[] = {
		OPT(SOL_IPV6, IPV6_RECVPKTINFO, 1),
		OPT(SOL_IPV6, IPV6_RECVTCLASS, 1),
		OPT(SOL_IPV6, IPV6_RECVHOPLIMIT, 1),
		OPT(SOL_IPV6, IPV6_RECVERR, 1),
		OPT(SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO),
	};
	struct sockopt only = OPT(SOL_IPV6, IPV6_V6ONLY, !t->v4);
	struct sockopt reuse = OPT(SOL_SOCKET, SO_REUSEPORT, 1);
	int r = 0;

	if (t->port.nqueues > 1)
		r = set_all(fd, &reuse, 1, e);
	if (r == 0 && t->family == AF_INET6)
		r = set_all(fd, &only, 1, e);
	if (r == 0 && t->v4)
		r = set_all(fd, v4, sizeof(v4) / sizeof(v4[0]), e);
	if (r == 0 && t->v6)
		r = set_all(fd, v6, sizeof(v6) / sizeof(v6[0]), e);
	return r;
}

static int bind_to(struct udp_port *t, int fd, uint16_t port,
		   const struct errbuf *e)
{
	struct sockaddr_storage ss;
	socklen_t len = udp_sockaddr(t, &t->local, port, &ss);
	char s[IPADDR_STRLEN];
	int r;

	if (!bind(fd, (struct sockaddr *)&ss, len))
		return 0;
	r = -errno;
	ipaddr_str(&t->local, s);
	if (r == -EADDRNOTAVAIL)
		return fail(e, r,
			    "bind to %s: %s: not an address of this host: add it "
			    "to an interface, or use 0.0.0.0 or ::",
			    s, strerror(-r));
	if (r == -EADDRINUSE)
		return fail(e, r,
			    "bind to %s port %u: %s: another socket has it: the "
			    "kernel's own tunnel of that port, or a second "
			    "daemon: choose another port",
			    s, port, strerror(-r));
	if (r == -EACCES)
		return fail(e, r,
			    "bind to port %u: %s: ports below 1024 need "
			    "CAP_NET_BIND_SERVICE",
			    port, strerror(-r));
	return fail(e, r, "bind to %s port %u: %s", s, port, strerror(-r));
}

static int open_socket(struct udp_port *t, const struct udp_port_conf *c,
		       int *ret_fd, const struct errbuf *e)
{
	int fd = socket(t->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(e, -errno, "UDP socket: %s", strerror(errno));
	*ret_fd = fd;
	port_socket_buffers(fd, c->rcvbuf ? c->rcvbuf : BUF_LEN,
			    c->sndbuf ? c->sndbuf : BUF_LEN);
	return set_options(t, fd, e);
}

/* The socket's own values: what need not be said with each datagram. */
static uint8_t own_value(int fd, int level, int opt)
{
	int v = 0;
	socklen_t len = sizeof(v);

	getsockopt(fd, level, opt, &v, &len);
	return (uint8_t)v;
}

static void learn(struct udp_port *t, struct udp_port_info *info)
{
	int fd = t->q[0].fd, v = 1;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ipaddr a;

	if (t->v4) {
		t->ttl4 = own_value(fd, SOL_IP, IP_TTL);
		t->tos4 = own_value(fd, SOL_IP, IP_TOS);
	}
	if (t->v6) {
		t->ttl6 = own_value(fd, SOL_IPV6, IPV6_UNICAST_HOPS);
		t->tos6 = own_value(fd, SOL_IPV6, IPV6_TCLASS);
	}
	if (!getsockname(fd, (struct sockaddr *)&ss, &len))
		udp_addr_of(&ss, &a, &t->lport);
	len = sizeof(v);
	t->gso = !getsockopt(fd, SOL_UDP, UDP_SEGMENT, &v, &len);
	info->port = t->lport;
	info->rcvbuf = port_socket_rcvbuf(fd);
}

static int open_queue(struct udp_port *t, unsigned i, const struct udp_port_conf *c,
		      struct udp_port_info *info, const struct errbuf *e)
{
	int r = open_socket(t, c, &t->q[i].fd, e), one = 1;

	t->q[i].df = true; /* IP_PMTUDISC_DO */
	if (r < 0)
		return r;
	info->gro = !setsockopt(t->q[i].fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	r = bind_to(t, t->q[i].fd, i ? t->lport : c->port, e);
	if (r == 0 && !i)
		learn(t, info);
	return r;
}

/* ---- the port ---- */

/* What the namespace is entered for. */
struct opening {
	struct udp_port *t;
	const struct udp_port_conf *c;
	struct udp_port_info *info;
	const struct errbuf *e;
};

/* Where there is no IPv6, `::` means IPv4 alone. */
static void choose_family(struct udp_port *t, const struct udp_port_conf *c)
{
	static const uint8_t zero[4];
	int fd;

	t->local = c->local;
	t->v4 = ipaddr_is4(&c->local) || ipaddr_is_any(&c->local);
	t->v6 = !ipaddr_is4(&c->local);
	if (t->v4 && t->v6) {
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= 0)
			close(fd);
		else if (errno == EAFNOSUPPORT)
			t->v6 = false;
		if (!t->v6)
			t->local = ipaddr_from4(zero);
	}
	t->family = t->v6 ? AF_INET6 : AF_INET;
}

static int open_there(void *arg)
{
	struct opening *o = arg;
	struct udp_port *t = o->t;
	int r = 0;

	choose_family(t, o->c);
	for (unsigned i = 0; r == 0 && i < o->c->nqueues; i++)
		r = open_queue(t, i, o->c, o->info, o->e);
	if (r == 0)
		r = open_socket(t, o->c, &t->probe_fd, o->e);
	if (r == 0)
		r = bind_to(t, t->probe_fd, 0, o->e);
	return r;
}

static int port_alloc(const struct udp_port_conf *c, struct pkt_pool **pool,
		      struct udp_port **ret_t)
{
	struct udp_port *t;
	size_t len = sizeof(*t) + c->nqueues * sizeof(t->q[0]);

	t = aligned_alloc(_Alignof(struct udp_port), len);
	if (!t)
		return -ENOMEM;
	memset(t, 0, len);
	t->port.ops = &udp_ops;
	t->port.nqueues = c->nqueues;
	t->probe_fd = -1;
	for (unsigned i = 0; i < c->nqueues; i++)
		t->q[i].fd = -1;
	t->port.pool = calloc(c->nqueues, sizeof(*pool));
	if (!t->port.pool)
		goto nomem;
	memcpy(t->port.pool, pool, c->nqueues * sizeof(*pool));
	for (unsigned i = 0; i < c->nqueues; i++)
		if (fill_init(&t->q[i].fill, UDP_FRONT + UDP_READ_MAX))
			goto nomem;
	*ret_t = t;
	return 0;
nomem:
	udp_close(&t->port);
	return -ENOMEM;
}

int udp_open(const struct udp_port_conf *conf, struct pkt_pool **pool,
	     struct port **ret_port, struct udp_port_info *ret_info, char *err,
	     size_t err_len)
{
	struct errbuf e = { err, err_len };
	struct udp_port_info info = { 0 };
	struct udp_port *t = NULL;
	int r;

	if (!conf->nqueues || conf->nqueues > QUEUES_MAX)
		return fail(&e, -EINVAL,
			    "UDP port: %u queues: 1 to %d are possible",
			    conf->nqueues, QUEUES_MAX);
	r = port_alloc(conf, pool, &t);
	if (r < 0)
		return fail(&e, r, "UDP port: out of memory");
	r = port_in_netns(conf->netns, open_there,
			  &(struct opening){ t, conf, &info, &e }, &e);
	if (r < 0) {
		udp_close(&t->port);
		return r;
	}
	*ret_port = &t->port;
	*ret_info = info;
	return 0;
}

void udp_caps(const struct port *port, uint32_t mtu, struct port_caps *ret_caps)
{
	const struct udp_port *t = (const struct udp_port *)port;

	if (!mtu || mtu > LEN16_MAX)
		mtu = LEN16_MAX;
	*ret_caps = (struct port_caps){
		.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG),
		.mtu = mtu,
		.gso_max4 = mtu,
		.gso_max6 = mtu,
		.gso_max_udp = mtu,
	};
	if (!t->gso)
		return;
	ret_caps->feats |= FEAT_BIT(FEAT_USO);
	ret_caps->gso_max_udp = LEN16_MAX;
	ret_caps->gso_max_segs = UDP_SEGS_MAX;
}
