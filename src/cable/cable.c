/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cable.c - set up a wire, and the loop that runs it
 *
 * What an end's kernel may hand over is set once, by TUNSETOFFLOAD when the
 * interface is made: from then on it is the administrator's, by `ethtool -K`. What
 * is written to an end does not depend on it: a tun or tap takes superpackets in any
 * case, and a form that it refuses is not tried again.
 *
 * The MTU of an end is what its segments must fit; it is read again every second.
 */
#include "cable/cable.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "base/log.h"
#include "cable/cable_internal.h"
#include "cable/underlay.h"
#include "port/netns.h"

#ifndef GUST_PLUGINDIR
#define GUST_PLUGINDIR "/usr/lib/gust/plugins"
#endif

#define MTU_EVERY_US 1000000
#define LEN_MAX 65535

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t now_us(void)
{
	return now_ns() / 1000 + 1;
}

/* ---- plugins ---- */

static void plugin_says(void *arg, enum gust_log_level level, const char *plugin,
			const char *text)
{
	static const enum log_level lvl[] = { LOG_LVL_ERR, LOG_LVL_WARN,
					      LOG_LVL_INFO, LOG_LVL_DEBUG };

	log_write(lvl[level & 3], "plugin %s: %s", plugin, text);
}

static void plugin_fault(void *arg, const char *plugin, const char *what)
{
	log_err("plugin %s was disabled for its faults; the last: %s", plugin,
		what);
}

static void say_refused(const struct registry *r)
{
	for (unsigned i = 0; i < registry_count(r); i++) {
		struct registry_info info;

		registry_info(r, i, &info);
		if (info.state == REGISTRY_REFUSED)
			log_warn("plugin %s refused: %s", info.path, info.why);
	}
}

static int load_plugins(struct cable *c, char *err, size_t err_len)
{
	char dir[4096];
	int n;

	c->reg = registry_new();
	if (!c->reg)
		return -ENOMEM;
	if (c->conf.plugin_dir)
		snprintf(dir, sizeof(dir), "%s", c->conf.plugin_dir);
	else
		registry_find_dir(GUST_PLUGINDIR, dir, sizeof(dir));
	n = registry_load_dir(c->reg, dir);
	if (n < 0)
		log_warn("plugins: %s: %s: going on without", dir, strerror(-n));
	say_refused(c->reg);
	if (c->conf.impair)
		return registry_options(c->reg, "impair", c->conf.impair, err,
					err_len);
	return 0;
}

static int start_engine(struct cable *c, char *err, size_t err_len)
{
	const struct engine_conf ec = { .pool = c->pool,
					.drops = &c->drops,
					.env = &c->env,
					.clock_ns = now_ns,
					.log = plugin_says,
					.fault = plugin_fault };
	struct gust_batch held[2];
	struct engine_set set;
	int r;

	c->eng = engine_new(&ec);
	if (!c->eng)
		return -ENOMEM;
	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	registry_set(c->reg, &set);
	r = engine_set(c->eng, &set, held, err, err_len);
	for (unsigned i = 0; !r && i < c->conf.n_tunnel; i++)
		r = chain_add(&c->chain, c->conf.tunnel[i], &set, err, err_len);
	return r;
}

/* ---- ends ---- */

/* FEAT_BIT()s that are to be used. */
static uint32_t wanted(unsigned without)
{
	uint32_t f = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG);

	if (without & CABLE_CSUM)
		return 0;
	if (!(without & CABLE_TSO)) {
		f |= FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6);
		if (!(without & CABLE_ECN))
			f |= FEAT_BIT(FEAT_TSO_ECN);
	}
	if (!(without & CABLE_USO))
		f |= FEAT_BIT(FEAT_USO);
	return f;
}

/* A superpacket that is read may have to be cut: only with a plugin that can. */
static int ask_offloads(struct cable *c, struct cable_port *p)
{
	uint32_t want =
		wanted(c->conf.without) & (uint32_t)registry_provides(c->reg);
	unsigned tun_f = caps_tun_f(want), granted = 0;
	int r;

	if (!(tun_f & (TUN_F_TSO4 | TUN_F_TSO6)))
		tun_f &= ~(unsigned)TUN_F_TSO_ECN;
	r = tun_offload_ladder(p->port, tun_f, &granted);
	if (r)
		return r;
	p->granted = caps_of_tun_f(granted);
	return 0;
}

static void read_mtu(struct cable_port *p)
{
	struct ifreq ifr = { 0 };

	if (p->sock < 0)
		return; /* an underlay */
	memcpy(ifr.ifr_name, p->info.name, sizeof(ifr.ifr_name));
	if (!ioctl(p->sock, SIOCGIFMTU, &ifr) && ifr.ifr_mtu > 0)
		p->caps.mtu = (uint32_t)ifr.ifr_mtu;
}

static int set_up(struct cable_port *p)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, p->info.name, sizeof(ifr.ifr_name));
	if (ioctl(p->sock, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(p->sock, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

/* A socket where the interface lives. */
static int open_sock(const char *netns, int *ret, char *err, size_t err_len)
{
	int ns, home, r = 0, back;

	if (!netns) {
		*ret = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		return *ret < 0 ? -errno : 0;
	}
	r = netns_open(netns, &ns, err, err_len);
	if (r)
		return r;
	r = netns_enter(ns, &home, err, err_len);
	close(ns);
	if (r)
		return r;
	*ret = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*ret < 0)
		r = -errno;
	back = netns_leave(home);
	return back ? back : r;
}

static int open_tap(struct cable *c, enum cable_end i, struct cable_port *p,
		    char *err, size_t err_len)
{
	const struct tun_conf tc = { .name = c->conf.name[i],
				     .tap = !c->conf.tun,
				     .nqueues = 1,
				     .netns = c->conf.netns[i] };
	int r = tun_open(&tc, &c->pool, &p->port, &p->info, err, err_len);

	if (!r)
		r = open_sock(c->conf.netns[i], &p->sock, err, err_len);
	if (!r)
		r = ask_offloads(c, p);
	if (!r && c->conf.up)
		r = set_up(p);
	if (r)
		return r;
	p->caps = (struct port_caps){ .feats = wanted(c->conf.without),
				      .mtu = 1500,
				      .gso_max4 = LEN_MAX,
				      .gso_max6 = LEN_MAX,
				      .gso_max_udp = LEN_MAX };
	read_mtu(p);
	return 0;
}

static int open_end(struct cable *c, enum cable_end i, char *err, size_t err_len)
{
	bool under = i == CABLE_B && c->conf.underlay != CABLE_TAP;
	int r = under ? underlay_open(c, err, err_len) :
			open_tap(c, i, &c->end[i], err, err_len);

	if (r && !err[0])
		snprintf(err, err_len, "%s: %s", c->conf.name[i], strerror(-r));
	return r;
}

static int open_signals(struct cable *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	c->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return c->sigfd < 0 ? -errno : 0;
}

int cable_open(const struct cable_conf *conf, struct cable **ret, char *err,
	       size_t err_len)
{
	const struct pkt_limits lim = { 0 };
	struct cable *c = calloc(1, sizeof(*c));
	int r;

	err[0] = '\0';
	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	c->sigfd = c->end[0].sock = c->end[1].sock = -1;
	gust_batch_init(&c->end[0].backlog);
	gust_batch_init(&c->end[1].backlog);
	c->env = (struct env){ .now_us = now_us(), .rng = &c->rng };
	c->began_us = c->env.now_us;
	c->pool = pkt_pool_new(&lim);
	r = c->pool ? rng_seed_os(&c->rng) : -ENOMEM;
	if (!r)
		r = load_plugins(c, err, err_len);
	if (!r)
		r = start_engine(c, err, err_len);
	if (!r)
		r = open_signals(c);
	for (unsigned i = 0; !r && i < 2; i++)
		r = open_end(c, i, err, err_len);
	if (r) {
		if (!err[0])
			snprintf(err, err_len, "%s", strerror(-r));
		cable_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

void cable_close(struct cable *c)
{
	if (!c)
		return;
	chain_close(&c->chain);
	engine_free(c->eng);
	registry_free(c->reg);
	for (unsigned i = 0; i < 2; i++) {
		struct cable_port *p = &c->end[i];

		pkt_batch_free(&p->backlog);
		underlay_close(p);
		if (p->port)
			p->port->ops->close(p->port);
		if (p->sock >= 0)
			close(p->sock);
	}
	if (c->sigfd >= 0)
		close(c->sigfd);
	if (c->pool && pkt_pool_free(c->pool))
		log_err("packets or slabs were not returned");
	free(c);
}

/* ---- the loop ---- */

/* Until a descriptor is ready or something is due. */
static int wait(struct cable *c, struct pollfd *fds, unsigned n, uint64_t end_us,
		uint64_t mtu_us, bool more)
{
	uint64_t at = end_us < mtu_us ? end_us : mtu_us, left;
	struct timespec ts = { 0 };
	int r;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t d = engine_deadline(c->eng, i);

		at = d < at ? d : at;
	}
	if (underlay_deadline(c) < at)
		at = underlay_deadline(c);
	left = more || at <= c->env.now_us ? 0 : at - c->env.now_us;
	ts.tv_sec = (time_t)(left / 1000000);
	ts.tv_nsec = (long)(left % 1000000) * 1000;
	r = ppoll(fds, n, &ts, NULL);
	return r < 0 && errno != EINTR ? -errno : 0;
}

static void set_fds(const struct cable *c, struct pollfd *fds)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct cable_port *p = &c->end[i];

		fds[i] = (struct pollfd){ .fd = p->port->ops->fd(p->port, 0) };
		if (!c->end[!i].backlog.n)
			fds[i].events |= POLLIN;
		if (p->backlog.n)
			fds[i].events |= POLLOUT;
	}
	fds[2] = (struct pollfd){ .fd = c->sigfd, .events = POLLIN };
}

/* One round. 1: more waits. */
static int turn(struct cable *c, const struct pollfd *fds)
{
	int more = 0;

	for (unsigned i = 0; i < 2; i++)
		if (c->end[i].backlog.n)
			carry_retry(c, i);
	for (unsigned i = 0; i < 2; i++) {
		bool readable = fds[i].revents && !c->end[!i].backlog.n;
		int r = carry(c, i, readable);

		if (r < 0)
			return r;
		more |= r;
	}
	return more;
}

int cable_run(struct cable *c, char *err, size_t err_len)
{
	uint64_t end = c->conf.seconds ?
			       c->env.now_us + c->conf.seconds * UINT64_C(1000000) :
			       UINT64_MAX;
	uint64_t mtu = c->env.now_us;
	int r = 0;

	while (c->env.now_us < end) {
		struct pollfd fds[3];

		if (c->env.now_us >= mtu) {
			read_mtu(&c->end[0]);
			read_mtu(&c->end[1]);
			mtu = c->env.now_us + MTU_EVERY_US;
		}
		set_fds(c, fds);
		r = wait(c, fds, 3, end, mtu, r > 0);
		c->env.now_us = now_us();
		if (r < 0 || fds[2].revents)
			break;
		r = turn(c, fds);
		if (r < 0)
			break;
	}
	if (r < 0)
		snprintf(err, err_len, "%s",
			 r == -EIO ? "an interface was deleted" : strerror(-r));
	return r < 0 ? r : 0;
}

/* ---- what was seen ---- */

const struct cable_stats *cable_stats(const struct cable *c, enum cable_end from)
{
	return &c->end[from].st;
}

const struct drop_counters *cable_drops(const struct cable *c)
{
	return &c->drops;
}

const struct registry *cable_registry(const struct cable *c)
{
	return c->reg;
}

unsigned cable_engine_stats(const struct cable *c, struct engine_stats *ret,
			    unsigned max)
{
	return engine_stats(c->eng, ret, max);
}

const struct port_caps *cable_caps(const struct cable *c, enum cable_end end)
{
	return &c->end[end].caps;
}

uint32_t cable_granted(const struct cable *c, enum cable_end end)
{
	return c->end[end].granted;
}

double cable_seconds(const struct cable *c)
{
	return (double)(now_us() - c->began_us) / 1e6;
}
