/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_icmp.c - errors built, errors read, silence where the RFCs demand it,
 * echo, the rate limit
 */
#include "ip/icmp.h"

#include <errno.h>

#include "iplib.h"
#include "wire/icmp.h"

#define IN4 "10.1.1.2"
#define OUT4 "198.51.100.7"
#define GW4 "10.1.1.1"
#define IN6 "2001:db8::2"
#define OUT6 "2001:db8:1::7"
#define GW6 "2001:db8::1"

static struct pkt_pool *pool;
static uint8_t b[70000], t[70000], w[70000];

static int setup(void **state)
{
	pool = lib_pool(8, 16);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static struct gust_pkt *udp4(uint32_t len)
{
	return lib_pkt(
		pool, b,
		lib_ip4(b, IN4, OUT4, 17, 7, 0, t, lib_udp(t, 1000, 53, len)),
		DISSECT_IP);
}

static struct gust_pkt *udp6(uint32_t len)
{
	return lib_pkt(pool, b,
		       lib_ip6(b, IN6, OUT6, 17, t, lib_udp(t, 1000, 53, len)),
		       DISSECT_IP);
}

/* Flatten into w and check it as a receiver would. Returns its length. */
static uint32_t received(struct gust_pkt *p, const char *src, const char *dst)
{
	uint32_t n = lib_flat(p, w, sizeof(w));
	struct gust_pkt *q = lib_pkt(pool, w, n, DISSECT_IP);
	struct ipaddr s, d, ws = A(src), wd = A(dst);
	uint8_t proto;

	assert_int_equal(p->need & GUST_F_CSUM, 0);
	assert_true(pkt_csum_verify(q));
	pkt_addrs(q, &s, &d, &proto);
	assert_memory_equal(&s, &ws, 16);
	assert_memory_equal(&d, &wd, 16);
	assert_int_equal(q->nlayer, p->nlayer);
	for (unsigned i = 0; i < q->nlayer; i++)
		assert_memory_equal(&q->layer[i], &p->layer[i],
				    sizeof(q->layer[i]));
	assert_int_equal(q->hlen, p->hlen);
	pkt_free(q);
	pkt_free(p);
	return n;
}

static void test_new(void **state)
{
	static const struct {
		uint8_t t4, c4, t6, c6;
		uint32_t info, rest4, rest6;
	} want[] = {
		[ICMP_E_NET_UNREACH] = { 3, 0, 1, 0 },
		[ICMP_E_HOST_UNREACH] = { 3, 1, 1, 3 },
		[ICMP_E_PROTO_UNREACH] = { 3, 2, 4, 1, 0, 0, 6 },
		[ICMP_E_PORT_UNREACH] = { 3, 3, 1, 4, 5, 0, 0 },
		[ICMP_E_ADMIN] = { 3, 13, 1, 1 },
		[ICMP_E_TOO_BIG] = { 3, 4, 2, 0, 1400, 1400, 1400 },
		[ICMP_E_TTL] = { 11, 0, 3, 0 },
		[ICMP_E_REASM_TIME] = { 11, 1, 3, 1 },
		[ICMP_E_PARAM] = { 12, 0, 4, 0, 20, 20u << 24, 20 },
	};
	struct ipaddr g4 = A(GW4), g6 = A(GW6);

	for (unsigned e = 0; e < sizeof(want) / sizeof(want[0]); e++) {
		struct gust_pkt *a = udp4(20), *p;
		uint32_t n;

		p = icmp_error_new(pool, a, e, want[e].info, &g4);
		n = received(p, GW4, IN4);
		assert_int_equal(n, 20 + 8 + 48);
		assert_int_equal(w[1], 0xc0);
		assert_int_equal(get32(w + 4), 0x4000); /* RFC 6864: atomic */
		assert_int_equal(w[20], want[e].t4);
		assert_int_equal(w[21], want[e].c4);
		assert_int_equal(get32(w + 24), want[e].rest4);
		assert_memory_equal(w + 28, b, 48);
		pkt_free(a);

		a = udp6(20);
		p = icmp_error_new(pool, a, e, want[e].info, &g6);
		n = received(p, GW6, IN6);
		assert_int_equal(n, 40 + 8 + 68);
		assert_int_equal(w[40], want[e].t6);
		assert_int_equal(w[41], want[e].c6);
		assert_int_equal(get32(w + 44), want[e].rest6);
		assert_memory_equal(w + 48, b, 68);
		pkt_free(a);
	}
}

static void test_quote_limits(void **state)
{
	struct ipaddr g4 = A(GW4), g6 = A(GW6);
	struct gust_pkt *a = udp4(3000);

	assert_int_equal(
		received(icmp_error_new(pool, a, ICMP_E_TTL, 0, &g4), GW4, IN4),
		576);
	assert_memory_equal(w + 28, b, 548);
	pkt_free(a);
	a = udp6(3000);
	assert_int_equal(
		received(icmp_error_new(pool, a, ICMP_E_TTL, 0, &g6), GW6, IN6),
		1280);
	assert_memory_equal(w + 48, b, 1232);
	pkt_free(a);
	a = udp4(520); /* exactly */
	assert_int_equal(
		received(icmp_error_new(pool, a, ICMP_E_TTL, 0, &g4), GW4, IN4),
		576);
	pkt_free(a);
	/* RFC 1191: 16 bits */
	a = udp4(0);
	received(icmp_error_new(pool, a, ICMP_E_TOO_BIG, 100000, &g4), GW4, IN4);
	assert_int_equal(get32(w + 24), 0xffff);
	assert_null(icmp_error_new(pool, a, ICMP_E_TTL, 0, &g6)); /* wrong family */
	pkt_free(a);
}

static void silent(uint32_t len, enum dissect_start start, enum icmp_error e,
		   bool v6, bool want)
{
	struct ipaddr from = A(v6 ? GW6 : GW4);
	struct gust_pkt *a = lib_pkt(pool, b, len, start);
	struct gust_pkt *p = icmp_error_new(pool, a, e, 1400, &from);

	assert_int_equal(!p, want);
	pkt_free(p);
	pkt_free(a);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 e */
static void test_forbidden(void **state)
{
	static const char *const bad_src[] = {
		"0.0.0.0",         "0.1.2.3",   "224.0.0.1",
		"255.255.255.255", "127.0.0.1", "240.0.0.1",
	};
	static const uint8_t err4[] = { 3, 4, 5, 11, 12 }, ok4[] = { 0, 8, 13 };
	static const uint8_t err6[] = { 1, 2, 3, 4, 127, 137 },
			     ok6[] = { 128, 129, 133 };
	uint32_t n = lib_udp(t, 1, 2, 40);

	for (unsigned i = 0; i < sizeof(bad_src) / sizeof(bad_src[0]); i++)
		silent(lib_ip4(b, bad_src[i], OUT4, 17, 1, 0, t, n), DISSECT_IP,
		       ICMP_E_TTL, false, true);
	silent(lib_ip6(b, "::", OUT6, 17, t, n), DISSECT_IP, ICMP_E_TTL, true,
	       true);
	silent(lib_ip6(b, "ff02::1", OUT6, 17, t, n), DISSECT_IP, ICMP_E_TTL, true,
	       true);

	silent(lib_ip4(b, IN4, "224.0.0.5", 17, 1, 0, t, n), DISSECT_IP, ICMP_E_TTL,
	       false, true);
	silent(lib_ip4(b, IN4, "224.0.0.5", 17, 1, 0, t, n), DISSECT_IP,
	       ICMP_E_TOO_BIG, false, true);
	silent(lib_ip4(b, IN4, "255.255.255.255", 17, 1, 0, t, n), DISSECT_IP,
	       ICMP_E_PORT_UNREACH, false, true);
	silent(lib_ip6(b, IN6, "ff0e::1", 17, t, n), DISSECT_IP, ICMP_E_TTL, true,
	       true);
	silent(lib_ip6(b, IN6, "ff0e::1", 17, t, n), DISSECT_IP, ICMP_E_TOO_BIG,
	       true, false);
	/* a unicast address in a frame for everybody */
	memset(b, 0xff, 12);
	put16(b + 12, 0x0800);
	silent(14 + lib_ip4(b + 14, IN4, OUT4, 17, 1, 0, t, n), DISSECT_ETH,
	       ICMP_E_TTL, false, true);
	b[0] = 2;
	silent(14 + 68, DISSECT_ETH, ICMP_E_TTL, false, false);

	silent(lib_ip4(b, IN4, OUT4, 17, 1, 5, t, n), DISSECT_IP, ICMP_E_TTL, false,
	       true);
	silent(lib_ip4(b, IN4, OUT4, 17, 1, 0x2000, t, n), DISSECT_IP, ICMP_E_TTL,
	       false, false);
	memmove(t + 8, t, n);
	ipv6_frag_build(t, &(struct ipv6_frag){ .off = 48, .nh = 17 });
	silent(lib_ip6(b, IN6, OUT6, 44, t, n + 8), DISSECT_IP, ICMP_E_TTL, true,
	       true);
	ipv6_frag_build(t, &(struct ipv6_frag){ .more = true, .nh = 17 });
	silent(lib_ip6(b, IN6, OUT6, 44, t, n + 8), DISSECT_IP, ICMP_E_REASM_TIME,
	       true, false);

	n = lib_icmp(t, 0, 0, 0, NULL, 0);
	for (unsigned i = 0; i < sizeof(err4); i++) {
		t[0] = err4[i];
		silent(lib_ip4(b, IN4, OUT4, 1, 1, 0, t, n), DISSECT_IP, ICMP_E_TTL,
		       false, true);
		/* a first fragment is looked into */
		silent(lib_ip4(b, IN4, OUT4, 1, 1, 0x2000, t, n), DISSECT_IP,
		       ICMP_E_TTL, false, true);
	}
	for (unsigned i = 0; i < sizeof(ok4); i++) {
		t[0] = ok4[i];
		silent(lib_ip4(b, IN4, OUT4, 1, 1, 0, t, n), DISSECT_IP, ICMP_E_TTL,
		       false, false);
	}
	for (unsigned i = 0; i < sizeof(err6); i++) {
		t[0] = err6[i];
		silent(lib_ip6(b, IN6, OUT6, 58, t, n), DISSECT_IP, ICMP_E_TTL,
		       true, true);
	}
	for (unsigned i = 0; i < sizeof(ok6); i++) {
		t[0] = ok6[i];
		silent(lib_ip6(b, IN6, OUT6, 58, t, n), DISSECT_IP, ICMP_E_TTL,
		       true, false);
	}
}

/* RFC 8200 4.7: "no next header" is understood, there is just nothing. */
static void test_no_next_header(void **state)
{
	memcpy(t, "\x3b\0\x01\x04\0\0\0\0", 8);
	silent(lib_ip6(b, IN6, OUT6, 59, NULL, 0), DISSECT_IP, ICMP_E_PROTO_UNREACH,
	       true, true);
	silent(lib_ip6(b, IN6, OUT6, IP6_NH_DSTOPTS, t, 12), DISSECT_IP,
	       ICMP_E_PROTO_UNREACH, true, true);
	/* over IPv4 it is a protocol like any other */
	silent(lib_ip4(b, IN4, OUT4, 59, 1, 0, t, 12), DISSECT_IP,
	       ICMP_E_PROTO_UNREACH, false, false);
}

/* The pointer of "unrecognized next header" behind extension headers. */
static void test_nh_pointer(void **state)
{
	struct ipaddr g6 = A(GW6);
	struct gust_pkt *a;
	/* 200 is nobody's; SCTP, ESP and AH have a layer and are not for us */
	static const uint8_t proto[] = { 200, 132, 50, 51 };

	for (unsigned i = 0; i < sizeof(proto); i++) {
		memcpy(t, "\x84\0\x01\x04\0\0\0\0\0\1xxxxxxxxxx", 20);
		t[0] = proto[i]; /* behind destination options */
		a = lib_pkt(pool, b, lib_ip6(b, IN6, OUT6, IP6_NH_DSTOPTS, t, 20),
			    DISSECT_IP);
		received(icmp_error_new(pool, a, ICMP_E_PROTO_UNREACH, 0, &g6), GW6,
			 IN6);
		assert_int_equal(get32(w + 44), 40);
		pkt_free(a);
		a = lib_pkt(pool, b, lib_ip6(b, IN6, OUT6, proto[i], t + 8, 12),
			    DISSECT_IP);
		received(icmp_error_new(pool, a, ICMP_E_PROTO_UNREACH, 0, &g6), GW6,
			 IN6);
		assert_int_equal(get32(w + 44), 6);
		pkt_free(a);
	}
}

static void test_pool_limit(void **state)
{
	struct ipaddr g4 = A(GW4), d4 = A(OUT4);
	struct gust_pkt *a = udp4(20), *q[15];

	for (unsigned i = 0; i < 15; i++)
		assert_non_null(q[i] = pkt_new(pool));
	assert_null(icmp_error_new(pool, a, ICMP_E_TTL, 0, &g4));
	assert_null(icmp_echo_new(pool, &g4, &d4, 64, 0, true, 1, 1, "x", 1));
	for (unsigned i = 0; i < 15; i++)
		pkt_free(q[i]);
	pkt_free(a);
}

/* The quotation must be what the inside sent: it finds its socket by it. */
static void test_synth(void **state)
{
	struct flow_key k = { .in = A(IN4),
			      .out = A(OUT4),
			      .in_port = 1000,
			      .out_port = 53,
			      .proto = 17 };
	struct ipaddr g4 = A(GW4), g6 = A(GW6);
	struct gust_pkt *q;
	uint32_t n;

	n = lib_udp(t, 0, 0, 3000) - 8;
	n = received(
		icmp_error_synth(pool, &k, t + 8, 100, ICMP_E_PORT_UNREACH, 0, &g4),
		GW4, IN4);
	assert_int_equal(n, 28 + 128);
	assert_int_equal(w[20], 3);
	assert_int_equal(w[21], 3);
	q = lib_pkt(pool, w + 28, 128, DISSECT_IP); /* a right packet in itself */
	assert_true(pkt_csum_verify(q));
	assert_int_equal(get16(q->head + 20), 1000);
	assert_int_equal(get16(q->head + 22), 53);
	pkt_free(q);
	/* cut, but with the lengths of the whole */
	n = received(
		icmp_error_synth(pool, &k, t + 8, 3000, ICMP_E_TOO_BIG, 1400, &g4),
		GW4, IN4);
	assert_int_equal(n, 576);
	assert_int_equal(get16(w + 30), 3028);
	assert_int_equal(get16(w + 52), 3008);
	assert_memory_equal(w + 56, t + 8, 520);
	assert_null(icmp_error_synth(pool, &k, t, 70000, ICMP_E_TTL, 0, &g4));
	assert_null(icmp_error_synth(pool, &k, t, 10, ICMP_E_TTL, 0, &g6));

	k = (struct flow_key){ .in = A(IN6),
			       .out = A(OUT6),
			       .in_port = 0x1111,
			       .out_port = 0x2222,
			       .proto = IPPROTO_ICMPV6 };
	n = received(
		icmp_error_synth(pool, &k, t + 8, 56, ICMP_E_HOST_UNREACH, 0, &g6),
		GW6, IN6);
	assert_int_equal(n, 48 + 104);
	q = lib_pkt(pool, w + 48, 104, DISSECT_IP);
	assert_true(pkt_csum_verify(q));
	assert_int_equal(q->head[40], ICMP6_ECHO);
	assert_int_equal(get32(q->head + 44), 0x11112222);
	pkt_free(q);

	/* anything else: the transport header is in the data */
	k = (struct flow_key){ .in = A(IN4), .out = A(OUT4), .proto = 6 };
	lib_tcp(t, 1, 2, 3, 0);
	n = received(icmp_error_synth(pool, &k, t, 20, ICMP_E_NET_UNREACH, 0, &g4),
		     GW4, IN4);
	assert_int_equal(n, 28 + 40);
	assert_memory_equal(w + 48, t, 20);
}

static enum drop_reason parse4(uint8_t type, uint8_t code, uint32_t rest,
			       const void *q, uint32_t n, struct icmp_event *ev)
{
	uint8_t m[2000], e[2000];
	struct gust_pkt *p;
	enum drop_reason r;

	lib_icmp(m, type, code, rest, q, n);
	p = lib_pkt(pool, e, lib_ip4(e, GW4, OUT4, 1, 1, 0, m, n + 8), DISSECT_IP);
	r = icmp_error_parse(p, ev);
	pkt_free(p);
	return r;
}

static enum drop_reason parse6(uint8_t type, uint8_t code, uint32_t rest,
			       const void *q, uint32_t n, struct icmp_event *ev)
{
	uint8_t m[2000], e[2000];
	struct gust_pkt *p;
	enum drop_reason r;

	lib_icmp(m, type, code, rest, q, n);
	p = lib_pkt(pool, e, lib_ip6(e, GW6, OUT6, 58, m, n + 8), DISSECT_IP);
	r = icmp_error_parse(p, ev);
	pkt_free(p);
	return r;
}

static void test_parse(void **state)
{
	static const struct {
		uint8_t type, code;
		int want;
	} c4[] =
		{
			{3, 0, ICMP_E_NET_UNREACH},
			{3, 1, ICMP_E_HOST_UNREACH},
			{3, 2, ICMP_E_PROTO_UNREACH},
			{3, 3, ICMP_E_PORT_UNREACH},
			{3, 4, ICMP_E_TOO_BIG},
			{3, 13, ICMP_E_ADMIN},
			{3, 9, ICMP_E_ADMIN},
			{3, 15, ICMP_E_ADMIN},
			{3, 16, -1},
			{11, 0, ICMP_E_TTL},
			{11, 1, ICMP_E_REASM_TIME},
			{11, 2, -1},
			{12, 0, ICMP_E_PARAM},
		},
	  c6[] = {
		  {1, 0, ICMP_E_NET_UNREACH},  {1, 1, ICMP_E_ADMIN},
		  {1, 3, ICMP_E_HOST_UNREACH}, {1, 4, ICMP_E_PORT_UNREACH},
		  {1, 6, ICMP_E_ADMIN},        {1, 99, ICMP_E_NET_UNREACH},
		  {2, 0, ICMP_E_TOO_BIG},      {3, 0, ICMP_E_TTL},
		  {3, 1, ICMP_E_REASM_TIME},   {3, 7, -1},
		  {4, 0, ICMP_E_PARAM},        {4, 1, ICMP_E_PROTO_UNREACH},
	  };
	struct ipaddr g4 = A(GW4), in = A(IN4), out = A(OUT4), g6 = A(GW6);
	struct icmp_event ev;
	uint32_t n;

	lib_tcp(t, 80, 1234, 0xfeedbeef, 0);
	n = lib_ip4(b, OUT4, IN4, 6, 1, 0, t, 20);
	for (unsigned i = 0; i < sizeof(c4) / sizeof(c4[0]); i++) {
		enum drop_reason r =
			parse4(c4[i].type, c4[i].code, 0x14000578, b, n, &ev);

		assert_int_equal(r, c4[i].want < 0 ? DROP_BAD_ICMP : DROP_NONE);
		if (c4[i].want >= 0)
			assert_int_equal(ev.error, c4[i].want);
	}
	assert_int_equal(parse4(3, 4, 0x14000578, b, n, &ev), DROP_NONE);
	assert_int_equal(ev.info, 0x578);
	assert_true(ev.has_seq);
	assert_int_equal(ev.tcp_seq, 0xfeedbeef);
	assert_memory_equal(&ev.from, &g4, 16);
	assert_memory_equal(&ev.key.in, &in, 16);
	assert_memory_equal(&ev.key.out, &out, 16);
	assert_int_equal(ev.key.in_port, 1234);
	assert_int_equal(ev.key.out_port, 80);
	assert_int_equal(ev.sport, 80);
	assert_memory_equal(&ev.src, &out, 16);
	assert_int_equal(parse4(12, 0, 0x14000578, b, n, &ev), DROP_NONE);
	assert_int_equal(ev.info, 0x14);

	n = lib_ip6(b, OUT6, IN6, 6, t, 20);
	for (unsigned i = 0; i < sizeof(c6) / sizeof(c6[0]); i++) {
		enum drop_reason r =
			parse6(c6[i].type, c6[i].code, 1300, b, n, &ev);

		assert_int_equal(r, c6[i].want < 0 ? DROP_BAD_ICMP : DROP_NONE);
		if (c6[i].want >= 0)
			assert_int_equal(ev.error, c6[i].want);
	}
	assert_int_equal(parse6(2, 0, 1280, b, n, &ev), DROP_NONE);
	assert_int_equal(ev.info, 1280);
	assert_int_equal(parse6(2, 9, 1300, b, n, &ev), DROP_NONE); /* any code */
	assert_int_equal(ev.info, 1300);
	assert_memory_equal(&ev.from, &g6, 16);
}

/* Not errors; and quotations that are cut short or of the other family. */
static void test_parse_bad(void **state)
{
	struct icmp_event ev = { .info = 4711 };
	struct gust_pkt *p;
	uint32_t n;

	lib_tcp(t, 80, 1234, 1, 0);
	n = lib_ip4(b, OUT4, IN4, 6, 1, 0, t, 20);
	assert_int_equal(parse4(4, 0, 0, b, n, &ev),
			 DROP_NO_PROTO); /* source quench */
	assert_int_equal(parse4(5, 1, 0, b, n, &ev), DROP_NO_PROTO); /* redirect */
	assert_int_equal(parse4(8, 0, 0, b, n, &ev), DROP_NO_PROTO);
	assert_int_equal(parse4(13, 0, 0, b, n, &ev),
			 DROP_NO_PROTO); /* timestamp */
	assert_int_equal(parse6(128, 0, 0, b, n, &ev), DROP_NO_PROTO);
	assert_int_equal(parse6(100, 0, 0, b, n, &ev), DROP_NO_PROTO);
	assert_int_equal(parse6(1, 0, 0, b, n, &ev),
			 DROP_BAD_ICMP); /* quotes IPv4 */
	for (uint32_t i = 0; i < 28; i++)
		assert_int_equal(parse4(3, 3, 0, b, i, &ev), DROP_BAD_ICMP);
	n = lib_ip6(b, OUT6, IN6, 6, t, 20);
	for (uint32_t i = 0; i < 48; i++)
		assert_int_equal(parse6(1, 4, 0, b, i, &ev), DROP_BAD_ICMP);
	/* RFC 8201 4: no link has less */
	assert_int_equal(parse6(2, 0, 0, b, n, &ev), DROP_BAD_ICMP);
	assert_int_equal(parse6(2, 0, 1279, b, n, &ev), DROP_BAD_ICMP);
	b[20] = b[21] = 0; /* an IPv4-mapped destination in it */
	memcpy(b + 24, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x01\x02", 16);
	assert_int_equal(parse6(1, 4, 0, b, n, &ev), DROP_BAD_ICMP);
	p = udp4(10);
	assert_int_equal(icmp_error_parse(p, &ev), DROP_NO_PROTO);
	pkt_free(p);
	assert_int_equal(ev.info, 4711); /* untouched all the time */
}

/* RFC 1191 5, 7: an old router names no MTU. */
static void test_plateau(void **state)
{
	static const struct {
		uint32_t len, want;
	} c[] = { { 1500, 1492 },
		  { 1492, 1006 },
		  { 60000, 32000 },
		  { 300, 296 },
		  { 100, 68 } };
	struct icmp_event ev;

	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		lib_udp(t, 1, 2, c[i].len);
		lib_ip4(b, OUT4, IN4, 17, 1, 0, t, c[i].len - 20);
		assert_int_equal(parse4(3, 4, 0, b, 28, &ev), DROP_NONE);
		assert_int_equal(ev.info, c[i].want);
	}
}

static void test_errno(void **state)
{
	for (int e = ICMP_E_NET_UNREACH; e <= ICMP_E_PARAM; e++) {
		int err = icmp_error_to_errno(e);

		assert_true(err > 0);
		if (e != ICMP_E_TTL && e != ICMP_E_REASM_TIME)
			assert_int_equal(icmp_error_from_errno(err), e);
	}
	assert_int_equal(icmp_error_from_errno(ECONNREFUSED), ICMP_E_PORT_UNREACH);
	assert_int_equal(icmp_error_from_errno(ETIMEDOUT), ICMP_E_HOST_UNREACH);
	assert_int_equal(icmp_error_from_errno(EAGAIN), -1);
	assert_int_equal(icmp_error_from_errno(0), -1);
}

static void test_echo_reply(void **state)
{
	struct gust_pkt *p;
	uint32_t n;

	/* over Ethernet, with IP options: the reply is bare */
	struct ipv4_hdr h = { .src = A(IN4),
			      .dst = A(OUT4),
			      .id = 3,
			      .hlen = 24,
			      .ttl = 3,
			      .tos = 0x10,
			      .proto = 1,
			      .opt = (const uint8_t *)"\1\1\1",
			      .tot_len = 24 + 8 + 57 };

	n = lib_icmp(t, ICMP4_ECHO, 0, 0x12340001,
		     "0123456789012345678901234567890123456"
		     "7890123456789012345678",
		     57);
	lib_csum(t, n, 2, IN4, OUT4, 1);
	memset(b, 0, 14);
	put16(b + 12, 0x0800);
	ipv4_build(b + 14, &h);
	memcpy(b + 38, t, n);
	p = lib_pkt(pool, b, 14 + 24 + n, DISSECT_ETH);
	assert_true(pkt_csum_verify(p));
	icmp_echo_reply(p);
	assert_int_equal(received(p, OUT4, IN4), 20 + n);
	assert_int_equal(w[0], 0x45);
	assert_int_equal(w[1], 0x10);
	assert_int_equal(w[8], 64);
	assert_int_equal(w[20], ICMP4_ECHO_REPLY);
	assert_memory_equal(w + 24, t + 4, n - 4);

	/* IPv6 behind hop-by-hop options */
	memcpy(t, "\x3a\0\x01\x04\0\0\0\0", 8);
	n = lib_icmp(t + 8, ICMP6_ECHO, 0, 0x12340001, "abc", 3);
	lib_csum(t + 8, n, 2, IN6, OUT6, 58);
	lib_ip6(b, IN6, OUT6, IP6_NH_HOPOPTS, t, n + 8);
	b[7] = 1;
	b[3] = 7;
	p = lib_pkt(pool, b, 48 + n, DISSECT_IP);
	icmp_echo_reply(p);
	assert_int_equal(received(p, OUT6, IN6), 40 + n);
	assert_int_equal(w[7], 64);
	assert_int_equal(w[6], 58);
	assert_int_equal(get32(w), 6u << 28);
	assert_int_equal(w[40], ICMP6_ECHO_REPLY);
	assert_memory_equal(w + 44, t + 12, n - 4);

	/* checksum owed on the way in stays owed on the way out */
	n = lib_icmp(t, ICMP6_ECHO, 0, 0x12340001, "abc", 3);
	put16(t + 2, 0x5555);
	p = lib_pkt(pool, b, lib_ip6(b, IN6, OUT6, 58, t, n), DISSECT_IP);
	p->need = GUST_F_CSUM;
	icmp_echo_reply(p);
	assert_int_equal(p->need, GUST_F_CSUM);
	pkt_csum_complete(p);
	received(p, OUT6, IN6);
}

static void test_echo_new(void **state)
{
	struct ipaddr a = A(OUT4), c = A(IN4), a6 = A(OUT6), c6 = A(IN6);
	struct gust_pkt *p;

	p = icmp_echo_new(pool, &a, &c, 57, 4, false, 0x1234, 7, "hello", 5);
	assert_int_equal(received(p, OUT4, IN4), 33);
	assert_int_equal(w[8], 57);
	assert_int_equal(w[1], 4);
	assert_memory_equal(w + 20, "\0\0", 2);
	assert_memory_equal(w + 24, "\x12\x34\0\7hello", 9);
	p = icmp_echo_new(pool, &a6, &c6, 1, 0, true, 0x1234, 7, NULL, 0);
	assert_int_equal(received(p, OUT6, IN6), 48);
	assert_int_equal(w[40], ICMP6_ECHO);
	p = icmp_echo_new(pool, &a, &c, 64, 0, true, 1, 2, t, 65507);
	assert_int_equal(received(p, OUT4, IN4), 65535);
	assert_null(icmp_echo_new(pool, &a, &c, 64, 0, true, 1, 2, t, 65508));
}

static void test_limiter(void **state)
{
	struct icmp_limiter l = { .rate = 10, .burst = 3 };
	struct env env = { .now_us = 5 };
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++)
		assert_true(icmp_limiter_take(&l, &env));
	assert_false(icmp_limiter_take(&l, &env));
	env.now_us += SEC / 10 - 1;
	assert_false(icmp_limiter_take(&l, &env));
	env.now_us += 1;
	assert_true(icmp_limiter_take(&l, &env));
	assert_false(icmp_limiter_take(&l, &env));
	/* asked every 7 us for ten seconds: the rate, not less by rounding */
	for (unsigned i = 0; i < 10 * SEC / 7; i++) {
		env.now_us += 7;
		n += icmp_limiter_take(&l, &env);
	}
	assert_in_range(n, 99, 101);
	env.now_us += 3600 * SEC; /* never more than the burst */
	for (n = 0; icmp_limiter_take(&l, &env);)
		n++;
	assert_int_equal(n, 3);

	l = (struct icmp_limiter){ 0 };
	for (n = 0; icmp_limiter_take(&l, &env);)
		n++;
	assert_int_equal(n, 50);
	env.now_us += SEC / 1000;
	assert_true(icmp_limiter_take(&l, &env));
	assert_false(icmp_limiter_take(&l, &env));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quote_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_next_header, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nh_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_synth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plateau, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errno, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_new, setup, teardown),
		cmocka_unit_test(test_limiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
