/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * obj.c - objects of one size
 *
 * Flows come and go by the ten thousand a second and idle by the hundred
 * thousand, so they are cut from chunks without a header each and reused last
 * in first out. Under AddressSanitizer a free object is poisoned.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/stack_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define OBJ_POISON(p, n) __asan_poison_memory_region(p, n)
#define OBJ_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define OBJ_POISON(p, n) ((void)0)
#define OBJ_UNPOISON(p, n) ((void)0)
#endif

#define OBJ_CHUNK (64u << 10)

struct obj_chunk {
	struct obj_chunk *next;
	_Alignas(16) uint8_t bytes[];
};

void obj_init(struct obj_pool *o, uint32_t size)
{
	memset(o, 0, sizeof(*o));
	o->size = (size + 15) & ~15u;
}

static int obj_grow(struct obj_pool *o)
{
	uint32_t n = (OBJ_CHUNK - sizeof(struct obj_chunk)) / o->size;
	struct obj_chunk *c = malloc(OBJ_CHUNK);

	if (!c)
		return -ENOMEM;
	c->next = o->chunks;
	o->chunks = c;
	for (uint32_t i = n; i--;) {
		uint8_t *p = c->bytes + (size_t)i * o->size;

		memcpy(p, &o->free, sizeof(o->free));
		o->free = p;
		OBJ_POISON(p + sizeof(o->free), o->size - sizeof(o->free));
	}
	return 0;
}

void *obj_get(struct obj_pool *o)
{
	void *p;

	if (!o->free && obj_grow(o) < 0)
		return NULL;
	p = o->free;
	memcpy(&o->free, p, sizeof(o->free));
	OBJ_UNPOISON(p, o->size);
	memset(p, 0, o->size);
	o->n_used++;
	return p;
}

void obj_put(struct obj_pool *o, void *p)
{
	if (!p)
		return;
	memcpy(p, &o->free, sizeof(o->free));
	o->free = p;
	o->n_used--;
	OBJ_POISON((uint8_t *)p + sizeof(o->free), o->size - sizeof(o->free));
}

void obj_fini(struct obj_pool *o)
{
	struct obj_chunk *c;

	while ((c = o->chunks)) {
		o->chunks = c->next;
		OBJ_UNPOISON(c, OBJ_CHUNK);
		free(c);
	}
	o->free = NULL;
}
