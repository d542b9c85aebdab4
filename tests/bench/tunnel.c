/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tunnel.c - what a level of tunnel costs, in nanoseconds
 *
 *	tunnel PLUGINDIR KIND DEPTH MILLISECONDS    one JSON object on standard output
 *
 * DEPTH tunnels of one kind inside each other, over IPv4, with gust-wire's own chain.
 * encap: one TCP superpacket of 64 KB, by level. decap: the same the other way, at
 * depth 1 alone, for no port hands over superpackets of more levels whole. train: as
 * they do arrive, a UDP superpacket of outer datagrams: sliced and decapsulated, by
 * datagram and level. Packets are built before the clock starts; figures are medians
 * of batches.
 */
#include <stdbool.h>

#include "base/rng.h"
#include "bench_util.h"
#include "cable/chain.h"
#include "offload/plan.h"
#include "offload/registry.h"
#include "wire/bytes.h"
#include "wire/csum.h"

#define MSS 1400
#define SEGS 40
#define BATCH 32
#define ROUNDS_MAX 20000

static struct pkt_pool *pool;
static struct drop_counters drops;
static struct rng rng;
static struct env env = { .now_us = 1, .rng = &rng };
static struct engine *eng;
static struct gust_slab *data;
static struct chain chain;

static void fatal(const char *what)
{
	fprintf(stderr, "tunnel: %s\n", what);
	exit(1);
}

static void set_up(const char *dir, const char *kind, unsigned depth)
{
	struct pkt_limits lim = { .slab_max = 64, .pkt_max = 65536 };
	struct engine_conf c = { .drops = &drops, .env = &env, .clock_ns = now_ns };
	struct registry *r = registry_new();
	struct gust_batch held[2] = { 0 };
	struct engine_set set;
	bool over_udp = !strstr("gretap ipip", kind);
	char text[200], port[20], err[256];

	rng_seed(&rng, 1);
	c.pool = pool = pkt_pool_new(&lim);
	data = slab_new(pool);
	memset(data->data, 0x5a, data->cap);
	eng = engine_new(&c);
	if (!r || !eng || registry_load_dir(r, dir) <= 0)
		fatal("no plugins");
	registry_set(r, &set);
	if (engine_set(eng, &set, held, err, sizeof(err)))
		fatal(err);
	for (unsigned i = 0; i < depth; i++) {
		snprintf(port, sizeof(port), " port %u", 6000 + i);
		snprintf(text, sizeof(text),
			 "%s local 198.18.%u.2 remote 198.18.%u.1%s", kind, i, i,
			 over_udp ? port : "");
		if (chain_add(&chain, text, &set, err, sizeof(err)))
			fatal(err);
	}
}

/* As a tap or tun hands it over. */
static struct gust_pkt *tcp_super(void)
{
	struct gust_frag f = { data->data, data, SEGS * MSS };
	unsigned l2 = chain.link[0].frames ? 14 : 0;
	struct gust_pkt *p = pkt_new(pool);
	uint8_t *ip = p->head + l2, *th = ip + 20;

	memset(p->head, 0, l2 + 40);
	if (l2) {
		memcpy(p->head, "\2gust\1\2gust\2\x08", 14);
		pkt_layer_append(p, GUST_L_ETH, 0, 0);
	}
	ip[0] = 0x45;
	put16(ip + 2, 40 + SEGS * MSS);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\x6f\x00\x01\x0a\x6f\x00\x02", 8);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	put16(th, 40000);
	put16(th + 2, 443);
	th[12] = 0x50;
	th[13] = 0x10;
	p->hlen = p->len = l2 + 40;
	pkt_layer_append(p, GUST_L_IPV4, 0, l2);
	pkt_layer_append(p, GUST_L_TCP, 0, l2 + 20);
	slab_ref(data);
	if (pkt_frag_add(p, &f))
		fatal("no memory");
	p->gso_size = MSS;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	return p;
}

/* What is sent by one end is received by the other, which here is the same: the
 * addresses of each level change places. */
static void turn_round(struct gust_batch *b)
{
	for (struct gust_pkt *p = b->first; p; p = p->next)
		for (unsigned i = 0; i < p->nlayer; i++) {
			uint8_t *src = p->head + p->layer[i].off + 12, t[4];

			if (p->layer[i].kind != GUST_L_IPV4)
				continue;
			memcpy(t, src, 4);
			memcpy(src, src + 4, 4);
			memcpy(src + 4, t, 4);
		}
}

static uint64_t timed(void (*run)(struct chain *, struct engine *,
				  struct gust_batch *),
		      struct gust_batch *b, unsigned want)
{
	uint64_t ns = now_ns();

	run(&chain, eng, b);
	ns = now_ns() - ns;
	if (b->n != want) {
		fprintf(stderr, "tunnel: %u packets of %u came through\n", b->n,
			want);
		exit(1);
	}
	return ns;
}

/* As read from a port that took `b` by USO; false: not what this chain's outside is. */
static bool as_trains(struct gust_batch *b)
{
	struct port_caps caps = { .mtu = 1600,
				  .feats = FEAT_BIT(FEAT_TX_CSUM) |
					   FEAT_BIT(FEAT_USO),
				  .gso_max_udp = 65535 };
	struct gust_batch out = { 0 };
	struct plan_stats st = { 0 };

	plan_fit(eng, b, &caps, &out, &st);
	*b = out;
	return st.carried;
}

static unsigned datagrams(const struct gust_batch *b)
{
	unsigned n = 0;

	for (const struct gust_pkt *p = b->first; p; p = p->next)
		n += pkt_segs(p);
	return n;
}

int main(int argc, char **argv)
{
	static double enc[ROUNDS_MAX], dec[ROUNDS_MAX], train[ROUNDS_MAX];
	unsigned n = 0, ntrain = 0, depth, ms;
	uint64_t end;

	if (argc != 5) {
		fprintf(stderr,
			"usage: tunnel PLUGINDIR KIND DEPTH MILLISECONDS\n");
		return 2;
	}
	depth = (unsigned)atoi(argv[3]);
	set_up(argv[1], argv[2], depth);
	ms = (unsigned)atoi(argv[4]);
	end = now_ns() + ms * UINT64_C(1000000);
	while (n < ROUNDS_MAX && now_ns() < end) {
		struct gust_batch b = { 0 };

		for (unsigned i = 0; i < BATCH; i++)
			gust_batch_push(&b, tcp_super());
		enc[n] = (double)timed(chain_encap, &b, BATCH) / BATCH / depth;
		turn_round(&b);
		if (depth == 1)
			dec[n] = (double)timed(chain_decap, &b, BATCH) / BATCH;
		n++;
		pkt_batch_free(&b);
	}
	for (end = now_ns() + ms * UINT64_C(1000000);
	     ntrain < ROUNDS_MAX && now_ns() < end; ntrain++) {
		struct gust_batch b = { 0 };
		unsigned segs;

		gust_batch_push(&b, tcp_super());
		chain_encap(&chain, eng, &b);
		turn_round(&b);
		if (!as_trains(&b)) {
			pkt_batch_free(&b);
			break;
		}
		segs = datagrams(&b);
		train[ntrain] = (double)timed(chain_decap, &b, segs) / segs / depth;
		pkt_batch_free(&b);
	}
	printf("{\"kind\": \"%s\", \"depth\": %u, \"encap_ns\": %.1f", argv[2],
	       depth, median_of(enc, n));
	if (depth == 1)
		printf(", \"decap_ns\": %.1f", median_of(dec, n));
	if (ntrain)
		printf(", \"train_ns\": %.1f", median_of(train, ntrain));
	printf("}\n");
	return 0;
}
