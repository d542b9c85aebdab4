/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lab.c - the kernel as a router in a namespace of our own
 */
#include "lab.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/uio.h>

#include "base/linux_compat.h"
#include "scratch.h"
#include "super.h"

#define LAB_WAIT_MS 150
#define ALL_OFFLOADS 0x1ff

const uint8_t lab_in_mac[6] = { 2, 0, 0, 0, 1, 1 };
const uint8_t lab_near_mac[6] = { 2, 0, 0, 0, 1, 2 };
const uint8_t lab_out_mac[6] = { 2, 0, 0, 0, 2, 1 };
const uint8_t lab_far_mac[6] = { 2, 0, 0, 0, 2, 2 };

static void die(const char *what)
{
	printf("FAIL oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

void lab_cmd(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		die(cmd);
}

void lab_enter(void)
{
	scratch_enter();
	/* this namespace's devices, for gro_flush_timeout */
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		scratch_skip("sysfs of our own");
	/* no router solicitations, no listener reports, no address tests */
	scratch_write("/proc/sys/net/ipv6/conf/default/router_solicitations", "0");
	scratch_write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
	scratch_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	scratch_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	scratch_write("/proc/sys/net/ipv4/ip_forward", "1");
}

static int open_tun(const char *name, bool l2, short flags, bool offloads)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = { 0 };
	int size = SUPER_VH_LEN;

	if (fd < 0)
		die("/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = (short)((l2 ? IFF_TAP : IFF_TUN) | IFF_NO_PI | flags);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		die("TUNSETIFF");
	if (offloads && (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ||
			 ioctl(fd, TUNSETOFFLOAD, (long)ALL_OFFLOADS) < 0))
		die("TUNSETOFFLOAD");
	return fd;
}

static void open_both(struct lab *l, bool l2, short in_flags)
{
	l->l2 = l2;
	l->in = open_tun("ogin", l2, IFF_VNET_HDR | in_flags, true);
	l->out = open_tun("ogout", l2, 0, false);
	if (l2)
		lab_cmd("ip link set ogin address 02:00:00:00:01:01 && "
			"ip link set ogout address 02:00:00:00:02:01");
	/* 500 KB in segments of a few bytes must fit the queue */
	lab_cmd("ip link set ogin mtu 1500 txqueuelen 20000 up && "
		"ip link set ogout mtu 1500 txqueuelen 20000 up");
}

void lab_open_bridge(struct lab *l)
{
	open_both(l, true, 0);
	lab_cmd("ip link add ogbr type bridge && ip link set ogin master ogbr && "
		"ip link set ogout master ogbr && ip link set ogbr up");
	l->bridge = true;
}

void lab_open(struct lab *l, bool l2, short in_flags)
{
	open_both(l, l2, in_flags);
	l->bridge = false;
	lab_cmd("ip addr add 198.18.1.1/24 dev ogin && "
		"ip addr add 198.18.2.1/24 dev ogout && "
		"ip addr add fd67:0:0:1::1/64 dev ogin nodad && "
		"ip addr add fd67:0:0:2::1/64 dev ogout nodad");
	if (l2)
		lab_cmd("ip neigh add 198.18.2.2 lladdr 02:00:00:00:02:02 dev "
			"ogout "
			"&& ip neigh add fd67:0:0:2::2 lladdr 02:00:00:00:02:02 "
			"dev ogout && ip neigh add 198.18.1.2 lladdr "
			"02:00:00:00:01:02 dev ogin");
}

void lab_close(struct lab *l)
{
	close(l->in);
	close(l->out);
	if (l->bridge)
		lab_cmd("ip link del ogbr");
}

int lab_send(struct lab *l, const uint8_t *vh, const uint8_t *b, uint32_t len)
{
	struct iovec iov[2] = { { (void *)vh, SUPER_VH_LEN }, { (void *)b, len } };
	ssize_t r = writev(l->in, iov, 2);

	if (r < 0)
		return -errno;
	return r == (ssize_t)(len + SUPER_VH_LEN) ? 0 : -EIO;
}

/* The kernel talks on its own as well (neighbours, listeners). */
static bool is_ours(const struct lab *l, const uint8_t *b, uint32_t len)
{
	uint32_t l3 = l->l2 ? 14 : 0;

	if (l->l2 && len > l3 + 4 && b[12] == 0x81 && !b[13])
		l3 += 4;
	if (len < l3 + 20)
		return false;
	if (b[l3] >> 4 == 4)
		return !memcmp(b + l3 + 16, super_dst4, 4);
	return len >= l3 + 40 && !memcmp(b + l3 + 24, super_dst6, 16);
}

static void read_all(struct lab *l, struct lab_frames *ret)
{
	static uint8_t buf[70000];

	for (;;) {
		ssize_t n = read(l->out, buf, sizeof(buf));

		if (n < 0) {
			if (errno != EAGAIN)
				die("read");
			return;
		}
		if (is_ours(l, buf, n))
			memcpy(lab_frames_add(ret, n), buf, n);
	}
}

void lab_collect(struct lab *l, uint32_t want, struct lab_frames *ret)
{
	struct pollfd pfd = { .fd = l->out, .events = POLLIN };

	read_all(l, ret);
	while (ret->n < want && poll(&pfd, 1, LAB_WAIT_MS) > 0)
		read_all(l, ret);
}

/* ---- frames ---- */

void lab_frames_init(struct lab_frames *f)
{
	f->n = f->used = 0;
	f->mem = malloc(LAB_ARENA);
	if (!f->mem)
		die("memory");
}

void lab_frames_free(struct lab_frames *f)
{
	free(f->mem);
}

uint8_t *lab_frames_add(struct lab_frames *f, uint32_t len)
{
	uint8_t *b = f->mem + f->used;

	errno = ENOBUFS;
	if (f->n == LAB_FRAMES_MAX || len > LAB_ARENA - f->used)
		die("frames");
	f->b[f->n] = b;
	f->len[f->n++] = len;
	f->used += len;
	return b;
}

static int hex(char *buf, int len, const uint8_t *b, uint32_t n)
{
	int done = 0;

	for (uint32_t i = 0; i < n && done + 3 < len; i++)
		done += snprintf(buf + done, len - done, "%s%02x",
				 i && i % 4 == 0 ? " " : "", b[i]);
	return done;
}

bool lab_frames_differ(const struct lab_frames *k, const struct lab_frames *g,
		       char *buf, uint32_t len)
{
	uint32_t n = k->n < g->n ? k->n : g->n;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t m = k->len[i] < g->len[i] ? k->len[i] : g->len[i], at = 0;
		int w;

		while (at < m && k->b[i][at] == g->b[i][at])
			at++;
		if (at == m && k->len[i] == g->len[i])
			continue;
		w = snprintf(buf, len,
			     "frame %u of %u/%u differs at byte %u (%u/%u bytes)\n"
			     "  kernel ",
			     i, k->n, g->n, at, k->len[i], g->len[i]);
		w += hex(buf + w, len / 2 - w, k->b[i],
			 k->len[i] < 120 ? k->len[i] : 120);
		w += snprintf(buf + w, len - w, "\n  gust   ");
		hex(buf + w, len - w, g->b[i], g->len[i] < 120 ? g->len[i] : 120);
		return true;
	}
	if (k->n == g->n)
		return false;
	snprintf(buf, len, "%u frames from the kernel, %u from gust", k->n, g->n);
	return true;
}
