/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cc.h - congestion control behind a small ops struct
 *
 * A congestion control owns cwnd and ssthresh (bytes) and sees acknowledgement
 * samples; it knows nothing of struct tcp, packets or loss detection. Growth is
 * by bytes acknowledged (RFC 3465), so a superpacket's one ACK counts in full.
 */
#ifndef GUST_TCP_CC_H
#define GUST_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_cc;

/* One ACK that acknowledged new data, outside or inside recovery. */
struct tcp_cc_sample {
	uint64_t now_us;
	uint32_t acked; /* bytes newly acknowledged cumulatively */
	uint32_t delivered; /* bytes newly acknowledged or SACKed */
	uint32_t inflight; /* bytes outstanding before this ACK */
	uint32_t rtt_us; /* sample of this ACK, 0: none */
	uint32_t srtt_us, min_rtt_us;
	uint32_t una, nxt; /* snd_una after, snd_nxt: round counting */
	bool cwnd_limited; /* the window was in use (RFC 7661, RFC 9438 4.2) */
	bool in_recovery;
};

struct tcp_cc_ops {
	const char *name; /* "cubic", "newreno" */
	void (*init)(struct tcp_cc *c);
	void (*on_ack)(struct tcp_cc *c, const struct tcp_cc_sample *s);
	/* Fast retransmit: set ssthresh and cwnd; once a loss episode. */
	void (*on_loss)(struct tcp_cc *c, uint32_t inflight, uint64_t now_us);
	/* Retransmission timeout (RFC 5681 3.1: cwnd one segment). */
	void (*on_rto)(struct tcp_cc *c, uint32_t inflight, uint64_t now_us);
	void (*on_exit_recovery)(struct tcp_cc *c, uint64_t now_us);
	/* The loss was spurious: back to what on_loss/on_rto found. */
	void (*undo)(struct tcp_cc *c);
	/* Idle longer than an RTO (RFC 5681 4.1). */
	void (*on_idle)(struct tcp_cc *c, uint64_t idle_us);
	/* Pacing rate in bytes/s, 0: unpaced. NULL: never paces. */
	uint64_t (*pacing)(const struct tcp_cc *c);
};

/* HyStart++ (RFC 9406) state, shared by the loss-based controls */
struct tcp_hystart {
	uint32_t window_end; /* sequence that ends the round */
	uint32_t cur_min_rtt_us, last_min_rtt_us, css_baseline_us;
	uint8_t samples, css_rounds;
	bool css, done, started;
};

struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t cwnd, ssthresh; /* bytes; ssthresh UINT32_MAX at first */
	uint32_t mss; /* SMSS, kept by the owner */
	uint32_t cwnd_cnt; /* fractional growth, bytes */
	uint32_t prior_cwnd, prior_ssthresh; /* for undo; 0: nothing to undo */
	struct tcp_hystart hs;
	struct {
		uint64_t epoch_us;
		uint64_t seen_us; /* last ACK in congestion avoidance */
		uint32_t w_max, w_est, k_ms,
			cwnd_epoch; /* bytes, bytes, ms, bytes */
		uint32_t prior_w_max;
		uint32_t w_est_cnt; /* fractional growth of w_est, bytes */
		uint32_t cwnd_prior; /* cwnd before the last reduction */
	} cubic;
	bool episode; /* reduced, and not yet recovered */
};

extern const struct tcp_cc_ops tcp_cc_newreno; /* RFC 5681, 6582 */
extern const struct tcp_cc_ops tcp_cc_cubic; /* RFC 9438 */

/* By name; NULL: unknown. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);

/* cwnd = IW10 (RFC 6928), ssthresh infinite. */
void tcp_cc_init(struct tcp_cc *c, const struct tcp_cc_ops *ops, uint32_t mss);

void tcp_hystart_init(struct tcp_hystart *h);
/* Feed one ACK during slow start; returns how many bytes cwnd may grow, and sets
 * *ret_exit when slow start ends now (the caller sets ssthresh = cwnd). */
uint32_t tcp_hystart_ack(struct tcp_hystart *h, const struct tcp_cc_sample *s,
			 uint32_t mss, bool *ret_exit);

/* ---- for the controls themselves (cc.c) ---- */

#define TCP_CWND_MAX (UINT32_C(1) << 30) /* the largest window there is */

/* Initial window, RFC 6928. */
uint32_t tcp_cc_iw(uint32_t mss);

/* Slow start with HyStart++ (RFC 5681 3.1, RFC 9406). Returns the acknowledged
 * bytes that remain for congestion avoidance once cwnd has reached ssthresh. */
uint32_t tcp_cc_slow_start(struct tcp_cc *c, const struct tcp_cc_sample *s);

/* The window that a reduction starts from: what was in flight, not what was
 * allowed to be (RFC 5681 3.1), and no more than cwnd (limited transmit). */
uint32_t tcp_cc_flight(const struct tcp_cc *c, uint32_t inflight);

/* Remember cwnd and ssthresh for undo, once an episode. true: this is its
 * first reduction. */
bool tcp_cc_reduce_begin(struct tcp_cc *c);

/* Give cwnd and ssthresh back. false: there was nothing to undo. */
bool tcp_cc_restore(struct tcp_cc *c);

/* RFC 5681 4.1: restart from the initial window; ssthresh remembers three
 * quarters of what there was. */
void tcp_cc_restart(struct tcp_cc *c);

#endif
