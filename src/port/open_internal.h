/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open_internal.h - what all ports that belong to the kernel need to be opened
 */
#ifndef GUST_PORT_OPEN_INTERNAL_H
#define GUST_PORT_OPEN_INTERNAL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where a sentence about a failure goes. */
struct errbuf {
	char *s;
	size_t len;
};

/* Store a sentence, return `r`. */
__attribute__((format(printf, 3, 4))) static inline int
fail(const struct errbuf *e, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->s, e->len, fmt, ap);
	va_end(ap);
	return r;
}

/*
 * Run fn(arg) on this thread in the network namespace `netns` (a name under
 * /run/netns, or a path; NULL: where we are) and come back. What fn() returns, or
 * -errno and a sentence.
 */
int port_in_netns(const char *netns, int (*fn)(void *arg), void *arg,
		  const struct errbuf *e);

/* Ask for socket buffers of these sizes (bytes, 0: the kernel's default), above the
 * system's limit where CAP_NET_ADMIN allows it; what the kernel refuses stays as it
 * is. */
void port_socket_buffers(int fd, uint32_t rcvbuf, uint32_t sndbuf);

/* Bytes that the socket may hold for us, as the kernel counts them. */
uint32_t port_socket_rcvbuf(int fd);

#endif
