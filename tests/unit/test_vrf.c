/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vrf.c - what a router does to a packet, to the byte, and to whom it goes
 */
#include "switch/vrf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pkt/dissect.h"
#include "pktlib.h"
#include "switch/switch.h"

static const struct siphash_key secret = { 1, 2 };
static struct pkt_pool *pool;
static struct drop_counters drops;
static struct fib *fib;
static const struct fib_snap *snap;
static uint32_t mtus[64];
static struct vrf_result res;
static uint8_t buf[300000];

static uint32_t mtu_of(void *arg, uint32_t id)
{
	assert_true(id < 64);
	return ((uint32_t *)arg)[id];
}

static const struct vrf vrf = {
	.drops = &drops, .secret = &secret, .mtu = mtu_of, .arg = mtus
};

static int setup(void **state)
{
	memset(&drops, 0, sizeof(drops));
	pool = small_pool(1024, 4096);
	fib = fib_new(&(struct fib_conf){ .seed = 5 });
	assert_non_null(fib);
	snap = NULL;
	for (unsigned i = 0; i < 64; i++)
		mtus[i] = 1500;
	return 0;
}

static int teardown(void **state)
{
	fib_release(fib, snap);
	fib_free(fib);
	assert_int_equal(pkt_pool_free(pool), 0);
	return 0;
}

static void route(const char *net, unsigned plen, enum fib_type type, uint32_t id)
{
	struct fib_dest d = { .type = type, .n = type == FIB_UNICAST };
	struct ipaddr a;

	d.nh[0].id = id;
	assert_int_equal(ipaddr_parse(net, &a), 0);
	assert_int_equal(fib_add(fib, &a, plen, &d), 0);
	fib_release(fib, snap);
	snap = fib_publish(fib);
}

static struct gust_pkt *dissected(uint32_t n, enum dissect_start start)
{
	struct gust_pkt *p = pkt_of(pool, buf, n);

	assert_int_equal(pkt_dissect(p, start), DROP_NONE);
	return p;
}

static struct gust_pkt *packet(const struct tp *t)
{
	return dissected(tp_build(buf, t), t->eth ? DISSECT_ETH : DISSECT_IP);
}

/* The same with another destination and TTL. */
static struct gust_pkt *packet_to(const char *dst, uint8_t ttl)
{
	struct ipaddr a;
	struct tp t = { .len = 10 };
	uint32_t n;

	assert_int_equal(ipaddr_parse(dst, &a), 0);
	t.v6 = !ipaddr_is4(&a);
	n = tp_build(buf, &t);
	if (t.v6) {
		memcpy(buf + 24, a.b, 16);
		buf[7] = ttl;
	} else {
		memcpy(buf + 16, a.b + 12, 4);
		buf[8] = ttl;
		fix_ip4(buf);
	}
	return dissected(n, DISSECT_IP);
}

static bool run(struct gust_pkt *p)
{
	struct gust_batch in;

	gust_batch_init(&in);
	gust_batch_push(&in, p);
	return vrf_route(&vrf, snap, &in, &res);
}

/* The only thing that came of it: forwarded to `id`. */
static struct gust_pkt *forwarded(uint32_t id, uint32_t frag_mtu)
{
	assert_int_equal(res.n_out, 1);
	assert_int_equal(res.n_err, 0);
	assert_int_equal(res.local.n, 0);
	assert_int_equal(res.out[0].nh->id, id);
	assert_int_equal(res.out[0].frag_mtu, frag_mtu);
	assert_int_equal(res.out[0].b.n, 1);
	return gust_batch_pop(&res.out[0].b);
}

static void answered(enum vrf_error e, uint32_t mtu, enum drop_reason why)
{
	assert_int_equal(res.n_out, 0);
	assert_int_equal(res.n_err, 1);
	assert_int_equal(res.local.n, 0);
	assert_int_equal(res.err[0].error, e);
	assert_int_equal(res.err[0].mtu, mtu);
	assert_int_equal(drops.n[why], 1);
	drops.n[why] = 0;
	pkt_free(res.err[0].p);
}

static void dropped(enum drop_reason why)
{
	assert_int_equal(res.n_out, 0);
	assert_int_equal(res.n_err, 0);
	assert_int_equal(res.local.n, 0);
	assert_int_equal(drops.n[why], 1);
	drops.n[why] = 0;
}

static void test_forward4(void **state)
{
	uint8_t want[2000];
	struct gust_pkt *p;
	uint32_t n;

	route("10.111.0.0", 16, FIB_UNICAST, 3);
	n = tp_build(want, &(struct tp){ .id = 77, .len = 100 });
	want[8] = 63;
	fix_ip4(want);
	assert_true(run(packet(&(struct tp){ .id = 77, .len = 100 })));
	p = forwarded(3, 0);
	assert_pkt_bytes(p, want, n);
	assert_int_equal(p->hops, 1);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4);
	pkt_free(p);
	/* with an Ethernet header: it has done its work */
	assert_true(run(packet(&(struct tp){ .id = 77, .len = 100, .eth = true })));
	p = forwarded(3, 0);
	assert_pkt_bytes(p, want, n);
	assert_int_equal(p->nlayer, 2);
	pkt_free(p);
}

static void test_forward6(void **state)
{
	uint8_t want[2000];
	struct gust_pkt *p;
	uint32_t n;

	route("2001:db8::", 32, FIB_UNICAST, 4);
	n = tp_build(want, &(struct tp){ .v6 = true, .len = 100 });
	want[7] = 63;
	assert_true(run(packet(&(struct tp){ .v6 = true, .len = 100 })));
	p = forwarded(4, 0);
	assert_pkt_bytes(p, want, n);
	pkt_free(p);
}

static void test_kinds(void **state)
{
	struct gust_pkt *p;

	route("10.1.0.0", 16, FIB_LOCAL, 0);
	route("10.2.0.0", 16, FIB_BLACKHOLE, 0);
	route("10.3.0.0", 16, FIB_UNREACH, 0);
	route("10.4.0.0", 16, FIB_PROHIBIT, 0);
	route("ff02::", 16, FIB_LOCAL, 0);
	assert_true(run(packet_to("10.1.0.1", 1))); /* TTL 1 is enough */
	assert_int_equal(res.n_out + res.n_err, 0);
	assert_int_equal(res.local.n, 1);
	p = gust_batch_pop(&res.local);
	assert_int_equal(p->head[8], 1);
	assert_int_equal(p->hops, 0);
	pkt_free(p);
	assert_true(run(packet_to("ff02::1", 255)));
	assert_int_equal(res.local.n, 1);
	pkt_batch_free(&res.local);
	assert_true(run(packet_to("10.2.0.1", 9)));
	dropped(DROP_BLACKHOLE);
	assert_true(run(packet_to("10.3.0.1", 9)));
	answered(VRF_E_UNREACH, 0, DROP_UNREACHABLE);
	assert_true(run(packet_to("10.4.0.1", 9)));
	answered(VRF_E_PROHIBIT, 0, DROP_UNREACHABLE);
	assert_true(run(packet_to("10.5.0.1", 9)));
	answered(VRF_E_NO_ROUTE, 0, DROP_NO_ROUTE);
	assert_true(run(packet_to("2001:db8::9", 9)));
	answered(VRF_E_NO_ROUTE, 0, DROP_NO_ROUTE);
}

static void test_ttl(void **state)
{
	struct gust_pkt *p;

	route("0.0.0.0", 0, FIB_UNICAST, 1);
	route("::", 0, FIB_UNICAST, 1);
	assert_true(run(packet_to("10.3.0.1", 1)));
	assert_int_equal(res.err[0].p->head[8], 1); /* as it came */
	answered(VRF_E_TTL, 0, DROP_TTL);
	assert_true(run(packet_to("10.3.0.1", 0)));
	answered(VRF_E_TTL, 0, DROP_TTL);
	assert_true(run(packet_to("2001:db8::9", 1)));
	answered(VRF_E_TTL, 0, DROP_TTL);
	assert_true(run(packet_to("10.3.0.1", 2)));
	p = forwarded(1, 0);
	assert_int_equal(p->head[8], 1);
	pkt_free(p);
}

static void test_addresses(void **state)
{
	static const char *const scope[] = { "224.0.0.5", "255.255.255.255",
					     "169.254.1.1", "fe80::1", "ff05::1" };
	static const char *const martian[] = { "0.0.0.0", "127.0.0.1",
					       "::", "::1" };
	uint32_t n;

	route("0.0.0.0", 0, FIB_UNICAST, 1);
	route("::", 0, FIB_UNICAST, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(run(packet_to(scope[i], 9)));
		dropped(DROP_SCOPE);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_true(run(packet_to(martian[i], 9)));
		dropped(DROP_MARTIAN);
	}
	n = tp_build(buf, &(struct tp){ .len = 10 });
	memset(buf + 12, 0xe0, 4); /* a group as source */
	fix_ip4(buf);
	assert_true(run(dissected(n, DISSECT_IP)));
	dropped(DROP_MARTIAN);
	/* a frame for all stations, a packet for one */
	n = tp_build(buf, &(struct tp){ .eth = true, .len = 10 });
	memset(buf, 0xff, 6);
	assert_true(run(dissected(n, DISSECT_ETH)));
	dropped(DROP_NOT_FOR_US);
	/* no IP at all */
	n = tp_build(buf, &(struct tp){ .eth = true, .len = 10 });
	w16(buf + 12, 0x0806);
	memcpy(buf + 14, "\0\1\x08\0\6\4\0\1", 8);
	assert_true(run(dissected(42, DISSECT_ETH)));
	dropped(DROP_BAD_ETHERTYPE);
}

/* ---- does it fit? ---- */

static struct gust_pkt *super(const struct tp *t, uint16_t gso_size, uint8_t type)
{
	struct gust_pkt *p = packet(t);

	p->gso_size = gso_size;
	p->gso_type = type;
	p->need = GUST_F_CSUM;
	return p;
}

static void test_fit(void **state)
{
	const struct tp t = { .len = 60000 }, t6 = { .v6 = true, .len = 60000 };
	const struct tp big = { .v6 = true, .jumbo = true, .len = 200000 };
	struct gust_pkt *p;

	route("0.0.0.0", 0, FIB_UNICAST, 1);
	route("::", 0, FIB_UNICAST, 1);
	/* plain: 1500 fits, 1501 does not */
	assert_true(run(packet(&(struct tp){ .len = 1460 })));
	pkt_free(forwarded(1, 0));
	assert_true(run(packet(&(struct tp){ .len = 1461 })));
	answered(VRF_E_TOO_BIG, 1500, DROP_TOO_BIG);
	assert_true(run(packet(&(struct tp){ .v6 = true, .len = 1441 })));
	answered(VRF_E_TOO_BIG, 1500, DROP_TOO_BIG);
	/* a superpacket is as large as its segments */
	assert_true(run(super(&t, 1460, GUST_GSO_TCP4)));
	p = forwarded(1, 0);
	assert_int_equal(p->len, 60040);
	assert_int_equal(p->gso_size, 1460);
	assert_int_equal(p->head[8], 63); /* once */
	pkt_free(p);
	assert_true(run(super(&t, 1461, GUST_GSO_TCP4)));
	assert_int_equal(res.err[0].p->len, 60040);
	answered(VRF_E_TOO_BIG, 1500, DROP_TOO_BIG);
	assert_true(run(super(&t6, 1440, GUST_GSO_TCP6)));
	pkt_free(forwarded(1, 0));
	assert_true(run(super(&t6, 1441, GUST_GSO_TCP6)));
	answered(VRF_E_TOO_BIG, 1500, DROP_TOO_BIG);
	/* the jumbo option is in no segment */
	assert_true(run(super(&big, 1440, GUST_GSO_TCP6)));
	p = forwarded(1, 0);
	assert_int_equal(p->len, 200068);
	pkt_free(p);
	/* one segment that is not full */
	assert_true(run(super(&(struct tp){ .len = 100 }, 9000, GUST_GSO_TCP4)));
	pkt_free(forwarded(1, 0));
	mtus[1] = 0; /* no limit */
	assert_true(run(super(&t, 9000, GUST_GSO_TCP4)));
	pkt_free(forwarded(1, 0));
}

static void test_fit_kinds(void **state)
{
	const struct tp u = { .udp = true, .len = 60000 };
	struct gust_pkt *p;

	/* UFO: fragments, whose size counts the UDP header */
	p = super(&u, 1480, GUST_GSO_UFO);
	assert_int_equal(vrf_seg_len(p), 1500);
	pkt_free(p);
	p = super(&(struct tp){ .udp = true, .v6 = true, .len = 60000 }, 1448,
		  GUST_GSO_UFO);
	assert_int_equal(vrf_seg_len(p), 1496);
	pkt_free(p);
	p = super(&u, 1472, GUST_GSO_UDP4);
	assert_int_equal(vrf_seg_len(p), 1500);
	pkt_free(p);
	/* segments that are not equal: the largest */
	p = super(&(struct tp){ .len = 10 }, GUST_GSO_BY_FRAGS, GUST_GSO_SCTP);
	for (uint32_t i = 1; i <= 3; i++) {
		struct gust_frag f = p->frag[0];
		struct gust_slab *s = slab_new(pool);

		f.slab = s;
		f.p = s->data;
		f.len = i % 3 * 500;
		assert_int_equal(pkt_frag_push(p, &f), 0);
	}
	assert_int_equal(vrf_seg_len(p), 1040);
	pkt_free(p);
}

/* Without DF: whoever sends it cuts it. */
static void test_fragment(void **state)
{
	struct gust_pkt *p;
	uint32_t n;

	route("0.0.0.0", 0, FIB_UNICAST, 1);
	n = tp_build(buf, &(struct tp){ .udp = true, .len = 3000 });
	buf[6] = 0;
	fix_ip4(buf);
	assert_true(run(dissected(n, DISSECT_IP)));
	p = forwarded(1, 1500);
	assert_int_equal(p->head[8], 63);
	pkt_free(p);
}

static void test_loop(void **state)
{
	struct gust_pkt *p = packet(&(struct tp){ .len = 10 });

	route("0.0.0.0", 0, FIB_UNICAST, 1);
	p->hops = SWITCH_HOPS_MAX;
	assert_true(run(p));
	dropped(DROP_SWITCH_LOOP);
	p = packet(&(struct tp){ .len = 10 });
	p->hops = SWITCH_HOPS_MAX - 1;
	assert_true(run(p));
	pkt_free(forwarded(1, 0));
}

/* ---- several ways ---- */

static struct gust_pkt *flow(unsigned port)
{
	uint32_t n = tp_build(buf, &(struct tp){ .len = 10 });

	w16(buf + 20, port);
	return dissected(n, DISSECT_IP);
}

static void test_ecmp(void **state)
{
	struct fib_dest d = { .n = 3,
			      .nh = { { .id = 1 }, { .id = 2 }, { .id = 3 } } };
	struct gust_batch in;
	struct ipaddr a;
	struct gust_pkt *p;
	unsigned n = 0;

	ipaddr_parse("10.0.0.0", &a);
	assert_int_equal(fib_add(fib, &a, 8, &d), 0);
	snap = fib_publish(fib);
	gust_batch_init(&in);
	for (unsigned i = 0; i < 600; i++)
		gust_batch_push(&in, flow(1000 + i / 2)); /* each flow twice */
	assert_true(vrf_route(&vrf, snap, &in, &res));
	assert_int_equal(res.n_out, 3);
	for (unsigned i = 0; i < 3; i++) {
		unsigned got = res.out[i].b.n;

		n += got;
		assert_in_range(got, 140, 260);
		assert_int_equal(got % 2, 0); /* both packets of a flow */
		while ((p = gust_batch_pop(&res.out[i].b))) {
			struct gust_pkt *q = gust_batch_pop(&res.out[i].b);

			assert_int_equal(r16(p->head + 20), r16(q->head + 20));
			pkt_free(p);
			pkt_free(q);
		}
	}
	assert_int_equal(n, 600);
}

static void test_flow_hash(void **state)
{
	struct gust_pkt *p = flow(1), *q = flow(2), *f, *g;
	uint32_t n;

	assert_int_not_equal(vrf_flow_hash(p, &secret), vrf_flow_hash(q, &secret));
	pkt_free(q);
	/* a superpacket and a segment of it are of one flow */
	q = super(&(struct tp){ .len = 60000 }, 1448, GUST_GSO_TCP4);
	w16(q->head + 20, 1);
	assert_int_equal(vrf_flow_hash(p, &secret), vrf_flow_hash(q, &secret));
	pkt_free(p);
	pkt_free(q);
	/* the first fragment and a later one, whose "ports" are payload */
	n = tp_build(buf, &(struct tp){ .udp = true, .len = 100 });
	w16(buf + 6, 0x2000);
	fix_ip4(buf);
	f = dissected(n, DISSECT_IP);
	w16(buf + 6, 16);
	memset(buf + 20, 0x77, 8);
	fix_ip4(buf);
	g = dissected(n, DISSECT_IP);
	assert_int_equal(vrf_flow_hash(f, &secret), vrf_flow_hash(g, &secret));
	pkt_free(f);
	pkt_free(g);
	/* IPv6: the label where ports are out of sight, only there */
	for (unsigned esp = 0; esp < 2; esp++) {
		n = tp_build(buf, &(struct tp){ .v6 = true, .len = 100 });
		if (esp)
			buf[6] = 50;
		f = dissected(n, DISSECT_IP);
		buf[3] = 9;
		g = dissected(n, DISSECT_IP);
		assert_true((vrf_flow_hash(f, &secret) ==
			     vrf_flow_hash(g, &secret)) == !esp);
		pkt_free(f);
		pkt_free(g);
	}
}

/* More ways or errors than a result holds: the rest stays. */
static void test_full(void **state)
{
	struct gust_batch in;
	unsigned n = 0, calls = 0;
	char net[32];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(net, sizeof(net), "10.%u.0.0", i);
		route(net, 16, FIB_UNICAST, i);
	}
	gust_batch_init(&in);
	for (unsigned i = 0; i < 80; i++) {
		snprintf(net, sizeof(net), "10.%u.0.1", i % 40);
		gust_batch_push(&in, packet_to(net, 9));
	}
	for (unsigned i = 0; i < 100; i++)
		gust_batch_push(&in, packet_to("11.0.0.1", 9));
	for (bool all = false; !all; calls++) {
		all = vrf_route(&vrf, snap, &in, &res);
		assert_int_equal(all, !in.n);
		if (!calls)
			assert_int_equal(res.n_out, VRF_OUT_MAX);
		for (unsigned i = 0; i < res.n_out; i++) {
			n += res.out[i].b.n;
			pkt_batch_free(&res.out[i].b);
		}
		for (unsigned i = 0; i < res.n_err; i++, n++)
			pkt_free(res.err[i].p);
	}
	assert_int_equal(n, 180);
	assert_in_range(calls, 4, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(x) cmocka_unit_test_setup_teardown(x, setup, teardown)
		T(test_forward4),  T(test_forward6),  T(test_kinds),
		T(test_ttl),       T(test_addresses), T(test_fit),
		T(test_fit_kinds), T(test_fragment),  T(test_loop),
		T(test_ecmp),      T(test_flow_hash), T(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
