/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipv4.h - IPv4 header (RFC 791, ECN RFC 3168)
 */
#ifndef GUST_WIRE_IPV4_H
#define GUST_WIRE_IPV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipaddr.h"

#define IPV4_HLEN 20
#define IPV4_HLEN_MAX 60

struct ipv4_hdr {
	struct ipaddr src, dst; /* v4-mapped */
	uint16_t tot_len; /* as on the wire; 0 for BIG TCP */
	uint16_t id;
	uint16_t frag_off; /* bytes */
	uint16_t csum;
	uint8_t hlen; /* bytes, 20..60 */
	uint8_t tos, ttl, proto;
	bool df, mf;
	const uint8_t *opt; /* hlen - 20 bytes, inside the packet */
};

/* -EINVAL: shorter than 20 bytes, version not 4, header length below 20 or
 * beyond `len`. Does not look at tot_len or the checksum. */
int ipv4_parse(const uint8_t *p, size_t len, struct ipv4_hdr *ret_h);

/* Is the header checksum at `p` right? `hlen` as parsed. */
bool ipv4_csum_ok(const uint8_t *p, uint8_t hlen);

/* Write h->hlen bytes at `p` (options copied from h->opt), checksum filled in;
 * h->csum is ignored. */
void ipv4_build(uint8_t *p, const struct ipv4_hdr *h);

/* Rewrite tot_len and id in place and repair the checksum by difference. */
void ipv4_set_len_id(uint8_t *p, uint16_t tot_len, uint16_t id);

/* One off the TTL, which is not 0, and the checksum repaired by difference. */
void ipv4_dec_ttl(uint8_t *p);

/* Walk options: source routes (LSRR, SSRR) are refused, the rest only has to
 * be well formed. 0, -EINVAL malformed, -EPERM source route. */
int ipv4_check_opts(const uint8_t *opt, size_t len);

#endif
