/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_explain.c - the way between the kernel inside and the stack
 */
#include "explain_lib.h"

/* ---- nothing in the way ---- */

static void whole_v4(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	run();
	assert_true(e.through);
	assert_int_equal(e.n, 2);
	assert_int_equal(cuts(), 0);
	h = named("out", "gust0");
	/* 45 segments of 1448 bytes and 52 bytes of headers */
	assert_int_equal(h->largest, 45 * 1448 + 52);
	assert_int_equal(h->depth, 2);
	assert_int_equal(h->header_bytes, 52);
	assert_string_equal(h->carried_by, "tx-tcp-segmentation");
	assert_int_equal(h->why, EXPLAIN_WHOLE);
	h = hop("out", EXPLAIN_SOCKET, 0);
	assert_int_equal(h->largest, 45 * 1448);
	assert_int_equal(h->depth, 0);
	h = named("out", "eth0");
	assert_string_equal(h->carried_by, "tx-tcp-segmentation");
	h = hop("back", EXPLAIN_SOCKET, 0);
	assert_int_equal(h->largest, 512000);
	h = hop("back", EXPLAIN_EGRESS, 0);
	/* (524280 - 20 - 60) / 1448 */
	assert_int_equal(h->largest, 362 * 1448 + 52);
	assert_string_equal(h->carried_by, "big-tcp4");
	HAS(hop("out", EXPLAIN_STACK, 0)->text, "relayed");
}

static void whole_v6(void **state)
{
	const struct explain_hop *h;

	begin("2001:db8::2");
	run();
	assert_int_equal(cuts(), 0);
	h = named("out", "gust0");
	assert_int_equal(h->header_bytes, 72);
	assert_int_equal(h->largest, 45 * 1428 + 72);
	assert_string_equal(h->carried_by, "tx-tcp6-segmentation");
	h = hop("back", EXPLAIN_EGRESS, 0);
	/* a hop-by-hop header more */
	assert_int_equal(h->depth, 3);
	assert_int_equal(h->header_bytes, 80);
	assert_int_equal(h->largest, 367 * 1428 + 72 + 8);
	assert_string_equal(h->carried_by, "big-tcp6-jumbo");
	f.to_kernel.feats &= ~FEAT_BIT(FEAT_BIGTCP6_JUMBO);
	run();
	h = hop("back", EXPLAIN_EGRESS, 0);
	assert_int_equal(h->depth, 2);
	assert_string_equal(h->carried_by, "big-tcp6-plain");
}

static void mtu_9000(void **state)
{
	begin("198.51.100.2");
	link.mtu = f.from_kernel.mtu = f.to_kernel.mtu = 9000;
	f.timestamps = false;
	run();
	assert_int_equal(named("out", "gust0")->largest, 7 * 8960 + 40);
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->largest, 58 * 8960 + 40);
	/* the host's way has a size of its own */
	assert_int_equal(named("out", "eth0")->largest, 45 * 1448 + 52);
	assert_int_equal(cuts(), 0);
}

static void tap(void **state)
{
	begin("198.51.100.2");
	f.tap = true;
	run();
	assert_int_equal(named("out", "gust0")->depth, 3);
	assert_int_equal(named("out", "gust0")->header_bytes, 66);
	assert_int_equal(named("out", "eth0")->depth, 3);
	assert_int_equal(hop("back", EXPLAIN_PORT, 0)->header_bytes, 66);
}

static void tiny_mtu(void **state)
{
	begin("2001:db8::2");
	link.mtu = f.from_kernel.mtu = f.to_kernel.mtu = 68;
	f.outside.dev[0].mtu = 68;
	run();
	assert_int_equal(named("out", "gust0")->largest, 68);
}

/* ---- between the kernel and gust ---- */

static void tso_off(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	off(FACT_FROM_KERNEL, FEAT_TSO4, FACT_ADMIN, FEAT_TSO4);
	run();
	h = named("out", "gust0");
	assert_int_equal(h->cut, 1500);
	assert_int_equal(h->largest, 1500);
	assert_string_equal(h->carried_by, "");
	assert_int_equal(h->why, EXPLAIN_ADMIN);
	HAS(h->why_text, "administrator");
	HAS(h->why_text, "tx-tcp-segmentation");
	assert_string_equal(h->avoid, "ip netns exec blue ethtool -K gust0 tso on");
	assert_int_equal(hop("out", EXPLAIN_PORT, 0)->largest, 1500);
	/* and nobody merges again */
	h = hop("out", EXPLAIN_MERGE, 0);
	assert_int_equal(h->why, EXPLAIN_NO_PLUGIN);
	HAS(h->avoid, "gro");
	assert_int_equal(cuts(), 1);
	/* the other family and the other direction do not care */
	f.dst = f.host = ip("2001:db8::2");
	run();
	assert_int_equal(cuts(), 0);
	/* commands as they are typed */
	f.dst = f.host = ip("198.51.100.2");
	f.netns = NULL;
	run();
	assert_string_equal(named("out", "gust0")->avoid,
			    "ethtool -K gust0 tso on");
	f.netns = "/proc/5/ns/net";
	run();
	assert_string_equal(named("out", "gust0")->avoid,
			    "nsenter --net=/proc/5/ns/net ethtool -K gust0 tso on");
}

static void merged_by_plugin(void **state)
{
	static const char *const plugins[] = { "tso", "gro" };
	const struct explain_hop *h;

	begin("198.51.100.2");
	off(FACT_FROM_KERNEL, FEAT_TSO4, FACT_ADMIN, FEAT_TSO4);
	f.plugin = plugins;
	f.n_plugin = 2;
	f.merge = true;
	f.merge_max = 65535;
	run();
	h = hop("out", EXPLAIN_MERGE, 0);
	assert_int_equal(h->why, EXPLAIN_WHOLE);
	assert_string_equal(h->carried_by, "gro");
	assert_int_equal(h->largest, 45 * 1448 + 52);
	assert_int_equal(hop("out", EXPLAIN_STACK, 0)->largest, 45 * 1448 + 52);
	f.merge_max = BIG;
	run();
	assert_int_equal(hop("out", EXPLAIN_STACK, 0)->largest, 362 * 1448 + 52);
	f.merge = false;
	f.merge_max = 0;
	run();
	h = hop("out", EXPLAIN_MERGE, 0);
	assert_int_equal(h->why, EXPLAIN_NOT_CONFIGURED);
	assert_int_equal(h->largest, 1500);
	f.merge = true;
	f.merge_max = 65535;
	f.proto = IPPROTO_UDP;
	off(FACT_FROM_KERNEL, FEAT_USO, FACT_ADMIN, FEAT_USO);
	run();
	assert_int_equal(hop("out", EXPLAIN_MERGE, 0)->why, EXPLAIN_NO_PLUGIN);
}

/* A plugin that wants single packets gets them, whatever the port carries. */
static void filtered(void **state)
{
	static const char *const plugins[] = { "gro", "impair" };
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.plugin = plugins;
	f.n_plugin = 2;
	f.merge = true;
	f.merge_max = 65535;
	f.filter = "impair";
	run();
	assert_int_equal(cuts(), 2);
	h = named("out", "filter");
	assert_int_equal(h->cut, 1500);
	assert_int_equal(h->why, EXPLAIN_FILTERED);
	HAS(h->avoid, "gustctl plugins disable impair");
	assert_int_equal(hop("out", EXPLAIN_STACK, 0)->largest, 45 * 1448 + 52);
	assert_int_equal(named("back", "filter")->largest, 1500);
	h = hop("back", EXPLAIN_PORT, 0);
	assert_int_equal(h->largest, 362 * 1448 + 52);
	assert_string_equal(h->carried_by, "big-tcp4");
	/* IPv4 may be bounded lower than what it is merged to */
	link.gro_ipv4_max_size = f.to_kernel.gso_max4 = 100000;
	run();
	h = hop("back", EXPLAIN_EGRESS, 0);
	assert_int_equal(h->cut, 69 * 1448 + 52);
	assert_int_equal(h->why, EXPLAIN_SIZE);
	/* nobody merges */
	f.n_plugin = 0;
	run();
	assert_int_equal(hop("back", EXPLAIN_PORT, 0)->largest, 1500);
	assert_int_equal(hop("out", EXPLAIN_STACK, 0)->largest, 1500);
}

static void tx_off(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	off(FACT_FROM_KERNEL, FEAT_TX_CSUM, FACT_ADMIN, FEAT_TX_CSUM);
	off(FACT_FROM_KERNEL, FEAT_TSO4, FACT_DEPENDS, FEAT_TX_CSUM);
	run();
	h = named("out", "gust0");
	assert_int_equal(h->why, EXPLAIN_ADMIN);
	HAS(h->why_text, "tx-checksum-ip-generic");
	HAS(h->avoid, "ethtool -K gust0 tx on");
}

static void gro_off(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	for (enum feat i = FEAT_TSO4; i < FEAT_N; i++)
		off(FACT_TO_KERNEL, i, FACT_ADMIN, FEAT_GRO);
	run();
	h = hop("back", EXPLAIN_EGRESS, 0);
	assert_int_equal(h->cut, 1500);
	assert_int_equal(h->why, EXPLAIN_ADMIN);
	HAS(h->why_text, "rx-gro");
	HAS(h->avoid, "ethtool -K gust0 gro on");
	/* the stack still makes them */
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->largest, 45 * 1448 + 52);
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->why, EXPLAIN_WHOLE);
	assert_int_equal(hop("back", EXPLAIN_PORT, 0)->largest, 1500);
	assert_int_equal(cuts(), 1);
}

static void every_reason(void **state)
{
	static const struct {
		enum fact_why why;
		enum explain_why is;
		const char *avoid;
	} all[] = {
		{ FACT_NOT_CONFIGURED, EXPLAIN_NOT_CONFIGURED, "gustd.conf" },
		{ FACT_NO_PLUGIN, EXPLAIN_NO_PLUGIN, "plugin" },
		{ FACT_NOT_GRANTED, EXPLAIN_NOT_GRANTED, "" },
		{ FACT_DISPROOF, EXPLAIN_DISPROVEN, "kernel" },
		{ FACT_REFUSED, EXPLAIN_DEMOTED, "restart" },
		{ FACT_ADMIN, EXPLAIN_ADMIN, "ethtool -K gust0" },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct explain_hop *h;

		begin("198.51.100.2");
		off(FACT_TO_KERNEL, FEAT_TSO4, all[i].why, FEAT_GRO);
		run();
		h = hop("back", EXPLAIN_EGRESS, 0);
		assert_int_equal(h->cut, 1500);
		assert_int_equal(h->why, all[i].is);
		HAS(h->avoid, all[i].avoid);
	}
}

/* Facts that stand on each other in a circle are wrong; that is not our end. */
static void circle(void **state)
{
	begin("198.51.100.2");
	off(FACT_TO_KERNEL, FEAT_TSO4, FACT_DEPENDS, FEAT_TX_CSUM);
	off(FACT_TO_KERNEL, FEAT_TX_CSUM, FACT_DEPENDS, FEAT_TSO4);
	run();
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->cut, 1500);
}

static void big_tcp_off(void **state)
{
	const struct explain_hop *h;

	/* by size, IPv6 and IPv4 */
	begin("2001:db8::2");
	link.gro_max_size = f.to_kernel.gso_max6 = 65536;
	run();
	h = hop("back", EXPLAIN_STACK, 0);
	assert_int_equal(h->why, EXPLAIN_SIZE);
	HAS(h->why_text, "gro_max_size of gust0 is 65536");
	HAS(h->avoid, "ip link set gust0 gro_max_size 524280");
	assert_true(h->largest <= 65536);
	assert_int_equal(cuts(), 0);
	begin("198.51.100.2");
	link.gro_ipv4_max_size = 65536;
	off(FACT_TO_KERNEL, FEAT_BIGTCP4, FACT_SIZE, FEAT_N);
	run();
	h = hop("back", EXPLAIN_STACK, 0);
	assert_int_equal(h->why, EXPLAIN_SIZE);
	HAS(h->avoid, "ip link set gust0 gro_ipv4_max_size 524280");
	assert_string_equal(hop("back", EXPLAIN_EGRESS, 0)->carried_by,
			    "tx-tcp-segmentation");
	/* a kernel without the attribute */
	link.gro_ipv4_max_size = 0;
	run();
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->why, EXPLAIN_NOT_GRANTED);
	/* by the self-test */
	begin("198.51.100.2");
	off(FACT_TO_KERNEL, FEAT_BIGTCP4, FACT_DISPROOF, FEAT_N);
	run();
	h = hop("back", EXPLAIN_STACK, 0);
	assert_int_equal(h->why, EXPLAIN_DISPROVEN);
	HAS(h->why_text, "big-tcp4");
	off(FACT_TO_KERNEL, FEAT_BIGTCP4, FACT_NOT_GRANTED, FEAT_N);
	run();
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->why, EXPLAIN_UNPROVEN);
	/* TSO is off as well: that is the one to name */
	off(FACT_TO_KERNEL, FEAT_TSO4, FACT_ADMIN, FEAT_GRO);
	run();
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->why, EXPLAIN_WHOLE);
}

static void gso_max_size(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	link.gso_max_size = link.gso_ipv4_max_size = f.from_kernel.gso_max4 = 20000;
	run();
	h = named("out", "gust0");
	assert_int_equal(h->largest, 13 * 1448 + 52);
	assert_int_equal(h->why, EXPLAIN_SIZE);
	HAS(h->avoid, "ip link set gust0 gso_max_size 65536");
	assert_int_equal(h->cut, 0);
}

static void max_segs(void **state)
{
	begin("198.51.100.2");
	f.to_kernel.gso_max_segs = 10;
	run();
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->largest, 10 * 1448 + 52);
}

/* ---- other protocols ---- */

static void udp(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.proto = IPPROTO_UDP;
	run();
	h = named("out", "gust0");
	assert_string_equal(h->carried_by, "tx-udp-segmentation");
	assert_int_equal(h->header_bytes, 28);
	assert_int_equal(h->largest, 44 * 1472 + 28);
	assert_string_equal(hop("out", EXPLAIN_SOCKET, 0)->carried_by,
			    "UDP_SEGMENT");
	assert_string_equal(hop("back", EXPLAIN_SOCKET, 0)->carried_by, "UDP_GRO");
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->largest, 44 * 1472 + 28);
	assert_int_equal(cuts(), 0);
	off(FACT_FROM_KERNEL, FEAT_USO, FACT_NOT_GRANTED, FEAT_N);
	off(FACT_TO_KERNEL, FEAT_USO, FACT_ADMIN, FEAT_GRO);
	feat_set(&f.outside.dev[0], "tx-udp-segmentation", 0);
	run();
	assert_int_equal(cuts(), 3);
	assert_int_equal(named("out", "gust0")->why, EXPLAIN_NOT_GRANTED);
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->why, EXPLAIN_ADMIN);
	assert_int_equal(named("out", "eth0")->why, EXPLAIN_NO_FEATURE);
	/* TSO has no part in it */
	begin("198.51.100.2");
	f.proto = IPPROTO_UDP;
	off(FACT_FROM_KERNEL, FEAT_TSO4, FACT_ADMIN, FEAT_TSO4);
	run();
	assert_int_equal(cuts(), 0);
}

static void udp_smaller_port(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.proto = IPPROTO_UDP;
	link.gro_ipv4_max_size = f.to_kernel.gso_max_udp = 30000;
	run();
	h = hop("back", EXPLAIN_EGRESS, 0);
	assert_int_equal(h->cut, 20 * 1472 + 28);
	assert_int_equal(h->why, EXPLAIN_SIZE);
	assert_string_equal(h->carried_by, "tx-udp-segmentation");
}

static void udp_mtu(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.proto = IPPROTO_UDP;
	f.outside.route.mtu = 1400;
	run();
	h = hop("out", EXPLAIN_ROUTE, 1);
	assert_int_equal(h->why, EXPLAIN_MTU);
	HAS(h->avoid, "mtu 1400");
	/* TCP ends at the stack, so it does not matter there */
	f.proto = IPPROTO_TCP;
	run();
	assert_int_equal(hop("out", EXPLAIN_ROUTE, 1)->why, EXPLAIN_WHOLE);
	assert_int_equal(named("out", "eth0")->largest, 48 * 1348 + 52);
}

static void icmp(void **state)
{
	begin("198.51.100.2");
	f.proto = IPPROTO_ICMP;
	f.port = 0;
	run();
	assert_int_equal(cuts(), 0);
	assert_int_equal(named("out", "gust0")->largest, 1500);
	assert_int_equal(named("out", "gust0")->why, EXPLAIN_PROTO);
	assert_int_equal(named("out", "eth0")->largest, 1500);
	assert_int_equal(hop("back", EXPLAIN_PORT, 0)->largest, 1500);
	f.fate = EXPLAIN_ANSWERED;
	run();
	assert_int_equal(path("out")->hop[path("out")->n - 1].kind, EXPLAIN_STACK);
	assert_int_equal(path("back")->hop[0].kind, EXPLAIN_STACK);
}

/* ---- routes inside ---- */

static void not_through_gust(void **state)
{
	const struct explain_hop *h;

	begin("203.0.113.5");
	f.inside.route.oif = ETH;
	f.inside.dev[0] = device("eth1", "veth", ETH);
	f.inside.route.has_via = true;
	f.inside.route.via = ip("203.0.113.1");
	run();
	assert_false(e.through);
	assert_int_equal(e.n, 1);
	assert_int_equal(path("out")->n, 1);
	h = hop("out", EXPLAIN_ROUTE, 0);
	assert_int_equal(h->why, EXPLAIN_NOT_GUST);
	assert_string_equal(h->why_text, "does not come to gust: leaves by eth1");
	HAS(h->text, "via 203.0.113.1 dev eth1");
	HAS(h->avoid, "ip netns exec blue ip route add 203.0.113.5 dev gust0");
}

static void no_route(void **state)
{
	const struct explain_hop *h;

	begin("203.0.113.5");
	f.inside.route = (struct route_result){ .type = ROUTE_UNREACHABLE };
	f.inside.n_dev = 0;
	run();
	h = hop("out", EXPLAIN_ROUTE, 0);
	assert_false(e.through);
	assert_int_equal(h->why, EXPLAIN_NO_ROUTE);
	assert_int_equal(h->largest, 0);
	HAS(h->why_text, "unreachable");
	f.inside.route.type = ROUTE_NONE;
	run();
	HAS(hop("out", EXPLAIN_ROUTE, 0)->why_text, "no route to 203.0.113.5");
}

static void own_address_of_the_kernel(void **state)
{
	begin("10.111.0.1");
	f.inside.route.type = ROUTE_LOCAL;
	f.inside.route.oif = 1;
	f.inside.dev[0] = device("lo", "", 1);
	run();
	assert_false(e.through);
	HAS(hop("out", EXPLAIN_ROUTE, 0)->why_text, "never leaves");
	/* whatever device the local table names */
	f.inside.route.oif = GUST;
	run();
	assert_false(e.through);
}

static void published(void **state)
{
	begin("10.111.0.1");
	f.inside.route.type = ROUTE_LOCAL;
	f.inside.route.oif = 1;
	f.published = true;
	f.listen = ip("0.0.0.0");
	f.listen_port = 8080;
	run();
	assert_true(e.through);
	assert_int_equal(e.n, 2);
	assert_string_equal(e.path[0].name, "back");
	assert_int_equal(e.path[0].hop[0].kind, EXPLAIN_SOCKET);
	HAS(e.path[0].hop[0].text, "0.0.0.0:8080");
	assert_string_equal(e.path[1].name, "out");
	assert_int_equal(e.path[1].hop[e.path[1].n - 1].kind, EXPLAIN_SOCKET);
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->largest, 362 * 1448 + 52);
}

static void route_mtu(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.inside.route.mtu = 1400;
	run();
	h = hop("out", EXPLAIN_ROUTE, 0);
	assert_int_equal(h->why, EXPLAIN_MTU);
	HAS(h->why_text, "1400");
	assert_int_equal(named("out", "gust0")->largest, 48 * 1348 + 52);
	/* what comes back has the interface's mtu */
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->largest, 362 * 1448 + 52);
}

static void encap_route(void **state)
{
	begin("198.51.100.2");
	f.inside.route.encap = 2;
	run();
	assert_int_equal(hop("out", EXPLAIN_ROUTE, 0)->why, EXPLAIN_TUNNEL_DEPTH);
}

static void inside_unknown(void **state)
{
	begin("198.51.100.2");
	f.inside = (struct explain_way){ .unknown = "not permitted" };
	run();
	assert_true(e.through);
	assert_int_equal(hop("out", EXPLAIN_ROUTE, 0)->why, EXPLAIN_UNKNOWN);
	HAS(hop("out", EXPLAIN_ROUTE, 0)->why_text, "not permitted");
}

/* ---- what the stack does ---- */

static void loopback(void **state)
{
	begin("10.111.0.2");
	f.fate = EXPLAIN_LOOPBACK;
	f.host = ip("127.0.0.1");
	f.outside.route = (struct route_result){ .type = ROUTE_LOCAL, .oif = 1 };
	f.outside.dev[0] = device("lo", "", 1);
	f.outside.dev[0].loopback = true;
	f.outside.dev[0].mtu = 65536;
	run();
	HAS(hop("out", EXPLAIN_STACK, 0)->text, "127.0.0.1");
	HAS(hop("out", EXPLAIN_ROUTE, 1)->text, "local 127.0.0.1 dev lo");
	HAS(named("out", "lo")->text, "stays in this host");
	assert_int_equal(cuts(), 0);
}

static void mapped_to_the_other_family(void **state)
{
	begin("10.0.0.3");
	f.fate = EXPLAIN_MAPPED;
	f.host = ip("2001:db8::9");
	run();
	HAS(hop("out", EXPLAIN_STACK, 0)->text, "mapped to 2001:db8::9");
	assert_int_equal(named("out", "gust0")->header_bytes, 52);
	assert_int_equal(named("out", "eth0")->header_bytes, 86);
	assert_string_equal(named("out", "eth0")->carried_by,
			    "tx-tcp6-segmentation");
	assert_int_equal(hop("back", EXPLAIN_EGRESS, 0)->header_bytes, 52);
}

static void service(void **state)
{
	begin("10.111.0.2");
	f.fate = EXPLAIN_SERVICE;
	f.service = "chargen";
	f.port = 19;
	memset(&f.host, 0, sizeof(f.host));
	f.outside = (struct explain_way){ 0 };
	run();
	HAS(hop("out", EXPLAIN_STACK, 0)->text, "chargen, port 19");
	assert_int_equal(path("back")->hop[0].kind, EXPLAIN_STACK);
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->largest, 362 * 1448 + 52);
}

static void refused_and_dropped(void **state)
{
	const struct explain_hop *h;

	begin("10.111.0.2");
	f.fate = EXPLAIN_REFUSED;
	run();
	assert_int_equal(e.n, 1);
	h = hop("out", EXPLAIN_STACK, 0);
	assert_int_equal(h->why, EXPLAIN_STACK_ENDS);
	assert_int_equal(h->largest, 0);
	HAS(h->avoid, "loopback");
	begin("169.254.1.1");
	f.fate = EXPLAIN_DROPPED;
	f.drop = "scope";
	run();
	assert_int_equal(e.n, 1);
	HAS(hop("out", EXPLAIN_STACK, 0)->text, "dropped as scope");
}

static void long_names(void **state)
{
	char ns[400];

	memset(ns, 'n', sizeof(ns) - 1);
	ns[sizeof(ns) - 1] = '\0';
	begin("198.51.100.2");
	f.netns = ns;
	off(FACT_FROM_KERNEL, FEAT_TSO4, FACT_ADMIN, FEAT_TSO4);
	run();
	assert_int_equal(strlen(named("out", "gust0")->avoid),
			 EXPLAIN_TEXT_LEN - 1);
}

static void names(void **state)
{
	for (unsigned i = 0; i < EXPLAIN_WHYS; i++)
		assert_true(strcmp(explain_why_name(i), "unknown") ||
			    i == EXPLAIN_UNKNOWN);
	for (unsigned i = 0; i < EXPLAIN_KINDS; i++)
		assert_string_not_equal(explain_kind_name(i), "unknown");
	assert_string_equal(explain_why_name(EXPLAIN_WHYS), "unknown");
	assert_string_equal(explain_kind_name(EXPLAIN_KINDS), "unknown");
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(whole_v4),
		T(whole_v6),
		T(mtu_9000),
		T(tap),
		T(tiny_mtu),
		T(tso_off),
		T(merged_by_plugin),
		T(filtered),
		T(tx_off),
		T(gro_off),
		T(every_reason),
		T(circle),
		T(big_tcp_off),
		T(gso_max_size),
		T(max_segs),
		T(udp),
		T(udp_smaller_port),
		T(udp_mtu),
		T(icmp),
		T(not_through_gust),
		T(no_route),
		T(own_address_of_the_kernel),
		T(published),
		T(route_mtu),
		T(encap_route),
		T(inside_unknown),
		T(loopback),
		T(mapped_to_the_other_family),
		T(service),
		T(refused_and_dropped),
		T(long_names),
		T(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
