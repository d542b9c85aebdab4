/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipip.c - IP in IP: ipip, sit, ip4ip6, ip6ip6
 *
 * Kinds by what is outside and inside: "ipip" IPv4 in IPv4 (RFC 2003), "sit" IPv6 in
 * IPv4 (RFC 4213), "ip4ip6" and "ip6ip6" IPv4 and IPv6 in IPv6 (RFC 2473). There is
 * no header but IP's, so a tunnel is known by its addresses and the protocol
 * number, and plugins/tunnel.h does nearly all.
 *
 * An outer IPv6 header may have extension headers (RFC 2473 4.1.1: an encapsulation
 * limit, which Linux sends): they are taken off with it. None is sent: the depth is
 * limited by the room for headers at both ends, and loops by the hop limit.
 *
 * Limits: a packet of the other family is dropped (filtered, wrong-inner), on both
 * ways. No ISATAP, 6to4 or 6rd: the remote is the configured one.
 */
#include <errno.h>
#include <stdlib.h>

#include "tunnel.h"

#define PROTO_IP4 4
#define PROTO_IP6 41

static const char *const counters[] = { TUN_COUNTER_NAMES, NULL };

struct ipip_kind {
	const char *name;
	bool outer6, inner6;
};

static const struct ipip_kind kinds[] = {
	{ "ipip", false, false },
	{ "sit", false, true },
	{ "ip4ip6", true, false },
	{ "ip6ip6", true, true },
};

static const char *const tunnels[] = { "ipip", "sit", "ip4ip6", "ip6ip6", NULL };

struct ipip {
	struct tun t;
	uint8_t proto;
	uint8_t inner; /* enum gust_layer_kind */
};

/* ---- life ---- */

static int tunnel_open(const struct gust_host *host,
		       const struct gust_tunnel_conf *c, void **ret_tunnel,
		       char *err, size_t err_len)
{
	const struct ipip_kind *k = NULL;
	struct ipip *u;
	int r;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, c->kind))
			k = &kinds[i];
	if (!k)
		return TUN_ERR(err, err_len,
			       "kind: %s: ipip, sit, ip4ip6 or ip6ip6 expected",
			       c->kind);
	if (c->v6 != k->outer6)
		return TUN_ERR(
			err, err_len,
			"remote: the outside of kind %s is %s, an address of "
			"it expected",
			k->name, k->outer6 ? "IPv6" : "IPv4");
	r = tun_check(c, 0, false, err, err_len);
	if (r)
		return r;
	if (c->id)
		return TUN_ERR(err, err_len, "id: a tunnel of kind %s has none",
			       k->name);
	if (c->opt_len)
		return TUN_ERR(err, err_len,
			       "options: a tunnel of kind %s has none", k->name);
	u = calloc(1, sizeof(*u));
	if (!u) {
		snprintf(err, err_len, "no memory for a tunnel");
		return -ENOMEM;
	}
	u->proto = k->inner6 ? PROTO_IP6 : PROTO_IP4;
	u->inner = k->inner6 ? GUST_L_IPV6 : GUST_L_IPV4;
	tun_init(&u->t, c, u->proto);
	*ret_tunnel = u;
	return 0;
}

static void tunnel_close(void *tunnel)
{
	free(tunnel);
}

static uint16_t tunnel_overhead(const void *tunnel)
{
	const struct ipip *u = tunnel;

	return u->t.hlen;
}

/* ---- the way in ---- */

static void encap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out)
{
	struct tun_state *s = state;
	struct ipip *u = tunnel;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		uint32_t hash = u->t.v6 ? s->host->flow_hash(s->w, p) : 0;

		if (!p->nlayer || p->layer[0].off || p->layer[0].kind != u->inner) {
			s->host->count(s->w, TUN_C_WRONG_INNER, 1);
			s->host->drop(s->w, p, GUST_DROP_FILTERED);
			continue;
		}
		if (!tun_push(s->host, s->w, &u->t, p, hash, tun_segs(p)))
			continue;
		s->host->fix_outer(p, u->t.nlayer);
		gust_batch_push(out, p);
	}
}

/* ---- the way out ---- */

static void decap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out, struct gust_batch *rest)
{
	struct tun_state *s = state;
	const struct ipip *u = tunnel;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		struct tun_found f;
		enum tun_match m = tun_match(&u->t, p, u->proto, &f);

		if (m == TUN_OTHER)
			gust_batch_push(rest, p);
		else if (m != TUN_OURS)
			tun_refuse(s->host, s->w, m, p);
		else if (tun_strip(s->host, s->w, p, f.off, u->inner, f.ds))
			gust_batch_push(out, p);
	}
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "ipip",
	.text = "IP in IP tunnels: ipip, sit, ip4ip6, ip6ip6",
	.counters = counters,
	.worker_open = tun_worker_open,
	.worker_close = tun_worker_close,
	.tunnels = tunnels,
	.tunnel_open = tunnel_open,
	.tunnel_close = tunnel_close,
	.tunnel_overhead = tunnel_overhead,
	.encap = encap,
	.decap = decap,
};
