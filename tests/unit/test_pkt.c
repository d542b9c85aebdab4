/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pkt.c - packets: heads, fragments, header map, checksums, names
 */
#include <errno.h>

#include "pkt/caps.h"
#include "pkt/dissect.h"
#include "pkt/drop.h"
#include "pktlib.h"
#include "sctp_golden.h"

static struct pkt_pool *pool;

static int setup(void **state)
{
	pool = small_pool(8, 256);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_frag copy(const char *s)
{
	struct gust_frag f;

	assert_int_equal(slab_copy(pool, s, strlen(s), &f), 0);
	return f;
}

/* Payload in as many pieces as strings. Between two copies stands one byte that
 * belongs to nobody, so that they do not join. */
static struct gust_pkt *pieces(const char *const *s)
{
	struct gust_pkt *p = pkt_new(pool);

	assert_non_null(p);
	for (; *s; s++) {
		struct gust_frag f = copy(*s), gap = copy("#");

		assert_int_equal(pkt_frag_add(p, &f), 0);
		frag_unref(&gap);
	}
	return p;
}

static void test_new_is_empty(void **state)
{
	struct gust_pkt *p = pkt_new(pool);

	assert_int_equal(p->len, 0);
	assert_int_equal(p->hlen, 0);
	assert_int_equal(p->nfrag, 0);
	assert_int_equal(p->nlayer, 0);
	assert_int_equal(p->need, 0);
	assert_int_equal(p->gso_size, 0);
	assert_null(p->head_slab);
	assert_null(p->next);
	p->need = GUST_F_CSUM;
	p->gso_size = 9;
	p->hash = 7;
	p->port = p->queue = 3;
	p->gso_type = GUST_GSO_TCP6;
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	pkt_free(p);
	p = pkt_new(pool); /* the same object: nothing stays from before */
	assert_int_equal(p->need | p->gso_size | p->hash | p->port | p->queue |
				 p->gso_type | p->nlayer,
			 0);
	pkt_free(p);
}

static void test_from_slab(void **state)
{
	struct gust_slab *s = slab_new(pool);
	struct gust_pkt *p = pkt_from_slab(pool, s, s->data + 600, 65535);

	assert_ptr_equal(p->head, s->data + 600);
	assert_int_equal(p->hlen, 65535);
	assert_int_equal(p->len, 65535);
	assert_int_equal(p->nfrag, 0);
	assert_false(slab_sole(s));
	pkt_free(p);
	assert_true(slab_sole(s));

	/* more than 16 bits can say */
	p = pkt_from_slab(pool, s, s->data + 600, 500000);
	assert_int_equal(p->hlen, 65535);
	assert_int_equal(p->len, 500000);
	assert_int_equal(p->nfrag, 1);
	assert_ptr_equal(p->frag[0].p, s->data + 600 + 65535);
	assert_int_equal(p->frag[0].len, 500000 - 65535);
	pkt_free(p);
	assert_true(slab_sole(s));
	slab_unref(s);
}

static void test_frag_join(void **state)
{
	struct gust_pkt *p = pkt_new(pool);
	struct gust_frag a = copy("abc"), b = copy("def"), c = copy("ghi");

	assert_int_equal(pkt_frag_add(p, &b), 0);
	assert_int_equal(pkt_frag_add(p, &c), 0);
	assert_int_equal(p->nfrag, 1);
	assert_int_equal(pkt_frag_add_front(p, &a), 0);
	assert_int_equal(p->nfrag, 1);
	assert_int_equal(p->len, 9);
	assert_memory_equal(p->frag[0].p, "abcdefghi", 9);
	assert_int_equal(atomic_load(&p->frag[0].slab->ref), 2); /* pool and ours */
	pkt_free(p);
}

static void test_frag_growth(void **state)
{
	struct gust_pkt *p = pkt_new(pool);
	char want[101] = "", got[101];

	for (int i = 0; i < 100; i++) {
		char c[2] = { '0' + i % 10, 0 };
		struct gust_frag f = copy(c), gap = copy("#");

		if (i < 50)
			assert_int_equal(pkt_frag_add(p, &f), 0);
		else
			assert_int_equal(pkt_frag_add_front(p, &f), 0);
		frag_unref(&gap);
	}
	for (int i = 0; i < 50; i++) {
		want[i] = '0' + (99 - i) % 10;
		want[50 + i] = '0' + i % 10;
	}
	assert_int_equal(p->nfrag, 100);
	assert_int_equal(p->len, 100);
	assert_int_equal(pkt_payload_copy(p, 0, got, sizeof got), 100);
	assert_memory_equal(got, want, 100);
	pkt_free(p);
}

static void test_slice(void **state)
{
	static const char *const s[] = { "abc", "defg", "h", "ij", NULL };
	static const char all[] = "abcdefghij";

	for (uint32_t off = 0; off <= 10; off++)
		for (uint32_t n = 0; n <= 10 - off; n++) {
			struct gust_pkt *p = pieces(s);
			char got[16];

			assert_int_equal(p->nfrag, 4);
			pkt_payload_slice(p, off, n);
			assert_int_equal(p->len, n);
			assert_int_equal(pkt_payload_copy(p, 0, got, 16), n);
			assert_memory_equal(got, all + off, n);
			for (unsigned i = 0; i < p->nfrag; i++)
				assert_true(p->frag[i].len > 0);
			pkt_free(p);
		}
}

static void test_copy_and_csum_ranges(void **state)
{
	static const char *const s[] = { "a", "bcd", "e", "fghijkl", NULL };
	static const char all[] = "abcdefghijkl";
	struct gust_pkt *p = pieces(s);
	char got[16];

	for (uint32_t off = 0; off <= 12; off++)
		for (uint32_t n = 0; n <= 14; n++) {
			uint32_t k = n < 12 - off ? n : 12 - off;
			uint32_t sum;

			assert_int_equal(pkt_payload_copy(p, off, got, n), k);
			assert_memory_equal(got, all + off, k);
			if (n > k)
				continue;
			sum = pkt_payload_csum(p, off, n);
			sum = (sum & 0xffff) + (sum >> 16);
			sum = (sum & 0xffff) + (sum >> 16);
			assert_int_equal(
				sum, naive_sum(0, (const uint8_t *)all + off, n));
		}
	pkt_free(p);
}

static void test_push_pull(void **state)
{
	struct gust_pkt *p = pkt_new(pool);
	uint8_t *h = p->head;

	p->hlen = p->len = 28;
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	pkt_layer_append(p, GUST_L_UDP, 0, 20);
	assert_ptr_equal(pkt_push(p, 14), h - 14);
	pkt_layer_push(p, GUST_L_ETH, 0);
	assert_int_equal(p->nlayer, 3);
	assert_int_equal(p->hlen, 42);
	assert_int_equal(p->len, 42);
	assert_int_equal(p->layer[0].kind, GUST_L_ETH);
	assert_int_equal(p->layer[0].off, 0);
	assert_int_equal(p->layer[1].off, 14);
	assert_int_equal(pkt_l3(p)->off, 14);
	assert_int_equal(pkt_l4(p)->off, 34);
	pkt_pull(p, 14);
	assert_ptr_equal(p->head, h);
	assert_int_equal(p->nlayer, 2);
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4);
	assert_int_equal(p->layer[1].off, 20);
	pkt_push(p, GUST_HEADROOM); /* all of the headroom */
	assert_int_equal(p->layer[0].off, GUST_HEADROOM);
	pkt_free(p);
}

static void test_layers(void **state)
{
	struct gust_pkt *p = pkt_new(pool);

	assert_null(pkt_l3(p));
	assert_null(pkt_l4(p));
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	pkt_layer_append(p, GUST_L_UDP, 0, 20);
	pkt_layer_append(p, GUST_L_VXLAN, 0, 28);
	pkt_layer_append(p, GUST_L_ETH, 0, 36);
	pkt_layer_append(p, GUST_L_IPV4, 0, 50);
	/* the inner packet is a fragment: the outer UDP is not its transport */
	assert_int_equal(pkt_l3(p)->off, 50);
	assert_null(pkt_l4(p));
	pkt_layer_append(p, GUST_L_TCP, 0, 70);
	assert_int_equal(pkt_l4(p)->off, 70);
	assert_int_equal(pkt_layer(p, GUST_L_IPV4)->off, 0);
	assert_null(pkt_layer(p, GUST_L_ARP));
	pkt_free(p);
}

static void test_clone(void **state)
{
	static const char *const s[] = { "abc", "defg", "hij", NULL };
	struct gust_pkt *p = pieces(s), *c;
	struct gust_slab *big;

	memcpy(p->head, "HEAD", 4);
	p->hlen = 4;
	p->len += 4;
	p->gso_size = 3;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	assert_int_equal(p->hops, 0);
	p->hops = 7;
	pkt_layer_append(p, GUST_L_TCP, 0, 2);
	c = pkt_clone(pool, p);
	assert_non_null(c);
	assert_ptr_not_equal(c->head, p->head);
	p->head[0] = 'x'; /* the head is private, the payload is shared */
	assert_pkt_bytes(c, (const uint8_t *)"HEADabcdefghij", 14);
	assert_ptr_equal(c->frag[2].p, p->frag[2].p);
	assert_int_equal(c->gso_size, 3);
	assert_int_equal(c->gso_type, GUST_GSO_TCP4);
	assert_int_equal(c->need, GUST_F_CSUM);
	assert_int_equal(c->hops, 7);
	assert_int_equal(pkt_l4(c)->off, 2);
	pkt_free(p);
	assert_pkt_bytes(c, (const uint8_t *)"HEADabcdefghij", 14);
	pkt_free(c);

	/* a head larger than an object holds */
	big = slab_new(pool);
	memset(big->data, 5, 5000);
	p = pkt_from_slab(pool, big, big->data + GUST_HEADROOM, 4000);
	c = pkt_clone(pool, p);
	assert_non_null(c);
	assert_pkt_bytes(c, big->data, 4000);
	pkt_push(c, GUST_HEADROOM);
	pkt_free(p);
	pkt_free(c);
	slab_unref(big);
}

static void test_clone_limit(void **state)
{
	struct pkt_pool *one = small_pool(1, 1);
	struct gust_pkt *p = pkt_new(one);

	assert_null(pkt_clone(one, p));
	pkt_free(p);
	assert_int_equal(pkt_pool_free(one), 0);
}

static void test_iov(void **state)
{
	static const char *const s[] = { "abc", "defg", NULL };
	struct gust_pkt *p = pieces(s);
	struct iovec iov[4];

	memcpy(p->head, "HD", 2);
	p->hlen = 2;
	p->len += 2;
	assert_int_equal(pkt_iov(p, iov, 4, 1), 4);
	assert_memory_equal(iov[1].iov_base, "HD", 2);
	assert_int_equal(iov[1].iov_len, 2);
	assert_int_equal(iov[2].iov_len, 3);
	assert_memory_equal(iov[3].iov_base, "defg", 4);
	assert_int_equal(pkt_iov(p, iov, 3, 1), -E2BIG);
	assert_int_equal(pkt_iov(p, iov, 1, 1), -E2BIG);
	assert_int_equal(pkt_iov(p, iov, 3, 0), 3);
	pkt_free(p);
}

static void test_iov_joins_head(void **state)
{
	struct tp t = { .len = 1000 };
	uint8_t b[1100];
	struct gust_pkt *p = pkt_of(pool, b, tp_build(b, &t));
	struct iovec iov[2];

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	assert_int_equal(p->hlen, 40);
	assert_int_equal(p->nfrag, 1);
	assert_int_equal(pkt_iov(p, iov, 2, 0), 1); /* as it stood in the slab */
	assert_int_equal(iov[0].iov_len, 1040);
	pkt_free(p);
}

/* ---- checksums ---- */

static struct gust_pkt *dissected(const uint8_t *b, uint32_t n)
{
	struct gust_pkt *p = pkt_of(pool, b, n);

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	return p;
}

static void test_csum(void **state)
{
	static uint8_t b[3000], z[3000];

	for (int i = 0; i < 64; i++) {
		struct tp t = { .v6 = i & 1,
				.udp = i & 2,
				.opt = i & 4 ? 12 : 0,
				.len = 1231 + (i >> 3),
				.seq = i };
		uint32_t n = tp_build(b, &t);
		struct gust_pkt *p = dissected(b, n);
		uint32_t at;

		assert_true(pkt_csum_verify(p));
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		/* garbage in the field, as it is while the sum is owed */
		at = pkt_l4(p)->off + (t.udp ? 6 : 16);
		p->head[at] ^= 0x5a;
		p->need = GUST_F_CSUM;
		assert_true(pkt_csum_verify(p));
		pkt_csum_complete(p);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_pkt_bytes(p, b, n);
		pkt_free(p);

		memcpy(z, b, n); /* one bit anywhere in the transport's bytes */
		z[n - 1 - (i * 37) % t.len] ^= 1 << i % 8;
		p = dissected(z, n);
		assert_false(pkt_csum_verify(p));
		assert_int_equal(p->need, 0);
		p->need = GUST_F_CSUM_OK; /* vouched for: not looked at */
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
	}
}

static void test_csum_udp_zero(void **state)
{
	struct tp t = { .udp = true, .len = 2, .no_csum = true };
	uint8_t b[100];
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p = dissected(b, n);

	assert_true(pkt_csum_verify(p)); /* RFC 768 */
	pkt_free(p);
	t.v6 = true;
	n = tp_build(b, &t);
	p = dissected(b, n);
	assert_false(pkt_csum_verify(p)); /* RFC 8200 8.1 */
	pkt_free(p);

	/* a sum of zero is sent as all ones */
	t.v6 = false;
	n = tp_build(b, &t);
	w16(b + 28, 0);
	w16(b + 28, naive_l4(b + 12, 8, 17, b + 20, 10));
	p = dissected(b, n);
	pkt_csum_complete(p);
	assert_int_equal(r16(p->head + 26), 0xffff);
	p->need = 0;
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
}

static void test_csum_icmp(void **state)
{
	uint8_t b[100];
	struct tp t = { .udp = true, .len = 8, .no_csum = true };
	uint32_t n = tp_build(b, &t);
	struct gust_pkt *p;

	b[9] = 1;
	fix_ip4(b);
	w16(b + 20, 0x0800);
	w16(b + 22, 0);
	w16(b + 22, (uint16_t)~naive_sum(0, b + 20, 16));
	p = dissected(b, n);
	assert_int_equal(pkt_l4(p)->kind, GUST_L_ICMP);
	assert_true(pkt_csum_verify(p));
	p->need = GUST_F_CSUM;
	p->head[22] ^= 1;
	pkt_csum_complete(p);
	assert_pkt_bytes(p, b, n);
	pkt_free(p);

	t.v6 = true;
	n = tp_build(b, &t);
	b[6] = 58;
	w16(b + 40, 0x8000);
	w16(b + 42, 0);
	w16(b + 42, naive_l4(b + 8, 32, 58, b + 40, 16));
	p = dissected(b, n);
	assert_int_equal(pkt_l4(p)->kind, GUST_L_ICMP6);
	assert_true(pkt_csum_verify(p));
	p->need = GUST_F_CSUM;
	p->head[43] ^= 1;
	pkt_csum_complete(p);
	assert_pkt_bytes(p, b, n);
	pkt_free(p);
}

static void test_csum_sctp(void **state)
{
	static const struct golden *const good[] = {
		&golden_data4[0],    &golden_data4[3],   &golden_data6[0],
		&golden_mixed4[2],   &golden_idata6[1],  &golden_init4[0],
		&golden_sack4[0],    &golden_bundle4[0], &golden_cookie6[0],
		&golden_options4[1],
	};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const uint8_t *b = (const uint8_t *)good[i]->bytes;
		uint32_t n = good[i]->len;
		struct gust_pkt *p = dissected(b, n);
		uint32_t l4_off = pkt_l4(p)->off;
		uint8_t z[2000];

		assert_int_equal(pkt_l4(p)->kind, GUST_L_SCTP);
		assert_int_equal(pkt_csum_off(GUST_L_SCTP), 8);
		assert_true(pkt_csum_verify(p));
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		memset(p->head + l4_off + 8, 0x5a, 4);
		p->need = GUST_F_CSUM;
		assert_true(pkt_csum_verify(p));
		pkt_csum_complete(p);
		assert_int_equal(p->need, GUST_F_CSUM_OK);
		assert_pkt_bytes(p, b, n);
		pkt_free(p);
		for (uint32_t at = l4_off; at < n; at += 1 + at / 50) {
			memcpy(z, b, n);
			z[at] ^= 1 << at % 8;
			p = dissected(z, n);
			assert_false(pkt_csum_verify(p));
			assert_int_equal(p->need, 0);
			pkt_free(p);
		}
	}
}

/* Payload in many pieces. */
static void test_csum_sctp_pieces(void **state)
{
	const uint8_t *b = (const uint8_t *)golden_data4[1].bytes;
	struct gust_pkt *p = pkt_new(pool);

	memcpy(p->head, b, 32);
	p->hlen = p->len = 32;
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	pkt_layer_append(p, GUST_L_SCTP, 0, 20);
	for (uint32_t off = 32, n = 1; off < golden_data4[1].len;
	     off += n, n += 3) {
		struct gust_frag f, gap = copy("#");

		if (n > golden_data4[1].len - off)
			n = golden_data4[1].len - off;
		assert_int_equal(slab_copy(pool, b + off, n, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		frag_unref(&gap);
	}
	assert_true(p->nfrag > 20);
	assert_true(pkt_csum_verify(p));
	pkt_free(p);
}

static void test_names(void **state)
{
	for (int r = 0; r < DROP_REASONS; r++) {
		assert_non_null(drop_name(r));
		assert_non_null(drop_text(r));
		for (int q = 0; q < r; q++)
			assert_string_not_equal(drop_name(r), drop_name(q));
	}
	assert_string_equal(drop_name(DROP_BAD_VNET), "bad_vnet");
	assert_string_equal(drop_name(DROP_REASONS), "unknown");
	for (int f = 0; f < FEAT_N; f++)
		assert_non_null(feat_name(f));
	assert_string_equal(feat_name(FEAT_TSO6), "tx-tcp6-segmentation");
	assert_string_equal(feat_name(FEAT_N), "unknown");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_new_is_empty),
		T(test_from_slab),
		T(test_frag_join),
		T(test_frag_growth),
		T(test_slice),
		T(test_copy_and_csum_ranges),
		T(test_push_pull),
		T(test_layers),
		T(test_clone),
		T(test_clone_limit),
		T(test_iov),
		T(test_iov_joins_head),
		T(test_csum),
		T(test_csum_udp_zero),
		T(test_csum_icmp),
		T(test_csum_sctp),
		T(test_csum_sctp_pieces),
		T(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
