/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gro.c - merge TCP segments of a batch into superpackets
 *
 * Theory of operation. Header prediction, as Linux does it (net/ipv4/tcp_offload.c,
 * 6.18): the next segment of a flow continues the sequence numbers and differs from
 * the first in nothing but what a cutter computes: sequence number, lengths, IPv4
 * ID, checksums. Acknowledgement number, window, urgent pointer, options (so
 * timestamps, too) and flags are equal; FIN and PSH may come with the last segment
 * and end the merge, as does a segment that is shorter than the first. A longer one
 * is not merged and begins anew. What carries SYN, RST or URG, or no data at all, is
 * never merged, and nothing overtakes it. merge.h has the rest.
 *
 * CWR. Segments that all have it belong to Accurate ECN (RFC 9768), which counts
 * with that bit: they are merged and marked GUST_F_ACCECN. CWR on the first alone
 * (RFC 3168) could be restored, too, but whoever reads the merged header would take
 * it, ECE and AE for a counter's value and find it older than that of the last
 * segment; so flags must be equal, as in the kernel.
 *
 * Superpackets that come in already, from a port or an earlier merge, are merged
 * like the segments that they stand for.
 *
 * Limits: MERGE_FLOWS flows in a batch. Checksum 0xffff is a sender's way to write
 * zero that no cutter would choose: not merged.
 */
#include "merge.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_URG 0x20
#define TCP_CWR 0x80

/* FIN and PSH in the word at offset 12 */
#define TCP_TAIL_WORD ((uint32_t)(TCP_FIN | TCP_PSH) << 16)

#define TCP_HLEN 20
#define TCP_CSUM 16

/* CWR of a superpacket: all segments have it. */
static inline bool cwr_fit(const struct gust_pkt *p, const uint8_t *th)
{
	return !(th[13] & TCP_CWR) || !p->gso_size || p->need & GUST_F_ACCECN;
}

static inline bool csum_fit(const struct gust_pkt *p, const uint8_t *th)
{
	return merge_csum_undefined(p) ||
	       gust_get16(th + TCP_CSUM) != CSUM_ODD_ZERO;
}

static bool gro_begins(const struct gust_pkt *p, const struct merge_view *v)
{
	return !(v->l4[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_URG)) &&
	       cwr_fit(p, v->l4) && csum_fit(p, v->l4);
}

static bool gro_follows(const struct merge_flow *f, const struct gust_pkt *q,
			const struct merge_view *v)
{
	const struct gust_pkt *p = f->p;
	uint16_t off = p->layer[p->nlayer - 1].off;
	const uint8_t *a = p->head + off, *b = v->l4;

	/* the word at 12: header length, all flags, window */
	if (gust_get32(b + 4) != f->next || p->hlen != q->hlen ||
	    (gust_get32(a + 12) ^ gust_get32(b + 12)) & ~TCP_TAIL_WORD)
		return false;
	return !memcmp(a, b, 4) && !memcmp(a + 8, b + 8, 4) &&
	       !memcmp(a + 18, b + 18, 2) && cwr_fit(q, b) && csum_fit(q, b) &&
	       !memcmp(a + TCP_HLEN, b + TCP_HLEN, p->hlen - off - TCP_HLEN);
}

static uint8_t gro_tail(const struct merge_view *v)
{
	return v->l4[13] & (TCP_FIN | TCP_PSH);
}

static void gro_grown(struct gust_pkt *p, uint8_t *th, uint8_t tail)
{
	th[13] |= tail;
	p->need &= ~(uint32_t)GUST_F_ECN;
	if (th[13] & TCP_CWR)
		p->need |= GUST_F_ACCECN;
}

static uint32_t gro_max(const struct gust_gro_req *req, bool v6)
{
	return v6 ? req->max6 : req->max4;
}

static const struct merge_ops gro_ops = {
	.kind = GUST_L_TCP,
	.gso4 = GUST_GSO_TCP4,
	.gso6 = GUST_GSO_TCP6,
	.csum = TCP_CSUM,
	.begins = gro_begins,
	.follows = gro_follows,
	.tail = gro_tail,
	.grown = gro_grown,
	.max = gro_max,
};

static void gro_run(void *state, struct gust_batch *in,
		    const struct gust_gro_req *req, struct gust_batch *out)
{
	merge_run(state, &gro_ops, in, req, out);
}

static const char *const gro_counters[] = MERGE_COUNTERS;

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "gro",
	.text = "merges TCP segments into superpackets",
	.provides = GUST_FEAT_BIT(GUST_FEAT_GRO),
	.gro_kinds = 1u << GUST_L_TCP,
	.counters = gro_counters,
	.worker_open = merge_open,
	.worker_close = merge_close,
	.gro = gro_run,
};
