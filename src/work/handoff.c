/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handoff.c - packets that the kernel steered to another worker's queue
 *
 * tun learns which queue serves a flow from the packets written to it, and
 * forgets after seconds of idleness. Until it has learned, a packet may arrive
 * at any queue; the owner is a function of the flow key (flow_owner), and each
 * pair of workers has a ring of its own, so there is one producer and one
 * consumer. The packet itself travels, not a copy: its slabs and its object go
 * back to the pool they came from whoever frees them (slab.h).
 */
#include "work/worker_internal.h"

void handoff_push(struct worker *w, unsigned to, struct gust_pkt *p)
{
	struct worker *peer = w->peers[to];

	if (!ring_push(peer->in[w->conf.index], p)) {
		drop_count(&w->stats.drops, DROP_HANDOFF_FULL, 1);
		pkt_free(p);
		return;
	}
	w->stats.handoff_out++;
	w->wake_mask |= UINT64_C(1) << to;
}

bool handoff_pop(struct worker *w, struct gust_batch *ret)
{
	bool more = false;

	for (unsigned i = 0; i < w->conf.n; i++) {
		struct gust_pkt *p = NULL;
		unsigned k;

		if (!w->in[i])
			continue;
		for (k = 0; k < RX_BUDGET_PACKETS && (p = ring_pop(w->in[i]));
		     k++) {
			w->stats.handoff_in++;
			gust_batch_push(ret, p);
		}
		more |= k == RX_BUDGET_PACKETS;
	}
	return more;
}

void handoff_flush(struct worker *w)
{
	while (w->wake_mask) {
		unsigned i = __builtin_ctzll(w->wake_mask);

		w->wake_mask &= w->wake_mask - 1;
		loop_wake(w->peers[i]);
	}
}
