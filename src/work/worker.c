/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.c - threads, and the only file of the data path that knows libevent
 *
 * The loop alternates: libevent waits and its callbacks only mark what is ready;
 * then one work_turn() does all the work. While a turn says that work is left,
 * libevent is only asked, not waited for. One timer stands for the earliest
 * deadline of the worker; it is re-armed only when a deadline moved forward, and
 * a wake-up that came too early costs one empty turn.
 *
 * The main thread talks to a worker through a mailbox of one call at a time and
 * waits for the answer. That lock is never touched by the data path: a turn
 * looks at one atomic flag.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "work/worker_internal.h"

struct loop {
	struct worker *w;
	bool woke; /* a callback ran: there is something to do */
	struct event_base *base;
	struct event *port_ev, *wake_ev, *timer_ev;
	uint64_t timer_at_us; /* ENV_NEVER: not armed */
	int wake_fd;
	struct stack_io io;
};

/* One descriptor of the stack. */
struct watched {
	struct event ev;
	struct loop *loop;
	struct stack_fd *sf;
};

/* ---- libevent callbacks: they mark, the turn works ---- */

static void on_port(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd, (void)what;
	l->woke = true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t n;

	(void)what;
	l->woke = true;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_err("worker: eventfd: %s", strerror(errno));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd, (void)what;
	l->timer_at_us = ENV_NEVER;
	l->woke = true;
}

static void on_stack_fd(evutil_socket_t fd, short what, void *arg)
{
	struct watched *wd = arg;
	unsigned ev = 0;

	(void)fd;
	wd->loop->woke = true;
	if (what & EV_READ)
		ev |= STACK_FD_READ;
	if (what & EV_WRITE)
		ev |= STACK_FD_WRITE;
	wd->sf->ready(wd->sf, ev);
}

static int io_add(void *ctx, struct stack_fd *sf)
{
	struct loop *l = ctx;
	struct watched *wd = malloc(sizeof(*wd));

	if (!wd)
		return -ENOMEM;
	wd->loop = l;
	wd->sf = sf;
	event_assign(&wd->ev, l->base, sf->fd,
		     EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_stack_fd, wd);
	if (event_add(&wd->ev, NULL)) {
		free(wd);
		return -EIO;
	}
	sf->loop = wd;
	return 0;
}

static void io_del(void *ctx, struct stack_fd *sf)
{
	struct watched *wd = sf->loop;

	(void)ctx;
	if (!wd)
		return;
	event_del(&wd->ev);
	free(wd);
	sf->loop = NULL;
}

/* A datagram that was put together here is another worker's. */
static void io_handoff(void *ctx, struct gust_pkt *p, unsigned worker)
{
	struct loop *l = ctx;

	handoff_push(l->w, worker, p);
}

void loop_wake(struct worker *w)
{
	uint64_t one = 1;

	if (write(w->loop->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("worker %u: eventfd: %s", w->conf.index, strerror(errno));
}

static void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->port_ev)
		event_free(l->port_ev);
	if (l->wake_ev)
		event_free(l->wake_ev);
	if (l->timer_ev)
		event_free(l->timer_ev);
	if (l->base)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
}

static int loop_new(struct worker *w, struct loop **ret_l)
{
	struct event_config *cfg = event_config_new();
	struct loop *l = calloc(1, sizeof(*l));
	int fd = w->conf.port->ops->fd(w->conf.port, w->conf.index);
	int r = -ENOMEM;

	if (!cfg || !l)
		goto out;
	l->w = w;
	l->timer_at_us = ENV_NEVER;
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->wake_fd < 0) {
		r = -errno;
		goto out;
	}
	/* one thread only uses this base; without the precise timer ticks are 4 ms */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(cfg, EV_FEATURE_ET);
	l->base = event_base_new_with_config(cfg);
	if (!l->base)
		goto out;
	l->wake_ev =
		event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	l->timer_ev = event_new(l->base, -1, 0, on_timer, l);
	if (!l->wake_ev || !l->timer_ev || event_add(l->wake_ev, NULL))
		goto out;
	if (fd >= 0) {
		l->port_ev = event_new(l->base, fd, EV_READ | EV_ET | EV_PERSIST,
				       on_port, l);
		if (!l->port_ev || event_add(l->port_ev, NULL))
			goto out;
	}
	l->io = (struct stack_io){
		.add = io_add,
		.del = io_del,
		.handoff = io_handoff,
		.ctx = l,
	};
	*ret_l = l;
	l = NULL;
	r = 0;
out:
	loop_free(l);
	if (cfg)
		event_config_free(cfg);
	return r;
}

static void loop_arm(struct worker *w)
{
	struct loop *l = w->loop;
	uint64_t at = work_deadline(w), us;
	struct timeval tv;

	if (at >= l->timer_at_us)
		return;
	us = at > w->env.now_us ? at - w->env.now_us : 1;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	event_add(l->timer_ev, &tv);
	l->timer_at_us = at;
}

/* ---- mailbox ---- */

static void mail_serve(struct worker *w)
{
	struct mailbox *m = &w->mail;

	if (!atomic_load_explicit(&m->posted, memory_order_acquire))
		return;
	pthread_mutex_lock(&m->lock);
	m->fn(w, m->arg);
	atomic_store_explicit(&m->posted, false, memory_order_relaxed);
	m->done = true;
	pthread_cond_signal(&m->done_cond);
	pthread_mutex_unlock(&m->lock);
}

void worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg),
		 void *arg)
{
	struct mailbox *m = &w->mail;

	if (!w->running) {
		fn(w, arg);
		return;
	}
	pthread_mutex_lock(&m->lock);
	m->fn = fn;
	m->arg = arg;
	m->done = false;
	atomic_store_explicit(&m->posted, true, memory_order_release);
	loop_wake(w);
	while (!m->done)
		pthread_cond_wait(&m->done_cond, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

/* ---- the thread ---- */

/* Returns true when the worker has nothing left to stay for. */
static bool stopping(struct worker *w)
{
	if (w->port_gone)
		return true;
	if (!atomic_load_explicit(&w->stop, memory_order_acquire))
		return false;
	if (!w->drain_until_us) {
		stack_drain(w->stack);
		w->drain_until_us =
			w->env.now_us + (uint64_t)w->drain_ms * 1000 + 1;
	}
	return !stack_flows(w->stack) || w->env.now_us >= w->drain_until_us;
}

/* Flows are reset, the resets sent, the stack's memory returned. */
static void wind_up(struct worker *w)
{
	struct gust_batch out;

	gust_batch_init(&out);
	w->env.now_us = work_now_us();
	stack_free(w->stack, &out, &w->env);
	w->stack = NULL;
	egress_send(w, &out);
	pkt_batch_free(&w->backlog);
	engine_free(w->engine);
	w->engine = NULL;
}

/* The interface is gone: only calls of the main thread are served, until it
 * says stop. */
static void wait_for_stop(struct worker *w)
{
	if (w->port_gone && w->conf.gone)
		w->conf.gone(w->conf.arg);
	if (w->loop->port_ev)
		event_del(w->loop->port_ev);
	while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
		event_base_loop(w->loop->base, EVLOOP_ONCE);
		mail_serve(w);
	}
}

/*
 * Wait for something to do. After work there is often more within microseconds (an
 * ACK, the answer to a request), and going to sleep and being woken costs tens of
 * them on an idle machine. So the loop looks again for a short while first, and
 * gives its processor away between two looks: whoever it was that we have just
 * sent something to may want to run right here.
 */
static void loop_wait(struct worker *w)
{
	struct loop *l = w->loop;
	uint64_t end = work_now_us() + w->conf.busy_poll_us;

	l->woke = false;
	while (work_now_us() < end) {
		event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		if (l->woke)
			return;
		sched_yield();
	}
	event_base_loop(l->base, EVLOOP_ONCE);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	bool more = true;

	pkt_pool_bind(w->conf.pool);
	while (!stopping(w)) {
		loop_arm(w);
		if (more)
			event_base_loop(w->loop->base,
					EVLOOP_ONCE | EVLOOP_NONBLOCK);
		else
			loop_wait(w);
		mail_serve(w);
		more = work_turn(w);
	}
	wait_for_stop(w);
	wind_up(w);
	pkt_pool_bind(NULL);
	return NULL;
}

/* ---- life ---- */

static void worker_free(struct worker *w)
{
	struct gust_batch out;

	if (!w)
		return;
	gust_batch_init(&out);
	if (w->stack)
		stack_free(w->stack, &out, &w->env);
	pkt_batch_free(&out);
	pkt_batch_free(&w->held[GUST_RX]);
	pkt_batch_free(&w->held[GUST_TX]);
	engine_free(w->engine);
	neigh_free(w->neigh);
	for (unsigned i = 0; w->in && i < w->conf.n; i++) {
		struct gust_pkt *p;

		while (w->in[i] && (p = ring_pop(w->in[i])))
			pkt_free(p);
		ring_free(w->in[i]);
	}
	free(w->in);
	loop_free(w->loop);
	pthread_cond_destroy(&w->mail.done_cond);
	pthread_mutex_destroy(&w->mail.lock);
	free(w);
}

static int worker_rings(struct worker *w)
{
	w->in = calloc(w->conf.n, sizeof(*w->in));
	if (!w->in)
		return -ENOMEM;
	for (unsigned i = 0; i < w->conf.n; i++) {
		if (i == w->conf.index)
			continue;
		w->in[i] = ring_new(HANDOFF_RING);
		if (!w->in[i])
			return -ENOMEM;
	}
	return 0;
}

/* On an interface that is down nobody would hear our question whether an address
 * is taken: the addresses begin when it comes up. */
static unsigned usable_own(const struct stack_snap *snap)
{
	return snap->up ? snap->n_own : 0;
}

static int worker_l2(struct worker *w)
{
	const struct stack_snap *snap = w->conf.snap;
	struct neigh_conf nc = {
		.mac = w->conf.mac,
		.own = snap->own,
		.n_own = usable_own(snap),
		.responder = w->conf.index == 0,
	};

	if (!w->conf.port->l2)
		return 0;
	w->neigh = neigh_new(w->conf.pool, &nc);
	return w->neigh ? 0 : -ENOMEM;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static int worker_engine(struct worker *w)
{
	struct engine_conf ec = {
		.pool = w->conf.pool,
		.drops = &w->stats.drops,
		.env = &w->env,
		.clock_ns = clock_ns,
		.index = w->conf.index,
		.log = w->conf.plugin_log,
		.fault = w->conf.plugin_fault,
		.arg = w->conf.arg,
	};
	char err[256];

	gust_batch_init(&w->held[GUST_RX]);
	gust_batch_init(&w->held[GUST_TX]);
	w->engine = engine_new(&ec);
	if (!w->engine)
		return -ENOMEM;
	if (w->conf.plugins &&
	    engine_set(w->engine, w->conf.plugins, w->held, err, sizeof(err)))
		log_err("worker %u: %s", w->conf.index, err);
	return 0;
}

static int worker_new(const struct worker_conf *conf, struct worker **peers,
		      struct worker **ret_w)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->conf = *conf;
	w->peers = peers;
	pthread_mutex_init(&w->mail.lock, NULL);
	pthread_cond_init(&w->mail.done_cond, NULL);
	gust_batch_init(&w->backlog);
	w->trim_at_us = ENV_NEVER;
	w->env = (struct env){ .now_us = work_now_us(), .rng = &w->rng };
	r = rng_seed_os(&w->rng);
	if (!r)
		r = worker_rings(w);
	if (!r)
		r = loop_new(w, &w->loop);
	if (!r)
		r = worker_engine(w);
	if (!r)
		r = worker_l2(w);
	if (!r) {
		w->stack = stack_new(conf->snap, conf->pool, &conf->secret,
				     conf->index, conf->n, &w->loop->io,
				     &w->stats.drops, &w->env);
		r = w->stack ? 0 : -ENOMEM;
	}
	if (r) {
		worker_free(w);
		return r;
	}
	egress_set_snap(w, conf->snap);
	*ret_w = w;
	return 0;
}

int workers_new(const struct worker_conf *conf, unsigned n, struct worker **ret_w)
{
	char err[256];
	int r = 0;

	memset(ret_w, 0, n * sizeof(*ret_w));
	for (unsigned i = 0; i < n && !r; i++)
		r = worker_new(&conf[i], ret_w, &ret_w[i]);
	for (unsigned i = 0; i < n && !r; i++) {
		r = stack_publish(ret_w[i]->stack, err, sizeof(err));
		if (r)
			log_err("%s", err);
	}
	if (r)
		workers_free(ret_w, n);
	return r;
}

int workers_start(struct worker **w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[16];
		int r = pthread_create(&w[i]->thread, NULL, worker_main, w[i]);

		if (r) {
			workers_stop(w, i, 0);
			return -r;
		}
		w[i]->running = true;
		snprintf(name, sizeof(name), "gust/%u", i);
		pthread_setname_np(w[i]->thread, name);
	}
	return 0;
}

void workers_stop(struct worker **w, unsigned n, unsigned drain_ms)
{
	for (unsigned i = 0; i < n; i++) {
		w[i]->drain_ms = drain_ms;
		atomic_store_explicit(&w[i]->stop, true, memory_order_release);
		if (w[i]->running)
			loop_wake(w[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (w[i]->running)
			pthread_join(w[i]->thread, NULL);
		w[i]->running = false;
	}
}

void workers_free(struct worker **w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		worker_free(w[i]);
		w[i] = NULL;
	}
}

/* ---- called from the main thread ---- */

static void take_snap(struct worker *w, void *arg)
{
	const struct stack_snap *snap = arg;

	if (!w->stack)
		return;
	egress_set_snap(w, snap);
	if (w->neigh)
		neigh_set_own(w->neigh, snap->own, usable_own(snap), &w->env);
	stack_set_snap(w->stack, snap, &w->env);
}

void workers_publish(struct worker **w, unsigned n, const struct stack_snap *snap)
{
	for (unsigned i = 0; i < n; i++)
		worker_call(w[i], take_snap, (void *)snap);
}

struct plugins_call {
	const struct engine_set *set;
	char *err;
	size_t err_len;
	int r;
};

static void take_plugins(struct worker *w, void *arg)
{
	struct plugins_call *c = arg;
	int r;

	if (!w->engine)
		return;
	r = engine_set(w->engine, c->set, w->held, c->err, c->err_len);
	if (r)
		c->r = r;
}

int workers_plugins(struct worker **w, unsigned n, const struct engine_set *set,
		    char *err, size_t err_len)
{
	struct plugins_call c = { .set = set, .err = err, .err_len = err_len };

	for (unsigned i = 0; i < n; i++)
		worker_call(w[i], take_plugins, &c);
	return c.r;
}

unsigned worker_plugin_stats(struct worker *w, struct engine_stats *ret,
			     unsigned max)
{
	return w->engine ? engine_stats(w->engine, ret, max) : 0;
}

static void copy_stats(struct worker *w, void *arg)
{
	struct worker_stats *ret = arg;

	pkt_pool_stats(w->conf.pool, &w->stats.pool);
	if (w->stack) {
		stack_stats(w->stack, &w->stats.stack);
		w->stats.tcp = *stack_tcp_counters(w->stack);
	}
	*ret = w->stats;
}

void worker_stats(struct worker *w, struct worker_stats *ret)
{
	worker_call(w, copy_stats, ret);
}

struct dad_question {
	const struct ipaddr *own;
	enum neigh_dad state;
};

static void ask_dad(struct worker *w, void *arg)
{
	struct dad_question *q = arg;

	q->state = w->neigh ? neigh_dad_state(w->neigh, q->own) : NEIGH_DAD_OK;
}

enum neigh_dad worker_dad_state(struct worker *w, const struct ipaddr *own)
{
	struct dad_question q = { .own = own };

	worker_call(w, ask_dad, &q);
	return q.state;
}

struct stack *worker_stack(struct worker *w)
{
	return w->stack;
}
const struct env *worker_env(struct worker *w)
{
	return &w->env;
}
unsigned worker_index(const struct worker *w)
{
	return w->conf.index;
}
struct tee **worker_tees(struct worker *w)
{
	return &w->tees;
}
