/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_udp_error.c - what a UDP port learns of datagrams that do not arrive, and of
 * the path's MTU
 */
#include "udpport.h"

/* ---- errors and the path's MTU ---- */

static void error_mtu(void **state)
{
	struct fix *f = *state;
	static uint8_t buf[3000];
	struct udp_error e;
	struct ipaddr lo[2];
	uint32_t mtu = 0;

	ipaddr_parse(LO4, &lo[0]);
	ipaddr_parse(LO6, &lo[1]);
	assert_false(udp_error_next(f->port, 0, &e));
	assert_int_equal(udp_path_mtu(f->port, &lo[0], &mtu), 0);
	assert_int_equal(mtu, 65535);
	sh("ip link set lo mtu 1500");
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct up u = to(v6);

		assert_int_equal(udp_path_mtu(f->port, &lo[v6], &mtu), 0);
		assert_int_equal(mtu, 1500);
		u.len = 2000;
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
		assert_true(udp_error_next(f->port, 0, &e));
		assert_int_equal(e.err, EMSGSIZE);
		assert_int_equal(e.mtu, 1500);
		assert_true(ipaddr_eq(&e.dst, &lo[v6]));
		assert_int_equal(e.dport, 7000);
		assert_true(ipaddr_is_any(&e.from));
		assert_false(udp_error_next(f->port, 0, &e));
		/* fits, to the byte */
		u.len = v6 ? 1452 : 1472;
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
		assert_int_equal(got(v6 ? f->sk6 : f->sk4, buf, sizeof(buf)),
				 u.len);
		/* segments that do not fit */
		u.gso = 1600;
		u.len = 4800;
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
		assert_true(udp_error_next(f->port, 0, &e));
		assert_int_equal(e.err, EMSGSIZE);
		assert_true(ipaddr_eq(&e.dst, &lo[v6]));
		assert_false(udp_error_next(f->port, 0, &e));
	}
	/* without DF the kernel fragments */
	for (unsigned i = 0; i < 2; i++) {
		struct up u = to(false);

		u.len = 2500;
		u.no_df = !i;
		assert_int_equal(tx_up(f->port, f, &u),
				 i ? PORT_TX_ERROR : PORT_TX_OK);
	}
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), 2500);
	check_pay(buf, 0, 2500);
	sh("ip link set lo mtu 65536");
}

/* Nobody listens: told once, the datagram after it is sent all the same. */
static void error_refused(void **state)
{
	struct fix *f = *state;
	uint8_t buf[200];

	for (unsigned i = 0; i < 4; i++) {
		bool v6 = i & 1, by_tx = i & 2;
		struct up closed = to(v6), open = to(v6);
		struct udp_error e;
		struct ipaddr lo;

		closed.dport = 7999;
		closed.len = open.len = 100;
		assert_int_equal(tx_up(f->port, f, &closed), PORT_TX_OK);
		assert_true(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 500));
		if (by_tx)
			assert_int_equal(tx_up(f->port, f, &open), PORT_TX_OK);
		else
			assert_int_equal(
				f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops),
				0);
		/* nothing is left that would keep the loop awake */
		assert_false(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 0));
		assert_true(udp_error_next(f->port, 0, &e));
		assert_int_equal(e.err, ECONNREFUSED);
		assert_int_equal(e.dport, 7999);
		ipaddr_parse(v6 ? LO6 : LO4, &lo);
		assert_true(ipaddr_eq(&e.dst, &lo));
		assert_true(ipaddr_eq(&e.from, &lo));
		assert_int_equal(e.icmp_type, v6 ? 1 : 3);
		assert_int_equal(e.icmp_code, v6 ? 4 : 3);
		assert_false(udp_error_next(f->port, 0, &e));
		if (by_tx)
			assert_int_equal(
				got(v6 ? f->sk6 : f->sk4, buf, sizeof(buf)), 100);
	}
}

/* More errors than are kept: the oldest go. */
static void error_many(void **state)
{
	struct fix *f = *state;
	struct udp_error e;
	unsigned n = 0;

	for (unsigned i = 0; i < UDP_ERRORS_MAX + 9; i++) {
		struct up u = to(false);

		u.len = 65508;
		u.dport = (uint16_t)(8000 + i);
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	}
	while (udp_error_next(f->port, 0, &e))
		assert_int_equal(e.dport, 8000 + 9 + n++);
	assert_int_equal(n, UDP_ERRORS_MAX);
}

/* A router on the way: fragmentation needed, MTU 1300. */
static void error_icmp_mtu(void **state)
{
	struct fix *f = *state;
	struct up u = { .src = KERNEL4, .dst = PEER4, .dport = 7000, .len = 1400 };
	struct packet_conf pc = { .name = GA, .nqueues = 1 };
	struct packet_info info;
	struct port *wire;
	struct gust_pkt *p, *icmp;
	struct udp_error e;
	struct ipaddr peer;
	uint32_t mtu = 0;
	uint8_t *b;

	veth_make();
	ipaddr_parse(PEER4, &peer);
	assert_int_equal(
		packet_open(&pc, &f->pool, &wire, &info, f->err, sizeof(f->err)),
		0);
	assert_int_equal(udp_path_mtu(f->port, &peer, &mtu), 0);
	assert_int_equal(mtu, 1500);
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
	do {
		pkt_batch_free(&f->in);
		assert_true(wait_fd(wire->ops->fd(wire, 0), POLLIN, 500));
		assert_int_equal(wire->ops->rx(wire, 0, 1, &f->in, &f->drops), 1);
	} while (!f->in.n || !pkt_l4(f->in.first) ||
		 pkt_l4(f->in.first)->kind != GUST_L_UDP);
	p = gust_batch_pop(&f->in);
	icmp = up_make(f->pool, &(struct up){ .eth = true, .src = PEER4 });
	b = icmp->head;
	b[23] = 1; /* ICMP; it quotes 28 bytes */
	w16(b + 16, 20 + 8 + 28);
	fix_ip4(b + 14);
	memcpy(b + 34, (uint8_t[8]){ 3, 4, [6] = 1300 >> 8, 1300 & 255 }, 8);
	memcpy(b + 42, p->head + 14, 28);
	w16(b + 36, (uint16_t)~naive_sum(0, b + 34, 36));
	icmp->hlen = 14 + 20 + 8 + 28;
	icmp->len = icmp->hlen;
	icmp->need = 0;
	pkt_free(p);
	assert_int_equal(wire->ops->tx(wire, 0, icmp), PORT_TX_OK);
	assert_true(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 500));
	assert_int_equal(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops), 0);
	assert_true(udp_error_next(f->port, 0, &e));
	assert_int_equal(e.err, EMSGSIZE);
	assert_int_equal(e.mtu, 1300);
	assert_int_equal(e.icmp_type, 3);
	assert_int_equal(e.icmp_code, 4);
	assert_true(ipaddr_eq(&e.dst, &peer));
	assert_true(ipaddr_eq(&e.from, &peer));
	assert_int_equal(udp_path_mtu(f->port, &peer, &mtu), 0);
	assert_int_equal(mtu, 1300);
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	wire->ops->close(wire);
	veth_remove();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(error_mtu),
		T(error_refused),
		T(error_many),
		T(error_icmp_mtu),
	};

	if (!udp_scratch())
		return SCRATCH_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
