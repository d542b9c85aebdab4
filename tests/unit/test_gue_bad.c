/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gue_bad.c - what a FOU or GUE tunnel drops, by name, and what it leaves alone
 */
#include "guelib.h"

#define SHIM(...) ((const uint8_t[]){ __VA_ARGS__ })

static uint8_t in[2048], out[4096];
static struct end four[2], six[2], frames[2], fou[2];

static int setup(void **state)
{
	gue_setup(state);
	ends_open(four, "gue", false, 0);
	ends_open(six, "gue", true, GUST_TUN_CSUM);
	ends_open(frames, "gue", false, GUST_TUN_L2);
	ends_open(fou, "fou", false, 0);
	return 0;
}

static int teardown(void **state)
{
	ends_close(four);
	ends_close(six);
	ends_close(frames);
	ends_close(fou);
	return seg_end(state);
}

/* A TCP packet over IPv4 in `in`; returns its length. */
static uint32_t inner(void)
{
	struct tp t = { .len = 100, .id = 3 };

	return tp_build(in, &t);
}

/* Around `n` bytes of `in`, without outer checksum. */
static struct gust_pkt *around(const uint8_t *shim, uint32_t nshim, uint32_t n)
{
	uint32_t len = gue_wrap(out, false, false, GUE_PORT, shim, nshim, in, n);

	return wire_pkt(out, len, false);
}

static void shim_drops(const uint8_t *shim, uint32_t n, enum drop_reason why)
{
	assert_decap_drop(&four[1], around(shim, n, inner()), why);
}

/* ---- headers ---- */

static void test_versions(void **state)
{
	struct gust_pkt *p = decap(&four[1], around(SHIM(0, 4, 0, 0), 4, inner()));

	assert_pkt_bytes(p, in, 140);
	pkt_free(p);
	shim_drops(SHIM(0x80, 4, 0, 0), 4, DROP_BAD_TUNNEL);
	shim_drops(SHIM(0xc0, 4, 0, 0), 4, DROP_BAD_TUNNEL);
	/* version 1 with an IP version that there is not */
	shim_drops(SHIM(0x50, 4, 0, 0), 4, DROP_BAD_TUNNEL);
	shim_drops(SHIM(0x75, 4, 0, 0), 4, DROP_BAD_TUNNEL);
}

static void test_control_and_flags(void **state)
{
	shim_drops(SHIM(0x20, 4, 0, 0), 4, DROP_TUNNEL_OPTION);
	shim_drops(SHIM(0x20, 0, 0, 0), 4, DROP_TUNNEL_OPTION);
	for (unsigned bit = 1; bit < 16; bit++)
		shim_drops(
			SHIM(0x1, 4, (1 << bit) >> 8, (1 << bit) & 255, 0, 0, 0, 0),
			8, DROP_TUNNEL_OPTION);
	/* private flags: where are they? which? where is the option? */
	shim_drops(SHIM(0, 4, 0, 1), 4, DROP_BAD_TUNNEL);
	for (unsigned bit = 0; bit < 31; bit++) {
		uint32_t f = 1u << bit;

		shim_drops(SHIM(1, 4, 0, 1, f >> 24, f >> 16, f >> 8, f), 8,
			   DROP_TUNNEL_OPTION);
	}
	shim_drops(SHIM(1, 4, 0, 1, 0x80, 0, 0, 0), 8, DROP_BAD_TUNNEL);
}

/* The flags field without any flag in it, and private data behind: passed over. */
static void test_private_data(void **state)
{
	uint8_t shim[4 + 124] = { 0, 4, 0, 0 };

	for (unsigned words = 0; words < 32; words++) {
		struct gust_pkt *p;

		shim[0] = words;
		memset(shim + 4, 0xee, words * 4);
		p = decap(&four[1], around(shim, 4 + words * 4, inner()));
		assert_pkt_bytes(p, in, 140);
		pkt_free(p);
	}
	memcpy(shim, "\1\4\0\1\0\0\0\0", 8); /* private flags, none set */
	pkt_free(decap(&four[1], around(shim, 8, inner())));
}

/* Every length that ends too early. */
static void test_truncated(void **state)
{
	uint32_t n = inner();
	uint8_t whole[400];

	memcpy(whole, "\2\4\0\0\x55\x55\x55\x55\x55\x55\x55\x55", 12);
	memcpy(whole + 12, in, n);
	for (uint32_t k = 0; k < 12 + n; k++) {
		uint32_t len =
			gue_wrap(out, false, false, GUE_PORT, whole, k, in, 0);

		assert_decap_drop(&four[1], wire_pkt(out, len, false),
				  DROP_BAD_TUNNEL);
	}
	for (uint32_t k = 0; k < n; k++) {
		uint32_t len = gue_wrap(out, false, false, FOU_PORT, in, k, in, 0);

		assert_decap_drop(&fou[1], wire_pkt(out, len, false),
				  DROP_BAD_TUNNEL);
	}
	/* a header that ends behind the packet, whatever the flags say */
	for (uint32_t k = 0; k < 124; k++) {
		memset(whole, 0, sizeof(whole));
		whole[0] = 31;
		whole[1] = 4;
		assert_decap_drop(&four[1],
				  wire_pkt(out,
					   gue_wrap(out, false, false, GUE_PORT,
						    whole, 4 + k, in, 0),
					   false),
				  DROP_BAD_TUNNEL);
	}
}

static void test_protocols(void **state)
{
	uint64_t n = 0;
	uint32_t len;

	for (unsigned proto = 0; proto < 256; proto++) {
		if (proto == 4 || proto == 41)
			continue;
		shim_drops(SHIM(0, proto, 0, 0), 4, DROP_BAD_TUNNEL);
		n++;
	}
	/* Ethernet is expected, IP comes, and in version 1 too */
	assert_decap_drop(&frames[1], around(SHIM(0, 4, 0, 0), 4, inner()),
			  DROP_BAD_TUNNEL);
	assert_decap_drop(&frames[1], around(in, 0, inner()), DROP_BAD_TUNNEL);
	assert_int_equal(plugin_counter("wrong-inner"), n + 2);
	/* the header says IPv6, the packet is IPv4 */
	shim_drops(SHIM(0, 41, 0, 0), 4, DROP_BAD_TUNNEL);
	/* and a packet that says more than there is */
	len = inner();
	w16(in + 2, len + 1);
	fix_ip4(in);
	assert_decap_drop(&four[1], around(SHIM(0, 4, 0, 0), 4, len),
			  DROP_BAD_TUNNEL);
	assert_int_equal(plugin_counter("bad-inner"), 2);
}

/* ---- whose is it ---- */

/* Left to others, as it was. */
static void left(const struct end *e, uint32_t len)
{
	struct gust_pkt *rest, *p = wire_pkt(out, len, false);
	uint8_t nlayer = p->nlayer;

	assert_null(decap_rest(e, p, &rest));
	assert_ptr_equal(rest, p);
	assert_int_equal(rest->nlayer, nlayer);
	assert_pkt_bytes(rest, out, len);
	pkt_free(rest);
}

static void test_not_ours(void **state)
{
	uint32_t n = inner(), len;
	struct tp t = { .len = 10 };

	len = gue_wrap(out, false, false, GUE_PORT + 1, SHIM(0, 4, 0, 0), 4, in, n);
	left(&four[1], len);
	/* another port from another host is no business of ours, either */
	out[15] = 77;
	fix_ip4(out);
	left(&four[1], len);
	len = gue_wrap(out, false, false, GUE_PORT, SHIM(0, 4, 0, 0), 4, in, n);
	left(&six[1], len);
	left(&four[0], len); /* addressed to the other end */
	out[19] = 77;
	fix_ip4(out);
	left(&four[1], len);
	len = tp_build(out, &t);
	memcpy(out + 12, addr4[0], 4);
	memcpy(out + 16, addr4[1], 4);
	fix_ip4(out);
	left(&four[1], len);
	/* a fragment, the first one and another */
	len = gue_wrap(out, false, false, GUE_PORT, SHIM(0, 4, 0, 0), 4, in, n);
	w16(out + 6, 0x2000);
	fix_ip4(out);
	left(&four[1], len);
	w16(out + 6, 0x0010);
	fix_ip4(out);
	left(&four[1], len);
	len = gue_wrap(out, true, true, GUE_PORT, SHIM(0, 4, 0, 0), 4, in, n);
	left(&four[1], len);
}

static void test_source(void **state)
{
	struct gust_tunnel_conf c = gue_conf("gue", false, 1, GUST_TUN_ANY);
	uint32_t len = gue_wrap(out, false, false, GUE_PORT, SHIM(0, 4, 0, 0), 4,
				in, inner());
	struct end any = end_open(&c);

	out[15] = 77;
	fix_ip4(out);
	assert_decap_drop(&four[1], wire_pkt(out, len, false), DROP_TUNNEL_SOURCE);
	pkt_free(decap(&any, wire_pkt(out, len, false)));
	end_close(&any);
	len = gue_wrap(out, true, true, GUE_PORT, SHIM(0, 4, 0, 0), 4, in, inner());
	out[23] = 77;
	assert_decap_drop(&six[1], wire_pkt(out, len, false), DROP_TUNNEL_SOURCE);
}

/* ---- checksums and congestion marks ---- */

static void test_outer_csum(void **state)
{
	static const uint8_t shim[] = { 0, 4, 0, 0 };
	struct gust_tunnel_conf c = gue_conf("gue", true, 1, 0);
	uint32_t n = inner(), len;
	struct end none = end_open(&c);

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct end *e = v6 ? &six[1] : &four[1];

		len = gue_wrap(out, v6, true, GUE_PORT, shim, 4, in, n);
		pkt_free(decap(e, wire_pkt(out, len, false)));
		for (uint32_t at = v6 ? 40 : 20; at < len; at += 31) {
			if (at == (v6 ? 42u : 22u) || at == (v6 ? 44u : 24u))
				continue;
			out[at] ^= 4;
			assert_decap_drop(e, wire_pkt(out, len, false),
					  DROP_BAD_CSUM);
			out[at] ^= 4;
		}
	}
	/* zero over IPv6: by the tunnel's choice (RFC 6935 5) */
	len = gue_wrap(out, true, false, GUE_PORT, shim, 4, in, n);
	assert_decap_drop(&six[1], wire_pkt(out, len, false), DROP_BAD_CSUM);
	pkt_free(decap(&none, wire_pkt(out, len, false)));
	/* who needs none takes a right one, and no wrong one */
	len = gue_wrap(out, true, true, GUE_PORT, shim, 4, in, n);
	pkt_free(decap(&none, wire_pkt(out, len, false)));
	out[len - 1] ^= 1;
	assert_decap_drop(&none, wire_pkt(out, len, false), DROP_BAD_CSUM);
	end_close(&none);
}

static void test_ecn(void **state)
{
	static const uint8_t shim[] = { 0, 4, 0, 0 };
	uint32_t n = inner(), len;
	struct gust_pkt *p;

	len = gue_wrap(out, false, false, GUE_PORT, shim, 4, in, n);
	out[1] = 3;
	fix_ip4(out);
	assert_decap_drop(&four[1], wire_pkt(out, len, false), DROP_TUNNEL_ECN);
	in[1] = 2;
	fix_ip4(in);
	len = gue_wrap(out, false, false, GUE_PORT, shim, 4, in, n);
	out[1] = 3;
	fix_ip4(out);
	p = decap(&four[1], wire_pkt(out, len, false));
	in[1] = 3;
	fix_ip4(in);
	assert_pkt_bytes(p, in, n);
	pkt_free(p);
}

/* ---- remote checksum offload ---- */

/* `n` bytes of `in` as the sender leaves them: the field at `off` of a transport that
 * begins at `start` holds the pseudo header's sum. */
static void leave(uint32_t n, uint32_t start, uint32_t off)
{
	bool v6 = in[0] >> 4 == 6;
	uint8_t proto = v6 ? in[6] : in[9];
	uint8_t tail[8] = { 0, 0, (n - start) >> 8, n - start, 0, 0, 0, proto };
	uint32_t sum = naive_sum(0, in + (v6 ? 8 : 12), v6 ? 32 : 8);

	w16(in + off, naive_sum(sum, tail, 8));
}

static struct gust_pkt *with_option(uint32_t n, uint32_t start, uint32_t off)
{
	bool v6 = in[0] >> 4 == 6;
	uint32_t len = gue_wrap(out, true, true, GUE_PORT,
				SHIM(2, v6 ? 41 : 4, 0, 1, 0x80, 0, 0, 0,
				     start >> 8, start, off >> 8, off),
				12, in, n);

	return wire_pkt(out, len, false);
}

static void test_remcsum_lies(void **state)
{
	uint32_t n = inner();
	static const uint16_t lies[][2] = {
		{ 20, 137 }, /* odd */
		{ 21, 36 },   { 36, 20 }, /* result in front of what is summed */
		{ 20, 140 }, /* behind the end */
		{ 140, 140 }, { 0xfffe, 0xfffe }, { 20, 0xfffe },
		{ 0, 10 }, /* into the headers */
		{ 0, 2 },     { 12, 16 },         { 20, 20 },
		{ 20, 26 }, /* UDP's field, in a TCP header */
		{ 20, 38 },   { 22, 36 }, /* the field, but not from the header on */
		{ 20, 40 }, /* payload, summed from a header on */
		{ 38, 60 },   { 61, 80 }, /* odd, or turned round, in the payload */
		{ 60, 81 },   { 100, 80 },
	};

	leave(n, 20, 36);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		assert_decap_drop(&six[1], with_option(n, lies[i][0], lies[i][1]),
				  DROP_BAD_TUNNEL);
	pkt_free(decap(&six[1], with_option(n, 20, 36)));
}

/* Nothing may change what the payload's other owners see. */
static void test_remcsum_payload(void **state)
{
	uint32_t n = inner(), sum;
	struct gust_pkt *p, *q;

	p = with_option(n, 60, 80);
	q = pkt_clone(g.pool, p);
	p = decap(&six[1], p);
	sum = naive_sum(0, in + 60, n - 60);
	w16(in + 80, (uint16_t)~sum);
	assert_pkt_bytes(p, in, n);
	assert_int_equal(p->need, 0);
	assert_pkt_bytes(q, out, q->len);
	pkt_free(p);
	pkt_free(q);
}

/* The field held something else than the pseudo header's sum: completed as asked,
 * and not vouched for. */
static void test_remcsum_pseudo(void **state)
{
	uint32_t n = inner();
	struct gust_pkt *p;

	leave(n, 20, 36);
	in[37]++;
	p = decap(&six[1], with_option(n, 20, 36));
	assert_int_equal(p->need, 0);
	assert_false(pkt_csum_verify(p));
	pkt_free(p);
}

static void test_remcsum_uncovered(void **state)
{
	static const uint8_t shim[] = { 2, 4, 0, 1, 0x80, 0, 0, 0, 0, 20, 0, 36 };
	uint32_t n = inner(), len;

	leave(n, 20, 36);
	assert_decap_drop(&four[1], around(shim, 12, n), DROP_BAD_CSUM);
	len = gue_wrap(out, false, true, GUE_PORT, shim, 12, in, n);
	out[len - 1] ^= 1;
	assert_decap_drop(&four[1], wire_pkt(out, len, false), DROP_BAD_CSUM);
	out[len - 1] ^= 1;
	pkt_free(decap(&four[1], wire_pkt(out, len, false)));
}

/* A sum that comes out as zero: of the two ways to write that UDP takes all ones (RFC
 * 768), and TCP what summing gives. */
static void test_remcsum_zero(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct tp t = { .len = 20, .udp = i & 1, .v6 = i & 2 };
		uint32_t n = tp_build(in, &t), start = t.v6 ? 40 : 20;
		uint32_t field = start + (t.udp ? 6 : 16);
		struct gust_pkt *p;

		/* take up the difference in the last two bytes */
		w16(in + n - 2, naive_sum(r16(in + n - 2), in + field, 2));
		leave(n, start, field);
		p = decap(&six[1], with_option(n, start, field));
		assert_int_equal(r16(p->head + field), t.udp ? 0xffff : 0);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		p->need = 0;
		assert_true(pkt_csum_verify(p));
		pkt_csum_complete(p);
		assert_int_equal(r16(p->head + field), t.udp ? 0xffff : 0);
		pkt_free(p);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_versions),
		T(test_control_and_flags),
		T(test_private_data),
		T(test_truncated),
		T(test_protocols),
		T(test_not_ours),
		T(test_source),
		T(test_outer_csum),
		T(test_ecn),
		T(test_remcsum_lies),
		T(test_remcsum_payload),
		T(test_remcsum_pseudo),
		T(test_remcsum_uncovered),
		T(test_remcsum_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
