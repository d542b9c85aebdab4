/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_explain.c - gust.Explain: gather the facts, answer as JSON
 *
 * Both kernels are asked now, in their own namespaces, on the main thread: a few
 * netlink requests of QUERY_TIMEOUT_MS at most. What cannot be asked (no
 * permission, a namespace that is gone) becomes a hop that says so.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/control_methods.h"
#include "port/netns.h"
#include "proof/explain.h"

#define RUN_MAX 65507 /* one datagram, or what UDP_GRO makes of several */
#define PLUGINS_MAX 32

/* Large: from the heap. */
struct gathering {
	struct explain_facts f;
	struct explain answer;
	char err_in[256], err_out[256];
	char names[PLUGINS_MAX][GUST_PLUGIN_NAME_MAX + 1];
	const char *plugin[PLUGINS_MAX];
};

/* ---- one namespace ---- */

/* What lies below `d`: named by the device, or by the way to a tunnel's end. */
static int index_below(struct link_query *q, const struct link_device *d)
{
	struct route_query rq = { .dst = d->remote };
	struct route_result r;

	if (d->lower_elsewhere)
		return 0;
	if (d->lower)
		return d->lower;
	if (!d->has_remote || route_get(q, &rq, &r) < 0)
		return 0;
	return r.oif;
}

static bool seen(const struct explain_way *w, int ifindex)
{
	for (unsigned i = 0; i < w->n_dev; i++)
		if (w->dev[i].ifindex == ifindex)
			return true;
	return false;
}

/* JSON is UTF-8, a device's name is any bytes. */
static void clean_name(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			*s = '?';
}

static void ask_devices(struct link_query *q, struct explain_way *w)
{
	int next = w->route.oif;

	while (next > 0 && w->n_dev < EXPLAIN_DEVS_MAX && !seen(w, next) &&
	       device_get(q, next, &w->dev[w->n_dev]) == 0) {
		clean_name(w->dev[w->n_dev].name);
		next = index_below(q, &w->dev[w->n_dev++]);
	}
}

static void ask(struct link_query *q, const struct route_query *rq,
		struct explain_way *w, char err[256])
{
	char src[IPADDR_STRLEN];
	int r = route_get(q, rq, &w->route);

	if (r == 0) {
		ask_devices(q, w);
		return;
	}
	if (r == -EINVAL)
		snprintf(err, 256, "%s is no address of this host",
			 ipaddr_str(&rq->src, src));
	else
		snprintf(err, 256, "route look-up: %s", strerror(-r));
	w->unknown = err;
}

static uint8_t proto_of(const struct control_req *q, const struct ipaddr *dst)
{
	return q->proto == IPPROTO_ICMP && !ipaddr_is4(dst) ? IPPROTO_ICMPV6 :
							      q->proto;
}

/* ---- the interface's namespace ---- */

/* A namespace's name may have come to mean another one since the start. */
static bool is_there(struct link_query *q, const struct link_state *st)
{
	struct link_device d;

	return device_get(q, st->ifindex, &d) == 0 && !strcmp(d.name, st->name);
}

static int open_inside(const struct daemon *d, struct link_query **ret_q,
		       char err[256])
{
	int ns = -1, r = 0;

	if (d->conf->netns)
		r = netns_open(d->conf->netns, &ns, err, 256);
	if (r == 0)
		r = link_query_open(ns, ret_q, err, 256);
	if (ns >= 0)
		close(ns);
	return r;
}

static void ask_inside(const struct daemon *d, const struct control_req *q,
		       struct gathering *g)
{
	struct route_query rq = { .dst = q->addr,
				  .proto = proto_of(q, &q->addr),
				  .dport = q->port };
	const struct link_state *st = daemon_link_state(d);
	struct link_query *lq;

	if (open_inside(d, &lq, g->err_in) < 0) {
		g->f.inside.unknown = g->err_in;
		return;
	}
	if (is_there(lq, st)) {
		ask(lq, &rq, &g->f.inside, g->err_in);
	} else {
		snprintf(g->err_in, sizeof(g->err_in),
			 "%s is not in the namespace any more", st->name);
		g->f.inside.unknown = g->err_in;
	}
	link_query_close(lq);
}

/* ---- the daemon's own ---- */

/* As hostsock.c arranges its sockets. */
static void ask_outside(const struct daemon *d, const struct control_req *q,
			struct gathering *g)
{
	const struct stack_snap *c = d->snap;
	const struct ipaddr *host = &g->f.host;
	struct route_query rq = { .dst = *host,
				  .proto = proto_of(q, host),
				  .dport = q->port,
				  .has_uid = true,
				  .uid = geteuid() };
	struct link_query *lq;

	if (!ipaddr_is_loopback(host)) {
		rq.mark = c->mark;
		rq.src = ipaddr_is4(host) ? c->source4 : c->source6;
		if (c->device[0])
			rq.oif = (int)if_nametoindex(c->device);
		if (ipaddr_is_any(&rq.src))
			memset(&rq.src, 0, sizeof(rq.src));
	}
	if (link_query_open(-1, &lq, g->err_out, sizeof(g->err_out)) < 0) {
		g->f.outside.unknown = g->err_out;
		return;
	}
	if (!rq.oif && c->device[0] && !ipaddr_is_loopback(host)) {
		snprintf(g->err_out, sizeof(g->err_out),
			 "the relay's device %s does not exist", c->device);
		g->f.outside.unknown = g->err_out;
	} else {
		ask(lq, &rq, &g->f.outside, g->err_out);
	}
	link_query_close(lq);
}

static void gather_plugins(const struct daemon *d, struct gathering *g)
{
	unsigned n = d->plugins ? registry_count(d->plugins) : 0;

	for (unsigned i = 0; i < n && g->f.n_plugin < PLUGINS_MAX; i++) {
		struct registry_info info;
		char *name = g->names[g->f.n_plugin];

		registry_info(d->plugins, i, &info);
		if (info.state != REGISTRY_ACTIVE)
			continue;
		memcpy(name, info.name, sizeof(info.name));
		if (info.desc && info.desc->filter)
			g->f.filter = name;
		g->plugin[g->f.n_plugin++] = name;
	}
	g->f.plugin = g->plugin;
	g->f.merge = d->conf->merge;
	g->f.merge_max = plugins_gro_max(d);
}

/* ---- what the stack does ---- */

static void gather_fate(const struct daemon *d, const struct control_req *q,
			struct explain_facts *f)
{
	static const enum explain_fate fates[] = {
		[STACK_FATE_RELAYED] = EXPLAIN_RELAYED,
		[STACK_FATE_LOOPBACK] = EXPLAIN_LOOPBACK,
		[STACK_FATE_MAPPED] = EXPLAIN_MAPPED,
		[STACK_FATE_SERVICE] = EXPLAIN_SERVICE,
		[STACK_FATE_ANSWERED] = EXPLAIN_ANSWERED,
		[STACK_FATE_REFUSED] = EXPLAIN_REFUSED,
		[STACK_FATE_DROPPED] = EXPLAIN_DROPPED,
	};
	struct stack_fate fate;

	stack_fate(d->snap, &q->addr, q->proto, q->port, &fate);
	f->fate = fates[fate.kind];
	f->host = fate.host;
	f->service = fate.service;
	f->drop = drop_name(fate.drop);
}

/* A way from the host to an address that the inside itself has, or reaches
 * without us. */
static void gather_publish(const struct daemon *d, const struct control_req *q,
			   struct explain_facts *f)
{
	const struct route_result *r = &f->inside.route;

	if (f->inside.unknown ||
	    (r->oif == f->link->ifindex && r->type != ROUTE_LOCAL))
		return;
	for (unsigned i = 0; i < d->snap->n_publish && !f->published; i++) {
		const struct stack_publish *p = &d->snap->publish[i];

		if (p->proto != q->proto || !ipaddr_eq(&p->to, &q->addr) ||
		    (q->port && q->port != p->to_port))
			continue;
		f->published = true;
		f->listen = p->listen;
		f->listen_port = p->listen_port;
	}
}

static void gather(const struct daemon *d, const struct control_req *q,
		   struct gathering *g)
{
	struct explain_facts *f = &g->f;

	f->dst = q->addr;
	f->proto = q->proto;
	f->port = q->port;
	f->link = daemon_link_state(d);
	f->tap = d->conf->tap;
	f->netns = d->conf->netns;
	f->from_kernel = d->from_kernel;
	f->to_kernel = d->to_kernel;
	f->timestamps = d->snap->tcp.timestamps;
	f->read_max = STACK_READ_MAX;
	f->run_max = RUN_MAX;
	daemon_facts(d, &f->offload);
	gather_plugins(d, g);
	gather_fate(d, q, f);
	ask_inside(d, q, g);
	gather_publish(d, q, f);
	if (!ipaddr_is_any(&f->host))
		ask_outside(d, q, g);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *s)
{
	return s[0] ? json_string(s) : json_null();
}

static json_t *hop_json(const struct explain_hop *h)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o}",
			 "name", h->name, "kind", explain_kind_name(h->kind),
			 "text", h->text, "depth", (int)h->depth, "header_bytes",
			 (int)h->header_bytes, "largest", (int)h->largest,
			 "carried_by", text_or_null(h->carried_by), "cut",
			 h->cut ? json_integer(h->cut) : json_null(), "why",
			 h->why == EXPLAIN_WHOLE ?
				 json_null() :
				 json_string(explain_why_name(h->why)),
			 "why_text", text_or_null(h->why_text), "avoid",
			 text_or_null(h->avoid));
}

static json_t *path_json(const struct explain_path *p)
{
	json_t *hops = json_array();

	for (unsigned i = 0; i < p->n; i++)
		json_array_append_new(hops, hop_json(&p->hop[i]));
	return json_pack("{s:s, s:o}", "name", p->name, "hops", hops);
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "icmp";
}

static json_t *answer_json(const struct gathering *g)
{
	const struct explain_facts *f = &g->f;
	char dst[IPADDR_STRLEN];
	json_t *paths = json_array();

	for (unsigned i = 0; i < g->answer.n; i++)
		json_array_append_new(paths, path_json(&g->answer.path[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s?, s:b, s:o}", "destination",
			 ipaddr_str(&f->dst, dst), "family",
			 ipaddr_is4(&f->dst) ? "ipv4" : "ipv6", "proto",
			 proto_name(f->proto), "port",
			 f->port ? json_integer(f->port) : json_null(), "interface",
			 f->link->name, "netns", f->netns, "through",
			 g->answer.through, "directions", paths);
}

json_t *control_explain(struct daemon *d, const struct control_req *q)
{
	struct gathering *g = calloc(1, sizeof(*g));
	json_t *o;

	if (!g)
		return NULL;
	gather(d, q, g);
	explain(&g->f, &g->answer);
	o = answer_json(g);
	free(g);
	return o;
}
