/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_conf.c - the parameters of gust.Capture
 */
#include "daemon/capture_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/pcapng.h"

static const char *const views[] = {
	[CAPTURE_SUPER] = "super",
	[CAPTURE_WIRE] = "wire",
	[CAPTURE_BOTH] = "both",
};

const char *capture_view_name(enum capture_view view)
{
	return views[view];
}

void capture_conf_defaults(struct capture_conf *conf)
{
	*conf = (struct capture_conf){
		.view = CAPTURE_BOTH,
		.snaplen = PCAPNG_SNAPLEN_MAX,
		.buffer = CAPTURE_BUFFER,
	};
}

#define REFUSE(...) (snprintf(err, err_len, __VA_ARGS__), -EINVAL)

static int take_view(struct capture_conf *conf, const json_t *v, char *err,
		     size_t err_len)
{
	const char *s = json_string_value(v);

	for (unsigned i = CAPTURE_SUPER; s && i <= CAPTURE_BOTH; i++) {
		if (strcmp(s, views[i]))
			continue;
		conf->view = i;
		return 0;
	}
	return REFUSE("view: expected \"super\", \"wire\" or \"both\"");
}

static int take_text(char *ret, size_t size, const char *key, const json_t *v,
		     char *err, size_t err_len)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) != json_string_length(v))
		return REFUSE("%s: expected text", key);
	if (strlen(s) >= size)
		return REFUSE("%s: longer than %zu bytes", key, size - 1);
	strcpy(ret, s);
	return 0;
}

/* Every number, its limits, and where it goes. */
static int take_number(struct capture_conf *conf, const char *key, const json_t *v,
		       char *err, size_t err_len)
{
	uint64_t count = conf->count, bytes = conf->section_bytes;
	uint64_t snaplen = conf->snaplen, buffer = conf->buffer;
	uint64_t seconds = conf->section_s;
	const struct {
		const char *key;
		uint64_t *to;
		int64_t min, max;
	} known[] = {
		{ "snaplen", &snaplen, 1, PCAPNG_SNAPLEN_MAX },
		{ "buffer", &buffer, CAPTURE_BUFFER_MIN, CAPTURE_BUFFER_MAX },
		{ "count", &count, 0, INT64_MAX },
		{ "section_bytes", &bytes, 0, INT64_MAX },
		{ "section_seconds", &seconds, 0, UINT32_MAX },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(key, known[i].key))
			continue;
		if (!json_is_integer(v) || json_integer_value(v) < known[i].min ||
		    json_integer_value(v) > known[i].max)
			return REFUSE("%s: expected a number from %lld to %lld",
				      key, (long long)known[i].min,
				      (long long)known[i].max);
		*known[i].to = json_integer_value(v);
		conf->snaplen = snaplen;
		conf->buffer = buffer;
		conf->count = count;
		conf->section_bytes = bytes;
		conf->section_s = seconds;
		return 0;
	}
	return -ENOENT;
}

int capture_conf_take(struct capture_conf *conf, const char *key, const json_t *v,
		      char *err, size_t err_len)
{
	if (!strcmp(key, "view"))
		return take_view(conf, v, err, err_len);
	if (!strcmp(key, "filter"))
		return take_text(conf->filter, sizeof(conf->filter), key, v, err,
				 err_len);
	if (!strcmp(key, "port"))
		return take_text(conf->port, sizeof(conf->port), key, v, err,
				 err_len);
	return take_number(conf, key, v, err, err_len);
}
