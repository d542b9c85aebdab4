/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gue.c - foo over UDP and Generic UDP Encapsulation, as Linux has them
 *
 * Kind "fou": UDP and the inner packet, nothing between; which protocol it is both
 * ends have to agree on (GUST_TUN_L2: Ethernet; otherwise IP, by its version). No
 * port is assigned to it.
 *
 * Kind "gue" (Linux include/net/gue.h, net/ipv4/fou_core.c; port 6080):
 *
 *	 0                   1                   2                   3
 *	|Ver|C|  Hlen   |  Proto/ctype  |        standard flags       |P|
 *	|R|           private flags, with P                            |
 *	|    checksum from here, with R |       it goes here, with R    |
 *	~    private data, as far as Hlen (words behind the first) says ~
 *
 * What is carried is named by its IP protocol number: 4, 41, or 143 for Ethernet
 * (RFC 8986 11.1). Version 1 has no header: the first bits are those of an IP
 * version; it is understood, not sent. Control messages (C) and flags that are not
 * in the picture are dropped, as Linux does: their fields' lengths are not known.
 * Private data without a flag is passed over.
 *
 * Remote checksum offload (R; draft-herbert-remotecsumoffload). The sender leaves in
 * the inner checksum field what a device would find there, the pseudo header's sum,
 * and says where summing begins and where the result goes; the outer UDP checksum
 * covers it all, and whoever has verified that knows the inner sum without reading
 * the payload again: what the outer one did not take from the headers.
 *
 * When the option is sent. It belongs to a packet whose inner checksum is *not*
 * there; the receiver would spoil a complete one. So it is put around single packets
 * that owe theirs (GUST_F_CSUM), and the packet's map then ends with the GUE header:
 * the innermost transport, whose checksum is owed to whoever completes checksums, is
 * now the outer UDP header, and local checksum offload at further depths builds on
 * that. Nothing is read here. A superpacket gets no option: who cuts it, a plugin or
 * the device, completes each segment's checksum, and a segment that is complete is
 * right without. Encapsulation of segments then is the same before and after the
 * cut. The limit of this: superpackets gain nothing by the flag, nor would they, as
 * local checksum offload makes their outer checksums of headers alone.
 *
 * When it is believed. Only with an outer checksum, which has to be right: without
 * one nothing would have protected the payload, and completing the inner checksum
 * would vouch for it. The place must be the checksum field of a transport that we
 * see there too, or lie behind all headers that we know; then the payload is copied,
 * since it may be shared. If the field held the right pseudo header's sum, the
 * packet counts as verified.
 *
 * IPv6 outside without UDP checksum (RFC 6935, 6936) is the tunnel's choice: without
 * GUST_TUN_CSUM it is sent and taken, with it a zero is refused. Over IPv4 zero
 * means that none was made and always passes (RFC 768).
 */
#include <stdlib.h>

#include "tunnel.h"

#define PROTO_IP4 4
#define PROTO_UDP 17
#define PROTO_IP6 41
#define PROTO_ETH 143

#define UDP_HLEN 8
#define GUE_HLEN 4
#define GUE_PORT 6080
#define GUE_CONTROL 0x20
#define GUE_HLEN_MASK 0x1f
#define GUE_F_PRIV 0x0001
#define GUE_PF_REMCSUM UINT32_C(0x80000000)
#define GUE_PRIV_LEN 4
#define REMCSUM_LEN 8 /* private flags and the option */

#define SPORT_MIN 49152
#define SPORT_MAX 65535

struct gue {
	struct tun tun;
	bool gue, l2, csum, remcsum;
	uint16_t port, sport_min;
	uint32_t sports; /* how many */
};

/* What stands between UDP and what is carried. */
struct shim {
	uint32_t len;
	uint8_t kind; /* of what is carried, for host->strip() */
	bool remcsum;
	uint16_t start, offset; /* from the inner packet's first byte */
};

enum { C_REMCSUM_SENT = TUN_C_N, C_REMCSUM_DONE, C_DIRECT };
static const char *const counters[] = { TUN_COUNTER_NAMES, "remcsum-sent",
					"remcsum-done", "direct", NULL };
static const char *const kinds[] = { "fou", "gue", NULL };

/* ---- configuration ---- */

static int check(const struct gust_tunnel_conf *c, bool gue, char *err,
		 size_t err_len)
{
	uint32_t known = GUST_TUN_CSUM | GUST_TUN_L2 | GUST_TUN_GUE |
			 (gue ? GUST_TUN_REMCSUM : 0);
	int r = tun_check(c, known, true, err, err_len);

	if (r)
		return r;
	if (c->flags & GUST_TUN_REMCSUM && !(c->flags & GUST_TUN_CSUM))
		return TUN_ERR(err, err_len,
			       "remcsum: csum expected, too: nothing else covers "
			       "the payload");
	if (!gue && !c->port)
		return TUN_ERR(err, err_len,
			       "port: missing, and none is assigned to kind %s",
			       c->kind);
	if (c->sport_max && !c->sport_min)
		return TUN_ERR(err, err_len,
			       "source ports: to %u: the first one is missing",
			       c->sport_max);
	if (c->opt_len)
		return TUN_ERR(err, err_len,
			       "options: a tunnel of kind %s has none", c->kind);
	return 0;
}

static int gue_open(const struct gust_host *host, const struct gust_tunnel_conf *c,
		    void **ret_tunnel, char *err, size_t err_len)
{
	bool gue = !strcmp(c->kind, "gue") || c->flags & GUST_TUN_GUE;
	struct gue *t;
	uint8_t *udp;
	int r = check(c, gue, err, err_len);

	if (r)
		return r;
	t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "no memory for a tunnel");
		return -ENOMEM;
	}
	t->gue = gue;
	t->l2 = c->flags & GUST_TUN_L2;
	t->csum = c->flags & GUST_TUN_CSUM;
	t->remcsum = c->flags & GUST_TUN_REMCSUM;
	t->port = c->port ? c->port : GUE_PORT;
	t->sport_min = c->sport_min ? c->sport_min : SPORT_MIN;
	t->sports = (c->sport_max ? c->sport_max : SPORT_MAX) - t->sport_min + 1u;
	tun_init(&t->tun, c, PROTO_UDP);
	udp = tun_add(&t->tun, GUST_L_UDP, UDP_HLEN);
	gust_put16(udp + 2, t->port);
	/* not zero: a checksum is wanted */
	gust_put16(udp + 6, t->csum ? 0xffff : 0);
	if (gue)
		tun_add(&t->tun, GUST_L_GUE, GUE_HLEN)[1] = PROTO_ETH;
	*ret_tunnel = t;
	return 0;
}

static void gue_close(void *tunnel)
{
	free(tunnel);
}

static uint16_t gue_overhead(const void *tunnel)
{
	const struct gue *t = tunnel;

	return t->tun.hlen + (t->remcsum ? REMCSUM_LEN : 0);
}

/* ---- encapsulation ---- */

/* Offset of the Internet checksum in a transport header, -1: it has none. */
static int csum_off(uint8_t kind)
{
	switch (kind) {
	case GUST_L_TCP:
		return 16;
	case GUST_L_UDP:
		return 6;
	case GUST_L_ICMP:
	case GUST_L_ICMP6:
		return 2;
	}
	return -1;
}

/* The innermost transport, NULL: none. A tunnel's header may follow it. */
static const struct gust_layer *transport(const struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i--;) {
		const struct gust_layer *l = &p->layer[i];

		if (gust_seg_is_ip(l))
			return NULL;
		if (csum_off(l->kind) >= 0 || l->kind == GUST_L_SCTP)
			return l;
	}
	return NULL;
}

/* Leave the inner checksum to the receiver, if it is not there yet. */
static bool leave_sum(const struct gust_host *host, struct gust_pkt *p,
		      struct shim *ret)
{
	const struct gust_layer *l = transport(p);

	if (!(p->need & GUST_F_CSUM) || p->gso_size || !l || csum_off(l->kind) < 0)
		return false;
	ret->start = l->off;
	ret->offset = l->off + csum_off(l->kind);
	gust_put16(p->head + ret->offset, gust_sum_fold_plain(host->pseudo_sum(p)));
	return true;
}

/* The option, behind a GUE header that has none; from here on the inner packet is
 * payload to whoever completes checksums. */
static bool add_option(const struct tun_state *s, const struct gue *t,
		       struct gust_pkt *p /*taken*/, const struct shim *h)
{
	uint8_t *g;

	if (s->host->head_insert(p, t->tun.hlen, REMCSUM_LEN)) {
		s->host->drop(s->w, p, GUST_DROP_TUNNEL_DEPTH);
		return false;
	}
	g = p->head + t->tun.hlen - GUE_HLEN;
	g[0] = REMCSUM_LEN / 4;
	gust_put16(g + 2, GUE_F_PRIV);
	gust_put32(g + 4, GUE_PF_REMCSUM);
	gust_put16(g + 8, h->start);
	gust_put16(g + 10, h->offset);
	p->nlayer = t->tun.nlayer;
	s->host->count(s->w, C_REMCSUM_SENT, 1);
	return true;
}

/* The IP protocol number of what a packet begins with, 0: not what this tunnel
 * carries. */
static uint8_t inner_proto(const struct gue *t, const struct gust_pkt *p)
{
	if (!p->nlayer || p->layer[0].off)
		return 0;
	switch (p->layer[0].kind) {
	case GUST_L_ETH:
		return t->l2 ? PROTO_ETH : 0;
	case GUST_L_IPV4:
		return t->l2 ? 0 : PROTO_IP4;
	case GUST_L_IPV6:
		return t->l2 ? 0 : PROTO_IP6;
	}
	return 0;
}

static void encap_one(const struct tun_state *s, struct gue *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out)
{
	uint8_t proto = inner_proto(t, p), *udp;
	struct shim h;
	uint32_t hash;
	bool left;

	if (!proto) {
		s->host->count(s->w, TUN_C_WRONG_INNER, 1);
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	hash = s->host->flow_hash(s->w, p);
	left = t->remcsum && leave_sum(s->host, p, &h);
	if (!tun_push(s->host, s->w, &t->tun, p, hash, tun_segs(p)))
		return;
	if (left && !add_option(s, t, p, &h))
		return;
	udp = p->head + t->tun.iphlen;
	gust_put16(udp,
		   t->sport_min + (uint16_t)((uint64_t)hash * t->sports >> 32));
	if (t->gue)
		udp[UDP_HLEN + 1] = proto;
	if (left) /* the outer checksum is owed, and not made here */
		s->host->fix_outer(p, t->tun.nlayer);
	else
		tun_finish(s->host, &t->tun, p);
	gust_batch_push(out, p);
}

static void gue_encap(void *state, void *tunnel, struct gust_batch *in,
		      struct gust_batch *out)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		encap_one(state, tunnel, p, out);
}

/* ---- decapsulation ---- */

/* Version 0: `b` has the first `n` bytes of `room`. The reason to drop it, or
 * GUST_DROP_N. */
static enum gust_drop read_header(const uint8_t *b, uint32_t n, uint32_t room,
				  struct shim *ret)
{
	uint16_t flags = gust_get16(b + 2);
	uint32_t opt = (b[0] & GUE_HLEN_MASK) * 4u, priv;

	if (GUE_HLEN + opt > room)
		return GUST_DROP_BAD_TUNNEL;
	if (b[0] & GUE_CONTROL || flags & ~GUE_F_PRIV)
		return GUST_DROP_TUNNEL_OPTION;
	ret->len = GUE_HLEN + opt;
	ret->kind = b[1] == PROTO_IP4 ? GUST_L_IPV4 :
		    b[1] == PROTO_IP6 ? GUST_L_IPV6 :
		    b[1] == PROTO_ETH ? GUST_L_ETH :
					GUST_L_NONE;
	if (!(flags & GUE_F_PRIV))
		return GUST_DROP_N;
	if (opt < GUE_PRIV_LEN)
		return GUST_DROP_BAD_TUNNEL;
	priv = gust_get32(b + GUE_HLEN);
	if (priv & ~GUE_PF_REMCSUM)
		return GUST_DROP_TUNNEL_OPTION;
	if (!(priv & GUE_PF_REMCSUM))
		return GUST_DROP_N;
	if (opt < REMCSUM_LEN)
		return GUST_DROP_BAD_TUNNEL;
	ret->remcsum = true;
	ret->start = gust_get16(b + 8);
	ret->offset = gust_get16(b + 10);
	return GUST_DROP_N;
}

/* What stands behind the UDP header, from `off` on. */
static enum gust_drop read_shim(const struct gust_host *host, const struct gue *t,
				const struct gust_pkt *p, uint32_t off,
				struct shim *ret)
{
	uint8_t b[GUE_HLEN + REMCSUM_LEN] = { 0 };
	uint32_t n = host->peek(p, off, b, sizeof(b));

	memset(ret, 0, sizeof(*ret));
	if (!t->gue) {
		ret->kind = t->l2 ? GUST_L_ETH : GUST_L_NONE;
		return GUST_DROP_N;
	}
	if (!n)
		return GUST_DROP_BAD_TUNNEL;
	switch (b[0] >> 6) {
	case 0:
		if (n < GUE_HLEN)
			return GUST_DROP_BAD_TUNNEL;
		return read_header(b, n, p->len - off, ret);
	case 1:
		ret->kind = b[0] >> 4 == 4 ? GUST_L_IPV4 :
			    b[0] >> 4 == 6 ? GUST_L_IPV6 :
					     GUST_L_NONE;
		return GUST_DROP_N;
	}
	return GUST_DROP_BAD_TUNNEL;
}

/* The sum of `n` bytes from `off` on, head and payload. */
static uint32_t sum_range(const struct gust_host *host, const struct gust_pkt *p,
			  uint32_t off, uint32_t n)
{
	uint32_t in_head, sum, body;

	if (off >= p->hlen)
		return host->payload_sum(p, off - p->hlen, n);
	in_head = p->hlen - off < n ? p->hlen - off : n;
	sum = host->sum(0, p->head + off, in_head);
	if (in_head == n)
		return sum;
	body = gust_sum_fold_plain(host->payload_sum(p, 0, n - in_head));
	if (in_head & 1)
		body = (body & 0xff) << 8 | body >> 8;
	return gust_sum_add(sum, body);
}

/*
 * The inner checksum. The outer UDP header begins at `off`, what is carried `n`
 * bytes behind; its checksum is right, so that everything from `off` on sums to the
 * complement of its pseudo header, and what is left without the bytes in front of
 * `start` is the sum that the sender left to us.
 */
static bool inner_sum(const struct gust_host *host, const struct gue *t,
		      const struct gust_pkt *p, uint32_t off, uint32_t n,
		      const struct shim *h, uint16_t *ret)
{
	uint32_t room = p->len - off - n, alen = t->tun.alen, front;

	if (h->start > h->offset || h->offset + 2u > room ||
	    (h->start | h->offset) & 1)
		return false;
	front = host->sum(p->len - off + PROTO_UDP,
			  p->head + t->tun.iphlen - 2 * alen, 2 * alen);
	front = gust_sum_add(front, sum_range(host, p, off, n + h->start));
	/* the field is the complement of what is left, ~front; a sum over bytes is
	 * never the zero whose complement is all ones */
	*ret = gust_sum_fold_plain(front);
	if (*ret == 0xffff)
		*ret = 0;
	return true;
}

/* Equal as ones' complement numbers. */
static bool same_sum(uint16_t a, uint16_t b)
{
	return a == b || ((a == 0 || a == 0xffff) && (b == 0 || b == 0xffff));
}

/* The transport layer whose checksum field is meant, NULL: none. */
static const struct gust_layer *field_of(const struct gust_pkt *p,
					 const struct shim *h)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];
		int at = csum_off(l->kind);

		if (at >= 0 && l->off == h->start && h->start + at == h->offset)
			return gust_seg_layer_ok(p, i) ? l : NULL;
	}
	return NULL;
}

/* Complete the inner checksum of `p`, which is what was carried. False: dropped. */
static bool put_sum(const struct tun_state *s, struct gust_pkt *p /*taken*/,
		    const struct shim *h, uint16_t sum)
{
	const struct gust_layer *l = field_of(p, h);
	uint8_t *field;

	p->need &= ~(uint32_t)GUST_F_CSUM_OK; /* of another field content */
	if (l) {
		field = p->head + h->offset;
		if (l == transport(p) &&
		    same_sum(gust_get16(field),
			     gust_sum_fold_plain(s->host->pseudo_sum(p))))
			p->need |= GUST_F_CSUM_OK;
		/* RFC 768: zero would mean that there is none */
		if (!sum && l->kind == GUST_L_UDP)
			sum = 0xffff;
	} else if (h->start >= p->hlen && h->offset + 2u <= p->len) {
		if (s->host->own_payload(s->w, p)) {
			s->host->drop(s->w, p, GUST_DROP_NO_SLAB);
			return false;
		}
		field = p->frag[0].p + (h->offset - p->hlen);
	} else {
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return false;
	}
	gust_put16(field, sum);
	s->host->count(s->w, C_REMCSUM_DONE, 1);
	return true;
}

/* Before the outer UDP header at `off` goes: if the packet's checksum flags are its,
 * they go, too; a checksum that is asked for is made first. */
static void settle_outer(const struct gust_host *host, struct gust_pkt *p,
			 uint32_t off, bool asked)
{
	const struct gust_layer *l = transport(p);

	if (!l || l->off != off)
		return;
	if (asked && p->need & GUST_F_CSUM)
		host->csum_complete(p);
	p->need &= ~(uint32_t)(GUST_F_CSUM | GUST_F_CSUM_OK);
}

/* A packet of ours with a right outer checksum. `f->off`: the UDP header. */
static void open_up(const struct tun_state *s, const struct gue *t,
		    struct gust_pkt *p /*taken*/, const struct tun_found *f,
		    bool covered, struct gust_batch *out)
{
	const struct gust_host *host = s->host;
	enum gust_drop why;
	uint16_t sum = 0;
	struct shim h;
	uint32_t n;

	why = read_shim(host, t, p, f->off + UDP_HLEN, &h);
	if (why != GUST_DROP_N) {
		host->drop(s->w, p, why);
		return;
	}
	if (t->gue && (h.kind == GUST_L_NONE || t->l2 != (h.kind == GUST_L_ETH))) {
		host->count(s->w, TUN_C_WRONG_INNER, 1);
		host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	n = UDP_HLEN + h.len;
	settle_outer(host, p, f->off, h.remcsum);
	/* owed still: by what is inside, and then nothing covers it; nor does one
	 * checksum cover a superpacket's segments */
	if (h.remcsum && (!covered || tun_owed(p) || p->gso_size)) {
		host->drop(s->w, p, GUST_DROP_BAD_CSUM);
		return;
	}
	if (h.remcsum && !inner_sum(host, t, p, f->off, n, &h, &sum)) {
		host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	if (!tun_strip(host, s->w, p, f->off + n, h.kind, f->ds))
		return;
	if (h.remcsum && !put_sum(s, p, &h, sum))
		return;
	if (t->gue && !h.len)
		host->count(s->w, C_DIRECT, 1);
	gust_batch_push(out, p);
}

/* A superpacket that did not leave this daemon comes whole, whatever its size. */
static bool length_ok(const struct gust_pkt *p, uint32_t n, uint16_t said)
{
	return said == (p->gso_size && n > UINT16_MAX ? 0 : n);
}

static void decap_one(const struct tun_state *s, const struct gue *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out,
		      struct gust_batch *rest)
{
	struct tun_found f;
	enum tun_match m = tun_match(&t->tun, p, PROTO_UDP, &f);
	uint8_t udp[UDP_HLEN];
	uint16_t sum;

	/* a fragment does not say which port it is for */
	if (m == TUN_OTHER || m == TUN_FRAGMENT ||
	    s->host->peek(p, f.off, udp, UDP_HLEN) < UDP_HLEN ||
	    gust_get16(udp + 2) != t->port) {
		gust_batch_push(rest, p);
		return;
	}
	if (m != TUN_OURS) {
		tun_refuse(s->host, s->w, m, p);
		return;
	}
	if (!length_ok(p, p->len - f.off, gust_get16(udp + 4))) {
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	sum = gust_get16(udp + 6);
	if ((!sum && t->tun.v6 && t->csum && !tun_owed(p)) ||
	    !tun_udp_sum_ok(s->host, &t->tun, p, f.off, udp)) {
		s->host->drop(s->w, p, GUST_DROP_BAD_CSUM);
		return;
	}
	open_up(s, t, p, &f, sum || tun_owed(p), out);
}

static void gue_decap(void *state, void *tunnel, struct gust_batch *in,
		      struct gust_batch *out, struct gust_batch *rest)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		decap_one(state, tunnel, p, out, rest);
}

/* ---- life ---- */

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "gue",
	.text = "tunnels: foo over UDP and GUE, with remote checksum offload",
	.counters = counters,
	.worker_open = tun_worker_open,
	.worker_close = tun_worker_close,
	.tunnels = kinds,
	.tunnel_open = gue_open,
	.tunnel_close = gue_close,
	.tunnel_overhead = gue_overhead,
	.encap = gue_encap,
	.decap = gue_decap,
};
