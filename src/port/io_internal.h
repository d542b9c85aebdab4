/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io_internal.h - what the ports that read and write descriptors share
 */
#ifndef GUST_PORT_IO_INTERNAL_H
#define GUST_PORT_IO_INTERNAL_H

#include "port/port.h"

/*
 * Read one packet of queue `q`. 1: *ret_p is one, or NULL for one that was dropped,
 * *ret_why the reason; 0: nothing more; -errno.
 */
typedef int (*io_rx_one)(struct port *port, unsigned q, struct gust_pkt **ret_p,
			 enum drop_reason *ret_why);

/* port_ops.rx of a port that reads one by one. */
static inline int io_rx(struct port *port, unsigned q, unsigned max, io_rx_one one,
			struct gust_batch *ret, struct drop_counters *drops)
{
	unsigned n;

	for (n = 0; n < max; n++) {
		enum drop_reason why = DROP_NONE;
		struct gust_pkt *p;
		int r = one(port, q, &p, &why);

		if (r < 0 && !n)
			return r;
		if (r <= 0)
			break;
		if (p)
			gust_batch_push(ret, p);
		else
			drop_count(drops, why, 1);
	}
	return (int)n;
}

static inline enum port_tx io_tx_fail(struct gust_pkt *p, enum port_tx res)
{
	pkt_free(p);
	return res;
}

/* This form is not taken: the caller's again, unless it is the plainest. */
static inline enum port_tx io_tx_refused(struct gust_pkt *p)
{
	if (p->gso_size || (p->need & GUST_F_CSUM))
		return PORT_TX_REFUSED;
	return io_tx_fail(p, PORT_TX_ERROR);
}

#endif
