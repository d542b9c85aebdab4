/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_reasm.c - reassembly: any order, hostile fragments, every limit
 */
#include "ip/reasm.h"

#include <stdio.h>

#include "iplib.h"

#define S4 "10.0.0.2"
#define D4 "192.0.2.9"
#define S6 "2001:db8::2"
#define D6 "2001:db8::9"

static struct pkt_pool *pool;
static struct rng rng;
static struct env env;
static struct reasm *r;
static uint8_t dgram[66000]; /* UDP header and pattern */
static uint8_t flat[66000];

static int setup_conf(const struct reasm_conf *conf)
{
	rng_seed(&rng, 1);
	env = (struct env){ .now_us = SEC, .rng = &rng };
	pool = lib_pool(64, 4096);
	r = reasm_new(pool, conf);
	return r ? 0 : -1;
}

static int setup(void **state)
{
	return setup_conf(&(struct reasm_conf){ 0 });
}

static int setup_small(void **state)
{
	return setup_conf(&(struct reasm_conf){
		.max_bytes = 20000, .max_ctx = 100, .timeout_us = 5 * SEC });
}

static int teardown(void **state)
{
	reasm_free(r);
	return pkt_pool_free(pool) ? -1 : 0;
}

/* Fragment [off, off + len) of dgram, over IPv4. */
static struct gust_pkt *f4_tos(uint16_t id, uint32_t off, uint32_t len, bool more,
			       uint8_t tos)
{
	uint8_t b[66000];
	uint32_t n = lib_ip4(b, S4, D4, IPPROTO_UDP, id,
			     off / 8 | (more ? 0x2000 : 0), dgram + off, len);

	b[1] = tos;
	put16(b + 10, 0);
	put16(b + 10, csum_fold(csum_add(0, b, 20)));
	return lib_pkt(pool, b, n, DISSECT_IP);
}

static struct gust_pkt *f4(uint16_t id, uint32_t off, uint32_t len, bool more)
{
	return f4_tos(id, off, len, more, 0);
}

static struct gust_pkt *f6_tos(uint32_t id, uint32_t off, uint32_t len, bool more,
			       uint8_t tclass)
{
	uint8_t b[66000], t[66000];

	ipv6_frag_build(
		t, &(struct ipv6_frag){
			   .id = id, .off = off, .more = more, .nh = IPPROTO_UDP });
	memcpy(t + 8, dgram + off, len);
	len = lib_ip6(b, S6, D6, IP6_NH_FRAGMENT, t, len + 8);
	put16(b, 0x6000 | tclass << 4);
	return lib_pkt(pool, b, len, DISSECT_IP);
}

static struct gust_pkt *f6(uint32_t id, uint32_t off, uint32_t len, bool more)
{
	return f6_tos(id, off, len, more, 0);
}

static enum drop_reason in(struct gust_pkt *p)
{
	struct gust_pkt *whole = (void *)1;
	enum drop_reason why = reasm_input(r, p, &env, &whole);

	assert_null(whole);
	return why;
}

static struct gust_pkt *last(struct gust_pkt *p)
{
	struct gust_pkt *whole;

	assert_int_equal(reasm_input(r, p, &env, &whole), DROP_NONE);
	assert_non_null(whole);
	return whole;
}

/* Exactly dgram[0 .. n), under one UDP header, dissected. */
static void assert_whole(struct gust_pkt *p, uint32_t n, uint32_t ip_hlen)
{
	assert_int_equal(p->len, n + ip_hlen);
	assert_int_equal(p->hlen, ip_hlen + 8);
	assert_int_equal(p->nlayer, 2);
	assert_int_equal(p->layer[1].kind, GUST_L_UDP);
	assert_int_equal(p->layer[1].off, ip_hlen);
	lib_flat(p, flat, sizeof(flat));
	assert_memory_equal(flat + ip_hlen, dgram, n);
	if (ip_hlen == 20) {
		assert_int_equal(get16(flat + 2), n + 20);
		assert_int_equal(get16(flat + 6), 0);
		assert_true(ipv4_csum_ok(flat, 20));
	} else {
		assert_int_equal(get16(flat + 4), n);
		assert_int_equal(flat[6], IPPROTO_UDP);
	}
	pkt_free(p);
}

/* All orders of four fragments, both families. */
static void test_orders(void **state)
{
	static const uint32_t off[] = { 0, 800, 1600, 2400, 3000 };
	uint32_t n = lib_udp(dgram, 1000, 2000, 2992), id = 0;

	for (unsigned perm = 0; perm < 256; perm++) {
		unsigned o[4] = { perm & 3, perm >> 2 & 3, perm >> 4 & 3,
				  perm >> 6 };

		if ((1u << o[0] | 1u << o[1] | 1u << o[2] | 1u << o[3]) != 15)
			continue;
		id++;
		for (unsigned v6 = 0; v6 < 2; v6++) {
			for (unsigned i = 0; i < 4; i++) {
				uint32_t at = off[o[i]], len = off[o[i] + 1] - at;
				struct gust_pkt *p =
					v6 ? f6(id, at, len, o[i] < 3) :
					     f4(id, at, len, o[i] < 3);

				if (i < 3)
					assert_int_equal(in(p), DROP_NONE);
				else
					assert_whole(last(p), n, v6 ? 40 : 20);
			}
		}
	}
	assert_int_equal(id, 24);
	assert_int_equal(reasm_n(r), 0);
	assert_int_equal(reasm_deadline(r), ENV_NEVER);
}

/* Fragments of two datagrams, of two protocols' ids, do not mix. */
static void test_interleaved(void **state)
{
	uint32_t n = lib_udp(dgram, 1, 2, 1592);

	assert_int_equal(in(f4(1, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f4(2, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f6(1, 800, 800, false)), DROP_NONE);
	assert_int_equal(reasm_n(r), 3);
	assert_whole(last(f4(2, 800, 800, false)), n, 20);
	assert_whole(last(f6(1, 0, 800, true)), n, 40);
	assert_whole(last(f4(1, 800, 800, false)), n, 20);
}

/* Stored fragments pin no receive slab: 60 of them, each in a slab of its own,
 * out of 64. */
static void test_no_pin(void **state)
{
	uint32_t n = lib_udp(dgram, 1, 2, 60 * 800 - 8);
	struct pkt_pool_stats st;

	for (unsigned i = 1; i < 60; i++)
		assert_int_equal(in(f4(1, i * 800, 800, i < 59)), DROP_NONE);
	pkt_pool_stats(pool, &st);
	assert_true(st.slab_total - st.slab_free <= 2);
	assert_whole(last(f4(1, 0, 800, true)), n, 20);
}

static void test_overlap(void **state)
{
	static const uint32_t bad[][2] = {
		{ 0, 808 },   { 792, 16 },   { 0, 400 },
		{ 400, 400 }, { 1000, 800 }, { 792, 808 }
	};

	lib_udp(dgram, 1, 2, 2992);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(in(f4(i, 0, 800, true)), DROP_NONE);
		assert_int_equal(in(f4(i, 1600, 800, true)), DROP_NONE);
		assert_int_equal(in(f4(i, bad[i][0], bad[i][1], true)),
				 DROP_FRAG_OVERLAP);
		/* RFC 5722: and what still comes of it, even what would fit */
		assert_int_equal(in(f4(i, 800, 800, true)), DROP_FRAG_OVERLAP);
		assert_int_equal(in(f4(i, 2400, 600, false)), DROP_FRAG_OVERLAP);
	}
	assert_int_equal(in(f6(1, 800, 800, true)), DROP_NONE);
	assert_int_equal(in(f6(1, 792, 16, true)), DROP_FRAG_OVERLAP);
	assert_int_equal(in(f6(1, 0, 800, true)), DROP_FRAG_OVERLAP);
	assert_int_equal(reasm_n(r), sizeof(bad) / sizeof(bad[0]) + 1);
}

static void test_duplicate(void **state)
{
	uint32_t n = lib_udp(dgram, 1, 2, 1592);

	assert_int_equal(in(f4(1, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f4(1, 0, 800, true)), DROP_NONE); /* the same bytes */
	assert_whole(last(f4(1, 800, 800, false)), n, 20);

	/* the same place, other bytes: an attempt to replace data */
	assert_int_equal(in(f4(1, 800, 800, false)), DROP_NONE);
	dgram[1599] ^= 1;
	assert_int_equal(in(f4(1, 800, 800, false)), DROP_FRAG_OVERLAP);
	assert_int_equal(in(f4(1, 0, 800, true)), DROP_FRAG_OVERLAP);
}

static void test_impossible(void **state)
{
	lib_udp(dgram, 1, 2, 65000);
	assert_int_equal(in(f4(1, 0, 801, true)), DROP_FRAG_BAD); /* not 8n */
	assert_int_equal(in(f4(1, 8, 0, false)), DROP_FRAG_BAD); /* nothing */
	assert_int_equal(in(f4(1, 65512, 8, true)), DROP_FRAG_BAD); /* 20 + 65520 */
	assert_int_equal(in(f4(1, 65504, 8, true)), DROP_NONE); /* the last place */
	assert_int_equal(in(f6(1, 65528, 8, true)), DROP_FRAG_BAD);
	assert_int_equal(in(f6(1, 65520, 8, true)), DROP_NONE);
	assert_int_equal(in(f6(1, 65528, 7, false)),
			 DROP_NONE); /* 65535: allowed */
	assert_int_equal(reasm_n(r), 2);

	/* a second end, data behind the end: the datagram is given up */
	assert_int_equal(in(f4(2, 800, 100, false)), DROP_NONE);
	assert_int_equal(in(f4(2, 1600, 100, false)), DROP_FRAG_BAD);
	assert_int_equal(in(f4(2, 0, 800, true)), DROP_FRAG_OVERLAP);
	assert_int_equal(in(f4(3, 1600, 80, true)), DROP_NONE);
	assert_int_equal(in(f4(3, 800, 80, false)), DROP_FRAG_BAD);
	assert_int_equal(in(f4(4, 800, 80, false)), DROP_NONE);
	assert_int_equal(in(f4(4, 1600, 80, true)), DROP_FRAG_BAD);
}

/* RFC 7112: a first fragment without all its headers. */
static void test_tiny(void **state)
{
	uint8_t b[200], t[200];
	struct gust_pkt *p;

	lib_tcp(t, 1, 2, 3, 60);
	p = lib_pkt(pool, b, lib_ip4(b, S4, D4, IPPROTO_TCP, 1, 0x2000, t, 16),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_FRAG_TINY);
	t[12] = 0x80; /* header of 32 bytes in a fragment of 24 */
	p = lib_pkt(pool, b, lib_ip4(b, S4, D4, IPPROTO_TCP, 1, 0x2000, t, 24),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_FRAG_TINY);
	p = lib_pkt(pool, b, lib_ip4(b, S4, D4, IPPROTO_TCP, 1, 0x2000, t, 32),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_NONE);

	/* destination options behind the fragment header, UDP missing */
	memset(t, 0, sizeof(t));
	ipv6_frag_build(t, &(struct ipv6_frag){
				   .id = 1, .more = true, .nh = IP6_NH_DSTOPTS });
	memcpy(t + 8, "\x11\0\x01\x04\0\0\0\0", 8);
	p = lib_pkt(pool, b, lib_ip6(b, S6, D6, IP6_NH_FRAGMENT, t, 16),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_FRAG_TINY);
	t[9] = 1; /* options of 16 bytes in 8 */
	p = lib_pkt(pool, b, lib_ip6(b, S6, D6, IP6_NH_FRAGMENT, t, 16),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_FRAG_TINY);
	assert_int_equal(reasm_n(r), 1);
}

/* Headers longer than what we are ready to put in front of a packet. */
static void test_headers(void **state)
{
	uint8_t b[1400], t[1200] = { 0 };
	struct gust_pkt *p;

	ipv6_frag_build(t, &(struct ipv6_frag){
				   .id = 1, .more = true, .nh = IP6_NH_DSTOPTS });
	t[8] = 17;
	t[9] = 24; /* 200 bytes */
	t[10] = 1;
	t[11] = 196;
	p = lib_pkt(pool, b, lib_ip6(b, S6, D6, IP6_NH_FRAGMENT, t, 408),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_BAD_EXTHDR);

	memset(t, 0, sizeof(t));
	t[0] = IP6_NH_FRAGMENT; /* 320 bytes of hop-by-hop options */
	t[1] = 39;
	for (unsigned i = 2; i < 320;) { /* PadN of 200 and 118 */
		unsigned n = i == 2 ? 198 : 116;

		t[i] = 1;
		t[i + 1] = n;
		i += n + 2;
	}
	ipv6_frag_build(
		t + 320,
		&(struct ipv6_frag){ .id = 1, .off = 8, .more = true, .nh = 17 });
	p = lib_pkt(pool, b, lib_ip6(b, S6, D6, IP6_NH_HOPOPTS, t, 336),
		    DISSECT_IP);
	assert_int_equal(in(p), DROP_BAD_EXTHDR);
	assert_int_equal(reasm_n(r), 0);
}

/* Extension headers on both sides of the fragment header, VLAN-less Ethernet in
 * front: all kept, the fragment header gone. */
static void test_ext(void **state)
{
	uint8_t e[2000] = { [12] = 0x86, [13] = 0xdd }, t[1000];
	struct gust_pkt *p, *whole;
	uint32_t n;

	memcpy(t, "\x2c\0\x01\x04\0\0\0\0", 8);
	ipv6_frag_build(
		t + 8,
		&(struct ipv6_frag){ .id = 5, .more = true, .nh = IP6_NH_DSTOPTS });
	memcpy(t + 16, "\x11\0\x01\x04\0\0\0\0", 8);
	lib_udp(t + 24, 53, 99, 192);
	n = 14 + lib_ip6(e + 14, S6, D6, IP6_NH_HOPOPTS, t, 24 + 96);
	p = lib_pkt(pool, e, n, DISSECT_ETH);
	assert_int_equal(in(p), DROP_NONE);
	ipv6_frag_build(t + 8, &(struct ipv6_frag){
				       .id = 5, .off = 104, .nh = IP6_NH_DSTOPTS });
	memmove(t + 16, t + 24 + 96, 104);
	n = 14 + lib_ip6(e + 14, S6, D6, IP6_NH_HOPOPTS, t, 16 + 104);
	whole = last(lib_pkt(pool, e, n, DISSECT_ETH));
	assert_int_equal(whole->nlayer, 5);
	assert_int_equal(whole->layer[2].kind, GUST_L_HOPOPTS);
	assert_int_equal(whole->layer[3].kind, GUST_L_DSTOPTS);
	assert_int_equal(whole->layer[4].kind, GUST_L_UDP);
	assert_int_equal(whole->len, 14 + 40 + 16 + 200);
	lib_flat(whole, flat, sizeof(flat));
	assert_int_equal(get16(flat + 14 + 4), 216);
	assert_memory_equal(flat + 54,
			    "\x3c\0\x01\x04\0\0\0\0\x11\0\x01\x04\0\0\0\0", 16);
	lib_udp(t, 53, 99, 192);
	assert_memory_equal(flat + 70, t, 200);
	pkt_free(whole);
}

/* The length must still fit when the first fragment's header is longer. */
static void test_first_longer(void **state)
{
	uint8_t b[2000];
	static const uint8_t opt[40] = { 1 };
	struct ipv4_hdr h = { .src = A(S4),
			      .dst = A(D4),
			      .id = 1,
			      .hlen = 60,
			      .proto = 17,
			      .ttl = 3,
			      .mf = true,
			      .opt = opt,
			      .tot_len = 60 + 800 };
	struct gust_pkt *whole = NULL;

	lib_udp(dgram, 1, 2, 65507);
	assert_int_equal(in(f4(1, 800, 64000, true)), DROP_NONE);
	assert_int_equal(in(f4(1, 64800, 700, false)),
			 DROP_NONE); /* 20 + 65500 fits */
	ipv4_build(b, &h);
	memcpy(b + 60, dgram, 800);
	assert_int_equal(
		reasm_input(r, lib_pkt(pool, b, 860, DISSECT_IP), &env, &whole),
		DROP_FRAG_BAD); /* 60 + 65500 does not */
	assert_null(whole);
	assert_int_equal(reasm_n(r), 0);
}

/* RFC 3168 5.3 */
static void test_ecn(void **state)
{
	static const struct {
		uint8_t a, b;
		int want; /* -1: dropped */
	} c[] = { { 0, 0, 0 }, { 2, 2, 2 }, { 2, 3, 3 },  { 3, 1, 3 },
		  { 3, 3, 3 }, { 1, 2, 1 }, { 0, 3, -1 }, { 3, 0, -1 } };

	lib_udp(dgram, 1, 2, 1592);
	for (unsigned i = 0; i < 2 * sizeof(c) / sizeof(c[0]); i++) {
		bool v6 = i & 1;
		uint8_t a = 0xb8 | c[i / 2].a, b = 0xb8 | c[i / 2].b;
		struct gust_pkt *p = v6 ? f6_tos(i, 0, 800, true, a) :
					  f4_tos(i, 0, 800, true, a);
		struct gust_pkt *w = NULL;
		enum drop_reason why;

		assert_int_equal(in(p), DROP_NONE);
		p = v6 ? f6_tos(i, 800, 800, false, b) :
			 f4_tos(i, 800, 800, false, b);
		why = reasm_input(r, p, &env, &w);
		if (c[i / 2].want < 0) {
			assert_int_equal(why, DROP_FRAG_BAD);
			assert_null(w);
			continue;
		}
		assert_int_equal(why, DROP_NONE);
		assert_int_equal(v6 ? get16(w->head) >> 4 & 0xff : w->head[1],
				 0xb8 | c[i / 2].want);
		pkt_free(w);
	}
}

/* Not a fragment at all. */
static void test_not_fragment(void **state)
{
	lib_udp(dgram, 1, 2, 100);
	assert_int_equal(in(f4(1, 0, 108, false)), DROP_FRAG_BAD);
	/* an atomic fragment is dissected to its end and is no work for us */
	assert_int_equal(in(f6(1, 0, 108, false)), DROP_FRAG_BAD);
	assert_int_equal(reasm_n(r), 0);
}

static void test_expire(void **state)
{
	struct gust_batch first;
	struct gust_pkt *p;

	lib_udp(dgram, 1, 2, 2992);
	gust_batch_init(&first);
	assert_int_equal(in(f4(1, 0, 800, true)), DROP_NONE);
	env.now_us += SEC;
	assert_int_equal(in(f4(2, 800, 800, true)), DROP_NONE); /* no first one */
	assert_int_equal(in(f6(3, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f6(4, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f6(4, 8, 800, true)), DROP_FRAG_OVERLAP);
	assert_int_equal(reasm_deadline(r), 31 * SEC);
	env.now_us = 31 * SEC - 1;
	assert_int_equal(reasm_expire(r, &env, &first), 0);
	env.now_us = 31 * SEC;
	assert_int_equal(reasm_expire(r, &env, &first), 1);
	assert_int_equal(first.n, 1);
	p = gust_batch_pop(&first);
	assert_int_equal(p->len, 820);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4);
	assert_int_equal(get16(p->head + 4), 1);
	assert_int_equal(get16(p->head + 6), 0x2000);
	lib_flat(p, flat, sizeof(flat));
	assert_memory_equal(flat + 20, dgram, 800);
	pkt_free(p);

	env.now_us = 32 * SEC;
	assert_int_equal(reasm_expire(r, &env, &first), 1);
	assert_int_equal(first.n, 0);
	assert_int_equal(reasm_deadline(r), 62 * SEC); /* IPv6: 60 s */
	env.now_us = 62 * SEC;
	assert_int_equal(reasm_expire(r, &env, &first),
			 1); /* the dead one not again */
	assert_int_equal(first.n, 1);
	pkt_batch_free(&first);
	assert_int_equal(reasm_n(r), 0);
	assert_int_equal(reasm_deadline(r), ENV_NEVER);

	/* a late rest begins anew */
	assert_int_equal(in(f4(1, 800, 800, true)), DROP_NONE);
	assert_int_equal(reasm_n(r), 1);
}

static void test_limit_source(void **state)
{
	uint32_t n = lib_udp(dgram, 1, 2, 1592);

	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(in(f4(i, 0, 800, true)), DROP_NONE);
	assert_int_equal(in(f4(64, 0, 800, true)), DROP_FRAG_LIMIT);
	assert_int_equal(reasm_n(r), 64);
	assert_int_equal(in(f6(64, 0, 800, true)), DROP_NONE); /* another source */
	assert_whole(last(f4(7, 800, 800, false)), n, 20); /* old work goes on */
	assert_int_equal(in(f4(64, 0, 800, true)), DROP_NONE);
}

static void test_limit_bytes(void **state)
{
	uint32_t n = lib_udp(dgram, 1, 2, 15992);

	/* 20000 bytes, each fragment charged 512 more */
	assert_int_equal(in(f4(1, 0, 8000, true)), DROP_NONE);
	assert_int_equal(in(f4(2, 0, 8000, true)), DROP_NONE);
	assert_int_equal(in(f4(3, 0, 8000, true)), DROP_FRAG_LIMIT);
	assert_int_equal(reasm_n(r), 2); /* the refused one left nothing */
	assert_whole(last(f4(2, 8000, 8000, false)), n, 20); /* needs no room */
	assert_int_equal(in(f4(3, 0, 8000, true)), DROP_NONE);
	assert_int_equal(in(f4(4, 0, 2000, true)), DROP_NONE);
	assert_int_equal(in(f4(5, 0, 2000, true)), DROP_FRAG_LIMIT);
}

static void test_limit_ctx(void **state)
{
	struct reasm_conf conf = { .max_ctx = 100 };
	uint8_t b[200], t[100];
	char src[20];

	reasm_free(r);
	r = reasm_new(pool, &conf);
	assert_non_null(r);
	lib_udp(t, 1, 2, 24);
	for (unsigned i = 0; i <= 100; i++) {
		uint32_t n;

		snprintf(src, sizeof(src), "10.0.1.%u", i + 1);
		n = lib_ip4(b, src, D4, 17, 1, 0x2000, t, 32);
		assert_int_equal(in(lib_pkt(pool, b, n, DISSECT_IP)),
				 i < 100 ? DROP_NONE : DROP_FRAG_LIMIT);
	}
	assert_int_equal(reasm_n(r), 100);
}

static void test_limit_pieces(void **state)
{
	lib_udp(dgram, 1, 2, 65000);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(in(f4(1, i * 16, 8, true)), DROP_NONE);
	assert_int_equal(in(f4(1, 256 * 16, 8, true)), DROP_FRAG_LIMIT);
}

static void test_limit_pool(void **state)
{
	struct pkt_pool *tiny = lib_pool(3, 3);
	struct pkt_pool *big = pool;
	struct gust_pkt *a, *b;

	reasm_free(r);
	lib_udp(dgram, 1, 2, 65000);
	pool = tiny;
	r = reasm_new(tiny, &(struct reasm_conf){ 0 });
	assert_int_equal(in(f4(1, 8000, 8000, true)), DROP_NONE);
	a = f4(1, 0, 8000, true);
	b = f4(1, 16000, 8000, true); /* three packets: none left for a copy */
	assert_int_equal(in(a), DROP_NO_PKT);
	assert_int_equal(reasm_n(r), 1);
	a = lib_raw(tiny, dgram, 20);
	assert_int_equal(in(b), DROP_NO_PKT);
	pkt_free(a);
	reasm_free(r);
	assert_int_equal(pkt_pool_free(tiny), 0);
	pool = big;
	r = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_orders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interleaved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impossible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tiny, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ext, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_fragment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_bytes, setup_small,
						teardown),
		cmocka_unit_test_setup_teardown(test_limit_ctx, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_pool, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
