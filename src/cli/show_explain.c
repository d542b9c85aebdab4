/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_explain.c - gustctl explain: the way of a packet as a drawing
 *
 * Host and service names are looked up here: the daemon takes addresses and
 * numbers only.
 */
#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"

#define NAME_WIDTH 16

/* ---- the question ---- */

struct question {
	const char *dst, *proto, *port;
};

static int usage(void)
{
	fputs("usage: gustctl explain DESTINATION [tcp | udp | icmp] [PORT]\n",
	      stderr);
	return 2;
}

static bool is_proto(const char *s)
{
	return !strcmp(s, "tcp") || !strcmp(s, "udp") || !strcmp(s, "icmp");
}

static int take_args(int argc, char **argv, struct question *q)
{
	*q = (struct question){ .proto = "tcp" };
	if (argc < 2 || argc > 4)
		return usage();
	q->dst = argv[1];
	for (int i = 2; i < argc; i++) {
		if (i == 2 && is_proto(argv[i])) {
			q->proto = argv[i];
		} else if (i == argc - 1) {
			q->port = argv[i];
		} else {
			fprintf(stderr,
				"gustctl: \"%s\": expected tcp, udp or icmp\n",
				argv[i]);
			return 2;
		}
	}
	return 0;
}

/* The first address of a name, without a zone. */
static int resolve(const struct question *q, char *buf, size_t len)
{
	struct addrinfo hint = { .ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_DGRAM };
	struct addrinfo *res;
	int r = getaddrinfo(q->dst, NULL, &hint, &res);

	if (!r) {
		r = getnameinfo(res->ai_addr, res->ai_addrlen, buf, len, NULL, 0,
				NI_NUMERICHOST);
		freeaddrinfo(res);
	}
	if (r) {
		fprintf(stderr, "gustctl: %s: %s\n", q->dst, gai_strerror(r));
		return -1;
	}
	buf[strcspn(buf, "%")] = '\0';
	return 0;
}

/* A number, or a service's name. */
static int port_number(const struct question *q, json_int_t *ret)
{
	struct servent *se;
	char *end;
	long n;

	if (!isdigit((unsigned char)q->port[0])) {
		se = getservbyname(q->port, q->proto);
		if (!se) {
			fprintf(stderr, "gustctl: no %s service \"%s\"\n", q->proto,
				q->port);
			return -1;
		}
		*ret = ntohs((uint16_t)se->s_port);
		return 0;
	}
	n = strtol(q->port, &end, 10);
	if (*end || n < 1 || n > 65535) {
		fprintf(stderr,
			"gustctl: port \"%s\": expected a number from 1 to 65535\n",
			q->port);
		return -1;
	}
	*ret = n;
	return 0;
}

/* ---- the drawing ---- */

static void margin(char mark)
{
	printf("  %c %-*s ", mark, NAME_WIDTH, "");
}

static void print_size(const json_t *h)
{
	uint64_t largest = get_num(h, "largest"), depth = get_num(h, "depth");
	const char *by = get_str(h, "carried_by");

	if (!largest)
		return;
	margin('|');
	if (!strcmp(get_str(h, "kind"), "socket")) {
		printf("up to %" PRIu64 " bytes in one call", largest);
	} else {
		printf("packets up to %" PRIu64 " bytes, %" PRIu64
		       " headers (%" PRIu64 " bytes)",
		       largest, depth, get_num(h, "header_bytes"));
	}
	printf("%s%s\n", *by ? ", carried by " : "", by);
}

static void print_hop(const json_t *h)
{
	bool cut = json_is_integer(json_object_get(h, "cut"));
	const char *why = get_str(h, "why_text"), *avoid = get_str(h, "avoid");

	printf("  |\n  %c %-*s %s\n", cut ? 'X' : 'o', NAME_WIDTH,
	       get_str(h, "name"), get_str(h, "text"));
	if (cut) {
		margin('|');
		printf("CUT into pieces of up to %" PRIu64 " bytes\n",
		       get_num(h, "cut"));
	}
	print_size(h);
	if (*why) {
		margin('|');
		printf("why: %s\n", why);
	}
	if (*avoid) {
		margin('|');
		printf("what avoids it: %s\n", avoid);
	}
}

static unsigned print_path(const json_t *o, const json_t *p)
{
	json_t *hops = json_object_get(p, "hops"), *h;
	const char *out = !strcmp(get_str(p, "name"), "out") ?
				  "From the inside to" :
				  "To the inside, from";
	unsigned cuts = 0;
	size_t i;

	printf("\n%s %s\n", out, get_str(o, "destination"));
	json_array_foreach(hops, i, h)
	{
		print_hop(h);
		cuts += json_is_integer(json_object_get(h, "cut"));
	}
	puts("  v");
	return cuts;
}

/* Does a packet get to the end? A hop that nothing passes has no largest packet. */
static bool arrives(const json_t *paths)
{
	json_t *p, *h;
	size_t i, k;

	json_array_foreach(paths, i, p)
		json_array_foreach(json_object_get(p, "hops"), k,
				   h) if (!get_num(h, "largest")) return false;
	return true;
}

static void print_answer(const json_t *o)
{
	json_t *paths = json_object_get(o, "directions"), *p;
	const char *ns = get_str(o, "netns");
	unsigned cuts = 0;
	size_t i;

	printf("%s, %s", get_str(o, "destination"), get_str(o, "proto"));
	if (get_num(o, "port"))
		printf(" port %" PRIu64, get_num(o, "port"));
	printf(", and %s%s%s\n", get_str(o, "interface"),
	       *ns ? " in namespace " : "", ns);
	json_array_foreach(paths, i, p) cuts += print_path(o, p);
	if (!get_bool(o, "through"))
		puts("\nIt does not come to gust.");
	else if (cuts)
		printf("\nSuperpackets are cut at %u place%s.\n", cuts,
		       cuts == 1 ? "" : "s");
	else if (arrives(paths))
		puts("\nNo superpacket is cut on the way.");
}

int show_explain(struct cli *c, int argc, char **argv)
{
	char addr[NI_MAXHOST];
	struct question q;
	json_t *params, *o;
	json_int_t port = 0;
	int r = take_args(argc, argv, &q);

	if (r)
		return r;
	if (q.port && port_number(&q, &port))
		return 2;
	if (resolve(&q, addr, sizeof(addr)))
		return 1;
	params = json_pack("{s:s, s:s}", "destination", addr, "proto", q.proto);
	if (q.port)
		json_object_set_new(params, "port", json_integer(port));
	if (client_call(c, "gust.Explain", params, &o))
		return 1;
	if (c->json)
		print_json(o, false);
	else
		print_answer(o);
	json_decref(o);
	return 0;
}
