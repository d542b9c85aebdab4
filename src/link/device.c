/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device.c - a network device as it is now
 */
#include "link/device.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/linux_compat.h"
#include "link/query_internal.h"

#define LINK_ATTR_MAX GUST_IFLA_GRO_IPV4_MAX_SIZE

static uint32_t u32_or_0(const struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

/* Tunnels name the device below and the far end in attributes of their own kind
 * (if_link.h, if_tunnel.h); link 0: IFLA_LINK says it. */
static const struct {
	const char *kind;
	int link, remote4, remote6;
} tunnels[] = {
	{ "vxlan", IFLA_VXLAN_LINK, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6 },
	{ "geneve", 0, IFLA_GENEVE_REMOTE, IFLA_GENEVE_REMOTE6 },
	{ "gre", 0, IFLA_GRE_REMOTE, 0 },
	{ "gretap", 0, IFLA_GRE_REMOTE, 0 },
	{ "ip6gre", 0, 0, IFLA_GRE_REMOTE },
	{ "ip6gretap", 0, 0, IFLA_GRE_REMOTE },
	{ "ipip", 0, IFLA_IPTUN_REMOTE, 0 },
	{ "sit", 0, IFLA_IPTUN_REMOTE, 0 },
	{ "ip6tnl", 0, 0, IFLA_IPTUN_REMOTE },
};
#define TUNNEL_ATTR_MAX 64

static void take_tunnel(struct nlattr *data, struct link_device *d)
{
	struct nlattr *tb[TUNNEL_ATTR_MAX + 1], *r4, *r6;

	if (!data || nla_parse_nested(tb, TUNNEL_ATTR_MAX, data, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++) {
		if (strcmp(tunnels[i].kind, d->kind))
			continue;
		if (tunnels[i].link)
			d->lower = (int)u32_or_0(tb[tunnels[i].link]);
		r4 = tunnels[i].remote4 ? tb[tunnels[i].remote4] : NULL;
		r6 = tunnels[i].remote6 ? tb[tunnels[i].remote6] : NULL;
		if (r4 && nla_len(r4) == 4)
			d->remote = ipaddr_from4(nla_data(r4));
		else if (r6 && nla_len(r6) == 16)
			d->remote = ipaddr_from6(nla_data(r6));
		else
			continue;
		d->has_remote = !ipaddr_is_any(&d->remote) &&
				!ipaddr_is_multicast(&d->remote);
	}
}

static void take_info(struct nlattr *info, struct link_device *d)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0 ||
	    !tb[IFLA_INFO_KIND])
		return;
	nla_strlcpy(d->kind, tb[IFLA_INFO_KIND], sizeof(d->kind));
	take_tunnel(tb[IFLA_INFO_DATA], d);
}

static int on_link(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[LINK_ATTR_MAX + 1];
	struct link_device *d = arg;
	struct ifinfomsg *ifi = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(*ifi), tb, LINK_ATTR_MAX, NULL) < 0)
		return 0;
	d->ifindex = ifi->ifi_index;
	d->up = ifi->ifi_flags & IFF_UP;
	d->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	d->ether = ifi->ifi_type == ARPHRD_ETHER;
	if (tb[IFLA_IFNAME])
		nla_strlcpy(d->name, tb[IFLA_IFNAME], sizeof(d->name));
	d->mtu = u32_or_0(tb[IFLA_MTU]);
	d->gso_max_size = u32_or_0(tb[IFLA_GSO_MAX_SIZE]);
	d->gso_max_segs = u32_or_0(tb[IFLA_GSO_MAX_SEGS]);
	d->gro_max_size = u32_or_0(tb[GUST_IFLA_GRO_MAX_SIZE]);
	d->tso_max_size = u32_or_0(tb[GUST_IFLA_TSO_MAX_SIZE]);
	d->gso_ipv4_max_size = u32_or_0(tb[GUST_IFLA_GSO_IPV4_MAX_SIZE]);
	d->gro_ipv4_max_size = u32_or_0(tb[GUST_IFLA_GRO_IPV4_MAX_SIZE]);
	d->lower = (int)u32_or_0(tb[IFLA_LINK]);
	take_info(tb[IFLA_LINKINFO], d);
	d->lower_elsewhere = d->lower && tb[IFLA_LINK_NETNSID];
	d->master = (int)u32_or_0(tb[IFLA_MASTER]);
	/* some devices name themselves */
	if (d->lower == d->ifindex && !d->lower_elsewhere)
		d->lower = 0;
	return 0;
}

static int read_link(struct link_query *q, int ifindex, struct link_device *d)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, 0);
	int r;

	if (m && nlmsg_append(m, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	r = nlio_talk(&q->rt, m, on_link, d);
	return r < 0 ? r : d->ifindex == ifindex ? 0 : -ENODEV;
}

/* ---- features ---- */

struct taking {
	struct link_device *d;
	uint8_t flag;
	bool seen;
};

static void take_feat(const char *name, void *arg)
{
	struct taking *t = arg;
	struct link_device *d = t->d;

	for (unsigned i = 0; i < d->n_feat; i++)
		if (!strcmp(d->feat[i].name, name)) {
			d->feat[i].flags |= t->flag;
			return;
		}
	if (d->n_feat == DEVICE_FEATS_MAX)
		return;
	strncpy(d->feat[d->n_feat].name, name, DEVICE_NAME_LEN - 1);
	d->feat[d->n_feat++].flags = t->flag;
}

static int on_feats(struct nlmsghdr *h, void *arg)
{
	static const struct {
		int attr;
		uint8_t flag;
	} sets[] = { { ETHTOOL_A_FEATURES_ACTIVE, DEVICE_FEAT_ACTIVE },
		     { ETHTOOL_A_FEATURES_WANTED, DEVICE_FEAT_WANTED },
		     { ETHTOOL_A_FEATURES_HW, DEVICE_FEAT_HW } };
	struct nlattr *tb[ETHTOOL_A_FEATURES_MAX + 1];
	struct taking *t = arg;

	if (nlmsg_parse(h, GENL_LEN, tb, ETHTOOL_A_FEATURES_MAX, NULL) < 0)
		return 0;
	t->seen = true;
	for (unsigned i = 0; i < 3; i++) {
		t->flag = sets[i].flag;
		ethtool_bits(tb[sets[i].attr], take_feat, t);
	}
	return 0;
}

int device_get(struct link_query *q, int ifindex, struct link_device *ret)
{
	struct link_device d = { 0 };
	struct taking t = { .d = &d };
	int r = read_link(q, ifindex, &d);

	if (r < 0)
		return r;
	if (q->gen.fd >= 0 &&
	    nlio_talk(&q->gen, ethtool_feats_msg(q->eth_family, ifindex), on_feats,
		      &t) == 0)
		d.ethtool_ok = t.seen;
	*ret = d;
	return 0;
}

uint8_t device_feat(const struct link_device *d, const char *name)
{
	for (unsigned i = 0; i < d->n_feat; i++)
		if (!strcmp(d->feat[i].name, name))
			return d->feat[i].flags;
	return 0;
}
