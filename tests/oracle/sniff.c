/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sniff.c - a packet socket with PACKET_VNET_HDR
 */
#include "sniff.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <sys/uio.h>

#include "super.h"

#define SNIFF_VH 10 /* packet sockets have the short header */

static void die(const char *what)
{
	printf("FAIL oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

int sniff_open(const char *dev)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int one = 1, size = 8 << 20;

	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) <
		    0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die("packet socket");
	return fd;
}

/* The tag that the kernel took out, or 0. */
static uint16_t tag_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return aux.tp_vlan_tci;
	}
	return 0;
}

static void take(const uint8_t *vh, const uint8_t *b, uint32_t n, uint16_t tag,
		 struct lab_frames *ret)
{
	uint32_t gap = tag ? 4 : 0;
	uint8_t *to = lab_frames_add(ret, SUPER_VH_LEN + n + gap);

	memset(to, 0, SUPER_VH_LEN);
	memcpy(to, vh, SNIFF_VH);
	to += SUPER_VH_LEN;
	memcpy(to, b, 12);
	if (tag)
		memcpy(to + 12, (uint8_t[]){ 0x81, 0, tag >> 8, (uint8_t)tag }, 4);
	memcpy(to + 12 + gap, b + 12, n - 12);
}

static bool is_ours(const uint8_t *b, uint32_t n)
{
	if (n < 34)
		return false;
	if (b[14] >> 4 == 4)
		return !memcmp(b + 30, super_dst4, 4);
	return n >= 54 && !memcmp(b + 38, super_dst6, 16);
}

void sniff_read(int fd, struct lab_frames *ret)
{
	static uint8_t buf[SUPER_MAX];
	uint8_t vh[SNIFF_VH], control[128];

	for (;;) {
		struct iovec iov[2] = { { vh, sizeof(vh) }, { buf, sizeof(buf) } };
		struct msghdr m = { .msg_iov = iov,
				    .msg_iovlen = 2,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n < 0) {
			if (errno != EAGAIN)
				die("packet socket: read");
			return;
		}
		if (is_ours(buf, n - SNIFF_VH))
			take(vh, buf, n - SNIFF_VH, tag_of(&m), ret);
	}
}
