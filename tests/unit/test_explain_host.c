/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_explain_host.c - the way between the host's sockets and the world
 */
#include "explain_lib.h"

/* ---- the host's side ---- */

static void egress_without_tso(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	feat_set(&f.outside.dev[0], "tx-tcp-segmentation", 0);
	run();
	h = named("out", "eth0");
	assert_int_equal(h->cut, 1500);
	assert_int_equal(h->why, EXPLAIN_NO_FEATURE);
	HAS(h->why_text, "the kernel's GSO cuts in software before the driver");
	assert_string_equal(h->avoid, "");
	/* switched off by somebody */
	feat_set(&f.outside.dev[0], "tx-tcp-segmentation", DEVICE_FEAT_HW);
	run();
	h = named("out", "eth0");
	assert_int_equal(h->why, EXPLAIN_ADMIN);
	assert_string_equal(h->avoid, "ethtool -K eth0 tx-tcp-segmentation on");
	/* wanted, but off for lack of something else */
	feat_set(&f.outside.dev[0], "tx-tcp-segmentation",
		 DEVICE_FEAT_HW | DEVICE_FEAT_WANTED);
	run();
	assert_int_equal(named("out", "eth0")->why, EXPLAIN_NO_FEATURE);
	/* unknown is not the same as off */
	f.outside.dev[0].ethtool_ok = false;
	run();
	h = named("out", "eth0");
	assert_int_equal(h->why, EXPLAIN_UNKNOWN);
	assert_int_equal(h->cut, 0);
	assert_int_equal(cuts(), 0);
}

static void host_gro_off(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	feat_set(&f.outside.dev[0], "rx-gro", DEVICE_FEAT_HW);
	run();
	h = named("back", "eth0");
	assert_int_equal(h->largest, 1500);
	assert_int_equal(h->why, EXPLAIN_ADMIN);
	assert_string_equal(h->avoid, "ethtool -K eth0 rx-gro on");
	/* the stack makes superpackets of single ones all the same */
	assert_int_equal(hop("back", EXPLAIN_STACK, 0)->largest, 362 * 1448 + 52);
}

static void host_big_tcp(void **state)
{
	begin("198.51.100.2");
	f.outside.dev[0].gso_ipv4_max_size = f.outside.dev[0].gso_max_size = 200000;
	run();
	assert_int_equal(named("out", "eth0")->largest, 138 * 1448 + 52);
	/* a device below that takes less */
	f.outside.dev[1] = device("eth1", "", 3);
	strcpy(f.outside.dev[0].kind, "vlan");
	f.outside.n_dev = 2;
	run();
	assert_int_equal(named("out", "eth1")->cut, 1500);
	assert_int_equal(named("out", "eth1")->why, EXPLAIN_SIZE);
	HAS(named("out", "eth1")->avoid, "ip link set eth1 gso_max_size");
}

static void host_tunnels(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.outside.dev[0] = device("vx0", "vxlan", 5);
	f.outside.dev[0].mtu = 1450;
	f.outside.dev[1] = device("eth0", "", ETH);
	f.outside.n_dev = 2;
	run();
	h = named("out", "vx0");
	assert_int_equal(h->cut, 0);
	assert_int_equal(h->depth, 3);
	h = named("out", "eth0");
	assert_int_equal(h->depth, 7);
	assert_int_equal(h->header_bytes, 14 + 50 + 52);
	assert_int_equal(h->cut, 1450);
	assert_int_equal(h->why, EXPLAIN_NO_FEATURE);
	HAS(h->why_text, "tx-udp_tnl-csum-segmentation");
	feat_on(&f.outside.dev[1], "tx-udp_tnl-segmentation");
	run();
	h = named("out", "eth0");
	assert_int_equal(h->cut, 0);
	assert_string_equal(h->carried_by, "tx-udp_tnl-segmentation");
	/* outer IPv6 */
	f.outside.dev[0].has_remote = true;
	f.outside.dev[0].remote = ip("2001:db8::5");
	f.outside.dev[0].mtu = 1430;
	run();
	assert_int_equal(named("out", "eth0")->header_bytes, 14 + 70 + 52);
	/* the segments with their new headers do not fit below */
	f.outside.dev[0].mtu = 1500;
	run();
	h = named("out", "eth0");
	assert_int_equal(h->why, EXPLAIN_MTU);
	assert_string_equal(h->avoid, "ip link set vx0 mtu 1430");
	/* two levels */
	f.outside.dev[0].mtu = 1400;
	f.outside.dev[2] = f.outside.dev[1];
	f.outside.dev[1] = device("vx1", "vxlan", 6);
	f.outside.n_dev = 3;
	run();
	h = named("out", "vx1");
	assert_int_equal(h->cut, 1400);
	assert_int_equal(h->why, EXPLAIN_TUNNEL_DEPTH);
	assert_int_equal(named("out", "eth0")->depth, 11);
	assert_int_equal(cuts(), 1);
	/* one that encrypts each packet by itself */
	strcpy(f.outside.dev[0].kind, "wireguard");
	f.outside.n_dev = 1;
	run();
	assert_int_equal(hop("out", EXPLAIN_DEVICE, 1)->why, EXPLAIN_NO_FEATURE);
}

static void host_veth_and_bridge(void **state)
{
	begin("198.51.100.2");
	f.outside.dev[0] = device("w0", "veth", ETH);
	f.outside.dev[0].lower_elsewhere = true;
	run();
	HAS(named("out", "w0")->text, "in another namespace");
	HAS(named("back", "w0")->text, "as the other end sends them");
	assert_int_equal(named("back", "w0")->largest, 45 * 1448 + 52);
	/* the other end here: it receives, so it is not asked */
	f.outside.dev[1] = device("w1", "veth", 9);
	feat_set(&f.outside.dev[1], "tx-tcp-segmentation", 0);
	f.outside.n_dev = 2;
	run();
	HAS(named("out", "w0")->text, "w1");
	assert_int_equal(cuts(), 0);
	f.outside.dev[0] = device("br0", "bridge", ETH);
	f.outside.n_dev = 1;
	run();
	HAS(named("out", "br0")->text, "bridge");
}

static void host_no_way(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.outside.route = (struct route_result){ .type = ROUTE_NONE };
	f.outside.n_dev = 0;
	run();
	assert_int_equal(e.n, 2);
	h = hop("out", EXPLAIN_ROUTE, 1);
	assert_int_equal(h->why, EXPLAIN_NO_ROUTE);
	HAS(h->why_text, "198.51.100.2");
	f.outside.unknown = "timed out";
	run();
	HAS(hop("out", EXPLAIN_ROUTE, 1)->why_text, "timed out");
}

static void host_loop(void **state)
{
	const struct explain_hop *h;

	begin("198.51.100.2");
	f.netns = NULL;
	f.outside.route.oif = GUST;
	f.outside.dev[0] = device("gust0", "tun", GUST);
	run();
	h = hop("out", EXPLAIN_ROUTE, 1);
	assert_int_equal(h->why, EXPLAIN_LOOP);
	HAS(h->avoid, "mark");
	/* an index of another namespace means nothing */
	f.netns = "blue";
	run();
	assert_int_equal(hop("out", EXPLAIN_ROUTE, 1)->why, EXPLAIN_WHOLE);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(egress_without_tso), T(host_gro_off),         T(host_big_tcp),
		T(host_tunnels),       T(host_veth_and_bridge), T(host_no_way),
		T(host_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
