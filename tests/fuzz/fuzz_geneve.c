/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_geneve.c - the geneve plugin takes packets apart
 */
#include "../../plugins/geneve.c"
#include "vxgen_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run(data, size, GENEVE_PORT);
}
