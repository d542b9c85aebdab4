/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_later.h - a reply on the control socket that is given later
 *
 * A method that cannot answer at once keeps the `struct control_later` of its
 * client and returns. Until the reply is given nothing more is read from that
 * client, and other clients are served. Whoever keeps it owes exactly one
 * control_answer(), unless gone() was called first: then the client has left and
 * the pointer is dead.
 */
#ifndef GUST_DAEMON_CONTROL_LATER_H
#define GUST_DAEMON_CONTROL_LATER_H

#include <jansson.h>

#include "base/list.h"

struct control_later {
	struct list link; /* for whoever keeps it */
	void (*gone)(struct control_later *l);
};

/* `error` NULL: a good reply, whose parameters are `o` (NULL: no memory). */
void control_answer(struct control_later *l, const char *error,
		    json_t *o /*taken*/);

#endif
