/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_harness.h - one TCP connection on the bench, exact to the segment
 *
 *	IN(.len = 100);                 a segment arrives: what differs from the template
 *	OUT(.ack = 101);                exactly this comes out ...
 *	NOTHING();                      ... and nothing more
 *	EV(TCP_EV_READABLE);            these events since the last time, no others
 *	SLEEP(40000);                   time passes, timers fire when they are due
 *	DUE(40000);                     the next one is due in exactly so many us
 *
 * Sequence numbers are relative: 0 is the SYN, 1 the first byte. Both initial
 * sequence numbers stand close below 2^32, so that every test wraps around. The
 * template of IN is the next byte in order, acknowledging all that was sent; of
 * OUT a bare ACK with seq 1, ack 1. Tests run over IPv4 without timestamps and
 * over IPv6 with them, unless they say otherwise.
 *
 * What OUT looks at besides its fields: the IP header byte by byte, addresses and
 * ports, the timestamp, the payload's bytes, the checksum of plain segments, that
 * the dissector finds the same, that the right edge of our window never moves
 * back, and that the peer's window is kept.
 */
#ifndef TESTS_TCP_HARNESS_H
#define TESTS_TCP_HARNESS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pkt/dissect.h"
#include "tcp/tcp_internal.h"
#include "wire/bytes.h"

/* The fields that differ stand behind the template's. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

#define ANY UINT32_MAX
#define SEC UINT64_C(1000000)
#define MS UINT64_C(1000)
#define ISS 0xffffff00u /* ours */
#define IRS 0xfffff800u /* the peer's */
#define PEER_WS 4

struct seg {
	uint16_t flags;
	uint32_t seq, ack, len;
	uint32_t wnd; /* the field, unscaled */
	uint16_t gso, urp;
	uint16_t mss; /* SYN only, as are the next two; 0: no option */
	int ws; /* -1: no option */
	bool sackok;
	bool no_ts;
	uint32_t tsval, tsecr; /* ANY: the harness' own clock, or not looked at */
	unsigned nsack;
	struct tcp_sack_block sack[4];
};

static struct th {
	struct tcp_conf conf; /* tests change these before they open */
	struct port_caps caps;
	bool v6, ts, sack, ws;
	uint16_t peer_mss;
	uint32_t iss;

	struct pkt_pool *pool, *own; /* the connection's, the harness' */
	struct rng rng;
	struct env env;
	struct drop_counters drops;
	struct tcp_ctx ctx;
	struct tcp t;
	struct ipaddr us, peer;
	struct gust_batch out;
	bool dirty; /* something happened since the last tcp_output() */
	unsigned ev;
	uint64_t sent, read; /* application's bytes */
	uint32_t edge, peer_edge; /* right edges, relative */
	bool edge_known, edge_free;
	uint32_t last_tsval; /* of our latest segment */
} H;

static bool th_variant; /* IPv6 and timestamps */

#define MSS (H.t.mss)

static inline uint8_t th_pat(unsigned who, uint64_t i)
{
	return (uint8_t)((i * 2654435761u) >> 19 ^ i ^ who * 0x55);
}

/* ---- set-up ---- */

static int th_setup(void **state)
{
	struct pkt_limits lim = { .slab_len = 1 << 20,
				  .slab_max = 64,
				  .pkt_max = 4096 };

	memset(&H, 0, sizeof(H));
	H.v6 = H.ts = th_variant;
	H.sack = H.ws = true;
	H.peer_mss = 1460;
	H.iss = ISS;
	H.pool = pkt_pool_new(&lim);
	H.own = pkt_pool_new(&lim);
	if (!H.pool || !H.own)
		return -1;
	pkt_pool_bind(H.pool);
	rng_seed(&H.rng, 42);
	H.env.rng = &H.rng;
	H.conf.secret = (struct siphash_key){ 0x0123456789abcdef, 42 };
	tcp_conf_defaults(&H.conf);
	H.conf.cc = &tcp_cc_newreno;
	H.caps = (struct port_caps){
		.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
			 FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |
			 FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO),
		.mtu = 1500,
		.gso_max4 = 65535,
		.gso_max6 = 65535,
		.cuts_tcp = true,
		.cuts_udp = true,
	};
	H.ctx = (struct tcp_ctx){
		.conf = &H.conf,
		.caps = &H.caps,
		.pool = H.pool,
		.drops = &H.drops,
	};
	gust_batch_init(&H.out);
	return 0;
}

static int th_teardown(void **state)
{
	int left;

	pkt_batch_free(&H.out);
	tcp_free(&H.t);
	left = pkt_pool_free(H.pool);
	left += pkt_pool_free(H.own);
	if (left)
		print_error("%d objects were not given back\n", left);
	return left;
}

/* Addresses, and a time at which our initial sequence number is H.iss. */
static void th_init(void)
{
	if (!H.v6) {
		ipaddr_parse("192.0.2.9", &H.us);
		ipaddr_parse("10.111.0.1", &H.peer);
	} else {
		ipaddr_parse("2001:db8:1::9", &H.us);
		ipaddr_parse("2001:db8::1", &H.peer);
	}
	H.env.now_us = 0;
	tcp_init(&H.t, &H.ctx, &H.us, 443, &H.peer, 40000);
	H.env.now_us =
		((uint64_t)(H.iss - tcp_isn(&H.t, &H.env)) + (UINT64_C(1) << 32)) *
		4;
	assert_int_equal(tcp_isn(&H.t, &H.env), H.iss);
}

/* ---- segments in ---- */

static uint32_t th_peer_clock(void)
{
	return (uint32_t)(H.env.now_us / 1000) + 0x80000000u;
}

static void th_opts(const struct seg *s, struct tcp_opts *o)
{
	if (s->mss) {
		o->present |= TCP_OPT_MSS;
		o->mss = s->mss;
	}
	if (s->ws >= 0) {
		o->present |= TCP_OPT_WSCALE;
		o->wscale = s->ws;
	}
	if (s->sackok)
		o->present |= TCP_OPT_SACK_PERM;
	if (H.ts && !s->no_ts) {
		o->present |= TCP_OPT_TS;
		o->tsval = s->tsval == ANY ? th_peer_clock() : s->tsval;
		o->tsecr = s->tsecr == ANY ? H.last_tsval : s->tsecr;
		if (!(s->flags & TCP_ACK))
			o->tsecr = 0;
	}
	if (s->nsack) {
		o->present |= TCP_OPT_SACK;
		o->nsack = s->nsack;
		for (unsigned i = 0; i < s->nsack; i++) {
			o->sack[i].l = H.iss + s->sack[i].l;
			o->sack[i].r = H.iss + s->sack[i].r;
		}
	}
}

static uint16_t th_sum(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* The IP header of `n` bytes from the peer, at most 48 bytes in front of `l4`.
 * Returns its length. */
static uint32_t th_ip(uint8_t *l4, uint32_t n)
{
	bool big = n > 65535 - 20;
	uint32_t hlen = !H.v6 ? 20 : big ? 48 : 40;
	uint8_t *b = l4 - hlen;

	memset(b, 0, hlen);
	if (!H.v6) {
		b[0] = 0x45;
		put16(b + 2, big ? 0 : 20 + n);
		b[6] = 0x40;
		b[8] = 64;
		b[9] = 6;
		memcpy(b + 12, H.peer.b + 12, 4);
		memcpy(b + 16, H.us.b + 12, 4);
		put16(b + 10, ~th_sum(0, b, 20));
		return 20;
	}
	b[0] = 0x60;
	put16(b + 4, big ? 0 : n);
	b[6] = big ? 0 : 6;
	b[7] = 64;
	memcpy(b + 8, H.peer.b, 16);
	memcpy(b + 24, H.us.b, 16);
	if (big) { /* RFC 2675 */
		memcpy(b + 40, (uint8_t[]){ 6, 0, 0xc2, 4 }, 4);
		put32(b + 44, n + 8);
	}
	return hlen;
}

static struct gust_pkt *th_packet(const struct seg *s)
{
	struct gust_slab *slab = slab_new(H.own);
	struct tcp_hdr h = {
		.sport = 40000,
		.dport = 443,
		.seq = IRS + s->seq,
		.ack = s->flags & TCP_ACK ? H.iss + s->ack : 0,
		.flags = s->flags,
		.wnd = s->wnd,
		.urp = s->urp,
	};
	uint8_t *l4;
	struct gust_pkt *p;
	uint32_t hlen, n;

	assert_non_null(slab);
	l4 = slab->data + GUST_HEADROOM + 48;
	th_opts(s, &h.opt);
	n = tcp_hdr_build(l4, &h);
	assert_true(s->len <= slab->cap - GUST_HEADROOM - 48 - n);
	for (uint32_t i = 0; i < s->len; i++)
		l4[n + i] = th_pat(
			1, (uint32_t)(s->seq + !!(s->flags & TCP_SYN) - 1) + i);
	n += s->len;
	hlen = th_ip(l4, n);
	slab->used = l4 + n - slab->data;
	p = pkt_from_slab(H.own, slab, l4 - hlen, hlen + n);
	slab_unref(slab);
	assert_non_null(p);
	p->gso_size = s->gso;
	p->gso_type = !s->gso ? GUST_GSO_NONE :
		      H.v6    ? GUST_GSO_TCP6 :
				GUST_GSO_TCP4;
	p->need = GUST_F_CSUM_OK;
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	return p;
}

static void th_peer_window(const struct seg *s)
{
	uint32_t scale =
		s->flags & TCP_SYN || !(H.t.opt & TCP_OPT_WSCALE) ? 0 : PEER_WS;
	uint32_t edge = (s->flags & TCP_ACK ? s->ack : 1) + (s->wnd << scale);

	if (s->flags & (TCP_ACK | TCP_SYN) && seq_gt(edge, H.peer_edge))
		H.peer_edge = edge;
}

static void th_in(struct seg s)
{
	if (!(s.flags & TCP_RST))
		th_peer_window(&s);
	H.ev |= tcp_input(&H.t, th_packet(&s), &H.env);
	H.dirty = true;
}

/* What the peer's SYN offers. */
static struct seg th_syn(uint16_t flags)
{
	return (struct seg){ .flags = flags,
			     .ack = 1,
			     .wnd = 65535,
			     .mss = H.peer_mss,
			     .ws = H.ws ? PEER_WS : -1,
			     .sackok = H.sack,
			     .tsval = ANY,
			     .tsecr = ANY };
}

#define IN_TEMPLATE                                                                \
	.flags = TCP_ACK, .seq = H.t.rcv_nxt - IRS, .ack = H.t.snd_nxt - H.iss,    \
	.wnd = 0xffff, .ws = -1, .tsval = ANY, .tsecr = ANY
#define IN(...) th_in((struct seg){ IN_TEMPLATE, ##__VA_ARGS__ })

/* ---- segments out ---- */

static void th_turn(void)
{
	if (H.dirty)
		tcp_output(&H.t, &H.out, &H.env);
	H.dirty = false;
}

/* The bytes of the IP header, and its length. `n`: bytes of the packet. */
static uint32_t th_check_ip(const uint8_t *b, uint32_t n)
{
	bool big = n > 65535;
	uint32_t hlen;

	if (!H.v6) {
		uint8_t want[20] = {
			0x45, H.t.tos, 0, 0, 0, 0, 0x40, 0, H.t.ttl, 6
		};

		put16(want + 2, big ? 0 : n);
		memcpy(want + 12, H.us.b + 12, 4);
		memcpy(want + 16, H.peer.b + 12, 4);
		put16(want + 10, ~th_sum(0, want, 20));
		assert_memory_equal(b, want, 20);
		return 20;
	}
	hlen = n - 40 > 65535 ? 48 : 40;
	assert_int_equal(get32(b), 0x60000000 | (uint32_t)H.t.tos << 20);
	assert_int_equal(get16(b + 4), hlen == 48 ? 0 : n - 40);
	assert_int_equal(b[6], hlen == 48 ? 0 : 6);
	assert_int_equal(b[7], H.t.ttl);
	assert_memory_equal(b + 8, H.us.b, 16);
	assert_memory_equal(b + 24, H.peer.b, 16);
	if (hlen == 48) {
		assert_memory_equal(b + 40, ((uint8_t[]){ 6, 0, 0xc2, 4 }), 4);
		assert_int_equal(get32(b + 44), n - 40);
	}
	return hlen;
}

/* A plain segment with its checksum: sums up to zero with the pseudo header. */
static void th_check_csum(const uint8_t *b, uint32_t n, uint32_t off)
{
	uint32_t len = n - off, sum;
	uint8_t tail[4] = { 0, 6, len >> 8, len };

	sum = H.v6 ? th_sum(0, b + 8, 32) : th_sum(0, b + 12, 8);
	sum = th_sum(th_sum(sum, tail, 4), b + off, len);
	assert_int_equal(sum, 0xffff);
}

/* The packet as it goes out: parse it from its bytes. */
static void th_wire(const struct gust_pkt *p, struct tcp_hdr *ret_h,
		    uint32_t *ret_len)
{
	struct gust_slab *slab = slab_new(H.own);
	struct gust_pkt *q, *c = NULL;
	const struct gust_pkt *from = p;
	uint32_t off;
	uint8_t *b;

	assert_non_null(slab);
	assert_int_equal(p->need, GUST_F_CSUM);
	if (!p->gso_size) {
		from = c = pkt_clone(H.own, p);
		assert_non_null(c);
		pkt_csum_complete(c);
	}
	b = slab->data + GUST_HEADROOM;
	assert_true(p->len <= slab->cap - GUST_HEADROOM);
	memcpy(b, from->head, from->hlen);
	assert_int_equal(pkt_payload_copy(from, 0, b + p->hlen, p->len - p->hlen),
			 p->len - p->hlen);
	slab->used = GUST_HEADROOM + p->len;
	off = th_check_ip(b, p->len);
	if (c)
		th_check_csum(b, p->len, off);
	pkt_free(c);
	q = pkt_from_slab(H.own, slab, b, p->len);
	slab_unref(slab);
	assert_non_null(q);
	assert_int_equal(pkt_dissect(q, DISSECT_IP), DROP_NONE);
	assert_int_equal(q->hlen, p->hlen);
	assert_int_equal(q->nlayer, p->nlayer);
	assert_int_equal(tcp_hdr_parse(b + off, p->len - off, ret_h), 0);
	assert_int_equal(off + ret_h->hlen, p->hlen);
	*ret_len = p->len - p->hlen;
	/* RFC 9293 3.7.1, RFC 6691: no segment beyond the MTU */
	assert_true(p->hlen - (off == 48 ? 8 : 0) +
			    (p->gso_size ? p->gso_size : *ret_len) <=
		    H.caps.mtu);
	for (uint32_t i = 0, at = ret_h->seq - H.iss - 1; i < *ret_len; i++)
		if (b[p->hlen + i] != th_pat(0, at + i)) {
			print_error("byte %u of the stream is wrong\n", at + i);
			fail();
		}
	pkt_free(q);
}

static void th_edges(const struct tcp_hdr *h, uint32_t len)
{
	uint32_t scale = h->flags & TCP_SYN ? 0 : H.t.rcv_wscale;
	uint32_t edge = h->ack - IRS + ((uint32_t)h->wnd << scale);

	if (h->flags & TCP_RST)
		return;
	if ((h->flags & TCP_ACK) && H.edge_known && !H.edge_free)
		assert_true(seq_ge(edge, H.edge)); /* RFC 9293 3.8.6 */
	if (h->flags & TCP_ACK) {
		H.edge = edge;
		H.edge_known = true;
	}
	if (len)
		assert_true(seq_le(h->seq - H.iss + len, H.peer_edge));
}

static struct seg th_seen(const struct gust_pkt *p, const struct tcp_hdr *h,
			  uint32_t len)
{
	struct seg g = {
		.flags = h->flags,
		.seq = h->seq - H.iss,
		.ack = h->flags & TCP_ACK ? h->ack - IRS : h->ack,
		.len = len,
		.wnd = h->wnd,
		.gso = p->gso_size,
		.urp = h->urp,
		.mss = h->opt.present & TCP_OPT_MSS ? h->opt.mss : 0,
		.ws = h->opt.present & TCP_OPT_WSCALE ? h->opt.wscale : -1,
		.sackok = h->opt.present & TCP_OPT_SACK_PERM,
		.no_ts = !(h->opt.present & TCP_OPT_TS),
		.tsval = h->opt.tsval,
		.tsecr = h->opt.tsecr,
		.nsack = h->opt.nsack,
	};

	for (unsigned i = 0; i < g.nsack; i++) {
		g.sack[i].l = h->opt.sack[i].l - IRS;
		g.sack[i].r = h->opt.sack[i].r - IRS;
	}
	return g;
}

static void th_print(const char *what, const struct seg *s)
{
	print_error(
		"%s: flags %03x seq %u ack %u len %u gso %u wnd %u mss %u ws %d "
		"sackok %d ts %d (%u %u) sack",
		what, s->flags, s->seq, s->ack, s->len, s->gso, s->wnd, s->mss,
		s->ws, s->sackok, !s->no_ts, s->tsval, s->tsecr);
	for (unsigned i = 0; i < s->nsack; i++)
		print_error(" %u-%u", s->sack[i].l, s->sack[i].r);
	print_error("\n");
}

static bool th_same(const struct seg *g, const struct seg *w)
{
	for (unsigned i = 0; i < w->nsack && i < 4; i++)
		if (g->sack[i].l != w->sack[i].l || g->sack[i].r != w->sack[i].r)
			return false;
	return g->flags == w->flags && g->seq == w->seq && g->len == w->len &&
	       (g->ack == w->ack || (w->ack == ANY && g->flags & TCP_ACK)) &&
	       g->gso == w->gso && !g->urp && (w->wnd == ANY || g->wnd == w->wnd) &&
	       g->mss == w->mss && g->ws == w->ws && g->sackok == w->sackok &&
	       g->nsack == w->nsack && (w->tsval == ANY || g->tsval == w->tsval) &&
	       (w->tsecr == ANY || g->tsecr == w->tsecr);
}

#define OURS 0xffff /* the MSS that follows from the MTU */
#define OURS_WS (-2) /* the scale that follows from the largest buffer */

/* Our MSS option: the MTU less the fixed headers (RFC 6691). */
static uint16_t th_our_mss(void)
{
	uint32_t mss = H.caps.mtu - (H.v6 ? 60 : 40);

	return mss > 65535 ? 65535 : mss;
}

/* Our window scale: the largest buffer in 16 bits. */
static int th_our_ws(void)
{
	int s = 0;

	while (H.conf.rcvbuf_max >> s > 65535)
		s++;
	return s;
}

static void th_out(struct seg want, const char *file, int line)
{
	struct gust_pkt *p;
	struct tcp_hdr h;
	struct seg got;
	uint32_t len;

	if (want.mss == OURS)
		want.mss = th_our_mss();
	if (want.ws == OURS_WS)
		want.ws = (want.flags & TCP_ACK ? H.ws : H.conf.wscale) ?
				  th_our_ws() :
				  -1;
	th_turn();
	p = gust_batch_pop(&H.out);
	if (!p) {
		th_print("no segment; wanted", &want);
		_fail(file, line);
	}
	th_wire(p, &h, &len);
	assert_int_equal(h.sport, 443);
	assert_int_equal(h.dport, 40000);
	got = th_seen(p, &h, len);
	pkt_free(p);
	if (!th_same(&got, &want)) {
		th_print("got", &got);
		th_print("wanted", &want);
		_fail(file, line);
	}
	/* RFC 7323 3.2: on every segment once agreed, but for resets */
	if (h.flags == TCP_SYN)
		assert_int_equal(got.no_ts, !H.conf.timestamps);
	else
		assert_int_equal(got.no_ts,
				 !H.ts || h.flags & TCP_RST || want.no_ts);
	if (!got.no_ts && want.tsval == ANY)
		assert_int_equal(got.tsval, tcp_ts_now(&H.t, &H.env));
	if (!got.no_ts)
		H.last_tsval = got.tsval;
	th_edges(&h, len);
}

static void th_nothing(const char *file, int line)
{
	struct gust_pkt *p;
	struct tcp_hdr h;
	struct seg got;
	uint32_t len;

	th_turn();
	p = gust_batch_pop(&H.out);
	if (!p)
		return;
	th_wire(p, &h, &len);
	got = th_seen(p, &h, len);
	pkt_free(p);
	th_print("one too many", &got);
	_fail(file, line);
}

#define OUT_TEMPLATE                                                               \
	.flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = ANY, .ws = -1, .tsval = ANY,  \
	.tsecr = ANY
#define OUT(...)                                                                   \
	th_out((struct seg){ OUT_TEMPLATE, ##__VA_ARGS__ }, __FILE__, __LINE__)
#define NOTHING() th_nothing(__FILE__, __LINE__)
#define DROP_OUT()                                                                 \
	do {                                                                       \
		th_turn();                                                         \
		pkt_batch_free(&H.out);                                            \
	} while (0)

/* ---- events, time ---- */

#define EV(want)                                                                   \
	do {                                                                       \
		assert_int_equal(H.ev, (want));                                    \
		H.ev = 0;                                                          \
	} while (0)

#define STATE(s) assert_string_equal(tcp_state_name(H.t.state), tcp_state_name(s))

/* Timers fire at their time; each has its turn of output. */
static void th_sleep(uint64_t us)
{
	uint64_t end = H.env.now_us + us;

	th_turn();
	while (tcp_deadline(&H.t) <= end) {
		if (tcp_deadline(&H.t) > H.env.now_us)
			H.env.now_us = tcp_deadline(&H.t);
		H.ev |= tcp_timer(&H.t, &H.env);
		H.dirty = true;
		if (H.env.now_us < end)
			th_turn();
		else
			break;
	}
	H.env.now_us = end;
}

#define SLEEP(us) th_sleep(us)
#define DUE(us)                                                                    \
	do {                                                                       \
		th_turn();                                                         \
		assert_int_equal(tcp_deadline(&H.t) - H.env.now_us, (us));         \
	} while (0)
#define NOT_DUE()                                                                  \
	do {                                                                       \
		th_turn();                                                         \
		assert_int_equal(tcp_deadline(&H.t), ENV_NEVER);                   \
	} while (0)

/* ---- the application ---- */

static int th_send(uint32_t n)
{
	struct gust_slab *slab = slab_new(H.own);
	struct gust_frag f;
	int r;

	assert_non_null(slab);
	assert_true(n <= slab->cap);
	for (uint32_t i = 0; i < n; i++)
		slab->data[i] = th_pat(0, H.sent + i);
	slab->used = n;
	f = (struct gust_frag){ .p = slab->data, .slab = slab, .len = n };
	r = tcp_send(&H.t, &f, 1);
	if (r)
		slab_unref(slab);
	else
		H.sent += n;
	H.dirty = true;
	return r;
}

#define SEND(n) assert_int_equal(th_send(n), 0)

/* Read `n` bytes and compare them. */
static void th_read(uint32_t n)
{
	struct iovec iov[64];

	assert_true(n <= tcp_readable(&H.t));
	while (n) {
		unsigned k = tcp_peek(&H.t, iov, 64), i;
		uint32_t got = 0;

		assert_true(k > 0);
		for (i = 0; i < k && got < n; i++)
			for (size_t j = 0; j < iov[i].iov_len && got < n;
			     j++, got++)
				if (((uint8_t *)iov[i].iov_base)[j] !=
				    th_pat(1, H.read + got))
					fail_msg("received byte %u is wrong",
						 (unsigned)(H.read + got));
		tcp_consume(&H.t, got, &H.env);
		H.read += got;
		n -= got;
	}
	H.dirty = true;
}

#define READ(n)                                                                    \
	do {                                                                       \
		assert_int_equal(tcp_readable(&H.t), (n));                         \
		th_read(n);                                                        \
	} while (0)

#define ACCEPT() (tcp_accept(&H.t, &H.env), H.dirty = true)
#define SHUTDOWN() (tcp_shutdown(&H.t, &H.env), H.dirty = true)
#define DETACH() (tcp_detach(&H.t, &H.env), H.dirty = true)
#define ABORT() (tcp_abort(&H.t, &H.env), H.dirty = true)

/* ---- openings ---- */

static void th_listen(struct seg syn)
{
	struct gust_pkt *p;

	th_init();
	th_peer_window(&syn);
	p = th_packet(&syn);
	assert_int_equal(tcp_listen_syn(&H.t, p, &H.env), 0);
	pkt_free(p);
	H.dirty = true;
}

#define OUT_SYN(...)                                                               \
	OUT(.flags = TCP_SYN, .seq = 0, .ack = 0, .mss = OURS, .ws = OURS_WS,      \
	    .sackok = H.conf.sack, ##__VA_ARGS__)
#define OUT_SYNACK(...)                                                            \
	OUT_SYN(.flags = TCP_SYN | TCP_ACK, .ack = 1, .sackok = H.sack,            \
		##__VA_ARGS__)

/* A passive connection; the handshake takes no time. */
static void th_open(void)
{
	th_listen(th_syn(TCP_SYN));
	NOTHING();
	ACCEPT();
	OUT_SYNACK();
	NOTHING();
	IN(.seq = 1, .ack = 1);
	NOTHING();
	EV(TCP_EV_ESTABLISHED | TCP_EV_WRITABLE);
	STATE(TCPS_ESTABLISHED);
}

/* The tests of a file in both variants. */
#define th_run(tests)                                                              \
	(th_variant = false,                                                       \
	 cmocka_run_group_tests_name("IPv4", tests, NULL, NULL) ||                 \
		 (th_variant = true,                                               \
		  cmocka_run_group_tests_name("IPv6, timestamps", tests, NULL,     \
					      NULL)))

#define T(f) cmocka_unit_test_setup_teardown(f, th_setup, th_teardown)

#endif
