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

#endif
