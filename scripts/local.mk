# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += scripts/build scripts/check scripts/lib/common.sh scripts/lib/dist-test.sh scripts/lib/fuzz-one.sh \
	tests/lint/lint.py
EXTRA_DIST += scripts/bench tests/bench/relay.py tests/bench/contestants.py \
	tests/bench/offload.py tests/bench/tunnels.py tests/lib/netlab.py
