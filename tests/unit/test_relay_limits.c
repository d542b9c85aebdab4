/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_limits.c - what is refused, and that limits are reached: flows,
 * half-open connections, floods, bad addresses, draining, size of an idle one
 */
#include "relay_peer.h"

#define SYN(sp, dp)                                                                \
	&(struct tcp_hdr)                                                          \
	{                                                                          \
		.sport = (sp), .dport = (dp), .flags = TCP_SYN, .seq = 7,          \
		.wnd = 65535                                                       \
	}

static struct rig r;
static struct inside in;
static int lsn;
static uint16_t port;

static int begin(void **state)
{
	rig_init(&r);
	inside_init(&in, &r);
	lsn = host_sock(SOCK_STREAM, "127.0.0.1", &port);
	return 0;
}

static int end(void **state)
{
	close(lsn);
	inside_fini(&in);
	rig_fini(&r);
	return 0;
}

static struct stack_stats stats(void)
{
	struct stack_stats st;

	stack_stats(r.s, &st);
	return st;
}

static void turns(int n)
{
	while (n--)
		rig_turn(&r, 0);
}

static void test_half_open(void **state)
{
	r.snap.max_half_open = 4;
	for (int i = 0; i < 6; i++)
		rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(100 + i, port)));
	turns(3);
	assert_int_equal(stats().tcp_half_open, 4);
	assert_int_equal(r.out.n, 4); /* SYN-ACKs */
	assert_int_equal(r.drops.n[DROP_TCP_BACKLOG], 2);
	/* An old unanswered one makes room. */
	r.skew_us += HALF_AGE_US;
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(200, port)));
	turns(3);
	assert_int_equal(stats().tcp_half_open, 4);
	assert_int_equal(r.drops.n[DROP_TCP_BACKLOG], 2);
	assert_int_equal(stats().tcp_opened, 5);
}

/* A flood waits in a bounded queue and is dropped beyond; old work goes on. */
static void test_flood(void **state)
{
	struct gust_batch b;
	uint8_t buf[4];
	unsigned i;
	int fd;

	i = inside_connect(&in, T_IN4, 40000, T_OWN4, port);
	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	fd = accept4(lsn, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	UNTIL(&in, !stats().tcp_half_open);
	r.snap.max_half_open = 100;
	gust_batch_init(&b);
	for (int k = 0; k < 3000; k++)
		gust_batch_push(
			&b, tcp_pkt(&r, "10.9.7.7", T_OWN4, SYN(1000 + k, port)));
	rig_clock(&r);
	stack_input(r.s, &b, &r.env);
	assert_int_equal(stats().tcp_half_open, SYN_IDLE);
	assert_int_equal(r.drops.n[DROP_TCP_BACKLOG], 3000 - SYN_IDLE - 100);
	assert_int_equal(send(fd, "abcd", 4, 0), 4);
	UNTIL(&in, tcp_readable(in.t[i]) == 4);
	assert_int_equal(inside_read(&in, i, buf, 4), 4);
	assert_true(stats().tcp_half_open <= 100);
	while (r.more) {
		rig_turn(&r, 0);
		pkt_batch_free(&r.out);
	}
	assert_int_equal(stats().tcp_half_open, 100);
	assert_int_equal(r.drops.n[DROP_TCP_BACKLOG], 3000 - 100);
	assert_int_equal(in.t[i]->state, TCPS_ESTABLISHED);
	close(fd);
}

static void test_max_flows(void **state)
{
	r.snap.max_flows = 3;
	for (int i = 0; i < 5; i++)
		rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(100 + i, port)));
	turns(2);
	assert_int_equal(stack_flows(r.s), 3);
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 2);
}

/* At the limit the oldest TIME-WAIT goes. */
static void test_time_wait_makes_room(void **state)
{
	unsigned i;
	int fd;

	r.snap.max_flows = 1;
	i = inside_connect(&in, T_IN4, 40000, T_OWN4, port);
	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	fd = accept4(lsn, NULL, NULL, SOCK_NONBLOCK);
	close(fd);
	UNTIL(&in, tcp_at_eof(in.t[i]));
	tcp_shutdown(in.t[i], &r.env);
	UNTIL(&in, in.t[i]->state == TCPS_CLOSED);
	assert_int_equal(stats().tcp_flows, 1);
	i = inside_connect(&in, T_IN4, 40001, T_OWN4, port);
	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	assert_int_equal(stats().tcp_flows, 1);
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 0);
}

/* TIME-WAIT takes at most an eighth of the table. */
static void test_time_wait_share(void **state)
{
	r.snap.max_flows = 16;
	for (int k = 0; k < 6; k++) {
		unsigned i = inside_connect(&in, T_IN4, 40000 + k, T_OWN4, port);
		int fd;

		UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
		fd = accept4(lsn, NULL, NULL, SOCK_NONBLOCK);
		close(fd);
		UNTIL(&in, tcp_at_eof(in.t[i]));
		tcp_shutdown(in.t[i], &r.env);
		UNTIL(&in, in.t[i]->state == TCPS_CLOSED);
	}
	assert_int_equal(stats().tcp_flows, 3);
	assert_int_equal(stack_flows(r.s), 0);
}

static void test_no_flow(void **state)
{
	struct tcp_hdr h = {
		.sport = 5, .dport = 6, .flags = TCP_ACK, .seq = 10, .ack = 77
	};
	struct gust_pkt *p;

	rig_give(&r, tcp_pkt(&r, T_IN4, "192.0.2.1", &h));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(l4_of(p)[13] & 0x3f, TCP_RST);
	assert_int_equal(get32(l4_of(p) + 4), 77);
	check_addrs(p, "192.0.2.1", T_IN4);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_TCP_NO_FLOW], 1);
	h.flags = TCP_RST;
	rig_give(&r, tcp_pkt(&r, T_IN4, "192.0.2.1", &h));
	rig_nothing(&r);
	assert_int_equal(r.drops.n[DROP_TCP_NO_FLOW], 2);
}

static void test_addresses(void **state)
{
	static const char *const src[] = { T_OWN4, "127.0.0.1", "224.0.0.1",
					   "0.0.0.0" };
	static const char *const dst[] = { "224.0.0.5", "255.255.255.255",
					   "169.254.1.1", "127.0.0.1" };
	unsigned m, s;

	for (unsigned i = 0; i < 4; i++) {
		rig_give(&r, tcp_pkt(&r, src[i], "192.0.2.1", SYN(1, 2)));
		rig_give(&r, udp_pkt(&r, src[i], 1, "192.0.2.1", 2, "x", 1, 0));
		rig_give(&r, tcp_pkt(&r, T_IN4, dst[i], SYN(1, 2)));
		rig_give(&r, udp_pkt(&r, T_IN4, 1, dst[i], 2, "x", 1, 0));
		rig_give(&r, echo_pkt(&r, T_IN4, dst[i], 1, 2, "x", 1));
	}
	m = r.drops.n[DROP_MARTIAN];
	s = r.drops.n[DROP_SCOPE];
	assert_int_equal(m, 8);
	assert_int_equal(s, 12);
	rig_give(&r, udp_pkt(&r, T_IN6, 1, "ff02::1", 2, "x", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN6, 1, "fe80::1", 2, "x", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN6, 1, "::1", 2, "x", 1, 0));
	assert_int_equal(r.drops.n[DROP_SCOPE], s + 3);
	rig_nothing(&r);
	assert_int_equal(stack_flows(r.s), 0);
}

/* RFC 1122 3.2.1.7, RFC 8200 3: who receives does not look at it; who sends on
 * says so (RFC 4443 3.3). */
static void test_ttl_zero(void **state)
{
	struct gust_pkt *p = echo_pkt(&r, T_IN4, T_OWN4, 1, 2, "x", 1);

	p->head[8] = 0;
	p->need = GUST_F_CSUM_OK;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_ECHO_REPLY, 0);
	pkt_free(p);
	p = echo_pkt(&r, T_IN6, T_OWN6, 1, 2, "x", 1);
	p->head[7] = 0;
	p->need = GUST_F_CSUM_OK;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP6, ICMP6_ECHO_REPLY, 0);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_TTL], 0);
	p = udp_pkt(&r, T_IN6, 1, "2001:db8::1", 2, "x", 1, 0);
	p->head[7] = 0;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP6, ICMP6_TIME_EXCEEDED, 0);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_TTL], 1);
}

static void test_bad_checksum(void **state)
{
	struct gust_pkt *p = tcp_pkt(&r, T_IN4, T_OWN4, SYN(1, port));

	p->need = 0; /* not vouched for, and 0 */
	rig_give(&r, p);
	assert_int_equal(r.drops.n[DROP_BAD_CSUM], 1);
	rig_nothing(&r);
}

static void test_other_protocol(void **state)
{
	/* SCTP, ESP and AH are known to the dissector, not to the stack */
	static const struct {
		uint8_t proto, kind;
	} other[] = { { 99, GUST_L_NONE },
		      { 132, GUST_L_SCTP },
		      { 50, GUST_L_ESP },
		      { 51, GUST_L_AH } };

	for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct gust_pkt *p = pkt_new(r.pool);

		p->hlen = p->len = 12;
		memset(p->head, 0, 12);
		p->head[1] = 1;
		if (other[i].kind)
			pkt_layer_append(p, other[i].kind, 0, 0);
		put_ip(&r, p, T_IN4, "192.0.2.1", other[i].proto, 64);
		rig_give(&r, p);
		p = rig_take(&r);
		check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_PROTO);
		check_addrs(p, T_OWN4, T_IN4);
		pkt_free(p);
		assert_int_equal(r.drops.n[DROP_NO_PROTO], i + 1);
	}
}

/* RFC 4443 2.2 a: about a packet to one of several own addresses, from that one. */
static void test_error_source(void **state)
{
	static const char *const own[] = { T_OWN4, "10.9.0.3", T_OWN6, "fd09::3" };

	r.snap.own[r.snap.n_own++] = A("10.9.0.3");
	r.snap.own[r.snap.n_own++] = A("fd09::3");
	for (unsigned i = 0; i < 4; i++) {
		bool six = i > 1;
		struct gust_pkt *p = pkt_new(r.pool);

		p->hlen = p->len = 8;
		memset(p->head, 0, 8);
		put_ip(&r, p, six ? T_IN6 : T_IN4, own[i], 99, 64);
		rig_give(&r, p);
		p = rig_take(&r);
		assert_non_null(p);
		check_addrs(p, own[i], six ? T_IN6 : T_IN4);
		pkt_free(p);
	}
}

static void test_icmp_limit(void **state)
{
	unsigned n;

	for (int i = 0; i < 200; i++) {
		struct gust_pkt *p = pkt_new(r.pool);

		p->hlen = p->len = 8;
		memset(p->head, 0, 8);
		put_ip(&r, p, T_IN4, "192.0.2.1", 99, 64);
		rig_give(&r, p);
	}
	n = stats().icmp_errors_out;
	assert_true(n >= 50 && n < 200);
	assert_int_equal(r.drops.n[DROP_ICMP_LIMIT], 200 - n);
	pkt_batch_free(&r.out);
}

static void test_unmapped_own(void **state)
{
	struct gust_pkt *p;

	r.snap.loopback_own = false;
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(1, port)));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(l4_of(p)[13] & 0x3f, TCP_RST | TCP_ACK);
	pkt_free(p);
	rig_give(&r, udp_pkt(&r, T_IN4, 1, T_OWN4, 2, "x", 1, 0));
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_PORT);
	check_addrs(p, T_OWN4, T_IN4);
	pkt_free(p);
}

/* A configured address stands for another one of the host. */
static void test_map(void **state)
{
	struct stack_flow_report rep;
	struct ipaddr lo = A("127.0.0.1");
	uint32_t pos = 0;
	unsigned i;

	r.snap.n_map = 1;
	r.snap.map[0] = (struct stack_map){ A("192.0.2.77"), A("127.0.0.1") };
	i = inside_connect(&in, T_IN4, 40000, "192.0.2.77", port);
	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	assert_int_equal(stack_report(r.s, &pos, &rep, 1, &r.env), 1);
	assert_string_equal(rep.kind, "relay");
	assert_memory_equal(&rep.host, &lo, sizeof(lo));
	assert_int_equal(rep.host_port, port);
	assert_int_equal(stack_report(r.s, &pos, &rep, 1, &r.env), 0);
}

static void test_drain(void **state)
{
	struct gust_pkt *p;
	unsigned i;

	i = inside_connect(&in, T_IN4, 40000, T_OWN4, port);
	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	stack_drain(r.s);
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(1, port)));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(l4_of(p)[13] & 0x3f, TCP_RST | TCP_ACK);
	pkt_free(p);
	rig_give(&r, udp_pkt(&r, T_IN4, 1, T_OWN4, 2, "x", 1, 0));
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 1);
	assert_int_equal(stack_flows(r.s), 1);
	tcp_abort(in.t[i], &r.env);
	UNTIL(&in, !stack_flows(r.s));
}

static void test_connect_timeout(void **state)
{
	int fd[80], n = 0;
	struct gust_pkt *p;

	/* A listener whose backlog is full answers no SYN. */
	listen(lsn, 0);
	for (int i = 0; i < 8; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET,
					  .sin_port = htons(port),
					  .sin_addr.s_addr =
						  htonl(INADDR_LOOPBACK) };

		fd[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fd[n++], (struct sockaddr *)&sa, sizeof(sa));
	}
	r.snap.connect_timeout_us = 500000;
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(1, port)));
	rig_nothing(&r);
	assert_int_equal(stats().tcp_half_open, 1);
	r.skew_us += 501000;
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_HOST);
	pkt_free(p);
	assert_int_equal(stack_flows(r.s), 0);
	while (n)
		close(fd[--n]);
}

/* An inside host that gives up while the host still connects. */
static void test_cancel_connect(void **state)
{
	struct tcp_hdr rst = {
		.sport = 1, .dport = port, .flags = TCP_RST, .seq = 8
	};
	int fd[8], n = 0;

	listen(lsn, 0);
	for (int i = 0; i < 8; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET,
					  .sin_port = htons(port),
					  .sin_addr.s_addr =
						  htonl(INADDR_LOOPBACK) };

		fd[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fd[n++], (struct sockaddr *)&sa, sizeof(sa));
	}
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, SYN(1, port)));
	rig_nothing(&r);
	assert_int_equal(stats().tcp_half_open, 1);
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4, &rst));
	rig_nothing(&r);
	assert_int_equal(stack_flows(r.s), 0);
	assert_int_equal(r.n_fds, 0);
	while (n)
		close(fd[--n]);
}

/* What an idle connection of a built-in service costs, table slots included. */
static void test_idle_size(void **state)
{
	assert_true(sizeof(struct tcp_flow) <= 1200);
	assert_true(sizeof(struct tcp_relay) <= 1280);
	print_message("tcp_flow %zu, tcp_relay %zu, udp_flow %zu bytes\n",
		      sizeof(struct tcp_flow), sizeof(struct tcp_relay),
		      sizeof(struct udp_flow));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_half_open),       T(test_flood),
		T(test_max_flows),       T(test_time_wait_makes_room),
		T(test_time_wait_share), T(test_no_flow),
		T(test_addresses),       T(test_ttl_zero),
		T(test_bad_checksum),    T(test_other_protocol),
		T(test_error_source),    T(test_icmp_limit),
		T(test_unmapped_own),    T(test_map),
		T(test_drain),           T(test_connect_timeout),
		T(test_cancel_connect),  T(test_idle_size),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
