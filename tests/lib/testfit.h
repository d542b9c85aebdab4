/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * testfit.h - make a packet fit a port, by the planner with tso, uso and bigtcp, for
 * tests that are about something else
 */
#ifndef TESTS_TESTFIT_H
#define TESTS_TESTFIT_H

#include "offload/plan.h"

/* The plugins, linked in (engine.h). */
void testfit_set(struct engine_set *ret);

/* Appends to `out` what fits `caps`. DROP_NONE, or the reason for which it was
 * dropped. */
enum drop_reason testfit(struct gust_pkt *p /*taken*/, const struct port_caps *caps,
			 struct gust_batch *out);

#endif
