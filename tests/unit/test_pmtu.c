/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pmtu.c - the path MTU cache: shrinks, never grows, forgets, stays bounded
 */
#include "ip/pmtu.h"

#include <stdio.h>

#include "iplib.h"

static struct rng rng;
static struct env env;

static int setup(void **state)
{
	rng_seed(&rng, 3);
	env = (struct env){ .now_us = SEC, .rng = &rng };
	return 0;
}

static void test_shrink(void **state)
{
	struct pmtu_cache *c = pmtu_new(0);
	struct ipaddr a = A("192.0.2.1"), b = A("2001:db8::1");

	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1500);
	assert_true(pmtu_update(c, &a, 1400, &env));
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1400);
	assert_int_equal(pmtu_get(c, &a, 1300, &env),
			 1300); /* the link is smaller */
	assert_int_equal(pmtu_get(c, &b, 1500, &env), 1500);
	assert_false(pmtu_update(c, &a, 1400, &env));
	assert_false(pmtu_update(c, &a, 1450, &env)); /* RFC 8201 4: never up */
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1400);
	assert_true(pmtu_update(c, &a, 1399, &env));
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1399);
	pmtu_free(c);
	pmtu_free(NULL);
}

static void test_floor(void **state)
{
	struct pmtu_cache *c = pmtu_new(0);
	struct ipaddr a = A("192.0.2.1"), b = A("2001:db8::1");

	assert_true(pmtu_update(c, &a, 68, &env));
	assert_int_equal(pmtu_get(c, &a, 1500, &env), PMTU_MIN4);
	/* RFC 8201 4: less than 1280 is not believed at all */
	assert_false(pmtu_update(c, &b, 0, &env));
	assert_false(pmtu_update(c, &b, PMTU_MIN6 - 1, &env));
	assert_int_equal(pmtu_get(c, &b, 1500, &env), 1500);
	assert_true(pmtu_update(c, &b, PMTU_MIN6, &env));
	assert_int_equal(pmtu_get(c, &b, 1500, &env), PMTU_MIN6);
	assert_false(pmtu_update(c, &b, 600, &env));
	assert_int_equal(pmtu_get(c, &b, 1500, &env), PMTU_MIN6);
	pmtu_free(c);
}

static void test_expiry(void **state)
{
	struct pmtu_cache *c = pmtu_new(0);
	struct ipaddr a = A("192.0.2.1");

	assert_true(pmtu_update(c, &a, 1000, &env));
	env.now_us += 600 * SEC - 1;
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1000);
	env.now_us += 1;
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1500);
	assert_true(pmtu_update(c, &a, 1200, &env)); /* from scratch */
	assert_int_equal(pmtu_get(c, &a, 1500, &env), 1200);
	pmtu_free(c);
}

static void test_limit(void **state)
{
	struct pmtu_cache *c = pmtu_new(50);
	struct ipaddr a[120];
	char s[20];

	for (unsigned i = 0; i < 120; i++) {
		snprintf(s, sizeof(s), "10.0.0.%u", i);
		a[i] = A(s);
		env.now_us++;
		assert_true(pmtu_update(c, &a[i], 1000 + i, &env));
		assert_true(i < 50 || pmtu_get(c, &a[i - 50], 1500, &env) == 1500);
		for (unsigned j = i < 49 ? 0 : i - 49; j <= i; j++)
			assert_int_equal(pmtu_get(c, &a[j], 1500, &env), 1000 + j);
	}
	/* an update makes young: 70 is the oldest, then 71 */
	assert_true(pmtu_update(c, &a[70], 900, &env));
	assert_true(pmtu_update(c, &a[0], 1000, &env));
	assert_int_equal(pmtu_get(c, &a[70], 1500, &env), 900);
	assert_int_equal(pmtu_get(c, &a[71], 1500, &env), 1500);
	pmtu_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shrink, setup),
		cmocka_unit_test_setup(test_floor, setup),
		cmocka_unit_test_setup(test_expiry, setup),
		cmocka_unit_test_setup(test_limit, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
