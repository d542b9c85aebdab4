/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_tso.c - cut any TCP superpacket; every field of every segment is known
 *
 * mkcorpus_seg.py writes the corpus; fuzzseg.h says what an input looks like.
 */
#include "../../plugins/tso.c"

#include "fuzzseg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the superpacket was. */
struct was {
	uint8_t *bytes;
	uint16_t hlen, th, gso, mtu_gap;
	uint32_t total, need, seq;
	bool fixed; /* IDs of the innermost IPv4 */
	int ip4; /* its offset in the head, -1: IPv6 */
};

static struct was remember(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p);
	struct was w = { .bytes = flat(p),
			 .hlen = p->hlen,
			 .gso = p->gso_size,
			 .total = pkt_payload_len(p),
			 .need = p->need,
			 .ip4 = -1 };

	if (p->nlayer && p->layer[p->nlayer - 1].kind == GUST_L_TCP) {
		w.th = p->layer[p->nlayer - 1].off;
		w.seq = u32(p->head + w.th + 4);
	}
	if (l3 && l3->kind == GUST_L_IPV4) {
		w.ip4 = l3->off;
		w.fixed =
			l3->flags & GUST_LF_FIXEDID && p->head[l3->off + 6] & 0x40;
	}
	return w;
}

static void check_tcp(const struct gust_pkt *p, const struct was *w, uint32_t off)
{
	uint16_t at = p->layer[p->nlayer - 1].off;
	const uint8_t *th = p->head + at, *was = w->bytes + w->th;
	bool last = off + pkt_payload_len(p) == w->total;
	uint8_t flags = was[13];

	MUST(p->hlen - at == w->hlen - w->th);
	MUST(u32(th + 4) == w->seq + off);
	if (!last)
		flags &= ~0x09;
	if (off && !(w->need & GUST_F_ACCECN))
		flags &= ~0x80;
	MUST(th[13] == flags);
	/* the rest, without sequence number, flags and checksum */
	MUST(!memcmp(th, was, 4) && !memcmp(th + 8, was + 8, 5));
	MUST(!memcmp(th + 14, was + 14, 2));
	MUST(!memcmp(th + 18, was + 18, w->hlen - w->th - 18));
	if (w->ip4 >= 0)
		MUST(u16(p->head + w->ip4 + 4) ==
		     (uint16_t)(u16(w->bytes + w->ip4 + 4) +
				(w->fixed ? 0 : off / w->gso)));
}

static void check_need(const struct gust_pkt *p, const struct was *w, uint32_t off,
		       const struct gust_gso_req *req)
{
	uint32_t n = pkt_payload_len(p), want = GUST_F_CSUM;

	if (n > w->gso) {
		want |= w->need & GUST_F_ACCECN;
		if (!off)
			want |= w->need & GUST_F_ECN;
		if (req->partial)
			want |= GUST_F_PARTIAL;
	} else if (req->csum) {
		want = GUST_F_CSUM_OK;
	}
	MUST(p->need == want);
	MUST(p->gso_size == (n > w->gso ? w->gso : 0));
	MUST(n <= req->step);
	if (req->partial && n > w->gso)
		MUST(n % w->gso == 0);
}

/* All pieces of one that is no lie. */
static void check_pieces(struct gust_batch *out, const struct was *w,
			 const struct gust_gso_req *req, uint8_t flags)
{
	uint32_t off = 0;

	for (struct gust_pkt *p = out->first; p; p = p->next) {
		uint32_t n = pkt_payload_len(p);
		bool partial = p->need & GUST_F_PARTIAL;
		uint8_t *b = flat(p);

		MUST(off + n <= w->total);
		MUST(!memcmp(b + p->hlen, w->bytes + w->hlen + off, n));
		free(b);
		check_need(p, w, off, req);
		check_tcp(p, w, off);
		if (p->need & GUST_F_CSUM && !p->gso_size)
			pkt_csum_complete(p);
		check_layers(p, partial ? w->gso : 0);
		if (!partial)
			check_map(p, flags & F_TUNNEL && !(flags & F_ETH),
				  flags & F_ETH);
		off += n;
	}
	MUST(off == w->total);
}

static uint64_t payload(const struct gust_batch *b)
{
	uint64_t n = 0;

	for (const struct gust_pkt *p = b->first; p; p = p->next)
		n += pkt_payload_len(p);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gust_plugin *plugins[] = { &gust_plugin };
	struct gust_gso_req req;
	struct gust_batch out;
	struct engine_stats es;
	struct gust_pkt *p;
	uint64_t whole;
	struct was w;
	bool lies;

	if (size < HDR || size - HDR > PKT_MAX)
		return 0;
	rig_init(plugins, 1);
	p = make(data, size, false);
	if (!p)
		return 0;
	req = request(data);
	w = remember(p);
	lies = lie(p, data[6], data[7]);
	engine_stats(rig.eng, &es, 1);
	whole = es.counter[0];
	out = run(p, &req);
	engine_stats(rig.eng, &es, 1);
	MUST(!out.n || payload(&out) == w.total);
	if (out.n && es.counter[0] == whole && !lies)
		check_pieces(&out, &w, &req, data[0]);
	if (es.counter[0] != whole)
		MUST(out.n == 1 && !out.first->gso_size &&
		     !(out.first->need & GUST_F_CSUM));
	pkt_batch_free(&out);
	free(w.bytes);
	rig_check();
	return 0;
}
