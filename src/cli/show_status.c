/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_status.c - gustctl status
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static void line(const char *label)
{
	printf("  %-14s", label);
}

static void print_addresses(const json_t *itf)
{
	json_t *list = json_object_get(itf, "addresses"), *a;
	size_t i;

	line("addresses");
	if (!json_array_size(list))
		printf("none");
	json_array_foreach(list, i, a)
	{
		const char *peer = get_str(a, "peer");

		printf("%s%s", i ? ", " : "", get_str(a, "local"));
		if (*peer)
			printf(" peer %s", peer);
		else
			printf("/%" PRIu64, get_num(a, "prefix_len"));
	}
	putchar('\n');
}

static void print_routes(const json_t *itf)
{
	json_t *list = json_object_get(itf, "routes"), *r;
	size_t i, n = json_array_size(list);

	if (!n)
		return;
	line("routes");
	json_array_foreach(list, i, r)
	{
		const char *via = get_str(r, "via");

		if (i == 8) {
			printf(", and %zu more", n - i);
			break;
		}
		printf("%s%s/%" PRIu64, i ? ", " : "", get_str(r, "dst"),
		       get_num(r, "prefix_len"));
		if (*via)
			printf(" via %s", via);
	}
	putchar('\n');
}

static void print_interface(const json_t *itf, const json_t *stack)
{
	const char *netns = get_str(itf, "netns"), *mac = get_str(stack, "mac");
	char *own = fmt_words(json_object_get(stack, "addresses"), ", ");

	printf("%s: %s, %s%s%s%s, mtu %" PRIu64 ", txqueuelen %" PRIu64 "\n",
	       get_str(itf, "name"), get_str(itf, "mode"),
	       !get_bool(itf, "up")      ? "down" :
	       get_bool(itf, "lower_up") ? "up" :
					   "up, no carrier",
	       get_bool(itf, "created") ? "" : ", attached",
	       *netns ? ", netns " : "", netns, get_num(itf, "mtu"),
	       get_num(itf, "txqueuelen"));
	print_addresses(itf);
	print_routes(itf);
	line("stack");
	printf("%s%s%s\n", own, *mac ? ", " : "", mac);
	free(own);
	if (json_array_size(json_object_get(stack, "duplicates"))) {
		char *dup = fmt_words(json_object_get(stack, "duplicates"), ", ");

		line("not used");
		printf("%s: taken by another station\n", dup);
		free(dup);
	}
}

static void print_daemon(const json_t *o)
{
	char up[FMT_LEN];
	uint64_t n = get_num(o, "workers");

	line("daemon");
	printf("gust %s, pid %" PRIu64 ", running for %s, %" PRIu64 " worker%s\n",
	       get_str(o, "version"), get_num(o, "pid"),
	       fmt_time(get_num(o, "uptime_us"), up), n, n == 1 ? "" : "s");
	line("configuration");
	printf("%s\n", get_str(o, "config"));
}

static void print_offload(const json_t *off)
{
	const json_t *from = json_object_get(off, "from_kernel");
	const json_t *to = json_object_get(off, "to_kernel");
	char *set = fmt_words(json_object_get(off, "set"), " ");
	char *granted = fmt_words(json_object_get(off, "granted"), " ");
	json_t *demoted = json_object_get(off, "demoted");

	line("offloads");
	printf("set: %s; granted: %s; vnet_hdr %" PRIu64 " bytes\n", set, granted,
	       get_num(off, "vnet_hdr_len"));
	free(set);
	free(granted);
	if (json_array_size(demoted)) {
		char *text = fmt_words(demoted, " ");

		line("");
		printf("refused by the kernel at run time: %s\n", text);
		free(text);
	}
	line("from kernel");
	printf("up to %" PRIu64 " (IPv4), %" PRIu64 " (IPv6), %" PRIu64
	       " (UDP) bytes a packet\n",
	       get_num(from, "gso_max_size_ipv4"),
	       get_num(from, "gso_max_size_ipv6"),
	       get_num(from, "gso_max_size_udp"));
	line("to kernel");
	printf("up to %" PRIu64 " (IPv4), %" PRIu64 " (IPv6), %" PRIu64
	       " (UDP) bytes a packet\n",
	       get_num(to, "gso_max_size_ipv4"), get_num(to, "gso_max_size_ipv6"),
	       get_num(to, "gso_max_size_udp"));
}

static void print_selftest(const json_t *p)
{
	char *ok, *failed, took[FMT_LEN];

	line("self-test");
	if (!get_bool(p, "tried")) {
		printf("not done: %s\n", get_str(p, "why"));
		return;
	}
	ok = fmt_words(json_object_get(p, "ok"), " ");
	failed = fmt_words(json_object_get(p, "failed"), " ");
	printf("delivered: %s\n", ok);
	line("");
	printf("not delivered: %s%s%s; took %s\n", failed,
	       *get_str(p, "why") ? ": " : "", get_str(p, "why"),
	       fmt_us(get_num(p, "took_us"), took));
	free(ok);
	free(failed);
}

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (part * 100 + whole / 2) / whole : 0;
}

static void print_traffic(const json_t *o)
{
	const json_t *f = json_object_get(o, "flows"),
		     *t = json_object_get(o, "traffic");
	char n[FMT_LEN], b[FMT_LEN];

	line("flows");
	printf("%" PRIu64 " TCP (%" PRIu64 " half-open), %" PRIu64 " UDP, %" PRIu64
	       " ping\n",
	       get_num(f, "tcp"), get_num(f, "tcp_half_open"), get_num(f, "udp"),
	       get_num(f, "echo"));
	line("received");
	printf("%s packets (%u %% super), %s\n",
	       fmt_count(get_num(t, "rx_packets"), n),
	       percent(get_num(t, "rx_super"), get_num(t, "rx_packets")),
	       fmt_bytes(get_num(t, "rx_bytes"), b));
	line("sent");
	printf("%s packets (%u %% super, %" PRIu64 " above 64 KB), %s\n",
	       fmt_count(get_num(t, "tx_packets"), n),
	       percent(get_num(t, "tx_super"), get_num(t, "tx_packets")),
	       get_num(t, "tx_big"), fmt_bytes(get_num(t, "tx_bytes"), b));
	line("drops");
	printf("%s%s\n", fmt_count(get_num(o, "drops"), n),
	       get_num(o, "drops") ? " (gustctl stats names them)" : "");
}

static void print_memory(const json_t *m)
{
	char rss[FMT_LEN], slab[FMT_LEN];

	line("memory");
	printf("%s resident; %" PRIu64 " slabs of %s (%" PRIu64
	       " free, at most %" PRIu64 "); %" PRIu64 " packets (%" PRIu64
	       " free, at most %" PRIu64 ")\n",
	       fmt_bytes(get_num(m, "rss"), rss), get_num(m, "slabs"),
	       fmt_kib(get_num(m, "slab_size"), slab), get_num(m, "slabs_free"),
	       get_num(m, "slabs_max"), get_num(m, "packets"),
	       get_num(m, "packets_free"), get_num(m, "packets_max"));
}

int show_status(struct cli *c, int argc, char **argv)
{
	json_t *o;

	if (argc > 1) {
		fprintf(stderr, "gustctl: status takes no argument \"%s\"\n",
			argv[1]);
		return 2;
	}
	if (client_call(c, "gust.Status", NULL, &o))
		return 1;
	if (c->json) {
		print_json(o, false);
	} else {
		print_interface(json_object_get(o, "interface"),
				json_object_get(o, "stack"));
		print_daemon(o);
		print_offload(json_object_get(o, "offload"));
		print_selftest(json_object_get(o, "selftest"));
		print_traffic(o);
		print_memory(json_object_get(o, "memory"));
	}
	json_decref(o);
	return 0;
}
