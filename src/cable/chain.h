/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.h - tunnels inside each other, innermost first
 *
 * A tunnel that carries frames, around one whose packets are IP, is a link between two
 * stations whose Ethernet addresses follow from the tunnel's own: 02:67 and the last
 * four bytes of the address. Nobody has to be asked for them.
 */
#ifndef GUST_CABLE_CHAIN_H
#define GUST_CABLE_CHAIN_H

#include "offload/engine.h"

#define CHAIN_MAX 8

struct chain_link {
	const struct gust_plugin *desc;
	unsigned plugin; /* its index in the engine's set */
	void *tunnel;
	struct gust_tunnel_conf conf;
	char kind[16];
	bool frames; /* carries Ethernet frames alone */
	uint8_t eth[14]; /* around a tunnel inside it: a link of two stations */
};

struct chain {
	unsigned n;
	struct chain_link link[CHAIN_MAX];
};

/*
 * Add a tunnel around what is there: "vxlan id 42 local 192.0.2.1 remote 192.0.2.2
 * port 4789 csum ttl 64". `set` is what the engine runs. 0; -EINVAL and a sentence
 * that names the word and what was expected.
 */
int chain_add(struct chain *ch, const char *text, const struct engine_set *set,
	      char *err, size_t err_len);
void chain_close(struct chain *ch);

/* All headers in front, or all off again; what is not for this chain is dropped
 * (bad_tunnel or not_for_us). */
void chain_encap(struct chain *ch, struct engine *e, struct gust_batch *b);
void chain_decap(struct chain *ch, struct engine *e, struct gust_batch *b);

/* Bytes in front, from the outermost IP header on. */
uint32_t chain_overhead(const struct chain *ch);

#endif
