/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_methods.h - what the control socket's methods answer
 */
#ifndef GUST_DAEMON_CONTROL_METHODS_H
#define GUST_DAEMON_CONTROL_METHODS_H

#include <event2/buffer.h>
#include <jansson.h>

#include "daemon/control_later.h"
#include "daemon/control_proto.h"
#include "daemon/daemon.h"

/* New references; NULL: no memory. */
json_t *control_status(struct daemon *d);
json_t *control_features(struct daemon *d);
json_t *control_stats(struct daemon *d);

/* ---- control_plugins.c ---- */
json_t *control_plugins(struct daemon *d);
/* NULL: refused, and a sentence in `err`. */
json_t *control_plugin_set(struct daemon *d, const struct control_req *q, char *err,
			   size_t err_len);

/* control_facts.c: the four facts of one feature, by direction. `s`: the sum of
 * all workers. */
json_t *control_facts_json(const struct link_facts *facts, enum feat f,
			   const struct worker_stats *s);

/* control_selftest.c: the last self-test, test by test. */
json_t *control_selftest_json(const struct daemon *d);
/* Run one, and answer when it is through. */
void control_selftest(struct daemon *d, struct control_later *l);

/* ---- control_explain.c ---- */
/* NULL: no memory. */
json_t *control_explain(struct daemon *d, const struct control_req *q);

/* Flows asked of a worker at a time: it is held up for as long as copying
 * these takes. */
#define CONTROL_PAGE 256

/* A reply to gust.Flows that is made piece by piece. */
struct flow_walk {
	struct control_req req;
	unsigned worker;
	uint32_t pos;
	uint64_t n; /* flows written */
	struct stack_flow_report page[CONTROL_PAGE];
};

/* Append the next piece to `out`; false: that was the last. */
bool flow_walk_next(struct daemon *d, struct flow_walk *w, struct evbuffer *out);

#endif
