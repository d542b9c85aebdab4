/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ipv6.c - IPv6 headers, extension headers, options, fragments, jumbo
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "wire/ipv6.h"

static const uint8_t hdr[40] = {
	0x6a, 0xbc, 0xde, 0xf1, 0x05, 0xdc, 0x06, 0x3f, 0x20, 0x01,
	0x0d, 0xb8, 0,    0,    0,    0,    0,    0,    0,    0,
	0,    0,    0,    0x01, 0x20, 0x01, 0x0d, 0xb8, 0,    0,
	0,    0,    0,    0,    0,    0,    0,    0,    0,    0x02,
};

static void header(void **state)
{
	struct ipv6_hdr h;
	uint8_t out[41];
	char buf[IPADDR_STRLEN];

	assert_int_equal(ipv6_parse(hdr, sizeof(hdr), &h), 0);
	assert_int_equal(h.tclass, 0xab);
	assert_int_equal(h.flow, 0xcdef1);
	assert_int_equal(h.plen, 1500);
	assert_int_equal(h.nh, 6);
	assert_int_equal(h.hop, 63);
	assert_string_equal(ipaddr_str(&h.src, buf), "2001:db8::1");
	assert_string_equal(ipaddr_str(&h.dst, buf), "2001:db8::2");

	memset(out, 0xaa, sizeof(out));
	ipv6_build(out, &h);
	assert_memory_equal(out, hdr, 40);
	assert_int_equal(out[40], 0xaa);

	h.flow = 0xfff00001; /* a label has 20 bits */
	ipv6_build(out, &h);
	assert_memory_equal(out, "\x6a\xb0\x00\x01", 4);
}

static void header_refused(void **state)
{
	struct ipv6_hdr h = { .flow = 7 };
	uint8_t b[40];

	for (size_t len = 0; len < 40; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, hdr, len);
		assert_int_equal(ipv6_parse(p, len, &h), -EINVAL);
		free(p);
	}
	memcpy(b, hdr, 40);
	for (unsigned v = 0; v < 16; v++) {
		if (v == 6)
			continue;
		b[0] = v << 4;
		assert_int_equal(ipv6_parse(b, 40, &h), -EINVAL);
	}
	assert_int_equal(h.flow, 7);
}

static void extension_headers(void **state)
{
	static const struct {
		uint8_t kind, first[2];
		size_t len;
		int ret;
		uint16_t hlen;
	} t[] = {
		{ IP6_NH_HOPOPTS, { 6, 0 }, 8, 0, 8 },
		{ IP6_NH_HOPOPTS, { 6, 0 }, 7, -EINVAL, 0 },
		{ IP6_NH_HOPOPTS, { 6, 1 }, 16, 0, 16 },
		{ IP6_NH_HOPOPTS, { 6, 1 }, 15, -EINVAL, 0 },
		{ IP6_NH_DSTOPTS, { 17, 255 }, 2048, 0, 2048 },
		{ IP6_NH_DSTOPTS, { 17, 255 }, 2047, -EINVAL, 0 },
		{ IP6_NH_ROUTING, { 43, 2 }, 100, 0, 24 },
		{ IP6_NH_FRAGMENT, { 58, 0 }, 8, 0, 8 },
		{ IP6_NH_FRAGMENT, { 58, 9 }, 8, 0, 8 }, /* reserved byte */
		{ IP6_NH_FRAGMENT, { 58, 0 }, 7, -EINVAL, 0 },
		{ IP6_NH_AH, { 6, 4 }, 24, 0, 24 },
		{ IP6_NH_AH, { 6, 4 }, 23, -EINVAL, 0 },
		{ IP6_NH_AH, { 6, 1 }, 12, 0, 12 },
		{ IP6_NH_AH, { 6, 0 }, 64, -EINVAL, 0 },
		{ IP6_NH_AH, { 6, 255 }, 1028, 0, 1028 },
		{ IP6_NH_AH, { 6, 255 }, 1027, -EINVAL, 0 },
		{ IP6_NH_ESP, { 0, 0 }, 64, -EINVAL, 0 },
		{ IP6_NH_NONE, { 0, 0 }, 64, -EINVAL, 0 },
		{ 6, { 0, 0 }, 64, -EINVAL, 0 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t *p = calloc(1, t[i].len), nh = 0xee;
		uint16_t hlen = 0xeeee;
		int ret;

		memcpy(p, t[i].first, 2);
		ret = ipv6_ext_parse(t[i].kind, p, t[i].len, &nh, &hlen);
		if (ret != t[i].ret)
			fail_msg("header %u: %d", i, ret);
		assert_int_equal(nh, ret ? 0xee : t[i].first[0]);
		assert_int_equal(hlen, ret ? 0xeeee : t[i].hlen);
		free(p);
	}
	for (size_t len = 0; len < 2; len++) {
		uint8_t *p = malloc(1), nh;
		uint16_t hlen;

		assert_int_equal(ipv6_ext_parse(IP6_NH_HOPOPTS, p, len, &nh, &hlen),
				 -EINVAL);
		free(p);
	}
}

static void options(void **state)
{
	static const struct {
		uint8_t b[16];
		uint8_t len;
		int ret;
		uint32_t jumbo;
		uint8_t action;
		uint16_t off;
	} t[] = {
		/* padding of every shape */
		{ { 6, 0, 1, 4, 0, 0, 0, 0 }, 8, 0, 0, 0, 0 },
		{ { 6, 0, 0, 0, 0, 0, 0, 0 }, 8, 0, 0, 0, 0 },
		{ { 6, 0, 1, 0, 1, 0, 1, 0 }, 8, 0, 0, 0, 0 },
		{ { 6, 0, 0, 1, 3, 9, 9, 9 }, 8, 0, 0, 0, 0 },
		/* router alert and an unknown 00 option are passed over */
		{ { 6, 0, 5, 2, 0, 0, 1, 0 }, 8, 0, 0, 0, 0 },
		{ { 6, 0, 0x3e, 4, 1, 2, 3, 4 }, 8, 0, 0, 0, 0 },
		/* jumbo: first, second word, above and below 65536 */
		{ { 6, 0, 0xc2, 4, 0, 7, 0xa1, 0x20 }, 8, 0, 500000, 0, 0 },
		{ { 6, 1, 1, 2, 0, 0, 0xc2, 4, 0, 1, 0, 0, 1, 2, 0, 0 },
		  16,
		  0,
		  65536,
		  0,
		  0 },
		{ { 6, 0, 0xc2, 4, 0, 0, 0, 9 }, 8, 0, 9, 0, 0 },
		{ { 6, 0, 0xc2, 4, 0xff, 0xff, 0xff, 0xff },
		  8,
		  0,
		  UINT32_MAX,
		  0,
		  0 },
		{ { 6, 0, 0xc2, 4, 0, 0, 0, 0 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0, 0xc2, 3, 0, 7, 1, 0 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 1, 0xc2, 5, 0, 7, 1, 0, 0, 0 }, 16, -EINVAL, 0, 0, 0 },
		{ { 6, 1, 0, 0xc2, 4, 0, 7, 1, 0, 1, 5, 0 }, 16, -EINVAL, 0, 0, 0 },
		{ { 6, 1, 0xc2, 4, 0, 7, 0, 0, 1, 0, 0xc2, 4, 0, 7, 0, 0 },
		  16,
		  -EINVAL,
		  0,
		  0,
		  0 },
		/* unknown options that ask for discard */
		{ { 6, 0, 0x7f, 4, 0, 0, 0, 0 }, 8, -EPERM, 0, 1, 2 },
		{ { 6, 0, 0, 0x80, 3, 0, 0, 0 }, 8, -EPERM, 0, 2, 3 },
		{ { 6, 1, 0xc2, 4, 0, 7, 0, 0, 0xfe, 6, 0, 0, 0, 0, 0, 0 },
		  16,
		  -EPERM,
		  0,
		  3,
		  8 },
		/* lengths that lie */
		{ { 6, 0, 1, 5, 0, 0, 0, 0 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0, 1, 255, 0, 0, 0, 0 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0, 0, 0, 0, 0, 0, 1 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0, 0, 0, 0, 0, 0, 0xc2 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0, 0x7f, 5, 0, 0, 0, 0 }, 8, -EINVAL, 0, 0, 0 },
		{ { 6, 0 }, 2, -EINVAL, 0, 0, 0 },
		{ { 0 }, 0, -EINVAL, 0, 0, 0 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t *p = malloc(t[i].len + !t[i].len), action = 0xee;
		uint32_t jumbo = 0xeeeeeeee;
		uint16_t off = 0xeeee;
		int ret;

		memcpy(p, t[i].b, t[i].len);
		ret = ipv6_opts_walk(p, t[i].len, &jumbo, &action, &off);
		if (ret != t[i].ret)
			fail_msg("options %u: %d", i, ret);
		if (jumbo != (ret ? 0xeeeeeeee : t[i].jumbo))
			fail_msg("options %u: jumbo %#x", i, jumbo);
		if (action != (ret == -EPERM ? t[i].action : 0xee) ||
		    off != (ret == -EPERM ? t[i].off : 0xeeee))
			fail_msg("options %u: action %u at %u", i, action, off);
		free(p);
	}
}

static void fragment_header(void **state)
{
	static const uint8_t b[8] = { 17, 0, 0x05, 0xa9, 0xde, 0xad, 0xbe, 0xef };
	struct ipv6_frag f;
	uint8_t out[8], odd[8];

	ipv6_frag_parse(b, &f);
	assert_int_equal(f.nh, 17);
	assert_int_equal(f.off, 1448);
	assert_true(f.more);
	assert_int_equal(f.id, 0xdeadbeef);
	memset(out, 0xaa, 8);
	ipv6_frag_build(out, &f);
	assert_memory_equal(out, b, 8);

	f = (struct ipv6_frag){ .nh = 6, .off = 65528, .id = 1 };
	ipv6_frag_build(out, &f);
	assert_memory_equal(out, "\x06\x00\xff\xf8\x00\x00\x00\x01", 8);

	/* reserved bits are ignored on receipt (RFC 8200 4.5) */
	memcpy(odd, b, 8);
	odd[1] = 0xff;
	odd[3] |= 6;
	ipv6_frag_parse(odd, &f);
	assert_int_equal(f.off, 1448);
	assert_true(f.more);
}

static void jumbo_header(void **state)
{
	uint8_t out[9], nh, action;
	uint32_t jumbo;
	uint16_t hlen, off;

	memset(out, 0xaa, sizeof(out));
	ipv6_jumbo_build(out, 6, 500008);
	assert_memory_equal(out, "\x06\x00\xc2\x04\x00\x07\xa1\x28\xaa", 9);
	assert_int_equal(ipv6_ext_parse(IP6_NH_HOPOPTS, out, 8, &nh, &hlen), 0);
	assert_int_equal(nh, 6);
	assert_int_equal(hlen, IPV6_JUMBO_HLEN);
	assert_int_equal(ipv6_opts_walk(out, hlen, &jumbo, &action, &off), 0);
	assert_int_equal(jumbo, 500008);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(header_refused),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(options),
		cmocka_unit_test(fragment_header),
		cmocka_unit_test(jumbo_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
