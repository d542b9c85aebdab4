/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.c - the whole way of a packet, hop by hop
 *
 * A `struct walk` is the packet under way: every hop takes it as the one before
 * left it, notes what it passes on, and where it comes out smaller, why. The two
 * directions are walked apart, because different things bound them.
 */
#include "proof/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proof/explain_internal.h"

static const char *const kinds[EXPLAIN_KINDS] = {
	[EXPLAIN_ROUTE] = "route",   [EXPLAIN_DEVICE] = "device",
	[EXPLAIN_PORT] = "port",     [EXPLAIN_MERGE] = "gro",
	[EXPLAIN_FILTER] = "filter", [EXPLAIN_STACK] = "stack",
	[EXPLAIN_EGRESS] = "egress", [EXPLAIN_SOCKET] = "socket",
};

static const char *const whys[EXPLAIN_WHYS] = {
	[EXPLAIN_WHOLE] = "none",
	[EXPLAIN_ADMIN] = "administrator",
	[EXPLAIN_NOT_CONFIGURED] = "not configured",
	[EXPLAIN_NO_PLUGIN] = "no plugin",
	[EXPLAIN_NOT_GRANTED] = "not granted",
	[EXPLAIN_UNPROVEN] = "unproven",
	[EXPLAIN_DISPROVEN] = "disproven",
	[EXPLAIN_DEMOTED] = "refused at run time",
	[EXPLAIN_FILTERED] = "filter",
	[EXPLAIN_SIZE] = "size",
	[EXPLAIN_MTU] = "mtu",
	[EXPLAIN_NO_FEATURE] = "no device feature",
	[EXPLAIN_TUNNEL_DEPTH] = "tunnel depth",
	[EXPLAIN_PROTO] = "protocol",
	[EXPLAIN_NOT_GUST] = "not routed to gust",
	[EXPLAIN_NO_ROUTE] = "no route",
	[EXPLAIN_STACK_ENDS] = "ends at the stack",
	[EXPLAIN_LOOP] = "loop",
	[EXPLAIN_UNKNOWN] = "unknown",
};

const char *explain_kind_name(enum explain_kind k)
{
	return (unsigned)k < EXPLAIN_KINDS ? kinds[k] : "unknown";
}

const char *explain_why_name(enum explain_why w)
{
	return (unsigned)w < EXPLAIN_WHYS ? whys[w] : "unknown";
}

/* ---- hops ---- */

void say(char buf[EXPLAIN_TEXT_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, EXPLAIN_TEXT_LEN, fmt, ap);
	va_end(ap);
}

void because(struct explain_hop *h, enum explain_why why, const char *fmt, ...)
{
	va_list ap;

	h->why = why;
	va_start(ap, fmt);
	vsnprintf(h->why_text, sizeof(h->why_text), fmt, ap);
	va_end(ap);
}

bool is_super(const struct walk *w)
{
	return w->size > w->mtu;
}

void hop_pass(struct explain_hop *h, const struct walk *w)
{
	h->depth = w->depth;
	h->header_bytes = w->hdr;
	h->largest = w->size;
	snprintf(h->carried_by, sizeof(h->carried_by), "%s",
		 w->carried && is_super(w) ? w->carried : "");
}

struct explain_hop *hop_add(struct walk *w, enum explain_kind kind,
			    const char *name)
{
	struct explain_path *p = w->p;
	struct explain_hop *h =
		&p->hop[p->n < EXPLAIN_HOPS_MAX ? p->n++ : EXPLAIN_HOPS_MAX - 1];

	memset(h, 0, sizeof(*h));
	h->kind = kind;
	snprintf(h->name, sizeof(h->name), "%s", name);
	hop_pass(h, w);
	return h;
}

void cut_here(struct walk *w, struct explain_hop *h)
{
	if (is_super(w))
		h->cut = w->mtu;
	w->size = w->mtu;
	w->carried = NULL;
	hop_pass(h, w);
}

uint32_t super_len(const struct walk *w, uint32_t limit)
{
	uint32_t seg, n;

	if (w->mtu <= w->ip_hdr)
		return w->mtu;
	seg = w->mtu - w->ip_hdr;
	if (limit < w->ip_hdr + 2 * seg)
		return w->mtu;
	n = (limit - w->ip_hdr) / seg;
	return w->ip_hdr + n * seg;
}

static uint32_t l4_hdr(uint8_t proto, bool timestamps)
{
	if (proto == IPPROTO_TCP)
		return timestamps ? 32 : 20;
	return 8; /* UDP, and ICMP's echo */
}

void walk_start(struct walk *w, const struct explain_facts *f,
		struct explain_path *p, bool port)
{
	bool eth = port && f->tap;

	*w = (struct walk){ .f = f, .p = p };
	w->v4 = ipaddr_is4(port || ipaddr_is_any(&f->host) ? &f->dst : &f->host);
	/* Linux's own TCP uses timestamps unless told otherwise. */
	w->ip_hdr = (w->v4 ? 20 : 40) + l4_hdr(f->proto, !port || f->timestamps);
	w->depth = 2 + eth;
	w->hdr = w->ip_hdr + (eth ? ETH_HLEN : 0);
}

const char *run_inside(const struct walk *w, char buf[EXPLAIN_TEXT_LEN])
{
	const char *ns = w->f->netns;

	if (!ns)
		return "";
	say(buf, strchr(ns, '/') ? "nsenter --net=%s " : "ip netns exec %s ", ns);
	return buf;
}

void say_route(char buf[EXPLAIN_TEXT_LEN], const struct ipaddr *dst,
	       const struct explain_way *way)
{
	const struct route_result *r = &way->route;
	char d[IPADDR_STRLEN], v[IPADDR_STRLEN], s[IPADDR_STRLEN], table[24] = "";
	char mtu[24] = "", encap[32] = "";

	if (r->table && r->table != 254 && r->table != 255)
		snprintf(table, sizeof(table), " table %u", r->table);
	if (r->mtu)
		snprintf(mtu, sizeof(mtu), " mtu %u", r->mtu);
	if (r->encap)
		snprintf(encap, sizeof(encap), " encap %s",
			 route_encap_name(r->encap));
	say(buf, "%s%s%s%s%s%s%s%s%s%s%s", r->type == ROUTE_LOCAL ? "local " : "",
	    ipaddr_str(dst, d), r->has_via ? " via " : "",
	    r->has_via ? ipaddr_str(&r->via, v) : "", way->n_dev ? " dev " : "",
	    way->n_dev ? way->dev[0].name : "", r->has_src ? " src " : "",
	    r->has_src ? ipaddr_str(&r->src, s) : "", table, mtu, encap);
}

/* ---- the route inside ---- */

static uint32_t port_mtu(const struct explain_facts *f, bool out)
{
	const struct explain_way *in = &f->inside;
	uint32_t mtu = out ? f->from_kernel.mtu : f->to_kernel.mtu;

	if (out && !in->unknown && in->route.mtu && in->route.mtu < mtu)
		mtu = in->route.mtu;
	return mtu;
}

static bool by_gust(const struct explain_facts *f)
{
	const struct explain_way *in = &f->inside;

	return in->unknown ||
	       (in->route.oif == f->link->ifindex && in->route.type != ROUTE_LOCAL);
}

/* How much the kernel's stack would put into one packet for this interface. */
static uint32_t kernel_super(const struct walk *w)
{
	const struct link_state *st = w->f->link;
	uint32_t max = st->gso_max_size ? st->gso_max_size : IP_LEN_MAX;

	if (w->f->proto == IPPROTO_ICMP)
		return w->mtu;
	if (w->v4 && st->gso_ipv4_max_size)
		max = st->gso_ipv4_max_size;
	return super_len(w, max < IP_LEN_MAX ? max : IP_LEN_MAX);
}

static void inside_route(struct walk *w)
{
	const struct explain_facts *f = w->f;
	const struct explain_way *in = &f->inside;
	struct explain_hop *h;
	char ns[EXPLAIN_TEXT_LEN], d[IPADDR_STRLEN];

	w->mtu = port_mtu(f, true);
	w->size = kernel_super(w);
	h = hop_add(w, EXPLAIN_ROUTE, "route");
	if (in->unknown) {
		say(h->text, "the kernel's route inside is not known");
		because(h, EXPLAIN_UNKNOWN, "%s", in->unknown);
		return;
	}
	say_route(h->text, &f->dst, in);
	if (in->route.encap) {
		because(h, EXPLAIN_TUNNEL_DEPTH,
			"the route asks for an encapsulation (%s) that gust "
			"does not add: packets come without it",
			route_encap_name(in->route.encap));
		say(h->avoid, "%sip route replace %s dev %s", run_inside(w, ns),
		    ipaddr_str(&f->dst, d), f->link->name);
	} else if (w->mtu < f->from_kernel.mtu) {
		because(h, EXPLAIN_MTU,
			"the route's mtu, %u, is below the interface's, %u", w->mtu,
			f->from_kernel.mtu);
		say(h->avoid, "%sip route flush cache, or the route without mtu",
		    run_inside(w, ns));
	}
}

/* The one hop of a packet that never comes to us. */
static void inside_elsewhere(struct walk *w)
{
	const struct explain_facts *f = w->f;
	const struct explain_way *in = &f->inside;
	char d[IPADDR_STRLEN], ns[EXPLAIN_TEXT_LEN];
	enum route_type t = in->route.type;
	struct explain_hop *h;

	w->mtu = in->n_dev ? in->dev[0].mtu : port_mtu(f, true);
	w->size = in->n_dev ? w->mtu : 0;
	h = hop_add(w, EXPLAIN_ROUTE, "route");
	ipaddr_str(&f->dst, d);
	if (t == ROUTE_LOCAL) {
		say_route(h->text, &f->dst, in);
		because(h, EXPLAIN_NOT_GUST,
			"%s is an address of the kernel inside: it never leaves",
			d);
		return;
	}
	if (in->n_dev) {
		say_route(h->text, &f->dst, in);
		because(h, EXPLAIN_NOT_GUST, "does not come to gust: leaves by %s",
			in->dev[0].name);
	} else {
		say(h->text, "%s: %s", d,
		    t == ROUTE_NONE ? "no route" : route_type_name(t));
		because(h, EXPLAIN_NO_ROUTE,
			"does not come to gust: the kernel inside has %s%s%s",
			t == ROUTE_NONE ? "no route to " : "a route that says \"",
			t == ROUTE_NONE ? d : route_type_name(t),
			t == ROUTE_NONE ? "" : "\"");
	}
	say(h->avoid, "%sip route %s %s dev %s", run_inside(w, ns),
	    t == ROUTE_NONE || in->n_dev ? "add" : "replace", d, f->link->name);
}

/* ---- the stack ---- */

static void say_fate(struct walk *w, struct explain_hop *h)
{
	const struct explain_facts *f = w->f;
	char d[IPADDR_STRLEN], host[IPADDR_STRLEN];

	ipaddr_str(&f->dst, d);
	ipaddr_str(&f->host, host);
	switch (f->fate) {
	case EXPLAIN_RELAYED:
		say(h->text,
		    "relayed: the flow ends here, a socket of the host "
		    "carries it on to %s",
		    host);
		break;
	case EXPLAIN_LOOPBACK:
		say(h->text,
		    "relayed: %s is the stack's own address and stands for "
		    "the host's loopback, %s",
		    d, host);
		break;
	case EXPLAIN_MAPPED:
		say(h->text, "relayed: %s is mapped to %s", d, host);
		break;
	case EXPLAIN_SERVICE:
		say(h->text, "built-in service: %s, port %u", f->service, f->port);
		break;
	case EXPLAIN_ANSWERED:
		say(h->text, "the stack's own address: it answers itself");
		break;
	case EXPLAIN_REFUSED:
		say(h->text, "refused: %s is the stack's own address", d);
		because(h, EXPLAIN_STACK_ENDS,
			"nothing is behind %s: no service has this port and it "
			"does not stand for the host's loopback",
			d);
		say(h->avoid,
		    "relay { loopback = true } in gustd.conf, or a map for it");
		break;
	case EXPLAIN_DROPPED:
		say(h->text, "dropped as %s", f->drop);
		because(h, EXPLAIN_STACK_ENDS,
			"%s is not an address that can be relayed to "
			"(loopback, link-local, multicast or unspecified)",
			d);
		say(h->avoid,
		    "relay { map = {\"OTHER %s\"} } in gustd.conf, and "
		    "OTHER as destination",
		    d);
		break;
	}
}

static bool ends_here(const struct explain_facts *f)
{
	return f->fate == EXPLAIN_SERVICE || f->fate == EXPLAIN_ANSWERED ||
	       f->fate == EXPLAIN_REFUSED || f->fate == EXPLAIN_DROPPED;
}

static bool refused(const struct explain_facts *f)
{
	return f->fate == EXPLAIN_REFUSED || f->fate == EXPLAIN_DROPPED;
}

static void socket_out(struct walk *w)
{
	struct explain_hop *h = hop_add(w, EXPLAIN_SOCKET, "socket");
	bool super = is_super(w);

	h->largest = w->size - w->ip_hdr;
	h->depth = 0;
	h->header_bytes = 0;
	h->carried_by[0] = '\0';
	if (w->f->proto == IPPROTO_TCP)
		say(h->text, "sendmsg() of the payload where it lies; what "
			     "waits goes out in one call");
	else if (w->f->proto == IPPROTO_UDP) {
		say(h->text, "sendmsg(), with UDP_SEGMENT when equal datagrams go "
			     "the same way");
		if (super)
			snprintf(h->carried_by, sizeof(h->carried_by),
				 "UDP_SEGMENT");
	} else {
		say(h->text, "an ICMP socket sends the request on");
	}
}

static void socket_back(struct walk *w)
{
	const struct explain_facts *f = w->f;
	struct explain_hop *h = hop_add(w, EXPLAIN_SOCKET, "socket");

	h->depth = 0;
	h->header_bytes = 0;
	h->carried_by[0] = '\0';
	if (f->proto == IPPROTO_TCP) {
		h->largest = f->read_max;
		say(h->text, "recv() into one slab, however the bytes came");
	} else if (f->proto == IPPROTO_UDP) {
		h->largest = f->run_max;
		snprintf(h->carried_by, sizeof(h->carried_by), "UDP_GRO");
		say(h->text,
		    "recvmsg() with UDP_GRO; equal datagrams become one piece");
	} else {
		h->largest = w->size - w->ip_hdr;
		say(h->text, "an ICMP socket hears the answer");
	}
}

/* ---- the two directions ---- */

static void path_out(const struct explain_facts *f, struct explain_path *p)
{
	struct walk w;
	struct explain_hop *h;
	char a[IPADDR_STRLEN];

	p->name = "out";
	walk_start(&w, f, p, true);
	if (f->published) {
		w.mtu = port_mtu(f, true);
		w.size = kernel_super(&w);
	} else {
		inside_route(&w);
	}
	port_out(&w);
	h = hop_add(&w, EXPLAIN_STACK, "stack");
	if (f->published) {
		say(h->text, "part of a connection to the published %s:%u",
		    ipaddr_str(&f->listen, a), f->listen_port);
		socket_out(&w);
		return;
	}
	say_fate(&w, h);
	if (refused(f)) {
		h->largest = 0;
		h->carried_by[0] = '\0';
	}
	if (ends_here(f))
		return;
	socket_out(&w);
	host_out(&w);
}

static void path_back(const struct explain_facts *f, struct explain_path *p)
{
	char a[IPADDR_STRLEN];
	struct walk w;

	p->name = "back";
	walk_start(&w, f, p, false);
	w.size = w.mtu = port_mtu(f, false);
	if (f->published) {
		socket_back(&w);
		say(p->hop[p->n - 1].text,
		    "of a client that came to the published port %s:%u",
		    ipaddr_str(&f->listen, a), f->listen_port);
	} else if (!ends_here(f)) {
		host_back(&w);
		socket_back(&w);
	}
	walk_start(&w, f, p, true);
	w.mtu = port_mtu(f, false);
	port_back(&w);
}

void explain(const struct explain_facts *f, struct explain *ret)
{
	struct walk w;

	memset(ret, 0, sizeof(*ret));
	ret->n = 1;
	if (!by_gust(f) && !f->published) {
		ret->path[0].name = "out";
		walk_start(&w, f, &ret->path[0], false);
		inside_elsewhere(&w);
		return;
	}
	ret->through = true;
	if (f->published) {
		ret->n = 2;
		path_back(f, &ret->path[0]);
		path_out(f, &ret->path[1]);
		return;
	}
	path_out(f, &ret->path[0]);
	if (refused(f))
		return;
	ret->n = 2;
	path_back(f, &ret->path[1]);
}
