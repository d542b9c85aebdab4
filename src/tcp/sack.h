/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sack.h - the sender's scoreboard (RFC 2018, RFC 6675)
 *
 * Sorted, disjoint ranges of sequence space above snd_una that the peer
 * reported, and the answers to RFC 6675's questions over them. Allocated when
 * the first block arrives and freed when it is empty; at most SACK_RANGES_MAX
 * ranges, further ones are ignored (the data is sent again: correct, slower).
 */
#ifndef GUST_TCP_SACK_H
#define GUST_TCP_SACK_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/tcp.h"

#define SACK_RANGES_MAX 256

struct sack_board {
	struct tcp_sack_block *r; /* sorted; NULL when n == 0 */
	uint16_t n, cap;
	uint32_t bytes; /* sum of the ranges */
};

void sack_init(struct sack_board *b);
void sack_free(struct sack_board *b); /* and leave it empty */

/* Merge the blocks of one ACK. Blocks outside (una, nxt] or reversed are
 * ignored; one at or below una is a D-SACK (RFC 2883) and reported in *ret_dsack.
 * Returns bytes newly SACKed. */
uint32_t sack_update(struct sack_board *b, const struct tcp_opts *o, uint32_t una,
		     uint32_t nxt, bool *ret_dsack);

/* snd_una moved: forget what lies below. */
void sack_advance(struct sack_board *b, uint32_t una);

/* RFC 6675 IsLost(): is the byte at `seq` (not SACKed) to be considered lost:
 * three discontiguous ranges above it, or more than 2 * mss bytes SACKed above. */
bool sack_is_lost(const struct sack_board *b, uint32_t seq, uint32_t mss);

/* The next hole at or above `from` and below the highest SACKed byte: [*ret_l,
 * *ret_r). false: none. */
bool sack_next_hole(const struct sack_board *b, uint32_t from, uint32_t una,
		    uint32_t *ret_l, uint32_t *ret_r);

/* Sequence below which every hole is lost (by sack_is_lost); una when none. */
uint32_t sack_lost_edge(const struct sack_board *b, uint32_t una, uint32_t mss);

/* SACKed bytes within [l, r). */
uint32_t sack_bytes_in(const struct sack_board *b, uint32_t l, uint32_t r);

/* Highest SACKed sequence (one past), una when empty. */
uint32_t sack_high(const struct sack_board *b, uint32_t una);

#endif
