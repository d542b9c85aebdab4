/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_uso.c - what a UDP superpacket is cut into, byte for byte
 */
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "uso", NULL });
}

static void test_pieces(void **state)
{
	static const uint32_t lens[] = { 1401, 2800, 2801, 14000, 13999, 61000 };

	for (int i = 0; i < 4; i++)
		for (unsigned k = 0; k < 6; k++) {
			struct tp t = { .v6 = i & 1,
					.udp = true,
					.eth = i & 2,
					.id = 65530,
					.len = lens[k] };

			cut_and_compare(&t, 1400, 1400);
			cut_and_compare(&t, 1400, 2800);
			cut_and_compare(&t, 1400, 99400); /* one piece */
		}
}

static void test_smaller_superpackets(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct tp t = { .v6 = i, .udp = true, .id = 7, .len = 30000 };

		cut_and_compare(&t, 1000, 9000);
		cut_and_compare(&t, 1000, 29000);
		cut_and_compare(&t, 1000, 30000);
	}
}

/* Boundaries are the application's: one byte each is one datagram each. */
static void test_tiny(void **state)
{
	struct tp t = { .udp = true, .len = 500 };

	cut_and_compare(&t, 1, 1);
	cut_and_compare(&t, 3, 3);
	cut_and_compare(&t, 499, 499);
	cut_and_compare(&t, 500, 500);
}

/* A datagram that no length field describes has 0 there, and that is summed. */
static void test_jumbo_datagrams(void **state)
{
	struct tp t = { .udp = true, .v6 = true, .len = 70000 };

	cut_and_compare(&t, 65534, 65534);
	cut_and_compare(&t, 65528, 65528);
	cut_and_compare(&t, 65527, 65527);
}

/* ---- zero ---- */

/* RFC 768: none was made, none is made, none is owed. */
static void test_no_checksum(void **state)
{
	struct tp t = { .udp = true, .no_csum = true, .len = 2500 };

	for (int i = 0; i < 8; i++) {
		struct gust_gso_req req = { .step = i & 1 ? 2000 : 1000,
					    .mtu = 1500,
					    .csum = i & 2 };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;

		/* to have verified that there is none makes no difference */
		p->need = i & 4 ? GUST_F_CSUM_OK : 0;
		out = cut_req(p, &req);
		assert_int_equal(out.n, i & 1 ? 2 : 3);
		for (uint32_t off = 0; (p = gust_batch_pop(&out));
		     off += req.step) {
			uint32_t n = 2500 - off < req.step ? 2500 - off : req.step;
			struct tp w = piece_of(&t, off, n, 1000);

			assert_int_equal(p->need, 0);
			assert_piece(p, &w);
			pkt_free(p);
		}
	}
}

/* Over IPv6 a datagram without one is none: segments get theirs. */
static void test_no_checksum6(void **state)
{
	struct tp t = { .udp = true, .v6 = true, .no_csum = true, .len = 2500 };

	for (int csum = 0; csum < 2; csum++) {
		struct gust_gso_req req = { .step = 1000,
					    .mtu = 1500,
					    .csum = csum };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;

		p->need = 0;
		out = cut_req(p, &req);
		assert_int_equal(out.n, 3);
		while ((p = gust_batch_pop(&out))) {
			assert_int_equal(p->need,
					 csum ? GUST_F_CSUM_OK : GUST_F_CSUM);
			if (csum) {
				assert_int_not_equal(r16(p->head + 46), 0);
				assert_sums(p);
			}
			pkt_free(p);
		}
	}
}

/* A zero in the field of one that is owed says nothing: the field is undefined. */
static void test_owed_zero(void **state)
{
	struct tp t = { .udp = true, .no_csum = true, .len = 2500 };
	struct gust_gso_req req = { .step = 1000, .mtu = 1500, .csum = true };
	struct gust_batch out = cut_req(super(&t, 1000), &req);

	assert_int_equal(out.n, 3);
	for (struct gust_pkt *p = out.first; p; p = p->next) {
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_int_not_equal(r16(p->head + 26), 0);
		assert_sums(p);
	}
	pkt_batch_free(&out);
}

/* A computed zero is sent as all ones (RFC 768). */
static void test_computed_zero(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct gust_gso_req req = { .step = 1000,
					    .mtu = 1500,
					    .csum = true };
		struct tp t = { .udp = true, .v6 = v6, .len = 2000 };
		uint32_t l4 = v6 ? 40 : 20, n;
		struct gust_batch out;
		struct gust_pkt *p;
		uint16_t c;

		/* the second datagram's last word takes up what its sum lacks */
		t.from = 1000;
		t.len = 1000;
		tp_build(buf, &t);
		c = r16(buf + l4 + 6); /* complement of the sum */
		n = r16(buf + l4 + 8 + 998) + c;
		t.from = 0;
		t.len = 2000;
		tp_build(buf, &t);
		w16(buf + l4 + 8 + 1998, (n & 0xffff) + (n >> 16));
		out = cut_req(mark(of_buf(l4 + 2008), gso_of(&t), 1000), &req);
		assert_int_equal(out.n, 2);
		p = out.last;
		assert_int_equal(r16(p->head + l4 + 6), 0xffff);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_sums(out.first);
		assert_sums(p);
		pkt_batch_free(&out);
	}
}

static void test_verified_becomes_owed(void **state)
{
	struct tp t = { .udp = true, .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need = 0;
	assert_true(pkt_csum_verify(p));
	out = cut(p, 1000);
	for (p = out.first; p; p = p->next)
		assert_int_equal(p->need, GUST_F_CSUM);
	pkt_batch_free(&out);
}

/* Marks that mean nothing on a single datagram, or that an earlier cut left. */
static void test_stale_marks(void **state)
{
	struct tp t = { .udp = true, .len = 2500 };
	struct gust_pkt *p = super(&t, 1000);
	struct gust_batch out;

	p->need |= GUST_F_ECN | GUST_F_ACCECN | GUST_F_PARTIAL | GUST_F_CSUM_OK;
	out = cut(p, 2000);
	assert_int_equal(out.n, 2);
	for (p = out.first; p; p = p->next) {
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_lengths(p);
	}
	pkt_batch_free(&out);
}

/* ---- where it must not, and bad input ---- */

static void test_refused(void **state)
{
	struct gust_gso_req req = { .step = 500, .mtu = 1500 };
	struct tp t = { .udp = true, .len = 1200 };
	struct gust_batch out;
	struct gust_pkt *p;

	for (int whole = 1; whole >= 0; whole--) {
		p = super(&t, 500);
		p->layer[0].flags |= GUST_LF_FRAGMENT;
		req.mtu = whole ? 1228 : 1227;
		if (!whole) {
			assert_dropped(p, &req, DROP_GSO_REFUSED);
			break;
		}
		out = cut_req(p, &req);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.first->gso_size, 0);
		assert_int_equal(out.first->need, GUST_F_CSUM_OK);
		assert_sums(out.first);
		pkt_batch_free(&out);
	}
}

static void test_bad_gso(void **state)
{
	struct tp t = { .udp = true, .len = 5000 };
	struct gust_pkt *p;

	assert_bad(super(&t, 1000), 1500);
	assert_bad(super(&t, 1000), 0);
	assert_bad(super(&t, 0), 1000);
	assert_bad(super(&t, 5001), 5001);
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_UDP6;
	assert_bad(p, 1000);
	p = super(&t, 1000);
	p->layer[1].kind = GUST_L_TCP;
	assert_bad(p, 1000);
	t.udp = false;
	p = super(&t, 1000);
	p->gso_type = GUST_GSO_UDP4;
	assert_bad(p, 1000);
}

static void test_bad_map(void **state)
{
	struct tp t = { .udp = true, .len = 5000, .v6 = true };

	for (int i = 0; i < 8; i++) {
		struct gust_pkt *p = super(&t, 1000);

		switch (i) {
		case 0:
			p->layer[1].off = p->hlen;
			break;
		case 1:
			p->layer[1].off = p->hlen - 7;
			break;
		case 2:
			p->layer[1].off = p->hlen - 9;
			break;
		case 3:
			p->layer[0].off = 1;
			break;
		case 4:
			p->head[0] = 0x45;
			break;
		case 5:
			p->nlayer = GUST_LAYERS_MAX + 1;
			break;
		case 6:
			p->layer[0].kind = GUST_L_VXLAN;
			break;
		case 7: /* no IP at all, and a reason not to cut */
			p->layer[0].kind = GUST_L_FRAGHDR;
			break;
		}
		assert_bad(p, 1000);
	}
}

static void test_limit(void **state)
{
	struct gust_gso_req req = { .step = 999, .mtu = 1500 };
	struct pkt_pool *small = small_pool(2, 11);
	struct tp t = { .udp = true, .len = 10000 };

	assert_dropped(super_in(small, &t, 999), &req, DROP_NO_PKT);
	assert_int_equal(pkt_pool_free(small), 0);
}

/* ---- tunnels ---- */

static void test_tunnel(void **state)
{
	for (int i = 0; i < 32; i++) {
		struct tunnel a = { .v6 = i & 1, .csum = i & 2, .id = 65534 };
		struct tp t = { .udp = true,
				.v6 = i & 4,
				.no_csum = i & 8,
				.len = 4900,
				.id = 7 };
		struct gust_gso_req req = { .step = 1000,
					    .mtu = 1500,
					    .csum = i & 16 };
		struct gust_pkt *p = super(&t, 1000);
		struct gust_batch out;
		uint32_t n = 0;

		if (t.no_csum)
			p->need = 0; /* the outer one then has to read it all */
		enter_tunnel(p, &a);
		out = cut_req(p, &req);
		assert_int_equal(out.n, 5);
		while ((p = gust_batch_pop(&out))) {
			if (p->need & GUST_F_CSUM)
				pkt_csum_complete(p);
			assert_lengths(p);
			assert_sums(p);
			if (!a.v6)
				assert_int_equal(r16(p->head + 4),
						 (uint16_t)(65534 + n));
			if (a.csum)
				assert_int_not_equal(
					r16(p->head + p->layer[1].off + 6), 0);
			if (t.no_csum && !t.v6)
				assert_int_equal(r16(p->head + p->layer[5].off + 6),
						 0);
			pkt_free(p);
			n++;
		}
	}
}

/* One superpacket of whole datagrams with the headers of one, and the rest. */
static void test_partial(void **state)
{
	struct gust_gso_req req = { .step = 10000, .mtu = 1500, .partial = true };
	struct tunnel a = { .id = 65530, .csum = true };
	struct tp t = { .udp = true, .len = 12300, .id = 1 };
	struct gust_pkt *p = super(&t, 1000);
	static const uint32_t len[] = { 10000, 2000, 300 };
	struct gust_batch out;
	unsigned n = 0;

	enter_tunnel(p, &a);
	out = cut_req(p, &req);
	assert_int_equal(out.n, 3);
	for (p = out.first; p; p = p->next, n++) {
		assert_int_equal(pkt_payload_len(p), len[n]);
		assert_int_equal(p->need,
				 GUST_F_CSUM | (n < 2 ? GUST_F_PARTIAL : 0));
		assert_int_equal(r16(p->head + 4),
				 (uint16_t)(65530 + (n ? n * 2 + 8 : 0)));
		assert_int_equal(r16(p->head + 2), p->hlen + (n < 2 ? 1000 : 300));
		assert_int_equal(r16(p->head + p->layer[5].off + 4),
				 8 + (n < 2 ? 1000 : 300));
	}
	pkt_batch_free(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_pieces),
		T(test_smaller_superpackets),
		T(test_tiny),
		T(test_jumbo_datagrams),
		T(test_no_checksum),
		T(test_no_checksum6),
		T(test_owed_zero),
		T(test_computed_zero),
		T(test_verified_becomes_owed),
		T(test_stale_marks),
		T(test_refused),
		T(test_bad_gso),
		T(test_bad_map),
		T(test_limit),
		T(test_tunnel),
		T(test_partial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
