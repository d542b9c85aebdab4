# SPDX-License-Identifier: BSD-2-Clause
#
# The merging plugins, each with the one that cuts what it merges.
noinst_PROGRAMS += tests/fuzz/fuzz_gro tests/fuzz/fuzz_uro
MERGE_FUZZ_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
tests_fuzz_fuzz_gro_SOURCES = tests/fuzz/fuzz_gro.c tests/fuzz/with_tso.c tests/fuzz/merge_fuzz.h
tests_fuzz_fuzz_gro_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_gro_LDADD = $(MERGE_FUZZ_LIBS)
tests_fuzz_fuzz_uro_SOURCES = tests/fuzz/fuzz_uro.c tests/fuzz/with_uso.c tests/fuzz/merge_fuzz.h
tests_fuzz_fuzz_uro_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_uro_LDADD = $(MERGE_FUZZ_LIBS)
EXTRA_DIST += \
	tests/fuzz/mkcorpus_merge.py \
	tests/fuzz/corpus/gro/bad-sum \
	tests/fuzz/corpus/gro/cwr \
	tests/fuzz/corpus/gro/cwr-first \
	tests/fuzz/corpus/gro/cwr-supers \
	tests/fuzz/corpus/gro/ext6 \
	tests/fuzz/corpus/gro/fin \
	tests/fuzz/corpus/gro/fixed-id \
	tests/fuzz/corpus/gro/limit \
	tests/fuzz/corpus/gro/limit-bytes \
	tests/fuzz/corpus/gro/no-df \
	tests/fuzz/corpus/gro/odd-zero \
	tests/fuzz/corpus/gro/options \
	tests/fuzz/corpus/gro/owed \
	tests/fuzz/corpus/gro/patched \
	tests/fuzz/corpus/gro/psh \
	tests/fuzz/corpus/gro/supers \
	tests/fuzz/corpus/gro/tails \
	tests/fuzz/corpus/gro/train-eth \
	tests/fuzz/corpus/gro/train4 \
	tests/fuzz/corpus/gro/train6 \
	tests/fuzz/corpus/gro/twice \
	tests/fuzz/corpus/gro/two-flows \
	tests/fuzz/corpus/uro/bad-sum \
	tests/fuzz/corpus/uro/empty \
	tests/fuzz/corpus/uro/ext6 \
	tests/fuzz/corpus/uro/fixed-id \
	tests/fuzz/corpus/uro/limit \
	tests/fuzz/corpus/uro/limit-bytes \
	tests/fuzz/corpus/uro/no-df \
	tests/fuzz/corpus/uro/no-sum \
	tests/fuzz/corpus/uro/no-sum-mixed \
	tests/fuzz/corpus/uro/owed \
	tests/fuzz/corpus/uro/patched \
	tests/fuzz/corpus/uro/supers \
	tests/fuzz/corpus/uro/tails \
	tests/fuzz/corpus/uro/train-eth \
	tests/fuzz/corpus/uro/train4 \
	tests/fuzz/corpus/uro/train6 \
	tests/fuzz/corpus/uro/twice \
	tests/fuzz/corpus/uro/two-flows \
	tests/fuzz/corpus/uro/ufo
