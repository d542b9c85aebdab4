/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain_lib.h - facts to begin with, and ways to look at an answer
 *
 * The beginning is an interface that carries everything and a host with a card
 * that does; each test takes something away and looks where that shows.
 */
#ifndef GUST_TESTS_EXPLAIN_LIB_H
#define GUST_TESTS_EXPLAIN_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proof/explain.h"

#define GUST 7 /* interface indexes */
#define ETH 2
#define BIG 524280

static struct link_state link;
static struct explain_facts f;
static struct explain e;

static inline struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static inline void feat_on(struct link_device *d, const char *name)
{
	strcpy(d->feat[d->n_feat].name, name);
	d->feat[d->n_feat++].flags =
		DEVICE_FEAT_ACTIVE | DEVICE_FEAT_WANTED | DEVICE_FEAT_HW;
}

static inline void feat_set(struct link_device *d, const char *name, uint8_t flags)
{
	for (unsigned i = 0; i < d->n_feat; i++)
		if (!strcmp(d->feat[i].name, name))
			d->feat[i].flags = flags;
}

static inline struct link_device device(const char *name, const char *kind,
					int index)
{
	struct link_device d = {
		.ifindex = index,
		.up = true,
		.mtu = 1500,
		.gso_max_size = 65536,
		.gro_max_size = 65536,
		.gso_ipv4_max_size = 65536,
		.gro_ipv4_max_size = 65536,
		.ethtool_ok = true,
		.ether = strcmp(name, "lo") && strcmp(kind, "tun"),
	};

	strcpy(d.name, name);
	strcpy(d.kind, kind);
	feat_on(&d, "tx-tcp-segmentation");
	feat_on(&d, "tx-tcp6-segmentation");
	feat_on(&d, "tx-udp-segmentation");
	feat_on(&d, "rx-gro");
	return d;
}

/* tcp to `dst`, everything in use. */
static inline void begin(const char *dst)
{
	memset(&f, 0, sizeof(f));
	link = (struct link_state){
		.ifindex = GUST,
		.name = "gust0",
		.mtu = 1500,
		.present = true,
		.up = true,
		.gso_max_size = 65536,
		.gso_ipv4_max_size = 65536,
		.gro_max_size = BIG,
		.gro_ipv4_max_size = BIG,
		.tso_max_size = 65536,
	};
	f.link = &link;
	f.dst = f.host = ip(dst);
	f.proto = IPPROTO_TCP;
	f.port = 80;
	f.timestamps = true;
	f.read_max = 512000;
	f.run_max = 65000;
	f.netns = "blue";
	f.from_kernel = (struct port_caps){
		.feats = FEAT_BIT(FEAT_N) - 1,
		.mtu = 1500,
		.gso_max4 = 65535,
		.gso_max6 = 65535,
		.gso_max_udp = 65535,
	};
	f.to_kernel = f.from_kernel;
	f.to_kernel.gso_max4 = f.to_kernel.gso_max6 = BIG;
	f.inside.route.type = f.outside.route.type = ROUTE_UNICAST;
	f.inside.route.oif = GUST;
	f.inside.dev[0] = device("gust0", "tun", GUST);
	f.outside.route.oif = ETH;
	f.outside.dev[0] = device("eth0", "", ETH);
	f.inside.n_dev = f.outside.n_dev = 1;
}

static inline void off(enum fact_dir dir, enum feat feat, enum fact_why why,
		       enum feat by)
{
	struct port_caps *c = dir == FACT_TO_KERNEL ? &f.to_kernel : &f.from_kernel;

	c->feats &= ~FEAT_BIT(feat);
	f.offload.f[dir][feat].why = why;
	f.offload.f[dir][feat].because = by;
	if (feat == FEAT_TSO4)
		c->gso_max4 = c->mtu;
	if (feat == FEAT_TSO6)
		c->gso_max6 = c->mtu;
	if (feat == FEAT_USO)
		c->gso_max_udp = c->mtu;
	if (feat == FEAT_BIGTCP4 && c->gso_max4 > 65535)
		c->gso_max4 = 65535;
	if ((feat == FEAT_BIGTCP6_JUMBO || feat == FEAT_BIGTCP6_PLAIN) &&
	    !(c->feats & FEAT_BIT(FEAT_BIGTCP6_JUMBO)) &&
	    !(c->feats & FEAT_BIT(FEAT_BIGTCP6_PLAIN)) && c->gso_max6 > 65535)
		c->gso_max6 = 65535;
}

static inline const struct explain_path *path(const char *name)
{
	for (unsigned i = 0; i < e.n; i++)
		if (!strcmp(e.path[i].name, name))
			return &e.path[i];
	fail_msg("no path \"%s\"", name);
	return NULL;
}

/* The `nth` hop of a kind. */
static inline const struct explain_hop *hop(const char *name,
					    enum explain_kind kind, unsigned nth)
{
	const struct explain_path *p = path(name);

	for (unsigned i = 0; i < p->n; i++)
		if (p->hop[i].kind == kind && !nth--)
			return &p->hop[i];
	fail_msg("%s: no such hop of kind %s", name, explain_kind_name(kind));
	return NULL;
}

static inline const struct explain_hop *named(const char *where, const char *name)
{
	const struct explain_path *p = path(where);

	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->hop[i].name, name))
			return &p->hop[i];
	fail_msg("%s: no hop %s", where, name);
	return NULL;
}

/* What holds of every answer. */
static inline void check_all(void)
{
	assert_true(e.n >= 1 && e.n <= 2);
	for (unsigned i = 0; i < e.n; i++) {
		const struct explain_path *p = &e.path[i];

		assert_true(p->n >= 1 && p->n < EXPLAIN_HOPS_MAX);
		for (unsigned k = 0; k < p->n; k++) {
			const struct explain_hop *h = &p->hop[k];

			assert_true(h->name[0]);
			assert_true(h->text[0]);
			assert_int_equal(h->why == EXPLAIN_WHOLE, !h->why_text[0]);
			if (h->cut) /* says why, and what comes out fits */
				assert_true(h->why != EXPLAIN_WHOLE &&
					    h->largest <= h->cut);
			if (h->avoid[0])
				assert_int_not_equal(h->why, EXPLAIN_WHOLE);
			if (h->carried_by[0] && h->kind != EXPLAIN_SOCKET)
				assert_true(h->largest > 1000);
			/* larger only where something merges, or makes new ones */
			if (k && h->largest > p->hop[k - 1].largest)
				assert_true(h->kind == EXPLAIN_MERGE ||
					    h->kind == EXPLAIN_STACK ||
					    h->kind == EXPLAIN_ROUTE ||
					    h->kind == EXPLAIN_DEVICE ||
					    h->kind == EXPLAIN_SOCKET);
		}
	}
}

static inline void run(void)
{
	explain(&f, &e);
	check_all();
}

/* Not inline: a compiler that looks into it takes what comes behind a failed look-up,
 * which does not return, for a string of nothing. */
static __attribute__((noinline, unused)) void has(const char *text,
						  const char *part, int line)
{
	if (!strstr(text, part))
		fail_msg("line %d: \"%s\" lacks \"%s\"", line, text, part);
}

#define HAS(text, part) has(text, part, __LINE__)

static inline unsigned cuts(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e.n; i++)
		for (unsigned k = 0; k < e.path[i].n; k++)
			n += e.path[i].hop[k].cut != 0;
	return n;
}

#endif
