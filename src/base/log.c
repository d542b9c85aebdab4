/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - one line a message on standard error
 *
 * A message is formatted into one buffer and leaves in one write(), so that
 * lines of different threads do not mix and nothing is lost in a buffer when
 * the process dies. Control characters become spaces: what a peer or a file
 * put into a message cannot forge a line of its own. Messages beyond
 * LINE_LEN are cut and end in "...".
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_LEN 1024

static _Atomic int max_level = LOG_LVL_INFO;

void log_set_level(enum log_level max)
{
	atomic_store_explicit(&max_level, max, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&max_level, memory_order_relaxed);
}

/* JOURNAL_STREAM is "device:inode" of the stream that systemd gave us; it is
 * inherited, so it says something only while standard error still is that
 * stream (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

static const char *level_name(enum log_level lvl)
{
	static const char *const name[] = {
		[LOG_LVL_ERR] = "error",     [LOG_LVL_WARN] = "warning",
		[LOG_LVL_NOTICE] = "notice", [LOG_LVL_INFO] = "info",
		[LOG_LVL_DEBUG] = "debug",
	};

	return name[lvl];
}

static void write_all(const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* there is nobody left to tell */
		p += n;
		len -= n;
	}
}

void log_write(enum log_level lvl, const char *fmt, ...)
{
	int saved_errno = errno, prefix, n;
	char line[LINE_LEN];
	size_t len;
	va_list ap;

	if (lvl > log_get_level())
		return;
	if (stderr_is_journal())
		prefix = snprintf(line, sizeof(line), "<%d>", (int)lvl);
	else
		prefix = snprintf(line, sizeof(line), "%s: ", level_name(lvl));

	errno = saved_errno; /* for %m */
	va_start(ap, fmt);
	n = vsnprintf(line + prefix, sizeof(line) - prefix, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	len = (size_t)prefix + n;
	if (len >= sizeof(line)) {
		len = sizeof(line) - 1;
		memcpy(line + len - 3, "...", 3);
	}
	for (size_t i = prefix; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[len] = '\n'; /* where the terminating 0 was */
	write_all(line, len + 1);
	errno = saved_errno;
}
