/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_udp.c - UDP mappings: one host socket for one inside address and port
 *
 * Mapping is endpoint-independent (RFC 4787 REQ-1), filtering address-dependent
 * or endpoint-independent by configuration (REQ-8). The socket is not
 * connected; a second one exists only where the host's loopback cannot be
 * reached by the first, because that is bound to a device or an address.
 *
 * Datagrams of a batch are collected and leave at the flow's visit, so that
 * equal ones share a system call. Limits: `max_udp` mappings; UDP_QUEUE_MAX
 * bytes wait for a socket that is full; PEERS_MAX addresses are remembered for
 * filtering, and beyond that a new one takes the place of an old one.
 *
 * ICMP errors from the inside about datagrams that we delivered end here: a
 * host socket has no way to send them on.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"

#define DNS_PORT 53

/* ---- addresses that a mapping has sent to ---- */

static uint32_t peer_slot(const struct ipaddr *a)
{
	uint64_t x, y;

	memcpy(&x, a->b, 8);
	memcpy(&y, a->b + 8, 8);
	/* Crowding a slot only makes one's own mapping slower. */
	return ((x ^ y * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu) >> 40;
}

static bool tab_put(struct ipaddr *tab, uint32_t cap, const struct ipaddr *a)
{
	for (uint32_t i = peer_slot(a), n = 0; n < cap; i++, n++) {
		struct ipaddr *t = &tab[i & (cap - 1)];

		if (ipaddr_eq(t, a))
			return false;
		if (!ipaddr_eq(t, &(struct ipaddr){ 0 }))
			continue;
		*t = *a;
		return true;
	}
	return false;
}

static bool peers_grow(struct udp_peers *p)
{
	uint32_t cap = p->cap ? p->cap * 4 : 32;
	struct ipaddr *tab = calloc(cap, sizeof(*tab));

	if (!tab)
		return false;
	for (uint32_t i = 0; i < p->cap; i++)
		if (!ipaddr_eq(&p->tab[i], &(struct ipaddr){ 0 }))
			tab_put(tab, cap, &p->tab[i]);
	free(p->tab);
	p->tab = tab;
	p->cap = cap;
	return true;
}

bool udp_peer_has(const struct udp_flow *u, const struct ipaddr *a)
{
	const struct udp_peers *p = &u->peers;
	uint32_t few = p->n < PEERS_INLINE ? p->n : PEERS_INLINE;

	for (uint32_t i = 0; i < few; i++)
		if (ipaddr_eq(&p->few[i], a))
			return true;
	for (uint32_t i = peer_slot(a), n = 0; n < p->cap; i++, n++) {
		const struct ipaddr *t = &p->tab[i & (p->cap - 1)];

		if (ipaddr_eq(t, a))
			return true;
		if (ipaddr_eq(t, &(struct ipaddr){ 0 }))
			return false;
	}
	return false;
}

void udp_peer_add(struct udp_flow *u, const struct ipaddr *a)
{
	struct udp_peers *p = &u->peers;

	if (udp_peer_has(u, a))
		return;
	if (p->n < PEERS_INLINE) {
		p->few[p->n++] = *a;
		return;
	}
	if (p->n >= PEERS_MAX) {
		/* Full: the newest matters most, it is about to be answered. */
		p->few[p->n++ % PEERS_INLINE] = *a;
		if (p->n >= 2 * PEERS_MAX)
			p->n = PEERS_MAX;
		return;
	}
	/* At most half full, so that probing ends soon. */
	if ((p->n - PEERS_INLINE + 1) * 2 > p->cap && !peers_grow(p)) {
		p->few[p->n % PEERS_INLINE] = *a;
		return;
	}
	if (tab_put(p->tab, p->cap, a))
		p->n++;
}

/* ---- life ---- */

void udp_sock_ready(struct stack_fd *sf, unsigned events)
{
	struct udp_sock *us = container_of(sf, struct udp_sock, sf);
	bool news = events & (STACK_FD_READ | STACK_FD_ERR);

	if (news)
		us->rd = true;
	if (events & (STACK_FD_WRITE | STACK_FD_ERR)) {
		news |= !us->wr;
		us->wr = true;
	}
	if (!news)
		return;
	if (us->u)
		flow_run(us->s, &us->u->f);
	else if (!list_linked(&us->pub->run))
		list_add_tail(&us->s->pub_run, &us->pub->run);
}

struct udp_flow *udp_flow_new(struct stack *s, const struct flow_key *k,
			      struct udp_publish *pub, enum drop_reason *ret_why)
{
	struct udp_flow *u;

	*ret_why = DROP_FLOW_LIMIT;
	if (s->draining || s->n_udp >= limit_or(s->snap->max_udp, MAX_UDP))
		return NULL;
	u = obj_get(&s->o_udp);
	if (!u)
		return NULL;
	u->s = s;
	u->f.kind = pub ? FLOW_UDP_PUBLISH : FLOW_UDP;
	u->f.ent.key = *k;
	u->gso_limit = UINT16_MAX;
	u->life.only_dns = !pub;
	u->life.last_out_us = s->env->now_us;
	gust_batch_init(&u->txq);
	for (int i = 0; i < 2; i++) {
		u->sk[i].sf.fd = -1;
		u->sk[i].sf.ready = udp_sock_ready;
		u->sk[i].s = s;
		u->sk[i].u = u;
		u->sk[i].df = -1;
	}
	if (stack_insert(s, &u->f) < 0) {
		obj_put(&s->o_udp, u);
		return NULL;
	}
	u->pub = pub;
	if (pub)
		list_add_tail(&pub->flows, &u->pub_link);
	s->n_udp++;
	s->st.udp_opened++;
	wheel_arm(s->wheel, &u->f.timer, udp_expiry(&s->snap->udp, &u->life));
	*ret_why = DROP_NONE;
	return u;
}

void udp_flow_free(struct stack *s, struct udp_flow *u)
{
	stack_remove(s, &u->f);
	list_del(&u->pub_link);
	for (int i = 0; i < 2; i++)
		stack_fd_close(s, &u->sk[i].sf);
	pkt_batch_free(&u->txq);
	free(u->peers.tab);
	s->n_udp--;
	obj_put(&s->o_udp, u);
}

void udp_flow_timer(struct stack *s, struct udp_flow *u)
{
	uint64_t at = udp_expiry(&s->snap->udp, &u->life);

	if (at <= s->env->now_us && !u->txq.n) {
		udp_flow_free(s, u);
		return;
	}
	if (at <= s->env->now_us)
		at = s->env->now_us + RETRY_US;
	wheel_arm(s->wheel, &u->f.timer, at);
}

void udp_flow_visit(struct stack *s, struct udp_flow *u)
{
	bool more = false;

	if (u->txq.n)
		udp_flush(s, u);
	for (int i = 0; i < 2; i++)
		if (u->sk[i].sf.fd >= 0 && u->sk[i].rd)
			more |= udp_recv(s, &u->sk[i]);
	if (u->f.nomem && s->env->now_us + RETRY_US < u->f.timer.deadline_us)
		wheel_arm(s->wheel, &u->f.timer, s->env->now_us + RETRY_US);
	if (more)
		flow_run(s, &u->f);
}

/* ---- from the inside ---- */

static void enqueue(struct stack *s, struct udp_flow *u,
		    struct gust_pkt *p /*taken*/, uint16_t dport)
{
	uint32_t len = pkt_payload_len(p);

	/* An empty datagram occupies something, too. */
	if (u->txq.n && u->tx_bytes + len + 64 > UDP_QUEUE_MAX) {
		udp_flush(s, u);
		if (u->tx_bytes + len + 64 > UDP_QUEUE_MAX && u->txq.n) {
			drop_count(s->drops, DROP_UDP_QUEUE, pkt_segs(p));
			pkt_free(p);
			return;
		}
	}
	u->life.last_out_us = s->env->now_us;
	u->life.n_out++;
	if (dport != DNS_PORT)
		u->life.only_dns = false;
	u->bytes_in += len;
	u->tx_bytes += len + 64;
	gust_batch_push(&u->txq, p);
	flow_run(s, &u->f);
}

/*
 * Judge a destination that is not the last one. DROP_NONE, or why not; then the
 * packet was answered where an answer is due, and is still the caller's.
 */
static enum drop_reason judge(struct stack *s, const struct gust_pkt *p,
			      const struct ipaddr *dst)
{
	enum drop_reason r = stack_check_dst(s, dst);
	struct ipaddr host;

	if (r != DROP_NONE)
		return r;
	if (stack_map_out(s, dst, &host) < 0) {
		stack_icmp_error(s, p, ICMP_E_PORT_UNREACH, 0, dst);
		return DROP_UDP_NO_FLOW;
	}
	return DROP_NONE;
}

static bool hop_ended(struct stack *s, struct gust_pkt *p /*taken when true*/,
		      bool own)
{
	if (own || pkt_ttl(p) > 1)
		return false;
	stack_icmp_error(s, p, ICMP_E_TTL, 0, NULL);
	stack_drop(s, p, DROP_TTL);
	return true;
}

static void input_slow(struct stack *s, struct udp_flow *u,
		       struct gust_pkt *p /*taken*/, const struct flow_key *k,
		       const struct ipaddr *dst, uint16_t dport)
{
	bool own = stack_is_own(s, dst);
	enum drop_reason r;
	int kind;

	r = u ? DROP_NONE : stack_check_src(s, &k->in);
	kind = r == DROP_NONE && own ? service_kind(s, dport) : -1;
	if (kind >= 0) {
		service_udp(s, p, kind);
		return;
	}
	if (r == DROP_NONE)
		r = judge(s, p, dst);
	if (r == DROP_NONE && hop_ended(s, p, own))
		return;
	if (r == DROP_NONE && !u)
		u = udp_flow_new(s, k, NULL, &r);
	if (!u || r != DROP_NONE) {
		stack_drop(s, p, r);
		return;
	}
	u->ok_dst = *dst;
	u->ok_port = dport;
	u->ok_own = own;
	enqueue(s, u, p, dport);
}

void udp_input(struct stack *s, struct gust_pkt *p /*taken*/,
	       const struct flow_key *k)
{
	uint16_t dport = get16(p->head + pkt_l4(p)->off + 2);
	struct udp_flow *u;
	struct ipaddr src, dst;
	struct flow *f;
	uint8_t proto;

	pkt_addrs(p, &src, &dst, &proto);
	if (s->n_pub && (u = publish_udp_find(s, k, &dst, dport))) {
		enqueue(s, u, p, dport);
		return;
	}
	f = stack_find(s, k);
	u = f ? container_of(f, struct udp_flow, f) : NULL;
	if (!u || u->ok_port != dport || !ipaddr_eq(&u->ok_dst, &dst))
		input_slow(s, u, p, k, &dst, dport);
	else if (!hop_ended(s, p, u->ok_own))
		enqueue(s, u, p, dport);
}
