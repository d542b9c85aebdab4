/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fill.c - one queue's memory: slabs to read into, and what to do without
 */
#include "port/fill_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN64(x) (((x) + UINT32_C(63)) & ~UINT32_C(63))

int fill_init(struct fill *f, uint32_t scratch_len)
{
	memset(f, 0, sizeof(*f));
	f->scratch = malloc(scratch_len);
	return f->scratch ? 0 : -ENOMEM;
}

void fill_free(struct fill *f)
{
	slab_unref(f->slab);
	slab_unref(f->next);
	free(f->scratch);
	free(f->bounce);
	memset(f, 0, sizeof(*f));
}

uint8_t *fill_room(struct fill *f, struct pkt_pool *pool, uint32_t front,
		   uint32_t len)
{
	struct gust_slab *s = f->slab;
	uint32_t need = GUST_HEADROOM + front + len;

	if (s && slab_sole(s))
		s->used = 0;
	if (!s || s->cap - s->used < need) {
		if (!fill_reserve_next(f, pool))
			return NULL;
		fill_advance(f, 0);
		s = f->slab;
		assert(s->cap >= need);
	}
	return s->data + s->used + GUST_HEADROOM + front;
}

uint32_t fill_left(const struct fill *f, const uint8_t *at)
{
	return (uint32_t)(f->slab->data + f->slab->cap - at);
}

void fill_use(struct fill *f, const uint8_t *end)
{
	uint32_t used = ALIGN64((uint32_t)(end - f->slab->data));

	f->slab->used = used < f->slab->cap ? used : f->slab->cap;
}

bool fill_reserve_next(struct fill *f, struct pkt_pool *pool)
{
	if (!f->next)
		f->next = slab_new(pool);
	return f->next;
}

void fill_advance(struct fill *f, uint32_t used)
{
	slab_unref(f->slab);
	f->slab = f->next;
	f->next = NULL;
	f->slab->used = ALIGN64(used);
}

struct gust_pkt *fill_small(struct pkt_pool *pool, const uint8_t *at, uint32_t len,
			    enum drop_reason *ret_why)
{
	struct gust_pkt *p;

	if (len > PKT_HEAD_LEN) {
		*ret_why = DROP_NO_SLAB;
		return NULL;
	}
	p = pkt_new(pool);
	if (!p) {
		*ret_why = DROP_NO_PKT;
		return NULL;
	}
	memcpy(p->head, at, len);
	p->len = len;
	p->hlen = (uint16_t)len;
	return p;
}

int fill_gather(struct fill *f, const struct gust_pkt *p, struct iovec *iov)
{
	uint32_t n = pkt_payload_len(p);

	if (!f->bounce)
		f->bounce = malloc(FILL_BOUNCE_LEN);
	if (!f->bounce || n > FILL_BOUNCE_LEN ||
	    pkt_payload_copy(p, 0, f->bounce, n) != n)
		return -E2BIG;
	iov[1].iov_base = p->head;
	iov[1].iov_len = p->hlen;
	iov[2].iov_base = f->bounce;
	iov[2].iov_len = n;
	return 3;
}
