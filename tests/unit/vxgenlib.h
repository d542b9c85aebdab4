/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vxgenlib.h - tunnels of the vxlan and geneve plugins, for tests
 */
#ifndef TESTS_VXGENLIB_H
#define TESTS_VXGENLIB_H

#include <errno.h>

#include "offload/engine_internal.h"
#include "seglib.h"

#define SPORT 50001

/* One end of a tunnel; the other end is its mirror. */
struct vxgen {
	const struct gust_plugin *desc;
	unsigned plugin;
	void *t;
};

static const struct gust_tunnel_conf conf4 = {
	.kind = "vxlan",
	.local = { 192, 0, 2, 1 },
	.remote = { 192, 0, 2, 2 },
	.sport_min = SPORT,
	.sport_max = SPORT,
	.flags = GUST_TUN_DF,
};

static const struct gust_tunnel_conf conf6 = {
	.kind = "vxlan",
	.v6 = true,
	.local = { 0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 1 },
	.remote = { 0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 2 },
	.sport_min = SPORT,
	.sport_max = SPORT,
};

static inline struct gust_tunnel_conf conf_of(const char *kind, bool v6,
					      uint32_t id, uint32_t flags)
{
	struct gust_tunnel_conf c = v6 ? conf6 : conf4;

	c.kind = kind;
	c.id = id;
	c.flags = flags;
	return c;
}

static inline struct gust_tunnel_conf mirror(const struct gust_tunnel_conf *c)
{
	struct gust_tunnel_conf m = *c;

	memcpy(m.local, c->remote, 16);
	memcpy(m.remote, c->local, 16);
	return m;
}

static inline bool offers(const struct gust_plugin *d, const char *kind)
{
	for (unsigned i = 0; d->tunnels && d->tunnels[i]; i++)
		if (!strcmp(d->tunnels[i], kind))
			return true;
	return false;
}

/* 0 or -errno; what the plugin said is in `err`. */
static inline int vxgen_try(struct vxgen *v, const struct gust_tunnel_conf *c,
			    char err[256])
{
	struct engine_set set;

	registry_set(g.reg, &set);
	for (unsigned i = 0; i < set.n; i++) {
		v->plugin = i;
		v->desc = set.plugin[i].desc;
		if (offers(v->desc, c->kind))
			return v->desc->tunnel_open(&engine_host, c, &v->t, err,
						    256);
	}
	fail_msg("no plugin for %s", c->kind);
	return -ENOENT;
}

static inline struct vxgen vxgen_open(const struct gust_tunnel_conf *c)
{
	struct vxgen v = { 0 };
	char err[256] = "";

	if (vxgen_try(&v, c, err))
		fail_msg("%s", err);
	assert_non_null(v.t);
	return v;
}

static inline void vxgen_close(struct vxgen *v)
{
	v->desc->tunnel_close(v->t);
	v->t = NULL;
}

/* One packet in, one out; NULL: none. */
static inline struct gust_pkt *encap(const struct vxgen *v, struct gust_pkt *p)
{
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	engine_encap(g.eng, v->plugin, v->t, &in, &out);
	assert_int_equal(in.n, 0);
	assert_true(out.n <= 1);
	return out.first;
}

/* What becomes of one packet: *ret_rest when it is another tunnel's. */
static inline struct gust_pkt *decap_any(const struct vxgen *v, struct gust_pkt *p,
					 struct gust_pkt **ret_rest)
{
	struct gust_batch in, out, rest;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_init(&rest);
	gust_batch_push(&in, p);
	engine_decap(g.eng, v->plugin, v->t, &in, &out, &rest);
	assert_int_equal(in.n, 0);
	assert_true(out.n + rest.n <= 1);
	*ret_rest = rest.first;
	return out.first;
}

static inline struct gust_pkt *decap(const struct vxgen *v, struct gust_pkt *p)
{
	struct gust_pkt *rest, *q = decap_any(v, p, &rest);

	assert_null(rest);
	return q;
}

/* From the wire: a dissected packet of these bytes, in a slab's own memory. */
static inline struct gust_pkt *wire(const uint8_t *b, uint32_t n, unsigned start)
{
	struct gust_pkt *p = pkt_of(g.pool, b, n);

	assert_int_equal(pkt_dissect(p, start), DROP_NONE);
	return p;
}

static inline bool is_eth(const uint8_t *b)
{
	return b[0] >> 4 != 4 && b[0] >> 4 != 6;
}

/* It is dropped by this name, and counted once. */
static inline void assert_decap_drop(const struct vxgen *v, const uint8_t *b,
				     uint32_t n, enum drop_reason why)
{
	uint64_t before = g.drops.n[why], all = 0, all2 = 0;

	for (unsigned i = 0; i < DROP_REASONS; i++)
		all += g.drops.n[i];
	assert_null(decap(v, wire(b, n, DISSECT_IP)));
	for (unsigned i = 0; i < DROP_REASONS; i++)
		all2 += g.drops.n[i];
	if (g.drops.n[why] != before + 1)
		for (unsigned i = 0; i < DROP_REASONS; i++)
			if (g.drops.n[i])
				print_message("%s: %u\n", drop_name(i),
					      (unsigned)g.drops.n[i]);
	assert_int_equal(g.drops.n[why], before + 1);
	assert_int_equal(all2, all + 1);
}

/* It is another tunnel's, and untouched. */
static inline void assert_decap_rest(const struct vxgen *v, const uint8_t *b,
				     uint32_t n)
{
	struct gust_pkt *rest;

	assert_null(decap_any(v, wire(b, n, DISSECT_IP), &rest));
	assert_non_null(rest);
	assert_pkt_bytes(rest, b, n);
	assert_map(rest, b, n, false);
	pkt_free(rest);
}

#endif
