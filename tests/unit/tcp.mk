# SPDX-License-Identifier: BSD-2-Clause
#
# The TCP core, exact to the segment; tcp_harness.h says how to read them.
TCP_LIBS = libgust_tcp.a libgust_ip.a libgust_flow.a libgust_offload.a libgust_pkt.a \
	libgust_wire.a libgust_base.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_tcp_open
TESTS += tests/unit/test_tcp_open
tests_unit_test_tcp_open_SOURCES = tests/unit/test_tcp_open.c tests/unit/tcp_harness.h
tests_unit_test_tcp_open_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_open_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_close
TESTS += tests/unit/test_tcp_close
tests_unit_test_tcp_close_SOURCES = tests/unit/test_tcp_close.c tests/unit/tcp_harness.h
tests_unit_test_tcp_close_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_close_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_data
TESTS += tests/unit/test_tcp_data
tests_unit_test_tcp_data_SOURCES = tests/unit/test_tcp_data.c tests/unit/tcp_harness.h
tests_unit_test_tcp_data_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_data_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_ack
TESTS += tests/unit/test_tcp_ack
tests_unit_test_tcp_ack_SOURCES = tests/unit/test_tcp_ack.c tests/unit/tcp_harness.h
tests_unit_test_tcp_ack_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_ack_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_loss
TESTS += tests/unit/test_tcp_loss
tests_unit_test_tcp_loss_SOURCES = tests/unit/test_tcp_loss.c tests/unit/tcp_harness.h
tests_unit_test_tcp_loss_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_loss_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_timer
TESTS += tests/unit/test_tcp_timer
tests_unit_test_tcp_timer_SOURCES = tests/unit/test_tcp_timer.c tests/unit/tcp_harness.h
tests_unit_test_tcp_timer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_timer_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_options
TESTS += tests/unit/test_tcp_options
tests_unit_test_tcp_options_SOURCES = tests/unit/test_tcp_options.c tests/unit/tcp_harness.h
tests_unit_test_tcp_options_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_options_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_robust
TESTS += tests/unit/test_tcp_robust
tests_unit_test_tcp_robust_SOURCES = tests/unit/test_tcp_robust.c tests/unit/tcp_harness.h
tests_unit_test_tcp_robust_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tcp_robust_LDADD = $(TCP_LIBS)

check_PROGRAMS += tests/unit/test_tcp_super
TESTS += tests/unit/test_tcp_super
tests_unit_test_tcp_super_SOURCES = tests/unit/test_tcp_super.c tests/unit/tcp_harness.h
tests_unit_test_tcp_super_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib $(CMOCKA_CFLAGS)
tests_unit_test_tcp_super_LDADD = libgust_testfit.a $(TCP_LIBS)
