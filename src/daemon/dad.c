/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dad.c - on a tap: are the stack's addresses really free?
 *
 * The neighbour table asks the link (RFC 5227, RFC 4862) when an address is set
 * and the interface is up. Until then the address answers nobody, so the daemon
 * is not ready; an address that somebody else has is reported and not used.
 */
#include <event2/event.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define DAD_POLL_US 50000

/* Look once; true when every address is known to be ours or not. */
static bool settled(struct daemon *d, bool *ret_found)
{
	bool all = true;

	for (unsigned i = 0; i < d->snap->n_own; i++) {
		const struct ipaddr *a = &d->snap->own[i];
		enum neigh_dad s = worker_dad_state(d->worker[0], a);
		char text[IPADDR_STRLEN];

		if (s == NEIGH_DAD_TENTATIVE)
			all = false;
		if (s != NEIGH_DAD_DUPLICATE || d->n_duplicate >= STACK_OWN_MAX)
			continue;
		log_err("%s: %s belongs to another station and is not used",
			daemon_link_state(d)->name, ipaddr_str(a, text));
		d->duplicate[d->n_duplicate++] = *a;
		*ret_found = true;
	}
	return all;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { .tv_usec = DAD_POLL_US };
	struct daemon *d = arg;
	bool found = false, all;

	if (d->stopping)
		return;
	all = !daemon_link_state(d)->up || settled(d, &found);
	if (found)
		daemon_follow(d, LINK_CHG_ADDR); /* without them */
	if (all)
		daemon_announce(d);
	else
		event_add(d->ev_dad, &again);
}

int dad_watch(struct daemon *d)
{
	static const struct timeval soon = { .tv_usec = DAD_POLL_US };

	if (!d->ev_dad)
		d->ev_dad = event_new(d->base, -1, 0, on_tick, d);
	return d->ev_dad && !event_add(d->ev_dad, &soon) ? 0 : -1;
}
