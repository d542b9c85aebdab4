/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fdb.c - what a bridge remembers, and for how long
 */
#include "switch/fdb.h"

#include <errno.h>
#include <stdlib.h>

#include "iplib.h"

#define AGE (300 * SEC)

static const struct siphash_key secret = { 1, 2 };
static struct rng rng;
static struct env env;

static int setup(void **state)
{
	rng_seed(&rng, 1);
	env = (struct env){ .now_us = 1, .rng = &rng };
	return 0;
}

static struct ethaddr mac(uint32_t i)
{
	struct ethaddr a = { { 2, 0 } };

	put32(a.b + 2, i);
	return a;
}

static void learn(struct fdb *f, uint32_t i, unsigned vlan, unsigned port,
		  unsigned remote)
{
	struct ethaddr a = mac(i);

	fdb_learn(f, &a, vlan, (struct fdb_place){ port, remote }, &env);
}

/* Port and remote in one number; -1: not known. */
static int where(struct fdb *f, uint32_t i, unsigned vlan)
{
	struct ethaddr a = mac(i);
	struct fdb_place p;

	return fdb_find(f, &a, vlan, &env, &p) ? p.port * 1000 + p.remote : -1;
}

static struct fdb_stats stats(struct fdb *f)
{
	struct fdb_stats st;

	fdb_stats(f, &st);
	return st;
}

static struct fdb *make(uint32_t max, bool share)
{
	struct fdb_conf conf = { .max = max, .share = share };
	struct fdb *f = fdb_new(&conf, &secret);

	assert_non_null(f);
	return f;
}

static void test_learn(void **state)
{
	struct fdb *f = make(0, false);

	assert_int_equal(where(f, 1, 0), -1);
	learn(f, 1, 0, 3, 0);
	learn(f, 2, 0, 4, 9);
	learn(f, 1, 7, 5, 0); /* another VLAN, another entry */
	assert_int_equal(where(f, 1, 0), 3000);
	assert_int_equal(where(f, 2, 0), 4009);
	assert_int_equal(where(f, 1, 7), 5000);
	assert_int_equal(where(f, 2, 7), -1);
	assert_int_equal(stats(f).n, 3);
	assert_int_equal(stats(f).learned, 3);
	/* moves: to another port, to another remote */
	learn(f, 1, 0, 4, 0);
	assert_int_equal(where(f, 1, 0), 4000);
	learn(f, 1, 0, 4, 1);
	assert_int_equal(where(f, 1, 0), 4001);
	learn(f, 1, 0, 4, 1);
	assert_int_equal(stats(f).moved, 2);
	assert_int_equal(stats(f).n, 3);
	fdb_flush(f, 4, 5); /* remotes from 5 on */
	assert_int_equal(where(f, 2, 0), -1);
	assert_int_equal(where(f, 1, 0), 4001);
	fdb_flush(f, 4, 0);
	assert_int_equal(where(f, 1, 0), -1);
	assert_int_equal(where(f, 1, 7), 5000);
	fdb_free(f);
	fdb_free(NULL);
}

static void sweep_all(struct fdb *f)
{
	for (unsigned i = 0; i < 100; i++)
		fdb_age(f, &env);
}

static void test_ageing(void **state)
{
	struct fdb *f = make(0, false);

	assert_true(fdb_deadline(f) == ENV_NEVER);
	learn(f, 1, 0, 1, 0);
	learn(f, 2, 0, 1, 0);
	assert_true(fdb_deadline(f) <= env.now_us + AGE / 8);
	env.now_us += AGE - 1;
	assert_int_equal(where(f, 1, 0), 1000);
	learn(f, 2, 0, 1, 0); /* still talks */
	env.now_us += 1;
	assert_int_equal(where(f, 1, 0), -1); /* before any sweep */
	assert_int_equal(where(f, 2, 0), 1000);
	assert_int_equal(stats(f).n, 2);
	sweep_all(f);
	assert_int_equal(stats(f).n, 1);
	assert_int_equal(stats(f).aged, 1);
	/* a pass is over: the next one begins an eighth later */
	assert_true(fdb_deadline(f) == env.now_us + AGE / 8);
	env.now_us += AGE;
	sweep_all(f);
	assert_int_equal(stats(f).n, 0);
	assert_true(fdb_deadline(f) == ENV_NEVER);
	/* an old entry that talks again at another port is just there again */
	learn(f, 1, 0, 1, 0);
	env.now_us += 2 * AGE;
	learn(f, 1, 0, 2, 0);
	assert_int_equal(where(f, 1, 0), 2000);
	fdb_free(f);
}

static void test_static(void **state)
{
	struct fdb *f = make(4, false);
	struct ethaddr a = mac(1), group = { { 1, 0, 0x5e, 0, 0, 1 } },
		       zero = { 0 };
	struct fdb_place at = { 2, 0 };

	assert_int_equal(fdb_add(f, &group, 0, at), -EINVAL);
	assert_int_equal(fdb_add(f, &zero, 0, at), -EINVAL);
	assert_int_equal(fdb_add(f, &a, 4096, at), -EINVAL);
	at.port = FDB_PORTS_MAX;
	assert_int_equal(fdb_add(f, &a, 0, at), -EINVAL);
	at.port = 2;
	assert_int_equal(fdb_del(f, &a, 0), -ENOENT);
	assert_int_equal(fdb_del(f, &zero, 0), -ENOENT);
	learn(f, 1, 0, 1, 0);
	assert_int_equal(fdb_add(f, &a, 0, at), 0);
	assert_int_equal(where(f, 1, 0), 2000);
	learn(f, 1, 0, 1, 0); /* does not move */
	assert_int_equal(where(f, 1, 0), 2000);
	assert_int_equal(stats(f).pinned, 1);
	assert_int_equal(stats(f).moved, 0);
	env.now_us += 10 * AGE; /* does not age */
	sweep_all(f);
	assert_int_equal(where(f, 1, 0), 2000);
	assert_int_equal(stats(f).n_static, 1);
	for (uint32_t i = 2; i <= 4; i++) {
		a = mac(i);
		assert_int_equal(fdb_add(f, &a, 0, at), 0);
	}
	a = mac(5);
	assert_int_equal(fdb_add(f, &a, 0, at), -ENOSPC);
	learn(f, 5, 0, 1, 0);
	assert_int_equal(where(f, 5, 0), -1);
	assert_int_equal(stats(f).full, 1);
	a = mac(3);
	assert_int_equal(fdb_del(f, &a, 0), 0);
	assert_int_equal(stats(f).n_static, 3);
	learn(f, 5, 0, 1, 0);
	assert_int_equal(where(f, 5, 0), 1000);
	a = mac(5);
	assert_int_equal(fdb_del(f, &a, 0), 0); /* a learned one */
	assert_int_equal(where(f, 5, 0), -1);
	fdb_free(f);
}

/* A flood of addresses takes its own port's share and pushes nobody out. */
static void test_flood(void **state)
{
	struct fdb *f = make(1000, false);

	fdb_port_limit(f, 1, 100);
	for (uint32_t i = 0; i < 50; i++)
		learn(f, i, 0, 2, 0);
	for (uint32_t i = 0; i < 10; i++)
		learn(f, 100 + i, 0, 1, 0);
	for (uint32_t i = 0; i < 5000; i++)
		learn(f, 10000 + i, 0, 1, 0);
	assert_int_equal(stats(f).n, 150);
	assert_int_equal(stats(f).port_full, 5000 - 90);
	assert_int_equal(stats(f).full, 0);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(where(f, i, 0), 2000);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(where(f, 100 + i, 0), 1000);
	/* nor does it steal: others' addresses do not move to a full port */
	learn(f, 7, 0, 1, 0);
	assert_int_equal(where(f, 7, 0), 2000);
	assert_int_equal(stats(f).port_full, 5000 - 90 + 1);
	/* others may fill the table */
	for (uint32_t i = 0; i < 2000; i++)
		learn(f, 50000 + i, 0, 3, 0);
	assert_int_equal(stats(f).n, 1000);
	assert_int_equal(stats(f).full, 2000 - 850);
	assert_int_equal(where(f, 3, 0), 2000);
	/* when the flood has aged, there is room again */
	env.now_us += AGE / 2;
	for (uint32_t i = 0; i < 50; i++)
		learn(f, i, 0, 2, 0);
	env.now_us += AGE / 2;
	for (uint32_t i = 0; i < 20; i++)
		learn(f, 90000, 0, 1, 0); /* each looks at a part of the table */
	assert_int_equal(where(f, 90000, 0), 1000);
	assert_int_equal(where(f, 3, 0), 2000);
	fdb_free(f);
}

/* The table against a plain array. */
static void test_model(void **state)
{
	struct fdb *f = make(600, false);
	static int port[2000];
	static uint64_t seen[2000];
	uint32_t pos = 0, n = 0, want = 0;
	struct fdb_entry e;

	memset(port, -1, sizeof(port));
	for (unsigned round = 0; round < 40000; round++) {
		uint32_t i = rng_below(&rng, 2000), p = rng_below(&rng, 5);
		struct ethaddr a = mac(i);

		if (round % 5 == 0) {
			assert_int_equal(fdb_del(f, &a, 0),
					 port[i] < 0 ? -ENOENT : 0);
			port[i] = -1;
		} else if (port[i] >= 0 || stats(f).n < 600) {
			learn(f, i, 0, p, 0);
			port[i] = p;
			seen[i] = env.now_us;
		}
		env.now_us++;
		if (round % 10000 == 5000) {
			fdb_flush(f, 3, 0);
			for (unsigned k = 0; k < 2000; k++)
				if (port[k] == 3)
					port[k] = -1;
		}
		i = rng_below(&rng, 2000);
		assert_int_equal(where(f, i, 0), port[i] < 0 ? -1 : port[i] * 1000);
	}
	for (unsigned k = 0; k < 2000; k++)
		want += port[k] >= 0;
	while (fdb_next(f, &pos, &e)) {
		uint32_t i = get32(e.mac.b + 2);

		assert_int_equal(e.place.port, port[i]);
		assert_true(e.seen_us == seen[i]);
		assert_false(e.fixed);
		n++;
	}
	assert_int_equal(n, want);
	assert_int_equal(stats(f).n, want);
	fdb_free(f);
}

/* Two workers' tables. */
static void test_share(void **state)
{
	struct fdb *f = make(0, true), *g = make(0, true);
	struct fdb_change c[FDB_OUTBOX];
	unsigned n;

	learn(f, 1, 5, 2, 3);
	learn(f, 1, 5, 2, 3); /* nothing new */
	assert_int_equal(fdb_changes(f, c, 10), 1);
	assert_int_equal(c[0].vlan, 5);
	fdb_apply(g, &c[0], &env);
	assert_int_equal(where(g, 1, 5), 2003);
	assert_int_equal(fdb_changes(f, c, 10), 0);
	assert_int_equal(fdb_changes(g, c, 10), 0); /* no echo */
	/* who talks to one worker only stays known to all */
	for (unsigned i = 0; i < 40; i++) {
		env.now_us += AGE / 20;
		learn(f, 1, 5, 2, 3);
		n = fdb_changes(f, c, 10);
		assert_int_equal(n, i % 5 == 4);
		if (n)
			fdb_apply(g, &c[0], &env);
		sweep_all(g);
		assert_int_equal(where(g, 1, 5), 2003);
	}
	/* a move is told at once */
	learn(g, 1, 5, 4, 0);
	assert_int_equal(fdb_changes(g, c, 10), 1);
	fdb_apply(f, &c[0], &env);
	assert_int_equal(where(f, 1, 5), 4000);
	/* a full outbox: told with the next frame */
	for (uint32_t i = 0; i < FDB_OUTBOX + 5; i++)
		learn(f, 100 + i, 0, 1, 0);
	assert_int_equal(stats(f).unshared, 5);
	assert_int_equal(fdb_changes(f, c, 100), 100);
	assert_int_equal(fdb_changes(f, c, FDB_OUTBOX), FDB_OUTBOX - 100);
	learn(f, 100 + FDB_OUTBOX, 0, 1, 0);
	assert_int_equal(fdb_changes(f, c, 100), 1);
	fdb_free(f);
	fdb_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_learn, setup),
		cmocka_unit_test_setup(test_ageing, setup),
		cmocka_unit_test_setup(test_static, setup),
		cmocka_unit_test_setup(test_flood, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_share, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
