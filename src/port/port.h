/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h - where packets enter and leave
 *
 * A port has as many queues as there are workers; a queue is used by one
 * thread. rx appends packets that stand contiguously (pkt_from_slab, not yet
 * dissected) with the virtio_net_hdr kept aside in front of them; tx takes
 * dissected packets.
 */
#ifndef GUST_PORT_PORT_H
#define GUST_PORT_PORT_H

#include "pkt/caps.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"

struct port;

/* Result of one packet's transmission. */
enum port_tx {
	PORT_TX_OK, /* packet freed */
	PORT_TX_AGAIN, /* queue full, packet still the caller's */
	PORT_TX_NOMEM, /* no memory for it at the moment; packet still the
			   caller's: smaller pieces, or later */
	PORT_TX_REFUSED, /* EINVAL and the like: this *form* is not taken; the
			   packet still is the caller's: cut it and retry */
	PORT_TX_DOWN, /* interface down; packet freed and to be counted */
	PORT_TX_ERROR, /* anything else; packet freed and to be counted */
};

struct port_rx_stats {
	uint64_t packets, bytes, super, drops;
};

struct port_ops {
	const char *kind; /* "tun", "tap", "mem" */
	/*
	 * Read up to `max` packets of queue `q` into `ret`, each dissected and
	 * its virtio_net_hdr decoded; what is malformed is dropped and counted
	 * in `drops`. Returns the number of packets *read* (dropped ones
	 * included), 0 when nothing waits, or -errno (-EIO: gone).
	 */
	int (*rx)(struct port *port, unsigned q, unsigned max,
		  struct gust_batch *ret, struct drop_counters *drops);
	enum port_tx (*tx)(struct port *port, unsigned q, struct gust_pkt *p);
	int (*fd)(const struct port *port, unsigned q); /* for poll; -1: none */
	void (*close)(struct port *port);
};

struct port {
	const struct port_ops *ops;
	bool l2; /* frames begin with an Ethernet header */
	unsigned nqueues;
	struct pkt_pool **pool; /* one a queue; borrowed */
};

/* ---- tun and tap ---- */

struct tun_conf {
	const char *name; /* "gust0"; at most 15 bytes */
	bool tap;
	unsigned nqueues; /* >= 1 */
	/* Namespace in which the interface lives: a name under /run/netns, or a
	 * path; NULL: ours. */
	const char *netns;
	bool persist; /* TUNSETPERSIST after creation */
	unsigned vnet_len; /* 0: 24 */
};

struct tun_info {
	char name[16];
	int ifindex;
	bool created; /* by us; false: attached to one that existed */
	bool multi_queue; /* false: the existing interface has one queue */
	unsigned nqueues; /* opened */
	unsigned vnet_len;
};

/*
 * Open (create or attach). Attaching to a persistent interface of one queue
 * opens one and says so in *ret_info. `pool[i]` serves queue i. On failure
 * -errno, and `err` holds a sentence that says which step failed and what to do
 * ("TUNSETIFF gust0: Operation not permitted: needs CAP_NET_ADMIN, or create
 * the interface with `ip tuntap add gust0 mode tun multi_queue vnet_hdr`").
 */
int tun_open(const struct tun_conf *conf, struct pkt_pool **pool,
	     struct port **ret_port, struct tun_info *ret_info, char *err,
	     size_t err_len);

/* TUNSETOFFLOAD with exactly these TUN_F_* bits on all queues. 0 or -errno. */
int tun_set_offload(struct port *port, unsigned tun_f);

/*
 * The ladder: from `want` (TUN_F_*) downwards, drop one feature at a time in
 * the order tunnel csum, tunnel, USO, UFO, TSO_ECN, TSO6, TSO4, CSUM until the
 * kernel accepts. *ret_granted is what it took (may be 0).
 */
int tun_offload_ladder(struct port *port, unsigned want, unsigned *ret_granted);

/* ---- memory (tests, simulations) ---- */

/* Two ports back to back; what one sends the other receives. `depth` packets
 * a direction. */
int mem_port_pair(struct pkt_pool *pool_a, struct pkt_pool *pool_b, bool l2,
		  unsigned depth, struct port **ret_a, struct port **ret_b);

#endif
