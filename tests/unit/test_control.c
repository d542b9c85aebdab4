/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_control.c - the control protocol and its socket
 *
 * Workers are stood in for by control_lib.h: two of them, with as many flows as a
 * test wants.
 */
#include "control_lib.h"

/* ---- framing and requests ---- */

static void test_frame(void **state)
{
	char *big = malloc(CONTROL_REQ_MAX + 2);
	size_t len = 99;

	assert_int_equal(control_frame(NULL, 0, &len), 0);
	assert_int_equal(control_frame("abc", 3, &len), 0);
	assert_int_equal(len, 99);
	assert_int_equal(control_frame("abc\0def", 7, &len), 1);
	assert_int_equal(len, 3);
	assert_int_equal(control_frame("", 1, &len), 1);
	assert_int_equal(len, 0);
	memset(big, 'x', CONTROL_REQ_MAX + 2);
	assert_int_equal(control_frame(big, CONTROL_REQ_MAX, &len), 0);
	assert_int_equal(control_frame(big, CONTROL_REQ_MAX + 1, &len), -EMSGSIZE);
	big[CONTROL_REQ_MAX] = '\0';
	assert_int_equal(control_frame(big, CONTROL_REQ_MAX + 2, &len), 1);
	assert_int_equal(len, CONTROL_REQ_MAX);
	free(big);
}

static int parse(const char *msg, struct control_req *q, char err[160])
{
	return control_parse(msg, strlen(msg), q, err, 160);
}

static void test_parse(void **state)
{
	struct control_req q;
	struct ipaddr want = ip("10.0.0.0");
	char err[160];

	assert_int_equal(parse("{\"method\":\"gust.Status\"}", &q, err), 0);
	assert_int_equal(q.method, CONTROL_STATUS);
	assert_int_equal(
		parse("{\"method\":\"gust.Features\",\"parameters\":{}}", &q, err),
		0);
	assert_int_equal(q.method, CONTROL_FEATURES);
	assert_int_equal(
		parse("{\"parameters\":{},\"method\":\"gust.Stats\"}", &q, err), 0);
	assert_int_equal(q.method, CONTROL_STATS);
	assert_int_equal(parse("{\"method\":\"gust.Flows\",\"parameters\":{"
			       "\"proto\":\"udp\","
			       "\"address\":\"10.0.0.0/8\"}}",
			       &q, err),
			 0);
	assert_int_equal(q.method, CONTROL_FLOWS);
	assert_int_equal(q.proto, IPPROTO_UDP);
	assert_true(q.has_addr && ipaddr_eq(&q.addr, &want));
	assert_int_equal(q.plen, 8);
	assert_int_equal(
		parse("{\"method\":\"gust.Flows\",\"parameters\":{\"address\":"
		      "\"fd00::1\"}}",
		      &q, err),
		0);
	assert_int_equal(q.plen, 128);
	assert_int_equal(q.proto, 0);
	assert_int_equal(parse("{\"method\":\"gust.Capture\"}", &q, err), 0);
	assert_int_equal(q.capture.view, CAPTURE_BOTH);
	assert_int_equal(q.capture.snaplen, 262144);
	assert_int_equal(q.capture.buffer, 32 << 20);
	assert_string_equal(q.capture.filter, "");
	assert_int_equal(parse("{\"method\":\"gust.Capture\",\"parameters\":{"
			       "\"view\":\"wire\",\"snaplen\":96,\"count\":5,"
			       "\"section_bytes\":7,\"section_seconds\":8,"
			       "\"buffer\":1048576,\"filter\":\"tcp\","
			       "\"port\":\"gust0\"}}",
			       &q, err),
			 0);
	assert_int_equal(q.method, CONTROL_CAPTURE);
	assert_int_equal(q.capture.view, CAPTURE_WIRE);
	assert_int_equal(q.capture.snaplen, 96);
	assert_int_equal(q.capture.count, 5);
	assert_int_equal(q.capture.section_bytes, 7);
	assert_int_equal(q.capture.section_s, 8);
	assert_int_equal(q.capture.buffer, 1 << 20);
	assert_string_equal(q.capture.filter, "tcp");
	assert_string_equal(q.capture.port, "gust0");
}

static void test_refused(void **state)
{
	static const struct {
		const char *msg, *err;
	} t[] = {
		{ "", "not JSON: " },
		{ "{", "not JSON: " },
		{ "{} x", "not JSON: " },
		{ "[]", "expected an object with a \"method\"" },
		{ "{}", "expected an object with a \"method\"" },
		{ "{\"method\":1}", "expected an object with a \"method\"" },
		{ "{\"method\":\"gust.Status\",\"method\":\"gust.Status\"}",
		  "not JSON: " },
		{ "{\"method\":\"gust.Status\",\"more\":true}",
		  "expected \"method\" and \"parameters\" only" },
		{ "{\"method\":\"gust.Status\",\"parameters\":[]}",
		  "\"parameters\" must be an object" },
		{ "{\"method\":\"gust.Quit\"}", "no such method \"gust.Quit\"" },
		{ "{\"method\":\"gust.Status\",\"parameters\":{\"proto\":\"tcp\"}}",
		  "gust.Status takes no parameter \"proto\"" },
		{ "{\"method\":\"gust.Capture\",\"parameters\":{\"x\":1}}",
		  "gust.Capture takes no parameter \"x\"" },
		{ "{\"method\":\"gust.Capture\",\"parameters\":{\"view\":1}}",
		  "view: expected \"super\", \"wire\" or \"both\"" },
		{ "{\"method\":\"gust.Capture\",\"parameters\":{\"snaplen\":0}}",
		  "snaplen: expected a number from 1 to 262144" },
		{ "{\"method\":\"gust.Capture\",\"parameters\":{\"port\":"
		  "\"0123456789abcdef\"}}",
		  "port: longer than 15 bytes" },
		{ "{\"method\":\"gust.Status\",\"parameters\":{\"view\":\"wire\"}}",
		  "gust.Status takes no parameter \"view\"" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"x\":1}}",
		  "gust.Flows takes no parameter \"x\"" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"proto\":\"sctp\"}}",
		  "proto: expected" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"proto\":6}}",
		  "proto: expected" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":6}}",
		  "address: expected" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":\"10.0."
		  "0\"}}",
		  "address: expected" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":\"10.0.0."
		  "0/33\"}}",
		  "address: expected a prefix length up to 32" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":\"10.0.0."
		  "0/\"}}",
		  "address: expected a prefix length up to 32" },
		{ "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":\"10.0.0."
		  "0/ 8\"}}",
		  "address: expected a prefix length up to 32" },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct control_req q = { .method = CONTROL_METHODS };
		char err[160] = "";

		assert_int_equal(parse(t[i].msg, &q, err), -EINVAL);
		assert_int_equal(q.method, CONTROL_METHODS);
		assert_memory_equal(err, t[i].err, strlen(t[i].err));
	}
}

/* ---- the socket ---- */

static void test_plugins(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Plugins\"}"), *p;

	assert_int_equal(json_array_size(at(o, "plugins")), 1);
	p = json_array_get(at(o, "plugins"), 0);
	assert_string_equal(json_string_value(at(p, "name")), "fake");
	assert_string_equal(json_string_value(at(p, "state")), "active");
	assert_string_equal(json_string_value(at(p, "path")), "built in");
	assert_int_equal(json_integer_value(at(p, "packets_in")), 10);
	assert_int_equal(json_integer_value(at(p, "packets_out")), 14);
	assert_int_equal(json_integer_value(at(p, "counters.runs")), 4);
	assert_int_equal(json_array_size(at(p, "provides")), FEAT_N);
	json_decref(o);

	log_set_level(LOG_LVL_ERR);
	fake_sets = 0;
	o = call(f, fd,
		 "{\"method\":\"gust.PluginSet\",\"parameters\":"
		 "{\"name\":\"fake\",\"options\":\"x\"}}");
	p = json_array_get(at(o, "plugins"), 0);
	assert_string_equal(json_string_value(at(p, "options")), "x");
	assert_int_equal(fake_sets, 1);
	json_decref(o);
	o = call(f, fd,
		 "{\"method\":\"gust.PluginSet\",\"parameters\":"
		 "{\"name\":\"fake\",\"enable\":false}}");
	p = json_array_get(at(o, "plugins"), 0);
	assert_string_equal(json_string_value(at(p, "state")), "disabled");
	assert_int_equal(json_array_size(at(o, "provides")), 2);
	json_decref(o);
	close(fd);
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Status\"}");

	assert_string_equal(json_string_value(at(o, "interface.name")), "gust0");
	assert_string_equal(json_string_value(at(o, "interface.mode")), "tun");
	assert_true(json_is_null(at(o, "interface.netns")));
	assert_true(json_is_true(at(o, "interface.up")));
	assert_int_equal(json_integer_value(at(o, "interface.mtu")), 1500);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(at(o, "interface.addresses"), 0), "peer")),
		"10.0.0.2");
	assert_int_equal(json_integer_value(at(o, "workers")), 2);
	assert_int_equal(json_integer_value(at(o, "traffic.rx_packets")), 20);
	assert_int_equal(json_integer_value(at(o, "drops")), 8);
	assert_string_equal(
		json_string_value(json_array_get(at(o, "selftest.ok"), 0)),
		"tx-tcp-segmentation");
	assert_int_equal(json_integer_value(at(o, "memory.slab_size")), 1 << 20);
	assert_true(json_integer_value(at(o, "memory.rss")) > 0);
	json_decref(o);
	close(fd);
}

static void test_features(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Features\"}"), *list, *tso,
	       *uso;

	list = at(o, "features");
	assert_int_equal(json_array_size(list), FEAT_N);
	tso = json_array_get(list, FEAT_TSO4);
	assert_string_equal(json_string_value(at(tso, "name")),
			    "tx-tcp-segmentation");
	assert_true(json_is_true(at(tso, "to_kernel")));
	assert_true(json_is_false(at(tso, "from_kernel")));
	assert_string_equal(json_string_value(at(tso, "proven")), "yes");
	uso = json_array_get(list, FEAT_USO);
	assert_true(json_is_true(at(uso, "demoted")));
	assert_int_equal(json_integer_value(at(uso, "refused")), 4);
	json_decref(o);
	close(fd);
}

static void test_stats(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Stats\"}");

	assert_int_equal(json_object_size(at(o, "total.drops")), DROP_REASONS - 1);
	assert_int_equal(json_integer_value(at(o, "total.drops.short")), 6);
	assert_int_equal(json_integer_value(at(o, "total.tcp.retransmitted")), 14);
	assert_int_equal(json_array_size(at(o, "workers")), 2);
	assert_int_equal(json_integer_value(at(json_array_get(at(o, "workers"), 1),
					       "drops.short")),
			 3);
	assert_string_equal(json_string_value(at(o, "drop_texts.ttl")),
			    drop_text(DROP_TTL));
	json_decref(o);
	close(fd);
}

static void test_flows(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	json_t *o = call(f, fd, "{\"method\":\"gust.Flows\"}"), *list, *v;

	assert_int_equal(json_array_size(at(o, "flows")), 0);
	json_decref(o);

	fake_flows = 3000; /* many pages, an odd last one */
	o = call(f, fd, "{\"method\":\"gust.Flows\"}");
	list = at(o, "flows");
	assert_int_equal(json_array_size(list), 6000);
	v = json_array_get(list, 0);
	assert_string_equal(json_string_value(at(v, "proto")), "tcp");
	assert_string_equal(json_string_value(at(v, "inside")), "10.111.0.1");
	assert_int_equal(json_integer_value(at(v, "inside_port")), 1024);
	assert_string_equal(json_string_value(at(v, "outside")), "2001:db8::1");
	assert_string_equal(json_string_value(at(v, "tcp.state")), "ESTABLISHED");
	v = json_array_get(list, 5999);
	assert_string_equal(json_string_value(at(v, "proto")), "udp");
	assert_true(json_is_null(at(v, "outside")));
	assert_string_equal(json_string_value(at(v, "host")), "192.0.2.9");
	assert_int_equal(json_integer_value(at(v, "worker")), 1);
	assert_int_equal(json_integer_value(at(v, "bytes_in")), 2999);
	assert_null(json_object_get(v, "tcp"));
	json_decref(o);

	o = call(f, fd,
		 "{\"method\":\"gust.Flows\",\"parameters\":{\"proto\":\"udp\"}}");
	assert_int_equal(json_array_size(at(o, "flows")), 3000);
	json_decref(o);
	o = call(f, fd,
		 "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":"
		 "\"2001:db8::/32\"}}");
	assert_int_equal(json_array_size(at(o, "flows")), 3000);
	json_decref(o);
	o = call(f, fd,
		 "{\"method\":\"gust.Flows\",\"parameters\":{\"address\":\"10.0.0."
		 "1\"}}");
	assert_int_equal(json_array_size(at(o, "flows")), 0);
	json_decref(o);
	o = call(f, fd,
		 "{\"method\":\"gust.Flows\",\"parameters\":{\"proto\":\"icmp\"}}");
	assert_int_equal(json_array_size(at(o, "flows")), 0);
	json_decref(o);
	close(fd);
}

/* A client that does not read holds a bounded reply, and loses nothing. */
static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	unsigned pages;
	json_t *o;
	char *text;

	fake_flows = 50000;
	put(fd, "{\"method\":\"gust.Flows\"}");
	spin(f, 100);
	pages = fake_pages;
	assert_true(pages >= 1 && pages < 20);
	spin(f, 100);
	assert_int_equal(fake_pages, pages);
	text = get(f, fd);
	o = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(at(o, "parameters.flows")), 100000);
	json_decref(o);
	free(text);
	close(fd);
}

static void test_pipelined(void **state)
{
	struct fixture *f = *state;
	static const char two[] =
		"{\"method\":\"gust.Flows\"}\0{\"method\":\"gust.Nope\"}\0"
		"{\"method\":\"gust.Sta";
	int fd = dial(f);
	char *text;

	fake_flows = 2000;
	assert_int_equal(send(fd, two, sizeof(two) - 1, 0), sizeof(two) - 1);
	text = get(f, fd);
	assert_non_null(strstr(text, "\"flows\""));
	free(text);
	text = get(f, fd);
	assert_string_equal(text,
			    "{\"error\":\"gust.Error\",\"parameters\":{\"message\":"
			    "\"no such method \\\"gust.Nope\\\"\"}}");
	free(text);
	put(fd, "ts\"}"); /* the rest of the third */
	text = get(f, fd);
	assert_non_null(strstr(text, "\"total\""));
	free(text);
	/* a writer that has finished still gets its reply */
	put(fd, "{\"method\":\"gust.Flows\"}");
	shutdown(fd, SHUT_WR);
	text = get(f, fd);
	assert_non_null(text);
	free(text);
	assert_null(get(f, fd));
	close(fd);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char *big = malloc(CONTROL_REQ_MAX + 100), *text;
	size_t sent = 0, want = CONTROL_REQ_MAX + 100;

	memset(big, ' ', want);
	while (sent < want) {
		ssize_t n = send(fd, big + sent, want - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += n;
		else if (errno != EAGAIN)
			break;
		spin(f, 1);
	}
	text = get(f, fd);
	assert_string_equal(text,
			    "{\"error\":\"gust.Error\",\"parameters\":{\"message\":"
			    "\"request too long\"}}");
	free(text);
	spin(f, 10);
	close(fd);
	free(big);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	int fd[33];
	char *text;
	json_t *o;

	for (unsigned i = 0; i < 33; i++) {
		fd[i] = dial(f);
		spin(f, 2);
	}
	text = get(f, fd[32]);
	assert_non_null(strstr(text, "too many clients"));
	free(text);
	assert_null(get(f, fd[32]));
	o = call(f, fd[31], "{\"method\":\"gust.Status\"}"); /* the others go on */
	json_decref(o);
	close(fd[0]);
	close(fd[32]);
	spin(f, 10);
	fd[0] = dial(f); /* and a place is free again */
	o = call(f, fd[0], "{\"method\":\"gust.Status\"}");
	json_decref(o);
	for (unsigned i = 0; i < 32; i++)
		close(fd[i]);
	spin(f, 10);
}

static void test_path(void **state)
{
	struct fixture *f = *state;
	struct control *c = NULL;
	char err[256], other[80], long_path[200];
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);

	assert_int_equal(control_new(&f->d, f->path, &c, err, sizeof(err)),
			 -EADDRINUSE);
	assert_non_null(strstr(err, "another gustd answers there"));
	spin(f, 3);

	/* a stale socket is replaced */
	snprintf(other, sizeof(other), "%s.2", f->path);
	unlink(other);
	strcpy(sun.sun_path, other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	assert_int_equal(control_new(&f->d, other, &c, err, sizeof(err)), 0);

	/* a file that took our path's place is not ours to remove */
	unlink(other);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	control_free(c);
	assert_int_equal(stat(other, &st), 0);

	/* nor is a file that was there before */
	c = NULL;
	assert_int_equal(control_new(&f->d, other, &c, err, sizeof(err)),
			 -EADDRINUSE);
	assert_non_null(strstr(err, "taken by another file"));
	assert_int_equal(stat(other, &st), 0);
	unlink(other);

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(control_new(&f->d, long_path, &c, err, sizeof(err)),
			 -ENAMETOOLONG);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_features, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugins, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
