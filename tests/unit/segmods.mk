# SPDX-License-Identifier: BSD-2-Clause
#
# The plugins that cut, loaded from the build tree.
EXTRA_DIST += tests/unit/pluglib.h tests/unit/seglib.h
CPPFLAGS_SEGTEST = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS) -DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
LIBS_SEGTEST = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_tso
TESTS += tests/unit/test_tso
tests_unit_test_tso_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_tso_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_tso_DEPENDENCIES = plugins/tso.so
check_PROGRAMS += tests/unit/test_tso_tunnel
TESTS += tests/unit/test_tso_tunnel
tests_unit_test_tso_tunnel_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_tso_tunnel_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_tso_tunnel_DEPENDENCIES = plugins/tso.so
check_PROGRAMS += tests/unit/test_uso
TESTS += tests/unit/test_uso
tests_unit_test_uso_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_uso_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_uso_DEPENDENCIES = plugins/uso.so
check_PROGRAMS += tests/unit/test_ufo
TESTS += tests/unit/test_ufo
tests_unit_test_ufo_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_ufo_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_ufo_DEPENDENCIES = plugins/ufo.so
check_PROGRAMS += tests/unit/test_bigtcp
TESTS += tests/unit/test_bigtcp
tests_unit_test_bigtcp_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_bigtcp_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_bigtcp_DEPENDENCIES = plugins/bigtcp.so plugins/tso.so
check_PROGRAMS += tests/unit/test_plan
TESTS += tests/unit/test_plan
tests_unit_test_plan_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_plan_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_plan_DEPENDENCIES = plugins/tso.so plugins/uso.so plugins/ufo.so plugins/bigtcp.so
