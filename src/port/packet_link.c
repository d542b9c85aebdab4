/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet_link.c - what an Ethernet device is and takes, by rtnetlink
 *
 * One request, one answer, without a library: this room knows no libnl, and needs
 * five numbers. The socket stays in the namespace where it was made, so the device
 * can be asked about later from anywhere.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "port/packet_internal.h"

#define LEGACY_MAX 65536 /* GSO_LEGACY_MAX_SIZE */

/* How long the kernel may take for an answer. */
#define ANSWER_MS 2000

int packet_link_open(void)
{
	struct timeval tv = { .tv_sec = ANSWER_MS / 1000 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static uint32_t attr_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	if (RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

static void parse_attr(const struct rtattr *a, struct packet_link *l)
{
	switch (a->rta_type) {
	case IFLA_ADDRESS:
		if (RTA_PAYLOAD(a) == sizeof(l->mac))
			memcpy(l->mac, RTA_DATA(a), sizeof(l->mac));
		break;
	case IFLA_MTU:
		l->mtu = attr_u32(a);
		break;
	case IFLA_GSO_MAX_SIZE:
		l->gso_max = attr_u32(a);
		break;
	case IFLA_GSO_MAX_SEGS:
		l->gso_segs = attr_u32(a);
		break;
	case GUST_IFLA_GSO_IPV4_MAX_SIZE:
		l->gso_max4 = attr_u32(a);
		break;
	}
}

static int parse(const struct nlmsghdr *h, struct packet_link *ret)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct packet_link l = { 0 };
	const struct rtattr *a;
	int left;

	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		return h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error ?
			       e->error :
			       -EPROTO;
	}
	if (h->nlmsg_type != RTM_NEWLINK ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return -EPROTO;
	l.ifindex = ifi->ifi_index;
	l.ether = ifi->ifi_type == ARPHRD_ETHER || ifi->ifi_type == ARPHRD_LOOPBACK;
	left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*ifi)));
	for (a = IFLA_RTA(ifi); RTA_OK(a, left); a = RTA_NEXT(a, left))
		parse_attr(a, &l);
	/* kernels without the attribute have one limit, and 64 KB for IPv4 */
	if (!l.gso_max)
		l.gso_max = LEGACY_MAX;
	if (!l.gso_max4)
		l.gso_max4 = l.gso_max < LEGACY_MAX ? l.gso_max : LEGACY_MAX;
	*ret = l;
	return 0;
}

static int ask(int fd, const char *name, int ifindex)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg ifi;
		struct rtattr a;
		char name[IFNAMSIZ];
	} req = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof(req.ifi)),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST },
		.ifi = { .ifi_index = ifindex },
	};

	if (name) {
		size_t n = strnlen(name, IFNAMSIZ - 1);

		req.a.rta_type = IFLA_IFNAME;
		req.a.rta_len = RTA_LENGTH(n + 1);
		memcpy(req.name, name, n);
		req.h.nlmsg_len += RTA_ALIGN(req.a.rta_len);
	}
	return send(fd, &req, req.h.nlmsg_len, 0) < 0 ? -errno : 0;
}

int packet_link_get(int nl_fd, const char *name, int ifindex,
		    struct packet_link *ret)
{
	_Alignas(struct nlmsghdr) uint8_t buf[16384];
	int r = ask(nl_fd, name, ifindex);
	ssize_t n;

	if (r < 0)
		return r;
	/* rtnetlink answers within send() */
	do
		n = recv(nl_fd, buf, sizeof(buf), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return NLMSG_OK((struct nlmsghdr *)buf, (size_t)n) ?
		       parse((struct nlmsghdr *)buf, ret) :
		       -EPROTO;
}
