/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_packet_tcp.c - TCP superpackets by AF_PACKET, up to BIG TCP, byte for byte;
 * what goes whole, and a device that is slow
 *
 * A few lines of TCP on our side: enough to take what the kernel's socket sends, and
 * to send what fits its window. Loss cannot happen but by a full socket buffer.
 */
#include "underlay.h"

#include <linux/rtnetlink.h>

#define MSS 1460
#define TOTAL (8u << 20)
#define KEPT 3

struct fix {
	struct pkt_pool *pool;
	struct port *port;
	struct drop_counters drops;
	struct gust_batch in;
	int sk; /* the kernel's: connected to PEER:7001 */
	bool v6;
	uint16_t kport;
	uint32_t snd, rcv; /* our next sequence number; what we expect */
	uint32_t longest, super, pieces; /* seen */
	char err[300];
};

static int setup(void **state)
{
	struct pkt_limits lim = { .slab_len = 320 << 10, .slab_max = 16 };
	struct packet_conf c = { .name = GA, .nqueues = 1 };
	struct packet_info info;
	static struct fix f;

	memset(&f, 0, sizeof(f));
	*state = &f;
	f.sk = -1;
	veth_make();
	f.pool = pkt_pool_new(&lim);
	pkt_pool_bind(f.pool);
	if (packet_open(&c, &f.pool, &f.port, &info, f.err, sizeof(f.err)))
		fail_msg("%s", f.err);
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->sk >= 0)
		close(f->sk);
	pkt_batch_free(&f->in);
	f->port->ops->close(f->port);
	pkt_pool_bind(NULL);
	veth_remove();
	assert_int_equal(pkt_pool_free(f->pool), 0);
	return 0;
}

/* IFLA_GSO_IPV4_MAX_SIZE, which `ip` does not know everywhere. */
static bool set_gso4(const char *dev, uint32_t v)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		struct rtattr a;
		uint32_t v;
	} req = { .h = { .nlmsg_len = sizeof(req),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		  .i = { .ifi_index = (int)if_nametoindex(dev) },
		  .a = { RTA_LENGTH(4), GUST_IFLA_GSO_IPV4_MAX_SIZE },
		  .v = v };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		uint8_t room[256];
	} ans = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool ok = send(fd, &req, sizeof(req), 0) > 0 &&
		  recv(fd, &ans, sizeof(ans), 0) > 0 && !ans.e.error;

	close(fd);
	return ok;
}

/* ---- TCP, the short form ---- */

static struct up segment(const struct fix *f, uint8_t flags)
{
	return (struct up){ .eth = true,
			    .tcp = true,
			    .src = f->v6 ? PEER6 : PEER4,
			    .dst = f->v6 ? KERNEL6 : KERNEL4,
			    .sport = 7001,
			    .dport = f->kport,
			    .seq = f->snd,
			    .ack = f->rcv,
			    .flags = flags };
}

static enum port_tx send_up(struct fix *f, const struct up *u)
{
	return f->port->ops->tx(f->port, 0, up_make(f->pool, u));
}

/* The next TCP packet, or NULL when none comes in time. */
static struct gust_pkt *next_tcp(struct fix *f)
{
	for (int i = 0; i < 50; i++) {
		struct gust_pkt *p;

		while ((p = gust_batch_pop(&f->in))) {
			const struct gust_layer *l4 = pkt_l4(p);

			if (l4 && l4->kind == GUST_L_TCP)
				return p;
			pkt_free(p);
		}
		wait_fd(f->port->ops->fd(f->port, 0), POLLIN, 20);
		assert_true(f->port->ops->rx(f->port, 0, 1, &f->in, &f->drops) >=
			    0);
	}
	return NULL;
}

static void connect_kernel(struct fix *f, bool v6)
{
	/* MSS; window scale 10 */
	static const char opt[8] = { 2, 4, MSS >> 8, MSS & 255, 1, 3, 3, 10 };
	struct sockaddr_storage ss;
	struct gust_pkt *p;
	struct ipaddr a;
	struct up u;
	socklen_t n;

	f->v6 = v6;
	ipaddr_parse(v6 ? PEER6 : PEER4, &a);
	n = ipaddr_to_sockaddr(&a, 7001, &ss);
	f->sk = socket(v6 ? AF_INET6 : AF_INET,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* closing leaves nothing that would be sent again to the next test */
	setsockopt(f->sk, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
		   sizeof(struct linger));
	set_int(f->sk, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
	set_int(f->sk, SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20);
	assert_int_equal(connect(f->sk, (struct sockaddr *)&ss, n), -1);
	p = next_tcp(f);
	assert_non_null(p);
	assert_int_equal(p->head[pkt_l4(p)->off + 13] & 0x3f, 2); /* SYN */
	f->kport = get16(p->head + pkt_l4(p)->off);
	f->rcv = get32(p->head + pkt_l4(p)->off + 4) + 1;
	f->snd = 1000;
	pkt_free(p);
	u = segment(f, 0x12);
	u.opt = opt;
	u.optlen = sizeof(opt);
	assert_int_equal(send_up(f, &u), PORT_TX_OK);
	f->snd++;
	assert_true(wait_fd(f->sk, POLLOUT, 500));
}

/* Take a data packet; its bytes are pay(at...). */
static uint32_t take(struct fix *f, struct gust_pkt *p, uint32_t at)
{
	uint32_t n = pkt_payload_len(p);
	uint32_t seq = get32(p->head + pkt_l4(p)->off + 4);

	if (!n || seq != f->rcv)
		return 0;
	check_pkt(p, at);
	if (p->gso_size) {
		assert_int_equal(p->gso_type,
				 f->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4);
		assert_in_range(p->gso_size, 1200, MSS);
		assert_true(p->need & GUST_F_CSUM);
		f->super++;
	}
	if (p->len > f->longest)
		f->longest = p->len;
	if (p->nfrag > f->pieces)
		f->pieces = p->nfrag;
	f->rcv += n;
	return n;
}

/* The kernel's socket sends TOTAL bytes; we take them all. The last KEPT packets are
 * kept, so that reading cannot always begin with a fresh slab. */
static void download(struct fix *f)
{
	uint8_t *b = malloc(TOTAL);
	uint32_t sent = 0, had = 0;
	struct gust_pkt *kept[KEPT] = { NULL };
	struct up ack;

	fill_pay(b, 0, TOTAL);
	for (unsigned i = 0; had < TOTAL && i < 20000; i++) {
		ssize_t n =
			sent < TOTAL ? send(f->sk, b + sent, TOTAL - sent, 0) : 0;
		struct gust_pkt *p;

		sent += n > 0 ? (uint32_t)n : 0;
		p = next_tcp(f);
		if (!p)
			break;
		had += take(f, p, had);
		pkt_free(kept[i % KEPT]);
		kept[i % KEPT] = p;
		ack = segment(f, 0x10);
		assert_int_equal(send_up(f, &ack), PORT_TX_OK);
	}
	for (unsigned i = 0; i < KEPT; i++)
		pkt_free(kept[i]);
	free(b);
	assert_int_equal(had, TOTAL);
}

/* One superpacket of `n` bytes into the kernel's socket. */
static void upload(struct fix *f, uint32_t n)
{
	struct up u = segment(f, 0x18);
	uint8_t *b = malloc(n + 1);
	uint32_t had = 0;

	u.len = n;
	u.gso = 1400;
	assert_int_equal(send_up(f, &u), PORT_TX_OK);
	f->snd += n;
	while (had < n) {
		ssize_t r;

		if (!wait_fd(f->sk, POLLIN, 500))
			fail_msg("%u of %u bytes arrived", had, n);
		r = recv(f->sk, b + had, n + 1 - had, 0);
		assert_true(r > 0);
		had += (uint32_t)r;
	}
	assert_int_equal(had, n);
	check_pay(b, 0, n);
	free(b);
}

static void transfer(struct fix *f, bool v6)
{
	connect_kernel(f, v6);
	upload(f, 14000);
	upload(f, 60000);
	download(f);
	assert_true(f->super > 10);
	assert_in_range(f->longest, 30000, 65536 + 40);
	assert_int_equal(f->drops.n[DROP_NO_SLAB], 0);
}

static void tcp4(void **state)
{
	transfer(*state, false);
}

static void tcp6(void **state)
{
	transfer(*state, true);
}

/* Devices that take and give 200,000 bytes at once. */
static void big(struct fix *f, bool v6)
{
	struct port_caps c;

	sh("ip link set " GA " gso_max_size 200000");
	sh("ip link set " GB " gso_max_size 200000");
	if (!v6 && (!set_gso4(GA, 200000) || !set_gso4(GB, 200000))) {
		print_message("this kernel has no BIG TCP for IPv4\n");
		skip();
	}
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(c.feats & (FEAT_BIT(FEAT_BIGTCP4) |
				    FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
				    FEAT_BIT(FEAT_BIGTCP6_PLAIN)),
			 v6 ? 0 : FEAT_BIT(FEAT_BIGTCP4));
	connect_kernel(f, v6);
	upload(f, 60000);
	download(f);
	print_message("longest: %u bytes in %u pieces\n", f->longest, f->pieces);
	assert_in_range(f->longest, 66000, 200000);
	assert_true(f->pieces > 1);
	assert_int_equal(f->drops.n[DROP_NO_SLAB], 0);
	/* and back, as long as the capabilities say */
	upload(f, v6 ? c.gso_max6 - 60 : 120000);
	upload(f, v6 ? c.gso_max6 - 60 : c.gso_max4 - 40);
}

static void big4(void **state)
{
	big(*state, false);
}

static void big6(void **state)
{
	big(*state, true);
}

/* ---- what is on the wire ---- */

/* Send one superpacket with `n` payload bytes; packets that arrive at the other end
 * of the wire, the bytes all there. */
static unsigned wire(struct fix *f, struct port *other, bool v6, uint32_t n)
{
	unsigned packets = 0;
	uint32_t had = 0;
	struct gust_pkt *p;
	struct up u;

	f->v6 = v6;
	u = segment(f, 0x10);
	u.len = n;
	u.gso = 1400;
	assert_int_equal(send_up(f, &u), PORT_TX_OK);
	while (other->ops->rx(other, 0, 1, &f->in, &f->drops) > 0)
		while ((p = gust_batch_pop(&f->in))) {
			if (pkt_l4(p) && pkt_l4(p)->kind == GUST_L_TCP) {
				check_pkt(p, had);
				had += pkt_payload_len(p);
				packets++;
			}
			pkt_free(p);
		}
	assert_int_equal(had, n);
	return packets;
}

/* What the capabilities say goes whole; more than that, the kernel cuts. */
static void tx_whole(void **state)
{
	struct fix *f = *state;
	struct packet_conf pc = { .name = GB, .nqueues = 1 };
	struct packet_info info;
	struct port *other;
	struct port_caps c;

	if (packet_open(&pc, &f->pool, &other, &info, f->err, sizeof(f->err)))
		fail_msg("%s", f->err);
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(wire(f, other, false, c.gso_max4 - 40), 1);
	assert_int_equal(wire(f, other, true, c.gso_max6 - 60), 1);
	sh("ip link set " GA " gso_max_size 20000");
	assert_true(wire(f, other, false, 60000) > 10);
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(wire(f, other, false, c.gso_max4 - 40), 1);
	sh("ip link set " GA " gso_max_size 200000");
	assert_int_equal(packet_caps(f->port, &c), 0);
	assert_int_equal(wire(f, other, true, c.gso_max6 - 60), 1);
	if (set_gso4(GA, 300000)) {
		assert_int_equal(packet_caps(f->port, &c), 0);
		assert_int_equal(wire(f, other, false, c.gso_max4 - 40), 1);
	}
	if (try_sh("ethtool -K " GA " tso off"))
		assert_true(wire(f, other, false, 60000) > 10);
	other->ops->close(other);
}

/* ---- a slow device ---- */

/* Superpackets of a port until one is not taken; how that was said. */
static enum port_tx fill_up(struct fix *f, struct port *port)
{
	struct up u = { .eth = true, .len = 20000, .gso = 1000 };

	for (unsigned i = 0; i < 100; i++) {
		struct gust_pkt *p = up_make(f->pool, &u);
		enum port_tx r = port->ops->tx(port, 0, p);

		if (r == PORT_TX_OK)
			continue;
		pkt_free(p); /* ours again */
		return r;
	}
	return PORT_TX_OK;
}

static void tx_full(void **state)
{
	struct fix *f = *state;
	struct packet_conf pc = { .name = GA, .nqueues = 1, .sndbuf = 100000 };
	struct packet_info info;
	struct port *small;

	if (!try_sh("tc qdisc replace dev " GA
		    " root tbf rate 8mbit burst 20000 limit 50000000")) {
		print_message("no token bucket here\n");
		skip();
	}
	if (packet_open(&pc, &f->pool, &small, &info, f->err, sizeof(f->err)))
		fail_msg("%s", f->err);
	/* the socket's buffer is full, and has room again when packets have left */
	assert_int_equal(fill_up(f, small), PORT_TX_AGAIN);
	assert_true(wait_fd(small->ops->fd(small, 0), POLLOUT, 3000));
	assert_int_equal(fill_up(f, small), PORT_TX_AGAIN);
	/* the device's queue is full */
	sh("tc qdisc replace dev " GA
	   " root tbf rate 8mbit burst 20000 limit 60000");
	assert_int_equal(fill_up(f, f->port), PORT_TX_NOMEM);
	small->ops->close(small);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tcp4), T(tcp6), T(big4), T(big6), T(tx_whole), T(tx_full),
	};

	scratch_enter();
	scratch_no_ipv6();
	if (!try_sh("ip link add gustt type veth peer name gustu && ip link "
		    "delete gustt")) {
		fprintf(stderr, "SKIP: no `ip` command, or no veth here\n");
		return SCRATCH_SKIP;
	}
	scratch_write("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
