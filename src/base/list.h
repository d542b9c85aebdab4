/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h - intrusive, circular, doubly linked list
 *
 * A `struct list` is both a head and a link. A zeroed link is "on no list";
 * list_del() leaves a link zeroed, so list_del() twice is harmless.
 */
#ifndef GUST_BASE_LIST_H
#define GUST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

#define list_for_each(it, head)                                                    \
	for (struct list *it = (head)->next; it != (head); it = it->next)

/* Safe against removal of the current link. */
#define list_for_each_safe(it, head)                                               \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);  \
	     it = it##_next, it##_next = it->next)

static inline void list_init(struct list *h)
{
	h->next = h->prev = h;
}
static inline bool list_empty(const struct list *h)
{
	return h->next == h;
}
static inline bool list_linked(const struct list *l)
{
	return l->next;
}

static inline void list_add_before(struct list *pos, struct list *l)
{
	l->prev = pos->prev;
	l->next = pos;
	pos->prev->next = l;
	pos->prev = l;
}

static inline void list_add_tail(struct list *h, struct list *l)
{
	list_add_before(h, l);
}

static inline void list_add_head(struct list *h, struct list *l)
{
	list_add_before(h->next, l);
}

static inline void list_del(struct list *l)
{
	if (!l->next)
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->next = l->prev = NULL;
}

static inline struct list *list_first(struct list *h)
{
	return list_empty(h) ? NULL : h->next;
}

/* Move all links of `from` to the tail of `to`; `from` becomes empty. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
