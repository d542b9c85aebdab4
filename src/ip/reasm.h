/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reasm.h - bounded reassembly (RFC 791 3.2, RFC 8200 4.5, RFC 5722)
 *
 * Fragments keep their payload in place; a whole datagram is one packet whose
 * payload is the chain of the fragments' payloads. An overlap discards the
 * whole datagram and what still comes of it. Limits: `max_bytes` held,
 * `max_ctx` datagrams at a time, 64 per source address; at a limit the *new* fragment is
 * refused and old work goes on.
 */
#ifndef GUST_IP_REASM_H
#define GUST_IP_REASM_H

#include "base/env.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"

struct reasm;

struct reasm_conf {
	uint32_t max_bytes; /* 0: 4 MiB */
	uint32_t max_ctx; /* 0: 256 */
	uint64_t timeout_us; /* 0: 30 s (IPv4), 60 s (IPv6, RFC 8200 4.5) */
};

struct reasm *reasm_new(struct pkt_pool *pool, const struct reasm_conf *conf);
void reasm_free(struct reasm *r);

/*
 * Give a fragment (dissected, its map ends with GUST_LF_FRAGMENT). Takes it.
 * DROP_NONE with *ret_whole NULL: stored. DROP_NONE with *ret_whole: the whole
 * datagram, dissected again up to its transport header. Otherwise the reason
 * for which it was dropped (already freed).
 */
enum drop_reason reasm_input(struct reasm *r, struct gust_pkt *p /*taken*/,
			     const struct env *env, struct gust_pkt **ret_whole);

/*
 * Expire. Returns the number of datagrams given up. For each whose first
 * fragment (offset 0) had arrived, that fragment is appended to `ret_first`, so
 * that the caller can send "reassembly time exceeded"; the caller frees it.
 */
unsigned reasm_expire(struct reasm *r, const struct env *env,
		      struct gust_batch *ret_first);
uint64_t reasm_deadline(const struct reasm *r);
unsigned reasm_n(const struct reasm *r);

#endif
