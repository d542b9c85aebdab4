/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.h - what the kernel really delivers
 *
 * A successful write proves nothing: the kernel may drop later and silently. So
 * at start a child process makes a private scratch network namespace (as root,
 * or through a user namespace of its own), a tun in it and kernel sockets
 * behind that tun, sends one superpacket of each form and compares what the
 * socket reads, byte for byte. Nobody's traffic is touched.
 */
#ifndef GUST_PROOF_PROOF_H
#define GUST_PROOF_PROOF_H

#include <stdbool.h>
#include <stdint.h>

struct proof_result {
	bool tried; /* false: no scratch namespace permitted */
	uint32_t ok, failed; /* FEAT_BIT()s */
	uint32_t took_us;
	char why[160]; /* why not tried, or the first failure */
};

/*
 * Test the forms in `feats` (FEAT_BIT()s; those it can test: TSO4, TSO6, USO,
 * BIGTCP4, BIGTCP6_JUMBO, BIGTCP6_PLAIN, TX_CSUM) in the direction towards the
 * kernel, the BIG TCP forms with `big` bytes of payload. Blocks for at most
 * `timeout_ms`. Only call before threads are started (it forks).
 * Returns 0 (see *ret) or -errno when it could not fork.
 */
int proof_run(uint32_t feats, uint32_t big, unsigned timeout_ms,
	      struct proof_result *ret);

#endif
