/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vxgen_fuzz.h - decapsulation of VXLAN and Geneve: the rig of both fuzz targets
 *
 * Input: a byte that configures the tunnel, one about the packet, the outer DS
 * field, then bytes: with P_FIX those behind the outer UDP header, which is made
 * here with IP's; otherwise the whole packet. What holds whatever comes: a packet
 * ends in one place; another tunnel's is untouched; what comes out has the map of
 * its bytes, is the end of what went in, and a checksum that is said to be verified
 * is right; encapsulated anew it comes out again the same; every buffer is back.
 *
 * Includes behind the plugin's source, which defines gust_plugin.
 */
#ifndef TESTS_VXGEN_FUZZ_H
#define TESTS_VXGEN_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "offload/engine_internal.h"
#include "offload/registry.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/csum.h"

#define C_V6 0x01
#define C_CSUM 0x02
#define C_REMCSUM 0x04
#define C_ANY 0x08
#define C_L2 0x10
#define C_OPT 0x20

#define P_FIX 0x01
#define P_NOSUM 0x02 /* no outer checksum */
#define P_DEEP 0x04 /* the map goes on inside */
#define P_OK 0x08 /* verified by the port */
#define P_OWED 0x10
#define P_PIECES 0x20
#define P_IP4 0x40 /* an inner IPv4 header's checksum is made */

#define HDR 3
#define LEN_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct registry *reg;
	struct engine *eng;
	struct pkt_pool *pool;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
} g;

static uint8_t raw[LEN_MAX + 64];

#define CHECK(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			abort();                                                   \
	} while (0)

static void complain(void *arg, const char *plugin, const char *what)
{
	abort(); /* the engine found fault with it */
}

static void begin_all(void)
{
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 64 };
	struct engine_conf c = { 0 };
	struct gust_batch held;
	struct engine_set set;
	char err[256];

	gust_batch_init(&held);
	g.pool = pkt_pool_new(&lim);
	rng_seed(&g.rng, 1);
	g.env = (struct env){ .now_us = 1, .rng = &g.rng };
	c.pool = g.pool;
	c.drops = &g.drops;
	c.env = &g.env;
	c.fault = complain;
	g.reg = registry_new();
	g.eng = engine_new(&c);
	CHECK(!registry_add(g.reg, &gust_plugin, err, sizeof(err)));
	registry_set(g.reg, &set);
	CHECK(!engine_set(g.eng, &set, &held, err, sizeof(err)));
}

/* ---- tunnels ---- */

static const uint8_t our_opt[] = { 1, 2, 0x85, 1, 0, 0, 0, 9 };

/* `swap`: the other end. */
static void *tunnel(uint8_t flags, bool swap)
{
	struct gust_tunnel_conf c = { .kind = gust_plugin.tunnels[0],
				      .v6 = flags & C_V6,
				      .id = 7 };
	char err[256];
	void *t;

	memset(c.local, swap ? 0x22 : 0x11, 16);
	memset(c.remote, swap ? 0x11 : 0x22, 16);
	c.flags = (flags & C_ANY ? GUST_TUN_ANY : 0) |
		  (flags & C_L2 ? GUST_TUN_L2 : 0) |
		  (flags & (C_CSUM | C_REMCSUM) ? GUST_TUN_CSUM : 0);
	if (!strcmp(c.kind, "vxlan")) {
		c.flags |= flags & C_REMCSUM ? GUST_TUN_REMCSUM : 0;
	} else if (flags & C_OPT) {
		c.opt = our_opt;
		c.opt_len = sizeof(our_opt);
	}
	CHECK(!gust_plugin.tunnel_open(&engine_host, &c, &t, err, sizeof(err)));
	return t;
}

/* ---- packets ---- */

/* The checksum of an IPv4 header in the inner frame, or the inner packet. */
static void fix_inner(uint8_t *b, uint32_t n)
{
	uint32_t off = 8 + (gust_plugin.name[0] == 'g' ? (b[0] & 0x3f) * 4u : 0);

	if (off + 34 <= n && get16(b + off + 12) == 0x0800)
		off += 14;
	if (off + 20 > n || b[off] != 0x45)
		return;
	put16(b + off + 10, 0);
	put16(b + off + 10, csum_fold(csum_add(0, b + off, 20)));
}

/* Outer headers in front of `n` bytes; the length of all. */
static uint32_t outside(const uint8_t *data, uint8_t *b, uint32_t n, uint16_t port)
{
	bool v6 = data[0] & C_V6;
	uint32_t len = n + 8, ip = v6 ? 40 : 20;
	uint8_t *udp = b + ip;
	struct ipaddr src, dst;

	memset(b, 0, ip + 8);
	if (v6) {
		put32(b, 6u << 28 | (uint32_t)data[2] << 20);
		put16(b + 4, len);
		b[6] = 17;
		b[7] = 64;
		memset(b + 8, 0x22, 16);
		memset(b + 24, 0x11, 16);
		src = ipaddr_from6(b + 8);
		dst = ipaddr_from6(b + 24);
	} else {
		b[0] = 0x45;
		b[1] = data[2];
		put16(b + 2, ip + len);
		b[8] = 64;
		b[9] = 17;
		memset(b + 12, 0x22, 4);
		memset(b + 16, 0x11, 4);
		put16(b + 10, csum_fold(csum_add(0, b, 20)));
		src = ipaddr_from4(b + 12);
		dst = ipaddr_from4(b + 16);
	}
	put16(udp, 50000);
	put16(udp + 2, port);
	put16(udp + 4, len);
	if (!(data[1] & P_NOSUM)) {
		uint32_t sum = csum_pseudo(&src, &dst, 17, len);
		uint16_t c = csum_fold(csum_add(sum, udp, len));

		put16(udp + 6, c ? c : 0xffff);
	}
	return ip + len;
}

/* As a port makes one; NULL: the dissector refuses it. */
static struct gust_pkt *packet(const uint8_t *b, uint32_t n, unsigned start)
{
	struct gust_slab *s = slab_new(g.pool);
	struct gust_pkt *p;

	CHECK(s);
	memcpy(s->data + GUST_HEADROOM, b, n);
	s->used = GUST_HEADROOM + n;
	p = pkt_from_slab(g.pool, s, s->data + GUST_HEADROOM, n);
	CHECK(p);
	slab_unref(s);
	if (pkt_dissect(p, start) == DROP_NONE)
		return p;
	pkt_free(p);
	return NULL;
}

/* Payload in pieces of 7 bytes. */
static void shatter(struct gust_pkt *p)
{
	uint32_t n = pkt_payload_len(p);
	uint8_t *b = malloc(n ? n : 1);

	pkt_payload_copy(p, 0, b, n);
	pkt_payload_slice(p, 0, 0);
	for (uint32_t off = 0; off < n; off += 7) {
		uint32_t len = n - off < 7 ? n - off : 7;
		struct gust_frag f;

		CHECK(!slab_copy(g.pool, b + off, len, &f));
		CHECK(!pkt_frag_push(p, &f));
	}
	free(b);
}

static uint8_t *flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len);

	memcpy(b, p->head, p->hlen);
	pkt_payload_copy(p, 0, b + p->hlen, p->len);
	return b;
}

/* ---- what holds ---- */

static void check_map(const struct gust_pkt *p, const uint8_t *b)
{
	bool eth = p->nlayer && p->layer[0].kind == GUST_L_ETH;
	struct gust_pkt *q =
		packet(b, p->len, eth ? DISSECT_ETH | DISSECT_ANY : DISSECT_IP);

	CHECK(q && q->len == p->len && q->hlen == p->hlen &&
	      q->nlayer == p->nlayer);
	for (unsigned i = 0; i < q->nlayer; i++)
		CHECK(q->layer[i].kind == p->layer[i].kind &&
		      q->layer[i].off == p->layer[i].off &&
		      q->layer[i].flags == p->layer[i].flags);
	pkt_free(q);
}

/* The inner bytes are those that came, but for a checksum made here and the IP length
 * (and its checksum) of what was longer than its datagram. */
static void check_end(const struct gust_pkt *p, const uint8_t *b, const uint8_t *in,
		      uint32_t len)
{
	bool geneve = gust_plugin.name[0] == 'g';
	uint32_t off = 8, diff = 0, may = 0;

	if (geneve)
		off += (in[0] & 0x3f) * 4u;
	CHECK(off + p->len <= len);
	if (off + p->len < len)
		may += 4;
	if (!geneve && in[1] & 0x20)
		may += 2;
	for (uint32_t i = 0; i < p->len; i++)
		diff += b[i] != in[off + i];
	CHECK(diff <= may);
}

/* Out and in again. */
static void again(uint8_t flags, struct gust_pkt *p /*taken*/)
{
	void *a = tunnel(flags, false), *b = tunnel(flags, true);
	struct gust_batch in, out, rest, none;
	struct gust_pkt *q = pkt_clone(g.pool, p);
	uint8_t *want, *got, *wire;

	if (q->need & GUST_F_CSUM)
		pkt_csum_complete(q);
	want = flat(q);
	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_init(&rest);
	gust_batch_init(&none);
	gust_batch_push(&in, p);
	engine_encap(g.eng, 0, a, &in, &out);
	CHECK(out.n == 1);
	p = gust_batch_pop(&out);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	wire = flat(p);
	p->next = packet(wire, p->len, DISSECT_IP);
	CHECK(p->next);
	gust_batch_push(&in, p->next);
	pkt_free(p);
	engine_decap(g.eng, 0, b, &in, &out, &rest);
	/* a wrong inner checksum makes a wrong outer one */
	if (out.n) {
		p = out.first;
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		got = flat(p);
		CHECK(p->len == q->len && !memcmp(got, want, q->len));
		free(got);
	} else {
		q->need = 0;
		CHECK(!rest.n && (flags & (C_CSUM | C_REMCSUM)));
		CHECK(!pkt_csum_verify(q));
	}
	pkt_batch_free(&out);
	pkt_free(q);
	free(want);
	free(wire);
	gust_plugin.tunnel_close(a);
	gust_plugin.tunnel_close(b);
}

static void check_out(const uint8_t *data, struct gust_pkt *p /*taken*/,
		      const uint8_t *inner, uint32_t len)
{
	uint8_t *b = flat(p);

	check_map(p, b);
	/* ECN bits may go in from outside */
	if (data[1] & P_FIX && !(data[2] & 3))
		check_end(p, b, inner, len);
	if (p->need & GUST_F_CSUM_OK && !(data[1] & (P_OK | P_OWED))) {
		p->need = 0;
		CHECK(pkt_csum_verify(p));
	}
	free(b);
	again(data[0], p);
}

static uint64_t dropped(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DROP_REASONS; i++)
		n += g.drops.n[i];
	return n;
}

static void one(const uint8_t *data, struct gust_pkt *p, const uint8_t *inner,
		uint32_t len)
{
	void *t = tunnel(data[0], false);
	struct gust_batch in, out, rest;
	uint64_t before = dropped();
	uint8_t *was = flat(p);
	uint32_t n = p->len;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_init(&rest);
	gust_batch_push(&in, p);
	engine_decap(g.eng, 0, t, &in, &out, &rest);
	CHECK(out.n + rest.n + (dropped() - before) == 1);
	CHECK(!g.drops.n[DROP_PLUGIN_FAULT]);
	if (rest.n) {
		uint8_t *b = flat(rest.first);

		CHECK(rest.first->len == n && !memcmp(b, was, n));
		free(b);
		pkt_batch_free(&rest);
	}
	if (out.n)
		check_out(data, out.first, inner, len);
	free(was);
	gust_plugin.tunnel_close(t);
}

static int run(const uint8_t *data, size_t size, uint16_t port)
{
	struct pkt_pool_stats ps;
	struct gust_pkt *p;
	uint8_t *inner = raw;
	uint32_t n = size - HDR;

	if (size < HDR + 1 || size > LEN_MAX)
		return 0;
	if (!g.pool)
		begin_all();
	if (data[1] & P_FIX) {
		inner += data[0] & C_V6 ? 48 : 28;
		memcpy(inner, data + HDR, n);
		if (data[1] & P_IP4 && n >= 8)
			fix_inner(inner, n);
		n = outside(data, raw, n, port);
	} else {
		memcpy(raw, data + HDR, n);
	}
	p = packet(raw, n, DISSECT_IP | (data[1] & P_DEEP ? DISSECT_TUNNELS : 0));
	if (!p)
		return 0;
	if (data[1] & P_PIECES)
		shatter(p);
	if (data[1] & P_OWED)
		p->need = GUST_F_CSUM;
	else if (data[1] & P_OK)
		p->need = GUST_F_CSUM_OK;
	one(data, p, inner, size - HDR);
	pkt_pool_stats(g.pool, &ps);
	CHECK(ps.pkt_free == ps.pkt_total);
	return 0;
}

#endif
