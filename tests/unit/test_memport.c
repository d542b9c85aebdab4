/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_memport.c - the memory port: what goes in comes out, as bytes and as
 * virtio_net_hdr; full, refused, closed
 */
#include <errno.h>

#include "pkt/dissect.h"
#include "pktlib.h"
#include "port/mem.h"

static struct pkt_pool *pa, *pb;
static struct port *a, *b;
static struct drop_counters drops;
static uint8_t *buf;

static void open_pair(bool l2, unsigned depth)
{
	assert_int_equal(mem_port_pair(pa, pb, l2, depth, &a, &b), 0);
}

static int setup(void **state)
{
	pa = small_pool(4, 200);
	pb = small_pool(4, 200);
	buf = malloc(600000);
	memset(&drops, 0, sizeof drops);
	return 0;
}

static int teardown(void **state)
{
	free(buf);
	return pkt_pool_free(pa) || pkt_pool_free(pb) ? -1 : 0;
}

static void close_pair(void)
{
	a->ops->close(a);
	b->ops->close(b);
}

static struct gust_pkt *make(const struct tp *t, uint16_t gso)
{
	struct gust_pkt *p = pkt_of(pa, buf, tp_build(buf, t));

	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	p->need = GUST_F_CSUM;
	if (!gso)
		return p;
	p->gso_size = gso;
	p->gso_type = t->udp ? (t->v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4) :
			       (t->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4);
	return p;
}

static struct gust_pkt *receive(struct port *port)
{
	struct gust_batch in;

	gust_batch_init(&in);
	assert_int_equal(port->ops->rx(port, 0, 1, &in, &drops), 1);
	assert_int_equal(in.n, 1);
	return gust_batch_pop(&in);
}

static void test_there_and_back(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.eth = i & 4,
				.len = i & 8 ? 60000 : 900 };
		uint16_t gso = i & 8 ? 1400 : 0;
		struct gust_pkt *p;
		uint32_t n;

		open_pair(t.eth, 4);
		assert_int_equal(a->ops->tx(a, 0, make(&t, gso)), PORT_TX_OK);
		assert_int_equal(mem_port_waiting(b), 1);
		p = receive(b);
		assert_ptr_equal(p->pool, pb);
		assert_int_equal(p->gso_size, gso);
		assert_int_equal(p->need, GUST_F_CSUM);
		assert_int_equal(b->ops->tx(b, 0, p), PORT_TX_OK);
		p = receive(a);
		assert_ptr_equal(p->pool, pa);
		assert_int_equal(p->gso_size, gso);
		pkt_csum_complete(p);
		n = tp_build(buf, &t);
		assert_pkt_bytes(p, buf, n);
		pkt_free(p);
		close_pair();
	}
}

static void test_big(void **state)
{
	struct tp t = { .v6 = true, .jumbo = true, .len = 500000 };
	struct gust_pkt *p;
	uint32_t n;

	open_pair(false, 4);
	assert_int_equal(a->ops->tx(a, 0, make(&t, 1440)), PORT_TX_OK);
	p = receive(b);
	assert_int_equal(p->gso_size, 1440);
	pkt_csum_complete(p);
	n = tp_build(buf, &t);
	assert_pkt_bytes(p, buf, n);
	pkt_free(p);
	close_pair();
}

static void test_full_and_order(void **state)
{
	struct tp t = { .len = 10 };
	struct gust_batch in;
	struct gust_pkt *p;

	open_pair(false, 3);
	for (uint32_t i = 0; i < 3; i++) {
		t.seq = i;
		assert_int_equal(a->ops->tx(a, 0, make(&t, 0)), PORT_TX_OK);
	}
	t.seq = 3;
	p = make(&t, 0);
	assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_AGAIN);
	gust_batch_init(&in);
	assert_int_equal(b->ops->rx(b, 0, 2, &in, &drops), 2);
	assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_OK);
	assert_int_equal(b->ops->rx(b, 0, 64, &in, &drops), 2);
	assert_int_equal(b->ops->rx(b, 0, 64, &in, &drops), 0);
	for (uint32_t i = 0; (p = gust_batch_pop(&in)); i++) {
		assert_int_equal(r16(p->head + 26), i);
		pkt_free(p);
	}
	assert_int_equal(b->ops->fd(b, 0), -1);
	assert_string_equal(b->ops->kind, "mem");
	close_pair();
}

static void test_bad_is_counted(void **state)
{
	struct tp t = { .len = 10 };
	struct gust_batch in;
	struct gust_pkt *p;

	open_pair(false, 3);
	p = make(&t, 0);
	p->head[0] = 0x55;
	assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_OK);
	p = make(&t, 0);
	p->head[20 + 12] = 0; /* data offset */
	assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_OK);
	gust_batch_init(&in);
	assert_int_equal(b->ops->rx(b, 0, 64, &in, &drops), 2); /* read, not kept */
	assert_int_equal(in.n, 0);
	assert_int_equal(drops.n[DROP_BAD_VERSION], 1);
	assert_int_equal(drops.n[DROP_BAD_TCPHDR], 1);
	close_pair();
}

static void test_refuse(void **state)
{
	static const struct {
		struct tp t;
		uint16_t gso;
		enum feat f;
	} c[] = {
		{ { .len = 9000 }, 1000, FEAT_TSO4 },
		{ { .len = 9000, .v6 = true }, 1000, FEAT_TSO6 },
		{ { .len = 9000, .udp = true }, 1000, FEAT_USO },
		{ { .len = 9000, .udp = true, .v6 = true }, 1000, FEAT_USO },
		{ { .len = 90000 }, 1000, FEAT_BIGTCP4 },
		{ { .len = 90000, .v6 = true }, 1000, FEAT_BIGTCP6_PLAIN },
		{ { .len = 90000, .v6 = true, .jumbo = true },
		  1000,
		  FEAT_BIGTCP6_JUMBO },
		{ { .len = 100 }, 0, FEAT_TX_CSUM },
	};

	open_pair(false, 100);
	for (unsigned i = 0; i < sizeof c / sizeof c[0]; i++) {
		struct gust_pkt *p = make(&c[i].t, c[i].gso);
		uint64_t was = mem_port_refused(a);

		mem_port_set_refuse(a, FEAT_BIT(c[i].f));
		assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_REFUSED);
		assert_int_equal(mem_port_refused(a), was + 1);
		mem_port_set_refuse(a,
				    ~FEAT_BIT(c[i].f) &
					    ~(c[i].t.len > 9000 ?
						      FEAT_BIT(FEAT_TSO4) |
							      FEAT_BIT(FEAT_TSO6) :
						      0) &
					    ~FEAT_BIT(FEAT_TX_CSUM));
		assert_int_equal(a->ops->tx(a, 0, p), PORT_TX_OK);
		pkt_free(receive(b));
	}
	close_pair();
}

static void test_closed(void **state)
{
	struct tp t = { .len = 10 };
	struct gust_batch in;

	open_pair(false, 3);
	assert_int_equal(a->ops->tx(a, 0, make(&t, 0)), PORT_TX_OK);
	assert_int_equal(a->ops->tx(a, 0, make(&t, 0)), PORT_TX_OK);
	assert_int_equal(b->ops->tx(b, 0, make(&t, 0)), PORT_TX_OK);
	a->ops->close(a); /* with one packet unread there */
	pkt_free(receive(b)); /* what was sent before still comes */
	pkt_free(receive(b));
	gust_batch_init(&in);
	assert_int_equal(b->ops->rx(b, 0, 1, &in, &drops), -EIO);
	assert_int_equal(b->ops->tx(b, 0, make(&t, 0)), PORT_TX_DOWN);
	b->ops->close(b);
	assert_int_equal(mem_port_pair(pa, pb, false, 0, &a, &b), -EINVAL);
}

static void test_pool_limits(void **state)
{
	struct tp t = { .len = 10 };
	struct gust_slab *s[4];
	struct gust_pkt *hold[200];
	struct gust_batch in;
	int n;

	open_pair(false, 3);
	for (int i = 0; i < 4; i++)
		s[i] = slab_new(pb);
	assert_int_equal(a->ops->tx(a, 0, make(&t, 0)), PORT_TX_ERROR);
	for (int i = 0; i < 4; i++)
		slab_unref(s[i]);
	assert_int_equal(a->ops->tx(a, 0, make(&t, 0)), PORT_TX_OK);
	for (n = 0; n < 200; n++)
		hold[n] = pkt_new(pb);
	gust_batch_init(&in);
	assert_int_equal(b->ops->rx(b, 0, 1, &in, &drops), 1);
	assert_int_equal(in.n, 0);
	assert_int_equal(drops.n[DROP_NO_PKT], 1);
	while (n--)
		pkt_free(hold[n]);
	close_pair();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_there_and_back), T(test_big),    T(test_full_and_order),
		T(test_bad_is_counted), T(test_refuse), T(test_closed),
		T(test_pool_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
