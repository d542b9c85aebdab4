/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - a port on an Ethernet device of the kernel, by AF_PACKET
 *
 * What the kernel does and we therefore do:
 *   - A packet socket hears nothing before it is bound: everything else is set
 *     first, so that no frame comes in another form.
 *   - PACKET_VNET_HDR: frames carry a virtio_net_hdr of 10 bytes both ways, and so
 *     stay as large as the device has them. There is no form with the tunnel
 *     fields.
 *   - PACKET_AUXDATA: the VLAN tag that was taken off on the way in.
 *   - PACKET_IGNORE_OUTGOING: what we, and the kernel, send is not heard.
 *   - PACKET_FANOUT divides what arrives between sockets that are bound already,
 *     and until then each of them hears everything: a filter that passes nothing
 *     stands in front of them meanwhile. In such a group the option
 *     PACKET_IGNORE_OUTGOING of its sockets does not count (seen on 6.18): then a
 *     filter passes what comes in alone.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port/open_internal.h"
#include "port/packet_internal.h"
#include "wire/bytes.h"

#define QUEUES_MAX 256 /* PACKET_FANOUT_MAX of old kernels */
#define BUF_LEN (UINT32_C(8) << 20)

/* Bytes of a frame that are not IP: the kernel compares its limits to frames, and
 * wants them below. */
#define FRAME_EXTRA (14 + 4 + 1)

#define LEN16_MAX UINT32_C(65535)

static int fd_of(const struct port *port, unsigned q)
{
	return ((const struct packet_port *)port)->q[q].fd;
}

static void packet_close(struct port *port)
{
	struct packet_port *t = (struct packet_port *)port;

	if (!t)
		return;
	for (unsigned i = 0; i < t->port.nqueues; i++) {
		if (t->q[i].fd >= 0)
			close(t->q[i].fd);
		fill_free(&t->q[i].fill);
	}
	if (t->nl_fd >= 0)
		close(t->nl_fd);
	free(t->port.pool);
	free(t);
}

static const struct port_ops packet_ops = {
	.kind = "packet",
	.rx = packet_rx,
	.tx = packet_tx,
	.fd = fd_of,
	.close = packet_close,
};

/* ---- opening one socket ---- */

static int set(int fd, int opt, const char *what, const void *v, socklen_t len,
	       const char *name, const struct errbuf *e)
{
	if (!setsockopt(fd, SOL_PACKET, opt, v, len))
		return 0;
	return fail(e, -errno, "%s %s: %s: this kernel's packet sockets lack it",
		    what, name, strerror(errno));
}

static int set_one(int fd, int opt, const char *what, const char *name,
		   const struct errbuf *e)
{
	int one = 1;

	return set(fd, opt, what, &one, sizeof(one), name, e);
}

static int set_filter(int fd, struct sock_filter *f, unsigned n, const char *name,
		      const struct errbuf *e)
{
	struct sock_fprog prog = { .len = (uint16_t)n, .filter = f };

	if (!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return 0;
	return fail(e, -errno, "SO_ATTACH_FILTER %s: %s", name, strerror(errno));
}

static int hear_nothing(int fd, const char *name, const struct errbuf *e)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return set_filter(fd, f, 1, name, e);
}

static int hear_incoming(int fd, const char *name, const struct errbuf *e)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};

	return set_filter(fd, f, sizeof(f) / sizeof(f[0]), name, e);
}

static int open_socket(const char *name, int *ret_fd, const struct errbuf *e)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = -errno;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (r == -EPERM)
		return fail(e, r,
			    "packet socket for %s: %s: needs CAP_NET_RAW in the "
			    "device's network namespace",
			    name, strerror(-r));
	if (r == -EAFNOSUPPORT)
		return fail(e, r,
			    "packet socket for %s: %s: load the driver with "
			    "`modprobe af_packet`",
			    name, strerror(-r));
	return fail(e, r, "packet socket for %s: %s", name, strerror(-r));
}

static int open_queue(struct packet_port *t, unsigned i,
		      const struct packet_conf *c, const struct errbuf *e)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htobe16(ETH_P_ALL),
				  .sll_ifindex = t->ifindex };
	int r = open_socket(c->name, &t->q[i].fd, e), fd = t->q[i].fd;

	if (r == 0)
		r = set_one(fd, PACKET_VNET_HDR, "PACKET_VNET_HDR", c->name, e);
	if (r == 0)
		r = set_one(fd, PACKET_AUXDATA, "PACKET_AUXDATA", c->name, e);
	if (r == 0)
		r = set_one(fd, PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING",
			    c->name, e);
	if (r < 0)
		return r;
	port_socket_buffers(fd, c->rcvbuf ? c->rcvbuf : BUF_LEN,
			    c->sndbuf ? c->sndbuf : BUF_LEN);
	if (c->nqueues > 1 && (r = hear_nothing(fd, c->name, e)) < 0)
		return r;
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		return fail(e, -errno, "bind to %s: %s", c->name, strerror(errno));
	return 0;
}

/* ---- several ---- */

/* The first queue's socket makes a group with a number that nobody has; the others
 * join. */
static int join_fanout(struct packet_port *t, const struct packet_conf *c,
		       const struct errbuf *e)
{
	uint32_t v = (uint32_t)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID)
		     << 16;
	socklen_t len = sizeof(v);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->nqueues; i++) {
		r = set(t->q[i].fd, PACKET_FANOUT, "PACKET_FANOUT", &v, sizeof(v),
			c->name, e);
		if (r == 0 && !i &&
		    getsockopt(t->q[0].fd, SOL_PACKET, PACKET_FANOUT, &v, &len) < 0)
			r = fail(e, -errno, "PACKET_FANOUT %s: %s", c->name,
				 strerror(errno));
	}
	for (unsigned i = 0; r == 0 && i < c->nqueues; i++)
		r = hear_incoming(t->q[i].fd, c->name, e);
	return r;
}

static int find_device(struct packet_port *t, const struct packet_conf *c,
		       struct packet_link *l, const struct errbuf *e)
{
	int r = packet_link_open();

	if (r < 0)
		return fail(e, r, "rtnetlink socket: %s", strerror(-r));
	t->nl_fd = r;
	r = packet_link_get(t->nl_fd, c->name, 0, l);
	if (r == -ENODEV)
		return fail(e, r,
			    "%s: no such device%s%s: `ip link` shows those that "
			    "there are",
			    c->name, c->netns ? " in network namespace " : "",
			    c->netns ? c->netns : "");
	if (r < 0)
		return fail(e, r, "RTM_GETLINK %s: %s", c->name, strerror(-r));
	if (!l->ether)
		return fail(e, -EINVAL,
			    "%s is no Ethernet device: frames of another kind "
			    "cannot be carried",
			    c->name);
	t->ifindex = l->ifindex;
	return 0;
}

static int set_promisc(struct packet_port *t, const struct packet_conf *c,
		       const struct errbuf *e)
{
	struct packet_mreq m = { .mr_ifindex = t->ifindex,
				 .mr_type = PACKET_MR_PROMISC };

	return set(t->q[0].fd, PACKET_ADD_MEMBERSHIP, "PACKET_MR_PROMISC", &m,
		   sizeof(m), c->name, e);
}

/* What the namespace is entered for. */
struct opening {
	struct packet_port *t;
	const struct packet_conf *c;
	struct packet_link *l;
	const struct errbuf *e;
};

static int open_there(void *arg)
{
	struct opening *o = arg;
	int r = find_device(o->t, o->c, o->l, o->e);

	for (unsigned i = 0; r == 0 && i < o->c->nqueues; i++)
		r = open_queue(o->t, i, o->c, o->e);
	if (r == 0 && o->c->promisc)
		r = set_promisc(o->t, o->c, o->e);
	if (r == 0 && o->c->nqueues > 1)
		r = join_fanout(o->t, o->c, o->e);
	return r;
}

/* ---- the port ---- */

static int port_alloc(const struct packet_conf *c, struct pkt_pool **pool,
		      struct packet_port **ret_t)
{
	struct packet_port *t;
	size_t len = sizeof(*t) + c->nqueues * sizeof(t->q[0]);

	t = aligned_alloc(_Alignof(struct packet_port), len);
	if (!t)
		return -ENOMEM;
	memset(t, 0, len);
	t->port.ops = &packet_ops;
	t->port.l2 = true;
	t->any = c->any;
	t->port.nqueues = c->nqueues;
	t->nl_fd = -1;
	for (unsigned i = 0; i < c->nqueues; i++)
		t->q[i].fd = -1;
	t->port.pool = calloc(c->nqueues, sizeof(*pool));
	if (!t->port.pool)
		goto nomem;
	memcpy(t->port.pool, pool, c->nqueues * sizeof(*pool));
	for (unsigned i = 0; i < c->nqueues; i++)
		if (fill_init(&t->q[i].fill, PACKET_READ_MIN))
			goto nomem;
	*ret_t = t;
	return 0;
nomem:
	packet_close(&t->port);
	return -ENOMEM;
}

static int check_conf(const struct packet_conf *c, const struct errbuf *e)
{
	if (!c->name || !*c->name || strlen(c->name) >= IFNAMSIZ)
		return fail(e, -EINVAL,
			    "device name \"%.32s\": 1 to %d bytes are expected",
			    c->name ? c->name : "", IFNAMSIZ - 1);
	if (!c->nqueues || c->nqueues > QUEUES_MAX)
		return fail(e, -EINVAL, "%s: %u queues: 1 to %d are possible",
			    c->name, c->nqueues, QUEUES_MAX);
	return 0;
}

int packet_open(const struct packet_conf *conf, struct pkt_pool **pool,
		struct port **ret_port, struct packet_info *ret_info, char *err,
		size_t err_len)
{
	struct errbuf e = { err, err_len };
	struct packet_link l = { 0 };
	struct packet_port *t = NULL;
	int r = check_conf(conf, &e);

	if (r < 0)
		return r;
	r = port_alloc(conf, pool, &t);
	if (r < 0)
		return fail(&e, r, "%s: out of memory", conf->name);
	r = port_in_netns(conf->netns, open_there,
			  &(struct opening){ t, conf, &l, &e }, &e);
	if (r < 0) {
		packet_close(&t->port);
		return r;
	}
	*ret_port = &t->port;
	*ret_info =
		(struct packet_info){ .ifindex = l.ifindex,
				      .mtu = l.mtu,
				      .rcvbuf = port_socket_rcvbuf(t->q[0].fd) };
	memcpy(ret_info->mac, l.mac, sizeof(l.mac));
	return 0;
}

/* ---- capabilities ---- */

/* The largest superpacket, IP length, of a device that takes frames up to `gso`
 * bytes; at least what goes without any. */
static uint32_t super_len(uint32_t gso, uint32_t mtu)
{
	uint32_t n = gso > FRAME_EXTRA ? gso - FRAME_EXTRA : 0;

	return n > mtu ? n : mtu;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/*
 * IPv6 above 64 KB is not offered. What a packet socket sends is not trusted, and
 * the check of it (ipv6_gso_segment() of Linux 6.18) takes the jumbo option away;
 * where the frame then goes to another stack as it is, as over veth, that stack
 * reads a payload length of 0 and drops it in silence.
 */
int packet_caps(const struct port *port, struct port_caps *ret_caps)
{
	const struct packet_port *t = (const struct packet_port *)port;
	struct port_caps c = { .feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
					FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |
					FEAT_BIT(FEAT_TSO_ECN) |
					FEAT_BIT(FEAT_USO) };
	struct packet_link l;
	int r = packet_link_get(t->nl_fd, NULL, t->ifindex, &l);

	if (r < 0)
		return r;
	c.mtu = l.mtu;
	c.gso_max4 = super_len(l.gso_max4, l.mtu);
	c.gso_max6 = min32(super_len(l.gso_max, l.mtu), LEN16_MAX);
	c.gso_max_udp = min32(c.gso_max4, c.gso_max6);
	c.gso_max_segs = l.gso_segs;
	if (c.gso_max4 > LEN16_MAX)
		c.feats |= FEAT_BIT(FEAT_BIGTCP4);
	*ret_caps = c;
	return 0;
}
