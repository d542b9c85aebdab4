/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ipv4.c - IPv4 headers byte by byte, repair in place, options
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/rng.h"
#include "wire/bytes.h"
#include "wire/ipv4.h"

/* 115 bytes of UDP from 192.168.0.1 to 192.168.0.199, checksum 0xb861 */
static const uint8_t plain[20] = {
	0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
	0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
};

static void parse_plain(void **state)
{
	struct ipv4_hdr h;
	char buf[IPADDR_STRLEN];

	assert_int_equal(ipv4_parse(plain, sizeof(plain), &h), 0);
	assert_string_equal(ipaddr_str(&h.src, buf), "192.168.0.1");
	assert_string_equal(ipaddr_str(&h.dst, buf), "192.168.0.199");
	assert_int_equal(h.tot_len, 115);
	assert_int_equal(h.id, 0);
	assert_int_equal(h.frag_off, 0);
	assert_int_equal(h.csum, 0xb861);
	assert_int_equal(h.hlen, 20);
	assert_int_equal(h.tos, 0);
	assert_int_equal(h.ttl, 64);
	assert_int_equal(h.proto, 17);
	assert_true(h.df);
	assert_false(h.mf);
	assert_ptr_equal(h.opt, plain + 20);
	assert_true(ipv4_csum_ok(plain, 20));
}

static void build_plain(void **state)
{
	struct ipv4_hdr h;
	uint8_t out[21];

	assert_int_equal(ipv4_parse(plain, sizeof(plain), &h), 0);
	h.csum = 0xdead;
	h.opt = NULL;
	memset(out, 0xaa, sizeof(out));
	ipv4_build(out, &h);
	assert_memory_equal(out, plain, 20);
	assert_int_equal(out[20], 0xaa);
}

static void every_field(void **state)
{
	static const uint8_t opt[8] = { 1, 1, 0x94, 4, 0, 0, 0, 0 };
	static const uint8_t want[28] = {
		0x47, 0xb9, 0x12, 0x34, 0xab, 0xcd, 0x3f, 0xff, 0x07, 0x06,
		0x00, 0x00, 10,   1,    2,    3,    10,   4,    5,    6,
		1,    1,    0x94, 4,    0,    0,    0,    0,
	};
	struct ipv4_hdr h = {
		.src = ipaddr_from4(want + 12),
		.dst = ipaddr_from4(want + 16),
		.tot_len = 0x1234,
		.id = 0xabcd,
		.frag_off = 0x1fff * 8,
		.hlen = 28,
		.tos = 0xb9,
		.ttl = 7,
		.proto = 6,
		.mf = true,
		.opt = opt,
	};
	uint8_t out[60];
	struct ipv4_hdr back;

	ipv4_build(out, &h);
	assert_memory_equal(out, want, 10);
	assert_memory_equal(out + 12, want + 12, 16);
	assert_true(ipv4_csum_ok(out, 28));
	assert_int_equal(ipv4_parse(out, 28, &back), 0);
	assert_int_equal(back.hlen, 28);
	assert_int_equal(back.frag_off, 65528);
	assert_true(back.mf);
	assert_false(back.df);
	assert_int_equal(back.csum, get16(out + 10));
	assert_memory_equal(back.opt, opt, 8);

	/* rewritten over itself, eight bytes further on: options overlap */
	memmove(out + 8, out, 28);
	assert_int_equal(ipv4_parse(out + 8, 28, &back), 0);
	ipv4_build(out, &back);
	assert_memory_equal(out + 20, opt, 8);
	assert_true(ipv4_csum_ok(out, 28));

	/* a bit of the checksum, of an option */
	out[11] ^= 1;
	assert_false(ipv4_csum_ok(out, 28));
	out[11] ^= 1;
	out[27] ^= 1;
	assert_false(ipv4_csum_ok(out, 28));
}

static void refused(void **state)
{
	struct ipv4_hdr h = { .id = 7 };
	uint8_t b[60] = { 0 };

	memcpy(b, plain, 20);
	/* truncated at every length, from memory that ends there */
	for (size_t len = 0; len < 20; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, plain, len);
		assert_int_equal(ipv4_parse(p, len, &h), -EINVAL);
		free(p);
	}
	for (unsigned v = 0; v < 16; v++) {
		b[0] = v << 4 | 5;
		assert_int_equal(ipv4_parse(b, 60, &h), v == 4 ? 0 : -EINVAL);
	}
	h = (struct ipv4_hdr){ .id = 7 };
	for (unsigned ihl = 0; ihl < 5; ihl++) {
		b[0] = 0x40 | ihl;
		assert_int_equal(ipv4_parse(b, 60, &h), -EINVAL);
	}
	for (unsigned ihl = 6; ihl < 16; ihl++) {
		b[0] = 0x40 | ihl;
		assert_int_equal(ipv4_parse(b, ihl * 4 - 1, &h), -EINVAL);
	}
	assert_int_equal(h.id, 7); /* untouched */
	assert_int_equal(ipv4_parse(b, 60, &h), 0);
	assert_int_equal(h.hlen, 60);
}

/* Repair by difference equals a new checksum, whatever stood there before. */
static void set_len_id(void **state)
{
	struct ipv4_hdr h;
	uint8_t b[20], fresh[20];
	struct rng r;

	rng_seed(&r, 1);
	memcpy(b, plain, 20);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t len = rng_u32(&r), id = rng_u32(&r);

		if (i % 4 == 0)
			len = i % 8 ? 0 : 0xffff;
		if (i % 5 == 0)
			id = i % 2 ? 0 : 0xffff;
		ipv4_set_len_id(b, len, id);
		assert_int_equal(ipv4_parse(b, 20, &h), 0);
		assert_int_equal(h.tot_len, len);
		assert_int_equal(h.id, id);
		ipv4_build(fresh, &h);
		assert_memory_equal(b, fresh, 20);
	}
}

/* The same for one TTL less, down to 0, with every protocol beside it. */
static void dec_ttl(void **state)
{
	struct ipv4_hdr h;
	uint8_t b[20], fresh[20];
	struct rng r;

	rng_seed(&r, 2);
	for (unsigned i = 0; i < 256; i++) {
		memcpy(b, plain, 20);
		assert_int_equal(ipv4_parse(b, 20, &h), 0);
		h.ttl = 255;
		h.proto = i;
		h.id = rng_u32(&r);
		ipv4_build(b, &h);
		while (h.ttl--) {
			ipv4_dec_ttl(b);
			ipv4_build(fresh, &h);
			assert_memory_equal(b, fresh, 20);
			if (!h.ttl)
				break;
		}
	}
}

static void options(void **state)
{
	static const struct {
		uint8_t b[12];
		uint8_t len;
		int ret;
	} t[] = {
		{ { 0 }, 0, 0 },
		{ { 1, 1, 1, 1 }, 4, 0 },
		{ { 0, 131, 200, 7 }, 4, 0 }, /* behind the end */
		{ { 0x94, 4, 0, 0 }, 4, 0 }, /* router alert */
		{ { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, 0 }, /* record route */
		{ { 68, 8, 5, 0, 0, 0, 0, 0 }, 8, 0 }, /* timestamp */
		{ { 99, 2, 98, 2 }, 4, 0 }, /* unknown */
		{ { 131, 7, 4, 1, 2, 3, 4, 0 }, 8, -EPERM }, /* LSRR */
		{ { 137, 7, 4, 1, 2, 3, 4, 0 }, 8, -EPERM }, /* SSRR */
		{ { 1, 0x94, 4, 0, 0, 131, 3, 4 }, 8, -EPERM },
		{ { 131, 9, 4, 1, 2, 3, 4, 0 }, 8, -EINVAL },
		{ { 7, 0, 0, 0 }, 4, -EINVAL },
		{ { 7, 1, 0, 0 }, 4, -EINVAL },
		{ { 7, 5, 0, 0 }, 4, -EINVAL },
		{ { 1, 1, 1, 7 }, 4, -EINVAL }, /* no length byte */
		{ { 7, 255, 0, 0 }, 4, -EINVAL },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t *p = malloc(t[i].len + !t[i].len);
		int ret;

		memcpy(p, t[i].b, t[i].len);
		ret = ipv4_check_opts(p, t[i].len);
		if (ret != t[i].ret)
			fail_msg("options %u: %d", i, ret);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_plain), cmocka_unit_test(build_plain),
		cmocka_unit_test(every_field), cmocka_unit_test(refused),
		cmocka_unit_test(set_len_id),  cmocka_unit_test(dec_ttl),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
