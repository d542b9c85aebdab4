/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_selftest.c - gustctl selftest: run it, and show the matrix
 *
 * One line for each feature, direction and address family, one column for each
 * shape of the last segment; below it, the first reason of each feature and
 * direction.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char *const tails[] = { "full", "short", "one", "off" };
#define TAILS (sizeof(tails) / sizeof(tails[0]))

static const char *direction(const json_t *c)
{
	return !strcmp(get_str(c, "direction"), "to_kernel") ? "to kernel" :
							       "from kernel";
}

static bool same_line(const json_t *a, const json_t *b)
{
	return !strcmp(get_str(a, "feature"), get_str(b, "feature")) &&
	       !strcmp(get_str(a, "direction"), get_str(b, "direction")) &&
	       get_num(a, "family") == get_num(b, "family");
}

/* The cells [i, end) are of one line. */
static size_t line_end(const json_t *cells, size_t i)
{
	size_t n = json_array_size(cells), end = i + 1;

	while (end < n &&
	       same_line(json_array_get(cells, i), json_array_get(cells, end)))
		end++;
	return end;
}

static const char *verdict_of(const json_t *cells, size_t i, size_t end,
			      const char *tail)
{
	for (; i < end; i++) {
		const json_t *c = json_array_get(cells, i);

		if (!strcmp(get_str(c, "tail"), tail))
			return get_str(c, "verdict");
	}
	return "-";
}

static void print_matrix(const json_t *cells)
{
	size_t n = json_array_size(cells);

	printf("%-28s  %-11s  %-4s", "FEATURE", "DIRECTION", "IP");
	for (unsigned t = 0; t < TAILS; t++)
		printf("  %-8s", tails[t]);
	putchar('\n');
	for (size_t i = 0, end; i < n; i = end) {
		const json_t *c = json_array_get(cells, i);

		end = line_end(cells, i);
		printf("%-28s  %-11s  IPv%" PRIu64, get_str(c, "feature"),
		       direction(c), get_num(c, "family"));
		for (unsigned t = 0; t < TAILS; t++)
			printf("  %-8s", verdict_of(cells, i, end, tails[t]));
		putchar('\n');
	}
}

static bool said_before(const json_t *cells, size_t i)
{
	const json_t *c = json_array_get(cells, i);

	for (size_t k = 0; k < i; k++) {
		const json_t *b = json_array_get(cells, k);

		if (*get_str(b, "why") &&
		    !strcmp(get_str(b, "verdict"), get_str(c, "verdict")) &&
		    !strcmp(get_str(b, "feature"), get_str(c, "feature")) &&
		    !strcmp(get_str(b, "direction"), get_str(c, "direction")))
			return true;
	}
	return false;
}

static void print_reasons(const json_t *cells)
{
	bool head = false;

	for (size_t i = 0; i < json_array_size(cells); i++) {
		const json_t *c = json_array_get(cells, i);

		if (!*get_str(c, "why") || said_before(cells, i))
			continue;
		printf("%s%s %s: %s (IPv%" PRIu64 ", %s): %s\n", head ? "" : "\n",
		       get_str(c, "feature"), direction(c), get_str(c, "verdict"),
		       get_num(c, "family"), get_str(c, "tail"), get_str(c, "why"));
		head = true;
	}
}

static void print_selftest(const json_t *o)
{
	const json_t *cells = json_object_get(o, "cells");
	unsigned bad = 0;
	char took[FMT_LEN];

	if (!get_bool(o, "tried")) {
		printf("The self-test is not possible: %s\nEvery offload is "
		       "unproven: used, and watched by counters.\n",
		       get_str(o, "why"));
		return;
	}
	print_matrix(cells);
	print_reasons(cells);
	for (size_t i = 0; i < json_array_size(cells); i++)
		bad += !strcmp(get_str(json_array_get(cells, i), "verdict"),
			       "failed");
	printf("\n%zu tests on a scratch %s, %u failed; took %s\n",
	       json_array_size(cells), get_str(o, "mode"), bad,
	       fmt_us(get_num(o, "took_us"), took));
	if (*get_str(o, "why"))
		printf("The last run was not possible: %s\n", get_str(o, "why"));
}

int show_selftest(struct cli *c, int argc, char **argv)
{
	json_t *o;

	if (argc > 1) {
		fprintf(stderr, "gustctl: selftest takes no argument \"%s\"\n",
			argv[1]);
		return 2;
	}
	if (client_call(c, "gust.Selftest", NULL, &o))
		return 1;
	if (c->json)
		print_json(o, false);
	else
		print_selftest(o);
	json_decref(o);
	return 0;
}
