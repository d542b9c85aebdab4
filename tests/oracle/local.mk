# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel as oracle: what it cuts and merges, against what gust does. Needs root
# and /dev/net/tun; scripts/check runs these, `make check` only builds them.
ORACLE_SRC = tests/oracle/lab.c tests/oracle/lab.h tests/oracle/ours.c tests/oracle/ours.h \
	tests/oracle/super.c tests/oracle/super.h
ORACLE_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/oracle -I$(srcdir)/tests/unit \
	-DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"' $(CMOCKA_CFLAGS)
ORACLE_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/oracle/oracle_seg

tests_oracle_oracle_seg_SOURCES = tests/oracle/oracle_seg.c tests/oracle/compare.c \
	tests/oracle/compare.h tests/oracle/random.c tests/oracle/random.h $(ORACLE_SRC)
tests_oracle_oracle_seg_CPPFLAGS = $(ORACLE_CPPFLAGS)
tests_oracle_oracle_seg_LDADD = $(ORACLE_LIBS)
