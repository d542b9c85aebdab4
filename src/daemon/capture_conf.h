/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_conf.h - the parameters of gust.Capture
 */
#ifndef GUST_DAEMON_CAPTURE_CONF_H
#define GUST_DAEMON_CAPTURE_CONF_H

#include <jansson.h>

#include "pkt/filter.h"

#define CAPTURE_BUFFER (32u << 20) /* default of `buffer` */
#define CAPTURE_BUFFER_MIN (1u << 20)
#define CAPTURE_BUFFER_MAX (1u << 30)

enum capture_view {
	CAPTURE_SUPER = 1,
	CAPTURE_WIRE = 2,
	CAPTURE_BOTH = CAPTURE_SUPER | CAPTURE_WIRE
};

struct capture_conf {
	enum capture_view view;
	uint32_t snaplen;
	uint32_t buffer; /* bytes in all workers' rings; each has 2 MiB at least */
	uint64_t count; /* end after so many packets of the port; 0: never */
	uint64_t section_bytes; /* begin a new section after so many; 0: never */
	uint32_t section_s; /* and after so many seconds; 0: never */
	char port[16]; /* "": the one there is */
	char filter[FILTER_TEXT_MAX + 1];
};

void capture_conf_defaults(struct capture_conf *conf);
/* Take one parameter. 0, or -EINVAL and a sentence; -ENOENT: there is none of that
 * name. */
int capture_conf_take(struct capture_conf *conf, const char *key, const json_t *v,
		      char *err, size_t err_len);
/* "super", "wire", "both" */
const char *capture_view_name(enum capture_view view);

#endif
