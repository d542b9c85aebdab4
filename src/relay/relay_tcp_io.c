/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_tcp_io.c - bytes between a TCP connection and its host socket
 *
 * Up: what the inside sent leaves by one sendmsg() from where it was received,
 * and only what the host took opens the window. Down: one large recv() straight
 * into a slab becomes one piece of the send queue, hence of one superpacket.
 * Nothing is read before there is room to send it, so memory is bounded by the
 * send buffer.
 */
#include <errno.h>
#include <sys/socket.h>

#include "relay/stack_internal.h"

#define UP_IOV 64

/*
 * The host socket is dead. What the host sent before it died is still owed to
 * the inside; what the inside sends has nowhere to go.
 */
void tcp_relay_broken(struct stack *s, struct tcp_relay *r)
{
	if (!r->wr_shut || !r->rd_eof)
		r->rst = true;
	r->due_us = s->env->now_us + RST_WAIT_US;
	stack_fd_close(s, &r->sf);
}

static bool is_transient(int err)
{
	return err == ENOBUFS || err == ENOMEM;
}

/* Nobody takes it any more, and the reset is on its way. */
static void up_discard(struct stack *s, struct tcp_relay *r)
{
	uint32_t n = tcp_readable(&r->c.t);

	if (n)
		tcp_consume(&r->c.t, n, s->env);
}

void tcp_relay_up(struct stack *s, struct tcp_relay *r)
{
	struct tcp *t = &r->c.t;
	struct iovec iov[UP_IOV];

	if (r->up_dead) {
		up_discard(s, r);
		return;
	}
	while (r->wr && tcp_readable(t)) {
		struct msghdr m = { .msg_iov = iov };
		size_t len = 0;
		ssize_t n;

		m.msg_iovlen = tcp_peek(t, iov, UP_IOV);
		for (size_t i = 0; i < m.msg_iovlen; i++)
			len += iov[i].iov_len;
		if (m.msg_iovlen == 1)
			n = send(r->sf.fd, iov[0].iov_base, len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = sendmsg(r->sf.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				r->wr = false;
			} else if (is_transient(errno)) {
				r->c.f.nomem = true;
			} else {
				/* Reset, but its last data may still be readable. */
				r->up_dead = r->rd = true;
				up_discard(s, r);
				return;
			}
			break;
		}
		tcp_consume(t, n, s->env);
		s->st.host_out_bytes += n;
		s->moved += n;
		/* The kernel will tell when there is room again. */
		if ((size_t)n < len)
			r->wr = false;
	}
	if (tcp_readable(t)) {
		tcp_compact(t);
	} else if (!r->wr_shut && tcp_at_eof(t)) {
		shutdown(r->sf.fd, SHUT_WR);
		r->wr_shut = true;
	}
}

/* Send space below which a read would only make small pieces. */
static bool worth_reading(const struct tcp *t, uint32_t space)
{
	uint32_t low = t->sndbuf / 4 < READ_LOW ? t->sndbuf / 4 : READ_LOW;

	return space && (space >= low || !t->sndq.len);
}

/* recv() said `n` bytes at `p`. 0, or -errno when they cannot be queued. */
static int queue(struct stack *s, struct tcp *t, uint8_t *p, uint32_t n)
{
	struct gust_frag f;
	int r;

	if (n > READ_COPY || slab_copy(s->pool, p, n, &f) < 0)
		stack_read_take(s, p, n, &f);
	r = tcp_send(t, &f, 1);
	if (r < 0)
		frag_unref(&f);
	return r;
}

/* One read of up to `want` bytes. False: enough for now. */
static bool read_once(struct stack *s, struct tcp_relay *r, uint32_t want,
		      uint32_t *left)
{
	struct tcp *t = &r->c.t;
	uint32_t room;
	uint8_t *p = stack_read_room(s, want, &room);
	ssize_t n;

	if (!p) {
		r->c.f.nomem = true;
		return false;
	}
	if (want > room)
		want = room;
	n = recv(r->sf.fd, p, want, MSG_DONTWAIT);
	if (n > 0) {
		s->st.host_in_bytes += n;
		s->moved += n;
		s->budget -= (uint32_t)n < s->budget ? (uint32_t)n : s->budget;
		*left -= n;
		if (queue(s, t, p, n) < 0) {
			/* Bytes that the host believes delivered are lost. */
			tcp_relay_broken(s, r);
			tcp_abort(t, s->env);
			return false;
		}
		if ((uint32_t)n == want || n < READ_AGAIN)
			return true;
		/* The host is still writing: let it, larger pieces are better. */
		r->c.f.again = true;
		return false;
	}
	if (!n) {
		if (r->up_dead) {
			tcp_relay_broken(s, r);
			return false;
		}
		r->rd = false;
		r->rd_eof = true;
		tcp_shutdown(t, s->env);
		return false;
	}
	if (errno == EINTR)
		return true;
	if (errno == EAGAIN)
		r->rd = false;
	else if (is_transient(errno))
		r->c.f.nomem = true;
	else
		tcp_relay_broken(s, r);
	return false;
}

void tcp_relay_down(struct stack *s, struct tcp_relay *r)
{
	struct tcp *t = &r->c.t;
	uint32_t left = FLOW_BUDGET;

	while (r->rd && !r->rd_eof && r->sf.fd >= 0) {
		uint32_t space = tcp_send_space(t), want;

		if (!worth_reading(t, space))
			return; /* an ACK brings us back */
		if (!left || !s->budget) {
			r->c.f.again = true;
			return;
		}
		want = space < READ_MAX ? space : READ_MAX;
		if (want > left)
			want = left;
		if (!read_once(s, r, want, &left))
			return;
	}
}
