# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_wire
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_wire_LDADD = libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_wire.py \
	tests/fuzz/corpus/wire/csum \
	tests/fuzz/corpus/wire/eth-arp \
	tests/fuzz/corpus/wire/icmp-frag-needed \
	tests/fuzz/corpus/wire/ipaddr4 \
	tests/fuzz/corpus/wire/ipaddr6 \
	tests/fuzz/corpus/wire/ipv4 \
	tests/fuzz/corpus/wire/ipv4-options \
	tests/fuzz/corpus/wire/ipv4-opts-source-route \
	tests/fuzz/corpus/wire/ipv6-chain \
	tests/fuzz/corpus/wire/ipv6-frag \
	tests/fuzz/corpus/wire/ipv6-jumbo \
	tests/fuzz/corpus/wire/ipv6-opts-jumbo \
	tests/fuzz/corpus/wire/ipv6-opts-unknown \
	tests/fuzz/corpus/wire/ipv6-tcp \
	tests/fuzz/corpus/wire/nd-na \
	tests/fuzz/corpus/wire/nd-ns \
	tests/fuzz/corpus/wire/tcp-sack \
	tests/fuzz/corpus/wire/tcp-syn \
	tests/fuzz/corpus/wire/udp
