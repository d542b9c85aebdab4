/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_wire_icmp.c - the header that ICMP and ICMPv6 share
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/icmp.h"

/* echo request, id 0x1234, sequence 2 */
static const uint8_t echo[8] = { 8, 0, 0xbe, 0xef, 0x12, 0x34, 0x00, 0x02 };

static void there_and_back(void **state)
{
	struct icmp_hdr h;
	uint8_t out[9];

	assert_int_equal(icmp_parse(echo, 8, &h), 0);
	assert_int_equal(h.type, ICMP4_ECHO);
	assert_int_equal(h.code, 0);
	assert_int_equal(h.csum, 0xbeef);
	assert_int_equal(h.rest >> 16, 0x1234);
	assert_int_equal(h.rest & 0xffff, 2);
	memset(out, 0xaa, sizeof(out));
	icmp_build(out, &h);
	assert_memory_equal(out, echo, 8);
	assert_int_equal(out[8], 0xaa);

	/* packet too big, MTU 1280 */
	h = (struct icmp_hdr){ .type = ICMP6_TOO_BIG, .rest = 1280 };
	icmp_build(out, &h);
	assert_memory_equal(out, "\x02\x00\x00\x00\x00\x00\x05\x00", 8);
	/* fragmentation needed, MTU 1400: the MTU is in the lower half */
	h = (struct icmp_hdr){
		.type = ICMP4_UNREACH,
		.code = ICMP4_UNREACH_FRAG_NEEDED,
		.rest = 1400,
	};
	icmp_build(out, &h);
	assert_memory_equal(out, "\x03\x04\x00\x00\x00\x00\x05\x78", 8);
}

static void truncated(void **state)
{
	struct icmp_hdr h = { .type = 7 };

	for (size_t len = 0; len < 8; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, echo, len);
		assert_int_equal(icmp_parse(p, len, &h), -EINVAL);
		free(p);
	}
	assert_int_equal(h.type, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
