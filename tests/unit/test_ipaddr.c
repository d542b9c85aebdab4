/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ipaddr.c - predicates at their edges, text, prefixes, sockaddrs
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "wire/ipaddr.h"

static struct ipaddr addr(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static void mapped_form(void **state)
{
	static const uint8_t want[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1,
	};
	struct ipaddr a = ipaddr_from4(want + 12);

	assert_memory_equal(a.b, want, 16);
	assert_true(ipaddr_is4(&a));
	assert_true(ipaddr_eq(
		&a, &(struct ipaddr){
			    .b = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } }));
	a = addr("2001:db8::1");
	assert_false(ipaddr_is4(&a));
	/* ::192.0.2.1 is IPv4-compatible, not IPv4-mapped */
	a = addr("::192.0.2.1");
	assert_false(ipaddr_is4(&a));
	a = addr("::ffff:192.0.2.1");
	assert_true(ipaddr_is4(&a));
	assert_memory_equal(a.b, want, 16);
}

#define ANY 1
#define LOOP 2
#define MCAST 4
#define LINK 8
#define BCAST 16

static void predicates(void **state)
{
	static const struct {
		const char *text;
		unsigned is;
	} t[] = {
		{ "0.0.0.0", ANY },
		{ "0.0.0.1", 0 },
		{ "::", ANY },
		{ "::1", LOOP },
		{ "::2", 0 },
		{ "1::", 0 },
		{ "126.255.255.255", 0 },
		{ "127.0.0.0", LOOP },
		{ "127.255.255.255", LOOP },
		{ "128.0.0.0", 0 },
		{ "223.255.255.255", 0 },
		{ "224.0.0.0", MCAST },
		{ "239.255.255.255", MCAST },
		{ "240.0.0.0", 0 },
		{ "feff::1", 0 },
		{ "ff00::", MCAST },
		{ "ff02::1", MCAST },
		{ "169.253.255.255", 0 },
		{ "169.254.0.0", LINK },
		{ "169.254.255.255", LINK },
		{ "169.255.0.0", 0 },
		{ "fe7f::1", 0 },
		{ "fe80::1", LINK },
		{ "febf::1", LINK },
		{ "fec0::1", 0 },
		{ "255.255.255.255", BCAST },
		{ "255.255.255.254", 0 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", MCAST },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ipaddr a = addr(t[i].text);
		unsigned is = (ipaddr_is_any(&a) ? ANY : 0) |
			      (ipaddr_is_loopback(&a) ? LOOP : 0) |
			      (ipaddr_is_multicast(&a) ? MCAST : 0) |
			      (ipaddr_is_linklocal(&a) ? LINK : 0) |
			      (ipaddr_is_broadcast(&a) ? BCAST : 0);

		if (is != t[i].is)
			fail_msg("%s: %#x, expected %#x", t[i].text, is, t[i].is);
	}
}

static void text(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "2001:0db8:1:1:1:1:1:0001", "2001:db8:1:1:1:1:1:1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888",
		  "1111:2222:3333:4444:5555:6666:7777:8888" },
	};
	static const char *const bad[] = {
		"",
		" ",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.1 ",
		"192.0.2.1/24",
		"1:2",
		"1::2::3",
		"2001:db8::g",
		"fe80::1%eth0",
		"localhost",
		"1:2:3:4:5:6:7:8:9",
	};
	struct ipaddr a, before;
	char buf[IPADDR_STRLEN];

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = addr(t[i].in);
		assert_ptr_equal(ipaddr_str(&a, buf), buf);
		assert_string_equal(buf, t[i].out);
	}
	before = a;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ipaddr_parse(bad[i], &a) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(ipaddr_eq(&a, &before));
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *a, *net;
		unsigned plen;
		bool in;
	} t[] = {
		{ "10.1.2.3", "10.1.2.3", 32, true },
		{ "10.1.2.3", "10.1.2.2", 32, false },
		{ "10.1.2.3", "10.1.2.2", 31, true },
		{ "10.1.2.3", "10.1.3.0", 24, false },
		{ "10.1.2.3", "10.1.3.0", 23, true },
		{ "10.1.2.3", "10.0.0.0", 8, true },
		{ "11.1.2.3", "10.0.0.0", 8, false },
		{ "11.1.2.3", "10.0.0.0", 7, true },
		{ "203.0.113.9", "0.0.0.0", 0, true },
		{ "128.0.0.0", "0.0.0.0", 1, false },
		{ "10.1.2.3", "10.1.2.3", 33, false },
		{ "10.1.2.3", "10.1.2.3", 128, false },
		{ "2001:db8::1", "2001:db8::", 64, true },
		{ "2001:db8:0:1::1", "2001:db8::", 64, false },
		{ "2001:db8:0:1::1", "2001:db8::", 63, true },
		{ "2001:db8::1", "2001:db8::1", 128, true },
		{ "2001:db8::1", "2001:db8::", 128, false },
		{ "2001:db8::1", "2001:db8::", 127, true },
		{ "2001:db8::1", "2001:db8::1", 129, false },
		{ "2001:db8::1", "2001:db8::1", 4000000000u, false },
		{ "2001:db8::1", "::", 0, true },
		/* default routes do not reach across families */
		{ "10.1.2.3", "::", 0, false },
		{ "2001:db8::1", "0.0.0.0", 0, false },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ipaddr a = addr(t[i].a), net = addr(t[i].net);

		if (ipaddr_in_prefix(&a, &net, t[i].plen) != t[i].in)
			fail_msg("%s in %s/%u", t[i].a, t[i].net, t[i].plen);
	}
}

static void sockaddrs(void **state)
{
	struct ipaddr a = addr("192.0.2.7"), back = { 0 };
	struct sockaddr_storage ss;
	uint16_t port = 0;

	assert_int_equal(ipaddr_to_sockaddr(&a, 0x1234, &ss),
			 sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	assert_memory_equal((uint8_t *)&ss + 2, "\x12\x34\xc0\x00\x02\x07", 6);
	assert_int_equal(ipaddr_from_sockaddr((struct sockaddr *)&ss, &back, &port),
			 sizeof(struct sockaddr_in));
	assert_true(ipaddr_eq(&a, &back));
	assert_int_equal(port, 0x1234);

	a = addr("2001:db8::7");
	assert_int_equal(ipaddr_to_sockaddr(&a, 443, &ss),
			 sizeof(struct sockaddr_in6));
	assert_int_equal(ss.ss_family, AF_INET6);
	assert_memory_equal((uint8_t *)&ss + 2, "\x01\xbb", 2);
	assert_memory_equal((uint8_t *)&ss + 8, a.b, 16);
	assert_int_equal(ipaddr_from_sockaddr((struct sockaddr *)&ss, &back, &port),
			 sizeof(struct sockaddr_in6));
	assert_true(ipaddr_eq(&a, &back));
	assert_int_equal(port, 443);

	/* a mapped peer of a dual-stack socket is an IPv4 address */
	((struct sockaddr_in6 *)&ss)->sin6_addr = (struct in6_addr){
		.s6_addr = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 9 },
	};
	ipaddr_from_sockaddr((struct sockaddr *)&ss, &back, &port);
	assert_true(ipaddr_is4(&back));

	ss.ss_family = AF_UNIX;
	back = a;
	port = 7;
	assert_int_equal(ipaddr_from_sockaddr((struct sockaddr *)&ss, &back, &port),
			 0);
	assert_true(ipaddr_eq(&a, &back));
	assert_int_equal(port, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_form), cmocka_unit_test(predicates),
		cmocka_unit_test(text),        cmocka_unit_test(prefixes),
		cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
