# SPDX-License-Identifier: BSD-2-Clause
#
# IP in IP and GRE, loaded from the build tree.
EXTRA_DIST += tests/unit/wraplib.h tests/unit/tunnel_golden.h tests/unit/mktunnel.py
PLUGINS_IPTUNNELS = plugins/ipip.so plugins/gre.so plugins/tso.so plugins/uso.so plugins/ufo.so
check_PROGRAMS += tests/unit/test_ipip
TESTS += tests/unit/test_ipip
tests_unit_test_ipip_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_ipip_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_ipip_DEPENDENCIES = $(PLUGINS_IPTUNNELS)
check_PROGRAMS += tests/unit/test_gre
TESTS += tests/unit/test_gre
tests_unit_test_gre_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_gre_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_gre_DEPENDENCIES = $(PLUGINS_IPTUNNELS)
check_PROGRAMS += tests/unit/test_nesting
TESTS += tests/unit/test_nesting
tests_unit_test_nesting_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_nesting_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_nesting_DEPENDENCIES = $(PLUGINS_IPTUNNELS)
