/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vnet.c - the virtio_net_hdr: exact bytes out, nothing believed on the
 * way in
 */
#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "pktlib.h"
#include "sctp_golden.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	pool = small_pool(4, 64);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_pkt *make(const struct tp *t)
{
	static uint8_t b[200000];
	struct gust_pkt *p = pkt_of(pool, b, tp_build(b, t));

	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	return p;
}

struct vh {
	uint8_t flags, type;
	uint16_t hdr_len, gso_size, start, off;
};

static void vh_put(uint8_t *b, const struct vh *h)
{
	memset(b, 0, VNET_LEN);
	b[0] = h->flags;
	b[1] = h->type;
	memcpy(b + 2,
	       (uint8_t[]){ h->hdr_len, h->hdr_len >> 8, h->gso_size,
			    h->gso_size >> 8, h->start, h->start >> 8, h->off,
			    h->off >> 8 },
	       8);
}

static enum drop_reason decode(struct gust_pkt *p, const struct vh *h)
{
	uint8_t b[VNET_LEN];

	vh_put(b, h);
	return vnet_decode(p, b, VNET_LEN);
}

static void assert_vh(struct gust_pkt *p, const struct vh *h)
{
	uint8_t want[VNET_LEN], got[VNET_LEN + 1];

	vh_put(want, h);
	for (unsigned len = 10; len <= VNET_LEN; len += len == 10 ? 2 :
							len == 12 ? 8 :
								    4) {
		memset(got, 0xee, sizeof got);
		vnet_encode(p, got, len);
		assert_memory_equal(got, want, len);
		assert_int_equal(got[len], 0xee);
	}
}

static void test_decode_csum(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = {
			.v6 = i & 1, .udp = i & 2, .eth = i & 4, .len = 100
		};
		struct gust_pkt *p = make(&t);
		uint16_t start = (t.eth ? 14 : 0) + (t.v6 ? 40 : 20);
		uint16_t off = t.udp ? 6 : 16;
		struct vh h = { .flags = 1, .start = start, .off = off };

		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(p->gso_size, 0);
		h.start++;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		h.start = 0;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		h.start = 65535;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		h.start = start;
		h.off = t.udp ? 16 : 6;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		/* ignored while nothing is asked for */
		h.flags = 0;
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->need, 0);
		h.flags = 2;
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		pkt_free(p);
	}
}

static void test_decode_gso(void **state)
{
	static const struct {
		struct tp t;
		uint8_t type;
		enum gust_gso gso;
	} ok[] = {
		{ { .len = 5000 }, 1, GUST_GSO_TCP4 },
		{ { .len = 5000, .v6 = true }, 4, GUST_GSO_TCP6 },
		{ { .len = 5000, .udp = true }, 5, GUST_GSO_UDP4 },
		{ { .len = 5000, .udp = true, .v6 = true }, 5, GUST_GSO_UDP6 },
	};

	for (unsigned i = 0; i < 4; i++) {
		struct gust_pkt *p = make(&ok[i].t);
		bool tcp = !ok[i].t.udp;
		struct vh h = { .flags = 1,
				.type = ok[i].type,
				.gso_size = 1000,
				.hdr_len = 9999,
				.start = pkt_l4(p)->off,
				.off = tcp ? 16 : 6 };

		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_type, ok[i].gso);
		assert_int_equal(p->gso_size, 1000);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(pkt_segs(p), 5);
		h.gso_size = 4999;
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(pkt_segs(p), 2);
		h.gso_size = 5000; /* one segment: a plain packet */
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(p->gso_type, GUST_GSO_NONE);
		h.gso_size = 0;
		assert_int_equal(decode(p, &h), DROP_BAD_GSO);
		assert_int_equal(p->gso_size, 0);

		h.gso_size = 1000;
		h.type |= 0x80;
		assert_int_equal(decode(p, &h), tcp ? DROP_NONE : DROP_BAD_VNET);
		if (tcp)
			assert_int_equal(p->need, GUST_F_CSUM | GUST_F_ECN);
		/* every other type is another protocol's, or nobody's */
		for (unsigned type = 1; type < 256; type++) {
			h.type = type;
			if ((type & 0x7f) == ok[i].type || type == 0x80 ||
			    (!tcp && (type & 0x7f) == 3))
				continue;
			assert_int_equal(decode(p, &h), DROP_BAD_GSO);
		}
		h.type = 0x80;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		pkt_free(p);
	}
}

static void test_decode_ufo(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct tp t = { .udp = true, .v6 = v6, .len = 5000 };
		struct gust_pkt *p = make(&t);
		struct vh h = { .flags = 1,
				.type = 3,
				.hdr_len = v6 ? 48 : 28,
				.gso_size = 1480,
				.start = v6 ? 40 : 20,
				.off = 6 };

		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_type, GUST_GSO_UFO);
		assert_int_equal(p->gso_size, 1480);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(pkt_segs(p), 4); /* 5008 bytes in fragments */
		assert_vh(p, &h);
		h.gso_size = 1487; /* fragments carry multiples of 8 */
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_size, 1480);
		h.gso_size = 8;
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_size, 8);
		h.gso_size = 7;
		assert_int_equal(decode(p, &h), DROP_BAD_GSO);
		assert_int_equal(p->gso_size, 0);
		h.gso_size = 0;
		assert_int_equal(decode(p, &h), DROP_BAD_GSO);
		h.gso_size = 5007; /* 5000: one fragment does not hold 5008 */
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(pkt_segs(p), 2);
		h.gso_size = 5008; /* it does: nothing is to be cut */
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(p->gso_type, GUST_GSO_NONE);
		pkt_free(p);
	}
}

/* A checksum that is owed inside a tunnel that we do not look into: completed on the
 * spot, over what lies there. */
static void test_decode_inside(void **state)
{
	struct tp t = { .len = 100 };
	uint8_t b[400], in[400], vh[VNET_LEN] = { 1 };
	uint32_t n = tp_build(in, &t), start = 20 + 8 + 20;
	uint16_t want = r16(in + 20 + 16);
	struct gust_pkt *p;

	/* UDP to a port of no tunnel, an IPv4 packet with TCP inside */
	memset(b, 0, sizeof(b));
	b[0] = 0x45;
	w16(b + 2, 28 + n);
	b[8] = 64;
	b[9] = 17;
	memcpy(b + 12, in + 12, 8);
	fix_ip4(b);
	w16(b + 20, 1000);
	w16(b + 22, 2000);
	w16(b + 24, 8 + n);
	/* the field holds the pseudo header's sum */
	w16(in + 20 + 16,
	    naive_sum(naive_sum(0, in + 12, 8),
		      (uint8_t[4]){ 0, 6, (n - 20) >> 8, n - 20 }, 4));
	memcpy(b + 28, in, n);
	vh[6] = start;
	vh[8] = 16;
	p = pkt_of(pool, b, 28 + n);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_NONE);
	assert_int_equal(p->need & GUST_F_CSUM, 0);
	assert_int_equal(r16(p->frag[0].p + 40 - 4), want);
	/* beyond the packet, before the payload, at an odd place */
	vh[6] = 28 + n - 16;
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_BAD_VNET);
	vh[6] = 24;
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_BAD_VNET);
	vh[6] = start;
	vh[8] = 15;
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_BAD_VNET);
	pkt_free(p);
}

static void test_decode_no_transport(void **state)
{
	struct tp t = { .len = 3000 };
	uint8_t b[4000], vh[VNET_LEN] = { 1, 0, 0, 0, 0, 0, 20, 0, 16, 0 };
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p;

	w16(b + 6, 0x2000);
	fix_ip4(b);
	p = pkt_of(pool, b, n);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_BAD_VNET);
	vh[0] = 0;
	vh[1] = 1;
	vh[4] = 100;
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_BAD_GSO);
	vh[1] = 0;
	assert_int_equal(vnet_decode(p, vh, VNET_LEN), DROP_NONE);
	assert_int_equal(vnet_decode(p, vh, 10), DROP_NONE);
	assert_int_equal(vnet_decode(p, vh, 9), DROP_BAD_VNET);
	pkt_free(p);
}

/* The field as the kernel wants it: the sum of the pseudo header, not inverted. */
static uint32_t partial(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	bool v6 = l3->kind == GUST_L_IPV6;
	uint8_t proto = l4->kind == GUST_L_TCP ? 6 : 17;
	uint32_t n = p->len - l4->off;
	uint8_t tail[8] = { n >> 24, n >> 16, n >> 8, n, 0, 0, 0, proto };
	uint32_t sum = naive_sum(0, p->head + l3->off + (v6 ? 8 : 12), v6 ? 32 : 8);

	return naive_sum(sum, tail, 8);
}

static void test_encode_plain(void **state)
{
	struct tp t = { .len = 100, .eth = true };
	struct gust_pkt *p = make(&t);
	uint32_t was = r16(p->head + 34 + 16);

	assert_vh(p, &(struct vh){ .hdr_len = 54 });
	p->need = GUST_F_CSUM_OK;
	assert_vh(p, &(struct vh){ .hdr_len = 54, .flags = 2 });
	assert_int_equal(r16(p->head + 34 + 16), was); /* not touched */
	p->need = GUST_F_CSUM;
	assert_vh(p, &(struct vh){
			     .hdr_len = 54, .flags = 1, .start = 34, .off = 16 });
	assert_int_equal(r16(p->head + 34 + 16), partial(p));
	pkt_free(p);
}

static void test_encode_gso(void **state)
{
	static const uint8_t type[] = { 1, 4, 5, 5 };

	for (int i = 0; i < 8; i++) {
		struct tp t = {
			.v6 = i & 1, .udp = i & 2, .eth = i & 4, .len = 64000
		};
		struct gust_pkt *p = make(&t);
		uint16_t l4 = (t.eth ? 14 : 0) + (t.v6 ? 40 : 20);
		struct vh h = { .flags = 1,
				.type = type[i & 3],
				.gso_size = 1400,
				.hdr_len = l4 + (t.udp ? 8 : 20),
				.start = l4,
				.off = t.udp ? 6 : 16 };

		p->gso_size = 1400;
		p->gso_type = t.udp ? (t.v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4) :
				      (t.v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4);
		p->need = GUST_F_CSUM;
		assert_vh(p, &h);
		assert_int_equal(r16(p->head + h.start + h.off), partial(p));
		/* verified on the way in: segments get theirs from the kernel */
		p->need = GUST_F_CSUM_OK;
		p->head[h.start + h.off] ^= 0xff;
		assert_vh(p, &h);
		assert_int_equal(r16(p->head + h.start + h.off), partial(p));
		if (!t.udp) {
			p->need = GUST_F_CSUM | GUST_F_ECN;
			h.type |= 0x80;
			assert_vh(p, &h);
		}
		/* and it reads back as what it was */
		p->gso_size = 0;
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->gso_size, 1400);
		assert_int_equal(p->need, GUST_F_CSUM | (t.udp ? 0 : GUST_F_ECN));
		pkt_free(p);
	}
}

/* SCTP: from the common header on, at 8, and the field zero: no pseudo header. */
static void test_sctp(void **state)
{
	static const struct golden *const good[] = { &golden_data4[0],
						     &golden_data6[0] };

	for (int i = 0; i < 2; i++) {
		const uint8_t *b = (const uint8_t *)good[i]->bytes;
		struct gust_pkt *p = pkt_of(pool, b, good[i]->len);
		uint16_t at = i ? 40 : 20;
		struct vh h = { .flags = 1, .start = at, .off = 8 };

		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		assert_int_equal(decode(p, &h), DROP_NONE);
		assert_int_equal(p->need, GUST_F_CSUM);
		h.off = 16; /* TCP's place is not SCTP's */
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		h.off = 8;
		h.start += 2;
		assert_int_equal(decode(p, &h), DROP_BAD_VNET);
		for (uint8_t type = 1; type < 6; type++) { /* none is SCTP's */
			uint8_t vh[VNET_LEN] = { [1] = type, [4] = 100 };

			assert_int_equal(vnet_decode(p, vh, VNET_LEN),
					 DROP_BAD_GSO);
		}
		h.start = at;
		assert_int_equal(decode(p, &h), DROP_NONE);
		h.hdr_len = at + 12;
		assert_vh(p, &h);
		assert_int_equal(r16(p->head + at + 8) | r16(p->head + at + 10), 0);
		pkt_csum_complete(p);
		assert_pkt_bytes(p, b, good[i]->len);
		assert_vh(p, &(struct vh){ .flags = 2, .hdr_len = at + 12 });
		assert_pkt_bytes(p, b, good[i]->len); /* not touched */
		pkt_free(p);
	}
}

static void test_encode_big(void **state)
{
	struct tp t = { .v6 = true, .jumbo = true, .len = 180000 };
	struct gust_pkt *p = make(&t);

	p->gso_size = 1440;
	p->gso_type = GUST_GSO_TCP6;
	p->need = GUST_F_CSUM;
	assert_vh(p, &(struct vh){ .flags = 1,
				   .type = 4,
				   .gso_size = 1440,
				   .hdr_len = 68,
				   .start = 48,
				   .off = 16 });
	assert_int_equal(r16(p->head + 48 + 16), partial(p)); /* 32-bit length */
	pkt_free(p);
}

static void test_encode_without_transport(void **state)
{
	struct gust_pkt *p = pkt_new(pool);

	p->hlen = p->len = 42;
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	pkt_layer_append(p, GUST_L_ARP, 0, 14);
	assert_vh(p, &(struct vh){ .hdr_len = 42 });
	pkt_free(p);
}

/* ---- a superpacket inside a UDP tunnel ---- */

/* Outer IP, UDP, VXLAN and Ethernet in front, by hand; `at` bytes of Ethernet before
 * all. Returns the offset of the outer UDP header. */
static uint16_t put_tunnel(struct gust_pkt *p, bool v6, bool csum, uint16_t at)
{
	uint16_t n3 = v6 ? 40 : 20, n = at + n3 + 30;
	struct gust_layer l[5] = {
		{ GUST_L_ETH, 0, 0 },
		{ v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0, at },
		{ GUST_L_UDP, 0, at + n3 },
		{ GUST_L_VXLAN, 0, at + n3 + 8 },
		{ GUST_L_ETH, 0, at + n3 + 16 },
	};
	unsigned skip = at ? 0 : 1;
	uint8_t *h = pkt_push(p, n), *u = h + at + n3;

	memset(h, 0, n);
	h[at] = v6 ? 0x60 : 0x45;
	for (unsigned i = 0; i < 32; i++)
		h[at + (v6 ? 8 : 12) + i % (v6 ? 32 : 8)] = i * 7 + 3;
	w16(u, 50000);
	w16(u + 2, 4789);
	w16(u + 4, p->len - at - n3);
	w16(u + 6, csum ? 0x5555 : 0);
	memmove(p->layer + 5 - skip, p->layer, p->nlayer * sizeof(p->layer[0]));
	memcpy(p->layer, l + skip, (5 - skip) * sizeof(l[0]));
	p->nlayer += 5 - skip;
	return at + n3;
}

static void test_encode_tunnel(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct tp t = { .v6 = i & 1, .len = 5000 };
		bool v6 = i & 2, csum = i & 4;
		uint16_t n3 = v6 ? 40 : 20, in3 = t.v6 ? 40 : 20, udp;
		struct gust_pkt *p = make(&t);
		uint8_t want[VNET_LEN], got[VNET_LEN];
		struct vh h = { .flags = 1, .off = 16, .gso_size = 1000 };
		uint32_t len;

		p->gso_size = 1000;
		p->gso_type = t.v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
		p->need = GUST_F_CSUM;
		udp = put_tunnel(p, v6, csum, i & 8 ? 14 : 0);
		len = p->len - udp;
		h.type = (t.v6 ? 4 : 1) | (v6 ? 0x40 : 0x20);
		h.flags |= csum ? 8 : 0;
		h.start = udp + 30 + in3;
		h.hdr_len = h.start + 20;
		vh_put(want, &h);
		want[20] = udp;
		want[22] = udp + 30;
		vnet_encode(p, got, VNET_LEN);
		assert_memory_equal(got, want, VNET_LEN);
		/* the outer field: none, or its pseudo header's sum */
		if (csum) {
			const uint8_t *a = p->head + udp - n3 + (v6 ? 8 : 12);
			uint16_t sum = ~naive_l4(a, v6 ? 32 : 8, 17, NULL, 0);

			sum = naive_sum(sum, (uint8_t[]){ len >> 8, len }, 2);
			assert_int_equal(r16(p->head + udp + 6), sum);
		} else {
			assert_int_equal(r16(p->head + udp + 6), 0);
		}
		/* headers that the port repeats, and single packets: as ever */
		p->need |= GUST_F_PARTIAL;
		vnet_encode(p, got, VNET_LEN);
		assert_int_equal(got[1], t.v6 ? 4 : 1);
		assert_int_equal(got[0], 1);
		p->need = GUST_F_CSUM;
		p->gso_size = p->gso_type = 0;
		vnet_encode(p, got, VNET_LEN);
		assert_int_equal(got[1], 0);
		assert_int_equal(got[0], 1);
		assert_int_equal(got[20] | got[22], 0);
		pkt_free(p);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_decode_csum),   T(test_decode_gso),
		T(test_decode_ufo),    T(test_decode_no_transport),
		T(test_decode_inside), T(test_encode_plain),
		T(test_encode_gso),    T(test_sctp),
		T(test_encode_big),    T(test_encode_without_transport),
		T(test_encode_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
