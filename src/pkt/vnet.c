/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vnet.c - the virtio_net_hdr codec
 *
 * Reading: every field is checked against what the dissector found. Writing:
 * the header is derived from the header map, so it cannot contradict the
 * packet.
 *
 * A UFO packet (gso type UDP, from old guests) is one datagram that somebody else
 * should have fragmented: gso_size is what an IP fragment may carry, the UDP header
 * counted. Who takes datagrams takes it whole; who forwards it cuts it (ufo).
 *
 * The tunnel types (0x20, 0x40): a superpacket with one IP header inside UDP inside
 * another is written with them. Read they are refused: the dissector ends at the outer
 * transport, and ports do not ask the kernel for them.
 */
#include "pkt/vnet.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/linux_compat.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/udp.h"

#define OFF_FLAGS 0
#define OFF_TYPE 1
#define OFF_HDR_LEN 2
#define OFF_GSO_SIZE 4
#define OFF_CSUM_START 6
#define OFF_CSUM_OFF 8
#define OFF_OUTER_TH 20
#define OFF_INNER_NH 22
#define VNET_LEN_MIN 10

/*
 * A checksum that lies in what is payload to us: a tunnel that the kernel made. Its
 * field holds the pseudo header's sum, and it ends with the packet; it is completed
 * on the spot, as the kernel would have done for a port that does not. The packet
 * has just come in: its bytes are nobody else's. A superpacket's cannot be.
 */
static enum drop_reason complete_inside(struct gust_pkt *p, uint32_t start,
					uint32_t off)
{
	uint32_t at = start + off, from = start - p->hlen, sum;
	struct gust_frag *f = p->frag;
	uint16_t c;

	if (!p->nlayer || p->layer[p->nlayer - 1].flags & GUST_LF_FRAGMENT ||
	    start < p->hlen || at + 2 > p->len || p->nfrag != 1 || off % 2 ||
	    from >= f->len)
		return DROP_BAD_VNET;
	sum = csum_add(0, f->p + from, f->len - from);
	c = csum_fold(sum);
	put16(f->p + from + off, c ? c : 0xffff);
	return DROP_NONE;
}

static enum drop_reason decode_csum(struct gust_pkt *p, const uint8_t *vh)
{
	const struct gust_layer *l4 = pkt_l4(p);
	int off = l4 ? pkt_csum_off(l4->kind) : -1;

	if (off < 0 || get16le(vh + OFF_CSUM_START) != l4->off ||
	    get16le(vh + OFF_CSUM_OFF) != off)
		return complete_inside(p, get16le(vh + OFF_CSUM_START),
				       get16le(vh + OFF_CSUM_OFF));
	p->need |= GUST_F_CSUM;
	return DROP_NONE;
}

/* What the gso type claims, for this IP version and transport. NONE: it does
 * not fit. */
static enum gust_gso gso_of(uint8_t type, const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	bool v4;

	if (!l4)
		return GUST_GSO_NONE;
	v4 = l3->kind == GUST_L_IPV4;
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return l4->kind == GUST_L_TCP && v4 ? GUST_GSO_TCP4 : GUST_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return l4->kind == GUST_L_TCP && !v4 ? GUST_GSO_TCP6 :
						       GUST_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_UDP:
		return l4->kind == GUST_L_UDP ? GUST_GSO_UFO : GUST_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		if (l4->kind != GUST_L_UDP)
			return GUST_GSO_NONE;
		return v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6;
	}
	return GUST_GSO_NONE;
}

static enum drop_reason decode_gso(struct gust_pkt *p, const uint8_t *vh)
{
	uint8_t type = vh[OFF_TYPE] & ~VIRTIO_NET_HDR_GSO_ECN;
	bool ecn = vh[OFF_TYPE] & VIRTIO_NET_HDR_GSO_ECN;
	uint16_t size = get16le(vh + OFF_GSO_SIZE);
	enum gust_gso gso;

	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return ecn ? DROP_BAD_VNET : DROP_NONE;
	gso = gso_of(type, p);
	if (gso == GUST_GSO_NONE || !size)
		return DROP_BAD_GSO;
	if (ecn && gso != GUST_GSO_TCP4 && gso != GUST_GSO_TCP6)
		return DROP_BAD_VNET;
	if (gso == GUST_GSO_UFO) {
		size &= ~7; /* fragments are counted in units of 8 bytes */
		if (!size)
			return DROP_BAD_GSO;
		if (pkt_payload_len(p) + UDP_HLEN <= size)
			return DROP_NONE;
	} else if (pkt_payload_len(p) <= size) {
		return DROP_NONE;
	}
	p->gso_type = gso;
	p->gso_size = size;
	if (ecn)
		p->need |= GUST_F_ECN;
	return DROP_NONE;
}

enum drop_reason vnet_decode(struct gust_pkt *p, const uint8_t *vh, unsigned vh_len)
{
	p->gso_size = 0;
	p->gso_type = GUST_GSO_NONE;
	p->need &= ~(uint32_t)(GUST_F_CSUM | GUST_F_CSUM_OK | GUST_F_ECN);
	if (vh_len < VNET_LEN_MIN)
		return DROP_BAD_VNET;
	if (vh[OFF_FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		enum drop_reason r = decode_csum(p, vh);

		if (r != DROP_NONE)
			return r;
	} else if (vh[OFF_FLAGS] & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->need |= GUST_F_CSUM_OK;
	}
	return vh[OFF_TYPE] ? decode_gso(p, vh) : DROP_NONE;
}

static const uint8_t gso_types[] = {
	[GUST_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
	[GUST_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
	[GUST_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
	[GUST_GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
	[GUST_GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	[GUST_GSO_UFO] = VIRTIO_NET_HDR_GSO_UDP,
	[GUST_GSO_SCTP] = VIRTIO_NET_HDR_GSO_NONE,
};

/* The UDP header outside the innermost IP header, NULL when there is no tunnel. */
static const struct gust_layer *tunnel_udp(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *udp = pkt_layer(p, GUST_L_UDP);

	return l3 && udp && udp < l3 ? udp : NULL;
}

/* VIRTIO 1.3 5.1.6: the outer transport, the inner IP header. An outer checksum field
 * holds the pseudo header's sum. */
static void encode_tunnel(struct gust_pkt *p, uint8_t *vh,
			  const struct gust_layer *udp)
{
	const struct gust_layer *l3 = udp;
	const uint8_t *ip;
	uint8_t *field = p->head + udp->off + 6;
	uint32_t len = p->len - udp->off, sum = len + IPPROTO_UDP;
	bool v4;

	while (l3 > p->layer && l3->kind != GUST_L_IPV4 && l3->kind != GUST_L_IPV6)
		l3--;
	v4 = l3->kind == GUST_L_IPV4;
	ip = p->head + l3->off;
	vh[OFF_TYPE] |= v4 ? VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 :
			     VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6;
	put16le(vh + OFF_OUTER_TH, udp->off);
	put16le(vh + OFF_INNER_NH, pkt_l3(p)->off);
	if (!get16(field))
		return;
	vh[OFF_FLAGS] |= VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;
	sum = csum_add(sum, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
	put16(field, csum_fold_plain(sum));
}

void vnet_encode(struct gust_pkt *p, uint8_t *vh, unsigned vh_len)
{
	/* headers that the port repeats say all without it */
	bool plain = !p->gso_size || p->need & GUST_F_PARTIAL;
	const struct gust_layer *udp = plain ? NULL : tunnel_udp(p);
	const struct gust_layer *l4 = pkt_l4(p);
	int off = l4 ? pkt_csum_off(l4->kind) : -1;
	uint32_t owed = GUST_F_CSUM;

	assert(vh_len >= VNET_LEN_MIN && vh_len <= VNET_LEN);
	memset(vh, 0, vh_len);
	if (p->gso_size) {
		vh[OFF_TYPE] = gso_types[p->gso_type];
		if (p->need & GUST_F_ECN)
			vh[OFF_TYPE] |= VIRTIO_NET_HDR_GSO_ECN;
		put16le(vh + OFF_GSO_SIZE, p->gso_size);
		/* VIRTIO 1.2 5.1.6.2: gso needs NEEDS_CSUM. A sum over the whole
		 * that was verified may become one that is owed. */
		owed |= GUST_F_CSUM_OK;
	}
	put16le(vh + OFF_HDR_LEN, p->hlen);
	if (p->need & owed && off >= 0) {
		vh[OFF_FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		put16le(vh + OFF_CSUM_START, l4->off);
		put16le(vh + OFF_CSUM_OFF, off);
		if (l4->kind == GUST_L_SCTP)
			put32(p->head + l4->off + off, 0);
		else
			put16(p->head + l4->off + off,
			      csum_fold_plain(pkt_csum_pseudo(p)));
	} else if (p->need & GUST_F_CSUM_OK) {
		vh[OFF_FLAGS] = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (udp) {
		assert(vh_len == VNET_LEN);
		encode_tunnel(p, vh, udp);
	}
}
