/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts.h - the four facts about each offload, and why one is not in use
 *
 * For a port, a direction and a feature: *wanted* (the configuration, and the
 * administrator's `ethtool -K` as it changes), *granted* (the ioctl or the driver
 * said yes, and a plugin can make and undo it), *proven* (the self-test delivered
 * such packets byte for byte), *used* (counters). A feature is in use when it is
 * wanted, granted and not disproven; otherwise `why` names the first reason that
 * stands in the way.
 */
#ifndef GUST_LINK_FACTS_H
#define GUST_LINK_FACTS_H

#include "link/link.h"

enum fact_proof {
	FACT_UNPROVEN, /* no test was possible, or none exists: watched by counters */
	FACT_PROVEN,
	FACT_DISPROVEN,
};

/* Why a feature is not in use; FACT_IN_USE: it is. */
enum fact_why {
	FACT_IN_USE,
	FACT_NOT_HERE, /* the feature has no meaning in this direction or on this
			  kind of port */
	FACT_NOT_CONFIGURED, /* gustd.conf: disable, or off by default */
	FACT_NO_PLUGIN, /* no enabled plugin provides it */
	FACT_NOT_GRANTED, /* the kernel has no such bit, or said no */
	FACT_ADMIN, /* ethtool -K switched it off (`because` names which) */
	FACT_DISPROOF, /* the self-test saw it fail */
	FACT_REFUSED, /* write() refused it at run time: demoted */
	FACT_DEPENDS, /* it stands on another feature that is off (`because`) */
	FACT_SIZE, /* the interface's gso/gro_max_size leave no room for it */
	FACT_WHYS
};

struct link_fact {
	bool wanted, granted, in_use;
	enum fact_proof proven;
	enum fact_why why;
	enum feat because; /* FACT_ADMIN, FACT_DEPENDS: the feature behind it */
};

/* By enum fact_dir (link.h) and enum feat. */
struct link_facts {
	struct link_fact f[FACT_DIRS][FEAT_N];
};

struct fact_input {
	const struct link_state *st;
	uint32_t configured; /* FEAT_BIT()s of gustd.conf */
	uint32_t provided; /* of the enabled plugins and of gust itself */
	uint32_t ours; /* see struct link_want */
	uint32_t gso_max; /* see struct link_want */
	unsigned granted; /* TUN_F_* that the ladder got */
	/* per direction: FEAT_BIT()s */
	uint32_t proven[FACT_DIRS], disproven[FACT_DIRS];
	uint32_t demoted;
};

/* Pure. Agrees with link_negotiate() given the same facts: in_use is exactly what
 * the capabilities of that direction hold. */
void link_facts(const struct fact_input *in, struct link_facts *ret);

/* "administrator", "not granted", ...: stable words for JSON. */
const char *fact_why_name(enum fact_why w);
/* A sentence for people: what it means and what would change it. */
const char *fact_why_text(enum fact_why w);
/* "unproven", "proven", "disproven" */
const char *fact_proof_name(enum fact_proof p);
/* "from_kernel", "to_kernel" */
const char *fact_dir_name(enum fact_dir d);

#endif
