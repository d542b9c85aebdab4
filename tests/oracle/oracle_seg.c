/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle_seg.c - what the kernel cuts a superpacket into, and what gust does
 */
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "random.h"

static int setup(void **state)
{
	compare_open(COMPARE_TUN);
	return 0;
}

static int setup_l2(void **state)
{
	compare_open(COMPARE_TAP);
	return 0;
}

static int setup_bridge(void **state)
{
	compare_open(COMPARE_BRIDGE);
	return 0;
}

static int teardown(void **state)
{
	compare_close();
	return 0;
}

/* ---- TCP ---- */

static void test_tcp_flags(void **state)
{
	for (unsigned i = 0; i < 1024; i++) {
		struct super s;

		super_init(&s, i & 512, false);
		s.flags = i & 511;
		s.urg = 77;
		s.gso_size = 100;
		s.len = 250;
		compare_seg(&s);
		if (s.flags & SUPER_CWR) {
			s.ecn = true;
			compare_seg(&s);
		}
	}
}

/* Is the bit of Accurate ECN (RFC 9768) left alone when CWR goes with it? */
static void test_tcp_accecn(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		struct super s;

		super_init(&s, i & 8, false);
		s.flags |= SUPER_AE | (i & 1 ? SUPER_CWR : 0) |
			   (i & 2 ? SUPER_ECE : 0);
		s.ecn = i & 4 && i & 1;
		s.gso_size = 1000;
		s.len = 3000;
		compare_seg(&s);
	}
}

static void test_tcp_options(void **state)
{
	struct rng r;

	rng_seed(&r, 7);
	for (unsigned i = 0; i < 22; i++)
		for (unsigned k = 0; k < 4; k++) {
			struct super s;

			super_init(&s, i & 1, false);
			random_tcp_opts(&r, &s, i / 2);
			s.gso_size = 700 + k;
			s.len = 2200;
			compare_seg(&s);
		}
}

static void sizes(bool v6, bool udp)
{
	static const uint16_t gso[] = { 1,   2,    3,    7,    8,    99,  536,
					999, 1000, 1220, 1400, 1431, 1432 };

	for (unsigned i = 0; i < sizeof(gso) / sizeof(gso[0]); i++)
		for (unsigned n = 1; n < 5; n++) {
			struct super s;

			super_init(&s, v6, udp);
			s.seq = 0xfffffc00;
			s.gso_size = gso[i];
			s.len = n * gso[i] + 1;
			compare_seg(&s);
			s.len = n * gso[i];
			compare_seg(&s);
			s.len = (n + 1) * gso[i] - 1;
			compare_seg(&s);
		}
}

static void test_tcp_sizes(void **state)
{
	sizes(false, false);
	sizes(true, false);
}

static void test_tcp_64k(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct super s;

		super_init(&s, i & 1, false);
		s.gso_size = 1440;
		s.len = i & 2 ? 65535 - 40 : 44 * 1440;
		s.len -= i == 3 ? 0 : i & 1 ? 20 : 0;
		s.flags |= SUPER_PSH | SUPER_FIN;
		compare_seg(&s);
	}
}

/* ---- IP ---- */

static void both(struct super *s)
{
	s->udp = false;
	compare_seg(s);
	s->udp = true;
	compare_seg(s);
}

static void test_ip4_fields(void **state)
{
	static const uint16_t ids[] = { 0, 1, 0x1234, 65533, 65534, 65535 };
	static const uint16_t frags[] = { 0, 0x4000, 0x8000, 0xc000 };

	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k < 4; k++)
			for (unsigned tos = 0; tos < 4; tos++) {
				struct super s;

				super_init(&s, false, false);
				s.ip.id = ids[i];
				s.ip.frag = frags[k];
				s.ip.tos = 0xb8 | tos;
				s.ip.ttl = 2 + i * 40;
				s.gso_size = 900;
				s.len = 2701;
				both(&s);
			}
}

static void test_ip4_options(void **state)
{
	static const char *const opts[] = {
		"\1\1\1\1",   "\1\1\1\0",           "\x94\4\0\0",
		"\x88\4\0\7", "\1\x88\4\0\7\1\1\0", "\x82\x0b\0\0\0\0\0\0\0\0\0\0"
	};
	static const uint8_t lens[] = { 4, 4, 4, 4, 8, 12 };

	for (unsigned i = 0; i < 6; i++) {
		struct super s;

		super_init(&s, false, false);
		s.ip.opt_len = lens[i];
		memcpy(s.ip.opt, opts[i], lens[i]);
		s.gso_size = 1000;
		s.len = 3456;
		both(&s);
	}
}

static void test_ip6_fields(void **state)
{
	static const uint32_t flows[] = { 0, 1, 0x12345, 0xfffff };

	for (unsigned i = 0; i < 4; i++)
		for (unsigned tc = 0; tc < 256; tc += 17) {
			struct super s;

			super_init(&s, true, false);
			s.ip.flow = flows[i];
			s.ip.tos = tc;
			s.ip.ttl = 255 - tc / 2;
			s.gso_size = 901;
			s.len = 2701;
			both(&s);
		}
}

static void test_ip6_extensions(void **state)
{
	static const uint8_t chains[][4] = { { 1, 0 },         { 1, 60 },
					     { 1, 43 },        { 2, 0, 60 },
					     { 2, 60, 43 },    { 2, 43, 60 },
					     { 3, 0, 60, 43 }, { 3, 0, 43, 60 } };

	for (unsigned i = 0; i < 8; i++)
		for (unsigned units = 0; units < 3; units++) {
			struct super s;

			super_init(&s, true, false);
			s.ip.next = chains[i][0];
			for (unsigned k = 0; k < s.ip.next; k++) {
				s.ip.ext[k] = chains[i][1 + k];
				if (s.ip.ext[k] != 43)
					s.ip.ext_units[k] = units;
			}
			s.gso_size = 1000;
			s.len = 4001;
			both(&s);
		}
}

/* ---- UDP ---- */

static void test_udp_sizes(void **state)
{
	sizes(false, true);
	sizes(true, true);
}

static void test_udp_64k(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct super s;

		super_init(&s, i, true);
		s.gso_size = 1400;
		s.len = 65535 - (i ? 48 : 28);
		compare_seg(&s);
		s.len = 46 * 1400;
		compare_seg(&s);
		s.gso_size = 500;
		s.len = 128 * 500;
		compare_seg(&s);
	}
}

static void test_ufo(void **state)
{
	static const uint32_t lens[] = { 1473, 1480, 2952, 2953, 5000, 65000 };
	static const uint16_t gso[] = { 1480, 1000, 1448, 8, 1440 };

	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k < 10; k++) {
			struct super s;

			super_init(&s, k & 1, true);
			s.ip.frag = 0;
			s.ip.id = 65535 * (i & 1);
			s.ufo = true;
			s.gso_size = gso[k / 2];
			s.len = lens[i];
			/* that the kernel then forwards; and the test's limit */
			if (s.ip.v6 && s.gso_size > 1448)
				s.gso_size = 1448;
			if (s.len / s.gso_size > 1000)
				s.len = 6000;
			compare_seg(&s);
		}
}

/* No IPv6 extension headers: the kernel puts the fragment header behind all of
 * them and counts them in the fragments' offsets, and nobody could put those
 * together again. Nor options that only the first fragment has (RFC 791), which the
 * kernel repeats, nor a gso_size that is no multiple of 8, which it takes. */
static void test_ufo_headers(void **state)
{
	struct super s;

	super_init(&s, false, true);
	s.ufo = true;
	s.len = 4000;
	s.gso_size = 1400;
	compare_seg(&s); /* DF */
	s.ip.frag = 0x8000;
	s.ip.id = 0;
	s.ip.tos = 0x2f;
	compare_seg(&s);
	s.ip.opt_len = 4; /* an option that every fragment repeats */
	memcpy(s.ip.opt, "\x88\4\0\7", 4);
	compare_seg(&s);
}

/* ---- BIG TCP ---- */

static void test_big_tcp(void **state)
{
	static const uint32_t lens[] = { 65496,  65536,  100500,
					 200000, 499999, 500000 };
	static const uint16_t gso[] = { 1000, 1428, 1440 };

	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k < 3; k++) {
			struct super s;

			super_init(&s, false, false);
			s.flags |= SUPER_PSH | SUPER_CWR;
			s.ip.id = 65500;
			s.gso_size = gso[k];
			s.len = lens[i];
			compare_seg(&s);
			super_init(&s, true, false);
			s.flags |= SUPER_PSH | SUPER_CWR;
			s.ip.jumbo = true;
			s.gso_size = gso[k] - 20;
			s.len = lens[i] + 20;
			compare_seg(&s);
		}
}

/* ---- tap ---- */

static void test_tap(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct super s;

		super_init(&s, i & 1, i & 2);
		s.l2 = true;
		s.flags |= SUPER_PSH | SUPER_CWR | SUPER_FIN;
		s.gso_size = 1400;
		s.len = 60001;
		compare_seg(&s);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct super s;

		super_init(&s, i, false);
		s.l2 = true;
		s.ip.jumbo = i;
		s.gso_size = 1400;
		s.len = 300000;
		compare_seg(&s);
	}
}

/* ---- checksums of zero ---- */

/* Choose the port such that segment `k`'s checksum is zero, which UDP writes as all
 * ones; with a tunnel the outer checksum, too. */
static void zero_sum(struct super *s, unsigned k)
{
	static uint8_t b[2000];
	struct super seg = *s;

	seg.gso_size = 0;
	seg.len = s->gso_size;
	seg.from += k * s->gso_size;
	seg.seq += k * s->gso_size;
	s->sport = super_add(s->sport, super_csum(b, &seg, false));
	seg.sport = s->sport;
	assert_int_equal(super_csum(b, &seg, false), s->udp ? 0xffff : 0);
	if (!s->outer_csum)
		return;
	seg.inner.id += k;
	if (!seg.inner.v6) /* its header sums up whatever the ID */
		seg.ip.id += k;
	s->vx_sport = super_add(s->vx_sport, super_csum(b, &seg, true));
	seg.vx_sport = s->vx_sport;
	assert_int_equal(super_csum(b, &seg, true), 0xffff);
}

static void zero_sums(bool vxlan)
{
	for (unsigned i = 0; i < 32; i++) {
		struct super s;

		super_init(&s, i & 1, i & 2);
		s.inner = s.ip;
		s.inner.v6 = i & 4;
		s.l2 = s.vxlan = s.outer_csum = vxlan;
		s.vx_sport = 50000;
		s.gso_size = 1000;
		s.len = 4000;
		zero_sum(&s, i / 8);
		compare_seg(&s);
	}
}

static void test_zero_sums(void **state)
{
	zero_sums(false);
}

static void test_zero_sums_vxlan(void **state)
{
	zero_sums(true);
}

/* ---- bridge ---- */

/* Without a router in between: tags, and headers that a router would touch. */
static void test_bridge(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct super s;

		super_init(&s, i & 1, i & 2);
		s.l2 = true;
		s.vlan = i & 4 ? 0x6005 : 0;
		memcpy(s.dmac, lab_far_mac, 6);
		memcpy(s.smac, lab_near_mac, 6);
		s.ip.ttl = 1;
		s.gso_size = 1400;
		s.flags |= SUPER_PSH | SUPER_CWR | SUPER_FIN;
		s.len = 20001;
		compare_seg(&s);
		if (!s.ip.v6) { /* record route, timestamp */
			s.ip.opt_len = 16;
			memcpy(s.ip.opt, "\7\7\4\0\0\0\0\1\104\10\5\0\0\0\0\0", 16);
			compare_seg(&s);
		}
	}
}

/* ---- VXLAN ---- */

static void test_vxlan(void **state)
{
	for (unsigned i = 0; i < 64; i++) {
		static const uint16_t tails[] = { 0, 1, 999, 500 };
		struct super s;

		super_init(&s, i & 1, i & 8);
		s.l2 = s.vxlan = true;
		s.inner = s.ip;
		s.inner.v6 = i & 2;
		s.inner.id = 65534;
		s.inner.tos = 0x41;
		s.inner.ttl = 9;
		s.ip.frag = i & 16 ? 0 : 0x4000;
		s.inner.frag = i & 32 ? 0 : 0x4000;
		s.outer_csum = i & 4;
		s.vx_sport = 54321;
		s.vni = 0xabcdef;
		s.flags |= SUPER_PSH | SUPER_CWR | SUPER_FIN;
		s.gso_size = 1000;
		for (unsigned k = 0; k < 4; k++) {
			s.len = 4000 + tails[k];
			compare_seg(&s);
		}
		s.len = 65000;
		compare_seg(&s);
	}
}

/* ---- random ---- */

static void many(bool vxlan, unsigned n)
{
	uint64_t seed = compare_seed();

	for (unsigned i = 0; i < n; i++) {
		struct super s;
		struct rng r;

		/* each case by its own number, so that one can be repeated */
		rng_seed(&r, seed + i);
		random_super(&r, &s, vxlan);
		compare_seg(&s);
	}
}

static void test_random(void **state)
{
	many(false, 800);
}

static void test_random_vxlan(void **state)
{
	many(true, 400);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T3(f) cmocka_unit_test_setup_teardown(f, setup_bridge, teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, setup_l2, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tcp_flags),
		T(test_tcp_accecn),
		T(test_tcp_options),
		T(test_tcp_sizes),
		T(test_tcp_64k),
		T(test_ip4_fields),
		T(test_ip4_options),
		T(test_ip6_fields),
		T(test_ip6_extensions),
		T(test_udp_sizes),
		T(test_udp_64k),
		T(test_ufo),
		T(test_ufo_headers),
		T(test_big_tcp),
		T2(test_tap),
		T3(test_bridge),
		T2(test_vxlan),
		T(test_zero_sums),
		T2(test_zero_sums_vxlan),
		T(test_random),
		T2(test_random_vxlan),
	};
	int r;

	lab_enter();
	r = cmocka_run_group_tests_name("oracle_seg", tests, NULL, NULL);
	printf("%lu frames of the kernel's compared\n", compare_frames);
	return r;
}
