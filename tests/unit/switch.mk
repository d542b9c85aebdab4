# SPDX-License-Identifier: BSD-2-Clause
SWITCH_LIBS = libgust_switch.a libgust_offload.a libgust_flow.a libgust_pkt.a libgust_wire.a \
	libgust_base.a
check_PROGRAMS += tests/unit/test_fib
TESTS += tests/unit/test_fib
tests_unit_test_fib_SOURCES = tests/unit/test_fib.c tests/unit/iplib.h
tests_unit_test_fib_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fib_LDADD = $(SWITCH_LIBS) $(CMOCKA_LIBS)
