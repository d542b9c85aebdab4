/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_fate.c - what stack_fate() says is what packets meet
 */
#include "relay_peer.h"

#define MAPPED4 "10.9.0.9"
#define LINKLOCAL "fe80::5"

static struct rig r;
static uint16_t port; /* somebody listens there, on every address */

struct want {
	const char *dst;
	uint16_t port; /* 0: `port` */
	enum stack_fate_kind tcp, udp, icmp;
	const char *host; /* NULL: nobody */
};

static const struct want wants[] = {
	{ "192.0.2.1", 0, STACK_FATE_RELAYED, STACK_FATE_RELAYED,
	  STACK_FATE_RELAYED, "192.0.2.1" },
	{ MAPPED4, 0, STACK_FATE_MAPPED, STACK_FATE_MAPPED, STACK_FATE_MAPPED,
	  "127.0.0.1" },
	{ T_OWN4, 0, STACK_FATE_LOOPBACK, STACK_FATE_LOOPBACK, STACK_FATE_ANSWERED,
	  "127.0.0.1" },
	{ T_OWN4, 7, STACK_FATE_SERVICE, STACK_FATE_SERVICE, STACK_FATE_ANSWERED,
	  NULL },
	{ T_OWN4, 19, STACK_FATE_SERVICE, STACK_FATE_SERVICE, STACK_FATE_ANSWERED,
	  NULL },
	{ T_OWN6, 9, STACK_FATE_SERVICE, STACK_FATE_SERVICE, STACK_FATE_ANSWERED,
	  NULL },
	{ LINKLOCAL, 0, STACK_FATE_REFUSED, STACK_FATE_REFUSED, STACK_FATE_ANSWERED,
	  NULL },
	{ "127.0.0.1", 0, STACK_FATE_DROPPED, STACK_FATE_DROPPED,
	  STACK_FATE_DROPPED, NULL },
	{ "169.254.7.7", 0, STACK_FATE_DROPPED, STACK_FATE_DROPPED,
	  STACK_FATE_DROPPED, NULL },
	{ "224.0.0.5", 0, STACK_FATE_DROPPED, STACK_FATE_DROPPED,
	  STACK_FATE_DROPPED, NULL },
	{ "fe80::6", 0, STACK_FATE_DROPPED, STACK_FATE_DROPPED, STACK_FATE_DROPPED,
	  NULL },
	{ "0.0.0.0", 0, STACK_FATE_DROPPED, STACK_FATE_DROPPED, STACK_FATE_DROPPED,
	  NULL },
};

static void begin(bool loopback_own)
{
	rig_init(&r);
	r.snap.svc_echo = r.snap.svc_discard = r.snap.svc_chargen = true;
	r.snap.loopback_own = loopback_own;
	r.snap.linklocal = A(LINKLOCAL);
	r.snap.n_map = 1;
	r.snap.map[0].seen = A(MAPPED4);
	r.snap.map[0].host = A("127.0.0.1");
}

static void give(uint8_t proto, const char *dst, uint16_t dport)
{
	static const struct tcp_hdr syn = {
		.sport = 40000, .seq = 1, .wnd = 60000, .flags = TCP_SYN
	};
	const char *src = strchr(dst, ':') ? T_IN6 : T_IN4;
	struct tcp_hdr h = syn;

	h.dport = dport;
	if (proto == IPPROTO_TCP)
		rig_give(&r, tcp_pkt(&r, src, dst, &h));
	else if (proto == IPPROTO_UDP)
		rig_give(&r, udp_pkt(&r, src, 40000, dst, dport, "x", 1, 0));
	else
		rig_give(&r, echo_pkt(&r, src, dst, 1, 2, "x", 1));
	rig_turn(&r, 0);
}

static uint64_t scope_drops(void)
{
	return r.drops.n[DROP_SCOPE] + r.drops.n[DROP_BAD_ADDR];
}

/* What became of the one packet that was given. */
static enum stack_fate_kind seen(uint8_t proto, const struct stack_fate *f,
				 bool ping_ok)
{
	struct stack_flow_report rep;
	struct stack_stats st;
	uint32_t pos = 0;
	unsigned n;

	stack_stats(r.s, &st);
	n = stack_report(r.s, &pos, &rep, 1, &r.env);
	if (scope_drops())
		return STACK_FATE_DROPPED;
	if (st.echo_replies)
		return STACK_FATE_ANSWERED;
	if (proto == IPPROTO_TCP && st.tcp_refused)
		return STACK_FATE_REFUSED;
	if (r.drops.n[DROP_UDP_NO_FLOW])
		return STACK_FATE_REFUSED;
	if (proto == IPPROTO_UDP && st.svc_bytes)
		return STACK_FATE_SERVICE;
	if (proto == IPPROTO_ICMP && !ping_ok && !n)
		return f->kind; /* no socket for it is permitted here */
	assert_int_equal(n, 1);
	if (f->service) {
		assert_string_equal(rep.kind, f->service);
		return STACK_FATE_SERVICE;
	}
	assert_true(ipaddr_eq(&rep.host, &f->host));
	return f->kind;
}

static void one(const struct want *w, uint8_t proto, enum stack_fate_kind kind,
		bool ping_ok)
{
	uint16_t dport = w->port ? w->port : port;
	struct stack_fate f;
	struct ipaddr dst = A(w->dst);

	begin(true);
	memset(&f, 0xa5, sizeof(f));
	stack_fate(&r.snap, &dst, proto, dport, &f);
	assert_int_equal(f.kind, kind);
	assert_int_equal(f.kind == STACK_FATE_SERVICE, f.service != NULL);
	assert_int_equal(f.kind == STACK_FATE_DROPPED, f.drop != DROP_NONE);
	if (f.kind == STACK_FATE_RELAYED || f.kind == STACK_FATE_MAPPED ||
	    f.kind == STACK_FATE_LOOPBACK) {
		struct ipaddr host = A(w->host);

		assert_true(ipaddr_eq(&f.host, &host));
	} else {
		assert_true(ipaddr_is_any(&f.host));
	}
	give(proto, w->dst, dport);
	if (f.kind == STACK_FATE_DROPPED)
		assert_int_equal(r.drops.n[f.drop], 1);
	assert_int_equal(seen(proto, &f, ping_ok), kind);
	rig_fini(&r);
}

static void test_agrees(void **state)
{
	int tcp = host_sock(SOCK_STREAM, "0.0.0.0", &port);
	int ping = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	for (unsigned i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		one(&wants[i], IPPROTO_TCP, wants[i].tcp, ping >= 0);
		one(&wants[i], IPPROTO_UDP, wants[i].udp, ping >= 0);
		one(&wants[i], IPPROTO_ICMP, wants[i].icmp, ping >= 0);
	}
	close(tcp);
	if (ping >= 0)
		close(ping);
}

static void test_no_loopback(void **state)
{
	struct ipaddr own = A(T_OWN4);
	struct stack_fate f;

	begin(false);
	stack_fate(&r.snap, &own, IPPROTO_TCP, 80, &f);
	assert_int_equal(f.kind, STACK_FATE_REFUSED);
	give(IPPROTO_TCP, T_OWN4, 80);
	assert_int_equal(seen(IPPROTO_TCP, &f, true), STACK_FATE_REFUSED);
	/* an explicit map comes first */
	r.snap.map[0].seen = own;
	stack_fate(&r.snap, &own, IPPROTO_TCP, 80, &f);
	assert_int_equal(f.kind, STACK_FATE_MAPPED);
	/* services, too, but not those that are off */
	r.snap.svc_echo = false;
	stack_fate(&r.snap, &own, IPPROTO_TCP, 7, &f);
	assert_int_equal(f.kind, STACK_FATE_MAPPED);
	stack_fate(&r.snap, &own, IPPROTO_TCP, 9, &f);
	assert_int_equal(f.kind, STACK_FATE_SERVICE);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_no_loopback),
	};

	if (!own_netns() || system("ip addr add 192.0.2.1/32 dev lo")) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
