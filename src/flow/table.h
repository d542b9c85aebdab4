/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - one worker's flows: open addressing, linear probing, SipHash-1-3
 *
 * The table holds pointers to entries that the caller embeds in its own
 * objects; it never allocates per flow. It grows by doubling up to `max`
 * entries, an insertion beyond that is refused.
 */
#ifndef GUST_FLOW_TABLE_H
#define GUST_FLOW_TABLE_H

#include "flow/key.h"

struct flow_ent {
	struct flow_key key;
	uint32_t hash;
};

struct flow_table;

/* `secret` is copied. NULL: no memory. */
struct flow_table *flow_table_new(const struct siphash_key *secret, uint32_t max);
void flow_table_free(struct flow_table *t); /* entries are the caller's */

uint32_t flow_table_n(const struct flow_table *t);
uint32_t flow_table_max(const struct flow_table *t);
uint32_t flow_table_hash(const struct flow_table *t, const struct flow_key *k);

struct flow_ent *flow_table_find(const struct flow_table *t,
				 const struct flow_key *k, uint32_t hash);

/* `e->key` is set; fills e->hash. 0, -ENOSPC at the limit, -EEXIST, -ENOMEM. */
int flow_table_insert(struct flow_table *t, struct flow_ent *e);
void flow_table_remove(struct flow_table *t, struct flow_ent *e);

/* Walk in table order: start with *pos 0; NULL at the end. The table may lose
 * entries between calls (then one may be skipped), so long walks can be cut. */
struct flow_ent *flow_table_next(const struct flow_table *t, uint32_t *pos);

#endif
