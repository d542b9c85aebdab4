/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fdb.c - open addressing with linear probing over 32-byte entries
 *
 * The invariants are those of flow/table.c: no empty slot between an entry's home and
 * its place, removal moves later entries back. The entries stand in the slots
 * themselves, so a lookup is one hash (keyed: addresses are a stranger's choice) and
 * one line of cache, mostly. The table is made for its limit at once and never
 * grows; three quarters of the slots are used at the most.
 *
 * An entry whose time is over is not found any more from that moment, and the sweep
 * takes it away at most an eighth of the ageing time later.
 */
#include "switch/fdb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP 1024 /* slots that one call of fdb_age() looks at */

struct ent {
	uint64_t key; /* 0: empty */
	uint64_t seen_us;
	uint64_t told_us; /* when it was put in the outbox last */
	struct fdb_place place;
	bool fixed;
};

struct fdb {
	struct fdb_conf conf;
	struct siphash_key secret;
	struct ent *ent;
	uint32_t mask;
	uint32_t sweep; /* the next slot to look at */
	uint64_t sweep_us; /* when */
	uint32_t port_n[FDB_PORTS_MAX]; /* learned */
	uint32_t port_max[FDB_PORTS_MAX];
	struct fdb_change out[FDB_OUTBOX];
	unsigned n_out;
	struct fdb_stats st;
};

static uint64_t key_of(const struct ethaddr *mac, uint16_t vlan)
{
	uint64_t k = vlan & 0xfff;

	for (unsigned i = 0; i < 6; i++)
		k = k << 8 | mac->b[i];
	return k;
}

static void unkey(uint64_t key, struct ethaddr *ret_mac, uint16_t *ret_vlan)
{
	for (unsigned i = 0; i < 6; i++)
		ret_mac->b[i] = (uint8_t)(key >> (40 - 8 * i));
	*ret_vlan = (uint16_t)(key >> 48);
}

static bool is_station(const struct ethaddr *mac)
{
	return !ethaddr_is_group(mac) && key_of(mac, 0);
}

static uint32_t home(const struct fdb *f, uint64_t key)
{
	return (uint32_t)siphash13(&f->secret, &key, sizeof(key)) & f->mask;
}

/* Its slot, or the empty one where it would stand. */
static struct ent *slot_of(const struct fdb *f, uint64_t key)
{
	uint32_t i = home(f, key);

	while (f->ent[i].key && f->ent[i].key != key)
		i = (i + 1) & f->mask;
	return &f->ent[i];
}

static bool is_old(const struct fdb *f, const struct ent *e, const struct env *env)
{
	return !e->fixed && env->now_us - e->seen_us >= f->conf.ageing_us;
}

struct fdb *fdb_new(const struct fdb_conf *conf, const struct siphash_key *secret)
{
	struct fdb *f = calloc(1, sizeof(*f));
	uint64_t slots = 64;

	if (!f)
		return NULL;
	f->conf = *conf;
	if (!f->conf.max)
		f->conf.max = FDB_MAX;
	if (f->conf.max > UINT32_C(1) << 24)
		f->conf.max = UINT32_C(1) << 24;
	if (!f->conf.ageing_us)
		f->conf.ageing_us = FDB_AGEING_US;
	while (slots / 4 * 3 < f->conf.max)
		slots *= 2;
	f->secret = *secret;
	f->mask = (uint32_t)slots - 1;
	f->ent = calloc(slots, sizeof(*f->ent));
	if (!f->ent) {
		free(f);
		return NULL;
	}
	for (unsigned i = 0; i < FDB_PORTS_MAX; i++)
		f->port_max[i] = f->conf.max;
	return f;
}

void fdb_free(struct fdb *f)
{
	if (!f)
		return;
	free(f->ent);
	free(f);
}

void fdb_port_limit(struct fdb *f, unsigned port, uint32_t max)
{
	assert(port < FDB_PORTS_MAX);
	f->port_max[port] = max ? max : f->conf.max;
}

static void discard(struct fdb *f, struct ent *e)
{
	uint32_t i = (uint32_t)(e - f->ent), j;

	f->st.n--;
	if (e->fixed)
		f->st.n_static--;
	else
		f->port_n[e->place.port]--;
	for (j = (i + 1) & f->mask; f->ent[j].key; j = (j + 1) & f->mask) {
		uint32_t h = home(f, f->ent[j].key);

		if (((j - h) & f->mask) < ((j - i) & f->mask))
			continue;
		f->ent[i] = f->ent[j];
		i = j;
	}
	f->ent[i].key = 0;
}

/* Look at up to `n` slots; true: the table's end was reached. */
static bool sweep(struct fdb *f, const struct env *env, uint32_t n)
{
	while (n--) {
		struct ent *e = &f->ent[f->sweep];

		if (e->key && is_old(f, e, env)) {
			discard(f, e); /* another one may stand here now */
			f->st.aged++;
			continue;
		}
		if (f->sweep++ == f->mask) {
			f->sweep = 0;
			return true;
		}
	}
	return false;
}

void fdb_age(struct fdb *f, const struct env *env)
{
	if (env->now_us < f->sweep_us)
		return;
	if (sweep(f, env, SWEEP))
		f->sweep_us = env->now_us + f->conf.ageing_us / 8;
}

uint64_t fdb_deadline(const struct fdb *f)
{
	return f->st.n > f->st.n_static ? f->sweep_us : ENV_NEVER;
}

/* ---- learning ---- */

static void tell(struct fdb *f, struct ent *e, const struct env *env)
{
	struct fdb_change *c;

	if (!f->conf.share)
		return;
	if (f->n_out == FDB_OUTBOX) {
		f->st.unshared++; /* told_us stays: the next frame tries again */
		return;
	}
	c = &f->out[f->n_out++];
	unkey(e->key, &c->mac, &c->vlan);
	c->place = e->place;
	e->told_us = env->now_us;
}

/* Is there room for one more on this port? */
static bool room(struct fdb *f, unsigned port)
{
	return f->st.n < f->conf.max && f->port_n[port] < f->port_max[port];
}

static bool make_room(struct fdb *f, unsigned port, const struct env *env)
{
	if (room(f, port))
		return true;
	fdb_age(f, env); /* when it is due: a flood must not make us search */
	if (room(f, port))
		return true;
	if (f->st.n >= f->conf.max)
		f->st.full++;
	else
		f->st.port_full++;
	return false;
}

static void move(struct fdb *f, struct ent *e, struct fdb_place place)
{
	if (e->place.port != place.port &&
	    f->port_n[place.port] >= f->port_max[place.port]) {
		/* it stays where it was until it ages: a flood of others' addresses
		 * must not take them all over */
		f->st.port_full++;
		return;
	}
	f->port_n[e->place.port]--;
	f->port_n[place.port]++;
	e->place = place;
	e->told_us = 0;
	f->st.moved++;
}

/* NULL: not learned, or nothing to tell of. */
static struct ent *note(struct fdb *f, uint64_t key, struct fdb_place place,
			const struct env *env)
{
	struct ent *e = slot_of(f, key);
	bool same;

	if (!e->key) {
		if (!make_room(f, place.port, env))
			return NULL;
		e = slot_of(f, key); /* a sweep may have moved the empty slot */
		*e = (struct ent){ .key = key, .place = place };
		f->st.n++;
		f->port_n[place.port]++;
		f->st.learned++;
	}
	same = e->place.port == place.port && e->place.remote == place.remote;
	if (e->fixed) {
		f->st.pinned += !same;
		return NULL;
	}
	if (!same)
		move(f, e, place);
	if (e->place.port != place.port)
		return NULL;
	e->seen_us = env->now_us;
	return e;
}

void fdb_learn(struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	       struct fdb_place place, const struct env *env)
{
	struct ent *e;

	assert(is_station(mac) && place.port < FDB_PORTS_MAX);
	e = note(f, key_of(mac, vlan), place, env);
	if (e && (!e->told_us || env->now_us - e->told_us >= f->conf.ageing_us / 4))
		tell(f, e, env);
}

unsigned fdb_changes(struct fdb *f, struct fdb_change *ret, unsigned max)
{
	unsigned n = f->n_out < max ? f->n_out : max;

	memcpy(ret, f->out, n * sizeof(*ret));
	memmove(f->out, f->out + n, (f->n_out - n) * sizeof(*ret));
	f->n_out -= n;
	return n;
}

void fdb_apply(struct fdb *f, const struct fdb_change *c, const struct env *env)
{
	struct ent *e = note(f, key_of(&c->mac, c->vlan), c->place, env);

	if (e)
		e->told_us = env->now_us; /* whoever told us told everybody */
}

/* ---- lookup ---- */

bool fdb_find(const struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	      const struct env *env, struct fdb_place *ret_place)
{
	const struct ent *e = slot_of(f, key_of(mac, vlan));

	if (!e->key || is_old(f, e, env))
		return false;
	*ret_place = e->place;
	return true;
}

bool fdb_next(const struct fdb *f, uint32_t *pos, struct fdb_entry *ret)
{
	while (*pos <= f->mask) {
		const struct ent *e = &f->ent[(*pos)++];

		if (!e->key)
			continue;
		unkey(e->key, &ret->mac, &ret->vlan);
		ret->place = e->place;
		ret->fixed = e->fixed;
		ret->seen_us = e->seen_us;
		return true;
	}
	return false;
}

void fdb_stats(const struct fdb *f, struct fdb_stats *ret)
{
	*ret = f->st;
}

/* ---- the administrator ---- */

int fdb_add(struct fdb *f, const struct ethaddr *mac, uint16_t vlan,
	    struct fdb_place place)
{
	uint64_t key = key_of(mac, vlan);
	struct ent *e;

	if (!is_station(mac) || vlan > 0xfff || place.port >= FDB_PORTS_MAX)
		return -EINVAL;
	e = slot_of(f, key);
	if (!e->key) {
		if (f->st.n >= f->conf.max)
			return -ENOSPC;
		f->st.n++;
		f->st.n_static++;
	} else if (!e->fixed) {
		f->port_n[e->place.port]--;
		f->st.n_static++;
	}
	*e = (struct ent){ .key = key, .place = place, .fixed = true };
	return 0;
}

int fdb_del(struct fdb *f, const struct ethaddr *mac, uint16_t vlan)
{
	struct ent *e = slot_of(f, key_of(mac, vlan));

	if (!is_station(mac) || !e->key)
		return -ENOENT;
	discard(f, e);
	return 0;
}

void fdb_flush(struct fdb *f, unsigned port, unsigned remote)
{
	uint32_t i = 0;
	bool again;

	/* Removal moves entries towards lower slots, at the table's end from the
	 * first ones to the last: once round, and again when that happened. */
	do {
		again = false;
		for (i = 0; i <= f->mask;) {
			struct ent *e = &f->ent[i];

			if (!e->key || e->place.port != port ||
			    e->place.remote < remote) {
				i++;
				continue;
			}
			discard(f, e);
			again = true;
		}
	} while (again);
}
