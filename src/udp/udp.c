/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp.c - build datagrams for the inside; how long a mapping lives
 */
#include "udp/udp.h"

#include "ip/ip.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

#define SEC_US 1000000u

void udp_conf_defaults(struct udp_conf *c)
{
	*c = (struct udp_conf){
		.timeout_us = 300 * SEC_US, /* RFC 4787 REQ-5 a: recommended */
		.timeout_oneway_us = 120 * SEC_US, /* RFC 4787 REQ-5: the least */
		.timeout_dns_us = 17 * SEC_US,
		.ttl = IP_TTL_DEFAULT,
	};
}

uint64_t udp_expiry(const struct udp_conf *c, const struct udp_life *l)
{
	uint64_t last =
		l->last_out_us > l->last_in_us ? l->last_out_us : l->last_in_us;

	if (!l->n_in)
		return last + c->timeout_oneway_us;
	if (l->only_dns)
		return last + c->timeout_dns_us;
	return last + c->timeout_us;
}

struct gust_pkt *udp_packet(struct pkt_pool *pool, const struct ipaddr *src,
			    uint16_t sport, const struct ipaddr *dst,
			    uint16_t dport, uint8_t ttl, uint8_t tos, uint16_t id,
			    struct gust_frag *f /*taken*/, uint16_t gso_size,
			    const struct port_caps *caps)
{
	struct ip_tx tx = {
		.src = *src,
		.dst = *dst,
		.proto = IPPROTO_UDP,
		.ttl = ttl,
		.tos = tos,
		.id = id,
	};
	bool v4 = ipaddr_is4(dst);
	struct gust_pkt *p;
	struct udp_hdr h;

	/* there are no jumbo datagrams: IPv4 counts its own header, too */
	if (f->len > (uint32_t)UINT16_MAX - UDP_HLEN - (v4 ? IPV4_HLEN : 0))
		goto drop;
	p = pkt_new(pool);
	if (!p)
		goto drop;
	h = (struct udp_hdr){ .sport = sport,
			      .dport = dport,
			      .len = UDP_HLEN + f->len };
	udp_build(p->head, &h);
	p->hlen = p->len = UDP_HLEN;
	pkt_layer_append(p, GUST_L_UDP, 0, 0);
	if (gso_size && gso_size < f->len) {
		p->gso_size = gso_size;
		p->gso_type = v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	}
	if (f->len && pkt_frag_add(p, f) < 0) {
		pkt_free(p);
		goto drop;
	}
	if (!f->len)
		slab_unref(f->slab);
	f->slab = NULL;
	p->need = GUST_F_CSUM;
	ip_push(p, &tx, caps);
	return p;
drop:
	slab_unref(f->slab);
	f->slab = NULL;
	return NULL;
}
