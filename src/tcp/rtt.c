/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtt.c - round-trip time and retransmission timeout (RFC 6298)
 *
 * Means are kept in 1/65536 us: a local path has round trips of 20 us, and
 * with timestamps a sample's weight may be 1/1000 (RFC 7323 appendix G), which
 * whole microseconds would round away.
 */
#include "tcp/rtt.h"

static uint32_t clamp_rto(const struct tcp_rtt *r, uint64_t rto)
{
	if (rto < r->rto_min_us)
		return r->rto_min_us;
	return rto > r->rto_max_us ? r->rto_max_us : rto;
}

void tcp_rtt_init(struct tcp_rtt *r, uint32_t rto_min_us, uint32_t rto_max_us)
{
	*r = (struct tcp_rtt){
		.min_us = UINT32_MAX,
		.rto_min_us = rto_min_us,
		.rto_max_us = rto_max_us,
	};
	r->rto_us = clamp_rto(r, 1000000); /* RFC 6298 2.1 */
}

/* m + (x - m) / div, all in 1/65536 */
static uint64_t ewma(uint64_t m, uint64_t x, uint64_t div)
{
	return x >= m ? m + (x - m) / div : m - (m - x) / div;
}

void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us, uint32_t nsamples)
{
	uint64_t srtt = (uint64_t)r->srtt_us << 16 | r->srtt_frac;
	uint64_t var = (uint64_t)r->rttvar_us << 16 | r->rttvar_frac;
	uint64_t x, dev, floor_us;

	if (!rtt_us)
		rtt_us = 1; /* 0 means "none" everywhere */
	if (!nsamples)
		nsamples = 1;
	x = (uint64_t)rtt_us << 16;
	if (rtt_us < r->min_us)
		r->min_us = rtt_us;
	if (!srtt) {
		srtt = x; /* RFC 6298 2.2 */
		var = x / 2;
	} else {
		/* RFC 6298 2.3, alpha 1/8 and beta 1/4; RFC 7323 appendix G */
		dev = x > srtt ? x - srtt : srtt - x;
		var = ewma(var, dev, UINT64_C(4) * nsamples);
		srtt = ewma(srtt, x, UINT64_C(8) * nsamples);
		if (srtt < 65536)
			srtt = 65536;
	}
	r->srtt_us = srtt >> 16;
	r->srtt_frac = srtt & 0xffff;
	r->rttvar_us = var >> 16;
	r->rttvar_frac = var & 0xffff;

	/* RFC 6298 2.3: SRTT + max(G, 4 * RTTVAR). The floor under the variance
	 * is larger than the clock's granularity: on a long path without jitter
	 * RTTVAR decays to nothing, and a first delayed ACK (40 ms with most
	 * peers) would then be a timeout. */
	floor_us = r->rto_min_us / 4;
	dev = var * 4 >> 16;
	if (dev < floor_us)
		dev = floor_us;
	r->rto_us = clamp_rto(r, r->srtt_us + dev);
}

uint64_t tcp_rtt_rto(const struct tcp_rtt *r, unsigned shift)
{
	uint64_t rto;

	if (shift > 31)
		shift = 31;
	rto = (uint64_t)r->rto_us << shift;
	return rto > r->rto_max_us ? r->rto_max_us : rto;
}
