/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_neigh.c - ARP and neighbour discovery on a tap: frames out for frames
 * in, exact bytes, "and nothing more"
 */
#include "ip/neigh.h"

#include <stdio.h>

#include "ip/ip.h"
#include "iplib.h"
#include "wire/icmp.h"

#define OWN4 "10.0.0.1"
#define OWN6 "fd00::1"
#define HOST4 "10.0.0.2"
#define HOST6 "fd00::2"
#define LL "fe80::5eff:fe00:5301"

static const struct ethaddr mac = { { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x01 } };
static const struct ethaddr host = { { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x99 } };
static const struct ethaddr other = { { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x77 } };
static const struct ethaddr bcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static struct pkt_pool *pool;
static struct rng rng;
static struct env env;
static struct neigh *n;
static struct gust_batch out, failed;

static int start(bool responder)
{
	struct ipaddr own[2] = { A(OWN4), A(OWN6) };
	struct neigh_conf conf = {
		.mac = mac, .own = own, .n_own = 2, .responder = responder
	};

	rng_seed(&rng, 5);
	env = (struct env){ .now_us = SEC, .rng = &rng };
	pool = lib_pool(160, 8192);
	gust_batch_init(&out);
	gust_batch_init(&failed);
	n = neigh_new(pool, &conf);
	return n ? 0 : -1;
}

static int setup(void **state)
{
	return start(true);
}

static int setup_quiet(void **state)
{
	return start(false);
}

static void run(void)
{
	neigh_timer(n, &out, &failed, &env);
}

/* Through DAD and announcements: all addresses are ours. */
static int setup_ready(void **state)
{
	if (start(true))
		return -1;
	for (unsigned i = 0; i < 40; i++) {
		run();
		env.now_us += SEC / 10;
	}
	run();
	pkt_batch_free(&out);
	return 0;
}

static int teardown(void **state)
{
	bool clean = !out.n && !failed.n;

	pkt_batch_free(&out);
	pkt_batch_free(&failed);
	neigh_free(n);
	return pkt_pool_free(pool) || !clean ? -1 : 0;
}

/* The next frame that leaves has these bytes. */
static void expect(const void *want, uint32_t len)
{
	uint8_t b[2000];
	struct gust_pkt *p = gust_batch_pop(&out);

	assert_non_null(p);
	assert_int_equal(lib_flat(p, b, sizeof(b)), len);
	assert_memory_equal(b, want, len);
	pkt_free(p);
}

static void expect_nothing(void)
{
	assert_int_equal(out.n, 0);
}

static uint32_t eth(uint8_t *b, const struct ethaddr *dst,
		    const struct ethaddr *src, uint16_t type)
{
	eth_build(b, &(struct eth_hdr){ *dst, *src, type });
	return 14;
}

static uint32_t arp(uint8_t *b, const struct ethaddr *dst,
		    const struct ethaddr *src, uint16_t op, const char *spa,
		    const struct ethaddr *tha, const char *tpa)
{
	struct arp_msg m = { .op = op, .sha = *src, .spa = A(spa), .tpa = A(tpa) };

	if (tha)
		m.tha = *tha;
	eth(b, dst, src, 0x0806);
	arp_build(b + 14, &m);
	return 42;
}

static struct ethaddr group6(const char *ip)
{
	struct ipaddr a = A(ip);

	return (struct ethaddr){ { 0x33, 0x33, a.b[12], a.b[13], a.b[14],
				   a.b[15] } };
}

/* A neighbour discovery frame with a right checksum. */
static uint32_t nd(uint8_t *b, const struct ethaddr *dst, const struct ethaddr *src,
		   const char *ip_src, const char *ip_dst, struct nd_msg m,
		   uint8_t hop)
{
	uint8_t t[64];
	uint32_t len;

	len = nd_build(t, &m);
	lib_csum(t, len, 2, ip_src, ip_dst, 58);
	eth(b, dst, src, 0x86dd);
	lib_ip6(b + 14, ip_src, ip_dst, 58, t, len);
	b[14 + 7] = hop;
	return 54 + len;
}

static struct nd_msg NS(const char *target, const struct ethaddr *ll) {
	struct nd_msg m = { .type = ICMP6_NS,
			    .target = A(target),
			    .has_lladdr = ll };

	if (ll)
		m.lladdr = *ll;
	return m;
}

static struct nd_msg
NA(const char *target, struct ethaddr ll, bool solicited, bool override,
   bool router) {
	return (struct nd_msg){ .type = ICMP6_NA,
				.target = A(target),
				.has_lladdr = true,
				.lladdr = ll,
				.solicited = solicited,
				.override = override,
				.router = router };
}

static enum drop_reason
feed(const uint8_t *b, uint32_t len)
{
	struct gust_pkt *p = lib_pkt(pool, b, len, DISSECT_ETH);
	enum drop_reason why;

	assert_true(neigh_input(n, p, &out, &env, &why));
	return why;
}

static struct gust_pkt *packet(const char *src, const char *dst)
{
	uint8_t b[200], t[100];
	struct ipaddr d = A(dst);

	lib_udp(t, 1, 2, 10);
	return lib_pkt(pool, b,
		       ipaddr_is4(&d) ? lib_ip4(b, src, dst, 17, 1, 0, t, 18) :
					lib_ip6(b, src, dst, 17, t, 18),
		       DISSECT_IP);
}

static enum drop_reason send_to(const char *src, const char *dst)
{
	return neigh_output(n, packet(src, dst), &out, &env);
}

/* The next frame is that packet, to `dst`. */
static void expect_sent(const struct ethaddr *dst, const char *ip_src,
			const char *ip_dst)
{
	uint8_t b[200], t[100];
	struct ipaddr d = A(ip_dst);
	uint32_t len;

	lib_udp(t, 1, 2, 10);
	eth(b, dst, &mac, ipaddr_is4(&d) ? 0x0800 : 0x86dd);
	len = ipaddr_is4(&d) ? lib_ip4(b + 14, ip_src, ip_dst, 17, 1, 0, t, 18) :
			       lib_ip6(b + 14, ip_src, ip_dst, 17, t, 18);
	assert_non_null(out.first);
	assert_int_equal(out.first->layer[0].kind, GUST_L_ETH);
	assert_int_equal(out.first->layer[1].off, 14);
	expect(b, 14 + len);
}

static enum neigh_dad dad(const char *a)
{
	struct ipaddr x = A(a);

	return neigh_dad_state(n, &x);
}

/* ---- duplicate address detection ---- */

/* The whole start of a responder, frame by frame. */
static void test_dad(void **state)
{
	struct ethaddr g6 = group6("ff02::1:ff00:1"),
		       gll = group6("ff02::1:ff00:5301");
	struct ethaddr all = group6("ff02::1");
	struct ipaddr ll = A(LL);
	uint8_t b[200];

	assert_memory_equal(neigh_linklocal(n), &ll, 16);
	assert_true(neigh_deadline(n) <= env.now_us);
	assert_int_equal(dad(OWN4), NEIGH_DAD_TENTATIVE);
	run();
	expect(b, arp(b, &bcast, &mac, 1, "0.0.0.0", NULL, OWN4));
	expect(b, nd(b, &g6, &mac, "::", "ff02::1:ff00:1", NS(OWN6, NULL), 255));
	expect(b, nd(b, &gll, &mac, "::", "ff02::1:ff00:5301", NS(LL, NULL), 255));
	expect_nothing();
	assert_int_equal(neigh_deadline(n), env.now_us + 200000);
	run();
	expect_nothing();
	env.now_us += 200000;
	run();
	expect(b, arp(b, &bcast, &mac, 1, "0.0.0.0", NULL, OWN4));
	assert_int_equal(dad(OWN4), NEIGH_DAD_TENTATIVE);
	env.now_us += 200000;
	run();
	assert_int_equal(dad(OWN4), NEIGH_DAD_OK);
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, OWN4)); /* announcement */
	expect_nothing();
	assert_int_equal(neigh_deadline(n), 2 * SEC);
	env.now_us = 2 * SEC;
	run();
	assert_int_equal(dad(OWN6), NEIGH_DAD_OK);
	assert_int_equal(dad(LL), NEIGH_DAD_OK);
	expect(b, nd(b, &all, &mac, OWN6, "ff02::1",
		     NA(OWN6, mac, false, true, true), 255));
	expect(b, nd(b, &all, &mac, LL, "ff02::1", NA(LL, mac, false, true, true),
		     255));
	expect_nothing();
	env.now_us = 3400000;
	run();
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, OWN4)); /* the second */
	env.now_us = 4 * SEC;
	run();
	assert_int_equal(out.n, 2);
	pkt_batch_free(&out);
	assert_int_equal(neigh_deadline(n), ENV_NEVER);
	assert_int_equal(dad("10.9.9.9"), NEIGH_DAD_TENTATIVE); /* none of ours */
}

static void test_dad_duplicate(void **state)
{
	struct ethaddr g6 = group6("ff02::1:ff00:1"), all = group6("ff02::1");
	uint8_t b[200];

	run();
	pkt_batch_free(&out);
	/* our own probe, come back, is no conflict */
	assert_int_equal(feed(b, arp(b, &bcast, &mac, 1, "0.0.0.0", NULL, OWN4)),
			 DROP_NONE);
	assert_int_equal(feed(b, nd(b, &g6, &mac, "::", "ff02::1:ff00:1",
				    NS(OWN6, NULL), 255)),
			 DROP_NONE);
	assert_int_equal(dad(OWN4), NEIGH_DAD_TENTATIVE);
	assert_int_equal(dad(OWN6), NEIGH_DAD_TENTATIVE);
	/* a request for it is not answered yet */
	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	feed(b, nd(b, &g6, &host, HOST6, "ff02::1:ff00:1", NS(OWN6, &host), 255));
	expect_nothing();
	assert_int_equal(dad(OWN6), NEIGH_DAD_TENTATIVE);
	/* somebody has it */
	feed(b, arp(b, &mac, &other, 2, OWN4, &mac, "0.0.0.0"));
	feed(b, nd(b, &all, &other, OWN6, "ff02::1",
		   NA(OWN6, other, false, true, false), 255));
	assert_int_equal(dad(OWN4), NEIGH_DAD_DUPLICATE);
	assert_int_equal(dad(OWN6), NEIGH_DAD_DUPLICATE);
	env.now_us += 20 * SEC;
	run();
	assert_int_equal(out.n, 1); /* the link-local address goes on alone */
	pkt_batch_free(&out);
	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	feed(b, nd(b, &g6, &host, HOST6, "ff02::1:ff00:1", NS(OWN6, &host), 255));
	expect_nothing();
}

/* Two probe for one address at the same time: both lose. */
static void test_dad_both(void **state)
{
	struct ethaddr g6 = group6("ff02::1:ff00:1");
	uint8_t b[200];

	run();
	pkt_batch_free(&out);
	feed(b, arp(b, &bcast, &other, 1, "0.0.0.0", NULL, OWN4));
	feed(b, nd(b, &g6, &other, "::", "ff02::1:ff00:1", NS(OWN6, NULL), 255));
	assert_int_equal(dad(OWN4), NEIGH_DAD_DUPLICATE);
	assert_int_equal(dad(OWN6), NEIGH_DAD_DUPLICATE);
	expect_nothing();
}

static void test_set_own(void **state)
{
	struct ipaddr own[3] = { A(OWN4), A("10.0.0.7"), A(OWN4) };
	uint8_t b[200];

	neigh_set_own(n, own, 3, &env);
	assert_int_equal(dad(OWN4), NEIGH_DAD_OK); /* stays, without a new probe */
	assert_int_equal(dad(LL), NEIGH_DAD_OK);
	assert_int_equal(dad("10.0.0.7"), NEIGH_DAD_TENTATIVE);
	assert_int_equal(dad(OWN6), NEIGH_DAD_TENTATIVE); /* gone */
	run();
	expect(b, arp(b, &bcast, &mac, 1, "0.0.0.0", NULL, "10.0.0.7"));
	expect_nothing();
}

/* RFC 5227 2.4 c: defended, but not all the time. */
static void test_defend(void **state)
{
	struct ethaddr all = group6("ff02::1");
	uint8_t b[200];

	for (unsigned i = 0; i < 3; i++)
		feed(b, arp(b, &bcast, &other, 1, OWN4, NULL, HOST4));
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, OWN4));
	expect_nothing();
	env.now_us += 10 * SEC;
	feed(b, arp(b, &bcast, &other, 2, OWN4, &bcast, OWN4));
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, OWN4));
	feed(b, nd(b, &all, &other, OWN6, "ff02::1",
		   NA(OWN6, other, false, true, false), 255));
	expect(b, nd(b, &all, &mac, OWN6, "ff02::1",
		     NA(OWN6, mac, false, true, true), 255));
	expect_nothing();
	assert_int_equal(dad(OWN4), NEIGH_DAD_OK);
}

/* ---- answers ---- */

static void test_arp_answer(void **state)
{
	uint8_t b[200];

	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	expect(b, arp(b, &host, &mac, 2, OWN4, &host, HOST4));
	feed(b, arp(b, &bcast, &host, 1, "0.0.0.0", NULL, OWN4)); /* a probe */
	expect(b, arp(b, &host, &mac, 2, OWN4, &host, "0.0.0.0"));
	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, "10.0.0.9")); /* not ours */
	feed(b, arp(b, &mac, &host, 2, HOST4, &mac, OWN4));
	expect_nothing();
	/* who asked is known */
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect_sent(&host, OWN4, HOST4);
	expect_nothing();
}

static void test_ns_answer(void **state)
{
	struct ethaddr g = group6("ff02::1:ff00:1"),
		       gll = group6("ff02::1:ff00:5301");
	struct ethaddr all = group6("ff02::1");
	uint8_t b[200];

	feed(b, nd(b, &g, &host, HOST6, "ff02::1:ff00:1", NS(OWN6, &host), 255));
	expect(b, nd(b, &host, &mac, OWN6, HOST6, NA(OWN6, mac, true, true, true),
		     255));
	feed(b, nd(b, &mac, &host, HOST6, OWN6, NS(OWN6, NULL),
		   255)); /* unicast probe */
	expect(b, nd(b, &host, &mac, OWN6, HOST6, NA(OWN6, mac, true, true, true),
		     255));
	feed(b, nd(b, &gll, &host, "fe80::2", "ff02::1:ff00:5301", NS(LL, &host),
		   255));
	expect(b, nd(b, &host, &mac, LL, "fe80::2", NA(LL, mac, true, true, true),
		     255));
	/* another one's DAD: to all nodes */
	feed(b, nd(b, &g, &host, "::", "ff02::1:ff00:1", NS(OWN6, NULL), 255));
	expect(b, nd(b, &all, &mac, OWN6, "ff02::1",
		     NA(OWN6, mac, false, true, true), 255));
	feed(b,
	     nd(b, &g, &host, HOST6, "ff02::1:ff00:1", NS("fd00::9", &host), 255));
	expect_nothing();
	assert_int_equal(send_to(OWN6, "fe80::2"), DROP_NONE);
	expect_sent(&host, OWN6, "fe80::2");
}

/* RFC 4861 7.1.1, 7.1.2, RFC 826 */
static void test_invalid(void **state)
{
	struct ethaddr g = group6("ff02::1:ff00:1"), all = group6("ff02::1");
	uint8_t b[400];
	struct gust_pkt *p;
	uint32_t len;

	assert_int_equal(feed(b, nd(b, &g, &host, HOST6, "ff02::1:ff00:1",
				    NS(OWN6, &host), 254)),
			 DROP_BAD_ND);
	len = nd(b, &g, &host, HOST6, "ff02::1:ff00:1", NS(OWN6, &host), 255);
	b[60] ^= 1;
	assert_int_equal(feed(b, len), DROP_BAD_ND); /* checksum */
	assert_int_equal(feed(b, nd(b, &g, &host, "::", "ff02::1:ff00:1",
				    NS(OWN6, &host), 255)),
			 DROP_BAD_ND); /* unspecified, with an address */
	assert_int_equal(
		feed(b, nd(b, &mac, &host, "::", OWN6, NS(OWN6, NULL), 255)),
		DROP_BAD_ND); /* unspecified, to one */
	assert_int_equal(feed(b, nd(b, &all, &host, HOST6, "ff02::1",
				    NA(HOST6, host, true, true, false), 255)),
			 DROP_BAD_ND); /* solicited, to many */
	assert_int_equal(feed(b, nd(b, &g, &host, HOST6, "ff02::1:ff00:1",
				    NS("ff02::5", &host), 255)),
			 DROP_BAD_ND);
	/* RFC 6980: an atomic fragment */
	{
		uint8_t t[40] = { 58 };
		struct nd_msg m = NS(OWN6, &host);

		len = nd_build(t + 8, &m);
		lib_csum(t + 8, len, 2, HOST6, "ff02::1:ff00:1", 58);
		eth(b, &g, &host, 0x86dd);
		lib_ip6(b + 14, HOST6, "ff02::1:ff00:1", 44, t, len + 8);
		b[21] = 255;
		assert_int_equal(feed(b, 54 + len + 8), DROP_BAD_ND);
	}
	len = arp(b, &bcast, &host, 7, HOST4, NULL, OWN4);
	assert_int_equal(feed(b, len), DROP_BAD_ARP);
	len = arp(b, &bcast, &bcast, 1, HOST4, NULL, OWN4);
	assert_int_equal(feed(b, len), DROP_BAD_ARP);
	len = arp(b, &other, &host, 1, HOST4, NULL, OWN4);
	assert_int_equal(feed(b, len), DROP_NOT_FOR_US);
	expect_nothing();
	assert_int_equal(neigh_n(n), 0); /* nothing was learned from any */
	p = packet(HOST4, OWN4); /* no Ethernet: none of our business */
	enum drop_reason why;
	assert_false(neigh_input(n, p, &out, &env, &why));
	pkt_free(p);
}

/* ---- resolution ---- */

static void test_resolve4(void **state)
{
	uint8_t b[200];

	assert_int_equal(send_to("8.8.8.8", HOST4), DROP_NONE);
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, HOST4));
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect_nothing(); /* one question for both */
	/* an answer for somebody else's question does not help */
	feed(b, arp(b, &mac, &other, 2, "10.0.0.3", &mac, OWN4));
	expect_nothing();
	feed(b, arp(b, &mac, &host, 2, HOST4, &mac, OWN4));
	expect_sent(&host, "8.8.8.8", HOST4);
	expect_sent(&host, OWN4, HOST4);
	expect_nothing();
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect_sent(&host, OWN4, HOST4);
	/* a gratuitous announcement moves it */
	feed(b, arp(b, &bcast, &other, 1, HOST4, NULL, HOST4));
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect_sent(&other, OWN4, HOST4);
	expect_nothing();
}

static void test_resolve6(void **state)
{
	struct ethaddr g = group6("ff02::1:ff00:2"), all = group6("ff02::1");
	uint8_t b[200];

	assert_int_equal(send_to("2001:db8::5", HOST6), DROP_NONE);
	expect(b, nd(b, &g, &mac, OWN6, "ff02::1:ff00:2", NS(HOST6, &mac), 255));
	assert_int_equal(send_to(LL, "fe80::2"), DROP_NONE); /* its own source */
	expect(b, nd(b, &g, &mac, LL, "ff02::1:ff00:2", NS("fe80::2", &mac), 255));
	feed(b, nd(b, &mac, &host, HOST6, OWN6, NA(HOST6, host, true, true, false),
		   255));
	expect_sent(&host, "2001:db8::5", HOST6);
	expect_nothing();
	/* without override another address is doubted, and asked about */
	feed(b, nd(b, &mac, &host, HOST6, OWN6,
		   NA(HOST6, other, false, false, false), 255));
	assert_int_equal(send_to(OWN6, HOST6), DROP_NONE);
	expect(b, nd(b, &host, &mac, OWN6, HOST6, NS(HOST6, &mac), 255));
	expect_sent(&host, OWN6, HOST6);
	feed(b, nd(b, &mac, &host, HOST6, OWN6, NA(HOST6, other, true, true, false),
		   255));
	assert_int_equal(send_to(OWN6, HOST6), DROP_NONE);
	expect_sent(&other, OWN6, HOST6);
	/* unsolicited with override: believed at once, and asked about */
	feed(b, nd(b, &all, &host, HOST6, "ff02::1",
		   NA(HOST6, host, false, true, false), 255));
	assert_int_equal(send_to(OWN6, HOST6), DROP_NONE);
	expect(b, nd(b, &host, &mac, OWN6, HOST6, NS(HOST6, &mac), 255));
	expect_sent(&host, OWN6, HOST6);
	/* an unsolicited one about a stranger makes no entry */
	feed(b, nd(b, &mac, &host, "fd00::9", OWN6,
		   NA("fd00::9", host, false, true, false), 255));
	assert_int_equal(neigh_n(n), 2);
	feed(b, nd(b, &mac, &host, "fe80::2", LL,
		   NA("fe80::2", host, true, true, false), 255));
	expect_sent(&host, LL, "fe80::2");
	expect_nothing();
}

/* Before DAD is through: ARP asks like a probe, neighbour discovery waits. */
static void test_resolve_tentative(void **state)
{
	struct ethaddr g = group6("ff02::1:ff00:2");
	uint8_t b[200];
	unsigned asked = 0;

	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect(b, arp(b, &bcast, &mac, 1, "0.0.0.0", NULL, HOST4));
	assert_int_equal(send_to(OWN6, HOST6), DROP_NONE);
	expect_nothing();
	for (unsigned i = 0; i < 13; i++) {
		struct gust_pkt *p;

		run();
		while ((p = gust_batch_pop(&out))) {
			uint32_t len = nd(b, &g, &mac, OWN6, "ff02::1:ff00:2",
					  NS(HOST6, &mac), 255);

			asked += p->len == len && !memcmp(p->head, b, len);
			pkt_free(p);
		}
		env.now_us += SEC / 10;
	}
	assert_int_equal(asked, 1);
}

static void test_fail(void **state)
{
	uint8_t b[200];
	struct gust_pkt *p;
	uint64_t t0 = env.now_us;

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	assert_int_equal(send_to(OWN4, HOST4), DROP_NEIGH_QUEUE);
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, HOST4));
	assert_int_equal(neigh_deadline(n), t0 + SEC);
	for (unsigned i = 1; i <= 2; i++) {
		env.now_us = t0 + i * SEC;
		run();
		expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, HOST4));
		run();
		expect_nothing();
	}
	env.now_us = t0 + 3 * SEC - 1;
	run();
	assert_int_equal(failed.n, 0);
	env.now_us++;
	run();
	expect_nothing();
	assert_int_equal(failed.n, 8);
	p = failed.first;
	assert_int_equal(p->layer[0].kind, GUST_L_IPV4); /* as it was given */
	pkt_batch_free(&failed);
	assert_int_equal(neigh_n(n), 0);
	assert_int_equal(neigh_deadline(n), ENV_NEVER);
	/* and begins anew */
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, HOST4));
}

/* A frame of any kind teaches its source, answers what waits, keeps it fresh. */
static void test_learn(void **state)
{
	uint8_t b[200], t[100];
	enum drop_reason why;
	struct gust_pkt *p;
	uint32_t len;

	lib_udp(t, 1, 2, 10);
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	pkt_batch_free(&out);
	eth(b, &mac, &host, 0x0800);
	len = 14 + lib_ip4(b + 14, HOST4, "8.8.8.8", 17, 1, 0, t, 18);
	p = lib_pkt(pool, b, len, DISSECT_ETH);
	assert_false(neigh_input(n, p, &out, &env, &why));
	assert_int_equal(why, DROP_NONE);
	expect_sent(&host, OWN4, HOST4);
	for (unsigned i = 0; i < 5; i++) {
		env.now_us += 29 * SEC;
		assert_false(neigh_input(n, p, &out, &env, &why));
	}
	env.now_us += 29 * SEC;
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect_sent(&host, OWN4, HOST4);
	expect_nothing(); /* no probe */
	pkt_free(p);

	/* nothing is learned from frames for others, or of impossible sources */
	static const char *const bad[] = { OWN4, "0.0.0.0", "224.0.0.1",
					   "127.0.0.1", "255.255.255.255" };
	for (unsigned i = 0; i < 6; i++) {
		eth(b, i == 5 ? &other : &mac, &host, 0x0800);
		len = 14 + lib_ip4(b + 14, i == 5 ? "10.0.0.5" : bad[i], "8.8.8.8",
				   17, 1, 0, t, 18);
		p = lib_pkt(pool, b, len, DISSECT_ETH);
		assert_false(neigh_input(n, p, &out, &env, &why));
		pkt_free(p);
	}
	assert_int_equal(neigh_n(n), 1);
}

/* RFC 1122 3.3.6, RFC 1812 5.3.4: a frame for many with a packet for one. */
static void test_group_frame(void **state)
{
	struct ethaddr g4 = { { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x05 } };
	struct ethaddr g6 = group6("ff02::1");
	enum drop_reason why;
	uint8_t b[200], t[100];
	struct gust_pkt *p;

	lib_udp(t, 1, 2, 10);
	eth(b, &bcast, &host, 0x0800);
	lib_ip4(b + 14, HOST4, "8.8.8.8", 17, 1, 0, t, 18);
	assert_int_equal(feed(b, 52), DROP_NOT_FOR_US);
	lib_ip4(b + 14, HOST4, OWN4, 17, 1, 0x2000, t, 16);
	eth_build(b, &(struct eth_hdr){ g4, host, 0x0800 });
	assert_int_equal(feed(b, 50), DROP_NOT_FOR_US);
	eth(b, &g6, &host, 0x86dd);
	lib_ip6(b + 14, HOST6, OWN6, 17, t, 18);
	assert_int_equal(feed(b, 72), DROP_NOT_FOR_US);
	assert_int_equal(neigh_n(n), 0); /* and nothing is learned from it */
	/* a packet for many is the stack's to judge */
	lib_ip6(b + 14, HOST6, "ff02::1", 17, t, 18);
	p = lib_pkt(pool, b, 72, DISSECT_ETH);
	assert_false(neigh_input(n, p, &out, &env, &why));
	assert_int_equal(why, DROP_NONE);
	pkt_free(p);
	eth(b, &bcast, &host, 0x0800);
	lib_ip4(b + 14, HOST4, "255.255.255.255", 17, 1, 0, t, 18);
	p = lib_pkt(pool, b, 52, DISSECT_ETH);
	assert_false(neigh_input(n, p, &out, &env, &why));
	pkt_free(p);
}

static void test_probe(void **state)
{
	uint8_t b[200];
	uint64_t t0;

	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	pkt_batch_free(&out);
	env.now_us += 30 * SEC + 1;
	t0 = env.now_us;
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
	expect(b, arp(b, &host, &mac, 1, OWN4, NULL, HOST4)); /* unicast */
	expect_sent(&host, OWN4, HOST4); /* and not held up */
	for (unsigned i = 1; i <= 2; i++) {
		env.now_us = t0 + i * SEC;
		run();
		expect(b, arp(b, &host, &mac, 1, OWN4, NULL, HOST4));
		assert_int_equal(send_to(OWN4, HOST4), DROP_NONE);
		expect_sent(&host, OWN4, HOST4);
	}
	env.now_us = t0 + 3 * SEC;
	run();
	assert_int_equal(neigh_n(n), 0);
	expect_nothing();
	assert_int_equal(failed.n, 0);
}

static void test_group(void **state)
{
	struct ethaddr g4 = { { 0x01, 0x00, 0x5e, 0x7f, 0x00, 0x05 } };
	struct ethaddr g6 = { { 0x33, 0x33, 0x00, 0x00, 0x00, 0xfb } };

	assert_int_equal(send_to(OWN4, "239.255.0.5"), DROP_NONE);
	expect_sent(&g4, OWN4, "239.255.0.5");
	assert_int_equal(send_to(OWN4, "255.255.255.255"), DROP_NONE);
	expect_sent(&bcast, OWN4, "255.255.255.255");
	assert_int_equal(send_to(OWN6, "ff02::fb"), DROP_NONE);
	expect_sent(&g6, OWN6, "ff02::fb");
	expect_nothing();
}

static void test_expiry(void **state)
{
	uint8_t b[200];

	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	pkt_batch_free(&out);
	assert_int_equal(neigh_n(n), 1);
	assert_int_equal(neigh_deadline(n), env.now_us + 600 * SEC);
	env.now_us += 600 * SEC;
	run();
	assert_int_equal(neigh_n(n), 0);
	assert_int_equal(neigh_deadline(n), ENV_NEVER);
}

/* 128 packets wait in all; 4096 neighbours are known or asked for, and the one
 * used longest ago goes, with what waits for it. */
static void test_limit(void **state)
{
	char s[20];
	uint8_t b[200];

	for (unsigned i = 0; i < 4096; i++) {
		snprintf(s, sizeof(s), "10.1.%u.%u", i >> 8, i & 255);
		assert_int_equal(send_to(OWN4, s),
				 i < 128 ? DROP_NONE : DROP_NEIGH_QUEUE);
		env.now_us++;
		pkt_batch_free(&out);
	}
	assert_int_equal(neigh_n(n), 4096);
	assert_int_equal(send_to(OWN4, "10.1.0.0"), DROP_NEIGH_QUEUE);
	assert_int_equal(send_to(OWN4, HOST4),
			 DROP_NONE); /* in the room of the lost */
	pkt_batch_free(&out);
	assert_int_equal(neigh_n(n), 4096);
	assert_true(neigh_deadline(n) <= env.now_us);
	run();
	expect_nothing();
	assert_int_equal(failed.n, 1); /* 10.1.0.1's: 10.1.0.0 was used since */
	assert_memory_equal(failed.first->head + 16, "\x0a\x01\0\x01", 4);
	pkt_batch_free(&failed);
	feed(b, arp(b, &mac, &host, 2, "10.1.0.0", &mac, OWN4));
	expect_sent(&host, OWN4, "10.1.0.0");
	expect_nothing();
	assert_int_equal(send_to(OWN4, "10.1.0.200"), DROP_NONE);
}

/* Another worker answers and probes; this one only resolves. */
static void test_not_responder(void **state)
{
	struct ethaddr g = group6("ff02::1:ff00:1");
	uint8_t b[200];

	assert_int_equal(dad(OWN4), NEIGH_DAD_OK);
	assert_int_equal(neigh_deadline(n), ENV_NEVER);
	run();
	feed(b, arp(b, &bcast, &host, 1, HOST4, NULL, OWN4));
	feed(b, nd(b, &g, &host, HOST6, "ff02::1:ff00:1", NS(OWN6, &host), 255));
	feed(b, arp(b, &bcast, &other, 1, OWN4, NULL, HOST4));
	expect_nothing();
	assert_int_equal(send_to(OWN4, HOST4), DROP_NONE); /* but learned */
	expect_sent(&host, OWN4, HOST4);
	assert_int_equal(send_to(OWN6, HOST6), DROP_NONE);
	expect_sent(&host, OWN6, HOST6);
	assert_int_equal(send_to(OWN4, "10.0.0.8"), DROP_NONE);
	expect(b, arp(b, &bcast, &mac, 1, OWN4, NULL, "10.0.0.8"));
	expect_nothing();
}

#define T(name, set) cmocka_unit_test_setup_teardown(name, set, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_dad, setup),
		T(test_dad_duplicate, setup),
		T(test_dad_both, setup),
		T(test_set_own, setup_ready),
		T(test_defend, setup_ready),
		T(test_arp_answer, setup_ready),
		T(test_ns_answer, setup_ready),
		T(test_invalid, setup_ready),
		T(test_resolve4, setup_ready),
		T(test_resolve6, setup_ready),
		T(test_resolve_tentative, setup),
		T(test_fail, setup_ready),
		T(test_learn, setup_ready),
		T(test_group_frame, setup_ready),
		T(test_probe, setup_ready),
		T(test_group, setup_ready),
		T(test_expiry, setup_ready),
		T(test_limit, setup_ready),
		T(test_not_responder, setup_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
