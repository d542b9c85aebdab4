/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_vnet.c - a lying virtio_net_hdr, and what becomes of the packet
 *
 * Input: 24 bytes of header, one of flags, one that chooses what the port can
 * do, then the packet. What is accepted must survive encode and decode, and
 * what testfit() makes of it must be packets that a dissector accepts, with
 * right checksums where they are complete and the same payload in total.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "testfit.h"

#define F_ETH 0x01
#define F_FIX_IP4 0x02
#define F_LONG 0x04 /* 30000 zeros behind, lengths fixed */
#define F_BIG 0x08 /* 100000 */

#define PKT_MAX 2048
#define HDR 26

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

/* Make the IP length, and a UDP length behind a plain header, cover `len`. */
static void fix_lens(uint8_t *ip, uint32_t len)
{
	if (len < 60)
		return;
	if (ip[0] >> 4 == 4) {
		put16(ip + 2, len > 65535 ? 0 : len);
		if (ip[9] == 17)
			put16(ip + (ip[0] & 15) * 4 + 4, len - (ip[0] & 15) * 4);
	} else {
		put16(ip + 4, len - 40 > 65535 ? 0 : len - 40);
		if (ip[6] == 17)
			put16(ip + 44, len - 40 > 65535 ? 0 : len - 40);
		if (!ip[6] && !ip[41])
			put32(ip + 44, len - 40);
	}
}

static struct gust_pkt *make(const uint8_t *b, uint32_t len)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p;

	CHECK(s);
	memcpy(s->data + GUST_HEADROOM, b, len);
	ASAN_POISON_MEMORY_REGION(s->data + GUST_HEADROOM + len,
				  s->cap - GUST_HEADROOM - len);
	p = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, len);
	slab_unref(s);
	return p;
}

static void check_codec(struct gust_pkt *p)
{
	uint32_t need = p->need;
	uint16_t size = p->gso_size;
	uint8_t type = p->gso_type, vh[VNET_LEN];

	vnet_encode(p, vh, VNET_LEN);
	CHECK(vnet_decode(p, vh, VNET_LEN) == DROP_NONE);
	CHECK(p->gso_size == size && p->gso_type == type);
	if (size &&
	    need & GUST_F_CSUM_OK) /* a superpacket's is owed from here on */
		need ^= GUST_F_CSUM_OK | GUST_F_CSUM;
	CHECK(p->need == need);
}

static void check_piece(struct gust_pkt *p, enum dissect_start start, bool no_csum)
{
	uint8_t *b = malloc(p->len);
	struct gust_pkt *q;

	if (no_csum)
		CHECK(!(p->need & GUST_F_CSUM));
	memcpy(b, p->head, p->hlen);
	CHECK(pkt_payload_copy(p, 0, b + p->hlen, p->len) == p->len - p->hlen);
	q = make(b, p->len);
	CHECK(pkt_dissect(q, start) == DROP_NONE);
	CHECK(q->len == p->len && q->hlen == p->hlen && q->nlayer == p->nlayer);
	CHECK(!memcmp(q->layer, p->layer, p->nlayer * sizeof p->layer[0]));
	pkt_free(q);
	free(b);
}

static void check_fit(struct gust_pkt *p, uint8_t choice, enum dissect_start start)
{
	struct port_caps caps = {
		.feats =
			(choice & 0x01 ? FEAT_BIT(FEAT_TX_CSUM) : 0) |
			(choice & 0x02 ? FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) :
					 0) |
			(choice & 0x04 ? FEAT_BIT(FEAT_USO) : 0) |
			(choice & 0x08 ? FEAT_BIT(FEAT_BIGTCP4) : 0) |
			(choice & 0x10 ? FEAT_BIT(FEAT_BIGTCP6_JUMBO) : 0) |
			(choice & 0x20 ? FEAT_BIT(FEAT_BIGTCP6_PLAIN) : 0) |
			(choice & 0x40 ? FEAT_BIT(FEAT_TSO_ECN) : 0),
		.mtu = choice & 0x80 ? 1500 : 65535,
		.gso_max4 = 524280,
		.gso_max6 = 524280,
		.gso_max_udp = 65535,
	};
	uint32_t total = pkt_payload_len(p), sum = 0;
	bool was_super = p->gso_size;
	struct gust_batch out;

	gust_batch_init(&out);
	if (testfit(p, &caps, &out) != DROP_NONE) {
		CHECK(!out.n);
		return;
	}
	for (p = gust_batch_pop(&out); p; p = gust_batch_pop(&out)) {
		const struct gust_layer *l3 = pkt_l3(p);

		sum += pkt_payload_len(p);
		if (!p->gso_size && l3)
			CHECK(p->len - l3->off <= caps.mtu);
		check_piece(p, start, was_super && !(choice & 1));
		pkt_free(p);
	}
	CHECK(sum == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t b[PKT_MAX + 100000];
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 4096 };
	uint32_t len = size - HDR, off;
	struct pkt_pool_stats st;
	enum dissect_start start;
	struct gust_pkt *p;
	uint8_t flags;

	if (size < HDR || len > PKT_MAX)
		return 0;
	if (!pool)
		pool = pkt_pool_new(&lim);
	flags = data[24];
	start = flags & F_ETH ? DISSECT_ETH : DISSECT_IP;
	off = flags & F_ETH ? 14 : 0;
	memset(b, 0, sizeof b);
	memcpy(b, data + HDR, len);
	if (len > off) {
		if (flags & (F_LONG | F_BIG)) {
			len += flags & F_BIG ? 100000 : 30000;
			fix_lens(b + off, len - off);
		}
		if (flags & F_FIX_IP4)
			fix_ip4(b + off, len - off);
	}
	p = make(b, len);
	if (pkt_dissect(p, start) == DROP_NONE &&
	    vnet_decode(p, data, VNET_LEN) == DROP_NONE) {
		check_codec(p);
		check_fit(p, data[25], start);
	} else {
		pkt_free(p);
	}
	pkt_pool_stats(pool, &st);
	CHECK(st.pkt_free == st.pkt_total && st.slab_free == st.slab_total);
	return 0;
}
