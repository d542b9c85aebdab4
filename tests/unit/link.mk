# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_facts tests/unit/test_link tests/unit/test_negotiate
TESTS += tests/unit/test_facts tests/unit/test_link tests/unit/test_negotiate
check_PROGRAMS += tests/unit/test_route
TESTS += tests/unit/test_route
tests_unit_test_negotiate_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_negotiate_LDADD = libgust_link.a libgust_pkt.a libgust_wire.a libgust_base.a $(NL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_link_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_link_LDADD = libgust_link.a libgust_pkt.a libgust_wire.a libgust_base.a $(NL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_facts_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_facts_LDADD = libgust_link.a libgust_pkt.a libgust_wire.a libgust_base.a $(NL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_route_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_route_LDADD = libgust_link.a libgust_pkt.a libgust_wire.a libgust_base.a $(NL_LIBS) $(CMOCKA_LIBS)
