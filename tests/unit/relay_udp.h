/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_udp.h - a stack and a host UDP socket, for the tests of the UDP relay
 */
#ifndef TESTS_RELAY_UDP_H
#define TESTS_RELAY_UDP_H

#include "base/linux_compat.h"
#include "relay_io.h"

static struct rig r;
static int sock;
static uint16_t port;

static inline int begin(void **state)
{
	rig_init(&r);
	sock = host_sock(SOCK_DGRAM, "127.0.0.1", &port);
	return 0;
}

static inline int end(void **state)
{
	close(sock);
	rig_fini(&r);
	return 0;
}

static inline struct stack_stats stats(void)
{
	struct stack_stats st;

	stack_stats(r.s, &st);
	return st;
}

/* Next datagram (or UDP_GRO's superpacket) of a host socket. */
static inline ssize_t host_recv(int fd, void *b, size_t max,
				struct sockaddr_storage *from, int *ret_g)
{
	_Alignas(struct cmsghdr) uint8_t ctl[128];
	struct iovec iov = { b, max };
	struct msghdr m = { .msg_name = from,
			    .msg_namelen = from ? sizeof(*from) : 0,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	ssize_t n = -1;

	for (int i = 0; i < 200 && n < 0; i++) {
		rig_turn(&r, 2);
		m.msg_controllen = sizeof(ctl);
		n = recvmsg(fd, &m, 0);
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); n >= 0 && c;
	     c = CMSG_NXTHDR(&m, c))
		if (ret_g && c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(ret_g, CMSG_DATA(c), sizeof(*ret_g));
	return n;
}

static inline uint16_t ss_port(const struct sockaddr_storage *ss)
{
	struct ipaddr a;
	uint16_t p = 0;

	ipaddr_from_sockaddr((const struct sockaddr *)ss, &a, &p);
	return p;
}

static inline void back(int fd, const struct sockaddr_storage *to, const void *b,
			size_t n)
{
	socklen_t len = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
						   sizeof(struct sockaddr_in6);

	assert_int_equal(sendto(fd, b, n, 0, (const struct sockaddr *)to, len), n);
}

#endif
