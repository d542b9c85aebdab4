/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tso.c - what a TCP superpacket is cut into, byte for byte
 */
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "tso", NULL });
}

static void test_plain_pieces(void **state)
{
	static const uint32_t lens[] = { 1401, 2800, 2801, 14000, 13999 };

	for (int i = 0; i < 4; i++)
		for (unsigned k = 0; k < 5; k++) {
			struct tp t = { .v6 = i & 1,
					.eth = i & 2,
					.opt = 12,
					.id = 65530,
					.seq = 0xfffffff0,
					.len = lens[k] };

			cut_and_compare(&t, 1400, 1400);
		}
}

/* The issue's example: 100,500 bytes at 1,000 are 101 packets. */
static void test_101(void **state)
{
	struct tp t = { .len = 100500, .id = 9, .flags = 0x19 };

	for (int v6 = 0; v6 < 2; v6++) {
		struct gust_batch out;

		t.v6 = v6;
		cut_and_compare(&t, 1000, 1000);
		out = cut(super(&t, 1000), 1000);
		assert_int_equal(out.n, 101);
		assert_int_equal(pkt_payload_len(out.first), 1000);
		assert_int_equal(pkt_payload_len(out.last), 500);
		assert_int_equal(out.first->head[out.first->hlen - 7], 0x10);
		assert_int_equal(out.last->head[out.last->hlen - 7], 0x19);
		pkt_batch_free(&out);
	}
}

static void test_smaller_superpackets(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct tp t = { .v6 = i, .id = 7, .seq = 5, .len = 30000 };

		cut_and_compare(&t, 1000, 9000);
		cut_and_compare(&t, 1000, 29000);
		cut_and_compare(&t, 1000, 30000); /* one piece */
		cut_and_compare(&t, 1000, 999000);
	}
}

static void test_flags(void **state)
{
	for (unsigned f = 0; f < 256; f++) {
		struct tp t = { .len = 5000, .flags = f | 0x10, .v6 = f & 0x10 };

		cut_and_compare(&t, 1000, 1000);
		cut_and_compare(&t, 1000, 2000);
	}
}

static void test_ae_copied(void **state)
{
	struct tp t = { .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct gust_batch out;

	p->head[32] |= 0x0f;
	out = cut_req(p, &req);
	assert_int_equal(out.n, 3);
	for (p = out.first; p; p = p->next) {
		assert_int_equal(p->head[32], 0x5f);
		assert_sums(p);
	}
	pkt_batch_free(&out);
}

static void test_ecn_mark(void **state)
{
	struct tp t = { .len = 5000, .flags = 0x90 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need |= GUST_F_ECN;
	out = cut(p, 2000);
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
	out = cut(p, 1000);
	assert_int_equal(out.first->need, GUST_F_CSUM);
	assert_int_equal(out.first->head[33], 0x90);
	pkt_batch_free(&out);
}

/* Accurate ECN: the bit is part of a counter and stays on every segment. */
static void test_accecn(void **state)
{
	struct tp t = { .len = 5000, .flags = 0x99 };
	struct gust_gso_req req = { .step = 2000, .mtu = 1500 };

	for (req.csum = false;; req.csum = true) {
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;

		p->need |= GUST_F_ACCECN;
		out = cut_req(p, &req);
		assert_int_equal(out.n, 3);
		assert_int_equal(out.first->need, GUST_F_CSUM | GUST_F_ACCECN);
		assert_int_equal(out.first->head[33], 0x90);
		assert_int_equal(out.first->next->need,
				 GUST_F_CSUM | GUST_F_ACCECN);
		assert_int_equal(out.first->next->head[33], 0x90);
		assert_int_equal(out.last->need,
				 req.csum ? GUST_F_CSUM_OK : GUST_F_CSUM);
		assert_int_equal(out.last->head[33], 0x99);
		if (req.csum)
			assert_sums(out.last);
		pkt_batch_free(&out);
		if (req.csum)
			return;
	}
}

/* ---- IPv4 IDs ---- */

static void assert_ids(struct gust_batch *out, uint16_t id, uint16_t by)
{
	for (struct gust_pkt *p = out->first; p; p = p->next, id += by) {
		assert_int_equal(r16(p->head + 4), id);
		/* the flag speaks of superpackets */
		assert_int_equal(p->layer[0].flags & GUST_LF_FIXEDID,
				 p->gso_size && !by ? GUST_LF_FIXEDID : 0);
		assert_int_equal(naive_sum(0, p->head, 20), 0xffff);
	}
	pkt_batch_free(out);
}

static struct gust_pkt *with_ids(bool fixed, bool df)
{
	struct tp t = { .len = 9500, .id = 65534 };
	struct gust_pkt *p = super(&t, 1000);

	if (fixed)
		p->layer[0].flags |= GUST_LF_FIXEDID;
	if (!df) {
		p->head[6] = 0;
		fix_ip4(p->head);
	}
	return p;
}

static void set_options(const char *text)
{
	char err[256];

	assert_int_equal(registry_options(g.reg, "tso", text, err, sizeof(err)), 0);
	plug_update(&g);
}

static void test_ids(void **state)
{
	struct gust_batch out;

	/* what the superpacket says; without DF, equal IDs would be wrong */
	for (int i = 0; i < 4; i++) {
		bool fixed = i & 1, df = i & 2;

		out = cut(with_ids(fixed, df), 1000);
		assert_int_equal(out.n, 10);
		assert_ids(&out, 65534, fixed && df ? 0 : 1);
		out = cut(with_ids(fixed, df), 3000);
		assert_int_equal(out.n, 4);
		assert_ids(&out, 65534, fixed && df ? 0 : 3);
	}
}

static void test_ids_mangled(void **state)
{
	struct gust_batch out;

	for (int i = 0; i < 4; i++) {
		set_options("id=fixed");
		out = cut(with_ids(i & 1, i & 2), 1000);
		assert_ids(&out, 65534, i & 2 ? 0 : 1);
		set_options("id=count");
		out = cut(with_ids(i & 1, i & 2), 1000);
		assert_ids(&out, 65534, 1);
		set_options("id=keep");
		out = cut(with_ids(i & 1, i & 2), 1000);
		assert_ids(&out, 65534, i == 3 ? 0 : 1);
	}
}

static void test_bad_options(void **state)
{
	char err[256] = "";

	assert_int_not_equal(
		registry_options(g.reg, "tso", "id=random", err, sizeof(err)), 0);
	assert_non_null(strstr(err, "id=random"));
	assert_non_null(strstr(err, "id=fixed"));
}

/* ---- checksums ---- */

static void test_verified_becomes_owed(void **state)
{
	struct tp t = { .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need = 0;
	assert_true(pkt_csum_verify(p)); /* over the whole */
	out = cut(p, 1000);
	for (p = out.first; p; p = p->next)
		assert_int_equal(p->need, GUST_F_CSUM);
	pkt_batch_free(&out);
}

/* Neither owed nor verified: segments get what is right for their bytes. */
static void test_unverified(void **state)
{
	struct tp t = { .len = 2500, .no_csum = true };
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need = 0;
	out = cut_req(p, &req);
	assert_int_equal(out.n, 3);
	for (p = out.first; p; p = p->next) {
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_sums(p);
	}
	pkt_batch_free(&out);
	p = super(&t, 1000);
	p->need = 0;
	out = cut(p, 1000);
	for (p = out.first; p; p = p->next)
		assert_int_equal(p->need, GUST_F_CSUM);
	pkt_batch_free(&out);
}

/* Payload in many pieces of odd lengths, cut at other places than those. */
static void test_many_frags(void **state)
{
	for (int csum = 0; csum < 2; csum++) {
		struct gust_gso_req req = { .step = 999,
					    .mtu = 1500,
					    .csum = csum };
		struct tp t = { .len = 20000, .seq = 1 };
		uint32_t n = tp_build(buf, &t);
		uint8_t *bytes = malloc(n);
		struct gust_pkt *p = pkt_new(g.pool);
		struct gust_batch out;

		memcpy(bytes, buf, n);
		memcpy(p->head, bytes, 40);
		p->hlen = p->len = 40;
		assert_int_equal(pkt_dissect(p, DISSECT_IP),
				 DROP_BAD_LEN); /* no payload yet */
		for (uint32_t off = 40, k = 1; off < n;
		     off += k, k = k * 3 % 701 + 1) {
			uint32_t l = n - off < k ? n - off : k;
			struct gust_frag f, gap;

			assert_int_equal(slab_copy(g.pool, bytes + off, l, &f), 0);
			assert_int_equal(pkt_frag_add(p, &f), 0);
			assert_int_equal(slab_copy(g.pool, "#", 1, &gap), 0);
			frag_unref(&gap);
		}
		assert_true(p->nfrag > 20);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		out = cut_req(mark(p, GUST_GSO_TCP4, 999), &req);
		assert_int_equal(out.n, 21);
		for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 999) {
			uint32_t len = 20000 - off < 999 ? 20000 - off : 999;
			struct tp w = piece_of(&t, off, len, 999);

			assert_int_equal(p->need,
					 csum ? GUST_F_CSUM_OK : GUST_F_CSUM);
			assert_piece(p, &w);
			pkt_free(p);
		}
		free(bytes);
	}
}

static void test_payload_is_shared(void **state)
{
	struct tp t = { .len = 5000 };
	struct gust_pkt *p = super(&t, 1000);
	const uint8_t *first = p->frag[0].p;
	struct gust_batch out = cut(p, 1000);

	for (uint32_t off = 0; (p = gust_batch_pop(&out)); off += 1000) {
		assert_int_equal(p->nfrag, 1);
		assert_ptr_equal(p->frag[0].p, first + off);
		pkt_free(p);
	}
}

/* A batch keeps its order, whatever the sizes. */
static void test_batch(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct gust_batch in, out;
	struct gust_pkt *p;
	uint32_t seq = 0;

	gust_batch_init(&in);
	gust_batch_init(&out);
	for (int i = 0; i < 4; i++) {
		struct tp t = { .len = 1500 + i * 1000, .seq = seq };

		seq += t.len;
		gust_batch_push(&in, super(&t, 1000));
	}
	assert_int_equal(engine_gso(g.eng, &in, &req, &out), 0);
	assert_int_equal(out.n, 2 + 3 + 4 + 5);
	seq = 0;
	while ((p = gust_batch_pop(&out))) {
		assert_int_equal(r16(p->head + 24) << 16 | r16(p->head + 26), seq);
		seq += pkt_payload_len(p);
		pkt_free(p);
	}
}

/* ---- above 64 KB ---- */

static void test_big_tcp(void **state)
{
	struct tp t = { .len = 300000, .opt = 12, .seq = 9, .id = 65000 };

	cut_and_compare(&t, 1448, 1448);
	cut_and_compare(&t, 1448, 45 * 1448);
	cut_and_compare(&t, 1448, 100 * 1448);
	t.v6 = true;
	cut_and_compare(&t, 1428, 1428);
	cut_and_compare(&t, 1428, 45 * 1428);
	cut_and_compare(&t, 1428, 100 * 1428);
	t.jumbo = true; /* the option goes */
	cut_and_compare(&t, 1428, 1428);
	cut_and_compare(&t, 1428, 45 * 1428);
	cut_and_compare(&t, 1428, 100 * 1428);
	t.eth = true;
	cut_and_compare(&t, 1428, 1428);
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
	p = of_buf(n + 8);
	assert_int_equal(p->hlen, 76);
	out = cut(mark(p, GUST_GSO_TCP6, 1000), 60000);
	assert_int_equal(out.n, 2);
	for (p = out.first; p; p = p->next) {
		assert_int_equal(p->hlen, 76);
		assert_lengths(p);
		assert_memory_equal(p->head + 40,
				    "\x06\x01\x01\x04\0\0\0\0\x05\x02", 10);
		assert_int_equal(p->layer[1].flags, 0);
	}
	pkt_batch_free(&out);
}

/* ---- headers that are copied ---- */

/* Put `n` bytes of extension headers, first of kind `nh`, between IPv6 and TCP of
 * the packet in `buf`; their last one says TCP. */
static uint32_t put_ext(uint32_t len, uint8_t nh, const void *ext, uint32_t n)
{
	memmove(buf + 40 + n, buf + 40, len - 40);
	memcpy(buf + 40, ext, n);
	buf[6] = nh;
	w16(buf + 4, len + n - 40);
	return len + n;
}

static void test_extension_headers(void **state)
{
	static const uint8_t ext[] = "\x2b\0\x05\x02\0\0\x01\0" /* hop-by-hop */
				     "\x3c\0\0\0\0\0\0\0" /* routing, 0 left */
				     "\x06\x01\x01\x0c\1\2\3\4\5\6\7\x08\x09\0\0\0";
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct tp t = { .v6 = true, .len = 3500 };
	uint32_t n = put_ext(tp_build(buf, &t), 0, ext, 32);
	struct gust_batch out;
	uint32_t off = 0;

	out = cut_req(mark(of_buf(n), GUST_GSO_TCP6, 1000), &req);
	assert_int_equal(out.n, 4);
	for (struct gust_pkt *p = out.first; p; p = p->next, off += 1000) {
		uint8_t *b = pkt_flat(p);

		assert_int_equal(p->hlen, 92);
		assert_memory_equal(p->head + 40, ext, 32);
		assert_map(p, b, p->len, false);
		assert_lengths(p);
		assert_sums(p);
		for (uint32_t i = 0; i < pkt_payload_len(p); i++)
			assert_int_equal(b[92 + i], pay(off + i));
		free(b);
	}
	pkt_batch_free(&out);
}

static void test_ip4_options(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct tp t = { .len = 2500, .id = 3 };
	uint32_t n = tp_build(buf, &t);
	struct gust_batch out;

	memmove(buf + 28, buf + 20, n - 20);
	memcpy(buf + 20, "\x94\x04\0\0\x07\x03\x04\0", 8); /* alert, record route */
	buf[0] = 0x47;
	w16(buf + 2, n + 8);
	fix_ip4(buf);
	out = cut_req(mark(of_buf(n + 8), GUST_GSO_TCP4, 1000), &req);
	assert_int_equal(out.n, 3);
	for (struct gust_pkt *p = out.first; p; p = p->next) {
		assert_memory_equal(p->head + 20, "\x94\x04\0\0\x07\x03\x04\0", 8);
		assert_lengths(p);
		assert_sums(p);
	}
	pkt_batch_free(&out);
}

/* ---- headers that forbid it ---- */

/* One IPv6 superpacket with an 8-byte header of this kind in the map. */
static struct gust_pkt *with_header(uint8_t kind, uint32_t len)
{
	struct tp t = { .v6 = true, .len = len };
	uint32_t n = put_ext(tp_build(buf, &t), 60, "\x06\0\x01\x04\0\0\0\0", 8);
	struct gust_pkt *p = mark(of_buf(n), GUST_GSO_TCP6, 1000);

	assert_int_equal(p->layer[1].kind, GUST_L_DSTOPTS);
	p->layer[1].kind = kind;
	if (kind == GUST_L_ROUTING)
		p->head[43] = 1; /* segments left */
	if (kind == GUST_L_AH) { /* 12 bytes at least */
		memmove(p->head - 8, p->head, 48);
		p->head -= 8;
		p->hlen += 8;
		p->len += 8;
		p->layer[2].off += 8;
	}
	return p;
}

static void test_refused(void **state)
{
	static const uint8_t kind[] = { GUST_L_AH, GUST_L_ESP, GUST_L_ROUTING,
					GUST_L_FRAGHDR };
	struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct engine_stats st;
	struct gust_batch out;
	struct gust_pkt *p;
	uint32_t len;

	for (unsigned i = 0; i < 4; i++) {
		/* it fits: as one packet, and nobody completes what it owed */
		p = with_header(kind[i], 1200);
		len = p->len;
		p->need |= GUST_F_ECN;
		out = cut_req(p, &req);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->len, len);
		assert_int_equal(out.first->gso_size, 0);
		assert_int_equal(out.first->gso_type, GUST_GSO_NONE);
		assert_int_equal(out.first->need, GUST_F_CSUM_OK);
		assert_sums(out.first);
		pkt_batch_free(&out);
		/* exactly, and one byte above */
		p = with_header(kind[i], 1200);
		req.mtu = p->len;
		out = cut_req(p, &req);
		assert_int_equal(out.n, 1);
		pkt_batch_free(&out);
		req.mtu--;
		assert_dropped(with_header(kind[i], 1200), &req, DROP_GSO_REFUSED);
		req.mtu = 1500;
		assert_dropped(with_header(kind[i], 30000), &req, DROP_GSO_REFUSED);
	}
	assert_int_equal(engine_stats(g.eng, &st, 1), 1);
	assert_int_equal(st.counter[0], 8);
	assert_int_equal(st.faults, 0);
}

static void test_refused_fragment(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct tp t = { .len = 1200, .eth = true };
	struct gust_batch out;
	struct gust_pkt *p;

	for (int whole = 1; whole >= 0; whole--) {
		p = super(&t, 1000);
		p->layer[1].flags |= GUST_LF_FRAGMENT;
		p->nlayer--; /* as the dissector leaves it */
		p->need = 0;
		req.mtu = whole ? 1240 : 1239; /* Ethernet does not count */
		if (!whole) {
			assert_dropped(p, &req, DROP_GSO_REFUSED);
			break;
		}
		out = cut_req(p, &req);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->gso_size, 0);
		assert_int_equal(out.first->need, 0);
		pkt_batch_free(&out);
	}
}

/* ---- bad input ---- */

static void test_limit(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct tp t = { .len = 10000, .flags = 0x19 };
	struct pkt_pool *small = small_pool(2, 11); /* itself and ten */
	struct gust_batch out;

	out = cut_req(super_in(small, &t, 1000), &req);
	pkt_batch_free(&out);
	req.step = 999; /* eleven */
	assert_dropped(super_in(small, &t, 999), &req, DROP_NO_PKT);
	assert_int_equal(pkt_pool_free(small), 0);
}

static void test_bad_gso(void **state)
{
	struct tp t = { .len = 5000 };
	struct gust_batch out;
	struct gust_pkt *p;

	assert_bad(super(&t, 1000), 1500); /* no multiple */
	assert_bad(super(&t, 1000), 0);
	assert_bad(super(&t, 0), 1000);
	assert_bad(super(&t, 5001), 5001);
	assert_bad(super(&t, 65535), 65535);
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_TCP6;
	assert_bad(p, 1000);
	t.v6 = true;
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_TCP4;
	assert_bad(p, 1000);
	t.udp = true;
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_TCP6;
	assert_bad(p, 1000);
	/* silly, but true */
	t = (struct tp){ .len = 300, .flags = 0x19 };
	cut_and_compare(&t, 1, 1);
	cut_and_compare(&t, 300, 300);
	t.len = 1;
	cut_and_compare(&t, 1, 1);
	/* one byte each is more than the pool has */
	t.len = 65000;
	assert_dropped(super(&t, 1),
		       &(struct gust_gso_req){ .step = 1, .mtu = 1500 },
		       DROP_NO_PKT);
	/* no payload at all */
	t.len = 0;
	assert_bad(super(&t, 1000), 1000);
	/* nothing was left behind */
	t.len = 5000;
	out = cut(super(&t, 1000), 1000);
	assert_int_equal(out.n, 5);
	pkt_batch_free(&out);
}

/* A map that lies about the bytes, in every way that a map can. */
static void test_bad_map(void **state)
{
	struct tp t = { .len = 5000, .eth = true };

	for (int i = 0; i < 14; i++) {
		struct gust_pkt *p = super(&t, 1000);

		switch (i) {
		case 0:
			p->layer[2].off = p->hlen;
			break;
		case 1:
			p->layer[2].off = 65535;
			break;
		case 2:
			p->layer[2].off = p->hlen - 19;
			break;
		case 3:
			p->layer[2].off -= 4;
			break;
		case 4:
			p->layer[1].off = p->layer[2].off;
			break;
		case 5:
			p->layer[1].off = 65535;
			break;
		case 6:
			p->head[14] = 0x46; /* IHL beyond where TCP begins */
			break;
		case 7:
			p->head[14] = 0x65;
			break;
		case 8:
			p->head[46] = 0x60; /* data offset */
			break;
		case 9:
			p->head[46] = 0x40;
			break;
		case 10:
			p->nlayer--; /* no transport */
			break;
		case 11:
			p->nlayer = 0;
			break;
		case 12:
			p->layer[1].kind = GUST_L_IPV6;
			break;
		case 13:
			p->layer[1].kind = 200;
			break;
		}
		assert_bad(p, 1000);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_plain_pieces),
		T(test_101),
		T(test_smaller_superpackets),
		T(test_flags),
		T(test_ae_copied),
		T(test_ecn_mark),
		T(test_accecn),
		T(test_ids),
		T(test_ids_mangled),
		T(test_bad_options),
		T(test_verified_becomes_owed),
		T(test_unverified),
		T(test_many_frags),
		T(test_payload_is_shared),
		T(test_batch),
		T(test_big_tcp),
		T(test_big_tcp_mixed_options),
		T(test_extension_headers),
		T(test_ip4_options),
		T(test_refused),
		T(test_refused_fragment),
		T(test_limit),
		T(test_bad_gso),
		T(test_bad_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
