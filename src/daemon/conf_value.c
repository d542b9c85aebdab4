/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_value.c - the values of the configuration file: text to numbers
 */
#include "daemon/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 10
#define WORD_LEN 64

/* The words of a line, copied. -EINVAL: too many, or one too long. */
struct words {
	unsigned n;
	char w[WORDS_MAX][WORD_LEN];
};

static int split(const char *s, struct words *ret)
{
	ret->n = 0;
	for (;;) {
		size_t len;

		s += strspn(s, " \t\r\n");
		if (!*s)
			return 0;
		len = strcspn(s, " \t\r\n");
		if (ret->n == WORDS_MAX || len >= WORD_LEN)
			return -EINVAL;
		memcpy(ret->w[ret->n], s, len);
		ret->w[ret->n++][len] = '\0';
		s += len;
	}
}

int conf_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };

	for (unsigned i = 0; i < 3; i++) {
		if (!strcasecmp(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (!strcasecmp(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

/* Digits at `s`; *ret_end is what follows them. strtoull() alone would take
 * signs, blanks and octal. */
static int digits(const char *s, uint64_t *ret, const char **ret_end)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned long long v;
	char *end;

	if (hex ? !isxdigit((unsigned char)s[2]) : !isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, hex ? 16 : 10);
	if (errno)
		return -EINVAL;
	*ret = v;
	*ret_end = end;
	return 0;
}

int conf_uint(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t v;

	if (digits(s, &v, &end) || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int with_unit(const char *s, const struct unit *units, uint64_t *ret)
{
	const char *end;
	uint64_t v;

	if (digits(s, &v, &end))
		return -EINVAL;
	end += strspn(end, " ");
	for (const struct unit *u = units; u->name; u++) {
		if (strcasecmp(u->name, end))
			continue;
		if (v > UINT64_MAX / u->factor)
			return -EINVAL;
		*ret = v * u->factor;
		return 0;
	}
	return -EINVAL;
}

int conf_size(const char *s, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 },          { "K", 1 << 10 },
		{ "M", 1 << 20 },   { "G", 1 << 30 },
		{ "KiB", 1 << 10 }, { "MiB", 1 << 20 },
		{ "GiB", 1 << 30 }, { 0 },
	};

	return with_unit(s, units, ret);
}

int conf_time_us(const char *s, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1000 },
		{ "us", 1 },
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "min", 60000000 },
		{ "h", UINT64_C(3600000000) },
		{ 0 },
	};

	return with_unit(s, units, ret);
}

static unsigned addr_bits(const struct ipaddr *a)
{
	return ipaddr_is4(a) ? 32 : 128;
}

/* "ADDR" or "ADDR/LEN"; *ret_plen is the whole address when LEN is absent. */
static int prefix(const char *w, struct ipaddr *ret_a, uint8_t *ret_plen)
{
	const char *slash = strchr(w, '/');
	char text[WORD_LEN];
	struct ipaddr a;
	uint64_t plen;

	snprintf(text, sizeof(text), "%.*s",
		 slash ? (int)(slash - w) : WORD_LEN - 1, w);
	if (ipaddr_parse(text, &a))
		return -EINVAL;
	plen = addr_bits(&a);
	if (slash && (conf_uint(slash + 1, &plen) || plen > addr_bits(&a)))
		return -EINVAL;
	*ret_a = a;
	*ret_plen = plen;
	return 0;
}

int conf_link_addr(const char *s, struct link_addr *ret, const char **ret_want)
{
	struct link_addr a = { 0 };
	struct words w;

	*ret_want = "an address: \"ADDR/LEN\" or \"ADDR peer ADDR\"";
	if (split(s, &w) || (w.n != 1 && w.n != 3))
		return -EINVAL;
	if (w.n == 1) {
		if (prefix(w.w[0], &a.local, &a.plen))
			return -EINVAL;
		a.peer = a.local;
	} else {
		if (strcmp(w.w[1], "peer") || ipaddr_parse(w.w[0], &a.local) ||
		    prefix(w.w[2], &a.peer, &a.plen))
			return -EINVAL;
		a.has_peer = true;
		*ret_want = "a peer of the same family as the address";
		if (ipaddr_is4(&a.local) != ipaddr_is4(&a.peer))
			return -EINVAL;
		*ret_want = "a peer that is not the address itself";
		if (ipaddr_eq(&a.local, &a.peer))
			return -EINVAL;
	}
	*ret_want = "a unicast address";
	if (ipaddr_is_any(&a.local) || ipaddr_is_multicast(&a.local) ||
	    ipaddr_is_any(&a.peer) || ipaddr_is_multicast(&a.peer))
		return -EINVAL;
	*ret = a;
	return 0;
}

static int route_dst(const char *w, struct link_route *r, bool *ret_any_family)
{
	static const uint8_t zero[16];

	*ret_any_family = false;
	if (!strcmp(w, "default")) {
		r->dst = ipaddr_from4(zero);
		*ret_any_family = true;
		return 0;
	}
	if (!strcmp(w, "default6")) {
		r->dst = ipaddr_from6(zero);
		return 0;
	}
	return prefix(w, &r->dst, &r->plen);
}

/* No bit of the address behind its prefix, as ip-route(8) demands. */
static bool host_bits_clear(const struct ipaddr *a, unsigned plen)
{
	unsigned from = plen + (ipaddr_is4(a) ? 96 : 0);

	for (unsigned i = from; i < 128; i++)
		if (a->b[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

int conf_link_route(const char *s, struct link_route *ret, const char **ret_want)
{
	struct link_route r = { .table = RT_TABLE_MAIN };
	bool any_family, has_via = false;
	struct words w;
	uint64_t v;

	*ret_want = "a route: \"default\", \"default6\" or \"NET/LEN\", then "
		    "[via ADDR] [metric N] [table N]";
	if (split(s, &w) || !w.n || w.n % 2 == 0 ||
	    route_dst(w.w[0], &r, &any_family))
		return -EINVAL;
	for (unsigned i = 1; i < w.n; i += 2) {
		if (!strcmp(w.w[i], "via")) {
			if (ipaddr_parse(w.w[i + 1], &r.via) ||
			    ipaddr_is_any(&r.via))
				return -EINVAL;
			has_via = true;
			continue;
		}
		if (conf_uint(w.w[i + 1], &v) || v > UINT32_MAX)
			return -EINVAL;
		if (!strcmp(w.w[i], "metric"))
			r.metric = v;
		else if (!strcmp(w.w[i], "table") && v)
			r.table = v;
		else
			return -EINVAL;
	}
	if (has_via && any_family && !ipaddr_is4(&r.via))
		memset(&r.dst, 0,
		       sizeof(r.dst)); /* "default via" an IPv6 address */
	*ret_want = "a gateway of the same family as the route";
	if (has_via && ipaddr_is4(&r.via) != ipaddr_is4(&r.dst))
		return -EINVAL;
	*ret_want = "a network: the bits behind the prefix must be zero";
	if (!host_bits_clear(&r.dst, r.plen))
		return -EINVAL;
	*ret = r;
	return 0;
}

int conf_mac(const char *s, struct ethaddr *ret, const char **ret_want)
{
	struct ethaddr m;

	*ret_want = "an Ethernet address: \"02:00:5e:10:00:01\"";
	if (strlen(s) != 17)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++) {
		const char *p = s + 3 * i;
		char hex[3] = { p[0], p[1], 0 };

		if (!isxdigit((unsigned char)p[0]) ||
		    !isxdigit((unsigned char)p[1]) || (i < 5 && p[2] != ':'))
			return -EINVAL;
		m.b[i] = strtoul(hex, NULL, 16);
	}
	*ret_want = "a unicast Ethernet address that is not all zero";
	if (ethaddr_is_group(&m) || !memcmp(m.b, (uint8_t[6]){ 0 }, 6))
		return -EINVAL;
	*ret = m;
	return 0;
}

int conf_map(const char *s, struct stack_map *ret, const char **ret_want)
{
	struct stack_map m;
	struct words w;

	*ret_want = "two addresses: \"INSIDE HOST\"";
	if (split(s, &w) || w.n != 2 || ipaddr_parse(w.w[0], &m.seen) ||
	    ipaddr_parse(w.w[1], &m.host))
		return -EINVAL;
	*ret_want = "unicast addresses";
	if (ipaddr_is_any(&m.seen) || ipaddr_is_multicast(&m.seen) ||
	    ipaddr_is_any(&m.host) || ipaddr_is_multicast(&m.host))
		return -EINVAL;
	*ret = m;
	return 0;
}

/* "192.0.2.1:80" or "[2001:db8::1]:80" */
static int endpoint(const char *w, struct ipaddr *ret_a, uint16_t *ret_port)
{
	const char *colon = strrchr(w, ':');
	char text[WORD_LEN];
	size_t len;
	struct ipaddr a;
	uint64_t port;

	if (!colon || conf_uint(colon + 1, &port) || !port || port > 65535)
		return -EINVAL;
	len = colon - w;
	memcpy(text, w, len);
	text[len] = '\0';
	if (text[0] == '[') {
		if (len < 2 || text[len - 1] != ']')
			return -EINVAL;
		text[len - 1] = '\0';
		if (ipaddr_parse(text + 1, &a) || ipaddr_is4(&a))
			return -EINVAL;
	} else if (ipaddr_parse(text, &a) || !ipaddr_is4(&a)) {
		return -EINVAL;
	}
	*ret_a = a;
	*ret_port = port;
	return 0;
}

int conf_publish(const char *s, struct stack_publish *ret, const char **ret_want)
{
	struct stack_publish p = { 0 };
	struct words w;

	*ret_want =
		"\"tcp|udp ADDR:PORT ADDR:PORT [device NAME]\", the listening end "
		"first, IPv6 addresses in brackets";
	if (split(s, &w) || (w.n != 3 && w.n != 5))
		return -EINVAL;
	if (!strcmp(w.w[0], "tcp"))
		p.proto = IPPROTO_TCP;
	else if (!strcmp(w.w[0], "udp"))
		p.proto = IPPROTO_UDP;
	else
		return -EINVAL;
	if (endpoint(w.w[1], &p.listen, &p.listen_port) ||
	    endpoint(w.w[2], &p.to, &p.to_port))
		return -EINVAL;
	if (w.n == 5) {
		if (strcmp(w.w[3], "device") || strlen(w.w[4]) >= sizeof(p.device))
			return -EINVAL;
		memcpy(p.device, w.w[4], strlen(w.w[4]) + 1);
	}
	*ret_want = "a destination inside that is one host's address";
	if (ipaddr_is_any(&p.to) || ipaddr_is_multicast(&p.to) ||
	    ipaddr_is_broadcast(&p.to))
		return -EINVAL;
	*ret_want = "a listening address that is not multicast";
	if (ipaddr_is_multicast(&p.listen))
		return -EINVAL;
	*ret = p;
	return 0;
}

#define DISTANCE_MAX 40

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned conf_distance(const char *a, const char *b)
{
	unsigned row[3][DISTANCE_MAX + 1]; /* two rows back, one back, this one */
	size_t la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return 2 * DISTANCE_MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *one = row[(i + 2) % 3],
			 *two = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned d = min3(one[j] + 1, now[j - 1] + 1,
					  one[j - 1] + (a[i - 1] != b[j - 1]));

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < d)
				d = two[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[la % 3][lb];
}
