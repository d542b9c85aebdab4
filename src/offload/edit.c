/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edit.c - open and close gaps in a packet's head, the header map follows
 */
#include <errno.h>
#include <string.h>

#include "offload/engine_internal.h"

/* May the head grow by `n`? In a slab only the GUST_HEADROOM bytes in front of where
 * the head began are the packet's own (tunnel.c says how that is known). */
bool edit_room(const struct gust_pkt *p, uint32_t n)
{
	uint32_t max = p->head_slab ? GUST_HEADROOM : UINT16_MAX;

	return n <= pkt_headroom(p) && p->hlen + n <= max;
}

/* The head grows towards the front: what lies before the gap moves. */
int edit_insert(struct gust_pkt *p, uint16_t off, uint16_t n)
{
	if (off > p->hlen || !edit_room(p, n))
		return -ENOBUFS;
	p->head -= n;
	memmove(p->head, p->head + n, off);
	memset(p->head + off, 0, n);
	p->hlen += n;
	p->len += n;
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].off >= off)
			p->layer[i].off += n;
	return 0;
}

void edit_remove(struct gust_pkt *p, uint16_t off, uint16_t n)
{
	unsigned out = 0;

	if (off > p->hlen)
		return;
	if (n > p->hlen - off)
		n = p->hlen - off;
	memmove(p->head + n, p->head, off);
	p->head += n;
	p->hlen -= n;
	p->len -= n;
	for (unsigned i = 0; i < p->nlayer; i++) {
		struct gust_layer l = p->layer[i];

		if (l.off >= off + n)
			l.off -= n;
		else if (l.off >= off)
			continue;
		p->layer[out++] = l;
	}
	p->nlayer = out;
}

int edit_layer(struct gust_pkt *p, unsigned i, struct gust_layer l)
{
	if (p->nlayer == GUST_LAYERS_MAX || i > p->nlayer)
		return -ENOBUFS;
	memmove(p->layer + i + 1, p->layer + i, (p->nlayer - i) * sizeof(l));
	p->layer[i] = l;
	p->nlayer++;
	return 0;
}
