# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_flow_key
TESTS += tests/unit/test_flow_key
tests_unit_test_flow_key_SOURCES = tests/unit/test_flow_key.c tests/unit/iplib.h
tests_unit_test_flow_key_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_flow_key_LDADD = libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_flow_table
TESTS += tests/unit/test_flow_table
tests_unit_test_flow_table_SOURCES = tests/unit/test_flow_table.c tests/unit/iplib.h
tests_unit_test_flow_table_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_flow_table_LDADD = libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_wheel
TESTS += tests/unit/test_wheel
tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c tests/unit/iplib.h
tests_unit_test_wheel_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_wheel_LDADD = libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
