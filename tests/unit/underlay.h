/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * underlay.h - a veth pair with a port on one end and the kernel on the other, and
 * packets for it
 *
 * GA is ours: no addresses. GB is the kernel's: KERNEL4 and KERNEL6, with fixed
 * neighbours for PEER4 and PEER6, whom the test plays. Both in one namespace.
 */
#ifndef GUST_TESTS_UNDERLAY_H
#define GUST_TESTS_UNDERLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

#include <cmocka.h>
#include <poll.h>

#include "base/linux_compat.h"
#include "pktlib.h"
#include "port/port.h"
#include "wire/bytes.h"

#define GA "gusta"
#define GB "gustb"
#define MAC_A "\x02\0\0\0\0\x0a"
#define MAC_B "\x02\0\0\0\0\x0b"
#define KERNEL4 "198.18.0.1"
#define PEER4 "198.18.0.2"
#define KERNEL6 "fd00:18::1"
#define PEER6 "fd00:18::2"

static inline bool try_sh(const char *cmd)
{
	char line[600];

	snprintf(line, sizeof(line), "{ %s; } >/dev/null 2>&1", cmd);
	return system(line) == 0;
}

static inline void sh(const char *cmd)
{
	if (!try_sh(cmd))
		fail_msg("failed: %s", cmd);
}

/* Up is not at once able to send: until the kernel has seen to it, what is sent is
 * dropped in silence. */
static inline void veth_wait(void)
{
	static const char up[] = "test $(ip -o link show up | grep -c '\\(" GA
				 "\\|" GB "\\)@.* state UP') = 2";

	for (int i = 0; i < 100; i++) {
		if (try_sh(up))
			return;
		usleep(20000);
	}
	fail_msg("the veth pair does not come up");
}

static inline void veth_make(void)
{
	sh("ip link add " GA " address 02:00:00:00:00:0a type veth peer name " GB
	   " address 02:00:00:00:00:0b");
	sh("ip link set " GA " up && ip link set " GB " up");
	sh("ip addr add " KERNEL4 "/24 dev " GB);
	sh("ip neigh replace " PEER4 " lladdr 02:00:00:00:00:0a dev " GB);
	scratch_write("/proc/sys/net/ipv6/conf/" GB "/disable_ipv6", "0");
	scratch_write("/proc/sys/net/ipv6/conf/" GB "/router_solicitations", "0");
	sh("ip addr add " KERNEL6 "/64 dev " GB " nodad");
	sh("ip neigh replace " PEER6 " lladdr 02:00:00:00:00:0a dev " GB);
	veth_wait();
}

static inline void veth_remove(void)
{
	try_sh("ip link delete " GA);
}

static inline bool wait_fd(int fd, short what, int ms)
{
	struct pollfd p = { .fd = fd, .events = what };

	return poll(&p, 1, ms) == 1;
}

/* The kernel's UDP socket, bound to `local`, connected to `peer` unless NULL. */
static inline int udp_sock(const char *local, uint16_t lport, const char *peer,
			   uint16_t pport)
{
	struct sockaddr_storage ss;
	struct ipaddr a;
	socklen_t n;
	int fd;

	assert_int_equal(ipaddr_parse(local, &a), 0);
	fd = socket(ipaddr_is4(&a) ? AF_INET : AF_INET6,
		    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	n = ipaddr_to_sockaddr(&a, lport, &ss);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	if (!peer)
		return fd;
	assert_int_equal(ipaddr_parse(peer, &a), 0);
	n = ipaddr_to_sockaddr(&a, pport, &ss);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static inline void set_int(int fd, int level, int opt, int v)
{
	assert_int_equal(setsockopt(fd, level, opt, &v, sizeof(v)), 0);
}

static inline void fill_pay(uint8_t *b, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		b[i] = pay(from + i);
}

static inline void check_pay(const uint8_t *b, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (b[i] != pay(from + i))
			fail_msg("byte %u of %u differs", i, n);
}

/* A packet's payload is pay(from...). */
static inline void check_pkt(const struct gust_pkt *p, uint32_t from)
{
	uint32_t n = pkt_payload_len(p);
	uint8_t *b = malloc(n + 1);

	assert_int_equal(pkt_payload_copy(p, 0, b, n), n);
	check_pay(b, from, n);
	free(b);
}

/* What differs from a plain packet of PEER to KERNEL. */
struct up {
	const char *src, *dst;
	bool eth, tcp;
	uint16_t vlan[2]; /* tags, outermost first; 0: none */
	uint16_t sport, dport;
	uint32_t from, len; /* payload */
	uint16_t gso;
	bool no_df;
	uint8_t tos, ttl;
	uint8_t flags; /* TCP */
	uint32_t seq, ack;
	const char *opt; /* TCP options, optlen bytes */
	unsigned optlen;
};

static inline uint32_t up_eth(struct gust_pkt *p, const struct up *u, bool v4)
{
	uint8_t *b = p->head;
	uint32_t off = 12;

	memcpy(b, MAC_B, 6);
	memcpy(b + 6, MAC_A, 6);
	pkt_layer_append(p, GUST_L_ETH, 0, 0);
	for (unsigned i = 0; i < 2 && u->vlan[i]; i++) {
		w16(b + off, !i && u->vlan[1] ? 0x88a8 : 0x8100);
		w16(b + off + 2, u->vlan[i]);
		pkt_layer_append(p, GUST_L_VLAN, 0, (uint16_t)(off + 2));
		off += 4;
	}
	w16(b + off, v4 ? 0x0800 : 0x86dd);
	return off + 2;
}

/* IP header of `len` bytes of IP payload, above 64 KB in the form for it; returns
 * its length. */
static inline uint32_t up_ip(struct gust_pkt *p, const struct up *u, uint32_t off,
			     const struct ipaddr *src, const struct ipaddr *dst,
			     uint32_t len)
{
	uint8_t *b = p->head + off, proto = u->tcp ? 6 : 17;
	bool jumbo = len > 65535 - 20;

	if (ipaddr_is4(src)) {
		pkt_layer_append(p, GUST_L_IPV4, jumbo ? GUST_LF_JUMBO : 0,
				 (uint16_t)off);
		memset(b, 0, 20);
		b[0] = 0x45;
		b[1] = u->tos;
		w16(b + 2, jumbo ? 0 : 20 + len);
		b[6] = u->no_df ? 0 : 0x40;
		b[8] = u->ttl ? u->ttl : 64;
		b[9] = proto;
		memcpy(b + 12, src->b + 12, 4);
		memcpy(b + 16, dst->b + 12, 4);
		fix_ip4(b);
		return 20;
	}
	pkt_layer_append(p, GUST_L_IPV6, 0, (uint16_t)off);
	memset(b, 0, 48);
	b[0] = 0x60 | u->tos >> 4;
	b[1] = (uint8_t)(u->tos << 4);
	b[6] = proto;
	b[7] = u->ttl ? u->ttl : 64;
	memcpy(b + 8, src->b, 16);
	memcpy(b + 24, dst->b, 16);
	if (!jumbo) {
		w16(b + 4, len);
		return 40;
	}
	b[6] = 0;
	b[40] = proto;
	b[42] = 0xc2;
	b[43] = 4;
	w32(b + 44, len + 8);
	pkt_layer_append(p, GUST_L_HOPOPTS, GUST_LF_JUMBO, (uint16_t)(off + 40));
	return 48;
}

static inline void up_payload(struct pkt_pool *pool, struct gust_pkt *p,
			      const struct up *u)
{
	for (uint32_t at = 0; at < u->len;) {
		uint32_t n = u->len - at < 60000 ? u->len - at : 60000;
		struct gust_frag f;
		uint8_t *b = malloc(n);

		fill_pay(b, u->from + at, n);
		assert_int_equal(slab_copy(pool, b, n, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		free(b);
		at += n;
	}
}

/* The packet, its checksum owed. */
static inline struct gust_pkt *up_make(struct pkt_pool *pool, const struct up *u)
{
	struct gust_pkt *p = pkt_new(pool);
	uint32_t l4 = u->tcp ? 20 + u->optlen : 8, off = 0;
	struct ipaddr src, dst;
	uint8_t *b;
	bool v4;

	assert_int_equal(ipaddr_parse(u->src ? u->src : PEER4, &src), 0);
	assert_int_equal(ipaddr_parse(u->dst ? u->dst : KERNEL4, &dst), 0);
	v4 = ipaddr_is4(&src);
	if (u->eth)
		off = up_eth(p, u, v4);
	off += up_ip(p, u, off, &src, &dst, l4 + u->len);
	b = p->head + off;
	memset(b, 0, l4);
	w16(b, u->sport ? u->sport : 7001);
	w16(b + 2, u->dport ? u->dport : 7000);
	if (u->tcp) {
		w32(b + 4, u->seq);
		w32(b + 8, u->ack);
		b[12] = (uint8_t)(l4 << 2);
		b[13] = u->flags ? u->flags : 0x10;
		w16(b + 14, 0xffff);
		if (u->optlen)
			memcpy(b + 20, u->opt, u->optlen);
	} else {
		w16(b + 4, l4 + u->len);
	}
	pkt_layer_append(p, u->tcp ? GUST_L_TCP : GUST_L_UDP, 0, (uint16_t)off);
	p->hlen = (uint16_t)(off + l4);
	p->len = p->hlen;
	up_payload(pool, p, u);
	p->need = GUST_F_CSUM;
	p->gso_size = u->gso;
	if (u->gso)
		p->gso_type = u->tcp ? (v4 ? GUST_GSO_TCP4 : GUST_GSO_TCP6) :
				       (v4 ? GUST_GSO_UDP4 : GUST_GSO_UDP6);
	return p;
}

/* A layer of kind `kind` in its place `i`. */
#define assert_layer(p, i, k, o)                                                   \
	do {                                                                       \
		assert_true((p)->nlayer > (i));                                    \
		assert_int_equal((p)->layer[i].kind, k);                           \
		assert_int_equal((p)->layer[i].off, o);                            \
	} while (0)

#endif
