/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tso.c - TCP segmentation, over IPv4 and IPv6
 *
 * Theory. A superpacket is a TCP segment that is longer than the path takes. Cut,
 * it must be what the sender would have sent without the offload (the kernel's
 * tcp_gso_segment() is the reference): the sequence number advances by the payload
 * in front; FIN and PSH say something about the end of the data and stay on the
 * last segment; CWR answers one congestion mark and stays on the first (RFC 3168
 * 6.1.2), except that with Accurate ECN the bit is part of a counter and is
 * repeated (RFC 9768 3.2.1). Options, urgent pointer and extension headers are
 * copied. The host writes what depends on lengths and places outside TCP.
 *
 * IPv4 IDs. By default each segment has the next one, or, where the superpacket
 * says so (GUST_LF_FIXEDID), all have the same. Equal IDs are right only with DF
 * set (RFC 6864 4.1: the ID then means nothing); without DF fragments of different
 * segments could be taken for one datagram's, and the IDs count up whatever was
 * asked. The option `id=` overrides what the superpacket says: `count`, or `fixed`,
 * what a device does that mangles IDs (tx-tcp-mangleid-segmentation).
 *
 * Checksums by difference. Header and pseudo header are summed once, without the
 * fields that change; a segment adds its sequence number, flags and length, and
 * its payload, which is read here and nowhere else. A superpacket that was neither
 * owed a checksum nor verified is cut all the same, and each segment gets the
 * checksum that is right for its bytes, as the kernel does: whether to believe an
 * unverified superpacket is decided where it comes in.
 *
 * Pieces that still are superpackets (a smaller limit at the port) and partial
 * ones (GUST_F_PARTIAL) always owe theirs: no sum over the whole stands for those
 * of segments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gust/seg.h>

#define TH_SEQ 4
#define TH_FLAGS 12 /* 16 bits: data offset, reserved, AE; then CWR ... FIN */
#define TH_CSUM 16

#define FIN 0x0001
#define PSH 0x0008
#define CWR 0x0080

enum ids { IDS_KEEP, IDS_COUNT, IDS_FIXED };

struct tso {
	const struct gust_host *host;
	struct gust_worker *w;
	enum ids ids;
};

enum { COUNT_WHOLE };
static const char *const counters[] = { "sent_whole", NULL };

/* What all segments of one superpacket share. */
struct tmpl {
	uint32_t seq, sum;
	uint16_t flags, hlen; /* of TCP */
	uint16_t gso_size;
	bool accecn, csum, partial;
};

static int tso_open(const struct gust_host *host, const char *options,
		    void **ret_instance, char *err, size_t err_len)
{
	static const struct {
		const char *text;
		enum ids ids;
	} known[] = {
		{ "", IDS_KEEP },
		{ "id=keep", IDS_KEEP },
		{ "id=count", IDS_COUNT },
		{ "id=fixed", IDS_FIXED },
	};
	enum ids *ids;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(options, known[i].text))
			continue;
		ids = malloc(sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		*ids = known[i].ids;
		*ret_instance = ids;
		return 0;
	}
	snprintf(err, err_len,
		 "\"%s\": expected id=keep, id=count or id=fixed (IPv4 IDs)",
		 options);
	return -EINVAL;
}

static void tso_close(void *instance)
{
	free(instance);
}

static int tso_worker_open(const struct gust_host *host, void *instance,
			   struct gust_worker *w, void **ret_state)
{
	struct tso *t = malloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->host = host;
	t->w = w;
	t->ids = instance ? *(enum ids *)instance : IDS_KEEP;
	*ret_state = t;
	return 0;
}

static void tso_worker_close(void *state, struct gust_batch out[2])
{
	free(state);
}

/* Mark in the map which IPv4 layers repeat their ID: only such with DF. */
static void choose_ids(const struct tso *t, struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		struct gust_layer *l = &p->layer[i];
		bool df;

		if (l->kind != GUST_L_IPV4)
			continue;
		df = gust_get16(p->head + l->off + 6) & GUST_IP4_DF;
		if (!df || t->ids == IDS_COUNT)
			l->flags &= ~GUST_LF_FIXEDID;
		else if (t->ids == IDS_FIXED)
			l->flags |= GUST_LF_FIXEDID;
	}
}

static void tmpl_init(struct tmpl *m, const struct tso *t, const struct gust_pkt *p,
		      const struct gust_gso_req *req)
{
	uint16_t off = p->layer[p->nlayer - 1].off;
	uint8_t th[60];

	m->hlen = p->hlen - off;
	m->seq = gust_get32(p->head + off + TH_SEQ);
	m->flags = gust_get16(p->head + off + TH_FLAGS);
	m->gso_size = p->gso_size;
	m->accecn = p->need & GUST_F_ACCECN;
	m->csum = req->csum;
	m->partial = req->partial;
	if (!m->csum)
		return;
	memcpy(th, p->head + off, m->hlen);
	gust_put32(th + TH_SEQ, 0);
	gust_put16(th + TH_FLAGS, 0);
	gust_put16(th + TH_CSUM, 0);
	/* of the pseudo header all but the length, which it has of the whole */
	m->sum = gust_sum_add(t->host->pseudo_sum(p), ~(p->len - off));
	m->sum = t->host->sum(m->sum, th, m->hlen);
}

/* The checksum of one segment, from what differs. */
static uint16_t seg_sum(const struct tmpl *m, const struct tso *t,
			const struct gust_pkt *q, uint32_t n, uint32_t seq,
			uint16_t flags)
{
	uint32_t sum = gust_sum_add(m->sum, seq);
	uint32_t pay = t->host->payload_sum(q, 0, n);

	sum = gust_sum_add(sum, flags + m->hlen + n);
	/* a TCP header has an even length: the payload's words are aligned */
	return gust_sum_fold(gust_sum_add(sum, pay));
}

/* The fields of piece `q` that are TCP's. */
static void set_piece(const struct tmpl *m, const struct tso *t,
		      const struct gust_cut *c, struct gust_pkt *q)
{
	uint32_t n = q->len - q->hlen, seq = m->seq + c->off;
	uint8_t *th = q->head + q->hlen - m->hlen;
	uint16_t flags = m->flags;

	if (!c->last)
		flags &= ~(FIN | PSH);
	if (c->off) {
		if (!m->accecn)
			flags &= ~CWR;
		q->need &= ~(uint32_t)GUST_F_ECN;
	}
	gust_put32(th + TH_SEQ, seq);
	gust_put16(th + TH_FLAGS, flags);
	q->need &= ~(uint32_t)GUST_F_PARTIAL; /* it may have been prepared before */
	if (n > m->gso_size) {
		if (m->partial)
			q->need |= GUST_F_PARTIAL;
		return;
	}
	q->need &= ~(uint32_t)(GUST_F_ECN | GUST_F_ACCECN);
	if (!m->csum)
		return;
	gust_put16(th + TH_CSUM, seg_sum(m, t, q, n, seq, flags));
	q->need = (q->need & ~(uint32_t)GUST_F_CSUM) | GUST_F_CSUM_OK;
}

static void cut(const void *state, struct gust_pkt *p /*taken*/, unsigned i3,
		const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct tso *t = state;
	const struct gust_host *host = t->host;
	struct gust_batch pieces;
	struct gust_pkt *q;
	struct gust_cut c;
	struct tmpl m;

	choose_ids(t, p);
	if (host->cut_begin(&c, t->w, p, req)) {
		host->drop(t->w, p, GUST_DROP_BAD_GSO);
		return;
	}
	tmpl_init(&m, t, p, req);
	gust_batch_init(&pieces);
	while ((q = host->cut_next(&c))) {
		set_piece(&m, t, &c, q);
		gust_batch_push(&pieces, q);
	}
	if (host->cut_end(&c, &pieces, out))
		host->drop(t->w, p, GUST_DROP_NO_PKT);
}

static void tso_gso(void *state, struct gust_batch *in,
		    const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct tso *t = state;
	unsigned whole =
		gust_seg_run(t->host, t->w, GUST_L_TCP, in, req, out, cut, t);

	if (whole)
		t->host->count(t->w, COUNT_WHOLE, whole);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "tso",
	.text = "cuts TCP superpackets; options: id=keep|count|fixed",
	.provides = GUST_FEAT_BIT(GUST_FEAT_TSO4) | GUST_FEAT_BIT(GUST_FEAT_TSO6) |
		    GUST_FEAT_BIT(GUST_FEAT_TSO_ECN) |
		    GUST_FEAT_BIT(GUST_FEAT_MANGLEID) |
		    GUST_FEAT_BIT(GUST_FEAT_ACCECN) |
		    GUST_FEAT_BIT(GUST_FEAT_GSO_PARTIAL),
	.gso_types = 1u << GUST_GSO_TCP4 | 1u << GUST_GSO_TCP6,
	.counters = counters,
	.open = tso_open,
	.close = tso_close,
	.worker_open = tso_worker_open,
	.worker_close = tso_worker_close,
	.gso = tso_gso,
};
