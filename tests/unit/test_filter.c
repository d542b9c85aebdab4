/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_filter.c - which packets an expression takes, and what is said about a
 * wrong one
 */
#include <errno.h>
#include <stdio.h>

#include "pkt/dissect.h"
#include "pkt/filter.h"
#include "pktlib.h"

static struct pkt_pool *pool;
static uint8_t buf[80000];

static int setup(void **state)
{
	pool = small_pool(6, 100);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

/* ---- the packets ---- */

enum { TCP4, TCP6, UDP4, UDP6, SUPER4, FRAG4, ARP, ICMP4, ICMP6, SCTP4, NPKTS };

static struct gust_pkt *dissected(uint32_t n, bool eth)
{
	struct gust_pkt *p = pkt_of(pool, buf, n);

	assert_int_equal(pkt_dissect(p, eth ? DISSECT_ETH : DISSECT_IP), DROP_NONE);
	return p;
}

static struct gust_pkt *transport(const struct tp *t)
{
	return dissected(tp_build(buf, t), t->eth);
}

/* The UDP packet with another protocol, its first bytes given. */
static struct gust_pkt *other(bool v6, uint8_t proto, const char *body, uint32_t n)
{
	struct tp t = { .v6 = v6, .udp = true, .len = 100, .no_csum = true };
	uint32_t len = tp_build(buf, &t);

	buf[v6 ? 6 : 9] = proto;
	memcpy(buf + (v6 ? 40 : 20), body, n);
	if (!v6)
		fix_ip4(buf);
	return dissected(len, false);
}

static struct gust_pkt *fragment(void)
{
	struct tp t = { .len = 100 };
	uint32_t n = tp_build(buf, &t);

	buf[6] = 0x20; /* more fragments */
	fix_ip4(buf);
	return dissected(n, false);
}

static struct gust_pkt *arp(void)
{
	memset(buf, 0, 60);
	memset(buf, 0xff, 6);
	buf[6] = 2;
	memcpy(buf + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
	return dissected(60, true);
}

static struct gust_pkt *make(unsigned i)
{
	struct gust_pkt *p;

	switch (i) {
	case TCP4:
		return transport(&(struct tp){ .len = 100 });
	case TCP6:
		return transport(&(struct tp){ .v6 = true, .len = 100 });
	case UDP4:
		return transport(&(struct tp){ .udp = true, .len = 100 });
	case UDP6:
		return transport(&(struct tp){
			.v6 = true, .udp = true, .eth = true, .len = 9 });
	case SUPER4:
		p = transport(&(struct tp){ .eth = true, .len = 40000 });
		p->gso_size = 1448;
		p->gso_type = GUST_GSO_TCP4;
		return p;
	case FRAG4:
		return fragment();
	case ARP:
		return arp();
	case ICMP4:
		return other(false, 1, "\x08\0\0\0\0\1\0\1", 8);
	case ICMP6:
		return other(true, 58, "\x80\0\0\0\0\1\0\1", 8);
	default:
		return other(false, 132, "\x0f\xa0\x1f\x90\0\0\0\0\0\0\0\0", 12);
	}
}

#define BIT(x) (1u << (x))
#define ALL (BIT(NPKTS) - 1)
#define V4                                                                         \
	(BIT(TCP4) | BIT(UDP4) | BIT(SUPER4) | BIT(FRAG4) | BIT(ICMP4) | BIT(SCTP4))
#define V6 (BIT(TCP6) | BIT(UDP6) | BIT(ICMP6))
#define TCPS (BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) | BIT(FRAG4))
#define UDPS (BIT(UDP4) | BIT(UDP6))

/* Addresses and ports of tp_build(), read back from the bytes so that the table
 * below says them once more. */
static const struct {
	const char *text;
	unsigned want;
} good[] = {
	{ "", ALL },
	{ "  \t\n", ALL },
	{ "tcp", TCPS },
	{ "udp", UDPS },
	{ "sctp", BIT(SCTP4) },
	{ "icmp", BIT(ICMP4) },
	{ "icmp6", BIT(ICMP6) },
	{ "arp", BIT(ARP) },
	{ "ip", V4 },
	{ "ip6", V6 },
	{ "super", BIT(SUPER4) },
	{ "not super", ALL & ~BIT(SUPER4) },
	{ "! super", ALL & ~BIT(SUPER4) },
	{ "!super", ALL & ~BIT(SUPER4) },
	{ "not not super", BIT(SUPER4) },
	{ "!!!super", ALL & ~BIT(SUPER4) },
	{ "in", ALL },
	{ "out", 0 },
	{ "not in", 0 },
	{ "tcp and ip6", BIT(TCP6) },
	{ "tcp && ip6", BIT(TCP6) },
	{ "tcp&&ip6", BIT(TCP6) },
	{ "arp or icmp", BIT(ARP) | BIT(ICMP4) },
	{ "arp||icmp", BIT(ARP) | BIT(ICMP4) },
	/* "and" before "or" */
	{ "arp or tcp and ip6", BIT(ARP) | BIT(TCP6) },
	{ "tcp and ip6 or arp", BIT(ARP) | BIT(TCP6) },
	{ "(arp or tcp) and ip6", BIT(TCP6) },
	{ "ip6 and (arp or tcp)", BIT(TCP6) },
	{ "not (arp or tcp) and ip6", BIT(UDP6) | BIT(ICMP6) },
	{ "not(arp or not ip6)", V6 },
	/* addresses */
	{ "host 10.111.0.1", V4 },
	{ "src host 10.111.0.1", V4 },
	{ "dst host 10.111.0.1", 0 },
	{ "dst host 10.111.0.2", V4 },
	{ "dst 10.111.0.2", V4 },
	{ "src 10.111.0.2", 0 },
	{ "host 10.0.0.0/8", V4 },
	{ "net 10.111.0.0/31", V4 },
	{ "src net 10.111.0.2/31", 0 },
	{ "host 0.0.0.0/0", V4 },
	{ "host ::/0", V6 },
	{ "host 2001:db8::1", V6 },
	{ "dst 2001:db8::1", 0 },
	{ "ip host 10.111.0.1 and udp", BIT(UDP4) },
	{ "host 9.0.0.1", 0 },
	{ "not host 10.111.0.1", V6 | BIT(ARP) },
	/* ports; a fragment has none */
	{ "port 40000", BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) | UDPS },
	{ "src port 40000", BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) | UDPS },
	{ "dst port 40000", 0 },
	{ "port 4000", BIT(SCTP4) },
	{ "port 39999-40001", BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) | UDPS },
	{ "portrange 0-65535",
	  BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) | UDPS | BIT(SCTP4) },
	{ "tcp port 40000", BIT(TCP4) | BIT(TCP6) | BIT(SUPER4) },
	{ "not tcp port 40000", ALL & ~(BIT(TCP4) | BIT(TCP6) | BIT(SUPER4)) },
	{ "udp src port 40000 or arp", UDPS | BIT(ARP) },
	{ "port 1", 0 },
	/* lengths, of the whole packet */
	{ "greater 40000", BIT(SUPER4) },
	{ "greater 40054", BIT(SUPER4) },
	{ "greater 40055", 0 },
	{ "less 71", BIT(UDP6) | BIT(ARP) },
	{ "less 70", BIT(ARP) },
	{ "tcp greater 1000", BIT(SUPER4) },
	{ "greater 4294967295", 0 },
};

static void which(void **state)
{
	static struct filter f;
	struct filter_error err;

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		unsigned got = 0;

		if (filter_compile(good[i].text, &f, &err))
			fail_msg("\"%s\": %s", good[i].text, err.text);
		for (unsigned k = 0; k < NPKTS; k++) {
			struct gust_pkt *p = make(k);

			got |= filter_match(&f, p, FILTER_IN) ? BIT(k) : 0;
			pkt_free(p);
		}
		if (got != good[i].want)
			fail_msg("\"%s\" takes %x, expected %x", good[i].text, got,
				 good[i].want);
	}
}

static void direction(void **state)
{
	static struct filter f;
	struct filter_error err;
	struct gust_pkt *p = make(TCP4);

	assert_int_equal(filter_compile("out and tcp", &f, &err), 0);
	assert_true(filter_match(&f, p, FILTER_OUT));
	assert_false(filter_match(&f, p, FILTER_IN));
	pkt_free(p);
}

#define TESTS "a protocol, host, port, greater, less, super, in, out, not or ("

static void refused(void **state)
{
	static const struct {
		const char *text;
		unsigned pos;
		const char *err;
	} t[] = {
		{ "tpc", 0, "expected " TESTS ", not \"tpc\"" },
		{ "tcp and", 7, "expected " TESTS ", not the end" },
		{ "and tcp", 0, "expected " TESTS ", not \"and\"" },
		{ "tcp udp", 4, "expected and, or or the end, not \"udp\"" },
		{ "tcp & udp", 4, "expected and, or or the end, not \"&\"" },
		{ "tcp )", 4, "expected and, or or the end, not \")\"" },
		{ "(tcp", 4, "expected and, or or ), not the end" },
		{ "(tcp udp)", 5, "expected and, or or ), not \"udp\"" },
		{ "()", 1, "expected " TESTS ", not \")\"" },
		{ "not", 3, "expected " TESTS ", not the end" },
		{ "host", 4, "expected an IP address, not the end" },
		{ "host example.org", 5,
		  "expected an IP address, not \"example.org\"" },
		{ "host 10.0.0", 5, "expected an IP address, not \"10.0.0\"" },
		{ "host 10.0.0.0/33", 5,
		  "expected a prefix length up to 32 behind the /" },
		{ "host 10.0.0.0/", 5,
		  "expected a prefix length up to 32 behind the /" },
		{ "host 10.0.0.0/8x", 5,
		  "expected a prefix length up to 32 behind the /" },
		{ "net fd00::/129", 4,
		  "expected a prefix length up to 128 behind the /" },
		{ "src", 3, "expected host, port or an address, not the end" },
		{ "src tcp", 4, "expected host, port or an address, not \"tcp\"" },
		{ "tcp src", 7, "expected host, port or an address, not the end" },
		{ "port http", 5,
		  "expected a port from 0 to 65535, or two with a - between them, "
		  "not \"http\"" },
		{ "port 65536", 5,
		  "expected a port from 0 to 65535, or two with a - between them, "
		  "not \"65536\"" },
		{ "port 5-4", 5,
		  "expected a port from 0 to 65535, or two with a - between them, "
		  "not \"5-4\"" },
		{ "port -4", 5,
		  "expected a port from 0 to 65535, or two with a - between them, "
		  "not \"-4\"" },
		{ "greater", 7, "expected a number of bytes, not the end" },
		{ "less 1k", 5, "expected a number of bytes, not \"1k\"" },
		{ "less 4294967296", 5,
		  "expected a number of bytes, not \"4294967296\"" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0,
		  "expected " TESTS ", not \"aaaaaaaaaaaaaaaaaaaaaaaa\"" },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct filter f = { .n = 77 };
		struct filter_error err;

		assert_int_equal(filter_compile(t[i].text, &f, &err), -EINVAL);
		assert_string_equal(err.text, t[i].err);
		assert_int_equal(err.pos, t[i].pos);
		assert_int_equal(f.n, 77); /* untouched */
	}
}

static void limits(void **state)
{
	static struct filter f;
	struct filter_error err;
	char text[FILTER_TEXT_MAX + 10];

	/* nesting: 32 parentheses, each with something waiting in front */
	text[0] = '\0';
	for (unsigned i = 0; i < 31; i++)
		strcat(text, "in or in and (");
	strcat(text, "out");
	for (unsigned i = 0; i < 31; i++)
		strcat(text, ")");
	assert_int_equal(filter_compile(text, &f, &err), 0);
	assert_int_equal(f.n, 31 * 4 + 1);
	memset(text, '(', 33);
	strcpy(text + 33, "tcp");
	assert_int_equal(filter_compile(text, &f, &err), -EINVAL);
	assert_string_equal(err.text, "the expression is nested too deeply");
	/* instructions */
	strcpy(text, "in");
	for (unsigned i = 0; i < 63; i++)
		strcat(text, "||in");
	assert_int_equal(filter_compile(text, &f, &err), 0);
	assert_int_equal(f.n, 127);
	strcat(text, "||in");
	assert_int_equal(filter_compile(text, &f, &err), -EINVAL);
	assert_string_equal(err.text, "the expression is too long");
	/* bytes */
	memset(text, ' ', sizeof(text));
	text[FILTER_TEXT_MAX] = '\0';
	assert_int_equal(filter_compile(text, &f, &err), 0);
	text[FILTER_TEXT_MAX] = ' ';
	text[FILTER_TEXT_MAX + 1] = '\0';
	assert_int_equal(filter_compile(text, &f, &err), -EINVAL);
	assert_string_equal(err.text, "the expression is longer than 1000 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(direction),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
