/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pkt.h - operations on packets
 */
#ifndef GUST_PKT_PKT_H
#define GUST_PKT_PKT_H

#include <gust/packet.h>
#include <string.h>
#include <sys/uio.h>

#include "pkt/slab.h"

/* Bytes of head that a fresh packet has behind its headroom. */
#define PKT_HEAD_LEN 512

/* An empty packet (hlen 0, len 0, no layers) whose own head buffer has
 * GUST_HEADROOM bytes in front of `head` and PKT_HEAD_LEN behind. NULL at the
 * pool's limit. */
struct gust_pkt *pkt_new(struct pkt_pool *pool);

/* A packet of `len` bytes that stand contiguously in `slab` at `p`, with
 * GUST_HEADROOM free bytes in front of `p`. Takes one new reference on the
 * slab for the head; hlen == len, no fragments, no layers: pkt_dissect() then
 * splits off the payload. (hlen has 16 bits: what lies beyond 65535 bytes
 * becomes frag[0] at once, with a reference of its own.) NULL at the limit. */
struct gust_pkt *pkt_from_slab(struct pkt_pool *pool, struct gust_slab *slab,
			       uint8_t *p, uint32_t len);

/* Drop all references and return the object. NULL is fine. */
void pkt_free(struct gust_pkt *p);
void pkt_batch_free(struct gust_batch *b);

/* A packet with a private copy of the head and shared payload. NULL at the
 * limit. */
struct gust_pkt *pkt_clone(struct pkt_pool *pool, const struct gust_pkt *p);

/* Room for `n` fragments in all. 0 or -ENOMEM. */
int pkt_frag_reserve(struct gust_pkt *p, uint32_t n);

/* Append a fragment, taking over the reference of *f. Adjacent pieces of one
 * slab are joined. 0 or -ENOMEM (then *f still is the caller's). */
int pkt_frag_add(struct gust_pkt *p, const struct gust_frag *f /*taken*/);

/* The same without joining: one fragment more (GUST_GSO_BY_FRAGS). */
int pkt_frag_push(struct gust_pkt *p, const struct gust_frag *f /*taken*/);

/* The same in front of all other payload. */
int pkt_frag_add_front(struct gust_pkt *p, const struct gust_frag *f /*taken*/);

/* Keep the payload bytes [off, off + len) only. */
void pkt_payload_slice(struct gust_pkt *p, uint32_t off, uint32_t len);

static inline uint32_t pkt_payload_len(const struct gust_pkt *p)
{
	return p->len - p->hlen;
}

/* Copy `len` payload bytes from `off`. Returns bytes copied. */
uint32_t pkt_payload_copy(const struct gust_pkt *p, uint32_t off, void *dst,
			  uint32_t len);

/* Ones' complement sum of payload bytes [off, off + len). */
uint32_t pkt_payload_csum(const struct gust_pkt *p, uint32_t off, uint32_t len);

/* Free bytes in front of the head. */
uint32_t pkt_headroom(const struct gust_pkt *p);

/* Grow the head by `n` bytes in front (n <= what headroom is left; the caller
 * has put at most GUST_HEADROOM bytes in front of any packet) and shift the
 * header map. Returns the new head. */
uint8_t *pkt_push(struct gust_pkt *p, uint16_t n);

/* Remove `n` header bytes in front; layers that began there are dropped from
 * the map. */
void pkt_pull(struct gust_pkt *p, uint16_t n);

/* Insert a layer in front of the map (after pkt_push) or at its end. */
void pkt_layer_push(struct gust_pkt *p, uint8_t kind, uint8_t flags);
void pkt_layer_append(struct gust_pkt *p, uint8_t kind, uint8_t flags,
		      uint16_t off);

/* Give `q` the map of `p`: copied in a length that the compiler knows, one cache line
 * for all but deep tunnels. */
static inline void pkt_layers_copy(struct gust_pkt *q, const struct gust_pkt *p)
{
	if (p->nlayer <= 8)
		memcpy(q->layer, p->layer, 8 * sizeof(p->layer[0]));
	else
		memcpy(q->layer, p->layer, sizeof(p->layer));
	q->nlayer = p->nlayer;
}

/* The outermost layer of this kind, NULL when there is none. */
const struct gust_layer *pkt_layer(const struct gust_pkt *p, uint8_t kind);

/* The innermost IP layer (IPV4 or IPV6) and the transport inside it (TCP, UDP,
 * ICMP, ICMP6, SCTP); NULL when there is none, as in a fragment. */
const struct gust_layer *pkt_l3(const struct gust_pkt *p);
const struct gust_layer *pkt_l4(const struct gust_pkt *p);

/* The outermost IP layer, NULL when there is none. */
const struct gust_layer *pkt_outer_l3(const struct gust_pkt *p);

/* Header bytes of one segment from the IP layer `l3` on: what `p` has but jumbo
 * headers (RFC 2675), which no segment carries. */
uint32_t pkt_seg_hdrs(const struct gust_pkt *p, const struct gust_layer *l3);

/* Head and payload as iovecs, `first` reserved entries left free at the front
 * (for a vnet_hdr). Adjacent pieces are joined. Returns entries used including
 * the reserved ones, or -E2BIG. */
int pkt_iov(const struct gust_pkt *p, struct iovec *iov, unsigned max,
	    unsigned first);

/* Segments that a superpacket becomes on the wire (1 for a plain packet). */
static inline uint32_t pkt_segs(const struct gust_pkt *p)
{
	uint32_t n = pkt_payload_len(p);

	if (p->gso_size == GUST_GSO_BY_FRAGS)
		return p->nfrag ? p->nfrag : 1;
	if (p->gso_type == GUST_GSO_UFO)
		n += 8; /* the UDP header counts */
	return p->gso_size && n ? (n + p->gso_size - 1) / p->gso_size : 1;
}

/* Offset of the checksum field in a transport layer of this kind, -1: none
 * that we compute. */
int pkt_csum_off(uint8_t kind);

/* The pseudo header's sum of the innermost transport, which the packet has: the
 * length is every byte from the transport header on. 0 for ICMP and SCTP, which
 * have none. */
uint32_t pkt_csum_pseudo(const struct gust_pkt *p);

/* Complete the innermost transport checksum in software (TCP, UDP, ICMP,
 * ICMPv6, SCTP by the header map), clear GUST_F_CSUM and set GUST_F_CSUM_OK. The
 * packet must not be a superpacket. */
void pkt_csum_complete(struct gust_pkt *p);

/* Verify IPv4 header checksum and the innermost transport's checksum (UDP zero
 * over IPv4 is right, over IPv6 is not). Sets GUST_F_CSUM_OK and returns true
 * when both hold; packets that carry GUST_F_CSUM or GUST_F_CSUM_OK pass
 * without reading payload. */
bool pkt_csum_verify(struct gust_pkt *p);

#endif
