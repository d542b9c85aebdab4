/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_dissect.c - the dissector on any bytes
 *
 * Input: one byte of flags, then the packet. What it accepts must satisfy the
 * packet's invariants, hold the same bytes, and be accepted again.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipaddr.h"

#define F_ETH 0x01
#define F_FIX_IP4 0x02 /* give the first IPv4 header a right checksum */
#define F_BIG 0x04 /* zeros behind, 70000 bytes in all */
#define F_FRAGS 0x08 /* what lies beyond 128 bytes in fragments */
#define F_TUNNELS 0x10

#define BIG_LEN 70000
#define HEAD_PART 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct pkt_pool *pool;

#define CHECK(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			abort();                                                   \
	} while (0)

static void fix_ip4(uint8_t *ip, size_t len)
{
	size_t hlen;

	if (len < 20 || ip[0] >> 4 != 4)
		return;
	hlen = (ip[0] & 15) * 4;
	if (hlen < 20 || hlen > len)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, hlen)));
}

/* Where inner IPv4 headers stand behind VXLAN when no header has options. */
static void fix_inner(uint8_t *b, size_t len, bool eth)
{
	static const uint16_t at[] = { 50, 70 };

	for (unsigned i = 0; i < 2; i++) {
		size_t off = at[i] + (eth ? 14 : 0);

		if (len > off)
			fix_ip4(b + off, len - off);
	}
}

static uint8_t *flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len + 1);

	memcpy(b, p->head, p->hlen);
	CHECK(pkt_payload_copy(p, 0, b + p->hlen, p->len) == p->len - p->hlen);
	return b;
}

static void check_invariants(const struct gust_pkt *p)
{
	uint32_t sum = p->hlen, last = 0;

	for (unsigned i = 0; i < p->nfrag; i++) {
		CHECK(p->frag[i].len);
		sum += p->frag[i].len;
	}
	CHECK(sum == p->len);
	CHECK(p->nlayer > 0 && p->nlayer <= GUST_LAYERS_MAX);
	for (unsigned i = 0; i < p->nlayer; i++) {
		CHECK(p->layer[i].off < p->hlen);
		CHECK(i == 0 ? p->layer[i].off == 0 : p->layer[i].off > last);
		last = p->layer[i].off;
	}
}

/* The same bytes in one piece give the same map. */
static void check_again(const struct gust_pkt *p, enum dissect_start start)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *q;
	uint8_t *b = flat(p);

	CHECK(s);
	memcpy(s->data + GUST_HEADROOM, b, p->len);
	q = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, p->len);
	slab_unref(s);
	CHECK(pkt_dissect(q, start) == DROP_NONE);
	CHECK(q->len == p->len && q->hlen == p->hlen && q->nlayer == p->nlayer);
	CHECK(!memcmp(q->layer, p->layer, p->nlayer * sizeof p->layer[0]));
	pkt_free(q);
	free(b);
}

static void check_csum(struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);

	pkt_csum_verify(p);
	p->need = GUST_F_CSUM;
	pkt_csum_complete(p);
	CHECK(!(p->need & GUST_F_CSUM));
	if (!l4)
		return;
	p->need = 0;
	CHECK(pkt_csum_verify(p));
}

static void check_good(struct gust_pkt *p, const uint8_t *b,
		       enum dissect_start start, bool whole)
{
	struct ipaddr src, dst;
	const struct gust_layer *l4 = pkt_layer(p, GUST_L_UDP); /* outermost */
	uint8_t *got = flat(p), proto;

	/* behind a UDP datagram bytes may have been cut, and the IP length with
	 * them; all others are as they came */
	if (!l4)
		CHECK(!memcmp(got, b, p->len));
	else
		CHECK(!memcmp(got + l4->off, b + l4->off, p->len - l4->off));
	free(got);
	check_invariants(p);
	if (pkt_l3(p))
		pkt_addrs(p, &src, &dst, &proto);
	/* a tunnel is entered only where its headers stand in one piece */
	if (whole || !(start & DISSECT_TUNNELS))
		check_again(p, start);
	check_csum(p);
}

/* As a port hands it over, or with the payload in fragments. */
static struct gust_pkt *make(const uint8_t *b, uint32_t len, bool frags)
{
	struct gust_slab *s = slab_new(pool);
	uint8_t *at = s->data + GUST_HEADROOM;
	struct gust_pkt *p;

	memcpy(at, b, len);
	ASAN_POISON_MEMORY_REGION(at + len, s->cap - GUST_HEADROOM - len);
	if (!frags || len <= HEAD_PART) {
		p = pkt_from_slab(pool, s, at, len);
	} else {
		p = pkt_new(pool);
		memcpy(p->head, b, HEAD_PART);
		p->hlen = p->len = HEAD_PART;
		for (uint32_t off = HEAD_PART, n = 1; off < len;
		     off += n, n = n * 7 % 1009) {
			struct gust_frag f = { at + off, s,
					       len - off < n ? len - off : n };

			slab_ref(s);
			CHECK(!pkt_frag_add(p, &f));
		}
	}
	slab_unref(s);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t b[BIG_LEN];
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 64 };
	struct pkt_pool_stats st;
	enum dissect_start start;
	uint32_t len = size - 1;
	struct gust_pkt *p;

	if (!size || len > BIG_LEN)
		return 0;
	if (!pool)
		pool = pkt_pool_new(&lim);
	memcpy(b, data + 1, len);
	if (data[0] & F_BIG) {
		memset(b + len, 0, BIG_LEN - len);
		len = BIG_LEN;
	}
	start = data[0] & F_ETH ? DISSECT_ETH : DISSECT_IP;
	if (data[0] & F_TUNNELS)
		start |= DISSECT_TUNNELS;
	if (data[0] & F_FIX_IP4) {
		uint32_t off = data[0] & F_ETH ? 14 : 0;

		if (len > off)
			fix_ip4(b + off, len - off);
		if (data[0] & F_TUNNELS)
			fix_inner(b, len, off);
	}
	p = make(b, len, data[0] & F_FRAGS);
	if (pkt_dissect(p, start) == DROP_NONE)
		check_good(p, b, start, !(data[0] & F_FRAGS));
	pkt_free(p);
	pkt_pool_stats(pool, &st);
	CHECK(st.pkt_free == st.pkt_total && st.slab_free == st.slab_total);
	return 0;
}
