/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_gro.c - TCP segments of any kind: merged and cut again they are the same
 */
#define GUST_PLUGIN_SYMBOL plugin_gro
#include "../../plugins/gro.c"

extern const struct gust_plugin plugin_tso; /* with_tso.c */

#define MERGER plugin_gro
#define CUTTER plugin_tso
#include "merge_fuzz.h"
