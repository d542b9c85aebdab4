/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_udp.c - mappings, superpackets both ways, errors, filters, limits
 */
#include "relay_udp.h"

static void test_there_and_back(void **state)
{
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint8_t b[64];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "hello", 5, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 5);
	assert_memory_equal(b, "hello", 5);
	back(sock, &from, "world!", 6);
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, T_OWN4, T_IN4);
	check_ports(p, port, 5000);
	assert_int_equal(p->gso_size, 0);
	assert_int_equal(pkt_payload_copy(p, 0, b, sizeof(b)), 6);
	assert_memory_equal(b, "world!", 6);
	pkt_free(p);
	/* Datagrams without a byte are datagrams. */
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "", 0, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 0);
	back(sock, &from, "", 0);
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(p->len, 28);
	pkt_free(p);
	assert_int_equal(stats().udp_flows, 1);
	assert_int_equal(stats().udp_opened, 1);
}

static void test_six(void **state)
{
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint16_t port6;
	uint8_t b[64];
	int fd = host_sock(SOCK_DGRAM, "::1", &port6);

	rig_give(&r, udp_pkt(&r, T_IN6, 5000, T_OWN6, port6, "hello", 5, 0));
	assert_int_equal(host_recv(fd, b, sizeof(b), &from, NULL), 5);
	back(fd, &from, "world!", 6);
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, T_OWN6, T_IN6);
	check_ports(p, port6, 5000);
	pkt_free(p);
	close(fd);
}

/* RFC 4787 REQ-1: one mapping, whoever it talks to. */
static void test_endpoint_independent(void **state)
{
	struct sockaddr_storage a, b2;
	uint16_t port2;
	uint8_t b[16];
	int fd = host_sock(SOCK_DGRAM, "127.0.0.1", &port2);

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "1", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port2, "2", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &a, NULL), 1);
	assert_int_equal(b[0], '1');
	assert_int_equal(host_recv(fd, b, sizeof(b), &b2, NULL), 1);
	assert_int_equal(b[0], '2');
	assert_int_equal(ss_port(&a), ss_port(&b2));
	/* another inside port is another mapping */
	rig_give(&r, udp_pkt(&r, T_IN4, 5001, T_OWN4, port, "3", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &b2, NULL), 1);
	assert_int_not_equal(ss_port(&a), ss_port(&b2));
	assert_int_equal(stats().udp_flows, 2);
	close(fd);
}

/* A USO superpacket is one send; sizes arrive as they were. */
static void test_superpacket_up(void **state)
{
	static uint8_t buf[61000], got[65536];
	int on = 1, g = 0;

	pattern_fill(buf, 0, sizeof(buf));
	setsockopt(sock, SOL_UDP, UDP_GRO, &on, sizeof(on));
	rig_give(&r,
		 udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 1000));
	assert_int_equal(host_recv(sock, got, sizeof(got), NULL, &g), sizeof(buf));
	assert_int_equal(g, 1000);
	assert_memory_equal(buf, got, sizeof(buf));
	assert_int_equal(stats().udp_gso_sends, 1);
	assert_int_equal(stats().host_out_bytes, sizeof(buf));
}

/* More segments than one send may carry: cut on a boundary. */
static void test_superpacket_many(void **state)
{
	static uint8_t buf[20050], got[65536];
	size_t sum = 0;

	pattern_fill(buf, 0, sizeof(buf));
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 100));
	while (sum < sizeof(buf)) {
		ssize_t n = host_recv(sock, got, sizeof(got), NULL, NULL);

		assert_int_equal(n, sizeof(buf) - sum < 100 ? 50 : 100);
		assert_memory_equal(got, buf + sum, n);
		sum += n;
	}
	assert_int_equal(stats().udp_gso_sends, 4); /* 201 segments, 64 a send */
}

/* A datagram that its sender wanted fragmented (UFO) is one datagram. */
static void test_ufo_up(void **state)
{
	static uint8_t buf[20000], got[65536];
	struct gust_pkt *p;
	int on = 1, g = 0;

	pattern_fill(buf, 0, sizeof(buf));
	setsockopt(sock, SOL_UDP, UDP_GRO, &on, sizeof(on));
	p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 1480);
	p->gso_type = GUST_GSO_UFO;
	rig_give(&r, p);
	assert_int_equal(host_recv(sock, got, sizeof(got), NULL, &g), sizeof(buf));
	assert_int_equal(g, 0);
	assert_memory_equal(buf, got, sizeof(buf));
	assert_int_equal(stats().udp_gso_sends, 0);
}

/* Plain datagrams of one batch share a send, and stay datagrams. */
static void test_gather(void **state)
{
	static const uint16_t size[] = { 500, 500, 500, 200, 500, 700, 0, 500 };
	uint8_t buf[700], got[2000];

	pattern_fill(buf, 0, sizeof(buf));
	for (unsigned i = 0; i < 8; i++)
		rig_give(&r,
			 udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, size[i], 0));
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(host_recv(sock, got, sizeof(got), NULL, NULL),
				 size[i]);
		assert_memory_equal(got, buf, size[i]);
	}
	assert_int_equal(stats().udp_gso_sends, 1); /* 500 500 500 200 */
}

/* UDP_GRO and neighbours of equal size enter as superpackets. */
static void test_superpacket_down(void **state)
{
	static uint8_t buf[30000], got[30000];
	_Alignas(struct cmsghdr) uint8_t ctl[CMSG_SPACE(2)] = { 0 };
	struct sockaddr_storage from;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(struct sockaddr_in),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint16_t g = 1300;
	struct gust_pkt *p;

	pattern_fill(buf, 0, sizeof(buf));
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &from, NULL), 1);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(g));
	memcpy(CMSG_DATA(c), &g, sizeof(g));
	assert_int_equal(sendmsg(sock, &m, 0), sizeof(buf));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(p->gso_size, 1300);
	assert_int_equal(p->gso_type, GUST_GSO_UDP4);
	assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)), sizeof(got));
	assert_memory_equal(buf, got, sizeof(buf));
	pkt_free(p);
	assert_int_equal(stats().udp_gro_recvs, 1);
	/* Five plain ones, then a shorter one that ends the run, then another. */
	for (int i = 0; i < 5; i++)
		back(sock, &from, buf + i * 400, 400);
	back(sock, &from, buf + 2000, 100);
	back(sock, &from, buf + 2100, 400);
	p = rig_take(&r);
	assert_int_equal(p->gso_size, 400);
	assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)), 2100);
	assert_memory_equal(buf, got, 2100);
	pkt_free(p);
	p = rig_take(&r);
	assert_int_equal(p->gso_size, 0);
	assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)), 400);
	assert_memory_equal(buf + 2100, got, 400);
	pkt_free(p);
	rig_nothing(&r);
}

/* Larger than the link: IP fragments, which together are the datagram. */
static void test_large_down(void **state)
{
	static uint8_t buf[5000], got[5000];
	struct sockaddr_storage from;
	struct reasm *re = reasm_new(r.pool, &(struct reasm_conf){ 0 });
	struct gust_pkt *p, *whole = NULL;
	unsigned n = 0;

	pattern_fill(buf, 0, sizeof(buf));
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &from, NULL), 1);
	back(sock, &from, buf, sizeof(buf));
	while (!whole) {
		p = rig_take(&r);
		assert_non_null(p);
		assert_true(p->len <= 1500);
		n++;
		assert_int_equal(reasm_input(re, redissect(&r, p), &r.env, &whole),
				 DROP_NONE);
	}
	assert_int_equal(n, 4);
	whole->need = 0;
	assert_true(pkt_csum_verify(whole));
	check_ports(whole, port, 5000);
	assert_int_equal(pkt_payload_copy(whole, 0, got, sizeof(got)), sizeof(got));
	assert_memory_equal(buf, got, sizeof(buf));
	pkt_free(whole);
	reasm_free(re);
}

/* And what the inside fragments arrives in one piece. */
static void test_large_up(void **state)
{
	static uint8_t buf[5000], got[6000];
	struct gust_batch b;
	struct gust_pkt *p;

	pattern_fill(buf, 0, sizeof(buf));
	p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 0);
	pkt_csum_complete(p);
	p->need = 0;
	gust_batch_init(&b);
	assert_int_equal(ip_fragment(p, 1500, 77, &b), 0);
	assert_int_equal(b.n, 4);
	while ((p = gust_batch_pop(&b)))
		rig_give(&r, redissect(&r, p));
	assert_int_equal(host_recv(sock, got, sizeof(got), NULL, NULL),
			 sizeof(buf));
	assert_memory_equal(buf, got, sizeof(buf));
	assert_int_equal(stats().reasm_ok, 1);
}

static void test_reasm_time(void **state)
{
	static uint8_t buf[3000];
	struct gust_pkt *p =
		udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 0);
	struct gust_batch b;

	pkt_csum_complete(p);
	gust_batch_init(&b);
	assert_int_equal(ip_fragment(p, 1500, 78, &b), 0);
	p = gust_batch_pop(&b);
	pkt_batch_free(&b);
	rig_give(&r, redissect(&r, p));
	rig_nothing(&r);
	r.skew_us += 31000000;
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_TIME_EXCEEDED, 1);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_FRAG_TIMEOUT], 1);
}

/* The host refuses: the inside is told about its own datagram. */
static void port_unreachable(const char *src, const char *own, uint8_t kind,
			     uint8_t type, uint8_t code)
{
	unsigned ip = kind == GUST_L_ICMP ? 20 : 40;
	struct gust_pkt *p;
	uint8_t q[64];

	rig_give(&r, udp_pkt(&r, src, 5000, own, 1, "probe", 5, 0));
	p = rig_take(&r);
	check_icmp(p, kind, type, code);
	check_addrs(p, own, src);
	assert_true(pkt_payload_copy(p, ip, q, 13) == 13);
	assert_int_equal(get16(q), 5000);
	assert_int_equal(get16(q + 2), 1);
	assert_memory_equal(q + 8, "probe", 5);
	pkt_free(p);
	/* and the next datagram is not lost to the pending error */
	rig_give(&r, udp_pkt(&r, src, 5000, own, 2, "probe", 5, 0));
	p = rig_take(&r);
	check_icmp(p, kind, type, code);
	pkt_free(p);
	rig_nothing(&r);
	assert_int_equal(r.drops.n[DROP_HOST_ERROR], 0);
}

static void test_port_unreachable4(void **state)
{
	port_unreachable(T_IN4, T_OWN4, GUST_L_ICMP, ICMP4_UNREACH,
			 ICMP4_UNREACH_PORT);
}

static void test_port_unreachable6(void **state)
{
	port_unreachable(T_IN6, T_OWN6, GUST_L_ICMP6, ICMP6_UNREACH,
			 ICMP6_UNREACH_PORT);
}

static void test_net_unreachable(void **state)
{
	struct gust_pkt *p;

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, "203.0.113.9", 1, "probe", 5, 0));
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_NET);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_HOST_ERROR], 1);
}

static void test_ttl_one(void **state)
{
	struct gust_pkt *p =
		udp_pkt(&r, T_IN4, 5000, "203.0.113.9", 33434, "x", 1, 0);
	uint8_t b[8];

	p->head[8] = 1;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_TIME_EXCEEDED, 0);
	check_addrs(p, T_OWN4, T_IN4);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_TTL], 1);
	/* towards the stack itself it suffices */
	p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0);
	p->head[8] = 1;
	rig_give(&r, p);
	assert_int_equal(host_recv(sock, b, sizeof(b), NULL, NULL), 1);
}

static void lo_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = mtu };

	assert_int_equal(ioctl(sock, SIOCSIFMTU, &ifr), 0);
}

/* "Don't fragment" meets a small path: the inside is told its MTU. */
static void test_df(void **state)
{
	static uint8_t buf[1400];
	struct gust_pkt *p =
		udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 0);

	lo_mtu(1280);
	p->head[6] |= 0x40;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_FRAG_NEEDED);
	assert_int_equal(get16(l4_of(p) + 6), 1280);
	pkt_free(p);
	assert_int_equal(r.drops.n[DROP_TOO_BIG], 1);
	/* a superpacket whose segments do not fit is told so, too */
	p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, 1400, 1300);
	p->head[6] |= 0x40;
	rig_give(&r, p);
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_FRAG_NEEDED);
	pkt_free(p);
	assert_int_equal(host_recv(sock, buf, sizeof(buf), NULL, NULL), 100);
	/* without the bit the host fragments */
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 0));
	assert_int_equal(host_recv(sock, buf, sizeof(buf), NULL, NULL),
			 sizeof(buf));
	rig_nothing(&r);
	lo_mtu(65536);
}

static struct gust_pkt *handed;
static unsigned handed_to;

static void take_over(void *ctx, struct gust_pkt *p, unsigned worker)
{
	handed = p;
	handed_to = worker;
}

/* A reassembled datagram belongs to whom its ports say. */
static void test_handoff(void **state)
{
	static uint8_t buf[3000];
	struct flow_key k = { .in = A(T_IN4),
			      .in_port = 5000,
			      .proto = IPPROTO_UDP };
	unsigned owner;
	struct gust_batch b;
	struct gust_pkt *p;

	r.s->nworkers = 2;
	r.s->io.handoff = take_over;
	owner = flow_owner(flow_key_hash(&r.secret, &k), 2);
	for (unsigned w = 0; w < 2; w++) {
		r.s->worker = w;
		handed = NULL;
		p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, sizeof(buf), 0);
		pkt_csum_complete(p);
		gust_batch_init(&b);
		assert_int_equal(ip_fragment(p, 1500, 90 + w, &b), 0);
		while ((p = gust_batch_pop(&b)))
			rig_give(&r, redissect(&r, p));
		assert_int_equal(handed != NULL, w != owner);
		if (!handed)
			continue;
		assert_int_equal(handed_to, owner);
		assert_int_equal(pkt_payload_len(handed), sizeof(buf));
		pkt_free(handed);
	}
	assert_int_equal(stats().udp_flows, 1);
}

/* A stranger's datagram: by address, unless configured otherwise. */
static void test_filter(void **state)
{
	struct sockaddr_storage from;
	struct sockaddr_in sa;
	struct gust_pkt *p;
	uint16_t port2;
	uint8_t b[8];
	int fd;

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 1);
	fd = host_sock(SOCK_DGRAM, "127.0.0.9", &port2);
	memcpy(&sa, &from, sizeof(sa));
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, "y", 1, 0, (struct sockaddr *)&sa, sizeof(sa)),
			 1);
	rig_nothing(&r);
	assert_int_equal(r.drops.n[DROP_UDP_FILTER], 1);
	r.snap.udp_filter_endpoint = true;
	assert_int_equal(sendto(fd, "y", 1, 0, (struct sockaddr *)&sa, sizeof(sa)),
			 1);
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, T_OWN4, T_IN4);
	check_ports(p, port2, 5000);
	pkt_free(p);
	close(fd);
}

/* RFC 7857 7: with endpoint-independent filtering anybody refreshes. */
static void test_stranger_refresh(void **state)
{
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint16_t port2;
	uint8_t b[8];
	int fd = host_sock(SOCK_DGRAM, "127.0.0.9", &port2);

	r.snap.udp_filter_endpoint = true;
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 1);
	r.skew_us += 110000000;
	((struct sockaddr_in *)&from)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	back(fd, &from, "y", 1);
	p = rig_take(&r);
	assert_non_null(p);
	pkt_free(p);
	r.skew_us += 250000000; /* 360 s after what the inside sent */
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 1);
	close(fd);
}

static void test_peers(void **state)
{
	struct udp_flow u = { 0 };
	struct ipaddr a = A("192.0.2.0");

	for (unsigned i = 0; i < 1000; i++) {
		put32(a.b + 12, 0x0a000000 + i * 7);
		assert_false(udp_peer_has(&u, &a));
		udp_peer_add(&u, &a);
		udp_peer_add(&u, &a);
		assert_true(udp_peer_has(&u, &a));
	}
	for (unsigned i = 0; i < 1000; i++) {
		put32(a.b + 12, 0x0a000000 + i * 7);
		assert_true(udp_peer_has(&u, &a));
	}
	assert_int_equal(u.peers.n, 1000);
	/* Beyond the bound the newest is known, memory does not grow. */
	for (unsigned i = 0; i < 5000; i++) {
		put32(a.b + 12, 0x0b000000 + i);
		udp_peer_add(&u, &a);
		assert_true(udp_peer_has(&u, &a));
	}
	assert_true(u.peers.cap <= 2 * PEERS_MAX);
	free(u.peers.tab);
}

static void test_max_udp(void **state)
{
	r.snap.max_udp = 2;
	for (int i = 0; i < 4; i++)
		rig_give(&r, udp_pkt(&r, T_IN4, 5000 + i, T_OWN4, port, "x", 1, 0));
	assert_int_equal(stats().udp_flows, 2);
	assert_int_equal(r.drops.n[DROP_FLOW_LIMIT], 2);
}

/* RFC 4787 REQ-5, 6 */
static void test_timeout(void **state)
{
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint8_t b[8];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 1);
	r.skew_us += 119000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 1);
	back(sock, &from, "y", 1);
	p = rig_take(&r);
	assert_non_null(p);
	pkt_free(p);
	r.skew_us += 290000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 1);
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	rig_turn(&r, 0);
	r.skew_us += 299000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 1);
	r.skew_us += 2000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 0);
	assert_int_equal(r.n_fds, 0);
}

/* A socket that takes nothing: a bounded queue, then a counted drop. */
static void test_queue(void **state)
{
	static uint8_t buf[60000];
	struct udp_flow *u;
	struct flow_key k;
	struct gust_pkt *p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf, 1, 0);

	assert_int_equal(flow_key_of(p, &k), 0);
	rig_give(&r, p);
	rig_turn(&r, 0);
	u = container_of(stack_find(r.s, &k), struct udp_flow, f);
	u->sk[0].wr = false; /* as after EAGAIN */
	for (int i = 0; i < 6; i++)
		rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, buf,
				     sizeof(buf), 1000));
	assert_int_equal(r.drops.n[DROP_UDP_QUEUE], 120); /* two of 60 datagrams */
	assert_true(u->tx_bytes <= UDP_QUEUE_MAX);
	u->sk[0].sf.ready(&u->sk[0].sf, STACK_FD_WRITE);
	rig_turn(&r, 0);
	assert_int_equal(u->tx_bytes, 0);
	assert_int_equal(stats().host_out_bytes, 1 + 4 * sizeof(buf));
}

/* Many destinations, many mappings, at random; everything comes back. */
static void test_churn(void **state)
{
	uint8_t b[2000] = { 0 };

	for (int i = 0; i < 2000; i++) {
		uint16_t in = 6000 + rng_below(&r.rng, 50);

		rig_give(&r,
			 udp_pkt(&r, T_IN4, in, T_OWN4, port + rng_below(&r.rng, 2),
				 b, rng_below(&r.rng, 1400), 0));
		if (!rng_below(&r.rng, 20))
			rig_turn(&r, 0);
		pkt_batch_free(&r.out);
		while (recv(sock, b, sizeof(b), 0) >= 0)
			;
	}
	rig_turn(&r, 0);
	pkt_batch_free(&r.out);
	assert_int_equal(stats().udp_flows, 50);
	r.skew_us += 600000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_there_and_back),
		T(test_six),
		T(test_endpoint_independent),
		T(test_superpacket_up),
		T(test_superpacket_many),
		T(test_ufo_up),
		T(test_gather),
		T(test_superpacket_down),
		T(test_large_down),
		T(test_large_up),
		T(test_reasm_time),
		T(test_port_unreachable4),
		T(test_port_unreachable6),
		T(test_net_unreachable),
		T(test_ttl_one),
		T(test_df),
		T(test_handoff),
		T(test_filter),
		T(test_stranger_refresh),
		T(test_peers),
		T(test_max_udp),
		T(test_timeout),
		T(test_queue),
		T(test_churn),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
