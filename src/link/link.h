/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - the interface as the administrator sees it, through netlink
 *
 * `struct link` owns a route netlink socket, a monitor socket and an ethtool
 * generic netlink socket *in the interface's namespace*, keeps one
 * `struct link_state` true, and says when it changed. It knows no event loop:
 * the caller polls link_fds() and calls link_read().
 *
 * The pure function link_negotiate() turns what is wanted, what the kernel
 * granted, what the administrator switched off and what was proven into the
 * capabilities that the data path uses.
 */
#ifndef GUST_LINK_LINK_H
#define GUST_LINK_LINK_H

#include <net/if.h>

#include "pkt/caps.h"
#include "wire/eth.h"
#include "wire/ipaddr.h"

#define LINK_ADDRS_MAX 32
#define LINK_ROUTES_MAX 256

struct link_addr {
	struct ipaddr local; /* the kernel's end */
	struct ipaddr peer; /* of a point-to-point address; else == local */
	uint8_t plen;
	bool has_peer;
};

struct link_route {
	struct ipaddr dst;
	uint8_t plen;
	struct ipaddr via; /* all zero: none */
	uint32_t metric, table;
};

struct link_state {
	int ifindex;
	char name[IF_NAMESIZE];
	bool present; /* false: the interface was deleted */
	bool up, lower_up;
	uint32_t mtu, txqueuelen;
	uint32_t gso_max_size, gro_max_size; /* IPv6, and IPv4 below 64 KB */
	uint32_t gso_ipv4_max_size, gro_ipv4_max_size; /* 0: kernel lacks them */
	uint32_t tso_max_size;
	struct ethaddr mac;
	unsigned n_addr;
	struct link_addr addr[LINK_ADDRS_MAX];
	unsigned n_route; /* through the interface, main table */
	struct link_route route[LINK_ROUTES_MAX];
	/* ethtool: what is active, and what the administrator wants; FEAT_BIT()s
	 * of the features that the kernel names (tun's *transmit* side: what the
	 * kernel hands us; rx-gro: what it takes from us, see negotiate) */
	uint32_t feat_active, feat_wanted, feat_hw;
	bool ethtool_ok; /* the ethtool family answered */
};

struct link;

/*
 * `netns_fd`: -1 for ours; otherwise sockets are made there (the calling
 * thread returns to its own namespace). Reads the full state. -errno and a
 * sentence in `err`.
 */
int link_open(int netns_fd, int ifindex, struct link **ret_link, char *err,
	      size_t err_len);
void link_close(struct link *l);

/* Descriptors to poll for reading; returns how many (<= max). */
unsigned link_fds(const struct link *l, int *fds, unsigned max);

/* LINK_CHG_* since the last call; 0: nothing that concerns us. Never blocks.
 * On ENOBUFS it resynchronises by reading everything again. */
#define LINK_CHG_LINK 0x01 /* mtu, up, txqueuelen, sizes */
#define LINK_CHG_ADDR 0x02
#define LINK_CHG_ROUTE 0x04
#define LINK_CHG_FEAT 0x08
#define LINK_CHG_GONE 0x10
unsigned link_read(struct link *l);

/* Sizes send no notification, and neither does a feature that the administrator
 * wants but that stays inactive: poll slowly (every second or two). Same bits. */
unsigned link_poll_sizes(struct link *l);

const struct link_state *link_state(const struct link *l);

/* Changes through netlink; each 0 or -errno. */
int link_set_up(struct link *l, bool up);
int link_set_mtu(struct link *l, uint32_t mtu);
int link_set_txqueuelen(struct link *l, uint32_t n);
int link_set_gro_max(struct link *l, uint32_t gro_max, uint32_t gro_ipv4_max);
int link_set_mac(struct link *l, const struct ethaddr *mac);
/* Adds when absent; -EEXIST is success. IPv6: `nodad`. */
int link_add_addr(struct link *l, const struct link_addr *a);
int link_add_route(struct link *l, const struct link_route *r);

/* The two directions of a port. */
enum fact_dir {
	FACT_FROM_KERNEL, /* what we read */
	FACT_TO_KERNEL, /* what we write */
	FACT_DIRS
};

/* What the self-test found (proof room), FEAT_BIT()s by enum fact_dir. What is in
 * neither is unproven; all zero: nothing was tried. */
struct link_proof {
	uint32_t ok[FACT_DIRS], failed[FACT_DIRS];
};

struct link_want {
	uint32_t feats; /* FEAT_BIT()s of the configuration */
	uint32_t provided; /* of gust itself and of the enabled plugins */
	/* FEAT_BIT()s that feat_wanted lacks only because our own TUNSETOFFLOAD
	 * left them out: not the administrator's wish */
	uint32_t ours;
	uint32_t gso_max; /* bytes, upper bound towards the kernel; 0: as the link
			     says */
};

/* The TUN_F_* for features, without those that the kernel would refuse for lack
 * of another one (all need FEAT_TX_CSUM). What tun_offload_ladder() begins
 * with. */
unsigned link_tun_f(uint32_t feats);

/* FEAT_BIT()s that the administrator has not switched off (all, when unknown).
 * Before the first TUNSETOFFLOAD on an interface that existed already, the
 * ladder is to begin with link_tun_f(wanted & link_feats_allowed(st)). */
uint32_t link_feats_allowed(const struct link_state *st);

/*
 * Pure. `granted`: TUN_F_* accepted by the ladder. Results: `ret_to_kernel` for
 * what we write, `ret_from_kernel` for what we may read, and *ret_tun_f the
 * TUN_F_* to set now: never more than the administrator's ethtool -K leaves.
 *
 * When to set: at the opening, when the configuration changed, and when
 * *ret_tun_f has gained bits over what is set. Not when it has only lost bits:
 * the kernel already enforces what ethtool -K takes away, and setting less
 * would (as TUNSETOFFLOAD overwrites what ethtool calls "wanted") make `tx off`
 * forget the TSO that `tx on` should bring back, and make `tso on` take effect
 * only with the next poll. What was disproven, or lost its plugin, is another
 * matter: the kernel does not know of that, and has to be told.
 *
 * link_facts() (facts.h) says the same feature by feature, with reasons.
 */
void link_negotiate(const struct link_state *st, const struct link_want *want,
		    unsigned granted, const struct link_proof *proof,
		    uint32_t demoted, struct port_caps *ret_to_kernel,
		    struct port_caps *ret_from_kernel, unsigned *ret_tun_f);

#endif
