/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - the simulator
 *
 * One loop: find the next thing that happens (an arrival, a timer, an
 * application that wants to read again, a planned act), go there in time, let
 * both ends have their turn as the daemon would give it (input, application,
 * output), put what they send on the link. Packets are copied byte by byte
 * between the ends and dissected anew, so that only what is on the wire counts.
 *
 * A run that stops progressing is found in two ways: no event at all while an
 * end is open, or too many turns within one microsecond.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "pkt/dissect.h"
#include "tcp/seq.h"
#include "testfit.h"

#define SAME_TIME_TURNS 2000

struct sim_event {
	uint64_t at_us, order;
	unsigned to;
	struct gust_pkt *p; /* NULL: an ICMP error */
	struct icmp_event icmp;
};

static bool fail(struct sim *s, const char *what, unsigned i)
{
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "seed %llu, end %u at %.6f s: %s",
			 (unsigned long long)s->seed, i,
			 (double)s->env.now_us / 1e6, what);
	return false;
}

/* ---- the event heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct sim *s, struct sim_event e)
{
	uint32_t i = s->nheap++;

	if (i == s->heap_cap) {
		s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 256;
		s->heap = realloc(s->heap, s->heap_cap * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	e.order = s->order++;
	while (i && before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

static struct sim_event heap_pop(struct sim *s)
{
	struct sim_event top = s->heap[0], e = s->heap[--s->nheap];
	uint32_t i = 0, k;

	while ((k = 2 * i + 1) < s->nheap) {
		if (k + 1 < s->nheap && before(&s->heap[k + 1], &s->heap[k]))
			k++;
		if (!before(&s->heap[k], &e))
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	s->heap[i] = e;
	return top;
}

/* ---- set-up ---- */

static struct ipaddr addr_of(bool v6, unsigned i)
{
	struct ipaddr a;

	if (ipaddr_parse(v6 ? (i ? "fd00::2" : "fd00::1") :
			      (i ? "10.0.0.2" : "10.0.0.1"),
			 &a) < 0)
		abort();
	return a;
}

void sim_init(struct sim *s, uint64_t seed, bool v6)
{
	struct pkt_limits lim = { .slab_len = 1 << 20,
				  .slab_max = 512,
				  .pkt_max = 60000 };
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->v6 = v6;
	rng_seed(&s->rng, seed);
	s->env.now_us = SIM_SEC;
	s->env.rng = &s->rng;
	s->pool = pkt_pool_new(&lim);
	if (!s->pool)
		abort();
	pkt_pool_bind(s->pool);
	for (i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];
		tcp_conf_defaults(&e->conf);
		e->conf.secret.k0 = rng_u64(&s->rng);
		e->conf.secret.k1 = rng_u64(&s->rng);
		e->caps = (struct port_caps){
			.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
				 FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6),
			.mtu = 1500,
			.gso_max4 = 65535,
			.gso_max6 = 65535,
			.cuts_tcp = true,
			.cuts_udp = true,
			.gso_max_udp = 65535,
		};
		e->ctx.conf = &e->conf;
		e->ctx.caps = &e->caps;
		e->ctx.pool = s->pool;
		e->ctx.drops = &e->drops;
		e->check.key = (uint32_t)rng_u64(&s->rng);
	}
}

/* The test has set up configurations and capabilities: begin. */
static void start(struct sim *s)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];
		struct ipaddr a = addr_of(s->v6, i), b = addr_of(s->v6, !i);

		tcp_init(&e->t, &e->ctx, &a, i ? 80 : 40000, &b, i ? 40000 : 80);
		tcpcheck_init(&e->check, &e->t, e->check.key);
	}
	s->end[0].open = true;
	tcp_connect(&s->end[0].t, &s->env);
}

void sim_rule_add(struct sim *s, unsigned from,
		  bool (*match)(const struct sim_seg *), unsigned skip,
		  unsigned count)
{
	if (s->nrule == SIM_RULES_MAX)
		abort();
	s->rule[s->nrule++] = (struct sim_rule){
		.from = from, .match = match, .skip = skip, .count = count
	};
}

void sim_act_add(struct sim *s, uint64_t at_us, void (*fn)(struct sim *))
{
	if (s->nact == SIM_ACTS_MAX)
		abort();
	s->act[s->nact++] = (struct sim_act){ .at_us = at_us, .fn = fn };
}

unsigned sim_seeds(unsigned n)
{
	const char *e = getenv("GUST_SIM_SEEDS");
	unsigned long v = e ? strtoul(e, NULL, 10) : 0;

	return v ? (unsigned)v : n;
}

/* ---- fault rules ---- */

bool sim_is_syn(const struct sim_seg *s)
{
	return s->h.flags & TCP_SYN;
}
bool sim_is_fin(const struct sim_seg *s)
{
	return s->h.flags & TCP_FIN;
}
bool sim_is_data(const struct sim_seg *s)
{
	return s->payload;
}

bool sim_is_ack(const struct sim_seg *s)
{
	return !s->payload && !(s->h.flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

bool sim_is_first_rtx(const struct sim_seg *s)
{
	return s->rtx && s->rtx_n == 1;
}
bool sim_is_wnd_update(const struct sim_seg *s)
{
	return s->wnd_update;
}

/* How often was this sequence retransmitted? A table without collisions would
 * be larger than it is worth: a newer sequence takes the place. */
static unsigned rtx_count(struct sim *s, unsigned from, uint32_t seq)
{
	unsigned k = (seq * UINT32_C(2654435761)) >> 20;

	if (s->rtx[from][k].seq != seq || !s->rtx[from][k].n) {
		s->rtx[from][k].seq = seq;
		s->rtx[from][k].n = 0;
	}
	return ++s->rtx[from][k].n;
}

static struct sim_seg look(struct sim *s, unsigned from, const struct gust_pkt *p)
{
	struct sim_seg g = { .from = from, .payload = pkt_payload_len(p) };
	const struct gust_layer *l4 = pkt_l4(p);
	struct sim_end *e = &s->end[from];
	uint32_t end;

	if (tcp_hdr_parse(p->head + l4->off, p->hlen - l4->off, &g.h) < 0)
		abort();
	end = g.h.seq + g.payload;
	if (e->seen && g.payload && seq_lt(g.h.seq, e->hi_seq)) {
		g.rtx = true;
		g.rtx_n = rtx_count(s, from, g.h.seq);
	}
	g.wnd_update = e->seen && sim_is_ack(&g) && g.h.ack == e->last_ack &&
		       g.h.wnd > e->last_wnd;
	if (!e->seen || seq_gt(end, e->hi_seq))
		e->hi_seq = end;
	e->seen = true;
	e->last_ack = g.h.ack;
	e->last_wnd = g.h.wnd;
	return g;
}

static bool rules_drop(struct sim *s, const struct sim_seg *g)
{
	bool drop = false;
	unsigned i;

	for (i = 0; i < s->nrule; i++) {
		struct sim_rule *r = &s->rule[i];

		if (r->from != g->from || !r->match(g))
			continue;
		if (r->seen >= r->skip && r->seen - r->skip < r->count) {
			r->dropped++;
			drop = true;
		}
		r->seen++;
	}
	return drop;
}

/* ---- the link ---- */

static bool chance(struct sim *s, uint32_t ppm)
{
	return ppm && rng_below(&s->rng, 1000000) < ppm;
}

/* Too large for the path: say so to the sender, as a router would. */
static void too_big(struct sim *s, unsigned from, const struct sim_seg *g)
{
	struct sim_link *l = &s->link[from];
	struct tcp *t = &s->end[from].t;
	struct sim_event e = { .to = from };

	if (l->black_hole)
		return;
	e.at_us = s->env.now_us + 2 * l->delay_us + 1;
	e.icmp.error = ICMP_E_TOO_BIG;
	e.icmp.info = l->mtu;
	e.icmp.key.in = t->remote;
	e.icmp.key.in_port = t->rport;
	e.icmp.key.out = t->local;
	e.icmp.key.out_port = t->lport;
	e.icmp.key.proto = 6;
	e.icmp.from = t->remote;
	e.icmp.tcp_seq = g->h.seq;
	e.icmp.has_seq = true;
	heap_push(s, e);
}

/* When will it arrive? false: the queue is full. */
static bool link_time(struct sim *s, struct sim_link *l, uint32_t len,
		      uint64_t *ret_at)
{
	uint64_t now = s->env.now_us, at = now;

	if (l->rate) {
		uint64_t start = l->free_us > now ? l->free_us : now;

		if (l->queue && (start - now) * l->rate / SIM_SEC > l->queue)
			return false;
		at = start + (uint64_t)len * SIM_SEC / l->rate;
		l->free_us = at;
	}
	at += 1 + l->delay_us + rng_below(&s->rng, l->jitter_us + 1);
	if (chance(s, l->reorder)) {
		at += 1 + rng_below(&s->rng, l->reorder_us + 1);
	} else {
		if (at < l->last_us)
			at = l->last_us;
		l->last_us = at;
	}
	*ret_at = at;
	return true;
}

static void flip_a_bit(struct sim *s, struct gust_pkt *p)
{
	/* in what the TCP checksum covers: an IPv6 header has fields that none does */
	uint16_t l4 = pkt_l4(p)->off;
	uint32_t at = l4 + rng_below(&s->rng, p->len - l4);
	uint8_t bit = (uint8_t)(1 << rng_below(&s->rng, 8));

	/* a delivered packet is contiguous, and nobody shares it yet */
	p->head[at] ^= bit;
}

/* The bytes that arrive at the other end, NULL: unrecognisable. */
static struct gust_pkt *carry(struct sim *s, const struct gust_pkt *p, bool corrupt)
{
	enum drop_reason why;
	struct gust_pkt *q = tcpcheck_deliver(s->pool, &s->fill, p, &why);

	if (!q)
		return NULL;
	if (corrupt) {
		flip_a_bit(s, q);
		if (pkt_csum_verify(q))
			snprintf(s->why, sizeof(s->why),
				 "a flipped bit passed the checksum");
		pkt_free(q);
		return NULL;
	}
	return q;
}

static void link_send(struct sim *s, unsigned from, struct gust_pkt *p /*taken*/)
{
	struct sim_link *l = &s->link[from];
	struct sim_seg g = look(s, from, p);
	uint32_t seg_len = p->gso_size ? p->hlen + p->gso_size : p->len;
	unsigned copies = 1;
	struct sim_event e = { .to = !from };
	bool corrupt;

	s->packets++;
	if (rules_drop(s, &g) || l->down || chance(s, l->loss))
		goto lost;
	if (l->mtu && seg_len > l->mtu) {
		too_big(s, from, &g);
		goto lost;
	}
	copies += chance(s, l->dup);
	/* whose checksum is still owed cannot be corrupted noticeably */
	corrupt = chance(s, l->corrupt) && !(p->need & GUST_F_CSUM);
	while (copies--) {
		if (!link_time(s, l, p->len, &e.at_us))
			goto lost;
		e.p = carry(s, p, corrupt);
		if (!e.p)
			goto lost;
		heap_push(s, e);
	}
	pkt_free(p);
	return;
lost:
	s->lost++;
	pkt_free(p);
}

/* ---- an end's turn ---- */

static bool sort_events(struct sim *s, unsigned i, unsigned ev)
{
	struct sim_end *e = &s->end[i];

	e->events |= ev;
	if (ev & TCP_EV_CLOSED && e->open) {
		if (e->t.state != TCPS_CLOSED)
			return fail(s, "TCP_EV_CLOSED in another state", i);
		e->closed_us = s->env.now_us;
	}
	return tcpcheck_state(&e->check) ? true : fail(s, e->check.why, i);
}

/* No connection (any more): the stack answers with a reset. */
static void no_connection(struct sim *s, unsigned i, const struct gust_pkt *p)
{
	struct gust_pkt *r = tcp_reset_for(s->pool, p, &s->end[i].caps);
	struct gust_batch out;

	if (!r)
		return;
	gust_batch_init(&out);
	gust_batch_push(&out, r);
	while ((r = gust_batch_pop(&out))) {
		if (r->need & GUST_F_CSUM)
			pkt_csum_complete(r);
		link_send(s, i, r);
	}
}

static bool arrive(struct sim *s, unsigned i, struct gust_pkt *p /*taken*/)
{
	struct sim_end *e = &s->end[i];
	unsigned ev;

	if (!pkt_csum_verify(p)) {
		pkt_free(p);
		return fail(s, "bad checksum on the wire", i);
	}
	if (!e->open && !e->closed && i == 1) {
		if (!tcp_listen_syn(&e->t, p, &s->env)) {
			e->open = e->accept_due = true;
			e->accept_at_us = s->env.now_us + e->app.accept_us;
		} else {
			no_connection(s, i, p);
		}
		pkt_free(p);
		return true;
	}
	if (!e->open || e->t.state == TCPS_CLOSED) {
		no_connection(s, i, p);
		pkt_free(p);
		return true;
	}
	ev = tcp_input(&e->t, p, &s->env);
	if (ev == TCP_EV_REUSE)
		pkt_free(p);
	return sort_events(s, i, ev);
}

/* `n` bytes of the stream into a slab and into the send queue. */
static bool app_send(struct sim *s, unsigned i, uint32_t n)
{
	struct sim_end *e = &s->end[i];
	struct gust_frag f[3];
	uint32_t k, at = 0, part;
	unsigned nf = 0;
	int r;

	if (!s->src || s->src->cap - s->src->used < n) {
		if (s->src)
			slab_unref(s->src);
		s->src = slab_new(s->pool);
		if (!s->src)
			return fail(s, "no slab for the application", i);
		s->src->used = 0;
	}
	for (k = 0; k < n; k++)
		s->src->data[s->src->used + k] =
			tcpcheck_byte(e->check.key, e->sent + k);
	for (nf = 0; nf < 3 && at < n; nf++) {
		part = nf == 2 ? n - at : 1 + rng_below(&s->rng, n - at);
		f[nf] = (struct gust_frag){ .slab = s->src, .len = part };
		f[nf].p = s->src->data + s->src->used + at;
		slab_ref(s->src);
		at += part;
	}
	r = tcp_send(&e->t, f, nf);
	if (r < 0) {
		while (nf)
			slab_unref(f[--nf].slab);
		return fail(s, r == -EPIPE ? "tcp_send: -EPIPE" : "tcp_send failed",
			    i);
	}
	s->src->used += n;
	e->sent += n;
	return true;
}

static bool app_write(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];

	if (!(e->events & TCP_EV_ESTABLISHED) && !(e->app.early && i == 0))
		return true;
	if (e->app.after_eof && !e->eof)
		return true;
	while (e->sent < e->app.total) {
		uint32_t n = tcp_send_space(&e->t),
			 max = e->app.chunk ? e->app.chunk : 65536;

		if (!n)
			return true;
		if (n > max)
			n = 1 + rng_below(&s->rng, max);
		if (n > e->app.total - e->sent)
			n = (uint32_t)(e->app.total - e->sent);
		if (!app_send(s, i, n))
			return false;
	}
	/* closing a connection that is not open yet abandons it (RFC 9293 3.10.4) */
	if (!e->shut && !e->app.keep_open && e->events & TCP_EV_ESTABLISHED) {
		tcp_shutdown(&e->t, &s->env);
		e->shut = true;
	}
	return true;
}

static bool compare(struct sim *s, unsigned i, const uint8_t *p, size_t n)
{
	struct sim_end *e = &s->end[i];
	uint32_t key = s->end[!i].check.key;
	size_t k;

	for (k = 0; k < n; k++)
		if (p[k] != tcpcheck_byte(key, e->received + k))
			return fail(s, "received a wrong byte", i);
	e->received += n;
	if (e->received > s->end[!i].sent)
		return fail(s, "received more than was sent", i);
	return true;
}

static bool app_read_some(struct sim *s, unsigned i, uint32_t max)
{
	struct sim_end *e = &s->end[i];
	struct iovec iov[16];
	struct gust_frag f[4];
	uint32_t len = 0, sum = 0;
	unsigned n, k;
	bool ok = true;

	if (e->app.take && max >= tcp_readable(&e->t)) {
		n = tcp_take(&e->t, f, 4, &len, &s->env);
		for (k = 0; k < n; k++) {
			ok = ok && compare(s, i, f[k].p, f[k].len);
			sum += f[k].len;
			frag_unref(&f[k]);
		}
		if (sum != len)
			return fail(s, "tcp_take: lengths differ", i);
		return ok;
	}
	n = tcp_peek(&e->t, iov, 16);
	for (k = 0; k < n && len < max && ok; k++) {
		uint32_t m = iov[k].iov_len < max - len ? (uint32_t)iov[k].iov_len :
							  max - len;

		ok = compare(s, i, iov[k].iov_base, m);
		len += m;
	}
	if (!len)
		return fail(s, "readable, and nothing to peek at", i);
	tcp_consume(&e->t, len, &s->env);
	return ok;
}

static bool app_read(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];
	uint64_t now = s->env.now_us;
	uint32_t left = e->app.read_max ? e->app.read_max : UINT32_MAX;

	if (e->detached || now < e->app.stall_us || now < e->next_read_us)
		return true;
	while (left && tcp_readable(&e->t)) {
		uint32_t was = tcp_readable(&e->t);

		if (!app_read_some(s, i, left))
			return false;
		left -= was - tcp_readable(&e->t);
		if (e->done_us && now - e->done_us > e->gap_us)
			e->gap_us = now - e->done_us;
		e->done_us = now;
		e->next_read_us = now + e->app.read_every_us;
	}
	if (tcp_at_eof(&e->t))
		e->eof = true;
	return true;
}

static bool app_turn(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];

	if (e->accept_due) {
		if (s->env.now_us < e->accept_at_us)
			return true;
		e->accept_due = false;
		tcp_accept(&e->t, &s->env);
	}
	if (e->app.detach_us && !e->detached && s->env.now_us >= e->app.detach_us) {
		e->detached = true;
		tcp_detach(&e->t, &s->env);
	}
	if (!app_read(s, i))
		return false;
	if (e->app.abort_after && e->received >= e->app.abort_after &&
	    !e->aborted) {
		e->aborted = true;
		tcp_abort(&e->t, &s->env);
		return true;
	}
	if (e->aborted ||
	    e->events & (TCP_EV_RESET | TCP_EV_TIMEOUT | TCP_EV_ERROR))
		return true;
	if (e->t.state != TCPS_CLOSED && e->t.state != TCPS_TIME_WAIT &&
	    !app_write(s, i))
		return false;
	tcp_compact(&e->t);
	return true;
}

static bool output(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];
	struct gust_batch out, wire;
	struct gust_pkt *p;
	bool ok = true;

	gust_batch_init(&out);
	gust_batch_init(&wire);
	tcp_output(&e->t, &out, &s->env);
	if (!tcpcheck_state(&e->check))
		ok = fail(s, e->check.why, i);
	while ((p = gust_batch_pop(&out))) {
		if (ok && !tcpcheck_output(&e->check, p))
			ok = fail(s, e->check.why, i);
		if (s->keep_super) {
			gust_batch_push(&wire, p);
			continue;
		}
		if (testfit(p,
			    &(struct port_caps){ .mtu = e->caps.mtu,
						 .gso_max4 = e->caps.mtu,
						 .gso_max6 = e->caps.mtu },
			    &wire) != DROP_NONE)
			ok = fail(s, "testfit() refused a packet", i);
	}
	while ((p = gust_batch_pop(&wire)))
		link_send(s, i, p);
	if (ok && !tcpcheck_live(&e->check))
		ok = fail(s, e->check.why, i);
	return ok && !s->why[0];
}

static bool turn(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];

	if (!e->open)
		return true;
	if (e->t.state != TCPS_CLOSED && tcp_deadline(&e->t) <= s->env.now_us &&
	    !sort_events(s, i, tcp_timer(&e->t, &s->env)))
		return false;
	if (!app_turn(s, i) || !output(s, i))
		return false;
	/* what was acknowledged stays readable after the end */
	if (e->t.state == TCPS_CLOSED && (!tcp_readable(&e->t) || e->detached)) {
		e->eof |= tcp_at_eof(&e->t);
		e->open = false;
		e->closed = true;
		if (!e->closed_us)
			e->closed_us = s->env.now_us;
		tcp_free(&e->t);
	}
	return true;
}

/* ---- the loop ---- */

static uint64_t next_time(struct sim *s)
{
	uint64_t t = s->nheap ? s->heap[0].at_us : ENV_NEVER, d;
	unsigned i;

	for (i = 0; i < s->nact; i++)
		if (s->act[i].fn && s->act[i].at_us < t)
			t = s->act[i].at_us;
	for (i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];

		if (!e->open)
			continue;
		if (e->accept_due && e->accept_at_us < t)
			t = e->accept_at_us;
		d = tcp_deadline(&e->t);
		if (d < t)
			t = d;
		if ((tcp_readable(&e->t) || (tcp_at_eof(&e->t) && !e->eof)) &&
		    !e->detached) {
			d = e->next_read_us > e->app.stall_us ? e->next_read_us :
								e->app.stall_us;
			if (d < t)
				t = d;
		}
		if (e->app.detach_us && !e->detached && e->app.detach_us < t)
			t = e->app.detach_us;
	}
	return t;
}

static bool arrivals(struct sim *s)
{
	while (s->nheap && s->heap[0].at_us <= s->env.now_us) {
		struct sim_event ev = heap_pop(s);
		struct sim_end *e = &s->end[ev.to];

		if (ev.p) {
			if (!arrive(s, ev.to, ev.p))
				return false;
		} else if (e->open && e->t.state != TCPS_CLOSED) {
			if (!sort_events(s, ev.to,
					 tcp_icmp(&e->t, &ev.icmp, &s->env)))
				return false;
		}
	}
	return true;
}

static void acts(struct sim *s)
{
	unsigned i;

	for (i = 0; i < s->nact; i++) {
		void (*fn)(struct sim *) = s->act[i].fn;

		if (fn && s->act[i].at_us <= s->env.now_us) {
			s->act[i].fn = NULL;
			fn(s);
		}
	}
}

bool sim_run(struct sim *s, uint64_t limit_us)
{
	uint64_t stop = s->env.now_us + limit_us;
	unsigned same = 0;

	if (!s->turns)
		start(s);
	for (;;) {
		uint64_t t;

		s->turns++;
		if (!arrivals(s) || !turn(s, 0) || !turn(s, 1))
			return false;
		if (s->end[0].closed && (s->end[1].closed || !s->end[1].open) &&
		    !s->nheap)
			return true;
		t = next_time(s);
		if (t == ENV_NEVER)
			return fail(s, "nothing can happen any more",
				    !s->end[1].closed);
		if (t > stop) {
			s->env.now_us = stop;
			return fail(s, "time is up", !s->end[1].closed);
		}
		if (t > s->env.now_us) {
			s->env.now_us = t;
			same = 0;
		} else if (++same > SAME_TIME_TURNS) {
			return fail(s, "time stands still", !s->end[1].closed);
		}
		acts(s);
	}
}

unsigned sim_free(struct sim *s)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		tcp_free(&s->end[i].t);
	while (s->nheap)
		pkt_free(heap_pop(s).p);
	free(s->heap);
	if (s->fill)
		slab_unref(s->fill);
	if (s->src)
		slab_unref(s->src);
	return pkt_pool_free(s->pool);
}

bool sim_complete(const struct sim *s, unsigned i)
{
	const struct sim_end *e = &s->end[i], *o = &s->end[!i];

	return e->eof && e->received == o->app.total && o->sent == o->app.total;
}
