/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gust/seg.h - what plugins that cut have in common: may this packet be cut?
 *
 * A header map comes from the daemon's dissector, but a plugin that writes by it
 * looks first: every offset is held against the bytes, once per superpacket.
 */
#ifndef GUST_SEG_H
#define GUST_SEG_H

#include <gust/plugin.h>

#define GUST_IP4_DF 0x4000 /* in the 16 bits of flags and fragment offset */

/* First byte of a GRE header (RFC 2784, 2890). */
#define GUST_GRE_CSUM 0x80
#define GUST_GRE_KEY 0x20
#define GUST_GRE_SEQ 0x10

enum gust_seg {
	GUST_SEG_CUT, /* go ahead */
	GUST_SEG_REFUSED, /* the headers forbid it: see gust_seg_whole() */
	GUST_SEG_BAD, /* map or gso_size contradict the bytes */
};

/* Is there a whole header of layer `i`, and does it end where the next begins?
 * Layers whose length does not stand in them need their fixed part. */
static inline bool gust_seg_layer_ok(const struct gust_pkt *p, unsigned i)
{
	static const uint8_t min[] = {
		[GUST_L_ETH] = 14,    [GUST_L_VLAN] = 4,    [GUST_L_ARP] = 28,
		[GUST_L_IPV4] = 20,   [GUST_L_IPV6] = 40,   [GUST_L_HOPOPTS] = 8,
		[GUST_L_ROUTING] = 8, [GUST_L_FRAGHDR] = 8, [GUST_L_DSTOPTS] = 8,
		[GUST_L_AH] = 12,     [GUST_L_ESP] = 8,     [GUST_L_TCP] = 20,
		[GUST_L_UDP] = 8,     [GUST_L_ICMP] = 8,    [GUST_L_ICMP6] = 8,
		[GUST_L_SCTP] = 12,   [GUST_L_GRE] = 4,     [GUST_L_VXLAN] = 8,
		[GUST_L_GENEVE] = 8,  [GUST_L_GUE] = 4,
	};
	const struct gust_layer *l = &p->layer[i];
	uint32_t end = i + 1u < p->nlayer ? p->layer[i + 1].off : p->hlen;
	uint32_t n, hlen;
	const uint8_t *b = p->head + l->off;

	if (l->kind >= sizeof(min) || !min[l->kind] || l->off > end ||
	    end > p->hlen || end - l->off < min[l->kind])
		return false;
	n = end - l->off;
	switch (l->kind) {
	case GUST_L_IPV4:
		hlen = b[0] >> 4 == 4 ? (b[0] & 15) * 4u : 0;
		break;
	case GUST_L_IPV6:
		hlen = b[0] >> 4 == 6 ? 40 : 0;
		break;
	case GUST_L_HOPOPTS:
	case GUST_L_ROUTING:
	case GUST_L_DSTOPTS:
		hlen = (b[1] + 1u) * 8;
		break;
	case GUST_L_TCP:
		return (b[12] >> 4) * 4u == n;
	case GUST_L_UDP: /* a tunnel's or the last: the header is all of it */
		return n == 8;
	default:
		return true;
	}
	/* a fragment's map ends early: its head may go on */
	return hlen >= min[l->kind] && (i + 1u < p->nlayer ? hlen == n : hlen <= n);
}

/* Headers behind which segments must not be told apart, or would never be put
 * together again: IPsec (the authentication value covers the whole), a routing
 * header that is not at its end (the transport's pseudo header has the last
 * address in it), fragments. */
static inline bool gust_seg_forbids(const struct gust_pkt *p,
				    const struct gust_layer *l)
{
	switch (l->kind) {
	case GUST_L_AH:
	case GUST_L_ESP:
	case GUST_L_FRAGHDR:
		return true;
	case GUST_L_ROUTING:
		return p->head[l->off + 3] != 0; /* segments left */
	}
	return l->flags & GUST_LF_FRAGMENT;
}

/* The outermost layer that is not Ethernet's, or NULL. */
static inline const struct gust_layer *gust_seg_outer(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind != GUST_L_ETH &&
		    p->layer[i].kind != GUST_L_VLAN)
			return &p->layer[i];
	return NULL;
}

/* Where the outermost IP header begins; there is one. */
static inline uint32_t gust_seg_ip_off(const struct gust_pkt *p)
{
	return gust_seg_outer(p)->off;
}

static inline bool gust_seg_is_ip(const struct gust_layer *l)
{
	return l && (l->kind == GUST_L_IPV4 || l->kind == GUST_L_IPV6);
}

/*
 * Look at a superpacket whose segments are those of `kind` (GUST_L_TCP or another
 * transport), which must be the innermost layer, right behind IP and its
 * extension headers. *ret_i3 is that IP layer's index. What is too short for a
 * second segment passes: it is cut into one.
 */
static inline enum gust_seg gust_seg_look(const struct gust_pkt *p, uint8_t kind,
					  unsigned *ret_i3)
{
	uint32_t max; /* UFO's gso_size counts the UDP header */
	unsigned i;

	if (!p->nlayer || p->nlayer > GUST_LAYERS_MAX)
		return GUST_SEG_BAD;
	for (i = 0; i < p->nlayer; i++)
		if (!gust_seg_layer_ok(p, i))
			return GUST_SEG_BAD;
	if (!gust_seg_is_ip(gust_seg_outer(p)))
		return GUST_SEG_BAD;
	for (i = 0; i < p->nlayer; i++)
		if (gust_seg_forbids(p, &p->layer[i]))
			return GUST_SEG_REFUSED;
	max = p->len - p->hlen + (p->gso_type == GUST_GSO_UFO ? 8 : 0);
	if (!p->gso_size || p->gso_size > max)
		return GUST_SEG_BAD;
	if (p->layer[--i].kind != kind)
		return GUST_SEG_BAD;
	while (i-- && p->layer[i].kind >= GUST_L_HOPOPTS &&
	       p->layer[i].kind <= GUST_L_DSTOPTS)
		;
	if (i >= p->nlayer || !gust_seg_is_ip(&p->layer[i]))
		return GUST_SEG_BAD;
	*ret_i3 = i;
	return GUST_SEG_CUT;
}

/* Where the sequence number of layer `i` stands, a GRE header that has one; 0: none. */
static inline uint32_t gust_seg_seq_off(const struct gust_pkt *p, unsigned i)
{
	uint32_t off = p->layer[i].off;
	uint8_t b;

	if (p->layer[i].kind != GUST_L_GRE || off + 4 > p->hlen)
		return 0;
	b = p->head[off];
	if (!(b & GUST_GRE_SEQ))
		return 0;
	off += 4 + (b & GUST_GRE_CSUM ? 4 : 0) + (b & GUST_GRE_KEY ? 4 : 0);
	return off + 4 <= p->hlen ? off : 0;
}

static inline bool gust_seg_has_seq(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (gust_seg_seq_off(p, i))
			return true;
	return false;
}

/* GRE sequence numbers count up from segment to segment, as IPv4 IDs do: add `by` to
 * each. Lengths and checksums are to be made afterwards. */
static inline void gust_seg_count_seq(struct gust_pkt *p, uint32_t by)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		uint32_t off = gust_seg_seq_off(p, i);

		if (off)
			gust_put32(p->head + off, gust_get32(p->head + off) + by);
	}
}

/*
 * A superpacket that must not be cut goes on as one packet, with its checksum
 * completed if it was owed, when it fits the MTU; otherwise it is dropped by name.
 * True: it went on.
 */
static inline bool gust_seg_whole(const struct gust_host *host,
				  struct gust_worker *w, struct gust_pkt *p,
				  const struct gust_gso_req *req,
				  struct gust_batch *out)
{
	if (p->len - gust_seg_ip_off(p) > req->mtu) {
		host->drop(w, p, GUST_DROP_GSO_REFUSED);
		return false;
	}
	p->gso_size = 0;
	p->gso_type = GUST_GSO_NONE;
	p->need &= ~(uint32_t)(GUST_F_ECN | GUST_F_ACCECN | GUST_F_PARTIAL);
	if (p->need & GUST_F_CSUM)
		host->csum_complete(p);
	gust_batch_push(out, p);
	return true;
}

/* What a plugin's gso() does with each packet that may be cut. */
typedef void (*gust_seg_cut_fn)(const void *state, struct gust_pkt *p /*taken*/,
				unsigned i3, const struct gust_gso_req *req,
				struct gust_batch *out);

/*
 * The loop of a gso(): every packet of `in`, whose segments are those of `kind`, is
 * cut, sent on whole or dropped by name. Returns how many went on whole.
 */
static inline unsigned
gust_seg_run(const struct gust_host *host, struct gust_worker *w, uint8_t kind,
	     struct gust_batch *in /*taken*/, const struct gust_gso_req *req,
	     struct gust_batch *out, gust_seg_cut_fn cut, const void *state)
{
	unsigned whole = 0, i3;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		switch (gust_seg_look(p, kind, &i3)) {
		case GUST_SEG_CUT:
			cut(state, p, i3, req, out);
			break;
		case GUST_SEG_REFUSED:
			whole += gust_seg_whole(host, w, p, req, out);
			break;
		case GUST_SEG_BAD:
			host->drop(w, p, GUST_DROP_BAD_GSO);
			break;
		}
	}
	return whole;
}

#endif
