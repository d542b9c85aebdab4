/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_wire.c - every parser of src/wire over arbitrary bytes
 *
 * The first byte selects a parser, the rest is its packet. Beyond "no read
 * outside the bytes", each target checks what must hold for any input that is
 * accepted: lengths stay inside, and building what was parsed and parsing it
 * again gives the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ipaddr.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                              \
	do {                                                                       \
		if (!(cond))                                                       \
			abort();                                                   \
	} while (0)

static void fuzz_ipv4(const uint8_t *p, size_t len)
{
	uint8_t out[IPV4_HLEN_MAX];
	struct ipv4_hdr h;

	if (ipv4_parse(p, len, &h))
		return;
	REQUIRE(h.hlen >= IPV4_HLEN && h.hlen <= len && h.opt == p + IPV4_HLEN);
	ipv4_check_opts(h.opt, h.hlen - IPV4_HLEN);
	ipv4_build(out, &h);
	REQUIRE(ipv4_csum_ok(out, h.hlen));
	if (ipv4_csum_ok(p, h.hlen) && !(p[6] & 0x80)) {
		/* all but the two forms of zero is the same again */
		REQUIRE(!memcmp(out, p, 10));
		REQUIRE(!memcmp(out + 12, p + 12, h.hlen - 12));
	}
	ipv4_set_len_id(out, h.id, h.tot_len);
	REQUIRE(ipv4_csum_ok(out, h.hlen));
	REQUIRE(get16(out + 2) == h.id && get16(out + 4) == h.tot_len);
}

static void fuzz_ipv4_opts(const uint8_t *p, size_t len)
{
	ipv4_check_opts(p, len);
}

/* The header and its whole chain of extension headers. */
static void fuzz_ipv6(const uint8_t *p, size_t len)
{
	uint8_t out[IPV6_HLEN], nh, action;
	uint16_t hlen, off;
	struct ipv6_hdr h;
	uint32_t jumbo;

	if (ipv6_parse(p, len, &h))
		return;
	ipv6_build(out, &h);
	REQUIRE(!memcmp(out, p, IPV6_HLEN));
	nh = h.nh;
	p += IPV6_HLEN;
	len -= IPV6_HLEN;
	for (;;) {
		uint8_t kind = nh;

		if (ipv6_ext_parse(kind, p, len, &nh, &hlen))
			return;
		REQUIRE(hlen >= 8 && hlen <= len && nh == p[0]);
		if (kind == IP6_NH_HOPOPTS || kind == IP6_NH_DSTOPTS) {
			if (ipv6_opts_walk(p, hlen, &jumbo, &action, &off) ==
			    -EPERM)
				REQUIRE(off >= 2 && off < hlen && action >= 1 &&
					action <= 3);
		}
		p += hlen;
		len -= hlen;
	}
}

static void fuzz_ipv6_opts(const uint8_t *p, size_t len)
{
	uint8_t action, out[IPV6_JUMBO_HLEN];
	uint32_t jumbo, again;
	uint16_t off;

	if (len > 2048)
		return;
	if (ipv6_opts_walk(p, len, &jumbo, &action, &off) || !jumbo)
		return;
	ipv6_jumbo_build(out, p[0], jumbo);
	REQUIRE(!ipv6_opts_walk(out, sizeof(out), &again, &action, &off));
	REQUIRE(again == jumbo);
}

static void fuzz_ipv6_frag(const uint8_t *p, size_t len)
{
	struct ipv6_frag f, g;
	uint8_t out[8];

	if (len < 8)
		return;
	ipv6_frag_parse(p, &f);
	ipv6_frag_build(out, &f);
	ipv6_frag_parse(out, &g);
	REQUIRE(f.id == g.id && f.off == g.off && f.more == g.more && f.nh == g.nh);
	REQUIRE(f.off % 8 == 0);
}

static void fuzz_tcp(const uint8_t *p, size_t len)
{
	uint8_t out[TCP_HLEN_MAX], hlen;
	struct tcp_hdr h, g;

	if (tcp_hdr_parse(p, len, &h))
		return;
	REQUIRE(h.hlen >= TCP_HLEN && h.hlen <= len && h.flags <= 0x1ff);
	REQUIRE(h.opt.nsack <= TCP_SACK_MAX && h.opt.wscale <= 14);
	hlen = tcp_hdr_build(out, &h);
	REQUIRE(hlen <= TCP_HLEN_MAX && hlen == TCP_HLEN + tcp_opts_len(&h.opt));
	REQUIRE(!tcp_hdr_parse(out, hlen, &g));
	REQUIRE(!memcmp(out, p, 12) && g.flags == h.flags && g.wnd == h.wnd);
	REQUIRE(g.urp == h.urp && g.opt.nsack <= h.opt.nsack);
	REQUIRE((g.opt.present | TCP_OPT_SACK) == (h.opt.present | TCP_OPT_SACK));
	REQUIRE(g.opt.mss == h.opt.mss && g.opt.wscale == h.opt.wscale);
	REQUIRE(g.opt.tsval == h.opt.tsval && g.opt.tsecr == h.opt.tsecr);
	REQUIRE(!memcmp(g.opt.sack, h.opt.sack,
			g.opt.nsack * sizeof(g.opt.sack[0])));
}

static void fuzz_udp(const uint8_t *p, size_t len)
{
	uint8_t out[UDP_HLEN];
	struct udp_hdr h;

	if (udp_parse(p, len, &h))
		return;
	udp_build(out, &h);
	REQUIRE(!memcmp(out, p, UDP_HLEN));
}

static void fuzz_icmp(const uint8_t *p, size_t len)
{
	uint8_t out[ICMP_HLEN];
	struct icmp_hdr h;

	if (icmp_parse(p, len, &h))
		return;
	icmp_build(out, &h);
	REQUIRE(!memcmp(out, p, ICMP_HLEN));
}

static void fuzz_eth(const uint8_t *p, size_t len)
{
	uint8_t out[ARP_LEN];
	struct eth_hdr h;
	struct arp_msg m;

	if (eth_parse(p, len, &h))
		return;
	eth_build(out, &h);
	REQUIRE(!memcmp(out, p, ETH_HLEN));
	p += ETH_HLEN;
	len -= ETH_HLEN;
	if (arp_parse(p, len, &m))
		return;
	arp_build(out, &m);
	REQUIRE(!memcmp(out, p, ARP_LEN));
}

static void fuzz_nd(const uint8_t *p, size_t len)
{
	struct nd_msg m, again;
	uint8_t out[32];
	size_t n;

	if (nd_parse(p, len, &m))
		return;
	n = nd_build(out, &m);
	REQUIRE(n <= sizeof(out));
	REQUIRE(!nd_parse(out, n, &again));
	REQUIRE(again.type == m.type && again.has_lladdr == m.has_lladdr);
	REQUIRE(again.router == m.router && again.solicited == m.solicited);
	REQUIRE(again.override == m.override &&
		ipaddr_eq(&again.target, &m.target));
	REQUIRE(!memcmp(&again.lladdr, &m.lladdr, sizeof(m.lladdr)));
}

/* Two bytes say where to cut; the sum of the parts is the sum of the whole. */
static void fuzz_csum(const uint8_t *p, size_t len)
{
	uint32_t whole = 0, parts;
	size_t cut;

	if (len < 2)
		return;
	cut = get16(p);
	p += 2;
	len -= 2;
	cut = len ? cut % len : 0;
	parts = csum_combine(csum_add(0, p, cut), csum_add(0, p + cut, len - cut),
			     cut);
	for (size_t i = 0; i < len; i++) {
		whole += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		whole = (whole & 0xffff) + (whole >> 16);
	}
	REQUIRE(csum_fold_plain(parts) == csum_fold_plain(whole));
	REQUIRE(csum_fold_plain(csum_add(0, p, len)) == csum_fold_plain(whole));
}

static void fuzz_ipaddr(const uint8_t *p, size_t len)
{
	char text[80], buf[IPADDR_STRLEN];
	struct ipaddr a, b;

	if (len >= sizeof(text))
		return;
	memcpy(text, p, len);
	text[len] = 0;
	if (ipaddr_parse(text, &a))
		return;
	REQUIRE(!ipaddr_parse(ipaddr_str(&a, buf), &b) && ipaddr_eq(&a, &b));
	REQUIRE(ipaddr_in_prefix(&a, &b, ipaddr_is4(&a) ? 32 : 128));
	REQUIRE(!ipaddr_is_any(&a) || !ipaddr_is_multicast(&a));
}

static void (*const target[])(const uint8_t *p, size_t len) = {
	fuzz_ipv4,      fuzz_ipv4_opts, fuzz_ipv6, fuzz_ipv6_opts,
	fuzz_ipv6_frag, fuzz_tcp,       fuzz_udp,  fuzz_icmp,
	fuzz_eth,       fuzz_nd,        fuzz_csum, fuzz_ipaddr,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	target[data[0] % (sizeof(target) / sizeof(target[0]))](data + 1, size - 1);
	return 0;
}
