/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipv4.c - IPv4 header: parse, build, repair, options (RFC 791)
 *
 * A pure view: whether a total length, an address or a checksum makes sense is
 * judged by the dissector, which knows how many bytes really came.
 */
#include "wire/ipv4.h"

#include <assert.h>
#include <errno.h>

#include "wire/bytes.h"
#include "wire/csum.h"

/* byte offsets in the header */
#define OFF_TOS 1
#define OFF_TOT_LEN 2
#define OFF_ID 4
#define OFF_FRAG 6
#define OFF_TTL 8
#define OFF_PROTO 9
#define OFF_CSUM 10
#define OFF_SRC 12
#define OFF_DST 16

#define FRAG_DF 0x4000
#define FRAG_MF 0x2000
#define FRAG_OFF 0x1fff /* in units of 8 bytes */

#define OPT_EOL 0
#define OPT_NOP 1
#define OPT_LSRR 131
#define OPT_SSRR 137

int ipv4_parse(const uint8_t *p, size_t len, struct ipv4_hdr *ret_h)
{
	uint16_t frag;
	uint8_t hlen;

	if (len < IPV4_HLEN || p[0] >> 4 != 4)
		return -EINVAL;
	hlen = (p[0] & 15) * 4;
	if (hlen < IPV4_HLEN || hlen > len)
		return -EINVAL;
	frag = get16(p + OFF_FRAG);
	*ret_h = (struct ipv4_hdr){
		.src = ipaddr_from4(p + OFF_SRC),
		.dst = ipaddr_from4(p + OFF_DST),
		.tot_len = get16(p + OFF_TOT_LEN),
		.id = get16(p + OFF_ID),
		.frag_off = (frag & FRAG_OFF) * 8,
		.csum = get16(p + OFF_CSUM),
		.hlen = hlen,
		.tos = p[OFF_TOS],
		.ttl = p[OFF_TTL],
		.proto = p[OFF_PROTO],
		.df = frag & FRAG_DF,
		.mf = frag & FRAG_MF,
		.opt = p + IPV4_HLEN,
	};
	return 0;
}

bool ipv4_csum_ok(const uint8_t *p, uint8_t hlen)
{
	return csum_fold(csum_add(0, p, hlen)) == 0;
}

void ipv4_build(uint8_t *p, const struct ipv4_hdr *h)
{
	uint16_t frag = h->frag_off / 8;

	assert(h->hlen >= IPV4_HLEN && h->hlen <= IPV4_HLEN_MAX &&
	       h->hlen % 4 == 0);
	assert(h->frag_off % 8 == 0);
	if (h->df)
		frag |= FRAG_DF;
	if (h->mf)
		frag |= FRAG_MF;
	/* first, as they may stand inside the bytes that are written now */
	if (h->hlen > IPV4_HLEN)
		memmove(p + IPV4_HLEN, h->opt, h->hlen - IPV4_HLEN);
	p[0] = 0x40 | h->hlen / 4;
	p[OFF_TOS] = h->tos;
	put16(p + OFF_TOT_LEN, h->tot_len);
	put16(p + OFF_ID, h->id);
	put16(p + OFF_FRAG, frag);
	p[OFF_TTL] = h->ttl;
	p[OFF_PROTO] = h->proto;
	put16(p + OFF_CSUM, 0);
	memcpy(p + OFF_SRC, h->src.b + 12, 4);
	memcpy(p + OFF_DST, h->dst.b + 12, 4);
	put16(p + OFF_CSUM, csum_fold(csum_add(0, p, h->hlen)));
}

void ipv4_set_len_id(uint8_t *p, uint16_t tot_len, uint16_t id)
{
	/* RFC 1624 section 3, equation 3: HC' = ~(~HC + ~m + m') */
	uint32_t sum = (uint16_t)~get16(p + OFF_CSUM);

	sum += (uint16_t)~get16(p + OFF_TOT_LEN);
	sum += (uint16_t)~get16(p + OFF_ID);
	sum += (uint32_t)tot_len + id;
	put16(p + OFF_TOT_LEN, tot_len);
	put16(p + OFF_ID, id);
	put16(p + OFF_CSUM, csum_fold(sum));
}

void ipv4_dec_ttl(uint8_t *p)
{
	/* RFC 1624 section 3, equation 3; TTL and protocol are one word */
	uint32_t sum = (uint16_t)~get16(p + OFF_CSUM);

	sum += (uint16_t)~get16(p + OFF_TTL);
	p[OFF_TTL]--;
	sum += get16(p + OFF_TTL);
	put16(p + OFF_CSUM, csum_fold(sum));
}

int ipv4_check_opts(const uint8_t *opt, size_t len)
{
	while (len) {
		if (opt[0] == OPT_EOL)
			return 0;
		if (opt[0] == OPT_NOP) {
			opt++;
			len--;
			continue;
		}
		if (len < 2 || opt[1] < 2 || opt[1] > len)
			return -EINVAL;
		/* RFC 7126 4.3, 4.4: drop, source routing is a way around
		 * every filter */
		if (opt[0] == OPT_LSRR || opt[0] == OPT_SSRR)
			return -EPERM;
		len -= opt[1];
		opt += opt[1];
	}
	return 0;
}
