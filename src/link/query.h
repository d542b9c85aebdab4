/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query.h - netlink sockets for questions about one network namespace
 *
 * For looking once (route.h, device.h), where `struct link` is for following.
 * A question waits QUERY_TIMEOUT_MS at the most; the kernel answers within the
 * system call, so that is met only when something is broken.
 */
#ifndef GUST_LINK_QUERY_H
#define GUST_LINK_QUERY_H

#include <stddef.h>

#define QUERY_TIMEOUT_MS 500

struct link_query;

/* `netns_fd`: -1 for ours; borrowed. A kernel without the ethtool family is no
 * error. -errno and a sentence in `err`. */
int link_query_open(int netns_fd, struct link_query **ret_q, char *err,
		    size_t err_len);
void link_query_close(struct link_query *q); /* NULL is fine */

#endif
