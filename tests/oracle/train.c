/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * train.c - a train of packets through the kernel's GRO and through gust's
 *
 * Lists are compared flow by flow (by source port): how flows lie between each
 * other is nobody's promise. Of a merged packet all bytes and gso type and size are
 * compared; of one that is as it was, all bytes.
 */
#include "train.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "compare.h"
#include "link/link.h"
#include "sniff.h"

#define TRIES 500
#define WAIT_MS 20
/* The kernel's GRO holds packets for so long after the last one. */
#define FLUSH_NS 1500000

struct train_count train_count;

const char *const train_known_text[TRAIN_KNOWN] = {
	[TRAIN_NONE] = "",
	[TRAIN_CWR] = "CWR on each of several segments",
	[TRAIN_NO_CSUM] = "UDP over IPv4 without checksums",
	[TRAIN_SAME_ID] = "equal IPv4 IDs without DF",
	[TRAIN_VLAN] = "802.1Q tags",
};

static struct lab_frames in, kernel, out, gust, cut, want;
static uint8_t *buf;
static int sniffer;

void train_open(void)
{
	struct lab_frames *all[] = { &in, &kernel, &out, &gust, &cut, &want };

	lab_open(&lab, true, IFF_NAPI);
	lab_cmd("echo %u > /sys/class/net/ogin/gro_flush_timeout && "
		"ethtool -K ogin gro on rx-udp-gro-forwarding on",
		FLUSH_NS);
	sniffer = sniff_open("ogin");
	for (unsigned i = 0; i < 6; i++)
		lab_frames_init(all[i]);
	buf = malloc(SUPER_MAX);
	assert_non_null(buf);
	ours_open();
}

void train_close(void)
{
	struct lab_frames *all[] = { &in, &kernel, &out, &gust, &cut, &want };

	ours_close();
	free(buf);
	for (unsigned i = 0; i < 6; i++)
		lab_frames_free(all[i]);
	close(sniffer);
	lab_close(&lab);
}

void train_init(struct train *t, const char *name)
{
	t->name = name;
	t->n = 0;
	t->max_segs = 0;
	t->max_len = 65535;
	t->known = TRAIN_NONE;
}

struct super *train_add(struct train *t, const struct super *s)
{
	struct super *q = &t->s[t->n];
	const struct super *last = NULL;

	assert_true(t->n < TRAIN_MAX);
	for (unsigned i = t->n; i-- && !last;)
		if (t->s[i].sport == s->sport)
			last = &t->s[i];
	*q = *s;
	q->l2 = true;
	if (last) {
		q->seq = last->seq + last->len;
		q->ip.id = last->ip.id + 1;
		q->from = last->from + last->len;
	}
	t->n++;
	return q;
}

void train_limit(uint32_t max_len)
{
	struct link *l;
	char err[256];

	if (link_open(-1, (int)if_nametoindex("ogin"), &l, err, sizeof(err)))
		fail_msg("%s", err);
	/* the kernel's limit is one that is not reached */
	assert_int_equal(link_set_gro_max(l, max_len + 1, max_len + 1), 0);
	link_close(l);
}

static void clear(struct lab_frames *f)
{
	f->n = f->used = 0;
}

static void add(struct lab_frames *to, const uint8_t *b, uint32_t len)
{
	memcpy(lab_frames_add(to, len), b, len);
}

/* The train as it goes in, and as it should come out behind the kernel. */
static void build(const struct train *t)
{
	clear(&in);
	clear(&want);
	for (unsigned i = 0; i < t->n; i++) {
		struct super s = t->s[i];

		memcpy(s.dmac, lab_in_mac, 6);
		memcpy(s.smac, lab_near_mac, 6);
		add(&in, buf, super_build(buf, &s));
		memcpy(s.dmac, lab_far_mac, 6);
		memcpy(s.smac, lab_out_mac, 6);
		s.ip.ttl--;
		add(&want, buf, super_build(buf, &s));
	}
}

static uint64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The kernel's tick: this clock moves with it. */
static uint64_t tick(void)
{
	return clock_of(CLOCK_MONOTONIC_COARSE);
}

static void receive(void)
{
	clear(&kernel);
	clear(&out);
	for (unsigned ms = 0; ms < WAIT_MS && out.n < in.n; ms++) {
		struct pollfd pfd = { .fd = lab.out, .events = POLLIN };

		poll(&pfd, 1, 1);
		lab_collect(&lab, 0, &out);
	}
	sniff_read(sniffer, &kernel);
}

/* Between polls the kernel flushes what is older than a tick (napi_gro_flush()), and
 * all when nothing came for FLUSH_NS. So a train must lie between two ticks, and
 * take less than that. */
static void run_kernel(void)
{
	static const uint8_t vh[SUPER_VH_LEN];

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t start = tick(), t0, ns;

		while ((t0 = tick()) == start)
			;
		ns = clock_of(CLOCK_MONOTONIC);
		for (unsigned k = 0; k < in.n; k++)
			assert_int_equal(lab_send(&lab, vh, in.b[k], in.len[k]), 0);
		ns = clock_of(CLOCK_MONOTONIC) - ns;
		start = tick();
		receive();
		if (start == t0 && ns < FLUSH_NS)
			return;
	}
	fail_msg("the machine is too busy: no train in %u fits a tick", TRIES);
}

/* ---- lists by flow ---- */

/* Source port of the frame at `b`; ports stand behind whatever extension headers
 * this train has, which are the same in all its packets. */
static unsigned flow_of(const struct train *t, const uint8_t *b)
{
	uint32_t off = (t->s[0].vlan ? 18 : 14);
	uint32_t l4 =
		super_hdrs(&t->s[0]) - (t->s[0].udp ? 8 : 20 + t->s[0].opt_len);

	return b[off + l4] << 8 | b[off + l4 + 1];
}

/* The next frame of this flow from `i` on; f->n: none. */
static unsigned next_of(const struct train *t, const struct lab_frames *f,
			unsigned i, unsigned flow, unsigned skip)
{
	while (i < f->n && flow_of(t, f->b[i] + skip) != flow)
		i++;
	return i;
}

typedef bool same_fn(const uint8_t *a, uint32_t alen, const uint8_t *b,
		     uint32_t blen);

static bool same_bytes(const uint8_t *a, uint32_t alen, const uint8_t *b,
		       uint32_t blen)
{
	return alen == blen && !memcmp(a, b, alen);
}

/* With a virtio_net_hdr in front: its gso type (ECN aside, which the kernel does
 * not say of Accurate ECN), and gso size. */
static bool same_super(const uint8_t *a, uint32_t alen, const uint8_t *b,
		       uint32_t blen)
{
	return ((a[1] ^ b[1]) & 0x7f) == 0 && !memcmp(a + 4, b + 4, 2) &&
	       same_bytes(a + SUPER_VH_LEN, alen - SUPER_VH_LEN, b + SUPER_VH_LEN,
			  blen - SUPER_VH_LEN);
}

/* Do both lists hold the same frames, flow by flow? */
static bool same(const struct train *t, const struct lab_frames *a,
		 const struct lab_frames *b, unsigned skip, same_fn *eq)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		unsigned flow = flow_of(t, a->b[i] + skip), k = 0, nth = 0;

		for (unsigned j = 0; j < i; j++)
			nth += flow_of(t, a->b[j] + skip) == flow;
		for (k = next_of(t, b, 0, flow, skip); nth--;)
			k = next_of(t, b, k + 1, flow, skip);
		if (k >= b->n || !eq(a->b[i], a->len[i], b->b[k], b->len[k]))
			return false;
	}
	return true;
}

/* ---- verdict ---- */

static bool untouched(const struct train *t)
{
	struct lab_frames plain = { 0 };
	bool r;

	for (unsigned i = 0; i < kernel.n; i++) {
		if (kernel.b[i][1])
			return false;
		plain.b[i] = kernel.b[i] + SUPER_VH_LEN;
		plain.len[i] = kernel.len[i] - SUPER_VH_LEN;
	}
	plain.n = kernel.n;
	r = same(t, &plain, &in, 0, same_bytes);
	return r;
}

static enum train_verdict judge(const struct train *t)
{
	run_kernel();
	if (same(t, &kernel, &gust, SUPER_VH_LEN, same_super))
		return TRAIN_AGREE;
	if (same(t, &out, &want, 0, same_bytes) || untouched(t))
		return TRAIN_DIFFER;
	return TRAIN_IRREVERSIBLE;
}

static int list_text(char *b, int len, const char *who, const struct lab_frames *f)
{
	int at = snprintf(b, len, "\n  %s:", who);

	for (unsigned i = 0; i < f->n && at < len - 40; i++)
		at += snprintf(b + at, len - at, " %u%s%u",
			       f->len[i] - SUPER_VH_LEN, f->b[i][1] ? "/" : "",
			       f->b[i][1] ? f->b[i][4] | f->b[i][5] << 8 : 0);
	return at;
}

static void report(const struct train *t, const char *what)
{
	static char text[16384], why[2048];
	int at = snprintf(text, sizeof(text), "%s: %s", t->name, what);

	for (unsigned i = 0; i < t->n && at < 10000; i++) {
		at += snprintf(text + at, sizeof(text) - at, "\n  %2u ", i);
		super_text(&t->s[i], text + at, sizeof(text) - at);
		at += strlen(text + at);
	}
	at += list_text(text + at, sizeof(text) - at, "kernel (bytes/gso size)",
			&kernel);
	at += list_text(text + at, sizeof(text) - at, "gust  ", &gust);
	if (lab_frames_differ(&kernel, &gust, why, sizeof(why)))
		snprintf(text + at, sizeof(text) - at, "\n  %s", why);
	/* the list is more than cmocka's messages hold */
	printf("%s\n", text);
	fail_msg("%s: %s", t->name, what);
}

void train_run(const struct train *t)
{
	enum train_verdict v;

	build(t);
	clear(&gust);
	clear(&cut);
	ours_merge(&in, t->max_len, t->max_segs, &gust, &cut);
	v = judge(t);
	if (!same(t, &cut, &in, 0, same_bytes))
		report(t, "gust's result does not give back the train");
	train_count.packets += t->n;
	train_count.merged += t->n - gust.n;
	switch (v) {
	case TRAIN_AGREE:
		train_count.agree++;
		break;
	case TRAIN_IRREVERSIBLE:
		train_count.irreversible++;
		break;
	case TRAIN_DIFFER:
		if (t->known == TRAIN_NONE)
			report(t, "the kernel's result is reversible, and another");
		train_count.known[t->known]++;
		break;
	}
}
