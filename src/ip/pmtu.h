/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmtu.h - path MTU towards the inside (RFC 1191, RFC 8201)
 *
 * A bounded cache, destination -> MTU, entries expire after 10 minutes. IPv4: a
 * value below 552 (Linux' min_pmtu; RFC 1191 3 would go down to 68) is raised
 * to it, so that a forged message cannot make segments tiny (RFC 5927 7.2).
 * IPv6: one below 1280 is ignored (RFC 8201 4).
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
