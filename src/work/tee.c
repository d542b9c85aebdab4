/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tee.c - copies of a worker's packets for a capture
 *
 * Going to sleep and being woken (tee_bell): the reader stores asleep = true, then
 * looks at the rings once more; the worker stores its record, then looks at
 * `asleep`. With a full fence between the two steps on both sides one of them sees
 * the other's, so no record waits for a reader that sleeps.
 */
#include "work/tee.h"

#include <string.h>
#include <unistd.h>

static void count(_Atomic uint64_t *c, uint64_t n)
{
	/* one writer: no need for a locked addition */
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void fill(const struct tee *t, struct tee_rec *r, const struct gust_pkt *p,
		 enum filter_dir dir, uint64_t now_us)
{
	uint32_t head;

	r->ts_us = now_us + (uint64_t)t->real_us;
	r->gap = t->gap;
	r->len = p->len;
	r->segs = t->segs;
	r->need = p->need;
	r->hlen = p->hlen;
	r->gso_size = p->gso_size;
	r->worker = t->worker;
	r->gso_type = p->gso_type;
	r->dir = dir;
	memcpy(tee_layers(r), p->layer, p->nlayer * sizeof(p->layer[0]));
	head = p->hlen < r->caplen ? p->hlen : r->caplen;
	memcpy(tee_bytes(r), p->head, head);
	pkt_payload_copy(p, 0, tee_bytes(r) + head, r->caplen - head);
}

static void stage(struct tee *t, const struct gust_pkt *p, enum filter_dir dir,
		  uint64_t now_us)
{
	uint32_t caplen = p->len < t->copy_max ? p->len : t->copy_max;
	struct tee_rec *r;

	t->staged = TEE_PASSED;
	if (t->filter && !filter_match(t->filter, p, dir))
		return;
	t->segs = pkt_segs(p);
	t->staged = TEE_FULL;
	r = bytering_reserve(t->ring,
			     sizeof(*r) + p->nlayer * sizeof(p->layer[0]) + caplen);
	if (!r)
		return;
	r->caplen = caplen;
	r->nlayer = p->nlayer;
	fill(t, r, p, dir, now_us);
	t->staged = TEE_STAGED;
}

void tee_stage(struct tee *list, const struct gust_pkt *p, enum filter_dir dir,
	       uint64_t now_us)
{
	for (struct tee *t = list; t; t = t->next)
		stage(t, p, dir, now_us);
}

void tee_keep(struct tee *list)
{
	for (struct tee *t = list; t; t = t->next) {
		count(&t->n.seen, 1);
		if (t->staged == TEE_PASSED)
			continue;
		count(&t->n.accepted, 1);
		count(&t->n.segs, t->segs);
		if (t->staged == TEE_FULL) {
			count(&t->n.lost, 1);
			count(&t->n.lost_segs, t->segs);
			t->gap++;
			continue;
		}
		bytering_commit(t->ring);
		t->gap = 0;
		t->dirty = true;
	}
}

static void ring_bell(struct tee_bell *b)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&b->asleep, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&b->asleep, false, memory_order_acq_rel))
		return;
	/* EAGAIN: the counter is at its limit, so it is readable anyway */
	if (write(b->fd, &one, sizeof(one)) < 0)
		return;
}

void tee_flush(struct tee *list)
{
	for (struct tee *t = list; t; t = t->next) {
		if (t->dirty)
			ring_bell(t->bell);
		t->dirty = false;
	}
}
