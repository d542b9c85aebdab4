/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.c - the process that does the tests
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proof/proof_internal.h"

struct child {
	int fd;
	unsigned first;
	struct proof_conf conf;
	struct probe probe;
	struct proof_cell cell[PROOF_CELLS_MAX];
};

/* Nobody who listens, nothing to do. */
static void tell(const struct child *c, enum proof_msg_kind kind, unsigned index,
		 const struct proof_cell *cell)
{
	struct proof_msg m;

	memset(&m, 0, sizeof(m));
	m.kind = (uint8_t)kind;
	m.index = (uint8_t)index;
	if (cell)
		m.cell = *cell;
	if (write(c->fd, &m, sizeof(m)) != sizeof(m))
		_exit(1);
}

static void run(struct child *c)
{
	unsigned n = proof_plan(c->conf.feats, c->cell);

	if (probe_unshare(&c->probe) < 0 || probe_open(&c->probe, &c->conf) < 0) {
		struct proof_cell why = { 0 };

		snprintf(why.why, sizeof(why.why), "%s", c->probe.why);
		tell(c, PROOF_MSG_REFUSED, 0, &why);
		return;
	}
	tell(c, PROOF_MSG_READY, 0, NULL);
	for (unsigned i = c->first; i < n; i++) {
		tell(c, PROOF_MSG_BEGIN, i, NULL);
		probe_cell(&c->probe, &c->cell[i]);
		tell(c, PROOF_MSG_VERDICT, i, &c->cell[i]);
	}
	tell(c, PROOF_MSG_DONE, 0, NULL);
}

static bool take_args(struct child *c, const char *text)
{
	unsigned tap = 0;
	int parent = 0, n;

	n = sscanf(text, PROOF_ARGS, &parent, &c->fd, &c->conf.feats, &c->conf.big,
		   &tap, &c->first);
	c->conf.tap = tap;
	/* The parent may have ended before the signal was asked for. */
	return n == PROOF_ARGS_N && !prctl(PR_SET_PDEATHSIG, SIGKILL) &&
	       getppid() == parent;
}

bool proof_child(int argc, char **argv, int *ret_status)
{
	struct child *c;

	if (argc != 3 || strcmp(argv[1], PROOF_CHILD_OPT))
		return false;
	*ret_status = 1;
	c = calloc(1, sizeof(*c));
	if (!c || !take_args(c, argv[2])) {
		free(c);
		return true;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "gust-selftest");
	/* Whatever the caller forgot to mark is not ours to hold. */
	close_range((unsigned)c->fd + 1, ~0u, 0);
	run(c);
	probe_close(&c->probe);
	free(c);
	*ret_status = 0;
	return true;
}
