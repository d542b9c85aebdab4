/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fib.c - the routing table against a list that is searched from end to end
 */
#include "switch/fib.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "iplib.h"

#define N 3000

struct route {
	struct ipaddr net;
	unsigned plen;
	uint32_t id;
	bool used;
};

static struct route ref[N];

static struct fib_dest to(uint32_t id)
{
	return (struct fib_dest){ .n = 1, .nh = { { .id = id } } };
}

static unsigned bits_of(const struct ipaddr *a)
{
	return ipaddr_is4(a) ? 32 : 128;
}

static void cut(struct ipaddr *a, unsigned plen)
{
	for (unsigned i = plen + 128 - bits_of(a); i < 128; i++)
		a->b[i / 8] &= ~(0x80 >> i % 8);
}

/* Crowded: many prefixes of each other, all lengths. */
static struct ipaddr address(struct rng *r, bool v6)
{
	uint8_t b[16];
	unsigned few = rng_below(r, 4);

	for (unsigned i = 0; i < 16; i++)
		b[i] = few ? rng_below(r, 2) * 0x81 : rng_u32(r);
	if (v6)
		b[0] = 0x20;
	return v6 ? ipaddr_from6(b) : ipaddr_from4(b);
}

static const struct route *naive(const struct ipaddr *a)
{
	const struct route *best = NULL;

	for (unsigned i = 0; i < N; i++)
		if (ref[i].used && ipaddr_in_prefix(a, &ref[i].net, ref[i].plen) &&
		    (!best || ref[i].plen > best->plen))
			best = &ref[i];
	return best;
}

static void assert_finds(const struct fib_snap *s, const struct ipaddr *a)
{
	const struct route *want = naive(a);
	const struct fib_dest *d = fib_lookup(s, a);

	assert_int_equal(!d, !want);
	if (d)
		assert_int_equal(d->nh[0].id, want->id);
}

static struct route *same_prefix(const struct ipaddr *net, unsigned plen)
{
	for (unsigned i = 0; i < N; i++)
		if (ref[i].used && ref[i].plen == plen &&
		    ipaddr_eq(&ref[i].net, net))
			return &ref[i];
	return NULL;
}

static int see(void *arg, const struct ipaddr *net, unsigned plen,
	       const struct fib_dest *d)
{
	const struct route *r = same_prefix(net, plen);

	assert_non_null(r);
	assert_int_equal(r->id, d->nh[0].id);
	++*(unsigned *)arg;
	return 0;
}

/* Routes by chance, added, replaced and removed; snapshots taken between keep what
 * they were. */
static void test_model(void **state)
{
	struct fib_conf conf = { .max_bytes = 1 << 20 };
	struct fib *f = fib_new(&conf);
	const struct fib_snap *s, *first = NULL;
	struct ipaddr probe[64];
	int64_t was[64];
	struct fib_stats st;
	unsigned used = 0, seen;
	struct rng r;

	rng_seed(&r, 1);
	memset(ref, 0, sizeof(ref));
	for (unsigned i = 0; i < 64; i++)
		probe[i] = address(&r, i & 1);
	for (unsigned round = 0; round < 24000; round++) {
		bool v6 = rng_u32(&r) & 1, grow = round / 6000 % 2 == 0;
		struct ipaddr net = address(&r, v6);
		struct route *x = &ref[rng_below(&r, N)], *same;
		unsigned plen = rng_below(&r, (v6 ? 128 : 32) + 1);
		struct fib_dest d = to(rng_below(&r, 100));

		cut(&net, plen);
		if (x->used && !grow) {
			assert_int_equal(fib_del(f, &x->net, x->plen), 0);
			assert_null(fib_get(f, &x->net, x->plen));
			x->used = false;
			used--;
			continue;
		}
		same = same_prefix(&net, plen);
		if (same) {
			assert_int_equal(fib_add(f, &net, plen, &d), -EEXIST);
			assert_int_equal(fib_set(f, &net, plen, &d), 0);
			same->id = d.nh[0].id;
		} else if (!x->used) {
			assert_int_equal(fib_del(f, &net, plen), -ENOENT);
			assert_int_equal(fib_add(f, &net, plen, &d), 0);
			*x = (struct route){ net, plen, d.nh[0].id, true };
			used++;
		}
		if (round % 300)
			continue;
		s = fib_publish(f);
		assert_non_null(s);
		for (unsigned i = 0; i < 40; i++) {
			net = address(&r, i & 1);
			assert_finds(s, &net);
			x = &ref[rng_below(&r, N)];
			if (x->used)
				assert_finds(s, &x->net);
		}
		seen = 0;
		assert_int_equal(fib_walk(s, see, &seen), 0);
		assert_int_equal(seen, used);
		/* one from long ago */
		for (unsigned i = 0; first && i < 64; i++) {
			const struct fib_dest *o = fib_lookup(first, &probe[i]);

			assert_int_equal(o ? (int64_t)o->nh[0].id : -1, was[i]);
		}
		if (round % 3000 == 0) {
			fib_release(f, first);
			first = s;
			for (unsigned i = 0; i < 64; i++) {
				const struct fib_dest *o = fib_lookup(s, &probe[i]);

				was[i] = o ? (int64_t)o->nh[0].id : -1;
			}
		} else {
			fib_release(f, s);
		}
	}
	fib_release(f, first);
	fib_stats(f, &st);
	assert_int_equal(st.routes4 + st.routes6, used);
	assert_true(st.compactions > 0);
	for (unsigned i = 0; i < N; i++)
		if (ref[i].used)
			assert_int_equal(fib_del(f, &ref[i].net, ref[i].plen), 0);
	fib_stats(f, &st);
	assert_int_equal(st.routes4 + st.routes6, 0);
	assert_int_equal(st.bytes, 0);
	assert_int_equal(st.dests, 0);
	fib_free(f);
}

static void put(struct fib *f, const char *net, unsigned plen, uint32_t id)
{
	struct ipaddr a = A(net);
	struct fib_dest d = to(id);

	assert_int_equal(fib_add(f, &a, plen, &d), 0);
}

static void is(const struct fib_snap *s, const char *dst, int id)
{
	struct ipaddr a = A(dst);
	const struct fib_dest *d = fib_lookup(s, &a);

	assert_int_equal(d ? (int)d->nh[0].id : -1, id);
}

static void test_exact(void **state)
{
	struct fib *f = fib_new(&(struct fib_conf){ 0 });
	const struct fib_snap *s, *s2;
	struct ipaddr a;

	s = fib_publish(f);
	is(s, "192.0.2.1", -1);
	is(s, "2001:db8::1", -1);
	put(f, "0.0.0.0", 0, 1);
	put(f, "10.0.0.0", 8, 2);
	put(f, "10.1.0.0", 16, 3);
	put(f, "10.1.2.0", 24, 4);
	put(f, "10.1.2.3", 32, 5);
	put(f, "10.1.2.2", 31, 6);
	is(s, "10.1.2.3", -1); /* published before */
	s2 = fib_publish(f);
	assert_ptr_not_equal(s, s2);
	fib_release(f, s);
	is(s2, "192.0.2.1", 1);
	is(s2, "10.255.255.255", 2);
	is(s2, "11.0.0.0", 1);
	is(s2, "10.1.3.0", 3);
	is(s2, "10.1.2.255", 4);
	is(s2, "10.1.2.3", 5);
	is(s2, "10.1.2.2", 6);
	is(s2, "2001:db8::1", -1); /* families are apart */
	s = fib_publish(f);
	assert_ptr_equal(s, s2); /* nothing has changed */
	fib_release(f, s);
	put(f, "::", 0, 7);
	put(f, "2001:db8::", 32, 8);
	put(f, "2001:db8::1", 128, 9);
	put(f, "2001:db8::", 127, 10);
	put(f, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128, 11);
	s = fib_publish(f);
	is(s, "2001:db8::1", 9);
	is(s, "2001:db8::", 10);
	is(s, "2001:db8::2", 8);
	is(s, "2001:db9::", 7);
	is(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 11);
	is(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 7);
	is(s2, "2001:db8::1", -1);
	a = A("10.1.2.0");
	assert_int_equal(fib_get(f, &a, 24)->nh[0].id, 4);
	assert_null(fib_get(f, &a, 25));
	fib_release(f, s);
	fib_release(f, s2);
	fib_free(f);
	fib_free(NULL);
}

static void test_refused(void **state)
{
	struct fib *f = fib_new(&(struct fib_conf){ 0 });
	struct ipaddr a4 = A("10.0.0.0"), a6 = A("2001:db8::");
	struct fib_dest d = to(1), none = { 0 }, local = { .type = FIB_LOCAL };
	struct fib_dest many = { .n = FIB_NH_MAX + 1 }, odd = { .type = 99 };

	assert_int_equal(fib_add(f, &a4, 33, &d), -EINVAL);
	assert_int_equal(fib_add(f, &a6, 129, &d), -EINVAL);
	assert_int_equal(fib_add(f, &a4, 6, &d), -EINVAL); /* 10 = 00001010b */
	assert_int_equal(fib_add(f, &a6, 28, &d), -EINVAL);
	assert_int_equal(fib_del(f, &a6, 28), -EINVAL);
	assert_null(fib_get(f, &a6, 28));
	assert_int_equal(fib_add(f, &a4, 8, &none), -EINVAL);
	assert_int_equal(fib_add(f, &a4, 8, &many), -EINVAL);
	assert_int_equal(fib_add(f, &a4, 8, &odd), -EINVAL);
	assert_int_equal(fib_add(f, &a4, 8, &local), 0);
	assert_int_equal(fib_get(f, &a4, 8)->type, FIB_LOCAL);
	local.n = 1;
	assert_int_equal(fib_set(f, &a4, 8, &local), -EINVAL);
	assert_int_equal(fib_get(f, &a4, 8)->n, 0);
	fib_free(f);
}

/* What the caller left in unused fields makes no other destination; gateways do. */
static void test_dests(void **state)
{
	struct fib *f = fib_new(&(struct fib_conf){ 0 });
	struct ipaddr a = A("10.0.0.0"), b = A("10.1.0.0"), c = A("10.2.0.0");
	struct fib_dest d;
	struct fib_stats st;

	memset(&d, 0x55, sizeof(d));
	d.type = FIB_UNICAST;
	d.n = 1;
	d.nh[0].has_gw = false;
	d.nh[0].weight = 0;
	assert_int_equal(fib_add(f, &a, 16, &d), 0);
	memset(&d.nh[0].gw, 0xaa, sizeof(d.nh[0].gw));
	d.nh[0].weight = 1;
	assert_int_equal(fib_add(f, &b, 16, &d), 0);
	fib_stats(f, &st);
	assert_int_equal(st.dests, 1);
	d.nh[0].has_gw = true;
	d.nh[0].gw = A("fe80::1"); /* of the other family */
	assert_int_equal(fib_add(f, &c, 16, &d), 0);
	fib_stats(f, &st);
	assert_int_equal(st.dests, 2);
	assert_true(fib_get(f, &c, 16)->nh[0].has_gw);
	assert_true(ipaddr_eq(&fib_get(f, &c, 16)->nh[0].gw, &d.nh[0].gw));
	assert_false(fib_get(f, &a, 16)->nh[0].has_gw);
	fib_free(f);
}

static struct ipaddr nth(uint32_t i)
{
	uint8_t b[4];

	put32(b, 0x0a000000 + i);
	return ipaddr_from4(b);
}

static void test_limits(void **state)
{
	struct fib_conf conf = { .max_routes = 100, .max_dests = 8 };
	struct fib *f = fib_new(&conf);
	struct fib_dest d = to(0);
	struct ipaddr a;

	for (uint32_t i = 0; i < 100; i++) {
		a = nth(i);
		d.nh[0].id = i % 8;
		assert_int_equal(fib_add(f, &a, 32, &d), 0);
	}
	a = nth(100);
	assert_int_equal(fib_add(f, &a, 32, &d), -ENOSPC);
	a = nth(1);
	assert_int_equal(fib_set(f, &a, 32, &d),
			 0); /* a replacement is none more */
	d.nh[0].id = 8;
	assert_int_equal(fib_set(f, &a, 32, &d), -ENOSPC); /* destinations */
	assert_int_equal(fib_del(f, &a, 32), 0);
	d.nh[0].id = 0;
	assert_int_equal(fib_add(f, &a, 32, &d), 0);
	/* the last route of destination 7 goes: its number is free */
	for (uint32_t i = 0; i < 100; i++) {
		a = nth(i);
		if (fib_get(f, &a, 32)->nh[0].id == 7)
			assert_int_equal(fib_set(f, &a, 32, &d), 0);
	}
	d.nh[0].id = 8;
	assert_int_equal(fib_set(f, &a, 32, &d), 0);
	fib_free(f);
}

/* Memory: pairs of host routes far from all others take the most. What is over the
 * limit is refused, what is there can be changed and removed, and then there is room
 * again. */
static void test_bytes(void **state)
{
	struct fib_conf conf = { .max_bytes = 1 << 20 };
	struct fib *f = fib_new(&conf);
	const struct fib_snap *s = fib_publish(f);
	struct fib_dest d = to(1);
	uint8_t b[16] = { 0x20 };
	struct ipaddr a;
	struct fib_stats st;
	uint32_t n = 0, i;
	int r;

	for (;; n++) {
		put32(b + 1, n / 2 * UINT32_C(2654435761));
		b[15] = n & 1;
		a = ipaddr_from6(b);
		r = fib_add(f, &a, 128, &d);
		if (r)
			break;
		/* live: a snapshot for each change */
		fib_release(f, s);
		s = fib_publish(f);
		assert_true(n < 100000);
	}
	assert_int_equal(r, -ENOSPC);
	assert_true(n > 2000);
	fib_stats(f, &st);
	assert_true(st.bytes > (1 << 20) / 10 * 9 && st.bytes <= 1 << 20);
	assert_true(st.compactions > 0);
	d.nh[0].id = 2;
	for (i = 0; i < n; i++) {
		put32(b + 1, i / 2 * UINT32_C(2654435761));
		b[15] = i & 1;
		a = ipaddr_from6(b);
		assert_int_equal(fib_lookup(s, &a)->nh[0].id, 1);
		if (i % 3)
			assert_int_equal(fib_set(f, &a, 128, &d), 0);
		else
			assert_int_equal(fib_del(f, &a, 128), 0);
	}
	put32(b + 1, 12345);
	a = ipaddr_from6(b);
	assert_int_equal(fib_add(f, &a, 128, &d), 0);
	fib_release(f, s);
	fib_free(f);
}

/* Snapshots that nobody gives back end in an error and not in endless memory. */
static void test_held(void **state)
{
	struct fib_conf conf = { .max_bytes = 1 << 20 };
	struct fib *f = fib_new(&conf);
	const struct fib_snap *held[2] = { 0 };
	struct fib_dest d = to(1);
	struct ipaddr a = nth(0);
	unsigned n = 0, nheld = 0;
	struct fib_stats st;
	int r;

	for (uint32_t i = 0; i < 4096; i++) {
		a = nth(i * 4);
		assert_int_equal(fib_add(f, &a, 32, &d), 0);
	}
	for (;; n++) {
		const struct fib_snap *s = fib_publish(f);

		fib_stats(f, &st);
		if (nheld == 0 || (nheld == 1 && st.compactions > 0))
			held[nheld++] = s;
		else
			fib_release(f, s);
		a = nth(n % 4096 * 4);
		d.nh[0].id = n % 100 + 2;
		r = fib_set(f, &a, 32, &d);
		if (r)
			break;
		assert_true(n < 100000);
	}
	assert_int_equal(r, -EBUSY);
	assert_int_equal(nheld, 2);
	assert_int_equal(fib_lookup(held[0], &a)->nh[0].id, 1);
	fib_release(f, held[0]);
	assert_int_equal(fib_set(f, &a, 32, &d), 0);
	fib_release(f, held[1]);
	fib_free(f);
}

/* ---- ECMP ---- */

static void shares(const uint16_t *weight, unsigned n)
{
	struct fib *f = fib_new(&(struct fib_conf){ .seed = 99 });
	struct fib_dest d = { .n = n };
	struct ipaddr a = A("10.0.0.0");
	unsigned got[FIB_NH_MAX] = { 0 }, total = 0, rounds = 200000;
	const struct fib_dest *r;
	const struct fib_snap *s;

	for (unsigned i = 0; i < n; i++) {
		d.nh[i].id = i;
		d.nh[i].weight = weight[i];
		total += weight[i] ? weight[i] : 1;
	}
	assert_int_equal(fib_add(f, &a, 8, &d), 0);
	s = fib_publish(f);
	r = fib_lookup(s, &a);
	for (uint32_t i = 0; i < rounds; i++) {
		unsigned k = fib_select(s, r, i * 7); /* a poor hash */

		assert_true(k < n);
		assert_int_equal(k, fib_select(s, r, i * 7));
		got[k]++;
	}
	for (unsigned i = 0; i < n; i++) {
		double want = (double)rounds * (weight[i] ? weight[i] : 1) / total;

		assert_true(got[i] > want * 0.97 - 20 && got[i] < want * 1.03 + 20);
	}
	fib_release(f, s);
	fib_free(f);
}

static void test_ecmp(void **state)
{
	static const uint16_t even[FIB_NH_MAX] = { 0 };
	static const uint16_t odd[] = { 1, 2, 5, 40, 65535, 1 };

	shares(even, 1);
	shares(even, 2);
	shares(even, 3);
	shares(even, FIB_NH_MAX);
	shares(odd, 4);
	shares(odd, 6);
}

/* Flows that one router sent one way are spread again by the next. */
static void test_ecmp_seed(void **state)
{
	struct fib *f[2];
	const struct fib_snap *s[2];
	const struct fib_dest *d[2];
	struct fib_dest two = { .n = 2, .nh = { { .id = 1 }, { .id = 2 } } };
	struct ipaddr a = A("::");
	unsigned got[2] = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		f[i] = fib_new(&(struct fib_conf){ .seed = 1000 + i });
		assert_int_equal(fib_add(f[i], &a, 0, &two), 0);
		s[i] = fib_publish(f[i]);
		d[i] = fib_lookup(s[i], &a);
	}
	for (uint32_t i = 0; i < 40000; i++)
		if (fib_select(s[0], d[0], i) == 0)
			got[fib_select(s[1], d[1], i)]++;
	assert_in_range(got[0], 9300, 10700);
	assert_in_range(got[1], 9300, 10700);
	for (unsigned i = 0; i < 2; i++) {
		fib_release(f[i], s[i]);
		fib_free(f[i]);
	}
}

/* ---- readers beside the writer ---- */

struct shared {
	_Atomic(const struct fib_snap *) snap;
	_Atomic unsigned seen; /* publications that the reader has taken */
	_Atomic unsigned given;
	_Atomic bool stop;
	unsigned bad, lookups;
};

/* Route i is to id g in publication g, each and every one. */
static void *reader(void *arg)
{
	struct shared *sh = arg;

	while (!atomic_load(&sh->stop)) {
		unsigned given = atomic_load(&sh->given);
		const struct fib_snap *s = atomic_load(&sh->snap);
		uint32_t id = 0;

		for (uint32_t i = 0; i < 256; i++) {
			struct ipaddr a = nth(i * 256 + 1);
			const struct fib_dest *d = fib_lookup(s, &a);

			if (!d || (i && d->nh[0].id != id))
				sh->bad++;
			id = d ? d->nh[0].id : 0;
			sh->lookups++;
		}
		atomic_store(&sh->seen, given);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct fib_conf conf = { .max_bytes = 1 << 20 };
	struct fib *f = fib_new(&conf);
	static struct shared sh;
	const struct fib_snap *old = NULL;
	pthread_t t;

	memset(&sh, 0, sizeof(sh));
	for (unsigned g = 1; g <= 400; g++) {
		struct fib_dest d = to(g);

		for (uint32_t i = 0; i < 256; i++) {
			struct ipaddr a = nth(i * 256);

			assert_int_equal(fib_set(f, &a, 24, &d), 0);
		}
		old = atomic_exchange(&sh.snap, fib_publish(f));
		atomic_store(&sh.given, g);
		if (g == 1)
			assert_int_equal(pthread_create(&t, NULL, reader, &sh), 0);
		while (atomic_load(&sh.seen) < g)
			sched_yield();
		fib_release(f, old);
	}
	atomic_store(&sh.stop, true);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(sh.bad, 0);
	assert_true(sh.lookups >= 400 * 256);
	fib_release(f, sh.snap);
	fib_free(f);
}

/* The size that the issue asks for. */
static void test_full_table(void **state)
{
	struct fib *f = fib_new(&(struct fib_conf){ 0 });
	struct fib_dest d = to(1);
	const struct fib_snap *s;
	struct fib_stats st;
	struct rng r;
	uint8_t b[16];

	rng_seed(&r, 3);
	for (uint32_t i = 0; i < 100000; i++) {
		struct ipaddr a4, a6;

		put32(b, i * UINT32_C(2654435761) & ~UINT32_C(0x7f));
		a4 = ipaddr_from4(b);
		d.nh[0].id = i % 200;
		assert_int_equal(fib_set(f, &a4, 25, &d), 0);
		put32(b + 4, rng_u32(&r));
		put32(b + 8, i);
		memset(b + 12, 0, 4);
		b[0] = 0x20;
		a6 = ipaddr_from6(b);
		assert_int_equal(fib_add(f, &a6, 96, &d), 0);
	}
	fib_stats(f, &st);
	assert_int_equal(st.routes6, 100000);
	assert_true(st.routes4 > 90000);
	s = fib_publish(f);
	for (uint32_t i = 0; i < 100000; i += 97) {
		struct ipaddr a4;

		put32(b, i * UINT32_C(2654435761) | 0x55);
		a4 = ipaddr_from4(b);
		assert_non_null(fib_lookup(s, &a4));
	}
	fib_release(f, s);
	fib_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),      cmocka_unit_test(test_model),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_dests),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_held),       cmocka_unit_test(test_ecmp),
		cmocka_unit_test(test_ecmp_seed),  cmocka_unit_test(test_threads),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
