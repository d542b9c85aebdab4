/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udpport.h - a UDP port on any address and plain sockets on loopback
 */
#ifndef GUST_TESTS_UDPPORT_H
#define GUST_TESTS_UDPPORT_H

#include "underlay.h"

#define LO4 "127.0.0.1"
#define LO6 "::1"

struct fix {
	struct pkt_pool *pool;
	struct port *port; /* both families, any address, port 7001 */
	struct udp_port_info info;
	struct drop_counters drops;
	struct gust_batch in;
	int sk4, sk6; /* plain sockets, LO4:7000 and LO6:7000, connected to 7001 */
	char err[300];
};

/* ---- helpers ---- */

static inline int try_open(struct fix *f, const char *local, uint16_t port,
			   unsigned nqueues, struct port **ret)
{
	struct udp_port_conf c = { .port = port, .nqueues = nqueues };
	struct pkt_pool *pools[257];

	assert_int_equal(ipaddr_parse(local, &c.local), 0);
	for (int i = 0; i < 257; i++)
		pools[i] = f->pool;
	f->err[0] = 0;
	return udp_open(&c, pools, ret, &f->info, f->err, sizeof(f->err));
}

static inline struct port *open_on(struct fix *f, const char *local, uint16_t port,
				   unsigned nqueues)
{
	struct port *p;

	if (try_open(f, local, port, nqueues, &p))
		fail_msg("%s", f->err);
	return p;
}

static inline int setup_with(void **state, const struct pkt_limits *lim)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	*state = &f;
	f.pool = pkt_pool_new(lim);
	pkt_pool_bind(f.pool);
	f.port = open_on(&f, "::", 7001, 1);
	f.sk4 = udp_sock(LO4, 7000, LO4, 7001);
	f.sk6 = udp_sock(LO6, 7000, LO6, 7001);
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(state, &(struct pkt_limits){ 0 });
}

static inline int setup_small(void **state)
{
	return setup_with(state, &(struct pkt_limits){ .slab_len = 256 << 10,
						       .slab_max = 1 });
}

static inline int teardown(void **state)
{
	struct fix *f = *state;

	close(f->sk4);
	close(f->sk6);
	pkt_batch_free(&f->in);
	f->port->ops->close(f->port);
	pkt_pool_bind(NULL);
	assert_int_equal(pkt_pool_free(f->pool), 0);
	return 0;
}

static inline struct gust_pkt *next(struct fix *f, struct port *port)
{
	if (!f->in.n) {
		assert_true(wait_fd(port->ops->fd(port, 0), POLLIN, 500));
		assert_int_equal(port->ops->rx(port, 0, 1, &f->in, &f->drops), 1);
	}
	assert_int_equal(f->in.n, 1);
	return gust_batch_pop(&f->in);
}

static inline void send_pay(int sk, uint32_t n)
{
	uint8_t *b = malloc(n + 1);

	fill_pay(b, 0, n);
	assert_int_equal(send(sk, b, n, 0), n);
	free(b);
}

/* A packet from us to the plain socket of a family; the rest is the caller's. */
static inline struct up to(bool v6)
{
	return (struct up){ .src = v6 ? LO6 : LO4, .dst = v6 ? LO6 : LO4 };
}

static inline enum port_tx tx_up(struct port *port, struct fix *f,
				 const struct up *u)
{
	return port->ops->tx(port, 0, up_make(f->pool, u));
}

static inline ssize_t got(int sk, uint8_t *buf, size_t len)
{
	if (!wait_fd(sk, POLLIN, 500))
		return -1;
	return recv(sk, buf, len, 0);
}

/* In namespaces of our own, with loopback up; false: not possible here. */
static inline bool udp_scratch(void)
{
	scratch_enter();
	scratch_flags("lo", IFF_UP, 0);
	scratch_no_ipv6();
	if (try_sh("ip link add gustt type veth peer name gustu && ip link "
		   "delete gustt"))
		return true;
	fprintf(stderr, "SKIP: no `ip` command, or no veth here\n");
	return false;
}

#endif
