/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - the probe's scratch namespace, and what its tests share
 *
 * Runs in a child process only: it moves the process into another namespace for
 * good.
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

#include "base/linux_compat.h"
#include "base/rng.h"
#include "proof/proof_internal.h"

#define PROBE_NAME "gustprobe0"
/* A carrier event is handled within a second on any machine, mostly at once. */
#define REACHABLE_MS 300
#define TUN_F_ALL                                                                  \
	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_UFO |        \
	 TUN_F_USO4 | TUN_F_USO6 | TUN_F_UDP_TUNNEL_GSO |                          \
	 TUN_F_UDP_TUNNEL_GSO_CSUM)

/* Headers of a segment with VXLAN around it: Ethernet, VXLAN, UDP, and both IP. */
#define OVERHEAD4 (14 + VXLAN_HLEN + 8 + 20)
#define OVERHEAD6 (14 + VXLAN_HLEN + 8 + 40)

bool probe_fail(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	p->verdict = PROOF_FAILED;
	return false;
}

bool probe_unclear(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	p->verdict = PROOF_NONE;
	return false;
}

bool probe_not_here(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	p->verdict = PROOF_NOT_HERE;
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
		probe_fail(p,
			   "no scratch network namespace: %s (needs "
			   "CAP_SYS_ADMIN, or unprivileged user namespaces)",
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

static int add_addr(struct link *l, const struct probe_path *path)
{
	struct link_addr a = { .local = path->kernel,
			       .peer = path->peer,
			       .plen = path->v6 ? 128 : 32,
			       .has_peer = true };

	return link_add_addr(l, &a);
}

/* RFC 2544's benchmark network and a ULA: nobody else sees them. */
static void plan_paths(struct probe *p)
{
	for (unsigned k = 0; k < PATH_KINDS; k++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct probe_path *path = &p->path[k][v6];
			unsigned mtu = PROBE_MTU;
			char text[IPADDR_STRLEN];

			path->v6 = v6;
			path->tnl = k != PATH_PLAIN;
			path->tnl_csum = k == PATH_TNL_CSUM;
			if (path->tnl)
				mtu -= v6 ? OVERHEAD6 : OVERHEAD4;
			path->mss = (uint16_t)(mtu - 20 - (v6 ? 40 : 20));
			path->vx_port = (uint16_t)(4789 + 2 * k + v6);
			path->vni = 42 + 2 * k + v6;
			for (unsigned end = 1; end <= 2; end++) {
				snprintf(text, sizeof(text),
					 v6 ? "fd67:7573:7400:%x::%x" :
					      "198.18.%u.%u",
					 k, end);
				ipaddr_parse(text, end == 1 ? &path->kernel :
							      &path->peer);
			}
		}
}

static int set_up(struct probe *p)
{
	struct link *l;
	int r = link_open(-1, p->ifindex, &l, p->why, sizeof(p->why));

	if (r < 0)
		return r;
	/* The receive buffers must hold a superpacket; where /proc/sys is not
	 * ours to write, SO_RCVBUFFORCE is the other way. */
	write_text("/proc/sys/net/ipv4/tcp_rmem", "4096 8388608 8388608");
	write_text("/proc/sys/net/ipv4/tcp_wmem", "4096 4194304 4194304");
	p->ecn = write_text("/proc/sys/net/ipv4/tcp_ecn", "1");
	/* No size but the largest: what is tested is the form. */
	link_set_gro_max(l, 524280, 524280);
	p->mac = link_state(l)->mac;
	p->tso_max = link_state(l)->tso_max_size;
	r = link_set_mtu(l, PROBE_MTU);
	if (r == 0 && p->tap)
		r = probe_set_flags(p->ifindex, IFF_NOARP, IFF_NOARP);
	if (r == 0)
		r = link_set_up(l, true);
	if (r == 0)
		r = add_addr(l, &p->path[PATH_PLAIN][0]);
	if (r < 0)
		probe_fail(p, "setting up " PROBE_NAME ": %s", strerror(-r));
	else
		p->v6 = add_addr(l, &p->path[PATH_PLAIN][1]) == 0;
	p->path[PATH_PLAIN][0].ready = true;
	p->path[PATH_PLAIN][1].ready = p->v6;
	link_close(l);
	return r;
}

static int open_interface(struct probe *p)
{
	struct tun_conf c = { .name = PROBE_NAME, .nqueues = 1, .tap = p->tap };
	struct tun_info info;
	int r = tun_open(&c, &p->pool, &p->port, &info, p->why, sizeof(p->why));

	if (r < 0)
		return r;
	p->ifindex = info.ifindex;
	p->fd = p->port->ops->fd(p->port, 0);
	r = tun_offload_ladder(p->port, TUN_F_ALL, &p->granted);
	if (r < 0)
		probe_fail(p, "TUNSETOFFLOAD: %s", strerror(-r));
	p->tun_f = p->granted;
	return r < 0 ? r : set_up(p);
}

int probe_open(struct probe *p, const struct proof_conf *conf)
{
	struct pkt_limits lim = { 0 };
	struct rng rng;

	p->next_port = 1024;
	p->tap = conf->tap;
	p->big = conf->big;
	plan_paths(p);
	p->pool = pkt_pool_new(&lim);
	p->data = malloc(PROBE_DATA_LEN);
	p->buf = malloc(PROBE_DATA_LEN);
	p->frame = malloc(PROBE_DATA_LEN);
	if (!p->pool || !p->data || !p->buf || !p->frame) {
		probe_fail(p, "out of memory");
		return -ENOMEM;
	}
	rng_seed(&rng, 1);
	for (uint32_t i = 0; i < PROBE_DATA_LEN; i += 8) {
		uint64_t v = rng_u64(&rng);

		memcpy(p->data + i, &v, 8);
	}
	return open_interface(p);
}

void probe_close(struct probe *p)
{
	probe_tcp_forget(p);
	if (p->port)
		p->port->ops->close(p->port);
	free(p->data);
	free(p->buf);
	free(p->frame);
	if (p->pool)
		pkt_pool_free(p->pool);
}

bool probe_offload(struct probe *p, unsigned tun_f)
{
	int r;

	if (p->tun_f == tun_f)
		return true;
	r = tun_set_offload(p->port, tun_f);
	if (r < 0)
		return probe_fail(p, "TUNSETOFFLOAD 0x%x: %s", tun_f, strerror(-r));
	p->tun_f = tun_f;
	return true;
}

/* ---- the kernel's end ---- */

int probe_socket(struct probe *p, const struct probe_path *path, int type)
{
	int fd = socket(path->v6 ? AF_INET6 : AF_INET,
			type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage ss;
	char text[IPADDR_STRLEN];
	int size = 8 << 20;
	socklen_t len;

	if (fd < 0) {
		probe_unclear(p, "socket: %s", strerror(errno));
		return -1;
	}
	/* TCP without the privilege keeps tcp_rmem's size, as setting a smaller
	 * one would fix it. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	len = ipaddr_to_sockaddr(&path->kernel, 0, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		probe_unclear(p, "bind %s: %s", ipaddr_str(&path->kernel, text),
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

bool probe_reachable(struct probe *p, const struct probe_path *path)
{
	uint64_t end = proof_now_us() + REACHABLE_MS * UINT64_C(1000);
	int fd = probe_socket(p, path, SOCK_DGRAM), r;
	struct sockaddr_storage ss;
	socklen_t len = ipaddr_to_sockaddr(&path->peer, 9, &ss);

	if (fd < 0)
		return false;
	for (;;) {
		r = connect(fd, (struct sockaddr *)&ss, len) < 0 ? errno : 0;
		if (!r || proof_now_us() >= end)
			break;
		poll(NULL, 0, 1);
	}
	close(fd);
	return !r || probe_unclear(p, "no route to the peer: %s", strerror(r));
}
