/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fib.c - the routing table: destinations, snapshots, lookup
 *
 * Theory of operation. Both families are tree bitmaps (Eatherton, Varghese and
 * Dittia, "Tree Bitmap: Hardware/Software IP Lookups with Incremental Updates",
 * 2004) with strides of 6 bits. A node has two maps of 64 bits: which of the 63
 * prefixes of 0 to 5 further bits are routes, and which of the 64 children there are.
 * Values and children stand in dense blocks and are found by counting bits. A step of
 * a lookup is one node of 24 bytes: the longest match among its prefixes is one AND
 * with a table of ancestors and one count of leading zeros; the best so far is kept
 * and resolved once, at the end. A subtree with one route is a leaf in its parent's
 * block that holds the whole key: so depth follows how crowded an address's
 * neighbourhood is and not how long prefixes are, which is what makes IPv6 cost
 * hardly more than IPv4.
 *
 * Why not DIR-24-8 or poptrie, whose lookups need a step or two less: both push
 * routes down into every slot that they cover, so a change of a short prefix rewrites
 * thousands of slots, and needs a second structure to know what lies beneath. Here a
 * route stands in one place, a change touches the nodes above it and nothing else,
 * and the trie itself is the table.
 *
 * Snapshots. A change copies the blocks on the way from the root to the route and
 * leaves all others shared (path copying); blocks made since the last publication
 * are changed in place. So a published trie is immutable, publishing is copying two
 * root nodes, and readers need no lock and no barrier but the one with which the
 * pointer is handed over. This fits the house, where configuration is an immutable
 * snapshot that workers take between two turns; a copy for each worker would cost
 * memory and updates on the data path, and in-place changes grace periods.
 *
 * Memory. Blocks are cut from the bottom of an arena upward and never given back
 * one by one. Publishing, or a change that finds the arena full, copies what lives to a new
 * arena when there is more garbage than life; the former one is unmapped with the last
 * snapshot in it. At most two arenas exist at a time: if the former one is still in
 * use when the next would be due, changes are refused (-EBUSY) rather than memory
 * wasted.
 *
 * Destinations are interned: routes hold a number, equal destinations share it. A
 * number whose last route went away is used again only in the next arena, since
 * snapshots in this one may still mean the former destination by it.
 */
#include "switch/fib.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/siphash.h"
#include "switch/fib_internal.h"
#include "wire/bytes.h"

#define BYTES_MIN (UINT64_C(1) << 20)
#define GARBAGE_MIN ((UINT32_C(1) << 20) / 8) /* words, not worth collecting */

enum family { V4, V6, FAMILIES };

struct fib_snap {
	const uint64_t *mem;
	const struct fib_group *group;
	struct fib_node root[FAMILIES];
	uint32_t seed;
	bool popcnt; /* the processor has the instruction */
	/* the writer's */
	struct fib_arena *arena;
	uint32_t refs;
};

struct fib {
	struct fib_conf conf;
	struct fib_arena *arena, *old; /* old: it has snapshots */
	struct fib_node root[FAMILIES];
	struct fib_snap *last; /* published; NULL: something changed since, or it
				  was released */
	uint32_t routes[FAMILIES];
	uint32_t ngroup; /* numbers in use or not yet collected */
	uint32_t *refs; /* routes by number */
	uint32_t *free; /* numbers that were collected, nfree of them */
	uint32_t nfree;
	uint32_t *slot; /* of the hash: number + 1; 0: empty */
	uint32_t mask;
	uint64_t compactions;
	uint32_t snaps;
};

/* ---- destinations ---- */

/* 0 and a copy that can be compared byte by byte, or -EINVAL. */
static int canonical(const struct fib_dest *d, struct fib_dest *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (d->type >= FIB_TYPES || (d->type == FIB_UNICAST) != (d->n > 0) ||
	    d->n > FIB_NH_MAX)
		return -EINVAL;
	ret->type = d->type;
	ret->n = d->n;
	for (unsigned i = 0; i < d->n; i++) {
		ret->nh[i].id = d->nh[i].id;
		ret->nh[i].weight = d->nh[i].weight ? d->nh[i].weight : 1;
		ret->nh[i].has_gw = d->nh[i].has_gw;
		if (d->nh[i].has_gw)
			ret->nh[i].gw = d->nh[i].gw;
	}
	return 0;
}

static uint32_t dest_slot(const struct fib *f, const struct fib_dest *d)
{
	/* only the administrator chooses destinations: no secret is needed */
	static const struct siphash_key key = { 1, 2 };

	return (uint32_t)siphash13(&key, d, sizeof(*d)) & f->mask;
}

static void hash_put(struct fib *f, uint32_t g)
{
	uint32_t i = dest_slot(f, &f->arena->group[g].dest);

	while (f->slot[i])
		i = (i + 1) & f->mask;
	f->slot[i] = g + 1;
}

/* The number of a destination; -1: it has none. */
static int64_t dest_find(const struct fib *f, const struct fib_dest *d)
{
	for (uint32_t i = dest_slot(f, d); f->slot[i]; i = (i + 1) & f->mask)
		if (!memcmp(&f->arena->group[f->slot[i] - 1].dest, d, sizeof(*d)))
			return f->slot[i] - 1;
	return -1;
}

/* Numbers that a collection would free. */
static bool dests_dead(const struct fib *f)
{
	uint32_t used = 0;

	for (uint32_t g = 0; g < f->ngroup; g++)
		used += f->refs[g] > 0;
	return used < f->ngroup - f->nfree;
}

static bool dest_full(const struct fib *f)
{
	return !f->nfree && f->ngroup == f->conf.max_dests;
}

static uint32_t dest_make(struct fib *f, const struct fib_dest *d)
{
	uint32_t g = f->nfree ? f->free[--f->nfree] : f->ngroup++;
	struct fib_group *gr = &f->arena->group[g];

	gr->dest = *d;
	gr->total = 0;
	for (unsigned i = 0; i < d->n; i++)
		gr->sum[i] = gr->total += d->nh[i].weight;
	f->refs[g] = 0;
	hash_put(f, g);
	return g;
}

/* Destinations of a new arena: those that routes use, under the same numbers. */
static void dests_copy(struct fib *f, const struct fib_arena *from)
{
	memset(f->slot, 0, (f->mask + UINT64_C(1)) * sizeof(*f->slot));
	f->nfree = 0;
	for (uint32_t g = 0; g < f->ngroup; g++) {
		if (!f->refs[g]) {
			f->free[f->nfree++] = g;
			continue;
		}
		f->arena->group[g] = from->group[g];
		hash_put(f, g);
	}
}

/* ---- memory ---- */

static uint32_t max_words(const struct fib *f)
{
	return (uint32_t)(f->conf.max_bytes / 8);
}

static uint32_t garbage(const struct fib *f)
{
	return f->arena->top - 1 - f->arena->live;
}

/* Collect: a new arena that holds what lives. 0, -EBUSY, -ENOMEM. */
static int compact(struct fib *f)
{
	struct fib_arena *was = f->arena, *a;

	if (f->old && f->old->refs == 1) {
		fib_arena_unref(f->old);
		f->old = NULL;
	}
	if (f->old)
		return -EBUSY;
	a = fib_arena_new(max_words(f) / 2 * 3, f->conf.max_dests);
	if (!a)
		return -ENOMEM;
	f->arena = a;
	for (unsigned i = 0; i < FAMILIES; i++) {
		struct fib_node root = f->root[i];

		fib_trie_copy(a, &f->root[i], was, &root);
	}
	dests_copy(f, was);
	if (was->refs == 1)
		fib_arena_unref(was);
	else
		f->old = was;
	f->compactions++;
	return 0;
}

/* Room for one change. */
static int make_room(struct fib *f)
{
	if (f->arena->cap - f->arena->top >= FIB_RESERVE)
		return 0;
	return compact(f);
}

struct fib *fib_new(const struct fib_conf *conf)
{
	struct fib *f = calloc(1, sizeof(*f));
	struct fib_conf *c;

	if (!f)
		return NULL;
	f->conf = *conf;
	c = &f->conf;
	if (!c->max_routes)
		c->max_routes = FIB_ROUTES_MAX;
	if (!c->max_dests)
		c->max_dests = FIB_DESTS_MAX;
	if (c->max_dests > UINT32_C(1) << 20)
		c->max_dests = UINT32_C(1) << 20;
	if (!c->max_bytes)
		c->max_bytes = FIB_BYTES_MAX;
	if (c->max_bytes < BYTES_MIN)
		c->max_bytes = BYTES_MIN;
	if (c->max_bytes > UINT64_C(8) << 30) /* blocks have numbers of 31 bits */
		c->max_bytes = UINT64_C(8) << 30;
	for (f->mask = 1; f->mask < c->max_dests * 2; f->mask *= 2)
		;
	f->mask--;
	f->slot = calloc(f->mask + 1, sizeof(*f->slot));
	f->refs = calloc(c->max_dests, sizeof(*f->refs));
	f->free = calloc(c->max_dests, sizeof(*f->free));
	f->arena = fib_arena_new(max_words(f) / 2 * 3, c->max_dests);
	if (!f->slot || !f->refs || !f->free || !f->arena) {
		fib_free(f);
		return NULL;
	}
	return f;
}

void fib_free(struct fib *f)
{
	if (!f)
		return;
	assert(!f->snaps);
	fib_arena_unref(f->arena);
	fib_arena_unref(f->old);
	free(f->slot);
	free(f->refs);
	free(f->free);
	free(f);
}

/* ---- changes ---- */

/* -EINVAL: the prefix is none. */
static int key_of(const struct ipaddr *net, unsigned plen, enum family *ret_fam,
		  struct fib_key *ret_k)
{
	unsigned bits = ipaddr_is4(net) ? 32 : 128, off = 0;
	fib_bits v = 0;

	if (plen > bits)
		return -EINVAL;
	for (unsigned i = 16 - bits / 8; i < 16; i++)
		v = v << 8 | net->b[i];
	v <<= 128 - bits;
	if (plen < 128 && v << plen)
		return -EINVAL;
	if (bits == 32)
		off = FIB_KEY4_OFF;
	*ret_fam = bits == 32 ? V4 : V6;
	*ret_k = (struct fib_key){ .bits = v >> off, .len = plen + off };
	return 0;
}

static void changed(struct fib *f)
{
	f->last = NULL;
}

static int set(struct fib *f, const struct ipaddr *net, unsigned plen,
	       const struct fib_dest *d, bool replace)
{
	struct fib_dest dest;
	struct fib_key k;
	enum family fam;
	int64_t had, g;
	int r;

	r = key_of(net, plen, &fam, &k);
	if (r < 0 || (r = canonical(d, &dest)) < 0)
		return r;
	had = fib_trie_get(f->arena, &f->root[fam], &k);
	if (had >= 0 && !replace)
		return -EEXIST;
	g = dest_find(f, &dest);
	if (had >= 0 && had == g)
		return 0;
	if (had < 0 && (f->routes[V4] + f->routes[V6] >= f->conf.max_routes ||
			f->arena->live + FIB_RESERVE / 2 > max_words(f)))
		return -ENOSPC;
	r = make_room(f);
	if (r < 0)
		return r;
	g = dest_find(f, &dest); /* a collection may have taken it */
	if (g < 0 && dest_full(f)) {
		r = dests_dead(f) ? compact(f) : -ENOSPC;
		if (r < 0)
			return r;
	}
	if (g < 0)
		g = dest_make(f, &dest);
	changed(f);
	fib_trie_set(f->arena, &f->root[fam], &k, (uint32_t)g);
	f->refs[g]++;
	if (had >= 0)
		f->refs[had]--;
	else
		f->routes[fam]++;
	return 0;
}

int fib_add(struct fib *f, const struct ipaddr *net, unsigned plen,
	    const struct fib_dest *d)
{
	return set(f, net, plen, d, false);
}

int fib_set(struct fib *f, const struct ipaddr *net, unsigned plen,
	    const struct fib_dest *d)
{
	return set(f, net, plen, d, true);
}

int fib_del(struct fib *f, const struct ipaddr *net, unsigned plen)
{
	struct fib_key k;
	enum family fam;
	int64_t had;
	int r;

	r = key_of(net, plen, &fam, &k);
	if (r < 0)
		return r;
	had = fib_trie_get(f->arena, &f->root[fam], &k);
	if (had < 0)
		return -ENOENT;
	r = make_room(f);
	if (r < 0)
		return r;
	changed(f);
	fib_trie_del(f->arena, &f->root[fam], &k);
	f->refs[had]--;
	f->routes[fam]--;
	return 0;
}

const struct fib_dest *fib_get(const struct fib *f, const struct ipaddr *net,
			       unsigned plen)
{
	struct fib_key k;
	enum family fam;
	int64_t g;

	if (key_of(net, plen, &fam, &k) < 0)
		return NULL;
	g = fib_trie_get(f->arena, &f->root[fam], &k);
	return g < 0 ? NULL : &f->arena->group[g].dest;
}

void fib_stats(const struct fib *f, struct fib_stats *ret)
{
	*ret = (struct fib_stats){ .routes4 = f->routes[V4],
				   .routes6 = f->routes[V6],
				   .bytes = f->arena->live * UINT64_C(8),
				   .garbage = garbage(f) * UINT64_C(8),
				   .compactions = f->compactions };
	for (uint32_t g = 0; g < f->ngroup; g++)
		ret->dests += f->refs[g] > 0;
}

/* ---- snapshots ---- */

const struct fib_snap *fib_publish(struct fib *f)
{
	struct fib_snap *s;

	if (f->last) {
		f->last->refs++;
		return f->last;
	}
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	/* It may fail: then the garbage stays until the next time. */
	if (garbage(f) > GARBAGE_MIN && garbage(f) > f->arena->live)
		(void)compact(f);
	*s = (struct fib_snap)
	{
		.mem = f->arena->mem, .group = f->arena->group,
		.root = { f->root[V4], f->root[V6] }, .seed = f->conf.seed,
#if defined(__x86_64__) || defined(__i386__)
		.popcnt = __builtin_cpu_supports("popcnt"),
#endif
		.arena = f->arena, .refs = 1,
	};
	f->arena->refs++;
	f->arena->mark = f->arena->top;
	f->last = s;
	f->snaps++;
	return s;
}

void fib_release(struct fib *f, const struct fib_snap *cs)
{
	struct fib_snap *s = (struct fib_snap *)cs;

	if (!s || --s->refs)
		return;
	if (f->last == s)
		f->last = NULL;
	fib_arena_unref(s->arena);
	free(s);
	f->snaps--;
	if (f->old && f->old->refs == 1) {
		fib_arena_unref(f->old);
		f->old = NULL;
	}
}

/* What a walk of all routes hands on. */
struct visit {
	const struct fib_snap *s;
	enum family fam;
	int (*fn)(void *arg, const struct ipaddr *net, unsigned plen,
		  const struct fib_dest *d);
	void *arg;
};

static int visit(void *arg, const struct fib_key *k, uint32_t value)
{
	const struct visit *v = arg;
	unsigned off = v->fam == V4 ? FIB_KEY4_OFF : 0;
	fib_bits bits = k->bits << off;
	struct ipaddr net;
	uint8_t b[16];

	for (unsigned i = 0; i < 16; i++)
		b[i] = (uint8_t)(bits >> (120 - 8 * i));
	net = v->fam == V4 ? ipaddr_from4(b) : ipaddr_from6(b);
	return v->fn(v->arg, &net, k->len - off, &v->s->group[value].dest);
}

int fib_walk(const struct fib_snap *s,
	     int (*fn)(void *arg, const struct ipaddr *net, unsigned plen,
		       const struct fib_dest *d),
	     void *arg)
{
	for (unsigned fam = 0; fam < FAMILIES; fam++) {
		struct visit v = { s, fam, fn, arg };
		int r = fib_trie_walk(s->arena, &s->root[fam], visit, &v);

		if (r)
			return r;
	}
	return 0;
}

/* ---- lookup ---- */

/* Bits of the prefixes in a node that cover chunk `c`: one of each length. */
#define ANC(c)                                                                     \
	(UINT64_C(1) << 1 | UINT64_C(1) << (2 + ((c) >> 5)) |                      \
	 UINT64_C(1) << (4 + ((c) >> 4)) | UINT64_C(1) << (8 + ((c) >> 3)) |       \
	 UINT64_C(1) << (16 + ((c) >> 2)) | UINT64_C(1) << (32 + ((c) >> 1)))
#define ANC4(c) ANC(c), ANC((c) + 1), ANC((c) + 2), ANC((c) + 3)
#define ANC16(c) ANC4(c), ANC4((c) + 4), ANC4((c) + 8), ANC4((c) + 12)

static const uint64_t ancestors[64] = { ANC16(0), ANC16(16), ANC16(32), ANC16(48) };

static inline bool leaf_covers(const struct fib_node *n, uint64_t hi, uint64_t lo,
			       bool v6)
{
	unsigned len = n->res & ~FIB_LEAF; /* a stride at least, so never 0 */

	if (!v6 || len <= 64)
		return !((hi ^ n->hi) >> (64 - len));
	return hi == n->hi && !((lo ^ n->lo) >> (128 - len));
}

/* The value of the longest match; -1: none. */
static inline __attribute__((always_inline)) int64_t
search(const struct fib_snap *s, const struct fib_node *n, uint64_t hi, uint64_t lo,
       bool v6)
{
	const uint64_t *mem = s->mem;
	const struct fib_node *best = n;
	uint64_t best_in = 0, h = hi, l = lo;
	unsigned i;

	for (;;) {
		unsigned c = h >> (64 - FIB_STRIDE);
		uint64_t in = n->in & ancestors[c], bit = UINT64_C(1) << c;

		best = in ? n : best;
		best_in = in ? in : best_in;
		if (!(n->ext & bit))
			break;
		n = (const struct fib_node *)(mem + n->kids) +
		    fib_pop(n->ext & (bit - 1));
		if (fib_is_leaf(n)) {
			if (leaf_covers(n, hi, lo, v6))
				return n->kids;
			break;
		}
		h <<= FIB_STRIDE;
		if (v6) {
			h |= l >> (64 - FIB_STRIDE);
			l <<= FIB_STRIDE;
		}
	}
	if (!best_in)
		return -1;
	/* the highest bit is the longest prefix */
	i = fib_pop(best->in &
		    ((UINT64_C(1) << (63 - __builtin_clzll(best_in))) - 1));
	if (!(best->in & (best->in - 1)))
		return best->res;
	return ((const uint32_t *)(mem + best->res))[i];
}

static inline __attribute__((always_inline)) int64_t
search_any(const struct fib_snap *s, const struct ipaddr *dst)
{
	if (ipaddr_is4(dst))
		return search(s, &s->root[V4],
			      (uint64_t)get32(dst->b + 12) << (32 - FIB_KEY4_OFF),
			      0, false);
	return search(s, &s->root[V6],
		      (uint64_t)get32(dst->b) << 32 | get32(dst->b + 4),
		      (uint64_t)get32(dst->b + 8) << 32 | get32(dst->b + 12), true);
}

static int64_t search_plain(const struct fib_snap *s, const struct ipaddr *dst)
{
	return search_any(s, dst);
}

#if defined(__x86_64__) || defined(__i386__)
/* Counting bits is what a lookup does most, and the instruction for it is newer than
 * what compilers assume. */
__attribute__((target("popcnt"))) static int64_t
search_popcnt(const struct fib_snap *s, const struct ipaddr *dst)
{
	return search_any(s, dst);
}
#else
#define search_popcnt search_plain
#endif

const struct fib_dest *fib_lookup(const struct fib_snap *s,
				  const struct ipaddr *dst)
{
	int64_t g = s->popcnt ? search_popcnt(s, dst) : search_plain(s, dst);

	return g < 0 ? NULL : &s->group[g].dest;
}

/* ---- ECMP ---- */

unsigned fib_select(const struct fib_snap *s, const struct fib_dest *d,
		    uint32_t hash)
{
	const struct fib_group *g = container_of(d, struct fib_group, dest);
	unsigned i = 0;

	if (d->n < 2)
		return 0;
	/* Owners of flows, tables and other routers use the same hash: without a
	 * mix of our own, those who came here are alike in some bits. The finalizer
	 * of MurmurHash3. */
	hash ^= s->seed;
	hash = (hash ^ hash >> 16) * UINT32_C(0x85ebca6b);
	hash = (hash ^ hash >> 13) * UINT32_C(0xc2b2ae35);
	hash ^= hash >> 16;
	/* RFC 2992: regions as large as the weights */
	hash = (uint64_t)hash * g->total >> 32;
	while (hash >= g->sum[i])
		i++;
	return i;
}
