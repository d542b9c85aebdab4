/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.h - the daemon's one object, and what the control socket may ask of it
 */
#ifndef GUST_DAEMON_DAEMON_H
#define GUST_DAEMON_DAEMON_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/conf.h"
#include "daemon/selftest.h"
#include "link/facts.h"
#include "offload/registry.h"
#include "port/port.h"
#include "proof/proof.h"
#include "work/worker.h"

#define GUST_WORKERS_MAX 64

#define GUST_LINK_FDS_MAX 4

struct daemon {
	const char *conf_path;
	struct gust_conf *conf;
	struct event_base *base; /* the main thread's */
	struct pkt_pool *pool[GUST_WORKERS_MAX];
	struct port *port;
	struct tun_info tun;
	struct link *link; /* NULL: netlink not permitted */
	struct proof_result proof; /* the last self-test */
	struct selftest selftest; /* the one that runs */
	unsigned tun_granted,
		tun_set; /* TUN_F_*: accepted by the ladder, now set */
	/* FEAT_BIT()s: what feat_wanted lacks only because of our TUNSETOFFLOAD,
	 * what it is about to lose for that reason, what it was */
	uint32_t ours, to_lose, wanted_seen;
	_Atomic uint32_t demoted; /* FEAT_BIT()s refused at run time */
	struct port_caps to_kernel, from_kernel;
	struct stack_snap *snap; /* the current one */
	struct registry *plugins;
	pthread_mutex_t
		fault_lock; /* n_faulty, faulty: workers tell the main thread */
	unsigned n_faulty;
	char faulty[4][GUST_PLUGIN_NAME_MAX + 1];
	unsigned nworkers;
	struct worker *worker[GUST_WORKERS_MAX];
	struct control *control;
	uint64_t started_us;
	bool ready; /* READY=1 was sent */
	bool stopping;

	struct siphash_key flow_secret, tcp_secret;
	struct ethaddr mac; /* tap: the stack's own */
	struct link_state last; /* as of the last daemon_follow(), for the log;
					 without netlink: what is assumed */
	uint32_t last_demoted;
	bool workers_run;
	_Atomic bool gone; /* a worker saw the interface vanish */
	int wake_fd; /* eventfd: workers -> main */
	int exit_status;
	unsigned n_duplicate; /* tap: own addresses that others have */
	struct ipaddr duplicate[STACK_OWN_MAX];
	struct event *ev_dad;
	struct event *ev_signal[3], *ev_link[GUST_LINK_FDS_MAX], *ev_poll, *ev_wake;
};

/* ---- daemon.c: the start sequence and the loop ---- */

/* With d->conf set and everything else zero (wake_fd -1): run until a signal.
 * Returns the process's exit status; everything is released. */
int daemon_run(struct daemon *d);

/* Tell the service manager where we stand, the first time that we are ready. */
void daemon_announce(struct daemon *d);

/* ---- dad.c: duplicate address detection on a tap ---- */

/* Look until every own address is settled, then announce. 0 or -1. */
int dad_watch(struct daemon *d);

/* ---- follow.c: what the link says, and what follows from it ---- */

uint64_t daemon_now_us(void); /* monotonic */

const struct link_state *daemon_link_state(const struct daemon *d);

/* Capabilities from link, configuration, ladder, proof and demotions; sets the
 * kernel's offloads when they are to differ. */
void daemon_negotiate(struct daemon *d);

/* FEAT_BIT()s that gust itself and its enabled plugins can make and undo. */

/* Every fact about every offload, as of now. */
void daemon_facts(const struct daemon *d, struct link_facts *ret);

/* A new snapshot from configuration, link and capabilities. NULL: no memory. */
struct stack_snap *daemon_snapshot(const struct daemon *d);

/* Something changed (LINK_CHG_*, or a demotion): negotiate, publish, log. */
void daemon_follow(struct daemon *d, unsigned chg);

/* ---- plugins.c: offload plugins ---- */

/* Load, disable and set options as the configuration says; what is refused is
 * logged, and the daemon runs on without it. 0 or -ENOMEM. */
int plugins_start(struct daemon *d);
void plugins_stop(struct daemon *d);

/* FEAT_BIT()s that the enabled plugins and gust itself provide. */
uint32_t plugins_provide(const struct daemon *d);

/* How large a packet may get that is merged on the way in; 0: no merging. */
uint32_t plugins_gro_max(const struct daemon *d);

/* The engine's callbacks, in a worker's thread; `arg` is the daemon. */
void plugins_on_log(void *arg, enum gust_log_level level, const char *plugin,
		    const char *text);
void plugins_on_fault(void *arg, const char *plugin, const char *what);

/* In the main thread, after a fault was told: take the plugin away. */
void plugins_faulted(struct daemon *d);

/* At run time: enable, disable, give options. No packet is lost. 0; -errno and a
 * sentence. */
int plugins_enable(struct daemon *d, const char *name, bool on, char *err,
		   size_t err_len);
int plugins_options(struct daemon *d, const char *name, const char *options,
		    char *err, size_t err_len);

/* ---- control.c: varlink framing, JSON, on a unix socket ---- */

struct control;
/* Listens in d->base. -errno and a sentence. The path's stale socket is
 * replaced; a live one is refused (-EADDRINUSE). */
int control_new(struct daemon *d, const char *path, struct control **ret_c,
		char *err, size_t err_len);
void control_free(struct control *c);
/* Captures cut with the active plugins, too. `c` may be NULL. */
void control_plugins_changed(struct control *c, const struct engine_set *set);

/* ---- notify.c: sd_notify(3) without libsystemd ---- */

/* Send a state line ("READY=1") to $NOTIFY_SOCKET; 0 when there is none. */
int notify_send(const char *state);

#endif
