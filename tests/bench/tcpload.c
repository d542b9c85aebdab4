/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcpload.c - connections per second, request-response latency, idle connections
 *
 *	tcpload serve PORT            one request byte, one reply byte; 'c' closes after
 *	                              the reply, 'r' keeps the connection
 *	tcpload conn HOST PORT SECONDS  connect, request, reply, end of stream, close
 *	tcpload rr HOST PORT SECONDS    one connection, request and reply in turn
 *	tcpload idle HOST PORT N        N connections, held until standard input ends
 *
 * The server closes first, so the client's port is free at once and a long run
 * does not end for lack of ports. Results are one line of JSON.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench_util.h"

static void nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void answer(int ep, int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 1)
		n = send(fd, &c, 1, MSG_NOSIGNAL);
	if (n != 1 || c == 'c') {
		epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
}

static void serve(const char *port)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[64];
	int ls = sock_open(NULL, port, SOCK_STREAM), ep = epoll_create1(0);

	if (listen(ls, 4096) || ep < 0)
		die("listen");
	ev.data.fd = ls;
	epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
	for (;;) {
		int n = epoll_wait(ep, got, 64, -1);

		for (int i = 0; i < n; i++) {
			if (got[i].data.fd != ls) {
				answer(ep, got[i].data.fd);
				continue;
			}
			ev.data.fd = accept(ls, NULL, NULL);
			if (ev.data.fd < 0)
				continue;
			nodelay(ev.data.fd);
			epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
		}
	}
}

static void conn_rate(const char *host, const char *port, unsigned seconds)
{
	uint64_t start = now_ns(), end = start + seconds * 1000000000ull, n = 0,
		 fail = 0;

	while (now_ns() < end) {
		int fd = sock_open(host, port, SOCK_STREAM);
		char c = 'c';

		if (send(fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(fd, &c, 1, 0) != 1 ||
		    recv(fd, &c, 1, 0) != 0)
			fail++;
		n++;
		close(fd);
	}
	printf("{\"connections\":%llu,\"failed\":%llu,\"seconds\":%.6f}\n",
	       (unsigned long long)n, (unsigned long long)fail,
	       (now_ns() - start) / 1e9);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void round_trips(const char *host, const char *port, unsigned seconds)
{
	enum { MAX = 4 << 20 };
	uint32_t *ns = malloc(MAX * sizeof(*ns));
	int fd = sock_open(host, port, SOCK_STREAM);
	uint64_t end = now_ns() + seconds * 1000000000ull, t;
	size_t n = 0;

	if (!ns)
		die("malloc");
	nodelay(fd);
	while (n < MAX && (t = now_ns()) < end) {
		char c = 'r';

		if (send(fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(fd, &c, 1, 0) != 1)
			die("round trip");
		ns[n++] = now_ns() - t;
	}
	qsort(ns, n, sizeof(*ns), by_value);
	printf("{\"round_trips\":%zu,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%."
	       "2f}\n",
	       n, ns[n / 2] / 1e3, ns[n * 9 / 10] / 1e3, ns[n * 99 / 100] / 1e3);
	free(ns);
}

/* Open `n` connections and hold them until standard input ends. One process may
 * have fewer descriptors than that, so children take the rest. */
static void idle(const char *host, const char *port, unsigned n)
{
	struct rlimit rl;
	unsigned mine;
	pid_t child = 0;
	int up[2];
	char c = 1;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		die("RLIMIT_NOFILE");
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	mine = rl.rlim_max - 64 < n ? rl.rlim_max - 64 : n;
	if (pipe(up))
		die("pipe");
	if (mine < n) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child) {
			if (dup2(up[1], 1) < 0)
				die("dup2");
			idle(host, port, n - mine);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < mine; i++)
		sock_open(host, port, SOCK_STREAM);
	if (child && read(up[0], &c, 1) != 1)
		die("child");
	printf("{\"open\":%u}\n", n);
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	if (child)
		waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(mode, "serve") && argc == 3)
		serve(argv[2]);
	else if (!strcmp(mode, "conn") && argc == 5)
		conn_rate(argv[2], argv[3], atoi(argv[4]));
	else if (!strcmp(mode, "rr") && argc == 5)
		round_trips(argv[2], argv[3], atoi(argv[4]));
	else if (!strcmp(mode, "idle") && argc == 5)
		idle(argv[2], argv[3], atoi(argv[4]));
	else {
		fprintf(stderr,
			"usage: tcpload serve PORT | conn|rr HOST PORT SECONDS | "
			"idle HOST PORT N\n");
		return 2;
	}
	return 0;
}
