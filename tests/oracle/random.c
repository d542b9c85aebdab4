/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random.c - random superpackets for the oracle
 */
#include "random.h"

#include <string.h>

#define MTU 1500
#define SEGS 200
#define UDP_SEGS 127 /* the kernel refuses more than 128 (UDP_MAX_SEGMENTS) */
#define IP_MAX 65535
#define EXT_LEN 24 /* of the longest extension header */

static bool chance(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

static void random_ip(struct rng *r, struct super_ip *ip)
{
	ip->v6 = chance(r, 2);
	ip->tos = rng_u32(r);
	ip->ttl = 2 + rng_below(r, 254);
	ip->id = chance(r, 4) ? 65530 + rng_below(r, 6) : rng_u32(r);
	/* the reserved bit (RFC 3514), too */
	ip->frag = rng_below(r, 4) << 14;
	ip->flow = rng_u32(r) & 0xfffff;
	if (!ip->v6 && chance(r, 4)) {
		ip->opt_len = 4 * (1 + rng_below(r, 10));
		memset(ip->opt, 1, ip->opt_len);
		if (chance(r, 2)) /* stream identifier */
			memcpy(ip->opt + 4 * rng_below(r, ip->opt_len / 4),
			       "\x88\4\1\2", 4);
	}
	if (!ip->v6 || !chance(r, 4))
		return;
	ip->next = 1 + rng_below(r, 3);
	for (unsigned i = 0; i < ip->next; i++) {
		static const uint8_t kinds[3] = { 0, 60, 43 };

		ip->ext[i] = kinds[i ? 1 + rng_below(r, 2) : rng_below(r, 3)];
		ip->ext_units[i] = ip->ext[i] == 43 ? 0 : rng_below(r, 3);
	}
}

void random_tcp_opts(struct rng *r, struct super *s, unsigned words)
{
	uint8_t *o = s->opt;

	s->opt_len = 4 * words;
	memset(o, 1, s->opt_len);
	if (words >= 3 && chance(r, 2)) {
		memcpy(o, "\1\1\x8\xa", 4);
		for (unsigned i = 4; i < 12; i++)
			o[i] = rng_u32(r);
		o += 12;
		words -= 3;
	}
	if (words >= 3 && chance(r, 2)) {
		memcpy(o, "\1\1\5\xa", 4);
		for (unsigned i = 4; i < 12; i++)
			o[i] = rng_u32(r);
	} else if (words >= 2 && chance(r, 2)) {
		memcpy(o, "\xfd\7abcd\1\1", 8); /* of odd length */
	}
}

static void random_l4(struct rng *r, struct super *s)
{
	s->udp = chance(r, 3);
	s->sport = 1024 + rng_below(r, 60000);
	s->dport = 1024 + rng_below(r, 3000);
	s->flags = SUPER_ACK | (rng_u32(r) & 0x1ff);
	if (s->flags & SUPER_CWR && !s->udp)
		s->ecn = chance(r, 2);
	s->seq = chance(r, 4) ? -rng_below(r, 70000) : rng_u32(r);
	s->ack = rng_u32(r);
	s->win = rng_u32(r);
	s->urg = rng_u32(r);
	s->from = rng_u32(r);
	if (!s->udp && chance(r, 2))
		random_tcp_opts(r, s, rng_below(r, 11));
}

static void random_size(struct rng *r, struct super *s)
{
	uint32_t room = MTU - super_hdrs(s), segs, max;

	/* When it forwards, the kernel takes what follows the hop-by-hop header for
	 * TCP and adds what stands at TCP's data offset there to the segment's size
	 * (skb_gso_network_seglen()): leave room for 60 bytes. */
	if (s->ip.next && room > MTU - 40 - EXT_LEN - 60)
		room = MTU - 40 - EXT_LEN - 60;
	s->gso_size =
		chance(r, 3) ? room - rng_below(r, 4) : 1 + rng_below(r, room - 1);
	max = IP_MAX - super_hdrs(s);
	segs = max / s->gso_size;
	if (segs > (s->udp ? UDP_SEGS : SEGS))
		segs = s->udp ? UDP_SEGS : SEGS;
	segs = 1 + rng_below(r, segs);
	s->len = segs * s->gso_size;
	switch (rng_below(r, 4)) {
	case 0:
		break;
	case 1:
		s->len += 1;
		break;
	case 2:
		s->len += s->gso_size - 1;
		break;
	default:
		s->len += rng_below(r, s->gso_size);
	}
	/* What fits one segment is none for the kernel's reader of the
	 * virtio_net_hdr; but that counts TCP options as payload, and its
	 * segmentation then drops it. */
	if (s->len <= s->gso_size && s->opt_len)
		s->len = s->gso_size + 1;
	if (s->len > max)
		s->len = max;
}

void random_super(struct rng *r, struct super *ret, bool vxlan)
{
	memset(ret, 0, sizeof(*ret));
	random_ip(r, &ret->ip);
	random_l4(r, ret);
	ret->l2 = ret->vxlan = vxlan;
	if (vxlan) {
		random_ip(r, &ret->inner);
		ret->outer_csum = chance(r, 2);
		ret->vni = rng_u32(r) & 0xffffff;
		ret->vx_sport = rng_u32(r) | 0x8000;
	}
	random_size(r, ret);
}
