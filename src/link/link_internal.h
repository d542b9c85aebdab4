/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_internal.h - what the files of this room share
 */
#ifndef GUST_LINK_LINK_INTERNAL_H
#define GUST_LINK_LINK_INTERNAL_H

#include "link/link.h"
#include "link/nlio.h"

/* Parts of the state that a notification made doubtful. */
#define PART_LINK 0x01
#define PART_ADDR 0x02
#define PART_ROUTE 0x04
#define PART_FEAT 0x08
#define PART_ALL 0x0f

struct link {
	int ifindex;
	struct nlio rt, rtmon; /* route netlink: requests, notifications */
	struct nlio gen, genmon; /* generic netlink; fd -1: no ethtool family */
	uint16_t eth_family;
	unsigned pending; /* LINK_CHG_* not yet reported */
	unsigned doubt; /* PART_* whose reading failed */
	struct link_state st;
	struct link_state next; /* scratch: what is being read */
};

/* Read parts again and note in l->pending what is different. */
int link_refresh(struct link *l, unsigned parts);

/* rtnl_read.c: fill the part of `s`; -ENODEV when the interface is gone. */
int rtnl_read_link(struct link *l, struct link_state *s);
int rtnl_read_addrs(struct link *l, struct link_state *s);
int rtnl_read_routes(struct link *l, struct link_state *s);

/* PART_* that a route netlink notification makes doubtful. */
unsigned rtnl_note(struct nlmsghdr *h, int ifindex);

/* ethtool.c: find the family, join its monitor group. Without the family both
 * descriptors stay closed. */
int ethtool_open(struct link *l);
int ethtool_read_feats(struct link *l, struct link_state *s);
unsigned ethtool_note(struct nlmsghdr *h, const struct link *l);

#endif
