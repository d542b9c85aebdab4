/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gre.c - GRE: gre around IP packets, gretap around Ethernet frames
 *
 * RFC 2784, with key and sequence number of RFC 2890; over IPv6 RFC 7676. A header
 * of four bytes, and four more for each of checksum, key, sequence number:
 *
 *	0	C 0 K S, nine reserved bits, version 0
 *	2	protocol: an EtherType; 0x6558 an Ethernet frame
 *	4	checksum and a reserved half, if C
 *		key, if K; sequence number, if S
 *
 * Whose a packet is, addresses, key and protocol tell: one with another key, or a
 * key where the tunnel has none, or a protocol that this kind does not carry, is
 * left to others. Bits 1, 4 and 5 must be zero (RFC 2784 2.3: routing, strict source
 * route, the recursion field's first), 6 to 12 are ignored.
 *
 * Checksum. Wanted with GUST_TUN_CSUM on the way in; on the way out one that is
 * there is verified, whether wanted or not, and one that is not there is not missed
 * (RFC 2784 makes it the sender's choice). It covers the header and what is inside;
 * host->fix_lengths() makes it from headers alone (local checksum offload).
 *
 * Sequence numbers. A superpacket takes as many as it has segments; the host's cut
 * counts them up from piece to piece, as IPv4 IDs. So superpackets stay whole with
 * them, too. (No port does that: to one that segments, the packet goes cut.) On the
 * way out a number that is not ahead of the last, modulo 2^32, is dropped
 * (tunnel_seq), and so is a packet without one; a gap is taken. A tunnel without
 * GUST_TUN_SEQ ignores numbers.
 *
 * Limits. Numbers are the tunnel's, whichever worker takes them: packets of several
 * workers may overtake one another between here and the wire, and the other end
 * then drops; such a tunnel is for one worker. A datagram that is still to be
 * fragmented (UFO) takes as many as its gso_size says; where the egress makes smaller
 * fragments, the surplus ones have numbers of the next packet. A sender that begins again from 0 is
 * not heard until it has passed the last number (RFC 2890 has no way to tell). No
 * PPTP (version 1), no RFC 1701 routing.
 */
#include <errno.h>
#include <stdlib.h>

#include "tunnel.h"

#define PROTO_GRE 47
#define GRE_HLEN 4
#define GRE_HLEN_MAX 16

#define GRE_C 0x8000
#define GRE_K 0x2000
#define GRE_S 0x1000
#define GRE_MUST_BE_0 0x4c00 /* bits 1, 4 and 5 */
#define GRE_VERSION 0x0007

#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd
#define TYPE_ETH 0x6558 /* transparent Ethernet bridging */

#define SEQ_SEEN (UINT64_C(1) << 32)

enum counter { BAD_CSUM = TUN_C_N, SEQ_OLD, SEQ_MISSING, SEQ_GAP };

static const char *const counters[] = { TUN_COUNTER_NAMES, "bad-checksum",
					"seq-old",         "seq-missing",
					"seq-gap",         NULL };

static const char *const tunnels[] = { "gre", "gretap", NULL };

struct gre {
	struct tun t;
	uint32_t key;
	bool l2;
	uint8_t seq_off; /* of the field in the GRE header */
	_Atomic uint32_t tx_seq; /* the next one */
	_Atomic uint64_t rx_seq; /* the last one, with SEQ_SEEN */
};

/* A header that was received. */
struct gre_head {
	uint16_t flags, type;
	uint32_t key, seq;
	uint16_t len;
};

/* ---- life ---- */

static void build(struct gre *u, const struct gust_tunnel_conf *c)
{
	bool csum = c->flags & GUST_TUN_CSUM, key = c->flags & GUST_TUN_KEY,
	     seq = c->flags & GUST_TUN_SEQ;
	uint8_t *h, at = GRE_HLEN;

	tun_init(&u->t, c, PROTO_GRE);
	h = tun_add(&u->t, GUST_L_GRE, GRE_HLEN + 4 * (csum + key + seq));
	gust_put16(h, (csum ? GRE_C : 0) | (key ? GRE_K : 0) | (seq ? GRE_S : 0));
	gust_put16(h + 2, u->l2 ? TYPE_ETH : TYPE_IP4);
	if (csum)
		at += 4;
	if (key) {
		gust_put32(h + at, u->key);
		at += 4;
	}
	u->seq_off = at;
}

static int tunnel_open(const struct gust_host *host,
		       const struct gust_tunnel_conf *c, void **ret_tunnel,
		       char *err, size_t err_len)
{
	const uint32_t known =
		GUST_TUN_CSUM | GUST_TUN_KEY | GUST_TUN_SEQ | GUST_TUN_L2;
	bool tap = !strcmp(c->kind, "gretap");
	struct gre *u;
	int r;

	if (!tap && strcmp(c->kind, "gre"))
		return TUN_ERR(err, err_len, "kind: %s: gre or gretap expected",
			       c->kind);
	r = tun_check(c, known, false, err, err_len);
	if (r)
		return r;
	if (c->id && !(c->flags & GUST_TUN_KEY))
		return TUN_ERR(err, err_len,
			       "id: %u: GRE's identifier is its key, which is not "
			       "asked for",
			       c->id);
	if (c->opt_len)
		return TUN_ERR(err, err_len,
			       "options: a tunnel of kind %s has none", c->kind);
	u = calloc(1, sizeof(*u));
	if (!u) {
		snprintf(err, err_len, "no memory for a tunnel");
		return -ENOMEM;
	}
	u->l2 = tap || c->flags & GUST_TUN_L2;
	u->key = c->id;
	build(u, c);
	*ret_tunnel = u;
	return 0;
}

static void tunnel_close(void *tunnel)
{
	free(tunnel);
}

static uint16_t tunnel_overhead(const void *tunnel)
{
	const struct gre *u = tunnel;

	return u->t.hlen;
}

/* ---- the way in ---- */

/* Is it what this tunnel carries? *ret_type: its EtherType. */
static bool carries(const struct gre *u, const struct gust_pkt *p,
		    uint16_t *ret_type)
{
	uint8_t kind =
		p->nlayer && !p->layer[0].off ? p->layer[0].kind : GUST_L_NONE;

	if (u->l2) {
		*ret_type = TYPE_ETH;
		return kind == GUST_L_ETH;
	}
	*ret_type = kind == GUST_L_IPV6 ? TYPE_IP6 : TYPE_IP4;
	return kind == GUST_L_IPV4 || kind == GUST_L_IPV6;
}

static void encap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out)
{
	struct tun_state *s = state;
	struct gre *u = tunnel;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		uint32_t hash = u->t.v6 ? s->host->flow_hash(s->w, p) : 0;
		uint32_t segs = tun_segs(p);
		uint16_t type;
		uint8_t *h;

		if (!carries(u, p, &type)) {
			s->host->count(s->w, TUN_C_WRONG_INNER, 1);
			s->host->drop(s->w, p, GUST_DROP_FILTERED);
			continue;
		}
		if (!tun_push(s->host, s->w, &u->t, p, hash, segs))
			continue;
		h = p->head + u->t.iphlen;
		gust_put16(h + 2, type);
		if (u->t.flags & GUST_TUN_SEQ)
			gust_put32(h + u->seq_off,
				   atomic_fetch_add_explicit(&u->tx_seq, segs,
							     memory_order_relaxed));
		tun_finish(s->host, &u->t, p);
		gust_batch_push(out, p);
	}
}

/* ---- the way out ---- */

/* 0; -EPROTO: malformed or another version; -EOPNOTSUPP: a bit that must be 0. */
static int parse(const struct gust_host *host, const struct gust_pkt *p,
		 uint32_t off, struct gre_head *ret)
{
	uint8_t b[GRE_HLEN_MAX];
	uint32_t n = host->peek(p, off, b, sizeof(b)), at = GRE_HLEN;

	if (n < GRE_HLEN)
		return -EPROTO;
	ret->flags = gust_get16(b);
	ret->type = gust_get16(b + 2);
	if (ret->flags & GRE_VERSION)
		return -EPROTO;
	if (ret->flags & GRE_MUST_BE_0)
		return -EOPNOTSUPP;
	ret->len = GRE_HLEN + 4 * (!!(ret->flags & GRE_C) + !!(ret->flags & GRE_K) +
				   !!(ret->flags & GRE_S));
	if (n < ret->len)
		return -EPROTO;
	if (ret->flags & GRE_C)
		at += 4;
	if (ret->flags & GRE_K) {
		ret->key = gust_get32(b + at);
		at += 4;
	}
	if (ret->flags & GRE_S)
		ret->seq = gust_get32(b + at);
	return 0;
}

/* Does a well-formed header name this tunnel? */
static bool is_mine(const struct gre *u, const struct gre_head *g)
{
	bool key = u->t.flags & GUST_TUN_KEY;

	if (key != !!(g->flags & GRE_K) || (key && g->key != u->key))
		return false;
	return u->l2 ? g->type == TYPE_ETH :
		       g->type == TYPE_IP4 || g->type == TYPE_IP6;
}

/* Is the number ahead of the last one, modulo 2^32 (RFC 2890 2.2)? Then it, or that of
 * the last of `n` segments, is the last. */
static bool seq_ahead(struct gre *u, uint32_t seq, uint32_t n, bool *ret_gap)
{
	uint64_t last = atomic_load_explicit(&u->rx_seq, memory_order_relaxed), now;

	do {
		uint32_t by = seq - (uint32_t)last;

		if (last & SEQ_SEEN && (!by || by > INT32_MAX))
			return false;
		*ret_gap = last & SEQ_SEEN && by > 1;
		now = SEQ_SEEN | (uint32_t)(seq + n - 1);
	} while (!atomic_compare_exchange_weak_explicit(&u->rx_seq, &last, now,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

/* The checks that a packet of this tunnel has to pass. False: dropped by name. */
static bool accept(struct tun_state *s, struct gre *u, struct gust_pkt *p,
		   uint32_t off, const struct gre_head *g)
{
	bool gap;

	if (g->flags & GRE_C && !tun_owed(p) &&
	    gust_sum_fold_plain(tun_sum(s->host, p, off, 0)) != 0xffff) {
		s->host->count(s->w, BAD_CSUM, 1);
		s->host->drop(s->w, p, GUST_DROP_BAD_CSUM);
		return false;
	}
	if (!(u->t.flags & GUST_TUN_SEQ))
		return true;
	if (!(g->flags & GRE_S)) {
		s->host->count(s->w, SEQ_MISSING, 1);
		s->host->drop(s->w, p, GUST_DROP_TUNNEL_SEQ);
		return false;
	}
	if (!seq_ahead(u, g->seq, tun_segs(p), &gap)) {
		s->host->count(s->w, SEQ_OLD, 1);
		s->host->drop(s->w, p, GUST_DROP_TUNNEL_SEQ);
		return false;
	}
	if (gap)
		s->host->count(s->w, SEQ_GAP, 1);
	return true;
}

static uint8_t inner_kind(uint16_t type)
{
	return type == TYPE_ETH ? GUST_L_ETH :
	       type == TYPE_IP6 ? GUST_L_IPV6 :
				  GUST_L_IPV4;
}

static void decap_one(struct tun_state *s, struct gre *u, struct gust_pkt *p,
		      struct gust_batch *out, struct gust_batch *rest)
{
	struct gre_head g = { 0 };
	struct tun_found f;
	enum tun_match m = tun_match(&u->t, p, PROTO_GRE, &f);
	int r = 0;

	if (m == TUN_OURS || m == TUN_SOURCE)
		r = parse(s->host, p, f.off, &g);
	if (m == TUN_OTHER || (m != TUN_FRAGMENT && !r && !is_mine(u, &g))) {
		gust_batch_push(rest, p);
	} else if (m != TUN_OURS) {
		tun_refuse(s->host, s->w, m, p);
	} else if (r) {
		s->host->drop(s->w, p,
			      r == -EOPNOTSUPP ? GUST_DROP_TUNNEL_OPTION :
						 GUST_DROP_BAD_TUNNEL);
	} else if (accept(s, u, p, f.off, &g) &&
		   tun_strip(s->host, s->w, p, f.off + g.len, inner_kind(g.type),
			     f.ds)) {
		gust_batch_push(out, p);
	}
}

static void decap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out, struct gust_batch *rest)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		decap_one(state, tunnel, p, out, rest);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "gre",
	.text = "GRE tunnels: gre, gretap; key, checksum, sequence numbers",
	.counters = counters,
	.worker_open = tun_worker_open,
	.worker_close = tun_worker_close,
	.tunnels = tunnels,
	.tunnel_open = tunnel_open,
	.tunnel_close = tunnel_close,
	.tunnel_overhead = tunnel_overhead,
	.encap = encap,
	.decap = decap,
};
