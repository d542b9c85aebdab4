/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - the control socket
 *
 * Runs on the main thread. A client sends one request after another; while a
 * reply is being made, further requests wait in the socket. Replies that may be
 * long are made in pieces, each when the one before has nearly left, so that a
 * slow reader costs a bounded amount of memory, and only while its time-out
 * lasts.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "daemon/capture.h"
#include "daemon/control_methods.h"
#include "daemon/control_proto.h"
#include "daemon/daemon.h"

#define CLIENTS_MAX 32
#define IDLE_S 120 /* without a request */
#define WRITE_S 30 /* without reading our reply */
#define REPLY_HIGH 131072 /* make no further piece above this */
#define REPLY_LOW 32768 /* make the next one below this */

struct control {
	struct daemon *d;
	struct evconnlistener *listener;
	struct list clients;
	unsigned nclients;
	char *path;
	dev_t dev; /* of the socket's file, to remove only our own */
	ino_t ino;
};

struct client {
	struct list link;
	struct control *c;
	struct bufferevent *bev;
	struct flow_walk *walk; /* a reply in the making */
	struct control_later later; /* a reply that somebody else will give */
	bool waiting; /* `later` is with him */
	bool serving; /* inside serve() */
	struct capture *capture; /* a stream behind the reply, until the end */
	bool closing; /* when the output has left */
};

static void client_free(struct client *cl)
{
	if (cl->waiting)
		cl->later.gone(&cl->later);
	list_del(&cl->link);
	cl->c->nclients--;
	capture_free(cl->capture);
	bufferevent_free(cl->bev);
	free(cl->walk);
	free(cl);
}

/* ---- replies ---- */

static int append_json(const char *p, size_t n, void *out)
{
	return evbuffer_add(out, p, n);
}

/* Takes `o`; NULL stands for "no memory". */
static void reply(struct client *cl, const char *error, json_t *o)
{
	struct evbuffer *out = bufferevent_get_output(cl->bev);
	json_t *msg;

	if (!o && !error) {
		error = "gust.Error";
		o = json_pack("{s:s}", "message", "out of memory");
	}
	msg = error ? json_pack("{s:s, s:o}", "error", error, "parameters", o) :
		      json_pack("{s:o}", "parameters", o);
	if (!msg || json_dump_callback(msg, append_json, out, JSON_COMPACT) ||
	    evbuffer_add(out, "", 1))
		cl->closing = true;
	json_decref(msg);
}

static void refuse(struct client *cl, const char *message)
{
	reply(cl, "gust.Error", json_pack("{s:s}", "message", message));
}

static void fill(struct client *cl)
{
	struct evbuffer *out = bufferevent_get_output(cl->bev);

	while (cl->walk && evbuffer_get_length(out) < REPLY_HIGH) {
		if (flow_walk_next(cl->c->d, cl->walk, out))
			continue;
		evbuffer_add(out, "", 1);
		free(cl->walk);
		cl->walk = NULL;
	}
	if (cl->capture && !capture_fill(cl->capture, out)) {
		capture_free(cl->capture);
		cl->capture = NULL;
		cl->closing = true;
	}
}

static void begin_flows(struct client *cl, const struct control_req *q)
{
	cl->walk = calloc(1, sizeof(*cl->walk));
	if (!cl->walk) {
		reply(cl, NULL, NULL);
		return;
	}
	cl->walk->req = *q;
	fill(cl);
}

static void set_plugin(struct client *cl, const struct control_req *q)
{
	char err[320];
	json_t *o = control_plugin_set(cl->c->d, q, err, sizeof(err));

	if (o)
		reply(cl, NULL, o);
	else
		refuse(cl, err);
}

static struct control_later *wait_for(struct client *cl)
{
	cl->later = (struct control_later){ 0 };
	cl->waiting = true;
	return &cl->later;
}

static void on_capture(void *arg);

/* The reply, then the file's bytes until one side has enough. The reader may take
 * as long as it likes: it costs a bounded amount of memory. */
static void begin_capture(struct client *cl, const struct control_req *q)
{
	struct capture *c = NULL;
	const char *error;
	unsigned n = 0;
	json_t *params;

	list_for_each (it, &cl->c->clients)
		n += container_of(it, struct client, link)->capture != NULL;
	if (n >= CAPTURES_MAX) {
		refuse(cl, "too many captures are running");
		return;
	}
	if (capture_new(cl->c->d, &q->capture, on_capture, cl, &c, &error,
			&params)) {
		reply(cl, error, params);
		return;
	}
	cl->capture = c;
	reply(cl, NULL, capture_reply(c));
	bufferevent_set_timeouts(cl->bev, NULL, NULL);
	bufferevent_setwatermark(cl->bev, EV_WRITE, CAPTURE_LOW, 0);
	bufferevent_set_max_single_write(cl->bev, CAPTURE_HIGH);
	fill(cl);
}

static void answer(struct client *cl, const char *msg, size_t len)
{
	struct daemon *d = cl->c->d;
	struct control_req q;
	char err[160];

	if (control_parse(msg, len, &q, err, sizeof(err))) {
		refuse(cl, err);
		return;
	}
	switch (q.method) {
	case CONTROL_STATUS:
		reply(cl, NULL, control_status(d));
		break;
	case CONTROL_FEATURES:
		reply(cl, NULL, control_features(d));
		break;
	case CONTROL_STATS:
		reply(cl, NULL, control_stats(d));
		break;
	case CONTROL_PLUGINS:
		reply(cl, NULL, control_plugins(d));
		break;
	case CONTROL_PLUGIN_SET:
		set_plugin(cl, &q);
		break;
	case CONTROL_SELFTEST:
		control_selftest(d, wait_for(cl));
		break;
	case CONTROL_EXPLAIN:
		reply(cl, NULL, control_explain(d, &q));
		break;
	case CONTROL_CAPTURE:
		begin_capture(cl, &q);
		break;
	default:
		begin_flows(cl, &q);
		break;
	}
}

/* Requests that wait, as long as the replies leave. */
static void serve(struct client *cl)
{
	struct evbuffer *in = bufferevent_get_input(cl->bev);
	struct evbuffer *out = bufferevent_get_output(cl->bev);

	cl->serving = true;
	while (!cl->walk && !cl->waiting && !cl->capture && !cl->closing &&
	       evbuffer_get_length(out) < REPLY_HIGH) {
		size_t have = evbuffer_get_length(in), len;
		const char *p = (const char *)evbuffer_pullup(in, -1);
		int r = control_frame(p, have, &len);

		if (r < 0) {
			refuse(cl, "request too long");
			cl->closing = true;
		}
		if (r <= 0)
			break;
		answer(cl, p, len);
		evbuffer_drain(in, len + 1);
	}
	cl->serving = false;
	if (cl->capture) /* nothing more is expected of the client but its end */
		evbuffer_drain(in, evbuffer_get_length(in));
	if (cl->closing && !cl->waiting) {
		bufferevent_disable(cl->bev, EV_READ);
		if (!evbuffer_get_length(out))
			client_free(cl);
	}
}

void control_answer(struct control_later *l, const char *error, json_t *o)
{
	struct client *cl = container_of(l, struct client, later);

	cl->waiting = false;
	reply(cl, error, o);
	/* It may come at once, from inside the request. */
	if (!cl->serving)
		serve(cl);
}

/* ---- libevent's callbacks ---- */

/* Packets wait for a capture. */
static void on_capture(void *arg)
{
	struct client *cl = arg;

	fill(cl);
	serve(cl);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	serve(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *cl = arg;

	fill(cl);
	if (!cl->walk)
		serve(cl);
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *cl = arg;

	if ((what & BEV_EVENT_EOF) && cl->capture) {
		/* it has enough, and still gets what is there */
		capture_finish(cl->capture);
		cl->closing = true;
		fill(cl);
		serve(cl);
		return;
	}
	/* A client that shut down its writing side still gets its replies. */
	if ((what & BEV_EVENT_EOF) && !cl->closing &&
	    (cl->walk || cl->waiting ||
	     evbuffer_get_length(bufferevent_get_output(bev)))) {
		cl->closing = true;
		return;
	}
	client_free(cl);
}

static void turn_away(int fd)
{
	static const char msg[] = "{\"error\":\"gust.Error\",\"parameters\":"
				  "{\"message\":\"too many clients\"}}";

	if (send(fd, msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("control: %s", strerror(errno));
	close(fd);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *sa, int len, void *arg)
{
	static const struct timeval idle = { .tv_sec = IDLE_S },
				    wr = { .tv_sec = WRITE_S };
	struct control *c = arg;
	struct client *cl;

	cl = c->nclients < CLIENTS_MAX ? calloc(1, sizeof(*cl)) : NULL;
	if (!cl) {
		turn_away(fd);
		return;
	}
	cl->c = c;
	cl->bev = bufferevent_socket_new(c->d->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!cl->bev) {
		free(cl);
		turn_away(fd);
		return;
	}
	list_add_tail(&c->clients, &cl->link);
	c->nclients++;
	bufferevent_setcb(cl->bev, on_read, on_written, on_client_event, cl);
	/* no more is read from the socket than one longest request */
	bufferevent_setwatermark(cl->bev, EV_READ, 0, CONTROL_REQ_MAX + 1);
	bufferevent_setwatermark(cl->bev, EV_WRITE, REPLY_LOW, 0);
	bufferevent_set_timeouts(cl->bev, &idle, &wr);
	bufferevent_enable(cl->bev, EV_READ | EV_WRITE);
}

void control_plugins_changed(struct control *c, const struct engine_set *set)
{
	if (!c)
		return;
	list_for_each (it, &c->clients) {
		struct client *cl = container_of(it, struct client, link);

		if (cl->capture)
			capture_plugins(cl->capture, set);
	}
}

/* ---- the listening socket ---- */

/* A socket file that nobody listens on any more. */
static bool is_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, r;

	if (lstat(sun->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? errno : 0;
	close(fd);
	return r == ECONNREFUSED;
}

/* The last directory of the path, when only that is missing. */
static void make_dir(const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			log_debug("%s: %s", dir, strerror(errno));
	}
	free(dir);
}

static int bind_socket(const struct sockaddr_un *sun, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;
	mode_t mask;

	if (fd < 0)
		return -errno;
	make_dir(sun->sun_path);
	if (is_stale(sun))
		unlink(sun->sun_path);
	mask = umask(0117); /* owner and group only, from the first moment */
	r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? -errno : 0;
	umask(mask);
	if (r) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int control_new(struct daemon *d, const char *path, struct control **ret_c,
		char *err, size_t err_len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct control *c;
	struct stat st;
	int fd = -1, r;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(err, err_len, "%s: path of the control socket is too long",
			 path);
		return -ENAMETOOLONG;
	}
	strcpy(sun.sun_path, path);
	r = bind_socket(&sun, &fd);
	if (r < 0) {
		if (r == -EADDRINUSE && !lstat(path, &st))
			snprintf(err, err_len, "control socket %s: %s", path,
				 S_ISSOCK(st.st_mode) ?
					 "another gustd answers there" :
					 "the path is taken by another file");
		else
			snprintf(err, err_len, "control socket %s: %s", path,
				 strerror(-r));
		return r;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		list_init(&c->clients);
		c->d = d;
		c->path = strdup(path);
		c->listener = evconnlistener_new(d->base, on_accept, c,
						 LEV_OPT_CLOSE_ON_FREE |
							 LEV_OPT_CLOSE_ON_EXEC,
						 CLIENTS_MAX, fd);
	}
	if (!c || !c->path || !c->listener) {
		snprintf(err, err_len, "control socket %s: cannot listen", path);
		if (!c || !c->listener)
			close(fd);
		unlink(path);
		control_free(c);
		return -ENOMEM;
	}
	if (!stat(path, &st)) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	*ret_c = c;
	return 0;
}

void control_free(struct control *c)
{
	struct stat st;

	if (!c)
		return;
	list_for_each_safe (it, &c->clients)
		client_free(container_of(it, struct client, link));
	if (c->listener)
		evconnlistener_free(c->listener);
	if (c->path && !lstat(c->path, &st) && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		unlink(c->path);
	free(c->path);
	free(c);
}
