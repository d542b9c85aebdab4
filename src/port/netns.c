/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns.c - visit another network namespace on the calling thread
 *
 * setns() moves one thread, so this is safe beside running workers. The way
 * home is a descriptor on the thread's own namespace, taken before the visit.
 */
#include "port/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

#define NETNS_DIR "/run/netns"

/* A plain file (what is left when a namespace was unmounted, or a typing
 * error) opens as well as a namespace does: tell them apart here. */
static int check_kind(int fd, const char *path, char *err, size_t err_len)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return 0;
	snprintf(err, err_len,
		 "%s is not a network namespace: name one of `ip netns list`, or "
		 "a path such as /proc/PID/ns/net",
		 path);
	return -EINVAL;
}

static void say_open(const char *netns, const char *path, int e, char *err,
		     size_t err_len)
{
	if (e == ENOENT && !strchr(netns, '/'))
		snprintf(err, err_len,
			 "network namespace %s: %s does not exist: create it with "
			 "`ip netns add %s`",
			 netns, path, netns);
	else if (e == EACCES || e == EPERM)
		snprintf(err, err_len,
			 "open %s: %s: opening another process's namespace needs "
			 "the same user or CAP_SYS_PTRACE",
			 path, strerror(e));
	else
		snprintf(err, err_len, "open %s: %s", path, strerror(e));
}

int netns_open(const char *netns, int *ret_fd, char *err, size_t err_len)
{
	char path[4096];
	int fd, r;

	r = snprintf(path, sizeof(path),
		     strchr(netns, '/') ? "%s" : NETNS_DIR "/%s", netns);
	if (!*netns || !strcmp(netns, ".") || !strcmp(netns, "..") ||
	    (size_t)r >= sizeof(path)) {
		snprintf(err, err_len,
			 "\"%.64s\" is not the name or path of a "
			 "network namespace",
			 netns);
		return -EINVAL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		say_open(netns, path, -r, err, err_len);
		return r;
	}
	r = check_kind(fd, path, err, err_len);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int netns_enter(int fd, int *ret_home, char *err, size_t err_len)
{
	int home, r;

	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0) {
		r = -errno;
		snprintf(err, err_len,
			 "open /proc/thread-self/ns/net: %s: /proc must be mounted "
			 "to return from another network namespace",
			 strerror(-r));
		return r;
	}
	if (setns(fd, CLONE_NEWNET) < 0) {
		r = -errno;
		close(home);
		snprintf(err, err_len, "setns: %s%s", strerror(-r),
			 r == -EPERM ? ": entering a network namespace needs "
				       "CAP_SYS_ADMIN; or run the daemon inside "
				       "that namespace" :
				       "");
		return r;
	}
	*ret_home = home;
	return 0;
}

int netns_leave(int home)
{
	int r = setns(home, CLONE_NEWNET) < 0 ? -errno : 0;

	close(home);
	return r;
}
