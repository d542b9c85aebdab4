/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_cells.c - from a cell of the matrix to the test that decides it
 */
#include <stdio.h>
#include <string.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"

/* Payload of a superpacket that needs no BIG TCP, any header. */
#define SUPER_TO 64000
#define SUPER_FROM 56000
/* What a congestion window that was halved still takes. */
#define SUPER_ECN 5000

static bool is_big(enum feat f)
{
	return f == FEAT_BIGTCP4 || f == FEAT_BIGTCP6_JUMBO ||
	       f == FEAT_BIGTCP6_PLAIN;
}

/* The TUN_F_* that carry the feature, and all that go when it goes. */
static unsigned tun_bits(enum feat f)
{
	switch (f) {
	case FEAT_TX_CSUM:
		return ~0u;
	case FEAT_TSO4:
		return TUN_F_TSO4;
	case FEAT_TSO6:
		return TUN_F_TSO6;
	case FEAT_TSO_ECN:
		return TUN_F_TSO_ECN;
	case FEAT_USO:
		return TUN_F_USO4 | TUN_F_USO6;
	case FEAT_UFO:
		return TUN_F_UFO;
	case FEAT_UDP_TNL:
		return TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM;
	case FEAT_UDP_TNL_CSUM:
		return TUN_F_UDP_TUNNEL_GSO_CSUM;
	default:
		return 0;
	}
}

static unsigned needed_bits(enum feat f)
{
	return f == FEAT_TX_CSUM ? TUN_F_CSUM :
	       f == FEAT_UDP_TNL ? TUN_F_UDP_TUNNEL_GSO :
				   tun_bits(f);
}

/* Set what the test is about, or say why there is nothing to test. */
static bool prepare(struct probe *p, const struct proof_cell *c)
{
	unsigned need = needed_bits(c->feat), tun_f = p->granted;

	if (c->v6 && !p->v6)
		return probe_not_here(p, "no IPv6 here");
	if (c->dir == FACT_FROM_KERNEL && is_big(c->feat))
		return probe_not_here(p,
				      "the kernel hands out %u bytes at most, "
				      "and we read no more",
				      p->tso_max);
	if (c->dir == FACT_FROM_KERNEL && (p->granted & need) != need)
		return probe_not_here(p, "TUNSETOFFLOAD refuses it");
	if (c->shape == PROOF_OFF)
		tun_f &= ~tun_bits(c->feat);
	return probe_offload(p, tun_f);
}

static bool run_tcp(struct probe *p, const struct proof_cell *c, unsigned path,
		    uint32_t len)
{
	struct probe_tcp t = { .path = &p->path[path][c->v6],
			       .shape = c->shape,
			       .len = len,
			       .jumbo = c->feat == FEAT_BIGTCP6_JUMBO,
			       .ecn = c->feat == FEAT_TSO_ECN };
	bool to = c->dir == FACT_TO_KERNEL;

	if (t.ecn && !p->ecn)
		return probe_not_here(p, "tcp_ecn cannot be set here");
	if (!t.len)
		t.len = to ? SUPER_TO : t.ecn ? SUPER_ECN : SUPER_FROM;
	return to ? probe_tcp_to(p, &t) : probe_tcp_from(p, &t);
}

static bool run_tunnel(struct probe *p, const struct proof_cell *c)
{
	unsigned kind = c->feat == FEAT_UDP_TNL ? PATH_TNL : PATH_TNL_CSUM;
	char name[16];

	snprintf(name, sizeof(name), "gustvx%u", 2 * kind + c->v6);
	return probe_vxlan(p, &p->path[kind][c->v6], name) &&
	       run_tcp(p, c, kind, 50000);
}

static bool run(struct probe *p, const struct proof_cell *c)
{
	bool to = c->dir == FACT_TO_KERNEL;

	switch (c->feat) {
	case FEAT_TX_CSUM:
		return to ? probe_csum_to(p, c->v6, c->shape) :
			    probe_csum_from(p, c->v6, c->shape);
	case FEAT_USO:
		return to ? probe_uso_to(p, c->v6, c->shape) :
			    probe_uso_from(p, c->v6, c->shape);
	case FEAT_UFO:
		return to ? probe_ufo_to(p, c->v6, c->shape) :
			    probe_ufo_from(p, c->v6, c->shape);
	case FEAT_TSO4:
	case FEAT_TSO6:
	case FEAT_TSO_ECN:
		return run_tcp(p, c, PATH_PLAIN, 0);
	case FEAT_BIGTCP4:
	case FEAT_BIGTCP6_JUMBO:
	case FEAT_BIGTCP6_PLAIN:
		return run_tcp(p, c, PATH_PLAIN, p->big);
	case FEAT_UDP_TNL:
	case FEAT_UDP_TNL_CSUM:
		return run_tunnel(p, c);
	default:
		return probe_not_here(p, "no test for it");
	}
}

/* Once may be chance (an interface that has just come up still drops for a
 * moment, a machine is out of memory); a form that is not delivered fails each
 * time. */
void probe_cell(struct probe *p, struct proof_cell *c)
{
	uint64_t start = proof_now_us();

	for (unsigned i = 0; i < PROBE_TRIES; i++) {
		p->verdict = PROOF_FAILED;
		p->why[0] = '\0';
		if (prepare(p, c) && run(p, c))
			p->verdict = PROOF_OK;
		if (p->verdict == PROOF_OK || p->verdict == PROOF_NOT_HERE)
			break;
	}
	c->verdict = (uint8_t)p->verdict;
	c->why[0] = '\0';
	if (p->verdict != PROOF_OK)
		snprintf(c->why, sizeof(c->why), "%s", p->why);
	c->took_us = (uint32_t)(proof_now_us() - start);
}
