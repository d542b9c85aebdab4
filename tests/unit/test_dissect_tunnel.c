/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_dissect_tunnel.c - into VXLAN, and when not
 */
#include "pkt/dissect.h"
#include "pktlib.h"

#define IP_TUN (DISSECT_IP | DISSECT_TUNNELS)
#define ETH_TUN (DISSECT_ETH | DISSECT_TUNNELS)

static struct pkt_pool *pool;
static uint8_t b[4000], c[4000];

static int setup(void **state)
{
	pool = small_pool(4, 64);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

/* Put the `n` bytes of `in` behind UDP and VXLAN: outer header by `t`. */
static uint32_t wrap(uint8_t *out, struct tp t, const uint8_t *in, uint32_t n)
{
	uint32_t len, at;

	t.udp = true;
	t.no_csum = true;
	t.len = 8 + n;
	len = tp_build(out, &t);
	at = len - t.len;
	w16(out + at - 6, 4789);
	memset(out + at, 0, 8);
	out[at] = 0x08;
	out[at + 6] = 42;
	memcpy(out + at + 8, in, n);
	return len;
}

static struct gust_pkt *good(const uint8_t *p, uint32_t n, int start)
{
	struct gust_pkt *q = pkt_of(pool, p, n);

	assert_int_equal(pkt_dissect(q, start), DROP_NONE);
	return q;
}

static void assert_kinds(const struct gust_pkt *p, const uint8_t *kinds, unsigned n)
{
	assert_int_equal(p->nlayer, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(p->layer[i].kind, kinds[i]);
}

#define KINDS(p, ...)                                                              \
	assert_kinds(p, (const uint8_t[]){ __VA_ARGS__ },                          \
		     sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_into(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct tp in = {
			.v6 = i & 1, .udp = i & 2, .eth = true, .len = 99
		};
		struct tp out = { .v6 = i & 4, .eth = i & 8 };
		uint32_t n = wrap(c, out, b, tp_build(b, &in));
		uint8_t o3 = out.v6 ? GUST_L_IPV6 : GUST_L_IPV4;
		uint8_t i3 = in.v6 ? GUST_L_IPV6 : GUST_L_IPV4;
		uint8_t i4 = in.udp ? GUST_L_UDP : GUST_L_TCP;
		uint32_t at = (out.eth ? 14 : 0) + (out.v6 ? 40 : 20);
		struct gust_pkt *p = good(c, n, out.eth ? ETH_TUN : IP_TUN);

		if (out.eth)
			KINDS(p, GUST_L_ETH, o3, GUST_L_UDP, GUST_L_VXLAN,
			      GUST_L_ETH, i3, i4);
		else
			KINDS(p, o3, GUST_L_UDP, GUST_L_VXLAN, GUST_L_ETH, i3, i4);
		assert_int_equal(p->layer[p->nlayer - 5].off, at);
		assert_int_equal(p->layer[p->nlayer - 4].off, at + 8);
		assert_int_equal(p->layer[p->nlayer - 3].off, at + 16);
		assert_int_equal(p->layer[p->nlayer - 2].off, at + 30);
		assert_int_equal(p->hlen, n - 99);
		assert_int_equal(pkt_payload_len(p), 99);
		assert_pkt_bytes(p, c, n);
		assert_true(pkt_csum_verify(p)); /* the inner one */
		pkt_free(p);

		/* without the flag as ever */
		p = good(c, n, out.eth ? DISSECT_ETH : DISSECT_IP);
		assert_int_equal(p->nlayer, out.eth ? 3 : 2);
		assert_int_equal(p->hlen, at + 8);
		pkt_free(p);
	}
}

/* Nested as deep as the map holds; then the last tunnel stays payload. */
static void test_depth(void **state)
{
	struct tp in = { .eth = true, .len = 10 };
	struct tp out = { .eth = true };
	uint32_t n = tp_build(b, &in);

	for (unsigned depth = 1; depth <= 8; depth++) {
		/* Ethernet, IP, UDP, VXLAN a level, and three inside */
		unsigned fits = (GUST_LAYERS_MAX - 3) / 4;
		unsigned want = depth <= fits ? depth * 4 + 3 : fits * 4 + 3;
		struct gust_pkt *p;

		n = wrap(c, out, b, n);
		memcpy(b, c, n);
		p = good(c, n, ETH_TUN);
		assert_int_equal(p->nlayer, want);
		assert_pkt_bytes(p, c, n);
		pkt_free(p);
	}
}

/* The outer headers are all that is understood; no byte is changed. */
static void assert_stays_out(uint32_t n)
{
	struct gust_pkt *p = good(c, n, IP_TUN);

	KINDS(p, GUST_L_IPV4, GUST_L_UDP);
	assert_int_equal(p->hlen, 28);
	assert_pkt_bytes(p, c, n);
	pkt_free(p);
}

static void test_stays_out(void **state)
{
	struct tp in = { .eth = true, .len = 50 }, out = { 0 };
	uint32_t m = tp_build(b, &in), n = wrap(c, out, b, m);
	struct gust_pkt *p;

	c[28] = 0xf7; /* no valid identifier */
	assert_stays_out(n);
	c[28] = 0xff; /* reserved bits are ignored */
	memset(c + 29, 0xff, 3);
	p = good(c, n, IP_TUN);
	assert_int_equal(p->nlayer, 6);
	pkt_free(p);
	wrap(c, out, b, m);
	w16(c + 22, 4790); /* another port */
	assert_stays_out(n);
	w16(c + 22, 443);
	w16(c + 20, 4789); /* as source */
	assert_stays_out(n);

	b[14 + 10] ^= 1; /* inner header checksum */
	assert_stays_out(wrap(c, out, b, m));
	b[14 + 10] ^= 1;
	w16(b + 12, 0x88cc); /* inner ethertype */
	assert_stays_out(wrap(c, out, b, m));
	w16(b + 12, 0x0800);
	assert_stays_out(wrap(c, out, b, m + 6)); /* padded inside */
	w16(b + 16, m - 14 - 1); /* the same by the inner length */
	fix_ip4(b + 14);
	assert_stays_out(wrap(c, out, b, m));
	w16(b + 16, m - 14 + 1); /* beyond the outer one */
	fix_ip4(b + 14);
	assert_stays_out(wrap(c, out, b, m));
	tp_build(b, &in);
	b[14 + 20 + 12] = 0x40; /* TCP data offset */
	assert_stays_out(wrap(c, out, b, m));
	for (uint32_t k = 0; k < m; k++) /* cut anywhere */
		assert_stays_out(wrap(c, out, b, k));
	in.udp = true;
	m = tp_build(b, &in);
	w16(b + 14 + 24, 20); /* inner UDP surplus */
	assert_stays_out(wrap(c, out, b, m));
}

/* What is inside need not be TCP or UDP. */
static void test_other_inside(void **state)
{
	struct tp in = { .eth = true, .len = 40 }, out = { .v6 = true };
	uint32_t m = tp_build(b, &in), n;
	struct gust_pkt *p;

	b[14 + 9] = 47; /* GRE */
	fix_ip4(b + 14);
	n = wrap(c, out, b, m);
	p = good(c, n, IP_TUN);
	KINDS(p, GUST_L_IPV6, GUST_L_UDP, GUST_L_VXLAN, GUST_L_ETH, GUST_L_IPV4);
	assert_int_equal(p->hlen, 40 + 30 + 20);
	pkt_free(p);
	w16(b + 14 + 6, 0x2000); /* a fragment */
	b[14 + 9] = 17;
	fix_ip4(b + 14);
	n = wrap(c, out, b, m);
	p = good(c, n, IP_TUN);
	assert_int_equal(p->nlayer, 5);
	assert_int_equal(p->layer[4].flags, GUST_LF_FRAGMENT);
	pkt_free(p);
	memset(b, 0, 42); /* ARP, which ends where the frame does */
	w16(b + 12, 0x0806);
	n = wrap(c, out, b, 42);
	p = good(c, n, IP_TUN);
	KINDS(p, GUST_L_IPV6, GUST_L_UDP, GUST_L_VXLAN, GUST_L_ETH, GUST_L_ARP);
	assert_int_equal(p->nfrag, 0);
	pkt_free(p);
}

/* Padding behind the outer packet is cut as ever. */
static void test_outer_padding(void **state)
{
	struct tp in = { .eth = true, .len = 5 }, out = { .eth = true };
	uint32_t n = wrap(c, out, b, tp_build(b, &in));
	struct gust_pkt *p = good(c, n + 9, ETH_TUN);

	assert_int_equal(p->nlayer, 7);
	assert_pkt_bytes(p, c, n);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_into),         T(test_depth),         T(test_stays_out),
		T(test_other_inside), T(test_outer_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
