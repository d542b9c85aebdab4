/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine_internal.h - between the engine, the host's services and the cutter
 */
#ifndef GUST_OFFLOAD_ENGINE_INTERNAL_H
#define GUST_OFFLOAD_ENGINE_INTERNAL_H

#include "offload/engine.h"

/* A plugin as this worker runs it. */
struct runner {
	struct engine_plugin p;
	void *state; /* NULL: worker_open() failed, passed over */
	bool disabled;
	struct engine_stats st;
	uint64_t log_since_us; /* rate limit: lines since then */
	unsigned log_lines;
};

/* What a host call needs to know of its worker. */
struct gust_worker {
	struct engine_conf conf;
	struct runner *cur; /* whose call this is; NULL: none */
	uint64_t dropped_payload; /* bytes, in the present call */
};

struct engine {
	struct gust_worker w;
	unsigned n;
	struct runner run[ENGINE_PLUGINS_MAX];
	/* dispatch: index of the runner, -1: none */
	int8_t cut[GUST_GSO_N], merge[32], jumbo;
	bool merges, filters, wire;
};

/* The one table of services (host.c). */
extern const struct gust_host engine_host;

/* ---- cut.c ---- */

int cut_begin(struct gust_cut *c, struct gust_worker *w, struct gust_pkt *p,
	      const struct gust_gso_req *req);
struct gust_pkt *cut_next(struct gust_cut *c);
int cut_end(struct gust_cut *c, struct gust_batch *pieces /*taken*/,
	    struct gust_batch *out);

/* ---- lengths.c ---- */

/* Write every layer's length for `payload` bytes behind the head, and outer UDP
 * checksums. `p` need not hold that payload. */
void lengths_fix(struct gust_pkt *p, uint32_t payload);
/* The same for the `nlayer` outermost layers: what is inside is right. */
void lengths_fix_outer(struct gust_pkt *p, unsigned nlayer, uint32_t payload);
/* Outer UDP checksums that cannot be had from headers alone: read everything.
 * True: there were some. */
bool lengths_outer_sums(struct gust_pkt *p);
/* Is that so for this packet? */
bool lengths_need_payload(const struct gust_pkt *p);
void lengths_ip4_csum(struct gust_pkt *p, unsigned layer);
/* Take jumbo options out of every layer (RFC 2675): the packet is to be cut, or
 * is to have the form without. */
void lengths_strip_jumbo(struct gust_pkt *p);

/* ---- edit.c ---- */

/* Can the head grow by `n` bytes in front? */
bool edit_room(const struct gust_pkt *p, uint32_t n);
int edit_insert(struct gust_pkt *p, uint16_t off, uint16_t n);
void edit_remove(struct gust_pkt *p, uint16_t off, uint16_t n);
int edit_layer(struct gust_pkt *p, unsigned i, struct gust_layer l);

/* ---- tunnel.c ---- */

int tunnel_push(struct gust_pkt *p, const uint8_t *bytes, uint16_t n,
		const struct gust_layer *layer, unsigned nlayer);
uint32_t tunnel_peek(const struct gust_pkt *p, uint32_t off, void *dst,
		     uint32_t len);
int tunnel_strip(struct gust_worker *w, struct gust_pkt *p, uint32_t n,
		 uint8_t kind);
uint32_t tunnel_flow_hash(struct gust_worker *w, struct gust_pkt *p);
/* Is this a superpacket of outer datagrams: UDP, and no IP header inside? */
bool tunnel_is_train(const struct gust_pkt *p);
/* Slice it into its datagrams, payload by reference. Returns how many packets were
 * dropped (counted by name): 0 or 1. */
unsigned tunnel_slice(struct gust_worker *w, struct gust_pkt *p /*taken*/,
		      struct gust_batch *out);

#endif
