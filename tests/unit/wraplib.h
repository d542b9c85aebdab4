/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wraplib.h - packets in IP and GRE tunnels, written out from scratch
 *
 * wrap() puts one level around bytes, field by field: it shares nothing with the
 * plugins, and is itself held against packets that scapy made (tunnel_golden.h).
 */
#ifndef TESTS_WRAPLIB_H
#define TESTS_WRAPLIB_H

#include "offload/engine_internal.h"
#include "seglib.h"

#define LEVELS_MAX 8

/* One level: what is configured. */
struct level {
	const char *kind;
	bool v6; /* outer */
	uint32_t flags; /* GUST_TUN_* */
	uint32_t id;
	uint8_t tos;
};

/* What differs from packet to packet. */
struct fields {
	uint16_t id;
	uint32_t seq;
	uint32_t label;
};

struct golden {
	const char *name;
	bool eth; /* the inner packet is a frame */
	unsigned n;
	struct level level[4]; /* innermost first */
	const uint8_t *inner;
	uint32_t inner_len;
	const uint8_t *outer;
	uint32_t outer_len;
};

static const char *const wrap_plugins[] = {
	"ipip", "gre", "tso", "uso", "ufo", NULL
};

static inline bool is_gre(const struct level *l)
{
	return !strncmp(l->kind, "gre", 3);
}

static inline bool is_l2(const struct level *l)
{
	return !strcmp(l->kind, "gretap") || l->flags & GUST_TUN_L2;
}

/* ---- configuration ---- */

/* Level `k`'s ends, as mktunnel.py has them; `far`: the remote one. */
static inline void level_addr(uint8_t *a, bool v6, unsigned k, bool far)
{
	memset(a, 0, 16);
	if (v6) {
		memcpy(a, "\x20\x01\x0d\xb8\x00\x0f", 6);
		a[13] = k;
		a[15] = 1 + far;
	} else {
		memcpy(a, "\xc0\x00\x02", 3);
		a[3] = 2 * k + 1 + far;
	}
}

/* `far`: the other end's view. */
static inline struct gust_tunnel_conf level_conf(const struct level *l, unsigned k,
						 bool far)
{
	struct gust_tunnel_conf c = { .kind = l->kind,
				      .v6 = l->v6,
				      .id = l->id,
				      .tos = l->tos,
				      .flags = l->flags };

	level_addr(c.local, l->v6, k, far);
	level_addr(c.remote, l->v6, k, !far);
	return c;
}

/* Index in the set of the plugin that has this kind. */
static inline unsigned plugin_of(const char *kind)
{
	struct engine_set set;

	registry_set(g.reg, &set);
	for (unsigned i = 0; i < set.n; i++) {
		const char *const *t = set.plugin[i].desc->tunnels;

		for (; t && *t; t++)
			if (!strcmp(*t, kind))
				return i;
	}
	fail_msg("no plugin has kind %s", kind);
	return 0;
}

static inline const struct gust_plugin *desc_of(const char *kind)
{
	struct engine_set set;

	registry_set(g.reg, &set);
	return set.plugin[plugin_of(kind)].desc;
}

static inline void *open_conf(const struct gust_tunnel_conf *c)
{
	char err[256] = "";
	void *t = NULL;

	if (desc_of(c->kind)->tunnel_open(&engine_host, c, &t, err, sizeof(err)))
		fail_msg("%s: %s", c->kind, err);
	assert_non_null(t);
	return t;
}

static inline void *open_level(const struct level *l, unsigned k, bool far)
{
	struct gust_tunnel_conf c = level_conf(l, k, far);

	return open_conf(&c);
}

static inline void close_level(const struct level *l, void *t)
{
	desc_of(l->kind)->tunnel_close(t);
}

/* ---- from scratch ---- */

/* The IP header of an Ethernet frame or an IP packet; NULL: none. */
static inline uint8_t *find_ip(uint8_t *b, bool eth)
{
	uint32_t off = 12;

	if (!eth)
		return b;
	while (r16(b + off) == 0x8100 || r16(b + off) == 0x88a8)
		off += 4;
	return r16(b + off) == 0x0800 || r16(b + off) == 0x86dd ? b + off + 2 :
								  NULL;
}

static inline uint8_t ds_of(const uint8_t *ip)
{
	if (!ip)
		return 0;
	return ip[0] >> 4 == 4 ? ip[1] : (r16(ip) >> 4) & 0xff;
}

static inline uint32_t wrap_gre(uint8_t *b, const struct level *l, uint16_t type,
				uint32_t seq)
{
	uint32_t at = 4;

	memset(b, 0, 16);
	w16(b + 2, type);
	if (l->flags & GUST_TUN_CSUM) {
		b[0] |= 0x80;
		at += 4;
	}
	if (l->flags & GUST_TUN_KEY) {
		b[0] |= 0x20;
		w32(b + at, l->id);
		at += 4;
	}
	if (l->flags & GUST_TUN_SEQ) {
		b[0] |= 0x10;
		w32(b + at, seq);
		at += 4;
	}
	return at;
}

/* Put level `k` around the `n` bytes at `b`, in place. Returns how many there are
 * now; `eth`: they are a frame. */
static inline uint32_t wrap(uint8_t *b, uint32_t n, bool eth, const struct level *l,
			    unsigned k, const struct fields *f)
{
	uint8_t h[56] = { 0 }, *in = find_ip(b, eth), proto, ds = ds_of(in);
	uint32_t hip = l->v6 ? 40 : 20, hlen = hip, type;
	bool df = l->flags & GUST_TUN_DF || (in && in[0] >> 4 == 4 && in[6] & 0x40);

	type = eth ? 0x6558 : in[0] >> 4 == 4 ? 0x0800 : 0x86dd;
	proto = is_gre(l) ? 47 : type == 0x0800 ? 4 : 41;
	if (is_gre(l))
		hlen += wrap_gre(h + hip, l, type, f->seq);
	if (l->flags & GUST_TUN_TOS)
		ds = l->tos | (ds & 3);
	memmove(b + hlen, b, n);
	n += hlen;
	if (l->v6) {
		w32(h, 0x60000000u | (uint32_t)ds << 20 | f->label);
		w16(h + 4, n - 40);
		h[6] = proto;
		h[7] = 64;
	} else {
		h[0] = 0x45;
		h[1] = ds;
		w16(h + 2, n);
		w16(h + 4, f->id);
		h[6] = df ? 0x40 : 0;
		h[8] = 64;
		h[9] = proto;
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t a[16];

		level_addr(a, l->v6, k, i);
		memcpy(h + (l->v6 ? 8 + 16 * i : 12 + 4 * i), a, l->v6 ? 16 : 4);
	}
	if (!l->v6)
		fix_ip4(h);
	memcpy(b, h, hlen);
	if (is_gre(l) && l->flags & GUST_TUN_CSUM)
		w16(b + hip + 4, (uint16_t)~naive_sum(0, b + hip, n - hip));
	return n;
}

/* ---- the engine ---- */

static inline struct gust_batch batch_of(struct gust_pkt *p)
{
	struct gust_batch b;

	gust_batch_init(&b);
	if (p)
		gust_batch_push(&b, p);
	return b;
}

/* Encapsulate one: what comes out, NULL if it was dropped. */
static inline struct gust_pkt *encap1(const struct level *l, void *t,
				      struct gust_pkt *p)
{
	struct gust_batch in = batch_of(p), out = batch_of(NULL);

	engine_encap(g.eng, plugin_of(l->kind), t, &in, &out);
	assert_int_equal(in.n, 0);
	assert_true(out.n <= 1);
	return gust_batch_pop(&out);
}

/* Decapsulate one; *ret_rest: it is not this tunnel's. */
static inline struct gust_pkt *decap1(const struct level *l, void *t,
				      struct gust_pkt *p,
				      struct gust_pkt **ret_rest)
{
	struct gust_batch in = batch_of(p), out = batch_of(NULL),
			  rest = batch_of(NULL);

	engine_decap(g.eng, plugin_of(l->kind), t, &in, &out, &rest);
	assert_int_equal(in.n, 0);
	assert_true(out.n + rest.n <= 1);
	*ret_rest = gust_batch_pop(&rest);
	return gust_batch_pop(&out);
}

/* A dissected packet of these bytes. */
static inline struct gust_pkt *pkt_bytes(const uint8_t *b, uint32_t n, bool eth)
{
	struct gust_pkt *p = pkt_of(g.pool, b, n);

	assert_int_equal(
		pkt_dissect(p, eth ? DISSECT_ETH | DISSECT_ANY : DISSECT_IP),
		DROP_NONE);
	return p;
}

static inline void assert_no_faults(void)
{
	struct engine_stats st[8];
	unsigned n = engine_stats(g.eng, st, 8);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(st[i].faults, 0);
}

/* A counter of the plugin that has `kind`, by name. */
static inline uint64_t counter(const char *kind, const char *name)
{
	const char *const *c = desc_of(kind)->counters;
	struct engine_stats st[8];

	engine_stats(g.eng, st, 8);
	for (unsigned i = 0; c[i]; i++)
		if (!strcmp(c[i], name))
			return st[plugin_of(kind)].counter[i];
	fail_msg("no counter %s", name);
	return 0;
}

/* The label of an outer IPv6 header, which must not be 0. */
static inline uint32_t label_of(const struct gust_pkt *p)
{
	uint32_t label;

	if (p->head[0] >> 4 != 6)
		return 0;
	label = (r16(p->head) << 16 | r16(p->head + 2)) & 0xfffff;
	assert_int_not_equal(label, 0);
	return label;
}

/* Decapsulate the `n` bytes at `b` with a tunnel of `l`: they are dropped by this
 * name, once. */
static inline void assert_refused(const struct level *l, void *t, const uint8_t *b,
				  uint32_t n, enum drop_reason why)
{
	struct gust_pkt *p = pkt_bytes(b, n, false), *rest;
	uint64_t was = g.drops.n[why];

	p = decap1(l, t, p, &rest);
	assert_null(p);
	assert_null(rest);
	assert_int_equal(g.drops.n[why], was + 1);
}

/* They are not this tunnel's, and come back as they went in. */
static inline void assert_rest(const struct level *l, void *t, const uint8_t *b,
			       uint32_t n)
{
	struct gust_pkt *p = pkt_bytes(b, n, false), *rest;

	p = decap1(l, t, p, &rest);
	assert_null(p);
	assert_non_null(rest);
	assert_pkt_bytes(rest, b, n);
	pkt_free(rest);
}

/* They are taken, and hold these bytes. */
static inline void assert_taken(const struct level *l, void *t, const uint8_t *b,
				uint32_t n, const uint8_t *in, uint32_t in_len)
{
	struct gust_pkt *rest, *p = decap1(l, t, pkt_bytes(b, n, false), &rest);

	assert_null(rest);
	assert_non_null(p);
	assert_pkt_bytes(p, in, in_len);
	assert_map(p, in, in_len, is_l2(l));
	pkt_free(p);
}

#endif
