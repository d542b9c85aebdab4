/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packetport.h - a packet port on one end of a veth pair, a socket of the kernel on
 * the other
 */
#ifndef GUST_TESTS_PACKETPORT_H
#define GUST_TESTS_PACKETPORT_H

#include "underlay.h"

struct fix {
	struct pkt_pool *pool;
	struct port *port; /* on GA */
	struct port *other; /* on GB, for tests of one port against another */
	struct packet_info info;
	struct drop_counters drops;
	struct gust_batch in;
	int sk; /* KERNEL4:7000, connected to PEER4:7001 */
	char err[300];
};

/* ---- helpers ---- */

static inline int try_open(struct fix *f, const struct packet_conf *c,
			   struct port **port)
{
	struct pkt_pool *pools[257];

	for (int i = 0; i < 257; i++)
		pools[i] = f->pool;
	f->err[0] = 0;
	return packet_open(c, pools, port, &f->info, f->err, sizeof(f->err));
}

static inline struct port *open_on(struct fix *f, const char *dev, unsigned nqueues)
{
	struct packet_conf c = { .name = dev, .nqueues = nqueues };
	struct port *port;

	if (try_open(f, &c, &port))
		fail_msg("%s", f->err);
	return port;
}

static inline int setup_with(void **state, const struct pkt_limits *lim)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	*state = &f;
	veth_make();
	f.pool = pkt_pool_new(lim);
	pkt_pool_bind(f.pool);
	f.port = open_on(&f, GA, 1);
	f.sk = udp_sock(KERNEL4, 7000, PEER4, 7001);
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

	close(f->sk);
	pkt_batch_free(&f->in);
	f->port->ops->close(f->port);
	if (f->other)
		f->other->ops->close(f->other);
	pkt_pool_bind(NULL);
	veth_remove();
	assert_int_equal(pkt_pool_free(f->pool), 0);
	return 0;
}

static inline bool has_udp(const struct gust_pkt *p)
{
	const struct gust_layer *l4 = pkt_l4(p);

	return l4 && l4->kind == GUST_L_UDP;
}

/* The next packet with UDP in it; whatever else the kernel says is freed. */
static inline struct gust_pkt *next_udp(struct fix *f, struct port *port)
{
	for (int i = 0; i < 50; i++) {
		struct gust_pkt *p;

		while ((p = gust_batch_pop(&f->in))) {
			if (has_udp(p))
				return p;
			pkt_free(p);
		}
		wait_fd(port->ops->fd(port, 0), POLLIN, 20);
		assert_true(port->ops->rx(port, 0, 1, &f->in, &f->drops) >= 0);
	}
	fail_msg("no packet");
	return NULL;
}

/* Nothing of UDP is left. */
static inline void no_more(struct fix *f, struct port *port)
{
	struct gust_pkt *p;

	while (port->ops->rx(port, 0, 16, &f->in, &f->drops) > 0)
		;
	while ((p = gust_batch_pop(&f->in))) {
		assert_false(has_udp(p));
		pkt_free(p);
	}
}

static inline enum port_tx tx(struct fix *f, struct gust_pkt *p)
{
	return f->port->ops->tx(f->port, 0, p);
}

static inline enum port_tx tx_up(struct fix *f, const struct up *u)
{
	return tx(f, up_make(f->pool, u));
}

/* Receive on the kernel's socket; bytes, or -1. */
static inline ssize_t got(struct fix *f, uint8_t *buf, size_t len)
{
	if (!wait_fd(f->sk, POLLIN, 500))
		return -1;
	return recv(f->sk, buf, len, 0);
}

static inline void send_pay(int sk, uint32_t n)
{
	uint8_t *b = malloc(n + 1);

	fill_pay(b, 0, n);
	assert_int_equal(send(sk, b, n, 0), n);
	free(b);
}

/* In namespaces of our own; false: not possible here. */
static inline bool veth_scratch(void)
{
	scratch_enter();
	scratch_no_ipv6();
	if (try_sh("ip link add gustt type veth peer name gustu && ip link "
		   "delete gustt"))
		return true;
	fprintf(stderr, "SKIP: no `ip` command, or no veth here\n");
	return false;
}

#endif
