# SPDX-License-Identifier: BSD-2-Clause
RELAY_TEST_LIBS = libgust_relay.a libgust_tcp.a libgust_udp.a libgust_ip.a \
	libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
EXTRA_DIST += tests/unit/relay_io.h tests/unit/relay_peer.h
check_PROGRAMS += tests/unit/test_relay_tcp
TESTS += tests/unit/test_relay_tcp
tests_unit_test_relay_tcp_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_tcp_LDADD = $(RELAY_TEST_LIBS)
check_PROGRAMS += tests/unit/test_relay_limits
TESTS += tests/unit/test_relay_limits
tests_unit_test_relay_limits_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_limits_LDADD = $(RELAY_TEST_LIBS)
check_PROGRAMS += tests/unit/test_relay_service
TESTS += tests/unit/test_relay_service
tests_unit_test_relay_service_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_service_LDADD = $(RELAY_TEST_LIBS)
check_PROGRAMS += tests/unit/test_relay_udp
TESTS += tests/unit/test_relay_udp
tests_unit_test_relay_udp_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_udp_LDADD = $(RELAY_TEST_LIBS)
check_PROGRAMS += tests/unit/test_relay_echo
TESTS += tests/unit/test_relay_echo
tests_unit_test_relay_echo_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_echo_LDADD = $(RELAY_TEST_LIBS)
check_PROGRAMS += tests/unit/test_relay_publish
TESTS += tests/unit/test_relay_publish
tests_unit_test_relay_publish_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_publish_LDADD = $(RELAY_TEST_LIBS)
