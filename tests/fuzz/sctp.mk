# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_sctp
tests_fuzz_fuzz_sctp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_sctp_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_sctp.py \
	tests/fuzz/corpus/sctp/control \
	tests/fuzz/corpus/sctp/crc \
	tests/fuzz/corpus/sctp/ext \
	tests/fuzz/corpus/sctp/fixed-id \
	tests/fuzz/corpus/sctp/idata \
	tests/fuzz/corpus/sctp/large \
	tests/fuzz/corpus/sctp/malformed \
	tests/fuzz/corpus/sctp/mixed \
	tests/fuzz/corpus/sctp/raw \
	tests/fuzz/corpus/sctp/train4 \
	tests/fuzz/corpus/sctp/train6 \
	tests/fuzz/corpus/sctp/wrap
