/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain_port.c - between the kernel inside and the stack
 *
 * Sizes are reckoned as the code that makes the packets does: the kernel's
 * tcp_xmit_size_goal(), our super_max() of tcp_output.c, seg_fit() of the
 * egress.
 */
#include <stdio.h>
#include <string.h>

#include "proof/explain_internal.h"

/* Forms that no header announces and no bit grants. */
#define ONLY_PROVEN                                                                \
	(FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO) |                   \
	 FEAT_BIT(FEAT_BIGTCP6_PLAIN))

/* What carries a superpacket of this flow within 64 KB; FEAT_N: nothing. */
static enum feat super_feat(const struct walk *w)
{
	switch (w->f->proto) {
	case IPPROTO_TCP:
		return w->v4 ? FEAT_TSO4 : FEAT_TSO6;
	case IPPROTO_UDP:
		return FEAT_USO;
	}
	return FEAT_N;
}

/* What `ethtool -K` calls it: it knows the kernel's names and a few short ones. */
static const char *ethtool_word(enum feat f)
{
	switch (f) {
	case FEAT_TX_CSUM:
		return "tx";
	case FEAT_SG:
		return "sg";
	case FEAT_TSO4:
	case FEAT_TSO6:
	case FEAT_TSO_ECN:
	case FEAT_MANGLEID:
	case FEAT_ACCECN:
		return "tso";
	case FEAT_GRO:
		return "gro";
	default:
		return feat_name(f);
	}
}

static void size_reason(struct walk *w, struct explain_hop *h, enum fact_dir dir)
{
	const struct link_state *st = w->f->link;
	bool out = dir == FACT_FROM_KERNEL;
	const char *attr = out ? "gso_max_size" : "gro_max_size";
	uint32_t now = out ? st->gso_max_size : st->gro_max_size;
	char ns[EXPLAIN_TEXT_LEN];

	if (w->v4 && (out ? st->gso_ipv4_max_size : st->gro_ipv4_max_size)) {
		attr = out ? "gso_ipv4_max_size" : "gro_ipv4_max_size";
		now = out ? st->gso_ipv4_max_size : st->gro_ipv4_max_size;
		/* Up to 64 KB the kernel keeps the two the same. */
		if (out)
			attr = "gso_max_size";
	} else if (w->v4 && !out && now > IP_LEN_MAX) {
		because(h, EXPLAIN_NOT_GRANTED,
			"this kernel has no gro_ipv4_max_size: it takes no IPv4 "
			"packet above 64 KB");
		return;
	}
	because(h, EXPLAIN_SIZE, "%s of %s is %u", attr, st->name, now);
	say(h->avoid, "%sip link set %s %s %u", run_inside(w, ns), st->name, attr,
	    out ? 65536u : BIG_LEN_MAX);
}

static void admin_reason(struct walk *w, struct explain_hop *h, enum feat by)
{
	char ns[EXPLAIN_TEXT_LEN];

	because(h, EXPLAIN_ADMIN, "the administrator switched off %s (ethtool -K)",
		feat_name(by));
	say(h->avoid, "%sethtool -K %s %s on", run_inside(w, ns), w->f->link->name,
	    ethtool_word(by));
}

/* Why `f` is not in use. */
static void fact_reason(struct walk *w, struct explain_hop *h, enum fact_dir dir,
			enum feat f)
{
	const struct link_fact *k = &w->f->offload.f[dir][f];
	const char *name;

	/* what it stands on, and what that stands on */
	for (unsigned i = 0; i < FEAT_N && k->why == FACT_DEPENDS; i++) {
		f = k->because;
		k = &w->f->offload.f[dir][f];
	}
	name = feat_name(f);
	switch (k->why) {
	case FACT_ADMIN:
		admin_reason(w, h, k->because);
		break;
	case FACT_NOT_CONFIGURED:
		because(h, EXPLAIN_NOT_CONFIGURED, "gustd.conf leaves %s off",
			name);
		say(h->avoid,
		    "take %s out of \"disable\" in gustd.conf, restart gustd",
		    name);
		break;
	case FACT_NO_PLUGIN:
		because(h, EXPLAIN_NO_PLUGIN,
			"no plugin that is active provides %s", name);
		say(h->avoid, "load a plugin that provides %s", name);
		break;
	case FACT_DISPROOF:
		because(h, EXPLAIN_DISPROVEN,
			"the self-test saw this kernel fail at %s", name);
		say(h->avoid, "another kernel; gustctl status says what failed");
		break;
	case FACT_REFUSED:
		because(h, EXPLAIN_DEMOTED,
			"the kernel refused a packet that used %s", name);
		say(h->avoid, "restart gustd to try it again");
		break;
	case FACT_SIZE:
		size_reason(w, h, dir);
		break;
	default:
		if (dir == FACT_TO_KERNEL && (FEAT_BIT(f) & ONLY_PROVEN)) {
			because(h, EXPLAIN_UNPROVEN,
				"%s is used only when the self-test saw it arrive",
				name);
			say(h->avoid,
			    "selftest = true in gustd.conf, restart gustd");
			break;
		}
		because(h, EXPLAIN_NOT_GRANTED,
			"this kernel's interface does not offer %s", name);
		break;
	}
}

/* ---- from the kernel ---- */

static void device_out(struct walk *w)
{
	const struct port_caps *c = &w->f->from_kernel;
	enum feat f = super_feat(w);
	uint32_t max = w->f->proto == IPPROTO_UDP ? c->gso_max_udp :
		       w->v4                      ? c->gso_max4 :
						    c->gso_max6;
	struct explain_hop *h;

	if (f < FEAT_N && caps_has(c, f))
		w->carried = feat_name(f);
	h = hop_add(w, EXPLAIN_DEVICE, w->f->link->name);
	if (f == FEAT_N) {
		say(h->text, "the kernel sends single packets, or fragments");
		because(h, EXPLAIN_PROTO,
			"no offload carries several ICMP messages");
		return;
	}
	if (!w->carried) {
		say(h->text,
		    "the kernel cuts superpackets before it hands them over");
		cut_here(w, h);
		fact_reason(w, h, FACT_FROM_KERNEL, f);
		return;
	}
	say(h->text, "the kernel hands superpackets over uncut");
	w->size = super_len(w, max);
	hop_pass(h, w);
	if (max < IP_LEN_MAX)
		size_reason(w, h, FACT_FROM_KERNEL);
}

static bool has_plugin(const struct explain_facts *f, const char *name)
{
	for (unsigned i = 0; i < f->n_plugin; i++)
		if (!strcmp(f->plugin[i], name))
			return true;
	return false;
}

/* The plugin that merges this protocol's packets; NULL: none does. */
static const char *merger(const struct walk *w)
{
	switch (w->f->proto) {
	case IPPROTO_TCP:
		return "gro";
	case IPPROTO_UDP:
		return "uro";
	}
	return NULL;
}

static void filter_stage(struct walk *w)
{
	struct explain_hop *h;

	if (!w->f->filter)
		return;
	h = hop_add(w, EXPLAIN_FILTER, "filter");
	say(h->text, "the plugin %s sees what would be on the wire", w->f->filter);
	if (!is_super(w))
		return;
	cut_here(w, h);
	because(h, EXPLAIN_FILTERED, "the plugin %s looks at single packets",
		w->f->filter);
	say(h->avoid, "gustctl plugins disable %s", w->f->filter);
}

/* What a filter took apart on its way out. */
static void merge_again(struct walk *w)
{
	const char *name = merger(w);
	uint32_t max =
		w->f->proto == IPPROTO_UDP ? IP_LEN_MAX : w->f->to_kernel.gso_max6;
	struct explain_hop *h;

	if (!w->f->filter || !name || !has_plugin(w->f, name))
		return;
	if (super_len(w, max) > w->size) {
		w->size = super_len(w, max);
		w->carried = name;
	}
	h = hop_add(w, EXPLAIN_MERGE, "gro");
	say(h->text, "merged again by the plugin %s", name);
}

static void merge_stage(struct walk *w)
{
	const struct explain_facts *f = w->f;
	const char *name = merger(w);
	bool super = is_super(w), active = name && has_plugin(f, name);
	uint32_t max = f->merge_max;
	struct explain_hop *h;

	if (f->proto == IPPROTO_UDP && max > IP_LEN_MAX)
		max = IP_LEN_MAX;
	if (active && super_len(w, max) > w->size) {
		w->size = super_len(w, max);
		w->carried = name;
	}
	h = hop_add(w, EXPLAIN_MERGE, "gro");
	if (!name) {
		say(h->text, "no merging of ICMP");
	} else if (active && max) {
		say(h->text,
		    "packets that wait together are merged by the plugin %s", name);
	} else if (super) {
		say(h->text, "nothing to do: packets come as superpackets");
	} else if (active && !f->merge) {
		say(h->text, "packets stay as they came");
		because(h, EXPLAIN_NOT_CONFIGURED,
			"gustd.conf switches merging off");
		say(h->avoid, "plugins { merge = on } in gustd.conf");
	} else {
		say(h->text, "packets stay as they came");
		because(h, EXPLAIN_NO_PLUGIN, "the plugin %s is not active", name);
		say(h->avoid, "gustctl plugins enable %s, if it is loaded", name);
	}
}

void port_out(struct walk *w)
{
	struct explain_hop *h;

	device_out(w);
	h = hop_add(w, EXPLAIN_PORT, "port");
	say(h->text, "gust reads one packet a call, at most 64 KB");
	filter_stage(w);
	merge_stage(w);
}

/* ---- to the kernel ---- */

static uint32_t port_max(const struct walk *w)
{
	const struct port_caps *c = &w->f->to_kernel;

	return w->v4 ? c->gso_max4 : c->gso_max6;
}

static bool big_in_use(const struct walk *w)
{
	const struct port_caps *c = &w->f->to_kernel;

	return w->v4 ? caps_has(c, FEAT_BIGTCP4) :
		       caps_has(c, FEAT_BIGTCP6_JUMBO) ||
			       caps_has(c, FEAT_BIGTCP6_PLAIN);
}

static enum feat big_feat(const struct walk *w)
{
	if (w->v4)
		return FEAT_BIGTCP4;
	return caps_has(&w->f->to_kernel, FEAT_BIGTCP6_PLAIN) &&
			       !caps_has(&w->f->to_kernel, FEAT_BIGTCP6_JUMBO) ?
		       FEAT_BIGTCP6_PLAIN :
		       FEAT_BIGTCP6_JUMBO;
}

/* Options may take 40 bytes, and IPv6 a jumbo header, so TCP leaves room. */
#define TCP_ROOM4 (20 + 60)
#define TCP_ROOM6 (48 + 60)

/* As super_max() in tcp_output.c. */
static uint32_t tcp_super(struct walk *w)
{
	const struct port_caps *c = &w->f->to_kernel;
	uint32_t room = w->v4 ? TCP_ROOM4 : TCP_ROOM6, max = IP_LEN_MAX, n;
	uint32_t seg;

	if (w->mtu <= w->ip_hdr)
		return w->mtu;
	seg = w->mtu - w->ip_hdr;
	if (caps_has(c, super_feat(w))) {
		max = port_max(w);
		if (max > IP_LEN_MAX && !big_in_use(w))
			max = IP_LEN_MAX;
	}
	n = max > room ? (max - room) / seg : 0;
	if (c->gso_max_segs && n > c->gso_max_segs)
		n = c->gso_max_segs;
	return n > 1 ? w->ip_hdr + n * seg : w->mtu;
}

static bool has_jumbo(const struct walk *w)
{
	return !w->v4 && w->size - 40 > IP_LEN_MAX &&
	       big_feat(w) == FEAT_BIGTCP6_JUMBO;
}

/* What keeps TCP's superpackets below what the kernel could take. */
static void tcp_size_reason(struct walk *w, struct explain_hop *h)
{
	enum feat f = super_feat(w), big = big_feat(w);
	enum fact_why why = w->f->offload.f[FACT_TO_KERNEL][big].why;

	if (!caps_has(&w->f->to_kernel, f))
		return; /* the egress says it */
	if (big_in_use(w) || why == FACT_IN_USE || why == FACT_SIZE) {
		if (port_max(w) < BIG_LEN_MAX)
			size_reason(w, h, FACT_TO_KERNEL);
	} else {
		fact_reason(w, h, FACT_TO_KERNEL, big);
	}
}

static void stack_back(struct walk *w)
{
	const struct explain_facts *f = w->f;
	struct explain_hop *h;

	w->size = w->mtu;
	if (f->proto == IPPROTO_TCP)
		w->size = tcp_super(w);
	else if (f->proto == IPPROTO_UDP)
		w->size = super_len(w, f->run_max + w->ip_hdr);
	if (has_jumbo(w)) {
		w->depth++;
		w->hdr += 8;
		w->size += 8;
	}
	w->carried = "gust";
	h = hop_add(w, EXPLAIN_STACK, "stack");
	if (f->proto == IPPROTO_TCP) {
		say(h->text,
		    "tcp_output() makes superpackets of what the windows "
		    "allow%s",
		    has_jumbo(w) ? ", with a jumbo header above 64 KB" : "");
		tcp_size_reason(w, h);
	} else if (f->proto == IPPROTO_UDP) {
		say(h->text, "equal datagrams that came together stay together");
	} else {
		say(h->text, "one message, one packet, or its fragments");
		because(h, EXPLAIN_PROTO,
			"no offload carries several ICMP messages");
	}
}

static void egress(struct walk *w)
{
	const struct port_caps *c = &w->f->to_kernel;
	enum feat f = super_feat(w);
	struct explain_hop *h;
	uint32_t max;

	if (f < FEAT_N && caps_has(c, f))
		w->carried = feat_name(
			w->size > IP_LEN_MAX + (w->v4 ? 0 : 40) ? big_feat(w) : f);
	h = hop_add(w, EXPLAIN_EGRESS, "egress");
	if (f == FEAT_N || !is_super(w)) {
		say(h->text, "nothing to cut");
		return;
	}
	if (!caps_has(c, f)) {
		say(h->text, "superpackets are cut here, in software");
		cut_here(w, h);
		fact_reason(w, h, FACT_TO_KERNEL, f);
		return;
	}
	say(h->text, "passed as it is: the port carries it");
	max = super_len(w, f == FEAT_USO ? c->gso_max_udp : port_max(w));
	if (has_jumbo(w))
		max += 8;
	if (w->size > max) {
		say(h->text, "cut into smaller superpackets");
		w->size = h->cut = max;
		if (!is_super(w))
			w->carried = NULL;
		hop_pass(h, w);
		size_reason(w, h, FACT_TO_KERNEL);
	}
}

void port_back(struct walk *w)
{
	struct explain_hop *h;

	stack_back(w);
	filter_stage(w);
	merge_again(w);
	egress(w);
	h = hop_add(w, EXPLAIN_PORT, "port");
	say(h->text, "one writev() a packet, its payload from where it lies");
	h = hop_add(w, EXPLAIN_DEVICE, w->f->link->name);
	say(h->text, is_super(w) ?
			     "received as if its receive offload had merged it; "
			     "goes to the socket whole" :
			     "received packet by packet");
}
