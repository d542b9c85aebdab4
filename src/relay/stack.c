/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - the object: turn, timers, snapshots, memory for host data
 *
 * See stack_internal.h for the theory of operation.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pkt/dissect.h"
#include "relay/stack_internal.h"

/* ---- life ---- */

static void take_snap(struct stack *s, const struct stack_snap *snap)
{
	s->snap = snap;
	s->caps = snap->to_inside;
	s->tctx.conf = &snap->tcp;
	s->tctx.caps = &s->caps;
	s->split_lo = snap->mark || snap->device[0] ||
		      !ipaddr_is_any(&snap->source4) ||
		      !ipaddr_is_any(&snap->source6);
}

struct stack *stack_new(const struct stack_snap *snap, struct pkt_pool *pool,
			const struct siphash_key *secret, unsigned worker,
			unsigned nworkers, const struct stack_io *io,
			struct drop_counters *drops, const struct env *env)
{
	struct stack *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->pool = pool;
	s->secret = *secret;
	s->worker = worker;
	s->nworkers = nworkers ? nworkers : 1;
	s->io = *io;
	s->drops = drops;
	s->env = env;
	s->tctx.pool = pool;
	s->tctx.drops = drops;
	take_snap(s, snap);
	list_init(&s->run);
	list_init(&s->acc_run);
	list_init(&s->pub_run);
	for (int i = 0; i < TQ_N; i++)
		list_init(&s->tq[i]);
	gust_batch_init(&s->outq);
	gust_batch_init(&s->synq);
	s->syn_left = SYN_IDLE;
	s->budget = TURN_BUDGET;
	s->ip_id = rng_u32(env->rng);
	s->port_tries = rng_u32(env->rng);
	obj_init(&s->o_service, sizeof(struct tcp_flow));
	obj_init(&s->o_relay, sizeof(struct tcp_relay));
	obj_init(&s->o_udp, sizeof(struct udp_flow));
	obj_init(&s->o_ping, sizeof(struct ping_flow));
	s->tab = flow_table_new(secret, UINT32_C(1) << 26); /* limits are by kind */
	s->wheel = wheel_new(env->now_us);
	s->reasm = reasm_new(pool, &(struct reasm_conf){ 0 });
	s->pmtu = pmtu_new(0);
	if (!s->tab || !s->wheel || !s->reasm || !s->pmtu) {
		struct gust_batch none;

		gust_batch_init(&none);
		stack_free(s, &none, env);
		return NULL;
	}
	return s;
}

static void free_flow(struct stack *s, struct flow *f)
{
	switch (f->kind) {
	case FLOW_UDP:
	case FLOW_UDP_PUBLISH:
		udp_flow_free(s, container_of(f, struct udp_flow, f));
		return;
	case FLOW_PING:
		ping_flow_free(s, container_of(f, struct ping_flow, f));
		return;
	default:
		tcp_flow_free(s, container_of(f, struct tcp_flow, f));
	}
}

static bool is_tcp(const struct flow *f)
{
	return f->kind <= FLOW_CHARGEN;
}

static void free_flows(struct stack *s, struct gust_batch *out)
{
	for (;;) {
		uint32_t pos = 0;
		struct flow_ent *e = flow_table_next(s->tab, &pos);
		struct flow *f;

		if (!e)
			return;
		/* From here on: a removal may move entries, but none is lost. */
		do {
			f = container_of(e, struct flow, ent);
			if (is_tcp(f)) {
				struct tcp_flow *c =
					container_of(f, struct tcp_flow, f);

				tcp_abort(&c->t, s->env);
				tcp_output(&c->t, out, s->env);
			}
			free_flow(s, f);
		} while ((e = flow_table_next(s->tab, &pos)));
	}
}

void stack_free(struct stack *s, struct gust_batch *out, const struct env *env)
{
	struct list *l;

	if (!s)
		return;
	s->env = env;
	publish_close(s);
	if (s->tab && s->wheel)
		free_flows(s, out);
	while ((l = list_first(&s->tq[TQ_ORPHAN])))
		tcp_flow_free(s, container_of(l, struct tcp_flow, q));
	publish_udp_close(s);
	gust_batch_splice(out, &s->outq);
	pkt_batch_free(&s->synq);
	slab_unref(s->rd_slab);
	slab_unref(s->gen_slab);
	if (s->reasm)
		reasm_free(s->reasm);
	if (s->pmtu)
		pmtu_free(s->pmtu);
	if (s->wheel)
		wheel_free(s->wheel);
	if (s->tab)
		flow_table_free(s->tab);
	obj_fini(&s->o_service);
	obj_fini(&s->o_relay);
	obj_fini(&s->o_udp);
	obj_fini(&s->o_ping);
	free(s);
}

/*
 * Connections see a new MTU when they are next touched, before anything is
 * sent: an idle one has nothing that could be too large.
 */
void stack_set_snap(struct stack *s, const struct stack_snap *snap,
		    const struct env *env)
{
	uint32_t mtu = s->caps.mtu;

	s->env = env;
	take_snap(s, snap);
	if (s->caps.mtu != mtu)
		s->mtu_gen++;
}

void stack_drain(struct stack *s)
{
	s->draining = true;
	publish_close(s);
	pkt_batch_free(&s->synq);
}

uint32_t stack_flows(const struct stack *s)
{
	uint32_t n = s->n_tcp - s->n_tq[TQ_TIME_WAIT];

	return s->draining ? n : n + s->n_udp + s->n_echo;
}

/* ---- flows ---- */

struct flow *stack_find(struct stack *s, const struct flow_key *k)
{
	struct flow_ent *e;

	/* Packets come in trains. */
	if (s->last && flow_key_eq(&s->last->ent.key, k))
		return s->last;
	e = flow_table_find(s->tab, k, flow_table_hash(s->tab, k));
	if (!e)
		return NULL;
	s->last = container_of(e, struct flow, ent);
	return s->last;
}

int stack_insert(struct stack *s, struct flow *f)
{
	int r = flow_table_insert(s->tab, &f->ent);

	if (r < 0)
		return r;
	wtimer_init(&f->timer);
	f->born_us = s->env->now_us;
	return 0;
}

void stack_remove(struct stack *s, struct flow *f)
{
	if (s->last == f)
		s->last = NULL;
	flow_table_remove(s->tab, &f->ent);
	wheel_cancel(s->wheel, &f->timer);
	list_del(&f->run);
}

/* ---- the turn ---- */

static void expire_flow(struct stack *s, struct flow *f)
{
	if (f->nomem) {
		f->nomem = false;
		flow_run(s, f);
	}
	if (is_tcp(f))
		tcp_flow_timer(s, container_of(f, struct tcp_flow, f));
	else if (f->kind == FLOW_PING)
		ping_flow_timer(s, container_of(f, struct ping_flow, f));
	else
		udp_flow_timer(s, container_of(f, struct udp_flow, f));
}

static void expire(struct stack *s)
{
	struct list due, *l;

	list_init(&due);
	wheel_advance(s->wheel, s->env->now_us, &due);
	while ((l = list_first(&due))) {
		list_del(l);
		expire_flow(s, container_of(container_of(l, struct wtimer, link),
					    struct flow, timer));
	}
}

static void expire_fragments(struct stack *s)
{
	struct gust_batch first;
	struct gust_pkt *p;
	unsigned n;

	if (reasm_deadline(s->reasm) > s->env->now_us)
		return;
	gust_batch_init(&first);
	n = reasm_expire(s->reasm, s->env, &first);
	if (n)
		drop_count(s->drops, DROP_FRAG_TIMEOUT, n);
	while ((p = gust_batch_pop(&first))) {
		stack_icmp_error(s, p, ICMP_E_REASM_TIME, 0, NULL);
		pkt_free(p);
	}
}

static void visit(struct stack *s, struct flow *f)
{
	switch (f->kind) {
	case FLOW_UDP:
	case FLOW_UDP_PUBLISH:
		udp_flow_visit(s, container_of(f, struct udp_flow, f));
		return;
	case FLOW_PING:
		ping_flow_visit(s, container_of(f, struct ping_flow, f));
		return;
	default:
		tcp_flow_visit(s, container_of(f, struct tcp_flow, f));
	}
}

/*
 * Every flow on the list once. One that stopped for a budget goes to the end of
 * the next turn's list; one that found the turn's budget gone goes to its front.
 */
static void run_flows(struct stack *s)
{
	struct list now, starved, *l;

	list_init(&now);
	list_init(&starved);
	list_splice_tail(&now, &s->run);
	while ((l = list_first(&now))) {
		struct flow *f = container_of(l, struct flow, run);
		bool none = !s->budget;

		list_del(l);
		f->again = false;
		/* `f` may be gone after a visit, unless it is linked again. */
		visit(s, f);
		if (none && !list_empty(&s->run) && s->run.prev == l) {
			list_del(l);
			list_add_tail(&starved, l);
		}
	}
	list_splice_tail(&starved, &s->run);
	list_splice_tail(&s->run, &starved);
}

static bool has_work(const struct stack *s)
{
	bool pub = !list_empty(&s->acc_run) || !list_empty(&s->pub_run);

	return !list_empty(&s->run) || s->synq.n || (pub && !s->retry_us);
}

bool stack_turn(struct stack *s, struct gust_batch *out, const struct env *env)
{
	s->env = env;
	s->syn_left = s->moved > READ_LOW ? SYN_BUSY : SYN_IDLE;
	s->budget = TURN_BUDGET;
	s->moved = 0;
	expire(s);
	expire_fragments(s);
	stack_syns(s);
	if (s->retry_us <= s->env->now_us) {
		s->retry_us = 0;
		publish_accept(s);
		publish_udp_run(s);
	}
	run_flows(s);
	gust_batch_splice(out, &s->outq);
	return has_work(s);
}

uint64_t stack_deadline(const struct stack *s)
{
	uint64_t a = wheel_next(s->wheel), b = reasm_deadline(s->reasm);

	if (has_work(s))
		return s->env->now_us;
	if (s->retry_us && s->retry_us < a)
		a = s->retry_us;
	return a < b ? a : b;
}

/* ---- output ---- */

uint32_t stack_mtu(const struct stack *s, const struct ipaddr *dst)
{
	if (!s->pmtu_used)
		return s->caps.mtu;
	return pmtu_get(s->pmtu, dst, s->caps.mtu, s->env);
}

void stack_push(struct stack *s, struct gust_pkt *p /*taken*/)
{
	struct ipaddr src, dst;
	uint8_t proto;
	uint32_t mtu;
	int r;

	if (p->gso_size || p->len <= (s->pmtu_used ? PMTU_MIN4 : s->caps.mtu)) {
		gust_batch_push(&s->outq, p);
		return;
	}
	pkt_addrs(p, &src, &dst, &proto);
	mtu = stack_mtu(s, &dst);
	if (p->len <= mtu) {
		gust_batch_push(&s->outq, p);
		return;
	}
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	r = ip_fragment(p, mtu,
			ipaddr_is4(&dst) ? s->ip_id++ : rng_u32(s->env->rng),
			&s->outq);
	if (r < 0)
		stack_drop(s, p, r == -EMSGSIZE ? DROP_TOO_BIG : DROP_NO_PKT);
}

/* ---- memory for host data ---- */

uint8_t *stack_read_room(struct stack *s, uint32_t want, uint32_t *ret_len)
{
	struct gust_slab *b = s->rd_slab, *n;
	uint32_t low = want < READ_ROOM ? want : READ_ROOM, room;

	if (low < UDP_READ_MAX)
		low = UDP_READ_MAX;
	if (b && slab_sole(b))
		b->used = 0;
	room = b ? b->cap - b->used : 0;
	if (room < low) {
		n = slab_new(s->pool);
		if (n) {
			slab_unref(b);
			s->rd_slab = b = n;
			b->used = 0;
			room = b->cap;
		} else if (room < UDP_READ_MAX) {
			return NULL;
		}
	}
	*ret_len = room;
	return b->data + b->used;
}

void stack_read_take(struct stack *s, uint8_t *p, uint32_t len,
		     struct gust_frag *ret)
{
	struct gust_slab *b = s->rd_slab;
	uint32_t end = p + len - b->data;

	assert(end <= b->cap);
	/* The next piece begins on a cache line. */
	end = (end + 63) & ~63u;
	b->used = end < b->cap ? end : b->cap;
	slab_ref(b);
	ret->p = p;
	ret->slab = b;
	ret->len = len;
}

void stack_fd_close(struct stack *s, struct stack_fd *sf)
{
	if (sf->fd < 0)
		return;
	if (sf->loop)
		s->io.del(s->io.ctx, sf);
	close(sf->fd);
	sf->fd = -1;
}
