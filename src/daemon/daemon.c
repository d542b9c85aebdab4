/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.c - the start sequence, the main thread's loop, the way down
 *
 * Order matters at start. What the self-test finds is known before anything is
 * negotiated. The interface decides how many queues, hence workers, there are. The
 * administrator's ethtool choice is read before the first TUNSETOFFLOAD,
 * which would overwrite it. Addresses come before "up", routes after it. The
 * first snapshot is complete before a worker runs, and readiness is announced
 * last.
 *
 * What exists only half at a failure is released by release(), which accepts
 * any state.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "base/log.h"
#include "port/netns.h"

#define WORKERS_AUTO_MAX 8
#define POLL_S 1
#define TUN_F_ALL                                                                  \
	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_UFO |        \
	 TUN_F_USO4 | TUN_F_USO6 | TUN_F_UDP_TUNNEL_GSO |                          \
	 TUN_F_UDP_TUNNEL_GSO_CSUM)

/* ---- start ---- */

/* One descriptor a flow: take what the system allows. */
static void raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl))
		log_warn("RLIMIT_NOFILE: %s", strerror(errno));
}

static unsigned count_workers(const struct gust_conf *c)
{
	cpu_set_t set;
	long n = 1;

	if (c->workers)
		return c->workers;
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > WORKERS_AUTO_MAX ? WORKERS_AUTO_MAX : n;
}

static int make_pools(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	struct pkt_limits lim = { c->slab_len, c->slab_max, c->pkt_max };

	for (unsigned i = 0; i < d->nworkers; i++) {
		d->pool[i] = pkt_pool_new(&lim);
		if (!d->pool[i]) {
			log_err("no memory for packets");
			return -ENOMEM;
		}
	}
	return 0;
}

static int open_tun(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	struct tun_conf tc = { .name = c->name,
			       .tap = c->tap,
			       .nqueues = d->nworkers,
			       .netns = c->netns,
			       .persist = c->persist };
	char err[512];
	int r = tun_open(&tc, d->pool, &d->port, &d->tun, err, sizeof(err));

	if (r < 0) {
		log_err("%s", err);
		return r;
	}
	if (d->tun.nqueues < d->nworkers) {
		log_notice("%s has %u queue%s: that many workers", d->tun.name,
			   d->tun.nqueues, d->tun.nqueues == 1 ? "" : "s");
		for (unsigned i = d->tun.nqueues; i < d->nworkers; i++) {
			pkt_pool_free(d->pool[i]);
			d->pool[i] = NULL;
		}
		d->nworkers = d->tun.nqueues;
	}
	return 0;
}

/* What is assumed of the interface when netlink tells nothing. */
static void assume_link(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	struct link_state *st = &d->last;

	st->ifindex = d->tun.ifindex;
	snprintf(st->name, sizeof(st->name), "%s", d->tun.name);
	st->present = st->up = st->lower_up = true;
	st->mtu = c->mtu ? c->mtu : CONF_NEW_MTU;
	st->gso_max_size = st->gro_max_size = st->tso_max_size = 65536;
	memcpy(st->addr, c->addr, sizeof(st->addr));
	st->n_addr = c->n_addr;
}

static int open_link(struct daemon *d)
{
	char err[256];
	int ns = -1, r;

	if (d->conf->netns) {
		r = netns_open(d->conf->netns, &ns, err, sizeof(err));
		if (r < 0) {
			log_err("%s", err);
			return r;
		}
	}
	r = link_open(ns, d->tun.ifindex, &d->link, err, sizeof(err));
	if (ns >= 0)
		close(ns);
	if (r == -EPERM || r == -EACCES) {
		log_warn("%s; the interface's changes cannot be followed", err);
		assume_link(d);
		return 0;
	}
	if (r < 0)
		log_err("%s", err);
	return r;
}

/*
 * What the kernel grants. A new interface: climb down the ladder. One that
 * existed: what the driver names as changeable, for each TUNSETOFFLOAD would
 * overwrite what the administrator wants; daemon_negotiate() then sets his choice
 * and falls back on the ladder when even that is refused.
 */
static void find_granted(struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);
	int r;

	if (!d->tun.created && d->link && st->ethtool_ok) {
		d->tun_granted = caps_tun_f(st->feat_hw);
		d->tun_set = 0;
		return;
	}
	r = tun_offload_ladder(d->port, TUN_F_ALL, &d->tun_granted);
	if (r < 0) {
		log_warn("%s: no offload could be set: %s", st->name, strerror(-r));
		d->tun_granted = 0;
	}
	d->tun_set = d->tun_granted;
	if (d->link)
		link_read(d->link); /* what we did ourselves is no news */
}

/* ---- what the configuration asks of the interface ---- */

/* `r` of one step: 0 to go on. What we may not do to an interface that others
 * made is said and left; `fatal`: the configuration names it. */
static int step(struct daemon *d, int r, bool fatal, const char *what)
{
	const char *name = d->tun.name;

	if (!r)
		return 0;
	if (r == -EPERM || r == -EACCES) {
		log_warn("%s: no permission to set %s: left as it is", name, what);
		return 0;
	}
	if (!fatal) {
		log_info("%s: %s not set: %s", name, what, strerror(-r));
		return 0;
	}
	log_err("%s: cannot set %s: %s", name, what, strerror(-r));
	return r;
}

static int set_numbers(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	bool created = d->tun.created;
	uint32_t mtu = c->mtu ? c->mtu : created ? CONF_NEW_MTU : 0;
	uint32_t qlen = c->txqueuelen ? c->txqueuelen :
			created       ? CONF_NEW_TXQUEUELEN :
					0;
	bool gro_given = c->given & CONF_GIVEN_GRO_MAX;
	const struct link_state *st = daemon_link_state(d);
	char what[64];
	int r = 0;

	if (mtu && st->mtu != mtu) {
		snprintf(what, sizeof(what), "mtu %u", mtu);
		r = step(d, link_set_mtu(d->link, mtu), true, what);
	}
	if (!r && qlen && st->txqueuelen != qlen) {
		snprintf(what, sizeof(what), "txqueuelen %u", qlen);
		r = step(d, link_set_txqueuelen(d->link, qlen), c->txqueuelen,
			 what);
	}
	if (!r && (created || gro_given) &&
	    (st->gro_max_size != c->gro_max ||
	     (st->gro_ipv4_max_size && st->gro_ipv4_max_size != c->gro_max))) {
		snprintf(what, sizeof(what), "gro_max_size %u", c->gro_max);
		r = step(d, link_set_gro_max(d->link, c->gro_max, c->gro_max),
			 gro_given, what);
	}
	return r;
}

static bool has_addr(const struct link_state *st, const struct link_addr *a)
{
	for (unsigned i = 0; i < st->n_addr; i++)
		if (ipaddr_eq(&st->addr[i].local, &a->local) &&
		    ipaddr_eq(&st->addr[i].peer, &a->peer) &&
		    st->addr[i].plen == a->plen)
			return true;
	return false;
}

static int set_addresses(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	char text[IPADDR_STRLEN], what[80];
	int r = 0;

	for (unsigned i = 0; i < c->n_addr && !r; i++) {
		const struct link_addr *a = &c->addr[i];

		if (has_addr(daemon_link_state(d), a))
			continue;
		snprintf(what, sizeof(what), "address %s",
			 ipaddr_str(&a->local, text));
		r = step(d, link_add_addr(d->link, a), true, what);
	}
	return r;
}

static bool has_route(const struct link_state *st, const struct link_route *r)
{
	for (unsigned i = 0; i < st->n_route; i++)
		if (ipaddr_eq(&st->route[i].dst, &r->dst) &&
		    st->route[i].plen == r->plen &&
		    ipaddr_eq(&st->route[i].via, &r->via) &&
		    st->route[i].table == r->table)
			return true;
	return false;
}

static int set_routes(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	char text[IPADDR_STRLEN], what[80];
	int r = 0;

	for (unsigned i = 0; i < c->n_route && !r; i++) {
		const struct link_route *p = &c->route[i];

		if (has_route(daemon_link_state(d), p))
			continue;
		snprintf(what, sizeof(what), "route %s/%u",
			 ipaddr_str(&p->dst, text), p->plen);
		r = step(d, link_add_route(d->link, p), true, what);
	}
	return r;
}

/* An interface that existed keeps its state unless the file says up or down. */
static int set_up(struct daemon *d)
{
	const struct gust_conf *c = d->conf;

	if (!d->tun.created && !(c->given & CONF_GIVEN_UP))
		return 0;
	if (daemon_link_state(d)->up == c->up)
		return 0;
	return step(d, link_set_up(d->link, c->up), true, c->up ? "up" : "down");
}

static int set_interface(struct daemon *d)
{
	int r;

	if (!d->link)
		return 0;
	r = set_numbers(d);
	if (!r)
		r = set_addresses(d);
	if (!r)
		r = set_up(d);
	/* routes through an interface that is down are refused by the kernel */
	if (!r && daemon_link_state(d)->up)
		r = set_routes(d);
	else if (!r && d->conf->n_route)
		log_notice("%s is down: its routes follow when it is up",
			   d->tun.name);
	link_read(d->link); /* what we did ourselves is no news */
	return r;
}

/* The stack's own Ethernet address: configured, or one that stays the same as
 * long as the tap does. */
static void choose_mac(struct daemon *d)
{
	static const struct siphash_key key = { 0x67757374, 0x6d6163 };
	const struct link_state *st = daemon_link_state(d);
	uint64_t h;

	if (d->conf->has_mac) {
		d->mac = d->conf->mac;
		return;
	}
	h = siphash13(&key, st->mac.b, sizeof(st->mac.b));
	memcpy(d->mac.b, &h, sizeof(d->mac.b));
	d->mac.b[0] =
		(d->mac.b[0] & 0xfc) | 0x02; /* unicast, locally administered */
}

/* ---- workers ---- */

static void wake(struct daemon *d)
{
	uint64_t one = 1;

	if (write(d->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("wake-up of the main thread: %s", strerror(errno));
}

/* In a worker's thread. */
static void on_demote(void *arg, enum feat f)
{
	struct daemon *d = arg;

	atomic_fetch_or(&d->demoted, FEAT_BIT(f));
	wake(d);
}

static void on_gone(void *arg)
{
	struct daemon *d = arg;

	atomic_store(&d->gone, true);
	wake(d);
}

/* Signals are the main thread's: threads inherit a mask that blocks all. */
static int start_threads(struct daemon *d)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = workers_start(d->worker, d->nworkers);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r)
		d->workers_run = true;
	return r;
}

static int start_workers(struct daemon *d)
{
	struct worker_conf wc[GUST_WORKERS_MAX];
	struct engine_set set;
	int r;

	registry_set(d->plugins, &set);

	d->snap = daemon_snapshot(d);
	if (!d->snap)
		return -ENOMEM;
	for (unsigned i = 0; i < d->nworkers; i++)
		wc[i] = (struct worker_conf){ .index = i,
					      .n = d->nworkers,
					      .port = d->port,
					      .pool = d->pool[i],
					      .secret = d->flow_secret,
					      .snap = d->snap,
					      .mac = d->mac,
					      .busy_poll_us = d->conf->busy_poll_us,
					      .demote = on_demote,
					      .plugins = &set,
					      .plugin_log = plugins_on_log,
					      .plugin_fault = plugins_on_fault,
					      .gone = on_gone,
					      .arg = d };
	r = workers_new(wc, d->nworkers, d->worker);
	if (!r)
		r = start_threads(d);
	if (r < 0)
		log_err("workers: %s", strerror(-r));
	return r;
}

/* ---- events of the main thread ---- */

void daemon_announce(struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);
	char line[160];

	snprintf(line, sizeof(line), "%sSTATUS=%s is %s, %u worker%s",
		 d->ready ? "" : "READY=1\n", st->name,
		 st->up ? "up" : "down (`ip link set up` starts traffic)",
		 d->nworkers, d->nworkers == 1 ? "" : "s");
	notify_send(line);
	d->ready = true;
}

/* Where addresses have to be asked for, later. */
static void announce(struct daemon *d)
{
	if (!d->conf->tap || !daemon_link_state(d)->up || dad_watch(d))
		daemon_announce(d);
}

static void vanish(struct daemon *d)
{
	if (d->stopping)
		return;
	log_err("%s was deleted", d->tun.name);
	d->stopping = true;
	d->exit_status = 1;
	event_base_loopbreak(d->base);
}

/* The kernel forgets routes and IPv6 addresses of an interface that goes down:
 * those of the configuration return with it. */
static void restore(struct daemon *d)
{
	if (d->link && !set_addresses(d))
		set_routes(d);
}

static void changed(struct daemon *d, unsigned chg)
{
	bool was_up = d->last.up;

	if (!chg || d->stopping)
		return;
	if (chg & LINK_CHG_GONE) {
		vanish(d);
		return;
	}
	daemon_follow(d, chg);
	if (d->conf->tap && (chg & LINK_CHG_ADDR))
		dad_watch(d);
	if (daemon_link_state(d)->up == was_up)
		return;
	if (!was_up)
		restore(d);
	announce(d);
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	changed(d, link_read(d->link));
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	selftest_poll(d);
	if (d->link)
		changed(d, link_poll_sizes(d->link));
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return;
	if (atomic_load(&d->gone))
		vanish(d);
	else
		changed(d, LINK_CHG_FEAT);
	plugins_faulted(d);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	log_notice("stopping (%s)", sig == SIGINT ? "SIGINT" : "SIGTERM");
	d->stopping = true;
	event_base_loopbreak(d->base);
}

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
	log_notice("SIGHUP: the configuration is read at start only; restart to "
		   "change it. "
		   "The interface's own changes are followed without it");
}

static int add_event(struct daemon *d, struct event **ev, int fd, short what,
		     event_callback_fn fn, const struct timeval *tv)
{
	*ev = event_new(d->base, fd, what, fn, d);
	return *ev && !event_add(*ev, tv) ? 0 : -ENOMEM;
}

static int add_events(struct daemon *d)
{
	static const struct timeval poll = { .tv_sec = POLL_S };
	int fd[GUST_LINK_FDS_MAX], r;
	unsigned n = d->link ? link_fds(d->link, fd, GUST_LINK_FDS_MAX) : 0;

	r = add_event(d, &d->ev_signal[0], SIGTERM, EV_SIGNAL | EV_PERSIST, on_stop,
		      NULL);
	if (!r)
		r = add_event(d, &d->ev_signal[1], SIGINT, EV_SIGNAL | EV_PERSIST,
			      on_stop, NULL);
	if (!r)
		r = add_event(d, &d->ev_signal[2], SIGHUP, EV_SIGNAL | EV_PERSIST,
			      on_hup, NULL);
	if (!r)
		r = add_event(d, &d->ev_wake, d->wake_fd, EV_READ | EV_PERSIST,
			      on_wake, NULL);
	for (unsigned i = 0; i < n && !r; i++)
		r = add_event(d, &d->ev_link[i], fd[i], EV_READ | EV_PERSIST,
			      on_link, NULL);
	if (!r)
		r = add_event(d, &d->ev_poll, -1, EV_PERSIST, on_poll, &poll);
	return r;
}

static void free_event(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void free_events(struct daemon *d)
{
	for (unsigned i = 0; i < 3; i++)
		free_event(&d->ev_signal[i]);
	for (unsigned i = 0; i < GUST_LINK_FDS_MAX; i++)
		free_event(&d->ev_link[i]);
	free_event(&d->ev_poll);
	free_event(&d->ev_dad);
	free_event(&d->ev_wake);
}

/* ---- from nothing to running, and back ---- */

static void log_start(const struct daemon *d)
{
	const struct link_state *st = daemon_link_state(d);

	log_info("%s: %s %s, mtu %u, %u worker%s, superpackets from the kernel up "
		 "to %u, "
		 "to it up to %u (IPv4) and %u (IPv6) bytes",
		 st->name, d->conf->tap ? "tap" : "tun",
		 d->tun.created ? "created" : "attached", st->mtu, d->nworkers,
		 d->nworkers == 1 ? "" : "s", d->from_kernel.gso_max4,
		 d->to_kernel.gso_max4, d->to_kernel.gso_max6);
}

static int begin(struct daemon *d)
{
	int r;

	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->base = event_base_new();
	if (d->wake_fd < 0 || !d->base) {
		log_err("event loop: %s", strerror(errno));
		return -ENOMEM;
	}
	r = siphash_key_os(&d->flow_secret);
	if (!r)
		r = siphash_key_os(&d->tcp_secret);
	if (r < 0)
		log_err("getrandom: %s", strerror(-r));
	return r;
}

static int start(struct daemon *d)
{
	char err[256];
	int r = begin(d);

	if (r < 0)
		return r;
	raise_nofile();
	r = plugins_start(d);
	if (r < 0)
		return r;
	selftest_at_start(d);
	d->nworkers = count_workers(d->conf);
	r = make_pools(d);
	if (!r)
		r = open_tun(d);
	if (!r)
		r = open_link(d);
	if (r < 0)
		return r;
	find_granted(d);
	r = set_interface(d);
	if (r < 0)
		return r;
	choose_mac(d);
	daemon_negotiate(d);
	if (d->link && link_read(d->link))
		daemon_negotiate(d); /* with what is active now */
	if (d->link)
		d->last = *link_state(d->link);
	r = start_workers(d);
	if (!r) {
		r = control_new(d, d->conf->control, &d->control, err, sizeof(err));
		if (r < 0)
			log_err("%s", err);
	}
	return r ? r : add_events(d);
}

/* A second signal finds the default action again and ends at once. */
static void stop(struct daemon *d)
{
	d->stopping = true;
	notify_send("STOPPING=1");
	free_events(d);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	control_free(d->control);
	d->control = NULL;
	if (d->workers_run)
		workers_stop(d->worker, d->nworkers,
			     d->exit_status ? 0 : d->conf->drain_ms);
}

static void release(struct daemon *d)
{
	free_events(d);
	control_free(d->control);
	selftest_free(d);
	if (d->worker[0])
		workers_free(d->worker, d->nworkers);
	link_close(d->link);
	if (d->port)
		d->port->ops->close(d->port);
	for (unsigned i = 0; i < GUST_WORKERS_MAX; i++) {
		unsigned left = d->pool[i] ? pkt_pool_free(d->pool[i]) : 0;

		if (left)
			log_warn(
				"worker %u: %u packets and slabs were not returned",
				i, left);
	}
	free(d->snap);
	plugins_stop(d);
	if (d->base)
		event_base_free(d->base);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
}

int daemon_run(struct daemon *d)
{
	selftest_init(d);
	d->started_us = daemon_now_us();
	log_set_level(d->conf->log_level);
	signal(SIGPIPE, SIG_IGN);
	if (start(d)) {
		d->exit_status = 1;
		stop(d);
		release(d);
		return d->exit_status;
	}
	log_start(d);
	announce(d);
	event_base_dispatch(d->base);
	stop(d);
	release(d);
	log_notice("stopped");
	return d->exit_status;
}
