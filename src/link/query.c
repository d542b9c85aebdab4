/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query.c - netlink sockets for questions about one network namespace
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/query_internal.h"

static int open_sockets(void *arg)
{
	struct link_query *q = arg;
	struct genl_family f;
	int r = nlio_open(NETLINK_ROUTE, &q->rt);

	if (r < 0)
		return r;
	r = nlio_timeout(&q->rt, QUERY_TIMEOUT_MS);
	if (r < 0)
		return r;
	r = nlio_open(NETLINK_GENERIC, &q->gen);
	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : r;
	r = nlio_timeout(&q->gen, QUERY_TIMEOUT_MS);
	if (r == 0)
		r = ethtool_family(&q->gen, &f);
	if (r < 0) {
		nlio_close(&q->gen);
		return r == -ENOENT ? 0 : r;
	}
	q->eth_family = f.id;
	return 0;
}

int link_query_open(int netns_fd, struct link_query **ret_q, char *err,
		    size_t err_len)
{
	struct link_query *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		snprintf(err, err_len, "netlink: out of memory");
		return -ENOMEM;
	}
	q->rt.fd = q->gen.fd = -1;
	r = link_visit(netns_fd, open_sockets, q, err, err_len);
	if (r < 0) {
		link_query_close(q);
		return r;
	}
	*ret_q = q;
	return 0;
}

void link_query_close(struct link_query *q)
{
	if (!q)
		return;
	nlio_close(&q->rt);
	nlio_close(&q->gen);
	free(q);
}
