/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * negotiate.c - from what is wanted, granted, allowed and proven to what is used
 *
 * The two directions of a tun are governed by different things.
 *
 * From the kernel to us: the device's *transmit* features. The kernel hands out
 * a superpacket of a kind when TUNSETOFFLOAD allowed it and ethtool -K left it
 * on. We allow what is configured, what a plugin can undo, and what the
 * self-test has not seen arrive damaged. `ret_from_kernel` is what is active now.
 *
 * From us to the kernel: nothing of that applies. The driver takes any
 * superpacket whose virtio_net_hdr it understands. What bounds it is
 *   - the configuration, and what a plugin can make,
 *   - what the self-test found undelivered, and what write() has refused
 *     since (demoted),
 *   - rx-gro: our superpackets are, for the kernel's stack, what its receive
 *     offload would have made of single packets. An administrator who says
 *     `ethtool -K gust0 gro off` wants to see single packets, and gets them;
 *   - gro_max_size and gro_ipv4_max_size, the sizes up to which the receive
 *     side expects merged packets. Above 65535 bytes only in a form that was
 *     delivered byte for byte to a socket of this kernel.
 * Neither bit nor announcement exists for BIG TCP and UFO towards the kernel, so
 * these are used only when they were seen to arrive.
 *
 * TUNSETOFFLOAD rewrites what the administrator wants (the driver copies its
 * argument into wanted_features), so *ret_tun_f never holds more than
 * feat_wanted. The kernel itself takes away what was switched off; nothing has
 * to be set for that to happen, see link.h.
 *
 * BIG TCP is in the result only when the sizes leave room for it.
 */
#include "base/linux_compat.h"
#include "link/link_internal.h"

/* Take away what stands on something that is not there. */
static uint32_t close_feats(uint32_t f)
{
	if (!(f & FEAT_BIT(FEAT_TX_CSUM)))
		f &= ~(SUPER_TCP | SUPER_UDP | TUNNEL);
	if (!(f & FEAT_BIT(FEAT_TSO4)))
		f &= ~FEAT_BIT(FEAT_BIGTCP4);
	if (!(f & FEAT_BIT(FEAT_TSO6)))
		f &= ~BIGTCP6;
	if (!(f & (FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6))))
		f &= ~FEAT_BIT(FEAT_TSO_ECN);
	if (!(f & (FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_USO))))
		f &= ~TUNNEL;
	if (!(f & FEAT_BIT(FEAT_UDP_TNL)))
		f &= ~FEAT_BIT(FEAT_UDP_TNL_CSUM);
	return f;
}

unsigned link_tun_f(uint32_t feats)
{
	return caps_tun_f(close_feats(feats));
}

uint32_t link_feats_allowed(const struct link_state *st)
{
	/* What cannot be switched is not the administrator's wish. */
	return st->ethtool_ok ? st->feat_wanted | ~st->feat_hw : UINT32_MAX;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* ---- sizes ---- */

/* A size that the link states, 0 when this kernel has no such size. */
static uint32_t bound(uint32_t size, bool big, uint32_t gso_max)
{
	size = size ? min32(size, BIG_LEN_MAX) : IP_LEN_MAX;
	if (gso_max)
		size = min32(size, gso_max);
	return big ? size : min32(size, IP_LEN_MAX);
}

/* 0: a kernel without the attribute. Tun hands out 64 KB and no more. */
void link_sizes_from(const struct link_state *st, struct link_sizes *ret)
{
	uint32_t big = st->gso_max_size;

	big = big ? min32(big, IP_LEN_MAX) : IP_LEN_MAX;
	ret->v6 = big;
	ret->v4 = st->gso_ipv4_max_size ? min32(st->gso_ipv4_max_size, big) : big;
	ret->udp = ret->v4;
}

void link_sizes_to(const struct link_state *st, uint32_t gso_max, bool big4,
		   bool big6, struct link_sizes *ret)
{
	/* Kernels before gro_ipv4_max_size bound both families by gro_max_size
	 * and have no IPv4 above 64 KB. */
	uint32_t size4 = st->gro_ipv4_max_size ?
				 st->gro_ipv4_max_size :
				 min32(st->gro_max_size, IP_LEN_MAX);

	ret->v4 = bound(size4, big4, gso_max);
	ret->v6 = bound(st->gro_max_size, big6, gso_max);
	ret->udp = min32(min32(ret->v4, ret->v6), IP_LEN_MAX);
}

/* Without what the sizes leave no room for. (TSO keeps its sense below the MTU:
 * segments may be smaller.) */
static uint32_t fit_feats(uint32_t f, const struct link_sizes *s)
{
	if (s->v4 <= BIG_LEN_MIN)
		f &= ~FEAT_BIT(FEAT_BIGTCP4);
	if (s->v6 <= BIG_LEN_MIN)
		f &= ~BIGTCP6;
	return f;
}

static void set_caps(uint32_t f, const struct link_sizes *s, uint32_t mtu,
		     struct port_caps *ret)
{
	struct port_caps c = { .feats = f, .mtu = mtu };
	bool udp = f & (FEAT_BIT(FEAT_USO) | FEAT_BIT(FEAT_UFO));

	c.gso_max4 = f & FEAT_BIT(FEAT_TSO4) ? max32(s->v4, mtu) : mtu;
	c.gso_max6 = f & FEAT_BIT(FEAT_TSO6) ? max32(s->v6, mtu) : mtu;
	c.gso_max_udp = udp ? max32(s->udp, mtu) : mtu;
	*ret = c;
}

/* ---- from the kernel ---- */

static void from_kernel(const struct link_state *st, unsigned tun_f,
			struct port_caps *ret)
{
	uint32_t f = caps_of_tun_f(tun_f);
	struct link_sizes s;

	if (st->ethtool_ok)
		f = close_feats(f & (st->feat_active | FEAT_BIT(FEAT_UFO)));
	link_sizes_from(st, &s);
	if (!st->ethtool_ok || (st->feat_active & FEAT_BIT(FEAT_SG)))
		f |= FEAT_BIT(FEAT_SG);
	set_caps(f, &s, st->mtu, ret);
}

/* ---- to the kernel ---- */

static uint32_t to_kernel_feats(const struct link_state *st,
				const struct link_want *want, unsigned granted,
				const struct link_proof *proof, uint32_t demoted)
{
	uint32_t had = caps_of_tun_f(granted), ok = proof->ok[FACT_TO_KERNEL];
	uint32_t active = st->ethtool_ok ? st->feat_active : UINT32_MAX;
	uint32_t f = want->feats & want->provided & TO_KERNEL;

	f &= ~demoted & ~proof->failed[FACT_TO_KERNEL];
	/* A form that no header announces is used only when seen to arrive. */
	f &= ~ONLY_PROVEN | ok;
	/* A kernel that grants USO to read knows the header to write it. */
	f &= ~FEAT_BIT(FEAT_USO) | had | ok;
	/* The tunnel part of the header is read according to the device's
	 * features. */
	f &= ~TUNNEL | (had & active);
	f &= ~FEAT_BIT(FEAT_UDP_GRO) | (st->ethtool_ok ? active : 0);
	if (active & FEAT_BIT(FEAT_GRO))
		f |= FEAT_BIT(FEAT_GRO);
	else
		f &= ~(SUPER_TCP | SUPER_UDP | TUNNEL);
	return close_feats(f);
}

static void to_kernel(const struct link_state *st, const struct link_want *want,
		      uint32_t f, struct port_caps *ret)
{
	struct link_sizes s;

	link_sizes_to(st, want->gso_max, f & FEAT_BIT(FEAT_BIGTCP4), f & BIGTCP6,
		      &s);
	f = fit_feats(f, &s);
	/* what BIG TCP does not need any more */
	link_sizes_to(st, want->gso_max, f & FEAT_BIT(FEAT_BIGTCP4), f & BIGTCP6,
		      &s);
	set_caps(f | FEAT_BIT(FEAT_SG), &s, st->mtu, ret);
}

void link_negotiate(const struct link_state *st, const struct link_want *want,
		    unsigned granted, const struct link_proof *proof,
		    uint32_t demoted, struct port_caps *ret_to_kernel,
		    struct port_caps *ret_from_kernel, unsigned *ret_tun_f)
{
	uint32_t may = caps_of_tun_f(granted) & want->feats & want->provided &
		       (link_feats_allowed(st) | want->ours) &
		       ~proof->failed[FACT_FROM_KERNEL];
	unsigned tun_f = link_tun_f(may);

	to_kernel(st, want, to_kernel_feats(st, want, granted, proof, demoted),
		  ret_to_kernel);
	from_kernel(st, tun_f, ret_from_kernel);
	*ret_tun_f = tun_f;
}
