/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ufo.c - UDP fragmentation: one datagram, many IP fragments
 *
 * Theory. UFO is the older of UDP's two offloads, and a guest or a tap may still
 * use it: a datagram larger than the MTU comes whole, and IP's fragmentation, which
 * the sender owes, is done here. It is one datagram and stays one: it has one UDP
 * header, in the first fragment, and one checksum, over all of it, which therefore
 * is completed before the cut. Offsets count in units of 8 bytes, so all fragments
 * but the last carry a multiple of 8; gso_size counts the UDP header, and is an
 * upper bound: fragments fit the MTU.
 *
 * IPv4 (RFC 791 3.2): all fragments have the datagram's ID. Of the options, the
 * later fragments repeat those with the copied flag. Fragmenting is the sender's
 * own act, so DF does not forbid it, and is cleared, as the kernel does; but with
 * DF the ID may be a constant 0 (RFC 6864 4.1), which would not do: then it is
 * drawn.
 *
 * IPv6 (RFC 8200 4.5): the fragment header goes behind the hop-by-hop options and
 * the routing header, which each node on the way reads; what follows is part of
 * what is cut. One random identification per datagram (RFC 7739). All headers
 * stand in the first fragment (RFC 7112), or the cut is refused.
 *
 * A jumbogram cannot be fragmented (RFC 2675 3). In a tunnel each fragment becomes a
 * packet of the tunnel: outer IDs count up, outer checksums are made from the bytes.
 */
#include <errno.h>
#include <stdlib.h>

#include <gust/seg.h>

#define UH_LEN 8
#define UH_CSUM 6
#define FRAG_HLEN 8
#define NH_FRAGMENT 44
#define IP4_MF 0x2000
#define IP6_MF 0x0001
#define OPT_END 0
#define OPT_NOP 1
#define OPT_COPIED 0x80

struct ufo {
	const struct gust_host *host;
	struct gust_worker *w;
};

enum { COUNT_WHOLE };
static const char *const counters[] = { "sent_whole", NULL };

/* One datagram being cut. Fragments are slices of it; its own head is the
 * template, which changes as the cut goes on. */
struct plan {
	unsigned i3;
	bool v4;
	uint16_t at; /* where the fragmentable part begins in the head */
	uint32_t front; /* of it in the head: UDP, extension headers before it */
	uint32_t total; /* bytes of it, front and payload */
	uint32_t chunk; /* bytes of it in one fragment */
};

static int ufo_worker_open(const struct gust_host *host, void *instance,
			   struct gust_worker *w, void **ret_state)
{
	struct ufo *u = malloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->host = host;
	u->w = w;
	*ret_state = u;
	return 0;
}

static void ufo_worker_close(void *state, struct gust_batch out[2])
{
	free(state);
}

/* The layer behind which an IPv6 fragment header goes. */
static unsigned unfragmentable6(const struct gust_pkt *p, unsigned i3)
{
	unsigned last = i3;

	for (unsigned i = i3 + 1; i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_HOPOPTS ||
		    p->layer[i].kind == GUST_L_ROUTING)
			last = i;
	return last;
}

/* 0, or -EINVAL: cannot be cut so. */
static int plan(struct plan *pl, const struct gust_pkt *p, unsigned i3,
		const struct gust_gso_req *req)
{
	uint32_t ip = p->layer[i3].off, hdrs, room;

	pl->i3 = i3;
	pl->v4 = p->layer[i3].kind == GUST_L_IPV4;
	pl->at = p->layer[(pl->v4 ? i3 : unfragmentable6(p, i3)) + 1].off;
	pl->front = p->hlen - pl->at;
	pl->total = p->len - pl->at;
	hdrs = pl->at - gust_seg_ip_off(p) + (pl->v4 ? 0 : FRAG_HLEN);
	room = req->mtu > hdrs ? req->mtu - hdrs : 0;
	pl->chunk = (p->gso_size < room ? p->gso_size : room) & ~UINT32_C(7);
	if (p->len - ip - (pl->v4 ? 0 : 40) > UINT16_MAX)
		return -EINVAL;
	return pl->chunk < pl->front || !pl->chunk ? -EINVAL : 0;
}

/* The checksum of the datagram, which no one can complete behind us. */
static void complete(const struct ufo *u, const struct plan *pl, struct gust_pkt *p)
{
	const uint8_t *uh = p->head + p->hlen - UH_LEN;

	p->gso_size = 0;
	p->gso_type = GUST_GSO_NONE;
	/* none at all is for IPv4 alone */
	if (p->need & GUST_F_CSUM || (!pl->v4 && !gust_get16(uh + UH_CSUM)))
		u->host->csum_complete(p);
}

/* ---- IPv4 ---- */

/* Options of the fragments after the first: close the gaps, fill up with ends of
 * the list. The dissector has looked at their shape; a length that still is wrong
 * ends them. Returns the header's length. */
static uint16_t keep_copied(uint8_t *ip)
{
	uint8_t *o = ip + 20, *to = o, *end = ip + (ip[0] & 15) * 4;

	while (o < end && *o != OPT_END) {
		unsigned n = *o == OPT_NOP || end - o < 2 ? 1 : o[1];

		if (!n || n > end - o)
			break;
		if (*o & OPT_COPIED) {
			memmove(to, o, n);
			to += n;
		}
		o += n;
	}
	while ((to - ip) % 4)
		*to++ = OPT_END;
	ip[0] = 0x40 | (to - ip) / 4;
	return to - ip;
}

static void begin4(const struct ufo *u, struct plan *pl, struct gust_pkt *p)
{
	uint8_t *ip = p->head + p->layer[pl->i3].off;

	if (!gust_get16(ip + 4) && gust_get16(ip + 6) & GUST_IP4_DF)
		gust_put16(ip + 4, 1 + u->host->random(u->w) % UINT16_MAX);
	p->nlayer = pl->i3 + 1;
	p->layer[pl->i3].flags |= GUST_LF_FRAGMENT;
	p->layer[pl->i3].flags &= ~GUST_LF_FIXEDID;
}

/* The template for the fragments after the first. */
static void later4(const struct ufo *u, struct plan *pl, struct gust_pkt *p)
{
	uint16_t off = p->layer[pl->i3].off, was = pl->at - off;
	uint16_t now = keep_copied(p->head + off);

	u->host->head_remove(p, off + now, was - now);
	pl->at -= was - now;
}

/* ---- IPv6 ---- */

static int begin6(const struct ufo *u, struct plan *pl, struct gust_pkt *p)
{
	unsigned last = unfragmentable6(p, pl->i3);
	struct gust_layer l = { GUST_L_FRAGHDR, GUST_LF_FRAGMENT, pl->at };
	uint8_t *nh, *fh;

	if (u->host->head_insert(p, pl->at, FRAG_HLEN))
		return -ENOBUFS;
	p->nlayer = last + 1; /* a fragment's map ends here */
	if (u->host->layer_insert(p, last + 1, l))
		return -ENOBUFS;
	nh = p->head + p->layer[last].off + (last == pl->i3 ? 6 : 0);
	fh = p->head + pl->at;
	fh[0] = *nh;
	*nh = NH_FRAGMENT;
	gust_put32(fh + 4, u->host->random(u->w));
	pl->at += FRAG_HLEN;
	return 0;
}

/* ---- both ---- */

/* Outside a tunnel each fragment is a packet of its own. */
static void set_outer(const struct ufo *u, const struct plan *pl,
		      struct gust_pkt *q, uint32_t number)
{
	for (unsigned i = 0; i < pl->i3; i++) {
		uint8_t *ip = q->head + q->layer[i].off;

		if (q->layer[i].kind == GUST_L_IPV4 &&
		    !(q->layer[i].flags & GUST_LF_FIXEDID))
			gust_put16(ip + 4, gust_get16(ip + 4) + number);
	}
	gust_seg_count_seq(q, number);
	u->host->fix_lengths(q);
	u->host->outer_sums(q);
}

/* The fragment with bytes [off, off + n) of the fragmentable part. */
static struct gust_pkt *fragment(const struct ufo *u, const struct plan *pl,
				 const struct gust_pkt *p, uint32_t off, uint32_t n)
{
	bool more = off + n < pl->total;
	struct gust_pkt *q;

	if (!off)
		q = u->host->slice(u->w, p, p->hlen, 0, n - pl->front);
	else
		q = u->host->slice(u->w, p, pl->at, off - pl->front, n);
	if (!q)
		return NULL;
	q->need = 0; /* the sum was completed, and is no fragment's own */
	if (pl->v4)
		gust_put16(q->head + q->layer[pl->i3].off + 6,
			   off / 8 | (more ? IP4_MF : 0));
	else
		gust_put16(q->head + pl->at - FRAG_HLEN + 2,
			   off | (more ? IP6_MF : 0));
	set_outer(u, pl, q, off / pl->chunk);
	return q;
}

static int cut(const struct ufo *u, struct plan *pl, struct gust_pkt *p,
	       struct gust_batch *frags)
{
	uint32_t n = pl->chunk;

	complete(u, pl, p);
	if (pl->v4)
		begin4(u, pl, p);
	else if (begin6(u, pl, p))
		return -ENOBUFS;
	for (uint32_t off = 0; off < pl->total; off += n) {
		struct gust_pkt *q;

		if (n > pl->total - off)
			n = pl->total - off;
		if (off == pl->chunk && pl->v4)
			later4(u, pl, p);
		q = fragment(u, pl, p, off, n);
		if (!q)
			return -ENOBUFS;
		gust_batch_push(frags, q);
	}
	return 0;
}

static void one(const void *state, struct gust_pkt *p /*taken*/, unsigned i3,
		const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct ufo *u = state;
	struct gust_batch frags;
	struct gust_pkt *q;
	struct plan pl;

	if (plan(&pl, p, i3, req)) {
		u->host->drop(u->w, p, GUST_DROP_BAD_GSO);
		return;
	}
	if (pl.total <= pl.chunk) { /* nothing to cut */
		gust_seg_whole(u->host, u->w, p, req, out);
		return;
	}
	gust_batch_init(&frags);
	if (cut(u, &pl, p, &frags)) {
		while ((q = gust_batch_pop(&frags)))
			u->host->pkt_free(q);
		u->host->drop(u->w, p, GUST_DROP_NO_PKT);
		return;
	}
	u->host->pkt_free(p);
	gust_batch_splice(out, &frags);
}

static void ufo_gso(void *state, struct gust_batch *in,
		    const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct ufo *u = state;
	unsigned whole =
		gust_seg_run(u->host, u->w, GUST_L_UDP, in, req, out, one, u);

	if (whole)
		u->host->count(u->w, COUNT_WHOLE, whole);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "ufo",
	.text = "cuts large UDP datagrams into IP fragments",
	.provides = GUST_FEAT_BIT(GUST_FEAT_UFO),
	.gso_types = 1u << GUST_GSO_UFO,
	.counters = counters,
	.worker_open = ufo_worker_open,
	.worker_close = ufo_worker_close,
	.gso = ufo_gso,
};
