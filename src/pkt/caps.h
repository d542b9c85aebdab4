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

/* The bits of gust/feature.def, under the house's shorter names. */
enum feat {
#define FEATURE(sym, name, text) FEAT_##sym,
#include <gust/feature.def>
#undef FEATURE
	FEAT_N
};

#define FEAT_BIT(f) (UINT32_C(1) << (f))

/* ethtool's name ("tx-tcp-segmentation"), or ours where ethtool has none. */
const char *feat_name(enum feat f);
/* What a port can do that has it. */
const char *feat_text(enum feat f);

struct port_caps {
	uint32_t feats; /* FEAT_BIT()s */
	uint32_t mtu; /* largest IP packet of one segment */
	uint32_t gso_max4, gso_max6; /* largest superpacket, IP length; >= mtu */
	uint32_t gso_max_udp; /* the same for USO, <= 65535 */
	uint32_t gso_max_segs; /* 0: no limit */
	/* Superpackets that the port does not carry are cut behind the core that
	 * makes them (an enabled plugin does it). Where neither is so, none may be
	 * made. */
	bool cuts_tcp, cuts_udp;
};

/* The TUN_F_* (linux/if_tun.h) that stand for features, and the features whose bits
 * all are in `tun_f`. What a tun has no bit for counts as absent. */
unsigned caps_tun_f(uint32_t feats);
uint32_t caps_of_tun_f(unsigned tun_f);

static inline bool caps_has(const struct port_caps *c, enum feat f)
{
	return c->feats & FEAT_BIT(f);
}

#endif
