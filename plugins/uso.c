/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uso.c - UDP segmentation: one superpacket, many datagrams
 *
 * Theory. A UDP superpacket is a train of datagrams between the same two sockets
 * with one header for all: each has gso_size bytes, the last may have fewer
 * (UDP_SEGMENT of the socket API, gso type UDP_L4 of virtio). Cutting adds no
 * state to a segment but its length and checksum; boundaries are what the
 * application chose, so every one is kept. The host writes the UDP lengths; here
 * is the checksum, by difference: ports and addresses are summed once, each
 * segment adds its lengths (in the pseudo header and in the header) and its payload.
 *
 * Zero. Over IPv4 a checksum field of 0 says that the sender made none (RFC 768):
 * then no segment gets one, and nothing is owed. A computed 0 is sent as 0xffff.
 * Over IPv6 a sender must make one (RFC 8200 8.1); only tunnels may leave it out
 * (RFC 6935), and that is the outer header's business, which is the host's. The
 * innermost one always gets a checksum.
 *
 * As with TCP, a superpacket that came neither owed nor verified gives segments
 * whose checksums are right for their bytes, and pieces that still are
 * superpackets owe theirs.
 */
#include <errno.h>
#include <stdlib.h>

#include <gust/seg.h>

#define UH_LEN 8
#define UH_CSUM 6

struct uso {
	const struct gust_host *host;
	struct gust_worker *w;
};

enum { COUNT_WHOLE };
static const char *const counters[] = { "sent_whole", NULL };

/* What all datagrams of one superpacket share. */
struct tmpl {
	uint32_t sum; /* of ports and pseudo header without length */
	uint16_t gso_size;
	bool none; /* no checksum at all */
	bool csum, partial;
};

static int uso_worker_open(const struct gust_host *host, void *instance,
			   struct gust_worker *w, void **ret_state)
{
	struct uso *u = malloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->host = host;
	u->w = w;
	*ret_state = u;
	return 0;
}

static void uso_worker_close(void *state, struct gust_batch out[2])
{
	free(state);
}

static void tmpl_init(struct tmpl *m, const struct uso *u, const struct gust_pkt *p,
		      bool v4, const struct gust_gso_req *req)
{
	const uint8_t *uh = p->head + p->hlen - UH_LEN;

	m->gso_size = p->gso_size;
	m->none = v4 && !(p->need & GUST_F_CSUM) && !gust_get16(uh + UH_CSUM);
	m->csum = req->csum && !m->none;
	m->partial = req->partial;
	if (!m->csum)
		return;
	m->sum = gust_sum_add(u->host->pseudo_sum(p), ~(p->len - p->hlen + UH_LEN));
	m->sum = gust_sum_add(m->sum, gust_get16(uh));
	m->sum = gust_sum_add(m->sum, gust_get16(uh + 2));
}

static void set_piece(const struct tmpl *m, const struct uso *u, struct gust_pkt *q)
{
	uint8_t *uh = q->head + q->hlen - UH_LEN;
	uint32_t n = q->len - q->hlen, sum;
	uint16_t field;

	q->need = m->none ? 0 : GUST_F_CSUM; /* no other mark is UDP's */
	if (n > m->gso_size) {
		if (m->partial)
			q->need |= GUST_F_PARTIAL;
		return;
	}
	if (!m->csum)
		return;
	/* the field is 0 where 16 bits do not do (RFC 2675 4) */
	sum = gust_sum_add(m->sum, n + UH_LEN + gust_get16(uh + 4));
	field = gust_sum_fold(gust_sum_add(sum, u->host->payload_sum(q, 0, n)));
	gust_put16(uh + UH_CSUM, field ? field : 0xffff);
	q->need ^= GUST_F_CSUM | GUST_F_CSUM_OK;
}

static void cut(const void *state, struct gust_pkt *p /*taken*/, unsigned i3,
		const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct uso *u = state;
	const struct gust_host *host = u->host;
	struct gust_batch pieces;
	struct gust_pkt *q;
	struct gust_cut c;
	struct tmpl m;

	tmpl_init(&m, u, p, p->layer[i3].kind == GUST_L_IPV4, req);
	if (host->cut_begin(&c, u->w, p, req)) {
		host->drop(u->w, p, GUST_DROP_BAD_GSO);
		return;
	}
	gust_batch_init(&pieces);
	while ((q = host->cut_next(&c))) {
		set_piece(&m, u, q);
		gust_batch_push(&pieces, q);
	}
	if (host->cut_end(&c, &pieces, out))
		host->drop(u->w, p, GUST_DROP_NO_PKT);
}

static void uso_gso(void *state, struct gust_batch *in,
		    const struct gust_gso_req *req, struct gust_batch *out)
{
	const struct uso *u = state;
	unsigned whole =
		gust_seg_run(u->host, u->w, GUST_L_UDP, in, req, out, cut, u);

	if (whole)
		u->host->count(u->w, COUNT_WHOLE, whole);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "uso",
	.text = "cuts UDP superpackets into datagrams",
	.provides = GUST_FEAT_BIT(GUST_FEAT_USO),
	.gso_types = 1u << GUST_GSO_UDP4 | 1u << GUST_GSO_UDP6,
	.counters = counters,
	.worker_open = uso_worker_open,
	.worker_close = uso_worker_close,
	.gso = uso_gso,
};
