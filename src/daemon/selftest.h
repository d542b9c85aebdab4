/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest.h - when the self-test of the offloads runs, and what follows from it
 *
 * At start it is waited for (some tens of milliseconds). Later it runs beside the
 * daemon, in a process of its own: after the machine was suspended, and when
 * somebody asks for it. What it finds is negotiated at once.
 */
#ifndef GUST_DAEMON_SELFTEST_H
#define GUST_DAEMON_SELFTEST_H

#include <event2/event.h>

#include "base/list.h"
#include "proof/proof.h"

struct daemon;

struct selftest {
	struct proof_job *job; /* NULL: none is running */
	struct event *ev; /* of the job's descriptor and time */
	struct list waiting; /* struct control_later: get the result */
	int64_t slept_us; /* time in suspend since boot, at the last look */
	const char *cause; /* of the last or current one */
	unsigned runs;
};

void selftest_init(struct daemon *d);
void selftest_free(struct daemon *d);

/* Run it and wait; nothing is negotiated yet. */
void selftest_at_start(struct daemon *d);

/* Start one, unless one is running. `cause`, a constant, is for the log. 0 or
 * -errno. */
int selftest_begin(struct daemon *d, const char *cause);

/* Every second or so: was the machine suspended? */
void selftest_poll(struct daemon *d);

/* Pure. CLOCK_BOOTTIME goes on in suspend, CLOCK_MONOTONIC does not. Both in
 * microseconds, `mono_us` read last (a delay between the two, or after it, must not
 * look like sleep). *slept_us is the most that was seen, and is brought up to date.
 * Shorter than SELFTEST_SLEPT_US is nothing. */
#define SELFTEST_SLEPT_US 500000
bool selftest_slept(int64_t *slept_us, int64_t boot_us, int64_t mono_us);

#endif
