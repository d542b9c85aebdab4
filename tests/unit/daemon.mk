# SPDX-License-Identifier: BSD-2-Clause
DAEMON_TESTS = tests/unit/test_conf tests/unit/test_control tests/unit/test_control_explain \
	tests/unit/test_follow tests/unit/test_notify tests/unit/test_selftest
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

DAEMON_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(NL_CFLAGS) $(CONFUSE_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
EXTRA_DIST += tests/unit/control_lib.h
# without the rooms that the tests stand in for
DAEMON_TEST_LDADD = libgust_daemon.a libgust_relay.a libgust_proof.a libgust_link.a \
	libgust_port.a libgust_offload.a libgust_udp.a \
	libgust_tcp.a libgust_ip.a libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a \
	$(EVENT_LIBS) $(NL_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

tests_unit_test_conf_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_conf_LDADD = $(DAEMON_TEST_LDADD)
tests_unit_test_control_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_test_control_LDADD = $(DAEMON_TEST_LDADD)
tests_unit_test_control_explain_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_control_explain_LDADD = libgust_daemon.a libgust_work.a $(DAEMON_TEST_LDADD)
tests_unit_test_follow_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_test_follow_LDADD = $(DAEMON_TEST_LDADD)
tests_unit_test_notify_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_notify_LDADD = $(DAEMON_TEST_LDADD)
tests_unit_test_selftest_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_test_selftest_LDADD = $(DAEMON_TEST_LDADD)

check_PROGRAMS += tests/unit/test_capture
TESTS += tests/unit/test_capture
tests_unit_test_capture_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) -I$(srcdir)/tests/unit \
	-DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"'
tests_unit_test_capture_LDADD = libgust_daemon.a libgust_work.a $(DAEMON_TEST_LDADD)
EXTRA_tests_unit_test_capture_DEPENDENCIES = plugins/tso.so
