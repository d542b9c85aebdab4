/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_text.h - the configuration's text before libconfuse sees it
 *
 * libconfuse's scanner counts lines wrongly behind a C comment, takes
 * characters it does not know for blanks, expands environment variables and
 * keeps its state after an unclosed string. So comments are blanked here, and
 * what it would guess about is refused with the line where it begins.
 */
#ifndef GUST_DAEMON_CONF_TEXT_H
#define GUST_DAEMON_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Blank the comments and semicolons of `text` (`len` bytes and a NUL behind) in place, line
 * breaks kept. 0, or -EINVAL with the line and what was expected.
 */
int conf_text_clean(char *text, size_t len, unsigned *ret_line,
		    const char **ret_want);

/*
 * Blank the statement that begins with the word `name` on line `line` of a
 * cleaned text: "name = value", "name = { ... }" or "name [title] { ... }".
 * false: not found.
 */
bool conf_text_cut(char *text, unsigned line, const char *name);

#endif
