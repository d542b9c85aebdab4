/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - gustctl: the command line
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const struct command {
	const char *name;
	int (*run)(struct cli *c, int argc, char **argv);
} commands[] = {
	{ "status", show_status },     { "features", show_features },
	{ "flows", show_flows },       { "stats", show_stats },
	{ "selftest", show_selftest }, { "plugins", show_plugins },
	{ "explain", show_explain },   { "capture", show_capture },
};

static int usage(FILE *f, int status)
{
	fputs("usage: gustctl [-s SOCKET] [--json] COMMAND [OPTION...]\n"
	      "\n"
	      "  status                    the interface, the stack, what was "
	      "negotiated\n"
	      "  features                  offloads by ethtool's names: wanted, "
	      "granted,\n"
	      "                            proven, used, per direction\n"
	      "  selftest                  test every offload now, and show the "
	      "matrix\n"
	      "  flows [--proto tcp|udp|icmp] [--address ADDR[/LEN]]\n"
	      "        [--rate] [--watch] [--interval SECONDS]\n"
	      "                            connections and mappings\n"
	      "  stats [--all] [--workers] counters and drop reasons\n"
	      "  plugins [enable NAME | disable NAME | options NAME TEXT]\n"
	      "                            offload plugins, and what they cost\n"
	      "  explain DESTINATION [tcp|udp|icmp] [PORT]\n"
	      "                            the way of a packet, and where it is "
	      "cut\n"
	      "  capture [-i PORT] [-w FILE|-] [--view super|wire|both] [-s "
	      "BYTES]\n"
	      "        [-c COUNT] [-C SIZE] [-G SECONDS] [-W FILES] [-B SIZE] "
	      "[FILTER]\n"
	      "                            packets into a pcapng file\n"
	      "\n"
	      "  -s, --socket SOCKET       the daemon's control socket\n"
	      "                            (" CLI_SOCKET ")\n"
	      "      --json                print one JSON document\n"
	      "      --version             print the version\n"
	      "  -h, --help                print this\n",
	      f);
	return status;
}

/* --json is welcome behind the command as well: taken out of argv. */
static int take_json(struct cli *c, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (i && !strcmp(argv[i], "--json"))
			c->json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

int main(int argc, char **argv)
{
	enum { OPT_JSON = 256, OPT_VERSION };
	static const struct option opts[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct cli c = { .socket = CLI_SOCKET };
	int ch;

	while ((ch = getopt_long(argc, argv, "+s:h", opts, NULL)) >= 0) {
		switch (ch) {
		case 's':
			c.socket = optarg;
			break;
		case OPT_JSON:
			c.json = true;
			break;
		case OPT_VERSION:
			printf("gustctl %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return usage(stderr, 2);
	argc = take_json(&c, argc, argv);
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(&c, argc, argv);
	fprintf(stderr, "gustctl: no command \"%s\"\n", argv[0]);
	return usage(stderr, 2);
}
