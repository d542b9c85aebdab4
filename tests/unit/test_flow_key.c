/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_flow_key.c - the flow of a packet, and of what an ICMP error quotes
 */
#include "flow/key.h"

#include <errno.h>

#include "iplib.h"
#include "wire/icmp.h"

#define IN4 "10.1.1.2"
#define OUT4 "198.51.100.7"
#define IN6 "2001:db8::2"
#define OUT6 "2001:db8:1::7"

static struct pkt_pool *pool;
static uint8_t b[4096];

static int setup(void **state)
{
	pool = lib_pool(8, 64);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static int key_of(uint32_t len, struct flow_key *k)
{
	struct gust_pkt *p = lib_pkt(pool, b, len, DISSECT_IP);
	int r = flow_key_of(p, k);

	pkt_free(p);
	return r;
}

static struct flow_key key(const char *in, uint16_t in_port, const char *out,
			   uint16_t out_port, uint8_t proto)
{
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	k.in = A(in);
	if (out)
		k.out = A(out);
	k.in_port = in_port;
	k.out_port = out_port;
	k.proto = proto;
	return k;
}

#define ASSERT_KEY(got, ...)                                                       \
	do {                                                                       \
		struct flow_key want_ = key(__VA_ARGS__);                          \
		assert_memory_equal(&(got), &want_, sizeof(want_));                \
	} while (0)

static void test_transports(void **state)
{
	uint8_t t[100];
	struct flow_key k;

	lib_tcp(t, 1234, 80, 1, 10);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_TCP, 1, 0, t, 30), &k), 0);
	ASSERT_KEY(k, IN4, 1234, OUT4, 80, IPPROTO_TCP);
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IPPROTO_TCP, t, 30), &k), 0);
	ASSERT_KEY(k, IN6, 1234, OUT6, 80, IPPROTO_TCP);

	/* UDP: whom it talks to does not matter */
	lib_udp(t, 5000, 53, 10);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_UDP, 1, 0, t, 18), &k), 0);
	ASSERT_KEY(k, IN4, 5000, NULL, 0, IPPROTO_UDP);
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IPPROTO_UDP, t, 18), &k), 0);
	ASSERT_KEY(k, IN6, 5000, NULL, 0, IPPROTO_UDP);

	lib_icmp(t, ICMP4_ECHO, 0, 0x11220003, "x", 1);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_ICMP, 1, 0, t, 9), &k), 0);
	ASSERT_KEY(k, IN4, 0x1122, OUT4, 0, IPPROTO_ICMP);
	t[0] = ICMP6_ECHO;
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IPPROTO_ICMPV6, t, 9), &k),
			 0);
	ASSERT_KEY(k, IN6, 0x1122, OUT6, 0, IPPROTO_ICMPV6);
}

static void test_no_flow(void **state)
{
	struct flow_key k = { .in_port = 77 };
	uint8_t t[100];

	lib_icmp(t, ICMP4_ECHO_REPLY, 0, 1, "x", 1);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_ICMP, 1, 0, t, 9), &k),
		-EPROTONOSUPPORT);
	lib_icmp(t, ICMP6_NS, 0, 0, t, 16);
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IPPROTO_ICMPV6, t, 24), &k),
			 -EPROTONOSUPPORT);
	assert_int_equal(key_of(lib_ip4(b, IN4, OUT4, 132, 1, 0, t, 24), &k),
			 -EPROTONOSUPPORT);
	assert_int_equal(k.in_port, 77); /* untouched */
}

static void test_fragments(void **state)
{
	uint8_t t[100];
	struct flow_key k;

	lib_udp(t, 5000, 53, 40);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_UDP, 9, 0x2000, t, 48), &k),
		0);
	ASSERT_KEY(k, IN4, 0, OUT4, 0, IPPROTO_UDP);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_UDP, 9, 6, t, 48), &k), 0);
	ASSERT_KEY(k, IN4, 0, OUT4, 0, IPPROTO_UDP);
	memmove(t + 8, t, 48);
	ipv6_frag_build(
		t, &(struct ipv6_frag){ .id = 1, .more = true, .nh = IPPROTO_UDP });
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IP6_NH_FRAGMENT, t, 56), &k),
			 0);
	ASSERT_KEY(k, IN6, 0, OUT6, 0, IPPROTO_UDP);
}

/* Errors are about packets that went from `out` to `in`. */
static void test_errors(void **state)
{
	uint8_t t[200], q[200], e[300];
	struct flow_key k;
	uint32_t n;

	lib_tcp(t, 80, 1234, 0xabcdef01, 0);
	n = lib_ip4(q, OUT4, IN4, IPPROTO_TCP, 1, 0x4000, t, 20);
	n = lib_icmp(e, ICMP4_UNREACH, 3, 0, q, n);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_ICMP, 1, 0, e, n), &k), 0);
	ASSERT_KEY(k, IN4, 1234, OUT4, 80, IPPROTO_TCP);

	/* behind hop-by-hop and destination options */
	memmove(t + 16, t, 20);
	memcpy(t, "\x3c\0\x01\x04\0\0\0\0\x06\0\x01\x04\0\0\0\0", 16);
	n = lib_ip6(q, OUT6, IN6, IP6_NH_HOPOPTS, t, 36);
	n = lib_icmp(e, ICMP6_TOO_BIG, 0, 1400, q, n);
	assert_int_equal(
		key_of(lib_ip6(b, "fe80::1", OUT6, IPPROTO_ICMPV6, e, n), &k), 0);
	ASSERT_KEY(k, IN6, 1234, OUT6, 80, IPPROTO_TCP);

	lib_udp(t, 53, 5000, 0);
	n = lib_ip4(q, OUT4, IN4, IPPROTO_UDP, 1, 0, t, 8);
	n = lib_icmp(e, ICMP4_TIME_EXCEEDED, 0, 0, q, n);
	assert_int_equal(
		key_of(lib_ip4(b, IN4, OUT4, IPPROTO_ICMP, 1, 0, e, n), &k), 0);
	ASSERT_KEY(k, IN4, 5000, NULL, 0, IPPROTO_UDP);

	lib_icmp(t, ICMP6_ECHO_REPLY, 0, 0x77770001, NULL, 0);
	n = lib_ip6(q, OUT6, IN6, IPPROTO_ICMPV6, t, 8);
	n = lib_icmp(e, ICMP6_UNREACH, 3, 0, q, n);
	assert_int_equal(key_of(lib_ip6(b, IN6, OUT6, IPPROTO_ICMPV6, e, n), &k),
			 0);
	ASSERT_KEY(k, IN6, 0x7777, OUT6, 0, IPPROTO_ICMPV6);
}

static void test_quote(void **state)
{
	uint8_t t[200], *q = b;
	struct flow_quote r;
	uint32_t n;

	lib_tcp(t, 80, 1234, 0xabcdef01, 0);
	n = lib_ip4(q, OUT4, IN4, IPPROTO_TCP, 1, 0, t, 20);
	assert_int_equal(flow_quote_parse(q, n, false, &r), 0);
	assert_true(r.has_seq);
	assert_int_equal(r.tcp_seq, 0xabcdef01);
	assert_int_equal(r.sport, 80);
	assert_int_equal(r.ip_len, 40);
	assert_int_equal(flow_quote_parse(q, n, true, &r),
			 -EINVAL); /* wrong family */
	/* RFC 792: header and 8 bytes are enough, one less is not */
	assert_int_equal(flow_quote_parse(q, 28, false, &r), 0);
	for (uint32_t i = 0; i < 28; i++)
		assert_int_equal(flow_quote_parse(q, i, false, &r), -EINVAL);

	/* a later fragment has no ports */
	lib_ip4(q, OUT4, IN4, IPPROTO_UDP, 1, 0x2003, t, 20);
	assert_int_equal(flow_quote_parse(q, 20, false, &r), 0);
	ASSERT_KEY(r.key, IN4, 0, OUT4, 0, IPPROTO_UDP);
	assert_false(r.has_seq);

	memmove(t + 8, t, 20);
	ipv6_frag_build(t, &(struct ipv6_frag){ .off = 80, .nh = IPPROTO_TCP });
	lib_ip6(q, OUT6, IN6, IP6_NH_FRAGMENT, t, 28);
	assert_int_equal(flow_quote_parse(q, 48, true, &r), 0);
	ASSERT_KEY(r.key, IN6, 0, OUT6, 0, IPPROTO_TCP);
	ipv6_frag_build(
		t, &(struct ipv6_frag){ .off = 0, .more = 1, .nh = IPPROTO_TCP });
	n = lib_ip6(q, OUT6, IN6, IP6_NH_FRAGMENT, t, 28);
	assert_int_equal(flow_quote_parse(q, n, true, &r), 0);
	ASSERT_KEY(r.key, IN6, 1234, OUT6, 80, IPPROTO_TCP);
	for (uint32_t i = 0; i < 56; i++)
		assert_int_equal(flow_quote_parse(q, i, true, &r), -EINVAL);
	assert_int_equal(flow_quote_parse(q, 56, true, &r), 0);

	/* nine destination options are one too many */
	for (unsigned i = 0; i < 9; i++)
		memcpy(t + i * 8, "\x3c\0\x01\x04\0\0\0\0", 8);
	lib_ip6(q, OUT6, IN6, IP6_NH_DSTOPTS, t, 100);
	assert_int_equal(flow_quote_parse(q, 140, true, &r), -EINVAL);
}

static void test_owner(void **state)
{
	struct siphash_key sk = { 1, 2 };
	struct flow_key k = key(IN4, 0, OUT4, 80, IPPROTO_TCP);
	unsigned n[3] = { 0 };

	for (unsigned i = 0; i < 3000; i++) {
		unsigned o;

		k.in_port = i;
		o = flow_owner(flow_key_hash(&sk, &k), 3);
		assert_in_range(o, 0, 2);
		n[o]++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(n[i], 850, 1150);
	assert_int_equal(flow_owner(UINT32_MAX, 1), 0);
	assert_int_equal(flow_owner(UINT32_MAX, 7), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_transports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quote, setup, teardown),
		cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
