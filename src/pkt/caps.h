/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caps.h - what a port can take, as numbers
 *
 * Feature bits carry ethtool's names. One `struct port_caps` describes one
 * direction of one port; it is what the egress planner and the protocol cores
 * consult, and it changes only by publishing a new snapshot.
 */
#ifndef GUST_PKT_CAPS_H
#define GUST_PKT_CAPS_H

#include <stdbool.h>
#include <stdint.h>

enum feat {
	FEAT_TX_CSUM, /* tx-checksum-ip-generic */
	FEAT_SG, /* tx-scatter-gather */
	FEAT_TSO4, /* tx-tcp-segmentation */
	FEAT_TSO_ECN, /* tx-tcp-ecn-segmentation */
	FEAT_TSO6, /* tx-tcp6-segmentation */
	FEAT_USO, /* tx-udp-segmentation */
	FEAT_UFO, /* tx-udp-fragmentation (gso type UDP) */
	FEAT_UDP_TNL, /* tx-udp_tnl-segmentation */
	FEAT_UDP_TNL_CSUM, /* tx-udp_tnl-csum-segmentation */
	FEAT_GRO, /* rx-gro */
	FEAT_BIGTCP4, /* IPv4 above 64 KB, tot_len 0 */
	FEAT_BIGTCP6_JUMBO, /* IPv6 above 64 KB, RFC 2675 hop-by-hop option */
	FEAT_BIGTCP6_PLAIN, /* IPv6 above 64 KB, payload length 0, no option */
	FEAT_N
};

#define FEAT_BIT(f) (UINT32_C(1) << (f))

/* ethtool's name ("tx-tcp-segmentation"), or ours where ethtool has none. */
const char *feat_name(enum feat f);

struct port_caps {
	uint32_t feats; /* FEAT_BIT()s */
	uint32_t mtu; /* largest IP packet of one segment */
	uint32_t gso_max4, gso_max6; /* largest superpacket, IP length; >= mtu */
	uint32_t gso_max_udp; /* the same for USO, <= 65535 */
	uint32_t gso_max_segs; /* 0: no limit */
};

static inline bool caps_has(const struct port_caps *c, enum feat f)
{
	return c->feats & FEAT_BIT(f);
}

#endif
