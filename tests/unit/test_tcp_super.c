/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Superpackets: above 64 KB in and out over both families, what a port without
 * segmentation gets, the limits that a port names; and two connections joined back
 * to back that carry megabytes both ways, cut to plain segments and uncut, with
 * every checksum verified.
 */
#include "tcp_harness.h"
#include "testfit.h"

#define PSH_ACK (TCP_PSH | TCP_ACK)

static void big_open(uint32_t gso_max)
{
	H.caps.gso_max4 = H.caps.gso_max6 = gso_max;
	H.conf.rcvbuf_init = H.conf.sndbuf_init = 4 << 20;
	th_open();
	H.t.cc.cwnd = 2000 * MSS;
	IN(); /* the window is 1 MB */
	NOTHING();
}

/* Payload of the largest superpacket: IP and TCP headers at their longest fit. */
static uint32_t largest(uint32_t gso_max)
{
	uint32_t n = gso_max - (H.v6 ? 48 : 20) - 60;

	return n - n % MSS;
}

static void test_64k_out(void **state)
{
	uint32_t n;

	big_open(65535);
	n = largest(65535);
	SEND(200000);
	OUT(.len = n, .gso = MSS);
	OUT(.seq = 1 + n, .len = n, .gso = MSS);
	OUT(.seq = 1 + 2 * n, .len = n, .gso = MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 3 * n, .len = 200000 - 3 * n, .gso = MSS);
	NOTHING();
	assert_int_equal(H.ctx.stats.super_out, 4);
}

/* OUT looks at tot_len 0 and at the jumbo option. */
static void test_big_out(void **state)
{
	uint32_t n;

	big_open(500000);
	n = largest(500000);
	assert_true(n > 490000);
	SEND(700000);
	OUT(.len = n, .gso = MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + n, .len = 700000 - n, .gso = MSS);
	NOTHING();
	/* half of it arrived; sent again it is large, too */
	IN(.ack = 1 + 200 * MSS);
	NOTHING();
	SLEEP(200 * MS);
	OUT(.seq = 1 + 200 * MSS, .len = MSS);
	H.t.cc.cwnd = 1000 * MSS;
	H.dirty = true;
	OUT(.seq = 1 + 201 * MSS, .len = 700000 - 201 * MSS, .gso = MSS,
	    .flags = PSH_ACK);
	NOTHING();
}

/* The header-free form of IPv6, where that is what the port takes. */
static void test_big6_plain(void **state)
{
	struct gust_pkt *p;

	H.v6 = true;
	H.caps.feats &= ~FEAT_BIT(FEAT_BIGTCP6_JUMBO);
	H.caps.feats |= FEAT_BIT(FEAT_BIGTCP6_PLAIN);
	big_open(200000);
	SEND(150000);
	th_turn();
	p = gust_batch_pop(&H.out);
	assert_non_null(p);
	assert_int_equal(p->len, 40 + (H.ts ? 32 : 20) + 150000);
	assert_int_equal(p->nlayer, 2);
	assert_int_equal(get16(p->head + 4), 0);
	assert_int_equal(p->head[6], 6);
	pkt_free(p);
	NOTHING();
}

static void test_big_in(void **state)
{
	H.conf.rcvbuf_init = 2 << 20;
	th_open();
	IN(); /* nothing has announced the whole buffer yet */
	IN(.len = 1000, .gso = 500);
	OUT(.ack = 1001);
	IN(.len = 500000, .gso = 1448);
	OUT(.ack = 501001);
	NOTHING();
	IN(.seq = 501001 + 400000, .len = 400000, .gso = 1448);
	OUT(.ack = 501001, .nsack = 1, .sack = { { 901001, 1301001 } });
	IN(.len = 450000, .gso = 1448);
	OUT(.ack = 1301001);
	NOTHING();
	READ(1301000);
	assert_int_equal(H.ctx.stats.super_in, 4);
}

/* The port does not segment: 64 KB at the most, whatever gso_max says. */
static void test_no_tso(void **state)
{
	uint32_t n;

	H.caps.feats &= ~(FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6));
	big_open(500000);
	n = largest(65535);
	SEND(100000);
	OUT(.len = n, .gso = MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + n, .len = 100000 - n, .gso = MSS);
	NOTHING();
}

/* Nor does anybody behind us: one segment at a time. */
static void test_no_cutter(void **state)
{
	H.caps.feats &= ~(FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6));
	H.caps.cuts_tcp = false;
	big_open(500000);
	SEND(3 * MSS);
	OUT(.len = MSS);
	OUT(.seq = 1 + MSS, .len = MSS);
	OUT(.flags = PSH_ACK, .seq = 1 + 2 * MSS, .len = MSS);
	NOTHING();
	assert_int_equal(H.ctx.stats.super_out, 0);
}

static void test_port_limits(void **state)
{
	big_open(20000);
	SEND(40 * MSS);
	for (unsigned i = 0, k = largest(20000) / MSS; i < 3; i++)
		OUT(.seq = 1 + i * k * MSS, .len = k * MSS, .gso = MSS);
	DROP_OUT();
	IN();
	H.caps.gso_max_segs = 4;
	SEND(10 * MSS);
	OUT(.seq = 1 + 40 * MSS, .len = 4 * MSS, .gso = MSS);
	OUT(.seq = 1 + 44 * MSS, .len = 4 * MSS, .gso = MSS);
	OUT(.seq = 1 + 48 * MSS, .len = 2 * MSS, .gso = MSS, .flags = PSH_ACK);
	NOTHING();
	IN();
	/* smaller than one segment: then one segment */
	H.caps.gso_max4 = H.caps.gso_max6 = 500;
	SEND(2 * MSS);
	OUT(.seq = 1 + 50 * MSS, .len = MSS);
	OUT(.seq = 1 + 51 * MSS, .len = MSS, .flags = PSH_ACK);
	NOTHING();
}

/* The largest MTU there is. */
static void test_largest_mtu(void **state)
{
	struct seg s = th_syn(TCP_SYN);

	H.caps.mtu = 65535;
	s.mss = 65535;
	th_listen(s);
	ACCEPT();
	OUT_SYNACK();
	IN(.seq = 1, .ack = 1);
	SEND(2 * MSS);
	OUT(.len = MSS);
	OUT(.seq = 1 + MSS, .len = MSS, .flags = PSH_ACK);
	NOTHING();
}

/* ---- what the egress makes of it ---- */

/* Cut to plain segments: MTU kept, PSH and FIN on the last, checksums right, and
 * together they are the stream. */
static void test_segments(void **state)
{
	struct port_caps plain = { .mtu = 1500,
				   .gso_max4 = 1500,
				   .gso_max6 = 1500 };
	struct gust_batch segs;
	struct gust_pkt *p, *last = NULL;
	uint32_t at = 1, n = 0;

	big_open(500000);
	SEND(300000);
	SHUTDOWN();
	th_turn();
	p = gust_batch_pop(&H.out);
	gust_batch_init(&segs);
	assert_int_equal(testfit(p, &plain, &segs), DROP_NONE);
	while ((p = gust_batch_pop(&segs))) {
		const struct gust_layer *l4 = pkt_l4(p);
		struct tcp_hdr h;
		uint8_t b[1500];

		assert_true(p->len <= 1500);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(p->need & GUST_F_CSUM, 0);
		memcpy(b, p->head, p->hlen);
		pkt_payload_copy(p, 0, b + p->hlen, 1500);
		th_check_csum(b, p->len, l4->off);
		assert_int_equal(tcp_hdr_parse(b + l4->off, p->hlen - l4->off, &h),
				 0);
		assert_int_equal(h.seq - H.iss, at);
		for (uint32_t i = p->hlen; i < p->len; i++, at++)
			assert_int_equal(b[i], th_pat(0, at - 1));
		assert_int_equal(h.flags & (TCP_FIN | TCP_PSH),
				 at == 300001 ? TCP_FIN | TCP_PSH : 0);
		pkt_free(last);
		last = p;
		n++;
	}
	pkt_free(last);
	assert_int_equal(at, 300001);
	assert_int_equal(n, (300000 + MSS - 1) / MSS);
	NOTHING();
}

/* ---- back to back ---- */

struct end {
	struct tcp_ctx ctx;
	struct tcp t;
	uint64_t sent, got;
	bool shut, eof, closed;
	unsigned lose; /* of so many packets one */
};

struct joint {
	struct end e[2];
	struct port_caps cut; /* what the wire carries */
	uint64_t total;
	bool open;
	uint64_t packets;
};

/* The packet as the other end's port would have it, or lost. */
static struct gust_pkt *wire(struct end *from, struct gust_pkt *p)
{
	struct gust_slab *s;
	struct gust_pkt *q = NULL;

	if (!p->gso_size && (p->need & GUST_F_CSUM))
		pkt_csum_complete(p); /* as the interface would */
	if (from->lose && !rng_below(&H.rng, from->lose)) {
		pkt_free(p);
		return NULL;
	}
	s = slab_new(H.own);
	assert_non_null(s);
	memcpy(s->data + GUST_HEADROOM, p->head, p->hlen);
	pkt_payload_copy(p, 0, s->data + GUST_HEADROOM + p->hlen, p->len);
	q = pkt_from_slab(H.own, s, s->data + GUST_HEADROOM, p->len);
	slab_unref(s);
	assert_non_null(q);
	q->gso_size = p->gso_size;
	q->gso_type = p->gso_type;
	q->need = p->need & GUST_F_CSUM; /* what was computed is verified */
	pkt_free(p);
	assert_int_equal(pkt_dissect(q, DISSECT_IP), DROP_NONE);
	assert_true(pkt_csum_verify(q));
	return q;
}

static void app_write(struct joint *j, unsigned i)
{
	struct end *e = &j->e[i];

	while (e->sent < j->total && tcp_send_space(&e->t) >= 65536) {
		uint64_t n =
			j->total - e->sent < 100000 ? j->total - e->sent : 100000;
		struct gust_slab *s = slab_new(H.pool);
		struct gust_frag f;

		if (!s)
			return;
		for (uint64_t k = 0; k < n; k++)
			s->data[k] = th_pat(i, e->sent + k);
		s->used = n;
		f = (struct gust_frag){ .p = s->data, .slab = s, .len = n };
		assert_int_equal(tcp_send(&e->t, &f, 1), 0);
		e->sent += n;
	}
	if (e->sent == j->total && !e->shut) {
		tcp_shutdown(&e->t, &H.env);
		e->shut = true;
	}
}

static void app_read(struct joint *j, unsigned i)
{
	struct end *e = &j->e[i];
	struct iovec iov[64];
	unsigned n;

	while ((n = tcp_peek(&e->t, iov, 64))) {
		uint32_t len = 0;

		for (unsigned k = 0; k < n; k++) {
			const uint8_t *b = iov[k].iov_base;

			for (size_t x = 0; x < iov[k].iov_len; x++, len++)
				if (b[x] != th_pat(!i, e->got + len))
					fail_msg(
						"byte %llu is wrong",
						(unsigned long long)(e->got + len));
		}
		tcp_consume(&e->t, len, &H.env);
		e->got += len;
	}
}

static void deliver(struct joint *j, unsigned from, struct gust_pkt *p)
{
	struct end *e = &j->e[!from];
	unsigned ev;

	p = wire(&j->e[from], p);
	if (!p)
		return;
	j->packets++;
	if (from == 0 && !j->open) {
		tcp_init(&e->t, &e->ctx, &H.peer, 40000, &H.us, 443);
		assert_int_equal(tcp_listen_syn(&e->t, p, &H.env), 0);
		tcp_accept(&e->t, &H.env);
		j->open = true;
		pkt_free(p);
		return;
	}
	ev = tcp_input(&e->t, p, &H.env);
	app_read(j, !from);
	e->eof |= ev & TCP_EV_EOF;
	e->closed |= ev & TCP_EV_CLOSED;
}

static void turn(struct joint *j, struct gust_batch *wires)
{
	for (unsigned i = 0; i < 2; i++) {
		struct end *e = &j->e[i];
		struct gust_batch out;
		struct gust_pkt *p;

		if (i && !j->open)
			continue;
		if (tcp_deadline(&e->t) <= H.env.now_us)
			e->closed |= tcp_timer(&e->t, &H.env) & TCP_EV_CLOSED;
		if (tcp_synchronised(&e->t))
			app_write(j, i);
		gust_batch_init(&out);
		tcp_output(&e->t, &out, &H.env);
		while ((p = gust_batch_pop(&out)))
			assert_int_equal(testfit(p, &j->cut, &wires[i]), DROP_NONE);
	}
}

static void join(struct joint *j, uint64_t total)
{
	struct gust_batch wires[2];
	struct gust_pkt *p;
	unsigned turns = 0;

	th_init();
	j->total = total;
	for (unsigned i = 0; i < 2; i++)
		j->e[i].ctx = H.ctx;
	tcp_init(&j->e[0].t, &j->e[0].ctx, &H.us, 443, &H.peer, 40000);
	tcp_connect(&j->e[0].t, &H.env);
	while ((!j->e[0].closed || !j->e[1].closed) && turns++ < 200000) {
		uint64_t d;

		gust_batch_init(&wires[0]);
		gust_batch_init(&wires[1]);
		turn(j, wires);
		H.env.now_us += 50;
		if (!wires[0].first && !wires[1].first) {
			d = tcp_deadline(&j->e[0].t);
			if (j->open && tcp_deadline(&j->e[1].t) < d)
				d = tcp_deadline(&j->e[1].t);
			if (d > H.env.now_us && d != ENV_NEVER)
				H.env.now_us = d;
		}
		for (unsigned i = 0; i < 2; i++)
			while ((p = gust_batch_pop(&wires[i])))
				deliver(j, i, p);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(j->e[i].got, total);
		assert_true(j->e[i].eof);
		assert_true(j->e[i].closed);
		tcp_free(&j->e[i].t);
	}
}

static void test_join_super(void **state)
{
	struct joint j = { .cut = H.caps };

	H.caps.gso_max4 = H.caps.gso_max6 = j.cut.gso_max4 = j.cut.gso_max6 =
		500000;
	join(&j, 8 << 20);
	assert_true(j.packets < 300);
	assert_int_equal(j.e[0].ctx.stats.retrans + j.e[1].ctx.stats.retrans, 0);
}

/* Cut to segments in software, checksums in software. */
static void test_join_plain(void **state)
{
	struct joint j = {
		.cut = { .mtu = 1500, .gso_max4 = 1500, .gso_max6 = 1500 }
	};

	join(&j, 1 << 20);
	assert_int_equal(j.e[0].ctx.stats.retrans + j.e[1].ctx.stats.retrans, 0);
}

/* And with losses both ways. */
static void test_join_lossy(void **state)
{
	struct joint j = {
		.cut = { .mtu = 1500, .gso_max4 = 1500, .gso_max6 = 1500 }
	};

	j.e[0].lose = 50;
	j.e[1].lose = 40;
	join(&j, 1 << 20);
	assert_true(j.e[0].ctx.stats.retrans > 0);
	assert_true(j.e[1].ctx.stats.retrans > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_64k_out),     T(test_big_out),     T(test_big6_plain),
		T(test_big_in),      T(test_no_tso),      T(test_no_cutter),
		T(test_port_limits), T(test_largest_mtu), T(test_segments),
		T(test_join_super),  T(test_join_plain),  T(test_join_lossy),
	};

	return th_run(tests);
}
