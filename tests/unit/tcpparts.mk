# SPDX-License-Identifier: BSD-2-Clause
TCPPARTS_LIBS = libgust_tcp.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_cc
TESTS += tests/unit/test_cc
tests_unit_test_cc_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cc_LDADD = $(TCPPARTS_LIBS)

check_PROGRAMS += tests/unit/test_hystart
TESTS += tests/unit/test_hystart
tests_unit_test_hystart_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_hystart_LDADD = $(TCPPARTS_LIBS)

check_PROGRAMS += tests/unit/test_rtt
TESTS += tests/unit/test_rtt
tests_unit_test_rtt_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rtt_LDADD = $(TCPPARTS_LIBS)

check_PROGRAMS += tests/unit/test_sack
TESTS += tests/unit/test_sack
tests_unit_test_sack_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sack_LDADD = $(TCPPARTS_LIBS)

check_PROGRAMS += tests/unit/test_sndq
TESTS += tests/unit/test_sndq
tests_unit_test_sndq_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sndq_LDADD = $(TCPPARTS_LIBS)

check_PROGRAMS += tests/unit/test_rcvq
TESTS += tests/unit/test_rcvq
tests_unit_test_rcvq_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rcvq_LDADD = $(TCPPARTS_LIBS)
