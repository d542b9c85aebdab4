/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns.h - visit another network namespace on the calling thread
 *
 * What is opened during the visit (a tun, a netlink socket) belongs to that
 * namespace for good; the thread itself returns. Entering needs CAP_SYS_ADMIN
 * over the namespace and over our own.
 */
#ifndef GUST_PORT_NETNS_H
#define GUST_PORT_NETNS_H

#include <stddef.h>

/*
 * Open a namespace: a name as `ip netns` makes it (under /run/netns), or, when
 * it contains a slash, a path (/proc/PID/ns/net). The descriptor is the
 * caller's. -errno, and a sentence in `err`.
 */
int netns_open(const char *netns, int *ret_fd, char *err, size_t err_len);

/* Enter the namespace behind `fd`; *ret_home is what netns_leave() takes.
 * -errno, and a sentence in `err`. */
int netns_enter(int fd, int *ret_home, char *err, size_t err_len);

/* Return and close `home`. -errno means that the thread is stranded in the
 * other namespace: the caller can only give up. */
int netns_leave(int home);

#endif
