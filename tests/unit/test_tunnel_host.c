/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tunnel_host.c - push, peek, strip and flow_hash, to the byte
 */
#include <errno.h>

#include "offload/engine_internal.h"
#include "seglib.h"

static int setup(void **state)
{
	return seg_begin((const char *const[]){ "tso", NULL });
}

static struct gust_worker *worker(void)
{
	return &g.eng->w;
}

/* `n` bytes of `b` behind VXLAN, UDP and IP (outer by `o`), written out; returns the
 * length. `cap` headers of the inner packet begin at the returned *ret_in. */
static uint32_t vxlan_build(uint8_t *out, struct tp o, const uint8_t *in,
			    uint32_t n, uint32_t *ret_in)
{
	uint32_t len, at;

	o.udp = true;
	o.no_csum = true;
	o.len = 8 + n;
	len = tp_build(out, &o);
	at = len - o.len;
	w16(out + at - 6, 4789);
	memset(out + at, 0, 8);
	out[at] = 0x08;
	out[at + 6] = 42;
	memcpy(out + at + 8, in, n);
	*ret_in = at + 8;
	return len;
}

/* ---- push ---- */

static void test_push(void **state)
{
	static const struct gust_layer l[2] = { { GUST_L_IPV4, 0, 0 },
						{ GUST_L_GRE, 0, 20 } };
	struct tp t = { .len = 300, .id = 4 };
	struct gust_pkt *p = super(&t, 100);
	uint8_t h[24], want[400];
	uint32_t n = tp_build(want, &t);

	memset(h, 0xab, sizeof(h));
	assert_int_equal(engine_host.push(p, h, 24, l, 2), 0);
	assert_int_equal(p->nlayer, 4);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4);
	assert_int_equal(p->layer[1].off, 20);
	assert_int_equal(p->layer[2].off, 24);
	assert_int_equal(p->layer[3].off, 44);
	memmove(want + 24, want, n);
	memcpy(want, h, 24);
	assert_pkt_bytes(p, want, n + 24);
	assert_int_equal(p->gso_size, 100);
	pkt_free(p);
}

/* Limits: the map, and the bytes that surely are the packet's own. */
static void test_push_limits(void **state)
{
	static const struct gust_layer l[3] = { { GUST_L_IPV4, 0, 0 },
						{ GUST_L_UDP, 0, 20 },
						{ GUST_L_VXLAN, 0, 28 } };
	struct tp t = { .len = 10 };
	struct gust_pkt *p = super(&t, 0), *q;
	uint8_t h[512] = { 0 };
	unsigned n = 0;

	p->gso_type = 0;
	/* in its own head and in a slab alike */
	q = pkt_clone(g.pool, p);
	assert_int_equal(engine_host.push(p, h, 512 - 40, l, 3), 0);
	assert_int_equal(engine_host.push(q, h, 512 - 40, l, 3), 0);
	assert_int_equal(engine_host.push(p, h, 1, l, 0), -ENOBUFS);
	assert_int_equal(engine_host.push(q, h, 1, l, 0), -ENOBUFS);
	assert_int_equal(p->hlen, 512);
	assert_int_equal(p->len, 522);
	pkt_free(p);
	pkt_free(q);
	p = super(&t, 0);
	p->gso_type = 0;
	while (!engine_host.push(p, h, 36, l, 3))
		n++;
	assert_int_equal(n, 7); /* 2 + 21 layers; 3 more are too many */
	assert_int_equal(p->nlayer, 23);
	assert_int_equal(engine_host.push(p, h, 36, l, 1), 0);
	assert_int_equal(engine_host.push(p, h, 36, l, 1), -ENOBUFS);
	pkt_free(p);
}

/* Behind another packet in one slab: only the headroom is free, however far the slab
 * goes on in front. */
static void test_push_behind(void **state)
{
	static const struct gust_layer l = { GUST_L_IPV4, 0, 0 };
	struct gust_slab *s = slab_new(g.pool);
	struct tp t = { .len = 100 };
	uint32_t n = tp_build(buf, &t);
	uint8_t h[512] = { 0 }, *at = s->data + 8192;

	memset(s->data, 0x5a, 8192 - GUST_HEADROOM);
	for (int way = 0; way < 2; way++) {
		struct gust_pkt *p;

		memcpy(at, buf, n);
		p = pkt_from_slab(g.pool, s, at, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		for (int i = 0; i < 20; i++)
			if (way)
				engine_host.head_insert(p, 20, 100);
			else
				engine_host.push(p, h, 100, &l, 1);
		assert_int_equal(p->hlen, 40 + 4 * 100);
		for (uint32_t i = 0; i < 8192 - GUST_HEADROOM; i++)
			assert_int_equal(s->data[i], 0x5a);
		pkt_free(p);
	}
	slab_unref(s);
}

/* ---- peek ---- */

static void test_peek(void **state)
{
	struct tp t = { .len = 300 };
	uint8_t want[400], got[400];
	uint32_t n = tp_build(want, &t);
	struct gust_pkt *p = super(&t, 0);

	for (uint32_t off = 0; off < n + 3; off += 7) {
		uint32_t len = off + 61 > n ? (off < n ? n - off : 0) : 61;

		memset(got, 0xee, sizeof(got));
		assert_int_equal(engine_host.peek(p, off, got, 61), len);
		if (len)
			assert_memory_equal(got, want + off, len);
		assert_int_equal(got[len], 0xee);
	}
	pkt_free(p);
}

/* ---- strip ---- */

/* Give the payload another shape: pieces of `step` bytes, each in a slab place of
 * its own. */
static void scatter(struct gust_pkt *p, uint32_t step)
{
	uint32_t len = pkt_payload_len(p);
	uint8_t *b = malloc(len + 1);
	struct gust_frag f;

	pkt_payload_copy(p, 0, b, len);
	pkt_payload_slice(p, 0, 0);
	for (uint32_t off = 0; off < len; off += step) {
		uint32_t n = len - off < step ? len - off : step;

		assert_int_equal(slab_copy(g.pool, b + off, n, &f), 0);
		assert_int_equal(pkt_frag_push(p, &f), 0);
	}
	free(b);
}

/* Payload that the packet has did not move: it is in the old fragments. */
static void assert_inside(const struct gust_pkt *p, const struct gust_frag *old,
			  unsigned nold)
{
	for (unsigned i = 0; i < p->nfrag; i++) {
		bool in = false;

		for (unsigned k = 0; k < nold; k++)
			in |= p->frag[i].p >= old[k].p &&
			      p->frag[i].p + p->frag[i].len <=
				      old[k].p + old[k].len;
		assert_true(in);
	}
}

/* Every outer and inner family, both transports, payload in one piece and in many,
 * head in a slab and in the packet. */
static void test_strip(void **state)
{
	static const uint32_t steps[] = { 0, 1, 9, 63, 1000 };
	static uint8_t in[3000], b[4000];

	for (int i = 0; i < 32 * 5; i++) {
		struct tp o = { .v6 = i & 1, .id = 9 };
		struct tp t = { .v6 = i & 2,
				.udp = i & 4,
				.eth = i & 8,
				.len = 1400,
				.id = 3 };
		uint32_t step = steps[i / 32], nin, n, at, left;
		uint8_t kind = t.eth ? GUST_L_ETH : GUST_L_NONE;
		struct gust_frag old[3000];
		struct gust_pkt *p;
		uint8_t *end;
		unsigned nold;

		nin = tp_build(in, &t);
		n = vxlan_build(b, o, in, nin, &at);
		p = pkt_of(g.pool, b, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		if (i & 16) {
			struct gust_pkt *q = pkt_clone(g.pool, p);

			pkt_free(p);
			p = q;
		}
		if (step)
			scatter(p, step);
		p->need = GUST_F_CSUM_OK;
		p->hash = 77;
		nold = p->nfrag;
		memcpy(old, p->frag, nold * sizeof(old[0]));
		end = p->head + p->hlen;
		left = pkt_payload_len(p);
		assert_int_equal(engine_host.strip(worker(), p, at, kind), 0);
		/* bytes and map are those of the inner packet alone */
		assert_pkt_bytes(p, in, nin);
		assert_map(p, in, nin, t.eth);
		assert_int_equal(p->need, 0);
		assert_int_equal(p->hash, 0);
		assert_inside(p, old, nold);
		assert_ptr_equal(p->head + p->hlen, end);
		assert_int_equal(left - pkt_payload_len(p), 8 + p->hlen);
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
	}
}

/* The slab's bytes behind the outer head are payload, maybe a shared one: they do
 * not change. */
static void test_strip_shared(void **state)
{
	static uint8_t in[3000], b[4000];
	struct tp o = { .id = 9 }, t = { .eth = true, .len = 1400 };
	uint32_t at, nin = tp_build(in, &t);
	uint32_t n = vxlan_build(b, o, in, nin, &at);
	struct gust_pkt *p = pkt_of(g.pool, b, n), *q;

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	q = pkt_clone(g.pool, p);
	assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_ETH), 0);
	memset(p->head - 400, 0xcc, p->hlen + 400); /* and it writes to its head */
	assert_pkt_bytes(q, b, n);
	pkt_free(p);
	pkt_free(q);
}

/* Padding behind the inner packet goes; UDP surplus too, and IP says so. */
static void test_strip_padding(void **state)
{
	static uint8_t in[3000], b[4000];
	struct tp o = { .v6 = true }, t = { .eth = true, .len = 2 };
	uint32_t at, nin = tp_build(in, &t), n;
	struct gust_pkt *p;

	memset(in + nin, 0, 60 - nin); /* the least that Ethernet carries */
	n = vxlan_build(b, o, in, 60, &at);
	p = pkt_of(g.pool, b, n);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_ETH), 0);
	assert_pkt_bytes(p, in, nin);
	pkt_free(p);

	for (int v6 = 0; v6 < 2; v6++) {
		struct tp u = { .udp = true, .v6 = v6, .len = 100, .id = 2 };
		struct tp w = u;
		uint8_t want[200];
		uint32_t hl = v6 ? 48 : 28;

		tp_build(in, &u);
		w.len = 90;
		nin = tp_build(want, &w);
		memcpy(in + hl - 8, want + hl - 8, 8); /* says 90 */
		n = vxlan_build(b, o, in, hl + 100, &at);
		p = pkt_of(g.pool, b, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_NONE),
				 0);
		assert_pkt_bytes(p, want, nin);
		pkt_free(p);
	}
}

/* Frames that are not IP, tags, fragments: they pass. */
static void test_strip_opaque(void **state)
{
	static const struct {
		uint8_t nlayer, kind[4];
		uint16_t off[4];
		uint32_t hlen, len;
		char bytes[11]; /* from the type on */
	} f[] = {
		/* LLDP */
		{ 1, { GUST_L_ETH }, { 0 }, 14, 60, "\x88\xcc\x02\x07" },
		/* 802.3 with LLC: spanning tree */
		{ 1, { GUST_L_ETH }, { 0 }, 14, 60, "\x00\x26\x42\x42" },
		/* tagged twice, PPPoE */
		{ 3,
		  { GUST_L_ETH, GUST_L_VLAN, GUST_L_VLAN },
		  { 0, 14, 18 },
		  22,
		  90,
		  "\x88\xa8\x00\x01\x81\x00\x00\x02\x88\x64" },
		{ 2,
		  { GUST_L_ETH, GUST_L_ARP },
		  { 0, 14 },
		  42,
		  42,
		  "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" },
		/* nothing behind the header */
		{ 1, { GUST_L_ETH }, { 0 }, 14, 14, "\x88\xb5" },
	};
	static uint8_t in[200], b[400];

	for (unsigned i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		struct tp o = { .id = 1 };
		struct gust_pkt *p;
		uint32_t at, n;

		for (unsigned k = 0; k < sizeof(in); k++)
			in[k] = pay(k);
		memcpy(in + 12, f[i].bytes, f[i].len > 22 ? 10 : 2);
		n = vxlan_build(b, o, in, f[i].len, &at);
		p = pkt_of(g.pool, b, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_ETH), 0);
		assert_pkt_bytes(p, in, f[i].len);
		assert_int_equal(p->hlen, f[i].hlen);
		assert_int_equal(p->nlayer, f[i].nlayer);
		for (unsigned k = 0; k < p->nlayer; k++) {
			assert_int_equal(p->layer[k].kind, f[i].kind[k]);
			assert_int_equal(p->layer[k].off, f[i].off[k]);
		}
		pkt_free(p);
		/* at a port it is refused as ever */
		p = pkt_of(g.pool, in, f[i].len);
		if (f[i].kind[1] != GUST_L_ARP)
			assert_int_equal(pkt_dissect(p, DISSECT_ETH),
					 DROP_BAD_ETHERTYPE);
		pkt_free(p);
	}
}

static void test_strip_fragment(void **state)
{
	static uint8_t in[3000], b[4000];
	struct tp o = { .id = 1 }, t = { .len = 400 };
	uint32_t at, nin = tp_build(in, &t), n;
	struct gust_pkt *p;

	w16(in + 6, 0x2003); /* not the first, not the last */
	fix_ip4(in);
	n = vxlan_build(b, o, in, nin, &at);
	p = pkt_of(g.pool, b, n);
	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_IPV4), 0);
	assert_pkt_bytes(p, in, nin);
	assert_int_equal(p->hlen, 20);
	assert_int_equal(p->nlayer, 1);
	assert_int_equal(p->layer[0].flags, GUST_LF_FRAGMENT);
	pkt_free(p);
}

/* Malformed or not what it is said to be: the packet is whole. */
static void test_strip_fails(void **state)
{
	static uint8_t in[3000], b[4000];
	struct tp o = { .id = 1 }, t = { .len = 400 };
	uint32_t nin = tp_build(in, &t), at, n;

	n = vxlan_build(b, o, in, nin, &at);
	for (uint32_t step = 0; step < 100; step += 33) {
		static const struct {
			uint32_t more;
			uint8_t kind;
		} bad[] = {
			{ 0, GUST_L_IPV6 },     { 430, GUST_L_ETH },
			{ 1, GUST_L_IPV4 },     { 440, GUST_L_NONE },
			{ 439, GUST_L_IPV4 },   { 441, GUST_L_NONE },
			{ 0, GUST_L_UDP },      { 12, GUST_L_NONE },
			{ 100000, GUST_L_ETH },
		};
		struct gust_pkt *p = pkt_of(g.pool, b, n), *was;

		assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
		if (step)
			scatter(p, step);
		p->need = GUST_F_CSUM_OK;
		p->hash = 5;
		was = pkt_clone(g.pool, p);
		for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			assert_int_equal(engine_host.strip(worker(), p,
							   at + bad[i].more,
							   bad[i].kind),
					 -EINVAL);
			assert_pkt_bytes(p, b, n);
			assert_int_equal(p->hlen, 28);
			assert_int_equal(p->nlayer, was->nlayer);
			assert_memory_equal(p->layer, was->layer,
					    p->nlayer * sizeof(p->layer[0]));
			assert_int_equal(p->need, GUST_F_CSUM_OK);
			assert_int_equal(p->hash, 5);
		}
		assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_IPV4),
				 0);
		assert_pkt_bytes(p, in, nin);
		pkt_free(p);
		pkt_free(was);
	}
}

/* The map went deeper than strip does: inner VXLAN stays one for the next. */
static void test_strip_deeper(void **state)
{
	static uint8_t in[3000], mid[4000], b[5000];

	for (int own = 0; own < 2; own++) {
		struct tp o = { .id = 1 }, m = { .id = 2, .eth = true };
		struct tp t = { .eth = true, .len = 400 };
		uint32_t at, at2, nin = tp_build(in, &t), nmid, n;
		struct gust_pkt *p;

		nmid = vxlan_build(mid, m, in, nin, &at2);
		n = vxlan_build(b, o, mid, nmid, &at);
		p = pkt_of(g.pool, b, n);
		assert_int_equal(pkt_dissect(p, DISSECT_IP | DISSECT_TUNNELS),
				 DROP_NONE);
		assert_int_equal(p->nlayer, 10);
		if (own) {
			struct gust_pkt *q = pkt_clone(g.pool, p);

			pkt_free(p);
			p = q;
		}
		p->need = GUST_F_CSUM;
		assert_int_equal(engine_host.strip(worker(), p, at, GUST_L_ETH), 0);
		assert_pkt_bytes(p, mid, nmid);
		assert_map(p, mid, nmid, true);
		assert_int_equal(p->need, 0); /* spoke of another transport */
		assert_int_equal(engine_host.strip(worker(), p, at2, GUST_L_ETH),
				 0);
		assert_pkt_bytes(p, in, nin);
		assert_map(p, in, nin, true);
		pkt_free(p);
	}
}

/* A superpacket of what is inside stays one; a train is refused. */
static void test_strip_super(void **state)
{
	struct tp t = { .len = 5000, .id = 3, .eth = false };
	struct gust_pkt *p = super(&t, 1000);
	struct tunnel a = { .id = 7 };

	enter_tunnel(p, &a);
	assert_int_equal(engine_host.strip(worker(), p, 50, GUST_L_NONE), 0);
	assert_int_equal(p->gso_size, 1000);
	assert_int_equal(p->need, GUST_F_CSUM);
	p->hash = 77;
	assert_piece(p, &t);
	pkt_free(p);
	t.udp = true;
	p = super(&t, 1000);
	assert_int_equal(engine_host.strip(worker(), p, 28, GUST_L_ETH), -EINVAL);
	p->hash = 77;
	assert_piece(p, &t);
	pkt_free(p);
}

/* ---- flow_hash ---- */

static uint32_t hash_of(const struct tp *t, uint32_t sport)
{
	uint32_t n = tp_build(buf, t), h;
	struct gust_pkt *p;

	w16(buf + (t->eth ? 14 : 0) + (t->v6 ? 40 : 20), sport);
	p = pkt_of(g.pool, buf, n);
	assert_int_equal(pkt_dissect(p, t->eth ? DISSECT_ETH : DISSECT_IP),
			 DROP_NONE);
	h = engine_host.flow_hash(worker(), p);
	assert_int_not_equal(h, 0);
	pkt_free(p);
	return h;
}

/* The same for all packets of a flow, and for its superpackets and tunnels; spread
 * over flows. */
static void test_hash(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct tp t = { .v6 = i & 1, .udp = i & 2, .eth = i & 4, .len = 9 };
		struct tp u = t;
		unsigned bucket[16] = { 0 };
		struct tunnel a = { .id = 1 };
		struct gust_pkt *p;

		u.len = 1000;
		u.seq = 77;
		u.id = 8;
		u.flags = 0x18;
		assert_int_equal(hash_of(&t, 40000), hash_of(&u, 40000));
		assert_int_not_equal(hash_of(&t, 40000), hash_of(&t, 40001));
		for (unsigned s = 0; s < 1600; s++)
			bucket[hash_of(&t, 1000 + s) % 16]++;
		for (unsigned k = 0; k < 16; k++)
			assert_in_range(bucket[k], 50, 150);
		if (t.eth)
			continue;
		p = super(&t, 0);
		enter_tunnel(p, &a);
		assert_int_equal(engine_host.flow_hash(worker(), p),
				 hash_of(&t, 40000));
		pkt_free(p);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, seg_end)
	const struct CMUnitTest tests[] = {
		T(test_push),          T(test_push_limits),  T(test_push_behind),
		T(test_peek),          T(test_strip),        T(test_strip_shared),
		T(test_strip_padding), T(test_strip_opaque), T(test_strip_fragment),
		T(test_strip_fails),   T(test_strip_deeper), T(test_strip_super),
		T(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
