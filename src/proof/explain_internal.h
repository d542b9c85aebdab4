/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain_internal.h - what the files of explain share
 */
#ifndef GUST_PROOF_EXPLAIN_INTERNAL_H
#define GUST_PROOF_EXPLAIN_INTERNAL_H

#include "proof/explain.h"
#include "wire/eth.h"

#define IP_LEN_MAX 65535u
#define BIG_LEN_MAX 524280u /* GSO_MAX_SIZE of the kernel */

/* The packet on its way: how it looks behind the last hop. */
struct walk {
	const struct explain_facts *f;
	struct explain_path *p;
	bool v4;
	uint32_t ip_hdr; /* bytes of one segment's headers, from IP on */
	uint32_t mtu; /* of one segment */
	unsigned depth; /* all layers */
	uint32_t hdr; /* and their bytes */
	uint32_t size; /* the largest packet now */
	const char *carried; /* NULL: no superpacket */
};

/* explain.c */

/* Append a hop that passes on what w describes. The last one is used again when
 * there are too many. */
struct explain_hop *hop_add(struct walk *w, enum explain_kind kind,
			    const char *name);
/* After w->size or w->carried changed. */
void hop_pass(struct explain_hop *h, const struct walk *w);

__attribute__((format(printf, 2, 3))) void say(char buf[EXPLAIN_TEXT_LEN],
					       const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void
because(struct explain_hop *h, enum explain_why why, const char *fmt, ...);

/* The largest packet of whole segments within `limit` bytes; one segment when
 * not even two fit. */
uint32_t super_len(const struct walk *w, uint32_t limit);
bool is_super(const struct walk *w);
/* The packet becomes single segments at this hop. */
void cut_here(struct walk *w, struct explain_hop *h);

/* "ip netns exec NAME " for commands about the interface, or "". */
const char *run_inside(const struct walk *w, char buf[EXPLAIN_TEXT_LEN]);

/* A packet to or from the destination as it is on our own port, or on the host's
 * side; mtu and size are the caller's. */
void walk_start(struct walk *w, const struct explain_facts *f,
		struct explain_path *p, bool port);

/* explain_port.c: between the kernel inside and the stack */
void port_out(struct walk *w);
void port_back(struct walk *w);

/* explain_host.c: between the host's sockets and the world */
void host_out(struct walk *w);
void host_back(struct walk *w);

/* "192.0.2.1 via 10.0.0.1 dev eth0 ..." */
void say_route(char buf[EXPLAIN_TEXT_LEN], const struct ipaddr *dst,
	       const struct explain_way *way);

#endif
