# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += tests/unit/fakeplug.h tests/unit/pluglib.h
check_PROGRAMS += tests/unit/test_registry tests/unit/test_engine
TESTS += tests/unit/test_registry tests/unit/test_engine
OFFLOAD_TEST_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_registry_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_registry_LDADD = $(OFFLOAD_TEST_LIBS)
tests_unit_test_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_engine_LDADD = $(OFFLOAD_TEST_LIBS)

check_PROGRAMS += tests/unit/test_sctp
TESTS += tests/unit/test_sctp
EXTRA_DIST += tests/unit/sctplib.h tests/unit/sctp_train.h tests/unit/impairlib.h
tests_unit_test_sctp_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_sctp_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
EXTRA_tests_unit_test_sctp_DEPENDENCIES = plugins/sctp.so

check_PROGRAMS += tests/unit/test_impair
TESTS += tests/unit/test_impair
tests_unit_test_impair_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_impair_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS) -lm
EXTRA_tests_unit_test_impair_DEPENDENCIES = plugins/impair.so

check_PROGRAMS += tests/unit/test_sctp_cut
TESTS += tests/unit/test_sctp_cut
tests_unit_test_sctp_cut_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_sctp_cut_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
EXTRA_tests_unit_test_sctp_cut_DEPENDENCIES = plugins/sctp.so

check_PROGRAMS += tests/unit/test_impair_lang
TESTS += tests/unit/test_impair_lang
tests_unit_test_impair_lang_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_impair_lang_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
EXTRA_tests_unit_test_impair_lang_DEPENDENCIES = plugins/impair.so

check_PROGRAMS += tests/unit/test_tunnel_host
TESTS += tests/unit/test_tunnel_host
tests_unit_test_tunnel_host_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_tunnel_host_LDADD = $(OFFLOAD_TEST_LIBS)
EXTRA_tests_unit_test_tunnel_host_DEPENDENCIES = plugins/tso.so

check_PROGRAMS += tests/unit/test_carry
TESTS += tests/unit/test_carry
EXTRA_DIST += tests/unit/fakevx.h
tests_unit_test_carry_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_carry_LDADD = $(OFFLOAD_TEST_LIBS)
EXTRA_tests_unit_test_carry_DEPENDENCIES = plugins/tso.so plugins/uso.so plugins/ufo.so

check_PROGRAMS += tests/unit/test_engine_tunnel
TESTS += tests/unit/test_engine_tunnel
tests_unit_test_engine_tunnel_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_engine_tunnel_LDADD = $(OFFLOAD_TEST_LIBS)
EXTRA_tests_unit_test_engine_tunnel_DEPENDENCIES = plugins/tso.so plugins/uso.so
