# SPDX-License-Identifier: BSD-2-Clause
#
# IP in IP and GRE, linked in.
noinst_PROGRAMS += tests/fuzz/fuzz_ipip tests/fuzz/fuzz_gre
tests_fuzz_fuzz_ipip_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ipip_LDADD = $(LIBS_FUZZSEG)
tests_fuzz_fuzz_gre_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_gre_LDADD = $(LIBS_FUZZSEG)
EXTRA_DIST += \
	tests/fuzz/fuzztun.h \
	tests/fuzz/mkcorpus_iptunnel.py \
	tests/fuzz/corpus/ipip/any \
	tests/fuzz/corpus/ipip/ecn \
	tests/fuzz/corpus/ipip/ecn-drop \
	tests/fuzz/corpus/ipip/empty \
	tests/fuzz/corpus/ipip/fragment \
	tests/fuzz/corpus/ipip/fragment6 \
	tests/fuzz/corpus/ipip/inner-fragment \
	tests/fuzz/corpus/ipip/ip4ip6 \
	tests/fuzz/corpus/ipip/ip6ip6 \
	tests/fuzz/corpus/ipip/ipip \
	tests/fuzz/corpus/ipip/limit \
	tests/fuzz/corpus/ipip/nested \
	tests/fuzz/corpus/ipip/options \
	tests/fuzz/corpus/ipip/owed \
	tests/fuzz/corpus/ipip/padded \
	tests/fuzz/corpus/ipip/pieces \
	tests/fuzz/corpus/ipip/short \
	tests/fuzz/corpus/ipip/sit \
	tests/fuzz/corpus/ipip/version \
	tests/fuzz/corpus/gre/all \
	tests/fuzz/corpus/gre/csum \
	tests/fuzz/corpus/gre/csum-bad \
	tests/fuzz/corpus/gre/ecn-drop \
	tests/fuzz/corpus/gre/fragment \
	tests/fuzz/corpus/gre/key \
	tests/fuzz/corpus/gre/key-other \
	tests/fuzz/corpus/gre/owed \
	tests/fuzz/corpus/gre/pieces \
	tests/fuzz/corpus/gre/plain \
	tests/fuzz/corpus/gre/pptp \
	tests/fuzz/corpus/gre/reserved \
	tests/fuzz/corpus/gre/routing \
	tests/fuzz/corpus/gre/seq \
	tests/fuzz/corpus/gre/seq-missing \
	tests/fuzz/corpus/gre/seq-old \
	tests/fuzz/corpus/gre/short \
	tests/fuzz/corpus/gre/six \
	tests/fuzz/corpus/gre/tap \
	tests/fuzz/corpus/gre/tap-all \
	tests/fuzz/corpus/gre/tap-lldp \
	tests/fuzz/corpus/gre/tap-short \
	tests/fuzz/corpus/gre/tap-vlan
