/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.h - one superpacket through the kernel and through gust
 */
#ifndef TESTS_ORACLE_COMPARE_H
#define TESTS_ORACLE_COMPARE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ours.h"

/* Set up by compare_open(). */
extern struct lab lab;

enum compare_lab { COMPARE_TUN, COMPARE_TAP, COMPARE_BRIDGE };
void compare_open(enum compare_lab kind);
void compare_close(void);

/* Both must make the same frames of `s`, byte for byte. The hop count that a router
 * takes and the Ethernet addresses that it writes are given to gust's. */
void compare_seg(const struct super *s);

/* Frames compared so far. */
extern unsigned long compare_frames;

/* The seed of random cases: GUST_ORACLE_SEED, or a new one; printed. */
uint64_t compare_seed(void);

#endif
