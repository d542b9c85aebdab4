/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/icmp.c - the eight bytes that ICMP and ICMPv6 share
 */
#include "wire/icmp.h"

#include <errno.h>

#include "wire/bytes.h"

int icmp_parse(const uint8_t *p, size_t len, struct icmp_hdr *ret_h)
{
	if (len < ICMP_HLEN)
		return -EINVAL;
	*ret_h = (struct icmp_hdr){
		.type = p[0],
		.code = p[1],
		.csum = get16(p + 2),
		.rest = get32(p + 4),
	};
	return 0;
}

void icmp_build(uint8_t *p, const struct icmp_hdr *h)
{
	p[0] = h->type;
	p[1] = h->code;
	put16(p + 2, h->csum);
	put32(p + 4, h->rest);
}
