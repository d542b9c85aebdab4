/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts.c - the four facts about each offload, and why one is not in use
 *
 * Theory of operation. link_negotiate() computes with sets; here each feature
 * passes a row of questions, in the order in which a person would ask them, and
 * the first "no" is the reason. Features that stand on others are asked after
 * them: `base` below orders them, and a tunnel stands on any superpacket. The
 * two ways of computing must agree, which test_facts.c checks over generated
 * inputs.
 */
#include "link/facts.h"

#include "link/link_internal.h"

struct asked {
	const struct fact_input *in;
	enum fact_dir dir;
	uint32_t on; /* features in use so far */
	uint32_t allowed; /* by the administrator, as far as he can be asked */
	uint32_t active; /* in the kernel */
	uint32_t had; /* granted by TUNSETOFFLOAD */
	struct link_sizes size;
};

/* What it stands on; FEAT_N: nothing. TSO_ECN and tunnels: see depends_on(). */
static enum feat base_of(enum feat f)
{
	switch (f) {
	case FEAT_BIGTCP4:
		return FEAT_TSO4;
	case FEAT_BIGTCP6_JUMBO:
	case FEAT_BIGTCP6_PLAIN:
		return FEAT_TSO6;
	case FEAT_UDP_TNL_CSUM:
		return FEAT_UDP_TNL;
	default:
		return FEAT_N;
	}
}

/* The missing feature that it stands on; FEAT_N: all is there. */
static enum feat depends_on(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f);
	uint32_t tso = FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6);
	enum feat b = base_of(f);

	if (!(bit & (SUPER_TCP | SUPER_UDP | TUNNEL)))
		return FEAT_N;
	if (!(a->on & FEAT_BIT(FEAT_TX_CSUM)))
		return FEAT_TX_CSUM;
	if (f == FEAT_TSO_ECN && !(a->on & tso))
		return FEAT_TSO4;
	if ((bit & TUNNEL) && !(a->on & (tso | FEAT_BIT(FEAT_USO))))
		return FEAT_TSO4;
	return b != FEAT_N && !(a->on & FEAT_BIT(b)) ? b : FEAT_N;
}

/* Has the feature a meaning in this direction of this kind of port? */
static bool is_here(enum fact_dir dir, enum feat f)
{
	uint32_t both = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
			FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |
			FEAT_BIT(FEAT_TSO_ECN) | SUPER_UDP | TUNNEL;
	uint32_t here = dir == FACT_TO_KERNEL ?
				TO_KERNEL | FEAT_BIT(FEAT_SG) | FEAT_BIT(FEAT_GRO) :
				both;

	return here & FEAT_BIT(f);
}

/* Pieces and merged packets are matters of the link alone. */
static bool is_links_own(enum feat f)
{
	return f == FEAT_SG || f == FEAT_GRO;
}

/* ---- wanted ---- */

static bool configured(const struct asked *a, enum feat f)
{
	return is_links_own(f) || (a->in->configured & FEAT_BIT(f));
}

/* The feature that the administrator switched off and that takes `f` along;
 * FEAT_N: none. */
static enum feat admin_off(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f);

	if (is_links_own(f))
		return a->active & bit ||
				       (f == FEAT_SG && a->dir == FACT_TO_KERNEL) ?
			       FEAT_N :
			       f;
	if (a->dir == FACT_FROM_KERNEL)
		return a->allowed & bit ? FEAT_N : f;
	if (f == FEAT_UDP_GRO && !(a->active & bit))
		return f;
	if (!(a->active & FEAT_BIT(FEAT_GRO)) &&
	    (bit & (SUPER_TCP | SUPER_UDP | TUNNEL)))
		return FEAT_GRO;
	return FEAT_N;
}

/* ---- granted ---- */

static bool provided(const struct asked *a, enum feat f)
{
	return is_links_own(f) || (a->in->provided & FEAT_BIT(f));
}

static bool granted_from(const struct asked *a, enum feat f)
{
	return f == FEAT_SG || (a->had & FEAT_BIT(f));
}

/* See to_kernel_feats() of negotiate.c for the reasons. */
static bool granted_to(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f), ok = a->in->proven[FACT_TO_KERNEL];

	if (bit & ONLY_PROVEN)
		return ok & bit;
	if (f == FEAT_USO)
		return (a->had | ok) & bit;
	if (bit & TUNNEL)
		return a->had & bit;
	if (f == FEAT_UDP_GRO)
		return a->in->st->ethtool_ok;
	return true;
}

static bool granted(const struct asked *a, enum feat f)
{
	return a->dir == FACT_TO_KERNEL ? granted_to(a, f) : granted_from(a, f);
}

/* ---- in use ---- */

/* Set, wanted, and yet the kernel has not activated it: what else is off there?
 * (ethtool -K sg off takes TSO along.) FEAT_N: it is active. */
static enum feat inactive(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f);
	uint32_t of_link = a->dir == FACT_TO_KERNEL ? TUNNEL : UINT32_MAX;

	if (!(bit & of_link) || (a->active & bit))
		return FEAT_N;
	if (!(a->active & FEAT_BIT(FEAT_TX_CSUM)))
		return FEAT_TX_CSUM;
	return a->active & FEAT_BIT(FEAT_SG) ? f : FEAT_SG;
}

static bool has_room(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f);

	if (bit & FEAT_BIT(FEAT_BIGTCP4))
		return a->size.v4 > BIG_LEN_MIN;
	return !(bit & BIGTCP6) || a->size.v6 > BIG_LEN_MIN;
}

static enum fact_why because(struct link_fact *ret, enum fact_why why, enum feat f)
{
	ret->because = f;
	return why;
}

/* The first "no". */
static enum fact_why ask(const struct asked *a, enum feat f, struct link_fact *ret)
{
	uint32_t bit = FEAT_BIT(f);
	enum feat b;

	if (!is_here(a->dir, f))
		return FACT_NOT_HERE;
	if (!configured(a, f))
		return FACT_NOT_CONFIGURED;
	if (!provided(a, f))
		return FACT_NO_PLUGIN;
	if (!is_links_own(f) && (a->in->disproven[a->dir] & bit))
		return FACT_DISPROOF;
	if (!granted(a, f))
		return FACT_NOT_GRANTED;
	b = admin_off(a, f);
	if (b != FEAT_N)
		return because(ret, FACT_ADMIN, b);
	if (a->dir == FACT_TO_KERNEL && !is_links_own(f) && (a->in->demoted & bit))
		return FACT_REFUSED;
	b = depends_on(a, f);
	if (b != FEAT_N)
		return because(ret, FACT_DEPENDS, b);
	b = inactive(a, f);
	if (b == f)
		return FACT_NOT_GRANTED;
	if (b != FEAT_N)
		return because(ret, FACT_DEPENDS, b);
	return has_room(a, f) ? FACT_IN_USE : FACT_SIZE;
}

static enum fact_proof proof_of(const struct asked *a, enum feat f)
{
	uint32_t bit = FEAT_BIT(f);

	if (a->in->disproven[a->dir] & bit)
		return FACT_DISPROVEN;
	return a->in->proven[a->dir] & bit ? FACT_PROVEN : FACT_UNPROVEN;
}

static void judge(struct asked *a, enum feat f, struct link_fact *ret)
{
	*ret = (struct link_fact){ .because = FEAT_N };
	ret->proven = proof_of(a, f);
	ret->why = ask(a, f, ret);
	ret->in_use = ret->why == FACT_IN_USE;
	if (ret->why == FACT_NOT_HERE)
		return;
	ret->wanted = configured(a, f) && admin_off(a, f) == FEAT_N;
	ret->granted = provided(a, f) && granted(a, f);
	if (ret->in_use)
		a->on |= FEAT_BIT(f);
}

static void judge_all(struct asked *a, struct link_fact ret[FEAT_N])
{
	/* In this order nothing is asked before what it stands on. */
	static const enum feat first[] = { FEAT_TX_CSUM, FEAT_TSO4, FEAT_TSO6,
					   FEAT_USO, FEAT_UDP_TNL };
	uint32_t done = 0;

	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		judge(a, first[i], &ret[first[i]]);
		done |= FEAT_BIT(first[i]);
	}
	for (enum feat f = 0; f < FEAT_N; f++)
		if (!(done & FEAT_BIT(f)))
			judge(a, f, &ret[f]);
}

void link_facts(const struct fact_input *in, struct link_facts *ret)
{
	const struct link_state *st = in->st;
	struct asked a = { .in = in };

	a.active =
		st->ethtool_ok ? st->feat_active | FEAT_BIT(FEAT_UFO) : UINT32_MAX;
	a.allowed = link_feats_allowed(st) | in->ours;
	a.had = caps_of_tun_f(in->granted);
	a.dir = FACT_FROM_KERNEL;
	link_sizes_from(st, &a.size);
	judge_all(&a, ret->f[FACT_FROM_KERNEL]);

	a.dir = FACT_TO_KERNEL;
	a.on = 0;
	link_sizes_to(st, in->gso_max, true, true, &a.size);
	judge_all(&a, ret->f[FACT_TO_KERNEL]);
}

/* ---- words ---- */

static const struct {
	const char *name, *text;
} why_words[FACT_WHYS] = {
	[FACT_IN_USE] = { "in use", "wanted, granted and not disproven" },
	[FACT_NOT_HERE] = { "not here", "has no meaning in this direction on a tun "
					"or tap" },
	[FACT_NOT_CONFIGURED] = { "not configured",
				  "off by default, or by `disable` in gustd.conf" },
	[FACT_NO_PLUGIN] = { "no plugin", "no enabled plugin provides it (gustctl "
					  "plugins)" },
	[FACT_NOT_GRANTED] = { "not granted",
			       "the kernel has no such offload here, refused it, "
			       "or says nowhere that it takes this form" },
	[FACT_ADMIN] = { "administrator",
			 "ethtool has it off (ethtool -K ... on brings it back)" },
	[FACT_DISPROOF] = { "disproven", "the self-test saw it fail (gustctl "
					 "selftest shows how)" },
	[FACT_REFUSED] = { "refused", "the kernel refused such a packet at run "
				      "time" },
	[FACT_DEPENDS] = { "depends", "it stands on another feature that is off" },
	[FACT_SIZE] = { "size", "the interface's gro_max_size or gso_max_size "
				"leaves no room above 64 KB" },
};

const char *fact_why_name(enum fact_why w)
{
	return (unsigned)w < FACT_WHYS ? why_words[w].name : "unknown";
}

const char *fact_why_text(enum fact_why w)
{
	return (unsigned)w < FACT_WHYS ? why_words[w].text : "unknown";
}

const char *fact_proof_name(enum fact_proof p)
{
	return p == FACT_PROVEN    ? "proven" :
	       p == FACT_DISPROVEN ? "disproven" :
				     "unproven";
}

const char *fact_dir_name(enum fact_dir d)
{
	return d == FACT_FROM_KERNEL ? "from_kernel" : "to_kernel";
}
