/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ufo.c - fragment any datagram; put together it is the datagram
 *
 * mkcorpus_seg.py writes the corpus; fuzzseg.h says what an input looks like.
 */
#include "../../plugins/ufo.c"

#include "fuzzseg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct was {
	uint8_t *bytes;
	uint32_t len, ip, at, need; /* at: what is to be fragmented */
	bool v4;
};

/* Where the fragmentable part begins, from the bytes. */
static uint32_t fragmentable(const uint8_t *ip)
{
	uint32_t at = 40, last = 40;

	if (ip[0] >> 4 == 4)
		return (ip[0] & 15) * 4;
	for (uint8_t nh = ip[6]; nh == 0 || nh == 43 || nh == 60;) {
		uint32_t n = (ip[at + 1] + 1) * 8;
		bool each = nh != 60;

		nh = ip[at];
		at += n;
		if (each)
			last = at;
	}
	return last;
}

static struct was remember(const struct gust_pkt *p)
{
	struct was w = { .bytes = flat(p), .len = p->len, .need = p->need };
	const struct gust_layer *l3 = pkt_l3(p);

	if (!l3)
		return w;
	w.ip = l3->off;
	w.v4 = l3->kind == GUST_L_IPV4;
	w.at = w.ip + fragmentable(w.bytes + w.ip);
	return w;
}

/* The datagram's UDP header is at the end of the headers in the first fragment:
 * take its checksum out of the comparison when it had to be made. */
static void check_whole(const struct was *w, uint8_t *got, uint32_t n, uint32_t udp)
{
	uint8_t *was = w->bytes + w->at, *ip = w->bytes + w->ip;
	bool made = w->need & GUST_F_CSUM || (!w->v4 && !u16(was + udp + 6));

	MUST(n == w->len - w->at);
	if (made) {
		MUST(u16(got + udp + 6));
		MUST(l4_ok(ip, 17, got + udp, n - udp));
		memcpy(got + udp + 6, was + udp + 6, 2);
	}
	MUST(!memcmp(got, was, n));
}

static void check_fragment(const struct gust_pkt *p, const struct was *w,
			   const struct gust_gso_req *req, uint8_t flags)
{
	bool tunnel = flags & F_TUNNEL && !(flags & F_ETH);
	uint32_t l2 = flags & F_ETH ? p->layer[p->nlayer - 1].off : 0;
	struct gust_pkt *q;
	uint8_t *b;

	/* as far as it can be told: VLANs make the frame larger */
	if (!l2)
		MUST(p->len <= req->mtu);
	MUST(p->need == 0 && !p->gso_size);
	check_layers(p, 0);
	b = flat(p);
	l2 = tunnel ? p->layer[4].off : 0;
	q = from_bytes(b + l2, p->len - l2);
	MUST(pkt_dissect(q, flags & F_ETH ? DISSECT_ETH : DISSECT_IP) == DROP_NONE);
	MUST(q->len == p->len - l2);
	MUST(q->layer[q->nlayer - 1].flags & GUST_LF_FRAGMENT);
	MUST(q->nlayer == p->nlayer - (tunnel ? 4 : 0));
	pkt_free(q);
	free(b);
}

/* Fragments of one that is no lie. */
static void check_fragments(struct gust_batch *out, const struct was *w,
			    const struct gust_gso_req *req, uint8_t flags)
{
	uint8_t *got = malloc(w->len + 8);
	uint32_t off = 0, id = 0, udp = 0;

	for (struct gust_pkt *p = out->first; p; p = p->next) {
		const struct gust_layer *l3 = pkt_l3(p);
		uint8_t *b = flat(p), *ip = b + l3->off, *fh;
		uint32_t at, o, i, more;

		check_fragment(p, w, req, flags);
		if (w->v4) {
			at = l3->off + (ip[0] & 15) * 4;
			o = (u16(ip + 6) & 0x1fff) * 8;
			more = ip[6] & 0x20;
			i = u16(ip + 4);
			MUST(!(ip[6] & 0x40));
		} else {
			fh = b + w->at;
			at = w->at + 8;
			o = u16(fh + 2) & 0xfff8;
			more = fh[3] & 1;
			i = u32(fh + 4);
		}
		if (!off) {
			id = i;
			udp = p->hlen - at - 8;
		}
		MUST(i == id && o == off && !more == !p->next);
		MUST(!more || (p->len - at) % 8 == 0);
		MUST(off + p->len - at <= w->len - w->at);
		memcpy(got + off, b + at, p->len - at);
		off += p->len - at;
		free(b);
	}
	check_whole(w, got, off, udp);
	free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gust_plugin *plugins[] = { &gust_plugin };
	struct gust_gso_req req;
	struct gust_batch out;
	struct gust_pkt *p;
	uint64_t sum = 0;
	uint32_t total;
	struct was w;
	bool lies;

	if (size < HDR || size - HDR > PKT_MAX)
		return 0;
	rig_init(plugins, 1);
	p = make(data, size, true);
	if (!p)
		return 0;
	req = request(data);
	w = remember(p);
	total = pkt_payload_len(p);
	lies = lie(p, data[6], data[7]);
	out = run(p, &req);
	for (p = out.first; p; p = p->next)
		sum += pkt_payload_len(p);
	MUST(!out.n || sum == total);
	if (!lies && out.n > 1)
		check_fragments(&out, &w, &req, data[0]);
	if (out.n == 1)
		MUST(!out.first->gso_size && !(out.first->need & GUST_F_CSUM));
	pkt_batch_free(&out);
	free(w.bytes);
	rig_check();
	return 0;
}
