/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icmp_error.c - ICMP and ICMPv6 errors, built and read
 *
 * One vocabulary (enum icmp_error) for both families; the table `wire` gives
 * each its type and code. An error is a head of IP and ICMP header and one
 * fragment that holds the quotation, copied: errors are small and rare, and
 * they must not keep a large slab alive.
 */
#include "ip/icmp.h"

#include <errno.h>

#include "ip/ip.h"
#include "ip/pmtu.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"
#include "wire/csum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

/* RFC 1812 4.3.2.3: the whole error at most 576 bytes */
#define QUOTE_MAX4 (576 - IPV4_HLEN - ICMP_HLEN)
/* RFC 4443 2.4 c: not beyond the minimum MTU */
#define QUOTE_MAX6 (1280 - IPV6_HLEN - ICMP_HLEN)

#define ICMP6_REDIRECT 137

/* RFC 1812 4.3.2.5: precedence "internetwork control" */
#define TOS_CONTROL 0xc0

static const struct {
	uint8_t type4, code4, type6, code6;
	int err;
} wire[] = {
	[ICMP_E_NET_UNREACH] = { ICMP4_UNREACH, ICMP4_UNREACH_NET, ICMP6_UNREACH,
				 ICMP6_UNREACH_NO_ROUTE, ENETUNREACH },
	[ICMP_E_HOST_UNREACH] = { ICMP4_UNREACH, ICMP4_UNREACH_HOST, ICMP6_UNREACH,
				  ICMP6_UNREACH_ADDR, EHOSTUNREACH },
	[ICMP_E_PROTO_UNREACH] = { ICMP4_UNREACH, ICMP4_UNREACH_PROTO,
				   ICMP6_PARAM_PROBLEM, 1, ENOPROTOOPT },
	[ICMP_E_PORT_UNREACH] = { ICMP4_UNREACH, ICMP4_UNREACH_PORT, ICMP6_UNREACH,
				  ICMP6_UNREACH_PORT, ECONNREFUSED },
	[ICMP_E_ADMIN] = { ICMP4_UNREACH, ICMP4_UNREACH_ADMIN, ICMP6_UNREACH,
			   ICMP6_UNREACH_ADMIN, EACCES },
	[ICMP_E_TOO_BIG] = { ICMP4_UNREACH, ICMP4_UNREACH_FRAG_NEEDED,
			     ICMP6_TOO_BIG, 0, EMSGSIZE },
	[ICMP_E_TTL] = { ICMP4_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0,
			 EHOSTUNREACH },
	[ICMP_E_REASM_TIME] = { ICMP4_TIME_EXCEEDED, 1, ICMP6_TIME_EXCEEDED, 1,
				EHOSTUNREACH },
	[ICMP_E_PARAM] = { ICMP4_PARAM_PROBLEM, 0, ICMP6_PARAM_PROBLEM, 0, EPROTO },
};

int icmp_error_to_errno(enum icmp_error e)
{
	return wire[e].err;
}

int icmp_error_from_errno(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return ICMP_E_PORT_UNREACH;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ETIMEDOUT:
		return ICMP_E_HOST_UNREACH;
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return ICMP_E_NET_UNREACH;
	case EACCES:
	case EPERM:
		return ICMP_E_ADMIN;
	case ENOPROTOOPT:
		return ICMP_E_PROTO_UNREACH;
	case EMSGSIZE:
		return ICMP_E_TOO_BIG;
	case EPROTO:
		return ICMP_E_PARAM;
	}
	return -1;
}

/* ---- rate limit ---- */

bool icmp_limiter_take(struct icmp_limiter *l, const struct env *env)
{
	uint64_t rate = l->rate ? l->rate : 1000;
	uint64_t full = (l->burst ? l->burst : 50) * UINT64_C(1000);
	uint64_t elapsed_us = env->now_us - l->last_us;

	/* a thousandth of a message lasts 1000 / rate microseconds */
	if (!l->last_us || elapsed_us >= full * 1000 / rate) {
		l->tokens = full;
		l->last_us = env->now_us;
	} else {
		uint64_t add = elapsed_us * rate / 1000;

		/* what was too short for a thousandth counts the next time */
		l->last_us += add * 1000 / rate;
		l->tokens = l->tokens + add > full ? full : l->tokens + add;
	}
	if (l->tokens < 1000)
		return false;
	l->tokens -= 1000;
	return true;
}

/* ---- building ---- */

/* The second word of the ICMP header. */
static uint32_t rest_of(enum icmp_error e, bool v4, uint32_t info)
{
	if (v4) {
		if (e == ICMP_E_TOO_BIG) /* RFC 1191 4 */
			return info > UINT16_MAX ? UINT16_MAX : info;
		return e == ICMP_E_PARAM ? info << 24 : 0;
	}
	switch (e) {
	case ICMP_E_TOO_BIG:
	case ICMP_E_PARAM:
	case ICMP_E_PROTO_UNREACH:
		return info;
	default:
		return 0;
	}
}

static struct gust_pkt *emit(struct pkt_pool *pool, const struct ipaddr *from,
			     const struct ipaddr *to, enum icmp_error e,
			     uint32_t info, const uint8_t *quote, uint32_t len)
{
	bool v4 = ipaddr_is4(to);
	struct icmp_hdr h = {
		.type = v4 ? wire[e].type4 : wire[e].type6,
		.code = v4 ? wire[e].code4 : wire[e].code6,
		.rest = rest_of(e, v4, info),
	};
	struct ip_tx tx = {
		.src = *from,
		.dst = *to,
		.proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
		.ttl = IP_TTL_DEFAULT,
		.tos = v4 ? TOS_CONTROL : 0,
		.df = true, /* never above the minimum MTU; RFC 6864 4.1 atomic */
	};
	struct gust_pkt *p = pkt_new(pool);
	struct gust_frag f;
	uint32_t sum;

	if (!p)
		return NULL;
	if (slab_copy(pool, quote, len, &f) < 0)
		goto fail;
	icmp_build(p->head, &h);
	sum = v4 ? 0 : csum_pseudo(from, to, IPPROTO_ICMPV6, ICMP_HLEN + len);
	sum = csum_add(csum_add(sum, p->head, ICMP_HLEN), quote, len);
	put16(p->head + 2, csum_fold(sum));
	p->hlen = p->len = ICMP_HLEN;
	pkt_layer_append(p, v4 ? GUST_L_ICMP : GUST_L_ICMP6, 0, 0);
	if (pkt_frag_add(p, &f) < 0) {
		frag_unref(&f);
		goto fail;
	}
	ip_push(p, &tx, NULL);
	return p;
fail:
	pkt_free(p);
	return NULL;
}

/* Is the packet an ICMP error (or a redirect)? Looks at one byte, wherever it
 * stands: the first fragment of an ICMP message has it as payload. */
static bool is_icmp_error(const struct gust_pkt *p, bool v4, uint8_t proto)
{
	const struct gust_layer *l4 = pkt_l4(p);
	uint8_t type;

	if (proto != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return false;
	if (l4)
		type = p->head[l4->off];
	else if (!pkt_payload_copy(p, 0, &type, 1))
		return true; /* unknown: silence is the safe side */
	if (!v4) /* RFC 4443 2.4 e.1, e.2 */
		return type < 128 || type == ICMP6_REDIRECT;
	/* RFC 1122 3.2.2: 5 is a redirect */
	return type == ICMP4_UNREACH || type == ICMP4_SOURCE_QUENCH || type == 5 ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAM_PROBLEM;
}

static bool is_later_fragment(const struct gust_pkt *p, const struct gust_layer *l3)
{
	const struct gust_layer *last = &p->layer[p->nlayer - 1];

	if (!(last->flags & GUST_LF_FRAGMENT))
		return false;
	if (l3->kind == GUST_L_IPV4)
		return get16(p->head + l3->off + 6) & 0x1fff;
	return get16(p->head + last->off + 2) & 0xfff8;
}

/* Does the source address name a single host? RFC 1122 3.2.2: none of network
 * zero, loopback, multicast, broadcast, class E. */
static bool is_one_host(const struct ipaddr *a)
{
	if (ipaddr_is4(a))
		return a->b[12] && a->b[12] != 127 && a->b[12] < 224;
	return !ipaddr_is_any(a) && !ipaddr_is_loopback(a) &&
	       !ipaddr_is_multicast(a);
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4 e */
static bool may_answer(const struct gust_pkt *p, const struct gust_layer *l3,
		       enum icmp_error e, struct ipaddr *ret_to)
{
	bool v4 = l3->kind == GUST_L_IPV4, group;
	struct ipaddr src, dst;
	uint8_t proto;

	pkt_addrs(p, &src, &dst, &proto);
	if (!is_one_host(&src))
		return false;
	/* RFC 8200 4.7: "no next header" is not an unknown one */
	if (!v4 && e == ICMP_E_PROTO_UNREACH && proto == IP6_NH_NONE)
		return false;
	group = ipaddr_is_multicast(&dst) || ipaddr_is_broadcast(&dst) ||
		(p->layer[0].kind == GUST_L_ETH && p->head[p->layer[0].off] & 1);
	if (group && (v4 || e != ICMP_E_TOO_BIG))
		return false;
	if (is_later_fragment(p, l3) || is_icmp_error(p, v4, proto))
		return false;
	*ret_to = src;
	return true;
}

/* RFC 4443 3.4: the offset of the next-header field that was not understood. */
static uint32_t nh_pointer(const struct gust_pkt *p, const struct gust_layer *l3)
{
	const struct gust_layer *last = &p->layer[p->nlayer - 1];

	/* back to the header that names it */
	while (last->kind != GUST_L_IPV6 &&
	       (last->kind < GUST_L_HOPOPTS || last->kind > GUST_L_DSTOPTS))
		last--;
	return last->kind == GUST_L_IPV6 ? 6 : last->off - l3->off;
}

struct gust_pkt *icmp_error_new(struct pkt_pool *pool, const struct gust_pkt *about,
				enum icmp_error e, uint32_t info,
				const struct ipaddr *from)
{
	const struct gust_layer *l3 = about->nlayer ? pkt_l3(about) : NULL;
	uint8_t quote[QUOTE_MAX6];
	struct ipaddr to;
	uint32_t max, n;
	bool v4;

	if (!l3)
		return NULL;
	v4 = l3->kind == GUST_L_IPV4;
	if (v4 != ipaddr_is4(from) || !may_answer(about, l3, e, &to))
		return NULL;
	if (!v4 && e == ICMP_E_PROTO_UNREACH && !info)
		info = nh_pointer(about, l3);
	max = v4 ? QUOTE_MAX4 : QUOTE_MAX6;
	n = about->hlen - l3->off;
	if (n > max)
		n = max;
	memcpy(quote, about->head + l3->off, n);
	n += pkt_payload_copy(about, 0, quote + n, max - n);
	return emit(pool, from, &to, e, info, quote, n);
}

/* The transport header of a datagram of `len` bytes of data. Returns its
 * length. */
static uint32_t synth_l4(uint8_t *b, const struct flow_key *key, const void *data,
			 uint32_t len)
{
	bool v4 = ipaddr_is4(&key->in);
	uint32_t sum =
		v4 && key->proto == IPPROTO_ICMP ?
			0 :
			csum_pseudo(&key->in, &key->out, key->proto, 8 + len);
	uint16_t c;

	if (key->proto == IPPROTO_UDP) {
		struct udp_hdr u = { key->in_port, key->out_port, UDP_HLEN + len,
				     0 };

		udp_build(b, &u);
		c = csum_fold(csum_add(csum_add(sum, b, 8), data, len));
		put16(b + 6, c ? c : 0xffff); /* RFC 768 */
		return UDP_HLEN;
	}
	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6) {
		struct icmp_hdr h = {
			.type = v4 ? ICMP4_ECHO : ICMP6_ECHO,
			.rest = (uint32_t)key->in_port << 16 | key->out_port,
		};

		icmp_build(b, &h);
		put16(b + 2, csum_fold(csum_add(csum_add(sum, b, 8), data, len)));
		return ICMP_HLEN;
	}
	return 0;
}

struct gust_pkt *icmp_error_synth(struct pkt_pool *pool, const struct flow_key *key,
				  const void *data, uint32_t len, enum icmp_error e,
				  uint32_t info, const struct ipaddr *from)
{
	bool v4 = ipaddr_is4(&key->in);
	uint32_t max = v4 ? QUOTE_MAX4 : QUOTE_MAX6,
		 ihl = v4 ? IPV4_HLEN : IPV6_HLEN;
	uint32_t n, l4_len;
	uint8_t quote[QUOTE_MAX6];

	if (v4 != ipaddr_is4(from) || v4 != ipaddr_is4(&key->out) ||
	    len > UINT16_MAX - IPV4_HLEN - 8)
		return NULL;
	l4_len = synth_l4(quote + ihl, key, data, len);
	if (v4) {
		struct ipv4_hdr h = { .src = key->in,
				      .dst = key->out,
				      .tot_len = ihl + l4_len + len,
				      .hlen = ihl,
				      .ttl = IP_TTL_DEFAULT,
				      .proto = key->proto };

		ipv4_build(quote, &h);
	} else {
		struct ipv6_hdr h = { .src = key->in,
				      .dst = key->out,
				      .plen = l4_len + len,
				      .nh = key->proto,
				      .hop = IP_TTL_DEFAULT };

		ipv6_build(quote, &h);
		if (e == ICMP_E_PROTO_UNREACH && !info)
			info = 6; /* the next-header field of a bare header */
	}
	n = ihl + l4_len;
	if (len > max - n)
		len = max - n;
	if (len)
		memcpy(quote + n, data, len);
	return emit(pool, from, &key->in, e, info, quote, n + len);
}

/* ---- reading ---- */

/* RFC 1191 5, 7: a router that does not tell the MTU; the next lower plateau. */
static uint32_t plateau_below(uint32_t len)
{
	static const uint16_t plateau[] = { 32000, 17914, 8166, 4352, 2002,
					    1492,  1006,  508,  296 };

	for (unsigned i = 0; i < sizeof(plateau) / sizeof(plateau[0]); i++)
		if (plateau[i] < len)
			return plateau[i];
	return 68;
}

static const int8_t unreach4[] = {
	ICMP_E_NET_UNREACH,
	ICMP_E_HOST_UNREACH,
	ICMP_E_PROTO_UNREACH,
	ICMP_E_PORT_UNREACH,
	ICMP_E_TOO_BIG,
	ICMP_E_HOST_UNREACH, /* 5: source route failed */
	ICMP_E_NET_UNREACH, /* 6: network unknown */
	ICMP_E_HOST_UNREACH, /* 7: host unknown */
	ICMP_E_HOST_UNREACH, /* 8: source isolated */
	ICMP_E_ADMIN, /* 9, 10: network, host prohibited */
	ICMP_E_ADMIN,
	ICMP_E_NET_UNREACH, /* 11, 12: for this type of service */
	ICMP_E_HOST_UNREACH,
	ICMP_E_ADMIN, /* 13 */
	ICMP_E_ADMIN, /* 14: precedence violation */
	ICMP_E_ADMIN, /* 15: precedence cutoff */
};

static enum drop_reason classify4(const struct icmp_hdr *h, struct icmp_event *ev)
{
	switch (h->type) {
	case ICMP4_UNREACH:
		if (h->code >= sizeof(unreach4))
			return DROP_BAD_ICMP;
		ev->error = unreach4[h->code];
		if (ev->error == ICMP_E_TOO_BIG)
			ev->info = h->rest & 0xffff;
		return DROP_NONE;
	case ICMP4_TIME_EXCEEDED:
		if (h->code > 1)
			return DROP_BAD_ICMP;
		ev->error = h->code ? ICMP_E_REASM_TIME : ICMP_E_TTL;
		return DROP_NONE;
	case ICMP4_PARAM_PROBLEM:
		ev->error = ICMP_E_PARAM;
		ev->info = h->rest >> 24;
		return DROP_NONE;
	}
	/* RFC 6633 5: source quench is ignored, too */
	return DROP_NO_PROTO;
}

static enum drop_reason classify6(const struct icmp_hdr *h, struct icmp_event *ev)
{
	switch (h->type) {
	case ICMP6_UNREACH:
		switch (h->code) {
		case ICMP6_UNREACH_ADMIN:
		case 5: /* source address failed policy */
		case 6: /* reject route */
			ev->error = ICMP_E_ADMIN;
			break;
		case ICMP6_UNREACH_ADDR:
			ev->error = ICMP_E_HOST_UNREACH;
			break;
		case ICMP6_UNREACH_PORT:
			ev->error = ICMP_E_PORT_UNREACH;
			break;
		default:
			ev->error = ICMP_E_NET_UNREACH;
		}
		return DROP_NONE;
	case ICMP6_TOO_BIG:
		/* RFC 8201 4: below the minimum link MTU it is discarded. RFC
		 * 4443 3.2: the code is ignored. */
		if (h->rest < PMTU_MIN6)
			return DROP_BAD_ICMP;
		ev->error = ICMP_E_TOO_BIG;
		ev->info = h->rest;
		return DROP_NONE;
	case ICMP6_TIME_EXCEEDED:
		if (h->code > 1)
			return DROP_BAD_ICMP;
		ev->error = h->code ? ICMP_E_REASM_TIME : ICMP_E_TTL;
		return DROP_NONE;
	case ICMP6_PARAM_PROBLEM:
		ev->error = h->code == 1 ? ICMP_E_PROTO_UNREACH : ICMP_E_PARAM;
		ev->info = h->rest;
		return DROP_NONE;
	}
	return DROP_NO_PROTO;
}

enum drop_reason icmp_error_parse(const struct gust_pkt *p,
				  struct icmp_event *ret_ev)
{
	const struct gust_layer *l4 = p->nlayer ? pkt_l4(p) : NULL;
	struct icmp_event ev = { 0 };
	struct flow_quote q;
	struct icmp_hdr h;
	struct ipaddr dst;
	enum drop_reason r;
	uint8_t proto;
	bool v6;

	if (!l4 || (l4->kind != GUST_L_ICMP && l4->kind != GUST_L_ICMP6))
		return DROP_NO_PROTO;
	v6 = l4->kind == GUST_L_ICMP6;
	if (icmp_parse(p->head + l4->off, p->hlen - l4->off, &h) < 0)
		return DROP_BAD_ICMP;
	r = v6 ? classify6(&h, &ev) : classify4(&h, &ev);
	if (r != DROP_NONE)
		return r;
	if (flow_quote_of(p, v6, &q) < 0)
		return DROP_BAD_ICMP;
	if (ev.error == ICMP_E_TOO_BIG && !ev.info)
		ev.info = plateau_below(q.ip_len);
	pkt_addrs(p, &ev.from, &dst, &proto);
	ev.key = q.key;
	ev.src = q.src;
	ev.sport = q.sport;
	ev.tcp_seq = q.tcp_seq;
	ev.has_seq = q.has_seq;
	*ret_ev = ev;
	return DROP_NONE;
}
