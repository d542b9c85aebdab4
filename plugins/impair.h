/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.h - what the options of the impair plugin say, between its two files
 */
#ifndef GUST_IMPAIR_H
#define GUST_IMPAIR_H

#include <gust/plugin.h>

#define RULES_MAX 32

#define CERTAIN (UINT64_C(1) << 32) /* probabilities are in 2^-32 */

enum action { DROP, DELAY, DUPLICATE, CORRUPT, REORDER, N_ACTION };

enum kind { SYN, SYN_ACK, FIN, RST, ACK, DATA, UDP, ICMP, ANY, N_KIND };

struct rule {
	uint8_t action, kind;
	bool has_port;
	uint16_t port;
	uint64_t first, last; /* which of those that match, from 1 */
	uint64_t delay_us;
};

struct dir_conf {
	uint64_t loss, duplicate, corrupt, reorder; /* probabilities */
	bool bursts;
	uint64_t to_bad, to_good, loss_bad, loss_good;
	uint64_t delay_us, jitter_us;
	bool ordered;
	uint32_t reorder_by; /* packets that pass it */
	uint64_t rate, burst; /* bits a second, bytes */
	uint32_t limit;
	bool seeded;
	uint64_t seed;
	unsigned nrule;
	struct rule rule[RULES_MAX];
};

struct instance {
	struct dir_conf dir[2];
};

/* gust_plugin.open and close: read the options into a struct instance. */
int impair_open(const struct gust_host *host, const char *options,
		void **ret_instance, char *err, size_t err_len);
void impair_close(void *instance);

#endif
