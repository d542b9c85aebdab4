/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_udp.c - datagrams and superpackets of them; lifetimes of mappings
 */
#include "udp/udp.h"

#include "iplib.h"

static struct pkt_pool *pool;
static const struct port_caps caps = { .mtu = 1500 };

static int setup(void **state)
{
	pool = lib_pool(4, 8);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_frag data(uint32_t len)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_frag f = { s->data, s, len };

	for (uint32_t i = 0; i < len; i++)
		s->data[i] = i * 3;
	return f;
}

static struct gust_pkt *make(const char *src, const char *dst, struct gust_frag *f,
			     uint16_t gso)
{
	struct ipaddr s = A(src), d = A(dst);

	return udp_packet(pool, &s, 53, &d, 4000, 61, 0x2e, 0xbeef, f, gso, &caps);
}

static void test_datagram(void **state)
{
	struct gust_frag f = data(101);
	struct gust_pkt *p = make("192.0.2.1", "192.0.2.2", &f, 0);
	uint8_t b[200];

	assert_null(f.slab); /* taken */
	assert_int_equal(p->gso_size, 0);
	assert_int_equal(p->need, GUST_F_CSUM);
	pkt_csum_complete(p);
	assert_int_equal(lib_flat(p, b, sizeof(b)), 129);
	pkt_free(p);
	p = lib_pkt(pool, b, 129, DISSECT_IP);
	assert_true(pkt_csum_verify(p));
	assert_memory_equal(b, "\x45\x2e\0\x81\xbe\xef\0\0\x3d\x11", 10);
	assert_memory_equal(b + 20, "\0\x35\x0f\xa0\0\x6d", 6);
	for (unsigned i = 0; i < 101; i++)
		assert_int_equal(b[28 + i], (uint8_t)(i * 3));
	pkt_free(p);

	f = data(101);
	p = make("2001:db8::1", "2001:db8::2", &f,
		 101); /* one segment: no superpacket */
	assert_int_equal(p->gso_size, 0);
	assert_int_equal(p->gso_type, GUST_GSO_NONE);
	pkt_csum_complete(p);
	lib_flat(p, b, sizeof(b));
	pkt_free(p);
	p = lib_pkt(pool, b, 149, DISSECT_IP);
	assert_true(pkt_csum_verify(p));
	assert_int_equal(get16(b + 44), 109);
	pkt_free(p);
}

static void test_empty(void **state)
{
	struct gust_frag f = { 0 };
	struct gust_pkt *p = make("2001:db8::1", "2001:db8::2", &f, 0);
	uint8_t b[100];

	assert_int_equal(p->len, 48);
	assert_int_equal(p->nfrag, 0);
	pkt_csum_complete(p);
	lib_flat(p, b, sizeof(b));
	pkt_free(p);
	p = lib_pkt(pool, b, 48, DISSECT_IP);
	assert_int_equal(get16(b + 44), 8);
	assert_true(pkt_csum_verify(p));
	pkt_free(p);

	f = data(0); /* a reference all the same */
	p = make("192.0.2.1", "192.0.2.2", &f, 0);
	assert_int_equal(p->len, 28);
	assert_null(f.slab);
	pkt_free(p);
}

static void test_super(void **state)
{
	struct gust_frag f = data(13001);
	struct gust_pkt *p = make("192.0.2.1", "192.0.2.2", &f, 1300);

	assert_int_equal(p->gso_size, 1300);
	assert_int_equal(p->gso_type, GUST_GSO_UDP4);
	assert_int_equal(pkt_segs(p), 11);
	assert_int_equal(get16(p->head + 24), 13009);
	assert_int_equal(get16(p->head + 2), 13029);
	pkt_free(p);
	f = data(2600);
	p = make("2001:db8::1", "2001:db8::2", &f, 1300);
	assert_int_equal(p->gso_type, GUST_GSO_UDP6);
	assert_int_equal(pkt_segs(p), 2);
	pkt_free(p);
}

static void test_limits(void **state)
{
	struct gust_frag f = data(65507);
	struct gust_pkt *p = make("192.0.2.1", "192.0.2.2", &f, 0), *q[8];

	assert_non_null(p);
	assert_int_equal(get16(p->head + 2), 65535);
	pkt_free(p);
	f = data(65508);
	assert_null(make("192.0.2.1", "192.0.2.2", &f, 0));
	assert_null(f.slab);
	f = data(65527);
	p = make("2001:db8::1", "2001:db8::2", &f, 0);
	assert_int_equal(get16(p->head + 4), 65535);
	pkt_free(p);
	f = data(65528);
	assert_null(make("2001:db8::1", "2001:db8::2", &f, 0));

	for (unsigned i = 0; i < 8; i++)
		assert_non_null(q[i] = pkt_new(pool));
	f = data(10);
	assert_null(make("192.0.2.1", "192.0.2.2", &f, 0));
	assert_null(f.slab);
	for (unsigned i = 0; i < 8; i++)
		pkt_free(q[i]);
}

static void test_expiry(void **state)
{
	struct udp_conf c;
	struct udp_life l = { .last_out_us = 100 * SEC, .n_out = 5 };

	udp_conf_defaults(&c);
	assert_true(c.timeout_us >= 120 * SEC); /* RFC 4787 REQ-5 */
	assert_true(c.timeout_oneway_us >= 120 * SEC);
	assert_int_equal(c.ttl, 64);
	assert_int_equal(udp_expiry(&c, &l), 220 * SEC);
	l.n_in = 1;
	l.last_in_us = 150 * SEC;
	assert_int_equal(udp_expiry(&c, &l), 450 * SEC);
	l.last_out_us = 160 * SEC;
	assert_int_equal(udp_expiry(&c, &l), 460 * SEC);
	l.only_dns = true;
	assert_int_equal(udp_expiry(&c, &l), 177 * SEC);
	l.n_in = 0; /* the question is still open */
	l.last_in_us = 0;
	assert_int_equal(udp_expiry(&c, &l), 280 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_datagram, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test(test_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
