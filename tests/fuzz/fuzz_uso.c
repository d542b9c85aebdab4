/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_uso.c - cut any UDP superpacket; boundaries, lengths and zeros are known
 *
 * mkcorpus_seg.py writes the corpus; fuzzseg.h says what an input looks like.
 */
#include "../../plugins/uso.c"

#include "fuzzseg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct was {
	uint8_t *bytes;
	uint16_t hlen, gso;
	uint32_t total;
	bool none; /* IPv4 without a checksum */
};

static struct was remember(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	struct was w = { .bytes = flat(p),
			 .hlen = p->hlen,
			 .gso = p->gso_size,
			 .total = pkt_payload_len(p) };

	w.none = l4 && l4->kind == GUST_L_UDP && l3->kind == GUST_L_IPV4 &&
		 !(p->need & GUST_F_CSUM) && !u16(p->head + l4->off + 6);
	return w;
}

static void check_piece(struct gust_pkt *p, const struct was *w, uint32_t off,
			const struct gust_gso_req *req, uint8_t flags)
{
	const struct gust_layer *l4 = &p->layer[p->nlayer - 1];
	uint32_t n = pkt_payload_len(p), want = w->none ? 0 : GUST_F_CSUM;
	bool super = n > w->gso, partial = super && req->partial;
	const uint8_t *uh = p->head + l4->off;
	uint8_t *b = flat(p);

	MUST(off + n <= w->total && n <= req->step);
	MUST(off % w->gso == 0);
	MUST(off + n == w->total || n % w->gso == 0);
	MUST(!memcmp(b + p->hlen, w->bytes + w->hlen + off, n));
	free(b);
	MUST(p->gso_size == (super ? w->gso : 0));
	if (partial)
		want |= GUST_F_PARTIAL;
	else if (!super && req->csum && !w->none)
		want = GUST_F_CSUM_OK;
	MUST(p->need == want);
	MUST(l4->kind == GUST_L_UDP && p->hlen == l4->off + 8);
	MUST(!memcmp(uh, w->bytes + w->hlen - 8, 4));
	if (w->none)
		MUST(!u16(uh + 6));
	if (p->need & GUST_F_CSUM && !super)
		pkt_csum_complete(p);
	if (!super && !w->none)
		MUST(u16(uh + 6));
	check_layers(p, partial ? w->gso : 0);
	/* one that is too long for 16 bits has no map over IPv4 */
	if (!partial && p->len <= 65535)
		check_map(p, flags & F_TUNNEL && !(flags & F_ETH), flags & F_ETH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gust_plugin *plugins[] = { &gust_plugin };
	uint64_t whole, sum = 0;
	struct gust_gso_req req;
	struct engine_stats es;
	struct gust_batch out;
	struct gust_pkt *p;
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
	for (p = out.first; p; p = p->next) {
		if (!lies && es.counter[0] == whole)
			check_piece(p, &w, sum, &req, data[0]);
		sum += pkt_payload_len(p);
	}
	MUST(!out.n || sum == w.total);
	pkt_batch_free(&out);
	free(w.bytes);
	rig_check();
	return 0;
}
