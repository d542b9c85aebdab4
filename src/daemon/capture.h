/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.h - one capture: from the workers' tees to a client's buffer
 *
 * Runs on the main thread. A capture has two bounded memories: the tees' rings
 * (capture_conf.buffer) and what waits in the client's output (CAPTURE_HIGH and one
 * packet). A client that does not read fills both, and then packets are lost to the
 * capture, counted, and to nobody else.
 */
#ifndef GUST_DAEMON_CAPTURE_H
#define GUST_DAEMON_CAPTURE_H

#include <event2/buffer.h>
#include <jansson.h>

#include "daemon/capture_conf.h"
#include "daemon/capture_write.h"

struct daemon;

#define CAPTURES_MAX 4 /* at a time */
#define CAPTURE_HIGH (1u << 20) /* bytes of output above which none is made */
#define CAPTURE_LOW (1u << 18) /* bytes below which more is made */

struct capture;

/* Packets wait for capture_fill(). */
typedef void (*capture_wake_fn)(void *arg);

/* Begin: the tees are attached. 0, or -errno and an error's name and parameters for
 * the client. */
int capture_new(struct daemon *d, const struct capture_conf *conf,
		capture_wake_fn wake, void *arg, struct capture **ret_c,
		const char **ret_error, json_t **ret_params);
/* The parameters of the reply. NULL: no memory. */
json_t *capture_reply(const struct capture *c);
/* Append blocks to `out` until CAPTURE_HIGH, or nothing waits. false: the capture
 * is over and complete. */
bool capture_fill(struct capture *c, struct evbuffer *out);
/* Take no more packets; capture_fill() brings what is there and the end. */
void capture_finish(struct capture *c);
/* Other plugins are active: those that are gone are let go before this returns. */
void capture_plugins(struct capture *c, const struct engine_set *set);
void capture_free(struct capture *c);

#endif
