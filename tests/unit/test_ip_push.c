/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ip_push.c - IP headers, byte for byte, plain and above 64 KB
 */
#include "ip/ip.h"

#include "iplib.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	pool = lib_pool(8, 64);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

/* Eight header bytes and `len` of payload. */
static struct gust_pkt *body(uint32_t len)
{
	struct gust_pkt *p = pkt_new(pool);

	assert_non_null(p);
	lib_udp(p->head, 7, 9, 0);
	p->hlen = p->len = 8;
	pkt_layer_append(p, GUST_L_UDP, 0, 0);
	while (len) {
		struct gust_slab *s = slab_new(pool);
		struct gust_frag f = { s->data, s, len < s->cap ? len : s->cap };

		memset(s->data, 0x5a, f.len);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		len -= f.len;
	}
	return p;
}

static void test_v4(void **state)
{
	static const uint8_t want[] = {
		0x45, 0xb9, 0x00, 0x30, 0x12, 0x34, 0x40, 0x00, 0x3f, 0x11,
		0xa3, 0xce, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x07,
	};
	struct ip_tx tx = { .src = A("192.0.2.1"),
			    .dst = A("198.51.100.7"),
			    .proto = IPPROTO_UDP,
			    .ttl = 63,
			    .tos = 0xb9,
			    .df = true,
			    .id = 0x1234 };
	struct gust_pkt *p = body(20);

	ip_push(p, &tx, NULL);
	assert_int_equal(p->len, 48);
	assert_int_equal(p->hlen, 28);
	assert_true(ipv4_csum_ok(p->head, 20));
	put16(p->head + 10, get16(want + 10));
	assert_memory_equal(p->head, want, 20);
	assert_int_equal(p->nlayer, 2);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4);
	assert_int_equal(p->layer[0].off, 0);
	assert_int_equal(p->layer[0].flags, 0);
	assert_int_equal(p->layer[1].kind, GUST_L_UDP);
	assert_int_equal(p->layer[1].off, 20);
	pkt_free(p);
}

static void test_v6(void **state)
{
	static const uint8_t want[8] = { 0x6b, 0x9a, 0xbc, 0xde,
					 0x00, 0x1c, 0x11, 0x40 };
	struct ip_tx tx = { .src = A("2001:db8::1"),
			    .dst = A("2001:db8::2"),
			    .proto = IPPROTO_UDP,
			    .ttl = 64,
			    .tos = 0xb9,
			    .flow = 0xfffabcde };
	struct gust_pkt *p = body(20);

	ip_push(p, &tx, NULL);
	assert_int_equal(p->len, 68);
	assert_memory_equal(p->head, want, 8);
	assert_memory_equal(p->head + 8, tx.src.b, 16);
	assert_memory_equal(p->head + 24, tx.dst.b, 16);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV6);
	assert_int_equal(p->layer[1].off, 40);
	pkt_free(p);
}

static void test_big(void **state)
{
	struct port_caps plain = { .feats = FEAT_BIT(FEAT_BIGTCP6_PLAIN) };
	struct port_caps jumbo = { .feats = FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
					    FEAT_BIT(FEAT_BIGTCP6_PLAIN) };
	struct ip_tx t4 = {
		.src = A("192.0.2.1"), .dst = A("192.0.2.2"), .proto = 17, .ttl = 1
	};
	struct ip_tx t6 = { .src = A("2001:db8::1"),
			    .dst = A("2001:db8::2"),
			    .proto = 17,
			    .ttl = 1 };
	struct gust_pkt *p;

	/* the last length that fits, and the first that does not */
	p = body(65535 - 28);
	ip_push(p, &t4, &plain);
	assert_int_equal(get16(p->head + 2), 65535);
	assert_int_equal(p->layer[0].flags, 0);
	pkt_free(p);
	p = body(65535 - 28 + 1);
	ip_push(p, &t4, &plain);
	assert_int_equal(get16(p->head + 2), 0);
	assert_int_equal(p->layer[0].flags, GUST_LF_JUMBO);
	assert_true(ipv4_csum_ok(p->head, 20));
	pkt_free(p);

	p = body(65535 - 8);
	ip_push(p, &t6, &jumbo);
	assert_int_equal(get16(p->head + 4), 65535);
	assert_int_equal(p->nlayer, 2);
	pkt_free(p);
	p = body(65535 - 8 + 1);
	ip_push(p, &t6, &plain);
	assert_int_equal(get16(p->head + 4), 0);
	assert_int_equal(p->head[6], 17);
	assert_int_equal(p->nlayer, 2);
	pkt_free(p);

	p = body(200000);
	ip_push(p, &t6, &jumbo);
	assert_int_equal(p->len, 200000 + 8 + 48);
	assert_int_equal(get16(p->head + 4), 0);
	assert_int_equal(p->head[6], 0);
	assert_memory_equal(p->head + 40, "\x11\0\xc2\x04", 4);
	assert_int_equal(get32(p->head + 44), 200016); /* RFC 2675 2 */
	assert_int_equal(p->nlayer, 3);
	assert_int_equal(p->layer[1].kind, GUST_L_HOPOPTS);
	assert_int_equal(p->layer[1].flags, GUST_LF_JUMBO);
	assert_int_equal(p->layer[1].off, 40);
	assert_int_equal(p->layer[2].off, 48);
	pkt_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
