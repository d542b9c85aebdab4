/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caps.c - names of features: ethtool's where ethtool has one
 */
#include "pkt/caps.h"

static const char *const names[FEAT_N] = {
	[FEAT_TX_CSUM] = "tx-checksum-ip-generic",
	[FEAT_SG] = "tx-scatter-gather",
	[FEAT_TSO4] = "tx-tcp-segmentation",
	[FEAT_TSO_ECN] = "tx-tcp-ecn-segmentation",
	[FEAT_TSO6] = "tx-tcp6-segmentation",
	[FEAT_USO] = "tx-udp-segmentation",
	[FEAT_UFO] = "tx-udp-fragmentation",
	[FEAT_UDP_TNL] = "tx-udp_tnl-segmentation",
	[FEAT_UDP_TNL_CSUM] = "tx-udp_tnl-csum-segmentation",
	[FEAT_GRO] = "rx-gro",
	[FEAT_BIGTCP4] = "big-tcp4",
	[FEAT_BIGTCP6_JUMBO] = "big-tcp6-jumbo",
	[FEAT_BIGTCP6_PLAIN] = "big-tcp6-plain",
};

const char *feat_name(enum feat f)
{
	return (unsigned)f < FEAT_N ? names[f] : "unknown";
}
