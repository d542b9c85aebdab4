/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_udp_fields.c - what of a datagram's header is carried across: TTL, TOS
 * and ECN, identifications; hairpins and errors that leave a mapping alone
 */
#include "relay_udp.h"

/* TTL and TOS reach the host's network. */
static void test_ttl_tos(void **state)
{
	_Alignas(struct cmsghdr) uint8_t ctl[128];
	uint8_t b[8];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl };
	struct gust_pkt *p = udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0);
	int on = 1, ttl = 0, tos = 0;
	ssize_t n = -1;

	setsockopt(sock, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(sock, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	p->head[8] = 9;
	p->head[1] = 0xba; /* EF, ECT(0) */
	rig_give(&r, p);
	for (int i = 0; i < 100 && n < 0; i++) {
		rig_turn(&r, 2);
		m.msg_controllen = sizeof(ctl);
		n = recvmsg(sock, &m, 0);
	}
	assert_int_equal(n, 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_TTL)
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
		if (c->cmsg_type == IP_TOS)
			tos = *CMSG_DATA(c);
	}
	assert_int_equal(ttl, 8);
	assert_int_equal(tos, 0xba);
}

/* DSCP and ECN of what comes from outside, per datagram: those that differ do not
 * share a superpacket. */
static void test_tos_in(void **state)
{
	static const uint8_t tos[] = { 0x00, 0xba, 0xba, 0xbb };
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint8_t b[8];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 1);
	for (unsigned i = 0; i < 4; i++) {
		int v = tos[i];

		assert_int_equal(
			setsockopt(sock, IPPROTO_IP, IP_TOS, &v, sizeof(v)), 0);
		back(sock, &from, "yyyy", 4);
	}
	for (unsigned i = 0; i < 4; i += i == 1 ? 2 : 1) {
		p = rig_take(&r);
		assert_non_null(p);
		assert_int_equal(pkt_tos(p), tos[i]);
		assert_int_equal(pkt_payload_len(p), i == 1 ? 8 : 4);
		pkt_free(p);
	}
	rig_nothing(&r);
}

static void test_tos_in6(void **state)
{
	struct sockaddr_storage from;
	struct gust_pkt *p;
	uint16_t port6;
	uint8_t b[8];
	int fd = host_sock(SOCK_DGRAM, "::1", &port6), v = 0xba;

	rig_give(&r, udp_pkt(&r, T_IN6, 5000, T_OWN6, port6, "x", 1, 0));
	assert_int_equal(host_recv(fd, b, sizeof(b), &from, NULL), 1);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &v, sizeof(v)),
			 0);
	back(fd, &from, "y", 1);
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(pkt_tos(p), 0xba);
	pkt_free(p);
	close(fd);
}

/* RFC 3168 5: those of the inside that differ do not share a send. */
static void test_tos_gather(void **state)
{
	static const uint8_t tos[] = { 0, 0, 2, 3, 3 };
	uint8_t b[500] = { 0 }, got[2000];

	for (unsigned i = 0; i < 5; i++) {
		struct gust_pkt *p =
			udp_pkt(&r, T_IN4, 5000, T_OWN4, port, b, sizeof(b), 0);

		p->head[1] = tos[i];
		rig_give(&r, p);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(host_recv(sock, got, sizeof(got), NULL, NULL),
				 sizeof(b));
	assert_int_equal(stats().udp_gso_sends, 2); /* 0 0, 2, 3 3 */
}

/* RFC 6864 4.3: what may be fragmented is told apart. */
static void test_ids(void **state)
{
	static uint8_t buf[3000];
	struct sockaddr_storage from;
	uint16_t id[6];
	uint8_t b[8];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, b, sizeof(b), &from, NULL), 1);
	for (unsigned i = 0; i < 6; i++) {
		unsigned n = i < 4 ? 1 : 3; /* the last are cut by us */

		back(sock, &from, buf, i < 4 ? 100 : sizeof(buf));
		while (n--) {
			struct gust_pkt *p = rig_take(&r);

			assert_non_null(p);
			id[i] = get16(p->head + 4);
			pkt_free(p);
		}
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(id[i], id[k]);
	}
}

/* RFC 7739: nobody can tell the next one of an IPv6 datagram. */
static void test_ids6(void **state)
{
	static uint8_t buf[2000];
	struct sockaddr_storage from;
	uint32_t id[3], k = 0;
	uint16_t port6;
	uint8_t b[8];
	int fd = host_sock(SOCK_DGRAM, "::1", &port6);

	rig_give(&r, udp_pkt(&r, T_IN6, 5000, T_OWN6, port6, "x", 1, 0));
	assert_int_equal(host_recv(fd, b, sizeof(b), &from, NULL), 1);
	for (unsigned i = 0; i < 3; i++) {
		back(fd, &from, buf, sizeof(buf));
		for (unsigned n = 0; n < 2; n++) {
			struct gust_pkt *p = rig_take(&r);

			assert_non_null(p);
			assert_int_equal(p->head[6], 44);
			k = get32(p->head + 44);
			assert_true(!n || k == id[i]); /* of one datagram */
			id[i] = k;
			pkt_free(p);
		}
	}
	assert_int_not_equal(id[0], id[1]);
	assert_true(id[1] - id[0] != id[2] - id[1]); /* no counter */
	close(fd);
}

/* RFC 4787 REQ-9: two inside hosts meet by their outside addresses, and each sees
 * the other's outside one. */
static void test_hairpin(void **state)
{
	struct sockaddr_storage a, b;
	struct gust_pkt *p;
	uint8_t got[8];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "a", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &a, NULL), 1);
	rig_give(&r, udp_pkt(&r, "10.9.0.77", 6000, T_OWN4, port, "b", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &b, NULL), 1);
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, ss_port(&b), "hello", 5, 0));
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, T_OWN4, "10.9.0.77");
	check_ports(p, ss_port(&a), 6000);
	pkt_free(p);
	rig_give(&r, udp_pkt(&r, "10.9.0.77", 6000, T_OWN4, ss_port(&a), "there", 5,
			     0));
	p = rig_take(&r);
	assert_non_null(p);
	check_addrs(p, T_OWN4, T_IN4);
	check_ports(p, ss_port(&b), 5000);
	pkt_free(p);
	assert_int_equal(stats().udp_opened, 2);
}

/* RFC 4787 REQ-12: an error ends no mapping; RFC 7857 7.1: one from the inside
 * does not keep it alive either. */
static void test_errors_keep(void **state)
{
	struct sockaddr_storage a, b;
	struct ipaddr from = A(T_IN4);
	struct gust_pkt *p, *e;
	uint8_t got[8];

	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "1", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &a, NULL), 1);
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, 1, "2", 1, 0));
	p = rig_take(&r);
	check_icmp(p, GUST_L_ICMP, ICMP4_UNREACH, ICMP4_UNREACH_PORT);
	pkt_free(p);
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "3", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &b, NULL), 1);
	assert_int_equal(ss_port(&a), ss_port(&b));
	assert_int_equal(stats().udp_opened, 1);
	r.skew_us += 100000000;
	rig_turn(&r, 0);
	p = udp_pkt(&r, T_OWN4, port, T_IN4, 5000, "x", 1, 0);
	e = icmp_error_new(r.pool, p, ICMP_E_PORT_UNREACH, 0, &from);
	assert_non_null(e);
	pkt_free(p);
	rig_give(&r, e);
	rig_turn(&r, 0);
	assert_int_equal(stats().icmp_errors_in, 1);
	assert_int_equal(stats().udp_flows, 1);
	r.skew_us += 21000000;
	rig_turn(&r, 0);
	assert_int_equal(stats().udp_flows, 0);
}

/* Nobody takes a UDP superpacket and nobody cuts one: what the host sends as one is
 * single datagrams inside. */
static void test_no_cutter(void **state)
{
	static uint8_t buf[3000], got[3000];
	_Alignas(struct cmsghdr) uint8_t ctl[CMSG_SPACE(sizeof(uint16_t))];
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

	r.snap.to_inside.feats &= ~FEAT_BIT(FEAT_USO);
	r.snap.to_inside.cuts_udp = false;
	stack_set_snap(r.s, &r.snap, &r.env);
	pattern_fill(buf, 0, sizeof(buf));
	rig_give(&r, udp_pkt(&r, T_IN4, 5000, T_OWN4, port, "x", 1, 0));
	assert_int_equal(host_recv(sock, got, sizeof(got), &from, NULL), 1);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(g));
	memcpy(CMSG_DATA(c), &g, sizeof(g));
	assert_int_equal(sendmsg(sock, &m, 0), sizeof(buf));
	for (uint32_t off = 0; off < sizeof(buf); off += g) {
		uint32_t n = sizeof(buf) - off < g ? sizeof(buf) - off : g;

		p = rig_take(&r);
		assert_non_null(p);
		assert_int_equal(p->gso_size, 0);
		assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)), n);
		assert_memory_equal(buf + off, got, n);
		pkt_free(p);
	}
	rig_nothing(&r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_ttl_tos), T(test_tos_in),     T(test_no_cutter),
		T(test_tos_in6), T(test_tos_gather), T(test_ids),
		T(test_ids6),    T(test_hairpin),    T(test_errors_keep),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
