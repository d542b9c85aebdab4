# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_work
TESTS += tests/unit/test_work
tests_unit_test_work_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib $(CMOCKA_CFLAGS)
tests_unit_test_work_LDADD = libgust_work.a libgust_relay.a libgust_port.a libgust_testfit.a libgust_offload.a \
	libgust_udp.a libgust_tcp.a libgust_ip.a libgust_flow.a libgust_pkt.a libgust_wire.a \
	libgust_base.a $(CMOCKA_LIBS) $(EVENT_LIBS)
check_PROGRAMS += tests/unit/test_tee
TESTS += tests/unit/test_tee
tests_unit_test_tee_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_tee_LDADD = libgust_work.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
