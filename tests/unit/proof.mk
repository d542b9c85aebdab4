# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_probe tests/unit/test_proof
TESTS += tests/unit/test_probe tests/unit/test_proof
PROOF_TEST_LDADD = libgust_proof.a libgust_link.a libgust_port.a libgust_pkt.a \
	libgust_wire.a libgust_base.a $(NL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_probe_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_probe_LDADD = $(PROOF_TEST_LDADD)
EXTRA_DIST += tests/unit/explain_lib.h
check_PROGRAMS += tests/unit/test_explain tests/unit/test_explain_host
TESTS += tests/unit/test_explain tests/unit/test_explain_host
tests_unit_test_explain_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_LDADD = $(PROOF_TEST_LDADD)
tests_unit_test_explain_host_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_host_LDADD = $(PROOF_TEST_LDADD)
tests_unit_test_proof_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_proof_LDADD = $(PROOF_TEST_LDADD)
