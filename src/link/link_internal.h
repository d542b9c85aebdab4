/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_internal.h - what the files of this room share
 */
#ifndef GUST_LINK_LINK_INTERNAL_H
#define GUST_LINK_LINK_INTERNAL_H

#include "link/link.h"
#include "link/nlio.h"

/* Kinds of superpackets, either direction. */
#define SUPER_TCP                                                                  \
	(FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN) |      \
	 FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO) |                   \
	 FEAT_BIT(FEAT_BIGTCP6_PLAIN))
#define SUPER_UDP (FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_UFO))
#define TUNNEL (FEAT_BIT(FEAT_UDP_TNL) | FEAT_BIT(FEAT_UDP_TNL_CSUM))
#define BIGTCP6 (FEAT_BIT(FEAT_BIGTCP6_JUMBO) | FEAT_BIT(FEAT_BIGTCP6_PLAIN))
#define BIGTCP (FEAT_BIT(FEAT_BIGTCP4) | BIGTCP6)
/* What this port can take in the direction towards the kernel. */
#define TO_KERNEL                                                                  \
	(FEAT_BIT(FEAT_TX_CSUM) | SUPER_TCP | SUPER_UDP | TUNNEL |                 \
	 FEAT_BIT(FEAT_UDP_GRO))
/* Nothing announces these towards the kernel. */
#define ONLY_PROVEN (BIGTCP | FEAT_BIT(FEAT_UFO))

#define IP_LEN_MAX 65535U
/* BIG TCP begins above GSO_LEGACY_MAX_SIZE of the kernel */
#define BIG_LEN_MIN 65536U
/* GSO_MAX_SIZE of the kernel: 8 * 65535 */
#define BIG_LEN_MAX 524280U

/* negotiate.c: largest IP packets that the link's sizes leave, before the MTU is
 * taken into account. */
struct link_sizes {
	uint32_t v4, v6, udp;
};
void link_sizes_from(const struct link_state *st, struct link_sizes *ret);
void link_sizes_to(const struct link_state *st, uint32_t gso_max, bool big4,
		   bool big6, struct link_sizes *ret);

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

/* Call `fn` in the namespace behind `netns_fd` (-1: ours); the thread returns.
 * -errno of the way there or back, with a sentence in `err`, or fn's result. */
int link_visit(int netns_fd, int (*fn)(void *arg), void *arg, char *err,
	       size_t err_len);

/* ethtool.c: generic netlink. Messages are NULL when memory ran out. */
#define GENL_LEN NLMSG_ALIGN(sizeof(struct genlmsghdr))
#define ETHTOOL_NAME_LEN 32 /* ETH_GSTRING_LEN */

struct genl_family {
	uint16_t id;
	uint32_t monitor; /* multicast group, 0: none */
};

struct nl_msg *genl_new(uint16_t family, uint8_t cmd, uint8_t version);
/* -ENOENT: this kernel has no ethtool family. */
int ethtool_family(struct nlio *io, struct genl_family *ret_f);
/* ETHTOOL_MSG_FEATURES_GET in the verbose form. */
struct nl_msg *ethtool_feats_msg(uint16_t family, int ifindex);

/* Every bit that is set in a verbose bitset, by name. As a list (NOMASK) a bitset
 * names the bits that are set; with a mask it names those of the mask, and a flag
 * says which are set. */
typedef void (*ethtool_bit_fn)(const char *name, void *arg);
void ethtool_bits(struct nlattr *set, ethtool_bit_fn fn, void *arg);

/* ethtool.c: find the family, join its monitor group. Without the family both
 * descriptors stay closed. */
int ethtool_open(struct link *l);
int ethtool_read_feats(struct link *l, struct link_state *s);
unsigned ethtool_note(struct nlmsghdr *h, const struct link *l);

#endif
