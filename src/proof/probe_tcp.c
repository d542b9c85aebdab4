/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_tcp.c - a kernel TCP socket, and its peer played by hand
 *
 * The kernel connects, we answer. Towards the kernel: its receive window is
 * widened with plain segments (which need no offload at all) until it takes a whole
 * superpacket; the socket must then deliver the same bytes. From the kernel: we
 * acknowledge until its congestion window lets a whole superpacket go; what we then
 * read must be one.
 *
 * Nothing is ever retransmitted: a lost superpacket is the answer. Whether it was
 * lost is asked at once, with a byte that the kernel has already: it must
 * acknowledge that, after all that came before. A form that is not delivered costs
 * microseconds, not a time-out.
 *
 * ECN (RFC 3168): a segment marked CE makes the kernel send ECE until it sees CWR,
 * which the superpacket carries; in the other direction our ECE makes the kernel
 * send CWR, on one segment only.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"

#define ISS UINT32_C(0x10000000)
#define OUR_WSCALE 7
#define ECT0 2
#define CE 3

/* Rounds of widening; each sends up to RAMP_BURST segments. */
#define RAMP_ROUNDS 400
#define RAMP_BURST 32

struct conn {
	struct probe *p;
	const struct probe_path *path;
	bool ecn;
	int sk;
	uint16_t port, kport; /* ours, the kernel's */
	uint32_t seq; /* our next */
	uint32_t acked; /* by the kernel */
	uint32_t kseq; /* the kernel's next */
	uint32_t wnd;
	uint8_t wscale;
	uint16_t last_flags; /* of the kernel's last segment */
	unsigned n_ack; /* segments that the kernel sent */
	uint32_t cwnd; /* bytes that the kernel is known to send at once */
	bool syn, established;
};

/* ---- our side ---- */

struct seg {
	uint16_t flags;
	uint8_t tos;
	uint32_t off, len; /* payload: of the random data */
	bool jumbo;
};

static bool send_seg(struct conn *c, const struct seg *s)
{
	struct tcp_hdr h = { .sport = c->port,
			     .dport = c->kport,
			     .seq = c->seq,
			     .ack = c->kseq,
			     .flags = s->flags,
			     .wnd = 65535 };
	struct probe_out o = { .path = c->path,
			       .tcp = &h,
			       .tos = s->tos,
			       .jumbo = s->jumbo,
			       .data = c->p->data + s->off,
			       .len = s->len };

	if (s->flags & TCP_SYN)
		h.opt = (struct tcp_opts){ .present = TCP_OPT_MSS | TCP_OPT_WSCALE,
					   .mss = c->path->mss,
					   .wscale = OUR_WSCALE };
	if (s->len > c->path->mss) {
		o.gso_size = c->path->mss;
		o.gso_type = c->path->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
					   VIRTIO_NET_HDR_GSO_TCPV4;
		if (s->flags & TCP_CWR)
			o.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	}
	c->seq += s->len + !!(s->flags & TCP_SYN);
	return probe_write(c->p, &o);
}

static bool send_ack(struct conn *c, uint16_t more)
{
	return send_seg(c, &(struct seg){ .flags = TCP_ACK | more });
}

static void on_segment(struct conn *c, const struct tcp_hdr *h)
{
	if ((h->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !c->syn) {
		c->syn = true;
		c->last_flags = h->flags;
		c->kport = h->sport;
		c->kseq = h->seq + 1;
		c->wscale = h->opt.present & TCP_OPT_WSCALE ? h->opt.wscale : 0;
		return;
	}
	if (!(h->flags & TCP_ACK) || h->sport != c->kport ||
	    (int32_t)(h->ack - c->acked) < 0)
		return;
	c->acked = h->ack;
	c->wnd = (uint32_t)h->wnd << c->wscale;
	c->last_flags = h->flags;
	c->n_ack++;
	c->established = true;
}

/* The next segment of this connection. 1, 0: none within `ms`, -1. */
static int next(struct conn *c, int ms, struct probe_in *in)
{
	int r;

	while ((r = probe_read(c->p, c->path, ms, in)) > 0) {
		if (in->in.proto != PROTO_TCP || in->in.fragment ||
		    in->in.dport != c->port)
			continue;
		on_segment(c, &in->in.tcp);
		return 1;
	}
	return r;
}

/* Take what the kernel has sent. */
static void pump(struct conn *c)
{
	struct probe_in in;

	while (next(c, 0, &in) > 0)
		;
}

static bool pump_until(struct conn *c, const bool *flag)
{
	struct probe_in in;

	while (!*flag && next(c, PROBE_WAIT_MS, &in) > 0)
		;
	return *flag;
}

static int start_connect(struct conn *c)
{
	struct sockaddr_storage ss;
	int one = 1;
	socklen_t len;

	c->sk = probe_socket(c->p, c->path, SOCK_STREAM);
	if (c->sk < 0)
		return -1;
	/* Without pacing, and with the last segment at once. */
	setsockopt(c->sk, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	setsockopt(c->sk, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	len = ipaddr_to_sockaddr(&c->path->peer, c->port, &ss);
	if (connect(c->sk, (struct sockaddr *)&ss, len) < 0 &&
	    errno != EINPROGRESS) {
		probe_unclear(c->p, "connect: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static bool open_conn(struct conn *c)
{
	uint16_t flags = TCP_SYN | TCP_ACK;

	probe_drain(c->p);
	if (!probe_reachable(c->p, c->path) || start_connect(c) < 0)
		return false;
	if (!pump_until(c, &c->syn))
		return probe_unclear(c->p, "no SYN came out");
	if (c->ecn && !(c->last_flags & TCP_ECE))
		return probe_not_here(c->p, "the kernel does not offer ECN here");
	if (c->ecn)
		flags |= TCP_ECE;
	c->seq = c->acked = ISS;
	if (!send_seg(c, &(struct seg){ .flags = flags }))
		return false;
	if (!pump_until(c, &c->established))
		return probe_unclear(c->p, "the handshake was not completed");
	c->cwnd = 4 * c->path->mss;
	/* a window that is scaled now */
	return send_ack(c, 0);
}

void probe_tcp_forget(struct probe *p)
{
	struct conn *c = p->conn;
	struct linger at_once = { .l_onoff = 1 };

	p->conn = NULL;
	if (!c)
		return;
	if (c->sk >= 0) {
		setsockopt(c->sk, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(c->sk);
	}
	free(c);
}

/* The connection that the test before left, or a new one. */
static struct conn *get_conn(struct probe *p, const struct probe_tcp *t)
{
	struct conn *c = p->conn;

	if (c && c->path == t->path && c->ecn == t->ecn)
		return c;
	probe_tcp_forget(p);
	c = p->conn = calloc(1, sizeof(*c));
	if (!c) {
		probe_unclear(p, "out of memory");
		return NULL;
	}
	*c = (struct conn){ .p = p,
			    .path = t->path,
			    .ecn = t->ecn,
			    .sk = -1,
			    .port = p->next_port++ };
	return open_conn(c) ? c : NULL;
}

/* ---- to the kernel ---- */

/* The kernel has dealt with all that was written before: it acknowledges a byte
 * that it has already. */
static bool fence(struct conn *c)
{
	unsigned was = c->n_ack;
	uint32_t seq = c->seq;
	bool ok;
	struct probe_in in;

	pump(c);
	was = c->n_ack;
	c->seq = c->acked - 1;
	ok = send_seg(c, &(struct seg){ .flags = TCP_ACK, .len = 1 });
	c->seq = seq;
	while (ok && c->n_ack == was && next(c, PROBE_WAIT_MS, &in) > 0)
		;
	return ok;
}

/* The socket must deliver `len` bytes equal to the data from `off`. */
static bool expect(struct conn *c, uint32_t off, uint32_t len)
{
	uint32_t got = 0;
	bool asked = false;

	while (got < len) {
		ssize_t n = recv(c->sk, c->p->buf + got, len - got, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return probe_fail(c->p, "recv: %s",
					  n ? strerror(errno) : "end");
		if (n > 0) {
			got += (uint32_t)n;
			continue;
		}
		if (asked && c->acked != c->seq)
			return probe_fail(c->p, "%u of %u bytes arrived", got, len);
		if (asked && !probe_wait(c->sk, PROBE_WAIT_MS))
			return probe_fail(c->p, "%u of %u bytes were delivered",
					  got, len);
		if (!asked && !fence(c))
			return false;
		asked = true;
	}
	pump(c);
	if (memcmp(c->p->buf, c->p->data + off, len))
		return probe_fail(
			c->p, "the %u bytes that arrived are not those sent", len);
	return true;
}

/* Widen the window to `need`: it grows by what arrives and is read. */
static bool widen(struct conn *c, uint32_t need)
{
	uint16_t mss = c->path->mss;

	for (unsigned i = 0; i < RAMP_ROUNDS && c->wnd < need; i++) {
		uint32_t n = 0;

		while (n < RAMP_BURST * (uint32_t)mss && n + mss <= c->wnd) {
			if (!send_seg(c, &(struct seg){ .flags = TCP_ACK | TCP_PSH,
							.off = n,
							.len = mss }))
				return false;
			n += mss;
		}
		if (!n || !expect(c, 0, n))
			break;
	}
	if (c->wnd < need)
		return probe_unclear(c->p, "the receive window stops at %u bytes",
				     c->wnd);
	return true;
}

/* A segment marked on its way: from now on the kernel says ECE. */
static bool congest(struct conn *c)
{
	if (!send_seg(c, &(struct seg){ .flags = TCP_ACK | TCP_PSH,
					.tos = CE,
					.len = c->path->mss }) ||
	    !expect(c, 0, c->path->mss) || !fence(c))
		return false;
	return (c->last_flags & TCP_ECE) ||
	       probe_fail(c->p, "no ECE for a segment marked CE");
}

/* Bytes of a superpacket of about `len` with this tail. */
static uint32_t shaped(const struct conn *c, enum proof_shape s, uint32_t len)
{
	uint32_t full = len / c->path->mss * c->path->mss;

	return s == PROOF_SHORT ? full - 1 : s == PROOF_ONE ? full + 1 : full;
}

static bool super_to(struct conn *c, const struct probe_tcp *t)
{
	static const uint32_t offs[] = { 8, 4096, 3 };
	uint32_t len = shaped(c, t->shape, t->len), off = offs[t->shape];
	struct seg s = { .flags = TCP_ACK | TCP_PSH,
			 .off = off,
			 .len = len,
			 .jumbo = t->jumbo };
	char why[PROOF_WHY_LEN];

	if (!widen(c, len) || (t->ecn && !congest(c))) {
		/* plain packets: it says nothing about the feature */
		c->p->verdict = PROOF_NONE;
		return false;
	}
	if (t->ecn) {
		s.flags |= TCP_CWR;
		s.tos = ECT0;
	}
	if (!send_seg(c, &s) || !expect(c, off, len)) {
		snprintf(why, sizeof(why), "%s", c->p->why);
		return probe_fail(c->p, "superpacket of %u bytes: %.80s", len, why);
	}
	if (!t->ecn)
		return true;
	if (!fence(c))
		return false;
	return !(c->last_flags & TCP_ECE) ||
	       probe_fail(c->p, "CWR did not arrive: ECE goes on");
}

bool probe_tcp_to(struct probe *p, const struct probe_tcp *t)
{
	struct conn *c = get_conn(p, t);

	if (c && super_to(c, t))
		return true;
	probe_tcp_forget(p); /* what is lost stays lost */
	return false;
}

/* ---- from the kernel ---- */

/* What is asked of the segments that come out. */
struct want {
	uint32_t off, len;
	bool super; /* there must be superpackets; false: there must be none */
	bool any; /* either will do */
	bool cwr; /* the first one must carry CWR, and no other */
};

/* One segment with payload, at `got`. */
static bool check_segment(struct conn *c, const struct want *w,
			  const struct probe_in *in, uint32_t got)
{
	const struct probe_path *path = c->path;
	const struct tcp_hdr *h = &in->in.tcp;
	uint32_t n = in->in.end - in->in.pay;
	bool super = n > path->mss, cwr = h->flags & TCP_CWR;
	uint8_t type =
		path->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;

	if (h->seq != c->kseq)
		return probe_fail(c->p, "a segment is missing after %u bytes", got);
	if (got + n > w->len ||
	    memcmp(in->p + in->in.pay, c->p->data + w->off + got, n))
		return probe_fail(c->p, "%u bytes at %u are not those sent", n,
				  got);
	if (!probe_csum_ok(c->p, in))
		return false;
	if (w->cwr && cwr != !got)
		return probe_fail(c->p, "CWR is %s at %u bytes",
				  cwr ? "set" : "missing", got);
	if (!super)
		return true;
	if (!w->super && !w->any)
		return probe_fail(c->p,
				  "a superpacket of %u bytes came although "
				  "it is switched off",
				  n);
	if (w->cwr && cwr)
		type |= VIRTIO_NET_HDR_GSO_ECN;
	return probe_super_ok(c->p, in, path, type, path->mss);
}

/* Read and acknowledge what the socket has sent. */
static bool expect_out(struct conn *c, const struct want *w, uint16_t ack_flags)
{
	uint32_t got = 0, last = 0;
	unsigned packets = 0;
	bool super = false;

	while (got < w->len) {
		struct probe_in in;
		uint32_t n;
		int r = next(c, PROBE_WAIT_MS, &in);

		if (r <= 0)
			return r < 0 ? false :
				       probe_fail(c->p, "%u of %u bytes came out",
						  got, w->len);
		n = in.in.end - in.in.pay;
		if (!n)
			continue;
		if (!check_segment(c, w, &in, got))
			return false;
		packets++;
		super |= n > c->path->mss;
		last = n;
		got += n;
		c->kseq += n;
		if (!send_ack(c, got == w->len ? ack_flags : 0))
			return false;
	}
	if (!w->super)
		return true;
	if (!super)
		return probe_fail(c->p,
				  "%u bytes came as %u packets of one segment", got,
				  packets);
	return last > c->path->mss ||
	       probe_fail(c->p, "the last %u bytes came by themselves", last);
}

static bool give(struct conn *c, uint32_t off, uint32_t len)
{
	ssize_t n = send(c->sk, c->p->data + off, len, MSG_NOSIGNAL);

	if (n == (ssize_t)len)
		return true;
	return probe_unclear(c->p, "send: %s",
			     n < 0 ? strerror(errno) : "cut short");
}

/* Until the kernel's congestion window takes `need` at once. */
static bool grow(struct conn *c, uint32_t need)
{
	while (c->cwnd < need) {
		struct want w = { .len = c->cwnd, .any = true };

		if (!give(c, 0, c->cwnd) || !expect_out(c, &w, 0))
			return false;
		c->cwnd *= 2;
	}
	return true;
}

static bool super_from(struct conn *c, const struct probe_tcp *t)
{
	static const uint32_t offs[] = { 8, 4096, 3, 16 };
	uint32_t len = shaped(c, t->shape, t->len);
	struct want w = { .off = offs[t->shape],
			  .len = len,
			  .super = t->shape != PROOF_OFF };

	if (!grow(c, t->ecn ? 16 * c->path->mss : len))
		return false;
	if (t->ecn) {
		/* a burst that we answer with ECE; the next one is to say CWR */
		struct want first = { .len = 8 * c->path->mss, .any = true };

		if (!give(c, 0, first.len) || !expect_out(c, &first, TCP_ECE))
			return false;
		w.cwr = true;
	}
	return give(c, w.off, w.len) && expect_out(c, &w, 0);
}

bool probe_tcp_from(struct probe *p, const struct probe_tcp *t)
{
	struct conn *c = get_conn(p, t);
	bool ok = c && super_from(c, t);

	/* ECE has halved the window */
	if (!ok || t->ecn)
		probe_tcp_forget(p);
	return ok;
}
