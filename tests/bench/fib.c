/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fib.c - what a route lookup costs with a full table
 *
 *	fib [ROUTES]      one JSON object on standard output; 100000 by default
 *
 * Tables of each family by themselves, with the lengths of prefixes that the public
 * routing tables have. IPv4 prefixes are spread evenly over the unicast space, which
 * is harder on caches than the real, clustered table. IPv6: most prefixes are
 * more-specifics of some twenty thousand /29 and /32 in the registries' blocks.
 * Addresses looked up lie under a random route, in random order, so hardly two that
 * follow each other share a cache line at the bottom. `ns` is a lookup in a plain
 * loop, as a worker does it for a batch; `latency_ns` is one whose address depends on
 * the result before. `miss_ns` is of random addresses of the family's whole space.
 * Each figure is the median of rounds.
 */
#include <stdbool.h>

#include "base/rng.h"
#include "bench_util.h"
#include "switch/fib.h"
#include "wire/bytes.h"

#define NADDR (UINT32_C(1) << 18)
#define ROUNDS 21
#define NDEST 64
#define ALLOCS 20000

struct prefix {
	struct ipaddr net;
	uint8_t plen;
};

/* Shares of prefix lengths, in thousandths. */
struct share {
	uint8_t plen;
	uint16_t share;
};

static const struct share lens4[] = {
	{ 24, 600 }, { 23, 100 }, { 22, 120 }, { 21, 50 }, { 20, 45 },
	{ 19, 30 },  { 18, 15 },  { 17, 10 },  { 16, 20 }, { 15, 4 },
	{ 14, 3 },   { 13, 1 },   { 12, 1 },   { 11, 1 },
};
static const struct share lens6[] = {
	{ 48, 480 }, { 32, 130 }, { 44, 110 }, { 40, 90 }, { 36, 50 },
	{ 29, 40 },  { 46, 30 },  { 47, 20 },  { 45, 15 }, { 34, 10 },
	{ 33, 10 },  { 56, 5 },   { 64, 10 },
};
static const uint8_t rir6[][2] = { { 0x20, 0x01 }, { 0x24, 0x00 }, { 0x26, 0x00 },
				   { 0x28, 0x00 }, { 0x2a, 0x00 }, { 0x2c, 0x00 } };

static struct rng rng;
static uint32_t alloc6[ALLOCS];

static unsigned draw(const struct share *s)
{
	uint32_t v = rng_below(&rng, 1000);

	for (; v >= s->share; s++)
		v -= s->share;
	return s->plen;
}

/* Bits from `plen` on are random (`fill`) or zero. */
static void host_bits(struct ipaddr *a, unsigned plen, bool fill)
{
	for (unsigned i = plen + (ipaddr_is4(a) ? 96 : 0); i < 128; i++) {
		a->b[i / 8] &= ~(0x80 >> i % 8);
		if (fill && rng_u32(&rng) & 1)
			a->b[i / 8] |= 0x80 >> i % 8;
	}
}

static struct prefix prefix4(void)
{
	struct prefix p = { .plen = draw(lens4) };
	uint8_t b[4];

	put32(b, rng_u32(&rng));
	b[0] = 1 + rng_below(&rng, 223);
	p.net = ipaddr_from4(b);
	host_bits(&p.net, p.plen, false);
	return p;
}

static struct prefix prefix6(void)
{
	struct prefix p = { .plen = draw(lens6) };
	uint8_t b[16] = { 0 };

	put32(b, alloc6[rng_below(&rng, ALLOCS)]);
	put32(b + 4, rng_u32(&rng));
	p.net = ipaddr_from6(b);
	host_bits(&p.net, p.plen, false);
	return p;
}

/* Nanoseconds a lookup; `chain`: each address waits for the result before. */
static double round_ns(const struct fib_snap *s, const struct ipaddr *a, bool chain)
{
	uint64_t t = now_ns();
	uintptr_t sum = 0;

	for (uint32_t i = 0; i < NADDR; i++) {
		const struct fib_dest *d;

		/* the low bits of the pointer are 0, but who knows that */
		d = fib_lookup(s, &a[i ^ (chain ? sum & 1 : 0)]);
		sum = chain ? (uintptr_t)d : sum + (uintptr_t)d;
	}
	t = now_ns() - t;
	__asm__ volatile("" ::"r"(sum));
	return (double)t / NADDR;
}

static double measure(const struct fib_snap *s, const struct ipaddr *a, bool chain)
{
	double ns[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++)
		ns[i] = round_ns(s, a, chain);
	return median_of(ns, ROUNDS);
}

/* A change and its publication, as one route at a time comes from a daemon. */
static double churn_ns(struct fib *f, const struct prefix *p, uint32_t n)
{
	const struct fib_snap *s = fib_publish(f), *next;
	const struct prefix *q;
	struct fib_dest d = { .n = 1 };
	uint64_t t = now_ns();
	unsigned rounds = 20000;

	for (unsigned i = 0; i < rounds; i++) {
		d.nh[0].id = rng_below(&rng, NDEST);
		q = &p[rng_below(&rng, n)];
		if (fib_set(f, &q->net, q->plen, &d) || !(next = fib_publish(f)))
			die("change");
		fib_release(f, s);
		s = next;
	}
	fib_release(f, s);
	return (double)(now_ns() - t) / rounds;
}

static void family(bool v6, uint32_t n)
{
	struct ipaddr *hit = malloc(NADDR * sizeof(*hit)),
		      *any = malloc(NADDR * sizeof(*any));
	struct prefix *p = malloc(n * sizeof(*p));
	struct fib_conf conf = { .max_routes = n + 1, .seed = 7 };
	struct fib_dest d = { .n = 1 };
	struct fib *f = fib_new(&conf);
	const struct fib_snap *s;
	struct fib_stats st;
	uint64_t load;

	if (!hit || !any || !p || !f)
		die("memory");
	load = now_ns();
	for (uint32_t i = 0; i < n;) {
		int r;

		p[i] = v6 ? prefix6() : prefix4();
		d.nh[0].id = rng_below(&rng, NDEST);
		r = fib_add(f, &p[i].net, p[i].plen, &d);
		if (r && r != -EEXIST) {
			errno = -r;
			die("fib_add");
		}
		i += !r;
	}
	s = fib_publish(f);
	load = now_ns() - load;
	for (uint32_t i = 0; i < NADDR; i++) {
		const struct prefix *q = &p[rng_below(&rng, n)];

		hit[i] = q->net;
		host_bits(&hit[i], q->plen, true);
		any[i] = v6 ? q->net : prefix4().net;
		host_bits(&any[i], v6 ? 3 : 0, true);
	}
	fib_stats(f, &st);
	printf("\"%s\": {\"routes\": %u, \"ns\": %.1f, \"latency_ns\": %.1f, "
	       "\"miss_ns\": %.1f, \"bytes\": %llu, \"load_ms\": %.1f, ",
	       v6 ? "ipv6" : "ipv4", n, measure(s, hit, false),
	       measure(s, hit, true), measure(s, any, false),
	       (unsigned long long)st.bytes, (double)load / 1e6);
	fib_release(f, s);
	printf("\"change_ns\": %.0f}", churn_ns(f, p, n));
	fib_free(f);
	free(hit);
	free(any);
	free(p);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

	if (!n) {
		fprintf(stderr, "usage: fib [ROUTES]\n");
		return 2;
	}
	rng_seed(&rng, 1);
	for (unsigned i = 0; i < ALLOCS; i++)
		alloc6[i] = (uint32_t)rir6[i % 6][0] << 24 |
			    (uint32_t)rir6[i % 6][1] << 16 |
			    (rng_u32(&rng) & (i % 6 ? 0xfffff : 0xffff));
	printf("{");
	family(false, n);
	printf(", ");
	family(true, n);
	printf("}\n");
	return 0;
}
