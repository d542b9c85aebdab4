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

#define CONF_PLUGINS_MAX 32
#define CONF_PLUGIN_OPTIONS_MAX 8

/* plugins { options = {"impair: rx: loss 1%"} } */
struct conf_plugin_options {
	char name[16];
	char text[480];
};

struct gust_conf {
	/* interface "gust0" { ... } */
	char name[16];
	bool tap; /* mode = "tun" | "tap" */
	char *netns; /* NULL: ours */
	bool persist;
	bool up; /* set up at start, default true */
	uint32_t mtu; /* 0: leave as it is (new interface: 1500) */
	uint32_t txqueuelen; /* 0: leave */
	uint32_t gro_max; /* bytes; gro_max_size to set, 0: leave; 524280 */
	uint32_t feats; /* wanted FEAT_BIT()s */
	unsigned n_addr; /* address = { "10.111.0.1 peer 10.111.0.2", ... } */
	struct link_addr addr[LINK_ADDRS_MAX];
	unsigned n_route; /* route = { "default", "10.0.0.0/8", ... } */
	struct link_route route[LINK_ROUTES_MAX];
	unsigned n_own; /* stack = { "10.111.0.2", ... }: besides the peers */
	struct ipaddr own[STACK_OWN_MAX];
	bool has_mac;
	struct ethaddr mac; /* tap: the stack's own */

	/* top level */
	unsigned workers; /* 0: auto */
	char *control; /* unix socket path */
	int log_level;
	uint32_t drain_ms;
	uint32_t busy_poll_us; /* 0: sleep at once */
	uint32_t slab_len, slab_max, pkt_max;
	bool selftest; /* start-up probe */

	/* plugins { ... } */
	bool merge; /* what comes in as single packets */
	char plugin_dir[256]; /* "": where they were installed or built */
	unsigned n_plugin_off;
	char plugin_off[CONF_PLUGINS_MAX][16]; /* disable = {"uro"} */
	unsigned n_plugin_options;
	struct conf_plugin_options plugin_options[CONF_PLUGIN_OPTIONS_MAX];

	struct stack_snap snap; /* relay, tcp, udp, limits, services, publish: the
				   part that does not come from the interface */

	uint32_t given; /* CONF_GIVEN_*: named in the file. An interface that
				  existed before keeps what was not named. */
};

#define CONF_GIVEN_UP 0x01
#define CONF_GIVEN_GRO_MAX 0x02

/* What a new interface gets where the configuration leaves it open. */
#define CONF_NEW_MTU 1500
#define CONF_NEW_TXQUEUELEN 4096

/* Features wanted unless disabled. Tunnels and UFO are not: nothing behind the
 * interface ends them, so the kernel is to cut such packets before it hands
 * them over. */
#define CONF_FEATS_DEFAULT                                                         \
	((FEAT_BIT(FEAT_N) - 1) &                                                  \
	 ~(FEAT_BIT(FEAT_UDP_TNL) | FEAT_BIT(FEAT_UDP_TNL_CSUM) |                  \
	   FEAT_BIT(FEAT_UFO)))

/* Exit status for a bad configuration (sysexits EX_CONFIG). */
#define CONF_EXIT 78

/* 0, or -errno after every error was written to `errs`, one line each:
 * "FILE:LINE: option: what was expected". `path` NULL: the defaults. */
int conf_load(const char *path, struct gust_conf **ret_conf, FILE *errs);
void conf_free(struct gust_conf *c); /* NULL is fine */

/* `path`, which may be absent, and then every *.conf in `dir` in the order of
 * their names; later ones win, `+=` adds to a list. */
int conf_load_dropins(const char *path, const char *dir,
		      struct gust_conf **ret_conf, FILE *errs);

/* As conf_load(), from memory (for tests and fuzzing). */
int conf_parse(const char *text, const char *name, struct gust_conf **ret_conf,
	       FILE *errs);

#endif
