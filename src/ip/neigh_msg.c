/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh_msg.c - ARP and neighbour discovery frames
 */
#include "ip/neigh_internal.h"

#include "ip/ip.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/icmp.h"

#define ND_HOP_LIMIT 255 /* RFC 4861 3.1: nobody from afar can have it */

static const struct ethaddr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct ipaddr all_nodes = { { 0xff, 0x02, [15] = 1 } };

struct ethaddr neigh_group_mac(const struct ipaddr *dst)
{
	struct ethaddr a = { { 0x33, 0x33 } };

	if (ipaddr_is_broadcast(dst))
		return broadcast;
	if (ipaddr_is4(dst)) { /* RFC 1112 6.4: 23 bits */
		a = (struct ethaddr){ { 0x01, 0x00, 0x5e, dst->b[13] & 0x7f,
					dst->b[14], dst->b[15] } };
		return a;
	}
	memcpy(a.b + 2, dst->b + 12, 4); /* RFC 2464 7 */
	return a;
}

static struct ipaddr solicited_node(const struct ipaddr *target)
{
	struct ipaddr a = { { 0xff, 0x02, [11] = 1, [12] = 0xff } };

	memcpy(a.b + 13, target->b + 13, 3);
	return a;
}

bool neigh_is_solicited_node(const struct ipaddr *a)
{
	struct ipaddr s = solicited_node(a);

	return ipaddr_eq(a, &s);
}

void neigh_eth_push(const struct neigh *n, struct gust_pkt *p,
		    const struct ethaddr *dst)
{
	uint8_t kind = p->layer[0].kind;
	struct eth_hdr h = {
		.dst = *dst,
		.src = n->mac,
		.type = kind == GUST_L_ARP  ? ETHERTYPE_ARP :
			kind == GUST_L_IPV4 ? ETHERTYPE_IP4 :
					      ETHERTYPE_IP6,
	};

	eth_build(pkt_push(p, ETH_HLEN), &h);
	pkt_layer_push(p, GUST_L_ETH, 0);
}

void neigh_send_arp(struct neigh *n, struct gust_batch *out, uint16_t op,
		    const struct ethaddr *to, const struct ipaddr *spa,
		    const struct ipaddr *tpa)
{
	struct arp_msg m = { .op = op, .sha = n->mac, .spa = *spa, .tpa = *tpa };
	struct gust_pkt *p = pkt_new(n->pool);

	if (!p)
		return;
	if (to && op == ARP_REPLY)
		m.tha = *to;
	arp_build(p->head, &m);
	p->hlen = p->len = ARP_LEN;
	pkt_layer_append(p, GUST_L_ARP, 0, 0);
	neigh_eth_push(n, p, to ? to : &broadcast);
	gust_batch_push(out, p);
}

static void send_nd(struct neigh *n, struct gust_batch *out, const struct nd_msg *m,
		    const struct ipaddr *src, const struct ipaddr *dst,
		    const struct ethaddr *to)
{
	struct ip_tx tx = {
		.src = *src,
		.dst = *dst,
		.proto = IPPROTO_ICMPV6,
		.ttl = ND_HOP_LIMIT,
	};
	struct gust_pkt *p = pkt_new(n->pool);
	struct ethaddr group;
	size_t len;

	if (!p)
		return;
	len = nd_build(p->head, m);
	put16(p->head + 2,
	      csum_fold(csum_add(csum_pseudo(src, dst, IPPROTO_ICMPV6, len),
				 p->head, len)));
	p->hlen = p->len = len;
	pkt_layer_append(p, GUST_L_ICMP6, 0, 0);
	ip_push(p, &tx, NULL);
	group = neigh_group_mac(dst);
	neigh_eth_push(n, p, to ? to : &group);
	gust_batch_push(out, p);
}

void neigh_send_ns(struct neigh *n, struct gust_batch *out,
		   const struct ipaddr *src, const struct ipaddr *target,
		   const struct ethaddr *to)
{
	static const struct ipaddr unspecified;
	struct ipaddr dst = to ? *target : solicited_node(target);
	struct nd_msg m = {
		.type = ICMP6_NS,
		.has_lladdr =
			src, /* RFC 4861 4.3: not with the unspecified source */
		.target = *target,
		.lladdr = n->mac,
	};

	send_nd(n, out, &m, src ? src : &unspecified, &dst, to);
}

void neigh_send_na(struct neigh *n, struct gust_batch *out,
		   const struct ipaddr *target, const struct ipaddr *dst,
		   const struct ethaddr *to)
{
	struct nd_msg m = {
		.type = ICMP6_NA,
		.router = true, /* the stack is the inside's gateway */
		.solicited = dst,
		.override = true,
		.has_lladdr = true,
		.target = *target,
		.lladdr = n->mac,
	};

	send_nd(n, out, &m, target, dst ? dst : &all_nodes, to);
}
