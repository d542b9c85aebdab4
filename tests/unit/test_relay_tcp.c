/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_relay_tcp.c - TCP between an inside host and real host sockets: opening,
 * data both ways, half-close, reset, backpressure
 */
#include "relay_peer.h"

struct world {
	struct rig r;
	struct inside in;
	int lsn;
	uint16_t port;
	unsigned fds;
};

static void begin(struct world *w, const char *host)
{
	w->fds = count_fds();
	rig_init(&w->r);
	inside_init(&w->in, &w->r);
	w->lsn = host_sock(SOCK_STREAM, host, &w->port);
}

static void end(struct world *w)
{
	close(w->lsn);
	inside_fini(&w->in);
	rig_fini(&w->r);
	assert_int_equal(count_fds(), w->fds);
}

/* Connect and accept: the index of the inside's end, the host's in *ret_fd. */
static unsigned open_pair(struct world *w, const char *src, const char *dst,
			  int *ret_fd)
{
	unsigned i = inside_connect(&w->in, src, 40000 + w->in.n, dst, w->port);
	int fd;

	UNTIL(&w->in, w->in.ev[i] & TCP_EV_ESTABLISHED);
	fd = accept4(w->lsn, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	*ret_fd = fd;
	return i;
}

static void up_and_down(const char *src, const char *own, const char *host)
{
	enum { TOTAL = 6 << 20 };
	static uint8_t buf[60000];
	uint64_t up_in = 0, up_out = 0, dn_in = 0, dn_out = 0;
	struct stack_stats st;
	struct world w;
	unsigned i;
	ssize_t n;
	int fd;

	begin(&w, host);
	i = open_pair(&w, src, own, &fd);
	while (up_out < TOTAL || dn_out < TOTAL) {
		if (up_in < TOTAL && tcp_send_space(w.in.t[i]) >= sizeof(buf)) {
			uint32_t m = TOTAL - up_in < sizeof(buf) ? TOTAL - up_in :
								   sizeof(buf);

			pattern_fill(buf, up_in, m);
			inside_send(&w.in, i, buf, m);
			up_in += m;
		}
		while (dn_in < TOTAL) {
			size_t m = TOTAL - dn_in < sizeof(buf) ? TOTAL - dn_in :
								 sizeof(buf);

			pattern_fill(buf, dn_in + 5, m);
			n = send(fd, buf, m, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			dn_in += n;
		}
		inside_step(&w.in, 1);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
			pattern_check(buf, up_out, n);
			up_out += n;
		}
		while ((n = inside_read(&w.in, i, buf, sizeof(buf))) > 0) {
			pattern_check(buf, dn_out + 5, n);
			dn_out += n;
		}
	}
	assert_int_equal(up_out, TOTAL);
	assert_int_equal(dn_out, TOTAL);
	stack_stats(w.r.s, &st);
	assert_int_equal(st.host_out_bytes, TOTAL);
	assert_int_equal(st.host_in_bytes, TOTAL);
	assert_int_equal(st.tcp_flows, 1);
	assert_int_equal(st.tcp_half_open, 0);
	/* superpackets, not segments */
	assert_true(stack_tcp_counters(w.r.s)->super_out > 0);

	/* The inside closes first: the host reads EOF, and may still send. */
	tcp_shutdown(w.in.t[i], &w.r.env);
	for (int k = 0; k < 100 && (n = recv(fd, buf, 1, 0)) < 0; k++)
		inside_step(&w.in, 1);
	assert_int_equal(n, 0);
	assert_int_equal(send(fd, "late", 4, MSG_NOSIGNAL), 4);
	UNTIL(&w.in, tcp_readable(w.in.t[i]) == 4);
	assert_int_equal(inside_read(&w.in, i, buf, 4), 4);
	assert_memory_equal(buf, "late", 4);
	close(fd);
	UNTIL(&w.in, w.in.t[i]->state == TCPS_CLOSED && !stack_flows(w.r.s));
	assert_true(w.in.ev[i] & TCP_EV_EOF);
	assert_false(w.in.ev[i] & TCP_EV_RESET);
	assert_int_equal(w.r.n_fds, 0);
	end(&w);
}

static void test_up_and_down4(void **state)
{
	up_and_down(T_IN4, T_OWN4, "127.0.0.1");
}

static void test_up_and_down6(void **state)
{
	up_and_down(T_IN6, T_OWN6, "::1");
}

/* The host closes first: TIME-WAIT is ours, without a descriptor. */
static void test_host_closes_first(void **state)
{
	struct stack_stats st;
	struct world w;
	uint8_t b[8];
	unsigned i;
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	assert_int_equal(send(fd, "bye", 3, 0), 3);
	close(fd);
	UNTIL(&w.in, tcp_at_eof(w.in.t[i]) || tcp_readable(w.in.t[i]) == 3);
	assert_int_equal(inside_read(&w.in, i, b, sizeof(b)), 3);
	UNTIL(&w.in, tcp_at_eof(w.in.t[i]));
	tcp_shutdown(w.in.t[i], &w.r.env);
	UNTIL(&w.in, w.in.t[i]->state == TCPS_CLOSED);
	assert_int_equal(stack_flows(w.r.s), 0); /* TIME-WAIT is not counted */
	stack_stats(w.r.s, &st);
	assert_int_equal(st.tcp_flows, 1);
	assert_int_equal(w.r.n_fds, 0);
	w.r.skew_us += 61000000;
	rig_turn(&w.r, 0);
	stack_stats(w.r.s, &st);
	assert_int_equal(st.tcp_flows, 0);
	end(&w);
}

/* RFC 6191: a new SYN takes the place of TIME-WAIT. */
static void test_time_wait_reuse(void **state)
{
	struct world w;
	unsigned i;
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	close(fd);
	UNTIL(&w.in, tcp_at_eof(w.in.t[i]));
	tcp_shutdown(w.in.t[i], &w.r.env);
	UNTIL(&w.in, w.in.t[i]->state == TCPS_CLOSED);
	w.r.skew_us += 2000000;
	rig_clock(&w.r);
	i = inside_connect(&w.in, T_IN4, 40000, T_OWN4, w.port);
	UNTIL(&w.in, w.in.ev[i] & TCP_EV_ESTABLISHED);
	assert_int_equal(stack_flows(w.r.s), 1);
	fd = accept(w.lsn, NULL, NULL);
	assert_true(fd >= 0);
	close(fd);
	end(&w);
}

static void test_refused(void **state)
{
	struct tcp_hdr syn = {
		.sport = 1234, .flags = TCP_SYN, .seq = 1000, .wnd = 65535
	};
	struct gust_pkt *p;
	struct tcp_hdr h;
	struct world w;

	begin(&w, "127.0.0.1");
	close(w.lsn);
	syn.dport = w.port;
	rig_give(&w.r, tcp_pkt(&w.r, T_IN4, T_OWN4, &syn));
	rig_turn(&w.r, 0); /* at once: no waiting for readiness */
	p = gust_batch_pop(&w.r.out);
	assert_non_null(p);
	assert_int_equal(tcp_hdr_parse(l4_of(p), p->hlen - 20, &h), 0);
	assert_int_equal(h.flags, TCP_RST | TCP_ACK);
	assert_int_equal(h.ack, 1001);
	assert_int_equal(h.seq, 0);
	check_addrs(p, T_OWN4, T_IN4);
	check_ports(p, w.port, 1234);
	pkt_free(p);
	rig_nothing(&w.r);
	assert_int_equal(stack_flows(w.r.s), 0);
	assert_int_equal(w.r.n_fds, 0);
	w.lsn = open("/dev/null", O_RDONLY);
	end(&w);
}

static void unreachable(const char *src, const char *dst, uint8_t kind,
			uint8_t type, uint8_t code)
{
	struct tcp_hdr syn = { .sport = 1234,
			       .dport = 80,
			       .flags = TCP_SYN,
			       .seq = 0x01020304,
			       .wnd = 65535 };
	uint8_t quote[48];
	struct gust_pkt *p;
	struct world w;
	unsigned ip = kind == GUST_L_ICMP ? 20 : 40;

	begin(&w, "127.0.0.1");
	rig_give(&w.r, tcp_pkt(&w.r, src, dst, &syn));
	p = rig_take(&w.r);
	check_icmp(p, kind, type, code);
	/* the quoted segment is the SYN that was sent */
	assert_int_equal(pkt_payload_copy(p, ip, quote, 8), 8);
	assert_int_equal(get16(quote), 1234);
	assert_int_equal(get16(quote + 2), 80);
	assert_int_equal(get32(quote + 4), 0x01020304);
	pkt_free(p);
	rig_nothing(&w.r);
	assert_int_equal(stack_flows(w.r.s), 0);
	end(&w);
}

static void test_unreachable4(void **state)
{
	unreachable(T_IN4, "203.0.113.9", GUST_L_ICMP, ICMP4_UNREACH,
		    ICMP4_UNREACH_NET);
}

static void test_unreachable6(void **state)
{
	unreachable(T_IN6, "2001:db8::9", GUST_L_ICMP6, ICMP6_UNREACH,
		    ICMP6_UNREACH_NO_ROUTE);
}

/* The host resets: the inside gets what was sent before, then a reset. */
static void test_host_resets(void **state)
{
	struct linger l = { 1, 0 };
	struct world w;
	unsigned i;
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	assert_int_equal(send(fd, "last", 4, 0), 4);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
	UNTIL(&w.in, w.in.ev[i] & TCP_EV_RESET);
	assert_int_equal(w.in.t[i]->bytes_in, 4);
	UNTIL(&w.in, !stack_flows(w.r.s));
	assert_int_equal(w.r.n_fds, 0);
	end(&w);
}

/* The same, noticed by sending: an answer that was not asked for, as of a server
 * that closes without reading the whole request. */
static void test_host_resets_sender(void **state)
{
	static uint8_t buf[50000];
	struct world w;
	unsigned i;
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	for (int k = 0; k < 20; k++) {
		if (tcp_send_space(w.in.t[i]) >= sizeof(buf))
			inside_send(&w.in, i, buf, sizeof(buf));
		inside_step(&w.in, 0);
	}
	assert_int_equal(send(fd, "413", 3, 0), 3);
	close(fd); /* with unread data: a reset */
	for (int k = 0; k < 4000 && !(w.in.ev[i] & TCP_EV_RESET); k++) {
		if (w.in.t[i]->state == TCPS_ESTABLISHED &&
		    tcp_send_space(w.in.t[i]) >= sizeof(buf))
			inside_send(&w.in, i, buf, sizeof(buf));
		inside_step(&w.in, 1);
	}
	assert_true(w.in.ev[i] & TCP_EV_RESET);
	assert_int_equal(w.in.t[i]->bytes_in, 3);
	UNTIL(&w.in, !stack_flows(w.r.s));
	assert_int_equal(w.r.n_fds, 0);
	end(&w);
}

/* Data and a reset in one batch: the data still goes first. */
static void test_inside_resets(void **state)
{
	struct gust_batch up;
	struct world w;
	unsigned i;
	uint8_t b[8];
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	inside_step(&w.in, 0);
	gust_batch_init(&up);
	inside_send(&w.in, i, "QUIT", 4);
	tcp_output(w.in.t[i], &up, &w.r.env);
	tcp_abort(w.in.t[i], &w.r.env);
	tcp_output(w.in.t[i], &up, &w.r.env);
	assert_int_equal(up.n, 2);
	stack_input(w.r.s, &up, &w.r.env);
	assert_int_equal(recv(fd, b, 8, 0), 4);
	UNTIL(&w.in, !stack_flows(w.r.s));
	assert_int_equal(recv(fd, b, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(w.r.n_fds, 0);
	close(fd);
	end(&w);
}

/* A host that does not read closes the window, and loses nothing. */
static void test_backpressure(void **state)
{
	static uint8_t buf[50000];
	uint64_t sent = 0, got = 0;
	struct stack_flow_report rep;
	uint32_t pos = 0, idle = 0;
	struct world w;
	unsigned i;
	ssize_t n;
	int fd;

	begin(&w, "127.0.0.1");
	w.r.snap.tcp.rcvbuf_max = 1 << 20;
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	while (idle < 50) {
		if (tcp_send_space(w.in.t[i]) >= sizeof(buf)) {
			pattern_fill(buf, sent, sizeof(buf));
			inside_send(&w.in, i, buf, sizeof(buf));
			sent += sizeof(buf);
			idle = 0;
		} else {
			idle++;
		}
		inside_step(&w.in, 0);
	}
	assert_int_equal(stack_report(w.r.s, &pos, &rep, 1, &w.r.env), 1);
	assert_true(rep.tcp.rcvq > 0);
	assert_true(rep.tcp.rcvq <= 1 << 20);
	tcp_shutdown(w.in.t[i], &w.r.env);
	while (got < sent) {
		inside_step(&w.in, 1);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
		assert_true(n < 0 || got == sent);
	}
	close(fd);
	UNTIL(&w.in, !stack_flows(w.r.s));
	end(&w);
}

/* How much the kernel's sockets of this namespace hold: "min default max". */
static void kernel_buffers(const char *triple)
{
	static const char *const path[] = { "/proc/sys/net/ipv4/tcp_rmem",
					    "/proc/sys/net/ipv4/tcp_wmem" };

	for (unsigned i = 0; i < 2; i++) {
		FILE *f = fopen(path[i], "w");

		assert_non_null(f);
		fputs(triple, f);
		assert_int_equal(fclose(f), 0);
	}
}

/*
 * Both have closed, the inside is gone - and the host has not read everything:
 * acknowledged bytes outlive the connection.
 */
static void test_orphan(void **state)
{
	static uint8_t buf[50000];
	uint64_t sent = 0, got = 0;
	struct stack_stats st;
	struct world w;
	uint32_t idle = 0;
	unsigned i;
	ssize_t n;
	int fd;

	begin(&w, "127.0.0.1");
	kernel_buffers("4096 16384 65536"); /* less than our receive buffer */
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	while (idle < 50) {
		if (tcp_send_space(w.in.t[i]) >= sizeof(buf)) {
			pattern_fill(buf, sent, sizeof(buf));
			inside_send(&w.in, i, buf, sizeof(buf));
			sent += sizeof(buf);
			idle = 0;
		}
		inside_step(&w.in, 0);
		idle++;
	}
	/* Read until all is acknowledged, but not yet taken by the host. */
	tcp_shutdown(w.in.t[i], &w.r.env);
	shutdown(fd, SHUT_WR);
	while (w.in.t[i]->state != TCPS_CLOSED) {
		const struct tcp *t = w.in.t[i];
		/* the FIN needs a window, too */
		bool owed = t->sndq.len || t->snd_una != t->snd_nxt;

		if (owed && (n = recv(fd, buf, 4096, 0)) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
		inside_step(&w.in, 0);
		if (!owed)
			w.r.skew_us += 100000;
	}
	w.r.skew_us += 61000000; /* our TIME-WAIT, if it is ours */
	inside_step(&w.in, 0);
	stack_stats(w.r.s, &st);
	assert_int_equal(st.tcp_flows, 1);
	assert_true(got < sent);
	while (got < sent) {
		inside_step(&w.in, 1);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
		assert_true(n < 0 || got == sent);
	}
	for (int k = 0; k < 100 && (n = recv(fd, buf, 1, 0)) < 0; k++)
		inside_step(&w.in, 1);
	assert_int_equal(n, 0); /* FIN, no reset */
	stack_stats(w.r.s, &st);
	assert_int_equal(st.tcp_flows, 0);
	kernel_buffers("4096 131072 6291456");
	assert_int_equal(w.r.n_fds, 0);
	close(fd);
	end(&w);
}

/* The link becomes smaller in the middle of a transfer. */
static void test_mtu_change(void **state)
{
	static uint8_t buf[60000];
	struct stack_snap small;
	uint64_t got = 0, in = 0;
	struct gust_pkt *p;
	struct world w;
	unsigned i;
	ssize_t n;
	int fd;

	begin(&w, "127.0.0.1");
	i = open_pair(&w, T_IN4, T_OWN4, &fd);
	while (got < 2 << 20) {
		pattern_fill(buf, in, sizeof(buf));
		n = send(fd, buf, sizeof(buf), 0);
		in += n > 0 ? n : 0;
		inside_step(&w.in, 0);
		while ((n = inside_read(&w.in, i, buf, sizeof(buf))) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
	}
	small = w.r.snap;
	small.to_inside.mtu = 1280;
	stack_set_snap(w.r.s, &small, &w.r.env);
	for (int k = 0; k < 50; k++) {
		struct gust_batch up;

		gust_batch_init(&up);
		tcp_output(w.in.t[i], &up, &w.r.env);
		stack_input(w.r.s, &up, &w.r.env);
		rig_turn(&w.r, 1);
		while ((p = gust_batch_pop(&w.r.out))) {
			/* segments fit, not packets */
			uint32_t seg = p->gso_size ? p->gso_size + p->hlen : p->len;

			assert_true(seg <= 1280);
			inside_give(&w.in, p);
		}
		while ((n = inside_read(&w.in, i, buf, sizeof(buf))) > 0) {
			pattern_check(buf, got, n);
			got += n;
		}
	}
	stack_set_snap(w.r.s, &w.r.snap, &w.r.env);
	close(fd);
	end(&w);
}

/* What stack_free() leaves: a reset for each open connection. */
static void test_free_resets(void **state)
{
	struct gust_batch out;
	struct gust_pkt *p;
	struct world w;
	struct tcp_hdr h;
	uint8_t b;
	int fd;

	begin(&w, "127.0.0.1");
	open_pair(&w, T_IN4, T_OWN4, &fd);
	gust_batch_init(&out);
	stack_free(w.r.s, &out, &w.r.env);
	w.r.s = NULL;
	assert_int_equal(out.n, 1);
	p = gust_batch_pop(&out);
	assert_int_equal(tcp_hdr_parse(l4_of(p), p->hlen - 20, &h), 0);
	assert_true(h.flags & TCP_RST);
	pkt_free(p);
	assert_int_equal(recv(fd, &b, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_and_down4),
		cmocka_unit_test(test_up_and_down6),
		cmocka_unit_test(test_host_closes_first),
		cmocka_unit_test(test_time_wait_reuse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unreachable4),
		cmocka_unit_test(test_unreachable6),
		cmocka_unit_test(test_host_resets),
		cmocka_unit_test(test_host_resets_sender),
		cmocka_unit_test(test_inside_resets),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_mtu_change),
		cmocka_unit_test(test_free_resets),
	};

	if (!own_netns()) {
		puts("skipped: no network namespace of our own is permitted");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
