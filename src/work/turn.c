/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * turn.c - the pipeline, once round
 *
 *	port rx -> [filter, merge] -> classify, handed over -> stack_input ->
 *	stack_turn -> egress
 *
 * A packet is owned by the worker that flow_owner() names; others hand it over.
 * On a tap, neighbour messages are of interest to every worker (each keeps its
 * own table, so that none has to lock): the worker that reads one gives a clone
 * to each of the others, and only worker 0 answers.
 */
#include <time.h>

#include "flow/key.h"
#include "wire/icmp.h"
#include "work/worker_internal.h"

uint64_t work_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + 1;
}

/* Does the neighbour table take this one for itself? */
static bool is_neigh_msg(const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_layer(p, GUST_L_ICMP6);
	uint8_t type;

	if (pkt_layer(p, GUST_L_ARP))
		return true;
	if (!l)
		return false;
	type = p->head[l->off];
	return type == ICMP6_NS || type == ICMP6_NA;
}

static void share_neigh_msg(struct worker *w, const struct gust_pkt *p)
{
	for (unsigned i = 0; i < w->conf.n; i++) {
		struct gust_pkt *c;

		if (i == w->conf.index)
			continue;
		c = pkt_clone(w->conf.pool, p);
		if (c)
			handoff_push(w, i, c);
		else
			drop_count(&w->stats.drops, DROP_NO_PKT, 1);
	}
}

static bool for_us(const struct worker *w, const struct gust_pkt *p)
{
	struct ethaddr dst;

	memcpy(dst.b, p->head, sizeof(dst.b));
	return ethaddr_is_group(&dst) || !memcmp(&dst, &w->conf.mac, sizeof(dst));
}

/* Strip the frame; false: the packet was consumed. */
static bool from_l2(struct worker *w, struct gust_pkt *p,
		    struct gust_batch *replies)
{
	enum drop_reason r = DROP_NONE;

	if (!p->nlayer || p->layer[0].kind != GUST_L_ETH)
		return true; /* put together from fragments by another worker */
	if (neigh_input(w->neigh, p, replies, &w->env, &r)) {
		if (r != DROP_NONE)
			drop_count(&w->stats.drops, r, 1);
		return false;
	}
	while (p->nlayer &&
	       (p->layer[0].kind == GUST_L_ETH || p->layer[0].kind == GUST_L_VLAN))
		pkt_pull(p, p->nlayer > 1 ? p->layer[1].off : p->hlen);
	return true;
}

/* Keep, hand over, or drop one packet from our queue. */
static void classify(struct worker *w, struct gust_pkt *p, struct gust_batch *mine)
{
	struct flow_key key;
	unsigned owner = 0;

	if (w->neigh && !for_us(w, p)) {
		drop_count(&w->stats.drops, DROP_NOT_FOR_US, 1);
		pkt_free(p);
		return;
	}
	if (w->conf.n > 1) {
		if (w->neigh && is_neigh_msg(p)) {
			share_neigh_msg(w, p);
			owner = w->conf.index;
		} else if (!flow_key_of(p, &key)) {
			p->hash = flow_key_hash(&w->conf.secret, &key);
			owner = flow_owner(p->hash, w->conf.n);
		}
		if (owner != w->conf.index) {
			handoff_push(w, owner, p);
			return;
		}
	}
	gust_batch_push(mine, p);
}

/* Read a budget from the port into `in`. Returns true when more may wait there. */
static bool receive(struct worker *w, struct gust_batch *in)
{
	struct port *port = w->conf.port;
	uint64_t bytes = 0;
	unsigned n = 0;
	bool more = true;

	while (more && bytes < RX_BUDGET_BYTES && n < RX_BUDGET_PACKETS) {
		struct gust_batch b;
		int got;

		gust_batch_init(&b);
		got = port->ops->rx(port, w->conf.index, RX_CHUNK, &b,
				    &w->stats.drops);
		if (got < 0) {
			w->port_gone = true;
			more = false;
			break;
		}
		n += got;
		more = got == RX_CHUNK;
		for (const struct gust_pkt *p = b.first; p; p = p->next) {
			bytes += p->len;
			w->stats.rx_super += p->gso_size != 0;
			used_count(&w->stats.rx_used, used_feats(p), p->len);
			tee_rx(w, p);
		}
		gust_batch_splice(in, &b);
	}
	w->stats.rx_packets += n;
	w->stats.rx_bytes += bytes;
	return more;
}

/* Read, run the stages of the way in, keep what is ours. */
static bool take_in(struct worker *w, struct gust_batch *mine)
{
	struct gust_batch in;
	struct gust_pkt *p;
	bool more;

	gust_batch_init(&in);
	more = receive(w, &in);
	ingress_stages(w, &in);
	while ((p = gust_batch_pop(&in)))
		classify(w, p, mine);
	return more;
}

/* Everything of ours, l2 stripped, to the stack. */
static void to_stack(struct worker *w, struct gust_batch *mine,
		     struct gust_batch *frames)
{
	struct gust_batch ip;
	struct gust_pkt *p;

	if (!w->neigh) {
		stack_input(w->stack, mine, &w->env);
		return;
	}
	gust_batch_init(&ip);
	while ((p = gust_batch_pop(mine)))
		if (from_l2(w, p, frames))
			gust_batch_push(&ip, p);
	stack_input(w->stack, &ip, &w->env);
}

static void neigh_due(struct worker *w, struct gust_batch *frames)
{
	struct gust_batch failed;

	if (!w->neigh || neigh_deadline(w->neigh) > w->env.now_us)
		return;
	gust_batch_init(&failed);
	neigh_timer(w->neigh, frames, &failed, &w->env);
	w->stats.neigh_failed += failed.n;
	drop_count(&w->stats.drops, DROP_NEIGH_FAILED, failed.n);
	stack_unreachable(w->stack, &failed, &w->env);
}

/* Frames that already have their Ethernet header. */
static void send_frames(struct worker *w, struct gust_batch *frames)
{
	struct port *port = w->conf.port;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(frames))) {
		enum port_tx r;

		tee_tx(w, p);
		r = port->ops->tx(port, w->conf.index, p);
		if (r == PORT_TX_OK)
			tee_sent(w);
		if (r == PORT_TX_AGAIN || r == PORT_TX_REFUSED ||
		    r == PORT_TX_NOMEM)
			pkt_free(p);
		if (r != PORT_TX_OK)
			drop_count(&w->stats.drops,
				   r == PORT_TX_DOWN ? DROP_PORT_DOWN :
						       DROP_PORT_ERROR,
				   1);
	}
}

/* A burst may have touched hundreds of slabs; when it is over, a few stay warm and
 * the rest are the system's again. */
static void trim(struct worker *w)
{
	uint64_t passed = w->stats.rx_packets + w->stats.tx_packets;

	if (w->trim_at_us == ENV_NEVER) {
		if (passed != w->trim_seen)
			w->trim_at_us = w->env.now_us + TRIM_US;
	} else if (w->env.now_us >= w->trim_at_us) {
		pkt_pool_trim(w->conf.pool, TRIM_KEEP);
		w->trim_seen = passed;
		w->trim_at_us = ENV_NEVER;
	}
}

bool work_turn(struct worker *w)
{
	struct gust_batch mine, out, frames;
	bool more;

	gust_batch_init(&mine);
	gust_batch_init(&out);
	gust_batch_init(&frames);
	w->env.now_us = work_now_us();
	w->stats.turns++;
	if (w->backlog.n)
		egress_retry(w);
	more = handoff_pop(w, &mine);
	more |= take_in(w, &mine);
	if (mine.n)
		to_stack(w, &mine, &frames);
	neigh_due(w, &frames);
	more |= stack_turn(w->stack, &out, &w->env);
	if (frames.n)
		send_frames(w, &frames);
	egress_send(w, &out);
	handoff_flush(w);
	if (w->tees)
		tee_flush(w->tees);
	trim(w);
	return more;
}

uint64_t work_deadline(const struct worker *w)
{
	uint64_t d = stack_deadline(w->stack), n;

	if (w->neigh) {
		n = neigh_deadline(w->neigh);
		if (n < d)
			d = n;
	}
	if (w->backlog.n && w->env.now_us + TX_RETRY_US < d)
		d = w->env.now_us + TX_RETRY_US;
	if (w->drain_until_us && w->drain_until_us < d)
		d = w->drain_until_us;
	if (w->trim_at_us < d)
		d = w->trim_at_us;
	for (enum gust_dir dir = GUST_RX; dir <= GUST_TX; dir++) {
		n = engine_deadline(w->engine, dir);
		if (n < d)
			d = n;
	}
	return d;
}
