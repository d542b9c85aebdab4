/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_internal.h - what udp.c (set-up), udp_io.c (the data path) and udp_error.c
 * (ICMP, path MTU) share
 */
#ifndef GUST_PORT_UDP_INTERNAL_H
#define GUST_PORT_UDP_INTERNAL_H

#include "port/fill_internal.h"
#include "port/port.h"

/* What a read must find: the longest payload, rounded up. */
#define UDP_READ_MAX 65536

/* Room for the headers that are made up: IPv6 and UDP. */
#define UDP_FRONT 48

/* UDP_MAX_SEGMENTS of the kernels that have the fewest. */
#define UDP_SEGS_MAX 64

struct udp_queue {
	_Alignas(64) struct fill fill;
	int fd;
	bool df; /* how the socket stands (IPv4) */
	unsigned nerr, first_err;
	struct udp_error err[UDP_ERRORS_MAX]; /* a ring */
};

struct udp_port {
	struct port port; /* first */
	int family; /* of the sockets */
	bool v4, v6; /* what they speak */
	bool gso; /* UDP_SEGMENT */
	struct ipaddr local; /* bound to; may be any */
	uint16_t lport;
	/* What the sockets put into headers by themselves. */
	uint8_t ttl4, tos4, ttl6, tos6;
	int probe_fd; /* connected here and there to ask for a path's MTU */
	struct udp_queue q[];
};

/* Socket address of `a` for a socket of `t`; its length. */
socklen_t udp_sockaddr(const struct udp_port *t, const struct ipaddr *a,
		       uint16_t port, struct sockaddr_storage *ret);
/* And back. false: of another family. */
bool udp_addr_of(const struct sockaddr_storage *ss, struct ipaddr *ret,
		 uint16_t *ret_port);

/* Move what the socket's error queue holds to the port's list. Returns how many
 * there were. */
unsigned udp_errors_read(struct udp_queue *q);
void udp_error_push(struct udp_queue *q, const struct udp_error *e);
/* The newest of at least one. */
struct udp_error *udp_error_last(struct udp_queue *q);

int udp_rx(struct port *port, unsigned q, unsigned max, struct gust_batch *ret,
	   struct drop_counters *drops);
enum port_tx udp_tx(struct port *port, unsigned q, struct gust_pkt *p);

#endif
