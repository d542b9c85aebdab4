/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udptun.h - what the tunnels in UDP with a 24-bit network identifier share: VXLAN
 * and Geneve
 *
 * Theory of operation. Behind the outer IP header (tunnel.h) stand UDP and the
 * kind's own header. Encapsulation patches the source port, from the hash of the
 * inner flow, so that paths and queues outside see as many flows as there are
 * inside (RFC 7348 5, RFC 8926 3.3).
 *
 * Decapsulation goes from what tells tunnels apart to what is judged: addresses,
 * port, identifier (another tunnel's goes on untouched); then source, checksum and
 * the kind's header, each with a named drop.
 *
 * Zero checksums. Over IPv4 a UDP checksum of zero is always taken (RFC 7348 5,
 * RFC 8926 3.3). Over IPv6 it is made and taken only by a tunnel without
 * GUST_TUN_CSUM: both ends have agreed on it (RFC 6935 5, RFC 6936 4).
 *
 * What the outer checksum says of the inner one. An outer sum that was verified
 * covers every byte, so that of the inner transport's segment is known without
 * reading it again: it is what the header bytes between leave over. If that is what
 * an inner checksum makes it, the packet is marked verified: of a tunnel with
 * checksums payload is read once, at any depth.
 */
#ifndef PLUGINS_UDPTUN_H
#define PLUGINS_UDPTUN_H

#include "tunnel.h"

#define UDPTUN_HLEN 8 /* UDP's */
#define UDPTUN_CSUM 6
#define UDPTUN_BASE 8 /* the kind's fixed header */
#define UDPTUN_PROTO 17
#define UDPTUN_ID_MAX 0xffffffu
#define UDPTUN_SPORT_MIN 49152 /* RFC 6335 6: dynamic ports */

/* The first member of each kind's tunnel. */
struct udptun {
	struct tun tun;
	uint32_t id;
	uint16_t port, sport_min;
	uint32_t sport_n; /* source ports */
};

/* ---- configuration ---- */

/* As tun_check(), and what the kinds with an identifier have. */
static inline int udptun_check(const struct gust_tunnel_conf *c, uint32_t known,
			       char *err, size_t err_len)
{
	int r = tun_check(c, known | GUST_TUN_CSUM, true, err, err_len);

	if (r)
		return r;
	if (c->id > UDPTUN_ID_MAX)
		return TUN_ERR(err, err_len,
			       "id: %u: a network identifier of 24 bits, at most "
			       "%u, expected",
			       c->id, UDPTUN_ID_MAX);
	if (!c->sport_min != !c->sport_max)
		return TUN_ERR(err, err_len,
			       "source ports: %u to %u: a range from 1 on, or "
			       "nothing, expected",
			       c->sport_min, c->sport_max);
	return 0;
}

/* IP and UDP of the template. `t` is zero before. */
static inline void udptun_init(struct udptun *t, const struct gust_tunnel_conf *c,
			       uint16_t port)
{
	uint8_t *udp;

	t->id = c->id;
	t->port = c->port ? c->port : port;
	t->sport_min = c->sport_min ? c->sport_min : UDPTUN_SPORT_MIN;
	t->sport_n = (c->sport_max ? c->sport_max : UINT16_MAX) - t->sport_min + 1u;
	tun_init(&t->tun, c, UDPTUN_PROTO);
	udp = tun_add(&t->tun, GUST_L_UDP, UDPTUN_HLEN);
	gust_put16(udp + 2, t->port);
	/* anything but zero: fix_lengths() makes it what it should be */
	if (c->flags & GUST_TUN_CSUM)
		gust_put16(udp + UDPTUN_CSUM, 0xffff);
}

/* ---- encapsulation ---- */

/* Put the template around `p`, with its source port; the kind's own header is
 * returned for its patches, tun_finish() follows. NULL: dropped by name. */
static inline uint8_t *udptun_push(const struct tun_state *s, struct udptun *t,
				   struct gust_pkt *p /*taken*/)
{
	uint32_t hash = s->host->flow_hash(s->w, p);
	uint8_t *udp;

	if (!tun_push(s->host, s->w, &t->tun, p, hash, tun_segs(p)))
		return NULL;
	udp = p->head + t->tun.iphlen;
	gust_put16(udp, t->sport_min + ((uint64_t)hash * t->sport_n >> 32));
	return udp + UDPTUN_HLEN;
}

/* ---- decapsulation ---- */

/* A packet on its way in. */
struct udptun_in {
	struct gust_pkt *p;
	enum tun_match match;
	struct tun_found f; /* f.off: of the UDP header */
	uint8_t udp[UDPTUN_HLEN + UDPTUN_BASE]; /* and the kind's fixed header */
	bool summed; /* the outer checksum was verified */
	uint32_t sum; /* then: of outer pseudo header and all that is taken off */
};

/* Is it for this tunnel's address and port? Then `in` is filled, or the packet is
 * dropped by name and in->p is NULL. */
static inline bool udptun_look(const struct tun_state *s, const struct udptun *t,
			       struct gust_pkt *p, struct udptun_in *in)
{
	uint32_t n;

	in->match = tun_match(&t->tun, p, UDPTUN_PROTO, &in->f);
	if (in->match == TUN_OTHER)
		return false;
	/* of fragments the first has ports; of the others nobody knows */
	if (in->match == TUN_FRAGMENT && p->layer[0].kind == GUST_L_IPV4 &&
	    gust_get16(p->head + 6) & 0x1fff)
		return false;
	n = s->host->peek(p, in->f.off, in->udp, sizeof(in->udp));
	if (n < UDPTUN_HLEN || gust_get16(in->udp + 2) != t->port)
		return false;
	in->p = p;
	if (n == sizeof(in->udp))
		return true;
	in->p = NULL;
	if (in->match == TUN_OURS)
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
	else
		tun_refuse(s->host, s->w, in->match, p);
	return true;
}

/* Judge what bears this tunnel's identifier: source, length, checksum. False:
 * dropped by name. */
static inline bool udptun_verify(const struct tun_state *s, const struct udptun *t,
				 struct udptun_in *in)
{
	const struct gust_host *host = s->host;
	struct gust_pkt *p = in->p;
	bool zero = !gust_get16(in->udp + UDPTUN_CSUM), owed = tun_owed(p);

	in->summed = !zero && !owed;
	if (in->match != TUN_OURS) {
		tun_refuse(host, s->w, in->match, p);
		return false;
	}
	/* of a superpacket it says what it likes */
	if (!p->gso_size && gust_get16(in->udp + 4) != p->len - in->f.off) {
		host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return false;
	}
	if ((zero && !owed && t->tun.v6 && t->tun.flags & GUST_TUN_CSUM) ||
	    !tun_udp_sum_ok(host, &t->tun, p, in->f.off, in->udp)) {
		host->drop(s->w, p, GUST_DROP_BAD_CSUM);
		return false;
	}
	return true;
}

/* Is the inner checksum right, by what the outer one has shown? Of IPv6 the ECN bits
 * may have been rewritten, and with them the sum, when the outer ones have their low
 * bit: such packets are verified later, as others are. */
static inline void udptun_inner_sum(const struct tun_state *s,
				    const struct udptun_in *in, uint32_t inner)
{
	struct gust_pkt *p = in->p;
	const struct gust_layer *l = p->nlayer ? &p->layer[p->nlayer - 1] : NULL;
	uint32_t sum;

	if (!in->summed || p->len != inner || in->f.ds & 1 ||
	    p->need & (GUST_F_CSUM | GUST_F_CSUM_OK) || !l)
		return;
	switch (l->kind) {
	case GUST_L_UDP:
		if (!gust_get16(p->head + l->off + UDPTUN_CSUM))
			return;
		break;
	case GUST_L_TCP:
	case GUST_L_ICMP6:
		break;
	default:
		return;
	}
	sum = s->host->sum(in->sum, p->head, l->off);
	/* outer segment and pseudo header sum to 0xffff: the rest is the inner
	 * segment's */
	sum = gust_sum_add(gust_sum_fold(sum), s->host->pseudo_sum(p));
	if (gust_sum_fold_plain(sum) == 0xffff)
		p->need |= GUST_F_CSUM_OK;
}

/*
 * Take everything in front of the inner packet off: `hlen` bytes behind UDP, of
 * which the first are in in->udp and the rest, if any, at `more`. False: dropped by
 * name.
 */
static inline bool udptun_strip(const struct tun_state *s, const struct udptun *t,
				struct udptun_in *in, uint32_t hlen,
				const uint8_t *more, uint8_t kind)
{
	const struct gust_host *host = s->host;
	uint32_t n = in->f.off + UDPTUN_HLEN + hlen;
	struct gust_pkt *p = in->p;
	uint32_t inner = p->len - n;

	if (in->summed) {
		in->sum = host->sum(inner + hlen + UDPTUN_HLEN + UDPTUN_PROTO,
				    p->head + t->tun.iphlen - 2 * t->tun.alen,
				    2 * t->tun.alen);
		in->sum = host->sum(in->sum, in->udp, sizeof(in->udp));
		if (hlen > UDPTUN_BASE)
			in->sum = host->sum(in->sum, more, hlen - UDPTUN_BASE);
	}
	if (!tun_strip(host, s->w, p, n, kind, in->f.ds))
		return false;
	udptun_inner_sum(s, in, inner);
	return true;
}

#endif
