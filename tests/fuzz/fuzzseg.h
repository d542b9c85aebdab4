/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzzseg.h - a superpacket from fuzzed bytes, an engine, and what must hold
 *
 * Input of every target: 12 bytes, then the packet.
 *
 *	0	F_* how the packet is made
 *	1	R_* what is asked
 *	2, 3	gso_size
 *	4	segments in a piece, 0 taken as 1
 *	5	GUST_F_* of the packet, low byte
 *	6	which field of the map lies, 0: none
 *	7	by how much
 *	8, 9	MTU
 *	10	gso type, F_TYPE: as it is; otherwise what the headers are
 *	11	the target's own
 *
 * A packet that is not a lie must come out as the bytes that went in; a lie may
 * be dropped or cut in any way that loses nothing and reads nothing else's bytes.
 */
#ifndef FUZZSEG_H
#define FUZZSEG_H

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "offload/engine.h"
#include "offload/registry.h"
#include "pkt/dissect.h"

#define MUST(x)                                                                    \
	do {                                                                       \
		if (!(x)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);    \
			abort();                                                   \
		}                                                                  \
	} while (0)

#define F_ETH 0x01
#define F_FIX_IP4 0x02
#define F_LONG 0x04 /* LONG_LEN patterned bytes behind, lengths fixed */
#define F_BIG 0x08 /* BIG_LEN */
#define F_PIECES 0x10 /* payload in many fragments of odd lengths */
#define F_TUNNEL 0x20 /* UDP and VXLAN around it, IPv6 with F_OUTER6 */
#define F_OUTER6 0x40
#define F_TYPE 0x80

#define R_CSUM 0x01
#define R_PARTIAL 0x02
#define R_FIXEDID 0x04 /* the map says that all IDs are one */
#define R_OUTER_SUM 0x08 /* the tunnel wants a UDP checksum */

#define HDR 12
#define PKT_MAX 2048
#define LONG_LEN 8000
#define BIG_LEN 70000
#define VXLAN_LEN 22

/* Both sides of a fuzz target are one program: the descriptor is linked in. */
struct rig {
	struct pkt_pool *pool;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
	struct registry *reg;
	struct engine *eng;
};

static struct rig rig;
static uint8_t raw[PKT_MAX + BIG_LEN];

static inline uint32_t u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline void p16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline uint32_t u32(const uint8_t *p)
{
	return u16(p) << 16 | u16(p + 2);
}

static inline void rig_init(const struct gust_plugin *const *plugin, unsigned n)
{
	struct pkt_limits lim = { .slab_len = 256 << 10,
				  .slab_max = 16,
				  .pkt_max = 2048 };
	struct engine_conf c = { 0 };
	struct gust_batch held[2];
	struct engine_set set;
	char err[256];

	if (rig.pool)
		return;
	rig.pool = pkt_pool_new(&lim);
	rng_seed(&rig.rng, 1);
	rig.env.now_us = 1;
	rig.env.rng = &rig.rng;
	c.pool = rig.pool;
	c.drops = &rig.drops;
	c.env = &rig.env;
	rig.reg = registry_new();
	rig.eng = engine_new(&c);
	for (unsigned i = 0; i < n; i++)
		MUST(!registry_add(rig.reg, plugin[i], err, sizeof(err)));
	registry_set(rig.reg, &set);
	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	MUST(!engine_set(rig.eng, &set, held, err, sizeof(err)));
	MUST(!held[0].n && !held[1].n);
}

/* No packet, no slab may be out, and nobody was at fault. */
static inline void rig_check(void)
{
	struct pkt_pool_stats st;
	struct engine_stats es[4];
	unsigned n = engine_stats(rig.eng, es, 4);

	pkt_pool_stats(rig.pool, &st);
	MUST(st.pkt_free == st.pkt_total && st.slab_free == st.slab_total);
	for (unsigned i = 0; i < n; i++)
		MUST(!es[i].faults && !es[i].disabled);
}

static inline uint64_t rig_drops(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DROP_REASONS; i++)
		n += rig.drops.n[i];
	return n;
}

/* ---- sums, two bytes at a time ---- */

static inline uint32_t sum16(uint32_t sum, const uint8_t *p, uint32_t n)
{
	uint64_t all = sum;

	for (uint32_t i = 0; i + 1 < n; i += 2)
		all += u16(p + i);
	if (n & 1)
		all += (uint32_t)p[n - 1] << 8;
	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return all;
}

static inline bool l4_ok(const uint8_t *ip, uint8_t proto, const uint8_t *l4,
			 uint32_t n)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t tail[8] = { n >> 24, n >> 16, n >> 8, n, 0, 0, 0, proto };
	uint32_t sum = sum16(0, v4 ? ip + 12 : ip + 8, v4 ? 8 : 32);

	return sum16(sum16(sum, tail, 8), l4, n) == 0xffff;
}

/* ---- making it ---- */

static inline void fix_ip4(uint8_t *ip, size_t len)
{
	size_t hlen;

	if (len < 20 || ip[0] >> 4 != 4)
		return;
	hlen = (ip[0] & 15) * 4;
	if (hlen < 20 || hlen > len)
		return;
	p16(ip + 10, 0);
	p16(ip + 10, ~sum16(0, ip, hlen));
}

/* Make the IP length, and a UDP length behind a plain header, cover `len`. */
static inline void fix_lens(uint8_t *ip, uint32_t len)
{
	if (len < 60)
		return;
	if (ip[0] >> 4 == 4) {
		p16(ip + 2, len > 65535 ? 0 : len);
		if (ip[9] == 17)
			p16(ip + (ip[0] & 15) * 4 + 4, len - (ip[0] & 15) * 4);
	} else {
		uint32_t body = len - 40;

		p16(ip + 4, body > 65535 ? 0 : body);
		if (ip[6] == 17)
			p16(ip + 44, body > 65535 ? 0 : body);
		if (!ip[6] && ip[42] == 0xc2) {
			p16(ip + 44, body >> 16);
			p16(ip + 46, body);
		}
	}
}

static inline struct gust_pkt *from_bytes(const uint8_t *b, uint32_t len)
{
	struct gust_slab *s = slab_new(rig.pool);
	struct gust_pkt *p;

	MUST(s);
	memcpy(s->data + GUST_HEADROOM, b, len);
	ASAN_POISON_MEMORY_REGION(s->data + GUST_HEADROOM + len, 4096);
	p = pkt_from_slab(rig.pool, s, s->data + GUST_HEADROOM, len);
	slab_unref(s);
	return p;
}

static inline uint8_t *flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len);

	memcpy(b, p->head, p->hlen);
	MUST(pkt_payload_copy(p, 0, b + p->hlen, p->len) == p->len - p->hlen);
	return b;
}

/* The same payload in small fragments, with gaps between them. */
static inline void shatter(struct gust_pkt *p)
{
	uint32_t n = pkt_payload_len(p), k = 1;
	uint8_t *b = flat(p);

	pkt_payload_slice(p, 0, 0);
	for (uint32_t off = 0; off < n; off += k, k = k * 3 % 1901 + 1) {
		struct gust_frag f, gap;

		if (k > n - off)
			k = n - off;
		MUST(!slab_copy(rig.pool, b + p->hlen + off, k, &f));
		MUST(!pkt_frag_add(p, &f));
		MUST(!slab_copy(rig.pool, "#", 1, &gap));
		frag_unref(&gap);
	}
	free(b);
}

static inline void enter_tunnel(struct gust_pkt *p, uint8_t flags, uint8_t req)
{
	bool v6 = flags & F_OUTER6;
	uint16_t n3 = v6 ? 40 : 20;
	struct gust_layer l[4] = {
		{ v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0, 0 },
		{ GUST_L_UDP, 0, n3 },
		{ GUST_L_VXLAN, 0, n3 + 8 },
		{ GUST_L_ETH, 0, n3 + 16 },
	};
	uint8_t *h = pkt_push(p, n3 + 8 + VXLAN_LEN);

	memset(h, 0, n3 + 8 + VXLAN_LEN);
	h[0] = v6 ? 0x60 : 0x45;
	h[v6 ? 6 : 9] = 17;
	if (!v6)
		p16(h + 4, 65530);
	p16(h + n3 + 6, req & R_OUTER_SUM ? 1 : 0);
	memmove(p->layer + 4, p->layer, p->nlayer * sizeof(p->layer[0]));
	memcpy(p->layer, l, sizeof(l));
	p->nlayer += 4;
}

static inline enum gust_gso natural_type(const struct gust_pkt *p, bool ufo)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	bool v4 = l3 && l3->kind == GUST_L_IPV4;

	if (l4 && l4->kind == GUST_L_UDP)
		return ufo ? GUST_GSO_UFO : v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	return v4 ? GUST_GSO_TCP4 : GUST_GSO_TCP6;
}

/* True: the map was changed. */
static inline bool lie(struct gust_pkt *p, uint8_t which, uint8_t by)
{
	struct gust_layer *l = &p->layer[(which >> 2) % GUST_LAYERS_MAX];

	if (!which)
		return false;
	switch (which & 3) {
	case 0:
		l->off += (int8_t)by * 257 / 256;
		break;
	case 1:
		l->kind = by;
		break;
	case 2:
		l->flags ^= by;
		break;
	case 3:
		p->nlayer = by % (GUST_LAYERS_MAX + 1);
		break;
	}
	return true;
}

/* The packet of an input; NULL: the dissector refuses it. */
static inline struct gust_pkt *make(const uint8_t *data, size_t size, bool ufo)
{
	uint8_t flags = data[0];
	uint32_t len = size - HDR, off = flags & F_ETH ? 14 : 0, more = 0;
	struct gust_pkt *p;

	memcpy(raw, data + HDR, len);
	if (flags & (F_LONG | F_BIG))
		more = flags & F_BIG ? BIG_LEN : LONG_LEN;
	for (uint32_t i = 0; i < more; i++)
		raw[len + i] = i * 7 + (i >> 8);
	if (len > off) {
		len += more;
		if (more)
			fix_lens(raw + off, len - off);
		if (flags & F_FIX_IP4)
			fix_ip4(raw + off, len - off);
	}
	p = from_bytes(raw, len);
	if (pkt_dissect(p, off ? DISSECT_ETH : DISSECT_IP) != DROP_NONE) {
		pkt_free(p);
		return NULL;
	}
	p->gso_size = u16(data + 2);
	p->gso_type = flags & F_TYPE ? data[10] % GUST_GSO_N : natural_type(p, ufo);
	p->need = data[5] &
		  (GUST_F_CSUM | GUST_F_CSUM_OK | GUST_F_ECN | GUST_F_ACCECN);
	if (flags & F_PIECES)
		shatter(p);
	if (flags & F_TUNNEL && !off)
		enter_tunnel(p, flags, data[1]);
	for (unsigned i = 0; data[1] & R_FIXEDID && i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_IPV4)
			p->layer[i].flags |= GUST_LF_FIXEDID;
	return p;
}

/* ---- what holds of any packet that comes out ---- */

/* Lengths and sums of every layer; `one`: the headers speak of that many payload
 * bytes (partial), 0: of all. */
static inline void check_layers(const struct gust_pkt *p, uint32_t one)
{
	uint8_t *b = flat(p), *ip = NULL;
	uint32_t len = one ? p->hlen + one : p->len;

	for (unsigned i = 0; i < p->nlayer; i++) {
		uint8_t *h = b + p->layer[i].off;
		uint32_t n = len - p->layer[i].off;
		bool udp = p->layer[i].kind == GUST_L_UDP;

		MUST(p->layer[i].off < p->hlen);
		switch (p->layer[i].kind) {
		case GUST_L_IPV4:
			ip = h;
			MUST(u16(h + 2) == (n > 65535 ? 0 : n));
			MUST(sum16(0, h, (h[0] & 15) * 4) == 0xffff);
			break;
		case GUST_L_IPV6:
			ip = h;
			MUST(u16(h + 4) == (n - 40 > 65535 ? 0 : n - 40));
			break;
		case GUST_L_UDP:
			MUST(u16(h + 4) == (n > 65535 ? 0 : n));
			/* fall through */
		case GUST_L_TCP:
			/* a superpacket's are made when it is cut */
			if (p->gso_size || p->need & GUST_F_CSUM ||
			    (udp && !u16(h + 6)))
				break;
			MUST(ip && l4_ok(ip, udp ? 17 : 6, h, n));
			break;
		}
	}
	free(b);
}

/* The map is the dissector's (of what is inside a tunnel). */
static inline void check_map(const struct gust_pkt *p, bool tunnel, bool eth)
{
	unsigned skip = 0;
	struct gust_pkt *q;
	uint16_t at;
	uint8_t *b;

	while (tunnel && p->layer[skip++].kind != GUST_L_ETH)
		;
	at = p->layer[skip].off;
	b = flat(p);
	q = from_bytes(b + at, p->len - at);
	MUST(pkt_dissect(q, eth ? DISSECT_ETH : DISSECT_IP) == DROP_NONE);
	MUST(q->len == p->len - at && q->nlayer == p->nlayer - skip);
	for (unsigned i = 0; i < q->nlayer; i++) {
		MUST(q->layer[i].kind == p->layer[i + skip].kind);
		MUST(q->layer[i].off == p->layer[i + skip].off - at);
		MUST(q->layer[i].flags ==
		     (p->layer[i + skip].flags & ~GUST_LF_FIXEDID));
	}
	pkt_free(q);
	free(b);
}

/* One input's request. */
static inline struct gust_gso_req request(const uint8_t *data)
{
	return (struct gust_gso_req){
		.step = u16(data + 2) * (data[4] ? data[4] : 1u),
		.mtu = u16(data + 8),
		.csum = data[1] & R_CSUM,
		.partial = data[1] & R_PARTIAL,
	};
}

static inline struct gust_batch run(struct gust_pkt *p,
				    const struct gust_gso_req *req)
{
	uint64_t before = rig_drops();
	struct gust_batch in, out;
	unsigned n;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	n = engine_gso(rig.eng, &in, req, &out);
	/* all or nothing, and nothing has a name */
	MUST(n <= 1 && rig_drops() == before + n);
	MUST((n == 1) == (out.n == 0));
	return out;
}

#endif
