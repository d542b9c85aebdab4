/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_control_explain.c - gust.Explain: its parameters, and what it asks of the
 * kernel, in a namespace of our own where a veth stands for the interface
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

#include <cmocka.h>

#include "daemon/control_methods.h"

/* ---- parameters ---- */

static int parse(const char *params, struct control_req *q, char err[160])
{
	char msg[300];
	int n = snprintf(msg, sizeof(msg),
			 "{\"method\":\"gust.Explain\",\"parameters\":{%s}}",
			 params);

	err[0] = '\0';
	return control_parse(msg, (size_t)n, q, err, 160);
}

static void taken(void **state)
{
	struct control_req q;
	char err[160];

	assert_int_equal(parse("\"destination\":\"192.0.2.1\"", &q, err), 0);
	assert_int_equal(q.method, CONTROL_EXPLAIN);
	assert_int_equal(q.proto, IPPROTO_TCP);
	assert_int_equal(q.port, 0);
	assert_int_equal(parse("\"port\":53,\"destination\":\"2001:db8::1\","
			       "\"proto\":\"udp\"",
			       &q, err),
			 0);
	assert_int_equal(q.proto, IPPROTO_UDP);
	assert_int_equal(q.port, 53);
	assert_int_equal(q.plen, 128);
	assert_int_equal(
		parse("\"destination\":\"::1\",\"proto\":\"icmp\"", &q, err), 0);
}

static void refused(void **state)
{
	static const struct {
		const char *params, *err;
	} t[] = {
		{ "", "gust.Explain: expected \"destination\"" },
		{ "\"port\":1", "gust.Explain: expected \"destination\"" },
		{ "\"destination\":\"example.org\"", "destination: expected an" },
		{ "\"destination\":\"192.0.2.1/24\"", "destination: expected an" },
		{ "\"destination\":\"fe80::1%eth0\"", "destination: expected an" },
		{ "\"destination\":\"\"", "destination: expected an" },
		{ "\"destination\":7", "destination: expected an" },
		{ "\"destination\":\"::1\",\"port\":0", "port: expected a number" },
		{ "\"destination\":\"::1\",\"port\":65536",
		  "port: expected a number" },
		{ "\"destination\":\"::1\",\"port\":-1",
		  "port: expected a number" },
		{ "\"destination\":\"::1\",\"port\":1.5",
		  "port: expected a number" },
		{ "\"destination\":\"::1\",\"port\":\"80\"",
		  "port: expected a number" },
		{ "\"destination\":\"::1\",\"proto\":\"sctp\"", "proto: expected" },
		{ "\"destination\":\"::1\",\"proto\":6", "proto: expected" },
		{ "\"destination\":\"::1\",\"proto\":\"icmp\",\"port\":7",
		  "port: ICMP has none" },
		{ "\"destination\":\"::1\",\"address\":\"::1\"",
		  "gust.Explain takes no parameter \"address\"" },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct control_req q = { .method = CONTROL_METHODS };
		char err[160];

		assert_int_equal(parse(t[i].params, &q, err), -EINVAL);
		assert_int_equal(q.method, CONTROL_METHODS);
		assert_memory_equal(err, t[i].err, strlen(t[i].err));
	}
}

/* ---- the answer ---- */

static struct daemon d;
static struct stack_snap snap;

static void sh(const char *cmd)
{
	if (system(cmd))
		fail_msg("%s", cmd);
}

static struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

/* gust0 (10.111.0.1 peer 10.111.0.2) with a route to 198.51.100.0/24; eth0
 * (192.0.2.1) with the route that packets of mark 7 take there. */
static int setup(void **state)
{
	sh("ip link set lo up");
	sh("ip link add gust0 type veth peer name gust1");
	sh("ip link add eth0 type veth peer name eth1");
	sh("ip addr add 10.111.0.1 peer 10.111.0.2 dev gust0");
	sh("ip addr add 192.0.2.1/24 dev eth0");
	sh("ip addr add fd00:111::1/64 dev gust0 nodad");
	sh("for i in gust0 gust1 eth0 eth1; do ip link set $i up; done");
	sh("ip route add 198.51.100.0/24 dev gust0");
	sh("ip route add 198.51.100.0/24 via 192.0.2.254 table 77");
	sh("ip rule add pref 90 fwmark 7 table 77");

	memset(&d, 0, sizeof(d));
	assert_int_equal(conf_load(NULL, &d.conf, stderr), 0);
	strcpy(d.last.name, "gust0");
	d.last.ifindex = (int)if_nametoindex("gust0");
	d.last.mtu = 1500;
	d.last.gso_max_size = d.last.gro_max_size = 65536;
	d.from_kernel = d.to_kernel = (struct port_caps){
		.feats = FEAT_BIT(FEAT_N) - 1,
		.mtu = 1500,
		.gso_max4 = 65535,
		.gso_max6 = 65535,
		.gso_max_udp = 65535,
	};
	snap = d.conf->snap;
	snap.n_own = 1;
	snap.own[0] = ip("10.111.0.2");
	snap.loopback_own = true;
	snap.mark = 7;
	d.snap = &snap;
	return 0;
}

static int teardown(void **state)
{
	conf_free(d.conf);
	return system("ip rule del pref 90; ip link del gust0; ip link del eth0");
}

static json_t *ask(const char *params)
{
	struct control_req q;
	char err[160];
	json_t *o;

	if (parse(params, &q, err))
		fail_msg("%s", err);
	o = control_explain(&d, &q);
	assert_non_null(o);
	return o;
}

static json_t *hops(json_t *o, const char *path)
{
	json_t *list = json_object_get(o, "directions"), *p;
	size_t i;

	json_array_foreach(
		list, i,
		p) if (!strcmp(json_string_value(json_object_get(p, "name")),
			       path)) return json_object_get(p, "hops");
	fail_msg("no direction %s", path);
	return NULL;
}

static json_t *hop(json_t *o, const char *path, const char *name, unsigned nth)
{
	json_t *list = hops(o, path), *h;
	size_t i;

	json_array_foreach(
		list, i,
		h) if (!strcmp(json_string_value(json_object_get(h, "name")),
			       name) &&
		       !nth--) return h;
	fail_msg("no hop %s", name);
	return NULL;
}

static const char *str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

#define HAS(text, part)                                                            \
	do {                                                                       \
		if (!strstr(text, part))                                           \
			fail_msg("\"%s\" lacks \"%s\"", text, part);               \
	} while (0)

static void relayed(void **state)
{
	static const char *const keys[] = { "name",       "kind",         "text",
					    "depth",      "header_bytes", "largest",
					    "carried_by", "cut",          "why",
					    "why_text",   "avoid" };
	json_t *o = ask("\"destination\":\"198.51.100.2\",\"port\":80"), *h;

	assert_string_equal(str(o, "destination"), "198.51.100.2");
	assert_string_equal(str(o, "family"), "ipv4");
	assert_string_equal(str(o, "proto"), "tcp");
	assert_string_equal(str(o, "interface"), "gust0");
	assert_int_equal(json_integer_value(json_object_get(o, "port")), 80);
	assert_true(json_is_null(json_object_get(o, "netns")));
	assert_true(json_is_true(json_object_get(o, "through")));
	h = hop(o, "out", "route", 0);
	HAS(str(h, "text"), "198.51.100.2 dev gust0 src 10.111.0.1");
	/* the relay's mark */
	h = hop(o, "out", "route", 1);
	HAS(str(h, "text"), "via 192.0.2.254 dev eth0");
	HAS(str(h, "text"), "table 77");
	assert_string_equal(str(hop(o, "out", "eth0", 0), "kind"), "device");
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(h, keys[i]));
	assert_int_equal(json_object_size(h), sizeof(keys) / sizeof(keys[0]));
	json_decref(o);
}

/* Without the mark the relay's packets would come back to us. */
static void loop(void **state)
{
	json_t *o;

	snap.mark = 0;
	o = ask("\"destination\":\"198.51.100.2\"");
	assert_string_equal(str(hop(o, "out", "route", 1), "why"), "loop");
	json_decref(o);
	strcpy(snap.device, "eth0");
	o = ask("\"destination\":\"198.51.100.2\"");
	HAS(str(hop(o, "out", "route", 1), "text"), "198.51.100.2 dev eth0");
	json_decref(o);
	strcpy(snap.device, "eth9");
	o = ask("\"destination\":\"198.51.100.2\"");
	HAS(str(hop(o, "out", "route", 1), "why_text"), "eth9 does not exist");
	json_decref(o);
	snap.device[0] = '\0';
	snap.mark = 7;
	snap.source4 = ip("192.0.2.1");
	o = ask("\"destination\":\"198.51.100.2\"");
	HAS(str(hop(o, "out", "route", 1), "text"), "dev eth0");
	json_decref(o);
	snap.source4 = ip("203.0.113.77");
	o = ask("\"destination\":\"198.51.100.2\"");
	HAS(str(hop(o, "out", "route", 1), "why_text"),
	    "203.0.113.77 is no address of this host");
	json_decref(o);
}

static void own(void **state)
{
	json_t *o = ask("\"destination\":\"10.111.0.2\",\"proto\":\"udp\"");

	HAS(str(hop(o, "out", "stack", 0), "text"), "127.0.0.1");
	HAS(str(hop(o, "out", "route", 1), "text"), "local 127.0.0.1 dev lo");
	json_decref(o);
	snap.loopback_own = false;
	o = ask("\"destination\":\"10.111.0.2\"");
	assert_string_equal(str(hop(o, "out", "stack", 0), "why"),
			    "ends at the stack");
	assert_int_equal(json_array_size(json_object_get(o, "directions")), 1);
	json_decref(o);
	snap.svc_echo = true;
	o = ask("\"destination\":\"10.111.0.2\",\"port\":7");
	HAS(str(hop(o, "out", "stack", 0), "text"), "echo, port 7");
	json_decref(o);
	o = ask("\"destination\":\"10.111.0.2\",\"proto\":\"icmp\"");
	HAS(str(hop(o, "out", "stack", 0), "text"), "answers itself");
	json_decref(o);
}

static void elsewhere(void **state)
{
	json_t *o = ask("\"destination\":\"192.0.2.9\"");

	assert_true(json_is_false(json_object_get(o, "through")));
	HAS(str(hop(o, "out", "route", 0), "why_text"), "leaves by eth0");
	json_decref(o);
	o = ask("\"destination\":\"203.0.113.1\"");
	assert_string_equal(str(hop(o, "out", "route", 0), "why"), "no route");
	json_decref(o);
}

static void published(void **state)
{
	json_t *o = ask("\"destination\":\"10.111.0.1\",\"port\":80");

	assert_true(json_is_false(json_object_get(o, "through")));
	json_decref(o);
	snap.n_publish = 1;
	snap.publish[0] = (struct stack_publish){ .proto = IPPROTO_TCP,
						  .listen = ip("0.0.0.0"),
						  .listen_port = 8080,
						  .to = ip("10.111.0.1"),
						  .to_port = 80 };
	o = ask("\"destination\":\"10.111.0.1\",\"port\":80");
	assert_true(json_is_true(json_object_get(o, "through")));
	HAS(str(hop(o, "back", "socket", 0), "text"), "0.0.0.0:8080");
	json_decref(o);
	o = ask("\"destination\":\"10.111.0.1\",\"port\":81");
	assert_true(json_is_false(json_object_get(o, "through")));
	json_decref(o);
	o = ask("\"destination\":\"10.111.0.1\",\"port\":80,\"proto\":\"udp\"");
	assert_true(json_is_false(json_object_get(o, "through")));
	json_decref(o);
}

/* A tunnel's packets go on by the way to its other end. */
static void below_a_tunnel(void **state)
{
	json_t *o;

	if (system("ip link add vx0 type vxlan id 9 dstport 4789 remote "
		   "192.0.2.9 2>/dev/null && ip link set vx0 up")) {
		print_message("SKIP: no vxlan\n");
		skip();
	}
	sh("ip route add 203.0.113.0/24 dev vx0 table 77");
	sh("ip route add 203.0.113.0/24 dev gust0");
	o = ask("\"destination\":\"203.0.113.5\"");
	assert_int_equal(json_integer_value(
				 json_object_get(hop(o, "out", "vx0", 0), "depth")),
			 3);
	assert_int_equal(json_integer_value(json_object_get(
				 hop(o, "out", "eth0", 0), "depth")),
			 7);
	json_decref(o);
	sh("ip link del vx0");
}

static void any_name(void **state)
{
	json_t *o;

	if (system("ip link set eth0 down && "
		   "ip link set eth0 name \"$(printf 'e\\377\\001x')\" "
		   "2>/dev/null")) {
		print_message("SKIP: ip refuses such a name\n");
		sh("ip link set eth0 up");
		skip();
	}
	o = ask("\"destination\":\"192.0.2.9\"");
	json_decref(o);
	sh("ip link set \"$(printf 'e\\377\\001x')\" up");
	o = ask("\"destination\":\"192.0.2.9\"");
	HAS(str(hop(o, "out", "route", 0), "why_text"), "leaves by e??x");
	json_decref(o);
	sh("ip link set \"$(printf 'e\\377\\001x')\" name eth0");
}

static void reasons(void **state)
{
	json_t *o, *h;

	/* gro off */
	d.last.ethtool_ok = true;
	d.to_kernel.feats = FEAT_BIT(FEAT_TX_CSUM);
	d.to_kernel.gso_max4 = 1500;
	o = ask("\"destination\":\"198.51.100.2\"");
	h = hop(o, "back", "egress", 0);
	assert_true(json_integer_value(json_object_get(h, "cut")) == 1500);
	assert_true(str(h, "why")[0]);
	json_decref(o);
	/* by the configuration */
	d.conf->feats &= ~FEAT_BIT(FEAT_TSO4);
	d.from_kernel.feats &= ~FEAT_BIT(FEAT_TSO4);
	o = ask("\"destination\":\"198.51.100.2\"");
	assert_string_equal(str(hop(o, "back", "egress", 0), "why"),
			    "not configured");
	assert_string_equal(str(hop(o, "out", "gust0", 0), "why"),
			    "not configured");
	json_decref(o);
}

static void namespace_gone(void **state)
{
	json_t *o;

	d.conf->netns = strdup("gust-no-such");
	o = ask("\"destination\":\"198.51.100.2\"");
	assert_string_equal(str(hop(o, "out", "route", 0), "why"), "unknown");
	HAS(str(hop(o, "out", "route", 0), "why_text"), "gust-no-such");
	json_decref(o);
	/* one that has no such interface */
	free(d.conf->netns);
	d.conf->netns = NULL;
	d.last.ifindex = 4711;
	o = ask("\"destination\":\"198.51.100.2\"");
	HAS(str(hop(o, "out", "route", 0), "why_text"), "not in the namespace");
	json_decref(o);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		T(relayed),
		T(loop),
		T(own),
		T(elsewhere),
		T(published),
		T(below_a_tunnel),
		T(any_name),
		T(reasons),
		T(namespace_gone),
	};

	scratch_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
