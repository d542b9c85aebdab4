/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_gue.c - what a FOU or GUE tunnel takes from its underlay, whatever it is
 *
 * Input: T_* (the tunnel), P_* (the packet), then the packet, or with P_WRAP what
 * stands behind the UDP header. What comes out must be what was inside, byte for
 * byte but for congestion marks and a remote checksum; what is left must be
 * untouched; what is dropped has one name. Then it goes through the tunnel once
 * more, the other way, and must come back the same.
 *
 * mkcorpus_gue.py writes the corpus.
 */
#include "../../plugins/gue.c"

#include "fuzzseg.h"
#include "offload/engine_internal.h"

#define T_GUE 0x01
#define T_V6 0x02
#define T_L2 0x04
#define T_CSUM 0x08
#define T_ANY 0x10
#define T_REMCSUM 0x20

#define P_WRAP 0x01 /* right outer headers in front */
#define P_SUM 0x02 /* with a right UDP checksum */
#define P_PIECES 0x04
#define P_OK 0x08 /* the port vouches for the checksum */
#define P_OWED 0x10
#define P_STRANGER 0x20 /* from another host */
#define P_INNER 0x40 /* the inner IPv4 header's checksum is made right */
#define P_CE 0x80

#define PORT 5555
#define HEAD 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t addr[2][2][16] = {
	{ { 10, 0, 0, 1 }, { 10, 0, 0, 2 } },
	{ { 0x20, 1, [15] = 1 }, { 0x20, 1, [15] = 2 } },
};

static void *open_end(uint8_t t, unsigned side)
{
	bool v6 = t & T_V6, gue = t & T_GUE;
	struct gust_tunnel_conf c = {
		.kind = gue ? "gue" : "fou",
		.v6 = v6,
		.port = PORT,
		.flags =
			(t & T_L2 ? GUST_TUN_L2 : 0) |
			(t & T_CSUM ? GUST_TUN_CSUM : 0) |
			(t & T_ANY ? GUST_TUN_ANY : 0) |
			(gue && t & T_CSUM && t & T_REMCSUM ? GUST_TUN_REMCSUM : 0),
	};
	char err[256];
	void *ret;

	memcpy(c.local, addr[v6][side], 16);
	memcpy(c.remote, addr[v6][!side], 16);
	MUST(!gust_plugin.tunnel_open(&engine_host, &c, &ret, err, sizeof(err)));
	return ret;
}

/* ---- the packet ---- */

static void fix_inner(uint8_t t, uint8_t *b, uint32_t n)
{
	uint32_t off = 0;

	if (t & T_GUE && n && b[0] >> 6 == 0)
		off = 4 + (b[0] & 31) * 4u;
	if (t & T_L2)
		off += 14;
	if (off < n)
		fix_ip4(b + off, n - off);
}

/* Outer headers for the `n` bytes of body behind them; returns how many. */
static uint32_t wrap(uint8_t *b, uint8_t t, uint8_t f, uint32_t n)
{
	bool v6 = t & T_V6;
	uint32_t n3 = v6 ? 40 : 20, l4 = 8 + n;
	uint8_t *u = b + n3, tail[8] = { 0, 0, l4 >> 8, l4, 0, 0, 0, 17 };
	uint16_t sum;

	memset(b, 0, n3 + 8);
	b[0] = v6 ? 0x60 : 0x45;
	p16(b + (v6 ? 4 : 2), v6 ? l4 : 20 + l4);
	b[v6 ? 6 : 9] = 17;
	b[v6 ? 7 : 8] = 64;
	if (f & P_CE)
		b[1] |= v6 ? 0x30 : 3;
	memcpy(b + (v6 ? 8 : 12), addr[v6][0], v6 ? 16 : 4);
	memcpy(b + (v6 ? 24 : 16), addr[v6][1], v6 ? 16 : 4);
	if (f & P_STRANGER)
		b[v6 ? 9 : 13] ^= 1;
	fix_ip4(b, 20);
	p16(u, 50000);
	p16(u + 2, PORT);
	p16(u + 4, l4);
	if (f & P_SUM) {
		sum = ~sum16(
			sum16(sum16(0, b + (v6 ? 8 : 12), v6 ? 32 : 8), tail, 8), u,
			l4);
		p16(u + 6, sum ? sum : 0xffff);
	}
	return n3 + 8;
}

static struct gust_pkt *make_outer(const uint8_t *data, size_t size)
{
	uint8_t t = data[0], f = data[1];
	uint32_t n = size - HEAD, at = 0;
	struct gust_pkt *p;

	if (f & P_WRAP) {
		at = t & T_V6 ? 48 : 28;
		memcpy(raw + at, data + HEAD, n);
		if (f & P_INNER)
			fix_inner(t, raw + at, n);
		wrap(raw, t, f, n);
	} else {
		memcpy(raw, data + HEAD, n);
		fix_ip4(raw, n);
	}
	p = from_bytes(raw, at + n);
	if (pkt_dissect(p, DISSECT_IP) != DROP_NONE) {
		pkt_free(p);
		return NULL;
	}
	if (f & P_PIECES)
		shatter(p);
	if (f & P_OK)
		p->need |= GUST_F_CSUM_OK;
	if (f & P_OWED && pkt_l4(p))
		p->need |= GUST_F_CSUM;
	return p;
}

/* ---- what holds ---- */

static struct gust_pkt *run_decap(void *t, struct gust_pkt *p, bool *ret_rest)
{
	uint64_t before = rig_drops();
	struct gust_batch in, out, rest;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_init(&rest);
	gust_batch_push(&in, p);
	engine_decap(rig.eng, 0, t, &in, &out, &rest);
	MUST(!in.n && out.n + rest.n + (rig_drops() - before) == 1);
	*ret_rest = rest.n;
	return out.n ? out.first : rest.first;
}

static void check_rest(const struct gust_pkt *p, const uint8_t *was, uint32_t len,
		       uint32_t need)
{
	uint8_t *b = flat(p);

	MUST(p->len == len && p->need == need && !memcmp(b, was, len));
	free(b);
}

/* Where the inner packet begins, by the wire format alone; 0: nowhere. *ret_field:
 * where a remote checksum goes, from there; -1: nowhere. */
static uint32_t inner_at(uint8_t t, const uint8_t *b, uint32_t len, int *ret_field)
{
	uint32_t at = b[0] >> 4 == 4 ? (b[0] & 15) * 4u : 40, nh = b[6];
	uint16_t flags;

	*ret_field = -1;
	while (b[0] >> 4 == 6 && nh != 17) { /* extension headers */
		uint32_t n = nh == 44 ? 8 : (b[at + 1] + 1u) * 8;

		nh = b[at];
		at += n;
	}
	MUST(u16(b + at + 2) == PORT);
	at += 8;
	MUST(at <= len);
	if (!(t & T_GUE))
		return at;
	MUST(at < len);
	if (b[at] >> 6 == 1)
		return at;
	MUST(at + 4 <= len && !(b[at] & 0xe0));
	flags = u16(b + at + 2);
	MUST(!(flags & 0xfffe));
	if (flags) {
		MUST(b[at] && !(u32(b + at + 4) & 0x7fffffff));
		if (b[at + 4]) {
			MUST(b[at] >= 2);
			*ret_field = u16(b + at + 10);
		}
	}
	at += 4 + b[at] * 4u;
	MUST(at < len);
	return at;
}

static void check_out(const struct gust_pkt *p, uint8_t t, const uint8_t *was,
		      uint32_t len)
{
	uint32_t ip = p->layer[0].kind == GUST_L_ETH ? 14 : 0, at;
	uint8_t *b = flat(p);
	struct gust_pkt *q;
	int field;

	at = inner_at(t, was, len, &field);
	MUST(p->nlayer && p->len <= len - at);
	MUST((p->layer[0].kind == GUST_L_ETH) == !!(t & T_L2));
	for (unsigned i = 1; i < p->nlayer && p->layer[i].kind == GUST_L_VLAN; i++)
		ip += 4;
	for (uint32_t i = 0; i < p->len; i++) {
		/* ECN, surplus behind a UDP length, and their checksum */
		if (i >= ip && i < ip + 12 && p->nlayer > 1 - (ip == 0))
			continue;
		if (field >= 0 && (i == (uint32_t)field || i == field + 1u))
			continue;
		MUST(b[i] == was[at + i]);
	}
	/* the map is the dissector's */
	q = from_bytes(b, p->len);
	MUST(pkt_dissect(q, t & T_L2 ? DISSECT_ETH | DISSECT_ANY : DISSECT_IP) ==
	     DROP_NONE);
	MUST(q->len == p->len && q->hlen == p->hlen && q->nlayer == p->nlayer);
	MUST(!memcmp(q->layer, p->layer, p->nlayer * sizeof(p->layer[0])));
	pkt_free(q);
	free(b);
}

/* Once more through the tunnel, from the other side; checksums right, or owed. */
static void again(struct gust_pkt *p /*taken*/, uint8_t t, bool owed)
{
	const struct gust_layer *l4 = pkt_l4(p);
	void *from = open_end(t, 0), *to = open_end(t, 1);
	struct gust_batch in, out;
	uint8_t *want, *b;
	struct gust_pkt *q;
	uint32_t len;
	bool rest;

	if (l4)
		pkt_csum_complete(p);
	want = flat(p);
	len = p->len;
	if (owed && l4 && (l4->kind == GUST_L_TCP || l4->kind == GUST_L_UDP))
		p->need = GUST_F_CSUM;
	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, p);
	engine_encap(rig.eng, 0, from, &in, &out);
	MUST(out.n == 1);
	p = out.first;
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	check_layers(p, 0);
	b = flat(p);
	q = from_bytes(b, p->len);
	free(b);
	pkt_free(p);
	MUST(pkt_dissect(q, DISSECT_IP) == DROP_NONE);
	q = run_decap(to, q, &rest);
	MUST(!rest && q && q->len == len);
	b = flat(q);
	MUST(!memcmp(b, want, len));
	free(b);
	free(want);
	pkt_free(q);
	gue_close(from);
	gue_close(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gust_plugin *plugins[] = { &gust_plugin };
	uint32_t len, need;
	struct gust_pkt *p;
	uint8_t *was;
	void *t;
	bool rest;

	if (size < HEAD || size - HEAD > PKT_MAX)
		return 0;
	rig_init(plugins, 1);
	p = make_outer(data, size);
	if (!p)
		return 0;
	was = flat(p);
	len = p->len;
	need = p->need;
	t = open_end(data[0], 1);
	p = run_decap(t, p, &rest);
	gue_close(t);
	if (p && rest) {
		check_rest(p, was, len, need);
		pkt_free(p);
	} else if (p) {
		check_out(p, data[0], was, len);
		again(p, data[0], data[1] & P_OK);
	}
	free(was);
	rig_check();
	return 0;
}
