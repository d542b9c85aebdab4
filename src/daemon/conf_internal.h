/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_internal.h - between conf.c (files, libconfuse, errors) and
 * conf_items.c (the options)
 */
#ifndef GUST_DAEMON_CONF_INTERNAL_H
#define GUST_DAEMON_CONF_INTERNAL_H

#include "daemon/conf.h"

enum conf_sec {
	SEC_TOP,
	SEC_INTERFACE,
	SEC_RELAY,
	SEC_TCP,
	SEC_UDP,
	SEC_LIMITS,
	SEC_SERVICES,
	SEC_PLUGINS,
	SEC_N
};

#define CONF_ITEMS_MAX 88
#define CONF_STR_MAX 256

/* A configuration under construction: plain bytes, so that a file can be read
 * again from where it began. */
struct conf_stage {
	struct gust_conf conf; /* its strings are set at the end from: */
	char netns[CONF_STR_MAX];
	char control[108]; /* sun_path */
	bool named; /* an interface section was seen */
	bool source_set[2];
	/* where an option was given last, for checks across options */
	unsigned line[CONF_ITEMS_MAX];
	const char *file[CONF_ITEMS_MAX];
};

struct conf_item;

/* Take one value. 0, or -EINVAL with what was expected in `want`. */
typedef int (*conf_take_fn)(struct conf_stage *st, const struct conf_item *it,
			    const char *value, char want[160]);

struct conf_item {
	enum conf_sec sec;
	const char *name;
	conf_take_fn take;
	size_t off; /* of the target in struct gust_conf */
	uint64_t min, max; /* numbers, sizes (bytes), times (us) */
	void (*reset)(struct conf_stage *st); /* lists: "=" begins anew */
	uint32_t given; /* CONF_GIVEN_* */
};

extern const struct conf_item conf_items[];
extern const unsigned conf_nitems;
extern const char *const conf_sec_name[SEC_N];

void conf_stage_defaults(struct conf_stage *st);

/* A title "gust0" of the interface section. */
int conf_take_title(struct conf_stage *st, const char *title, char want[160]);

/* Checks across options; defaults that contradict what was given give way. */
typedef void (*conf_check_fn)(void *arg, unsigned item, const char *want);
void conf_check(struct conf_stage *st, conf_check_fn err, void *arg);

#endif
