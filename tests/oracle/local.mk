# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel as oracle: what it cuts and merges, against what gust does. Needs root
# and /dev/net/tun; scripts/check runs these, `make check` only builds them.
ORACLE_SRC = tests/oracle/lab.c tests/oracle/lab.h tests/oracle/ours.c tests/oracle/ours.h \
	tests/oracle/super.c tests/oracle/super.h
ORACLE_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/oracle -I$(srcdir)/tests/unit \
	-DGUST_PLUGIN_DIR='"$(abs_top_builddir)/plugins"' $(CMOCKA_CFLAGS)
ORACLE_LIBS = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a $(CMOCKA_LIBS)
ORACLE_SO = plugins/tso.so plugins/uso.so plugins/ufo.so plugins/bigtcp.so \
	plugins/gro.so plugins/uro.so

ORACLE_TESTS = tests/oracle/oracle_seg tests/oracle/oracle_gro tests/oracle/oracle_vxlan
check_PROGRAMS += $(ORACLE_TESTS)
.PHONY: oracle
oracle: $(ORACLE_TESTS)

tests_oracle_oracle_seg_SOURCES = tests/oracle/oracle_seg.c tests/oracle/compare.c \
	tests/oracle/compare.h tests/oracle/random.c tests/oracle/random.h $(ORACLE_SRC)
tests_oracle_oracle_seg_CPPFLAGS = $(ORACLE_CPPFLAGS)
tests_oracle_oracle_seg_LDADD = $(ORACLE_LIBS)
EXTRA_tests_oracle_oracle_seg_DEPENDENCIES = $(ORACLE_SO)

tests_oracle_oracle_gro_SOURCES = tests/oracle/oracle_gro.c tests/oracle/train.c \
	tests/oracle/train.h tests/oracle/sniff.c tests/oracle/sniff.h \
	tests/oracle/compare.c tests/oracle/compare.h tests/oracle/random.c \
	tests/oracle/random.h $(ORACLE_SRC)
tests_oracle_oracle_gro_CPPFLAGS = $(ORACLE_CPPFLAGS)
tests_oracle_oracle_gro_LDADD = libgust_link.a $(ORACLE_LIBS) $(NL_LIBS)
EXTRA_tests_oracle_oracle_gro_DEPENDENCIES = $(ORACLE_SO)

tests_oracle_oracle_vxlan_SOURCES = tests/oracle/oracle_vxlan.c $(ORACLE_SRC)
tests_oracle_oracle_vxlan_CPPFLAGS = $(ORACLE_CPPFLAGS)
tests_oracle_oracle_vxlan_LDADD = $(ORACLE_LIBS)
EXTRA_tests_oracle_oracle_vxlan_DEPENDENCIES = plugins/vxlan.so plugins/tso.so plugins/uso.so
