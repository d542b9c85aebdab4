/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c - the services that plugins may call: one table
 *
 * Thin: what is done to packets is done in pkt, edit.c, lengths.c and cut.c.
 */
#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "offload/engine_internal.h"
#include "wire/crc32c.h"
#include "wire/csum.h"

/* A plugin may say so much, and then is quiet for the rest of the time. */
#define LOG_LINES 5
#define LOG_PERIOD_US 1000000

static struct gust_pkt *host_pkt_new(struct gust_worker *w)
{
	return pkt_new(w->conf.pool);
}

static struct gust_pkt *host_clone(struct gust_worker *w, const struct gust_pkt *p)
{
	return pkt_clone(w->conf.pool, p);
}

/* Payload [off, off + len) of `p` by reference, behind what `q` has. */
static int refer(struct gust_pkt *q, const struct gust_pkt *p, uint32_t off,
		 uint32_t len)
{
	for (unsigned i = 0; i < p->nfrag && len; i++) {
		struct gust_frag f = p->frag[i];

		if (off >= f.len) {
			off -= f.len;
			continue;
		}
		f.p += off;
		f.len -= off;
		off = 0;
		if (f.len > len)
			f.len = len;
		len -= f.len;
		frag_ref(&f);
		if (pkt_frag_add(q, &f)) {
			frag_unref(&f);
			return -ENOBUFS;
		}
	}
	return 0;
}

static struct gust_pkt *host_slice(struct gust_worker *w, const struct gust_pkt *p,
				   uint16_t hlen, uint32_t off, uint32_t len)
{
	struct gust_pkt *q;

	if (hlen > p->hlen || hlen > PKT_HEAD_LEN)
		return NULL;
	q = pkt_new(w->conf.pool);
	if (!q)
		return NULL;
	memcpy(q->head, p->head, hlen);
	q->hlen = hlen;
	q->len = hlen;
	for (unsigned i = 0; i < p->nlayer && p->layer[i].off < hlen; i++)
		q->layer[q->nlayer++] = p->layer[i];
	q->gso_size = p->gso_size;
	q->gso_type = p->gso_type;
	q->need = p->need;
	q->hash = p->hash;
	q->port = p->port;
	q->queue = p->queue;
	q->hops = p->hops;
	if (refer(q, p, off, len)) {
		pkt_free(q);
		return NULL;
	}
	return q;
}

static int host_absorb(struct gust_pkt *p, struct gust_pkt *q, bool join)
{
	int r = pkt_frag_reserve(p, p->nfrag + (uint32_t)q->nfrag);

	if (r)
		return r;
	for (unsigned i = 0; i < q->nfrag; i++) {
		/* there is room: neither can fail */
		if (join)
			pkt_frag_add(p, &q->frag[i]);
		else
			pkt_frag_push(p, &q->frag[i]);
	}
	q->nfrag = 0;
	q->len = q->hlen;
	pkt_free(q);
	return 0;
}

static int host_own_payload(struct gust_worker *w, struct gust_pkt *p)
{
	uint32_t len = pkt_payload_len(p);
	struct gust_frag f;

	if (len > UINT16_MAX)
		return -EMSGSIZE;
	if (!len)
		return 0;
	if (slab_reserve(w->conf.pool, len, &f))
		return -ENOBUFS;
	pkt_payload_copy(p, 0, f.p, len);
	pkt_payload_slice(p, 0, 0);
	return pkt_frag_push(p, &f); /* the first always has room */
}

static void host_fix_lengths(struct gust_pkt *p)
{
	lengths_fix(p, pkt_payload_len(p));
}

static void host_fix_outer(struct gust_pkt *p, unsigned nlayer)
{
	if (nlayer > p->nlayer)
		nlayer = p->nlayer;
	lengths_fix_outer(p, nlayer, pkt_payload_len(p));
}

static void host_outer_sums(struct gust_pkt *p)
{
	if (!p->gso_size) /* a cut makes those of the pieces */
		lengths_outer_sums(p);
}

static const enum drop_reason drops[GUST_DROP_N] = {
	[GUST_DROP_NO_PKT] = DROP_NO_PKT,
	[GUST_DROP_NO_SLAB] = DROP_NO_SLAB,
	[GUST_DROP_BAD_GSO] = DROP_BAD_GSO,
	[GUST_DROP_GSO_REFUSED] = DROP_GSO_REFUSED,
	[GUST_DROP_TOO_BIG] = DROP_TOO_BIG,
	[GUST_DROP_BAD_CSUM] = DROP_BAD_CSUM,
	[GUST_DROP_IMPAIRED] = DROP_IMPAIRED,
	[GUST_DROP_FILTERED] = DROP_FILTERED,
	[GUST_DROP_BAD_TUNNEL] = DROP_BAD_TUNNEL,
	[GUST_DROP_TUNNEL_SOURCE] = DROP_TUNNEL_SOURCE,
	[GUST_DROP_TUNNEL_OPTION] = DROP_TUNNEL_OPTION,
	[GUST_DROP_TUNNEL_SEQ] = DROP_TUNNEL_SEQ,
	[GUST_DROP_TUNNEL_DEPTH] = DROP_TUNNEL_DEPTH,
	[GUST_DROP_TUNNEL_ECN] = DROP_TUNNEL_ECN,
};

static void host_drop(struct gust_worker *w, struct gust_pkt *p, enum gust_drop why)
{
	enum drop_reason r =
		(unsigned)why < GUST_DROP_N ? drops[why] : DROP_PLUGIN_FAULT;

	w->dropped_payload += pkt_payload_len(p);
	if (w->cur)
		w->cur->st.dropped++;
	drop_count(w->conf.drops, r, 1);
	pkt_free(p);
}

static void host_log(struct gust_worker *w, enum gust_log_level level,
		     const char *text)
{
	struct runner *r = w->cur;

	if (!w->conf.log || !r)
		return;
	if (w->conf.env->now_us - r->log_since_us >= LOG_PERIOD_US) {
		r->log_since_us = w->conf.env->now_us;
		r->log_lines = 0;
	}
	if (r->log_lines++ < LOG_LINES)
		w->conf.log(w->conf.arg, level, r->st.name, text);
}

static void host_count(struct gust_worker *w, unsigned i, uint64_t n)
{
	if (w->cur && i < GUST_COUNTERS_MAX)
		w->cur->st.counter[i] += n;
}

static uint64_t host_random(struct gust_worker *w)
{
	return rng_u64(w->conf.env->rng);
}

static unsigned host_index(const struct gust_worker *w)
{
	return w->conf.index;
}

const struct gust_host engine_host = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_host),
	.pkt_new = host_pkt_new,
	.pkt_clone = host_clone,
	.pkt_free = pkt_free,
	.slice = host_slice,
	.absorb = host_absorb,
	.own_payload = host_own_payload,
	.head_insert = edit_insert,
	.head_remove = edit_remove,
	.layer_insert = edit_layer,
	.payload_copy = pkt_payload_copy,
	.fix_lengths = host_fix_lengths,
	.ip4_csum = lengths_ip4_csum,
	.sum = csum_add,
	.payload_sum = pkt_payload_csum,
	.pseudo_sum = pkt_csum_pseudo,
	.crc32c = crc32c,
	.csum_verify = pkt_csum_verify,
	.csum_complete = pkt_csum_complete,
	.cut_begin = cut_begin,
	.cut_next = cut_next,
	.cut_end = cut_end,
	.drop = host_drop,
	.log = host_log,
	.count = host_count,
	.random = host_random,
	.outer_sums = host_outer_sums,
	.worker_index = host_index,
	.push = tunnel_push,
	.peek = tunnel_peek,
	.strip = tunnel_strip,
	.flow_hash = tunnel_flow_hash,
	.fix_outer = host_fix_outer,
};

const struct gust_host *engine_services(void)
{
	return &engine_host;
}
