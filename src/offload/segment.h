/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h - the floor that always works: cut a superpacket in software
 *
 * Sequence numbers and IPv4 IDs advance, FIN and PSH stay on the last segment
 * only, CWR on the first only, lengths and checksums are rewritten; payload is
 * shared, not copied.
 */
#ifndef GUST_OFFLOAD_SEGMENT_H
#define GUST_OFFLOAD_SEGMENT_H

#include "pkt/caps.h"
#include "pkt/drop.h"
#include "pkt/pkt.h"

/*
 * Cut `p` into pieces of at most `max_payload` bytes of payload each (a multiple
 * of gso_size makes smaller superpackets, gso_size itself makes plain packets)
 * and append them to `out`. Takes `p` on success. -ENOBUFS at a pool limit:
 * nothing appended, `p` still the caller's; -EINVAL: not a superpacket of TCP or
 * UDP.
 */
int seg_cut(struct gust_pkt *p /*taken*/, uint32_t max_payload,
	    struct gust_batch *out);

/*
 * Make `p` fit `caps` and append the result to `out`: passed as it is when the
 * port carries it; cut into smaller superpackets when only too large; into plain
 * packets otherwise; checksum completed when the port has no FEAT_TX_CSUM. Takes
 * `p`. DROP_NONE, or the reason for which it was dropped (freed).
 */
enum drop_reason seg_fit(struct gust_pkt *p /*taken*/, const struct port_caps *caps,
			 struct gust_batch *out);

#endif
