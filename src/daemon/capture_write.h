/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_write.h - packets of a tee as blocks of a capture file
 *
 * A file has up to two interfaces, each a complete view of the port. "super" has
 * the packets as the port carries them; "wire" has them as they are on the wire, or
 * would be: superpackets cut, checksums complete. Comments tell what a superpacket
 * is and where its wire packets are, and the reverse, by the packet's number in the
 * file. One packet has the same epb_packetid in both views.
 */
#ifndef GUST_DAEMON_CAPTURE_WRITE_H
#define GUST_DAEMON_CAPTURE_WRITE_H

#include <event2/buffer.h>

#include "base/rng.h"
#include "daemon/capture_conf.h"
#include "offload/plan.h"
#include "pkt/filter.h"
#include "work/tee.h"

/* What the statistics of a section tell; packets for the super view, packets on
 * the wire for the other. */
struct capture_counts {
	uint64_t seen, accepted, segs, lost, lost_segs;
};

struct capture_writer {
	/* set by the owner */
	enum capture_view view;
	uint32_t snaplen;
	bool l2;
	char port[16];
	char filter[FILTER_TEXT_MAX + 1]; /* text; "": none */
	/* the writer's */
	struct pkt_pool *pool; /* for cutting */
	struct engine *engine; /* what cuts, in the pool */
	struct drop_counters drops; /* of the engine, for nobody */
	struct rng rng;
	struct env env;
	struct gust_slab loan; /* stands for the ring's memory */
	uint64_t id; /* packets so far */
	uint64_t number; /* of the section's last packet */
	uint64_t bytes; /* of the section */
	uint64_t start_us;
	uint64_t super, wire; /* of the section, by view */
	struct capture_counts base; /* before the section */
};

/* 0 or -ENOMEM. */
int capture_writer_init(struct capture_writer *w);
void capture_writer_free(struct capture_writer *w);

/* Cut with these plugins from now on; borrowed. The ones before are let go. */
void capture_writer_plugins(struct capture_writer *w, const struct engine_set *set);

/* A section's begin: its header and its interfaces. */
int capture_write_section(struct capture_writer *w, uint64_t now_us,
			  const struct capture_counts *n, struct evbuffer *out);
/* One packet in all views. */
int capture_write_packet(struct capture_writer *w, const struct tee_rec *r,
			 struct evbuffer *out);
/* A section's end: statistics. */
int capture_write_stats(struct capture_writer *w, uint64_t now_us,
			const struct capture_counts *n, struct evbuffer *out);

/* The packets on the wire that `p` stands for, checksums complete, of whatever size:
 * the one place where a capture cuts. Nothing is appended when it is of a form that
 * the engine's plugins do not cut, or when its pool is too small. */
void capture_cut(struct engine *e, struct gust_pkt *p /*taken*/,
		 struct gust_batch *out);

#endif
