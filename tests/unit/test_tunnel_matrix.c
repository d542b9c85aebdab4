/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tunnel_matrix.c - every kind of tunnel inside every other, to a depth of four
 *
 * The kinds are those that the plugins of the build tree offer at run time. Of each
 * kind all forms are tried that it can be opened in (outer family, checksum, Ethernet
 * or IP inside, key and sequence, remote checksum offload), and what it carries is
 * found out by giving it one. Then for each pair of forms a, b and each depth: a
 * around a packet, b around that, a, b; the planner makes of it what a port takes;
 * only bytes cross over; and at the other end, b, a, b, a taken off, there must be
 * the same bytes that went in, of a superpacket those of its segments.
 */
#include "guelib.h"

#define DEPTH 4
#define FORMS_MAX 128
#define GSO 1000

enum { IN_ETH, IN_IP4, IN_IP6, IN_N };

struct form {
	const char *kind;
	bool v6;
	uint32_t flags;
	unsigned carries; /* bits 1 << IN_* */
	struct end e[DEPTH][2]; /* at each level its own: sequence numbers */
};

static struct form forms[FORMS_MAX];
static unsigned nforms, nchains;
static struct plan_stats planned;
static struct tp inner;
static char chain[200]; /* for people */

static const uint32_t flag_sets[] = {
	0,
	GUST_TUN_CSUM,
	GUST_TUN_L2,
	GUST_TUN_L2 | GUST_TUN_CSUM,
	GUST_TUN_KEY | GUST_TUN_SEQ,
	GUST_TUN_CSUM | GUST_TUN_REMCSUM,
};

/* ---- forms ---- */

static void close_form(struct form *f)
{
	for (unsigned i = 0; i < DEPTH; i++)
		ends_close(f->e[i]);
}

/* Both ends, with an identifier and a port where the kind wants such. */
static bool open_form(struct form *f, struct end e)
{
	for (unsigned k = 0; k < 4; k++) {
		unsigned failed = 0;

		for (unsigned i = 0; i < DEPTH * 2; i++) {
			struct gust_tunnel_conf c =
				gue_conf(f->kind, f->v6, i & 1, f->flags);
			struct end *to = &f->e[i / 2][i & 1];
			char err[256] = "";

			c.flags = f->flags;
			c.id = k & 1 ? 0 : 42;
			c.port = k & 2 ? 7777 : 0;
			c.sport_min = c.sport_max = 0;
			*to = e;
			failed += !!e.desc->tunnel_open(&engine_host, &c, &to->t,
							err, sizeof(err));
		}
		if (!failed)
			return true;
		close_form(f);
	}
	return false;
}

static struct gust_pkt *sample(unsigned what)
{
	struct tp t = { .len = 10, .eth = what == IN_ETH, .v6 = what == IN_IP6 };

	return wire_pkt(buf, tp_build(buf, &t), t.eth);
}

static void add_form(const char *kind, struct end e, bool v6, uint32_t flags)
{
	struct form *f = &forms[nforms];

	*f = (struct form){ .kind = kind, .v6 = v6, .flags = flags };
	if (!open_form(f, e))
		return;
	assert_true(++nforms < FORMS_MAX);
	for (unsigned i = 0; i < IN_N; i++) {
		struct gust_pkt *p = encap(&f->e[0][0], sample(i));

		if (p)
			f->carries |= 1u << i;
		pkt_free(p);
	}
	if (!f->carries)
		fail_msg("%s: opened, and carries nothing", kind);
}

static void find_forms(void)
{
	struct engine_set set;
	unsigned nkinds = 0;

	registry_set(g.reg, &set);
	for (unsigned i = 0; i < set.n; i++) {
		const char *const *k = set.plugin[i].desc->tunnels;
		struct end e = { set.plugin[i].desc, i, NULL };

		for (; k && *k; k++, nkinds++) {
			unsigned before = nforms;

			for (unsigned n = 0;
			     n < sizeof(flag_sets) / sizeof(*flag_sets); n++)
				for (unsigned v6 = 0; v6 < 2; v6++)
					add_form(*k, e, v6, flag_sets[n]);
			if (nforms == before)
				fail_msg("%s: cannot be opened", *k);
		}
	}
	assert_true(nkinds >= 2); /* fou and gue at the least */
}

static int setup(void **state)
{
	seg_begin((const char *const[]){ NULL });
	assert_true(registry_load_dir(g.reg, GUST_PLUGIN_DIR) > 0);
	plug_update(&g);
	nforms = nchains = 0;
	planned = (struct plan_stats){ 0 };
	find_forms();
	return 0;
}

static int teardown(void **state)
{
	struct engine_stats st[ENGINE_PLUGINS_MAX];
	unsigned n = engine_stats(g.eng, st, ENGINE_PLUGINS_MAX);

	while (n--)
		assert_int_equal(st[n].faults, 0);
	while (nforms--)
		close_form(&forms[nforms]);
	return seg_end(state);
}

/* ---- chains ---- */

static struct form *at_level(struct form *a, struct form *b, unsigned i)
{
	return i & 1 ? b : a;
}

static bool begins_with(const struct gust_pkt *p, unsigned what)
{
	static const uint8_t kind[] = { GUST_L_ETH, GUST_L_IPV4, GUST_L_IPV6 };

	return p->layer[0].kind == kind[what];
}

static bool carried(const struct form *f, const struct gust_pkt *p)
{
	for (unsigned i = 0; i < IN_N; i++)
		if (f->carries & 1u << i && begins_with(p, i))
			return true;
	return false;
}

/* An Ethernet header around an IP packet. */
static void add_eth(struct gust_pkt *p)
{
	bool v6 = p->layer[0].kind == GUST_L_IPV6;
	uint8_t *h = pkt_push(p, 14);

	memcpy(h, "\x02\x00\x00\x00\x00\x0b\x02\x00\x00\x00\x00\x0a", 12);
	w16(h + 12, v6 ? 0x86dd : 0x0800);
	pkt_layer_push(p, GUST_L_ETH, 0);
}

/* Into `n` tunnels. `eth`: bits, at which levels a frame was needed. NULL: a kind
 * does not carry the other (IPv6 in IPIP). */
static struct gust_pkt *into(struct form *a, struct form *b, unsigned n,
			     struct gust_pkt *p, unsigned *eth)
{
	*eth = 0;
	for (unsigned i = 0; i < n; i++) {
		struct form *f = at_level(a, b, i);

		if (!carried(f, p) && i && f->carries & 1u << IN_ETH) {
			add_eth(p);
			*eth |= 1u << i;
		}
		if (!carried(f, p)) {
			pkt_free(p);
			return NULL;
		}
		p = encap(&f->e[i][0], p);
		if (!p)
			fail_msg("%s: lost at level %u", chain, i);
	}
	return p;
}

/* Out of them again, all packets at once: the engine slices trains. */
static void out_of(struct form *a, struct form *b, unsigned n,
		   struct gust_batch *all, unsigned eth)
{
	while (n--) {
		struct form *f = at_level(a, b, n);
		struct gust_batch out = batch_of(NULL), rest = batch_of(NULL);

		engine_decap(g.eng, f->e[n][1].plugin, f->e[n][1].t, all, &out,
			     &rest);
		if (rest.n || !out.n)
			fail_msg("%s: level %u: %u out, %u not known", chain, n,
				 out.n, rest.n);
		for (struct gust_pkt *p = out.first; eth & 1u << n && p;
		     p = p->next)
			pkt_pull(p, 14);
		*all = out;
	}
}

/* Only bytes cross over, and of a train its sizes. A device completes what is owed;
 * of a train only the outer checksum can be. */
static struct gust_pkt *cross(struct gust_pkt *p)
{
	struct gust_pkt *q;
	uint8_t *b;

	if (!p->gso_size && p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	b = pkt_flat(p);
	q = pkt_of(g.pool, b, p->len);
	free(b);
	assert_int_equal(pkt_dissect(q, DISSECT_IP), DROP_NONE);
	if (p->gso_size) {
		assert_true(p->gso_type == GUST_GSO_UDP4 ||
			    p->gso_type == GUST_GSO_UDP6);
		q->gso_size = p->gso_size;
		q->gso_type = p->gso_type;
	}
	q->need = p->gso_size ? p->need & GUST_F_CSUM : 0;
	pkt_free(p);
	return q;
}

/* What a port of `feats` is given, at the other end. */
static struct gust_batch over(struct gust_pkt *p, uint64_t feats)
{
	struct port_caps caps = { .feats = feats,
				  .mtu = 65535,
				  .gso_max4 = 65535,
				  .gso_max6 = 65535,
				  .gso_max_udp = 65535 };
	struct gust_batch in = batch_of(p), out = batch_of(NULL),
			  all = batch_of(NULL);

	plan_fit(g.eng, &in, &caps, &out, &planned);
	while ((p = gust_batch_pop(&out)))
		gust_batch_push(&all, cross(p));
	return all;
}

static void assert_all(struct gust_batch *all, const struct tp *t, uint32_t gso)
{
	uint32_t off = 0;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(all))) {
		uint32_t n = t->len - off < gso ? t->len - off : gso;
		struct tp w = piece_of(t, off, n, gso);

		uint8_t *b = pkt_flat(p);
		uint32_t len = tp_build(buf, &w);

		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		memcpy(b, p->head, p->hlen);
		if (p->len != len || memcmp(b, buf, len))
			print_message("%s\n", chain);
		assert_pkt_bytes(p, buf, len);
		free(b);
		pkt_free(p);
		off += n;
	}
	assert_int_equal(off, t->len);
}

static const uint64_t ports[] = {
	0,
	FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_USO),
};

static void one_chain(struct form *a, struct form *b, unsigned n, unsigned what,
		      bool big)
{
	struct tp t = inner;

	t.eth = what == IN_ETH;
	t.v6 = what == IN_IP6 || (what == IN_ETH && n & 1);
	t.udp = nchains & 1;
	t.len = big ? 3 * GSO + 500 : 100 + nchains % 2;
	for (unsigned i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		struct gust_pkt *p;
		struct gust_batch all;
		unsigned eth;

		snprintf(chain, sizeof(chain),
			 "%s v%u flags %x, in %s v%u flags %x, depth %u, %s %u, "
			 "port %u",
			 a->kind, a->v6 ? 6 : 4, a->flags, b->kind, b->v6 ? 6 : 4,
			 b->flags, n, t.udp ? "udp" : "tcp", what, i);
		p = big ? super(&t, GSO) : wire_pkt(buf, tp_build(buf, &t), t.eth);
		if (!big && nchains & 2)
			p->need = GUST_F_CSUM;
		p = into(a, b, n, p, &eth);
		if (!p)
			return;
		assert_int_equal(p->gso_size, big ? GSO : 0);
		all = over(p, ports[i]);
		out_of(a, b, n, &all, eth);
		assert_all(&all, &t, big ? GSO : t.len);
	}
	nchains++;
}

static void matrix(bool big)
{
	for (unsigned i = 0; i < nforms * nforms; i++) {
		struct form *a = &forms[i / nforms], *b = &forms[i % nforms];

		for (unsigned n = a == b ? 1 : 2; n <= DEPTH; n++)
			for (unsigned what = 0; what < IN_N; what++)
				if (a->carries & 1u << what)
					one_chain(a, b, n, what, big);
	}
	print_message("%u forms, %u chains; cut %u into %u, carried by %u\n",
		      nforms, nchains, (unsigned)planned.cut,
		      (unsigned)planned.pieces, (unsigned)planned.carried);
	assert_true(nchains > nforms * nforms);
}

static void test_singles(void **state)
{
	inner = (struct tp){ .id = 77, .flags = 0x18 };
	matrix(false);
}

static void test_superpackets(void **state)
{
	inner = (struct tp){ .id = 77, .flags = 0x19, .seq = 0xfffffff0 };
	matrix(true);
	assert_true(planned.carried > 0 && planned.cut > planned.carried);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_singles),
		T(test_superpackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
