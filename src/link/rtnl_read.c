/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl_read.c - the interface, its addresses and its routes, from rtnetlink
 *
 * Dumps ask the kernel for our interface only (strict checking) and check again
 * here, for kernels that ignore the filter. Routes are parsed as they are: a
 * route with encapsulation belongs to an overlay, is no plain route, and is
 * left out. Attributes newer than the installed headers go by number.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/linux_compat.h"
#include "link/link_internal.h"

#define LINK_ATTR_MAX GUST_IFLA_GRO_IPV4_MAX_SIZE

struct reading {
	struct link *l;
	struct link_state *s;
	bool seen;
};

static uint32_t u32_or_0(const struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

/* An address attribute of `family`; false: absent or of another length. */
static bool get_addr(const struct nlattr *a, int family, struct ipaddr *ret)
{
	if (a && family == AF_INET && nla_len(a) == 4)
		*ret = ipaddr_from4(nla_data(a));
	else if (a && family == AF_INET6 && nla_len(a) == 16)
		*ret = ipaddr_from6(nla_data(a));
	else
		return false;
	return true;
}

/* ---- the interface ---- */

static int on_link(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[LINK_ATTR_MAX + 1];
	struct reading *rd = arg;
	struct link_state *s = rd->s;
	struct ifinfomsg *ifi = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(*ifi), tb, LINK_ATTR_MAX, NULL) < 0 ||
	    ifi->ifi_index != rd->l->ifindex)
		return 0;
	rd->seen = true;
	s->ifindex = ifi->ifi_index;
	s->present = true;
	s->up = ifi->ifi_flags & IFF_UP;
	s->lower_up = ifi->ifi_flags & (1U << 16); /* IFF_LOWER_UP */
	if (tb[IFLA_IFNAME])
		nla_strlcpy(s->name, tb[IFLA_IFNAME], sizeof(s->name));
	s->mtu = u32_or_0(tb[IFLA_MTU]);
	s->txqueuelen = u32_or_0(tb[IFLA_TXQLEN]);
	s->gso_max_size = u32_or_0(tb[IFLA_GSO_MAX_SIZE]);
	s->gro_max_size = u32_or_0(tb[GUST_IFLA_GRO_MAX_SIZE]);
	s->tso_max_size = u32_or_0(tb[GUST_IFLA_TSO_MAX_SIZE]);
	s->gso_ipv4_max_size = u32_or_0(tb[GUST_IFLA_GSO_IPV4_MAX_SIZE]);
	s->gro_ipv4_max_size = u32_or_0(tb[GUST_IFLA_GRO_IPV4_MAX_SIZE]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(s->mac.b))
		memcpy(s->mac.b, nla_data(tb[IFLA_ADDRESS]), sizeof(s->mac.b));
	return 0;
}

int rtnl_read_link(struct link *l, struct link_state *s)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = l->ifindex };
	struct reading rd = { .l = l, .s = s };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, 0);
	int r;

	if (m && nlmsg_append(m, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	r = nlio_talk(&l->rt, m, on_link, &rd);
	return r < 0 ? r : rd.seen ? 0 : -ENODEV;
}

/* ---- addresses ---- */

static int on_addr(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[IFA_MAX + 1];
	struct reading *rd = arg;
	struct link_state *s = rd->s;
	struct ifaddrmsg *ifa = nlmsg_data(h);
	struct ipaddr local, peer;
	bool has_local, has_peer;

	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0 ||
	    ifa->ifa_index != (unsigned)rd->l->ifindex ||
	    s->n_addr == LINK_ADDRS_MAX)
		return 0;
	/* IFA_ADDRESS is the far end of a point-to-point address, and the only
	 * attribute of an ordinary IPv6 one. */
	has_local = get_addr(tb[IFA_LOCAL], ifa->ifa_family, &local);
	has_peer = get_addr(tb[IFA_ADDRESS], ifa->ifa_family, &peer);
	if (!has_local && !has_peer)
		return 0;
	s->addr[s->n_addr].local = has_local ? local : peer;
	s->addr[s->n_addr].peer = has_peer ? peer : local;
	s->addr[s->n_addr].plen = ifa->ifa_prefixlen;
	s->addr[s->n_addr].has_peer =
		has_local && has_peer && !ipaddr_eq(&local, &peer);
	s->n_addr++;
	return 0;
}

int rtnl_read_addrs(struct link *l, struct link_state *s)
{
	struct ifaddrmsg ifa = { .ifa_index = (unsigned)l->ifindex };
	struct reading rd = { .l = l, .s = s };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);

	if (m && nlmsg_append(m, &ifa, sizeof(ifa), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	s->n_addr = 0;
	memset(s->addr, 0, sizeof(s->addr));
	return nlio_talk(&l->rt, m, on_addr, &rd);
}

/* ---- routes ---- */

/* Does one of the next hops leave through us? *ret_via is its gateway. */
static bool nexthop_ours(const struct nlattr *mp, int ifindex, int family,
			 struct ipaddr *ret_via)
{
	const uint8_t *p = nla_data(mp);
	int left = nla_len(mp);

	while (left >= (int)sizeof(struct rtnexthop)) {
		struct nlattr *tb[RTA_MAX + 1];
		struct rtnexthop nh;

		memcpy(&nh, p, sizeof(nh));
		if (nh.rtnh_len < sizeof(nh) || nh.rtnh_len > left)
			break;
		if (nh.rtnh_ifindex == ifindex) {
			if (nla_parse(tb, RTA_MAX,
				      (struct nlattr *)(p + sizeof(nh)),
				      nh.rtnh_len - (int)sizeof(nh), NULL) < 0 ||
			    tb[RTA_ENCAP])
				return false;
			get_addr(tb[RTA_GATEWAY], family, ret_via);
			return true;
		}
		p += RTNH_ALIGN(nh.rtnh_len);
		left -= (int)RTNH_ALIGN(nh.rtnh_len);
	}
	return false;
}

/* RTA_VIA: an IPv6 gateway of an IPv4 route (RFC 5549). */
static void get_via(const struct nlattr *a, struct ipaddr *ret)
{
	uint16_t family;

	if (!a || nla_len(a) < 2)
		return;
	memcpy(&family, nla_data(a), 2);
	if (family == AF_INET6 && nla_len(a) == 18)
		*ret = ipaddr_from6((uint8_t *)nla_data(a) + 2);
	else if (family == AF_INET && nla_len(a) == 6)
		*ret = ipaddr_from4((uint8_t *)nla_data(a) + 2);
}

static bool route_ours(struct nlattr **tb, const struct rtmsg *rtm, int ifindex,
		       struct ipaddr *ret_via)
{
	if (rtm->rtm_type != RTN_UNICAST || (rtm->rtm_flags & RTM_F_CLONED) ||
	    tb[RTA_ENCAP])
		return false;
	if ((tb[RTA_TABLE] ? u32_or_0(tb[RTA_TABLE]) : rtm->rtm_table) !=
	    RT_TABLE_MAIN)
		return false;
	if (tb[RTA_MULTIPATH])
		return nexthop_ours(tb[RTA_MULTIPATH], ifindex, rtm->rtm_family,
				    ret_via);
	if (u32_or_0(tb[RTA_OIF]) != (uint32_t)ifindex)
		return false;
	if (!get_addr(tb[RTA_GATEWAY], rtm->rtm_family, ret_via))
		get_via(tb[RTA_VIA], ret_via);
	return true;
}

static int on_route(struct nlmsghdr *h, void *arg)
{
	static const uint8_t none[16];
	struct nlattr *tb[RTA_MAX + 1];
	struct reading *rd = arg;
	struct link_state *s = rd->s;
	struct rtmsg *rtm = nlmsg_data(h);
	struct link_route *rt;
	struct ipaddr via = { 0 };

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0 ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    s->n_route == LINK_ROUTES_MAX ||
	    !route_ours(tb, rtm, rd->l->ifindex, &via))
		return 0;
	rt = &s->route[s->n_route++];
	if (!get_addr(tb[RTA_DST], rtm->rtm_family, &rt->dst))
		rt->dst = rtm->rtm_family == AF_INET ? ipaddr_from4(none) :
						       ipaddr_from6(none);
	rt->plen = rtm->rtm_dst_len;
	rt->via = via;
	rt->metric = u32_or_0(tb[RTA_PRIORITY]);
	rt->table = RT_TABLE_MAIN;
	return 0;
}

static int read_routes_of(struct link *l, struct link_state *s, uint8_t family)
{
	struct rtmsg rtm = { .rtm_family = family, .rtm_table = RT_TABLE_MAIN };
	struct reading rd = { .l = l, .s = s };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);
	int r;

	if (m && (nlmsg_append(m, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
		  nla_put_u32(m, RTA_OIF, (uint32_t)l->ifindex) < 0)) {
		nlmsg_free(m);
		m = NULL;
	}
	r = nlio_talk(&l->rt, m, on_route, &rd);
	/* No table, or no such family: no routes. */
	return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

int rtnl_read_routes(struct link *l, struct link_state *s)
{
	int r;

	s->n_route = 0;
	memset(s->route, 0, sizeof(s->route));
	r = read_routes_of(l, s, AF_INET);
	return r < 0 ? r : read_routes_of(l, s, AF_INET6);
}

/* ---- notifications ---- */

static unsigned note_route(struct nlmsghdr *h, int ifindex)
{
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(h, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return PART_ROUTE;
	/* Without RTA_OIF it is a multipath route: look. */
	if (tb[RTA_OIF] && u32_or_0(tb[RTA_OIF]) != (uint32_t)ifindex)
		return 0;
	return PART_ROUTE;
}

unsigned rtnl_note(struct nlmsghdr *h, int ifindex)
{
	struct ifinfomsg *ifi = nlmsg_data(h);
	struct ifaddrmsg *ifa = nlmsg_data(h);

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		/* Other families (a bridge's ports) speak of something else. */
		if (nlmsg_datalen(h) < (int)sizeof(*ifi) ||
		    ifi->ifi_family != AF_UNSPEC || ifi->ifi_index != ifindex)
			return 0;
		/* IPv4 routes leave with the interface's going down, and nothing
		 * is said about them. */
		return PART_LINK | PART_ROUTE | PART_FEAT;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (nlmsg_datalen(h) < (int)sizeof(*ifa) ||
		    ifa->ifa_index != (unsigned)ifindex)
			return 0;
		return PART_ADDR | PART_ROUTE;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return note_route(h, ifindex);
	default:
		return 0;
	}
}
