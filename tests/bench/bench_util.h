/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_util.h - what the small load programs of the benchmarks share
 */
#ifndef GUST_BENCH_UTIL_H
#define GUST_BENCH_UTIL_H

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts `v`; 0 of nothing. */
static inline double median_of(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_double);
	return n ? v[n / 2] : 0;
}

/* A socket bound to (`host` NULL) or connected with an address; dies on errors. */
static inline int sock_open(const char *host, const char *port, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *ai;
	int fd, one = 1;

	if (!host)
		hints.ai_flags |= AI_PASSIVE;
	if (getaddrinfo(host ? host : "::", port, &hints, &ai))
		die("address");
	fd = socket(ai->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (host ? connect(fd, ai->ai_addr, ai->ai_addrlen) :
		   bind(fd, ai->ai_addr, ai->ai_addrlen))
		die(host ? "connect" : "bind");
	freeaddrinfo(ai);
	return fd;
}

#endif
