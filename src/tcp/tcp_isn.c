/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_isn.c - numbers that a stranger must not guess
 */
#include "tcp/tcp_internal.h"
#include "wire/bytes.h"

struct tuple {
	struct ipaddr local, remote;
	uint16_t lport, rport;
	uint32_t what; /* keeps the hashes of different purposes apart */
};

static uint64_t tuple_hash(const struct tcp *t, uint32_t what)
{
	struct tuple k = {
		.local = t->local,
		.remote = t->remote,
		.lport = t->lport,
		.rport = t->rport,
		.what = what,
	};

	return siphash24(&t->ctx->conf->secret, &k, sizeof(k));
}

/* RFC 6528 3: ISN = M + F(tuple, secret); M counts 4 us (RFC 9293 3.4.1), so the
 * sequence space of one tuple only moves forward. */
uint32_t tcp_isn(const struct tcp *t, const struct env *env)
{
	return (uint32_t)(env->now_us / 4) + (uint32_t)tuple_hash(t, 1);
}

/* RFC 7323 5.4, 7.1: a random offset by tuple hides the host's clock and stays
 * monotonic over incarnations. */
uint32_t tcp_ts_offset(const struct tcp *t)
{
	return (uint32_t)tuple_hash(t, 2);
}

/* RFC 6056 3.3.3, simple hash-based port selection. */
uint16_t tcp_port_candidate(const struct siphash_key *secret,
			    const struct ipaddr *src, const struct ipaddr *dst,
			    uint16_t dport, uint32_t counter, uint16_t lo,
			    uint16_t hi)
{
	uint8_t k[34];
	uint32_t span = (uint32_t)hi - lo + 1;

	memcpy(k, src->b, 16);
	memcpy(k + 16, dst->b, 16);
	put16(k + 32, dport);
	return lo + (uint32_t)((siphash24(secret, k, sizeof(k)) + counter) % span);
}
