/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_eth.c - Ethernet, ARP and neighbour discovery messages
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "wire/eth.h"
#include "wire/icmp.h"

static const struct ethaddr mac_a = { { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x01 } };
static const struct ethaddr mac_b = { { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x02 } };

static void ethernet(void **state)
{
	static const uint8_t b[14] = {
		2, 0, 0x5e, 0x10, 0, 1, 2, 0, 0x5e, 0x10, 0, 2, 0x86, 0xdd,
	};
	struct eth_hdr h, keep;
	uint8_t out[15];

	assert_int_equal(eth_parse(b, 14, &h), 0);
	assert_memory_equal(&h.dst, &mac_a, 6);
	assert_memory_equal(&h.src, &mac_b, 6);
	assert_int_equal(h.type, ETHERTYPE_IP6);
	memset(out, 0xaa, sizeof(out));
	eth_build(out, &h);
	assert_memory_equal(out, b, 14);
	assert_int_equal(out[14], 0xaa);

	keep = h;
	for (size_t len = 0; len < 14; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, b, len);
		assert_int_equal(eth_parse(p, len, &h), -EINVAL);
		free(p);
	}
	assert_memory_equal(&h, &keep, sizeof(h));

	assert_false(ethaddr_is_group(&mac_a));
	assert_true(ethaddr_is_group(&(struct ethaddr){ { 0x33, 0x33 } }));
	assert_true(ethaddr_is_group(&(struct ethaddr){ { 0xff, 0xff } }));
}

static const uint8_t arp[28] = {
	0,   1, 8, 0, 6, 4, 0,    2,    2, 0, 0x5e, 0x10, 0, 1,
	192, 0, 2, 1, 2, 0, 0x5e, 0x10, 0, 2, 192,  0,    2, 2,
};

static void arp_there_and_back(void **state)
{
	struct arp_msg m;
	uint8_t out[29];
	char buf[IPADDR_STRLEN];

	assert_int_equal(arp_parse(arp, 28, &m), 0);
	assert_int_equal(m.op, ARP_REPLY);
	assert_memory_equal(&m.sha, &mac_a, 6);
	assert_memory_equal(&m.tha, &mac_b, 6);
	assert_string_equal(ipaddr_str(&m.spa, buf), "192.0.2.1");
	assert_string_equal(ipaddr_str(&m.tpa, buf), "192.0.2.2");
	memset(out, 0xaa, sizeof(out));
	arp_build(out, &m);
	assert_memory_equal(out, arp, 28);
	assert_int_equal(out[28], 0xaa);
}

static void arp_refused(void **state)
{
	struct arp_msg m = { .op = 7 };

	for (size_t len = 0; len < 28; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, arp, len);
		assert_int_equal(arp_parse(p, len, &m), -EINVAL);
		free(p);
	}
	/* hardware type, protocol type and both lengths must be these */
	for (unsigned i = 0; i < 6; i++) {
		uint8_t b[28];

		memcpy(b, arp, 28);
		b[i] ^= 1;
		assert_int_equal(arp_parse(b, 28, &m), -EINVAL);
	}
	assert_int_equal(m.op, 7);
}

#define TARGET 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9

static struct ipaddr target(void)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse("fe80::9", &a), 0);
	return a;
}

static void nd_there_and_back(void **state)
{
	static const uint8_t ns[32] = {
		135, 0, 0, 0, 0, 0, 0, 0, TARGET, 1, 1, 2, 0, 0x5e, 0x10, 0, 1,
	};
	static const uint8_t na[32] = {
		136, 0, 0, 0, 0x60, 0, 0, 0, TARGET, 2, 1, 2, 0, 0x5e, 0x10, 0, 1,
	};
	/* duplicate address detection asks without an address of its own */
	static const uint8_t dad[24] = { 135, 0, 0, 0, 0, 0, 0, 0, TARGET };
	static const struct {
		const uint8_t *b;
		size_t len;
		struct nd_msg m;
	} t[] = {
		{ ns, 32, { .type = ICMP6_NS, .has_lladdr = true } },
		{ na,
		  32,
		  { .type = ICMP6_NA,
		    .solicited = true,
		    .override = true,
		    .has_lladdr = true } },
		{ dad, 24, { .type = ICMP6_NS } },
	};

	for (unsigned i = 0; i < 3; i++) {
		struct nd_msg m = t[i].m, got;
		uint8_t out[33];

		m.target = target();
		m.lladdr = mac_a;
		memset(out, 0xaa, sizeof(out));
		assert_int_equal(nd_build(out, &m), t[i].len);
		assert_memory_equal(out, t[i].b, t[i].len);
		assert_int_equal(out[t[i].len], 0xaa);

		assert_int_equal(nd_parse(t[i].b, t[i].len, &got), 0);
		assert_int_equal(got.type, m.type);
		assert_int_equal(got.router, m.router);
		assert_int_equal(got.solicited, m.solicited);
		assert_int_equal(got.override, m.override);
		assert_int_equal(got.has_lladdr, m.has_lladdr);
		assert_true(ipaddr_eq(&got.target, &m.target));
		if (m.has_lladdr)
			assert_memory_equal(&got.lladdr, &mac_a, 6);
	}
}

static void nd_flags(void **state)
{
	struct nd_msg m = { .type = ICMP6_NA, .router = true, .target = target() },
		      got;
	uint8_t b[32];

	nd_build(b, &m);
	assert_int_equal(b[4], 0x80);
	m.override = m.solicited = true;
	nd_build(b, &m);
	assert_int_equal(b[4], 0xe0);
	/* a solicitation has no flags, neither written nor read */
	m.type = ICMP6_NS;
	nd_build(b, &m);
	assert_int_equal(b[4], 0);
	b[4] = 0xe0;
	assert_int_equal(nd_parse(b, 24, &got), 0);
	assert_false(got.router || got.solicited || got.override);
}

/* What stands behind the target. */
static void nd_options(void **state)
{
	static const struct {
		uint8_t type, b[24], len;
		int ret;
		bool lladdr;
	} t[] = {
		{ 135, { 1, 1, 2, 0, 0x5e, 0x10, 0, 1 }, 8, 0, true },
		{ 135,
		  { 2, 1, 2, 0, 0x5e, 0x10, 0, 1 },
		  8,
		  0,
		  false }, /* other kind */
		{ 136, { 2, 1, 2, 0, 0x5e, 0x10, 0, 1 }, 8, 0, true },
		{ 136, { 1, 1, 2, 0, 0x5e, 0x10, 0, 1 }, 8, 0, false },
		/* behind an unknown option (a nonce, RFC 3971) */
		{ 135,
		  { 14, 1, 9, 9, 9, 9, 9, 9, 1, 1, 2, 0, 0x5e, 0x10, 0, 1 },
		  16,
		  0,
		  true },
		{ 135,
		  { 14, 2, 9, 9, 9, 9, 9, 9, 1, 1, 2, 0, 0, 0, 0, 0 },
		  16,
		  0,
		  false },
		/* 16 bytes: not an Ethernet address */
		{ 135, { 1, 2, 2, 0, 0x5e, 0x10, 0, 1 }, 16, 0, false },
		/* length 0, first and second */
		{ 135, { 1, 0, 2, 0, 0x5e, 0x10, 0, 1 }, 8, -EINVAL, false },
		{ 135, { 14, 1, 9, 9, 9, 9, 9, 9, 1, 0 }, 16, -EINVAL, false },
		/* beyond the message */
		{ 135, { 1, 2, 2, 0, 0x5e, 0x10, 0, 1 }, 8, -EINVAL, false },
		{ 135, { 1, 255, 2, 0, 0x5e, 0x10, 0, 1 }, 24, -EINVAL, false },
		{ 135, { 1, 1, 2, 0, 0x5e, 0x10, 0 }, 7, -EINVAL, false },
		{ 135, { 1 }, 1, -EINVAL, false },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t *p = malloc(24 + t[i].len);
		struct nd_msg m = { .type = 7 };
		int ret;

		memcpy(p, (uint8_t[]){ t[i].type, 0, 0, 0, 0, 0, 0, 0, TARGET },
		       24);
		memcpy(p + 24, t[i].b, t[i].len);
		ret = nd_parse(p, 24 + t[i].len, &m);
		if (ret != t[i].ret || (!ret && m.has_lladdr != t[i].lladdr))
			fail_msg("options %u: %d, lladdr %d", i, ret, m.has_lladdr);
		if (ret)
			assert_int_equal(m.type, 7);
		if (!ret && m.has_lladdr)
			assert_memory_equal(&m.lladdr, &mac_a, 6);
		free(p);
	}
}

static void nd_refused(void **state)
{
	static const uint8_t good[24] = { 135, 0, 0, 0, 0, 0, 0, 0, TARGET };
	struct nd_msg m = { .type = 7 };
	uint8_t b[24];

	for (size_t len = 0; len < 24; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, good, len);
		assert_int_equal(nd_parse(p, len, &m), -EINVAL);
		free(p);
	}
	memcpy(b, good, 24);
	for (unsigned type = 0; type < 256; type++) {
		b[0] = type;
		if (type != ICMP6_NS && type != ICMP6_NA)
			assert_int_equal(nd_parse(b, 24, &m), -EINVAL);
	}
	memcpy(b, good, 24);
	b[1] = 1; /* code */
	assert_int_equal(nd_parse(b, 24, &m), -EINVAL);
	memcpy(b, good, 24);
	b[8] = 0xff; /* multicast target */
	assert_int_equal(nd_parse(b, 24, &m), -EINVAL);
	memset(b + 8, 0, 16);
	b[18] = b[19] = 0xff; /* ::ffff:192.0.2.1 */
	b[20] = 192;
	b[22] = 2;
	b[23] = 1;
	assert_int_equal(nd_parse(b, 24, &m), -EINVAL);
	assert_int_equal(m.type, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet),    cmocka_unit_test(arp_there_and_back),
		cmocka_unit_test(arp_refused), cmocka_unit_test(nd_there_and_back),
		cmocka_unit_test(nd_flags),    cmocka_unit_test(nd_options),
		cmocka_unit_test(nd_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
