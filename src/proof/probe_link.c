/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_link.c - what the scratch namespace needs of route netlink beyond link.h:
 * interface flags, and VXLAN devices
 *
 * The devices do no neighbour discovery (IFF_NOARP: the kernel then uses their own
 * Ethernet address as everybody's), learn nothing, and send all to one peer.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "link/nlio.h"
#include "proof/proof_internal.h"

static int talk(struct nl_msg *m)
{
	struct nlio io = { .fd = -1 };
	int r = nlio_open(NETLINK_ROUTE, &io);

	if (r < 0) {
		if (m)
			nlmsg_free(m);
		return r;
	}
	r = nlio_talk(&io, m, NULL, NULL);
	nlio_close(&io);
	return r;
}

static struct nl_msg *newlink(int flags, const struct ifinfomsg *ifi)
{
	struct nl_msg *m =
		nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | flags);

	if (m && nlmsg_append(m, (void *)(uintptr_t)ifi, sizeof(*ifi),
			      NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

int probe_set_flags(int ifindex, unsigned flags, unsigned mask)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex,
				 .ifi_flags = flags,
				 .ifi_change = mask };

	return talk(newlink(0, &ifi));
}

static int put_ip(struct nl_msg *m, int attr4, int attr6, const struct ipaddr *a)
{
	return ipaddr_is4(a) ? nla_put(m, attr4, 4, a->b + 12) :
			       nla_put(m, attr6, 16, a->b);
}

/* The attributes inside IFLA_INFO_DATA. */
static int put_vxlan(struct nl_msg *m, const struct probe *p,
		     const struct probe_path *path)
{
	const struct probe_path *outer = &p->path[PATH_PLAIN][path->v6];
	uint16_t port = htons(path->vx_port);

	if (nla_put_u32(m, IFLA_VXLAN_ID, path->vni) < 0 ||
	    put_ip(m, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, &outer->kernel) < 0 ||
	    put_ip(m, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, &outer->peer) < 0 ||
	    nla_put_u32(m, IFLA_VXLAN_LINK, (uint32_t)p->ifindex) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_LEARNING, 0) < 0 ||
	    nla_put(m, IFLA_VXLAN_PORT, sizeof(port), &port) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_UDP_CSUM, path->tnl_csum) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_UDP_ZERO_CSUM6_TX, !path->tnl_csum) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, !path->tnl_csum) < 0)
		return -ENOMEM;
	return 0;
}

static struct nl_msg *vxlan_msg(const struct probe *p,
				const struct probe_path *path, const char *name)
{
	unsigned flags = IFF_UP | IFF_NOARP;
	struct ifinfomsg ifi = { .ifi_flags = flags, .ifi_change = flags };
	struct nl_msg *m = newlink(NLM_F_CREATE | NLM_F_EXCL, &ifi);
	struct nlattr *info, *data;

	if (!m)
		return NULL;
	if (nla_put_string(m, IFLA_IFNAME, name) < 0 ||
	    !(info = nla_nest_start(m, IFLA_LINKINFO)) ||
	    nla_put_string(m, IFLA_INFO_KIND, "vxlan") < 0 ||
	    !(data = nla_nest_start(m, IFLA_INFO_DATA)) ||
	    put_vxlan(m, p, path) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return m;
}

/* Its Ethernet address is wanted, and the inner addresses are to be given. */
static int vxlan_address(struct probe *p, struct probe_path *path, int ifindex)
{
	struct link_addr a = { .local = path->kernel,
			       .peer = path->peer,
			       .plen = path->v6 ? 128 : 32,
			       .has_peer = true };
	struct link *l;
	int r = link_open(-1, ifindex, &l, p->why, sizeof(p->why));

	if (r < 0)
		return r;
	path->vx_mac = link_state(l)->mac;
	r = link_add_addr(l, &a);
	link_close(l);
	return r;
}

bool probe_vxlan(struct probe *p, struct probe_path *path, const char *name)
{
	int r;

	if (path->ready)
		return true;
	r = talk(vxlan_msg(p, path, name));
	if (r == -EOPNOTSUPP)
		return probe_not_here(p, "this kernel has no VXLAN to test with");
	if (r == 0)
		r = vxlan_address(p, path, (int)if_nametoindex(name));
	if (r < 0)
		return probe_not_here(p, "making a VXLAN device: %s", strerror(-r));
	path->ready = true;
	return true;
}
