/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcpcheck.c - invariants of a connection and of what it sends
 */
#include "tcpcheck.h"

#include <stdio.h>

#include "ip/ip.h"
#include "pkt/dissect.h"
#include "tcp/seq.h"
#include "wire/tcp.h"

#define MIB (UINT32_C(1) << 20)

#define CHECK(cond, ...)                                                           \
	do {                                                                       \
		if (!(cond)) {                                                     \
			snprintf(c->why, sizeof(c->why), __VA_ARGS__);             \
			return false;                                              \
		}                                                                  \
	} while (0)

void tcpcheck_init(struct tcpcheck *c, const struct tcp *t, uint32_t key)
{
	*c = (struct tcpcheck){ .t = t, .key = key };
}

static bool synced(const struct tcp *t)
{
	return t->state >= TCPS_SYN_RCVD && t->state < TCPS_N;
}

static bool check_buffers(struct tcpcheck *c)
{
	const struct tcp *t = c->t;
	const struct tcp_conf *conf = t->ctx->conf;
	uint32_t held = t->rcvq.len + t->rcvq.ooo_len;

	if (t->rcvbuf > c->rcvbuf_top)
		c->rcvbuf_top = t->rcvbuf;
	CHECK(t->rcvbuf <= conf->rcvbuf_max, "rcvbuf %u above its limit",
	      t->rcvbuf);
	CHECK(t->sndbuf <= conf->sndbuf_max, "sndbuf %u above its limit",
	      t->sndbuf);
	CHECK(held <= c->rcvbuf_top + 65535,
	      "%u bytes received and kept, rcvbuf %u", held, c->rcvbuf_top);
	CHECK(t->sndq.len <= conf->sndbuf_max + MIB, "%u bytes queued to send",
	      t->sndq.len);
	CHECK(t->rcvq.ooo_n <= RCVQ_OOO_MAX, "%u out-of-order ranges",
	      t->rcvq.ooo_n);
	CHECK(t->rcvq.ooo_len || !t->rcvq.ooo, "empty ranges kept");
	return true;
}

static bool check_board(struct tcpcheck *c)
{
	const struct tcp *t = c->t;
	const struct sack_board *b = &t->sack;
	uint32_t sum = 0, last = t->snd_una;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		CHECK(seq_lt(b->r[i].l, b->r[i].r), "scoreboard: range %u reversed",
		      i);
		CHECK(seq_ge(b->r[i].l, last),
		      "scoreboard: range %u below its predecessor", i);
		CHECK(seq_le(b->r[i].r, t->snd_nxt),
		      "scoreboard: range %u never sent", i);
		last = b->r[i].r;
		sum += b->r[i].r - b->r[i].l;
	}
	CHECK(sum == b->bytes, "scoreboard: %u bytes counted as %u", sum, b->bytes);
	return true;
}

bool tcpcheck_state(struct tcpcheck *c)
{
	const struct tcp *t = c->t;

	CHECK(t->state < TCPS_N, "state %u", t->state);
	if (t->state == TCPS_CLOSED)
		return true;
	CHECK(seq_le(t->snd_una, t->snd_nxt), "snd_una %u above snd_nxt %u",
	      t->snd_una, t->snd_nxt);
	CHECK(t->snd_nxt - t->snd_una <= t->sndq.len + 2,
	      "%u outstanding of %u queued", t->snd_nxt - t->snd_una, t->sndq.len);
	CHECK(t->state < TCPS_ESTABLISHED || (t->cc.cwnd && t->cc.ssthresh),
	      "cwnd %u, ssthresh %u", t->cc.cwnd, t->cc.ssthresh);
	CHECK(t->mss, "mss 0");
	if (!check_buffers(c) || !check_board(c))
		return false;
	if (!synced(t))
		return true;
	if (!c->synced) {
		c->synced = true;
		c->rcv_nxt = t->rcv_nxt;
		c->right = t->snd_una + t->snd_wnd;
	}
	CHECK(seq_ge(t->rcv_nxt, c->rcv_nxt), "rcv_nxt went back from %u to %u",
	      c->rcv_nxt, t->rcv_nxt);
	c->rcv_nxt = t->rcv_nxt;
	c->right = seq_max(c->right, t->snd_una + t->snd_wnd);
	return true;
}

bool tcpcheck_live(struct tcpcheck *c)
{
	const struct tcp *t = c->t;
	uint64_t d = tcp_deadline(t);

	if (t->state == TCPS_CLOSED || t->state == TCPS_TIME_WAIT) {
		CHECK(t->state == TCPS_CLOSED || d != ENV_NEVER,
		      "TIME-WAIT for ever");
		return true;
	}
	if (t->state == TCPS_SYN_RCVD && t->snd_nxt == t->iss)
		return true; /* a held SYN: the owner decides */
	if (t->snd_una != t->snd_nxt)
		CHECK(t->rtx_at_us != ENV_NEVER || t->persist_at_us != ENV_NEVER,
		      "%s: %u bytes outstanding and no timer",
		      tcp_state_name(t->state), t->snd_nxt - t->snd_una);
	else if (t->sndq.len)
		CHECK(d != ENV_NEVER, "%s: %u bytes waiting and no timer",
		      tcp_state_name(t->state), t->sndq.len);
	return true;
}

static bool check_ip(struct tcpcheck *c, const struct gust_pkt *p)
{
	struct ipaddr src, dst;
	uint8_t proto;

	pkt_addrs(p, &src, &dst, &proto);
	CHECK(proto == 6, "protocol %u", proto);
	CHECK(ipaddr_eq(&src, &c->t->local), "source address");
	CHECK(ipaddr_eq(&dst, &c->t->remote), "destination address");
	return true;
}

static bool check_size(struct tcpcheck *c, const struct gust_pkt *p)
{
	const struct port_caps *caps = c->t->ctx->caps;
	uint32_t max = ipaddr_is4(&c->t->local) ? caps->gso_max4 : caps->gso_max6;
	uint32_t pay = pkt_payload_len(p);

	if (p->gso_size) {
		CHECK(pay > p->gso_size, "gso_size %u for %u bytes", p->gso_size,
		      pay);
		CHECK(p->gso_type == (ipaddr_is4(&c->t->local) ? GUST_GSO_TCP4 :
								 GUST_GSO_TCP6),
		      "gso_type %u", p->gso_type);
		/* the jumbo option comes on top of what one segment has */
		CHECK(p->hlen + p->gso_size <= caps->mtu + 8,
		      "a segment of %u bytes", p->hlen + p->gso_size);
		/* what a port does not carry, the egress cuts: 64 KB for all */
		if (max < 65535)
			max = 65535;
		CHECK(p->len <= max, "a superpacket of %u bytes, limit %u", p->len,
		      max);
		CHECK(!caps->gso_max_segs || pkt_segs(p) <= caps->gso_max_segs,
		      "%u segments", pkt_segs(p));
	} else {
		CHECK(p->len <= caps->mtu, "a packet of %u bytes, MTU %u", p->len,
		      caps->mtu);
	}
	return true;
}

static bool check_payload(struct tcpcheck *c, const struct gust_pkt *p,
			  const struct tcp_hdr *h)
{
	uint32_t pay = pkt_payload_len(p), at = h->seq - c->t->iss - 1, i, k;

	for (i = k = 0; i < p->nfrag; i++) {
		const struct gust_frag *f = &p->frag[i];
		uint32_t j;

		for (j = 0; j < f->len; j++, k++)
			CHECK(f->p[j] == tcpcheck_byte(c->key, at + k),
			      "byte %u of the stream is wrong", at + k);
	}
	CHECK(k == pay, "fragments hold %u bytes of %u", k, pay);
	return true;
}

bool tcpcheck_output(struct tcpcheck *c, const struct gust_pkt *p)
{
	const struct tcp *t = c->t;
	const struct gust_layer *l4 = pkt_l4(p);
	uint32_t pay = pkt_payload_len(p), end, room;
	struct tcp_hdr h;

	CHECK(l4 && l4->kind == GUST_L_TCP, "no TCP layer");
	CHECK(!tcp_hdr_parse(p->head + l4->off, p->hlen - l4->off, &h),
	      "TCP header");
	CHECK(l4->off + h.hlen == p->hlen, "header length %u", h.hlen);
	CHECK(h.sport == t->lport && h.dport == t->rport, "ports");
	if (!check_ip(c, p) || !check_size(c, p))
		return false;
	end = h.seq + pay + !!(h.flags & TCP_SYN) + !!(h.flags & TCP_FIN);
	if (h.flags & TCP_RST) {
		CHECK(!pay, "a reset with payload");
		return true;
	}
	/* keepalives and probes may lie one byte below snd_una */
	CHECK(seq_ge(h.seq, t->snd_una - 1), "seq %u below snd_una %u", h.seq,
	      t->snd_una);
	CHECK(seq_le(end, t->snd_nxt), "end %u above snd_nxt %u", end, t->snd_nxt);
	if (pay && !(h.flags & TCP_SYN) && seq_ge(h.seq, t->snd_una)) {
		room = seq_lt(h.seq, c->right) ? c->right - h.seq : 0;
		/* one byte beyond is a window probe (RFC 9293 3.8.6.1) */
		CHECK(pay <= room || pay == 1,
		      "%u bytes at %u, peer's window ends at %u", pay, h.seq,
		      c->right);
		if (!check_payload(c, p, &h))
			return false;
	}
	if (h.flags & TCP_ACK) {
		uint32_t right = h.ack + ((uint32_t)h.wnd << t->rcv_wscale);

		CHECK(h.ack == t->rcv_nxt, "ack %u, rcv_nxt %u", h.ack, t->rcv_nxt);
		if (h.flags & TCP_SYN) {
			/* its window is never scaled (RFC 7323 2.2), and what was
			 * told before a repeated SYN-ACK nobody can have used */
			c->adv_set = false;
			return true;
		}
		/* RFC 9293 3.8.6: never shrink the window */
		CHECK(!c->adv_set || seq_ge(right, c->adv), "window shrinks by %u",
		      c->adv - right);
		c->adv = right;
		c->adv_set = true;
	} else {
		CHECK(h.flags & TCP_SYN, "no ACK flag");
	}
	return true;
}

struct gust_pkt *tcpcheck_deliver(struct pkt_pool *pool, struct gust_slab **slab,
				  const struct gust_pkt *p,
				  enum drop_reason *ret_drop)
{
	struct gust_slab *s = *slab;
	struct gust_pkt *q;
	uint8_t *at;

	*ret_drop = DROP_NO_SLAB;
	if (!s || s->cap - s->used < GUST_HEADROOM + p->len) {
		if (s)
			slab_unref(s);
		*slab = s = slab_new(pool);
		if (!s)
			return NULL;
		s->used = 0;
	}
	at = s->data + s->used + GUST_HEADROOM;
	memcpy(at, p->head, p->hlen);
	pkt_payload_copy(p, 0, at + p->hlen, pkt_payload_len(p));
	s->used += GUST_HEADROOM + p->len;
	q = pkt_from_slab(pool, s, at, p->len);
	if (!q)
		return NULL;
	*ret_drop = pkt_dissect(q, DISSECT_IP);
	if (*ret_drop != DROP_NONE) {
		pkt_free(q);
		return NULL;
	}
	q->gso_size = p->gso_size;
	q->gso_type = p->gso_type;
	q->need |= p->need & (GUST_F_CSUM | GUST_F_ECN);
	return q;
}
