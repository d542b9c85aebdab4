/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_strip.c - taking outer headers off, on any bytes in any shape
 *
 * Input: start, shape, bytes to take off (16 bits), head bytes, then the packet. A
 * packet that is refused is as it was; one that is taken holds the bytes that were
 * behind, with the map that a dissector finds in them, and what is shared with a clone
 * did not change.
 */
#include <stdlib.h>
#include <string.h>

#include "pkt/dissect.h"

#define S_SLAB 0x01 /* the head in a slab, payload right behind */
#define S_SUPER 0x02
#define S_TWICE 0x04

#define HEAD_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct pkt_pool *pool;

#define CHECK(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			abort();                                                   \
	} while (0)

static uint8_t *flat(const struct gust_pkt *p)
{
	uint8_t *b = malloc(p->len + 1);

	memcpy(b, p->head, p->hlen);
	CHECK(pkt_payload_copy(p, 0, b + p->hlen, p->len) == p->len - p->hlen);
	return b;
}

/* `head` bytes in the head, the others in pieces of one slab. */
static struct gust_pkt *make(const uint8_t *b, uint32_t len, uint32_t head,
			     uint8_t shape)
{
	struct gust_slab *s = slab_new(pool);
	uint8_t *at = s->data + GUST_HEADROOM;
	struct gust_pkt *p;

	memcpy(at, b, len);
	if (shape & S_SLAB) {
		p = pkt_from_slab(pool, s, at, head);
	} else {
		p = pkt_new(pool);
		memcpy(p->head, b, head);
		p->hlen = p->len = head;
	}
	for (uint32_t off = head, n = 1 + shape; off < len;
	     off += n, n = n * 7 % 1009 + 1) {
		struct gust_frag f = { at + off, s, len - off < n ? len - off : n };

		slab_ref(s);
		CHECK(!pkt_frag_push(p, &f));
	}
	slab_unref(s);
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	if (head > 28)
		pkt_layer_append(p, GUST_L_UDP, 0, 20);
	p->need = GUST_F_CSUM_OK;
	if (shape & S_SUPER) {
		p->gso_size = 100;
		p->gso_type = GUST_GSO_UDP4;
	}
	return p;
}

static void check_same(const struct gust_pkt *p, const struct gust_pkt *was,
		       const uint8_t *b, uint32_t len)
{
	uint8_t *got = flat(p);

	CHECK(p->len == len && p->hlen == was->hlen && p->nfrag == was->nfrag);
	CHECK(p->nlayer == was->nlayer && p->need == was->need);
	CHECK(!memcmp(p->layer, was->layer, p->nlayer * sizeof(p->layer[0])));
	CHECK(!memcmp(got, b, len));
	free(got);
}

static void check_good(const struct gust_pkt *p, const uint8_t *b, uint32_t len,
		       enum dissect_start start)
{
	const struct gust_layer *udp = pkt_layer(p, GUST_L_UDP);
	uint32_t from = udp ? udp->off : 0, sum = p->hlen, last = 0;
	struct gust_pkt *q;
	uint8_t *got = flat(p);
	struct gust_slab *s;

	/* in front of a UDP header the IP length may have been made smaller */
	CHECK(p->len <= len && !p->gso_size);
	CHECK(!memcmp(got + from, b + from, p->len - from));
	for (unsigned i = 0; i < p->nfrag; i++)
		sum += p->frag[i].len;
	CHECK(sum == p->len && p->hlen <= PKT_HEAD_LEN);
	for (unsigned i = 0; i < p->nlayer; i++) {
		CHECK(p->layer[i].off < p->hlen && p->layer[i].off >= last);
		last = p->layer[i].off;
	}
	s = slab_new(pool);
	memcpy(s->data + GUST_HEADROOM, got, p->len);
	q = pkt_from_slab(pool, s, s->data + GUST_HEADROOM, p->len);
	slab_unref(s);
	CHECK(pkt_dissect(q, start) == DROP_NONE);
	CHECK(q->len == p->len && q->hlen == p->hlen && q->nlayer == p->nlayer);
	CHECK(!memcmp(q->layer, p->layer, p->nlayer * sizeof(p->layer[0])));
	pkt_free(q);
	free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dissect_start starts[] = {
		DISSECT_ETH | DISSECT_ANY,
		DISSECT_IP,
		DISSECT_IP4,
		DISSECT_IP6,
		DISSECT_ETH,
	};
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 64 };
	enum dissect_start start;
	struct pkt_pool_stats st;
	struct gust_pkt *p, *was;
	uint32_t len, n, head;

	if (size < 6 || size > 60000)
		return 0;
	if (!pool)
		pool = pkt_pool_new(&lim);
	start = starts[data[0] % 5];
	n = data[2] << 8 | data[3];
	head = 1 + data[4] % HEAD_MAX;
	len = size - 5;
	p = make(data + 5, len, head < len ? head : len, data[1]);
	was = pkt_clone(pool, p);
	for (unsigned i = 0, off = 0; i < (data[1] & S_TWICE ? 2 : 1);
	     i++, off += n) {
		if (pkt_strip(p, n, start) != DROP_NONE) {
			if (!i)
				check_same(p, was, data + 5, len);
			break;
		}
		check_good(p, data + 5 + off + n, len - off - n, start);
		/* the head is the packet's own */
		memset(p->head, 0xee, p->hlen);
		check_same(was, was, data + 5, len);
		memcpy(p->head, data + 5 + off + n, p->hlen);
	}
	pkt_free(p);
	pkt_free(was);
	pkt_pool_stats(pool, &st);
	CHECK(st.pkt_free == st.pkt_total && st.slab_free == st.slab_total);
	return 0;
}
