/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_features.c - gustctl features: names and layout of `ethtool -k`, once for
 * each direction
 *
 * "[requested on]": somebody wants it and it is not in use, with the reason
 * where we know it. "[fixed]": nobody can change it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* What stands behind "on" or "off". */
static const char *remark_from(const json_t *f, bool ethtool)
{
	bool on = get_bool(f, "from_kernel");
	json_t *granted = json_object_get(f, "granted");

	if (on)
		return "";
	if (json_is_null(granted))
		return " [fixed]";
	if (!get_bool(f, "configured"))
		return " [not configured]";
	if (json_is_false(granted))
		return " [fixed]";
	if (ethtool && get_bool(f, "changeable") && !get_bool(f, "requested"))
		return "";
	return " [requested on]";
}

static const char *remark_to(const json_t *f)
{
	bool on = get_bool(f, "to_kernel");

	if (on)
		return !strcmp(get_str(f, "proven"), "yes") ? " [proven]" : "";
	if (get_bool(f, "demoted"))
		return " [requested on] (refused by the kernel at run time)";
	if (!strcmp(get_str(f, "proven"), "no"))
		return " [requested on] (the self-test failed)";
	if (!get_bool(f, "configured"))
		return " [not configured]";
	return "";
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
	const char *name = get_str(o, "interface");
	const json_t *used = json_object_get(o, "used");
	json_t *list = json_object_get(o, "features"), *f;
	size_t i;

	printf("Features for %s, from the kernel:\n", name);
	json_array_foreach(list, i, f)
		printf("%s: %s%s\n", get_str(f, "name"),
		       get_bool(f, "from_kernel") ? "on" : "off",
		       remark_from(f, get_bool(o, "ethtool")));
	print_sizes(json_object_get(o, "from_kernel"));
	printf("superpackets received: %" PRIu64 "\n", get_num(used, "rx_super"));

	printf("\nFeatures for %s, to the kernel:\n", name);
	json_array_foreach(list, i, f)
	{
		printf("%s: %s%s", get_str(f, "name"),
		       get_bool(f, "to_kernel") ? "on" : "off", remark_to(f));
		if (get_num(f, "refused"))
			printf(" (%" PRIu64 " packets refused)",
			       get_num(f, "refused"));
		putchar('\n');
	}
	print_sizes(json_object_get(o, "to_kernel"));
	printf("superpackets sent: %" PRIu64 ", above 64 KB: %" PRIu64
	       ", cut in software: %" PRIu64 "\n\n",
	       get_num(used, "tx_super"), get_num(used, "tx_big"),
	       get_num(used, "sw_segmented"));
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
