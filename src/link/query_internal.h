/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query_internal.h - what route.c and device.c share
 */
#ifndef GUST_LINK_QUERY_INTERNAL_H
#define GUST_LINK_QUERY_INTERNAL_H

#include "link/link_internal.h"
#include "link/query.h"

struct link_query {
	struct nlio rt, gen; /* gen.fd -1: no ethtool family */
	uint16_t eth_family;
};

#endif
