/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/udp.h - UDP header (RFC 768, RFC 8200 8.1)
 */
#ifndef GUST_WIRE_UDP_H
#define GUST_WIRE_UDP_H

#include <stddef.h>
#include <stdint.h>

#define UDP_HLEN 8

struct udp_hdr {
	uint16_t sport, dport, len, csum;
};

/* -EINVAL: shorter than 8 bytes. `len` is not judged here. */
int udp_parse(const uint8_t *p, size_t len, struct udp_hdr *ret_h);
void udp_build(uint8_t *p, const struct udp_hdr *h);

#endif
