/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_dissect.c - the header map of good packets, and the reason for which
 * each kind of bad one is refused
 */
#include "pkt/dissect.h"
#include "pktlib.h"
#include "wire/ipaddr.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	pool = small_pool(4, 64);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

/* What the walk should have found: kind and offset of each layer. */
struct lay {
	uint8_t kind;
	uint16_t off;
	uint8_t flags;
};

static void assert_map(const struct gust_pkt *p, const struct lay *l, unsigned n,
		       uint16_t hlen, uint32_t len)
{
	assert_int_equal(p->nlayer, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(p->layer[i].kind, l[i].kind);
		assert_int_equal(p->layer[i].off, l[i].off);
		assert_int_equal(p->layer[i].flags, l[i].flags);
	}
	assert_int_equal(p->hlen, hlen);
	assert_int_equal(p->len, len);
}

#define MAP(p, hlen, len, ...)                                                     \
	do {                                                                       \
		const struct lay l_[] = { __VA_ARGS__ };                           \
		assert_map(p, l_, sizeof l_ / sizeof l_[0], hlen, len);            \
	} while (0)

static enum drop_reason verdict(const uint8_t *b, uint32_t n,
				enum dissect_start start)
{
	struct gust_pkt *p = pkt_of(pool, b, n);
	enum drop_reason r = pkt_dissect(p, start);

	pkt_free(p);
	return r;
}

static struct gust_pkt *good(const uint8_t *b, uint32_t n, enum dissect_start start)
{
	struct gust_pkt *p = pkt_of(pool, b, n);

	assert_int_equal(pkt_dissect(p, start), DROP_NONE);
	return p;
}

#define BAD(b, n, why) assert_int_equal(verdict(b, n, DISSECT_IP), why)

static void test_plain(void **state)
{
	static uint8_t b[2000];

	for (int i = 0; i < 8; i++) {
		struct tp t = {
			.v6 = i & 1, .udp = i & 2, .eth = i & 4, .len = 700
		};
		uint32_t n = tp_build(b, &t), eth = t.eth ? 14 : 0;
		struct gust_pkt *p = good(b, n, t.eth ? DISSECT_ETH : DISSECT_IP);
		uint32_t l3 = eth, l4 = eth + (t.v6 ? 40 : 20);
		uint8_t k3 = t.v6 ? GUST_L_IPV6 : GUST_L_IPV4;
		uint8_t k4 = t.udp ? GUST_L_UDP : GUST_L_TCP;

		if (t.eth)
			MAP(p, n - 700, n, { GUST_L_ETH, 0 }, { k3, l3 },
			    { k4, l4 });
		else
			MAP(p, n - 700, n, { k3, l3 }, { k4, l4 });
		assert_int_equal(p->nfrag, 1);
		assert_ptr_equal(p->frag[0].p, p->head + p->hlen); /* in place */
		assert_ptr_equal(p->frag[0].slab, p->head_slab);
		assert_pkt_bytes(p, b, n);
		pkt_free(p);
	}
}

static void test_no_payload(void **state)
{
	struct tp t = { .opt = 12 };
	uint8_t b[100];
	struct gust_pkt *p = good(b, tp_build(b, &t), DISSECT_IP);

	MAP(p, 52, 52, { GUST_L_IPV4, 0 }, { GUST_L_TCP, 20 });
	assert_int_equal(p->nfrag, 0);
	pkt_free(p);
}

static void test_padding(void **state)
{
	struct tp t = { .eth = true, .len = 4 };
	uint8_t b[200] = { 0 };
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p = good(b, n + 100, DISSECT_ETH);

	MAP(p, 54, n, { GUST_L_ETH, 0 }, { GUST_L_IPV4, 14 }, { GUST_L_TCP, 34 });
	assert_pkt_bytes(p, b, n);
	pkt_free(p);

	t.len = 0; /* the cut falls into the head */
	n = tp_build(b, &t);
	p = good(b, n + 6, DISSECT_ETH);
	MAP(p, 54, 54, { GUST_L_ETH, 0 }, { GUST_L_IPV4, 14 }, { GUST_L_TCP, 34 });
	assert_int_equal(p->nfrag, 0);
	pkt_free(p);

	t = (struct tp){ .udp = true, .len = 10 }; /* behind the UDP length */
	n = tp_build(b, &t);
	w16(b + 24, 8 + 3);
	p = good(b, n, DISSECT_IP);
	MAP(p, 28, 31, { GUST_L_IPV4, 0 }, { GUST_L_UDP, 20 });
	assert_int_equal(pkt_payload_len(p), 3);
	w16(b + 2, 31); /* the IP header goes with it */
	fix_ip4(b);
	assert_pkt_bytes(p, b, 31);
	pkt_free(p);
	t.v6 = true;
	tp_build(b, &t);
	w16(b + 44, 8);
	p = good(b, 58, DISSECT_IP);
	w16(b + 4, 8);
	assert_pkt_bytes(p, b, 48);
	pkt_free(p);
}

/* Every truncation of every kind of packet is refused or, where an inner length
 * does not notice, harmless; ASan watches the bytes behind. */
static void test_truncated(void **state)
{
	static uint8_t b[2000];

	for (int i = 0; i < 8; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.eth = i & 4,
				.opt = 12,
				.len = 30 };
		uint32_t n = tp_build(b, &t);

		for (uint32_t k = 0; k < n; k++) {
			enum drop_reason r =
				verdict(b, k, t.eth ? DISSECT_ETH : DISSECT_IP);

			assert_true(r == DROP_SHORT || r == DROP_BAD_LEN ||
				    r == DROP_BAD_IHL);
		}
	}
}

static void test_own_head(void **state)
{
	struct tp t = { .udp = true, .len = 33 };
	uint8_t b[200];
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p = pkt_new(pool);
	uint8_t *h = p->head;

	memcpy(p->head, b, n);
	p->hlen = p->len = n;
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	MAP(p, 28, n, { GUST_L_IPV4, 0 }, { GUST_L_UDP, 20 });
	assert_ptr_equal(p->head, h);
	assert_int_equal(p->nfrag, 1);
	assert_ptr_not_equal(p->frag[0].p, h + 28); /* a copy of its own */
	assert_pkt_bytes(p, b, n);
	pkt_free(p);
}

/* A reassembled datagram: part of the payload in the head, the rest behind. */
static void test_with_fragments(void **state)
{
	struct tp t = { .udp = true, .len = 300 };
	uint8_t b[400];
	uint32_t n = tp_build(b, &t);

	for (uint32_t head = 20; head <= 60; head += 4) {
		struct gust_pkt *p = pkt_new(pool);
		struct gust_frag f;

		memcpy(p->head, b, head);
		p->hlen = p->len = head;
		assert_int_equal(slab_copy(pool, b + head, 100, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		assert_int_equal(
			slab_copy(pool, b + head + 100, n + 7 - head - 100, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		if (head < 28) {
			assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_SHORT);
		} else {
			assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
			assert_int_equal(p->hlen, 28);
			assert_pkt_bytes(p, b, n); /* and 7 bytes of padding cut */
			assert_true(pkt_csum_verify(p));
		}
		pkt_free(p);
	}
}

static void test_no_slab(void **state)
{
	struct pkt_pool *poor = small_pool(1, 2);
	struct gust_slab *s = slab_new(poor);
	struct tp t = { .udp = true, .len = 33 };
	struct gust_pkt *p = pkt_new(poor);

	p->hlen = p->len = tp_build(p->head, &t);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NO_SLAB);
	pkt_free(p);
	slab_unref(s);
	assert_int_equal(pkt_pool_free(poor), 0);
}

/* ---- IPv4 ---- */

static void test_ip4_bad(void **state)
{
	struct tp t = { .len = 20 };
	uint8_t b[200];
	uint32_t n = tp_build(b, &t);

#define MUT(stmt, why)                                                             \
	do {                                                                       \
		tp_build(b, &t);                                                   \
		stmt;                                                              \
		BAD(b, n, why);                                                    \
	} while (0)
	MUT((void)0, DROP_NONE);
	MUT(b[0] = 0x55, DROP_BAD_VERSION);
	MUT(b[0] = 0x05, DROP_BAD_VERSION);
	MUT(b[0] = 0x44, DROP_BAD_IHL);
	MUT((b[0] = 0x40, fix_ip4(b)), DROP_BAD_IHL);
	MUT(b[11] ^= 1, DROP_BAD_IPCSUM);
	MUT(b[8] -= 1, DROP_BAD_IPCSUM);
	MUT((w16(b + 2, n + 1), fix_ip4(b)), DROP_BAD_LEN);
	MUT((w16(b + 2, 19), fix_ip4(b)), DROP_BAD_LEN);
	MUT((w16(b + 2, 0), fix_ip4(b)), DROP_BAD_LEN); /* not above 64 KB */
	MUT((w16(b + 2, 39), fix_ip4(b)), DROP_SHORT); /* half a TCP header */
	MUT((b[9] = 17, fix_ip4(b), w16(b + 24, 7)), DROP_BAD_UDPLEN);
	MUT((b[9] = 17, fix_ip4(b), w16(b + 24, 0)), DROP_BAD_UDPLEN);
	MUT((b[9] = 17, fix_ip4(b), w16(b + 24, 41)), DROP_BAD_UDPLEN);
	MUT(b[32] = 0x40, DROP_BAD_TCPHDR);
	MUT(b[32] = 0xb0, DROP_BAD_TCPHDR); /* 44 bytes of 40 */
	MUT(b[32] = 0xa0, DROP_NONE); /* all 40 */
	n = 0;
	BAD(b, n, DROP_SHORT);
	b[0] = 0x60; /* one byte each */
	BAD(b, 1, DROP_SHORT);
	b[0] = 0x45;
	BAD(b, 1, DROP_SHORT);
}

/* Put `n` option bytes behind the IPv4 header. */
static uint32_t with_opts(uint8_t *b, const struct tp *t, const void *opt,
			  uint32_t n)
{
	uint32_t len = tp_build(b, t);

	memmove(b + 20 + n, b + 20, len - 20);
	memcpy(b + 20, opt, n);
	b[0] = 0x45 + n / 4;
	w16(b + 2, len + n);
	fix_ip4(b);
	return len + n;
}

static void test_ip4_options(void **state)
{
	struct tp t = { .len = 20 };
	uint8_t b[200];
	uint32_t n = with_opts(b, &t, "\x01\x01\x94\x04\x00\x00\x01\x00", 8);
	struct gust_pkt *p = good(b, n, DISSECT_IP);

	MAP(p, 48, n, { GUST_L_IPV4, 0 }, { GUST_L_TCP, 28 });
	pkt_free(p);
	n = with_opts(b, &t, "\x83\x03\x04\x00", 4);
	BAD(b, n, DROP_IP_OPTION); /* loose source route */
	n = with_opts(b, &t, "\x44\x05\x04\x00", 4);
	BAD(b, n, DROP_IP_OPTION); /* longer than the header */
	n = with_opts(b, &t, "\x44\x01\x04\x00", 4);
	BAD(b, n, DROP_IP_OPTION);
}

static void test_ip4_fragments(void **state)
{
	static const uint16_t frag[] = { 0x2000, 0x2001, 0x0001, 0x1fff };
	struct tp t = { .len = 20 };
	uint8_t b[200];
	uint32_t n = tp_build(b, &t);

	for (unsigned i = 0; i < 4; i++) {
		struct gust_pkt *p;

		w16(b + 6, frag[i]);
		fix_ip4(b);
		p = good(b, n, DISSECT_IP);
		MAP(p, 20, n, { GUST_L_IPV4, 0, GUST_LF_FRAGMENT });
		assert_null(pkt_l4(p));
		assert_int_equal(pkt_payload_len(p), 40);
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
	}
}

static void test_other_protocols(void **state)
{
	static const uint8_t proto[] = { 2, 47, 58, 59, 255, 4, 41 };
	struct tp t = { .len = 20 };
	uint8_t b[200];
	struct ipaddr src, dst;
	uint8_t got;

	for (unsigned i = 0; i < sizeof proto; i++) {
		uint32_t n = tp_build(b, &t);
		struct gust_pkt *p;

		b[9] = proto[i];
		fix_ip4(b);
		p = good(b, n, DISSECT_IP);
		MAP(p, 20, n, { GUST_L_IPV4, 0 });
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, proto[i]);
		pkt_free(p);
	}
	t.v6 = true;
	for (unsigned i = 0; i < sizeof proto; i++) {
		uint32_t n = tp_build(b, &t);
		struct gust_pkt *p;

		if (proto[i] == 58)
			continue;
		b[6] = proto[i];
		p = good(b, n, DISSECT_IP);
		MAP(p, 40, n, { GUST_L_IPV6, 0 });
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, proto[i]);
		pkt_free(p);
	}
}

/* A packet of `n` bytes behind an IP header that says `proto`. */
static uint32_t other(uint8_t *b, bool v6, uint8_t proto, uint32_t n)
{
	struct tp t = { .v6 = v6, .len = 100 };
	uint8_t *ip = b;

	tp_build(b, &t);
	if (v6) {
		w16(ip + 4, n);
		ip[6] = proto;
		return 40 + n;
	}
	w16(ip + 2, 20 + n);
	ip[9] = proto;
	fix_ip4(ip);
	return 20 + n;
}

static void test_sctp(void **state)
{
	uint8_t b[200], got;
	struct ipaddr src, dst;

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 40 : 20, n = other(b, v6, 132, 80);
		struct gust_pkt *p = good(b, n, DISSECT_IP);

		MAP(p, l4 + 12, n, { v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0 },
		    { GUST_L_SCTP, l4 });
		assert_ptr_equal(pkt_l4(p), &p->layer[1]);
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, 132);
		pkt_free(p);
		p = good(b, other(b, v6, 132, 12), DISSECT_IP);
		MAP(p, l4 + 12, l4 + 12, { v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0 },
		    { GUST_L_SCTP, l4 });
		pkt_free(p);
		BAD(b, other(b, v6, 132, 11), DROP_SHORT);
	}
}

/* Opaque: the map ends there, without a transport. */
static void test_ipsec(void **state)
{
	uint8_t b[200], got;
	struct ipaddr src, dst;

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t l4 = v6 ? 40 : 20, n = other(b, v6, 50, 80);
		uint8_t k3 = v6 ? GUST_L_IPV6 : GUST_L_IPV4;
		struct gust_pkt *p = good(b, n, DISSECT_IP);

		MAP(p, l4 + 8, n, { k3, 0 }, { GUST_L_ESP, l4 });
		assert_null(pkt_l4(p));
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, 50);
		p->need = GUST_F_CSUM;
		pkt_csum_complete(p); /* nothing to complete */
		assert_pkt_bytes(p, b, n);
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
		BAD(b, other(b, v6, 50, 7), DROP_SHORT);

		n = other(b, v6, 51, 80); /* in it, TCP: none of our business */
		memcpy(b + l4, (uint8_t[]){ 6, 4, 0, 0, 0, 0, 1, 0 }, 8);
		p = good(b, n, DISSECT_IP);
		MAP(p, l4 + 24, n, { k3, 0 }, { GUST_L_AH, l4 });
		assert_null(pkt_l4(p));
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, 51);
		pkt_free(p);
		b[l4 + 1] = 18;
		p = good(b, n, DISSECT_IP);
		MAP(p, l4 + 80, n, { k3, 0 }, { GUST_L_AH, l4 });
		pkt_free(p);
		b[l4 + 1] = 19; /* beyond the packet */
		BAD(b, n, DROP_SHORT);
		b[l4 + 1] = 0; /* 8 bytes: below its fixed part */
		BAD(b, n, DROP_SHORT);
		b[l4 + 1] = 1;
		BAD(b, other(b, v6, 51, 11), DROP_SHORT);
	}
}

/* Behind extension headers, too. */
static void test_ext_sctp(void **state)
{
	static const uint8_t proto[] = { 132, 50, 51 };
	static const uint8_t kind[] = { GUST_L_SCTP, GUST_L_ESP, GUST_L_AH };
	static const uint16_t hlen[] = { 12, 8, 12 };
	uint8_t b[200], got;
	struct ipaddr src, dst;

	for (int i = 0; i < 3; i++) {
		uint32_t n = other(b, true, 60, 88);
		struct gust_pkt *p;

		memcpy(b + 40, (uint8_t[]){ proto[i], 0, 1, 4, 0, 0, 0, 0 }, 8);
		memcpy(b + 48, (uint8_t[]){ 59, 1, 0, 0 }, 4);
		p = good(b, n, DISSECT_IP);
		MAP(p, 48 + hlen[i], n, { GUST_L_IPV6, 0 }, { GUST_L_DSTOPTS, 40 },
		    { kind[i], 48 });
		pkt_addrs(p, &src, &dst, &got);
		assert_int_equal(got, proto[i]);
		pkt_free(p);
	}
}

static void test_icmp(void **state)
{
	struct tp t = { .udp = true, .len = 12 };
	uint8_t b[100];
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p;

	b[9] = 1;
	fix_ip4(b);
	p = good(b, n, DISSECT_IP);
	MAP(p, 28, n, { GUST_L_IPV4, 0 }, { GUST_L_ICMP, 20 });
	pkt_free(p);
	w16(b + 2, 27);
	fix_ip4(b);
	BAD(b, n, DROP_SHORT);

	t.v6 = true;
	n = tp_build(b, &t);
	b[6] = 58;
	p = good(b, n, DISSECT_IP);
	MAP(p, 48, n, { GUST_L_IPV6, 0 }, { GUST_L_ICMP6, 40 });
	pkt_free(p);
}

/* ---- IPv6 ---- */

/* An IPv6 packet whose TCP header stands behind these extension bytes. */
static uint32_t with_ext(uint8_t *b, uint8_t first, const void *ext, uint32_t elen)
{
	struct tp t = { .v6 = true, .len = 20 };
	uint32_t n = tp_build(b, &t);

	memmove(b + 40 + elen, b + 40, n - 40);
	memcpy(b + 40, ext, elen);
	b[6] = first;
	w16(b + 4, n - 40 + elen);
	return n + elen;
}

#define PAD4 "\x01\x04\0\0\0\0"

static void test_ip6_bad(void **state)
{
	struct tp t = { .v6 = true, .len = 20 };
	uint8_t b[200];
	uint32_t n = tp_build(b, &t);

	MUT((void)0, DROP_NONE);
	MUT(b[0] = 0x70, DROP_BAD_VERSION);
	MUT(w16(b + 4, n - 39), DROP_BAD_LEN);
	MUT(w16(b + 4, 65535), DROP_BAD_LEN);
	MUT(w16(b + 4, 0), DROP_SHORT); /* nothing behind the header */
	MUT(w16(b + 4, 19), DROP_SHORT);
	MUT((memset(b + 8, 0, 10), w16(b + 18, 0xffff)), DROP_BAD_ADDR);
	MUT((memset(b + 24, 0, 10), w16(b + 34, 0xffff)), DROP_BAD_ADDR);
	MUT((b[6] = 17, w16(b + 44, 0)), DROP_BAD_UDPLEN);
}

static void test_ext_chain(void **state)
{
	static const char ext[] =
		"\x3c\0" PAD4 /* hop-by-hop, then */
		"\x2b\0" PAD4 /* destination options */
		"\x2c\0\0\0\0\0\0\0" /* routing */
		"\x3c\0\0\0\0\0\0\7" /* atomic fragment */
		"\x06\1" PAD4 PAD4 "\0\0"; /* 16 bytes of options */
	uint8_t b[400];
	uint32_t n = with_ext(b, 0, ext, 48);
	struct gust_pkt *p = good(b, n, DISSECT_IP);
	struct ipaddr src, dst, want;
	uint8_t proto;

	MAP(p, 108, n, { GUST_L_IPV6, 0 }, { GUST_L_HOPOPTS, 40 },
	    { GUST_L_DSTOPTS, 48 }, { GUST_L_ROUTING, 56 }, { GUST_L_FRAGHDR, 64 },
	    { GUST_L_DSTOPTS, 72 }, { GUST_L_TCP, 88 });
	assert_true(pkt_csum_verify(p));
	pkt_addrs(p, &src, &dst, &proto);
	assert_int_equal(proto, 6);
	assert_int_equal(ipaddr_parse("2001:db8::1", &want), 0);
	assert_true(ipaddr_eq(&src, &want));
	assert_int_equal(ipaddr_parse("2001:db8::2", &want), 0);
	assert_true(ipaddr_eq(&dst, &want));
	pkt_free(p);

	for (uint32_t k = 40; k < 108; k++) { /* a cut in any header is noticed */
		w16(b + 4, k - 40);
		assert_int_not_equal(verdict(b, k, DISSECT_IP), DROP_NONE);
	}
}

static void test_ext_bad(void **state)
{
	uint8_t b[400], ext[80];
	uint32_t n;

	n = with_ext(b, 60, "\0\0" PAD4 "\6\0" PAD4, 16);
	BAD(b, n, DROP_BAD_EXTHDR); /* hop-by-hop options not first */
	n = with_ext(b, 0, "\0\0" PAD4 "\6\0" PAD4, 16);
	BAD(b, n, DROP_BAD_EXTHDR); /* twice */
	n = with_ext(b, 60, "\6\xff" PAD4, 8);
	BAD(b, n, DROP_BAD_EXTHDR); /* longer than the packet */
	n = with_ext(b, 60, "\6\0\1\5\0\0\0\0", 8);
	BAD(b, n, DROP_BAD_EXTHDR); /* option beyond its header */
	n = with_ext(b, 0, "\6\0\x41\4\0\0\0\0", 8);
	BAD(b, n, DROP_BAD_EXTHDR); /* unknown option, "discard" */
	n = with_ext(b, 0, "\6\0\x3e\4\0\0\0\0", 8);
	BAD(b, n, DROP_NONE); /* unknown option, "skip" */
	n = with_ext(b, 0, "\6\0\xc2\4\0\1\0\0", 8);
	BAD(b, n, DROP_BAD_LEN); /* jumbo option in a small packet */
	n = with_ext(b, 60, "\6\0\xc2\4\0\1\0\0", 8);
	BAD(b, n, DROP_BAD_EXTHDR); /* and in the wrong header */
	n = with_ext(b, 44, "\x2c\0\0\0\0\0\0\1\6\0\0\0\0\0\0\1", 16);
	BAD(b, n, DROP_BAD_EXTHDR); /* two fragment headers */
	n = with_ext(b, 43, "\6\0\0\1\0\0\0\0", 8);
	BAD(b, n, DROP_BAD_EXTHDR); /* routing header that is not at its end */
	n = with_ext(b, 43, "\6\0\xc8\0\0\0\0\0", 8);
	BAD(b, n, DROP_NONE); /* of an unknown type, but at its end */

	for (unsigned k = 1; k <= 9; k++) {
		for (unsigned i = 0; i < k; i++)
			memcpy(ext + 8 * i,
			       i == k - 1 ? "\6\0" PAD4 : "\x3c\0" PAD4, 8);
		n = with_ext(b, 60, ext, 8 * k);
		BAD(b, n, k <= 8 ? DROP_NONE : DROP_TOO_DEEP);
	}
}

static void test_ip6_fragment(void **state)
{
	uint8_t b[400], proto;
	uint32_t n = with_ext(b, 60, "\x2c\0" PAD4 "\6\0\0\1\0\0\0\7", 16);
	struct gust_pkt *p = good(b, n, DISSECT_IP);
	struct ipaddr src, dst;

	MAP(p, 56, n, { GUST_L_IPV6, 0 }, { GUST_L_DSTOPTS, 40 },
	    { GUST_L_FRAGHDR, 48, GUST_LF_FRAGMENT });
	pkt_addrs(p, &src, &dst, &proto);
	assert_int_equal(proto, 6);
	pkt_free(p);
	b[51] = 8; /* an offset, no more to come; garbage behind is no header */
	memset(b + 56, 0xff, n - 56);
	p = good(b, n, DISSECT_IP);
	assert_int_equal(p->hlen, 56);
	assert_null(pkt_l4(p));
	pkt_free(p);
}

/* ---- more than 64 KB ---- */

static void test_big(void **state)
{
	uint8_t *b = malloc(600000);
	struct tp t = { .len = 500000, .opt = 12 };
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p = good(b, n, DISSECT_IP);

	MAP(p, 52, n, { GUST_L_IPV4, 0, GUST_LF_JUMBO }, { GUST_L_TCP, 20 });
	assert_int_equal(p->nfrag, 1);
	assert_int_equal(p->frag[0].len, 500000);
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
	w16(b + 6, 0x2000); /* a fragment of unknown length */
	fix_ip4(b);
	BAD(b, n, DROP_BAD_LEN);

	t.v6 = true;
	n = tp_build(b, &t);
	p = good(b, n, DISSECT_IP);
	MAP(p, 72, n, { GUST_L_IPV6, 0 }, { GUST_L_TCP, 40 });
	assert_true(pkt_csum_verify(p));
	pkt_free(p);

	t.jumbo = true;
	n = tp_build(b, &t);
	p = good(b, n + 9, DISSECT_IP); /* nine bytes too many */
	MAP(p, 80, n, { GUST_L_IPV6, 0 }, { GUST_L_HOPOPTS, 40, GUST_LF_JUMBO },
	    { GUST_L_TCP, 48 });
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
	BAD(b, n - 1, DROP_BAD_LEN); /* says more than there is */
	w32(b + 44, 65535);
	BAD(b, n, DROP_BAD_LEN); /* 16 bits would have done */
	w32(b + 44, n - 40);
	w16(b + 4, 100);
	BAD(b, n, DROP_BAD_LEN); /* both lengths */
	w16(b + 4, 0);
	b[40] = 44; /* a fragment header in a jumbogram */
	BAD(b, n, DROP_BAD_EXTHDR);

	/* UDP jumbogram, RFC 2675 4 */
	t = (struct tp){ .v6 = true, .udp = true, .jumbo = true, .len = 70000 };
	n = tp_build(b, &t);
	p = good(b, n, DISSECT_IP);
	MAP(p, 56, n, { GUST_L_IPV6, 0 }, { GUST_L_HOPOPTS, 40, GUST_LF_JUMBO },
	    { GUST_L_UDP, 48 });
	pkt_free(p);

	w16(b + 52, 1000); /* a jumbogram has no other length, and no surplus */
	BAD(b, n, DROP_BAD_UDPLEN);

	/* the largest that are not big */
	t = (struct tp){ .len = 65535 - 40 };
	n = tp_build(b, &t);
	p = good(b, n, DISSECT_IP);
	MAP(p, 40, 65535, { GUST_L_IPV4, 0 }, { GUST_L_TCP, 20 });
	pkt_free(p);
	w16(b + 2, 0);
	fix_ip4(b);
	BAD(b, n, DROP_BAD_LEN);
	t = (struct tp){ .v6 = true, .len = 65535 - 20 };
	n = tp_build(b, &t);
	p = good(b, n, DISSECT_IP);
	MAP(p, 60, 65575, { GUST_L_IPV6, 0 }, { GUST_L_TCP, 40 });
	assert_pkt_bytes(p, b, n);
	pkt_free(p);
	w16(b + 4, 0);
	BAD(b, n, DROP_SHORT);
	free(b);
}

/* ---- link ---- */

static void test_eth(void **state)
{
	struct tp t = { .eth = true, .len = 10 };
	uint8_t b[200], c[200];
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p;

	for (unsigned tags = 1; tags <= 5; tags++) {
		memcpy(c, b, 12);
		for (unsigned i = 0; i < tags; i++) {
			w16(c + 12 + 4 * i, i ? 0x8100 : 0x88a8);
			w16(c + 14 + 4 * i, 100 + i);
		}
		memcpy(c + 12 + 4 * tags, b + 12, n - 12);
		if (tags == 5) {
			assert_int_equal(verdict(c, n + 20, DISSECT_ETH),
					 DROP_TOO_DEEP);
			break;
		}
		p = good(c, n + 4 * tags, DISSECT_ETH);
		assert_int_equal(p->nlayer, 3 + tags);
		assert_int_equal(p->layer[tags].kind, GUST_L_VLAN);
		assert_int_equal(p->layer[tags].off, 10 + 4 * tags);
		assert_int_equal(pkt_l3(p)->off, 14 + 4 * tags);
		pkt_free(p);
		if (tags == 1)
			assert_int_equal(verdict(c, 17, DISSECT_ETH), DROP_SHORT);
	}
	w16(b + 12, 0x88cc);
	assert_int_equal(verdict(b, n, DISSECT_ETH), DROP_BAD_ETHERTYPE);
	w16(b + 12, 100); /* 802.3 length */
	assert_int_equal(verdict(b, n, DISSECT_ETH), DROP_BAD_ETHERTYPE);
	w16(b + 12, 0x86dd);
	assert_int_equal(verdict(b, n, DISSECT_ETH), DROP_BAD_VERSION);
	assert_int_equal(verdict(b, 53, DISSECT_ETH), DROP_SHORT);
	w16(b + 12, 0x0806);
	p = good(b, n, DISSECT_ETH); /* padding behind ARP cut */
	MAP(p, 42, 42, { GUST_L_ETH, 0 }, { GUST_L_ARP, 14 });
	pkt_free(p);
	assert_int_equal(verdict(b, 41, DISSECT_ETH), DROP_BAD_ARP);
	assert_int_equal(verdict(b, 13, DISSECT_ETH), DROP_SHORT);
}

static void test_addrs4(void **state)
{
	struct tp t = { .udp = true };
	uint8_t b[100], proto;
	struct gust_pkt *p = good(b, tp_build(b, &t), DISSECT_IP);
	struct ipaddr src, dst;
	char s[IPADDR_STRLEN];

	pkt_addrs(p, &src, &dst, &proto);
	assert_string_equal(ipaddr_str(&src, s), "10.111.0.1");
	assert_string_equal(ipaddr_str(&dst, s), "10.111.0.2");
	assert_int_equal(proto, 17);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_plain),
		T(test_no_payload),
		T(test_padding),
		T(test_truncated),
		T(test_own_head),
		T(test_with_fragments),
		T(test_no_slab),
		T(test_ip4_bad),
		T(test_ip4_options),
		T(test_ip4_fragments),
		T(test_other_protocols),
		T(test_sctp),
		T(test_ipsec),
		T(test_ext_sctp),
		T(test_icmp),
		T(test_ip6_bad),
		T(test_ext_chain),
		T(test_ext_bad),
		T(test_ip6_fragment),
		T(test_big),
		T(test_eth),
		T(test_addrs4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
