/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.c - tunnels inside each other
 */
#include "cable/chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/eth.h"
#include "wire/ipaddr.h"

#define SPEC_MAX 512

/* ---- words ---- */

struct spec {
	struct gust_tunnel_conf *c;
	bool local, remote;
	char *save; /* strtok_r's */
	char *err;
	size_t err_len;
};

static int wrong(struct spec *s, const char *word, const char *want)
{
	snprintf(s->err, s->err_len, "tunnel: \"%s\": expected %s", word, want);
	return -EINVAL;
}

static int number(struct spec *s, const char *key, const char *v, unsigned long max,
		  unsigned long *ret)
{
	char want[64], *end;

	snprintf(want, sizeof(want), "%s and a number up to %lu", key, max);
	if (!v || *v < '0' || *v > '9')
		return wrong(s, v ? v : key, want);
	*ret = strtoul(v, &end, 0);
	return *end || *ret > max ? wrong(s, v, want) : 0;
}

static int address(struct spec *s, const char *key, const char *v, uint8_t ret[16],
		   bool *given)
{
	struct ipaddr a;
	bool v6;

	if (!v || ipaddr_parse(v, &a))
		return wrong(s, v ? v : key, "an address");
	v6 = !ipaddr_is4(&a);
	if ((s->local || s->remote) && v6 != s->c->v6)
		return wrong(s, v, "local and remote of one family");
	s->c->v6 = v6;
	memcpy(ret, v6 ? a.b : a.b + 12, v6 ? 16 : 4);
	*given = true;
	return 0;
}

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{ "csum", GUST_TUN_CSUM },       { "seq", GUST_TUN_SEQ },
	{ "df", GUST_TUN_DF },           { "ethernet", GUST_TUN_L2 },
	{ "remcsum", GUST_TUN_REMCSUM }, { "any", GUST_TUN_ANY },
};

static int take_number(struct spec *s, const char *word, const char *v)
{
	struct gust_tunnel_conf *c = s->c;
	unsigned long n;
	int r;

	if (!strcmp(word, "id") || !strcmp(word, "key")) {
		r = number(s, word, v, UINT32_MAX, &n);
		if (!r)
			c->id = (uint32_t)n;
		if (word[0] == 'k')
			c->flags |= GUST_TUN_KEY;
		return r;
	}
	if (!strcmp(word, "port")) {
		r = number(s, word, v, UINT16_MAX, &n);
		if (!r)
			c->port = (uint16_t)n;
		return r;
	}
	if (!strcmp(word, "ttl")) {
		r = number(s, word, v, 255, &n);
		if (!r)
			c->ttl = (uint8_t)n;
		return r;
	}
	return wrong(s, word,
		     "local, remote, id, key, port, ttl, csum, seq, df, ethernet, "
		     "remcsum or any");
}

static int take_word(struct spec *s, const char *word)
{
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(word, flags[i].name)) {
			s->c->flags |= flags[i].flag;
			return 0;
		}
	if (!strcmp(word, "local"))
		return address(s, word, strtok_r(NULL, " \t", &s->save),
			       s->c->local, &s->local);
	if (!strcmp(word, "remote"))
		return address(s, word, strtok_r(NULL, " \t", &s->save),
			       s->c->remote, &s->remote);
	return take_number(s, word, strtok_r(NULL, " \t", &s->save));
}

static int parse(struct chain_link *l, const char *text, char *err, size_t err_len)
{
	struct spec s = { .c = &l->conf, .err = err, .err_len = err_len };
	char copy[SPEC_MAX], *word;
	int r = 0;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return wrong(&s, "...", "a shorter text");
	word = strtok_r(copy, " \t", &s.save);
	if (!word || strlen(word) >= sizeof(l->kind))
		return wrong(&s, word ? word : "", "a kind of tunnel");
	strcpy(l->kind, word);
	while (!r && (word = strtok_r(NULL, " \t", &s.save)))
		r = take_word(&s, word);
	if (!r && (!s.local || !s.remote))
		return wrong(&s, text, "local ADDRESS and remote ADDRESS");
	return r;
}

/* ---- frames ---- */

static void station(const struct gust_tunnel_conf *c, const uint8_t a[16],
		    uint8_t ret[6])
{
	ret[0] = 0x02;
	ret[1] = 0x67;
	memcpy(ret + 2, a + (c->v6 ? 12 : 0), 4);
}

/* What of `b` is an IP packet gets a frame around it. */
static void put_frames(const struct chain_link *l, struct gust_batch *b,
		       struct drop_counters *drops)
{
	static const struct gust_layer layer = { .kind = GUST_L_ETH };
	struct gust_batch out;
	struct gust_pkt *p;

	gust_batch_init(&out);
	while ((p = gust_batch_pop(b))) {
		bool v6 = p->nlayer && p->layer[0].kind == GUST_L_IPV6;

		if (p->nlayer && p->layer[0].kind != GUST_L_ETH) {
			if (engine_services()->push(p, l->eth, sizeof(l->eth),
						    &layer, 1)) {
				drop_count(drops, DROP_TUNNEL_DEPTH, 1);
				pkt_free(p);
				continue;
			}
			put16(p->head + 12, v6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4);
		}
		gust_batch_push(&out, p);
	}
	*b = out;
}

/* The other way round; what is no IP is not for the tunnel inside. */
static void take_frames(struct gust_batch *b, struct drop_counters *drops)
{
	struct gust_batch out;
	struct gust_pkt *p;

	gust_batch_init(&out);
	while ((p = gust_batch_pop(b))) {
		if (p->nlayer > 1 && p->layer[0].kind == GUST_L_ETH) {
			pkt_pull(p, p->layer[1].off);
			gust_batch_push(&out, p);
			continue;
		}
		drop_count(drops, DROP_NOT_FOR_US, 1);
		pkt_free(p);
	}
	*b = out;
}

/* ---- the chain ---- */

static bool offers(const struct gust_plugin *d, const char *kind)
{
	for (unsigned i = 0; d->tunnels && d->tunnels[i]; i++)
		if (!strcmp(d->tunnels[i], kind))
			return true;
	return false;
}

int chain_add(struct chain *ch, const char *text, const struct engine_set *set,
	      char *err, size_t err_len)
{
	struct chain_link *l = &ch->link[ch->n];
	const struct gust_plugin *d = NULL;
	char why[200] = "";
	int r;

	if (ch->n == CHAIN_MAX) {
		snprintf(err, err_len, "at most %d tunnels inside each other",
			 CHAIN_MAX);
		return -EINVAL;
	}
	memset(l, 0, sizeof(*l));
	r = parse(l, text, err, err_len);
	if (r)
		return r;
	for (unsigned i = 0; i < set->n && !d; i++)
		if (offers(set->plugin[i].desc, l->kind)) {
			d = set->plugin[i].desc;
			l->plugin = i;
		}
	if (!d) {
		snprintf(err, err_len,
			 "tunnel: no active plugin makes tunnels of kind \"%s\"",
			 l->kind);
		return -EINVAL;
	}
	l->desc = d;
	l->conf.kind = l->kind;
	l->frames = !strcmp(l->kind, "vxlan") || !strcmp(l->kind, "gretap") ||
		    l->conf.flags & GUST_TUN_L2;
	station(&l->conf, l->conf.remote, l->eth);
	station(&l->conf, l->conf.local, l->eth + 6);
	r = d->tunnel_open(engine_services(), &l->conf, &l->tunnel, why,
			   sizeof(why));
	if (r) {
		snprintf(err, err_len, "tunnel %s: %s", l->kind, why);
		return r;
	}
	ch->n++;
	return 0;
}

void chain_close(struct chain *ch)
{
	while (ch->n) {
		struct chain_link *l = &ch->link[--ch->n];

		l->desc->tunnel_close(l->tunnel);
	}
}

uint32_t chain_overhead(const struct chain *ch)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < ch->n; i++)
		n += ch->link[i].desc->tunnel_overhead(ch->link[i].tunnel);
	return n;
}

void chain_encap(struct chain *ch, struct engine *e, struct gust_batch *b)
{
	for (unsigned i = 0; i < ch->n && b->n; i++) {
		struct gust_batch out;

		gust_batch_init(&out);
		if (i && ch->link[i].frames)
			put_frames(&ch->link[i], b, engine_drops(e));
		engine_encap(e, ch->link[i].plugin, ch->link[i].tunnel, b, &out);
		*b = out;
	}
}

void chain_decap(struct chain *ch, struct engine *e, struct gust_batch *b)
{
	for (unsigned i = ch->n; i-- && b->n;) {
		struct gust_batch out, rest;

		gust_batch_init(&out);
		gust_batch_init(&rest);
		engine_decap(e, ch->link[i].plugin, ch->link[i].tunnel, b, &out,
			     &rest);
		drop_count(engine_drops(e), DROP_NOT_FOR_US, rest.n);
		pkt_batch_free(&rest);
		*b = out;
		if (i && ch->link[i].frames)
			take_frames(b, engine_drops(e));
	}
}
