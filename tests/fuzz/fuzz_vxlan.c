/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_vxlan.c - the vxlan plugin takes packets apart
 */
#include "../../plugins/vxlan.c"
#include "vxgen_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run(data, size, VXLAN_PORT);
}
