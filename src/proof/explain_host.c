/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain_host.c - between the host's sockets and the world
 *
 * The host's kernel makes superpackets of its own and carries them down through
 * its devices. At each device it cuts in software what the device has no feature
 * for (net/core/dev.c, validate_xmit_skb), what is larger than its gso_max_size,
 * and what is encapsulated twice, since a packet describes two levels of headers
 * only.
 */
#include <stdio.h>
#include <string.h>

#include "proof/explain_internal.h"

static const struct tunnel {
	const char *kind;
	uint8_t layers, bytes4, bytes6; /* added, with outer IPv4 or IPv6 */
	/* a device below carries its superpackets with one of these; NULL: it
	 * takes single packets only */
	const char *feat[2];
} tunnels[] = {
	{ "vxlan",
	  4,
	  50,
	  70,
	  { "tx-udp_tnl-csum-segmentation", "tx-udp_tnl-segmentation" } },
	{ "geneve",
	  4,
	  50,
	  70,
	  { "tx-udp_tnl-csum-segmentation", "tx-udp_tnl-segmentation" } },
	{ "gre", 2, 24, 44, { "tx-gre-segmentation" } },
	{ "gretap", 3, 38, 58, { "tx-gre-segmentation" } },
	{ "ip6gre", 2, 24, 44, { "tx-gre-segmentation" } },
	{ "ip6gretap", 3, 38, 58, { "tx-gre-segmentation" } },
	{ "ipip", 1, 20, 40, { "tx-ipxip4-segmentation" } },
	{ "sit", 1, 20, 40, { "tx-ipxip4-segmentation" } },
	{ "ip6tnl", 1, 20, 40, { "tx-ipxip6-segmentation" } },
	{ "wireguard", 3, 60, 80, { NULL } },
};

static const struct tunnel *tunnel_of(const struct link_device *d)
{
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (!strcmp(tunnels[i].kind, d->kind))
			return &tunnels[i];
	return NULL;
}

static bool is_veth(const struct link_device *d)
{
	return !strcmp(d->kind, "veth");
}

static const char *base_feat(const struct walk *w)
{
	switch (w->f->proto) {
	case IPPROTO_TCP:
		return w->v4 ? "tx-tcp-segmentation" : "tx-tcp6-segmentation";
	case IPPROTO_UDP:
		return "tx-udp-segmentation";
	}
	return NULL;
}

static uint32_t gso_max(const struct walk *w, const struct link_device *d)
{
	uint32_t max = d->gso_max_size ? d->gso_max_size : IP_LEN_MAX;

	if (w->v4 && d->gso_ipv4_max_size)
		max = d->gso_ipv4_max_size;
	return w->f->proto == IPPROTO_UDP && max > IP_LEN_MAX ? IP_LEN_MAX : max;
}

/* ---- the route ---- */

static uint32_t host_mtu(const struct explain_way *way)
{
	uint32_t mtu = way->n_dev ? way->dev[0].mtu : 1500;

	return way->route.mtu && way->route.mtu < mtu ? way->route.mtu : mtu;
}

static bool comes_back(const struct explain_facts *f)
{
	return !f->netns && f->outside.route.oif == f->link->ifindex &&
	       f->outside.route.type != ROUTE_LOCAL;
}

/* false: it goes no further. */
static bool route_hop(struct walk *w)
{
	const struct explain_facts *f = w->f;
	const struct explain_way *way = &f->outside;
	enum route_type t = way->route.type;
	char a[IPADDR_STRLEN];
	struct explain_hop *h = hop_add(w, EXPLAIN_ROUTE, "route");

	if (way->unknown) {
		say(h->text, "the host's route is not known");
		because(h, EXPLAIN_UNKNOWN, "%s", way->unknown);
		h->largest = 0;
		return false;
	}
	if (!way->n_dev) {
		h->largest = 0;
		h->carried_by[0] = '\0';
		say(h->text, "%s: %s", ipaddr_str(&f->host, a),
		    t == ROUTE_NONE ? "no route" : route_type_name(t));
		because(h, EXPLAIN_NO_ROUTE, "the host has no way to %s", a);
		say(h->avoid, "ip route add %s via GATEWAY, on the host", a);
		return false;
	}
	say_route(h->text, &f->host, way);
	if (comes_back(f)) {
		because(h, EXPLAIN_LOOP,
			"the relay's own packets would come back to gust");
		say(h->avoid, "relay { mark = N } in gustd.conf and an ip rule for "
			      "it, or relay { device = \"DEV\" }");
		return false;
	}
	if (f->proto == IPPROTO_UDP && w->mtu < f->from_kernel.mtu) {
		because(h, EXPLAIN_MTU,
			"datagrams of the inside may be larger (mtu %u) than "
			"this way takes (%u): they are refused, or fragmented",
			f->from_kernel.mtu, w->mtu);
		say(h->avoid, "ip link set %s mtu %u", f->link->name, w->mtu);
	}
	return true;
}

/* ---- out ---- */

static void off_reason(struct explain_hop *h, const struct link_device *d,
		       const char *feat)
{
	uint8_t flags = device_feat(d, feat);

	if ((flags & DEVICE_FEAT_HW) && !(flags & DEVICE_FEAT_WANTED)) {
		because(h, EXPLAIN_ADMIN,
			"the administrator switched off %s of %s (ethtool -K)",
			feat, d->name);
		say(h->avoid, "ethtool -K %s %s on", d->name, feat);
		return;
	}
	because(h, EXPLAIN_NO_FEATURE,
		flags & DEVICE_FEAT_HW ?
			"%s is wanted but cannot be active on %s now: the "
			"kernel's GSO cuts in software before the driver" :
			"no device feature %s on %s: the kernel's GSO cuts in "
			"software before the driver",
		feat, d->name);
}

/* The feature of `d` that is missing for the packet; NULL: none. */
static const char *missing(struct walk *w, const struct link_device *d,
			   const struct tunnel *in)
{
	const char *base = base_feat(w);

	if (!(device_feat(d, base) & DEVICE_FEAT_ACTIVE))
		return base;
	w->carried = base;
	if (!in)
		return NULL;
	for (unsigned i = 0; i < 2 && in->feat[i]; i++)
		if (device_feat(d, in->feat[i]) & DEVICE_FEAT_ACTIVE) {
			w->carried = in->feat[i];
			return NULL;
		}
	return in->feat[0];
}

/* Is the superpacket, encapsulated by `in`, cut before this device? */
static void cut_or_carry(struct walk *w, struct explain_hop *h,
			 const struct link_device *d, const struct tunnel *in)
{
	const struct tunnel *tun = tunnel_of(d);
	const char *feat;

	if (in && tun) {
		because(h, EXPLAIN_TUNNEL_DEPTH,
			"the kernel describes one level of encapsulation: it cuts "
			"in software before the second");
	} else if (tun && !tun->feat[0]) {
		because(h, EXPLAIN_NO_FEATURE, "%s takes single packets only",
			d->kind);
	} else if (!d->ethtool_ok) {
		because(h, EXPLAIN_UNKNOWN, "the features of %s are not known",
			d->name);
		return;
	} else if ((feat = missing(w, d, in))) {
		off_reason(h, d, feat);
	} else if (w->size + w->hdr - w->ip_hdr > gso_max(w, d)) {
		because(h, EXPLAIN_SIZE,
			"gso_max_size of %s is %u: the kernel's GSO cuts what is "
			"larger in software",
			d->name, gso_max(w, d));
		say(h->avoid, "ip link set %s gso_max_size %u", d->name,
		    w->size + w->hdr - w->ip_hdr + 1);
	} else {
		hop_pass(h, w);
		return;
	}
	cut_here(w, h);
}

static void add_headers(struct walk *w, const struct link_device *d)
{
	const struct tunnel *t = tunnel_of(d);
	bool v6 = d->has_remote ? !ipaddr_is4(&d->remote) :
				  !strncmp(d->kind, "ip6", 3);

	if (!t)
		return;
	w->depth += t->layers;
	w->hdr += v6 ? t->bytes6 : t->bytes4;
}

static void say_device(struct walk *w, struct explain_hop *h,
		       const struct link_device *d, const struct link_device *below)
{
	const char *what = is_super(w) ? "superpackets" : "packets";

	if (d->loopback)
		say(h->text, "stays in this host: delivered as it is");
	else if (is_veth(d))
		say(h->text, "veth: %s arrive whole at its other end%s%s", what,
		    below ? ", " : "",
		    below ? below->name :
			    (d->lower_elsewhere ? " in another namespace" : ""));
	else if (!strcmp(d->kind, "bridge"))
		say(h->text, "bridge: leaves by one of its ports, which is asked "
			     "in its turn");
	else if (tunnel_of(d))
		say(h->text, "%s: puts %u more layers on, then goes %s%s", d->kind,
		    tunnel_of(d)->layers, below ? "by " : "its way",
		    below ? below->name : "");
	else if (below)
		say(h->text, "%s: on top of %s", d->kind[0] ? d->kind : "device",
		    below->name);
	else
		say(h->text, "%s%sgoes to the driver", d->kind,
		    d->kind[0] ? ": " : "");
}

static void count_link(struct explain_hop *h, const struct link_device *d)
{
	h->depth += d->ether;
	h->header_bytes += d->ether ? ETH_HLEN : 0;
}

static void device_hop(struct walk *w, unsigned i, const struct tunnel *in)
{
	const struct explain_way *way = &w->f->outside;
	const struct link_device *d = &way->dev[i];
	const struct link_device *below = i + 1 < way->n_dev ? d + 1 : NULL;
	struct explain_hop *h = hop_add(w, EXPLAIN_DEVICE, d->name);
	uint32_t len = w->mtu + w->hdr - w->ip_hdr;

	say_device(w, h, d, below);
	if (is_super(w))
		cut_or_carry(w, h, d, in);
	count_link(h, d);
	if (h->why != EXPLAIN_WHOLE || len <= d->mtu)
		return;
	because(h, EXPLAIN_MTU,
		"a full segment has %u bytes with its outer headers, the mtu of "
		"%s is %u: it is fragmented, or lost",
		len, d->name, d->mtu);
	say(h->avoid, "ip link set %s mtu %u", way->dev[0].name,
	    d->mtu > w->hdr - w->ip_hdr ? d->mtu - (w->hdr - w->ip_hdr) : 0);
}

void host_out(struct walk *w)
{
	const struct explain_way *way = &w->f->outside;
	const struct tunnel *in = NULL;

	walk_start(w, w->f, w->p, false);
	w->size = w->mtu = host_mtu(way);
	if (base_feat(w) && way->n_dev) {
		w->size = super_len(w, gso_max(w, &way->dev[0]));
		w->carried = "tx-generic-segmentation";
	}
	if (!route_hop(w))
		return;
	for (unsigned i = 0; i < way->n_dev; i++) {
		const struct link_device *d = &way->dev[i];

		device_hop(w, i, in);
		if (is_veth(d) || d->loopback)
			break; /* what lies beyond receives */
		add_headers(w, d);
		if (tunnel_of(d))
			in = tunnel_of(d);
	}
}

/* ---- back ---- */

static uint32_t gro_max(const struct walk *w, const struct link_device *d)
{
	uint32_t max = d->gro_max_size ? d->gro_max_size : IP_LEN_MAX;

	if (w->v4 && d->gro_ipv4_max_size)
		max = d->gro_ipv4_max_size;
	return w->f->proto == IPPROTO_UDP && max > IP_LEN_MAX ? IP_LEN_MAX : max;
}

static void receive_hop(struct walk *w, const struct link_device *d)
{
	uint8_t gro = device_feat(d, "rx-gro");
	bool whole = d->loopback || is_veth(d), mergeable = base_feat(w);
	struct explain_hop *h;

	if (mergeable && whole) {
		w->size = super_len(w, gso_max(w, d));
		w->carried = base_feat(w);
	} else if (mergeable && (gro & DEVICE_FEAT_ACTIVE)) {
		w->size = super_len(w, gro_max(w, d));
		w->carried = "rx-gro";
	}
	h = hop_add(w, EXPLAIN_DEVICE, d->name);
	count_link(h, d);
	if (whole) {
		say(h->text, "receives superpackets as the other end sends them");
	} else if (!mergeable) {
		say(h->text, "receives packet by packet");
	} else if (gro & DEVICE_FEAT_ACTIVE) {
		say(h->text, "the kernel's receive offload merges what comes in");
	} else {
		say(h->text, "receives packet by packet");
		if (!d->ethtool_ok)
			because(h, EXPLAIN_UNKNOWN,
				"the features of %s are not known", d->name);
		else
			off_reason(h, d, "rx-gro");
	}
}

void host_back(struct walk *w)
{
	const struct explain_way *way = &w->f->outside;
	unsigned n = 0;

	if (way->unknown || !way->n_dev || comes_back(w->f))
		return;
	w->size = w->mtu = host_mtu(way);
	/* from below; a veth's other end is not below */
	while (n < way->n_dev && !is_veth(&way->dev[n]))
		n++;
	n += n < way->n_dev;
	while (n)
		receive_hop(w, &way->dev[--n]);
}
