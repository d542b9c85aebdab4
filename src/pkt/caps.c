/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caps.c - names of features: ethtool's where ethtool has one
 */
#include "pkt/caps.h"

#include "base/linux_compat.h"

static const struct {
	const char *name, *text;
} names[FEAT_N] = {
#define FEATURE(sym, name_, text_) [FEAT_##sym] = { name_, text_ },
#include <gust/feature.def>
#undef FEATURE
};

const char *feat_name(enum feat f)
{
	return (unsigned)f < FEAT_N ? names[f].name : "unknown";
}

const char *feat_text(enum feat f)
{
	return (unsigned)f < FEAT_N ? names[f].text : "no such feature";
}

static const struct {
	enum feat feat;
	unsigned tun_f;
} tun_bits[] = {
	{ FEAT_TX_CSUM, TUN_F_CSUM },
	{ FEAT_TSO4, TUN_F_TSO4 },
	{ FEAT_TSO6, TUN_F_TSO6 },
	{ FEAT_TSO_ECN, TUN_F_TSO_ECN },
	{ FEAT_USO, TUN_F_USO4 | TUN_F_USO6 },
	{ FEAT_UFO, TUN_F_UFO },
	{ FEAT_UDP_TNL, TUN_F_UDP_TUNNEL_GSO },
	{ FEAT_UDP_TNL_CSUM, TUN_F_UDP_TUNNEL_GSO_CSUM },
};
#define TUN_BITS (sizeof(tun_bits) / sizeof(tun_bits[0]))

unsigned caps_tun_f(uint32_t feats)
{
	unsigned tun_f = 0;

	for (unsigned i = 0; i < TUN_BITS; i++)
		if (feats & FEAT_BIT(tun_bits[i].feat))
			tun_f |= tun_bits[i].tun_f;
	return tun_f;
}

uint32_t caps_of_tun_f(unsigned tun_f)
{
	uint32_t feats = 0;

	for (unsigned i = 0; i < TUN_BITS; i++)
		if ((tun_f & tun_bits[i].tun_f) == tun_bits[i].tun_f)
			feats |= FEAT_BIT(tun_bits[i].feat);
	return feats;
}
