/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * with_tso.c - plugins/tso.c under a name of its own, to link it with another
 */
#define GUST_PLUGIN_SYMBOL plugin_tso
#include "../../plugins/tso.c"
