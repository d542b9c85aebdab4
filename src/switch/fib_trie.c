/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fib_trie.c - the writer's side of the tree bitmap: memory, insertion, removal
 *
 * Canonical form: a subtree with one route is a leaf, one without routes does not
 * exist; the root alone is always a node. So a table has one shape whatever the
 * order in which it came about, and an emptied table needs no memory.
 *
 * A node that is to change is first made the writer's own: its block is copied
 * unless it lies above the arena's mark. The way from the root down is owned
 * before anything on it changes, hence published nodes are never written.
 */
#include "switch/fib_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NODE_WORDS 3

_Static_assert(sizeof(struct fib_node) == NODE_WORDS * 8, "three words");

/* ---- memory ---- */

struct fib_arena *fib_arena_new(uint32_t words, uint32_t max_dests)
{
	struct fib_arena *a = calloc(1, sizeof(*a));
	size_t len;

	if (!a)
		return NULL;
	a->refs = 1;
	a->top = a->mark = 1;
	a->cap = words + 2 * FIB_RESERVE;
	len = (size_t)a->cap * 8;
	a->group = calloc(max_dests, sizeof(*a->group));
	/* address space; pages come when they are touched */
	a->mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->mem == MAP_FAILED || !a->group) {
		if (a->mem == MAP_FAILED)
			a->mem = NULL;
		fib_arena_unref(a);
		return NULL;
	}
	return a;
}

void fib_arena_unref(struct fib_arena *a)
{
	if (!a || --a->refs)
		return;
	if (a->mem)
		munmap(a->mem, (size_t)a->cap * 8);
	free(a->group);
	free(a);
}

static uint32_t take(struct fib_arena *a, uint32_t words)
{
	uint32_t at = a->top;

	assert(words <= a->cap - at);
	a->top += words;
	a->live += words;
	return at;
}

static void give_up(struct fib_arena *a, uint32_t words)
{
	a->live -= words;
}

/* Blocks have room for a few more than they hold: 1, 2, 3, 4, 6, 8, 12, 16, ... */
static unsigned room(unsigned n)
{
	unsigned p = 1;

	if (n <= 4)
		return n;
	while (p < n)
		p *= 2;
	return n <= p / 4 * 3 ? p / 4 * 3 : p;
}

static unsigned kids_words(unsigned n)
{
	return room(n) * NODE_WORDS;
}

/* One value stands in the node itself. */
static unsigned res_words(unsigned n)
{
	return n < 2 ? 0 : (room(n) + 1) / 2;
}

static bool mine(const struct fib_arena *a, uint32_t block)
{
	return block >= a->mark;
}

/* ---- blocks of children ---- */

static struct fib_node *own_kids(struct fib_arena *a, struct fib_node *n)
{
	unsigned cnt = fib_pop(n->ext);
	const struct fib_node *old = fib_kids(a, n);

	if (mine(a, n->kids))
		return fib_kids(a, n);
	give_up(a, kids_words(cnt));
	n->kids = take(a, kids_words(cnt));
	memcpy(fib_kids(a, n), old, cnt * sizeof(*old));
	return fib_kids(a, n);
}

static unsigned kid_index(const struct fib_node *n, unsigned c)
{
	return fib_pop(n->ext & ((UINT64_C(1) << c) - 1));
}

static void add_kid(struct fib_arena *a, struct fib_node *n, unsigned c,
		    const struct fib_node *kid)
{
	unsigned cnt = fib_pop(n->ext), i = kid_index(n, c);
	struct fib_node *old = fib_kids(a, n), *k = old;

	if (!cnt || !mine(a, n->kids) || room(cnt) <= cnt) {
		give_up(a, kids_words(cnt));
		n->kids = take(a, kids_words(cnt + 1));
		k = fib_kids(a, n);
		if (i)
			memcpy(k, old, i * sizeof(*k));
	}
	if (cnt > i)
		memmove(k + i + 1, old + i, (cnt - i) * sizeof(*k));
	k[i] = *kid;
	n->ext |= UINT64_C(1) << c;
}

static void del_kid(struct fib_arena *a, struct fib_node *n, unsigned c)
{
	unsigned cnt = fib_pop(n->ext), i = kid_index(n, c);
	struct fib_node *k = own_kids(a, n);

	memmove(k + i, k + i + 1, (cnt - 1 - i) * sizeof(*k));
	give_up(a, kids_words(cnt) - kids_words(cnt - 1));
	n->ext &= ~(UINT64_C(1) << c);
}

/* ---- values ---- */

static uint32_t *res_block(const struct fib_arena *a, const struct fib_node *n)
{
	return (uint32_t *)(a->mem + n->res);
}

static unsigned res_index(const struct fib_node *n, unsigned pos)
{
	return fib_pop(n->in & ((UINT64_C(1) << pos) - 1));
}

/* A new block for `cnt` values, of which the present ones are copied around a gap
 * at `gap`. */
static void res_grow(struct fib_arena *a, struct fib_node *n, unsigned cnt,
		     unsigned gap)
{
	unsigned had = fib_pop(n->in);
	uint32_t one = n->res, *r;
	const uint32_t *old = had == 1 ? &one : res_block(a, n);

	give_up(a, res_words(had));
	n->res = take(a, res_words(cnt));
	r = res_block(a, n);
	memcpy(r, old, gap * sizeof(*r));
	memcpy(r + gap + (cnt - had), old + gap, (had - gap) * sizeof(*r));
}

static void set_res(struct fib_arena *a, struct fib_node *n, unsigned pos,
		    uint32_t value)
{
	unsigned cnt = fib_pop(n->in), i = res_index(n, pos);
	uint64_t bit = UINT64_C(1) << pos;

	if (n->in & bit) {
		if (cnt == 1) {
			n->res = value;
			return;
		}
		if (!mine(a, n->res))
			res_grow(a, n, cnt, cnt);
		res_block(a, n)[i] = value;
		return;
	}
	if (!cnt) {
		n->res = value;
		n->in = bit;
		return;
	}
	if (cnt == 1 || !mine(a, n->res) || room(cnt) <= cnt) {
		res_grow(a, n, cnt + 1, i);
	} else {
		uint32_t *r = res_block(a, n);

		memmove(r + i + 1, r + i, (cnt - i) * sizeof(*r));
		a->live += res_words(cnt + 1) - res_words(cnt);
	}
	res_block(a, n)[i] = value;
	n->in |= bit;
}

static void del_res(struct fib_arena *a, struct fib_node *n, unsigned pos)
{
	unsigned cnt = fib_pop(n->in), i = res_index(n, pos);

	if (cnt == 2) {
		n->res = res_block(a, n)[!i];
		give_up(a, res_words(2));
	} else if (cnt > 2) {
		uint32_t *r;

		if (!mine(a, n->res))
			res_grow(a, n, cnt, cnt);
		r = res_block(a, n);
		memmove(r + i, r + i + 1, (cnt - 1 - i) * sizeof(*r));
		give_up(a, res_words(cnt) - res_words(cnt - 1));
	} else {
		n->res = 0;
	}
	n->in &= ~(UINT64_C(1) << pos);
}

static uint32_t res_at(const struct fib_arena *a, const struct fib_node *n,
		       unsigned pos)
{
	return fib_pop(n->in) == 1 ? n->res : res_block(a, n)[res_index(n, pos)];
}

/* ---- keys ---- */

static unsigned chunk(fib_bits bits, unsigned depth)
{
	return (unsigned)(bits << depth >> (128 - FIB_STRIDE));
}

/* Where a prefix of `rem` bits (0 to 5) stands in `in`: the heap's order. */
static unsigned pos_of(unsigned c, unsigned rem)
{
	return (1u << rem) + (c >> (FIB_STRIDE - rem));
}

static fib_bits top_bits(fib_bits bits, unsigned n)
{
	return n ? bits >> (128 - n) << (128 - n) : 0;
}

/* The key of what stands at `pos` of the node that `bits` leads to. */
static struct fib_key key_at(fib_bits bits, unsigned depth, unsigned pos)
{
	unsigned rem = 31 - (unsigned)__builtin_clz(pos);
	struct fib_key k = { .bits = top_bits(bits, depth), .len = depth + rem };

	if (rem)
		k.bits |= (fib_bits)(pos - (1u << rem)) << (128 - depth - rem);
	return k;
}

static struct fib_node leaf_of(const struct fib_key *k, uint32_t value)
{
	return (struct fib_node){ .hi = (uint64_t)(k->bits >> 64),
				  .lo = (uint64_t)k->bits,
				  .kids = value,
				  .res = FIB_LEAF | k->len };
}

static struct fib_key leaf_key(const struct fib_node *n)
{
	return (struct fib_key){ .bits = (fib_bits)n->hi << 64 | n->lo,
				 .len = n->res & ~FIB_LEAF };
}

static bool leaf_is(const struct fib_node *n, const struct fib_key *k)
{
	struct fib_key l = leaf_key(n);

	return l.len == k->len && l.bits == k->bits;
}

/* ---- one route ---- */

int64_t fib_trie_get(const struct fib_arena *a, const struct fib_node *root,
		     const struct fib_key *k)
{
	const struct fib_node *n = root;

	for (unsigned depth = 0;; depth += FIB_STRIDE) {
		unsigned c = chunk(k->bits, depth);

		if (k->len - depth < FIB_STRIDE) {
			unsigned pos = pos_of(c, k->len - depth);

			return n->in >> pos & 1 ? (int64_t)res_at(a, n, pos) : -1;
		}
		if (!(n->ext >> c & 1))
			return -1;
		n = fib_kids(a, n) + kid_index(n, c);
		if (fib_is_leaf(n))
			return leaf_is(n, k) ? (int64_t)n->kids : -1;
	}
}

/* Put a route into a node that nothing of it has reached yet; false: a child is in
 * its way. */
static bool place(struct fib_arena *a, struct fib_node *n, unsigned depth,
		  const struct fib_key *k, uint32_t value)
{
	unsigned c = chunk(k->bits, depth);
	struct fib_node leaf;

	if (k->len - depth < FIB_STRIDE) {
		set_res(a, n, pos_of(c, k->len - depth), value);
		return true;
	}
	if (n->ext >> c & 1)
		return false;
	leaf = leaf_of(k, value);
	add_kid(a, n, c, &leaf);
	return true;
}

void fib_trie_set(struct fib_arena *a, struct fib_node *root,
		  const struct fib_key *k, uint32_t value)
{
	struct fib_node *n = root;

	for (unsigned depth = 0; !place(a, n, depth, k, value);) {
		n = own_kids(a, n) + kid_index(n, chunk(k->bits, depth));
		depth += FIB_STRIDE;
		if (fib_is_leaf(n)) {
			struct fib_node old = *n;
			struct fib_key ok = leaf_key(&old);

			if (leaf_is(&old, k)) {
				n->kids = value;
				return;
			}
			/* two routes now: they part here or further down */
			*n = (struct fib_node){ 0 };
			place(a, n, depth, &ok, old.kids);
		}
	}
}

/* Give the node at `depth` its canonical form. False: it has it. */
static bool shrink(struct fib_arena *a, struct fib_node *n, fib_bits bits,
		   unsigned depth)
{
	if (fib_pop(n->in) == 1 && !n->ext) {
		struct fib_key k =
			key_at(bits, depth, (unsigned)__builtin_ctzll(n->in));

		*n = leaf_of(&k, n->res);
		return true;
	}
	if (!n->in && fib_pop(n->ext) == 1 && fib_is_leaf(fib_kids(a, n))) {
		give_up(a, kids_words(1));
		*n = *fib_kids(a, n);
		return true;
	}
	return false;
}

void fib_trie_del(struct fib_arena *a, struct fib_node *root,
		  const struct fib_key *k)
{
	struct fib_node *way[FIB_LEVELS + 1];
	unsigned depth = 0, at = 0, c;

	way[0] = root;
	for (;; depth += FIB_STRIDE) {
		struct fib_node *n = way[at], *kid;

		c = chunk(k->bits, depth);
		if (k->len - depth < FIB_STRIDE) {
			del_res(a, n, pos_of(c, k->len - depth));
			break;
		}
		kid = own_kids(a, n) + kid_index(n, c);
		if (fib_is_leaf(kid)) {
			assert(leaf_is(kid, k));
			del_kid(a, n, c);
			break;
		}
		way[++at] = kid;
	}
	for (; at; at--, depth -= FIB_STRIDE) {
		/* it had two routes at least and has one at least */
		if (!shrink(a, way[at], k->bits, depth))
			break;
	}
}

/* ---- all routes ---- */

void fib_trie_copy(struct fib_arena *to, struct fib_node *ret_root,
		   const struct fib_arena *from, const struct fib_node *root)
{
	unsigned kids, vals;

	*ret_root = *root;
	if (fib_is_leaf(root))
		return;
	kids = fib_pop(root->ext);
	vals = fib_pop(root->in);
	if (vals > 1) {
		ret_root->res = take(to, res_words(vals));
		memcpy(res_block(to, ret_root), res_block(from, root),
		       vals * sizeof(uint32_t));
	}
	if (kids)
		ret_root->kids = take(to, kids_words(kids));
	for (unsigned i = 0; i < kids; i++)
		fib_trie_copy(to, fib_kids(to, ret_root) + i, from,
			      fib_kids(from, root) + i);
}

/* What is being walked. */
struct walk {
	const struct fib_arena *a;
	int (*fn)(void *arg, const struct fib_key *k, uint32_t value);
	void *arg;
};

static int walk_node(const struct walk *w, const struct fib_node *n, fib_bits bits,
		     unsigned depth)
{
	const struct fib_node *kid;
	int r;

	if (fib_is_leaf(n)) {
		struct fib_key k = leaf_key(n);

		return w->fn(w->arg, &k, n->kids);
	}
	for (uint64_t in = n->in; in; in &= in - 1) {
		unsigned pos = (unsigned)__builtin_ctzll(in);
		struct fib_key k = key_at(bits, depth, pos);

		r = w->fn(w->arg, &k, res_at(w->a, n, pos));
		if (r)
			return r;
	}
	kid = fib_kids(w->a, n);
	for (uint64_t ext = n->ext; ext; ext &= ext - 1, kid++) {
		fib_bits c = (unsigned)__builtin_ctzll(ext);

		/* the last level has 2 bits: its nodes have no children */
		r = walk_node(w, kid, bits | c << (128 - FIB_STRIDE) >> depth,
			      depth + FIB_STRIDE);
		if (r)
			return r;
	}
	return 0;
}

int fib_trie_walk(const struct fib_arena *a, const struct fib_node *root,
		  int (*fn)(void *arg, const struct fib_key *k, uint32_t value),
		  void *arg)
{
	const struct walk w = { a, fn, arg };

	return walk_node(&w, root, 0, 0);
}
