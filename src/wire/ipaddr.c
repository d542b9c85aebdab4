/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipaddr.c - predicates, text and sockaddr forms of addresses
 *
 * Text goes through inet_pton/inet_ntop, whose IPv6 output is the canonical
 * form of RFC 5952. The text "::ffff:192.0.2.1" and the IPv4 text "192.0.2.1"
 * are the same address here. Scopes ("%eth0") are not part of an address.
 */
#include "wire/ipaddr.h"

#include <arpa/inet.h>
#include <errno.h>

#include "wire/bytes.h"

bool ipaddr_is_any(const struct ipaddr *a)
{
	static const uint8_t zero[16];

	if (ipaddr_is4(a))
		return !get32(a->b + 12);
	return !memcmp(a->b, zero, 16);
}

bool ipaddr_is_loopback(const struct ipaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (ipaddr_is4(a))
		return a->b[12] == 127;
	return !memcmp(a->b, one, 16);
}

bool ipaddr_is_multicast(const struct ipaddr *a)
{
	if (ipaddr_is4(a))
		return (a->b[12] & 0xf0) == 0xe0;
	return a->b[0] == 0xff;
}

bool ipaddr_is_linklocal(const struct ipaddr *a)
{
	if (ipaddr_is4(a))
		return get16(a->b + 12) == 0xa9fe; /* 169.254, RFC 3927 */
	return (get16(a->b) & 0xffc0) == 0xfe80;
}

bool ipaddr_is_broadcast(const struct ipaddr *a)
{
	return ipaddr_is4(a) && get32(a->b + 12) == 0xffffffff;
}

char *ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN])
{
	if (ipaddr_is4(a))
		inet_ntop(AF_INET, a->b + 12, buf, IPADDR_STRLEN);
	else
		inet_ntop(AF_INET6, a->b, buf, IPADDR_STRLEN);
	return buf;
}

int ipaddr_parse(const char *s, struct ipaddr *ret_addr)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, s, b) == 1)
		*ret_addr = ipaddr_from4(b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*ret_addr = ipaddr_from6(b);
	else
		return -EINVAL;
	return 0;
}

bool ipaddr_in_prefix(const struct ipaddr *a, const struct ipaddr *net,
		      unsigned plen)
{
	unsigned bytes, bits;

	if (ipaddr_is4(a) != ipaddr_is4(net))
		return false;
	if (ipaddr_is4(a)) {
		if (plen > 32)
			return false;
		plen += 96;
	}
	if (plen > 128)
		return false;
	bytes = plen / 8;
	bits = plen % 8;
	if (memcmp(a->b, net->b, bytes))
		return false;
	return !bits || !((a->b[bytes] ^ net->b[bytes]) >> (8 - bits));
}

socklen_t ipaddr_to_sockaddr(const struct ipaddr *a, uint16_t port,
			     struct sockaddr_storage *ret_ss)
{
	memset(ret_ss, 0, sizeof(*ret_ss));
	if (ipaddr_is4(a)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ret_ss;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, a->b + 12, 4);
		return sizeof(*sin);
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret_ss;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		memcpy(&sin6->sin6_addr, a->b, 16);
		return sizeof(*sin6);
	}
}

socklen_t ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *ret_addr,
			       uint16_t *ret_port)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in sin;

		memcpy(&sin, sa, sizeof(sin));
		*ret_addr = ipaddr_from4(&sin.sin_addr);
		*ret_port = ntohs(sin.sin_port);
		return sizeof(sin);
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 sin6;

		memcpy(&sin6, sa, sizeof(sin6));
		*ret_addr = ipaddr_from6(&sin6.sin6_addr);
		*ret_port = ntohs(sin6.sin6_port);
		return sizeof(sin6);
	}
	return 0;
}
