/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - the probe's scratch namespace, and what its forms share
 *
 * Runs in the child process of proof_run() only: it moves the process into
 * another namespace for good.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "proof/proof_internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define PROBE_NAME "gustprobe0"
#define PROBE_MTU 1500

/* RFC 2544's benchmark network and a ULA: nobody else sees them. */
const char *const probe_kernel_addr[2] = { "198.18.0.1", "fd67:7573:7400::1" };
const char *const probe_peer_addr[2] = { "198.18.0.2", "fd67:7573:7400::2" };

bool probe_fail(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- the namespace ---- */

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, len) == (ssize_t)len;
	close(fd);
	return ok;
}

int probe_unshare(struct probe *p)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[32];
	int r;

	if (!unshare(CLONE_NEWNET))
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		r = -errno;
		probe_fail(
			p,
			"no scratch network namespace: %s (needs CAP_SYS_ADMIN, or "
			"unprivileged user namespaces)",
			strerror(-r));
		return r;
	}
	/* Root of the new user namespace, which is nobody outside of it. */
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_text("/proc/self/uid_map", map))
		goto fail;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (!write_text("/proc/self/gid_map", map))
		goto fail;
	return 0;
fail:
	r = errno ? -errno : -EPERM;
	probe_fail(p, "user namespace: writing its id map: %s", strerror(-r));
	return r;
}

static int add_addr(struct link *l, unsigned family)
{
	struct link_addr a = { .plen = family ? 128 : 32, .has_peer = true };

	if (ipaddr_parse(probe_kernel_addr[family], &a.local) < 0 ||
	    ipaddr_parse(probe_peer_addr[family], &a.peer) < 0)
		return -EINVAL;
	return link_add_addr(l, &a);
}

static int set_up(struct probe *p, int ifindex)
{
	struct link *l;
	int r = link_open(-1, ifindex, &l, p->why, sizeof(p->why));

	if (r < 0)
		return r;
	/* The receive buffers must hold a superpacket; where /proc/sys is not
	 * ours to write, SO_RCVBUFFORCE is the other way. */
	write_text("/proc/sys/net/ipv4/tcp_rmem", "4096 8388608 8388608");
	/* No size but the largest: what is tested is the form. */
	link_set_gro_max(l, 524280, 524280);
	r = link_set_mtu(l, PROBE_MTU);
	if (r == 0)
		r = link_set_up(l, true);
	if (r == 0)
		r = add_addr(l, 0);
	if (r < 0)
		probe_fail(p, "setting up " PROBE_NAME ": %s", strerror(-r));
	else
		p->v6 = add_addr(l, 1) == 0;
	link_close(l);
	return r;
}

int probe_open(struct probe *p)
{
	struct tun_conf c = { .name = PROBE_NAME, .nqueues = 1 };
	struct pkt_limits lim = { 0 };
	struct tun_info info;
	struct rng rng;
	int r;

	p->next_port = 1024;
	p->pool = pkt_pool_new(&lim);
	if (!p->pool)
		goto nomem;
	pkt_pool_bind(p->pool);
	p->data = slab_new(p->pool);
	if (!p->data)
		goto nomem;
	p->buf = malloc(p->data->cap);
	if (!p->buf)
		goto nomem;
	rng_seed(&rng, 1);
	for (uint32_t i = 0; i + 8 <= p->data->cap; i += 8) {
		uint64_t v = rng_u64(&rng);

		memcpy(p->data->data + i, &v, 8);
	}
	r = tun_open(&c, &p->pool, &p->port, &info, p->why, sizeof(p->why));
	return r < 0 ? r : set_up(p, info.ifindex);
nomem:
	probe_fail(p, "out of memory");
	return -ENOMEM;
}

void probe_close(struct probe *p)
{
	if (p->port)
		p->port->ops->close(p->port);
	free(p->buf);
	slab_unref(p->data);
	pkt_pool_bind(NULL);
	if (p->pool)
		pkt_pool_free(p->pool);
}

/* ---- packets ---- */

static void put_ip4(struct gust_pkt *pkt, uint8_t proto, uint32_t l4_len)
{
	uint32_t len = IPV4_HLEN + l4_len;
	struct ipv4_hdr h = {
		.hlen = IPV4_HLEN, .ttl = 64, .proto = proto, .df = true
	};

	/* BIG TCP: 0, and the length is that of the packet. */
	h.tot_len = len > UINT16_MAX ? 0 : (uint16_t)len;
	ipaddr_parse(probe_peer_addr[0], &h.src);
	ipaddr_parse(probe_kernel_addr[0], &h.dst);
	ipv4_build(pkt->head, &h);
	pkt_layer_append(pkt, GUST_L_IPV4, h.tot_len ? 0 : GUST_LF_JUMBO, 0);
	pkt->hlen = IPV4_HLEN;
}

static void put_ip6(struct gust_pkt *pkt, uint8_t proto, uint32_t l4_len,
		    bool jumbo)
{
	struct ipv6_hdr h = { .nh = proto, .hop = 64 };
	bool big = l4_len > UINT16_MAX;

	h.plen = big ? 0 : (uint16_t)l4_len;
	if (big && jumbo)
		h.nh = IP6_NH_HOPOPTS;
	ipaddr_parse(probe_peer_addr[1], &h.src);
	ipaddr_parse(probe_kernel_addr[1], &h.dst);
	ipv6_build(pkt->head, &h);
	pkt_layer_append(pkt, GUST_L_IPV6, 0, 0);
	pkt->hlen = IPV6_HLEN;
	if (!big || !jumbo)
		return;
	/* RFC 2675 2: the length counts the hop-by-hop header */
	ipv6_jumbo_build(pkt->head + IPV6_HLEN, proto, IPV6_JUMBO_HLEN + l4_len);
	pkt_layer_append(pkt, GUST_L_HOPOPTS, GUST_LF_JUMBO, IPV6_HLEN);
	pkt->hlen += IPV6_JUMBO_HLEN;
}

struct gust_pkt *probe_ip(struct probe *p, bool v6, uint8_t proto, uint32_t l4_len,
			  bool jumbo)
{
	struct gust_pkt *pkt = pkt_new(p->pool);

	if (!pkt) {
		probe_fail(p, "out of packets");
		return NULL;
	}
	if (v6)
		put_ip6(pkt, proto, l4_len, jumbo);
	else
		put_ip4(pkt, proto, l4_len);
	pkt->len = pkt->hlen;
	return pkt;
}

void probe_payload(struct probe *p, struct gust_pkt *pkt, uint32_t off,
		   uint32_t len)
{
	struct gust_frag f = { .p = p->data->data + off,
			       .slab = p->data,
			       .len = len };

	if (!len)
		return;
	/* The first fragments live in the packet: this cannot fail. */
	slab_ref(p->data);
	if (pkt_frag_add(pkt, &f) < 0)
		slab_unref(p->data);
}

bool probe_send(struct probe *p, struct gust_pkt *pkt)
{
	switch (p->port->ops->tx(p->port, 0, pkt)) {
	case PORT_TX_OK:
		return true;
	case PORT_TX_AGAIN:
		pkt_free(pkt);
		return probe_fail(p, "write: queue full");
	case PORT_TX_NOMEM:
		pkt_free(pkt);
		return probe_fail(p, "write: no memory");
	case PORT_TX_REFUSED:
		pkt_free(pkt);
		return probe_fail(p, "write: the kernel refused this form");
	default:
		return probe_fail(p, "write failed");
	}
}

/* ---- the kernel's end ---- */

int probe_socket(struct probe *p, bool v6, int type)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET,
			type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage ss;
	struct ipaddr a;
	int size = 8 << 20;
	socklen_t len;

	if (fd < 0) {
		probe_fail(p, "socket: %s", strerror(errno));
		return -1;
	}
	/* TCP without the privilege keeps tcp_rmem's size, as setting a smaller
	 * one would fix it. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ipaddr_parse(probe_kernel_addr[v6], &a);
	len = ipaddr_to_sockaddr(&a, 0, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		probe_fail(p, "bind %s: %s", probe_kernel_addr[v6],
			   strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

bool probe_wait(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) > 0;
}

/* ---- forms ---- */

/* Payload of a superpacket that needs no BIG TCP, any header. */
#define PLAIN_SUPER 64000

static bool both(struct probe *p, bool (*fn)(struct probe *, bool))
{
	return fn(p, false) && (!p->v6 || fn(p, true));
}

bool probe_form(struct probe *p, enum feat f, uint32_t big)
{
	switch (f) {
	case FEAT_TX_CSUM:
		return both(p, probe_csum);
	case FEAT_USO:
		return both(p, probe_uso);
	case FEAT_TSO4:
		return probe_tcp(p, false, PLAIN_SUPER, false);
	case FEAT_BIGTCP4:
		return probe_tcp(p, false, big, false);
	case FEAT_TSO6:
		return probe_tcp(p, true, PLAIN_SUPER, false);
	case FEAT_BIGTCP6_JUMBO:
		return probe_tcp(p, true, big, true);
	case FEAT_BIGTCP6_PLAIN:
		return probe_tcp(p, true, big, false);
	default:
		return probe_fail(p, "no probe for this form");
	}
}
