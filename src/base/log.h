/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - one line a message on standard error
 *
 * With a journal behind standard error (JOURNAL_STREAM names it) each line gets
 * the "<N>" prefix of sd-daemon(3); otherwise the level's name. Only `work`
 * and the rooms above it log; what lies below returns or counts. The level is
 * the one process-wide variable of the project: every thread writes to the
 * same standard error.
 */
#ifndef GUST_BASE_LOG_H
#define GUST_BASE_LOG_H

#include <stdint.h>

enum log_level {
	LOG_LVL_ERR = 3,
	LOG_LVL_WARN,
	LOG_LVL_NOTICE,
	LOG_LVL_INFO,
	LOG_LVL_DEBUG
};

void log_set_level(enum log_level max);
enum log_level log_get_level(void);
void log_write(enum log_level lvl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...) log_write(LOG_LVL_ERR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LVL_WARN, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)                                                             \
	do {                                                                       \
		if (log_get_level() >= LOG_LVL_DEBUG)                              \
			log_write(LOG_LVL_DEBUG, __VA_ARGS__);                     \
	} while (0)

#endif
