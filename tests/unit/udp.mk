# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_udp
TESTS += tests/unit/test_udp
tests_unit_test_udp_SOURCES = tests/unit/test_udp.c tests/unit/iplib.h
tests_unit_test_udp_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_udp_LDADD = libgust_udp.a libgust_ip.a libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
