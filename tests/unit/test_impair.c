/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_impair.c - the impair plugin in virtual time: exact where a rule or a time
 * says so, within four standard deviations where chance does, the same again with
 * the same seed
 */
#include <math.h>

#include "impairlib.h"

/* ---- rules ---- */

static const struct tp kinds[] = {
	{ .id = 0, .flags = TF_SYN },
	{ .id = 1, .flags = TF_SYN | TF_ACK },
	{ .id = 2, .flags = TF_FIN | TF_ACK },
	{ .id = 3, .flags = TF_RST },
	{ .id = 4, .flags = TF_ACK },
	{ .id = 5, .flags = TF_ACK, .len = 10 },
	{ .id = 6, .udp = true, .len = 10 },
	{ .id = 7, .flags = TF_FIN | TF_ACK, .len = 5 },
};

static void test_kinds(void **state)
{
	static const struct {
		const char *kind;
		unsigned gone; /* bits of kinds[] */
	} c[] = {
		{ "syn", 1 << 0 },
		{ "syn-ack", 1 << 1 },
		{ "fin", 1 << 2 | 1 << 7 },
		{ "rst", 1 << 3 },
		{ "ack", 1 << 4 },
		{ "data", 1 << 5 | 1 << 7 },
		{ "udp", 1 << 6 },
		{ "any", 0xff },
		{ "icmp", 0 },
		{ "any port 443", 0xff },
		{ "any port 444", 0 },
	};

	for (unsigned i = 0; i < NELEMS(c); i++) {
		char text[64];

		snprintf(text, sizeof(text), "drop %s", c[i].kind);
		options(text);
		for (unsigned k = 0; k < NELEMS(kinds); k++) {
			struct gust_batch out;

			gust_batch_init(&out);
			give_one(GUST_TX, &kinds[k], &out);
			if (c[i].gone & 1 << k)
				IDS(&out);
			else
				IDS(&out, (int)k);
		}
	}
}

static void test_icmp(void **state)
{
	struct gust_batch out, b;
	struct gust_pkt *p;

	options("drop icmp 2");
	for (int i = 0; i < 3; i++) {
		gust_batch_init(&out);
		gust_batch_init(&b);
		p = make(&kinds[6]);
		p->layer[1].kind = GUST_L_ICMP;
		gust_batch_push(&b, p);
		engine_filter(g.eng, GUST_RX, &b);
		assert_int_equal(b.n, i != 1);
		pkt_batch_free(&b);
	}
}

/* Which ones: one, a range, from one on, all; for each direction by itself. */
static void test_which(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("drop data 2");
	give(GUST_TX, 4, 1, &out);
	IDS(&out, 1, 3, 4);
	give(GUST_RX, 4, 1, &out);
	IDS(&out, 1, 3, 4);
	assert_int_equal(count(LOST), 2);
	assert_int_equal(g.drops.n[DROP_IMPAIRED], 2);

	options("tx: drop data 2..3, drop data 5");
	give(GUST_TX, 6, 1, &out);
	IDS(&out, 1, 4, 6);
	give(GUST_RX, 6, 1, &out);
	IDS(&out, 1, 2, 3, 4, 5, 6);

	options("rx: drop data 3..");
	give(GUST_RX, 6, 1, &out);
	IDS(&out, 1, 2);
	give(GUST_RX, 6, 7, &out);
	IDS(&out);
}

/* "drop the second FIN", among others. */
static void test_second_fin(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("tx: drop fin 2, duplicate fin 1, delay syn 200ms");
	give_one(GUST_TX, &(struct tp){ .id = 1, .flags = TF_FIN | TF_ACK }, &out);
	give_one(GUST_TX, &(struct tp){ .id = 2, .flags = TF_ACK }, &out);
	give_one(GUST_TX, &(struct tp){ .id = 3, .flags = TF_FIN | TF_ACK }, &out);
	give_one(GUST_TX, &(struct tp){ .id = 4, .flags = TF_FIN | TF_ACK }, &out);
	give_one(GUST_TX, &(struct tp){ .id = 5, .flags = TF_SYN }, &out);
	IDS(&out, 1, 1, 2, 4);
	assert_true(engine_deadline(g.eng, GUST_TX) == 201000);
	assert_true(engine_deadline(g.eng, GUST_RX) == GUST_NEVER);
	wait_until(GUST_TX, 200999, &out);
	IDS(&out);
	wait_until(GUST_TX, 201000, &out);
	IDS(&out, 5);
	assert_int_equal(count(LOST), 1);
	assert_int_equal(count(DUPLICATED), 1);
	assert_int_equal(count(DELAYED), 1);
}

static void test_port(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("drop any 2 port 40000"); /* the source port of all of them */
	give_one(GUST_TX, &kinds[0], &out);
	give_one(GUST_TX, &kinds[6], &out);
	give_one(GUST_TX, &kinds[1], &out);
	IDS(&out, 0, 1);
}

/* ---- time ---- */

static void test_delay(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("delay 20ms");
	give(GUST_RX, 2, 1, &out);
	g.env.now_us = 1005;
	give(GUST_RX, 1, 3, &out);
	IDS(&out);
	assert_true(engine_deadline(g.eng, GUST_RX) == 21000);
	wait_until(GUST_RX, 20999, &out);
	IDS(&out);
	wait_until(GUST_RX, 21000, &out);
	IDS(&out, 1, 2);
	assert_true(engine_deadline(g.eng, GUST_RX) == 21005);
	g.env.now_us = 30000; /* late: what is due comes before what is new */
	give(GUST_RX, 1, 4, &out);
	IDS(&out, 3);
	wait_until(GUST_RX, 50000, &out);
	IDS(&out, 4);
	assert_true(engine_deadline(g.eng, GUST_RX) == GUST_NEVER);
	assert_int_equal(count(DELAYED), 4);
}

/* Run 200 packets, one every millisecond, and note when each left. */
static void run_jitter(const char *text, uint64_t left[200], int order[200])
{
	struct gust_batch out;
	unsigned n = 0, sent = 0;
	struct gust_pkt *p;

	options(text);
	gust_batch_init(&out);
	for (uint64_t t = 1000; n < 200; t += 100) {
		g.env.now_us = t;
		assert_true(t < 1000000);
		if (t % 1000 == 0 && sent < 200)
			give(GUST_TX, 1, sent++, &out);
		else
			give(GUST_TX, 0, 0, &out);
		while ((p = gust_batch_pop(&out))) {
			left[id_of(p)] = t;
			order[n++] = id_of(p);
			pkt_free(p);
		}
	}
}

static void test_jitter(void **state)
{
	uint64_t left[200], again[200], min = UINT64_MAX, max = 0;
	int order[200];
	unsigned swapped = 0;

	run_jitter("delay 20ms jitter 5ms, seed 7", left, order);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t d = left[i] - (i + 1) * 1000;

		min = d < min ? d : min;
		max = d > max ? d : max;
		swapped += i && order[i] < order[i - 1];
	}
	assert_in_range(min, 15000, 16000);
	assert_in_range(max, 24000, 25100);
	assert_true(swapped > 20);

	run_jitter("delay 20ms jitter 5ms, seed 7", again, order);
	assert_memory_equal(left, again, sizeof(left));
	run_jitter("delay 20ms jitter 5ms, seed 8", again, order);
	assert_memory_not_equal(left, again, sizeof(left));

	run_jitter("delay 20ms jitter 5ms ordered, seed 7", left, order);
	for (int i = 0; i < 200; i++)
		assert_int_equal(order[i], i);
	assert_memory_not_equal(left, again, sizeof(left));
	run_jitter("delay 1ms jitter 5ms, seed 7", left, order); /* never before */
	for (unsigned i = 0; i < 200; i++)
		assert_true(left[i] >= (i + 1) * 1000);
}

static void test_reorder(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("reorder data 2");
	give(GUST_TX, 4, 1, &out);
	IDS(&out, 1, 3, 2, 4);
	assert_int_equal(count(REORDERED), 1);

	options("reorder 0% by 3, reorder data 1");
	give(GUST_TX, 5, 1, &out);
	IDS(&out, 2, 3, 4, 1, 5);

	/* nobody passes it: it leaves after 10 ms */
	options("reorder data 1");
	give(GUST_TX, 1, 1, &out);
	IDS(&out);
	assert_true(engine_deadline(g.eng, GUST_TX) == 11000);
	wait_until(GUST_TX, 10999, &out);
	IDS(&out);
	wait_until(GUST_TX, 11000, &out);
	IDS(&out, 1);

	/* all of them: there is nobody to pass */
	options("reorder 100%");
	give(GUST_TX, 4, 1, &out);
	IDS(&out);
	wait_until(GUST_TX, 30000, &out);
	IDS(&out, 1, 2, 3, 4);
	/* with a delay: when its time has come */
	g.env.now_us = 40000;
	options("delay 5ms, reorder data 1");
	give(GUST_TX, 2, 1, &out);
	wait_until(GUST_TX, 45000, &out);
	IDS(&out, 2, 1);
}

static void test_rate(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	/* packets of 140 bytes: 1120 bits; 1120 kbit/s: one each millisecond */
	options("rate 1120kbit");
	give(GUST_TX, 4, 1, &out);
	IDS(&out, 1);
	for (int i = 2; i <= 4; i++) {
		assert_true(engine_deadline(g.eng, GUST_TX) == i * 1000u);
		wait_until(GUST_TX, i * 1000 - 1, &out);
		IDS(&out);
		wait_until(GUST_TX, i * 1000, &out);
		IDS(&out, i);
	}
	/* the wire is busy until 5000 */
	g.env.now_us = 4500;
	give(GUST_TX, 1, 5, &out);
	IDS(&out);
	wait_until(GUST_TX, 5000, &out);
	IDS(&out, 5);
	/* idle for long: no credit but the one packet */
	g.env.now_us = 100000;
	give(GUST_TX, 2, 6, &out);
	IDS(&out, 6);

	options("rate 1120kbit burst 280");
	give(GUST_TX, 5, 1, &out);
	IDS(&out, 1, 2, 3);
	wait_until(GUST_TX, 101000, &out);
	IDS(&out, 4);
	wait_until(GUST_TX, 102000, &out);
	IDS(&out, 5);
	/* and delay comes on top */
	options("rate 1120kbit, delay 10ms");
	g.env.now_us = 200000;
	give(GUST_TX, 2, 1, &out);
	wait_until(GUST_TX, 210000, &out);
	IDS(&out, 1);
	wait_until(GUST_TX, 211000, &out);
	IDS(&out, 2);
}

static void test_limit(void **state)
{
	struct gust_batch out;

	gust_batch_init(&out);
	options("delay 1ms, limit 3");
	give(GUST_RX, 5, 1, &out);
	IDS(&out);
	assert_int_equal(count(LIMITED), 2);
	assert_int_equal(g.drops.n[DROP_IMPAIRED], 2);
	wait_until(GUST_RX, 2000, &out);
	IDS(&out, 1, 2, 3);
	give(GUST_RX, 1, 9, &out); /* there is room again */
	wait_until(GUST_RX, 3000, &out);
	IDS(&out, 9);
	/* what the limit took did not use the wire */
	options("rate 1120kbit, limit 1");
	g.env.now_us = 100000;
	give(GUST_RX, 5, 1, &out);
	IDS(&out, 1);
	wait_until(GUST_RX, 101000, &out);
	IDS(&out, 2);
	wait_until(GUST_RX, 102000, &out);
	give(GUST_RX, 1, 6, &out);
	IDS(&out, 6);
}

/* Held packets come back when the plugin goes, each in its direction. */
static void test_close(void **state)
{
	struct engine_set none = { 0 };
	struct gust_batch held[2], out;
	char err[100];

	gust_batch_init(&out);
	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	options("delay 1s, reorder data 1");
	give(GUST_RX, 3, 1, &out);
	give(GUST_TX, 2, 7, &out);
	wait_until(GUST_RX, 1001000, &out); /* 1 is passed by 2, then 3 */
	IDS(&out, 2, 1, 3);
	give(GUST_RX, 2, 4, &out);
	assert_int_equal(engine_set(g.eng, &none, held, err, sizeof(err)), 0);
	IDS(&held[GUST_RX], 4, 5);
	IDS(&held[GUST_TX], 7, 8);
}

/* ---- duplicates and corruption ---- */

static void test_duplicate(void **state)
{
	struct gust_batch out, b;
	struct gust_pkt *p, *q;

	gust_batch_init(&out);
	options("duplicate 100%");
	give(GUST_TX, 2, 1, &out);
	p = out.first;
	q = p->next;
	assert_int_equal(p->len, q->len);
	assert_memory_equal(p->head, q->head, p->hlen);
	assert_ptr_not_equal(p->head, q->head);
	IDS(&out, 1, 1, 2, 2);
	assert_int_equal(count(DUPLICATED), 2);

	/* no packet left for a copy: the original goes on */
	gust_batch_init(&b);
	p = data(1);
	while ((q = pkt_new(g.pool)))
		gust_batch_push(&b, q);
	gust_batch_push(&out, p);
	engine_filter(g.eng, GUST_TX, &out);
	IDS(&out, 1);
	assert_int_equal(count(DUPLICATED), 2);
	pkt_batch_free(&b);
}

static unsigned bits_changed(const uint8_t *a, const uint8_t *b, uint32_t n,
			     uint32_t *ret_where)
{
	unsigned bits = 0;

	for (uint32_t i = 0; i < n; i++)
		if (a[i] != b[i]) {
			bits += __builtin_popcount(a[i] ^ b[i]);
			*ret_where = i;
		}
	return bits;
}

static void test_corrupt(void **state)
{
	static const struct tp types[] = {
		{ .len = 20 },
		{ .len = 0 },
		{ .v6 = true, .len = 3, .opt = 12 },
		{ .udp = true, .len = 2 },
		{ .udp = true, .v6 = true, .eth = true, .len = 0 },
	};
	bool head = false, payload = false;

	options("corrupt 100%, seed 3");
	for (unsigned i = 0; i < 1000; i++) {
		const struct tp *t = &types[i % NELEMS(types)];
		struct gust_batch b;
		struct gust_pkt *p = make(t), *twin = pkt_clone(g.pool, p);
		uint8_t *was = pkt_flat(p), *now, *shared;
		uint32_t at = 0, l4 = pkt_l4(p)->off, n = p->len;

		gust_batch_init(&b);
		gust_batch_push(&b, p);
		engine_filter(g.eng, GUST_RX, &b);
		assert_int_equal(b.n, 1);
		p = b.first;
		now = pkt_flat(p);
		assert_int_equal(p->len, n);
		assert_int_equal(bits_changed(was, now, n, &at), 1);
		assert_true(at >= l4);
		if (t->udp)
			assert_true(at != l4 + 4 && at != l4 + 5);
		else
			assert_true(at != l4 + 12);
		/* nobody vouches for it, and whoever looks finds it */
		assert_int_equal(p->need, 0);
		/* all but a UDP checksum that became "none" cannot happen here */
		assert_false(pkt_csum_verify(p));
		/* payload that others share is not touched */
		shared = pkt_flat(twin);
		assert_memory_equal(shared, was, n);
		head |= at < p->hlen;
		payload |= at >= p->hlen;
		free(was);
		free(now);
		free(shared);
		pkt_free(twin);
		pkt_batch_free(&b);
	}
	assert_true(head && payload);
	assert_int_equal(count(CORRUPTED), 1000);
}

/* Nothing in it that may be changed. */
static void test_corrupt_nothing(void **state)
{
	struct gust_batch b;
	struct gust_pkt *p = pkt_new(g.pool);

	options("corrupt any");
	p->hlen = p->len = 42;
	memset(p->head, 9, 42);
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	pkt_layer_append(p, GUST_L_ARP, 0, 14);
	gust_batch_init(&b);
	gust_batch_push(&b, p);
	engine_filter(g.eng, GUST_RX, &b);
	assert_int_equal(b.n, 1);
	for (int i = 0; i < 42; i++)
		assert_int_equal(b.first->head[i], 9);
	assert_int_equal(count(CORRUPTED), 0);
	pkt_batch_free(&b);
}

/* ---- chance ---- */

/* Send `n` packets; gone[i]: packet i was lost. */
static unsigned run_loss(const char *text, unsigned n, uint8_t *gone)
{
	unsigned lost = 0;
	struct gust_pkt *p;

	options(text);
	memset(gone, 1, n);
	for (unsigned i = 0; i < n; i += 50) {
		struct gust_batch out;

		gust_batch_init(&out);
		give(GUST_TX, 50, i, &out);
		while ((p = gust_batch_pop(&out))) {
			gone[id_of(p)] = 0;
			pkt_free(p);
		}
	}
	for (unsigned i = 0; i < n; i++)
		lost += gone[i];
	return lost;
}

#define N_STAT 20000

static void assert_share(unsigned n, double p)
{
	double mean = N_STAT * p, sigma = sqrt(N_STAT * p * (1 - p));

	if (fabs(n - mean) > 4 * sigma)
		fail_msg("%u of %d, expected %.0f +- %.0f", n, N_STAT, mean,
			 4 * sigma);
}

static void test_loss(void **state)
{
	uint8_t *a = malloc(N_STAT), *b = malloc(N_STAT);
	unsigned both = 0;

	assert_share(run_loss("loss 10%, seed 42", N_STAT, a), 0.1);
	assert_share(run_loss("loss 10%, seed 42", N_STAT, b), 0.1);
	assert_memory_equal(a, b, N_STAT); /* the same again */
	run_loss("loss 10%, corrupt 50%, duplicate 9%, delay 0us jitter 0us, seed "
		 "42",
		 N_STAT, b);
	assert_memory_equal(a, b, N_STAT); /* whatever else happens */
	assert_share(run_loss("loss 10%, seed 43", N_STAT, b), 0.1);
	for (unsigned i = 0; i < N_STAT; i++)
		both += a[i] & b[i];
	assert_share(both, 0.01); /* another seed knows nothing of it */
	assert_share(run_loss("loss 0.5%, seed 1", N_STAT, a), 0.005);
	assert_int_equal(run_loss("loss 100%", N_STAT, a), N_STAT);
	assert_int_equal(run_loss("loss 0%", N_STAT, a), 0);
	/* without a seed: chance of the host */
	assert_share(run_loss("loss 10%", N_STAT, a), 0.1);
	assert_share(run_loss("loss 10%", N_STAT, b), 0.1);
	assert_memory_not_equal(a, b, N_STAT);
	free(a);
	free(b);
}

/* p / (p + r) are lost, in bursts of 1 / r. */
static void test_bursts(void **state)
{
	uint8_t *a = malloc(N_STAT);
	unsigned lost = run_loss("loss burst 1% 20%, seed 5", N_STAT, a), runs = 0;

	for (unsigned i = 1; i < N_STAT; i++)
		runs += a[i] && !a[i - 1];
	assert_in_range(lost, N_STAT * 0.038, N_STAT * 0.058); /* 0.0476 */
	assert_true(lost / (double)runs > 4 && lost / (double)runs < 6);
	/* single losses come in runs of 1.05 at this share */
	lost = run_loss("loss 4.76%, seed 5", N_STAT, a);
	runs = 0;
	for (unsigned i = 1; i < N_STAT; i++)
		runs += a[i] && !a[i - 1];
	assert_true(lost / (double)runs < 1.2);
	/* half of the bad, a tenth of the good */
	lost = run_loss("loss burst 50% 50% 50% 10%, seed 5", N_STAT, a);
	assert_in_range(lost, N_STAT * 0.28, N_STAT * 0.32);
	free(a);
}

static void test_shares(void **state)
{
	struct gust_batch out;

	options("duplicate 5%, corrupt 2%, reorder 3%, seed 9");
	for (unsigned i = 0; i < N_STAT; i += 100) {
		gust_batch_init(&out);
		give(GUST_TX, 100, i, &out);
		pkt_batch_free(&out);
	}
	g.env.now_us += 20000;
	gust_batch_init(&out);
	give(GUST_TX, 0, 0, &out);
	pkt_batch_free(&out);
	assert_share(count(DUPLICATED), 0.05);
	assert_share(count(CORRUPTED), 0.02);
	assert_in_range(count(REORDERED), N_STAT * 0.027, N_STAT * 0.036);
	assert_int_equal(count(LOST) + count(LIMITED) + count(DELAYED), 0);
}

/* ---- memory ---- */

/* A held packet does not hold the large buffer that it came in. */
static void test_dense(void **state)
{
	struct tp t = { .len = 1400 };
	struct pkt_pool_stats st;
	uint8_t b[2000];
	struct gust_batch in;
	uint32_t n = tp_build(b, &t);

	options("delay 1s");
	for (int i = 0; i < 300; i++) {
		gust_batch_init(&in);
		gust_batch_push(&in, pkt_of(g.pool, b, n)); /* a slab each */
		assert_int_equal(pkt_dissect(in.first, DISSECT_IP), DROP_NONE);
		engine_filter(g.eng, GUST_RX, &in);
		assert_int_equal(in.n, 0);
	}
	pkt_pool_stats(g.pool, &st);
	assert_true(st.slab_total - st.slab_free <= 2);
	g.env.now_us += 1000000;
	gust_batch_init(&in);
	engine_filter(g.eng, GUST_RX, &in);
	assert_int_equal(in.n, 300);
	assert_pkt_bytes(in.last, b, n);
	pkt_batch_free(&in);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_kinds),   T(test_icmp),
		T(test_which),   T(test_second_fin),
		T(test_port),    T(test_delay),
		T(test_jitter),  T(test_reorder),
		T(test_rate),    T(test_limit),
		T(test_close),   T(test_duplicate),
		T(test_corrupt), T(test_corrupt_nothing),
		T(test_loss),    T(test_bursts),
		T(test_shares),  T(test_dense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
