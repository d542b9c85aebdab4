/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_proof.c - the self-test on the kernel that runs this test, and what
 * becomes of its verdicts when a child is lost
 *
 * This program is its own child, see main(). In place of the real one stands
 * fake_child() when the environment of this test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link/facts.h"
#include "proof/proof_internal.h"

#define B(f) FEAT_BIT(FEAT_##f)
#define SMALL (B(TX_CSUM) | B(TSO4) | B(TSO6) | B(USO))
#define FROM FACT_FROM_KERNEL
#define TO FACT_TO_KERNEL
#define FAKE "GUST_TEST_FAKE_CHILD"

static struct proof_result res;

static bool run_as(uint32_t feats, uint32_t big, unsigned ms, bool tap)
{
	struct proof_conf c = { feats, big, tap, ms };

	memset(&res, 0xaa, sizeof(res));
	assert_int_equal(proof_run(&c, &res), 0);
	if (!res.tried && ms > 1000)
		print_message("not tried: %s\n", res.why);
	return res.tried;
}

static bool run(uint32_t feats)
{
	return run_as(feats, 490000, 5000, false);
}

static void no_child_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- the matrix ---- */

static void matrix(void **state)
{
	static struct proof_cell c[PROOF_CELLS_MAX];
	unsigned n = proof_plan(UINT32_MAX, c);
	uint32_t feats = 0;

	for (unsigned i = 0; i < n; i++) {
		feats |= FEAT_BIT(c[i].feat);
		assert_int_equal(c[i].verdict, PROOF_NONE);
		assert_true(c[i].shape < PROOF_SHAPES);
		assert_false(c[i].shape == PROOF_OFF && c[i].dir == TO);
		for (unsigned k = 0; k < i; k++)
			assert_false(c[i].feat == c[k].feat &&
				     c[i].dir == c[k].dir && c[i].v6 == c[k].v6 &&
				     c[i].shape == c[k].shape);
	}
	assert_int_equal(feats, PROOF_FEATS);
	assert_int_equal(proof_plan(B(TSO4), c), 7); /* three to, four from */
	assert_int_equal(proof_plan(B(USO), c), 14);
	assert_int_equal(proof_plan(0, c), 0);
}

static void set(unsigned i, enum feat f, enum fact_dir d, enum proof_verdict v)
{
	res.cell[i] =
		(struct proof_cell){ .feat = (uint8_t)f, .dir = d, .verdict = v };
	res.n_cell = i + 1;
}

static void judgement(void **state)
{
	memset(&res, 0, sizeof(res));
	set(0, FEAT_TSO4, TO, PROOF_OK);
	set(1, FEAT_TSO4, TO, PROOF_OK);
	set(2, FEAT_TSO4, FROM, PROOF_OK);
	set(3, FEAT_TSO4, FROM, PROOF_FAILED);
	set(4, FEAT_USO, TO, PROOF_OK);
	set(5, FEAT_USO, TO, PROOF_NONE);
	set(6, FEAT_USO, FROM, PROOF_OK);
	set(7, FEAT_UFO, FROM, PROOF_NOT_HERE);
	set(8, FEAT_UFO, TO, PROOF_NOT_HERE);
	set(9, FEAT_UFO, TO, PROOF_OK);
	set(10, FEAT_TSO6, FROM, PROOF_NONE);
	set(11, FEAT_TSO6, FROM, PROOF_FAILED);
	proof_judge(&res);
	assert_int_equal(res.ok[TO], B(TSO4) | B(UFO));
	assert_int_equal(res.failed[TO], 0);
	assert_int_equal(res.ok[FROM], B(USO));
	assert_int_equal(res.failed[FROM], B(TSO4) | B(TSO6));
	assert_ptr_equal(proof_first_failure(&res, UINT32_MAX), &res.cell[3]);
	assert_ptr_equal(proof_first_failure(&res, B(TSO6)), &res.cell[11]);
	assert_null(proof_first_failure(&res, B(USO)));
	assert_string_equal(proof_shape_name(PROOF_ONE), "one");
	assert_string_equal(proof_verdict_name(PROOF_NOT_HERE), "not here");
}

/* ---- the kernel ---- */

static void complete(void)
{
	for (unsigned i = 0; i < res.n_cell; i++) {
		const struct proof_cell *c = &res.cell[i];

		assert_int_not_equal(c->verdict, PROOF_NONE);
		if (c->verdict == PROOF_OK)
			assert_string_equal(c->why, "");
		else
			assert_true(strlen(c->why) > 10);
		if (c->verdict == PROOF_FAILED)
			print_message("%s v%d %s %s: %s\n", feat_name(c->feat),
				      c->v6 ? 6 : 4, fact_dir_name(c->dir),
				      proof_shape_name(c->shape), c->why);
	}
	for (unsigned d = 0; d < FACT_DIRS; d++) {
		assert_int_equal(res.ok[d] & res.failed[d], 0);
		/* every kernel with a virtio_net_hdr on tun delivers these */
		assert_int_equal(res.ok[d] & (B(TX_CSUM) | B(TSO4)),
				 B(TX_CSUM) | B(TSO4));
	}
}

static void all_forms(void **state)
{
	if (!run(PROOF_FEATS))
		skip();
	print_message("tun: %u tests in %u us\n", res.n_cell, res.took_us);
	complete();
	assert_string_equal(res.why, "");
	/* a verdict on what is tested in both directions */
	assert_int_equal((res.ok[TO] | res.failed[TO]) & (SMALL | B(BIGTCP4)),
			 SMALL | B(BIGTCP4));
	assert_int_equal((res.ok[FROM] | res.failed[FROM]) & SMALL, SMALL);
	/* without a sanitizer and neighbours it takes a fortieth of that */
	assert_true(res.took_us > 0 && res.took_us < 1000000);
	no_child_left();
}

static void all_forms_tap(void **state)
{
	if (!run_as(PROOF_FEATS, 490000, 5000, true))
		skip();
	print_message("tap: %u tests in %u us\n", res.n_cell, res.took_us);
	complete();
	no_child_left();
}

static void only_what_was_asked(void **state)
{
	if (!run(B(TSO4)))
		skip();
	assert_int_equal(res.ok[TO], B(TSO4));
	assert_int_equal(res.ok[FROM], B(TSO4));
	assert_int_equal(res.failed[TO] | res.failed[FROM], 0);
	assert_int_equal(res.n_cell, 7);
	assert_true(run(0));
	assert_int_equal(res.n_cell, 0);
}

/* Sizes below 64 KB and beyond what the kernel holds are brought into range. */
static void odd_sizes(void **state)
{
	uint32_t ok;

	if (!run_as(B(BIGTCP4), 100, 5000, false))
		skip();
	ok = res.ok[TO];
	assert_true(run_as(B(BIGTCP4), UINT32_MAX, 5000, false));
	assert_int_equal(res.ok[TO], ok);
}

/* The time is a promise; the child does not stay. */
static void no_time(void **state)
{
	/* (on a busy machine the child may be faster than we are) */
	if (run_as(PROOF_FEATS, 490000, 0, false)) {
		for (unsigned i = 0; i < res.n_cell; i++)
			if (res.cell[i].verdict == PROOF_NONE)
				assert_string_equal(res.cell[i].why,
						    "not through after 0 ms");
	} else {
		assert_string_equal(res.why, "not through after 0 ms");
		assert_int_equal(res.n_cell, 0);
	}
	no_child_left();
}

static void leaves_nothing(void **state)
{
	struct stat before, after;
	int fd = dup(0);

	close(fd);
	assert_int_equal(stat("/proc/self/ns/net", &before), 0);
	run(SMALL);
	assert_int_equal(stat("/proc/self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(if_nametoindex("gustprobe0"), 0);
	assert_int_equal(dup(0), fd);
	close(fd);
	no_child_left();
}

/* A step does not wait, whatever the child does; an end in the middle is one. */
static void never_blocks(void **state)
{
	struct proof_conf c = { PROOF_FEATS, 490000, false, 5000 };
	struct proof_job *j;
	unsigned steps = 0;

	assert_int_equal(proof_begin(&c, &j), 0);
	for (uint64_t end = proof_now_us() + 6000000; proof_now_us() < end;) {
		uint64_t t = proof_now_us();
		bool done = proof_step(j);
		struct pollfd p = { .fd = proof_fd(j), .events = POLLIN };

		assert_true(proof_now_us() - t < 100000);
		steps++;
		if (done)
			break;
		poll(&p, 1, (int)proof_wait_ms(j));
	}
	assert_true(steps > 1);
	assert_true(proof_step(j)); /* and stays finished */
	proof_end(j);
	no_child_left();

	assert_int_equal(proof_begin(&c, &j), 0);
	proof_end(j);
	proof_end(NULL);
	no_child_left();
}

/* ---- lost children ---- */

/* Does as FAKE says: "die N", "hang N" in test N, "dead" before it says a word,
 * "fall" in each test, "refuse", "babble". Other tests are fine. */
static int fake_child(const char *what, const char *args)
{
	struct proof_cell cell[PROOF_CELLS_MAX];
	struct proof_msg m = { .kind = PROOF_MSG_READY };
	unsigned feats, first, n, at = 0;
	char verb[16] = "";

	if (sscanf(args, "%*d:%*d:%x:%*u:%*u:%u", &feats, &first) != 2)
		return 1;
	sscanf(what, "%15s %u", verb, &at);
	if (!strcmp(verb, "dead"))
		return 1;
	if (!strcmp(verb, "refuse")) {
		m.kind = PROOF_MSG_REFUSED;
		strcpy(m.cell.why, "not today");
		return write(3, &m, sizeof(m)) < 0;
	}
	if (!strcmp(verb, "babble"))
		m.kind = 77;
	n = proof_plan(feats, cell);
	if (write(3, &m, sizeof(m)) < 0)
		return 1;
	for (unsigned i = first; i < n; i++) {
		m = (struct proof_msg){ .kind = PROOF_MSG_BEGIN, .index = i };
		if (write(3, &m, sizeof(m)) < 0)
			return 1;
		if (!strcmp(verb, "fall") || (!strcmp(verb, "die") && i == at))
			abort();
		if (!strcmp(verb, "hang") && i == at)
			poll(NULL, 0, 20000);
		m.kind = PROOF_MSG_VERDICT;
		m.cell = cell[i];
		m.cell.verdict = PROOF_OK;
		if (!strcmp(verb, "babble"))
			m.index = (uint8_t)(i + 200);
		if (write(3, &m, sizeof(m)) < 0)
			return 1;
	}
	m.kind = PROOF_MSG_DONE;
	return write(3, &m, sizeof(m)) < 0;
}

static void fake(const char *what, unsigned ms)
{
	setenv(FAKE, what, 1);
	run_as(B(TSO4) | B(USO), 490000, ms, false);
	unsetenv(FAKE);
	no_child_left();
}

/* Exactly test `at` has no verdict. */
static void one_is_open(unsigned at, const char *why)
{
	uint32_t bit = FEAT_BIT(res.cell[at].feat);

	assert_true(res.tried);
	assert_int_equal(res.n_cell, 21);
	for (unsigned i = 0; i < res.n_cell; i++) {
		assert_int_equal(res.cell[i].verdict,
				 i == at ? PROOF_NONE : PROOF_OK);
		if (i == at)
			assert_string_equal(res.cell[i].why, why);
	}
	assert_int_equal(res.failed[TO] | res.failed[FROM], 0);
	assert_int_equal(res.ok[res.cell[at].dir] & bit, 0);
	assert_int_equal(res.ok[!res.cell[at].dir] & bit, bit);
}

static void a_child_dies(void **state)
{
	fake("die 0", 5000);
	one_is_open(0, "the test's process ended early");
	fake("die 20", 5000);
	one_is_open(20, "the test's process ended early");
}

static void a_child_hangs(void **state)
{
	fake("hang 5", 8000);
	one_is_open(5, "stuck for 1000 ms");
	assert_true(res.took_us > 900000 && res.took_us < 3000000);
}

static void every_child_dies(void **state)
{
	fake("fall", 5000);
	assert_true(res.tried);
	for (unsigned i = 0; i < res.n_cell; i++) {
		assert_int_equal(res.cell[i].verdict, PROOF_NONE);
		assert_string_not_equal(res.cell[i].why, "");
	}
	assert_int_equal(res.ok[TO] | res.ok[FROM], 0);
	fake("dead", 5000);
	assert_false(res.tried);
	assert_string_equal(res.why, "the test's process ended early");
}

static void a_child_refuses(void **state)
{
	fake("refuse", 5000);
	assert_false(res.tried);
	assert_string_equal(res.why, "not today");
	assert_int_equal(res.n_cell, 0);
	fake("babble", 5000); /* and no index is believed */
	assert_false(res.tried);
	assert_int_equal(res.ok[TO] | res.ok[FROM], 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrix),
		cmocka_unit_test(judgement),
		cmocka_unit_test(all_forms),
		cmocka_unit_test(all_forms_tap),
		cmocka_unit_test(only_what_was_asked),
		cmocka_unit_test(odd_sizes),
		cmocka_unit_test(no_time),
		cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(never_blocks),
		cmocka_unit_test(a_child_dies),
		cmocka_unit_test(a_child_hangs),
		cmocka_unit_test(every_child_dies),
		cmocka_unit_test(a_child_refuses),
	};
	const char *what = getenv(FAKE);
	int status;

	if (what && argc == 3 && !strcmp(argv[1], PROOF_CHILD_OPT))
		return fake_child(what, argv[2]);
	if (proof_child(argc, argv, &status))
		return status;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
