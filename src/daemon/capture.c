/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c - one capture: from the workers' tees to a client's buffer
 *
 * Every worker has a tee with a ring of its own. The main thread takes the oldest
 * record of all rings, writes its blocks (capture_write.c) and goes on until the
 * client's output holds CAPTURE_HIGH bytes or the rings are empty. Then it sleeps:
 * on the client, or on the workers' bell (see tee.c).
 *
 * A file is one section. Where the client asked for it, a new section begins, with
 * numbers from 1 again; the client makes a file of each. Sections are made here and
 * not by the client because the comments name packets by their number in the file.
 * A packet's blocks are never divided, so a section may be longer than asked for by
 * what one packet takes.
 */
#include "daemon/capture.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define RING_MIN (UINT64_C(2) << 20) /* two of the largest superpackets and more */
#define WHOLE (UINT32_C(1) << 20) /* no packet is longer */

enum state { RUNNING, FINISHING, OVER };

struct capture {
	struct daemon *d;
	struct capture_conf conf;
	struct filter filter;
	struct capture_writer writer;
	struct tee *tee; /* one a worker */
	unsigned n;
	bool attached;
	enum state state;
	bool begun; /* the first section's header was written */
	uint64_t section_end_us; /* for section_s */
	int64_t real_us; /* realtime minus monotonic */
	struct tee_bell bell;
	struct event *ev;
	capture_wake_fn wake;
	void *arg;
};

/* ---- tees of the workers ---- */

static void attach(struct worker *w, void *arg)
{
	struct tee **list = worker_tees(w), *t = arg;

	t->next = *list;
	*list = t;
}

static void detach(struct worker *w, void *arg)
{
	struct tee **at = worker_tees(w);

	while (*at && *at != arg)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
}

static void attach_all(struct capture *c)
{
	for (unsigned i = 0; i < c->n; i++)
		worker_call(c->d->worker[i], attach, &c->tee[i]);
	c->attached = true;
}

static void detach_all(struct capture *c)
{
	if (!c->attached)
		return;
	for (unsigned i = 0; i < c->n; i++)
		worker_call(c->d->worker[i], detach, &c->tee[i]);
	c->attached = false;
}

static uint64_t read_count(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static struct capture_counts counts(const struct capture *c)
{
	struct capture_counts sum = { 0 };

	for (unsigned i = 0; i < c->n; i++) {
		const struct tee_counters *n = &c->tee[i].n;

		sum.seen += read_count(&n->seen);
		sum.accepted += read_count(&n->accepted);
		sum.segs += read_count(&n->segs);
		sum.lost += read_count(&n->lost);
		sum.lost_segs += read_count(&n->lost_segs);
	}
	return sum;
}

/* The ring whose first record is the oldest; NULL: nothing waits. */
static struct bytering *oldest(struct capture *c, const struct tee_rec **ret_rec)
{
	struct bytering *found = NULL;

	for (unsigned i = 0; i < c->n; i++) {
		uint32_t len;
		const struct tee_rec *r = bytering_peek(c->tee[i].ring, &len);

		if (!r || (found && r->ts_us >= (*ret_rec)->ts_us))
			continue;
		found = c->tee[i].ring;
		*ret_rec = r;
	}
	return found;
}

/* ---- writing ---- */

static uint64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* As packets' times are made: the wall clock may be set meanwhile. */
static uint64_t now_us(const struct capture *c)
{
	return clock_us(CLOCK_MONOTONIC) + (uint64_t)c->real_us;
}

static int begin_section(struct capture *c, uint64_t at_us, struct evbuffer *out)
{
	struct capture_counts n = { 0 };
	uint64_t step = (uint64_t)c->conf.section_s * 1000000;

	if (c->begun)
		n = counts(c);
	else
		c->section_end_us = at_us;
	while (step && c->section_end_us <= at_us)
		c->section_end_us +=
			step * ((at_us - c->section_end_us) / step + 1);
	c->begun = true;
	return capture_write_section(&c->writer, at_us, &n, out);
}

static int end_section(struct capture *c, uint64_t at_us, struct evbuffer *out)
{
	struct capture_counts n = counts(c);

	return capture_write_stats(&c->writer, at_us, &n, out);
}

/* Is the section full when a packet of this time is to be written? */
static bool section_full(const struct capture *c, uint64_t ts_us)
{
	if (!c->writer.number)
		return false;
	if (c->conf.section_bytes && c->writer.bytes >= c->conf.section_bytes)
		return true;
	return c->conf.section_s && ts_us >= c->section_end_us;
}

static int write_one(struct capture *c, const struct tee_rec *r,
		     struct evbuffer *out)
{
	int e = 0;

	if (section_full(c, r->ts_us)) {
		e = end_section(c, r->ts_us, out);
		if (!e)
			e = begin_section(c, r->ts_us, out);
	}
	return e ? e : capture_write_packet(&c->writer, r, out);
}

/* Records until the output is full or the rings are empty. */
static int write_some(struct capture *c, struct evbuffer *out, bool *ret_empty)
{
	int e = 0;

	*ret_empty = false;
	while (!e && evbuffer_get_length(out) < CAPTURE_HIGH) {
		const struct tee_rec *r = NULL;
		struct bytering *ring = oldest(c, &r);

		if (!ring) {
			*ret_empty = true;
			break;
		}
		if (c->conf.count && c->writer.id == c->conf.count) {
			/* what came after the last one is not wanted */
			*ret_empty = true;
			capture_finish(c);
			break;
		}
		e = write_one(c, r, out);
		bytering_pop(ring);
	}
	return e;
}

static bool sleep_or_not(struct capture *c)
{
	const struct tee_rec *r = NULL;

	atomic_store_explicit(&c->bell.asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!oldest(c, &r))
		return true;
	atomic_store_explicit(&c->bell.asleep, false, memory_order_relaxed);
	return false;
}

bool capture_fill(struct capture *c, struct evbuffer *out)
{
	bool empty = false;
	int e = 0;

	if (c->state == OVER)
		return false;
	if (!c->begun)
		e = begin_section(c, now_us(c), out);
	while (!e) {
		e = write_some(c, out, &empty);
		if (c->conf.count && c->writer.id >= c->conf.count)
			capture_finish(c);
		if (e || !empty || c->state != RUNNING || sleep_or_not(c))
			break;
	}
	if (!e && (c->state == RUNNING || !empty))
		return true;
	if (!e)
		e = end_section(c, now_us(c), out);
	if (e)
		log_warn("capture: %s: it ends here", strerror(-e));
	detach_all(c);
	c->state = OVER;
	return false;
}

void capture_finish(struct capture *c)
{
	detach_all(c);
	if (c->state == RUNNING)
		c->state = FINISHING;
}

void capture_plugins(struct capture *c, const struct engine_set *set)
{
	pkt_pool_bind(c->writer.pool);
	capture_writer_plugins(&c->writer, set);
	pkt_pool_bind(NULL);
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct capture *c = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) == sizeof(n))
		c->wake(c->arg);
}

/* ---- life ---- */

static int make_tees(struct capture *c)
{
	uint64_t each = c->conf.buffer / c->n;

	for (unsigned i = 0; i < c->n; i++) {
		struct tee *t = &c->tee[i];

		t->ring = bytering_new(each < RING_MIN ? RING_MIN : each);
		if (!t->ring)
			return -ENOMEM;
		t->filter = c->filter.n ? &c->filter : NULL;
		t->bell = &c->bell;
		t->worker = i;
		t->real_us = c->real_us;
		/* a packet is cut exactly only when it is whole */
		t->copy_max = c->conf.view & CAPTURE_WIRE ? WHOLE : c->conf.snaplen;
	}
	return 0;
}

static int make_bell(struct capture *c)
{
	atomic_init(&c->bell.asleep, true);
	c->bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->bell.fd < 0)
		return -errno;
	c->ev = event_new(c->d->base, c->bell.fd, EV_READ | EV_PERSIST, on_bell, c);
	return c->ev && !event_add(c->ev, NULL) ? 0 : -ENOMEM;
}

static int make(struct capture *c)
{
	int r;

	c->tee = calloc(c->n, sizeof(*c->tee));
	r = c->tee ? capture_writer_init(&c->writer) : -ENOMEM;
	if (!r)
		r = make_tees(c);
	return r ? r : make_bell(c);
}

/* What is wrong with the request; NULL: nothing. */
static json_t *refuse(const struct daemon *d, const struct capture_conf *conf,
		      struct filter *ret_filter, const char **ret_error)
{
	struct filter_error fe;

	if (conf->port[0] && strcmp(conf->port, d->tun.name)) {
		*ret_error = "gust.BadPort";
		return json_pack(
			"{s:o}", "message",
			json_sprintf("there is no port \"%s\", only \"%s\"",
				     conf->port, d->tun.name));
	}
	if (filter_compile(conf->filter, ret_filter, &fe)) {
		*ret_error = "gust.BadFilter";
		return json_pack("{s:o, s:i}", "message",
				 json_sprintf("filter: %s (at byte %u)", fe.text,
					      fe.pos + 1),
				 "position", (int)fe.pos);
	}
	return NULL;
}

int capture_new(struct daemon *d, const struct capture_conf *conf,
		capture_wake_fn wake, void *arg, struct capture **ret_c,
		const char **ret_error, json_t **ret_params)
{
	struct capture *c = calloc(1, sizeof(*c));
	const char *error = NULL;
	struct engine_set set;
	json_t *params;
	int r;

	params = c ? refuse(d, conf, &c->filter, &error) : NULL;
	if (error) {
		free(c);
		*ret_error = error;
		*ret_params = params;
		return -EINVAL;
	}
	r = c ? 0 : -ENOMEM;
	if (c) {
		c->d = d;
		c->conf = *conf;
		c->n = d->nworkers;
		c->bell.fd = -1;
		c->wake = wake;
		c->arg = arg;
		c->real_us = (int64_t)(clock_us(CLOCK_REALTIME) -
				       clock_us(CLOCK_MONOTONIC));
		c->writer.view = conf->view;
		c->writer.snaplen = conf->snaplen;
		c->writer.l2 = d->port && d->port->l2;
		memcpy(c->writer.port, d->tun.name, sizeof(c->writer.port));
		strcpy(c->writer.filter, conf->filter);
		r = make(c);
	}
	if (r) {
		capture_free(c);
		*ret_error = "gust.Error";
		*ret_params = json_pack("{s:o}", "message",
					json_sprintf("capture: %s", strerror(-r)));
		return r;
	}
	if (d->plugins) {
		registry_set(d->plugins, &set);
		capture_plugins(c, &set);
	}
	attach_all(c);
	*ret_c = c;
	return 0;
}

json_t *capture_reply(const struct capture *c)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "port", c->writer.port,
			 "link", c->writer.l2 ? "ethernet" : "raw", "view",
			 capture_view_name(c->conf.view), "snaplen",
			 (int)c->conf.snaplen, "workers", (int)c->n, "filter",
			 c->conf.filter);
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	detach_all(c);
	if (c->ev)
		event_free(c->ev);
	if (c->bell.fd >= 0)
		close(c->bell.fd);
	for (unsigned i = 0; c->tee && i < c->n; i++)
		bytering_free(c->tee[i].ring);
	free(c->tee);
	capture_writer_free(&c->writer);
	free(c);
}
