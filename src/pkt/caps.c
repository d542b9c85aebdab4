/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caps.c - names of features: ethtool's where ethtool has one
 */
#include "pkt/caps.h"

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
