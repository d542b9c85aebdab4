/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_wire_udp.c - the UDP header
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/udp.h"

static const uint8_t b[8] = { 0x12, 0x34, 0x00, 0x35, 0xff, 0xff, 0xbe, 0xef };

static void there_and_back(void **state)
{
	struct udp_hdr h;
	uint8_t out[9];

	assert_int_equal(udp_parse(b, 8, &h), 0);
	assert_int_equal(h.sport, 0x1234);
	assert_int_equal(h.dport, 53);
	assert_int_equal(h.len, 0xffff); /* not judged here */
	assert_int_equal(h.csum, 0xbeef);
	memset(out, 0xaa, sizeof(out));
	udp_build(out, &h);
	assert_memory_equal(out, b, 8);
	assert_int_equal(out[8], 0xaa);
}

static void truncated(void **state)
{
	struct udp_hdr h = { .sport = 7 };

	for (size_t len = 0; len < 8; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, b, len);
		assert_int_equal(udp_parse(p, len, &h), -EINVAL);
		free(p);
	}
	assert_int_equal(h.sport, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
