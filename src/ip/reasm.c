/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reasm.c - bounded reassembly
 *
 * Theory of operation
 *
 * A datagram in the making is a context: a list of fragments, sorted by
 * offset, without overlap. A fragment's offset and its "more" bit are read from
 * its own header whenever they are needed; there is no second copy of them. A
 * fragment that is not the last one missing is *stored*: its head is copied
 * into a packet object and its payload into the pool's copy slab, so that a
 * fragment waiting for 30 seconds pins no receive slab. Only payload above
 * COPY_MAX stays where it is, and is charged REF_CHARGE bytes for the slab it
 * pins. The fragment that completes a datagram is never stored.
 *
 * Invariants
 *   - pieces are disjoint, `got` is the sum of their lengths, and none ends
 *     behind `total` once that is known; so the datagram is whole exactly when
 *     got == total;
 *   - `charged` of all contexts sums up to r->bytes <= max_bytes;
 *   - a dead context (an overlap was seen, RFC 5722) holds no packets and
 *     swallows what still comes until its time is over;
 *   - contexts of one family expire in the order in which they were made.
 *
 * Contexts hang in buckets by *source address*, so that one short walk finds
 * the datagram and counts what its source already holds. At a limit the new
 * fragment is refused. An atomic fragment (offset 0, nothing more) never comes
 * here: the dissector takes it for the whole packet that it is, without regard
 * to anything that waits (RFC 6946 4).
 *
 * Limits: reasm_conf, SRC_MAX contexts of one source, PIECES_MAX fragments of
 * one datagram, HEAD_MAX bytes of IP headers.
 */
#include "ip/reasm.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/siphash.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define BYTES_DEFAULT (4u << 20)
#define CTX_DEFAULT 256
#define SRC_MAX 64
#define PIECES_MAX 256
/* RFC 1122 3.3.2: a fixed one. It recommends 60 to 120 s; identifications of 16
 * bits come round sooner than that (RFC 4963), so 30 s, as Linux has it. */
#define TIMEOUT4_US (30 * UINT64_C(1000000))
#define TIMEOUT6_US (60 * UINT64_C(1000000)) /* RFC 8200 4.5 */

#define PIECE_COST 512 /* charged for each packet object */
#define COPY_MAX 16384 /* larger payload stays by reference */
#define REF_CHARGE 65536 /* and is charged this much */

#define HEAD_MAX 320 /* link and IP headers of a fragment */
#define CHAIN_MAX 192 /* headers behind the fragment header */
_Static_assert(HEAD_MAX + CHAIN_MAX <= PKT_HEAD_LEN, "a rebuilt head must fit");

struct ctx_key {
	struct ipaddr src, dst;
	uint32_t id;
	uint8_t proto; /* IPv4 only: RFC 8200 4.5 does not look at it */
	uint8_t v6, zero[2];
};

struct ctx {
	struct list age; /* by family, or on `unused` */
	struct ctx *next; /* in its bucket */
	struct ctx_key key;
	uint64_t deadline_us;
	struct gust_pkt *first, *last; /* by offset, linked with pkt.next */
	uint32_t total; /* 0: the last fragment has not come */
	uint32_t got, charged;
	uint16_t n;
	uint8_t ecn; /* bit i: codepoint i was seen (RFC 3168 5.3) */
	bool dead;
};

struct reasm {
	struct pkt_pool *pool;
	struct siphash_key secret;
	bool keyed;
	uint32_t max_bytes, max_ctx, bytes, n, n_made, mask;
	uint64_t timeout_us[2]; /* IPv4, IPv6 */
	struct list age[2], unused;
	struct ctx *ctx, **bucket;
};

/* A fragment, read once on arrival. */
struct piece {
	struct gust_pkt *p;
	const struct gust_layer *ip, *last; /* IP layer; layer with the offset */
	struct ctx_key key;
	uint32_t off, len;
	bool more;
	uint8_t proto, ecn;
};

struct reasm *reasm_new(struct pkt_pool *pool, const struct reasm_conf *conf)
{
	struct reasm *r = calloc(1, sizeof(*r));
	uint32_t buckets = 16;

	if (!r)
		return NULL;
	r->pool = pool;
	r->max_bytes = conf->max_bytes ? conf->max_bytes : BYTES_DEFAULT;
	r->max_ctx = conf->max_ctx ? conf->max_ctx : CTX_DEFAULT;
	r->timeout_us[0] = conf->timeout_us ? conf->timeout_us : TIMEOUT4_US;
	r->timeout_us[1] = conf->timeout_us ? conf->timeout_us : TIMEOUT6_US;
	while (buckets < r->max_ctx && buckets < UINT32_C(1) << 20)
		buckets *= 2;
	r->mask = buckets - 1;
	list_init(&r->age[0]);
	list_init(&r->age[1]);
	list_init(&r->unused);
	r->ctx = calloc(r->max_ctx, sizeof(*r->ctx));
	r->bucket = calloc(buckets, sizeof(struct ctx *));
	if (!r->ctx || !r->bucket) {
		reasm_free(r);
		return NULL;
	}
	return r;
}

/* ---- contexts ---- */

static struct ctx **bucket_of(const struct reasm *r, const struct ipaddr *src)
{
	return &r->bucket[siphash13(&r->secret, src, sizeof(*src)) & r->mask];
}

/* Free the fragments, keep the context. */
static void ctx_empty(struct reasm *r, struct ctx *c)
{
	struct gust_pkt *p, *next;

	for (p = c->first; p; p = next) {
		next = p->next;
		pkt_free(p);
	}
	c->first = c->last = NULL;
	c->n = 0;
	r->bytes -= c->charged;
	c->charged = 0;
}

static void ctx_drop(struct reasm *r, struct ctx *c)
{
	struct ctx **pp = bucket_of(r, &c->key.src);

	ctx_empty(r, c);
	while (*pp != c)
		pp = &(*pp)->next;
	*pp = c->next;
	list_del(&c->age);
	list_add_head(&r->unused, &c->age);
	r->n--;
}

/* RFC 5722 4: discard what came and what still comes of this datagram. */
static void ctx_kill(struct reasm *r, struct ctx *c)
{
	ctx_empty(r, c);
	c->dead = true;
}

void reasm_free(struct reasm *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < 2; i++)
		while (r->age[i].next && !list_empty(&r->age[i]))
			ctx_drop(r, container_of(list_first(&r->age[i]), struct ctx,
						 age));
	free(r->ctx);
	free(r->bucket);
	free(r);
}

/* Find or make. NULL: at a limit. */
static struct ctx *ctx_get(struct reasm *r, const struct ctx_key *key,
			   uint64_t now_us)
{
	struct ctx **b = bucket_of(r, &key->src), *c;
	unsigned of_src = 0;

	for (c = *b; c; c = c->next) {
		if (!memcmp(&c->key, key, sizeof(*key)))
			return c;
		of_src += ipaddr_eq(&c->key.src, &key->src);
	}
	if (of_src >= SRC_MAX || r->n >= r->max_ctx)
		return NULL;
	if (!list_empty(&r->unused)) {
		c = container_of(list_first(&r->unused), struct ctx, age);
		list_del(&c->age);
	} else {
		c = &r->ctx[r->n_made++];
	}
	*c = (struct ctx){ .key = *key, .next = *b };
	c->deadline_us = now_us + r->timeout_us[key->v6];
	*b = c;
	list_add_tail(&r->age[key->v6], &c->age);
	r->n++;
	return c;
}

/* ---- fragments ---- */

static uint32_t off_of(const struct gust_pkt *p)
{
	const struct gust_layer *l = &p->layer[p->nlayer - 1];

	if (l->kind == GUST_L_IPV4)
		return (get16(p->head + l->off + 6) & 0x1fff) * 8;
	return get16(p->head + l->off + 2) & 0xfff8;
}

static bool more_of(const struct gust_pkt *p)
{
	const struct gust_layer *l = &p->layer[p->nlayer - 1];

	if (l->kind == GUST_L_IPV4)
		return p->head[l->off + 6] & 0x20;
	return p->head[l->off + 3] & 1;
}

static inline uint32_t end_of(const struct gust_pkt *p)
{
	return off_of(p) + pkt_payload_len(p);
}

/* Read the headers of a fragment. */
static enum drop_reason piece_read(struct gust_pkt *p, struct piece *f)
{
	const uint8_t *ip;
	uint32_t ip_hlen;

	memset(f, 0, sizeof(*f));
	f->p = p;
	f->ip = p->nlayer ? pkt_l3(p) : NULL;
	if (!f->ip)
		return DROP_FRAG_BAD;
	f->last = &p->layer[p->nlayer - 1];
	if (!(f->last->flags & GUST_LF_FRAGMENT))
		return DROP_FRAG_BAD;
	ip = p->head + f->ip->off;
	if (f->last->kind == GUST_L_IPV4) {
		f->key.src = ipaddr_from4(ip + 12);
		f->key.dst = ipaddr_from4(ip + 16);
		f->key.id = get16(ip + 4);
		f->key.proto = f->proto = ip[9];
		f->ecn = ip[1] & 3;
		ip_hlen = p->hlen - f->ip->off;
	} else if (f->last->kind == GUST_L_FRAGHDR) {
		f->key.src = ipaddr_from6(ip + 8);
		f->key.dst = ipaddr_from6(ip + 24);
		f->key.id = get32(p->head + f->last->off + 4);
		f->key.v6 = 1;
		f->proto = p->head[f->last->off];
		f->ecn = ip[1] >> 4 & 3;
		/* the fragment header goes, the IPv6 header does not count */
		ip_hlen = p->hlen - f->ip->off - IPV6_HLEN - 8;
	} else {
		return DROP_FRAG_BAD;
	}
	if (p->hlen > HEAD_MAX)
		return DROP_BAD_EXTHDR;
	f->off = off_of(p);
	f->more = more_of(p);
	f->len = pkt_payload_len(p);
	/* RFC 8200 4.5: all but the last are multiples of 8, and the whole fits
	 * a length field of 16 bits */
	if (!f->len || (f->more && f->len % 8) ||
	    ip_hlen + f->off + f->len > UINT16_MAX)
		return DROP_FRAG_BAD;
	return DROP_NONE;
}

static uint32_t l4_hlen(uint8_t proto, bool v6, const uint8_t *t, uint32_t len)
{
	uint32_t doff;

	switch (proto) {
	case IPPROTO_TCP:
		if (len < TCP_HLEN)
			return TCP_HLEN;
		doff = (t[12] >> 4) * 4;
		return doff < TCP_HLEN ? TCP_HLEN : doff;
	case IPPROTO_UDP:
		return UDP_HLEN;
	case IPPROTO_ICMP:
		return v6 ? 0 : ICMP_HLEN;
	case IPPROTO_ICMPV6:
		return v6 ? ICMP_HLEN : 0;
	}
	return 0;
}

/*
 * How many bytes at the front of a first fragment's payload are headers? RFC
 * 7112 5: all of them must be in it.
 */
static enum drop_reason chain_len(const struct gust_pkt *p, uint8_t proto, bool v6,
				  uint32_t *ret_len)
{
	uint8_t b[CHAIN_MAX];
	uint32_t n = pkt_payload_copy(p, 0, b, sizeof(b)), off = 0;

	while (v6 && (proto == IP6_NH_DSTOPTS || proto == IP6_NH_ROUTING)) {
		uint32_t left = n - off;
		uint16_t ext_len;

		if (ipv6_ext_parse(proto, b + off, left, &proto, &ext_len) < 0)
			return n == sizeof(b) ? DROP_BAD_EXTHDR : DROP_FRAG_TINY;
		off += ext_len;
	}
	off += l4_hlen(proto, v6, b + off, n - off);
	if (off > n)
		return n == sizeof(b) ? DROP_BAD_EXTHDR : DROP_FRAG_TINY;
	*ret_len = off;
	return DROP_NONE;
}

/* Do two payloads of one length have the same bytes? */
static bool same_payload(const struct gust_pkt *a, const struct gust_pkt *b)
{
	uint32_t len = pkt_payload_len(a);
	uint8_t x[512], y[512];

	for (uint32_t off = 0; off < len; off += sizeof(x)) {
		uint32_t n = len - off < sizeof(x) ? len - off : sizeof(x);

		pkt_payload_copy(a, off, x, n);
		pkt_payload_copy(b, off, y, n);
		if (memcmp(x, y, n))
			return false;
	}
	return true;
}

/* ---- storing ---- */

enum fit { FIT_OK, FIT_DUPLICATE, FIT_OVERLAP, FIT_BAD };

/* Where does the fragment belong? *ret_prev: the piece in front, or NULL. */
static enum fit ctx_fit(const struct ctx *c, const struct piece *f,
			struct gust_pkt **ret_prev)
{
	struct gust_pkt *prev = NULL, *next = c->first;
	uint32_t end = f->off + f->len;

	if (c->last && end_of(c->last) <= f->off) { /* in order: the usual case */
		prev = c->last;
		next = NULL;
	}
	while (next && off_of(next) < f->off) {
		prev = next;
		next = next->next;
	}
	*ret_prev = prev;
	if (next && off_of(next) == f->off && pkt_payload_len(next) == f->len &&
	    more_of(next) == f->more && same_payload(next, f->p))
		return FIT_DUPLICATE; /* RFC 8200 4.5: an exact one is harmless */
	if ((prev && end_of(prev) > f->off) || (next && off_of(next) < end))
		return FIT_OVERLAP;
	/* two ends, or something behind the end */
	if (c->total && (end > c->total || !f->more))
		return FIT_BAD;
	if (!f->more && c->last && end_of(c->last) > end)
		return FIT_BAD;
	return FIT_OK;
}

/* A packet that holds no receive slab. Takes p only when it succeeds. */
static enum drop_reason stored(struct reasm *r, struct gust_pkt *p,
			       struct gust_pkt **ret)
{
	uint32_t len = pkt_payload_len(p);
	uint8_t buf[COPY_MAX];
	struct gust_pkt *s;
	struct gust_frag f;

	if (len > COPY_MAX) {
		s = pkt_clone(r->pool, p);
		if (!s)
			return DROP_NO_PKT;
		goto done;
	}
	s = pkt_new(r->pool);
	if (!s)
		return DROP_NO_PKT;
	memcpy(s->head, p->head, p->hlen);
	s->hlen = s->len = p->hlen;
	s->port = p->port;
	s->queue = p->queue;
	s->hops = p->hops;
	s->nlayer = p->nlayer;
	memcpy(s->layer, p->layer, p->nlayer * sizeof(p->layer[0]));
	if (p->nfrag != 1)
		pkt_payload_copy(p, 0, buf, len);
	if (slab_copy(r->pool, p->nfrag == 1 ? p->frag[0].p : buf, len, &f) < 0) {
		pkt_free(s);
		return DROP_NO_SLAB;
	}
	if (pkt_frag_add(s, &f) < 0) {
		frag_unref(&f);
		pkt_free(s);
		return DROP_NO_PKT;
	}
done:
	pkt_free(p);
	*ret = s;
	return DROP_NONE;
}

static void ctx_link(struct ctx *c, struct gust_pkt *prev, struct gust_pkt *p)
{
	struct gust_pkt **at = prev ? &prev->next : &c->first;

	p->next = *at;
	*at = p;
	if (!p->next)
		c->last = p;
}

/* ---- the whole datagram ---- */

/* RFC 3168 5.3: CE on any fragment is CE on the whole, unless one said that its
 * sender does not know ECN: then the whole is dropped. Otherwise the first
 * fragment's. */
static bool merge_ecn(uint8_t seen, uint8_t *ecn)
{
	if (!(seen & 1 << 3))
		return true;
	*ecn = 3;
	return !(seen & 1);
}

/* Make a fragment's IP header that of `len` bytes of IP payload. */
static void whole4(struct gust_pkt *w, const struct gust_layer *ip, uint32_t len,
		   uint8_t ecn)
{
	uint8_t *b = w->head + ip->off;
	struct ipv4_hdr h;

	if (ipv4_parse(b, w->hlen - ip->off, &h) < 0)
		return;
	h.tot_len = h.hlen + len;
	h.mf = false;
	h.frag_off = 0;
	h.tos = (h.tos & ~3) | ecn;
	ipv4_build(b, &h);
}

/* The same for IPv6: the fragment header (the last thing in the head) goes. */
static void whole6(struct gust_pkt *w, const struct gust_layer *ip,
		   const struct gust_layer *frag, uint32_t len, uint8_t ecn)
{
	uint8_t *b = w->head + ip->off;
	const struct gust_layer *prev = frag - 1; /* the IPv6 layer at the least */

	b[1] = (b[1] & ~0x30) | ecn << 4;
	w->head[prev->off + (prev->kind == GUST_L_IPV6 ? 6 : 0)] =
		w->head[frag->off];
	w->hlen -= 8;
	w->len -= 8;
	put16(b + 4, w->hlen - ip->off - IPV6_HLEN + len);
}

/* The head of the whole datagram, from that of the first fragment; the transport
 * header moves into it, where pkt_dissect() wants it. */
static enum drop_reason whole_head(struct gust_pkt *w, const struct gust_pkt *first,
				   uint32_t total, uint8_t ecn_seen,
				   uint32_t *ret_chain)
{
	enum drop_reason why;
	uint32_t chain, ip_hlen;
	struct piece f;

	why = piece_read((struct gust_pkt *)first, &f);
	if (why == DROP_NONE)
		why = chain_len(first, f.proto, f.key.v6, &chain);
	if (why != DROP_NONE)
		return why;
	/* the first fragment may have more options than the others */
	ip_hlen = first->hlen - f.ip->off - (f.key.v6 ? IPV6_HLEN + 8 : 0);
	if (ip_hlen + total > UINT16_MAX || !merge_ecn(ecn_seen, &f.ecn))
		return DROP_FRAG_BAD;
	memcpy(w->head, first->head, first->hlen);
	w->hlen = w->len = first->hlen;
	if (f.key.v6)
		whole6(w, f.ip, f.last, total, f.ecn);
	else
		whole4(w, f.ip, total, f.ecn);
	pkt_payload_copy(first, 0, w->head + w->hlen, chain);
	w->hlen += chain;
	w->len += chain;
	w->port = first->port;
	w->queue = first->queue;
	w->hops = first->hops;
	*ret_chain = chain;
	return DROP_NONE;
}

/* Append the payload of `p` from `skip` on. */
static int take_payload(struct gust_pkt *w, struct gust_pkt *p, uint32_t skip)
{
	if (skip)
		pkt_payload_slice(p, skip, pkt_payload_len(p) - skip);
	for (unsigned i = 0; i < p->nfrag; i++) {
		frag_ref(&p->frag[i]);
		if (pkt_frag_add(w, &p->frag[i]) < 0) {
			slab_unref(p->frag[i].slab);
			return -1;
		}
	}
	return 0;
}

/* Build the datagram whose fragments are the list at `first`, complete and in
 * order. Takes them. */
static enum drop_reason assemble(struct reasm *r, struct gust_pkt *first,
				 uint32_t total, uint8_t ecn_seen,
				 struct gust_pkt **ret_whole)
{
	enum dissect_start start =
		first->layer[0].kind == GUST_L_ETH ? DISSECT_ETH : DISSECT_IP;
	struct gust_pkt *w = pkt_new(r->pool), *p, *next;
	enum drop_reason why = DROP_NO_PKT;
	uint32_t skip = 0;

	if (w)
		why = whole_head(w, first, total, ecn_seen, &skip);
	for (p = first; p; p = next) {
		next = p->next;
		if (why == DROP_NONE && take_payload(w, p, skip) < 0)
			why = DROP_NO_PKT;
		skip = 0;
		pkt_free(p);
	}
	if (why == DROP_NONE)
		why = pkt_dissect(w, start);
	if (why != DROP_NONE) {
		pkt_free(w);
		return why;
	}
	*ret_whole = w;
	return DROP_NONE;
}

/* ---- the room's door ---- */

/* A fragment that fits and does not complete the datagram. Takes it only when
 * it succeeds. */
static enum drop_reason ctx_store(struct reasm *r, struct ctx *c,
				  const struct piece *f, struct gust_pkt *prev)
{
	uint32_t cost = PIECE_COST + (f->len > COPY_MAX ? REF_CHARGE : f->len);
	bool more = f->more;
	uint8_t ecn = f->ecn;
	uint32_t off = f->off, len = f->len;
	enum drop_reason why;
	struct gust_pkt *s;

	if (c->n >= PIECES_MAX || cost > r->max_bytes - r->bytes)
		return DROP_FRAG_LIMIT;
	why = stored(r, f->p, &s);
	if (why != DROP_NONE)
		return why;
	ctx_link(c, prev, s);
	c->n++;
	c->got += len;
	c->charged += cost;
	r->bytes += cost;
	c->ecn |= 1 << ecn;
	if (!more)
		c->total = off + len;
	return DROP_NONE;
}

/* The last missing fragment: hand out the datagram, forget the context. */
static enum drop_reason ctx_finish(struct reasm *r, struct ctx *c,
				   const struct piece *f, struct gust_pkt *prev,
				   struct gust_pkt **ret_whole)
{
	uint8_t ecn = c->ecn | 1 << f->ecn;
	uint32_t total = f->more ? c->total : f->off + f->len;
	struct gust_pkt *first;

	ctx_link(c, prev, f->p);
	first = c->first;
	c->first = c->last = NULL;
	ctx_drop(r, c);
	return assemble(r, first, total, ecn, ret_whole);
}

static enum drop_reason ctx_input(struct reasm *r, struct ctx *c,
				  const struct piece *f,
				  struct gust_pkt **ret_whole)
{
	enum drop_reason why = DROP_NONE;
	struct gust_pkt *prev;
	uint32_t total = f->more ? c->total : f->off + f->len;

	if (c->dead) {
		pkt_free(f->p);
		return DROP_FRAG_OVERLAP;
	}
	switch (ctx_fit(c, f, &prev)) {
	case FIT_OK:
		if (total && c->got + f->len == total)
			return ctx_finish(r, c, f, prev, ret_whole);
		why = ctx_store(r, c, f, prev);
		if (why == DROP_NONE)
			return why;
		break;
	case FIT_DUPLICATE:
		break;
	case FIT_OVERLAP:
		ctx_kill(r, c);
		why = DROP_FRAG_OVERLAP;
		break;
	case FIT_BAD:
		ctx_kill(r, c);
		why = DROP_FRAG_BAD;
		break;
	}
	pkt_free(f->p);
	if (!c->n && !c->dead) /* made for this one, which was refused */
		ctx_drop(r, c);
	return why;
}

enum drop_reason reasm_input(struct reasm *r, struct gust_pkt *p /*taken*/,
			     const struct env *env, struct gust_pkt **ret_whole)
{
	enum drop_reason why;
	struct piece f;
	struct ctx *c;
	uint32_t chain;

	*ret_whole = NULL;
	if (!r->keyed) {
		r->secret.k0 = rng_u64(env->rng);
		r->secret.k1 = rng_u64(env->rng);
		r->keyed = true;
	}
	p->next = NULL;
	why = piece_read(p, &f);
	if (why == DROP_NONE && !f.off)
		why = chain_len(p, f.proto, f.key.v6, &chain);
	if (why != DROP_NONE) {
		pkt_free(p);
		return why;
	}
	c = ctx_get(r, &f.key, env->now_us);
	if (!c) {
		pkt_free(p);
		return DROP_FRAG_LIMIT;
	}
	return ctx_input(r, c, &f, ret_whole);
}

unsigned reasm_expire(struct reasm *r, const struct env *env,
		      struct gust_batch *ret_first)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		list_for_each_safe (it, &r->age[i]) {
			struct ctx *c = container_of(it, struct ctx, age);
			struct gust_pkt *p = c->first;

			if (c->deadline_us > env->now_us)
				break;
			n += !c->dead; /* that one was counted when it died */
			if (p && !off_of(p)) {
				c->first = p->next;
				gust_batch_push(ret_first, p);
			}
			ctx_drop(r, c);
		}
	}
	return n;
}

uint64_t reasm_deadline(const struct reasm *r)
{
	uint64_t t = ENV_NEVER;

	for (unsigned i = 0; i < 2; i++) {
		const struct ctx *c = container_of(r->age[i].next, struct ctx, age);

		if (&c->age != &r->age[i] && c->deadline_us < t)
			t = c->deadline_us;
	}
	return t;
}

unsigned reasm_n(const struct reasm *r)
{
	return r->n;
}
