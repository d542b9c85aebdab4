/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tee.h - copies of a worker's packets for a capture
 *
 * A tee belongs to one capture and one worker. The worker copies what passes the
 * filter into the tee's ring; the capture's thread takes it out. When the ring is
 * full the copy is what is lost, and is counted: traffic never waits. Nothing is
 * formatted here, and no reference to a packet is kept: references would pin
 * slabs for as long as a capture's reader sleeps.
 */
#ifndef GUST_WORK_TEE_H
#define GUST_WORK_TEE_H

#include <stdatomic.h>

#include "base/bytering.h"
#include "pkt/filter.h"
#include "pkt/pkt.h"

/* What the tees of one capture share. The capture's thread says that it goes to
 * sleep; the first worker that has something for it wakes it. */
struct tee_bell {
	_Atomic bool asleep;
	int fd; /* eventfd */
};

/* Written by the worker, read by anybody. */
struct tee_counters {
	_Atomic uint64_t seen, accepted; /* packets; by the filter */
	_Atomic uint64_t segs; /* of the accepted: packets on the wire */
	_Atomic uint64_t lost, lost_segs; /* of the accepted, for want of room */
};

struct tee {
	struct tee *next; /* of the same worker */
	/* set by the capture before it is attached */
	const struct filter *filter; /* NULL: every packet */
	struct bytering *ring;
	struct tee_bell *bell;
	uint32_t copy_max; /* bytes of a packet that are copied */
	uint16_t worker;
	int64_t real_us; /* realtime minus monotonic */
	struct tee_counters n;
	/* the worker's */
	enum { TEE_PASSED, TEE_STAGED, TEE_FULL } staged;
	uint32_t segs; /* of what is staged */
	uint64_t gap; /* lost since the last record */
	bool dirty; /* records since the last flush */
};

/* One packet in the ring: this, `nlayer` layers, `caplen` bytes. */
struct tee_rec {
	uint64_t ts_us; /* since 1970 */
	uint64_t gap; /* packets lost in front of this one */
	uint32_t len, caplen;
	uint32_t segs; /* packets on the wire */
	uint32_t need; /* GUST_F_* */
	uint16_t hlen, gso_size, worker;
	uint8_t gso_type, nlayer;
	uint8_t dir; /* enum filter_dir */
};

static inline struct gust_layer *tee_layers(const struct tee_rec *r)
{
	return (struct gust_layer *)(r + 1);
}

static inline uint8_t *tee_bytes(const struct tee_rec *r)
{
	return (uint8_t *)(tee_layers(r) + r->nlayer);
}

/* Copy `p` for every tee of the list that wants it. It counts when tee_keep()
 * follows: a packet that the port does not take yet is no packet of the port. */
void tee_stage(struct tee *list, const struct gust_pkt *p, enum filter_dir dir,
	       uint64_t now_us);
void tee_keep(struct tee *list);

/* At the end of a turn: wake captures that sleep and have something to do. */
void tee_flush(struct tee *list);

#endif
