/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gust/packet.h - the packet: a private head, shared payload, a header map
 *
 * A packet is a short contiguous *head* that belongs to it alone (all headers
 * up to and including the innermost transport's, with headroom in front) and
 * up to `nfrag` immutable payload fragments, which may be shared with other
 * packets. Everything that changes a packet rewrites heads and moves
 * fragments; payload bytes are not copied.
 *
 * Invariants
 *   - `hlen` bytes at `head` are contiguous and writable, with at least
 *     GUST_HEADROOM bytes in front when the packet is new;
 *   - `len` == `hlen` + the sum of all fragment lengths;
 *   - every `layer[].off` was derived by our own dissector from the bytes.
 */
#ifndef GUST_PACKET_H
#define GUST_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define GUST_HEADROOM 512
#define GUST_LAYERS_MAX 24

struct gust_slab; /* a reference-counted buffer, see gust/slab.h of the daemon */
struct pkt_pool;

/* `len` bytes at `p`, inside `slab`, on which this fragment holds one
 * reference. */
struct gust_frag {
	uint8_t *p;
	struct gust_slab *slab;
	uint32_t len;
};

enum gust_layer_kind {
	GUST_L_NONE,
	GUST_L_ETH, /* 14 bytes */
	GUST_L_VLAN, /* 4 bytes, 802.1Q or 802.1ad tag */
	GUST_L_ARP,
	GUST_L_IPV4, /* options included */
	GUST_L_IPV6, /* the 40 bytes */
	GUST_L_HOPOPTS,
	GUST_L_ROUTING,
	GUST_L_FRAGHDR, /* IPv6 fragment header */
	GUST_L_DSTOPTS,
	GUST_L_AH,
	GUST_L_ESP,
	GUST_L_TCP, /* options included */
	GUST_L_UDP,
	GUST_L_ICMP, /* 8 bytes */
	GUST_L_ICMP6, /* 8 bytes */
	GUST_L_SCTP,
	GUST_L_GRE,
	GUST_L_VXLAN,
	GUST_L_GENEVE,
	GUST_L_GUE,
};

/* gust_layer.flags */
#define GUST_LF_FRAGMENT 0x01 /* IPV4/FRAGHDR: not a whole datagram */
#define GUST_LF_JUMBO 0x02 /* IPV4: tot_len 0; HOPOPTS: RFC 2675 option */
#define GUST_LF_FIXEDID                                                            \
	0x04 /* IPV4 of a superpacket: all segments have this ID;
				otherwise it counts up from segment to segment */

struct gust_layer {
	uint8_t kind; /* enum gust_layer_kind */
	uint8_t flags; /* GUST_LF_* */
	uint16_t off; /* from head */
};

/* gust_pkt.gso_type: what the innermost transport's segments are */
enum gust_gso {
	GUST_GSO_NONE,
	GUST_GSO_TCP4,
	GUST_GSO_TCP6,
	GUST_GSO_UDP4, /* USO: every segment a datagram */
	GUST_GSO_UDP6,
	GUST_GSO_UFO, /* IP fragments of one datagram; gso_size: data bytes of a
			 fragment, the UDP header counted */
	GUST_GSO_SCTP, /* gso_size is GUST_GSO_BY_FRAGS */
	GUST_GSO_N
};

/* gust_pkt.gso_size: segments are not equal; each payload fragment is the
 * payload of one, and fragments are not joined. */
#define GUST_GSO_BY_FRAGS 0xffff

/* gust_pkt.need: work that is owed before the wire, and what was done */
/* The innermost transport checksum is to be completed; the field's content is
 * undefined inside gust. SCTP: the CRC32c. */
#define GUST_F_CSUM 0x0001
/* It was verified on the way in, or is vouched for by the kernel. */
#define GUST_F_CSUM_OK 0x0002
/* TCP superpacket with CWR: it belongs to the first segment only. */
#define GUST_F_ECN 0x0004
/* TCP superpacket with CWR on every segment (Accurate ECN, RFC 9768): the flag
 * is copied. */
#define GUST_F_ACCECN 0x0008
/* GSO_PARTIAL: the headers outside the innermost transport already say what one
 * full segment needs; the port repeats them, counting IPv4 IDs up. */
#define GUST_F_PARTIAL 0x0010

struct gust_pkt {
	struct gust_pkt *next; /* in a batch */
	struct pkt_pool *pool;
	uint8_t *head;
	struct gust_slab *head_slab; /* NULL: the head is the packet's own */
	uint32_t len; /* every byte, head and payload */
	uint16_t hlen; /* header bytes; the payload begins here */
	uint16_t gso_size; /* payload bytes of one segment; 0: not a superpacket */
	uint8_t gso_type; /* enum gust_gso */
	uint8_t nlayer;
	uint16_t nfrag;
	uint32_t need; /* GUST_F_* */
	uint32_t hash; /* flow hash, 0: not computed */
	uint16_t port, queue; /* where it came from */
	uint16_t frag_cap;
	uint8_t hops; /* bridges and routers of ours that it has crossed */
	struct gust_frag *frag; /* frag_inl, or an array of frag_cap */
	struct gust_frag frag_inl[2];
	struct gust_layer layer[GUST_LAYERS_MAX]; /* outermost first */
};

/* A FIFO of packets; owns them. */
struct gust_batch {
	struct gust_pkt *first, *last;
	uint32_t n;
};

static inline void gust_batch_init(struct gust_batch *b)
{
	b->first = b->last = 0;
	b->n = 0;
}

static inline void gust_batch_push(struct gust_batch *b, struct gust_pkt *p)
{
	p->next = 0;
	if (b->last)
		b->last->next = p;
	else
		b->first = p;
	b->last = p;
	b->n++;
}

static inline struct gust_pkt *gust_batch_pop(struct gust_batch *b)
{
	struct gust_pkt *p = b->first;

	if (!p)
		return 0;
	b->first = p->next;
	if (!b->first)
		b->last = 0;
	b->n--;
	p->next = 0;
	return p;
}

/* Move all of `from` behind `to`. */
static inline void gust_batch_splice(struct gust_batch *to, struct gust_batch *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->n += from->n;
	gust_batch_init(from);
}

#endif
