/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_reset.c - the answer to a segment of no connection
 */
#include "ip/ip.h"
#include "pkt/dissect.h"
#include "tcp/tcp_internal.h"

struct gust_pkt *tcp_reset_for(struct pkt_pool *pool, const struct gust_pkt *p,
			       const struct port_caps *caps)
{
	const struct gust_layer *l4 = pkt_l4(p);
	struct tcp_hdr in, out = { 0 };
	struct ip_tx tx = { .ttl = IP_TTL_DEFAULT, .df = true };
	struct gust_pkt *r;
	uint8_t proto;

	if (!l4 || l4->kind != GUST_L_TCP ||
	    tcp_hdr_parse(p->head + l4->off, p->hlen - l4->off, &in) ||
	    (in.flags & TCP_RST))
		return NULL;
	r = pkt_new(pool);
	if (!r)
		return NULL;
	out.sport = in.dport;
	out.dport = in.sport;
	/* RFC 9293 3.10.7.1 */
	if (in.flags & TCP_ACK) {
		out.seq = in.ack;
		out.flags = TCP_RST;
	} else {
		out.ack = in.seq + pkt_payload_len(p) + !!(in.flags & TCP_SYN) +
			  !!(in.flags & TCP_FIN);
		out.flags = TCP_RST | TCP_ACK;
	}
	r->hlen = tcp_hdr_build(r->head, &out);
	r->len = r->hlen;
	r->need = GUST_F_CSUM;
	pkt_layer_append(r, GUST_L_TCP, 0, 0);
	pkt_addrs(p, &tx.dst, &tx.src, &proto);
	tx.proto = IPPROTO_TCP;
	ip_push(r, &tx, caps);
	return r;
}
