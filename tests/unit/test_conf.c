/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_conf.c - gustd.conf: values, defaults, lists, drop-ins, errors
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "daemon/conf.h"
#include "daemon/conf_text.h"
#include "daemon/conf_value.h"

static struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static bool is(const struct ipaddr *a, const char *s)
{
	struct ipaddr b = ip(s);

	return ipaddr_eq(a, &b);
}

/* Parse; the errors' text is left in `errs`. */
static struct gust_conf *parse(const char *text, char **ret_errs)
{
	struct gust_conf *c = NULL;
	size_t len;
	FILE *f = open_memstream(ret_errs, &len);
	int r = conf_parse(text, "t.conf", &c, f);

	fclose(f);
	assert_int_equal(!!r, !c);
	assert_int_equal(!!r, !!len);
	return c;
}

static struct gust_conf *good(const char *text)
{
	char *errs;
	struct gust_conf *c = parse(text, &errs);

	if (!c)
		fail_msg("%s", errs);
	free(errs);
	return c;
}

/* The text gives exactly these lines of errors. */
static void bad(const char *text, const char *want)
{
	char *errs;
	struct gust_conf *c = parse(text, &errs);

	assert_null(c);
	assert_string_equal(errs, want);
	free(errs);
}

/* ---- values ---- */

static void test_numbers(void **state)
{
	uint64_t v = 7;
	bool b = false;

	assert_int_equal(conf_uint("1500", &v), 0);
	assert_int_equal(v, 1500);
	assert_int_equal(conf_uint("0x1F", &v), 0);
	assert_int_equal(v, 31);
	assert_int_equal(conf_uint("010", &v), 0);
	assert_int_equal(v, 10);
	v = 7;
	assert_int_equal(conf_uint("", &v), -EINVAL);
	assert_int_equal(conf_uint("-1", &v), -EINVAL);
	assert_int_equal(conf_uint("+1", &v), -EINVAL);
	assert_int_equal(conf_uint(" 1", &v), -EINVAL);
	assert_int_equal(conf_uint("1 ", &v), -EINVAL);
	assert_int_equal(conf_uint("0x", &v), -EINVAL);
	assert_int_equal(conf_uint("18446744073709551616", &v), -EINVAL);
	assert_int_equal(v, 7);

	assert_int_equal(conf_size("256K", &v), 0);
	assert_int_equal(v, 262144);
	assert_int_equal(conf_size("6 MiB", &v), 0);
	assert_int_equal(v, 6 << 20);
	assert_int_equal(conf_size("1g", &v), 0);
	assert_int_equal(v, 1 << 30);
	assert_int_equal(conf_size("1T", &v), -EINVAL);
	assert_int_equal(conf_size("18014398509481984K", &v), -EINVAL);
	assert_int_equal(v, 1 << 30);

	assert_int_equal(conf_time_us("2000", &v), 0);
	assert_int_equal(v, 2000000);
	assert_int_equal(conf_time_us("17s", &v), 0);
	assert_int_equal(v, 17000000);
	assert_int_equal(conf_time_us("5 min", &v), 0);
	assert_int_equal(v, 300000000);
	assert_int_equal(conf_time_us("40us", &v), 0);
	assert_int_equal(v, 40);
	assert_int_equal(conf_time_us("1h", &v), 0);
	assert_int_equal(v, UINT64_C(3600000000));
	assert_int_equal(conf_time_us("1 week", &v), -EINVAL);

	assert_int_equal(conf_bool("Yes", &b), 0);
	assert_true(b);
	assert_int_equal(conf_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(conf_bool("1", &b), -EINVAL);
}

static void test_link_addr(void **state)
{
	struct link_addr a;
	const char *want;

	assert_int_equal(conf_link_addr("192.0.2.1/24", &a, &want), 0);
	assert_true(is(&a.local, "192.0.2.1") && is(&a.peer, "192.0.2.1"));
	assert_int_equal(a.plen, 24);
	assert_false(a.has_peer);
	assert_int_equal(conf_link_addr(" 10.111.0.1  peer 10.111.0.2 ", &a, &want),
			 0);
	assert_true(is(&a.local, "10.111.0.1") && is(&a.peer, "10.111.0.2"));
	assert_int_equal(a.plen, 32);
	assert_true(a.has_peer);
	assert_int_equal(conf_link_addr("fd00::1 peer fd00::2/64", &a, &want), 0);
	assert_int_equal(a.plen, 64);
	assert_int_equal(conf_link_addr("fd00::1", &a, &want), 0);
	assert_int_equal(a.plen, 128);

	assert_int_equal(conf_link_addr("", &a, &want), -EINVAL);
	assert_int_equal(conf_link_addr("10.0.0.1/33", &a, &want), -EINVAL);
	assert_int_equal(conf_link_addr("10.0.0.1/", &a, &want), -EINVAL);
	assert_int_equal(conf_link_addr("10.0.0.1 peer fd00::1", &a, &want),
			 -EINVAL);
	assert_string_equal(want, "a peer of the same family as the address");
	assert_int_equal(conf_link_addr("10.0.0.1 peer 10.0.0.1", &a, &want),
			 -EINVAL);
	assert_int_equal(conf_link_addr("10.0.0.1 pear 10.0.0.2", &a, &want),
			 -EINVAL);
	assert_int_equal(conf_link_addr("10.0.0.1 peer", &a, &want), -EINVAL);
	assert_int_equal(conf_link_addr("224.0.0.1/4", &a, &want), -EINVAL);
	assert_string_equal(want, "a unicast address");
	assert_int_equal(conf_link_addr("0.0.0.0", &a, &want), -EINVAL);
	assert_true(is(&a.local, "fd00::1")); /* untouched by all of these */
}

static void test_link_route(void **state)
{
	struct link_route r;
	const char *want;

	assert_int_equal(conf_link_route("default", &r, &want), 0);
	assert_true(is(&r.dst, "0.0.0.0") && ipaddr_is4(&r.dst) && !r.plen);
	assert_int_equal(r.table, 254);
	assert_int_equal(conf_link_route("default6", &r, &want), 0);
	assert_true(is(&r.dst, "::") && !ipaddr_is4(&r.dst));
	assert_int_equal(conf_link_route("::/0", &r, &want), 0);
	assert_true(is(&r.dst, "::"));
	assert_int_equal(conf_link_route("default via fe80::1", &r, &want), 0);
	assert_true(is(&r.dst, "::") && is(&r.via, "fe80::1"));
	assert_int_equal(
		conf_link_route("10.0.0.0/8 via 10.1.1.1 metric 50 table 7", &r,
				&want),
		0);
	assert_int_equal(r.plen, 8);
	assert_int_equal(r.metric, 50);
	assert_int_equal(r.table, 7);
	assert_true(is(&r.via, "10.1.1.1"));
	assert_int_equal(conf_link_route("192.0.2.7", &r, &want), 0);
	assert_int_equal(r.plen, 32);

	assert_int_equal(conf_link_route("", &r, &want), -EINVAL);
	assert_int_equal(conf_link_route("10.0.0.1/8", &r, &want), -EINVAL);
	assert_string_equal(want,
			    "a network: the bits behind the prefix must be zero");
	assert_int_equal(conf_link_route("fd00::1/64", &r, &want), -EINVAL);
	assert_int_equal(conf_link_route("10.0.0.0/8 via fd00::1", &r, &want),
			 -EINVAL);
	assert_string_equal(want, "a gateway of the same family as the route");
	assert_int_equal(conf_link_route("default metric", &r, &want), -EINVAL);
	assert_int_equal(conf_link_route("default metric -1", &r, &want), -EINVAL);
	assert_int_equal(conf_link_route("default table 0", &r, &want), -EINVAL);
	assert_int_equal(conf_link_route("default dev eth0", &r, &want), -EINVAL);
}

static void test_publish_value(void **state)
{
	struct stack_publish p;
	const char *want;

	assert_int_equal(conf_publish("tcp 0.0.0.0:8080 10.111.0.1:80", &p, &want),
			 0);
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_true(is(&p.listen, "0.0.0.0") && is(&p.to, "10.111.0.1"));
	assert_int_equal(p.listen_port, 8080);
	assert_int_equal(p.to_port, 80);
	assert_string_equal(p.device, "");
	assert_int_equal(
		conf_publish("udp [::]:5353 [fd00::1]:53 device eth0", &p, &want),
		0);
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_true(is(&p.listen, "::") && is(&p.to, "fd00::1"));
	assert_string_equal(p.device, "eth0");

	assert_int_equal(conf_publish("sctp 0.0.0.0:1 10.0.0.1:1", &p, &want),
			 -EINVAL);
	assert_int_equal(conf_publish("tcp 0.0.0.0:0 10.0.0.1:1", &p, &want),
			 -EINVAL);
	assert_int_equal(conf_publish("tcp 0.0.0.0:65536 10.0.0.1:1", &p, &want),
			 -EINVAL);
	assert_int_equal(conf_publish("tcp :::1 10.0.0.1:1", &p, &want), -EINVAL);
	assert_int_equal(conf_publish("tcp [1.2.3.4]:1 10.0.0.1:1", &p, &want),
			 -EINVAL);
	assert_int_equal(conf_publish("tcp [::1:1 10.0.0.1:1", &p, &want), -EINVAL);
	assert_int_equal(conf_publish("tcp []:1 10.0.0.1:1", &p, &want), -EINVAL);
	assert_int_equal(conf_publish("tcp 80 10.0.0.1:1", &p, &want), -EINVAL);
	assert_int_equal(conf_publish("tcp 0.0.0.0:1 0.0.0.0:1", &p, &want),
			 -EINVAL);
	assert_string_equal(want,
			    "a destination inside that is one host's address");
	assert_int_equal(
		conf_publish("tcp 0.0.0.0:1 10.0.0.1:1 device aaaabbbbccccdddd", &p,
			     &want),
		-EINVAL);
}

static void test_mac_and_map(void **state)
{
	static const uint8_t want_mac[6] = { 2, 0, 0x5e, 0x10, 0xab, 1 };
	struct ethaddr m;
	struct stack_map map;
	const char *want;

	assert_int_equal(conf_mac("02:00:5e:10:aB:01", &m, &want), 0);
	assert_memory_equal(m.b, want_mac, 6);
	assert_int_equal(conf_mac("02:00:5e:10:ab", &m, &want), -EINVAL);
	assert_int_equal(conf_mac("02-00-5e-10-ab-01", &m, &want), -EINVAL);
	assert_int_equal(conf_mac("03:00:5e:10:ab:01", &m, &want), -EINVAL);
	assert_int_equal(conf_mac("00:00:00:00:00:00", &m, &want), -EINVAL);
	assert_int_equal(conf_map("10.0.0.3 192.0.2.9", &map, &want), 0);
	assert_true(is(&map.seen, "10.0.0.3") && is(&map.host, "192.0.2.9"));
	assert_int_equal(conf_map("10.0.0.3", &map, &want), -EINVAL);
	assert_int_equal(conf_map("10.0.0.3 224.0.0.1", &map, &want), -EINVAL);
}

static void test_distance(void **state)
{
	assert_int_equal(conf_distance("mtu", "mtu"), 0);
	assert_int_equal(conf_distance("mtuu", "mtu"), 1);
	assert_int_equal(conf_distance("", "mtu"), 3);
	assert_int_equal(conf_distance("mtu", ""), 3);
	assert_int_equal(conf_distance("umt", "mtu"), 2);
	assert_int_equal(conf_distance("segmentatoin", "segmentation"),
			 1); /* swapped */
	assert_int_equal(conf_distance("kitten", "sitting"), 3);
	assert_true(conf_distance("0123456789012345678901234567890123456789x",
				  "x") >= 40);
}

static void test_text(void **state)
{
	char a[] = "x = 1 # c\ny = \"#\" /* a\nb */ z;", b[] = "a /* x\n",
	     c[] = "a\nb \"x\ny\"";
	char d[] = "p = { 1, 2 } q { r = 1 } s t { u = { 1 } } v = 2";
	const char *want;
	unsigned line = 0;

	assert_int_equal(conf_text_clean(a, strlen(a), &line, &want), 0);
	assert_string_equal(a, "x = 1    \ny = \"#\"     \n     z ");
	assert_int_equal(conf_text_clean(b, strlen(b), &line, &want), -EINVAL);
	assert_int_equal(line, 1);
	assert_int_equal(conf_text_clean(c, strlen(c), &line, &want), -EINVAL);
	assert_int_equal(line, 2);
	assert_true(conf_text_cut(d, 1, "p"));
	assert_string_equal(d, "             q { r = 1 } s t { u = { 1 } } v = 2");
	assert_true(conf_text_cut(d, 1, "s"));
	assert_string_equal(d, "             q { r = 1 }                   v = 2");
	assert_false(conf_text_cut(d, 2, "q"));
	assert_true(conf_text_cut(d, 1, "q"));
	assert_true(conf_text_cut(d, 1, "v"));
	assert_int_equal(strspn(d, " "), strlen(d));
}

/* ---- whole files ---- */

static void test_defaults(void **state)
{
	struct gust_conf *c = NULL;

	assert_int_equal(conf_load(NULL, &c, stderr), 0);
	assert_string_equal(c->name, "gust0");
	assert_string_equal(c->control, "/run/gust/gustd.sock");
	assert_null(c->netns);
	assert_false(c->tap || c->persist || c->has_mac);
	assert_true(c->up && c->selftest && c->snap.loopback_own);
	assert_int_equal(c->mtu, 0);
	assert_int_equal(c->txqueuelen, 0);
	assert_int_equal(c->gro_max, 524280);
	assert_int_equal(c->given, 0);
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->drain_ms, 2000);
	assert_int_equal(c->log_level, LOG_LVL_INFO);
	assert_int_equal(c->feats, CONF_FEATS_DEFAULT);
	assert_false(c->feats & FEAT_BIT(FEAT_UDP_TNL));
	assert_true(c->feats & FEAT_BIT(FEAT_USO));
	assert_int_equal(c->snap.max_flows, 262144);
	assert_int_equal(c->snap.max_half_open, 4096);
	assert_int_equal(c->snap.max_udp, 16384);
	assert_int_equal(c->snap.max_echo, 256);
	assert_ptr_equal(c->snap.tcp.cc, &tcp_cc_cubic);
	assert_false(c->snap.svc_echo || c->snap.svc_discard ||
		     c->snap.svc_chargen);
	assert_true(ipaddr_is4(&c->snap.source4) &&
		    ipaddr_is_any(&c->snap.source4));
	assert_true(!ipaddr_is4(&c->snap.source6) &&
		    ipaddr_is_any(&c->snap.source6));
	conf_free(c);
	conf_free(good(""));
	conf_free(good("# nothing\n"));
	conf_free(NULL);
}

static void test_everything(void **state)
{
	struct gust_conf *c = good(
		"workers = 2; control = \"/tmp/x.sock\"; log = debug; drain = "
		"1500us\n"
		"selftest = no publish = {\"tcp 0.0.0.0:1 10.0.0.1:1\"}\n"
		"interface \"t-1\" { mode = tap; netns = blue persist = true up = "
		"false\n"
		" mtu = 9000 txqueuelen = 7 gro_max_size = 64K mac = "
		"02:00:00:00:00:01\n"
		" address = {\"10.0.0.1 peer 10.0.0.2\", fd00::1/64}\n"
		" route = {default, \"10.0.0.0/8 metric 4\"} stack = {10.9.9.9, "
		"fd00::9}\n"
		" disable = {tx-udp-segmentation, big-tcp4} }\n"
		"relay { loopback = false map = {\"10.0.0.3 192.0.2.9\"} mark = "
		"0x67\n"
		" device = eth0 source = {192.0.2.1, 2001:db8::1} congestion = "
		"reno\n"
		" connect_timeout = 3s udp_filter = endpoint }\n"
		"tcp { congestion = newreno receive_buffer = 64K "
		"receive_buffer_max = 1M\n"
		" send_buffer = 32K send_buffer_max = 2M rto_min = 100ms rto_max = "
		"30s\n"
		" delayed_ack = 10 time_wait = 1s fin_wait2 = 2s keepalive = 1min\n"
		" keepalive_interval = 5s keepalive_probes = 3 syn_retries = 2 "
		"retries = 4\n"
		" ttl = 5 nagle = off sack = off timestamps = off window_scaling = "
		"off }\n"
		"udp { timeout = 3min timeout_oneway = 1min timeout_dns = 5s ttl = "
		"9 }\n"
		"limits { flows = 100 half_open = 10 udp_flows = 20 echo_flows = "
		"0\n"
		" slab_size = 512K slabs = 16 packets = 2048 }\n"
		"services { echo = true discard = true chargen = true }\n");
	const struct stack_snap *s = &c->snap;
	const struct tcp_conf *t = &s->tcp;

	assert_int_equal(c->workers, 2);
	assert_string_equal(c->control, "/tmp/x.sock");
	assert_int_equal(c->log_level, LOG_LVL_DEBUG);
	assert_int_equal(c->drain_ms, 2); /* rounded up */
	assert_false(c->selftest || c->up || s->loopback_own);
	assert_true(c->tap && c->persist && c->has_mac);
	assert_string_equal(c->name, "t-1");
	assert_string_equal(c->netns, "blue");
	assert_int_equal(c->mtu, 9000);
	assert_int_equal(c->txqueuelen, 7);
	assert_int_equal(c->gro_max, 65536);
	assert_int_equal(c->given, CONF_GIVEN_UP | CONF_GIVEN_GRO_MAX);
	assert_int_equal(c->n_addr, 2);
	assert_true(is(&c->addr[1].local, "fd00::1"));
	assert_int_equal(c->n_route, 2);
	assert_int_equal(c->n_own, 2);
	assert_true(is(&c->own[1], "fd00::9"));
	assert_int_equal(CONF_FEATS_DEFAULT & ~c->feats,
			 FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_BIGTCP4));
	assert_int_equal(s->n_publish, 1);
	assert_int_equal(s->n_map, 1);
	assert_int_equal(s->mark, 0x67);
	assert_string_equal(s->device, "eth0");
	assert_string_equal(s->congestion, "reno");
	assert_true(is(&s->source4, "192.0.2.1") && is(&s->source6, "2001:db8::1"));
	assert_int_equal(s->connect_timeout_us, 3000000);
	assert_true(s->udp_filter_endpoint);
	assert_ptr_equal(t->cc, &tcp_cc_newreno);
	assert_int_equal(t->rcvbuf_init, 65536);
	assert_int_equal(t->rcvbuf_max, 1 << 20);
	assert_int_equal(t->sndbuf_init, 32768);
	assert_int_equal(t->sndbuf_max, 2 << 20);
	assert_int_equal(t->rto_min_us, 100000);
	assert_int_equal(t->rto_max_us, 30000000);
	assert_int_equal(t->delack_us, 10000);
	assert_int_equal(t->time_wait_us, 1000000);
	assert_int_equal(t->fin_wait2_us, 2000000);
	assert_int_equal(t->keep_idle_us, 60000000);
	assert_int_equal(t->keep_intvl_us, 5000000);
	assert_int_equal(t->keep_probes, 3);
	assert_int_equal(t->syn_retries, 2);
	assert_int_equal(t->retries, 4);
	assert_int_equal(t->ttl, 5);
	assert_false(t->nagle || t->sack || t->timestamps || t->wscale);
	assert_int_equal(s->udp.timeout_us, 180000000);
	assert_int_equal(s->udp.timeout_oneway_us, 60000000);
	assert_int_equal(s->udp.timeout_dns_us, 5000000);
	assert_int_equal(s->udp.ttl, 9);
	assert_int_equal(s->max_flows, 100);
	assert_int_equal(s->max_half_open, 10);
	assert_int_equal(s->max_udp, 20);
	assert_int_equal(s->max_echo, 0);
	assert_int_equal(c->slab_len, 524288);
	assert_int_equal(c->slab_max, 16);
	assert_int_equal(c->pkt_max, 2048);
	assert_true(s->svc_echo && s->svc_discard && s->svc_chargen);
	conf_free(c);
}

static void test_plugins(void **state)
{
	struct gust_conf *c =
		good("plugins { directory = \"/opt/p\" disable = {uro}\n"
		     " disable += {\"ttl-guard\"} merge = no\n"
		     " options = {\"impair: rx: loss 1%\", \"tso:id=fixed\"} }\n");

	assert_string_equal(c->plugin_dir, "/opt/p");
	assert_int_equal(c->n_plugin_off, 2);
	assert_string_equal(c->plugin_off[1], "ttl-guard");
	assert_false(c->merge);
	assert_int_equal(c->n_plugin_options, 2);
	assert_string_equal(c->plugin_options[0].name, "impair");
	assert_string_equal(c->plugin_options[0].text, "rx: loss 1%");
	assert_string_equal(c->plugin_options[1].text, "id=fixed");
	conf_free(c);
	c = good("");
	assert_string_equal(c->plugin_dir, "");
	assert_true(c->merge);
	conf_free(c);
	bad("plugins {\n directory = here\n}",
	    "t.conf:2: plugins.directory: expected an absolute path of at most 255 "
	    "bytes, "
	    "not \"here\"\n");
	bad("plugins { disable = {\"a b\"} }",
	    "t.conf:1: plugins.disable: expected a plugin's name, as `gustctl "
	    "plugins` "
	    "shows "
	    "it, not \"a b\"\n");
	bad("plugins { options = {\"impair\"} }",
	    "t.conf:1: plugins.options: expected \"NAME: options\", such as "
	    "\"impair: rx: "
	    "loss 1%\", not \"impair\"\n");
}

static void test_lists(void **state)
{
	struct gust_conf *c =
		good("interface \"a\" { stack = {10.0.0.1, 10.0.0.2}\n"
		     " stack += {10.0.0.3} route = default route += default6 }\n");

	assert_int_equal(c->n_own, 3);
	assert_true(is(&c->own[2], "10.0.0.3"));
	assert_int_equal(c->n_route, 2);
	conf_free(c);
	c = good("interface \"a\" { stack = {10.0.0.1} stack = {10.0.0.2} }\n"
		 "interface \"a\" { stack += {10.0.0.3} mtu = 1400 }\n");
	assert_int_equal(c->n_own, 2);
	assert_true(is(&c->own[0], "10.0.0.2") && is(&c->own[1], "10.0.0.3"));
	assert_int_equal(c->mtu, 1400);
	conf_free(c);
	c = good("interface \"a\" { stack = {10.0.0.1} }\ninterface \"a\" { stack "
		 "= {} }\n");
	assert_int_equal(c->n_own, 0);
	conf_free(c);
	c = good("interface \"a\" { disable = {tx-tcp-segmentation} disable = "
		 "{rx-gro} }");
	assert_int_equal(CONF_FEATS_DEFAULT & ~c->feats, FEAT_BIT(FEAT_GRO));
	conf_free(c);
	c = good("relay { source = {192.0.2.1} source = {192.0.2.2} }");
	assert_true(is(&c->snap.source4, "192.0.2.2"));
	conf_free(c);
}

static void test_list_limits(void **state)
{
	char text[16384], line[80];
	struct gust_conf *c;

	strcpy(text, "publish = {");
	for (unsigned i = 0; i < STACK_PUBLISH_MAX; i++) {
		snprintf(line, sizeof(line), "%s\"tcp 0.0.0.0:%u 10.0.0.1:80\"",
			 i ? "," : "", i + 1);
		strcat(text, line);
	}
	strcat(text, "}\n");
	c = good(text);
	assert_int_equal(c->snap.n_publish, STACK_PUBLISH_MAX);
	conf_free(c);
	strcat(text, "publish += {\"tcp 0.0.0.0:999 10.0.0.1:80\"}");
	bad(text, "t.conf:2: publish: expected at most 64 of these, not "
		  "\"tcp 0.0.0.0:999 10.0.0.1:80\"\n");
}

static void test_errors(void **state)
{
	bad("workers = 65\n",
	    "t.conf:1: workers: expected auto, or a number from 1 to 64, "
	    "not \"65\"\n");
	bad("\n\n/* a\n */ log = loud\n",
	    "t.conf:4: log: expected one of err, warn, notice, info, debug, not "
	    "\"loud\"\n");
	bad("interface \"a\" {\n mtu = 575\n}",
	    "t.conf:2: interface.mtu: expected a number from 576 to 65535, not "
	    "\"575\"\n");
	bad("tcp { receive_buffer = 65M }",
	    "t.conf:1: tcp.receive_buffer: expected a size from 4K to 64M bytes "
	    "(K, M, G), "
	    "not \"65M\"\n");
	bad("drain = 11min", "t.conf:1: drain: expected a time from 0 us to 10 min "
			     "(us, ms, s, min, h; a bare "
			     "number: ms), not \"11min\"\n");
	bad("control = run.sock",
	    "t.conf:1: control: expected an absolute path of at most 107 "
	    "characters, not \"run.sock\"\n");
	bad("interface \"a b\" { }", "t.conf:1: interface: expected an interface "
				     "name of at most 15 characters, not "
				     "\"a b\"\n");
	bad("interface \"a\" { }\ninterface \"b\" { }",
	    "t.conf:2: interface: expected one interface; \"a\" was named before, "
	    "not \"b\"\n");
	bad("interface \"a\" { disable = {tx-tcp-segmentatoin} }",
	    "t.conf:1: interface.disable: expected an offload's name as ethtool -k "
	    "shows it, "
	    "such as \"tx-tcp-segmentation\", not \"tx-tcp-segmentatoin\"\n");
	bad("publish = {\"tcp 0.0.0.0:1 10.0.0.1:1\", \"tcp 0.0.0.0:1 "
	    "10.0.0.2:1\"}",
	    "t.conf:1: publish: expected a listening address that is not published "
	    "already, not "
	    "\"tcp 0.0.0.0:1 10.0.0.2:1\"\n");
	bad("relay { source = {192.0.2.1, 192.0.2.2} }",
	    "t.conf:1: relay.source: expected at most one address of each family, "
	    "not "
	    "\"192.0.2.2\"\n");
}

static void test_unknown(void **state)
{
	bad("worker = 4\n",
	    "t.conf:1: worker: unknown option, expected perhaps \"workers\"\n");
	bad("interface \"a\" {\n mtuu = 1500 }\n",
	    "t.conf:2: interface.mtuu: unknown option, expected perhaps \"mtu\"\n");
	bad("mtu = 1500",
	    "t.conf:1: mtu: unknown option here, expected in interface\n");
	bad("tpc { sack = true }",
	    "t.conf:1: tpc: unknown option, expected perhaps \"tcp\"\n");
	/* everything that is wrong in one go, by line */
	bad("workers = x\nfoo \"x\" { a = {1, 2} }\nlog = y\nbar = {1, 2}\n"
	    "tcp { quux = 1\n nagle = maybe }\n",
	    "t.conf:1: workers: expected auto, or a number from 1 to 64, not "
	    "\"x\"\n"
	    "t.conf:2: foo: unknown option, expected perhaps \"log\"\n"
	    "t.conf:3: log: expected one of err, warn, notice, info, debug, not "
	    "\"y\"\n"
	    "t.conf:4: bar: unknown option, expected perhaps \"log\"\n"
	    "t.conf:5: tcp.quux: unknown option, expected perhaps \"ttl\"\n"
	    "t.conf:6: tcp.nagle: expected true or false, not \"maybe\"\n");
}

static void test_syntax(void **state)
{
	char *errs;

	bad("log = \"info\n",
	    "t.conf:1: syntax: expected the end of the string on its own line\n");
	bad("\n/* x",
	    "t.conf:2: syntax: expected the end of the comment that begins here\n");
	bad("log = \"${HOME}\"",
	    "t.conf:1: syntax: expected a plain value: \"${\" is not "
	    "expanded\n");
	bad("log = *", "t.conf:1: syntax: expected a word; other characters belong "
		       "into quotes\n");
	bad("a|b = 1", "t.conf:1: syntax: expected a word; other characters belong "
		       "into quotes\n");
	assert_null(parse("log info\n", &errs));
	assert_non_null(
		strstr(errs, "t.conf:1: syntax: expected \"option = value\""));
	free(errs);
	bad("log = info\ntcp { sack = true\n",
	    "t.conf:2: syntax: expected a closing bracket for the one that is "
	    "opened here\n");
	bad("tcp { } }\n", "t.conf:1: syntax: expected no closing bracket here\n");
	bad("a { b { c { d { e { f { g { h { i {",
	    "t.conf:1: syntax: expected brackets nested less deeply\n");
	assert_null(parse("log =", &errs));
	assert_non_null(strstr(errs, "premature end of file"));
	free(errs);
	assert_null(parse("workers += 2\n", &errs));
	free(errs);
	/* and the scanner is none the worse for it */
	conf_free(good("log = info\n"));
}

static void test_cross_checks(void **state)
{
	struct gust_conf *c;

	bad("interface \"a\" { mode = tap\n mtu = 65535 }",
	    "t.conf:2: interface.mtu: expected at most 65521 on a tap\n");
	bad("interface \"a\" { mtu = 1279 address = {fd00::1/64} }",
	    "t.conf:1: interface.mtu: expected at least 1280, because the "
	    "interface has an IPv6 "
	    "address\n");
	bad("interface \"a\" { mac = 02:00:00:00:00:01 }",
	    "t.conf:1: interface.mac: expected mode = tap; a tun has no Ethernet "
	    "address\n");
	bad("tcp { receive_buffer = 8M }",
	    "t.conf:1: tcp.receive_buffer: expected at most the value of "
	    "receive_buffer_max\n");
	bad("limits { flows = 100 half_open = 101 }",
	    "t.conf:1: limits.half_open: expected at most the value of flows\n");
	c = good("limits { flows = 100 }"); /* defaults give way */
	assert_int_equal(c->snap.max_half_open, 100);
	assert_int_equal(c->snap.max_udp, 100);
	conf_free(c);
	c = good("tcp { receive_buffer_max = 64K }");
	assert_int_equal(c->snap.tcp.rcvbuf_init, 65536);
	conf_free(c);
}

static void test_error_limit(void **state)
{
	char *text = calloc(1, 65536), *errs;
	unsigned lines = 0;

	for (unsigned i = 0; i < 300; i++)
		strcat(text, "log = loud\n");
	assert_null(parse(text, &errs));
	for (char *p = errs; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 101); /* 100 and "more errors follow" */
	free(errs);
	text[0] = '\0';
	for (unsigned i = 0; i < 300; i++)
		strcat(text, "unknown = 1\n");
	assert_null(parse(text, &errs));
	free(errs);
	free(text);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_dropins(void **state)
{
	char dir[] = "/tmp/gust-conf-XXXXXX", main_path[64], drop[64], cmd[128],
	     *errs, want[256];
	struct gust_conf *c = NULL;
	size_t len;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(main_path, sizeof(main_path), "%s/gustd.conf", dir);
	snprintf(drop, sizeof(drop), "%s/d", dir);
	mkdir(drop, 0700);
	put_file(drop, "10-a.conf",
		 "workers = 2 interface \"x\" { stack = {10.0.0.1} mtu = 1400 }\n");
	put_file(drop, "20-b.conf",
		 "workers = 3 interface \"x\" { stack += {10.0.0.2} }\n");
	put_file(drop, "30-c.conf.bak", "workers = 9\n");
	put_file(drop, ".hidden.conf", "workers = 9\n");

	/* the main file may be absent */
	assert_int_equal(conf_load_dropins(main_path, drop, &c, stderr), 0);
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->n_own, 2);
	assert_int_equal(c->mtu, 1400);
	conf_free(c);

	/* errors of several files, in the order in which they are read */
	put_file(dir, "gustd.conf", "\nlog = x\n");
	put_file(drop, "20-b.conf", "nope = 3\n");
	errs = NULL;
	f = open_memstream(&errs, &len);
	assert_int_equal(conf_load_dropins(main_path, drop, &c, f), -EINVAL);
	fclose(f);
	snprintf(want, sizeof(want), "%s:2: log: expected", main_path);
	assert_memory_equal(errs, want, strlen(want));
	snprintf(want, sizeof(want), "\n%s/20-b.conf:1: nope: unknown option",
		 drop);
	assert_non_null(strstr(errs, want));
	free(errs);

	/* with -c the file must be there */
	snprintf(main_path, sizeof(main_path), "%s/absent.conf", dir);
	f = open_memstream(&errs, &len);
	assert_int_equal(conf_load(main_path, &c, f), -ENOENT);
	fclose(f);
	snprintf(want, sizeof(want),
		 "%s: cannot be read: No such file or directory\n", main_path);
	assert_string_equal(errs, want);
	free(errs);
	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_link_addr),
		cmocka_unit_test(test_link_route),
		cmocka_unit_test(test_publish_value),
		cmocka_unit_test(test_mac_and_map),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_list_limits),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_cross_checks),
		cmocka_unit_test(test_error_limit),
		cmocka_unit_test(test_dropins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
