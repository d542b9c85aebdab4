/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare.c - the limit: a relay without any protocol
 *
 * Reads superpackets from a tun and sends their payload on a loopback socket,
 * one ACK for each; and back: what the socket gives goes into the tun as one
 * TCP superpacket, as large as the peer's window, the interface and `-w` allow.
 * There is no loss handling, no timer, no congestion control, no checksum, one
 * thread, IPv4 only. It is what two copies cost, and gust is measured against it.
 *
 *	bare -i NAME -n NETNS_PATH [-w MAX_WRITE]
 *
 * The interface NAME (tun) is made in the namespace; addresses are set by the
 * caller. Destination ports are kept, the destination is 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

#define VNET 24
#define MAX_CONN 32
#define MSS 1460
#define WSCALE 7
#define WINDOW (4u << 20)
#define BUF (1u << 20)
#define HDR (IPV4_HLEN + TCP_HLEN)

struct conn {
	bool used, host_eof, fin_seen;
	uint16_t sport, dport;
	struct ipaddr src, dst;
	int fd;
	uint32_t rcv_nxt, snd_nxt, snd_una, wnd;
	uint8_t wscale;
};

struct bare {
	int tun;
	uint32_t max_write;
	struct conn conn[MAX_CONN];
	uint8_t *rx, *tx;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int tun_make(const char *name, const char *netns)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int ns = open(netns, O_RDONLY | O_CLOEXEC), fd, len = VNET;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ns < 0)
		die(netns);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (home < 0 || setns(ns, CLONE_NEWNET))
		die("setns");
	/* the interface belongs to the namespace in which the device was opened */
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	if (ioctl(fd, TUNSETIFF, &ifr))
		die("TUNSETIFF");
	if (setns(home, CLONE_NEWNET))
		die("setns back");
	if (ioctl(fd, TUNSETVNETHDRSZ, &len))
		die("TUNSETVNETHDRSZ");
	if (ioctl(fd, TUNSETOFFLOAD,
		  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
		die("TUNSETOFFLOAD");
	close(ns);
	close(home);
	return fd;
}

/* One TCP segment or superpacket whose payload stands at tx + VNET + 60. */
static void put(struct bare *b, struct conn *c, uint16_t flags, uint32_t len)
{
	uint8_t vh[VNET] = { 0 }, hdr[IPV4_HLEN + TCP_HLEN_MAX];
	struct tcp_hdr t = {
		.sport = c->dport,
		.dport = c->sport,
		.seq = c->snd_nxt,
		.ack = c->rcv_nxt,
		.flags = flags,
		.wnd = flags & TCP_SYN ? 65535 : WINDOW >> WSCALE,
	};
	struct ipv4_hdr ip = {
		.src = c->dst,
		.dst = c->src,
		.hlen = IPV4_HLEN,
		.ttl = 64,
		.proto = IPPROTO_TCP,
		.df = true,
	};
	struct iovec iov[3];
	uint32_t l4;

	if (flags & TCP_SYN) {
		t.opt.present = TCP_OPT_MSS | TCP_OPT_WSCALE;
		t.opt.mss = MSS;
		t.opt.wscale = WSCALE;
	}
	l4 = tcp_hdr_build(hdr + IPV4_HLEN, &t);
	ip.tot_len = IPV4_HLEN + l4 + len > 65535 ? 0 : IPV4_HLEN + l4 + len;
	ipv4_build(hdr, &ip);
	put16(hdr + IPV4_HLEN + 16,
	      csum_fold_plain(
		      csum_pseudo(&ip.src, &ip.dst, IPPROTO_TCP, l4 + len)));
	vh[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	put16le(vh + 2, IPV4_HLEN + l4);
	put16le(vh + 6, IPV4_HLEN);
	put16le(vh + 8, 16);
	if (len > MSS) {
		vh[1] = VIRTIO_NET_HDR_GSO_TCPV4;
		put16le(vh + 4, MSS);
	}
	iov[0] = (struct iovec){ vh, VNET };
	iov[1] = (struct iovec){ hdr, IPV4_HLEN + l4 };
	iov[2] = (struct iovec){ b->tx, len };
	if (writev(b->tun, iov, len ? 3 : 2) < 0)
		die("tun writev");
	c->snd_nxt += len + !!(flags & (TCP_SYN | TCP_FIN));
}

static struct conn *conn_of(struct bare *b, uint16_t sport, bool create)
{
	struct conn *spare = NULL;

	for (unsigned i = 0; i < MAX_CONN; i++) {
		struct conn *c = &b->conn[i];

		if (c->used && c->sport == sport)
			return c;
		if (!c->used && !spare)
			spare = c;
	}
	return create ? spare : NULL;
}

static void conn_open(struct bare *b, const struct ipv4_hdr *ip,
		      const struct tcp_hdr *t)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(t->dport) };
	struct conn *c = conn_of(b, t->sport, true);
	int one = 1;

	if (!c)
		return;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*c = (struct conn){ .used = true,
			    .sport = t->sport,
			    .dport = t->dport,
			    .src = ip->src,
			    .dst = ip->dst,
			    .rcv_nxt = t->seq + 1,
			    .snd_nxt = 1000,
			    .snd_una = 1001,
			    .wnd = t->wnd };
	if (t->opt.present & TCP_OPT_WSCALE)
		c->wscale = t->opt.wscale;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	if (connect(c->fd, (struct sockaddr *)&sa, sizeof(sa))) {
		put(b, c, TCP_RST | TCP_ACK, 0);
		close(c->fd);
		c->used = false;
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	put(b, c, TCP_SYN | TCP_ACK, 0);
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	c->used = false;
}

static void send_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0)
			return;
		p += n;
		len -= n;
	}
}

static void input(struct bare *b, uint32_t len)
{
	const uint8_t *p = b->rx + VNET;
	struct ipv4_hdr ip;
	struct tcp_hdr t;
	struct conn *c;
	uint32_t off, pay;

	len -= VNET;
	if (ipv4_parse(p, len, &ip) || ip.proto != IPPROTO_TCP ||
	    tcp_hdr_parse(p + ip.hlen, len - ip.hlen, &t))
		return;
	if (t.flags & TCP_SYN) {
		conn_open(b, &ip, &t);
		return;
	}
	c = conn_of(b, t.sport, false);
	if (!c)
		return;
	if (t.flags & TCP_RST) {
		conn_close(c);
		return;
	}
	c->snd_una = t.ack;
	c->wnd = (uint32_t)t.wnd << c->wscale;
	off = ip.hlen + t.hlen;
	pay = len - off;
	if (t.seq !=
	    c->rcv_nxt) /* keepalive or a retransmission: say where we are */
		pay = 0;
	if (pay)
		send_all(c->fd, p + off, pay);
	c->rcv_nxt += pay;
	if ((t.flags & TCP_FIN) && t.seq + pay == c->rcv_nxt) {
		c->rcv_nxt++;
		c->fin_seen = true;
		shutdown(c->fd, SHUT_WR);
	}
	if (pay || (t.flags & TCP_FIN))
		put(b, c, TCP_ACK, 0);
	if (c->fin_seen && c->host_eof && c->snd_una == c->snd_nxt)
		conn_close(c);
}

static uint32_t room(const struct bare *b, const struct conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una;
	uint32_t left = c->wnd > out ? c->wnd - out : 0;

	if (left > b->max_write)
		left = b->max_write;
	return left > MSS ? left - left % MSS : left;
}

static void host_to_tun(struct bare *b, struct conn *c)
{
	ssize_t n = recv(c->fd, b->tx, room(b, c), MSG_DONTWAIT);

	if (n > 0) {
		put(b, c, TCP_ACK | TCP_PSH, n);
	} else if (n == 0 || errno != EAGAIN) {
		c->host_eof = true;
		put(b, c, TCP_FIN | TCP_ACK, 0);
	}
}

static void turn(struct bare *b)
{
	struct pollfd pfd[1 + MAX_CONN] = { { .fd = b->tun, .events = POLLIN } };
	struct conn *who[1 + MAX_CONN];
	unsigned n = 1;

	for (unsigned i = 0; i < MAX_CONN; i++) {
		struct conn *c = &b->conn[i];

		if (!c->used || c->host_eof ||
		    room(b, c) < (c->wnd < 65536 ? 1 : MSS))
			continue;
		pfd[n] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
		who[n++] = c;
	}
	if (poll(pfd, n, 500) < 0 && errno != EINTR)
		die("poll");
	for (unsigned k = 0; pfd[0].revents && k < 16; k++) {
		ssize_t len = read(b->tun, b->rx, BUF);

		if (len < 0)
			break;
		if (len > VNET)
			input(b, len);
	}
	for (unsigned i = 1; i < n; i++)
		if (pfd[i].revents && who[i]->used && !who[i]->host_eof)
			host_to_tun(b, who[i]);
}

int main(int argc, char **argv)
{
	struct bare b = { .max_write = 500000 };
	const char *name = "bare0", *netns = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "i:n:w:")) != -1) {
		if (opt == 'i')
			name = optarg;
		else if (opt == 'n')
			netns = optarg;
		else if (opt == 'w')
			b.max_write = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!netns || b.max_write < MSS || b.max_write > BUF) {
		fprintf(stderr,
			"usage: bare -i NAME -n NETNS_PATH [-w MAX_WRITE]\n");
		return 2;
	}
	b.rx = malloc(BUF);
	b.tx = malloc(BUF);
	if (!b.rx || !b.tx)
		die("malloc");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	b.tun = tun_make(name, netns);
	printf("ready\n");
	fflush(stdout);
	while (!stop)
		turn(&b);
	return 0;
}
