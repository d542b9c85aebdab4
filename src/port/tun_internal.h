/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tun_internal.h - what tun.c (set-up) and tun_io.c (the data path) share
 */
#ifndef GUST_PORT_TUN_INTERNAL_H
#define GUST_PORT_TUN_INTERNAL_H

#include "port/fill_internal.h"
#include "port/port.h"

/*
 * The longest packet that a tun or tap hands out: 64 KB of IP (tun's
 * tso_max_size), an IPv6 header beyond it, an Ethernet header and a tag;
 * rounded up to a multiple of 64.
 */
#define TUN_READ_MAX 65664

struct tun_queue {
	_Alignas(64) struct fill fill;
	int fd;
};

struct tun_port {
	struct port port; /* first */
	unsigned vnet_len;
	struct tun_queue q[];
};

int tun_rx(struct port *port, unsigned q, unsigned max, struct gust_batch *ret,
	   struct drop_counters *drops);
enum port_tx tun_tx(struct port *port, unsigned q, struct gust_pkt *p);

#endif
