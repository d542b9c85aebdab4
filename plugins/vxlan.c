/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vxlan.c - VXLAN tunnels (RFC 7348): Ethernet in UDP
 *
 * Header: flags (8 bits, I: the identifier is valid), reserved (24), network
 * identifier (24), reserved (8). Reserved bits are zero on the way out and not
 * looked at on the way in, so that a peer's group policy (draft-smith-vxlan-group-
 * policy: G, D, A and 16 bits of group) passes and means nothing. Two bits are not
 * ignored, because the bytes behind them are not what they would be taken for: P of
 * VXLAN-GPE (there may be no Ethernet header), and C below without leave.
 *
 * Remote checksum offload (draft-herbert-vxlan-rco, as Linux has it): with bit C the
 * inner TCP or UDP checksum was not made. Its field holds the sum of the pseudo
 * header, the last byte says where it is (a bit for UDP or TCP, 7 bits of half the
 * offset of the transport header), and the outer checksum vouches for everything.
 *   - Out: a single packet that owes its inner checksum gets bit C, and owes the
 *     outer one instead, which a port can make that knows nothing of tunnels. For
 *     that its map ends with the VXLAN header. Of superpackets each segment has
 *     a field of its own; they go without, and the cut, which reads the payload
 *     anyhow, makes inner and outer sums of one reading.
 *   - In: the inner checksum is owed, and nobody reads for it. One that is not of
 *     the inner packet's own transport (but of one in a tunnel further in) is made
 *     here, in a private copy of the payload. Without outer checksum nothing
 *     would cover the payload: refused.
 */
#include "udptun.h"

#define VXLAN_PORT 4789
#define VXLAN_HLEN UDPTUN_BASE

#define VXLAN_I 0x08 /* byte 0 */
#define VXLAN_P 0x04 /* byte 0: GPE, byte 3 is the next protocol */
#define VXLAN_C 0x20 /* byte 1: remote checksum offload */
#define VXLAN_RCO 7 /* the byte with its data */
#define VXLAN_RCO_UDP 0x80 /* a UDP checksum; else TCP */
#define VXLAN_RCO_MAX 254 /* offset of the transport header, even */

#define TCP_CSUM 16

enum { COUNT_RCO_SENT = TUN_C_N, COUNT_RCO_DONE };
static const char *const counters[] = { TUN_COUNTER_NAMES, "remcsum-sent",
					"remcsum-done", NULL };

static int tunnel_open(const struct gust_host *host,
		       const struct gust_tunnel_conf *c, void **ret_tunnel,
		       char *err, size_t err_len)
{
	int r = udptun_check(c, GUST_TUN_L2 | GUST_TUN_REMCSUM, err, err_len);
	struct udptun *t;
	uint8_t *h;

	if (r)
		return r;
	if (c->flags & GUST_TUN_REMCSUM && !(c->flags & GUST_TUN_CSUM))
		return TUN_ERR(err, err_len,
			       "remcsum: the outer checksum has to cover what the "
			       "inner one does not, csum expected, too");
	if (c->opt_len)
		return TUN_ERR(err, err_len,
			       "options: a tunnel of kind %s has none", c->kind);
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	udptun_init(t, c, VXLAN_PORT);
	h = tun_add(&t->tun, GUST_L_VXLAN, VXLAN_HLEN);
	h[0] = VXLAN_I;
	gust_put32(h + 4, c->id << 8);
	*ret_tunnel = t;
	return 0;
}

static uint16_t tunnel_overhead(const void *tunnel)
{
	const struct udptun *t = tunnel;

	return t->tun.hlen;
}

/* ---- encapsulation ---- */

/* The innermost transport whose checksum may be left to the other end; NULL: none. */
static const struct gust_layer *transport(const struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i--;) {
		const struct gust_layer *l = &p->layer[i];

		if (l->kind == GUST_L_TCP || l->kind == GUST_L_UDP)
			return l;
		if (gust_seg_is_ip(l))
			break;
	}
	return NULL;
}

/* May the other end make the checksum of this packet? Then its field gets the pseudo
 * header's sum and the header's last byte is returned, which is not 0; 0: no. */
static uint8_t leave_sum(const struct gust_host *host, struct gust_pkt *p)
{
	const struct gust_layer *l = transport(p);
	bool udp = l && l->kind == GUST_L_UDP;

	if (p->gso_size || !(p->need & GUST_F_CSUM) || !l ||
	    l->off > VXLAN_RCO_MAX || l->off & 1)
		return 0;
	gust_put16(p->head + l->off + (udp ? UDPTUN_CSUM : TCP_CSUM),
		   gust_sum_fold_plain(host->pseudo_sum(p)));
	return l->off >> 1 | (udp ? VXLAN_RCO_UDP : 0);
}

static void encap_one(const struct tun_state *s, struct udptun *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out)
{
	uint8_t rco = 0, *h;

	if (!p->nlayer || p->layer[0].kind != GUST_L_ETH) {
		s->host->count(s->w, TUN_C_WRONG_INNER, 1);
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	if (t->tun.flags & GUST_TUN_REMCSUM)
		rco = leave_sum(s->host, p);
	h = udptun_push(s, t, p);
	if (!h)
		return;
	if (rco) {
		h[1] |= VXLAN_C;
		h[VXLAN_RCO] = rco;
		p->nlayer = t->tun.nlayer;
		s->host->fix_outer(p, p->nlayer); /* the outer sum is owed */
		s->host->count(s->w, COUNT_RCO_SENT, 1);
	} else {
		tun_finish(s->host, &t->tun, p);
	}
	gust_batch_push(out, p);
}

static void encap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		encap_one(state, tunnel, p, out);
}

/* ---- decapsulation ---- */

/* Make the checksum of what begins at `start`; its field is in the payload. */
static bool make_sum(const struct tun_state *s, struct gust_pkt *p, uint32_t start,
		     bool udp)
{
	uint32_t field = start + (udp ? UDPTUN_CSUM : TCP_CSUM) - p->hlen;
	uint16_t sum;

	if (s->host->own_payload(s->w, p))
		return false;
	sum = gust_sum_fold(tun_sum(s->host, p, start, 0));
	gust_put16(p->frag[0].p + field, !sum && udp ? 0xffff : sum);
	/* what covers it was verified, if at all, as it was before */
	p->need &= ~(uint32_t)GUST_F_CSUM_OK;
	return true;
}

/* Do for the inner packet what bit C asks for. Headers that the map knows are not
 * written to but for the transport's own field. */
static bool remote_sum(const struct tun_state *s, struct gust_pkt *p /*taken*/,
		       uint8_t rco)
{
	const struct gust_layer *l = transport(p);
	uint32_t start = (rco & ~VXLAN_RCO_UDP) * 2u;
	bool udp = rco & VXLAN_RCO_UDP;
	uint32_t end = start + (udp ? UDPTUN_CSUM : TCP_CSUM) + 2;

	if (l && l->off == start && udp == (l->kind == GUST_L_UDP)) {
		p->need = (p->need & ~(uint32_t)GUST_F_CSUM_OK) | GUST_F_CSUM;
	} else if (p->gso_size || start < p->hlen || end > p->len) {
		s->host->count(s->w, TUN_C_BAD_INNER, 1);
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return false;
	} else if (!make_sum(s, p, start, udp)) {
		s->host->drop(s->w, p, GUST_DROP_NO_SLAB);
		return false;
	}
	s->host->count(s->w, COUNT_RCO_DONE, 1);
	return true;
}

/* The header, what the bits do not say is ignored; false: dropped by name. */
static bool flags_ok(const struct tun_state *s, const struct udptun *t,
		     const struct udptun_in *in, const uint8_t *h)
{
	enum gust_drop why = GUST_DROP_TUNNEL_OPTION;

	if (!(h[0] & VXLAN_P)) {
		if (!(h[1] & VXLAN_C))
			return true;
		if (t->tun.flags & GUST_TUN_REMCSUM) {
			if (in->summed || tun_owed(in->p))
				return true;
			why = GUST_DROP_BAD_CSUM;
		}
	}
	s->host->drop(s->w, in->p, why);
	return false;
}

static void decap_one(const struct tun_state *s, const struct udptun *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out,
		      struct gust_batch *rest)
{
	struct udptun_in in;
	const uint8_t *h = in.udp + UDPTUN_HLEN;

	if (!udptun_look(s, t, p, &in)) {
		gust_batch_push(rest, p);
		return;
	}
	if (!in.p)
		return;
	/* RFC 7348 5: I must be set; without it there is no identifier */
	if (!(h[0] & VXLAN_I)) {
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	if (gust_get32(h + 4) >> 8 != t->id) {
		gust_batch_push(rest, p);
		return;
	}
	if (!udptun_verify(s, t, &in) || !flags_ok(s, t, &in, h) ||
	    !udptun_strip(s, t, &in, VXLAN_HLEN, NULL, GUST_L_ETH))
		return;
	if (h[1] & VXLAN_C && !remote_sum(s, p, h[VXLAN_RCO]))
		return;
	gust_batch_push(out, p);
}

static void decap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out, struct gust_batch *rest)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		decap_one(state, tunnel, p, out, rest);
}

static const char *const kinds[] = { "vxlan", NULL };

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "vxlan",
	.text = "VXLAN tunnels, with remote checksum offload",
	.counters = counters,
	.worker_open = tun_worker_open,
	.worker_close = tun_worker_close,
	.tunnels = kinds,
	.tunnel_open = tunnel_open,
	.tunnel_close = free,
	.tunnel_overhead = tunnel_overhead,
	.encap = encap,
	.decap = decap,
};
