/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ipip.c - IP in IP: bytes both ways, ECN, what is refused
 */
#include <errno.h>

#include "wraplib.h"

static const struct level all[] = {
	{ .kind = "ipip" },
	{ .kind = "sit" },
	{ .kind = "ip4ip6", .v6 = true },
	{ .kind = "ip6ip6", .v6 = true },
};

static bool inner6(const struct level *l)
{
	return !strcmp(l->kind, "sit") || !strcmp(l->kind, "ip6ip6");
}

static uint32_t build(uint8_t *b, const struct level *l, uint32_t len)
{
	struct tp t = { .v6 = inner6(l), .udp = len & 1, .id = 4711, .len = len };

	return tp_build(b, &t);
}

/* ---- bytes ---- */

static void test_bytes(void **state)
{
	static const uint32_t lens[] = { 1, 2, 100, 1401, 8000, 60001 };

	for (unsigned i = 0; i < 4; i++) {
		void *t = open_level(&all[i], 0, false);
		void *far = open_level(&all[i], 0, true);

		assert_int_equal(desc_of("ipip")->tunnel_overhead(t),
				 all[i].v6 ? 40 : 20);
		for (unsigned k = 0; k < 6; k++) {
			struct fields f = { .id = 1 + k };
			uint32_t n = build(buf, &all[i], lens[k]), m;
			struct gust_pkt *p, *rest;
			uint8_t *in = malloc(n);

			memcpy(in, buf, n);
			p = encap1(&all[i], t, pkt_bytes(in, n, false));
			assert_non_null(p);
			f.label = label_of(p);
			m = wrap(buf, n, false, &all[i], 0, &f);
			assert_pkt_bytes(p, buf, m);
			p = decap1(&all[i], far, p, &rest);
			assert_null(rest);
			assert_pkt_bytes(p, in, n);
			assert_map(p, in, n, false);
			pkt_free(p);
			/* as it comes from a port: the map ends outside */
			assert_taken(&all[i], far, buf, m, in, n);
			free(in);
		}
		close_level(&all[i], t);
		close_level(&all[i], far);
	}
}

/* TTL, DSCP, DF. */
static void test_fields(void **state)
{
	struct gust_tunnel_conf c = level_conf(&all[0], 0, false);
	struct tp t = { .len = 10, .id = 1 };
	struct gust_pkt *p;
	uint32_t n;
	void *u;

	c.ttl = 7;
	c.tos = 0xb8;
	c.flags = GUST_TUN_TOS;
	u = open_conf(&c);
	n = tp_build(buf, &t);
	buf[1] = 0x21; /* DSCP 8, ECT(1) */
	buf[6] = 0; /* no DF */
	fix_ip4(buf);
	p = encap1(&all[0], u, pkt_bytes(buf, n, false));
	assert_int_equal(p->head[1], 0xb9);
	assert_int_equal(p->head[8], 7);
	assert_int_equal(p->head[6], 0);
	pkt_free(p);
	close_level(&all[0], u);
	c.flags = GUST_TUN_DF; /* `tos` is not looked at */
	u = open_conf(&c);
	p = encap1(&all[0], u, pkt_bytes(buf, n, false));
	assert_int_equal(p->head[1], 0x21);
	assert_int_equal(p->head[6], 0x40);
	pkt_free(p);
	close_level(&all[0], u);
}

/* ---- ECN ---- */

static void set_ds(uint8_t *ip, uint8_t ds)
{
	if (ip[0] >> 4 == 4) {
		ip[1] = ds;
		fix_ip4(ip);
	} else {
		ip[0] = 0x60 | ds >> 4;
		ip[1] = (ip[1] & 15) | ds << 4;
	}
}

/* RFC 6040 figure 4: rows inner, columns outer, both Not-ECT, ECT(1), ECT(0), CE; -1:
 * drop. What is marked with !!! there is counted. */
static void test_ecn(void **state)
{
	static const int8_t want[4][4] = {
		{ 0, 0, 0, -1 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 }
	};
	static const uint8_t odd[4][4] = {
		{ 0, 1, 1, 1 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 1, 0, 0 }
	};

	for (unsigned i = 0; i < 64; i++) {
		const struct level *l = &all[i >> 4];
		uint8_t in = i & 3, out = i >> 2 & 3, ref[200];
		uint64_t was = counter("ipip", "ecn-suspicious");
		void *far = open_level(l, 0, true);
		struct fields f = { .id = 9 };
		uint32_t n = build(buf, l, 99), m;

		set_ds(buf, 0x28 | in);
		memcpy(ref, buf, n);
		m = wrap(buf, n, false, l, 0, &f);
		assert_int_equal(ds_of(buf), 0x28 | in);
		set_ds(buf, 0x50 | out);
		if (want[in][out] < 0) {
			assert_refused(l, far, buf, m, DROP_TUNNEL_ECN);
		} else {
			/* the inner DSCP stays */
			set_ds(ref, 0x28 | want[in][out]);
			assert_taken(l, far, buf, m, ref, n);
		}
		assert_int_equal(counter("ipip", "ecn-suspicious") - was,
				 odd[in][out]);
		close_level(l, far);
	}
}

/* ---- whose ---- */

static void test_others(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct level *l = &all[i];
		void *far = open_level(l, 0, true);
		struct fields f = { .id = 9 };
		uint32_t n = wrap(buf, build(buf, l, 50), false, l, 0, &f), m;
		uint8_t *b = malloc(n);

		memcpy(b, buf, n);
		b[l->v6 ? 39 : 19] ^= 0x10; /* not to us */
		if (!l->v6)
			fix_ip4(b);
		assert_rest(l, far, b, n);
		memcpy(b, buf, n);
		b[l->v6 ? 6 : 9] = 253; /* another protocol */
		if (!l->v6)
			fix_ip4(b);
		assert_rest(l, far, b, n);
		memcpy(b, buf, n);
		b[l->v6 ? 23 : 15] ^= 0x10; /* not from the remote */
		if (!l->v6)
			fix_ip4(b);
		assert_refused(l, far, b, n, DROP_TUNNEL_SOURCE);
		free(b);
		/* another family, and no tunnel at all */
		m = build(buf, &all[i ^ 2], 50);
		m = wrap(buf, m, false, &all[i ^ 2], 0, &f);
		assert_rest(l, far, buf, m);
		m = build(buf, l, 50);
		assert_rest(l, far, buf, m);
		close_level(l, far);
	}
}

/* From anybody, and to any address of this host. */
static void test_any(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct level l = all[i];
		struct fields f = { .id = 9 };
		uint8_t in[200];
		uint32_t n = build(in, &l, 50), m;
		void *far;

		l.flags = GUST_TUN_ANY;
		far = open_level(&l, 0, true);
		memcpy(buf, in, n);
		m = wrap(buf, n, false, &l, 0, &f);
		buf[l.v6 ? 23 : 15] ^= 0x10;
		if (!l.v6)
			fix_ip4(buf);
		assert_taken(&l, far, buf, m, in, n);
		close_level(&l, far);
	}
}

/* ---- malformed ---- */

static void test_malformed(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct level *l = &all[i];
		uint32_t hip = l->v6 ? 40 : 20, n, m;
		void *far = open_level(l, 0, true);
		struct fields f = { .id = 9 };
		uint8_t in[200];

		n = build(in, l, 50);
		/* cut short anywhere: the outer length is true */
		for (uint32_t k = 0; k < n; k++) {
			memcpy(buf, in, n);
			m = wrap(buf, n, false, l, 0, &f) - (n - k);
			w16(buf + (l->v6 ? 4 : 2), l->v6 ? k : m);
			if (!l->v6)
				fix_ip4(buf);
			assert_refused(l, far, buf, m, DROP_BAD_TUNNEL);
		}
		/* bytes behind the inner packet are padding */
		memcpy(buf, in, n);
		memset(buf + n, 0xee, 5);
		m = wrap(buf, n + 5, false, l, 0, &f);
		assert_taken(l, far, buf, m, in, n);
		/* versions */
		for (unsigned v = 0; v < 16; v++) {
			if (v == in[0] >> 4)
				continue;
			memcpy(buf, in, n);
			m = wrap(buf, n, false, l, 0, &f);
			buf[hip] = v << 4 | (in[0] & 15);
			assert_refused(l, far, buf, m, DROP_BAD_TUNNEL);
		}
		/* an inner length that lies */
		memcpy(buf, in, n);
		m = wrap(buf, n, false, l, 0, &f);
		w16(buf + hip + (inner6(l) ? 4 : 2), n + 1);
		if (!inner6(l))
			fix_ip4(buf + hip);
		assert_refused(l, far, buf, m, DROP_BAD_TUNNEL);
		close_level(l, far);
	}
	assert_true(counter("ipip", "bad-inner") > 0);
}

/* A part of an outer packet, of IPv4 and of IPv6. */
static void test_fragments(void **state)
{
	struct fields f = { .id = 9 };
	uint64_t was = counter("ipip", "fragments");
	void *four = open_level(&all[0], 0, true);
	void *six = open_level(&all[3], 0, true);
	uint32_t n = wrap(buf, build(buf, &all[0], 64), false, &all[0], 0, &f);

	buf[6] = 0x20; /* more */
	fix_ip4(buf);
	assert_refused(&all[0], four, buf, n, DROP_BAD_TUNNEL);
	w16(buf + 6, 7); /* the last */
	fix_ip4(buf);
	assert_refused(&all[0], four, buf, n, DROP_BAD_TUNNEL);
	buf[15] ^= 0x10; /* somebody else's */
	fix_ip4(buf);
	assert_rest(&all[0], four, buf, n);
	n = wrap(buf, build(buf, &all[3], 64), false, &all[3], 0, &f);
	memmove(buf + 48, buf + 40, n - 40);
	memcpy(buf + 40, (uint8_t[]){ 41, 0, 0, 1, 0, 0, 0, 1 }, 8);
	w16(buf + 4, n + 8 - 40);
	buf[6] = 44;
	assert_refused(&all[3], six, buf, n + 8, DROP_BAD_TUNNEL);
	assert_int_equal(counter("ipip", "fragments"), was + 3);
	close_level(&all[0], four);
	close_level(&all[3], six);
}

/* RFC 2473 4.1.1: Linux puts the limit in by default. IPv4 options, too. */
static void test_extensions(void **state)
{
	struct fields f = { .id = 9 };
	void *four = open_level(&all[0], 0, true);
	void *six = open_level(&all[3], 0, true);
	uint8_t in[200];
	uint32_t n = build(in, &all[3], 64), m;

	memcpy(buf, in, n);
	m = wrap(buf, n, false, &all[3], 0, &f);
	memmove(buf + 48, buf + 40, m - 40);
	memcpy(buf + 40, (uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }, 8);
	w16(buf + 4, m + 8 - 40);
	buf[6] = 60;
	assert_taken(&all[3], six, buf, m + 8, in, n);
	buf[40] = 58; /* not what is announced */
	assert_rest(&all[3], six, buf, m + 8);
	n = build(in, &all[0], 64);
	memcpy(buf, in, n);
	m = wrap(buf, n, false, &all[0], 0, &f);
	memmove(buf + 24, buf + 20, m - 20);
	memcpy(buf + 20, (uint8_t[]){ 148, 4, 0, 0 }, 4); /* router alert */
	buf[0] = 0x46;
	w16(buf + 2, m + 4);
	fix_ip4(buf);
	assert_taken(&all[0], four, buf, m + 4, in, n);
	close_level(&all[0], four);
	close_level(&all[3], six);
}

/* ---- the way in ---- */

static void test_wrong_inner(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct tp t = { .v6 = !inner6(&all[i]), .len = 10 };
		uint64_t was = counter("ipip", "wrong-inner");
		void *u = open_level(&all[i], 0, false);

		assert_null(encap1(&all[i], u,
				   pkt_bytes(buf, tp_build(buf, &t), false)));
		t.v6 = !t.v6;
		t.eth = true;
		assert_null(encap1(&all[i], u,
				   pkt_bytes(buf, tp_build(buf, &t), true)));
		assert_int_equal(counter("ipip", "wrong-inner"), was + 2);
		close_level(&all[i], u);
	}
	assert_int_equal(g.drops.n[DROP_FILTERED], 8);
}

/* 16 bits of length, and no room for headers. */
static void test_limits(void **state)
{
	void *u = open_level(&all[0], 0, false),
	     *six = open_level(&all[3], 0, false);
	struct tp t = { .len = 65535 - 20 - 20 - 20 };
	struct gust_pkt *p =
		encap1(&all[0], u, pkt_bytes(buf, tp_build(buf, &t), false));

	assert_int_equal(p->len, 65535);
	pkt_free(p);
	t.len++;
	p = encap1(&all[0], u, pkt_bytes(buf, tp_build(buf, &t), false));
	assert_null(p);
	assert_int_equal(g.drops.n[DROP_TOO_BIG], 1);
	t.v6 = true; /* the outer header does not count itself */
	t.len = 65535 - 40 - 20;
	p = encap1(&all[3], six, pkt_bytes(buf, tp_build(buf, &t), false));
	assert_int_equal(p->len, 65535 + 40);
	pkt_free(p);
	t.len++;
	p = encap1(&all[3], six, pkt_bytes(buf, tp_build(buf, &t), false));
	assert_null(p);
	assert_int_equal(g.drops.n[DROP_TOO_BIG], 2);
	t = (struct tp){ .len = 1 };
	p = pkt_bytes(buf, tp_build(buf, &t), false);
	for (unsigned i = 0; p; i++) {
		assert_true(i < 30);
		p = encap1(&all[0], u, p);
	}
	assert_int_equal(g.drops.n[DROP_TUNNEL_DEPTH], 1);
	close_level(&all[0], u);
	close_level(&all[3], six);
}

/* ---- configuration ---- */

static void assert_conf(const struct gust_tunnel_conf *c, const char *word)
{
	char err[256] = "";
	void *t = NULL;

	assert_int_equal(
		desc_of("ipip")->tunnel_open(&engine_host, c, &t, err, sizeof(err)),
		-EINVAL);
	assert_null(t);
	if (strncmp(err, word, strlen(word)))
		fail_msg("'%s' does not begin with '%s'", err, word);
}

static void test_conf(void **state)
{
	struct gust_tunnel_conf good = level_conf(&all[0], 0, false), c;

	c = good;
	c.kind = "ipop";
	assert_conf(&c, "kind: ipop");
	c = good;
	memset(c.remote, 0, 4);
	assert_conf(&c, "remote: missing");
	c = good;
	c.remote[0] = 239;
	assert_conf(&c, "remote: a unicast");
	c = good;
	memset(c.local, 0, 4);
	assert_conf(&c, "local: missing");
	c = good;
	c.local[0] = 255;
	assert_conf(&c, "local: a unicast");
	c = good;
	c.v6 = true;
	assert_conf(&c, "remote: the outside of kind ipip is IPv4");
	c = good;
	c.id = 1;
	assert_conf(&c, "id:");
	c = good;
	c.port = 1;
	assert_conf(&c, "port:");
	c = good;
	c.opt_len = 4;
	assert_conf(&c, "options:");
	c = good;
	c.flags = GUST_TUN_KEY;
	assert_conf(&c, "key:");
	c.flags = GUST_TUN_CSUM | GUST_TUN_L2;
	assert_conf(&c, "csum:");
	c.flags = 0x8000;
	assert_conf(&c, "flags:");
	c = good;
	c.flags = GUST_TUN_TOS;
	c.tos = 2;
	assert_conf(&c, "tos: 0x02");
	c = level_conf(&all[3], 0, false);
	c.flags = GUST_TUN_DF;
	assert_conf(&c, "df:");
	c.flags = 0;
	memcpy(c.remote, (uint8_t[]){ [10] = 0xff, [11] = 0xff, [15] = 1 }, 16);
	assert_conf(&c, "remote: a unicast");
	c.remote[0] = 0xff;
	assert_conf(&c, "remote: a unicast");
	desc_of("ipip")->tunnel_close(NULL);
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
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extensions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_inner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conf, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
