/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_notify.c - the datagrams that systemd gets
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/daemon.h"

/* A datagram socket at `path`, "@..." in the abstract name space. */
static int receiver(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(sun.sun_path, path, strlen(path));
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&sun,
		     offsetof(struct sockaddr_un, sun_path) + strlen(path)),
		0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), -1);
}

static void test_none(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_send("READY=1"), 0);
}

static void test_path(void **state)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/gust-notify-%d", (int)getpid());
	unlink(path);
	fd = receiver(path);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send("READY=1\nSTATUS=up"), 0);
	expect(fd, "READY=1\nSTATUS=up");
	close(fd);
	assert_int_equal(notify_send("STOPPING=1"), -ECONNREFUSED);
	unlink(path);
	assert_int_equal(notify_send("STOPPING=1"), -ENOENT);
}

static void test_abstract(void **state)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "@gust-notify-%d", (int)getpid());
	fd = receiver(path);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send("STOPPING=1"), 0);
	expect(fd, "STOPPING=1");
	close(fd);
}

static void test_refused(void **state)
{
	char path[200];

	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_send("X=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(notify_send("X=1"), -EAFNOSUPPORT);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send("X=1"), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
