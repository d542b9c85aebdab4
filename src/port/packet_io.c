/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet_io.c - read and write frames of an Ethernet device
 *
 * Receive. A frame goes straight into the queue's slab (fill_internal.h); its
 * virtio_net_hdr and what the kernel says beside it are read to the stack. Devices
 * may hand out frames of half a megabyte. So that not half of each slab stays empty
 * for their sake, a read that finds less room goes on at the beginning of the next
 * slab: such a frame has its payload in two pieces.
 *
 * The VLAN tag. The kernel has taken the outermost one off and says so in
 * PACKET_AUXDATA; it is put back in front of the type, where 4 bytes were left
 * free, and csum_start is moved by as much.
 *
 * Encapsulated by the kernel. A superpacket that the kernel put into VXLAN carries
 * the virtio_net_hdr of the *inner* TCP, without a word about the tunnel: what tells
 * is csum_start. Then the dissector is asked to enter tunnels, and the map reaches
 * down to what the header is about.
 *
 * Transmit is one sendmsg: header, head, fragments. The kernel's answers
 * (net/packet/af_packet.c, packet_snd):
 *   EINVAL    the header was not understood or contradicts the packet
 *   EMSGSIZE  more pages than an skb holds; a plain frame above the MTU
 *   EAGAIN    the socket's send buffer is full
 *   ENOBUFS   no memory now, or the queueing discipline dropped it
 *   ENETDOWN  the device is down
 *   ENXIO     the device is gone
 * ENETDOWN is also what a socket reports once, at whatever call comes first, after
 * the device was down: hence a second try.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "port/io_internal.h"
#include "port/packet_internal.h"
#include "wire/bytes.h"

#define VLAN_HLEN 4
#define MACS_LEN 12

#define OFF_FLAGS 0
#define OFF_CSUM_START 6

/* The transport of a frame in VXLAN begins here or later: Ethernet, IPv4, UDP,
 * VXLAN, Ethernet, IPv4. */
#define INNER_CSUM_MIN (14 + 20 + 8 + 8 + 14 + 20)

/* What came with a frame. */
struct aside {
	uint8_t vh[PACKET_VNET_LEN];
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} ctl;
};

/* ---- the virtio_net_hdr ---- */

/* Packet sockets have it in the host's order, our codec is little endian. */
static void vnet_order(uint8_t *vh)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (unsigned i = 2; i < PACKET_VNET_LEN; i += 2)
		put16le(vh + i, get16(vh + i));
#else
	(void)vh;
#endif
}

static bool vnet_is_inner(const uint8_t *vh)
{
	return (vh[OFF_FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
	       get16le(vh + OFF_CSUM_START) >= INNER_CSUM_MIN;
}

/* ---- receive ---- */

/* The tag that was taken off, in wire order at `ret`. */
static bool stripped_tag(struct msghdr *m, uint8_t ret[VLAN_HLEN])
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			return false;
		put16(ret, aux.tp_status & TP_STATUS_VLAN_TPID_VALID ?
				   aux.tp_vlan_tpid :
				   ETH_P_8021Q);
		put16(ret + 2, aux.tp_vlan_tci);
		return true;
	}
	return false;
}

/* Put it back; where the frame begins then. */
static uint8_t *put_tag(uint8_t *at, const uint8_t tag[VLAN_HLEN], uint8_t *vh)
{
	memmove(at - VLAN_HLEN, at, MACS_LEN);
	at -= VLAN_HLEN;
	memcpy(at + MACS_LEN, tag, VLAN_HLEN);
	if (vh[OFF_FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		put16le(vh + OFF_CSUM_START,
			get16le(vh + OFF_CSUM_START) + VLAN_HLEN);
	return at;
}

/* The frame's bytes that did not fit the slab stand at the beginning of the next. */
static int add_spill(struct gust_pkt *p, struct gust_slab *s, uint32_t len)
{
	struct gust_frag f = { .p = s->data, .slab = s, .len = len };
	int r;

	slab_ref(s);
	r = pkt_frag_add(p, &f);
	if (r < 0)
		slab_unref(s);
	return r;
}

/* Turn `len` bytes at `at`, and `spill` more in the next slab, into a packet. */
static struct gust_pkt *rx_packet(struct packet_port *t, unsigned qi, uint8_t *at,
				  uint32_t len, uint32_t spill, bool in_slab,
				  const uint8_t *vh, enum drop_reason *ret_why)
{
	struct packet_queue *q = &t->q[qi];
	unsigned how = DISSECT_ETH | (t->any ? DISSECT_ANY : 0);
	enum drop_reason why = DROP_NO_PKT;
	struct pkt_pool *pool = t->port.pool[qi];
	struct gust_pkt *p;

	if (in_slab)
		p = pkt_from_slab(pool, q->fill.slab, at, len);
	else
		p = fill_small(pool, at, len, &why);
	if (!p) {
		*ret_why = why;
		return NULL;
	}
	p->queue = (uint16_t)qi;
	if (vnet_is_inner(vh))
		how |= DISSECT_TUNNELS;
	if (!spill || add_spill(p, q->fill.next, spill) == 0)
		why = pkt_dissect(p, how);
	if (why == DROP_NONE)
		why = vnet_decode(p, vh, PACKET_VNET_LEN);
	if (why != DROP_NONE) {
		pkt_free(p);
		*ret_why = why;
		return NULL;
	}
	if (spill)
		fill_advance(&q->fill, spill);
	else if (in_slab)
		fill_use(&q->fill, at + len);
	return p;
}

/* Down, or gone for good? */
static int rx_down(struct packet_queue *q)
{
	struct sockaddr_ll ll = { 0 };
	socklen_t len = sizeof(ll);

	if (getsockname(q->fd, (struct sockaddr *)&ll, &len) < 0 ||
	    ll.sll_ifindex <= 0)
		q->gone = true;
	return q->gone ? -EIO : 0;
}

static int rx_error(struct packet_queue *q, int e, enum drop_reason *ret_why)
{
	switch (e) {
	case EAGAIN:
		return 0;
	case ENETDOWN:
		return rx_down(q);
	case EINVAL: /* taken off the queue, but of a form that the kernel could
			not describe */
		*ret_why = DROP_BAD_VNET;
		return 1;
	case ENODEV:
	case ENXIO:
		q->gone = true;
		return -EIO;
	default:
		return -e;
	}
}

/* 1: a frame was read, *ret_p is it, or NULL and *ret_why says why not. 0: nothing
 * waits. -errno. */
static int rx_one(struct port *port, unsigned qi, struct gust_pkt **ret_p,
		  enum drop_reason *ret_why)
{
	struct packet_port *t = (struct packet_port *)port;
	struct packet_queue *q = &t->q[qi];
	struct pkt_pool *pool = t->port.pool[qi];
	uint8_t *at = fill_room(&q->fill, pool, PACKET_FRONT, PACKET_READ_MIN);
	bool in_slab = at;
	uint32_t room, len, spill = 0;
	uint8_t tag[VLAN_HLEN];
	struct aside a;
	struct iovec iov[3] = { { .iov_base = a.vh, .iov_len = sizeof(a.vh) } };
	struct msghdr m = { .msg_iov = iov,
			    .msg_iovlen = 2,
			    .msg_control = &a.ctl,
			    .msg_controllen = sizeof(a.ctl) };
	ssize_t n;

	*ret_p = NULL;
	if (!in_slab)
		at = q->fill.scratch + VLAN_HLEN;
	room = in_slab ? fill_left(&q->fill, at) : PACKET_READ_MIN - VLAN_HLEN;
	if (room > PACKET_READ_MAX)
		room = PACKET_READ_MAX;
	iov[1] = (struct iovec){ .iov_base = at, .iov_len = room };
	if (in_slab && room < PACKET_READ_MAX &&
	    fill_reserve_next(&q->fill, pool)) {
		iov[2].iov_base = q->fill.next->data;
		iov[2].iov_len = PACKET_READ_MAX - room;
		if (iov[2].iov_len > q->fill.next->cap)
			iov[2].iov_len = q->fill.next->cap;
		m.msg_iovlen = 3;
	}
	do
		n = recvmsg(q->fd, &m, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return rx_error(q, errno, ret_why);
	if (n <= PACKET_VNET_LEN) {
		*ret_why = DROP_SHORT;
		return 1;
	}
	if (m.msg_flags & MSG_TRUNC) { /* nor is there a slab to go on in */
		*ret_why = DROP_NO_SLAB;
		return 1;
	}
	len = (uint32_t)n - PACKET_VNET_LEN;
	if (len > room) {
		spill = len - room;
		len = room;
	}
	vnet_order(a.vh);
	if (len >= MACS_LEN && stripped_tag(&m, tag)) {
		at = put_tag(at, tag, a.vh);
		len += VLAN_HLEN;
	}
	*ret_p = rx_packet(t, qi, at, len, spill, in_slab, a.vh, ret_why);
	return 1;
}

int packet_rx(struct port *port, unsigned qi, unsigned max, struct gust_batch *ret,
	      struct drop_counters *drops)
{
	struct packet_port *t = (struct packet_port *)port;

	if (t->q[qi].gone)
		return -EIO;
	return io_rx(port, qi, max, rx_one, ret, drops);
}

/* ---- transmit ---- */

static enum port_tx tx_result(struct gust_pkt *p, int e)
{
	switch (e) {
	case EAGAIN:
		return PORT_TX_AGAIN;
	case EMSGSIZE:
		/* a plain frame stays too long whoever sums it */
		if (!p->gso_size)
			return io_tx_fail(p, PORT_TX_ERROR);
		return PORT_TX_REFUSED;
	case EINVAL:
	case E2BIG:
		return io_tx_refused(p);
	case ENOBUFS:
	case ENOMEM:
		return PORT_TX_NOMEM;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return io_tx_fail(p, PORT_TX_DOWN);
	default:
		return io_tx_fail(p, PORT_TX_ERROR);
	}
}

static int tx_send(int fd, const struct msghdr *m)
{
	ssize_t r;
	bool again = false;

	for (;;) {
		r = sendmsg(fd, m, MSG_DONTWAIT);
		if (r >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != ENETDOWN || again)
			return errno;
		again = true;
	}
}

enum port_tx packet_tx(struct port *port, unsigned qi, struct gust_pkt *p)
{
	struct packet_port *t = (struct packet_port *)port;
	struct packet_queue *q = &t->q[qi];
	struct iovec iov[FILL_IOV_MAX];
	struct msghdr m = { .msg_iov = iov };
	uint8_t vh[PACKET_VNET_LEN];
	int n, e;

	vnet_encode(p, vh, sizeof(vh));
	vnet_order(vh);
	n = pkt_iov(p, iov, FILL_IOV_MAX, 1);
	if (n < 0)
		n = fill_gather(&q->fill, p, iov);
	if (n < 0)
		return tx_result(p, -n);
	iov[0].iov_base = vh;
	iov[0].iov_len = sizeof(vh);
	m.msg_iovlen = (size_t)n;
	e = tx_send(q->fd, &m);
	if (e)
		return tx_result(p, e);
	pkt_free(p);
	return PORT_TX_OK;
}
