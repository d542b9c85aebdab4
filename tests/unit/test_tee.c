/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tee.c - what a worker copies for a capture, and what it counts
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "pkt/dissect.h"
#include "pktlib.h"
#include "work/tee.h"

static struct pkt_pool *pool;
static uint8_t buf[80000];

static int setup(void **state)
{
	pool = small_pool(6, 100);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_pkt *packet(const struct tp *t, uint16_t gso_size)
{
	struct gust_pkt *p = pkt_of(pool, buf, tp_build(buf, t));

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	p->gso_size = gso_size;
	p->gso_type = gso_size ? GUST_GSO_TCP4 : GUST_GSO_NONE;
	return p;
}

static void tee_begin(struct tee *t, struct tee_bell *bell, uint64_t ring)
{
	*t = (struct tee){
		.ring = bytering_new(ring),
		.bell = bell,
		.copy_max = 1 << 20,
		.worker = 3,
		.real_us = 1000000,
	};
	assert_non_null(t->ring);
}

static void tee_end(struct tee *t)
{
	bytering_free(t->ring);
}

static const struct tee_rec *next(struct tee *t, uint32_t *len)
{
	return bytering_peek(t->ring, len);
}

/* The bytes, the map and what is known besides them. */
static void copies(void **state)
{
	struct tp tp = { .len = 5000, .id = 7, .seq = 9 };
	struct gust_pkt *p = packet(&tp, 1000);
	const struct tee_rec *r;
	struct tee t;
	uint32_t len;

	tee_begin(&t, NULL, 65536);
	p->need = GUST_F_CSUM | GUST_F_ECN;
	tee_stage(&t, p, FILTER_OUT, 23);
	assert_null(next(&t, &len)); /* not before it is kept */
	tee_keep(&t);
	r = next(&t, &len);
	assert_non_null(r);
	assert_int_equal(r->ts_us, 1000023);
	assert_int_equal(r->gap, 0);
	assert_int_equal(r->len, 5040);
	assert_int_equal(r->caplen, 5040);
	assert_int_equal(r->segs, 5);
	assert_int_equal(r->need, GUST_F_CSUM | GUST_F_ECN);
	assert_int_equal(r->hlen, 40);
	assert_int_equal(r->gso_size, 1000);
	assert_int_equal(r->gso_type, GUST_GSO_TCP4);
	assert_int_equal(r->worker, 3);
	assert_int_equal(r->dir, FILTER_OUT);
	assert_int_equal(r->nlayer, 2);
	assert_int_equal(len, sizeof(*r) + 2 * 4 + 5040);
	assert_memory_equal(tee_layers(r), p->layer, 8);
	assert_memory_equal(tee_bytes(r), buf, 5040);
	pkt_free(p);
	tee_end(&t);
}

static void snapped(void **state)
{
	static const uint32_t max[] = { 0, 1, 39, 40, 41, 5039, 5040, 5041 };
	struct gust_pkt *p = packet(&(struct tp){ .len = 5000 }, 0);

	for (unsigned i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
		uint32_t want = max[i] < 5040 ? max[i] : 5040, len;
		const struct tee_rec *r;
		struct tee t;

		tee_begin(&t, NULL, 65536);
		t.copy_max = max[i];
		tee_stage(&t, p, FILTER_IN, 1);
		tee_keep(&t);
		r = next(&t, &len);
		assert_non_null(r);
		assert_int_equal(r->len, 5040);
		assert_int_equal(r->caplen, want);
		assert_memory_equal(tee_bytes(r), buf, want);
		tee_end(&t);
	}
	pkt_free(p);
}

/* A packet that the port did not take is not there and not counted. */
static void not_kept(void **state)
{
	struct gust_pkt *p = packet(&(struct tp){ .len = 10 }, 0);
	struct tee t;
	uint32_t len;

	tee_begin(&t, NULL, 4096);
	for (unsigned i = 0; i < 1000; i++)
		tee_stage(&t, p, FILTER_OUT, i);
	assert_null(next(&t, &len));
	assert_int_equal(t.n.seen, 0);
	assert_int_equal(t.n.lost, 0);
	tee_stage(&t, p, FILTER_OUT, 5);
	tee_keep(&t);
	assert_int_equal(next(&t, &len)->ts_us, 1000005);
	bytering_pop(t.ring);
	assert_null(next(&t, &len));
	pkt_free(p);
	tee_end(&t);
}

/* When the ring is full the newest copies are lost; each is counted once, and the
 * next record says how many are missing in front of it. */
static void overflow(void **state)
{
	struct gust_pkt *big = packet(&(struct tp){ .len = 3000 }, 1000);
	struct gust_pkt *small = packet(&(struct tp){ .len = 10 }, 0);
	uint64_t records = 0, gaps = 0;
	const struct tee_rec *r;
	struct tee t;
	uint32_t len;

	tee_begin(&t, NULL, 8192);
	for (unsigned i = 0; i < 10; i++) {
		tee_stage(&t, big, FILTER_IN, i);
		tee_keep(&t);
	}
	assert_int_equal(t.n.seen, 10);
	assert_int_equal(t.n.accepted, 10);
	assert_int_equal(t.n.segs, 30);
	assert_int_equal(t.n.lost, 8); /* two of 3 KB fit into 8 KB */
	assert_int_equal(t.n.lost_segs, 24);
	/* small ones still fit */
	tee_stage(&t, small, FILTER_IN, 20);
	tee_keep(&t);
	assert_int_equal(t.n.lost, 8);
	for (unsigned i = 0; i < 100; i++) {
		tee_stage(&t, small, FILTER_IN, 30);
		tee_keep(&t);
	}
	assert_true(t.n.lost > 50);
	assert_int_equal(next(&t, &len)->gap, 0);
	bytering_pop(t.ring);
	assert_int_equal(next(&t, &len)->gap, 0);
	bytering_pop(t.ring);
	assert_int_equal(next(&t, &len)->gap, 8);
	bytering_pop(t.ring);
	/* there is room again: the record tells of the second gap */
	tee_stage(&t, small, FILTER_IN, 40);
	tee_keep(&t);
	while ((r = next(&t, &len))) {
		records++;
		gaps += r->gap;
		bytering_pop(t.ring);
	}
	assert_int_equal(gaps + 8, t.n.lost);
	assert_int_equal(records + 3 + t.n.lost, t.n.accepted);
	pkt_free(big);
	pkt_free(small);
	tee_end(&t);
}

static struct filter compiled(const char *text)
{
	struct filter_error err;
	struct filter f;

	assert_int_equal(filter_compile(text, &f, &err), 0);
	return f;
}

/* Several captures of one worker, each with a filter of its own. */
static void several(void **state)
{
	struct filter super = compiled("super"), in = compiled("in");
	struct gust_pkt *big = packet(&(struct tp){ .len = 3000 }, 1000);
	struct gust_pkt *small = packet(&(struct tp){ .len = 10 }, 0);
	struct tee t[3];
	uint32_t len;

	for (unsigned i = 0; i < 3; i++) {
		tee_begin(&t[i], NULL, 4096);
		t[i].next = i < 2 ? &t[i + 1] : NULL;
	}
	t[0].filter = &super;
	t[1].filter = &in;
	tee_stage(t, small, FILTER_IN, 1);
	tee_keep(t);
	tee_stage(t, big, FILTER_OUT, 2);
	tee_keep(t);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(t[i].n.seen, 2);
	assert_int_equal(t[0].n.accepted, 1);
	assert_int_equal(t[1].n.accepted, 1);
	assert_int_equal(t[2].n.accepted, 2);
	assert_int_equal(t[2].n.lost, 0);
	assert_int_equal(next(&t[0], &len)->ts_us, 1000002);
	assert_int_equal(next(&t[1], &len)->ts_us, 1000001);
	pkt_free(big);
	pkt_free(small);
	for (unsigned i = 0; i < 3; i++)
		tee_end(&t[i]);
}

static uint64_t rung(const struct tee_bell *b)
{
	uint64_t n = 0;

	return read(b->fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* A reader that sleeps is woken once, and only for something. */
static void bell(void **state)
{
	struct gust_pkt *p = packet(&(struct tp){ .len = 10 }, 0);
	struct filter none = compiled("arp");
	struct tee_bell b = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	struct tee t;

	tee_begin(&t, &b, 4096);
	atomic_store(&b.asleep, true);
	tee_flush(&t);
	assert_int_equal(rung(&b), 0);
	tee_stage(&t, p, FILTER_IN, 1);
	tee_keep(&t);
	tee_stage(&t, p, FILTER_IN, 1);
	tee_keep(&t);
	tee_flush(&t);
	assert_int_equal(rung(&b), 1);
	assert_false(atomic_load(&b.asleep));
	/* awake: it will see the record */
	tee_stage(&t, p, FILTER_IN, 1);
	tee_keep(&t);
	tee_flush(&t);
	assert_int_equal(rung(&b), 0);
	/* what the filter refuses, or the ring, is no reason */
	atomic_store(&b.asleep, true);
	t.filter = &none;
	tee_stage(&t, p, FILTER_IN, 1);
	tee_keep(&t);
	tee_flush(&t);
	assert_int_equal(rung(&b), 0);
	close(b.fd);
	pkt_free(p);
	tee_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),   cmocka_unit_test(snapped),
		cmocka_unit_test(not_kept), cmocka_unit_test(overflow),
		cmocka_unit_test(several),  cmocka_unit_test(bell),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
