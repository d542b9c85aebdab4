/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_reasm.c - reassembly under a stream of hostile fragments
 *
 * The input is a list of records: a fragment of a known pattern (family, id,
 * source, offset, length, "more", variant and ECN are the input's choice), raw
 * bytes that are dissected and, if they are a fragment, given in, or a step of
 * time. Small limits, so that each is reached.
 *
 * Checked after every record: a whole datagram has, at every offset, a byte
 * that some fragment had *there*, and no block that was never sent; what is held
 * stays within the limits. At the end everything expires and every packet and
 * slab is back.
 *
 * mkcorpus_ip.py writes the corpus and says what a record looks like.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip/reasm.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                    \
	do {                                                                       \
		if (!(x)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);    \
			abort();                                                   \
		}                                                                  \
	} while (0)

#define KEYS 128 /* 2 families, 4 sources, 16 ids */
#define BLOCKS 8192
#define BUDGET 500000 /* bytes of pattern in one run, for speed */
#define MAX_BYTES 100000
#define MAX_CTX 40

static struct pkt_pool *pool;
static struct rng rng;
static struct env env;
static struct reasm *r;
static uint8_t sent[KEYS][BLOCKS / 8];
static uint8_t raw[70000];
static uint32_t budget;

struct in {
	const uint8_t *p;
	size_t left;
};

static unsigned u8(struct in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static unsigned u16(struct in *in)
{
	unsigned hi = u8(in);

	return hi << 8 | u8(in);
}

static uint8_t pattern(unsigned key, uint32_t i, bool variant)
{
	if (i == 12) /* data offset of a TCP header of 20 bytes */
		return 0x50;
	return (key * 31 + i * 7 + (i >> 8) * 13) ^ (variant ? 0x55 : 0);
}

static struct gust_pkt *from_bytes(const uint8_t *b, uint32_t len)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p;

	MUST(s);
	memcpy(s->data + GUST_HEADROOM, b, len);
	s->used = GUST_HEADROOM + len;
	p = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, len);
	slab_unref(s);
	MUST(p);
	return p;
}

/* Raw bytes must not meddle with the patterns: their sources are 10.0.0.0/30 and
 * fd00::/126. */
static bool is_pattern_source(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p);
	const uint8_t *ip = p->head + l3->off;

	if (l3->kind == GUST_L_IPV4)
		return !memcmp(ip + 12, "\x0a\0\0", 3);
	return ip[8] == 0xfd;
}

static void check_whole(struct gust_pkt *w, int key)
{
	uint8_t *b = raw;
	uint32_t len, l4_len;

	MUST(w->nlayer && !(w->layer[w->nlayer - 1].flags & GUST_LF_FRAGMENT));
	MUST(w->len <= 65535 + 40 + 64);
	if (key >= 0) {
		const struct gust_layer *l3 = pkt_l3(w);
		uint32_t hl = l3->kind == GUST_L_IPV4 ? 20 : 40;

		len = w->len - l3->off - hl;
		l4_len = w->hlen - l3->off - hl;
		memcpy(b, w->head + l3->off + hl, l4_len);
		MUST(pkt_payload_copy(w, 0, b + l4_len, len - l4_len) ==
		     len - l4_len);
		for (uint32_t i = 0; i < len; i++) {
			MUST(b[i] == pattern(key, i, false) ||
			     b[i] == pattern(key, i, true));
			MUST(sent[key][i / 64] & 1 << (i / 8 % 8));
		}
		memset(sent[key], 0, sizeof(sent[key]));
	}
	pkt_free(w);
}

static void give(struct gust_pkt *p, int key)
{
	struct gust_pkt *whole;
	enum drop_reason why = reasm_input(r, p, &env, &whole);

	MUST(why < DROP_REASONS);
	MUST(!whole || why == DROP_NONE);
	if (whole)
		check_whole(whole, key);
}

static void pattern_fragment(struct in *in, unsigned op)
{
	bool v6 = op & 1, more = op & 4, variant = op & 8;
	unsigned key = u8(in) & 63, off = (u16(in) & 0x1fff) * 8, len = u16(in);
	unsigned hl = v6 ? 48 : 20, eth = op & 0x10 ? 14 : 0;
	uint8_t *b = raw + eth, proto = key & 4 ? 6 : 253;
	struct gust_pkt *p;

	if (len > 65535 - 20)
		len = 65535 - 20;
	if (len > budget)
		return;
	budget -= len;
	memset(raw, 0, 14);
	put16(raw + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		struct ipv6_hdr h = { .nh = IP6_NH_FRAGMENT,
				      .plen = len + 8,
				      .hop = 64,
				      .tclass = op >> 5 & 3 };

		h.src.b[0] = h.dst.b[0] = 0xfd;
		h.src.b[15] = key & 3;
		h.dst.b[15] = 0x80;
		ipv6_build(b, &h);
		ipv6_frag_build(b + 40, &(struct ipv6_frag){ .id = key >> 2,
							     .off = off,
							     .more = more,
							     .nh = proto });
	} else {
		struct ipv4_hdr h = { .src = ipaddr_from4("\x0a\0\0\0"),
				      .dst = ipaddr_from4("\xc0\0\2\1"),
				      .id = key >> 2,
				      .hlen = 20,
				      .ttl = 9,
				      .proto = proto,
				      .mf = more,
				      .frag_off = off,
				      .tot_len = 20 + len,
				      .tos = op >> 5 & 3 };

		h.src.b[15] = key & 3;
		ipv4_build(b, &h);
	}
	key |= v6 << 6;
	for (uint32_t i = 0; i < len; i++) {
		uint32_t at = off + i;

		b[hl + i] = pattern(key, at, variant);
		if (at / 8 < BLOCKS)
			sent[key][at / 64] |= 1 << (at / 8 % 8);
	}
	p = from_bytes(raw, eth + hl + len);
	if (pkt_dissect(p, eth ? DISSECT_ETH : DISSECT_IP) == DROP_NONE)
		give(p, key);
	else
		pkt_free(p);
}

static void raw_fragment(struct in *in, unsigned op)
{
	uint32_t len = u16(in);
	struct gust_pkt *p;

	if (len > in->left)
		len = in->left;
	p = from_bytes(in->p, len);
	in->p += len;
	in->left -= len;
	if (pkt_dissect(p, op & 0x10 ? DISSECT_ETH : DISSECT_IP) == DROP_NONE &&
	    pkt_l3(p) && !is_pattern_source(p))
		give(p, -1);
	else
		pkt_free(p);
}

static void expire(uint64_t step_us)
{
	struct gust_batch first;
	struct gust_pkt *p;
	unsigned n, before = reasm_n(r);

	gust_batch_init(&first);
	env.now_us += step_us;
	n = reasm_expire(r, &env, &first);
	MUST(first.n <= n);
	MUST(reasm_n(r) + n <= before);
	MUST(reasm_deadline(r) > env.now_us);
	while ((p = gust_batch_pop(&first))) {
		MUST(p->layer[p->nlayer - 1].flags & GUST_LF_FRAGMENT);
		pkt_free(p);
	}
}

static void check_limits(void)
{
	struct pkt_pool_stats st;

	pkt_pool_stats(pool, &st);
	MUST(reasm_n(r) <= MAX_CTX);
	/* 512 bytes charged for each packet held, 64 KB for each slab pinned */
	MUST(st.pkt_total - st.pkt_free <= MAX_BYTES / 512);
	MUST(st.slab_total - st.slab_free <= 1 + MAX_BYTES / 65536 + 2);
	MUST((reasm_deadline(r) == ENV_NEVER) == !reasm_n(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reasm_conf conf = { .max_bytes = MAX_BYTES, .max_ctx = MAX_CTX };
	struct in in = { data, size };
	struct pkt_pool_stats st;

	if (!pool) {
		struct pkt_limits lim = { .slab_len = 256 << 10,
					  .slab_max = 16,
					  .pkt_max = 1024 };

		pool = pkt_pool_new(&lim);
		MUST(pool);
	}
	rng_seed(&rng, 1);
	env = (struct env){ .now_us = 1, .rng = &rng };
	memset(sent, 0, sizeof(sent));
	budget = BUDGET;
	r = reasm_new(pool, &conf);
	MUST(r);
	while (in.left) {
		unsigned op = u8(&in);

		switch (op & 3) {
		case 2:
			raw_fragment(&in, op);
			break;
		case 3:
			expire(u16(&in) * (op & 4 ? UINT64_C(1000) : UINT64_C(1)) *
			       100);
			break;
		default:
			pattern_fragment(&in, op);
		}
		check_limits();
	}
	expire(60 * UINT64_C(1000000));
	MUST(!reasm_n(r));
	reasm_free(r);
	pkt_pool_stats(pool, &st);
	MUST(st.pkt_total == st.pkt_free);
	MUST(st.slab_total - st.slab_free <= 1); /* the pool's own copy slab */
	return 0;
}
