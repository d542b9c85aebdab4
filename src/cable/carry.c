/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carry.c - from one end to the other
 *
 *	rx -> [cut to wire form -> filters] -> merge -> fit the other end -> tx
 *
 * Without a filter nothing is cut that the other end takes whole. An end that takes
 * no more makes the other one wait: it is not read until the backlog is written, so
 * that the sender's own queue fills, as it does in front of a slow wire.
 */
#include <errno.h>

#include "cable/cable_internal.h"
#include "cable/underlay.h"

#define RX_CHUNK 64
#define RX_PACKETS 256
#define RX_BYTES (UINT32_C(1) << 20)
#define LEN_MAX 65535

/* ---- write ---- */

static uint32_t feats_of(const struct gust_pkt *p)
{
	switch (p->gso_type) {
	case GUST_GSO_TCP4:
		return FEAT_BIT(FEAT_TSO4);
	case GUST_GSO_TCP6:
		return FEAT_BIT(FEAT_TSO6);
	case GUST_GSO_UDP4:
	case GUST_GSO_UDP6:
		return FEAT_BIT(FEAT_USO);
	}
	return FEAT_BIT(FEAT_TX_CSUM);
}

static void drop(struct cable *c, struct gust_pkt *p, enum drop_reason why)
{
	drop_count(&c->drops, why, 1);
	pkt_free(p);
}

static void wait_for(struct cable *c, struct cable_port *to, struct gust_pkt *p)
{
	if (to->backlog.n >= BACKLOG_MAX)
		drop(c, p, DROP_PORT_FULL);
	else
		gust_batch_push(&to->backlog, p);
}

/* This form is not taken: never again, and this one packet in a simpler form. */
static void simpler(struct cable *c, enum cable_end from, struct cable_port *to,
		    struct gust_pkt *p, struct gust_batch *todo)
{
	struct cable_stats *st = &c->end[from].st;
	struct gust_batch one, out;

	st->refused++;
	if (!p->gso_size && !(p->need & GUST_F_CSUM)) {
		drop(c, p, DROP_PORT_ERROR); /* there is no simpler one */
		return;
	}
	to->caps.feats &= ~feats_of(p);
	gust_batch_init(&one);
	gust_batch_init(&out);
	gust_batch_push(&one, p);
	plan_fit(c->eng, &one, &to->caps, &out, &st->plan);
	gust_batch_splice(&out, todo);
	*todo = out;
}

/* The other end's kernel has no memory for that many bytes in one piece. False: it
 * is as small as it gets. */
static bool smaller(struct cable *c, struct gust_pkt *p, struct gust_batch *todo)
{
	struct gust_batch out;

	gust_batch_init(&out);
	if (plan_split(c->eng, p, p->len / 2, &out))
		return false;
	gust_batch_splice(&out, todo);
	*todo = out;
	return true;
}

static void write_all(struct cable *c, enum cable_end from, struct gust_batch *todo)
{
	struct cable_port *to = &c->end[!from];
	struct cable_stats *st = &c->end[from].st;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(todo))) {
		uint32_t len = p->len;
		bool super = p->gso_size != 0;

		if (to->backlog.n) {
			wait_for(c, to, p);
			continue;
		}
		switch (to->port->ops->tx(to->port, 0, p)) {
		case PORT_TX_OK:
			st->tx_packets++;
			st->tx_bytes += len;
			st->tx_super += super;
			break;
		case PORT_TX_NOMEM:
			if (!smaller(c, p, todo))
				drop(c, p, DROP_PORT_FULL);
			break;
		case PORT_TX_AGAIN:
			wait_for(c, to, p);
			break;
		case PORT_TX_REFUSED:
			simpler(c, from, to, p, todo);
			break;
		case PORT_TX_DOWN:
			drop_count(&c->drops, DROP_PORT_DOWN, 1);
			break;
		case PORT_TX_ERROR:
			drop_count(&c->drops, DROP_PORT_ERROR, 1);
			break;
		}
	}
}

void carry_retry(struct cable *c, enum cable_end to)
{
	struct gust_batch todo = c->end[to].backlog;

	gust_batch_init(&c->end[to].backlog);
	write_all(c, !to, &todo);
}

/* ---- the stages ---- */

static void merge(struct cable *c, enum cable_end from, struct gust_batch *b)
{
	const struct port_caps *to = &c->end[!from].caps;
	struct gust_gro_req req = { 0 };
	uint32_t n = b->n;

	if (c->conf.without & CABLE_GRO)
		return;
	/* only what the other end takes merged; around it goes what is large, and
	 * is cut once, behind the last tunnel */
	if (from == CABLE_A && c->chain.n) {
		req.max4 = req.max6 = req.max_udp = LEN_MAX;
	} else {
		req.max4 = caps_has(to, FEAT_TSO4) ? LEN_MAX : 0;
		req.max6 = caps_has(to, FEAT_TSO6) ? LEN_MAX : 0;
		req.max_udp = caps_has(to, FEAT_USO) ? LEN_MAX : 0;
	}
	engine_gro(c->eng, b, &req);
	c->end[from].st.merged += n - b->n;
}

static void filters(struct cable *c, enum cable_end from, struct gust_batch *b)
{
	const struct port_caps wire = { .mtu = UINT32_MAX / 2 };
	struct plan_stats none = { 0 };
	struct gust_batch cut;

	if (engine_filters_wire(c->eng)) {
		gust_batch_init(&cut);
		plan_fit(c->eng, b, &wire, &cut, &none);
		*b = cut;
	}
	if (engine_filters(c->eng))
		engine_filter(c->eng, cable_dir(from), b);
}

static void deliver(struct cable *c, enum cable_end from, struct gust_batch *b)
{
	struct gust_batch out;

	gust_batch_init(&out);
	merge(c, from, b);
	if (from == CABLE_A)
		chain_encap(&c->chain, c->eng, b);
	plan_fit(c->eng, b, &c->end[!from].caps, &out, &c->end[from].st.plan);
	if (from == CABLE_A)
		underlay_out(c, &out);
	write_all(c, from, &out);
}

/* The underlay's own: neighbours are answered and asked, tunnels' headers come off. */
static void uncover(struct cable *c, struct gust_batch *b)
{
	struct gust_batch frames;

	if (!c->chain.n)
		return;
	gust_batch_init(&frames);
	underlay_in(c, b, &frames);
	underlay_due(c, &frames);
	if (frames.n)
		write_all(c, CABLE_A, &frames);
	chain_decap(&c->chain, c->eng, b);
}

/* 1: more may wait. */
static int receive(struct cable *c, enum cable_end from, struct gust_batch *in)
{
	struct cable_port *p = &c->end[from];
	uint32_t n = 0;
	uint64_t bytes = 0;

	while (n < RX_PACKETS && bytes < RX_BYTES) {
		struct gust_batch b;
		int r;

		gust_batch_init(&b);
		r = p->port->ops->rx(p->port, 0, RX_CHUNK, &b, &c->drops);
		if (r < 0)
			return r;
		for (const struct gust_pkt *q = b.first; q; q = q->next) {
			bytes += q->len;
			p->st.rx_super += q->gso_size != 0;
		}
		n += (uint32_t)r;
		gust_batch_splice(in, &b);
		if (r < RX_CHUNK)
			break;
	}
	p->st.rx_packets += n;
	p->st.rx_bytes += bytes;
	return n >= RX_PACKETS || bytes >= RX_BYTES;
}

int carry(struct cable *c, enum cable_end from, bool readable)
{
	struct gust_batch in;
	int r = 0;

	gust_batch_init(&in);
	if (readable)
		r = receive(c, from, &in);
	if (from == CABLE_B)
		uncover(c, &in);
	filters(c, from, &in);
	if (in.n)
		deliver(c, from, &in);
	return r;
}
