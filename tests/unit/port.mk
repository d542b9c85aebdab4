# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_netns tests/unit/test_packet tests/unit/test_packet_dev tests/unit/test_packet_tcp tests/unit/test_tun tests/unit/test_udp_error tests/unit/test_udp_port
TESTS += tests/unit/test_netns tests/unit/test_packet tests/unit/test_packet_dev tests/unit/test_packet_tcp tests/unit/test_tun tests/unit/test_udp_error tests/unit/test_udp_port
EXTRA_DIST += tests/unit/packetport.h tests/unit/scratch.h tests/unit/udpport.h tests/unit/underlay.h
tests_unit_test_netns_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_netns_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_packet_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_packet_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_packet_dev_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_packet_dev_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_packet_tcp_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_packet_tcp_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_tun_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tun_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_udp_error_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_udp_error_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
tests_unit_test_udp_port_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_udp_port_LDADD = libgust_port.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
