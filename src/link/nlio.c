/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nlio.c - netlink requests and notifications over one descriptor
 *
 * Requests block, at the most NLIO_TIMEOUT_S: the kernel answers within the
 * send call, so the limit is met only when something is broken. Messages that
 * do not come from the kernel (port id 0) are ignored: any process may send to
 * a netlink socket whose port it guesses.
 */
#include "link/nlio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The kernel fills dumps in pieces of at most 32 KB. */
#define NLIO_BUF_LEN 65536
#define NLIO_TIMEOUT_S 5

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

int nlio_open(int protocol, struct nlio *ret_io)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	struct timeval tv = { .tv_sec = NLIO_TIMEOUT_S };
	struct nlio io = { .seq = 1 };
	int one = 1, r;

	io.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (io.fd < 0)
		return -errno;
	io.buf = malloc(NLIO_BUF_LEN);
	if (!io.buf) {
		close(io.fd);
		return -ENOMEM;
	}
	/* Where strict checking exists, the kernel filters dumps for us. */
	setsockopt(io.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (setsockopt(io.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    bind(io.fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = -errno;
		nlio_close(&io);
		return r;
	}
	*ret_io = io;
	return 0;
}

void nlio_close(struct nlio *io)
{
	if (io->fd >= 0)
		close(io->fd);
	free(io->buf);
	io->fd = -1;
	io->buf = NULL;
}

int nlio_timeout(struct nlio *io, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	return setsockopt(io->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ?
		       -errno :
		       0;
}

int nlio_join(struct nlio *io, uint32_t group)
{
	return setsockopt(io->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) < 0 ?
		       -errno :
		       0;
}

/* One datagram of the kernel's; its length or -errno. */
static ssize_t receive(struct nlio *io, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(io->fd, io->buf, NLIO_BUF_LEN, flags | MSG_TRUNC,
				 (struct sockaddr *)&from, &len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid)
			continue;
		return n > NLIO_BUF_LEN ? -EMSGSIZE : n;
	}
}

/* nlmsg_ok() and friends take and give int. */
#define for_each_msg(h, io, n)                                                     \
	for (struct nlmsghdr *h = (struct nlmsghdr *)(io)->buf; nlmsg_ok(h, n);    \
	     h = nlmsg_next(h, &n))

static int error_of(struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);

	return nlmsg_datalen(h) < (int)sizeof(e->error) ? -EPROTO : e->error;
}

/* *ret_done says that the exchange is over. */
static int answer(struct nlio *io, int n, nlio_fn fn, void *arg, bool *ret_done,
		  bool *ret_intr)
{
	for_each_msg(h, io, n)
	{
		int r;

		if (h->nlmsg_seq != io->seq)
			continue; /* the rest of an earlier, given up exchange */
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_intr = true;
		switch (h->nlmsg_type) {
		case NLMSG_DONE:
			*ret_done = true;
			/* carries an error number when the dump failed */
			return nlmsg_datalen(h) >= (int)sizeof(int) ? error_of(h) :
								      0;
		case NLMSG_ERROR:
			*ret_done = true;
			return error_of(h);
		case NLMSG_NOOP:
		case NLMSG_OVERRUN:
			continue;
		default:
			r = fn ? fn(h, arg) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int exchange(struct nlio *io, struct nlmsghdr *req, nlio_fn fn, void *arg)
{
	bool done = false, intr = false;

	req->nlmsg_seq = ++io->seq;
	req->nlmsg_flags |= NLM_F_REQUEST;
	/* Half of NLM_F_DUMP is NLM_F_EXCL, in requests that create. */
	if ((req->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		req->nlmsg_flags |= NLM_F_ACK;
	if (send(io->fd, req, req->nlmsg_len, 0) < 0)
		return -errno;
	while (!done) {
		ssize_t n = receive(io, 0);
		int r;

		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		r = answer(io, (int)n, fn, arg, &done, &intr);
		if (r < 0)
			return r;
	}
	return intr ? -EAGAIN : 0;
}

int nlio_talk(struct nlio *io, struct nl_msg *msg, nlio_fn fn, void *arg)
{
	int r;

	if (!msg)
		return -ENOMEM;
	if (io->fd < 0) {
		nlmsg_free(msg);
		return -ENOTCONN;
	}
	r = exchange(io, nlmsg_hdr(msg), fn, arg);
	nlmsg_free(msg);
	return r;
}

int nlio_drain(struct nlio *io, nlio_fn fn, void *arg)
{
	bool lost = false;

	while (io->fd >= 0) {
		ssize_t len = receive(io, MSG_DONTWAIT);
		int n = (int)len;

		if (len == -ENOBUFS || len == -EMSGSIZE) {
			lost = true;
			continue;
		}
		if (len <= 0)
			break;
		for_each_msg(h, io, n) fn(h, arg);
	}
	return lost ? -ENOBUFS : 0;
}
