/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_io.h - a stack to be driven by hand, in a network namespace of its own
 *
 * Real host sockets on the namespace's loopback behind it (edge-triggered
 * epoll), packets built here in front of it. Header only: each test program of
 * the relay includes it once.
 */
#ifndef GUST_TESTS_RELAY_IO_H
#define GUST_TESTS_RELAY_IO_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ip/ip.h"
#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define T_IN4 "10.9.0.1"
#define T_OWN4 "10.9.0.2"
#define T_IN6 "fd09::1"
#define T_OWN6 "fd09::2"

struct rig {
	struct stack *s;
	struct stack_snap snap;
	struct pkt_pool *pool;
	struct siphash_key secret;
	struct drop_counters drops;
	struct rng rng;
	struct env env;
	uint64_t skew_us; /* added to the clock */
	int ep;
	unsigned n_fds; /* registered now */
	struct gust_batch out;
	bool more; /* what stack_turn() said */
};

static inline int file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

/* A namespace of our own with the loopback up. False: not permitted here. */
static inline bool own_netns(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			return false;
		file_put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		file_put("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		file_put("/proc/self/gid_map", map);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return false;
	close(fd);
	return true;
}

static inline unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline struct ipaddr A(const char *text) {
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

/* ---- loop ---- */

static inline int
rig_add(void *ctx, struct stack_fd *sf)
{
	struct rig *r = ctx;
	struct epoll_event ev = { .events =
					  EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.ptr = sf };

	if (epoll_ctl(r->ep, EPOLL_CTL_ADD, sf->fd, &ev) < 0)
		return -errno;
	sf->loop = r;
	r->n_fds++;
	return 0;
}

static inline void rig_del(void *ctx, struct stack_fd *sf)
{
	struct rig *r = ctx;

	assert_ptr_equal(sf->loop, r);
	assert_int_equal(epoll_ctl(r->ep, EPOLL_CTL_DEL, sf->fd, NULL), 0);
	sf->loop = NULL;
	r->n_fds--;
}

static inline void rig_clock(struct rig *r)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	r->env.now_us =
		ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000 + 1 + r->skew_us;
}

/* As libevent would: errors are readiness. */
static inline void rig_poll(struct rig *r, int ms)
{
	struct epoll_event ev[64];
	int n = epoll_wait(r->ep, ev, 64, ms);

	for (int i = 0; i < n; i++) {
		struct stack_fd *sf = ev[i].data.ptr;
		uint32_t e = ev[i].events;
		unsigned what = 0;

		if (e & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
			what |= STACK_FD_READ;
		if (e & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			what |= STACK_FD_WRITE;
		sf->ready(sf, what);
	}
}

/* One turn; what it leaves for the inside is appended to r->out. */
static inline void rig_turn(struct rig *r, int ms)
{
	rig_poll(r, r->more ? 0 : ms);
	rig_clock(r);
	r->more = stack_turn(r->s, &r->out, &r->env);
}

static inline void rig_snap(struct stack_snap *c)
{
	memset(c, 0, sizeof(*c));
	c->generation = 1;
	c->up = true;
	c->to_inside = (struct port_caps){
		.feats = FEAT_BIT(FEAT_TX_CSUM) | FEAT_BIT(FEAT_SG) |
			 FEAT_BIT(FEAT_TSO4) | FEAT_BIT(FEAT_TSO6) |
			 FEAT_BIT(FEAT_USO),
		.mtu = 1500,
		.gso_max4 = 65535,
		.gso_max6 = 65535,
		.cuts_tcp = true,
		.cuts_udp = true,
		.gso_max_udp = 65535,
	};
	c->n_own = 2;
	c->own[0] = A(T_OWN4);
	c->own[1] = A(T_OWN6);
	c->n_local = 2;
	c->local[0] = A(T_IN4);
	c->local[1] = A(T_IN6);
	c->loopback_own = true;
	tcp_conf_defaults(&c->tcp);
	udp_conf_defaults(&c->udp);
	c->source4 = A("0.0.0.0");
	c->source6 = A("::");
}

static inline void rig_start(struct rig *r, unsigned worker, unsigned nworkers)
{
	struct stack_io io = { .add = rig_add, .del = rig_del, .ctx = r };

	r->ep = epoll_create1(EPOLL_CLOEXEC);
	assert_true(r->ep >= 0);
	r->pool = pkt_pool_new(&(struct pkt_limits){ 0 });
	assert_non_null(r->pool);
	pkt_pool_bind(r->pool);
	rng_seed(&r->rng, 42);
	r->env.rng = &r->rng;
	r->secret = (struct siphash_key){ 1, 2 };
	rig_clock(r);
	gust_batch_init(&r->out);
	r->s = stack_new(&r->snap, r->pool, &r->secret, worker, nworkers, &io,
			 &r->drops, &r->env);
	assert_non_null(r->s);
}

static inline void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	rig_snap(&r->snap);
	rig_start(r, 0, 1);
}

/* Everything must have come back. */
static inline void rig_fini(struct rig *r)
{
	stack_free(r->s, &r->out, &r->env);
	pkt_batch_free(&r->out);
	assert_int_equal(r->n_fds, 0);
	close(r->ep);
	assert_int_equal(pkt_pool_free(r->pool), 0);
	pkt_pool_bind(NULL);
}

/* ---- packets ---- */

static inline void put_payload(struct rig *r, struct gust_pkt *p, const void *data,
			       uint32_t len)
{
	const uint8_t *b = data;

	while (len) {
		struct gust_frag f;
		uint32_t n = len < 60000 ? len : 60000;

		assert_int_equal(slab_copy(r->pool, b, n, &f), 0);
		assert_int_equal(pkt_frag_add(p, &f), 0);
		b += n;
		len -= n;
	}
}

static inline void put_ip(struct rig *r, struct gust_pkt *p, const char *src,
			  const char *dst, uint8_t proto, uint8_t ttl)
{
	struct ip_tx tx = {
		.src = A(src), .dst = A(dst), .proto = proto, .ttl = ttl
	};

	ip_push(p, &tx, &r->snap.to_inside);
	p->need = GUST_F_CSUM_OK;
}

static inline struct gust_pkt *udp_pkt(struct rig *r, const char *src,
				       uint16_t sport, const char *dst,
				       uint16_t dport, const void *data,
				       uint32_t len, uint16_t gso)
{
	struct udp_hdr h = { .sport = sport,
			     .dport = dport,
			     .len = UDP_HLEN + len };
	struct gust_pkt *p = pkt_new(r->pool);

	assert_non_null(p);
	udp_build(p->head, &h);
	p->hlen = p->len = UDP_HLEN;
	pkt_layer_append(p, GUST_L_UDP, 0, 0);
	put_payload(r, p, data, len);
	if (gso) {
		p->gso_size = gso;
		p->gso_type = strchr(dst, ':') ? GUST_GSO_UDP6 : GUST_GSO_UDP4;
	}
	put_ip(r, p, src, dst, IPPROTO_UDP, 64);
	return p;
}

static inline struct gust_pkt *tcp_pkt(struct rig *r, const char *src,
				       const char *dst, const struct tcp_hdr *h)
{
	struct gust_pkt *p = pkt_new(r->pool);

	assert_non_null(p);
	p->hlen = p->len = tcp_hdr_build(p->head, h);
	pkt_layer_append(p, GUST_L_TCP, 0, 0);
	put_ip(r, p, src, dst, IPPROTO_TCP, 64);
	return p;
}

static inline struct gust_pkt *echo_pkt(struct rig *r, const char *src,
					const char *dst, uint16_t id, uint16_t seq,
					const void *data, uint32_t len)
{
	struct ipaddr a = A(src), b = A(dst);
	struct gust_pkt *p =
		icmp_echo_new(r->pool, &a, &b, 64, 0, true, id, seq, data, len);

	assert_non_null(p);
	return p;
}

/* The packet as its bytes say, the way a port would bring it. Takes it. */
static inline struct gust_pkt *redissect(struct rig *r, struct gust_pkt *p)
{
	struct gust_slab *b = slab_new(r->pool);
	uint8_t *at;
	struct gust_pkt *n;

	assert_non_null(b);
	at = b->data + GUST_HEADROOM;
	memcpy(at, p->head, p->hlen);
	pkt_payload_copy(p, 0, at + p->hlen, pkt_payload_len(p));
	n = pkt_from_slab(r->pool, b, at, p->len);
	assert_non_null(n);
	slab_unref(b);
	assert_int_equal(pkt_dissect(n, DISSECT_IP), DROP_NONE);
	pkt_free(p);
	return n;
}

static inline void rig_give(struct rig *r, struct gust_pkt *p)
{
	struct gust_batch b;

	gust_batch_init(&b);
	gust_batch_push(&b, p);
	rig_clock(r);
	stack_input(r->s, &b, &r->env);
	assert_int_equal(b.n, 0);
}

/* The next packet for the inside, waiting for it up to a second. */
static inline struct gust_pkt *rig_take(struct rig *r)
{
	for (int i = 0; i < 200 && !r->out.n; i++)
		rig_turn(r, 5);
	return gust_batch_pop(&r->out);
}

static inline void rig_nothing(struct rig *r)
{
	for (int i = 0; i < 3; i++)
		rig_turn(r, 2);
	assert_int_equal(r->out.n, 0);
}

static inline const uint8_t *l4_of(const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_l4(p);

	assert_non_null(l);
	return p->head + l->off;
}

static inline void check_addrs(const struct gust_pkt *p, const char *src,
			       const char *dst)
{
	struct ipaddr a, b, x = A(src), y = A(dst);
	uint8_t proto;

	pkt_addrs(p, &a, &b, &proto);
	assert_memory_equal(&a, &x, sizeof(a));
	assert_memory_equal(&b, &y, sizeof(b));
}

static inline void check_ports(const struct gust_pkt *p, uint16_t sport,
			       uint16_t dport)
{
	assert_int_equal(get16(l4_of(p)), sport);
	assert_int_equal(get16(l4_of(p) + 2), dport);
}

/* An ICMP error of that type and code. */
static inline void check_icmp(const struct gust_pkt *p, uint8_t kind, uint8_t type,
			      uint8_t code)
{
	assert_non_null(p);
	assert_int_equal(pkt_l4(p)->kind, kind);
	assert_int_equal(l4_of(p)[0], type);
	assert_int_equal(l4_of(p)[1], code);
}

/* ---- host sockets ---- */

static inline int host_sock(int type, const char *addr, uint16_t *ret_port)
{
	struct ipaddr a = A(addr);
	struct sockaddr_storage ss;
	socklen_t n = ipaddr_to_sockaddr(&a, 0, &ss);
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	n = sizeof(ss);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	assert_true(ipaddr_from_sockaddr((struct sockaddr *)&ss, &a, ret_port) > 0);
	return fd;
}

static inline int host_connect(int type, const char *addr, uint16_t port)
{
	struct ipaddr a = A(addr);
	struct sockaddr_storage ss;
	socklen_t n = ipaddr_to_sockaddr(&a, port, &ss);
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline uint8_t pattern(uint64_t i)
{
	return i * 7 + (i >> 8) * 13 + (i >> 16);
}

static inline void pattern_fill(uint8_t *b, uint64_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b[i] = pattern(from + i);
}

static inline void pattern_check(const uint8_t *b, uint64_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i] != pattern(from + i))
			fail_msg("byte %llu differs",
				 (unsigned long long)(from + i));
}

#endif
