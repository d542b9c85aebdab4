/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tun_io.c - read and write packets of a tun or tap
 *
 * Receive. A read goes straight into the queue's slab (fill_internal.h), where the
 * virtio_net_hdr ends where the packet begins.
 *
 * Transmit is one writev: header, head, fragments. The kernel's answers
 * (drivers/net/tun.c, tun_get_user):
 *   EINVAL    the header was not understood or contradicts the packet
 *   EMSGSIZE  more pages than an skb holds
 *   ENOBUFS, ENOMEM  no memory now; a large packet asks for pages in one piece
 *   EIO       the interface is down
 *   EBADFD    the interface was deleted
 * A plain packet without any request cannot be put in simpler form: refusing
 * it is an error, so that a caller who cuts and retries comes to an end.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "port/io_internal.h"
#include "port/tun_internal.h"

/* ---- receive ---- */

/* Turn `len` bytes at `at`, the vnet header in front of them, into a packet. */
static struct gust_pkt *rx_packet(struct tun_port *t, unsigned qi, uint8_t *at,
				  uint32_t len, bool in_slab,
				  enum drop_reason *ret_why)
{
	struct tun_queue *q = &t->q[qi];
	struct pkt_pool *pool = t->port.pool[qi];
	enum drop_reason why = DROP_NO_PKT;
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
	why = pkt_dissect(p, t->port.l2 ? DISSECT_ETH : DISSECT_IP);
	if (why == DROP_NONE)
		why = vnet_decode(p, at - t->vnet_len, t->vnet_len);
	if (why != DROP_NONE) {
		pkt_free(p);
		*ret_why = why;
		return NULL;
	}
	if (in_slab)
		fill_use(&q->fill, at + len);
	return p;
}

/* 1: a packet was read, *ret_p is it, or NULL and *ret_why says why not. 0:
 * nothing waits. -errno. */
static int rx_one(struct port *port, unsigned qi, struct gust_pkt **ret_p,
		  enum drop_reason *ret_why)
{
	struct tun_port *t = (struct tun_port *)port;
	struct tun_queue *q = &t->q[qi];
	uint8_t *at = fill_room(&q->fill, t->port.pool[qi], 0, TUN_READ_MAX);
	bool in_slab = at;
	ssize_t n;

	if (!in_slab)
		at = q->fill.scratch + t->vnet_len;
	do
		n = read(q->fd, at - t->vnet_len, t->vnet_len + TUN_READ_MAX);
	while (n < 0 && errno == EINTR);

	*ret_p = NULL;
	if (n < 0) {
		switch (errno) {
		case EAGAIN:
			return 0;
		case EINVAL: /* taken off the queue, but of a form that the
				kernel could not describe */
			*ret_why = DROP_BAD_VNET;
			return 1;
		case EBADFD: /* deleted, or moved away under us */
		case EFAULT: /* the same, seen while asleep in the driver */
		case ENODEV:
			return -EIO;
		default:
			return -errno;
		}
	}
	if (n <= (ssize_t)t->vnet_len) {
		*ret_why = DROP_SHORT;
		return 1;
	}
	*ret_p = rx_packet(t, qi, at, (uint32_t)n - t->vnet_len, in_slab, ret_why);
	return 1;
}

int tun_rx(struct port *port, unsigned q, unsigned max, struct gust_batch *ret,
	   struct drop_counters *drops)
{
	return io_rx(port, q, max, rx_one, ret, drops);
}

/* ---- transmit ---- */

static enum port_tx tx_result(struct gust_pkt *p, int e)
{
	switch (e) {
	case EAGAIN:
		return PORT_TX_AGAIN;
	case EINVAL:
	case EMSGSIZE:
	case E2BIG:
		return io_tx_refused(p);
	case ENOBUFS:
	case ENOMEM:
		return PORT_TX_NOMEM;
	case EIO:
	case ENETDOWN:
	case EBADFD:
	case ENODEV:
		return io_tx_fail(p, PORT_TX_DOWN);
	default:
		return io_tx_fail(p, PORT_TX_ERROR);
	}
}

enum port_tx tun_tx(struct port *port, unsigned qi, struct gust_pkt *p)
{
	struct tun_port *t = (struct tun_port *)port;
	struct tun_queue *q = &t->q[qi];
	struct iovec iov[FILL_IOV_MAX];
	uint8_t vh[VNET_LEN];
	ssize_t r;
	int n;

	vnet_encode(p, vh, t->vnet_len);
	n = pkt_iov(p, iov, FILL_IOV_MAX, 1);
	if (n < 0)
		n = fill_gather(&q->fill, p, iov);
	if (n < 0)
		return tx_result(p, -n);
	iov[0].iov_base = vh;
	iov[0].iov_len = t->vnet_len;
	do
		r = writev(q->fd, iov, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return tx_result(p, errno);
	pkt_free(p);
	return PORT_TX_OK;
}
