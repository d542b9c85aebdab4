/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.c - put an IP header on
 */
#include "ip/ip.h"

#include "wire/ipv4.h"
#include "wire/ipv6.h"

static void push4(struct gust_pkt *p, const struct ip_tx *tx)
{
	struct ipv4_hdr h = {
		.src = tx->src,
		.dst = tx->dst,
		.id = tx->id,
		.hlen = IPV4_HLEN,
		.tos = tx->tos,
		.ttl = tx->ttl,
		.proto = tx->proto,
		.df = tx->df,
	};
	uint8_t *b = pkt_push(p, IPV4_HLEN);
	bool jumbo = p->len > UINT16_MAX;

	h.tot_len = jumbo ? 0 : p->len;
	ipv4_build(b, &h);
	pkt_layer_push(p, GUST_L_IPV4, jumbo ? GUST_LF_JUMBO : 0);
}

static void push6(struct gust_pkt *p, const struct ip_tx *tx,
		  const struct port_caps *caps)
{
	struct ipv6_hdr h = {
		.src = tx->src,
		.dst = tx->dst,
		.flow = tx->flow & 0xfffff,
		.tclass = tx->tos,
		.hop = tx->ttl,
		.nh = tx->proto,
	};
	uint8_t *b;

	if (p->len > UINT16_MAX && caps && caps_has(caps, FEAT_BIGTCP6_JUMBO)) {
		b = pkt_push(p, IPV6_JUMBO_HLEN);
		/* RFC 2675 2: the length counts this header, too */
		ipv6_jumbo_build(b, tx->proto, p->len);
		pkt_layer_push(p, GUST_L_HOPOPTS, GUST_LF_JUMBO);
		h.nh = IP6_NH_HOPOPTS;
	} else if (p->len <= UINT16_MAX) {
		h.plen = p->len;
	}
	b = pkt_push(p, IPV6_HLEN);
	ipv6_build(b, &h);
	pkt_layer_push(p, GUST_L_IPV6, 0);
}

void ip_push(struct gust_pkt *p, const struct ip_tx *tx,
	     const struct port_caps *caps)
{
	if (ipaddr_is4(&tx->dst))
		push4(p, tx);
	else
		push6(p, tx, caps);
}
