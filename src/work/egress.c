/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * egress.c - the last step: make each packet fit the port, then write it
 *
 * A superpacket is cut here or nowhere, and only for what the port lacks. The
 * port may still refuse a form that it should take (kernels have shipped that
 * answer EINVAL only at write time): then that one feature is demoted for good,
 * the packet is cut to the next smaller form and sent again, and the daemon is
 * told so that it can say so.
 */
#include "work/worker_internal.h"

/* Transports that end at the stack, or that the port takes merged. */
#define MERGED (1u << GUST_L_TCP | 1u << GUST_L_UDP)

#define SMALL_SUPER 65535 /* IP length of a superpacket without BIG TCP */

/* The form in which a packet is above 64 KB; FEAT_N: it is not. */
static enum feat big_form(const struct gust_pkt *p)
{
	const struct gust_layer *l3;
	bool v4;

	if (p->len <= 65535)
		return FEAT_N;
	l3 = pkt_l3(p);
	v4 = l3 && l3->kind == GUST_L_IPV4;
	if (!l3 || p->len - l3->off <= 65535 + (v4 ? 0u : 40u))
		return FEAT_N;
	if (v4)
		return FEAT_BIGTCP4;
	return pkt_layer(p, GUST_L_HOPOPTS) ? FEAT_BIGTCP6_JUMBO :
					      FEAT_BIGTCP6_PLAIN;
}

/* The feature that carries a packet of this form. */
static enum feat feat_of(const struct gust_pkt *p)
{
	enum feat big = big_form(p);

	if (big != FEAT_N)
		return big;
	switch (p->gso_type) {
	case GUST_GSO_TCP4:
		return FEAT_TSO4;
	case GUST_GSO_TCP6:
		return FEAT_TSO6;
	case GUST_GSO_UDP4:
	case GUST_GSO_UDP6:
		return FEAT_USO;
	}
	return FEAT_TX_CSUM;
}

uint32_t used_feats(const struct gust_pkt *p)
{
	enum feat big;
	uint32_t f;

	if (!p->gso_size)
		return p->need & GUST_F_CSUM ? FEAT_BIT(FEAT_TX_CSUM) : 0;
	switch (p->gso_type) {
	case GUST_GSO_TCP4:
		f = FEAT_BIT(FEAT_TSO4);
		break;
	case GUST_GSO_TCP6:
		f = FEAT_BIT(FEAT_TSO6);
		break;
	case GUST_GSO_UFO:
		return FEAT_BIT(FEAT_UFO);
	case GUST_GSO_SCTP:
		return FEAT_BIT(FEAT_SCTP);
	default:
		return FEAT_BIT(FEAT_USO);
	}
	if (p->need & GUST_F_ECN)
		f |= FEAT_BIT(FEAT_TSO_ECN);
	big = big_form(p);
	return big == FEAT_N ? f : f | FEAT_BIT(big);
}

/* Without the BIG TCP form of a family its superpackets end at 64 KB. */
static void caps_limit(struct port_caps *c)
{
	if (!caps_has(c, FEAT_BIGTCP4) && c->gso_max4 > 65535)
		c->gso_max4 = 65535;
	if (!caps_has(c, FEAT_BIGTCP6_JUMBO) && !caps_has(c, FEAT_BIGTCP6_PLAIN) &&
	    c->gso_max6 > 65535)
		c->gso_max6 = 65535;
}

void egress_set_snap(struct worker *w, const struct stack_snap *snap)
{
	w->snap = snap;
	w->caps = snap->to_inside;
	for (unsigned f = 0; f < FEAT_N; f++)
		if (w->stats.refused[f])
			w->caps.feats &= ~FEAT_BIT(f);
	caps_limit(&w->caps);
}

static void count_tx(struct worker *w, uint32_t len, bool super, uint32_t used)
{
	w->stats.tx_packets++;
	w->stats.tx_bytes += len;
	used_count(&w->stats.tx_used, used, len);
	w->stats.tx_super += super;
	w->stats.tx_big += len > 65535 + 40;
}

static void refuse(struct worker *w, const struct gust_pkt *p)
{
	enum feat f = feat_of(p);

	w->stats.refused[f]++;
	w->caps.feats &= ~FEAT_BIT(f);
	caps_limit(&w->caps);
	if (w->conf.demote)
		w->conf.demote(w->conf.arg, f);
}

/* Write one fitted packet. false: it went to the backlog or came back to `todo`
 * in smaller form. */
static void send_one(struct worker *w, struct gust_pkt *p, struct gust_batch *todo)
{
	uint32_t len = p->len, used = used_feats(p);
	bool super = p->gso_size != 0;

	if (w->backlog.n)
		goto later;
	tee_tx(w, p);
	switch (w->conf.port->ops->tx(w->conf.port, w->conf.index, p)) {
	case PORT_TX_OK:
		count_tx(w, len, super, used);
		tee_sent(w);
		return;
	case PORT_TX_AGAIN:
		break;
	case PORT_TX_NOMEM: {
		/* half a megabyte in one piece: 64 KB are easier to find */
		struct gust_batch smaller;

		gust_batch_init(&smaller);
		if (plan_split(w->engine, p, SMALL_SUPER, &smaller))
			break;
		w->stats.nomem++;
		gust_batch_splice(&smaller, todo);
		*todo = smaller;
		return;
	}
	case PORT_TX_REFUSED: {
		bool plain = !p->gso_size && !(p->need & GUST_F_CSUM);
		struct gust_batch one, smaller;

		if (plain) { /* nothing simpler exists */
			drop_count(&w->stats.drops, DROP_PORT_ERROR, 1);
			pkt_free(p);
			return;
		}
		refuse(w, p);
		gust_batch_init(&one);
		gust_batch_init(&smaller);
		gust_batch_push(&one, p);
		plan_fit(w->engine, &one, &w->caps, &smaller, &w->stats.plan);
		gust_batch_splice(&smaller, todo);
		*todo = smaller;
		return;
	}
	case PORT_TX_DOWN:
		drop_count(&w->stats.drops, DROP_PORT_DOWN, 1);
		return;
	case PORT_TX_ERROR:
		drop_count(&w->stats.drops, DROP_PORT_ERROR, 1);
		return;
	}
later:
	if (w->backlog.n >= TX_BACKLOG_MAX) {
		drop_count(&w->stats.drops, DROP_PORT_FULL, 1);
		pkt_free(p);
		return;
	}
	gust_batch_push(&w->backlog, p);
}

static void send_fitted(struct worker *w, struct gust_batch *todo)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(todo)))
		send_one(w, p, todo);
}

/* On an l2 port each packet needs its neighbour's address first. */
static void resolve(struct worker *w, struct gust_batch *fitted,
		    struct gust_batch *frames)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(fitted))) {
		enum drop_reason r = neigh_output(w->neigh, p, frames, &w->env);

		if (r != DROP_NONE)
			drop_count(&w->stats.drops, r, 1);
	}
}

/* As on the wire: nothing merged, nothing owed. */
static void to_wire(struct worker *w, struct gust_batch *b, uint32_t mtu)
{
	const struct port_caps wire = { .mtu = mtu };
	struct plan_stats none = { 0 };
	struct gust_batch cut;

	gust_batch_init(&cut);
	plan_fit(w->engine, b, &wire, &cut, &none);
	*b = cut;
}

static void merge(struct worker *w, struct gust_batch *b, uint32_t max)
{
	const struct gust_gro_req req = {
		.max4 = max, .max6 = max, .max_udp = SMALL_SUPER, .kinds = MERGED
	};

	engine_gro(w->engine, b, &req);
}

/* A filter that wants to see single packets sees them: around it, superpackets are
 * cut and made again. */
static void filter(struct worker *w, enum gust_dir dir, struct gust_batch *b,
		   uint32_t mtu)
{
	if (engine_filters_wire(w->engine))
		to_wire(w, b, mtu);
	engine_filter(w->engine, dir, b);
}

void ingress_stages(struct worker *w, struct gust_batch *in)
{
	uint32_t n;

	gust_batch_splice(in, &w->held[GUST_RX]);
	if (engine_filters(w->engine))
		filter(w, GUST_RX, in, UINT32_MAX / 2);
	n = in->n;
	if (w->snap->gro_max)
		merge(w, in, w->snap->gro_max);
	w->stats.rx_merged += n - in->n;
}

/* What fits the port, in a form that it takes. */
static void fit(struct worker *w, struct gust_batch *out, struct gust_batch *fitted)
{
	if (engine_filters(w->engine)) {
		filter(w, GUST_TX, out, w->caps.mtu);
		merge(w, out, w->caps.gso_max6);
	}
	gust_batch_splice(out, &w->held[GUST_TX]);
	plan_fit(w->engine, out, &w->caps, fitted, &w->stats.plan);
}

void egress_send(struct worker *w, struct gust_batch *out)
{
	struct gust_batch fitted, frames;

	gust_batch_init(&fitted);
	fit(w, out, &fitted);
	if (!w->neigh) {
		send_fitted(w, &fitted);
		return;
	}
	gust_batch_init(&frames);
	resolve(w, &fitted, &frames);
	send_fitted(w, &frames);
}

void egress_retry(struct worker *w)
{
	struct gust_batch todo = w->backlog;

	gust_batch_init(&w->backlog);
	send_fitted(w, &todo);
}
