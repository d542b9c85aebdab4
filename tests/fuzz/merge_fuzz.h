/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge_fuzz.h - any packets through a merging plugin: the result is reversible
 *
 * The includer defines MERGER and CUTTER, two plugins' descriptors.
 *
 * Input: a byte of flags for the batch, a byte of limits, then records, each making
 * one packet or several:
 *   flags          R_*
 *   raw:           length (16 bits, little endian), the packet
 *   derived:       which one it comes after, payload length (16 bits; 0xffff: the
 *                  same), number of patches, patches (offset, xor)
 * A derived packet has the headers of the one that it comes after, sequence number
 * and IPv4 ID continued; patches then break some of that. Superpackets are told by
 * flags, too. Invariants: those of
 * reverse.h, no fault of either plugin, every buffer back in the pool.
 */
#include <stdio.h>

#define REV_ASSERT(x)                                                              \
	do {                                                                       \
		if (!(x)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);    \
			abort();                                                   \
		}                                                                  \
	} while (0)

#include "../unit/reverse.h"
#include "base/rng.h"
#include "offload/registry.h"
#include "wire/bytes.h"
#include "wire/csum.h"

/* of the batch */
#define B_ETH 0x01
#define B_BIG 0x02
#define B_TWICE 0x04

/* of a packet */
#define R_RAW 0x01
#define R_FIX_IP 0x02 /* lengths and IPv4 checksum are made right */
#define R_FIX_L4 0x04 /* the transport's checksum is made right */
#define R_OWED 0x08 /* it is owed */
#define R_SAME_ID 0x10
#define R_VOUCHED 0x20 /* with FIX_L4: somebody has verified it */
#define R_SUPER (R_OWED | R_VOUCHED) /* it is a superpacket */
#define R_BURST 0x40 /* derived: eight of them, one after the other */
#define R_ODD 0x80 /* with FIX_L4, TCP: the checksum's other zero, 0xffff */

#define PKTS_MAX 96
#define LEN_MAX 2000
#define ETH_LEN 14

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct made {
	uint8_t b[LEN_MAX];
	uint32_t len, hlen, segs;
	uint8_t l4_kind;
	uint16_t l3, l4;
};

static struct {
	struct pkt_pool *pool;
	struct registry *reg;
	struct engine *eng;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
	struct made made[PKTS_MAX];
	unsigned n;
} fz;

struct input {
	const uint8_t *b;
	size_t left;
};

static unsigned take8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->b++;
}

static unsigned take16(struct input *in)
{
	unsigned lo = take8(in);

	return lo | take8(in) << 8;
}

static void fz_open(void)
{
	struct pkt_limits lim = { .slab_max = 64, .pkt_max = 4096 };
	struct engine_conf c = { 0 };
	struct gust_batch held;
	struct engine_set set;
	char err[256];

	fz.pool = pkt_pool_new(&lim);
	fz.reg = registry_new();
	rng_seed(&fz.rng, 1);
	fz.env.rng = &fz.rng;
	c.pool = fz.pool;
	c.drops = &fz.drops;
	c.env = &fz.env;
	fz.eng = engine_new(&c);
	REV_ASSERT(fz.pool && fz.reg && fz.eng);
	REV_ASSERT(!registry_add(fz.reg, &MERGER, err, sizeof(err)));
	REV_ASSERT(!registry_add(fz.reg, &CUTTER, err, sizeof(err)));
	registry_set(fz.reg, &set);
	gust_batch_init(&held);
	REV_ASSERT(!engine_set(fz.eng, &set, &held, err, sizeof(err)));
}

/* Lengths and the IPv4 checksum of the outermost IP header. */
static void fix_ip(struct made *t, unsigned l2)
{
	uint8_t *ip = t->b + l2;
	uint32_t n = t->len - l2, hl;

	if (t->l4_kind == GUST_L_UDP && t->l4 && t->l4 + 8u <= t->len)
		put16(t->b + t->l4 + 4, (uint16_t)(t->len - t->l4));
	if (n >= 40 && ip[0] >> 4 == 6)
		put16(ip + 4, (uint16_t)(n - 40));
	if (n < 20 || ip[0] >> 4 != 4)
		return;
	hl = (ip[0] & 15) * 4u;
	put16(ip + 2, (uint16_t)n);
	if (hl < 20 || hl > n)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, hl)));
}

/* An urgent pointer with which the sum is zero, and the checksum written as nobody
 * computes it. */
static void odd_zero(struct gust_pkt *p, uint8_t *th)
{
	put16(th + 18, 0);
	pkt_csum_complete(p);
	put16(th + 18, get16(th + 16));
	put16(th + 16, 0xffff);
}

/* A superpacket of a few segments: a right one, or UFO. */
static void make_super(struct gust_pkt *p, unsigned flags)
{
	uint8_t *l4 = p->head + pkt_l4(p)->off;
	bool v6 = pkt_l3(p)->kind == GUST_L_IPV6;
	uint32_t n = pkt_payload_len(p);

	if (n < 2)
		return;
	p->gso_size = (uint16_t)(1 + (n - 1) / (2 + n % 3));
	if (pkt_l4(p)->kind == GUST_L_UDP) {
		p->gso_type = v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4;
		if (flags & R_ODD)
			p->gso_type = GUST_GSO_UFO;
		return;
	}
	p->gso_type = v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
	if (l4[13] & 0x80) /* CWR is whose, so says the window */
		p->need |= l4[15] & 1 ? GUST_F_ECN : GUST_F_ACCECN;
}

/* The packet enters the batch, if it is one. */
static void enter(struct rev *r, struct made *t, unsigned flags, unsigned bflags,
		  struct gust_batch *b)
{
	unsigned l2 = bflags & B_ETH ? ETH_LEN : 0;
	const struct gust_layer *l3, *l4;
	struct gust_pkt *p;

	if (l2 && t->len > l2)
		put16(t->b + 12, t->b[l2] >> 4 == 6 ? 0x86dd : 0x0800);
	if (flags & R_FIX_IP)
		fix_ip(t, l2);
	p = rev_pkt(r, fz.pool, t->b, t->len);
	if (pkt_dissect(p, l2 ? DISSECT_ETH : DISSECT_IP) != DROP_NONE) {
		pkt_free(p);
		return;
	}
	l3 = pkt_l3(p);
	l4 = pkt_l4(p);
	if (l4 && flags & R_FIX_L4) {
		pkt_csum_complete(p);
		if (flags & R_ODD && l4->kind == GUST_L_TCP)
			odd_zero(p, p->head + l4->off);
		p->need = flags & R_VOUCHED ? GUST_F_CSUM_OK : 0;
	}
	if (l4 && flags & R_OWED && pkt_csum_off(l4->kind) >= 0)
		p->need = GUST_F_CSUM;
	if (l4 && (flags & R_SUPER) == R_SUPER &&
	    (l4->kind == GUST_L_TCP || l4->kind == GUST_L_UDP))
		make_super(p, flags);
	t->segs = pkt_segs(p);
	t->hlen = p->hlen;
	t->l3 = l3 ? l3->off : 0;
	t->l4 = l4 ? l4->off : 0;
	t->l4_kind = l4 ? l4->kind : GUST_L_NONE;
	t->len = p->len;
	memcpy(t->b, p->head, p->hlen); /* with checksums */
	gust_batch_push(b, p);
	fz.n++;
}

static void raw(struct input *in, struct made *t, unsigned bflags)
{
	unsigned l2 = bflags & B_ETH ? ETH_LEN : 0, n = take16(in);

	memset(t->b, 0, ETH_LEN);
	if (n > LEN_MAX - ETH_LEN)
		n = LEN_MAX - ETH_LEN;
	if (n > in->left)
		n = (unsigned)in->left;
	memcpy(t->b + l2, in->b, n);
	in->b += n;
	in->left -= n;
	t->len = l2 + n;
	t->l4 = 0;
	t->l4_kind = GUST_L_NONE;
}

/* What follows `o`: the same headers, `n` bytes of payload. */
static void derive(struct made *t, const struct made *o, unsigned n, unsigned flags)
{
	uint32_t was = o->len - o->hlen;

	if (t != o)
		memcpy(t, o, sizeof(*t));
	if (!o->l4)
		return;
	if (n == 0xffff)
		n = was;
	if (n > LEN_MAX - o->hlen)
		n = LEN_MAX - o->hlen;
	t->len = o->hlen + n;
	for (unsigned i = 0; i < n; i++)
		t->b[t->hlen + i] = (uint8_t)(i * 7 + fz.n * 13);
	if (o->l4_kind == GUST_L_TCP)
		put32(t->b + t->l4 + 4, get32(t->b + t->l4 + 4) + was);
	if (t->b[t->l3] >> 4 == 4 && !(flags & R_SAME_ID))
		put16(t->b + t->l3 + 4, get16(t->b + t->l3 + 4) + o->segs);
}

static void record(struct rev *r, struct input *in, unsigned bflags,
		   struct gust_batch *b)
{
	unsigned flags = take8(in), times = flags & R_BURST ? 8 : 1, base, n, np;

	if (flags & R_RAW || !fz.n) {
		raw(in, &fz.made[fz.n], bflags);
		enter(r, &fz.made[fz.n], flags, bflags, b);
		return;
	}
	base = take8(in) % fz.n;
	n = take16(in);
	np = take8(in) % 4;
	while (times-- && fz.n < PKTS_MAX) {
		struct made *t = &fz.made[fz.n];

		derive(t, &fz.made[base], n, flags);
		if (base == fz.n - 1 || times == 7)
			for (unsigned i = 0; i < np; i++) {
				unsigned off = take8(in), x = take8(in);

				if (off < t->len)
					t->b[off] ^= x;
			}
		base = fz.n;
		enter(r, t, flags, bflags, b);
		if (fz.n == base)
			return; /* it was none */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct gust_gro_req req = { .max4 = 65535,
				    .max6 = 65535,
				    .max_udp = 65535 };
	struct gust_gro_req few;
	struct rev r = { 0 };
	struct pkt_pool_stats st;
	struct gust_batch b;
	unsigned bflags, limit;

	if (!fz.pool)
		fz_open();
	bflags = take8(&in);
	limit = take8(&in);
	if (bflags & B_BIG)
		req.max4 = req.max6 = 500000;
	if (limit & 0x80)
		req.max4 = req.max6 = req.max_udp = (limit & 0x7f) * 64;
	else
		req.max_segs = limit;
	fz.n = 0;
	gust_batch_init(&b);
	while (in.left && fz.n < PKTS_MAX)
		record(&r, &in, bflags, &b);
	few = req;
	few.max_segs = 3;
	for (const struct gust_pkt *p = b.first; p; p = p->next)
		rev_note(&r, fz.eng, p);
	if (bflags & B_TWICE)
		engine_gro(fz.eng, &b, &few);
	engine_gro(fz.eng, &b, &req);
	rev_compare(&r, fz.eng, &b);
	rev_end(&r);
	REV_ASSERT(!fz.drops.n[DROP_PLUGIN_FAULT]);
	pkt_pool_stats(fz.pool, &st);
	REV_ASSERT(st.pkt_free == st.pkt_total && st.slab_free == st.slab_total);
	return 0;
}
