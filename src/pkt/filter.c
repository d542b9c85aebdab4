/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c - compile and run filter expressions
 *
 * Theory of operation. A recursive descent parser emits a program in postfix
 * order; it runs on a stack of bits that is one 64-bit word. There are no jumps
 * and no loops: a program of n instructions takes n steps, and what it looks at
 * is taken from the packet once, before the first step. The parser knows how deep
 * the stack becomes and refuses what would not fit, so the evaluation checks
 * nothing.
 *
 *	expr  = and { "or" and }
 *	and   = not { "and" not }
 *	not   = "not" not | "(" expr ")" | test
 *	test  = PROTO [ rest ] | rest | "super" | "in" | "out"
 *	rest  = [ "src" | "dst" ] ( "host" | "net" ) ADDR [ "/" LEN ]
 *	      | ( "src" | "dst" ) ADDR [ "/" LEN ]
 *	      | [ "src" | "dst" ] ( "port" | "portrange" ) N [ "-" N ]
 *	      | ( "greater" | "less" ) N
 *
 * Limits: FILTER_TEXT_MAX, FILTER_INSN_MAX, NESTING_MAX.
 */
#include "pkt/filter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pkt/dissect.h"
#include "wire/bytes.h"

#define NESTING_MAX 32
#define STACK_MAX 64

#define PROTO_SCTP 132

enum op {
	OP_PROTO,
	OP_ARP,
	OP_IP4,
	OP_IP6,
	OP_ADDR,
	OP_PORT,
	OP_LEN,
	OP_SUPER,
	OP_DIR,
	OP_AND,
	OP_OR,
	OP_NOT,
};

enum side { SIDE_SRC = 1, SIDE_DST = 2, SIDE_ANY = 3 };

/* ---- words ---- */

struct parser {
	const char *text, *word; /* all, and the current word's begin */
	unsigned len; /* of the word; 0: the end */
	unsigned nesting, depth; /* parentheses; bits on the stack */
	struct filter *f;
	struct filter_insn none; /* written to when the program is full */
	struct filter_error *err;
	bool failed;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_symbol(char c)
{
	return c == '(' || c == ')' || c == '!' || c == '&' || c == '|';
}

static void next(struct parser *s)
{
	const char *p = s->word + s->len;

	while (is_blank(*p))
		p++;
	s->word = p;
	if ((p[0] == '&' || p[0] == '|') && p[1] == p[0]) {
		p += 2;
	} else if (is_symbol(*p)) {
		p++;
	} else {
		while (*p && !is_blank(*p) && !is_symbol(*p))
			p++;
	}
	s->len = p - s->word;
}

static bool is(const struct parser *s, const char *w)
{
	return strlen(w) == s->len && !memcmp(w, s->word, s->len);
}

static bool take(struct parser *s, const char *w)
{
	if (!is(s, w))
		return false;
	next(s);
	return true;
}

/* The first failure counts. */
__attribute__((format(printf, 2, 3))) static void fail(struct parser *s,
						       const char *fmt, ...)
{
	va_list ap;

	if (s->failed)
		return;
	s->failed = true;
	s->err->pos = s->word - s->text;
	va_start(ap, fmt);
	vsnprintf(s->err->text, sizeof(s->err->text), fmt, ap);
	va_end(ap);
}

static void expected(struct parser *s, const char *what)
{
	if (s->len)
		fail(s, "expected %s, not \"%.*s\"", what,
		     s->len < 24 ? (int)s->len : 24, s->word);
	else
		fail(s, "expected %s, not the end", what);
}

/* ---- the program ---- */

/* Append an instruction that takes `takes` bits off the stack and puts one. */
static struct filter_insn *emit(struct parser *s, enum op op, unsigned takes)
{
	struct filter_insn *i = &s->none;

	if (s->f->n == FILTER_INSN_MAX) {
		fail(s, "the expression is too long");
		return i;
	}
	s->depth += 1 - takes;
	if (s->depth > STACK_MAX)
		fail(s, "the expression is nested too deeply");
	i = &s->f->insn[s->f->n++];
	*i = (struct filter_insn){ .op = op };
	return i;
}

/* ---- values ---- */

/* A number at `p`, with at least one digit and at most `max`. Returns what
 * follows it, or NULL. */
static const char *number(const char *p, uint32_t max, uint32_t *ret)
{
	const char *begin = p;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (*p - '0');
		if (n > max)
			return NULL;
	}
	if (p == begin)
		return NULL;
	*ret = n;
	return p;
}

static void take_length(struct parser *s, bool at_least)
{
	struct filter_insn *i = emit(s, OP_LEN, 0);
	uint32_t n = 0;

	if (number(s->word, UINT32_MAX, &n) != s->word + s->len) {
		expected(s, "a number of bytes");
		return;
	}
	i->lo = at_least ? n : 0;
	i->hi = at_least ? UINT32_MAX : n;
	next(s);
}

static void take_port(struct parser *s, enum side side)
{
	struct filter_insn *i = emit(s, OP_PORT, 0);
	const char *end = s->word + s->len, *p;
	uint32_t lo = 0, hi = 0;

	p = number(s->word, UINT16_MAX, &lo);
	hi = lo;
	if (p && p < end && *p == '-')
		p = number(p + 1, UINT16_MAX, &hi);
	if (p != end || hi < lo) {
		expected(s, "a port from 0 to 65535, or two with a - between them");
		return;
	}
	i->side = side;
	i->lo = lo;
	i->hi = hi;
	next(s);
}

static void take_addr(struct parser *s, enum side side)
{
	struct filter_insn *i = emit(s, OP_ADDR, 0);
	const char *end = s->word + s->len;
	const char *slash = memchr(s->word, '/', s->len);
	unsigned n = slash ? slash - s->word : s->len;
	char text[IPADDR_STRLEN];
	uint32_t plen, max;

	if (!n || n >= sizeof(text)) {
		expected(s, "an IP address");
		return;
	}
	memcpy(text, s->word, n);
	text[n] = '\0';
	if (ipaddr_parse(text, &i->addr)) {
		expected(s, "an IP address");
		return;
	}
	plen = max = ipaddr_is4(&i->addr) ? 32 : 128;
	if (slash && number(slash + 1, max, &plen) != end) {
		fail(s, "expected a prefix length up to %u behind the /", max);
		return;
	}
	i->side = side;
	i->plen = plen;
	next(s);
}

/* ---- tests ---- */

static bool looks_like_addr(const struct parser *s)
{
	return memchr(s->word, '.', s->len) || memchr(s->word, ':', s->len);
}

/* What may stand by itself or behind a protocol. false: something else. */
static bool take_rest(struct parser *s)
{
	enum side side = SIDE_ANY;

	if (take(s, "src"))
		side = SIDE_SRC;
	else if (take(s, "dst"))
		side = SIDE_DST;
	if (take(s, "host") || take(s, "net"))
		take_addr(s, side);
	else if (take(s, "port") || take(s, "portrange"))
		take_port(s, side);
	else if (side != SIDE_ANY && looks_like_addr(s))
		take_addr(s, side);
	else if (side != SIDE_ANY)
		expected(s, "host, port or an address");
	else if (take(s, "greater"))
		take_length(s, true);
	else if (take(s, "less"))
		take_length(s, false);
	else
		return false;
	return true;
}

static bool take_proto(struct parser *s)
{
	static const struct {
		const char *name;
		uint8_t op, proto;
	} known[] = {
		{ "tcp", OP_PROTO, IPPROTO_TCP },
		{ "udp", OP_PROTO, IPPROTO_UDP },
		{ "sctp", OP_PROTO, PROTO_SCTP },
		{ "icmp", OP_PROTO, IPPROTO_ICMP },
		{ "icmp6", OP_PROTO, IPPROTO_ICMPV6 },
		{ "arp", OP_ARP, 0 },
		{ "ip", OP_IP4, 0 },
		{ "ip6", OP_IP6, 0 },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!take(s, known[i].name))
			continue;
		emit(s, known[i].op, 0)->proto = known[i].proto;
		return true;
	}
	return false;
}

static void take_test(struct parser *s)
{
	if (take_proto(s)) {
		if (take_rest(s))
			emit(s, OP_AND, 2);
	} else if (take(s, "super")) {
		emit(s, OP_SUPER, 0);
	} else if (take(s, "in")) {
		emit(s, OP_DIR, 0)->lo = FILTER_IN;
	} else if (take(s, "out")) {
		emit(s, OP_DIR, 0)->lo = FILTER_OUT;
	} else if (!take_rest(s)) {
		expected(s,
			 "a protocol, host, port, greater, less, super, in, out, "
			 "not or (");
	}
}

/* ---- operators ---- */

static void take_expr(struct parser *s);

static void take_not(struct parser *s)
{
	unsigned nots = 0;

	while (take(s, "not") || take(s, "!"))
		nots++;
	if (take(s, "(")) {
		if (++s->nesting > NESTING_MAX)
			fail(s, "the expression is nested too deeply");
		else
			take_expr(s);
		s->nesting--;
		if (!s->failed && !take(s, ")"))
			expected(s, "and, or or )");
	} else {
		take_test(s);
	}
	if (nots & 1 && !s->failed)
		emit(s, OP_NOT, 1);
}

static void take_and(struct parser *s)
{
	take_not(s);
	while (!s->failed && (take(s, "and") || take(s, "&&"))) {
		take_not(s);
		emit(s, OP_AND, 2);
	}
}

static void take_expr(struct parser *s)
{
	take_and(s);
	while (!s->failed && (take(s, "or") || take(s, "||"))) {
		take_and(s);
		emit(s, OP_OR, 2);
	}
}

int filter_compile(const char *text, struct filter *ret,
		   struct filter_error *ret_err)
{
	struct filter f = { 0 };
	struct filter_error err = { 0 };
	struct parser s = { .text = text, .word = text, .f = &f, .err = &err };

	if (strnlen(text, FILTER_TEXT_MAX + 1) > FILTER_TEXT_MAX) {
		s.word += FILTER_TEXT_MAX;
		fail(&s, "the expression is longer than %d bytes", FILTER_TEXT_MAX);
		*ret_err = err;
		return -EINVAL;
	}
	next(&s);
	if (s.len)
		take_expr(&s);
	if (!s.failed && s.len)
		expected(&s, "and, or or the end");
	if (s.failed) {
		*ret_err = err;
		return -EINVAL;
	}
	*ret = f;
	return 0;
}

/* ---- evaluation ---- */

/* What the tests look at. */
struct facts {
	uint32_t len;
	bool super, arp, ip, v4, ports;
	uint8_t proto;
	enum filter_dir dir;
	uint16_t sport, dport;
	struct ipaddr src, dst;
};

static bool has_ports(uint8_t kind)
{
	return kind == GUST_L_TCP || kind == GUST_L_UDP || kind == GUST_L_SCTP;
}

static bool is_fragment(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].flags & GUST_LF_FRAGMENT)
			return true;
	return false;
}

/* TCP, UDP and SCTP begin with them. */
static void take_ports(struct facts *x, const uint8_t *p)
{
	x->ports = true;
	x->sport = get16(p);
	x->dport = get16(p + 2);
}

static void gather(struct facts *x, const struct gust_pkt *p, enum filter_dir dir)
{
	const struct gust_layer *l3 = pkt_l3(p), *l4 = pkt_l4(p);
	uint8_t b[4];

	memset(x, 0, sizeof(*x));
	x->len = p->len;
	x->dir = dir;
	x->super = p->gso_size;
	if (!l3) {
		x->arp = pkt_layer(p, GUST_L_ARP);
		return;
	}
	x->ip = true;
	x->v4 = l3->kind == GUST_L_IPV4;
	pkt_addrs(p, &x->src, &x->dst, &x->proto);
	if (l4 && has_ports(l4->kind) && l4->off + 4u <= p->hlen)
		take_ports(x, p->head + l4->off);
	else if (!l4 && x->proto == PROTO_SCTP && !is_fragment(p) &&
		 pkt_payload_copy(p, 0, b, sizeof(b)) == sizeof(b))
		take_ports(x, b); /* of a map that ends with the IP header */
}

static bool within(uint32_t v, const struct filter_insn *i)
{
	return v >= i->lo && v <= i->hi;
}

static bool test(const struct filter_insn *i, const struct facts *x)
{
	switch ((enum op)i->op) {
	case OP_PROTO:
		return x->ip && x->proto == i->proto;
	case OP_ARP:
		return x->arp;
	case OP_IP4:
		return x->ip && x->v4;
	case OP_IP6:
		return x->ip && !x->v4;
	case OP_ADDR:
		return x->ip && ((i->side & SIDE_SRC &&
				  ipaddr_in_prefix(&x->src, &i->addr, i->plen)) ||
				 (i->side & SIDE_DST &&
				  ipaddr_in_prefix(&x->dst, &i->addr, i->plen)));
	case OP_PORT:
		return x->ports && ((i->side & SIDE_SRC && within(x->sport, i)) ||
				    (i->side & SIDE_DST && within(x->dport, i)));
	case OP_LEN:
		return within(x->len, i);
	case OP_SUPER:
		return x->super;
	case OP_DIR:
		return x->dir == i->lo;
	case OP_AND:
	case OP_OR:
	case OP_NOT:
		break;
	}
	return false;
}

bool filter_match(const struct filter *f, const struct gust_pkt *p,
		  enum filter_dir dir)
{
	uint64_t stack = 0; /* the top is bit 0 */
	struct facts x;

	if (!f->n)
		return true;
	gather(&x, p, dir);
	for (const struct filter_insn *i = f->insn; i < f->insn + f->n; i++) {
		uint64_t two = stack & 3;

		switch (i->op) {
		case OP_NOT:
			stack ^= 1;
			break;
		case OP_AND:
			stack = (stack >> 2) << 1 | (two == 3);
			break;
		case OP_OR:
			stack = (stack >> 2) << 1 | (two != 0);
			break;
		default:
			stack = stack << 1 | test(i, &x);
		}
	}
	return stack & 1;
}
