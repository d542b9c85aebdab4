/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_mixed.c - random networks, random applications, random configurations
 *
 * Whatever the network does short of silence, every byte arrives once and in
 * order, both ends learn of the other's end, both close, nothing leaks.
 * GUST_SIM_SEEDS=N runs N seeds; GUST_SIM_FIRST=N begins at another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

static uint64_t packets, lost;

static uint64_t log_random(struct rng *r, unsigned bits)
{
	return rng_u64(r) >> (64 - 1 - rng_below(r, bits));
}

static bool coin(struct rng *r, unsigned n)
{
	return rng_below(r, n) == 0;
}

static void random_link(struct rng *r, struct sim_link *l)
{
	if (coin(r, 6))
		return; /* a perfect one */
	l->delay_us = (uint32_t)log_random(r, 18);
	l->jitter_us = coin(r, 2) ? (uint32_t)log_random(r, 15) : 0;
	l->loss = coin(r, 2) ? rng_below(r, coin(r, 4) ? 150000 : 30000) : 0;
	l->dup = coin(r, 3) ? rng_below(r, 50000) : 0;
	l->corrupt = coin(r, 3) ? rng_below(r, 20000) : 0;
	if (coin(r, 3)) {
		l->reorder = rng_below(r, 200000);
		l->reorder_us = (uint32_t)log_random(r, 16);
	}
	if (coin(r, 3)) {
		l->rate = 20000 + log_random(r, 25);
		l->queue = 3000 + (uint32_t)log_random(r, 20);
	}
}

static void random_conf(struct rng *r, struct sim_end *e, bool v6)
{
	struct tcp_conf *c = &e->conf;

	c->cc = coin(r, 3) ? &tcp_cc_newreno : &tcp_cc_cubic;
	c->nagle = !coin(r, 3);
	c->sack = !coin(r, 4);
	c->timestamps = !coin(r, 4);
	c->wscale = !coin(r, 4);
	c->syn_retries = c->synack_retries = 14;
	c->retries = 30;
	if (coin(r, 3))
		c->rcvbuf_init = c->rcvbuf_max = 2048 + (uint32_t)log_random(r, 20);
	if (coin(r, 3))
		c->sndbuf_init = c->sndbuf_max = 2048 + (uint32_t)log_random(r, 20);
	if (coin(r, 3))
		e->caps.mtu = 600 + (e->caps.mtu - 600) * rng_below(r, 6);
	if (e->caps.mtu < 1280 && v6)
		e->caps.mtu = 1280;
	if (coin(r, 3)) {
		e->caps.gso_max4 = e->caps.gso_max6 = 500000;
		e->caps.feats |=
			FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_JUMBO);
	}
	if (coin(r, 4)) {
		e->caps.gso_max4 = e->caps.gso_max6 = e->caps.mtu;
		e->caps.feats = 0;
	}
}

static void random_app(struct rng *r, struct sim_app *a)
{
	a->total = coin(r, 6) ? 0 : log_random(r, coin(r, 4) ? 22 : 19);
	a->chunk = coin(r, 2) ? 1 + (uint32_t)log_random(r, 14) : 0;
	if (a->chunk && a->total / a->chunk > 3000)
		a->chunk = (uint32_t)(a->total / 3000) + 1;
	a->early = coin(r, 3);
	a->take = coin(r, 3);
	if (coin(r, 3)) {
		a->read_max = 1 + (uint32_t)log_random(r, 16);
		a->read_every_us = (uint32_t)log_random(r, 16);
	}
	if (coin(r, 6))
		a->stall_us = SIM_SEC + log_random(r, 25);
	if (coin(r, 4))
		a->accept_us = (uint32_t)log_random(r, 18);
}

static void one(uint64_t seed)
{
	static struct sim s;
	struct rng r;
	bool ok, v6;
	unsigned i;

	rng_seed(&r, seed * 7919);
	v6 = coin(&r, 3);
	sim_init(&s, seed, v6);
	for (i = 0; i < 2; i++) {
		random_link(&r, &s.link[i]);
		random_conf(&r, &s.end[i], v6);
		random_app(&r, &s.end[i].app);
	}
	/* slow readers of much data take hours: let it be less */
	for (i = 0; i < 2; i++) {
		struct sim_app *a = &s.end[i].app;

		if (a->read_max && s.end[!i].app.total / a->read_max > 2000)
			a->read_max = (uint32_t)(s.end[!i].app.total / 2000) + 1;
	}
	s.end[1].app.after_eof = coin(&r, 5);
	s.keep_super = coin(&r, 4);
	ok = sim_run(&s, 4 * 3600 * SIM_SEC);
	if (!ok || !sim_complete(&s, 0) || !sim_complete(&s, 1)) {
		for (i = 0; i < 2; i++)
			print_error("end %u: %s sent %llu of %llu, received %llu, "
				    "eof %d, events %x, "
				    "una +%u nxt +%u sndq %u wnd %u cwnd %u rcvq "
				    "%u ooo %u\n",
				    i, tcp_state_name(s.end[i].t.state),
				    (unsigned long long)s.end[i].sent,
				    (unsigned long long)s.end[i].app.total,
				    (unsigned long long)s.end[i].received,
				    s.end[i].eof, s.end[i].events,
				    s.end[i].t.snd_una - s.end[i].t.iss,
				    s.end[i].t.snd_nxt - s.end[i].t.iss,
				    s.end[i].t.sndq.len, s.end[i].t.snd_wnd,
				    s.end[i].t.cc.cwnd, s.end[i].t.rcvq.len,
				    s.end[i].t.rcvq.ooo_len);
		fail_msg("seed %llu: %s", (unsigned long long)seed,
			 ok ? "not complete" : s.why);
	}
	packets += s.packets;
	lost += s.lost;
	if (sim_free(&s))
		fail_msg("seed %llu: leak", (unsigned long long)seed);
}

static void test_seeds(void **state)
{
	const char *e = getenv("GUST_SIM_FIRST");
	uint64_t first = e ? strtoull(e, NULL, 10) : 1, i;
	unsigned n = sim_seeds(1000);

	print_message("seeds %llu to %llu\n", (unsigned long long)first,
		      (unsigned long long)(first + n - 1));
	packets = lost = 0;
	for (i = 0; i < n; i++)
		one(first + i);
	print_message("%llu packets, %llu lost\n", (unsigned long long)packets,
		      (unsigned long long)lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
