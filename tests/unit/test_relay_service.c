/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_service.c - echo, discard, chargen on TCP and UDP
 */
#include "relay_peer.h"

static struct rig r;
static struct inside in;

static int begin(void **state)
{
	rig_init(&r);
	inside_init(&in, &r);
	r.snap.svc_echo = r.snap.svc_discard = r.snap.svc_chargen = true;
	return 0;
}

static int end(void **state)
{
	inside_fini(&in);
	rig_fini(&r);
	return 0;
}

static unsigned open_service(uint16_t port)
{
	unsigned i = inside_connect(&in, T_IN4, 40000, T_OWN4, port);

	UNTIL(&in, in.ev[i] & TCP_EV_ESTABLISHED);
	assert_int_equal(r.n_fds, 0); /* no descriptor */
	return i;
}

/* The other side of RFC 864: line `n` begins with character n. */
static uint8_t chargen_at(uint64_t pos)
{
	uint32_t col = pos % 74, line = pos / 74 % 95;

	return col == 72 ? '\r' : col == 73 ? '\n' : ' ' + (line + col) % 95;
}

static void test_tcp_echo(void **state)
{
	enum { TOTAL = 3 << 20 };
	static uint8_t buf[50000];
	uint64_t sent = 0, got = 0;
	struct stack_stats st;
	unsigned i = open_service(7);
	uint32_t n;

	while (got < TOTAL) {
		if (sent < TOTAL && tcp_send_space(in.t[i]) >= sizeof(buf)) {
			n = TOTAL - sent < sizeof(buf) ? TOTAL - sent : sizeof(buf);
			pattern_fill(buf, sent, n);
			inside_send(&in, i, buf, n);
			sent += n;
		}
		inside_step(&in, 0);
		while ((n = inside_read(&in, i, buf, sizeof(buf))) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
	}
	assert_int_equal(got, TOTAL);
	stack_stats(r.s, &st);
	assert_int_equal(st.svc_bytes, TOTAL);
	tcp_shutdown(in.t[i], &r.env);
	UNTIL(&in, tcp_at_eof(in.t[i]));
	UNTIL(&in, in.t[i]->state == TCPS_CLOSED && !stack_flows(r.s));
}

/* A peer that sends and never reads is held off, and memory stays bounded. */
static void test_tcp_echo_backpressure(void **state)
{
	static uint8_t buf[50000];
	struct pkt_pool_stats ps;
	uint64_t sent = 0;
	uint32_t idle = 0;
	unsigned i;

	in.conf.rcvbuf_max = in.conf.rcvbuf_init = 256 << 10;
	i = open_service(7);
	while (idle < 100) {
		idle++;
		if (tcp_send_space(in.t[i]) >= sizeof(buf)) {
			inside_send(&in, i, buf, sizeof(buf));
			sent += sizeof(buf);
			idle = 0;
		}
		inside_step(&in, 0);
		assert_true(sent < 64 << 20);
	}
	pkt_pool_stats(r.pool, &ps);
	assert_true(ps.slab_total - ps.slab_free < 64);
}

static void test_tcp_discard(void **state)
{
	static uint8_t buf[50000];
	struct stack_stats st;
	unsigned i = open_service(9);

	for (int k = 0; k < 40; k++) {
		UNTIL(&in, tcp_send_space(in.t[i]) >= sizeof(buf));
		inside_send(&in, i, buf, sizeof(buf));
	}
	tcp_shutdown(in.t[i], &r.env);
	UNTIL(&in, in.t[i]->state == TCPS_CLOSED && !stack_flows(r.s));
	stack_stats(r.s, &st);
	assert_int_equal(st.svc_bytes, 40 * sizeof(buf));
	assert_int_equal(in.t[i]->bytes_in, 0);
}

static void test_tcp_chargen(void **state)
{
	static uint8_t buf[50000];
	uint64_t got = 0;
	unsigned i = open_service(19);

	while (got < 4 << 20) {
		uint32_t n;

		inside_step(&in, 0);
		while ((n = inside_read(&in, i, buf, sizeof(buf))) > 0) {
			for (uint32_t k = 0; k < n; k++)
				if (buf[k] != chargen_at(got + k))
					fail_msg("byte %llu",
						 (unsigned long long)(got + k));
			got += n;
		}
	}
	tcp_shutdown(in.t[i], &r.env);
	while (!tcp_at_eof(in.t[i])) {
		inside_step(&in, 0);
		inside_read(&in, i, buf, sizeof(buf));
	}
	UNTIL(&in, in.t[i]->state == TCPS_CLOSED && !stack_flows(r.s));
}

static void test_off(void **state)
{
	struct gust_pkt *p;

	r.snap.svc_echo = false;
	rig_give(&r, tcp_pkt(&r, T_IN4, T_OWN4,
			     &(struct tcp_hdr){
				     .sport = 1, .dport = 7, .flags = TCP_SYN }));
	p = rig_take(&r); /* the host's own port 7 refuses */
	assert_non_null(p);
	assert_true(l4_of(p)[13] & TCP_RST);
	pkt_free(p);
}

/* A superpacket comes back whole, its datagrams as they were. */
static void test_udp_echo(void **state)
{
	static uint8_t buf[30000], got[30000];
	struct gust_pkt *p;

	pattern_fill(buf, 0, sizeof(buf));
	for (int six = 0; six < 2; six++) {
		const char *src = six ? T_IN6 : T_IN4, *own = six ? T_OWN6 : T_OWN4;

		rig_give(&r, udp_pkt(&r, src, 500, own, 7, buf, sizeof(buf), 1200));
		p = rig_take(&r);
		assert_non_null(p);
		assert_int_equal(p->gso_size, 1200);
		assert_int_equal(p->gso_type, six ? GUST_GSO_UDP6 : GUST_GSO_UDP4);
		assert_int_equal(p->nlayer, 2);
		assert_true(p->need & GUST_F_CSUM);
		check_addrs(p, own, src);
		check_ports(p, 7, 500);
		assert_int_equal(pkt_payload_copy(p, 0, got, sizeof(got)),
				 sizeof(got));
		assert_memory_equal(buf, got, sizeof(buf));
		pkt_free(p);
	}
	/* single and empty; the DSCP comes back, a claim of ECN does not */
	p = udp_pkt(&r, T_IN4, 500, T_OWN4, 7, buf, 0, 0);
	p->head[1] = 0xba;
	rig_give(&r, p);
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(p->len, 28);
	assert_int_equal(p->head[1], 0xb8);
	pkt_free(p);
	assert_int_equal(stack_flows(r.s), 0);
}

/* Services that answer services would never stop. */
static void test_udp_loop(void **state)
{
	rig_give(&r, udp_pkt(&r, T_IN4, 7, T_OWN4, 7, "x", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN4, 19, T_OWN4, 7, "x", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN4, 7, T_OWN4, 19, "x", 1, 0));
	rig_give(&r, udp_pkt(&r, T_IN4, 700, T_OWN4, 9, "x", 1, 0));
	rig_nothing(&r);
}

static void test_udp_chargen(void **state)
{
	uint8_t buf[3000] = { 0 }, got[512];
	struct gust_pkt *p;

	rig_give(&r, udp_pkt(&r, T_IN4, 500, T_OWN4, 19, buf, sizeof(buf), 1000));
	p = rig_take(&r);
	assert_non_null(p);
	assert_int_equal(pkt_segs(p), 3); /* one for each */
	assert_int_equal(p->gso_size, 512);
	assert_int_equal(pkt_payload_len(p), 3 * 512);
	pkt_payload_copy(p, 0, got, sizeof(got));
	for (int i = 0; i < 400; i++)
		assert_true(got[i] == '\r' || got[i] == '\n' ||
			    (got[i] >= 32 && got[i] < 127));
	check_addrs(p, T_OWN4, T_IN4);
	check_ports(p, 19, 500);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_tcp_echo),    T(test_tcp_echo_backpressure),
		T(test_tcp_discard), T(test_tcp_chargen),
		T(test_off),         T(test_udp_echo),
		T(test_udp_loop),    T(test_udp_chargen),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
