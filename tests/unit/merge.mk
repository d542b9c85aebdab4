# SPDX-License-Identifier: BSD-2-Clause
#
# Merging plugins, loaded from the build tree together with those that cut.
MERGE_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) \
	-DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
MERGE_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
MERGE_SO = plugins/gro.so plugins/uro.so plugins/tso.so plugins/uso.so
MERGE_TESTS = tests/unit/test_gro tests/unit/test_gro_super tests/unit/test_uro \
	tests/unit/test_reversible
check_PROGRAMS += $(MERGE_TESTS)
TESTS += $(MERGE_TESTS)
EXTRA_DIST += tests/unit/mergelib.h tests/unit/mergepkt.h tests/unit/reverse.h
tests_unit_test_gro_CPPFLAGS = $(MERGE_CPPFLAGS)
tests_unit_test_gro_LDADD = $(MERGE_LIBS)
EXTRA_tests_unit_test_gro_DEPENDENCIES = $(MERGE_SO)
tests_unit_test_gro_super_CPPFLAGS = $(MERGE_CPPFLAGS)
tests_unit_test_gro_super_LDADD = $(MERGE_LIBS)
EXTRA_tests_unit_test_gro_super_DEPENDENCIES = $(MERGE_SO)
tests_unit_test_uro_CPPFLAGS = $(MERGE_CPPFLAGS)
tests_unit_test_uro_LDADD = $(MERGE_LIBS)
EXTRA_tests_unit_test_uro_DEPENDENCIES = $(MERGE_SO)
tests_unit_test_reversible_CPPFLAGS = $(MERGE_CPPFLAGS) \
	-DGUST_CAPTURES='"$(abs_top_srcdir)/tests/captures"'
tests_unit_test_reversible_LDADD = $(MERGE_LIBS)
EXTRA_tests_unit_test_reversible_DEPENDENCIES = $(MERGE_SO)
EXTRA_DIST += tests/captures/make.py \
	tests/captures/http4.pcap \
	tests/captures/http6.pcap \
	tests/captures/iperf3-tcp4.pcap \
	tests/captures/iperf3-tcp6.pcap \
	tests/captures/iperf3-udp4.pcap \
	tests/captures/iperf3-udp6.pcap \
	tests/captures/keys4.pcap \
	tests/captures/keys6.pcap \
	tests/captures/udp-bursts.pcap
