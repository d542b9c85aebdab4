/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fill_internal.h - one queue's memory: slabs to read into, and what to do
 * without
 *
 * A queue fills one large slab. A read goes straight to
 *
 *	slab->data + used                                   (a multiple of 64)
 *	|<- GUST_HEADROOM + front ->|<---- packet ---->|<- to the next 64 ->|
 *
 * and a 40-byte acknowledgement consumes 576 bytes, not 64 KB: the space that a
 * read *may* need is only reserved, never spent. As soon as nobody but the queue
 * holds the slab, filling restarts at its beginning, where the bytes are still in
 * the cache.
 *
 * When the pool has no slab left, reading goes on into a scratch buffer: packets
 * that fit a packet's own head (acknowledgements, which are what will free the
 * memory) get through, the rest is dropped as no_slab. Not reading would leave the
 * kernel's queue to overflow in silence.
 */
#ifndef GUST_PORT_FILL_INTERNAL_H
#define GUST_PORT_FILL_INTERNAL_H

#include <sys/uio.h>

#include "port/port.h"

/* UIO_MAXIOV, of which one is the vnet header */
#define FILL_IOV_MAX 1024

/* The longest packet that fill_gather() takes. */
#define FILL_BOUNCE_LEN (UINT32_C(1) << 20)

struct fill {
	struct gust_slab *slab; /* being filled; NULL before the first read */
	struct gust_slab *next; /* empty, to be filled then; may be NULL */
	uint8_t *scratch; /* reads when no slab is left */
	uint8_t *bounce; /* made at first need: a packet of too many pieces */
};

/* 0 or -ENOMEM; `scratch_len` bytes of scratch. */
int fill_init(struct fill *f, uint32_t scratch_len);
void fill_free(struct fill *f); /* half-made and all zero are fine */

/* Where the next packet is to begin, GUST_HEADROOM + `front` bytes behind a
 * multiple of 64, with at least `len` bytes of room; NULL: the pool's limit. */
uint8_t *fill_room(struct fill *f, struct pkt_pool *pool, uint32_t front,
		   uint32_t len);

/* Bytes of the slab from `at`, which fill_room() gave, to its end. */
uint32_t fill_left(const struct fill *f, const uint8_t *at);

/* The slab is used up to `end`. */
void fill_use(struct fill *f, const uint8_t *end);

/* Is there an empty slab to go on in behind this one? */
bool fill_reserve_next(struct fill *f, struct pkt_pool *pool);
/* Go on in it, where `used` bytes are taken. */
void fill_advance(struct fill *f, uint32_t used);

/* No slab: a packet of the `len` bytes at `at` when they fit its own head; or NULL
 * and why not. */
struct gust_pkt *fill_small(struct pkt_pool *pool, const uint8_t *at, uint32_t len,
			    enum drop_reason *ret_why);

/* Gather a packet of too many pieces behind iov[0]; entries used, or -E2BIG. */
int fill_gather(struct fill *f, const struct gust_pkt *p, struct iovec *iov);

#endif
