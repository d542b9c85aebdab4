/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bridge.c - frames in, frames out, byte for byte, and nothing more
 */
#include "switch/bridge.h"

#include <errno.h>
#include <stdlib.h>

#include "pkt/dissect.h"
#include "pktlib.h"
#include "switch/switch.h"

#define SEC UINT64_C(1000000)

static const struct siphash_key secret = { 1, 2 };
static const uint8_t A[6] = { 2, 0, 0, 0, 0, 0xa }, B[6] = { 2, 0, 0, 0, 0, 0xb },
		     C[6] = { 2, 0, 0, 0, 0, 0xc };
static const uint8_t bcast[6] = { 255, 255, 255, 255, 255, 255 };
static struct pkt_pool *pool;
static struct drop_counters drops;
static struct rng rng;
static struct env env;
static struct bridge *b;

static int setup(void **state)
{
	struct bridge_conf conf = { .drops = &drops, .secret = &secret };

	rng_seed(&rng, 1);
	env = (struct env){ .now_us = 1, .rng = &rng };
	memset(&drops, 0, sizeof(drops));
	pool = small_pool(512, 4096);
	conf.pool = pool;
	b = bridge_new(&conf);
	assert_non_null(b);
	return 0;
}

static int teardown(void **state)
{
	bridge_free(b);
	assert_int_equal(pkt_pool_free(pool), 0);
	return 0;
}

static void ports(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			bridge_port_add(b, i, &(struct bridge_port_conf){ 0 }), 0);
}

/* A frame of `len` payload bytes; vlan < 0: untagged. */
static struct gust_pkt *frame(const uint8_t *dst, const uint8_t *src, int vlan,
			      uint32_t len)
{
	static uint8_t buf[70000];
	uint32_t n, at = vlan < 0 ? 0 : 4;
	struct gust_pkt *p;

	n = tp_build(buf + at, &(struct tp){ .eth = true, .len = len }) + at;
	if (at) {
		memmove(buf, buf + at, 12);
		w16(buf + 12, 0x8100);
		w16(buf + 14, 0xe000 | vlan); /* with a priority */
	}
	memcpy(buf, dst, 6);
	memcpy(buf + 6, src, 6);
	p = pkt_of(pool, buf, n);
	assert_int_equal(pkt_dissect(p, DISSECT_ETH), DROP_NONE);
	return p;
}

static void give(unsigned port, unsigned remote, struct gust_pkt *p)
{
	struct gust_batch in;

	gust_batch_init(&in);
	gust_batch_push(&in, p);
	bridge_input(b, (struct fdb_place){ port, remote }, &in, &env);
	assert_int_equal(in.n, 0);
}

/* One frame comes out there. */
static struct gust_pkt *take(unsigned port, unsigned remote)
{
	struct gust_batch out;
	struct fdb_place at;

	assert_true(bridge_output(b, &at, &out));
	assert_int_equal(at.port, port);
	assert_int_equal(at.remote, remote);
	assert_int_equal(out.n, 1);
	return gust_batch_pop(&out);
}

static void expect(unsigned port, unsigned remote)
{
	pkt_free(take(port, remote));
}

static void nothing(void)
{
	struct gust_batch out;
	struct fdb_place at;

	assert_false(bridge_output(b, &at, &out));
}

static void dropped(enum drop_reason why, uint64_t n)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < DROP_REASONS; i++)
		all += drops.n[i];
	assert_int_equal(drops.n[why], n);
	assert_int_equal(all, n);
}

static void test_learning(void **state)
{
	ports(3);
	give(0, 0, frame(B, A, -1, 10)); /* unknown: everywhere else */
	expect(1, 0);
	expect(2, 0);
	nothing();
	give(1, 0, frame(A, B, -1, 10));
	expect(0, 0);
	nothing();
	give(0, 0, frame(B, A, -1, 10));
	expect(1, 0);
	nothing();
	give(2, 0, frame(bcast, C, -1, 10));
	expect(0, 0);
	expect(1, 0);
	nothing();
	/* the same port: no hairpin */
	give(2, 0, frame(C, A, -1, 10)); /* A moves to port 2 */
	nothing();
	dropped(DROP_BRIDGE_HAIRPIN, 1);
	give(1, 0, frame(A, B, -1, 10));
	expect(2, 0);
	/* B falls silent */
	env.now_us += 301 * SEC;
	give(2, 0, frame(B, A, -1, 10));
	expect(0, 0);
	expect(1, 0);
	nothing();
}

/* A superpacket stays one, its bytes are the same, copies share payload, heads are
 * private. */
static void test_superpacket(void **state)
{
	struct gust_pkt *p, *q, *r;
	uint8_t *want;

	ports(3);
	p = frame(B, A, 7, 60000);
	p->gso_size = 1448;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	want = pkt_flat(p);
	give(0, 0, p);
	q = take(1, 0);
	r = take(2, 0);
	nothing();
	assert_pkt_bytes(q, want, 14 + 4 + 40 + 60000);
	assert_pkt_bytes(r, want, 14 + 4 + 40 + 60000);
	assert_int_equal(q->gso_size, 1448);
	assert_int_equal(r->gso_size, 1448);
	assert_int_equal(q->need, GUST_F_CSUM);
	assert_int_equal(q->hops, 1);
	assert_int_equal(r->hops, 1);
	assert_ptr_equal(q->frag[0].p, r->frag[0].p);
	assert_ptr_not_equal(q->head, r->head);
	free(want);
	pkt_free(q);
	pkt_free(r);
}

static void test_vlan(void **state)
{
	ports(3);
	give(0, 0, frame(bcast, A, 10, 10));
	expect(1, 0);
	expect(2, 0);
	give(1, 0, frame(bcast, A, 20, 10)); /* the same address elsewhere */
	expect(0, 0);
	expect(2, 0);
	give(2, 0, frame(A, B, 10, 10));
	expect(0, 0);
	give(2, 0, frame(A, B, 20, 10));
	expect(1, 0);
	give(2, 0, frame(A, B, -1, 10)); /* untagged: a VLAN of its own */
	expect(0, 0);
	expect(1, 0);
	nothing();
}

/* Frames that are not IP pass as they are, tagged or not. */
static void test_other(void **state)
{
	uint8_t buf[64] = { 0 };
	struct gust_pkt *p;

	ports(2);
	memcpy(buf, B, 6);
	memcpy(buf + 6, A, 6);
	for (unsigned i = 12; i < sizeof(buf); i++)
		buf[i] = i;
	w16(buf + 12, 0x88cc);
	for (unsigned tagged = 0; tagged < 2; tagged++) {
		if (tagged) {
			memcpy(buf + 12, "\x81\x00\x00\x2a\x88\xf7", 6);
			assert_int_equal(
				fdb_add(bridge_fdb(b),
					&(struct ethaddr){ { 2, 0, 0, 0, 0, 0xb } },
					42, (struct fdb_place){ 0, 0 }),
				0);
		}
		p = pkt_of(pool, buf, sizeof(buf));
		assert_int_equal(pkt_dissect(p, DISSECT_ETH | DISSECT_ANY),
				 DROP_NONE);
		give(tagged, 0, p);
		p = take(!tagged, 0);
		assert_pkt_bytes(p, buf, sizeof(buf));
		pkt_free(p);
		nothing();
	}
}

static void test_refused(void **state)
{
	static const uint8_t stp[6] = { 1, 0x80, 0xc2, 0, 0, 0 },
			     lldp[6] = { 1, 0x80, 0xc2, 0, 0, 0xe },
			     gmrp[6] = { 1, 0x80, 0xc2, 0, 0, 0x20 },
			     zero[6] = { 0 };
	struct gust_pkt *p;
	uint8_t buf[100];

	ports(2);
	give(0, 0, frame(stp, A, -1, 10));
	give(0, 0, frame(lldp, A, -1, 10));
	nothing();
	dropped(DROP_BRIDGE_RESERVED, 2);
	give(0, 0, frame(gmrp, A, -1, 10));
	expect(1, 0);
	memset(&drops, 0, sizeof(drops));
	give(0, 0, frame(B, bcast, -1, 10));
	give(0, 0, frame(B, zero, -1, 10));
	nothing();
	dropped(DROP_BAD_ADDR, 2);
	memset(&drops, 0, sizeof(drops));
	p = pkt_of(pool, buf, tp_build(buf, &(struct tp){ .len = 10 }));
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	give(0, 0, p);
	nothing();
	dropped(DROP_NOT_ETH, 1);
	memset(&drops, 0, sizeof(drops));
	give(5, 0, frame(B, A, -1, 10)); /* no such port */
	give(0, 1, frame(B, A, -1, 10)); /* no such remote */
	nothing();
	dropped(DROP_BRIDGE_NO_PORT, 2);
	memset(&drops, 0, sizeof(drops));
	assert_int_equal(bridge_port_del(b, 1), 0);
	give(0, 0, frame(B, A, -1, 10)); /* nobody else there */
	nothing();
	dropped(DROP_BRIDGE_NO_PORT, 1);
}

/* Head-end replication, and nothing from one remote to another. */
static void test_remotes(void **state)
{
	ports(2);
	assert_int_equal(
		bridge_port_add(b, 5, &(struct bridge_port_conf){ .remotes = 3 }),
		0);
	give(0, 0, frame(bcast, A, -1, 10));
	expect(1, 0);
	expect(5, 0);
	expect(5, 1);
	expect(5, 2);
	nothing();
	give(5, 1, frame(A, B, -1, 10));
	expect(0, 0);
	give(5, 2, frame(bcast, C, -1, 10));
	expect(0, 0);
	expect(1, 0);
	nothing();
	give(0, 0, frame(B, A, -1, 10));
	expect(5, 1);
	give(0, 0, frame(C, A, -1, 10));
	expect(5, 2);
	nothing();
	give(5, 2, frame(B, C, -1, 10)); /* split horizon */
	nothing();
	dropped(DROP_BRIDGE_HAIRPIN, 1);
	/* a remote goes away, with what is on the way to it */
	give(0, 0, frame(C, A, -1, 10));
	assert_int_equal(
		bridge_port_set(b, 5, &(struct bridge_port_conf){ .remotes = 2 }),
		0);
	nothing();
	give(0, 0, frame(C, A, -1, 10));
	expect(1, 0);
	expect(5, 0);
	expect(5, 1);
	nothing();
	assert_int_equal(
		bridge_port_set(b, 5, &(struct bridge_port_conf){ .remotes = 4 }),
		0);
	give(0, 0, frame(bcast, A, -1, 10));
	expect(1, 0);
	for (unsigned i = 0; i < 4; i++)
		expect(5, i);
	nothing();
}

/* Superpackets cost as many tokens as they have segments. */
static void test_flood_limit(void **state)
{
	struct bridge_port_conf conf = { .flood_rate = 100, .flood_burst = 10 };
	struct gust_pkt *p;

	ports(1);
	assert_int_equal(bridge_port_add(b, 1, &conf), 0);
	for (unsigned i = 0; i < 12; i++)
		give(1, 0, frame(bcast, A, -1, 10));
	dropped(DROP_FLOOD_LIMIT, 2);
	for (unsigned i = 0; i < 12; i++)
		give(0, 0, frame(bcast, B, -1, 10)); /* another port's limit */
	dropped(DROP_FLOOD_LIMIT, 2);
	give(1, 0, frame(B, A, -1, 10)); /* known: no flooding */
	dropped(DROP_FLOOD_LIMIT, 2);
	env.now_us += SEC / 100; /* one more */
	give(1, 0, frame(bcast, A, -1, 10));
	give(1, 0, frame(bcast, A, -1, 10));
	dropped(DROP_FLOOD_LIMIT, 3);
	env.now_us += SEC / 20; /* 5 */
	p = frame(bcast, A, -1, 6000);
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_TCP4;
	give(1, 0, p);
	dropped(DROP_FLOOD_LIMIT, 4);
	env.now_us += SEC / 100; /* 6 */
	p = frame(bcast, A, -1, 6000);
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_TCP4;
	give(1, 0, p);
	dropped(DROP_FLOOD_LIMIT, 4);
	env.now_us += SEC; /* full: what has more segments than a burst passes */
	p = frame(bcast, A, -1, 60000);
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_TCP4;
	give(1, 0, p);
	dropped(DROP_FLOOD_LIMIT, 4);
	give(1, 0, frame(bcast, A, -1, 10));
	dropped(DROP_FLOOD_LIMIT, 5);
	conf.flood_rate = BRIDGE_UNLIMITED;
	assert_int_equal(bridge_port_set(b, 1, &conf), 0);
	for (unsigned i = 0; i < 100; i++)
		give(1, 0, frame(bcast, A, -1, 10));
	dropped(DROP_FLOOD_LIMIT, 5);
}

/* Two bridges joined twice: what is flooded comes back until it has crossed enough. */
static void test_loop(void **state)
{
	struct gust_batch out;
	struct fdb_place at;
	struct gust_pkt *p;
	unsigned turns = 0, crossings = 0;

	ports(2);
	assert_int_equal(SWITCH_HOPS_MAX, 16);
	give(0, 0, frame(bcast, A, -1, 10));
	while (bridge_output(b, &at, &out)) {
		assert_int_equal(at.port, 1);
		crossings += out.n;
		assert_true(++turns < 100);
		/* a wire from port 1 to port 0 */
		bridge_input(b, (struct fdb_place){ 0, 0 }, &out, &env);
	}
	assert_int_equal(crossings, SWITCH_HOPS_MAX);
	dropped(DROP_SWITCH_LOOP, 1);
	p = frame(bcast, A, -1, 10);
	p->hops = 255;
	give(0, 0, p);
	nothing();
	dropped(DROP_SWITCH_LOOP, 2);
}

/* A batch keeps its order and is handed on as batches. */
static void test_batch(void **state)
{
	struct gust_batch in, out;
	struct fdb_place at;
	struct gust_pkt *p;
	struct bridge_stats st;

	ports(3);
	give(1, 0, frame(bcast, B, -1, 10));
	give(2, 0, frame(bcast, C, -1, 10));
	while (bridge_output(b, &at, &out))
		pkt_batch_free(&out);
	gust_batch_init(&in);
	for (unsigned i = 0; i < 40; i++)
		gust_batch_push(&in, frame(i % 4 < 2 ? B : C, A, -1, 100 + i));
	bridge_input(b, (struct fdb_place){ 0, 0 }, &in, &env);
	for (unsigned k = 1; k <= 2; k++) {
		uint32_t last = 0;

		assert_true(bridge_output(b, &at, &out));
		assert_int_equal(at.port, k);
		assert_int_equal(out.n, 20);
		while ((p = gust_batch_pop(&out))) {
			assert_true(p->len > last);
			last = p->len;
			pkt_free(p);
		}
	}
	nothing();
	bridge_stats(b, &st);
	assert_int_equal(st.forwarded, 40);
	assert_int_equal(st.flooded, 2);
	assert_int_equal(st.copies, 2);
}

static void test_pool_limit(void **state)
{
	struct pkt_pool *tiny = small_pool(4, 1);
	struct bridge_conf conf = { .drops = &drops,
				    .secret = &secret,
				    .pool = tiny };

	bridge_free(b);
	b = bridge_new(&conf);
	ports(4);
	give(0, 0,
	     frame(bcast, A, -1, 10)); /* the frame itself is of another pool */
	expect(1, 0);
	expect(3, 0);
	nothing();
	dropped(DROP_NO_PKT, 1);
	bridge_free(b);
	b = NULL;
	assert_int_equal(pkt_pool_free(tiny), 0);
}

static void test_ports(void **state)
{
	struct bridge_port_conf conf = { 0 }, many = { .remotes = 257 };
	struct fdb_place at = { 1, 0 };
	struct ethaddr mac;

	memcpy(&mac, B, 6);
	assert_int_equal(bridge_port_add(b, BRIDGE_PORTS_MAX, &conf), -EINVAL);
	assert_int_equal(bridge_port_add(b, 0, &many), -EINVAL);
	assert_int_equal(bridge_port_set(b, 0, &conf), -ENOENT);
	assert_int_equal(bridge_port_del(b, 0), -ENOENT);
	ports(3);
	assert_int_equal(bridge_port_add(b, 0, &conf), -EEXIST);
	assert_int_equal(fdb_add(bridge_fdb(b), &mac, 0, at), 0);
	give(0, 0, frame(B, A, -1, 10));
	expect(1, 0);
	give(0, 0, frame(B, A, -1, 10));
	assert_int_equal(bridge_port_del(b, 1), 0); /* with the frame in it */
	nothing();
	give(0, 0, frame(B, A, -1, 10)); /* the static entry went, too */
	expect(2, 0);
	nothing();
	/* what another worker says of a port that is gone */
	fdb_apply(bridge_fdb(b), &(struct fdb_change){ .mac = mac, .place = at },
		  &env);
	give(0, 0, frame(B, A, -1, 10));
	expect(2, 0);
	nothing();
	give(0, 0, frame(B, A, -1, 10)); /* left inside: freed with the bridge */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(x) cmocka_unit_test_setup_teardown(x, setup, teardown)
		T(test_learning),    T(test_superpacket), T(test_vlan),
		T(test_refused),     T(test_other),       T(test_remotes),
		T(test_flood_limit), T(test_loop),        T(test_batch),
		T(test_pool_limit),  T(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
