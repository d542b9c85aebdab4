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
#include "wire/ipaddr.h"

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
	const char *kind; /* "tun", "tap", "packet", "udp", "mem" */
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

/* ---- an Ethernet device of the kernel, by AF_PACKET ---- */

struct packet_conf {
	const char *name; /* "eth1"; at most 15 bytes */
	unsigned nqueues; /* >= 1; above 1: PACKET_FANOUT by flow hash */
	/* Namespace in which the device lives: a name under /run/netns, or a path;
	 * NULL: ours. */
	const char *netns;
	bool promisc; /* frames for other stations, too, as long as we are there */
	bool any; /* frames that are neither IP nor ARP, too: for bridges */
	uint32_t rcvbuf, sndbuf; /* bytes a queue, 0: 8 MiB */
};

struct packet_info {
	int ifindex;
	uint32_t mtu;
	uint8_t mac[6];
	uint32_t rcvbuf; /* granted, as the kernel counts */
};

/*
 * Open. The device must exist and be of Ethernet kind; it may be down. Needs
 * CAP_NET_RAW. What we send is not received again; what arrives is seen by the
 * kernel's own stack as well, so a device that carries an underlay should have no
 * addresses of the kernel. Frames are received as large as the device gives them,
 * stripped VLAN tags put back. The pool's slabs must hold 65664 bytes and more;
 * superpackets above that may span two.
 *
 * rx returns -EIO once the device was deleted (or moved to another namespace), and
 * nothing while it is down. On failure -errno and a sentence in `err`.
 */
int packet_open(const struct packet_conf *conf, struct pkt_pool **pool,
		struct port **ret_port, struct packet_info *ret_info, char *err,
		size_t err_len);

/*
 * What the device takes whole at this moment: asked of the kernel (MTU,
 * gso_max_size, gso_ipv4_max_size, gso_max_segs). Superpackets beyond the device's
 * own limits and features are cut by the kernel, not refused. BIG TCP for IPv4 where
 * the device's limit is above 64 KB; for IPv6 it is received, not sent. Not for the
 * data path. 0 or -errno.
 */
int packet_caps(const struct port *port, struct port_caps *ret_caps);

/* ---- a UDP socket of the kernel, as a tunnel's underlay ---- */

struct udp_port_conf {
	/* An address, or any: 0.0.0.0 is IPv4 alone, :: is both families. */
	struct ipaddr local;
	uint16_t port; /* 0: the kernel chooses */
	unsigned nqueues; /* >= 1; above 1: SO_REUSEPORT */
	const char *netns; /* as above; NULL: ours */
	uint32_t rcvbuf, sndbuf; /* bytes a queue, 0: 4 MiB */
};

struct udp_port_info {
	uint16_t port;
	uint32_t rcvbuf; /* granted, as the kernel counts */
	bool gro; /* the kernel has UDP_GRO */
};

/*
 * Open; no privilege needed. Packets are whole IP packets with one UDP header in
 * front, layer[0] and layer[1] of the map; what of the two headers has a meaning:
 *
 *	tx  destination address and port, source address (any: the route's),
 *	    TOS or traffic class, TTL or hop limit, DF. The kernel sets
 *	    everything else, the checksum always.
 *	rx  all of it, but the identification (0), DF (set), the flow label (0),
 *	    and the UDP checksum field, which is not zero and not the sum: the
 *	    kernel has verified it, GUST_F_CSUM_OK says so. Such packets are for
 *	    decapsulation, not for forwarding.
 *
 * The source port of what is sent is the socket's, so entropy that a tunnel puts
 * into its source port is lost: on the way all of a tunnel is one flow, and of the
 * queues of the receiver it uses one. Outer headers with IP options or extension
 * headers, and fragments, are not sent.
 */
int udp_open(const struct udp_port_conf *conf, struct pkt_pool **pool,
	     struct port **ret_port, struct udp_port_info *ret_info, char *err,
	     size_t err_len);

/* What it takes: USO up to 64 segments and 64 KB, and plain datagrams. `mtu` is
 * that of the path, 0: 65535. */
void udp_caps(const struct port *port, uint32_t mtu, struct port_caps *ret_caps);

/* The path MTU towards `dst` as the kernel knows it now: the route's, or what ICMP
 * said since. Bytes of the outer IP packet. 0; or -errno, among them -ENETUNREACH
 * and -EAFNOSUPPORT. Any one thread at a time. */
int udp_path_mtu(const struct port *port, const struct ipaddr *dst,
		 uint32_t *ret_mtu);

/* An error about a datagram that queue `q` sent: by ICMP, or by our own kernel. */
struct udp_error {
	int err; /* EMSGSIZE, ECONNREFUSED, EHOSTUNREACH, ... */
	uint32_t mtu; /* EMSGSIZE: what would have passed; 0: not told */
	struct ipaddr dst; /* where the datagram was to go */
	uint16_t dport;
	struct ipaddr from; /* who says so; ::, our own kernel */
	uint8_t icmp_type, icmp_code; /* 0 from our own kernel */
};

/* The oldest one that rx or tx has met, at most UDP_ERRORS_MAX of them are kept.
 * false: none. */
#define UDP_ERRORS_MAX 32
bool udp_error_next(struct port *port, unsigned q, struct udp_error *ret_error);

/* ---- what is common to packet and udp ---- */

/* Packets that the kernel dropped since opening because queue `q` was not read in
 * time; wraps at 32 bits. 0 or -errno. */
int port_socket_drops(const struct port *port, unsigned q, uint32_t *ret_n);

/* ---- memory (tests, simulations) ---- */

/* Two ports back to back; what one sends the other receives. `depth` packets
 * a direction. */
int mem_port_pair(struct pkt_pool *pool_a, struct pkt_pool *pool_b, bool l2,
		  unsigned depth, struct port **ret_a, struct port **ret_b);

#endif
