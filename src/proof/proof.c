/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.c - start the child, collect its verdicts, replace it when it is stuck
 *
 *	RUN --(done, refused, time is over)--------> ENDING --(reaped)--> FINISHED
 *	RUN --(died, or stuck in one test)--> ENDING --(reaped)--> RUN, next test
 *
 * Nothing here blocks except proof_run(). The child names each test before it
 * begins it, so it is known which one took it along.
 */
#include "proof/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proof/proof_internal.h"

/* One test: some waits and repetitions on a machine under load. */
#define CELL_MS 1000
/* How many children may be lost before the rest stays without verdict. */
#define REPLACE_MAX 3
/* Between two looks whether a child is gone, and how long it gets. */
#define REAP_MS 3
#define REAP_MAX_MS 2000
/* The descriptor in the child. */
#define CHILD_FD 3

/* What a BIG TCP form must exceed, and what an skb of the kernel's may hold
 * (GSO_MAX_SIZE, headers taken off). */
#define BIG_MIN 70000
#define BIG_MAX 524000

#define NO_CELL UINT_MAX

enum state { RUN, ENDING, FINISHED };

struct proof_job {
	struct proof_conf conf;
	struct proof_result res;
	enum state state;
	pid_t pid; /* 0: none */
	int fd;
	unsigned current; /* the test that was begun, NO_CELL */
	unsigned next; /* where a new child would begin */
	unsigned lost; /* children */
	bool again; /* ENDING: then another child */
	uint64_t start_us, deadline_us, cell_deadline_us, reap_deadline_us;
};

uint64_t proof_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- the child's process ---- */

static int spawn(struct proof_job *j, int wfd)
{
	char args[96], self[] = "/proc/self/exe", name[] = "gust-self-test",
		       opt[] = PROOF_CHILD_OPT;
	char *argv[] = { name, opt, args, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	int r;

	sigemptyset(&none);
	snprintf(args, sizeof(args), PROOF_ARGS, (int)getpid(), CHILD_FD,
		 j->conf.feats, j->conf.big, (unsigned)j->conf.tap, j->next);
	r = posix_spawn_file_actions_init(&fa);
	if (r)
		return -r;
	r = posix_spawnattr_init(&at);
	if (r) {
		posix_spawn_file_actions_destroy(&fa);
		return -r;
	}
	r = posix_spawn_file_actions_adddup2(&fa, wfd, CHILD_FD);
	if (!r)
		r = posix_spawnattr_setsigmask(&at, &none);
	if (!r)
		r = posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK);
	if (!r)
		r = posix_spawn(&j->pid, self, &fa, &at, argv, environ);
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	if (r)
		j->pid = 0;
	return -r;
}

static int start_child(struct proof_job *j)
{
	int fds[2], wfd, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* dup2 of a descriptor to itself would leave it close-on-exec */
	wfd = fcntl(fds[1], F_DUPFD_CLOEXEC, CHILD_FD + 1);
	r = wfd < 0 ? -errno : 0;
	close(fds[1]);
	if (!r && fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (!r)
		r = spawn(j, wfd);
	if (wfd >= 0)
		close(wfd);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	j->fd = fds[0];
	j->current = NO_CELL;
	j->state = RUN;
	j->cell_deadline_us = proof_now_us() + CELL_MS * UINT64_C(1000);
	return 0;
}

static void end_child(struct proof_job *j, bool now)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	if (now && j->pid)
		kill(j->pid, SIGKILL);
	j->state = ENDING;
	j->reap_deadline_us = proof_now_us() + REAP_MAX_MS * UINT64_C(1000);
}

/* ---- results ---- */

/* No verdict on what has none, and why. */
static void leave_open(struct proof_job *j, const char *why)
{
	for (unsigned i = 0; i < j->res.n_cell; i++)
		if (j->res.cell[i].verdict == PROOF_NONE && !j->res.cell[i].why[0])
			snprintf(j->res.cell[i].why, sizeof(j->res.cell[i].why),
				 "%s", why);
}

/* All that can be known is known. */
static void conclude(struct proof_job *j, const char *why, bool now)
{
	struct proof_result *res = &j->res;

	leave_open(j, why);
	if (!res->tried && !res->why[0])
		snprintf(res->why, sizeof(res->why), "%s", why);
	if (!res->tried)
		res->n_cell = 0;
	proof_judge(res);
	res->took_us = (uint32_t)(proof_now_us() - j->start_us);
	j->again = false;
	end_child(j, now);
}

/* The child is lost: the test that it was in has no verdict; on with the next. */
static void lose(struct proof_job *j, const char *why)
{
	if (j->current == NO_CELL || ++j->lost > REPLACE_MAX) {
		conclude(j, why, true);
		return;
	}
	snprintf(j->res.cell[j->current].why, PROOF_WHY_LEN, "%s", why);
	j->next = j->current + 1;
	j->again = true;
	end_child(j, true);
}

static void on_message(struct proof_job *j, const struct proof_msg *m)
{
	struct proof_result *res = &j->res;

	if (m->index >= res->n_cell && m->kind != PROOF_MSG_REFUSED &&
	    m->kind != PROOF_MSG_DONE && m->kind != PROOF_MSG_READY)
		return;
	switch (m->kind) {
	case PROOF_MSG_READY:
		res->tried = true;
		break;
	case PROOF_MSG_REFUSED:
		snprintf(res->why, sizeof(res->why), "%s", m->cell.why);
		conclude(j, m->cell.why, false);
		break;
	case PROOF_MSG_BEGIN:
		j->current = m->index;
		j->cell_deadline_us = proof_now_us() + CELL_MS * UINT64_C(1000);
		break;
	case PROOF_MSG_VERDICT:
		res->cell[m->index] = m->cell;
		j->current = NO_CELL;
		j->next = m->index + 1u;
		break;
	case PROOF_MSG_DONE:
		conclude(j, res->tried ? "" : "the test's process tested nothing",
			 false);
		break;
	}
}

static void take_in(struct proof_job *j)
{
	while (j->state == RUN) {
		struct proof_msg m;
		ssize_t n = read(j->fd, &m, sizeof(m));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n == sizeof(m))
			on_message(j, &m);
		else
			lose(j, "the test's process ended early");
	}
}

/* ---- time ---- */

static void look_at_clock(struct proof_job *j)
{
	uint64_t now = proof_now_us();
	char why[64];

	if (j->state != RUN)
		return;
	if (now >= j->deadline_us) {
		snprintf(why, sizeof(why), "not through after %u ms",
			 j->conf.timeout_ms);
		conclude(j, why, true);
	} else if (now >= j->cell_deadline_us) {
		snprintf(why, sizeof(why), "stuck for %u ms", CELL_MS);
		lose(j, why);
	}
}

static void reap(struct proof_job *j)
{
	pid_t r = j->pid ? waitpid(j->pid, NULL, WNOHANG) : -1;

	/* One that even SIGKILL does not end is left to itself. */
	if (!r && proof_now_us() < j->reap_deadline_us)
		return;
	if (!r)
		kill(j->pid, SIGKILL);
	j->pid = 0;
	j->state = FINISHED;
	if (!j->again)
		return;
	j->again = false;
	if (start_child(j) < 0) {
		j->fd = -1;
		conclude(j, "no process for the rest of the tests", false);
	}
}

/* ---- the public side ---- */

int proof_begin(const struct proof_conf *conf, struct proof_job **ret_job)
{
	struct proof_job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->conf = *conf;
	if (j->conf.big < BIG_MIN)
		j->conf.big = BIG_MIN;
	if (j->conf.big > BIG_MAX)
		j->conf.big = BIG_MAX;
	j->fd = -1;
	j->res.n_cell = proof_plan(conf->feats, j->res.cell);
	j->start_us = proof_now_us();
	j->deadline_us = j->start_us + conf->timeout_ms * UINT64_C(1000);
	r = start_child(j);
	if (r < 0) {
		free(j);
		return r;
	}
	*ret_job = j;
	return 0;
}

int proof_fd(const struct proof_job *job)
{
	return job->fd;
}

unsigned proof_wait_ms(const struct proof_job *j)
{
	uint64_t now = proof_now_us(), until = j->deadline_us;

	if (j->state != RUN)
		return j->state == ENDING ? REAP_MS : 0;
	if (j->cell_deadline_us < until)
		until = j->cell_deadline_us;
	return until <= now ? 0 : (unsigned)((until - now + 999) / 1000);
}

bool proof_step(struct proof_job *job)
{
	take_in(job);
	look_at_clock(job);
	if (job->state == ENDING)
		reap(job);
	return job->state == FINISHED;
}

const struct proof_result *proof_result(const struct proof_job *job)
{
	return &job->res;
}

void proof_end(struct proof_job *job)
{
	if (!job)
		return;
	if (job->fd >= 0)
		close(job->fd);
	if (job->pid) {
		kill(job->pid, SIGKILL);
		while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(job);
}

int proof_run(const struct proof_conf *conf, struct proof_result *ret)
{
	struct proof_job *j;
	int r = proof_begin(conf, &j);

	if (r < 0)
		return r;
	while (!proof_step(j)) {
		struct pollfd p = { .fd = proof_fd(j), .events = POLLIN };

		poll(&p, 1, (int)proof_wait_ms(j));
	}
	*ret = j->res;
	proof_end(j);
	return 0;
}
