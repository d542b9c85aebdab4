/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_flows.c - gustctl flows: a table, filtered by the daemon, with rates from
 * two samples
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

struct flows_opts {
	const char *proto, *address;
	bool rate, watch;
	unsigned interval_s;
};

static int fetch(struct cli *c, const struct flows_opts *fo, json_t **ret)
{
	json_t *params = json_object();

	if (fo->proto)
		json_object_set_new(params, "proto", json_string(fo->proto));
	if (fo->address)
		json_object_set_new(params, "address", json_string(fo->address));
	return client_call(c, "gust.Flows", params, ret);
}

/* ---- rates: the second sample gets what grew since the first ---- */

/* What names a flow in both samples; a port that was used anew is older there
 * than here, see below. */
static void flow_id(const json_t *f, char buf[192])
{
	snprintf(buf, 192, "%s %s %" PRIu64 " %s %" PRIu64, get_str(f, "proto"),
		 get_str(f, "inside"), get_num(f, "inside_port"),
		 get_str(f, "outside"), get_num(f, "outside_port"));
}

static uint64_t bits_per_s(uint64_t was, uint64_t is, uint64_t us)
{
	return is > was && us ? (is - was) * 8 * 1000000 / us : 0;
}

static void add_rates(json_t *was, json_t *is)
{
	uint64_t us = get_num(is, "time_us") - get_num(was, "time_us");
	json_t *old = json_object(), *f;
	char id[192];
	size_t i;

	json_array_foreach(json_object_get(was, "flows"), i, f)
	{
		flow_id(f, id);
		json_object_set(old, id, f);
	}
	json_array_foreach(json_object_get(is, "flows"), i, f)
	{
		const json_t *o;

		flow_id(f, id);
		o = json_object_get(old, id);
		if (o && get_num(o, "age_us") > get_num(f, "age_us"))
			o = NULL;
		json_object_set_new(
			f, "rate_in",
			json_integer(bits_per_s(get_num(o, "bytes_in"),
						get_num(f, "bytes_in"), us)));
		json_object_set_new(
			f, "rate_out",
			json_integer(bits_per_s(get_num(o, "bytes_out"),
						get_num(f, "bytes_out"), us)));
	}
	json_decref(old);
}

/* ---- the table ---- */

enum { COLS = 13, CELL = 80 };
static const char *const head[COLS] = { "PROTO",  "INSIDE", "OUTSIDE", "VIA",
					"STATE",  "AGE",    "SENT",    "RECEIVED",
					"SEND/S", "RECV/S", "RTT",     "CWND",
					"RETR" };

static void endpoint(const json_t *f, const char *name, char out[CELL])
{
	const char *a = get_str(f, name);
	char port_key[32], port[16] = "";

	snprintf(port_key, sizeof(port_key), "%s_port", name);
	if (!*a) {
		strcpy(out, "*");
		return;
	}
	if (get_num(f, port_key))
		snprintf(port, sizeof(port), ":%" PRIu64, get_num(f, port_key));
	if (strchr(a, ':') && *port)
		snprintf(out, CELL, "[%s]%s", a, port);
	else
		snprintf(out, CELL, "%s%s", a, port);
}

static void cells(const json_t *f, bool rate, char cell[COLS][CELL])
{
	const json_t *t = json_object_get(f, "tcp");
	char buf[FMT_LEN];

	snprintf(cell[0], CELL, "%s", get_str(f, "proto"));
	endpoint(f, "inside", cell[1]);
	endpoint(f, "outside", cell[2]);
	if (!strcmp(get_str(f, "outside"), ""))
		endpoint(f, "host", cell[2]); /* a UDP mapping: its last host */
	snprintf(cell[3], CELL, "%s", get_str(f, "kind"));
	snprintf(cell[4], CELL, "%s", t ? get_str(t, "state") : "-");
	snprintf(cell[5], CELL, "%s", fmt_time(get_num(f, "age_us"), buf));
	snprintf(cell[6], CELL, "%s", fmt_bytes(get_num(f, "bytes_in"), buf));
	snprintf(cell[7], CELL, "%s", fmt_bytes(get_num(f, "bytes_out"), buf));
	cell[8][0] = cell[9][0] = '\0';
	if (rate) {
		snprintf(cell[8], CELL, "%s", fmt_rate(get_num(f, "rate_in"), buf));
		snprintf(cell[9], CELL, "%s",
			 fmt_rate(get_num(f, "rate_out"), buf));
	}
	strcpy(cell[10], "-");
	strcpy(cell[11], "-");
	strcpy(cell[12], "-");
	if (!t)
		return;
	if (get_num(t, "srtt_us"))
		snprintf(cell[10], CELL, "%s", fmt_us(get_num(t, "srtt_us"), buf));
	snprintf(cell[11], CELL, "%s", fmt_kib(get_num(t, "cwnd"), buf));
	snprintf(cell[12], CELL, "%" PRIu64, get_num(t, "retransmitted"));
}

static void print_row(char cell[COLS][CELL], const size_t *width)
{
	for (unsigned i = 0; i < COLS; i++) {
		if (!width[i])
			continue;
		if (i + 1 == COLS)
			printf("%s", cell[i]);
		else if (i >= 5)
			printf("%*s  ", (int)width[i], cell[i]);
		else
			printf("%-*s  ", (int)width[i], cell[i]);
	}
	putchar('\n');
}

static void print_table(json_t *o, bool rate)
{
	json_t *list = json_object_get(o, "flows"), *f;
	size_t width[COLS], i, n = json_array_size(list);
	char cell[COLS][CELL];

	for (unsigned k = 0; k < COLS; k++)
		width[k] = !rate && (k == 8 || k == 9) ? 0 : strlen(head[k]);
	json_array_foreach(list, i, f)
	{
		cells(f, rate, cell);
		for (unsigned k = 0; k < COLS; k++)
			if (width[k] && strlen(cell[k]) > width[k])
				width[k] = strlen(cell[k]);
	}
	for (unsigned k = 0; k < COLS; k++)
		snprintf(cell[k], CELL, "%s", head[k]);
	if (n)
		print_row(cell, width);
	json_array_foreach(list, i, f)
	{
		cells(f, rate, cell);
		print_row(cell, width);
	}
	printf("%zu flow%s\n", n, n == 1 ? "" : "s");
}

static void wait_s(unsigned s)
{
	struct timespec ts = { .tv_sec = s };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void print_once(struct cli *c, const struct flows_opts *fo, json_t *o)
{
	if (c->json) {
		print_json(o, fo->watch);
		return;
	}
	if (fo->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	print_table(o, fo->rate);
	fflush(stdout);
}

static int run(struct cli *c, const struct flows_opts *fo)
{
	json_t *was = NULL, *is;

	if (fo->rate && fetch(c, fo, &was))
		return 1;
	do {
		if (fo->rate)
			wait_s(fo->interval_s);
		if (fetch(c, fo, &is)) {
			json_decref(was);
			return 1;
		}
		if (fo->rate)
			add_rates(was, is);
		print_once(c, fo, is);
		json_decref(was);
		was = is;
	} while (fo->watch && !ferror(stdout));
	json_decref(was);
	return 0;
}

static bool one_of(const char *s, const char *a, const char *b, const char *d)
{
	return !strcmp(s, a) || !strcmp(s, b) || !strcmp(s, d);
}

int show_flows(struct cli *c, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "proto", required_argument, NULL, 'p' },
		{ "address", required_argument, NULL, 'a' },
		{ "rate", no_argument, NULL, 'r' },
		{ "watch", no_argument, NULL, 'w' },
		{ "interval", required_argument, NULL, 'i' },
		{ 0 },
	};
	struct flows_opts fo = { .interval_s = 1 };
	int ch;

	optind = 0;
	while ((ch = getopt_long(argc, argv, "p:a:rwi:", opts, NULL)) >= 0) {
		switch (ch) {
		case 'p':
			fo.proto = optarg;
			break;
		case 'a':
			fo.address = optarg;
			break;
		case 'r':
			fo.rate = true;
			break;
		case 'w':
			fo.rate = fo.watch = true;
			break;
		case 'i':
			fo.interval_s = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "gustctl: flows takes no argument \"%s\"\n",
			argv[optind]);
		return 2;
	}
	if (fo.proto && !one_of(fo.proto, "tcp", "udp", "icmp")) {
		fprintf(stderr, "gustctl: --proto: expected tcp, udp or icmp\n");
		return 2;
	}
	if (!fo.interval_s || fo.interval_s > 3600) {
		fprintf(stderr,
			"gustctl: --interval: expected 1 to 3600 seconds\n");
		return 2;
	}
	return run(c, &fo);
}
