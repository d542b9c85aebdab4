# SPDX-License-Identifier: BSD-2-Clause
#
# VXLAN and Geneve tunnels, loaded from the build tree.
VXGEN_TESTS = tests/unit/test_vxgen tests/unit/test_vxgen_bad tests/unit/test_vxgen_rco
VXGEN_SO = plugins/vxlan.so plugins/geneve.so plugins/tso.so plugins/uso.so
check_PROGRAMS += $(VXGEN_TESTS)
TESTS += $(VXGEN_TESTS)
EXTRA_DIST += tests/unit/vxgenlib.h tests/unit/mkvxgen.py tests/unit/vxgen_golden.h
tests_unit_test_vxgen_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_vxgen_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_vxgen_DEPENDENCIES = $(VXGEN_SO)
tests_unit_test_vxgen_bad_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_vxgen_bad_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_vxgen_bad_DEPENDENCIES = $(VXGEN_SO)
tests_unit_test_vxgen_rco_CPPFLAGS = $(CPPFLAGS_SEGTEST)
tests_unit_test_vxgen_rco_LDADD = $(LIBS_SEGTEST)
EXTRA_tests_unit_test_vxgen_rco_DEPENDENCIES = $(VXGEN_SO)
