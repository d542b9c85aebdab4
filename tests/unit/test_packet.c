/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_packet.c - frames by AF_PACKET against the kernel on the other end of a veth
 * pair, in a namespace of our own
 */
#include "packetport.h"

#include <linux/if_packet.h>

/* Exactly these bytes onto the wire at GB, behind a vnet header of 10 bytes. */
static void inject(const uint8_t *vh, const uint8_t *frame, uint32_t n)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(GB) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t b[2048] = { 0 };

	set_int(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (vh)
		memcpy(b, vh, 10);
	memcpy(b + 10, frame, n);
	assert_int_equal(
		sendto(fd, b, 10 + n, 0, (struct sockaddr *)&ll, sizeof(ll)),
		10 + n);
	close(fd);
}

/* ---- receive ---- */

static void rx_plain(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;

	send_pay(f->sk, 1200);
	p = next_udp(f, f->port);
	assert_int_equal(p->len, 14 + 28 + 1200);
	assert_layer(p, 0, GUST_L_ETH, 0);
	assert_layer(p, 1, GUST_L_IPV4, 14);
	assert_layer(p, 2, GUST_L_UDP, 34);
	assert_int_equal(p->hlen, 42);
	assert_memory_equal(p->head, MAC_A MAC_B, 12);
	assert_int_equal(p->gso_size, 0);
	assert_int_equal(p->queue, 0);
	/* veth sums nothing: the checksum is still owed */
	assert_true(p->need & GUST_F_CSUM);
	assert_int_equal((uintptr_t)(p->head + 14) % 16, 0);
	assert_true(p->head - p->head_slab->data >= GUST_HEADROOM);
	check_pkt(p, 0);
	pkt_csum_complete(p);
	p->need = 0;
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
	no_more(f, f->port);
}

static void rx_super(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;

	set_int(f->sk, SOL_UDP, UDP_SEGMENT, 1000);
	send_pay(f->sk, 30500);
	p = next_udp(f, f->port);
	assert_int_equal(p->gso_type, GUST_GSO_UDP4);
	assert_int_equal(p->gso_size, 1000);
	assert_int_equal(p->len, 42 + 30500);
	assert_true(p->need & GUST_F_CSUM);
	check_pkt(p, 0);
	pkt_free(p);
	no_more(f, f->port);
}

/* What we send is not received again, on any queue. */
static void rx_not_ours(void **state)
{
	struct fix *f = *state;
	uint8_t buf[100];

	f->other = open_on(f, GA, 2);
	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 50 }),
			 PORT_TX_OK);
	assert_int_equal(got(f, buf, sizeof(buf)), 50);
	no_more(f, f->port);
	no_more(f, f->other);
	assert_int_equal(f->other->ops->rx(f->other, 1, 8, &f->in, &f->drops), 0);
}

static void rx_vlan(void **state)
{
	static const uint16_t tags[][2] = { { 0x2005, 0 }, { 7, 0x6009 } };
	struct fix *f = *state;

	f->other = open_on(f, GB, 1);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned gso = 0; gso < 2; gso++) {
			struct up u = { .eth = true,
					.vlan = { tags[i][0], tags[i][1] },
					.len = 5001,
					.gso = gso ? 1000 : 0 };
			uint32_t off = i ? 22 : 18;
			struct gust_pkt *p = up_make(f->pool, &u);
			uint8_t head[64];

			if (!gso)
				sh("ip link set " GA " mtu 9000 && ip link set " GB
				   " mtu 9000");
			memcpy(head, p->head, p->hlen);
			assert_int_equal(tx(f, p), PORT_TX_OK);
			p = next_udp(f, f->other);
			assert_int_equal(p->len, off + 28 + 5001);
			assert_layer(p, 1, GUST_L_VLAN, 14);
			assert_layer(p, i + 2, GUST_L_IPV4, off);
			assert_layer(p, i + 3, GUST_L_UDP, off + 20);
			assert_memory_equal(p->head, head, off + 26);
			assert_true(p->need & GUST_F_CSUM);
			assert_int_equal(p->gso_size, gso ? 1000 : 0);
			assert_true(p->head - p->head_slab->data >= GUST_HEADROOM);
			check_pkt(p, 0);
			pkt_free(p);
		}
	}
	no_more(f, f->other);
}

/* The kernel's own VLAN device, where it has one, takes and gives what we do. */
static void vlan_device(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;
	uint8_t buf[2000];
	int sk;

	if (!try_sh("ip link add link " GB " name " GB ".5 type vlan id 5")) {
		/* A kernel without them; tags are then rx_vlan's alone. */
		print_message("no VLAN devices here\n");
		return;
	}
	sh("ip link set " GB ".5 up && ip addr add 198.18.5.1/24 dev " GB ".5");
	sh("ip neigh add 198.18.5.2 lladdr 02:00:00:00:00:0a dev " GB ".5");
	sk = udp_sock("198.18.5.1", 7000, "198.18.5.2", 7001);
	send_pay(sk, 900);
	p = next_udp(f, f->port);
	assert_layer(p, 1, GUST_L_VLAN, 14);
	assert_int_equal(get16(p->head + 12), 0x8100);
	assert_int_equal(get16(p->head + 14), 5);
	check_pkt(p, 0);
	pkt_free(p);
	assert_int_equal(tx_up(f, &(struct up){ .eth = true,
						.vlan = { 5, 0 },
						.src = "198.18.5.2",
						.dst = "198.18.5.1",
						.len = 800 }),
			 PORT_TX_OK);
	assert_true(wait_fd(sk, POLLIN, 500));
	assert_int_equal(recv(sk, buf, sizeof(buf), 0), 800);
	check_pay(buf, 0, 800);
	close(sk);
}

/* What the kernel put into VXLAN arrives whole, the map reaching inside. */
static void rx_kernel_vxlan(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;
	int sk;

	if (!try_sh("ip link add gustvx type vxlan id 42 local " KERNEL4
		    " remote " PEER4 " dstport 4789 dev " GB)) {
		print_message("no VXLAN devices here\n");
		skip();
	}
	sh("ip link set gustvx up && ip addr add 198.18.6.1/24 dev gustvx");
	sh("ip neigh add 198.18.6.2 lladdr 02:00:00:00:00:0c dev gustvx");
	sk = udp_sock("198.18.6.1", 7000, "198.18.6.2", 7001);
	set_int(sk, SOL_UDP, UDP_SEGMENT, 1000);
	send_pay(sk, 20500);
	p = next_udp(f, f->port);
	assert_layer(p, 2, GUST_L_UDP, 34);
	assert_layer(p, 3, GUST_L_VXLAN, 42);
	assert_layer(p, 5, GUST_L_IPV4, 64);
	assert_layer(p, 6, GUST_L_UDP, 84);
	assert_int_equal(p->gso_size, 1000);
	assert_int_equal(p->gso_type, GUST_GSO_UDP4);
	assert_true(p->need & GUST_F_CSUM);
	check_pkt(p, 0);
	pkt_free(p);
	close(sk);
	sh("ip link delete gustvx");
}

/* Malformed frames are dropped by name, and the next one is received. */
static void rx_malformed(void **state)
{
	static const uint8_t csum_nowhere[10] = { 1, 0, 0, 0, 0, 0, 30, 0, 6, 0 };
	struct fix *f = *state;
	struct up u = { .eth = true, .len = 100 };
	struct gust_pkt *p = up_make(f->pool, &u);
	uint8_t *b = pkt_flat(p);

	pkt_free(p);
	inject(NULL, b, 14 + 12);
	inject(NULL, b, 14 + 20 + 50);
	w16(b + 38, 300); /* UDP length */
	inject(NULL, b, 142);
	w16(b + 38, 108);
	inject(csum_nowhere, b, 142);
	b[14] = 0x43;
	inject(NULL, b, 142);
	b[14] = 0x45;
	inject(NULL, b, 142);
	p = next_udp(f, f->port);
	check_pkt(p, 0);
	pkt_free(p);
	no_more(f, f->port);
	assert_int_equal(f->drops.n[DROP_SHORT], 1);
	assert_int_equal(f->drops.n[DROP_BAD_LEN], 1);
	assert_int_equal(f->drops.n[DROP_BAD_UDPLEN], 1);
	assert_int_equal(f->drops.n[DROP_BAD_VNET], 1);
	assert_int_equal(f->drops.n[DROP_BAD_IHL], 1);
	free(b);
}

/* Frames of other protocols: for those who ask. */
static void rx_any(void **state)
{
	static const uint8_t lldp[60] =
		"\x01\x80\xc2\0\0\x0e\x02\0\0\0\0\x0b\x88\xcc";
	struct packet_conf c = { .name = GA, .nqueues = 1, .any = true };
	struct fix *f = *state;
	struct gust_pkt *p = NULL;

	assert_int_equal(try_open(f, &c, &f->other), 0);
	inject(NULL, lldp, sizeof(lldp));
	no_more(f, f->port);
	assert_int_equal(f->drops.n[DROP_BAD_ETHERTYPE], 1);
	while (f->other->ops->rx(f->other, 0, 1, &f->in, &f->drops) > 0)
		if ((p = gust_batch_pop(&f->in))) {
			if (!memcmp(p->head, lldp, 14))
				break;
			pkt_free(p);
			p = NULL;
		}
	assert_non_null(p);
	assert_pkt_bytes(p, lldp, sizeof(lldp));
	assert_int_equal(p->nlayer, 1);
	assert_int_equal(f->drops.n[DROP_BAD_ETHERTYPE], 1);
	pkt_free(p);
}

/* At the slab limit what is small goes on, what is large is a counted drop. */
static void rx_slab_limit(void **state)
{
	struct fix *f = *state;
	struct gust_batch held;
	struct gust_pkt *p;
	unsigned n;

	gust_batch_init(&held);
	for (n = 0; n < 400 && !f->drops.n[DROP_NO_SLAB]; n++) {
		send_pay(f->sk, 1400);
		assert_true(wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 500));
		f->port->ops->rx(f->port, 0, 1, &held, &f->drops);
	}
	assert_in_range(n, 95, 105);
	assert_int_equal(f->drops.n[DROP_NO_SLAB], 1);
	send_pay(f->sk, 0);
	p = next_udp(f, f->port);
	assert_int_equal(p->len, 42);
	assert_null(p->head_slab);
	pkt_free(p);
	pkt_batch_free(&held);
	send_pay(f->sk, 1400);
	p = next_udp(f, f->port);
	assert_non_null(p->head_slab);
	check_pkt(p, 0);
	pkt_free(p);
}

static void rx_overflow(void **state)
{
	struct fix *f = *state;
	struct packet_conf c = { .name = GA, .nqueues = 1, .rcvbuf = 4096 };
	uint32_t n = 7;

	assert_int_equal(port_socket_drops(f->port, 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(try_open(f, &c, &f->other), 0);
	assert_true(f->info.rcvbuf >= 4096);
	for (unsigned i = 0; i < 50; i++)
		send_pay(f->sk, 1000);
	assert_int_equal(port_socket_drops(f->other, 0, &n), 0);
	assert_in_range(n, 1, 50);
	assert_int_equal(port_socket_drops(f->port, 0, &n), 0);
	assert_int_equal(n, 0);
}

/* Two queues: each packet once, a flow on one queue, both used. */
static void rx_fanout(void **state)
{
	struct fix *f = *state;
	unsigned n[2] = { 0 }, queue_of[64], seen[64] = { 0 };
	struct gust_pkt *p;

	f->other = open_on(f, GA, 2);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 64; i++) {
			int sk = udp_sock(KERNEL4, (uint16_t)(8000 + i), PEER4,
					  7001);

			send_pay(sk, 10);
			close(sk);
		}
	for (unsigned q = 0; q < 2; q++) {
		while (f->other->ops->rx(f->other, q, 64, &f->in, &f->drops) > 0)
			;
		while ((p = gust_batch_pop(&f->in))) {
			unsigned i = has_udp(p) ? get16(p->head + 34) - 8000u : 64;

			if (i < 64) {
				assert_int_equal(p->queue, q);
				if (seen[i]++)
					assert_int_equal(queue_of[i], q);
				queue_of[i] = q;
				n[q]++;
			}
			pkt_free(p);
		}
	}
	assert_int_equal(n[0] + n[1], 3 * 64);
	assert_true(n[0] && n[1]);
}

/* ---- transmit ---- */

static void tx_plain(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;
	uint8_t buf[2000];

	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 1000 }),
			 PORT_TX_OK);
	assert_int_equal(got(f, buf, sizeof(buf)), 1000);
	check_pay(buf, 0, 1000);
	p = up_make(f->pool, &(struct up){ .eth = true });
	pkt_csum_complete(p);
	assert_int_equal(tx(f, p), PORT_TX_OK);
	assert_int_equal(got(f, buf, sizeof(buf)), 0);
}

static void tx_super(void **state)
{
	struct fix *f = *state;
	uint8_t buf[2000];

	assert_int_equal(
		tx_up(f, &(struct up){ .eth = true, .len = 5001, .gso = 1000 }),
		PORT_TX_OK);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(got(f, buf, sizeof(buf)), 1000);
		check_pay(buf, i * 1000, 1000);
	}
	assert_int_equal(got(f, buf, sizeof(buf)), 1);
	check_pay(buf, 5000, 1);
	assert_false(wait_fd(f->sk, POLLIN, 0));
}

/* A device that sums nothing: the kernel does it, before the wire. */
static void tx_csum(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;

	if (!try_sh("ethtool -K " GA " tx off")) {
		print_message("no ethtool command\n");
		skip();
	}
	f->other = open_on(f, GB, 1);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct up u = { .eth = true, .len = 777 };

		if (v6) {
			u.src = PEER6;
			u.dst = KERNEL6;
		}
		assert_int_equal(tx_up(f, &u), PORT_TX_OK);
		p = next_udp(f, f->other);
		assert_false(p->need & GUST_F_CSUM);
		p->need = 0;
		assert_true(pkt_csum_verify(p));
		check_pkt(p, 0);
		pkt_free(p);
	}
}

static void tx_many_pieces(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p = up_make(f->pool, &(struct up){ .eth = true });
	struct gust_slab *s = slab_new(f->pool);
	static uint8_t buf[2000];

	for (uint32_t i = 0; i < 1400; i++) {
		struct gust_frag fr = { .p = s->data + i * 2, .slab = s, .len = 1 };

		*fr.p = pay(i);
		slab_ref(s);
		assert_int_equal(pkt_frag_add(p, &fr), 0);
	}
	slab_unref(s);
	w16(p->head + 16, 1428);
	fix_ip4(p->head + 14);
	w16(p->head + 38, 1408);
	assert_int_equal(tx(f, p), PORT_TX_OK);
	assert_int_equal(got(f, buf, sizeof(buf)), 1400);
	check_pay(buf, 0, 1400);
}

static void tx_refused(void **state)
{
	struct fix *f = *state;
	struct gust_pkt *p;
	uint8_t buf[2000];

	/* a form that contradicts the packet: the caller's to cut */
	p = up_make(f->pool, &(struct up){ .eth = true, .len = 1000, .gso = 200 });
	p->gso_type = GUST_GSO_TCP4;
	assert_int_equal(tx(f, p), PORT_TX_REFUSED);
	p->gso_size = 0;
	assert_int_equal(tx(f, p), PORT_TX_OK);
	assert_int_equal(got(f, buf, sizeof(buf)), 1000);
	/* above the MTU: no other form helps */
	assert_int_equal(tx_up(f, &(struct up){ .eth = true, .len = 1600 }),
			 PORT_TX_ERROR);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(rx_plain),
		T(rx_super),
		T(rx_not_ours),
		T(rx_vlan),
		T(vlan_device),
		T(rx_kernel_vxlan),
		T(rx_malformed),
		T(rx_any),
		cmocka_unit_test_setup_teardown(rx_slab_limit, setup_small,
						teardown),
		T(rx_overflow),
		T(rx_fanout),
		T(tx_plain),
		T(tx_super),
		T(tx_csum),
		T(tx_many_pieces),
		T(tx_refused),
	};

	if (!veth_scratch())
		return SCRATCH_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
