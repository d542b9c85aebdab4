/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_segment.c - what a superpacket is cut into, byte for byte
 *
 * Each expected segment is written out from scratch by tp_build(), so nothing
 * that the code under test computes is taken from itself.
 */
#include <errno.h>

#include "offload/segment.h"
#include "pkt/dissect.h"
#include "pktlib.h"

static struct pkt_pool *pool;
static uint8_t *buf;

static int setup(void **state)
{
	pool = small_pool(6, 1000);
	buf = malloc(600000);
	return 0;
}

static int teardown(void **state)
{
	free(buf);
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_pkt *super(const struct tp *t, uint16_t gso_size)
{
	struct gust_pkt *p = pkt_of(pool, buf, tp_build(buf, t));

	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	p->gso_size = gso_size;
	p->gso_type = t->udp ? (t->v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4) :
			       (t->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4);
	p->need = GUST_F_CSUM;
	p->hash = 77;
	p->queue = 2;
	return p;
}

/* The piece of `t` that holds payload [off, off + n). */
static struct tp piece_of(const struct tp *t, uint32_t off, uint32_t n,
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

/* Does `p` stand for this piece? The map is what a dissector finds in the same
 * bytes. Completes the checksum. */
static void assert_piece(struct gust_pkt *p, const struct tp *w)
{
	uint32_t n = tp_build(buf, w);
	struct gust_pkt *q = pkt_of(pool, buf, n);

	assert_int_equal(pkt_dissect(q, w->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	assert_int_equal(p->nlayer, q->nlayer);
	for (unsigned i = 0; i < q->nlayer; i++) {
		assert_int_equal(p->layer[i].kind, q->layer[i].kind);
		assert_int_equal(p->layer[i].off, q->layer[i].off);
		assert_int_equal(p->layer[i].flags, q->layer[i].flags);
	}
	assert_int_equal(p->hlen, q->hlen);
	pkt_free(q);
	assert_int_equal(p->hash, 77);
	assert_int_equal(p->queue, 2);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	assert_pkt_bytes(p, buf, n);
}

/* Cut and compare every piece. */
static void cut_and_compare(const struct tp *t, uint16_t gso, uint32_t max)
{
	struct gust_pkt *p = super(t, gso);
	uint32_t step = max - max % gso, off = 0;
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, max, &out), 0);
	assert_int_equal(out.n, (t->len + step - 1) / step);
	while ((p = gust_batch_pop(&out))) {
		uint32_t n = t->len - off < step ? t->len - off : step;
		struct tp w = piece_of(t, off, n, gso);

		w.jumbo = t->jumbo && n + 20 + t->opt > 65535;
		assert_int_equal(p->gso_size, n > gso ? gso : 0);
		assert_int_equal(p->gso_type == GUST_GSO_NONE, n <= gso);
		assert_int_equal(p->need, t->no_csum ? 0 : GUST_F_CSUM);
		assert_piece(p, &w);
		pkt_free(p);
		off += n;
	}
	assert_int_equal(off, t->len);
}

static void test_plain_pieces(void **state)
{
	static const uint32_t lens[] = { 1401, 2800, 2801, 14000, 13999 };

	for (int i = 0; i < 8; i++)
		for (unsigned k = 0; k < 5; k++) {
			struct tp t = { .v6 = i & 1,
					.udp = i & 2,
					.eth = i & 4,
					.opt = i & 2 ? 0 : 12,
					.id = 65530,
					.seq = 0xfffffff0,
					.len = lens[k] };

			cut_and_compare(&t, 1400, 1400);
			cut_and_compare(&t, 1400, 2799);
		}
}

static void test_smaller_superpackets(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct tp t = {
			.v6 = i & 1, .udp = i & 2, .id = 7, .seq = 5, .len = 30000
		};

		cut_and_compare(&t, 1000, 9000);
		cut_and_compare(&t, 1000, 9999);
		cut_and_compare(&t, 1000, 29000);
		cut_and_compare(&t, 1000, 30000); /* one piece */
		cut_and_compare(&t, 1000, 999999);
	}
}

static void test_flags(void **state)
{
	struct tp t = { .len = 5000, .flags = 0xff & ~0x04 };

	cut_and_compare(&t, 1000, 1000);
	cut_and_compare(&t, 1000, 2000);
	t.v6 = true;
	cut_and_compare(&t, 1000, 1000);
}

static void test_ecn_mark(void **state)
{
	struct tp t = { .len = 5000, .flags = 0x90 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need |= GUST_F_ECN;
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 2000, &out), 0);
	assert_int_equal(out.n, 3);
	assert_int_equal(out.first->need, GUST_F_CSUM | GUST_F_ECN);
	assert_int_equal(out.first->head[33], 0x90);
	assert_int_equal(out.first->next->need, GUST_F_CSUM);
	assert_int_equal(out.first->next->head[33], 0x10);
	assert_int_equal(out.last->need, GUST_F_CSUM);
	pkt_batch_free(&out);
	/* a plain first segment has CWR and needs no mark */
	p = super(&t, 1000);
	p->need |= GUST_F_ECN;
	assert_int_equal(seg_cut(p, 1000, &out), 0);
	assert_int_equal(out.first->need, GUST_F_CSUM);
	assert_int_equal(out.first->head[33], 0x90);
	pkt_batch_free(&out);
}

static void test_udp_without_checksum(void **state)
{
	struct tp t = { .udp = true, .no_csum = true, .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need = 0;
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 1000, &out), 0);
	assert_int_equal(out.n, 3);
	for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 1000) {
		struct tp w = piece_of(&t, off, off < 2000 ? 1000 : 500, 1000);

		assert_int_equal(p->need, 0);
		assert_piece(p, &w);
		pkt_free(p);
	}
}

static void test_verified_becomes_owed(void **state)
{
	struct tp t = { .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need = 0;
	assert_true(pkt_csum_verify(p)); /* over the whole */
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 1000, &out), 0);
	for (p = out.first; p; p = p->next)
		assert_int_equal(p->need, GUST_F_CSUM);
	pkt_batch_free(&out);
}

static void test_big_tcp(void **state)
{
	struct tp t = { .len = 300000, .opt = 12, .seq = 9, .id = 65000 };

	cut_and_compare(&t, 1448, 1448);
	cut_and_compare(&t, 1448, 65535 - 52);
	cut_and_compare(&t, 1448, 150000);
	t.v6 = true;
	cut_and_compare(&t, 1428, 1428);
	cut_and_compare(&t, 1428, 65000);
	cut_and_compare(&t, 1428, 150000);
	t.jumbo = true; /* the option goes as soon as it can */
	cut_and_compare(&t, 1428, 1428);
	cut_and_compare(&t, 1428, 65000);
	cut_and_compare(&t, 1428, 150000);
	t.eth = true;
	cut_and_compare(&t, 1428, 1428);
	cut_and_compare(&t, 1428, 150000);
}

/* The jumbo option shares its header with another: padding takes its place. */
static void test_big_tcp_mixed_options(void **state)
{
	struct tp t = { .v6 = true, .jumbo = true, .len = 100000 };
	uint32_t n = tp_build(buf, &t);
	struct gust_batch out;
	struct gust_pkt *p;

	memmove(buf + 56, buf + 48, n - 48);
	memcpy(buf + 48, "\x05\x02\0\0\x01\x02\0\0", 8); /* router alert */
	buf[41] = 1;
	w32(buf + 44, n + 8 - 40);
	p = pkt_of(pool, buf, n + 8);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(p->hlen, 76);
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_TCP6;
	p->need = GUST_F_CSUM;
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 70000, &out), 0);
	assert_int_equal(out.n, 2);
	p = out.first;
	assert_int_equal(p->hlen, 76);
	assert_int_equal(r16(p->head + 4), 0);
	assert_memory_equal(p->head + 40, "\x06\x01\xc2\x04", 4);
	assert_int_equal(r16(p->head + 44) << 16 | r16(p->head + 46), 70000 + 36);
	p = out.last;
	assert_int_equal(p->hlen, 76);
	assert_int_equal(r16(p->head + 4), 30000 + 36);
	assert_memory_equal(p->head + 40, "\x06\x01\x01\x04\0\0\0\0\x05\x02", 10);
	assert_int_equal(p->layer[1].flags, 0);
	pkt_batch_free(&out);
}

/* Payload in many pieces, cut at other places than those. */
static void test_many_frags(void **state)
{
	struct tp t = { .len = 20000, .seq = 1 };
	uint32_t n = tp_build(buf, &t);
	uint8_t *bytes = malloc(n);
	struct gust_pkt *p = pkt_new(pool);
	struct gust_batch out;

	memcpy(bytes, buf, n);
	memcpy(p->head, bytes, 40);
	p->hlen = p->len = 40;
	assert_int_equal(pkt_dissect(p, DISSECT_IP),
			 DROP_BAD_LEN); /* no payload yet */
	for (uint32_t off = 40, k = 1; off < n; off += k, k = k * 3 % 701 + 1) {
		uint32_t l = n - off < k ? n - off : k;
		struct gust_frag f, gap;

		assert_int_equal(slab_copy(pool, bytes + off, l, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		assert_int_equal(slab_copy(pool, "#", 1, &gap), 0);
		frag_unref(&gap);
	}
	assert_true(p->nfrag > 20);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	p->gso_size = 999;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	p->hash = 77;
	p->queue = 2;
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 999, &out), 0);
	assert_int_equal(out.n, 21);
	for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 999) {
		struct tp w = piece_of(&t, off,
				       20000 - off < 999 ? 20000 - off : 999, 999);

		assert_piece(p, &w);
		pkt_free(p);
	}
	free(bytes);
}

static void test_payload_is_shared(void **state)
{
	struct tp t = { .len = 5000 };
	struct gust_pkt *p = super(&t, 1000);
	const uint8_t *first = p->frag[0].p;
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 1000, &out), 0);
	for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 1000) {
		assert_int_equal(p->nfrag, 1);
		assert_ptr_equal(p->frag[0].p, first + off);
		pkt_free(p);
	}
}

static void test_limit(void **state)
{
	struct pkt_pool *was = pool;
	struct tp t = { .len = 10000, .flags = 0x19 };
	struct gust_batch out;
	struct gust_pkt *p;
	uint32_t n;

	pool = small_pool(2, 10);
	p = super(&t, 1000);
	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 1000, &out), 0); /* exactly ten */
	assert_int_equal(out.n, 10);
	pkt_batch_free(&out);
	p = super(&t, 999);
	assert_int_equal(seg_cut(p, 999, &out), -ENOBUFS); /* eleven */
	assert_int_equal(out.n, 0);
	n = tp_build(buf, &t);
	pkt_csum_complete(p);
	assert_pkt_bytes(p, buf, n); /* as it was */
	assert_int_equal(p->gso_size, 999);
	pkt_free(p);
	assert_int_equal(pkt_pool_free(pool), 0);
	pool = was;
}

static void test_refused(void **state)
{
	struct tp t = { .len = 5000 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(seg_cut(p, 999, &out), -EINVAL);
	p->gso_type = GUST_GSO_TCP6;
	assert_int_equal(seg_cut(p, 1000, &out), -EINVAL);
	p->gso_type = GUST_GSO_UDP4;
	assert_int_equal(seg_cut(p, 1000, &out), -EINVAL);
	p->gso_type = GUST_GSO_UFO;
	assert_int_equal(seg_cut(p, 1000, &out), -EINVAL);
	p->gso_type = GUST_GSO_TCP4;
	p->gso_size = 0;
	assert_int_equal(seg_cut(p, 1000, &out), -EINVAL);
	p->gso_size = 1000;
	p->nlayer--; /* no transport */
	assert_int_equal(seg_cut(p, 1000, &out), -EINVAL);
	assert_int_equal(out.n, 0);
	pkt_free(p);
}

/* ---- fit ---- */

static const struct port_caps full = {
	.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) |
		 FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO) |
		 FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
		 FEAT_BIT(FEAT_BIGTCP6_PLAIN),
	.mtu = 1500,
	.gso_max4 = 524280,
	.gso_max6 = 524280,
	.gso_max_udp = 65535,
};

static struct port_caps without(uint32_t feats)
{
	struct port_caps c = full;

	c.feats &= ~feats;
	return c;
}

/* Fit; the pieces come back in order. */
static struct gust_batch fit(struct gust_pkt *p, struct port_caps c)
{
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(seg_fit(p, &c, &out), DROP_NONE);
	return out;
}

static void test_fit_passes(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.len = i & 2 ? 60000 : 400000 };
		struct gust_pkt *p = super(&t, 1400);
		struct gust_batch out = fit(p, full);

		assert_int_equal(out.n, 1);
		assert_ptr_equal(out.first, p);
		assert_int_equal(p->gso_size, 1400);
		assert_int_equal(p->need, GUST_F_CSUM);
		pkt_batch_free(&out);
	}
}

static void test_fit_lacking(void **state)
{
	static const uint32_t feat[] = { FEAT_TSO4, FEAT_TSO6, FEAT_USO, FEAT_USO };

	for (int i = 0; i < 4; i++) {
		struct tp t = { .v6 = i & 1, .udp = i & 2, .len = 14000, .id = 1 };
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(feat[i])));
		struct gust_pkt *p;

		assert_int_equal(out.n, 10);
		for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 1400) {
			struct tp w = piece_of(&t, off, 1400, 1400);

			assert_int_equal(p->need, GUST_F_CSUM); /* the port does */
			assert_piece(p, &w);
			pkt_free(p);
		}
		/* and without its checksum not even one bit stays owed */
		out = fit(super(&t, 1400), without(FEAT_BIT(FEAT_TX_CSUM)));
		assert_int_equal(out.n, 10);
		for (p = out.first; p; p = p->next) {
			assert_int_equal(p->need, GUST_F_CSUM_OK);
			p->need = 0;
			assert_true(pkt_csum_verify(p));
		}
		pkt_batch_free(&out);
	}
}

static void test_fit_too_large(void **state)
{
	struct tp t = { .len = 400000 };
	struct gust_batch out =
		fit(super(&t, 1400), without(FEAT_BIT(FEAT_BIGTCP4)));
	struct port_caps c = full;

	assert_int_equal(out.n, (400000 + 64399) / 64400); /* 46 segments each */
	assert_int_equal(pkt_payload_len(out.first), 64400);
	assert_int_equal(out.first->gso_size, 1400);
	assert_int_equal(r16(out.first->head + 2), 64440);
	pkt_batch_free(&out);

	c.gso_max4 = 200000;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 3);
	assert_int_equal(pkt_payload_len(out.first), 142 * 1400);
	pkt_batch_free(&out);
	c.gso_max_segs = 64;
	out = fit(super(&t, 1400), c);
	assert_int_equal(pkt_payload_len(out.first), 64 * 1400);
	pkt_batch_free(&out);

	t.len = 62800; /* exactly the limit, and one byte above */
	c = full;
	c.gso_max4 = 62840;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 2); /* 44.86 segments: a multiple counts */
	pkt_batch_free(&out);
	t.len = 44 * 1400;
	c.gso_max4 = 40 + 44 * 1400;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	c.gso_max4--;
	out = fit(super(&t, 1400), c);
	assert_int_equal(out.n, 2);
	assert_int_equal(pkt_payload_len(out.first), 43 * 1400);
	pkt_batch_free(&out);
}

/* Above 64 KB IPv6 comes in the form that the port takes. */
static void test_fit_big6_form(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = { .v6 = true,
				.jumbo = i & 1,
				.len = 200000,
				.seq = 3,
				.eth = i & 4 };
		uint32_t lack = i & 2 ? FEAT_BIGTCP6_JUMBO : FEAT_BIGTCP6_PLAIN;
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(lack)));
		struct tp w = t;

		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->gso_size, 1400);
		w.jumbo = lack == FEAT_BIGTCP6_PLAIN;
		assert_piece(out.first, &w);
		pkt_batch_free(&out);
	}
}

static void test_fit_big6_cut(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct tp t = { .v6 = true, .jumbo = i, .len = 200000 };
		struct gust_batch out =
			fit(super(&t, 1400), without(FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
						     FEAT_BIT(FEAT_BIGTCP6_PLAIN)));
		struct gust_pkt *p;

		for (uint32_t off = 0; (p = gust_batch_pop(&out));) {
			uint32_t n = pkt_payload_len(p);
			struct tp w = piece_of(&t, off, n, 1400);

			w.jumbo = false;
			assert_true(p->len <= 65535);
			assert_piece(p, &w);
			pkt_free(p);
			off += n;
		}
	}
}

static void test_fit_ecn(void **state)
{
	struct tp t = { .len = 14000, .flags = 0x90 };
	struct gust_pkt *p = super(&t, 1400);
	struct gust_batch out;

	p->need |= GUST_F_ECN;
	out = fit(p, full);
	assert_int_equal(out.n, 1);
	p = gust_batch_pop(&out);
	out = fit(p, without(FEAT_BIT(FEAT_TSO_ECN)));
	assert_int_equal(out.n, 10);
	pkt_batch_free(&out);
}

static void test_fit_mtu(void **state)
{
	struct tp t = { .len = 1460 };
	struct gust_pkt *p = super(&t, 0);
	struct gust_batch out;
	struct port_caps c = full;

	p->gso_type = GUST_GSO_NONE;
	out = fit(p, c); /* 1500 exactly */
	p = gust_batch_pop(&out);
	assert_int_equal(p->need, GUST_F_CSUM);
	out = fit(p, without(FEAT_BIT(FEAT_TX_CSUM)));
	p = gust_batch_pop(&out);
	assert_int_equal(p->need, GUST_F_CSUM_OK);
	c.mtu = 1499;
	assert_int_equal(seg_fit(p, &c, &out), DROP_TOO_BIG);

	t.len = 14600; /* the segments count, not the superpacket */
	out = fit(super(&t, 1460), full);
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	assert_int_equal(seg_fit(super(&t, 1460), &c, &out), DROP_TOO_BIG);
	assert_int_equal(seg_fit(super(&t, 1461), &full, &out), DROP_TOO_BIG);
	t = (struct tp){ .v6 = true, .jumbo = true, .len = 144000 };
	out = fit(super(&t, 1440), full); /* no segment has the jumbo header */
	assert_int_equal(out.n, 1);
	pkt_batch_free(&out);
	assert_int_equal(out.n, 0);
}

static void test_fit_drops(void **state)
{
	struct pkt_pool *was = pool;
	struct port_caps c = without(FEAT_BIT(FEAT_TSO4));
	struct tp t = { .len = 10000 };
	struct gust_batch out;
	struct gust_pkt *p;

	gust_batch_init(&out);
	pool = small_pool(2, 5);
	assert_int_equal(seg_fit(super(&t, 1000), &c, &out), DROP_NO_PKT);
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_SCTP;
	assert_int_equal(seg_fit(p, &c, &out), DROP_BAD_GSO);
	assert_int_equal(out.n, 0);
	assert_int_equal(pkt_pool_free(pool), 0);
	pool = was;
}

static void test_fit_no_ip(void **state)
{
	struct gust_pkt *p = pkt_new(pool);
	struct gust_batch out;

	p->hlen = p->len = 42;
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	pkt_layer_append(p, GUST_L_ARP, 0, 14);
	out = fit(p, (struct port_caps){ .mtu = 20 });
	assert_ptr_equal(out.first, p);
	pkt_batch_free(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_plain_pieces),
		T(test_smaller_superpackets),
		T(test_flags),
		T(test_ecn_mark),
		T(test_udp_without_checksum),
		T(test_verified_becomes_owed),
		T(test_big_tcp),
		T(test_big_tcp_mixed_options),
		T(test_many_frags),
		T(test_payload_is_shared),
		T(test_limit),
		T(test_refused),
		T(test_fit_passes),
		T(test_fit_lacking),
		T(test_fit_too_large),
		T(test_fit_big6_form),
		T(test_fit_big6_cut),
		T(test_fit_ecn),
		T(test_fit_mtu),
		T(test_fit_drops),
		T(test_fit_no_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
