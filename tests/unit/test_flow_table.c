/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_flow_table.c - the table against a model: everything inserted is found,
 * nothing else is, at any load, through growth and removal
 */
#include "flow/table.h"

#include <errno.h>
#include <stdlib.h>

#include "iplib.h"

#define N 5000

static struct flow_ent ent[N];
static bool in[N];
static const struct siphash_key secret = { 0x1234, 0x5678 };

static void fill_keys(void)
{
	memset(ent, 0, sizeof(ent));
	memset(in, 0, sizeof(in));
	for (unsigned i = 0; i < N; i++) {
		ent[i].key.proto = IPPROTO_TCP;
		ent[i].key.in_port = i;
		ent[i].key.out_port = i >> 3;
	}
}

static struct flow_ent *find(struct flow_table *t, unsigned i)
{
	struct flow_key k = ent[i].key; /* another copy of the same bytes */

	return flow_table_find(t, &k, flow_table_hash(t, &k));
}

static void assert_same(struct flow_table *t)
{
	uint32_t pos = 0, n = 0, want = 0;
	struct flow_ent *e;

	for (unsigned i = 0; i < N; i++) {
		assert_ptr_equal(find(t, i), in[i] ? &ent[i] : NULL);
		want += in[i];
	}
	while ((e = flow_table_next(t, &pos))) {
		assert_true(in[e - ent]);
		n++;
	}
	assert_int_equal(n, want);
	assert_int_equal(flow_table_n(t), want);
}

static void test_model(void **state)
{
	struct flow_table *t = flow_table_new(&secret, N);
	struct rng rng;

	fill_keys();
	rng_seed(&rng, 42);
	assert_same(t);
	for (unsigned round = 0; round < 60; round++) {
		/* grows, shrinks, grows */
		unsigned bias = round / 20 % 2 ? 20 : 80;

		for (unsigned j = 0; j < 400; j++) {
			unsigned i = rng_below(&rng, N);
			bool add = rng_below(&rng, 100) < bias;

			if (add && in[i])
				assert_int_equal(flow_table_insert(t, &ent[i]),
						 -EEXIST);
			else if (add)
				assert_int_equal(flow_table_insert(t, &ent[i]), 0);
			else if (in[i])
				flow_table_remove(t, &ent[i]);
			in[i] = add || (in[i] && add);
		}
		assert_same(t);
	}
	for (unsigned i = 0; i < N; i++)
		if (in[i])
			flow_table_remove(t, &ent[i]);
	memset(in, 0, sizeof(in));
	assert_same(t);
	flow_table_free(t);
}

static void test_limit(void **state)
{
	struct flow_table *t = flow_table_new(&secret, 1000);

	fill_keys();
	assert_int_equal(flow_table_max(t), 1000);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(flow_table_insert(t, &ent[i]), 0);
		in[i] = true;
	}
	assert_int_equal(flow_table_insert(t, &ent[1000]), -ENOSPC);
	assert_int_equal(flow_table_insert(t, &ent[5]), -EEXIST);
	assert_same(t); /* the old ones are undisturbed */
	flow_table_remove(t, &ent[500]);
	assert_int_equal(flow_table_insert(t, &ent[1000]), 0);
	in[500] = false;
	in[1000] = true;
	assert_same(t);
	flow_table_free(t);
	flow_table_free(NULL);
}

/* A duplicate of an entry at another address is refused as the same flow. */
static void test_exist(void **state)
{
	struct flow_table *t = flow_table_new(&secret, 10);
	struct flow_ent twin;

	fill_keys();
	assert_int_equal(flow_table_insert(t, &ent[1]), 0);
	assert_int_equal(ent[1].hash, flow_table_hash(t, &ent[1].key));
	twin = ent[1];
	assert_int_equal(flow_table_insert(t, &twin), -EEXIST);
	twin.key.proto = IPPROTO_UDP;
	assert_int_equal(flow_table_insert(t, &twin), 0);
	flow_table_free(t);
}

/* A walk that removes what it is given ends, and misses little. */
static void test_walk_removing(void **state)
{
	struct flow_table *t = flow_table_new(&secret, N);
	struct flow_ent *e;
	uint32_t pos = 0;
	unsigned rounds = 0;

	fill_keys();
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(flow_table_insert(t, &ent[i]), 0);
	while (flow_table_n(t)) {
		pos = 0;
		while ((e = flow_table_next(t, &pos)))
			flow_table_remove(t, e);
		assert_true(++rounds < 40);
	}
	flow_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_exist),
		cmocka_unit_test(test_walk_removing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
