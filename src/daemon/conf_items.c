/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_items.c - every option of gustd.conf: one line in one table
 *
 * Names, units, ranges and defaults are documented in gustd.conf(5); keep them
 * together.
 */
#include "daemon/conf_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/conf_value.h"

const char *const conf_sec_name[SEC_N] = {
	"", "interface", "relay", "tcp", "udp", "limits", "services", "plugins"
};

#define WANT(...) (snprintf(want, 160, __VA_ARGS__), -EINVAL)

static void *target(struct conf_stage *st, const struct conf_item *it)
{
	return (char *)&st->conf + it->off;
}

/* ---- plain kinds ---- */

static int take_bool(struct conf_stage *st, const struct conf_item *it,
		     const char *v, char want[160])
{
	if (conf_bool(v, target(st, it)))
		return WANT("true or false");
	return 0;
}

static int take_u32(struct conf_stage *st, const struct conf_item *it,
		    const char *v, char want[160])
{
	uint64_t n;

	if (conf_uint(v, &n) || n < it->min || n > it->max)
		return WANT("a number from %llu to %llu",
			    (unsigned long long)it->min,
			    (unsigned long long)it->max);
	*(uint32_t *)target(st, it) = n;
	return 0;
}

static int take_u8(struct conf_stage *st, const struct conf_item *it, const char *v,
		   char want[160])
{
	uint64_t n;

	if (conf_uint(v, &n) || n < it->min || n > it->max)
		return WANT("a number from %llu to %llu",
			    (unsigned long long)it->min,
			    (unsigned long long)it->max);
	*(uint8_t *)target(st, it) = n;
	return 0;
}

static const char *size_text(uint64_t n, char buf[32])
{
	if (n && n % (1 << 20) == 0)
		snprintf(buf, 32, "%lluM", (unsigned long long)n >> 20);
	else if (n && n % (1 << 10) == 0)
		snprintf(buf, 32, "%lluK", (unsigned long long)n >> 10);
	else
		snprintf(buf, 32, "%llu", (unsigned long long)n);
	return buf;
}

static int take_size(struct conf_stage *st, const struct conf_item *it,
		     const char *v, char want[160])
{
	char lo[32], hi[32];
	uint64_t n;

	if (conf_size(v, &n) || n < it->min || n > it->max)
		return WANT("a size from %s to %s bytes (K, M, G)",
			    size_text(it->min, lo), size_text(it->max, hi));
	*(uint32_t *)target(st, it) = n;
	return 0;
}

static const char *time_text(uint64_t us, char buf[32])
{
	static const struct {
		uint64_t us;
		const char *name;
	} unit[] = { { 3600000000ull, "h" },
		     { 60000000, "min" },
		     { 1000000, "s" },
		     { 1000, "ms" },
		     { 1, "us" } };
	unsigned i = 0;

	while (i < 4 && (us < unit[i].us || us % unit[i].us))
		i++;
	snprintf(buf, 32, "%llu %s", (unsigned long long)(us / unit[i].us),
		 unit[i].name);
	return buf;
}

static int time_of(const struct conf_item *it, const char *v, uint64_t *ret,
		   char want[160])
{
	char lo[32], hi[32];
	uint64_t us;

	if (conf_time_us(v, &us) || us < it->min || us > it->max)
		return WANT("a time from %s to %s (us, ms, s, min, h; a bare "
			    "number: ms)",
			    time_text(it->min, lo), time_text(it->max, hi));
	*ret = us;
	return 0;
}

static int take_us(struct conf_stage *st, const struct conf_item *it, const char *v,
		   char want[160])
{
	uint64_t us;
	int r = time_of(it, v, &us, want);

	if (!r)
		*(uint32_t *)target(st, it) = us;
	return r;
}

static int take_ms(struct conf_stage *st, const struct conf_item *it, const char *v,
		   char want[160])
{
	uint64_t us;
	int r = time_of(it, v, &us, want);

	if (!r)
		*(uint32_t *)target(st, it) = (us + 999) / 1000;
	return r;
}

/* A name for the kernel, into char[16]: device, congestion control. */
static int take_name(struct conf_stage *st, const struct conf_item *it,
		     const char *v, char want[160])
{
	size_t len = strlen(v);

	if (len > 15 || strpbrk(v, " /\t\n"))
		return WANT(
			"a name of at most 15 characters without blanks and \"/\"");
	memcpy(target(st, it), v, len + 1);
	return 0;
}

/* ---- particular ones: top level ---- */

static int take_workers(struct conf_stage *st, const struct conf_item *it,
			const char *v, char want[160])
{
	uint64_t n;

	if (!strcmp(v, "auto")) {
		st->conf.workers = 0;
		return 0;
	}
	if (conf_uint(v, &n) || n < it->min || n > it->max)
		return WANT("auto, or a number from %llu to %llu",
			    (unsigned long long)it->min,
			    (unsigned long long)it->max);
	st->conf.workers = n;
	return 0;
}

static int take_control(struct conf_stage *st, const struct conf_item *it,
			const char *v, char want[160])
{
	if (v[0] != '/' || strlen(v) >= sizeof(st->control))
		return WANT("an absolute path of at most %zu characters",
			    sizeof(st->control) - 1);
	strcpy(st->control, v);
	return 0;
}

static int take_log(struct conf_stage *st, const struct conf_item *it,
		    const char *v, char want[160])
{
	static const struct {
		const char *name;
		enum log_level lvl;
	} level[] = { { "err", LOG_LVL_ERR },       { "error", LOG_LVL_ERR },
		      { "warn", LOG_LVL_WARN },     { "warning", LOG_LVL_WARN },
		      { "notice", LOG_LVL_NOTICE }, { "info", LOG_LVL_INFO },
		      { "debug", LOG_LVL_DEBUG } };

	for (unsigned i = 0; i < sizeof(level) / sizeof(level[0]); i++) {
		if (strcmp(v, level[i].name))
			continue;
		st->conf.log_level = level[i].lvl;
		return 0;
	}
	return WANT("one of err, warn, notice, info, debug");
}

/* ---- interface ---- */

int conf_take_title(struct conf_stage *st, const char *v, char want[160])
{
	size_t len = strlen(v);

	/* the kernel's dev_valid_name() */
	if (!len || len > 15 || strpbrk(v, "/: \t\r\n\v\f%") || !strcmp(v, ".") ||
	    !strcmp(v, ".."))
		return WANT("an interface name of at most 15 characters");
	if (st->named && strcmp(v, st->conf.name))
		return WANT("one interface; \"%s\" was named before",
			    st->conf.name);
	memcpy(st->conf.name, v, len + 1);
	st->named = true;
	return 0;
}

static int take_mode(struct conf_stage *st, const struct conf_item *it,
		     const char *v, char want[160])
{
	if (strcmp(v, "tun") && strcmp(v, "tap"))
		return WANT("tun or tap");
	st->conf.tap = v[1] == 'a';
	return 0;
}

static int take_netns(struct conf_stage *st, const struct conf_item *it,
		      const char *v, char want[160])
{
	if (strlen(v) >= sizeof(st->netns))
		return WANT("a name or path of at most %zu characters",
			    sizeof(st->netns) - 1);
	strcpy(st->netns, v);
	return 0;
}

/* A value parsed by conf_value.c, appended to an array of the configuration. */
#define APPEND(arr, n, max, parse)                                                 \
	do {                                                                       \
		const char *phrase;                                                \
		if ((n) == (max))                                                  \
			return WANT("at most %u of these", (unsigned)(max));       \
		if (parse(v, &(arr)[n], &phrase))                                  \
			return WANT("%s", phrase);                                 \
		(n)++;                                                             \
	} while (0)

static int take_address(struct conf_stage *st, const struct conf_item *it,
			const char *v, char want[160])
{
	struct gust_conf *c = &st->conf;

	APPEND(c->addr, c->n_addr, LINK_ADDRS_MAX, conf_link_addr);
	return 0;
}

static int take_route(struct conf_stage *st, const struct conf_item *it,
		      const char *v, char want[160])
{
	struct gust_conf *c = &st->conf;

	APPEND(c->route, c->n_route, LINK_ROUTES_MAX, conf_link_route);
	return 0;
}

static int take_stack(struct conf_stage *st, const struct conf_item *it,
		      const char *v, char want[160])
{
	struct gust_conf *c = &st->conf;
	struct ipaddr a;

	if (c->n_own == STACK_OWN_MAX)
		return WANT("at most %d of these", STACK_OWN_MAX);
	if (ipaddr_parse(v, &a) || ipaddr_is_any(&a) || ipaddr_is_multicast(&a) ||
	    ipaddr_is_loopback(&a) || ipaddr_is_broadcast(&a))
		return WANT("a unicast address without a prefix length");
	c->own[c->n_own++] = a;
	return 0;
}

static int take_mac(struct conf_stage *st, const struct conf_item *it,
		    const char *v, char want[160])
{
	const char *phrase;

	if (conf_mac(v, &st->conf.mac, &phrase))
		return WANT("%s", phrase);
	st->conf.has_mac = true;
	return 0;
}

static int take_disable(struct conf_stage *st, const struct conf_item *it,
			const char *v, char want[160])
{
	enum feat best = 0;

	for (enum feat f = 0; f < FEAT_N; f++) {
		if (!strcmp(v, feat_name(f))) {
			st->conf.feats &= ~FEAT_BIT(f);
			return 0;
		}
		if (conf_distance(v, feat_name(f)) <
		    conf_distance(v, feat_name(best)))
			best = f;
	}
	return WANT("an offload's name as ethtool -k shows it, such as \"%s\"",
		    feat_name(best));
}

static void reset_address(struct conf_stage *st)
{
	st->conf.n_addr = 0;
}
static void reset_route(struct conf_stage *st)
{
	st->conf.n_route = 0;
}
static void reset_stack(struct conf_stage *st)
{
	st->conf.n_own = 0;
}
static void reset_disable(struct conf_stage *st)
{
	st->conf.feats = CONF_FEATS_DEFAULT;
}

/* ---- relay ---- */

static int take_map(struct conf_stage *st, const struct conf_item *it,
		    const char *v, char want[160])
{
	struct stack_snap *s = &st->conf.snap;

	APPEND(s->map, s->n_map, STACK_MAPS_MAX, conf_map);
	return 0;
}

static int take_source(struct conf_stage *st, const struct conf_item *it,
		       const char *v, char want[160])
{
	struct ipaddr a;
	bool is6;

	if (ipaddr_parse(v, &a) || ipaddr_is_any(&a) || ipaddr_is_multicast(&a) ||
	    ipaddr_is_broadcast(&a))
		return WANT("a unicast address of this host");
	is6 = !ipaddr_is4(&a);
	if (st->source_set[is6])
		return WANT("at most one address of each family");
	st->source_set[is6] = true;
	*(is6 ? &st->conf.snap.source6 : &st->conf.snap.source4) = a;
	return 0;
}

static int take_filter(struct conf_stage *st, const struct conf_item *it,
		       const char *v, char want[160])
{
	if (strcmp(v, "address") && strcmp(v, "endpoint"))
		return WANT("address (only hosts that were sent to may answer) or "
			    "endpoint (anyone may)");
	st->conf.snap.udp_filter_endpoint = v[0] == 'e';
	return 0;
}

static void reset_map(struct conf_stage *st)
{
	st->conf.snap.n_map = 0;
}

static void reset_source(struct conf_stage *st)
{
	static const uint8_t zero[16];

	st->source_set[0] = st->source_set[1] = false;
	st->conf.snap.source4 = ipaddr_from4(zero);
	st->conf.snap.source6 = ipaddr_from6(zero);
}

/* ---- tcp, publish ---- */

static int take_cc(struct conf_stage *st, const struct conf_item *it, const char *v,
		   char want[160])
{
	const struct tcp_cc_ops *cc = tcp_cc_find(v);

	if (!cc)
		return WANT("cubic or newreno");
	st->conf.snap.tcp.cc = cc;
	return 0;
}

static int take_publish(struct conf_stage *st, const struct conf_item *it,
			const char *v, char want[160])
{
	struct stack_snap *s = &st->conf.snap;

	APPEND(s->publish, s->n_publish, STACK_PUBLISH_MAX, conf_publish);
	for (unsigned i = 0; i + 1 < s->n_publish; i++) {
		const struct stack_publish *a = &s->publish[i];
		const struct stack_publish *b = &s->publish[s->n_publish - 1];

		if (a->proto == b->proto && a->listen_port == b->listen_port &&
		    ipaddr_eq(&a->listen, &b->listen) &&
		    !strcmp(a->device, b->device))
			return WANT("a listening address that is not published "
				    "already");
	}
	return 0;
}

static void reset_publish(struct conf_stage *st)
{
	st->conf.snap.n_publish = 0;
}

/* ---- plugins ---- */

static int take_plugin_dir(struct conf_stage *st, const struct conf_item *it,
			   const char *v, char want[160])
{
	if (v[0] != '/' || strlen(v) >= sizeof(st->conf.plugin_dir))
		return WANT("an absolute path of at most %zu bytes",
			    sizeof(st->conf.plugin_dir) - 1);
	strcpy(st->conf.plugin_dir, v);
	return 0;
}

static bool plugin_name(const char *v, size_t n)
{
	if (!n || n > 15)
		return false;
	while (n--)
		if (!isalnum((unsigned char)v[n]) && v[n] != '-')
			return false;
	return true;
}

static int take_plugin_off(struct conf_stage *st, const struct conf_item *it,
			   const char *v, char want[160])
{
	struct gust_conf *c = &st->conf;

	if (!plugin_name(v, strlen(v)))
		return WANT("a plugin's name, as `gustctl plugins` shows it");
	if (c->n_plugin_off == CONF_PLUGINS_MAX)
		return WANT("at most %d plugins", CONF_PLUGINS_MAX);
	strcpy(c->plugin_off[c->n_plugin_off++], v);
	return 0;
}

static int take_plugin_options(struct conf_stage *st, const struct conf_item *it,
			       const char *v, char want[160])
{
	struct gust_conf *c = &st->conf;
	struct conf_plugin_options *o = &c->plugin_options[c->n_plugin_options];
	size_t n = strcspn(v, ":");

	if (!plugin_name(v, n) || v[n] != ':')
		return WANT("\"NAME: options\", such as \"impair: rx: loss 1%%\"");
	if (c->n_plugin_options == CONF_PLUGIN_OPTIONS_MAX)
		return WANT("options of at most %d plugins",
			    CONF_PLUGIN_OPTIONS_MAX);
	if (strlen(v + n + 1) >= sizeof(o->text))
		return WANT("at most %zu bytes", sizeof(o->text) - 1);
	snprintf(o->name, sizeof(o->name), "%.*s", (int)n, v);
	strcpy(o->text, v + n + 1 + strspn(v + n + 1, " "));
	c->n_plugin_options++;
	return 0;
}

static void reset_plugin_off(struct conf_stage *st)
{
	st->conf.n_plugin_off = 0;
}

static void reset_plugin_options(struct conf_stage *st)
{
	st->conf.n_plugin_options = 0;
}

/* ---- the table ---- */

#define C(f) offsetof(struct gust_conf, f)
#define S(f) offsetof(struct gust_conf, snap.f)
#define T(f) offsetof(struct gust_conf, snap.tcp.f)
#define U(f) offsetof(struct gust_conf, snap.udp.f)
#define K(n) ((n)*UINT64_C(1024))
#define M(n) ((n)*UINT64_C(1048576))
#define MS(n) ((n)*UINT64_C(1000))
#define SEC(n) ((n)*UINT64_C(1000000))
#define MINS(n) SEC((n)*60)

const struct conf_item conf_items[] = {
	{ SEC_TOP, "workers", take_workers, 0, 1, 64 },
	{ SEC_TOP, "control", take_control },
	{ SEC_TOP, "log", take_log },
	{ SEC_TOP, "drain", take_ms, C(drain_ms), 0, MINS(10) },
	{ SEC_TOP, "busy_poll", take_us, C(busy_poll_us), 0, 10000 },
	{ SEC_TOP, "selftest", take_bool, C(selftest) },
	{ SEC_TOP, "publish", take_publish, .reset = reset_publish },

	{ SEC_INTERFACE, "mode", take_mode },
	{ SEC_INTERFACE, "netns", take_netns },
	{ SEC_INTERFACE, "persist", take_bool, C(persist) },
	{ SEC_INTERFACE, "up", take_bool, C(up), .given = CONF_GIVEN_UP },
	{ SEC_INTERFACE, "mtu", take_u32, C(mtu), 576, 65535 },
	{ SEC_INTERFACE, "txqueuelen", take_u32, C(txqueuelen), 1, 1000000 },
	{ SEC_INTERFACE, "gro_max_size", take_size, C(gro_max), 1500, 524280,
	  .given = CONF_GIVEN_GRO_MAX },
	{ SEC_INTERFACE, "address", take_address, .reset = reset_address },
	{ SEC_INTERFACE, "route", take_route, .reset = reset_route },
	{ SEC_INTERFACE, "stack", take_stack, .reset = reset_stack },
	{ SEC_INTERFACE, "mac", take_mac },
	{ SEC_INTERFACE, "disable", take_disable, .reset = reset_disable },

	{ SEC_RELAY, "loopback", take_bool, S(loopback_own) },
	{ SEC_RELAY, "map", take_map, .reset = reset_map },
	{ SEC_RELAY, "mark", take_u32, S(mark), 0, UINT32_MAX },
	{ SEC_RELAY, "device", take_name, S(device) },
	{ SEC_RELAY, "source", take_source, .reset = reset_source },
	{ SEC_RELAY, "congestion", take_name, S(congestion) },
	{ SEC_RELAY, "connect_timeout", take_us, S(connect_timeout_us), 0,
	  MINS(10) },
	{ SEC_RELAY, "udp_filter", take_filter },

	{ SEC_TCP, "congestion", take_cc },
	{ SEC_TCP, "receive_buffer", take_size, T(rcvbuf_init), K(4), M(64) },
	{ SEC_TCP, "receive_buffer_max", take_size, T(rcvbuf_max), K(4), M(1024) },
	{ SEC_TCP, "send_buffer", take_size, T(sndbuf_init), K(4), M(64) },
	{ SEC_TCP, "send_buffer_max", take_size, T(sndbuf_max), K(4), M(1024) },
	{ SEC_TCP, "rto_min", take_us, T(rto_min_us), MS(1), SEC(60) },
	{ SEC_TCP, "rto_max", take_us, T(rto_max_us), SEC(1), MINS(10) },
	{ SEC_TCP, "delayed_ack", take_us, T(delack_us), 0, MS(500) },
	{ SEC_TCP, "time_wait", take_us, T(time_wait_us), MS(1), MINS(10) },
	{ SEC_TCP, "fin_wait2", take_us, T(fin_wait2_us), MS(1), MINS(60) },
	{ SEC_TCP, "keepalive", take_us, T(keep_idle_us), 0, MINS(70) },
	{ SEC_TCP, "keepalive_interval", take_us, T(keep_intvl_us), MS(1),
	  MINS(70) },
	{ SEC_TCP, "keepalive_probes", take_u8, T(keep_probes), 1, 255 },
	{ SEC_TCP, "syn_retries", take_u8, T(syn_retries), 0, 30 },
	{ SEC_TCP, "synack_retries", take_u8, T(synack_retries), 0, 30 },
	{ SEC_TCP, "retries", take_u8, T(retries), 1, 30 },
	{ SEC_TCP, "ttl", take_u8, T(ttl), 1, 255 },
	{ SEC_TCP, "nagle", take_bool, T(nagle) },
	{ SEC_TCP, "sack", take_bool, T(sack) },
	{ SEC_TCP, "timestamps", take_bool, T(timestamps) },
	{ SEC_TCP, "window_scaling", take_bool, T(wscale) },

	{ SEC_UDP, "timeout", take_us, U(timeout_us), SEC(1), MINS(70) },
	{ SEC_UDP, "timeout_oneway", take_us, U(timeout_oneway_us), SEC(1),
	  MINS(70) },
	{ SEC_UDP, "timeout_dns", take_us, U(timeout_dns_us), SEC(1), MINS(70) },
	{ SEC_UDP, "ttl", take_u8, U(ttl), 1, 255 },

	{ SEC_LIMITS, "flows", take_u32, S(max_flows), 16, 16777216 },
	{ SEC_LIMITS, "half_open", take_u32, S(max_half_open), 1, 16777216 },
	{ SEC_LIMITS, "udp_flows", take_u32, S(max_udp), 1, 1048576 },
	{ SEC_LIMITS, "echo_flows", take_u32, S(max_echo), 0, 65536 },
	{ SEC_LIMITS, "slab_size", take_size, C(slab_len), K(256), M(64) },
	{ SEC_LIMITS, "slabs", take_u32, C(slab_max), 8, 65536 },
	{ SEC_LIMITS, "packets", take_u32, C(pkt_max), 1024, 16777216 },

	{ SEC_SERVICES, "echo", take_bool, S(svc_echo) },
	{ SEC_SERVICES, "discard", take_bool, S(svc_discard) },
	{ SEC_SERVICES, "chargen", take_bool, S(svc_chargen) },

	{ SEC_PLUGINS, "directory", take_plugin_dir },
	{ SEC_PLUGINS, "disable", take_plugin_off, .reset = reset_plugin_off },
	{ SEC_PLUGINS, "options", take_plugin_options,
	  .reset = reset_plugin_options },
	{ SEC_PLUGINS, "merge", take_bool, C(merge) },
};

const unsigned conf_nitems = sizeof(conf_items) / sizeof(conf_items[0]);
_Static_assert(sizeof(conf_items) / sizeof(conf_items[0]) <= CONF_ITEMS_MAX,
	       "CONF_ITEMS_MAX is too small");

void conf_stage_defaults(struct conf_stage *st)
{
	struct gust_conf *c = &st->conf;
	struct stack_snap *s = &c->snap;

	memset(st, 0, sizeof(*st));
	strcpy(st->control, "/run/gust/gustd.sock");
	strcpy(c->name, "gust0");
	c->up = true;
	c->gro_max = 524280;
	c->feats = CONF_FEATS_DEFAULT;
	c->log_level = LOG_LVL_INFO;
	c->drain_ms = 2000;
	c->busy_poll_us = 20;
	c->selftest = true;
	c->merge = true;
	reset_source(st);
	s->loopback_own = true;
	s->max_flows = 262144;
	s->max_half_open = 4096;
	s->max_udp = 16384;
	s->max_echo = 256;
	tcp_conf_defaults(&s->tcp);
	udp_conf_defaults(&s->udp);
}

/* ---- checks across options ---- */

static unsigned item(enum conf_sec sec, const char *name)
{
	unsigned i = 0;

	while (conf_items[i].sec != sec || strcmp(conf_items[i].name, name))
		i++;
	return i;
}

static bool has_ip6(const struct gust_conf *c)
{
	for (unsigned i = 0; i < c->n_addr; i++)
		if (!ipaddr_is4(&c->addr[i].local))
			return true;
	return false;
}

/* Option `name` may not exceed `limit`. What was not given is lowered; what was
 * given is an error. */
struct bound {
	enum conf_sec sec;
	const char *name, *limit;
	uint32_t *have, max;
};

void conf_check(struct conf_stage *st, conf_check_fn err, void *arg)
{
	struct gust_conf *c = &st->conf;
	struct stack_snap *s = &c->snap;
	struct tcp_conf *t = &s->tcp;
	const struct bound bound[] = {
		{ SEC_TCP, "receive_buffer", "receive_buffer_max", &t->rcvbuf_init,
		  t->rcvbuf_max },
		{ SEC_TCP, "send_buffer", "send_buffer_max", &t->sndbuf_init,
		  t->sndbuf_max },
		{ SEC_TCP, "rto_min", "rto_max", &t->rto_min_us, t->rto_max_us },
		{ SEC_LIMITS, "half_open", "flows", &s->max_half_open,
		  s->max_flows },
		{ SEC_LIMITS, "udp_flows", "flows", &s->max_udp, s->max_flows },
	};
	unsigned mtu = item(SEC_INTERFACE, "mtu");
	char text[160];

	if (c->tap && c->mtu > 65521)
		err(arg, mtu, "at most 65521 on a tap");
	if (c->mtu && c->mtu < 1280 && has_ip6(c))
		err(arg, mtu,
		    "at least 1280, because the interface has an IPv6 address");
	if (c->has_mac && !c->tap)
		err(arg, item(SEC_INTERFACE, "mac"),
		    "mode = tap; a tun has no Ethernet address");
	for (unsigned i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
		const struct bound *b = &bound[i];
		unsigned at = item(b->sec, b->name);

		if (*b->have <= b->max)
			continue;
		snprintf(text, sizeof(text), "at most the value of %s", b->limit);
		if (st->line[at])
			err(arg, at, text);
		else
			*b->have = b->max;
	}
}
