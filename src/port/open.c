/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c - what all ports that belong to the kernel need to be opened
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port/netns.h"
#include "port/open_internal.h"
#include "port/port.h"

int port_in_netns(const char *netns, int (*fn)(void *arg), void *arg,
		  const struct errbuf *e)
{
	int ns, home, r, back;

	if (!netns)
		return fn(arg);
	r = netns_open(netns, &ns, e->s, e->len);
	if (r < 0)
		return r;
	r = netns_enter(ns, &home, e->s, e->len);
	close(ns);
	if (r < 0)
		return r;
	r = fn(arg);
	back = netns_leave(home);
	if (back < 0)
		return fail(e, back,
			    "setns back from %s: %s: cannot go on in a "
			    "foreign network namespace",
			    netns, strerror(-back));
	return r;
}

static void set_buffer(int fd, int force, int plain, uint32_t len)
{
	int v = len > INT32_MAX / 2 ? INT32_MAX / 2 : (int)len;

	if (v && setsockopt(fd, SOL_SOCKET, force, &v, sizeof(v)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &v, sizeof(v));
}

void port_socket_buffers(int fd, uint32_t rcvbuf, uint32_t sndbuf)
{
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, rcvbuf);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, sndbuf);
}

uint32_t port_socket_rcvbuf(int fd)
{
	int v = 0;
	socklen_t len = sizeof(v);

	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &len);
	return (uint32_t)v;
}

int port_socket_drops(const struct port *port, unsigned q, uint32_t *ret_n)
{
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	if (getsockopt(port->ops->fd(port, q), SOL_SOCKET, SO_MEMINFO, mem, &len) <
	    0)
		return -errno;
	if (len <= SK_MEMINFO_DROPS * sizeof(mem[0]))
		return -EOPNOTSUPP;
	*ret_n = mem[SK_MEMINFO_DROPS];
	return 0;
}
