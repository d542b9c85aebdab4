/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tunnel.h - what plugins that encapsulate have in common: the outer IP header
 *
 * Theory of operation. All that encap() writes is known when the tunnel is opened,
 * but for a few fields; so a tunnel holds its outer headers as a *template*, made
 * once: the IP header by tun_init(), then the kind's own by tun_add(). For each
 * packet tun_push() puts the template in front and patches what the packet
 * decides: DS field and ECN, DF, IPv4 ID or IPv6 flow label. The kind patches its
 * own fields, and tun_finish() writes lengths and checksums of these layers.
 *
 * Choices, with their sources:
 *   - ECN at entry: RFC 6040 4.1, normal mode: the inner codepoint is copied. At
 *     exit: its figure 4. DSCP: copied at entry, or GUST_TUN_TOS; the inner one is
 *     left alone at exit (RFC 2983, the pipe model).
 *   - DF: set with GUST_TUN_DF, else copied from an inner IPv4 header (RFC 2003
 *     3.1), else clear (RFC 4213 3.2.1).
 *   - IPv4 ID: a counter of the tunnel; a superpacket takes as many as it has
 *     segments, so that those of its pieces are no other packet's (RFC 6864).
 *   - IPv6 flow label: 20 bits of the inner flow's hash (RFC 6438).
 *   - TTL: the tunnel's own (RFC 2003 3.1); the inner one is the forwarder's.
 *
 * On the way back tun_match() looks at the outer addresses, tun_strip() takes the
 * outer headers off. A fragment of an outer packet is refused: put together
 * first, or avoided by the path MTU.
 *
 * A tunnel judges by its own configuration alone: what is addressed to it in all
 * but the source is dropped (TUN_SOURCE). Where several tunnels differ in nothing
 * but their remote, the caller asks the one with that remote first.
 *
 * The first counters of every such plugin are TUN_COUNTER_NAMES.
 */
#ifndef PLUGINS_TUNNEL_H
#define PLUGINS_TUNNEL_H

#include <errno.h>
#include <gust/plugin.h>
#include <gust/seg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TUN_IP4_HLEN 20
#define TUN_IP6_HLEN 40
#define TUN_HDR_MAX 384 /* all outer headers of one level */
#define TUN_TTL 64
#define TUN_ECN_MASK 3
#define TUN_ECN_ECT1 1
#define TUN_ECN_CE 3

#define TUN_COUNTER_NAMES "ecn-suspicious", "fragments", "bad-inner", "wrong-inner"

enum tun_counter {
	TUN_C_ECN, /* combinations that no honest path makes (RFC 6040 4.2) */
	TUN_C_FRAGMENT, /* fragments of an outer packet */
	TUN_C_BAD_INNER, /* what is inside is malformed */
	TUN_C_WRONG_INNER, /* not what this kind carries */
	TUN_C_N
};

/* What is common to the tunnels of all kinds; first member of each kind's own.
 * Immutable but for `id`. */
struct tun {
	uint32_t flags; /* GUST_TUN_* */
	bool v6; /* outer */
	uint8_t tos; /* with GUST_TUN_TOS */
	uint8_t alen; /* of an address */
	uint8_t iphlen;
	uint8_t nlayer;
	uint16_t hlen; /* of all outer headers */
	uint8_t local[16], remote[16];
	struct gust_layer layer[4];
	uint8_t hdr[TUN_HDR_MAX];
	uint8_t pad[64]; /* what is written has a cache line to itself */
	_Atomic uint32_t id; /* IPv4 ID of the next packet */
	uint8_t pad2[60];
};

/* ---- configuration ---- */

static inline bool tun_addr_is_any(const uint8_t *a, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (a[i])
			return false;
	return true;
}

/* Multicast and broadcast; IPv4-mapped, which is no address on the wire. */
static inline bool tun_addr_no_unicast(const uint8_t *a, bool v6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (v6)
		return a[0] == 0xff || !memcmp(a, mapped, 12);
	return a[0] >= 224;
}

/* The lowest flag of `flags`, as the configuration calls it. */
static inline const char *tun_flag_name(uint32_t flags)
{
	static const char *const names[] = { "csum", "key",     "seq", "df", "l2",
					     "gue",  "remcsum", "any", "tos" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & 1u << i)
			return names[i];
	return "flags";
}

#define TUN_ERR(err, len, ...) (snprintf(err, len, __VA_ARGS__), -EINVAL)

/*
 * Check what every kind has. `known`: the flags that this kind has besides DF, ANY
 * and TOS. `udp`: a kind with ports, whose local address may be left to the
 * underlay (all zero). 0, or -EINVAL and a sentence that begins with the field.
 */
static inline int tun_check(const struct gust_tunnel_conf *c, uint32_t known,
			    bool udp, char *err, size_t err_len)
{
	unsigned alen = c->v6 ? 16 : 4;
	uint32_t odd =
		c->flags & ~(known | GUST_TUN_DF | GUST_TUN_ANY | GUST_TUN_TOS);

	if (odd)
		return TUN_ERR(err, err_len, "%s: a tunnel of kind %s has none",
			       tun_flag_name(odd), c->kind);
	if (tun_addr_is_any(c->remote, alen))
		return TUN_ERR(err, err_len,
			       "remote: missing, the address of the other end "
			       "expected");
	if (tun_addr_no_unicast(c->remote, c->v6))
		return TUN_ERR(err, err_len, "remote: a unicast address expected");
	if (!udp && tun_addr_is_any(c->local, alen))
		return TUN_ERR(err, err_len,
			       "local: missing, the outer source address expected");
	if (tun_addr_no_unicast(c->local, c->v6))
		return TUN_ERR(err, err_len, "local: a unicast address expected");
	if (c->v6 && c->flags & GUST_TUN_DF)
		return TUN_ERR(err, err_len,
			       "df: IPv6 has no such bit, never fragments on the "
			       "way");
	if (c->flags & GUST_TUN_TOS && c->tos & TUN_ECN_MASK)
		return TUN_ERR(err, err_len,
			       "tos: 0x%02x: the two ECN bits are the inner "
			       "packet's, a multiple of 4 expected",
			       c->tos);
	if (!udp && (c->port || c->sport_min || c->sport_max))
		return TUN_ERR(err, err_len, "port: a tunnel of kind %s has none",
			       c->kind);
	if (c->sport_min > c->sport_max)
		return TUN_ERR(err, err_len,
			       "source ports: %u to %u: first the lower one",
			       c->sport_min, c->sport_max);
	return 0;
}

/* ---- the template ---- */

/* The outer IP header, `proto` behind it, from a configuration that tun_check()
 * has passed. `t` is zero before. */
static inline void tun_init(struct tun *t, const struct gust_tunnel_conf *c,
			    uint8_t proto)
{
	uint8_t ttl = c->ttl ? c->ttl : TUN_TTL, *h = t->hdr;

	t->flags = c->flags;
	t->v6 = c->v6;
	t->tos = c->tos;
	t->alen = c->v6 ? 16 : 4;
	t->iphlen = c->v6 ? TUN_IP6_HLEN : TUN_IP4_HLEN;
	t->hlen = t->iphlen;
	t->nlayer = 1;
	t->layer[0].kind = c->v6 ? GUST_L_IPV6 : GUST_L_IPV4;
	memcpy(t->local, c->local, t->alen);
	memcpy(t->remote, c->remote, t->alen);
	if (c->v6) {
		h[0] = 0x60;
		h[6] = proto;
		h[7] = ttl;
	} else {
		h[0] = 0x45;
		h[8] = ttl;
		h[9] = proto;
	}
	memcpy(h + t->iphlen - 2 * t->alen, t->local, t->alen);
	memcpy(h + t->iphlen - t->alen, t->remote, t->alen);
	atomic_init(&t->id, 1);
}

/* `n` zero bytes more behind the template, a layer of its own. Returns where they
 * stand in it; t->hlen - n is their offset. */
static inline uint8_t *tun_add(struct tun *t, uint8_t kind, uint16_t n)
{
	uint8_t *h = t->hdr + t->hlen;

	t->layer[t->nlayer++] = (struct gust_layer){ kind, 0, t->hlen };
	t->hlen += n;
	return h;
}

/* ---- the inner packet ---- */

static inline uint8_t tun_get_ds(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* The outermost IP layer, right at the front or behind Ethernet's; NULL: none. */
static inline const struct gust_layer *tun_ip(const struct gust_pkt *p)
{
	const struct gust_layer *l = gust_seg_outer(p);

	return gust_seg_is_ip(l) ? l : NULL;
}

/* How many packets it will be on the wire. */
static inline uint32_t tun_segs(const struct gust_pkt *p)
{
	uint32_t n = p->len - p->hlen;

	if (!p->gso_size)
		return 1;
	if (p->gso_size == GUST_GSO_BY_FRAGS)
		return p->nfrag ? p->nfrag : 1;
	if (p->gso_type == GUST_GSO_UFO)
		n += 8; /* its gso_size counts the UDP header */
	return n ? (n + p->gso_size - 1) / p->gso_size : 1;
}

/* ---- encapsulation ---- */

/*
 * Put the template around `p` and patch its IP header. The kind's own headers begin
 * at p->head + t->iphlen. `hash`: of host->flow_hash(), for an IPv6 outside only.
 * `segs`: tun_segs(p). Lengths and checksums are not made. False: dropped by name.
 */
static inline bool tun_push(const struct gust_host *host, struct gust_worker *w,
			    struct tun *t, struct gust_pkt *p /*taken*/,
			    uint32_t hash, uint32_t segs)
{
	const struct gust_layer *l = tun_ip(p);
	const uint8_t *in = l ? p->head + l->off : NULL;
	uint8_t ds = in ? tun_get_ds(in) : 0, *h;
	bool df = t->flags & GUST_TUN_DF ||
		  (in && in[0] >> 4 == 4 && gust_get16(in + 6) & GUST_IP4_DF);

	/* one IP packet has 16 bits for its length, IPv6's counts what follows */
	if (!p->gso_size && p->len + t->hlen > UINT16_MAX + (t->v6 ? 40u : 0)) {
		host->drop(w, p, GUST_DROP_TOO_BIG);
		return false;
	}
	if (host->push(p, t->hdr, t->hlen, t->layer, t->nlayer)) {
		host->drop(w, p, GUST_DROP_TUNNEL_DEPTH);
		return false;
	}
	if (t->flags & GUST_TUN_TOS)
		ds = t->tos | (ds & TUN_ECN_MASK);
	h = p->head;
	if (t->v6) {
		gust_put32(h, UINT32_C(6) << 28 | (uint32_t)ds << 20 |
				      (hash & 0xfffff));
		return true;
	}
	h[1] = ds;
	gust_put16(h + 4, (uint16_t)atomic_fetch_add_explicit(
				  &t->id, segs, memory_order_relaxed));
	gust_put16(h + 6, df ? GUST_IP4_DF : 0);
	return true;
}

/* Is a CRC32c owed (SCTP)? What it will be, no header tells. */
static inline bool tun_owes_crc(const struct gust_pkt *p)
{
	return p->need & GUST_F_CSUM && p->nlayer &&
	       p->layer[p->nlayer - 1].kind == GUST_L_SCTP;
}

/* Lengths and checksums, after the last patch; payload is read only for an outer
 * checksum around what has none of its own, and of a single packet only (of a
 * superpacket the cut does it). */
static inline void tun_finish(const struct gust_host *host, const struct tun *t,
			      struct gust_pkt *p)
{
	host->fix_outer(p, t->nlayer);
	if (!(t->flags & GUST_TUN_CSUM) || p->gso_size)
		return;
	if (tun_owes_crc(p))
		host->csum_complete(p); /* the outer sum covers it */
	host->outer_sums(p);
}

/* ---- decapsulation ---- */

enum tun_match {
	TUN_OTHER, /* another tunnel's, or no tunnel's */
	TUN_OURS,
	TUN_SOURCE, /* ours but for the source, which is not the remote */
	TUN_FRAGMENT, /* ours, and only a part */
};

/* What tun_match() found. */
struct tun_found {
	uint32_t off; /* what the outer IP header carries begins here */
	uint8_t ds; /* outer DS field */
};

/* The IPv6 extension headers that the map has behind the outer header. RFC 2473
 * 4.1.1: a destination option may limit the encapsulations; that is the
 * encapsulator's. Returns the protocol at their end. */
static inline uint8_t tun_skip_ext(const struct gust_pkt *p, uint32_t *ret_off,
				   bool *ret_part)
{
	uint8_t nh = p->head[6];

	*ret_off = TUN_IP6_HLEN;
	for (unsigned i = 1; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];
		const uint8_t *h = p->head + l->off;

		if (l->kind < GUST_L_HOPOPTS || l->kind > GUST_L_DSTOPTS ||
		    l->off != *ret_off || !gust_seg_layer_ok(p, i))
			break;
		*ret_part |= (l->flags & GUST_LF_FRAGMENT) != 0;
		*ret_off += l->kind == GUST_L_FRAGHDR ? 8 : (h[1] + 1u) * 8;
		nh = h[0];
	}
	return nh;
}

/*
 * Whose is a packet that begins with an outer IP header and `proto` behind it, by
 * its addresses alone? *ret is set unless it is TUN_OTHER. A kind that has more to
 * tell its packets by (port, identifier) looks at that before it drops what comes
 * from elsewhere.
 */
static inline enum tun_match tun_match(const struct tun *t,
				       const struct gust_pkt *p, uint8_t proto,
				       struct tun_found *ret)
{
	const uint8_t *h = p->head, *src;
	bool part, same;

	if (!p->nlayer || p->layer[0].off || p->layer[0].kind != t->layer[0].kind ||
	    !gust_seg_layer_ok(p, 0))
		return TUN_OTHER;
	src = h + t->iphlen - 2 * t->alen;
	if (memcmp(src + t->alen, t->local, t->alen) &&
	    !tun_addr_is_any(t->local, t->alen))
		return TUN_OTHER;
	part = p->layer[0].flags & GUST_LF_FRAGMENT;
	ret->off = (h[0] & 15) * 4u;
	if ((t->v6 ? tun_skip_ext(p, &ret->off, &part) : h[9]) != proto)
		return TUN_OTHER;
	ret->ds = tun_get_ds(h);
	same = t->flags & GUST_TUN_ANY || !memcmp(src, t->remote, t->alen);
	if (part)
		return same ? TUN_FRAGMENT : TUN_OTHER;
	return same ? TUN_OURS : TUN_SOURCE;
}

/* Drop what tun_match() refused; p is neither TUN_OURS nor TUN_OTHER. */
static inline void tun_refuse(const struct gust_host *host, struct gust_worker *w,
			      enum tun_match m, struct gust_pkt *p /*taken*/)
{
	if (m == TUN_FRAGMENT)
		host->count(w, TUN_C_FRAGMENT, 1);
	host->drop(w, p,
		   m == TUN_SOURCE ? GUST_DROP_TUNNEL_SOURCE :
				     GUST_DROP_BAD_TUNNEL);
}

/* The sum of all bytes from `off` on, head and payload, `sum` added. */
static inline uint32_t tun_sum(const struct gust_host *host,
			       const struct gust_pkt *p, uint32_t off, uint32_t sum)
{
	uint32_t n = p->len - p->hlen, body;

	if (off >= p->hlen)
		return gust_sum_add(
			sum, host->payload_sum(p, off - p->hlen, p->len - off));
	sum = host->sum(sum, p->head + off, p->hlen - off);
	if (!n)
		return sum;
	body = gust_sum_fold_plain(host->payload_sum(p, 0, n));
	if ((p->hlen - off) & 1)
		body = (body & 0xff) << 8 | body >> 8;
	return gust_sum_add(sum, body);
}

/* Is the inner checksum still owed, or the packet one for many (a superpacket of the
 * transport inside), so that what covers it cannot be verified by reading? Neither
 * was on a wire in this form. */
static inline bool tun_owed(const struct gust_pkt *p)
{
	return p->gso_size || p->need & GUST_F_CSUM;
}

/* Verify the outer UDP checksum of a packet whose UDP header begins at `off`; true
 * also when there is none (whether that is allowed is the kind's to say: RFC 6935
 * 5). `udp`: the header's 8 bytes. */
static inline bool tun_udp_sum_ok(const struct gust_host *host, const struct tun *t,
				  const struct gust_pkt *p, uint32_t off,
				  const uint8_t *udp)
{
	const struct gust_layer *l = &p->layer[p->nlayer - 1];
	uint32_t sum = p->len - off + 17;

	if (!gust_get16(udp + 6) || tun_owed(p))
		return true;
	if (p->need & GUST_F_CSUM_OK && l->kind == GUST_L_UDP && l->off == off)
		return true;
	sum = host->sum(sum, p->head + t->iphlen - 2 * t->alen, 2 * t->alen);
	return gust_sum_fold_plain(tun_sum(host, p, off, sum)) == 0xffff;
}

/* ---- ECN at exit (RFC 6040 4.2, figure 4) ---- */

/* Rows: inner, columns: outer; Not-ECT, ECT(1), ECT(0), CE. */
#define TUN_ECN_ODD 0x10 /* "!!!": to be noticed */
#define TUN_ECN_DROP 0x20

static inline uint8_t tun_ecn_exit(uint8_t inner, uint8_t outer)
{
	static const uint8_t table[4][4] = {
		{ 0, 0 | TUN_ECN_ODD, 0 | TUN_ECN_ODD, TUN_ECN_ODD | TUN_ECN_DROP },
		{ 1, 1, 1, 3 },
		{ 2, 1, 2, 3 },
		{ 3, 3 | TUN_ECN_ODD, 3, 3 },
	};

	return table[inner & TUN_ECN_MASK][outer & TUN_ECN_MASK];
}

/* Write the ECN bits of an IP header; IPv4's checksum follows by difference (RFC
 * 1624), since the rest of the header is as it was verified. */
static inline void tun_set_ecn(uint8_t *ip, uint8_t ecn)
{
	uint16_t old = gust_get16(ip);
	uint32_t sum;

	if (ip[0] >> 4 == 6) {
		ip[1] = (ip[1] & ~(TUN_ECN_MASK << 4)) | ecn << 4;
		return;
	}
	ip[1] = (ip[1] & ~TUN_ECN_MASK) | ecn;
	sum = (uint16_t)~gust_get16(ip + 10) + (uint16_t)~old + gust_get16(ip);
	gust_put16(ip + 10, gust_sum_fold(sum));
}

/* Does an IP packet of `kind` begin at `n`? Anything else does for other kinds. */
static inline bool tun_version_ok(const struct gust_host *host,
				  const struct gust_pkt *p, uint32_t n,
				  uint8_t kind)
{
	uint8_t b;

	if (kind != GUST_L_IPV4 && kind != GUST_L_IPV6)
		return true;
	return host->peek(p, n, &b, 1) && b >> 4 == (kind == GUST_L_IPV4 ? 4 : 6);
}

/*
 * Take the outer headers off: `n` bytes, what is left is of `kind` (host->strip()),
 * and carry over what the path did to the outer ECN bits. `ds`: the outer field.
 * True: `p` is what was inside. False: dropped by name.
 */
static inline bool tun_strip(const struct gust_host *host, struct gust_worker *w,
			     struct gust_pkt *p /*taken*/, uint32_t n, uint8_t kind,
			     uint8_t ds)
{
	int r = -EINVAL;
	const struct gust_layer *l;
	uint8_t *ip, was, ecn;

	if (tun_version_ok(host, p, n, kind))
		r = host->strip(w, p, n, kind);
	if (r == -ENOBUFS || r == -ENOMEM) {
		host->drop(w, p, GUST_DROP_NO_PKT);
		return false;
	}
	if (r) {
		host->count(w, TUN_C_BAD_INNER, 1);
		host->drop(w, p, GUST_DROP_BAD_TUNNEL);
		return false;
	}
	l = tun_ip(p);
	if (!l)
		return true; /* ARP and the like: no ECN */
	ip = p->head + l->off;
	was = tun_get_ds(ip) & TUN_ECN_MASK;
	ecn = tun_ecn_exit(was, ds);
	if (ecn & TUN_ECN_ODD)
		host->count(w, TUN_C_ECN, 1);
	if (ecn & TUN_ECN_DROP) {
		host->drop(w, p, GUST_DROP_TUNNEL_ECN);
		return false;
	}
	if ((ecn & TUN_ECN_MASK) != was)
		tun_set_ecn(ip, ecn & TUN_ECN_MASK);
	return true;
}

/* ---- per-worker state ---- */

/* All that a kind without state of its own needs. */
struct tun_state {
	const struct gust_host *host;
	struct gust_worker *w;
};

static inline int tun_worker_open(const struct gust_host *host, void *instance,
				  struct gust_worker *w, void **ret_state)
{
	struct tun_state *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->w = w;
	*ret_state = s;
	return 0;
}

static inline void tun_worker_close(void *state, struct gust_batch out[2])
{
	free(state);
}

#endif
