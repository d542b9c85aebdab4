/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plug_tso.c - the plugin tso, linked into a test program under a name of its own
 */
#define GUST_PLUGIN_SYMBOL plug_tso
#include "../../plugins/tso.c"
