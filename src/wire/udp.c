/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/udp.c - UDP header (RFC 768)
 *
 * A length of 0 (a jumbogram, RFC 2675 section 4) and a checksum of 0 (none)
 * are handed on as they are.
 */
#include "wire/udp.h"

#include <errno.h>

#include "wire/bytes.h"

int udp_parse(const uint8_t *p, size_t len, struct udp_hdr *ret_h)
{
	if (len < UDP_HLEN)
		return -EINVAL;
	*ret_h = (struct udp_hdr){
		.sport = get16(p),
		.dport = get16(p + 2),
		.len = get16(p + 4),
		.csum = get16(p + 6),
	};
	return 0;
}

void udp_build(uint8_t *p, const struct udp_hdr *h)
{
	put16(p, h->sport);
	put16(p + 2, h->dport);
	put16(p + 4, h->len);
	put16(p + 6, h->csum);
}
