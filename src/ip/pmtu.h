/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmtu.h - path MTU towards the inside (RFC 1191, RFC 8201)
 *
 * A bounded cache, destination -> MTU, entries expire after 10 minutes. Values
 * below 576 - IPv4's floor for what we take from ICMP, as Linux' min_pmtu 552 -
 * or 1280 (IPv6) are raised to it.
 */
#ifndef GUST_IP_PMTU_H
#define GUST_IP_PMTU_H

#include "base/env.h"
#include "wire/ipaddr.h"

#define PMTU_MIN4 552
#define PMTU_MIN6 1280

struct pmtu_cache;

struct pmtu_cache *pmtu_new(uint32_t max_entries /* 0: 1024 */);
void pmtu_free(struct pmtu_cache *c);

/* Returns true when the entry shrank. At the limit the oldest entry goes. */
bool pmtu_update(struct pmtu_cache *c, const struct ipaddr *dst, uint32_t mtu,
		 const struct env *env);
/* The smaller of the entry and `link_mtu`. */
uint32_t pmtu_get(const struct pmtu_cache *c, const struct ipaddr *dst,
		  uint32_t link_mtu, const struct env *env);

#endif
