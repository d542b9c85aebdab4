/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_packet_dev.c - the device under a packet port: opened, asked, down, gone
 */
#include "packetport.h"

#include <linux/capability.h>
#include <sys/syscall.h>

/* ---- the device's fate ---- */

static void link_down(void **state)
{
	struct fix *f = *state;
	struct up u = { .eth = true, .len = 100 };
	struct gust_pkt *p;
	uint8_t buf[200];

	for (unsigned i = 0; i < 2; i++) {
		sh("ip link set " GA " down");
		/* once the socket's error is met by tx first, once by rx */
		if (i)
			assert_int_equal(
				f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops),
				0);
		assert_int_equal(tx_up(f, &u), PORT_TX_DOWN);
		sh("ip link set " GA " up");
		veth_wait();
		assert_int_equal(tx_up(f, &u), PORT_TX_OK);
		assert_int_equal(got(f, buf, sizeof(buf)), 100);
		assert_true(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops) >=
			    0);
		send_pay(f->sk, 300);
		p = next_udp(f, f->port);
		check_pkt(p, 0);
		pkt_free(p);
	}
}

static void deleted(void **state)
{
	struct fix *f = *state;
	struct port_caps caps;

	f->other = open_on(f, GA, 2);
	sh("ip link delete " GA);
	assert_true(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 100));
	assert_int_equal(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops), -EIO);
	assert_int_equal(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops), -EIO);
	assert_int_equal(f->other->ops->rx(f->other, 0, 4, &f->in, &f->drops),
			 -EIO);
	assert_int_equal(f->other->ops->rx(f->other, 1, 4, &f->in, &f->drops),
			 -EIO);
	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 9 }),
			 PORT_TX_DOWN);
	assert_int_equal(packet_caps(f->port, &caps), -ENODEV);
}

static void moved_away(void **state)
{
	struct fix *f = *state;
	char path[64], cmd[128];
	pid_t pid = scratch_child(path);

	snprintf(cmd, sizeof(cmd), "ip link set " GA " netns %d", (int)pid);
	sh(cmd);
	assert_int_equal(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops), -EIO);
	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 9 }),
			 PORT_TX_DOWN);
	scratch_child_end(pid);
}

/* ---- opening ---- */

static void open_info(void **state)
{
	struct fix *f = *state;

	assert_int_equal(f->info.ifindex, (int)if_nametoindex(GA));
	assert_int_equal(f->info.mtu, 1500);
	assert_memory_equal(f->info.mac, MAC_A, 6);
	assert_true(f->info.rcvbuf > 212992);
	assert_true(f->port->l2);
	assert_string_equal(f->port->ops->kind, "packet");
	assert_true(fcntl(f->port->ops->fd(f->port, 0), F_GETFD) & FD_CLOEXEC);
}

static void open_bad_conf(void **state)
{
	struct fix *f = *state;
	struct port *port = (struct port *)f;
	struct packet_conf c = { .name = "sixteen-bytes-xx", .nqueues = 1 };

	assert_int_equal(try_open(f, &c, &port), -EINVAL);
	assert_non_null(strstr(f->err, "1 to 15 bytes"));
	c.name = GA;
	c.nqueues = 0;
	assert_int_equal(try_open(f, &c, &port), -EINVAL);
	c.nqueues = 257;
	assert_int_equal(try_open(f, &c, &port), -EINVAL);
	c.nqueues = 1;
	c.name = "gustnone";
	assert_int_equal(try_open(f, &c, &port), -ENODEV);
	assert_non_null(strstr(f->err, "gustnone: no such device"));
	c.netns = "gust-no-such";
	assert_int_equal(try_open(f, &c, &port), -ENOENT);
	assert_non_null(strstr(f->err, "ip netns add gust-no-such"));
	c.netns = NULL;
	c.name = "gusttun";
	sh("ip tuntap add gusttun mode tun");
	assert_int_equal(try_open(f, &c, &port), -EINVAL);
	assert_non_null(strstr(f->err, "gusttun is no Ethernet device"));
	sh("ip link delete gusttun");
	assert_ptr_equal(port, f);
}

static void open_unprivileged(void **state)
{
	struct __user_cap_header_struct h = { .version =
						      _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2], none[2];
	struct fix *f = *state;
	struct packet_conf c = { .name = GA, .nqueues = 1 };
	int r;

	assert_int_equal(syscall(SYS_capget, &h, d), 0);
	memcpy(none, d, sizeof(d));
	none[0].effective &= ~(1U << CAP_NET_RAW);
	assert_int_equal(syscall(SYS_capset, &h, none), 0);
	r = try_open(f, &c, &f->other);
	assert_int_equal(syscall(SYS_capset, &h, d), 0);
	assert_int_equal(r, -EPERM);
	assert_non_null(strstr(f->err, "needs CAP_NET_RAW"));
	assert_null(f->other);
}

static void open_promisc(void **state)
{
	struct fix *f = *state;
	struct packet_conf c = { .name = GA, .nqueues = 1, .promisc = true };
	const char *is = "ip -d link show " GA " | grep -q 'promiscuity 1'";

	assert_false(try_sh(is));
	assert_int_equal(try_open(f, &c, &f->other), 0);
	assert_true(try_sh(is));
	f->other->ops->close(f->other);
	f->other = NULL;
	assert_false(try_sh(is));
}

static void open_in_netns(void **state)
{
	struct fix *f = *state;
	char path[64], cmd[200];
	pid_t pid = scratch_child(path);
	struct packet_conf c = { .name = GB, .nqueues = 1, .netns = path };
	struct port_caps caps;
	struct gust_pkt *p;

	snprintf(cmd, sizeof(cmd),
		 "ip link set " GB " netns %d && nsenter --net=%s ip link set " GB
		 " up",
		 (int)pid, path);
	sh(cmd);
	if (try_open(f, &c, &f->other))
		fail_msg("%s", f->err);
	assert_int_equal((int)if_nametoindex(GB), 0);
	assert_int_not_equal((int)if_nametoindex(GA), 0);
	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 500 }),
			 PORT_TX_OK);
	p = next_udp(f, f->other);
	check_pkt(p, 0);
	pkt_free(p);
	assert_int_equal(packet_caps(f->other, &caps), 0);
	assert_int_equal(caps.mtu, 1500);
	scratch_child_end(pid);
}

static void caps(void **state)
{
	struct fix *f = *state;
	struct port_caps c;

	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(c.feats,
			 FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
				 FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |
				 FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO));
	assert_int_equal(c.mtu, 1500);
	assert_in_range(c.gso_max4, 65000, 65535);
	assert_int_equal(c.gso_max6, c.gso_max4);
	assert_int_equal(c.gso_max_udp, c.gso_max4);
	sh("ip link set " GA " mtu 9000 gso_max_size 200000 gso_max_segs 300");
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(c.mtu, 9000);
	assert_in_range(c.gso_max4, 65000, 65535);
	assert_in_range(c.gso_max6, 65000, 65535);
	assert_in_range(c.gso_max_udp, 65000, 65535);
	assert_int_equal(c.gso_max_segs, 300);
	/* without superpackets */
	sh("ip link set " GA " mtu 1500 gso_max_size 1000");
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(c.gso_max4, 1500);
	assert_int_equal(c.gso_max6, 1500);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(link_down),    T(deleted),       T(moved_away),
		T(open_info),    T(open_bad_conf), T(open_unprivileged),
		T(open_promisc), T(open_in_netns), T(caps),
	};

	if (!veth_scratch())
		return SCRATCH_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
