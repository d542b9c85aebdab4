/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_tcp.c - a kernel TCP socket, and its peer played by hand
 *
 * One connection a form: the kernel connects, we answer, widen its receive
 * window with plain segments (which need no offload at all: checksums are made
 * here) until it takes a whole superpacket, and then send superpackets whose
 * last segment is full, one byte short, and one byte long. The socket must
 * deliver the same bytes. Nothing is ever retransmitted: a lost superpacket is
 * the answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proof/proof_internal.h"
#include "wire/tcp.h"

#define ISS UINT32_C(0x10000000)
#define PROTO_TCP 6

/* Rounds of widening; each sends up to RAMP_BURST segments. */
#define RAMP_ROUNDS 400
#define RAMP_BURST 16

struct conn {
	struct probe *p;
	bool v6;
	int sk;
	uint16_t port, kport; /* ours, the kernel's */
	uint16_t mss;
	uint32_t seq; /* our next */
	uint32_t acked; /* by the kernel */
	uint32_t kseq; /* the kernel's next */
	uint32_t wnd;
	uint8_t wscale;
	bool syn, established;
};

/* ---- our side ---- */

/* `len` payload bytes from `off` of the data; a superpacket when more than one
 * segment. */
static bool send_seg(struct conn *c, uint16_t flags, uint32_t off, uint32_t len,
		     bool jumbo)
{
	struct tcp_hdr h = { .sport = c->port,
			     .dport = c->kport,
			     .seq = c->seq,
			     .ack = c->kseq,
			     .flags = flags,
			     .wnd = 65535 };
	struct gust_pkt *pkt;
	uint8_t hlen;

	if (flags & TCP_SYN)
		h.opt = (struct tcp_opts){ .present = TCP_OPT_MSS | TCP_OPT_WSCALE,
					   .mss = c->mss,
					   .wscale = 7 };
	hlen = TCP_HLEN + tcp_opts_len(&h.opt);
	pkt = probe_ip(c->p, c->v6, PROTO_TCP, hlen + len, jumbo);
	if (!pkt)
		return false;
	pkt_layer_append(pkt, GUST_L_TCP, 0, pkt->hlen);
	tcp_hdr_build(pkt->head + pkt->hlen, &h);
	pkt->hlen += hlen;
	pkt->len += hlen;
	probe_payload(c->p, pkt, off, len);
	if (len > c->mss) {
		pkt->gso_size = c->mss;
		pkt->gso_type = c->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
		pkt->need = GUST_F_CSUM;
	} else {
		pkt_csum_complete(pkt);
	}
	c->seq += len + !!(flags & TCP_SYN);
	return probe_send(c->p, pkt);
}

static void on_segment(struct conn *c, const struct tcp_hdr *h)
{
	if (h->dport != c->port)
		return;
	if ((h->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !c->syn) {
		c->syn = true;
		c->kport = h->sport;
		c->kseq = h->seq + 1;
		c->wscale = h->opt.present & TCP_OPT_WSCALE ? h->opt.wscale : 0;
		return;
	}
	if (!(h->flags & TCP_ACK) || h->sport != c->kport)
		return;
	if ((int32_t)(h->ack - c->acked) < 0)
		return;
	c->acked = h->ack;
	c->wnd = (uint32_t)h->wnd << c->wscale;
	c->established = true;
}

/* Take what the kernel has sent. */
static void pump(struct conn *c)
{
	struct gust_batch in;
	struct gust_pkt *pkt;

	gust_batch_init(&in);
	while (c->p->port->ops->rx(c->p->port, 0, 64, &in, &c->p->drops) > 0)
		while ((pkt = gust_batch_pop(&in))) {
			const struct gust_layer *l4 = pkt_l4(pkt);
			struct tcp_hdr h;

			if (l4 && l4->kind == GUST_L_TCP &&
			    !tcp_hdr_parse(pkt->head + l4->off, pkt->hlen - l4->off,
					   &h))
				on_segment(c, &h);
			pkt_free(pkt);
		}
}

/* Pump until *flag is set. */
static bool pump_until(struct conn *c, const bool *flag)
{
	int fd = c->p->port->ops->fd(c->p->port, 0);

	pump(c);
	while (!*flag && probe_wait(fd, PROBE_WAIT_MS))
		pump(c);
	return *flag;
}

static bool open_conn(struct conn *c)
{
	struct sockaddr_storage ss;
	struct ipaddr peer;
	socklen_t len;

	c->sk = probe_socket(c->p, c->v6, SOCK_STREAM);
	if (c->sk < 0)
		return false;
	ipaddr_parse(probe_peer_addr[c->v6], &peer);
	len = ipaddr_to_sockaddr(&peer, c->port, &ss);
	if (connect(c->sk, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return probe_fail(c->p, "connect: %s", strerror(errno));
	if (!pump_until(c, &c->syn))
		return probe_fail(c->p, "no SYN came out of the tun");
	c->seq = c->acked = ISS;
	if (!send_seg(c, TCP_SYN | TCP_ACK, 0, 0, false))
		return false;
	if (!pump_until(c, &c->established))
		return probe_fail(c->p, "the handshake was not completed");
	return true;
}

/* ---- the kernel's side ---- */

/* The socket must deliver `len` bytes equal to the data from `off`. */
static bool expect(struct conn *c, uint32_t off, uint32_t len)
{
	uint32_t got = 0;

	while (got < len) {
		ssize_t n = recv(c->sk, c->p->buf + got, len - got, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return probe_fail(c->p, "recv: %s",
					  n ? strerror(errno) : "end");
		if (n > 0)
			got += (uint32_t)n;
		else if (!probe_wait(c->sk, PROBE_WAIT_MS))
			return probe_fail(c->p, "%u of %u bytes arrived", got, len);
		pump(c);
	}
	if (memcmp(c->p->buf, c->p->data->data + off, len))
		return probe_fail(
			c->p, "the %u bytes that arrived are not those sent", len);
	return true;
}

/* Widen the window to `need`: it grows by what arrives and is read. */
static bool widen(struct conn *c, uint32_t need)
{
	for (unsigned i = 0; i < RAMP_ROUNDS && c->wnd < need; i++) {
		uint32_t n = 0;

		while (n < RAMP_BURST * (uint32_t)c->mss && n + c->mss <= c->wnd) {
			if (!send_seg(c, TCP_ACK | TCP_PSH, n, c->mss, false))
				return false;
			n += c->mss;
		}
		if (!n || !expect(c, 0, n))
			break;
	}
	if (c->wnd < need)
		return probe_fail(c->p, "the receive window stops at %u bytes",
				  c->wnd);
	return true;
}

/* ---- the probe ---- */

static bool super(struct conn *c, uint32_t off, uint32_t len, bool jumbo)
{
	char why[PROBE_WHY_LEN];

	if (!widen(c, len))
		return false;
	if (send_seg(c, TCP_ACK | TCP_PSH, off, len, jumbo) && expect(c, off, len))
		return true;
	snprintf(why, sizeof(why), "%s", c->p->why);
	return probe_fail(c->p, "superpacket of %u bytes: %.100s", len, why);
}

bool probe_tcp(struct probe *p, bool v6, uint32_t len, bool jumbo)
{
	struct conn c = {
		.p = p, .v6 = v6, .port = p->next_port++, .mss = v6 ? 1440 : 1460
	};
	uint32_t full = len / c.mss * c.mss;
	bool ok;

	ok = open_conn(&c) && super(&c, 8, full, jumbo) &&
	     super(&c, 4096, full - 1, jumbo) && super(&c, 3, full + 1, jumbo);
	if (c.sk >= 0)
		close(c.sk);
	return ok;
}
