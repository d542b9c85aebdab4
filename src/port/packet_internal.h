/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet_internal.h - what packet.c (set-up), packet_link.c (the device) and
 * packet_io.c (the data path) share
 */
#ifndef GUST_PORT_PACKET_INTERNAL_H
#define GUST_PORT_PACKET_INTERNAL_H

#include "port/fill_internal.h"
#include "port/port.h"

/* PACKET_VNET_HDR_SZ knows 10 and 12 bytes; the two more hold num_buffers, which
 * says nothing here. */
#define PACKET_VNET_LEN 10

/* Where a frame is read: 4 bytes in front for a tag that has to be put back, and 14
 * so that the IP header begins at a multiple of 16. */
#define PACKET_FRONT 18

/* What a read finds in one piece at the least: 64 KB of IP, an IPv6 header beyond
 * it, an Ethernet header and tags; rounded up to a multiple of 64. */
#define PACKET_READ_MIN 65664

/* The longest frame that a device hands out: GSO_MAX_SIZE of the kernel (8 * 64 KB)
 * and an Ethernet header; rounded up likewise. */
#define PACKET_READ_MAX (524288 + 64)

struct packet_queue {
	_Alignas(64) struct fill fill;
	int fd;
	bool gone; /* the device: there will be nothing more */
};

struct packet_port {
	struct port port; /* first */
	int ifindex;
	bool any; /* frames of other protocols pass */
	int nl_fd; /* rtnetlink in the device's namespace */
	struct packet_queue q[];
};

/* The device, as rtnetlink tells. */
struct packet_link {
	int ifindex;
	bool ether; /* Ethernet frames (ARPHRD_ETHER, ARPHRD_LOOPBACK) */
	uint8_t mac[6];
	uint32_t mtu, gso_max, gso_max4, gso_segs; /* bytes; segments */
};

/* An rtnetlink socket of the current namespace. A descriptor or -errno. */
int packet_link_open(void);
/* Read one device, by name or, when that is NULL, by index. 0; -ENODEV; -errno. */
int packet_link_get(int nl_fd, const char *name, int ifindex,
		    struct packet_link *ret);

int packet_rx(struct port *port, unsigned q, unsigned max, struct gust_batch *ret,
	      struct drop_counters *drops);
enum port_tx packet_tx(struct port *port, unsigned q, struct gust_pkt *p);

#endif
