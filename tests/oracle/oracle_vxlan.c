/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle_vxlan.c - the vxlan plugin against the kernel's VXLAN device
 *
 *	test --encap--> [vxt, a tun] --kernel: UDP, vxlan device [vxk]--> sockets
 *
 * What we encapsulate arrives at a socket behind the kernel's device, which has
 * verified every checksum that there is; what the kernel encapsulates is, taken
 * apart by us, what it handed to its device, byte for byte (a packet socket on the
 * device is the witness). All of it in a namespace of our own.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/time.h>

#include "lab.h"
#include "scratch.h"
#include "vxgenlib.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define WAIT_MS 1000

static int tun, sniffer, udp4, udp6;

static const uint8_t near_mac[6] = {
	2, 0, 0, 0, 0, 1
}; /* ours, as in tp_build() */

/* How both ends are configured. */
struct mode {
	bool v6; /* outer */
	uint32_t flags; /* ours */
	const char *kernel; /* its device's options */
};

static const struct mode modes[] = {
	{ false, 0, "noudpcsum" },
	{ false, GUST_TUN_DF, "udpcsum" },
	{ false, GUST_TUN_CSUM, "noudpcsum" },
	{ false, GUST_TUN_CSUM, "udpcsum" },
	{ false, GUST_TUN_CSUM, "udpcsum gbp" },
	{ true, GUST_TUN_CSUM, "udpcsum noudp6zerocsumtx noudp6zerocsumrx" },
	{ true, 0, "udp6zerocsumtx udp6zerocsumrx" },
	{ false, GUST_TUN_CSUM | GUST_TUN_REMCSUM, "udpcsum remcsumtx remcsumrx" },
	{ true, GUST_TUN_CSUM | GUST_TUN_REMCSUM,
	  "noudp6zerocsumtx remcsumtx remcsumrx" },
};

static void must(bool ok, const char *what)
{
	if (!ok)
		fail_msg("%s: %s", what, strerror(errno));
}

static int open_tun(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = { .ifr_name = "vxt", .ifr_flags = IFF_TUN | IFF_NO_PI };

	must(fd >= 0 && !ioctl(fd, TUNSETIFF, &ifr), "tun");
	return fd;
}

static int open_sniffer(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex("vxk") };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !bind(fd, (struct sockaddr *)&ll, sizeof(ll)), "sniffer");
	return fd;
}

static int open_udp(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(443) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(443) };
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	must(fd >= 0, "socket");
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	must(!bind(fd,
		   family == AF_INET6 ? (struct sockaddr *)&a6 :
					(struct sockaddr *)&a4,
		   family == AF_INET6 ? sizeof(a6) : sizeof(a4)),
	     "bind");
	return fd;
}

static struct vxgen begin(const struct mode *m)
{
	struct gust_tunnel_conf c = conf_of("vxlan", m->v6, 7, m->flags);

	tun = open_tun();
	lab_cmd("ip addr add 192.0.2.2/24 dev vxt && "
		"ip addr add 2001:db8:1::2/64 dev vxt nodad && "
		"ip link set vxt mtu 1700 txqueuelen 1000 up");
	lab_cmd("ip link add vxk address 02:00:00:00:00:02 type vxlan id 7 local "
		"%s "
		"remote %s dstport 4789 dev vxt nolearning %s",
		m->v6 ? "2001:db8:1::2" : "192.0.2.2",
		m->v6 ? "2001:db8:1::1" : "192.0.2.1", m->kernel);
	lab_cmd("ip addr add 10.111.0.2/24 dev vxk && "
		"ip addr add 2001:db8::2/64 dev vxk nodad && "
		"ip link set vxk mtu 1500 up && "
		"ip neigh add 10.111.0.1 lladdr 02:00:00:00:00:01 dev vxk && "
		"ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev vxk");
	sniffer = open_sniffer();
	udp4 = open_udp(AF_INET);
	udp6 = open_udp(AF_INET6);
	seg_begin((const char *const[]){ "vxlan", "tso", "uso", NULL });
	return vxgen_open(&c);
}

static void end(struct vxgen *v)
{
	vxgen_close(v);
	seg_end(NULL);
	close(sniffer);
	close(udp4);
	close(udp6);
	lab_cmd("ip link del vxk");
	close(tun);
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, WAIT_MS) > 0;
}

/* As a port without any offload sends it. */
static void send_pkt(struct gust_pkt *p /*taken*/)
{
	uint8_t *b;

	assert_non_null(p);
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	b = pkt_flat(p);
	must(write(tun, b, p->len) == (ssize_t)p->len, "write");
	free(b);
	pkt_free(p);
}

/* The datagram of `len` bytes from pay(from) arrives. */
static void assert_datagram(bool v6, uint32_t from, uint32_t len)
{
	int fd = v6 ? udp6 : udp4;
	uint8_t b[2000];

	if (!readable(fd))
		fail_msg("nothing arrives at the socket");
	must(recv(fd, b, sizeof(b), 0) == (ssize_t)len, "datagram");
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(b[i], pay(from + i));
}

/* ---- ours to the kernel ---- */

static void test_out(const struct mode *m)
{
	struct vxgen v = begin(m);

	for (int i = 0; i < 24; i++) {
		bool v6 = i & 1, owed = i & 2;
		struct tp t = { .eth = true,
				.v6 = v6,
				.udp = true,
				.from = i,
				.len = i & 4 ? 1400 : i * 3 };
		uint32_t n = tp_build(buf, &t);
		struct gust_pkt *p;

		if (owed)
			w16(buf + 14 + (v6 ? 40 : 20) + 6, 0xdead);
		p = wire(buf, n, DISSECT_ETH);
		p->need = owed ? GUST_F_CSUM : 0;
		send_pkt(encap(&v, p));
		assert_datagram(v6, i, t.len);
	}
	end(&v);
}

/* A superpacket passes whole and is cut behind the tunnel. */
static void test_super(const struct mode *m)
{
	struct vxgen v = begin(m);

	for (int i = 0; i < 4; i++) {
		struct gust_gso_req req = { .step = 1000,
					    .mtu = 1700,
					    .csum = true };
		struct tp t = {
			.eth = true, .v6 = i & 1, .udp = true, .len = 20500
		};
		struct gust_pkt *p = encap(&v, super(&t, 1000));
		struct gust_batch b;

		assert_int_equal(p->gso_size, 1000);
		b = cut_req(p, &req);
		assert_int_equal(b.n, 21);
		for (uint32_t off = 0; (p = gust_batch_pop(&b)); off += 1000) {
			send_pkt(p);
			assert_datagram(t.v6, off, off < 20000 ? 1000 : 500);
		}
	}
	end(&v);
}

/* ---- the kernel's to us ---- */

/* The next frame that the kernel has given to its device for us, complete. */
static struct gust_pkt *witness(void)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	static uint8_t b[4000];
	ssize_t n;

	while (readable(sniffer)) {
		n = recvfrom(sniffer, b, sizeof(b), 0, (struct sockaddr *)&from,
			     &len);
		must(n > 0, "sniffer");
		if (from.sll_pkttype != PACKET_OUTGOING || memcmp(b, near_mac, 6))
			continue;
		return wire(b, n, DISSECT_ETH);
	}
	fail_msg("the kernel gave nothing to its device");
	return NULL;
}

/* The next one that comes out of the tunnel for us. */
static struct gust_pkt *received(const struct vxgen *v, bool *ret_rco)
{
	static uint8_t b[4000];
	struct gust_pkt *p;

	while (readable(tun)) {
		ssize_t n = read(tun, b, sizeof(b));

		must(n > 0, "tun");
		if (n < 28 || (b[0] >> 4 == 6 && b[6] != 17))
			continue; /* its own talk */
		p = decap(v, wire(b, n, DISSECT_IP));
		if (!p)
			fail_msg("a packet of the kernel's is dropped");
		if (memcmp(p->head, near_mac, 6)) {
			pkt_free(p);
			continue;
		}
		*ret_rco = b[(b[0] >> 4 == 6 ? 48 : 28) + 1] & 0x20;
		return p;
	}
	fail_msg("the kernel sent nothing");
	return NULL;
}

static void assert_same(const struct vxgen *v, const struct mode *m)
{
	struct gust_pkt *w = witness(), *p;
	uint8_t *flat;
	bool rco;

	p = received(v, &rco);
	/* the kernel leaves TCP and UDP to us where it may */
	if (m->flags & GUST_TUN_REMCSUM && pkt_l4(p)->kind == GUST_L_UDP) {
		assert_true(rco);
		assert_int_equal(p->need, GUST_F_CSUM);
	}
	if (p->need & GUST_F_CSUM)
		pkt_csum_complete(p);
	/* the device completes what the witness has seen */
	pkt_csum_complete(w);
	flat = pkt_flat(w);
	assert_pkt_bytes(p, flat, w->len);
	assert_map(p, flat, w->len, true);
	assert_sums(p);
	free(flat);
	pkt_free(w);
	pkt_free(p);
}

static void test_in(const struct mode *m)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(40000) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(40000) };
	struct vxgen v = begin(m);
	uint8_t b[1400];

	inet_pton(AF_INET, "10.111.0.1", &a4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &a6.sin6_addr);
	for (uint32_t i = 0; i < sizeof(b); i++)
		b[i] = pay(i);
	for (int i = 0; i < 20; i++) {
		uint32_t n = i & 4 ? (uint32_t)sizeof(b) : i * 7u + 1;

		if (i & 1)
			must(sendto(udp6, b, n, 0, (struct sockaddr *)&a6,
				    sizeof(a6)) == (ssize_t)n,
			     "sendto");
		else
			must(sendto(udp4, b, n, 0, (struct sockaddr *)&a4,
				    sizeof(a4)) == (ssize_t)n,
			     "sendto");
		assert_same(&v, m);
	}
	end(&v);
}

/* An echo request of ours is answered, through both ends. */
static void test_echo(const struct mode *m)
{
	struct vxgen v = begin(m);

	for (int i = 0; i < 8; i++) {
		struct tp t = { .eth = true, .udp = true, .len = 100 + i };
		uint32_t n = tp_build(buf, &t), len = n - 34;
		uint8_t *icmp = buf + 34;
		struct gust_pkt *p;
		bool rco;

		buf[14 + 9] = 1;
		fix_ip4(buf + 14);
		memcpy(icmp, "\x08\0\0\0\x12\x34\0\0", 8);
		icmp[7] = i;
		w16(icmp + 2, (uint16_t)~naive_sum(0, icmp, len));
		send_pkt(encap(&v, wire(buf, n, DISSECT_ETH)));
		p = received(&v, &rco);
		assert_int_equal(p->len, n);
		assert_int_equal(p->head[34], 0);
		assert_int_equal(pkt_l4(p)->kind, GUST_L_ICMP);
		assert_memory_equal(p->head + 38, icmp + 4, 4);
		assert_true(pkt_csum_verify(p));
		pkt_free(p);
	}
	end(&v);
}

/* ---- what holds in every mode ---- */

static void test_modes(void **state)
{
	void (*const tests[])(const struct mode *) = { test_out, test_super,
						       test_in, test_echo };

	for (unsigned i = 0; i < NELEMS(modes); i++)
		for (unsigned k = 0; k < NELEMS(tests); k++) {
			print_message("outer IPv%c, %s\n", modes[i].v6 ? '6' : '4',
				      modes[i].kernel);
			tests[k](&modes[i]);
		}
}

/* A tunnel with checksums takes no packet without, over IPv6 (RFC 6936). */
static void test_no_zero6(void **state)
{
	static const struct mode strict = { true, GUST_TUN_CSUM,
					    "udp6zerocsumtx udp6zerocsumrx" };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(40000) };
	struct vxgen v = begin(&strict);
	static uint8_t b[4000];
	bool seen = false;

	inet_pton(AF_INET, "10.111.0.1", &a4.sin_addr);
	must(sendto(udp4, "x", 1, 0, (struct sockaddr *)&a4, sizeof(a4)) == 1,
	     "sendto");
	while (!seen && readable(tun)) {
		ssize_t n = read(tun, b, sizeof(b));

		must(n > 0, "tun");
		if (n < 48 || b[0] >> 4 != 6 || b[6] != 17)
			continue;
		seen = true;
		assert_decap_drop(&v, b, n, DROP_BAD_CSUM);
	}
	assert_true(seen);
	end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_no_zero6),
	};

	lab_enter();
	if (system("ip link add vxprobe type vxlan id 1 dstport 1 2>/dev/null"))
		scratch_skip("vxlan devices");
	lab_cmd("ip link del vxprobe");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
