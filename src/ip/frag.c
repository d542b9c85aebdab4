/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frag.c - cut a datagram into IP fragments (RFC 791, RFC 8200 4.5)
 *
 * Every fragment is a packet of its own: a fresh head and a slice of the
 * original's payload, by reference. What the original had in its head behind
 * the IP headers (the transport header) goes into the first fragment's head,
 * as RFC 7112 demands; its map ends, like every fragment's, with the IP layer.
 */
#include "ip/ip.h"

#include <assert.h>
#include <errno.h>

#include "wire/bytes.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define FRAG_HLEN 8
#define OPT_COPIED 0x80 /* RFC 791 3.1 */

/* The walk over one datagram. */
struct cut {
	const struct gust_pkt *p;
	uint32_t data_off; /* where what is cut begins in the head */
	uint32_t data_len; /* all of it, head and payload */
	uint32_t chunk; /* bytes in one fragment, a multiple of 8 */
	unsigned frag; /* cursor in the payload: p->frag[frag].p + frag_off */
	uint32_t frag_off;
	struct ipv4_hdr h4;
	uint8_t opts4[IPV4_HLEN_MAX - IPV4_HLEN]; /* options of later fragments */
	uint8_t opts4_len;
	struct ipv6_frag h6;
	uint16_t nh_off; /* IPv6: next-header field in front of the cut */
};

/* Give `to` the next `len` payload bytes. */
static int share(struct cut *c, struct gust_pkt *to, uint32_t len)
{
	while (len) {
		const struct gust_frag *from = &c->p->frag[c->frag];
		struct gust_frag f = *from;

		f.p += c->frag_off;
		f.len -= c->frag_off;
		if (f.len > len) {
			f.len = len;
			c->frag_off += len;
		} else {
			c->frag++;
			c->frag_off = 0;
		}
		len -= f.len;
		frag_ref(&f);
		if (pkt_frag_add(to, &f) < 0) {
			frag_unref(&f);
			return -ENOBUFS;
		}
	}
	return 0;
}

/* Options that are repeated in every fragment; NOPs are not. Padded with
 * end-of-list. The dissector or we ourselves checked their shape. */
static void keep_copied_opts(struct cut *c)
{
	const uint8_t *o = c->h4.opt;
	unsigned left = c->h4.hlen - IPV4_HLEN, n = 0;

	while (left && o[0]) {
		unsigned len = o[0] == 1 || left < 2 || o[1] < 2 ? 1 : o[1];

		if (len > left)
			break;
		if (o[0] & OPT_COPIED) {
			memcpy(c->opts4 + n, o, len);
			n += len;
		}
		o += len;
		left -= len;
	}
	while (n % 4)
		c->opts4[n++] = 0;
	c->opts4_len = n;
}

/* IP headers of the fragment that carries data [off, off + len). Sets hlen. */
static void head4(struct cut *c, struct gust_pkt *f, uint32_t off, uint32_t len)
{
	struct ipv4_hdr h = c->h4;

	if (off) {
		h.opt = c->opts4;
		h.hlen = IPV4_HLEN + c->opts4_len;
	}
	h.frag_off = c->h4.frag_off + off;
	h.mf = c->h4.mf || off + len < c->data_len;
	h.tot_len = h.hlen + len;
	ipv4_build(f->head, &h);
	f->hlen = f->len = h.hlen;
	pkt_layer_append(f, GUST_L_IPV4, GUST_LF_FRAGMENT, 0);
}

static void head6(struct cut *c, struct gust_pkt *f, uint32_t off, uint32_t len)
{
	struct ipv6_frag h = c->h6;

	memcpy(f->head, c->p->head, c->data_off);
	f->head[c->nh_off] = IP6_NH_FRAGMENT;
	put16(f->head + 4, c->data_off - IPV6_HLEN + FRAG_HLEN + len);
	h.off = off;
	h.more = off + len < c->data_len;
	ipv6_frag_build(f->head + c->data_off, &h);
	f->hlen = f->len = c->data_off + FRAG_HLEN;
	for (unsigned i = 0; i < c->p->nlayer; i++)
		if (c->p->layer[i].off < c->data_off)
			pkt_layer_append(f, c->p->layer[i].kind, 0,
					 c->p->layer[i].off);
	pkt_layer_append(f, GUST_L_FRAGHDR, GUST_LF_FRAGMENT, c->data_off);
}

static struct gust_pkt *one(struct cut *c, uint32_t off, uint32_t len)
{
	struct gust_pkt *f = pkt_new(c->p->pool);
	uint32_t from_head = 0;

	if (!f)
		return NULL;
	if (c->p->layer[0].kind == GUST_L_IPV4)
		head4(c, f, off, len);
	else
		head6(c, f, off, len);
	if (!off) {
		from_head = c->p->hlen - c->data_off;
		memcpy(f->head + f->hlen, c->p->head + c->data_off, from_head);
		f->hlen += from_head;
		f->len += from_head;
	}
	f->hash = c->p->hash;
	f->port = c->p->port;
	f->queue = c->p->queue;
	f->hops = c->p->hops;
	if (share(c, f, len - from_head) < 0) {
		pkt_free(f);
		return NULL;
	}
	return f;
}

/* Where the fragmentable part of an IPv6 packet begins (RFC 8200 4.5): behind
 * the routing header if there is one, else behind the hop-by-hop options. */
static int plan6(struct cut *c, uint32_t id)
{
	const struct gust_pkt *p = c->p;
	unsigned cut = 0; /* the last layer of the per-fragment part */

	for (unsigned i = 1; i < p->nlayer; i++) {
		if (p->layer[i].kind == GUST_L_FRAGHDR)
			return -EMSGSIZE; /* is one already */
		if (p->layer[i].kind == GUST_L_ROUTING ||
		    p->layer[i].kind == GUST_L_HOPOPTS)
			cut = i;
	}
	c->data_off = cut + 1 < p->nlayer ? p->layer[cut + 1].off : p->hlen;
	c->nh_off = cut ? p->layer[cut].off : 6;
	c->h6.id = id;
	c->h6.nh = p->head[c->nh_off];
	return 0;
}

static int plan(struct cut *c, uint32_t mtu, uint32_t id)
{
	const struct gust_pkt *p = c->p;
	uint32_t front;

	if (p->gso_size)
		return -EMSGSIZE;
	if (p->layer[0].kind == GUST_L_IPV4) {
		int r = ipv4_parse(p->head, p->hlen, &c->h4);

		assert(!r);
		if (c->h4.df)
			return -EMSGSIZE;
		if (!c->h4.frag_off && !c->h4.mf)
			c->h4.id = id;
		c->data_off = front = c->h4.hlen;
		keep_copied_opts(c);
	} else {
		int r = plan6(c, id);

		if (r < 0)
			return r;
		front = c->data_off + FRAG_HLEN;
	}
	c->data_len = p->len - c->data_off;
	if (mtu < front + 8)
		return -EMSGSIZE;
	c->chunk = (mtu - front) & ~UINT32_C(7);
	/* RFC 7112: all headers in the first fragment */
	if (c->chunk < p->hlen - c->data_off ||
	    front + p->hlen - c->data_off > PKT_HEAD_LEN)
		return -EMSGSIZE;
	return 0;
}

int ip_fragment(struct gust_pkt *p /*taken*/, uint32_t mtu, uint32_t id,
		struct gust_batch *out)
{
	struct cut c = { .p = p };
	struct gust_batch frags;
	int r;

	assert(p->nlayer && (p->layer[0].kind == GUST_L_IPV4 ||
			     p->layer[0].kind == GUST_L_IPV6));
	if (p->len <= mtu && !p->gso_size) {
		gust_batch_push(out, p);
		return 0;
	}
	r = plan(&c, mtu, id);
	if (r < 0)
		return r;
	assert(!(p->need & GUST_F_CSUM));
	gust_batch_init(&frags);
	for (uint32_t off = 0; off < c.data_len; off += c.chunk) {
		uint32_t len = c.data_len - off;
		struct gust_pkt *f = one(&c, off, len < c.chunk ? len : c.chunk);

		if (!f) {
			pkt_batch_free(&frags);
			return -ENOBUFS;
		}
		gust_batch_push(&frags, f);
	}
	pkt_free(p);
	gust_batch_splice(out, &frags);
	return 0;
}
