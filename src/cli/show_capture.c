/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show_capture.c - gustctl capture: packets into a pcapng file
 *
 * The daemon makes the file, this end writes it down. Interrupted, or when nobody
 * reads the output any more, it closes its side of the socket and takes what still
 * comes: the packets that waited and the statistics, which say how many were lost.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pcapng.h"
#include "cli/capture_out.h"
#include "cli/cli.h"

#define ROTATE_MIN 65536
#define NUMBER_MAX (UINT64_C(1) << 50)
#define BUFFER_MIN (UINT64_C(1) << 20)
#define BUFFER_MAX (UINT64_C(1) << 30)
#define READ_MAX (UINT32_C(1) << 18)

/* A signal handler has nothing but the process: interrupts so far. */
static volatile sig_atomic_t interrupts;

static void on_signal(int sig)
{
	(void)sig;
	interrupts++;
}

/* The first interrupt asks for the end, the second does not wait for it. */
static bool give_up(void)
{
	return interrupts > 1;
}

struct request {
	const char *path, *port, *view;
	uint64_t snaplen, count, rotate_bytes, rotate_s, keep, buffer;
	char *filter;
};

/* ---- the command line ---- */

/* "10", "64K", "10M", "1G" (powers of 1024); false: none of these. */
static bool parse_size(const char *s, uint64_t *ret)
{
	static const char suffix[] = "kmg";
	unsigned long long n;
	const char *k;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || n > UINT64_C(1) << 30)
		return false;
	if (*end) {
		k = strchr(suffix, *end | 0x20);
		if (!k || end[1])
			return false;
		n <<= 10 * (k - suffix + 1);
	}
	*ret = n;
	return true;
}

static int take_number(const char *opt, const char *s, uint64_t min, uint64_t max,
		       uint64_t *ret)
{
	if (parse_size(s, ret) && *ret >= min && *ret <= max)
		return 0;
	fprintf(stderr,
		"gustctl: capture: %s takes a number from %" PRIu64 " to %" PRIu64
		", as in 100 or 10M, not \"%s\"\n",
		opt, min, max, s);
	return 2;
}

static int complain(const char *what)
{
	fprintf(stderr, "gustctl: capture: %s\n", what);
	return 2;
}

/* What contradicts itself. */
static int check_request(struct request *q)
{
	bool rotate = q->rotate_bytes || q->rotate_s;

	if (!q->path && isatty(STDOUT_FILENO))
		return complain("-w FILE is missing, or a pipe behind it: a "
				"capture is no text");
	if (!q->path)
		q->path = "-";
	if (rotate && !strcmp(q->path, "-"))
		return complain("-C and -G make several files: they need -w FILE");
	if (q->keep && !rotate)
		return complain("-W counts the files that -C or -G make");
	if (strcmp(q->view, "super") && strcmp(q->view, "wire") &&
	    strcmp(q->view, "both"))
		return complain("--view is super, wire or both");
	return 0;
}

static char *join(char **argv)
{
	size_t n = 1;
	char *s;

	for (char **a = argv; *a; a++)
		n += strlen(*a) + 1;
	s = calloc(1, n);
	for (char **a = argv; s && *a; a++) {
		if (a != argv)
			strcat(s, " ");
		strcat(s, *a);
	}
	return s;
}

/* 0, or the exit status. */
static int parse(struct request *q, int argc, char **argv)
{
	static const struct option opts[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "write", required_argument, NULL, 'w' },
		{ "view", required_argument, NULL, 'v' },
		{ "snaplen", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 'C' },
		{ "seconds", required_argument, NULL, 'G' },
		{ "files", required_argument, NULL, 'W' },
		{ "buffer", required_argument, NULL, 'B' },
		{ 0 },
	};
	int ch, r = 0;

	optind = 0;
	while (!r && (ch = getopt_long(argc, argv, "+i:w:v:s:c:C:G:W:B:", opts,
				       NULL)) >= 0) {
		switch (ch) {
		case 'i':
			q->port = optarg;
			break;
		case 'w':
			q->path = optarg;
			break;
		case 'v':
			q->view = optarg;
			break;
		case 's':
			r = take_number("-s", optarg, 0, PCAPNG_SNAPLEN_MAX,
					&q->snaplen);
			break;
		case 'c':
			r = take_number("-c", optarg, 1, NUMBER_MAX, &q->count);
			break;
		case 'C':
			r = take_number("-C", optarg, ROTATE_MIN, NUMBER_MAX,
					&q->rotate_bytes);
			break;
		case 'G':
			r = take_number("-G", optarg, 1, UINT32_MAX, &q->rotate_s);
			break;
		case 'W':
			r = take_number("-W", optarg, 1, UINT32_MAX, &q->keep);
			break;
		case 'B':
			r = take_number("-B", optarg, BUFFER_MIN, BUFFER_MAX,
					&q->buffer);
			break;
		default:
			return 2;
		}
	}
	if (r || (r = check_request(q)))
		return r;
	q->filter = join(argv + optind);
	return q->filter ? 0 : 1;
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
	if (n)
		json_object_set_new(o, key, json_integer(n));
}

/* What is not given keeps the daemon's default. */
static json_t *params_of(const struct request *q)
{
	json_t *o = json_pack("{s:s, s:s}", "view", q->view, "filter", q->filter);

	if (o && q->port)
		json_object_set_new(o, "port", json_string(q->port));
	set_number(o, "snaplen", q->snaplen);
	set_number(o, "count", q->count);
	set_number(o, "section_bytes", q->rotate_bytes);
	set_number(o, "section_seconds", q->rotate_s);
	set_number(o, "buffer", q->buffer);
	return o;
}

/* ---- the stream ---- */

struct stream {
	int fd;
	bool ended; /* by us: the daemon was told */
	uint8_t *buf;
	size_t len, cap;
};

static void end_stream(struct stream *s)
{
	if (!s->ended)
		shutdown(s->fd, SHUT_WR);
	s->ended = true;
}

/* Until something happens; signals come in here only when nothing was missed. */
static int wait_stream(struct stream *s, struct capture_out *o)
{
	struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = -1 } };
	sigset_t block, old;
	int r;

	/* no event is asked for: an error is what a pipe without a reader has */
	if (!o->gone && !strcmp(o->path, "-"))
		p[1].fd = STDOUT_FILENO;
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &old);
	if (interrupts && !s->ended)
		r = 0;
	else
		r = ppoll(p, 2, NULL, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (p[1].fd >= 0 && r > 0 && p[1].revents & (POLLERR | POLLNVAL))
		o->gone = true;
	return r > 0 && p[0].revents;
}

/* 1: bytes came; 0: the daemon's end; -1: an error. */
static int read_some(struct stream *s)
{
	ssize_t n;

	if (s->cap - s->len < READ_MAX) {
		size_t cap = s->cap ? s->cap * 2 : 2 * READ_MAX;
		uint8_t *bigger = realloc(s->buf, cap);

		if (!bigger) {
			fprintf(stderr, "gustctl: no memory\n");
			return -1;
		}
		s->buf = bigger;
		s->cap = cap;
	}
	do
		n = recv(s->fd, s->buf + s->len, s->cap - s->len, 0);
	while (n < 0 && errno == EINTR && !give_up());
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0) {
		fprintf(stderr, "gustctl: %s\n", strerror(errno));
		return -1;
	}
	s->len += n;
	return n > 0;
}

/* Everything to the end. 0 or -1. */
static int copy(struct stream *s, struct capture_out *o)
{
	while (!give_up()) {
		ptrdiff_t took;
		int r;

		if (interrupts || o->gone)
			end_stream(s);
		if (!wait_stream(s, o))
			continue;
		r = read_some(s);
		if (r <= 0)
			return r;
		took = capture_out_take(o, s->buf, s->len);
		if (took < 0)
			return -1;
		s->len -= took;
		memmove(s->buf, s->buf + took, s->len);
	}
	return 0;
}

/* ---- */

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal }; /* no SA_RESTART */

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void report(const struct cli *c, const struct capture_out *o, bool both)
{
	if (c->json) {
		fprintf(stderr,
			"{\"captured\":%" PRIu64 ",\"dropped\":%" PRIu64
			",\"wire\":%" PRIu64 ",\"files\":%u,\"complete\":%s}\n",
			o->packets[0], o->dropped[0], o->packets[1], o->files,
			o->stats ? "true" : "false");
		return;
	}
	fprintf(stderr, "gustctl: %" PRIu64 " packets captured, ", o->packets[0]);
	if (both)
		fprintf(stderr, "%" PRIu64 " on the wire, ", o->packets[1]);
	if (o->stats)
		fprintf(stderr, "%" PRIu64 " dropped", o->dropped[0]);
	else
		fprintf(stderr, "dropped: unknown");
	if (o->numbered)
		fprintf(stderr, ", %u files", o->files);
	fputc('\n', stderr);
}

static int run(const struct cli *c, const struct request *q, int fd)
{
	struct capture_out o = {
		.path = q->path,
		.numbered = q->rotate_bytes || q->rotate_s,
		.keep = q->keep,
		.give_up = give_up,
		.fd = -1,
	};
	struct stream s = { .fd = fd };
	int r = copy(&s, &o);

	if (capture_out_close(&o))
		r = -1;
	if (!r && !o.stats && !give_up()) {
		fprintf(stderr, "gustctl: the daemon ended the capture\n");
		r = -1;
	}
	report(c, &o, !strcmp(q->view, "both"));
	free(s.buf);
	return r ? 1 : 0;
}

int show_capture(struct cli *c, int argc, char **argv)
{
	struct request q = { .view = "both" };
	json_t *reply;
	int fd, r = parse(&q, argc, argv);

	if (!r) {
		catch_signals();
		r = client_stream(c, "gust.Capture", params_of(&q), &reply, &fd);
		r = r == -2 ? 2 : r ? 1 : 0;
		if (!r) {
			r = run(c, &q, fd);
			json_decref(reply);
			close(fd);
		}
	}
	free(q.filter);
	return r;
}
