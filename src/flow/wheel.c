/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.c - hierarchical timer wheel
 *
 * Theory of operation
 *
 * Time is counted in ticks of 1 ms. A deadline belongs to the first tick that
 * is not before it, so that nothing fires early. `cur` is the last tick that
 * was worked off. Four levels of 256 slots each stand for the four low bytes
 * of a tick number: a timer is kept on the level of the *highest byte in which
 * its tick differs from cur*, in the slot named by that byte. From this follow
 * the invariants that everything rests on:
 *
 *   I1  every timer on level L agrees with cur in all bytes above L, and its
 *       slot number is greater than cur's byte L (slot 0 is never used);
 *   I2  therefore every slot of level L lies before every slot of level L+1,
 *       and the next event is the first occupied slot behind cur's byte on the
 *       lowest level that has any: a few words of bitmap;
 *   I3  two occupied slots never begin at the same tick.
 *
 * When cur reaches the beginning of a slot of level L > 0, its timers move to
 * lower levels (each timer moves at most three times in its life). Ticks that
 * differ above the fourth byte (more than 49 days away) wait on `far` until
 * cur enters the next block of 2^32 ticks. What is already due when armed
 * waits on `due` for the next call of wheel_advance().
 *
 * Postponing is lazy: a timer that is armed for a later time stays where it is
 * and only its deadline changes; when its old slot comes up it moves on. So
 *
 *   I4  the slot of a timer begins no later than the tick of its deadline,
 *
 * every list is checked against the deadlines when it comes up, and
 * wheel_next() may name a time at which nothing expires. A TCP connection that
 * re-arms its retransmission timer with every acknowledgment pays a store.
 *
 * Timers that were handed out as expired have the deadline ENV_NEVER, so that
 * arming one that is still on the caller's list moves it back to the wheel.
 */
#include "flow/wheel.h"

#include <stdlib.h>

#include "base/env.h"

#define TICK_US 1000
#define LEVELS 4
#define SLOTS 256
#define WORDS (SLOTS / 64)

struct wheel {
	uint64_t cur; /* tick */
	uint64_t map[LEVELS][WORDS];
	struct list slot[LEVELS][SLOTS];
	struct list due, far;
};

static inline uint64_t tick_of(uint64_t deadline_us)
{
	return deadline_us / TICK_US + (deadline_us % TICK_US != 0);
}

struct wheel *wheel_new(uint64_t now_us)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->cur = now_us / TICK_US;
	for (unsigned l = 0; l < LEVELS; l++)
		for (unsigned s = 0; s < SLOTS; s++)
			list_init(&w->slot[l][s]);
	list_init(&w->due);
	list_init(&w->far);
	return w;
}

void wheel_free(struct wheel *w)
{
	free(w);
}

void wtimer_init(struct wtimer *t)
{
	t->link.next = t->link.prev = NULL;
	t->deadline_us = ENV_NEVER;
}

static void place(struct wheel *w, struct wtimer *t, uint64_t tick)
{
	uint64_t diff = tick ^ w->cur;
	unsigned level, s;

	if (tick <= w->cur) {
		list_add_tail(&w->due, &t->link);
		return;
	}
	if (diff >> (8 * LEVELS)) {
		list_add_tail(&w->far, &t->link);
		return;
	}
	level = (63 - __builtin_clzll(diff)) / 8;
	s = (tick >> (8 * level)) & (SLOTS - 1);
	list_add_tail(&w->slot[level][s], &t->link);
	w->map[level][s / 64] |= UINT64_C(1) << (s % 64);
}

/* Unlink; the slot that becomes empty loses its bit. A list's only link names
 * the list's head, so the timer need not remember its slot. */
static void detach(struct wheel *w, struct wtimer *t)
{
	struct list *head = t->link.next;

	if (head == t->link.prev && head >= &w->slot[0][0] &&
	    head <= &w->slot[LEVELS - 1][SLOTS - 1]) {
		size_t i = head - &w->slot[0][0];

		w->map[i / SLOTS][i % SLOTS / 64] &= ~(UINT64_C(1) << (i % 64));
	}
	list_del(&t->link);
}

void wheel_arm(struct wheel *w, struct wtimer *t, uint64_t deadline_us)
{
	uint64_t tick;

	if (deadline_us == ENV_NEVER) {
		wheel_cancel(w, t);
		return;
	}
	if (list_linked(&t->link)) {
		/* I4 holds for any later deadline; ENV_NEVER marks one that was
		 * handed out and sits on a foreign list */
		if (deadline_us >= t->deadline_us) {
			t->deadline_us = deadline_us;
			return;
		}
		tick = tick_of(deadline_us);
		if (t->deadline_us != ENV_NEVER &&
		    tick == tick_of(t->deadline_us)) {
			t->deadline_us = deadline_us;
			return;
		}
		detach(w, t);
	} else {
		tick = tick_of(deadline_us);
	}
	t->deadline_us = deadline_us;
	place(w, t, tick);
}

void wheel_cancel(struct wheel *w, struct wtimer *t)
{
	if (list_linked(&t->link))
		detach(w, t);
	t->deadline_us = ENV_NEVER;
}

/* First occupied slot behind `s` on a level, SLOTS when there is none. */
static unsigned next_slot(const uint64_t *map, unsigned s)
{
	unsigned i = s / 64;
	uint64_t m = s % 64 == 63 ? 0 : map[i] & (~UINT64_C(0) << (s % 64 + 1));

	while (!m) {
		if (++i == WORDS)
			return SLOTS;
		m = map[i];
	}
	return i * 64 + __builtin_ctzll(m);
}

/*
 * The tick at which the next occupied slot begins (I2), UINT64_MAX for none.
 * *ret_head is its list.
 */
static uint64_t next_event(const struct wheel *w, const struct list **ret_head)
{
	for (unsigned l = 0; l < LEVELS; l++) {
		unsigned s =
			next_slot(w->map[l], (w->cur >> (8 * l)) & (SLOTS - 1));
		unsigned above = 8 * (l + 1);

		if (s == SLOTS)
			continue;
		*ret_head = &w->slot[l][s];
		return (w->cur >> above << above) | ((uint64_t)s << (8 * l));
	}
	if (!list_empty((struct list *)&w->far)) {
		*ret_head = &w->far;
		return ((w->cur >> (8 * LEVELS)) + 1) << (8 * LEVELS);
	}
	return UINT64_MAX;
}

/* A list came up: hand out what is due, place the rest anew. */
static void run_list(struct wheel *w, struct list *head, struct list *ret_expired)
{
	struct list batch;

	list_init(&batch);
	list_splice_tail(&batch, head);
	if (head >= &w->slot[0][0] && head <= &w->slot[LEVELS - 1][SLOTS - 1]) {
		size_t i = head - &w->slot[0][0];

		w->map[i / SLOTS][i % SLOTS / 64] &= ~(UINT64_C(1) << (i % 64));
	}
	list_for_each_safe (it, &batch) {
		struct wtimer *t = container_of(it, struct wtimer, link);
		uint64_t tick = tick_of(t->deadline_us);

		list_del(it);
		if (tick <= w->cur) {
			t->deadline_us = ENV_NEVER;
			list_add_tail(ret_expired, it);
		} else {
			place(w, t, tick);
		}
	}
}

void wheel_advance(struct wheel *w, uint64_t now_us, struct list *ret_expired)
{
	uint64_t target = now_us / TICK_US;

	run_list(w, &w->due, ret_expired);
	while (w->cur < target) {
		const struct list *head;
		uint64_t tick = next_event(w, &head);

		if (tick > target) {
			w->cur = target; /* nothing begins in between: I1 stays */
			break;
		}
		w->cur = tick;
		run_list(w, (struct list *)head, ret_expired);
	}
}

uint64_t wheel_next(const struct wheel *w)
{
	const struct list *head;
	uint64_t tick;

	if (!list_empty((struct list *)&w->due))
		return w->cur * TICK_US;
	tick = next_event(w, &head);
	return tick > UINT64_MAX / TICK_US ? ENV_NEVER : tick * TICK_US;
}
