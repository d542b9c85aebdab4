# SPDX-License-Identifier: BSD-2-Clause
GUE_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
GUE_TEST_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
GUE_TESTS = tests/unit/test_gue tests/unit/test_gue_bad tests/unit/test_gue_super
check_PROGRAMS += $(GUE_TESTS)
TESTS += $(GUE_TESTS)
EXTRA_DIST += tests/unit/guelib.h tests/unit/gue_golden.h tests/unit/mkgue.py
tests_unit_test_gue_CPPFLAGS = $(GUE_TEST_CPPFLAGS)
tests_unit_test_gue_LDADD = $(GUE_TEST_LIBS)
EXTRA_tests_unit_test_gue_DEPENDENCIES = plugins/gue.so plugins/tso.so plugins/uso.so
tests_unit_test_gue_bad_CPPFLAGS = $(GUE_TEST_CPPFLAGS)
tests_unit_test_gue_bad_LDADD = $(GUE_TEST_LIBS)
EXTRA_tests_unit_test_gue_bad_DEPENDENCIES = plugins/gue.so plugins/tso.so plugins/uso.so
tests_unit_test_gue_super_CPPFLAGS = $(GUE_TEST_CPPFLAGS)
tests_unit_test_gue_super_LDADD = $(GUE_TEST_LIBS)
EXTRA_tests_unit_test_gue_super_DEPENDENCIES = plugins/gue.so plugins/tso.so plugins/uso.so

# Takes whatever tunnel plugins there are.
check_PROGRAMS += tests/unit/test_tunnel_matrix
TESTS += tests/unit/test_tunnel_matrix
tests_unit_test_tunnel_matrix_CPPFLAGS = $(GUE_TEST_CPPFLAGS)
tests_unit_test_tunnel_matrix_LDADD = $(GUE_TEST_LIBS)
EXTRA_tests_unit_test_tunnel_matrix_DEPENDENCIES = $(gustplugin_PROGRAMS)
