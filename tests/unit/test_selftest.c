/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_selftest.c - the facts on the control socket, and the self-test that runs
 * beside the daemon: when, for whom, and what its result replaces
 */
#include "control_lib.h"

/* Four facts and what follows from them, each direction. */
static void test_facts(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Features\"}"), *t, *tso, *uso;

	tso = at(json_array_get(at(o, "features"), FEAT_TSO4), "facts");
	t = at(tso, "to_kernel");
	assert_true(json_is_true(at(t, "wanted")));
	assert_true(json_is_true(at(t, "granted")));
	assert_string_equal(json_string_value(at(t, "proven")), "proven");
	assert_string_equal(json_string_value(at(t, "why")), "in use");
	assert_true(json_is_true(at(t, "in_use")));
	t = at(at(json_array_get(at(o, "features"), FEAT_UDP_TNL_CSUM), "facts"),
	       "to_kernel");
	assert_string_equal(json_string_value(at(t, "why")), "not configured");
	t = at(tso, "from_kernel");
	assert_true(json_is_false(at(t, "granted")));
	assert_string_equal(json_string_value(at(t, "proven")), "unproven");
	assert_string_equal(json_string_value(at(t, "why")), "not granted");
	assert_true(json_is_null(at(t, "because")));
	assert_int_equal(json_integer_value(at(t, "used.superpackets")), 10);
	assert_int_equal(json_integer_value(at(t, "used.bytes")), 10000);
	uso = at(json_array_get(at(o, "features"), FEAT_USO), "facts");
	assert_int_equal(json_integer_value(at(uso, "to_kernel.used.superpackets")),
			 12);
	assert_true(json_is_null(at(o, "unproven_because")));
	json_decref(o);
	f->d.proof.tried = false;
	strcpy(f->d.proof.why, "not today");
	o = call(f, fd, "{\"method\":\"gust.Features\"}");
	assert_string_equal(json_string_value(at(o, "unproven_because")),
			    "not today");
	json_decref(o);
	close(fd);
}

/* ---- the self-test: a reply that comes later ---- */

static void say_found(void)
{
	struct proof_result *r = &fake_proof.res;

	memset(r, 0, sizeof(*r));
	r->tried = true;
	r->took_us = 77;
	r->n_cell = 2;
	r->cell[0] = (struct proof_cell){ .feat = FEAT_USO,
					  .dir = FACT_FROM_KERNEL,
					  .verdict = PROOF_FAILED,
					  .v6 = true,
					  .shape = PROOF_ONE,
					  .why = "lost" };
	r->cell[1] = (struct proof_cell){ .feat = FEAT_TSO4,
					  .dir = FACT_TO_KERNEL,
					  .verdict = PROOF_OK };
	proof_judge(r);
}

/* The parameters of the reply that comes. */
static json_t *take(struct fixture *f, int fd)
{
	char *text = get(f, fd);
	json_t *o, *p;

	assert_non_null(text);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	p = json_incref(at(o, "parameters"));
	json_decref(o);
	free(text);
	return p;
}

static bool silent(struct fixture *f, int fd)
{
	char c;

	spin(f, 20);
	return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void test_selftest(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f), third = dial(f);
	json_t *o, *c;

	put(fd, "{\"method\":\"gust.Selftest\"}");
	assert_true(silent(f, fd));
	assert_int_equal(fake_proof.begun, 1);
	assert_int_equal(fake_proof.conf.feats, PROOF_FEATS);
	/* others are served; a second request joins the one that runs */
	o = call(f, other, "{\"method\":\"gust.Status\"}");
	json_decref(o);
	put(other, "{\"method\":\"gust.Selftest\"}");
	put(third, "{\"method\":\"gust.Selftest\"}");
	assert_true(silent(f, other));
	assert_int_equal(fake_proof.begun, 1);
	/* one does not wait for it */
	close(third);
	spin(f, 10);
	/* and what stands behind it in the first client's socket waits */
	put(fd, "{\"method\":\"gust.Status\"}");
	assert_true(silent(f, fd));

	say_found();
	fake_proof.done = true;
	o = take(f, fd);
	assert_int_equal(json_integer_value(at(o, "took_us")), 77);
	assert_string_equal(json_string_value(at(o, "cause")), "request");
	assert_string_equal(json_string_value(at(o, "mode")), "tun");
	assert_int_equal(json_array_size(at(o, "cells")), 2);
	c = json_array_get(at(o, "cells"), 0);
	assert_string_equal(json_string_value(at(c, "feature")),
			    "tx-udp-segmentation");
	assert_string_equal(json_string_value(at(c, "direction")), "from_kernel");
	assert_int_equal(json_integer_value(at(c, "family")), 6);
	assert_string_equal(json_string_value(at(c, "tail")), "one");
	assert_string_equal(json_string_value(at(c, "verdict")), "failed");
	assert_string_equal(json_string_value(at(c, "why")), "lost");
	assert_int_equal(json_array_size(at(o, "disproven.from_kernel")), 1);
	assert_int_equal(json_array_size(at(o, "proven.to_kernel")), 1);
	json_decref(o);
	o = take(f, fd);
	assert_int_equal(json_integer_value(at(o, "workers")), 2);
	json_decref(o);
	o = take(f, other);
	assert_int_equal(json_array_size(at(o, "cells")), 2);
	json_decref(o);
	/* it is what counts from now on */
	assert_int_equal(f->d.proof.failed[FACT_FROM_KERNEL], FEAT_BIT(FEAT_USO));
	assert_int_equal(f->d.selftest.runs, 1);
	close(fd);
	close(other);
}

/* Two at once, then gone for good; a run that could not be made takes nothing. */
static void test_selftest_again(void **state)
{
	static const char two[] =
		"{\"method\":\"gust.Selftest\"}\0{\"method\":\"gust.Selftest\"}";
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o;

	say_found();
	fake_proof.done = true;
	assert_int_equal(send(fd, two, sizeof(two), 0), sizeof(two));
	o = take(f, fd);
	json_decref(o);
	o = take(f, fd);
	json_decref(o);
	assert_int_equal(fake_proof.begun, 2);

	memset(&fake_proof.res, 0, sizeof(fake_proof.res));
	strcpy(fake_proof.res.why, "no namespace");
	/* a client that has said all still gets it */
	put(fd, "{\"method\":\"gust.Selftest\"}");
	shutdown(fd, SHUT_WR);
	o = take(f, fd);
	assert_true(json_is_true(at(o, "tried")));
	assert_string_equal(json_string_value(at(o, "why")), "no namespace");
	assert_int_equal(json_array_size(at(o, "cells")), 2);
	json_decref(o);
	assert_null(get(f, fd));
	close(fd);
}

static void test_selftest_refused(void **state)
{
	static const char two[] =
		"{\"method\":\"gust.Selftest\"}\0{\"method\":\"gust.Selftest\"}";
	struct fixture *f = *state;
	int fd = dial(f);
	char *text;
	json_t *o;

	fake_proof.refuse = -EAGAIN;
	assert_int_equal(send(fd, two, sizeof(two), 0), sizeof(two));
	for (unsigned i = 0; i < 2; i++) {
		text = get(f, fd);
		assert_non_null(strstr(text, "\"error\":\"gust.Error\""));
		free(text);
	}
	o = call(f, fd, "{\"method\":\"gust.Status\"}");
	json_decref(o);
	/* the daemon stops with one under way: teardown */
	fake_proof.refuse = 0;
	put(fd, "{\"method\":\"gust.Selftest\"}");
	assert_true(silent(f, fd));
	close(fd);
}

/* Suspend shows as a jump between the clocks; nothing else does. */
static void test_slept(void **state)
{
	int64_t s = 5000000;

	assert_false(selftest_slept(&s, 15000000, 10000000));
	assert_false(selftest_slept(&s, 16000000, 11000000));
	/* mono is read last: a delay between the two makes it late */
	assert_false(selftest_slept(&s, 17000000, 13000000));
	assert_int_equal(s, 5000000);
	assert_false(selftest_slept(&s, 18000000, 13000000)); /* and after it */
	assert_false(selftest_slept(&s, 20000000, 15000000 - 499999));
	s = 5000000;
	assert_true(selftest_slept(&s, 30000000, 24500000));
	assert_int_equal(s, 5500000);
	assert_false(selftest_slept(&s, 31000000, 25500000)); /* once */
	assert_true(selftest_slept(&s, INT64_C(90000000000), 26000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_selftest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_selftest_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_selftest_refused, setup,
						teardown),
		cmocka_unit_test(test_slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
