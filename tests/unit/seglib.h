/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seglib.h - superpackets, what they must be cut into, and what holds of any piece
 *
 * Each expected segment is written out from scratch by tp_build(), so nothing that
 * the code under test computes is taken from itself.
 */
#ifndef TESTS_SEGLIB_H
#define TESTS_SEGLIB_H

#include "pkt/dissect.h"
#include "pluglib.h"

static struct plug g;
static uint8_t *buf;

static inline int seg_begin(const char *const *plugins)
{
	plug_open(&g, plugins);
	buf = malloc(600000);
	return 0;
}

static inline int seg_end(void **state)
{
	free(buf);
	plug_close(&g);
	return 0;
}

static inline enum gust_gso gso_of(const struct tp *t)
{
	return t->udp ? (t->v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4) :
			(t->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4);
}

static inline struct gust_pkt *mark(struct gust_pkt *p, enum gust_gso type,
				    uint16_t gso_size)
{
	p->gso_size = gso_size;
	p->gso_type = type;
	p->need = GUST_F_CSUM;
	p->hash = 77;
	p->queue = 2;
	return p;
}

/* A dissected packet of the first `n` bytes of `buf`. */
static inline struct gust_pkt *of_buf(uint32_t n)
{
	struct gust_pkt *p = pkt_of(g.pool, buf, n);

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	return p;
}

static inline struct gust_pkt *super_in(struct pkt_pool *pool, const struct tp *t,
					uint16_t gso_size)
{
	struct gust_pkt *p = pkt_of(pool, buf, tp_build(buf, t));

	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	return mark(p, gso_of(t), gso_size);
}

static inline struct gust_pkt *super(const struct tp *t, uint16_t gso_size)
{
	return super_in(g.pool, t, gso_size);
}

/* The piece of `t` that holds payload [off, off + n). */
static inline struct tp piece_of(const struct tp *t, uint32_t off, uint32_t n,
				 uint16_t gso)
{
	struct tp w = *t;

	w.seq += off;
	w.id += off / gso;
	w.from += off;
	w.len = n;
	if (!w.flags)
		w.flags = 0x10;
	if (off + n < t->len)
		w.flags &= ~0x09; /* FIN, PSH */
	if (off)
		w.flags &= ~0x80; /* CWR */
	return w;
}

/* The map is what a dissector finds in the same bytes. */
static inline void assert_map(const struct gust_pkt *p, const uint8_t *b,
			      uint32_t n, bool eth)
{
	struct gust_pkt *q = pkt_of(g.pool, b, n);

	assert_int_equal(pkt_dissect(q, eth ? DISSECT_ETH : DISSECT_IP), DROP_NONE);
	assert_int_equal(p->nlayer, q->nlayer);
	for (unsigned i = 0; i < q->nlayer; i++) {
		assert_int_equal(p->layer[i].kind, q->layer[i].kind);
		assert_int_equal(p->layer[i].off, q->layer[i].off);
		assert_int_equal(p->layer[i].flags, q->layer[i].flags);
	}
	assert_int_equal(p->hlen, q->hlen);
	pkt_free(q);
}

/* Does `p` stand for this piece? Completes the checksum. */
static inline void assert_piece(struct gust_pkt *p, const struct tp *w)
{
	uint32_t n = tp_build(buf, w);

	assert_map(p, buf, n, w->eth);
	assert_int_equal(p->hash, 77);
	assert_int_equal(p->queue, 2);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	assert_pkt_bytes(p, buf, n);
}

/* Cut one; the pieces. */
static inline struct gust_batch cut_req(struct gust_pkt *p,
					const struct gust_gso_req *req)
{
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	assert_int_equal(engine_gso(g.eng, &in, req, &out), 0);
	assert_int_equal(in.n, 0);
	return out;
}

static inline struct gust_batch cut(struct gust_pkt *p, uint32_t step)
{
	struct gust_gso_req req = { .step = step, .mtu = 65535 };

	return cut_req(p, &req);
}

/* It is dropped, by this name, and counted once. */
static inline void assert_dropped(struct gust_pkt *p,
				  const struct gust_gso_req *req,
				  enum drop_reason why)
{
	uint64_t before = g.drops.n[why];
	struct gust_batch in, out;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	assert_int_equal(engine_gso(g.eng, &in, req, &out), 1);
	assert_int_equal(out.n, 0);
	assert_int_equal(g.drops.n[why], before + 1);
}

static inline void assert_bad(struct gust_pkt *p, uint32_t step)
{
	struct gust_gso_req req = { .step = step, .mtu = 65535 };

	assert_dropped(p, &req, DROP_BAD_GSO);
}

/* Cut and compare every piece, with and without checksums. */
static inline void cut_and_compare(const struct tp *t, uint16_t gso, uint32_t step)
{
	for (int csum = 0; csum < 2; csum++) {
		struct gust_gso_req req = { .step = step,
					    .mtu = 65535,
					    .csum = csum };
		struct gust_batch out = cut_req(super(t, gso), &req);
		struct gust_pkt *p;
		uint32_t off = 0;

		assert_int_equal(out.n, (t->len + step - 1) / step);
		while ((p = gust_batch_pop(&out))) {
			uint32_t n = t->len - off < step ? t->len - off : step;
			struct tp w = piece_of(t, off, n, gso);

			w.jumbo = false; /* the port's form is put in later */
			assert_int_equal(p->gso_size, n > gso ? gso : 0);
			assert_int_equal(p->gso_type,
					 n > gso ? gso_of(t) : GUST_GSO_NONE);
			assert_int_equal(p->need, csum && n <= gso ?
							  GUST_F_CSUM_OK :
							  GUST_F_CSUM);
			assert_piece(p, &w);
			pkt_free(p);
			off += n;
		}
		assert_int_equal(off, t->len);
	}
}

/* Of the bytes alone: every IPv4 header's sum, every TCP and UDP checksum that
 * there is, at every depth, is right. */
static inline void assert_sums(const struct gust_pkt *p)
{
	uint8_t *b = pkt_flat(p), *ip = NULL;

	for (unsigned i = 0; i < p->nlayer; i++) {
		uint8_t *h = b + p->layer[i].off;
		bool udp = p->layer[i].kind == GUST_L_UDP;
		uint32_t n = p->len - p->layer[i].off;

		switch (p->layer[i].kind) {
		case GUST_L_IPV4:
		case GUST_L_IPV6:
			ip = h;
			if (h[0] >> 4 == 4)
				assert_int_equal(naive_sum(0, h, (h[0] & 15) * 4),
						 0xffff);
			break;
		case GUST_L_UDP:
		case GUST_L_TCP:
			assert_non_null(ip);
			if (udp && !r16(h + 6))
				break;
			assert_int_equal(
				ip[0] >> 4 == 4 ?
					naive_l4(ip + 12, 8, udp ? 17 : 6, h, n) :
					naive_l4(ip + 8, 32, udp ? 17 : 6, h, n),
				0);
			break;
		}
	}
	free(b);
}

/* Every length field says what is there. */
static inline void assert_lengths(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const uint8_t *h = p->head + p->layer[i].off;
		uint32_t n = p->len - p->layer[i].off;

		if (p->layer[i].kind == GUST_L_IPV4)
			assert_int_equal(r16(h + 2), n > 65535 ? 0 : n);
		if (p->layer[i].kind == GUST_L_IPV6)
			assert_int_equal(r16(h + 4), n - 40 > 65535 ? 0 : n - 40);
		if (p->layer[i].kind == GUST_L_UDP)
			assert_int_equal(r16(h + 4), n > 65535 ? 0 : n);
	}
}

/* ---- tunnels ---- */

struct tunnel {
	bool v6; /* outer */
	bool csum; /* outer UDP */
	bool df; /* outer IPv4 */
	uint16_t id;
};

#define VXLAN_LEN 22 /* VXLAN and the inner Ethernet header */

/* Put IP, UDP, VXLAN and Ethernet around a packet that has none, as a tunnel would:
 * headers and map. Lengths and sums are of the whole. */
static inline void enter_tunnel(struct gust_pkt *p, const struct tunnel *t)
{
	uint16_t n3 = t->v6 ? 40 : 20;
	struct gust_layer l[4] = {
		{ t->v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0, 0 },
		{ GUST_L_UDP, 0, n3 },
		{ GUST_L_VXLAN, 0, n3 + 8 },
		{ GUST_L_ETH, 0, n3 + 16 },
	};
	bool v6 = p->layer[0].kind == GUST_L_IPV6;
	uint8_t *h = pkt_push(p, n3 + 8 + VXLAN_LEN), *u = h + n3;

	memset(h, 0, n3 + 8 + VXLAN_LEN);
	if (t->v6) {
		h[0] = 0x60;
		w16(h + 4, p->len - 40 > 65535 ? 0 : p->len - 40);
		h[6] = 17;
		h[7] = 64;
		memset(h + 8, 0xfd, 32);
	} else {
		h[0] = 0x45;
		w16(h + 2, p->len > 65535 ? 0 : p->len);
		w16(h + 4, t->id);
		h[6] = t->df ? 0x40 : 0;
		h[8] = 64;
		h[9] = 17;
		memcpy(h + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
		fix_ip4(h);
	}
	w16(u, 50000);
	w16(u + 2, 4789);
	w16(u + 4, p->len - n3 > 65535 ? 0 : p->len - n3);
	w16(u + 6, t->csum ? 0xaaaa : 0); /* wanted; made when it is cut */
	u[8] = 8;
	w16(u + 28, v6 ? 0x86dd : 0x0800);
	memmove(p->layer + 4, p->layer, p->nlayer * sizeof(p->layer[0]));
	memcpy(p->layer, l, sizeof(l));
	p->nlayer += 4;
	if (!t->v6 && p->len > 65535)
		p->layer[0].flags = GUST_LF_JUMBO;
}

#endif
