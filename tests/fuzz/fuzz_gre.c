/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_gre.c - decapsulation of GRE; see fuzztun.h
 *
 * First byte: bits 0 to 2 GUST_TUN_CSUM, KEY and SEQ, 3 IPv6 outside, 4 gretap, 5 any
 * source, 6 the last sequence number stands in the tunnel. The key is 7.
 */
#include "../../plugins/gre.c"

#include "offload/engine_internal.h"

#include "fuzztun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gust_plugin *const plugins[] = { &gust_plugin };
	uint32_t flags;
	struct fuzz_tun t;
	bool tap;

	if (size < 3 || size > TUN_MAX)
		return 0;
	rig_init(plugins, 1);
	flags = data[0] & 7;
	tap = data[0] & 16;
	t = tun_pair(&gust_plugin, tap ? "gretap" : "gre", data[0] & 8,
		     flags | (data[0] & 32 ? GUST_TUN_ANY : 0),
		     flags & GUST_TUN_KEY ? 7 : 0);
	if (data[0] & 64)
		atomic_store(&((struct gre *)t.in)->rx_seq, SEQ_SEEN | 100);
	tun_one(t, data + 2, size - 2, data[1], tap);
	tun_unpair(&gust_plugin, t);
	rig_check();
	return 0;
}
