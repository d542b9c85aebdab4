/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plug_bigtcp.c - the plugin bigtcp, linked into a test program under a name of its own
 */
#define GUST_PLUGIN_SYMBOL plug_bigtcp
#include "../../plugins/bigtcp.c"
