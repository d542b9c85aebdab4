/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nlio.h - netlink requests and notifications over one descriptor
 *
 * libnl builds and parses messages; sending and receiving is done here, because
 * its own transport turns errno into coarser codes (ENOBUFS becomes "out of
 * memory") and one malformed route stops a whole dump.
 */
#ifndef GUST_LINK_NLIO_H
#define GUST_LINK_NLIO_H

#include <netlink/msg.h>
#include <stdint.h>

struct nlio {
	int fd; /* -1: not open */
	uint32_t seq;
	uint8_t *buf;
};

/* For each message; a negative result ends the exchange with it. */
typedef int (*nlio_fn)(struct nlmsghdr *h, void *arg);

/* A socket of `protocol` (NETLINK_ROUTE, NETLINK_GENERIC) in the thread's
 * current namespace. 0 or -errno. */
int nlio_open(int protocol, struct nlio *ret_io);
void nlio_close(struct nlio *io);
/* How long a request may wait for its answer; 5 s unless set. */
int nlio_timeout(struct nlio *io, unsigned ms);
int nlio_join(struct nlio *io, uint32_t group);

/*
 * Send one request and hand every answer to `fn` (may be NULL) until the
 * acknowledgement or the end of the dump. NULL for `msg` means that building it
 * ran out of memory. 0 or -errno, the kernel's own where it gave one; -EAGAIN
 * for a dump that changed under way: what `fn` saw may lack something, ask again.
 */
int nlio_talk(struct nlio *io, struct nl_msg *msg /*taken*/, nlio_fn fn, void *arg);

/* Hand everything that waits on a monitor socket to `fn`; never blocks. 0, or
 * -ENOBUFS when notifications were lost. */
int nlio_drain(struct nlio *io, nlio_fn fn, void *arg);

#endif
