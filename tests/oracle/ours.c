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
	static const char *const names[] = { "tso", "uso", "ufo", "bigtcp", NULL };

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

	if (s->ufo)
		return GUST_GSO_UFO;
	if (s->udp)
		return v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4;
	return v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
}

/* The metadata: from the virtio_net_hdr where the codec speaks of this form (it
 * takes UFO for a large datagram, and knows no tunnels). */
static enum drop_reason decode(const struct super *s, struct gust_pkt *p)
{
	uint8_t vh[SUPER_VH_LEN];

	if (!s->ufo && !s->vxlan) {
		super_vnet(vh, s);
		return vnet_decode(p, vh, sizeof(vh));
	}
	p->need = s->no_csum ? 0 : GUST_F_CSUM;
	p->gso_type = gso_of(s);
	p->gso_size = s->gso_size;
	if (!s->ufo && pkt_payload_len(p) <= s->gso_size)
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
