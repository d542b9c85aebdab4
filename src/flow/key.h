/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key.h - what identifies a flow
 *
 * Seen from the inside: `in` is the host behind the interface, `out` is whom it
 * talks to. A packet from the interface has src == in. UDP mappings are keyed
 * by `in` alone (endpoint-independent, RFC 4787 REQ-1): `out` is zero.
 */
#ifndef GUST_FLOW_KEY_H
#define GUST_FLOW_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/siphash.h"
#include "wire/ipaddr.h"

struct flow_key {
	struct ipaddr in, out;
	uint16_t in_port, out_port; /* host order; ICMP echo: id, 0 */
	uint8_t proto;
	uint8_t zero[3]; /* keeps the bytes comparable */
};

static inline bool flow_key_eq(const struct flow_key *a, const struct flow_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline uint32_t flow_key_hash(const struct siphash_key *sk,
				     const struct flow_key *k)
{
	return siphash13(sk, k, sizeof(*k));
}

/*
 * The worker that owns the flow is a pure function of the key: no directory
 * has to be kept coherent, and a packet that the kernel steers elsewhere is
 * handed over by looking at itself alone. The high bits are taken, because
 * the table uses the low ones.
 */
static inline unsigned flow_owner(uint32_t hash, unsigned nworkers)
{
	return ((uint64_t)hash * nworkers) >> 32;
}

struct gust_pkt;

/*
 * The key of a dissected packet that came from the interface: TCP and UDP by
 * ports (UDP: `out` zeroed), ICMP echo requests by id, ICMP errors by the
 * packet they quote (turned round: the quoted packet is one that *we* sent to
 * the inside), fragments by addresses and protocol only.
 * 0, or -EPROTONOSUPPORT when the packet belongs to no flow (anything else:
 * worker 0 takes it).
 */
int flow_key_of(const struct gust_pkt *p, struct flow_key *ret_key);

/*
 * The packet that an ICMP error quotes, one that *we* sent to the inside. The
 * key is as flow_key_of() says; a later fragment has addresses and protocol
 * only. `src` and `sport` say what the key of a UDP mapping leaves out.
 */
struct flow_quote {
	struct flow_key key;
	struct ipaddr src;
	uint16_t sport;
	uint32_t ip_len; /* what the quoted header says it measured */
	uint32_t tcp_seq;
	bool has_seq;
};

/* `len` bytes of quotation; -EINVAL: cut short or malformed. */
int flow_quote_parse(const void *p, size_t len, bool v6, struct flow_quote *ret_q);
/* The same, from the payload of a dissected ICMP error. */
int flow_quote_of(const struct gust_pkt *p, bool v6, struct flow_quote *ret_q);

#endif
