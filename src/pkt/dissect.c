/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect.c - build the header map from the bytes
 *
 * Theory of operation. A walk holds four offsets from the packet's head:
 *
 *   0 ... off ............. lim ............. end ....... len
 *         next header       of the bytes      of the      padding,
 *                           that stand        innermost   cut at the end
 *                           contiguously      length
 *
 * off <= lim <= end <= len always. Each step checks that its header lies below
 * `lim`, adds a layer, and may only bring `end` (and with it `lim`) closer: an
 * inner length never reaches beyond an outer one. When the walk has succeeded
 * the packet is changed once: padding cut, and what lies between `off` and the
 * head's end becomes the first fragment. A packet that is refused keeps its
 * bytes as they are, with a map of what was understood. The result is
 * consistent: dissected again it gives the same map.
 *
 * A tunnel is entered by a copy of the walk, which takes its place only when all
 * that is inside is right and ends where the outside does: padding inside a tunnel
 * could not be cut without making the outer lengths wrong. Otherwise the copy is
 * forgotten, and the packet is what the outer headers say.
 *
 * Limits: VLAN_MAX tags, EXT_MAX extension headers. RFC 8200 4.1 recommends an
 * order and an endpoint takes any; only hop-by-hop options must come first
 * (4.3), and one fragment header is enough.
 */
#include "pkt/dissect.h"

#include <netinet/in.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/sctp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define VLAN_MAX 4
#define VLAN_HLEN 4
#define EXT_MAX 8
#define AH_HLEN_MIN 12
#define ESP_HLEN 8 /* SPI and sequence number */

#define VXLAN_PORT 4789
#define VXLAN_HLEN 8
#define VXLAN_I 0x08 /* the network identifier is valid */

struct walk {
	struct gust_pkt *p;
	uint32_t off, lim, end;
	bool tunnels; /* enter them */
	bool inside; /* of one */
	bool any; /* frames of other protocols are opaque, not refused */
	bool surplus; /* the IP header at surplus_ip says more than is kept */
	bool surplus_v6;
	bool v6;
	bool big; /* IP length field 0, more than 64 KB */
	uint32_t ip; /* where the IP header begins */
	uint32_t surplus_ip;
};

static inline uint32_t left(const struct walk *w)
{
	return w->lim - w->off;
}

static inline const uint8_t *at(const struct walk *w)
{
	return w->p->head + w->off;
}

static inline void set_end(struct walk *w, uint32_t end)
{
	w->end = end;
	if (w->lim > end)
		w->lim = end;
}

/* Enter a header of `len` bytes, which the caller has checked to be there. */
static enum drop_reason enter(struct walk *w, uint8_t kind, uint8_t flags,
			      uint32_t len)
{
	if (w->p->nlayer == GUST_LAYERS_MAX)
		return DROP_TOO_DEEP;
	pkt_layer_append(w->p, kind, flags, w->off);
	w->off += len;
	return DROP_NONE;
}

/* ---- transport ---- */

static enum drop_reason walk_tcp(struct walk *w)
{
	uint32_t hlen;

	if (left(w) < TCP_HLEN)
		return DROP_SHORT;
	hlen = (at(w)[12] >> 4) * 4;
	if (hlen < TCP_HLEN || hlen > left(w))
		return DROP_BAD_TCPHDR;
	return enter(w, GUST_L_TCP, 0, hlen);
}

/* The datagram ends before the IP packet does (UDP options, RFC 9868, live
 * there; as an endpoint that knows none we leave them out). */
static void cut_surplus(struct walk *w, uint32_t end)
{
	set_end(w, end);
	w->surplus = true;
	w->surplus_v6 = w->v6;
	w->surplus_ip = w->ip;
}

/* The IP length follows, so that what goes on is a whole packet. */
static void fix_surplus(const struct walk *w, uint8_t *head)
{
	uint8_t *ip = head + w->surplus_ip;
	uint32_t n = w->end - w->surplus_ip;

	if (!w->surplus)
		return;
	if (w->surplus_v6)
		put16(ip + 4, n - IPV6_HLEN);
	else
		ipv4_set_len_id(ip, n, get16(ip + 4));
}

static enum drop_reason walk_eth(struct walk *w);

/* RFC 7348 section 5; reserved bits are ignored. Behind UDP to VXLAN's port may be
 * anything: what is no VXLAN stays payload. Recursion ends with the map. */
static void walk_vxlan(struct walk *w)
{
	struct walk in = *w;
	uint8_t nlayer = w->p->nlayer;

	if (left(w) < VXLAN_HLEN || !(at(w)[0] & VXLAN_I))
		return;
	in.inside = true;
	in.v6 = in.big = false;
	if (enter(&in, GUST_L_VXLAN, 0, VXLAN_HLEN) == DROP_NONE &&
	    walk_eth(&in) == DROP_NONE && in.end == w->end)
		*w = in;
	else
		w->p->nlayer = nlayer;
}

static enum drop_reason walk_udp(struct walk *w)
{
	uint32_t len, avail = w->end - w->off;
	const uint8_t *udp = at(w);
	enum drop_reason r;

	if (left(w) < UDP_HLEN)
		return DROP_SHORT;
	len = get16(at(w) + 4);
	/* RFC 2675 4: a UDP jumbogram has length 0 */
	if (!len && w->v6 && avail > UINT16_MAX)
		len = avail;
	if (len < UDP_HLEN || len > avail || (len < avail && (w->big || w->inside)))
		return DROP_BAD_UDPLEN;
	r = enter(w, GUST_L_UDP, 0, UDP_HLEN);
	if (r != DROP_NONE)
		return r;
	if (len < avail)
		cut_surplus(w, w->end - (avail - len));
	if (w->tunnels && get16(udp + 2) == VXLAN_PORT)
		walk_vxlan(w);
	return DROP_NONE;
}

static enum drop_reason walk_icmp(struct walk *w, uint8_t kind)
{
	if (left(w) < ICMP_HLEN)
		return DROP_SHORT;
	return enter(w, kind, 0, ICMP_HLEN);
}

/* The common header; chunks are payload. */
static enum drop_reason walk_sctp(struct walk *w)
{
	if (left(w) < SCTP_HLEN)
		return DROP_SHORT;
	return enter(w, GUST_L_SCTP, 0, SCTP_HLEN);
}

/* IPsec. What is inside is encrypted, or its sender vouches for every byte of it
 * (RFC 4302): the walk ends here, and there is no transport that could be cut or
 * summed. */
static enum drop_reason walk_ah(struct walk *w)
{
	uint32_t hlen;

	if (left(w) < AH_HLEN_MIN)
		return DROP_SHORT;
	hlen = (at(w)[1] + 2u) * 4;
	if (hlen < AH_HLEN_MIN || hlen > left(w))
		return DROP_SHORT;
	return enter(w, GUST_L_AH, 0, hlen);
}

static enum drop_reason walk_esp(struct walk *w)
{
	if (left(w) < ESP_HLEN)
		return DROP_SHORT;
	return enter(w, GUST_L_ESP, 0, ESP_HLEN);
}

/* What we do not know has no transport layer: its bytes are payload. */
static enum drop_reason walk_transport(struct walk *w, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return walk_tcp(w);
	case IPPROTO_UDP:
		return walk_udp(w);
	case IPPROTO_ICMP:
		return w->v6 ? DROP_NONE : walk_icmp(w, GUST_L_ICMP);
	case IPPROTO_ICMPV6:
		return w->v6 ? walk_icmp(w, GUST_L_ICMP6) : DROP_NONE;
	case IPPROTO_SCTP:
		return walk_sctp(w);
	case IPPROTO_AH:
		return walk_ah(w);
	case IPPROTO_ESP:
		return walk_esp(w);
	}
	return DROP_NONE;
}

/* ---- IPv4 ---- */

static enum drop_reason walk_ip4(struct walk *w)
{
	const uint8_t *ip = at(w);
	uint32_t avail = w->end - w->off, hlen, tot;
	uint8_t flags = 0;
	enum drop_reason r;

	if (left(w) < IPV4_HLEN)
		return DROP_SHORT;
	if (ip[0] >> 4 != 4)
		return DROP_BAD_VERSION;
	hlen = (ip[0] & 15) * 4;
	if (hlen < IPV4_HLEN || hlen > left(w))
		return DROP_BAD_IHL;
	tot = get16(ip + 2);
	if (!tot && avail > UINT16_MAX) { /* BIG TCP: the length is outside */
		tot = avail;
		flags |= GUST_LF_JUMBO;
		w->big = true;
	}
	if (tot < hlen || tot > avail)
		return DROP_BAD_LEN;
	if (!ipv4_csum_ok(ip, hlen))
		return DROP_BAD_IPCSUM;
	if (hlen > IPV4_HLEN && ipv4_check_opts(ip + IPV4_HLEN, hlen - IPV4_HLEN))
		return DROP_IP_OPTION;
	if (get16(ip + 6) & 0x3fff) /* offset, or more fragments */
		flags |= GUST_LF_FRAGMENT;
	if (flags == (GUST_LF_FRAGMENT | GUST_LF_JUMBO))
		return DROP_BAD_LEN;
	w->ip = w->off;
	set_end(w, w->off + tot);
	r = enter(w, GUST_L_IPV4, flags, hlen);
	if (r != DROP_NONE || flags & GUST_LF_FRAGMENT)
		return r;
	return walk_transport(w, ip[9]);
}

/* ---- IPv6 ---- */

/* Hop-by-hop or destination options. */
static enum drop_reason walk_opts(struct walk *w, uint8_t nh, uint16_t hlen)
{
	uint8_t action, flags = 0;
	uint32_t jumbo = 0;
	uint16_t off;

	/* An unknown option that asks for discard is discarded. Deviation from
	 * RFC 8200 4.2: the parameter problem that 10 and 11 ask for as well is
	 * not sent; what the dissector refuses is dropped and counted at the
	 * port, before there is a stack that could answer. */
	if (ipv6_opts_walk(at(w), hlen, &jumbo, &action, &off))
		return DROP_BAD_EXTHDR;
	if (jumbo) {
		/* RFC 2675 3: in hop-by-hop options only, with payload length
		 * 0 only, never for what 16 bits could say */
		if (nh != IP6_NH_HOPOPTS)
			return DROP_BAD_EXTHDR;
		if (!w->big || jumbo <= UINT16_MAX ||
		    jumbo > w->end - w->ip - IPV6_HLEN)
			return DROP_BAD_LEN;
		set_end(w, w->ip + IPV6_HLEN + jumbo);
		flags = GUST_LF_JUMBO;
	}
	return enter(w, nh == IP6_NH_HOPOPTS ? GUST_L_HOPOPTS : GUST_L_DSTOPTS,
		     flags, hlen);
}

/* RFC 8200 4.4: whatever its type, a routing header without segments left is
 * passed over. One with segments left wants to be forwarded to another node,
 * which RFC 5095 forbids for type 0 and we, an endpoint, do for none (as IPv4's
 * source routes, ipv4_check_opts()). */
static enum drop_reason walk_routing(struct walk *w, uint16_t hlen)
{
	if (at(w)[3])
		return DROP_BAD_EXTHDR;
	return enter(w, GUST_L_ROUTING, 0, hlen);
}

static enum drop_reason walk_fraghdr(struct walk *w, bool *ret_stop)
{
	struct ipv6_frag f;
	bool part;

	/* RFC 2675 3: no fragment header in a jumbogram */
	if (w->big)
		return DROP_BAD_EXTHDR;
	ipv6_frag_parse(at(w), &f);
	part = f.off || f.more; /* otherwise an atomic fragment, RFC 6946 */
	*ret_stop = part;
	return enter(w, GUST_L_FRAGHDR, part ? GUST_LF_FRAGMENT : 0, 8);
}

static enum drop_reason walk_ext(struct walk *w, uint8_t nh)
{
	bool stop = false, seen_frag = false;

	for (unsigned n = 0; !stop; n++) {
		enum drop_reason r;
		uint16_t hlen;
		uint8_t next;

		switch (nh) {
		case IP6_NH_HOPOPTS:
			if (n)
				return DROP_BAD_EXTHDR;
			break;
		case IP6_NH_FRAGMENT:
			if (seen_frag)
				return DROP_BAD_EXTHDR;
			seen_frag = true;
			break;
		case IP6_NH_ROUTING:
		case IP6_NH_DSTOPTS:
			break;
		default:
			return walk_transport(w, nh);
		}
		if (n == EXT_MAX)
			return DROP_TOO_DEEP;
		if (ipv6_ext_parse(nh, at(w), left(w), &next, &hlen))
			return DROP_BAD_EXTHDR;
		if (nh == IP6_NH_FRAGMENT)
			r = walk_fraghdr(w, &stop);
		else if (nh == IP6_NH_ROUTING)
			r = walk_routing(w, hlen);
		else
			r = walk_opts(w, nh, hlen);
		if (r != DROP_NONE)
			return r;
		nh = next;
	}
	return DROP_NONE;
}

/* RFC 4291 2.5.5.2 addresses stand for IPv4 inside gust; on the wire they would
 * be mistaken for it. */
static bool is_mapped(const uint8_t *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a, prefix, 12);
}

static enum drop_reason walk_ip6(struct walk *w)
{
	const uint8_t *ip = at(w);
	uint32_t avail = w->end - w->off, plen;
	enum drop_reason r;

	if (left(w) < IPV6_HLEN)
		return DROP_SHORT;
	if (ip[0] >> 4 != 6)
		return DROP_BAD_VERSION;
	plen = get16(ip + 4);
	/* length 0: a jumbogram, with or without the option that says so */
	w->big = !plen && avail > IPV6_HLEN + UINT16_MAX;
	if (w->big)
		plen = avail - IPV6_HLEN;
	if (plen > avail - IPV6_HLEN)
		return DROP_BAD_LEN;
	if (is_mapped(ip + 8) || is_mapped(ip + 24))
		return DROP_BAD_ADDR;
	w->v6 = true;
	w->ip = w->off;
	set_end(w, w->ip + IPV6_HLEN + plen);
	r = enter(w, GUST_L_IPV6, 0, IPV6_HLEN);
	if (r != DROP_NONE)
		return r;
	return walk_ext(w, ip[6]);
}

/* ---- link ---- */

static enum drop_reason walk_arp(struct walk *w)
{
	if (left(w) < ARP_LEN)
		return DROP_BAD_ARP;
	set_end(w, w->off + ARP_LEN);
	return enter(w, GUST_L_ARP, 0, ARP_LEN);
}

static enum drop_reason walk_eth(struct walk *w)
{
	enum drop_reason r;
	uint16_t type;

	if (left(w) < ETH_HLEN)
		return DROP_SHORT;
	type = get16(at(w) + 12);
	r = enter(w, GUST_L_ETH, 0, ETH_HLEN);
	for (unsigned n = 0; r == DROP_NONE; n++) {
		if (type != ETHERTYPE_8021Q && type != ETHERTYPE_8021AD)
			break;
		if (n == VLAN_MAX)
			return DROP_TOO_DEEP;
		if (left(w) < VLAN_HLEN)
			return DROP_SHORT;
		type = get16(at(w) + 2);
		r = enter(w, GUST_L_VLAN, 0, VLAN_HLEN);
	}
	if (r != DROP_NONE)
		return r;
	switch (type) {
	case ETHERTYPE_IP4:
		return walk_ip4(w);
	case ETHERTYPE_IP6:
		return walk_ip6(w);
	case ETHERTYPE_ARP:
		return walk_arp(w);
	}
	return w->any ? DROP_NONE : DROP_BAD_ETHERTYPE;
}

static enum drop_reason walk_ip(struct walk *w)
{
	if (!left(w))
		return DROP_SHORT;
	switch (at(w)[0] >> 4) {
	case 4:
		return walk_ip4(w);
	case 6:
		return walk_ip6(w);
	}
	return DROP_BAD_VERSION;
}

/* ---- the packet ---- */

/* Cut what lies beyond `end`. */
static void cut(struct gust_pkt *p, uint32_t end)
{
	if (end >= p->hlen) {
		pkt_payload_slice(p, 0, end - p->hlen);
		return;
	}
	pkt_payload_slice(p, 0, 0);
	p->hlen = p->len = end;
}

/* The head keeps `off` bytes; the rest of it becomes the first fragment. */
static enum drop_reason split(struct gust_pkt *p, uint32_t off)
{
	struct gust_frag f = { p->head + off, p->head_slab, p->hlen - off };

	if (!f.len)
		return DROP_NONE;
	if (f.slab)
		slab_ref(f.slab);
	else if (slab_copy(p->pool, f.p, f.len, &f))
		return DROP_NO_SLAB;
	p->hlen = off;
	p->len -= f.len;
	if (pkt_frag_add_front(p, &f)) {
		p->hlen += f.len;
		p->len += f.len;
		frag_unref(&f);
		return DROP_NO_PKT;
	}
	return DROP_NONE;
}

static enum drop_reason walk_from(struct walk *w, enum dissect_start start)
{
	w->tunnels = start & DISSECT_TUNNELS;
	w->any = start & DISSECT_ANY;
	w->p->nlayer = 0;
	switch (start & ~(DISSECT_TUNNELS | DISSECT_ANY)) {
	case DISSECT_ETH:
		return walk_eth(w);
	case DISSECT_IP4:
		return walk_ip4(w);
	case DISSECT_IP6:
		return walk_ip6(w);
	}
	return walk_ip(w);
}

enum drop_reason pkt_dissect(struct gust_pkt *p, enum dissect_start start)
{
	struct walk w = { .p = p, .lim = p->hlen, .end = p->len };
	enum drop_reason r = walk_from(&w, start);

	if (r != DROP_NONE)
		return r;
	fix_surplus(&w, p->head);
	if (w.end < p->len)
		cut(p, w.end);
	return split(p, w.off);
}

/* ---- what is inside a tunnel ---- */

/* The bytes from offset `n` on, as many as stand contiguously: in place, or, where
 * these may be fewer than headers have, up to PKT_HEAD_LEN of them in `buf`. */
static uint8_t *view(const struct gust_pkt *p, uint32_t n, uint8_t *buf,
		     uint32_t *ret_lim)
{
	uint32_t rest = p->len - n, want = rest, in_head, lim = 0;
	const struct gust_frag *f = p->frag;
	uint8_t *at = NULL;

	if (want > PKT_HEAD_LEN)
		want = PKT_HEAD_LEN;
	in_head = n < p->hlen ? p->hlen - n : 0;
	if (in_head) {
		at = p->head + n;
		lim = in_head;
		if (p->nfrag && f->p == p->head + p->hlen)
			lim += f->len;
	} else if (p->nfrag && n - p->hlen < f->len) {
		at = f->p + (n - p->hlen);
		lim = f->len - (n - p->hlen);
	}
	if (lim < want) {
		memcpy(buf, p->head + p->hlen - in_head, in_head);
		pkt_payload_copy(p, in_head ? 0 : n - p->hlen, buf + in_head,
				 want - in_head);
		at = buf;
		lim = want;
	}
	*ret_lim = lim;
	return at;
}

/* Head bytes behind the new headers, which the map had and has no more, go back to
 * the payload. */
static enum drop_reason give_back(struct gust_pkt *p, uint32_t len)
{
	uint16_t hlen = p->hlen, nlayer = p->nlayer;
	enum drop_reason r = split(p, hlen - len);

	if (r != DROP_NONE)
		return r;
	while (nlayer && p->layer[nlayer - 1].off >= p->hlen)
		nlayer--;
	p->nlayer = nlayer;
	return r;
}

/* Is the innermost transport of what is left that of the whole? */
static bool same_l4(const struct gust_pkt *p, const struct gust_pkt *in, uint32_t n)
{
	const struct gust_layer *was = pkt_l4(p), *is = pkt_l4(in);

	return was && is && was->kind == is->kind && was->off == is->off + n;
}

enum drop_reason pkt_strip(struct gust_pkt *p, uint32_t n, enum dissect_start start)
{
	uint8_t buf[PKT_HEAD_LEN], *at, *head;
	struct gust_pkt in;
	struct walk w = { .p = &in };
	uint32_t have, skip;
	enum drop_reason r;
	bool same;

	if (n >= p->len)
		return DROP_SHORT;
	w.end = p->len - n;
	in.head = at = view(p, n, buf, &w.lim);
	r = walk_from(&w, start);
	if (r != DROP_NONE)
		return r;
	if (w.off > PKT_HEAD_LEN || w.off > p->hlen + pkt_headroom(p))
		return DROP_TOO_DEEP;
	same = same_l4(p, &in, n);
	if (p->gso_size && !same)
		return DROP_BAD_GSO; /* a superpacket of what is taken off */
	have = n < p->hlen ? p->hlen - n : 0;
	if (have > w.off) {
		r = give_back(p, have - w.off);
		if (r != DROP_NONE)
			return r;
		have = w.off;
	}
	skip = n > p->hlen ? n - p->hlen : 0;
	head = p->head + p->hlen - w.off;
	memmove(head, at, w.off);
	pkt_payload_slice(p, skip + w.off - have, w.end - w.off);
	p->head = head;
	p->hlen = w.off;
	p->len = w.end;
	memcpy(p->layer, in.layer, in.nlayer * sizeof(in.layer[0]));
	p->nlayer = in.nlayer;
	if (!same) /* it speaks of the innermost transport */
		p->need = 0;
	p->hash = 0;
	fix_surplus(&w, p->head);
	return DROP_NONE;
}

void pkt_addrs(const struct gust_pkt *p, struct ipaddr *ret_src,
	       struct ipaddr *ret_dst, uint8_t *ret_proto)
{
	const struct gust_layer *l = pkt_l3(p);
	const uint8_t *ip;
	uint8_t proto;

	if (!l)
		return;
	ip = p->head + l->off;
	if (l->kind == GUST_L_IPV4) {
		*ret_src = ipaddr_from4(ip + 12);
		*ret_dst = ipaddr_from4(ip + 16);
		*ret_proto = ip[9];
		return;
	}
	proto = ip[6];
	/* every extension header begins with what follows it */
	for (l++; l < p->layer + p->nlayer && l->kind >= GUST_L_HOPOPTS &&
		  l->kind <= GUST_L_DSTOPTS;
	     l++)
		proto = p->head[l->off];
	*ret_src = ipaddr_from6(ip + 8);
	*ret_dst = ipaddr_from6(ip + 24);
	*ret_proto = proto;
}
