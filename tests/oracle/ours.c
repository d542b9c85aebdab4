/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ours.c - gust's side of a comparison: dissect, read the virtio_net_hdr, cut
 */
#include "ours.h"

#include <stdio.h>

#include "offload/segment.h"
#include "pkt/dissect.h"
#include "pkt/vnet.h"
#include "pktlib.h"

static struct pkt_pool *pool;
static uint8_t *buf;

void ours_open(void)
{
	pool = small_pool(64, 8192);
	buf = malloc(SUPER_MAX);
	assert_non_null(buf);
}

void ours_close(void)
{
	free(buf);
	assert_int_equal(pkt_pool_free(pool), 0);
}

static enum drop_reason decode(const struct super *s, struct gust_pkt *p)
{
	uint8_t vh[SUPER_VH_LEN];

	super_vnet(vh, s);
	return vnet_decode(p, vh, sizeof(vh));
}

bool ours_segment(const struct super *s, struct lab_frames *ret, char *why,
		  uint32_t why_len)
{
	uint32_t n = super_build(buf, s);
	struct gust_pkt *p = pkt_of(pool, buf, n);
	struct gust_batch out;
	enum drop_reason r = pkt_dissect(p, s->l2 ? DISSECT_ETH : DISSECT_IP);

	if (r == DROP_NONE)
		r = decode(s, p);
	if (r != DROP_NONE) {
		snprintf(why, why_len, "gust refuses it: %s", drop_name(r));
		pkt_free(p);
		return false;
	}
	gust_batch_init(&out);
	if (p->gso_size)
		assert_int_equal(seg_cut(p, p->gso_size, &out), 0);
	else
		gust_batch_push(&out, p);
	while ((p = gust_batch_pop(&out))) {
		uint8_t *b = lab_frames_add(ret, p->len);

		if (p->need & GUST_F_CSUM)
			pkt_csum_complete(p);
		memcpy(b, p->head, p->hlen);
		pkt_payload_copy(p, 0, b + p->hlen, p->len - p->hlen);
		pkt_free(p);
	}
	return true;
}
