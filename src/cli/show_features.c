/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_features.c - gustctl features: the four facts of every offload, once for
 * each direction
 *
 * Names are ethtool's. A feature that is not in use has the first reason for it in
 * the last column, and below the tables stands what each reason means. What has no
 * meaning in a direction is left out there, and named below its table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const json_t *facts_of(const json_t *f, const char *dir)
{
	return json_object_get(json_object_get(f, "facts"), dir);
}

static bool is_here(const json_t *t)
{
	return strcmp(get_str(t, "why"), "not here") != 0;
}

static const char *yes_no(const json_t *t, const char *key)
{
	return get_bool(t, key) ? "yes" : "no";
}

static void print_reason(const json_t *f, const json_t *t)
{
	const char *because = get_str(t, "because");

	if (!get_bool(t, "in_use")) {
		printf("%s", get_str(t, "why"));
		if (*because && strcmp(because, get_str(f, "name")))
			printf(" (%s)", because);
	}
	if (get_num(f, "refused") && t == facts_of(f, "to_kernel"))
		printf(" [%" PRIu64 " packets refused]", get_num(f, "refused"));
}

static void print_line(const json_t *f, const json_t *t)
{
	const json_t *used = json_object_get(t, "used");
	char n[FMT_LEN], bytes[FMT_LEN];

	printf("%-28s  %-3s  %-6s  %-7s  %-9s  ", get_str(f, "name"),
	       get_bool(t, "in_use") ? "on" : "off", yes_no(t, "wanted"),
	       yes_no(t, "granted"), get_str(t, "proven"));
	if (get_num(used, "superpackets"))
		printf("%12s  %9s  ", fmt_count(get_num(used, "superpackets"), n),
		       fmt_bytes(get_num(used, "bytes"), bytes));
	else
		printf("%12s  %9s  ", "-", "-");
	print_reason(f, t);
	putchar('\n');
}

/* What the reasons in both tables mean, each once. */
static void print_meanings(const json_t *list)
{
	static const char *const dirs[] = { "from_kernel", "to_kernel" };
	json_t *seen = json_object();
	const char *why;
	json_t *means;

	for (size_t i = 0; i < 2 * json_array_size(list); i++) {
		const json_t *t =
			facts_of(json_array_get(list, i / 2), dirs[i % 2]);

		if (is_here(t) && !get_bool(t, "in_use"))
			json_object_set(seen, get_str(t, "why"),
					json_object_get(t, "means"));
	}
	json_object_foreach(seen, why, means)
		printf("%s: %s\n", why, json_string_value(means));
	if (json_object_size(seen))
		putchar('\n');
	json_decref(seen);
}

static void print_absent(const json_t *list, const char *dir)
{
	const char *between = "no meaning here: ";

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i);

		if (is_here(facts_of(f, dir)))
			continue;
		printf("%s%s", between, get_str(f, "name"));
		between = ", ";
	}
	if (*between == ',')
		putchar('\n');
}

static void print_sizes(const json_t *caps)
{
	printf("mtu: %" PRIu64 "\n", get_num(caps, "mtu"));
	printf("gso-max-size: %" PRIu64 " (IPv6), %" PRIu64 " (IPv4), %" PRIu64
	       " (UDP)\n",
	       get_num(caps, "gso_max_size_ipv6"),
	       get_num(caps, "gso_max_size_ipv4"),
	       get_num(caps, "gso_max_size_udp"));
	if (get_num(caps, "gso_max_segs"))
		printf("gso-max-segs: %" PRIu64 "\n",
		       get_num(caps, "gso_max_segs"));
}

static void print_direction(const json_t *o, const char *dir, const char *words)
{
	const json_t *list = json_object_get(o, "features");

	printf("Features for %s, %s:\n%-28s  %-3s  %-6s  %-7s  %-9s  %12s  %9s  "
	       "%s\n",
	       get_str(o, "interface"), words, "FEATURE", "USE", "WANTED",
	       "GRANTED", "PROVEN", "SUPERPACKETS", "BYTES", "WHY NOT");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i), *t = facts_of(f, dir);

		if (is_here(t))
			print_line(f, t);
	}
	print_absent(list, dir);
	print_sizes(json_object_get(o, dir));
	putchar('\n');
}

static void print_limits(const json_t *l)
{
	printf("Limits of the interface:\n"
	       "gso_max_size: %" PRIu64 "\ngso_ipv4_max_size: %" PRIu64 "\n"
	       "tso_max_size: %" PRIu64 "\ngro_max_size: %" PRIu64 "\n"
	       "gro_ipv4_max_size: %" PRIu64 "\n",
	       get_num(l, "gso_max_size"), get_num(l, "gso_ipv4_max_size"),
	       get_num(l, "tso_max_size"), get_num(l, "gro_max_size"),
	       get_num(l, "gro_ipv4_max_size"));
}

static void print_features(const json_t *o)
{
	const json_t *used = json_object_get(o, "used");
	const char *unproven = get_str(o, "unproven_because");

	print_direction(o, "from_kernel", "from the kernel");
	print_direction(o, "to_kernel", "to the kernel");
	print_meanings(json_object_get(o, "features"));
	printf("superpackets received: %" PRIu64 ", sent: %" PRIu64
	       ", above 64 KB: %" PRIu64 ", cut in software: %" PRIu64 "\n\n",
	       get_num(used, "rx_super"), get_num(used, "tx_super"),
	       get_num(used, "tx_big"), get_num(used, "sw_segmented"));
	if (*unproven)
		printf("Nothing is proven, no self-test was made: %s\n\n",
		       unproven);
	print_limits(json_object_get(o, "limits"));
}

int show_features(struct cli *c, int argc, char **argv)
{
	json_t *o;

	if (argc > 1) {
		fprintf(stderr, "gustctl: features takes no argument \"%s\"\n",
			argv[1]);
		return 2;
	}
	if (client_call(c, "gust.Features", NULL, &o))
		return 1;
	if (c->json)
		print_json(o, false);
	else
		print_features(o);
	json_decref(o);
	return 0;
}
