/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_engine.c - dispatch, books about plugins, faults, held packets
 */
#include "fakeplug.h"
#include "offload/engine_internal.h"
#include "pkt/dissect.h"
#include "pktlib.h"

#include "base/rng.h"

static struct pkt_pool *pool;
static struct drop_counters drops;
static struct rng rng;
static struct env env = { .now_us = 1, .rng = &rng };
static struct engine *e;
static struct gust_batch held[2];
static char fault_name[32], fault_what[64];
static unsigned nlog;
static uint64_t ticks;

static void on_fault(void *arg, const char *plugin, const char *what)
{
	assert_ptr_equal(arg, &pool);
	snprintf(fault_name, sizeof(fault_name), "%s", plugin);
	snprintf(fault_what, sizeof(fault_what), "%s", what);
}

static void on_log(void *arg, enum gust_log_level level, const char *plugin,
		   const char *text)
{
	assert_string_equal(plugin, "fake");
	nlog++;
}

static uint64_t clock_ns(void)
{
	return ticks += 100;
}

static int use(const struct gust_plugin *const *d, unsigned n, uint32_t generation)
{
	struct engine_set set = { .n = n };
	char err[256];

	for (unsigned i = 0; i < n; i++)
		set.plugin[i] = (struct engine_plugin){ d[i], NULL, generation };
	return engine_set(e, &set, held, err, sizeof(err));
}

static int setup(void **state)
{
	struct engine_conf c = { .drops = &drops,
				 .env = &env,
				 .clock_ns = clock_ns,
				 .log = on_log,
				 .fault = on_fault,
				 .arg = &pool };

	pool = c.pool = small_pool(16, 2048);
	memset(&drops, 0, sizeof(drops));
	fault_name[0] = '\0';
	fake_mode = FAKE_GOOD;
	fake_worker_result = 0;
	fake_states = 0;
	nlog = 0;
	gust_batch_init(&held[0]);
	gust_batch_init(&held[1]);
	e = engine_new(&c);
	assert_non_null(e);
	return 0;
}

static int teardown(void **state)
{
	pkt_batch_free(&held[0]);
	pkt_batch_free(&held[1]);
	engine_free(e);
	assert_int_equal(fake_states, 0);
	return pkt_pool_free(pool) != 0;
}

static struct gust_pkt *super(uint32_t len)
{
	struct tp t = { .len = len, .seq = 1000, .id = 7 };
	uint8_t *b = malloc(len + 100);
	struct gust_pkt *p = pkt_of(pool, b, tp_build(b, &t));

	free(b);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	p->gso_size = 1000;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	return p;
}

/* Cut one superpacket of 4500 bytes; returns how many pieces came. */
static unsigned cut(void)
{
	const struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct gust_batch in, out;
	unsigned n;

	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, super(4500));
	engine_gso(e, &in, &req, &out);
	n = out.n;
	pkt_batch_free(&out);
	return n;
}

static const struct gust_plugin *const one[] = { &fake_plugin };

static void test_cut(void **state)
{
	struct engine_stats st[4];

	assert_false(engine_cuts(e, GUST_GSO_TCP4));
	assert_int_equal(cut(), 0);
	assert_int_equal(drops.n[DROP_NO_GSO], 1);

	assert_int_equal(use(one, 1, 1), 0);
	assert_true(engine_cuts(e, GUST_GSO_TCP4));
	assert_true(engine_merges(e));
	assert_false(engine_filters(e));
	assert_int_equal(cut(), 5);
	assert_int_equal(engine_stats(e, st, 4), 1);
	assert_string_equal(st[0].name, "fake");
	assert_int_equal(st[0].calls, 1);
	assert_int_equal(st[0].in, 1);
	assert_int_equal(st[0].out, 5);
	assert_int_equal(st[0].ns, 100);
	assert_int_equal(st[0].counter[0], 1);
	assert_int_equal(st[0].faults, 0);
}

static void misbehave(enum fake_mode mode, unsigned want, const char *what)
{
	struct engine_stats st;

	use(NULL, 0, 1);
	assert_int_equal(use(one, 1, 1), 0);
	memset(&drops, 0, sizeof(drops));
	fake_mode = mode;
	assert_int_equal(cut(), want);
	engine_stats(e, &st, 1);
	assert_true(st.faults > 0);
	assert_int_equal(drops.n[DROP_PLUGIN_FAULT], st.faults);
	/* it goes on until it is taken out, named */
	for (unsigned i = 0; i < GUST_FAULTS_MAX; i++)
		cut();
	engine_stats(e, &st, 1);
	assert_true(st.disabled);
	assert_string_equal(fault_name, "fake");
	if (!strstr(fault_what, what))
		fail_msg("\"%s\" does not say \"%s\"", fault_what, what);
	assert_false(engine_cuts(e, GUST_GSO_TCP4));
	memset(&drops, 0, sizeof(drops));
	fake_mode = FAKE_GOOD;
	assert_int_equal(cut(), 0);
	assert_int_equal(drops.n[DROP_NO_GSO], 1);
}

static void test_loses(void **state)
{
	misbehave(FAKE_LOSES, 2, "missing");
}
static void test_len(void **state)
{
	misbehave(FAKE_LEN, 0, "len is not");
}
static void test_layer(void **state)
{
	misbehave(FAKE_LAYER, 0, "layer");
}
static void test_large(void **state)
{
	misbehave(FAKE_LARGE, 0, "larger");
}
static void test_type(void **state)
{
	misbehave(FAKE_TYPE, 0, "type");
}

/* A packet with counts beyond its arrays: its payload cannot be given back, and
 * nothing is read through it. */
static void test_nfrag(void **state)
{
	const struct gust_gso_req req = { .step = 1000, .mtu = 1500 };
	struct gust_batch in, out;
	struct gust_frag f;

	assert_int_equal(use(one, 1, 1), 0);
	gust_batch_init(&in);
	gust_batch_init(&out);
	gust_batch_push(&in, super(1500));
	f = in.first->frag[0];
	frag_ref(&f);
	fake_mode = FAKE_NFRAG;
	engine_gso(e, &in, &req, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(drops.n[DROP_PLUGIN_FAULT], 2);
	/* the test gives back what the plugin has lost */
	frag_unref(&(struct gust_frag){ .slab = f.slab });
	frag_unref(&(struct gust_frag){ .slab = f.slab });
	frag_unref(&f);
}

/* Dropping by name is no fault. */
static void test_drops(void **state)
{
	struct engine_stats st;

	assert_int_equal(use(one, 1, 1), 0);
	fake_mode = FAKE_DROPS;
	assert_int_equal(cut(), 0);
	engine_stats(e, &st, 1);
	assert_int_equal(st.faults, 0);
	assert_int_equal(st.dropped, 5);
	assert_int_equal(drops.n[DROP_BAD_GSO], 5);
}

static void test_log_limit(void **state)
{
	assert_int_equal(use(one, 1, 1), 0);
	env.now_us = 10000000;
	fake_mode = FAKE_WORDY;
	cut();
	cut();
	assert_int_equal(nlog, 5);
	env.now_us += 1000000;
	cut();
	assert_int_equal(nlog, 10);
}

static void test_gro(void **state)
{
	const struct gust_gro_req req = { .max4 = 65535, .max6 = 65535 };
	struct gust_batch b;

	assert_int_equal(use(one, 1, 1), 0);
	gust_batch_init(&b);
	for (unsigned i = 0; i < 3; i++)
		gust_batch_push(&b, super(100 + i));
	engine_gro(e, &b, &req);
	assert_int_equal(b.n, 3);
	fake_mode = FAKE_LOSES;
	engine_gro(e, &b, &req);
	assert_int_equal(b.n, 1);
	assert_int_equal(drops.n[DROP_PLUGIN_FAULT], 1);
	/* a transport that is not asked for passes */
	gust_batch_push(&b, super(200));
	engine_gro(
		e, &b,
		&(struct gust_gro_req){ .max4 = 65535, .kinds = 1u << GUST_L_UDP });
	assert_int_equal(b.n, 2);
	pkt_free(gust_batch_pop(&b));
	/* alone there is nothing to merge: nobody is asked */
	engine_gro(e, &b, &req);
	assert_int_equal(b.n, 1);
	pkt_batch_free(&b);
}

/* ---- life ---- */

static void test_worker_fails(void **state)
{
	fake_worker_result = -ENOMEM;
	assert_int_equal(use(one, 1, 1), -EINVAL);
	assert_false(engine_cuts(e, GUST_GSO_TCP4));
	assert_int_equal(cut(), 0);
	fake_worker_result = 0;
	assert_int_equal(use(one, 1, 1), 0);
	assert_int_equal(cut(), 5);
}

/* The same generation keeps its state and its counters, another does not. */
static void test_generation(void **state)
{
	struct engine_stats st;

	assert_int_equal(use(one, 1, 1), 0);
	cut();
	assert_int_equal(use(one, 1, 1), 0);
	engine_stats(e, &st, 1);
	assert_int_equal(st.in, 1);
	assert_int_equal(fake_states, 1);
	assert_int_equal(use(one, 1, 2), 0);
	engine_stats(e, &st, 1);
	assert_int_equal(st.in, 0);
	assert_int_equal(fake_states, 1);
}

static void test_filter(void **state)
{
	struct gust_plugin d = fake_plugin;
	const struct gust_plugin *const set[] = { &d };
	struct gust_batch b;

	d.gso = NULL;
	d.gro = NULL;
	d.filter = fake_filter;
	d.deadline = fake_deadline;
	gust_batch_init(&b);
	assert_int_equal(use(set, 1, 1), 0);
	assert_true(engine_filters(e));
	assert_false(engine_filters_wire(e));
	assert_int_equal(engine_deadline(e, GUST_RX), GUST_NEVER);
	gust_batch_push(&b, super(10));
	engine_filter(e, GUST_TX, &b);
	assert_int_equal(b.n, 0);
	assert_int_equal(engine_deadline(e, GUST_RX), GUST_NEVER);
	assert_int_equal(engine_deadline(e, GUST_TX), 5001);
	engine_filter(e, GUST_TX, &b); /* time has passed */
	assert_int_equal(b.n, 1);

	d.flags = GUST_PLUGIN_WIRE;
	assert_int_equal(use(set, 1, 1), 0);
	assert_true(engine_filters_wire(e));

	/* what is held when the plugin goes is not lost */
	engine_filter(e, GUST_TX, &b);
	gust_batch_push(&b, super(20));
	gust_batch_push(&b, super(30));
	engine_filter(e, GUST_RX, &b);
	assert_int_equal(use(NULL, 0, 1), 0);
	assert_int_equal(held[GUST_RX].n, 2);
	assert_int_equal(held[GUST_TX].n, 1);
	assert_int_equal(held[GUST_TX].first->len, 50);
}

static void test_jumbo_none(void **state)
{
	struct gust_pkt *p = super(10);

	assert_int_equal(engine_jumbo(e, p, GUST_JUMBO_PLAIN), -ENOSYS);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_cut),    T(test_loses),        T(test_len),
		T(test_layer),  T(test_large),        T(test_type),
		T(test_nfrag),  T(test_drops),        T(test_log_limit),
		T(test_gro),    T(test_worker_fails), T(test_generation),
		T(test_filter), T(test_jumbo_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
