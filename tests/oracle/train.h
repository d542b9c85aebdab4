/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * train.h - a train of packets through the kernel's GRO and through gust's
 *
 * Kernel's side: the packets are written one by one to a tap with NAPI, whose
 * gro_flush_timeout holds what GRO has merged. A packet socket with PACKET_VNET_HDR
 * on the tap sees what GRO makes; it is then forwarded to a tap without offloads,
 * where the kernel's own segmentation of it is read: its result is *reversible* if
 * what is read there is what was written.
 */
#ifndef TESTS_ORACLE_TRAIN_H
#define TESTS_ORACLE_TRAIN_H

#include "lab.h"
#include "super.h"

#define TRAIN_MAX 150

/* Differences that docs/offloads.md gives reasons for. */
enum train_known {
	TRAIN_NONE,
	TRAIN_CWR, /* all of several segments have CWR */
	TRAIN_NO_CSUM, /* UDP over IPv4 without checksums */
	TRAIN_SAME_ID, /* equal IPv4 IDs without DF */
	TRAIN_VLAN, /* 802.1Q tags */
	TRAIN_KNOWN
};

struct train {
	const char *name;
	unsigned n;
	struct super s[TRAIN_MAX];
	uint32_t max_segs; /* gust's limit, 0: none */
	uint32_t max_len; /* bytes of a merged IP packet, as train_limit() set it */
	enum train_known known; /* the difference that it may show */
};

enum train_verdict {
	TRAIN_AGREE,
	TRAIN_IRREVERSIBLE, /* they differ, and the kernel's result does not give
			       back the train */
	TRAIN_DIFFER, /* they differ, and it does */
};

struct train_count {
	unsigned long agree, irreversible, packets, merged;
	unsigned long known[TRAIN_KNOWN];
};
extern struct train_count train_count;
extern const char *const train_known_text[TRAIN_KNOWN];

void train_open(void);
void train_close(void);

/* From now on the kernel merges up to this size (gro_max_size; 65535: as ever). */
void train_limit(uint32_t max_len);

/* An empty train of packets like `first`. */
void train_init(struct train *t, const char *name);
/* Append a packet like `s`, which goes on where the one before ended: sequence
 * number, ID, payload. */
struct super *train_add(struct train *t, const struct super *s);

/*
 * Run it on both sides. gust's result, cut again, must be the train in any case. A
 * difference to the kernel's is a failure, unless the kernel's is not reversible or
 * the difference is a known one.
 */
void train_run(const struct train *t);

#endif
