/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_text.c - the configuration's text before libconfuse sees it
 */
#include "daemon/conf_text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Ends an unquoted word in libconfuse's scanner; and the semicolon, which is a
 * blank here, because many will write one behind a value. */
static bool ends_word(char c)
{
	return !c || strchr(" ;#\"'\t\n\r={}()+,*", c);
}

/* The length of the quoted string at `s`, 0: not closed on its line. */
static size_t quoted_len(const char *s)
{
	for (size_t i = 1; s[i] && s[i] != '\n'; i++) {
		if (s[i] == s[0])
			return i + 1;
		if (s[i] == '\\' && s[i + 1] && s[i + 1] != '\n')
			i++;
	}
	return 0;
}

/* The length of the comment at `s`; 0: none there, SIZE_MAX: not closed. */
static size_t comment_len(const char *s)
{
	const char *end;

	if (s[0] == '#' || (s[0] == '/' && s[1] == '/'))
		return strcspn(s, "\n");
	if (s[0] != '/' || s[1] != '*')
		return 0;
	end = strstr(s + 2, "*/");
	return end ? (size_t)(end + 2 - s) : SIZE_MAX;
}

/* Blank `len` bytes; returns the line breaks among them. */
static unsigned blank(char *s, size_t len)
{
	unsigned lines = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n')
			lines++;
		else
			s[i] = ' ';
	}
	return lines;
}

/* The length of the word, string or sign at `s`, 0 and a phrase on error. */
static size_t piece_len(const char *s, const char **ret_want)
{
	size_t n = 0;

	if (*s == '"' || *s == '\'') {
		*ret_want = "the end of the string on its own line";
		n = quoted_len(s);
		for (size_t i = 0; i + 1 < n; i++) {
			if (*s == '"' && s[i] == '$' && s[i + 1] == '{') {
				*ret_want = "a plain value: \"${\" is not expanded";
				return 0;
			}
		}
		return n;
	}
	if (strchr("={}(),", *s))
		return 1;
	*ret_want = "\"+=\" here, or quotes round the \"+\"";
	if (*s == '+')
		return s[1] == '=' ? 2 : 0;
	*ret_want = "a word; other characters belong into quotes";
	while (!ends_word(s[n])) {
		if ((unsigned char)s[n] < ' ' || s[n] == 0x7f || s[n] == '|' ||
		    s[n] == '$')
			return 0;
		n++;
	}
	return n;
}

/* Open brackets; libconfuse takes a section that is never closed for closed. */
#define DEPTH_MAX 8

struct open {
	unsigned n, line[DEPTH_MAX];
};

static bool bracket(struct open *o, char c, unsigned line, const char **ret_want)
{
	if (c == '{') {
		*ret_want = "brackets nested less deeply";
		if (o->n == DEPTH_MAX)
			return false;
		o->line[o->n++] = line;
	} else if (c == '}') {
		*ret_want = "no closing bracket here";
		if (!o->n)
			return false;
		o->n--;
	}
	return true;
}

/* The blank, comment or piece of text at *s is stepped over. */
static bool step(char **s, unsigned *line, struct open *open, const char **ret_want)
{
	size_t n = comment_len(*s);

	*ret_want = "the end of the comment that begins here";
	if (n == SIZE_MAX)
		return false;
	if (n) {
		*line += blank(*s, n);
		*s += n;
		return true;
	}
	if (**s == ';')
		**s = ' ';
	if (strchr(" \t\r\n", **s)) {
		*line += *(*s)++ == '\n';
		return true;
	}
	n = piece_len(*s, ret_want);
	if (!n || !bracket(open, **s, *line, ret_want))
		return false;
	*s += n;
	return true;
}

int conf_text_clean(char *text, size_t len, unsigned *ret_line,
		    const char **ret_want)
{
	struct open open = { 0 };
	unsigned line = 1;
	char *s = text;

	if (memchr(text, '\0', len)) {
		for (; *s; s++)
			line += *s == '\n';
		*ret_line = line;
		*ret_want = "text, not a NUL byte";
		return -EINVAL;
	}
	while (*s) {
		if (!step(&s, &line, &open, ret_want)) {
			*ret_line = line;
			return -EINVAL;
		}
	}
	if (!open.n)
		return 0;
	*ret_line = open.line[open.n - 1];
	*ret_want = "a closing bracket for the one that is opened here";
	return -EINVAL;
}

struct tok {
	char *at;
	size_t len;
	unsigned line;
	char kind; /* 0 end, 'w' word or string, else the sign itself */
};

static void tok_next(struct tok *t)
{
	const char *unused;

	t->at += t->len;
	for (; *t->at && strchr(" \t\r\n", *t->at); t->at++)
		t->line += *t->at == '\n';
	t->len = *t->at ? piece_len(t->at, &unused) : 0;
	t->kind = !t->len ? 0 : strchr("={}(),+", *t->at) ? *t->at : 'w';
}

static bool tok_is(const struct tok *t, const char *name)
{
	size_t n = strlen(name), quotes = *t->at == '"' || *t->at == '\'';

	return t->kind == 'w' && t->len == n + 2 * quotes &&
	       !memcmp(t->at + quotes, name, n);
}

/* From an opening bracket to behind its match (or the end). */
static void skip_nested(struct tok *t)
{
	unsigned depth = 0;

	do {
		if (t->kind == '{' || t->kind == '(')
			depth++;
		else if (t->kind == '}' || t->kind == ')')
			depth--;
		tok_next(t);
	} while (depth && t->kind);
}

/* From a statement's name to behind the statement. */
static void skip_statement(struct tok *t)
{
	tok_next(t);
	if (t->kind == '=' || t->kind == '+') {
		tok_next(t);
		if (t->kind == '{')
			skip_nested(t);
		else if (t->kind == 'w')
			tok_next(t);
		return;
	}
	if (t->kind == 'w')
		tok_next(t);
	if (t->kind == '{' || t->kind == '(')
		skip_nested(t);
}

bool conf_text_cut(char *text, unsigned line, const char *name)
{
	struct tok t = { .at = text, .line = 1 };
	char *from;

	do
		tok_next(&t);
	while (t.kind && (t.line != line || !tok_is(&t, name)));
	if (!t.kind)
		return false;
	from = t.at;
	skip_statement(&t);
	blank(from, t.at - from);
	return true;
}
