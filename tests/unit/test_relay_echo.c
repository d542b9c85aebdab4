/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_echo.c - ping of own addresses and through the host's ICMP sockets,
 * and ICMP errors that the inside sends
 */
#include "relay_io.h"

#define RANGE "/proc/sys/net/ipv4/ping_group_range" /* of our own namespace */

static struct rig r;

static int begin(void **state)
{
	rig_init(&r);
	/* an address that the host has and that is not the stack's */
	r.snap.n_map = 2;
	r.snap.map[0] = (struct stack_map){ A("192.0.2.50"), A("127.0.0.1") };
	r.snap.map[1] = (struct stack_map){ A("2001:db8::50"), A("::1") };
	return 0;
}

static int end(void **state)
{
	rig_fini(&r);
	return 0;
}

static void check_reply(const char *src, const char *dst, uint16_t id, uint16_t seq,
			const void *data, uint32_t len)
{
	static uint8_t got[9000];
	struct gust_pkt *p = rig_take(&r);
	bool six = strchr(src, ':');

	check_icmp(p, six ? GUST_L_ICMP6 : GUST_L_ICMP,
		   six ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY, 0);
	check_addrs(p, src, dst);
	assert_int_equal(get16(l4_of(p) + 4), id);
	assert_int_equal(get16(l4_of(p) + 6), seq);
	assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)), len);
	assert_memory_equal(got, data, len);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	p->need = 0;
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
}

static void test_own(void **state)
{
	uint8_t data[1000];
	struct stack_stats st;

	pattern_fill(data, 0, sizeof(data));
	rig_give(&r, echo_pkt(&r, T_IN4, T_OWN4, 77, 1, data, sizeof(data)));
	check_reply(T_OWN4, T_IN4, 77, 1, data, sizeof(data));
	rig_give(&r, echo_pkt(&r, T_IN6, T_OWN6, 78, 2, data, sizeof(data)));
	check_reply(T_OWN6, T_IN6, 78, 2, data, sizeof(data));
	stack_stats(r.s, &st);
	assert_int_equal(st.echo_replies, 2);
	assert_int_equal(st.echo_flows, 0);
}

/* The link-local address answers as a host that has nothing behind it. */
static void test_linklocal(void **state)
{
	const char *ll = "fe80::ff:fe00:1", *peer = "fe80::77";
	struct tcp_hdr syn = { .sport = 1, .dport = 7, .flags = TCP_SYN, .seq = 7 };
	struct gust_pkt *p;

	rig_give(&r, echo_pkt(&r, peer, ll, 77, 1, "x", 1));
	assert_int_equal(r.drops.n[DROP_SCOPE], 1); /* on a tun there is none */
	r.snap.linklocal = A(ll);
	r.snap.svc_echo = true;
	rig_give(&r, echo_pkt(&r, peer, ll, 77, 1, "x", 1));
	check_reply(ll, peer, 77, 1, "x", 1);
	rig_give(&r, udp_pkt(&r, peer, 5, ll, 7, "x", 1, 0));
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP6, ICMP6_UNREACH, ICMP6_UNREACH_PORT);
	check_addrs(p, ll, peer);
	pkt_free(p);
	rig_give(&r, tcp_pkt(&r, peer, ll, &syn));
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, ll, peer);
	assert_int_equal(l4_of(p)[13] & 0x3f, TCP_RST | TCP_ACK);
	pkt_free(p);
	/* errors stay within the scope of whom they are for */
	p = udp_pkt(&r, peer, 5, "2001:db8::1", 7, "x", 1, 0);
	p->head[7] = 1;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP6, ICMP6_TIME_EXCEEDED, 0);
	check_addrs(p, ll, peer);
	pkt_free(p);
	/* somebody who claims to be us, and another station's address */
	rig_give(&r, echo_pkt(&r, ll, T_OWN6, 77, 1, "x", 1));
	assert_int_equal(r.drops.n[DROP_MARTIAN], 1);
	rig_give(&r, echo_pkt(&r, peer, "fe80::78", 77, 1, "x", 1));
	assert_int_equal(r.drops.n[DROP_SCOPE], 2);
	rig_nothing(&r);
	assert_int_equal(stack_flows(r.s), 0);
}

static void carried(bool raw)
{
	uint8_t data[1400];
	struct stack_flow_report rep;
	struct stack_stats st;
	uint32_t pos = 0;

	pattern_fill(data, 3, sizeof(data));
	for (uint16_t seq = 1; seq < 4; seq++) {
		rig_give(&r, echo_pkt(&r, T_IN4, "192.0.2.50", 4711, seq, data,
				      sizeof(data)));
		check_reply("192.0.2.50", T_IN4, 4711, seq, data, sizeof(data));
	}
	rig_give(&r, echo_pkt(&r, T_IN6, "2001:db8::50", 4712, 9, data, 0));
	check_reply("2001:db8::50", T_IN6, 4712, 9, data, 0);
	rig_nothing(&r);
	stack_stats(r.s, &st);
	assert_int_equal(st.echo_flows, 2);
	assert_int_equal(st.echo_opened, 2);
	assert_int_equal(stack_report(r.s, &pos, &rep, 1, &r.env), 1);
	assert_string_equal(rep.kind, "ping");
	r.skew_us += ECHO_TIMEOUT_US + 1000000;
	rig_turn(&r, 0);
	stack_stats(r.s, &st);
	assert_int_equal(st.echo_flows, 0);
	assert_int_equal(r.n_fds, 0);
}

static void test_raw(void **state)
{
	if (file_put(RANGE, "1 0\n") < 0)
		skip();
	if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0)
		skip();
	carried(true);
}

static void test_datagram(void **state)
{
	gid_t g = getgid();
	char range[32];
	int fd;

	snprintf(range, sizeof(range), "%u %u\n", g, g);
	if (file_put(RANGE, range) < 0)
		skip();
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		skip();
	close(fd);
	carried(false);
}

/* The host's kernel answers with the TOS that it was asked with (RFC 1349 5.1);
 * so what comes back was carried both ways. */
static void tos_carried(void)
{
	struct gust_pkt *p = echo_pkt(&r, T_IN4, "192.0.2.50", 5, 1, "one", 3);

	p->head[1] = 0xb8;
	p->head[8] = 20; /* with a TTL beside it */
	p->need = GUST_F_CSUM_OK;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_ECHO_REPLY, 0);
	assert_int_equal(p->head[1], 0xb8);
	pkt_free(p);
	p = echo_pkt(&r, T_IN6, "2001:db8::50", 5, 1, "one", 3);
	put16(p->head, 0x6b80);
	p->need = GUST_F_CSUM_OK;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP6, ICMP6_ECHO_REPLY, 0);
	assert_int_equal(pkt_tos(p), 0xb8);
	pkt_free(p);
	/* none asked for: none */
	rig_give(&r, echo_pkt(&r, T_IN4, "192.0.2.50", 5, 2, "one", 3));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(pkt_tos(p), 0);
	pkt_free(p);
}

static void test_tos_raw(void **state)
{
	if (file_put(RANGE, "1 0\n") < 0)
		skip();
	tos_carried();
}

static void test_tos_datagram(void **state)
{
	char range[32];

	snprintf(range, sizeof(range), "%u %u\n", getgid(), getgid());
	if (file_put(RANGE, range) < 0)
		skip();
	tos_carried();
}

/* Two inside hosts with one id do not hear each other's answers. */
static void test_same_id(void **state)
{
	rig_give(&r, echo_pkt(&r, T_IN4, "192.0.2.50", 5, 1, "one", 3));
	check_reply("192.0.2.50", T_IN4, 5, 1, "one", 3);
	rig_give(&r, echo_pkt(&r, "10.9.0.77", "192.0.2.50", 5, 1, "two", 3));
	check_reply("192.0.2.50", "10.9.0.77", 5, 1, "two", 3);
	rig_nothing(&r);
}

static void test_no_route(void **state)
{
	struct gust_pkt *p;

	rig_give(&r, echo_pkt(&r, T_IN4, "203.0.113.1", 5, 1, "one", 3));
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_NET);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_HOST_ERROR], 1);
	assert_int_equal(r.n_fds, 0);
}

static void test_ttl_one(void **state)
{
	struct gust_pkt *p = echo_pkt(&r, T_IN4, "192.0.2.50", 5, 1, "one", 3);

	p->head[8] = 1;
	p->need = GUST_F_CSUM_OK;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_TIME_EXCEEDED, 0);
	pkt_free(p);
}

static void test_limit(void **state)
{
	r.snap.max_echo = 2;
	for (int i = 0; i < 4; i++)
		rig_give(&r,
			 echo_pkt(&r, T_IN4, "192.0.2.50", 50 + i, 1, "one", 3));
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 2);
	for (int i = 0; i < 2; i++)
		check_reply("192.0.2.50", T_IN4, 50 + i, 1, "one", 3);
}

/* An ICMP error of the inside about nothing that we know. */
static void test_error_no_flow(void **state)
{
	struct ipaddr from = A(T_IN4);
	struct gust_pkt *p = udp_pkt(&r, T_OWN4, 9, T_IN4, 5000, "x", 1, 0), *e;
	struct stack_stats st;

	e = icmp_error_new(r.pool, p, ICMP_E_PORT_UNREACH, 0, &from);
	assert_non_null(e);
	pkt_free(p);
	rig_give(&r, e);
	rig_nothing(&r);
	assert_int_equal(r.drops.n[DROP_ICMP_NO_FLOW], 1);
	stack_stats(r.s, &st);
	assert_int_equal(st.icmp_errors_in, 0);
}

/* One about a mapping lowers the path MTU: later datagrams are fragmented. */
static void test_too_big(void **state)
{
	static uint8_t buf[1400];
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	struct ipaddr router = A("10.9.0.99");
	struct gust_pkt *p, *e;
	uint16_t port;
	int fd = host_sock(SOCK_DGRAM, "127.0.0.1", &port);

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	rig_turn(&r, 0);
	assert_int_equal(
		recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &n), 1);
	assert_int_equal(
		sendto(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, n), 1400);
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(p->len, 1428);
	pkt_csum_complete(p);
	e = icmp_error_new(r.pool, p, ICMP_E_TOO_BIG, 1000, &router);
	assert_non_null(e);
	pkt_free(p);
	rig_give(&r, e);
	assert_int_equal(
		sendto(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, n), 1400);
	for (int i = 0; i < 2; i++) {
		p = rig_take(&r);
		assert_non_null(p);
		assert_true(p->len <= 1000);
		pkt_free(p);
	}
	rig_nothing(&r);
	close(fd);
}

/* RFC 8201 4: one about a datagram that the mapping cannot have had is no news. */
static void test_too_big_stranger(void **state)
{
	struct ipaddr router = A("10.9.0.99"), in = A(T_IN4);
	uint8_t buf[1400] = { 0 };

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, 9, "x", 1, 0));
	rig_turn(&r, 0);
	pkt_batch_free(&r.out);
	for (int i = 0; i < 3; i++) {
		const char *src = i ? T_OWN4 : "203.0.113.5";
		struct gust_pkt *e,
			*p = udp_pkt(&r, src, 9, T_IN4, i == 1 ? 5001 : 5000, buf,
				     sizeof(buf), 0);

		e = icmp_error_new(r.pool, p, ICMP_E_TOO_BIG, 1000, &router);
		assert_non_null(e);
		pkt_free(p);
		rig_give(&r, e);
		assert_int_equal(r.drops.n[DROP_ICMP_NO_FLOW], i ? 2 : 1);
		assert_int_equal(stack_mtu(r.s, &in), i == 2 ? 1000 : 1500);
	}
}

/* A published port's flow has one remote, port included. */
static void test_too_big_published(void **state)
{
	struct ipaddr router = A("10.9.0.99"), in = A(T_IN4);
	struct stack_publish *pub = &r.snap.publish[0];
	uint8_t buf[1400] = { 0 };
	char err[100];
	uint16_t port;
	int fd = host_sock(SOCK_DGRAM, "127.0.0.1", &port), cl;

	close(fd);
	r.snap.n_publish = 1;
	*pub = (struct stack_publish){ .proto = IPPROTO_UDP,
				       .listen = A("127.0.0.1"),
				       .listen_port = port,
				       .to = in,
				       .to_port = 53 };
	assert_int_equal(stack_publish(r.s, err, sizeof(err)), 0);
	cl = host_connect(SOCK_DGRAM, "127.0.0.1", port);
	assert_int_equal(send(cl, buf, sizeof(buf), 0), sizeof(buf));
	for (int i = 0; i < 2; i++) {
		struct gust_pkt *e, *p = i ? rig_take(&r) :
					     udp_pkt(&r, T_OWN4, 1, T_IN4, 53, buf,
						     sizeof(buf), 0);

		assert_non_null(p);
		e = icmp_error_new(r.pool, p, ICMP_E_TOO_BIG, 1000, &router);
		assert_non_null(e);
		pkt_free(p);
		rig_give(&r, e);
		assert_int_equal(r.drops.n[DROP_ICMP_NO_FLOW], 1);
		assert_int_equal(stack_mtu(r.s, &in), i ? 1000 : 1500);
	}
	close(cl);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_own),
		T(test_linklocal),
		T(test_raw),
		T(test_datagram),
		T(test_same_id),
		T(test_tos_raw),
		T(test_tos_datagram),
		T(test_no_route),
		T(test_ttl_one),
		T(test_limit),
		T(test_error_no_flow),
		T(test_too_big),
		T(test_too_big_stranger),
		T(test_too_big_published),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
