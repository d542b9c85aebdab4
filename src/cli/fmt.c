/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fmt.c - values of a reply, and numbers for people
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const char *get_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

uint64_t get_num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

bool get_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* Three significant digits and the unit: step 1000 or 1024. */
static char *scaled(uint64_t n, unsigned step, const char *const *unit,
		    char buf[FMT_LEN])
{
	double v = n;
	unsigned i = 0;

	while (v >= step && unit[i + 1]) {
		v /= step;
		i++;
	}
	snprintf(buf, FMT_LEN, "%.*f %s",
		 !i || v >= 99.95 ? 0 :
		 v >= 9.995       ? 1 :
				    2,
		 v, unit[i]);
	return buf;
}

char *fmt_bytes(uint64_t n, char buf[FMT_LEN])
{
	static const char *const unit[] = {
		"B", "kB", "MB", "GB", "TB", "PB", NULL
	};

	return scaled(n, 1000, unit, buf);
}

char *fmt_kib(uint64_t n, char buf[FMT_LEN])
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", NULL };

	return scaled(n, 1024, unit, buf);
}

char *fmt_rate(uint64_t bits_s, char buf[FMT_LEN])
{
	static const char *const unit[] = { "bit/s",  "kbit/s", "Mbit/s",
					    "Gbit/s", "Tbit/s", NULL };

	return scaled(bits_s, 1000, unit, buf);
}

char *fmt_us(uint64_t us, char buf[FMT_LEN])
{
	if (us < 10000)
		snprintf(buf, FMT_LEN, "%" PRIu64 "us", us);
	else if (us < 10000000)
		snprintf(buf, FMT_LEN, "%.1fms", us / 1e3);
	else
		snprintf(buf, FMT_LEN, "%.1fs", us / 1e6);
	return buf;
}

char *fmt_time(uint64_t us, char buf[FMT_LEN])
{
	uint64_t s = us / 1000000;

	if (s < 60)
		snprintf(buf, FMT_LEN, "%.1f s", us / 1e6);
	else if (s < 3600)
		snprintf(buf, FMT_LEN, "%" PRIu64 " min %" PRIu64 " s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(buf, FMT_LEN, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, FMT_LEN, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			 s / 3600 % 24);
	return buf;
}

char *fmt_count(uint64_t n, char buf[FMT_LEN])
{
	char plain[24];
	size_t len = snprintf(plain, sizeof(plain), "%" PRIu64, n), out = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[out++] = ' ';
		buf[out++] = plain[i];
	}
	buf[out] = '\0';
	return buf;
}

char *fmt_words(const json_t *array, const char *between)
{
	char *text = NULL;
	size_t len, i;
	json_t *v;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return strdup("");
	json_array_foreach((json_t *)(uintptr_t)array, i, v)
		fprintf(f, "%s%s", i ? between : "", json_string_value(v));
	if (!json_array_size(array))
		fputs("none", f);
	fclose(f);
	return text;
}

void print_json(const json_t *o, bool one_line)
{
	json_dumpf(o, stdout, one_line ? JSON_COMPACT : JSON_INDENT(2));
	putchar('\n');
	fflush(stdout);
}
