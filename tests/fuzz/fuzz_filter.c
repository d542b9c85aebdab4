/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_filter.c - any text as a filter, any packet before it
 *
 * Input: the text, a NUL, one byte of flags, the packet. A text is refused with a
 * sentence and a place in it, or it obeys the laws of logic on the packet.
 */
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkt/dissect.h"
#include "pkt/filter.h"
#include "wire/bytes.h"
#include "wire/csum.h"

#define F_ETH 0x01
#define F_SUPER 0x02
#define F_OUT 0x04
#define F_FIX_IP4 0x08 /* give the first IPv4 header a right checksum */

#define PKT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pkt_pool *pool;

#define CHECK(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			abort();                                                   \
	} while (0)

static void fix_ip4(uint8_t *ip, size_t len)
{
	size_t hlen = len < 20 ? 0 : (ip[0] & 15) * 4;

	if (hlen < 20 || hlen > len || ip[0] >> 4 != 4)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, hlen)));
}

static struct gust_pkt *packet(const uint8_t *b, size_t n, uint8_t flags)
{
	size_t ip = flags & F_ETH ? 14 : 0;
	struct gust_slab *s = slab_new(pool);
	uint8_t *at = s->data + GUST_HEADROOM;
	struct gust_pkt *p;

	memcpy(at, b, n);
	if (flags & F_FIX_IP4 && n > ip)
		fix_ip4(at + ip, n - ip);
	ASAN_POISON_MEMORY_REGION(at + n, s->cap - GUST_HEADROOM - n);
	p = pkt_from_slab(pool, s, at, n);
	slab_unref(s);
	if (pkt_dissect(p, ip ? DISSECT_ETH : DISSECT_IP) == DROP_NONE)
		return p;
	pkt_free(p);
	return NULL;
}

/* "(text)", put into `fmt` twice. -1: too long for the compiler. */
static int eval(const char *fmt, const char *text, const struct gust_pkt *p,
		enum filter_dir dir)
{
	static struct filter f;
	char s[3 * FILTER_TEXT_MAX];
	struct filter_error err;

	snprintf(s, sizeof(s), fmt, text, text);
	if (filter_compile(s, &f, &err)) {
		CHECK(strstr(err.text, "long") || strstr(err.text, "deep"));
		return -1;
	}
	return filter_match(&f, p, dir);
}

static void check_laws(const char *text, const struct gust_pkt *p,
		       enum filter_dir dir)
{
	int is = eval("%s", text, p, dir);
	static const struct {
		const char *fmt;
		int want; /* -1: what the text itself gives; -2: the contrary */
	} law[] = {
		{ "(%s)", -1 },
		{ "not not (%s)", -1 },
		{ "not (%s)", -2 },
		{ "(%s) and (%s)", -1 },
		{ "(%s) or (%s)", -1 },
		{ "(%s) or not (%s)", 1 },
		{ "not (%s) and (%s)", 0 },
		{ "(%s) and in or (%s) and out", -1 },
	};

	for (unsigned i = 0; i < sizeof(law) / sizeof(law[0]); i++) {
		int got = eval(law[i].fmt, text, p, dir);

		CHECK(got < 0 || got == (law[i].want == -1 ? is :
					 law[i].want == -2 ? !is :
							     law[i].want));
	}
}

static bool blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter f;
	struct pkt_limits lim = { .slab_max = 8, .pkt_max = 64 };
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	struct filter_error err = { .pos = 99999 };
	struct gust_pkt *p;
	size_t n;

	if (!nul || size - (nul - data) < 2)
		return 0;
	if (!pool)
		pool = pkt_pool_new(&lim);
	if (filter_compile((const char *)data, &f, &err)) {
		CHECK(err.text[0] && err.pos <= (size_t)(nul - data));
		return 0;
	}
	CHECK(f.n <= FILTER_INSN_MAX && blank((const char *)data) == !f.n);
	n = size - (nul - data) - 2;
	p = n <= PKT_MAX ? packet(nul + 2, n, nul[1]) : NULL;
	if (!p)
		return 0;
	if (nul[1] & F_SUPER)
		p->gso_size = 100;
	if (f.n)
		check_laws((const char *)data, p,
			   nul[1] & F_OUT ? FILTER_OUT : FILTER_IN);
	else
		CHECK(filter_match(&f, p, FILTER_IN));
	pkt_free(p);
	return 0;
}
