/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ufo.c - the fragments of a datagram: each one, and put together again
 */
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "ufo", NULL });
}

static struct gust_pkt *datagram(uint32_t n, uint16_t gso_size)
{
	return mark(of_buf(n), GUST_GSO_UFO, gso_size);
}

static struct gust_pkt *plain(const struct tp *t, uint16_t gso_size)
{
	return datagram(tp_build(buf, t), gso_size);
}

static struct gust_batch cut_ufo(struct gust_pkt *p)
{
	struct gust_gso_req req = { .step = p->gso_size, .mtu = 1500 };

	return cut_req(p, &req);
}

/* What a fragment says of itself. `at`: its fragmentable bytes in the packet. */
struct part {
	uint32_t id, off, at;
	bool more;
};

static struct part part4(const uint8_t *b)
{
	return (struct part){ .id = r16(b + 4),
			      .off = (r16(b + 6) & 0x1fff) * 8,
			      .at = (b[0] & 15) * 4,
			      .more = b[6] & 0x20 };
}

/* `fh`: where the fragment header stands. */
static struct part part6(const uint8_t *b, uint32_t fh)
{
	return (struct part){ .id = r16(b + fh + 4) << 16 | r16(b + fh + 6),
			      .off = r16(b + fh + 2) & 0xfff8,
			      .at = fh + 8,
			      .more = b[fh + 3] & 1 };
}

/*
 * Take the fragments apart: in order, of `chunk` bytes all but the last, one ID,
 * maps as the dissector has them; `ret` gets what they carry. `fh` 0: IPv4.
 * Returns the bytes, and the ID.
 */
static uint32_t put_together(struct gust_batch *frags, uint32_t fh, uint32_t chunk,
			     uint8_t *ret, uint32_t *ret_id)
{
	uint32_t off = 0;
	struct gust_pkt *p;

	*ret_id = 0;
	while ((p = gust_batch_pop(frags))) {
		uint8_t *b = pkt_flat(p);
		struct part f = fh ? part6(b, fh) : part4(b);
		struct gust_pkt *q = pkt_of(g.pool, b, p->len);
		uint32_t n = p->len - f.at;

		assert_int_equal(p->need, 0);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(p->gso_type, GUST_GSO_NONE);
		assert_int_equal(p->hash, 77);
		assert_lengths(p);
		assert_sums(p);
		if (!off)
			*ret_id = f.id;
		assert_int_equal(f.id, *ret_id);
		assert_int_equal(f.off, off);
		assert_int_equal(f.more, frags->n != 0);
		if (frags->n)
			assert_int_equal(n, chunk);
		else
			assert_in_range(n, 1, chunk);
		assert_int_equal(pkt_dissect(q, DISSECT_IP), DROP_NONE);
		assert_int_equal(q->len, p->len);
		assert_int_equal(p->nlayer, q->nlayer);
		assert_memory_equal(p->layer, q->layer,
				    q->nlayer * sizeof(q->layer[0]));
		assert_int_equal(q->layer[q->nlayer - 1].flags, GUST_LF_FRAGMENT);
		/* RFC 7112, and nothing but headers that must be there */
		assert_int_equal(p->hlen >= f.at + 8, !off);
		memcpy(ret + off, b + f.at, n);
		off += n;
		pkt_free(q);
		pkt_free(p);
		free(b);
	}
	return off;
}

static void test_plain4(void **state)
{
	static const uint32_t lens[] = { 1481, 1472 + 1, 2952, 2953, 5000, 65507 };
	static uint8_t got[70000];

	for (unsigned i = 0; i < 6; i++)
		for (int done = 0; done < 2; done++) {
			struct tp t = { .udp = true, .len = lens[i], .id = 4711 };
			struct gust_pkt *p = plain(&t, 1480);
			struct gust_batch out;
			uint32_t n, id;

			/* mean nothing here, and go */
			p->need |= GUST_F_ECN | GUST_F_ACCECN | GUST_F_PARTIAL;

			if (done) /* it came complete */
				p->need = 0;
			else
				memset(p->head + 26, 0xee, 2); /* it is owed */
			out = cut_ufo(p);
			assert_int_equal(out.n, (lens[i] + 8 + 1479) / 1480);
			assert_int_equal(out.first->head[6] & 0x40, 0); /* DF */
			n = put_together(&out, 0, 1480, got, &id);
			assert_int_equal(id, 4711);
			tp_build(buf, &t);
			assert_int_equal(n, lens[i] + 8);
			assert_memory_equal(got, buf + 20, n);
		}
}

static void test_plain6(void **state)
{
	static const uint32_t lens[] = { 1441, 5000, 65527 };
	static uint8_t got[70000];
	uint32_t id[3];

	for (unsigned i = 0; i < 3; i++) {
		struct tp t = { .udp = true, .v6 = true, .len = lens[i] };
		struct gust_batch out = cut_ufo(plain(&t, 1448));
		uint32_t n;

		assert_int_equal(out.n, (lens[i] + 8 + 1447) / 1448);
		assert_int_equal(out.first->head[6], 44);
		assert_int_equal(out.first->head[40], 17);
		n = put_together(&out, 40, 1448, got, &id[i]);
		tp_build(buf, &t);
		assert_int_equal(n, lens[i] + 8);
		assert_memory_equal(got, buf + 40, n);
	}
	/* one by one from chance */
	assert_int_not_equal(id[0], id[1]);
	assert_int_not_equal(id[1], id[2]);
	assert_true(id[0] >> 16 || id[1] >> 16);
}

/* A checksum of 0: none over IPv4; over IPv6 one is made. */
static void test_no_checksum(void **state)
{
	static uint8_t got[70000];

	for (int v6 = 0; v6 < 2; v6++) {
		struct tp t = {
			.udp = true, .v6 = v6, .no_csum = true, .len = 5000
		};
		struct gust_pkt *p = plain(&t, 1448);
		struct gust_batch out;
		uint32_t id;

		p->need = 0;
		out = cut_ufo(p);
		assert_int_equal(put_together(&out, v6 ? 40 : 0, 1448, got, &id),
				 5008);
		if (!v6)
			assert_int_equal(r16(got + 6), 0);
		t.no_csum = !v6;
		tp_build(buf, &t);
		assert_memory_equal(got, buf + (v6 ? 40 : 20), 5008);
	}
}

/* RFC 6864: with DF the ID may be a constant 0. One datagram's fragments need one
 * of their own. */
static void test_atomic_id(void **state)
{
	static uint8_t got[70000];
	struct tp t = { .udp = true, .len = 5000, .id = 0 };
	struct gust_batch out = cut_ufo(plain(&t, 1480));
	uint32_t id, other;

	put_together(&out, 0, 1480, got, &id);
	assert_int_not_equal(id, 0);
	out = cut_ufo(plain(&t, 1480));
	put_together(&out, 0, 1480, got, &other);
	assert_int_not_equal(id, other);
	/* without DF it is an ID like any other */
	tp_build(buf, &t);
	buf[6] = 0;
	fix_ip4(buf);
	out = cut_ufo(datagram(5028, 1480));
	put_together(&out, 0, 1480, got, &id);
	assert_int_equal(id, 0);
}

/* Options with the copied flag are in every fragment, the others in the first. */
static void test_ip4_options(void **state)
{
	static const struct {
		const char *opts, *later;
		uint8_t n, nlater;
	} cases[] = {
		{ "\x07\x07\x04\0\0\0\0\0", "", 8, 0 },
		{ "\x94\x04\0\0", "\x94\x04\0\0", 4, 4 },
		{ "\x01\x94\x04\0\0\x07\x03\x04", "\x94\x04\0\0", 8, 4 },
		{ "\x88\x04\1\2\x07\x03\x04\x01\x94\x04\0\0",
		  "\x88\x04\1\2\x94\x04\0\0", 12, 8 },
		{ "\x86\x06\1\2\3\4\0\0", "\x86\x06\1\2\3\4\0\0", 8, 8 },
		{ "\x86\x05\1\2\3\x07\x03\x04", "\x86\x05\1\2\3\0\0\0", 8, 8 },
	};
	static uint8_t got[70000];

	for (unsigned i = 0; i < 6; i++) {
		struct tp t = { .udp = true, .len = 5000, .id = 3 };
		uint32_t n = tp_build(buf, &t), o = cases[i].n, id;
		struct gust_batch out;

		memmove(buf + 20 + o, buf + 20, n - 20);
		memcpy(buf + 20, cases[i].opts, o);
		buf[0] = 0x45 + o / 4;
		w16(buf + 2, n + o);
		fix_ip4(buf);
		out = cut_ufo(datagram(n + o, 1400));
		assert_int_equal(out.n, 4);
		assert_int_equal(out.first->head[0], 0x45 + o / 4);
		assert_memory_equal(out.first->head + 20, cases[i].opts, o);
		for (struct gust_pkt *p = out.first->next; p; p = p->next) {
			assert_int_equal(p->hlen, 20 + cases[i].nlater);
			assert_int_equal(p->head[0], 0x45 + cases[i].nlater / 4);
			assert_memory_equal(p->head + 20, cases[i].later,
					    cases[i].nlater);
		}
		assert_int_equal(put_together(&out, 0, 1400, got, &id), 5008);
		tp_build(buf, &t);
		assert_memory_equal(got, buf + 20, 5008);
	}
}

/* RFC 8200 4.5: behind hop-by-hop and routing; what follows is cut with the rest. */
static void test_extension_headers(void **state)
{
	static const uint8_t hop[8] = "\0\0\x05\x02\0\0\x01\0";
	static const uint8_t pad[8] = "\0\0\x01\x04\0\0\0\0";
	static const uint8_t route[8] = "\0\0\0\0\0\0\0\0";
	static const struct {
		uint8_t kind[4]; /* next header values, 0xff ends */
		uint8_t before; /* fragment header behind so many */
	} cases[] = {
		{ { 0, 0xff }, 1 },         { { 60, 0xff }, 0 },
		{ { 43, 0xff }, 1 },        { { 0, 60, 43, 60 }, 3 },
		{ { 0, 43, 60, 0xff }, 2 }, { { 60, 43, 0xff }, 2 },
	};
	static uint8_t got[70000], was[70000];

	for (unsigned i = 0; i < 6; i++) {
		struct tp t = { .udp = true, .v6 = true, .len = 5000 };
		uint32_t n = tp_build(buf, &t), ext = 0, fh, id;
		const uint8_t *k = cases[i].kind;
		struct gust_batch out;

		memmove(was, buf + 40, n - 40);
		buf[6] = k[0];
		for (; ext < 4 && k[ext] != 0xff; ext++) {
			uint8_t *h = buf + 40 + 8 * ext;
			bool last = ext == 3 || k[ext + 1] == 0xff;

			memcpy(h,
			       k[ext] == 0  ? hop :
			       k[ext] == 43 ? route :
					      pad,
			       8);
			h[0] = last ? 17 : k[ext + 1];
		}
		memcpy(buf + 40 + 8 * ext, was, n - 40);
		n += 8 * ext;
		w16(buf + 4, n - 40);
		fh = 40 + 8 * cases[i].before;
		memcpy(was, buf, n);
		out = cut_ufo(datagram(n, 1400));
		for (struct gust_pkt *p = out.first; p; p = p->next) {
			uint8_t *nh =
				cases[i].before ? p->head + fh - 8 : p->head + 6;
			uint8_t *had = cases[i].before ? was + fh - 8 : was + 6;

			assert_int_equal(*nh, 44);
			assert_int_equal(p->head[fh], *had);
			*nh = *had; /* the rest of what is in front is the same */
			assert_memory_equal(p->head, was, 4);
			assert_memory_equal(p->head + 6, was + 6, fh - 6);
			*nh = 44;
		}
		assert_int_equal(put_together(&out, fh, 1400, got, &id), n - fh);
		assert_memory_equal(got, was + fh, n - fh);
	}
}

/* gso_size is an upper bound: fragments fit the MTU. */
static void test_mtu(void **state)
{
	static uint8_t got[70000];

	for (int v6 = 0; v6 < 2; v6++) {
		struct gust_gso_req req = { .step = 9000, .mtu = 1303 };
		struct tp t = { .udp = true, .v6 = v6, .len = 20000 };
		struct gust_batch out = cut_req(plain(&t, 9000), &req);
		uint32_t id, chunk = (1303 - (v6 ? 48 : 20)) / 8 * 8;

		for (struct gust_pkt *p = out.first; p; p = p->next)
			assert_true(p->len <= 1303);
		assert_int_equal(put_together(&out, v6 ? 40 : 0, chunk, got, &id),
				 20008);
	}
}

/* Smaller than a fragment: it goes as it is, complete. */
static void test_nothing_to_cut(void **state)
{
	static uint8_t got[2000];
	struct tp t = { .udp = true, .len = 1000 };
	struct gust_batch out = cut_ufo(plain(&t, 1008));
	uint32_t id;

	assert_int_equal(out.n, 1);
	assert_int_equal(out.first->gso_size, 0);
	assert_int_equal(out.first->need, GUST_F_CSUM_OK);
	assert_pkt_bytes(out.first, buf, tp_build(buf, &t));
	pkt_batch_free(&out);
	t.len = 1001; /* gso_size above the payload is no lie: the header counts */
	out = cut_ufo(plain(&t, 1008));
	assert_int_equal(out.n, 2);
	assert_int_equal(put_together(&out, 0, 1008, got, &id), 1009);
	assert_bad(plain(&t, 1010), 1010);
}

static void test_refused(void **state)
{
	struct gust_gso_req req = { .step = 512, .mtu = 1500 };
	struct tp t = { .udp = true, .len = 1200, .v6 = true };
	struct gust_pkt *p;

	tp_build(buf, &t);
	memmove(buf + 48, buf + 40, 1208);
	memcpy(buf + 40, "\x11\0\0\0\0\0\0\7", 8); /* an atomic fragment */
	buf[6] = 44;
	w16(buf + 4, 1216);
	for (int i = 0; i < 2; i++) {
		p = datagram(1256, 512);
		assert_int_equal(p->layer[1].kind, GUST_L_FRAGHDR);
		req.mtu = i ? 1255 : 1256;
		if (i) {
			assert_dropped(p, &req, DROP_GSO_REFUSED);
		} else {
			struct gust_batch out = cut_req(p, &req);

			assert_int_equal(out.n, 1);
			assert_int_equal(out.first->need, GUST_F_CSUM_OK);
			assert_int_equal(out.first->gso_size, 0);
			assert_sums(out.first);
			pkt_batch_free(&out);
		}
	}
}

static void test_bad(void **state)
{
	struct gust_gso_req req = { .step = 1480, .mtu = 1500 };
	struct tp t = { .udp = true, .len = 5000 };
	struct gust_pkt *p;

	assert_bad(plain(&t, 0), 1480);
	assert_bad(plain(&t, 1), 1480);
	assert_bad(plain(&t, 7), 1480);
	assert_bad(plain(&t, 5009), 5009);
	req.mtu = 27; /* no room for 8 bytes */
	assert_dropped(plain(&t, 1480), &req, DROP_BAD_GSO);
	p = plain(&t, 1480);
	p->layer[1].kind = GUST_L_TCP;
	assert_bad(p, 1480);
	p = plain(&t, 1480);
	p->nlayer = 1;
	assert_bad(p, 1480);
	p = plain(&t, 1480);
	p->layer[1].off = 60000;
	assert_bad(p, 1480);
	p = plain(&t, 1480);
	p->layer[0].off = 4;
	assert_bad(p, 1480);
	/* all headers belong in the first fragment (RFC 7112) */
	t.v6 = true;
	t.len = 1000;
	tp_build(buf, &t);
	memmove(buf + 56, buf + 40, 1008);
	memset(buf + 40, 0, 16);
	memcpy(buf + 40, "\x11\1\x01\x0c", 4);
	buf[6] = 60;
	w16(buf + 4, 1024);
	assert_bad(datagram(1064, 16), 16);
	/* a jumbogram is not to be fragmented (RFC 2675 3) */
	t.len = 70000;
	assert_bad(plain(&t, 1448), 1448);
}

static void test_smallest(void **state)
{
	static uint8_t got[1000];
	struct tp t = { .udp = true, .len = 100 };
	struct gust_batch out = cut_ufo(plain(&t, 8));
	uint32_t id;

	/* the first has the UDP header and nothing else */
	assert_int_equal(out.n, 14);
	assert_int_equal(out.first->len, 28);
	assert_int_equal(out.first->nfrag, 0);
	assert_int_equal(put_together(&out, 0, 8, got, &id), 108);
}

static void test_limit(void **state)
{
	struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct tp t = { .udp = true, .len = 20000 };
	struct gust_batch held;
	struct gust_pkt *p;

	for (int v6 = 0; v6 < 2; v6++) {
		t.v6 = v6;
		p = plain(&t, 1000);
		gust_batch_init(&held);
		for (struct gust_pkt *q; (q = pkt_new(g.pool));)
			gust_batch_push(&held, q);
		for (int i = 0; i < 20; i++) /* 21 are wanted */
			pkt_free(gust_batch_pop(&held));
		assert_dropped(p, &req, DROP_NO_PKT);
		pkt_batch_free(&held);
	}
}

/* In a tunnel each fragment is a packet of the tunnel. */
static void test_tunnel(void **state)
{
	static uint8_t got[70000];

	for (int i = 0; i < 16; i++) {
		struct tunnel a = { .v6 = i & 1, .csum = i & 2, .id = 65534 };
		struct tunnel b = { .csum = i & 8, .id = 9 };
		struct tp t = { .udp = true, .v6 = i & 4, .len = 5000, .id = 4 };
		struct gust_pkt *p = plain(&t, 1200), *q;
		struct gust_batch out, inner;
		uint32_t n = 0, id;

		enter_tunnel(p, &a);
		enter_tunnel(p, &b);
		out = cut_ufo(p);
		assert_int_equal(out.n, 5);
		gust_batch_init(&inner);
		while ((q = gust_batch_pop(&out))) {
			uint16_t in = q->layer[4].off;

			assert_lengths(q);
			assert_sums(q);
			assert_int_equal(r16(q->head + 4), 9 + n);
			if (!a.v6)
				assert_int_equal(r16(q->head + in + 4),
						 (uint16_t)(65534 + n));
			pkt_pull(q, q->layer[8].off);
			gust_batch_push(&inner, q);
			n++;
		}
		assert_int_equal(
			put_together(&inner, t.v6 ? 40 : 0, 1200, got, &id), 5008);
		tp_build(buf, &t);
		assert_memory_equal(got, buf + (t.v6 ? 40 : 20), 5008);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_plain4),      T(test_plain6),
		T(test_no_checksum), T(test_atomic_id),
		T(test_ip4_options), T(test_extension_headers),
		T(test_mtu),         T(test_nothing_to_cut),
		T(test_refused),     T(test_bad),
		T(test_smallest),    T(test_limit),
		T(test_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
