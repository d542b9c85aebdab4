/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ethtool.c - offload features by ethtool's generic netlink family
 *
 * Features are asked for in the verbose form, which carries names instead of
 * bit numbers: bit numbers differ from kernel to kernel and would need the
 * string set first. Notifications of the `monitor` group only say that
 * something changed; the answer is always asked for anew.
 */
#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "link/link_internal.h"

struct nl_msg *genl_new(uint16_t family, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr g = { .cmd = cmd, .version = version };
	struct nl_msg *m = nlmsg_alloc_simple(family, 0);

	if (m && nlmsg_append(m, &g, sizeof(g), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

/* ---- the family ---- */

static void on_group(struct nlattr *grp, struct genl_family *f)
{
	struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

	if (nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, grp, NULL) < 0 ||
	    !tb[CTRL_ATTR_MCAST_GRP_NAME] || !tb[CTRL_ATTR_MCAST_GRP_ID])
		return;
	if (!nla_strcmp(tb[CTRL_ATTR_MCAST_GRP_NAME], ETHTOOL_MCGRP_MONITOR_NAME))
		f->monitor = nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
}

static int on_family(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1], *grp;
	struct genl_family *f = arg;
	int left;

	if (nlmsg_parse(h, GENL_LEN, tb, CTRL_ATTR_MAX, NULL) < 0)
		return 0;
	if (tb[CTRL_ATTR_FAMILY_ID])
		f->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		nla_for_each_nested(grp, tb[CTRL_ATTR_MCAST_GROUPS], left)
			on_group(grp, f);
	return 0;
}

int ethtool_family(struct nlio *io, struct genl_family *ret_f)
{
	struct nl_msg *m = genl_new(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	struct genl_family f = { 0 };
	int r;

	if (m && nla_put_string(m, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	r = nlio_talk(io, m, on_family, &f);
	if (r < 0)
		return r;
	if (!f.id)
		return -ENOENT;
	*ret_f = f;
	return 0;
}

int ethtool_open(struct link *l)
{
	struct genl_family f = { 0 };
	int r = nlio_open(NETLINK_GENERIC, &l->gen);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : r;
	r = ethtool_family(&l->gen, &f);
	if (r < 0) {
		nlio_close(&l->gen);
		return r == -ENOENT ? 0 : r;
	}
	l->eth_family = f.id;
	r = nlio_open(NETLINK_GENERIC, &l->genmon);
	if (r == 0 && f.monitor)
		r = nlio_join(&l->genmon, f.monitor);
	return r;
}

/* ---- features ---- */

struct feats {
	uint32_t hw, wanted, active;
	bool seen;
};

static void add_feat(const char *name, void *arg)
{
	uint32_t *feats = arg;

	for (int i = 0; i < FEAT_N; i++)
		if (!strcmp(name, feat_name(i)))
			*feats |= FEAT_BIT(i);
}

void ethtool_bits(struct nlattr *set, ethtool_bit_fn fn, void *arg)
{
	struct nlattr *tb[ETHTOOL_A_BITSET_MAX + 1], *bit;
	int left;

	if (!set || nla_parse_nested(tb, ETHTOOL_A_BITSET_MAX, set, NULL) < 0 ||
	    !tb[ETHTOOL_A_BITSET_BITS])
		return;
	nla_for_each_nested(bit, tb[ETHTOOL_A_BITSET_BITS], left)
	{
		struct nlattr *b[ETHTOOL_A_BITSET_BIT_MAX + 1];
		char name[ETHTOOL_NAME_LEN];

		if (nla_parse_nested(b, ETHTOOL_A_BITSET_BIT_MAX, bit, NULL) < 0 ||
		    !b[ETHTOOL_A_BITSET_BIT_NAME] ||
		    (!tb[ETHTOOL_A_BITSET_NOMASK] &&
		     !b[ETHTOOL_A_BITSET_BIT_VALUE]))
			continue;
		nla_strlcpy(name, b[ETHTOOL_A_BITSET_BIT_NAME], sizeof(name));
		fn(name, arg);
	}
}

static uint32_t bitset(struct nlattr *set)
{
	uint32_t feats = 0;

	ethtool_bits(set, add_feat, &feats);
	return feats;
}

static int on_feats(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[ETHTOOL_A_FEATURES_MAX + 1];
	struct feats *f = arg;

	if (nlmsg_parse(h, GENL_LEN, tb, ETHTOOL_A_FEATURES_MAX, NULL) < 0)
		return 0;
	f->hw = bitset(tb[ETHTOOL_A_FEATURES_HW]);
	f->wanted = bitset(tb[ETHTOOL_A_FEATURES_WANTED]);
	f->active = bitset(tb[ETHTOOL_A_FEATURES_ACTIVE]);
	f->seen = true;
	return 0;
}

struct nl_msg *ethtool_feats_msg(uint16_t family, int ifindex)
{
	struct nl_msg *m =
		genl_new(family, ETHTOOL_MSG_FEATURES_GET, ETHTOOL_GENL_VERSION);
	struct nlattr *hdr;

	if (!m)
		return NULL;
	hdr = nla_nest_start(m, ETHTOOL_A_FEATURES_HEADER | NLA_F_NESTED);
	if (!hdr ||
	    nla_put_u32(m, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)ifindex) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	nla_nest_end(m, hdr);
	return m;
}

int ethtool_read_feats(struct link *l, struct link_state *s)
{
	struct feats f = { 0 };
	struct nl_msg *m;
	int r;

	s->ethtool_ok = false;
	s->feat_active = s->feat_wanted = s->feat_hw = 0;
	if (l->gen.fd < 0)
		return 0;
	m = ethtool_feats_msg(l->eth_family, l->ifindex);
	r = nlio_talk(&l->gen, m, on_feats, &f);
	if (r < 0 || !f.seen)
		return r == -EOPNOTSUPP ? 0 : r;
	s->ethtool_ok = true;
	s->feat_hw = f.hw;
	s->feat_wanted = f.wanted;
	s->feat_active = f.active;
	return 0;
}

unsigned ethtool_note(struct nlmsghdr *h, const struct link *l)
{
	struct nlattr *tb[ETHTOOL_A_FEATURES_MAX + 1],
		*hd[ETHTOOL_A_HEADER_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(h);

	if (h->nlmsg_type != l->eth_family || nlmsg_datalen(h) < (int)sizeof(*g) ||
	    g->cmd != ETHTOOL_MSG_FEATURES_NTF)
		return 0;
	if (nlmsg_parse(h, GENL_LEN, tb, ETHTOOL_A_FEATURES_MAX, NULL) < 0 ||
	    !tb[ETHTOOL_A_FEATURES_HEADER] ||
	    nla_parse_nested(hd, ETHTOOL_A_HEADER_MAX,
			     tb[ETHTOOL_A_FEATURES_HEADER], NULL) < 0 ||
	    !hd[ETHTOOL_A_HEADER_DEV_INDEX])
		return PART_FEAT; /* not understood: look */
	return nla_get_u32(hd[ETHTOOL_A_HEADER_DEV_INDEX]) == (uint32_t)l->ifindex ?
		       PART_FEAT :
		       0;
}
