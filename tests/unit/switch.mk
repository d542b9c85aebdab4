# SPDX-License-Identifier: BSD-2-Clause
SWITCH_LIBS = libgust_switch.a libgust_offload.a libgust_flow.a libgust_pkt.a libgust_wire.a \
	libgust_base.a
check_PROGRAMS += tests/unit/test_fib
TESTS += tests/unit/test_fib
tests_unit_test_fib_SOURCES = tests/unit/test_fib.c tests/unit/iplib.h
tests_unit_test_fib_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fib_LDADD = $(SWITCH_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_fdb
TESTS += tests/unit/test_fdb
tests_unit_test_fdb_SOURCES = tests/unit/test_fdb.c tests/unit/iplib.h
tests_unit_test_fdb_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fdb_LDADD = $(SWITCH_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_bridge
TESTS += tests/unit/test_bridge
tests_unit_test_bridge_SOURCES = tests/unit/test_bridge.c tests/unit/pktlib.h
tests_unit_test_bridge_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_bridge_LDADD = $(SWITCH_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_vrf
TESTS += tests/unit/test_vrf
tests_unit_test_vrf_SOURCES = tests/unit/test_vrf.c tests/unit/pktlib.h
tests_unit_test_vrf_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_vrf_LDADD = $(SWITCH_LIBS) $(CMOCKA_LIBS)
