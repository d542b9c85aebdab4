/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bigtcp.c - the forms of packets above 64 KB, byte for byte, there and back
 */
#include <errno.h>

#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "tso", "bigtcp", NULL });
}

static struct gust_pkt *big(const struct tp *t)
{
	struct gust_pkt *p = super(t, 1400);

	p->need = 0; /* as it stands: bytes are compared */
	return p;
}

static void assert_same(struct gust_pkt *p, const struct tp *t)
{
	uint32_t n = tp_build(buf, t);

	assert_map(p, buf, n, t->eth);
	assert_pkt_bytes(p, buf, n);
	assert_int_equal(p->gso_size, 1400);
}

/* Each form becomes the other, and itself. */
static void test_forms(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = { .v6 = true,
				.jumbo = i & 1,
				.eth = i & 2,
				.len = 200000,
				.seq = 3,
				.opt = 12 };
		struct gust_pkt *p = big(&t);

		t.jumbo = i & 4;
		assert_int_equal(engine_jumbo(g.eng, p,
					      t.jumbo ? GUST_JUMBO_OPTION :
							GUST_JUMBO_PLAIN),
				 0);
		assert_same(p, &t);
		t.jumbo = !t.jumbo;
		assert_int_equal(engine_jumbo(g.eng, p,
					      t.jumbo ? GUST_JUMBO_OPTION :
							GUST_JUMBO_PLAIN),
				 0);
		assert_same(p, &t);
		pkt_free(p);
	}
}

static void test_ip4(void **state)
{
	struct tp t = { .len = 200000, .id = 5 };
	struct gust_pkt *p = big(&t);

	/* total length 0 is its one form; written anew it is the same */
	w16(p->head + 2, 1234);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_same(p, &t);
	assert_int_equal(p->layer[0].flags, GUST_LF_JUMBO);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), -EINVAL);
	assert_same(p, &t);
	pkt_free(p);
}

/* The border: what 16 bits can say has no such form. */
static void test_border(void **state)
{
	struct tp t = { .v6 = true, .len = 65535 - 20 };
	struct gust_pkt *p = big(&t);

	for (int form = 0; form < 2; form++)
		assert_int_equal(engine_jumbo(g.eng, p, form), -EINVAL);
	assert_same(p, &t);
	pkt_free(p);
	t.len++;
	p = big(&t);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	t.jumbo = true;
	assert_same(p, &t);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	t.jumbo = false;
	assert_same(p, &t);
	pkt_free(p);
	t = (struct tp){ .len = 65535 - 40 };
	p = big(&t);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), -EINVAL);
	assert_int_equal(engine_jumbo(g.eng, p, 77), -EINVAL);
	pkt_free(p);
	t.len++;
	p = big(&t);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_same(p, &t);
	pkt_free(p);
}

/* ---- other hop-by-hop options ---- */

/* A plain big packet whose hop-by-hop header has these `n` bytes behind the first
 * two; dissected. */
static struct gust_pkt *with_options(const char *opts, uint32_t n)
{
	struct tp t = { .v6 = true, .len = 100000 };
	uint32_t len = tp_build(buf, &t);
	struct gust_pkt *p;

	memmove(buf + 42 + n, buf + 40, len - 40);
	buf[6] = 0;
	buf[40] = 6;
	buf[41] = n / 8;
	memcpy(buf + 42, opts, n);
	p = of_buf(len + 2 + n);
	assert_int_equal(p->layer[1].kind, GUST_L_HOPOPTS);
	return p;
}

static void assert_options(struct gust_pkt *p, const char *opts, uint32_t n,
			   uint8_t flags)
{
	uint8_t *b = pkt_flat(p);

	assert_int_equal(p->nlayer, 3);
	assert_int_equal(p->layer[1].flags, flags);
	assert_int_equal(p->layer[2].off, 42 + n);
	assert_int_equal(p->hlen, 62 + n);
	assert_int_equal(p->len, 62 + n + 100000);
	assert_int_equal(r16(b + 4), 0);
	assert_int_equal(b[6], 0);
	assert_int_equal(b[40], 6);
	assert_int_equal(b[41], n / 8);
	assert_memory_equal(b + 42, opts, n);
	assert_map(p, b, p->len, false);
	free(b);
}

/* 100000 bytes, TCP, and the header: the option's value. */
#define JUMBO14 "\xc2\x04\x00\x01\x86\xc4" /* header of 16 bytes */
#define JUMBO22 "\xc2\x04\x00\x01\x86\xcc" /* of 24 */
#define ALERT "\x05\x02\0\0"

static void test_shared_header(void **state)
{
	/* no room: eight bytes more, and back as it was */
	struct gust_pkt *p = with_options(ALERT "\x01\0", 6);

	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, JUMBO14 "\x01\0" ALERT "\x01\0", 14, GUST_LF_JUMBO);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, JUMBO14 "\x01\0" ALERT "\x01\0", 14, GUST_LF_JUMBO);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_options(p, ALERT "\x01\0", 6, 0);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_options(p, ALERT "\x01\0", 6, 0);
	pkt_free(p);
}

static void test_padding_reused(void **state)
{
	/* as a cut leaves a header that had the option: its place is free */
	struct gust_pkt *p =
		with_options("\x01\x04\0\0\0\0" ALERT "\x01\x02\0\0", 14);

	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, JUMBO14 ALERT "\x01\x02\0\0", 14, GUST_LF_JUMBO);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_options(p, "\x01\x04\0\0\0\0" ALERT "\x01\x02\0\0", 14, 0);
	pkt_free(p);
	/* further back, behind Pad1s */
	p = with_options(ALERT "\0\0\0\0\x01\x04\0\0\0\0", 14);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, ALERT "\0\0\0\0" JUMBO14, 14, GUST_LF_JUMBO);
	pkt_free(p);
	/* not at 4n + 2: it does not do */
	p = with_options("\0\0" ALERT "\x01\x04\0\0\0\0\0\0", 14);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, JUMBO22 "\x01\0\0\0" ALERT "\x01\x04\0\0\0\0\0\0", 22,
		       GUST_LF_JUMBO);
	pkt_free(p);
}

/* A header of padding alone is the packet's all the same. */
static void test_padding_alone(void **state)
{
	struct gust_pkt *p = with_options("\x01\x04\0\0\0\0", 6);

	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_options(p, JUMBO14 "\x01\0\x01\x04\0\0\0\0", 14, GUST_LF_JUMBO);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
	assert_options(p, "\x01\x04\0\0\0\0", 6, 0);
	pkt_free(p);
}

/* ---- tunnels ---- */

/* The tunnel's own headers are written for the new length, too. */
static void test_tunnel(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tunnel a = { .v6 = i & 1, .id = 7 };
		struct tp t = { .v6 = i & 2, .jumbo = false, .len = 100000 };
		struct gust_pkt *p = big(&t), *was;
		unsigned jumbos = (a.v6 ? 1 : 0) + (t.v6 ? 1 : 0);
		uint8_t *b, *c;

		enter_tunnel(p, &a);
		was = pkt_clone(g.pool, p);
		if (!jumbos) {
			assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION),
					 -EINVAL);
		} else {
			assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION),
					 0);
			assert_int_equal(p->len, was->len + 8 * jumbos);
			assert_int_equal(p->nlayer, was->nlayer + jumbos);
			assert_lengths(p);
			assert_sums(p);
			for (unsigned k = 0; k < p->nlayer; k++) {
				const struct gust_layer *l = &p->layer[k];
				uint8_t *h = p->head + l->off;

				if (l->kind != GUST_L_HOPOPTS)
					continue;
				assert_int_equal(l->flags, GUST_LF_JUMBO);
				assert_int_equal(r16(h + 4) << 16 | r16(h + 6),
						 p->len - l->off);
			}
		}
		assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_PLAIN), 0);
		b = pkt_flat(p);
		c = pkt_flat(was);
		assert_int_equal(p->len, was->len);
		assert_memory_equal(b, c, p->len);
		assert_int_equal(p->nlayer, was->nlayer);
		assert_memory_equal(p->layer, was->layer,
				    p->nlayer * sizeof(p->layer[0]));
		free(b);
		free(c);
		pkt_free(p);
		pkt_free(was);
	}
}

/* ---- refused, and nothing changed ---- */

static void assert_unchanged(struct gust_pkt *p, enum gust_jumbo form)
{
	struct gust_pkt *was = pkt_clone(g.pool, p);

	assert_true(engine_jumbo(g.eng, p, form) < 0);
	assert_int_equal(p->len, was->len);
	assert_int_equal(p->hlen, was->hlen);
	assert_memory_equal(p->head, was->head, p->hlen);
	assert_int_equal(p->nlayer, was->nlayer);
	assert_memory_equal(p->layer, was->layer, p->nlayer * sizeof(p->layer[0]));
	pkt_free(was);
	pkt_free(p);
}

static void test_refused(void **state)
{
	static const uint8_t kind[] = { GUST_L_ESP, GUST_L_FRAGHDR };
	struct gust_pkt *p, *q;

	for (unsigned i = 0; i < 2; i++) {
		p = with_options(ALERT "\x01\0", 6);
		p->layer[1].kind = kind[i];
		assert_unchanged(p, GUST_JUMBO_OPTION);
	}
	/* the map says that there is an option, and there is none */
	p = with_options(ALERT "\x01\0", 6);
	p->layer[1].flags = GUST_LF_JUMBO;
	assert_unchanged(p, GUST_JUMBO_PLAIN);
	p = with_options(ALERT "\x01\0", 6);
	p->layer[1].off = 60000;
	assert_unchanged(p, GUST_JUMBO_OPTION);
	/* nor is anything read behind the head, whatever length it claims */
	q = with_options(ALERT "\x01\0", 6);
	p = pkt_clone(g.pool, q);
	pkt_free(q);
	memset(p->head + p->hlen, 0, 512 - p->hlen);
	memset(p->head + 48, 0, 20);
	p->layer[1].flags = GUST_LF_JUMBO;
	p->head[41] = 255;
	assert_unchanged(p, GUST_JUMBO_PLAIN);
	p = with_options(ALERT "\x01\0", 6);
	p->head[41] = 3; /* a header beyond where TCP begins */
	assert_unchanged(p, GUST_JUMBO_OPTION);
	p = with_options(ALERT "\x01\0", 6);
	p->nlayer = 0;
	assert_unchanged(p, GUST_JUMBO_OPTION);
}

/* No headroom, or no room in the map. */
static void test_no_room(void **state)
{
	struct tp t = { .v6 = true, .len = 100000 };
	struct gust_pkt *p = big(&t);

	pkt_push(p, pkt_headroom(p) - 7);
	memmove(p->head, p->head + p->hlen - 60, 60);
	p->len -= p->hlen - 60;
	p->hlen = 60;
	p->layer[0].off = 0;
	p->layer[1].off = 40;
	assert_unchanged(p, GUST_JUMBO_OPTION);
	p = big(&t);
	while (p->nlayer < GUST_LAYERS_MAX) {
		memmove(p->layer + 1, p->layer, p->nlayer * sizeof(p->layer[0]));
		p->nlayer++;
		pkt_push(p, 4);
		p->layer[0] = (struct gust_layer){ GUST_L_VLAN, 0, 0 };
	}
	assert_unchanged(p, GUST_JUMBO_OPTION);
}

/* Three IPv6 layers, headroom for two of the options: the two are undone. */
static void test_undone(void **state)
{
	struct tp t = { .v6 = true, .len = 100000 };

	for (uint32_t room = 0; room <= 24; room += 8) {
		struct tunnel a = { .v6 = true };
		struct gust_pkt *p = big(&t);
		uint16_t hlen;
		uint8_t *was = p->head;

		enter_tunnel(p, &a);
		enter_tunnel(p, &a);
		/* the whole head to where only so much is in front */
		hlen = p->hlen;
		was = p->head;
		p->head -= pkt_headroom(p) - room;
		memmove(p->head, was, hlen);
		if (room < 24) {
			assert_unchanged(p, GUST_JUMBO_OPTION);
			continue;
		}
		assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
		assert_int_equal(p->hlen, hlen + 24);
		assert_lengths(p);
		pkt_free(p);
	}
}

/* It waits for what it needs. */
static void test_needs(void **state)
{
	struct tp t = { .v6 = true, .len = 100000 };
	struct gust_pkt *p = big(&t);

	assert_int_equal(registry_enable(g.reg, "tso", false), 0);
	plug_update(&g);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), -ENOSYS);
	assert_int_equal(
		registry_provides(g.reg) & GUST_FEAT_BIT(GUST_FEAT_BIGTCP4), 0);
	assert_int_equal(registry_enable(g.reg, "tso", true), 0);
	plug_update(&g);
	assert_int_equal(engine_jumbo(g.eng, p, GUST_JUMBO_OPTION), 0);
	assert_int_not_equal(
		registry_provides(g.reg) & GUST_FEAT_BIT(GUST_FEAT_BIGTCP4), 0);
	pkt_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_forms),          T(test_ip4),
		T(test_border),         T(test_shared_header),
		T(test_padding_reused), T(test_padding_alone),
		T(test_tunnel),         T(test_refused),
		T(test_no_room),        T(test_undone),
		T(test_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
