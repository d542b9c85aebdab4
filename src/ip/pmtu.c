/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmtu.c - the path MTU cache
 *
 * Entries live in one array, are found through a small hash table and hang on
 * a list in the order of their last update, which also is the order in which
 * they expire. The array is touched only as far as it was ever used. The hash
 * is keyed from env->rng at the first update, which is enough against chance;
 * whoever could guess the key gains a chain as long as the cache is large.
 */
#include "ip/pmtu.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/siphash.h"

#define MAX_DEFAULT 1024
#define LIFE_US                                                                    \
	(600 * UINT64_C(1000000)) /* RFC 1191 6.3, RFC 8201 5.3: 10 minutes */

struct pmtu_ent {
	struct list age; /* or on `unused` */
	struct pmtu_ent *next; /* in its bucket */
	struct ipaddr dst;
	uint32_t mtu;
	uint64_t expiry_us;
};

struct pmtu_cache {
	struct siphash_key key;
	bool keyed;
	uint32_t n_made, max, mask;
	struct list age, unused; /* oldest update first */
	struct pmtu_ent *ent, **bucket;
};

struct pmtu_cache *pmtu_new(uint32_t max_entries)
{
	struct pmtu_cache *c = calloc(1, sizeof(*c));
	uint32_t buckets = 16;

	if (!c)
		return NULL;
	c->max = max_entries ? max_entries : MAX_DEFAULT;
	while (buckets < c->max && buckets < UINT32_C(1) << 24)
		buckets *= 2;
	c->mask = buckets - 1;
	list_init(&c->age);
	list_init(&c->unused);
	c->ent = calloc(c->max, sizeof(*c->ent));
	c->bucket = calloc(buckets, sizeof(struct pmtu_ent *));
	if (!c->ent || !c->bucket) {
		pmtu_free(c);
		return NULL;
	}
	return c;
}

void pmtu_free(struct pmtu_cache *c)
{
	if (!c)
		return;
	free(c->ent);
	free(c->bucket);
	free(c);
}

static struct pmtu_ent **bucket_of(const struct pmtu_cache *c,
				   const struct ipaddr *dst)
{
	return &c->bucket[siphash13(&c->key, dst, sizeof(*dst)) & c->mask];
}

static struct pmtu_ent *find(const struct pmtu_cache *c, const struct ipaddr *dst)
{
	struct pmtu_ent *e = *bucket_of(c, dst);

	while (e && !ipaddr_eq(&e->dst, dst))
		e = e->next;
	return e;
}

static void drop(struct pmtu_cache *c, struct pmtu_ent *e)
{
	struct pmtu_ent **pp = bucket_of(c, &e->dst);

	while (*pp != e)
		pp = &(*pp)->next;
	*pp = e->next;
	list_del(&e->age);
	list_add_head(&c->unused, &e->age);
}

static struct pmtu_ent *make(struct pmtu_cache *c, const struct ipaddr *dst)
{
	struct pmtu_ent **b = bucket_of(c, dst), *e;

	if (list_empty(&c->unused) && c->n_made == c->max)
		drop(c, container_of(list_first(&c->age), struct pmtu_ent, age));
	if (!list_empty(&c->unused))
		e = container_of(list_first(&c->unused), struct pmtu_ent, age);
	else
		e = &c->ent[c->n_made++];
	list_del(&e->age);
	e->dst = *dst;
	e->next = *b;
	*b = e;
	return e;
}

bool pmtu_update(struct pmtu_cache *c, const struct ipaddr *dst, uint32_t mtu,
		 const struct env *env)
{
	struct pmtu_ent *e;

	if (!ipaddr_is4(dst) && mtu < PMTU_MIN6)
		return false; /* RFC 8201 4: no link has less, discard */
	if (mtu < PMTU_MIN4)
		mtu = PMTU_MIN4;

	if (!c->keyed) {
		c->key.k0 = rng_u64(env->rng);
		c->key.k1 = rng_u64(env->rng);
		c->keyed = true;
	}
	e = find(c, dst);
	/* RFC 8201 4, RFC 1191 3: a message never raises an estimate */
	if (e && e->expiry_us > env->now_us && mtu >= e->mtu)
		return false;
	if (!e)
		e = make(c, dst);
	e->mtu = mtu;
	e->expiry_us = env->now_us + LIFE_US;
	list_del(&e->age);
	list_add_tail(&c->age, &e->age);
	return true;
}

uint32_t pmtu_get(const struct pmtu_cache *c, const struct ipaddr *dst,
		  uint32_t link_mtu, const struct env *env)
{
	const struct pmtu_ent *e;

	if (c->age.next == &c->age) /* nearly always */
		return link_mtu;
	e = find(c, dst);
	if (!e || e->expiry_us <= env->now_us || e->mtu > link_mtu)
		return link_mtu;
	return e->mtu;
}
