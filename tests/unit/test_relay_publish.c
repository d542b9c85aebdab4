/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_publish.c - from the host's side to servers of the inside
 */
#include <netinet/tcp.h>

#include "relay_peer.h"

static struct rig r;
static struct inside in;
static uint16_t port; /* one that is free on the host */

static void publish(uint8_t proto, const char *listen_at, const char *to,
		    uint16_t to_port)
{
	struct stack_publish *p = &r.snap.publish[r.snap.n_publish++];
	char err[200] = "";

	memset(p, 0, sizeof(*p));
	p->proto = proto;
	p->listen = A(listen_at);
	p->listen_port = port;
	p->to = A(to);
	p->to_port = to_port;
	if (stack_publish(r.s, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static struct stack_stats stats(void)
{
	struct stack_stats st;

	stack_stats(r.s, &st);
	return st;
}

static int begin(void **state)
{
	int fd = host_sock(SOCK_STREAM, "127.0.0.1", &port);

	close(fd);
	rig_init(&r);
	inside_init(&in, &r);
	return 0;
}

static int end(void **state)
{
	inside_fini(&in);
	rig_fini(&r);
	return 0;
}

static void tcp_both_ways(const char *host, const char *to, const char *own)
{
	struct ipaddr own_addr = A(own), to_addr = A(to);
	struct stack_flow_report rep;
	uint32_t pos = 0;
	uint8_t b[16];
	int fd;

	publish(IPPROTO_TCP, host, to, 8080);
	in.listening = true;
	fd = host_connect(SOCK_STREAM, host, port);
	/* Data that comes before the inside has answered is not lost. */
	assert_int_equal(send(fd, "early", 5, 0), 5);
	UNTIL(&in, in.n == 1 && tcp_readable(in.t[0]) == 5);
	assert_int_equal(inside_read(&in, 0, b, 16), 5);
	assert_memory_equal(b, "early", 5);
	/* The host's loopback is seen as an own address. */
	assert_memory_equal(&in.t[0]->remote, &own_addr, 16);
	assert_memory_equal(&in.t[0]->local, &to_addr, 16);
	assert_int_equal(in.t[0]->lport, 8080);
	inside_send(&in, 0, "answer", 6);
	for (int i = 0; i < 100 && recv(fd, b, 16, MSG_PEEK) < 6; i++)
		inside_step(&in, 1);
	assert_int_equal(recv(fd, b, 16, 0), 6);
	assert_memory_equal(b, "answer", 6);
	assert_int_equal(stack_report(r.s, &pos, &rep, 1, &r.env), 1);
	assert_string_equal(rep.kind, "publish");
	tcp_shutdown(in.t[0], &r.env);
	for (int i = 0; i < 100 && recv(fd, b, 16, MSG_PEEK) < 0; i++)
		inside_step(&in, 1);
	assert_int_equal(recv(fd, b, 16, 0), 0);
	close(fd);
	UNTIL(&in, !stack_flows(r.s));
	assert_true(in.ev[0] & TCP_EV_EOF);
}

static void test_tcp4(void **state)
{
	tcp_both_ways("127.0.0.1", T_IN4, T_OWN4);
}

static void test_tcp6(void **state)
{
	tcp_both_ways("::1", T_IN6, T_OWN6);
}

/* Across families the client becomes an own address of the inside's family. */
static void test_tcp64(void **state)
{
	tcp_both_ways("::1", T_IN4, T_OWN4);
}

static void test_tcp_refused(void **state)
{
	struct gust_pkt *rst;
	uint8_t b;
	int fd;

	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	fd = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.other.n == 1); /* the SYN that nobody takes */
	rst = tcp_reset_for(r.pool, in.other.first, &r.snap.to_inside);
	assert_non_null(rst);
	rig_give(&r, rst);
	UNTIL(&in, !stack_flows(r.s));
	assert_int_equal(recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

/* Nobody on the link answers for the server: the client hears of it at once. */
static void test_tcp_unreachable(void **state)
{
	struct tcp_hdr h = { .sport = 1, .dport = 8080, .flags = TCP_SYN };
	struct gust_batch failed;
	uint8_t b;
	int fd;

	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	fd = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.other.n == 1);
	/* others first: of no flow, no TCP, no transport at all */
	gust_batch_init(&failed);
	gust_batch_push(&failed, tcp_pkt(&r, T_OWN4, T_IN4, &h));
	gust_batch_push(&failed, udp_pkt(&r, T_OWN4, 1, T_IN4, 8080, "x", 1, 0));
	gust_batch_push(&failed, echo_pkt(&r, T_OWN4, T_IN4, 1, 1, "x", 1));
	stack_unreachable(r.s, &failed, &r.env);
	assert_int_equal(failed.n, 0);
	assert_int_equal(stack_flows(r.s), 1);
	assert_int_equal(recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	/* the SYN, twice: it was repeated while the neighbour was asked for */
	gust_batch_push(&failed, pkt_clone(r.pool, in.other.first));
	gust_batch_splice(&failed, &in.other);
	stack_unreachable(r.s, &failed, &r.env);
	assert_int_equal(failed.n, 0);
	assert_int_equal(stack_flows(r.s), 0);
	assert_int_equal(recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	rig_nothing(&r);
}

/* RFC 1122 4.2.3.9: an open connection outlives such news. */
static void test_tcp_unreachable_soft(void **state)
{
	struct tcp_hdr h = { .sport = 0, .dport = 8080, .flags = TCP_ACK };
	struct gust_batch failed;
	uint8_t b;
	int fd;

	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	in.listening = true;
	fd = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.n == 1 && in.ev[0] & TCP_EV_ESTABLISHED);
	UNTIL(&in, !stats().tcp_half_open);
	h.sport = in.t[0]->rport;
	gust_batch_init(&failed);
	gust_batch_push(&failed, tcp_pkt(&r, T_OWN4, T_IN4, &h));
	stack_unreachable(r.s, &failed, &r.env);
	assert_int_equal(stack_flows(r.s), 1);
	assert_int_equal(send(fd, "a", 1, 0), 1);
	UNTIL(&in, tcp_readable(in.t[0]) == 1);
	assert_int_equal(inside_read(&in, 0, &b, 1), 1);
	close(fd);
}

/* A client that gives up before the inside answers. */
static void test_tcp_client_gone(void **state)
{
	struct linger l = { 1, 0 };
	int fd;

	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	fd = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.other.n == 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
	UNTIL(&in, !stack_flows(r.s));
}

/* The port is chosen so that the answers come to this worker. */
static void test_tcp_owner(void **state)
{
	struct gust_pkt *p;
	int fd[16];

	inside_fini(&in);
	rig_fini(&r);
	memset(&r, 0, sizeof(r));
	rig_snap(&r.snap);
	rig_start(&r, 1, 3);
	inside_init(&in, &r);
	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	for (int i = 0; i < 16; i++)
		fd[i] = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.other.n == 16);
	while ((p = gust_batch_pop(&in.other))) {
		struct flow_key k = { .in = A(T_IN4),
				      .out = A(T_OWN4),
				      .in_port = 8080,
				      .out_port = get16(l4_of(p)),
				      .proto = IPPROTO_TCP };

		assert_int_equal(flow_owner(flow_key_hash(&r.secret, &k), 3), 1);
		pkt_free(p);
	}
	for (int i = 0; i < 16; i++)
		close(fd[i]);
}

static void test_port_in_use(void **state)
{
	struct stack_publish *p = &r.snap.publish[0];
	uint16_t used;
	int fd = host_sock(SOCK_STREAM, "127.0.0.1", &used);
	char err[200] = "", want[64];

	r.snap.n_publish = 1;
	*p = (struct stack_publish){ .proto = IPPROTO_TCP,
				     .listen = A("127.0.0.1"),
				     .listen_port = used,
				     .to = A(T_IN4),
				     .to_port = 1 };
	assert_int_equal(stack_publish(r.s, err, sizeof(err)), -EADDRINUSE);
	snprintf(want, sizeof(want), "127.0.0.1 port %u", used);
	assert_non_null(strstr(err, want));
	close(fd);
}

/* The relay's sockets have the congestion control that was configured, also those
 * of clients; one that the system does not have is reported. */
static void test_congestion(void **state)
{
	char name[16] = "";
	socklen_t n = sizeof(name);
	int fd;

	strcpy(r.snap.congestion, "reno"); /* always there */
	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	assert_int_equal(getsockopt(r.s->listen[0]->sf.fd, IPPROTO_TCP,
				    TCP_CONGESTION, name, &n),
			 0);
	assert_string_equal(name, "reno");
	assert_int_equal(stats().cc_refused, 0);
	strcpy(r.snap.congestion, "no-such-one");
	fd = hostsock_tcp(r.s, &r.snap.local[0]);
	assert_true(fd >= 0); /* served all the same */
	close(fd);
	assert_int_equal(stats().cc_refused, 1);
}

static void test_max_flows(void **state)
{
	uint8_t b;
	int fd[3];

	r.snap.max_flows = 2;
	publish(IPPROTO_TCP, "127.0.0.1", T_IN4, 8080);
	for (int i = 0; i < 3; i++)
		fd[i] = host_connect(SOCK_STREAM, "127.0.0.1", port);
	UNTIL(&in, in.other.n == 2);
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 1);
	assert_int_equal(recv(fd[2], &b, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

/* ---- UDP ---- */

static void udp_both_ways(const char *host, const char *to, const char *own)
{
	int a, b, n;
	struct gust_pkt *p, *q;
	uint16_t pa, pb;
	uint8_t buf[16];

	publish(IPPROTO_UDP, host, to, 53);
	a = host_connect(SOCK_DGRAM, host, port);
	b = host_connect(SOCK_DGRAM, host, port);
	assert_int_equal(send(a, "from a", 6, 0), 6);
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, own, to);
	pa = get16(l4_of(p));
	assert_int_equal(get16(l4_of(p) + 2), 53);
	assert_int_equal(send(b, "from b", 6, 0), 6);
	q = rig_take(&r);
	assert_non_null(q);
	pb = get16(l4_of(q));
	assert_int_not_equal(pa, pb); /* distinct peers */
	pkt_free(p);
	pkt_free(q);
	rig_give(&r, udp_pkt(&r, to, 53, own, pb, "to b", 4, 0));
	rig_give(&r, udp_pkt(&r, to, 53, own, pa, "to a", 4, 0));
	rig_turn(&r, 0);
	n = recv(a, buf, sizeof(buf), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "to a", 4);
	n = recv(b, buf, sizeof(buf), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "to b", 4);
	/* Elsewhere it is a mapping like any other. */
	rig_give(&r, udp_pkt(&r, to, 53, own, 1, "x", 1, 0));
	rig_turn(&r, 0);
	assert_int_equal(stack_flows(r.s), 3);
	close(a);
	close(b);
	r.skew_us += 600000000;
	rig_turn(&r, 0);
	pkt_batch_free(&r.out);
	assert_int_equal(stack_flows(r.s), 0);
	assert_int_equal(r.n_fds, 1); /* the published one stays */
}

static void test_udp4(void **state)
{
	udp_both_ways("127.0.0.1", T_IN4, T_OWN4);
}

static void test_udp6(void **state)
{
	udp_both_ways("::1", T_IN6, T_OWN6);
}

/* Two remotes whose ports collide behind one own address. */
static void test_udp_collision(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t pa, ports[2];
	struct gust_pkt *p;
	uint8_t buf[8];
	int a = host_sock(SOCK_DGRAM, "127.0.0.5", &pa), b;
	struct sockaddr_in sb = { .sin_family = AF_INET, .sin_port = htons(pa) };

	publish(IPPROTO_UDP, "127.0.0.1", T_IN4, 53);
	b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	sb.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 9);
	assert_int_equal(bind(b, (struct sockaddr *)&sb, sizeof(sb)), 0);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 2; i++) {
			assert_int_equal(sendto(i ? b : a, "x", 1, 0,
						(struct sockaddr *)&to, sizeof(to)),
					 1);
			p = rig_take(&r);
			assert_non_null(p);
			if (!round)
				ports[i] = get16(l4_of(p));
			assert_int_equal(get16(l4_of(p)), ports[i]);
			pkt_free(p);
		}
	assert_int_not_equal(ports[0], ports[1]);
	assert_int_equal(stack_flows(r.s), 2);
	rig_give(&r, udp_pkt(&r, T_IN4, 53, T_OWN4, ports[1], "to b", 4, 0));
	rig_turn(&r, 0);
	assert_int_equal(recv(b, buf, sizeof(buf), 0), 4);
	assert_int_equal(recv(a, buf, sizeof(buf), 0), -1);
	close(a);
	close(b);
}

/* Only the worker that owns the inside's address and port opens the socket. */
static void test_udp_owner(void **state)
{
	struct flow_key k = { .in = A(T_IN4), .in_port = 53, .proto = IPPROTO_UDP };
	unsigned owner = flow_owner(flow_key_hash(&r.secret, &k), 4), open = 0;

	for (unsigned w = 0; w < 4; w++) {
		inside_fini(&in);
		rig_fini(&r);
		memset(&r, 0, sizeof(r));
		rig_snap(&r.snap);
		rig_start(&r, w, 4);
		inside_init(&in, &r);
		publish(IPPROTO_UDP, "127.0.0.1", T_IN4, 53);
		open += r.n_fds;
		assert_int_equal(r.n_fds, w == owner);
	}
	assert_int_equal(open, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_tcp4),
		T(test_tcp6),
		T(test_tcp64),
		T(test_tcp_refused),
		T(test_tcp_unreachable),
		T(test_tcp_unreachable_soft),
		T(test_tcp_client_gone),
		T(test_tcp_owner),
		T(test_port_in_use),
		T(test_congestion),
		T(test_max_flows),
		T(test_udp4),
		T(test_udp6),
		T(test_udp_collision),
		T(test_udp_owner),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
