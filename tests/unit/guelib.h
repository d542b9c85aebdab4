/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guelib.h - both ends of a FOU or GUE tunnel, for tests
 */
#ifndef TESTS_GUELIB_H
#define TESTS_GUELIB_H

#include "offload/engine_internal.h"
#include "offload/plan.h"
#include "seglib.h"

#define SPORT 50000
#define FOU_PORT 5555
#define GUE_PORT 6080

/* One end; the other end is its mirror. */
struct end {
	const struct gust_plugin *desc;
	unsigned plugin;
	void *t;
};

static const uint8_t addr4[2][16] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
static const uint8_t addr6[2][16] = {
	{ 0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 1 },
	{ 0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 2 },
};

/* `side` 0 sends to side 1. */
static inline struct gust_tunnel_conf gue_conf(const char *kind, bool v6,
					       unsigned side, uint32_t flags)
{
	struct gust_tunnel_conf c = {
		.kind = kind,
		.v6 = v6,
		.port = strcmp(kind, "fou") ? 0 : FOU_PORT,
		.sport_min = SPORT,
		.sport_max = SPORT,
		.flags = flags | (v6 ? 0 : GUST_TUN_DF),
	};

	memcpy(c.local, v6 ? addr6[side] : addr4[side], 16);
	memcpy(c.remote, v6 ? addr6[!side] : addr4[!side], 16);
	return c;
}

/* Which plugin of the set has this kind? */
static inline struct end end_find(const char *kind)
{
	struct engine_set set;

	registry_set(g.reg, &set);
	for (unsigned i = 0; i < set.n; i++) {
		const struct gust_plugin *d = set.plugin[i].desc;

		for (unsigned k = 0; d->tunnels && d->tunnels[k]; k++)
			if (!strcmp(d->tunnels[k], kind))
				return (struct end){ d, i, NULL };
	}
	fail_msg("no plugin has kind %s", kind);
	return (struct end){ 0 };
}

static inline struct end end_open(const struct gust_tunnel_conf *c)
{
	struct end e = end_find(c->kind);
	char err[256] = "";

	if (e.desc->tunnel_open(&engine_host, c, &e.t, err, sizeof(err)))
		fail_msg("%s", err);
	assert_non_null(e.t);
	return e;
}

static inline void end_close(struct end *e)
{
	e->desc->tunnel_close(e->t);
	e->t = NULL;
}

/* A tunnel from side 0 to side 1: [0] encapsulates, [1] decapsulates. */
static inline void ends_open(struct end e[2], const char *kind, bool v6,
			     uint32_t flags)
{
	for (unsigned i = 0; i < 2; i++) {
		struct gust_tunnel_conf c = gue_conf(kind, v6, i, flags);

		e[i] = end_open(&c);
	}
}

static inline void ends_close(struct end e[2])
{
	end_close(&e[0]);
	end_close(&e[1]);
}

static inline struct gust_batch batch_of(struct gust_pkt *p)
{
	struct gust_batch b;

	gust_batch_init(&b);
	if (p)
		gust_batch_push(&b, p);
	return b;
}

/* One in, at most one out. */
static inline struct gust_pkt *encap(const struct end *e, struct gust_pkt *p)
{
	struct gust_batch in = batch_of(p), out = batch_of(NULL);

	engine_encap(g.eng, e->plugin, e->t, &in, &out);
	assert_int_equal(in.n, 0);
	assert_true(out.n <= 1);
	return out.first;
}

static inline struct gust_pkt *decap_rest(const struct end *e, struct gust_pkt *p,
					  struct gust_pkt **ret_rest)
{
	struct gust_batch in = batch_of(p), out = batch_of(NULL),
			  rest = batch_of(NULL);

	engine_decap(g.eng, e->plugin, e->t, &in, &out, &rest);
	assert_int_equal(in.n, 0);
	assert_true(out.n + rest.n <= 1);
	*ret_rest = rest.first;
	return out.first;
}

/* It is this tunnel's, and right. */
static inline struct gust_pkt *decap(const struct end *e, struct gust_pkt *p)
{
	struct gust_pkt *rest;

	p = decap_rest(e, p, &rest);
	assert_null(rest);
	assert_non_null(p);
	return p;
}

static inline void assert_decap_drop(const struct end *e, struct gust_pkt *p,
				     enum drop_reason why)
{
	uint64_t before = g.drops.n[why];
	struct gust_pkt *rest;

	assert_null(decap_rest(e, p, &rest));
	assert_null(rest);
	assert_int_equal(g.drops.n[why], before + 1);
}

static inline uint64_t plugin_counter(const char *name)
{
	struct end e = end_find("gue");
	struct engine_stats st[ENGINE_PLUGINS_MAX];

	engine_stats(g.eng, st, ENGINE_PLUGINS_MAX);
	assert_int_equal(st[e.plugin].faults, 0);
	for (unsigned i = 0; e.desc->counters[i]; i++)
		if (!strcmp(e.desc->counters[i], name))
			return st[e.plugin].counter[i];
	fail_msg("no counter %s", name);
	return 0;
}

/* These bytes as a port brings them in. */
static inline struct gust_pkt *wire_pkt(const void *b, uint32_t n, bool eth)
{
	struct gust_pkt *p = pkt_of(g.pool, b, n);

	assert_int_equal(
		pkt_dissect(p, eth ? DISSECT_ETH | DISSECT_ANY : DISSECT_IP),
		DROP_NONE);
	return p;
}

/* The payload in fragments of `step` bytes, each a buffer of its own. */
static inline void shatter(struct gust_pkt *p, uint32_t step)
{
	uint32_t n = pkt_payload_len(p);
	uint8_t *b = malloc(n + 1);

	assert_non_null(b);
	pkt_payload_copy(p, 0, b, n);
	pkt_payload_slice(p, 0, 0);
	for (uint32_t off = 0; off < n; off += step) {
		struct gust_frag f;

		assert_int_equal(slab_copy(g.pool, b + off,
					   n - off < step ? n - off : step, &f),
				 0);
		assert_int_equal(pkt_frag_push(p, &f), 0);
	}
	free(b);
}

/* Write outer headers around `n` bytes: IP from side 0 to side 1, UDP, `shim`.
 * Returns the length. */
static inline uint32_t gue_wrap(uint8_t *b, bool v6, bool csum, uint16_t dport,
				const uint8_t *shim, uint32_t nshim,
				const uint8_t *in, uint32_t n)
{
	uint32_t n3 = v6 ? 40 : 20, udplen = 8 + nshim + n;
	uint8_t *u = b + n3;

	memset(b, 0, n3 + 8);
	memcpy(u + 8, shim, nshim);
	memmove(u + 8 + nshim, in, n);
	if (v6) {
		b[0] = 0x60;
		w16(b + 4, udplen);
		b[6] = 17;
		b[7] = 64;
		memcpy(b + 8, addr6[0], 16);
		memcpy(b + 24, addr6[1], 16);
	} else {
		b[0] = 0x45;
		w16(b + 2, 20 + udplen);
		b[6] = 0x40;
		b[8] = 64;
		b[9] = 17;
		memcpy(b + 12, addr4[0], 4);
		memcpy(b + 16, addr4[1], 4);
		fix_ip4(b);
	}
	w16(u, SPORT);
	w16(u + 2, dport);
	w16(u + 4, udplen);
	if (csum) {
		w16(u + 6, naive_l4(b + (v6 ? 8 : 12), v6 ? 32 : 8, 17, u, udplen));
		if (!r16(u + 6))
			w16(u + 6, 0xffff);
	}
	return n3 + udplen;
}

/* Over a wire: checksums that are owed are completed, then only bytes are left. */
static inline struct gust_pkt *over_wire(struct gust_pkt *p, bool eth)
{
	struct gust_pkt *q;
	uint8_t *b;

	assert_int_equal(p->gso_size, 0);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	b = pkt_flat(p);
	q = wire_pkt(b, p->len, eth);
	free(b);
	pkt_free(p);
	return q;
}

static inline int gue_setup(void **state)
{
	return seg_begin((const char *const[]){ "tso", "uso", "gue", NULL });
}

#endif
