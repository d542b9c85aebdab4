# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/unit/test_segment
TESTS += tests/unit/test_segment
tests_unit_test_segment_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_segment_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
