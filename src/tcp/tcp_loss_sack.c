/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_loss_sack.c - loss detection by duplicate ACKs: RFC 6675 with SACK,
 * RFC 6582 (NewReno) without
 *
 * The pipe of RFC 6675 4 is computed, not counted: what was sent and is neither
 * SACKed nor lost-and-not-sent-again. Without SACK each duplicate ACK stands for
 * one segment that has left the network.
 */
#include "tcp/tcp_loss.h"

#define DUP_THRESH 3

uint32_t tcp_inflight(const struct tcp *t)
{
	uint32_t out = t->snd_nxt - t->snd_una, gone = t->sack.bytes;
	uint32_t from = seq_max(t->high_rxt, t->snd_una);

	if (!(t->opt & TCP_OPT_SACK_PERM))
		gone = t->dupacks * t->mss;
	if (tcp_in_recovery(t) && seq_lt(from, t->lost_edge))
		gone += t->lost_edge - from - sack_bytes_in(&t->sack, from, t->lost_edge);
	return out > gone ? out - gone : 0;
}

void tcp_loss_end(struct tcp *t)
{
	t->flags &= ~(TCPF_RECOVERY | TCPF_LOSS | TCPF_RTX_ONE | TCPF_RESCUED | TCPF_TS_RTX);
	t->dupacks = 0;
	t->lost_edge = t->high_rxt = t->snd_una;
}

static void begin(struct tcp *t)
{
	t->flags |= TCPF_RECOVERY | TCPF_RTX_ONE;
	t->flags &= ~(TCPF_RESCUED | TCPF_TS_RTX | TCPF_TIMED);
	t->recover = t->snd_nxt;
	t->high_rxt = t->snd_una;
	/* RFC 6675 5 (4.3): the first segment is sent again in any case */
	t->lost_edge = seq_min(t->snd_una + t->mss, t->snd_nxt);
}


/* RFC 6675 5: where loss begins to be certain. */
static void sack_edge(struct tcp *t)
{
	t->lost_edge = seq_max(t->lost_edge, sack_lost_edge(&t->sack, t->snd_una, t->mss));
}

/* RFC 6582 3.2 step 3: a partial ACK uncovers the next hole. */
static void newreno_partial(struct tcp *t)
{
	t->high_rxt = t->snd_una;
	t->lost_edge = seq_min(t->snd_una + t->mss, t->snd_nxt);
	t->flags |= TCPF_RTX_ONE;
}

static bool on_ack(struct tcp *t, const struct tcp_ack_in *a, const struct env *env)
{
	bool sack = t->opt & TCP_OPT_SACK_PERM;

	if (a->acked) {
		t->high_rxt = seq_max(t->high_rxt, t->snd_una);
		t->lost_edge = seq_max(t->lost_edge, t->snd_una);
		if (tcp_in_recovery(t)) {
			if (seq_ge(t->snd_una, t->recover))
				return false; /* the caller ends the episode */
			if (t->flags & TCPF_LOSS)
				return false; /* all below recover is lost already */
			t->dupacks = 0;
			if (!sack)
				newreno_partial(t);
		} else {
			t->dupacks = 0;
			t->lost_edge = t->high_rxt = t->snd_una;
		}
	} else if (a->dup && t->dupacks < UINT8_MAX) {
		t->dupacks++;
	}
	if (t->flags & TCPF_RECOVERY) {
		sack_edge(t);
		return false;
	}
	if (t->flags & TCPF_LOSS)
		return false;
	/* RFC 6582 3.2 step 1: not twice for one window of data */
	if (!sack && seq_lt(t->snd_una, t->recover))
		return false;
	/* RFC 6675 5 (2), (3) */
	if (t->dupacks < DUP_THRESH &&
	    !(sack && sack_is_lost(&t->sack, t->snd_una, t->mss)))
		return false;
	if (t->snd_una == t->snd_nxt)
		return false;
	begin(t);
	sack_edge(t);
	return true;
}

static void on_rto(struct tcp *t, const struct env *env)
{
	/* RFC 2018 8: what was SACKed may have been discarded since */
	sack_free(&t->sack);
	t->flags &= ~(TCPF_RECOVERY | TCPF_RESCUED | TCPF_TIMED);
	if (!(t->flags & TCPF_LOSS))
		t->flags &= ~TCPF_TS_RTX;
	t->flags |= TCPF_LOSS | TCPF_RTX_ONE;
	t->dupacks = 0;
	t->recover = t->lost_edge = t->snd_nxt;
	t->high_rxt = t->snd_una;
}

/* RFC 6675 4 NextSeg() rules 3 and 4. */
static bool next(struct tcp *t)
{
	uint32_t l, r;

	if (!(t->flags & TCPF_RECOVERY) || !t->sack.n)
		return false;
	if (sack_next_hole(&t->sack, t->high_rxt, t->snd_una, &l, &r)) {
		t->high_rxt = l;
		t->lost_edge = seq_min(l + t->mss, r);
		return true;
	}
	/* once an episode, the last segment of it: its ACK keeps the clock going */
	if (!(t->flags & TCPF_RESCUED) && seq_lt(sack_high(&t->sack, t->snd_una), t->recover) &&
	    seq_lt(t->high_rxt, t->recover)) {
		uint32_t last = t->recover - t->mss;

		t->flags |= TCPF_RESCUED;
		t->high_rxt = seq_max(t->high_rxt, seq_max(last, t->snd_una));
		t->lost_edge = t->recover;
		return true;
	}
	return false;
}

const struct tcp_loss_ops tcp_loss_sack = {
	.name = "sack",
	.on_ack = on_ack,
	.on_rto = on_rto,
	.next = next,
};
