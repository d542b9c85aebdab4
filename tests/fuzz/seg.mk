# SPDX-License-Identifier: BSD-2-Clause
#
# The plugins that cut, linked in.
LIBS_FUZZSEG = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
noinst_PROGRAMS += tests/fuzz/fuzz_tso tests/fuzz/fuzz_uso tests/fuzz/fuzz_ufo tests/fuzz/fuzz_bigtcp
tests_fuzz_fuzz_tso_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_tso_LDADD = $(LIBS_FUZZSEG)
tests_fuzz_fuzz_uso_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_uso_LDADD = $(LIBS_FUZZSEG)
tests_fuzz_fuzz_ufo_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ufo_LDADD = $(LIBS_FUZZSEG)
tests_fuzz_fuzz_bigtcp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_bigtcp_LDADD = $(LIBS_FUZZSEG)
EXTRA_DIST += \
	tests/fuzz/fuzzseg.h \
	tests/fuzz/mkcorpus_seg.py \
	tests/fuzz/corpus/tso/four \
	tests/fuzz/corpus/tso/four-accecn \
	tests/fuzz/corpus/tso/four-big \
	tests/fuzz/corpus/tso/four-csum \
	tests/fuzz/corpus/tso/four-df-fixed \
	tests/fuzz/corpus/tso/four-eth \
	tests/fuzz/corpus/tso/four-fixed \
	tests/fuzz/corpus/tso/four-fragment \
	tests/fuzz/corpus/tso/four-opts \
	tests/fuzz/corpus/tso/four-pieces \
	tests/fuzz/corpus/tso/four-super \
	tests/fuzz/corpus/tso/four-unverified \
	tests/fuzz/corpus/tso/four-verified \
	tests/fuzz/corpus/tso/four-vlan \
	tests/fuzz/corpus/tso/lie-count \
	tests/fuzz/corpus/tso/lie-kind \
	tests/fuzz/corpus/tso/lie-off \
	tests/fuzz/corpus/tso/lie-refused \
	tests/fuzz/corpus/tso/six \
	tests/fuzz/corpus/tso/six-atomic \
	tests/fuzz/corpus/tso/six-big \
	tests/fuzz/corpus/tso/six-ext \
	tests/fuzz/corpus/tso/six-jumbo \
	tests/fuzz/corpus/tso/six-jumbo-mixed \
	tests/fuzz/corpus/tso/size-0 \
	tests/fuzz/corpus/tso/size-1 \
	tests/fuzz/corpus/tso/size-above \
	tests/fuzz/corpus/tso/size-all \
	tests/fuzz/corpus/tso/step-0 \
	tests/fuzz/corpus/tso/tunnel \
	tests/fuzz/corpus/tso/tunnel-partial \
	tests/fuzz/corpus/tso/tunnel-partial6 \
	tests/fuzz/corpus/tso/tunnel-sum \
	tests/fuzz/corpus/tso/type \
	tests/fuzz/corpus/uso/four \
	tests/fuzz/corpus/uso/four-big \
	tests/fuzz/corpus/uso/four-eth \
	tests/fuzz/corpus/uso/four-long \
	tests/fuzz/corpus/uso/four-none \
	tests/fuzz/corpus/uso/four-none-ok \
	tests/fuzz/corpus/uso/four-opts \
	tests/fuzz/corpus/uso/four-super \
	tests/fuzz/corpus/uso/lie-kind \
	tests/fuzz/corpus/uso/lie-off \
	tests/fuzz/corpus/uso/six \
	tests/fuzz/corpus/uso/six-ext \
	tests/fuzz/corpus/uso/six-long \
	tests/fuzz/corpus/uso/six-none \
	tests/fuzz/corpus/uso/size-1 \
	tests/fuzz/corpus/uso/size-above \
	tests/fuzz/corpus/uso/tunnel \
	tests/fuzz/corpus/uso/tunnel-none \
	tests/fuzz/corpus/uso/tunnel-partial \
	tests/fuzz/corpus/ufo/four \
	tests/fuzz/corpus/ufo/four-df-0 \
	tests/fuzz/corpus/ufo/four-eth \
	tests/fuzz/corpus/ufo/four-long \
	tests/fuzz/corpus/ufo/four-none \
	tests/fuzz/corpus/ufo/four-opts \
	tests/fuzz/corpus/ufo/four-opts-later \
	tests/fuzz/corpus/ufo/four-pieces \
	tests/fuzz/corpus/ufo/lie-kind \
	tests/fuzz/corpus/ufo/lie-off \
	tests/fuzz/corpus/ufo/mtu \
	tests/fuzz/corpus/ufo/mtu-none \
	tests/fuzz/corpus/ufo/six \
	tests/fuzz/corpus/ufo/six-all \
	tests/fuzz/corpus/ufo/six-atomic \
	tests/fuzz/corpus/ufo/six-hop \
	tests/fuzz/corpus/ufo/six-jumbo \
	tests/fuzz/corpus/ufo/six-long \
	tests/fuzz/corpus/ufo/six-none \
	tests/fuzz/corpus/ufo/size-7 \
	tests/fuzz/corpus/ufo/size-8 \
	tests/fuzz/corpus/ufo/size-above \
	tests/fuzz/corpus/ufo/tunnel \
	tests/fuzz/corpus/ufo/tunnel6 \
	tests/fuzz/corpus/ufo/whole \
	tests/fuzz/corpus/bigtcp/four \
	tests/fuzz/corpus/bigtcp/lie-flag \
	tests/fuzz/corpus/bigtcp/lie-kind \
	tests/fuzz/corpus/bigtcp/six \
	tests/fuzz/corpus/bigtcp/six-alert \
	tests/fuzz/corpus/bigtcp/six-dst \
	tests/fuzz/corpus/bigtcp/six-eth \
	tests/fuzz/corpus/bigtcp/six-jumbo \
	tests/fuzz/corpus/bigtcp/six-mixed \
	tests/fuzz/corpus/bigtcp/six-pad \
	tests/fuzz/corpus/bigtcp/six-place \
	tests/fuzz/corpus/bigtcp/six-place-later \
	tests/fuzz/corpus/bigtcp/small \
	tests/fuzz/corpus/bigtcp/tunnel \
	tests/fuzz/corpus/bigtcp/tunnel46 \
	tests/fuzz/corpus/bigtcp/tunnel6
