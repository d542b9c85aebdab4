# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_pkt.a
libgust_pkt_a_SOURCES = \
	src/pkt/caps.c \
	src/pkt/caps.h \
	src/pkt/dissect.c \
	src/pkt/dissect.h \
	src/pkt/drop.c \
	src/pkt/drop.def \
	src/pkt/drop.h \
	src/pkt/filter.c \
	src/pkt/filter.h \
	src/pkt/pkt.c \
	src/pkt/pkt.h \
	src/pkt/pool_internal.h \
	src/pkt/slab.c \
	src/pkt/slab.h \
	src/pkt/vnet.c \
	src/pkt/vnet.h
