/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_work.c - the pipeline by hand: workers whose turns the test calls, memory
 * ports instead of an interface, a TCP connection of our own on the far side.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/mem.h"
#include "work/worker_internal.h"
#include "testfit.h"

#define NW 2
#define ALL_FEATS                                                                  \
	(FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) | FEAT_BIT(FEAT_TSO4) |        \
	 FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_BIGTCP4) |       \
	 FEAT_BIT(FEAT_BIGTCP6_JUMBO))

/* A memory port has one queue; here each worker has a port of its own and asks
 * it for the queue of its number. */
struct one_queue {
	struct port port;
	struct port *mem;
};

static struct port *mem_of(const struct port *p)
{
	return ((const struct one_queue *)p)->mem;
}

static int oq_rx(struct port *p, unsigned q, unsigned max, struct gust_batch *ret,
		 struct drop_counters *drops)
{
	return mem_of(p)->ops->rx(mem_of(p), 0, max, ret, drops);
}

static enum port_tx oq_tx(struct port *p, unsigned q, struct gust_pkt *pkt)
{
	return mem_of(p)->ops->tx(mem_of(p), 0, pkt);
}

static int oq_fd(const struct port *p, unsigned q)
{
	return -1;
}

static const struct port_ops oq_ops = {
	.kind = "mem", .rx = oq_rx, .tx = oq_tx, .fd = oq_fd
};

struct bed {
	unsigned n;
	struct one_queue oq[NW];
	struct pkt_pool *pool[NW], *far_pool;
	struct port *near[NW], *far[NW];
	struct worker *w[NW];
	struct stack_snap snap;
	struct worker_conf conf[NW];
	uint32_t demoted; /* FEAT_BIT()s that the workers reported */
	/* the inside host */
	struct env env;
	struct rng rng;
	struct tcp_ctx ctx;
	struct tcp_conf tconf;
	struct drop_counters drops;
	struct tcp tcp;
};

static void on_demote(void *arg, enum feat f)
{
	((struct bed *)arg)->demoted |= FEAT_BIT(f);
}

static struct ipaddr addr(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static void snap_fill(struct stack_snap *s)
{
	*s = (struct stack_snap){
		.generation = 1, .up = true, .svc_echo = true, .svc_discard = true
	};
	s->to_inside = (struct port_caps){ .feats = ALL_FEATS,
					   .mtu = 1500,
					   .gso_max4 = 400000,
					   .gso_max6 = 400000,
					   .gso_max_udp = 65535,
					   .cuts_tcp = true,
					   .cuts_udp = true };
	s->own[s->n_own++] = addr("10.111.0.2");
	s->own[s->n_own++] = addr("fd00:111::2");
	s->local[s->n_local++] = addr("10.111.0.1");
	tcp_conf_defaults(&s->tcp);
	udp_conf_defaults(&s->udp);
}

static struct bed *bed_new(unsigned n, bool l2)
{
	struct bed *b = calloc(1, sizeof(*b));
	struct engine_set plugins;

	assert_non_null(b);
	b->n = n;
	b->far_pool = pkt_pool_new(&(struct pkt_limits){ 0 });
	snap_fill(&b->snap);
	for (unsigned i = 0; i < n; i++) {
		b->pool[i] = pkt_pool_new(&(struct pkt_limits){ 0 });
		assert_int_equal(mem_port_pair(b->pool[i], b->far_pool, l2, 64,
					       &b->near[i], &b->far[i]),
				 0);
		b->oq[i] = (struct one_queue){ .mem = b->near[i] };
		b->oq[i].port = *b->near[i];
		b->oq[i].port.ops = &oq_ops;
		b->conf[i] = (struct worker_conf){
			.index = i,
			.n = n,
			.port = &b->oq[i].port,
			.pool = b->pool[i],
			.secret = { 1, 2 },
			.snap = &b->snap,
			.plugins = &plugins,
			.demote = on_demote,
			.arg = b,
			.mac = { { 2, 0, 0, 0, 0, 1 } },
		};
	}
	testfit_set(&plugins);
	assert_int_equal(workers_new(b->conf, n, b->w), 0);
	rng_seed(&b->rng, 7);
	b->env = (struct env){ .now_us = work_now_us(), .rng = &b->rng };
	tcp_conf_defaults(&b->tconf);
	b->ctx = (struct tcp_ctx){ .conf = &b->tconf,
				   .caps = &b->snap.to_inside,
				   .pool = b->far_pool,
				   .drops = &b->drops };
	return b;
}

static void bed_free(struct bed *b)
{
	struct gust_batch in;

	workers_free(b->w, b->n);
	gust_batch_init(&in);
	for (unsigned i = 0; i < b->n; i++) {
		while (b->far[i]->ops->rx(b->far[i], 0, 64, &in, &b->drops) > 0)
			;
		pkt_batch_free(&in);
		b->near[i]->ops->close(b->near[i]);
		b->far[i]->ops->close(b->far[i]);
	}
	tcp_free(&b->tcp);
	for (unsigned i = 0; i < b->n; i++)
		assert_int_equal(pkt_pool_free(b->pool[i]), 0);
	assert_int_equal(pkt_pool_free(b->far_pool), 0);
	free(b);
}

static void far_send(struct bed *b, unsigned q, struct gust_batch *out)
{
	struct gust_batch fit;
	struct gust_pkt *p;

	gust_batch_init(&fit);
	while ((p = gust_batch_pop(out)))
		assert_int_equal(testfit(p, &b->snap.to_inside, &fit), DROP_NONE);
	while ((p = gust_batch_pop(&fit)))
		if (b->far[q]->ops->tx(b->far[q], 0, p) != PORT_TX_OK)
			pkt_free(p); /* full: TCP sends it again */
}

/* One round trip of the far host; returns its events. */
static unsigned far_turn(struct bed *b, unsigned q)
{
	struct gust_batch in, out;
	struct gust_pkt *p;
	unsigned ev = 0;

	gust_batch_init(&in);
	gust_batch_init(&out);
	b->env.now_us = work_now_us();
	while (b->far[q]->ops->rx(b->far[q], 0, 64, &in, &b->drops) > 0)
		;
	while ((p = gust_batch_pop(&in)))
		ev |= tcp_input(&b->tcp, p, &b->env);
	if (tcp_deadline(&b->tcp) <= b->env.now_us)
		ev |= tcp_timer(&b->tcp, &b->env);
	tcp_output(&b->tcp, &out, &b->env);
	far_send(b, q, &out);
	return ev;
}

static void far_connect(struct bed *b, const char *from, const char *to,
			uint16_t port)
{
	struct ipaddr l = addr(from), r = addr(to);

	tcp_init(&b->tcp, &b->ctx, &l, 40000, &r, port);
	tcp_connect(&b->tcp, &b->env);
}

static uint8_t pattern(uint64_t i)
{
	return (i * 2654435761u) >> 13 ^ i >> 3;
}

static void feed(struct bed *b, uint64_t *sent, uint64_t total)
{
	while (*sent < total && tcp_send_space(&b->tcp)) {
		uint32_t n = total - *sent < 60000 ? total - *sent : 60000;
		struct gust_slab *s = slab_new(b->far_pool);
		struct gust_frag f = { .p = s->data, .slab = s, .len = n };

		for (uint32_t i = 0; i < n; i++)
			s->data[i] = pattern(*sent + i);
		assert_int_equal(tcp_send(&b->tcp, &f, 1), 0);
		*sent += n;
	}
}

static void drink(struct bed *b, uint64_t *got)
{
	struct iovec iov[16];
	unsigned n = tcp_peek(&b->tcp, iov, 16);
	uint32_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		for (size_t k = 0; k < iov[i].iov_len; k++)
			assert_int_equal(((uint8_t *)iov[i].iov_base)[k],
					 pattern(*got + len + k));
		len += iov[i].iov_len;
	}
	if (len)
		tcp_consume(&b->tcp, len, &b->env);
	*got += len;
}

/* `total` bytes to the echo service and back, byte for byte. */
static void echo(struct bed *b, const char *from, const char *to, uint64_t total)
{
	uint64_t sent = 0, got = 0, until = work_now_us() + 20000000;
	unsigned ev = 0;

	far_connect(b, from, to, 7);
	while (got < total && work_now_us() < until) {
		ev |= far_turn(b, 0);
		for (unsigned i = 0; i < b->n; i++)
			work_turn(b->w[i]);
		if (ev & TCP_EV_ESTABLISHED)
			feed(b, &sent, total);
		drink(b, &got);
	}
	assert_int_equal(got, total);
}

static void test_superpackets_both_ways(void **state)
{
	struct bed *b = bed_new(1, false);
	struct worker_stats st;

	echo(b, "10.111.0.1", "10.111.0.2", 8 << 20);
	worker_stats(b->w[0], &st);
	assert_true(st.rx_super > 0);
	assert_true(st.tx_super > 0);
	assert_true(st.tx_big > 0);
	assert_int_equal(st.plan.cut, 0);
	assert_int_equal(b->demoted, 0);
	/* and the same by feature */
	assert_int_equal(st.rx_used.packets[FEAT_TSO4], st.rx_super);
	assert_true(st.rx_used.bytes[FEAT_TSO4] > 8 << 20);
	assert_int_equal(st.tx_used.packets[FEAT_TSO4], st.tx_super);
	assert_int_equal(st.tx_used.packets[FEAT_BIGTCP4], st.tx_big);
	assert_true(st.tx_used.bytes[FEAT_BIGTCP4] > st.tx_big * 65536);
	assert_true(st.tx_used.bytes[FEAT_TSO4] >= st.tx_used.bytes[FEAT_BIGTCP4]);
	assert_int_equal(st.tx_used.packets[FEAT_TSO6], 0);
	bed_free(b);
}

/* Which features a packet uses, by its form alone. */
static void test_used_feats(void **state)
{
	static const struct {
		uint8_t gso;
		uint32_t need, feats;
	} t[] = {
		{ GUST_GSO_TCP4, 0, FEAT_BIT(FEAT_TSO4) },
		{ GUST_GSO_TCP6, GUST_F_CSUM, FEAT_BIT(FEAT_TSO6) },
		{ GUST_GSO_TCP4, GUST_F_ECN,
		  FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO_ECN) },
		{ GUST_GSO_UDP4, 0, FEAT_BIT(FEAT_USO) },
		{ GUST_GSO_UDP6, 0, FEAT_BIT(FEAT_USO) },
		{ GUST_GSO_UFO, 0, FEAT_BIT(FEAT_UFO) },
		{ GUST_GSO_SCTP, 0, FEAT_BIT(FEAT_SCTP) },
	};
	struct pkt_pool *pool = pkt_pool_new(&(struct pkt_limits){ 0 });
	struct gust_pkt *p = pkt_new(pool);
	struct feat_used u = { 0 };

	p->len = 100;
	assert_int_equal(used_feats(p), 0);
	p->need = GUST_F_CSUM;
	assert_int_equal(used_feats(p), FEAT_BIT(FEAT_TX_CSUM));
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		p->gso_size = 1000;
		p->gso_type = t[i].gso;
		p->need = t[i].need;
		assert_int_equal(used_feats(p), t[i].feats);
	}
	used_count(&u, FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO_ECN), 5000);
	used_count(&u, FEAT_BIT(FEAT_TSO4), 60);
	used_count(&u, 0, 1);
	assert_int_equal(u.packets[FEAT_TSO4], 2);
	assert_int_equal(u.bytes[FEAT_TSO4], 5060);
	assert_int_equal(u.packets[FEAT_TSO_ECN], 1);
	pkt_free(p);
	assert_int_equal(pkt_pool_free(pool), 0);
}

/* A capture sees each packet that the port gave or took, once. */
static void test_tee(void **state)
{
	struct bed *b = bed_new(1, false);
	struct tee t = { .ring = bytering_new(1 << 20), .copy_max = 64 };
	struct tee_bell bell = { .fd = -1 };
	uint64_t sum = 0, n = 0;
	struct worker_stats st;
	const struct tee_rec *r;
	uint32_t len;

	t.bell = &bell;
	*worker_tees(b->w[0]) = &t;
	echo(b, "10.111.0.1", "10.111.0.2", 1000000);
	*worker_tees(b->w[0]) = NULL;
	worker_stats(b->w[0], &st);
	while ((r = bytering_peek(t.ring, &len))) {
		sum += r->len;
		n++;
		bytering_pop(t.ring);
	}
	assert_int_equal(n, st.rx_packets + st.tx_packets);
	assert_int_equal(sum, st.rx_bytes + st.tx_bytes);
	assert_int_equal(t.n.seen, n);
	assert_int_equal(t.n.lost, 0);
	bytering_free(t.ring);
	bed_free(b);
}

/* A second after traffic unused slabs are trimmed, once, and nothing wakes an idle
 * worker for it again. */
static void test_trim(void **state)
{
	struct bed *b = bed_new(1, false);
	struct worker *w = b->w[0];

	assert_true(w->trim_at_us == ENV_NEVER);
	echo(b, "10.111.0.1", "10.111.0.2", 1 << 20);
	assert_true(w->trim_at_us <= work_now_us() + TRIM_US);
	assert_true(work_deadline(w) <= w->trim_at_us);
	w->trim_at_us = 1;
	while (w->trim_at_us != ENV_NEVER)
		work_turn(w);
	w->trim_seen = w->stats.rx_packets + w->stats.tx_packets;
	work_turn(w);
	assert_true(w->trim_at_us == ENV_NEVER);
	bed_free(b);
}

/* EINVAL for one form demotes that form and nothing else, and no byte is lost. */
static void refused(const char *from, const char *to, uint32_t feats)
{
	struct bed *b = bed_new(1, false);
	struct worker_stats st;

	mem_port_set_refuse(b->near[0], feats);
	echo(b, from, to, 4 << 20);
	worker_stats(b->w[0], &st);
	assert_int_equal(b->demoted, feats);
	for (unsigned f = 0; f < FEAT_N; f++)
		assert_int_equal(st.refused[f], !!(feats & FEAT_BIT(f)));
	assert_int_equal(mem_port_refused(b->near[0]), __builtin_popcount(feats));
	assert_int_equal(st.drops.n[DROP_PORT_ERROR], 0);
	bed_free(b);
}

static void test_big_refused(void **state)
{
	refused("10.111.0.1", "10.111.0.2", FEAT_BIT(FEAT_BIGTCP4));
	refused("fd00:111::1", "fd00:111::2", FEAT_BIT(FEAT_BIGTCP6_JUMBO));
}

static void test_tso_refused(void **state)
{
	refused("10.111.0.1", "10.111.0.2", FEAT_BIT(FEAT_TSO4));
	refused("fd00:111::1", "fd00:111::2", FEAT_BIT(FEAT_TSO6));
}

/* A snapshot that arrives later does not bring a refused form back. */
static void test_refusal_outlives_snapshot(void **state)
{
	struct bed *b = bed_new(1, false);
	struct stack_snap next;

	mem_port_set_refuse(b->near[0], FEAT_BIT(FEAT_BIGTCP4));
	echo(b, "10.111.0.1", "10.111.0.2", 1 << 20);
	snap_fill(&next);
	next.generation = 2;
	next.to_inside.mtu = 9000;
	workers_publish(b->w, 1, &next);
	assert_int_equal(b->w[0]->caps.mtu, 9000);
	assert_false(caps_has(&b->w[0]->caps, FEAT_BIGTCP4));
	assert_int_equal(b->w[0]->caps.gso_max4, 65535);
	assert_true(caps_has(&b->w[0]->caps, FEAT_TSO4));
	bed_free(b);
}

/* The port is full for a while: packets wait, in order, up to a limit. */
static void test_backlog(void **state)
{
	struct bed *b = bed_new(1, false);
	struct tee t = { .ring = bytering_new(4096), .copy_max = 64 };
	struct gust_batch out;

	*worker_tees(b->w[0]) = &t;
	gust_batch_init(&out);
	for (unsigned i = 0; i < 64 + TX_BACKLOG_MAX + 10; i++) {
		struct ipaddr src = addr("10.111.0.2"), dst = addr("10.111.0.1");
		struct gust_frag none = { 0 };

		gust_batch_push(&out,
				udp_packet(b->pool[0], &src, 1, &dst, 2, 64, 0, i,
					   &none, 0, &b->snap.to_inside));
	}
	egress_send(b->w[0], &out);
	assert_int_equal(mem_port_waiting(b->far[0]), 64);
	assert_int_equal(b->w[0]->backlog.n, TX_BACKLOG_MAX);
	assert_int_equal(b->w[0]->stats.drops.n[DROP_PORT_FULL], 10);
	assert_true(work_deadline(b->w[0]) <= b->w[0]->env.now_us + TX_RETRY_US);
	for (unsigned id = 0; id < 64 + TX_BACKLOG_MAX;) {
		struct gust_batch in;
		struct gust_pkt *p;

		gust_batch_init(&in);
		assert_true(b->far[0]->ops->rx(b->far[0], 0, 64, &in, &b->drops) >
			    0);
		while ((p = gust_batch_pop(&in))) {
			assert_int_equal(p->head[4] << 8 | p->head[5], id & 0xffff);
			id++;
			pkt_free(p);
		}
		egress_retry(b->w[0]);
	}
	assert_int_equal(b->w[0]->backlog.n, 0);
	/* for a capture each was there once, however often it was tried */
	assert_int_equal(t.n.seen, 64 + TX_BACKLOG_MAX);
	bytering_free(t.ring);
	bed_free(b);
}

static unsigned owner_of(struct bed *b, const char *in, uint16_t in_port,
			 const char *out, uint16_t out_port)
{
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	k.in = addr(in);
	k.out = addr(out);
	k.in_port = in_port;
	k.out_port = out_port;
	k.proto = IPPROTO_TCP;
	return flow_owner(flow_key_hash(&b->conf[0].secret, &k), b->n);
}

/* A flow whose packets come to the wrong queue is served by its owner alone. */
static void test_handoff(void **state)
{
	struct bed *b = bed_new(2, false);
	unsigned owner = owner_of(b, "10.111.0.1", 40000, "10.111.0.2", 7),
		 other = !owner;
	struct worker_stats st[2];
	unsigned ev = 0;

	far_connect(b, "10.111.0.1", "10.111.0.2", 7);
	for (unsigned i = 0; i < 50 && !(ev & TCP_EV_ESTABLISHED); i++) {
		struct gust_batch in;
		struct gust_pkt *p;

		/* towards the other worker's queue, answers come from the owner's */
		far_turn(b, other);
		work_turn(b->w[other]);
		work_turn(b->w[owner]);
		gust_batch_init(&in);
		b->far[owner]->ops->rx(b->far[owner], 0, 64, &in, &b->drops);
		while ((p = gust_batch_pop(&in)))
			ev |= tcp_input(&b->tcp, p, &b->env);
	}
	assert_true(ev & TCP_EV_ESTABLISHED);
	far_turn(b, other);
	work_turn(b->w[other]);
	work_turn(b->w[owner]);
	worker_stats(b->w[0], &st[0]);
	worker_stats(b->w[1], &st[1]);
	assert_true(st[other].handoff_out >= 2);
	assert_int_equal(st[owner].handoff_in, st[other].handoff_out);
	assert_int_equal(st[owner].stack.tcp_flows, 1);
	assert_int_equal(st[other].stack.tcp_flows, 0);
	bed_free(b);
}

/* The ring between two workers is full: the newest is dropped by name. */
static void test_handoff_full(void **state)
{
	struct bed *b = bed_new(2, false);

	for (unsigned i = 0; i < HANDOFF_RING + 5; i++)
		handoff_push(b->w[0], 1, pkt_new(b->pool[0]));
	assert_int_equal(b->w[0]->stats.drops.n[DROP_HANDOFF_FULL], 5);
	assert_int_equal(b->w[0]->stats.handoff_out, HANDOFF_RING);
	bed_free(b);
}

/* Every worker learns a neighbour from one ARP message; one of them answers. */
static void test_arp_reaches_all(void **state)
{
	static const uint8_t
		req[] = {
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
			0,    9,    8,    6, /* Ethernet */
			0,    1,    8,    0,    6,    4,    0, 1, 2, 0,
			0,    0,    0,    9,    10,   111,  0, 1, 0, 0,
			0,    0,    0,    0,    10,   111,  0, 2,
		};
	struct bed *b = bed_new(2, true);
	uint64_t until = work_now_us() + 5000000;
	unsigned replies = 0;

	while (!replies && work_now_us() < until) {
		struct gust_pkt *p = pkt_new(b->far_pool);
		struct gust_batch in;

		memcpy(p->head, req, sizeof(req));
		p->len = p->hlen = sizeof(req);
		pkt_layer_append(p, GUST_L_ETH, 0, 0);
		pkt_layer_append(p, GUST_L_ARP, 0, 14);
		assert_int_equal(b->far[1]->ops->tx(b->far[1], 0, p), PORT_TX_OK);
		work_turn(b->w[1]); /* not the responder */
		work_turn(b->w[0]);
		gust_batch_init(&in);
		for (unsigned q = 0; q < 2; q++)
			b->far[q]->ops->rx(b->far[q], 0, 64, &in, &b->drops);
		while ((p = gust_batch_pop(&in))) {
			if (p->nlayer > 1 && p->layer[1].kind == GUST_L_ARP &&
			    p->head[14 + 7] == 2 && !memcmp(p->head, req + 6, 6)) {
				assert_memory_equal(p->head + 14 + 8,
						    &b->conf[0].mac, 6);
				replies++;
			}
			pkt_free(p);
		}
	}
	assert_int_equal(replies, 1);
	assert_true(b->w[0]->stats.handoff_in > 0);
	bed_free(b);
}

/* Nobody answers for a published server: its client hears of it by a reset. */
static void test_neigh_fails(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0),
	    cl = socket(AF_INET, SOCK_STREAM, 0);
	struct bed *b = bed_new(1, true);
	struct stack_publish *p = &b->snap.publish[0];
	struct timeval wait = { .tv_sec = 20 };
	struct worker_stats st;
	char err[100], byte;

	/* a free port of the host */
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	close(fd);
	b->snap.n_publish = 1;
	*p = (struct stack_publish){ .proto = IPPROTO_TCP,
				     .listen = addr("127.0.0.1"),
				     .listen_port = ntohs(sa.sin_port),
				     .to = addr("10.111.0.77"),
				     .to_port = 80 };
	assert_int_equal(stack_publish(b->w[0]->stack, err, sizeof(err)), 0);
	assert_int_equal(workers_start(b->w, 1), 0);
	assert_int_equal(connect(cl, (struct sockaddr *)&sa, n), 0);
	setsockopt(cl, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(recv(cl, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	worker_stats(b->w[0], &st);
	assert_true(st.neigh_failed >= 1);
	assert_int_equal(st.drops.n[DROP_NEIGH_FAILED], st.neigh_failed);
	assert_int_equal(st.stack.tcp_flows, 0);
	workers_stop(b->w, 1, 100);
	close(cl);
	bed_free(b);
}

static void test_other_station(void **state)
{
	struct bed *b = bed_new(1, true);
	struct gust_pkt *p = pkt_new(b->far_pool);
	uint8_t f[] = { 2,  0,   0, 0, 0, 77, 2, 0, 0, 0, 0,  9,   8, 6,
			0,  1,   8, 0, 6, 4,  0, 1, 2, 0, 0,  0,   0, 9,
			10, 111, 0, 1, 0, 0,  0, 0, 0, 0, 10, 111, 0, 2 };

	memcpy(p->head, f, sizeof(f));
	p->len = p->hlen = sizeof(f);
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	pkt_layer_append(p, GUST_L_ARP, 0, 14);
	assert_int_equal(b->far[0]->ops->tx(b->far[0], 0, p), PORT_TX_OK);
	work_turn(b->w[0]);
	assert_int_equal(b->w[0]->stats.drops.n[DROP_NOT_FOR_US], 1);
	bed_free(b);
}

static void count_call(struct worker *w, void *arg)
{
	((unsigned *)arg)[worker_index(w)]++;
}

/* Real threads: calls from outside are run in the worker, and stopping resets. */
static void test_threads(void **state)
{
	struct bed *b = bed_new(2, false);
	unsigned calls[2] = { 0 };
	struct worker_stats st;

	assert_int_equal(workers_start(b->w, 2), 0);
	for (unsigned i = 0; i < 100; i++)
		for (unsigned k = 0; k < 2; k++)
			worker_call(b->w[k], count_call, calls);
	worker_stats(b->w[0], &st);
	assert_true(st.turns >= 100);
	workers_stop(b->w, 2, 100);
	assert_int_equal(calls[0], 100);
	assert_int_equal(calls[1], 100);
	assert_null(worker_stack(b->w[0]));
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_superpackets_both_ways),
		cmocka_unit_test(test_used_feats),
		cmocka_unit_test(test_tee),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_big_refused),
		cmocka_unit_test(test_tso_refused),
		cmocka_unit_test(test_refusal_outlives_snapshot),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_handoff),
		cmocka_unit_test(test_handoff_full),
		cmocka_unit_test(test_arp_reaches_all),
		cmocka_unit_test(test_neigh_fails),
		cmocka_unit_test(test_other_station),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
