/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drop.h - names and counters of drop reasons
 */
#ifndef GUST_PKT_DROP_H
#define GUST_PKT_DROP_H

#include <stdint.h>

enum drop_reason {
#define DROP(sym, name, text) DROP_##sym,
#include "pkt/drop.def"
#undef DROP
	DROP_REASONS
};

/* One per worker, written by it alone, read by others without a lock. */
struct drop_counters {
	uint64_t n[DROP_REASONS];
};

static inline void drop_count(struct drop_counters *d, enum drop_reason r,
			      uint64_t n)
{
	__atomic_store_n(&d->n[r], d->n[r] + n, __ATOMIC_RELAXED);
}

const char *drop_name(enum drop_reason r);
const char *drop_text(enum drop_reason r);

#endif
