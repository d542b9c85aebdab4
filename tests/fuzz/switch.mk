# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_fib
tests_fuzz_fuzz_fib_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_fib_LDADD = libgust_switch.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_fib.py \
	tests/fuzz/corpus/fib/chance-a \
	tests/fuzz/corpus/fib/chance-b \
	tests/fuzz/corpus/fib/default \
	tests/fuzz/corpus/fib/full \
	tests/fuzz/corpus/fib/held \
	tests/fuzz/corpus/fib/many-dests \
	tests/fuzz/corpus/fib/nested \
	tests/fuzz/corpus/fib/nested-gone \
	tests/fuzz/corpus/fib/nested6 \
	tests/fuzz/corpus/fib/nested6-gone \
	tests/fuzz/corpus/fib/nothing \
	tests/fuzz/corpus/fib/pair \
	tests/fuzz/corpus/fib/plen \
	tests/fuzz/corpus/fib/replace \
	tests/fuzz/corpus/fib/siblings
