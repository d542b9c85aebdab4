/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bigtcp.c - the forms of packets above 64 KB
 *
 * Theory. A TCP superpacket may be larger than an IP length field can say, because
 * it never reaches a wire. Inside gust nothing needs that field: lengths have 32
 * bits. What remains is how such a packet is *written down* for a port:
 *
 *   IPv4            total length 0; the length is that of the packet
 *   IPv6, option    payload length 0 and a hop-by-hop header with the jumbo option
 *                   of RFC 2675, which holds the length: "a jumbogram"
 *   IPv6, plain     payload length 0 and nothing else, as newer kernels have it
 *
 * Which form a port takes is proven, not concluded; the planner asks for it here,
 * and a superpacket may come in with either. How large one may get is a number per
 * port and direction, and the planner's business, too.
 *
 * The option stands first in its header, at the alignment that RFC 2675 2 wants
 * (4n + 2). Where the packet already has a hop-by-hop header it joins the options
 * there: in the place of padding of its size, or in 8 new bytes of which the last
 * two are padding; the other options keep their alignment. Taking it out undoes
 * either. Every IPv6 layer of a packet with tunnels that is above 64 KB gets the
 * form.
 *
 * Refused: packets that a length field can describe; IPsec, whose authentication
 * covers these headers; fragments (RFC 2675 3).
 */
#include <errno.h>
#include <stdlib.h>

#include <gust/seg.h>

#define IP6_HLEN 40
#define OFF_PLEN 4
#define OFF_NH 6
#define NH_HOPOPTS 0

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_JUMBO 0xc2
#define JUMBO_LEN 6 /* type, length, 32 bits */
#define GROWTH 8 /* what a header grows by */

#define LEN16_MAX UINT32_C(65535)

static int big_worker_open(const struct gust_host *host, void *instance,
			   struct gust_worker *w, void **ret_state)
{
	*ret_state = (void *)host; /* all that there is to know */
	return 0;
}

static void big_worker_close(void *state, struct gust_batch out[2]) {}

static bool has_hop(const struct gust_pkt *p, unsigned i6)
{
	return i6 + 1u < p->nlayer && p->layer[i6 + 1].kind == GUST_L_HOPOPTS;
}

static bool has_jumbo(const struct gust_pkt *p, unsigned i6)
{
	return has_hop(p, i6) && p->layer[i6 + 1].flags & GUST_LF_JUMBO;
}

/* An option of this type and length at 4n + 2 in the header at `h`; 0: none. */
static unsigned find_opt(const uint8_t *h, uint8_t type)
{
	unsigned len = (h[1] + 1u) * 8, off = 2;

	while (off + 2 <= len) {
		if (h[off] == OPT_PAD1) {
			off++;
			continue;
		}
		if (h[off] == type && h[off + 1] == JUMBO_LEN - 2 && off % 4 == 2 &&
		    off + JUMBO_LEN <= len)
			return off;
		off += 2 + h[off + 1];
	}
	return 0;
}

/* ---- in ---- */

/* A header of its own: 0, or -ENOBUFS. */
static int insert_header(const struct gust_host *host, struct gust_pkt *p,
			 unsigned i6)
{
	uint16_t at = p->layer[i6].off + IP6_HLEN;
	struct gust_layer l = { GUST_L_HOPOPTS, GUST_LF_JUMBO, at };
	uint8_t *h;

	if (p->nlayer == GUST_LAYERS_MAX || host->head_insert(p, at, GROWTH))
		return -ENOBUFS;
	host->layer_insert(p, i6 + 1, l);
	h = p->head + at;
	h[0] = h[-IP6_HLEN + OFF_NH];
	h[2] = OPT_JUMBO;
	h[3] = JUMBO_LEN - 2;
	h[-IP6_HLEN + OFF_NH] = NH_HOPOPTS;
	return 0;
}

/* Into the header that is there. */
static int insert_option(const struct gust_host *host, struct gust_pkt *p,
			 unsigned i6)
{
	struct gust_layer *hop = &p->layer[i6 + 1];
	uint8_t *h = p->head + hop->off;
	/* a header of nothing but padding stays one, see remove_jumbo() */
	unsigned off = h[1] ? find_opt(h, OPT_PADN) : 0;

	if (!off) {
		if (h[1] == UINT8_MAX || host->head_insert(p, hop->off + 2, GROWTH))
			return -ENOBUFS;
		h = p->head + hop->off;
		h[1]++;
		off = 2;
		h[off + JUMBO_LEN] = OPT_PADN; /* of length 0 */
	}
	h[off] = OPT_JUMBO;
	h[off + 1] = JUMBO_LEN - 2;
	hop->flags |= GUST_LF_JUMBO;
	return 0;
}

/* ---- out ---- */

static void remove_jumbo(const struct gust_host *host, struct gust_pkt *p,
			 unsigned i6)
{
	struct gust_layer *hop = &p->layer[i6 + 1];
	uint8_t *h = p->head + hop->off;
	unsigned off = find_opt(h, OPT_JUMBO);

	if (h[1] == 0) { /* nothing else in it */
		p->head[p->layer[i6].off + OFF_NH] = h[0];
		host->head_remove(p, hop->off, GROWTH); /* the layer goes, too */
		return;
	}
	hop->flags &= ~GUST_LF_JUMBO;
	if (off == 2 && h[8] == OPT_PADN && h[9] == 0) {
		h[1]--;
		host->head_remove(p, hop->off + 2, GROWTH);
		return;
	}
	memset(h + off, 0, JUMBO_LEN);
	h[off] = OPT_PADN;
	h[off + 1] = JUMBO_LEN - 2;
}

/* ---- */

/* Bytes behind IPv6 layer `i6`: too many for 16 bits? */
static bool is_big6(const struct gust_pkt *p, unsigned i6)
{
	return p->layer[i6].kind == GUST_L_IPV6 &&
	       p->len - p->layer[i6].off - IP6_HLEN > LEN16_MAX;
}

static int check(const struct gust_pkt *p, enum gust_jumbo form)
{
	bool big4 = false, big6 = false;

	if (form != GUST_JUMBO_PLAIN && form != GUST_JUMBO_OPTION)
		return -EINVAL;
	if (!p->nlayer || p->nlayer > GUST_LAYERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < p->nlayer; i++)
		if (!gust_seg_layer_ok(p, i) || gust_seg_forbids(p, &p->layer[i]))
			return -EINVAL;
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];

		big4 |= l->kind == GUST_L_IPV4 && p->len - l->off > LEN16_MAX;
		big6 |= is_big6(p, i);
		if (has_jumbo(p, i) &&
		    !find_opt(p->head + p->layer[i + 1].off, OPT_JUMBO))
			return -EINVAL; /* the map says so, the bytes do not */
	}
	return big6 || (big4 && form == GUST_JUMBO_PLAIN) ? 0 : -EINVAL;
}

/* From the innermost layer outwards: an outer packet is as large as what it holds
 * has become. On failure what was done is undone. */
static int put_in(const struct gust_host *host, struct gust_pkt *p)
{
	uint32_t done = 0;
	int r = 0;

	for (unsigned i = p->nlayer; i-- && !r;) {
		if (!is_big6(p, i) || has_jumbo(p, i))
			continue;
		if (has_hop(p, i)) {
			r = insert_option(host, p, i);
		} else {
			r = insert_header(host, p, i);
			if (!r)
				done <<= 1; /* the layers inside have moved */
		}
		if (!r)
			done |= UINT32_C(1) << i;
	}
	for (unsigned i = p->nlayer; r && i--;)
		if (done & UINT32_C(1) << i)
			remove_jumbo(host, p, i);
	return r;
}

static int big_jumbo(void *state, struct gust_pkt *p, enum gust_jumbo form)
{
	const struct gust_host *host = state;
	int r = check(p, form);

	if (r)
		return r;
	if (form == GUST_JUMBO_OPTION) {
		r = put_in(host, p);
		if (r)
			return r;
	} else {
		for (unsigned i = p->nlayer; i--;)
			if (p->layer[i].kind == GUST_L_IPV6 && has_jumbo(p, i))
				remove_jumbo(host, p, i);
	}
	host->fix_lengths(p);
	return 0;
}

const struct gust_plugin GUST_PLUGIN_SYMBOL = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "bigtcp",
	.text = "writes packets above 64 KB in the form that a port takes",
	.provides = GUST_FEAT_BIT(GUST_FEAT_BIGTCP4) |
		    GUST_FEAT_BIT(GUST_FEAT_BIGTCP6_JUMBO) |
		    GUST_FEAT_BIT(GUST_FEAT_BIGTCP6_PLAIN),
	.needs = GUST_FEAT_BIT(GUST_FEAT_TSO4) | GUST_FEAT_BIT(GUST_FEAT_TSO6),
	.worker_open = big_worker_open,
	.worker_close = big_worker_close,
	.jumbo = big_jumbo,
};
