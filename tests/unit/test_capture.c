/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_capture.c - from tees to the bytes of a file
 *
 * Workers are stood in for by lists of tees, into which the tests put packets. What
 * comes out is read by a parser of its own; expected packets are written out from
 * scratch by tp_build().
 */
#include <stdio.h>
#include <time.h>

#include "base/pcapng.h"
#include "daemon/capture.h"
#include "daemon/daemon.h"
#include "pkt/dissect.h"
#include "pktlib.h"
#include "wire/bytes.h"

/* ---- in the workers' place ---- */

#define NW 2

static struct tee *tees[NW];

void worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg),
		 void *arg)
{
	fn(w, arg);
}

struct tee **worker_tees(struct worker *w)
{
	return (struct tee **)w;
}

/* ---- the bed ---- */

static struct pkt_pool *pool;
static uint8_t buf[600000], want[600000];
static struct daemon d;
static struct capture *cap;
static struct evbuffer *out;
static unsigned woken;

static int setup(void **state)
{
	pool = small_pool(20, 1000);
	return 0;
}

static int teardown(void **state)
{
	return pkt_pool_free(pool) ? -1 : 0;
}

static int begin(void **state)
{
	char err[256];

	memset(&d, 0, sizeof(d));
	strcpy(d.tun.name, "gust0");
	d.base = event_base_new();
	d.nworkers = NW;
	for (unsigned i = 0; i < NW; i++)
		d.worker[i] = (struct worker *)&tees[i];
	d.plugins = registry_new();
	out = evbuffer_new();
	woken = 0;
	if (registry_load(d.plugins, GUST_PLUGIN_DIR "/tso.so", err, sizeof(err)))
		fail_msg("%s", err);
	return 0;
}

static int end(void **state)
{
	capture_free(cap);
	cap = NULL;
	evbuffer_free(out);
	registry_free(d.plugins);
	event_base_free(d.base);
	for (unsigned i = 0; i < NW; i++)
		assert_null(tees[i]);
	return 0;
}

static void on_wake(void *arg)
{
	woken++;
}

static void start(const struct capture_conf *conf)
{
	const char *error;
	json_t *params;

	assert_int_equal(
		capture_new(&d, conf, on_wake, NULL, &cap, &error, &params), 0);
}

static struct capture_conf both(void)
{
	struct capture_conf c;

	capture_conf_defaults(&c);
	return c;
}

static struct gust_pkt *packet(const struct tp *t, uint16_t gso_size)
{
	struct gust_pkt *p = pkt_of(pool, buf, tp_build(buf, t));

	assert_int_equal(pkt_dissect(p, DISSECT_IP), DROP_NONE);
	if (gso_size) {
		p->gso_size = gso_size;
		p->gso_type = t->v6 ? GUST_GSO_TCP6 : GUST_GSO_TCP4;
		p->need = GUST_F_CSUM;
	}
	return p;
}

/* A packet passes worker `w` at time `us`; takes it. */
static void pass(unsigned w, struct gust_pkt *p, enum filter_dir dir, uint64_t us)
{
	tee_stage(tees[w], p, dir, us);
	tee_keep(tees[w]);
	tee_flush(tees[w]);
	pkt_free(p);
}

/* ---- reading the file ---- */

struct block {
	uint32_t type, interface, len, caplen;
	uint64_t ts, id, lost, dropped, accepted, delivered;
	const uint8_t *bytes;
	char text[900]; /* comment, or name */
};

static struct block blocks[3000];
static unsigned nblocks;

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static void read_options(struct block *b, const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		unsigned code = p[0] | p[1] << 8, n = p[2] | p[3] << 8;

		p += 4;
		assert_true(p <= end && n <= (size_t)(end - p));
		if (!code) {
			assert_ptr_equal(p, end);
			return;
		}
		if ((b->type == PCAPNG_PACKET && code == 1) ||
		    (b->type == PCAPNG_INTERFACE && code == 2))
			snprintf(b->text, sizeof(b->text), "%.*s", (int)n, p);
		if (b->type == PCAPNG_PACKET && code == 5)
			b->id = u64(p);
		if (b->type == PCAPNG_PACKET && code == 4)
			b->lost = u64(p);
		if (b->type == PCAPNG_STATS && code == 5)
			b->dropped = u64(p);
		if (b->type == PCAPNG_STATS && code == 6)
			b->accepted = u64(p);
		if (b->type == PCAPNG_STATS && code == 8)
			b->delivered = u64(p);
		p += (n + 3) & ~3u;
	}
}

/* Everything that has come out so far. */
static void read_blocks(void)
{
	size_t len = evbuffer_get_length(out);
	const uint8_t *p = evbuffer_pullup(out, -1), *end = p + len;

	nblocks = 0;
	while (p < end) {
		struct block *b = &blocks[nblocks++];
		uint32_t n = u32(p + 4), opts;

		assert_true(nblocks < sizeof(blocks) / sizeof(blocks[0]));
		memset(b, 0, sizeof(*b));
		b->type = u32(p);
		assert_true(n >= 12 && n % 4 == 0 && n <= (size_t)(end - p));
		assert_int_equal(u32(p + n - 4), n);
		switch (b->type) {
		case PCAPNG_SECTION:
			opts = 24;
			break;
		case PCAPNG_INTERFACE:
			opts = 16;
			break;
		case PCAPNG_STATS:
			b->interface = u32(p + 8);
			opts = 20;
			break;
		default:
			assert_int_equal(b->type, PCAPNG_PACKET);
			b->interface = u32(p + 8);
			b->ts = (uint64_t)u32(p + 12) << 32 | u32(p + 16);
			b->caplen = u32(p + 20);
			b->len = u32(p + 24);
			b->bytes = p + 28;
			opts = 28 + ((b->caplen + 3) & ~3u);
			break;
		}
		read_options(b, p + opts, p + n - 4);
		p += n;
	}
}

static unsigned count(uint32_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nblocks; i++)
		n += blocks[i].type == type;
	return n;
}

static void fill(bool want_more)
{
	assert_int_equal(capture_fill(cap, out), want_more);
	read_blocks();
}

/* ---- tests ---- */

static void header_at_once(void **state)
{
	struct capture_conf c = both();

	start(&c);
	fill(true);
	assert_int_equal(nblocks, 3);
	assert_int_equal(blocks[0].type, PCAPNG_SECTION);
	assert_string_equal(blocks[1].text, "gust0 (super)");
	assert_string_equal(blocks[2].text, "gust0 (wire)");
	capture_finish(cap);
	fill(false);
	assert_int_equal(nblocks, 5);
	assert_int_equal(count(PCAPNG_STATS), 2);
	assert_false(capture_fill(cap, out));
}

/* The piece of `t` that holds payload [off, off + n). */
static void assert_segment(const struct block *b, const struct tp *t, uint32_t off,
			   uint32_t n, uint16_t gso)
{
	struct tp w = *t;
	uint32_t len;

	w.seq += off;
	w.id += off / gso;
	w.from += off;
	w.len = n;
	if (off + n < t->len)
		w.flags &= ~0x09; /* FIN, PSH */
	len = tp_build(want, &w);
	assert_int_equal(b->len, len);
	assert_int_equal(b->caplen, len);
	assert_memory_equal(b->bytes, want, len);
}

/* A superpacket is there as the kernel is given it, and cut, byte for byte. */
static void superpacket(void **state)
{
	struct tp t = { .len = 9500, .id = 65533, .seq = 7, .flags = 0x18 };
	struct capture_conf c = both();
	struct gust_pkt *p;

	start(&c);
	p = packet(&t, 1000);
	put16(p->head + 20 + 16, 0x5555); /* undefined inside gust */
	pass(1, p, FILTER_OUT, 5);
	fill(true);
	assert_int_equal(nblocks, 3 + 1 + 10);
	assert_string_equal(
		blocks[3].text,
		"superpacket: gso_type tcp4, gso_size 1000, 10 segments, "
		"layers ipv4@0 tcp@20 payload@40, checksum owed, out, "
		"worker 1, wire packets #2-#11");
	assert_int_equal(blocks[3].interface, 0);
	assert_int_equal(blocks[3].len, 9540);
	/* all but the checksum, which is the pseudo header's */
	tp_build(want, &t);
	w16(want + 36, naive_sum(naive_sum(0, want + 12, 8),
				 (uint8_t[]){ 0, 6, 9520 >> 8, 9520 & 255 }, 4));
	assert_memory_equal(blocks[3].bytes, want, 9540);
	for (unsigned i = 0; i < 10; i++) {
		const struct block *b = &blocks[4 + i];
		char text[100];

		snprintf(text, sizeof(text),
			 "segment %u of 10 of superpacket #1, out, worker 1",
			 i + 1);
		assert_string_equal(b->text, text);
		assert_int_equal(b->interface, 1);
		assert_int_equal(b->id, blocks[3].id);
		assert_int_equal(b->ts, blocks[3].ts);
		assert_segment(b, &t, i * 1000, i < 9 ? 1000 : 500, 1000);
	}
}

/* Numbers go on from packet to packet; the other views have them not. */
static void views(void **state)
{
	static const struct {
		enum capture_view view;
		unsigned n;
		const char *text[3];
	} v[] = {
		{ CAPTURE_SUPER,
		  2,
		  { "plain packet, layers ipv4@0 tcp@20 payload@40, "
		    "checksum owed, in, worker 0",
		    "superpacket: gso_type tcp4, gso_size 1000, 2 "
		    "segments, layers ipv4@0 tcp@20 payload@40, "
		    "checksum owed, out, worker 0" } },
		{ CAPTURE_WIRE,
		  3,
		  { "the same as the port's packet, in, worker 0",
		    "segment 1 of 2 of a superpacket of 1540 bytes, "
		    "out, worker 0",
		    "segment 2 of 2 of a superpacket of 1540 bytes, "
		    "out, worker 0" } },
	};

	for (unsigned i = 0; i < 2; i++) {
		struct capture_conf c = both();
		struct gust_pkt *p;

		c.view = v[i].view;
		start(&c);
		p = packet(&(struct tp){ .len = 10 }, 0);
		p->need = GUST_F_CSUM;
		pass(0, p, FILTER_IN, 1);
		pass(0, packet(&(struct tp){ .len = 1500 }, 1000), FILTER_OUT, 2);
		fill(true);
		assert_int_equal(nblocks, 2 + v[i].n);
		for (unsigned k = 0; k < v[i].n; k++) {
			assert_int_equal(blocks[2 + k].interface, 0);
			assert_string_equal(blocks[2 + k].text, v[i].text[k]);
		}
		capture_free(cap);
		cap = NULL;
		evbuffer_drain(out, evbuffer_get_length(out));
	}
}

/* A plain packet that owes its checksum has it on the wire. */
static void plain(void **state)
{
	struct tp t = { .v6 = true, .len = 100, .flags = 0x18 };
	struct capture_conf c = both();
	struct gust_pkt *p = packet(&t, 0);
	uint32_t n;

	start(&c);
	put16(p->head + 40 + 16, 0x5555);
	p->need = GUST_F_CSUM;
	pass(0, p, FILTER_OUT, 1);
	p = packet(&t, 0);
	p->need = GUST_F_CSUM_OK;
	pass(0, p, FILTER_IN, 2);
	fill(true);
	n = tp_build(want, &t);
	assert_int_equal(nblocks, 7);
	assert_memory_not_equal(blocks[3].bytes, want, n);
	for (unsigned i = 4; i < 7; i++)
		assert_memory_equal(blocks[i].bytes, want, n);
	assert_string_equal(blocks[4].text, "the same as packet #1, out, worker 0");
	assert_non_null(strstr(blocks[5].text,
			       "checksum verified, in, worker 0, wire packet #4"));
}

/* Longer than Wireshark reads, and than 16 bits say: cut from the whole. */
static void big(void **state)
{
	struct tp t = { .v6 = true, .len = 500000, .seq = 1u << 31, .flags = 0x10 };
	struct capture_conf c = both();

	start(&c);
	pass(0, packet(&t, 1428), FILTER_OUT, 1);
	fill(true);
	assert_int_equal(nblocks, 4 + (500000 + 1427) / 1428);
	assert_int_equal(blocks[3].len, 500060);
	assert_int_equal(blocks[3].caplen, PCAPNG_SNAPLEN_MAX);
	for (unsigned i = 4; i < nblocks; i++) {
		uint32_t off = (i - 4) * 1428;

		assert_segment(&blocks[i], &t, off,
			       t.len - off < 1428 ? t.len - off : 1428, 1428);
	}
}

static void snapped(void **state)
{
	struct capture_conf c = both();

	c.snaplen = 100;
	start(&c);
	pass(0, packet(&(struct tp){ .len = 3000 }, 1000), FILTER_IN, 1);
	fill(true);
	assert_int_equal(nblocks, 7);
	for (unsigned i = 3; i < 7; i++)
		assert_int_equal(blocks[i].caplen, 100);
	assert_int_equal(blocks[4].len, 1040);
	/* alone, the super view does not copy more than it shows */
	capture_free(cap);
	c.view = CAPTURE_SUPER;
	start(&c);
	assert_int_equal(tees[0]->copy_max, 100);
}

/* What cannot be cut is shown as it is, and says why. */
static void uncut(void **state)
{
	struct capture_conf c = both();
	struct engine_set set;

	start(&c);
	assert_int_equal(registry_enable(d.plugins, "tso", false), 0);
	registry_set(d.plugins, &set);
	capture_plugins(cap, &set);
	pass(0, packet(&(struct tp){ .len = 3000 }, 1000), FILTER_OUT, 1);
	fill(true);
	assert_int_equal(nblocks, 5);
	assert_string_equal(blocks[4].text,
			    "not cut: no plugin that cuts it is active; "
			    "superpacket #1, out, worker 0");
	assert_int_equal(blocks[4].len, 3040);
	assert_non_null(strstr(blocks[3].text, "wire packet #2"));
	/* the plugin comes back */
	assert_int_equal(registry_enable(d.plugins, "tso", true), 0);
	registry_set(d.plugins, &set);
	capture_plugins(cap, &set);
	pass(0, packet(&(struct tp){ .len = 3000 }, 1000), FILTER_OUT, 1);
	/* more pieces than a capture holds */
	pass(0, packet(&(struct tp){ .len = 60000 }, 10), FILTER_OUT, 1);
	fill(true);
	assert_int_equal(nblocks, 5 + 4 + 2);
	assert_string_equal(blocks[10].text, "not cut: too many segments; "
					     "superpacket #7, out, worker 0");
}

/* A new section: numbers from 1 again, statistics of its own. */
static void sections(void **state)
{
	struct capture_conf c = both();
	unsigned packets = 0, section = 0;
	uint64_t accepted = 0;

	c.section_bytes = 65536;
	start(&c);
	for (unsigned i = 0; i < 40; i++)
		pass(0, packet(&(struct tp){ .len = 9000 }, 1000), FILTER_OUT, i);
	capture_finish(cap);
	fill(false);
	assert_int_equal(count(PCAPNG_SECTION), 10); /* four packets in each */
	assert_int_equal(count(PCAPNG_INTERFACE), 20);
	assert_int_equal(count(PCAPNG_STATS), 20);
	for (unsigned i = 0; i < nblocks; i++) {
		const struct block *b = &blocks[i];
		char text[60];

		if (b->type == PCAPNG_SECTION) {
			packets = 0;
			section++;
		}
		if (b->type == PCAPNG_STATS) {
			assert_int_equal(b->delivered, b->interface ? 36 : 4);
			accepted += b->interface ? 0 : b->accepted;
		}
		if (b->type != PCAPNG_PACKET)
			continue;
		if (!b->interface)
			snprintf(text, sizeof(text), "wire packets #%u-#%u",
				 packets + 2, packets + 10);
		else
			snprintf(text, sizeof(text), "of superpacket #%u,",
				 packets / 10 * 10 + 1);
		assert_non_null(strstr(b->text, text));
		packets++;
	}
	assert_int_equal(section, 10);
	assert_int_equal(accepted, 40);
}

static void section_seconds(void **state)
{
	struct capture_conf c = both();
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * UINT64_C(1000000) + 500000;
	c.section_s = 10;
	c.view = CAPTURE_SUPER;
	start(&c);
	fill(true);
	for (unsigned s = 0; s < 60; s += 4)
		pass(0, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT,
		     now + s * UINT64_C(1000000));
	fill(true);
	/* 0 4 8, 12 16, 20 24 28, 32 36, 40 44 48, 52 56 */
	assert_int_equal(count(PCAPNG_SECTION), 6);
	assert_int_equal(count(PCAPNG_PACKET), 15);
}

/* The end after so many packets of the port, whatever else has come. */
static void ends_by_count(void **state)
{
	struct capture_conf c = both();

	c.count = 3;
	start(&c);
	fill(true);
	for (unsigned i = 0; i < 10; i++)
		pass(i % NW, packet(&(struct tp){ .len = 1500 }, 1000), FILTER_OUT,
		     i);
	fill(false);
	assert_int_equal(count(PCAPNG_PACKET), 9);
	assert_int_equal(count(PCAPNG_STATS), 2);
	for (unsigned i = 0; i < NW; i++)
		assert_null(tees[i]);
}

/* Workers' packets come in the order of their time. */
static void order(void **state)
{
	static const uint64_t at[NW][4] = { { 1, 4, 5, 9 }, { 2, 3, 7, 8 } };
	struct capture_conf c = both();
	uint64_t last = 0;

	c.view = CAPTURE_SUPER;
	start(&c);
	for (unsigned w = 0; w < NW; w++)
		for (unsigned i = 0; i < 4; i++)
			pass(w, packet(&(struct tp){ .len = 10 }, 0), FILTER_IN,
			     at[w][i]);
	fill(true);
	assert_int_equal(count(PCAPNG_PACKET), 8);
	for (unsigned i = 2; i < nblocks; i++) {
		assert_true(blocks[i].ts > last);
		last = blocks[i].ts;
	}
}

/* What one reading of everything adds up to. */
struct sums {
	uint64_t packets, gaps, dropped, accepted;
};

static void drain(struct sums *sum)
{
	size_t before;
	unsigned n = 0;

	do {
		before = evbuffer_get_length(out);
		capture_fill(cap, out);
		read_blocks();
		for (unsigned i = 0; i < nblocks; i++) {
			const struct block *b = &blocks[i];

			sum->packets += b->type == PCAPNG_PACKET;
			sum->gaps += b->lost;
			sum->dropped += b->dropped;
			sum->accepted += b->accepted;
		}
		evbuffer_drain(out, evbuffer_get_length(out));
		assert_true(n++ < 100);
	} while (before || nblocks);
}

/* Nobody reads: output and rings fill up to their limits, the rest is lost and
 * counted; what comes out later accounts for every packet. */
static void stalled(void **state)
{
	struct capture_conf c = both();
	struct sums sum = { 0 };
	uint64_t lost = 0;

	c.buffer = 1 << 20;
	c.view = CAPTURE_SUPER;
	start(&c);
	for (unsigned i = 0; i < 400; i++) {
		pass(i % NW, packet(&(struct tp){ .len = 60000 }, 1000), FILTER_OUT,
		     i);
		assert_true(capture_fill(cap, out));
		assert_true(evbuffer_get_length(out) < CAPTURE_HIGH + 70000);
	}
	for (unsigned i = 0; i < NW; i++)
		lost += tees[i]->n.lost;
	assert_true(lost > 200);
	drain(&sum);
	assert_int_equal(sum.packets + lost, 400);
	assert_int_equal(sum.gaps, 0); /* nothing came behind the gaps yet */
	pass(0, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT, 1000);
	pass(1, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT, 1000);
	capture_finish(cap);
	drain(&sum);
	assert_int_equal(sum.packets + lost, 402);
	assert_int_equal(sum.gaps, lost);
	assert_int_equal(sum.dropped, lost);
	assert_int_equal(sum.accepted, 402);
}

static void turn(void)
{
	event_base_loop(d.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The main thread is woken when it sleeps, and not before there is something. */
static void wakes(void **state)
{
	struct capture_conf c = both();

	strcpy(c.filter, "tcp port 443 and out");
	start(&c);
	fill(true);
	turn();
	assert_int_equal(woken, 0);
	pass(1, packet(&(struct tp){ .len = 10 }, 0), FILTER_IN, 1);
	turn();
	assert_int_equal(woken, 0);
	pass(1, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT, 2);
	pass(1, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT, 3);
	turn();
	turn();
	assert_int_equal(woken, 1);
	fill(true);
	assert_int_equal(count(PCAPNG_PACKET), 4);
	pass(0, packet(&(struct tp){ .len = 10 }, 0), FILTER_OUT, 4);
	turn();
	assert_int_equal(woken, 2);
}

static void refused(void **state)
{
	static const struct {
		const char *port, *filter, *error, *message;
	} t[] = {
		{ "gust1", "", "gust.BadPort",
		  "there is no port \"gust1\", only \"gust0\"" },
		{ "gust0", "tcp and", "gust.BadFilter",
		  "filter: expected a protocol, host, port, greater, less, super, "
		  "in, "
		  "out, not or (, not the end (at byte 8)" },
	};

	for (unsigned i = 0; i < 2; i++) {
		struct capture_conf c = both();
		const char *error = NULL;
		json_t *params = NULL;

		strcpy(c.port, t[i].port);
		strcpy(c.filter, t[i].filter);
		assert_int_equal(
			capture_new(&d, &c, on_wake, NULL, &cap, &error, &params),
			-22);
		assert_null(cap);
		assert_string_equal(error, t[i].error);
		assert_string_equal(
			json_string_value(json_object_get(params, "message")),
			t[i].message);
		json_decref(params);
		assert_null(tees[0]);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(header_at_once), T(superpacket), T(views),
		T(plain),          T(big),         T(snapped),
		T(uncut),          T(sections),    T(section_seconds),
		T(ends_by_count),  T(order),       T(stalled),
		T(wakes),          T(refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
