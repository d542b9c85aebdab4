/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.c - which way the kernel would send a packet
 *
 * A way that ends in nothing is answered in two forms: IPv4 returns the error
 * that a sender would see, IPv6 the route with its type. Both become a type
 * here. IPv4 says the same of a source address that is none of ours; asking
 * for the way to that address tells them apart.
 */
#include "link/route.h"

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "link/query_internal.h"

static const struct {
	uint8_t rtn;
	const char *name;
} types[ROUTE_TYPES] = {
	[ROUTE_NONE] = { RTN_UNSPEC, "none" },
	[ROUTE_UNICAST] = { RTN_UNICAST, "unicast" },
	[ROUTE_LOCAL] = { RTN_LOCAL, "local" },
	[ROUTE_BROADCAST] = { RTN_BROADCAST, "broadcast" },
	[ROUTE_MULTICAST] = { RTN_MULTICAST, "multicast" },
	[ROUTE_ANYCAST] = { RTN_ANYCAST, "anycast" },
	[ROUTE_UNREACHABLE] = { RTN_UNREACHABLE, "unreachable" },
	[ROUTE_BLACKHOLE] = { RTN_BLACKHOLE, "blackhole" },
	[ROUTE_PROHIBIT] = { RTN_PROHIBIT, "prohibit" },
	[ROUTE_OTHER] = { RTN_THROW, "other" },
};

const char *route_type_name(enum route_type t)
{
	return (unsigned)t < ROUTE_TYPES ? types[t].name : "other";
}

const char *route_encap_name(uint16_t encap)
{
	static const char *const name[] = {
		[LWTUNNEL_ENCAP_NONE] = "none", [LWTUNNEL_ENCAP_MPLS] = "mpls",
		[LWTUNNEL_ENCAP_IP] = "ip",     [LWTUNNEL_ENCAP_ILA] = "ila",
		[LWTUNNEL_ENCAP_IP6] = "ip6",   [LWTUNNEL_ENCAP_SEG6] = "seg6",
		[LWTUNNEL_ENCAP_BPF] = "bpf",
	};

	return encap < sizeof(name) / sizeof(name[0]) && name[encap] ? name[encap] :
								       "other";
}

static bool given(const struct ipaddr *a)
{
	return !ipaddr_is_any(a);
}

static int put_addr(struct nl_msg *m, int attr, const struct ipaddr *a)
{
	return ipaddr_is4(a) ? nla_put(m, attr, 4, a->b + 12) :
			       nla_put(m, attr, 16, a->b);
}

static int put_u32(struct nl_msg *m, int attr, uint32_t v, bool is)
{
	return is ? nla_put_u32(m, attr, v) : 0;
}

/* Port attributes are the only ones in wire order. */
static int put_port(struct nl_msg *m, int attr, uint16_t port)
{
	return port ? nla_put_u16(m, attr, htons(port)) : 0;
}

static struct nl_msg *question(const struct route_query *rq)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	bool is4 = ipaddr_is4(&rq->dst), src = given(&rq->src);
	struct rtmsg rtm = {
		.rtm_family = is4 ? AF_INET : AF_INET6,
		.rtm_dst_len = is4 ? 32 : 128,
		.rtm_src_len = !src ? 0 :
			       is4  ? 32 :
				      128,
		/* the table that answered; IPv6 always says */
		.rtm_flags = is4 ? RTM_F_LOOKUP_TABLE : 0,
	};

	if (!m)
		return NULL;
	if (nlmsg_append(m, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
	    put_addr(m, RTA_DST, &rq->dst) < 0 ||
	    (src && put_addr(m, RTA_SRC, &rq->src) < 0) ||
	    put_u32(m, RTA_IIF, (uint32_t)rq->iif, rq->iif) < 0 ||
	    put_u32(m, RTA_OIF, (uint32_t)rq->oif, rq->oif) < 0 ||
	    put_u32(m, RTA_MARK, rq->mark, rq->mark) < 0 ||
	    put_u32(m, RTA_UID, rq->uid, rq->has_uid) < 0 ||
	    (rq->proto && nla_put_u8(m, RTA_IP_PROTO, rq->proto) < 0) ||
	    put_port(m, RTA_SPORT, rq->sport) < 0 ||
	    put_port(m, RTA_DPORT, rq->dport) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

/* An address attribute, or RTA_VIA with its family in front. */
static bool take_addr(const struct nlattr *a, int family, struct ipaddr *ret)
{
	if (a && family == AF_INET && nla_len(a) == 4)
		*ret = ipaddr_from4(nla_data(a));
	else if (a && family == AF_INET6 && nla_len(a) == 16)
		*ret = ipaddr_from6(nla_data(a));
	else
		return false;
	return true;
}

static bool take_via(const struct nlattr *a, struct ipaddr *ret)
{
	uint16_t family;

	if (!a || nla_len(a) < 2)
		return false;
	memcpy(&family, nla_data(a), 2);
	if (family == AF_INET6 && nla_len(a) == 18)
		*ret = ipaddr_from6((uint8_t *)nla_data(a) + 2);
	else if (family == AF_INET && nla_len(a) == 6)
		*ret = ipaddr_from4((uint8_t *)nla_data(a) + 2);
	else
		return false;
	return true;
}

static uint32_t take_mtu(struct nlattr *metrics)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(tb, RTAX_MAX, metrics, NULL) < 0 ||
	    !tb[RTAX_MTU])
		return 0;
	return nla_get_u32(tb[RTAX_MTU]);
}

static enum route_type take_type(uint8_t rtn)
{
	for (enum route_type t = ROUTE_UNICAST; t < ROUTE_OTHER; t++)
		if (types[t].rtn == rtn)
			return t;
	return ROUTE_OTHER;
}

static bool ends(enum route_type t)
{
	return t == ROUTE_NONE || t == ROUTE_UNREACHABLE || t == ROUTE_BLACKHOLE ||
	       t == ROUTE_PROHIBIT;
}

struct reading {
	struct route_result res;
	bool seen;
};

static int on_route(struct nlmsghdr *h, void *arg)
{
	struct reading *rd = arg;
	struct route_result *res = &rd->res;
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg *rtm = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return 0;
	rd->seen = true;
	res->type = take_type(rtm->rtm_type);
	res->table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	if (tb[RTA_OIF] && !ends(res->type))
		res->oif = (int)nla_get_u32(tb[RTA_OIF]);
	res->has_via = take_addr(tb[RTA_GATEWAY], rtm->rtm_family, &res->via) ||
		       take_via(tb[RTA_VIA], &res->via);
	res->has_src = take_addr(tb[RTA_PREFSRC], rtm->rtm_family, &res->src);
	res->mtu = take_mtu(tb[RTA_METRICS]);
	if (tb[RTA_ENCAP_TYPE])
		res->encap = nla_get_u16(tb[RTA_ENCAP_TYPE]);
	return 0;
}

/* The errors that are answers. */
static int type_of_error(int r, enum route_type *ret)
{
	switch (r) {
	case -ENETUNREACH:
		*ret = ROUTE_NONE;
		return 0;
	case -EHOSTUNREACH:
		*ret = ROUTE_UNREACHABLE;
		return 0;
	case -EACCES:
		*ret = ROUTE_PROHIBIT;
		return 0;
	case -EINVAL:
		*ret = ROUTE_BLACKHOLE;
		return 0;
	}
	return r;
}

static int ask(struct link_query *q, const struct route_query *rq,
	       struct route_result *ret)
{
	struct reading rd = { 0 };
	int r = nlio_talk(&q->rt, question(rq), on_route, &rd);

	if (r < 0)
		r = type_of_error(r, &rd.res.type);
	else if (!rd.seen)
		r = -EPROTO;
	if (r == 0)
		*ret = rd.res;
	return r;
}

int route_get(struct link_query *q, const struct route_query *rq,
	      struct route_result *ret)
{
	const struct route_query to_src = { .dst = rq->src };
	struct route_result res, own;
	int r = ask(q, rq, &res);

	if (r == 0 && ends(res.type) && given(&rq->src)) {
		r = ask(q, &to_src, &own);
		if (r == 0 && own.type != ROUTE_LOCAL)
			r = -EINVAL;
	}
	if (r == 0)
		*ret = res;
	return r;
}
