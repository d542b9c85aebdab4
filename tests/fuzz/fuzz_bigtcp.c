/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_bigtcp.c - any packet in one form of BIG TCP, and in another, and back
 *
 * Each bit of the last header byte is a form. mkcorpus_seg.py writes the corpus;
 * fuzzseg.h says what an input looks like.
 */
#define GUST_PLUGIN_SYMBOL gust_plugin_bigtcp
#include "../../plugins/bigtcp.c"

#include "fuzzseg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What bigtcp needs to be provided. */
static int stand_in_open(const struct gust_host *host, void *instance,
			 struct gust_worker *w, void **ret_state)
{
	*ret_state = &rig;
	return 0;
}

static void stand_in_close(void *state, struct gust_batch out[2]) {}

static void stand_in_gso(void *state, struct gust_batch *in,
			 const struct gust_gso_req *req, struct gust_batch *out)
{
	gust_batch_splice(out, in);
}

static const struct gust_plugin stand_in = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "stand-in",
	.text = "provides what bigtcp needs",
	.provides = GUST_FEAT_BIT(GUST_FEAT_TSO4) | GUST_FEAT_BIT(GUST_FEAT_TSO6),
	.gso_types = 1u << GUST_GSO_TCP4 | 1u << GUST_GSO_TCP6,
	.worker_open = stand_in_open,
	.worker_close = stand_in_close,
	.gso = stand_in_gso,
};

static unsigned jumbos(const struct gust_pkt *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nlayer; i++)
		n += p->layer[i].kind == GUST_L_HOPOPTS &&
		     p->layer[i].flags & GUST_LF_JUMBO;
	return n;
}

/* Lengths, at every depth, as this form has them. */
static void check_form(const struct gust_pkt *p, enum gust_jumbo form)
{
	for (unsigned i = 0; i < p->nlayer; i++) {
		const struct gust_layer *l = &p->layer[i];
		uint32_t n = p->len - l->off;

		if (l->kind == GUST_L_IPV4)
			MUST(u16(p->head + l->off + 2) == (n > 65535 ? 0 : n));
		if (l->kind != GUST_L_IPV6)
			continue;
		MUST(u16(p->head + l->off + 4) == (n - 40 > 65535 ? 0 : n - 40));
		if (form == GUST_JUMBO_PLAIN || n - 40 <= 65535)
			continue;
		MUST(l[1].kind == GUST_L_HOPOPTS && l[1].flags & GUST_LF_JUMBO);
	}
	if (form == GUST_JUMBO_PLAIN)
		MUST(!jumbos(p));
}

static void check_same(const struct gust_pkt *p, const struct gust_pkt *was)
{
	MUST(p->len == was->len && p->hlen == was->hlen);
	MUST(!memcmp(p->head, was->head, p->hlen));
	MUST(p->nlayer == was->nlayer);
	MUST(!memcmp(p->layer, was->layer, p->nlayer * sizeof(p->layer[0])));
}

static void check_payload(const struct gust_pkt *p, const struct gust_pkt *was)
{
	MUST(pkt_payload_len(p) == pkt_payload_len(was));
	for (unsigned i = 0; i < p->nfrag; i++)
		MUST(p->frag[i].p == was->frag[i].p);
}

/* One change of form. */
static void change(struct gust_pkt *p, enum gust_jumbo form, const uint8_t *data,
		   bool lies)
{
	struct gust_pkt *was = pkt_clone(rig.pool, p);
	bool eth = data[0] & F_ETH, tunnel = data[0] & F_TUNNEL && !eth;

	if (engine_jumbo(rig.eng, p, form)) {
		check_same(p, was);
	} else {
		check_payload(p, was);
		if (!lies) {
			check_form(p, form);
			check_map(p, tunnel, eth);
		}
	}
	pkt_free(was);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gust_plugin *plugins[] = { &gust_plugin_bigtcp, &stand_in };
	struct gust_pkt *p;
	bool lies;

	if (size < HDR || size - HDR > PKT_MAX)
		return 0;
	rig_init(plugins, 2);
	p = make(data, size, false);
	if (!p)
		return 0;
	lies = lie(p, data[6], data[7]);
	for (unsigned i = 0; i < 8; i++)
		change(p, data[11] & 1u << i ? GUST_JUMBO_OPTION : GUST_JUMBO_PLAIN,
		       data, lies);
	pkt_free(p);
	rig_check();
	return 0;
}
