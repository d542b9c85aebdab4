/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_lib.h - a daemon's main thread with a control socket, for tests
 *
 * Two workers and the self-test are stood in for: they have and find what a test
 * says.
 */
#ifndef GUST_TESTS_CONTROL_LIB_H
#define GUST_TESTS_CONTROL_LIB_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "daemon/control_methods.h"
#include "daemon/control_proto.h"
#include "daemon/daemon.h"
#include "fakeplug.h"

/* ---- in the workers' place ---- */

static struct tee *fake_tees; /* one list for both */

struct tee **worker_tees(struct worker *w)
{
	return &fake_tees;
}

static uint32_t fake_flows; /* of each worker */
static unsigned fake_pages; /* asked for so far */

void worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg),
		 void *arg)
{
	fn(w, arg);
}

void worker_stats(struct worker *w, struct worker_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->rx_packets = 10;
	ret->drops.n[DROP_SHORT] = 3;
	ret->drops.n[DROP_TTL] = 1;
	ret->refused[FEAT_USO] = 2;
	ret->rx_used.packets[FEAT_TSO4] = 5;
	ret->rx_used.bytes[FEAT_TSO4] = 5000;
	ret->tx_used.packets[FEAT_USO] = 6;
	ret->stack.tcp_flows = fake_flows;
	ret->tcp.retrans = 7;
	ret->pool.slab_len = 1 << 20;
}

struct stack *worker_stack(struct worker *w)
{
	return (struct stack *)w;
}

const struct env *worker_env(struct worker *w)
{
	return NULL;
}

/* plugins: one worker counts for the other */
unsigned worker_plugin_stats(struct worker *w, struct engine_stats *ret,
			     unsigned max)
{
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->name, "fake");
	ret->in = 5;
	ret->out = 7;
	ret->counter[0] = 2;
	return 1;
}

static unsigned fake_sets; /* given to the workers */

int workers_plugins(struct worker **w, unsigned n, const struct engine_set *set,
		    char *err, size_t err_len)
{
	fake_sets++;
	return 0;
}

void workers_publish(struct worker **w, unsigned n, const struct stack_snap *snap)
{
}

/* ---- in the self-test's place: what it finds is what a test says ---- */

static struct {
	int begun; /* times */
	int refuse; /* -errno of proof_begin() */
	bool done; /* the next step is the last */
	struct proof_conf conf;
	struct proof_result res;
} fake_proof;

int proof_begin(const struct proof_conf *conf, struct proof_job **ret_job)
{
	if (fake_proof.refuse)
		return fake_proof.refuse;
	fake_proof.begun++;
	fake_proof.conf = *conf;
	*ret_job = (struct proof_job *)&fake_proof;
	return 0;
}

int proof_fd(const struct proof_job *job)
{
	return -1;
}

unsigned proof_wait_ms(const struct proof_job *job)
{
	return 20; /* less would keep EVLOOP_NONBLOCK going on a slow machine */
}

bool proof_step(struct proof_job *job)
{
	return fake_proof.done;
}

const struct proof_result *proof_result(const struct proof_job *job)
{
	return &fake_proof.res;
}

void proof_end(struct proof_job *job) {}

int proof_run(const struct proof_conf *conf, struct proof_result *ret)
{
	*ret = fake_proof.res;
	return fake_proof.refuse;
}

static inline struct ipaddr ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

unsigned stack_report(struct stack *s, uint32_t *pos, struct stack_flow_report *ret,
		      unsigned max, const struct env *env)
{
	unsigned n = 0;

	fake_pages++;
	for (; n < max && *pos < fake_flows; n++, ++*pos) {
		struct stack_flow_report *r = &ret[n];
		bool udp = *pos % 2;

		memset(r, 0, sizeof(*r));
		r->key.proto = udp ? IPPROTO_UDP : IPPROTO_TCP;
		r->key.in = ip("10.111.0.1");
		r->key.in_port = 1024 + *pos;
		if (!udp)
			r->key.out = ip("2001:db8::1");
		r->key.out_port = udp ? 0 : 80;
		r->host = ip("192.0.2.9");
		r->host_port = 81;
		r->kind = "relay";
		r->bytes_in = *pos;
		r->tcp.state = "ESTABLISHED";
		r->tcp.cc = "cubic";
	}
	return n;
}

/* ---- the socket ---- */

struct fixture {
	struct daemon d;
	char path[64];
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[256];

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/gust-control-%d.sock",
		 (int)getpid());
	unlink(f->path);
	assert_int_equal(conf_load(NULL, &f->d.conf, stderr), 0);
	f->d.conf_path = "test.conf";
	f->d.base = event_base_new();
	f->d.nworkers = 2;
	f->d.worker[0] = f->d.worker[1] = (struct worker *)f;
	strcpy(f->d.last.name, "gust0");
	f->d.last.mtu = 1500;
	f->d.last.up = f->d.last.present = true;
	f->d.last.n_addr = 1;
	f->d.last.addr[0] =
		(struct link_addr){ ip("10.0.0.1"), ip("10.0.0.2"), 32, true };
	f->d.to_kernel.feats = FEAT_BIT(FEAT_TSO4);
	f->d.proof.tried = true;
	f->d.proof.ok[FACT_TO_KERNEL] = FEAT_BIT(FEAT_TSO4);
	memset(&fake_proof, 0, sizeof(fake_proof));
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	selftest_init(&f->d);
	log_set_level(LOG_LVL_ERR);
	f->d.demoted = FEAT_BIT(FEAT_USO);
	f->d.plugins = registry_new();
	assert_int_equal(registry_add(f->d.plugins, &fake_plugin, NULL, 0), 0);
	assert_int_equal(
		control_new(&f->d, f->path, &f->d.control, err, sizeof(err)), 0);
	fake_flows = 0;
	fake_pages = 0;
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	control_free(f->d.control);
	selftest_free(&f->d);
	free(f->d.snap);
	assert_int_equal(stat(f->path, &st), -1); /* the socket is removed */
	event_base_free(f->d.base);
	conf_free(f->d.conf);
	registry_free(f->d.plugins);
	free(f);
	return 0;
}

static inline void spin(struct fixture *f, unsigned times)
{
	while (times--)
		event_base_loop(f->d.base, EVLOOP_NONBLOCK);
}

static inline int dial(struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* With its NUL. */
static inline void put(int fd, const char *msg)
{
	assert_int_equal(send(fd, msg, strlen(msg) + 1, MSG_NOSIGNAL),
			 strlen(msg) + 1);
}

/* One reply, up to its NUL and no further; NULL: the connection was closed. */
static inline char *get(struct fixture *f, int fd)
{
	size_t len = 0, cap = 1 << 20, want;
	char *buf = malloc(cap), *end;

	for (unsigned idle = 0; idle < 100000;) {
		ssize_t n = recv(fd, buf + len, cap - len, MSG_PEEK);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			spin(f, 1);
			idle++;
			continue;
		}
		if (!n) {
			free(buf);
			return NULL;
		}
		end = memchr(buf + len, '\0', n);
		want = end ? (size_t)(end + 1 - (buf + len)) : (size_t)n;
		assert_int_equal(recv(fd, buf + len, want, 0), want);
		len += want;
		if (end)
			return buf;
		if (len == cap)
			buf = realloc(buf, cap *= 2);
	}
	fail_msg("no reply");
	return NULL;
}

/* The parameters of a reply; the method has no others. */
static inline json_t *call(struct fixture *f, int fd, const char *msg)
{
	char *text;
	json_t *o, *p;

	put(fd, msg);
	text = get(f, fd);
	assert_non_null(text);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	p = json_object_get(o, "parameters");
	assert_true(json_is_object(p));
	json_incref(p);
	json_decref(o);
	free(text);
	return p;
}

static inline json_t *at(json_t *o, const char *path)
{
	char part[32];

	while (*path) {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		o = json_object_get(o, part);
		if (!o)
			fail_msg("no member %s", part);
		path += n + (path[n] == '.');
	}
	return o;
}

#endif
