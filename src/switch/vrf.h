/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vrf.h - IP packets between ports, superpackets whole
 *
 * A VRF decides and does not send: packets go in; out come batches by next hop,
 * packets for our own stack, and packets that are to be answered with an ICMP error
 * and by which. What is done to a packet that goes on is what RFC 1812 5.2 and RFC
 * 8200 3 ask of a router: one off the TTL, once for a superpacket.
 */
#ifndef GUST_SWITCH_VRF_H
#define GUST_SWITCH_VRF_H

#include "base/siphash.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"
#include "switch/fib.h"

#define VRF_OUT_MAX 32
#define VRF_ERR_MAX 64

struct vrf {
	struct drop_counters *drops; /* borrowed, as all here */
	const struct siphash_key *secret; /* of the flow hash for ECMP */
	/* The IP MTU of a next hop's port or tunnel; 0: none is known that limits. */
	uint32_t (*mtu)(void *arg, uint32_t id);
	void *arg;
};

/* Packets that go the same way: forwarded, the TTL is counted down. */
struct vrf_out {
	const struct fib_nh *nh; /* of the snapshot */
	/* Not 0: IPv4 packets, or segments of them, that are larger than this MTU and
	 * may be fragmented: the caller does so (ip_fragment(); a superpacket is cut
	 * to single segments first). */
	uint32_t frag_mtu;
	struct gust_batch b;
};

enum vrf_error {
	VRF_E_TTL, /* time exceeded */
	VRF_E_TOO_BIG, /* `mtu` says for what */
	VRF_E_NO_ROUTE, /* network unreachable */
	VRF_E_UNREACH, /* host unreachable */
	VRF_E_PROHIBIT, /* administratively prohibited */
};

/* To be answered from the address of the port where it came in (p->port), by whoever
 * owns that, and then freed. Counted as a drop already. The packet is as it came, but
 * begins with its IP header. */
struct vrf_err {
	struct gust_pkt *p;
	enum vrf_error error;
	uint32_t mtu;
};

struct vrf_result {
	unsigned n_out, n_err;
	struct vrf_out out[VRF_OUT_MAX];
	struct vrf_err err[VRF_ERR_MAX];
	struct gust_batch local; /* for our own stack, TTL as it came */
};

/*
 * Decide for the packets of `in`; what stands in front of their outermost IP header is
 * taken off. Initialises *ret. True: all of `in` was taken. False: *ret is full; the
 * caller sends what it has and calls again with the rest.
 */
bool vrf_route(const struct vrf *v, const struct fib_snap *s, struct gust_batch *in,
	       struct vrf_result *ret);

/* The IP length of the packet's largest segment, from its outermost IP header on. */
uint32_t vrf_seg_len(const struct gust_pkt *p);

/* The hash by which vrf_route() chooses a next hop: of the outermost addresses, and
 * the ports behind them unless it is a fragment. */
uint32_t vrf_flow_hash(const struct gust_pkt *p, const struct siphash_key *secret);

#endif
