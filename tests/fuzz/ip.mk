# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_reasm
tests_fuzz_fuzz_reasm_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_reasm_LDADD = libgust_ip.a libgust_flow.a libgust_pkt.a libgust_wire.a \
	libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_ip.py \
	tests/fuzz/corpus/reasm/atomic \
	tests/fuzz/corpus/reasm/by-reference \
	tests/fuzz/corpus/reasm/bytes \
	tests/fuzz/corpus/reasm/contexts \
	tests/fuzz/corpus/reasm/dead-expire \
	tests/fuzz/corpus/reasm/duplicate \
	tests/fuzz/corpus/reasm/ecn \
	tests/fuzz/corpus/reasm/empty \
	tests/fuzz/corpus/reasm/ethernet \
	tests/fuzz/corpus/reasm/expire \
	tests/fuzz/corpus/reasm/expire-v6 \
	tests/fuzz/corpus/reasm/largest \
	tests/fuzz/corpus/reasm/many \
	tests/fuzz/corpus/reasm/mixed \
	tests/fuzz/corpus/reasm/not-eight \
	tests/fuzz/corpus/reasm/other-bytes \
	tests/fuzz/corpus/reasm/overlap \
	tests/fuzz/corpus/reasm/ping-of-death \
	tests/fuzz/corpus/reasm/raw-eth \
	tests/fuzz/corpus/reasm/raw-ext6 \
	tests/fuzz/corpus/reasm/raw-options \
	tests/fuzz/corpus/reasm/raw-tiny6 \
	tests/fuzz/corpus/reasm/raw-udp \
	tests/fuzz/corpus/reasm/tcp \
	tests/fuzz/corpus/reasm/tiny \
	tests/fuzz/corpus/reasm/two \
	tests/fuzz/corpus/reasm/two-ends \
	tests/fuzz/corpus/reasm/two-reversed \
	tests/fuzz/corpus/reasm/two-v6
