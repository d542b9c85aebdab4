/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - open addressing with linear probing
 *
 * Invariants
 *   - the number of slots is a power of two and at most 3/4 of them are used,
 *     so every probe ends at an empty slot;
 *   - an entry stands at its home slot (hash & mask) or behind it, and no slot
 *     between the two is empty. Removal keeps this by moving later entries
 *     back (no tombstones), so that lookups do not slow down with age.
 *
 * The 32-bit hash is kept beside the pointer: a probe reads an entry only when
 * all 32 bits agree, which is once per successful lookup.
 */
#include "flow/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN 64

struct slot {
	struct flow_ent *e; /* NULL: empty */
	uint32_t hash;
};

struct flow_table {
	struct siphash_key secret;
	struct slot *slot;
	uint32_t mask;
	uint32_t n, max;
};

static uint32_t limit_of(uint32_t slots)
{
	return slots / 4 * 3;
}

struct flow_table *flow_table_new(const struct siphash_key *secret, uint32_t max)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->secret = *secret;
	t->max = max;
	t->mask = SLOTS_MIN - 1;
	t->slot = calloc(SLOTS_MIN, sizeof(*t->slot));
	if (!t->slot) {
		free(t);
		return NULL;
	}
	return t;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t);
}

uint32_t flow_table_n(const struct flow_table *t)
{
	return t->n;
}

uint32_t flow_table_max(const struct flow_table *t)
{
	return t->max;
}

uint32_t flow_table_hash(const struct flow_table *t, const struct flow_key *k)
{
	return flow_key_hash(&t->secret, k);
}

struct flow_ent *flow_table_find(const struct flow_table *t,
				 const struct flow_key *k, uint32_t hash)
{
	for (uint32_t i = hash & t->mask; t->slot[i].e; i = (i + 1) & t->mask) {
		const struct slot *s = &t->slot[i];

		if (s->hash == hash && flow_key_eq(&s->e->key, k))
			return s->e;
	}
	return NULL;
}

static void put(struct slot *slot, uint32_t mask, const struct slot *s)
{
	uint32_t i = s->hash & mask;

	while (slot[i].e)
		i = (i + 1) & mask;
	slot[i] = *s;
}

static int grow(struct flow_table *t)
{
	uint64_t slots = ((uint64_t)t->mask + 1) * 2;
	struct slot *slot;

	if (slots > UINT32_C(1) << 31)
		return -ENOMEM;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (uint32_t i = 0; i <= t->mask; i++)
		if (t->slot[i].e)
			put(slot, slots - 1, &t->slot[i]);
	free(t->slot);
	t->slot = slot;
	t->mask = slots - 1;
	return 0;
}

int flow_table_insert(struct flow_table *t, struct flow_ent *e)
{
	uint32_t hash = flow_table_hash(t, &e->key);

	if (flow_table_find(t, &e->key, hash))
		return -EEXIST;
	if (t->n >= t->max)
		return -ENOSPC;
	if (t->n >= limit_of(t->mask + 1)) {
		int r = grow(t);

		if (r < 0)
			return r;
	}
	e->hash = hash;
	put(t->slot, t->mask, &(struct slot){ .e = e, .hash = hash });
	t->n++;
	return 0;
}

void flow_table_remove(struct flow_table *t, struct flow_ent *e)
{
	uint32_t i = e->hash & t->mask, j;

	while (t->slot[i].e != e) {
		assert(t->slot[i].e); /* removed twice, or never inserted */
		i = (i + 1) & t->mask;
	}
	/* Close the gap at i: an entry at j may move there unless its home lies
	 * in (i, j], in circular order. */
	for (j = (i + 1) & t->mask; t->slot[j].e; j = (j + 1) & t->mask) {
		uint32_t home = t->slot[j].hash & t->mask;

		if (((j - home) & t->mask) < ((j - i) & t->mask))
			continue;
		t->slot[i] = t->slot[j];
		i = j;
	}
	t->slot[i].e = NULL;
	t->n--;
}

struct flow_ent *flow_table_next(const struct flow_table *t, uint32_t *pos)
{
	while (*pos <= t->mask) {
		struct flow_ent *e = t->slot[(*pos)++].e;

		if (e)
			return e;
	}
	return NULL;
}
