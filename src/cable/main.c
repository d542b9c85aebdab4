/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - gust-wire: the command line
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cable/cable.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static int usage(FILE *f, int status)
{
	fputs("usage: gust-wire [OPTION...] A B\n"
	      "\n"
	      "Join the taps A and B by a wire that carries superpackets whole.\n"
	      "\n"
	      "      --netns-a NS       namespace of A (a name, or a path)\n"
	      "      --netns-b NS       namespace of B\n"
	      "      --tun              tuns instead of taps\n"
	      "      --up               set both interfaces up\n"
	      "      --underlay KIND    B is a tap (as A), an Ethernet device that "
	      "carries\n"
	      "                         tunnels (packet), or a UDP socket (udp; B "
	      "is "
	      "-)\n"
	      "      --tunnel TEXT      \"vxlan id 42 local ADDR remote ADDR port "
	      "4789\";\n"
	      "                         again for each tunnel around it, innermost "
	      "first\n"
	      "      --impair TEXT      make it a bad one: \"loss 1%, delay "
	      "20ms\";\n"
	      "                         tx is from A to B, rx from B to A\n"
	      "      --no-offload LIST  do without: csum, tso, ecn, uso, gro\n"
	      "      --plugins DIR      where the offload plugins are\n"
	      "      --seconds N        end after so long\n"
	      "      --json             counters at the end as one JSON "
	      "document\n"
	      "      --version          print the version\n"
	      "  -h, --help             print this\n",
	      f);
	return status;
}

static bool no_offload(char *list, unsigned *ret)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
		{ "csum", CABLE_CSUM }, { "tso", CABLE_TSO }, { "ecn", CABLE_ECN },
		{ "uso", CABLE_USO },   { "gro", CABLE_GRO },
	};
	char *save = NULL;

	for (char *w = strtok_r(list, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		unsigned i = 0, n = sizeof(names) / sizeof(names[0]);

		while (i < n && strcmp(names[i].name, w))
			i++;
		if (i == n) {
			fprintf(stderr,
				"gust-wire: --no-offload \"%s\": expected csum, "
				"tso, ecn, uso or gro\n",
				w);
			return false;
		}
		*ret |= names[i].bit;
	}
	return true;
}

static bool seconds(const char *s, unsigned *ret)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || v > 1000000000) {
		fprintf(stderr,
			"gust-wire: --seconds \"%s\": expected a whole "
			"number\n",
			s);
		return false;
	}
	*ret = (unsigned)v;
	return true;
}

static bool underlay(const char *s, enum cable_underlay *ret)
{
	static const char *const names[] = {
		[CABLE_TAP] = "tap", [CABLE_PACKET] = "packet", [CABLE_UDP] = "udp"
	};

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(s, names[i])) {
			*ret = i;
			return true;
		}
	fprintf(stderr,
		"gust-wire: --underlay \"%s\": expected tap, packet or udp\n", s);
	return false;
}

/* -1: go on; else the exit status. */
static int arguments(int argc, char **argv, struct cable_conf *c, bool *json)
{
	enum {
		OPT_NETNS_A = 256,
		OPT_NETNS_B,
		OPT_TUN,
		OPT_UP,
		OPT_IMPAIR,
		OPT_NO,
		OPT_DIR,
		OPT_SECONDS,
		OPT_UNDERLAY,
		OPT_TUNNEL,
		OPT_JSON,
		OPT_VERSION
	};
	static const struct option opts[] = {
		{ "netns-a", required_argument, NULL, OPT_NETNS_A },
		{ "netns-b", required_argument, NULL, OPT_NETNS_B },
		{ "tun", no_argument, NULL, OPT_TUN },
		{ "up", no_argument, NULL, OPT_UP },
		{ "impair", required_argument, NULL, OPT_IMPAIR },
		{ "no-offload", required_argument, NULL, OPT_NO },
		{ "plugins", required_argument, NULL, OPT_DIR },
		{ "seconds", required_argument, NULL, OPT_SECONDS },
		{ "underlay", required_argument, NULL, OPT_UNDERLAY },
		{ "tunnel", required_argument, NULL, OPT_TUNNEL },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "h", opts, NULL)) >= 0) {
		switch (ch) {
		case OPT_NETNS_A:
		case OPT_NETNS_B:
			c->netns[ch - OPT_NETNS_A] = optarg;
			break;
		case OPT_TUN:
			c->tun = true;
			break;
		case OPT_UP:
			c->up = true;
			break;
		case OPT_IMPAIR:
			c->impair = optarg;
			break;
		case OPT_NO:
			if (!no_offload(optarg, &c->without))
				return 2;
			break;
		case OPT_DIR:
			c->plugin_dir = optarg;
			break;
		case OPT_SECONDS:
			if (!seconds(optarg, &c->seconds))
				return 2;
			break;
		case OPT_UNDERLAY:
			if (!underlay(optarg, &c->underlay))
				return 2;
			break;
		case OPT_TUNNEL:
			if (c->n_tunnel == CABLE_TUNNELS_MAX) {
				fprintf(stderr, "gust-wire: --tunnel: at most %d\n",
					CABLE_TUNNELS_MAX);
				return 2;
			}
			c->tunnel[c->n_tunnel++] = optarg;
			break;
		case OPT_JSON:
			*json = true;
			break;
		case OPT_VERSION:
			puts("gust-wire " PACKAGE_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	if (argc - optind != 2)
		return usage(stderr, 2);
	if ((c->underlay == CABLE_TAP && c->n_tunnel) ||
	    (c->underlay == CABLE_UDP && !c->n_tunnel)) {
		fputs("gust-wire: --tunnel needs --underlay packet or udp, and udp "
		      "needs a tunnel\n",
		      stderr);
		return 2;
	}
	c->name[CABLE_A] = argv[optind];
	c->name[CABLE_B] = argv[optind + 1];
	return -1;
}

int main(int argc, char **argv)
{
	struct cable_conf conf = { 0 };
	struct cable *c;
	bool json = false;
	char err[512];
	int r = arguments(argc, argv, &conf, &json);

	if (r >= 0)
		return r;
	r = cable_open(&conf, &c, err, sizeof(err));
	if (r) {
		log_err("gust-wire: %s", err);
		return 1;
	}
	log_info("gust-wire: %s and %s are joined", conf.name[0], conf.name[1]);
	r = cable_run(c, err, sizeof(err));
	if (r)
		log_err("gust-wire: %s", err);
	cable_report(c, &conf, json);
	cable_close(c);
	return r ? 1 : 0;
}
