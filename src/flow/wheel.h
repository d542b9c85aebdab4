/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.h - hierarchical hashed timer wheel, 1 ms ticks
 *
 * Arming and re-arming are O(1). A timer never fires early and at most one
 * tick late (plus the caller's own latency). No callback: expired timers are
 * handed back in a list, in order of their tick.
 */
#ifndef GUST_FLOW_WHEEL_H
#define GUST_FLOW_WHEEL_H

#include <stdint.h>

#include "base/list.h"

struct wtimer {
	struct list link;
	uint64_t deadline_us; /* ENV_NEVER: not armed */
};

struct wheel;

struct wheel *wheel_new(uint64_t now_us);
void wheel_free(struct wheel *w); /* timers are the caller's */

void wtimer_init(struct wtimer *t);
static inline bool wtimer_armed(const struct wtimer *t)
{
	return list_linked(&t->link);
}

/* (Re-)arm; ENV_NEVER cancels. Cheap when the deadline did not change tick. */
void wheel_arm(struct wheel *w, struct wtimer *t, uint64_t deadline_us);
void wheel_cancel(struct wheel *w, struct wtimer *t);

/* Advance to now; every expired timer is unlinked from the wheel and appended
 * to `ret_expired` (an initialised list of wtimer.link). A timer taken from
 * that list with list_del() may be re-armed. */
void wheel_advance(struct wheel *w, uint64_t now_us, struct list *ret_expired);

/* A time not later than the next expiry, ENV_NEVER when nothing is armed. */
uint64_t wheel_next(const struct wheel *w);

#endif
