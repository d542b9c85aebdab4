/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire/tcp.h - TCP header and options (RFC 9293 3.1, 7323, 2018)
 */
#ifndef GUST_WIRE_TCP_H
#define GUST_WIRE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_HLEN 20
#define TCP_HLEN_MAX 60

#define TCP_FIN 0x001
#define TCP_SYN 0x002
#define TCP_RST 0x004
#define TCP_PSH 0x008
#define TCP_ACK 0x010
#define TCP_URG 0x020
#define TCP_ECE 0x040
#define TCP_CWR 0x080
#define TCP_AE 0x100 /* RFC 9768 */

/* tcp_opts.present */
#define TCP_OPT_MSS 0x01
#define TCP_OPT_WSCALE 0x02
#define TCP_OPT_SACK_PERM 0x04
#define TCP_OPT_TS 0x08
#define TCP_OPT_SACK 0x10

#define TCP_SACK_MAX 4

struct tcp_sack_block {
	uint32_t l, r; /* [l, r) in sequence space */
};

struct tcp_opts {
	uint8_t present; /* TCP_OPT_* */
	uint8_t wscale; /* parsed: 14 at most (RFC 7323 2.3) */
	uint8_t nsack;
	uint16_t mss;
	uint32_t tsval, tsecr;
	struct tcp_sack_block sack[TCP_SACK_MAX];
};

struct tcp_hdr {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags; /* TCP_* */
	uint16_t wnd; /* unscaled */
	uint16_t csum, urp;
	uint8_t hlen; /* bytes, 20..60 */
	struct tcp_opts opt;
};

/* Header and options at `p`. -EINVAL: shorter than its data offset, or data
 * offset below 20. A malformed option ends option processing there and is not
 * an error (RFC 9293 3.1; what was parsed before stays). */
int tcp_hdr_parse(const uint8_t *p, size_t len, struct tcp_hdr *ret_h);

/* Write header and the options named in h->opt.present, padded with NOPs in the
 * order that Linux uses (aligned timestamps), checksum 0. Returns the header's
 * length; h->hlen is ignored. SACK blocks beyond what fits are left out. `p`
 * has room for TCP_HLEN_MAX. */
uint8_t tcp_hdr_build(uint8_t *p, const struct tcp_hdr *h);

/* Bytes of options that tcp_hdr_build() would write. */
uint8_t tcp_opts_len(const struct tcp_opts *o);

#endif
