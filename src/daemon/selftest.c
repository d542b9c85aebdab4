/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest.c - when the self-test of the offloads runs, and what follows from it
 */
#include "daemon/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/control_methods.h"
#include "daemon/daemon.h"

#define TIMEOUT_MS 3000
#define BIG_DEFAULT 524280
#define BIG_LEAST 70000

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static struct proof_conf conf_of(const struct daemon *d)
{
	uint32_t big = d->conf->gro_max;

	/* The interface's size may be raised later: then it counts, too. */
	if (big < BIG_LEAST)
		big = BIG_DEFAULT;
	return (struct proof_conf){
		.feats = PROOF_FEATS,
		/* headers, and a kernel's own margin, stay below gro_max_size */
		.big = big - big / 16,
		.tap = d->conf->tap,
		.timeout_ms = TIMEOUT_MS,
	};
}

/* ---- the log ---- */

/* IPv6 above 64 KB has two forms, and a kernel takes one of them. */
static uint32_t one_form_is_enough(const struct proof_result *p)
{
	uint32_t forms =
		FEAT_BIT(FEAT_BIGTCP6_JUMBO) | FEAT_BIT(FEAT_BIGTCP6_PLAIN);

	return p->ok[FACT_TO_KERNEL] & forms ? forms : 0;
}

/* What nobody wants may fail in silence: gustctl selftest shows it. */
static void report(const struct daemon *d)
{
	const struct proof_result *p = &d->proof;
	uint32_t wanted = d->conf->feats, other = one_form_is_enough(p);
	const struct proof_cell *bad = proof_first_failure(p, wanted & ~other);
	bool minor = !bad;

	if (p->why[0]) {
		log_info("self-test of the offloads not possible: %s", p->why);
		return;
	}
	if (minor)
		bad = proof_first_failure(p, wanted & other);
	if (!bad)
		return;
	log_write(minor ? LOG_LVL_INFO : LOG_LVL_NOTICE,
		  "self-test of the offloads: %s %s over IPv%u, last segment %s: "
		  "%s%s",
		  feat_name(bad->feat),
		  bad->dir == FACT_TO_KERNEL ? "to the kernel" : "from the kernel",
		  bad->v6 ? 6 : 4, proof_shape_name(bad->shape), bad->why,
		  minor ? " (another form works)" : "");
}

/* ---- at start ---- */

void selftest_init(struct daemon *d)
{
	list_init(&d->selftest.waiting);
	d->selftest.slept_us = clock_us(CLOCK_BOOTTIME) - clock_us(CLOCK_MONOTONIC);
}

void selftest_at_start(struct daemon *d)
{
	struct proof_conf conf = conf_of(d);
	int r;

	d->selftest.cause = "start";
	if (!d->conf->selftest) {
		snprintf(d->proof.why, sizeof(d->proof.why), "selftest = false");
		return;
	}
	r = proof_run(&conf, &d->proof);
	if (r < 0) {
		snprintf(d->proof.why, sizeof(d->proof.why), "%s", strerror(-r));
		log_warn("self-test of the offloads: %s", strerror(-r));
		return;
	}
	d->selftest.runs++;
	report(d);
}

/* ---- beside the daemon ---- */

static void answer_all(struct daemon *d)
{
	struct list now, *it;

	/* An answer may bring the next request, which waits for the next run. */
	list_init(&now);
	while ((it = list_first(&d->selftest.waiting))) {
		list_del(it);
		list_add_tail(&now, it);
	}
	while ((it = list_first(&now))) {
		list_del(it);
		control_answer(container_of(it, struct control_later, link), NULL,
			       control_selftest_json(d));
	}
}

/* One that could not be done takes away nothing that was found before. */
static void take_result(struct daemon *d, const struct proof_result *res)
{
	if (res->tried || !d->proof.tried)
		d->proof = *res;
	else
		snprintf(d->proof.why, sizeof(d->proof.why), "%s", res->why);
}

static void finish(struct daemon *d)
{
	struct selftest *t = &d->selftest;
	uint32_t was[FACT_DIRS];

	memcpy(was, d->proof.failed, sizeof(was));
	take_result(d, proof_result(t->job));
	proof_end(t->job);
	t->job = NULL;
	t->runs++;
	log_info("self-test of the offloads (%s): %u tests in %u us", t->cause,
		 d->proof.n_cell, d->proof.took_us);
	if (memcmp(was, d->proof.failed, sizeof(was)) || d->proof.why[0])
		report(d);
	if (!d->stopping)
		daemon_follow(d, LINK_CHG_FEAT);
	answer_all(d);
}

static void on_job(evutil_socket_t fd, short what, void *arg);

/* Wait for what the job waits for. The descriptor may be another one than before,
 * hence a new event each time. */
static void arm(struct daemon *d)
{
	struct selftest *t = &d->selftest;
	unsigned ms = proof_wait_ms(t->job);
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	t->ev = event_new(d->base, proof_fd(t->job),
			  proof_fd(t->job) < 0 ? 0 : EV_READ, on_job, d);
	if (t->ev && !event_add(t->ev, &tv))
		return;
	log_err("self-test of the offloads: no event");
	if (t->ev)
		event_free(t->ev);
	t->ev = NULL;
	finish(d);
}

static void on_job(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct selftest *t = &d->selftest;
	bool done;

	/* before the descriptor is closed */
	event_free(t->ev);
	t->ev = NULL;
	done = proof_step(t->job);
	if (done)
		finish(d);
	else
		arm(d);
}

int selftest_begin(struct daemon *d, const char *cause)
{
	struct selftest *t = &d->selftest;
	struct proof_conf conf = conf_of(d);
	int r;

	if (t->job)
		return 0;
	r = proof_begin(&conf, &t->job);
	if (r < 0) {
		log_warn("self-test of the offloads: %s", strerror(-r));
		return r;
	}
	t->cause = cause;
	arm(d);
	return 0;
}

void selftest_free(struct daemon *d)
{
	if (d->selftest.ev)
		event_free(d->selftest.ev);
	d->selftest.ev = NULL;
	proof_end(d->selftest.job);
	d->selftest.job = NULL;
}

/* ---- resume ---- */

bool selftest_slept(int64_t *slept_us, int64_t boot_us, int64_t mono_us)
{
	int64_t was = *slept_us, now = boot_us - mono_us;

	/* It never gets less: then the two were read at different times. */
	if (now > was)
		*slept_us = now;
	return now - was >= SELFTEST_SLEPT_US;
}

void selftest_poll(struct daemon *d)
{
	int64_t boot = clock_us(CLOCK_BOOTTIME), mono = clock_us(CLOCK_MONOTONIC);

	if (!selftest_slept(&d->selftest.slept_us, boot, mono))
		return;
	log_notice("the machine was suspended");
	if (d->conf->selftest)
		selftest_begin(d, "resume");
}
