/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_udp_port.c - a kernel UDP socket as an underlay, over loopback in a namespace of
 * our own
 */
#include "udpport.h"

#include <netinet/ip.h>

static void check_headers(const struct gust_pkt *p, bool v6, uint32_t n,
			  uint8_t tos, uint8_t ttl)
{
	const uint8_t *b = p->head, *u = b + (v6 ? 40 : 20);
	uint8_t lo[16] = { [15] = 1 };

	assert_int_equal(p->nlayer, 2);
	assert_layer(p, 0, v6 ? GUST_L_IPV6 : GUST_L_IPV4, 0);
	assert_layer(p, 1, GUST_L_UDP, v6 ? 40 : 20);
	assert_int_equal(p->hlen, v6 ? 48 : 28);
	assert_int_equal(p->len, p->hlen + n);
	if (v6) {
		assert_int_equal(b[0], 0x60 | tos >> 4);
		assert_int_equal(b[1], (uint8_t)(tos << 4));
		assert_int_equal(get16(b + 4), 8 + n);
		assert_int_equal(b[7], ttl);
		assert_memory_equal(b + 8, lo, 16);
		assert_memory_equal(b + 24, lo, 16);
	} else {
		assert_int_equal(b[0], 0x45);
		assert_int_equal(b[1], tos);
		assert_int_equal(get16(b + 2), 28 + n);
		assert_int_equal(get16(b + 6), 0x4000);
		assert_int_equal(b[8], ttl);
		assert_memory_equal(b + 12, "\x7f\0\0\x01\x7f\0\0\x01", 8);
		assert_int_equal(naive_sum(0, b, 20), 0xffff);
	}
	assert_int_equal(get16(u), 7000);
	assert_int_equal(get16(u + 2), 7001);
	assert_int_equal(get16(u + 4), 8 + n);
	assert_int_not_equal(get16(u + 6), 0);
	assert_int_equal(p->need, GUST_F_CSUM_OK);
}

/* ---- receive ---- */

static void rx_single(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		int sk = v6 ? f->sk6 : f->sk4;
		int level = v6 ? SOL_IPV6 : SOL_IP;

		send_pay(sk, 1200);
		p = next(f, f->port);
		check_headers(p, v6, 1200, 0, 64);
		assert_int_equal(p->gso_size, 0);
		assert_true(p->head - p->head_slab->data >= GUST_HEADROOM);
		check_pkt(p, 0);
		pkt_free(p);
		set_int(sk, level, v6 ? IPV6_TCLASS : IP_TOS, 0xb9);
		set_int(sk, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, 7);
		send_pay(sk, 0);
		p = next(f, f->port);
		check_headers(p, v6, 0, 0xb9, 7);
		assert_int_equal(p->nfrag, 0);
		pkt_free(p);
	}
	assert_int_equal(f->port->ops->rx(f->port, 0, 4, &f->in, &f->drops), 0);
}

static void rx_super(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;

	if (!f->info.gro)
		skip();
	for (unsigned v6 = 0; v6 < 2; v6++) {
		int sk = v6 ? f->sk6 : f->sk4;

		set_int(sk, SOL_UDP, UDP_SEGMENT, 1000);
		send_pay(sk, 30500);
		p = next(f, f->port);
		check_headers(p, v6, 30500, 0, 64);
		assert_int_equal(p->gso_type, v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4);
		assert_int_equal(p->gso_size, 1000);
		assert_int_equal(pkt_segs(p), 31);
		assert_int_equal(p->nfrag, 1);
		check_pkt(p, 0);
		pkt_free(p);
		/* the longest that there is */
		set_int(sk, SOL_UDP, UDP_SEGMENT, 1200);
		send_pay(sk, 54 * 1200);
		p = next(f, f->port);
		check_headers(p, v6, 54 * 1200, 0, 64);
		check_pkt(p, 0);
		pkt_free(p);
		set_int(sk, SOL_UDP, UDP_SEGMENT, 0);
		send_pay(sk, v6 ? 65527 : 65507);
		p = next(f, f->port);
		check_headers(p, v6, v6 ? 65527 : 65507, 0, 64);
		assert_int_equal(p->gso_size, 0);
		check_pkt(p, 0);
		pkt_free(p);
	}
}

/* Which of our addresses it came to. */
static void rx_to_other_address(void **state)
{
	struct fix *f = *state;
	int sk = udp_sock("127.0.0.9", 7009, "127.0.0.5", 7001);
	struct gust_pkt *p;

	send_pay(sk, 10);
	p = next(f, f->port);
	assert_memory_equal(p->head + 12, "\x7f\0\0\x09\x7f\0\0\x05", 8);
	assert_int_equal(get16(p->head + 20), 7009);
	pkt_free(p);
	close(sk);
}

static void rx_slab_limit(void **state)
{
	struct fix *f = *state;
	struct gust_batch held;
	struct gust_pkt *p;
	unsigned n;

	gust_batch_init(&held);
	for (n = 0; n < 400 && !f->drops.n[DROP_NO_SLAB]; n++) {
		send_pay(f->sk4, 1400);
		assert_true(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 500));
		f->port->ops->rx(f->port, 0, 1, &held, &f->drops);
	}
	assert_in_range(n, 90, 105);
	assert_int_equal(f->drops.n[DROP_NO_SLAB], 1);
	send_pay(f->sk6, 0);
	p = next(f, f->port);
	check_headers(p, true, 0, 0, 64);
	assert_null(p->head_slab);
	pkt_free(p);
	pkt_batch_free(&held);
	send_pay(f->sk4, 1400);
	p = next(f, f->port);
	check_pkt(p, 0);
	pkt_free(p);
}

/* Several sockets: each datagram once, a flow on one queue. */
static void rx_queues(void **state)
{
	struct fix *f = *state;
	struct port *port = open_on(f, LO4, 0, 2);
	unsigned n[2] = { 0 };
	struct gust_pkt *p;

	assert_int_not_equal(f->info.port, 0);
	for (unsigned i = 0; i < 64; i++) {
		int sk = udp_sock(LO4, 0, LO4, f->info.port);

		send_pay(sk, 10);
		close(sk);
	}
	for (unsigned q = 0; q < 2; q++)
		while (port->ops->rx(port, q, 64, &f->in, &f->drops) > 0)
			while ((p = gust_batch_pop(&f->in))) {
				assert_int_equal(p->queue, q);
				n[q]++;
				pkt_free(p);
			}
	assert_int_equal(n[0] + n[1], 64);
	assert_true(n[0] && n[1]);
	port->ops->close(port);
}

/* ---- transmit ---- */

/* One datagram with what came beside it. */
static ssize_t got_with(int sk, uint8_t *buf, size_t len, bool v6, int *tos,
			int *ttl, struct sockaddr_storage *from)
{
	_Alignas(struct cmsghdr) uint8_t ctl[256];
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_name = from,
			    .msg_namelen = sizeof(*from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	ssize_t n;

	assert_true(wait_fd(sk, POLLIN, 500));
	n = recvmsg(sk, &m, 0);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == (v6 ? IPV6_TCLASS : IP_TOS))
			*tos = *CMSG_DATA(c);
		else if (c->cmsg_type == (v6 ? IPV6_HOPLIMIT : IP_TTL))
			*ttl = *CMSG_DATA(c);
	}
	return n;
}

static void tx_single(void **state)
{
	static const struct {
		uint8_t tos, ttl;
	} as[] = { { 0, 64 }, { 0xb8, 64 }, { 3, 9 }, { 0, 255 }, { 0, 64 } };
	struct fix *f = *state;
	uint8_t buf[2000];

	for (unsigned v6 = 0; v6 < 2; v6++) {
		int sk = udp_sock(v6 ? LO6 : LO4, 7500, NULL, 0);
		int level = v6 ? SOL_IPV6 : SOL_IP;

		set_int(sk, level, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
		set_int(sk, level, v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
		for (unsigned i = 0; i < sizeof(as) / sizeof(as[0]); i++) {
			struct up u = to(v6);
			struct sockaddr_storage ss;
			struct ipaddr a, want;
			uint16_t port;
			int tos = -1, ttl = -1;

			u.dport = 7500;
			u.sport = 999; /* has no meaning */
			u.len = 1000 + i;
			u.tos = as[i].tos;
			u.ttl = as[i].ttl;
			u.no_df = i & 1;
			if (i == 2 && !v6)
				u.src = "127.0.0.5";
			assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
			assert_int_equal(
				got_with(sk, buf, sizeof(buf), v6, &tos, &ttl, &ss),
				1000 + i);
			check_pay(buf, 0, 1000 + i);
			assert_int_equal(tos, as[i].tos);
			assert_int_equal(ttl, as[i].ttl);
			ipaddr_from_sockaddr((struct sockaddr *)&ss, &a, &port);
			ipaddr_parse(u.src, &want);
			assert_true(ipaddr_eq(&a, &want));
			assert_int_equal(port, 7001);
		}
		close(sk);
	}
}

static void tx_super(void **state)
{
	struct fix *f = *state;
	uint8_t buf[2000];

	for (unsigned v6 = 0; v6 < 2; v6++) {
		int sk = v6 ? f->sk6 : f->sk4;
		struct up u = to(v6);

		u.len = 5001;
		u.gso = 1000;
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
		for (uint32_t i = 0; i < 6; i++) {
			uint32_t n = i < 5 ? 1000 : 1;

			assert_int_equal(got(sk, buf, sizeof(buf)), n);
			check_pay(buf, i * 1000, n);
		}
		assert_false(wait_fd(sk, POLLIN, 0));
	}
}

/* From one port to another: superpackets stay what they are. */
static void tx_to_port(void **state)
{
	struct fix *f = *state;
	struct port *other = open_on(f, LO4, 7100, 1);
	static const uint32_t len[] = { 2001, 64000, 64 * 1000 };
	struct gust_pkt *p;

	for (unsigned i = 0; i < 3; i++) {
		struct up u = to(false);

		u.dport = 7100;
		u.len = len[i];
		u.gso = 1000;
		u.tos = 2;
		assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
		p = next(f, other);
		assert_int_equal(p->gso_size, 1000);
		assert_int_equal(p->gso_type, GUST_GSO_UDP4);
		assert_int_equal(p->len, 28 + len[i]);
		assert_int_equal(p->head[1], 2);
		check_pkt(p, 0);
		pkt_free(p);
	}
	other->ops->close(other);
}

/* A checksum owed inside a tunnel is completed, the outer one is the kernel's. */
static void tx_inner_csum(void **state)
{
	struct fix *f = *state;
	struct up u = { .eth = true, .len = 501 };
	struct gust_pkt *p = up_make(f->pool, &u);
	uint8_t out[36] = { 0x45, 0,          0, 0, 0, 0,   0x40, 0, 64,
			    17,   [12] = 127, 0, 0, 1, 127, 0,    0, 1 };
	uint8_t buf[1000], *in = buf + 8 + 14;

	w16(out + 2, 36 + p->len);
	fix_ip4(out);
	w16(out + 22, 7000);
	w16(out + 24, 16 + p->len);
	out[28] = 8; /* VXLAN: a valid identifier, 5 */
	out[34] = 5;
	pkt_push(p, 36);
	memcpy(p->head, out, 36);
	pkt_layer_push(p, GUST_L_VXLAN, 0);
	p->layer[0].off = 28;
	pkt_layer_push(p, GUST_L_UDP, 0);
	p->layer[0].off = 20;
	pkt_layer_push(p, GUST_L_IPV4, 0);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_OK);
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), 8 + 14 + 28 + 501);
	check_pay(in + 28, 0, 501);
	assert_int_equal(naive_l4(in + 12, 8, 17, in + 20, 509), 0);
}

static void tx_many_pieces(void **state)
{
	struct fix *f = *state;
	struct up u = to(false);
	struct gust_pkt *p = up_make(f->pool, &u);
	struct gust_slab *s = slab_new(f->pool);
	static uint8_t buf[4000];

	for (uint32_t i = 0; i < 3000; i++) {
		struct gust_frag fr = { .p = s->data + i * 2, .slab = s, .len = 1 };

		*fr.p = pay(i);
		slab_ref(s);
		assert_int_equal(pkt_frag_add(p, &fr), 0);
	}
	slab_unref(s);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_OK);
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), 3000);
	check_pay(buf, 0, 3000);
}

/* Forms that the caller has to change. */
static void tx_refused(void **state)
{
	struct fix *f = *state;
	struct up u = to(false);
	struct gust_pkt *p;
	uint8_t buf[2000];

	u.len = 6500;
	u.gso = 100; /* 65 segments */
	p = up_make(f->pool, &u);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_REFUSED);
	/* segments of something inside */
	p->gso_size = 1000;
	pkt_layer_append(p, GUST_L_VXLAN, 0, 28);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_REFUSED);
	p->nlayer--;
	p->gso_type = GUST_GSO_TCP4;
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_REFUSED);
	p->gso_type = GUST_GSO_UDP4;
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_OK);
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), 1000);
	/* longer than a datagram can be */
	u.len = 65600;
	u.gso = 1400;
	p = up_make(f->pool, &u);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_REFUSED);
	pkt_free(p);
}

/* What no change of form helps. */
static void tx_error(void **state)
{
	struct fix *f = *state;
	struct port *v4 = open_on(f, "0.0.0.0", 7200, 1);
	struct port *v6 = open_on(f, LO6, 7201, 1);
	struct up u = to(false), w = to(true);
	struct gust_pkt *p;
	uint8_t buf[2000];

	u.len = w.len = 100;
	/* TCP; Ethernet in front; a family that the socket lacks */
	u.tcp = true;
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	u.tcp = false;
	u.eth = true;
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	u.eth = false;
	assert_int_equal(tx_up(v4, f, &w), PORT_TX_ERROR);
	assert_int_equal(tx_up(v6, f, &u), PORT_TX_ERROR);
	/* IP options */
	p = up_make(f->pool, &u);
	p->layer[1].off = 24;
	p->head[0] = 0x46;
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_ERROR);
	/* not an address of ours, alone or in a superpacket: no fault of the form */
	u.src = "192.0.2.1";
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	u.len = 5000;
	u.gso = 1000;
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	/* no route */
	u = to(false);
	u.src = "0.0.0.0";
	u.dst = "192.0.2.1";
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_ERROR);
	/* longer than the longest */
	u = to(false);
	u.len = 65508;
	p = up_make(f->pool, &u);
	assert_int_equal(f->port->ops->tx(f->port, 0, p), PORT_TX_ERROR);
	/* and all goes on */
	u.len = 1000;
	assert_int_equal(tx_up(v4, f, &u), PORT_TX_OK);
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), -1); /* from port 7200 */
	assert_int_equal(tx_up(f->port, f, &u), PORT_TX_OK);
	assert_int_equal(got(f->sk4, buf, sizeof(buf)), 1000);
	v4->ops->close(v4);
	v6->ops->close(v6);
}

/* ---- opening ---- */

static void open_info(void **state)
{
	struct fix *f = *state;
	struct port_caps c;

	assert_int_equal(f->info.port, 7001);
	assert_true(f->info.rcvbuf > 212992);
	assert_false(f->port->l2);
	assert_string_equal(f->port->ops->kind, "udp");
	assert_true(fcntl(f->port->ops->fd(f->port, 0), F_GETFD) & FD_CLOEXEC);
	udp_caps(f->port, 1450, &c);
	assert_int_equal(c.feats, FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
					  FEAT_BIT(FEAT_USO));
	assert_int_equal(c.mtu, 1450);
	assert_int_equal(c.gso_max_udp, 65535);
	assert_int_equal(c.gso_max_segs, 64);
	assert_int_equal(c.gso_max4, 1450);
	udp_caps(f->port, 0, &c);
	assert_int_equal(c.mtu, 65535);
}

static void open_bad_conf(void **state)
{
	struct fix *f = *state;
	struct port *port = (struct port *)f;
	struct pkt_pool *pool = f->pool;
	struct udp_port_conf c = { .nqueues = 1, .netns = "gust-no-such" };

	assert_int_equal(try_open(f, LO4, 0, 0, &port), -EINVAL);
	assert_int_equal(try_open(f, LO4, 0, 257, &port), -EINVAL);
	assert_int_equal(try_open(f, "192.0.2.1", 0, 1, &port), -EADDRNOTAVAIL);
	assert_non_null(strstr(f->err, "bind to 192.0.2.1"));
	assert_non_null(strstr(f->err, "not an address of this host"));
	assert_int_equal(try_open(f, "0.0.0.0", 7001, 1, &port), -EADDRINUSE);
	assert_non_null(strstr(f->err, "choose another port"));
	assert_int_equal(udp_open(&c, &pool, &port, &f->info, f->err, 300),
			 -ENOENT);
	assert_ptr_equal(port, f);
}

static void open_in_netns(void **state)
{
	struct fix *f = *state;
	char path[64];
	pid_t pid = scratch_child(path);
	struct udp_port_conf c = { .port = 7001, .nqueues = 2, .netns = path };
	struct pkt_pool *pools[2] = { f->pool, f->pool };
	struct udp_port_info info;
	struct ipaddr lo;
	struct port *port;
	uint32_t mtu;

	/* the port is taken here, not there */
	assert_int_equal(udp_open(&c, pools, &port, &info, f->err, 300), 0);
	assert_int_equal(info.port, 7001);
	/* where loopback is down, and there is no way */
	ipaddr_parse(LO4, &lo);
	assert_int_not_equal(udp_path_mtu(port, &lo, &mtu), 0);
	assert_int_equal(udp_path_mtu(f->port, &lo, &mtu), 0);
	port->ops->close(port);
	scratch_child_end(pid);
}

static void overflow(void **state)
{
	struct fix *f = *state;
	struct pkt_pool *pool = f->pool;
	struct udp_port_conf c = { .nqueues = 1, .rcvbuf = 4096 };
	struct port *port;
	uint32_t n = 0;
	int sk;

	assert_int_equal(udp_open(&c, &pool, &port, &f->info, f->err, 300), 0);
	sk = udp_sock(LO4, 0, LO4, f->info.port);
	for (unsigned i = 0; i < 50; i++)
		send_pay(sk, 1000);
	assert_int_equal(port_socket_drops(port, 0, &n), 0);
	assert_in_range(n, 1, 50);
	assert_int_equal(port_socket_drops(f->port, 0, &n), 0);
	assert_int_equal(n, 0);
	close(sk);
	port->ops->close(port);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(rx_single),
		T(rx_super),
		T(rx_to_other_address),
		cmocka_unit_test_setup_teardown(rx_slab_limit, setup_small,
						teardown),
		T(rx_queues),
		T(tx_single),
		T(tx_super),
		T(tx_to_port),
		T(tx_inner_csum),
		T(tx_many_pieces),
		T(tx_refused),
		T(tx_error),
		T(open_info),
		T(open_bad_conf),
		T(open_in_netns),
		T(overflow),
	};

	if (!udp_scratch())
		return SCRATCH_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
