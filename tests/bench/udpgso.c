/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udpgso.c - UDP with UDP_SEGMENT and UDP_GRO, which iperf3 3.12 lacks
 *
 *	udpgso recv PORT SECONDS          counts until SECONDS after the first
 *	                                  datagram, or 1 s of silence
 *	udpgso send HOST PORT SECONDS SIZE MBIT
 *	                                  SIZE payload bytes a datagram, paced to
 *	                                  MBIT per second (0: as fast as it goes)
 *	udpgso pull HOST PORT SECONDS SIZE MBIT
 *	                                  asks a `udpgso serve` to send to us
 *	udpgso serve PORT                 sends on request, for one client at a time
 *
 * Each prints one line of JSON: datagrams, bytes, seconds; the receiver also
 * `lost` (by sequence numbers in the datagrams) and `super` (UDP_GRO receives
 * of more than one datagram).
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "base/linux_compat.h"
#include "bench_util.h"

#define SUPER_MAX 64 /* datagrams a send */
#define PULL_MAGIC 0x67757374u

struct request {
	uint32_t magic, seconds, size, mbit;
};

struct load {
	unsigned seconds, size, mbit;
};

/* Wait until `due` ns after `start`; returns the time. Sleeping leaves the
 * processor to the path that is being measured. */
static uint64_t pace(uint64_t start, uint64_t t, uint64_t due)
{
	uint64_t ahead = due > t - start ? due - (t - start) : 0;
	struct timespec ts = { .tv_nsec = ahead % 1000000000,
			       .tv_sec = ahead / 1000000000 };

	if (ahead < 2000)
		return t;
	nanosleep(&ts, NULL);
	return now_ns();
}

/* Send superpackets at a rate; the first 8 bytes of a datagram number it. */
static void blast(int fd, const struct sockaddr *to, socklen_t to_len,
		  const struct load *l)
{
	static uint8_t buf[65536];
	unsigned per = 65000 / l->size > SUPER_MAX ? SUPER_MAX : 65000 / l->size;
	uint64_t start = now_ns(), end = start + l->seconds * 1000000000ull;
	uint64_t seq = 0, bytes = 0, t = start;
	int seg = l->size, big = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	prctl(PR_SET_TIMERSLACK, 1000);
	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &seg, sizeof(seg)))
		die("UDP_SEGMENT");
	while (t < end) {
		for (unsigned i = 0; i < per; i++) {
			uint64_t n = seq + i;

			memcpy(buf + (size_t)i * l->size, &n, sizeof(n));
		}
		if (sendto(fd, buf, (size_t)per * l->size, 0, to, to_len) >= 0) {
			seq += per;
			bytes += (uint64_t)per * l->size;
		} else if (errno != ENOBUFS && errno != EAGAIN &&
			   errno != ECONNREFUSED) {
			die("sendto");
		}
		t = now_ns();
		if (l->mbit)
			t = pace(start, t, bytes * 8000 / l->mbit);
	}
	printf("{\"datagrams\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n",
	       (unsigned long long)seq, (unsigned long long)bytes,
	       (t - start) / 1e9);
	fflush(stdout);
}

struct count {
	uint64_t datagrams, bytes, super, high;
	bool any;
};

static void count_one(struct count *c, const uint8_t *p, size_t len, unsigned gso)
{
	if (!gso)
		gso = len;
	if (len > gso)
		c->super++;
	for (size_t off = 0; off < len; off += gso) {
		size_t n = len - off < gso ? len - off : gso;
		uint64_t seq;

		c->datagrams++;
		c->bytes += n;
		if (n < sizeof(seq))
			continue;
		memcpy(&seq, p + off, sizeof(seq));
		if (!c->any || seq > c->high)
			c->high = seq;
		c->any = true;
	}
}

static void sink(int fd, unsigned seconds)
{
	static uint8_t buf[65536];
	struct count c = { 0 };
	uint64_t start = 0, last = 0;
	int one = 1, big = 64 << 20;

	setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	for (;;) {
		union {
			char b[CMSG_SPACE(sizeof(int))];
			struct cmsghdr h;
		} cm;
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &cm,
				    .msg_controllen = sizeof(cm) };
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		unsigned gso = 0;
		ssize_t n;

		if (poll(&pfd, 1, start ? 1000 : 15000) <= 0)
			break;
		n = recvmsg(fd, &m, MSG_DONTWAIT);
		if (n < 0)
			continue;
		for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h;
		     h = CMSG_NXTHDR(&m, h))
			if (h->cmsg_level == SOL_UDP && h->cmsg_type == UDP_GRO) {
				int v;

				memcpy(&v, CMSG_DATA(h), sizeof(v));
				gso = v;
			}
		last = now_ns();
		if (!start)
			start = last;
		count_one(&c, buf, n, gso);
		if (last - start > (seconds + 5) * 1000000000ull)
			break;
	}
	printf("{\"datagrams\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"lost\":%llu,"
	       "\"super\":%llu}\n",
	       (unsigned long long)c.datagrams, (unsigned long long)c.bytes,
	       (last - start) / 1e9,
	       (unsigned long long)(c.any ? c.high + 1 - c.datagrams : 0),
	       (unsigned long long)c.super);
	fflush(stdout);
}

static void serve(int fd)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		struct request r;
		struct load l;
		ssize_t n = recvfrom(fd, &r, sizeof(r), 0, (struct sockaddr *)&from,
				     &len);

		if (n != sizeof(r) || r.magic != PULL_MAGIC || r.size < 16 ||
		    r.size > 60000)
			continue;
		l = (struct load){ .seconds = r.seconds,
				   .size = r.size,
				   .mbit = r.mbit };
		blast(fd, (struct sockaddr *)&from, len, &l);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct load l;

	if (!strcmp(mode, "recv") && argc == 4) {
		sink(sock_open(NULL, argv[2], SOCK_DGRAM), atoi(argv[3]));
		return 0;
	}
	if (!strcmp(mode, "serve") && argc == 3) {
		serve(sock_open(NULL, argv[2], SOCK_DGRAM));
		return 0;
	}
	if (argc == 7) {
		l = (struct load){ .seconds = atoi(argv[4]),
				   .size = atoi(argv[5]),
				   .mbit = atoi(argv[6]) };
		if (l.size >= 16 && l.size <= 60000 && !strcmp(mode, "send")) {
			blast(sock_open(argv[2], argv[3], SOCK_DGRAM), NULL, 0, &l);
			return 0;
		}
		if (l.size >= 16 && l.size <= 60000 && !strcmp(mode, "pull")) {
			int fd = sock_open(argv[2], argv[3], SOCK_DGRAM);
			struct request r = { PULL_MAGIC, l.seconds, l.size,
					     l.mbit };

			if (send(fd, &r, sizeof(r), 0) != sizeof(r))
				die("send");
			sink(fd, l.seconds);
			return 0;
		}
	}
	fprintf(stderr, "usage: udpgso recv PORT SECONDS | serve PORT |\n"
			"       udpgso send|pull HOST PORT SECONDS SIZE MBIT\n");
	return 2;
}
