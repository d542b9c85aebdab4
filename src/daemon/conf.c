/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf.c - gustd.conf, read with libconfuse
 *
 * libconfuse gives the grammar: sections, lists, "+=". Every option is a string
 * to it, and conf_items.c turns the strings into values while libconfuse still
 * knows the line. Values that are wrong are noted and reading goes on; after a
 * name that does not exist libconfuse stops, so that statement is blanked and
 * the file is read again. Only what breaks the grammar ends a file's reading
 * early.
 *
 * Each file gets a libconfuse object of its own: a failed scan leaves state
 * behind. So that "+=" can add to what an earlier file said, every list has a
 * default of one marker value: if the marker is gone, the list began anew.
 *
 * libconfuse has no room for a caller's pointer; the default *number* of a
 * string option is unused by it and carries ours.
 */
#include "daemon/conf_internal.h"

#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf_text.h"
#include "daemon/conf_value.h"

#define FILE_MAX (1u << 20)
#define ERRS_MAX 100
#define RETRIES_MAX 32
#define FILES_MAX 256
#define MARKER "\001"
_Static_assert(sizeof(long) >= sizeof(void *),
	       "a pointer must fit libconfuse's number");

struct conf_error {
	unsigned line;
	unsigned order; /* of files */
	char *text;
};

struct parse;

/* What hangs off a libconfuse option. */
struct bind {
	struct parse *p;
	const struct conf_item *it; /* NULL: a section */
};

struct parse {
	struct conf_stage base, st; /* before this file; with it */
	struct bind bind[CONF_ITEMS_MAX + SEC_N];
	cfg_opt_t opt[SEC_N][CONF_ITEMS_MAX + SEC_N + 1];

	const char *file;
	unsigned file_no;
	char *unknown; /* the name at which libconfuse stopped */
	unsigned unknown_line;

	struct conf_error err[ERRS_MAX];
	unsigned nerr;
	unsigned kept; /* errors that a second reading does not repeat */
	char *name[FILES_MAX]; /* files read; `file` points at one */
	unsigned nfile;
};

/* ---- errors ---- */

static void add_error(struct parse *p, const char *file, unsigned line,
		      const char *fmt, va_list ap)
{
	struct conf_error *e;
	char what[320], *text;

	if (p->nerr == ERRS_MAX)
		return;
	vsnprintf(what, sizeof(what), fmt, ap);
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (line ? asprintf(&text, "%s:%u: %s", file, line, what) < 0 :
		   asprintf(&text, "%s: %s", file, what) < 0)
		return;
	e = &p->err[p->nerr++];
	*e = (struct conf_error){ .line = line, .order = p->file_no, .text = text };
}

__attribute__((format(printf, 3, 4))) static void
error_at(struct parse *p, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_error(p, p->file, line, fmt, ap);
	va_end(ap);
}

/* Forget errors from number `n` on. */
static void drop_errors(struct parse *p, unsigned n)
{
	while (p->nerr > n)
		free(p->err[--p->nerr].text);
}

static int error_cmp(const void *va, const void *vb)
{
	const struct conf_error *a = va, *b = vb;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static void print_errors(struct parse *p, FILE *errs)
{
	qsort(p->err, p->nerr, sizeof(p->err[0]), error_cmp);
	for (unsigned i = 0; i < p->nerr; i++)
		fprintf(errs, "%s\n", p->err[i].text);
	if (p->nerr == ERRS_MAX)
		fprintf(errs, "%s: more errors follow\n", p->file);
}

/* "interface.mtu" */
static const char *item_name(const struct conf_item *it, char buf[64])
{
	snprintf(buf, 64, "%s%s%s", conf_sec_name[it->sec], it->sec ? "." : "",
		 it->name);
	return buf;
}

/* ---- libconfuse's callbacks ---- */

static struct bind *bind_of(const cfg_opt_t *opt)
{
	return (struct bind *)opt->def.number;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *ret)
{
	struct bind *b = bind_of(opt);
	struct parse *p = b->p;
	const struct conf_item *it = b->it;
	unsigned i = it - conf_items;
	char want[160], name[64];

	*(const char **)ret = value;
	if (!strcmp(value, MARKER))
		return 0;
	if (it->reset && opt->nvalues == 1)
		it->reset(&p->st);
	p->st.line[i] = cfg->line;
	p->st.file[i] = p->file;
	p->st.conf.given |= it->given;
	if (it->take(&p->st, it, value, want))
		error_at(p, cfg->line, "%s: expected %s, not \"%.60s%s\"",
			 item_name(it, name), want, value,
			 strlen(value) > 60 ? "..." : "");
	return 0;
}

/* Lists of this section that were set to nothing. */
static void empty_lists(struct parse *p, cfg_t *sec)
{
	for (cfg_opt_t *o = sec->opts; o->name; o++)
		if (o->type == CFGT_STR && (o->flags & CFGF_LIST) && !o->nvalues)
			bind_of(o)->it->reset(&p->st);
}

static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	struct parse *p = bind_of(opt)->p;
	cfg_t *sec = opt->values[opt->nvalues - 1]->section;
	char want[160];

	empty_lists(p, sec);
	if (sec->title && conf_take_title(&p->st, sec->title, want))
		error_at(p, cfg->line, "interface: expected %s, not \"%.60s\"",
			 want, sec->title);
	return 0;
}

/* The name in this section nearest to `name`, at most `best` edits away. */
static const char *nearest(const cfg_t *cfg, const char *name, unsigned best)
{
	unsigned d;
	const char *found = NULL;

	for (const cfg_opt_t *o = cfg->opts; o->name; o++) {
		d = conf_distance(name, o->name);
		if (d <= best && (!found || d < best)) {
			best = d;
			found = o->name;
		}
	}
	return found;
}

/* The section that knows `name`, for an option in the wrong place. */
static const char *elsewhere(const char *name)
{
	for (unsigned i = 0; i < conf_nitems; i++)
		if (!strcmp(conf_items[i].name, name))
			return conf_items[i].sec ?
				       conf_sec_name[conf_items[i].sec] :
				       "the top level";
	return NULL;
}

static void unknown_option(struct parse *p, const cfg_t *cfg, const char *name)
{
	bool top = !strcmp(cfg->name, "root");
	const char *near = nearest(cfg, name, strlen(name) / 3),
		   *other = elsewhere(name);
	char full[80];

	snprintf(full, sizeof(full), "%s%s%.60s", top ? "" : cfg->name,
		 top ? "" : ".", name);
	if (!near && other) {
		error_at(p, cfg->line, "%s: unknown option here, expected in %s",
			 full, other);
		return;
	}
	if (!near)
		near = nearest(cfg, name, UINT_MAX);
	error_at(p, cfg->line, "%s: unknown option, expected perhaps \"%s\"", full,
		 near);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct parse *p = bind_of(&cfg->opts[0])->p;
	const char *name;

	if (strncmp(fmt, "no such option", 14)) {
		char what[200];

		vsnprintf(what, sizeof(what), fmt, ap);
		error_at(p, cfg->line,
			 "syntax: expected \"option = value\" or a section: %s",
			 what);
		return;
	}
	name = va_arg(ap, const char *);
	if (p->unknown)
		return;
	unknown_option(p, cfg, name);
	p->unknown = strdup(name);
	p->unknown_line = cfg->line;
}

/* ---- one text ---- */

static void make_opts(struct parse *p)
{
	unsigned n[SEC_N] = { 0 }, b = 0;

	for (unsigned i = 0; i < conf_nitems; i++) {
		const struct conf_item *it = &conf_items[i];
		cfg_opt_t str =
			CFG_STR_CB(it->name, NULL, CFGF_NODEFAULT, on_value);
		cfg_opt_t list = CFG_STR_LIST_CB(it->name, "{\"\\001\"}", CFGF_NONE,
						 on_value);
		cfg_opt_t *o = &p->opt[it->sec][n[it->sec]++];

		*o = it->reset ? list : str;
		p->bind[b] = (struct bind){ p, it };
		o->def.number = (long)&p->bind[b++];
	}
	for (unsigned s = SEC_TOP + 1; s < SEC_N; s++) {
		unsigned flags =
			s == SEC_INTERFACE ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE;
		cfg_opt_t sec = CFG_SEC((char *)conf_sec_name[s], p->opt[s], flags);
		cfg_opt_t end = CFG_END();

		p->opt[s][n[s]] = end;
		p->bind[b] = (struct bind){ p, NULL };
		sec.def.number = (long)&p->bind[b++];
		sec.validcb = on_section;
		p->opt[SEC_TOP][n[SEC_TOP]++] = sec;
	}
	p->opt[SEC_TOP][n[SEC_TOP]] = (cfg_opt_t)CFG_END();
}

/* One reading. 0, -EAGAIN: stopped at an unknown option, -EINVAL: at an error. */
static int scan(struct parse *p, char *text)
{
	cfg_t *cfg;
	FILE *f;
	int r;

	p->st = p->base;
	if (!*text)
		return 0;
	cfg = cfg_init(p->opt[SEC_TOP], CFGF_NONE);
	f = fmemopen(text, strlen(text), "r");
	if (!cfg || !f) {
		if (f)
			fclose(f);
		if (cfg)
			cfg_free(cfg);
		return -ENOMEM;
	}
	cfg_set_error_function(cfg, on_error);
	cfg->filename = strdup(p->file);
	r = cfg_parse_fp(cfg, f);
	if (r == CFG_SUCCESS)
		empty_lists(p, cfg);
	fclose(f);
	cfg_free(cfg);
	if (r == CFG_SUCCESS)
		return 0;
	return p->unknown ? -EAGAIN : -EINVAL;
}

static void parse_text(struct parse *p, char *text, size_t len)
{
	const char *want;
	unsigned line;
	int r;

	p->base = p->st;
	if (conf_text_clean(text, len, &line, &want)) {
		error_at(p, line, "syntax: expected %s", want);
		return;
	}
	p->kept = p->nerr;
	for (unsigned i = 0; i < RETRIES_MAX; i++) {
		bool cut;

		r = scan(p, text);
		if (r == -ENOMEM)
			error_at(p, 0, "out of memory");
		else if (r == -EINVAL && p->nerr == p->kept)
			error_at(
				p, 0,
				"syntax: expected \"option = value\" or a section");
		if (r != -EAGAIN)
			return;
		cut = conf_text_cut(text, p->unknown_line, p->unknown);
		free(p->unknown);
		p->unknown = NULL;
		if (!cut || i + 1 == RETRIES_MAX)
			return;
		/* of this reading only the unknown name stays: it came last */
		if (p->nerr > p->kept && p->nerr < ERRS_MAX) {
			struct conf_error e = p->err[--p->nerr];

			drop_errors(p, p->kept);
			p->err[p->nerr++] = e;
			p->kept = p->nerr;
		}
	}
}

/* ---- files ---- */

static int parse_begin(struct parse **ret_p)
{
	struct parse *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	conf_stage_defaults(&p->st);
	make_opts(p);
	*ret_p = p;
	return 0;
}

static int set_file(struct parse *p, const char *name)
{
	if (p->nfile == FILES_MAX)
		return -E2BIG;
	p->name[p->nfile] = strdup(name);
	if (!p->name[p->nfile])
		return -ENOMEM;
	p->file = p->name[p->nfile++];
	p->file_no = p->nfile;
	return 0;
}

static int parse_file(struct parse *p, const char *path, bool may_be_absent)
{
	char *text;
	size_t len;
	FILE *f;
	int r = set_file(p, path);

	if (r)
		return r;
	f = fopen(path, "re");
	if (!f) {
		if (errno == ENOENT && may_be_absent)
			return 0;
		r = -errno;
		error_at(p, 0, "cannot be read: %s", strerror(errno));
		return r;
	}
	text = malloc(FILE_MAX + 1);
	if (!text) {
		fclose(f);
		return -ENOMEM;
	}
	len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f)) {
		r = -EIO;
		error_at(p, 0, "cannot be read: %s", strerror(errno));
	} else if (len > FILE_MAX) {
		r = -EFBIG;
		error_at(p, 0, "expected a file of at most %u bytes", FILE_MAX);
	} else {
		text[len] = '\0';
		parse_text(p, text, len);
	}
	free(text);
	fclose(f);
	return r;
}

static void check_error(void *arg, unsigned item, const char *want)
{
	struct parse *p = arg;
	char name[64];

	p->file = p->st.file[item];
	for (unsigned i = 0; i < p->nfile; i++)
		if (p->name[i] == p->file)
			p->file_no = i + 1;
	error_at(p, p->st.line[item], "%s: expected %s",
		 item_name(&conf_items[item], name), want);
}

/* Keepalive without an interval or a count would never probe. */
static void complete(struct tcp_conf *t)
{
	if (t->keep_idle_us && !t->keep_intvl_us)
		t->keep_intvl_us = 75 * 1000000;
	if (!t->keep_probes)
		t->keep_probes = 9;
}

/* The result, or the errors. Frees `p`. */
static int parse_end(struct parse *p, int r, struct gust_conf **ret_conf,
		     FILE *errs)
{
	struct gust_conf *c = NULL;

	if (!r)
		conf_check(&p->st, check_error, p);
	if (p->nerr)
		r = r ? r : -EINVAL;
	if (!r) {
		c = malloc(sizeof(*c));
		r = c ? 0 : -ENOMEM;
	}
	if (!r) {
		*c = p->st.conf;
		complete(&c->snap.tcp);
		c->netns = p->st.netns[0] ? strdup(p->st.netns) : NULL;
		c->control = strdup(p->st.control);
		if (!c->control || (p->st.netns[0] && !c->netns))
			r = -ENOMEM;
	}
	print_errors(p, errs);
	if (r && !p->nerr)
		fprintf(errs, "%s: cannot be read: %s\n",
			p->file ? p->file : "configuration", strerror(-r));
	drop_errors(p, 0);
	for (unsigned i = 0; i < p->nfile; i++)
		free(p->name[i]);
	free(p->unknown);
	free(p);
	if (r)
		conf_free(c);
	else
		*ret_conf = c;
	return r;
}

void conf_free(struct gust_conf *c)
{
	if (!c)
		return;
	free(c->netns);
	free(c->control);
	free(c);
}

int conf_load(const char *path, struct gust_conf **ret_conf, FILE *errs)
{
	struct parse *p;
	int r = parse_begin(&p);

	if (r)
		return r;
	if (path)
		r = parse_file(p, path, false);
	return parse_end(p, r, ret_conf, errs);
}

static int conf_suffix(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int conf_load_dropins(const char *path, const char *dir,
		      struct gust_conf **ret_conf, FILE *errs)
{
	struct dirent **list = NULL;
	struct parse *p;
	int n, r = parse_begin(&p);

	if (r)
		return r;
	r = parse_file(p, path, true);
	n = scandir(dir, &list, conf_suffix, by_name);
	for (int i = 0; i < n; i++) {
		char *full;

		if (!r && asprintf(&full, "%s/%s", dir, list[i]->d_name) >= 0) {
			r = parse_file(p, full, false);
			free(full);
		}
		free(list[i]);
	}
	free(list);
	return parse_end(p, r, ret_conf, errs);
}

int conf_parse(const char *text, const char *name, struct gust_conf **ret_conf,
	       FILE *errs)
{
	struct parse *p;
	char *copy;
	int r = parse_begin(&p);

	if (r)
		return r;
	copy = strdup(text);
	r = copy ? set_file(p, name) : -ENOMEM;
	if (!r && strlen(copy) > FILE_MAX) {
		error_at(p, 0, "expected a text of at most %u bytes", FILE_MAX);
		r = -EFBIG;
	}
	if (!r)
		parse_text(p, copy, strlen(copy));
	free(copy);
	return parse_end(p, r, ret_conf, errs);
}
