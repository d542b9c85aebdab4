/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_reversible.c - segment(merge(x)) == x, over generated traffic and captures
 *
 * A round is a batch of packets of many flows. Each flow has habits (sizes, IDs,
 * options, extension headers); from time to time a packet breaks one. What the
 * merging plugins make of the batch is cut again by tso and uso and compared, byte
 * for byte, with what was there before (reverse.h). The seed of a round that fails
 * is printed; GUST_SEED=N runs that one alone.
 *
 * So that nothing passes because nothing is merged, what was merged is counted, by
 * feature of the packets that were.
 */
#include <stdio.h>

#define REV_ASSERT(x)                                                              \
	do {                                                                       \
		if (!(x))                                                          \
			fail_msg("%s: %s", where, #x);                             \
	} while (0)

static char where[64]; /* the seed, or the capture */

#include "mergelib.h"

#define ROUNDS 1500
#define FLOWS_MAX 24
#define BATCH_MAX 300
#define BATCH_BYTES 2000000

static struct merging m;
static struct rng rng;

static int setup(void **state)
{
	static const char *const names[] = { "gro", "uro", "tso", "uso", NULL };

	memset(&m, 0, sizeof(m));
	plug_open(&m.g, names);
	m.buf = malloc(600000);
	gust_batch_init(&m.b);
	return m.buf ? 0 : -1;
}

static int teardown(void **state)
{
	merging_close(&m);
	return 0;
}

static bool chance(unsigned one_in)
{
	return !rng_below(&rng, one_in);
}

/* ---- generated traffic ---- */

enum ids { IDS_COUNT, IDS_FIXED, IDS_ZERO, IDS_RANDOM, IDS_N };

struct flow {
	struct mp next;
	enum ids ids;
	uint32_t size;
};

/* A few bits that packets have; each must have been part of a merge. */
enum seen {
	SEEN_V4,
	SEEN_V6,
	SEEN_UDP,
	SEEN_ETH,
	SEEN_VLAN,
	SEEN_OPTIONS,
	SEEN_EXT,
	SEEN_FIXEDID,
	SEEN_NO_DF,
	SEEN_ACCECN,
	SEEN_PSH,
	SEEN_NO_CSUM,
	SEEN_OWED,
	SEEN_BIG4,
	SEEN_BIG6,
	SEEN_ODD_TAIL,
	SEEN_N
};

static unsigned seen[SEEN_N];

static uint32_t some_size(void)
{
	static const uint32_t common[] = { 1448, 1460, 1428, 1000, 536, 8948 };

	switch (rng_below(&rng, 4)) {
	case 0:
		return 1 + rng_below(&rng, 8);
	case 1:
		return 1 + rng_below(&rng, 3000);
	}
	return common[rng_below(&rng, 6)];
}

static void some_options(struct mp *t)
{
	static const uint8_t ts[12] = { 1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0 };
	static const uint8_t sack[12] = { 1, 1, 5, 10, 9, 9, 9, 0, 9, 9, 10, 0 };

	switch (rng_below(&rng, 4)) {
	case 0:
		return;
	case 1:
		memset(t->opt, 1, 4);
		t->optlen = 4;
		return;
	}
	memcpy(t->opt, ts, 12);
	t->optlen = 12;
	if (chance(3)) {
		memcpy(t->opt + 12, sack, 12);
		t->optlen = 24;
	}
}

static void some_flow(struct flow *f, unsigned i, bool eth)
{
	struct mp *t = &f->next;

	memset(f, 0, sizeof(*f));
	t->eth = eth;
	t->v6 = chance(2);
	t->udp = chance(3);
	t->sport = (uint16_t)i;
	t->src = (uint8_t)rng_below(&rng, 3);
	t->vlan = eth && chance(3) ? 1 + rng_below(&rng, 4000) : 0;
	t->tos = chance(2) ? rng_u32(&rng) : 0;
	t->ttl = chance(3) ? rng_u32(&rng) | 1 : 64;
	t->label = chance(2) ? rng_below(&rng, 1 << 20) : 0;
	t->id = rng_u32(&rng);
	t->no_df = chance(3);
	t->seq = rng_u32(&rng);
	t->ack = rng_u32(&rng);
	t->win = rng_u32(&rng);
	t->from = rng_below(&rng, 10000);
	if (t->v6 && chance(4))
		t->hop = rng_u32(&rng);
	if (t->v6 && chance(4))
		t->dopt = rng_u32(&rng);
	t->route = t->v6 && chance(8);
	if (!t->udp)
		some_options(t);
	if (chance(5))
		t->flags = 0x10 | (rng_u32(&rng) & 0x1c0); /* AE, CWR, ECE */
	t->no_csum = t->udp && chance(4);
	f->ids = rng_below(&rng, IDS_N);
	f->size = some_size();
}

/* One field is not as the flow has it. */
static void break_habit(struct mp *t)
{
	switch (rng_below(&rng, 24)) {
	case 0:
		t->tos ^= 1 << rng_below(&rng, 8);
		break;
	case 1:
		t->ttl++;
		break;
	case 2:
		t->label ^= 1;
		break;
	case 3:
		t->id += rng_u32(&rng);
		break;
	case 4:
		t->no_df = !t->no_df;
		break;
	case 5:
		t->ack++;
		break;
	case 6:
		t->win ^= 1;
		break;
	case 7:
		t->urg ^= 7;
		break;
	case 8:
		t->opt[rng_below(&rng, 12)] ^= 1;
		break;
	case 9:
		t->optlen = t->optlen == 12 ? 8 : 12;
		break;
	case 10:
		t->hop++;
		break;
	case 11:
		t->dopt++;
		break;
	case 12:
		t->atomic = true;
		break;
	case 13:
		t->vlan = t->vlan ? t->vlan ^ 1 : 1;
		break;
	case 14:
		t->bad_csum = true;
		break;
	case 15:
		t->no_csum = t->udp && !t->no_csum;
		break;
	case 16:
		t->odd_csum = t->len >= 2 && !t->no_csum;
		break;
	case 17:
		t->ipopt = 4;
		break;
	case 18:
		t->frag = 1 << (13 + rng_below(&rng, 3)) & ~0x4000;
		break;
	case 19:
		t->flags = rng_below(&rng, 0x200) | 1; /* any flags */
		break;
	case 20:
		t->flags = (t->flags ? t->flags : 0x10) ^ 0x80;
		break;
	case 21:
		t->len = 0;
		break;
	case 22:
		t->len = 1 + rng_below(&rng, 2000);
		break;
	case 23:
		t->route = !t->route;
		break;
	}
}

static uint32_t next_len(const struct flow *f)
{
	if (chance(30))
		return rng_below(&rng, f->size + 1);
	if (chance(60))
		return f->size + 1;
	return f->size;
}

static uint16_t next_id(const struct flow *f, uint16_t id)
{
	switch (f->ids) {
	case IDS_FIXED:
		return id;
	case IDS_ZERO:
		return 0;
	case IDS_RANDOM:
		return rng_u32(&rng);
	default:
		return id + 1;
	}
}

/* The next packet of the flow. */
static void emit(struct flow *f)
{
	struct mp *next = &f->next, t;
	struct gust_pkt *p;

	next->len = next_len(f);
	next->id = next_id(f, next->id);
	t = *next;
	if (chance(20)) /* the end of a write */
		t.flags = (t.flags ? t.flags : 0x10) | 8;
	if (chance(15))
		break_habit(&t);
	p = rev_pkt(&m.rev, m.g.pool, m.buf, mp_build(m.buf, &t));
	if (pkt_dissect(p, t.eth ? DISSECT_ETH : DISSECT_IP) != DROP_NONE)
		fail_msg("the generator made what the dissector refuses");
	if (pkt_l4(p) && !t.no_csum && chance(8)) {
		p->need = GUST_F_CSUM;
		w16(p->head + pkt_l4(p)->off + (t.udp ? 6 : 16), rng_u32(&rng));
	}
	gust_batch_push(&m.b, p);
	if (chance(25)) /* lost, or sent again */
		return;
	next->seq += t.len;
	next->from += t.len;
}

/* Swap a packet with the one behind it, here and there. */
static void disorder(struct gust_batch *b)
{
	struct gust_batch out;
	struct gust_pkt *p, *q;

	gust_batch_init(&out);
	while ((p = gust_batch_pop(b))) {
		if (chance(30) && (q = gust_batch_pop(b)))
			gust_batch_push(&out, q);
		gust_batch_push(&out, p);
	}
	*b = out;
}

static void some_limits(struct gust_gro_req *req)
{
	memset(req, 0, sizeof(*req));
	req->max4 = chance(3) ? 500000 : 65535;
	req->max6 = chance(3) ? 500000 : 65535;
	req->max_udp = 65535;
	if (chance(6))
		req->max4 = req->max6 = req->max_udp = rng_below(&rng, 20000);
	if (chance(5))
		req->max_segs = 1 + rng_below(&rng, 64);
}

/* ---- what was merged ---- */

static void see_layers(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];

		seen[SEEN_ETH] += l->kind == GUST_L_ETH;
		seen[SEEN_VLAN] += l->kind == GUST_L_VLAN;
		seen[SEEN_EXT] += l->kind == GUST_L_DSTOPTS;
		if (l->kind != GUST_L_IPV4)
			continue;
		seen[SEEN_FIXEDID] += (l->flags & GUST_LF_FIXEDID) != 0;
		seen[SEEN_BIG4] += (l->flags & GUST_LF_JUMBO) != 0;
		seen[SEEN_NO_DF] += !(p->head[l->off + 6] & 0x40);
	}
}

static void see(const struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);
	bool udp = l4->kind == GUST_L_UDP;

	REV_ASSERT(p->need & (GUST_F_CSUM | GUST_F_CSUM_OK) ||
		   p->gso_type == GUST_GSO_UDP4);
	seen[SEEN_V4] += p->gso_type == GUST_GSO_TCP4;
	seen[SEEN_V6] += p->gso_type == GUST_GSO_TCP6;
	seen[SEEN_UDP] += udp;
	seen[SEEN_OPTIONS] += !udp && p->hlen - l4->off > 20;
	seen[SEEN_ACCECN] += (p->need & GUST_F_ACCECN) != 0;
	seen[SEEN_OWED] += (p->need & GUST_F_CSUM) != 0;
	seen[SEEN_PSH] += !udp && p->head[l4->off + 13] & 8;
	seen[SEEN_NO_CSUM] += udp && !r16(p->head + l4->off + 6);
	seen[SEEN_BIG6] += p->gso_type == GUST_GSO_TCP6 && p->len > 66000;
	seen[SEEN_ODD_TAIL] += pkt_payload_len(p) % p->gso_size % 2;
	see_layers(p);
}

static void run_batch(void)
{
	merging_run(&m);
	for (const struct gust_pkt *p = m.b.first; p; p = p->next)
		if (p->gso_size)
			see(p);
	rev_compare(&m.rev, m.g.eng, &m.b);
}

/* What was merged is merged once more, with what follows it. */
static void run_twice(void)
{
	struct gust_gro_req all = m.req, few = m.req;

	for (const struct gust_pkt *p = m.b.first; p; p = p->next)
		rev_note(&m.rev, m.g.eng, p);
	few.max_segs = 1 + rng_below(&rng, 8);
	engine_gro(m.g.eng, &m.b, &few);
	engine_gro(m.g.eng, &m.b, &all);
	rev_compare(&m.rev, m.g.eng, &m.b);
}

static void one_round(uint64_t seed)
{
	struct flow flow[FLOWS_MAX];
	unsigned nflow, n, bytes = 0, burst = 0, i = 0;
	bool eth;

	snprintf(where, sizeof(where), "GUST_SEED=%llu", (unsigned long long)seed);
	rng_seed(&rng, seed);
	eth = chance(2);
	nflow = 1 + rng_below(&rng, FLOWS_MAX);
	n = 2 + rng_below(&rng, BATCH_MAX);
	for (i = 0; i < nflow; i++)
		some_flow(&flow[i], i, eth);
	some_limits(&m.req);
	while (m.b.n < n && bytes < BATCH_BYTES) {
		if (!burst--) {
			i = rng_below(&rng, nflow);
			burst = rng_below(&rng, 1 << rng_below(&rng, 8));
		}
		emit(&flow[i]);
		bytes += m.b.last->len;
	}
	if (chance(3))
		disorder(&m.b);
	if (chance(4))
		run_twice();
	else
		run_batch();
}

static void test_generated(void **state)
{
	const char *env = getenv("GUST_SEED");
	unsigned r;

	if (env) {
		one_round(strtoull(env, NULL, 0));
		return;
	}
	for (r = 1; r <= ROUNDS; r++)
		one_round(r);
	print_message("%u packets in, %u out, %u superpackets of %u segments\n",
		      m.rev.in, m.rev.out, m.rev.supers, m.rev.segs);
	/* at least a third went into superpackets, of each kind some */
	assert_true(m.rev.segs > m.rev.in / 3);
	for (r = 0; r < SEEN_N; r++)
		if (seen[r] < 20)
			fail_msg("feature %u was in %u superpackets", r, seen[r]);
}

/* ---- captures ---- */

/* tests/captures/make.py writes them: pcap, little endian, Ethernet. */
static uint32_t le32(const uint8_t *b)
{
	return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint8_t *load(const char *name, size_t *ret_len)
{
	uint8_t *b = malloc(1 << 20);
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), GUST_CAPTURES "/%s.pcap", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	assert_non_null(b);
	*ret_len = fread(b, 1, 1 << 20, f);
	fclose(f);
	assert_in_range(*ret_len, 24, (1 << 20) - 1);
	assert_int_equal(le32(b), 0xa1b2c3d4);
	assert_int_equal(le32(b + 20), 1);
	return b;
}

/* The packets of a capture in batches of `batch`, with or without Ethernet. */
static unsigned replay(const uint8_t *b, size_t len, unsigned batch, bool eth)
{
	unsigned n = 0, off;

	for (size_t at = 24; at + 16 <= len; at += 16 + le32(b + at + 8)) {
		uint32_t caplen = le32(b + at + 8);
		struct gust_pkt *p;

		assert_true(caplen == le32(b + at + 12) && at + 16 + caplen <= len);
		off = eth ? 0 : 14;
		p = rev_pkt(&m.rev, m.g.pool, b + at + 16 + off, caplen - off);
		assert_int_equal(pkt_dissect(p, eth ? DISSECT_ETH : DISSECT_IP),
				 DROP_NONE);
		gust_batch_push(&m.b, p);
		n++;
		if (m.b.n == batch)
			run_batch();
	}
	run_batch();
	return n;
}

static void test_captures(void **state)
{
	static const struct {
		const char *name;
		/* segments that one superpacket has, at least; every keystroke
		 * has PSH: nothing may be merged */
		unsigned most;
	} files[] = {
		{ "http4", 10 },      { "http6", 10 },       { "iperf3-tcp4", 4 },
		{ "iperf3-tcp6", 4 }, { "iperf3-udp4", 10 }, { "iperf3-udp6", 10 },
		{ "keys4", 0 },       { "keys6", 0 },        { "udp-bursts", 8 },
	};
	static const unsigned batches[] = { 2, 3, 7, 64, 100000 };

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t len;
		uint8_t *b = load(files[i].name, &len);
		unsigned n = 0;

		snprintf(where, sizeof(where), "%s", files[i].name);
		m.req = (struct gust_gro_req){ .max4 = 65535,
					       .max6 = 65535,
					       .max_udp = 65535 };
		m.rev.most = m.rev.supers = m.rev.segs = 0;
		for (unsigned k = 0; k < 10; k++)
			n += replay(b, len, batches[k / 2], k & 1);
		print_message("%s: %u packets, %u segments in %u superpackets\n",
			      files[i].name, n, m.rev.segs, m.rev.supers);
		if (m.rev.most < files[i].most || !files[i].most != !m.rev.most)
			fail_msg("%s: at most %u segments in one", where,
				 m.rev.most);
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_captures, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
