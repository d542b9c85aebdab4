/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakevx.h - a tunnel plugin of the tests: VXLAN with numbers written out
 *
 * L3 in, L3 out: encap() adds the inner Ethernet header, decap() takes it off.
 */
#ifndef TESTS_FAKEVX_H
#define TESTS_FAKEVX_H

#include "fakeplug.h"
#include "seglib.h"

enum vx_mode { VX_GOOD, VX_LOSES, VX_NO_IP, VX_BREAKS, VX_KEEPS };
static enum vx_mode vx_mode;

struct vx_tun {
	bool v6, csum, df;
	uint16_t id; /* of the next outer packet */
	uint32_t vni;
};

/* Outer IP, UDP, VXLAN and Ethernet; lengths and sums are left out. Returns bytes. */
static inline uint16_t vx_header(uint8_t *h, const struct vx_tun *t, bool v6_inside)
{
	uint16_t n3 = t->v6 ? 40 : 20;
	uint8_t *u = h + n3;

	memset(h, 0, n3 + 30);
	if (t->v6) {
		h[0] = 0x60;
		h[6] = 17;
		h[7] = 64;
		memset(h + 8, 0xfd, 32);
	} else {
		h[0] = 0x45;
		w16(h + 4, t->id);
		h[6] = t->df ? 0x40 : 0;
		h[8] = 64;
		h[9] = 17;
		memcpy(h + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
	}
	w16(u, 50000);
	w16(u + 2, 4789);
	w16(u + 6, t->csum ? 0xffff : 0);
	u[8] = 8;
	w32(u + 12, t->vni << 8);
	memcpy(u + 16, "\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b", 12);
	w16(u + 28, v6_inside ? 0x86dd : 0x0800);
	return n3 + 30;
}

static inline void vx_encap_one(struct fake *f, struct vx_tun *t,
				struct gust_pkt *p)
{
	uint16_t n3 = t->v6 ? 40 : 20, n;
	struct gust_layer l[4] = {
		{ t->v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0, 0 },
		{ GUST_L_UDP, 0, n3 },
		{ GUST_L_VXLAN, 0, n3 + 8 },
		{ GUST_L_ETH, 0, n3 + 16 },
	};
	uint8_t h[80];

	n = vx_header(h, t, p->layer[0].kind == GUST_L_IPV6);
	assert_int_equal(f->h->push(p, h, n, l, 4), 0);
	t->id += pkt_segs(p);
	f->h->fix_outer(p, 4);
	f->h->outer_sums(p);
}

static inline void vx_encap(void *state, void *tunnel, struct gust_batch *in,
			    struct gust_batch *out)
{
	struct fake *f = state;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		if (vx_mode == VX_LOSES) {
			f->h->pkt_free(p);
			continue;
		}
		if (vx_mode != VX_NO_IP)
			vx_encap_one(f, tunnel, p);
		else
			p->nlayer = 0;
		if (vx_mode == VX_BREAKS)
			p->len++;
		gust_batch_push(out, p);
	}
}

static inline void vx_decap(void *state, void *tunnel, struct gust_batch *in,
			    struct gust_batch *out, struct gust_batch *rest)
{
	struct fake *f = state;
	struct vx_tun *t = tunnel;
	struct gust_pkt *p;
	uint8_t b[16];

	while ((p = gust_batch_pop(in))) {
		uint32_t off = t->v6 ? 40 : 20;

		if (vx_mode == VX_LOSES) {
			f->h->pkt_free(p);
			continue;
		}
		if (vx_mode == VX_KEEPS || f->h->peek(p, off, b, 16) != 16 ||
		    r16(b + 2) != 4789 || (r16(b + 12) << 8 | b[14]) != t->vni) {
			gust_batch_push(rest, p);
			continue;
		}
		/* zero over IPv6 is a tunnel's right */
		if ((r16(b + 6) && !f->h->csum_verify(p)) ||
		    f->h->strip(f->w, p, off + 16, GUST_L_ETH)) {
			f->h->drop(f->w, p, GUST_DROP_BAD_TUNNEL);
			continue;
		}
		f->h->head_remove(p, 0, 14);
		if (vx_mode == VX_BREAKS)
			p->len++;
		gust_batch_push(out, p);
	}
}

static const struct gust_plugin vx_plugin = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "vx",
	.text = "a tunnel for tests",
	.worker_open = fake_worker_open,
	.worker_close = fake_worker_close,
	.encap = vx_encap,
	.decap = vx_decap,
};

/* The plugins of the registry, and this one; returns its index. */
static inline unsigned vx_use(void)
{
	struct gust_batch held[2];
	struct engine_set set;
	char err[256];

	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	registry_set(g.reg, &set);
	set.plugin[set.n++] = (struct engine_plugin){ &vx_plugin, NULL, 1 };
	assert_int_equal(engine_set(g.eng, &set, held, err, sizeof(err)), 0);
	vx_mode = VX_GOOD;
	return set.n - 1;
}

#endif
