/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vnet.h - the virtio_net_hdr codec (VIRTIO 1.2 5.1.6, linux/virtio_net.h)
 *
 * 24 bytes: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset (all
 * little endian), num_buffers, hash report (8), outer_th_offset,
 * inner_nh_offset. Shorter forms are its prefixes.
 */
#ifndef GUST_PKT_VNET_H
#define GUST_PKT_VNET_H

#include "pkt/drop.h"
#include "pkt/pkt.h"

#define VNET_LEN 24

/*
 * Take what the header says about an already dissected packet. Nothing in it
 * is believed: the gso type must match the transport that the dissector found,
 * gso_size must be > 0 and is reduced to nothing when the payload fits one
 * segment (for UFO first to a multiple of 8), csum_start and csum_offset must point at that transport's checksum;
 * hdr_len is ignored. Sets gso_size, gso_type, GUST_F_CSUM or GUST_F_CSUM_OK
 * (DATA_VALID), GUST_F_ECN.
 * DROP_NONE, DROP_BAD_VNET or DROP_BAD_GSO.
 */
enum drop_reason vnet_decode(struct gust_pkt *p, const uint8_t *vh,
			     unsigned vh_len);

/* Write the header for a packet that leaves; prepares the checksum field of
 * the innermost transport when GUST_F_CSUM is set (CHECKSUM_PARTIAL): the pseudo
 * header's sum, or zero for SCTP's CRC32c. `vh_len` is 10, 12, 20 or 24; a superpacket
 * inside a UDP tunnel (one level) needs all 24, and an outer checksum that is not zero
 * becomes the sum of its pseudo header. */
void vnet_encode(struct gust_pkt *p, uint8_t *vh, unsigned vh_len);

#endif
