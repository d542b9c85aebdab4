/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ip_frag.c - cutting datagrams, and the law fragment-then-reassemble
 */
#include "ip/ip.h"

#include <errno.h>

#include "ip/reasm.h"
#include "iplib.h"

static struct pkt_pool *pool;
static struct rng rng;
static struct env env = { .now_us = 1, .rng = &rng };
static uint8_t t[66000], b[66000], w[66000];

static int setup(void **state)
{
	rng_seed(&rng, 1);
	pool = lib_pool(16, 2048);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

/* Each fragment as its own bytes say, dissected again: nothing from our map. */
static struct gust_pkt *redissect(const struct gust_pkt *f)
{
	uint8_t raw[66000];
	struct gust_pkt *p =
		lib_pkt(pool, raw, lib_flat(f, raw, sizeof(raw)), DISSECT_IP);

	/* and the map agrees with the bytes */
	assert_int_equal(p->nlayer, f->nlayer);
	for (unsigned i = 0; i < p->nlayer; i++)
		assert_memory_equal(&p->layer[i], &f->layer[i],
				    sizeof(p->layer[i]));
	return p;
}

/* Cut, check sizes and order, put together again, compare with the original
 * (whose identification `id_off` bytes may differ). */
static void round_trip(uint32_t len, uint32_t mtu, unsigned want_n)
{
	struct gust_pkt *p = lib_pkt(pool, b, len, DISSECT_IP), *f, *whole = NULL;
	struct reasm *r = reasm_new(pool, &(struct reasm_conf){ 0 });
	struct gust_batch out;
	uint32_t id = p->layer[0].kind == GUST_L_IPV4 ? get16(b + 4) : 0x1234567;

	gust_batch_init(&out);
	p->port = 3;
	assert_int_equal(ip_fragment(p, mtu, id, &out), 0);
	if (want_n)
		assert_int_equal(out.n, want_n);
	while ((f = gust_batch_pop(&out))) {
		struct gust_pkt *in = redissect(f);

		assert_true(f->len <= mtu);
		assert_int_equal(f->port, 3);
		assert_null(whole);
		pkt_free(f);
		assert_int_equal(reasm_input(r, in, &env, &whole), DROP_NONE);
	}
	assert_non_null(whole);
	assert_int_equal(lib_flat(whole, w, sizeof(w)), len);
	assert_memory_equal(w, b, len);
	assert_int_equal(reasm_n(r), 0);
	pkt_free(whole);
	reasm_free(r);
}

static void test_v4(void **state)
{
	uint32_t len = lib_ip4(b, "192.0.2.1", "192.0.2.2", IPPROTO_UDP, 0x77aa, 0,
			       t, lib_udp(t, 1, 2, 2992));

	round_trip(len, 1500, 3); /* 1480 + 1480 + 40 */
	round_trip(len, 1499, 3);
	round_trip(len, 20 + 16, 188);
	round_trip(len, 2000, 2);
	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", IPPROTO_UDP, 0x77aa, 0, t,
		      lib_udp(t, 1, 2, 65507));
	assert_int_equal(len, 65535);
	round_trip(len, 1500, 45);
	round_trip(len, 65528, 2);
	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", IPPROTO_TCP, 0x77aa, 0, t,
		      lib_tcp(t, 1, 2, 99, 3000));
	round_trip(len, 576, 6);
}

static void test_v6(void **state)
{
	uint32_t n = lib_udp(t, 1, 2, 2992), len;

	len = lib_ip6(b, "2001:db8::1", "2001:db8::2", IPPROTO_UDP, t, n);
	round_trip(len, 1280, 3); /* 1232 + 1232 + 536 */
	round_trip(len, 1500, 3);
	len = lib_ip6(b, "2001:db8::1", "2001:db8::2", IPPROTO_UDP, t,
		      lib_udp(t, 1, 2, 65527));
	round_trip(len, 1500, 46);
}

/* RFC 8200 4.5: hop-by-hop and routing headers in every fragment, destination
 * options behind them in the first. */
static void test_v6_ext(void **state)
{
	static const char ext[] =
		"\x2b\0\x01\x04\0\0\0\0" /* hop-by-hop -> routing */
		"\x3c\0\x04\0\0\0\0\0" /* routing -> dst opts */
		"\x11\0\x01\x04\0\0\0\0"; /* -> UDP */
	uint32_t n = lib_udp(t + 24, 1, 2, 2992), len;
	struct gust_pkt *p, *f;
	struct gust_batch out;

	memcpy(t, ext, 24);
	len = lib_ip6(b, "2001:db8::1", "2001:db8::2", IP6_NH_HOPOPTS, t, n + 24);
	put16(b, 0x6ba0); /* EF, ECT(0) */
	round_trip(len, 1280, 3);

	p = lib_pkt(pool, b, len, DISSECT_IP);
	gust_batch_init(&out);
	assert_int_equal(ip_fragment(p, 1280, 0xcafe, &out), 0);
	f = out.first;
	assert_int_equal(f->len, 56 + 8 + 1216);
	assert_memory_equal(f->head + 40,
			    "\x2b\0\x01\x04\0\0\0\0\x2c\0\x04\0\0\0\0\0", 16);
	assert_memory_equal(f->head + 56, "\x3c\0\0\x01\0\0\xca\xfe", 8);
	assert_memory_equal(f->head + 64, ext + 16, 8);
	assert_int_equal(get16(f->head), 0x6ba0);
	f = f->next;
	assert_int_equal(get16(f->head), 0x6ba0); /* RFC 3168 5.3: in all */
	assert_memory_equal(f->head + 56, "\x3c\0\x04\xc1\0\0\xca\xfe", 8);
	assert_int_equal(f->hlen, 64);
	pkt_batch_free(&out);
}

/* RFC 791 3.1: copied options in all fragments, others in the first only. */
static void test_v4_options(void **state)
{
	static const uint8_t opt[] = { 0x01, 0x94, 0x04, 0x00,
				       0x00, /* router alert */
				       0x44, 0x04, 0x05, 0x00, /* timestamp */
				       0x00, 0x00, 0x00 };
	struct ipv4_hdr h = { .src = A("192.0.2.1"),
			      .dst = A("192.0.2.2"),
			      .id = 9,
			      .hlen = 32,
			      .ttl = 9,
			      .proto = 17,
			      .opt = opt,
			      .tos = 2 };
	struct gust_batch out;
	struct gust_pkt *f;

	h.tot_len = 32 + lib_udp(t, 1, 2, 1000);
	ipv4_build(b, &h);
	memcpy(b + 32, t, 1008);
	round_trip(1040, 576, 2);
	gust_batch_init(&out);
	assert_int_equal(
		ip_fragment(lib_pkt(pool, b, 1040, DISSECT_IP), 576, 0x4321, &out),
		0);
	f = out.first;
	assert_int_equal(f->head[0], 0x48);
	assert_memory_equal(f->head + 20, opt, 12);
	assert_int_equal(get16(f->head + 4), 0x4321);
	assert_int_equal(get16(f->head + 6), 0x2000);
	assert_int_equal(f->head[1], 2);
	assert_int_equal(f->len, 576);
	f = f->next;
	assert_int_equal(f->head[0], 0x46);
	assert_memory_equal(f->head + 20, "\x94\x04\0\0", 4);
	assert_int_equal(get16(f->head + 6), 544 / 8);
	assert_int_equal(get16(f->head + 2), 24 + 1008 - 544);
	assert_true(ipv4_csum_ok(f->head, 24));
	pkt_batch_free(&out);
}

static void test_fits(void **state)
{
	uint32_t len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 17, 5, 0x4000, t,
			       lib_udp(t, 1, 2, 1472));
	struct gust_pkt *p = lib_pkt(pool, b, len, DISSECT_IP);
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(ip_fragment(p, 1500, 1, &out), 0);
	assert_int_equal(out.n, 1);
	assert_ptr_equal(out.first, p); /* untouched */
	assert_int_equal(get16(p->head + 4), 5);
	pkt_batch_free(&out);
}

static void test_refused(void **state)
{
	uint32_t n = lib_udp(t, 1, 2, 3000), len;
	struct gust_batch out;
	struct gust_pkt *p;

	gust_batch_init(&out);
	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 17, 5, 0x4000, t, n);
	p = lib_pkt(pool, b, len, DISSECT_IP);
	assert_int_equal(ip_fragment(p, 1500, 1, &out), -EMSGSIZE); /* DF */
	pkt_free(p);

	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 17, 5, 0, t, n);
	p = lib_pkt(pool, b, len, DISSECT_IP);
	assert_int_equal(ip_fragment(p, 27, 1, &out), -EMSGSIZE); /* nothing fits */
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_UDP4;
	assert_int_equal(ip_fragment(p, 1500, 1, &out),
			 -EMSGSIZE); /* superpacket */
	assert_int_equal(p->len, len);
	pkt_free(p);

	/* TCP header of 20 bytes does not fit one fragment: RFC 7112 */
	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 6, 5, 0, t,
		      lib_tcp(t, 1, 2, 3, 100));
	p = lib_pkt(pool, b, len, DISSECT_IP);
	assert_int_equal(ip_fragment(p, 36, 1, &out), -EMSGSIZE);
	assert_int_equal(ip_fragment(p, 44, 1, &out), 0);
	pkt_batch_free(&out);

	/* an IPv6 fragment is never cut again */
	memmove(t + 8, t, n);
	ipv6_frag_build(t, &(struct ipv6_frag){ .id = 1, .more = true, .nh = 17 });
	len = lib_ip6(b, "2001:db8::1", "2001:db8::2", IP6_NH_FRAGMENT, t, 2008);
	p = lib_pkt(pool, b, len, DISSECT_IP);
	assert_int_equal(ip_fragment(p, 1280, 1, &out), -EMSGSIZE);
	pkt_free(p);
	assert_int_equal(out.n, 0);
}

/* An IPv4 fragment may be: offsets and the "more" bit carry on. */
static void test_again(void **state)
{
	struct gust_batch out;
	uint32_t len;

	memset(t, 7, 2000);
	len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 17, 5, 0x2000 | 100, t, 1600);
	gust_batch_init(&out);
	assert_int_equal(
		ip_fragment(lib_pkt(pool, b, len, DISSECT_IP), 1020, 99, &out), 0);
	assert_int_equal(out.n, 2);
	assert_int_equal(get16(out.first->head + 6), 0x2000 | 100);
	assert_int_equal(get16(out.first->head + 4),
			 5); /* its own identification */
	assert_int_equal(get16(out.last->head + 6), 0x2000 | (100 + 125));
	assert_int_equal(out.last->len, 620);
	pkt_batch_free(&out);
}

static void test_pool_limit(void **state)
{
	struct pkt_pool *tiny = lib_pool(4, 4);
	uint32_t len = lib_ip4(b, "192.0.2.1", "192.0.2.2", 17, 5, 0, t,
			       lib_udp(t, 1, 2, 5000));
	struct gust_pkt *p = lib_pkt(tiny, b, len, DISSECT_IP);
	struct gust_batch out;

	gust_batch_init(&out);
	assert_int_equal(ip_fragment(p, 1500, 1, &out), -ENOBUFS);
	assert_int_equal(out.n, 0);
	assert_int_equal(ip_fragment(p, 2000, 1, &out), 0); /* three are enough */
	assert_int_equal(out.n, 3);
	pkt_batch_free(&out);
	assert_int_equal(pkt_pool_free(tiny), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6_ext, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v4_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
