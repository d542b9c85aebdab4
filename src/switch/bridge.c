/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bridge.c - the decision of a learning bridge (IEEE 802.1Q 8.6 to 8.8)
 *
 * Frames are neither parsed beyond their Ethernet header and outermost tag nor
 * changed: VLAN tags pass as they are, and what is inside may be anything. Frames in
 * a row between the same two stations, which is what a batch mostly holds, are
 * looked up once.
 *
 * Flooding clones: heads are copied, payload is shared. The last port gets the frame
 * itself.
 */
#include "switch/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/switch.h"
#include "wire/bytes.h"

#define TOKEN 1000 /* of one frame */
#define SEC_US UINT64_C(1000000)

struct bucket {
	uint64_t last_us;
	uint64_t tokens; /* thousandths of a frame */
	uint32_t rate, burst; /* frames */
};

struct port {
	bool used;
	uint16_t remotes;
	struct bucket flood;
	struct gust_batch *out; /* by remote */
};

struct bridge {
	struct bridge_conf conf;
	struct fdb *fdb;
	struct port port[BRIDGE_PORTS_MAX];
	/* Batches that are not empty, a ring. */
	struct fdb_place *busy;
	uint32_t busy_at, busy_n, busy_max;
	struct bridge_stats st;
};

/* ---- set-up ---- */

struct bridge *bridge_new(const struct bridge_conf *conf)
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->conf = *conf;
	b->conf.secret = NULL;
	b->fdb = fdb_new(&conf->fdb, conf->secret);
	if (!b->fdb) {
		free(b);
		return NULL;
	}
	return b;
}

static void drop(struct bridge *b, struct gust_pkt *p, enum drop_reason why)
{
	drop_count(b->conf.drops, why, 1);
	pkt_free(p);
}

void bridge_free(struct bridge *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < BRIDGE_PORTS_MAX; i++)
		if (b->port[i].used)
			bridge_port_del(b, i);
	fdb_free(b->fdb);
	free(b->busy);
	free(b);
}

static void bucket_set(struct bucket *t, uint32_t rate, uint32_t burst)
{
	t->rate = rate ? rate : BRIDGE_FLOOD_RATE;
	t->burst = burst ? burst : t->rate / 10;
	if (!t->burst)
		t->burst = 1;
	t->last_us = 0;
}

/* Room for every batch to be busy. */
static int busy_reserve(struct bridge *b, uint32_t n)
{
	struct fdb_place *busy;

	if (n <= b->busy_max)
		return 0;
	busy = malloc(n * sizeof(*busy));
	if (!busy)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->busy_n; i++)
		busy[i] = b->busy[(b->busy_at + i) % b->busy_max];
	free(b->busy);
	b->busy = busy;
	b->busy_at = 0;
	b->busy_max = n;
	return 0;
}

/* Forget batches of a port at remotes from `remote` on. */
static void busy_purge(struct bridge *b, unsigned port, unsigned remote)
{
	uint32_t n = b->busy_n;

	b->busy_n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct fdb_place at = b->busy[(b->busy_at + i) % b->busy_max];

		if (at.port != port || at.remote < remote)
			b->busy[(b->busy_at + b->busy_n++) % b->busy_max] = at;
		else
			pkt_batch_free(&b->port[port].out[at.remote]);
	}
}

static int port_apply(struct bridge *b, unsigned port,
		      const struct bridge_port_conf *conf)
{
	unsigned remotes = conf->remotes ? conf->remotes : 1;
	struct port *p = &b->port[port];
	struct gust_batch *out;
	uint32_t total = remotes;

	if (remotes > BRIDGE_REMOTES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < BRIDGE_PORTS_MAX; i++)
		total += i != port ? b->port[i].remotes : 0;
	if (p->remotes > remotes)
		total += p->remotes - remotes; /* until they are purged */
	if (busy_reserve(b, total) < 0)
		return -ENOMEM;
	out = calloc(remotes, sizeof(*out));
	if (!out)
		return -ENOMEM;
	if (p->remotes > remotes) {
		busy_purge(b, port, remotes);
		fdb_flush(b->fdb, port, remotes);
	}
	for (unsigned i = 0; i < remotes && i < p->remotes; i++)
		out[i] = p->out[i];
	free(p->out);
	p->out = out;
	p->remotes = remotes;
	p->used = true;
	bucket_set(&p->flood, conf->flood_rate, conf->flood_burst);
	fdb_port_limit(b->fdb, port, conf->fdb_max);
	return 0;
}

int bridge_port_add(struct bridge *b, unsigned port,
		    const struct bridge_port_conf *conf)
{
	if (port >= BRIDGE_PORTS_MAX)
		return -EINVAL;
	if (b->port[port].used)
		return -EEXIST;
	return port_apply(b, port, conf);
}

int bridge_port_set(struct bridge *b, unsigned port,
		    const struct bridge_port_conf *conf)
{
	if (port >= BRIDGE_PORTS_MAX || !b->port[port].used)
		return -ENOENT;
	return port_apply(b, port, conf);
}

int bridge_port_del(struct bridge *b, unsigned port)
{
	if (port >= BRIDGE_PORTS_MAX || !b->port[port].used)
		return -ENOENT;
	busy_purge(b, port, 0);
	fdb_flush(b->fdb, port, 0);
	free(b->port[port].out);
	b->port[port] = (struct port){ 0 };
	return 0;
}

struct fdb *bridge_fdb(struct bridge *b)
{
	return b->fdb;
}

void bridge_stats(const struct bridge *b, struct bridge_stats *ret)
{
	*ret = b->st;
}

/* ---- output ---- */

static bool exists(const struct bridge *b, struct fdb_place at)
{
	return at.port < BRIDGE_PORTS_MAX && at.remote < b->port[at.port].remotes;
}

static void push(struct bridge *b, struct fdb_place at, struct gust_pkt *p)
{
	struct gust_batch *out = &b->port[at.port].out[at.remote];

	if (!out->n)
		b->busy[(b->busy_at + b->busy_n++) % b->busy_max] = at;
	gust_batch_push(out, p);
}

bool bridge_output(struct bridge *b, struct fdb_place *ret_place,
		   struct gust_batch *ret_batch)
{
	struct fdb_place at;

	if (!b->busy_n)
		return false;
	at = b->busy[b->busy_at];
	b->busy_at = (b->busy_at + 1) % b->busy_max;
	b->busy_n--;
	*ret_place = at;
	*ret_batch = b->port[at.port].out[at.remote];
	gust_batch_init(&b->port[at.port].out[at.remote]);
	return true;
}

/* ---- flooding ---- */

static bool bucket_take(struct bucket *t, uint32_t frames, const struct env *env)
{
	uint64_t full = (uint64_t)t->burst * TOKEN;
	uint64_t cost = (uint64_t)(frames < t->burst ? frames : t->burst) * TOKEN;
	uint64_t us = env->now_us - t->last_us;

	if (t->rate == BRIDGE_UNLIMITED)
		return true;
	if (!t->last_us || us >= full * (SEC_US / TOKEN) / t->rate) {
		t->tokens = full;
		t->last_us = env->now_us;
	} else {
		uint64_t add = us * t->rate / (SEC_US / TOKEN);

		/* what was too short for a thousandth counts the next time */
		t->last_us += add * (SEC_US / TOKEN) / t->rate;
		t->tokens = t->tokens + add > full ? full : t->tokens + add;
	}
	/* more than a burst passes when the bucket is full: one superpacket may */
	if (t->tokens < cost)
		return false;
	t->tokens -= cost;
	return true;
}

static void flood(struct bridge *b, unsigned from, struct gust_pkt *p,
		  const struct env *env)
{
	struct fdb_place last = { 0 };
	bool any = false;

	if (!bucket_take(&b->port[from].flood, pkt_segs(p), env)) {
		drop(b, p, DROP_FLOOD_LIMIT);
		return;
	}
	for (unsigned i = 0; i < BRIDGE_PORTS_MAX; i++) {
		if (i == from)
			continue;
		for (unsigned r = 0; r < b->port[i].remotes; r++) {
			struct gust_pkt *c =
				any ? pkt_clone(b->conf.pool, p) : NULL;

			if (c) {
				push(b, last, c);
				b->st.copies++;
			} else if (any) {
				drop_count(b->conf.drops, DROP_NO_PKT, 1);
			}
			last = (struct fdb_place){ i, r };
			any = true;
		}
	}
	if (!any) {
		drop(b, p, DROP_BRIDGE_NO_PORT);
		return;
	}
	push(b, last, p);
	b->st.flooded++;
}

/* ---- input ---- */

/* What a frame says to a bridge. */
struct frame {
	struct ethaddr dst, src; /* side by side, as on the wire */
	uint16_t vlan;
};

static bool frame_of(const struct gust_pkt *p, struct frame *ret)
{
	if (!p->nlayer || p->layer[0].kind != GUST_L_ETH || p->layer[0].off ||
	    p->hlen < ETH_HLEN)
		return false;
	memcpy(&ret->dst, p->head, 6);
	memcpy(&ret->src, p->head + 6, 6);
	ret->vlan = 0;
	if (p->nlayer > 1 && p->layer[1].kind == GUST_L_VLAN)
		ret->vlan = get16(p->head + p->layer[1].off) & 0xfff;
	return true;
}

/* IEEE 802.1Q 8.6.3: spanning tree, pause, LACP and the like end at the next bridge,
 * and we speak none of them. */
static bool is_reserved(const struct ethaddr *a)
{
	static const uint8_t prefix[5] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !memcmp(a->b, prefix, 5) && a->b[5] < 0x10;
}

static bool is_zero(const struct ethaddr *a)
{
	static const struct ethaddr zero;

	return !memcmp(a, &zero, sizeof(zero));
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
	return a->vlan == b->vlan && !memcmp(&a->dst, &b->dst, sizeof(a->dst)) &&
	       !memcmp(&a->src, &b->src, sizeof(a->src));
}

/* May the frame be bridged at all? */
static enum drop_reason judge(struct gust_pkt *p, struct frame *ret_f)
{
	if (!frame_of(p, ret_f))
		return DROP_NOT_ETH;
	if (ethaddr_is_group(&ret_f->src) || is_zero(&ret_f->src))
		return DROP_BAD_ADDR;
	if (is_reserved(&ret_f->dst))
		return DROP_BRIDGE_RESERVED;
	return switch_hop(p) ? DROP_NONE : DROP_SWITCH_LOOP;
}

void bridge_input(struct bridge *b, struct fdb_place from, struct gust_batch *in,
		  const struct env *env)
{
	struct frame last = { 0 }, f;
	struct fdb_place to = { 0 };
	bool known = false, cached = false;
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in))) {
		enum drop_reason why =
			exists(b, from) ? judge(p, &f) : DROP_BRIDGE_NO_PORT;

		if (why != DROP_NONE) {
			drop(b, p, why);
			continue;
		}
		if (!cached || !same_frame(&f, &last)) {
			fdb_learn(b->fdb, &f.src, f.vlan, from, env);
			/* another worker may have told of a port that is gone */
			known = !ethaddr_is_group(&f.dst) &&
				fdb_find(b->fdb, &f.dst, f.vlan, env, &to) &&
				exists(b, to);
			last = f;
			cached = true;
		}
		if (!known) {
			flood(b, from.port, p, env);
		} else if (to.port == from.port) {
			drop(b, p, DROP_BRIDGE_HAIRPIN);
		} else {
			push(b, to, p);
			b->st.forwarded++;
		}
	}
}
