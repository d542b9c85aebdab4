/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vrf.c - the decision of a router
 *
 * The order is that of Linux: route, kind of route, addresses that are not to be
 * forwarded, TTL, size. What is for our own stack skips the rest, since the stack has
 * checks of its own.
 *
 * Malformed options and source routes do not come here: the dissector refuses them.
 *
 * Only the outermost IP header counts: what is inside a tunnel that only passes here
 * is payload, even if the header map knows it.
 */
#include "switch/vrf.h"

#include "switch/switch.h"
#include "wire/bytes.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define IP4_TTL 8
#define IP4_FRAG 6
#define IP4_DF 0x4000
#define IP6_HOP 7
#define FRAGHDR_LEN 8

/* ---- does it fit? ---- */

uint32_t vrf_seg_len(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_outer_l3(p), *l4 = pkt_l4(p);
	uint32_t len, most = 0;

	if (!p->gso_size)
		return p->len - l3->off;
	if (p->gso_type == GUST_GSO_UFO && l4) {
		/* segments are fragments: gso_size counts the UDP header */
		len = l4->off - l3->off + p->gso_size;
		return pkt_l3(p)->kind == GUST_L_IPV6 ? len + FRAGHDR_LEN : len;
	}
	len = pkt_seg_hdrs(p, l3);
	if (p->gso_size == GUST_GSO_BY_FRAGS) {
		for (unsigned i = 0; i < p->nfrag; i++)
			if (p->frag[i].len > most)
				most = p->frag[i].len;
		return len + most;
	}
	most = pkt_payload_len(p);
	return len + (most < p->gso_size ? most : p->gso_size);
}

/* ---- which of several ways? ---- */

/* Ports of the transport that follows the outermost IP header; 0: none known. */
static uint32_t ports_of(const struct gust_pkt *p, const struct gust_layer *l3)
{
	for (const struct gust_layer *l = l3; l < p->layer + p->nlayer; l++) {
		if (l->flags & GUST_LF_FRAGMENT)
			return 0; /* the later ones have none: keep them together */
		switch (l->kind) {
		case GUST_L_TCP:
		case GUST_L_UDP:
		case GUST_L_SCTP:
			return get32(p->head + l->off);
		case GUST_L_IPV4:
		case GUST_L_IPV6:
			if (l != l3)
				return 0;
			break;
		}
	}
	return 0;
}

uint32_t vrf_flow_hash(const struct gust_pkt *p, const struct siphash_key *secret)
{
	const struct gust_layer *l3 = pkt_outer_l3(p);
	const uint8_t *ip = p->head + l3->off;
	struct {
		uint8_t addr[32];
		uint32_t ports;
		uint32_t proto;
	} k = { .ports = ports_of(p, l3) };

	if (l3->kind == GUST_L_IPV4) {
		memcpy(k.addr, ip + 12, 8);
		k.proto = ip[9];
	} else {
		memcpy(k.addr, ip + 8, 32);
		/* RFC 6438: where ports are out of sight, tunnels put their flow's
		 * hash in the label */
		if (!k.ports)
			k.proto = get32(ip) & 0xfffff;
	}
	return (uint32_t)siphash13(secret, &k, sizeof(k));
}

/* ---- what a router must not forward ---- */

static bool is_scoped(const struct ipaddr *a)
{
	return ipaddr_is_linklocal(a) || ipaddr_is_multicast(a) ||
	       ipaddr_is_broadcast(a);
}

/* RFC 1812 5.3.7, RFC 4291 2.5. */
static enum drop_reason check_addrs(const struct ipaddr *src,
				    const struct ipaddr *dst)
{
	if (ipaddr_is_any(src) || ipaddr_is_loopback(src) ||
	    ipaddr_is_multicast(src) || ipaddr_is_broadcast(src) ||
	    ipaddr_is_any(dst) || ipaddr_is_loopback(dst))
		return DROP_MARTIAN;
	return is_scoped(src) || is_scoped(dst) ? DROP_SCOPE : DROP_NONE;
}

/* ---- the decision ---- */

struct routing {
	const struct vrf *v;
	const struct fib_snap *s;
	struct vrf_result *r;
};

static void drop(const struct routing *g, struct gust_pkt *p, enum drop_reason why)
{
	drop_count(g->v->drops, why, 1);
	pkt_free(p);
}

static void answer(const struct routing *g, struct gust_pkt *p, enum vrf_error e,
		   enum drop_reason why, uint32_t mtu)
{
	drop_count(g->v->drops, why, 1);
	g->r->err[g->r->n_err++] =
		(struct vrf_err){ .p = p, .error = e, .mtu = mtu };
}

static void emit(const struct routing *g, struct gust_pkt *p,
		 const struct fib_nh *nh, uint32_t frag_mtu)
{
	struct vrf_result *r = g->r;
	unsigned i = 0;

	while (i < r->n_out &&
	       (r->out[i].nh != nh || r->out[i].frag_mtu != frag_mtu))
		i++;
	if (i == r->n_out) {
		r->out[i].nh = nh;
		r->out[i].frag_mtu = frag_mtu;
		gust_batch_init(&r->out[i].b);
		r->n_out++;
	}
	gust_batch_push(&r->out[i].b, p);
}

/* The packet has a way: may it take it? */
static void forward(const struct routing *g, struct gust_pkt *p,
		    const struct fib_dest *d)
{
	bool v4 = p->layer[0].kind == GUST_L_IPV4;
	uint8_t *ip = p->head, *ttl = ip + (v4 ? IP4_TTL : IP6_HOP);
	const struct fib_nh *nh = &d->nh[0];
	uint32_t mtu, frag = 0;

	if (*ttl <= 1) {
		answer(g, p, VRF_E_TTL, DROP_TTL, 0);
		return;
	}
	if (d->n > 1)
		nh = &d->nh[fib_select(g->s, d, vrf_flow_hash(p, g->v->secret))];
	mtu = g->v->mtu(g->v->arg, nh->id);
	if (mtu && vrf_seg_len(p) > mtu) {
		if (!v4 || get16(ip + IP4_FRAG) & IP4_DF) {
			answer(g, p, VRF_E_TOO_BIG, DROP_TOO_BIG, mtu);
			return;
		}
		frag = mtu;
	}
	if (!switch_hop(p)) {
		drop(g, p, DROP_SWITCH_LOOP);
		return;
	}
	if (v4)
		ipv4_dec_ttl(ip);
	else
		--*ttl;
	emit(g, p, nh, frag);
}

static void unicast(const struct routing *g, struct gust_pkt *p,
		    const struct fib_dest *d, const struct ipaddr *src,
		    const struct ipaddr *dst)
{
	enum drop_reason why = check_addrs(src, dst);

	if (why != DROP_NONE)
		drop(g, p, why);
	else if (!d)
		answer(g, p, VRF_E_NO_ROUTE, DROP_NO_ROUTE, 0);
	else if (d->type == FIB_UNREACH)
		answer(g, p, VRF_E_UNREACH, DROP_UNREACHABLE, 0);
	else if (d->type == FIB_PROHIBIT)
		answer(g, p, VRF_E_PROHIBIT, DROP_UNREACHABLE, 0);
	else
		forward(g, p, d);
}

/* RFC 1812 5.3.4: a frame to many with a packet for one is not forwarded. */
static bool is_group_frame(const struct gust_pkt *p)
{
	return p->layer[0].kind == GUST_L_ETH && p->head[0] & 1;
}

static void route(const struct routing *g, struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_outer_l3(p);
	bool for_many = l3 && is_group_frame(p);
	const struct fib_dest *d;
	struct ipaddr src, dst;
	const uint8_t *ip;

	if (!l3) {
		drop(g, p, DROP_BAD_ETHERTYPE);
		return;
	}
	if (l3->off)
		pkt_pull(p, l3->off);
	ip = p->head;
	if (p->layer[0].kind == GUST_L_IPV4) {
		src = ipaddr_from4(ip + 12);
		dst = ipaddr_from4(ip + 16);
	} else {
		src = ipaddr_from6(ip + 8);
		dst = ipaddr_from6(ip + 24);
	}
	d = fib_lookup(g->s, &dst);
	if (d && d->type == FIB_LOCAL)
		gust_batch_push(&g->r->local, p);
	else if (d && d->type == FIB_BLACKHOLE)
		drop(g, p, DROP_BLACKHOLE);
	else if (for_many && !is_scoped(&dst))
		drop(g, p, DROP_NOT_FOR_US);
	else
		unicast(g, p, d, &src, &dst);
}

bool vrf_route(const struct vrf *v, const struct fib_snap *s, struct gust_batch *in,
	       struct vrf_result *ret)
{
	const struct routing g = { v, s, ret };

	ret->n_out = ret->n_err = 0;
	gust_batch_init(&ret->local);
	while (in->n) {
		if (ret->n_out == VRF_OUT_MAX || ret->n_err == VRF_ERR_MAX)
			return false;
		route(&g, gust_batch_pop(in));
	}
	return true;
}
