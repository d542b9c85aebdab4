/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cable.h - a wire between two taps, or two tuns, that carries superpackets whole
 *
 * What enters at one end is merged, fitted to the other end and written there; what
 * the other end carries as it is, is not touched. In between, filters (the impair
 * plugin) see the packets as they would be on a real wire. One thread.
 */
#ifndef GUST_CABLE_CABLE_H
#define GUST_CABLE_CABLE_H

#include "offload/plan.h"
#include "offload/registry.h"
#include "port/port.h"

/* Offloads by groups, for those that are not to be used. */
#define CABLE_CSUM 0x01 /* with it goes all but merging */
#define CABLE_TSO 0x02
#define CABLE_ECN 0x04
#define CABLE_USO 0x08
#define CABLE_GRO 0x10

enum cable_end { CABLE_A, CABLE_B };

/* What end B is. */
enum cable_underlay {
	CABLE_TAP, /* as A: a tap or tun */
	CABLE_PACKET, /* an Ethernet device that carries tunnels */
	CABLE_UDP, /* a UDP socket that does */
};

#define CABLE_TUNNELS_MAX 8

struct cable_conf {
	const char *name[2], *netns[2]; /* netns NULL: ours */
	bool tun;
	bool up; /* set both interfaces up */
	enum cable_underlay underlay;
	unsigned n_tunnel; /* underlay udp: at least one; packet: without any,
			      frames pass as they are */
	const char *tunnel[CABLE_TUNNELS_MAX]; /* innermost first, see chain.h */
	unsigned without; /* CABLE_* */
	const char *impair; /* the impair plugin's options; NULL: none */
	const char *plugin_dir; /* NULL: where they were built or installed */
	unsigned seconds; /* 0: until a signal */
};

/* What went in at one end. */
struct cable_stats {
	uint64_t rx_packets, rx_bytes, rx_super;
	uint64_t merged; /* packets that became part of another one */
	uint64_t tx_packets, tx_bytes, tx_super; /* written at the other end */
	uint64_t refused; /* forms that the other end did not take */
	struct plan_stats plan;
};

struct cable;

/* 0, or -errno and a sentence. */
int cable_open(const struct cable_conf *conf, struct cable **ret, char *err,
	       size_t err_len);
/*
 * Carry packets until SIGTERM or SIGINT, or for conf->seconds: 0. -EIO: an
 * interface was deleted. -errno and a sentence otherwise.
 */
int cable_run(struct cable *c, char *err, size_t err_len);
void cable_close(struct cable *c);

const struct cable_stats *cable_stats(const struct cable *c, enum cable_end from);
const struct drop_counters *cable_drops(const struct cable *c);
const struct registry *cable_registry(const struct cable *c);
unsigned cable_engine_stats(const struct cable *c, struct engine_stats *ret,
			    unsigned max);
/* What this end takes, and what its kernel was asked to hand over (FEAT_BIT()s). */
const struct port_caps *cable_caps(const struct cable *c, enum cable_end end);
uint32_t cable_granted(const struct cable *c, enum cable_end end);
/* Seconds since cable_open(). */
double cable_seconds(const struct cable *c);

/* Print what cable_run() carried (report.c). */
void cable_report(const struct cable *c, const struct cable_conf *conf, bool json);

#endif
