/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.c - two ports back to back in memory, for tests and simulations
 *
 * Sending writes the packet out as a tun would carry it: virtio_net_hdr, head
 * and payload, copied into a slab of the receiver's pool. Receiving therefore
 * runs the real dissector and the real header codec on bytes, and nothing but
 * bytes passes between the two ends.
 *
 * Both ends belong to one thread. One queue each. A packet that the receiver's
 * slabs cannot hold is refused when it is a superpacket.
 */
#include "port/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pkt/dissect.h"
#include "pkt/vnet.h"

/* A packet under way. */
struct mem_entry {
	struct gust_slab *slab; /* one reference */
	uint8_t *p;
	uint32_t len;
	uint8_t vh[VNET_LEN];
};

/* One end, with what waits to be received there. */
struct mem_end {
	struct port port;
	struct mem_end *peer;
	struct mem_pair *pair;
	struct pkt_pool *pool;
	bool open;
	uint32_t refuse;
	uint64_t refused;
	struct gust_slab *fill; /* packets for this end are written here */
	struct mem_entry *fifo; /* pair->depth entries, a ring */
	unsigned first, n;
};

struct mem_pair {
	unsigned depth;
	struct mem_end end[2];
};

static struct mem_end *end_of(struct port *port)
{
	return (struct mem_end *)port;
}

/* The features that a packet of this form needs. */
static uint32_t form_of(const struct gust_pkt *p)
{
	const struct gust_layer *l3 = pkt_l3(p);
	uint32_t f = 0;

	if (p->need & GUST_F_CSUM)
		f |= FEAT_BIT(FEAT_TX_CSUM);
	if (!p->gso_size || !l3)
		return f;
	if (p->need & GUST_F_ECN)
		f |= FEAT_BIT(FEAT_TSO_ECN);
	if (p->gso_type == GUST_GSO_TCP4)
		f |= FEAT_BIT(FEAT_TSO4);
	else if (p->gso_type == GUST_GSO_TCP6)
		f |= FEAT_BIT(FEAT_TSO6);
	else
		f |= FEAT_BIT(FEAT_USO);
	if (l3->kind == GUST_L_IPV4) {
		if (p->len - l3->off > 65535)
			f |= FEAT_BIT(FEAT_BIGTCP4);
	} else if (p->len - l3->off > 65535 + 40) {
		f |= pkt_layer(p, GUST_L_HOPOPTS) ? FEAT_BIT(FEAT_BIGTCP6_JUMBO) :
						    FEAT_BIT(FEAT_BIGTCP6_PLAIN);
	}
	return f;
}

/* Room for `len` bytes at `to`, with headroom; NULL: its pool's limit. */
static uint8_t *room(struct mem_end *to, uint32_t len)
{
	uint32_t need = (GUST_HEADROOM + len + 63) & ~63u;
	struct gust_slab *s = to->fill;
	uint8_t *at;

	if (s && slab_sole(s))
		s->used = 0;
	if (!s || s->cap - s->used < need) {
		s = slab_new(to->pool);
		if (!s)
			return NULL;
		slab_unref(to->fill);
		to->fill = s;
	}
	at = s->data + s->used + GUST_HEADROOM;
	s->used += need;
	return at;
}

static enum port_tx mem_tx(struct port *port, unsigned q, struct gust_pkt *p)
{
	struct mem_end *e = end_of(port), *to = e->peer;
	struct pkt_pool_stats st;
	struct mem_entry *m;

	assert(q == 0);
	if (!to->open) {
		pkt_free(p);
		return PORT_TX_DOWN;
	}
	pkt_pool_stats(to->pool, &st);
	if (form_of(p) & e->refuse ||
	    (p->gso_size && p->len > st.slab_len - GUST_HEADROOM - 64)) {
		e->refused++;
		return PORT_TX_REFUSED;
	}
	if (to->n == e->pair->depth)
		return PORT_TX_AGAIN;
	m = &to->fifo[(to->first + to->n) % e->pair->depth];
	m->p = room(to, p->len);
	if (!m->p) {
		pkt_free(p);
		return PORT_TX_ERROR;
	}
	m->slab = to->fill;
	slab_ref(m->slab);
	m->len = p->len;
	vnet_encode(p, m->vh, VNET_LEN);
	memcpy(m->p, p->head, p->hlen);
	pkt_payload_copy(p, 0, m->p + p->hlen, pkt_payload_len(p));
	to->n++;
	pkt_free(p);
	return PORT_TX_OK;
}

/* Turn an entry into a packet. NULL: dropped and counted. */
static struct gust_pkt *receive(struct mem_end *e, struct mem_entry *m,
				struct drop_counters *drops)
{
	struct gust_pkt *p = pkt_from_slab(e->pool, m->slab, m->p, m->len);
	enum drop_reason r = DROP_NO_PKT;

	slab_unref(m->slab);
	if (p)
		r = pkt_dissect(p, e->port.l2 ? DISSECT_ETH : DISSECT_IP);
	if (r == DROP_NONE)
		r = vnet_decode(p, m->vh, VNET_LEN);
	if (r == DROP_NONE)
		return p;
	drop_count(drops, r, 1);
	pkt_free(p);
	return NULL;
}

static int mem_rx(struct port *port, unsigned q, unsigned max,
		  struct gust_batch *ret, struct drop_counters *drops)
{
	struct mem_end *e = end_of(port);
	unsigned n = 0;

	assert(q == 0);
	if (!e->n && !e->peer->open)
		return -EIO;
	for (; n < max && e->n; n++) {
		struct mem_entry *m = &e->fifo[e->first];
		struct gust_pkt *p = receive(e, m, drops);

		e->first = (e->first + 1) % e->pair->depth;
		e->n--;
		if (p)
			gust_batch_push(ret, p);
	}
	return (int)n;
}

static int mem_fd(const struct port *port, unsigned q)
{
	return -1;
}

static void pair_free(struct mem_pair *pair)
{
	free(pair->end[0].fifo);
	free(pair->end[1].fifo);
	free(pair);
}

static void mem_close(struct port *port)
{
	struct mem_end *e = end_of(port);

	for (; e->n; e->n--) {
		slab_unref(e->fifo[e->first].slab);
		e->first = (e->first + 1) % e->pair->depth;
	}
	slab_unref(e->fill);
	e->fill = NULL;
	e->open = false;
	if (!e->peer->open)
		pair_free(e->pair);
}

static const struct port_ops mem_ops = {
	.kind = "mem",
	.rx = mem_rx,
	.tx = mem_tx,
	.fd = mem_fd,
	.close = mem_close,
};

static int end_init(struct mem_pair *pair, unsigned i, struct pkt_pool *pool,
		    bool l2)
{
	struct mem_end *e = &pair->end[i];

	e->port.ops = &mem_ops;
	e->port.l2 = l2;
	e->port.nqueues = 1;
	e->port.pool = &e->pool;
	e->pool = pool;
	e->pair = pair;
	e->peer = &pair->end[!i];
	e->open = true;
	e->fifo = calloc(pair->depth, sizeof *e->fifo);
	return e->fifo ? 0 : -ENOMEM;
}

int mem_port_pair(struct pkt_pool *pool_a, struct pkt_pool *pool_b, bool l2,
		  unsigned depth, struct port **ret_a, struct port **ret_b)
{
	struct mem_pair *pair;

	if (!depth)
		return -EINVAL;
	pair = calloc(1, sizeof *pair);
	if (!pair)
		return -ENOMEM;
	pair->depth = depth;
	if (end_init(pair, 0, pool_a, l2) || end_init(pair, 1, pool_b, l2)) {
		pair_free(pair);
		return -ENOMEM;
	}
	*ret_a = &pair->end[0].port;
	*ret_b = &pair->end[1].port;
	return 0;
}

void mem_port_set_refuse(struct port *port, uint32_t feats)
{
	end_of(port)->refuse = feats;
}

uint64_t mem_port_refused(const struct port *port)
{
	return ((const struct mem_end *)port)->refused;
}

unsigned mem_port_waiting(const struct port *port)
{
	return ((const struct mem_end *)port)->n;
}
