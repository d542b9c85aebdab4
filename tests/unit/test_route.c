/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_route.c - route look-ups and descriptions of devices, in a namespace of
 * our own that `ip` and `ethtool` arrange
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

#include <cmocka.h>
#include <linux/ethtool.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "link/device.h"
#include "link/route.h"

static struct link_query *open_query(int ns)
{
	struct link_query *q;
	char err[200] = "";

	if (link_query_open(ns, &q, err, sizeof(err)))
		fail_msg("%s", err);
	return q;
}

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

static struct route_result get(struct link_query *q, struct route_query rq)
{
	struct route_result r;

	memset(&r, 0xa5, sizeof(r));
	assert_int_equal(route_get(q, &rq, &r), 0);
	return r;
}

static struct route_result to(struct link_query *q, const char *dst)
{
	return get(q, (struct route_query){ .dst = ip(dst) });
}

/* va (10.1.0.1) <-> vb (10.2.0.1), both here. */
static int setup(void **state)
{
	sh("ip link add va type veth peer name vb");
	sh("ip addr add 10.1.0.1/24 dev va && ip addr add 10.2.0.1/24 dev vb");
	sh("ip addr add fd00:1::1/64 dev va nodad");
	sh("ip link set va up && ip link set vb up && ip link set lo up");
	*state = open_query(-1);
	/* with the carrier, which comes a moment later */
	for (int i = 0; i < 200 && to(*state, "fd00:1::1").type != ROUTE_LOCAL; i++)
		usleep(10000);
	return 0;
}

static int teardown(void **state)
{
	link_query_close(*state);
	return system("ip rule del pref 90 2>/dev/null; ip link del va");
}

static int va(void)
{
	return (int)if_nametoindex("va");
}

/* ---- routes ---- */

static void unicast(void **state)
{
	struct route_result r = to(*state, "10.1.0.9");
	struct ipaddr a = ip("10.1.0.1");

	assert_int_equal(r.type, ROUTE_UNICAST);
	assert_int_equal(r.oif, va());
	assert_int_equal(r.table, RT_TABLE_MAIN);
	assert_false(r.has_via);
	assert_true(r.has_src && ipaddr_eq(&r.src, &a));
	assert_int_equal(r.mtu, 0);
	assert_int_equal(r.encap, 0);
	assert_string_equal(route_type_name(r.type), "unicast");
}

static void gateway_and_mtu(void **state)
{
	struct ipaddr via4 = ip("10.1.0.254"), via6 = ip("fd00:1::fe");
	struct route_result r;

	sh("ip route add 192.0.2.0/24 via 10.1.0.254 mtu 1400");
	sh("ip -6 route add 2001:db8::/32 via fd00:1::fe mtu 1300");
	r = to(*state, "192.0.2.1");
	assert_true(r.has_via && ipaddr_eq(&r.via, &via4));
	assert_int_equal(r.mtu, 1400);
	r = to(*state, "2001:db8::1");
	assert_int_equal(r.type, ROUTE_UNICAST);
	assert_true(r.has_via && ipaddr_eq(&r.via, &via6));
	assert_int_equal(r.mtu, 1300);
	assert_int_equal(r.oif, va());
	assert_int_equal(r.table, RT_TABLE_MAIN);
}

/* RFC 5549: an IPv6 gateway of an IPv4 route. */
static void gateway_of_the_other_family(void **state)
{
	struct ipaddr via = ip("fd00:1::fe");
	struct route_result r;

	sh("ip route add 192.0.2.0/24 via inet6 fd00:1::fe dev va");
	r = to(*state, "192.0.2.1");
	assert_true(r.has_via && ipaddr_eq(&r.via, &via));
}

static void local(void **state)
{
	assert_int_equal(to(*state, "10.1.0.1").type, ROUTE_LOCAL);
	assert_int_equal(to(*state, "fd00:1::1").type, ROUTE_LOCAL);
	assert_int_equal(to(*state, "127.0.0.1").type, ROUTE_LOCAL);
	assert_int_equal(to(*state, "::1").type, ROUTE_LOCAL);
	assert_int_equal(to(*state, "10.1.0.255").type, ROUTE_BROADCAST);
	/* the limited broadcast has no device of its own */
	assert_int_equal(to(*state, "255.255.255.255").type, ROUTE_NONE);
}

static void no_way(void **state)
{
	struct route_result r = to(*state, "203.0.113.1");

	assert_int_equal(r.type, ROUTE_NONE);
	assert_int_equal(r.oif, 0);
	assert_int_equal(to(*state, "2001:db8:9::1").type, ROUTE_NONE);
	for (int fam = 4; fam <= 6; fam += 2) {
		static const struct {
			const char *name;
			enum route_type type;
		} kinds[] = { { "unreachable", ROUTE_UNREACHABLE },
			      { "blackhole", ROUTE_BLACKHOLE },
			      { "prohibit", ROUTE_PROHIBIT } };
		const char *dst = fam == 4 ? "203.0.113.1" : "2001:db8:9::1";
		char cmd[128];

		for (int i = 0; i < 3; i++) {
			snprintf(cmd, sizeof(cmd), "ip -%d route add %s %s", fam,
				 kinds[i].name, dst);
			sh(cmd);
			r = to(*state, dst);
			assert_int_equal(r.type, kinds[i].type);
			assert_int_equal(r.oif, 0);
			assert_string_equal(route_type_name(r.type), kinds[i].name);
			snprintf(cmd, sizeof(cmd), "ip -%d route del %s %s", fam,
				 kinds[i].name, dst);
			sh(cmd);
		}
	}
}

/* What a relay's socket has: a mark, a device, a source; and the ports. */
static void selectors(void **state)
{
	struct ipaddr dst = ip("192.0.2.1");
	struct route_result r;
	int vb = (int)if_nametoindex("vb");

	sh("ip route add 192.0.2.0/24 via 10.1.0.254");
	sh("ip route add 192.0.2.0/24 via 10.2.0.254 table 77");
	sh("ip rule add pref 90 fwmark 7 table 77");
	assert_int_equal(to(*state, "192.0.2.1").oif, va());
	r = get(*state, (struct route_query){ .dst = dst, .mark = 7 });
	assert_int_equal(r.oif, vb);
	assert_int_equal(r.table, 77);
	sh("ip rule del pref 90");
	r = get(*state, (struct route_query){ .dst = dst, .oif = vb });
	assert_int_equal(r.oif, vb);
	sh("ip rule add pref 90 ipproto udp dport 53 table 77");
	r = get(*state, (struct route_query){
				.dst = dst, .proto = IPPROTO_UDP, .dport = 53 });
	assert_int_equal(r.oif, vb);
	r = get(*state, (struct route_query){
				.dst = dst, .proto = IPPROTO_TCP, .dport = 53 });
	assert_int_equal(r.oif, va());
	r = get(*state, (struct route_query){
				.dst = dst, .proto = IPPROTO_UDP, .dport = 54 });
	assert_int_equal(r.oif, va());
	sh("ip rule del pref 90");
	sh("ip rule add pref 90 uidrange 12345-12345 table 77");
	r = get(*state,
		(struct route_query){ .dst = dst, .has_uid = true, .uid = 12345 });
	assert_int_equal(r.oif, vb);
	r = get(*state, (struct route_query){ .dst = dst, .has_uid = true });
	assert_int_equal(r.oif, va());
	sh("ip rule del pref 90");
	sh("ip rule add pref 90 from 10.2.0.1 table 77");
	r = get(*state, (struct route_query){ .dst = dst, .src = ip("10.2.0.1") });
	assert_int_equal(r.oif, vb);
}

static void foreign_source(void **state)
{
	struct route_query rq = { .dst = ip("10.1.0.9"), .src = ip("192.0.2.77") };
	struct route_result r = { .oif = 99 };

	assert_int_equal(route_get(*state, &rq, &r), -EINVAL);
	assert_int_equal(r.oif, 99);
	/* a neighbour's is no better */
	rq = (struct route_query){ .dst = ip("203.0.113.1"),
				   .src = ip("10.1.0.77") };
	assert_int_equal(route_get(*state, &rq, &r), -EINVAL);
	/* our own, and no way: that is an answer */
	rq = (struct route_query){ .dst = ip("203.0.113.1"),
				   .src = ip("10.1.0.1") };
	assert_int_equal(route_get(*state, &rq, &r), 0);
	assert_int_equal(r.type, ROUTE_NONE);
}

static void encap(void **state)
{
	struct route_result r;

	if (system("ip route add 10.20.0.0/16 encap ip id 42 dst 192.0.2.7 dev va "
		   "2>/dev/null")) {
		print_message("SKIP: no encap ip in this kernel\n");
		skip();
	}
	r = to(*state, "10.20.0.1");
	assert_int_equal(r.type, ROUTE_UNICAST);
	assert_int_equal(r.oif, va());
	assert_int_equal(r.encap, LWTUNNEL_ENCAP_IP);
	assert_string_equal(route_encap_name(r.encap), "ip");
	assert_string_equal(route_encap_name(999), "other");
}

static void other_namespace(void **state)
{
	char path[64], err[200] = "";
	pid_t pid = scratch_child(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct link_query *q;
	struct link_device d;

	assert_true(fd >= 0);
	q = open_query(fd);
	close(fd);
	assert_int_equal(to(q, "10.1.0.9").type, ROUTE_NONE);
	/* we are back where we were */
	assert_int_equal(to(*state, "10.1.0.9").oif, va());
	assert_int_equal(device_get(q, 1, &d), 0);
	assert_string_equal(d.name, "lo");
	assert_false(d.up);
	link_query_close(q);
	scratch_child_end(pid);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(link_query_open(fd, &q, err, sizeof(err)) < 0);
	assert_true(err[0]);
	close(fd);
}

/* ---- devices ---- */

static void describe_veth(void **state)
{
	struct link_device d;

	assert_int_equal(device_get(*state, va(), &d), 0);
	assert_string_equal(d.name, "va");
	assert_string_equal(d.kind, "veth");
	assert_true(d.up);
	assert_false(d.loopback);
	assert_true(d.ether);
	assert_int_equal(d.mtu, 1500);
	assert_int_equal(d.lower, if_nametoindex("vb"));
	assert_false(d.lower_elsewhere);
	assert_true(d.gso_max_size >= 65535);
	assert_true(d.gso_max_segs > 0);
	if (!d.ethtool_ok)
		skip();
	assert_int_equal(device_feat(&d, "tx-tcp-segmentation"),
			 DEVICE_FEAT_ACTIVE | DEVICE_FEAT_WANTED | DEVICE_FEAT_HW);
	assert_int_equal(device_feat(&d, "tx-no-such-thing"), 0);
}

static void sizes_and_features(void **state)
{
	struct ethtool_value v = { .cmd = ETHTOOL_STSO, .data = 0 };
	struct ifreq ifr = { .ifr_name = "va", .ifr_data = (char *)&v };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct link_device d;

	sh("ip link set va mtu 9000 gso_max_size 30000");
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
	assert_int_equal(device_get(*state, va(), &d), 0);
	assert_int_equal(d.mtu, 9000);
	assert_int_equal(d.gso_max_size, 30000);
	assert_true(!d.gso_ipv4_max_size || d.gso_ipv4_max_size == 30000);
	if (!d.ethtool_ok)
		skip();
	assert_int_equal(device_feat(&d, "tx-tcp-segmentation"), DEVICE_FEAT_HW);
}

static void loopback(void **state)
{
	struct link_device d;

	assert_int_equal(device_get(*state, 1, &d), 0);
	assert_true(d.loopback);
	assert_false(d.ether);
	assert_string_equal(d.kind, "");
	assert_int_equal(d.lower, 0);
}

/* The other end of a veth in another namespace: its index means nothing here. */
static void lower_elsewhere(void **state)
{
	char path[64], cmd[128];
	pid_t pid = scratch_child(path);
	struct link_device d;

	snprintf(cmd, sizeof(cmd), "ip link set vb netns %d", (int)pid);
	sh(cmd);
	assert_int_equal(device_get(*state, va(), &d), 0);
	assert_true(d.lower > 0);
	assert_true(d.lower_elsewhere);
	snprintf(cmd, sizeof(cmd), "nsenter -t %d -n ip link set vb netns %d",
		 (int)pid, (int)getpid());
	sh(cmd);
	scratch_child_end(pid);
}

static void stacked(void **state)
{
	struct ipaddr remote = ip("10.1.0.9");
	struct link_device d;
	bool vlan = !system("ip link add va.5 link va type vlan id 5 2>/dev/null");
	bool vxlan = !system("ip link add vx0 type vxlan id 9 dev va dstport 4789 "
			     "remote 10.1.0.9 2>/dev/null");
	bool bridge = !system("ip link add br0 type bridge 2>/dev/null");

	if (vlan) {
		assert_int_equal(
			device_get(*state, (int)if_nametoindex("va.5"), &d), 0);
		assert_string_equal(d.kind, "vlan");
		assert_int_equal(d.lower, va());
	}
	if (vxlan) {
		assert_int_equal(device_get(*state, (int)if_nametoindex("vx0"), &d),
				 0);
		assert_string_equal(d.kind, "vxlan");
		assert_int_equal(d.lower, va());
		assert_true(d.has_remote && ipaddr_eq(&d.remote, &remote));
		sh("ip link del vx0");
	}
	if (bridge) {
		sh("ip link set vb master br0");
		assert_int_equal(device_get(*state, (int)if_nametoindex("vb"), &d),
				 0);
		assert_int_equal(d.master, if_nametoindex("br0"));
		assert_int_equal(device_get(*state, (int)if_nametoindex("br0"), &d),
				 0);
		assert_string_equal(d.kind, "bridge");
		assert_int_equal(d.lower, 0);
		sh("ip link del br0");
	}
	if (!vlan && !vxlan && !bridge)
		skip();
}

static void no_device(void **state)
{
	struct link_device d = { .mtu = 5 };

	assert_int_equal(device_get(*state, 4711, &d), -ENODEV);
	assert_int_equal(d.mtu, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(unicast),
		T(gateway_and_mtu),
		T(gateway_of_the_other_family),
		T(local),
		T(no_way),
		T(selectors),
		T(foreign_source),
		T(encap),
		T(other_namespace),
		T(describe_veth),
		T(sizes_and_features),
		T(loopback),
		T(lower_elsewhere),
		T(stacked),
		T(no_device),
	};

	scratch_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
