/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hystart.c - HyStart++ (RFC 9406): leave slow start when the round-trip time
 * says that a queue builds up, before it overflows
 *
 * A round ends when what was SND.NXT at its beginning is acknowledged. A rise
 * of the round's smallest RTT begins Conservative Slow Start, a quarter of the
 * growth; five rounds of it without the RTT falling back end slow start. Only
 * the first slow start of a connection (4.3); after it `done` stays set.
 */
#include "tcp/cc.h"
#include "tcp/seq.h"

/* RFC 9406 4.3 */
#define MIN_RTT_THRESH_US 4000u
#define MAX_RTT_THRESH_US 16000u
#define MIN_RTT_DIVISOR 8
#define N_RTT_SAMPLE 8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS 5

void tcp_hystart_init(struct tcp_hystart *h)
{
	*h = (struct tcp_hystart){
		.cur_min_rtt_us = UINT32_MAX,
		.last_min_rtt_us = UINT32_MAX,
		.css_baseline_us = UINT32_MAX,
	};
}

/* Returns true when Conservative Slow Start has run its rounds. */
static bool round_end(struct tcp_hystart *h, uint32_t nxt)
{
	h->window_end = nxt;
	h->last_min_rtt_us = h->cur_min_rtt_us;
	h->cur_min_rtt_us = UINT32_MAX;
	h->samples = 0;
	return h->css && ++h->css_rounds >= CSS_ROUNDS;
}

static void look_at_rtt(struct tcp_hystart *h)
{
	uint32_t thresh;

	if (h->samples < N_RTT_SAMPLE)
		return;
	if (h->css) {
		if (h->cur_min_rtt_us < h->css_baseline_us) {
			/* the rise was a passing one: slow start goes on */
			h->css_baseline_us = UINT32_MAX;
			h->css = false;
		}
		return;
	}
	if (h->last_min_rtt_us == UINT32_MAX)
		return;
	thresh = h->last_min_rtt_us / MIN_RTT_DIVISOR;
	if (thresh < MIN_RTT_THRESH_US)
		thresh = MIN_RTT_THRESH_US;
	if (thresh > MAX_RTT_THRESH_US)
		thresh = MAX_RTT_THRESH_US;
	if (h->cur_min_rtt_us >= (uint64_t)h->last_min_rtt_us + thresh) {
		h->css_baseline_us = h->cur_min_rtt_us;
		h->css = true;
		h->css_rounds = 0;
	}
}

uint32_t tcp_hystart_ack(struct tcp_hystart *h, const struct tcp_cc_sample *s,
			 uint32_t mss, bool *ret_exit)
{
	bool leave = false;
	uint32_t grow;

	*ret_exit = false;
	if (h->done)
		return s->acked;
	if (!h->started) {
		h->started = true;
		h->window_end = s->nxt;
	} else if (seq_ge(s->una, h->window_end)) {
		leave = round_end(h, s->nxt);
	}
	if (leave) {
		h->done = true;
		*ret_exit = true;
		return 0;
	}
	if (s->rtt_us) {
		if (s->rtt_us < h->cur_min_rtt_us)
			h->cur_min_rtt_us = s->rtt_us;
		if (h->samples < N_RTT_SAMPLE)
			h->samples++;
		look_at_rtt(h);
	}
	if (!h->css)
		return s->acked;
	/* At least one byte in CSS, so that tiny segments do grow the window. */
	grow = s->acked / CSS_GROWTH_DIVISOR;
	return grow ? grow : s->acked < mss ? 1 : grow;
}
