# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_vxlan tests/fuzz/fuzz_geneve
tests_fuzz_fuzz_vxlan_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_vxlan_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
tests_fuzz_fuzz_geneve_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_geneve_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/vxgen_fuzz.h \
	tests/fuzz/mkcorpus_vxgen.py \
	tests/fuzz/corpus/geneve/arp \
	tests/fuzz/corpus/geneve/beyond \
	tests/fuzz/corpus/geneve/ce \
	tests/fuzz/corpus/geneve/critical \
	tests/fuzz/corpus/geneve/eth \
	tests/fuzz/corpus/geneve/ip4 \
	tests/fuzz/corpus/geneve/ip6 \
	tests/fuzz/corpus/geneve/known \
	tests/fuzz/corpus/geneve/l2 \
	tests/fuzz/corpus/geneve/most \
	tests/fuzz/corpus/geneve/oam \
	tests/fuzz/corpus/geneve/ok \
	tests/fuzz/corpus/geneve/opt \
	tests/fuzz/corpus/geneve/padded \
	tests/fuzz/corpus/geneve/rest \
	tests/fuzz/corpus/geneve/short \
	tests/fuzz/corpus/geneve/type \
	tests/fuzz/corpus/geneve/version \
	tests/fuzz/corpus/geneve/version4as6 \
	tests/fuzz/corpus/geneve/vlan \
	tests/fuzz/corpus/vxlan/arp \
	tests/fuzz/corpus/vxlan/ce \
	tests/fuzz/corpus/vxlan/ce-drop \
	tests/fuzz/corpus/vxlan/deep \
	tests/fuzz/corpus/vxlan/fragment \
	tests/fuzz/corpus/vxlan/gpe \
	tests/fuzz/corpus/vxlan/group \
	tests/fuzz/corpus/vxlan/lie \
	tests/fuzz/corpus/vxlan/no-id \
	tests/fuzz/corpus/vxlan/nosum6 \
	tests/fuzz/corpus/vxlan/nosum6-refused \
	tests/fuzz/corpus/vxlan/ok \
	tests/fuzz/corpus/vxlan/other \
	tests/fuzz/corpus/vxlan/owed \
	tests/fuzz/corpus/vxlan/padded \
	tests/fuzz/corpus/vxlan/pieces \
	tests/fuzz/corpus/vxlan/rco \
	tests/fuzz/corpus/vxlan/rco-off \
	tests/fuzz/corpus/vxlan/rco-payload \
	tests/fuzz/corpus/vxlan/rco-udp \
	tests/fuzz/corpus/vxlan/rest \
	tests/fuzz/corpus/vxlan/short \
	tests/fuzz/corpus/vxlan/six-sum \
	tests/fuzz/corpus/vxlan/tcp4 \
	tests/fuzz/corpus/vxlan/tcp6 \
	tests/fuzz/corpus/vxlan/twice \
	tests/fuzz/corpus/vxlan/udp-sum \
	tests/fuzz/corpus/vxlan/vlan
