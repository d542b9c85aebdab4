/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scratch.h - a private network (and mount) namespace for a test program
 *
 * The program moves into namespaces of its own before its first test, so that
 * whatever it makes vanishes with it. Root does it directly, others through a
 * user namespace; where neither is permitted, or there is no tun, the program
 * ends with 77 (automake's "skipped") and says why.
 */
#ifndef GUST_TESTS_SCRATCH_H
#define GUST_TESTS_SCRATCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH_SKIP 77

static inline void scratch_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
		close(fd);
	}
}

static inline void scratch_skip(const char *what)
{
	fprintf(stderr, "SKIP: %s: %s\n", what, strerror(errno));
	exit(SCRATCH_SKIP);
}

static inline void scratch_enter(void)
{
	unsigned uid = geteuid(), gid = getegid();
	int flags = CLONE_NEWNET | CLONE_NEWNS;
	char map[64];

	if (unshare(flags) < 0) {
		if (unshare(flags | CLONE_NEWUSER) < 0)
			scratch_skip("no namespace of our own is permitted");
		scratch_write("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		scratch_write("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		scratch_write("/proc/self/gid_map", map);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		scratch_skip("private mounts");
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		scratch_skip("/dev/net/tun");
}

static inline void scratch_flags(const char *name, short set, short clear)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		abort();
	ifr.ifr_flags = (short)((ifr.ifr_flags | set) & ~clear);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		abort();
	close(fd);
}

/* IPv4 address with a /24; `peer` may be NULL. Sets the interface up. */
static inline void scratch_addr4(const char *name, const char *local,
				 const char *peer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	inet_pton(AF_INET, local, &sin.sin_addr);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
		abort();
	if (peer) {
		inet_pton(AF_INET, peer, &sin.sin_addr);
		memcpy(&ifr.ifr_dstaddr, &sin, sizeof(sin));
		if (ioctl(fd, SIOCSIFDSTADDR, &ifr) < 0)
			abort();
	} else {
		inet_pton(AF_INET, "255.255.255.0", &sin.sin_addr);
		memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
		if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
			abort();
	}
	close(fd);
	scratch_flags(name, IFF_UP, 0);
}

/* A child in a network namespace of its own, which waits until it is ended.
 * `ret_path` is the way to its namespace. */
static inline pid_t scratch_child(char ret_path[64])
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) < 0 || (pid = fork()) < 0)
		abort();
	if (!pid) {
		/* a test that fails does not get to end it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		abort();
	close(ready[0]);
	snprintf(ret_path, 64, "/proc/%d/ns/net", (int)pid);
	return pid;
}

static inline void scratch_child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Quiet: no router solicitations and the like on new interfaces. */
static inline void scratch_no_ipv6(void)
{
	scratch_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

#endif
