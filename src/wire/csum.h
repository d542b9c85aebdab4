/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csum.h - the Internet checksum (RFC 1071, RFC 1624)
 *
 * Sums are 32-bit accumulators in ones' complement, not yet inverted, of
 * 16-bit words taken in *wire order*; csum_fold() inverts and gives the value
 * in host order, ready for put16().
 */
#ifndef GUST_WIRE_CSUM_H
#define GUST_WIRE_CSUM_H

#include <stddef.h>
#include <stdint.h>

#include "wire/ipaddr.h"

/* Add `len` bytes at `p`, which stand at an even offset of what is summed. */
uint32_t csum_add(uint32_t sum, const void *p, size_t len);

/* Combine: `b` is the sum of a block that begins at byte `off` of the whole
 * (an odd offset swaps the bytes). */
uint32_t csum_combine(uint32_t a, uint32_t b, size_t off);

/* Fold and invert: the checksum field's value, host order. */
uint16_t csum_fold(uint32_t sum);

/* Fold without inverting: what a CHECKSUM_PARTIAL field holds, host order. */
uint16_t csum_fold_plain(uint32_t sum);

/* Pseudo header of IPv4 or IPv6 (both addresses of one family);
 * `len` is the upper-layer length, 32 bits (RFC 8200 8.1, RFC 2675). */
uint32_t csum_pseudo(const struct ipaddr *src, const struct ipaddr *dst,
		     uint8_t proto, uint32_t len);

#endif
