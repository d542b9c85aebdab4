/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gre.c - GRE: bytes both ways, checksum, key, sequence, what is refused
 */
#include <errno.h>

#include "wraplib.h"

/* Every set of options, IPv4 and IPv6 outside: 0 to 15. */
static struct level nth(unsigned i, const char *kind)
{
	struct level l = { .kind = kind, .v6 = i & 8, .flags = i & 7 };

	if (l.flags & GUST_TUN_KEY)
		l.id = 0xdeadbe00 + i;
	return l;
}

static uint32_t header_len(const struct level *l)
{
	return 4 + 4 * (!!(l->flags & GUST_TUN_CSUM) + !!(l->flags & GUST_TUN_KEY) +
			!!(l->flags & GUST_TUN_SEQ));
}

/* Where the GRE header begins. */
static uint32_t gre_at(const struct level *l)
{
	return l->v6 ? 40 : 20;
}

/* The checksum over again, after a change. */
static void resum(uint8_t *b, uint32_t n, const struct level *l)
{
	uint8_t *h = b + gre_at(l);

	if (!(h[0] & 0x80))
		return;
	w16(h + 4, 0);
	w16(h + 4, (uint16_t)~naive_sum(0, h, n - gre_at(l)));
}

/* One in a tunnel in `buf`; the inner packet in `in`. */
static uint32_t sample(const struct level *l, uint8_t *in, uint32_t *ret_in,
		       uint32_t seq)
{
	struct fields f = { .id = 5, .seq = seq };
	struct tp t = { .len = 51, .eth = is_l2(l), .id = 3 };

	*ret_in = tp_build(in, &t);
	memcpy(buf, in, *ret_in);
	return wrap(buf, *ret_in, t.eth, l, 0, &f);
}

/* ---- bytes ---- */

static void both_ways(const struct level *l, void *t, void *far, const uint8_t *in,
		      uint32_t n, uint32_t number)
{
	struct fields f = { .id = 1 + number, .seq = number };
	bool eth = is_l2(l);
	struct gust_pkt *p, *q, *rest;
	uint32_t m;

	p = encap1(l, t, pkt_bytes(in, n, eth));
	assert_non_null(p);
	f.label = label_of(p);
	memcpy(buf, in, n);
	m = wrap(buf, n, eth, l, 0, &f);
	assert_pkt_bytes(p, buf, m);
	q = decap1(l, far, p, &rest);
	assert_null(rest);
	assert_non_null(q);
	assert_pkt_bytes(q, in, n);
	pkt_free(q);
	if (l->flags & GUST_TUN_SEQ) { /* not twice */
		assert_refused(l, far, buf, m, DROP_TUNNEL_SEQ);
		w32(buf + gre_at(l) + header_len(l) - 4, number + 1);
		resum(buf, m, l);
	}
	q = decap1(l, far, pkt_bytes(buf, m, false), &rest);
	assert_non_null(q);
	assert_pkt_bytes(q, in, n);
	pkt_free(q);
}

static void test_bytes(void **state)
{
	static const uint32_t lens[] = { 1, 2, 99, 1400, 60000 };
	uint8_t *in = malloc(70000);

	for (unsigned i = 0; i < 32; i++) {
		struct level l = nth(i & 15, i & 16 ? "gretap" : "gre");
		void *t = open_level(&l, 0, false);

		assert_int_equal(desc_of("gre")->tunnel_overhead(t),
				 gre_at(&l) + header_len(&l));
		for (unsigned k = 0; k < 20; k++) {
			struct tp tp = { .v6 = k & 1,
					 .udp = k & 2,
					 .eth = is_l2(&l),
					 .len = lens[k / 4] };
			void *far = open_level(&l, 0, true);

			both_ways(&l, t, far, in, tp_build(in, &tp), k);
			close_level(&l, far);
		}
		close_level(&l, t);
	}
	free(in);
}

/* GUST_TUN_L2 makes a gre a gretap. */
static void test_l2_flag(void **state)
{
	struct level l = { .kind = "gre", .flags = GUST_TUN_L2 }, tap = l;
	struct tp tp = { .eth = true, .len = 5 };
	uint8_t in[100];
	void *t = open_level(&l, 0, false), *far;

	tap.kind = "gretap";
	far = open_level(&tap, 0, true);
	both_ways(&l, t, far, in, tp_build(in, &tp), 0);
	close_level(&l, t);
	close_level(&l, far);
}

/* Of superpackets the checksum is the innermost's; of single packets with it owed,
 * too: what stands in the field does not matter. */
static void test_owed(void **state)
{
	struct level l = nth(7, "gre");
	void *t = open_level(&l, 0, false), *far = open_level(&l, 0, true);
	struct tp tp = { .len = 77 };
	struct fields f = { .id = 1 };
	uint32_t n = tp_build(buf, &tp), m;
	struct gust_pkt *p = pkt_bytes(buf, n, false), *rest;

	memset(p->head + 36, 0xee, 2);
	p->need = GUST_F_CSUM;
	p = encap1(&l, t, p);
	assert_int_equal(p->need, GUST_F_CSUM);
	pkt_csum_complete(p);
	n = tp_build(buf, &tp);
	m = wrap(buf, n, false, &l, 0, &f);
	assert_pkt_bytes(p, buf, m);
	/* still owed on the way out: not to be verified by reading */
	memset(p->head + 20 + 16 + 36, 0xee, 2);
	p->need = GUST_F_CSUM;
	p = decap1(&l, far, p, &rest);
	assert_non_null(p);
	assert_int_equal(p->need, GUST_F_CSUM);
	pkt_csum_complete(p);
	tp_build(buf, &tp);
	assert_pkt_bytes(p, buf, n);
	pkt_free(p);
	close_level(&l, t);
	close_level(&l, far);
}

/* ---- frames that are not IP, tags, fragments ---- */

static void test_frames(void **state)
{
	static const uint8_t lldp[] =
		"\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc"
		"\x02\x07\x04\x02\x00\x00\x00\x00\x01\x04\x02\x05\x31\x00\x00";
	static const uint8_t stp[] =
		"\x01\x80\xc2\x00\x00\x00\x02\x00\x00\x00\x00\x01\x00\x07"
		"\x42\x42\x03\x00\x00\x00\x00";
	struct level l = nth(1, "gretap");
	void *t = open_level(&l, 0, false), *far = open_level(&l, 0, true);
	struct tp tp = { .eth = true, .len = 100 };
	uint8_t in[400];
	uint32_t n;

	both_ways(&l, t, far, lldp, sizeof(lldp) - 1, 0);
	both_ways(&l, t, far, stp, sizeof(stp) - 1, 1);
	/* two tags */
	n = tp_build(in, &tp);
	memmove(in + 20, in + 12, n - 12);
	memcpy(in + 12, "\x88\xa8\x00\x05\x81\x00\x60\x07", 8);
	both_ways(&l, t, far, in, n + 8, 2);
	/* a later fragment inside */
	n = tp_build(in, &tp);
	w16(in + 20, 100);
	fix_ip4(in + 14);
	both_ways(&l, t, far, in, n, 3);
	close_level(&l, t);
	close_level(&l, far);
}

/* The path's marks reach the IP header behind the tag. */
static void test_ecn_in_frame(void **state)
{
	struct level l = nth(0, "gretap");
	void *far = open_level(&l, 0, true);
	struct tp tp = { .eth = true, .len = 100 };
	struct fields f = { .id = 3 };
	uint8_t in[300];
	uint32_t n = tp_build(in, &tp), m;

	memmove(in + 16, in + 12, n - 12);
	memcpy(in + 12, "\x81\x00\x00\x05", 4);
	n += 4;
	in[18 + 1] = 0x02;
	fix_ip4(in + 18);
	memcpy(buf, in, n);
	m = wrap(buf, n, true, &l, 0, &f);
	assert_int_equal(buf[1], 2);
	buf[1] = 3;
	fix_ip4(buf);
	in[18 + 1] = 0x03;
	fix_ip4(in + 18);
	assert_taken(&l, far, buf, m, in, n);
	in[18 + 1] = 0;
	fix_ip4(in + 18);
	memcpy(buf + 24, in, n);
	assert_refused(&l, far, buf, m, DROP_TUNNEL_ECN);
	close_level(&l, far);
}

/* ---- whose ---- */

static void test_others(void **state)
{
	struct level l = { .kind = "gre", .flags = GUST_TUN_KEY, .id = 7 }, o = l;
	void *far = open_level(&l, 0, true);
	uint8_t in[200];
	uint32_t n, m = sample(&l, in, &n, 0);

	assert_taken(&l, far, buf, m, in, n);
	buf[gre_at(&l) + 7] ^= 1; /* another key */
	assert_rest(&l, far, buf, m);
	o.flags = o.id = 0;
	m = sample(&o, in, &n, 0); /* none */
	assert_rest(&l, far, buf, m);
	close_level(&l, far);
	far = open_level(&o, 0, true); /* wants none */
	assert_taken(&o, far, buf, m, in, n);
	m = sample(&l, in, &n, 0);
	assert_rest(&o, far, buf, m);
	m = sample(&o, in, &n, 0);
	w16(buf + 22, 0x6558); /* a frame: gretap's */
	assert_rest(&o, far, buf, m);
	w16(buf + 22, 0x8847); /* MPLS */
	assert_rest(&o, far, buf, m);
	/* from elsewhere: dropped if it is ours otherwise */
	m = sample(&o, in, &n, 0);
	buf[15] ^= 0x10;
	fix_ip4(buf);
	assert_refused(&o, far, buf, m, DROP_TUNNEL_SOURCE);
	w16(buf + 22, 0x6558);
	assert_rest(&o, far, buf, m);
	m = sample(&o, in, &n, 0);
	buf[19] ^= 0x10;
	fix_ip4(buf);
	assert_rest(&o, far, buf, m);
	close_level(&o, far);
}

/* ---- malformed ---- */

static void test_malformed(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		struct level l = nth(i, i & 1 ? "gretap" : "gre");
		uint8_t in[200];
		uint32_t n, m, at = gre_at(&l);
		uint64_t was;

		/* cut short anywhere; the outer length and the sum are true */
		for (uint32_t k = at;
		     k < at + header_len(&l) + (is_l2(&l) ? 14 : 20); k++) {
			void *far = open_level(&l, 0, true);

			sample(&l, in, &n, 0);
			w16(buf + (l.v6 ? 4 : 2), l.v6 ? k - 40 : k);
			if (!l.v6)
				fix_ip4(buf);
			if (k >= at + 8)
				resum(buf, k, &l);
			assert_refused(&l, far, buf, k, DROP_BAD_TUNNEL);
			close_level(&l, far);
		}
		for (unsigned bit = 0; bit < 16; bit++) {
			void *far = open_level(&l, 0, true);

			m = sample(&l, in, &n, 0);
			w16(buf + at, r16(buf + at) | 1u << bit);
			resum(buf, m, &l);
			if (bit < 3) /* version */
				assert_refused(&l, far, buf, m, DROP_BAD_TUNNEL);
			else if (bit == 14 || bit == 11 || bit == 10)
				assert_refused(&l, far, buf, m, DROP_TUNNEL_OPTION);
			else if (bit < 10) /* reserved, to be ignored */
				assert_taken(&l, far, buf, m, in, n);
			close_level(&l, far);
		}
		/* the reserved half behind the checksum is ignored, too */
		if (l.flags & GUST_TUN_CSUM) {
			void *far = open_level(&l, 0, true);

			m = sample(&l, in, &n, 0);
			w16(buf + at + 6, 0x1234);
			resum(buf, m, &l);
			assert_taken(&l, far, buf, m, in, n);
			close_level(&l, far);
			was = counter("gre", "bad-checksum");
			for (uint32_t k = at; k < m; k++) {
				if (k < at + header_len(&l) && k != at + 4)
					continue;
				far = open_level(&l, 0, true);
				m = sample(&l, in, &n, 0);
				buf[k] ^= 0x10;
				assert_refused(&l, far, buf, m, DROP_BAD_CSUM);
				close_level(&l, far);
				was++;
			}
			assert_int_equal(counter("gre", "bad-checksum"), was);
		}
	}
}

/* A type that contradicts the packet. */
static void test_type(void **state)
{
	struct level l = nth(0, "gre");
	void *far = open_level(&l, 0, true);
	uint8_t in[200];
	uint32_t n, m = sample(&l, in, &n, 0);

	w16(buf + 22, 0x86dd);
	assert_refused(&l, far, buf, m, DROP_BAD_TUNNEL);
	assert_int_equal(counter("gre", "bad-inner"), 1);
	close_level(&l, far);
}

static void test_fragments(void **state)
{
	struct level l = nth(0, "gre");
	void *far = open_level(&l, 0, true);
	uint8_t in[200];
	uint32_t n, m = sample(&l, in, &n, 0);

	buf[6] = 0x20;
	fix_ip4(buf);
	assert_refused(&l, far, buf, m, DROP_BAD_TUNNEL);
	assert_int_equal(counter("gre", "fragments"), 1);
	close_level(&l, far);
}

/* ---- checksum asked for or not ---- */

static void test_csum_optional(void **state)
{
	struct level with = nth(1, "gre"), without = nth(0, "gre");
	void *far_with = open_level(&with, 0, true);
	void *far_without = open_level(&without, 0, true);
	uint8_t in[200];
	uint32_t n, m = sample(&with, in, &n, 0);

	assert_taken(&without, far_without, buf, m, in, n);
	buf[m - 1] ^= 1; /* verified all the same */
	assert_refused(&without, far_without, buf, m, DROP_BAD_CSUM);
	m = sample(&without, in, &n, 0);
	assert_taken(&with, far_with, buf, m, in, n);
	close_level(&with, far_with);
	close_level(&without, far_without);
}

/* ---- sequence ---- */

static void test_sequence(void **state)
{
	static const struct {
		uint32_t seq;
		bool old, gap;
	} step[] = {
		{ 5, false, false },         { 6, false, false },
		{ 6, true, false },          { 5, true, false },
		{ 0, true, false },          { 9, false, true },
		{ 8, true, false },          { 10, false, false },
		{ 0x80000009, false, true }, { 10, true, false },
		{ 0x80000008, true, false }, { 0xffffffff, false, true },
		{ 0, false, false },         { 0xffffffff, true, false },
		{ 1, false, false },         { 0x80000002, true, false },
		{ 0x80000000, false, true },
	};
	struct level l = nth(4, "gre"), no = nth(0, "gre");
	void *far = open_level(&l, 0, true), *lax = open_level(&no, 0, true);
	uint64_t old = 0, gap = 0;
	uint8_t in[200];
	uint32_t n, m;

	for (unsigned i = 0; i < sizeof(step) / sizeof(*step); i++) {
		m = sample(&l, in, &n, step[i].seq);
		if (step[i].old)
			assert_refused(&l, far, buf, m, DROP_TUNNEL_SEQ);
		else
			assert_taken(&l, far, buf, m, in, n);
		old += step[i].old;
		gap += step[i].gap;
		assert_int_equal(counter("gre", "seq-old"), old);
		assert_int_equal(counter("gre", "seq-gap"), gap);
		assert_taken(&no, lax, buf, m, in, n); /* it does not care */
	}
	m = sample(&no, in, &n, 0);
	assert_refused(&l, far, buf, m, DROP_TUNNEL_SEQ);
	assert_int_equal(counter("gre", "seq-missing"), 1);
	close_level(&l, far);
	close_level(&no, lax);
}

/* What is dropped for its checksum was no number. */
static void test_sequence_corrupt(void **state)
{
	struct level l = nth(5, "gre");
	void *far = open_level(&l, 0, true);
	uint8_t in[200];
	uint32_t n, m = sample(&l, in, &n, 1000);

	buf[m - 1] ^= 1;
	assert_refused(&l, far, buf, m, DROP_BAD_CSUM);
	m = sample(&l, in, &n, 1);
	assert_taken(&l, far, buf, m, in, n);
	close_level(&l, far);
}

/* ---- the way in ---- */

static void test_wrong_inner(void **state)
{
	struct level l3 = nth(0, "gre"), l2 = nth(0, "gretap");
	void *three = open_level(&l3, 0, false), *two = open_level(&l2, 0, false);
	struct tp tp = { .len = 10, .eth = true };

	assert_null(encap1(&l3, three, pkt_bytes(buf, tp_build(buf, &tp), true)));
	tp.eth = false;
	assert_null(encap1(&l2, two, pkt_bytes(buf, tp_build(buf, &tp), false)));
	assert_int_equal(counter("gre", "wrong-inner"), 2);
	assert_int_equal(g.drops.n[DROP_FILTERED], 2);
	close_level(&l3, three);
	close_level(&l2, two);
}

/* ---- configuration ---- */

static void assert_conf(const struct gust_tunnel_conf *c, const char *word)
{
	char err[256] = "";
	void *t = NULL;

	assert_int_equal(
		desc_of("gre")->tunnel_open(&engine_host, c, &t, err, sizeof(err)),
		-EINVAL);
	assert_null(t);
	if (strncmp(err, word, strlen(word)))
		fail_msg("'%s' does not begin with '%s'", err, word);
}

static void test_conf(void **state)
{
	struct level l = nth(0, "gre");
	struct gust_tunnel_conf good = level_conf(&l, 0, false), c = good;

	c.kind = "greta";
	assert_conf(&c, "kind: greta");
	c = good;
	c.id = 5;
	assert_conf(&c, "id: 5");
	c = good;
	c.flags = GUST_TUN_REMCSUM;
	assert_conf(&c, "remcsum:");
	c.flags = GUST_TUN_GUE;
	assert_conf(&c, "gue:");
	c = good;
	c.port = 4789;
	assert_conf(&c, "port:");
	c = good;
	c.opt_len = 4;
	assert_conf(&c, "options:");
	c = good;
	memset(c.remote, 0, 16);
	assert_conf(&c, "remote:");
	desc_of("gre")->tunnel_close(NULL);
}

static int setup(void **state)
{
	return seg_begin(wrap_plugins);
}

static int teardown(void **state)
{
	assert_no_faults();
	return seg_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_l2_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecn_in_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csum_optional, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_sequence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sequence_corrupt, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_wrong_inner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conf, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
