/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fib_internal.h - trie and memory behind fib.c; see there for the theory
 */
#ifndef GUST_SWITCH_FIB_INTERNAL_H
#define GUST_SWITCH_FIB_INTERNAL_H

#include "switch/fib.h"

#define FIB_STRIDE 6
#define FIB_LEVELS 22 /* 128 bits in strides of 6 */

/* Keys are left-aligned. IPv4 begins 5 bits late, so that a /24 is the longest
 * prefix that its node holds and not the shortest of one more node. */
#define FIB_KEY4_OFF 5

typedef unsigned __int128 fib_bits;

struct fib_key {
	fib_bits bits; /* zero beyond `len` */
	unsigned len;
};

#define FIB_LEAF UINT32_C(0x80000000) /* in fib_node.res */

/* A node, or a leaf: the only route of its subtree. */
struct fib_node {
	union {
		uint64_t ext; /* node: which of 64 children there are */
		uint64_t hi; /* leaf: key */
	};
	union {
		uint64_t in; /* node: which of the 63 prefixes of 0 to 5 bits */
		uint64_t lo;
	};
	uint32_t kids; /* node: block of children; leaf: its value */
	uint32_t res; /* node: block of values, or the value when there is but
			 one; leaf: FIB_LEAF | length */
};

/* Blocks are handed out from the bottom up and never taken back; what is below
 * `mark` was published and is immutable. */
struct fib_arena {
	uint64_t *mem;
	uint32_t cap, top, mark; /* words of 8 bytes; word 0 is not used */
	uint32_t live; /* words that the writer's tries use */
	uint32_t refs; /* snapshots, and the writer */
	struct fib_group *group; /* by value; max_dests of them */
};

struct fib_group {
	uint32_t total; /* weight */
	uint32_t sum[FIB_NH_MAX]; /* of the weights up to and including this one */
	struct fib_dest dest;
};

static inline struct fib_node *fib_kids(const struct fib_arena *a,
					const struct fib_node *n)
{
	return (struct fib_node *)(a->mem + n->kids);
}

static inline unsigned fib_pop(uint64_t v)
{
	return (unsigned)__builtin_popcountll(v);
}

static inline bool fib_is_leaf(const struct fib_node *n)
{
	return n->res & FIB_LEAF;
}

/* The most words that one change takes: every block on the way twice. */
#define FIB_RESERVE (2 * FIB_LEVELS * (64 * 3 + 32) + 3 * FIB_LEVELS)

/* NULL: no memory. `words` besides the reserve. */
struct fib_arena *fib_arena_new(uint32_t words, uint32_t max_dests);
void fib_arena_unref(struct fib_arena *a);

/* The value of exactly this key; -1: none. */
int64_t fib_trie_get(const struct fib_arena *a, const struct fib_node *root,
		     const struct fib_key *k);
/* Add or replace, remove one that is there. There are FIB_RESERVE words free. */
void fib_trie_set(struct fib_arena *a, struct fib_node *root,
		  const struct fib_key *k, uint32_t value);
void fib_trie_del(struct fib_arena *a, struct fib_node *root,
		  const struct fib_key *k);
/* Copy what `from` holds to `to`. */
void fib_trie_copy(struct fib_arena *to, struct fib_node *ret_root,
		   const struct fib_arena *from, const struct fib_node *root);
int fib_trie_walk(const struct fib_arena *a, const struct fib_node *root,
		  int (*fn)(void *arg, const struct fib_key *k, uint32_t value),
		  void *arg);

#endif
