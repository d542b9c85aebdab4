/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gust/feature.h - offloads as bits, under ethtool's names
 */
#ifndef GUST_FEATURE_H
#define GUST_FEATURE_H

#include <stdint.h>

enum gust_feature {
#define FEATURE(sym, name, text) GUST_FEAT_##sym,
#include <gust/feature.def>
#undef FEATURE
	GUST_FEAT_N
};

#define GUST_FEAT_BIT(f) (UINT64_C(1) << (f))

#endif
