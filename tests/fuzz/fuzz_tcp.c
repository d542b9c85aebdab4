/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_tcp.c - one TCP connection, driven by a list of steps
 *
 * The input is four bytes of configuration and then steps: time passes, a
 * segment or an ICMP error arrives, the application does something. After each
 * step the connection gives its output, and tests/sim/tcpcheck.c looks at both.
 * Payload bytes follow from their sequence number, so that what is read can be
 * compared whatever was overlapping, repeated or out of order.
 *
 * mkcorpus_tcp.py knows the steps by name and writes the seed corpus.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ip/ip.h"
#include "sim/tcpcheck.h"
#include "tcp/seq.h"

#define OUR_KEY 0x1234u
#define PEER_KEY 0x9876u
#define PEER_ISN 0xfffff000u
#define STEPS_MAX 400
#define OUT_MAX 20000 /* packets of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *in, *end;
	struct tcp t;
	struct tcp_ctx ctx;
	struct tcp_conf conf;
	struct port_caps caps;
	struct drop_counters drops;
	struct tcpcheck check;
	struct env env;
	struct rng rng;
	struct gust_slab *fill, *src;
	uint64_t sent;
	uint32_t read; /* sequence number of the next byte to be read */
	bool reading; /* ... is known */
	unsigned outs;
	bool starve;
};

static struct pkt_pool *pool; /* one for all inputs: it must be full between them */

static void bug(const struct fuzz *f, const char *what)
{
	fprintf(stderr, "fuzz_tcp: %s (state %s, at %llu us)\n", what,
		tcp_state_name(f->t.state), (unsigned long long)f->env.now_us);
	abort();
}

static uint8_t get_u8(struct fuzz *f)
{
	return f->in < f->end ? *f->in++ : 0;
}

static uint16_t get_u16(struct fuzz *f)
{
	uint8_t hi = get_u8(f);

	return (uint16_t)(hi << 8 | get_u8(f));
}

static uint32_t get_i16(struct fuzz *f)
{
	return (uint32_t)(int32_t)(int16_t)get_u16(f);
}

/* ---- the peer ---- */

/* `len` payload bytes that begin at sequence number `seq`. */
static bool add_payload(struct fuzz *f, struct gust_pkt *p, uint32_t seq,
			uint32_t len)
{
	struct gust_frag fr = { .len = len };
	uint32_t i;

	if (!len)
		return true;
	if (!f->src || f->src->cap - f->src->used < len) {
		slab_unref(f->src);
		f->src = slab_new(pool);
		if (!f->src)
			return false;
		f->src->used = 0;
	}
	fr.slab = f->src;
	fr.p = f->src->data + f->src->used;
	for (i = 0; i < len; i++)
		fr.p[i] = tcpcheck_byte(PEER_KEY, seq + i);
	f->src->used += len;
	slab_ref(f->src);
	if (pkt_frag_add(p, &fr) < 0) {
		slab_unref(fr.slab);
		return false;
	}
	return true;
}

/* Put headers in front and hand it to the connection as a port would. */
static unsigned peer_sends(struct fuzz *f, struct tcp_hdr *h, uint32_t len,
			   uint16_t gso)
{
	struct ip_tx tx = { .src = f->t.remote,
			    .dst = f->t.local,
			    .proto = 6,
			    .ttl = 64,
			    .df = true };
	struct gust_pkt *p = pkt_new(pool), *q = NULL;
	enum drop_reason why;
	unsigned ev = 0;

	if (!p)
		return 0;
	h->sport = f->t.rport;
	h->dport = f->t.lport;
	p->hlen = tcp_hdr_build(p->head, h);
	p->len = p->hlen;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	if (add_payload(f, p, h->seq + !!(h->flags & TCP_SYN), len)) {
		ip_push(p, &tx, &f->caps);
		p->need = GUST_F_CSUM;
		if (gso && len > gso) {
			p->gso_size = gso;
			p->gso_type =
				ipaddr_is4(&tx.src) ? GUST_GSO_TCP4 : GUST_GSO_TCP6;
		}
		q = tcpcheck_deliver(pool, &f->fill, p, &why);
		if (!q && why != DROP_NO_SLAB && why != DROP_NO_PKT)
			bug(f, "a well-formed segment was refused");
	}
	pkt_free(p);
	if (!q)
		return 0;
	ev = tcp_input(&f->t, q, &f->env);
	if (ev == TCP_EV_REUSE)
		pkt_free(q);
	return ev;
}

static void peer_ts(struct fuzz *f, struct tcp_hdr *h)
{
	if (!(f->t.opt & TCP_OPT_TS) && !(h->flags & TCP_SYN))
		return;
	h->opt.present |= TCP_OPT_TS;
	h->opt.tsval = (uint32_t)(f->env.now_us / 1000) + 77;
	/* what was last echoed to it, more or less */
	h->opt.tsecr = (uint32_t)(f->env.now_us / 1000) + f->t.ts_offset;
}

/* Where the peer stands if it has understood everything. */
static struct tcp_hdr peer_hdr(struct fuzz *f, uint16_t flags)
{
	struct tcp_hdr h = { .flags = flags, .wnd = 0xffff };

	h.seq = f->t.state <= TCPS_SYN_SENT ? PEER_ISN : f->t.rcv_nxt;
	if (flags & TCP_ACK)
		h.ack = f->t.snd_nxt;
	peer_ts(f, &h);
	return h;
}

static unsigned step_handshake(struct fuzz *f)
{
	struct tcp_hdr h = peer_hdr(
		f, f->t.state == TCPS_SYN_SENT ? TCP_SYN | TCP_ACK : TCP_ACK);

	if (f->t.state == TCPS_SYN_SENT) {
		h.opt.present |= TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERM;
		h.opt.mss = 1460;
		h.opt.wscale = get_u8(f) % 16;
	}
	return peer_sends(f, &h, 0, 0);
}

static unsigned step_data(struct fuzz *f, uint32_t off, uint32_t len,
			  uint16_t flags, uint16_t gso)
{
	struct tcp_hdr h = peer_hdr(f, TCP_ACK | flags);

	h.seq += off;
	return peer_sends(f, &h, len, gso);
}

/* An acknowledgement of a part, perhaps with SACK blocks above it. */
static unsigned step_ack(struct fuzz *f, unsigned nsack)
{
	struct tcp_hdr h = peer_hdr(f, TCP_ACK);
	uint32_t out = f->t.snd_nxt - f->t.snd_una, at;
	unsigned i;

	h.ack = f->t.snd_una +
		(out ? (uint32_t)((uint64_t)out * get_u16(f) / 65535) : 0);
	h.wnd = get_u16(f);
	at = h.ack;
	for (i = 0; i < nsack; i++) {
		at += 1 + get_u16(f);
		h.opt.sack[i].l = at;
		at += 1 + get_u16(f);
		h.opt.sack[i].r = at;
	}
	if (nsack) {
		h.opt.present |= TCP_OPT_SACK;
		h.opt.nsack = (uint8_t)nsack;
	}
	return peer_sends(f, &h, 0, 0);
}

/* Anything at all. */
static unsigned step_raw(struct fuzz *f)
{
	uint8_t flags = get_u8(f), mode = get_u8(f), opts = get_u8(f);
	struct tcp_hdr h = { .flags = flags };
	unsigned i;

	h.flags |= mode & 0x80 ? TCP_AE : 0;
	h.seq = mode & 1 ? (uint32_t)get_u16(f) << 16 | get_u16(f) :
			   f->t.rcv_nxt + get_i16(f);
	h.ack = mode & 2 ? (uint32_t)get_u16(f) << 16 | get_u16(f) :
		mode & 4 ? f->t.snd_nxt + get_i16(f) :
			   f->t.snd_una + get_i16(f);
	h.wnd = get_u16(f);
	h.urp = mode & 8 ? get_u16(f) : 0;
	h.opt.present = opts & (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERM |
				TCP_OPT_SACK);
	if (opts & TCP_OPT_MSS)
		h.opt.mss = get_u16(f);
	if (opts & TCP_OPT_WSCALE)
		h.opt.wscale = get_u8(f);
	if (opts & TCP_OPT_SACK) {
		h.opt.nsack = 1 + get_u8(f) % 3;
		for (i = 0; i < h.opt.nsack; i++) {
			h.opt.sack[i].l = f->t.snd_una + get_i16(f);
			h.opt.sack[i].r = f->t.snd_una + get_i16(f);
		}
	}
	if (opts & 0x20) {
		peer_ts(f, &h);
	} else if (opts & TCP_OPT_TS) {
		h.opt.present |= TCP_OPT_TS;
		h.opt.tsval = f->t.ts_recent + get_i16(f);
		h.opt.tsecr = (uint32_t)(f->env.now_us / 1000) + f->t.ts_offset +
			      get_i16(f);
	}
	return peer_sends(f, &h, mode & 16 ? get_u16(f) % 3000 : 0,
			  mode & 32 ? 500 : 0);
}

static unsigned step_icmp(struct fuzz *f)
{
	struct icmp_event ev = { .has_seq = true, .from = f->t.remote };
	uint8_t what = get_u8(f);

	ev.error = (enum icmp_error)(what % (ICMP_E_PARAM + 1));
	ev.tcp_seq = (what & 0x40 ? f->t.snd_nxt : f->t.snd_una) + get_i16(f);
	ev.has_seq = !(what & 0x80);
	ev.info = get_u16(f);
	ev.key.in = f->t.remote;
	ev.key.out = f->t.local;
	ev.key.in_port = f->t.rport;
	ev.key.out_port = f->t.lport;
	ev.key.proto = 6;
	return tcp_icmp(&f->t, &ev, &f->env);
}

/* ---- the application ---- */

static void step_send(struct fuzz *f, uint32_t n)
{
	uint32_t space = tcp_send_space(&f->t), i;
	struct gust_frag fr = { 0 };

	if (n > space)
		n = space;
	if (!n)
		return;
	if (!f->src || f->src->cap - f->src->used < n) {
		slab_unref(f->src);
		f->src = slab_new(pool);
		if (!f->src)
			return;
		f->src->used = 0;
	}
	fr.slab = f->src;
	fr.p = f->src->data + f->src->used;
	fr.len = n;
	for (i = 0; i < n; i++)
		fr.p[i] = tcpcheck_byte(OUR_KEY, f->sent + i);
	slab_ref(f->src);
	if (tcp_send(&f->t, &fr, 1) < 0) {
		slab_unref(fr.slab);
		return;
	}
	f->src->used += n;
	f->sent += n;
}

static void compare(struct fuzz *f, const uint8_t *p, uint32_t n)
{
	uint32_t i;

	if (!f->reading) {
		f->reading = true;
		f->read = f->t.irs + 1;
	}
	for (i = 0; i < n; i++)
		if (p[i] != tcpcheck_byte(PEER_KEY, f->read + i))
			bug(f, "a byte read is not the byte sent");
	f->read += n;
}

static void step_read(struct fuzz *f, uint32_t max)
{
	struct iovec iov[8];
	unsigned n = tcp_peek(&f->t, iov, 8), i;
	uint32_t len = 0;

	for (i = 0; i < n && len < max; i++) {
		uint32_t k = iov[i].iov_len < max - len ? (uint32_t)iov[i].iov_len :
							  max - len;

		compare(f, iov[i].iov_base, k);
		len += k;
	}
	if (len)
		tcp_consume(&f->t, len, &f->env);
}

static void step_take(struct fuzz *f)
{
	struct gust_frag fr[4];
	uint32_t len, sum = 0;
	unsigned n = tcp_take(&f->t, fr, 4, &len, &f->env), i;

	for (i = 0; i < n; i++) {
		compare(f, fr[i].p, fr[i].len);
		sum += fr[i].len;
		frag_unref(&fr[i]);
	}
	if (n && sum != len)
		bug(f, "tcp_take: wrong length");
}

/* ---- the steps ---- */

static void pass_time(struct fuzz *f, uint64_t us)
{
	f->env.now_us += us;
}

static unsigned step(struct fuzz *f)
{
	uint64_t d = tcp_deadline(&f->t);
	uint32_t a;

	switch (get_u8(f) % 23) {
	case 0:
		pass_time(f, get_u16(f));
		break;
	case 1:
		if (d != ENV_NEVER && d > f->env.now_us &&
		    d - f->env.now_us < UINT64_C(7200000000))
			pass_time(f, d - f->env.now_us);
		break;
	case 2:
		pass_time(f, get_u16(f) * UINT64_C(1000));
		break;
	case 3:
		return step_raw(f);
	case 4:
		return step_handshake(f);
	case 5:
		return step_data(f, 0, get_u16(f) % 1461, TCP_PSH, 0);
	case 6:
		return step_data(f, 0, get_u16(f), 0, 1448);
	case 7:
		a = get_u16(f);
		return step_data(f, a, get_u16(f) % 1461, 0, 0);
	case 8:
		return step_data(f, get_u8(f), get_u8(f), TCP_FIN, 0);
	case 9:
		return step_ack(f, 0);
	case 10:
		return step_ack(f, 1 + get_u8(f) % 3);
	case 11:
		return step_icmp(f);
	case 12:
		step_send(f, get_u16(f));
		break;
	case 13:
		step_read(f, get_u16(f));
		break;
	case 14:
		step_take(f);
		break;
	case 15:
		tcp_shutdown(&f->t, &f->env);
		break;
	case 16:
		tcp_detach(&f->t, &f->env);
		break;
	case 17:
		tcp_abort(&f->t, &f->env);
		break;
	case 18:
		tcp_accept(&f->t, &f->env);
		break;
	case 19:
		tcp_compact(&f->t);
		break;
	case 20:
		f->caps.mtu = 1280 + get_u16(f) % 8000;
		tcp_mtu_changed(&f->t);
		break;
	case 21: /* everything is acknowledged */
		return step_data(f, 0, 0, 0, 0);
	case 22: /* the next output finds no packet to be had */
		f->starve = true;
		break;
	}
	return 0;
}

static void output(struct fuzz *f)
{
	struct gust_batch out, hog;
	struct gust_pkt *p, *q;
	enum drop_reason why;

	gust_batch_init(&out);
	gust_batch_init(&hog);
	while (f->starve && (p = pkt_new(pool)))
		gust_batch_push(&hog, p);
	f->starve = false;
	tcp_output(&f->t, &out, &f->env);
	pkt_batch_free(&hog);
	if (!tcpcheck_state(&f->check))
		bug(f, f->check.why);
	while ((p = gust_batch_pop(&out))) {
		if (!tcpcheck_output(&f->check, p))
			bug(f, f->check.why);
		q = tcpcheck_deliver(pool, &f->fill, p, &why);
		if (!q && why != DROP_NO_SLAB && why != DROP_NO_PKT)
			bug(f, "an output does not dissect");
		if (q && (q->hlen != p->hlen || q->len != p->len))
			bug(f, "an output dissects to other lengths");
		pkt_free(q);
		pkt_free(p);
		f->outs++;
	}
	if (!tcpcheck_live(&f->check))
		bug(f, f->check.why);
}

static bool begin(struct fuzz *f)
{
	static const uint32_t mtus[4] = { 1500, 1280, 9000, 65535 };
	uint8_t a = get_u8(f), b = get_u8(f);
	struct ipaddr local, remote;
	struct tcp_hdr syn = { .seq = PEER_ISN, .flags = TCP_SYN };

	ipaddr_parse(a & 2 ? "fd00::1" : "10.0.0.1", &local);
	ipaddr_parse(a & 2 ? "fd00::2" : "10.0.0.2", &remote);
	rng_seed(&f->rng, 1);
	f->env = (struct env){ .now_us = 1000000000, .rng = &f->rng };
	tcp_conf_defaults(&f->conf);
	f->conf.sack = !(a & 4);
	f->conf.timestamps = !(a & 8);
	f->conf.wscale = !(a & 16);
	f->conf.nagle = !(a & 32);
	f->conf.cc = a & 64 ? &tcp_cc_newreno : &tcp_cc_cubic;
	if (a & 128) {
		f->conf.rcvbuf_init = f->conf.sndbuf_init = 4096;
		f->conf.rcvbuf_max = f->conf.sndbuf_max = 16384;
	}
	f->caps.mtu = mtus[b & 3];
	f->caps.gso_max4 = f->caps.gso_max6 = b & 4 ? f->caps.mtu : 65535;
	f->caps.feats = b & 4 ? 0 :
				FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) |
					FEAT_BIT(FEAT_TSO6);
	if (b & 8 && !(b & 4)) {
		f->caps.gso_max4 = f->caps.gso_max6 = 200000;
		f->caps.feats |=
			FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO);
	}
	if (b & 16)
		f->conf.keep_idle_us = 10000000;
	f->ctx = (struct tcp_ctx){
		.conf = &f->conf, .caps = &f->caps, .pool = pool, .drops = &f->drops
	};
	tcp_init(&f->t, &f->ctx, &local, 80, &remote, 40000);
	tcpcheck_init(&f->check, &f->t, OUR_KEY);
	if (a & 1) {
		struct gust_pkt *p = pkt_new(pool), *q;
		struct ip_tx tx = { .src = remote,
				    .dst = local,
				    .proto = 6,
				    .ttl = 64,
				    .df = true };
		enum drop_reason why;
		bool ok;

		syn.opt.present = get_u8(f) & (TCP_OPT_MSS | TCP_OPT_WSCALE |
					       TCP_OPT_SACK_PERM | TCP_OPT_TS);
		syn.opt.mss = get_u16(f);
		syn.opt.wscale = get_u8(f) % 16;
		syn.opt.tsval = (uint32_t)(f->env.now_us / 1000) + 77;
		syn.wnd = get_u16(f);
		syn.sport = 40000;
		syn.dport = 80;
		p->hlen = tcp_hdr_build(p->head, &syn);
		p->len = p->hlen;
		pkt_layer_append(p, GUST_L_TCP, 0, 0);
		ip_push(p, &tx, &f->caps);
		q = tcpcheck_deliver(pool, &f->fill, p, &why);
		pkt_free(p);
		if (!q)
			bug(f, "the SYN was refused");
		ok = tcp_listen_syn(&f->t, q, &f->env) == 0;
		pkt_free(q);
		if (!ok)
			bug(f, "tcp_listen_syn refused a SYN");
	} else {
		tcp_connect(&f->t, &f->env);
	}
	return true;
}

/* Nothing may be outstanding but the pool's own copy slab. */
static void all_returned(const struct fuzz *f)
{
	struct pkt_pool_stats st;

	pkt_pool_stats(pool, &st);
	if (st.pkt_free != st.pkt_total)
		bug(f, "packets leaked");
	if (st.slab_total - st.slab_free > 1)
		bug(f, "slabs leaked");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	unsigned n;

	if (!pool) {
		struct pkt_limits lim = { .slab_len = 256 << 10,
					  .slab_max = 64,
					  .pkt_max = 256 };

		pool = pkt_pool_new(&lim);
		pkt_pool_bind(pool);
	}
	memset(&f, 0, sizeof(f));
	f.in = data;
	f.end = data + size;
	begin(&f);
	output(&f);
	for (n = 0; n < STEPS_MAX && f.in < f.end && f.outs < OUT_MAX; n++) {
		unsigned ev = step(&f);

		if (f.t.state != TCPS_CLOSED && tcp_deadline(&f.t) <= f.env.now_us)
			ev |= tcp_timer(&f.t, &f.env);
		if (ev & TCP_EV_CLOSED && f.t.state != TCPS_CLOSED)
			bug(&f, "TCP_EV_CLOSED, and it is not");
		if (!tcpcheck_state(&f.check))
			bug(&f, f.check.why);
		output(&f);
		if (f.t.state == TCPS_CLOSED)
			break;
	}
	while (tcp_readable(&f.t))
		step_read(&f, UINT32_MAX);
	tcp_free(&f.t);
	slab_unref(f.fill);
	slab_unref(f.src);
	all_returned(&f);
	return 0;
}
