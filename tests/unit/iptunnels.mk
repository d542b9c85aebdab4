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
