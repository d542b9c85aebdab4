/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random.h - random superpackets for the oracle
 */
#ifndef TESTS_ORACLE_RANDOM_H
#define TESTS_ORACLE_RANDOM_H

#include "base/rng.h"
#include "super.h"

/* Any superpacket that the kernel takes and whose segments fit 1500 bytes, with
 * at most some two hundred segments. `vxlan`: inside a tunnel (the packet gets an
 * Ethernet header). */
void random_super(struct rng *r, struct super *ret, bool vxlan);

/* TCP options: `words` 4-byte units of no-operations, timestamps, SACK blocks. */
void random_tcp_opts(struct rng *r, struct super *s, unsigned words);

#endif
