/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_loss.h - loss detection behind a small ops struct
 *
 * A loss detector decides which bytes are lost and says so through two fields
 * of the connection: everything in [snd_una, lost_edge) that is not SACKed is
 * lost, and of that, what lies below high_rxt was sent again. The output side
 * retransmits [high_rxt, lost_edge) as the congestion window allows; it does not
 * know why something was lost. A time-based detector (RACK) fits behind the same
 * functions: it moves lost_edge by send times, and has a deadline of its own.
 */
#ifndef GUST_TCP_TCP_LOSS_H
#define GUST_TCP_TCP_LOSS_H

#include "tcp/tcp_internal.h"

struct tcp_loss_ops {
	const char *name;
	/* An ACK was taken (snd_una, scoreboard are new). Returns true when a new
	 * episode begins: the caller tells congestion control. */
	bool (*on_ack)(struct tcp *t, const struct tcp_ack_in *a,
		       const struct env *env);
	/* The retransmission timer fired: everything outstanding is lost. */
	void (*on_rto)(struct tcp *t, const struct env *env);
	/* Nothing that is lost is left to send, nothing new may be sent, and the
	 * pipe has room: what may be sent again on suspicion? [*ret_l, *ret_r), by
	 * which high_rxt moves. */
	bool (*next)(const struct tcp *t, uint32_t *ret_l, uint32_t *ret_r);
	/* The same for the end of what was sent, once an episode (the caller sets
	 * TCPF_RESCUED); high_rxt stays. */
	bool (*rescue)(const struct tcp *t, uint32_t *ret_l, uint32_t *ret_r);
};

/* RFC 6675 with SACK, RFC 6582 without. */
extern const struct tcp_loss_ops tcp_loss_sack;

/* Leave recovery. */
void tcp_loss_end(struct tcp *t);

#endif
