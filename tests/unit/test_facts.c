/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_facts.c - the four facts, their reasons, and that they agree with what is
 * negotiated
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/linux_compat.h"
#include "base/rng.h"
#include "link/facts.h"

#define B(f) FEAT_BIT(FEAT_##f)
#define ALL ((FEAT_BIT(FEAT_N)) - 1)
#define TUN_ALL 0x1ffu
#define TX_ALL (B(TX_CSUM) | B(SG) | B(TSO4) | B(TSO6) | B(TSO_ECN) | B(USO))
#define TESTED (B(TX_CSUM) | B(TSO4) | B(TSO6) | B(TSO_ECN) | B(USO))
#define BIGS (B(BIGTCP4) | B(BIGTCP6_JUMBO) | B(BIGTCP6_PLAIN))

struct fix {
	struct link_state st;
	struct fact_input in;
	struct link_facts facts;
};

static int setup(void **state)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	f.st.ethtool_ok = true;
	f.st.mtu = 1500;
	f.st.gso_max_size = f.st.gso_ipv4_max_size = 65536;
	f.st.gro_max_size = f.st.gro_ipv4_max_size = 524280;
	f.st.feat_hw = f.st.feat_wanted = f.st.feat_active = TX_ALL | B(GRO);
	f.in.st = &f.st;
	f.in.configured = ALL & ~(B(UFO) | B(UDP_TNL) | B(UDP_TNL_CSUM));
	f.in.provided = UINT32_MAX;
	f.in.granted = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN |
		       TUN_F_USO4 | TUN_F_USO6;
	f.in.proven[FACT_FROM_KERNEL] = TESTED;
	f.in.proven[FACT_TO_KERNEL] = TESTED | B(BIGTCP4) | B(BIGTCP6_JUMBO);
	f.in.disproven[FACT_TO_KERNEL] = B(BIGTCP6_PLAIN);
	*state = &f;
	return 0;
}

/* `because` FEAT_N: does not matter. */
static void expect_why(struct fix *f, enum fact_dir dir, enum feat feat,
		       enum fact_why why, enum feat because)
{
	const struct link_fact *t;

	link_facts(&f->in, &f->facts);
	t = &f->facts.f[dir][feat];
	if (t->why != why)
		fail_msg("%s %s: %s, expected %s", feat_name(feat),
			 fact_dir_name(dir), fact_why_name(t->why),
			 fact_why_name(why));
	assert_int_equal(t->in_use, why == FACT_IN_USE);
	if (because != FEAT_N)
		assert_int_equal(t->because, because);
}

#define FROM FACT_FROM_KERNEL
#define TO FACT_TO_KERNEL

static void all_is_well(void **state)
{
	struct fix *f = *state;
	const struct link_fact *t;

	for (enum feat i = 0; i < FEAT_N; i++) {
		if (TX_ALL & FEAT_BIT(i)) {
			expect_why(f, FROM, i, FACT_IN_USE, FEAT_N);
			expect_why(f, TO, i, FACT_IN_USE, FEAT_N);
		}
	}
	t = &f->facts.f[TO][FEAT_TSO4];
	assert_true(t->wanted && t->granted && t->in_use);
	assert_int_equal(t->proven, FACT_PROVEN);
	assert_int_equal(f->facts.f[TO][FEAT_GRO].proven, FACT_UNPROVEN);
	assert_int_equal(f->facts.f[TO][FEAT_BIGTCP6_PLAIN].proven, FACT_DISPROVEN);
	expect_why(f, TO, FEAT_BIGTCP4, FACT_IN_USE, FEAT_N);
	expect_why(f, TO, FEAT_BIGTCP6_PLAIN, FACT_DISPROOF, FEAT_N);
	expect_why(f, FROM, FEAT_BIGTCP4, FACT_NOT_HERE, FEAT_N);
	expect_why(f, FROM, FEAT_GRO, FACT_NOT_HERE, FEAT_N);
	expect_why(f, TO, FEAT_GRO, FACT_IN_USE, FEAT_N);
	expect_why(f, FROM, FEAT_UFO, FACT_NOT_CONFIGURED, FEAT_N);
	for (enum feat i = FEAT_MANGLEID; i <= FEAT_GSO_PARTIAL; i++)
		for (enum fact_dir d = 0; d < FACT_DIRS; d++)
			expect_why(f, d, i, FACT_NOT_HERE, FEAT_N);
}

static void reasons_from(void **state)
{
	struct fix *f = *state;

	/* ethtool -K tso off */
	f->st.feat_wanted &= ~(B(TSO4) | B(TSO6) | B(TSO_ECN));
	f->st.feat_active &= ~(B(TSO4) | B(TSO6) | B(TSO_ECN));
	expect_why(f, FROM, FEAT_TSO4, FACT_ADMIN, FEAT_TSO4);
	assert_false(f->facts.f[FROM][FEAT_TSO4].wanted);
	assert_true(f->facts.f[FROM][FEAT_TSO4].granted);
	expect_why(f, TO, FEAT_TSO4, FACT_IN_USE, FEAT_N);
	/* not his doing, but ours, a moment ago */
	f->in.ours = B(TSO4);
	expect_why(f, FROM, FEAT_TSO4, FACT_NOT_GRANTED, FEAT_N);
	setup(state);
	/* ethtool -K tx off, sg off */
	f->st.feat_wanted &= ~B(TX_CSUM);
	f->st.feat_active &=
		~(B(TX_CSUM) | B(TSO4) | B(TSO6) | B(TSO_ECN) | B(USO));
	expect_why(f, FROM, FEAT_TX_CSUM, FACT_ADMIN, FEAT_TX_CSUM);
	expect_why(f, FROM, FEAT_USO, FACT_DEPENDS, FEAT_TX_CSUM);
	setup(state);
	f->st.feat_wanted &= ~B(SG);
	f->st.feat_active &= ~(B(SG) | B(TSO4) | B(TSO6) | B(TSO_ECN));
	expect_why(f, FROM, FEAT_SG, FACT_ADMIN, FEAT_SG);
	expect_why(f, FROM, FEAT_TSO6, FACT_DEPENDS, FEAT_SG);
	setup(state);
	f->in.configured &= ~B(TSO4);
	expect_why(f, FROM, FEAT_TSO4, FACT_NOT_CONFIGURED, FEAT_N);
	setup(state);
	f->in.provided = ~B(USO);
	expect_why(f, FROM, FEAT_USO, FACT_NO_PLUGIN, FEAT_N);
	expect_why(f, TO, FEAT_USO, FACT_NO_PLUGIN, FEAT_N);
	setup(state);
	f->in.granted &= ~(unsigned)TUN_F_TSO_ECN;
	expect_why(f, FROM, FEAT_TSO_ECN, FACT_NOT_GRANTED, FEAT_N);
	f->in.disproven[FROM] = B(TX_CSUM);
	expect_why(f, FROM, FEAT_TX_CSUM, FACT_DISPROOF, FEAT_N);
	expect_why(f, FROM, FEAT_TSO4, FACT_DEPENDS, FEAT_TX_CSUM);
}

static void reasons_to(void **state)
{
	struct fix *f = *state;

	/* ethtool -K gro off */
	f->st.feat_wanted &= ~B(GRO);
	f->st.feat_active &= ~B(GRO);
	expect_why(f, TO, FEAT_TSO4, FACT_ADMIN, FEAT_GRO);
	expect_why(f, TO, FEAT_GRO, FACT_ADMIN, FEAT_GRO);
	expect_why(f, TO, FEAT_TX_CSUM, FACT_IN_USE, FEAT_N);
	expect_why(f, FROM, FEAT_TSO4, FACT_IN_USE, FEAT_N);
	setup(state);
	f->in.demoted = B(TSO4) | B(USO);
	expect_why(f, TO, FEAT_USO, FACT_REFUSED, FEAT_N);
	expect_why(f, TO, FEAT_BIGTCP4, FACT_DEPENDS, FEAT_TSO4);
	expect_why(f, TO, FEAT_TSO_ECN, FACT_IN_USE, FEAT_N); /* over IPv6 */
	setup(state);
	f->st.gro_max_size = 65536;
	expect_why(f, TO, FEAT_BIGTCP6_JUMBO, FACT_SIZE, FEAT_N);
	expect_why(f, TO, FEAT_BIGTCP4, FACT_IN_USE, FEAT_N);
	setup(state);
	/* no self-test was possible: used where something announces it */
	memset(f->in.proven, 0, sizeof(f->in.proven));
	memset(f->in.disproven, 0, sizeof(f->in.disproven));
	expect_why(f, TO, FEAT_TSO4, FACT_IN_USE, FEAT_N);
	assert_int_equal(f->facts.f[TO][FEAT_TSO4].proven, FACT_UNPROVEN);
	expect_why(f, TO, FEAT_BIGTCP4, FACT_NOT_GRANTED, FEAT_N);
}

/* ---- agreement ---- */

static uint32_t in_use(const struct link_facts *t, enum fact_dir d)
{
	uint32_t f = 0;

	for (enum feat i = 0; i < FEAT_N; i++)
		if (t->f[d][i].in_use)
			f |= FEAT_BIT(i);
	return f;
}

/* Mostly ones, mostly zeros, or anything. */
static uint32_t bits(struct rng *r)
{
	uint32_t a = rng_u32(r), b = rng_u32(r), c = rng_u32(r);

	switch (rng_u32(r) % 4) {
	case 0:
		return a | b | c;
	case 1:
		return a & b & c;
	case 2:
		return UINT32_MAX;
	default:
		return a;
	}
}

static uint32_t size(struct rng *r)
{
	static const uint32_t sizes[] = { 0,     100,    1500,   65535,  65536,
					  65537, 100000, 524280, 4000000 };

	return sizes[rng_u32(r) % (sizeof(sizes) / sizeof(sizes[0]))];
}

static void generate(struct rng *r, struct fix *f)
{
	memset(f, 0, sizeof(*f));
	f->in.st = &f->st;
	f->st.ethtool_ok = rng_u32(r) % 4;
	f->st.mtu = rng_u32(r) % 2 ? 1500 : 65535;
	f->st.gso_max_size = size(r);
	f->st.gso_ipv4_max_size = size(r);
	f->st.gro_max_size = size(r);
	f->st.gro_ipv4_max_size = size(r);
	if (f->st.ethtool_ok) {
		f->st.feat_hw = bits(r);
		f->st.feat_wanted = bits(r);
		f->st.feat_active = bits(r);
	}
	f->in.configured = bits(r);
	f->in.provided = bits(r);
	f->in.ours = bits(r);
	f->in.gso_max = size(r);
	f->in.granted = bits(r) & TUN_ALL;
	f->in.demoted = bits(r) & bits(r);
	for (enum fact_dir d = 0; d < FACT_DIRS; d++) {
		f->in.disproven[d] = bits(r) & bits(r) & bits(r);
		f->in.proven[d] = bits(r) & ~f->in.disproven[d];
	}
}

static void agrees(const struct fix *f, unsigned round)
{
	struct link_want want = { f->in.configured, f->in.provided, f->in.ours,
				  f->in.gso_max };
	struct link_facts facts;
	struct link_proof proof;
	struct port_caps to, from;
	unsigned tun_f;

	memcpy(proof.ok, f->in.proven, sizeof(proof.ok));
	memcpy(proof.failed, f->in.disproven, sizeof(proof.failed));
	link_negotiate(&f->st, &want, f->in.granted, &proof, f->in.demoted, &to,
		       &from, &tun_f);
	link_facts(&f->in, &facts);
	if (in_use(&facts, FROM) != from.feats || in_use(&facts, TO) != to.feats)
		fail_msg("round %u: from 0x%x, negotiated 0x%x; to 0x%x, "
			 "negotiated 0x%x",
			 round, in_use(&facts, FROM), from.feats,
			 in_use(&facts, TO), to.feats);
	for (enum fact_dir d = 0; d < FACT_DIRS; d++)
		for (enum feat i = 0; i < FEAT_N; i++) {
			const struct link_fact *t = &facts.f[d][i];

			assert_int_equal(t->in_use, t->why == FACT_IN_USE);
			/* the law of the four facts */
			if (t->in_use) {
				assert_true(t->wanted && t->granted);
				if (i != FEAT_SG && i != FEAT_GRO)
					assert_int_not_equal(t->proven,
							     FACT_DISPROVEN);
			}
			if (t->why == FACT_ADMIN || t->why == FACT_DEPENDS)
				assert_true(t->because < FEAT_N);
		}
	/* never more than what the administrator left, was granted, can be done
	 * and was not disproven */
	assert_int_equal(caps_of_tun_f(tun_f) &
				 ~((link_feats_allowed(&f->st) | want.ours) &
				   want.feats & want.provided &
				   caps_of_tun_f(f->in.granted) &
				   ~proof.failed[FROM]),
			 0);
}

static void facts_agree_with_negotiation(void **state)
{
	struct rng r;
	struct fix f;

	rng_seed(&r, 5);
	for (unsigned i = 0; i < 200000; i++) {
		generate(&r, &f);
		agrees(&f, i);
	}
}

static void words(void **state)
{
	for (enum fact_why w = 0; w < FACT_WHYS; w++) {
		assert_true(strlen(fact_why_name(w)) > 2);
		assert_true(strlen(fact_why_text(w)) > 10);
		for (enum fact_why v = 0; v < w; v++)
			assert_string_not_equal(fact_why_name(w), fact_why_name(v));
	}
	assert_string_equal(fact_why_name(FACT_WHYS), "unknown");
	assert_string_equal(fact_proof_name(FACT_UNPROVEN), "unproven");
	assert_string_equal(fact_proof_name(FACT_DISPROVEN), "disproven");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_is_well, setup),
		cmocka_unit_test_setup(reasons_from, setup),
		cmocka_unit_test_setup(reasons_to, setup),
		cmocka_unit_test(facts_agree_with_negotiation),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
