/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload_kernel.c - the kernel forwards from one tun to another
 *
 * In the namespace that the caller has entered. A merged train ends with a segment
 * that ends merging (PSH, or a shorter datagram), so that nothing is left to a
 * timer and all of the work lies within the writes.
 */
#include "offload_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "bench_util.h"
#include "wire/bytes.h"

#define VH 24
#define HDR_MAX 64
#define MSS 1448
#define SEGS 44
#define ALL_OFFLOADS 0x1ff
#define IN "gustbin"
#define OUT "gustbout"

static int in = -1, out = -1;
static uint8_t payload[500000];
static struct {
	uint8_t vh[VH], hdr[HDR_MAX];
	uint32_t hlen, len;
} pkt[SEGS];
static unsigned npkt;

static int open_tun(const char *name, short flags, bool offloads)
{
	struct ifreq ifr = { 0 };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), size = VH;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | flags;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ||
	    ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		die(name);
	if (ioctl(fd, TUNSETOFFLOAD, (long)(offloads ? ALL_OFFLOADS : 0)) < 0)
		die("TUNSETOFFLOAD");
	return fd;
}

static bool sh(const char *cmd)
{
	return system(cmd) == 0;
}

/* A packet of `len` payload bytes; `seg` 0: a single one. */
static void build(bool udp, uint32_t seq, uint16_t id, uint32_t len, uint16_t seg,
		  bool last)
{
	uint32_t hlen = udp ? 28 : 40, tot = hlen + len;
	uint8_t *vh = pkt[npkt].vh, *ip = pkt[npkt].hdr, *th = ip + 20;
	uint32_t pseudo;

	memset(&pkt[npkt], 0, sizeof(pkt[npkt]));
	ip[0] = 0x45;
	put16(ip + 2, tot > 65535 ? 0 : tot);
	put16(ip + 4, id);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = udp ? 17 : 6;
	memcpy(ip + 12, "\xc6\x12\x01\x02\xc6\x12\x02\x02", 8);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	put16(th, 40000);
	put16(th + 2, 5001);
	if (udp) {
		put16(th + 4, 8 + len);
	} else {
		put32(th + 4, seq);
		put32(th + 8, 1);
		th[12] = 0x50;
		th[13] = last ? 0x18 : 0x10;
		put16(th + 14, 0x2000);
	}
	pseudo = csum_add(tot - 20 + ip[9], ip + 12, 8);
	vh[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	put16(th + (udp ? 6 : 16), csum_fold_plain(pseudo));
	vh[6] = 20;
	vh[8] = udp ? 6 : 16;
	vh[2] = hlen;
	if (seg) {
		vh[1] = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 : VIRTIO_NET_HDR_GSO_TCPV4;
		put16le(vh + 4, seg);
	}
	pkt[npkt].hlen = hlen;
	pkt[npkt++].len = len;
}

static void train(bool udp)
{
	for (unsigned i = 0; i < SEGS; i++) {
		bool last = i + 1 == SEGS;

		build(udp, 1000 + i * MSS, 7 + i, udp && last ? MSS - 1 : MSS, 0,
		      last);
	}
}

bool kernel_open(enum kernel_work work)
{
	bool merge = work == KERNEL_GRO || work == KERNEL_URO;

	in = open_tun(IN, merge ? IFF_NAPI : 0, true);
	out = open_tun(OUT, 0, merge || work == KERNEL_BIGTCP);
	if (!sh("sysctl -q -w net.ipv4.ip_forward=1 && "
		"ip addr add 198.18.1.1/24 dev " IN " && "
		"ip addr add 198.18.2.1/24 dev " OUT " && "
		"ip link set " IN " txqueuelen 20000 up && "
		"ip link set " OUT " txqueuelen 20000 up") ||
	    (merge &&
	     !sh("echo 20000000 > /sys/class/net/" IN "/gro_flush_timeout && "
		 "ethtool -K " IN " gro on rx-udp-gro-forwarding on"))) {
		fprintf(stderr, "offload: the kernel cannot be set up\n");
		return false;
	}
	switch (work) {
	case KERNEL_TSO:
		build(false, 1000, 7, 45 * MSS, MSS, true);
		break;
	case KERNEL_USO:
		build(true, 0, 7, SEGS * MSS, MSS, true);
		break;
	case KERNEL_BIGTCP:
		build(false, 1000, 7, sizeof(payload), MSS, true);
		break;
	case KERNEL_GRO:
		train(false);
		break;
	case KERNEL_URO:
		train(true);
		break;
	}
	return true;
}

/* What came out; returns packets. */
static unsigned drain(void)
{
	static uint8_t buf[70000];
	unsigned n = 0;

	while (read(out, buf, sizeof(buf)) > 0)
		n++;
	return n;
}

uint32_t kernel_round(enum kernel_work work, uint64_t *ret_ns, uint32_t *ret_bytes)
{
	static bool looked;
	uint32_t bytes = 0;
	unsigned came;

	*ret_ns = now_ns();
	for (unsigned i = 0; i < npkt; i++) {
		struct iovec iov[3] = { { pkt[i].vh, VH },
					{ pkt[i].hdr, pkt[i].hlen },
					{ payload, pkt[i].len } };

		if (writev(in, iov, 3) < 0)
			die("write to the tun");
		bytes += pkt[i].len;
	}
	*ret_ns = now_ns() - *ret_ns;
	*ret_bytes = bytes;
	came = drain();
	if (!looked)
		fprintf(stderr, "offload: the kernel makes %u packets of %u\n",
			came, npkt);
	looked = true;
	return (bytes + MSS - 1) / MSS;
}
