/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect.h - build the header map from the bytes
 */
#ifndef GUST_PKT_DISSECT_H
#define GUST_PKT_DISSECT_H

#include "pkt/drop.h"
#include "pkt/pkt.h"

enum dissect_start {
	DISSECT_ETH,
	DISSECT_IP, /* either version */
	DISSECT_IP4,
	DISSECT_IP6,
	DISSECT_TUNNELS = 0x10, /* or-ed: go on behind UDP into VXLAN */
	/* or-ed: an Ethernet frame of a protocol that is not ours is taken, its
	 * map ends with ETH or VLAN and the rest is payload */
	DISSECT_ANY = 0x20,
};

/*
 * Walk the headers of a packet that stands contiguously at head (hlen == len,
 * as pkt_from_slab leaves it, or with payload fragments behind at least the
 * headers), fill the map, cut trailing bytes that the IP length does not cover
 * (Ethernet padding) and move what follows the innermost transport header into
 * frag[0] (same slab, a reference of its own; a packet with its own head keeps
 * small payload by slab_copy).
 *
 * IPv4 tot_len 0 is taken as "the length of the packet" when and only when the
 * packet is longer than 65535 bytes; IPv6 payload length 0 with a hop-by-hop
 * jumbo option as RFC 2675; 0 without it when the packet is longer than 65575.
 *
 * A fragment (offset != 0 or more-fragments) gets no transport layer: its map
 * ends with the IP layer (or GUST_L_FRAGHDR) flagged GUST_LF_FRAGMENT and hlen
 * ends there.
 *
 * SCTP's layer is its common header. AH and ESP end the map, too: what is inside is
 * opaque, and there is no transport layer.
 *
 * Bytes behind a UDP length that is shorter than the IP payload are cut as well,
 * and the IP length is corrected.
 *
 * With DISSECT_TUNNELS the walk goes on behind a UDP header to port 4789 into
 * VXLAN (RFC 7348), its Ethernet frame, and what that holds, at any depth that the
 * map has room for. It does so only when everything inside is right and ends
 * exactly where the outer lengths say; otherwise (another protocol, a malformed
 * or padded inner packet) the map ends with the outer UDP header, and nothing is
 * dropped for it.
 *
 * Does not verify transport checksums; verifies the IPv4 header checksum, IP
 * options' shape, TCP data offset, UDP length. Never reads beyond len.
 *
 * Returns DROP_NONE or the reason; on a reason the packet still is the
 * caller's, to be dropped.
 */
enum drop_reason pkt_dissect(struct gust_pkt *p, enum dissect_start start);

/*
 * Take `n` bytes off the front, head and payload, and dissect what is left. Its
 * headers move into the packet's own head, right in front of where the old ones
 * ended; payload stays where it is (unless the map had gone deeper than it does
 * now). Of `need` only what speaks of the same transport as before is kept; a
 * superpacket stays one if its segments' transport is behind `n`, otherwise it is
 * refused (DROP_BAD_GSO). DROP_NONE; or a reason, then the packet is as it was.
 */
enum drop_reason pkt_strip(struct gust_pkt *p, uint32_t n,
			   enum dissect_start start);

/* Addresses and next protocol of the innermost IP layer. `ret_proto` is the
 * transport protocol number at the end of the extension header chain. */
struct ipaddr;
void pkt_addrs(const struct gust_pkt *p, struct ipaddr *ret_src,
	       struct ipaddr *ret_dst, uint8_t *ret_proto);

#endif
