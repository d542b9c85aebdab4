/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address.c - whose address is it, and what does the other side call it
 *
 * The inside talks to addresses as it sees them. Explicit maps come first, then
 * the stack's own addresses stand for the host's loopback; any other address is
 * the same on both sides. The host's loopback itself is never reachable by its
 * own name: a packet to 127.0.0.1 that arrives on the interface is not relayed.
 * The link-local address of a tap is ours, but stands for nothing.
 */
#include <errno.h>

#include "relay/stack_internal.h"

static bool addr_in(const struct ipaddr *list, unsigned n, const struct ipaddr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (ipaddr_eq(&list[i], a))
			return true;
	return false;
}

static bool is_own(const struct stack_snap *c, const struct ipaddr *a)
{
	return addr_in(c->own, c->n_own, a);
}

static bool is_self(const struct stack_snap *c, const struct ipaddr *a)
{
	const struct ipaddr *ll = &c->linklocal;

	return is_own(c, a) || (ipaddr_is_linklocal(ll) && ipaddr_eq(ll, a));
}

bool stack_is_own(const struct stack *s, const struct ipaddr *a)
{
	return is_own(s->snap, a);
}

bool stack_is_self(const struct stack *s, const struct ipaddr *a)
{
	return is_self(s->snap, a);
}

bool stack_is_local(const struct stack *s, const struct ipaddr *a)
{
	return addr_in(s->snap->local, s->snap->n_local, a);
}

const struct ipaddr *stack_own(const struct stack *s, bool is4)
{
	for (unsigned i = 0; i < s->snap->n_own; i++)
		if (ipaddr_is4(&s->snap->own[i]) == is4)
			return &s->snap->own[i];
	return NULL;
}

const struct ipaddr *stack_error_source(const struct stack *s,
					const struct ipaddr *src,
					const struct ipaddr *dst)
{
	const struct ipaddr *ll = &s->snap->linklocal;

	if (stack_is_self(s, dst)) /* RFC 4443 2.2 a */
		return dst;
	if (ipaddr_is_linklocal(ll) && !ipaddr_is4(src) && ipaddr_is_linklocal(src))
		return ll; /* RFC 6724 5, rule 2 */
	return stack_own(s, ipaddr_is4(src));
}

enum drop_reason stack_check_src(const struct stack *s, const struct ipaddr *a)
{
	if (ipaddr_is_multicast(a) || ipaddr_is_loopback(a) || ipaddr_is_any(a) ||
	    ipaddr_is_broadcast(a) || stack_is_self(s, a))
		return DROP_MARTIAN;
	return DROP_NONE;
}

static enum drop_reason check_dst(const struct stack_snap *c,
				  const struct ipaddr *a)
{
	if (is_self(c, a))
		return DROP_NONE;
	if (ipaddr_is_multicast(a) || ipaddr_is_linklocal(a) ||
	    ipaddr_is_broadcast(a) || ipaddr_is_loopback(a))
		return DROP_SCOPE;
	return ipaddr_is_any(a) ? DROP_BAD_ADDR : DROP_NONE;
}

enum drop_reason stack_check_dst(const struct stack *s, const struct ipaddr *a)
{
	return check_dst(s->snap, a);
}

static int map_out(const struct stack_snap *c, const struct ipaddr *seen,
		   struct ipaddr *ret_host)
{
	static const uint8_t lo4[4] = { 127, 0, 0, 1 };
	static const uint8_t lo6[16] = { [15] = 1 };

	for (unsigned i = 0; i < c->n_map; i++)
		if (ipaddr_eq(&c->map[i].seen, seen)) {
			*ret_host = c->map[i].host;
			return 0;
		}
	if (is_own(c, seen)) {
		if (!c->loopback_own)
			return -ECONNREFUSED;
		*ret_host =
			ipaddr_is4(seen) ? ipaddr_from4(lo4) : ipaddr_from6(lo6);
		return 0;
	}
	if (is_self(c, seen))
		return -ECONNREFUSED; /* link-local */
	*ret_host = *seen;
	return 0;
}

int stack_map_out(const struct stack *s, const struct ipaddr *seen,
		  struct ipaddr *ret_host)
{
	return map_out(s->snap, seen, ret_host);
}

int snap_service(const struct stack_snap *c, uint16_t port)
{
	switch (port) {
	case PORT_ECHO:
		return c->svc_echo ? FLOW_ECHO : -1;
	case PORT_DISCARD:
		return c->svc_discard ? FLOW_DISCARD : -1;
	case PORT_CHARGEN:
		return c->svc_chargen ? FLOW_CHARGEN : -1;
	}
	return -1;
}

static bool is_mapped(const struct stack_snap *c, const struct ipaddr *seen)
{
	for (unsigned i = 0; i < c->n_map; i++)
		if (ipaddr_eq(&c->map[i].seen, seen))
			return true;
	return false;
}

/* In the order of input.c, relay_tcp.c, relay_udp.c and relay_echo.c. */
void stack_fate(const struct stack_snap *c, const struct ipaddr *dst, uint8_t proto,
		uint16_t port, struct stack_fate *ret)
{
	int kind = proto != IPPROTO_ICMP && is_own(c, dst) ? snap_service(c, port) :
							     -1;
	struct stack_fate f = { .service = NULL };

	f.drop = check_dst(c, dst);
	if (f.drop != DROP_NONE) {
		f.kind = STACK_FATE_DROPPED;
	} else if (kind >= 0) {
		f.kind = STACK_FATE_SERVICE;
		f.service = kind == FLOW_ECHO    ? "echo" :
			    kind == FLOW_DISCARD ? "discard" :
						   "chargen";
	} else if (proto == IPPROTO_ICMP && is_self(c, dst)) {
		f.kind = STACK_FATE_ANSWERED;
	} else if (map_out(c, dst, &f.host) < 0) {
		f.kind = STACK_FATE_REFUSED;
	} else {
		f.kind = is_mapped(c, dst) ? STACK_FATE_MAPPED :
			 is_own(c, dst)    ? STACK_FATE_LOOPBACK :
					     STACK_FATE_RELAYED;
	}
	*ret = f;
}

bool stack_map_in(const struct stack *s, const struct ipaddr *host, bool is4,
		  struct ipaddr *ret_seen)
{
	const struct stack_snap *c = s->snap;
	const struct ipaddr *own = stack_own(s, is4);

	for (unsigned i = 0; i < c->n_map; i++)
		if (ipaddr_eq(&c->map[i].host, host) &&
		    ipaddr_is4(&c->map[i].seen) == is4) {
			*ret_seen = c->map[i].seen;
			return true;
		}
	/* What the inside could not answer gets a name that it can. */
	if (ipaddr_is4(host) != is4 || ipaddr_is_loopback(host) ||
	    ipaddr_is_any(host) || ipaddr_is_linklocal(host) ||
	    stack_is_own(s, host) || stack_is_local(s, host)) {
		if (!own)
			return false;
		*ret_seen = *own;
		return true;
	}
	*ret_seen = *host;
	return true;
}
