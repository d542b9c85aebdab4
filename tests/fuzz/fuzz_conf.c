/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_conf.c - any bytes as a configuration
 *
 * Either a configuration whose values are in range comes out, or at least one
 * error; never both, never neither.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfuse 3.3 forgets a section's title when the text breaks off there. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfuse\n";
}

static void check(const struct gust_conf *c)
{
	const struct stack_snap *s = &c->snap;

	if (!c->name[0] || strlen(c->name) > 15 || c->n_addr > LINK_ADDRS_MAX ||
	    c->n_route > LINK_ROUTES_MAX || c->n_own > STACK_OWN_MAX ||
	    c->workers > 64 || (c->mtu && (c->mtu < 576 || c->mtu > 65535)) ||
	    s->n_map > STACK_MAPS_MAX || s->n_publish > STACK_PUBLISH_MAX ||
	    s->max_half_open > s->max_flows || s->max_udp > s->max_flows ||
	    !s->tcp.cc || c->control[0] != '/' ||
	    s->tcp.rcvbuf_init > s->tcp.rcvbuf_max ||
	    s->tcp.rto_min_us > s->tcp.rto_max_us ||
	    (c->feats & ~CONF_FEATS_DEFAULT))
		abort();
	for (unsigned i = 0; i < c->n_addr; i++)
		if (c->addr[i].plen > (ipaddr_is4(&c->addr[i].peer) ? 32 : 128))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gust_conf *c = NULL;
	char *text, *errs = NULL;
	size_t len = 0;
	FILE *f;
	int r;

	if (size > 4096)
		return 0;
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	f = open_memstream(&errs, &len);
	r = conf_parse(text, "f", &c, f);
	fclose(f);
	if (!!r != !!len || !!r == !!c)
		abort();
	if (c)
		check(c);
	conf_free(c);
	free(errs);
	free(text);
	return 0;
}
