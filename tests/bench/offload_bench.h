/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload_bench.h - the kernel as a contestant
 *
 * The kernel forwards from one tun to another in a namespace of the process's own.
 * What is timed is write(): the kernel receives, merges or segments and queues for
 * the other tun within it. Reading there is not.
 */
#ifndef GUST_OFFLOAD_BENCH_H
#define GUST_OFFLOAD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/csum.h"

enum kernel_work {
	KERNEL_TSO, /* a TCP superpacket to a tun without offloads */
	KERNEL_USO,
	KERNEL_BIGTCP, /* 500 KB to a tun that takes 64 KB */
	KERNEL_GRO, /* 44 segments by NAPI to a tun with TSO */
	KERNEL_URO,
};

/* False (and a line on standard error): not possible here. */
bool kernel_open(enum kernel_work work);

/* One superpacket, or 44 segments: how many segments that were, 0: failed. */
uint32_t kernel_round(enum kernel_work work, uint64_t *ret_ns, uint32_t *ret_bytes);

#endif
