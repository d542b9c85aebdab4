/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_stats.c - gustctl stats: every counter, and every drop reason by name
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_group(const char *group, json_t *o, const json_t *texts, bool all)
{
	bool head = false;
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		uint64_t n = json_integer_value(v);
		const char *text = texts ? get_str(texts, key) : "";

		if (!n && !all)
			continue;
		if (!head)
			printf("%s:\n", group);
		head = true;
		printf("  %-34s %20" PRIu64 "%s%s\n", key, n, *text ? "  " : "",
		       text);
	}
}

static void print_counters(json_t *o, const json_t *texts, bool all)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
		print_group(key, v, strcmp(key, "drops") ? NULL : texts, all);
}

int show_stats(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "workers", no_argument, NULL, 'w' },
		{ 0 },
	};
	bool all = false, workers = false;
	json_t *o, *list, *v;
	size_t i;
	int ch;

	optind = 0;
	while ((ch = getopt_long(argc, argv, "aw", opts, NULL)) >= 0) {
		if (ch == 'a')
			all = true;
		else if (ch == 'w')
			workers = true;
		else
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "gustctl: stats takes no argument \"%s\"\n",
			argv[optind]);
		return 2;
	}
	if (client_call(c, "gust.Stats", NULL, &o))
		return 1;
	list = json_object_get(o, "workers");
	if (c->json) {
		print_json(o, false);
	} else if (!workers) {
		print_counters(json_object_get(o, "total"),
			       json_object_get(o, "drop_texts"), all);
	} else {
		json_array_foreach(list, i, v)
		{
			printf("%sworker %zu\n", i ? "\n" : "", i);
			print_counters(v, json_object_get(o, "drop_texts"), all);
		}
	}
	json_decref(o);
	return 0;
}
