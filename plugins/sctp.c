/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sctp.c - SCTP: merge and segment by fragment list
 *
 * Theory of operation. An SCTP packet is a common header (ports, verification tag,
 * CRC32c) and chunks, each with its own length, padded to four bytes (RFC 9260 3).
 * Its DATA chunks carry their own sequence numbers, so nothing in the common header
 * advances from packet to packet as TCP's does; and a chunk cannot be cut without
 * writing new chunk headers. So segments are not equal slices of a stream: a
 * superpacket is a *list*. Each payload fragment is the payload of one segment,
 * whole chunks of whatever size, and gso_size says so (GUST_GSO_BY_FRAGS).
 *
 * Merging therefore needs few conditions: the headers in front of the chunks are
 * the same bytes but for lengths, IPv4 ID and checksums, which segmenting makes
 * again. IDs count up by one, or are all the same with DF set. What is not made
 * again is looked at before: the CRC32c and the IPv4 header's checksum must be the
 * ones that we would write.
 *
 * Only packets of nothing but DATA and I-DATA chunks (RFC 8260) are merged. A
 * control chunk (SACK, SHUTDOWN, ABORT and the like) ends its association's merge,
 * so that packets of one direction never overtake each other; a walk along the
 * chunk lengths that does not end exactly at the packet's end is malformed, and the
 * packet goes on as it came.
 *
 * The CRC covers everything and has no pseudo header: it cannot follow by
 * difference, every segment's bytes are read once when the port does not compute
 * it.
 *
 * Limits: SLOTS associations at a time in one batch (another one that falls on the
 * same slot ends the merge that it finds there); one IP layer; no IPv4 options, no
 * IPv6 headers but hop-by-hop and destination options; 65535 bytes.
 */
#include <errno.h>
#include <gust/plugin.h>
#include <stdlib.h>

#define SCTP_HLEN 12
#define SCTP_OFF_CRC 8
#define CHUNK_HLEN 4
#define CHUNK_DATA 0
#define CHUNK_I_DATA 64
#define DATA_MIN 17 /* header, and at least one byte (RFC 9260 3.3.1) */
#define I_DATA_MIN 21 /* RFC 8260 2.1 */
#define IP4_DF 0x4000
#define LEN_MAX UINT32_C(65535)

#define SLOTS 64

enum counter { MERGED, MALFORMED, BAD_CRC };

static const char *const counters[] = { "merged", "malformed", "bad-checksum",
					NULL };

/* A merge in progress. */
struct slot {
	struct gust_pkt *p; /* in `out` already; NULL: none */
	uint32_t segs;
	uint16_t id; /* IPv4: of the first */
	bool fixed; /* IPv4: all IDs are the same */
	uint8_t ip, l4; /* layer indices */
};

struct state {
	const struct gust_host *host;
	struct gust_worker *w;
	uint64_t used; /* bits of slots */
	struct slot slot[SLOTS];
};

_Static_assert(SLOTS <= 64, "a bit each");

static int worker_open(const struct gust_host *host, void *instance,
		       struct gust_worker *w, void **ret_state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->w = w;
	*ret_state = s;
	return 0;
}

static void worker_close(void *state, struct gust_batch *out)
{
	free(state);
}

/* ---- chunks ---- */

enum chunks { DATA_ONLY, WITH_CONTROL, BROKEN };

/* What stands in `len` bytes of chunks. */
static enum chunks walk(const uint8_t *b, uint32_t len)
{
	enum chunks res = DATA_ONLY;

	if (!len)
		return BROKEN;
	while (len) {
		uint32_t n, padded;

		if (len < CHUNK_HLEN)
			return BROKEN;
		n = gust_get16(b + 2);
		padded = (n + 3) & ~UINT32_C(3);
		if (n < CHUNK_HLEN || padded > len)
			return BROKEN;
		if (b[0] == CHUNK_DATA || b[0] == CHUNK_I_DATA) {
			if (n < (b[0] == CHUNK_DATA ? DATA_MIN : I_DATA_MIN))
				return BROKEN;
		} else {
			res = WITH_CONTROL;
		}
		b += padded;
		len -= padded;
	}
	return res;
}

/* ---- headers ---- */

/* Find the IP and SCTP layers of a packet whose headers segmenting can make again.
 * False: it has others. */
static bool plain_layers(const struct gust_pkt *p, uint8_t *ret_ip, uint8_t *ret_l4)
{
	unsigned ip = 0, n = p->nlayer;

	while (ip < n && (p->layer[ip].kind == GUST_L_ETH ||
			  p->layer[ip].kind == GUST_L_VLAN))
		ip++;
	if (n < ip + 2u || p->layer[n - 1].kind != GUST_L_SCTP)
		return false;
	if (p->layer[ip].kind != GUST_L_IPV4 && p->layer[ip].kind != GUST_L_IPV6)
		return false;
	if (p->layer[ip].flags & (GUST_LF_FRAGMENT | GUST_LF_JUMBO))
		return false;
	if (p->layer[ip].kind == GUST_L_IPV4 && ip + 2u != n)
		return false;
	for (unsigned i = ip + 1; i + 1 < n; i++)
		if ((p->layer[i].kind != GUST_L_HOPOPTS &&
		     p->layer[i].kind != GUST_L_DSTOPTS) ||
		    p->layer[i].flags & GUST_LF_JUMBO)
			return false;
	if (p->layer[n - 1].off + SCTP_HLEN != p->hlen)
		return false;
	*ret_ip = (uint8_t)ip;
	*ret_l4 = (uint8_t)(n - 1);
	return true;
}

/* Which association and direction? The tag is left out: INIT has none, and one
 * that changes ends a merge. */
static unsigned slot_of(const struct gust_pkt *p, uint8_t ip, uint8_t l4)
{
	const uint8_t *h = p->head + p->layer[ip].off;
	uint32_t x = gust_get32(p->head + p->layer[l4].off);

	if (p->layer[ip].kind == GUST_L_IPV4) {
		x ^= gust_get32(h + 12) ^ gust_get32(h + 16) * 3;
	} else {
		for (unsigned i = 0; i < 4; i++)
			x ^= gust_get32(h + 8 + 4 * i) ^
			     gust_get32(h + 24 + 4 * i) * 3;
	}
	x *= UINT32_C(2654435761);
	return x >> 26 & (SLOTS - 1);
}

static bool same_ip4(const struct slot *s, const uint8_t *a, const uint8_t *b)
{
	uint16_t id = gust_get16(b + 4);

	/* version, TOS; flags; TTL, protocol; addresses */
	if (gust_get16(a) != gust_get16(b) ||
	    gust_get32(a + 12) != gust_get32(b + 12) ||
	    gust_get32(a + 16) != gust_get32(b + 16) ||
	    gust_get16(a + 6) != gust_get16(b + 6) ||
	    gust_get16(a + 8) != gust_get16(b + 8))
		return false;
	if (s->segs > 1)
		return id == (uint16_t)(s->fixed ? s->id : s->id + s->segs);
	/* the second packet decides which it is */
	return id == (uint16_t)(s->id + 1) ||
	       (id == s->id && gust_get16(b + 6) & IP4_DF);
}

/* All but the payload length. */
static bool same_ip6(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return !memcmp(a, b, 4) && !memcmp(a + 6, b + 6, len - 6);
}

/* Do the headers of `q` continue those of the merge? */
static bool same_headers(const struct slot *s, const struct gust_pkt *q)
{
	const struct gust_pkt *p = s->p;
	uint32_t l3 = p->layer[s->ip].off, l4 = p->layer[s->l4].off;

	if (p->hlen != q->hlen || p->nlayer != q->nlayer || p->port != q->port ||
	    q->layer[s->ip].off != l3 || q->layer[s->l4].off != l4 ||
	    q->layer[s->ip].kind != p->layer[s->ip].kind)
		return false;
	if (memcmp(p->head, q->head, l3) || /* Ethernet, VLAN */
	    memcmp(p->head + l4, q->head + l4, SCTP_OFF_CRC))
		return false;
	if (p->layer[s->ip].kind == GUST_L_IPV4)
		return same_ip4(s, p->head + l3, q->head + l3);
	return same_ip6(p->head + l3, q->head + l3, l4 - l3);
}

/* ---- merge ---- */

/* Can this packet be part of a superpacket at all? */
static bool mergeable(struct state *s, struct gust_pkt *p, uint8_t ip, bool trust)
{
	const uint8_t *h = p->head + p->layer[ip].off;
	enum chunks c;

	if (p->gso_size || p->nfrag != 1 ||
	    p->need & ~(uint32_t)(GUST_F_CSUM | GUST_F_CSUM_OK))
		return false;
	/* options; and all ones, which verifies as zero does and is not what a
	 * computation gives */
	if (p->layer[ip].kind == GUST_L_IPV4 &&
	    (h[0] != 0x45 || gust_get16(h + 10) == 0xffff))
		return false;
	c = walk(p->frag[0].p, p->frag[0].len);
	if (c == BROKEN)
		s->host->count(s->w, MALFORMED, 1);
	if (c != DATA_ONLY)
		return false;
	if (!trust && !s->host->csum_verify(p)) {
		s->host->count(s->w, BAD_CRC, 1);
		return false;
	}
	return true;
}

static void finish(struct state *s, unsigned i)
{
	struct slot *m = &s->slot[i];

	if (!(s->used & UINT64_C(1) << i))
		return;
	s->used &= ~(UINT64_C(1) << i);
	if (m->segs < 2)
		return;
	m->p->gso_size = GUST_GSO_BY_FRAGS;
	m->p->gso_type = GUST_GSO_SCTP;
	m->p->need = (m->p->need | GUST_F_CSUM) & ~(uint32_t)GUST_F_CSUM_OK;
	if (m->fixed)
		m->p->layer[m->ip].flags |= GUST_LF_FIXEDID;
	s->host->fix_lengths(m->p);
}

static void begin(struct state *s, unsigned i, struct gust_pkt *p, uint8_t ip,
		  uint8_t l4)
{
	s->slot[i] = (struct slot){ .p = p, .segs = 1, .ip = ip, .l4 = l4 };
	if (p->layer[ip].kind == GUST_L_IPV4) {
		s->slot[i].id = gust_get16(p->head + p->layer[ip].off + 4);
		p->layer[ip].flags &= ~GUST_LF_FIXEDID;
	}
	s->used |= UINT64_C(1) << i;
}

/* Append `q` to the merge. False: it does not belong there, or there is no room. */
static bool append(struct state *s, unsigned i, struct gust_pkt *q,
		   const struct gust_gro_req *req)
{
	struct slot *m = &s->slot[i];
	uint32_t l3, max, len = q->len - q->hlen;
	bool v4;

	if (!(s->used & UINT64_C(1) << i) || !same_headers(m, q))
		return false;
	v4 = m->p->layer[m->ip].kind == GUST_L_IPV4;
	l3 = m->p->layer[m->ip].off;
	max = v4 ? req->max4 : req->max6;
	if (max > LEN_MAX)
		max = LEN_MAX;
	if (m->p->len - l3 + len > max ||
	    (req->max_segs && m->segs >= req->max_segs))
		return false;
	if (v4 && m->segs == 1)
		m->fixed = gust_get16(q->head + l3 + 4) == m->id;
	if (s->host->absorb(m->p, q, false))
		return false;
	m->segs++;
	s->host->count(s->w, MERGED, 1);
	return true;
}

static void gro(void *state, struct gust_batch *in, const struct gust_gro_req *req,
		struct gust_batch *out)
{
	struct state *s = state;
	struct gust_pkt *p;

	s->used = 0;
	while ((p = gust_batch_pop(in))) {
		uint8_t ip, l4;
		unsigned i;

		if (!plain_layers(p, &ip, &l4)) {
			/* whose it is does not matter: nothing may pass it */
			for (i = 0; s->used && i < SLOTS; i++)
				finish(s, i);
			gust_batch_push(out, p);
			continue;
		}
		i = slot_of(p, ip, l4);
		if (!mergeable(s, p, ip, req->trust_csum)) {
			finish(s, i);
			gust_batch_push(out, p);
			continue;
		}
		if (append(s, i, p, req))
			continue;
		finish(s, i);
		begin(s, i, p, ip, l4);
		gust_batch_push(out, p);
	}
	for (unsigned i = 0; s->used && i < SLOTS; i++)
		finish(s, i);
}

/* ---- segment ---- */

/* Bytes of the IP packet in front of the chunks. */
static uint32_t ip_hlen(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++)
		if (p->layer[i].kind == GUST_L_IPV4 ||
		    p->layer[i].kind == GUST_L_IPV6)
			return p->hlen - p->layer[i].off;
	return p->hlen;
}

/* Every fragment whole chunks, and none too large? *ret_why if not. */
static bool fragments_ok(const struct gust_pkt *p, const struct gust_gso_req *req,
			 enum gust_drop *ret_why)
{
	uint32_t hlen = ip_hlen(p);

	for (unsigned i = 0; i < p->nfrag; i++) {
		const struct gust_frag *f = &p->frag[i];

		if (hlen + f->len > req->mtu) {
			*ret_why = GUST_DROP_TOO_BIG;
			return false;
		}
		if (walk(f->p, f->len) != DATA_ONLY) {
			*ret_why = GUST_DROP_BAD_GSO;
			return false;
		}
	}
	return true;
}

/* A fragment header, or a route that is not at its end: not to be segmented. */
static bool refused(const struct gust_pkt *p)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];

		if (l->kind == GUST_L_FRAGHDR || l->kind == GUST_L_AH ||
		    l->kind == GUST_L_ESP || l->flags & GUST_LF_FRAGMENT ||
		    (l->kind == GUST_L_ROUTING && p->head[l->off + 3]))
			return true;
	}
	return false;
}

/* One packet of all chunks, if it fits: SCTP allows any bundle. */
static void send_whole(struct state *s, struct gust_pkt *p,
		       const struct gust_gso_req *req, struct gust_batch *out)
{
	if (ip_hlen(p) + (p->len - p->hlen) > req->mtu) {
		s->host->drop(s->w, p, GUST_DROP_GSO_REFUSED);
		return;
	}
	p->gso_size = 0;
	p->gso_type = GUST_GSO_NONE;
	p->need |= GUST_F_CSUM;
	if (req->csum)
		s->host->csum_complete(p);
	gust_batch_push(out, p);
}

static void cut(struct state *s, struct gust_pkt *p, const struct gust_gso_req *req,
		struct gust_batch *out)
{
	enum gust_drop why = GUST_DROP_BAD_GSO;
	struct gust_batch pieces;
	struct gust_pkt *q;
	struct gust_cut c;

	if (p->gso_size != GUST_GSO_BY_FRAGS || !fragments_ok(p, req, &why)) {
		s->host->drop(s->w, p, why);
		return;
	}
	if (refused(p)) {
		send_whole(s, p, req, out);
		return;
	}
	if (s->host->cut_begin(&c, s->w, p, req)) {
		s->host->drop(s->w, p, GUST_DROP_BAD_GSO);
		return;
	}
	gust_batch_init(&pieces);
	while ((q = s->host->cut_next(&c))) {
		if (req->csum && !q->gso_size)
			s->host->csum_complete(q);
		gust_batch_push(&pieces, q);
	}
	if (s->host->cut_end(&c, &pieces, out))
		s->host->drop(s->w, p, GUST_DROP_NO_PKT);
}

static void gso(void *state, struct gust_batch *in, const struct gust_gso_req *req,
		struct gust_batch *out)
{
	struct gust_pkt *p;

	while ((p = gust_batch_pop(in)))
		cut(state, p, req, out);
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "sctp",
	.text = "SCTP superpackets, merged and segmented by fragment list; CRC32c",
	.provides =
		GUST_FEAT_BIT(GUST_FEAT_SCTP) | GUST_FEAT_BIT(GUST_FEAT_SCTP_CSUM),
	.gso_types = 1u << GUST_GSO_SCTP,
	.gro_kinds = 1u << GUST_L_SCTP,
	.counters = counters,
	.worker_open = worker_open,
	.worker_close = worker_close,
	.gso = gso,
	.gro = gro,
};
