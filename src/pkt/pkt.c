/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pkt.c - packet objects and what is done to them
 *
 * This is the data path: an object is initialised field by field (the layer
 * array and the head buffer are left as they are), and the payload is touched
 * only by the functions whose name says copy or csum.
 *
 * Limits: 65535 head bytes, 65535 fragments. Two fragments live in the object;
 * more make an array that doubles, the only malloc here.
 */
#include "pkt/pkt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pkt/pool_internal.h"
#include "wire/bytes.h"
#include "wire/crc32c.h"
#include "wire/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/sctp.h"

#define NINLINE 2

/* ---- objects ---- */

static struct pkt_obj *obj_of(struct gust_pkt *p)
{
	return (struct pkt_obj *)p;
}

/* Poison all but the list link. */
static void obj_poison(struct gust_pkt *p)
{
	pool_poison((uint8_t *)p + sizeof p->next,
		    sizeof(struct pkt_obj) - sizeof p->next);
}

/* Put an object on the owner's list. */
static void obj_put(struct pkt_pool *pool, struct gust_pkt *p)
{
	p->next = pool->pkt_list;
	pool->pkt_list = p;
	pool_count(&pool->pkt_free, 1);
	obj_poison(p);
}

static void obj_drain(struct pkt_pool *pool)
{
	struct gust_pkt *p, *next;

	if (!atomic_load_explicit(&pool->pkt_foreign, memory_order_relaxed))
		return;
	p = atomic_exchange_explicit(&pool->pkt_foreign, NULL,
				     memory_order_acquire);
	for (; p; p = next) {
		next = p->next;
		atomic_fetch_sub_explicit(&pool->pkt_foreign_n, 1,
					  memory_order_relaxed);
		obj_put(pool, p);
	}
}

static void obj_push_foreign(struct pkt_pool *pool, struct gust_pkt *p)
{
	struct gust_pkt *old =
		atomic_load_explicit(&pool->pkt_foreign, memory_order_relaxed);

	obj_poison(p);
	atomic_fetch_add_explicit(&pool->pkt_foreign_n, 1, memory_order_relaxed);
	do {
		p->next = old;
	} while (!atomic_compare_exchange_weak_explicit(&pool->pkt_foreign, &old, p,
							memory_order_release,
							memory_order_relaxed));
}

/* One more chunk of objects; fewer than PKT_CHUNK of it when the limit says so. */
static void chunk_make(struct pkt_pool *pool)
{
	uint32_t n = pool->pkt_max - pool->pkt_total;
	struct pkt_chunk *c;

	if (!n)
		return;
	c = aligned_alloc(_Alignof(struct pkt_chunk), sizeof *c);
	if (!c)
		return;
	if (n > PKT_CHUNK)
		n = PKT_CHUNK;
	c->next = pool->chunks;
	pool->chunks = c;
	pool_count(&pool->pkt_total, (int)n);
	while (n--) {
		c->obj[n].pkt.pool = pool;
		obj_put(pool, &c->obj[n].pkt);
	}
}

static struct gust_pkt *obj_get(struct pkt_pool *pool)
{
	struct gust_pkt *p;

	if (!pool->pkt_list) {
		obj_drain(pool);
		if (!pool->pkt_list)
			chunk_make(pool);
		if (!pool->pkt_list)
			return NULL;
	}
	p = pool->pkt_list;
	pool->pkt_list = p->next;
	pool_count(&pool->pkt_free, -1);
	pool_unpoison(p, sizeof(struct pkt_obj));
	p->next = NULL;
	p->head_slab = NULL;
	p->len = 0;
	p->hlen = 0;
	p->gso_size = 0;
	p->gso_type = GUST_GSO_NONE;
	p->nlayer = 0;
	p->nfrag = 0;
	p->need = 0;
	p->hash = 0;
	p->port = 0;
	p->queue = 0;
	p->frag_cap = NINLINE;
	p->hops = 0;
	p->frag = p->frag_inl;
	return p;
}

struct gust_pkt *pkt_new(struct pkt_pool *pool)
{
	struct gust_pkt *p = obj_get(pool);

	if (p)
		p->head = obj_of(p)->buf + GUST_HEADROOM;
	return p;
}

struct gust_pkt *pkt_from_slab(struct pkt_pool *pool, struct gust_slab *slab,
			       uint8_t *bytes, uint32_t len)
{
	struct gust_pkt *p = obj_get(pool);

	if (!p)
		return NULL;
	assert(bytes >= slab->data + GUST_HEADROOM &&
	       len <= (size_t)(slab->data + slab->cap - bytes));
	slab_ref(slab);
	p->head = bytes;
	p->head_slab = slab;
	p->len = len;
	if (len <= UINT16_MAX) {
		p->hlen = len;
		return p;
	}
	/* The head's length has 16 bits: the rest of a larger packet already is
	 * payload, right behind it. */
	slab_ref(slab);
	p->hlen = UINT16_MAX;
	p->nfrag = 1;
	p->frag[0].p = bytes + UINT16_MAX;
	p->frag[0].slab = slab;
	p->frag[0].len = len - UINT16_MAX;
	return p;
}

void pkt_free(struct gust_pkt *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->nfrag; i++)
		slab_unref(p->frag[i].slab);
	slab_unref(p->head_slab);
	if (p->frag != p->frag_inl)
		free(p->frag);
	if (pool_is_mine(p->pool))
		obj_put(p->pool, p);
	else
		obj_push_foreign(p->pool, p);
}

void pkt_batch_free(struct gust_batch *b)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(b)))
		pkt_free(p);
}

int pkt_frag_reserve(struct gust_pkt *p, uint32_t n)
{
	uint32_t cap = p->frag_cap;
	struct gust_frag *f;

	if (n <= cap)
		return 0;
	if (n > UINT16_MAX)
		return -ENOMEM;
	while (cap < n)
		cap *= 4;
	if (cap > UINT16_MAX)
		cap = UINT16_MAX;
	f = realloc(p->frag == p->frag_inl ? NULL : p->frag, cap * sizeof *f);
	if (!f)
		return -ENOMEM;
	if (p->frag == p->frag_inl)
		memcpy(f, p->frag_inl, p->nfrag * sizeof *f);
	p->frag = f;
	p->frag_cap = cap;
	return 0;
}

struct gust_pkt *pkt_clone(struct pkt_pool *pool, const struct gust_pkt *p)
{
	struct gust_pkt *c = obj_get(pool);

	if (!c)
		return NULL;
	c->head = obj_of(c)->buf + GUST_HEADROOM;
	if (p->hlen > PKT_HEAD_LEN) {
		/* A packet that was not dissected yet. */
		c->head_slab = slab_new(pool);
		if (!c->head_slab)
			goto fail;
		c->head = c->head_slab->data + GUST_HEADROOM;
		c->head_slab->used = GUST_HEADROOM + p->hlen;
	}
	if (pkt_frag_reserve(c, p->nfrag))
		goto fail;
	memcpy(c->head, p->head, p->hlen);
	pkt_layers_copy(c, p);
	for (unsigned i = 0; i < p->nfrag; i++) {
		c->frag[i] = p->frag[i];
		frag_ref(&c->frag[i]);
	}
	c->nfrag = p->nfrag;
	c->len = p->len;
	c->hlen = p->hlen;
	c->gso_size = p->gso_size;
	c->gso_type = p->gso_type;
	c->need = p->need;
	c->hash = p->hash;
	c->port = p->port;
	c->queue = p->queue;
	c->hops = p->hops;
	return c;
fail:
	pkt_free(c);
	return NULL;
}

/* ---- payload ---- */

int pkt_frag_add(struct gust_pkt *p, const struct gust_frag *f)
{
	struct gust_frag *last = p->nfrag ? &p->frag[p->nfrag - 1] : NULL;

	if (last && last->slab == f->slab && last->p + last->len == f->p) {
		last->len += f->len;
		p->len += f->len;
		slab_unref(f->slab);
		return 0;
	}
	return pkt_frag_push(p, f);
}

int pkt_frag_push(struct gust_pkt *p, const struct gust_frag *f)
{
	if (p->nfrag == p->frag_cap) {
		int r = pkt_frag_reserve(p, p->nfrag + 1u);

		if (r)
			return r;
	}
	p->frag[p->nfrag++] = *f;
	p->len += f->len;
	return 0;
}

int pkt_frag_add_front(struct gust_pkt *p, const struct gust_frag *f)
{
	struct gust_frag *first = p->nfrag ? &p->frag[0] : NULL;

	if (first && first->slab == f->slab && f->p + f->len == first->p) {
		first->p = f->p;
		first->len += f->len;
		p->len += f->len;
		slab_unref(f->slab);
		return 0;
	}
	if (p->nfrag == p->frag_cap) {
		int r = pkt_frag_reserve(p, p->nfrag + 1u);

		if (r)
			return r;
	}
	memmove(p->frag + 1, p->frag, p->nfrag * sizeof *f);
	p->frag[0] = *f;
	p->nfrag++;
	p->len += f->len;
	return 0;
}

void pkt_payload_slice(struct gust_pkt *p, uint32_t off, uint32_t len)
{
	unsigned out = 0;
	uint32_t left;

	assert(off <= pkt_payload_len(p) && len <= pkt_payload_len(p) - off);
	left = len;
	for (unsigned i = 0; i < p->nfrag; i++) {
		struct gust_frag f = p->frag[i];

		if (off >= f.len || !left) {
			off -= off >= f.len ? f.len : off;
			slab_unref(f.slab);
			continue;
		}
		f.p += off;
		f.len -= off;
		off = 0;
		if (f.len > left)
			f.len = left;
		left -= f.len;
		p->frag[out++] = f;
	}
	p->nfrag = out;
	p->len = p->hlen + len;
}

uint32_t pkt_payload_copy(const struct gust_pkt *p, uint32_t off, void *dst,
			  uint32_t len)
{
	uint8_t *d = dst;
	uint32_t done = 0;

	for (unsigned i = 0; i < p->nfrag && done < len; i++) {
		const struct gust_frag *f = &p->frag[i];
		uint32_t n;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		n = f->len - off;
		if (n > len - done)
			n = len - done;
		memcpy(d + done, f->p + off, n);
		done += n;
		off = 0;
	}
	return done;
}

uint32_t pkt_payload_csum(const struct gust_pkt *p, uint32_t off, uint32_t len)
{
	uint32_t sum = 0, done = 0;

	/* a segment that was just cut: one piece, all of it */
	if (p->nfrag == 1 && len == p->frag[0].len)
		return csum_add(0, p->frag[0].p, len);
	for (unsigned i = 0; i < p->nfrag && done < len; i++) {
		const struct gust_frag *f = &p->frag[i];
		uint32_t n;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		n = f->len - off;
		if (n > len - done)
			n = len - done;
		sum = csum_combine(sum, csum_add(0, f->p + off, n), done);
		done += n;
		off = 0;
	}
	return sum;
}

int pkt_iov(const struct gust_pkt *p, struct iovec *iov, unsigned max,
	    unsigned first)
{
	unsigned n = first;

	if (n >= max)
		return -E2BIG;
	iov[n].iov_base = p->head;
	iov[n].iov_len = p->hlen;
	for (unsigned i = 0; i < p->nfrag; i++) {
		const struct gust_frag *f = &p->frag[i];

		if ((uint8_t *)iov[n].iov_base + iov[n].iov_len == f->p) {
			iov[n].iov_len += f->len;
			continue;
		}
		if (++n >= max)
			return -E2BIG;
		iov[n].iov_base = f->p;
		iov[n].iov_len = f->len;
	}
	return (int)n + 1;
}

/* ---- head and header map ---- */

uint32_t pkt_headroom(const struct gust_pkt *p)
{
	const uint8_t *begin = p->head_slab ? p->head_slab->data :
					      ((const struct pkt_obj *)p)->buf;

	return p->head - begin;
}

uint8_t *pkt_push(struct gust_pkt *p, uint16_t n)
{
	assert(pkt_headroom(p) >= n);
	p->head -= n;
	p->hlen += n;
	p->len += n;
	for (unsigned i = 0; i < p->nlayer; i++)
		p->layer[i].off += n;
	return p->head;
}

void pkt_pull(struct gust_pkt *p, uint16_t n)
{
	unsigned out = 0;

	assert(n <= p->hlen);
	for (unsigned i = 0; i < p->nlayer; i++) {
		struct gust_layer l = p->layer[i];

		if (l.off < n)
			continue;
		l.off -= n;
		p->layer[out++] = l;
	}
	p->nlayer = out;
	p->head += n;
	p->hlen -= n;
	p->len -= n;
}

void pkt_layer_push(struct gust_pkt *p, uint8_t kind, uint8_t flags)
{
	assert(p->nlayer < GUST_LAYERS_MAX);
	memmove(p->layer + 1, p->layer, p->nlayer * sizeof p->layer[0]);
	p->layer[0] = (struct gust_layer){ .kind = kind, .flags = flags, .off = 0 };
	p->nlayer++;
}

void pkt_layer_append(struct gust_pkt *p, uint8_t kind, uint8_t flags, uint16_t off)
{
	assert(p->nlayer < GUST_LAYERS_MAX);
	p->layer[p->nlayer++] =
		(struct gust_layer){ .kind = kind, .flags = flags, .off = off };
}

const struct gust_layer *pkt_layer(const struct gust_pkt *p, uint8_t kind)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind == kind)
			return &p->layer[i];
	return NULL;
}

const struct gust_layer *pkt_l3(const struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i--;)
		if (p->layer[i].kind == GUST_L_IPV4 ||
		    p->layer[i].kind == GUST_L_IPV6)
			return &p->layer[i];
	return NULL;
}

const struct gust_layer *pkt_outer_l3(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_IPV4 ||
		    p->layer[i].kind == GUST_L_IPV6)
			return &p->layer[i];
	return NULL;
}

/* The jumbo header's 8 bytes, which no segment carries. */
static uint32_t jumbo_hlen(const struct gust_pkt *p, const struct gust_layer *l3)
{
	const struct gust_layer *hop = l3 + 1;

	if (l3->kind != GUST_L_IPV6 || hop >= p->layer + p->nlayer ||
	    hop->kind != GUST_L_HOPOPTS || !(hop->flags & GUST_LF_JUMBO) ||
	    p->head[hop->off + 1])
		return 0;
	return IPV6_JUMBO_HLEN;
}

uint32_t pkt_seg_hdrs(const struct gust_pkt *p, const struct gust_layer *l3)
{
	uint32_t n = p->hlen - l3->off;

	for (; l3 < p->layer + p->nlayer; l3++)
		n -= jumbo_hlen(p, l3);
	return n;
}

const struct gust_layer *pkt_l4(const struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i--;) {
		switch (p->layer[i].kind) {
		case GUST_L_TCP:
		case GUST_L_UDP:
		case GUST_L_ICMP:
		case GUST_L_ICMP6:
		case GUST_L_SCTP:
			return &p->layer[i];
		case GUST_L_IPV4:
		case GUST_L_IPV6:
			return NULL;
		}
	}
	return NULL;
}

/* ---- checksums ---- */

int pkt_csum_off(uint8_t kind)
{
	switch (kind) {
	case GUST_L_TCP:
		return 16;
	case GUST_L_UDP:
		return 6;
	case GUST_L_ICMP:
	case GUST_L_ICMP6:
		return 2;
	case GUST_L_SCTP:
		return SCTP_OFF_CSUM;
	}
	return -1;
}

uint32_t pkt_csum_pseudo(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	const uint8_t *ip = p->head + l3->off;
	struct ipaddr src, dst;
	uint8_t proto = l4->kind == GUST_L_TCP ? IPPROTO_TCP :
			l4->kind == GUST_L_UDP ? IPPROTO_UDP :
						 IPPROTO_ICMPV6;

	/* RFC 792: the message alone; SCTP's CRC knows no pseudo header either */
	if (l4->kind == GUST_L_ICMP || l4->kind == GUST_L_SCTP)
		return 0;
	if (l3->kind == GUST_L_IPV4) {
		src = ipaddr_from4(ip + 12);
		dst = ipaddr_from4(ip + 16);
	} else {
		src = ipaddr_from6(ip + 8);
		dst = ipaddr_from6(ip + 24);
	}
	return csum_pseudo(&src, &dst, proto, p->len - l4->off);
}

/* Sum of pseudo header, transport header as it stands, and payload. */
static uint32_t l4_sum(const struct gust_pkt *p, const struct gust_layer *l4)
{
	uint32_t n = p->hlen - l4->off;
	uint32_t sum = csum_add(pkt_csum_pseudo(p), p->head + l4->off, n);

	return csum_combine(sum, pkt_payload_csum(p, 0, pkt_payload_len(p)), n);
}

/* SCTP's CRC32c field as it should be (RFC 9260 appendix A). */
static uint32_t sctp_crc(const struct gust_pkt *p, const struct gust_layer *l4)
{
	static const uint8_t zero[4];
	const uint8_t *h = p->head + l4->off;
	uint32_t crc = crc32c(UINT32_MAX, h, SCTP_OFF_CSUM);

	crc = crc32c(crc, zero, 4); /* in place of the field itself */
	crc = crc32c(crc, h + SCTP_HLEN, p->hlen - l4->off - SCTP_HLEN);
	for (unsigned i = 0; i < p->nfrag; i++)
		crc = crc32c(crc, p->frag[i].p, p->frag[i].len);
	return crc32c_field(crc);
}

void pkt_csum_complete(struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);
	int off = l4 ? pkt_csum_off(l4->kind) : -1;
	uint8_t *field;
	uint16_t c;

	p->need &= ~(uint32_t)GUST_F_CSUM;
	if (off < 0)
		return;
	field = p->head + l4->off + off;
	if (l4->kind == GUST_L_SCTP) {
		put32(field, sctp_crc(p, l4));
		p->need |= GUST_F_CSUM_OK;
		return;
	}
	put16(field, 0);
	c = csum_fold(l4_sum(p, l4));
	/* RFC 768: a computed zero is sent as all ones; zero means "none" */
	if (!c && l4->kind == GUST_L_UDP)
		c = 0xffff;
	put16(field, c);
	p->need |= GUST_F_CSUM_OK;
}

bool pkt_csum_verify(struct gust_pkt *p)
{
	const struct gust_layer *l3, *l4;

	if (p->need & (GUST_F_CSUM | GUST_F_CSUM_OK))
		return true;
	l3 = pkt_l3(p);
	if (l3 && l3->kind == GUST_L_IPV4) {
		const uint8_t *ip = p->head + l3->off;

		if (!ipv4_csum_ok(ip, (ip[0] & 15) * 4))
			return false;
	}
	l4 = pkt_l4(p);
	if (!l4 || pkt_csum_off(l4->kind) < 0)
		return true; /* a fragment, or nothing that we know how to sum */
	if (l4->kind == GUST_L_SCTP) {
		if (get32(p->head + l4->off + SCTP_OFF_CSUM) != sctp_crc(p, l4))
			return false;
	} else if (l4->kind == GUST_L_UDP && !get16(p->head + l4->off + 6)) {
		/* RFC 768 over IPv4: none was made. RFC 8200 8.1 over IPv6: wrong. */
		if (l3->kind == GUST_L_IPV6)
			return false;
	} else if (csum_fold(l4_sum(p, l4))) {
		return false;
	}
	p->need |= GUST_F_CSUM_OK;
	return true;
}
