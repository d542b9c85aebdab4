# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_dissect tests/fuzz/fuzz_vnet tests/fuzz/fuzz_filter \
	tests/fuzz/fuzz_strip
tests_fuzz_fuzz_strip_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_strip_LDADD = libgust_pkt.a libgust_wire.a libgust_base.a
tests_fuzz_fuzz_filter_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_filter_LDADD = libgust_pkt.a libgust_wire.a libgust_base.a
tests_fuzz_fuzz_dissect_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_dissect_LDADD = libgust_pkt.a libgust_wire.a libgust_base.a
tests_fuzz_fuzz_vnet_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_vnet_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib
tests_fuzz_fuzz_vnet_LDADD = libgust_testfit.a libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_pkt.py \
	tests/fuzz/corpus/dissect/ah6 \
	tests/fuzz/corpus/dissect/esp4 \
	tests/fuzz/corpus/dissect/eth-arp \
	tests/fuzz/corpus/dissect/eth-tcp4 \
	tests/fuzz/corpus/dissect/eth-vlan \
	tests/fuzz/corpus/dissect/ext6 \
	tests/fuzz/corpus/dissect/frag4 \
	tests/fuzz/corpus/dissect/frag6 \
	tests/fuzz/corpus/dissect/icmp4 \
	tests/fuzz/corpus/dissect/icmp6 \
	tests/fuzz/corpus/dissect/lsrr \
	tests/fuzz/corpus/dissect/sctp-frags \
	tests/fuzz/corpus/dissect/sctp4 \
	tests/fuzz/corpus/dissect/sctp6 \
	tests/fuzz/corpus/dissect/tcp4 \
	tests/fuzz/corpus/dissect/tcp4-big \
	tests/fuzz/corpus/dissect/tcp4-frags \
	tests/fuzz/corpus/dissect/tcp4-opts \
	tests/fuzz/corpus/dissect/tcp6 \
	tests/fuzz/corpus/dissect/tcp6-big \
	tests/fuzz/corpus/dissect/tcp6-jumbo \
	tests/fuzz/corpus/dissect/udp4 \
	tests/fuzz/corpus/dissect/udp4-surplus \
	tests/fuzz/corpus/dissect/udp6 \
	tests/fuzz/corpus/dissect/vxlan-vxlan \
	tests/fuzz/corpus/dissect/vxlan4 \
	tests/fuzz/corpus/dissect/vxlan4-frags \
	tests/fuzz/corpus/dissect/vxlan6-eth \
	tests/fuzz/corpus/filter/addr4 \
	tests/fuzz/corpus/filter/addr6 \
	tests/fuzz/corpus/filter/ands \
	tests/fuzz/corpus/filter/blank \
	tests/fuzz/corpus/filter/dir \
	tests/fuzz/corpus/filter/length \
	tests/fuzz/corpus/filter/nested \
	tests/fuzz/corpus/filter/not \
	tests/fuzz/corpus/filter/port \
	tests/fuzz/corpus/filter/range \
	tests/fuzz/corpus/filter/super \
	tests/fuzz/corpus/filter/wrong \
	tests/fuzz/corpus/strip/eth-opaque \
	tests/fuzz/corpus/strip/eth-tcp4 \
	tests/fuzz/corpus/strip/eth-vlan-arp \
	tests/fuzz/corpus/strip/ip4-frag \
	tests/fuzz/corpus/strip/ip6-udp \
	tests/fuzz/corpus/strip/short \
	tests/fuzz/corpus/strip/super \
	tests/fuzz/corpus/strip/surplus \
	tests/fuzz/corpus/vnet/lies \
	tests/fuzz/corpus/vnet/plain \
	tests/fuzz/corpus/vnet/sctp4 \
	tests/fuzz/corpus/vnet/sctp6 \
	tests/fuzz/corpus/vnet/tso4 \
	tests/fuzz/corpus/vnet/tso4-big \
	tests/fuzz/corpus/vnet/tso4-ecn \
	tests/fuzz/corpus/vnet/tso4-eth \
	tests/fuzz/corpus/vnet/tso4-long \
	tests/fuzz/corpus/vnet/tso6 \
	tests/fuzz/corpus/vnet/tso6-big \
	tests/fuzz/corpus/vnet/tso6-jumbo \
	tests/fuzz/corpus/vnet/tso6-jumbo-cut \
	tests/fuzz/corpus/vnet/ufo \
	tests/fuzz/corpus/vnet/uso4 \
	tests/fuzz/corpus/vnet/uso6 \
	tests/fuzz/corpus/vnet/valid
