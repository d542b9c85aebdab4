/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.h - the daemon's one object, and what the control socket may ask of it
 */
#ifndef GUST_DAEMON_DAEMON_H
#define GUST_DAEMON_DAEMON_H

#include <event2/event.h>

#include "daemon/conf.h"
#include "link/link.h"
#include "port/port.h"
#include "proof/proof.h"
#include "work/worker.h"

#define GUST_WORKERS_MAX 64

struct daemon {
	const char *conf_path;
	struct gust_conf *conf;
	struct event_base *base;      /* the main thread's */
	struct pkt_pool *pool[GUST_WORKERS_MAX];
	struct port *port;
	struct tun_info tun;
	struct link *link;            /* NULL: netlink not permitted */
	struct proof_result proof;
	unsigned tun_granted, tun_set;/* TUN_F_*: accepted by the ladder, now set */
	_Atomic uint32_t demoted;     /* FEAT_BIT()s refused at run time */
	struct port_caps to_kernel, from_kernel;
	struct stack_snap *snap;      /* the current one */
	unsigned nworkers;
	struct worker *worker[GUST_WORKERS_MAX];
	struct control *control;
	uint64_t started_us;
	bool ready;                   /* READY=1 was sent */
	bool stopping;
};

/* ---- control.c: varlink framing, JSON, on a unix socket ---- */

struct control;
/* Listens in d->base. -errno and a sentence. The path's stale socket is
 * replaced; a live one is refused (-EADDRINUSE). */
int control_new(struct daemon *d, const char *path, struct control **ret_c,
		char *err, size_t err_len);
void control_free(struct control *c);

/* ---- notify.c: sd_notify(3) without libsystemd ---- */

/* Send a state line ("READY=1") to $NOTIFY_SOCKET; 0 when there is none. */
int notify_send(const char *state);

#endif
