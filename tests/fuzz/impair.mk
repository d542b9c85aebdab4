# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_impair
tests_fuzz_fuzz_impair_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_impair_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/corpus/impair/all \
	tests/fuzz/corpus/impair/burst \
	tests/fuzz/corpus/impair/delay \
	tests/fuzz/corpus/impair/rate \
	tests/fuzz/corpus/impair/reorder \
	tests/fuzz/corpus/impair/rules \
	tests/fuzz/corpus/impair/unknown \
	tests/fuzz/corpus/impair/wrong
