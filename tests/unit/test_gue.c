/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_gue.c - FOU and GUE: configuration, and every byte of golden packets
 */
#include <errno.h>

#include "guelib.h"

#include "gue_golden.h"

/* ---- golden packets ---- */

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* What the name says of the tunnel. */
static void ends_of(struct end e[2], const struct gue_golden *x)
{
	bool remcsum = begins(x->name, "remcsum"),
	     v6 = (uint8_t)x->out[0] >> 4 == 6;
	const char *kind = begins(x->name, "fou") ? "fou" : "gue";
	uint32_t flags = remcsum ? GUST_TUN_REMCSUM : 0;

	if (r16((const uint8_t *)x->out + (v6 ? 46 : 26)))
		flags |= GUST_TUN_CSUM;
	if ((uint8_t)x->in[0] >> 4 != 4 && (uint8_t)x->in[0] >> 4 != 6)
		flags |= GUST_TUN_L2;
	ends_open(e, kind, v6, flags);
}

static bool is_eth(const struct gue_golden *x)
{
	return x->in[0] >> 4 != 4 && x->in[0] >> 4 != 6;
}

/* The flow label is a hash: not zero, and otherwise taken as it is. */
static void assert_sent(struct gust_pkt *p, const struct gue_golden *x)
{
	uint8_t want[2048];

	assert_non_null(p);
	memcpy(want, x->out, x->out_len);
	if (want[0] >> 4 == 6) {
		assert_true((p->head[1] & 15) | p->head[2] | p->head[3]);
		want[1] = (want[1] & 0xf0) | (p->head[1] & 15);
		memcpy(want + 2, p->head + 2, 2);
	}
	assert_pkt_bytes(p, want, x->out_len);
}

static void one_encap(const struct gue_golden *x, bool owed)
{
	struct gust_pkt *p = wire_pkt(x->in, x->in_len, is_eth(x));
	const struct gust_layer *l4 = pkt_l4(p);
	struct end e[2];

	if (owed && !l4) {
		pkt_free(p);
		return;
	}
	ends_of(e, x);
	if (owed) { /* what the field holds means nothing */
		w16(p->head + l4->off + pkt_csum_off(l4->kind), 0x5a5a);
		p->need = GUST_F_CSUM;
	}
	p = encap(&e[0], p);
	assert_non_null(p);
	assert_true(e[0].desc->tunnel_overhead(e[0].t) >= x->out_len - x->in_len);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	assert_sent(p, x);
	pkt_free(p);
	ends_close(e);
}

static void test_encap(void **state)
{
	for (unsigned i = 0; i < sizeof(gue_golden) / sizeof(*gue_golden); i++) {
		const struct gue_golden *x = &gue_golden[i];

		if (begins(x->name, "direct") || begins(x->name, "private"))
			continue;
		if (!begins(x->name, "remcsum"))
			one_encap(x, false);
		one_encap(x, true);
	}
	assert_int_equal(plugin_counter("remcsum-sent"), 4);
}

static void one_decap(const struct gue_golden *x, uint32_t step, bool cut_head)
{
	struct gust_pkt *p = wire_pkt(x->out, x->out_len, false);
	struct end e[2];

	ends_of(e, x);
	if (step)
		shatter(p, step);
	if (cut_head) /* as in a port's buffer, but all in the head */
		assert_int_equal(p->nfrag, 1);
	p->hash = 9;
	p = decap(&e[1], p);
	assert_map(p, (const uint8_t *)x->in, x->in_len, is_eth(x));
	assert_pkt_bytes(p, (const uint8_t *)x->in, x->in_len);
	if (begins(x->name, "remcsum"))
		assert_int_equal(p->need, GUST_F_CSUM_OK);
	else
		assert_int_equal(p->need, 0);
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
	ends_close(e);
}

static void test_decap(void **state)
{
	for (unsigned i = 0; i < sizeof(gue_golden) / sizeof(*gue_golden); i++) {
		one_decap(&gue_golden[i], 0, true);
		one_decap(&gue_golden[i], 1, false);
		one_decap(&gue_golden[i], 7, false);
	}
	assert_int_equal(plugin_counter("remcsum-done"), 4 * 3);
	assert_int_equal(plugin_counter("direct"), 2 * 3);
}

/* A port that vouches for checksums, or a peer in the same daemon that still owes
 * the outer one. */
static void test_decap_flags(void **state)
{
	for (unsigned i = 0; i < sizeof(gue_golden) / sizeof(*gue_golden); i++) {
		const struct gue_golden *x = &gue_golden[i];
		bool v6 = (uint8_t)x->out[0] >> 4 == 6;
		struct gust_pkt *p;
		struct end e[2];

		ends_of(e, x);
		p = wire_pkt(x->out, x->out_len, false);
		p->need = GUST_F_CSUM_OK;
		p = decap(&e[1], p);
		assert_pkt_bytes(p, (const uint8_t *)x->in, x->in_len);
		pkt_free(p);
		p = wire_pkt(x->out, x->out_len, false);
		w16(p->head + (v6 ? 46 : 26), 0x1234);
		p->need = GUST_F_CSUM;
		p = decap(&e[1], p);
		assert_pkt_bytes(p, (const uint8_t *)x->in, x->in_len);
		assert_int_equal(p->need & GUST_F_CSUM, 0);
		pkt_free(p);
		ends_close(e);
	}
}

/* ---- configuration ---- */

static void refused(struct gust_tunnel_conf c, const char *word)
{
	struct end e = end_find("gue");
	char err[256] = "";
	void *t = NULL;

	assert_int_equal(
		e.desc->tunnel_open(&engine_host, &c, &t, err, sizeof(err)),
		-EINVAL);
	assert_null(t);
	if (!begins(err, word))
		fail_msg("\"%s\" does not begin with %s", err, word);
}

static void test_refused(void **state)
{
	struct gust_tunnel_conf c;
	static const uint8_t opt[4];

	c = gue_conf("fou", false, 0, 0);
	c.port = 0;
	refused(c, "port");
	refused(gue_conf("fou", false, 0, GUST_TUN_REMCSUM | GUST_TUN_CSUM),
		"remcsum");
	refused(gue_conf("gue", false, 0, GUST_TUN_REMCSUM), "remcsum");
	refused(gue_conf("gue", false, 0, GUST_TUN_KEY), "key");
	refused(gue_conf("fou", true, 0, GUST_TUN_SEQ), "seq");
	refused(gue_conf("gue", true, 0, GUST_TUN_DF), "df");
	c = gue_conf("gue", false, 0, 0);
	c.opt = opt;
	c.opt_len = 4;
	refused(c, "options");
	c = gue_conf("gue", false, 0, 0);
	memset(c.remote, 0, 16);
	refused(c, "remote");
	c = gue_conf("gue", false, 0, 0);
	c.sport_min = 60000;
	c.sport_max = 50000;
	refused(c, "source");
	c = gue_conf("gue", false, 0, 0);
	c.sport_min = 40000;
	c.sport_max = 0;
	refused(c, "source");
	c.sport_min = 0;
	c.sport_max = 40000;
	refused(c, "source");
}

/* A range that is given in part; ports spread over it by the inner flow, and all
 * packets of a flow have one. */
static void test_sport(void **state)
{
	struct gust_tunnel_conf c = gue_conf("gue", false, 0, 0);
	uint32_t seen = 0;
	struct end e;

	c.sport_min = 40000;
	c.sport_max = 40003;
	e = end_open(&c);
	for (unsigned i = 0; i < 64; i++) {
		uint16_t first = 0;

		for (unsigned k = 0; k < 2; k++) {
			struct tp t = { .len = 10 + k, .id = k };
			struct gust_pkt *p;
			uint16_t port;

			tp_build(buf, &t);
			w16(buf + 20, 1000 + i);
			p = encap(&e, of_buf(50 + k));
			port = r16(p->head + 20);
			assert_in_range(port, 40000, 40003);
			assert_int_equal(k ? first : port, port);
			first = port;
			seen |= 1u << (port - 40000);
			pkt_free(p);
		}
	}
	assert_int_equal(seen, 15);
	end_close(&e);
	c = gue_conf("gue", false, 0, 0);
	c.sport_min = c.sport_max = 0;
	e = end_open(&c);
	for (unsigned i = 0; i < 64; i++) {
		struct tp t = { .len = 10 };
		struct gust_pkt *p;

		tp_build(buf, &t);
		w16(buf + 20, 1000 + i);
		p = encap(&e, of_buf(50));
		assert_in_range(r16(p->head + 20), 49152, 65535);
		pkt_free(p);
	}
	end_close(&e);
}

/* Outer DSCP and ECN of the inner packet, or the configured DSCP; TTL; DF. */
static void test_outer_fields(void **state)
{
	struct gust_tunnel_conf c = gue_conf("gue", false, 0, GUST_TUN_TOS);
	struct tp t = { .len = 10 };
	struct gust_pkt *p;
	struct end e;

	c.tos = 0x20;
	c.ttl = 9;
	e = end_open(&c);
	tp_build(buf, &t);
	buf[1] = 0xba; /* EF, ECT(0) */
	fix_ip4(buf);
	p = encap(&e, of_buf(50));
	assert_int_equal(p->head[1], 0x22);
	assert_int_equal(p->head[8], 9);
	assert_sums(p);
	pkt_free(p);
	end_close(&e);
	c = gue_conf("gue", false, 0, 0);
	c.flags = 0;
	e = end_open(&c);
	p = encap(&e, of_buf(50));
	assert_int_equal(p->head[1], 0xba);
	assert_int_equal(p->head[8], 64);
	assert_int_equal(p->head[6], 0x40); /* the inner one's */
	pkt_free(p);
	end_close(&e);
}

/* What it does not carry, and what does not fit. */
static void test_encap_refuses(void **state)
{
	struct tp t = { .len = 10 }, f = { .len = 10, .eth = true };
	struct gust_pkt *p;
	struct end l3[2], l2[2];

	ends_open(l3, "gue", false, 0);
	ends_open(l2, "fou", false, GUST_TUN_L2);
	p = wire_pkt(buf, tp_build(buf, &f), true);
	assert_null(encap(&l3[0], p));
	p = wire_pkt(buf, tp_build(buf, &t), false);
	assert_null(encap(&l2[0], p));
	assert_int_equal(g.drops.n[DROP_BAD_TUNNEL], 2);
	assert_int_equal(plugin_counter("wrong-inner"), 2);
	t.len = 65535 - 40;
	p = wire_pkt(buf, tp_build(buf, &t), false);
	assert_null(encap(&l3[0], p));
	assert_int_equal(g.drops.n[DROP_TOO_BIG], 1);
	t.len = 65535 - 40 - 32;
	p = encap(&l3[0], wire_pkt(buf, tp_build(buf, &t), false));
	assert_non_null(p);
	assert_lengths(p);
	pkt_free(p);
	ends_close(l3);
	ends_close(l2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, gue_setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_encap),         T(test_decap), T(test_decap_flags),
		T(test_refused),       T(test_sport), T(test_outer_fields),
		T(test_encap_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
