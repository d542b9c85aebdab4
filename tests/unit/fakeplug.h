/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeplug.h - plugins inside the test, which can be made to misbehave
 */
#ifndef TESTS_FAKEPLUG_H
#define TESTS_FAKEPLUG_H

#include <errno.h>
#include <gust/plugin.h>
#include <stdio.h>
#include <stdlib.h>

enum fake_mode {
	FAKE_GOOD,
	FAKE_LOSES, /* every second piece */
	FAKE_LEN, /* len is not the sum */
	FAKE_LAYER, /* a layer beyond the head */
	FAKE_NFRAG, /* more fragments than there is room for */
	FAKE_LARGE, /* does not cut */
	FAKE_TYPE, /* gso_size without a type */
	FAKE_DROPS, /* by host->drop() */
	FAKE_WORDY, /* logs twenty lines */
};

static enum fake_mode fake_mode;
static int fake_open_result __attribute__((unused));
static int fake_worker_result __attribute__((unused));
static unsigned fake_instances, fake_states;

struct fake {
	const struct gust_host *h;
	struct gust_worker *w;
	struct gust_batch held[2];
};

static inline int fake_open(const struct gust_host *h, const char *options,
			    void **ret, char *err, size_t err_len)
{
	if (options[0] == '!') {
		snprintf(err, err_len, "options: \"!\": expected a word");
		return -EINVAL;
	}
	if (fake_open_result)
		return fake_open_result;
	fake_instances++;
	*ret = &fake_instances;
	return 0;
}

static inline void fake_close(void *instance)
{
	if (instance)
		fake_instances--;
}

static inline int fake_worker_open(const struct gust_host *h, void *instance,
				   struct gust_worker *w, void **ret)
{
	struct fake *f = calloc(1, sizeof(*f));

	f->h = h;
	f->w = w;
	if (fake_worker_result) {
		free(f);
		return fake_worker_result;
	}
	fake_states++;
	*ret = f;
	return 0;
}

static inline void fake_worker_close(void *state, struct gust_batch out[2])
{
	struct fake *f = state;

	gust_batch_splice(&out[GUST_RX], &f->held[GUST_RX]);
	gust_batch_splice(&out[GUST_TX], &f->held[GUST_TX]);
	free(f);
	fake_states--;
}

/* Spoil what the mode says; true: the packet goes on. */
static inline bool fake_spoil(struct fake *f, struct gust_pkt *p, unsigned n)
{
	switch (fake_mode) {
	case FAKE_LOSES:
		if (n % 2)
			break;
		f->h->pkt_free(p);
		return false;
	case FAKE_LEN:
		p->len++;
		break;
	case FAKE_LAYER:
		p->layer[0].off = p->hlen;
		break;
	case FAKE_NFRAG:
		p->nfrag = p->frag_cap + 1;
		break;
	case FAKE_TYPE:
		p->gso_size = 1;
		p->gso_type = GUST_GSO_NONE;
		break;
	case FAKE_DROPS:
		f->h->drop(f->w, p, GUST_DROP_BAD_GSO);
		return false;
	default:
		break;
	}
	return true;
}

static inline void fake_cut(struct fake *f, struct gust_pkt *p,
			    const struct gust_gso_req *req, struct gust_batch *out)
{
	struct gust_batch pieces, done;
	struct gust_cut c;
	struct gust_pkt *q;

	if (fake_mode == FAKE_LARGE) {
		gust_batch_push(out, p);
		return;
	}
	gust_batch_init(&pieces);
	gust_batch_init(&done);
	if (f->h->cut_begin(&c, f->w, p, req)) {
		f->h->drop(f->w, p, GUST_DROP_BAD_GSO);
		return;
	}
	while ((q = f->h->cut_next(&c)))
		gust_batch_push(&pieces, q);
	if (f->h->cut_end(&c, &pieces, &done)) {
		f->h->drop(f->w, p, GUST_DROP_NO_PKT);
		return;
	}
	for (unsigned n = 0; (q = gust_batch_pop(&done)); n++)
		if (fake_spoil(f, q, n))
			gust_batch_push(out, q);
}

static inline void fake_gso(void *state, struct gust_batch *in,
			    const struct gust_gso_req *req, struct gust_batch *out)
{
	struct fake *f = state;
	struct gust_pkt *p;

	for (unsigned i = 0; fake_mode == FAKE_WORDY && i < 20; i++)
		f->h->log(f->w, GUST_LOG_INFO, "a line");
	f->h->count(f->w, 0, in->n);
	while ((p = gust_batch_pop(in)))
		fake_cut(f, p, req, out);
}

static inline void fake_gro(void *state, struct gust_batch *in,
			    const struct gust_gro_req *req, struct gust_batch *out)
{
	struct fake *f = state;
	struct gust_pkt *p;

	for (unsigned n = 0; (p = gust_batch_pop(in)); n++)
		if (fake_spoil(f, p, n))
			gust_batch_push(out, p);
}

/* Holds everything for a millisecond; RX and TX apart. */
static inline void fake_filter(void *state, enum gust_dir dir,
			       struct gust_batch *in, uint64_t now_us,
			       struct gust_batch *out)
{
	struct fake *f = state;

	if (in->n)
		gust_batch_splice(&f->held[dir], in);
	else
		gust_batch_splice(out, &f->held[dir]);
}

static inline uint64_t fake_deadline(void *state, enum gust_dir dir)
{
	struct fake *f = state;

	return f->held[dir].n ? 5000u + (uint64_t)dir : GUST_NEVER;
}

static const char *const fake_counters[] = { "runs", NULL };

/* Provides everything that a plugin can. */
static const struct gust_plugin fake_plugin __attribute__((unused)) = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "fake",
	.text = "cuts and merges for tests",
	.provides = UINT64_MAX >> (64 - GUST_FEAT_N),
	.gso_types = UINT32_MAX,
	.gro_kinds = UINT32_MAX,
	.counters = fake_counters,
	.open = fake_open,
	.close = fake_close,
	.worker_open = fake_worker_open,
	.worker_close = fake_worker_close,
	.gso = fake_gso,
	.gro = fake_gro,
};

#endif
