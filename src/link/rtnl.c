/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl.c - keep one interface's state true, and change it
 *
 * Theory of operation. A notification is only a hint that a part of the state
 * (link, addresses, routes, features) is doubtful; the part is then read again
 * by a request. What is read is at least as new as the notification, so lost,
 * repeated and reordered notifications do no harm, and a lost one (ENOBUFS)
 * makes every part doubtful. Changes are found by comparison with the state
 * before, so that our own changes and uninteresting notifications raise
 * nothing, and a burst raises one change.
 *
 * Invariants: l->st is whole at any time (a failed read changes nothing, and its
 * parts stay doubtful); after the interface is gone nothing is read any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "link/link_internal.h"

/* ---- open and close ---- */

static int open_sockets(void *arg)
{
	static const uint32_t groups[] = {
		RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
	};
	struct link *l = arg;
	int r = nlio_open(NETLINK_ROUTE, &l->rt);

	if (r == 0)
		r = nlio_open(NETLINK_ROUTE, &l->rtmon);
	for (size_t i = 0; r == 0 && i < sizeof(groups) / sizeof(groups[0]); i++)
		r = nlio_join(&l->rtmon, groups[i]);
	return r < 0 ? r : ethtool_open(l);
}

/* A netlink socket speaks for the namespace in which it was made. */
int link_visit(int netns_fd, int (*fn)(void *arg), void *arg, char *err,
	       size_t err_len)
{
	int home, r;

	if (netns_fd < 0) {
		r = fn(arg);
		goto out;
	}
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(netns_fd, CLONE_NEWNET) < 0) {
		r = -errno;
		if (home >= 0)
			close(home);
		snprintf(err, err_len,
			 "netlink: entering the interface's network "
			 "namespace: %s: that needs CAP_SYS_ADMIN; without it the "
			 "interface cannot be watched from here",
			 strerror(-r));
		return r;
	}
	r = fn(arg);
	if (setns(home, CLONE_NEWNET) < 0) {
		r = -errno;
		close(home);
		snprintf(err, err_len,
			 "setns: %s: cannot return from the interface's "
			 "network namespace",
			 strerror(-r));
		return r;
	}
	close(home);
out:
	if (r < 0)
		snprintf(err, err_len, "netlink socket: %s", strerror(-r));
	return r;
}

int link_open(int netns_fd, int ifindex, struct link **ret_link, char *err,
	      size_t err_len)
{
	struct link *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		snprintf(err, err_len, "netlink: out of memory");
		return -ENOMEM;
	}
	l->ifindex = ifindex;
	l->rt.fd = l->rtmon.fd = l->gen.fd = l->genmon.fd = -1;
	r = link_visit(netns_fd, open_sockets, l, err, err_len);
	if (r < 0)
		goto fail;
	r = link_refresh(l, PART_ALL);
	if (r == 0 && !l->st.present)
		r = -ENODEV;
	if (r < 0) {
		snprintf(err, err_len,
			 "netlink: reading the state of interface %d: %s", ifindex,
			 strerror(-r));
		goto fail;
	}
	l->pending = 0;
	*ret_link = l;
	return 0;
fail:
	link_close(l);
	return r;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	nlio_close(&l->rt);
	nlio_close(&l->rtmon);
	nlio_close(&l->gen);
	nlio_close(&l->genmon);
	free(l);
}

unsigned link_fds(const struct link *l, int *fds, unsigned max)
{
	unsigned n = 0;

	if (l->rtmon.fd >= 0 && n < max)
		fds[n++] = l->rtmon.fd;
	if (l->genmon.fd >= 0 && n < max)
		fds[n++] = l->genmon.fd;
	return n;
}

const struct link_state *link_state(const struct link *l)
{
	return &l->st;
}

/* ---- keep it true ---- */

static bool link_part_same(const struct link_state *a, const struct link_state *b)
{
	return a->up == b->up && a->lower_up == b->lower_up && a->mtu == b->mtu &&
	       a->txqueuelen == b->txqueuelen &&
	       a->gso_max_size == b->gso_max_size &&
	       a->gro_max_size == b->gro_max_size &&
	       a->gso_ipv4_max_size == b->gso_ipv4_max_size &&
	       a->gro_ipv4_max_size == b->gro_ipv4_max_size &&
	       a->tso_max_size == b->tso_max_size && !strcmp(a->name, b->name) &&
	       !memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

static unsigned differences(const struct link_state *a, const struct link_state *b)
{
	unsigned chg = 0;

	if (!link_part_same(a, b))
		chg |= LINK_CHG_LINK;
	/* Arrays are zeroed before they are filled: padding compares too. */
	if (a->n_addr != b->n_addr || memcmp(a->addr, b->addr, sizeof(a->addr)))
		chg |= LINK_CHG_ADDR;
	if (a->n_route != b->n_route ||
	    memcmp(a->route, b->route, sizeof(a->route)))
		chg |= LINK_CHG_ROUTE;
	if (a->feat_active != b->feat_active || a->feat_wanted != b->feat_wanted ||
	    a->feat_hw != b->feat_hw || a->ethtool_ok != b->ethtool_ok)
		chg |= LINK_CHG_FEAT;
	return chg;
}

/* A dump that changes under way is begun again, a few times. */
static int read_dump(int (*fn)(struct link *, struct link_state *), struct link *l,
		     struct link_state *s)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < 4; i++)
		r = fn(l, s);
	return r;
}

static int read_parts(struct link *l, unsigned parts, struct link_state *s)
{
	/* Always: it is what finds out that the interface is gone. */
	int r = rtnl_read_link(l, s);

	if (r == 0 && (parts & PART_ADDR))
		r = read_dump(rtnl_read_addrs, l, s);
	if (r == 0 && (parts & PART_ROUTE))
		r = read_dump(rtnl_read_routes, l, s);
	if (r == 0 && (parts & PART_FEAT))
		r = ethtool_read_feats(l, s);
	return r;
}

int link_refresh(struct link *l, unsigned parts)
{
	int r;

	parts |= l->doubt;
	memcpy(&l->next, &l->st, sizeof(l->next));
	r = read_parts(l, parts, &l->next);
	if (r == -ENODEV) {
		if (l->st.present)
			l->pending |= LINK_CHG_GONE;
		l->st.present = l->st.up = l->st.lower_up = false;
		return 0;
	}
	l->doubt = r < 0 ? parts : 0;
	if (r < 0)
		return r;
	l->pending |= differences(&l->st, &l->next);
	memcpy(&l->st, &l->next, sizeof(l->st));
	return 0;
}

struct notes {
	const struct link *l;
	unsigned parts;
};

static int on_rt_note(struct nlmsghdr *h, void *arg)
{
	struct notes *n = arg;

	n->parts |= rtnl_note(h, n->l->ifindex);
	return 0;
}

static int on_gen_note(struct nlmsghdr *h, void *arg)
{
	struct notes *n = arg;

	n->parts |= ethtool_note(h, n->l);
	return 0;
}

static unsigned take_pending(struct link *l)
{
	unsigned chg = l->pending;

	l->pending = 0;
	return chg;
}

unsigned link_read(struct link *l)
{
	struct notes n = { .l = l };

	if (nlio_drain(&l->rtmon, on_rt_note, &n) < 0)
		n.parts = PART_ALL;
	if (nlio_drain(&l->genmon, on_gen_note, &n) < 0)
		n.parts |= PART_LINK | PART_FEAT;
	if ((n.parts | l->doubt) && l->st.present)
		link_refresh(l, n.parts);
	return take_pending(l);
}

unsigned link_poll_sizes(struct link *l)
{
	/* Also features: what the administrator wants may change without any
	 * notification, when it changes nothing that is active. */
	if (l->st.present)
		link_refresh(l, PART_LINK | PART_FEAT);
	return take_pending(l);
}

/* ---- changes ---- */

/* A message of `type` whose fixed part is `len` bytes at `hdr`. */
static struct nl_msg *request(int type, int flags, void *hdr, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, flags);

	if (m && nlmsg_append(m, hdr, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

static struct nl_msg *setlink(const struct link *l, unsigned flags, unsigned change)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_index = l->ifindex,
				 .ifi_flags = flags,
				 .ifi_change = change };

	return request(RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

/* Send; on success the state is true again when we return. */
static int change(struct link *l, struct nl_msg *m /*taken*/, unsigned parts)
{
	int r = nlio_talk(&l->rt, m, NULL, NULL);

	return r < 0 ? r : link_refresh(l, parts);
}

static int set_u32(struct link *l, int attr, uint32_t v)
{
	struct nl_msg *m = setlink(l, 0, 0);

	if (m && nla_put_u32(m, attr, v) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return change(l, m, PART_LINK);
}

int link_set_up(struct link *l, bool up)
{
	return change(l, setlink(l, up ? IFF_UP : 0, IFF_UP), PART_ALL);
}

int link_set_mtu(struct link *l, uint32_t mtu)
{
	return set_u32(l, IFLA_MTU, mtu);
}

int link_set_txqueuelen(struct link *l, uint32_t n)
{
	return set_u32(l, IFLA_TXQLEN, n);
}

int link_set_gro_max(struct link *l, uint32_t gro_max, uint32_t gro_ipv4_max)
{
	int r = 0;

	/* One after the other: setting the first to 64 KB or less resets the
	 * second. A kernel that does not report an attribute would ignore it. */
	if (gro_max && !l->st.gro_max_size)
		return -EOPNOTSUPP;
	if (gro_max)
		r = set_u32(l, GUST_IFLA_GRO_MAX_SIZE, gro_max);
	if (r == 0 && gro_ipv4_max && l->st.gro_ipv4_max_size)
		r = set_u32(l, GUST_IFLA_GRO_IPV4_MAX_SIZE, gro_ipv4_max);
	return r;
}

int link_set_mac(struct link *l, const struct ethaddr *mac)
{
	struct nl_msg *m = setlink(l, 0, 0);

	if (m && nla_put(m, IFLA_ADDRESS, sizeof(mac->b), mac->b) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return change(l, m, PART_LINK);
}

static int put_addr(struct nl_msg *m, int attr, const struct ipaddr *a)
{
	return ipaddr_is4(a) ? nla_put(m, attr, 4, a->b + 12) :
			       nla_put(m, attr, 16, a->b);
}

int link_add_addr(struct link *l, const struct link_addr *a)
{
	bool v4 = ipaddr_is4(&a->local);
	struct ifaddrmsg ifa = { .ifa_family = v4 ? AF_INET : AF_INET6,
				 .ifa_prefixlen = a->plen,
				 .ifa_index = (unsigned)l->ifindex };
	struct nl_msg *m;
	int r;

	if (a->has_peer && ipaddr_is4(&a->peer) != v4)
		return -EINVAL;
	m = request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));
	/* Duplicate address detection would keep the address unusable for a
	 * second, on a link where only we could be the duplicate. */
	if (m &&
	    (put_addr(m, IFA_LOCAL, &a->local) < 0 ||
	     put_addr(m, IFA_ADDRESS, a->has_peer ? &a->peer : &a->local) < 0 ||
	     (!v4 && nla_put_u32(m, IFA_FLAGS, IFA_F_NODAD) < 0))) {
		nlmsg_free(m);
		m = NULL;
	}
	r = change(l, m, PART_ADDR | PART_ROUTE);
	return r == -EEXIST ? 0 : r;
}

int link_add_route(struct link *l, const struct link_route *rt)
{
	bool v4 = ipaddr_is4(&rt->dst);
	static const struct ipaddr zero;
	/* All zero means none; ::ffff:0.0.0.0 is none, too. */
	bool via = !ipaddr_eq(&rt->via, &zero) && !ipaddr_is_any(&rt->via);
	uint32_t table = rt->table ? rt->table : RT_TABLE_MAIN;
	struct rtmsg rtm = {
		.rtm_family = v4 ? AF_INET : AF_INET6,
		.rtm_dst_len = rt->plen,
		.rtm_table = (uint8_t)(table < 256 ? table : RT_TABLE_UNSPEC),
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
		.rtm_scope = v4 && !via ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
	};
	struct nl_msg *m;
	int r;

	if (via && ipaddr_is4(&rt->via) != v4)
		return -EINVAL;
	m = request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rtm, sizeof(rtm));
	if (m && (nla_put_u32(m, RTA_OIF, (uint32_t)l->ifindex) < 0 ||
		  nla_put_u32(m, RTA_TABLE, table) < 0 ||
		  (rt->plen && put_addr(m, RTA_DST, &rt->dst) < 0) ||
		  (via && put_addr(m, RTA_GATEWAY, &rt->via) < 0) ||
		  (rt->metric && nla_put_u32(m, RTA_PRIORITY, rt->metric) < 0))) {
		nlmsg_free(m);
		m = NULL;
	}
	r = change(l, m, PART_ROUTE);
	return r == -EEXIST ? 0 : r;
}
