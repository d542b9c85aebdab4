/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_impair_lang.c - the impair plugin's options: what is taken, and which word
 * is named when not
 */
#include "impairlib.h"

static void test_good_options(void **state)
{
	static const char *const good[] = {
		"loss 1%",
		"loss 100%",
		"loss 0%",
		"  loss\t0.25%  ",
		"rx: loss 1%, delay 20ms jitter 5ms, reorder 2%, duplicate 0.5%, "
		"corrupt 0.1%, rate 10mbit, limit 1000, seed 42; tx: drop fin 2, "
		"drop syn 1, drop data 3..5, corrupt ack 7, delay syn 200ms, "
		"duplicate fin 1",
		"both: loss burst 1% 20%",
		"loss burst 1% 20% 90%",
		"loss burst 1% 20% 90% 0.1%",
		"delay 1.5s jitter 500us ordered",
		"rate 1gbit burst 15k",
		"drop any",
		"drop udp 4.. port 53",
		"drop syn-ack 1 port 443;",
		"tx:drop rst;rx:drop icmp",
		"reorder 1% by 3, reorder data 2",
		"delay data 2..3 10ms, delay any 0us",
		";;",
		"rx:",
	};
	char err[256];

	for (unsigned i = 0; i < NELEMS(good); i++) {
		if (registry_options(g.reg, "impair", good[i], err, sizeof(err)))
			fail_msg("%s: %s", good[i], err);
		plug_update(&g);
	}
	assert_true(engine_filters(g.eng));
}

/* The wrong word, and what was expected. */
static void test_bad_options(void **state)
{
	static const struct {
		const char *text, *word, *expected;
	} bad[] = {
		{ "lose 1%", "\"lose\"", "loss, drop, delay" },
		{ "loss", "at the end", "percentage" },
		{ "loss 1", "\"1\"", "such as 0.5%" },
		{ "loss 101%", "\"101%\"", "0% to 100%" },
		{ "loss -1%", "\"-1%\"", "percentage" },
		{ "loss %", "\"%\"", "percentage" },
		{ "loss 1% 2%", "\"2%\"", "a comma" },
		{ "loss 0.25 %", "\"0.25\"", "percentage" },
		{ "loss burst 1%", "at the end", "percentage" },
		{ "delay 20", "\"20\"", "a time" },
		{ "delay 20min", "\"20min\"", "a time" },
		{ "delay 3601s", "\"3601s\"", "up to 3600s" },
		{ "delay ack", "at the end", "a time" },
		{ "delay syn 1", "at the end", "a time" },
		{ "delay sin 200ms", "\"sin\"", "syn, syn-ack" },
		{ "delay 20ms jitter", "at the end", "a time" },
		{ "rate 10", "\"10\"", "such as 10mbit" },
		{ "rate 10mb", "\"10mb\"", "such as 10mbit" },
		{ "rate 1bit", "\"1bit\"", "from 1kbit" },
		{ "rate 1mbit burst x", "\"x\"", "bytes" },
		{ "limit 0", "\"0\"", "1 to 100000" },
		{ "limit 100001", "\"100001\"", "1 to 100000" },
		{ "limit 2.5", "\"2.5\"", "1 to 100000" },
		{ "limit 99999999999999999999999999", "\"9999", "1 to 100000" },
		{ "seed x", "\"x\"", "number" },
		{ "drop", "at the end", "syn, syn-ack" },
		{ "drop 1%", "\"1%\"", "syn, syn-ack" },
		{ "drop syn 0", "\"0\"", "3..5" },
		{ "drop syn 5..3", "\"5..3\"", "3..5" },
		{ "drop syn 1.5", "\"1.5\"", "3..5" },
		{ "drop syn 1...5", "\"1...5\"", "3..5" },
		{ "drop syn port", "at the end", "port number" },
		{ "drop syn port 65536", "\"65536\"", "port number" },
		{ "drop syn twice", "\"twice\"", "a comma" },
		{ "corrupt", "at the end", "a percentage, or syn" },
		{ "corrupt synn", "\"synn\"", "a percentage, or syn" },
		{ "reorder 1% by", "at the end", "packets" },
		{ "reorder 1% by 0", "\"0\"", "packets" },
		{ "up: loss 1%", "\"up\"", "rx, tx or both" },
		{ "rx: loss 1%; tx", "\"tx\"", "loss, drop" },
		{ "loss 1%,, loss 2%", "\",\"", "loss, drop" },
		{ ": loss 1%", "\":\"", "loss, drop" },
		{ "rx: tx: loss 1%", "\"tx\"", "loss, drop" },
	};
	char err[256], many[2000] = "";
	struct gust_batch out;

	options("drop any");
	for (unsigned i = 0; i < NELEMS(bad); i++) {
		if (!registry_options(g.reg, "impair", bad[i].text, err,
				      sizeof(err)))
			fail_msg("%s: was taken", bad[i].text);
		if (!strstr(err, bad[i].word) || !strstr(err, bad[i].expected))
			fail_msg("%s: says %s", bad[i].text, err);
	}
	for (unsigned i = 0; i < 33; i++)
		strcat(many, i ? ", drop syn" : "rx: drop syn");
	assert_true(registry_options(g.reg, "impair", many, err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "32 rules"));
	/* and the old ones are still in force */
	plug_update(&g);
	gust_batch_init(&out);
	give(GUST_RX, 1, 1, &out);
	IDS(&out);
}

/* Without options it is loaded and costs nothing. */
static void test_idle(void **state)
{
	struct registry_info info;

	registry_info(g.reg, 0, &info);
	assert_int_equal(info.state, REGISTRY_WAITING);
	assert_false(engine_filters(g.eng));
	assert_true(engine_deadline(g.eng, GUST_RX) == GUST_NEVER);
	options("loss 1%");
	assert_true(engine_filters(g.eng));
	options("");
	assert_false(engine_filters(g.eng));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_good_options),
		T(test_bad_options),
		T(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
