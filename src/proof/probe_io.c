/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_io.c - packets as bytes: build and write, read and judge
 *
 *	[vnet 24] [Ethernet] [IP UDP VXLAN Ethernet] IP [hop-by-hop] TCP|UDP payload
 *	           of a tap   of a tunnel
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#define VH_LEN 24
#define ETH_LEN 14
#define HEAD_MAX 256

static void put_vnet(uint8_t *b, const struct probe_vnet *v)
{
	memset(b, 0, VH_LEN);
	b[0] = v->flags;
	b[1] = v->gso_type;
	put16le(b + 2, v->hdr_len);
	put16le(b + 4, v->gso_size);
	put16le(b + 6, v->csum_start);
	put16le(b + 8, v->csum_off);
	put16le(b + 20, v->outer_th);
	put16le(b + 22, v->inner_nh);
}

static void get_vnet(const uint8_t *b, struct probe_vnet *v)
{
	v->flags = b[0];
	v->gso_type = b[1];
	v->hdr_len = get16le(b + 2);
	v->gso_size = get16le(b + 4);
	v->csum_start = get16le(b + 6);
	v->csum_off = get16le(b + 8);
	v->outer_th = get16le(b + 20);
	v->inner_nh = get16le(b + 22);
}

/* ---- write ---- */

struct build {
	const struct probe_out *o;
	struct probe_vnet vh;
	uint8_t head[HEAD_MAX];
	uint32_t n; /* bytes of head */
	uint32_t ip, l4; /* innermost */
	uint32_t out_ip, out_l4; /* of the tunnel */
};

static const struct ethaddr our_mac = { { 2, 'g', 'u', 's', 't', 1 } };

static void add_eth(struct build *b, const struct ethaddr *dst, bool v6)
{
	memcpy(b->head + b->n, dst->b, 6);
	memcpy(b->head + b->n + 6, our_mac.b, 6);
	put16(b->head + b->n + 12, v6 ? 0x86dd : 0x0800);
	b->n += ETH_LEN;
}

/* From the peer to the kernel, `len` bytes behind it. */
static void add_ip(struct build *b, const struct probe_path *path, uint8_t proto,
		   uint8_t tos, uint32_t len, bool jumbo)
{
	uint32_t tot = IPV4_HLEN + len;
	bool big = len > UINT16_MAX;

	if (!path->v6) {
		struct ipv4_hdr h = { .hlen = IPV4_HLEN,
				      .ttl = 64,
				      .proto = proto,
				      .tos = tos,
				      .df = true,
				      .src = path->peer,
				      .dst = path->kernel };

		/* BIG TCP: 0, and the length is that of the packet. */
		h.tot_len = tot > UINT16_MAX ? 0 : (uint16_t)tot;
		ipv4_build(b->head + b->n, &h);
		b->n += IPV4_HLEN;
		return;
	}
	struct ipv6_hdr h = { .nh = proto,
			      .hop = 64,
			      .tclass = tos,
			      .plen = big ? 0 : (uint16_t)len,
			      .src = path->peer,
			      .dst = path->kernel };

	if (big && jumbo)
		h.nh = IP6_NH_HOPOPTS;
	ipv6_build(b->head + b->n, &h);
	b->n += IPV6_HLEN;
	if (!big || !jumbo)
		return;
	/* RFC 2675 2: the length counts the hop-by-hop header */
	ipv6_jumbo_build(b->head + b->n, proto, IPV6_JUMBO_HLEN + len);
	b->n += IPV6_JUMBO_HLEN;
}

static void add_tunnel(struct build *b, const struct probe *p, uint32_t inner_len)
{
	const struct probe_path *path = b->o->path,
				*outer = &p->path[PATH_PLAIN][path->v6];
	uint32_t len = UDP_HLEN + VXLAN_HLEN + ETH_LEN + inner_len;
	struct udp_hdr u = { .sport = 54321,
			     .dport = path->vx_port,
			     .len = (uint16_t)len };

	b->out_ip = b->n;
	add_ip(b, outer, PROTO_UDP, b->o->tos, len, false);
	b->out_l4 = b->n;
	udp_build(b->head + b->n, &u);
	b->n += UDP_HLEN;
	put32(b->head + b->n, 0x08000000); /* RFC 7348 5: the I flag */
	put32(b->head + b->n + 4, path->vni << 8);
	b->n += VXLAN_HLEN;
	add_eth(b, &path->vx_mac, path->v6);
}

static void add_l4(struct build *b)
{
	const struct probe_out *o = b->o;
	struct udp_hdr u = { .sport = o->sport,
			     .dport = o->dport,
			     .len = (uint16_t)(UDP_HLEN + o->len) };

	b->l4 = b->n;
	if (o->tcp) {
		b->n += tcp_hdr_build(b->head + b->n, o->tcp);
	} else {
		udp_build(b->head + b->n, &u);
		b->n += UDP_HLEN;
	}
}

/* The innermost checksum: what the kernel is to complete, or complete. */
static void finish_csum(struct build *b, uint32_t l4_len)
{
	const struct probe_out *o = b->o;
	uint32_t off = o->tcp ? 16 : 6;
	uint32_t sum = csum_pseudo(&o->path->peer, &o->path->kernel,
				   o->tcp ? PROTO_TCP : PROTO_UDP, l4_len);
	uint16_t v;

	put16(b->head + b->l4 + off, 0);
	if (o->gso_size || o->partial) {
		b->vh.flags |= VIRTIO_NET_HDR_F_NEEDS_CSUM;
		b->vh.csum_start = (uint16_t)b->l4;
		b->vh.csum_off = (uint16_t)off;
		put16(b->head + b->l4 + off, csum_fold_plain(sum));
		return;
	}
	sum = csum_add(sum, b->head + b->l4, b->n - b->l4);
	sum = csum_combine(sum, csum_add(0, o->data, o->len), b->n - b->l4);
	v = csum_fold(sum);
	put16(b->head + b->l4 + off, v ? v : 0xffff);
}

/* Outer UDP checksum: none, or as the kernel itself would leave it. */
static void finish_tunnel(struct build *b, const struct probe *p)
{
	const struct probe_out *o = b->o;
	const struct probe_path *path = o->path,
				*outer = &p->path[PATH_PLAIN][path->v6];
	uint32_t len = b->n - b->out_l4 + o->len, sum;

	if (o->gso_size) {
		b->vh.gso_type |= path->v6 ? VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 :
					     VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4;
		b->vh.outer_th = (uint16_t)b->out_l4;
		b->vh.inner_nh = (uint16_t)b->ip;
	}
	if (!path->tnl_csum)
		return;
	sum = csum_pseudo(&outer->peer, &outer->kernel, PROTO_UDP, len);
	if (o->gso_size) {
		b->vh.flags |= VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;
		put16(b->head + b->out_l4 + 6, csum_fold_plain(sum));
		return;
	}
	sum = csum_add(sum, b->head + b->out_l4, b->n - b->out_l4);
	sum = csum_combine(sum, csum_add(0, o->data, o->len), b->n - b->out_l4);
	put16(b->head + b->out_l4 + 6, csum_fold(sum));
}

static bool write_failed(struct probe *p, int e)
{
	if (e == EINVAL)
		return probe_fail(p, "write: the kernel refuses this form");
	return probe_fail(p, "write: %s", strerror(e));
}

bool probe_write(struct probe *p, const struct probe_out *o)
{
	struct build b = { .o = o };
	uint8_t vh[VH_LEN];
	uint32_t l4h = o->tcp ? TCP_HLEN + tcp_opts_len(&o->tcp->opt) : UDP_HLEN;
	uint32_t l4_len = l4h + o->len;
	struct iovec iov[3];
	ssize_t n;

	if (p->tap)
		add_eth(&b, &p->mac, o->path->v6);
	if (o->path->tnl)
		add_tunnel(&b, p, (o->path->v6 ? IPV6_HLEN : IPV4_HLEN) + l4_len);
	b.ip = b.n;
	add_ip(&b, o->path, o->tcp ? PROTO_TCP : PROTO_UDP, o->tos, l4_len,
	       o->jumbo);
	add_l4(&b);
	b.vh.hdr_len = (uint16_t)b.n;
	b.vh.gso_type = o->gso_size ? o->gso_type : VIRTIO_NET_HDR_GSO_NONE;
	b.vh.gso_size = o->gso_size;
	finish_csum(&b, l4_len);
	if (o->path->tnl)
		finish_tunnel(&b, p);
	put_vnet(vh, &b.vh);
	iov[0] = (struct iovec){ vh, VH_LEN };
	iov[1] = (struct iovec){ b.head, b.n };
	iov[2] = (struct iovec){ (void *)(uintptr_t)o->data, o->len };
	do
		n = writev(p->fd, iov, 3);
	while (n < 0 && errno == EINTR);
	return n >= 0 || write_failed(p, errno);
}

/* ---- read ---- */

static bool view_l4(const uint8_t *b, struct probe_view *v)
{
	uint32_t left = v->end - v->l4;
	struct udp_hdr u;

	if (v->fragment) {
		v->pay = v->l4;
		return true;
	}
	if (v->proto == PROTO_UDP && !udp_parse(b + v->l4, left, &u)) {
		v->sport = u.sport;
		v->dport = u.dport;
		v->pay = v->l4 + UDP_HLEN;
		return true;
	}
	if (v->proto == PROTO_TCP && !tcp_hdr_parse(b + v->l4, left, &v->tcp)) {
		v->sport = v->tcp.sport;
		v->dport = v->tcp.dport;
		v->pay = v->l4 + v->tcp.hlen;
		return true;
	}
	return false;
}

static bool view_ip6(const uint8_t *b, uint32_t off, uint32_t len,
		     struct probe_view *v)
{
	struct ipv6_hdr h;

	if (ipv6_parse(b + off, len - off, &h))
		return false;
	v->v6 = true;
	v->proto = h.nh;
	v->tos = h.tclass;
	v->src = h.src;
	v->dst = h.dst;
	v->l4 = off + IPV6_HLEN;
	v->end = v->l4 + h.plen;
	if (h.nh == IP6_NH_FRAGMENT && v->end <= len && v->end - v->l4 >= 8) {
		v->fragment = true;
		v->proto = b[v->l4];
		v->l4 += 8;
	}
	return v->end <= len && view_l4(b, v);
}

static bool view_ip4(const uint8_t *b, uint32_t off, uint32_t len,
		     struct probe_view *v)
{
	struct ipv4_hdr h;

	if (ipv4_parse(b + off, len - off, &h) || !ipv4_csum_ok(b + off, h.hlen))
		return false;
	v->fragment = h.mf || h.frag_off;
	v->proto = h.proto;
	v->tos = h.tos;
	v->src = h.src;
	v->dst = h.dst;
	v->l4 = off + h.hlen;
	v->end = off + h.tot_len;
	return v->end <= len && v->l4 <= v->end && view_l4(b, v);
}

static bool view_ip(const uint8_t *b, uint32_t off, uint32_t len,
		    struct probe_view *v)
{
	memset(v, 0, sizeof(*v));
	v->ip = off;
	if (off >= len)
		return false;
	return b[off] >> 4 == 6 ? view_ip6(b, off, len, v) :
				  view_ip4(b, off, len, v);
}

static bool is_between(const struct probe_view *v, const struct probe_path *path)
{
	return ipaddr_eq(&v->src, &path->kernel) && ipaddr_eq(&v->dst, &path->peer);
}

/* Is it one of the path's? */
static bool dissect(const struct probe *p, const struct probe_path *path,
		    struct probe_in *in)
{
	uint32_t off = p->tap ? ETH_LEN : 0;

	in->tnl = path->tnl;
	if (!view_ip(in->p, off, in->len, &in->out))
		return false;
	if (!path->tnl) {
		in->in = in->out;
		return is_between(&in->in, path);
	}
	if (!is_between(&in->out, &p->path[PATH_PLAIN][path->v6]) ||
	    in->out.proto != PROTO_UDP || in->out.dport != path->vx_port)
		return false;
	off = in->out.pay + VXLAN_HLEN + ETH_LEN;
	return view_ip(in->p, off, in->out.end, &in->in) &&
	       is_between(&in->in, path);
}

int probe_read(struct probe *p, const struct probe_path *path, int ms,
	       struct probe_in *ret)
{
	for (;;) {
		ssize_t n = read(p->fd, p->frame, PROBE_DATA_LEN);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!ms || !probe_wait(p->fd, ms))
				return 0;
			continue;
		}
		if (n < 0) {
			probe_fail(p, "read: %s", strerror(errno));
			return -1;
		}
		if (n <= VH_LEN)
			continue;
		get_vnet(p->frame, &ret->vh);
		ret->p = p->frame + VH_LEN;
		ret->len = (uint32_t)n - VH_LEN;
		if (dissect(p, path, ret))
			return 1;
	}
}

void probe_drain(struct probe *p)
{
	while (read(p->fd, p->frame, PROBE_DATA_LEN) > 0)
		;
}

/* ---- judge ---- */

static uint32_t csum_off(uint8_t proto)
{
	return proto == PROTO_TCP ? 16 : 6;
}

static uint32_t pseudo(const struct probe_view *v)
{
	return csum_pseudo(&v->src, &v->dst, v->proto, v->end - v->l4);
}

static bool complete_ok(const struct probe_in *in, const struct probe_view *v)
{
	uint32_t sum = csum_add(pseudo(v), in->p + v->l4, v->end - v->l4);

	return csum_fold(sum) == 0;
}

/* Complete; zero, where that is allowed; or of a superpacket the pseudo header. */
static bool outer_ok(struct probe *p, const struct probe_in *in)
{
	const struct probe_view *v = &in->out;
	uint16_t sum = get16(in->p + v->l4 + 6);

	if (in->vh.gso_size && (in->vh.flags & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM))
		return sum == csum_fold_plain(pseudo(v)) ||
		       probe_fail(p, "outer checksum is not the pseudo header's");
	/* Inside, the sum may still be owed: then this one counts the field as it
	 * will be, and cannot be checked from here. */
	if (!sum || (in->vh.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	return complete_ok(in, v) || probe_fail(p, "outer checksum is wrong");
}

bool probe_csum_ok(struct probe *p, const struct probe_in *in)
{
	const struct probe_view *v = &in->in;
	uint32_t at = v->l4 + csum_off(v->proto);

	if (v->fragment)
		return true;
	if (in->tnl && !outer_ok(p, in))
		return false;
	if (!(in->vh.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return complete_ok(in, v) || probe_fail(p, "checksum is wrong");
	if (in->vh.csum_start != v->l4 || in->vh.csum_off != csum_off(v->proto))
		return probe_fail(p,
				  "checksum at %u+%u, header says %u+%u (type "
				  "0x%x)",
				  v->l4, csum_off(v->proto), in->vh.csum_start,
				  in->vh.csum_off, in->vh.gso_type);
	return get16(in->p + at) == csum_fold_plain(pseudo(v)) ||
	       probe_fail(p, "partial checksum is not the pseudo header's");
}

bool probe_super_ok(struct probe *p, const struct probe_in *in,
		    const struct probe_path *path, uint8_t gso_type, uint16_t size)
{
	const struct probe_vnet *vh = &in->vh;
	uint8_t tnl = !path->tnl ? 0 :
		      path->v6   ? VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 :
				   VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4;
	bool csum_flag = vh->flags & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;

	if (vh->gso_type != (gso_type | tnl))
		return probe_fail(p, "gso type 0x%x, expected 0x%x", vh->gso_type,
				  gso_type | tnl);
	if (vh->gso_size != size)
		return probe_fail(p, "gso size %u, expected %u", vh->gso_size,
				  size);
	if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return probe_fail(p, "a superpacket without NEEDS_CSUM");
	if (!path->tnl)
		return true;
	if (vh->outer_th != in->out.l4 || vh->inner_nh != in->in.ip)
		return probe_fail(p, "offsets %u and %u, expected %u and %u",
				  vh->outer_th, vh->inner_nh, in->out.l4,
				  in->in.ip);
	return csum_flag == path->tnl_csum ||
	       probe_fail(p, "outer checksum flag is %s",
			  csum_flag ? "set" : "missing");
}
