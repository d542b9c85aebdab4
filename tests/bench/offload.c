/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload.c - what a plugin costs, in nanoseconds a segment
 *
 *	offload PLUGINDIR CASE MILLISECONDS     one JSON object on standard output
 *
 * Packets are built before the clock starts and freed after it has stopped; what is
 * timed is the engine's call: dispatch, plugin, host services, the engine's checks.
 * Each case alternates with its contestants in slices of a few milliseconds, and a
 * figure is the median of the slices, so that what disturbs a machine disturbs all.
 * Contestants: memcpy of the same bytes, and (offload_kernel.c) the kernel doing the
 * same work through a tun.
 */
#include <stdbool.h>

#include "base/rng.h"
#include "bench_util.h"
#include "offload/plan.h"
#include "offload/registry.h"
#include "offload_bench.h"
#include "pkt/dissect.h"
#include "wire/bytes.h"

#define MSS 1448
#define TCP_HDRS 52 /* IPv4, TCP with time stamps */
#define SEGS 44
#define SUPER (45 * MSS) /* the largest multiple within 64 KB */
#define BATCH 128 /* packets that a worker reads in a turn */
#define BIG 500000

static struct pkt_pool *pool;
static struct drop_counters drops;
static struct rng rng;
static struct env env = { .now_us = 1, .rng = &rng };
static struct engine *eng, *bare; /* with plugins, without any */
static struct gust_slab *data; /* all payload */

static void fatal(const char *what)
{
	fprintf(stderr, "offload: %s\n", what);
	exit(1);
}

/* ---- the empty plugin: what a call costs ---- */

static int empty_open(const struct gust_host *h, void *instance,
		      struct gust_worker *w, void **ret)
{
	*ret = w;
	return 0;
}

static void empty_close(void *state, struct gust_batch out[2]) {}

static void empty_gro(void *state, struct gust_batch *in,
		      const struct gust_gro_req *req, struct gust_batch *out)
{
	gust_batch_splice(out, in);
}

static const struct gust_plugin empty_plugin = {
	.abi = GUST_PLUGIN_ABI,
	.size = sizeof(struct gust_plugin),
	.name = "empty",
	.gro_kinds = 1u << GUST_L_TCP,
	.worker_open = empty_open,
	.worker_close = empty_close,
	.gro = empty_gro,
};

/* ---- set-up ---- */

static struct engine *engine_with(const char *dir, const struct gust_plugin *own)
{
	struct engine_conf c = {
		.pool = pool, .drops = &drops, .env = &env, .clock_ns = now_ns
	};
	struct registry *r = registry_new();
	struct engine *e = engine_new(&c);
	struct gust_batch held[2] = { 0 };
	struct engine_set set;
	char err[256];

	if (!r || !e || (dir && registry_load_dir(r, dir) <= 0) ||
	    (own && registry_add(r, own, err, sizeof(err))))
		fatal("no plugins");
	registry_set(r, &set);
	if (engine_set(e, &set, held, err, sizeof(err)))
		fatal(err);
	return e; /* the registry lives as long as the program */
}

static void set_up(const char *dir, const char *name)
{
	struct pkt_limits lim = { .slab_max = 64, .pkt_max = 65536 };

	rng_seed(&rng, 1);
	pool = pkt_pool_new(&lim);
	data = slab_new(pool);
	for (uint32_t i = 0; i + 8 <= data->cap; i += 8) {
		uint64_t v = rng_u64(&rng);

		memcpy(data->data + i, &v, 8);
	}
	eng = strcmp(name, "empty") ? engine_with(dir, NULL) :
				      engine_with(NULL, &empty_plugin);
	bare = engine_with(NULL, NULL);
}

/* ---- packets ---- */

static void add_payload(struct gust_pkt *p, uint32_t off, uint32_t len)
{
	struct gust_frag f = { data->data + off, data, len };

	slab_ref(data);
	if (pkt_frag_add(p, &f))
		fatal("no memory");
}

static void put_ip4(uint8_t *ip, uint8_t proto, uint32_t len, uint16_t id)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, len > 65535 ? 0 : len);
	put16(ip + 4, id);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, "\x0a\x6f\x00\x01\x0a\x6f\x00\x02", 8);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
}

static void put_tcp(uint8_t *th, uint16_t port, uint32_t seq)
{
	static const uint8_t ts[12] = { 1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4 };

	memset(th, 0, 20);
	put16(th, port);
	put16(th + 2, 443);
	put32(th + 4, seq);
	put32(th + 8, 0x11223344);
	th[12] = 0x80;
	th[13] = 0x10;
	put16(th + 14, 0x2000);
	memcpy(th + 20, ts, 12);
}

/* A packet as a port hands it over: bytes in a slab, dissected. */
static struct gust_pkt *tcp_pkt(uint16_t port, uint32_t seq, uint16_t id,
				uint32_t len, uint32_t off)
{
	struct gust_pkt *p = pkt_new(pool);

	if (!p)
		fatal("no packet");
	put_ip4(p->head, 6, TCP_HDRS + len, id);
	put_tcp(p->head + 20, port, seq);
	p->hlen = p->len = TCP_HDRS;
	pkt_layer_append(p, GUST_L_IPV4, len > 65000 ? GUST_LF_JUMBO : 0, 0);
	pkt_layer_append(p, GUST_L_TCP, 0, 20);
	add_payload(p, off, len);
	return p;
}

static struct gust_pkt *tcp_super(uint32_t len)
{
	struct gust_pkt *p = tcp_pkt(40000, 1000, 7, len, 0);

	p->gso_size = MSS;
	p->gso_type = GUST_GSO_TCP4;
	p->need = GUST_F_CSUM;
	return p;
}

static struct gust_pkt *tcp6_big(void)
{
	struct gust_pkt *p = pkt_new(pool);
	uint8_t *ip = p->head;

	memset(ip, 0, 40);
	ip[0] = 0x60;
	ip[6] = 6;
	ip[7] = 64;
	memcpy(ip + 8, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(ip + 24, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	put_tcp(ip + 40, 40000, 1000);
	p->hlen = p->len = 72;
	pkt_layer_append(p, GUST_L_IPV6, 0, 0);
	pkt_layer_append(p, GUST_L_TCP, 0, 40);
	add_payload(p, 0, BIG);
	p->gso_size = 1428;
	p->gso_type = GUST_GSO_TCP6;
	p->need = GUST_F_CSUM;
	return p;
}

static struct gust_pkt *udp_pkt(uint16_t id, uint32_t len, uint32_t off)
{
	struct gust_pkt *p = pkt_new(pool);

	put_ip4(p->head, 17, 28 + len, id);
	put16(p->head + 20, 5000);
	put16(p->head + 22, 5001);
	put16(p->head + 24, 8 + len);
	put16(p->head + 26, 0);
	p->hlen = p->len = 28;
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	pkt_layer_append(p, GUST_L_UDP, 0, 20);
	add_payload(p, off, len);
	return p;
}

/* One DATA chunk (RFC 9260 3.3.1) that fills the packet. */
static struct gust_pkt *sctp_pkt(uint16_t id, uint32_t off)
{
	struct gust_pkt *p = pkt_new(pool);
	uint8_t *chunk = data->data + off;

	put_ip4(p->head, 132, 32 + MSS, id);
	put16(p->head + 20, 5000);
	put16(p->head + 22, 5001);
	put32(p->head + 24, 0x01020304);
	put32(p->head + 28, 0);
	p->hlen = p->len = 32;
	pkt_layer_append(p, GUST_L_IPV4, 0, 0);
	pkt_layer_append(p, GUST_L_SCTP, 0, 20);
	chunk[0] = 0;
	chunk[1] = 3;
	put16(chunk + 2, MSS);
	add_payload(p, off, MSS);
	return p;
}

/* ---- what is measured ---- */

/* Each returns nanoseconds for one round and tells its segments and bytes. */
struct result {
	uint64_t ns;
	uint32_t segs, bytes;
};

static const struct gust_gro_req gro_req = { .max4 = 65535,
					     .max6 = 65535,
					     .max_udp = 65535 };

static struct result cut(struct gust_pkt *p, uint32_t step, bool csum)
{
	const struct gust_gso_req req = { .step = step, .mtu = 1500, .csum = csum };
	struct result r = { .bytes = pkt_payload_len(p) };
	struct gust_batch in = { 0 }, out = { 0 };

	gust_batch_push(&in, p);
	r.ns = now_ns();
	engine_gso(eng, &in, &req, &out);
	r.ns = now_ns() - r.ns;
	r.segs = out.n;
	pkt_batch_free(&out);
	return r;
}

static struct result run_tso(void)
{
	return cut(tcp_super(SUPER), MSS, false);
}

static struct result run_tso_csum(void)
{
	return cut(tcp_super(SUPER), MSS, true);
}

static struct gust_pkt *udp_super(void)
{
	struct gust_pkt *p = udp_pkt(7, SEGS * MSS, 0);

	p->gso_size = MSS;
	p->gso_type = GUST_GSO_UDP4;
	p->need = GUST_F_CSUM;
	return p;
}

static struct result run_uso(void)
{
	return cut(udp_super(), MSS, false);
}

static struct result run_uso_csum(void)
{
	return cut(udp_super(), MSS, true);
}

static struct result merge(struct engine *e, struct gust_batch *b)
{
	struct result r = { .segs = b->n };

	for (const struct gust_pkt *p = b->first; p; p = p->next)
		r.bytes += pkt_payload_len(p);
	r.ns = now_ns();
	engine_gro(e, b, &gro_req);
	r.ns = now_ns() - r.ns;
	pkt_batch_free(b);
	return r;
}

/* `n` segments of each of `flows` flows, interleaved. */
static void train(struct gust_batch *b, unsigned flows, unsigned n, uint32_t need)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < n; i++)
		for (unsigned f = 0; f < flows; f++) {
			struct gust_pkt *p =
				tcp_pkt(40000 + f, 1000 + i * MSS, 7 + i, MSS,
					(i * flows + f) % 512 * 1500);

			p->need = need;
			gust_batch_push(b, p);
		}
}

static struct result run_gro(void)
{
	struct gust_batch b;

	train(&b, 1, SEGS, GUST_F_CSUM_OK);
	return merge(eng, &b);
}

/* The same with checksums to be verified. */
static struct result run_gro_csum(void)
{
	struct gust_batch b;

	train(&b, 1, SEGS, 0);
	for (struct gust_pkt *p = b.first; p; p = p->next) {
		p->need = GUST_F_CSUM;
		pkt_csum_complete(p);
		p->need = 0;
	}
	return merge(eng, &b);
}

static struct result run_gro_one(void)
{
	struct gust_batch b;

	train(&b, 1, BATCH, GUST_F_CSUM_OK);
	return merge(eng, &b);
}

static struct result run_gro16(void)
{
	struct gust_batch b;

	train(&b, 16, BATCH / 16, GUST_F_CSUM_OK);
	return merge(eng, &b);
}

/* As many flows as packets. */
static struct result run_miss(void)
{
	struct gust_batch b;

	train(&b, BATCH, 1, GUST_F_CSUM_OK);
	return merge(eng, &b);
}

static struct result run_miss_without(void)
{
	struct gust_batch b;

	train(&b, BATCH, 1, GUST_F_CSUM_OK);
	return merge(bare, &b);
}

static struct result run_uro(void)
{
	struct gust_batch b = { 0 };

	for (unsigned i = 0; i < SEGS; i++)
		gust_batch_push(&b, udp_pkt(7 + i, MSS, i * 1500));
	return merge(eng, &b);
}

static struct result run_empty(void)
{
	struct gust_batch b;
	struct result r;

	train(&b, 2, 1, GUST_F_CSUM_OK);
	r = merge(eng, &b);
	r.segs = 1; /* by batch */
	return r;
}

static struct result run_empty_without(void)
{
	struct gust_batch b;
	struct result r;

	train(&b, 2, 1, GUST_F_CSUM_OK);
	r = merge(bare, &b);
	r.segs = 1;
	return r;
}

/* The jumbo option in and out again. */
static struct result run_bigtcp(void)
{
	struct gust_pkt *p = tcp6_big();
	struct result r = { .bytes = BIG, .segs = pkt_segs(p) };

	r.ns = now_ns();
	if (engine_jumbo(eng, p, GUST_JUMBO_OPTION) ||
	    engine_jumbo(eng, p, GUST_JUMBO_PLAIN))
		fatal("jumbo");
	r.ns = now_ns() - r.ns;
	pkt_free(p);
	return r;
}

/* Cut to superpackets of 64 KB, as for a port without BIG TCP. */
static struct result run_bigtcp_cut(void)
{
	struct result r = cut(tcp_super(BIG), 44 * MSS, false);

	r.segs = (BIG + MSS - 1) / MSS;
	return r;
}

static void sctp_train(struct gust_batch *b, uint32_t need)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < SEGS; i++) {
		struct gust_pkt *p = sctp_pkt(7 + i, i * 1500);

		p->need = need;
		gust_batch_push(b, p);
	}
}

/* Merge, and cut with CRC32c. */
static struct result run_sctp_merge(void)
{
	struct gust_batch b;

	sctp_train(&b, GUST_F_CSUM_OK);
	return merge(eng, &b);
}

static struct result run_sctp(void)
{
	const struct gust_gso_req req = { .step = 1, .mtu = 1500, .csum = true };
	struct result r = { .bytes = SEGS * MSS };
	struct gust_batch b, out = { 0 };

	sctp_train(&b, GUST_F_CSUM_OK);
	engine_gro(eng, &b, &gro_req);
	if (b.n != 1)
		fatal("sctp did not merge");
	r.ns = now_ns();
	engine_gso(eng, &b, &req, &out);
	r.ns = now_ns() - r.ns;
	r.segs = out.n;
	pkt_batch_free(&out);
	return r;
}

static uint8_t copied[BIG];

static struct result copy(uint32_t len, uint32_t segs)
{
	struct result r = { .bytes = len, .segs = segs };

	r.ns = now_ns();
	memcpy(copied, data->data, len);
	__asm__ volatile("" ::"r"(copied) : "memory");
	r.ns = now_ns() - r.ns;
	return r;
}

static struct result run_memcpy(void)
{
	return copy(SUPER, 45);
}
static struct result run_memcpy44(void)
{
	return copy(SEGS * MSS, SEGS);
}
static struct result run_memcpy_batch(void)
{
	return copy(BATCH * MSS, BATCH);
}
static struct result run_memcpy_big(void)
{
	return copy(BIG, (BIG + MSS - 1) / MSS);
}

/* ---- cases ---- */

typedef struct result (*run_fn)(void);

struct contestant {
	const char *name; /* key in the output: NAME_ns, nanoseconds a segment */
	run_fn run;
	enum kernel_work kernel; /* run NULL: the kernel does it */
};

#define CONTESTANTS 4

static const struct {
	const char *name;
	struct contestant c[CONTESTANTS]; /* gust first */
} cases[] = {
	{ "tso",
	  { { "gust", run_tso },
	    { "csum", run_tso_csum },
	    { "memcpy", run_memcpy },
	    { "kernel", NULL, KERNEL_TSO } } },
	{ "uso",
	  { { "gust", run_uso },
	    { "csum", run_uso_csum },
	    { "memcpy", run_memcpy44 },
	    { "kernel", NULL, KERNEL_USO } } },
	{ "gro",
	  { { "gust", run_gro },
	    { "csum", run_gro_csum },
	    { "memcpy", run_memcpy44 },
	    { "kernel", NULL, KERNEL_GRO } } },
	{ "uro",
	  { { "gust", run_uro },
	    { "memcpy", run_memcpy44 },
	    { "kernel", NULL, KERNEL_URO } } },
	{ "bigtcp",
	  { { "gust", run_bigtcp },
	    { "cut", run_bigtcp_cut },
	    { "memcpy", run_memcpy_big },
	    { "kernel", NULL, KERNEL_BIGTCP } } },
	{ "sctp",
	  { { "gust", run_sctp },
	    { "merge", run_sctp_merge },
	    { "memcpy", run_memcpy44 } } },
	{ "miss",
	  { { "gust", run_miss },
	    { "without", run_miss_without },
	    { "memcpy", run_memcpy_batch } } },
	{ "empty", { { "gust", run_empty }, { "without", run_empty_without } } },
	{ "gro16",
	  { { "gust", run_gro16 },
	    { "one", run_gro_one },
	    { "memcpy", run_memcpy_batch } } },
};

#define SLICES_MAX 400
#define SLICE_NS 2000000

static double slice(const struct contestant *c, double *ret_gb_s)
{
	uint64_t end = now_ns() + SLICE_NS, ns = 0, segs = 0, bytes = 0;

	do {
		struct result r;

		if (c->run) {
			r = c->run();
		} else {
			uint32_t n = kernel_round(c->kernel, &r.ns, &r.bytes);

			r.segs = n;
		}
		ns += r.ns;
		segs += r.segs;
		bytes += r.bytes;
	} while (now_ns() < end);
	*ret_gb_s = (double)bytes / ns;
	return (double)ns / segs;
}

static void bench(const struct contestant *c, unsigned ms)
{
	static double ns[CONTESTANTS][SLICES_MAX], gb[CONTESTANTS][SLICES_MAX];
	uint64_t end = now_ns() + ms * UINT64_C(1000000);
	bool have[CONTESTANTS] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < CONTESTANTS && c[i].name; i++) {
		double skip;

		have[i] = c[i].run || kernel_open(c[i].kernel);
		if (have[i])
			slice(&c[i], &skip); /* warm up */
	}
	do {
		for (unsigned i = 0; i < CONTESTANTS; i++)
			if (have[i])
				ns[i][n] = slice(&c[i], &gb[i][n]);
	} while (++n < SLICES_MAX && now_ns() < end);
	printf("{\"slices\": %u", n);
	for (unsigned i = 0; i < CONTESTANTS; i++)
		if (have[i])
			printf(", \"%s_ns\": %.3f, \"%s_gb_s\": %.3f", c[i].name,
			       median_of(ns[i], n), c[i].name, median_of(gb[i], n));
	printf("}\n");
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: offload PLUGINDIR CASE MILLISECONDS\n");
		return 2;
	}
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[2], cases[i].name))
			continue;
		set_up(argv[1], argv[2]);
		bench(cases[i].c, (unsigned)atoi(argv[3]));
		return 0;
	}
	fprintf(stderr, "offload: no case \"%s\"\n", argv[2]);
	return 2;
}
