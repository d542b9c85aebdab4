/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * super.h - packets and superpackets for the oracle, written out byte by byte
 *
 * One description makes the bytes that the kernel is given and those that gust is
 * given. Shares nothing with the code under test.
 */
#ifndef TESTS_ORACLE_SUPER_H
#define TESTS_ORACLE_SUPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUPER_VH_LEN 24
#define SUPER_MAX 540000 /* bytes of the largest packet */

#define SUPER_FIN 0x001
#define SUPER_SYN 0x002
#define SUPER_RST 0x004
#define SUPER_PSH 0x008
#define SUPER_ACK 0x010
#define SUPER_URG 0x020
#define SUPER_ECE 0x040
#define SUPER_CWR 0x080
#define SUPER_AE 0x100

/* An IP header. */
struct super_ip {
	bool v6;
	uint8_t tos; /* traffic class */
	uint8_t ttl; /* hop limit */
	uint16_t id, frag; /* IPv4: ID; flags and offset as on the wire */
	uint8_t opt[40], opt_len; /* IPv4 options, a multiple of 4 */
	uint32_t flow; /* IPv6 flow label */
	/* IPv6 extension headers: kinds (0 hop-by-hop, 43 routing with no segment
	 * left, 60 destination) and 8-byte units behind the first. */
	uint8_t next, ext[4], ext_units[4];
	bool jumbo; /* IPv6: the jumbo option in a header of its own, first */
	bool bad_csum; /* IPv4 header checksum */
};

struct super {
	bool l2; /* with an Ethernet header */
	uint8_t dmac[6], smac[6];
	uint16_t vlan; /* 802.1Q tag, 0: none */
	struct super_ip ip; /* the outermost */
	bool vxlan; /* UDP, VXLAN and Ethernet in between */
	bool outer_csum;
	uint16_t vx_sport;
	uint32_t vni;
	struct super_ip inner; /* with vxlan: the innermost */
	bool udp;
	bool no_csum, bad_csum; /* of the transport */
	bool odd_zero; /* TCP: a checksum of zero is written as all ones */
	uint16_t sport, dport;
	uint16_t flags; /* SUPER_* */
	uint32_t seq, ack;
	uint16_t win, urg;
	uint8_t opt[40], opt_len; /* TCP options, a multiple of 4 */
	uint32_t from, len; /* payload: byte i is super_pay(from + i) */
	uint16_t gso_size; /* 0: a plain packet with its checksum complete */
	bool ufo; /* gso type UDP */
	bool ecn; /* VIRTIO_NET_HDR_GSO_ECN */
};

extern const uint8_t super_src4[4], super_dst4[4], super_src6[16], super_dst6[16];

/* A plain TCP packet or UDP datagram from the near to the far address. */
void super_init(struct super *s, bool v6, bool udp);

uint8_t super_pay(uint32_t i);

/* Write the packet; returns its length. `b` has SUPER_MAX bytes. */
uint32_t super_build(uint8_t *b, const struct super *s);

/* The transport's checksum of a plain packet (gso_size 0), `outer`: that of the
 * tunnel's UDP header. What is added to a 16-bit field makes it zero. */
uint16_t super_csum(uint8_t *b, const struct super *s, bool outer);
/* Ones' complement addition. */
uint16_t super_add(uint16_t a, uint16_t b);

/* Bytes in front of the payload, from the (outermost) IP header on. */
uint32_t super_hdrs(const struct super *s);

/* The virtio_net_hdr that goes with it. */
void super_vnet(uint8_t vh[SUPER_VH_LEN], const struct super *s);

/* What is special about it, for messages. */
const char *super_text(const struct super *s, char *buf, size_t len);

#endif
