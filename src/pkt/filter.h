/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h - which packets a capture wants: an expression over the header map
 *
 * The words are those of tcpdump's language (pcap-filter(7)) as far as they go:
 *
 *	tcp udp sctp icmp icmp6 arp ip ip6   the protocol
 *	[src|dst] host ADDR[/LEN]            an address (net is the same word)
 *	[src|dst] port N[-M]                 a port, or a range
 *	greater N, less N                    at least, at most N bytes
 *	super                                superpackets only
 *	in, out                              from the port, to the port
 *	and or not ( )                       also && || !
 *
 * "tcp port 80" means "tcp and port 80". Addresses are those of the innermost IP
 * header, protocol and ports those of the transport in it; a fragment has a
 * protocol and no ports.
 *
 * Why not libpcap: its programs see flat bytes. They cannot ask whether a packet
 * is a superpacket, which way it goes, or what lies below several headers, and
 * offsets into bytes are not to be trusted for a packet above 64 KB. Here the
 * dissector has done that work already.
 */
#ifndef GUST_PKT_FILTER_H
#define GUST_PKT_FILTER_H

#include "pkt/pkt.h"
#include "wire/ipaddr.h"

#define FILTER_TEXT_MAX 1000 /* bytes of an expression */
#define FILTER_INSN_MAX 128
#define FILTER_ERR_LEN 120

enum filter_dir { FILTER_IN, FILTER_OUT };

struct filter_insn {
	uint8_t op, side, plen, proto;
	uint32_t lo, hi;
	struct ipaddr addr;
};

/* A program; plain data that may be copied. All zero takes every packet. */
struct filter {
	unsigned n;
	struct filter_insn insn[FILTER_INSN_MAX];
};

struct filter_error {
	unsigned pos; /* byte of the text, from 0, at which it went wrong */
	char text[FILTER_ERR_LEN]; /* a sentence without the position */
};

/* An empty text (or blanks) takes every packet. 0, or -EINVAL and *ret_err. */
int filter_compile(const char *text, struct filter *ret,
		   struct filter_error *ret_err);

/* Reads the head and the map of a dissected packet. */
bool filter_match(const struct filter *f, const struct gust_pkt *p,
		  enum filter_dir dir);

#endif
