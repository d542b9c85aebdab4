/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ipip.c - decapsulation of IP in IP; see fuzztun.h
 */
#include "../../plugins/ipip.c"

#include "offload/engine_internal.h"

#include "fuzztun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gust_plugin *const plugins[] = { &gust_plugin };
	const struct ipip_kind *k;
	struct fuzz_tun t;

	if (size < 3 || size > TUN_MAX)
		return 0;
	rig_init(plugins, 1);
	k = &kinds[data[0] & 3];
	t = tun_pair(&gust_plugin, k->name, k->outer6,
		     data[0] & 4 ? GUST_TUN_ANY : 0, 0);
	tun_one(t, data + 2, size - 2, data[1], false);
	tun_unpair(&gust_plugin, t);
	rig_check();
	return 0;
}
