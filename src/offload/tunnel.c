/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tunnel.c - what tunnel plugins ask of the host, and trains of outer datagrams
 *
 * Theory of operation. The PKT_HEAD_LEN bytes in front of where a head ends are the
 * packet's own, whether the head stands in the packet object or in a slab: headroom
 * is in front of where the head began, and a head's end moves only towards its
 * begin. What is pushed and what strip() moves stays within these bytes; a slab's
 * bytes further in front may be another packet's.
 *
 * Checksums of a train. A superpacket of datagrams has one field for all. If one is
 * owed, or was verified over the whole, each slice owes one (nobody completes it
 * when the outer headers are taken off next); where the sender made none, none is
 * made.
 */
#include <errno.h>
#include <string.h>

#include "offload/engine_internal.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"

int tunnel_push(struct gust_pkt *p, const uint8_t *bytes, uint16_t n,
		const struct gust_layer *layer, unsigned nlayer)
{
	if (nlayer > GUST_LAYERS_MAX || p->nlayer + nlayer > GUST_LAYERS_MAX ||
	    p->hlen + (uint32_t)n > PKT_HEAD_LEN || !edit_room(p, n))
		return -ENOBUFS;
	p->head -= n;
	p->hlen += n;
	p->len += n;
	memcpy(p->head, bytes, n);
	for (unsigned i = p->nlayer; i--;) {
		p->layer[i + nlayer] = p->layer[i];
		p->layer[i + nlayer].off += n;
	}
	for (unsigned i = 0; i < nlayer; i++)
		p->layer[i] = layer[i];
	p->nlayer += nlayer;
	return 0;
}

uint32_t tunnel_peek(const struct gust_pkt *p, uint32_t off, void *dst,
		     uint32_t len)
{
	uint32_t n = 0;

	if (off < p->hlen) {
		n = p->hlen - off < len ? p->hlen - off : len;
		memcpy(dst, p->head + off, n);
		off = p->hlen;
	}
	return n + pkt_payload_copy(p, off - p->hlen, (uint8_t *)dst + n, len - n);
}

int tunnel_strip(struct gust_worker *w, struct gust_pkt *p, uint32_t n,
		 uint8_t kind)
{
	enum dissect_start start;

	switch (kind) {
	case GUST_L_ETH:
		start = DISSECT_ETH | DISSECT_ANY;
		break;
	case GUST_L_IPV4:
		start = DISSECT_IP4;
		break;
	case GUST_L_IPV6:
		start = DISSECT_IP6;
		break;
	case GUST_L_NONE:
		start = DISSECT_IP;
		break;
	default:
		return -EINVAL;
	}
	switch (pkt_strip(p, n, start)) {
	case DROP_NONE:
		return 0;
	case DROP_NO_SLAB:
	case DROP_NO_PKT:
		return -ENOBUFS;
	default:
		return -EINVAL;
	}
}

/* ---- the innermost flow ---- */

/* Mix a word in (multiply and fold, as wyhash does). */
static uint64_t mix(uint64_t h, uint64_t v)
{
	__uint128_t m = (__uint128_t)(h ^ UINT64_C(0xa0761d6478bd642f)) *
			(v ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *b, unsigned n)
{
	while (n) {
		unsigned step = n < 8 ? n : 8;
		uint64_t v = 0;

		memcpy(&v, b, step);
		h = mix(h, v);
		b += step;
		n -= step;
	}
	return h;
}

/* The layer that tells one flow from another, besides addresses: its first 4 bytes
 * are ports, or the SPI. NULL: none, or not in every fragment. */
static const struct gust_layer *ports_of(const struct gust_pkt *p)
{
	const struct gust_layer *l = p->nlayer ? &p->layer[p->nlayer - 1] : NULL;

	if (!l)
		return NULL;
	switch (l->kind) {
	case GUST_L_TCP:
	case GUST_L_UDP:
	case GUST_L_SCTP:
	case GUST_L_ESP:
		return l;
	}
	return NULL;
}

uint32_t tunnel_flow_hash(struct gust_worker *w, struct gust_pkt *p)
{
	const struct gust_layer *l4 = ports_of(p);
	uint64_t h = 0x67757374;
	unsigned i = p->nlayer;
	const uint8_t *b;

	/* the innermost address there is */
	while (i && p->layer[i - 1].kind != GUST_L_IPV4 &&
	       p->layer[i - 1].kind != GUST_L_IPV6 &&
	       p->layer[i - 1].kind != GUST_L_ETH)
		i--;
	if (i) {
		b = p->head + p->layer[i - 1].off;
		switch (p->layer[i - 1].kind) {
		case GUST_L_IPV4:
			h = mix_bytes(h ^ b[9], b + 12, 8);
			break;
		case GUST_L_IPV6:
			h = mix_bytes(h, b + 8, 32);
			break;
		default: /* both addresses and the type */
			h = mix_bytes(h, b, 14);
		}
	}
	if (l4)
		h = mix(h ^ l4->kind, get32(p->head + l4->off));
	h ^= h >> 32;
	return (uint32_t)h ? (uint32_t)h : 1;
}

/* ---- trains ---- */

bool tunnel_is_train(const struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);
	unsigned nip = 0;

	if (!p->gso_size || !l4 || l4->kind != GUST_L_UDP ||
	    l4 != &p->layer[p->nlayer - 1])
		return false;
	for (unsigned i = 0; i < p->nlayer; i++)
		nip += p->layer[i].kind == GUST_L_IPV4 ||
		       p->layer[i].kind == GUST_L_IPV6;
	return nip == 1;
}

unsigned tunnel_slice(struct gust_worker *w, struct gust_pkt *p,
		      struct gust_batch *out)
{
	struct gust_gso_req req = { .step = p->gso_size, .mtu = UINT32_MAX };
	uint32_t need = p->need & GUST_F_CSUM_OK;
	const uint8_t *udp = p->head + pkt_l4(p)->off;
	enum drop_reason why = DROP_BAD_GSO;
	struct gust_batch pieces;
	struct gust_cut c;
	struct gust_pkt *q;

	if (p->need & GUST_F_CSUM || get16(udp + 6))
		need = GUST_F_CSUM;
	gust_batch_init(&pieces);
	if (cut_begin(&c, w, p, &req))
		goto drop;
	while ((q = cut_next(&c))) {
		q->need = need;
		gust_batch_push(&pieces, q);
	}
	if (!cut_end(&c, &pieces, out))
		return 0;
	why = DROP_NO_PKT;
drop:
	drop_count(w->conf.drops, why, 1);
	pkt_free(p);
	return 1;
}
