/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.c - the planner at the edge
 *
 * Theory of operation. What counts is whether the *segments* fit the port, not the
 * superpacket. The largest superpacket that the port carries is a number derived
 * from its capabilities for the packet's gso type; what is larger is cut to that,
 * and where that is less than two segments, to single packets. Packets that are to
 * be cut in the same way and follow each other are cut by one call.
 *
 * A superpacket inside a tunnel (more than one IP layer) passes only where the port
 * has said that it takes tunnels and the tunnel is one that it can be told about: one
 * level, of UDP. Where the port takes UDP superpackets it is carried in such. Everything
 * else is cut, or prepared when the port has GSO_PARTIAL.
 */
#include "offload/plan.h"

#include <errno.h>
#include <gust/seg.h>

#include "offload/carry.h"
#include "wire/bytes.h"
#include "wire/ipv6.h"

#define LEN16_MAX UINT32_C(65535)

/* ---- what the port carries ---- */

static bool is_tunnel(const struct gust_pkt *p)
{
	return pkt_outer_l3(p) != pkt_l3(p);
}

static uint32_t big_max(uint32_t max, const struct port_caps *caps, uint32_t forms)
{
	return max > LEN16_MAX && !(caps->feats & forms) ? LEN16_MAX : max;
}

/* The largest IP length of a superpacket like `p` that the port carries, tunnels
 * aside; 0: it carries none. */
static uint32_t super_max(const struct gust_pkt *p, const struct port_caps *caps)
{
	if (!caps_has(caps, FEAT_TX_CSUM) ||
	    (p->need & GUST_F_ECN && !caps_has(caps, FEAT_TSO_ECN)) ||
	    (p->need & GUST_F_ACCECN && !caps_has(caps, FEAT_ACCECN)))
		return 0;
	/* no header says "segments without checksum" */
	if (!(p->need & (GUST_F_CSUM | GUST_F_CSUM_OK)))
		return 0;
	switch (p->gso_type) {
	case GUST_GSO_TCP4:
		if (!caps_has(caps, FEAT_TSO4))
			return 0;
		return big_max(caps->gso_max4, caps, FEAT_BIT(FEAT_BIGTCP4));
	case GUST_GSO_TCP6:
		if (!caps_has(caps, FEAT_TSO6))
			return 0;
		return big_max(caps->gso_max6, caps,
			       FEAT_BIT(FEAT_BIGTCP6_JUMBO) |
				       FEAT_BIT(FEAT_BIGTCP6_PLAIN));
	case GUST_GSO_UDP4:
	case GUST_GSO_UDP6:
		return caps_has(caps, FEAT_USO) ?
			       big_max(caps->gso_max_udp, caps, 0) :
			       0;
	case GUST_GSO_UFO:
		return caps_has(caps, FEAT_UFO) ? LEN16_MAX : 0;
	case GUST_GSO_SCTP:
		return caps_has(caps, FEAT_SCTP) ? LEN16_MAX : 0;
	}
	return 0;
}

/* The tunnel that the 24-byte virtio_net_hdr can tell of: one IP header inside UDP
 * inside another, and between them nothing that depends on the segment. Nothing but
 * TCP: that is what the self-test proves. */
static bool is_udp_tunnel(const struct gust_pkt *p, const struct port_caps *caps)
{
	unsigned udp = carry_udp(p), nip = 0;

	if (!udp || (p->gso_type != GUST_GSO_TCP4 && p->gso_type != GUST_GSO_TCP6))
		return false;
	for (unsigned i = udp + 1; i < p->nlayer; i++) {
		if (p->layer[i].kind == GUST_L_GRE)
			return false;
		nip += p->layer[i].kind == GUST_L_IPV4 ||
		       p->layer[i].kind == GUST_L_IPV6;
	}
	if (nip != 1)
		return false;
	return get16(p->head + p->layer[udp].off + 6) ?
		       caps_has(caps, FEAT_UDP_TNL_CSUM) :
		       caps_has(caps, FEAT_UDP_TNL);
}

/* Payload bytes of the largest superpacket within `max`, a multiple of gso_size;
 * just one segment when there is no room for two. */
static uint32_t payload_max(const struct gust_pkt *p, uint32_t max, uint32_t hdrs,
			    uint32_t max_segs)
{
	uint32_t n;

	if (max < hdrs + UINT32_C(2) * p->gso_size)
		return p->gso_size;
	n = (max - hdrs) / p->gso_size;
	if (max_segs && n > max_segs)
		n = max_segs;
	return n * p->gso_size;
}

/* ---- forms above 64 KB ---- */

/* IPv6 has two: give `p` the one that the port takes. */
static void big6_form(struct engine *e, struct gust_pkt *p,
		      const struct port_caps *caps, struct plan_stats *st)
{
	const struct gust_layer *l3 = pkt_l3(p), *hop;
	bool jumbo;

	if (p->gso_type != GUST_GSO_TCP6 ||
	    p->len - l3->off - IPV6_HLEN <= LEN16_MAX)
		return;
	hop = pkt_layer(p, GUST_L_HOPOPTS);
	jumbo = hop && (hop->flags & GUST_LF_JUMBO);
	if (caps_has(caps, jumbo ? FEAT_BIGTCP6_JUMBO : FEAT_BIGTCP6_PLAIN))
		return;
	if (!engine_jumbo(e, p, jumbo ? GUST_JUMBO_PLAIN : GUST_JUMBO_OPTION))
		st->form++;
}

/* ---- single packets ---- */

static bool port_sums(const struct gust_pkt *p, const struct port_caps *caps)
{
	const struct gust_layer *l4 = pkt_l4(p);

	/* whoever is told of a checksum deep inside must know what lies around it */
	if (is_tunnel(p) && !caps_has(caps, FEAT_UDP_TNL) &&
	    !caps_has(caps, FEAT_GSO_PARTIAL))
		return false;
	return caps_has(caps, l4 && l4->kind == GUST_L_SCTP ? FEAT_SCTP_CSUM :
							      FEAT_TX_CSUM);
}

static void single(struct engine *e, struct gust_pkt *p,
		   const struct port_caps *caps, struct gust_batch *out,
		   struct plan_stats *st, struct drop_counters *drops)
{
	const struct gust_layer *l3 = pkt_outer_l3(p);

	if (l3 && p->len - l3->off > caps->mtu) {
		drop_count(drops, DROP_TOO_BIG, 1);
		pkt_free(p);
		return;
	}
	if (p->need & GUST_F_CSUM && !port_sums(p, caps)) {
		pkt_csum_complete(p);
		st->csum++;
	}
	gust_batch_push(out, p);
}

/* ---- the plan ---- */

enum verdict { PASS, CUT, TOO_BIG };

/* How a superpacket is to go; *ret_req when it has to be cut. */
static enum verdict judge(const struct gust_pkt *p, const struct port_caps *caps,
			  struct gust_gso_req *ret_req)
{
	const struct gust_layer *l3 = pkt_outer_l3(p);
	uint32_t hdrs = pkt_seg_hdrs(p, l3), max = super_max(p, caps), step;
	bool partial = false;

	*ret_req = (struct gust_gso_req){ .mtu = caps->mtu,
					  .csum = !port_sums(p, caps) };
	if (is_tunnel(p) && max && is_udp_tunnel(p, caps)) {
		max = max < LEN16_MAX ? max : LEN16_MAX;
	} else if (is_tunnel(p)) {
		partial = max && caps_has(caps, FEAT_GSO_PARTIAL) &&
			  p->gso_type != GUST_GSO_UFO && !gust_seg_has_seq(p) &&
			  p->gso_size != GUST_GSO_BY_FRAGS;
		max = partial ? max : 0;
	}
	if (p->gso_size == GUST_GSO_BY_FRAGS) {
		ret_req->step = 1;
		return max && p->len - l3->off <= max ? PASS : CUT;
	}
	if (p->gso_type == GUST_GSO_UFO) {
		/* segments are fragments: the transport header is in one only */
		ret_req->step = p->gso_size;
		return max ? PASS : CUT;
	}
	if (hdrs + p->gso_size > caps->mtu)
		return TOO_BIG;
	if (l3->kind == GUST_L_IPV6 && p->len - l3->off > LEN16_MAX &&
	    caps_has(caps, FEAT_BIGTCP6_JUMBO))
		hdrs += IPV6_JUMBO_HLEN; /* it has one, or may get one */
	step = payload_max(p, max, hdrs, caps->gso_max_segs);
	ret_req->step = step;
	ret_req->partial = partial;
	return partial || pkt_payload_len(p) > step ? CUT : PASS;
}

/* In a tunnel, and it would be cut to single packets, or prepared: is there a better
 * way? */
static bool to_carry(const struct gust_pkt *p, const struct port_caps *caps,
		     const struct gust_gso_req *req, struct carry *ret)
{
	if (!is_tunnel(p) || (req->step > p->gso_size && !req->partial))
		return false;
	return carry_can(p, caps, ret);
}

static bool same_req(const struct gust_gso_req *a, const struct gust_gso_req *b)
{
	return a->step == b->step && a->csum == b->csum && a->partial == b->partial;
}

/* Packets that are to be cut alike. */
struct run {
	struct gust_batch b;
	struct gust_gso_req req;
};

static void flush(struct engine *e, struct run *r, const struct port_caps *caps,
		  struct gust_batch *out, struct plan_stats *st)
{
	struct gust_batch pieces;
	struct gust_pkt *p;

	if (!r->b.n)
		return;
	gust_batch_init(&pieces);
	st->cut += r->b.n;
	engine_gso(e, &r->b, &r->req, &pieces);
	st->pieces += pieces.n;
	while ((p = gust_batch_pop(&pieces))) {
		big6_form(e, p, caps, st);
		gust_batch_push(out, p);
	}
}

static void add(struct engine *e, struct run *r, struct gust_pkt *p,
		const struct gust_gso_req *req, const struct port_caps *caps,
		struct gust_batch *out, struct plan_stats *st)
{
	if (r->b.n &&
	    (r->b.first->gso_type != p->gso_type || !same_req(&r->req, req)))
		flush(e, r, caps, out, st);
	r->req = *req;
	gust_batch_push(&r->b, p);
}

void plan_fit(struct engine *e, struct gust_batch *in, const struct port_caps *caps,
	      struct gust_batch *out, struct plan_stats *st)
{
	struct drop_counters *drops = engine_drops(e);
	struct gust_gso_req req;
	struct gust_pkt *p;
	struct carry c;
	struct run run;

	gust_batch_init(&run.b);
	while ((p = gust_batch_pop(in))) {
		enum verdict v = PASS;

		if (!p->gso_size || !pkt_outer_l3(p)) {
			flush(e, &run, caps, out, st);
			single(e, p, caps, out, st, drops);
			continue;
		}
		v = judge(p, caps, &req);
		if (v == CUT && to_carry(p, caps, &req, &c)) {
			flush(e, &run, caps, out, st);
			plan_carry(e, p, caps, &c, out, st);
			continue;
		}
		if (v == CUT) {
			add(e, &run, p, &req, caps, out, st);
			continue;
		}
		flush(e, &run, caps, out, st);
		if (v == TOO_BIG) {
			drop_count(drops, DROP_TOO_BIG, 1);
			pkt_free(p);
			continue;
		}
		st->whole++;
		big6_form(e, p, caps, st);
		gust_batch_push(out, p);
	}
	flush(e, &run, caps, out, st);
}

int plan_split(struct engine *e, struct gust_pkt *p, uint32_t max_len,
	       struct gust_batch *out)
{
	const struct gust_layer *l3 = pkt_outer_l3(p);
	struct gust_gso_req req = { .mtu = max_len };
	struct gust_batch one;

	if (!p->gso_size || p->gso_size == GUST_GSO_BY_FRAGS || !l3 ||
	    !engine_cuts(e, p->gso_type))
		return -EINVAL;
	req.step = payload_max(p, max_len, pkt_seg_hdrs(p, l3), 0);
	if (pkt_payload_len(p) <= req.step)
		return -EINVAL;
	gust_batch_init(&one);
	gust_batch_push(&one, p);
	engine_gso(e, &one, &req, out);
	return 0;
}
