/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ttl-guard.c - an example of a plugin: drop what has come from too far away
 *
 * A packet that arrives with a TTL (IPv6: hop limit) below a limit has crossed many
 * routers, or was sent by somebody who does not want its answers to come back
 * (RFC 5082 describes the idea for neighbours: 255 proves that nobody stood in
 * between). With `min=255` only direct neighbours get through.
 *
 *	gustctl plugins options ttl-guard min=64
 *
 * What the example shows, in order: options with errors that name the word; an
 * instance (shared, immutable) and a state (one a worker, no locks); a filter that
 * takes all of a batch and leaves what passes; reading headers through the map,
 * with every offset checked; dropping by name; counters that `gustctl plugins`
 * shows; a descriptor. It looks at superpackets as they are: all segments of one
 * have the same TTL, so it has no need for GUST_PLUGIN_WIRE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gust/plugin.h>

/* Made from the options, shared by all workers, never written again. */
struct guard {
	unsigned min;
};

/* One worker's. */
struct state {
	const struct gust_host *host;
	struct gust_worker *w;
	unsigned min;
};

enum { COUNT_SEEN, COUNT_FAR };
static const char *const counters[] = { "seen", "too_far", NULL };

static int guard_open(const struct gust_host *host, const char *options,
		      void **ret_instance, char *err, size_t err_len)
{
	struct guard *g = malloc(sizeof(*g));
	char rest;

	if (!g)
		return -ENOMEM;
	g->min = 1;
	if (options[0] && (sscanf(options, "min=%u%c", &g->min, &rest) != 1 ||
			   g->min < 1 || g->min > 255)) {
		snprintf(err, err_len, "\"%s\": expected min=N, N from 1 to 255",
			 options);
		free(g);
		return -EINVAL;
	}
	*ret_instance = g;
	return 0;
}

static void guard_close(void *instance)
{
	free(instance);
}

static int guard_worker_open(const struct gust_host *host, void *instance,
			     struct gust_worker *w, void **ret_state)
{
	const struct guard *g = instance;
	struct state *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct state){ host, w, g->min };
	*ret_state = s;
	return 0;
}

/* Nothing is held, so nothing is handed back. */
static void guard_worker_close(void *state, struct gust_batch out[2])
{
	free(state);
}

/* TTL of the outermost IP header; 256 when there is none, so that ARP passes. */
static unsigned ttl_of(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];
		unsigned at = l->kind == GUST_L_IPV4 ? 8 : 7;

		if (l->kind != GUST_L_IPV4 && l->kind != GUST_L_IPV6)
			continue;
		return l->off + at < p->hlen ? p->head[l->off + at] : 0;
	}
	return 256;
}

static void guard_filter(void *state, enum gust_dir dir, struct gust_batch *in,
			 uint64_t now_us, struct gust_batch *out)
{
	const struct state *s = state;
	struct gust_pkt *p;

	if (dir == GUST_TX) { /* what we send ourselves is not looked at */
		gust_batch_splice(out, in);
		return;
	}
	s->host->count(s->w, COUNT_SEEN, in->n);
	while ((p = gust_batch_pop(in))) {
		if (ttl_of(p) >= s->min) {
			gust_batch_push(out, p);
			continue;
		}
		s->host->count(s->w, COUNT_FAR, 1);
		s->host->drop(s->w, p, GUST_DROP_FILTERED);
	}
}

const struct gust_plugin gust_plugin = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "ttl-guard",
	.text = "drops what comes from too far away; options: min=N",
	.flags = GUST_PLUGIN_OPTIONS,
	.counters = counters,
	.open = guard_open,
	.close = guard_close,
	.worker_open = guard_worker_open,
	.worker_close = guard_worker_close,
	.filter = guard_filter,
};
