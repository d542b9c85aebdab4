/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf.h - gustd.conf, read with libconfuse
 *
 * Errors name file, line and what was expected.
 */
#ifndef GUST_DAEMON_CONF_H
#define GUST_DAEMON_CONF_H

#include <stdbool.h>
#include <stdio.h>

#include "link/link.h"
#include "pkt/caps.h"
#include "relay/stack.h"

struct gust_conf {
	/* interface "gust0" { ... } */
	char name[16];
	bool tap;              /* mode = "tun" | "tap" */
	char *netns;           /* NULL: ours */
	bool persist;
	bool up;               /* set up at start, default true */
	uint32_t mtu;          /* 0: leave as it is (new interface: 1500) */
	uint32_t txqueuelen;   /* 0: leave */
	uint32_t gro_max;      /* bytes; gro_max_size to set, 0: leave; 524280 */
	uint32_t feats;        /* wanted FEAT_BIT()s */
	unsigned n_addr;       /* address = { "10.111.0.1 peer 10.111.0.2", ... } */
	struct link_addr addr[LINK_ADDRS_MAX];
	unsigned n_route;      /* route = { "default", "10.0.0.0/8", ... } */
	struct link_route route[LINK_ROUTES_MAX];
	unsigned n_own;        /* stack = { "10.111.0.2", ... }: besides the peers */
	struct ipaddr own[STACK_OWN_MAX];
	bool has_mac;
	struct ethaddr mac;    /* tap: the stack's own */

	/* top level */
	unsigned workers;      /* 0: auto */
	char *control;         /* unix socket path */
	int log_level;
	uint32_t drain_ms;
	uint32_t slab_len, slab_max, pkt_max;
	bool selftest;         /* start-up probe */

	struct stack_snap snap; /* relay, tcp, udp, limits, services, publish: the
				   part that does not come from the interface */
};

/* Exit status for a bad configuration (sysexits EX_CONFIG). */
#define CONF_EXIT 78

/* 0, or -errno after every error was written to `errs`, one line each:
 * "FILE:LINE: option: what was expected". `path` NULL: the defaults. */
int conf_load(const char *path, struct gust_conf **ret_conf, FILE *errs);
void conf_free(struct gust_conf *c);

/* As conf_load(), from memory (for tests and fuzzing). */
int conf_parse(const char *text, const char *name, struct gust_conf **ret_conf, FILE *errs);

#endif
