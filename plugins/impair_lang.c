/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_lang.c - the impair plugin's options: a small language
 *
 *	options  = section { ";" section }
 *	section  = [ ( "rx" | "tx" | "both" ) ":" ] item { "," item }
 *	item     = "loss" PERCENT
 *	         | "loss" "burst" PERCENT PERCENT [ PERCENT [ PERCENT ] ]
 *	         | "delay" TIME [ "jitter" TIME [ "ordered" ] ]
 *	         | "reorder" PERCENT [ "by" N ]
 *	         | "duplicate" PERCENT | "corrupt" PERCENT
 *	         | "rate" RATE [ "burst" BYTES ]
 *	         | "limit" N | "seed" N
 *	         | ( "drop" | "duplicate" | "corrupt" | "reorder" ) kind
 *	         | "delay" kind TIME
 *	kind     = ( "syn" | "syn-ack" | "fin" | "rst" | "ack" | "data" | "udp" | "icmp"
 *	         | "any" ) [ N | N ".." M | N ".." ] [ "port" N ]
 *
 * A section without a direction is for both. The whole text is read before anything
 * of it is used; what is wrong is named by its word, with what was expected there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "impair.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 100000
#define TIME_MAX_US UINT64_C(3600000000)
#define RATE_MAX UINT64_C(1000000000000)
#define MICRO UINT64_C(1000000)

static const char *const kind_names[N_KIND] = { "syn", "syn-ack", "fin",
						"rst", "ack",     "data",
						"udp", "icmp",    "any" };

#define KINDS "syn, syn-ack, fin, rst, ack, data, udp, icmp or any"

struct parser {
	const char *at; /* behind the present word */
	const char *w; /* the present word, or one of , ; : */
	size_t n; /* 0: the end */
	char *err;
	size_t err_len;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void next(struct parser *s)
{
	while (is_space(*s->at))
		s->at++;
	s->w = s->at;
	if (*s->at && strchr(",;:", *s->at))
		s->at++;
	else
		while (*s->at && !is_space(*s->at) && !strchr(",;:", *s->at))
			s->at++;
	s->n = (size_t)(s->at - s->w);
}

static bool is(const struct parser *s, const char *word)
{
	return strlen(word) == s->n && !memcmp(s->w, word, s->n);
}

/* Take the word if it is this one. */
static bool take(struct parser *s, const char *word)
{
	if (!is(s, word))
		return false;
	next(s);
	return true;
}

static int expected(struct parser *s, const char *what)
{
	int n = s->n > 40 ? 40 : (int)s->n;

	if (s->n)
		snprintf(s->err, s->err_len, "\"%.*s\": expected %s", n, s->w,
			 what);
	else
		snprintf(s->err, s->err_len, "at the end: expected %s", what);
	return -EINVAL;
}

/* The number at the beginning of the word, times a million; how many bytes it has,
 * 0: none, or too large. */
static size_t number(const struct parser *s, uint64_t *ret)
{
	uint64_t v = 0, unit = MICRO;
	size_t i = 0;
	bool dot = false, digit = false;

	for (; i < s->n; i++) {
		char c = s->w[i];

		if (c == '.' && !dot && digit && i + 1 < s->n &&
		    s->w[i + 1] != '.') {
			dot = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		digit = true;
		if (dot) {
			unit /= 10;
			v += unit * (uint64_t)(c - '0');
		} else {
			v = v * 10 + MICRO * (uint64_t)(c - '0');
		}
		if (v > RATE_MAX * MICRO)
			return 0;
	}
	*ret = v;
	return digit ? i : 0;
}

struct unit {
	const char *name;
	uint64_t factor; /* of the result, in millionths */
};

/* A number with one of these units; the result is rounded down. False: it is not
 * one, or not within the limits. */
static bool quantity(struct parser *s, const struct unit *u, uint64_t min,
		     uint64_t max, uint64_t *ret)
{
	uint64_t v;
	size_t n = number(s, &v);

	for (; n && u->name; u++) {
		if (!u->name[0] && v % MICRO)
			return false; /* packets and bytes are whole */
		if (strlen(u->name) != s->n - n ||
		    memcmp(u->name, s->w + n, s->n - n))
			continue;
		v = v / MICRO > max / u->factor ? max + 1 : v * u->factor / MICRO;
		if (v < min || v > max)
			return false;
		*ret = v;
		next(s);
		return true;
	}
	return false;
}

static const struct unit time_units[] = {
	{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { 0 }
};
static const struct unit rate_units[] = { { "bit", 1 },
					  { "kbit", 1000 },
					  { "mbit", 1000000 },
					  { "gbit", 1000000000 },
					  { 0 } };
static const struct unit size_units[] = { { "", 1 }, { "k", 1000 }, { 0 } };
static const struct unit no_units[] = { { "", 1 }, { 0 } };

static int get_time(struct parser *s, uint64_t *ret)
{
	if (quantity(s, time_units, 0, TIME_MAX_US, ret))
		return 0;
	return expected(s, "a time up to 3600s, such as 20ms, 500us or 1.5s");
}

static int get_percent(struct parser *s, uint64_t *ret)
{
	uint64_t v;
	size_t n = number(s, &v);

	if (!n || s->n != n + 1 || s->w[n] != '%' || v > 100 * MICRO)
		return expected(s, "a percentage from 0% to 100%, such as 0.5%");
	*ret = v * (CERTAIN / 100) / MICRO;
	if (v == 100 * MICRO)
		*ret = CERTAIN;
	next(s);
	return 0;
}

static bool at_percent(const struct parser *s)
{
	return s->n && s->w[s->n - 1] == '%';
}

/* loss P | loss burst P R [BAD [GOOD]] */
static int parse_loss(struct parser *s, struct dir_conf *c)
{
	int r;

	if (!take(s, "burst"))
		return get_percent(s, &c->loss);
	c->bursts = true;
	c->loss_bad = CERTAIN;
	c->loss_good = 0;
	r = get_percent(s, &c->to_bad);
	if (!r)
		r = get_percent(s, &c->to_good);
	if (!r && at_percent(s))
		r = get_percent(s, &c->loss_bad);
	if (!r && at_percent(s))
		r = get_percent(s, &c->loss_good);
	return r;
}

/* delay T [jitter T [ordered]] */
static int parse_delay(struct parser *s, struct dir_conf *c)
{
	int r = get_time(s, &c->delay_us);

	if (r || !take(s, "jitter"))
		return r;
	r = get_time(s, &c->jitter_us);
	c->ordered = !r && take(s, "ordered");
	return r;
}

/* reorder P [by N] */
static int parse_reorder(struct parser *s, struct dir_conf *c)
{
	uint64_t n = 1;
	int r = get_percent(s, &c->reorder);

	if (!r && take(s, "by") && !quantity(s, no_units, 1, 1000, &n))
		return expected(s, "a number of packets from 1 to 1000");
	c->reorder_by = (uint32_t)n;
	return r;
}

/* rate R [burst N] */
static int parse_rate(struct parser *s, struct dir_conf *c)
{
	if (!quantity(s, rate_units, 1000, RATE_MAX, &c->rate))
		return expected(s, "a rate from 1kbit to 1000gbit, such as 10mbit");
	c->burst = 0;
	if (take(s, "burst") && !quantity(s, size_units, 0, 1000000000, &c->burst))
		return expected(s, "a number of bytes, such as 15000 or 15k");
	return 0;
}

static int parse_limit(struct parser *s, struct dir_conf *c)
{
	uint64_t n;

	if (!quantity(s, no_units, 1, LIMIT_MAX, &n))
		return expected(s, "a number of packets from 1 to 100000");
	c->limit = (uint32_t)n;
	return 0;
}

static int parse_seed(struct parser *s, struct dir_conf *c)
{
	if (!quantity(s, no_units, 0, RATE_MAX, &c->seed))
		return expected(s, "a whole number up to 1000000000000");
	c->seeded = true;
	return 0;
}

/* N | N..M | N.. ; nothing: every one */
static int parse_range(struct parser *s, struct rule *ru)
{
	static const char what[] = "which ones, such as 2, 3..5 or 4..";
	struct parser part = *s;
	size_t n = 0;

	while (n < s->n && s->w[n] != '.')
		n++;
	part.n = n;
	part.at = s->w + n;
	if (!quantity(&part, no_units, 1, RATE_MAX, &ru->first))
		return expected(s, what);
	ru->last = ru->first;
	if (n < s->n) {
		if (s->n < n + 2 || s->w[n + 1] != '.')
			return expected(s, what);
		ru->last = UINT64_MAX;
		part.w = s->w + n + 2;
		part.n = s->n - n - 2;
		part.at = part.w + part.n;
		if (part.n &&
		    (!quantity(&part, no_units, ru->first, RATE_MAX, &ru->last)))
			return expected(s, what);
	}
	next(s);
	return 0;
}

static bool at_digit(const struct parser *s)
{
	return s->n && s->w[0] >= '0' && s->w[0] <= '9';
}

static int find_kind(const struct parser *s)
{
	for (int k = 0; k < N_KIND; k++)
		if (is(s, kind_names[k]))
			return k;
	return -1;
}

/* ACTION KIND [WHICH] [port N]; delay: and a time at the end */
static int parse_rule(struct parser *s, struct dir_conf *c, enum action a)
{
	struct rule ru = { .action = a, .first = 1, .last = UINT64_MAX };
	int k = find_kind(s), r;
	struct parser ahead;
	uint64_t port, t;

	if (k < 0)
		return expected(s, KINDS);
	if (c->nrule == RULES_MAX)
		return expected(s, "no more than 32 rules a direction");
	ru.kind = (uint8_t)k;
	next(s);
	ahead = *s;
	/* "delay syn 200ms" names no number */
	if (at_digit(s) &&
	    !(a == DELAY && quantity(&ahead, time_units, 0, TIME_MAX_US, &t))) {
		r = parse_range(s, &ru);
		if (r)
			return r;
	}
	if (take(s, "port")) {
		if (!quantity(s, no_units, 1, 65535, &port))
			return expected(s, "a port number from 1 to 65535");
		ru.has_port = true;
		ru.port = (uint16_t)port;
	}
	if (a == DELAY && (r = get_time(s, &ru.delay_us)))
		return r;
	c->rule[c->nrule++] = ru;
	return 0;
}

static const struct verb {
	const char *name;
	int (*parse)(struct parser *s, struct dir_conf *c);
	int rule; /* the action, when a kind of packet follows; -1: none */
} verbs[] = {
	{ "loss", parse_loss, -1 },       { "drop", NULL, DROP },
	{ "delay", parse_delay, DELAY },  { "reorder", parse_reorder, REORDER },
	{ "duplicate", NULL, DUPLICATE }, { "corrupt", NULL, CORRUPT },
	{ "rate", parse_rate, -1 },       { "limit", parse_limit, -1 },
	{ "seed", parse_seed, -1 },
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static int parse_item(struct parser *s, struct dir_conf *c)
{
	const struct verb *v = verbs;

	while (v < verbs + NVERBS && !is(s, v->name))
		v++;
	if (v == verbs + NVERBS)
		return expected(s,
				"loss, drop, delay, reorder, duplicate, corrupt, "
				"rate, limit or seed");
	next(s);
	if (v->rule == DROP || (v->rule >= 0 && find_kind(s) >= 0))
		return parse_rule(s, c, (enum action)v->rule);
	if (v->rule == DUPLICATE || v->rule == CORRUPT) {
		uint64_t *p = v->rule == DUPLICATE ? &c->duplicate : &c->corrupt;

		if (at_digit(s))
			return get_percent(s, p);
		return expected(s, "a percentage, or " KINDS);
	}
	if (v->rule >= 0 && !at_digit(s))
		return expected(s, v->rule == DELAY ? "a time, or " KINDS :
						      "a percentage, or " KINDS);
	return v->parse(s, c);
}

/* Items up to ; or the end, for these directions. */
static int parse_section(struct parser *s, struct instance *in, bool rx, bool tx)
{
	while (s->n && !is(s, ";")) {
		struct parser again = *s;
		int r = 0;

		if (rx)
			r = parse_item(s, &in->dir[GUST_RX]);
		if (!r && tx) {
			if (rx)
				*s = again;
			r = parse_item(s, &in->dir[GUST_TX]);
		}
		if (r)
			return r;
		if (s->n && !is(s, ";") && !take(s, ","))
			return expected(s, "a comma, a semicolon or the end");
	}
	return 0;
}

static int parse(struct parser *s, struct instance *in)
{
	next(s);
	while (s->n) {
		struct parser ahead = *s;
		bool rx = true, tx = true;
		int r;

		next(&ahead);
		if (is(&ahead, ":")) {
			rx = is(s, "rx") || is(s, "both");
			tx = is(s, "tx") || is(s, "both");
			if (!rx && !tx)
				return expected(s, "rx, tx or both");
			*s = ahead;
			next(s);
		}
		r = parse_section(s, in, rx, tx);
		if (r)
			return r;
		take(s, ";");
	}
	return 0;
}

int impair_open(const struct gust_host *host, const char *options,
		void **ret_instance, char *err, size_t err_len)
{
	struct parser s = { .at = options, .err = err, .err_len = err_len };
	struct instance *in = calloc(1, sizeof(*in));
	int r;

	if (!in)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		in->dir[i].limit = LIMIT_DEFAULT;
		in->dir[i].reorder_by = 1;
	}
	r = parse(&s, in);
	if (r) {
		free(in);
		return r;
	}
	*ret_instance = in;
	return 0;
}

void impair_close(void *instance)
{
	free(instance);
}
