/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_write.c - packets of a tee as blocks of a capture file
 *
 * A packet is rebuilt from its record for cutting: the head is copied, the payload
 * stays in the ring's memory, lent to the pieces as a fragment of a slab (`loan`)
 * that belongs to no pool and whose last reference is never dropped. So a
 * superpacket's payload is copied once, from the ring to the client's buffer.
 *
 * The first thing about a superpacket is its cut: its comment names the numbers of
 * its wire packets, so their count must be known before it is written.
 *
 * A packet that leaves with its checksum owed has an undefined checksum field
 * inside gust. It is shown as the kernel is given it: with the sum of the pseudo
 * header, which Wireshark knows as "partial".
 *
 * Limit: a superpacket of more than CUT_MAX segments is shown uncut.
 */
#include "daemon/capture_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/pcapng.h"
#include "wire/bytes.h"
#include "wire/csum.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define CUT_MAX 4096
#define IOV_MAX_PIECE 64
#define COMMENT_MAX 800 /* of a packet in the super view */
#define PIECE_COMMENT_MAX 200 /* in the wire view */
#define HEADER_MAX 8192 /* a section header and two interfaces */
#define STATS_MAX 512

static struct engine *make_engine(struct capture_writer *w)
{
	struct engine_conf c = { .pool = w->pool,
				 .drops = &w->drops,
				 .env = &w->env };

	w->env = (struct env){ .now_us = 1, .rng = &w->rng };
	return rng_seed_os(&w->rng) ? NULL : engine_new(&c);
}

int capture_writer_init(struct capture_writer *w)
{
	struct pkt_limits lim = { .slab_max = 2, .pkt_max = CUT_MAX };

	w->pool = pkt_pool_new(&lim);
	w->engine = w->pool ? make_engine(w) : NULL;
	w->loan = (struct gust_slab){ .pool = w->pool, .cap = UINT32_MAX };
	atomic_init(&w->loan.ref, 1);
	return w->engine ? 0 : -ENOMEM;
}

void capture_writer_plugins(struct capture_writer *w, const struct engine_set *set)
{
	struct engine_set cutters = { 0 };
	struct gust_batch held[2];
	char err[256];

	for (unsigned i = 0; i < set->n; i++)
		if (set->plugin[i].desc->gso)
			cutters.plugin[cutters.n++] = set->plugin[i];
	gust_batch_init(&held[GUST_RX]);
	gust_batch_init(&held[GUST_TX]);
	if (engine_set(w->engine, &cutters, held, err, sizeof(err)))
		log_warn("capture: %s", err);
	pkt_batch_free(&held[GUST_RX]);
	pkt_batch_free(&held[GUST_TX]);
}

void capture_writer_free(struct capture_writer *w)
{
	engine_free(w->engine);
	w->engine = NULL;
	if (w->pool)
		pkt_pool_free(w->pool);
	w->pool = NULL;
}

/* ---- room in the client's buffer ---- */

static int open_room(struct evbuffer *out, size_t n, struct evbuffer_iovec *v,
		     struct pcapng_out *o)
{
	if (evbuffer_reserve_space(out, n, v, 1) != 1)
		return -ENOMEM;
	*o = (struct pcapng_out){ .p = v->iov_base, .cap = v->iov_len };
	return 0;
}

static int close_room(struct capture_writer *w, struct evbuffer *out,
		      struct evbuffer_iovec *v, const struct pcapng_out *o)
{
	v->iov_len = o->len;
	w->bytes += o->len;
	return evbuffer_commit_space(out, v, 1) ? -ENOMEM : 0;
}

/* ---- a section's begin and end ---- */

static int write_interface(const struct capture_writer *w, const char *view,
			   const char *what, struct pcapng_out *o)
{
	char name[32];
	struct pcapng_interface i = {
		.link = w->l2 ? PCAPNG_LINK_ETHERNET : PCAPNG_LINK_RAW,
		.snaplen = w->snaplen,
		.name = name,
		.description = what,
		.filter = w->filter[0] ? w->filter : NULL,
		.tsresol = 6,
	};

	snprintf(name, sizeof(name), "%s (%s)", w->port, view);
	return pcapng_interface(o, &i);
}

int capture_write_section(struct capture_writer *w, uint64_t now_us,
			  const struct capture_counts *n, struct evbuffer *out)
{
	struct evbuffer_iovec v;
	struct pcapng_out o;
	struct utsname u;
	char os[160] = "Linux";
	int r = open_room(out, HEADER_MAX, &v, &o);

	if (r)
		return r;
	if (!uname(&u))
		snprintf(os, sizeof(os), "%s %s", u.sysname, u.release);
	w->number = w->bytes = w->super = w->wire = 0;
	w->start_us = now_us;
	w->base = *n;
	r = pcapng_section(&o, "gust " PACKAGE_VERSION, os);
	if (!r && w->view & CAPTURE_SUPER)
		r = write_interface(w, "super", "packets as the port carries them",
				    &o);
	if (!r && w->view & CAPTURE_WIRE)
		r = write_interface(w, "wire", "packets as they are on the wire",
				    &o);
	return r ? r : close_room(w, out, &v, &o);
}

int capture_write_stats(struct capture_writer *w, uint64_t now_us,
			const struct capture_counts *n, struct evbuffer *out)
{
	struct pcapng_stats s = { .ts = now_us,
				  .start = w->start_us,
				  .end = now_us };
	const struct capture_counts *b = &w->base;
	struct evbuffer_iovec v;
	struct pcapng_out o;
	int r = open_room(out, STATS_MAX, &v, &o);

	if (!r && w->view & CAPTURE_SUPER) {
		s.received = n->seen - b->seen;
		s.accepted = n->accepted - b->accepted;
		s.dropped = n->lost - b->lost;
		s.delivered = w->super;
		r = pcapng_stats(&o, &s);
		s.interface++;
	}
	if (!r && w->view & CAPTURE_WIRE) {
		/* what the filter refused is counted in whole packets */
		s.accepted = n->segs - b->segs;
		s.received = n->seen - b->seen - (n->accepted - b->accepted) +
			     s.accepted;
		s.dropped = n->lost_segs - b->lost_segs;
		s.delivered = w->wire;
		r = pcapng_stats(&o, &s);
	}
	return r ? r : close_room(w, out, &v, &o);
}

/* ---- comments ---- */

struct text {
	char s[COMMENT_MAX];
	unsigned len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t,
						      const char *fmt, ...)
{
	size_t room = sizeof(t->s) - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, room, fmt, ap);
	va_end(ap);
	t->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static const char *gso_name(uint8_t type)
{
	static const char *const names[] = {
		[GUST_GSO_NONE] = "none", [GUST_GSO_TCP4] = "tcp4",
		[GUST_GSO_TCP6] = "tcp6", [GUST_GSO_UDP4] = "udp4",
		[GUST_GSO_UDP6] = "udp6", [GUST_GSO_UFO] = "ufo",
		[GUST_GSO_SCTP] = "sctp",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

static const char *layer_name(uint8_t kind)
{
	static const char *const names[] = {
		[GUST_L_NONE] = "none",       [GUST_L_ETH] = "eth",
		[GUST_L_VLAN] = "vlan",       [GUST_L_ARP] = "arp",
		[GUST_L_IPV4] = "ipv4",       [GUST_L_IPV6] = "ipv6",
		[GUST_L_HOPOPTS] = "hopopts", [GUST_L_ROUTING] = "routing",
		[GUST_L_FRAGHDR] = "frag",    [GUST_L_DSTOPTS] = "dstopts",
		[GUST_L_AH] = "ah",           [GUST_L_ESP] = "esp",
		[GUST_L_TCP] = "tcp",         [GUST_L_UDP] = "udp",
		[GUST_L_ICMP] = "icmp",       [GUST_L_ICMP6] = "icmp6",
		[GUST_L_SCTP] = "sctp",       [GUST_L_GRE] = "gre",
		[GUST_L_VXLAN] = "vxlan",     [GUST_L_GENEVE] = "geneve",
		[GUST_L_GUE] = "gue",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* "ipv4@0 tcp@20 payload@52" */
static void add_layers(struct text *t, const struct tee_rec *r)
{
	const struct gust_layer *l = tee_layers(r);

	add(t, ", layers");
	for (unsigned i = 0; i < r->nlayer; i++)
		add(t, " %s@%u%s%s%s", layer_name(l[i].kind), l[i].off,
		    l[i].flags & GUST_LF_FRAGMENT ? "(fragment)" : "",
		    l[i].flags & GUST_LF_JUMBO ? "(jumbo)" : "",
		    l[i].flags & GUST_LF_FIXEDID ? "(fixed ID)" : "");
	if (r->len > r->hlen)
		add(t, " payload@%u", r->hlen);
}

/* Of the super view. `nwire` packets of the wire view follow; 0: there is none. */
static void describe(const struct capture_writer *w, const struct tee_rec *r,
		     uint32_t nwire, struct text *t)
{
	uint64_t first = w->number + 2;

	if (r->gso_size)
		add(t, "superpacket: gso_type %s, gso_size %u, %u segments",
		    gso_name(r->gso_type), r->gso_size, r->segs);
	else
		add(t, "plain packet");
	add_layers(t, r);
	add(t, ", checksum %s",
	    r->need & GUST_F_CSUM    ? "owed" :
	    r->need & GUST_F_CSUM_OK ? "verified" :
				       "as it is");
	if (r->need & GUST_F_ECN)
		add(t, ", CWR on the first segment");
	if (r->need & GUST_F_ACCECN)
		add(t, ", AccECN");
	add(t, ", %s, worker %u", r->dir == FILTER_OUT ? "out" : "in", r->worker);
	if (nwire == 1)
		add(t, ", wire packet #%" PRIu64, first);
	else if (nwire)
		add(t, ", wire packets #%" PRIu64 "-#%" PRIu64, first,
		    first + nwire - 1);
}

/* Of the wire view: piece `i` of `n`; `super` is its packet's number, or 0. */
static void describe_piece(const struct tee_rec *r, uint32_t i, uint32_t n,
			   uint64_t super, const char *uncut, struct text *t)
{
	const char *of = r->gso_size ? "superpacket" : "packet";

	if (uncut)
		add(t, "not cut: %s; ", uncut);
	else if (r->gso_size)
		add(t, "segment %u of %u of ", i, n);
	else
		add(t, "the same as ");
	if (super)
		add(t, "%s #%" PRIu64, of, super);
	else if (r->gso_size)
		add(t, "a superpacket of %u bytes", r->len);
	else
		add(t, "the port's packet");
	add(t, ", %s, worker %u", r->dir == FILTER_OUT ? "out" : "in", r->worker);
}

/* ---- from a record to packets ---- */

void capture_cut(struct engine *e, struct gust_pkt *p, struct gust_batch *out)
{
	/* a port that can do nothing, and takes packets of any size */
	const struct port_caps wire = { .mtu = UINT32_MAX / 2 };
	struct plan_stats none = { 0 };
	struct gust_batch one;

	gust_batch_init(&one);
	gust_batch_push(&one, p);
	plan_fit(e, &one, &wire, out, &none);
}

/* The packet of a whole record. NULL: its headers are longer than a head. */
static struct gust_pkt *rebuild(struct capture_writer *w, const struct tee_rec *r)
{
	struct gust_pkt *p = r->hlen <= PKT_HEAD_LEN ? pkt_new(w->pool) : NULL;
	struct gust_frag f = { tee_bytes(r) + r->hlen, &w->loan, r->len - r->hlen };

	if (!p)
		return NULL;
	memcpy(p->head, tee_bytes(r), r->hlen);
	memcpy(p->layer, tee_layers(r), r->nlayer * sizeof(p->layer[0]));
	p->hlen = p->len = r->hlen;
	p->nlayer = r->nlayer;
	p->gso_size = r->gso_size;
	p->gso_type = r->gso_type;
	p->need = r->need;
	if (!f.len)
		return p;
	frag_ref(&f);
	if (pkt_frag_add(p, &f)) {
		frag_unref(&f);
		pkt_free(p);
		return NULL;
	}
	return p;
}

/* The wire packets of a record. NULL, or why there are none. */
static const char *cut(struct capture_writer *w, const struct tee_rec *r,
		       struct gust_batch *out)
{
	struct gust_pkt *p;

	if (r->caplen < r->len)
		return "too long to be kept whole";
	if (r->gso_size && !engine_cuts(w->engine, r->gso_type))
		return "no plugin that cuts it is active";
	if (r->gso_size == GUST_GSO_BY_FRAGS)
		return "its list of fragments is not kept";
	p = rebuild(w, r);
	if (!p)
		return "its headers are too long";
	capture_cut(w->engine, p, out);
	return out->n ? NULL : "too many segments";
}

/* ---- blocks ---- */

static struct pcapng_packet block_of(const struct capture_writer *w,
				     const struct tee_rec *r)
{
	return (struct pcapng_packet){
		.ts = r->ts_us,
		.len = r->len,
		.snaplen = w->snaplen,
		.dir = r->dir == FILTER_OUT ? PCAPNG_DIR_OUT : PCAPNG_DIR_IN,
		.id = w->id,
		.queue = r->worker,
	};
}

/* The bytes of a record, its owed checksum as a port is given it. */
static void show_partial(const struct tee_rec *r)
{
	struct gust_pkt p = { .head = tee_bytes(r),
			      .len = r->len,
			      .hlen = r->hlen,
			      .nlayer = r->nlayer };
	const struct gust_layer *l4;
	int off;

	if (!(r->need & GUST_F_CSUM) || r->dir != FILTER_OUT || r->caplen < r->hlen)
		return;
	memcpy(p.layer, tee_layers(r), r->nlayer * sizeof(p.layer[0]));
	l4 = pkt_l4(&p);
	off = l4 ? pkt_csum_off(l4->kind) : -1;
	if (off >= 0 && l4->off + (unsigned)off + 2 <= r->hlen)
		put16(p.head + l4->off + off, csum_fold_plain(pkt_csum_pseudo(&p)));
}

static int write_super(struct capture_writer *w, const struct tee_rec *r,
		       uint32_t nwire, struct pcapng_out *o)
{
	struct iovec iov = { tee_bytes(r), r->caplen };
	struct pcapng_packet b = block_of(w, r);
	struct text t = { 0 };
	int e;

	describe(w, r, nwire, &t);
	b.iov = &iov;
	b.niov = 1;
	b.comment = t.s;
	b.lost = r->gap;
	e = pcapng_packet(o, &b);
	if (e)
		return e;
	w->number++;
	w->super++;
	return 0;
}

static int write_piece(struct capture_writer *w, struct pcapng_packet *b,
		       const struct text *t, struct pcapng_out *o)
{
	int e;

	b->interface = w->view == CAPTURE_BOTH;
	b->comment = t->s;
	e = pcapng_packet(o, b);
	if (e)
		return e;
	b->lost = 0;
	w->number++;
	w->wire++;
	return 0;
}

static int write_wire(struct capture_writer *w, const struct tee_rec *r,
		      const struct gust_batch *pieces, const char *uncut,
		      struct pcapng_out *o)
{
	uint64_t super = w->view & CAPTURE_SUPER ? w->number : 0;
	struct iovec iov[IOV_MAX_PIECE] = { { tee_bytes(r), r->caplen } };
	struct pcapng_packet b = block_of(w, r);
	uint32_t i = 0;
	int e = 0;

	b.iov = iov;
	b.niov = 1;
	b.lost = super ? 0 : r->gap; /* once in a file */
	if (uncut) {
		struct text t = { 0 };

		describe_piece(r, 1, 1, super, uncut, &t);
		return write_piece(w, &b, &t, o);
	}
	for (const struct gust_pkt *q = pieces->first; q && !e; q = q->next) {
		struct text t = { 0 };

		describe_piece(r, ++i, pieces->n, super, NULL, &t);
		b.len = q->len;
		b.niov = pkt_iov(q, iov, IOV_MAX_PIECE, 0);
		if (b.niov < 0) { /* shown as far as its headers go */
			iov[0] = (struct iovec){ q->head, q->hlen };
			b.niov = 1;
		}
		e = write_piece(w, &b, &t, o);
	}
	return e;
}

/* At least what all blocks of the packet take. */
static size_t room_for(const struct capture_writer *w, const struct tee_rec *r,
		       const struct gust_batch *pieces)
{
	uint32_t n = r->caplen < w->snaplen ? r->caplen : w->snaplen;
	size_t sum = 2 * pcapng_packet_max(n, COMMENT_MAX);

	for (const struct gust_pkt *q = pieces->first; q; q = q->next)
		sum += pcapng_packet_max(q->len < w->snaplen ? q->len : w->snaplen,
					 PIECE_COMMENT_MAX);
	return sum;
}

static int write_blocks(struct capture_writer *w, const struct tee_rec *r,
			const struct gust_batch *pieces, const char *uncut,
			struct evbuffer *out)
{
	uint32_t nwire = !(w->view & CAPTURE_WIRE) ? 0 : uncut ? 1 : pieces->n;
	struct evbuffer_iovec v;
	struct pcapng_out o;
	int e = open_room(out, room_for(w, r, pieces), &v, &o);

	if (e)
		return e;
	w->id++;
	if (w->view & CAPTURE_SUPER)
		e = write_super(w, r, nwire, &o);
	if (!e && w->view & CAPTURE_WIRE)
		e = write_wire(w, r, pieces, uncut, &o);
	/* whole blocks stand there, whatever happened */
	return close_room(w, out, &v, &o) ? -ENOMEM : e;
}

int capture_write_packet(struct capture_writer *w, const struct tee_rec *r,
			 struct evbuffer *out)
{
	struct gust_batch pieces;
	const char *uncut = NULL;
	int e;

	gust_batch_init(&pieces);
	/* while workers run, a thread that frees packets has a pool of its own */
	pkt_pool_bind(w->pool);
	if (w->view & CAPTURE_WIRE)
		uncut = cut(w, r, &pieces);
	show_partial(r);
	e = write_blocks(w, r, &pieces, uncut, out);
	pkt_batch_free(&pieces);
	pkt_pool_bind(NULL);
	return e;
}
