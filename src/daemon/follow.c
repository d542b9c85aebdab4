/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.c - what the link says, and what follows from it
 *
 * The administrator's tools are the interface's configuration: whatever `ip`
 * and `ethtool` change is taken over here, live. TUNSETOFFLOAD is called only
 * when the kernel's active offloads are not the negotiated ones, because each
 * call overwrites what the administrator wants: as long as `ethtool -K` merely
 * masks what we set before, nothing is to be done, and `ethtool -K ... on`
 * brings it back with a notification.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/linux_compat.h"
#include "base/log.h"
#include "daemon/daemon.h"

uint64_t daemon_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

const struct link_state *daemon_link_state(const struct daemon *d)
{
	return d->link ? link_state(d->link) : &d->last;
}

/* TUN_F_* there are, as FEAT_BIT()s */
#define TUN_FEATS                                                                  \
	(FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |      \
	 FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_UDP_TNL) |    \
	 FEAT_BIT(FEAT_UDP_TNL_CSUM))

void daemon_facts(const struct daemon *d, struct link_facts *ret)
{
	struct fact_input in = { .st = daemon_link_state(d),
				 .configured = d->conf->feats,
				 .provided = plugins_provide(d),
				 .ours = d->ours,
				 .granted = d->tun_granted,
				 .demoted = d->demoted };

	memcpy(in.proven, d->proof.ok, sizeof(in.proven));
	memcpy(in.disproven, d->proof.failed, sizeof(in.disproven));
	link_facts(&in, ret);
}

/* ---- whose doing it is that a feature is not wanted ---- */

/*
 * TUNSETOFFLOAD overwrites what ethtool calls "wanted". What we leave out (a
 * disproven feature, one whose plugin went) is not the administrator's wish and
 * may return; what he takes out since then is. One thing cannot be seen: `ethtool
 * -K ... off` for what is out already changes nothing, and nothing tells of it.
 */
static void mind_wanted(struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);
	uint32_t lost = d->wanted_seen & ~st->feat_wanted;

	if (!st->ethtool_ok)
		return;
	d->ours &= ~(lost & ~d->to_lose);
	d->to_lose &= ~lost;
	d->wanted_seen = st->feat_wanted;
}

static void note_set(struct daemon *d, unsigned tun_f)
{
	const struct link_state *st = daemon_link_state(d);
	uint32_t out = TUN_FEATS & ~caps_of_tun_f(tun_f);

	d->tun_set = tun_f;
	d->ours = (d->ours | st->feat_wanted) & out;
	d->to_lose = st->feat_wanted & out;
}

static unsigned negotiate(struct daemon *d)
{
	const struct link_want want = { .feats = d->conf->feats,
					.provided = plugins_provide(d),
					.ours = d->ours };
	struct link_proof proof;
	unsigned tun_f;

	memcpy(proof.ok, d->proof.ok, sizeof(proof.ok));
	memcpy(proof.failed, d->proof.failed, sizeof(proof.failed));
	link_negotiate(daemon_link_state(d), &want, d->tun_granted, &proof,
		       d->demoted, &d->to_kernel, &d->from_kernel, &tun_f);
	return tun_f;
}

/* The kernel does not take `tun_f`: what of it does it take? */
static void step_down(struct daemon *d, unsigned tun_f)
{
	unsigned got = 0;
	int r = tun_offload_ladder(d->port, tun_f, &got);

	log_warn("%s: the kernel refuses offloads 0x%x, takes 0x%x%s%s",
		 daemon_link_state(d)->name, tun_f, got, r < 0 ? ": " : "",
		 r < 0 ? strerror(-r) : "");
	d->tun_granted &= ~tun_f | got;
	note_set(d, got);
	negotiate(d);
}

void daemon_negotiate(struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);
	unsigned tun_f, now = d->tun_set;

	mind_wanted(d);
	tun_f = negotiate(d);
	if (st->ethtool_ok) /* UFO has no ethtool name on a tun */
		now &= caps_tun_f(st->feat_active) | TUN_F_UFO;
	if (now == tun_f)
		return;
	if (tun_set_offload(d->port, tun_f) < 0)
		step_down(d, tun_f);
	else
		note_set(d, tun_f);
}

/* ---- the snapshot ---- */

static void add_own(struct stack_snap *s, const struct ipaddr *a)
{
	for (unsigned i = 0; i < s->n_own; i++)
		if (ipaddr_eq(&s->own[i], a))
			return;
	if (s->n_own < STACK_OWN_MAX)
		s->own[s->n_own++] = *a;
}

/* Configured addresses first: they were chosen to speak for the stack. */
static void set_addresses(const struct daemon *d, struct stack_snap *s)
{
	const struct link_state *st = daemon_link_state(d);

	s->n_own = s->n_local = 0;
	for (unsigned i = 0; i < d->conf->n_own; i++)
		add_own(s, &d->conf->own[i]);
	for (unsigned i = 0; i < st->n_addr; i++) {
		const struct link_addr *a = &st->addr[i];

		if (a->has_peer)
			add_own(s, &a->peer);
		if (s->n_local < STACK_OWN_MAX)
			s->local[s->n_local++] = a->local;
	}
}

static bool is_duplicate(const struct daemon *d, const struct ipaddr *a)
{
	for (unsigned i = 0; i < d->n_duplicate; i++)
		if (ipaddr_eq(&d->duplicate[i], a))
			return true;
	return false;
}

/* Not what another station has (dad.c). */
static void drop_duplicates(const struct daemon *d, struct stack_snap *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_own; i++)
		if (!is_duplicate(d, &s->own[i]))
			s->own[n++] = s->own[i];
	s->n_own = n;
}

/* As the neighbour table forms it (RFC 4291 appendix A). */
static struct ipaddr linklocal(const struct ethaddr *m)
{
	return (struct ipaddr){ { 0xfe, 0x80, [8] = m->b[0] ^ 2, m->b[1], m->b[2],
				  0xff, 0xfe, m->b[3], m->b[4], m->b[5] } };
}

struct stack_snap *daemon_snapshot(const struct daemon *d)
{
	struct stack_snap *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	*s = d->conf->snap;
	s->generation = d->snap ? d->snap->generation + 1 : 1;
	s->to_inside = d->to_kernel;
	s->to_inside.cuts_tcp = plugins_provide(d) & FEAT_BIT(FEAT_TSO4);
	s->to_inside.cuts_udp = plugins_provide(d) & FEAT_BIT(FEAT_USO);
	s->gro_max = plugins_gro_max(d);
	s->up = daemon_link_state(d)->up;
	s->tcp.secret = d->tcp_secret;
	set_addresses(d, s);
	drop_duplicates(d, s);
	if (d->conf->tap)
		s->linklocal = linklocal(&d->mac);
	return s;
}

/* ---- one line that says what changed ---- */

struct line {
	char text[1024];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *l,
						      const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len = l->len + n < sizeof(l->text) ? l->len + n :
							sizeof(l->text) - 1;
}

static void say_u32(struct line *l, const char *what, uint32_t was, uint32_t is)
{
	if (was != is)
		say(l, "; %s %u -> %u", what, was, is);
}

static void say_feats(struct line *l, const char *what, uint32_t was, uint32_t is)
{
	if (was == is)
		return;
	say(l, "; %s:", what);
	for (enum feat f = 0; f < FEAT_N; f++)
		if ((was ^ is) & FEAT_BIT(f))
			say(l, " %s %s", feat_name(f),
			    is & FEAT_BIT(f) ? "on" : "off");
}

static bool same_addrs(const struct link_state *a, const struct link_state *b)
{
	if (a->n_addr != b->n_addr)
		return false;
	for (unsigned i = 0; i < a->n_addr; i++)
		if (!ipaddr_eq(&a->addr[i].local, &b->addr[i].local) ||
		    !ipaddr_eq(&a->addr[i].peer, &b->addr[i].peer) ||
		    a->addr[i].plen != b->addr[i].plen)
			return false;
	return true;
}

static void say_addrs(struct line *l, const struct link_state *st)
{
	char a[IPADDR_STRLEN], b[IPADDR_STRLEN];

	say(l, "; addresses:%s", st->n_addr ? "" : " none");
	for (unsigned i = 0; i < st->n_addr; i++) {
		const struct link_addr *p = &st->addr[i];

		if (p->has_peer)
			say(l, " %s peer %s", ipaddr_str(&p->local, a),
			    ipaddr_str(&p->peer, b));
		else
			say(l, " %s/%u", ipaddr_str(&p->local, a), p->plen);
	}
}

static void log_changes(const struct link_state *was, const struct link_state *is,
			uint32_t was_to, uint32_t is_to, uint32_t was_from,
			uint32_t is_from)
{
	struct line l = { .len = 0 };

	l.text[0] = '\0';
	if (was->up != is->up)
		say(&l, "; %s", is->up ? "up" : "down");
	say_u32(&l, "mtu", was->mtu, is->mtu);
	say_u32(&l, "txqueuelen", was->txqueuelen, is->txqueuelen);
	say_u32(&l, "gro_max_size", was->gro_max_size, is->gro_max_size);
	say_u32(&l, "gro_ipv4_max_size", was->gro_ipv4_max_size,
		is->gro_ipv4_max_size);
	say_u32(&l, "gso_max_size", was->gso_max_size, is->gso_max_size);
	say_u32(&l, "gso_ipv4_max_size", was->gso_ipv4_max_size,
		is->gso_ipv4_max_size);
	if (!same_addrs(was, is))
		say_addrs(&l, is);
	if (was->n_route != is->n_route)
		say_u32(&l, "routes", was->n_route, is->n_route);
	else if (memcmp(was->route, is->route, is->n_route * sizeof(is->route[0])))
		say(&l, "; routes changed");
	say_feats(&l, "from the kernel", was_from, is_from);
	say_feats(&l, "to the kernel", was_to, is_to);
	if (l.len)
		log_info("%s: %s", is->name, l.text + 2);
}

static void log_demotions(struct daemon *d)
{
	uint32_t now = d->demoted, new = now & ~d->last_demoted;

	for (enum feat f = 0; f < FEAT_N; f++)
		if (new &FEAT_BIT(f))
			log_warn("%s: the kernel refused a packet that uses %s; "
				 "not used any more",
				 daemon_link_state(d)->name, feat_name(f));
	d->last_demoted = now;
}

static void publish(struct daemon *d)
{
	struct stack_snap *s = daemon_snapshot(d), *old = d->snap;

	if (!s) {
		log_err("no memory for a change of the interface; it is not "
			"followed");
		return;
	}
	d->snap = s;
	workers_publish(d->worker, d->nworkers, s);
	free(old);
}

void daemon_follow(struct daemon *d, unsigned chg)
{
	uint32_t to = d->to_kernel.feats, from = d->from_kernel.feats;

	log_demotions(d);
	if (chg != LINK_CHG_ROUTE) { /* routes are the kernel's alone */
		daemon_negotiate(d);
		publish(d);
	}
	log_changes(&d->last, daemon_link_state(d), to, d->to_kernel.feats, from,
		    d->from_kernel.feats);
	if (d->link)
		d->last = *link_state(d->link);
}
