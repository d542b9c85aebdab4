#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fuzz-one.sh DIR SECONDS NAME: one fuzz target on its corpus and beyond. What it says
# is left in DIR/fuzz-NAME.out, its exit status in DIR/fuzz-NAME.rc; inputs that fail,
# in DIR.
set -uo pipefail
dir=$1 seconds=$2 name=$3 rc=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$dir/fuzz-$name.rc"
"build-fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 \
	-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$dir/" \
	"$work" "tests/fuzz/corpus/$name" >"$dir/fuzz-$name.out" 2>&1 </dev/null || rc=$?
echo "$rc" >"$dir/fuzz-$name.rc"
