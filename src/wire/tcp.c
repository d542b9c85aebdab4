/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/tcp.c - TCP header and options
 *
 * Options are parsed by form alone: that an MSS means something on a SYN only,
 * or a SACK block lies in the window, is for the core to judge. The one value
 * that is corrected here is the window scale, which RFC 7323 caps at 14, since
 * a larger shift would be no shift at all.
 */
#include "wire/tcp.h"

#include <errno.h>

#include "wire/bytes.h"

#define OFF_SPORT 0
#define OFF_DPORT 2
#define OFF_SEQ 4
#define OFF_ACK 8
#define OFF_FLAGS 12 /* data offset, reserved bits, flags */
#define OFF_WND 14
#define OFF_CSUM 16
#define OFF_URP 18

#define FLAGS_MASK 0x1ff
#define OPTS_MAX (TCP_HLEN_MAX - TCP_HLEN)
#define WSCALE_MAX 14

/* option kinds */
#define KIND_EOL 0
#define KIND_NOP 1
#define KIND_MSS 2
#define KIND_WSCALE 3
#define KIND_SACK_PERM 4
#define KIND_SACK 5
#define KIND_TS 8

/* option lengths, kind and length byte included */
#define LEN_MSS 4
#define LEN_WSCALE 3
#define LEN_SACK_PERM 2
#define LEN_TS 10
#define LEN_SACK(n) (2 + 8 * (n))

static int parse_sack(const uint8_t *p, uint8_t len, struct tcp_opts *o)
{
	uint8_t n = (len - 2) / 8;

	if (!n || n > TCP_SACK_MAX || len != LEN_SACK(n))
		return -EINVAL;
	for (uint8_t i = 0; i < n; i++) {
		o->sack[i].l = get32(p + 2 + 8 * i);
		o->sack[i].r = get32(p + 6 + 8 * i);
	}
	o->nsack = n;
	o->present |= TCP_OPT_SACK;
	return 0;
}

/* One option of `len` bytes, which are there. -EINVAL: a known kind of the
 * wrong length. */
static int parse_opt(const uint8_t *p, uint8_t len, struct tcp_opts *o)
{
	switch (p[0]) {
	case KIND_MSS:
		if (len != LEN_MSS)
			return -EINVAL;
		o->mss = get16(p + 2);
		o->present |= TCP_OPT_MSS;
		return 0;
	case KIND_WSCALE:
		if (len != LEN_WSCALE)
			return -EINVAL;
		/* RFC 7323 2.3: above 14, MUST use 14 */
		o->wscale = p[2] > WSCALE_MAX ? WSCALE_MAX : p[2];
		o->present |= TCP_OPT_WSCALE;
		return 0;
	case KIND_SACK_PERM:
		if (len != LEN_SACK_PERM)
			return -EINVAL;
		o->present |= TCP_OPT_SACK_PERM;
		return 0;
	case KIND_SACK:
		return parse_sack(p, len, o);
	case KIND_TS:
		if (len != LEN_TS)
			return -EINVAL;
		o->tsval = get32(p + 2);
		o->tsecr = get32(p + 6);
		o->present |= TCP_OPT_TS;
		return 0;
	}
	return 0; /* RFC 9293 3.1 (MUST-6): unknown, skipped by its length */
}

static void parse_opts(const uint8_t *p, uint8_t len, struct tcp_opts *o)
{
	while (len) {
		if (p[0] == KIND_EOL)
			return;
		if (p[0] == KIND_NOP) {
			p++;
			len--;
			continue;
		}
		/* RFC 9293 3.1 (MUST-7): illegal lengths must do no harm */
		if (len < 2 || p[1] < 2 || p[1] > len || parse_opt(p, p[1], o))
			return;
		len -= p[1];
		p += p[1];
	}
}

int tcp_hdr_parse(const uint8_t *p, size_t len, struct tcp_hdr *ret_h)
{
	uint16_t flags;
	uint8_t hlen;

	if (len < TCP_HLEN)
		return -EINVAL;
	flags = get16(p + OFF_FLAGS);
	hlen = (flags >> 12) * 4;
	if (hlen < TCP_HLEN || hlen > len)
		return -EINVAL;
	*ret_h = (struct tcp_hdr){
		.sport = get16(p + OFF_SPORT),
		.dport = get16(p + OFF_DPORT),
		.seq = get32(p + OFF_SEQ),
		.ack = get32(p + OFF_ACK),
		.flags = flags & FLAGS_MASK,
		.wnd = get16(p + OFF_WND),
		.csum = get16(p + OFF_CSUM),
		.urp = get16(p + OFF_URP),
		.hlen = hlen,
	};
	parse_opts(p + TCP_HLEN, hlen - TCP_HLEN, &ret_h->opt);
	return 0;
}

/* What the options other than SACK blocks take, padding included. */
static uint8_t fixed_len(uint8_t present)
{
	uint8_t len = 0;

	if (present & TCP_OPT_MSS)
		len += 4;
	if (present & TCP_OPT_TS)
		len += 12; /* two bytes of room for NOPs or SACK-permitted */
	else if (present & TCP_OPT_SACK_PERM)
		len += 4;
	if (present & TCP_OPT_WSCALE)
		len += 4;
	return len;
}

/* How many SACK blocks are written behind `fixed` bytes of other options. */
static uint8_t sack_fit(const struct tcp_opts *o, uint8_t fixed)
{
	uint8_t room = (OPTS_MAX - fixed - 4) / 8;

	if (!(o->present & TCP_OPT_SACK))
		return 0;
	if (room > TCP_SACK_MAX)
		room = TCP_SACK_MAX;
	return o->nsack < room ? o->nsack : room;
}

uint8_t tcp_opts_len(const struct tcp_opts *o)
{
	uint8_t fixed = fixed_len(o->present);
	uint8_t n = sack_fit(o, fixed);

	return fixed + (n ? 4 + 8 * n : 0);
}

/* Two bytes of SACK-permitted stand where the timestamps would need two NOPs
 * for alignment (RFC 7323 appendix A). */
static uint8_t *put_ts(uint8_t *p, const struct tcp_opts *o)
{
	bool perm = o->present & TCP_OPT_SACK_PERM;

	p[0] = perm ? KIND_SACK_PERM : KIND_NOP;
	p[1] = perm ? LEN_SACK_PERM : KIND_NOP;
	p[2] = KIND_TS;
	p[3] = LEN_TS;
	put32(p + 4, o->tsval);
	put32(p + 8, o->tsecr);
	return p + 12;
}

static uint8_t *put_sack(uint8_t *p, const struct tcp_opts *o, uint8_t n)
{
	p[0] = KIND_NOP;
	p[1] = KIND_NOP;
	p[2] = KIND_SACK;
	p[3] = LEN_SACK(n);
	p += 4;
	for (uint8_t i = 0; i < n; i++, p += 8) {
		put32(p, o->sack[i].l);
		put32(p + 4, o->sack[i].r);
	}
	return p;
}

static uint8_t *put_opts(uint8_t *p, const struct tcp_opts *o)
{
	uint8_t n = sack_fit(o, fixed_len(o->present));

	if (o->present & TCP_OPT_MSS) {
		p[0] = KIND_MSS;
		p[1] = LEN_MSS;
		put16(p + 2, o->mss);
		p += 4;
	}
	if (o->present & TCP_OPT_TS) {
		p = put_ts(p, o);
	} else if (o->present & TCP_OPT_SACK_PERM) {
		p[0] = KIND_NOP;
		p[1] = KIND_NOP;
		p[2] = KIND_SACK_PERM;
		p[3] = LEN_SACK_PERM;
		p += 4;
	}
	if (o->present & TCP_OPT_WSCALE) {
		p[0] = KIND_NOP;
		p[1] = KIND_WSCALE;
		p[2] = LEN_WSCALE;
		p[3] = o->wscale;
		p += 4;
	}
	return n ? put_sack(p, o, n) : p;
}

uint8_t tcp_hdr_build(uint8_t *p, const struct tcp_hdr *h)
{
	uint8_t hlen = put_opts(p + TCP_HLEN, &h->opt) - p;

	put16(p + OFF_SPORT, h->sport);
	put16(p + OFF_DPORT, h->dport);
	put32(p + OFF_SEQ, h->seq);
	put32(p + OFF_ACK, h->ack);
	put16(p + OFF_FLAGS, hlen / 4 << 12 | (h->flags & FLAGS_MASK));
	put16(p + OFF_WND, h->wnd);
	put16(p + OFF_CSUM, 0);
	put16(p + OFF_URP, h->urp);
	return hlen;
}
