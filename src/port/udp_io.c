/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_io.c - send and receive datagrams with their outer headers
 *
 * Receive. The payload goes straight into the queue's slab (fill_internal.h), behind
 * room for the two headers that the kernel has taken off. They are made up from what
 * it tells beside the payload: addresses, ports, TTL, TOS. With UDP_GRO one read is
 * up to 64 KB of equal datagrams; the lengths in the headers are those of the whole,
 * as in any superpacket.
 *
 * Transmit is one sendmsg of everything behind the UDP header, to where the headers
 * say. TTL and TOS go along only when they are not what the socket says anyway. DF
 * has no control message: a packet that has it otherwise than the one before costs
 * a setsockopt(). A checksum that is owed *inside* is completed here: the kernel
 * knows of the outer one only.
 *
 * The kernel's answers (net/ipv4/udp.c, net/ipv6/udp.c):
 *   EINVAL    too many segments; or TTL, source address
 *   EIO       UDP_SEGMENT over a device that sums nothing (old kernels)
 *   EMSGSIZE  above the path's MTU, one segment or all of it
 *   EAGAIN    the socket's send buffer is full
 * and once, at whatever call comes first, each ICMP error (udp_error.c): the
 * datagram of that call was not sent, so it is tried again.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>

#include "base/linux_compat.h"
#include "pkt/dissect.h"
#include "port/io_internal.h"
#include "port/udp_internal.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#define LEN16_MAX UINT32_C(65535)

/* Calls that may fail in a row for the sake of pending errors. */
#define TRIES 8

/* ---- receive ---- */

/* What the kernel tells beside the payload. */
struct seen {
	struct ipaddr src, dst;
	uint16_t sport;
	uint8_t tos, ttl;
	uint32_t gso_size;
};

static void see(const struct cmsghdr *c, struct seen *s)
{
	const uint8_t *d = CMSG_DATA(c);
	struct in6_pktinfo pi6;
	struct in_pktinfo pi4;
	int v = 0;

	if (c->cmsg_len >= CMSG_LEN(sizeof(v)))
		memcpy(&v, d, sizeof(v));
	else if (c->cmsg_len > CMSG_LEN(0))
		v = d[0]; /* IP_TOS has one byte */
	if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&pi4, d, sizeof(pi4));
		s->dst = ipaddr_from4(&pi4.ipi_addr);
	} else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&pi6, d, sizeof(pi6));
		s->dst = ipaddr_from6(&pi6.ipi6_addr);
	} else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_TOS) ||
		   (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
		s->tos = (uint8_t)v;
	} else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_TTL) ||
		   (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
		s->ttl = (uint8_t)v;
	} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
		s->gso_size = (uint32_t)v;
	}
}

/* The UDP header of `len` bytes of payload. The checksum field holds the pseudo
 * header's sum, or anything but the zero that would mean "none". */
static void make_udp(uint8_t *at, const struct seen *s, uint16_t dport,
		     uint32_t len)
{
	struct udp_hdr h = { .sport = s->sport,
			     .dport = dport,
			     .len = (uint16_t)(UDP_HLEN + len) };

	h.csum = csum_fold_plain(
		csum_pseudo(&s->src, &s->dst, IPPROTO_UDP, UDP_HLEN + len));
	if (!h.csum)
		h.csum = 0xffff;
	udp_build(at, &h);
}

/* Headers in front of `len` bytes at `at`; where they begin, or NULL when no header
 * can say that length. */
static uint8_t *make_headers(uint8_t *at, const struct seen *s, uint16_t dport,
			     uint32_t len)
{
	make_udp(at - UDP_HLEN, s, dport, len);
	if (ipaddr_is4(&s->src)) {
		struct ipv4_hdr h = { .src = s->src,
				      .dst = s->dst,
				      .hlen = IPV4_HLEN,
				      .tot_len = (uint16_t)(IPV4_HLEN + UDP_HLEN +
							    len),
				      .tos = s->tos,
				      .ttl = s->ttl,
				      .proto = IPPROTO_UDP,
				      .df = true };

		if (len > LEN16_MAX - IPV4_HLEN - UDP_HLEN)
			return NULL;
		at -= IPV4_HLEN + UDP_HLEN;
		ipv4_build(at, &h);
	} else {
		struct ipv6_hdr h = { .src = s->src,
				      .dst = s->dst,
				      .plen = (uint16_t)(UDP_HLEN + len),
				      .tclass = s->tos,
				      .hop = s->ttl,
				      .nh = IPPROTO_UDP };

		if (len > LEN16_MAX - UDP_HLEN)
			return NULL;
		at -= IPV6_HLEN + UDP_HLEN;
		ipv6_build(at, &h);
	}
	return at;
}

/* Turn `len` bytes of payload at `at` into a packet. */
static struct gust_pkt *rx_packet(struct udp_port *t, unsigned qi, uint8_t *at,
				  uint32_t len, bool in_slab, const struct seen *s,
				  enum drop_reason *ret_why)
{
	struct fill *f = &t->q[qi].fill;
	struct pkt_pool *pool = t->port.pool[qi];
	uint8_t *ip = make_headers(at, s, t->lport, len), *end = at + len;
	enum drop_reason why = ip ? DROP_NO_PKT : DROP_BAD_LEN;
	struct gust_pkt *p = NULL;

	if (ip && in_slab)
		p = pkt_from_slab(pool, f->slab, ip, (uint32_t)(end - ip));
	else if (ip)
		p = fill_small(pool, ip, (uint32_t)(end - ip), &why);
	if (!p) {
		*ret_why = why;
		return NULL;
	}
	p->queue = (uint16_t)qi;
	why = pkt_dissect(p, DISSECT_IP);
	if (why != DROP_NONE) {
		pkt_free(p);
		*ret_why = why;
		return NULL;
	}
	p->need = GUST_F_CSUM_OK;
	if (s->gso_size && s->gso_size < len) {
		p->gso_size = (uint16_t)s->gso_size;
		p->gso_type = ipaddr_is4(&s->src) ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	}
	if (in_slab)
		fill_use(f, end);
	return p;
}

/* Read one. Bytes, or -errno. */
static ssize_t rx_read(struct udp_queue *q, struct msghdr *m)
{
	size_t ctl = m->msg_controllen;
	socklen_t name = m->msg_namelen;
	ssize_t n = -1;

	for (unsigned i = 0; i < TRIES; i++) {
		m->msg_controllen = ctl;
		m->msg_namelen = name;
		n = recvmsg(q->fd, m, 0);
		if (n >= 0)
			return n;
		n = -errno;
		if (n == -EAGAIN || n == -EBADF || n == -ENOTSOCK)
			return n;
		if (n != -EINTR)
			udp_errors_read(q);
	}
	return n;
}

/* 1: a datagram was read, *ret_p is it, or NULL and *ret_why says why not. 0:
 * nothing waits. -errno. */
static int rx_one(struct port *port, unsigned qi, struct gust_pkt **ret_p,
		  enum drop_reason *ret_why)
{
	struct udp_port *t = (struct udp_port *)port;
	struct udp_queue *q = &t->q[qi];
	uint8_t *at =
		fill_room(&q->fill, t->port.pool[qi], UDP_FRONT, UDP_READ_MAX);
	bool in_slab = at;
	_Alignas(struct cmsghdr) uint8_t ctl[256];
	struct sockaddr_storage from;
	struct seen s = { .dst = t->local };
	struct iovec iov = { .iov_len = UDP_READ_MAX };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	ssize_t n;

	*ret_p = NULL;
	if (!in_slab)
		at = q->fill.scratch + UDP_FRONT;
	iov.iov_base = at;
	n = rx_read(q, &m);
	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    !udp_addr_of(&from, &s.src, &s.sport)) {
		*ret_why = DROP_SHORT;
		return 1;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		see(c, &s);
	if (ipaddr_is4(&s.src) != ipaddr_is4(&s.dst)) {
		*ret_why = DROP_BAD_ADDR; /* the kernel told no destination */
		return 1;
	}
	*ret_p = rx_packet(t, qi, at, (uint32_t)n, in_slab, &s, ret_why);
	return 1;
}

int udp_rx(struct port *port, unsigned qi, unsigned max, struct gust_batch *ret,
	   struct drop_counters *drops)
{
	return io_rx(port, qi, max, rx_one, ret, drops);
}

/* ---- transmit ---- */

/* What the outer headers ask for. */
struct ask {
	struct ipaddr src, dst;
	uint16_t dport;
	uint8_t tos, ttl;
	bool v4, df;
	uint32_t off; /* the UDP payload's, from head */
};

/* false: not what a UDP socket sends. */
static bool parse_outer(const struct udp_port *t, const struct gust_pkt *p,
			struct ask *a)
{
	const struct gust_layer *l = p->layer;
	struct udp_hdr uh;
	struct ipv4_hdr h4;
	struct ipv6_hdr h6;

	if (p->nlayer < 2 || l[0].off || l[1].kind != GUST_L_UDP ||
	    udp_parse(p->head + l[1].off, p->hlen - l[1].off, &uh))
		return false;
	a->dport = uh.dport;
	a->off = l[1].off + UDP_HLEN;
	a->v4 = l[0].kind == GUST_L_IPV4;
	if (a->v4 && t->v4 && l[1].off == IPV4_HLEN &&
	    !ipv4_parse(p->head, p->hlen, &h4)) {
		a->src = h4.src;
		a->dst = h4.dst;
		a->tos = h4.tos;
		a->ttl = h4.ttl;
		a->df = h4.df;
		return true;
	}
	if (l[0].kind == GUST_L_IPV6 && t->v6 && l[1].off == IPV6_HLEN &&
	    !ipv6_parse(p->head, p->hlen, &h6)) {
		a->src = h6.src;
		a->dst = h6.dst;
		a->tos = h6.tclass;
		a->ttl = h6.hop;
		return true;
	}
	return false;
}

/* Control messages that grow in a buffer. */
struct ctl {
	_Alignas(struct cmsghdr) uint8_t b[192];
	size_t len;
};

static void ctl_add(struct ctl *c, int level, int type, const void *v, size_t len)
{
	struct cmsghdr h = { .cmsg_len = CMSG_LEN(len),
			     .cmsg_level = level,
			     .cmsg_type = type };

	assert(c->len + CMSG_SPACE(len) <= sizeof(c->b));
	memset(c->b + c->len, 0, CMSG_SPACE(len));
	memcpy(c->b + c->len, &h, sizeof(h));
	memcpy(c->b + c->len + CMSG_LEN(0), v, len);
	c->len += CMSG_SPACE(len);
}

static void ctl_int(struct ctl *c, int level, int type, int v)
{
	ctl_add(c, level, type, &v, sizeof(v));
}

static void make_ctl(const struct udp_port *t, const struct ask *a, struct ctl *c)
{
	bool src = !ipaddr_is_any(&a->src) && !ipaddr_eq(&a->src, &t->local);

	if (a->v4 && src) {
		struct in_pktinfo pi = { 0 };

		memcpy(&pi.ipi_spec_dst, a->src.b + 12, 4);
		ctl_add(c, SOL_IP, IP_PKTINFO, &pi, sizeof(pi));
	} else if (src) {
		struct in6_pktinfo pi = { 0 };

		memcpy(&pi.ipi6_addr, a->src.b, 16);
		ctl_add(c, SOL_IPV6, IPV6_PKTINFO, &pi, sizeof(pi));
	}
	if (a->v4) {
		if (a->tos != t->tos4)
			ctl_int(c, SOL_IP, IP_TOS, a->tos);
		if (a->ttl != t->ttl4)
			ctl_int(c, SOL_IP, IP_TTL, a->ttl);
	} else {
		if (a->tos != t->tos6)
			ctl_int(c, SOL_IPV6, IPV6_TCLASS, a->tos);
		if (a->ttl != t->ttl6)
			ctl_int(c, SOL_IPV6, IPV6_HOPLIMIT, a->ttl);
	}
}

/* Would an empty datagram go there? MSG_PROBE with MSG_CONFIRM sends nothing, but
 * finds the route and checks the control messages. */
static bool way_is_right(int fd, const struct msghdr *m, size_t ctl_len)
{
	struct msghdr empty = *m;

	empty.msg_iovlen = 0;
	empty.msg_controllen = ctl_len;
	if (!ctl_len)
		empty.msg_control = NULL;
	return sendmsg(fd, &empty, MSG_CONFIRM | MSG_PROBE | MSG_DONTWAIT) == 0;
}

/* Above the path's MTU. The kernel has left a note, except about superpackets; over
 * IPv4 the note says nothing of the port. */
static void note_size(struct udp_queue *q, const struct ask *a)
{
	struct udp_error e = { .err = EMSGSIZE, .dst = a->dst, .dport = a->dport };

	if (!udp_errors_read(q))
		udp_error_push(q, &e);
	else
		udp_error_last(q)->dport = a->dport;
}

static int tx_send(struct udp_queue *q, const struct msghdr *m)
{
	int e = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		if (sendmsg(q->fd, m, MSG_DONTWAIT) >= 0)
			return 0;
		e = errno;
		if (e == EINTR)
			continue;
		/* a pending error of another datagram leaves something to read */
		if (e == EAGAIN || e == EINVAL || e == EMSGSIZE ||
		    !udp_errors_read(q))
			break;
	}
	return e;
}

static void set_df(struct udp_queue *q, bool df)
{
	int v = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	if (!setsockopt(q->fd, SOL_IP, IP_MTU_DISCOVER, &v, sizeof(v)))
		q->df = df;
}

/* `segmented`: UDP_SEGMENT went along; `ctl_len`: control bytes without it. */
static enum port_tx tx_result(struct udp_queue *q, struct gust_pkt *p,
			      const struct ask *a, const struct msghdr *m,
			      bool segmented, size_t ctl_len, int e)
{
	switch (e) {
	case 0:
		pkt_free(p);
		return PORT_TX_OK;
	case EAGAIN:
		return PORT_TX_AGAIN;
	case ENOBUFS:
	case ENOMEM:
		return PORT_TX_NOMEM;
	case EMSGSIZE:
		note_size(q, a);
		return io_tx_fail(p, PORT_TX_ERROR);
	case EINVAL:
	case EIO:
	case EOPNOTSUPP:
		/* this form, or a TTL or source address that never passes? */
		if (segmented && way_is_right(q->fd, m, ctl_len))
			return PORT_TX_REFUSED;
		return io_tx_fail(p, PORT_TX_ERROR);
	case ENETDOWN:
		return io_tx_fail(p, PORT_TX_DOWN);
	default:
		return io_tx_fail(p, PORT_TX_ERROR);
	}
}

/* A superpacket that a UDP socket cannot send at once. */
static bool tx_bad_super(const struct gust_pkt *p, const struct ask *a)
{
	uint32_t n = p->len - a->off;

	if (p->gso_type != GUST_GSO_UDP4 && p->gso_type != GUST_GSO_UDP6)
		return true;
	/* segments of an inner transport; too long; too many */
	return p->nlayer > 2 || p->len > LEN16_MAX ||
	       n > (uint64_t)p->gso_size * UDP_SEGS_MAX;
}

enum port_tx udp_tx(struct port *port, unsigned qi, struct gust_pkt *p)
{
	struct udp_port *t = (struct udp_port *)port;
	struct udp_queue *q = &t->q[qi];
	struct iovec iov[FILL_IOV_MAX];
	struct sockaddr_storage to;
	struct ctl ctl = { .len = 0 };
	struct ask a = { 0 };
	struct msghdr m = { .msg_name = &to, .msg_iov = iov + 1 };
	size_t ctl_len;
	bool segmented;
	int n;

	if (!parse_outer(t, p, &a))
		return io_tx_fail(p, PORT_TX_ERROR);
	if (p->gso_size && tx_bad_super(p, &a))
		return PORT_TX_REFUSED;
	if (p->need & GUST_F_CSUM && !p->gso_size && pkt_l4(p) != &p->layer[1])
		pkt_csum_complete(p);
	n = pkt_iov(p, iov, FILL_IOV_MAX, 1);
	if (n < 0)
		n = fill_gather(&q->fill, p, iov);
	if (n < 0)
		return io_tx_fail(p, PORT_TX_ERROR);
	iov[1].iov_base = (uint8_t *)iov[1].iov_base + a.off;
	iov[1].iov_len -= a.off;
	m.msg_iovlen = (size_t)n - 1;
	m.msg_namelen = udp_sockaddr(t, &a.dst, a.dport, &to);
	if (a.v4 && a.df != q->df)
		set_df(q, a.df);
	make_ctl(t, &a, &ctl);
	ctl_len = ctl.len;
	segmented = p->gso_size && p->len - a.off > p->gso_size;
	if (segmented)
		ctl_add(&ctl, SOL_UDP, UDP_SEGMENT, &p->gso_size,
			sizeof(p->gso_size));
	m.msg_control = ctl.len ? ctl.b : NULL;
	m.msg_controllen = ctl.len;
	return tx_result(q, p, &a, &m, segmented, ctl_len, tx_send(q, &m));
}
