/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_plugins.c - gustctl plugins: what is loaded, what it does, what it costs
 *
 *	gustctl plugins [enable NAME | disable NAME | options NAME TEXT]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void print_words(const char *head, const json_t *list)
{
	char *words;

	if (!json_array_size(list))
		return;
	words = fmt_words(list, " ");
	printf("    %-9s %s\n", head, words ? words : "");
	free(words);
}

static void print_work(const json_t *p)
{
	uint64_t in = get_num(p, "packets_in"), ns = get_num(p, "time_ns");
	char a[FMT_LEN], b[FMT_LEN], t[FMT_LEN];

	printf("    %-9s in %s, out %s, time %s", "packets", fmt_count(in, a),
	       fmt_count(get_num(p, "packets_out"), b), fmt_time(ns / 1000, t));
	if (in)
		printf(" (%" PRIu64 " ns each)", ns / in);
	if (get_num(p, "dropped"))
		printf(", dropped %s", fmt_count(get_num(p, "dropped"), a));
	if (get_num(p, "faults"))
		printf(", faults %s", fmt_count(get_num(p, "faults"), a));
	putchar('\n');
}

static void print_counters(json_t *o)
{
	const char *key, *sep = "";
	json_t *v;

	if (!json_object_size(o))
		return;
	printf("    %-9s ", "counters");
	json_object_foreach(o, key, v)
	{
		printf("%s%s %" PRIu64, sep, key, (uint64_t)json_integer_value(v));
		sep = ", ";
	}
	putchar('\n');
}

static void print_plugin(const json_t *p)
{
	printf("%s: %s", get_str(p, "name"), get_str(p, "state"));
	if (*get_str(p, "why"))
		printf(" (%s)", get_str(p, "why"));
	if (*get_str(p, "text"))
		printf(" - %s", get_str(p, "text"));
	putchar('\n');
	printf("    %-9s %s\n", "file", get_str(p, "path"));
	if (*get_str(p, "options"))
		printf("    %-9s %s\n", "options", get_str(p, "options"));
	print_words("provides", json_object_get(p, "provides"));
	print_words("needs", json_object_get(p, "needs"));
	print_words("missing", json_object_get(p, "missing"));
	print_work(p);
	print_counters(json_object_get(p, "counters"));
}

/* NULL: wrong; a message was printed. */
static json_t *params(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "enable"))
		return json_pack("{s:s, s:b}", "name", argv[2], "enable", 1);
	if (argc == 3 && !strcmp(argv[1], "disable"))
		return json_pack("{s:s, s:b}", "name", argv[2], "enable", 0);
	if (argc == 4 && !strcmp(argv[1], "options"))
		return json_pack("{s:s, s:s}", "name", argv[2], "options", argv[3]);
	fprintf(stderr, "gustctl: plugins: expected nothing, \"enable NAME\", "
			"\"disable NAME\" or \"options NAME TEXT\"\n");
	return NULL;
}

int show_plugins(struct cli *c, int argc, char **argv)
{
	const char *method = argc > 1 ? "gust.PluginSet" : "gust.Plugins";
	json_t *o, *q = NULL, *p;
	size_t i;

	if (argc > 1) {
		q = params(argc, argv);
		if (!q)
			return 2;
	}
	if (client_call(c, method, q, &o))
		return 1;
	if (c->json)
		print_json(o, false);
	else
		json_array_foreach(json_object_get(o, "plugins"), i, p)
			print_plugin(p);
	json_decref(o);
	return 0;
}
