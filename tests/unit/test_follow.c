/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_follow.c - what follows from a change of the link
 *
 * The kernel's end is stood in for: what TUNSETOFFLOAD was called with is
 * recorded, and the link's state is a variable. The negotiation is the real
 * one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/linux_compat.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "fakeplug.h"

#define TSO (TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define USO (TUN_F_USO4 | TUN_F_USO6)
#define ALL_FEATS                                                                  \
	(FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) | FEAT_BIT(FEAT_TSO4) |        \
	 FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN) | FEAT_BIT(FEAT_USO) |       \
	 FEAT_BIT(FEAT_GRO))

static struct link_state link_now;
static unsigned sets, set_last, kernel_takes;
static unsigned published;
static struct stack_snap *snap_last;

const struct link_state *link_state(const struct link *l)
{
	return &link_now;
}

int tun_set_offload(struct port *port, unsigned tun_f)
{
	sets++;
	set_last = tun_f;
	return tun_f & ~kernel_takes ? -EINVAL : 0;
}

int tun_offload_ladder(struct port *port, unsigned want, unsigned *ret_granted)
{
	*ret_granted = want & kernel_takes;
	return 0;
}

unsigned worker_plugin_stats(struct worker *w, struct engine_stats *ret,
			     unsigned max)
{
	return 0;
}

int workers_plugins(struct worker **w, unsigned n, const struct engine_set *set,
		    char *err, size_t err_len)
{
	return 0;
}

void control_plugins_changed(struct control *c, const struct engine_set *set) {}

void workers_publish(struct worker **w, unsigned n, const struct stack_snap *snap)
{
	published++;
	free(snap_last);
	snap_last = malloc(sizeof(*snap_last));
	*snap_last = *snap;
}

static struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static int setup(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));

	assert_int_equal(conf_load(NULL, &d->conf, stderr), 0);
	d->plugins = registry_new();
	assert_int_equal(registry_add(d->plugins, &fake_plugin, NULL, 0), 0);
	memset(&link_now, 0, sizeof(link_now));
	strcpy(link_now.name, "gust0");
	link_now.present = link_now.up = link_now.lower_up = link_now.ethtool_ok =
		true;
	link_now.mtu = 1500;
	link_now.gso_max_size = link_now.gro_max_size = link_now.tso_max_size =
		65536;
	link_now.gso_ipv4_max_size = link_now.gro_ipv4_max_size = 65536;
	link_now.feat_active = link_now.feat_wanted = link_now.feat_hw = ALL_FEATS;
	d->link = (struct link *)&link_now;
	d->last = link_now;
	d->tun_granted = TUN_F_CSUM | TSO | USO;
	d->tun_set = d->tun_granted;
	kernel_takes = ~0u;
	sets = published = 0;
	log_set_level(LOG_LVL_ERR);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	conf_free(d->conf);
	registry_free(d->plugins);
	free(d->snap);
	free(snap_last);
	snap_last = NULL;
	free(d);
	return 0;
}

static void test_nothing_to_set(void **state)
{
	struct daemon *d = *state;

	daemon_negotiate(d);
	assert_int_equal(sets, 0);
	assert_true(d->from_kernel.feats & FEAT_BIT(FEAT_TSO4));
}

/* ethtool -K gust0 tso off, and on: never a TUNSETOFFLOAD, which would overrule. */
static void test_administrator(void **state)
{
	struct daemon *d = *state;
	uint32_t tso =
		FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN);

	daemon_negotiate(d);
	link_now.feat_active &= ~tso;
	link_now.feat_wanted &= ~tso;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 0);
	assert_false(d->from_kernel.feats & FEAT_BIT(FEAT_TSO4));
	assert_true(d->from_kernel.feats & FEAT_BIT(FEAT_USO));
	link_now.feat_active |= tso;
	link_now.feat_wanted |= tso;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 0);
	assert_true(d->from_kernel.feats & FEAT_BIT(FEAT_TSO4));
	assert_int_equal(published, 2);
}

/* Attached: nothing set yet; what the administrator left is set, once. */
static void test_attach(void **state)
{
	struct daemon *d = *state;

	d->tun_set = 0;
	link_now.feat_active &= ~ALL_FEATS;
	link_now.feat_wanted &= ~FEAT_BIT(FEAT_USO);
	daemon_negotiate(d);
	assert_int_equal(sets, 1);
	assert_int_equal(set_last, TUN_F_CSUM | TSO);
	link_now.feat_active = ALL_FEATS & ~FEAT_BIT(FEAT_USO);
	daemon_negotiate(d);
	assert_int_equal(sets, 1);
}

/* The configuration wants less than the kernel gives. */
static void test_disabled(void **state)
{
	struct daemon *d = *state;

	d->conf->feats &= ~FEAT_BIT(FEAT_USO);
	daemon_negotiate(d);
	assert_int_equal(sets, 1);
	assert_int_equal(set_last, TUN_F_CSUM | TSO);
	assert_int_equal(d->tun_set, TUN_F_CSUM | TSO);
	assert_false(d->from_kernel.feats & FEAT_BIT(FEAT_USO));
}

/* The kernel refuses what its driver names: step down and remember. */
static void test_refused(void **state)
{
	struct daemon *d = *state;

	d->tun_set = 0;
	kernel_takes = TUN_F_CSUM | TSO;
	daemon_negotiate(d);
	assert_int_equal(sets, 1);
	assert_int_equal(d->tun_granted, TUN_F_CSUM | TSO);
	assert_int_equal(d->tun_set, TUN_F_CSUM | TSO);
	assert_false(d->from_kernel.feats & FEAT_BIT(FEAT_USO));
	link_now.feat_active &= ~FEAT_BIT(FEAT_USO);
	daemon_negotiate(d);
	assert_int_equal(sets, 1);
}

/* As the driver does it: what TUNSETOFFLOAD names is wanted and active. */
static void kernel_follows(unsigned tun_f)
{
	static const uint32_t all = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_TSO4) |
				    FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_TSO_ECN) |
				    FEAT_BIT(FEAT_USO);

	link_now.feat_wanted =
		(link_now.feat_wanted & ~all) | (caps_of_tun_f(tun_f) & all);
	link_now.feat_active =
		(link_now.feat_active & ~all) | (caps_of_tun_f(tun_f) & all);
}

/* A self-test that fails switches the feature off in the kernel; the next one that
 * succeeds brings it back, although "wanted" was lost on the way. */
static void test_proof_comes_and_goes(void **state)
{
	struct daemon *d = *state;
	uint32_t tso4 = FEAT_BIT(FEAT_TSO4);

	daemon_negotiate(d);
	d->proof.tried = true;
	d->proof.failed[FACT_FROM_KERNEL] = tso4;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 1);
	assert_int_equal(set_last, TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN | USO);
	assert_false(d->from_kernel.feats & tso4);
	assert_true(d->to_kernel.feats & tso4);
	kernel_follows(set_last);
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 1);

	d->proof.failed[FACT_FROM_KERNEL] = 0;
	d->proof.ok[FACT_FROM_KERNEL] = tso4;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 2);
	assert_int_equal(set_last, TUN_F_CSUM | TSO | USO);
	kernel_follows(set_last);
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 2);
	assert_true(d->from_kernel.feats & tso4);
}

/* What the administrator switched off does not come back with a proof, whether he
 * did it before we left it out or after it came back. */
static void test_proof_overrules_nobody(void **state)
{
	struct daemon *d = *state;
	uint32_t tso4 = FEAT_BIT(FEAT_TSO4), uso = FEAT_BIT(FEAT_USO);

	daemon_negotiate(d);
	link_now.feat_wanted &= ~uso;
	link_now.feat_active &= ~uso;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 0);
	d->proof.failed[FACT_FROM_KERNEL] = tso4 | uso;
	daemon_follow(d, LINK_CHG_FEAT);
	kernel_follows(set_last);
	daemon_follow(d, LINK_CHG_FEAT);
	d->proof.failed[FACT_FROM_KERNEL] = 0;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(set_last, TUN_F_CSUM | TSO);
	kernel_follows(set_last);
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 2);

	/* now it is his turn */
	link_now.feat_wanted &= ~tso4;
	link_now.feat_active &= ~tso4;
	daemon_follow(d, LINK_CHG_FEAT);
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 2);
	assert_false(d->from_kernel.feats & tso4);
	link_now.feat_wanted |= tso4 | uso;
	link_now.feat_active |= tso4;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(set_last, TUN_F_CSUM | TSO | USO);
	assert_true(d->from_kernel.feats & tso4);
}

/* He switches off, while we hold it out, what he had switched on meanwhile. */
static void test_last_word(void **state)
{
	struct daemon *d = *state;
	uint32_t tso4 = FEAT_BIT(FEAT_TSO4);

	daemon_negotiate(d);
	d->proof.failed[FACT_FROM_KERNEL] = tso4;
	daemon_follow(d, LINK_CHG_FEAT);
	kernel_follows(set_last);
	daemon_follow(d, LINK_CHG_FEAT);
	link_now.feat_wanted |= tso4; /* on: not active, the driver masks it */
	daemon_follow(d, LINK_CHG_FEAT);
	link_now.feat_wanted &= ~tso4; /* off */
	daemon_follow(d, LINK_CHG_FEAT);
	d->proof.failed[FACT_FROM_KERNEL] = 0;
	daemon_follow(d, LINK_CHG_FEAT);
	assert_int_equal(sets, 1);
	assert_false(d->from_kernel.feats & tso4);
}

static void test_facts(void **state)
{
	struct daemon *d = *state;
	struct link_facts t;

	daemon_negotiate(d);
	d->proof.tried = true;
	d->proof.ok[FACT_TO_KERNEL] = FEAT_BIT(FEAT_TSO4);
	d->demoted = FEAT_BIT(FEAT_USO);
	daemon_negotiate(d);
	daemon_facts(d, &t);
	assert_int_equal(t.f[FACT_TO_KERNEL][FEAT_TSO4].proven, FACT_PROVEN);
	assert_int_equal(t.f[FACT_TO_KERNEL][FEAT_USO].why, FACT_REFUSED);
	assert_int_equal(t.f[FACT_FROM_KERNEL][FEAT_USO].why, FACT_IN_USE);
	for (enum feat f = 0; f < FEAT_N; f++) {
		assert_int_equal(t.f[FACT_TO_KERNEL][f].in_use,
				 !!(d->to_kernel.feats & FEAT_BIT(f)));
		assert_int_equal(t.f[FACT_FROM_KERNEL][f].in_use,
				 !!(d->from_kernel.feats & FEAT_BIT(f)));
	}
}

static void test_snapshot(void **state)
{
	struct daemon *d = *state;
	struct ipaddr peer4 = ip("10.111.0.2"), peer6 = ip("fd00::2"),
		      own = ip("10.9.9.9");

	d->conf->own[0] = own;
	d->conf->own[1] = peer4; /* said twice */
	d->conf->n_own = 2;
	link_now.addr[0] = (struct link_addr){ ip("10.111.0.1"), peer4, 32, true };
	link_now.addr[1] = (struct link_addr){ ip("fd00::1"), peer6, 128, true };
	link_now.addr[2] =
		(struct link_addr){ ip("192.0.2.1"), ip("192.0.2.1"), 24, false };
	link_now.n_addr = 3;
	link_now.mtu = 9000;
	d->tcp_secret.k0 = 42;
	daemon_follow(d, LINK_CHG_ADDR | LINK_CHG_LINK);
	assert_int_equal(published, 1);
	assert_int_equal(snap_last->n_own, 3);
	assert_true(ipaddr_eq(&snap_last->own[0], &own));
	assert_true(ipaddr_eq(&snap_last->own[1], &peer4));
	assert_true(ipaddr_eq(&snap_last->own[2], &peer6));
	assert_int_equal(snap_last->n_local, 3);
	assert_true(snap_last->up);
	assert_int_equal(snap_last->to_inside.mtu, 9000);
	assert_int_equal(snap_last->tcp.secret.k0, 42);
	assert_int_equal(snap_last->generation, 1);
	assert_int_equal(d->last.mtu, 9000);

	link_now.up = false;
	daemon_follow(d, LINK_CHG_LINK);
	assert_false(snap_last->up);
	assert_int_equal(snap_last->generation, 2);
	daemon_follow(d, LINK_CHG_ROUTE); /* routes concern the kernel alone */
	assert_int_equal(published, 2);
}

static void test_demotion(void **state)
{
	struct daemon *d = *state;

	daemon_negotiate(d);
	assert_true(d->to_kernel.feats & FEAT_BIT(FEAT_USO));
	d->demoted = FEAT_BIT(FEAT_USO);
	log_set_level(LOG_LVL_ERR);
	daemon_follow(d, LINK_CHG_FEAT);
	assert_false(snap_last->to_inside.feats & FEAT_BIT(FEAT_USO));
	assert_true(snap_last->to_inside.feats & FEAT_BIT(FEAT_TSO4));
	assert_int_equal(d->last_demoted, FEAT_BIT(FEAT_USO));
}

/* Without netlink the assumed state is used, and what the ladder gave. */
static void test_without_netlink(void **state)
{
	struct daemon *d = *state;

	d->link = NULL;
	d->last.ethtool_ok = false;
	d->last.feat_active = d->last.feat_wanted = d->last.feat_hw = 0;
	d->last.mtu = 1400;
	daemon_negotiate(d);
	assert_int_equal(sets, 0);
	assert_int_equal(d->to_kernel.mtu, 1400);
	assert_true(d->from_kernel.feats & FEAT_BIT(FEAT_TSO4));
}

static void test_tun_bits(void **state)
{
	assert_int_equal(caps_tun_f(0), 0);
	assert_int_equal(caps_tun_f(FEAT_BIT(FEAT_USO)), 0x60);
	assert_int_equal(caps_tun_f(FEAT_BIT(FEAT_N) - 1), 0x1ff);
	assert_int_equal(caps_tun_f(FEAT_BIT(FEAT_GRO) | FEAT_BIT(FEAT_SG)), 0);
}

/* Features that need software behind them go with the plugin and return with it;
 * what is merged on the way in, too. */
static void test_plugin_gone(void **state)
{
	struct daemon *d = *state;
	char err[128];

	log_set_level(LOG_LVL_ERR);
	daemon_negotiate(d);
	assert_true(d->to_kernel.feats & FEAT_BIT(FEAT_TSO4));
	assert_int_equal(plugins_enable(d, "fake", false, err, sizeof(err)), 0);
	assert_false(snap_last->to_inside.feats & FEAT_BIT(FEAT_TSO4));
	assert_true(snap_last->to_inside.feats & FEAT_BIT(FEAT_TX_CSUM));
	assert_int_equal(snap_last->to_inside.gso_max4, snap_last->to_inside.mtu);
	assert_int_equal(snap_last->gro_max, 0);
	assert_int_equal(plugins_enable(d, "fake", true, err, sizeof(err)), 0);
	assert_true(snap_last->to_inside.feats & FEAT_BIT(FEAT_TSO4));
	assert_int_equal(snap_last->gro_max, 524280);
	assert_int_equal(plugins_enable(d, "other", true, err, sizeof(err)),
			 -ENOENT);
	assert_string_equal(err, "no plugin \"other\" is loaded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_to_set, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_administrator, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disabled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proof_comes_and_goes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_proof_overrules_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_last_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_demotion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_netlink, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_plugin_gone, setup, teardown),
		cmocka_unit_test(test_tun_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
