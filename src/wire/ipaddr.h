/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipaddr.h - one type for both families
 *
 * 16 bytes in wire order; IPv4 is held as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
 * A real IPv6 packet that carries an IPv4-mapped address is dropped at
 * dissection (bad_addr), so the two never mix.
 */
#ifndef GUST_WIRE_IPADDR_H
#define GUST_WIRE_IPADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct ipaddr {
	uint8_t b[16];
};

#define IPADDR_STRLEN 46

static inline bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return !memcmp(a->b, b->b, 16);
}

static inline bool ipaddr_is4(const struct ipaddr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, mapped, 12);
}

/* `p` holds 4 bytes in wire order. */
static inline struct ipaddr ipaddr_from4(const void *p)
{
	struct ipaddr a = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, p, 4);
	return a;
}

/* `p` holds 16 bytes in wire order. */
static inline struct ipaddr ipaddr_from6(const void *p)
{
	struct ipaddr a;

	memcpy(a.b, p, 16);
	return a;
}

bool ipaddr_is_any(const struct ipaddr *a); /* 0.0.0.0 or :: */
bool ipaddr_is_loopback(const struct ipaddr *a); /* 127/8 or ::1 */
bool ipaddr_is_multicast(const struct ipaddr *a); /* 224/4 or ff00::/8 */
bool ipaddr_is_linklocal(const struct ipaddr *a); /* 169.254/16 or fe80::/10 */
bool ipaddr_is_broadcast(const struct ipaddr *a); /* 255.255.255.255 */

/* Text, "192.0.2.1" or "2001:db8::1". Returns `buf`. */
char *ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN]);

/* 0 or -EINVAL; *ret_addr untouched on failure. */
int ipaddr_parse(const char *s, struct ipaddr *ret_addr);

/* Do the first `plen` bits agree? `plen` counts in the address's own family. */
bool ipaddr_in_prefix(const struct ipaddr *a, const struct ipaddr *net,
		      unsigned plen);

/* To and from sockaddr; port in host order. Return the sockaddr's length, 0 for
 * an unknown family. */
socklen_t ipaddr_to_sockaddr(const struct ipaddr *a, uint16_t port,
			     struct sockaddr_storage *ret_ss);
socklen_t ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *ret_addr,
			       uint16_t *ret_port);

#endif
