/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_netns.c - visiting another network namespace
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

#include <cmocka.h>
#include <sys/stat.h>

#include "port/netns.h"

static ino_t here(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static void there_and_back(void **state)
{
	char path[64], err[200] = "";
	pid_t pid = scratch_child(path);
	ino_t home_ino = here(), there;
	struct stat st;
	int fd, home;

	assert_int_equal(netns_open(path, &fd, err, sizeof(err)), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(netns_enter(fd, &home, err, sizeof(err)), 0);
	there = here();
	assert_int_equal(netns_leave(home), 0);
	assert_int_equal(there, st.st_ino);
	assert_int_not_equal(there, home_ino);
	assert_int_equal(here(), home_ino);
	assert_string_equal(err, "");
	close(fd);
	scratch_child_end(pid);
}

/* By name: what `ip netns add` leaves is a mount under /run/netns. */
static void by_name(void **state)
{
	char path[64], err[200] = "";
	pid_t pid = scratch_child(path);
	struct stat st;
	ino_t want;
	int fd;

	assert_int_equal(stat(path, &st), 0);
	want = st.st_ino;
	/* our own mount namespace: nobody sees this */
	assert_int_equal(mount("gust", "/run", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/run/netns", 0755), 0);
	close(open("/run/netns/gust-a", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(mount(path, "/run/netns/gust-a", NULL, MS_BIND, NULL), 0);
	assert_int_equal(netns_open("gust-a", &fd, err, sizeof(err)), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, want);
	close(fd);

	/* a name without a mount behind it is a plain file */
	close(open("/run/netns/gust-b", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(netns_open("gust-b", &fd, err, sizeof(err)), -EINVAL);
	assert_non_null(
		strstr(err, "/run/netns/gust-b is not a network namespace"));
	assert_int_equal(umount("/run/netns/gust-a"), 0);
	assert_int_equal(umount("/run"), 0);
	scratch_child_end(pid);
}

static void what_is_none(void **state)
{
	char err[200], name[5000];
	int fd = -2;

	assert_int_equal(netns_open("gust-none", &fd, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "ip netns add gust-none"));
	assert_int_equal(netns_open("/nowhere/at/all", &fd, err, sizeof(err)),
			 -ENOENT);
	assert_non_null(strstr(err, "/nowhere/at/all"));
	assert_int_equal(netns_open("/dev/null", &fd, err, sizeof(err)), -EINVAL);
	/* a namespace, of another kind */
	assert_int_equal(netns_open("/proc/self/ns/mnt", &fd, err, sizeof(err)),
			 -EINVAL);
	assert_int_equal(netns_open("", &fd, err, sizeof(err)), -EINVAL);
	assert_int_equal(netns_open("..", &fd, err, sizeof(err)), -EINVAL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(netns_open(name, &fd, err, sizeof(err)), -EINVAL);
	assert_int_equal(fd, -2);
}

static void refused_entry_leaves_us_here(void **state)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), home = -2;
	ino_t before = here();
	char err[200] = "";

	assert_int_equal(netns_enter(fd, &home, err, sizeof(err)), -EINVAL);
	assert_int_equal(home, -2);
	assert_non_null(strstr(err, "setns"));
	assert_int_equal(here(), before);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(by_name),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(refused_entry_leaves_us_here),
	};

	scratch_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
