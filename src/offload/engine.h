/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h - the stages that run plugins, one engine a worker
 *
 * An engine holds the worker's state of every active plugin and runs batches
 * through them: merge (gro), cut (gso), jumbo forms, filters. It keeps books: a
 * plugin that loses payload or returns an invalid packet is at fault; the packet is
 * dropped by name, and after GUST_FAULTS_MAX faults the plugin is passed over
 * until engine_set() brings it back.
 */
#ifndef GUST_OFFLOAD_ENGINE_H
#define GUST_OFFLOAD_ENGINE_H

#include <gust/plugin.h>

#include "base/env.h"
#include "pkt/caps.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"

#define ENGINE_PLUGINS_MAX 32

/* A plugin that is to run. Owned by the registry, borrowed by engines. */
struct engine_plugin {
	const struct gust_plugin *desc;
	void *instance;
	uint32_t generation; /* another one: the state is made anew */
};

/* The active plugins, in order. Immutable; borrowed until the next one. */
struct engine_set {
	unsigned n;
	struct engine_plugin plugin[ENGINE_PLUGINS_MAX];
};

struct engine_stats {
	char name[GUST_PLUGIN_NAME_MAX + 1];
	uint64_t calls, in, out, dropped, faults, ns;
	uint64_t counter[GUST_COUNTERS_MAX];
	bool disabled; /* for its faults */
};

struct engine;

/* What an engine needs of its worker; all borrowed. */
struct engine_conf {
	struct pkt_pool *pool;
	struct drop_counters *drops;
	const struct env *env; /* now and chance */
	uint64_t (*clock_ns)(void); /* NULL: time spent is not counted */
	/* A plugin's words; NULL: nobody listens. */
	void (*log)(void *arg, enum gust_log_level level, const char *plugin,
		    const char *text);
	/* A plugin was disabled for its faults; `what` was the last. NULL: as
	 * above. */
	void (*fault)(void *arg, const char *plugin, const char *what);
	void *arg;
	unsigned index; /* of the worker */
};

/* NULL: no memory. */
struct engine *engine_new(const struct engine_conf *conf);
void engine_free(struct engine *e); /* packets held are freed */

/*
 * Run these plugins from now on. States of plugins that stay (same descriptor and
 * generation) stay; packets that leaving ones held are appended to held[GUST_RX] and
 * held[GUST_TX], so that none is lost. 0, or -errno and in `err` which plugin could not begin: it is left
 * out, the others run.
 */
int engine_set(struct engine *e, const struct engine_set *set,
	       struct gust_batch *held, char *err, size_t err_len);

/* Is there an active plugin that cuts this gso type, merges anything, filters? */
bool engine_cuts(const struct engine *e, unsigned gso_type);
bool engine_merges(const struct engine *e);
bool engine_filters(const struct engine *e);
/* Does one of the filters want packets as they are on the wire? */
bool engine_filters_wire(const struct engine *e);

/*
 * Cut all packets of `in`, a run with one gso type, and append the pieces. What no
 * plugin cuts is dropped as no_gso. Returns how many packets were dropped.
 */
unsigned engine_gso(struct engine *e, struct gust_batch *in /*taken*/,
		    const struct gust_gso_req *req, struct gust_batch *out);

/* Merge within the batch, by transport; what no plugin takes passes. Order is kept
 * within a transport. */
void engine_gro(struct engine *e, struct gust_batch *b,
		const struct gust_gro_req *req);

/* 0, or -errno: no plugin, or it refused. */
int engine_jumbo(struct engine *e, struct gust_pkt *p, enum gust_jumbo form);

/*
 * Encapsulate by the plugin `plugin` (index in the set) with one of its tunnels, all
 * or drop by name; superpackets stay whole.
 */
void engine_encap(struct engine *e, unsigned plugin, void *tunnel,
		  struct gust_batch *in /*taken*/, struct gust_batch *out);

/*
 * Decapsulate what is this tunnel's. Superpackets of outer datagrams are sliced
 * first, payload by reference. What is not this tunnel's is left in `rest`.
 */
void engine_decap(struct engine *e, unsigned plugin, void *tunnel,
		  struct gust_batch *in /*taken*/, struct gust_batch *out,
		  struct gust_batch *rest);

/* Run the filters of a direction over `b`, which then holds what passes. */
void engine_filter(struct engine *e, enum gust_dir dir, struct gust_batch *b);
uint64_t engine_deadline(const struct engine *e, enum gust_dir dir);

/* What plugins are given: for calls that are not a worker's (tunnel_open()). */
const struct gust_host *engine_services(void);

/* Where it counts drops. */
struct drop_counters *engine_drops(const struct engine *e);

unsigned engine_stats(const struct engine *e, struct engine_stats *ret,
		      unsigned max);

#endif
