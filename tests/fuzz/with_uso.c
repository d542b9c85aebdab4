/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * with_uso.c - plugins/uso.c under a name of its own, to link it with another
 */
#define GUST_PLUGIN_SYMBOL plugin_uso
#include "../../plugins/uso.c"
