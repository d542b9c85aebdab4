/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcpcheck.h - what must hold of a TCP connection at any time, whoever drives it
 *
 * Used by the simulator and by the fuzz target after every step. It looks into
 * struct tcp, which only tests may.
 */
#ifndef GUST_TESTS_SIM_TCPCHECK_H
#define GUST_TESTS_SIM_TCPCHECK_H

#include "tcp/tcp.h"

/* The bytes that this end's application sends: byte `i` of the stream. */
static inline uint8_t tcpcheck_byte(uint32_t key, uint64_t i)
{
	return (uint8_t)((((uint32_t)i + key) * UINT32_C(2654435761)) >> 24);
}

struct tcpcheck {
	const struct tcp *t;
	uint32_t key; /* of the bytes sent */
	bool synced; /* the peer's SYN was seen: the fields below hold */
	uint32_t rcv_nxt; /* the largest so far */
	uint32_t right; /* furthest that the peer's window ever reached */
	uint32_t adv; /* furthest that our window ever reached */
	uint32_t last_ack; /* the largest sent */
	bool adv_set;
	uint32_t rcvbuf_top; /* largest rcvbuf so far */
	char why[200];
};

void tcpcheck_init(struct tcpcheck *c, const struct tcp *t, uint32_t key);

/* After tcp_input(), tcp_timer(), an application call or tcp_output(). */
bool tcpcheck_state(struct tcpcheck *c);

/* After tcp_output(), at the end of a turn: whatever is outstanding or waiting
 * has a timer that will bring it forward. */
bool tcpcheck_live(struct tcpcheck *c);

/* One packet of tcp_output(), still as the connection made it. */
bool tcpcheck_output(struct tcpcheck *c, const struct gust_pkt *p);

/* A packet as the other side's port would deliver it: every byte copied
 * contiguously into a slab, dissected. Offload facts (gso, owed checksum) are
 * carried over as a vnet_hdr would. `slab` is the slab being filled, replaced
 * when it is full. NULL: pool limit or the dissector refused (*ret_drop). */
struct gust_pkt *tcpcheck_deliver(struct pkt_pool *pool, struct gust_slab **slab,
				  const struct gust_pkt *p,
				  enum drop_reason *ret_drop);

#endif
