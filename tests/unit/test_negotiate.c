/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_negotiate.c - the pure function between wishes and packets
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/linux_compat.h"
#include "link/link.h"

#define B(f) FEAT_BIT(FEAT_##f)
#define ALL ((FEAT_BIT(FEAT_N)) - 1)
#define GRANT_ALL                                                                  \
	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 |       \
	 TUN_F_USO6)
#define TX_ALL (B(TX_CSUM) | B(SG) | B(TSO4) | B(TSO6) | B(TSO_ECN) | B(USO))

struct fix {
	struct link_state st;
	struct link_want want;
	struct link_proof proof;
	unsigned granted;
	uint32_t demoted;
	struct port_caps to, from;
	unsigned tun_f;
};

/* A tun of MTU 1500 on a recent kernel, everything on and proven. */
static int setup(void **state)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	f.st.present = f.st.up = f.st.ethtool_ok = true;
	f.st.mtu = 1500;
	f.st.gso_max_size = f.st.gso_ipv4_max_size = 65536;
	f.st.gro_max_size = f.st.gro_ipv4_max_size = 524280;
	f.st.feat_hw = f.st.feat_wanted = f.st.feat_active = TX_ALL | B(GRO);
	f.want.feats = ALL & ~(B(UFO) | B(UDP_TNL) | B(UDP_TNL_CSUM));
	f.want.provided = UINT32_MAX;
	f.proof.ok[FACT_TO_KERNEL] = B(TSO4) | B(TSO6) | B(USO) | B(TX_CSUM) |
				     B(BIGTCP4) | B(BIGTCP6_JUMBO) |
				     B(BIGTCP6_PLAIN);
	f.proof.ok[FACT_FROM_KERNEL] = B(TSO4) | B(TSO6) | B(USO) | B(TX_CSUM);
	f.granted = GRANT_ALL;
	*state = &f;
	return 0;
}

static void run(struct fix *f)
{
	link_negotiate(&f->st, &f->want, f->granted, &f->proof, f->demoted, &f->to,
		       &f->from, &f->tun_f);
}

static void everything_on(void **state)
{
	struct fix *f = *state;

	run(f);
	assert_int_equal(f->tun_f, GRANT_ALL);
	assert_int_equal(f->to.feats, TX_ALL | B(GRO) | B(BIGTCP4) |
					      B(BIGTCP6_JUMBO) | B(BIGTCP6_PLAIN));
	assert_int_equal(f->to.mtu, 1500);
	assert_int_equal(f->to.gso_max4, 524280);
	assert_int_equal(f->to.gso_max6, 524280);
	assert_int_equal(f->to.gso_max_udp, 65535);
	assert_int_equal(f->to.gso_max_segs, 0);
	assert_int_equal(f->from.feats, TX_ALL);
	assert_int_equal(f->from.mtu, 1500);
	assert_int_equal(f->from.gso_max4, 65535);
	assert_int_equal(f->from.gso_max6, 65535);
	assert_int_equal(f->from.gso_max_udp, 65535);
}

/* ethtool -K tso off: nothing is switched on again; writing is unaffected. */
static void administrator_tso_off(void **state)
{
	struct fix *f = *state;
	uint32_t tso = B(TSO4) | B(TSO6) | B(TSO_ECN);

	f->st.feat_wanted &= ~tso;
	f->st.feat_active &= ~tso;
	run(f);
	assert_int_equal(f->tun_f, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6);
	assert_int_equal(f->from.feats, B(TX_CSUM) | B(SG) | B(USO));
	assert_int_equal(f->from.gso_max4, 1500);
	assert_int_equal(f->from.gso_max6, 1500);
	assert_int_equal(f->from.gso_max_udp, 65535);
	assert_int_equal(f->to.gso_max4, 524280);
	assert_true(f->to.feats & B(TSO4));
}

/* ethtool -K tx off: the kernel drops TSO and USO with it, and so do we. */
static void administrator_tx_off(void **state)
{
	struct fix *f = *state;

	f->st.feat_wanted &= ~B(TX_CSUM);
	f->st.feat_active &=
		~(B(TX_CSUM) | B(TSO4) | B(TSO6) | B(TSO_ECN) | B(USO));
	run(f);
	assert_int_equal(f->tun_f, 0);
	assert_int_equal(f->from.feats, B(SG));
	assert_int_equal(f->from.gso_max_udp, 1500);
	assert_int_equal(f->to.gso_max6, 524280);
}

/* ethtool -K sg off: TSO goes, USO stays; it is still wanted. */
static void administrator_sg_off(void **state)
{
	struct fix *f = *state;

	f->st.feat_wanted &= ~B(SG);
	f->st.feat_active &= ~(B(SG) | B(TSO4) | B(TSO6) | B(TSO_ECN));
	run(f);
	assert_int_equal(f->tun_f, GRANT_ALL);
	assert_int_equal(f->from.feats, B(TX_CSUM) | B(USO));
	assert_int_equal(f->from.gso_max4, 1500);
}

/* ethtool -K gro off: what we write comes in single packets. */
static void administrator_gro_off(void **state)
{
	struct fix *f = *state;

	f->st.feat_wanted &= ~B(GRO);
	f->st.feat_active &= ~B(GRO);
	run(f);
	assert_int_equal(f->to.feats, B(TX_CSUM) | B(SG));
	assert_int_equal(f->to.gso_max4, 1500);
	assert_int_equal(f->to.gso_max6, 1500);
	assert_int_equal(f->to.gso_max_udp, 1500);
	assert_int_equal(f->tun_f, GRANT_ALL);
	assert_int_equal(f->from.feats, TX_ALL);
}

static void sizes_of_the_link(void **state)
{
	struct fix *f = *state;

	f->st.gro_max_size = 100000;
	f->st.gro_ipv4_max_size = 16000;
	run(f);
	assert_int_equal(f->to.gso_max4, 16000);
	assert_int_equal(f->to.gso_max6, 100000);
	assert_int_equal(f->to.gso_max_udp, 16000);
	/* the configuration is the second bound */
	f->want.gso_max = 9000;
	run(f);
	assert_int_equal(f->to.gso_max4, 9000);
	assert_int_equal(f->to.gso_max6, 9000);
	/* never below one packet */
	f->want.gso_max = 100;
	run(f);
	assert_int_equal(f->to.gso_max4, 1500);
	/* never beyond what the kernel can hold */
	f->want.gso_max = 0;
	f->st.gro_max_size = f->st.gro_ipv4_max_size = 4000000;
	run(f);
	assert_int_equal(f->to.gso_max4, 524280);
	assert_int_equal(f->to.gso_max6, 524280);
}

/* No gro_ipv4_max_size: no BIG TCP for IPv4, whatever gro_max_size says. */
static void old_kernel(void **state)
{
	struct fix *f = *state;

	f->st.gro_ipv4_max_size = f->st.gso_ipv4_max_size = 0;
	run(f);
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 524280);
	/* neither size, no ethtool family, only TSO granted */
	f->st.gro_max_size = f->st.gso_max_size = 0;
	f->st.ethtool_ok = false;
	f->st.feat_active = f->st.feat_wanted = f->st.feat_hw = 0;
	f->granted = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	f->proof = (struct link_proof){ 0 };
	run(f);
	assert_int_equal(f->tun_f, f->granted);
	assert_int_equal(f->from.feats, B(TX_CSUM) | B(SG) | B(TSO4) | B(TSO6));
	assert_int_equal(f->to.feats, B(TX_CSUM) | B(SG) | B(TSO4) | B(TSO6) |
					      B(TSO_ECN) | B(GRO));
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 65535);
	assert_int_equal(f->to.gso_max_udp, 1500);
}

static void what_was_not_proven(void **state)
{
	struct fix *f = *state;

	/* no probe: nothing above 64 KB, the rest as granted */
	f->proof = (struct link_proof){ 0 };
	run(f);
	assert_int_equal(f->to.feats, TX_ALL | B(GRO));
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 65535);
	assert_int_equal(f->to.gso_max_udp, 65535);
	/* one IPv6 form is enough for the size */
	f->proof.ok[FACT_TO_KERNEL] = B(BIGTCP6_JUMBO);
	f->proof.failed[FACT_TO_KERNEL] = B(BIGTCP6_PLAIN) | B(BIGTCP4);
	run(f);
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 524280);
	assert_false(f->to.feats & B(BIGTCP6_PLAIN));
	/* what failed takes along what stands on it */
	f->proof.ok[FACT_TO_KERNEL] = B(BIGTCP6_JUMBO) | B(BIGTCP4);
	f->proof.failed[FACT_TO_KERNEL] = B(TSO6) | B(USO);
	run(f);
	assert_int_equal(f->to.feats, B(TX_CSUM) | B(SG) | B(TSO4) | B(TSO_ECN) |
					      B(BIGTCP4) | B(GRO));
	assert_int_equal(f->to.gso_max6, 1500);
	assert_int_equal(f->to.gso_max_udp, 1500);
	/* and reading is none of its business */
	assert_int_equal(f->from.feats, TX_ALL);
	f->proof.failed[FACT_TO_KERNEL] = B(TX_CSUM);
	run(f);
	assert_int_equal(f->to.feats, B(SG) | B(GRO));
}

/* What was read damaged is not asked for; writing is none of its business. */
static void disproven_from_the_kernel(void **state)
{
	struct fix *f = *state;

	f->proof.failed[FACT_FROM_KERNEL] = B(TSO4);
	run(f);
	assert_int_equal(f->tun_f, GRANT_ALL & ~TUN_F_TSO4);
	assert_int_equal(f->from.feats, TX_ALL & ~B(TSO4));
	assert_int_equal(f->from.gso_max4, 1500);
	assert_true(f->to.feats & B(TSO4));
	f->proof.failed[FACT_FROM_KERNEL] = B(TX_CSUM);
	run(f);
	assert_int_equal(f->tun_f, 0);
}

/* Without its plugin a kind of superpacket is neither asked for nor made. */
static void plugin_missing(void **state)
{
	struct fix *f = *state;

	f->want.provided = ~(B(USO) | B(BIGTCP4));
	run(f);
	assert_int_equal(f->tun_f,
			 GRANT_ALL & ~(unsigned)(TUN_F_USO4 | TUN_F_USO6));
	assert_false(f->to.feats & (B(USO) | B(BIGTCP4)));
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max_udp, 1500);
}

/* What our own ioctl took out of feat_wanted may return; what the administrator
 * switched off may not. */
static void ours_returns(void **state)
{
	struct fix *f = *state;

	f->st.feat_wanted &= ~(B(TSO4) | B(USO));
	f->st.feat_active &= ~(B(TSO4) | B(USO));
	f->want.ours = B(TSO4);
	run(f);
	assert_int_equal(f->tun_f,
			 GRANT_ALL & ~(unsigned)(TUN_F_USO4 | TUN_F_USO6));
}

/* UFO and forwarding GRO towards the kernel. */
static void ufo_and_udp_gro(void **state)
{
	struct fix *f = *state;

	f->want.feats |= B(UFO);
	run(f);
	assert_false(f->to.feats & (B(UFO) | B(UDP_GRO)));
	f->proof.ok[FACT_TO_KERNEL] |= B(UFO);
	f->st.feat_hw |= B(UDP_GRO);
	f->st.feat_active |= B(UDP_GRO);
	run(f);
	assert_true((f->to.feats & B(UFO)) && (f->to.feats & B(UDP_GRO)));
	/* sizes within 64 KB leave no BIG TCP */
	f->st.gro_max_size = f->st.gro_ipv4_max_size = 65536;
	run(f);
	assert_false(f->to.feats &
		     (B(BIGTCP4) | B(BIGTCP6_JUMBO) | B(BIGTCP6_PLAIN)));
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 65535);
}

static void demoted_at_run_time(void **state)
{
	struct fix *f = *state;

	f->demoted = B(BIGTCP4);
	run(f);
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 524280);
	f->demoted = B(USO);
	run(f);
	assert_int_equal(f->to.gso_max_udp, 1500);
	assert_int_equal(f->tun_f, GRANT_ALL);
	f->demoted = B(TSO4);
	run(f);
	assert_int_equal(f->to.gso_max4, 1500);
	assert_false(f->to.feats & B(BIGTCP4));
	assert_true(f->to.feats & B(TSO_ECN)); /* TSO6 is still there */
}

/* USO is written only to kernels that know the type. */
static void uso_not_granted(void **state)
{
	struct fix *f = *state;

	f->granted &= ~(unsigned)(TUN_F_USO4 | TUN_F_USO6);
	f->proof.ok[FACT_TO_KERNEL] &= ~B(USO);
	run(f);
	assert_false(f->to.feats & B(USO));
	assert_int_equal(f->to.gso_max_udp, 1500);
	f->proof.ok[FACT_TO_KERNEL] |= B(USO);
	run(f);
	assert_true(f->to.feats & B(USO));
	assert_false(f->tun_f & TUN_F_USO4);
}

static void configuration(void **state)
{
	struct fix *f = *state;

	f->want.feats = B(TX_CSUM) | B(TSO4);
	run(f);
	assert_int_equal(f->tun_f, TUN_F_CSUM | TUN_F_TSO4);
	assert_int_equal(f->to.feats, B(TX_CSUM) | B(TSO4) | B(SG) | B(GRO));
	assert_int_equal(f->to.gso_max4, 65535);
	assert_int_equal(f->to.gso_max6, 1500);
	f->want.feats = B(TSO4) | B(USO); /* without the checksum: nothing */
	run(f);
	assert_int_equal(f->tun_f, 0);
	assert_int_equal(f->to.feats, B(SG) | B(GRO));
}

static void tunnels(void **state)
{
	struct fix *f = *state;
	uint32_t tnl = B(UDP_TNL) | B(UDP_TNL_CSUM);

	f->want.feats = ALL;
	f->granted |= TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM;
	f->st.feat_hw |= tnl;
	f->st.feat_wanted |= tnl;
	f->st.feat_active |= tnl;
	run(f);
	assert_int_equal(f->tun_f, f->granted);
	assert_int_equal(f->to.feats & tnl, tnl);
	f->st.feat_wanted &= ~B(UDP_TNL);
	f->st.feat_active &= ~B(UDP_TNL);
	run(f);
	assert_int_equal(f->tun_f, GRANT_ALL);
	assert_int_equal(f->to.feats & tnl, 0);
}

static void tun_bits(void **state)
{
	struct link_state st = { .ethtool_ok = true,
				 .feat_hw = B(TSO4) | B(TSO6),
				 .feat_wanted = B(TSO6) };

	assert_int_equal(link_tun_f(ALL), 0x1ff);
	assert_int_equal(link_tun_f(B(TX_CSUM) | B(TSO_ECN)), TUN_F_CSUM);
	assert_int_equal(link_tun_f(B(TX_CSUM) | B(UDP_TNL)), TUN_F_CSUM);
	assert_int_equal(link_tun_f(B(TSO4) | B(TSO6)), 0);
	assert_int_equal(link_tun_f(B(TX_CSUM) | B(USO)),
			 TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6);
	assert_int_equal(link_feats_allowed(&st) & ALL, ALL & ~B(TSO4));
	st.ethtool_ok = false;
	assert_int_equal(link_feats_allowed(&st) & ALL, ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(everything_on, setup),
		cmocka_unit_test_setup(administrator_tso_off, setup),
		cmocka_unit_test_setup(administrator_tx_off, setup),
		cmocka_unit_test_setup(administrator_sg_off, setup),
		cmocka_unit_test_setup(administrator_gro_off, setup),
		cmocka_unit_test_setup(sizes_of_the_link, setup),
		cmocka_unit_test_setup(old_kernel, setup),
		cmocka_unit_test_setup(what_was_not_proven, setup),
		cmocka_unit_test_setup(disproven_from_the_kernel, setup),
		cmocka_unit_test_setup(plugin_missing, setup),
		cmocka_unit_test_setup(ours_returns, setup),
		cmocka_unit_test_setup(ufo_and_udp_gro, setup),
		cmocka_unit_test_setup(demoted_at_run_time, setup),
		cmocka_unit_test_setup(uso_not_granted, setup),
		cmocka_unit_test_setup(configuration, setup),
		cmocka_unit_test_setup(tunnels, setup),
		cmocka_unit_test(tun_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
