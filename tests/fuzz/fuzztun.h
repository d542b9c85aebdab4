/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzztun.h - decapsulation of fuzzed bytes, and what must hold
 *
 * Input of every target: which tunnel, T_* how the packet is made, then the packet,
 * which begins with its outer IP header.
 *
 * What is not the tunnel's comes back as it went in; what is dropped has a name; what
 * is taken out is bytes of the input (but for the ECN bits), is what a dissector
 * finds in them, and comes back the same when it is put in again and taken out.
 */
#ifndef FUZZTUN_H
#define FUZZTUN_H

#include "fuzzseg.h"

#define T_FIX 0x01 /* outer addresses, lengths and sums as they should be */
#define T_FIX_GRE 0x02 /* a GRE checksum, if there is room and a C bit */
#define T_PIECES 0x04 /* payload in many fragments */
#define T_CSUM_OK 0x08
#define T_FIX_IN 0x10 /* an IPv4 header behind the outer headers gets its sum */
#define T_OWED 0x40

#define TUN_MAX 2048

static const uint8_t here[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const uint8_t there[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };
static const uint8_t here4[4] = { 192, 0, 2, 1 }, there4[4] = { 192, 0, 2, 2 };

struct fuzz_tun {
	void *in, *back; /* this end and the other */
	void *fresh; /* this end, nothing received yet */
};

/* Both ends of a tunnel of this plugin. */
static inline struct fuzz_tun tun_pair(const struct gust_plugin *d,
				       const char *kind, bool v6, uint32_t flags,
				       uint32_t id)
{
	struct gust_tunnel_conf c = {
		.kind = kind, .v6 = v6, .flags = flags, .id = id
	};
	struct fuzz_tun t;
	char err[256];

	memcpy(c.local, v6 ? here : here4, v6 ? 16 : 4);
	memcpy(c.remote, v6 ? there : there4, v6 ? 16 : 4);
	MUST(!d->tunnel_open(&engine_host, &c, &t.in, err, sizeof(err)));
	MUST(!d->tunnel_open(&engine_host, &c, &t.fresh, err, sizeof(err)));
	memcpy(c.remote, v6 ? here : here4, v6 ? 16 : 4);
	memcpy(c.local, v6 ? there : there4, v6 ? 16 : 4);
	MUST(!d->tunnel_open(&engine_host, &c, &t.back, err, sizeof(err)));
	return t;
}

static inline void tun_unpair(const struct gust_plugin *d, struct fuzz_tun t)
{
	d->tunnel_close(t.in);
	d->tunnel_close(t.back);
	d->tunnel_close(t.fresh);
}

/* Where the outer header ends; `n`: nowhere. */
static inline uint32_t outer_end(const uint8_t *b, uint32_t n)
{
	if (n >= 20 && b[0] >> 4 == 4)
		return (b[0] & 15) * 4u;
	return n >= 40 && b[0] >> 4 == 6 ? 40 : n;
}

static inline void fix_outer(uint8_t *b, uint32_t n)
{
	if (n >= 40 && b[0] >> 4 == 6) {
		memcpy(b + 8, there, 16);
		memcpy(b + 24, here, 16);
		p16(b + 4, n - 40);
	} else if (n >= 20 && b[0] >> 4 == 4) {
		memcpy(b + 12, there4, 4);
		memcpy(b + 16, here4, 4);
		p16(b + 2, n);
		fix_ip4(b, n);
	}
}

/* Behind a GRE header whose length its bits say, or right there. */
static inline void fix_inner(uint8_t *b, uint32_t n, uint32_t at)
{
	bool gre = b[0] >> 4 == 4 ? b[9] == 47 : b[6] == 47;

	if (gre && at + 4 <= n) {
		uint8_t bits = b[at];
		bool eth = u16(b + at + 2) == 0x6558;

		at += 4 + 4 * (!!(bits & 0x80) + !!(bits & 0x20) + !!(bits & 0x10));
		at += eth ? 14 : 0;
	}
	if (at < n)
		fix_ip4(b + at, n - at);
}

static inline void fix_gre(uint8_t *b, uint32_t n, uint32_t at)
{
	if (at + 8 > n || !(b[at] & 0x80))
		return;
	p16(b + at + 4, 0);
	p16(b + at + 4, ~sum16(0, b + at, n - at));
}

/* NULL: the dissector refuses it. */
static inline struct gust_pkt *tun_make(const uint8_t *data, size_t size,
					uint8_t flags)
{
	struct gust_pkt *p;
	uint32_t at;

	memcpy(raw, data, size);
	at = outer_end(raw, size);
	if (flags & T_FIX_IN)
		fix_inner(raw, size, at);
	if (flags & T_FIX_GRE)
		fix_gre(raw, size, at);
	if (flags & T_FIX)
		fix_outer(raw, size);
	p = from_bytes(raw, size);
	if (pkt_dissect(p, DISSECT_IP) != DROP_NONE) {
		pkt_free(p);
		return NULL;
	}
	if (flags & T_PIECES)
		shatter(p);
	p->need = (flags & T_CSUM_OK ? GUST_F_CSUM_OK : 0) |
		  (flags & T_OWED ? GUST_F_CSUM : 0);
	return p;
}

/* The map is the dissector's. */
static inline void same_map(const struct gust_pkt *p, enum dissect_start start)
{
	uint8_t *b = flat(p);
	struct gust_pkt *q = from_bytes(b, p->len);

	MUST(pkt_dissect(q, start) == DROP_NONE);
	MUST(q->len == p->len && q->hlen == p->hlen && q->nlayer == p->nlayer);
	for (unsigned i = 0; i < q->nlayer; i++)
		MUST(q->layer[i].kind == p->layer[i].kind &&
		     q->layer[i].off == p->layer[i].off &&
		     q->layer[i].flags == p->layer[i].flags);
	pkt_free(q);
	free(b);
}

static inline struct gust_pkt *tun_decap(void *t, struct gust_pkt *p,
					 struct gust_pkt **ret_rest)
{
	struct gust_batch in, out, rest;
	uint64_t before = rig_drops();

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_init(&rest);
	gust_batch_push(&in, p);
	engine_decap(rig.eng, 0, t, &in, &out, &rest);
	MUST(out.n + rest.n + (rig_drops() - before) == 1);
	*ret_rest = gust_batch_pop(&rest);
	return gust_batch_pop(&out);
}

static inline struct gust_pkt *tun_encap(void *t, struct gust_pkt *p)
{
	struct gust_batch in, out;
	uint64_t before = rig_drops();

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	engine_encap(rig.eng, 0, t, &in, &out);
	MUST(out.n + (rig_drops() - before) == 1);
	return gust_batch_pop(&out);
}

/* What was inside goes through the tunnel once more, from the other end to this. */
static inline void again(struct fuzz_tun t, struct gust_pkt *p)
{
	uint32_t n = p->len;
	struct gust_pkt *rest;
	uint8_t *b, *c;

	/* outer checksums go by the inner one, which is to be right */
	if (pkt_l4(p))
		pkt_csum_complete(p);
	b = flat(p);
	p = tun_encap(t.back, p);
	if (p) {
		MUST(p->layer[0].off == 0);
		check_layers(p, 0);
		p = tun_decap(t.fresh, p, &rest);
		MUST(p && !rest && p->len == n);
		c = flat(p);
		MUST(!memcmp(b, c, n));
		free(c);
		pkt_free(p);
	}
	free(b);
}

/* The bytes, but for two bits and the sum that follows them, are the input's. */
static inline void is_from(const struct gust_pkt *p, uint32_t size)
{
	uint8_t *b = flat(p);
	uint32_t k, odd = 0;

	MUST(p->len < size);
	for (uint32_t off = 20; off + p->len <= size; off++) {
		odd = 0;
		for (k = 0; k < p->len && odd <= 8; k++)
			odd += b[k] != raw[off + k];
		if (k == p->len && odd <= 8)
			break;
	}
	/* an inner UDP length may shorten the packet: two bytes and a sum more */
	MUST(odd <= 8);
	free(b);
}

static inline void tun_one(struct fuzz_tun t, const uint8_t *data, size_t size,
			   uint8_t flags, bool l2)
{
	struct gust_pkt *p, *rest;
	uint8_t *was, *is;
	uint32_t len;

	p = tun_make(data, size, flags);
	if (!p)
		return;
	was = flat(p);
	len = p->len;
	p = tun_decap(t.in, p, &rest);
	if (rest) {
		is = flat(rest);
		MUST(rest->len == len && !memcmp(was, is, len));
		free(is);
		pkt_free(rest);
	} else if (p) {
		same_map(p, l2 ? DISSECT_ETH | DISSECT_ANY : DISSECT_IP);
		is_from(p, size);
		again(t, p);
	}
	free(was);
}

#endif
