/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.c - one superpacket through the kernel and through gust
 */
#include "compare.h"

#include <stdio.h>
#include <string.h>

struct lab lab;
unsigned long compare_frames;

static uint8_t *buf;
static struct lab_frames kernel, gust;

void compare_open(enum compare_lab kind)
{
	if (kind == COMPARE_BRIDGE)
		lab_open_bridge(&lab);
	else
		lab_open(&lab, kind == COMPARE_TAP, 0);
	ours_open();
	buf = malloc(SUPER_MAX);
	assert_non_null(buf);
	lab_frames_init(&kernel);
	lab_frames_init(&gust);
}

void compare_close(void)
{
	free(buf);
	lab_frames_free(&kernel);
	lab_frames_free(&gust);
	ours_close();
	lab_close(&lab);
}

static void through_kernel(struct super s, uint32_t want, struct lab_frames *ret)
{
	uint8_t vh[SUPER_VH_LEN];
	char text[512];
	int r;

	if (!lab.bridge) {
		memcpy(s.dmac, lab_in_mac, 6);
		memcpy(s.smac, lab_near_mac, 6);
	}
	super_vnet(vh, &s);
	r = lab_send(&lab, vh, buf, super_build(buf, &s));
	if (r)
		fail_msg("%s\n  write: %s", super_text(&s, text, sizeof(text)),
			 strerror(-r));
	lab_collect(&lab, want, ret);
}

/* Where the ID of an IPv6 fragment stands; NULL: it is none. */
static uint8_t *frag_id(const struct lab_frames *f, unsigned i)
{
	return f->len[i] > 48 && f->b[i][6] == 44 ? f->b[i] + 44 : NULL;
}

/* IPv6 fragments have an ID drawn at random: one for all of a datagram on each
 * side. The kernel's is put in gust's frames. */
static bool same_frag_ids(void)
{
	uint8_t *a = kernel.n ? frag_id(&kernel, 0) : NULL, *b = frag_id(&gust, 0);
	uint8_t ours[4];

	if (!a || !b)
		return false;
	memcpy(ours, b, 4);
	for (unsigned i = 0; i < kernel.n; i++)
		if (!frag_id(&kernel, i) || memcmp(frag_id(&kernel, i), a, 4))
			return false;
	for (unsigned i = 0; i < gust.n; i++) {
		if (!frag_id(&gust, i) || memcmp(frag_id(&gust, i), ours, 4))
			return false;
		memcpy(frag_id(&gust, i), a, 4);
	}
	return true;
}

void compare_seg(const struct super *s)
{
	struct super t = *s;
	char text[512], why[1024];

	kernel.n = kernel.used = gust.n = gust.used = 0;
	if (!lab.bridge) {
		t.ip.ttl--;
		memcpy(t.dmac, lab_far_mac, 6);
		memcpy(t.smac, lab_out_mac, 6);
	}
	super_text(s, text, sizeof(text));
	if (!ours_segment(&t, &gust, why, sizeof(why)))
		fail_msg("%s\n  %s", text, why);
	through_kernel(*s, gust.n, &kernel);
	if (s->ufo && s->ip.v6 && !same_frag_ids())
		fail_msg("%s\n  fragments without, or of more than one ID", text);
	if (lab_frames_differ(&kernel, &gust, why, sizeof(why)))
		fail_msg("%s\n  %s", text, why);
	compare_frames += kernel.n;
}

uint64_t compare_seed(void)
{
	const char *e = getenv("GUST_ORACLE_SEED");
	uint64_t seed;
	struct rng r;

	if (e) {
		seed = strtoull(e, NULL, 0);
	} else {
		assert_int_equal(rng_seed_os(&r), 0);
		seed = rng_u64(&r) >> 32;
	}
	printf("seed: GUST_ORACLE_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}
