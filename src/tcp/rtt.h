/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtt.h - round-trip time and retransmission timeout (RFC 6298)
 */
#ifndef GUST_TCP_RTT_H
#define GUST_TCP_RTT_H

#include <stdint.h>

struct tcp_rtt {
	uint32_t srtt_us, rttvar_us; /* 0, 0: no sample yet */
	uint32_t min_us; /* over the connection, UINT32_MAX: none */
	uint32_t rto_us; /* base, without backoff, clamped */
	uint32_t rto_min_us, rto_max_us;
	uint16_t srtt_frac, rttvar_frac; /* 1/65536 us: with many samples a round
					    trip each moves the mean by less
					    than a microsecond */
};

/* RTO 1 s (RFC 6298 2.1) within [rto_min, rto_max]. */
void tcp_rtt_init(struct tcp_rtt *r, uint32_t rto_min_us, uint32_t rto_max_us);

/* One sample. With timestamps many samples a window come in: `nsamples` is the
 * expected number a round trip, which weighs alpha and beta down (RFC 7323
 * appendix G); 1 without. */
void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us, uint32_t nsamples);

/* RTO after `shift` backoffs (RFC 6298 5.5), clamped. */
uint64_t tcp_rtt_rto(const struct tcp_rtt *r, unsigned shift);

#endif
