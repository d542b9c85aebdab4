/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * geneve.c - Geneve tunnels (RFC 8926): Ethernet or IP in UDP, with options
 *
 *	|Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
 *	|        Virtual Network Identifier (VNI)       |    Reserved   |
 *	~                    options, Opt Len words                     ~
 *
 *	|          Option Class         |      Type     |R|R|R| Length  |
 *
 * Out: the options of the configuration stand in every packet, C is set when one
 * of them is critical (3.4). What a packet is, Ethernet or IP, says its map.
 *
 * In: another version is dropped (3.4); so are options whose lengths do not add up
 * to Opt Len (3.5). The list is always walked. A critical option (type's high bit)
 * that the tunnel's own configuration does not have, by class and type, is not known
 * here, and the packet is dropped (3.5), whatever C says; others are passed over.
 * Control messages (O) are dropped as tunnel_option and counted: they are for an
 * end point that speaks the protocol in them, and must not be forwarded (3.4), so
 * there is nobody to pass them up to.
 *
 * With GUST_TUN_L2 Ethernet alone is taken, for bridges.
 */
#include "udptun.h"

#define GENEVE_PORT 6081
#define GENEVE_HLEN UDPTUN_BASE

#define GENEVE_OPT_MAX 252 /* 63 words */
#define GENEVE_OPT_HLEN 4
#define GENEVE_VERSION(h) ((h)[0] >> 6)
#define GENEVE_OPT_LEN(h) (((h)[0] & 0x3f) * 4u)
#define GENEVE_O 0x80 /* byte 1 */
#define GENEVE_C 0x40
#define GENEVE_OPT_CRITICAL 0x80 /* in an option's type */

#define PROTO_ETH 0x6558
#define PROTO_IP4 0x0800
#define PROTO_IP6 0x86dd

struct geneve {
	struct udptun u;
	const uint8_t *opt; /* in the template */
	uint16_t opt_len;
};

enum { COUNT_CONTROL = TUN_C_N };
static const char *const counters[] = { TUN_COUNTER_NAMES, "control", NULL };

/* ---- options ---- */

/* Length of the option at `o`, of which `left` bytes are there; 0: beyond them. */
static uint32_t opt_len(const uint8_t *o, uint32_t left)
{
	uint32_t n;

	if (left < GENEVE_OPT_HLEN)
		return 0;
	n = GENEVE_OPT_HLEN + (o[3] & 0x1f) * 4u;
	return n <= left ? n : 0;
}

/* Do they fill `len` bytes? *ret_critical: one of them is critical. */
static bool opts_ok(const uint8_t *o, uint32_t len, bool *ret_critical)
{
	uint32_t n;

	for (*ret_critical = false; len; o += n, len -= n) {
		n = opt_len(o, len);
		if (!n)
			return false;
		*ret_critical |= (o[2] & GENEVE_OPT_CRITICAL) != 0;
	}
	return true;
}

/* Class and type are of one of ours; their lists are in order. */
static bool opt_known(const struct geneve *t, const uint8_t *o)
{
	uint32_t n;

	for (uint32_t at = 0; at < t->opt_len; at += n) {
		n = opt_len(t->opt + at, t->opt_len - at);
		if (!memcmp(t->opt + at, o, 3))
			return true;
	}
	return false;
}

/* Is there a critical one that we do not know? */
static bool opts_unknown(const struct geneve *t, const uint8_t *o, uint32_t len)
{
	uint32_t n;

	for (; len; o += n, len -= n) {
		n = opt_len(o, len);
		if (o[2] & GENEVE_OPT_CRITICAL && !opt_known(t, o))
			return true;
	}
	return false;
}

/* ---- configuration ---- */

static int tunnel_open(const struct gust_host *host,
		       const struct gust_tunnel_conf *c, void **ret_tunnel,
		       char *err, size_t err_len)
{
	int r = udptun_check(c, GUST_TUN_L2, err, err_len);
	struct geneve *t;
	bool critical;
	uint8_t *h;

	if (r)
		return r;
	if (c->opt_len > GENEVE_OPT_MAX)
		return TUN_ERR(err, err_len,
			       "options: %u bytes, at most %u expected", c->opt_len,
			       GENEVE_OPT_MAX);
	if (!opts_ok(c->opt, c->opt_len, &critical))
		return TUN_ERR(err, err_len,
			       "options: the lengths in them do not add up to %u "
			       "bytes",
			       c->opt_len);
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	udptun_init(&t->u, c, GENEVE_PORT);
	h = tun_add(&t->u.tun, GUST_L_GENEVE, GENEVE_HLEN + c->opt_len);
	h[0] = c->opt_len / 4;
	h[1] = critical ? GENEVE_C : 0;
	gust_put32(h + 4, c->id << 8);
	t->opt = h + GENEVE_HLEN;
	t->opt_len = c->opt_len;
	if (c->opt_len)
		memcpy(h + GENEVE_HLEN, c->opt, c->opt_len);
	*ret_tunnel = t;
	return 0;
}

static uint16_t tunnel_overhead(const void *tunnel)
{
	const struct geneve *t = tunnel;

	return t->u.tun.hlen;
}

/* ---- encapsulation ---- */

static uint16_t proto_of(const struct gust_pkt *p)
{
	switch (p->nlayer ? p->layer[0].kind : GUST_L_NONE) {
	case GUST_L_ETH:
		return PROTO_ETH;
	case GUST_L_IPV4:
		return PROTO_IP4;
	case GUST_L_IPV6:
		return PROTO_IP6;
	}
	return 0;
}

static void encap_one(const struct tun_state *s, struct geneve *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out)
{
	uint16_t proto = proto_of(p);
	uint8_t *h;

	if (!proto || (proto != PROTO_ETH && t->u.tun.flags & GUST_TUN_L2)) {
		s->host->count(s->w, TUN_C_WRONG_INNER, 1);
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	h = udptun_push(s, &t->u, p);
	if (!h)
		return;
	gust_put16(h + 2, proto);
	tun_finish(s->host, &t->u.tun, p);
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

/* The layer that begins the inner packet; GUST_L_NONE: none that we take. */
static uint8_t kind_of(const struct geneve *t, uint16_t proto)
{
	if (proto == PROTO_ETH)
		return GUST_L_ETH;
	if (t->u.tun.flags & GUST_TUN_L2)
		return GUST_L_NONE;
	return proto == PROTO_IP4 ? GUST_L_IPV4 :
	       proto == PROTO_IP6 ? GUST_L_IPV6 :
				    GUST_L_NONE;
}

/* Judge header and options (`opt`: room for them). GUST_L_NONE: dropped by name. */
static uint8_t header(const struct tun_state *s, const struct geneve *t,
		      const struct udptun_in *in, const uint8_t *h,
		      uint8_t opt[GENEVE_OPT_MAX])
{
	uint32_t len = GENEVE_OPT_LEN(h), off;
	enum gust_drop why = GUST_DROP_BAD_TUNNEL;
	uint8_t kind = GUST_L_NONE;
	bool critical = false;

	off = in->f.off + UDPTUN_HLEN + GENEVE_HLEN;
	if (h[1] & GENEVE_O) {
		s->host->count(s->w, COUNT_CONTROL, 1);
		why = GUST_DROP_TUNNEL_OPTION;
	} else if (len && (s->host->peek(in->p, off, opt, len) < len ||
			   !opts_ok(opt, len, &critical))) {
		why = GUST_DROP_BAD_TUNNEL;
	} else if (critical && opts_unknown(t, opt, len)) {
		why = GUST_DROP_TUNNEL_OPTION;
	} else {
		kind = kind_of(t, gust_get16(h + 2));
		if (kind == GUST_L_NONE)
			s->host->count(s->w, TUN_C_WRONG_INNER, 1);
	}
	if (kind == GUST_L_NONE)
		s->host->drop(s->w, in->p, why);
	return kind;
}

static void decap_one(const struct tun_state *s, const struct geneve *t,
		      struct gust_pkt *p /*taken*/, struct gust_batch *out,
		      struct gust_batch *rest)
{
	uint8_t opt[GENEVE_OPT_MAX], kind;
	struct udptun_in in;
	const uint8_t *h = in.udp + UDPTUN_HLEN;

	if (!udptun_look(s, &t->u, p, &in)) {
		gust_batch_push(rest, p);
		return;
	}
	if (!in.p)
		return;
	/* of another version nobody knows where the identifier is */
	if (GENEVE_VERSION(h)) {
		s->host->drop(s->w, p, GUST_DROP_BAD_TUNNEL);
		return;
	}
	if (gust_get32(h + 4) >> 8 != t->u.id) {
		gust_batch_push(rest, p);
		return;
	}
	if (!udptun_verify(s, &t->u, &in))
		return;
	kind = header(s, t, &in, h, opt);
	if (kind != GUST_L_NONE &&
	    udptun_strip(s, &t->u, &in, GENEVE_HLEN + GENEVE_OPT_LEN(h), opt, kind))
		gust_batch_push(out, p);
}

static void decap(void *state, void *tunnel, struct gust_batch *in,
		  struct gust_batch *out, struct gust_batch *rest)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		decap_one(state, tunnel, p, out, rest);
}

static const char *const kinds[] = { "geneve", NULL };

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "geneve",
	.text = "Geneve tunnels, with options",
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
