/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.c - run the probe in a child process and collect what it found
 *
 * The child writes what it knows so far into a pipe after every form, so that
 * one that hangs or dies takes along its own verdict only: what has no verdict
 * is neither ok nor failed. The parent waits for the end of the pipe, and when
 * the time is over ends its own child.
 */
#include "proof/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proof/proof_internal.h"

/* Cheap and certain forms first. */
static const enum feat order[] = {
	FEAT_TX_CSUM, FEAT_TSO4,          FEAT_TSO6,          FEAT_USO,
	FEAT_BIGTCP4, FEAT_BIGTCP6_JUMBO, FEAT_BIGTCP6_PLAIN,
};

#define ORDER_N (sizeof(order) / sizeof(order[0]))

/* What a BIG TCP form must exceed, and what an skb of the kernel's may hold
 * (GSO_MAX_SIZE, headers taken off). */
#define BIG_MIN 70000
#define BIG_MAX 524000

#define NEEDS_V6                                                                   \
	(FEAT_BIT(FEAT_TSO6) | FEAT_BIT(FEAT_BIGTCP6_JUMBO) |                      \
	 FEAT_BIT(FEAT_BIGTCP6_PLAIN))

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- the child ---- */

/* Smaller than PIPE_BUF: arrives whole. */
static void tell(int fd, const struct proof_result *res)
{
	if (write(fd, res, sizeof(*res)) != sizeof(*res))
		_exit(1);
}

/* Once may be chance (an interface that has just come up still drops for a
 * moment, a machine is out of memory); a form that is not delivered fails each
 * time. */
static void judge(struct probe *p, enum feat f, uint32_t big,
		  struct proof_result *res)
{
	for (unsigned i = 0; i < PROBE_TRIES; i++) {
		if (probe_form(p, f, big)) {
			res->ok |= FEAT_BIT(f);
			return;
		}
	}
	if (!res->failed)
		snprintf(res->why, sizeof(res->why), "%s: %.120s", feat_name(f),
			 p->why);
	res->failed |= FEAT_BIT(f);
}

static void child(int fd, uint32_t feats, uint32_t big)
{
	struct proof_result res = { 0 };
	struct probe p = { 0 };

	if (probe_unshare(&p) < 0 || probe_open(&p) < 0) {
		snprintf(res.why, sizeof(res.why), "%s", p.why);
		tell(fd, &res);
		return;
	}
	res.tried = true;
	tell(fd, &res);
	for (unsigned i = 0; i < ORDER_N; i++) {
		uint32_t bit = FEAT_BIT(order[i]);

		if (!(feats & bit) || ((bit & NEEDS_V6) && !p.v6))
			continue;
		judge(&p, order[i], big, &res);
		tell(fd, &res);
	}
	probe_close(&p);
}

/* ---- the parent ---- */

/* Read verdicts until the child is through. false: the time is over. */
static bool collect(int fd, uint64_t deadline, struct proof_result *ret)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_us();
		struct proof_result res;
		ssize_t n;
		int r;

		if (now >= deadline)
			return false;
		r = poll(&p, 1, (int)((deadline - now + 999) / 1000));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		n = read(fd, &res, sizeof(res));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(res))
			return true;
		*ret = res;
	}
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int proof_run(uint32_t feats, uint32_t big, unsigned timeout_ms,
	      struct proof_result *ret)
{
	uint64_t start = now_us();
	struct proof_result res = { 0 };
	pid_t parent = getpid(), pid;
	int fds[2];
	int r;

	if (big < BIG_MIN)
		big = BIG_MIN;
	if (big > BIG_MAX)
		big = BIG_MAX;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (!pid) {
		close(fds[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			child(fds[1], feats, big);
		_exit(0);
	}
	close(fds[1]);
	if (!collect(fds[0], start + timeout_ms * UINT64_C(1000), &res)) {
		kill(pid, SIGKILL);
		if (!res.failed)
			snprintf(res.why, sizeof(res.why),
				 "not through after %u ms", timeout_ms);
	}
	reap(pid);
	close(fds[0]);
	if (!res.tried && !res.why[0])
		snprintf(res.why, sizeof(res.why),
			 "the probe's process ended early");
	res.took_us = (uint32_t)(now_us() - start);
	*ret = res;
	return 0;
}
