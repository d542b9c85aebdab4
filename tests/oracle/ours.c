/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ours.c - gust's side of a comparison: dissect, read the virtio_net_hdr, cut
 */
#include "ours.h"

#include <stdio.h>

#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "pluglib.h"

static struct plug plug;
static uint8_t *buf;

void ours_open(void)
{
	static const char *const names[] = { "tso", "uso", "ufo", "bigtcp",
					     "gro", "uro", NULL };

	plug_open(&plug, names);
	buf = malloc(SUPER_MAX);
	assert_non_null(buf);
}

void ours_close(void)
{
	free(buf);
	plug_close(&plug);
}

static enum gust_gso gso_of(const struct super *s)
{
	bool v6 = s->vxlan ? s->inner.v6 : s->ip.v6;

	if (s->udp)
		return v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4;
	return v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
}

/* The metadata: from the virtio_net_hdr where the codec speaks of this form (it
 * knows no tunnels). */
static enum drop_reason decode(const struct super *s, struct gust_pkt *p)
{
	uint8_t vh[SUPER_VH_LEN];

	if (!s->vxlan) {
		super_vnet(vh, s);
		return vnet_decode(p, vh, sizeof(vh));
	}
	p->need = s->no_csum ? 0 : GUST_F_CSUM;
	p->gso_type = gso_of(s);
	p->gso_size = s->gso_size;
	if (pkt_payload_len(p) <= s->gso_size)
		p->gso_size = p->gso_type = 0;
	return DROP_NONE;
}

static void add(struct gust_pkt *p, struct lab_frames *ret)
{
	uint8_t *b = lab_frames_add(ret, p->len);

	memcpy(b, p->head, p->hlen);
	pkt_payload_copy(p, 0, b + p->hlen, p->len - p->hlen);
}

/* Cut for a port of MTU 1500 without offloads. */
static void cut(struct gust_pkt *p, struct gust_batch *out)
{
	struct gust_gso_req req = { .step = p->gso_size,
				    .mtu = 1500,
				    .csum = true };
	struct gust_batch in;

	gust_batch_init(&in);
	gust_batch_push(&in, p);
	engine_gso(plug.eng, &in, &req, out);
}

static void why_dropped(char *why, uint32_t len)
{
	int at = snprintf(why, len, "gust dropped it:");

	for (unsigned i = 1; i < DROP_REASONS; i++)
		if (plug.drops.n[i])
			at += snprintf(why + at, len - at, " %s", drop_name(i));
	snprintf(why + at, len - at, "; plugin's words: %s", plug.log);
}

bool ours_segment(const struct super *s, struct lab_frames *ret, char *why,
		  uint32_t why_len)
{
	uint32_t n = super_build(buf, s);
	struct gust_pkt *p = pkt_of(plug.pool, buf, n);
	int start = (s->l2 ? DISSECT_ETH : DISSECT_IP) | DISSECT_TUNNELS;
	enum drop_reason r = pkt_dissect(p, start);
	struct gust_batch out;

	if (r == DROP_NONE)
		r = decode(s, p);
	if (r != DROP_NONE) {
		snprintf(why, why_len, "gust refuses it: %s", drop_name(r));
		pkt_free(p);
		return false;
	}
	gust_batch_init(&out);
	memset(&plug.drops, 0, sizeof(plug.drops));
	if (p->gso_size) {
		cut(p, &out);
	} else {
		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		gust_batch_push(&out, p);
	}
	if (!out.n)
		why_dropped(why, why_len);
	n = out.n;
	while ((p = gust_batch_pop(&out))) {
		add(p, ret);
		pkt_free(p);
	}
	return n > 0;
}

/* ---- merge ---- */

/* All packets in one slab, as a port reads them. */
static void make_batch(const struct lab_frames *in, struct gust_batch *b)
{
	struct gust_slab *s = slab_new(plug.pool);

	assert_non_null(s);
	gust_batch_init(b);
	for (unsigned i = 0; i < in->n; i++) {
		uint8_t *at = s->data + s->used + GUST_HEADROOM;
		struct gust_pkt *p;

		memcpy(at, in->b[i], in->len[i]);
		s->used += GUST_HEADROOM + in->len[i];
		assert_true(s->used <= s->cap);
		p = pkt_from_slab(plug.pool, s, at, in->len[i]);
		assert_non_null(p);
		assert_int_equal(pkt_dissect(p, DISSECT_ETH), DROP_NONE);
		gust_batch_push(b, p);
	}
	slab_unref(s);
}

/* IPv6 above 64 KB in the form that the kernel gives it when it merges. */
static void add_super(struct gust_pkt *p, struct lab_frames *ret)
{
	uint8_t *b;

	if (p->gso_type == GUST_GSO_TCP6 && p->len - pkt_l3(p)->off > 40 + 65535)
		assert_int_equal(engine_jumbo(plug.eng, p, GUST_JUMBO_OPTION), 0);
	b = lab_frames_add(ret, SUPER_VH_LEN + p->len);
	vnet_encode(p, b, SUPER_VH_LEN);
	memcpy(b + SUPER_VH_LEN, p->head, p->hlen);
	pkt_payload_copy(p, 0, b + SUPER_VH_LEN + p->hlen, p->len - p->hlen);
}

void ours_merge(const struct lab_frames *in, uint32_t max_len, uint32_t max_segs,
		struct lab_frames *super, struct lab_frames *ret)
{
	struct gust_gro_req req = { .max4 = max_len,
				    .max6 = max_len,
				    .max_udp = 65535,
				    .max_segs = max_segs };
	struct gust_batch b, pieces;
	struct gust_pkt *p;

	make_batch(in, &b);
	engine_gro(plug.eng, &b, &req);
	gust_batch_init(&pieces);
	while ((p = gust_batch_pop(&b))) {
		add_super(p, super);
		if (p->gso_size)
			cut(p, &pieces);
		else
			gust_batch_push(&pieces, p);
	}
	while ((p = gust_batch_pop(&pieces))) {
		add(p, ret);
		pkt_free(p);
	}
}
