/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plug_uso.c - the plugin uso, linked into a test program under a name of its own
 */
#define GUST_PLUGIN_SYMBOL plug_uso
#include "../../plugins/uso.c"
