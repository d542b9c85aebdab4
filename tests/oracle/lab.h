/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lab.h - a private network namespace in which the kernel forwards from one tun or
 * tap to another
 *
 *	test --write--> [ogin] --kernel forwards--> [ogout] --read--> test
 *
 * ogin takes superpackets (virtio_net_hdr of 24 bytes); ogout has no offloads, so
 * what is read there is what the kernel makes for the wire. Everything vanishes
 * with the process.
 */
#ifndef TESTS_ORACLE_LAB_H
#define TESTS_ORACLE_LAB_H

#include <stdbool.h>
#include <stdint.h>

#define LAB_FRAMES_MAX 4096
#define LAB_ARENA (4u << 20)

/* Frames, copied one behind the other. */
struct lab_frames {
	uint32_t n, used;
	uint8_t *mem; /* LAB_ARENA bytes */
	uint8_t *b[LAB_FRAMES_MAX];
	uint32_t len[LAB_FRAMES_MAX];
};

struct lab {
	int in, out; /* descriptors */
	bool l2, bridge;
};

extern const uint8_t lab_in_mac[6], lab_out_mac[6]; /* the kernel's */
extern const uint8_t lab_near_mac[6], lab_far_mac[6]; /* the neighbours' */

/* Move the process into namespaces of its own; once, first. Ends the program with
 * 77 where that is not permitted. */
void lab_enter(void);

/* Both devices, up, with addresses and static neighbours (`l2`: taps). `in_flags`:
 * more TUNSETIFF flags for the one that is written to. */
void lab_open(struct lab *l, bool l2, short in_flags);
/* Two taps on a bridge: frames pass as they are. */
void lab_open_bridge(struct lab *l);
void lab_close(struct lab *l);

/* Run a shell command that must succeed. */
void lab_cmd(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Write a packet behind its virtio_net_hdr. 0 or -errno. */
int lab_send(struct lab *l, const uint8_t *vh, const uint8_t *b, uint32_t len);

/* Everything that the kernel has forwarded to the far address: waits a little for
 * `want` frames, then takes what there is. */
void lab_collect(struct lab *l, uint32_t want, struct lab_frames *ret);

void lab_frames_init(struct lab_frames *f);
void lab_frames_free(struct lab_frames *f);
/* Room for a frame of `len` bytes at the end. */
uint8_t *lab_frames_add(struct lab_frames *f, uint32_t len);

/* The first difference, as a sentence in `buf`; false: the lists are equal. */
bool lab_frames_differ(const struct lab_frames *kernel,
		       const struct lab_frames *gust, char *buf, uint32_t len);

#endif
