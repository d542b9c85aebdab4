/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - run batches through plugins, and keep books about them
 *
 * Theory of operation. A batch function takes a whole batch, so an engine's work is
 * by batch, too: find out who runs it (a table by gso type, a table by transport),
 * remember how much payload goes in, call, look at what comes out. The check costs
 * a few nanoseconds a packet and is what stands between a faulty plugin and the
 * port: the packet's own arithmetic must hold, offsets must lie in the head, pieces
 * may not be larger than asked for, and no payload may have vanished.
 *
 * A fault is counted; after GUST_FAULTS_MAX of them the plugin leaves the tables.
 * Its state stays until the next engine_set(), so that nothing that it holds is
 * lost.
 */
#include "offload/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/engine_internal.h"

/* ---- life ---- */

struct engine *engine_new(const struct engine_conf *conf)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->w.conf = *conf;
	memset(e->cut, -1, sizeof(e->cut));
	memset(e->merge, -1, sizeof(e->merge));
	e->jumbo = -1;
	return e;
}

static void end_state(struct runner *r, struct gust_batch *held)
{
	if (r->state && r->p.desc->worker_close)
		r->p.desc->worker_close(r->state, held);
	r->state = NULL;
}

void engine_free(struct engine *e)
{
	struct gust_batch held[2];

	if (!e)
		return;
	gust_batch_init(&held[GUST_RX]);
	gust_batch_init(&held[GUST_TX]);
	for (unsigned i = 0; i < e->n; i++)
		end_state(&e->run[i], held);
	pkt_batch_free(&held[GUST_RX]);
	pkt_batch_free(&held[GUST_TX]);
	free(e);
}

/* Who does what: the first plugin that offers it. */
static void build_tables(struct engine *e)
{
	memset(e->cut, -1, sizeof(e->cut));
	memset(e->merge, -1, sizeof(e->merge));
	e->jumbo = -1;
	e->merges = e->filters = e->wire = false;
	for (unsigned i = 0; i < e->n; i++) {
		const struct runner *r = &e->run[i];
		const struct gust_plugin *d = r->p.desc;

		if (!r->state || r->disabled)
			continue;
		for (unsigned t = 0; d->gso && t < GUST_GSO_N; t++)
			if (d->gso_types & 1u << t && e->cut[t] < 0)
				e->cut[t] = i;
		for (unsigned k = 0; d->gro && k < 32; k++)
			if (d->gro_kinds & 1u << k && e->merge[k] < 0)
				e->merge[k] = i;
		if (d->jumbo && e->jumbo < 0)
			e->jumbo = i;
		e->merges |= d->gro != NULL;
		e->filters |= d->filter != NULL;
		e->wire |= d->filter && d->flags & GUST_PLUGIN_WIRE;
	}
}

static int begin_state(struct engine *e, struct runner *r, char *err,
		       size_t err_len)
{
	const struct gust_plugin *d = r->p.desc;
	int res;

	snprintf(r->st.name, sizeof(r->st.name), "%s", d->name);
	e->w.cur = r;
	res = d->worker_open(&engine_host, r->p.instance, &e->w, &r->state);
	e->w.cur = NULL;
	if (!res && !r->state)
		res = -EINVAL;
	if (res) {
		r->state = NULL;
		snprintf(err, err_len, "plugin %s: worker_open: %s", d->name,
			 strerror(-res));
	}
	return res;
}

static struct runner *find(struct runner *old, unsigned n,
			   const struct engine_plugin *p)
{
	for (unsigned i = 0; i < n; i++)
		if (old[i].state && old[i].p.desc == p->desc &&
		    old[i].p.generation == p->generation)
			return &old[i];
	return NULL;
}

int engine_set(struct engine *e, const struct engine_set *set,
	       struct gust_batch *held, char *err, size_t err_len)
{
	struct runner *old = malloc(sizeof(e->run));
	unsigned nold = e->n;
	int r = 0;

	if (!old) {
		snprintf(err, err_len, "no memory for plugins");
		return -ENOMEM;
	}
	memcpy(old, e->run, sizeof(e->run));
	memset(e->run, 0, sizeof(e->run));
	e->n = set->n;
	for (unsigned i = 0; i < set->n; i++) {
		struct runner *was = find(old, nold, &set->plugin[i]);

		if (was) {
			e->run[i] = *was;
			was->state = NULL;
			continue;
		}
		e->run[i].p = set->plugin[i];
		if (begin_state(e, &e->run[i], err, err_len))
			r = -EINVAL;
	}
	for (unsigned i = 0; i < nold; i++)
		end_state(&old[i], held);
	free(old);
	build_tables(e);
	return r;
}

bool engine_cuts(const struct engine *e, unsigned gso_type)
{
	return gso_type < GUST_GSO_N && e->cut[gso_type] >= 0;
}

bool engine_merges(const struct engine *e)
{
	return e->merges;
}

bool engine_filters(const struct engine *e)
{
	return e->filters;
}

bool engine_filters_wire(const struct engine *e)
{
	return e->wire;
}

/* ---- books ---- */

static void fault(struct engine *e, struct runner *r, const char *what)
{
	drop_count(e->w.conf.drops, DROP_PLUGIN_FAULT, 1);
	if (++r->st.faults < GUST_FAULTS_MAX || r->disabled)
		return;
	r->disabled = r->st.disabled = true;
	build_tables(e);
	if (e->w.conf.fault)
		e->w.conf.fault(e->w.conf.arg, r->st.name, what);
}

static uint64_t payload_of(const struct gust_batch *b)
{
	uint64_t n = 0;

	for (const struct gust_pkt *p = b->first; p; p = p->next)
		n += pkt_payload_len(p);
	return n;
}

/* NULL: nothing is wrong with it. */
static const char *wrong(const struct gust_pkt *p)
{
	uint32_t sum = p->hlen, last = 0;

	if (p->nfrag > p->frag_cap || p->nlayer > GUST_LAYERS_MAX || !p->head)
		return "counts beyond their arrays";
	for (unsigned i = 0; i < p->nfrag; i++)
		sum += p->frag[i].len;
	if (sum != p->len)
		return "len is not hlen plus the fragments";
	for (unsigned i = 0; i < p->nlayer; i++) {
		if (p->layer[i].off >= p->hlen || p->layer[i].off < last)
			return "layer offsets beyond the head or out of order";
		last = p->layer[i].off;
	}
	if (p->gso_size && (p->gso_type == GUST_GSO_NONE ||
			    p->gso_type >= GUST_GSO_N || !pkt_payload_len(p)))
		return "gso_size without a type or payload";
	return NULL;
}

/* Free what cannot be trusted: with counts beyond its arrays, only the object. */
static void discard(struct gust_pkt *p)
{
	if (p->nfrag > p->frag_cap)
		p->nfrag = 0;
	pkt_free(p);
}

static uint64_t now_ns(const struct engine *e)
{
	return e->w.conf.clock_ns ? e->w.conf.clock_ns() : 0;
}

static void enter(struct engine *e, struct runner *r, uint32_t n)
{
	e->w.cur = r;
	e->w.dropped_payload = 0;
	r->st.calls++;
	r->st.in += n;
	r->st.ns -= now_ns(e);
}

static void leave(struct engine *e, struct runner *r)
{
	r->st.ns += now_ns(e);
	e->w.cur = NULL;
}

/* Of the outermost IP packet. */
static uint32_t ip_len(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_IPV4 ||
		    p->layer[i].kind == GUST_L_IPV6)
			return p->len - p->layer[i].off;
	return p->len;
}

/* Take over what the plugin left in `res`; `max_payload` 0: any. Of `before` payload
 * bytes none may have vanished, unless dropped by name. */
static void take(struct engine *e, struct runner *r, struct gust_batch *res,
		 uint64_t before, uint32_t max_payload, uint32_t mtu,
		 struct gust_batch *out)
{
	uint64_t bytes = e->w.dropped_payload;
	bool bad = false;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(res))) {
		const char *what = wrong(p);

		if (!what && max_payload && pkt_payload_len(p) > max_payload &&
		    ip_len(p) > mtu)
			what = "a piece larger than asked for";
		if (what) {
			fault(e, r, what);
			discard(p);
			bad = true;
			continue;
		}
		bytes += pkt_payload_len(p);
		r->st.out++;
		gust_batch_push(out, p);
	}
	if (bytes < before && !bad)
		fault(e, r, "payload is missing");
}

/* ---- the stages ---- */

unsigned engine_gso(struct engine *e, struct gust_batch *in,
		    const struct gust_gso_req *req, struct gust_batch *out)
{
	struct gust_batch res;
	struct runner *r;
	unsigned n = in->n;
	uint64_t before, dropped;
	bool any_size;

	if (!in->first)
		return 0;
	if (!engine_cuts(e, in->first->gso_type)) {
		drop_count(e->w.conf.drops, DROP_NO_GSO, n);
		pkt_batch_free(in);
		return n;
	}
	r = &e->run[e->cut[in->first->gso_type]];
	any_size = req->partial || in->first->gso_size == GUST_GSO_BY_FRAGS;
	before = payload_of(in);
	dropped = r->st.dropped;
	gust_batch_init(&res);
	enter(e, r, n);
	r->p.desc->gso(r->state, in, req, &res);
	leave(e, r);
	gust_batch_init(in);
	take(e, r, &res, before, any_size ? 0 : req->step, req->mtu, out);
	return r->st.dropped - dropped;
}

static void merge_run(struct engine *e, struct runner *r, struct gust_batch *in,
		      const struct gust_gro_req *req, struct gust_batch *out)
{
	uint64_t before = payload_of(in);
	struct gust_batch res;

	gust_batch_init(&res);
	enter(e, r, in->n);
	r->p.desc->gro(r->state, in, req, &res);
	leave(e, r);
	take(e, r, &res, before, 0, 0, out);
}

void engine_gro(struct engine *e, struct gust_batch *b,
		const struct gust_gro_req *req)
{
	struct gust_batch part[ENGINE_PLUGINS_MAX], rest;
	uint32_t used = 0, kinds = req->kinds ? req->kinds : UINT32_MAX;
	struct gust_pkt *p;

	if (!e->merges || b->n < 2)
		return;
	gust_batch_init(&rest);
	while ((p = gust_batch_pop(b))) {
		const struct gust_layer *l4 = pkt_l4(p);
		int i = l4 && l4->kind < 32 && kinds & 1u << l4->kind ?
				e->merge[l4->kind] :
				-1;

		if (i < 0) {
			gust_batch_push(&rest, p);
			continue;
		}
		if (!(used & 1u << i))
			gust_batch_init(&part[i]);
		used |= 1u << i;
		gust_batch_push(&part[i], p);
	}
	for (unsigned i = 0; used; i++, used >>= 1)
		if (used & 1)
			merge_run(e, &e->run[i], &part[i], req, b);
	gust_batch_splice(b, &rest);
}

int engine_jumbo(struct engine *e, struct gust_pkt *p, enum gust_jumbo form)
{
	struct runner *r;
	int res;

	if (e->jumbo < 0)
		return -ENOSYS;
	r = &e->run[e->jumbo];
	enter(e, r, 1);
	res = r->p.desc->jumbo(r->state, p, form);
	leave(e, r);
	r->st.out++;
	return res;
}

/* The plugin that has this tunnel; NULL: it is gone or disabled, and the packets are
 * dropped as its faults are. */
static struct runner *tunneler(struct engine *e, unsigned plugin,
			       struct gust_batch *in)
{
	struct runner *r = plugin < e->n ? &e->run[plugin] : NULL;

	if (r && r->state && !r->disabled && r->p.desc->encap && r->p.desc->decap)
		return r;
	drop_count(e->w.conf.drops, DROP_PLUGIN_FAULT, in->n);
	pkt_batch_free(in);
	return NULL;
}

static bool outside_is_ip(const struct gust_pkt *p)
{
	return p->nlayer &&
	       (p->layer[0].kind == GUST_L_IPV4 || p->layer[0].kind == GUST_L_IPV6);
}

void engine_encap(struct engine *e, unsigned plugin, void *tunnel,
		  struct gust_batch *in, struct gust_batch *out)
{
	struct runner *r = in->n ? tunneler(e, plugin, in) : NULL;
	struct gust_batch res, good;
	struct gust_pkt *p;
	uint64_t before;

	if (!r)
		return;
	before = payload_of(in);
	gust_batch_init(&res);
	gust_batch_init(&good);
	enter(e, r, in->n);
	r->p.desc->encap(r->state, tunnel, in, &res);
	leave(e, r);
	gust_batch_init(in);
	take(e, r, &res, before, 0, 0, &good);
	while ((p = gust_batch_pop(&good))) {
		if (outside_is_ip(p)) {
			gust_batch_push(out, p);
			continue;
		}
		fault(e, r, "no IP header outside");
		pkt_free(p);
	}
}

/* What decap() is given: single packets, and superpackets whose segments are those
 * of a transport inside. */
static void slice_trains(struct engine *e, struct gust_batch *in)
{
	struct gust_batch all = *in;
	struct gust_pkt *p;

	gust_batch_init(in);
	while ((p = gust_batch_pop(&all))) {
		if (!tunnel_is_train(p)) {
			gust_batch_push(in, p);
			continue;
		}
		if (p->gso_type != GUST_GSO_UFO) {
			tunnel_slice(&e->w, p, in);
			continue;
		}
		/* one datagram, which was to be fragmented */
		p->gso_size = 0;
		p->gso_type = GUST_GSO_NONE;
		gust_batch_push(in, p);
	}
}

void engine_decap(struct engine *e, unsigned plugin, void *tunnel,
		  struct gust_batch *in, struct gust_batch *out,
		  struct gust_batch *rest)
{
	struct runner *r = in->n ? tunneler(e, plugin, in) : NULL;
	struct gust_batch res, others;
	uint64_t before, dropped;

	if (!r)
		return;
	slice_trains(e, in);
	before = in->n;
	dropped = r->st.dropped;
	gust_batch_init(&res);
	gust_batch_init(&others);
	enter(e, r, in->n);
	r->p.desc->decap(r->state, tunnel, in, &res, &others);
	leave(e, r);
	gust_batch_init(in);
	/* headers leave the payload for the head: packets are what is counted */
	if (res.n + others.n + (r->st.dropped - dropped) < before)
		fault(e, r, "packets are missing");
	take(e, r, &res, 0, 0, 0, out);
	take(e, r, &others, 0, 0, 0, rest);
}

void engine_filter(struct engine *e, enum gust_dir dir, struct gust_batch *b)
{
	for (unsigned i = 0; e->filters && i < e->n; i++) {
		struct runner *r = &e->run[i];
		struct gust_batch res;

		if (!r->state || r->disabled || !r->p.desc->filter)
			continue;
		gust_batch_init(&res);
		enter(e, r, b->n);
		r->p.desc->filter(r->state, dir, b, e->w.conf.env->now_us, &res);
		leave(e, r);
		gust_batch_init(b);
		take(e, r, &res, 0, 0, 0, b);
	}
}

uint64_t engine_deadline(const struct engine *e, enum gust_dir dir)
{
	uint64_t at = GUST_NEVER;

	for (unsigned i = 0; e->filters && i < e->n; i++) {
		const struct runner *r = &e->run[i];
		uint64_t d;

		if (!r->state || r->disabled || !r->p.desc->deadline)
			continue;
		d = r->p.desc->deadline(r->state, dir);
		if (d < at)
			at = d;
	}
	return at;
}

struct drop_counters *engine_drops(const struct engine *e)
{
	return e->w.conf.drops;
}

unsigned engine_stats(const struct engine *e, struct engine_stats *ret,
		      unsigned max)
{
	unsigned n = e->n < max ? e->n : max;

	for (unsigned i = 0; i < n; i++)
		ret[i] = e->run[i].st;
	return n;
}
