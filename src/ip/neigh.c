/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.c - the neighbour cache of a tap, for IPv4 and IPv6 alike
 *
 * Theory of operation
 *
 * A neighbour is INCOMPLETE (asked for; packets wait), REACHABLE, or PROBE: it
 * was REACHABLE, nothing was heard of it for REACHABLE_US, a packet for it came,
 * and while that packet and those after it still go to the address known, the
 * neighbour is asked again by unicast. RFC 4861 7.3 has two more states, STALE
 * and DELAY; here a REACHABLE entry that is old is STALE, and DELAY, which waits
 * for hints from TCP, is not needed, because every frame from a neighbour is
 * such a hint: its source is learned and confirms the entry. A neighbour with
 * traffic is therefore never asked again.
 *
 * All requests are RETRANS_US apart, so the list of entries with a timer is
 * sorted by construction. `lru` orders all entries by last use, in either
 * direction; at the limit its first goes, whoever it is, so that a flood of
 * made-up sources displaces other made-up sources first. Entries that were not
 * used for IDLE_US go, too.
 *
 * Invariants
 *   - an entry has waiting packets only while it is INCOMPLETE;
 *   - it is on `timers` exactly while it is INCOMPLETE or PROBE.
 */
#include "ip/neigh_internal.h"

#include <stdlib.h>

#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"

#define ENT_MAX 4096
#define WAIT_MAX 8 /* packets for one neighbour */
#define WAIT_TOTAL 128 /* packets in all: each may pin a slab for three seconds */
#define TRIES 3 /* RFC 4861 10 MAX_MULTICAST_SOLICIT */
#define RETRANS_US UINT64_C(1000000) /* RFC 4861 10; RFC 1122 2.3.2.1 */
#define REACHABLE_US UINT64_C(30000000) /* RFC 4861 10 REACHABLE_TIME */
#define IDLE_US (600 * UINT64_C(1000000))
#define ND_MAX 512 /* bytes of a neighbour discovery message */

/* ---- entries ---- */

static struct neigh_ent **bucket_of(const struct neigh *n, const struct ipaddr *a)
{
	return &n->bucket[siphash13(&n->secret, a, sizeof(*a)) & (ENT_MAX - 1)];
}

static struct neigh_ent *ent_find(const struct neigh *n, const struct ipaddr *a)
{
	struct neigh_ent *e = *bucket_of(n, a);

	while (e && !ipaddr_eq(&e->addr, a))
		e = e->next;
	return e;
}

static void ent_drop(struct neigh *n, struct neigh_ent *e)
{
	struct neigh_ent **pp = bucket_of(n, &e->addr);

	n->n_wait -= e->wait.n;
	gust_batch_splice(&n->failed, &e->wait);
	while (*pp != e)
		pp = &(*pp)->next;
	*pp = e->next;
	list_del(&e->timer);
	list_del(&e->lru);
	list_add_head(&n->unused, &e->lru);
	if (n->last == e)
		n->last = NULL;
	n->n--;
}

static struct neigh_ent *ent_new(struct neigh *n, const struct ipaddr *a,
				 const struct env *env)
{
	struct neigh_ent **b, *e;

	if (n->n == ENT_MAX)
		ent_drop(n,
			 container_of(list_first(&n->lru), struct neigh_ent, lru));
	if (!list_empty(&n->unused)) {
		e = container_of(list_first(&n->unused), struct neigh_ent, lru);
		list_del(&e->lru);
	} else {
		e = &n->ent[n->n_made++];
	}
	b = bucket_of(n, a);
	*e = (struct neigh_ent){ .addr = *a, .next = *b, .used_us = env->now_us };
	*b = e;
	list_add_tail(&n->lru, &e->lru);
	n->n++;
	return e;
}

static void ent_touch(struct neigh *n, struct neigh_ent *e, const struct env *env)
{
	e->used_us = env->now_us;
	if (n->lru.prev != &e->lru) {
		list_del(&e->lru);
		list_add_tail(&n->lru, &e->lru);
	}
}

static void ent_timer(struct neigh *n, struct neigh_ent *e, const struct env *env)
{
	e->due_us = env->now_us + RETRANS_US;
	list_del(&e->timer);
	list_add_tail(&n->timers, &e->timer);
}

/* The neighbour is at `mac`: what waits for it goes. */
static void ent_confirm(struct neigh *n, struct neigh_ent *e,
			const struct ethaddr *mac, struct gust_batch *out,
			const struct env *env)
{
	struct gust_pkt *p;

	e->mac = *mac;
	e->state = NEIGH_REACHABLE;
	e->confirmed_us = env->now_us;
	list_del(&e->timer);
	n->n_wait -= e->wait.n;
	while ((p = gust_batch_pop(&e->wait))) {
		neigh_eth_push(n, p, mac);
		gust_batch_push(out, p);
	}
}

/* STALE: the next packet asks. (The subtraction may wrap; so does the other.) */
static void ent_doubt(struct neigh_ent *e, const struct env *env)
{
	e->confirmed_us = env->now_us - REACHABLE_US - 1;
}

/* Ask. `src`: source of the packet that makes us ask, or NULL. */
static void ent_ask(struct neigh *n, struct neigh_ent *e, const struct ipaddr *src,
		    struct gust_batch *out)
{
	const struct ethaddr *to = e->state == NEIGH_PROBE ? &e->mac : NULL;

	src = neigh_own_source(n, src, &e->addr);
	if (ipaddr_is4(&e->addr)) {
		struct ipaddr none = ipaddr_from4("\0\0\0");

		/* without an address of our own: a probe (RFC 5227), which is
		 * answered as well */
		neigh_send_arp(n, out, ARP_REQUEST, to, src ? src : &none,
			       &e->addr);
	} else if (src) {
		/* RFC 4861 4.3: an unspecified source would mean DAD; until an
		 * address is ours the packets wait for the next try */
		neigh_send_ns(n, out, src, &e->addr, to);
	}
}

struct neigh *neigh_new(struct pkt_pool *pool, const struct neigh_conf *conf)
{
	struct neigh *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->pool = pool;
	n->mac = conf->mac;
	n->responder = conf->responder;
	/* RFC 4291 appendix A: modified EUI-64 */
	n->linklocal = (struct ipaddr){ { 0xfe, 0x80, [8] = conf->mac.b[0] ^ 2,
					  conf->mac.b[1], conf->mac.b[2], 0xff,
					  0xfe, conf->mac.b[3], conf->mac.b[4],
					  conf->mac.b[5] } };
	list_init(&n->lru);
	list_init(&n->timers);
	list_init(&n->unused);
	gust_batch_init(&n->failed);
	n->ent = calloc(ENT_MAX, sizeof(*n->ent));
	n->bucket = calloc(ENT_MAX, sizeof(struct neigh_ent *));
	if (!n->ent || !n->bucket ||
	    neigh_own_set(n, conf->own, conf->n_own, 0) < 0) {
		neigh_free(n);
		return NULL;
	}
	return n;
}

void neigh_free(struct neigh *n)
{
	if (!n)
		return;
	while (n->ent && n->bucket && !list_empty(&n->lru))
		ent_drop(n,
			 container_of(list_first(&n->lru), struct neigh_ent, lru));
	pkt_batch_free(&n->failed);
	free(n->own);
	free(n->ent);
	free(n->bucket);
	free(n);
}

void neigh_set_own(struct neigh *n, const struct ipaddr *own, unsigned n_own,
		   const struct env *env)
{
	neigh_own_set(n, own, n_own, env->now_us);
	n->last = NULL; /* it may have become ours */
}

const struct ipaddr *neigh_linklocal(const struct neigh *n)
{
	return &n->linklocal;
}

uint32_t neigh_n(const struct neigh *n)
{
	return n->n;
}

/* Buckets are keyed once the first random number can be had. */
static void need_key(struct neigh *n, const struct env *env)
{
	if (n->keyed)
		return;
	n->secret.k0 = rng_u64(env->rng);
	n->secret.k1 = rng_u64(env->rng);
	n->keyed = true;
}

/* ---- input ---- */

static bool can_be_neighbour(const struct neigh *n, const struct ipaddr *a,
			     const struct ethaddr *mac)
{
	static const struct ethaddr zero;

	return !ipaddr_is_any(a) && !ipaddr_is_multicast(a) &&
	       !ipaddr_is_broadcast(a) && !ipaddr_is_loopback(a) &&
	       !ethaddr_is_group(mac) && memcmp(mac, &zero, sizeof(zero)) &&
	       !neigh_own_find(n, a);
}

/* `mac` has `a`. Unless `create`, only an entry that exists is changed. */
static void learn(struct neigh *n, const struct ipaddr *a,
		  const struct ethaddr *mac, bool create, struct gust_batch *out,
		  const struct env *env)
{
	struct neigh_ent *e = n->last;

	/* the usual frame comes from whom the last one came from */
	if (!e || !ipaddr_eq(&e->addr, a)) {
		if (!can_be_neighbour(n, a, mac))
			return;
		e = ent_find(n, a);
		if (!e && create)
			e = ent_new(n, a, env);
		if (!e)
			return;
		n->last = e;
	} else if (ethaddr_is_group(mac)) {
		return;
	}
	ent_touch(n, e, env);
	ent_confirm(n, e, mac, out, env);
}

static enum drop_reason arp_input(struct neigh *n, const struct gust_pkt *p,
				  const struct eth_hdr *eth, struct gust_batch *out,
				  const struct env *env)
{
	const struct gust_layer *l = &p->layer[1];
	struct neigh_own *sender, *target;
	struct arp_msg m;

	if (arp_parse(p->head + l->off, p->hlen - l->off, &m) < 0 ||
	    (m.op != ARP_REQUEST && m.op != ARP_REPLY) || ethaddr_is_group(&m.sha))
		return DROP_BAD_ARP;
	if (!memcmp(&m.sha, &n->mac, sizeof(n->mac)))
		return DROP_NONE; /* our own, come back */
	sender = neigh_own_find(n, &m.spa);
	target = neigh_own_find(n, &m.tpa);
	if (sender) { /* RFC 5227 2.1.1, 2.4 */
		neigh_own_conflict(n, sender, out, env);
		return DROP_NONE;
	}
	/* RFC 826: an entry that exists is brought up to date by any message, a
	 * new one is made when we are the one spoken to */
	learn(n, &m.spa, &m.sha,
	      target || !memcmp(&eth->dst, &n->mac, sizeof(n->mac)), out, env);
	if (!target || m.op != ARP_REQUEST || !n->responder)
		return DROP_NONE;
	if (target->state == NEIGH_DAD_OK)
		neigh_send_arp(n, out, ARP_REPLY, &m.sha, &target->addr, &m.spa);
	else if (target->state == NEIGH_DAD_TENTATIVE && ipaddr_is_any(&m.spa))
		/* both probe: RFC 5227 2.1.1 */
		neigh_own_conflict(n, target, out, env);
	return DROP_NONE;
}

static void ns_input(struct neigh *n, const struct nd_msg *m,
		     const struct ipaddr *src, const struct eth_hdr *eth,
		     struct gust_batch *out, const struct env *env)
{
	struct neigh_own *o = neigh_own_find(n, &m->target);
	const struct ethaddr *mac = m->has_lladdr ? &m->lladdr : &eth->src;

	if (!ipaddr_is_any(src) && m->has_lladdr) /* RFC 4861 7.2.3 */
		learn(n, src, mac, o != NULL, out, env);
	if (!o || !n->responder)
		return;
	if (o->state == NEIGH_DAD_TENTATIVE) {
		/* RFC 4862 5.4.3: another one probing for it means that it is
		 * not unique; a resolution is ignored */
		if (ipaddr_is_any(src))
			neigh_own_conflict(n, o, out, env);
	} else if (o->state == NEIGH_DAD_OK) {
		if (ipaddr_is_any(src)) /* RFC 4861 7.2.4: to all nodes */
			neigh_send_na(n, out, &m->target, NULL, NULL);
		else if (!ethaddr_is_group(mac))
			neigh_send_na(n, out, &m->target, src, mac);
	}
}

/* RFC 4861 7.2.5 */
static void na_input(struct neigh *n, const struct nd_msg *m,
		     struct gust_batch *out, const struct env *env)
{
	struct neigh_own *o = neigh_own_find(n, &m->target);
	struct neigh_ent *e;
	bool same;

	if (o) { /* RFC 4862 5.4.4 */
		neigh_own_conflict(n, o, out, env);
		return;
	}
	e = ent_find(n, &m->target);
	if (!e || (m->has_lladdr && ethaddr_is_group(&m->lladdr)))
		return;
	if (e->state == NEIGH_INCOMPLETE) {
		if (m->has_lladdr)
			ent_confirm(n, e, &m->lladdr, out, env);
		return;
	}
	same = !m->has_lladdr || !memcmp(&m->lladdr, &e->mac, sizeof(e->mac));
	if (!same && !m->override) {
		/* somebody else claims it without insisting: ask again soon */
		if (e->state == NEIGH_REACHABLE)
			ent_doubt(e, env);
		return;
	}
	if (!same)
		e->mac = m->lladdr;
	if (m->solicited)
		ent_confirm(n, e, &e->mac, out, env);
	else if (!same && e->state == NEIGH_REACHABLE)
		ent_doubt(e, env);
}

/* RFC 4861 7.1.1, 7.1.2: what makes a message invalid. nd_parse() has checked
 * code, length, options and that the target is no group. */
static bool nd_valid(const struct nd_msg *m, const struct ipv6_hdr *ip)
{
	if (m->type == ICMP6_NA)
		return !m->solicited || !ipaddr_is_multicast(&ip->dst);
	if (ipaddr_is_any(&ip->src))
		return neigh_is_solicited_node(&ip->dst) && !m->has_lladdr;
	return true;
}

static enum drop_reason nd_input(struct neigh *n, struct gust_pkt *p,
				 const struct gust_layer *l4,
				 const struct eth_hdr *eth, struct gust_batch *out,
				 const struct env *env)
{
	const struct gust_layer *l3 = pkt_l3(p);
	uint32_t len = p->len - l4->off, in_head = p->hlen - l4->off;
	uint8_t b[ND_MAX];
	struct ipv6_hdr ip;
	struct nd_msg m;

	/* RFC 6980 5: no fragment header, not even of an atomic fragment */
	if (ipv6_parse(p->head + l3->off, p->hlen - l3->off, &ip) < 0 ||
	    ip.hop != 255 || len > sizeof(b) || in_head > len ||
	    pkt_layer(p, GUST_L_FRAGHDR) || !pkt_csum_verify(p))
		return DROP_BAD_ND;
	memcpy(b, p->head + l4->off, in_head);
	pkt_payload_copy(p, 0, b + in_head, len - in_head);
	if (nd_parse(b, len, &m) < 0 || !nd_valid(&m, &ip))
		return DROP_BAD_ND;
	if (!memcmp(&eth->src, &n->mac, sizeof(n->mac)))
		return DROP_NONE; /* our own, come back */
	if (m.type == ICMP6_NS)
		ns_input(n, &m, &ip.src, eth, out, env);
	else
		na_input(n, &m, out, env);
	return DROP_NONE;
}

/* RFC 1122 3.3.6, RFC 1812 5.3.4: a link-layer broadcast or multicast whose packet
 * names a single host is neither taken nor forwarded. */
static bool for_many_by_frame_only(const struct gust_pkt *p,
				   const struct eth_hdr *eth)
{
	struct ipaddr src, dst;
	uint8_t proto;

	if (!ethaddr_is_group(&eth->dst) || !pkt_l3(p))
		return false;
	pkt_addrs(p, &src, &dst, &proto);
	return !ipaddr_is_multicast(&dst) && !ipaddr_is_broadcast(&dst);
}

/* A frame of another kind: who sent it? */
static void learn_source(struct neigh *n, const struct gust_pkt *p,
			 const struct eth_hdr *eth, struct gust_batch *out,
			 const struct env *env)
{
	const uint8_t *ip;
	struct ipaddr src;

	if (p->nlayer < 2)
		return;
	ip = p->head + p->layer[1].off;
	if (p->layer[1].kind == GUST_L_IPV4)
		src = ipaddr_from4(ip + 12);
	else if (p->layer[1].kind == GUST_L_IPV6)
		src = ipaddr_from6(ip + 8);
	else
		return;
	learn(n, &src, &eth->src, true, out, env);
}

bool neigh_input(struct neigh *n, struct gust_pkt *p, struct gust_batch *out,
		 const struct env *env, enum drop_reason *ret_drop)
{
	const struct gust_layer *l4;
	struct eth_hdr eth;
	bool arp, nd, ours;

	*ret_drop = DROP_NONE;
	if (!p->nlayer || p->layer[0].kind != GUST_L_ETH ||
	    eth_parse(p->head + p->layer[0].off, p->hlen - p->layer[0].off, &eth) <
		    0)
		return false;
	need_key(n, env);
	arp = p->nlayer > 1 && p->layer[1].kind == GUST_L_ARP;
	l4 = pkt_l4(p);
	nd = l4 && l4->kind == GUST_L_ICMP6 && p->layer[1].kind == GUST_L_IPV6 &&
	     (p->head[l4->off] == ICMP6_NS || p->head[l4->off] == ICMP6_NA);
	ours = ethaddr_is_group(&eth.dst) ||
	       !memcmp(&eth.dst, &n->mac, sizeof(n->mac));
	if (!arp && !nd && !for_many_by_frame_only(p, &eth)) {
		if (ours)
			learn_source(n, p, &eth, out, env);
		return false;
	}
	if (!ours || (!arp && !nd))
		*ret_drop = DROP_NOT_FOR_US;
	else if (arp)
		*ret_drop = arp_input(n, p, &eth, out, env);
	else
		*ret_drop = nd_input(n, p, l4, &eth, out, env);
	pkt_free(p);
	return true;
}

/* ---- output ---- */

enum drop_reason neigh_output(struct neigh *n, struct gust_pkt *p /*taken*/,
			      struct gust_batch *out, const struct env *env)
{
	bool v4 = p->layer[0].kind == GUST_L_IPV4;
	const uint8_t *ip = p->head + p->layer[0].off;
	struct ipaddr src = v4 ? ipaddr_from4(ip + 12) : ipaddr_from6(ip + 8);
	struct ipaddr dst = v4 ? ipaddr_from4(ip + 16) : ipaddr_from6(ip + 24);
	struct neigh_ent *e;

	need_key(n, env);
	if (ipaddr_is_multicast(&dst) || ipaddr_is_broadcast(&dst)) {
		struct ethaddr group = neigh_group_mac(&dst);

		neigh_eth_push(n, p, &group);
		gust_batch_push(out, p);
		return DROP_NONE;
	}
	e = n->last && ipaddr_eq(&n->last->addr, &dst) ? n->last :
							 ent_find(n, &dst);
	if (!e) {
		e = ent_new(n, &dst, env);
		e->state = NEIGH_INCOMPLETE;
		e->tries = 1;
		ent_ask(n, e, &src, out);
		ent_timer(n, e, env);
	}
	ent_touch(n, e, env);
	if (e->state == NEIGH_INCOMPLETE) {
		if (e->wait.n >= WAIT_MAX || n->n_wait >= WAIT_TOTAL) {
			pkt_free(p);
			return DROP_NEIGH_QUEUE;
		}
		gust_batch_push(&e->wait, p);
		n->n_wait++;
		return DROP_NONE;
	}
	if (e->state == NEIGH_REACHABLE &&
	    env->now_us - e->confirmed_us > REACHABLE_US) {
		e->state = NEIGH_PROBE;
		e->tries = 1;
		ent_ask(n, e, &src, out);
		ent_timer(n, e, env);
	}
	neigh_eth_push(n, p, &e->mac);
	gust_batch_push(out, p);
	return DROP_NONE;
}

/* ---- time ---- */

void neigh_timer(struct neigh *n, struct gust_batch *out, struct gust_batch *failed,
		 const struct env *env)
{
	struct list *l;

	need_key(n, env);
	neigh_own_timer(n, out, env);
	while ((l = list_first(&n->timers))) {
		struct neigh_ent *e = container_of(l, struct neigh_ent, timer);

		if (e->due_us > env->now_us)
			break;
		if (e->tries < TRIES) {
			e->tries++;
			ent_ask(n, e, NULL, out);
			ent_timer(n, e, env);
		} else {
			ent_drop(n, e);
		}
	}
	while ((l = list_first(&n->lru))) {
		struct neigh_ent *e = container_of(l, struct neigh_ent, lru);

		if (env->now_us - e->used_us < IDLE_US)
			break;
		ent_drop(n, e);
	}
	gust_batch_splice(failed, &n->failed);
}

uint64_t neigh_deadline(const struct neigh *n)
{
	uint64_t t = neigh_own_deadline(n);

	if (n->failed.n)
		return 0;
	if (n->timers.next != &n->timers) {
		const struct neigh_ent *e =
			container_of(n->timers.next, struct neigh_ent, timer);

		if (e->due_us < t)
			t = e->due_us;
	}
	if (n->lru.next != &n->lru) {
		const struct neigh_ent *e =
			container_of(n->lru.next, struct neigh_ent, lru);

		if (e->used_us + IDLE_US < t)
			t = e->used_us + IDLE_US;
	}
	return t;
}
