# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_gue
tests_fuzz_fuzz_gue_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_gue_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_gue.py \
	tests/fuzz/corpus/gue/ce \
	tests/fuzz/corpus/gue/ce-refused \
	tests/fuzz/corpus/gue/control \
	tests/fuzz/corpus/gue/direct-4 \
	tests/fuzz/corpus/gue/direct-6 \
	tests/fuzz/corpus/gue/flags \
	tests/fuzz/corpus/gue/fou-4 \
	tests/fuzz/corpus/gue/fou-6-sum \
	tests/fuzz/corpus/gue/fou-eth \
	tests/fuzz/corpus/gue/fou-short \
	tests/fuzz/corpus/gue/gue-4 \
	tests/fuzz/corpus/gue/gue-6-sum \
	tests/fuzz/corpus/gue/gue-arp \
	tests/fuzz/corpus/gue/gue-eth \
	tests/fuzz/corpus/gue/gue-fragment \
	tests/fuzz/corpus/gue/gue-icmp \
	tests/fuzz/corpus/gue/gue-other \
	tests/fuzz/corpus/gue/gue-sctp \
	tests/fuzz/corpus/gue/gue-v6 \
	tests/fuzz/corpus/gue/gue-v6-zero \
	tests/fuzz/corpus/gue/gue-v6-zero-refused \
	tests/fuzz/corpus/gue/gue-vlan \
	tests/fuzz/corpus/gue/no-room \
	tests/fuzz/corpus/gue/private \
	tests/fuzz/corpus/gue/private-flags \
	tests/fuzz/corpus/gue/private-unknown \
	tests/fuzz/corpus/gue/raw-fragment \
	tests/fuzz/corpus/gue/raw-tcp \
	tests/fuzz/corpus/gue/raw-udp \
	tests/fuzz/corpus/gue/remcsum-beyond \
	tests/fuzz/corpus/gue/remcsum-eth \
	tests/fuzz/corpus/gue/remcsum-header \
	tests/fuzz/corpus/gue/remcsum-owed \
	tests/fuzz/corpus/gue/remcsum-payload \
	tests/fuzz/corpus/gue/remcsum-tcp \
	tests/fuzz/corpus/gue/remcsum-udp6 \
	tests/fuzz/corpus/gue/remcsum-zero \
	tests/fuzz/corpus/gue/stranger \
	tests/fuzz/corpus/gue/stranger-any \
	tests/fuzz/corpus/gue/version-2
