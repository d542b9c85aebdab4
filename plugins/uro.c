/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uro.c - merge UDP datagrams of a batch into superpackets
 *
 * Theory of operation. Datagrams of one flow that follow each other and have equal
 * sizes become one superpacket (gso type UDP4 or UDP6); a shorter one may be the
 * last. Their headers are equal but for length, checksum and IPv4 ID. UDP has no
 * sequence numbers: order is that of arrival, and nothing of a flow overtakes.
 *
 * A UDP checksum of zero over IPv4 means "none". A cutter computes a checksum for
 * every piece or for none, so packets with and without are never merged with each
 * other; those without are merged among themselves, unlike in the kernel, and stay
 * without. Over IPv6 a zero is wrong (RFC 8200 8.1) and not merged.
 *
 * Datagrams without data are not merged, and they end a merge: a superpacket cannot
 * say that there was one. Fragments have no UDP layer in their map and never get
 * here. merge.h has the rest.
 *
 * Limits: 64 KB a superpacket; MERGE_FLOWS flows in a batch.
 */
#include "merge.h"

#define UDP_CSUM 6

/* What the field says: no checksum. */
static inline bool no_csum(const struct gust_pkt *p, const uint8_t *uh)
{
	return !(p->need & GUST_F_CSUM) && !gust_get16(uh + UDP_CSUM);
}

static bool uro_begins(const struct gust_pkt *p, const struct merge_view *v)
{
	return p->layer[v->i3].kind == GUST_L_IPV4 || !no_csum(p, v->l4);
}

static bool uro_follows(const struct merge_flow *f, const struct gust_pkt *q,
			const struct merge_view *v)
{
	const struct gust_pkt *p = f->p;
	const uint8_t *uh = p->head + p->layer[p->nlayer - 1].off;

	return !memcmp(uh, v->l4, 4) && no_csum(p, uh) == no_csum(q, v->l4);
}

static uint8_t uro_tail(const struct merge_view *v)
{
	(void)v;
	return 0;
}

static void uro_grown(struct gust_pkt *p, uint8_t *uh, uint8_t tail)
{
	(void)p;
	(void)uh;
	(void)tail;
}

static uint32_t uro_max(const struct gust_gro_req *req, bool v6)
{
	(void)v6;
	return req->max_udp < MERGE_LEN16 ? req->max_udp : MERGE_LEN16;
}

static const struct merge_ops uro_ops = {
	.kind = GUST_L_UDP,
	.gso4 = GUST_GSO_UDP4,
	.gso6 = GUST_GSO_UDP6,
	.csum = UDP_CSUM,
	.begins = uro_begins,
	.follows = uro_follows,
	.tail = uro_tail,
	.grown = uro_grown,
	.max = uro_max,
};

static void uro_run(void *state, struct gust_batch *in,
		    const struct gust_gro_req *req, struct gust_batch *out)
{
	merge_run(state, &uro_ops, in, req, out);
}

static const char *const uro_counters[] = MERGE_COUNTERS;

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "uro",
	.text = "merges UDP datagrams into superpackets",
	.provides = GUST_FEAT_BIT(GUST_FEAT_UDP_GRO),
	.gro_kinds = 1u << GUST_L_UDP,
	.counters = uro_counters,
	.worker_open = merge_open,
	.worker_close = merge_close,
	.gro = uro_run,
};
