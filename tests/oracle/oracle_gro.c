/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle_gro.c - what the kernel's GRO makes of a train of packets, and what gust's
 */
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "random.h"
#include "train.h"

static struct train t;

static int setup(void **state)
{
	train_open();
	return 0;
}

static int teardown(void **state)
{
	train_close();
	return 0;
}

/* A train of `n` equal packets in order. */
static void plain(const char *name, bool v6, bool udp, unsigned n, uint32_t len)
{
	struct super s;

	super_init(&s, v6, udp);
	s.len = len;
	train_init(&t, name);
	while (n--)
		train_add(&t, &s);
}

/* Run it for TCP (bit 1 clear) and UDP (set), IPv4 (bit 0 clear) and IPv6. */
#define TCP_ONLY 0x3
#define UDP_ONLY 0xc
#define IP4_ONLY 0x5
#define IP6_ONLY 0xa
#define ANY 0xf

struct variation {
	const char *name;
	unsigned which; /* of the four kinds, a bit each */
	void (*change)(void);
	enum train_known known;
};

#define MID 5 /* of ten packets */

static void v_nothing(void) {}

/* ---- sizes and order ---- */

static void v_short_tail(void)
{
	t.s[t.n - 1].len = 1;
}

/* What follows goes on behind it. */
static void resize(unsigned i, uint32_t len)
{
	int32_t by = (int32_t)(len - t.s[i].len);

	t.s[i].len = len;
	while (++i < t.n) {
		t.s[i].seq += by;
		t.s[i].from += by;
	}
}

static void v_short_middle(void)
{
	resize(MID, 700);
}

static void v_short_first(void)
{
	resize(0, 999);
}

static void v_longer(void)
{
	resize(MID, 1001);
}

static void v_longer_all(void)
{
	for (unsigned i = 1; i < t.n; i++)
		resize(i, 1000 + i);
}

static void v_empty(void)
{
	resize(MID, 0);
}

static void v_all_empty(void)
{
	for (unsigned i = 0; i < t.n; i++)
		resize(i, 0);
}

static void v_one_byte(void)
{
	for (unsigned i = 0; i < t.n; i++)
		resize(i, 1);
}

static void v_gap(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].seq += 1000;
}

static void v_overlap(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].seq -= 1;
}

static void swap(unsigned i, unsigned k)
{
	struct super s = t.s[i];

	t.s[i] = t.s[k];
	t.s[k] = s;
}

static void v_swapped(void)
{
	swap(MID, MID + 1);
}

static void v_late(void)
{
	for (unsigned i = MID; i + 1 < t.n; i++)
		swap(i, i + 1);
}

static void v_twice(void)
{
	for (unsigned i = t.n - 1; i > MID; i--)
		t.s[i] = t.s[i - 1];
}

static void v_backwards(void)
{
	for (unsigned i = 0; i < t.n / 2; i++)
		swap(i, t.n - 1 - i);
}

static void v_wrap(void)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].seq += 0xfffff000 - 0x01020304;
}

/* ---- TCP's fields ---- */

static void v_ack(void)
{
	t.s[MID].ack++;
}

static void v_ack_on(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].ack += 7;
}

static void v_window(void)
{
	t.s[MID].win++;
}

static void v_urgent_pointer(void)
{
	t.s[MID].urg = 1;
}

static void v_timestamps(void)
{
	for (unsigned i = 0; i < t.n; i++) {
		t.s[i].opt_len = 12;
		memcpy(t.s[i].opt, "\1\1\x8\xa\0\0\0\1\0\0\0\2", 12);
	}
}

static void v_timestamp_moves(void)
{
	v_timestamps();
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].opt[7]++;
}

static void v_sack(void)
{
	v_timestamps();
	memcpy(t.s[MID].opt, "\1\1\5\xa\0\0\0\1\0\0\0\2", 12);
}

static void v_option_length(void)
{
	v_timestamps();
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].opt_len = 4;
}

static void v_bad_csum(void)
{
	t.s[MID].bad_csum = true;
}

static void v_bad_csum_first(void)
{
	t.s[0].bad_csum = true;
}

/* The one in the middle has a checksum of zero: all have an acknowledgement number
 * that makes it so. */
static void v_zero_csum(void)
{
	static uint8_t b[2000];
	uint32_t ack = t.s[MID].ack;
	uint16_t low = super_add(ack, super_csum(b, &t.s[MID], false));

	for (unsigned i = 0; i < t.n; i++)
		t.s[i].ack = (ack & 0xffff0000) | low;
	assert_int_equal(super_csum(b, &t.s[MID], false), 0);
}

static void v_odd_zero(void)
{
	v_zero_csum();
	t.s[MID].odd_zero = true;
}

/* ---- UDP's ---- */

static void v_no_csum(void)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].no_csum = true;
}

static void v_no_csum_middle(void)
{
	t.s[MID].no_csum = true;
}

/* ---- IP's ---- */

static void v_tos(void)
{
	t.s[MID].ip.tos = 4;
}

static void v_ce(void)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].ip.tos = i == MID ? 3 : 2;
}

static void v_ttl(void)
{
	t.s[MID].ip.ttl--;
}

static void v_flow_label(void)
{
	t.s[MID].ip.flow = 1;
}

static void v_flow_label_on(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].ip.flow = 1;
}

static void v_df(void)
{
	t.s[MID].ip.frag = 0;
}

static void all_frag(uint16_t frag)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].ip.frag = frag;
}

static void v_no_df(void)
{
	all_frag(0);
}

static void v_reserved_bit(void)
{
	all_frag(0xc000);
}

static void v_fragments(void)
{
	all_frag(0x2000);
}

static void ids(uint16_t from, uint16_t step)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].ip.id = from + i * step;
}

static void v_id_fixed(void)
{
	ids(77, 0);
}

static void v_id_zero(void)
{
	ids(0, 0);
}

static void v_id_fixed_no_df(void)
{
	all_frag(0);
	ids(77, 0);
}

static void v_id_wrap(void)
{
	ids(65532, 1);
}

static void v_id_wrap_no_df(void)
{
	all_frag(0);
	ids(65532, 1);
}

static void v_id_down(void)
{
	ids(77, -1);
}

static void v_id_by_two(void)
{
	ids(77, 2);
}

static void v_id_jump(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].ip.id += 5;
}

static void v_id_jump_no_df(void)
{
	all_frag(0);
	v_id_jump();
}

static void v_id_stops(void)
{
	for (unsigned i = MID; i < t.n; i++)
		t.s[i].ip.id = t.s[MID].ip.id;
}

static void v_id_starts(void)
{
	for (unsigned i = 0; i < MID; i++)
		t.s[i].ip.id = t.s[MID].ip.id;
}

static void v_vlan(void)
{
	for (unsigned i = 0; i < t.n; i++)
		t.s[i].vlan = 5;
}

static void v_vlan_differs(void)
{
	v_vlan();
	t.s[MID].vlan = 6;
}

static void v_ip4_options(void)
{
	for (unsigned i = 0; i < t.n; i++) {
		t.s[i].ip.opt_len = 4;
		memcpy(t.s[i].ip.opt, "\1\1\1\1", 4);
	}
}

static void exts(uint8_t kind, uint8_t units)
{
	for (unsigned i = 0; i < t.n; i++) {
		t.s[i].ip.next = 1;
		t.s[i].ip.ext[0] = kind;
		t.s[i].ip.ext_units[0] = units;
	}
}

static void v_hop_options(void)
{
	exts(0, 0);
}

static void v_dst_options(void)
{
	exts(60, 1);
}

static void v_routing(void)
{
	exts(43, 0);
}

static void v_ext_kind(void)
{
	exts(60, 0);
	t.s[MID].ip.ext[0] = 43;
}

static const struct variation variations[] = {
	{ "in order", ANY, v_nothing },
	{ "short tail", ANY, v_short_tail },
	{ "short in the middle", ANY, v_short_middle },
	{ "short first", ANY, v_short_first },
	{ "longer in the middle", ANY, v_longer },
	{ "each longer", ANY, v_longer_all },
	{ "empty in the middle", ANY, v_empty },
	{ "all empty", ANY, v_all_empty },
	{ "one byte each", ANY, v_one_byte },
	{ "gap", TCP_ONLY, v_gap },
	{ "overlap", TCP_ONLY, v_overlap },
	{ "two swapped", ANY, v_swapped },
	{ "one late", ANY, v_late },
	{ "one twice", ANY, v_twice },
	{ "backwards", ANY, v_backwards },
	{ "sequence wraps", TCP_ONLY, v_wrap },
	{ "acknowledgement differs", TCP_ONLY, v_ack },
	{ "acknowledgement advances", TCP_ONLY, v_ack_on },
	{ "window differs", TCP_ONLY, v_window },
	{ "urgent pointer differs", TCP_ONLY, v_urgent_pointer },
	{ "timestamps", TCP_ONLY, v_timestamps },
	{ "timestamp moves", TCP_ONLY, v_timestamp_moves },
	{ "SACK in the middle", TCP_ONLY, v_sack },
	{ "options shorter", TCP_ONLY, v_option_length },
	{ "bad checksum", ANY, v_bad_csum },
	{ "bad checksum first", ANY, v_bad_csum_first },
	{ "checksum of zero", TCP_ONLY, v_zero_csum },
	{ "checksum of zero as ones", TCP_ONLY, v_odd_zero },
	{ "no checksum", UDP_ONLY &IP4_ONLY, v_no_csum, TRAIN_NO_CSUM },
	{ "no checksum in the middle", UDP_ONLY &IP4_ONLY, v_no_csum_middle },
	{ "no checksum over IPv6", UDP_ONLY &IP6_ONLY, v_no_csum },
	{ "TOS differs", ANY, v_tos },
	{ "CE in the middle", ANY, v_ce },
	{ "TTL differs", ANY, v_ttl },
	{ "flow label differs", IP6_ONLY, v_flow_label },
	{ "flow label changes", IP6_ONLY, v_flow_label_on },
	{ "DF differs", IP4_ONLY, v_df },
	{ "no DF", IP4_ONLY, v_no_df },
	{ "reserved bit", IP4_ONLY, v_reserved_bit },
	{ "fragments", IP4_ONLY, v_fragments },
	{ "ID fixed", IP4_ONLY, v_id_fixed },
	{ "ID zero", IP4_ONLY, v_id_zero },
	{ "ID fixed, no DF", IP4_ONLY, v_id_fixed_no_df, TRAIN_SAME_ID },
	{ "ID wraps", IP4_ONLY, v_id_wrap },
	{ "ID wraps, no DF", IP4_ONLY, v_id_wrap_no_df },
	{ "ID counts down", IP4_ONLY, v_id_down },
	{ "ID by two", IP4_ONLY, v_id_by_two },
	{ "ID jumps", IP4_ONLY, v_id_jump },
	{ "ID jumps, no DF", IP4_ONLY, v_id_jump_no_df },
	{ "ID stops", IP4_ONLY, v_id_stops },
	{ "ID starts", IP4_ONLY, v_id_starts },
	{ "IPv4 options", IP4_ONLY, v_ip4_options },
	{ "hop-by-hop options", IP6_ONLY, v_hop_options },
	{ "destination options", IP6_ONLY, v_dst_options },
	{ "routing header", IP6_ONLY, v_routing },
	{ "VLAN", ANY, v_vlan, TRAIN_VLAN },
	{ "VLAN differs", ANY, v_vlan_differs, TRAIN_VLAN },
	{ "extension header differs", IP6_ONLY, v_ext_kind },
};

static void test_variations(void **state)
{
	for (unsigned i = 0; i < sizeof(variations) / sizeof(variations[0]); i++)
		for (unsigned kind = 0; kind < 4; kind++) {
			const struct variation *v = &variations[i];

			if (!(v->which & 1 << kind))
				continue;
			plain(v->name, kind & 1, kind & 2, 10, 1000);
			v->change();
			t.known = v->known;
			train_run(&t);
		}
}

/* Every flag first, in the middle, last, and on all. */
static void test_flags(void **state)
{
	for (unsigned bit = 0; bit < 9; bit++)
		for (unsigned i = 0; i < 8; i++) {
			static const unsigned at[] = { 0, MID, 9, 0 };
			char name[40];

			snprintf(name, sizeof(name), "flag %03x at %u", 1u << bit,
				 i / 2);
			plain(name, i & 1, false, 10, 1000);
			t.s[at[i / 2]].flags ^= 1u << bit;
			for (unsigned k = 0; k < t.n && i / 2 == 3; k++)
				t.s[k].flags = SUPER_ACK ^ 1u << bit;
			if (i / 2 == 3 && 1u << bit == SUPER_CWR)
				t.known = TRAIN_CWR;
			train_run(&t);
		}
}

/* All eight values of Accurate ECN's counter, and changes of it. */
static void test_accecn(void **state)
{
	for (unsigned i = 0; i < 64; i++) {
		uint16_t a = (i & 7) << 6, b = (i >> 3 & 7) << 6;

		plain("ACE", i & 1, false, 6, 1000);
		for (unsigned k = 0; k < t.n; k++)
			t.s[k].flags |= k < 3 ? a : b;
		if ((a | b) & SUPER_CWR)
			t.known = TRAIN_CWR;
		train_run(&t);
	}
}

/* As much as 16 bits take, and one more. */
static void test_limits(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		plain("64 KB", i, false, 60, 1440);
		train_run(&t);
		plain("65 datagrams", i, true, 65, 100);
		t.max_segs = 64;
		train_run(&t);
		plain("64 KB of UDP", i, true, 60, 1400);
		t.max_segs = 64;
		train_run(&t);
	}
}

/* BIG TCP: up to 200,000 bytes, and what is beyond begins anew. */
static void test_big_tcp(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		train_limit(200000);
		plain("BIG TCP", i, false, 100, 1400);
		t.max_len = 200000;
		train_run(&t);
		plain("BIG TCP, more than the limit", i, false, 150, 1440);
		t.max_len = 200000;
		train_run(&t);
		plain("BIG TCP is not for UDP", i, true, 64, 1400);
		t.max_len = 200000;
		train_run(&t);
	}
}

static void test_flows(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct super s;

		super_init(&s, i & 1, i & 2);
		s.len = 800;
		train_init(&t, "three flows");
		for (unsigned k = 0; k < 30; k++) {
			s.sport = 40000 + k % 3;
			train_add(&t, &s);
		}
		train_run(&t);
		t.s[13].ip.tos = 8;
		t.s[16].seq += 4;
		train_run(&t);
	}
}

/* ---- random trains ---- */

static bool chance(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

/* Something that this packet has not in common with those before it. */
static void disturb(struct rng *r, unsigned i)
{
	struct super *s = &t.s[i];

	switch (rng_below(r, 16)) {
	case 0:
		s->flags ^= 1u << rng_below(r, 9);
		break;
	case 1:
		s->ip.tos ^= 1u << rng_below(r, 8);
		break;
	case 2:
		s->ip.ttl -= 1 + rng_below(r, 3);
		break;
	case 3:
		s->ip.flow ^= 1;
		break;
	case 4:
		s->ip.frag ^= 0x4000;
		break;
	case 5:
		s->ip.id += rng_u32(r);
		break;
	case 6:
		s->bad_csum = true;
		break;
	case 7:
		s->seq += 1 + rng_below(r, 3000);
		break;
	case 8:
		if (i)
			swap(i, i - 1);
		break;
	case 9:
		s->win ^= 1;
		break;
	case 10:
		s->ack += 1;
		break;
	case 11:
		s->no_csum = s->udp;
		break;
	default:
		resize(i, rng_below(r, 4) ? 1 + rng_below(r, 1400) : 0);
	}
}

/* What may differ in a train that is made like this. */
static enum train_known known_in_train(void)
{
	unsigned cwr = 0, plain_udp = 0;

	for (unsigned i = 0; i < t.n; i++) {
		const struct super *s = &t.s[i];

		cwr += !s->udp && s->flags & SUPER_CWR;
		plain_udp += s->no_csum && !s->ip.v6;
		for (unsigned k = 0; k < i && !s->ip.v6; k++)
			if (t.s[k].ip.id == s->ip.id && !(s->ip.frag & 0x4000) &&
			    t.s[k].sport == s->sport)
				return TRAIN_SAME_ID;
	}
	return cwr > 1 ? TRAIN_CWR : plain_udp > 1 ? TRAIN_NO_CSUM : TRAIN_NONE;
}

static void random_train(struct rng *r)
{
	unsigned n = 2 + rng_below(r, 30), flows = 1 + rng_below(r, 3);
	unsigned often = 4 + rng_below(r, 20);
	bool fixed_id = chance(r, 4);
	struct super s;

	super_init(&s, chance(r, 2), chance(r, 3));
	s.seq = rng_u32(r);
	s.ack = rng_u32(r);
	s.ip.id = rng_u32(r);
	s.ip.frag = chance(r, 3) ? 0 : 0x4000;
	s.ip.tos = rng_u32(r);
	s.ip.flow = rng_u32(r) & 0xfffff;
	s.len = 1 + rng_below(r, 1400);
	if (!s.udp && chance(r, 2))
		random_tcp_opts(r, &s, rng_below(r, 11));
	train_init(&t, "random");
	while (n--) {
		s.sport = 40000 + rng_below(r, flows);
		train_add(&t, &s);
		if (fixed_id)
			t.s[t.n - 1].ip.id = s.ip.id;
	}
	for (unsigned i = 1; i < t.n; i++)
		if (chance(r, often))
			disturb(r, i);
	t.known = known_in_train();
}

static void test_random(void **state)
{
	uint64_t seed = compare_seed();

	for (unsigned i = 0; i < 300; i++) {
		struct rng r;

		rng_seed(&r, seed + i);
		random_train(&r);
		train_run(&t);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_variations), T(test_flags), T(test_accecn), T(test_limits),
		T(test_big_tcp),    T(test_flows), T(test_random),
	};
	int r;

	lab_enter();
	r = cmocka_run_group_tests_name("oracle_gro", tests, NULL, NULL);
	printf("%lu packets, %lu of them merged; trains: %lu agree, %lu where the "
	       "kernel's result is not reversible\n",
	       train_count.packets, train_count.merged, train_count.agree,
	       train_count.irreversible);
	for (unsigned i = 1; i < TRAIN_KNOWN; i++)
		printf("known difference: %s: %lu trains\n", train_known_text[i],
		       train_count.known[i]);
	return r;
}
