/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key.c - which flow does a packet belong to
 *
 * Works on the header map alone, except for ICMP errors, whose flow is that
 * of the packet they quote. A quotation is bytes that a stranger chose: it is
 * copied out (at most QUOTE_MAX bytes, enough for any sane header chain) and
 * parsed with every length checked.
 */
#include "flow/key.h"

#include <errno.h>

#include "pkt/dissect.h"
#include "pkt/pkt.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define QUOTE_MAX 512 /* bytes of a quotation that are looked at */
#define EXT_MAX 8 /* IPv6 extension headers walked in a quotation */

/*
 * The transport of a quoted packet: `t` has `len` bytes. RFC 792 and RFC 4443
 * promise at least 8 bytes of it.
 */
static int quote_ports(const uint8_t *t, size_t len, bool v6, struct flow_quote *q)
{
	struct flow_key *k = &q->key;

	if (len < 8)
		return -EINVAL;
	switch (k->proto) {
	case IPPROTO_TCP:
		q->tcp_seq = get32(t + 4);
		q->has_seq = true;
		/* fallthrough */
	case IPPROTO_UDP:
		q->sport = get16(t);
		k->out_port = q->sport;
		k->in_port = get16(t + 2);
		break;
	case IPPROTO_ICMP:
		if (!v6 && (t[0] == ICMP4_ECHO || t[0] == ICMP4_ECHO_REPLY))
			k->in_port = get16(t + 4);
		break;
	case IPPROTO_ICMPV6:
		if (v6 && (t[0] == ICMP6_ECHO || t[0] == ICMP6_ECHO_REPLY))
			k->in_port = get16(t + 4);
		break;
	}
	if (k->proto == IPPROTO_UDP) {
		/* endpoint-independent mappings, RFC 4787 REQ-1 */
		memset(&k->out, 0, sizeof(k->out));
		k->out_port = 0;
	}
	return 0;
}

static int quote4(const uint8_t *p, size_t len, struct flow_quote *q)
{
	struct ipv4_hdr h;

	if (ipv4_parse(p, len, &h) < 0)
		return -EINVAL;
	q->src = q->key.out = h.src;
	q->key.in = h.dst;
	q->key.proto = h.proto;
	q->ip_len = h.tot_len;
	if (h.frag_off)
		return 0;
	return quote_ports(p + h.hlen, len - h.hlen, false, q);
}

static int quote6(const uint8_t *p, size_t len, struct flow_quote *q)
{
	struct ipv6_hdr h;
	size_t off = IPV6_HLEN;
	unsigned n = 0;
	uint8_t nh;

	if (ipv6_parse(p, len, &h) < 0 || ipaddr_is4(&h.src) || ipaddr_is4(&h.dst))
		return -EINVAL;
	q->src = q->key.out = h.src;
	q->key.in = h.dst;
	q->ip_len = h.plen + IPV6_HLEN;
	nh = h.nh;
	while (nh == IP6_NH_HOPOPTS || nh == IP6_NH_ROUTING ||
	       nh == IP6_NH_DSTOPTS || nh == IP6_NH_AH || nh == IP6_NH_FRAGMENT) {
		uint16_t ext_len;
		uint8_t kind = nh;

		if (++n > EXT_MAX ||
		    ipv6_ext_parse(kind, p + off, len - off, &nh, &ext_len) < 0)
			return -EINVAL;
		if (kind == IP6_NH_FRAGMENT) {
			struct ipv6_frag f;

			ipv6_frag_parse(p + off, &f);
			if (f.off) {
				q->key.proto = f.nh;
				return 0;
			}
		}
		off += ext_len;
	}
	q->key.proto = nh;
	return quote_ports(p + off, len - off, true, q);
}

int flow_quote_parse(const void *p, size_t len, bool v6, struct flow_quote *ret_q)
{
	struct flow_quote q;
	int r;

	memset(&q, 0, sizeof(q));
	r = v6 ? quote6(p, len, &q) : quote4(p, len, &q);
	if (r < 0)
		return r;
	*ret_q = q;
	return 0;
}

int flow_quote_of(const struct gust_pkt *p, bool v6, struct flow_quote *ret_q)
{
	uint8_t buf[QUOTE_MAX];
	uint32_t n = pkt_payload_len(p);

	n = pkt_payload_copy(p, 0, buf, n < sizeof(buf) ? n : sizeof(buf));
	return flow_quote_parse(buf, n, v6, ret_q);
}

/* An ICMP message: echo requests by id, errors by what they quote. */
static int key_of_icmp(const struct gust_pkt *p, const struct gust_layer *l4,
		       bool v6, struct flow_key *k)
{
	const uint8_t *t = p->head + l4->off;
	struct flow_quote q;
	bool echo, error;

	if (v6) {
		echo = t[0] == ICMP6_ECHO;
		error = t[0] >= ICMP6_UNREACH && t[0] <= ICMP6_PARAM_PROBLEM;
	} else {
		echo = t[0] == ICMP4_ECHO;
		error = t[0] == ICMP4_UNREACH || t[0] == ICMP4_TIME_EXCEEDED ||
			t[0] == ICMP4_PARAM_PROBLEM;
	}
	if (echo) {
		k->in_port = get16(t + 4);
		return 0;
	}
	if (!error || flow_quote_of(p, v6, &q) < 0)
		return -EPROTONOSUPPORT;
	*k = q.key;
	return 0;
}

int flow_key_of(const struct gust_pkt *p, struct flow_key *ret_key)
{
	const struct gust_layer *last, *l4;
	struct flow_key k;
	const uint8_t *t;

	if (!p->nlayer || !pkt_l3(p))
		return -EPROTONOSUPPORT;
	memset(&k, 0, sizeof(k));
	pkt_addrs(p, &k.in, &k.out, &k.proto);
	last = &p->layer[p->nlayer - 1];
	if (last->flags & GUST_LF_FRAGMENT) {
		*ret_key = k;
		return 0;
	}
	l4 = pkt_l4(p);
	if (!l4)
		return -EPROTONOSUPPORT;
	t = p->head + l4->off;
	switch (l4->kind) {
	case GUST_L_UDP:
		memset(&k.out, 0, sizeof(k.out)); /* RFC 4787 REQ-1 */
		k.in_port = get16(t);
		break;
	case GUST_L_TCP:
		k.in_port = get16(t);
		k.out_port = get16(t + 2);
		break;
	case GUST_L_ICMP:
	case GUST_L_ICMP6:
		if (key_of_icmp(p, l4, l4->kind == GUST_L_ICMP6, &k) < 0)
			return -EPROTONOSUPPORT;
		break;
	default:
		return -EPROTONOSUPPORT;
	}
	*ret_key = k;
	return 0;
}
