/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_log.c - what really arrives on standard error
 *
 * Standard error is a temporary file while a message is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

struct capture {
	int file, stderr_was;
	char text[65536];
	size_t len;
};

static struct capture cap;

static void begin(void)
{
	char name[] = "/tmp/gust-test-log-XXXXXX";

	cap.file = mkstemp(name);
	assert_true(cap.file >= 0);
	unlink(name);
	fcntl(cap.file, F_SETFL, O_APPEND);
	cap.stderr_was = dup(STDERR_FILENO);
	dup2(cap.file, STDERR_FILENO);
}

static const char *end(void)
{
	ssize_t n;

	dup2(cap.stderr_was, STDERR_FILENO);
	close(cap.stderr_was);
	n = pread(cap.file, cap.text, sizeof(cap.text) - 1, 0);
	close(cap.file);
	assert_true(n >= 0);
	cap.len = n;
	cap.text[n] = 0;
	return cap.text;
}

static int setup(void **state)
{
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LVL_INFO);
	return 0;
}

static void names_and_levels(void **state)
{
	assert_int_equal(log_get_level(), LOG_LVL_INFO);
	begin();
	log_err("a %d", 1);
	log_warn("b %s", "x");
	log_notice("c");
	log_info("d");
	log_debug("not this one");
	log_write(LOG_LVL_DEBUG, "nor this");
	assert_string_equal(end(),
			    "error: a 1\nwarning: b x\nnotice: c\ninfo: d\n");

	log_set_level(LOG_LVL_DEBUG);
	begin();
	log_debug("e");
	assert_string_equal(end(), "debug: e\n");

	log_set_level(LOG_LVL_ERR);
	begin();
	log_warn("no");
	log_err("f");
	assert_string_equal(end(), "error: f\n");
}

static unsigned evaluated(unsigned *n)
{
	return ++*n;
}

static void quiet_debug_costs_nothing(void **state)
{
	unsigned n = 0;

	log_debug("%u", evaluated(&n));
	assert_int_equal(n, 0);
}

static void journal_prefix(void **state)
{
	char env[64];
	struct stat st;

	begin();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(env, sizeof(env), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", env, 1);
	log_err("a");
	log_info("b");
	/* inherited, but standard error is something else by now */
	snprintf(env, sizeof(env), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", env, 1);
	log_err("c");
	setenv("JOURNAL_STREAM", "rubbish", 1);
	log_err("d");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(end(), "<3>a\n<6>b\nerror: c\nerror: d\n");
}

static void one_line_whatever_it_says(void **state)
{
	begin();
	log_info("a\nerror: forged\r\t\x1b[31mred\x7f \xc3\xa9");
	assert_string_equal(end(), "info: a error: forged   [31mred  \xc3\xa9\n");
}

static void long_messages_are_cut(void **state)
{
	char big[3000];
	const char *text;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	begin();
	log_info("%s", big);
	log_info("next");
	text = end();
	assert_int_equal(strcspn(text, "\n"), 1023);
	assert_memory_equal(text + 1020, "...\ninfo: next\n", 15);
	assert_int_equal(cap.len, 1024 + 11);

	/* the longest that fits is whole: 1023 bytes with "info: " */
	begin();
	log_info("%.1017s", big);
	text = end();
	assert_int_equal(cap.len, 1024);
	assert_memory_equal(text + 1020, "xxx\n", 4);
}

static void errno_survives(void **state)
{
	begin();
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(end(), "info: No such file or directory\n");

	/* a closed standard error is not our caller's error */
	begin();
	close(STDERR_FILENO);
	errno = ENOENT;
	log_info("lost");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(end(), "");
}

#define LINES 200

static void *chatter(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		log_info("%s", (const char *)arg);
	return NULL;
}

static void threads_do_not_mix(void **state)
{
	char a[80], b[80];
	unsigned na = 0, nb = 0;
	const char *text;
	pthread_t t;

	memset(a, 'a', 70);
	memset(b, 'b', 70);
	a[70] = b[70] = 0;
	begin();
	assert_int_equal(pthread_create(&t, NULL, chatter, a), 0);
	chatter(b);
	pthread_join(t, NULL);
	text = end();
	assert_int_equal(cap.len, 2 * LINES * 77);
	for (const char *p = text; *p; p += 77) {
		assert_memory_equal(p, "info: ", 6);
		assert_int_equal(p[76], '\n');
		na += !memcmp(p + 6, a, 70);
		nb += !memcmp(p + 6, b, 70);
	}
	assert_int_equal(na, LINES);
	assert_int_equal(nb, LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_and_levels, setup),
		cmocka_unit_test_setup(quiet_debug_costs_nothing, setup),
		cmocka_unit_test_setup(journal_prefix, setup),
		cmocka_unit_test_setup(one_line_whatever_it_says, setup),
		cmocka_unit_test_setup(long_messages_are_cut, setup),
		cmocka_unit_test_setup(errno_survives, setup),
		cmocka_unit_test_setup(threads_do_not_mix, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
