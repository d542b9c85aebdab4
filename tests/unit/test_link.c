/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_link.c - the interface's state through netlink, in a namespace of our own
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

#include <cmocka.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <poll.h>

#include "base/linux_compat.h"
#include "link/link.h"

#define NAME "gusttest0"

struct fix {
	int tun, ifindex;
	struct link *l;
	char err[200];
};

static int tun_new(const char *name, int kind)
{
	struct ifreq ifr = { .ifr_flags =
				     (short)(kind | IFF_NO_PI | IFF_VNET_HDR) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	strcpy(ifr.ifr_name, name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &ifr), 0);
	return fd;
}

static int setup_kind(void **state, int kind)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	f.tun = tun_new(NAME, kind);
	f.ifindex = (int)if_nametoindex(NAME);
	if (link_open(-1, f.ifindex, &f.l, f.err, sizeof(f.err)))
		fail_msg("%s", f.err);
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_kind(state, IFF_TUN);
}

static int setup_tap(void **state)
{
	return setup_kind(state, IFF_TAP);
}

static int teardown(void **state)
{
	struct fix *f = *state;

	link_close(f->l);
	if (f->tun >= 0)
		close(f->tun);
	return 0;
}

/* Wait for a notification that changes something. */
static unsigned changes(struct fix *f, unsigned want)
{
	unsigned chg = 0;

	for (int i = 0; i < 20 && (chg & want) != want; i++) {
		struct pollfd p[4];
		int fds[4];
		unsigned n = link_fds(f->l, fds, 4);

		for (unsigned k = 0; k < n; k++)
			p[k] = (struct pollfd){ .fd = fds[k], .events = POLLIN };
		poll(p, n, 50);
		chg |= link_read(f->l);
	}
	return chg;
}

static struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	if (!s)
		memset(&a, 0, sizeof(a));
	else
		assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static const struct link_addr *find_addr(struct fix *f, const char *local)
{
	const struct link_state *st = link_state(f->l);
	struct ipaddr a = ip(local);

	for (unsigned i = 0; i < st->n_addr; i++)
		if (ipaddr_eq(&st->addr[i].local, &a))
			return &st->addr[i];
	return NULL;
}

static const struct link_route *find_route(struct fix *f, const char *dst,
					   unsigned plen)
{
	const struct link_state *st = link_state(f->l);
	struct ipaddr a = ip(dst);

	for (unsigned i = 0; i < st->n_route; i++)
		if (ipaddr_eq(&st->route[i].dst, &a) && st->route[i].plen == plen)
			return &st->route[i];
	return NULL;
}

/* An administrator's `ethtool -K`, by the old ioctl. */
static void ethtool_set(const char *name, uint32_t cmd, uint32_t on)
{
	struct ethtool_value v = { .cmd = cmd, .data = on };
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ifr.ifr_name, name);
	ifr.ifr_data = (char *)&v;
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
}

static void first_state(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);

	assert_int_equal(st->ifindex, f->ifindex);
	assert_string_equal(st->name, NAME);
	assert_true(st->present);
	assert_false(st->up);
	assert_int_equal(st->mtu, 1500);
	assert_int_equal(st->txqueuelen, 500);
	assert_int_equal(st->gso_max_size, 65536);
	assert_int_equal(st->gro_max_size, 65536);
	assert_int_equal(st->n_addr, 0);
	assert_int_equal(st->n_route, 0);
	assert_true(st->ethtool_ok);
	assert_true(st->feat_active & FEAT_BIT(FEAT_GRO));
	assert_true(st->feat_hw & FEAT_BIT(FEAT_TSO4));
	assert_true(st->feat_wanted & FEAT_BIT(FEAT_TSO4));
	assert_false(st->feat_active & FEAT_BIT(FEAT_TSO4)); /* not granted yet */
	assert_int_equal(link_read(f->l), 0);
}

static void no_such_interface(void **state)
{
	struct fix *f = *state;
	struct link *l = (struct link *)f;

	assert_int_equal(link_open(-1, 99999, &l, f->err, sizeof(f->err)), -ENODEV);
	assert_non_null(strstr(f->err, "interface 99999"));
	assert_ptr_equal(l, f);
	link_close(NULL);
}

static void set_and_see(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);

	assert_int_equal(link_set_mtu(f->l, 9000), 0);
	assert_int_equal(st->mtu, 9000);
	assert_int_equal(link_set_txqueuelen(f->l, 4000), 0);
	assert_int_equal(st->txqueuelen, 4000);
	assert_int_equal(link_set_up(f->l, true), 0);
	assert_true(st->up && st->lower_up);
	/* reported once, though the state was true at once */
	assert_true(link_read(f->l) & LINK_CHG_LINK);
	assert_int_equal(link_read(f->l), 0);
	assert_int_equal(link_set_up(f->l, false), 0);
	assert_false(st->up);
	assert_int_equal(link_set_mtu(f->l, 65536), -EINVAL);
	assert_int_equal(st->mtu, 9000);
}

static void sizes(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);
	struct link *other;

	assert_int_equal(link_set_gro_max(f->l, 524280, 524280), 0);
	assert_int_equal(st->gro_max_size, 524280);
	if (st->gro_ipv4_max_size)
		assert_int_equal(st->gro_ipv4_max_size, 524280);
	assert_true(link_read(f->l) & LINK_CHG_LINK);
	/* somebody else's change is silent: the poll finds it */
	assert_int_equal(link_open(-1, f->ifindex, &other, f->err, sizeof(f->err)),
			 0);
	assert_int_equal(link_set_gro_max(other, 200000, 0), 0);
	link_close(other);
	assert_int_equal(link_poll_sizes(f->l), LINK_CHG_LINK);
	assert_int_equal(st->gro_max_size, 200000);
	assert_int_equal(link_poll_sizes(f->l), 0);
	assert_int_equal(link_set_gro_max(f->l, 4000000, 0), -EINVAL);
}

static void notifications(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);
	struct link *other;

	/* an administrator is another socket */
	assert_int_equal(link_open(-1, f->ifindex, &other, f->err, sizeof(f->err)),
			 0);
	assert_int_equal(link_set_mtu(other, 1400), 0);
	assert_int_equal(changes(f, LINK_CHG_LINK), LINK_CHG_LINK);
	assert_int_equal(st->mtu, 1400);
	assert_int_equal(link_set_up(other, true), 0);
	assert_true(changes(f, LINK_CHG_LINK) & LINK_CHG_LINK);
	assert_true(st->up);
	link_close(other);
}

/* What happens to other interfaces is none of our business. */
static void others(void **state)
{
	struct fix *f = *state;
	int fd = tun_new("gusttest1", IFF_TUN);

	scratch_addr4("gusttest1", "198.18.7.1", NULL);
	close(fd);
	assert_int_equal(link_read(f->l), 0);
	assert_true(link_state(f->l)->present);
}

static void addresses(void **state)
{
	struct fix *f = *state;
	struct link_addr a = { .local = ip("198.18.0.1"),
			       .peer = ip("198.18.0.2"),
			       .plen = 32,
			       .has_peer = true };
	struct link_addr b = { .local = ip("198.18.9.1"), .plen = 24 };
	struct link_addr c = { .local = ip("fd00:1::1"),
			       .peer = ip("fd00:1::2"),
			       .plen = 128,
			       .has_peer = true };
	struct link_addr d = { .local = ip("fd00:2::1"), .plen = 64 };
	const struct link_addr *got;

	assert_int_equal(link_set_up(f->l, true), 0);
	assert_int_equal(link_add_addr(f->l, &a), 0);
	assert_int_equal(link_add_addr(f->l, &a), 0); /* there already */
	assert_int_equal(link_add_addr(f->l, &b), 0);
	got = find_addr(f, "198.18.0.1");
	assert_non_null(got);
	assert_true(got->has_peer);
	assert_true(ipaddr_eq(&got->peer, &a.peer));
	assert_int_equal(got->plen, 32);
	got = find_addr(f, "198.18.9.1");
	assert_non_null(got);
	assert_false(got->has_peer);
	assert_int_equal(got->plen, 24);
	/* the peer's route came with the address */
	assert_non_null(find_route(f, "198.18.0.2", 32));
	assert_non_null(find_route(f, "198.18.9.0", 24));
	if (link_add_addr(f->l, &c) == 0) {
		assert_int_equal(link_add_addr(f->l, &d), 0);
		got = find_addr(f, "fd00:1::1");
		assert_non_null(got);
		assert_true(got->has_peer);
		assert_true(ipaddr_eq(&got->peer, &c.peer));
		got = find_addr(f, "fd00:2::1");
		assert_non_null(got);
		assert_false(got->has_peer);
		assert_int_equal(got->plen, 64);
	}
	assert_int_equal(changes(f, LINK_CHG_ADDR) & LINK_CHG_ADDR, LINK_CHG_ADDR);
	c.peer = ip("198.18.0.2");
	assert_int_equal(link_add_addr(f->l, &c), -EINVAL);
}

static void routes(void **state)
{
	struct fix *f = *state;
	struct link_addr a = { .local = ip("198.18.0.1"),
			       .peer = ip("198.18.0.2"),
			       .plen = 32,
			       .has_peer = true };
	struct link_route def = { .dst = ip("0.0.0.0"), .plen = 0 };
	struct link_route net = { .dst = ip("203.0.113.0"),
				  .plen = 24,
				  .via = ip("198.18.0.2"),
				  .metric = 77 };
	struct link_route six = { .dst = ip("2001:db8:5::"), .plen = 48 };
	const struct link_route *r;
	struct link *other;

	assert_int_equal(link_set_up(f->l, true), 0);
	assert_int_equal(link_add_addr(f->l, &a), 0);
	assert_int_equal(link_add_route(f->l, &def), 0);
	assert_int_equal(link_add_route(f->l, &def), 0);
	r = find_route(f, "0.0.0.0", 0);
	assert_non_null(r);
	assert_true(ipaddr_is_any(&r->via));
	assert_int_equal(r->table, 254);
	link_read(f->l);

	/* added by somebody else */
	assert_int_equal(link_open(-1, f->ifindex, &other, f->err, sizeof(f->err)),
			 0);
	assert_int_equal(link_add_route(other, &net), 0);
	assert_int_equal(changes(f, LINK_CHG_ROUTE), LINK_CHG_ROUTE);
	r = find_route(f, "203.0.113.0", 24);
	assert_non_null(r);
	assert_true(ipaddr_eq(&r->via, &net.via));
	assert_int_equal(r->metric, 77);
	if (link_add_route(other, &six) == 0) {
		assert_true(changes(f, LINK_CHG_ROUTE) & LINK_CHG_ROUTE);
		assert_non_null(find_route(f, "2001:db8:5::", 48));
	}
	link_close(other);

	/* down: the kernel takes the IPv4 routes away without a word */
	scratch_flags(NAME, 0, IFF_UP);
	assert_true(changes(f, LINK_CHG_ROUTE | LINK_CHG_LINK) & LINK_CHG_ROUTE);
	assert_null(find_route(f, "203.0.113.0", 24));
	net.via = ip("fd00::1");
	assert_int_equal(link_add_route(f->l, &net), -EINVAL);
}

/* A route into a tunnel is no plain route; nor does it harm the others. */
static void encap_route(void **state)
{
	struct fix *f = *state;

	scratch_addr4(NAME, "198.18.0.1", "198.18.0.2");
	if (system("ip route add 10.20.0.0/16 encap ip id 42 dst 192.0.2.7 "
		   "dev " NAME " 2>/dev/null") ||
	    system("ip route add 10.21.0.0/16 dev " NAME)) {
		print_message("no ip command with `encap ip`\n");
		skip();
	}
	changes(f, LINK_CHG_ROUTE);
	assert_null(find_route(f, "10.20.0.0", 16));
	assert_non_null(find_route(f, "10.21.0.0", 16));
}

static void features(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);
	uint32_t tso = FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6);

	assert_int_equal(
		ioctl(f->tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6),
		0);
	assert_true(changes(f, LINK_CHG_FEAT) & LINK_CHG_FEAT);
	assert_int_equal(st->feat_active & tso, tso);
	assert_true(st->feat_active & FEAT_BIT(FEAT_TX_CSUM));
	assert_true(st->feat_active & FEAT_BIT(FEAT_SG));
	/* the administrator's -K tso off, on, gro off */
	ethtool_set(NAME, ETHTOOL_STSO, 0);
	assert_int_equal(changes(f, LINK_CHG_FEAT), LINK_CHG_FEAT);
	assert_int_equal(st->feat_active & tso, 0);
	assert_int_equal(st->feat_wanted & tso, 0);
	assert_int_equal(st->feat_hw & tso, tso);
	ethtool_set(NAME, ETHTOOL_STSO, 1);
	assert_int_equal(changes(f, LINK_CHG_FEAT), LINK_CHG_FEAT);
	assert_int_equal(st->feat_active & tso, tso);
	ethtool_set(NAME, ETHTOOL_SGRO, 0);
	assert_int_equal(changes(f, LINK_CHG_FEAT), LINK_CHG_FEAT);
	assert_false(st->feat_active & FEAT_BIT(FEAT_GRO));
}

/* The whole way: switched off stays off over TUNSETOFFLOAD, and comes back. */
static void features_stay_off(void **state)
{
	struct fix *f = *state;
	const struct link_state *st = link_state(f->l);
	struct link_want want = { .feats = FEAT_BIT(FEAT_TX_CSUM) |
					   FEAT_BIT(FEAT_TSO4) |
					   FEAT_BIT(FEAT_TSO6),
				  .provided = UINT32_MAX };
	struct link_proof proof = { 0 };
	struct port_caps to, from;
	unsigned granted, tun_f;

	/* before we ever asked for it: nothing active changes, so nothing is
	 * announced, and only the poll sees the wish */
	ethtool_set(NAME, ETHTOOL_STSO, 0);
	link_poll_sizes(f->l);
	granted = link_tun_f(want.feats & link_feats_allowed(st));
	assert_false(granted & TUN_F_TSO4);
	assert_int_equal(ioctl(f->tun, TUNSETOFFLOAD, (unsigned long)granted), 0);
	changes(f, LINK_CHG_FEAT);
	assert_false(st->feat_wanted & FEAT_BIT(FEAT_TSO4));
	link_negotiate(st, &want, link_tun_f(want.feats), &proof, 0, &to, &from,
		       &tun_f);
	assert_int_equal(tun_f, granted);
	assert_int_equal(from.gso_max4, 1500);
	/* on again: nothing becomes active, so nothing is announced; the poll
	 * sees the wish */
	ethtool_set(NAME, ETHTOOL_STSO, 1);
	link_read(f->l);
	link_poll_sizes(f->l);
	assert_true(st->feat_wanted & FEAT_BIT(FEAT_TSO4));
	link_negotiate(st, &want, link_tun_f(want.feats), &proof, 0, &to, &from,
		       &tun_f);
	assert_true(tun_f & TUN_F_TSO4);
	assert_int_equal(ioctl(f->tun, TUNSETOFFLOAD, (unsigned long)tun_f), 0);
	changes(f, LINK_CHG_FEAT);
	assert_true(st->feat_active & FEAT_BIT(FEAT_TSO4));
}

static void gone(void **state)
{
	struct fix *f = *state;

	close(f->tun);
	f->tun = -1;
	assert_true(changes(f, LINK_CHG_GONE) & LINK_CHG_GONE);
	assert_false(link_state(f->l)->present);
	assert_false(link_state(f->l)->up);
	assert_int_equal(link_read(f->l), 0);
	assert_int_equal(link_poll_sizes(f->l), 0);
	assert_int_equal(link_set_mtu(f->l, 1400), -ENODEV);
}

static void renamed(void **state)
{
	struct fix *f = *state;
	struct ifreq ifr = { .ifr_name = NAME, .ifr_newname = "gusttest5" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFNAME, &ifr), 0);
	close(fd);
	assert_int_equal(changes(f, LINK_CHG_LINK), LINK_CHG_LINK);
	assert_string_equal(link_state(f->l)->name, "gusttest5");
}

/* Notifications that were lost make everything doubtful, and nothing wrong. */
static void overrun(void **state)
{
	struct fix *f = *state;
	struct link *other;
	int fds[2], one = 1;

	assert_int_equal(link_open(-1, f->ifindex, &other, f->err, sizeof(f->err)),
			 0);
	link_fds(f->l, fds, 2);
	assert_int_equal(
		setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(link_set_mtu(other, 1300 + i), 0);
	link_close(other);
	assert_true(link_read(f->l) & LINK_CHG_LINK);
	assert_int_equal(link_state(f->l)->mtu, 1339);
	assert_int_equal(link_read(f->l), 0);
}

static void mac(void **state)
{
	struct fix *f = *state;
	struct ethaddr m = { { 0x02, 0x67, 0x75, 0x73, 0x74, 0x01 } };

	assert_int_equal(link_set_mac(f->l, &m), 0);
	assert_memory_equal(&link_state(f->l)->mac, &m, 6);
	assert_true(link_read(f->l) & LINK_CHG_LINK);
}

/* Sockets made there stay there; the thread comes back. */
static void other_namespace(void **state)
{
	struct fix *f = *state;
	char path[64];
	pid_t pid = scratch_child(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct link *l;

	/* index 1 is the loopback interface of every namespace */
	assert_int_equal(link_open(fd, 1, &l, f->err, sizeof(f->err)), 0);
	assert_string_equal(link_state(l)->name, "lo");
	assert_int_equal(link_set_mtu(l, 4321), 0);
	assert_int_equal(link_state(l)->mtu, 4321);
	link_close(l);
	assert_int_equal(link_open(-1, 1, &l, f->err, sizeof(f->err)), 0);
	assert_int_not_equal(link_state(l)->mtu, 4321);
	link_close(l);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(link_open(fd, 1, &l, f->err, sizeof(f->err)), -EINVAL);
	assert_non_null(strstr(f->err, "network namespace"));
	close(fd);
	scratch_child_end(pid);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(first_state),
		T(no_such_interface),
		T(set_and_see),
		T(sizes),
		T(notifications),
		T(others),
		T(addresses),
		T(routes),
		T(encap_route),
		T(features),
		T(features_stay_off),
		T(gone),
		T(renamed),
		T(overrun),
		cmocka_unit_test_setup_teardown(mac, setup_tap, teardown),
		T(other_namespace),
	};

	scratch_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
