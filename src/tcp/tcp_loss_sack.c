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

/* Bytes sent again that are not known to be lost: two copies of them are in the
 * network (RFC 6675 4, SetPipe (b)). */
static uint32_t twice(const struct tcp *t)
{
	uint32_t edge;

	if (!(t->flags & TCPF_RECOVERY) || !t->sack.n)
		return 0;
	edge = sack_lost_edge(&t->sack, t->snd_una, t->mss);
	if (seq_ge(edge, t->high_rxt))
		return 0;
	return t->high_rxt - edge - sack_bytes_in(&t->sack, edge, t->high_rxt);
}

uint32_t tcp_inflight(const struct tcp *t)
{
	uint32_t out = t->snd_nxt - t->snd_una, gone = t->sack.bytes, from;

	if (!(t->opt & TCP_OPT_SACK_PERM)) {
		/* before fast retransmit two of them count (RFC 3042 2) */
		uint32_t n =
			t->flags & TCPF_RECOVERY || t->dupacks < 2 ? t->dupacks : 2;

		gone = n * t->mss;
	}
	if (tcp_in_recovery(t)) {
		from = seq_max(t->high_rxt, t->snd_una);
		if (seq_lt(from, t->lost_edge))
			gone += t->lost_edge - from -
				sack_bytes_in(&t->sack, from, t->lost_edge);
		out += twice(t);
	}
	return out > gone ? out - gone : 0;
}

void tcp_loss_end(struct tcp *t)
{
	t->flags &= ~(TCPF_RECOVERY | TCPF_LOSS | TCPF_RTX_ONE | TCPF_RESCUED |
		      TCPF_TS_RTX | TCPF_TS_ARMED);
	t->dupacks = 0;
	t->lost_edge = t->high_rxt = t->snd_una;
}

static void begin(struct tcp *t)
{
	t->flags |= TCPF_RECOVERY | TCPF_RTX_ONE | TCPF_TS_ARMED;
	t->flags &= ~(TCPF_RESCUED | TCPF_TS_RTX | TCPF_TIMED);
	t->recover = t->snd_nxt;
	t->high_rxt = t->snd_una;
	/* RFC 6675 5 (4.3): the first segment is sent again in any case */
	t->lost_edge = seq_min(t->snd_una + t->mss, t->snd_nxt);
}

/* RFC 6675 5: where loss begins to be certain. */
static void sack_edge(struct tcp *t)
{
	t->lost_edge =
		seq_max(t->lost_edge, sack_lost_edge(&t->sack, t->snd_una, t->mss));
}

/* RFC 6582 3.2 step 3: a partial ACK uncovers the next hole. The window deflates
 * by what it acknowledged, less the one segment that left the network to bring
 * it about: here the pipe fills by as much. */
static void newreno_partial(struct tcp *t, uint32_t acked)
{
	uint32_t n = acked / t->mss;

	t->dupacks = t->dupacks > n ? t->dupacks - n + !!n : 0;
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
			if (!sack)
				newreno_partial(t, a->acked);
		} else {
			t->dupacks = 0;
			t->lost_edge = t->high_rxt = t->snd_una;
			/* a mark left behind 2 GiB ago would look like one ahead */
			if (seq_gt(t->snd_una, t->recover))
				t->recover = t->snd_una - 1;
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
	/* RFC 6582 3.2 step 2: not twice for one window of data */
	if (!sack && seq_le(t->snd_una, t->recover))
		return false;
	/* RFC 6675 5 (2), (3) */
	if (t->dupacks < DUP_THRESH &&
	    !(sack && sack_is_lost(&t->sack, t->snd_una, t->mss)))
		return false;
	begin(t);
	sack_edge(t);
	return true;
}

static void on_rto(struct tcp *t, const struct env *env)
{
	/* RFC 2018 8: what was SACKed may have been discarded since */
	sack_free(&t->sack);
	/* Eifel judges by the first retransmission of all; one within a recovery
	 * cannot be told from those before it */
	if (t->flags & TCPF_RECOVERY)
		t->flags &= ~(TCPF_TS_RTX | TCPF_TS_ARMED);
	else if (!(t->flags & TCPF_LOSS))
		t->flags |= TCPF_TS_ARMED;
	t->flags &= ~(TCPF_RECOVERY | TCPF_RESCUED | TCPF_TIMED);
	t->flags |= TCPF_LOSS | TCPF_RTX_ONE;
	t->dupacks = 0;
	t->recover = t->lost_edge = t->snd_nxt;
	t->high_rxt = t->snd_una;
}

/* RFC 6675 4 NextSeg() (3): a hole that is not lost for certain. */
static bool next(const struct tcp *t, uint32_t *ret_l, uint32_t *ret_r)
{
	uint32_t l, r;

	if (!(t->flags & TCPF_RECOVERY) || !t->sack.n ||
	    !sack_next_hole(&t->sack, t->high_rxt, t->snd_una, &l, &r))
		return false;
	*ret_l = l;
	*ret_r = seq_min(l + t->mss, r);
	return true;
}

/* NextSeg() (4): the last segment of all; its ACK keeps the clock going. */
static bool rescue(const struct tcp *t, uint32_t *ret_l, uint32_t *ret_r)
{
	uint32_t high = seq_max(sack_high(&t->sack, t->snd_una), t->high_rxt);

	if (!(t->flags & TCPF_RECOVERY) || (t->flags & TCPF_RESCUED) ||
	    !t->sack.n || seq_ge(high, t->snd_nxt))
		return false;
	*ret_l = seq_max(t->snd_nxt - t->mss, high);
	*ret_r = t->snd_nxt;
	return true;
}

const struct tcp_loss_ops tcp_loss_sack = {
	.name = "sack",
	.on_ack = on_ack,
	.on_rto = on_rto,
	.next = next,
	.rescue = rescue,
};
