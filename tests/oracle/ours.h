/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ours.h - gust's side of a comparison
 */
#ifndef TESTS_ORACLE_OURS_H
#define TESTS_ORACLE_OURS_H

#include "lab.h"
#include "super.h"

void ours_open(void);
/* Every packet and slab must be back. */
void ours_close(void);

/*
 * What gust makes of a superpacket for a port of MTU 1500 without offloads,
 * appended to `ret`. A sentence in `why` and false when it is refused.
 */
bool ours_segment(const struct super *s, struct lab_frames *ret, char *why,
		  uint32_t why_len);

/*
 * Merge plain Ethernet packets as one batch: to `super` each result with the
 * virtio_net_hdr that would go with it, to `cut` what the results are when they are
 * cut again. `max_len`: bytes of a merged TCP/IP packet; `max_segs`: 0, no limit.
 */
void ours_merge(const struct lab_frames *in, uint32_t max_len, uint32_t max_segs,
		struct lab_frames *super, struct lab_frames *cut);

#endif
