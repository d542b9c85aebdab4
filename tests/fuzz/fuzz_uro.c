/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_uro.c - UDP datagrams of any kind: merged and cut again they are the same
 */
#define GUST_PLUGIN_SYMBOL plugin_uro
#include "../../plugins/uro.c"

extern const struct gust_plugin plugin_uso; /* with_uso.c */

#define MERGER plugin_uro
#define CUTTER plugin_uso
#include "merge_fuzz.h"
