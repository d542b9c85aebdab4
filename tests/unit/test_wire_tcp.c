/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_wire_tcp.c - TCP headers and options, in the layout that Linux writes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "wire/tcp.h"

/* 40000 -> 443, seq 0x01020304, ack 0x05060708, wnd 64240, urp 0x1122 */
#define FIXED(offset, flags)                                                       \
	0x9c, 0x40, 0x01, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8,                            \
		(offset) << 4 | (flags) >> 8, (flags)&0xff, 0xfa, 0xf0, 0, 0,      \
		0x11, 0x22

static struct tcp_hdr fixed(uint16_t flags)
{
	return (struct tcp_hdr){
		.sport = 40000,
		.dport = 443,
		.seq = 0x01020304,
		.ack = 0x05060708,
		.flags = flags,
		.wnd = 64240,
		.urp = 0x1122,
	};
}

/* Builds to exactly `want`, and parses back to what was built. */
static void round_trip(const struct tcp_hdr *h, const uint8_t *want, uint8_t len)
{
	struct tcp_hdr back, expect = *h;
	uint8_t out[TCP_HLEN_MAX + 1];

	memset(out, 0xaa, sizeof(out));
	assert_int_equal(tcp_hdr_build(out, h), len);
	assert_memory_equal(out, want, len);
	assert_int_equal(out[len], 0xaa);
	assert_int_equal(tcp_opts_len(&h->opt), len - TCP_HLEN);

	assert_int_equal(tcp_hdr_parse(want, len, &back), 0);
	assert_int_equal(back.sport, expect.sport);
	assert_int_equal(back.dport, expect.dport);
	assert_int_equal(back.seq, expect.seq);
	assert_int_equal(back.ack, expect.ack);
	assert_int_equal(back.flags, expect.flags);
	assert_int_equal(back.wnd, expect.wnd);
	assert_int_equal(back.urp, expect.urp);
	assert_int_equal(back.hlen, len);
	assert_int_equal(back.opt.present, expect.opt.present);
	assert_int_equal(back.opt.mss, expect.opt.mss);
	assert_int_equal(back.opt.wscale, expect.opt.wscale);
	assert_int_equal(back.opt.tsval, expect.opt.tsval);
	assert_int_equal(back.opt.tsecr, expect.opt.tsecr);
	assert_int_equal(back.opt.nsack, expect.opt.nsack);
	for (unsigned i = 0; i < expect.opt.nsack; i++) {
		assert_int_equal(back.opt.sack[i].l, expect.opt.sack[i].l);
		assert_int_equal(back.opt.sack[i].r, expect.opt.sack[i].r);
	}
}

static void bare_headers(void **state)
{
	static const uint8_t all[] = { FIXED(5, 0x1ff) }, none[] = { FIXED(5, 0) };
	struct tcp_hdr h = fixed(0x1ff);

	h.hlen = 60; /* ignored */
	h.csum = 0xdead; /* written as 0 */
	round_trip(&h, all, 20);
	h = fixed(0);
	round_trip(&h, none, 20);
}

/* The three reserved bits are zero on the wire and ignored when received. */
static void reserved_bits(void **state)
{
	uint8_t b[] = { FIXED(5, TCP_ACK) };
	struct tcp_hdr h = fixed(0xfe00 | TCP_ACK);
	uint8_t out[TCP_HLEN_MAX];

	assert_int_equal(tcp_hdr_build(out, &h), 20);
	assert_memory_equal(out, b, 20);
	b[12] |= 0x0e;
	b[16] = 0xbe;
	b[17] = 0xef;
	assert_int_equal(tcp_hdr_parse(b, 20, &h), 0);
	assert_int_equal(h.flags, TCP_ACK);
	assert_int_equal(h.csum, 0xbeef);
}

static void syn_like_linux(void **state)
{
	static const uint8_t full[] = {
		FIXED(10, TCP_SYN),
		2,
		4,
		0x05,
		0xb4,
		4,
		2,
		8,
		10,
		0xa1,
		0xa2,
		0xa3,
		0xa4,
		0,
		0,
		0,
		0,
		1,
		3,
		3,
		7,
	};
	static const uint8_t no_sack[] = {
		FIXED(10, TCP_SYN),
		2,
		4,
		0x05,
		0xb4,
		1,
		1,
		8,
		10,
		0xa1,
		0xa2,
		0xa3,
		0xa4,
		0,
		0,
		0,
		0,
		1,
		3,
		3,
		7,
	};
	static const uint8_t no_ts[] = {
		FIXED(8, TCP_SYN), 2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7,
	};
	static const uint8_t mss_only[] = { FIXED(6, TCP_SYN), 2, 4, 0x05, 0xb4 };
	struct tcp_hdr h = fixed(TCP_SYN);

	h.opt = (struct tcp_opts){
		.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERM |
			   TCP_OPT_TS,
		.mss = 1460,
		.wscale = 7,
		.tsval = 0xa1a2a3a4,
	};
	round_trip(&h, full, sizeof(full));
	h.opt.present &= ~TCP_OPT_SACK_PERM;
	round_trip(&h, no_sack, sizeof(no_sack));
	h.opt = (struct tcp_opts){
		.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERM,
		.mss = 1460,
		.wscale = 7,
	};
	round_trip(&h, no_ts, sizeof(no_ts));
	h.opt = (struct tcp_opts){ .present = TCP_OPT_MSS, .mss = 1460 };
	round_trip(&h, mss_only, sizeof(mss_only));
}

static void data_like_linux(void **state)
{
	static const uint8_t ts[] = {
		FIXED(8, TCP_ACK | TCP_PSH),
		1,
		1,
		8,
		10,
		0,
		0,
		0,
		1,
		0xff,
		0xff,
		0xff,
		0xfe,
	};
	static const uint8_t ts_sack[] = {
		FIXED(11, TCP_ACK | TCP_PSH),
		1,
		1,
		8,
		10,
		0,
		0,
		0,
		1,
		0xff,
		0xff,
		0xff,
		0xfe,
		1,
		1,
		5,
		10,
		0,
		0,
		0x10,
		0,
		0,
		0,
		0x20,
		0,
	};
	static const uint8_t sack[] = {
		FIXED(8, TCP_ACK | TCP_PSH),
		1,
		1,
		5,
		10,
		0,
		0,
		0x10,
		0,
		0,
		0,
		0x20,
		0,
	};
	struct tcp_hdr h = fixed(TCP_ACK | TCP_PSH);

	h.opt = (struct tcp_opts){
		.present = TCP_OPT_TS,
		.tsval = 1,
		.tsecr = 0xfffffffe,
	};
	round_trip(&h, ts, sizeof(ts));
	h.opt.present |= TCP_OPT_SACK;
	h.opt.nsack = 1;
	h.opt.sack[0] = (struct tcp_sack_block){ 0x1000, 0x2000 };
	round_trip(&h, ts_sack, sizeof(ts_sack));
	h.opt = (struct tcp_opts){
		.present = TCP_OPT_SACK,
		.nsack = 1,
		.sack = { { 0x1000, 0x2000 } },
	};
	round_trip(&h, sack, sizeof(sack));
}

/* Four blocks stand alone, three beside timestamps, two beside a whole SYN. */
static void sack_blocks_that_fit(void **state)
{
	static const struct {
		uint8_t with, ask, got;
	} t[] = {
		{ 0, 4, 4 },
		{ 0, 200, 4 },
		{ 0, 0, 0 },
		{ 0, 3, 3 },
		{ TCP_OPT_TS, 4, 3 },
		{ TCP_OPT_TS, 2, 2 },
		{ TCP_OPT_MSS, 4, 4 },
		{ TCP_OPT_MSS | TCP_OPT_WSCALE, 4, 3 },
		{ TCP_OPT_TS | TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERM, 4,
		  2 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct tcp_hdr h = fixed(TCP_ACK), back;
		uint8_t *out = malloc(TCP_HLEN_MAX), len;

		h.opt.present = t[i].with | TCP_OPT_SACK;
		h.opt.nsack = t[i].ask;
		for (uint32_t k = 0; k < TCP_SACK_MAX; k++)
			h.opt.sack[k] =
				(struct tcp_sack_block){ k * 100, k * 100 + 50 };
		len = tcp_hdr_build(out, &h);
		assert_true(len <= TCP_HLEN_MAX);
		assert_int_equal(len, TCP_HLEN + tcp_opts_len(&h.opt));
		assert_int_equal(tcp_hdr_parse(out, len, &back), 0);
		assert_int_equal(back.opt.nsack, t[i].got);
		assert_int_equal(back.opt.present,
				 t[i].with | (t[i].got ? TCP_OPT_SACK : 0));
		for (uint32_t k = 0; k < t[i].got; k++) {
			assert_int_equal(back.opt.sack[k].l, k * 100);
			assert_int_equal(back.opt.sack[k].r, k * 100 + 50);
		}
		free(out);
	}
}

/* Every combination has one length, told and written, a multiple of four. */
static void lengths_agree(void **state)
{
	for (unsigned present = 0; present < 32; present++) {
		for (unsigned n = 0; n <= TCP_SACK_MAX; n++) {
			struct tcp_hdr h = fixed(TCP_ACK);
			uint8_t out[TCP_HLEN_MAX], len;

			h.opt.present = present;
			h.opt.nsack = n;
			len = tcp_hdr_build(out, &h);
			assert_int_equal(len % 4, 0);
			assert_int_equal(len, TCP_HLEN + tcp_opts_len(&h.opt));
			assert_int_equal(out[12] >> 4, len / 4);
		}
	}
}

static void refused(void **state)
{
	static const uint8_t b[60] = { FIXED(5, TCP_ACK) };
	struct tcp_hdr h = { .seq = 7 };
	uint8_t m[60];

	for (size_t len = 0; len < 20; len++) {
		uint8_t *p = malloc(len + !len);

		memcpy(p, b, len);
		assert_int_equal(tcp_hdr_parse(p, len, &h), -EINVAL);
		free(p);
	}
	memcpy(m, b, 60);
	for (unsigned off = 0; off < 5; off++) {
		m[12] = off << 4;
		assert_int_equal(tcp_hdr_parse(m, 60, &h), -EINVAL);
	}
	for (unsigned off = 6; off < 16; off++) {
		m[12] = off << 4;
		assert_int_equal(tcp_hdr_parse(m, off * 4 - 1, &h), -EINVAL);
	}
	assert_int_equal(h.seq, 7);
	assert_int_equal(tcp_hdr_parse(m, 60, &h), 0);
	assert_int_equal(h.hlen, 60);
}

/* What the option bytes alone say. */
static void option_bytes(void **state)
{
	static const struct {
		uint8_t b[40], len, present, nsack, wscale;
		uint16_t mss;
	} t[] = {
		/* unknown kinds are passed over by their length */
		{ { 254, 4, 0xf9, 0x89, 2, 4, 5, 0xb4 },
		  8,
		  TCP_OPT_MSS,
		  .mss = 1460 },
		{ { 30, 2, 4, 2 }, 4, TCP_OPT_SACK_PERM },
		/* nothing behind the end of the list */
		{ { 0, 4, 2, 0 }, 4, 0 },
		{ { 1, 1, 1, 1 }, 4, 0 },
		{ { 3, 3, 14, 0 }, 4, TCP_OPT_WSCALE, .wscale = 14 },
		/* RFC 7323 2.3: 15 and 255 are 14 */
		{ { 3, 3, 15, 0 }, 4, TCP_OPT_WSCALE, .wscale = 14 },
		{ { 3, 3, 255, 0 }, 4, TCP_OPT_WSCALE, .wscale = 14 },
		/* lengths 0 and 1, beyond the header, no length at all */
		{ { 4, 2, 2, 0 }, 4, TCP_OPT_SACK_PERM },
		{ { 4, 2, 254, 1 }, 4, TCP_OPT_SACK_PERM },
		{ { 4, 2, 254, 3 }, 4, TCP_OPT_SACK_PERM },
		{ { 4, 2, 1, 2 }, 4, TCP_OPT_SACK_PERM },
		{ { 2, 4, 5, 0xb4, 8, 10, 1, 2 }, 8, TCP_OPT_MSS, .mss = 1460 },
		/* a known kind of the wrong length ends the list */
		{ { 2, 3, 5, 4, 2, 1, 1, 1 }, 8, 0 },
		{ { 2, 5, 5, 5, 5, 4, 2, 1 }, 8, 0 },
		{ { 3, 2, 4, 2 }, 4, 0 },
		{ { 4, 3, 0, 1 }, 4, 0 },
		{ { 8, 9, 0, 0, 0, 0, 0, 0, 0, 4, 2, 1 }, 12, 0 },
		{ { 5, 2, 4, 2 }, 4, 0 },
		{ { 5, 9, 0, 0, 0, 0, 0, 0, 0, 4, 2, 1 }, 12, 0 },
		{ { 5, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 12, 0 },
		/* blocks are taken as they are; too many bytes for four are not */
		{ { 5, 34 }, 36, TCP_OPT_SACK, .nsack = 4 },
		{ { 5, 40 }, 40, 0 },
		/* the last of two of a kind counts */
		{ { 2, 4, 5, 0xb4, 2, 4, 2, 0x18 }, 8, TCP_OPT_MSS, .mss = 536 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t *p = malloc(20 + t[i].len);
		struct tcp_hdr h;

		memcpy(p, (uint8_t[]){ FIXED(5, TCP_SYN) }, 20);
		p[12] = (20 + t[i].len) / 4 << 4;
		memcpy(p + 20, t[i].b, t[i].len);
		assert_int_equal(tcp_hdr_parse(p, 20 + t[i].len, &h), 0);
		if (h.opt.present != t[i].present || h.opt.nsack != t[i].nsack ||
		    h.opt.wscale != t[i].wscale || h.opt.mss != t[i].mss)
			fail_msg(
				"options %u: present %#x nsack %u wscale %u mss %u",
				i, h.opt.present, h.opt.nsack, h.opt.wscale,
				h.opt.mss);
		free(p);
	}
}

/* Random options: whatever was understood survives being built and parsed. */
static void random_options(void **state)
{
	struct rng r;

	rng_seed(&r, 1);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *p = malloc(60), out[TCP_HLEN_MAX];
		struct tcp_hdr h, back;

		for (unsigned k = 0; k < 60; k++)
			p[k] = k >= 20 && rng_below(&r, 2) ? rng_below(&r, 12) :
							     rng_u32(&r);
		p[12] |= 0xf0;
		assert_int_equal(tcp_hdr_parse(p, 60, &h), 0);
		assert_int_equal(tcp_hdr_parse(out, tcp_hdr_build(out, &h), &back),
				 0);
		assert_int_equal(back.opt.present | TCP_OPT_SACK,
				 h.opt.present | TCP_OPT_SACK);
		assert_int_equal(back.opt.mss, h.opt.mss);
		assert_int_equal(back.opt.wscale, h.opt.wscale);
		assert_int_equal(back.opt.tsval, h.opt.tsval);
		assert_int_equal(back.opt.tsecr, h.opt.tsecr);
		assert_true(back.opt.nsack <= h.opt.nsack);
		assert_memory_equal(back.opt.sack, h.opt.sack,
				    back.opt.nsack * sizeof(back.opt.sack[0]));
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_headers),
		cmocka_unit_test(reserved_bits),
		cmocka_unit_test(syn_like_linux),
		cmocka_unit_test(data_like_linux),
		cmocka_unit_test(sack_blocks_that_fit),
		cmocka_unit_test(lengths_agree),
		cmocka_unit_test(refused),
		cmocka_unit_test(option_bytes),
		cmocka_unit_test(random_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
