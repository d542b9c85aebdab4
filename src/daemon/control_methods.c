/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_methods.c - what the control socket's methods answer
 *
 * Keys are stable: scripts read them. Times are in microseconds, sizes in
 * bytes. Flows are written as text straight away, page by page: a hundred
 * thousand of them are never in memory at once.
 */
#include "daemon/control_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/linux_compat.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *addr_json(const struct ipaddr *a)
{
	char text[IPADDR_STRLEN];

	return json_string(ipaddr_str(a, text));
}

static json_t *mac_json(const struct ethaddr *m)
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1],
			    m->b[2], m->b[3], m->b[4], m->b[5]);
}

static json_t *feats_json(uint32_t feats)
{
	json_t *a = json_array();

	for (enum feat f = 0; f < FEAT_N; f++)
		if (feats & FEAT_BIT(f))
			json_array_append_new(a, json_string(feat_name(f)));
	return a;
}

static json_t *tun_f_json(unsigned tun_f)
{
	static const struct {
		unsigned bit;
		const char *name;
	} bits[] = { { TUN_F_CSUM, "csum" },
		     { TUN_F_TSO4, "tso4" },
		     { TUN_F_TSO6, "tso6" },
		     { TUN_F_TSO_ECN, "tso_ecn" },
		     { TUN_F_UFO, "ufo" },
		     { TUN_F_USO4, "uso4" },
		     { TUN_F_USO6, "uso6" },
		     { TUN_F_UDP_TUNNEL_GSO, "udp_tunnel" },
		     { TUN_F_UDP_TUNNEL_GSO_CSUM, "udp_tunnel_csum" } };
	json_t *a = json_array();

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (tun_f & bits[i].bit)
			json_array_append_new(a, json_string(bits[i].name));
	return a;
}

/* ---- counters ---- */

/* Every counter of `struct worker_stats` that is a plain sum over workers. */
struct counter {
	const char *group, *name;
	size_t off;
};

#define W(f) offsetof(struct worker_stats, f)
static const struct counter counters[] = {
	{ "port", "rx_packets", W(rx_packets) },
	{ "port", "rx_bytes", W(rx_bytes) },
	{ "port", "rx_super", W(rx_super) },
	{ "port", "tx_packets", W(tx_packets) },
	{ "port", "tx_bytes", W(tx_bytes) },
	{ "port", "tx_super", W(tx_super) },
	{ "port", "tx_big", W(tx_big) },
	{ "port", "sw_segmented", W(plan.cut) },
	{ "port", "no_memory", W(nomem) },
	{ "offload", "rx_merged", W(rx_merged) },
	{ "offload", "passed_whole", W(plan.whole) },
	{ "offload", "cut", W(plan.cut) },
	{ "offload", "pieces", W(plan.pieces) },
	{ "offload", "carried", W(plan.carried) },
	{ "offload", "form_changed", W(plan.form) },
	{ "offload", "checksums", W(plan.csum) },
	{ "worker", "turns", W(turns) },
	{ "worker", "handoff_in", W(handoff_in) },
	{ "worker", "handoff_out", W(handoff_out) },
	{ "worker", "neigh_failed", W(neigh_failed) },
	{ "flows", "tcp", W(stack.tcp_flows) },
	{ "flows", "tcp_half_open", W(stack.tcp_half_open) },
	{ "flows", "udp", W(stack.udp_flows) },
	{ "flows", "echo", W(stack.echo_flows) },
	{ "relay", "tcp_opened", W(stack.tcp_opened) },
	{ "relay", "tcp_refused", W(stack.tcp_refused) },
	{ "relay", "udp_opened", W(stack.udp_opened) },
	{ "relay", "echo_opened", W(stack.echo_opened) },
	{ "relay", "host_in_bytes", W(stack.host_in_bytes) },
	{ "relay", "host_out_bytes", W(stack.host_out_bytes) },
	{ "relay", "service_bytes", W(stack.svc_bytes) },
	{ "relay", "udp_gso_sends", W(stack.udp_gso_sends) },
	{ "relay", "udp_gro_receives", W(stack.udp_gro_recvs) },
	{ "relay", "congestion_refused", W(stack.cc_refused) },
	{ "ip", "icmp_errors_out", W(stack.icmp_errors_out) },
	{ "ip", "icmp_errors_in", W(stack.icmp_errors_in) },
	{ "ip", "echo_replies", W(stack.echo_replies) },
	{ "ip", "reassembled", W(stack.reasm_ok) },
	{ "tcp", "segments_in", W(tcp.segs_in) },
	{ "tcp", "segments_out", W(tcp.segs_out) },
	{ "tcp", "super_in", W(tcp.super_in) },
	{ "tcp", "super_out", W(tcp.super_out) },
	{ "tcp", "bytes_in", W(tcp.bytes_in) },
	{ "tcp", "bytes_out", W(tcp.bytes_out) },
	{ "tcp", "retransmitted", W(tcp.retrans) },
	{ "tcp", "timeouts", W(tcp.rto) },
	{ "tcp", "fast_recovery", W(tcp.fast_recovery) },
	{ "tcp", "undone", W(tcp.undo) },
	{ "tcp", "probes", W(tcp.probes) },
	{ "tcp", "dup_acks_in", W(tcp.dup_acks_in) },
	{ "tcp", "out_of_order_in", W(tcp.ooo_in) },
	{ "tcp", "challenge_acks", W(tcp.challenge_acks) },
	{ "tcp", "resets_in", W(tcp.resets_in) },
	{ "tcp", "resets_out", W(tcp.resets_out) },
	{ "tcp", "active_opened", W(tcp.active_open) },
	{ "tcp", "passive_opened", W(tcp.passive_open) },
	{ "tcp", "established", W(tcp.established) },
	{ "tcp", "time_wait_reused", W(tcp.time_wait_reuse) },
};
#define NCOUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t *at(const struct worker_stats *s, const struct counter *c)
{
	return (uint64_t *)((char *)(uintptr_t)s + c->off);
}

static void add_stats(struct worker_stats *sum, const struct worker_stats *s)
{
	for (unsigned i = 0; i < NCOUNTERS; i++)
		*at(sum, &counters[i]) += *at(s, &counters[i]);
	for (unsigned i = 0; i < DROP_REASONS; i++)
		sum->drops.n[i] += s->drops.n[i];
	for (unsigned i = 0; i < FEAT_N; i++) {
		sum->refused[i] += s->refused[i];
		sum->rx_used.packets[i] += s->rx_used.packets[i];
		sum->rx_used.bytes[i] += s->rx_used.bytes[i];
		sum->tx_used.packets[i] += s->tx_used.packets[i];
		sum->tx_used.bytes[i] += s->tx_used.bytes[i];
	}
	sum->pool.slab_total += s->pool.slab_total;
	sum->pool.slab_free += s->pool.slab_free;
	sum->pool.slab_max += s->pool.slab_max;
	sum->pool.pkt_total += s->pool.pkt_total;
	sum->pool.pkt_free += s->pool.pkt_free;
	sum->pool.pkt_max += s->pool.pkt_max;
	sum->pool.slab_len = s->pool.slab_len;
}

/* Large: from the heap. NULL: no memory. `each` (may be NULL) gets nworkers. */
static struct worker_stats *sum_stats(struct daemon *d,
				      struct worker_stats **ret_each)
{
	struct worker_stats *s = calloc(d->nworkers + 1, sizeof(*s));

	if (!s)
		return NULL;
	for (unsigned i = 0; i < d->nworkers; i++) {
		worker_stats(d->worker[i], &s[i + 1]);
		add_stats(&s[0], &s[i + 1]);
	}
	if (ret_each)
		*ret_each = s + 1;
	return s;
}

static json_t *counters_json(const struct worker_stats *s)
{
	json_t *o = json_object(), *drops = json_object(), *refused = json_object();

	for (unsigned i = 0; i < NCOUNTERS; i++) {
		json_t *g = json_object_get(o, counters[i].group);

		if (!g) {
			g = json_object();
			json_object_set_new(o, counters[i].group, g);
		}
		json_object_set_new(g, counters[i].name, num(*at(s, &counters[i])));
	}
	for (unsigned i = DROP_NONE + 1; i < DROP_REASONS; i++)
		json_object_set_new(drops, drop_name(i), num(s->drops.n[i]));
	json_object_set_new(o, "drops", drops);
	for (enum feat f = 0; f < FEAT_N; f++)
		json_object_set_new(refused, feat_name(f), num(s->refused[f]));
	json_object_set_new(o, "refused", refused);
	return o;
}

json_t *control_stats(struct daemon *d)
{
	struct worker_stats *each, *s = sum_stats(d, &each);
	json_t *workers, *texts;

	if (!s)
		return NULL;
	workers = json_array();
	texts = json_object();
	for (unsigned i = 0; i < d->nworkers; i++)
		json_array_append_new(workers, counters_json(&each[i]));
	for (unsigned i = DROP_NONE + 1; i < DROP_REASONS; i++)
		json_object_set_new(texts, drop_name(i), json_string(drop_text(i)));
	workers = json_pack("{s:o, s:o, s:o}", "total", counters_json(s), "workers",
			    workers, "drop_texts", texts);
	free(s);
	return workers;
}

/* ---- status ---- */

static json_t *addrs_json(const struct link_state *st)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < st->n_addr; i++) {
		const struct link_addr *p = &st->addr[i];

		json_array_append_new(
			a,
			json_pack("{s:o, s:o, s:i}", "local", addr_json(&p->local),
				  "peer",
				  p->has_peer ? addr_json(&p->peer) : json_null(),
				  "prefix_len", p->plen));
	}
	return a;
}

static json_t *routes_json(const struct link_state *st)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < st->n_route; i++) {
		const struct link_route *r = &st->route[i];
		bool via = memcmp(r->via.b, (uint8_t[16]){ 0 }, 16);

		json_array_append_new(
			a, json_pack("{s:o, s:i, s:o, s:o}", "dst",
				     addr_json(&r->dst), "prefix_len", r->plen,
				     "via", via ? addr_json(&r->via) : json_null(),
				     "metric", num(r->metric)));
	}
	return a;
}

static json_t *interface_json(const struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);

	return json_pack("{s:s, s:s, s:s?, s:i, s:b, s:b, s:b, s:b, s:b, s:o, s:o, "
			 "s:o, s:o, s:o}",
			 "name", st->name, "mode", d->conf->tap ? "tap" : "tun",
			 "netns", d->conf->netns, "ifindex", st->ifindex, "created",
			 d->tun.created, "persist", d->conf->persist, "followed",
			 d->link != NULL, "up", st->up, "lower_up", st->lower_up,
			 "mtu", num(st->mtu), "txqueuelen", num(st->txqueuelen),
			 "mac", d->conf->tap ? mac_json(&st->mac) : json_null(),
			 "addresses", addrs_json(st), "routes", routes_json(st));
}

static json_t *stack_json(const struct daemon *d)
{
	json_t *own = json_array(), *dup = json_array();

	for (unsigned i = 0; d->snap && i < d->snap->n_own; i++)
		json_array_append_new(own, addr_json(&d->snap->own[i]));
	for (unsigned i = 0; i < d->n_duplicate; i++)
		json_array_append_new(dup, addr_json(&d->duplicate[i]));
	return json_pack("{s:o, s:o, s:o}", "addresses", own, "duplicates", dup,
			 "mac", d->conf->tap ? mac_json(&d->mac) : json_null());
}

static json_t *limits_json(const struct link_state *st)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "gso_max_size", num(st->gso_max_size),
		"gso_ipv4_max_size", num(st->gso_ipv4_max_size), "tso_max_size",
		num(st->tso_max_size), "gro_max_size", num(st->gro_max_size),
		"gro_ipv4_max_size", num(st->gro_ipv4_max_size));
}

static json_t *caps_json(const struct port_caps *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "features",
			 feats_json(c->feats), "mtu", num(c->mtu),
			 "gso_max_size_ipv4", num(c->gso_max4), "gso_max_size_ipv6",
			 num(c->gso_max6), "gso_max_size_udp", num(c->gso_max_udp),
			 "gso_max_segs", num(c->gso_max_segs));
}

static json_t *offload_json(const struct daemon *d)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "vnet_hdr_len",
			 (int)d->tun.vnet_len, "granted",
			 tun_f_json(d->tun_granted), "set", tun_f_json(d->tun_set),
			 "demoted", feats_json(d->demoted), "from_kernel",
			 caps_json(&d->from_kernel), "to_kernel",
			 caps_json(&d->to_kernel), "limits",
			 limits_json(daemon_link_state(d)));
}

/* What an earlier gust tested, the direction towards the kernel, and why the first
 * of these failed; gust.Selftest has all of it. */
static json_t *proof_json(const struct proof_result *p)
{
	const struct proof_cell *bad = NULL;

	for (unsigned i = 0; i < p->n_cell && !bad; i++)
		if (p->cell[i].dir == FACT_TO_KERNEL &&
		    p->cell[i].verdict == PROOF_FAILED)
			bad = &p->cell[i];
	return json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o}", "tried", p->tried,
			 "ok", feats_json(p->ok[FACT_TO_KERNEL]), "failed",
			 feats_json(p->failed[FACT_TO_KERNEL]), "took_us",
			 num(p->took_us), "why", bad ? bad->why : p->why,
			 "ok_from_kernel", feats_json(p->ok[FACT_FROM_KERNEL]),
			 "failed_from_kernel",
			 feats_json(p->failed[FACT_FROM_KERNEL]));
}

static uint64_t resident(void)
{
	unsigned long long size, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &size, &rss) != 2)
		rss = 0;
	fclose(f);
	return rss * sysconf(_SC_PAGESIZE);
}

static json_t *memory_json(const struct pkt_pool_stats *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rss",
			 num(resident()), "slab_size", num(p->slab_len), "slabs",
			 num(p->slab_total), "slabs_free", num(p->slab_free),
			 "slabs_max", num(p->slab_max), "packets",
			 num(p->pkt_total), "packets_free", num(p->pkt_free),
			 "packets_max", num(p->pkt_max));
}

static uint64_t all_drops(const struct worker_stats *s)
{
	uint64_t n = 0;

	for (unsigned i = DROP_NONE + 1; i < DROP_REASONS; i++)
		n += s->drops.n[i];
	return n;
}

json_t *control_status(struct daemon *d)
{
	struct worker_stats *s = sum_stats(d, NULL);
	json_t *o, *c;

	if (!s)
		return NULL;
	c = counters_json(s);
	o = json_pack(
		"{s:s, s:i, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:O, s:O, s:o, s:o}",
		"version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_us",
		num(daemon_now_us() - d->started_us), "config", d->conf_path,
		"workers", (int)d->nworkers, "interface", interface_json(d),
		"stack", stack_json(d), "offload", offload_json(d), "selftest",
		proof_json(&d->proof), "flows", json_object_get(c, "flows"),
		"traffic", json_object_get(c, "port"), "drops", num(all_drops(s)),
		"memory", memory_json(&s->pool));
	json_decref(c);
	free(s);
	return o;
}

/* ---- features ---- */

static json_t *feature_json(const struct daemon *d, const struct worker_stats *s,
			    const struct link_facts *facts, enum feat f)
{
	const struct link_state *st = daemon_link_state(d);
	uint32_t bit = FEAT_BIT(f);
	unsigned tun_f = caps_tun_f(bit);
	json_t *granted = tun_f ? json_boolean((d->tun_granted & tun_f) == tun_f) :
				  json_null();

	return json_pack(
		"{s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:s, s:b, s:o, s:o}",
		"name", feat_name(f), "from_kernel", !!(d->from_kernel.feats & bit),
		"to_kernel", !!(d->to_kernel.feats & bit), "configured",
		!!(d->conf->feats & bit), "requested", !!(st->feat_wanted & bit),
		"active", !!(st->feat_active & bit), "changeable",
		!!(st->feat_hw & bit), "granted", granted, "proven",
		d->proof.ok[FACT_TO_KERNEL] & bit     ? "yes" :
		d->proof.failed[FACT_TO_KERNEL] & bit ? "no" :
							"untested",
		"demoted", !!(d->demoted & bit), "refused", num(s->refused[f]),
		"facts", control_facts_json(facts, f, s));
}

json_t *control_features(struct daemon *d)
{
	struct worker_stats *s = sum_stats(d, NULL);
	json_t *list, *used, *o;
	struct link_facts facts;

	if (!s)
		return NULL;
	daemon_facts(d, &facts);
	list = json_array();
	for (enum feat f = 0; f < FEAT_N; f++)
		json_array_append_new(list, feature_json(d, s, &facts, f));
	used = json_pack("{s:o, s:o, s:o, s:o}", "rx_super", num(s->rx_super),
			 "tx_super", num(s->tx_super), "tx_big", num(s->tx_big),
			 "sw_segmented", num(s->plan.cut));
	o = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:s?}", "interface",
		      daemon_link_state(d)->name, "ethtool",
		      daemon_link_state(d)->ethtool_ok, "features", list,
		      "from_kernel", caps_json(&d->from_kernel), "to_kernel",
		      caps_json(&d->to_kernel), "limits",
		      limits_json(daemon_link_state(d)), "used", used,
		      "unproven_because", d->proof.tried ? NULL : d->proof.why);
	free(s);
	return o;
}

/* ---- flows ---- */

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "icmp";
	}
}

static bool unset(const struct ipaddr *a)
{
	return !memcmp(a->b, (uint8_t[16]){ 0 }, 16);
}

static bool matches(const struct control_req *q, const struct stack_flow_report *r)
{
	const struct ipaddr *a[] = { &r->key.in, &r->key.out, &r->host };

	if (q->proto && strcmp(proto_name(q->proto), proto_name(r->key.proto)))
		return false;
	if (!q->has_addr)
		return true;
	for (unsigned i = 0; i < 3; i++)
		if (ipaddr_is4(a[i]) == ipaddr_is4(&q->addr) && !unset(a[i]) &&
		    ipaddr_in_prefix(a[i], &q->addr, q->plen))
			return true;
	return false;
}

/* `"name":"1.2.3.4","name_port":5` or nulls. */
static void put_end(struct evbuffer *out, const char *name, const struct ipaddr *a,
		    uint16_t port)
{
	char text[IPADDR_STRLEN];

	if (unset(a))
		evbuffer_add_printf(out, "\"%s\":null,\"%s_port\":null,", name,
				    name);
	else
		evbuffer_add_printf(out, "\"%s\":\"%s\",\"%s_port\":%u,", name,
				    ipaddr_str(a, text), name, port);
}

static void put_tcp(struct evbuffer *out, const struct tcp_report *t)
{
	evbuffer_add_printf(
		out,
		",\"tcp\":{\"state\":\"%s\",\"congestion\":\"%s\",\"srtt_us\":%u,"
		"\"rttvar_us\":%u,\"rto_us\":%u,\"cwnd\":%u,\"ssthresh\":%u,"
		"\"inflight\":%u,"
		"\"mss\":%u,\"snd_wnd\":%u,\"rcv_wnd\":%u,\"rcvbuf\":%u,\"sndbuf\":"
		"%u,"
		"\"sndq\":%u,\"rcvq\":%u,\"retransmitted\":%u}",
		t->state ? t->state : "", t->cc ? t->cc : "", t->srtt_us,
		t->rttvar_us, t->rto_us, t->cwnd, t->ssthresh, t->inflight, t->mss,
		t->snd_wnd, t->rcv_wnd, t->rcvbuf, t->sndbuf, t->sndq, t->rcvq,
		t->retrans);
}

static void put_flow(struct evbuffer *out, unsigned worker,
		     const struct stack_flow_report *r, bool first)
{
	evbuffer_add_printf(out, "%s{\"proto\":\"%s\",", first ? "" : ",",
			    proto_name(r->key.proto));
	put_end(out, "inside", &r->key.in, r->key.in_port);
	put_end(out, "outside", &r->key.out, r->key.out_port);
	put_end(out, "host", &r->host, r->host_port);
	evbuffer_add_printf(
		out,
		"\"kind\":\"%s\",\"worker\":%u,\"age_us\":%llu,\"idle_us\":%llu,"
		"\"bytes_in\":%llu,\"bytes_out\":%llu",
		r->kind, worker, (unsigned long long)r->age_us,
		(unsigned long long)r->idle_us, (unsigned long long)r->bytes_in,
		(unsigned long long)r->bytes_out);
	if (r->key.proto == IPPROTO_TCP)
		put_tcp(out, &r->tcp);
	evbuffer_add(out, "}", 1);
}

struct page_call {
	struct flow_walk *w;
	unsigned n;
};

/* In the worker's thread. */
static void fetch_page(struct worker *wk, void *arg)
{
	struct page_call *c = arg;

	c->n = stack_report(worker_stack(wk), &c->w->pos, c->w->page, CONTROL_PAGE,
			    worker_env(wk));
}

bool flow_walk_next(struct daemon *d, struct flow_walk *w, struct evbuffer *out)
{
	struct page_call c = { .w = w };

	if (!w->n && !w->worker && !w->pos)
		evbuffer_add_printf(out,
				    "{\"parameters\":{\"time_us\":%llu,\"flows\":[",
				    (unsigned long long)daemon_now_us());
	if (w->worker < d->nworkers)
		worker_call(d->worker[w->worker], fetch_page, &c);
	for (unsigned i = 0; i < c.n; i++)
		if (matches(&w->req, &w->page[i]))
			put_flow(out, w->worker, &w->page[i], !w->n++);
	if (c.n)
		return true;
	w->pos = 0;
	if (++w->worker < d->nworkers)
		return true;
	evbuffer_add_printf(out, "]}}");
	return false;
}
