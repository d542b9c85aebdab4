/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_sctp.c - the sctp plugin: segment(merge(x)) == x, whatever x is
 *
 * Input: two bytes of limits, then packets: flags, association, ID step, number of
 * chunk bytes, the chunk bytes. Headers and the CRC are made right unless a flag
 * says otherwise, so that the chunks are reached. What comes out must be what went
 * in, byte for byte and in order within each association, and every buffer must be
 * back.
 */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/sctp.c"
#include "base/rng.h"
#include "offload/plan.h"
#include "offload/registry.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/crc32c.h"
#include "wire/csum.h"

#define F_V6 0x01
#define F_ETH 0x02
#define F_EXT 0x04 /* IPv6: destination options */
#define F_DF 0x08
#define F_BAD_CRC 0x10
#define F_OWED 0x20 /* the CRC is owed */
#define F_RAW 0x40 /* one byte of the headers is changed afterwards */
#define F_PAD 0x80 /* 1200 bytes more, one well-formed DATA chunk */

#define PKTS_MAX 64
#define PKT_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	struct registry *reg;
	struct engine *eng;
	struct pkt_pool *pool;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
} g;

static struct {
	uint16_t l3, l4;
	bool used;
	uint32_t len;
	uint8_t b[PKT_MAX];
} sent[PKTS_MAX];

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
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 4096 };
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

static uint32_t headers(uint8_t *b, uint8_t flags, uint8_t assoc, uint16_t id,
			const uint8_t *chunks, uint32_t n)
{
	uint32_t l3 = flags & F_ETH ? 14 : 0, ext = 0;
	uint8_t *ip = b + l3, *l4;

	memset(b, 0, 100);
	if (l3)
		put16(b + 12, flags & F_V6 ? 0x86dd : 0x0800);
	if (flags & F_V6) {
		ext = flags & F_EXT ? 8 : 0;
		l4 = ip + 40 + ext;
		ip[0] = 0x60;
		put16(ip + 4, ext + SCTP_HLEN + n);
		ip[6] = ext ? 60 : 132;
		ip[7] = 64;
		ip[23] = 1;
		ip[39] = 2;
		if (ext)
			memcpy(ip + 40, "\x84\0\1\4", 4);
	} else {
		l4 = ip + 20;
		ip[0] = 0x45;
		put16(ip + 2, 20 + SCTP_HLEN + n);
		put16(ip + 4, id);
		put16(ip + 6, flags & F_DF ? IP4_DF : 0);
		ip[8] = 64;
		ip[9] = 132;
		put32(ip + 12, 0x0a000001);
		put32(ip + 16, 0x0a000002);
		put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	}
	put16(l4, assoc & 3);
	put16(l4 + 2, 9);
	put32(l4 + 4, assoc >> 4);
	memcpy(l4 + SCTP_HLEN, chunks, n);
	put32(l4 + 8, crc32c_field(crc32c(~0u, l4, SCTP_HLEN + n)));
	return l4 + SCTP_HLEN + n - b;
}

/* Build packet `i` from what is left of the input; bytes used, 0: no more. */
static size_t build(unsigned i, const uint8_t *d, size_t left, uint16_t *id)
{
	uint8_t chunks[1600];
	uint32_t n, used;
	uint8_t flags;

	if (left < 4)
		return 0;
	flags = d[0];
	n = d[3] < left - 4 ? d[3] : left - 4;
	used = 4 + n;
	memcpy(chunks, d + 4, n);
	if (flags & F_PAD) {
		memset(chunks + n, 7, 1200);
		put16(chunks + n, 3);
		put16(chunks + n + 2, 1200);
		n += 1200;
	}
	id[d[1] & 3] += (int8_t)d[2];
	sent[i].len = headers(sent[i].b, flags, d[1], id[d[1] & 3], chunks, n);
	if (flags & F_BAD_CRC)
		sent[i].b[sent[i].len - n - 1] ^= 1;
	if (flags & F_RAW) {
		uint8_t *ip = sent[i].b + (flags & F_ETH ? 14 : 0);

		ip[d[2] % 20] ^= d[1] >> 4;
		if (!(flags & F_V6) && ip[0] == 0x45) {
			put16(ip + 10, 0);
			put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
		}
	}
	return used;
}

/* As a port would bring it; NULL: refused. */
static struct gust_pkt *packet(unsigned i, uint8_t flags)
{
	enum dissect_start start = flags & F_ETH ? DISSECT_ETH : DISSECT_IP;
	struct gust_frag f;
	struct gust_pkt *p;

	CHECK(!slab_copy(g.pool, sent[i].b, sent[i].len, &f));
	p = pkt_new(g.pool);
	CHECK(p);
	memcpy(p->head, sent[i].b, sent[i].len < 100 ? sent[i].len : 100);
	p->hlen = p->len = sent[i].len < 100 ? sent[i].len : 100;
	f.p += p->hlen;
	f.len -= p->hlen;
	if (f.len)
		CHECK(!pkt_frag_add(p, &f));
	else
		frag_unref(&f);
	if (pkt_dissect(p, start) != DROP_NONE || !pkt_l4(p) ||
	    pkt_l4(p)->kind != GUST_L_SCTP || p->len != sent[i].len) {
		pkt_free(p);
		return NULL;
	}
	sent[i].l3 = pkt_l3(p)->off;
	sent[i].l4 = pkt_l4(p)->off;
	sent[i].used = false;
	/* one piece, as it would be in a port's slab */
	if (p->nfrag > 1) {
		uint8_t b[PKT_MAX];
		uint32_t n = pkt_payload_copy(p, 0, b, sizeof(b));

		pkt_payload_slice(p, 0, 0);
		CHECK(!slab_copy(g.pool, b, n, &f));
		CHECK(!pkt_frag_add(p, &f));
	}
	if (flags & F_OWED && !(flags & (F_BAD_CRC | F_RAW)))
		p->need = GUST_F_CSUM;
	return p;
}

static void check_super(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p);

	if (!p->gso_size)
		return;
	CHECK(p->gso_size == GUST_GSO_BY_FRAGS && p->gso_type == GUST_GSO_SCTP);
	CHECK(p->nfrag > 1 && p->need == GUST_F_CSUM);
	if (l3->kind == GUST_L_IPV4)
		CHECK(get16(p->head + l3->off + 2) == p->len - l3->off);
	else
		CHECK(get16(p->head + l3->off + 4) == p->len - l3->off - 40);
}

/* Does `b` belong to the association and direction of sent packet `i`? */
static bool same_assoc(unsigned i, const uint8_t *b, uint16_t l3, uint16_t l4)
{
	const uint8_t *a = sent[i].b;
	bool v4 = b[l3] >> 4 == 4;
	uint32_t off = v4 ? 12 : 8, n = v4 ? 8 : 32;

	return a[sent[i].l3] >> 4 == b[l3] >> 4 &&
	       !memcmp(a + sent[i].l3 + off, b + l3 + off, n) &&
	       !memcmp(a + sent[i].l4, b + l4, 4);
}

/* Each packet is the next one of its association. */
static void check_restored(struct gust_batch *out, unsigned n)
{
	struct gust_pkt *p;

	CHECK(out->n == n);
	while ((p = gust_batch_pop(out))) {
		uint8_t b[PKT_MAX];
		unsigned i = 0;

		CHECK(!p->gso_size && !(p->need & GUST_F_CSUM));
		CHECK(p->len <= sizeof(b));
		memcpy(b, p->head, p->hlen);
		pkt_payload_copy(p, 0, b + p->hlen, p->len);
		while (i < n && (sent[i].used ||
				 !same_assoc(i, b, pkt_l3(p)->off, pkt_l4(p)->off)))
			i++;
		CHECK(i < n && sent[i].len == p->len);
		CHECK(!memcmp(sent[i].b, b, p->len));
		sent[i].used = true;
		pkt_free(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct port_caps caps = { .mtu = PKT_MAX };
	struct gust_gro_req req = { 0 };
	struct gust_batch in, out;
	struct plan_stats st = { 0 };
	struct pkt_pool_stats ps;
	uint16_t id[4] = { 0, 65530, 7, 7 };
	unsigned n = 0;
	size_t used;

	if (size < 2)
		return 0;
	if (!g.pool)
		begin_all();
	req.max4 = req.max6 = 256 * (data[0] + 1);
	req.max_segs = data[1];
	gust_batch_init(&in);
	gust_batch_init(&out);
	for (size_t off = 2; n < PKTS_MAX; off += used) {
		struct gust_pkt *p;

		used = build(n, data + off, size - off, id);
		if (!used)
			break;
		p = packet(n, data[off]);
		if (!p)
			continue;
		n++;
		gust_batch_push(&in, p);
	}
	engine_gro(g.eng, &in, &req);
	for (struct gust_pkt *p = in.first; p; p = p->next)
		check_super(p);
	plan_fit(g.eng, &in, &caps, &out, &st);
	check_restored(&out, n);
	pkt_pool_stats(g.pool, &ps);
	CHECK(ps.pkt_free == ps.pkt_total);
	return 0;
}
