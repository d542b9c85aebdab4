/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rcvq.h - received data: the in-order queue and the out-of-order ranges
 *
 * Data is kept as slab slices. A piece that is small against its slab and stays
 * (out of order, or not read within its turn) is copied densely, so that it
 * does not pin a slab. Everything is freed when empty.
 */
#ifndef GUST_TCP_RCVQ_H
#define GUST_TCP_RCVQ_H

#include <sys/uio.h>

#include "pkt/pkt.h"
#include "tcp/fragring.h"
#include "wire/tcp.h"

#define RCVQ_OOO_MAX 512 /* out-of-order ranges at the most */

struct rcvq_ooo; /* one out-of-order range */

struct rcvq {
	struct fragring in; /* in order */
	uint32_t len; /* in-order bytes not yet consumed */
	uint32_t ooo_len, ooo_n;
	struct rcvq_ooo *ooo; /* sorted; NULL when none */
	struct rcvq_ooo *recent; /* the range of the latest arrival */
	uint32_t ooo_frags; /* fragments in all ranges */
	uint32_t edge; /* in-order bytes so far, modulo 2^32 */
	uint32_t seen; /* leading fragments that rcvq_compact() looked at */
};

void rcvq_init(struct rcvq *q);
void rcvq_free(struct rcvq *q);

/*
 * Payload bytes [from, from + len) of `p` belong at sequence offset `off` from
 * the next expected byte (off 0: in order). References are taken as needed; `p`
 * stays the caller's. Bytes that are already there are ignored (first received
 * wins). Returns the number of bytes by which the in-order edge advanced, or
 * -ENOBUFS when it could not be stored (out-of-order limit or memory): as if it
 * had not arrived.
 */
int64_t rcvq_insert(struct rcvq *q, struct pkt_pool *pool, uint32_t off,
		    const struct gust_pkt *p, uint32_t from, uint32_t len);

/* In-order data as iovecs; returns entries. */
unsigned rcvq_peek(const struct rcvq *q, struct iovec *iov, unsigned max);
void rcvq_consume(struct rcvq *q, uint32_t len);

/* Take up to `max` fragments from the front together with their references,
 * *ret_len their bytes. For zero-copy echo. */
unsigned rcvq_take(struct rcvq *q, struct gust_frag *ret_f, unsigned max,
		   uint32_t *ret_len);

/* Copy small pieces that stay (see above). Called by the owner at the end of a
 * turn in which data was left unread. */
void rcvq_compact(struct rcvq *q, struct pkt_pool *pool);

/* SACK blocks to report (RFC 2018 4): the range that holds the most recent
 * arrival first. `rcv_nxt` is the in-order edge. Returns the number. */
unsigned rcvq_sack(const struct rcvq *q, uint32_t rcv_nxt,
		   struct tcp_sack_block *ret, unsigned max);

#endif
