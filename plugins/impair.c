/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.c - a bad network: loss, delay, reordering, duplication, corruption, rate
 *
 * Theory of operation. Each direction is a pipe of its own. A packet passes, in this
 * order: rules ("the second FIN"), random loss, corruption, duplication; then it gets
 * the time at which it may leave: the end of the queue in front of the rate limiter,
 * plus delay, plus jitter. If that is now, it leaves; otherwise it waits in a heap,
 * ordered by time and then by arrival. A packet that is to be reordered steps aside
 * when it would leave, until some others have passed it.
 *
 * Chance. Each impairment has a sequence of its own, made from the seed, the
 * direction and the impairment: runs with one seed lose the same packets, and adding
 * corruption does not change which are lost. Without a seed, the host's random
 * source gives one. Every worker has the same sequences and counts rules for itself.
 *
 * Loss in bursts is the model of Gilbert and Elliott: two states, good and bad, with
 * a probability of changing to the other for each packet and one of losing it. The
 * mean loss is p / (p + r), the mean burst 1 / r.
 *
 * The rate limiter is a token bucket in the form of a virtual clock (GCRA): `tat` is
 * when the wire would be idle; a packet leaves when that is at most a burst ahead.
 *
 * Corruption changes one bit of the innermost transport header or payload, but no
 * field that says where things stand (TCP data offset, UDP length): further stages
 * trust the header map, and a broken header would only be dropped before it is
 * seen. What has neither transport nor payload (ARP) is not corrupted.
 *
 * Limits: RULES_MAX rules and `limit` packets held for each direction; beyond that
 * packets are dropped and counted as limited. Held packets are copied, so that they
 * pin no large buffer.
 */
#include <errno.h>
#include <stdlib.h>

#include "impair.h"

#define ASIDE_MAX 64 /* packets that stepped aside */
#define ASIDE_US 10000 /* at most so long */
#define COPY_MAX 4096

enum counter { LOST, DELAYED, REORDERED, DUPLICATED, CORRUPTED, LIMITED };

static const char *const counters[] = { "lost",       "delayed",   "reordered",
					"duplicated", "corrupted", "limited",
					NULL };

/* ---- state ---- */

enum chance {
	C_LOSS,
	C_STATE,
	C_DUPLICATE,
	C_CORRUPT,
	C_BIT,
	C_JITTER,
	C_REORDER,
	N_CHANCE
};

struct held {
	uint64_t at, seq; /* microseconds; arrival, for equal times */
	struct gust_pkt *p;
	bool aside; /* is to step aside when its time has come */
};

struct aside {
	struct gust_pkt *p;
	uint64_t until;
	uint32_t left; /* packets that are still to pass */
};

struct dir_state {
	const struct dir_conf *c;
	uint64_t chance[N_CHANCE];
	bool bad;
	uint64_t tat_ns, last_at, seq;
	uint64_t hits[RULES_MAX];
	uint32_t n, n_aside; /* held */
	struct held *heap; /* c->limit entries */
	struct aside aside[ASIDE_MAX];
};

struct state {
	const struct gust_host *host;
	struct gust_worker *w;
	struct dir_state dir[2];
};

/* splitmix64 */
static uint64_t draw(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool chance(struct dir_state *d, enum chance which, uint64_t p)
{
	return p && draw(&d->chance[which]) >> 32 < p;
}

static void end_state(struct state *s)
{
	free(s->dir[GUST_RX].heap);
	free(s->dir[GUST_TX].heap);
	free(s);
}

static int worker_open(const struct gust_host *host, void *instance,
		       struct gust_worker *w, void **ret_state)
{
	const struct instance *in = instance;
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->w = w;
	for (unsigned i = 0; i < 2; i++) {
		struct dir_state *d = &s->dir[i];
		uint64_t seed;

		d->c = &in->dir[i];
		/* workers do not lose the same packets */
		seed = d->c->seeded ?
			       d->c->seed * 2 + i +
				       (uint64_t)host->worker_index(w) * 0x9e37 :
			       host->random(w);
		for (unsigned k = 0; k < N_CHANCE; k++) {
			uint64_t mix = seed * N_CHANCE + k;

			d->chance[k] = draw(&mix);
		}
		d->heap = calloc(d->c->limit, sizeof(*d->heap));
		if (!d->heap) {
			end_state(s);
			return -ENOMEM;
		}
	}
	*ret_state = s;
	return 0;
}

/* ---- waiting ---- */

static bool before(const struct held *a, const struct held *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void heap_push(struct dir_state *d, struct held x)
{
	uint32_t i = d->n++;

	for (; i && before(&x, &d->heap[(i - 1) / 2]); i = (i - 1) / 2)
		d->heap[i] = d->heap[(i - 1) / 2];
	d->heap[i] = x;
}

static struct held heap_pop(struct dir_state *d)
{
	struct held top = d->heap[0], x = d->heap[--d->n];
	uint32_t i = 0, k;

	while ((k = 2 * i + 1) < d->n) {
		if (k + 1 < d->n && before(&d->heap[k + 1], &d->heap[k]))
			k++;
		if (!before(&d->heap[k], &x))
			break;
		d->heap[i] = d->heap[k];
		i = k;
	}
	d->heap[i] = x;
	return top;
}

/* The same packet without a hold on large buffers. */
static struct gust_pkt *dense(struct state *s, struct gust_pkt *p)
{
	struct gust_pkt *q;

	if (p->len - p->hlen > COPY_MAX)
		return p;
	q = s->host->pkt_clone(s->w, p);
	if (!q)
		return p;
	s->host->pkt_free(p);
	s->host->own_payload(s->w, q); /* else it stays shared */
	return q;
}

static void lose(struct state *s, struct gust_pkt *p, enum counter why)
{
	s->host->count(s->w, why, 1);
	s->host->drop(s->w, p, GUST_DROP_IMPAIRED);
}

/* One packet has passed those that stand aside. */
static void passed(struct dir_state *d, struct gust_batch *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_aside; i++) {
		if (--d->aside[i].left)
			d->aside[n++] = d->aside[i];
		else
			gust_batch_push(out, d->aside[i].p);
	}
	d->n_aside = n;
}

/* Its time has come. */
static void leave(struct state *s, struct dir_state *d, struct held *x,
		  uint64_t now, struct gust_batch *out)
{
	if (x->aside && d->n_aside < ASIDE_MAX && d->n + d->n_aside < d->c->limit) {
		d->aside[d->n_aside++] =
			(struct aside){ dense(s, x->p), now + ASIDE_US,
					d->c->reorder_by };
		s->host->count(s->w, REORDERED, 1);
		return;
	}
	gust_batch_push(out, x->p);
	passed(d, out);
}

static void leave_due(struct state *s, struct dir_state *d, uint64_t now,
		      struct gust_batch *out)
{
	uint32_t n = 0;

	while (d->n && d->heap[0].at <= now) {
		struct held x = heap_pop(d);

		leave(s, d, &x, now, out);
	}
	for (uint32_t i = 0; i < d->n_aside; i++) {
		if (d->aside[i].until > now)
			d->aside[n++] = d->aside[i];
		else
			gust_batch_push(out, d->aside[i].p);
	}
	d->n_aside = n;
}

/* When may a packet of `len` bytes leave the rate limiter? Microseconds. */
static uint64_t through_rate(struct dir_state *d, uint32_t len, uint64_t now)
{
	uint64_t t = now * 1000, ahead, cost;

	if (!d->c->rate)
		return now;
	cost = (uint64_t)len * 8 * 1000000000 / d->c->rate;
	ahead = d->c->burst * 8 * 1000000000 / d->c->rate;
	if (d->tat_ns > t + ahead)
		t = d->tat_ns - ahead;
	d->tat_ns = (d->tat_ns > t ? d->tat_ns : t) + cost;
	return (t + 999) / 1000;
}

/* Let it go, now or later. `extra`: what a rule adds. */
static void schedule(struct state *s, struct dir_state *d, struct gust_pkt *p,
		     uint64_t extra, bool aside, uint64_t now,
		     struct gust_batch *out)
{
	const struct dir_conf *c = d->c;
	uint64_t tat = d->tat_ns, at = through_rate(d, p->len, now) + c->delay_us;
	struct held x;

	if (c->jitter_us) {
		at += draw(&d->chance[C_JITTER]) % (2 * c->jitter_us + 1);
		at = at > now + c->jitter_us ? at - c->jitter_us : now;
	}
	if (c->ordered && at < d->last_at)
		at = d->last_at;
	aside |= chance(d, C_REORDER, c->reorder);
	x = (struct held){ at + extra, d->seq++, p, aside };
	if (x.at > now && d->n + d->n_aside >= c->limit) {
		d->tat_ns = tat; /* it took no time on the wire */
		lose(s, p, LIMITED);
		return;
	}
	d->last_at = at;
	if (x.at <= now) {
		leave(s, d, &x, now, out);
		return;
	}
	s->host->count(s->w, DELAYED, 1);
	x.p = dense(s, p);
	heap_push(d, x);
}

/* ---- what is done to packets ---- */

/* The innermost transport; NULL: none (fragments, ARP). */
static const struct gust_layer *transport(const struct gust_pkt *p)
{
	for (unsigned i = p->nlayer; i--;) {
		switch (p->layer[i].kind) {
		case GUST_L_TCP:
		case GUST_L_UDP:
		case GUST_L_SCTP:
		case GUST_L_ICMP:
		case GUST_L_ICMP6:
			return &p->layer[i];
		case GUST_L_IPV4:
		case GUST_L_IPV6:
			return NULL;
		}
	}
	return NULL;
}

static bool is_kind(const struct gust_pkt *p, const struct gust_layer *l4,
		    enum kind kind)
{
	enum { F = 1, S = 2, R = 4, A = 16 };
	bool payload = p->len > p->hlen;
	uint8_t f;

	if (kind == ANY)
		return true;
	if (!l4)
		return false;
	if (kind == UDP)
		return l4->kind == GUST_L_UDP;
	if (kind == ICMP)
		return l4->kind == GUST_L_ICMP || l4->kind == GUST_L_ICMP6;
	if (l4->kind != GUST_L_TCP)
		return false;
	f = p->head[l4->off + 13];
	switch (kind) {
	case SYN:
		return (f & (S | A)) == S;
	case SYN_ACK:
		return (f & (S | A)) == (S | A);
	case FIN:
		return f & F;
	case RST:
		return f & R;
	case ACK:
		return (f & (F | S | R | A)) == A && !payload;
	case DATA:
		return payload;
	default:
		return false;
	}
}

static bool has_port(const struct gust_pkt *p, const struct gust_layer *l4,
		     uint16_t port)
{
	if (!l4 || (l4->kind != GUST_L_TCP && l4->kind != GUST_L_UDP &&
		    l4->kind != GUST_L_SCTP))
		return false;
	return gust_get16(p->head + l4->off) == port ||
	       gust_get16(p->head + l4->off + 2) == port;
}

/* Bits 1 << enum action of the rules that apply, and their delay. */
static unsigned rules(struct dir_state *d, const struct gust_pkt *p,
		      uint64_t *ret_delay)
{
	const struct gust_layer *l4 = transport(p);
	unsigned what = 0;

	*ret_delay = 0;
	for (unsigned i = 0; i < d->c->nrule; i++) {
		const struct rule *r = &d->c->rule[i];

		if (!is_kind(p, l4, r->kind) ||
		    (r->has_port && !has_port(p, l4, r->port)))
			continue;
		d->hits[i]++;
		if (d->hits[i] < r->first || d->hits[i] > r->last)
			continue;
		what |= 1u << r->action;
		*ret_delay += r->delay_us;
	}
	return what;
}

static bool lost_by_chance(struct dir_state *d)
{
	const struct dir_conf *c = d->c;

	if (chance(d, C_LOSS, c->loss))
		return true;
	if (!c->bursts)
		return false;
	if (chance(d, C_STATE, d->bad ? c->to_good : c->to_bad))
		d->bad = !d->bad;
	return chance(d, C_LOSS, d->bad ? c->loss_bad : c->loss_good);
}

/* Does the header map, or a length, hang on this byte of the transport? */
static bool is_structure(const struct gust_layer *l4, uint32_t i)
{
	return (l4->kind == GUST_L_TCP && i == 12) ||
	       (l4->kind == GUST_L_UDP && (i == 4 || i == 5));
}

/* Change one bit. */
static void corrupt(struct state *s, struct dir_state *d, struct gust_pkt *p)
{
	const struct gust_layer *l4 = transport(p);
	uint32_t hlen = l4 ? p->hlen - l4->off : 0, at;
	uint64_t r;

	if (!(hlen + p->len - p->hlen))
		return;
	do {
		r = draw(&d->chance[C_BIT]);
		at = (uint32_t)((r >> 8) % (hlen + p->len - p->hlen));
	} while (at < hlen && is_structure(l4, at));
	if (at < hlen) {
		p->head[l4->off + at] ^= 1 << (r & 7);
	} else {
		if (s->host->own_payload(s->w, p))
			return;
		p->frag[0].p[at - hlen] ^= 1 << (r & 7);
	}
	/* nobody vouches for it any more */
	p->need &= ~(uint32_t)GUST_F_CSUM_OK;
	s->host->count(s->w, CORRUPTED, 1);
}

static void one(struct state *s, struct dir_state *d, struct gust_pkt *p,
		uint64_t now, struct gust_batch *out)
{
	struct gust_pkt *copy = NULL;
	uint64_t extra;
	unsigned what = rules(d, p, &extra);
	bool lost = lost_by_chance(d), aside = what & 1u << REORDER;

	if (lost || what & 1u << DROP) {
		lose(s, p, LOST);
		return;
	}
	if (chance(d, C_CORRUPT, d->c->corrupt) || what & 1u << CORRUPT)
		corrupt(s, d, p);
	if (chance(d, C_DUPLICATE, d->c->duplicate) || what & 1u << DUPLICATE)
		copy = s->host->pkt_clone(s->w, p);
	schedule(s, d, p, extra, aside, now, out);
	if (copy) {
		s->host->count(s->w, DUPLICATED, 1);
		schedule(s, d, copy, extra, false, now, out);
	}
}

static void filter(void *state, enum gust_dir dir, struct gust_batch *in,
		   uint64_t now, struct gust_batch *out)
{
	struct state *s = state;
	struct dir_state *d = &s->dir[dir];
	struct gust_pkt *p;

	leave_due(s, d, now, out);
	while ((p = gust_batch_pop(in)))
		one(s, d, p, now, out);
}

static uint64_t deadline(void *state, enum gust_dir dir)
{
	const struct dir_state *d = &((struct state *)state)->dir[dir];
	uint64_t at = d->n ? d->heap[0].at : GUST_NEVER;

	for (uint32_t i = 0; i < d->n_aside; i++)
		if (d->aside[i].until < at)
			at = d->aside[i].until;
	return at;
}

static void worker_close(void *state, struct gust_batch out[2])
{
	struct state *s = state;

	for (unsigned i = 0; i < 2; i++) {
		struct dir_state *d = &s->dir[i];

		while (d->n) {
			struct held x = heap_pop(d);

			gust_batch_push(&out[i], x.p);
		}
		for (uint32_t k = 0; k < d->n_aside; k++)
			gust_batch_push(&out[i], d->aside[k].p);
	}
	end_state(s);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "impair",
	.text = "a bad network on purpose: loss, delay, reordering, corruption, "
		"rate",
	.flags = GUST_PLUGIN_WIRE | GUST_PLUGIN_OPTIONS,
	.counters = counters,
	.open = impair_open,
	.close = impair_close,
	.worker_open = worker_open,
	.worker_close = worker_close,
	.filter = filter,
	.deadline = deadline,
};
