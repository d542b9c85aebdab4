# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_pkt.a
libgust_pkt_a_SOURCES = \
	src/pkt/caps.h \
	src/pkt/dissect.h \
	src/pkt/drop.def \
	src/pkt/drop.h \
	src/pkt/pkt.h \
	src/pkt/slab.h \
	src/pkt/vnet.h
